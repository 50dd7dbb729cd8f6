# SPDX-License-Identifier: MIT
"""Device drivers as ordinary processes, in Python: libudrv, call by call.

    import udrv
    with udrv.open("1234:11e8") as edu:
        registers = edu.map(0)
        print(hex(registers.read32(0)))

A Device is a file descriptor with methods and has no other state.  What fails
raises OSError, with the contract's errno and a sentence that says what would
help; numbers that cannot be meant raise ValueError before anything is done.
"""

from .device import (
    INFO_BUS_MASTER, INFO_DMA, INFO_INTX_MASK, INFO_IOMMU, INFO_OWNED,
    INFO_PCI, INFO_RESET, KIND_CONFIG, KIND_MEM, KIND_NONE, KIND_PORTS,
    KIND_ROM, REGION_CONFIG, REGION_HOLE, REGION_MMAP, REGION_PROGRAM,
    REGION_READ_ONLY, REGION_ROM, REGION_WC, WRITE_COMBINING, Device,
    DeviceInfo, RegionInfo)
from .dma import (
    BOTH, FROM_DEVICE, STATE_BUFFER, STATE_FROM, STATE_ORPHAN, STATE_TO,
    TO_DEVICE, Buffer, LedgerEntry, Mapped, Segment)
from .interrupts import (
    INTX, LINES, MSI, MSIX, NONE, RULE_ALL_ONES, RULE_FLUSH, Access, Event,
    Rule, Vector, ack_read, ack_write, ack_write_back)
from .machine import (
    BIND_GROUP, BIND_TAKE, LegacyDevice, PciDevice, bind, devices, find,
    legacy_add, legacy_devices, legacy_remove, open, open_or_bind, pci_open,
    unbind)
from .registers import (
    IO_MAX_STEPS, IO_MAX_WAIT_US, Mapping, Memory, Step, delay, read,
    read_string, wait, write, write_string)

__all__ = [
    "BIND_GROUP", "BIND_TAKE", "BOTH", "FROM_DEVICE", "INFO_BUS_MASTER",
    "INFO_DMA", "INFO_INTX_MASK", "INFO_IOMMU", "INFO_OWNED", "INFO_PCI",
    "INFO_RESET", "INTX", "IO_MAX_STEPS", "IO_MAX_WAIT_US", "KIND_CONFIG",
    "KIND_MEM", "KIND_NONE", "KIND_PORTS", "KIND_ROM", "LINES", "MSI", "MSIX",
    "NONE", "REGION_CONFIG", "REGION_HOLE", "REGION_MMAP", "REGION_PROGRAM",
    "REGION_READ_ONLY", "REGION_ROM", "REGION_WC", "RULE_ALL_ONES",
    "RULE_FLUSH", "STATE_BUFFER", "STATE_FROM", "STATE_ORPHAN", "STATE_TO",
    "TO_DEVICE", "WRITE_COMBINING", "Access", "Buffer", "Device",
    "DeviceInfo", "Event", "LedgerEntry", "LegacyDevice", "Mapped", "Mapping",
    "Memory", "PciDevice", "RegionInfo", "Rule", "Segment", "Step", "Vector",
    "ack_read", "ack_write", "ack_write_back", "bind", "delay", "devices",
    "find", "legacy_add", "legacy_devices", "legacy_remove", "open",
    "open_or_bind", "pci_open", "read", "read_string", "unbind", "wait",
    "write", "write_string",
]
