# SPDX-License-Identifier: MIT
"""Cables with a NIC of ours at one end and the kernel's at the other."""

import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from ide_tools import Done, first_difference
from script import BUILD, PATIENCE, SLOW, TOP, Failure, Skip, check, wait_for

DRIVER = BUILD / "udrv-e1000"
TOOL = BUILD / "udrv"
VMCTL = TOP / "tests/qemu/vmctl"
PCI = Path("/sys/bus/pci")

# Two cables; forwarding joins them.
OURS, PEER = "0000:00:0d.0", "0000:00:06.0"
OURS2, PEER2 = "0000:00:19.0", "0000:00:1a.0"
HOT = "0000:01:00.0"
QEMU_NAMES = {OURS: "nic1", PEER: "nic0", OURS2: "nic2", PEER2: "nic3"}

BROADCAST = b"\xff" * 6
TYPE = 0x88b5  # IEEE 802: for local experiments
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
NO_IPV6 = Path("/proc/sys/net/ipv6/conf/default/disable_ipv6")
PACKET_AUXDATA, PACKET_IGNORE_OUTGOING = 8, 23
AUXDATA = struct.Struct("IIIHHHH")  # struct tpacket_auxdata
TP_STATUS_VLAN_VALID = 0x10

# uapi/udrv.h: struct udrv_io_step, struct udrv_io
STEP = struct.Struct("BBBBIQQQQ")
PROGRAM = struct.Struct("IIQIIII")
UDRV_IO = 0xDB05
PIDFD_GETFD = 438


def command(*args: object) -> str:
    """Run it; what it says."""
    done = subprocess.run([*map(str, args)], check=False, capture_output=True,
                          text=True)
    check(done.returncode == 0, f"{args}: {done.stderr}{done.stdout}")
    return done.stdout


def qmp(execute: str, **arguments: object) -> object:
    """Ask the host."""
    request = json.dumps({"execute": execute, "arguments": arguments})
    return json.loads(command(VMCTL, "qmp", request))


def driver_of(device: str) -> str:
    """Which kernel driver has it; "udrv" for us."""
    link = PCI / "devices" / device / "driver"
    return os.readlink(link).rpartition("/")[2] if link.exists() else ""


def interface(device: str) -> str:
    """The kernel's name of it."""
    names = [each.name for each in
             (PCI / "devices" / device / "net").glob("*")]
    check(names, f"{device} is no network interface")
    return names[0]


def load_kernel_driver() -> None:
    """The kernel's e1000, which takes no device by itself."""
    if (PCI / "drivers/e1000").exists():
        return
    (PCI / "drivers_autoprobe").write_text("0")
    # No packets that nobody asked for.
    if NO_IPV6.exists():
        NO_IPV6.write_text("1")
    if subprocess.run(["modprobe", "-q", "e1000"], check=False).returncode:
        (PCI / "drivers_autoprobe").write_text("1")
        raise Skip("this kernel has no e1000 driver")


def give_to_kernel(device: str) -> str:
    """The kernel's driver has it; its interface."""
    load_kernel_driver()
    if driver_of(device) == "udrv":
        command(TOOL, "unbind", device)
    if driver_of(device) != "e1000":
        (PCI / "drivers/e1000/bind").write_text(device)
    return interface(device)


def give_to_us(*devices: str) -> None:
    """They are bound to udrv."""
    for device in devices or (OURS,):
        if driver_of(device) != "udrv":
            command(TOOL, "bind", "--take", device)


def clean_up() -> None:
    """No other test meets the kernel's driver."""
    for each in Program.running:
        each.kill()
    for device in QEMU_NAMES:
        if driver_of(device) == "e1000":
            (PCI / "drivers/e1000/unbind").write_text(device)
        elif driver_of(device) == "udrv":
            subprocess.run([TOOL, "unbind", device], check=False,
                           capture_output=True)
    if (PCI / "drivers/e1000").exists():
        subprocess.run(["modprobe", "-r", "e1000"], check=False)
    (PCI / "drivers_autoprobe").write_text("1")
    if NO_IPV6.exists():
        NO_IPV6.write_text("0")


def access(fd: int, offset: int, value: int | None = None) -> int:
    """Read a register of BAR 0, or write it."""
    step = bytearray(STEP.pack(value is not None, 4, 0, 0, 0, offset,
                               value or 0, 0, 0))
    packed = (ctypes.c_char * len(step)).from_buffer(step)
    program = PROGRAM.pack(PROGRAM.size, 0, ctypes.addressof(packed), 1,
                           STEP.size, 0, 0)
    fcntl.ioctl(fd, UDRV_IO, bytearray(program), True)
    return STEP.unpack(step)[-1]


