# SPDX-License-Identifier: MIT
"""libudrv as ctypes sees it: the structs and constants of <uapi/udrv.h>, the
functions of <udrv.h>.  A test compares all of it with the headers."""

from __future__ import annotations

import ctypes
import os
from ctypes import (
    POINTER, Structure, c_bool, c_char, c_char_p, c_int, c_int32, c_size_t,
    c_uint, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p)

SONAME = "libudrv.so.0"


class Info(Structure):
    """struct udrv_info"""
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("out_name", c_char * 32),
        ("out_contract", c_uint32), ("out_caps", c_uint32),
        ("out_vendor", c_uint16), ("out_device", c_uint16),
        ("out_subsystem_vendor", c_uint16), ("out_subsystem_device", c_uint16),
        ("out_class", c_uint32), ("out_regions", c_uint32),
        ("out_intx", c_uint32), ("out_msi", c_uint32), ("out_msix", c_uint32),
        ("out_lines", c_uint32), ("out_irq_kind", c_uint32),
        ("out_owner_pid", c_int32), ("out_iova_first", c_uint64),
        ("out_iova_last", c_uint64), ("out_page_sizes", c_uint64)]


class RegionInfo(Structure):
    """struct udrv_region_info"""
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("index", c_uint32),
        ("out_kind", c_uint32), ("out_caps", c_uint32), ("reserved", c_uint32),
        ("out_size", c_uint64), ("out_mmap_offset", c_uint64),
        ("out_hole_offset", c_uint64), ("out_hole_size", c_uint64)]


class IoStep(Structure):
    """struct udrv_io_step"""
    _fields_ = [
        ("op", c_uint8), ("width", c_uint8), ("region", c_uint8),
        ("reserved", c_uint8), ("count", c_uint32), ("offset", c_uint64),
        ("value", c_uint64), ("mask_or_data", c_uint64),
        ("out_value", c_uint64)]


class RuleAccess(Structure):
    """struct udrv_rule_access"""
    _fields_ = [
        ("op", c_uint8), ("width", c_uint8), ("region", c_uint8),
        ("flags", c_uint8), ("and_mask", c_uint32), ("xor_value", c_uint32),
        ("reserved", c_uint32), ("offset", c_uint64)]


class IrqRule(Structure):
    """struct udrv_irq_rule"""
    _fields_ = [
        ("flags", c_uint32), ("claim_width", c_uint8),
        ("claim_region", c_uint8), ("reserved", c_uint16),
        ("claim_offset", c_uint64), ("claim_mask", c_uint32),
        ("reserved2", c_uint32), ("acks", RuleAccess * 4),
        ("rearms", RuleAccess * 2)]


class IrqEvent(Structure):
    """struct udrv_irq_event"""
    _fields_ = [("count", c_uint32), ("status", c_uint32),
                ("time_ns", c_uint64)]


class EventSlot(Structure):
    """struct udrv_event_slot"""
    _fields_ = [("count", c_uint32), ("seen", c_uint32),
                ("reserved", c_uint32 * 14)]


class DmaSegment(Structure):
    """struct udrv_dma_segment"""
    _fields_ = [("iova", c_uint64), ("length", c_uint64)]


class Dma(Structure):
    """struct udrv_dma"""
    _fields_ = [
        ("flags", c_uint32), ("width", c_uint32), ("id", c_uint32),
        ("segment_capacity", c_uint32), ("address", c_uint64),
        ("length", c_uint64), ("offset", c_uint64), ("segments", c_uint64),
        ("out_iova", c_uint64), ("out_mmap_offset", c_uint64),
        ("out_segments", c_uint32), ("out_state", c_uint32),
        ("out_pid", c_int32), ("reserved", c_uint32)]


class Counters(Structure):
    """struct udrv_counters"""
    _fields_ = [("size", c_uint32), ("flags", c_uint32)] + [
        (name, c_uint64) for name in (
            "out_opens", "out_interrupts", "out_not_ours", "out_storms",
            "out_programs", "out_steps", "out_maps", "out_unmaps",
            "out_mapped_bytes", "out_refusals")]


class LegacyRange(Structure):
    """struct udrv_legacy_range"""
    _fields_ = [("kind", c_uint32), ("reserved", c_uint32),
                ("start", c_uint64), ("bytes", c_uint64)]


class Legacy(Structure):
    """struct udrv_legacy"""
    _fields_ = [
        ("size", c_uint32), ("flags", c_uint32), ("name", c_char * 32),
        ("from_", c_char * 64), ("range_count", c_uint32),
        ("line_count", c_uint32), ("ranges", LegacyRange * 6),
        ("lines", c_uint32 * 4)]


class UsrDevice(Structure):
    """struct usr_device"""
    _fields_ = [
        ("name", c_char * 32), ("vendor", c_uint16), ("device", c_uint16),
        ("class_code", c_uint32), ("group", c_int), ("driver", c_char * 32),
        ("vendor_name", c_char * 96), ("device_name", c_char * 128)]


