#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The udrv tool's commands, each on real devices; and that its help, its
completions and its manual say the same."""

import json
import os
import pty
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from script import PATIENCE, SLOW, TOP, check, main, wait_for  # noqa: E402
from tool_tools import (  # noqa: E402
    DEVICES, EDU, EDU_ALONE, GROUP_EDU, GROUP_EDU_2, HOT_EDU, NIC, NVME,
    ROOT_PORT, TOOL, become_nobody, edu_works, held, run, run_json, unbind_all)

TRACING = Path("/sys/kernel/tracing/instances")
COMMANDS = ("list", "info", "bind", "unbind", "reset", "peek", "poke", "config",
            "irq", "dma", "trace", "top", "legacy", "new", "doctor", "complete")
SUBCOMMANDS = ("legacy add", "legacy remove", "legacy list")


def row(rows: object, name: str) -> dict[str, object]:
    """The one of that name."""
    found = [each for each in rows if each.get("name") == name]
    check(len(found) == 1, f"{len(found)} rows of {name}")
    return found[0]


# --- list, info, dma


def list_says_what_binding_takes() -> None:
    """Free, had by a driver, in a group with one, a bridge, bound."""
    subprocess.run(["modprobe", "-a", "e1000", "uio_pci_generic"], check=True)
    (DEVICES / GROUP_EDU_2 / "driver_override").write_text("uio_pci_generic")
    Path("/sys/bus/pci/drivers_probe").write_text(GROUP_EDU_2)
    run("bind", EDU)
    rows = run_json("list")
    for name, wanted in ((EDU, "bound"), (EDU_ALONE, "yes"), (NIC, "--take"),
                         (GROUP_EDU, "--group"), (ROOT_PORT, "no")):
        check(row(rows, name)["bind"] == wanted,
              f"{name}: {row(rows, name)['bind']}")
    nic = row(rows, NIC)
    check(nic["id"] == "8086:100e" and nic["driver"] == "e1000", f"{nic}")
    check("82540EM" in str(nic["about"]), f"no name from pci.ids: {nic}")
    check([each["name"] for each in run_json("list", "--bound")] == [EDU],
          "--bound shows others")
    text = run("list")
    check(re.search(rf"^{NIC}  8086:100e  e1000 .* --take .*82540EM", text,
                    re.MULTILINE), text)
    run("bind", GROUP_EDU, status=1, says="--group")
    (DEVICES / GROUP_EDU_2 / "driver_override").write_text("\n")
    subprocess.run(["modprobe", "-r", "e1000", "uio_pci_generic"], check=True)


def holders_are_named_by_process_and_command() -> None:
    """In list, info, dma, and when they are in the way."""
    run("bind", EDU)
    check(row(run_json("list"), EDU)["holder"] is None, "held by nobody")
    with held(EDU) as pid:
        holder = {"pid": pid, "command": "python3",
                  "about": f"process {pid} (python3)"}
        check(row(run_json("list"), EDU)["holder"] == holder, "list")
        info = run_json("info", EDU)
        check(info["holder"] == holder, f"{info['holder']}")
        run("list", says=f"process {pid} (python3)")
        ledger = run_json("dma", EDU)
        check(len(ledger) == 1 and ledger[0]["pid"] == pid and
              ledger[0]["command"] == "python3" and
              ledger[0]["length"] == 8192 and "buffer" in ledger[0]["state"],
              f"{ledger}")
        check(info["mappings"][0]["iova"] == ledger[0]["iova"], "iova")
        run("dma", says=f"{ledger[0]['iova']:#x}")
        for command in (("peek", EDU, "0:0"), ("poke", EDU, "0:4=1"),
                        ("reset", EDU)):
            run(*command, status=1, says=f"open in process {pid} (python3)")
    check(run_json("dma") == [], "the ledger of a closed device")


def info_has_the_same_facts_as_json() -> None:
    """Regions, interrupts, counters."""
    run("bind", NVME, "--take")
    info = run_json("info", NVME)
    check(info["name"] == NVME and info["pci"]["class"] == "010802", f"{info}")
    regions = {each["index"]: each for each in info["regions"]}
    size = os.stat(DEVICES / NVME / "resource0").st_size
    check(regions[0]["size"] == size and regions[0]["kind"] == "memory",
          f"{regions}")
    check(info["interrupts"]["msix"] == 65, f"{info['interrupts']}")
    check(info["counters"]["interrupts"] == 0, f"{info['counters']}")


# --- config


def config_decodes_as_lspci_does() -> None:
    """MSI-X, PCI Express and power management; raw bytes; a user's view."""
    config = run_json("config", NVME)
    named = {each["name"]: each for each in config["capabilities"]}
    lspci = subprocess.run(["lspci", "-vvs", NVME], capture_output=True,
                           text=True, check=True).stdout
    count = re.search(r"MSI-X: Enable[+-] Count=(\d+)", lspci)
    check(count and named["MSI-X"]["vectors"] == int(count[1]), f"{named}")
    check(named["PCI Express"]["type"] == "integrated endpoint"
          if "Root Complex Integrated Endpoint" in lspci
          else named["PCI Express"]["type"] == "endpoint", f"{named}")
    places = {int(each, 16) for each in
              re.findall(r"Capabilities: \[([0-9a-f]+)", lspci)}
    mine = {each["at"] for key in ("capabilities", "extended_capabilities")
            for each in config[key]}
    check(places == mine, f"lspci has capabilities at {places}, not {mine}")
    raw = bytes.fromhex(run("config", "--raw", NVME))
    check(raw == (DEVICES / NVME / "config").read_bytes(), "other bytes")
    run("config", NVME, says="MSI-X")
    run("config", EDU, says="bus-master" if "bus-master" in
        run_json("config", EDU)["command"] else "command")
    check(run_json("config", ROOT_PORT)["header"] == "bridge", "no bridge")
    run("config", NVME, says="capabilities are for root to see",
        preexec_fn=become_nobody)


