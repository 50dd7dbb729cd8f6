# SPDX-License-Identifier: MIT
"""A running guest: its links to us, its requests, and its end."""

import array
import collections
import contextlib
import json
import os
import re
import selectors
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from machines import IVSHMEM_BYTES, IVSHMEM_VECTORS

EVENT_SECONDS = 20.0
# A kernel that boots is never silent for so long, on a busy host either; but if
# it is given much more time later, the host is more than busy.
BOOT_SILENCE = 240
NMI_SECONDS = 5.0
# What QEMU is asked now and then: that, or a processor's interrupt controller.
REGISTERS = -1
PROCESSORS = 2
LOOK_SECONDS = 5.0
LOOKS = 3
LOCKUPS = 3  # soft ones that a kernel may tell of, minutes apart
LOG_LINES_SHOWN = 80


def _ivshmem_peer(link: socket.socket) -> None:
    """Play the ivshmem server: everything it would say fits the socket's buffer.

    Protocol version, the device's id, the memory, then one eventfd per vector
    for the device itself, which is how it can ring its own doorbell.
    QEMU: docs/specs/ivshmem-spec.txt, "Server-Client protocol".
    """
    def send(value: int, fd: int | None = None) -> None:
        ancillary = [] if fd is None else [
            (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))]
        link.sendmsg([struct.pack("<q", value)], ancillary)

    memory = os.memfd_create("ivshmem")
    os.ftruncate(memory, IVSHMEM_BYTES)
    send(0)
    send(0)
    send(-1, memory)
    os.close(memory)
    for _ in range(IVSHMEM_VECTORS):
        doorbell = os.eventfd(0)
        send(0, doorbell)
        os.close(doorbell)


class Links:
    """Socket pairs to QEMU, by chardev name."""

    NAMES = ("serial", "qmp", "ivshmem", "udrv", "udrv-output", "stderr")

    def __init__(self) -> None:
        self.ours: dict[str, socket.socket] = {}
        self.theirs: dict[str, socket.socket] = {}
        for name in self.NAMES:
            self.ours[name], self.theirs[name] = socket.socketpair()
        _ivshmem_peer(self.ours["ivshmem"])

    def close_theirs(self) -> None:
        """QEMU has them now."""
        for link in self.theirs.values():
            link.close()


