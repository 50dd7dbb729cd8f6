#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`udrv-ide serve` as its users know it: disks of the kernel's that outlive
the driver.

The important tests are run by ublk and by NBD, where the kernel has both.
UDRV_DEATHS=N has the driver die N times in a row, instead of 5.
"""

import contextlib
import errno
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from script import (  # noqa: E402
    SLOW, Failure, check, figure, main, pattern, wait_for)
from serve_tools import (  # noqa: E402
    ALL_DISKS, DEVICE, GIB, MIB, MOUNT, SECTOR, Fio, Raw, Server, alive,
    block_statistics, check_filesystem, clean_up, counter, drivers,
    drop_caches, dumping_core, full_pipe, is_mounted, kill, kinds,
    make_filesystem, mount, on_medium, raw, run, serving, unmount)

DEATHS = int(os.environ.get("UDRV_DEATHS", "5"))
MACHINE = os.environ.get("UDRV_MACHINE", "iommu")
RANDOM = random.Random(os.environ.get("UDRV_SEED", "1"))
BAD_SECTOR = 2000

# With NBD what a dead driver had begun is noticed missing after so long.
# Shorter than a request ever takes it must not be.
ANSWER = ("--answer=2" if SLOW == 1 else "--answer=6",)

Test = Callable[[str], None]
ONCE: list[Test] = []
BY_EACH_KIND: list[Test] = []
ONE_KIND: set[Test] = set()
NOIOMMU: list[Test] = []


def once(test: Test) -> Test:
    """By the kind the driver chooses."""
    ONCE.append(test)
    return test


def by_each_kind(test: Test) -> Test:
    """By all kinds the kernel has."""
    BY_EACH_KIND.append(test)
    return test


def by_one_kind(test: Test) -> Test:
    """By the kind that is chosen; what is tested lies in front of it."""
    BY_EACH_KIND.append(test)
    ONE_KIND.add(test)
    return test


def noiommu(test: Test) -> Test:
    """On the machine without an IOMMU, where it is the only one."""
    NOIOMMU.append(test)
    return test


def fails_with(number: int, action: Callable[[], object]) -> None:
    """It must fail with that errno."""
    try:
        action()
    except OSError as error:
        check(error.errno == number,
              f"it fails with {error}, not {errno.errorcode[number]}")
    else:
        raise Failure(f"it did not fail with {errno.errorcode[number]}")


# ------------------------------------------------------------------ everyday use

@by_each_kind
def filesystem(kind: str) -> None:
    """Partitions, ext4, files; what comes back is what was written."""
    files = {f"file{i}": pattern(i, i * 300_000 + 1) for i in range(6)}
    with serving(kind=kind) as server:
        disk = server.path
        run("sfdisk", "--quiet", disk, stdin="label: dos\n,32MiB,L\n,,L\n")
        part = [f"{disk}p1", f"{disk}p2"]
        wait_for("partition nodes", lambda: all(map(os.path.exists, part)))
        said = run("fdisk", "-l", disk)
        check(all(each in said for each in part), f"fdisk -l: {said}")
        check(run("blockdev", "--getsize64", disk) == f"{256 * MIB}\n"
              and run("blockdev", "--getsize64", part[0]) == f"{32 * MIB}\n"
              and run("blockdev", "--getro", disk) == "0\n"
              and run("blockdev", "--getss", disk) == "512\n", "sizes")
        run("hdparm", "-f", disk)
        make_filesystem(part[0])
        mount(part[0])
        for name, data in files.items():
            (MOUNT / name).write_bytes(data)
        unmount()
        check_filesystem(part[0])
        mount(part[0])
        for name, data in files.items():
            check((MOUNT / name).read_bytes() == data, f"{name} has changed")
        unmount()
    check(on_medium(510, 2) == b"\x55\xaa", "the partition table's signature")


@by_each_kind
def flush_is_on_the_medium(kind: str) -> None:
    """What fsync() returned for was flushed, and is there past the disk."""
    with serving(kind=kind, disks=(0, 2)) as server:
        with open(server.path, "r+b", buffering=0) as file:
            for i in range(8):
                data = pattern(i, 100_000 + i)
                flushes = block_statistics()["udrv-disk0"]["flush_operations"]
                file.seek(i * 3 * MIB + 12345)
                file.write(data)
                os.fsync(file.fileno())
                check(on_medium(i * 3 * MIB + 12345, len(data)) == data,
                      f"write {i} is not on the medium")
                now = block_statistics()["udrv-disk0"]["flush_operations"]
                check(now > flushes, f"fsync {i} did not flush")


@by_each_kind
def shapes(kind: str) -> None:
    """All sizes, from memory that is not page-aligned, verified past the disk."""
    sizes = [512, 1024, 1536, 4096, 4608, 65024, 65536, 66048, 131072,
             256 << 10, (512 << 10) - 512, 512 << 10, (512 << 10) + 512, MIB]
    with serving(kind=kind) as server, raw(server.path) as disk:
        offset = 7 * SECTOR
        for i, size in enumerate(sizes):
            data = pattern(size, size)
            disk.write(offset, data, SECTOR * (1 + i % 7))
            disk.sync()
            check(on_medium(offset, size) == data,
                  f"{size} bytes at {offset}: not so on the medium")
            disk.expect(offset, data, SECTOR * (1 + i % 5))
            disk.expect(offset + size // 2 // SECTOR * SECTOR,
                        data[size // 2 // SECTOR * SECTOR:], SECTOR)
            offset += size + SECTOR
        last = 256 * MIB - SECTOR
        disk.write(last, pattern(1, SECTOR))
        disk.expect(last, pattern(1, SECTOR))
        check(os.pread(disk.file, 0, 256 * MIB) == b"", "there is more")


@by_one_kind
def load(kind: str) -> None:
    """Both channels at once, under verification."""
    with serving(kind=kind, disks=(0, 2)) as server:
        fio = Fio("--bsrange=512-1M", "--bs_unaligned=0", "--rw=randrw",
                  "--size=16M", f"--number_ios={100 if SLOW == 1 else 20}",
                  first=f"--filename={server.paths[0]}",
                  second=f"--filename={server.paths[2]} --offset={64 * GIB}")
        fio.succeed(90)
        check("retries" not in server.said(), server.said())


@by_one_kind
def beyond_128_gib(kind: str) -> None:
    """28 bits of sector number end there, 48 bits go on."""
    with serving(kind=kind, disks=(2,)) as server, raw(server.path) as disk:
        places = [0, 128 * GIB - MIB, 128 * GIB - 65536, 128 * GIB,
                  129 * GIB, 130 * GIB - MIB]
        for i, place in enumerate(places):
            disk.write(place, pattern(i, 65536))
        disk.write(128 * GIB - 2048, pattern(99, 4096))  # on both sides
        for i, place in enumerate(places):
            data = bytearray(pattern(i, 65536))
            if place == 128 * GIB - 65536:
                data[-2048:] = pattern(99, 4096)[:2048]
            if place == 128 * GIB:
                data[:2048] = pattern(99, 4096)[2048:]
            disk.expect(place, bytes(data))
        check(run("blockdev", "--getsize64", server.path) == f"{130 * GIB}\n",
              "its size")


@by_each_kind
def discard(kind: str) -> None:
    """TRIM comes to the disk that has it, and what it was for is zeroes."""
    with serving(kind=kind, disks=(0, 2)) as server:
        disk = server.paths[2]
        with raw(disk) as big:
            big.write(100 * GIB, pattern(3, MIB))
            before = block_statistics()["udrv-big"]["unmap_operations"]
            run("blkdiscard", "-f", "-o", 100 * GIB + 65536, "-l", 65536 * 4, disk)
            data = bytearray(pattern(3, MIB))
            data[65536:65536 * 5] = bytes(65536 * 4)
            big.expect(100 * GIB, bytes(data))
            # More than one request, one command, or one range takes.
            run("blkdiscard", "-f", "-o", 10 * GIB, "-l", 4 * GIB + 512, disk)
            after = block_statistics()["udrv-big"]["unmap_operations"]
            check(after > before, "no TRIM came to the disk")
    # TRIM is a DMA command: without DMA it is not offered.
    with serving("--pio", kind=kind, disks=(2,)) as server:
        said = run("blkdiscard", "-f", "-l", MIB, server.path, status=1)
        check("not supported" in said, f"by PIO: {said}")


@once
def fstrim(kind: str) -> None:
    """What a filesystem deleted comes to the disk as TRIM."""
    with serving(kind=kind, disks=(2,)) as server:
        run("sfdisk", "--quiet", server.path, stdin="label: dos\n,64MiB,L\n")
        part = f"{server.path}p1"
        wait_for("its node", lambda: os.path.exists(part))
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", part)
        mount(part)
        before = block_statistics()["udrv-big"]["unmap_operations"]
        said = run("fstrim", "-v", MOUNT)
        check(block_statistics()["udrv-big"]["unmap_operations"] > before,
              f"no TRIM came to the disk: {said}")
        unmount()
        check_filesystem(part)


@by_one_kind
def medium_error(kind: str) -> None:
    """One sector cannot be read: whoever wants it learns that, nobody else."""
    with serving(kind=kind, disks=(1,)) as server, raw(server.path) as disk:
        bad = BAD_SECTOR * SECTOR
        disk.write(bad - 8 * SECTOR, pattern(1, 8 * SECTOR))
        disk.write(bad + SECTOR, pattern(2, 8 * SECTOR))
        fails_with(errno.EIO, lambda: disk.read(bad, SECTOR))
        fails_with(errno.EIO, lambda: disk.read(bad - 4096, 65536))
        fails_with(errno.EIO, lambda: disk.write(bad, bytes(SECTOR)))
        disk.expect(bad - 8 * SECTOR, pattern(1, 8 * SECTOR))
        disk.expect(bad + SECTOR, pattern(2, 8 * SECTOR))
        said = server.said()
        check(f"read of sector {BAD_SECTOR}:" in said
              and f"write of sector {BAD_SECTOR}:" in said,
              f"the driver does not name the sector: {said}")


# ----------------------------------------------------------------------- options

@once
def read_only(kind: str) -> None:
    """Nobody can write."""
    for each in kinds():
        with serving("--read-only", kind=each) as server:
            check(run("blockdev", "--getro", server.path) == "1\n", "--getro")
            with raw(server.path, os.O_RDONLY) as disk:
                check(disk.read(0, 4096) == on_medium(0, 4096), "reading")
            before = on_medium(0, 4096)

            def write(path: str = server.path) -> None:
                with raw(path) as disk:
                    disk.write(0, pattern(9, 4096))
            try:
                write()
            except OSError as error:
                check(error.errno in (errno.EPERM, errno.EROFS, errno.EACCES,
                                      errno.EIO), f"writing: {error}")
            else:
                raise Failure("it can be written")
            check(on_medium(0, 4096) == before, "it was written")
    del kind


def everyday(*options: object, kind: str = "") -> None:
    """Write, read, flush with these options."""
    with serving(*options, kind=kind, disks=(0, 2)) as server:
        for disk_number in (0, 2):
            with raw(server.paths[disk_number]) as disk:
                for size in (512, 65536, 300 * 512):
                    disk.write(5 * MIB, pattern(size, size))
                    disk.expect(5 * MIB, pattern(size, size))
                disk.sync()
        check(on_medium(5 * MIB, 300 * 512) == pattern(300 * 512, 300 * 512),
              "not so on the medium")
        fio = Fio("--bs=16k", "--rw=randrw", "--size=1M", "--number_ios=20",
                  first=f"--filename={server.paths[0]}",
                  second=f"--filename={server.paths[2]}")
        fio.succeed()


@by_one_kind
def modes(kind: str) -> None:
    """PIO, polling, both, and one request at a time."""
    for options in (["--pio"], ["--poll"], ["--pio", "--poll"], ["--depth=1"],
                    ["--depth=64"]):
        print(" ".join(options), flush=True)
        everyday(*options, kind=kind)


@once
def refusals(kind: str) -> None:
    """Wrong options, a disk that is not there, a device in use."""
    def serve(*options: str, status: int) -> str:
        return run("udrv-ide", DEVICE, "serve", *options, status=status)

    for options, word in ((["--depth=0"], "--depth"), (["--depth=65"], "--depth"),
                          (["--ublk", "--nbd"], "exclude"),
                          (["--outage=3"], "--supervise"),
                          (["--resume", "--disk=0"], "--resume"),
                          (["--offset=3"], "--offset"), (["--disk=4"], "--disk"),
                          (["--frobnicate"], "frobnicate"), (["more"], "more")):
        said = serve(*options, status=2)
        check(word in said, f"{options}: {said}")
    said = serve("--disk=3", status=1)
    check("secondary slave" in said and "ATAPI" in said, said)
    with serving(kind=kind, disks=(1,)) as server:
        said = serve("--disk=0", status=1)
        check("udrv-ide" in said and str(server.process.pid) in said,
              f"it does not say who has it: {said}")
        said = run("udrv-ide", DEVICE, "serve", "--resume", "--disk=1",
                   "--number=60000", "--nbd", status=1)
    for each in kinds():
        said = serve("--resume", "--disk=1", "--number=7", f"--{each}", status=1)
        check("7" in said and "no" in said, f"nothing to resume: {said}")
    check(not drivers(), "a driver is left")


@once
def number(kind: str) -> None:
    """--number says where each disk is, in order."""
    for each in kinds():
        with serving("--number=5,3", disks=(0, 2), kind=each) as server:
            name = "/dev/ublkb" if each == "ublk" else "/dev/nbd"
            check(server.paths == {0: f"{name}5", 2: f"{name}3"},
                  f"{server.paths}")
    del kind


# --------------------------------------------------------------------------- end

@by_each_kind
def stop_idle(kind: str) -> None:
    """SIGTERM, SIGINT, SIGHUP: it ends in good order, supervised or not."""
    for options in ([], ["--supervise"]):
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            with serving(*options, kind=kind) as server:
                kill(server.process.pid, each)
                check(server.wait(30) == 0, f"{each.name}: {server.said()}")


@by_each_kind
def stop_while_mounted(kind: str) -> None:
    """SIGTERM with dirty pages, while more are made: all that was written
    before is there when the disk is served again."""
    keep = {f"f{i}": pattern(i, 500_000) for i in range(8)}
    with serving("--supervise", kind=kind) as server:
        make_filesystem(server.path)
        mount(server.path)
        for name, data in keep.items():
            (MOUNT / name).write_bytes(data)
        with subprocess.Popen(
                ["dd", "if=/dev/urandom", f"of={MOUNT}/more", "bs=64k",
                 "count=600"], stderr=subprocess.DEVNULL) as writer:
            time.sleep(0.3)
            server.process.terminate()
            check(server.wait() == 0, f"it ends badly: {server.said()}")
            writer.kill()
        # NBD's number is free when nobody has its disk open any more.
        subprocess.run(["busybox", "umount", str(MOUNT)], check=False)
        check(not is_mounted(), "it is still mounted")
    with serving(kind=kind) as server:
        mount(server.path)  # replays the journal
        for name, data in keep.items():
            check((MOUNT / name).read_bytes() == data, f"{name} is not there")
        unmount()
        check_filesystem(server.path)


def busy_with(path: str) -> int:
    """Writes that are done."""
    stat = Path(f"/sys/block/{path.removeprefix('/dev/')}/stat").read_text()
    return int(stat.split()[4])


@by_each_kind
def unbind(kind: str) -> None:
    """The device is taken away from a busy driver, and from an idle one."""
    for busy, options in ((True, []), (True, ["--supervise"]), (False, [])):
        with serving(*options, *ANSWER, kind=kind, disks=(0, 2)) as server:
            fio = None
            if busy:
                fio = Fio("--bs=16k", "--rw=randrw", "--size=64M",
                          "--allow_file_create=0",
                          first=f"--filename={server.paths[0]}",
                          second=f"--filename={server.paths[2]}")
                for each in server.paths.values():
                    wait_for("fio is at work",
                             lambda path=each, was=busy_with(each):
                             busy_with(path) > was + 8, 30)
            run("udrv", "unbind", DEVICE)
            status = server.wait(40)
            if fio:
                check(fio.end(40) != 0, "fio noticed nothing")
                fio.output.unlink()
            check(status == 1, f"exit status {status}: {server.said()}")
            check(f"{DEVICE} is gone" in server.said(),
                  f"it does not say why it ended: {server.said()}")


# ----------------------------------------------------------------- death and return

def wait_fio(fio: Fio, server: Server) -> None:
    """It must end well; else say what the driver said."""
    try:
        fio.succeed(90)
    except Failure:
        print(server.said())
        raise


def busy_fio(server: Server, seed: int) -> Fio:
    """Writes and verifies files on the first disk, and the other as it is, on
    both sides of its first 128 GiB; for a second or two."""
    requests = 40 if SLOW == 1 else 12
    return Fio("--bsrange=512-128k", "--bs_unaligned=0",
               f"--randseed={seed}", f"--number_ios={requests}",
               files=f"--directory={MOUNT} --filename=f{seed % 2} --size=4M "
                     "--rw=randrw --end_fsync=1",
               across=f"--filename={server.paths[2]} --offset={128 * GIB - MIB} "
                      "--size=2M --rw=randwrite")


@by_each_kind
def deaths(kind: str) -> None:
    """Kill the driver again and again under a mounted filesystem that is
    being written and verified; nobody may notice."""
    keep = pattern(7, 4 * MIB)
    hits = 0
    with serving("--supervise", *ANSWER, kind=kind,
                 disks=(0, 2)) as server:
        make_filesystem(server.path)
        mount(server.path)
        (MOUNT / "keep").write_bytes(keep)
        mappings = opens = 0
        started = time.monotonic()
        for death in range(1, DEATHS + 1):
            fio = busy_fio(server, death)
            time.sleep(RANDOM.uniform(0.3, 1.2) * (2 if SLOW > 1 else 1))
            hits += fio.process.poll() is None
            pid = server.kill_worker()
            wait_fio(fio, server)
            server.wait_recovered(death)
            check(pid not in drivers(), "the killed one is still there")
            figure(f"deaths-{kind}", death)
            if death == 1:
                mappings, opens = counter("mappings"), counter("opens")
            if death % 10 == 0:
                print(f"{death} deaths, {hits} of them under load, "
                      f"{time.monotonic() - started:.0f} s", flush=True)
        check(counter("opens") == opens, "the device was opened again")
        check(counter("mappings") == mappings, "DMA buffers were left behind")
        drop_caches()
        check((MOUNT / "keep").read_bytes() == keep, "a file has changed")
        unmount()
        check_filesystem(server.path)
        check(server.said().count("died of signal 9") == DEATHS,
              f"not {DEATHS} deaths: {server.said()}")
        check(hits * 2 >= DEATHS, f"only {hits} of {DEATHS} deaths were under load")


@once
def unsupervised_death(kind: str) -> None:
    """Nobody takes over: requests fail, the disk goes, another can be served."""
    for each in kinds():
        server = Server(*ANSWER, kind=each)
        try:
            with raw(server.path) as disk:
                kill(server.process.pid, signal.SIGKILL)
                server.wait()
                started = time.monotonic()
                try:
                    disk.read(0, 4096)
                except (OSError, Failure):
                    pass  # an error; or nothing, of a disk that is gone
                else:
                    raise Failure("it can still be read")
                check(time.monotonic() - started < 20 * SLOW, "it took too long")
        except BaseException:
            server.make_sure_it_ends()
            raise
        with serving("--number=9", kind=each) as server, raw(server.path) as disk:
            disk.read(0, 4096)
    del kind


@by_each_kind
def every_stage(kind: str) -> None:
    """The driver dies so and so long after a request was made, by DMA and by
    PIO. The request is done, by the same file, on the same device."""
    steps = 8 if kind == "ublk" and SLOW == 1 else 4
    for options in ([], ["--pio"]):
        with serving("--supervise", *ANSWER, *options, kind=kind) as server:
            with raw(server.path) as disk:
                opens = counter("opens")
                mappings = counter("mappings")
                for step in range(steps):
                    data = pattern(step, 256 << 10)
                    wait_for("a standby", lambda: len(server.children()) == 2)
                    killer = subprocess.Popen(
                        ["busybox", "sh", "-c",
                         f"busybox usleep {step * 12000 // steps}; "
                         f"kill -9 {server.worker}"])
                    disk.write(step * MIB, data)
                    disk.expect(step * MIB, data)
                    killer.wait()
                    disk.expect(step * MIB, data)
                    check(on_medium(step * MIB, len(data)) == data,
                          "not so on the medium")
                    server.wait_recovered(step + 1)
                check(counter("opens") == opens, "the device was opened again")
                check(counter("mappings") == mappings, "DMA buffers were lost")
                check(not server.said().count("PIO"), server.said())


@by_each_kind
def supervisor_dies(kind: str) -> None:
    """The driver serves on, and ends on SIGTERM."""
    with serving("--supervise", *ANSWER, kind=kind) as server:
        wait_for("a standby", lambda: len(server.children()) == 2)
        worker, standby = server.children()
        kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        wait_for("the standby ends", lambda: not alive(standby))
        with raw(server.path) as disk:
            disk.write(0, pattern(5, 65536))
            disk.expect(0, pattern(5, 65536))
        check(alive(worker), "the driver is dead")
        kill(worker, signal.SIGTERM)
        wait_for("the driver ends", lambda: not alive(worker))


@by_each_kind
def resume(kind: str) -> None:
    """Driver and supervisor both die; --resume gets their disk going."""
    with serving("--supervise", "--outage=60", *ANSWER, kind=kind) as server:
        path = server.path
        disk = Raw(path)
        disk.write(0, pattern(5, 65536))
        for pid in [server.process.pid, *server.children()]:
            kill(pid, signal.SIGKILL)
        server.process.wait()
        wait_for("all are dead", lambda: not drivers())
        with subprocess.Popen(["dd", f"if={path}", "of=/dev/null", "bs=64k",
                               "count=1", "iflag=direct"],
                              stderr=subprocess.DEVNULL) as reader:
            with serving("--resume", f"--number={re.sub('.*[a-z]', '', path)}",
                         *ANSWER, kind=kind) as second:
                check(second.path == path, f"it is {second.path}, not {path}")
                disk.expect(0, pattern(5, 65536))
                check(reader.wait(30) == 0, "a request that waited failed")
                disk.close()


@by_each_kind
def outage(kind: str) -> None:
    """No successor gets going: requests fail, within a bound."""
    with serving("--supervise", "--outage=3", *ANSWER, kind=kind) as server:
        with raw(server.path) as disk:
            wait_for("a standby", lambda: len(server.children()) == 2)
            worker, standby = server.children()
            kill(standby, signal.SIGSTOP)
            kill(worker, signal.SIGKILL)
            started = time.monotonic()
            fails_with(errno.EIO, lambda: disk.read(MIB, 4096))
            took = time.monotonic() - started
            check(took > 1, f"it failed at once ({took:.1f} s)")
            check(took < 25 * SLOW, f"it failed only after {took:.0f} s")
        check(server.wait(30) == 1, server.said())
        check("giving the disks up" in server.said(), server.said())


POISON = r"""
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "uapi/udrv.h"

