# SPDX-License-Identifier: MIT
"""For tap_test.py: a NIC that udrv-e1000 makes an interface, and a kernel-driven
one at the other end of its cable, in a network namespace of its own."""

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from script import BUILD, SLOW, TOP, Failure, check, wait_for

DRIVER = BUILD / "udrv-e1000"
TOOL = BUILD / "udrv"
VMCTL = TOP / "tests/qemu/vmctl"
DEVICE = "0000:00:06.0"
PEER_DEVICE = "0000:00:0d.0"
OTHER_DEVICE = "0000:00:19.0"
WORLD_DEVICE = "0000:00:1b.0"  # in QEMU's user network, where the host serves
WORLD_GATEWAY, WORLD_SERVER = "10.0.2.2", "10.0.2.100"  # the files of OUT
OUT = Path(os.environ.get("OUT_DIR", TOP / "build/out"))
PEER = "peer"  # the namespace, and what its interface is called
NAME = "eth-udrv"
OURS, THEIRS = "10.7.0.1", "10.7.0.2"
OURS6, THEIRS6 = "fd07::1", "fd07::2"
IN_PEER = ("ip", "netns", "exec", PEER)


def run(*command: object, status: int | None = 0, timeout: float = 60) -> str:
    """Run a command; its output. Fails if its exit status is another."""
    words = [str(each) for each in command]
    try:
        done = subprocess.run(words, capture_output=True, text=True,
                              check=False, timeout=timeout * SLOW,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{' '.join(words)}: hangs") from late
    said = done.stdout + done.stderr
    if status is not None and done.returncode != status:
        raise Failure(f"{' '.join(words)}: exit status {done.returncode}, "
                      f"not {status}: {said.strip()}")
    return said


def link(name: str = NAME, where: tuple[str, ...] = ()) -> str:
    """What `ip` says of an interface; empty if there is none."""
    return subprocess.run([*where, "ip", "-d", "link", "show", "dev", name],
                          capture_output=True, text=True, check=False).stdout


def has_carrier(name: str = NAME) -> bool:
    """Is it up, and its cable?"""
    return "LOWER_UP" in link(name)


def set_cable(up: bool, device: str = "nic0") -> None:
    """Plug QEMU's cable in, or pull it."""
    run(VMCTL, "qmp", '{"execute": "set_link", "arguments": '
        f'{{"name": "{device}", "up": {str(up).lower()}}}}}')


def counters(name: str = NAME, where: tuple[str, ...] = ()) -> dict[str, int]:
    """`ip -s link`: rx_bytes, rx_packets, tx_bytes, tx_packets."""
    said = run(*where, "ip", "-s", "link", "show", "dev", name).splitlines()
    found = {}
    for i, line in enumerate(said):
        for way in ("RX", "TX"):
            if line.strip().startswith(f"{way}:"):
                numbers = said[i + 1].split()
                found[f"{way.lower()}_bytes"] = int(numbers[0])
                found[f"{way.lower()}_packets"] = int(numbers[1])
    return found


# ------------------------------------------------------------------ both ends

class Tap:
    """udrv-e1000 DEVICE tap, and what it said."""

    def __init__(self, *options: object, device: str = DEVICE,
                 prefix: tuple[str, ...] = (),
                 program: Path = DRIVER) -> None:
        self.log = Path(tempfile.mkstemp(prefix="tap-")[1])
        words = [*prefix, str(program), device, "tap", *map(str, options)]
        with self.log.open("w") as log:
            # pylint: disable-next=consider-using-with # ended by whoever made it
            self.process = subprocess.Popen(words, stdout=log, stderr=log,
                                            stdin=subprocess.DEVNULL)

    def said(self) -> str:
        """All it has said."""
        return self.log.read_text(errors="replace")

    def is_up(self) -> bool:
        """Does it serve, with link?"""
        if self.process.poll() is not None:
            raise Failure(f"the driver ended with {self.process.returncode}: "
                          f"{self.said()}")
        return "link up" in self.said()

    def wait(self, seconds: float = 20) -> int:
        """Its exit status."""
        try:
            return self.process.wait(seconds * SLOW)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"the driver does not end: {self.said()}") from late

    def stop(self) -> None:
        """SIGTERM; it must end well."""
        self.process.terminate()
        found = self.wait()
        check(not found, f"exit status {found}: {self.said()}")

    def kill(self) -> None:
        """As a crash."""
        self.process.kill()
        self.process.wait()


