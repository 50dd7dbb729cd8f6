#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The Python binding: against the headers, and on devices."""

import asyncio
import errno
import os
import re
import select
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

sys.dont_write_bytecode = True

import script  # noqa: E402
from script import TOP, check, wait_for  # noqa: E402

os.environ["UDRV_LIBRARY"] = str(TOP / "build/libudrv.so.0")
PYTHON = TOP / "libudrv/python"
sys.path.insert(0, str(PYTHON))

import udrv  # noqa: E402
from udrv import _abi  # noqa: E402

EDU = "0000:00:03.0"
IVSHMEM = "0000:00:05.0"
IDE = "0000:00:0b.0"
FACTORIAL, STATUS, IRQ_STATUS, IRQ_RAISE, IRQ_ACK = 8, 0x20, 0x24, 0x60, 0x64
OURS = udrv.Rule(0, IRQ_STATUS, 4, 0xffffffff,
                 acks=[udrv.ack_write_back(0, IRQ_ACK, 4)])
# A Python keyword cannot be a field.
PYTHON_NAMES = {"from": "from_"}


def refused(error: int, call: Callable[[], object]) -> OSError:
    """Fail unless it is refused with this errno, and a sentence."""
    try:
        call()
    except OSError as failure:
        check(failure.errno == error,
              f"{failure}, not {errno.errorcode[error]}")
        check(failure.strerror, "refused without a sentence")
        return failure
    raise script.Failure(f"not refused with {errno.errorcode[error]}")


def wrong(call: Callable[[], object]) -> None:
    """Fail unless it is refused as a number that cannot be meant."""
    try:
        call()
    except (ValueError, IndexError):
        return
    raise script.Failure("a wrong argument was accepted")


def edu_with_interrupts() -> udrv.Device:
    """Bound, open, INTx set up."""
    udrv.bind(EDU)
    edu = udrv.open(EDU)
    edu.irq_setup(udrv.INTX, 1, [OURS])
    return edu


def clean_up() -> None:
    """Nothing stays bound."""
    for name in (EDU, IVSHMEM, IDE):
        if udrv.find(name).driver == "udrv":
            udrv.unbind(name)


# -------------------------------------------------------- against the headers

def headers() -> dict[str, str]:
    """The text of the two headers, without comments."""
    return {name: re.sub(r"/\*.*?\*/", "", (TOP / "include" / name).read_text(),
                         flags=re.S) for name in ("udrv.h", "uapi/udrv.h")}


def layout_is_the_headers() -> None:
    """Every struct and field, as the C compiler has them."""
    lines = []
    for name, struct in _abi.STRUCTS.items():
        lines.append(f'SHOW("{name}", sizeof(struct {name}), 0);')
        for field, *_ in struct._fields_:
            c_name = field.rstrip("_")
            lines.append(
                f'SHOW("{name}.{field}", offsetof(struct {name}, {c_name}), '
                f'sizeof(((struct {name} *)0)->{c_name}));')
    program = ('#include <stdio.h>\n#include <udrv.h>\n'
               '#define SHOW(n, a, b) printf("%s %zu %zu\\n", n, '
               '(size_t)(a), (size_t)(b))\n'
               'int main(void)\n{\n' + "\n".join(lines) + "\nreturn 0;\n}\n")
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["cc", f"-I{TOP}/include", "-x", "c", "-", "-o",
                        f"{place}/show"], input=program, text=True, check=True)
        shown = subprocess.run([f"{place}/show"], capture_output=True,
                               text=True, check=True).stdout
    for line in shown.splitlines():
        name, first, second = line.split()
        struct_name, _, field = name.partition(".")
        struct = _abi.STRUCTS[struct_name]
        if not field:
            got = (_abi.ctypes.sizeof(struct), 0)
        else:
            at = getattr(struct, field)
            got = (at.offset, at.size)
        check(got == (int(first), int(second)),
              f"{name}: {got} here, ({first}, {second}) in C")


