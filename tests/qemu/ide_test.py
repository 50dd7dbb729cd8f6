#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""udrv-ide's commands on QEMU's controller: see machines.py for its disks."""

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from ide_tools import (  # noqa: E402
    BAD_BYTES, BAD_SECTOR, BIG_BYTES, DEVICE, DISK_BYTES, DRIVER, SECTOR,
    SERIALS, TOOL, fails, first_difference, good, image, interrupts,
    interrupts_since, read, run, same, start, write)
from script import Failure, check, main, pattern  # noqa: E402

WAYS = {"dma": (), "pio": ("--pio",), "polled": ("--poll",),
        "polled pio": ("--poll", "--pio")}

# With QEMU 7.2; its version is the firmware's.
IDENTIFY = """\
disk 0: primary master
  model       UDRV-DISK
  serial      udrv-disk0
  firmware    2.5+
  size        524288 sectors, 0.25 GiB
  addressing  LBA48, 512-byte sectors, 512 physical
  modes       PIO0 PIO1 PIO2 PIO3 PIO4 MWDMA0 MWDMA1 MWDMA2 UDMA0 UDMA1 UDMA2 UDMA3 UDMA4 UDMA5*
  transfers   by DMA, up to 16 sectors an interrupt by PIO
  abilities   flush write-cache trim rotational
disk 1: primary slave
  model       QEMU HARDDISK
  serial      udrv-bad
  firmware    2.5+
  size        131072 sectors, 0.06 GiB
  addressing  LBA48, 512-byte sectors, 512 physical
  modes       PIO0 PIO1 PIO2 PIO3 PIO4 MWDMA0 MWDMA1 MWDMA2 UDMA0 UDMA1 UDMA2 UDMA3 UDMA4 UDMA5*
  transfers   by DMA, up to 16 sectors an interrupt by PIO
  abilities   flush write-cache trim rotational
disk 2: secondary master
  model       QEMU HARDDISK
  serial      udrv-big
  firmware    2.5+
  size        272629760 sectors, 130.00 GiB
  addressing  LBA48, 512-byte sectors, 512 physical
  modes       PIO0 PIO1 PIO2 PIO3 PIO4 MWDMA0 MWDMA1 MWDMA2 UDMA0 UDMA1 UDMA2 UDMA3 UDMA4 UDMA5*
  transfers   by DMA, up to 16 sectors an interrupt by PIO
  abilities   flush write-cache trim rotational
disk 3: secondary slave
  QEMU DVD-ROM: a packet device (ATAPI), not a disk
"""


def identifies_all_disks() -> None:
    """All that is there, and what can be made of it."""
    for way, args in WAYS.items():
        want = IDENTIFY
        if "--pio" in args:
            want = want.replace("by DMA", "by PIO")
        got = good(run("identify", *args)).out.decode()
        # Which mode is selected, a driver that had the disks before may choose.
        check(got.replace("*", "") == want.replace("*", "") and
              got.count("*") == want.count("*"), f"{way}:\n{got}")


def identifies_single_disks() -> None:
    """--disk, more than once; the CD drive is none, and said to be none."""
    text = good(run("identify", "--disk", 2)).out.decode()
    check(text.startswith("disk 2:") and text.count("disk ") == 1, text)
    text = good(run("identify", "--disk", 0, "--disk", 3)).out.decode()
    check(text.count("serial ") == 1 and "QEMU DVD-ROM: a packet" in text, text)
    done = fails(run("identify", "--disk", 3), "no disk that can be used")
    check(b"ATAPI" in done.out, done.out.decode())
    fails(run("read", "--disk", 3),
          "disk 3 (secondary slave) cannot be used: QEMU DVD-ROM: a packet")


def copy_by(way: str) -> None:
    """Write, look at the disk's file, read back; nothing beside it changes."""
    args, seed, offset = WAYS[way], 10 + list(WAYS).index(way), (1 << 20) + 1001
    start_at = offset - 4096
    before = pattern(seed, 800000 + 2 * 4096)
    write(0, start_at, before, *args)
    same(image(start_at, len(before)), before, "in the disk's file")
    data = pattern(seed + 100, 800000)
    write(0, offset, data, *args)
    want = before[:4096] + data + before[4096 + len(data):]
    same(image(start_at, len(want)), want, "in the disk's file")
    same(read(0, start_at, len(want), *args), want, "read back")
    # And what somebody else wrote can be read.
    same(read(0, start_at, len(want)), want, "read by DMA")


