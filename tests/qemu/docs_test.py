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
import signal
import subprocess
import sys
import tempfile
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


# What README.md shows, as it stands there, and what becomes of it: ENDS by itself
# with success; STAYS until it is told to end; elsewhere, in the test named.
ENDS, STAYS = "ends", "stays"
README_COMMANDS = {
    "make demo": "tests/qemu/demo",
    "make check": "tests/qemu/check",
    "make && sudo make install": "tests/qemu/new_test.py",
    "sudo make install-dkms && sudo dkms install udrv/0.1": "tests/packages/run",
    "dpkg-buildpackage -b -us -uc": "tests/packages/build",
    "sudo apt install ../*udrv*_0.1_*.deb": "tests/packages/inside",
    "cc my.c $(pkg-config --cflags --libs libudrv)": "tests/qemu/new_test.py",
    "udrv doctor 0000:00:05.0": "tests/qemu/doctor_test.py",
    "udrv list": ENDS,
    "sudo udrv bind --save --owner alice 00:05.0": "tests/qemu/tool_test.py",
    "udrv config 00:05.0": "tests/qemu/tool_test.py",
    "udrv peek 00:05.0 STATUS 0:0x88/8": "tests/qemu/tool_test.py",
    "udrv top; udrv irq --latency; udrv dma": "tests/qemu/tool_test.py",
    "sudo udrv trace --event refused": "tests/qemu/tool_test.py",
    "udrv-ide 0000:00:0b.0 identify": ENDS,
    "udrv-ide 0000:00:0b.0 read --disk 0 --offset 1M --size 64k "
    "--file part.img": ENDS,
    "udrv-ide 0000:00:0b.0 write --disk 0 --file disk.img "
    "--overwrite SERIAL": ENDS,
    "udrv-ide 0000:00:0b.0 serve --supervise": STAYS,
    "sudo udrv legacy add keyboard": ENDS,
    "sudo udrv-kbd --uinput": STAYS,
    "sudo udrv legacy add parport0": ENDS,
    "sudo udrv-parport print README.md": ENDS,
    "sudo udrv legacy add gauge --ports 0x300:8 --irq 5": ENDS,
    "sudo udrv legacy add name --take pnp/00:04":
        "tests/qemu/legacy_tool_test.c",
    # Line 20 is one of PCI devices there.
    "sudo udrv legacy add meter --memory 0xfed80000:4k --irq 20:level-low":
        "tests/qemu/legacy_tool_test.c",
    "udrv-e1000 0000:00:0d.0 info": ENDS,
    "udrv-e1000 0000:00:0d.0 send --count 1M --size 60 --rate 50k": STAYS,
    "udrv-e1000 0000:00:0d.0 capture | tcpdump -nr -": STAYS,
    "udrv-e1000 0000:00:0d.0 echo --own": STAYS,
    "udrv-e1000 0000:00:0d.0 forward 0000:00:19.0 --poll --stats": STAYS,
    "udrv-e1000 0000:00:1b.0 tap --name eth-udrv &": STAYS,
    "ip link set eth-udrv up && busybox udhcpc -i eth-udrv":
        "tests/qemu/tap_test.py",
}
# In its place, where the reader has to put in something of their own.
PLACEHOLDERS = {"SERIAL": "udrv-disk0"}
LONG_ENOUGH = 5 * script.SLOW  # seconds, for what stays to fail if it would


def readme_commands() -> list[str]:
    """The indented lines of README.md that are typed, without remarks."""
    text = re.sub(r"^```.*?^```$", "", (TOP / "README.md").read_text(),
                  flags=re.M | re.S)
    return [re.split(r"\s{2,}#", line)[0].strip()
            for line in re.findall(r"^    (\S.*)$", text, re.M)]


def type_command(command: str, kind: str, place: str) -> None:
    """One command, without sudo: we are root."""
    typed = command.removeprefix("sudo ")
    for word, ours in PLACEHOLDERS.items():
        typed = typed.replace(word, ours)
    with subprocess.Popen(["bash", "-c", typed], cwd=place, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT,
                          start_new_session=True) as process:
        try:
            said, _ = process.communicate(
                timeout=LONG_ENOUGH if kind == STAYS else 60 * script.SLOW)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGTERM)
            said, _ = process.communicate(timeout=60 * script.SLOW)
            check(kind == STAYS, f"{command}: does not end: {said}")
            return
    check(process.returncode == 0 and kind == ENDS,
          f"{command}: exit status {process.returncode}: {said}")


def commands_of_the_readme() -> None:
    """Typed in the order they are shown, each by itself."""
    shown = readme_commands()
    check(len(shown) > 10, "README.md was not understood")
    for command in shown:
        check(command in README_COMMANDS,
              f"README.md shows '{command}', which nothing tries")
    for command in README_COMMANDS:
        check(command in shown, f"README.md does not show '{command}' any more")
    with tempfile.TemporaryDirectory() as place:
        (Path(place) / "disk.img").write_bytes(script.pattern(1, 1 << 16))
        (Path(place) / "README.md").write_text("a page\n", encoding="utf-8")
        for command in shown:
            kind = README_COMMANDS[command]
            if kind in (ENDS, STAYS):
                type_command(command, kind, place)
            else:
                check((TOP / kind).exists(), f"no {kind}")


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
    for name in (EDU, "0000:00:05.0", "0000:00:0b.0", "0000:00:0d.0",
                 "0000:00:19.0"):
        subprocess.run([TOOL, "unbind", name], check=False,
                       capture_output=True)
    for name in ("keyboard", "parport0", "gauge"):
        subprocess.run([TOOL, "legacy", "remove", name], check=False,
                       capture_output=True)


if __name__ == "__main__":
    os.environ["PATH"] = f"{TOP}/build:{os.environ['PATH']}"
    sys.exit(script.main([tutorial, python_session_of_the_readme,
                          commands_of_the_readme,
                          functions_named_in_the_docs_exist,
                          links_in_the_docs_lead_somewhere], "iommu", 240,
                         clean_up=clean_up))
