# SPDX-License-Identifier: MIT
"""Running the udrv tool, and leaving nothing of it behind."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from script import BUILD, PATIENCE, TOP, check

TOOL = BUILD / "udrv"
TABLE = Path("/etc/udrv")
SAVED = TABLE / "saved.conf"
DEVICES = Path("/sys/bus/pci/devices")
GROUP_EDU, GROUP_EDU_2, HOT_EDU = "0000:02:01.0", "0000:02:02.0", "0000:01:00.0"
NVME, ROOT_PORT = "0000:00:0a.0", "0000:00:08.0"
EDU, EDU_ALONE, NIC = "0000:00:03.0", "0000:00:04.0", "0000:00:06.0"


def run(*words: str, status: int = 0, says: str = "",
        **more: object) -> str:
    """All it says; it must end with this status and have said this."""
    done = subprocess.run([TOOL, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=120,
                          check=False, **more)
    command = " ".join(("udrv", *words))
    check(done.returncode == status,
          f"{command}: exit status {done.returncode}, not {status}: "
          f"{done.stdout}")
    check(says in done.stdout, f"{command}: not '{says}' but: {done.stdout}")
    return done.stdout


def run_json(*words: str) -> object:
    """What it says as JSON, and nothing else on standard output."""
    done = subprocess.run([TOOL, *words, "--json"], stdout=subprocess.PIPE,
                          text=True, timeout=120, check=False)
    check(done.returncode == 0, f"udrv {' '.join(words)}: {done.returncode}")
    return json.loads(done.stdout)


def driver(device: str) -> str:
    """The driver that has it, or nothing."""
    link = DEVICES / device / "driver"
    return link.resolve().name if link.exists() else ""


def unbind_all() -> None:
    """As a test found it: nothing bound or declared, no table."""
    shutil.rmtree(TABLE, ignore_errors=True)
    for device in Path("/sys/bus/pci/drivers/udrv").glob("*:*:*.*"):
        subprocess.run([TOOL, "unbind", device.name], check=False,
                       stdout=subprocess.DEVNULL)
    for file in Path("/dev/udrv").glob("*"):
        if file.name != "control":
            subprocess.run([TOOL, "legacy", "remove", file.name], check=False,
                           stdout=subprocess.DEVNULL)


HOLDER = """
import sys
sys.path.insert(0, sys.argv[1])
import udrv
device = udrv.open(sys.argv[2])
buffer = device.dma_alloc(8192, 28)
print("ready", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(device: str) -> Iterator[int]:
    """Another process has it open, and a buffer; its process id."""
    with subprocess.Popen(
            [sys.executable, "-c", HOLDER, TOP / "libudrv/python", device],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "UDRV_LIBRARY": str(TOP / "build/libudrv.so")}
            ) as holder:
        assert holder.stdin and holder.stdout
        check(holder.stdout.readline() == "ready\n", f"cannot open {device}")
        try:
            yield holder.pid
        finally:
            holder.stdin.close()
            holder.wait(PATIENCE)


def edu_works(device: str) -> None:
    """Its driver: an open, three interrupts, one mapping."""
    done = subprocess.run([TOP / "build/udrv-edu", device], check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=60)
    check(done.returncode == 0, f"udrv-edu: {done.stdout}")


def become_nobody() -> None:
    """For a child."""
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
