#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What is bound by the match table in /etc/udrv, and what is noted there."""

import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True

from script import check, main  # noqa: E402
from tool_tools import (  # noqa: E402
    EDU, EDU_ALONE, NIC, SAVED, TABLE, become_nobody, driver, run, unbind_all)

NODE = Path("/dev/udrv") / EDU


def table(text: str, name: str = "10-test.conf") -> None:
    """A file of the administrator's."""
    TABLE.mkdir(exist_ok=True)
    (TABLE / name).write_text(text)


def saved_rules() -> list[str]:
    """The lines that are no comments."""
    return [line for line in SAVED.read_text().splitlines()
            if not line.startswith("#")]


def owner(path: Path) -> tuple[int, int, str]:
    """User, group, mode."""
    stat = path.stat()
    return stat.st_uid, stat.st_gid, oct(stat.st_mode & 0o777)


def what_is_saved_is_bound_again_and_unsaved_is_not() -> None:
    """As if the machine started again."""
    run("bind", "--save", "--owner", "nobody", "--driver", "udrv-edu", EDU,
        says="will be bound when it appears")
    check(saved_rules() == [f"pci:{EDU} owner=nobody driver=udrv-edu"],
          f"{saved_rules()}")
    said = run("unbind", EDU, says="will be bound again when it appears, by")
    check("saved.conf:2" in said, said)
    check(driver(EDU) == "", "still bound")
    run("bind", "--saved")
    check(driver(EDU) == "udrv", "not bound by its rule")
    check(owner(NODE) == (65534, 0, "0o600"), f"{owner(NODE)}")
    check(driver(EDU_ALONE) == "", "bound without a rule")
    run("unbind", "--save", EDU, says="no longer bound when it appears")
    check(saved_rules() == [], f"{saved_rules()}")
    check(driver(EDU) == "", "still bound")
    run("bind", "--saved")
    check(driver(EDU) == "", "bound without a rule")


def saving_twice_keeps_one_rule() -> None:
    """The last one said; others' lines stay."""
    run("bind", "--save", EDU_ALONE)
    run("bind", "--save", EDU)
    run("bind", "--save", "--owner", "daemon:daemon", EDU)
    check(saved_rules() == [f"pci:{EDU_ALONE}",
                            f"pci:{EDU} owner=daemon:daemon"],
          f"{saved_rules()}")
    check(owner(NODE)[2] == "0o660", "mode")
    run("unbind", "--save", EDU)
    check(saved_rules() == [f"pci:{EDU_ALONE}"], f"{saved_rules()}")


def ids_and_class_bind_every_such_device() -> None:
    """But for one whose driver has it, unless it says take."""
    run("bind", "--save=id", EDU)
    check(saved_rules() == ["id:1234:11e8"], f"{saved_rules()}")
    run("bind", "--saved")
    check(driver(EDU_ALONE) == "udrv", "same ids, not bound")
    table("class:0200 take\n")
    was = driver(NIC)
    run("bind", "--saved", NIC)
    check(driver(NIC) == "udrv", f"still with {was}")
    run("unbind", NIC)
    run("bind", "--save=class", NIC, status=1, says="which would come before")
    run("bind", "--save=place", EDU, status=2, says="address, id or class?")


def a_rule_without_take_leaves_a_driver_alone() -> None:
    """And it is said which rule could not be followed."""
    subprocess.run(["modprobe", "e1000"], check=True)
    check(driver(NIC) == "e1000", "the kernel's driver does not have the NIC")
    table("id:8086:100e\n")
    said = run("bind", "--saved", NIC, status=1, says="has the driver e1000")
    check("10-test.conf:1: 0000:00:06.0 is not bound" in said, said)
    check(driver(NIC) == "e1000", "taken")
    subprocess.run(["modprobe", "-r", "e1000"], check=True)


