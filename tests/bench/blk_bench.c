// SPDX-License-Identifier: MIT
/* A disk of the kernel's that udrv-ide serves, and one of the kernel's own. */
#include <string.h>

#include "disk_ways.h"

DISK_BEGINS(hook)
DISK_BEGINS(ata)
DISK_HUGE_BEGINS(hook)
DISK_HUGE_BEGINS(ata)

#define OURS(case) case, "udrv", hook, disk_file_cycle, disk_file_end
#define THEIRS(case) case, "ata_piix", ata, disk_file_cycle, disk_file_end
#define SMALL(...) DISK_WAYS(__VA_ARGS__)
#define HUGE(...) DISK_HUGE_WAYS(__VA_ARGS__)
#define WAYS(case) \
	SMALL(OURS(case)), HUGE(OURS(case)), SMALL(THEIRS(case)), \
	HUGE(THEIRS(case)), NULL

static const struct way *const ublk_ways[] = { WAYS("blk-ublk-") };
static const struct way *const nbd_ways[] = { WAYS("blk-nbd-") };

int main(int argc, char **argv)
{
	return bench_main(argc, argv, strcmp(disk_hook(), "ublk") ? nbd_ways :
			  ublk_ways);
}
