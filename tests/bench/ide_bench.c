// SPDX-License-Identifier: MIT
/* The IDE driver's own interface, and the kernel's driver for the same disk. */
#include "disk_ways.h"

DISK_BEGINS(api)
DISK_BEGINS(ata)

static const struct way *const ways[] = {
	DISK_WAYS("ide-", "udrv", api, disk_api_cycle, disk_api_end),
	DISK_WAYS("ide-", "ata_piix", ata, disk_file_cycle, disk_file_end),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
