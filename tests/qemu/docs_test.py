#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What the documentation says is done, as it says it.

In docs/*.md a block ```LANGUAGE file=PATH is written to that file, a block
```sh is typed into one shell after the other blocks of its page, and a block
```text must be in what the last ```sh printed, line by line ('...' is left
out).  A page is a test.  A command that README.md shows is either harmless, and
typed, or named below with the test that runs it."""

import doctest
import os
import re
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

import script  # noqa: E402
from script import TOP, Failure, check  # noqa: E402

TOOL = TOP / "build/udrv"
EDU = "0000:00:03.0"
BLOCK = re.compile(r"^```(\w+)(?: file=(\S+))?\n(.*?)^```$", re.M | re.S)
MARK = "== end of block =="


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Language, file, text of each block."""
    return [(each[1], each[2] or "", each[3])
            for each in BLOCK.finditer(page.read_text())]


class Shell:
    """One shell for all of a page, as a reader has one."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(  # pylint: disable=R1732
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, cwd=TOP)

    def run(self, text: str) -> str:
        """Type a block; what it prints.  Each line must succeed."""
        assert self.process.stdin and self.process.stdout
        # Each line is a command of its own; one that fails is told.
        for line in text.rstrip().splitlines():
            self.process.stdin.write(f"{{ {line}\n}} || echo '{MARK} failed: '"
                                     f"\"$?\"\n")
        self.process.stdin.write(f"echo; echo '{MARK}'\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(MARK):
                check("failed" not in line,
                      f"{line.strip()} in:\n{text}\n{''.join(said)}")
                return "".join(said)
            said.append(line)
        raise Failure(f"the shell ended: {''.join(said)}")

    def end(self) -> None:
        """And all that it started."""
        self.process.kill()
        self.process.wait()


def try_page(page: Path) -> None:
    """All of its blocks."""
    shell = Shell()
    said = ""
    ran = 0
    try:
        for language, file, text in blocks(page):
            if file:
                Path(file).write_text(text, encoding="utf-8")
            elif language == "sh":
                said = shell.run(text)
                ran += 1
            elif language == "text":
                for line in text.splitlines():
                    wanted = line.strip().removesuffix("...")
                    check(wanted in said, f"{page.name} says it prints\n"
                          f"{wanted}\nbut it prints\n{said}")
        check(ran, f"{page.name}: no block was understood")
    finally:
        shell.end()


def tutorial() -> None:
    """docs/tutorial.md"""
    try_page(TOP / "docs/tutorial.md")


def python_session_of_the_readme() -> None:
    """What README.md types at Python's prompt, by doctest."""
    os.environ["UDRV_LIBRARY"] = str(TOP / "build/libudrv.so.0")
    sys.path.insert(0, str(TOP / "libudrv/python"))
    session = next(text for language, _, text in blocks(TOP / "README.md")
                   if language == "python")
    check(session.count(">>>") > 5, "that is no session")
    subprocess.run([TOOL, "bind", EDU], check=True, capture_output=True)
    test = doctest.DocTestParser().get_doctest(session, {}, "README.md",
                                               "README.md", 0)
    said: list[str] = []
    result = doctest.DocTestRunner().run(test, out=said.append)
    check(result.attempted and not result.failed, "".join(said))


def functions_named_in_the_docs_exist() -> None:
    """Every usr_...() that a page or the README names is public."""
    public = set(re.findall(r"\b((?:usr|e1000)_\w+)\(", "".join(
        path.read_text() for path in
        [*(TOP / "include").glob("*.h"), TOP / "drivers/e1000/e1000.h"])))
    public |= {f"usr_{way}{bits}" for way in ("read", "write")
               for bits in (8, 16, 32, 64)}
    for page in [*(TOP / "docs").glob("*.md"), TOP / "README.md"]:
        for name in re.findall(r"\b(usr_\w+)\(", page.read_text()):
            check(name in public, f"{page.name} names {name}()")


def links_in_the_docs_lead_somewhere() -> None:
    """Relative links of the docs and the README."""
    for page in [*(TOP / "docs").glob("*.md"), TOP / "README.md"]:
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            check((page.parent / link).exists(), f"{page.name}: no {link}")


def clean_up() -> None:
    """Devices go back."""
    for name in (EDU, "0000:00:05.0"):
        subprocess.run([TOOL, "unbind", name], check=False,
                       capture_output=True)


if __name__ == "__main__":
    os.environ["PATH"] = f"{TOP}/build:{os.environ['PATH']}"
    sys.exit(script.main([tutorial, python_session_of_the_readme,
                          functions_named_in_the_docs_exist,
                          links_in_the_docs_lead_somewhere], "iommu", 240,
                         clean_up=clean_up))