class UsrDma(Structure):
    """struct usr_dma"""
    _fields_ = [("address", c_void_p), ("iova", c_uint64),
                ("length", c_size_t), ("id", c_uint32)]


# The headers' names for them.
STRUCTS = {
    "udrv_info": Info, "udrv_region_info": RegionInfo, "udrv_io_step": IoStep,
    "udrv_rule_access": RuleAccess, "udrv_irq_rule": IrqRule,
    "udrv_irq_event": IrqEvent, "udrv_event_slot": EventSlot,
    "udrv_dma_segment": DmaSegment, "udrv_dma": Dma,
    "udrv_counters": Counters, "udrv_legacy_range": LegacyRange,
    "udrv_legacy": Legacy, "usr_device": UsrDevice, "usr_dma": UsrDma,
}

# Function: what it returns, what it takes.
PROTOTYPES = {
    "usr_error": (c_char_p, []),
    "usr_pci_open": (c_int, [c_int, c_int, c_int]),
    "usr_open": (c_int, [c_char_p, c_int]),
    "usr_open_or_bind": (c_int, [c_char_p, c_int, POINTER(c_bool)]),
    "usr_list": (c_int, [POINTER(POINTER(UsrDevice))]),
    "usr_find": (c_int, [c_char_p, POINTER(UsrDevice)]),
    "usr_bind": (c_int, [c_char_p, c_uint]),
    "usr_unbind": (c_int, [c_char_p]),
    "usr_legacy_add": (c_int, [POINTER(Legacy)]),
    "usr_legacy_remove": (c_int, [c_char_p]),
    "usr_legacy_list": (c_int, [POINTER(POINTER(Legacy))]),
    "usr_info": (c_int, [c_int, POINTER(Info)]),
    "usr_counters": (c_int, [c_int, POINTER(Counters)]),
    "usr_bus_master": (c_int, [c_int, c_bool]),
    "usr_reset": (c_int, [c_int]),
    "usr_release": (c_int, [c_int]),
    "usr_region_info": (c_int, [c_int, c_uint, POINTER(RegionInfo)]),
    "usr_region_map": (c_void_p, [c_int, c_uint, c_uint64, c_size_t, c_uint]),
    "usr_region_unmap": (c_int, [c_void_p, c_size_t]),
    "usr_io": (c_int, [c_int, POINTER(IoStep), c_uint, POINTER(c_uint)]),
    "usr_irq_setup": (c_int, [c_int, c_uint, c_uint, POINTER(IrqRule),
                              c_uint]),
    "usr_irq_fd": (c_int, [c_int, c_uint, c_uint]),
    "usr_irq_wait": (c_int, [c_int, POINTER(IrqEvent), c_int]),
    "usr_event_map": (c_void_p, [c_int, c_uint]),
    "usr_event_unmap": (c_int, [c_void_p, c_uint]),
    "usr_dma_alloc": (c_int, [c_int, c_size_t, c_uint, POINTER(UsrDma)]),
    "usr_dma_adopt": (c_int, [c_int, c_uint32, POINTER(UsrDma)]),
    "usr_dma_free": (c_int, [c_int, POINTER(UsrDma)]),
    "usr_dma_map_segments": (c_int, [
        c_int, c_void_p, c_size_t, c_uint, c_uint, POINTER(DmaSegment),
        c_uint, POINTER(UsrDma)]),
    "usr_dma_sync": (c_int, [c_int, POINTER(UsrDma), c_size_t, c_size_t,
                             c_uint]),
    "usr_dma_unmap": (c_int, [c_int, POINTER(UsrDma)]),
    "usr_dma_list": (c_int, [c_int, POINTER(Dma), c_uint, POINTER(c_uint)]),
}

# What this binding does by other means, and which.
WITHOUT = {
    "usr_io_read": "Device.io()", "usr_io_write": "Device.io()",
    "usr_config_read": "Device.io()", "usr_config_write": "Device.io()",
    "usr_irq_spin_wait": "spinning in Python costs more than sleeping",
    "usr_dma_map": "usr_dma_map_segments()",
    "usr_dma_batch": "an entry a call",
    "usr_pci_map": "usr_dma_map_segments()",
    "usr_legacy_get": "usr_legacy_list()",
}


def _load() -> ctypes.CDLL:
    """The library: installed, or the file that UDRV_LIBRARY names."""
    library = ctypes.CDLL(os.environ.get("UDRV_LIBRARY") or SONAME,
                          use_errno=True)
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


lib = _load()
c_free = ctypes.CDLL(None).free
c_free.argtypes = [c_void_p]
c_free.restype = None


def error(name: str = "") -> OSError:
    """The last failure: OSError picks its own kind (PermissionError, ...)."""
    return OSError(ctypes.get_errno(), lib.usr_error().decode(),
                   *([name] if name else []))


def checked(result: int, name: str = "") -> int:
    """What a function returned, unless it failed."""
    if result < 0:
        raise error(name)
    return result
