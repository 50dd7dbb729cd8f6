# SPDX-License-Identifier: MIT
"""The guest's initramfs: busybox, the few modules that mounting / takes, init.

Written afresh for each run (a newc cpio archive is simple enough), so there
is no image to keep up to date.
"""

import gzip
import lzma
import os
import shlex
import stat
import subprocess
from pathlib import Path

# What the kernel needs to see the host's files and the virtio ports.
MODULES = ["virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console"]

BUSYBOX = Path("/bin/busybox")


def module_name(path: str) -> str:
    """kernel/fs/9p/9p.ko.xz -> 9p, spelled as modprobe does."""
    return os.path.basename(path).split(".ko")[0].replace("-", "_")


def modules_in_order(moddir: Path) -> list[Path]:
    """The files to insmod for MODULES, each after what it depends on."""
    depends: dict[str, tuple[str, list[str]]] = {}
    for line in (moddir / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        depends[module_name(path)] = (path, rest.split())
    builtin = {module_name(line) for line in
               (moddir / "modules.builtin").read_text().splitlines()}
    order: list[Path] = []
    for name in MODULES:
        if name in builtin:
            continue
        if name not in depends:
            raise SystemExit(f"vm: no module {name} in {moddir}")
        path, needs = depends[name]
        for each in [*reversed(needs), path]:
            if moddir / each not in order:
                order.append(moddir / each)
    return order


def module_bytes(path: Path) -> bytes:
    """The module, decompressed: busybox's insmod wants it plain."""
    if path.suffix == ".xz":
        return lzma.decompress(path.read_bytes())
    if path.suffix == ".gz":
        return gzip.decompress(path.read_bytes())
    if path.suffix == ".zst":
        return subprocess.run(["zstd", "-dcq", path], check=True,
                              capture_output=True).stdout
    return path.read_bytes()


class Archive:
    """A cpio archive in the kernel's "newc" form."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.inode = 0

    def add(self, name: str, mode: int, content: bytes = b"",
            device: tuple[int, int] = (0, 0)) -> None:
        """Append one entry."""
        self.inode += 1
        fields = [self.inode, mode, 0, 0, 1, 0, len(content), 0, 0,
                  *device, len(name) + 1, 0]
        self.data += b"070701" + b"".join(b"%08x" % each for each in fields)
        self.data += name.encode() + b"\0"
        self.data += bytes(-len(self.data) % 4)
        self.data += content
        self.data += bytes(-len(self.data) % 4)


def build(moddir: Path, init: bytes, job: dict[str, str]) -> bytes:
    """The archive; job becomes /job, a file of shell assignments."""
    archive = Archive()
    for name in ("bin", "dev", "modules", "proc", "root", "sys"):
        archive.add(name, stat.S_IFDIR | 0o755)
    # The kernel opens it for init before devtmpfs is mounted.
    archive.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    archive.add("bin/busybox", stat.S_IFREG | 0o755, BUSYBOX.read_bytes())
    archive.add("init", stat.S_IFREG | 0o755, init)
    assignments = "".join(f"{key}={shlex.quote(value)}\n"
                          for key, value in job.items())
    archive.add("job", stat.S_IFREG | 0o644, assignments.encode())
    for index, path in enumerate(modules_in_order(moddir)):
        archive.add(f"modules/{index:02}-{module_name(path.name)}.ko",
                    stat.S_IFREG | 0o644, module_bytes(path))
    archive.add("TRAILER!!!", 0)
    return bytes(archive.data)
