# SPDX-License-Identifier: MIT
"""The test machines: one table of QEMU arguments and kernel command lines.

Every machine has the same devices at the same addresses, so that a test can
name them:

    00:03.0  edu      INTx, its line shared with 00:07.0; MSI; 28-bit DMA
    00:04.0  edu      its INTx line is shared with 01:00.0 only
    00:05.0  ivshmem  BAR0 registers, BAR1 MSI-X, BAR2 64 MiB prefetchable
                      memory; rings its own 4 vectors through its doorbell
    00:06.0  e1000    one end of a cable, INTx only
    00:07.0  edu      shares its INTx line with 00:03.0
    00:08.0  root port `hotport`, bus 01, with
    01:00.0  edu      `hotedu`, for unplugging
    00:09.0  PCIe-to-PCI bridge, bus 02, with
    02:01.0  edu      \\ one IOMMU group, because the bridge hides who asks
    02:02.0  edu      /
    00:0a.0  nvme     16 MiB that read as zeroes
    00:0b.0  IDE      `ide0`, in compatibility mode: ports 0x1f0, 0x3f6, 0x170,
                      0x376, bus master in BAR4, ISA interrupts 14 and 15
             ide0.0   udrv-disk0, 256 MiB, a file the guest sees too; and
                      udrv-bad, 64 MiB, whose sector 2000 fails
             ide0.1   udrv-big, 130 GiB, with TRIM; and a CD drive without a
                      medium
    00:0d.0  e1000    the other end of the cable, alone on its INTx line
    00:19.0  e1000    one end of a second cable
    00:1a.0  e1000    the other end; these two share an INTx line of their own,
                      but for
    00:1b.0  e1000    in QEMU's user network, 10.0.2.0/24: DHCP, a gateway, and a
                      web server of the host's at 10.0.2.100, which has build/out;
                      nothing else of the host's, or beyond it, can be reached
    ISA      8042     ports 0x60 and 0x64, lines 1 and 12
    ISA      parallel port, ports 0x378-0x37f, line 7; what is printed goes to
                      a file that the guest sees
    ISA      second serial port, ports 0x2f8-0x2ff, line 5, a level one
    0x60000000        63 MiB that hold what is written and that the kernel is
                      told to leave alone: as good as a device's memory

On q35 INTx A of slot N < 25 is line N mod 4, and a bridge adds the slot behind
it; slots 25 to 29 have a fifth line. To forward is to join the two cables, as
00:0d.0 and 00:19.0 can. 00:1c.0 and 00:1d.0 belong to the harness
(virtio-serial, virtio-9p); an AMD IOMMU takes 00:01.0.
"""

import shlex
from dataclasses import dataclass, field, replace
from pathlib import Path

DEVICES = [
    "edu,id=edu0,addr=3", "edu,id=edu1,addr=4",
    "ivshmem-doorbell,id=ivshmem,addr=5,chardev=ivshmem,vectors=4",
    "e1000,id=nic0,addr=6,netdev=end0,romfile=vgabios-stdvga.bin",
    "edu,id=edu2,addr=7",
    "pcie-root-port,id=hotport,addr=8,chassis=1,slot=1",
    "edu,id=hotedu,bus=hotport",
    "pcie-pci-bridge,id=oldbus,addr=9",
    "edu,id=groupedu0,bus=oldbus,addr=1", "edu,id=groupedu1,bus=oldbus,addr=2",
    "nvme,id=nvme0,addr=0xa,drive=disk0,serial=udrv0",
    "piix3-ide,id=ide0,addr=0xb",
    "ide-hd,bus=ide0.0,unit=0,drive=ide-disk0,serial=udrv-disk0,model=UDRV-DISK",
    "ide-hd,bus=ide0.0,unit=1,drive=ide-bad,serial=udrv-bad,"
    "rerror=report,werror=report",
    "ide-hd,bus=ide0.1,unit=0,drive=ide-big,serial=udrv-big,"
    "discard_granularity=512",
    "ide-cd,bus=ide0.1,unit=1",
    "e1000,id=nic1,addr=0xd,netdev=end1,romfile=",
    "e1000,id=nic2,addr=0x19,netdev=end2,romfile=",
    "e1000,id=nic3,addr=0x1a,netdev=end3,romfile=",
    "e1000,id=nic4,addr=0x1b,netdev=world,romfile=",
    "isa-parallel,id=parallel0,iobase=0x378,irq=7,chardev=parallel",
    "isa-serial,id=uart0,iobase=0x2f8,irq=5,index=1,chardev=nobody",
]

BACKENDS = [
    "-netdev", "hubport,id=end0,hubid=0", "-netdev", "hubport,id=end1,hubid=0",
    "-netdev", "hubport,id=end2,hubid=1", "-netdev", "hubport,id=end3,hubid=1",
    "-blockdev", "driver=null-co,node-name=disk0,size=16777216,read-zeroes=on",
    "-chardev", "null,id=nobody",
]

