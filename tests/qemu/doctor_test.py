#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""udrv doctor: each thing that it finds is provoked, here or in a tree of files
that stand for another machine's."""

import json
import os
import resource
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from script import check, main  # noqa: E402
from tool_tools import (  # noqa: E402
    DEVICES, EDU, GROUP_EDU, GROUP_EDU_2, NIC, ROOT_PORT, TOOL, become_nobody,
    held, run, unbind_all)

MACHINE = os.environ.get("UDRV_MACHINE", "iommu")
MODULE = Path(os.environ.get("UDRV_MODULE", ""))
RELEASE = os.uname().release
Finding = dict[str, object]


def doctor(*words: str, **more: object) -> list[Finding]:
    """What it found."""
    done = subprocess.run([TOOL, "doctor", "--json", *words], text=True,
                          stdout=subprocess.PIPE, check=False, **more)
    findings = json.loads(done.stdout)
    problems = [each for each in findings if each["level"] == "problem"]
    check(done.returncode == bool(problems),
          f"exit status {done.returncode}: {findings}")
    for each in problems:
        check(each["type"] or each["check"] in ("driver", "permissions", "held"),
              f"nothing to type: {each}")
    return findings


def found(findings: list[Finding], name: str, level: str, says: str,
          types: str = "") -> None:
    """It found this, and says what to type."""
    mine = [each for each in findings if each["check"] == name]
    check(any(each["level"] == level and says in str(each["what"]) and
              types in "\n".join(each["type"]) for each in mine),
          f"not {level} {name} '{says}' '{types}' but {mine or findings}")


class Tree:
    """Another machine's files: one on which all is well."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.write("proc/sys/kernel/osrelease", f"{RELEASE}\n")
        self.write("proc/cmdline", "root=/dev/vda1 intel_iommu=on\n")
        self.write("proc/interrupts", " 24: 1 IR-PCI-MSI 0-edge nvme0q0\n")
        self.write("proc/cpuinfo", "vendor_id : GenuineIntel\nflags : vmx\n")
        self.write("proc/self/limits", "Max locked memory         "
                   "8388608              8388608              bytes\n")
        self.write("sys/firmware/acpi/tables/DMAR", "DMAR")
        self.write("sys/kernel/security/lockdown",
                   "[none] integrity confidentiality\n")
        self.write("sys/kernel/iommu_groups/0/type", "DMA\n")
        self.write("sys/module/nbd/refcnt", "0\n")
        for name in ("dev/ublk-control", "dev/net/tun", "dev/uinput"):
            self.write(name, "")
        self.write("sys/module/udrv/refcnt", "0\n")

    def write(self, name: str, text: str | bytes) -> None:
        """A file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    def remove(self, name: str) -> None:
        """A file or directory."""
        path = self.root / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()

    def install(self, release: str, tail: bytes = b"") -> None:
        """Our module, for that kernel; and it is not loaded."""
        if (self.root / "sys/module/udrv").exists():
            self.remove("sys/module/udrv")
        self.write(f"lib/modules/{release}/updates/udrv.ko",
                   MODULE.read_bytes() + tail)
        subprocess.run(["depmod", "-b", self.root, release], check=True,
                       stderr=subprocess.DEVNULL)

    def doctor(self) -> list[Finding]:
        """What is found on it."""
        return doctor("--root", str(self.root))


@contextmanager
def tree() -> Iterator[Tree]:
    """One for a test."""
    with tempfile.TemporaryDirectory() as place:
        yield Tree(Path(place))


def signature() -> bytes:
    """Of a module, as the kernel has it appended."""
    signed = b"nobody" + b"\x01" * 4 + b"\x02" * 16
    return (signed + struct.pack(">BBBBB3xI", 1, 4, 1, 6, 4, 16) +
            b"~Module signature appended~\n")


# --- trees


def a_healthy_machine_has_no_problem() -> None:
    """Nor a note; and status 0."""
    with tree() as machine:
        findings = machine.doctor()
        check(all(each["level"] == "ok" for each in findings), f"{findings}")
        run("doctor", "--root", str(machine.root), says="0 problems, 0 notes")


def the_iommu_is_absent_or_off() -> None:
    """In firmware, on the command line, or not asked for."""
    with tree() as machine:
        machine.remove("sys/kernel/iommu_groups")
        found(machine.doctor(), "IOMMU", "problem", "was not told to use it",
              "add intel_iommu=on")
        for word in ("intel_iommu=off", "iommu=off", "amd_iommu=off"):
            machine.write("proc/cmdline", f"quiet {word}\n")
            found(machine.doctor(), "IOMMU", "problem",
                  f"turned off by {word}", f"remove {word}")
        machine.write("proc/cmdline", "quiet nointel_iommu=off\n")
        machine.remove("sys/firmware/acpi/tables/DMAR")
        found(machine.doctor(), "IOMMU", "problem", "off in the firmware",
              "turn VT-d")
        machine.write("proc/cpuinfo", "vendor_id : AuthenticAMD\n")
        found(machine.doctor(), "IOMMU", "problem", "off in the firmware",
              "turn AMD-Vi")
        machine.write("proc/cpuinfo", "flags : hypervisor \n")
        found(machine.doctor(), "IOMMU", "problem", "tells of none",
              "-device intel-iommu")
        machine.write("sys/firmware/acpi/tables/IVRS", "IVRS")
        found(machine.doctor(), "IOMMU", "problem", "AMD-Vi", "dmesg")


