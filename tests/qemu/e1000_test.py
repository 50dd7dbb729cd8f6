#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""udrv-e1000 at one end of a cable, the kernel's driver at the other."""

import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from e1000_tools import (  # noqa: E402
    BROADCAST, DRIVER, HOT, OURS, OURS2, PCI, PEER2, QEMU_NAMES, TOOL, TYPE,
    VMCTL, Peer, Program, clean_up, command, counters, ended_well, frame,
    give_to_kernel, give_to_us, our_mac, payload_of, qmp, read_pcap, ready,
    run, same_frames, write_pcap)
from ide_tools import Done, fails  # noqa: E402
from script import (  # noqa: E402
    PATIENCE, SLOW, TOP, Test, by_name, check, figure, for_everybody, main,
    pattern, wait_for)

RATE = 1000  # packets a second, of which a kernel with a full ring loses none
RING = ("--ring", 4096)
JUMBO = (1515, 2048, 3000, 4096, 9014)
GROUP = bytes.fromhex("01005e0000fb")
TAG = struct.Struct("!HH")
TCTL, TCTL_ENABLE = 0x400, 2
PACKETS_PROGRAM = TOP / "build/packets"
PACKETS = int(os.environ.get("UDRV_PACKETS", 100000 // SLOW))


# All of them; on a slow kernel some, the first and the last among them.
SIZES = (*range(60, 1514, 1 if SLOW == 1 else 23), 1514)


def every_size(to: bytes, seed: int,
               sizes: Iterable[int] = SIZES) -> list[bytes]:
    """A frame of each, of bytes that tell them apart."""
    origin = b"\x02" + pattern(seed, 5)
    return [frame(to, origin, pattern(seed + size, size - 14))
            for size in sizes]


# --- looking

def agrees_with_the_kernel() -> None:
    """What info says of the NIC is what the kernel's driver and lspci say."""
    name = give_to_kernel(OURS)
    mac = Path(f"/sys/class/net/{name}/address").read_text().strip()
    dump = command("ethtool", "-e", name, "length", 6).splitlines()[-1]
    give_to_us()
    done = ended_well(run("info"))
    said = dict(line.split(None, 1) for line in done.out.decode().splitlines())
    model = command("lspci", "-s", OURS)
    check(said["model"] in model, f"{said['model']} is not in {model}")
    check(said["address"] == said["EEPROM"] == mac, f"{said}, not {mac}")
    check(dump.split(":", 1)[1].split() == mac.split(":"), dump)
    check(said["checksum"] == "good", said["checksum"])
    check(said["link"].startswith("up, 1000 Mb/s, full duplex"), said["link"])
    check(int(said["PHY"], 16) >> 16 == 0x0141, f"no Marvell: {said['PHY']}")


def counts_what_it_sends() -> None:
    """Every size class of the registers; then they are read, and zero."""
    peer = Peer()
    give_to_us()
    with tempfile.NamedTemporaryFile() as file:
        frames = every_size(BROADCAST, 1, (60, 61, 124, 252, 508, 1020, 1514))
        write_pcap(file.name, frames)
        done = ended_well(run("send", "--file", file.name, "--stats"),
                          f"7 packets sent, {sum(map(len, frames))} bytes")
    peer.expect(frames, "sent")
    # With the FCS.
    want = {"GPTC": 7, "TPT": 7, "BPTC": 7, "PTC64": 1, "PTC127": 1,
            "PTC255": 1, "PTC511": 1, "PTC1023": 1, "PTC1522": 2,
            "GOTC": sum(map(len, frames)) + 28}
    got = counters(done.out.decode())
    for name, value in want.items():
        check(got.get(name) == value, f"{name} is {got.get(name)}, not {value}")
    program = ready("stats", "--count", 20)
    peer.send(every_size(BROADCAST, 2, range(60, 90)))
    after = counters(ended_well(program.end(0)).out.decode())
    check(len(after) == 54 and not after["GPTC"] and after["GPRC"] >= 20,
          f"{after}")
    # QEMU takes a broadcast for a multicast.
    check(after["BPRC"] + after["MPRC"] >= 10, f"{after}")
    check(ended_well(run("stats")).out, "nothing is shown without options")


# --- sending

def sends_every_size() -> None:
    """From a pcap file, byte for byte, interrupts or not."""
    peer = Peer()
    give_to_us()
    for i, options in enumerate(((), ("--poll",), ("--adaptive",))):
        frames = every_size(peer.mac, 10 + i)
        with tempfile.NamedTemporaryFile() as file:
            write_pcap(file.name, frames)
            ended_well(run("send", "--file", file.name, "--rate", RATE,
                           *options), f"{len(frames)} packets sent")
        peer.expect(frames, f"{options}")
    peer.expect_nothing("at last")


def sends_jumbo_frames() -> None:
    """Up to what the kernel's end takes; without --frame they are refused."""
    peer = Peer(mtu=9000)
    give_to_us()
    frames = every_size(peer.mac, 20, JUMBO)
    with tempfile.NamedTemporaryFile() as file:
        write_pcap(file.name, frames)
        ended_well(run("send", "--file", file.name, "--frame", 9014),
                   "5 packets sent")
        peer.expect(frames, "jumbo frames")
        fails(run("send", "--file", file.name), "has 1515 bytes")
    peer.expect_nothing("refused")


def writes_checksums() -> None:
    """The NIC's are the same as the processor's, and right."""
    peer = Peer()
    give_to_us()
    for family in ((), ("--ipv6",)):
        for size in (82, 83, 1001, 1514):
            frames = []
            for options in ((), ("--checksum",)):
                ended_well(run("send", "--count", 50, "--size", size, *family,
                               *options), "50 packets sent")
                got = [peer.receive() for _ in range(50)]
                for i, each in enumerate(got):
                    check(each, f"packet {i} of {size} does not come")
                    number = struct.unpack_from("!Q", payload_of(each))[0]
                    check(number == i, f"packet {number}, not {i}")
                frames.append(got)
            same_frames(frames[1], frames[0], f"{family} {size}")


def segments() -> None:
    """TCP, by the NIC: sequence numbers, lengths, checksums, content."""
    peer = Peer()
    give_to_us()
    for family, headers in (((), 54), (("--ipv6",), 74)):
        for size, mss in ((65535, 1440), (1514, 700), (3000, 1000),
                          (headers + 64, 10)):
            count = 1 if size < 65535 else 3
            ended_well(run("send", "--count", count, "--size", size, "--mss",
                           mss, *family, *RING), f"{count} packets sent")
            for number in range(count):
                check_segments(peer, number, size - headers, mss,
                               bool(family))
    peer.expect_nothing("at last")


def check_segments(peer: Peer, number: int, size: int, mss: int,
                   ipv6: bool) -> None:
    """One packet's."""
    content = b""
    at = 54 if ipv6 else 34
    while len(content) < size:
        packet = peer.receive()
        check(packet, f"{len(content)} of {size} bytes came")
        if ipv6:
            # QEMU's model counts the IPv6 header in; 3.5.4 does not.
            said, = struct.unpack_from("!H", packet, 18)
            check(said == len(packet) - 14, f"IPv6 says {said}")
            packet = (packet[:18] + struct.pack("!H", said - 40) + packet[20:])
        sequence, = struct.unpack_from("!I", packet, at + 4)
        check(sequence == len(content), f"segment at {sequence}")
        payload = payload_of(packet)
        check(len(payload) == min(mss, size - len(content)),
              f"a segment of {len(payload)} bytes")
        last = len(content) + len(payload) == size
        check(bool(packet[at + 13] & 8) == last, "PSH is not in the last")
        content += payload
    want = struct.pack("!Q", number) + bytes(
        ((i * 7 + i // 256) & 255) for i in
        range(at + 28, at + 20 + size))
    check(content == want, "the content is another")


def inserts_tags() -> None:
    """By the NIC, beside checksums."""
    peer = Peer()
    give_to_us()
    for i, options in enumerate(((), ("--checksum",), ("--mss", 500))):
        tag = 0x6064 + i
        ended_well(run("send", "--size", 500, "--tag", tag, *options))
        got = peer.receive()
        check(got and TAG.unpack_from(got, 12) == (0x8100, tag), f"{got!r}")
        payload_of(got[:12] + got[16:])


def keeps_the_rate() -> None:
    """Not faster than --rate; as fast as it can without."""
    peer = Peer()
    give_to_us()
    begin = time.monotonic()
    ended_well(run("send", "--count", 600, "--rate", 200))
    took = time.monotonic() - begin
    check(took >= 2.9, f"600 packets at 200 a second took {took:.1f} s")
    for _ in range(600):
        check(peer.receive(), "not all came")


# --- receiving

def captures_every_size() -> None:
    """What the kernel sent, nothing else; tcpdump can read it."""
    peer = Peer()
    give_to_us()
    for i, options in enumerate(((), ("--poll",), ("--adaptive",))):
        frames = every_size(BROADCAST, 30 + i)
        with tempfile.NamedTemporaryFile() as file:
            program = ready("capture", "--file", file.name, "--count",
                            len(frames), *RING, *options)
            peer.send(frames)
            ended_well(program.end(0), f"{len(frames)} packets captured, "
                       f"{sum(map(len, frames))} bytes")
            same_frames(read_pcap(Path(file.name).read_bytes()), frames,
                        f"{options}")
            text = command("tcpdump", "--count", "-r", file.name)
            check(text == f"{len(frames)} packets\n", f"tcpdump says {text}")


def captures_to_a_pipe() -> None:
    """As it comes, to standard output; SIGINT ends it in good order."""
    peer = Peer()
    give_to_us()
    frames = every_size(BROADCAST, 40, range(100, 150))
    program = ready("capture", "--file", "-")
    peer.send(frames)
    got = b""
    while len(got) < 24 + sum(16 + len(each) for each in frames):
        got += os.read(program.process.stdout.fileno(), 65536)
    done = ended_well(program.end(signal.SIGINT), "50 packets captured")
    check(not done.out, "there is more")
    same_frames(read_pcap(got), frames, "captured")
    with subprocess.Popen([DRIVER, OURS, "capture"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as broken:
        broken.stdout.close()
        wait_for("it to start", lambda: b"ready" in broken.stderr.readline())
        while broken.poll() is None:
            peer.send(frames)
        check(b"Broken pipe" in broken.stderr.read(), "no word of the pipe")


def captures_jumbo_frames() -> None:
    """Each in one piece; what is longer than --frame's buffers is dropped."""
    peer = Peer(mtu=9000)
    give_to_us()
    frames = every_size(BROADCAST, 50, JUMBO)
    with tempfile.NamedTemporaryFile() as file:
        program = ready("capture", "--file", file.name, "--count", 5,
                        "--frame", 9014)
        peer.send(frames)
        ended_well(program.end(0), "5 packets captured")
        same_frames(read_pcap(Path(file.name).read_bytes()), frames, "jumbo")
        program = ready("capture", "--file", file.name, "--count", 3,
                        "--frame", 2000, "--stats")
        small = every_size(BROADCAST, 60, (60, 61, 1514))
        peer.send([small[0], frames[-1], small[1], frames[2], small[2]])
        done = ended_well(program.end(0), "3 packets captured")
        same_frames(read_pcap(Path(file.name).read_bytes()), small, "others")
        check(counters(done.out.decode()).get("oversize") == 2, "not counted")


def drops_what_is_too_long() -> None:
    """Longer than --frame, although it would fit the buffer."""
    peer = Peer()
    give_to_us()
    with tempfile.NamedTemporaryFile() as file:
        program = ready("capture", "--file", file.name, "--count", 3,
                        "--frame", 1000, "--stats")
        fit = every_size(BROADCAST, 70, (60, 1000, 64))
        long = every_size(BROADCAST, 80, (1100, 1514))
        peer.send([fit[0], long[0], fit[1], long[1], fit[2]])
        done = ended_well(program.end(0), "3 packets captured")
        same_frames(read_pcap(Path(file.name).read_bytes()), fit, "fit")
        check(counters(done.out.decode()).get("oversize") == 2, "not counted")


def filters() -> None:
    """By address, group (matched and hashed) and VLAN."""
    peer = Peer()
    give_to_us()
    mine = our_mac()
    groups = [GROUP[:5] + bytes([i]) for i in range(40)]
    others = [b"\x02" + pattern(1, 5), mine[:5] + bytes([mine[5] ^ 1]), GROUP]
    named = [":".join(f"{byte:02x}" for byte in each) for each in groups]
    wanted = [mine, BROADCAST, *groups]

    def takes(want: list[bytes], send: list[bytes], *options: object) -> None:
        end = frame(BROADCAST, peer.mac, b"end")
        with tempfile.NamedTemporaryFile() as file:
            program = ready("capture", "--file", file.name, "--count",
                            len(want) + 1, *options)
            peer.send([*send, end])
            ended_well(program.end(0))
            same_frames(read_pcap(Path(file.name).read_bytes()), [*want, end],
                        f"{options}")

    def to(macs: list[bytes]) -> list[bytes]:
        return [frame(each, peer.mac, pattern(i, 46))
                for i, each in enumerate(macs)]

    everybody = to([*wanted, *others])
    takes(everybody, everybody)
    takes(everybody[:2], everybody, "--own")
    takes(everybody[:-len(others)], everybody, "--own",
          *(word for each in named for word in ("--multicast", each)))
    other = "02:00:00:00:00:77"
    takes(to([bytes.fromhex(other.replace(":", ""))]),
          [*to([mine])[:1], *to([bytes.fromhex(other.replace(":", ""))])],
          "--own", "--mac", other)
    tagged = [BROADCAST + peer.mac + TAG.pack(0x8100, i) + bytes(50)
              for i in (0, 7, 99, 0x2063, 4095)]
    takes(tagged, tagged, "--own")
    takes([tagged[1], tagged[4]], tagged, "--own", "--vlan", 7, "--vlan", 4095)
    # The tag's other four bits are no part of the VLAN.
    takes(tagged[2:4], tagged, "--own", "--vlan", 99)


def strips_tags() -> None:
    """And inserts them again; a frame without one stays without."""
    peer = Peer()
    give_to_us()
    program = ready("echo", "--own", "--strip", "--count", 3)
    body = pattern(1, 50)
    for tag in (b"", TAG.pack(0x8100, 5), TAG.pack(0x8100, 0xf123)):
        kind = struct.pack("!H", TYPE)
        peer.send([BROADCAST + peer.mac + tag + kind + body])
        peer.expect([peer.mac + BROADCAST + tag + kind + body], f"{tag!r}")
    ended_well(program.end(0), "2 tags stripped", "3 packets echoed")


# --- there and back

def echoes() -> None:
    """With addresses swapped, in order."""
    peer = Peer()
    give_to_us()
    mine = our_mac()
    for options in ((), ("--poll",)):
        program = ready("echo", *RING, *options)
        frames = every_size(mine, 70, range(60, 1514, 3))
        peer.send(frames)
        peer.expect([each[6:12] + each[:6] + each[12:] for each in frames],
                    f"{options}")
        ended_well(program.end(), f"{len(frames)} packets echoed")


def forwards() -> None:
    """10,000 packets each way between two cables: none lost, none reordered."""
    here, there = Peer(), Peer(PEER2)
    give_to_us(OURS, OURS2)
    for options, count in (((), 10000 // SLOW), (("--poll",), 2000)):
        program = ready("forward", OURS2, *RING, *options)
        forward_all(here, there, count)
        done = ended_well(program.end())
        moved = re.findall(r" to .*: (\d+) packets, (\d+) bytes", done.err)
        check(moved == [(str(count), str(count * 100))] * 2, done.err)


def forwards_full_tagged_frames() -> None:
    """A tag is not counted: 1518 bytes are as good as 1514."""
    here, there = Peer(), Peer(PEER2)
    give_to_us(OURS, OURS2)
    program = ready("forward", OURS2)
    frames = [frame(BROADCAST, bytes([2, i, 0, 0, 0, 0]),
                    struct.pack("!HH", i, 0x0800) + pattern(i, 1500), 0x8100)
              for i in range(1, 4)]
    here.send(frames)
    there.expect(frames, "tagged")
    ended_well(program.end())


def forward_all(here: Peer, there: Peer, count: int, step: int = 500) -> None:
    """Both ways at once, each no more than a step ahead of the other end."""
    for base in range(0, count, step):
        numbers = range(base, base + step)
        ways = [(here, there, 1), (there, here, 2)]
        for source, _, way in ways:
            source.send((numbered(n, way) for n in numbers),
                        4 * RATE // SLOW)
        for _, sink, way in ways:
            sink.expect((numbered(n, way) for n in numbers), f"way {way}")


def packets_come_back_whole() -> None:
    """Each of 100,000, or of UDRV_PACKETS, of any size, after our receive and our
    transmit ring: the same bytes, in order, none lost, none twice."""
    peer = Peer()
    give_to_us()
    mac = ":".join(f"{byte:02x}" for byte in our_mac())
    for part, options in enumerate(((), ("--adaptive",))):
        count = (PACKETS + part) // 2
        program = ready("echo", "--own", *RING, *options)
        with subprocess.Popen(
                [PACKETS_PROGRAM, peer.name, mac, str(count), "512",
                 f"{PATIENCE:.0f}"], stdout=subprocess.PIPE, text=True) as sender:
            assert sender.stdout
            line = ""
            for line in map(str.rstrip, sender.stdout):
                if " of " in line:
                    figure("packets", part * (PACKETS // 2) +
                           int(line.partition(" ")[0]))
        check(sender.returncode == 0, line)
        ended_well(program.end(), f"{count} packets echoed")


def numbered(number: int, way: int) -> bytes:
    """A frame of 100 bytes."""
    return frame(BROADCAST, bytes([2, way]) + bytes(4),
                 struct.pack("!Q", number) * 10 + bytes(6))


# --- when things go wrong

def survives_an_overrun() -> None:
    """Nobody drains the ring; then somebody does, and all is as it was."""
    peer = Peer()
    give_to_us()
    with tempfile.NamedTemporaryFile() as file:
        program = ready("capture", "--file", file.name, "--stats")
        program.process.send_signal(signal.SIGSTOP)
        flood = [numbered(i, 1) for i in range(2000)]
        peer.send(flood, 4 * RATE)
        time.sleep(1)
        program.process.send_signal(signal.SIGCONT)
        # What was in the ring is whole; from now on nothing is lost.
        wait_for("what was in the ring",
                 lambda: len(read_some(file.name)) > 200)
        time.sleep(1)
        kept = read_some(file.name)
        after = [numbered(i, 2) for i in range(1000)]
        peer.send(after)
        wait_for("the packets after", lambda: len(read_some(file.name)) >=
                 len(kept) + 1000)
        done = ended_well(program.end())
        frames = read_pcap(Path(file.name).read_bytes())
    check(len(kept) < 2000, "the ring was never full")
    same_frames(frames[len(kept):], after, "after the flood")
    order = [flood.index(each) for each in kept]
    check(order == sorted(set(order)), "the flood's are out of order")
    got = counters(done.out.decode())
    check(got.get("MPC", 0) + got.get("RNBC", 0) > 0 or
          got["GPRC"] == len(frames), f"not counted: {got}")


def read_some(file: str) -> list[bytes]:
    """The whole packets of a file that is being written."""
    data = Path(file).read_bytes()
    end = 24
    while end + 16 <= len(data):
        size = struct.unpack_from("<I", data, end + 8)[0]
        if end + 16 + size > len(data):
            break
        end += 16 + size
    return read_pcap(data[:end]) if len(data) >= 24 else []


def set_link(device: str, up: bool) -> None:
    """Pull the cable out of it, or put it in."""
    qmp("set_link", name=QEMU_NAMES[device], up=up)


def sees_the_link() -> None:
    """Down, up; traffic goes on. info says so too."""
    peer = Peer()
    give_to_us()
    program = ready("echo")
    try:
        for i in range(3):
            set_link(OURS, False)
            wait_for("link down", lambda: program.said().count("link down") > i)
            set_link(OURS, True)
            wait_for("link up", lambda: program.said().count("link up") > i)
        peer.send([frame(BROADCAST, peer.mac, b"on")])
        peer.expect([frame(peer.mac, BROADCAST, b"on")], "after it")
        ended_well(program.end(), "1 packets echoed")
        set_link(OURS, False)
        done = ended_well(run("info"), "there is no link")
        check(b"link        down" in done.out, done.out.decode())
        ended_well(run("send", "--count", 3), "there is no link")
    finally:
        set_link(OURS, True)
    program = ready("echo", "--count", 1)
    peer.send([frame(BROADCAST, peer.mac, b"again")])
    peer.expect([frame(peer.mac, BROADCAST, b"again")], "at last")
    ended_well(program.end(0))


def has_successors() -> None:
    """Killed in the middle of traffic, again and again; the next one works."""
    peer = Peer()
    give_to_us()
    flood = [numbered(i, 3) for i in range(64)]
    for i in range(6):
        kind = (["send", "--count", 1000000, "--mss", 1000, "--size", 20000],
                ["echo"], ["send", "--count", 1000000])[i % 3]
        program = Program(*kind)
        if kind[0] == "echo":
            program.await_word("ready")
        else:
            time.sleep(0.3)
        peer.send(flood, 20 * RATE)
        program.kill()
        peer.drain()
        program = ready("echo", "--count", 100)
        frames = [numbered(n, i) for n in range(100)]
        peer.send(frames)
        peer.expect([each[6:12] + each[:6] + each[12:] for each in frames],
                    f"after kill {i}")
        ended_well(program.end(0), "100 packets echoed")


def has_heirs() -> None:
    """The file outlives its process: what that left in NIC and ledger, packets
    still coming in, is ended by the next one."""
    peer = Peer()
    give_to_us()
    fd = os.open(f"/dev/udrv/{OURS}", os.O_RDWR)
    try:
        for i in range(5):
            program = ready("echo", "--fd", fd, fds=(fd,))
            frames = [numbered(n, i) for n in range(100)]
            peer.send(frames)
            peer.expect([each[6:12] + each[:6] + each[12:] for each in frames],
                        f"heir {i}")
            program.kill()
            peer.send([numbered(n, 9) for n in range(400)], 4 * RATE)
        # Two rings and the pool, of the last one.
        left = re.findall("^mapping ", command(TOOL, "info", OURS), re.M)
        check(len(left) == 3, f"{len(left)} mappings are left")
    finally:
        os.close(fd)
    ended_well(run("info"))


def ends_when_it_is_unbound() -> None:
    """Under traffic, with a sentence, whatever it was doing."""
    peer = Peer()
    give_to_us()
    mine = our_mac()
    for args in (["echo"], ["echo", "--poll"],
                 ["capture", "--file", "/dev/null"],
                 ["send", "--count", 10000000, "--rate", 500]):
        give_to_us()
        program = Program(*args)
        if args[0] == "send":
            wait_for("it to send",
                     lambda: (peer.receive() or b"")[6:12] == mine)
        else:
            program.await_word("ready")
        peer.send([numbered(i, 1) for i in range(200)])
        command(TOOL, "unbind", OURS)
        done = fails(program.end(0), OURS)
        check("gone" in done.err or "unplugged" in done.err, done.err)


def ends_on_signals() -> None:
    """With its sums, whether it sleeps or works."""
    peer = Peer()
    give_to_us(OURS, OURS2)
    for how in (signal.SIGINT, signal.SIGTERM):
        ended_well(ready("echo").end(how), "0 packets echoed")
        ended_well(ready("capture", "--file", "/dev/null", "--poll").end(how),
                   "0 packets captured")
        ended_well(ready("forward", OURS2).end(how), f"{OURS2}: 0 packets")
        program = Program("send", "--count", 100000000, "--rate", 100)
        check(peer.receive(), "it sends nothing")
        ended_well(program.end(how), "packets sent")
        peer.drain()
    ended_well(run("echo", "--seconds", "0.5"), "0 packets echoed")


def recovers_a_hung_transmitter() -> None:
    """Its head does not move: it is reset, and goes on."""
    peer = Peer()
    give_to_us()
    program = Program("send", "--count", 2000, "--rate", 200, "--stats")
    check(peer.receive(), "it sends nothing")
    program.clear_bits(TCTL, TCTL_ENABLE)
    program.await_word("the transmit unit was hung, and was reset")
    done = ended_well(program.end(0), "2000 packets sent")
    got = counters(done.out.decode())
    check(got.get("hangs") == got.get("resets") == 1, f"{got}")
    last = peer.drain()
    check(last and struct.unpack_from("!Q", payload_of(last))[0] == 1999,
          "the last packet did not come")


def moderates_interrupts() -> None:
    """One at most for each of --interrupts; none at all with --poll."""
    peer = Peer()
    give_to_us()
    taken = {}
    for options in ((), ("--interrupts", 100), ("--poll",)):
        program = ready("capture", "--file", "/dev/null", "--count", 1500,
                        "--stats", *RING, *options)
        begin = time.monotonic()
        peer.send([numbered(i, 1) for i in range(1500)])
        done = ended_well(program.end(0))
        took = time.monotonic() - begin
        taken[options] = counters(done.out.decode())["interrupts"]
        if "--interrupts" in options:
            check(taken[options] <= took * 100 + 10,
                  f"{taken[options]} interrupts in {took:.1f} s")
    check(taken[()] > 0, "no interrupts at all")
    check(taken[("--poll",)] == 0, "interrupts in spite of --poll")


def is_one_owners() -> None:
    """Somebody has it: who, and nothing happens to him."""
    peer = Peer()
    give_to_us(OURS, OURS2)
    program = ready("echo", "--count", 1)
    for args in (["info"], ["send"], ["echo"]):
        fails(run(*args), str(program.process.pid))
    fails(run("forward", OURS, device=OURS2), str(program.process.pid))
    peer.send([frame(BROADCAST, peer.mac, b"x")])
    ended_well(program.end(0), "1 packets echoed")
    fails(run("forward", OURS), OURS)


WRONG = (
    ([], "a device and a command"), ([OURS], "a device and a command"),
    ([OURS, "sent"], "no command sent"), ([OURS, "info", "x"], "x is too much"),
    ([OURS, "forward"], "a second device"),
    ([OURS, "info", "--count", "3"], "info does not take --count"),
    ([OURS, "echo", "--size", "60"], "echo does not take --size"),
    ([OURS, "send", "--size", "59"], "--size takes a number from 60"),
    ([OURS, "send", "--size", "1515"], "more than the largest frame, 1514"),
    ([OURS, "send", "--size", "60", "--ipv6"], "--size is 70 at least"),
    ([OURS, "send", "--mss", "1441"], "--mss 1441 does not fit"),
    ([OURS, "send", "--to", "1:2:3:4:5"], "not 1:2:3:4:5"),
    ([OURS, "send", "--to", "1:2:3:4:5:6:7"], "--to takes an address"),
    ([OURS, "send", "--to", "01:02:03:04:05:0x6"], "--to takes an address"),
    ([OURS, "send", "--count", "0"], "--count takes"),
    ([OURS, "send", "--count", "-1"], "not -1"),
    ([OURS, "send", "--count", "5s"], "not 5s"),
    ([OURS, "send", "--file", "x", "--tag", "3"], "is sent as it is"),
    ([OURS, "send", "--tag", "65536"], "--tag takes"),
    ([OURS, "capture", "--vlan", "1"], "need --own"),
    ([OURS, "capture", "--own", "--vlan", "4096"], "--vlan takes"),
    ([OURS, "echo", "--multicast", "02:00:00:00:00:01"], "a group's address"),
    ([OURS, "echo", "--seconds", "0"], "--seconds takes"),
    ([OURS, "echo", "--seconds", "nan"], "--seconds takes"),
    ([OURS, "echo", "--poll", "--adaptive"], "exclude each other"),
    ([OURS, "forward", OURS2, "--fd", "3"], "no --fd"),
    ([OURS, "info", "--fast"], "--fast"),
)

REFUSED = (
    (["--ring", "100"], "a power of two of descriptors from 64 to 4096"),
    (["--mac", "01:00:00:00:00:01"], "no single station's"),
    (["--mac", "00:00:00:00:00:00"], "no single station's"),
    (["--fd", "99"], "99"),
)


def refuses_wrong_arguments() -> None:
    """With 2, before anything is done; or with 1 and what would help."""
    give_to_us()
    for args, sentence in WRONG:
        done = subprocess.run([DRIVER, *args], check=False, text=True,
                              capture_output=True)
        fails(Done(done.returncode, b"", done.stderr), sentence, 2)
    for args, sentence in REFUSED:
        fails(run("info", *args), sentence)
    fails(run("info", device="0000:00:03.0"), "is not a NIC that this driver")
    fails(run("info", device="0000:00:1f.7"), "0000:00:1f.7")
    fails(run("forward", "0000:00:03.0"), "is not a NIC that this driver")
    fails(run("send", "--file", "/no/such"), "/no/such")
    fails(run("send", "--file", "/dev/null"), "/dev/null")
    fails(run("capture", "--file", "/no/such/file"), "/no/such/file")
    with tempfile.NamedTemporaryFile() as file:
        for frames, options, sentence in (
                ([bytes(10)], {}, "packet 1 has 10 bytes"),
                ([bytes(60)], {"link": 113}, "link type 113"),
                ([bytes(60)], {"cut": 5}, "captured in part only: 60 of 65")):
            write_pcap(file.name, frames, **options)
            fails(run("send", "--file", file.name), sentence)
    done = subprocess.run([DRIVER, "--help"], check=False, text=True,
                          capture_output=True)
    check(done.returncode == 0 and done.stdout.startswith("usage: udrv-e1000"),
          f"--help: {done.returncode}")


def leaves_a_kernel_driver_alone() -> None:
    """The NIC is not taken from it; how to is said."""
    name = give_to_kernel(OURS)
    fails(run("info"), "udrv bind --take")
    check(Path(f"/sys/class/net/{name}").exists(), "it was taken all the same")


def runs_unprivileged() -> None:
    """Who may open the file needs nothing else."""
    peer = Peer()
    give_to_us()
    command("chown", "nobody", f"/dev/udrv/{OURS}")
    with (tempfile.TemporaryFile() as log,
          tempfile.TemporaryDirectory() as place):
        # pylint: disable-next=consider-using-with # waited for below
        program = subprocess.Popen(
            [for_everybody(DRIVER, place), OURS, "echo", "--own", "--count",
             "5"], user="nobody", group="nogroup", extra_groups=[], stderr=log)
        wait_for("ready", lambda: program.poll() is not None or
                 b"ready" in os.pread(log.fileno(), 4096, 0))
        frames = [numbered(i, 5) for i in range(5)]
        peer.send(frames)
        status = program.wait(3 * PATIENCE)
        said = os.pread(log.fileno(), 4096, 0).decode()
    check(status == 0 and "5 packets echoed" in said, said)
    command("chown", "root", f"/dev/udrv/{OURS}")


def drives_the_family() -> None:
    """An 82545EM, and an 82544GC, whose EEPROM is read bit by bit."""
    peer = Peer()
    unplug("hotedu")
    qmp("netdev_add", type="hubport", id="hotend", hubid=0)
    try:
        for model, driver in (("82545EM", "e1000-82545em"),
                              ("82544GC", "e1000-82544gc")):
            mac = f"52:54:00:00:45:{model[4]}{model[4]}"
            plug(driver, id="hotnic", netdev="hotend", mac=mac)
            try:
                drive_member(peer, model, mac)
            finally:
                unplug("hotnic")
    finally:
        qmp("netdev_del", id="hotend")
        plug("edu", id="hotedu")


def plug(driver: str, **properties: str) -> None:
    """Into the port that takes devices while the machine runs."""
    qmp("device_add", driver=driver, bus="hotport", **properties)
    (PCI / "rescan").write_text("1")
    wait_for(f"{driver} to be there", (PCI / "devices" / HOT).exists)


def unplug(name: str) -> None:
    """Out of it, and wait until it is gone."""
    qmp("device_del", id=name)
    command(VMCTL, "event", "DEVICE_DELETED")
    wait_for(f"{name} to be gone", lambda: not (PCI / "devices" / HOT).exists())


def drive_member(peer: Peer, model: str, mac: str) -> None:
    """One of the family."""
    wait_for("udrv to have it", lambda: not subprocess.run(
        [TOOL, "bind", "--take", HOT], check=False).returncode)
    out = ended_well(run("info", device=HOT)).out.decode()
    check(model in out and out.count(mac) == 2 and
          re.search("checksum +good", out), out)
    program = ready("echo", "--count", 50, device=HOT)
    frames = [numbered(i, 6) for i in range(50)]
    peer.send(frames)
    peer.expect([each[6:12] + each[:6] + each[12:] for each in frames], model)
    ended_well(program.end(0), "50 packets echoed")


def needs_an_iommu() -> None:
    """Or the administrator's word: then it works without, forwarding too."""
    parameter = Path("/sys/module/udrv/parameters/"
                     "enable_unsafe_dma_without_iommu")
    give_to_us(OURS, OURS2)
    fails(run("info"), "enable_unsafe_dma_without_iommu")
    parameter.write_text("1")
    try:
        here, there = Peer(), Peer(PEER2)
        program = ready("forward", OURS2)
        forward_all(here, there, 2000, 100)
        ended_well(program.end(), f"{OURS2}: 2000 packets")
        # The first NIC had the pool: it is let go all the same.
        ended_well(run("info"))
    finally:
        parameter.write_text("0")


def tests() -> dict[str, Test]:
    """Of this machine."""
    without = os.environ.get("UDRV_MACHINE") == "noiommu"
    return by_name([needs_an_iommu] if without else TESTS)


TESTS = [
    agrees_with_the_kernel, counts_what_it_sends, sends_every_size,
    sends_jumbo_frames, writes_checksums, segments, inserts_tags,
    keeps_the_rate, captures_every_size, captures_to_a_pipe,
    captures_jumbo_frames, drops_what_is_too_long, filters, strips_tags, echoes,
    packets_come_back_whole, forwards, forwards_full_tagged_frames,
    survives_an_overrun, sees_the_link, has_successors, has_heirs,
    ends_when_it_is_unbound, ends_on_signals, recovers_a_hung_transmitter,
    moderates_interrupts, is_one_owners, refuses_wrong_arguments,
    leaves_a_kernel_driver_alone, runs_unprivileged, drives_the_family,
]

if __name__ == "__main__":
    # A few hundred packets a second are enough to be alive.
    sys.exit(main(tests, "iommu noiommu", max(180, PACKETS / 300),
                  clean_up=clean_up))