def set_up_peer() -> None:
    """The other end, which the kernel drives."""
    run(TOOL, "bind", DEVICE)  # first, or the kernel's driver takes it
    run("busybox", "modprobe", "e1000")
    run("ip", "netns", "add", PEER)
    nets = Path(f"/sys/bus/pci/devices/{PEER_DEVICE}/net")
    name = wait_for("the peer's interface",
                    lambda: nets.exists() and os.listdir(nets))
    run("ip", "link", "set", name[0], "netns", PEER, "name", PEER)
    run(*IN_PEER, "ip", "link", "set", "lo", "up")
    run(*IN_PEER, "ip", "addr", "add", f"{THEIRS}/24", "dev", PEER)
    run(*IN_PEER, "ip", "-6", "addr", "add", f"{THEIRS6}/64", "dev", PEER, "nodad")
    run(*IN_PEER, "ip", "link", "set", PEER, "up")


def set_up_ours() -> None:
    """Addresses, as on any interface."""
    run("ip", "addr", "add", f"{OURS}/24", "dev", NAME)
    run("ip", "-6", "addr", "add", f"{OURS6}/64", "dev", NAME, "nodad")
    run("ip", "link", "set", NAME, "up")


def wait_connected() -> None:
    """Until both ends have link, and hear each other."""
    wait_for("carrier", has_carrier)
    wait_for("an answer from the other end",
             lambda: " 0% packet loss" in run(
                 "ping", "-c1", "-W1", THEIRS, status=None), 30)


@contextlib.contextmanager
def connected(*options: object) -> Iterator[Tap]:
    """A driver and both ends; it must still serve afterwards, and end well."""
    set_up_peer()
    tap = Tap(*options)
    try:
        wait_for("the driver's link", tap.is_up)
        set_up_ours()
        wait_connected()
        yield tap
        if tap.process.poll() is None:
            tap.stop()
    except BaseException:
        print(f"--- {' '.join(map(str, tap.process.args))}")
        print(tap.said())
        raise


def drivers() -> list[int]:
    """The processes of udrv-e1000."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (each / "comm").read_text() == "udrv-e1000\n":
                found.append(int(each.name))
    return found


def clean_up() -> None:
    """Nothing is left, whatever happened."""
    for pid in drivers():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL,
             "check": False}
    subprocess.run(["ip", "link", "del", NAME], **quiet)
    if Path(f"/run/netns/{PEER}").exists():
        for pid in run("ip", "netns", "pids", PEER, status=None).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        subprocess.run(["ip", "netns", "del", PEER], **quiet)
    deadline = time.monotonic() + 20 * SLOW
    while drivers() and time.monotonic() < deadline:
        time.sleep(0.05)
    for device in (DEVICE, OTHER_DEVICE, WORLD_DEVICE):
        subprocess.run([TOOL, "unbind", device], **quiet)
    # Not before the namespace has given its device back.
    while (Path("/sys/module/e1000").exists() and time.monotonic() < deadline
           and subprocess.run(["rmmod", "e1000"], **quiet).returncode):
        time.sleep(0.1)


# ------------------------------------------------------------------- transfers

def in_peer(work: Callable[[], None]) -> threading.Thread:
    """A thread whose sockets are the peer's."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{PEER}", os.O_RDONLY)
    ready = threading.Event()

    def body() -> None:
        libc_setns(there)
        os.close(there)
        ready.set()
        work()

    thread = threading.Thread(target=body, daemon=True)
    thread.start()
    ready.wait()
    os.close(here)
    return thread


