# SPDX-License-Identifier: MIT
"""Running udrv-ide on the machine's disks, and looking at what it did."""

import os
import re
import subprocess

from script import BUILD, check

DRIVER = BUILD / "udrv-ide"
TOOL = BUILD / "udrv"
DEVICE = "0000:00:0b.0"

SECTOR = 512
DISK_BYTES = 256 << 20
BAD_BYTES = 64 << 20
BIG_BYTES = 130 << 30
BAD_SECTOR = 2000
SERIALS = {0: "udrv-disk0", 1: "udrv-bad", 2: "udrv-big"}


def first_difference(got: bytes, want: bytes) -> str:
    """Where two are not the same, or nothing."""
    if got == want:
        return ""
    for i, (a, b) in enumerate(zip(got, want)):
        if a != b:
            return f"byte {i} is {a:02x}, not {b:02x}"
    return f"{len(got)} bytes, not {len(want)}"


def same(got: bytes, want: bytes, what: str) -> None:
    """Fail the test unless they are equal."""
    difference = first_difference(got, want)
    check(not difference, f"{what}: {difference}")


class Done:
    """What a finished driver did."""

    def __init__(self, status: int, out: bytes, err: str) -> None:
        self.status = status
        self.out = out
        # Whether it had to bind the device first depends on the order of tests.
        self.err = "\n".join(line for line in err.splitlines()
                             if not line.startswith("bound "))


def run(command: str, *args: object, stdin: object = b"",
        stdout: object = subprocess.PIPE, device: str = DEVICE,
        fds: tuple[int, ...] = ()) -> Done:
    """Run the driver.  stdin: bytes, by a pipe, or a file."""
    piped = isinstance(stdin, bytes)
    done = subprocess.run(
        [DRIVER, device, command, *map(str, args)], check=False,
        input=stdin if piped else None, stdin=None if piped else stdin,
        stdout=stdout, stderr=subprocess.PIPE, pass_fds=fds)
    return Done(done.returncode, done.stdout or b"", done.stderr.decode())


def start(command: str, *args: object) -> "subprocess.Popen[bytes]":
    """Start it and do not wait."""
    return subprocess.Popen([DRIVER, DEVICE, command, *map(str, args)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def good(done: Done) -> Done:
    """It did what it was told, and had nothing to say about it."""
    check(done.status == 0 and not done.err,
          f"exit status {done.status}: {done.err}")
    return done


def fails(done: Done, sentence: str, status: int = 1) -> Done:
    """It said no, and why."""
    check(done.status == status,
          f"exit status {done.status}, not {status}: {done.err}")
    check(sentence in done.err, f'"{done.err}" does not say "{sentence}"')
    return done


def write(disk: int, offset: int, data: bytes, *args: object) -> None:
    """Write to a disk."""
    good(run("write", "--disk", disk, "--offset", offset, "--overwrite",
             SERIALS[disk], *args, stdin=data))


def read(disk: int, offset: int, size: int, *args: object) -> bytes:
    """Read from a disk."""
    return good(run("read", "--disk", disk, "--offset", offset, "--size", size,
                    *args)).out


def image(offset: int, length: int) -> bytes:
    """What is on the first disk, past all drivers."""
    with open(os.environ["UDRV_DISK_IMAGE"], "rb") as file:
        return os.pread(file.fileno(), length, offset)


def interrupts() -> int:
    """How many the device has had since it was bound."""
    said = subprocess.run([TOOL, "info", DEVICE], capture_output=True,
                          text=True, check=False).stdout
    found = re.search(r"^interrupts\s+(\d+) taken", said, re.MULTILINE)
    return int(found[1]) if found else 0


def interrupts_since(before: int) -> int:
    """How many have come; a device that is bound anew counts anew."""
    now = interrupts()
    return now - before if now >= before else now
