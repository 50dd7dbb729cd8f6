# SPDX-License-Identifier: MIT
"""Interrupts: claim/ack rules, events, the files that vectors are."""

from __future__ import annotations

import asyncio
import ctypes
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TypeVar

from . import _abi

Self = TypeVar("Self", bound="Interrupts")

NONE, INTX, MSI, MSIX, LINES = range(5)
RULE_READ, RULE_WRITE = 1, 2
RULE_FLUSH = 1
RULE_ALL_ONES = 1


@dataclass(frozen=True)
class Access:
    """One access of a rule's: see ack_read() and its kin."""

    op: int
    region: int
    offset: int
    width: int
    and_mask: int = 0
    xor_value: int = 0
    flags: int = 0

    def encode(self) -> _abi.RuleAccess:
        """The contract's form."""
        return _abi.RuleAccess(
            op=self.op, width=self.width, region=self.region, flags=self.flags,
            and_mask=self.and_mask, xor_value=self.xor_value,
            offset=self.offset)


def ack_read(region: int, offset: int, width: int) -> Access:
    """Acknowledged by reading a register."""
    return Access(RULE_READ, region, offset, width)


def ack_write(region: int, offset: int, width: int, value: int) -> Access:
    """Acknowledged (or armed again) by writing a constant."""
    return Access(RULE_WRITE, region, offset, width, xor_value=value)


def ack_write_back(region: int, offset: int, width: int,
                   keep: int = 0xffffffff) -> Access:
    """Acknowledged by writing back the claimed value, or its bits in keep."""
    return Access(RULE_WRITE, region, offset, width, and_mask=keep)


@dataclass(frozen=True)
class Rule:
    """An interrupt is the device's if (register & mask) != 0; the acks end it,
    the rearms run when a reader waits again.  Width 0: every one is ours."""

    region: int = 0
    offset: int = 0
    width: int = 0
    mask: int = 0
    acks: list[Access] = field(default_factory=list)
    rearms: list[Access] = field(default_factory=list)
    flags: int = 0

    def encode(self) -> _abi.IrqRule:
        """The contract's form."""
        rule = _abi.IrqRule(
            flags=self.flags, claim_width=self.width, claim_region=self.region,
            claim_offset=self.offset, claim_mask=self.mask)
        for name in ("acks", "rearms"):
            array, given = getattr(rule, name), getattr(self, name)
            if len(given) > len(array):
                raise ValueError(f"a rule has {len(array)} {name} at most, "
                                 f"not {len(given)}")
            for i, access in enumerate(given):
                array[i] = access.encode()
        return rule


@dataclass(frozen=True)
class Event:
    """What a read of a vector's file tells."""

    count: int  # interrupts since the last one
    status: int  # the claimed values, ORed
    time_ns: int  # CLOCK_MONOTONIC of the oldest of them


def take(fd: int, timeout: float | None) -> Event:
    """Wait for interrupts of a file and take them."""
    event = _abi.IrqEvent()
    # A fraction of a millisecond is a wait, too.
    ms = -1 if timeout is None else -int(-timeout * 1000 // 1)
    _abi.checked(_abi.lib.usr_irq_wait(fd, ctypes.byref(event), ms))
    return Event(event.count, event.status, event.time_ns)


class Interrupts:
    """What a device's file and a vector's have in common: fileno(), for select
    and its kin, and waiting, with or without asyncio."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def fileno(self) -> int:
        """The file descriptor, the only state."""
        return self._fd

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self, timeout: float | None = None) -> Event:
        """Sleep until an interrupt comes (seconds; None: for ever; 0: take what
        is pending).  TimeoutError: none came.  OSError, ENXIO: none are set
        up; ENODEV: the device is gone."""
        return take(self.fileno(), timeout)

    async def interrupt(self) -> Event:
        """The next interrupt, while other tasks run.  One task a file."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                return take(self.fileno(), 0)
            except (TimeoutError, BlockingIOError):
                pass
            ready = loop.create_future()
            loop.add_reader(self.fileno(), _wake, ready)
            try:
                await ready
            finally:
                loop.remove_reader(self.fileno())

    async def interrupts(self) -> AsyncIterator[Event]:
        """async for event in device.interrupts(): ..."""
        while True:
            yield await self.interrupt()


def _wake(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


class Vector(Interrupts):
    """The file of one vector: Device.vector().  Does not keep the device
    open."""
