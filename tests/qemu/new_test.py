#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A fresh skeleton of `udrv new` is built as its user would, and drives a
device."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import script  # noqa: E402
from script import TOP, check  # noqa: E402

TOOL = TOP / "build/udrv"
IVSHMEM, IVSHMEM_ID = "0000:00:05.0", "1af4:1110"
PLACE = Path(tempfile.gettempdir()) / "udrv-new"


def install(prefix: Path) -> dict[str, str]:
    """What a driver is built with; the environment to find it."""
    for header in ("udrv.h", "uapi/udrv.h"):
        to = prefix / "include/udrv" / header
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(TOP / "include" / header, to)
    (prefix / "lib/pkgconfig").mkdir(parents=True)
    for name in ("libudrv.so.0", "libudrv.so"):
        shutil.copy(TOP / "build/libudrv.so", prefix / "lib" / name)
    text = (TOP / "libudrv/libudrv.pc.in").read_text()
    for name, value in (("PREFIX", prefix), ("LIBDIR", prefix / "lib"),
                        ("INCLUDEDIR", prefix / "include"), ("VERSION", 0)):
        text = text.replace(f"@{name}@", str(value))
    (prefix / "lib/pkgconfig/libudrv.pc").write_text(text)
    return {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig"),
            "LD_LIBRARY_PATH": str(prefix / "lib"),
            "PYTHONPATH": str(TOP / "libudrv/python"),
            "PATH": f"{TOP}/build:/usr/bin:/bin:/usr/sbin:/sbin"}


def run(*command: object, status: int = 0,
        env: dict[str, str] | None = None) -> str:
    """A command's output; fails if it ends otherwise."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True,
                          check=False, env=env, cwd=PLACE)
    said = done.stdout + done.stderr
    check(done.returncode == status,
          f"{command}: exit status {done.returncode}: {said}")
    return said


def try_skeleton(language: str, command: list[str]) -> None:
    """Write it, build it, let it drive ivshmem."""
    run(TOOL, "new", "--language", language, "card", IVSHMEM_ID)
    env = install(PLACE / "prefix")
    said = run(*command, env=env)
    check("1 passed, 0 failed" in said, said)
    check("interrupt" in said and "memory for DMA" in said, said)


def c_skeleton_drives_ivshmem() -> None:
    """make check, without a warning."""
    try_skeleton("c", ["make", "-C", "card", "check",
                       "CFLAGS=-O2 -Wall -Wextra -Werror"])


def python_skeleton_drives_ivshmem() -> None:
    """./check"""
    try_skeleton("python", ["card/check"])


def nothing_is_overwritten() -> None:
    """Wrong arguments write nothing, an existing directory stays as it is."""
    (PLACE / "card").mkdir()
    (PLACE / "card/card.c").write_text("mine")
    run(TOOL, "new", "card", IVSHMEM_ID, status=1)
    check((PLACE / "card/card.c").read_text() == "mine", "overwritten")
    for wrong in (["Card", IVSHMEM_ID], ["../card", IVSHMEM_ID], ["", "1:2"],
                  ["other", "1af4"], ["other", "1af4:11100"], ["other"],
                  ["--language", "cobol", "other", IVSHMEM_ID]):
        said = run(TOOL, "new", *wrong, status=2)
        check("--help" in said, said)
    check(os.listdir(PLACE) == ["card"], f"{os.listdir(PLACE)}")


def clean_up() -> None:
    """The device goes back, the files go."""
    subprocess.run([TOOL, "unbind", IVSHMEM], check=False, capture_output=True)
    shutil.rmtree(PLACE, ignore_errors=True)


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    sys.exit(script.main([c_skeleton_drives_ivshmem,
                          python_skeleton_drives_ivshmem,
                          nothing_is_overwritten], "iommu", 120,
                         clean_up=clean_up))