class Lines:
    """Cuts a stream of bytes into lines."""

    def __init__(self) -> None:
        self.rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines completed by data."""
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in lines]


class Guest:
    """Serves one QEMU process until it ends."""

    def __init__(self, qemu: subprocess.Popen[bytes], links: Links, log: Path,
                 silence: float | None) -> None:
        self.qemu = qemu
        self.links = links.ours
        self.log = log
        self.silence = silence
        self.tail: collections.deque[str] = collections.deque(
            maxlen=LOG_LINES_SHOWN)
        self.lines = {name: Lines() for name in Links.NAMES}
        self.status: int | None = None
        self.booted = False  # it runs the command
        self.machine_failed = False  # QEMU did, not what runs in it
        self.boot_hangs = False
        self.lockups = 0
        self.halted: list[int] = []  # processors, when last looked at
        self.stuck = [0] * PROCESSORS  # looks, one after the other
        self.looks_asked = 0
        # Requests are answered in order: QMP's by its next reply, an
        # event's when it has come or time is up.
        self.qmp_asked: collections.deque[str | int | None] = collections.deque()
        self.events: list[dict[str, Any]] = []
        self.event_asked: tuple[str, str, float] | None = None

    def run(self) -> int | None:
        """Serve until the end; the command's status, None if the guest died."""
        # A file of its own, should the same machine be running already.
        self.log.unlink(missing_ok=True)
        try:
            with self.log.open("wb") as log, \
                    selectors.DefaultSelector() as selector:
                for name, link in self.links.items():
                    if name != "ivshmem":
                        selector.register(link, selectors.EVENT_READ, name)
                self._qmp(None, '{"execute": "qmp_capabilities"}')
                reason = self._serve(selector, log)
        finally:
            self.qemu.kill()
            self.qemu.wait()
        if self.status is None:
            self._explain(reason)
        return self.status

    def _serve(self, selector: selectors.BaseSelector, log: Any) -> str:
        """Pass everything on; why it ended."""
        heard = looked = time.monotonic()
        reason = ""
        while selector.get_map():
            for key, _ in selector.select(timeout=1):
                data = self._receive(key.data)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                if key.data != "qmp":
                    heard = time.monotonic()
                self._take(key.data, data, log)
            self._answer_event()
            if self.boot_hangs:
                return "the kernel hangs while it boots"
            if self.lockups >= LOCKUPS:
                return "a processor has been stuck for minutes"
            if max(self.stuck) >= LOOKS:
                self.machine_failed = True
                return ("QEMU lost the end of an interrupt on processor "
                        f"{self.stuck.index(max(self.stuck))}")
            if time.monotonic() - looked > LOOK_SECONDS:
                looked = time.monotonic()
                self._ask_for_a_look()
            silence = self.silence
            if silence and not self.booted:
                silence = min(silence, max(BOOT_SILENCE, silence / 3))
            if silence and time.monotonic() - heard > silence:
                if reason:
                    return reason
                # It panics on an NMI, and its log then says where it was.
                reason = f"the guest said nothing for {silence:.0f} s"
                self.silence = NMI_SECONDS
                heard = time.monotonic()
                self._qmp(None, '{"execute": "inject-nmi"}')
        if reason:
            return reason
        self.machine_failed = self.qemu.wait() < 0
        return f"QEMU ended ({self.qemu.wait()}) before the command did"

    def _ask_for_a_look(self) -> None:
        """For _look(), once all before is answered."""
        if self.looks_asked:
            return
        commands = {REGISTERS: "info registers -a"} | {
            each: f"info lapic {each}" for each in range(PROCESSORS)}
        self.looks_asked = len(commands)
        for what, command in commands.items():
            self._qmp(what, json.dumps({
                "execute": "human-monitor-command",
                "arguments": {"command-line": command}}))

    def _look(self, what: int, said: str) -> None:
        """At whether QEMU has lost an end of interrupt, as it now and then does:
        a processor then sleeps for ever, though its interrupt controller has
        one in service, which lets no other through. For a moment it may look so,
        the questions being several.

        Before 8.1.1, when a processor moves or enables a BAR, another may write
        to what it thinks a register at the place of another device's, or of
        none (QEMU 0d58c660689f, "Use async_run_on_cpu in tcg_commit"). It also
        ends by SIGSEGV of it, or loses other writes. Processors that run in
        turn (vm --in-turn) have no such race."""
        self.looks_asked -= 1
        if what == REGISTERS:
            self.halted = [number for number, text in
                           enumerate(said.split("CPU#")[1:]) if "HLT=1" in text]
            return
        in_service = re.search(r"^ISR\s+\d", said, re.MULTILINE)
        waiting = re.search(r"^IRR\s+\d", said, re.MULTILINE)
        is_stuck = in_service and waiting and what in self.halted
        self.stuck[what] = self.stuck[what] + 1 if is_stuck else 0

    def _receive(self, name: str) -> bytes:
        try:
            return self.links[name].recv(65536)
        except ConnectionResetError:
            return b""

    def _take(self, name: str, data: bytes, log: Any) -> None:
        """Deal with what came over one link."""
        if name in ("udrv", "udrv-output"):
            self.booted = True
        if name == "udrv-output":
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        lines = self.lines[name].feed(data)
        if name == "stderr":
            # QEMU's own remarks; a blocked DMA, for example, makes it talk.
            lines = [f"qemu: {line}" for line in lines]
            data = "".join(f"{line}\n" for line in lines).encode()
        if name in ("serial", "stderr"):
            log.write(data)
            log.flush()
            self.tail.extend(lines)
            lockups = sum("soft lockup" in line for line in lines)
            self.boot_hangs |= not self.booted and lockups > 0
            self.lockups += lockups
            return
        for line in lines:
            (self._on_qmp if name == "qmp" else self._on_request)(line)

    def _on_request(self, line: str) -> None:
        """One line from the guest."""
        tag, _, rest = line.partition(" ")
        verb, _, argument = rest.partition(" ")
        if verb == "exit":
            self.status = int(argument)
        elif verb == "qmp":
            self._qmp(tag, argument)
        elif verb == "event":
            deadline = time.monotonic() + EVENT_SECONDS
            self.event_asked = (tag, argument, deadline)
        else:
            self._reply(tag, {"error": f"no such request: {verb}"})

    def _reply(self, tag: str, answer: dict[str, Any]) -> None:
        self._say("udrv", f"{tag} {json.dumps(answer)}")

    def _say(self, link: str, line: str) -> None:
        """If it has ended just now, the end of what it says tells that."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.links[link].sendall(line.encode() + b"\n")

    def _qmp(self, tag: str | int | None, command: str) -> None:
        """Ask QEMU; the answer goes to tag (None: nobody)."""
        try:
            json.loads(command)
        except ValueError as error:
            if isinstance(tag, str):
                self._reply(tag, {"error": f"not JSON: {error}"})
            return
        self.qmp_asked.append(tag)
        self._say("qmp", command)

    def _on_qmp(self, line: str) -> None:
        """One line from QEMU."""
        message = json.loads(line)
        if "event" in message:
            self.events.append(message)
        elif "QMP" not in message:
            tag = self.qmp_asked.popleft()
            if isinstance(tag, str):
                self._reply(tag, message)
            elif tag is not None:
                self._look(tag, str(message.get("return", "")))

    def _answer_event(self) -> None:
        """Has what somebody waits for happened?"""
        if self.event_asked is None:
            return
        tag, name, deadline = self.event_asked
        for event in self.events:
            if event["event"] == name:
                self.events.remove(event)
                self._reply(tag, event)
                self.event_asked = None
                return
        if time.monotonic() > deadline:
            self._reply(tag, {"error": f"no {name} in {EVENT_SECONDS:.0f} s"})
            self.event_asked = None

    def _explain(self, reason: str) -> None:
        """Say how the guest died."""
        print(f"{self.log.stem}: {reason}; the end of its log ({self.log}):")
        for line in [*self.tail, self.lines["serial"].rest.decode(
                errors="replace")]:
            print(f"  | {line}")
        sys.stdout.flush()
