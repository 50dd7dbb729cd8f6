#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What serves a guest outlives QEMU, however that ends. Prints TAP."""

import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "qemu"))

import guest  # noqa: E402

# Its end of QMP closes, it says that the command has passed, later all ends.
ENDING = """
import os, sys, time
qmp, udrv = map(int, sys.argv[1:])
os.close(qmp)
os.write(udrv, b"0 exit 0\\n")
time.sleep(3)
"""


def looked_at_while_it_ends() -> str:
    """The status is the command's all the same; what is wrong."""
    guest.LOOK_SECONDS = 0.5
    links = guest.Links()
    ends = [links.theirs[name].fileno() for name in ("qmp", "udrv")]
    with tempfile.TemporaryDirectory() as place:
        # pylint: disable-next=consider-using-with # ended by Guest.run
        qemu = subprocess.Popen(
            [sys.executable, "-c", ENDING, *map(str, ends)], pass_fds=ends)
        links.close_theirs()
        try:
            status = guest.Guest(qemu, links, Path(place, "log"), 60).run()
        except OSError as error:
            return str(error)
    return "" if status == 0 else f"status {status}"


def main() -> int:
    """As the other unit tests say it."""
    wrong = looked_at_while_it_ends()
    print("1..1")
    print(f"not ok 1 - looked_at_while_it_ends\n# {wrong}" if wrong
          else "ok 1 - looked_at_while_it_ends")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
