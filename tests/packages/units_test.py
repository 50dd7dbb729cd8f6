#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""In a system with the packages installed: what its systemd and udev do by
themselves.  rules.conf says which devices they find in /etc/udrv.

The tests stand on one system, one after the other, and leave it as they found it.
"""

import contextlib
import errno
import grp
import json
import os
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "qemu"))

# pylint: disable=wrong-import-position
from script import TOP, check, main, pattern, wait_for  # noqa: E402

VMCTL = TOP / "tests/qemu/vmctl"
IDE, KEYBOARD, HOT = "0000:00:0b.0", "keyboard", "0000:01:00.0"
IDE_UNIT = f"udrv-ide@{IDE}.service"
KEYBOARD_UNIT = f"udrv-kbd@{KEYBOARD}.service"
HOT_UNIT = f"udrv-e1000@{HOT}.service"
HOT_INTERFACE = Path("/sys/class/net/udrv-p1s0")
MOUNT = Path("/mnt")
MIB = 1 << 20
# A system under emulation, on a busy host: against hangs only.
BOOT, LONG = 300.0, 120.0
# systemd-analyze's: 0 is none, from 5.0 on it says MEDIUM.
MOST_EXPOSURE = 2.5
NOBODY = 65534

# libudrv/block_nbd_broker.h
QUESTION = struct.Struct("=IIII Q7I4x Qi2I4x")
ANSWER = struct.Struct("=ii400s")
DISCONNECT = 3


def run(*command: object) -> str:
    """A command that works; what it says."""
    done = subprocess.run([str(each) for each in command], text=True,
                          capture_output=True, check=False, timeout=LONG)
    check(done.returncode == 0,
          f"{command}: {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def show(unit: str, name: str) -> str:
    """A property of a unit's."""
    return run("systemctl", "show", "--value", "-p", name, unit).strip()


def is_active(unit: str) -> bool:
    """Started, and it has said that it is ready."""
    return show(unit, "ActiveState") == "active"


def await_active(unit: str, seconds: float = LONG) -> int:
    """Its main process, once it is there."""
    def active() -> bool:
        check(show(unit, "ActiveState") != "failed",
              f"{unit} failed")
        return is_active(unit)

    try:
        wait_for(f"{unit} to be active", active, seconds)
    except Exception:
        print(run("journalctl", "--no-pager", "-n60", "-u", unit, "-u",
                  "udrv.service", "-u", "udrv-nbd*"))
        raise
    return int(show(unit, "MainPID"))


def status_of(pid: int) -> dict[str, str]:
    """/proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {key: value.strip() for key, _, value in
            (line.partition(":") for line in lines)}


def qmp(execute: str, **arguments: object) -> None:
    """Ask the host."""
    run(VMCTL, "qmp", json.dumps({"execute": execute, "arguments": arguments}))


def kill_and_await(unit: str, during: Callable[[], None] = lambda: None) -> int:
    """Kill its process; the successor's number."""
    was = await_active(unit)
    kept = show(unit, "NFileDescriptorStore")
    check(int(kept) >= 1, f"{unit} has no file kept")
    os.kill(was, signal.SIGKILL)
    during()
    wait_for("a successor",
             lambda: is_active(unit) and int(show(unit, "MainPID")) not in (0, was),
             LONG)
    return int(show(unit, "MainPID"))


class Opener(threading.Thread):
    """Tries to open a device all the time: it would only work if it was let go."""

    def __init__(self, device: str) -> None:
        super().__init__(daemon=True)
        self.device = device
        self.ended = threading.Event()
        self.tries = 0
        self.opened = 0

    def run(self) -> None:
        while not self.ended.wait(0.005):
            self.tries += 1
            try:
                os.close(os.open(f"/dev/udrv/{self.device}", os.O_RDWR))
                self.opened += 1
            except OSError as error:
                if error.errno != errno.EBUSY:
                    self.opened += 1


@contextlib.contextmanager
def never_let_go(device: str) -> Iterator[None]:
    """It stays open the whole time."""
    opener = Opener(device)
    opener.start()
    try:
        yield
    finally:
        opener.ended.set()
        opener.join()
    check(opener.tries > 10, "nobody looked whether the device was let go")
    check(not opener.opened,
          f"{device} was let go: of {opener.tries} tries to open it "
          f"{opener.opened} did not end with EBUSY")


def served_disk() -> str:
    """The kernel's name of the 256 MiB disk that the driver serves."""
    for size in Path("/sys/block").glob("nbd*/size"):
        if int(size.read_text()) * 512 == 256 * MIB:
            return size.parent.name
    return ""


# ----------------------------------------------------------------------- tests

def bound_devices_drivers_are_started() -> None:
    """At boot, by the rules: bound, declared, driven; nothing of ours failed."""
    wait_for("the system to be up", lambda: subprocess.run(
        ["systemctl", "is-system-running"], check=False, text=True,
        capture_output=True).stdout.strip() in ("running", "degraded",
                                                "starting"), BOOT)
    for unit in (IDE_UNIT, KEYBOARD_UNIT):
        await_active(unit, BOOT)
    failed = run("systemctl", "list-units", "--state=failed", "--no-legend",
                 "--plain", "udrv*")
    check(not failed.strip(), f"failed: {failed}")


