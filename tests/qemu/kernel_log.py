# SPDX-License-Identifier: MIT
"""The guest kernel's log, and its complaints."""

import contextlib
import os
import re
import time
from pathlib import Path

# What a kernel, debugging or not, says when something is wrong.
COMPLAINT = re.compile("|".join((
    r"\bBUG[: ]", r"\bWARNING: ", r"\bKASAN: ", r"\bUBSAN: ", r"\bKCSAN: ",
    r"\bkernel BUG at", r"\bOops: ", r"general protection fault",
    r"Unable to handle kernel", r"kernel NULL pointer",
    r"unable to handle page fault", r"\bKernel panic",
    r"possible (circular|recursive|irq lock|irq-unsafe)",
    r"inconsistent lock state", r"suspicious RCU usage",
    r"lock held when returning to user space", r"bad unlock balance",
    r"Invalid wait context", r"DEBUG_LOCKS_WARN_ON", r"lockdep.*too low",
    r"sleeping function called from invalid", r"scheduling while atomic",
    r"\bDMA-API: (?!preallocated|dynamically|debugging)", r"\bODEBUG: ",
    r"refcount_t: ", r"list_(add|del) corruption", r"corrupted list",
    r"INFO: (task|rcu)", r"blocked for more than", r"soft lockup",
    r"rcu:.*stall", r"irq \d+: nobody cared", r"Disabling IRQ #",
    r"kmemleak: \d+ new suspected", r"Bad page state", r"Bad rss-counter",
    r"still mapped when deleted",
    r"trying to free already-free", r"Trying to free (non|already)",
    r"stack guard page", r"sysfs: cannot create duplicate",
    # For lack of memory it says so too, and that is no fault.
    r"kobject_add_internal failed(?!.*error: -12)", r"remove_proc_entry: ",
)))

# Where allocations fail on request (fail_nth.h): warnings of the kernel's own, as
# the line before and the complaint's. An interrupt's files in /proc are made if
# there is memory, and missed if not. A driver's link is made in /sys itself, and
# stays, if its module's directory "drivers" could not be made (6.1's
# module_add_driver()); the next time it is there already.
WITHOUT_MEMORY = re.compile(
    r"name '(smp_affinity(_list)?|affinity_hint|node|spurious|"
    r"effective_affinity(_list)?)'\n.*generic\.c:\d+ remove_proc_entry\+|"
    r"\nsysfs: cannot create duplicate filename '//pci:udrv'$")

# And what it loses then, by who had allocated it: the name of a class that could
# not be registered (Linux 6.1's __class_register() has no kfree_const() for it).
LOST_WITHOUT_MEMORY = re.compile(
    r"\] kobject_set_name\+.*\n.*\] __class_register\+")

KMEMLEAK = Path("/sys/kernel/debug/kmemleak")

# kmemleak leaves younger objects alone.
KMEMLEAK_AGE = 6


class KernelLog:
    """Reads /dev/kmsg from now on.

    Nothing is ever passed over: a complaint that comes late, between two
    tests, fails the second.
    """

    def __init__(self) -> None:
        self.kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        os.lseek(self.kmsg, 0, os.SEEK_END)

    def lines(self) -> list[str]:
        """What the kernel has said since the last call."""
        lines = []
        while True:
            try:
                record = os.read(self.kmsg, 8192).decode(errors="replace")
            except BlockingIOError:
                return lines
            except BrokenPipeError:
                lines.append("(some of the log was lost)")
                continue
            head, _, text = record.partition(";")
            stamp = int(head.split(",")[2]) / 1e6
            lines.append(f"[{stamp:11.6f}] {text.splitlines()[0]}")


def complaint(lines: list[str], without_memory: bool = False) -> str:
    """The first complaint in lines, or nothing."""
    before = ""
    for line in lines:
        text = line.partition("] ")[2]
        if COMPLAINT.search(line) and not (
                without_memory and WITHOUT_MEMORY.search(f"{before}\n{text}")):
            return text
        before = text
    return ""


def forget_leaks() -> None:
    """Boot's leaks are not ours."""
    if KMEMLEAK.exists():
        with contextlib.suppress(PermissionError):  # kmemleak=off
            KMEMLEAK.write_text("scan")
            KMEMLEAK.write_text("clear")


def without_forgiven(found: str) -> list[str]:
    """Of kmemleak's objects, those that are not the kernel's own loss."""
    objects = re.split(r"^(?=unreferenced object)", found, flags=re.MULTILINE)
    return [line for each in objects if not LOST_WITHOUT_MEMORY.search(each)
            for line in each.splitlines()]


def leaks(without_memory: bool = False) -> list[str]:
    """What kmemleak finds; twice, as a pointer may hide in a register."""
    if not KMEMLEAK.exists():
        return []
    for _ in range(2):
        time.sleep(KMEMLEAK_AGE)
        KMEMLEAK.write_text("scan")
    found = KMEMLEAK.read_text()
    return without_forgiven(found) if without_memory else found.splitlines()
