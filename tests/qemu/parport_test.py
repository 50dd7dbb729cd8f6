#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""udrv-parport on QEMU's parallel port: what it prints the host has in a file."""

import ctypes
import errno
import fcntl
import mmap
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from ide_tools import TOOL, Done, fails, same  # noqa: E402
from script import (  # noqa: E402
    BUILD, PATIENCE, Failure, check, main, pattern, wait_for)

DRIVER = BUILD / "udrv-parport"
DEVICE = Path("/dev/udrv/parport0")
LINE = 7

CONTROL = 2
STROBE, IDLE, IRQ_ENABLE = 0x01, 0x0c, 0x10
PROBED = 0xaa  # what the driver leaves in the data register

NO_ANSWER = "the peripheral does not answer to IEEE 1284 negotiation"


def tool(*args: object) -> str:
    """Run `udrv legacy`."""
    done = subprocess.run([TOOL, "legacy", *map(str, args)], check=False,
                          capture_output=True, text=True)
    check(done.returncode == 0, f"udrv legacy {args}: {done.stderr}")
    return done.stdout


def declare(*args: object) -> None:
    """The port is udrv's; with arguments, as they say."""
    if args and DEVICE.exists():
        undeclare()
    if not DEVICE.exists():
        tool("add", *args, "parport0")


def undeclare() -> None:
    """It is the kernel's."""
    if DEVICE.exists():
        tool("remove", "parport0")


def run(*args: object, stdin: bytes = b"") -> Done:
    """Run the driver to its end."""
    done = subprocess.run([DRIVER, *map(str, args)], check=False, input=stdin,
                          capture_output=True)
    return Done(done.returncode, done.stdout, done.stderr.decode())


def said(done: Done, sentence: str) -> None:
    """It went well, and said just this."""
    check(done.status == 0 and done.err == sentence,
          f'exit status {done.status}: "{done.err}", not "{sentence}"')


class Paper:
    """What is printed from now on."""

    def __init__(self) -> None:
        self.file = Path(os.environ["UDRV_PARALLEL_OUTPUT"])
        self.start = self.file.stat().st_size

    def length(self) -> int:
        """How much."""
        return self.file.stat().st_size - self.start

    def text(self) -> bytes:
        """What."""
        with self.file.open("rb") as file:
            return os.pread(file.fileno(), self.length(), self.start)

    def expect(self, want: bytes, what: str) -> None:
        """This and nothing else."""
        same(self.text(), want, what)