class Program:
    """A running udrv-e1000."""

    running: list["Program"] = []

    def __init__(self, *args: object, device: str = OURS,
                 fds: tuple[int, ...] = ()) -> None:
        # pylint: disable-next=consider-using-with # removed with it
        self.log = tempfile.NamedTemporaryFile()
        # pylint: disable-next=consider-using-with # ended by end()
        self.process = subprocess.Popen(
            [DRIVER, device, *map(str, args)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=self.log, pass_fds=fds)
        Program.running.append(self)

    def said(self) -> str:
        """On standard error, until now."""
        return Path(self.log.name).read_text()

    def await_word(self, word: str) -> None:
        """It says so."""
        wait_for(f"{word!r} of {self.process.args}: {self.said()}",
                 lambda: self.process.poll() is not None or word in self.said(),
                 60)
        check(word in self.said(), f"it ended: {self.said()}")

    def end(self, how: int = signal.SIGTERM) -> Done:
        """A signal, or 0 = by itself; how it went."""
        if how:
            self.process.send_signal(how)
        try:
            out, _ = self.process.communicate(timeout=3 * PATIENCE)
        except subprocess.TimeoutExpired as late:
            raise Failure(f"it does not end: {self.said()}") from late
        finally:
            self.kill()
        return Done(self.process.returncode, out, self.said())

    def clear_bits(self, register: int, bits: int) -> None:
        """Of a register, behind its back."""
        pidfd = os.pidfd_open(self.process.pid)
        theirs = next(int(each.name) for each in
                      Path(f"/proc/{self.process.pid}/fd").iterdir()
                      if os.readlink(each).startswith("/dev/udrv/"))
        fd = ctypes.CDLL(None).syscall(PIDFD_GETFD, pidfd, theirs, 0)
        os.close(pidfd)
        value = access(fd, register)
        access(fd, register, value & ~bits)
        os.close(fd)

    def kill(self) -> None:
        """Whatever it is doing."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(PATIENCE)
        if self in Program.running:
            Program.running.remove(self)


def ready(*args: object, device: str = OURS,
          fds: tuple[int, ...] = ()) -> Program:
    """Started, and taking packets."""
    program = Program(*args, device=device, fds=fds)
    program.await_word("ready")
    return program


def run(*args: object, device: str = OURS) -> Done:
    """Run it to its end."""
    return Program(*args, device=device).end(0)


def ended_well(done: Done, *sentences: str) -> Done:
    """With 0, and said all this."""
    check(done.status == 0, f"exit status {done.status}: {done.err}")
    for each in sentences:
        check(each in done.err, f'"{done.err}" does not say "{each}"')
    return done


class Peer:
    """The kernel's end of a cable, by a packet socket."""

    def __init__(self, device: str = PEER, mtu: int = 1500) -> None:
        self.name = name = give_to_kernel(device)
        if mtu != 1500:
            command("ip", "link", "set", name, "mtu", mtu)
        # As it is on the wire: nothing merged, stripped or left to be summed.
        command("ethtool", "-K", name, "gro", "off", "tx", "off",
                "rxvlan", "off", "txvlan", "off")
        command("ethtool", "-G", name, "rx", "4096")
        command("ip", "link", "set", name, "up")
        self.mac = bytes.fromhex(Path(f"/sys/class/net/{name}/address")
                                 .read_text().strip().replace(":", ""))
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                    socket.htons(ETH_P_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 256 << 20)
        self.socket.bind((name, ETH_P_ALL))
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        index = socket.if_nametoindex(name)
        self.socket.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, struct.pack(
            "IHH8s", index, PACKET_MR_PROMISC, 0, b""))
        carrier = Path(f"/sys/class/net/{name}/carrier")
        wait_for(f"{name} to have a link",
                 lambda: carrier.read_text().strip() == "1", 30)

    def send(self, frames: Iterable[bytes],
             rate: int = 1000 // SLOW) -> None:
        """At most so many a second: nobody waits for a full ring."""
        begin = time.monotonic()
        for i, frame in enumerate(frames):
            late = begin + i / rate - time.monotonic()
            if late > 0:
                time.sleep(late)
            self.socket.send(frame)

    def receive(self, seconds: float = PATIENCE) -> bytes | None:
        """The next frame; None: none comes."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return None
        data, controls, _, _ = self.socket.recvmsg(65536, 64)
        for level, kind, content in controls:
            if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
                status, *_, tag, _ = AUXDATA.unpack(content)
                # The kernel takes tags out of all packets, by itself.
                if status & TP_STATUS_VLAN_VALID:
                    data = (data[:12] + struct.pack("!HH", 0x8100, tag) +
                            data[12:])
        return data

    def drain(self) -> bytes | None:
        """Until none has come for a second; the last."""
        last = None
        while (got := self.receive(1)) is not None:
            last = got
        return last

    def expect(self, frames: Iterable[bytes], what: str) -> None:
        """These, in order, byte for byte."""
        for i, want in enumerate(frames):
            got = self.receive()
            check(got is not None, f"{what}: frame {i} does not come")
            difference = first_difference(got, want)
            check(not difference, f"{what}: frame {i}: {difference}")

    def expect_nothing(self, what: str) -> None:
        """It has been quiet since."""
        got = self.receive(1)
        check(got is None, f"{what}: {got!r}")


def our_mac(device: str = OURS) -> bytes:
    """The address of a NIC of ours."""
    found = re.search(r"^address\s+(\S+)$", run("info", device=device)
                      .out.decode(), re.MULTILINE)
    check(found, "info says no address")
    return bytes.fromhex(found[1].replace(":", ""))


def frame(to: bytes, origin: bytes, payload: bytes, kind: int = TYPE) -> bytes:
    """An Ethernet frame, padded."""
    return (to + origin + struct.pack("!H", kind) + payload).ljust(60, b"\0")


def write_pcap(file: str | Path, frames: Iterable[bytes], link: int = 1,
               cut: int = 0) -> None:
    """A pcap file; with cut, of frames that were longer than is kept."""
    with open(file, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, link))
        for i, each in enumerate(frames):
            out.write(struct.pack("<IIII", i, 0, len(each), len(each) + cut))
            out.write(each)


def read_pcap(data: bytes) -> list[bytes]:
    """The frames of a pcap file."""
    check(len(data) >= 24, f"{len(data)} bytes are no pcap file")
    magic, *_, link = struct.unpack("<IHHiIII", data[:24])
    check(magic == 0xa1b2c3d4 and link == 1, f"no pcap file: {data[:24]!r}")
    frames, at = [], 24
    while at < len(data):
        _, _, kept, length = struct.unpack_from("<IIII", data, at)
        check(kept == length, f"{kept} of {length} bytes are kept")
        frames.append(data[at + 16:at + 16 + kept])
        at += 16 + kept
    return frames


def same_frames(got: list[bytes], want: list[bytes], what: str) -> None:
    """Equal, in order."""
    for i, (a, b) in enumerate(zip(got, want)):
        difference = first_difference(a, b)
        check(not difference, f"{what}: frame {i}: {difference}")
    check(len(got) == len(want), f"{what}: {len(got)} frames, not {len(want)}")


def counters(text: str) -> dict[str, int]:
    """What --stats or stats prints."""
    return {name.strip(): int(value) for name, value in
            re.findall(r"^([\w ]+?)\s+(\d+)$", text, re.MULTILINE)}


# --- right checksums


def ones_sum(data: bytes, start: int = 0) -> int:
    """RFC 1071."""
    total = start + sum(struct.unpack(f"!{(len(data) + 1) // 2}H",
                                      data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def payload_of(packet: bytes) -> bytes:
    """Of a UDP or TCP packet whose lengths and checksums are right."""
    kind = struct.unpack_from("!H", packet, 12)[0]
    check(kind in (0x0800, 0x86dd), f"Ethernet type {kind:04x}")
    if kind == 0x0800:
        total, protocol = struct.unpack_from("!H", packet, 16)[0], packet[23]
        check(ones_sum(packet[14:34]) == 0xffff, "the IPv4 checksum is wrong")
        addresses, at, end = packet[26:34], 34, 14 + total
    else:
        length, protocol = struct.unpack_from("!HB", packet, 18)
        addresses, at, end = packet[22:54], 54, 54 + length
    check(end == len(packet) or end < 60 == len(packet),
          f"{len(packet)} bytes, but IP says {end}")
    check(ones_sum(addresses + packet[at:end], protocol + end - at) == 0xffff,
          "the transport checksum is wrong")
    header = packet[at + 12] // 16 * 4 if protocol == 6 else 8
    return packet[at + header:end]


