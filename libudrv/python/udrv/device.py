# SPDX-License-Identifier: MIT
"""An open device: a file descriptor with methods."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _abi
from .dma import BOTH, Buffer, LedgerEntry, Mapped
from .interrupts import Interrupts, Rule, Vector
from .registers import IO_MAX_STEPS, Mapping, Step
from .registers import read as step_read
from .registers import write as step_write

REGION_ROM, REGION_CONFIG = 6, 7
KIND_NONE, KIND_MEM, KIND_PORTS, KIND_ROM, KIND_CONFIG = range(5)
REGION_MMAP, REGION_WC, REGION_PROGRAM, REGION_READ_ONLY, REGION_HOLE = (
    1, 2, 4, 8, 16)
(INFO_PCI, INFO_IOMMU, INFO_DMA, INFO_RESET, INFO_INTX_MASK, INFO_OWNED,
 INFO_BUS_MASTER) = (1 << bit for bit in range(7))
WRITE_COMBINING = 1


@dataclass(frozen=True)
class DeviceInfo:
    """What the kernel says about an open device; see struct udrv_info."""

    name: str
    contract: int
    caps: int  # INFO_*
    vendor: int
    device: int
    subsystem_vendor: int
    subsystem_device: int
    class_code: int  # with the revision in its low byte
    regions: int
    intx: int  # vectors of each kind
    msi: int
    msix: int
    lines: int
    irq_kind: int
    owner_pid: int
    iova_first: int
    iova_last: int
    page_sizes: int


@dataclass(frozen=True)
class RegionInfo:
    """A region; see struct udrv_region_info."""

    index: int
    kind: int  # KIND_*
    caps: int  # REGION_*
    size: int  # bytes
    hole_offset: int
    hole_size: int


class Device(Interrupts):
    """A device.  Its state is the file descriptor, which may come from
    anywhere: udrv.open(), a socket, a parent process.  As an object of
    `with` it is closed at the end, and the kernel undoes everything; without,
    mappings keep the device open as the file does."""

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            try:
                self.release()
            except OSError:
                pass  # an observer's, or gone already
            self.close()

    def info(self) -> DeviceInfo:
        """Ids, capabilities, interrupts, owner."""
        raw = _abi.Info()
        _abi.checked(_abi.lib.usr_info(self._fd, ctypes.byref(raw)))
        numbers = [getattr(raw, name) for name, *_ in raw._fields_[3:]]
        return DeviceInfo(raw.out_name.decode(), *numbers)

    def counters(self) -> dict[str, int]:
        """What was counted since the device was bound."""
        raw = _abi.Counters()
        _abi.checked(_abi.lib.usr_counters(self._fd, ctypes.byref(raw)))
        return {name.removeprefix("out_"): getattr(raw, name)
                for name, *_ in raw._fields_[2:]}

    def bus_master(self, on: bool) -> None:
        """Let the device start DMA, and send messages, by itself, or not."""
        _abi.checked(_abi.lib.usr_bus_master(self._fd, on))

    def reset(self) -> None:
        """Reset it.  EOPNOTSUPP: it has no reset method."""
        _abi.checked(_abi.lib.usr_reset(self._fd))

    def release(self) -> None:
        """Undo everything now, for all who hold it open."""
        _abi.checked(_abi.lib.usr_release(self._fd))

    # ------------------------------------------------------------ registers

    def region(self, index: int) -> RegionInfo:
        """Kind, size and capabilities of a region."""
        raw = _abi.RegionInfo()
        _abi.checked(_abi.lib.usr_region_info(self._fd, index,
                                              ctypes.byref(raw)))
        return RegionInfo(raw.index, raw.out_kind, raw.out_caps, raw.out_size,
                          raw.out_hole_offset, raw.out_hole_size)

    def map(self, index: int, offset: int = 0, length: int = 0,
            flags: int = 0) -> Mapping:
        """Map a region, or length bytes of it; flags: WRITE_COMBINING."""
        if not length:
            length = self.region(index).size - offset
        address = _abi.lib.usr_region_map(self._fd, index, offset,
                                          max(0, length), flags)
        if not address:
            raise _abi.error()
        return Mapping(address, length)

    def io(self, *steps: Step) -> list[int]:
        """Run a register program (see udrv.read() and its kin) in one system
        call; the value of each step.  If it fails, the error's `done` says how
        many steps were done."""
        if not 0 < len(steps) <= IO_MAX_STEPS:
            raise ValueError(f"a program has 1 to {IO_MAX_STEPS} steps, not "
                             f"{len(steps)}")
        encoded = [each.encode() for each in steps]
        program = (_abi.IoStep * len(steps))(*(step for step, _ in encoded))
        done = ctypes.c_uint(0)
        result = _abi.lib.usr_io(self._fd, program, len(steps),
                                 ctypes.byref(done))
        failure = _abi.error() if result < 0 else None
        # A wait that timed out has seen a value, too.
        for i, step in enumerate(steps[:done.value + 1]):
            step.decode(program[i], encoded[i][1])
        if failure:
            failure.done = done.value  # type: ignore[attr-defined]
            raise failure
        return [each.value for each in steps]

    def io_read(self, region: int, offset: int, width: int) -> int:
        """One register by a program: of ports, for example."""
        return self.io(step_read(region, offset, width))[0]

    def io_write(self, region: int, offset: int, width: int,
                 value: int) -> None:
        """Write one register by a program."""
        self.io(step_write(region, offset, width, value))

    def config_read(self, offset: int, width: int) -> int:
        """Read PCI configuration space."""
        return self.io_read(REGION_CONFIG, offset, width)

    def config_write(self, offset: int, width: int, value: int) -> None:
        """Write PCI configuration space, where the kernel lets one."""
        self.io_write(REGION_CONFIG, offset, width, value)

    # ----------------------------------------------------------- interrupts

    def irq_setup(self, kind: int, vectors: int = 1,
                  rules: Sequence[Rule] = ()) -> None:
        """Choose and request interrupts: INTX, MSI, MSIX, LINES; NONE, with 0
        vectors, frees them.  Rule i belongs to vector i."""
        array = (_abi.IrqRule * len(rules))(*(each.encode() for each in rules))
        _abi.checked(_abi.lib.usr_irq_setup(
            self._fd, kind, vectors, array if rules else None, len(rules)))

    def vector(self, number: int, nonblock: bool = False) -> Vector:
        """A file for one vector; the device's own is vector 0."""
        return Vector(_abi.checked(_abi.lib.usr_irq_fd(self._fd, number,
                                                       int(nonblock))))

    # ------------------------------------------------------------------ DMA

    def dma_alloc(self, length: int, width: int = 0) -> Buffer:
        """Memory for descriptors and buffers, zeroed, one piece for the device;
        width: the address bits that it has, 0 for below 4 GiB."""
        raw = _abi.UsrDma()
        _abi.checked(_abi.lib.usr_dma_alloc(self._fd, length, width,
                                            ctypes.byref(raw)))
        return Buffer(self._fd, raw)

    def dma_adopt(self, buffer: int) -> Buffer:
        """Map a buffer that a previous owner's process allocated, by its id."""
        raw = _abi.UsrDma()
        _abi.checked(_abi.lib.usr_dma_adopt(self._fd, buffer,
                                            ctypes.byref(raw)))
        return Buffer(self._fd, raw)

    def dma_map(self, memory: Any, direction: int = BOTH,
                width: int = 0) -> Mapped:
        """Let the device reach the memory of a bytearray, mmap, array: all
        pages it touches."""
        return Mapped(self._fd, memory, direction, width)

    def dma_list(self) -> list[LedgerEntry]:
        """The ledger: all that the device can reach."""
        total = ctypes.c_uint(0)
        room = 0
        entries: Any = None
        while True:
            _abi.checked(_abi.lib.usr_dma_list(self._fd, entries, room,
                                               ctypes.byref(total)))
            if total.value <= room:
                break
            room = total.value
            entries = (_abi.Dma * room)()
        return [LedgerEntry(each.id, each.address, each.length, each.out_iova,
                            each.out_state, each.out_pid)
                for each in (entries or [])[:total.value]]
