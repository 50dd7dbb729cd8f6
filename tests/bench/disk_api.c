// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"
#include "ide/ide.h"

static int device = -1;
static bool started;
static struct ide ide;
static struct usr_dma memory;
static struct udrv_dma_segment segment;
static struct ide_request request;

/* The last open is undone a little after its close(). */
static int open_device(void)
{
	for (int tries = 0; tries < 100; tries++) {
		device = usr_open(BENCH_IDE, O_RDWR);
		if (device >= 0 || errno != EBUSY)
			break;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return device < 0 ? bench_fail("%s", usr_error()) : 0;
}

int disk_api_begin(bool write, unsigned int bytes, enum bench_pages pages)
{
	const char *problem;

	(void)pages;
	if (open_device())
		return -1;
	problem = ide_start(&ide, device, 0, NULL);
	started = true;
	if (problem)
		return bench_fail("%s", problem);
	if (!ide.channel[0].disk[0].present || !ide.channel[0].disk[0].by_dma)
		return bench_fail("no disk, or none by DMA");
	if (ide_memory(device, bytes, &memory))
		return bench_fail("%s", usr_error());
	segment = (struct udrv_dma_segment){ memory.iova, bytes };
	request = (struct ide_request){
		.op = write ? IDE_WRITE : IDE_READ,
		.sectors = bytes / ATA_SECTOR,
		.buffer = memory.address,
		.segments = &segment,
		.segment_count = 1,
	};
	return 0;
}

void disk_api_cycle(void)
{
	if (ide_run(&ide.channel[0].disk[0], &request))
		die("%s", request.problem);
	request.lba += request.sectors;
	if (request.lba >= DISK_BYTES / ATA_SECTOR)
		request.lba = 0;
}

void disk_api_end(void)
{
	if (memory.address)
		usr_dma_free(device, &memory);
	memory.address = NULL;
	if (started)
		ide_stop(&ide);
	started = false;
	if (device >= 0)
		close(device);
	device = -1;
}
