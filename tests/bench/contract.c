// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "contract.h"

#define PATH UDRV_DIR "/" BENCH_DEVICE

int udrv_fail(const struct udrv *u, const char *what)
{
	struct udrv_reason reason = { .size = sizeof(reason) };
	int error = errno;

	if (ioctl(u->device, UDRV_REASON, &reason) || !reason.out_text[0])
		return bench_fail("%s: %s", what, strerror(error));
	return bench_fail("%s: %s: %s", what, strerror(error), reason.out_text);
}

int udrv_open(struct udrv *u)
{
	struct udrv_bus_master master = { .size = sizeof(master), .on = 1 };
	struct udrv_region_info region = { .size = sizeof(region) };

	*u = (struct udrv)UDRV_CLOSED;
	u->device = open(PATH, O_RDWR | O_CLOEXEC);
	/* The last open is undone a little after its close(). */
	for (int tries = 0; u->device < 0 && errno == EBUSY && tries < 100; tries++) {
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		u->device = open(PATH, O_RDWR | O_CLOEXEC);
	}
	if (u->device < 0)
		return bench_fail(PATH ": %s", strerror(errno));
	if (ioctl(u->device, UDRV_BUS_MASTER, &master))
		return udrv_fail(u, "UDRV_BUS_MASTER");
	if (ioctl(u->device, UDRV_REGION_INFO, &region))
		return udrv_fail(u, "UDRV_REGION_INFO");
	u->bar = mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      u->device, (off_t)region.out_mmap_offset);
	if (u->bar == MAP_FAILED)
		return udrv_fail(u, "BAR 0");
	return 0;
}

void udrv_close(struct udrv *u)
{
	if (u->bar != MAP_FAILED)
		munmap((void *)u->bar, EDU_SIZE);
	close(u->device);
	*u = (struct udrv)UDRV_CLOSED;
}