# Sizes of the files below the IDE disks; all start as zeroes.
DISKS = {"disk0": 256 << 20, "bad": 64 << 20, "big": 130 << 30}
NULL_DISK_BYTES = 1 << 30
BAD_SECTOR = 2000

IVSHMEM_BYTES = 64 << 20
IVSHMEM_VECTORS = 4

# MiB behind the kernel's, less what the firmware keeps.
HIDDEN_MEMORY = 64

STRICT_VTD = "intel_iommu=on iommu.strict=1"


@dataclass(frozen=True)
class Machine:
    """What to start; `about` is for people."""

    about: str
    iommu: str = ""  # an IOMMU device, which must come before all others
    cmdline: str = ""
    accel: str = "tcg"
    cpu: str = "max"
    smp: int = 2
    memory: int = 1536  # MiB, of the kernel's
    extra: list[str] = field(default_factory=list)
    module_params: str = ""
    # Host threads serve a file, and their time leaks into the guest's.
    null_disks: bool = False


IOMMU = Machine("VT-d with interrupt remapping",
                iommu="intel-iommu,intremap=on,caching-mode=on",
                cmdline=STRICT_VTD)

MACHINES = {
    "iommu": IOMMU,
    "noiommu": Machine("no IOMMU at all"),
    "nointremap": replace(
        IOMMU, about="VT-d without interrupt remapping",
        iommu="intel-iommu,intremap=off,caching-mode=on"),
    "amd": replace(IOMMU, about="AMD-Vi", iommu="amd-iommu,intremap=on",
                   cmdline="amd_iommu=on iommu.strict=1"),
    # Native PCIe hotplug, so that the guest can cut a slot's power itself:
    # setpci on the root port; the device is then gone without a word.
    "surprise": replace(
        IOMMU, about="VT-d, surprise removal by the root port's slot power",
        extra=["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]),
    # One nanosecond of guest time is one guest instruction. erms and fsrm
    # off: QEMU runs `rep movsb` a byte at a time.
    "bench": replace(
        IOMMU, about="VT-d, instruction counting, one processor",
        accel="tcg,thread=single", cpu="max,-erms,-fsrm", smp=1,
        extra=["-icount", "shift=0,sleep=off"], null_disks=True),
}


def disk_args(files: dict[str, int]) -> list[str]:
    """What is below the IDE disks: files, by descriptor; null if it is none."""
    args = []
    for name in DISKS:
        # An error is injected on the way to the disk that has one.
        node = f"node-name=ide-{name}{'-image' if name == 'bad' else ''}"
        if name in files:
            args += ["-blockdev", f"driver=file,{node},discard=unmap,"
                     f"filename=/proc/self/fd/{files[name]}"]
        else:
            args += ["-blockdev", f"driver=null-co,{node},read-zeroes=on,"
                     f"size={NULL_DISK_BYTES}"]
    # The event "none" has come already: these are in force from the start.
    rules = ",".join(
        f"inject-error.{i}.event=none,inject-error.{i}.iotype={iotype},"
        f"inject-error.{i}.errno=5,inject-error.{i}.sector={BAD_SECTOR}"
        for i, iotype in enumerate(("read", "write")))
    return [*args, "-blockdev",
            f"driver=blkdebug,node-name=ide-bad,image=ide-bad-image,{rules}"]


def world_args(served: Path) -> list[str]:
    """QEMU's user network, with a web server that has a directory's files."""
    command = f"busybox httpd -i -h {shlex.quote(str(served))}"
    # QEMU takes a doubled comma for one that is no separator.
    command = command.replace(",", ",,")
    return ["-netdev", "user,id=world,restrict=on,ipv6=off,"
            f"guestfwd=tcp:10.0.2.100:80-cmd:{command}"]


def kernel_cmdline(machine: Machine) -> str:
    """The machine's part of the kernel's command line."""
    return f"mem={machine.memory}M {machine.cmdline}"


def qemu_args(machine: Machine, disks: dict[str, int],
              parallel: Path | None, served: Path) -> list[str]:
    """The machine's part of QEMU's command line."""
    printer = f"file,path={parallel}" if parallel else "null"
    args = ["-machine", "q35", "-accel", machine.accel, "-cpu", machine.cpu,
            "-smp", str(machine.smp), "-m", f"{machine.memory + HIDDEN_MEMORY}M",
            *machine.extra]
    if machine.iommu:
        args += ["-device", machine.iommu]
    args += [*BACKENDS, *world_args(served),
             "-chardev", f"{printer},id=parallel"]
    args += disk_args(disks)
    for device in DEVICES:
        args += ["-device", device]
    return args