class Printing:
    """A driver that prints what it is fed."""

    def __init__(self, *args: object) -> None:
        # pylint: disable-next=consider-using-with # ended by end()
        self.process = subprocess.Popen(
            [DRIVER, *map(str, args), "print"], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        wait_for("the driver to ask for input", self.asks)

    def asks(self) -> bool:
        """Is it in read(0)?"""
        check(self.process.poll() is None, "it ended")
        text = Path(f"/proc/{self.process.pid}/syscall").read_text()
        return text.startswith("0 0x0 ")

    def feed(self, data: bytes) -> None:
        """This is to be printed."""
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def end(self, how: int = 0) -> Done:
        """No more input, or a signal; how it went."""
        if how:
            self.process.send_signal(how)
        try:
            _, err = self.process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            raise Failure("it does not end") from late
        return Done(self.process.returncode, b"", err.decode())

    @contextmanager
    def device(self) -> int:
        """Its own open of the device, for a look and a hand past it."""
        libc = ctypes.CDLL(None, use_errno=True)
        pidfd = os.pidfd_open(self.process.pid)
        theirs = next(int(each.name) for each in
                      Path(f"/proc/{self.process.pid}/fd").iterdir()
                      if os.readlink(each) == str(DEVICE))
        fd = libc.syscall(438, pidfd, theirs, 0)  # pidfd_getfd
        os.close(pidfd)
        check(fd >= 0, os.strerror(ctypes.get_errno()))
        try:
            yield fd
        finally:
            os.close(fd)


# --- register programs

OP_READ, OP_WRITE = 0, 1
STEP = struct.Struct("BBBBIQQQQ")
PROGRAM = struct.Struct("IIQIIII")
UDRV_IO = 0xDB05


def access(fd: int, offset: int, value: int | None = None, width: int = 1,
           region: int = 0) -> int:
    """Read a register, or write it."""
    step = bytearray(STEP.pack(OP_READ if value is None else OP_WRITE, width,
                               region, 0, 0, offset, value or 0, 0, 0))
    packed = (ctypes.c_char * len(step)).from_buffer(step)
    program = PROGRAM.pack(PROGRAM.size, 0, ctypes.addressof(packed), 1,
                           STEP.size, 0, 0)
    fcntl.ioctl(fd, UDRV_IO, bytearray(program), True)
    return STEP.unpack(step)[-1]


def refuses(action: Callable[[], object], want: int, what: str) -> None:
    """It fails with this errno."""
    try:
        action()
    except OSError as error:
        check(error.errno == want, f"{what}: {error}")
        return
    raise Failure(f"{what}: not refused")


# --- printing

ALL = bytes(range(256)) * 64 + pattern(1, 49152)


def print_all(*args: str) -> None:
    """A file, byte for byte."""
    declare()
    paper = Paper()
    with tempfile.NamedTemporaryFile() as file:
        file.write(ALL)
        file.flush()
        said(run(*args, "print", file.name), "65536 bytes printed")
    paper.expect(ALL, "printed")


def line() -> list[str]:
    """The port's interrupt line in /proc/interrupts, in words."""
    for text in Path("/proc/interrupts").read_text().splitlines():
        words = text.split()
        if words[0] == f"{LINE}:":
            return words[1:]
    return []


def has_line() -> bool:
    """Does udrv listen to the port's interrupt line?"""
    return any("udrv" in word for word in line())


def interrupts() -> int:
    """How many came on it, to all processors."""
    return sum(int(word) for word in line()[:os.cpu_count()])


def prints_with_interrupts() -> None:
    """The line is had meanwhile, and let go."""
    print_all()
    printing = Printing()
    check(has_line(), "the line is not asked for")
    said(printing.end(), "0 bytes printed")
    wait_for("the line to be free", lambda: not has_line())


def prints_polled() -> None:
    """Without even asking for the line."""
    print_all("--poll")
    printing = Printing("--poll")
    check(not has_line(), "the line is asked for")
    said(printing.end(), "0 bytes printed")


def prints_what_comes_when_it_comes() -> None:
    """From a pipe, in pieces, each at once."""
    declare()
    paper, data = Paper(), pattern(2, 3000)
    printing = Printing()
    for at in range(0, 3000, 1000):
        printing.feed(data[at:at + 1000])
        wait_for("a piece to be printed", lambda: paper.length() >= at + 1000)
        paper.expect(data[:at + 1000], f"from byte {at}")
    said(printing.end(), "3000 bytes printed")
    paper.expect(data, "at last")


def prints_odd_lengths() -> None:
    """Around what one register program prints."""
    declare()
    for length in (1, 2, 41, 42, 43, 83, 84, 85):
        paper, data = Paper(), pattern(length, length)
        done = run("print", "-", stdin=data)
        said(done, f"{length} bytes printed")
        paper.expect(data, f"{length} bytes")


def prints_nothing() -> None:
    """An empty file is no mistake; nor are commands that print nothing."""
    declare()
    paper = Paper()
    said(run("print", "/dev/null"), "0 bytes printed")
    said(run("--poll", "print"), "0 bytes printed")
    said(run("status"), "")
    said(run("reset"), "")
    paper.expect(b"", "printed")


def appends() -> None:
    """Runs follow each other without a byte lost between them."""
    declare()
    paper, all_data = Paper(), b""
    for i in range(6):
        data = pattern(20 + i, 500)
        said(run(*["--poll"][:i % 2], "print", stdin=data), "500 bytes printed")
        if i == 3:
            run("status")
        all_data += data
    paper.expect(all_data, "printed")


# --- what it says

def is_ready() -> bool:
    """Is it said to be, with the register that means it?"""
    return run("status").out in (b"ready (status register d9)\n",
                                 b"ready (status register d8)\n")


def tells_the_status() -> None:
    """In words and as it is; right after a byte QEMU's printer is busy."""
    declare()
    wait_for("the printer to be ready", is_ready)
    run("print", stdin=b"x")
    out = run("status").out
    # The last bit says time-out, until there was a reset.
    check(out in (b"busy (status register 59)\n",
                  b"busy (status register 58)\n"), out.decode())
    wait_for("the printer to be ready", is_ready)
    done = run("status")
    check(done.status == 0 and not done.err, done.err)


def says_that_nothing_can_be_read() -> None:
    """QEMU's printer speaks no IEEE 1284; it is none the worse for the try."""
    declare()
    for i, args in enumerate((["id"], ["read"], ["read", "--byte"],
                              ["--poll", "id"], ["read", "--size", "4"])):
        paper = Paper()
        done = fails(run(*args), NO_ANSWER)
        check(not done.out, f"{args}: {done.out!r}")
        data = pattern(i, 100)
        said(run("print", stdin=data), "100 bytes printed")
        paper.expect(data, f"after {args}")


WRONG = (
    ([], "it takes a command"), (["--poll"], "it takes a command"),
    (["prnt"], "there is no command prnt"), ([""], "there is no command"),
    (["print", "a", "b"], "too much: b"), (["status", "x"], "too much: x"),
    (["read", "x"], "too much: x"),
    (["print", "--size", "3"], "--byte and --size are for read"),
    (["id", "--byte"], "--byte and --size are for read"),
    (["--size", "0", "read"], "--size takes 1 to 2^30 bytes, not 0"),
    (["--size", "1073741825", "read"], "not 1073741825"),
    (["--size", "3k", "read"], "not 3k"), (["--size", "", "read"], "not "),
    (["--patience", "0", "print"], "--patience takes 1 to 86400 seconds"),
    (["--patience", "-1", "print"], "not -1"),
    (["--patience", "86401", "print"], "not 86401"),
    (["--patience", "99999999999999999999", "print"], "--patience takes"),
    (["--fast", "print"], "--fast"), (["--device"], "--device"),
)


def refuses_wrong_arguments() -> None:
    """With 2, before anything is done."""
    declare()
    paper = Paper()
    for args, sentence in WRONG:
        done = fails(run(*args, stdin=b"x"), sentence, 2)
        check(not done.out, f"{args}: {done.out!r}")
    paper.expect(b"", "printed")
    done = run("--help")
    check(done.status == 0 and done.out.startswith(b"usage: udrv-parport"),
          f"--help: {done.status}")


def fails_with_a_reason() -> None:
    """With 1: what cannot be had."""
    declare()
    paper = Paper()
    fails(run("print", "/no/such"), "/no/such: No such file or directory")
    fails(run("print", "/tmp"), "Is a directory")
    fails(run("--device", "parport7", "print"), "parport7")
    fails(run("--device", "///", "print"), "///")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([DRIVER, "status"], check=False, stdout=full)
    check(done.returncode == 1, f"/dev/full: {done.returncode}")
    paper.expect(b"", "printed")


# --- whose it is

def is_one_owners() -> None:
    """Somebody has it: who, and nothing happens to him."""
    declare()
    paper = Paper()
    printing = Printing()
    for command in ("print", "status", "reset", "id"):
        fails(run(command, stdin=b"second"), str(printing.process.pid))
    printing.feed(b"first")
    said(printing.end(), "5 bytes printed")
    paper.expect(b"first", "printed")


def ends_when_the_port_is_removed() -> None:
    """In the middle; what it says it printed is what was."""
    declare()
    paper, data = Paper(), pattern(3, 1 << 20)
    with tempfile.NamedTemporaryFile() as file:
        file.write(data)
        file.flush()
        with subprocess.Popen([DRIVER, "print", file.name],
                              stderr=subprocess.PIPE) as process:
            wait_for("a beginning", lambda: paper.length() > 1000)
            undeclare()
            err = process.communicate(timeout=PATIENCE)[1].decode()
    fails(Done(process.returncode, b"", err), "unplugged or released")
    paper.expect(data[:paper.length()], "printed")
    check(f"{paper.length()} bytes printed\n" in err,
          f"{paper.length()} were, but it says {err}")
    declare()
    said(run("print", stdin=b"x"), "1 bytes printed")


def has_successors() -> None:
    """Killed at any point, the next one goes on at the very byte."""
    declare()
    paper, data = Paper(), pattern(4, 1 << 18)
    with tempfile.NamedTemporaryFile() as file:
        for i in range(8):
            begin = paper.length()
            file.seek(0)
            file.truncate()
            file.write(data[begin:])
            file.flush()
            options = ["--poll"][:i % 2]
            with subprocess.Popen([DRIVER, *options, "print", file.name],
                                  stderr=subprocess.PIPE) as process:
                wait_for("a beginning",
                         lambda: paper.length() > begin + 300 * i)
                process.send_signal(signal.SIGKILL)
                process.wait(PATIENCE)
            check(process.returncode == -signal.SIGKILL,
                  f"exit status {process.returncode}")
            check(paper.length() < len(data), "it was too fast to be killed")
            paper.expect(data[:paper.length()], f"after kill {i}")
    rest = data[paper.length():][:5000]
    said(run("print", stdin=rest), f"{len(rest)} bytes printed")
    paper.expect(data[:paper.length()], "at last")


def gives_the_port_back() -> None:
    """The kernel's own driver prints, then we, then it again."""
    undeclare()
    if subprocess.run(["modprobe", "-qa", "parport_pc", "lp"],
                      check=False).returncode:
        print("this kernel has no parport_pc and lp")
        sys.exit(77)
    try:
        paper = Paper()
        kernel_prints(paper, b"the kernel\n")
        check("taken from parport_pc" in tool("add", "parport0"),
              "the port is not taken from parport_pc")
        refuses(lambda: os.open("/dev/lp0", os.O_WRONLY), errno.ENODEV
                if Path("/dev/lp0").exists() else errno.ENOENT, "/dev/lp0")
        said(run("print", stdin=b"udrv\n"), "5 bytes printed")
        check("parport_pc" in tool("remove", "parport0"),
              "it is not given back")
        kernel_prints(paper, b"the kernel again\n")
        paper.expect(b"the kernel\nudrv\nthe kernel again\n", "all in all")
    finally:
        undeclare()
        subprocess.run(["modprobe", "-qr", "lp", "parport_pc"], check=False)


def kernel_prints(paper: Paper, text: bytes) -> None:
    """Through /dev/lp0."""
    want = paper.length() + len(text)
    wait_for("/dev/lp0", Path("/dev/lp0").exists)
    with open("/dev/lp0", "wb", buffering=0) as lp:
        lp.write(text)
    wait_for("the kernel's driver to print", lambda: paper.length() >= want)


# --- what is in reach

def reaches_no_other_ports() -> None:
    """Only those that were declared, and not by mmap."""
    declare()
    fd = os.open(DEVICE, os.O_RDWR)
    try:
        check(access(fd, 7) in range(256), "the last port")
        for offset, width in ((8, 1), (7, 2), (6, 4), (8, 4), (0x10000, 1),
                              ((1 << 64) - 1, 1), ((1 << 64) - 4, 4)):
            for value in (None, 0):
                refuses(lambda o=offset, w=width, v=value: access(fd, o, v, w),
                        errno.EINVAL, f"offset {offset:#x}, width {width}")
        for region in (1, 5, 6, 7, 8, 255):
            refuses(lambda r=region: access(fd, 0, None, 1, r), errno.ENXIO,
                    f"region {region}")
        refuses(lambda: mmap.mmap(fd, 4096), errno.ENXIO, "mmap")
    finally:
        os.close(fd)


def sees_that_there_is_no_port() -> None:
    """Where nothing is nothing is printed; and nobody is told it was."""
    tool("add", "parport1")
    try:
        for command in ("print", "status", "id", "reset"):
            done = fails(run("--device", "parport1", command, stdin=b"x"),
                         "there is no parallel port at these ports")
            check("printed" not in done.err, done.err)
    finally:
        tool("remove", "parport1")


def does_without_a_line() -> None:
    """Three ports are enough for --poll; without it, that is the advice."""
    declare("--ports", "0x378:3")
    try:
        paper = Paper()
        fails(run("print", stdin=b"x"), "--poll does without")
        said(run("--poll", "print", stdin=b"polled"), "6 bytes printed")
        paper.expect(b"polled", "printed")
    finally:
        undeclare()


# --- a printer that is busy

def hold(fd: int, more: int = 0) -> None:
    """QEMU's printer is busy while the strobe lasts; it prints a byte too."""
    access(fd, CONTROL, IDLE | STROBE | more)


def loses_patience() -> None:
    """A printer that stays busy; when it is ready again so are we."""
    declare()
    paper = Paper()
    printing = Printing("--poll", "--patience", 2)
    with printing.device() as fd:
        hold(fd)
        began = time.monotonic()
        printing.feed(b"never")
        done = printing.end()
    took = time.monotonic() - began
    fails(done, "the printer takes nothing for 2 s: busy")
    check("0 bytes printed" in done.err, done.err)
    check(2 <= took < 2 + PATIENCE / 2, f"it took {took:.1f} s")
    paper.expect(bytes([PROBED]), "printed")
    said(run("print", stdin=b"x"), "1 bytes printed")


def catch(printing: Printing, paper: Paper, fd: int) -> bool:
    """Be it held while it waits for an interrupt; false: it was faster."""
    hold(fd)
    printing.feed(b"late")
    while paper.length() < 5:
        if access(fd, CONTROL) & IRQ_ENABLE:
            hold(fd, IRQ_ENABLE)
            return True
    return False


def sleeps_until_the_interrupt() -> None:
    """While the printer is busy its driver sleeps; nAck wakes it."""
    declare()
    for _ in range(20):
        paper = Paper()
        printing = Printing()
        with printing.device() as fd:
            caught = catch(printing, paper, fd)
            if caught:
                time.sleep(1)
                check(not printing.asks(), "it does not wait for the printer")
                paper.expect(bytes([PROBED] * 2), "while it is busy")
                before = interrupts()
                access(fd, CONTROL, IDLE | IRQ_ENABLE)
                wait_for("the rest", printing.asks)
                check(interrupts() > before, "no interrupt came")
                check(access(fd, CONTROL) & 0x3f == IDLE,
                      "interrupts are still enabled")
        said(printing.end(), "4 bytes printed")
        if caught:
            paper.expect(bytes([PROBED] * 2) + b"late", "at last")
            return
    raise Failure("it was never seen waiting for an interrupt")


TESTS = [
    prints_with_interrupts, prints_polled, prints_what_comes_when_it_comes,
    prints_odd_lengths, prints_nothing, appends, tells_the_status,
    says_that_nothing_can_be_read, refuses_wrong_arguments,
    fails_with_a_reason, is_one_owners, ends_when_the_port_is_removed,
    has_successors, gives_the_port_back, reaches_no_other_ports,
    sees_that_there_is_no_port, does_without_a_line, loses_patience,
    sleeps_until_the_interrupt,
]

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu noiommu", 120, clean_up=undeclare))