def copies_by_dma() -> None:
    """As it is meant to be."""
    before = interrupts()
    copy_by("dma")
    check(interrupts_since(before) >= 8, "it came without interrupts")


def copies_by_pio() -> None:
    """For controllers or machines without DMA."""
    before = interrupts()
    copy_by("pio")
    # 800,000 bytes are a hundred blocks of 16 sectors, three times over.
    check(interrupts_since(before) >= 10, "it came without interrupts")


def copies_polled() -> None:
    """No interrupt, not even one that nobody waits for."""
    before = interrupts()
    write(0, 0, pattern(1, 100000), "--poll")
    check(interrupts() <= before, "it came with interrupts")
    copy_by("polled")


def copies_by_polled_pio() -> None:
    """With nothing but registers."""
    copy_by("polled pio")


def mappings() -> int:
    """How much memory the kernel has mapped for the controller."""
    info = subprocess.run([TOOL, "info", DEVICE], check=True,
                          capture_output=True, text=True).stdout
    return info.count("\nmapping ")


def wait_until_busy(driver: "subprocess.Popen[bytes]") -> None:
    """Wait for transfers on the primary channel."""
    before = interrupts()
    for _ in range(600):
        check(driver.poll() is None, "the driver ended early")
        if interrupts_since(before) >= 50:
            return
        time.sleep(0.1)
    raise Failure("the driver does nothing")


def uses_dma_or_not() -> None:
    """The kernel knows who had memory mapped for the controller."""
    for args, maps in (((), True), (("--pio",), False)):
        with start("bench", "--disk", 0, "--count", 10000000, *args) as bench:
            wait_until_busy(bench)
            mapped = mappings()
            bench.kill()
        check((mapped > 0) == maps, f"{args}: {mapped} mapped")


# Around sectors, chunks (1 MiB) and descriptors (64 KiB).
SHAPES = [
    (0, 1), (0, 511), (0, 512), (0, 513), (1, 1), (1, 511), (1, 512), (511, 1),
    (511, 2), (100, 200), (511, 513), (511, 514), (512, 512), (512, 1024),
    (65535, 2), (65536, 65536), (65024, 66048), (4095, 131074),
    ((1 << 20) - 1, 2), (0, 1 << 20), (1, 1 << 20), (511, 1 << 20),
    (512, (1 << 20) - 1), (1, (1 << 20) + 511), (511, (1 << 20) + 2),
    (777, (2 << 20) + 12345), (0, 3 << 20),
]


def copies_any_bytes() -> None:
    """Of any size at any offset; what is beside them stays."""
    base = 8 << 20
    known = bytearray(pattern(2, 5 << 20))
    write(0, base, bytes(known))
    for i, (offset, size) in enumerate(SHAPES):
        way = WAYS["polled pio" if i % 8 == 3 else "dma"]
        data = pattern(1000 + i, size)
        write(0, base + 4096 + offset, data, *way)
        known[4096 + offset:4096 + offset + size] = data
        same(image(base, len(known)), bytes(known), f"{size} at {offset}")
        # Read another shape; not all, as starting takes longer than reading.
        other = SHAPES[-1 - i]
        if i % 3 == 0:
            same(read(0, base + other[0], other[1], *way),
                 bytes(known[other[0]:sum(other)]), f"read {other}")


def copies_to_the_end() -> None:
    """The last sector, the last byte; without --size to the end."""
    data = pattern(3, 3000)
    write(0, DISK_BYTES - 3000, data)
    same(image(DISK_BYTES - 3000, 5000), data, "in the disk's file")
    out = good(run("read", "--disk", 0, "--offset", DISK_BYTES - 3000)).out
    same(out, data, "read to the end")
    write(0, DISK_BYTES - 1, b"!")
    write(0, DISK_BYTES - 513, b"?", "--pio")
    want = data[:-513] + b"?" + data[-512:-1] + b"!"
    same(image(DISK_BYTES - 3000, 5000), want, "in the disk's file")
    same(read(0, DISK_BYTES - 1, 1), b"!", "the last byte")


