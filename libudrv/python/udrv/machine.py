# SPDX-License-Identifier: MIT
"""What devices the machine has, and who gets them."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _abi
from .device import KIND_MEM, KIND_PORTS, Device

BIND_TAKE, BIND_GROUP = 1, 2


@dataclass(frozen=True)
class PciDevice:
    """A PCI device of the machine, bound or not."""

    name: str  # its address
    vendor: int
    device: int
    class_code: int
    group: int  # IOMMU group, -1: none
    driver: str  # "": none
    vendor_name: str
    device_name: str


@dataclass(frozen=True)
class LegacyDevice:
    """A device that root declared: ranges of (start, bytes), and lines."""

    name: str
    ports: tuple[tuple[int, int], ...] = ()
    memory: tuple[tuple[int, int], ...] = ()
    lines: tuple[int, ...] = ()
    taken_from: str = ""


def open(name: str, *, observe: bool = False,  # pylint: disable=W0622
         nonblock: bool = False) -> Device:
    """Open a device that is bound to udrv, as its owner or as an observer: by
    address, vendor:device, declared name, or path."""
    flags = ((os.O_RDONLY if observe else os.O_RDWR) |
             (os.O_NONBLOCK if nonblock else 0))
    return Device(_abi.checked(_abi.lib.usr_open(os.fsencode(name), flags),
                               name))


def open_or_bind(name: str) -> Device:
    """Own a device, binding it first if no driver has it."""
    return Device(_abi.checked(_abi.lib.usr_open_or_bind(
        os.fsencode(name), os.O_RDWR, None), name))


def pci_open(bus: int, slot: int, function: int) -> Device:
    """Own the device at this address of domain 0."""
    return Device(_abi.checked(_abi.lib.usr_pci_open(bus, slot, function)))


def _pci_device(raw: _abi.UsrDevice) -> PciDevice:
    return PciDevice(
        raw.name.decode(), raw.vendor, raw.device, raw.class_code, raw.group,
        raw.driver.decode(), raw.vendor_name.decode(errors="replace"),
        raw.device_name.decode(errors="replace"))


def devices() -> list[PciDevice]:
    """All PCI devices of the machine, by address."""
    array = ctypes.POINTER(_abi.UsrDevice)()
    count = _abi.checked(_abi.lib.usr_list(ctypes.byref(array)))
    try:
        return [_pci_device(array[i]) for i in range(count)]
    finally:
        _abi.c_free(array)


def find(name: str) -> PciDevice:
    """The one that is meant by an address or vendor:device."""
    raw = _abi.UsrDevice()
    _abi.checked(_abi.lib.usr_find(os.fsencode(name), ctypes.byref(raw)), name)
    return _pci_device(raw)


def bind(name: str, flags: int = 0) -> None:
    """Give a device to udrv; for root.  BIND_TAKE: also from another driver;
    BIND_GROUP: and what is in the way in its IOMMU group."""
    _abi.checked(_abi.lib.usr_bind(os.fsencode(name), flags), name)


def unbind(name: str) -> None:
    """Take a device from udrv and let the kernel's driver have it."""
    _abi.checked(_abi.lib.usr_unbind(os.fsencode(name)), name)


def legacy_add(name: str, *, ports: Sequence[tuple[int, int]] = (),
               memory: Sequence[tuple[int, int]] = (),
               lines: Sequence[int] = (), taken_from: str = "") -> None:
    """Declare a device that is not PCI; for root.  Its regions are the ranges,
    ports first, its vectors the lines."""
    raw = _abi.Legacy(name=os.fsencode(name), from_=os.fsencode(taken_from),
                      range_count=len(ports) + len(memory),
                      line_count=len(lines))
    ranges = ([(KIND_PORTS, *each) for each in ports] +
              [(KIND_MEM, *each) for each in memory])
    for what, given, room in (("ranges", ranges, len(raw.ranges)),
                              ("lines", lines, len(raw.lines))):
        if len(given) > room:
            raise ValueError(f"{room} {what} at most, not {len(given)}")
    for i, (kind, start, length) in enumerate(ranges):
        raw.ranges[i] = _abi.LegacyRange(kind=kind, start=start, bytes=length)
    for i, line in enumerate(lines):
        raw.lines[i] = line
    _abi.checked(_abi.lib.usr_legacy_add(ctypes.byref(raw)), name)


def legacy_remove(name: str) -> None:
    """Take a declared device away."""
    _abi.checked(_abi.lib.usr_legacy_remove(os.fsencode(name)), name)


def _legacy_device(raw: Any) -> LegacyDevice:
    ranges = raw.ranges[:raw.range_count]
    return LegacyDevice(
        raw.name.decode(),
        tuple((each.start, each.bytes) for each in ranges
              if each.kind == KIND_PORTS),
        tuple((each.start, each.bytes) for each in ranges
              if each.kind == KIND_MEM),
        tuple(raw.lines[:raw.line_count]), raw.from_.decode())


def legacy_devices() -> list[LegacyDevice]:
    """All declared devices, by name."""
    array = ctypes.POINTER(_abi.Legacy)()
    count = _abi.checked(_abi.lib.usr_legacy_list(ctypes.byref(array)))
    try:
        return [_legacy_device(array[i]) for i in range(count)]
    finally:
        _abi.c_free(array)