# --- peek, poke, reset


def registers_are_read_and_written_by_name_and_place() -> None:
    """With their fields; what is refused touches nothing."""
    run("bind", EDU)
    said = run_json("peek", EDU, "ID", "0:0x0/4")
    check([each["value"] for each in said] == ["0x010000ed"] * 2, f"{said}")
    check(said[0]["fields"] == {"MAJOR": 1, "MINOR": 0, "MAGIC": 0xed},
          f"{said}")
    run("peek", EDU, "id", says="MAGIC=237")
    said = run_json("poke", EDU, "LIVENESS=0x12345678", "0:4")
    check([(each["done"], each["value"]) for each in said] ==
          [("written", "0x12345678"), ("read", "0xedcba987")], f"{said}")
    check(len(run_json("peek", EDU, "config:0/2x4")) == 4, "not four")
    names = {each["name"] for each in run_json("peek", EDU)}
    check("ID" in names and "IRQ_ACK" not in names, f"{names}")
    before = run_json("info", EDU)["counters"]["steps"]
    for words, says in (
            (("ID=1",), "ID is read-only"), (("NOTHING",), "is no register"),
            (("LIVENESS=0x100000000",), "does not fit into 4 bytes"),
            (("LIVENESS=x",), "is not a number"), (("9:0=1",), "no register"),
            (("0:0/3",), "no register"), ((), "REGISTER=VALUE is missing")):
        run("poke", EDU, *words, status=2, says=says)
    run("peek", EDU, "ID=1", status=2, says="peek only reads")
    run("peek", EDU, "IRQ_ACK", status=2, says="IRQ_ACK is write-only")
    run("poke", EDU, "LIVENESS=1", "0:0xfffffffc=1", status=1)
    after = run_json("info", EDU)["counters"]["steps"]
    check(after == before, f"{after - before} steps were done")
    check("unbound" not in run("peek", EDU, "0:1/2", status=1), "unaligned")


def register_files_are_good_and_bad_ones_are_told() -> None:
    """Every one that is there; a line that is wrong."""
    run("bind", EDU)
    files = sorted((TOP / "tools/registers").glob("*.regs"))
    check(len(files) >= 5, f"{files}")
    for file in files:
        rows = run_json("peek", "--list", "--registers", str(file), EDU)
        check(rows, f"{file} has no registers")
    with tempfile.TemporaryDirectory() as place:
        file = Path(place) / "bad.regs"
        for text, says in (
                ("register A 0:0 4 rw\nregister A 0:4 4 rw", "two registers"),
                ("field 1 A", "below its register"), ("nonsense", "none of"),
                ("register A 0:2 4 rw", "not a multiple"),
                ("register A 0:0 3 rw", "no width"),
                ("register A 0:0 4 xx", "none of ro, rw"),
                ("register A 0:0 1 rw\nfield 8 B", "has no bit 8"),
                ("device 1234", "not VENDOR:DEVICE")):
            file.write_text(f"# one\n{text}\n")
            line = 2 + text.count("\n")
            run("peek", "--registers", str(file), EDU, status=1,
                says=f"{file}:{line}: ")
            run("peek", "--registers", str(file), EDU, status=1, says=says)