def copies_files() -> None:
    """--file and the standard streams, from where a file stands."""
    data = pattern(4, 100000)
    with tempfile.TemporaryDirectory() as directory:
        source, target = Path(directory) / "source", Path(directory) / "target"
        source.write_bytes(data)
        target.write_bytes(bytes(200000))
        good(run("write", "--disk", 0, "--file", source, "--overwrite",
                 SERIALS[0]))
        good(run("read", "--disk", 0, "--size", "100000", "--file", target))
        same(target.read_bytes(), data, "what the file becomes")
        with source.open("rb") as file:
            file.seek(30000)
            good(run("write", "--disk", 0, "--overwrite", SERIALS[0], "--file",
                     "-", stdin=file))
        same(image(0, 100000), data[30000:] + data[70000:], "from its middle")
        # No more than --size of it.
        write(0, 0, data, "--size", 10)
        same(image(0, 20), data[:10] + data[30010:30020], "--size")


def crosses_128_gib() -> None:
    """Sector 2^28 - 1 is one that 28 bits could say, but disks refuse."""
    edge = 128 << 30
    write(2, 0, bytes(1 << 20))
    for seed, (way, offset, size) in enumerate((
            ("dma", edge - 300001, 600000), ("pio", edge - 40000, 80001),
            ("dma", edge - SECTOR, 2 * SECTOR), ("dma", edge - 1024, 512),
            ("pio", edge - SECTOR, SECTOR), ("dma", edge, SECTOR),
            ("dma", edge + (1 << 30), 4 * SECTOR),
            ("dma", BIG_BYTES - 70000, 70000))):
        data = pattern(20 + seed, size)
        write(2, offset, data, *WAYS[way])
        other = "pio" if way == "dma" else "dma"
        same(read(2, offset, size, *WAYS[other]), data,
             f"{size} at {offset} by {other}")
        if seed == 0:
            # Single sectors of it: on this side of the edge, and behind.
            for at in (edge - 2 * SECTOR, edge - SECTOR, edge, edge + SECTOR):
                same(read(2, at, SECTOR), data[at - offset:][:SECTOR],
                     f"a sector at {at}")
    # The lower 28 bits alone name these.
    same(read(2, 0, 1 << 20), bytes(1 << 20), "the disk's beginning")


def says_no() -> None:
    """Exit status, a sentence, and nothing has changed."""
    before = image(0, 4 << 20)
    data = pattern(5, 5000)
    s = ("--overwrite", SERIALS[0])
    for status, sentence, args in (
            (1, "say --overwrite udrv-disk0 if that is meant", "--disk 0"),
            (1, "names serial number udrv-bad, but this disk has udrv-disk0: "
                "nothing was written", "--disk 0 --overwrite udrv-bad"),
            (1, "but this disk has", "--disk 0 --overwrite udrv-disk"),
            (1, "but this disk has", "--disk 0 --overwrite udrv-disk01"),
            (1, "there are several disks: say --disk N",
             "--overwrite udrv-disk0"),
            (1, "cannot be used", "--disk 3 --overwrite x"),
            (1, "beyond the disk's end, 268435456 bytes",
             f"--disk 0 --offset 256M {' '.join(s)}"),
            (1, "beyond the disk's end", f"--disk 0 --offset 1T {' '.join(s)}"),
            (1, "268435456 bytes from 1 on do not fit",
             f"--disk 0 --offset 1 --size 256M {' '.join(s)}"),
            (1, "do not fit", f"--disk 0 --size 257M {' '.join(s)}"),
            (2, "--disk takes a number", f"--disk 4 {' '.join(s)}"),
            (2, "takes one --disk", f"--disk 0 --disk 1 {' '.join(s)}"),
            (2, "--offset takes", f"--disk 0 --offset -1 {' '.join(s)}"),
            (2, "write does not take --count",
             f"--disk 0 --count 1 {' '.join(s)}"),
            (2, "nonsense", f"--disk 0 --nonsense {' '.join(s)}"),
            (2, "--size 0", f"--disk 0 --size 0 {' '.join(s)}")):
        done = fails(run("write", *args.split(), stdin=data), sentence, status)
        check(not done.out, f"{args}: output")
        same(image(0, 4 << 20), before, args)
    fails(run("wipe"), "there is no command wipe", 2)
    fails(run("read"), "there are several disks")
    fails(run("read", "--disk", 0, "--offset", "256M"), "beyond the disk's end")
    fails(run("read", "--disk", 0, "--size", "257M"), "do not fit")
    for args in (("--write",), ("--write", "--overwrite", "udrv-bad")):
        fails(run("bench", "--disk", 0, *args), "udrv-disk0")
    fails(run("bench", "--disk", 0, "--offset", 100), "multiple of 512")
    fails(run("bench", "--disk", 0, "--offset", DISK_BYTES - 512), "must fit")
    same(image(0, 4 << 20), before, "after all that")


