# SPDX-License-Identifier: MIT
"""Typing on QEMU's keyboard, and seeing what the kernel makes of it."""

import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from script import BUILD, PATIENCE, TOP, Failure, check, wait_for

DRIVER = BUILD / "udrv-kbd"
TOOL = BUILD / "udrv"
DEVICE = Path("/dev/udrv/keyboard")

EV_SYN, EV_KEY, EV_REL, EV_LED = 0, 1, 2, 17
KEY_A, KEY_B, KEY_X, KEY_CAPSLOCK = 30, 48, 45, 58
REL_X, REL_Y, REL_WHEEL = 0, 1, 8
BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA = range(272, 277)
LED_NUML, LED_CAPSL, LED_SCROLLL = 0, 1, 2
INPUT_EVENT = struct.Struct("llHHi")

Event = tuple[int, int, int]  # type, code, value


# --- the host's side


class Host:
    """QEMU, as far as the guest can ask for it."""

    def __init__(self) -> None:
        self.port = self._open()
        self.tag = 0

    @staticmethod
    def _open() -> object:
        def attempt() -> object:
            try:
                # pylint: disable-next=consider-using-with # for good
                return open("/dev/virtio-ports/udrv", "r+b", buffering=0)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
                return None
        return wait_for("the port to the host", attempt)

    def qmp(self, command: str, **arguments: object) -> object:
        """What QEMU returns."""
        self.tag += 1
        tag = f"{os.getpid()}-{self.tag}"
        request = json.dumps({"execute": command, "arguments": arguments})
        self.port.write(f"{tag} qmp {request}\n".encode())
        line = b""
        while True:
            line += self.port.read(1)
            if not line.endswith(b"\n"):
                continue
            got, _, answer = line.decode().partition(" ")
            if got == tag:
                break
            line = b""
        reply = json.loads(answer)
        check("return" in reply, f"{command}: {reply}")
        return reply["return"]

    def monitor(self, line: str) -> str:
        """A command of QEMU's own prompt."""
        return str(self.qmp("human-monitor-command",
                            **{"command-line": line}))

    def send(self, *events: dict[str, object]) -> None:
        """Something happens on QEMU's devices."""
        self.qmp("input-send-event", events=list(events))

    def down(self, *qcodes: str) -> None:
        """Keys go down."""
        self.send(*(key(each, True) for each in qcodes))

    def up(self, *qcodes: str) -> None:
        """Keys come up."""
        self.send(*(key(each, False) for each in qcodes))

    def tap(self, qcode: str) -> None:
        """A key goes down and comes up."""
        self.send(key(qcode, True), key(qcode, False))

    def move(self, dx: int, dy: int) -> None:
        """The mouse moves; one report."""
        self.send(*({"type": "rel", "data": {"axis": axis, "value": value}}
                    for axis, value in (("x", dx), ("y", dy)) if value))

    def button(self, name: str, pressed: bool) -> None:
        """A button; the wheel is two of them."""
        self.send({"type": "btn", "data": {"button": name, "down": pressed}})

    @contextmanager
    def trace(self, events: str) -> Iterator[Callable[[], list[str]]]:
        """What QEMU's own trace says meanwhile."""
        file = TOP / f"build/out/ps2-trace-{os.getpid()}.log"
        self.monitor(f"logfile {file}")
        self.monitor(f"log trace:{events}")
        try:
            yield lambda: (file.read_text().splitlines() if file.exists()
                           else [])
        finally:
            self.monitor("log none")
            file.unlink(missing_ok=True)


def key(qcode: str, pressed: bool) -> dict[str, object]:
    """One event of QEMU's input-send-event."""
    return {"type": "key", "data": {"down": pressed, "key": {
        "type": "qcode", "data": qcode}}}


# --- the kernel's side