def device_files_are_the_groups_and_have_lasting_names() -> None:
    """Group udrv; a link by path and by ids."""
    about = os.stat(f"/dev/udrv/{IDE}")
    check(about.st_gid == grp.getgrnam("udrv").gr_gid, "it is not the group's")
    check(stat.S_IMODE(about.st_mode) == 0o660,
          f"its mode is {about.st_mode:o}")
    for link in (f"by-path/pci-{IDE}", "by-id/8086:7010"):
        check(os.path.realpath(f"/dev/udrv/{link}") == f"/dev/udrv/{IDE}",
              f"{link} is {os.path.realpath('/dev/udrv/' + link)}")
    control = os.stat("/dev/udrv/control")
    check(stat.S_IMODE(control.st_mode) == 0o600 and control.st_gid == 0,
          "who is not root may declare devices")


def drivers_run_with_no_privilege() -> None:
    """Another user each, no capabilities, no way to get any."""
    users = set()
    for unit in (IDE_UNIT, KEYBOARD_UNIT):
        status = status_of(await_active(unit))
        users.add(status["Uid"])
        check("0" not in status["Uid"].split(), f"{unit} runs as root")
        for each in ("CapEff", "CapPrm", "CapAmb"):
            check(int(status[each], 16) == 0, f"{unit} has {each} {status[each]}")
        check(status["NoNewPrivs"] == "1", f"{unit} may become privileged")
        check(status["Seccomp"] == "2", f"{unit} may make any system call")
    check(len(users) == 2, "two drivers run as one user")


def open_in_its_place(unit: str, path: str) -> int:
    """What opening it gives a process of the unit's control group, a root's."""
    group = Path("/sys/fs/cgroup") / show(unit, "ControlGroup").strip("/")
    child = os.fork()
    if not child:
        status = 255
        try:
            (group / "cgroup.procs").write_text(str(os.getpid()))
            os.open(path, os.O_RDWR)
            status = 0
        except OSError as error:
            status = error.errno or 255
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def drivers_reach_only_their_device() -> None:
    """Not even root could open another device where the driver is."""
    got = open_in_its_place(IDE_UNIT, f"/dev/udrv/{IDE}")
    check(got == errno.EBUSY, f"its own device: {os.strerror(got)}")
    for path in (f"/dev/udrv/{KEYBOARD}", "/dev/mem", "/dev/nbd0",
                 "/dev/udrv/control"):
        got = open_in_its_place(IDE_UNIT, path)
        check(got == errno.EPERM, f"{path}: {os.strerror(got)}")


def sandbox_leaves_little_exposed() -> None:
    """By systemd's own measure."""
    for unit in (IDE_UNIT, KEYBOARD_UNIT, "udrv-e1000@.service"):
        said = run("systemd-analyze", "security", "--no-pager",
                   unit.replace("@.", "@0000:00:06.0."))
        found = re.search(r"exposure level for (\S+): ([0-9.]+)", said)
        check(found, said)
        assert found
        print(f"{unit}: {found[2]}")
        check(float(found[2]) <= MOST_EXPOSURE, said)


def mounted_disk_survives_kills_of_its_driver() -> None:
    """The file system stays, what is written meanwhile is whole, and the device
    is the same open file all the time."""
    await_active(IDE_UNIT)
    disk = f"/dev/{served_disk()}"
    check(disk != "/dev/", "no disk is served")
    run("mkfs.ext4", "-qF", disk)
    run("mount", disk, MOUNT)
    try:
        data = pattern(7, 8 * MIB)
        (MOUNT / "before").write_bytes(data)
        run("sync", "-f", MOUNT)

        def write() -> None:
            (MOUNT / "meanwhile").write_bytes(data)

        with never_let_go(IDE):
            for _ in range(2):
                kill_and_await(IDE_UNIT, write)
        run("sync", "-f", MOUNT)
        Path("/proc/sys/vm/drop_caches").write_text("3")
        for name in ("before", "meanwhile"):
            check((MOUNT / name).read_bytes() == data, f"{name} is damaged")
    finally:
        run("umount", MOUNT)
    check(served_disk() in disk, "the disk has another name now")


def disks_are_their_makers() -> None:
    """Neither other users nor the group's members get at them at the broker."""
    await_active(IDE_UNIT)
    number = int(served_disk().removeprefix("nbd"))
    question = QUESTION.pack(QUESTION.size, DISCONNECT, 0, 0, 0,
                             0, 0, 0, 0, 0, 0, 0, 0, number, 0, 0)
    for group, wanted in ((NOBODY, "refused"), (grp.getgrnam("udrv").gr_gid,
                                                "not yours")):
        said = as_nobody(group, question)
        check(wanted in said, f"as group {group}: {said}")
    check(served_disk() == f"nbd{number}", "the disk is gone")