def refuses_other_devices() -> None:
    """What is no IDE controller, or nothing at all."""
    fails(run("identify", device="0000:00:03.0"),
          "0000:00:03.0: it is not an IDE controller (PCI class 0101)")
    fails(run("identify", device="0000:00:1b.0"), "0000:00:1b.0")
    fails(run("identify", device="nonsense!"), "nonsense!")
    fails(run("identify", "--fd", 99), "")
    good(run("identify", device="8086:7010"))


def takes_an_open_device() -> None:
    """By --fd; and a second driver of its own does not get it meanwhile."""
    good(run("identify"))
    fd = os.open(f"/dev/udrv/{DEVICE}", os.O_RDWR)
    try:
        done = good(run("identify", "--fd", fd, fds=(fd,)))
        check(b"udrv-disk0" in done.out, "no disks")
        check(fails(run("identify"), "").err, "no reason")
        # The same open once more: what the first one left does not matter.
        good(run("read", "--disk", 0, "--size", 4096, "--fd", fd, fds=(fd,)))
    finally:
        os.close(fd)
    good(run("identify"))


def takes_over_from_the_dead() -> None:
    """On an open that outlives drivers: their memory is used again."""
    good(run("identify"))
    fd = os.open(f"/dev/udrv/{DEVICE}", os.O_RDWR)
    try:
        counts = []
        for _ in range(3):
            with subprocess.Popen([DRIVER, DEVICE, "bench", "--disk", "0",
                                   "--count", "10000000", "--fd", str(fd)],
                                  pass_fds=(fd,)) as bench:
                wait_until_busy(bench)
                bench.kill()
            counts.append(mappings())
        check(counts[0] > 0 and counts == counts[:1] * 3, f"mapped: {counts}")
        data = pattern(50, 100000)
        good(run("write", "--disk", 0, "--offset", 3, "--overwrite", SERIALS[0],
                 "--fd", fd, stdin=data, fds=(fd,)))
        same(image(3, 100000), data, "in the disk's file")
    finally:
        os.close(fd)
    good(run("identify"))


def says_what_output_cannot_take() -> None:
    """A full disk, a reader who left, no such place."""
    args = ("--disk", 0, "--size", 200000)
    with open("/dev/full", "wb") as full:
        fails(run("read", *args, stdout=full),
              "cannot write to standard output: No space left")
        fails(run("identify", stdout=full), "")
    fails(run("read", *args, "--file", "/dev/full"),
          "cannot write to /dev/full: No space left")
    fails(run("read", *args, "--file", "/nowhere/file"),
          "cannot open /nowhere/file: No such file")
    fails(run("read", *args, "--file", "/"), "cannot open /: Is a directory")
    ends = os.pipe()
    os.close(ends[0])
    fails(run("read", *args, stdout=ends[1]),
          "cannot write to standard output: Broken pipe")
    os.close(ends[1])
    # A refusal costs the file nothing.
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"precious")
        file.flush()
        fails(run("read", "--disk", 0, "--offset", "1T", "--file", file.name),
              "beyond")
        fails(run("read", "--disk", 3, "--file", file.name), "ATAPI")
        same(Path(file.name).read_bytes(), b"precious", "the file")