def find_input(*names: str) -> Path | None:
    """The event file of the input device that has one of these names."""
    for each in sorted(Path("/sys/class/input").glob("event*")):
        try:
            found = (each / "device/name").read_text().strip()
        except OSError:
            continue
        path = Path("/dev/input") / each.name
        if found in names and path.exists():
            return path
    return None


class Input:
    """An input device's events; the kernel's repetitions left out."""

    def __init__(self, *names: str) -> None:
        self.path = Path(str(wait_for(f"{names}", lambda: find_input(*names))))
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self.gone = False
        self.events: list[Event] = []

    def close(self) -> None:
        """No more of them."""
        os.close(self.fd)

    def poll(self, seconds: float) -> None:
        """Take what there is, waiting for it so long."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return
        try:
            data = os.read(self.fd, 64 * INPUT_EVENT.size)
        except OSError as error:
            if error.errno != errno.ENODEV:
                raise
            self.gone = True
            return
        for _, _, *event in INPUT_EVENT.iter_unpack(data):
            if event[0] in (EV_KEY, EV_REL) and event != [EV_KEY, event[1], 2]:
                self.events.append(tuple(event))

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Read until it is so."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            check(not self.gone, f"{what}: the device went")
            check(time.monotonic() < deadline,
                  f"{what}: waited in vain; so far {self.events[-20:]}")
            self.poll(0.5)

    def take(self, last: Event) -> list[Event]:
        """All events up to this one, which is left out."""
        self.until(lambda: last in self.events, f"{last}")
        at = self.events.index(last)
        taken, self.events = self.events[:at], self.events[at + 1:]
        return taken

    def expect(self, *events: Event) -> None:
        """These are the next ones."""
        self.until(lambda: len(self.events) >= len(events), f"{events}")
        got = tuple(self.events[:len(events)])
        check(got == events, f"{got}, not {events}")
        del self.events[:len(events)]

    def held(self) -> list[int]:
        """The keys that the kernel has as down (EVIOCGKEY)."""
        bits = bytearray(96)
        fcntl.ioctl(self.fd, 0x80604518, bits, True)
        return [i for i in range(len(bits) * 8) if bits[i // 8] >> i % 8 & 1]

    def quiet(self, seconds: float = 0.3) -> None:
        """Nothing more comes."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not self.gone:
            self.poll(0.1)
        check(not self.events, f"{self.events} come unasked")


def tool(*args: str) -> None:
    """Run the tool."""
    done = subprocess.run([TOOL, *args], capture_output=True, text=True,
                          check=False)
    check(done.returncode == 0, f"udrv {' '.join(args)}: {done.stderr}")


def load(*modules: str) -> None:
    """Load what is a module; the debug kernel has them built in."""
    subprocess.run(["modprobe", "-qa", *modules], check=False)


def give_to_kernel() -> None:
    """Its own drivers have keyboard and mouse."""
    load("evdev", "psmouse", "uinput")
    if DEVICE.exists():
        tool("legacy", "remove", "keyboard")


def give_to_udrv() -> None:
    """udrv has them."""
    load("evdev", "psmouse", "uinput")
    if not DEVICE.exists():
        tool("legacy", "add", "keyboard")


# --- the driver