static int has(const struct udrv_io *io, unsigned offset, unsigned value)
{
	const struct udrv_io_step *step = (void *)(uintptr_t)io->steps;

	for (unsigned i = 0; i < io->count; i++, step++)
		if (step->op == UDRV_OP_WRITE && step->region == 0 &&
		    step->offset == offset && step->value == value)
			return 1;
	return 0;
}

/* Whoever tells the primary channel of sector 0xabcd dies. */
int ioctl(int fd, unsigned long command, ...)
{
	va_list args;
	void *data;

	va_start(args, command);
	data = va_arg(args, void *);
	va_end(args);
	if (command == UDRV_IO && has(data, 3, 0xcd) && has(data, 4, 0xab))
		kill(getpid(), SIGKILL);
	return syscall(SYS_ioctl, fd, command, data);
}
"""
POISONED_SECTOR = 0xabcd


@contextlib.contextmanager
def poisoned() -> Iterator[None]:
    """Whoever drives the disk meanwhile dies of one sector."""
    with tempfile.TemporaryDirectory() as directory:
        library = f"{directory}/poison.so"
        run("cc", "-shared", "-fPIC", "-Iinclude", "-xc", "-", "-o", library,
            stdin=POISON)
        os.environ["LD_PRELOAD"] = library
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"]


@by_one_kind
def poison(kind: str) -> None:
    """A request that kills whoever serves it is not repeated for ever: it
    fails, and so do all from then on."""
    with poisoned(), serving("--supervise", "--outage=600", "--answer=1",
                             kind=kind) as server:
        with raw(server.path) as disk:
            disk.read((POISONED_SECTOR - 1) * SECTOR, SECTOR)
            fails_with(errno.EIO,
                       lambda: disk.read(POISONED_SECTOR * SECTOR, SECTOR))
        check(server.wait() == 1, server.said())
        check(20 <= server.said().count("died of signal 9") < 60
              and "again and again of what it is to do: giving the disks up"
              in server.said(), server.said())


@by_each_kind
def crash_leaves_no_core(kind: str) -> None:
    """A crash, where cores go to the served disk: they would wait for it.
    With --core, and a way that does not, there is one."""
    data = pattern(3, 300_000)
    with dumping_core(f"{MOUNT}/core.%p"), \
            serving("--supervise", *ANSWER, kind=kind) as server:
        make_filesystem(server.path)
        mount(server.path)
        (MOUNT / "file").write_bytes(data)
        wait_for("a standby", lambda: len(server.children()) == 2)
        kill(server.worker, signal.SIGSEGV)
        os.sync()
        server.wait_recovered(1)
        check("died of signal 11" in server.said(), server.said())
        drop_caches()
        check((MOUNT / "file").read_bytes() == data, "a file has changed")
        names = sorted(each.name for each in MOUNT.iterdir())
        check(names == ["file", "lost+found"], f"on the disk: {names}")
        unmount()
    with tempfile.TemporaryDirectory() as directory, \
            dumping_core(f"{directory}/core.%p"), \
            serving("--supervise", "--core", *ANSWER, kind=kind) as server:
        wait_for("a standby", lambda: len(server.children()) == 2)
        worker = server.worker
        kill(worker, signal.SIGSEGV)
        server.wait_recovered(1)
        check((Path(directory) / f"core.{worker}").stat().st_size,
              "no core with --core")


def drain(pipe: int) -> bytes:
    """All that is in it now."""
    found = b""
    os.set_blocking(pipe, False)
    with contextlib.suppress(BlockingIOError):
        while data := os.read(pipe, 65536):
            found += data
    return found


@by_one_kind
def nobody_reads_the_log(kind: str) -> None:
    """Whoever does may wait for the disk: nothing that is said waits."""
    with serving(kind=kind):
        pass  # binds the device, which is said before it serves
    with full_pipe() as (log, full), \
            serving("--supervise", *ANSWER, disks=ALL_DISKS, kind=kind,
                    stderr=full) as server:
        with raw(server.paths[1]) as disk:
            for _ in range(5):
                fails_with(errno.EIO, lambda: disk.read(BAD_SECTOR * SECTOR, SECTOR))
            # Its successor has to say which disks it does not serve.
            server.kill_worker()
            disk.read(0, 4096)
            server.wait_recovered(1)
            # Now somebody reads.
            check(not drain(log).strip(b"\0"), "something found room")
            fails_with(errno.EIO, lambda: disk.read(BAD_SECTOR * SECTOR, SECTOR))
            said = drain(log).decode()
            check("lines were left out" in said and "sector 2000:" in said,
                  f"in the log: {said}")
            # And goes.
            os.close(log)
            fails_with(errno.EIO, lambda: disk.read(BAD_SECTOR * SECTOR, SECTOR))
            disk.read(0, 4096)


def unlocked(process: Path) -> list[str]:
    """Its writable memory that might have to be fetched; the device's is not
    swapped, and not locked."""
    said = (process / "smaps").read_text()
    maps = re.findall(r"^([0-9a-f]+-.*)$|^VmFlags: (.*)$", said, re.MULTILINE)
    names = [name for name, _ in maps if name]
    flags = [each.split() for _, each in maps if each]
    check(names and len(names) == len(flags), f"smaps: {said}")
    return [name for name, each in zip(names, flags) if "wr" in each
            and "lo" not in each and not {"io", "pf", "mm"} & set(each)]


@once
def is_the_last_to_be_killed(kind: str) -> None:
    """Out of memory, killing these would free nothing: who waits for the disk
    waits on.  Their memory is locked."""
    with serving("--supervise", kind=kind) as server:
        wait_for("a standby", lambda: len(server.children()) == 2)
        for pid in [server.process.pid, *server.children()]:
            process = Path(f"/proc/{pid}")
            # The standby may have been forked just now.
            wait_for(f"{pid} is not to be killed", lambda process=process:
                     (process / "oom_score_adj").read_text() == "-1000\n")
            check(not unlocked(process), f"{pid}: {unlocked(process)}")
        check(Path("/proc/self/oom_score_adj").read_text() != "-1000\n",
              "the test itself is so too")


HOG = """
import mmap, struct, sys
memory = mmap.mmap(-1, int(sys.argv[1]), flags=mmap.MAP_PRIVATE
                   | mmap.MAP_ANONYMOUS)
