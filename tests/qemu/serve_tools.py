# SPDX-License-Identifier: MIT
"""For serve_test.py: a served disk, and the ways to look at it and to hurt it."""

import contextlib
import json
import mmap
import os
import re
import resource
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from script import SLOW, Failure, check, wait_for

DEVICE = "0000:00:0b.0"
IMAGE = Path(os.environ.get("UDRV_DISK_IMAGE", "/nonexistent"))
ALL_DISKS = (0, 1, 2)
NAMES = ("primary master", "primary slave", "secondary master",
         "secondary slave")
SECTOR = 512
MIB = 1 << 20
GIB = 1 << 30
MOUNT = Path("/tmp/served")


def run(*command: object, status: int | None = 0, timeout: float = 60,
        stdin: str = "") -> str:
    """Run a command; its output. Fails if its exit status is another."""
    words = [str(each) for each in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              check=False, timeout=timeout * SLOW,
                              input=stdin)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{' '.join(words)}: hangs") from late
    said = done.stdout + done.stderr
    if status is not None and done.returncode != status:
        raise Failure(f"{' '.join(words)}: exit status {done.returncode}, "
                      f"not {status}: {said.strip()}")
    return said


def modprobe(name: str) -> bool:
    """Load a module; False if this kernel has it neither so nor built in."""
    return subprocess.run(["busybox", "modprobe", "-q", name], check=False,
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode == 0


def kinds() -> list[str]:
    """What this kernel has: "ublk", "nbd", the one it takes by itself first."""
    found = []
    if modprobe("ublk_drv") or Path("/dev/ublk-control").exists():
        found.append("ublk")
    if modprobe("nbd") or Path("/sys/block/nbd0").exists():
        found.append("nbd")
    return found


# ------------------------------------------------------------------ processes

def process_fields(pid: int) -> list[str]:
    """/proc/PID/stat from the state on; empty if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def drivers() -> list[int]:
    """The processes of udrv-ide that live, the oldest first."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = process_fields(int(each.name))
            if ((each / "comm").read_text() == "udrv-ide\n" and fields
                    and fields[0] not in "ZX"):
                found.append((int(fields[19]), int(each.name)))
    return [pid for _, pid in sorted(found)]


def alive(pid: int) -> bool:
    """Is it a process that runs?"""
    return process_fields(pid)[:1] not in ([], ["Z"], ["X"])


def kill(pid: int, number: int) -> None:
    """Send a signal to one that may be gone."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def write_setting(path: str, value: str) -> str:
    """What it was."""
    was = Path(path).read_text()
    Path(path).write_text(value)
    return was


@contextlib.contextmanager
def dumping_core(pattern: str) -> Iterator[None]:
    """What crashes meanwhile leaves a file of this name, with %p."""
    limits = resource.getrlimit(resource.RLIMIT_CORE)
    was = write_setting("/proc/sys/kernel/core_pattern", pattern)
    resource.setrlimit(resource.RLIMIT_CORE,
                       (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, limits)
        write_setting("/proc/sys/kernel/core_pattern", was)


@contextlib.contextmanager
def full_pipe() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe with no room: who writes there waits for good."""
    ends = os.pipe()
    try:
        os.set_blocking(ends[1], False)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(ends[1], bytes(4096))
        os.set_blocking(ends[1], True)
        yield ends
    finally:
        for end in ends:
            with contextlib.suppress(OSError):  # closed in the test
                os.close(end)


# ----------------------------------------------------------- the served disks

class Server:
    """udrv-ide DEVICE serve, and what it said."""

    def __init__(self, *options: object, disks: tuple[int, ...] = (0,),
                 kind: str = "", wait: bool = True,
                 stderr: int | None = None) -> None:
        self.disks = disks
        self.log = Path(tempfile.mkstemp(prefix="serve-")[1])
        words = ["udrv-ide", DEVICE, "serve"]
        # All are what it serves by itself; it says why it leaves others out.
        if disks != ALL_DISKS:
            words += [f"--disk={each}" for each in disks]
        words += [f"--{kind}"] if kind else []
        words += [str(each) for each in options]
        self.paths: dict[int, str] = {}
        with self.log.open("w") as log:
            # pylint: disable-next=consider-using-with # ended by stop()
            self.process = subprocess.Popen(
                words, stdout=log, stderr=log if stderr is None else stderr,
                stdin=subprocess.DEVNULL)
        if wait:
            self.wait_ready()

    def said(self) -> str:
        """All it has said."""
        return self.log.read_text(errors="replace")

    def is_ready(self) -> bool:
        """Has it said where all its disks are?"""
        for name, path in re.findall(r"^(.*?): .* is (/dev/\S+), by",
                                     self.said(), re.MULTILINE):
            self.paths[NAMES.index(name)] = path
        if self.process.poll() is not None:
            raise Failure(f"the driver ended with {self.process.returncode}: "
                          f"{self.said()}")
        return len(self.paths) == len(self.disks)

    def wait_ready(self) -> None:
        """Wait for that."""
        wait_for("the disks are ready", self.is_ready, 30)

    @property
    def path(self) -> str:
        """Of the first disk."""
        return self.paths[self.disks[0]]

    def children(self) -> list[int]:
        """Of the supervisor: the worker, then its standby."""
        return [pid for pid in drivers()
                if process_fields(pid)[1:2] == [str(self.process.pid)]]

    @property
    def worker(self) -> int:
        """The process that drives the disks."""
        found = self.children()
        check(found, f"there is no worker: {self.said()}")
        return found[0]

    def kill_worker(self) -> int:
        """Kill it as kill -9 does, once its standby waits; its id."""
        wait_for("there is a standby", lambda: len(self.children()) == 2)
        pid = self.worker
        kill(pid, signal.SIGKILL)
        return pid

    def wait_recovered(self, times: int) -> None:
        """Wait until as many successors have got all disks going."""
        wanted = len(self.disks) * (times + 1)
        wait_for(f"successor {times} serves",
                 lambda: self.said().count(", by ") >= wanted, 40)

    def wait(self, seconds: float = 60) -> int:
        """Its exit status."""
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"the driver does not end: {self.said()}") from late

    def stop(self, status: int = 0) -> None:
        """SIGTERM; it must end with that status and leave nothing."""
        self.process.terminate()
        found = self.wait()
        check(found == status, f"the driver's exit status is {found}, not "
              f"{status}: {self.said()}")
        self.left_nothing()

    def left_nothing(self) -> None:
        """No process of its, no disk of the kernel's."""
        wait_for("all of the driver's processes end", lambda: not drivers())
        for path in self.paths.values():
            wait_for(f"{path} is gone",
                     lambda each=path: not disk_exists(each))

    def make_sure_it_ends(self) -> None:
        """After a failure."""
        print(f"--- {' '.join(map(str, self.process.args))}")
        print(self.said())
        for pid in [self.process.pid, *drivers()]:
            kill(pid, signal.SIGCONT)
            kill(pid, signal.SIGKILL)
        self.process.wait()