def functions_are_the_headers() -> None:
    """Every public function is bound, or it is said what is there instead."""
    declared = set(re.findall(r"USR_API [^;]*?\b(usr_\w+)\(",
                              headers()["udrv.h"]))
    here = {*_abi.PROTOTYPES, *_abi.WITHOUT}
    check(len(declared) > 30, "the header was not understood")
    check(declared == here,
          f"only one side has {', '.join(sorted(declared ^ here))}")


def constants_are_the_headers() -> None:
    """Constants that have the headers' names have their values."""
    named = {"NONE": "IRQ_NONE", "INTX": "IRQ_INTX", "MSI": "IRQ_MSI",
             "MSIX": "IRQ_MSIX", "LINES": "IRQ_LINES", "BOTH": "DMA_BOTH",
             "TO_DEVICE": "DMA_TO_DEVICE", "FROM_DEVICE": "DMA_FROM_DEVICE",
             "BIND_TAKE": "USR_BIND_TAKE", "BIND_GROUP": "USR_BIND_GROUP",
             "WRITE_COMBINING": "USR_WRITE_COMBINING"}
    names = [name for name in udrv.__all__ if name.isupper()]
    text = '#include <stdio.h>\n#include <udrv.h>\nint main(void)\n{\n'
    for name in names:
        c_name = named.get(name, name)
        if name.startswith("STATE_"):
            c_name = f"DMA_{name}"
        if not c_name.startswith("USR_"):
            c_name = f"UDRV_{c_name}"
        text += f'printf("{name} %llu\\n", (unsigned long long){c_name});\n'
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["cc", f"-I{TOP}/include", "-x", "c", "-", "-o",
                        f"{place}/show"], input=text + "return 0;\n}\n",
                       text=True, check=True)
        shown = subprocess.run([f"{place}/show"], capture_output=True,
                               text=True, check=True).stdout
    check(len(names) > 25, "too few constants")
    for line in shown.splitlines():
        name, value = line.split()
        check(getattr(udrv, name) == int(value),
              f"{name} is {getattr(udrv, name)}, not {value}")


# ---------------------------------------------------------------- on devices

def drives_edu() -> None:
    """drivers/edu/edu.py, as the README says."""
    done = subprocess.run([TOP / "drivers/edu/edu.py", EDU], check=False,
                          capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(PYTHON)})
    check(done.returncode == 0, done.stderr)
    check("10! = 3628800" in done.stdout, done.stdout)
    check("there and back" in done.stdout, done.stdout)


def reads_and_writes_registers() -> None:
    """By a mapping, checked; a refused access touches nothing."""
    udrv.bind(EDU)
    with udrv.open(EDU) as edu:
        registers = edu.map(0)
        check(registers.read32(0) & 0xffff == 0xed, "not the id")
        registers.write32(4, 0x12345678)
        for call in (lambda: registers.read32(2),
                     lambda: registers.read(0, 3),
                     lambda: registers.read32(registers.length),
                     lambda: registers.read32(-4),
                     lambda: registers.write32(4, -1),
                     lambda: registers.write32(4, 1 << 32)):
            wrong(call)
        check(registers.read32(4) == 0xffffffff ^ 0x12345678,
              "a refused write changed the register")
        registers.unmap()
        wrong(lambda: registers.read32(0))
        refused(errno.ENXIO, lambda: edu.map(9))
        check(edu.region(0).size == 0x100000 and
              edu.region(0).caps & udrv.REGION_MMAP, "not BAR 0")
        check(edu.config_read(0, 2) == 0x1234, "not the vendor")
        refused(errno.EPERM, lambda: edu.config_write(0x10, 4, 0))


