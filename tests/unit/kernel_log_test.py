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

DETACH = ("iommu driver failed to attach the default/blocking domain",
          "WARNING: CPU: 0 PID: 158 at drivers/iommu/iommu.c:1962 "
          "iommu_detach_group+0x85/0x90")
RELEASE = ("iommu driver failed to attach the default domain",
           "WARNING: CPU: 1 PID: 158 at drivers/iommu/iommu.c:3255 "
           "iommu_group_release_dma_owner+0xa0/0xb0")
AFFINITY = ("name 'smp_affinity'",
            "WARNING: CPU: 1 PID: 174 at fs/proc/generic.c:734 "
            "remove_proc_entry+0x1a3/0x270")
# The same places, for other reasons.
NO_OWNER = ("------------[ cut here ]------------", RELEASE[1])
OTHER_FILE = ("name 'udrv'", AFFINITY[1])
FREED = ("=" * 66,
         "BUG: KASAN: use-after-free in iommu_detach_group+0x85/0x90")


def complains(lines: tuple[str, ...], without_memory: bool) -> bool:
    """As the log has them."""
    log = [f"[{each:5}.000000] {line}" for each, line in enumerate(lines)]
    return bool(kernel_log.complaint(log, without_memory))


CASES = {
    "warnings_are_complaints": all(
        complains(each, False) for each in (DETACH, RELEASE, AFFINITY)),
    "the_kernels_own_are_forgiven_without_memory": not any(
        complains(each, True) for each in (DETACH, RELEASE, AFFINITY)),
    "others_at_the_same_place_are_not": all(
        complains(each, True) for each in (NO_OWNER, OTHER_FILE, FREED)),
    "what_follows_a_forgiven_one_is_not": complains(DETACH + FREED, True),
}

print(f"1..{len(CASES)}")
for number, (name, passed) in enumerate(CASES.items(), 1):
    print(f"{'ok' if passed else 'not ok'} {number} - {name}")
sys.exit(not all(CASES.values()))
