#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What a kernel says is a complaint, but for what a test asked for by letting
allocations fail. Prints TAP, as the other unit tests do.
"""

import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "qemu"))

import kernel_log  # noqa: E402

# The kernel believes a group where it is not: never for lack of memory.
DETACH = ("iommu driver failed to attach the default/blocking domain",
          "WARNING: CPU: 0 PID: 158 at drivers/iommu/iommu.c:1962 "
          "iommu_detach_group+0x85/0x90")
AFFINITY = ("name 'smp_affinity'",
            "WARNING: CPU: 1 PID: 174 at fs/proc/generic.c:734 "
            "remove_proc_entry+0x1a3/0x270")
DRIVER_LINK = ("bus_add_driver: uevent attr (udrv) failed",
               "sysfs: cannot create duplicate filename '//pci:udrv'")
# The same places, for other reasons.
DEVICE_LINK = (DRIVER_LINK[0], "sysfs: cannot create duplicate filename "
               "'/bus/pci/drivers/udrv'")
NO_NAME = ("------------[ cut here ]------------", AFFINITY[1])
OTHER_FILE = ("name 'udrv'", AFFINITY[1])
FREED = ("=" * 66,
         "BUG: KASAN: use-after-free in remove_proc_entry+0x1a3/0x270")
# kmemleak's objects.
CLASS_NAME = """unreferenced object 0xff110000089bd438 (size 8):
  comm "insmod", pid 81, jiffies 4295009150
  backtrace:
    [<000000003333f345>] kstrdup_const+0x49/0x80
    [<00000000cee85b26>] kobject_set_name+0x96/0xb0
    [<0000000032eff840>] __class_register+0xd2/0x260
    [<00000000d2081c2c>] 0xffffffffa003c031
"""
DRIVER_NAME = CLASS_NAME.replace("__class_register+0xd2/0x260",
                                 "udrv_init+0x52/0x1b0 [udrv]")


def complains(lines: tuple[str, ...], without_memory: bool) -> bool:
    """As the log has them."""
    log = [f"[{each:5}.000000] {line}" for each, line in enumerate(lines)]
    return bool(kernel_log.complaint(log, without_memory))


CASES = {
    "warnings_are_complaints": all(
        complains(each, False) for each in (DETACH, AFFINITY, DRIVER_LINK)),
    "the_kernels_own_is_forgiven_without_memory": not any(
        complains(each, True) for each in (AFFINITY, DRIVER_LINK)),
    "others_are_not": all(
        complains(each, True)
        for each in (DETACH, NO_NAME, OTHER_FILE, FREED, DEVICE_LINK)),
    "what_follows_a_forgiven_one_is_not": complains(AFFINITY + FREED, True),
    "the_kernels_own_loss_is_forgiven_without_memory":
        not kernel_log.without_forgiven(CLASS_NAME + CLASS_NAME),
    "other_losses_are_not":
        kernel_log.without_forgiven(CLASS_NAME + DRIVER_NAME + CLASS_NAME)
        == DRIVER_NAME.splitlines(),
}

print(f"1..{len(CASES)}")
for number, (name, passed) in enumerate(CASES.items(), 1):
    print(f"{'ok' if passed else 'not ok'} {number} - {name}")
sys.exit(not all(CASES.values()))
