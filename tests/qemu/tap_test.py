#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""`udrv-e1000 DEVICE tap` as its users know it: an interface like any other, to
ping, curl, iperf3 and the rest; the other end of the cable is driven by the
kernel."""

import hashlib
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from script import (SLOW, Skip, check, for_everybody, main,  # noqa: E402
                    pattern, wait_for)
from tap_tools import (DEVICE, DRIVER, IN_PEER, NAME, OTHER_DEVICE, OURS,  # noqa: E402
                       OUT, PEER, THEIRS, THEIRS6, TOOL, WORLD_DEVICE,
                       WORLD_GATEWAY, WORLD_SERVER, Receiver, Tap, clean_up, connected, counters,
                       has_carrier, in_peer, iperf, link, run, serving_files,
                       serving_ssh, set_cable, set_up_ours, set_up_peer,
                       wait_connected)

MIB = 1 << 20
NOBODY = 65534
BYTES = 4 * MIB if SLOW == 1 else MIB


# ---------------------------------------------------------------- everyday use

def ping() -> None:
    """Small, whole frames, fragments; IPv4 and IPv6."""
    with connected():
        for size in (0, 1, 56, 1472, 1473, 8000, 65000):
            run("ping", "-c3", "-i0.2", "-W5", "-s", size, THEIRS)
        for size in (0, 1452, 4000):
            run("ping", "-6", "-c2", "-i0.2", "-W5", "-s", size, THEIRS6)
        run(*IN_PEER, "ping", "-c3", "-i0.2", "-W5", OURS)
        run("ping", "-c1", "-M", "do", "-s", 1472, THEIRS)


def tells_what_it_is() -> None:
    """Alias, address, speed, carrier; gone when the driver ends well."""
    with connected() as tap:
        said = link()
        check(f"alias udrv: 82540EM {DEVICE}" in said, said)
        check("52:54:00:12:34:56" in said, f"not the NIC's address: {said}")
        check("mtu 1500 " in said and "state UP" in said, said)
        said = run("ethtool", NAME)
        check("Speed: 1000Mb/s" in said and "Duplex: Full" in said
              and "Link detected: yes" in said, said)
        said = run("ethtool", "-k", NAME)
        check("tx-tcp-segmentation: on" in said
              and "tx-tcp6-segmentation: off" in said
              and "tx-checksum-ip-generic: on" in said, said)
        tap.stop()
        wait_for("the interface goes", lambda: not link())


def many_flows() -> None:
    """More at once than the ring takes, both ways; it is there afterwards."""
    with connected():
        for options in ((), ("-R",)):
            iperf("-n", 32 * MIB // SLOW, "-P", 32, *options)
        run("ping", "-c", "3", THEIRS)


def offloads_reach_the_nic() -> None:
    """What goes out is cut by the NIC, what comes in is merged: on our side a
    frame is many of the wire's."""
    with connected():
        for options, way, theirs in (((), "tx", "rx"), (("-R",), "rx", "tx")):
            ours_before = counters()
            theirs_before = counters(PEER, IN_PEER)
            iperf("-n", BYTES, *options)
            ours = counters()[f"{way}_packets"] - ours_before[f"{way}_packets"]
            wire = (counters(PEER, IN_PEER)[f"{theirs}_bytes"]
                    - theirs_before[f"{theirs}_bytes"]) // 1514
            check(ours * 2 < wire, f"{way}: {ours} frames are {wire} on the wire")


def udp() -> None:
    """Datagrams of all sizes come whole, both ways."""
    sizes = [*range(0, 1473, 31), 1472, 1473, 2000, 9000, 65507]
    with connected():
        def echo() -> None:
            server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            server.bind(("", 4001))
            while True:
                server.sendto(*server.recvfrom(1 << 16))
        in_peer(echo)
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        client.connect((THEIRS, 4001))
        client.settimeout(5 * SLOW)

        def listens() -> bool:
            try:
                client.send(b"?")
                return client.recv(1) == b"?"
            except ConnectionRefusedError:
                return False
        wait_for("the peer listens", listens)
        for size in sizes:
            client.send(pattern(size, size))
            check(client.recv(1 << 16) == pattern(size, size),
                  f"{size} bytes come back wrong")
        client.close()