def as_nobody(group: int, question: bytes) -> str:
    """What the broker answers a user of this group."""
    inside, outside = os.pipe()
    child = os.fork()
    if not child:
        said = "nothing came"
        try:
            os.setgroups([])
            os.setgid(group)
            os.setuid(NOBODY)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as broker:
                broker.connect("/run/udrv/nbd")
                broker.send(question)
                error, _, why = ANSWER.unpack(broker.recv(ANSWER.size))
                said = f"{error} {why.rstrip(bytes(1)).decode()}"
        except PermissionError:
            said = "refused"
        finally:
            os.write(outside, said.encode())
            os._exit(0)
    os.close(outside)
    with os.fdopen(inside, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


def stopping_gives_all_back() -> None:
    """Disk, device, kept files; and it starts again."""
    await_active(IDE_UNIT)
    run("systemctl", "stop", IDE_UNIT)
    check(show(IDE_UNIT, "Result") == "success", show(IDE_UNIT, "Result"))
    check(show(IDE_UNIT, "NFileDescriptorStore") == "0", "files are kept still")
    check(not served_disk(), "the disk is there still")

    def opens() -> bool:
        try:
            os.close(os.open(f"/dev/udrv/{IDE}", os.O_RDWR))
        except OSError:
            return False
        return True

    wait_for("the device to be free", opens)
    run("systemctl", "start", IDE_UNIT)
    check(served_disk(), "it does not serve again")


def keys_arrive_through_the_driver() -> None:
    """And through its successor."""
    for _ in range(2):
        await_active(KEYBOARD_UNIT)
        press_and_see()
        with never_let_go(KEYBOARD):
            kill_and_await(KEYBOARD_UNIT)
    press_and_see()


def keyboard_events() -> str:
    """The event device that the driver made."""
    for name in Path("/sys/class/input").glob("event*/device/name"):
        if name.read_text().strip() == "udrv PS/2 keyboard":
            return f"/dev/input/{name.parent.parent.name}"
    return ""


def press_and_see() -> None:
    """Key A, as QEMU's keyboard sends it."""
    path = wait_for("the keyboard", keyboard_events, LONG)
    events = os.open(str(path), os.O_RDONLY)
    try:
        for down in (True, False):
            qmp("input-send-event", events=[{
                "type": "key", "data": {"down": down, "key": {
                    "type": "qcode", "data": "a"}}}])
        got = b""
        while struct.pack("=HHi", 1, 30, 1) not in got:
            check(select.select([events], [], [], LONG)[0], "no key came")
            got += os.read(events, 24 * 64)
    finally:
        os.close(events)


def plugged_device_is_bound_and_driven() -> None:
    """By its ids; its interface survives the driver, and goes with the device."""
    qmp("device_del", id="hotedu")
    run(VMCTL, "event", "DEVICE_DELETED")
    qmp("netdev_add", type="hubport", id="endhot", hubid=0)
    qmp("device_add", driver="e1000-82544gc", id="hotnic", bus="hotport",
        netdev="endhot")
    wait_for("the device's file", Path(f"/dev/udrv/{HOT}").exists, LONG)
    status = status_of(await_active(HOT_UNIT))
    user = status["Uid"].split()[0]
    check(user != "0", "it runs as root")
    check(int(status["CapEff"], 16) == 0, f"it has {status['CapEff']}")
    check((HOT_INTERFACE / "owner").read_text().strip() == user,
          "the interface is not the driver's")
    run("ip", "link", "set", HOT_INTERFACE.name, "up")
    index = (HOT_INTERFACE / "ifindex").read_text()
    with never_let_go(HOT):
        kill_and_await(HOT_UNIT)
    check((HOT_INTERFACE / "ifindex").read_text() == index,
          "it is another interface now")
    qmp("device_del", id="hotnic")
    wait_for("the unit to stop",
             lambda: show(HOT_UNIT, "ActiveState") in ("inactive", "failed"), LONG)
    wait_for("the interface to go", lambda: not HOT_INTERFACE.exists(), LONG)
    check(show(HOT_UNIT, "NFileDescriptorStore") == "0", "files are kept still")


def module_can_go_when_the_services_are_stopped() -> None:
    """Nothing holds it but they."""
    run("systemctl", "stop", "udrv-*@*.service", "udrv-nbd.socket")
    run("rmmod", "udrv")
    run("modprobe", "udrv")


TESTS = (
    bound_devices_drivers_are_started,
    device_files_are_the_groups_and_have_lasting_names,
    drivers_run_with_no_privilege, drivers_reach_only_their_device,
    sandbox_leaves_little_exposed, disks_are_their_makers,
    mounted_disk_survives_kills_of_its_driver, stopping_gives_all_back,
    keys_arrive_through_the_driver, plugged_device_is_bound_and_driven,
    module_can_go_when_the_services_are_stopped,
)

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 2 * BOOT))