def says_what_is_wrong_with_input() -> None:
    """Nothing, too little, too much, none at all."""
    base = 16 << 20
    known = pattern(6, 4096)
    write(0, base, known)
    args = ("--disk", 0, "--overwrite", SERIALS[0], "--offset", base)
    with tempfile.NamedTemporaryFile() as file:
        fails(run("write", *args, "--file", file.name), "is empty: nothing to")
        file.truncate(1000)
        fails(run("write", *args, "--file", file.name, "--size", 1001),
              f"--size is 1001 bytes, but {file.name} has 1000")
        file.truncate(3000)
        fails(run("write", *args[:-1], DISK_BYTES - 2999, "--file", file.name),
              "do not fit")
    fails(run("write", *args), "standard input is empty: nothing to write")
    fails(run("write", *args, "--file", "/nowhere"), "cannot open /nowhere")
    fails(run("write", *args, "--file", "/"), "cannot read /: Is a directory")
    same(image(base, 4096), known, "the disk")
    # Known only when it has happened: what could be written is.
    fails(run("write", *args, "--size", 1000, stdin=b"abc"),
          "standard input ended after 3 of 1000 bytes")
    same(image(base, 4096), b"abc" + known[3:], "the disk")
    fails(run("write", *args[:-1], DISK_BYTES - 1000, stdin=known),
          "only 1000 bytes of it were written")
    same(image(DISK_BYTES - 1000, 2000), known[:1000], "the disk's end")
    write(0, DISK_BYTES - 1000, known[1000:2000])
    same(image(DISK_BYTES - 1000, 2000), known[1000:2000], "the disk's end")


def reads_up_to_a_bad_sector() -> None:
    """All before it is delivered; it is named; what is behind it is well."""
    first = (BAD_SECTOR - 1500) * SECTOR
    data = pattern(7, (BAD_SECTOR - 1500) * SECTOR)
    write(1, 1500 * SECTOR, data)
    write(1, (BAD_SECTOR + 1) * SECTOR, data)
    for way, args in WAYS.items():
        for skip in (100, first - SECTOR) if args else (0, first - 1):
            done = fails(run("read", "--disk", 1, "--offset",
                             1500 * SECTOR + skip, *args),
                         f"read of sector {BAD_SECTOR}: ")
            same(done.out, data[skip:], f"before it, {way}, from {skip} on")
        done = fails(run("read", "--disk", 1, "--offset",
                         BAD_SECTOR * SECTOR + 511, *args),
                     f"read of sector {BAD_SECTOR}: ")
        check(not done.out, f"{len(done.out)} bytes of a bad sector")
        same(read(1, (BAD_SECTOR + 1) * SECTOR, len(data), *args), data,
             f"behind it, {way}")
        # The other disk of the channel is not concerned.
        read(0, 0, 4096, *args)


def writes_up_to_a_bad_sector() -> None:
    """Likewise."""
    base = (BAD_SECTOR - 300) * SECTOR
    for i, (way, args) in enumerate(WAYS.items()):
        data = pattern(200 + i, 600 * SECTOR)
        behind = pattern(300 + i, 299 * SECTOR)
        write(1, (BAD_SECTOR + 1) * SECTOR, behind)
        options = ("--disk", 1, "--overwrite", SERIALS[1], *args)
        fails(run("write", "--offset", base, *options, stdin=data),
              f"write of sector {BAD_SECTOR}: ")
        same(read(1, base, 300 * SECTOR), data[:300 * SECTOR],
             f"before it, {way}")
        # Whole sectors around it only, so that an edge is not read first.
        fails(run("write", "--offset", BAD_SECTOR * SECTOR, *options,
                  stdin=data[:SECTOR]), f"write of sector {BAD_SECTOR}: ")
        # An edge is.
        fails(run("write", "--offset", BAD_SECTOR * SECTOR + 1, *options,
                  stdin=data[:SECTOR]), f"read of sector {BAD_SECTOR}: ")
        same(read(1, (BAD_SECTOR + 1) * SECTOR, len(behind)), behind,
             f"behind it, {way}")


def takes_turns_on_a_channel() -> None:
    """Master and slave keep what is theirs."""
    for i in range(4):
        ways = list(WAYS.values())
        for disk in (0, 1):
            write(disk, (32 << 20) + i * 70000, pattern(10 * i + disk, 70000),
                  *ways[(i + disk) % 4])
    for disk in (0, 1):
        want = b"".join(pattern(10 * i + disk, 70000) for i in range(4))
        same(read(disk, 32 << 20, len(want)), want, f"disk {disk}")
    same(read(1, BAD_BYTES - 5000, 5000), bytes(5000), "the slave's end")


def each_sector_is_old_or_new(got: bytes, old: bytes, new: bytes) -> None:
    """A disk that was cut off writes whole sectors."""
    for at in range(0, len(got), SECTOR):
        sector = got[at:at + SECTOR]
        check(sector in (old[at:at + SECTOR], new[at:at + SECTOR]),
              f"sector {at // SECTOR} is neither old nor new: "
              f"{first_difference(sector, old[at:at + SECTOR])} (old), "
              f"{first_difference(sector, new[at:at + SECTOR])} (new)")


