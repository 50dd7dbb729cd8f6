# SPDX-License-Identifier: MIT
"""Memory that the device can reach."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

from . import _abi
from .registers import Memory

TO_DEVICE, FROM_DEVICE = 1, 2
BOTH = TO_DEVICE | FROM_DEVICE
STATE_BUFFER, STATE_ORPHAN, STATE_TO, STATE_FROM = 1, 2, 4, 8


@dataclass(frozen=True)
class Segment:
    """One piece, as the device sees it."""

    iova: int
    length: int


@dataclass(frozen=True)
class LedgerEntry:
    """A mapping that the kernel knows of: Device.dma_list()."""

    id: int
    address: int
    length: int
    iova: int
    state: int  # STATE_*
    pid: int


class Buffer(Memory):
    """Memory allocated for descriptors and data: Device.dma_alloc()."""

    def __init__(self, fd: int, raw: _abi.UsrDma) -> None:
        super().__init__(raw.address, raw.length)
        self._fd = fd
        self._raw = raw
        self.iova: int = raw.iova
        self.id: int = raw.id

    def free(self) -> None:
        """The device cannot reach it any more, nor can we."""
        if self.address:
            self.address = 0
            _abi.checked(_abi.lib.usr_dma_free(self._fd,
                                               ctypes.byref(self._raw)))


class Mapped:
    """Memory of a Python object while the device may use it: Device.dma_map().
    The object cannot be resized or freed until unmap()."""

    def __init__(self, fd: int, memory: Any, direction: int,
                 width: int) -> None:
        view = memoryview(memory).cast("B")
        if not view.nbytes:
            raise ValueError("nothing to map: it has no bytes")
        if view.readonly and direction & FROM_DEVICE:
            raise ValueError("the device is to write it, but it is read-only; "
                             "use a bytearray")
        if view.readonly:
            raise ValueError("map a bytearray, an mmap or an array: the address "
                             "of a read-only object is not to be had")
        self._array: Any = (ctypes.c_uint8 * view.nbytes).from_buffer(view)
        self._view = view
        self._fd = fd
        self._raw = _abi.UsrDma()
        room = view.nbytes // 4096 + 2
        segments = (_abi.DmaSegment * room)()
        count = _abi.checked(_abi.lib.usr_dma_map_segments(
            fd, ctypes.addressof(self._array), view.nbytes, direction, width,
            segments, room, ctypes.byref(self._raw)))
        self.segments = [Segment(each.iova, each.length)
                         for each in segments[:count]]
        self.iova: int = self._raw.iova
        self.id: int = self._raw.id
        self.length: int = view.nbytes

    def sync(self, direction: int, offset: int = 0,
             length: int | None = None) -> None:
        """TO_DEVICE after we wrote it, FROM_DEVICE before we read it."""
        _abi.checked(_abi.lib.usr_dma_sync(
            self._fd, ctypes.byref(self._raw), offset,
            self.length - offset if length is None else length, direction))

    def unmap(self) -> None:
        """The device cannot reach it any more when this returns."""
        if self._array is not None:
            _abi.checked(_abi.lib.usr_dma_unmap(self._fd,
                                                ctypes.byref(self._raw)))
            self._array = None
            self._view.release()

    def __enter__(self) -> "Mapped":
        return self

    def __exit__(self, *_: object) -> None:
        self.unmap()
