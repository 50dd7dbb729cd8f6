# SPDX-License-Identifier: MIT
"""The campaigns of `make trust`: what each does, how much of it, in what slices.

A campaign is a row of tests/trust.md. A slice of it is one command, mostly the
boot of a machine that runs one test for longer than `make check` would, and
prints `figure NAME VALUE` for what it has done so far.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
QEMU = TOP / "tests/qemu"
DEBUG = "debug"
FAST = "bookworm"  # Debian's own, ten times as fast, which checks little
BOTH = (FAST, DEBUG)

# Of a slice: a guest that says nothing for so long has hung, and a test that
# takes so many times its time.
SILENCE = 1800
PATIENCE = 20
AT_ONCE = 8  # of about so many slices of the fuzzer's

Command = Callable[[int, str, int, str], list[str]]  # see Campaign.command


@dataclass(frozen=True)
class Campaign:
    """A row of the table."""

    row: str
    about: str
    goal: int
    slice: int  # so much in one command
    command: Command  # of count, machine, seed, kernel
    figure: str = ""  # of the command's, that is the count; "": the row's name
    machines: tuple[str, ...] = ("iommu",)  # one after the other
    adds_up: bool = True  # or the last one is all there is to say
    # Figures that are rows too, and what to make of those of many slices.
    also: dict[str, Callable[[list[int]], int]] = field(default_factory=dict)
    suites: tuple[str, ...] = (DEBUG,)  # a line of the table each

    def __post_init__(self) -> None:
        object.__setattr__(self, "figure", self.figure or self.row)


def release(suite: str) -> str:
    """Of a kernel."""
    done = subprocess.run([QEMU / "kernel", "dir", suite], check=True,
                          stdout=subprocess.PIPE, text=True)
    return (Path(done.stdout.strip()) / "release").read_text().strip()


def vm(program: str, test: str, variable: str) -> Command:
    """A test in a machine with that kernel, told its count."""
    def command(count: int, machine: str, seed: int, suite: str) -> list[str]:
        in_turn = ["--in-turn"] if suite == DEBUG else []
        return [str(QEMU / "vm"), "--kernel", suite, "--machine", machine,
                *in_turn,
                "--silence", str(SILENCE), "--env", f"{variable}={count}",
                "--env", f"UDRV_SEED={seed}", "--",
                str(QEMU / "guest-run"), "--patience", str(PATIENCE),
                f"--only={test}", program]
    return command


def suite_of(*tests: str) -> Command:
    """Tests as check-debug runs them, for what they count together."""
    def command(_count: int, machine: str, _seed: int,
                suite: str) -> list[str]:
        return [str(QEMU / "vm"), "--kernel", suite, "--machine", machine,
                "--in-turn", "--silence", str(SILENCE), "--",
                str(QEMU / "guest-run"), "--patience", str(PATIENCE),
                *(f"--only={each}" for each in tests)]
    return command


def fuzz(count: int, _machine: str, seed: int, _suite: str) -> list[str]:
    """The fuzzer of the contract, each slice with other numbers; in some the
    processors run at once, which finds other races and takes longer."""
    at_once = "" if seed % AT_ONCE else "y"
    return ["env", f"FUZZ_CALLS={count // 3 if at_once else count}",
            f"FUZZ_SEED={seed}", f"FUZZ_AT_ONCE={at_once}",
            str(TOP / "tests/fuzz/fuzz")]


COVERAGE = r"""
make -s coverage
status=$?
awk -F'\t' 'END { print "figure kmod-lines-covered-percent", int($4) }' \
	build/coverage.tsv
exit $status
"""


def coverage(_count: int, _machine: str, _seed: int,
             _suite: str) -> list[str]:
    """Tests and fuzzer on a module that counts its lines; whole percents."""
    return ["sh", "-c", COVERAGE]


CAMPAIGNS = [
    Campaign(
        "fuzz-calls",
        "calls of a fuzzer that knows the contract and is guided by KCOV, with "
        "devices unbound, reset and unplugged meanwhile",
        10_000_000, 400_000, fuzz),
    Campaign(
        "kmod-lines-covered-percent",
        "of the module's lines run in tests and fuzzer together, by gcov",
        1, 1, coverage, adds_up=False),
    Campaign(
        "fail-nth-points",
        "calls made with their 1st, 2nd, 3rd ... allocation failing, until "
        "none does: after each the device works and nothing is lost",
        1, 1, suite_of("no_memory*"), adds_up=False),
    Campaign(
        "rogue-attempts",
        "what an unprivileged process tries that was given one device; "
        "tests/rogue.md says what, and what stops it",
        1, 1, suite_of("rogue*"), adds_up=False),
    Campaign(
        "kills",
        "kill -9 of every driver on every device, many at once, at random "
        "moments under load; then all that the kernel counts is compared",
        10_000, 500, vm("build/tests/death_test", "death.*", "UDRV_KILLS"),
        suites=BOTH),
    Campaign(
        "unbinds",
        "a device is unbound under load; \"bench\" is the machine whose time "
        "is counted instructions: there it is removed, too, as by its slot, and "
        "either must take less than a second",
        500, 100, vm("build/tests/away_test", "away.unbound_under_load",
                     "UDRV_UNBINDS"),
        machines=("iommu", "bench"), suites=BOTH,
        also={"unbind-longest-ms": max, "unbinds-over-a-second": sum}),
    Campaign(
        "unplugs",
        "a device is unplugged in good order, or loses its slot's power "
        "(machine \"surprise\"), under load, and works when it is back",
        500, 50, vm("build/tests/away_test", "away.unplugged_under_load",
                    "UDRV_UNPLUGS"),
        machines=("surprise", "iommu"), suites=BOTH,
        also={"unplug-longest-ms": max, "unplugs-over-a-second": sum}),
    Campaign(
        "module-reloads",
        "unloaded and loaded again while others open, map, die, and lose "
        "their devices",
        500, 100, vm("build/tests/module_test",
                     "module.reloaded_while_everybody_is_busy",
                     "UDRV_RELOADS"),
        suites=BOTH),
    Campaign(
        "deaths-ublk",
        "kill -9 of the driver of a mounted disk that is being written and "
        "verified, by ublk",
        100, 100, vm("tests/qemu/serve_test.py", "serve.deaths_ublk",
                     "UDRV_DEATHS"),
        suites=BOTH),
    Campaign(
        "deaths-nbd", "the same by NBD",
        100, 100, vm("tests/qemu/serve_test.py", "serve.deaths_nbd",
                     "UDRV_DEATHS"),
        suites=BOTH),
    Campaign(
        "packets",
        "sent by the kernel's driver, echoed by ours, compared byte for byte",
        10_000_000, 2_000_000,
        vm("tests/qemu/e1000_test.py", "e1000.packets_come_back_whole",
           "UDRV_PACKETS"),
        suites=(FAST,)),
]