def runs_programs() -> None:
    """Steps of all kinds; a time-out says how far it came; ports."""
    udrv.bind(EDU)
    with udrv.open(EDU) as edu:
        values = edu.io(udrv.write(0, 4, 4, 1), udrv.delay(10),
                        udrv.read(0, 4, 4),
                        udrv.wait(0, 4, 4, 1, 0, 1000))
        check(values[2] == 0xfffffffe, f"{values[2]:#x}")
        last = udrv.wait(0, 4, 4, 1, 1, 1000)
        late = refused(errno.ETIMEDOUT,
                       lambda: edu.io(udrv.read(0, 0, 4), last))
        check(late.done == 1, f"{late.done} steps")  # type: ignore
        check(last.value == 0xfffffffe, "the last value was not told")
        refused(errno.EINVAL, lambda: edu.io(udrv.read(0, 1, 4)))
        wrong(lambda: edu.io())
        wrong(lambda: edu.io(udrv.read(256, 0, 4)))
    udrv.bind(IDE, udrv.BIND_TAKE)
    with udrv.open(IDE) as ide:
        # The first disk's IDENTIFY, 256 words from the data port (region 0).
        ide.io_write(0, 6, 1, 0xa0)
        ide.io_write(0, 7, 1, 0xec)
        words = udrv.read_string(0, 0, 2, 256)
        ide.io(udrv.wait(0, 7, 1, 0x88, 0x08, 500000), words)
        data = bytes(words.data)
        swapped = bytes(data[i ^ 1] for i in range(54, 94)).decode().strip()
        check(swapped == "UDRV-DISK", f"the disk is called {swapped!r}")


def waits_for_interrupts() -> None:
    """By wait, select, vector files; time-outs; what is claimed is told."""
    with edu_with_interrupts() as edu:
        registers = edu.map(0)
        try:
            edu.wait(0.01)
            raise script.Failure("an interrupt from nowhere")
        except TimeoutError:
            pass
        registers.write32(IRQ_RAISE, 0x30)
        event = edu.wait(20)
        check(event.count == 1 and event.status == 0x30 and event.time_ns,
              f"{event}")
        with edu.vector(0, nonblock=True) as vector:
            refused(errno.EAGAIN, vector.wait)
            registers.write32(IRQ_RAISE, 1)
            check(select.select([vector], [], [], 20)[0], "not readable")
            check(vector.wait(0).status == 1, "another status")
        refused(errno.ENXIO, lambda: edu.vector(1))
        threading.Timer(0.05, registers.write32, (IRQ_RAISE, 2)).start()
        check(edu.wait().status == 2, "a waiting thread stops the others")
        wrong(lambda: edu.irq_setup(udrv.INTX, 1, [udrv.Rule(
            0, 0x24, 4, 1, acks=[udrv.ack_read(0, 0, 4)] * 5)]))


def waits_in_asyncio() -> None:
    """Two devices' interrupts and a timer in one loop."""
    async def scene() -> None:
        with edu_with_interrupts() as edu:
            registers = edu.map(0)
            loop = asyncio.get_running_loop()
            seen: list[int] = []

            def raise_next() -> None:
                registers.write32(IRQ_RAISE, 1 << len(seen))

            # One after the other: two that come together are one event.
            loop.call_later(0.05, raise_next)
            async with asyncio.timeout(60):
                async for event in edu.interrupts():
                    seen.append(event.status)
                    if len(seen) == 3:
                        break
                    loop.call_later(0.05, raise_next)
            check(seen == [1, 2, 4], f"{seen}")
            task = asyncio.create_task(edu.interrupt())
            await asyncio.sleep(0.05)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            check(task.cancelled(), "a wait cannot be cancelled")
            registers.write32(IRQ_RAISE, 8)
            event = await asyncio.wait_for(edu.interrupt(), 60)
            check(event.status == 8, "the next wait saw another one")
    asyncio.run(scene())


