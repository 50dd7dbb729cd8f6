# SPDX-License-Identifier: MIT
"""What all test scripts (*_test.py) share: failing, waiting, and answering
guest-run, whose protocol its own text describes."""

import os
import random
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
BUILD = TOP / os.environ.get("UDRV_BUILD", "build")  # where the programs are
KERNEL = os.environ.get("UDRV_KERNEL", "")
# How much longer everything may take.
SLOW = 4 if KERNEL == "debug" or "UDRV_BUILD" in os.environ else 1
# Seconds, for what normally takes one at most.
PATIENCE = 20.0 * SLOW
SKIPPED = 77

Test = Callable[[], None]


def for_everybody(program: Path, place: str) -> Path:
    """A copy in a temporary directory: users may not reach the checkout."""
    os.chmod(place, 0o755)
    copy = Path(place) / program.name
    shutil.copy(program, copy)
    return copy


class Failure(Exception):
    """What a test found wrong."""


class Skip(Exception):
    """A test's reason not to run here."""


def check(condition: object, reason: str) -> None:
    """Fail the test unless it is so."""
    if not condition:
        raise Failure(reason)


def figure(name: str, value: int) -> None:
    """A number that a reader of the results should see: guest-run passes it on
    as soon as it is said. Said again as it grows; the last one counts."""
    print(f"figure {name} {value}", flush=True)


def wait_for(what: str, condition: Callable[[], object],
             seconds: float = PATIENCE / SLOW) -> object:
    """Until it is so; its value then.  On a slow kernel it waits longer."""
    deadline = time.monotonic() + seconds * SLOW
    while not (value := condition()):
        check(time.monotonic() < deadline,
              f"waited {seconds * SLOW:.0f} s in vain: {what}")
        time.sleep(0.02)
    return value


def pattern(seed: int, size: int) -> bytes:
    """Bytes that no other seed has."""
    return random.Random(seed).randbytes(size)


def by_name(tests: Iterable[Test]) -> dict[str, Test]:
    """Each is called as its function is."""
    return {each.__name__: each for each in tests}


def run(test: Test, clean_up: Test) -> int:
    """One test; the program's exit status."""
    try:
        test()
    except Failure as failure:
        print(failure)
        return 1
    except Skip as skip:
        print(skip)
        return SKIPPED
    finally:
        clean_up()
    return 0


def main(tests: Iterable[Test] | Callable[[], dict[str, Test]],
         machines: str, timeout: float, *, every_kernel: bool = False,
         clean_up: Test = lambda: None) -> int:
    """What guest-run asks a test program for.  The tests may depend on the
    machine: then they are a function, called there.  Without every_kernel
    they are for the kernels that users of the drivers have; what the module
    does on the others, other tests see.  clean_up is called after each test,
    however it ended."""
    if not every_kernel and KERNEL in ("bullseye", "sid"):
        machines = "none"
    named: dict[str, Test] = {}
    if os.environ.get("UDRV_MACHINE", "iommu") in machines.split():
        named = tests() if callable(tests) else by_name(tests)
    question = sys.argv[1] if len(sys.argv) > 1 else "--about"
    if question == "--about":
        print(machines, timeout, *named, sep="\n")
        return 0
    if question not in named:
        print(f"{sys.argv[0]} has no test {question} here", file=sys.stderr)
        return 2
    return run(named[question], clean_up)
