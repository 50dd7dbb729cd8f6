# SPDX-License-Identifier: MIT
"""Memory of the device's, or that it can reach, by address and width; and the
steps of register programs."""

from __future__ import annotations

import ctypes
from typing import Any

from . import _abi

OP_READ, OP_WRITE, OP_READ_STRING, OP_WRITE_STRING, OP_DELAY, OP_WAIT = range(6)
IO_MAX_STEPS = 256
IO_MAX_WAIT_US = 1_000_000

_TYPES: dict[int, Any] = {1: ctypes.c_uint8, 2: ctypes.c_uint16,
                          4: ctypes.c_uint32, 8: ctypes.c_uint64}


class Memory:
    """Bytes at an address.  Every access is checked against the length, and is
    one access of that width, little-endian; nothing is read ahead or kept."""

    def __init__(self, address: int, length: int) -> None:
        self.address = address
        self.length = length

    def _at(self, offset: int, width: int) -> Any:
        if not self.address:
            raise ValueError("it is unmapped")
        if width not in _TYPES:
            raise ValueError(f"a width is 1, 2, 4 or 8 bytes, not {width}")
        if offset < 0 or offset % width or offset + width > self.length:
            raise IndexError(
                f"offset {offset:#x} is not a multiple of {width} below "
                f"{self.length:#x}")
        return _TYPES[width].from_address(self.address + offset)

    def read(self, offset: int, width: int) -> int:
        """The register of so many bytes at this offset."""
        value: int = self._at(offset, width).value
        return value

    def write(self, offset: int, width: int, value: int) -> None:
        """Write it; a value that does not fit is refused."""
        if not 0 <= value < 1 << 8 * width:
            raise ValueError(f"{value:#x} does not fit {width} bytes")
        self._at(offset, width).value = value

    def read8(self, offset: int) -> int:
        """A byte."""
        return self.read(offset, 1)

    def read16(self, offset: int) -> int:
        """Two bytes."""
        return self.read(offset, 2)

    def read32(self, offset: int) -> int:
        """Four bytes."""
        return self.read(offset, 4)

    def read64(self, offset: int) -> int:
        """Eight bytes."""
        return self.read(offset, 8)

    def write8(self, offset: int, value: int) -> None:
        """A byte."""
        self.write(offset, 1, value)

    def write16(self, offset: int, value: int) -> None:
        """Two bytes."""
        self.write(offset, 2, value)

    def write32(self, offset: int, value: int) -> None:
        """Four bytes."""
        self.write(offset, 4, value)

    def write64(self, offset: int, value: int) -> None:
        """Eight bytes."""
        self.write(offset, 8, value)

    def view(self) -> memoryview:
        """All of it as bytes, for slices; good until it is unmapped.  Not for
        registers: how wide a copy's accesses are is not defined."""
        if not self.address:
            raise ValueError("it is unmapped")
        array = (ctypes.c_uint8 * self.length).from_address(self.address)
        return memoryview(array).cast("B")


class Mapping(Memory):
    """A mapped region: Device.map()."""

    def unmap(self) -> None:
        """Undo it.  Views of it must not be used any more."""
        if self.address:
            _abi.checked(_abi.lib.usr_region_unmap(self.address, self.length))
            self.address = 0


class Step:
    """One step of a register program.  After Device.io() value is what a read
    or a wait saw last, and data what a string of reads got."""

    def __init__(self, op: int, region: int = 0, offset: int = 0,
                 width: int = 0, *, count: int = 0, value: int = 0,
                 mask: int = 0, data: bytes | bytearray = b"") -> None:
        self.op = op
        self.region = region
        self.offset = offset
        self.width = width
        self.count = count
        self.value = value
        self.mask = mask
        self.data: bytes | bytearray = data

    def encode(self) -> tuple[_abi.IoStep, Any]:
        """The contract's form, and the buffer it points to."""
        for name, number, bits in (("region", self.region, 8),
                                   ("width", self.width, 8),
                                   ("count", self.count, 32),
                                   ("offset", self.offset, 64),
                                   ("value", self.value, 64),
                                   ("mask", self.mask, 64)):
            if not 0 <= number < 1 << bits:
                raise ValueError(f"{name} {number:#x} does not fit {bits} bits")
        step = _abi.IoStep(op=self.op, width=self.width, region=self.region,
                           count=self.count, offset=self.offset,
                           mask_or_data=self.mask)
        buffer: Any = None
        if self.op in (OP_WRITE, OP_WAIT):
            step.value = self.value
        if self.op == OP_READ_STRING:
            buffer = ctypes.create_string_buffer(max(1, self.count * self.width))
        elif self.op == OP_WRITE_STRING:
            buffer = ctypes.create_string_buffer(bytes(self.data),
                                                 max(1, len(self.data)))
        if buffer is not None:
            step.mask_or_data = ctypes.addressof(buffer)
        return step, buffer

    def decode(self, step: _abi.IoStep, buffer: Any) -> None:
        """Take over what a done step brought."""
        if self.op in (OP_READ, OP_WAIT):
            self.value = step.out_value
        elif self.op == OP_READ_STRING:
            self.data = bytes(buffer)[:self.count * self.width]


def read(region: int, offset: int, width: int) -> Step:
    """Read a register."""
    return Step(OP_READ, region, offset, width)


def write(region: int, offset: int, width: int, value: int) -> Step:
    """Write a register."""
    return Step(OP_WRITE, region, offset, width, value=value)


def read_string(region: int, offset: int, width: int, count: int) -> Step:
    """Read one register count times."""
    if width * count > 1 << 20:
        raise ValueError("the strings of a program are 1 MiB at most")
    return Step(OP_READ_STRING, region, offset, width, count=count)


def write_string(region: int, offset: int, width: int, data: bytes) -> Step:
    """Write data to one register, width bytes at a time."""
    if width < 1 or len(data) % width:
        raise ValueError(f"{len(data)} bytes are not a multiple of {width}")
    return Step(OP_WRITE_STRING, region, offset, width,
                count=len(data) // width, data=data)


def delay(microseconds: int) -> Step:
    """Do nothing for at least so long, 1000 at most."""
    return Step(OP_DELAY, count=microseconds)


def wait(region: int, offset: int, width: int, mask: int, match: int,
         microseconds: int) -> Step:
    """Read until (value & mask) == match, for so many microseconds at most."""
    return Step(OP_WAIT, region, offset, width, count=microseconds,
                value=match, mask=mask)