for at in range(0, len(memory), 4096):
    struct.pack_into("<Q", memory, at, at + 1)
# Backwards: forwards each page would just have been swapped out.
for at in reversed(range(0, len(memory), 4096)):
    if struct.unpack_from("<Q", memory, at)[0] != at + 1:
        sys.exit(f"wrong at {at}")
print("right")
"""


def available() -> int:
    """Bytes of memory that can be had without swapping."""
    text = Path("/proc/meminfo").read_text()
    found = re.search(r"MemAvailable:\s+(\d+)", text)
    assert found
    return int(found[1]) << 10


def swap_used() -> int:
    """In KiB."""
    lines = Path("/proc/swaps").read_text().splitlines()[1:]
    return sum(int(each.split()[3]) for each in lines)


def memory_left() -> str:
    """For people."""
    wanted = ("MemFree", "MemAvailable", "Slab", "SwapFree", "Hugetlb")
    return " ".join(each.replace(" ", "") for each in
                    Path("/proc/meminfo").read_text().splitlines()
                    if each.startswith(wanted))


@contextlib.contextmanager
def little_memory(left: int) -> Iterator[None]:
    """All but about so many bytes is taken away, and cannot be swapped."""
    huge = Path("/proc/sys/vm/nr_hugepages")
    try:
        # Huge pages are not cleared, but are to be had in one piece only: as
        # many as there are, so first make them.
        for vm in ("drop_caches", "compact_memory"):
            Path("/proc/sys/vm", vm).write_text("1")
        huge.write_text(str((available() - left) // (2 * MIB)))
        yield
    finally:
        huge.write_text("0")


@by_each_kind
def swap(kind: str) -> None:
    """The machine swaps to the disk while its driver dies; memory there is
    none but what the dead driver's successor can get written out."""
    with serving("--supervise", *ANSWER, kind=kind) as server:
        run("mkswap", server.path)
        run("busybox", "swapon", server.path)
        try:
            with little_memory(128 * MIB):
                size = max(160 * MIB, available() + 48 * MIB)
                had = memory_left()
                with subprocess.Popen([sys.executable, "-c", HOG, str(size)],
                                      stdout=subprocess.PIPE) as hog:
                    wait_for(f"{size >> 20} MiB make it swap (before: {had})",
                             lambda: swap_used() > 4 << 10
                             or hog.poll() is not None, 100)
                    check(hog.poll() is None, f"it did not swap: {had}")
                    server.kill_worker()
                    said = hog.communicate(timeout=100 * SLOW)[0]
                    check(said == b"right\n" and not hog.returncode,
                          f"memory is not what it was: {said!r} "
                          f"{hog.returncode}")
        finally:
            run("busybox", "swapoff", server.path)
        server.wait_recovered(1)


# ---------------------------------------------------------------- without an IOMMU

@noiommu
def without_iommu(kind: str) -> None:
    """By PIO, on a machine without an IOMMU."""
    everyday("--pio", kind=kind)


# ------------------------------------------------------------------------- main

def tests() -> dict[str, Callable[[], None]]:
    """What can be run here, by name."""
    found: dict[str, Callable[[], None]] = {}
    if MACHINE == "noiommu":
        return {each.__name__: lambda each=each: each("") for each in NOIOMMU}
    here = kinds()
    for each in BY_EACH_KIND:
        for kind in here[:1] if each in ONE_KIND else here:
            found[f"{each.__name__}_{kind}"] = (
                lambda each=each, kind=kind: each(kind))
    for each in ONCE:
        found[each.__name__] = lambda each=each: each("")
    return found


if __name__ == "__main__":
    sys.exit(main(tests, "iommu noiommu", 120 + 15 * DEATHS, every_kernel=True,
                  clean_up=clean_up))