def disk_exists(path: str) -> bool:
    """Is there such a disk of the kernel's, with somebody behind it?"""
    name = path.removeprefix("/dev/")
    if name.startswith("nbd"):
        return Path(f"/sys/block/{name}/pid").exists()
    return Path(path).exists() or Path(path.replace("ublkb", "ublkc")).exists()


@contextlib.contextmanager
def serving(*options: object, disks: tuple[int, ...] = (0,), kind: str = "",
            stderr: int | None = None) -> Iterator[Server]:
    """Serve meanwhile; it must still serve afterwards, and end well."""
    server = Server(*options, disks=disks, kind=kind, stderr=stderr, wait=False)
    try:
        server.wait_ready()
        yield server
        if server.process.poll() is None:
            server.stop()
        else:
            server.left_nothing()
    except BaseException:
        server.make_sure_it_ends()
        raise


def counter(name: str) -> int:
    """One of `udrv info`'s; "opens" are less those that looked."""
    looks = getattr(counter, "looks", 0) + 1
    setattr(counter, "looks", looks)
    said = run("udrv", "info", DEVICE)
    if name == "mappings":
        return len(re.findall(r"^mapping ", said, re.MULTILINE))
    found = re.search(rf"^{name}\s+(\d+)", said, re.MULTILINE)
    check(found, f"udrv info does not show {name}: {said}")
    return int(found[1]) - (looks if name == "opens" else 0)


# --------------------------------------------------------------- reading, writing