def files() -> None:
    """curl, with hashes compared; both sides serve; IPv4 and IPv6."""
    with connected(), tempfile.TemporaryDirectory() as place:
        data = pattern(1, BYTES)
        (Path(place) / "file").write_bytes(data)
        want = hashlib.sha256(data).hexdigest()
        for where, client, address in (
                (IN_PEER, (), THEIRS), (IN_PEER, (), THEIRS6),
                ((), IN_PEER, OURS)):
            host = f"[{address}]" if ":" in address else address
            with serving_files(Path(place), where, address):
                got = Path(place) / "got"
                run(*client, "curl", "-sSf", "-o", got, f"http://{host}:8000/file",
                    timeout=120)
                check(hashlib.sha256(got.read_bytes()).hexdigest() == want,
                      f"from {address}: not what was served")
            wait_for("the port is free", lambda where=where: ":8000" not in run(
                *where, "ss", "-ltn"))


def ssh() -> None:
    """Logging in, and bytes both ways at once; both sides serve."""
    with connected(), tempfile.TemporaryDirectory() as place:
        data = pattern(4, BYTES // 4)
        for where, client, address in ((IN_PEER, (), THEIRS), ((), IN_PEER, OURS)):
            with serving_ssh(Path(place), where, address) as command:
                said = run(*client, *command, "echo $SSH_CONNECTION", timeout=120)
                check(f"{address} 22" in said, f"not by {address}: {said}")
                done = subprocess.run(
                    [*client, *map(str, command), "cat"], input=data,
                    capture_output=True, check=False, timeout=120 * SLOW)
                check(done.returncode == 0, f"ssh to {address}: {done.stderr}")
                check(done.stdout == data,
                      f"of {len(data)} bytes {len(done.stdout)} came back, or others")


def user_network() -> None:
    """An address by DHCP, its gateway, and a file of the host's."""
    resolver = Path("/etc/resolv.conf")
    servers = resolver.read_bytes() if resolver.exists() else b""
    run(TOOL, "bind", WORLD_DEVICE)
    tap = Tap(device=WORLD_DEVICE)
    wait_for("the driver's link", tap.is_up)
    run("ip", "link", "set", NAME, "up")
    wait_for("carrier", has_carrier)
    with tempfile.NamedTemporaryFile(dir=OUT) as file, \
            tempfile.NamedTemporaryFile() as got:
        file.write(pattern(5, BYTES))
        file.flush()
        os.chmod(file.name, 0o644)
        try:
            run("busybox", "udhcpc", "-i", NAME, "-n", "-q", "-t", 10)
            said = run("ip", "-4", "addr", "show", "dev", NAME)
            check(" 10.0.2." in said, f"no address: {said}")
            run("ping", "-c3", "-i0.2", "-W5", WORLD_GATEWAY)
            run("curl", "-sSf", "-o", got.name,
                f"http://{WORLD_SERVER}/{Path(file.name).name}", timeout=120)
        finally:
            resolver.write_bytes(servers)
        check(Path(got.name).read_bytes() == pattern(5, BYTES),
              "not what the host has")
        said = run("curl", "-sSf", "-m", 5, f"http://{WORLD_GATEWAY}:1/", status=None)
        check("curl: (7)" in said or "curl: (28)" in said or "curl: (56)" in said,
              f"the host is in reach: {said}")
    tap.stop()


def vlans() -> None:
    """A VLAN upon it: whole frames, and what the NIC cuts."""
    run("busybox", "modprobe", "8021q")
    with connected():
        for where, below, name, address in (
                ((), NAME, "v7", "10.8.0.1/24"),
                (IN_PEER, PEER, "v7", "10.8.0.2/24")):
            run(*where, "ip", "link", "add", "link", below, "name", name, "type",
                "vlan", "id", 7)
            run(*where, "ip", "addr", "add", address, "dev", name)
            run(*where, "ip", "link", "set", name, "up")
        run("ping", "-c2", "-i0.2", "-M", "do", "-s", 1472, "-w10", "10.8.0.2")
        receiver = Receiver()
        data = pattern(2, MIB)
        with socket.create_connection(("10.8.0.2", 4000), 20 * SLOW) as sender:
            sender.sendall(data)
        check(receiver.result(60) == hashlib.sha256(data).hexdigest(),
              "not what was sent")


def jumbo() -> None:
    """Large frames, on a driver started for them."""
    with connected("--mtu=9000"):
        check("mtu 9000 " in link(), link())
        run(*IN_PEER, "ip", "link", "set", PEER, "mtu", 9000)
        wait_connected()
        run("ping", "-c3", "-i0.2", "-M", "do", "-s", 8972, "-W5", THEIRS)
        iperf("-n", BYTES)
        iperf("-n", BYTES, "-R")


def modes() -> None:
    """Polled, and looking before sleeping."""
    for option in ("--poll", "--adaptive"):
        with connected(option):
            run("ping", "-c3", "-i0.2", "-W5", THEIRS)
            iperf("-n", MIB)
            iperf("-n", MIB, "-R")
        clean_up()


# --------------------------------------------------------------------- changes

def mtu() -> None:
    """A smaller one is used, a larger one than the driver can is set back."""
    with connected() as tap:
        run("ip", "link", "set", NAME, "mtu", 1000)
        run("ping", "-c1", "-M", "do", "-s", 972, THEIRS)
        said = run("ping", "-c1", "-W1", "-M", "do", "-s", 973, THEIRS, status=1)
        check("too long" in said or "mtu" in said, said)
        run("ip", "link", "set", NAME, "mtu", 9000)
        wait_for("the MTU is set back", lambda: "mtu 1000 " in link())
        check(tap.process.poll() is None, tap.said())


def address() -> None:
    """`ip link set address` is what the NIC listens to."""
    with connected():
        run("ip", "link", "set", NAME, "address", "52:54:00:aa:bb:cc")
        run(*IN_PEER, "ip", "neigh", "flush", "dev", PEER)
        wait_for("an answer", lambda: " 0% packet loss" in run(
            *IN_PEER, "ping", "-c1", "-W1", OURS, status=None))
        said = run(*IN_PEER, "ip", "neigh", "show", OURS)
        check("52:54:00:aa:bb:cc" in said, said)


def received(mac: str) -> int:
    """Of twenty frames to that address, how many came to our interface."""
    before = counters()["rx_packets"]
    run(*IN_PEER, "ip", "neigh", "replace", "10.7.0.99", "lladdr", mac, "dev", PEER)
    run(*IN_PEER, "ping", "-c20", "-i0.01", "-W1", "10.7.0.99", status=1)
    time.sleep(0.5 * SLOW)
    return counters()["rx_packets"] - before


def promiscuous() -> None:
    """Others' frames come when somebody wants them, and only then."""
    with connected():
        check(received("52:54:00:00:00:99") < 10, "others' frames come unasked")
        run("ip", "link", "set", NAME, "promisc", "on")
        time.sleep(0.5 * SLOW)
        check(received("52:54:00:00:00:99") >= 20, "others' frames do not come")
        run("ip", "link", "set", NAME, "promisc", "off")
        time.sleep(0.5 * SLOW)
        check(received("52:54:00:00:00:99") < 10, "it is still promiscuous")


def down_and_up() -> None:
    """`ip link set down`: nothing comes; up: all as before."""
    with connected():
        run("ip", "link", "set", NAME, "down")
        run(*IN_PEER, "ping", "-c2", "-i0.2", "-W1", OURS, status=1)
        run("ip", "link", "set", NAME, "up")
        wait_connected()


def carrier() -> None:
    """It follows the cable."""
    with connected() as tap:
        for _ in range(2):
            set_cable(False)
            wait_for("carrier goes", lambda: not has_carrier())
            set_cable(True)
            wait_connected()
        check("link down" in tap.said(), tap.said())


# ------------------------------------------------------------- death and return

def survives_death() -> None:
    """kill -9 under a transfer: the interface stays, without carrier, its address
    and MTU too; a successor takes it over, and the transfer is whole."""
    data = pattern(3, 3 * BYTES)
    with connected() as tap:
        run("ip", "link", "set", NAME, "mtu", 1400)
        run("ip", "link", "set", NAME, "address", "52:54:00:aa:bb:cc")
        receiver = Receiver()
        sender = socket.create_connection((THEIRS, 4000), 20 * SLOW)
        sender.settimeout(120 * SLOW)
        sent = 0
        successor = None
        while sent < len(data):
            sent += sender.send(data[sent:sent + 65536])
            if not successor and receiver.bytes > len(data) // 4:
                tap.kill()
                wait_for("carrier goes", lambda: not has_carrier())
                said = link() + run("ip", "addr", "show", "dev", NAME)
                check(OURS in said and "mtu 1400 " in said, said)
                successor = Tap()
                wait_for("the successor's link", successor.is_up)
        check(successor, "the transfer was over too early")
        sender.close()
        check(receiver.result(120) == hashlib.sha256(data).hexdigest(),
              "what came is not what was sent")
        said = link()
        check("52:54:00:aa:bb:cc" in said and "mtu 1400 " in said, said)
        successor.stop()
        wait_for("the interface goes", lambda: not link())


def keeps_when_told() -> None:
    """--keep: after a good end, too."""
    with connected("--keep") as tap:
        tap.stop()
        wait_for("carrier goes", lambda: not has_carrier())
        check(link(), "the interface is gone, too")
        successor = Tap()
        wait_for("the successor's link", successor.is_up)
        wait_connected()
        successor.stop()
        wait_for("the interface goes", lambda: not link())


def unbind() -> None:
    """The device is taken away: the driver says so, the interface waits."""
    with connected() as tap:
        run(TOOL, "unbind", DEVICE)
        status = tap.wait()
        check(status == 1 and "gone" in tap.said(),
              f"exit status {status}: {tap.said()}")
        wait_for("carrier goes", lambda: not has_carrier())
        check(link(), "the interface is gone, too")


def removed() -> None:
    """Somebody deletes the interface: the driver says so."""
    with connected() as tap:
        run("ip", "link", "del", NAME)
        status = tap.wait()
        check(status == 1 and "removed" in tap.said(),
              f"exit status {status}: {tap.said()}")


# -------------------------------------------------------------------- refusals

def refusals() -> None:
    """Names that are not to be had, and why."""
    with connected() as tap:
        run(TOOL, "bind", OTHER_DEVICE, "--take")

        def refused(word: str, *options: str, status: int = 1) -> None:
            other = Tap(*options, device=OTHER_DEVICE)
            found = other.wait(30)
            check(found == status and word in other.said(),
                  f"{options}: exit status {found}, without \"{word}\": "
                  f"{other.said()}")

        refused(f"process {tap.process.pid}", f"--name={NAME}")
        refused("no tap", "--name=lo")
        refused("no name", "--name=far-too-long-a-name")
        refused("no name", "--name=a/b")
        refused("--mtu", "--mtu=60", status=2)
        refused("--frame", "--mtu=2000", "--frame=1514", status=2)
        refused("--frame", "--frame=16110", status=2)
        run("ip", "tuntap", "add", "foreign", "mode", "tap")
        try:
            before = link("foreign")
            refused("somebody else's", "--name=foreign")
            check(link("foreign") == before, "it was changed")
            # As it says: root can hand it over, and it stays root's.
            run("ip", "link", "set", "foreign", "alias", "udrv")
            other = Tap("--name=foreign", device=OTHER_DEVICE)
            wait_for("it serves", lambda: "is foreign" in other.said())
            other.stop()
            check(link("foreign"), "it was removed")
        finally:
            run("ip", "tuntap", "del", "foreign", "mode", "tap")


def as_nobody() -> None:
    """Without privileges, once root has granted the files and the name."""
    with tempfile.TemporaryDirectory() as place:
        serve_as_nobody(for_everybody(DRIVER, place))


def serve_as_nobody(program: Path) -> None:
    """See as_nobody()."""
    set_up_peer()
    run(TOOL, "unbind", DEVICE)  # the kernel's driver takes it at once
    run(TOOL, "bind", "--take", "--owner", NOBODY, DEVICE)
    prefix = ("prlimit", "--memlock=67108864", "setpriv", f"--reuid={NOBODY}",
              f"--regid={NOBODY}", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all")
    run("chmod", "666", "/dev/net/tun")
    tap = Tap(prefix=prefix, program=program)
    check(tap.wait() == 1 and f"ip tuntap add {NAME} mode tap user {NOBODY}"
          in tap.said(), tap.said())
    run("ip", "tuntap", "add", NAME, "mode", "tap", "user", NOBODY, "vnet_hdr")
    tap = Tap(prefix=prefix, program=program)
    wait_for("its link", tap.is_up)
    check("52:54:00:12:34:56" in link(), f"not the NIC's address: {link()}")
    set_up_ours()
    wait_connected()
    iperf("-n", MIB)
    tap.stop()
    check(link(), "it removed what it could not make again")


def without_io_uring() -> None:
    """Where the system forbids it."""
    switch = Path("/proc/sys/kernel/io_uring_disabled")
    if not switch.exists():
        raise Skip("this kernel has no such switch")
    switch.write_text("2")
    try:
        with connected() as tap:
            check("without io_uring" in tap.said(), tap.said())
            run("ping", "-c3", "-i0.2", "-W5", "-s", 3000, THEIRS)
            iperf("-n", MIB)
            iperf("-n", MIB, "-R")
    finally:
        switch.write_text("0")


TESTS = (ping, tells_what_it_is, many_flows, offloads_reach_the_nic, udp, files,
         ssh, user_network, vlans, jumbo, modes, mtu, address, promiscuous, down_and_up, carrier, survives_death,
         keeps_when_told, unbind, removed, refusals, as_nobody, without_io_uring)

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 180, every_kernel=True, clean_up=clean_up))