def libc_setns(fd: int) -> None:
    """setns() of the calling thread; Python has it only since 3.12."""
    import ctypes  # pylint: disable=import-outside-toplevel
    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x40000000):
        raise OSError(ctypes.get_errno(), "setns")


class Receiver:
    """Takes one TCP connection in the peer, and hashes what comes."""

    def __init__(self, port: int = 4000, family: int = socket.AF_INET) -> None:
        self.digest = hashlib.sha256()
        self.bytes = 0
        self.port = port
        self.family = family
        self.listening = threading.Event()
        self.thread = in_peer(self._body)
        check(self.listening.wait(20 * SLOW), "the receiver does not listen")

    def _body(self) -> None:
        server = socket.socket(self.family, socket.SOCK_STREAM)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("", self.port))
        server.listen(1)
        self.listening.set()
        connection, _ = server.accept()
        while data := connection.recv(1 << 16):
            self.digest.update(data)
            self.bytes += len(data)
        connection.close()
        server.close()

    def result(self, seconds: float) -> str:
        """The hash of all, when the sender has closed."""
        self.thread.join(seconds * SLOW)
        check(not self.thread.is_alive(),
              f"the transfer hangs after {self.bytes} bytes")
        return self.digest.hexdigest()


@contextlib.contextmanager
def serving_files(directory: Path, where: tuple[str, ...] = IN_PEER,
                  address: str = THEIRS) -> Iterator[None]:
    """Python's web server."""
    with subprocess.Popen([*where, "python3", "-m", "http.server", "8000",
                           "--bind", address, "--directory", str(directory)],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        try:
            wait_for("the web server listens", lambda: ":8000" in run(
                *where, "ss", "-ltn", status=None))
            yield
        finally:
            server.kill()


@contextlib.contextmanager
def serving_ssh(place: Path, where: tuple[str, ...],
                address: str) -> Iterator[tuple[object, ...]]:
    """A server with keys of its own; the command that logs in there."""
    host_key, key, config = place / "host", place / "key", ("-F", "none")
    if not key.exists():
        run("dropbearkey", "-t", "ed25519", "-f", host_key)
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key)
    # It looks there for who may log in; nobody else sees what it sees there.
    body = (f"mount -t tmpfs -o mode=700 home ~root && mkdir -m 700 ~root/.ssh && "
            f"cp {key}.pub ~root/.ssh/authorized_keys && "
            f"exec dropbear -F -E -s -P {place}/pid -r {host_key} -p {address}:22")
    log = place / "ssh-log"
    with log.open("w") as file, subprocess.Popen(
            [*where, "unshare", "--mount", "sh", "-c", body], stdout=file,
            stderr=file, stdin=subprocess.DEVNULL) as server:
        try:
            wait_for("the ssh server listens", lambda: check(
                server.poll() is None, log.read_text()) or f"{address}:22" in run(
                    *where, "ss", "-ltn"))
            yield ("ssh", *config, "-i", key, "-o", "BatchMode=yes", "-o",
                   "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
                   "-o", "LogLevel=ERROR", f"root@{address}")
        finally:
            server.kill()


def iperf(*options: object) -> float:
    """Seconds it took; the server is in the peer."""
    with subprocess.Popen([*IN_PEER, "iperf3", "-s", "-1"],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as server:
        try:
            wait_for("iperf3 listens", lambda: ":5201" in run(
                *IN_PEER, "ss", "-ltn"))
            said = run("iperf3", "-c", THEIRS, *options, timeout=120)
            server.wait(20 * SLOW)
        finally:
            server.kill()
    found = re.search(r"0\.00-(\d+\.\d+)\s+sec.*receiver", said)
    check(found, said)
    return float(found[1])