def interrupts_are_not_remapped() -> None:
    """A problem, unless the administrator accepted it."""
    with tree() as machine:
        machine.write("proc/interrupts", " 24: 1 PCI-MSI 0-edge nvme0q0\n")
        found(machine.doctor(), "remapping", "problem", "not remapped",
              "firmware")
        machine.write("proc/cmdline", "intel_iommu=on intremap=off\n")
        found(machine.doctor(), "remapping", "problem", "not remapped",
              "remove intremap=off")
        machine.write("sys/module/udrv/parameters/allow_unsafe_interrupts",
                      "Y\n")
        found(machine.doctor(), "remapping", "note", "accepts")


def the_module_is_missing_or_another_kernels() -> None:
    """Not there, for another kernel, built for another, not loaded."""
    with tree() as machine:
        machine.remove("sys/module/udrv")
        found(machine.doctor(), "module", "problem",
              f"not installed for the kernel {RELEASE}",
              f"linux-headers-{RELEASE}")
        machine.install("9.9.9-other")
        found(machine.doctor(), "module", "problem", "but for 9.9.9-other")
        machine.write("proc/sys/kernel/osrelease", "9.9.9-other\n")
        found(machine.doctor(), "module", "problem",
              f"built for the kernel {RELEASE}, this is 9.9.9-other",
              "dkms autoinstall -k 9.9.9-other")
        machine.write("proc/sys/kernel/osrelease", f"{RELEASE}\n")
        machine.install(RELEASE)
        found(machine.doctor(), "module", "problem",
              "installed, but not loaded", "sudo modprobe udrv")


def an_unsigned_module_is_refused_by_lockdown() -> None:
    """By Secure Boot, lockdown= or sig_enforce; a signed one is not."""
    with tree() as machine:
        machine.install(RELEASE)
        machine.write("sys/kernel/security/lockdown",
                      "none [integrity] confidentiality\n")
        found(machine.doctor(), "module", "problem",
              "is not signed, and the kernel is locked down", "sign-file")
        machine.write("sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-"
                      "11d2-aa0d-00e098032b8c", b"\x06\0\0\0\1")
        found(machine.doctor(), "module", "problem",
              "Secure Boot has the kernel locked down", "mokutil --import")
        machine.remove("sys/kernel/security")
        found(machine.doctor(), "module", "problem", "Secure Boot is on")
        machine.remove("sys/firmware/efi")
        machine.write("proc/cmdline", "lockdown=confidentiality\n")
        found(machine.doctor(), "module", "problem", "lockdown= on its")
        machine.write("proc/cmdline", "\n")
        found(machine.doctor(), "module", "problem", "but not loaded")
        machine.write("sys/module/module/parameters/sig_enforce", "Y\n")
        found(machine.doctor(), "module", "problem",
              "signed modules only", "openssl req")
        machine.install(RELEASE, signature())
        found(machine.doctor(), "module", "problem",
              "installed, but not loaded", "Key was rejected")
        machine.write("sys/module/udrv/refcnt", "0\n")
        found(machine.doctor(), "lockdown", "note", "cannot be declared")


def hooks_are_missing() -> None:
    """Loadable, or not in this kernel at all."""
    with tree() as machine:
        for name in ("dev/ublk-control", "dev/net/tun", "dev/uinput",
                     "sys/module/nbd"):
            machine.remove(name)
        for name in ("ublk", "nbd", "tun", "uinput"):
            found(machine.doctor(), name, "note", "this kernel has none")
        modules = Path("/lib/modules") / RELEASE
        if not list(modules.glob("kernel/drivers/net/tun.ko*")):
            return
        directory = machine.root / "lib/modules" / RELEASE
        directory.parent.mkdir(parents=True)
        directory.symlink_to(modules)
        for name in ("nbd", "tun", "uinput"):
            found(machine.doctor(), name, "note", "not loaded",
                  f"sudo modprobe {name}")


def little_memory_may_be_locked() -> None:
    """By the limits of a tree, and by a process's own."""
    with tree() as machine:
        machine.write("proc/self/limits", "Max locked memory         "
                      "65536                65536                bytes\n")
        found(machine.doctor(), "memlock", "problem", "64 KiB", "limits.d")
        machine.write("proc/self/limits", "Max locked memory         "
                      "unlimited            unlimited            bytes\n")
        found(machine.doctor(), "memlock", "ok", "unlimited")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))
        become_nobody()
    found(doctor(preexec_fn=limited), "memlock", "problem", "64 KiB")
    found(doctor(), "memlock", "ok", "root")