def maps_memory() -> None:
    """Buffers, memory of Python's, the ledger; nothing stays."""
    udrv.bind(EDU)
    with udrv.open(EDU) as edu, udrv.open(EDU, observe=True) as observer:
        buffer = edu.dma_alloc(8192, width=28)
        check(buffer.iova and buffer.iova + 8192 <= 1 << 28, "out of reach")
        buffer.write32(0, 7)
        check(bytes(buffer.view()[:4]) == b"\7\0\0\0", "the view is another")
        memory = bytearray(10000)
        with edu.dma_map(memory, udrv.TO_DEVICE, width=28) as mapped:
            check(sum(each.length for each in mapped.segments) == 10000,
                  f"{mapped.segments}")
            mapped.sync(udrv.TO_DEVICE)
            ledger = observer.dma_list()
            check({each.id for each in ledger} == {buffer.id, mapped.id},
                  f"{ledger}")
            check(all(each.pid == os.getpid() for each in ledger), f"{ledger}")
            try:
                memory.extend(b"more")
                raise script.Failure("mapped memory could be moved")
            except BufferError:
                pass
        memory.extend(b"more")
        wrong(lambda: edu.dma_map(b"constant", udrv.TO_DEVICE))
        wrong(lambda: edu.dma_map(bytearray()))
        refused(errno.EINVAL, lambda: edu.dma_alloc(0))
        refused(errno.EBADF, lambda: observer.dma_alloc(4096))
        buffer.free()
        check(not observer.dma_list(), "something stayed mapped")
        check(observer.counters()["maps"] == 2, "not counted")


def tells_why() -> None:
    """Refusals are the errors Python knows, with the library's sentence."""
    missing = refused(errno.ENOENT, lambda: udrv.open(EDU))
    check(isinstance(missing, FileNotFoundError), f"{type(missing)}")
    check("bind" in missing.strerror, missing.strerror)
    check(missing.filename == EDU, f"{missing.filename}")
    udrv.bind(EDU)
    with udrv.open(EDU) as edu:
        check(edu.info().vendor == 0x1234 and
              edu.info().owner_pid == os.getpid(), f"{edu.info()}")
        busy = refused(errno.EBUSY, lambda: udrv.open(EDU))
        check(str(os.getpid()) in busy.strerror, busy.strerror)
        udrv.unbind(EDU)
        refused(errno.ENODEV, edu.info)
    refused(errno.EINVAL, lambda: udrv.open("no such name!"))
    check(udrv.find("1b36:0010").name == "0000:00:0a.0", "not the NVMe")
    check(any(each.name == IDE and each.class_code == 0x010180
              for each in udrv.devices()), "not listed")


def is_its_descriptor() -> None:
    """A device can come by a socket, and an object can be made of it."""
    udrv.bind(EDU)
    edu = udrv.open(EDU)
    ours, theirs = socket.socketpair()
    socket.send_fds(ours, [b"x"], [edu.fileno()])
    _, fds, _, _ = socket.recv_fds(theirs, 1, 1)
    edu.close()
    with udrv.Device(fds[0]) as heir:
        check(heir.map(0).read32(0) & 0xffff == 0xed, "not the device")
    with udrv.open(EDU):
        pass  # it is free again
    wait_for("the module's release", lambda: not any(
        "udrv-" in line for line in
        Path("/proc/interrupts").read_text().splitlines()))


def declares_devices() -> None:
    """legacy_add and its kin."""
    udrv.legacy_add("gauge", ports=[(0x378, 8)], lines=[7])
    try:
        found = udrv.legacy_devices()
        check([each.name for each in found] == ["gauge"] and
              found[0].ports == ((0x378, 8),) and found[0].lines == (7,),
              f"{found}")
        with udrv.open("gauge") as gauge:
            gauge.io_write(0, 0, 1, 0x5a)
            check(gauge.io_read(0, 0, 1) == 0x5a, "the data register")
        refused(errno.EEXIST, lambda: udrv.legacy_add("gauge",
                                                      ports=[(0x300, 8)]))
        wrong(lambda: udrv.legacy_add("other", lines=[1, 2, 3, 4, 5]))
    finally:
        udrv.legacy_remove("gauge")
    refused(errno.ENOENT, lambda: udrv.legacy_remove("gauge"))


TESTS = [layout_is_the_headers, functions_are_the_headers,
         constants_are_the_headers, drives_edu, reads_and_writes_registers,
         runs_programs, waits_for_interrupts, waits_in_asyncio, maps_memory,
         tells_why, is_its_descriptor, declares_devices]

if __name__ == "__main__":
    sys.exit(script.main(TESTS, "iommu", 120, clean_up=clean_up))
