#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tests/rogue.md names tests that exist, and all of the rogue's own.

Prints TAP, as the other unit tests do.
"""

import re
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent.parent
TABLE = TESTS / "rogue.md"
PROGRAMS = ("qemu/*_test.c", "abi/*_test.c")


def existing() -> set[str]:
    """All tests, as guest-run calls them."""
    return {f"{path.name.removesuffix('_test.c')}.{name}"
            for pattern in PROGRAMS for path in TESTS.glob(pattern)
            for name in re.findall(r"\bTEST\((\w+)\)", path.read_text())}


def rows() -> list[list[str]]:
    """The table's rows, less its head."""
    lines = [line for line in TABLE.read_text().splitlines()
             if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in lines[2:]]


def check(number: int, name: str, wrong: list[str]) -> bool:
    """Print a result."""
    print(f"{'not ok' if wrong else 'ok'} {number} - {name}")
    for each in wrong:
        print(f"# {each}")
    return bool(wrong)


def main() -> int:
    """Both ways."""
    tests = existing()
    named = [(row[0], re.findall(r"`(\w+\.\w+)`", row[-1])) for row in rows()]
    flat = {test for _, each in named for test in each}
    print("1..3")
    failed = check(1, "each_attempt_has_a_test_and_what_stops_it",
                   [row[0] for row, (_, found) in zip(rows(), named)
                    if len(row) != 3 or not all(row) or not found])
    failed |= check(2, "each_test_in_the_table_exists",
                    sorted(f"{attempt}: {test}" for attempt, found in named
                           for test in found if test not in tests))
    failed |= check(3, "each_test_of_the_rogue_is_in_the_table",
                    sorted(test for test in tests
                           if test.startswith("rogue_") and test not in flat))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