# --- this machine


def this_machine_is_seen_as_it_is() -> None:
    """By the kind of machine that it is."""
    findings = doctor()
    found(findings, "module", "ok", "loaded")
    if MACHINE == "noiommu":
        found(findings, "IOMMU", "problem", "tells of none", "intel-iommu")
    else:
        found(findings, "IOMMU", "ok", "on")
    if MACHINE == "nointremap":
        found(findings, "remapping", "problem", "not remapped")
    elif MACHINE != "noiommu":
        found(findings, "remapping", "ok", "are remapped")


def a_module_that_is_not_loaded_is_judged() -> None:
    """The one just built; none installed."""
    subprocess.run(["rmmod", "udrv"], check=True)
    found(doctor("--module", str(MODULE)), "module", "problem",
          "installed, but not loaded", "insmod")
    found(doctor("--module", "/etc/passwd"), "module", "problem",
          "/etc/passwd is no kernel module")
    found(doctor(), "module", "problem", "not installed for the kernel")
    run("doctor", EDU, status=1, says="is not bound to udrv")
    subprocess.run(["insmod", MODULE], check=True)


def a_device_is_had_by_others() -> None:
    """Unbound, with a driver, a bridge, unknown."""
    found(doctor(EDU), "driver", "problem", "is not bound", f"bind {EDU}")
    subprocess.run(["modprobe", "e1000"], check=True)
    found(doctor(NIC), "driver", "problem", "has the driver e1000",
          f"bind --take {NIC}")
    subprocess.run(["modprobe", "-r", "e1000"], check=True)
    found(doctor(ROOT_PORT), "driver", "problem", "is a bridge")
    found(doctor("00:1f.7"), "driver", "problem", "no PCI device")
    found(doctor("keyboard"), "driver", "problem", "is not declared",
          "legacy add keyboard")
    run("legacy", "add", "--ports", "0x300:8", "gauge")
    found(doctor("gauge"), "driver", "ok", "is declared")


def a_group_member_is_in_the_way() -> None:
    """By name and driver; or open."""
    subprocess.run(["modprobe", "uio_pci_generic"], check=True)
    (DEVICES / GROUP_EDU_2 / "driver_override").write_text("uio_pci_generic")
    Path("/sys/bus/pci/drivers_probe").write_text(GROUP_EDU_2)
    found(doctor(GROUP_EDU), "group", "problem",
          f"{GROUP_EDU_2}, of the same IOMMU group",
          f"bind --take --group {GROUP_EDU}")
    found(doctor(GROUP_EDU), "group", "problem", "driver uio_pci_generic")
    run("bind", "--take", "--group", GROUP_EDU)
    found(doctor(GROUP_EDU), "group", "ok", "nothing is in the way")
    with held(GROUP_EDU_2) as pid:
        found(doctor(GROUP_EDU), "held", "problem",
              f"of the same IOMMU group, is open in process {pid} (python3)")
    subprocess.run([TOOL, "unbind", GROUP_EDU_2], check=True,
                   stdout=subprocess.DEVNULL)
    (DEVICES / GROUP_EDU_2 / "driver_override").write_text("\n")
    subprocess.run(["modprobe", "-r", "uio_pci_generic"], check=True)


def a_device_is_open_or_not_for_this_user() -> None:
    """Who has it; who may have it."""
    run("bind", EDU)
    with held(EDU) as pid:
        found(doctor(EDU), "held", "problem",
              f"open in process {pid} (python3)", f"kill {pid}")
    found(doctor(EDU), "permissions", "ok", "may open it")
    found(doctor(EDU), "reset", "note", "cannot be reset")
    found(doctor(EDU, preexec_fn=become_nobody), "permissions", "problem",
          "belongs to root:root, mode 0600", f"bind --owner nobody {EDU}")
    run("bind", "--owner", "nobody", EDU)
    found(doctor(EDU, preexec_fn=become_nobody), "permissions", "ok", "")


TREES = (a_healthy_machine_has_no_problem, the_iommu_is_absent_or_off,
         interrupts_are_not_remapped, the_module_is_missing_or_another_kernels,
         an_unsigned_module_is_refused_by_lockdown, hooks_are_missing,
         little_memory_may_be_locked, a_module_that_is_not_loaded_is_judged,
         a_group_member_is_in_the_way, a_device_is_open_or_not_for_this_user)
TESTS = (this_machine_is_seen_as_it_is, a_device_is_had_by_others)

if __name__ == "__main__":
    sys.exit(main(TESTS + TREES if MACHINE == "iommu" else TESTS,
                  "iommu noiommu nointremap", 120, clean_up=unbind_all))
