# SPDX-License-Identifier: MIT
"""Running the udrv tool, and leaving nothing of it behind."""

import json
import shutil
import subprocess
from pathlib import Path

from script import TOP, check

TOOL = TOP / "build/udrv"
TABLE = Path("/etc/udrv")
SAVED = TABLE / "saved.conf"
DEVICES = Path("/sys/bus/pci/devices")
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
