#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The installed headers compile by themselves, in every language they are for.

The contract header as C89, C11 and C++, for 64 and for 32 bits, with no warning
of any kind; libudrv's as C11 and C++. Two files that include one header link
together. Prints TAP, as the other unit tests do.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

TOP = Path(__file__).resolve().parent.parent.parent
CONTRACT = "uapi/udrv.h"
WARNINGS = ("-Wall", "-Wextra", "-Wpedantic", "-Wundef", "-Werror")
# C++ says "shadows" of a function that is called as a struct is, as stat() is.
C_WARNINGS = ("-Wstrict-prototypes", "-Wmissing-prototypes", "-Wshadow",
              "-Wdeclaration-after-statement")

# By name: what compiles, and how. 64-bit types are no part of C89 and C++98, but
# <linux/types.h> has them, as an extension that says of itself that it is one.
LANGUAGES = {
    "c89": ("cc", ("-std=c89", "-Wno-long-long", *C_WARNINGS)),
    "gnu89": ("cc", ("-std=gnu89", "-Wno-long-long", *C_WARNINGS)),
    "c11": ("cc", ("-std=c11", *C_WARNINGS)),
    "c++98": ("c++", ("-std=c++98", "-Wno-long-long")),
    "c++17": ("c++", ("-std=c++17",)),
}


def headers() -> list[str]:
    """libudrv's own."""
    return [path.name for path in sorted((TOP / "include").glob("*.h"))]


def compile_alone(header: str, language: str, bits: int) -> str:
    """Include it twice, first of all, in two files; what was said."""
    compiler, options = LANGUAGES[language]
    with tempfile.TemporaryDirectory() as where:
        suffix = ".cc" if compiler == "c++" else ".c"
        for name in "one", "two":
            (Path(where) / (name + suffix)).write_text(
                f"#include <{header}>\n#include <{header}>\n"
                f"int {name}(void);\nint {name}(void) {{ return 0; }}\n")
        done = subprocess.run(
            [compiler, *options, *WARNINGS, f"-m{bits}", "-nostdlib", "-r",
             "-I", TOP / "include",
             f"one{suffix}", f"two{suffix}", "-o", "both.o"],
            cwd=where, capture_output=True, text=True, check=False)
    return done.stderr.strip() or ("" if done.returncode == 0 else "failed")


def main() -> int:
    """Every header by every language it is for."""
    cases = [(CONTRACT, language, bits)
             for language in LANGUAGES for bits in (64, 32)]
    cases += [(header, language, 64) for header in headers()
              for language in ("c11", "c++17")]
    failed = 0
    print(f"1..{len(cases)}")
    for i, (header, language, bits) in enumerate(cases, 1):
        said = compile_alone(header, language, bits)
        failed += bool(said)
        name = f"{header.replace('/', '_')}_as_{language}_{bits}"
        print(f"{'not ok' if said else 'ok'} {i} - {name}")
        if said:
            print("\n".join(f"# {line}" for line in said.splitlines()))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