def survives_kill() -> None:
    """A driver killed anywhere leaves a device that the next one can use."""
    chance = random.Random(8)
    base, size = 64 << 20, 4 << 20
    old = pattern(30, size)
    write(0, base, old)
    running = 0
    with tempfile.NamedTemporaryFile() as file:
        for i in range(12):
            way = list(WAYS.values())[i % 4]
            new = pattern(31 + i, size)
            Path(file.name).write_bytes(new)
            reads = i % 3 == 2
            with start("read" if reads else "write", "--disk", 0, "--offset",
                       base, "--file", "/dev/null" if reads else file.name,
                       *(("--size", size) if reads else
                         ("--overwrite", SERIALS[0])), *way) as driver:
                time.sleep(chance.uniform(0.02, 0.5))
                running += driver.poll() is None
                driver.kill()
            other = list(WAYS.values())[i // 3]
            got = read(0, base, size, *(other if i % 4 == 0 else ()))
            each_sector_is_old_or_new(got, old, old if reads else new)
            same(image(base, size), got, "read back")
            old = got
            if i % 4 == 1:
                write(1, 40 << 20, new[:50000], *other)
                same(read(1, 40 << 20, 50000), new[:50000], "the other disk")
    check(running >= 6, f"only {running} of 12 were still running")


def survives_stops() -> None:
    """A signal ends waits in the kernel; nothing is done twice, or not."""
    data = pattern(9, 2 << 20)
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        for way in WAYS.values():
            stops = 0
            with start("write", "--disk", 0, "--offset", "100M", "--file",
                       file.name, "--overwrite", SERIALS[0], *way) as driver:
                while driver.poll() is None and stops < 500:
                    driver.send_signal(signal.SIGSTOP)
                    driver.send_signal(signal.SIGCONT)
                    stops += 1
                    time.sleep(0.002)
                out = driver.communicate()[1].decode()
            check(driver.returncode == 0, out)
            same(image(100 << 20, len(data)), data, f"{stops} stops, {way}")
            write(0, 100 << 20, bytes(len(data)))


def benches() -> None:
    """Counts, and writes back what it read."""
    known = image(0, 4 << 20)
    for args, said in (
            (("--count", 50), "50 requests of 4096 bytes in "),
            (("--count", 7, "--block", "1M", "--offset", "255M"),
             "7 requests of 1048576 bytes in "),
            (("--count", 20, "--write", "--overwrite", SERIALS[0]),
             "20 requests of 4096 bytes, read and written back, in "),
            (("--count", 5, "--block", 512, "--pio"), "5 requests of 512")):
        done = good(run("bench", "--disk", 0, *args))
        text = done.out.decode()
        check(text.startswith(said) and " 0 retries" in text, text)
    check(int(text.split("; ")[1].split()[0]) == 5, text)
    same(image(0, 4 << 20), known, "the disk")
    fails(run("bench", "--disk", 1, "--offset", f"{BAD_SECTOR - 80}s"),
          f"read of sector {BAD_SECTOR}: ")


def shows_progress() -> None:
    """Only if asked, when nobody is there to see it."""
    done = run("read", "--disk", 0, "--size", "3M", "--progress")
    check(done.status == 0 and "33% of 3.0 MiB" in done.err and
          done.err.endswith("100% of 3.0 MiB"), repr(done.err))
    done = run("write", "--disk", 0, "--overwrite", SERIALS[0], "--progress",
               stdin=pattern(40, 2 << 20))
    check(done.status == 0 and "2.0 MiB" in done.err, repr(done.err))


TESTS = [
    identifies_all_disks, identifies_single_disks, copies_by_dma,
    copies_by_pio, copies_polled, copies_by_polled_pio, uses_dma_or_not,
    copies_any_bytes, copies_to_the_end, copies_files, crosses_128_gib,
    says_no, refuses_other_devices, takes_an_open_device,
    takes_over_from_the_dead, says_what_output_cannot_take,
    says_what_is_wrong_with_input,
    reads_up_to_a_bad_sector, writes_up_to_a_bad_sector,
    takes_turns_on_a_channel, survives_kill, survives_stops, benches,
    shows_progress,
]

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 240))