class Driver:
    """A running udrv-kbd."""

    def __init__(self, *args: str) -> None:
        # pylint: disable-next=consider-using-with # lives as long as we
        self.errors = tempfile.TemporaryFile("w+")
        # pylint: disable-next=consider-using-with # ended by stop()
        self.process = subprocess.Popen(
            [DRIVER, *args], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=self.errors)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.rest = b""
        self.lines: list[str] = []
        self.take("ready")

    def said(self) -> str:
        """Its standard error."""
        self.errors.seek(0)
        return self.errors.read()

    def poll(self, seconds: float) -> bool:
        """Take what it printed; False: it ended."""
        pipe = self.process.stdout
        if select.select([pipe], [], [], seconds)[0]:
            data = pipe.read()
            if not data:
                return False
            *lines, self.rest = (self.rest + data).split(b"\n")
            self.lines += [each.decode() for each in lines]
        return True

    def take(self, last: str) -> list[str]:
        """Its lines up to this one, which is left out."""
        deadline = time.monotonic() + PATIENCE
        while last not in self.lines:
            running = self.poll(0.5)
            check(last in self.lines or
                  (running and time.monotonic() < deadline),
                  f"no '{last}': {self.lines[-20:]}; {self.said()}")
        at = self.lines.index(last)
        taken, self.lines = self.lines[:at], self.lines[at + 1:]
        return taken

    def stop(self, how: int = signal.SIGTERM) -> list[str]:
        """End it; what it printed since take()."""
        self.process.send_signal(how)
        deadline = time.monotonic() + PATIENCE
        while self.poll(0.5):
            check(time.monotonic() < deadline, "it does not end")
        status = self.process.wait(PATIENCE)
        self.process.stdout.close()
        want = 0 if how == signal.SIGTERM else -how
        check(status == want, f"exit status {status}: {self.said()}")
        lines, self.lines = self.lines, []
        return lines

    def device(self) -> int:
        """Its own open of the device, for a look past it."""
        libc = ctypes.CDLL(None, use_errno=True)
        pidfd = os.pidfd_open(self.process.pid)
        for each in Path(f"/proc/{self.process.pid}/fd").iterdir():
            if os.readlink(each) == str(DEVICE):
                fd = libc.syscall(438, pidfd, int(each.name), 0)
                os.close(pidfd)
                check(fd >= 0, os.strerror(ctypes.get_errno()))
                return fd
        raise Failure("it does not have the device open")


# --- register programs

OP_READ, OP_WRITE, OP_WAIT = 0, 1, 5
DATA, COMMAND = 0, 1
STEP = struct.Struct("BBBBIQQQQ")
PROGRAM = struct.Struct("IIQIIII")
UDRV_IO = 0xDB05

Step = tuple[int, int, int, int, int, int]


def read(region: int, offset: int = 0, width: int = 1) -> Step:
    """Read a register."""
    return OP_READ, width, region, 0, offset, 0


def write(region: int, value: int, offset: int = 0) -> Step:
    """Write a register."""
    return OP_WRITE, 1, region, 0, offset, value


def run_program(fd: int, *steps: tuple[int, ...]) -> list[int]:
    """What each step read; OSError if it is refused."""
    packed = ctypes.create_string_buffer(b"".join(
        STEP.pack(step[0], step[1], step[2], 0, step[3], step[4], step[5],
                  step[6] if len(step) > 6 else 0, 0) for step in steps))
    program = PROGRAM.pack(PROGRAM.size, 0, ctypes.addressof(packed),
                           len(steps), STEP.size, 0, 0)
    fcntl.ioctl(fd, UDRV_IO, bytearray(program), True)
    return [each[-1] for each in STEP.iter_unpack(packed.raw[:-1])]


def until_taken() -> tuple[int, ...]:
    """The controller has taken what was written last."""
    return OP_WAIT, 1, COMMAND, 100000, 0, 0, 0x02


def inject(fd: int, *values: int, mouse: bool = False) -> None:
    """As if the keyboard, or mouse, had sent this ("write output buffer")."""
    for value in values:
        run_program(fd, until_taken(), write(COMMAND, 0xd3 if mouse else 0xd2),
                    until_taken(), write(DATA, value))
        # The driver takes it; it has room for one.
        wait_for("the byte to be taken",
                 lambda: not run_program(fd, read(COMMAND))[0] & 1)


def read_config(fd: int) -> int:
    """The controller's configuration byte; nobody else may be reading."""
    return run_program(
        fd, until_taken(), write(COMMAND, 0x20),
        (OP_WAIT, 1, COMMAND, 100000, 0, 1, 0x01), read(DATA))[-1]