def a_bad_line_changes_nothing() -> None:
    """Wherever it stands, and whoever is nobody."""
    table(f"pci:{EDU}\n")
    for text, error in (
            ("class:0200\n\nnonsense\n", "20-bad.conf:3: 'nonsense'"),
            ("id:8086:100e owner=no-such-user\n",
             "20-bad.conf:1: there is no user 'no-such-user'"),
            ("id:8086:100e owner=root:no-such-group\n",
             "20-bad.conf:1: there is no group"),
            (f"pci:{EDU} take\n", "stands in /etc/udrv/10-test.conf:1")):
        table(text, "20-bad.conf")
        for command in (("--saved",), ("--saved", EDU), ("--match", EDU),
                        ("--check",), ("--save", EDU)):
            run("bind", *command, status=1, says=error)
            check(driver(EDU) == "", f"bound by {command}")
    check(not SAVED.exists(), "saved beside a bad line")
    (TABLE / "20-bad.conf").unlink()
    run("bind", "--check", says="1 rules in /etc/udrv, all good")
    (TABLE / "20-bad.conf.dpkg-old").write_text("nonsense\n")
    run("bind", "--check")


def match_tells_udev_what_the_rule_says() -> None:
    """NAME=VALUE lines; nothing for a device that has no rule."""
    table(f"# first\npci:{EDU} owner=nobody:daemon driver=udrv-edu take\n"
          "legacy:keyboard driver=udrv-kbd\n")
    said = run("bind", "--match", EDU).splitlines()
    check(said == [
        f"UDRV_DEVICE={EDU}", "UDRV_RULE=/etc/udrv/10-test.conf:2",
        f"UDRV_SELECTOR=pci:{EDU}", "UDRV_DRIVER=udrv-edu",
        f"UDRV_UNIT=udrv-edu@{EDU}.service", "UDRV_OWNER=nobody",
        "UDRV_OWNER_GROUP=daemon", "UDRV_MODE=0660", "UDRV_TAKE=1"],
        f"{said}")
    check("UDRV_UNIT=udrv-kbd@keyboard.service" in
          run("bind", "--match", "keyboard"), "no unit for the keyboard")
    check(run("bind", "--match", EDU_ALONE) == "", "a rule for the other")
    check(run("bind", "--match", "parport0") == "", "a rule for parport0")
    run("bind", "--match", "0000:00:1f.7", status=1, says="no PCI device")


def a_declared_device_is_saved_too() -> None:
    """With all that was said about it."""
    run("legacy", "add", "--save", "--owner", "nobody", "--ports",
        "0x300:8,0x320:4", "--irq", "5", "gauge")
    check(saved_rules() == [
        "legacy:gauge owner=nobody ports=0x300:8,0x320:4 irq=5"],
        f"{saved_rules()}")
    run("bind", "--saved")
    run("legacy", "remove", "gauge")
    run("bind", "--saved")
    said = run("legacy", "list")
    check("ports 0x320-0x323" in said and "line 5" in said, said)
    check(owner(Path("/dev/udrv/gauge"))[0] == 65534, "not nobody's")
    run("legacy", "remove", "--save", "gauge", says="no longer declared")
    check(saved_rules() == [], f"{saved_rules()}")


def nobody_else_than_root_can_save() -> None:
    """And nothing is bound then."""
    run("bind", "--save", EDU, status=1, says="this needs root",
        preexec_fn=become_nobody)
    check(not SAVED.exists() and driver(EDU) == "", "something was done")


def wrong_arguments_are_refused() -> None:
    """Options that do not go together."""
    for words in (("--saved", "--take"), ("--saved", "--match", EDU),
                  ("--match",), ("--check", EDU), ("--saved", EDU, EDU),
                  ("--driver", "x", EDU), ("--save",), ("--saved=x",)):
        run("bind", *words, status=2)
    run("bind", "--save", "--driver", "a/b", EDU, status=1,
        says="makes no rule: 'driver=a/b' is no unit's name")
    check(driver(EDU) == "" and not SAVED.exists(), "something was done")


TESTS = (what_is_saved_is_bound_again_and_unsaved_is_not,
         saving_twice_keeps_one_rule, ids_and_class_bind_every_such_device,
         a_rule_without_take_leaves_a_driver_alone, a_bad_line_changes_nothing,
         match_tells_udev_what_the_rule_says, a_declared_device_is_saved_too,
         nobody_else_than_root_can_save, wrong_arguments_are_refused)

if __name__ == "__main__":
    sys.exit(main(TESTS, "iommu", 90, clean_up=unbind_all))