def reset_says_whether_it_can() -> None:
    """Behind a root port it can, on the root bus it cannot."""
    run("bind", HOT_EDU)
    run("reset", HOT_EDU, says=f"{HOT_EDU} is reset")
    run("bind", EDU)
    run("reset", EDU, status=1, says="reset")


# --- irq, trace, top


@contextmanager
def started(*args: str) -> Iterator[subprocess.Popen[str]]:
    """A command of the tool's that goes on by itself, but not for ever."""
    with subprocess.Popen([TOOL, *args], text=True,
                          stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def listens(enable: str) -> bool:
    """Is what it wants on? An instance is seen before it has its events."""
    try:
        return any("1" in (each / enable).read_text()
                   for each in TRACING.glob("udrv-*"))
    except OSError:
        return False


def trace_tells_what_a_driver_does() -> None:
    """In order, one device's only, and its instance is gone afterwards."""
    run("bind", EDU)
    run("bind", EDU_ALONE)
    with started("trace", "--json", EDU) as trace:
        wait_for("the trace to listen", lambda: listens("events/udrv/enable"))
        edu_works(EDU_ALONE)
        edu_works(EDU)
        assert trace.stdout
        events = []
        while not events or events[-1]["event"] != "close":
            events.append(json.loads(trace.stdout.readline()))
        trace.send_signal(signal.SIGINT)
        check(trace.wait(PATIENCE) == 0, "interrupted, it failed")
    kinds = [each["event"] for each in events]
    check({each["device"] for each in events} == {EDU}, f"{events}")
    check(kinds[0] == "open" and events[0]["who"] == "owner", f"{events[0]}")
    check("udrv-edu" in {each["command"] for each in events}, f"{events}")
    for kind in ("irq", "irq_read", "dma_map"):
        check(kind in kinds, f"no {kind}: {kinds}")
    check(kinds.index("irq") < kinds.index("irq_read"), f"{kinds}")
    mapped = events[kinds.index("dma_map")]
    check(mapped["length"] == 2 * 4095 and mapped["iova"] > 0, f"{mapped}")
    check(not list(TRACING.glob("udrv-*")), "an instance is left")


def trace_shows_refusals_and_ends_by_itself() -> None:
    """After so many events, after some time, when nobody reads any more."""
    run("bind", EDU)
    with started("trace", "--event", "refused", "--count", "1") as trace:
        wait_for("the trace to listen",
                 lambda: listens("events/udrv/udrv_refused/enable"))
        run("poke", EDU, "config:0x4/2=7", status=1)
        assert trace.stdout
        said = trace.stdout.read()
        check(trace.wait(PATIENCE) == 0, "failed")
    check(re.search(rf"{EDU} refused error=-1 reason=configuration byte", said),
          said)
    check(run("trace", "--seconds", "0.2", EDU) == "", "events of nobody")
    run("trace", EDU, status=1, says="root", preexec_fn=become_nobody)
    check(not list(TRACING.glob("udrv-*")), "an instance is left")


def irq_counts_and_measures_a_driver_at_work() -> None:
    """Its latency by the times of its events."""
    run("bind", EDU)
    worker = threading.Thread(target=lambda: [edu_works(EDU)
                                              for _ in range(5)])
    with started("irq", "--json", "--latency", "--seconds", str(6 * SLOW),
                 EDU) as irq:
        wait_for("it to listen", lambda: list(TRACING.glob("udrv-*")))
        worker.start()
        assert irq.stdout
        said = irq.stdout.read()
        check(irq.wait(PATIENCE) == 0, "failed")
    worker.join()
    device, = json.loads(said)
    check(device["device"] == EDU and device["interrupts"] > 0 and
          device["rate"] > 0, f"{device}")
    vector, = device["latency"]
    check(vector["reads"] == sum(each["count"] for each in vector["histogram"]),
          f"{vector}")
    check(0 < vector["least_ns"] <= vector["mean_ns"] <= vector["most_ns"],
          f"{vector}")
    for each in vector["histogram"]:
        check(each["from_ns"] < each["to_ns"], f"{each}")
    total = run_json("info", EDU)["counters"]["interrupts"]
    text = run("irq", "--seconds", "0.1", EDU)
    check(re.search(rf"^{EDU} +{total} +0\.0 ", text, re.MULTILINE), text)
    check(not list(TRACING.glob("udrv-*")), "an instance is left")


def top_is_plain_unless_on_a_terminal() -> None:
    """Rates, mapped bytes, the holder; JSON by the line."""
    run("bind", EDU)
    with held(EDU) as pid:
        said = run("top", "--count", "2", "--interval", "0.1")
        check("\033" not in said and said.count("DEVICE") == 2, said)
        check(re.search(rf"{EDU} .* 8 KiB +process {pid} \(python3\)", said),
              said)
        lines = run("top", "--count", "2", "--interval", "0.1",
                    "--json").splitlines()
        rows = [json.loads(line) for line in lines]
        check(len(rows) == 2 and rows[1][0]["device"] == EDU and
              rows[1][0]["interrupts_per_s"] == 0 and
              rows[1][0]["mapped_bytes"] == 8192, f"{rows}")
    terminal, other = pty.openpty()
    with subprocess.Popen([TOOL, "top", "--interval", "0.1"], stdout=other,
                          stderr=other) as top:
        os.close(other)
        shown = b""
        while shown.count(b"\033[H\033[J") < 2:
            shown += os.read(terminal, 1000)
        top.send_signal(signal.SIGINT)
        check(top.wait(PATIENCE) == 0, "interrupted, it failed")
    os.close(terminal)


# --- what is said about it


def helps() -> dict[str, str]:
    """Each command's help."""
    return {each: run(*each.split(), "--help")
            for each in (*COMMANDS, *SUBCOMMANDS)}


def options_in(text: str) -> set[str]:
    """Those of a help text."""
    return set(re.findall(r"--([a-z]+)", text))


def completion(*words: str) -> list[str]:
    """What may stand at the end."""
    return run("complete", "--", *words).splitlines()


def help_and_completion_name_the_same_options() -> None:
    """Of the one table that getopt_long() has."""
    text = run("--help")
    for name in COMMANDS:
        check(re.search(rf"^  {name} ", text, re.MULTILINE), f"no {name}")
    check(sorted(completion("")) == sorted(COMMANDS), f"{completion('')}")
    for name, said in helps().items():
        check(said.startswith(f"usage: udrv {name}"), said)
        if name == "legacy":
            check(completion(name, "") == ["add", "remove", "list"], "legacy")
            continue
        taken = {each[2:].rstrip("=") for each in completion(*name.split(), "")
                 if each.startswith("--")} - {"help"}
        told = options_in(said) - {"help"}
        own = {"bind": {"take", "group"}, "legacy add": set()}
        check(taken <= told, f"{name}: {taken - told} is not in its help")
        check(told - taken <= own.get(name, {"take", "save", "group"}),
              f"{name}: it has no {told - taken}")


def shells_complete_devices_and_registers() -> None:
    """bash, which breaks words at colons, and zsh."""
    run("bind", EDU)
    check(EDU in completion("info", "") and NIC not in completion("info", ""),
          "info completes with what is not bound")
    check(NIC in completion("bind", ""), "bind does not complete a device")
    check("LIVENESS" in completion("peek", EDU, ""), "no register")
    script = TOP / "tools/completion/udrv.bash"
    for line, wanted in (("udrv unb", "unbind"), (f"udrv info {EDU[:8]}", "03.0"),
                         ("udrv bind --ow", "--owner="),
                         (f"udrv peek {EDU} LIV", "LIVENESS")):
        said = subprocess.run(
            ["bash", "-c", f". {script}; COMP_LINE='{line}'; "
             "COMP_POINT=${#COMP_LINE}; _udrv; printf '%s\\n' \"${COMPREPLY[@]}\""],
            capture_output=True, text=True, check=True).stdout.split()
        check(said == [wanted], f"bash: '{line}' completes to {said}")
    said = subprocess.run(
        ["zsh", "-fc", 'compadd() { print -l -- "$@"; }; words=(udrv info ""); '
         f"CURRENT=3; . {script.parent}/_udrv"],
        capture_output=True, text=True, check=True).stdout.split()
    check(EDU in said and "--json" in said, f"zsh: {said}")


def manual_sections() -> dict[str, str]:
    """udrv(8)'s source, by command."""
    text = (TOP / "tools/man/udrv.8").read_text()
    parts = re.split(r"^\.Ss (.*)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2]))


def told_of_options(text: str) -> dict[str, str]:
    """What a help text says of each."""
    told: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        match = re.match(r"  --([a-z]+)\S*(?: \S+)*?  +(.*)", line)
        if match:
            name = match[1]
            told[name] = match[2]
        elif name and line.startswith("   "):
            told[name] += f" {line.strip()}"
        else:
            name = ""
    told.pop("help", None)
    return {option: " ".join(each.split()) for option, each in told.items()}


def the_manual_says_what_help_says() -> None:
    """The same usage, the same of each option, for every command."""
    sections = manual_sections()
    for name, said in helps().items():
        check(name in sections, f"udrv(8) has no section {name}")
        section = sections[name]
        usage = said.partition("\n\n")[0].replace("usage: ", "       ")
        usage = " ".join(usage.split())
        literal = section.partition(".Bd -literal\n")[2].partition(".Ed")[0]
        check(" ".join(literal.split()) == usage,
              f"{name}: the manual has '{literal}', help has '{usage}'")
        told = told_of_options(said)
        manual = {each[0]: " ".join(each[1].split()) for each in re.findall(
            r"^\.It Fl -([a-z]+)[^\n]*\n((?:[^.\n][^\n]*\n)*)", section,
            re.MULTILINE)}
        check(told == manual, f"{name}: help says {told}, the manual {manual}")
    check(set(sections) == set(helps()), f"{set(sections) - set(helps())}")
    for page in (TOP / "tools/man").glob("*.[58]"):
        done = subprocess.run(["groff", "-mdoc", "-ww", "-Tutf8", "-z", page],
                              capture_output=True, text=True, check=True)
        check(not done.stderr, f"{page.name}: {done.stderr}")


def wrong_arguments_are_refused() -> None:
    """By every command, with status 2 and nothing done."""
    for name in (*COMMANDS, *SUBCOMMANDS):
        run(*name.split(), "--nothing", status=2)
    for words in (("list", EDU), ("info",), ("info", EDU, EDU), ("unbind",),
                  ("reset",), ("peek",), ("poke",), ("config",),
                  ("config", "--raw", "--json", EDU), ("peek", "--width", "3",
                                                      EDU, "0:0"),
                  ("irq", "--seconds", "x"), ("irq", "--seconds", "0"),
                  ("trace", "--count", "0"), ("trace", "--event", "x"),
                  ("trace", "--seconds", "-1"), ("trace", EDU, EDU),
                  ("top", "--interval", "0"), ("top", EDU),
                  ("doctor", EDU, EDU), ("doctor", "--root", "/", EDU),
                  ("legacy",), ("legacy", "x"), ("nothing",), ()):
        run(*words, status=2)
    for name in ("info", "unbind", "reset", "config", "irq", "dma", "trace"):
        run(name, "0000:00:1f.7", status=1, says="0000:00:1f.7")
        run(name, "no device", status=1, says="is not a device name")
    run("info", EDU, status=1, says="`udrv bind ")


TESTS = (list_says_what_binding_takes, holders_are_named_by_process_and_command,
         info_has_the_same_facts_as_json, config_decodes_as_lspci_does,
         registers_are_read_and_written_by_name_and_place,
         register_files_are_good_and_bad_ones_are_told,
         reset_says_whether_it_can, trace_tells_what_a_driver_does,
         trace_shows_refusals_and_ends_by_itself,
         irq_counts_and_measures_a_driver_at_work,
         top_is_plain_unless_on_a_terminal,
         help_and_completion_name_the_same_options,
         shells_complete_devices_and_registers, the_manual_says_what_help_says,
         wrong_arguments_are_refused)

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 120, clean_up=unbind_all))