class Raw:
    """A disk without the page cache, and buffers that are not page-aligned."""

    def __init__(self, path: str, flags: int = os.O_RDWR) -> None:
        self.file = os.open(path, flags | os.O_DIRECT)
        self.memory = mmap.mmap(-1, 2 * MIB)

    def close(self) -> None:
        """Let go of it."""
        os.close(self.file)
        self.memory.close()

    def write(self, offset: int, data: bytes, skew: int = SECTOR) -> None:
        """All of it, from memory that is @skew beyond a page."""
        self.memory[skew:skew + len(data)] = data
        with memoryview(self.memory)[skew:skew + len(data)] as part:
            done = os.pwritev(self.file, [part], offset)
        check(done == len(data), f"wrote {done} of {len(data)} at {offset}")

    def read(self, offset: int, size: int, skew: int = SECTOR) -> bytes:
        """All of it, by way of memory that is @skew beyond a page."""
        with memoryview(self.memory)[skew:skew + size] as part:
            done = os.preadv(self.file, [part], offset)
        check(done == size, f"read {done} of {size} at {offset}")
        return self.memory[skew:skew + size]

    def expect(self, offset: int, data: bytes, skew: int = SECTOR) -> None:
        """That is there."""
        check(self.read(offset, len(data), skew) == data,
              f"{len(data)} bytes at {offset} are not what was written")

    def sync(self) -> None:
        """fsync()"""
        os.fsync(self.file)


@contextlib.contextmanager
def raw(path: str, flags: int = os.O_RDWR) -> Iterator[Raw]:
    """Open it meanwhile."""
    disk = Raw(path, flags)
    try:
        yield disk
    finally:
        disk.close()


def on_medium(offset: int, size: int) -> bytes:
    """What is on disk 0 there, looked at past the disk."""
    with IMAGE.open("rb", buffering=0) as file:
        file.seek(offset)
        return file.read(size)


def block_statistics() -> dict[str, dict[str, int]]:
    """QEMU's counts for each disk of the controller, by its serial number."""
    answer = json.loads(run("vmctl", "qmp", '{"execute": "query-blockstats"}'))
    # The disks have no ids: they come in the order of the machine's table.
    found = [each["stats"] for each in answer["return"]
             if each.get("qdev", "").startswith("/machine/peripheral-anon/")
             and each.get("node-name", "").startswith("ide-")]
    names = ["udrv-disk0", "udrv-bad", "udrv-big"]
    check(len(found) == len(names), f"query-blockstats: {answer}")
    return dict(zip(names, found))


# ------------------------------------------------------------------ filesystem

def mount(path: str, *options: str) -> None:
    """ext4, at MOUNT."""
    modprobe("ext4")
    MOUNT.mkdir(exist_ok=True)
    run("busybox", "mount", "-t", "ext4", *options, path, MOUNT)


def unmount() -> None:
    """Write it back and let go of it."""
    run("busybox", "umount", MOUNT, timeout=90)


def is_mounted() -> bool:
    """Is anything there?"""
    return f" {MOUNT} " in Path("/proc/mounts").read_text()


def make_filesystem(path: str) -> None:
    """A small one: its journal and tables are written at once."""
    run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0", path)


def check_filesystem(path: str) -> None:
    """Not a single mistake in it."""
    run("fsck.ext4", "-fn", path, timeout=120)


def drop_caches() -> None:
    """So that what is read comes from the disk."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3")


class Fio:
    """fio with verification, in the background or not."""

    def __init__(self, *options: str, **jobs: str) -> None:
        self.output = Path(tempfile.mkstemp(prefix="fio-")[1])
        words = ["fio", "--ioengine=libaio", "--direct=1", "--iodepth=8",
                 "--verify=crc32c", "--verify_fatal=1",
                 "--verify_state_save=0", "--exitall_on_error",
                 "--continue_on_error=none", *options]
        for name, where in jobs.items():
            words += [f"--name={name}", *where.split()]
        with self.output.open("w") as output:
            # pylint: disable-next=consider-using-with # ended by end()
            self.process = subprocess.Popen(
                words, stdout=output, stderr=output, cwd="/tmp",
                stdin=subprocess.DEVNULL)

    def end(self, seconds: float = 60) -> int:
        """Wait for its exit status."""
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired as late:
            self.process.kill()
            raise Failure("fio hangs") from late

    def succeed(self, seconds: float = 60) -> None:
        """Not an error, all data right."""
        status = self.end(seconds)
        said = self.output.read_text(errors="replace")
        self.output.unlink()
        check(status == 0 and "err= 0" in said and "err=5" not in said,
              f"fio: exit status {status}:\n{said}")


# --------------------------------------------------------------------- cleaning

def clean_up() -> None:
    """What a test that failed may have left."""
    for pid in drivers():
        kill(pid, signal.SIGCONT)
        kill(pid, signal.SIGKILL)
    if is_mounted():
        subprocess.run(["busybox", "umount", "-l", str(MOUNT)], check=False)
    if Path(f"/sys/bus/pci/drivers/udrv/{DEVICE}").exists():
        subprocess.run(["udrv", "unbind", DEVICE], check=False,
                       stdout=subprocess.DEVNULL)
