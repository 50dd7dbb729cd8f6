// SPDX-License-Identifier: MIT
/*
 * INTx by uio_pci_generic, as Documentation/driver-api/uio-howto.rst has it:
 * the kernel sets the interrupt-disable bit, we wait with read() and clear the
 * bit in configuration space.  Registers are mapped from sysfs.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "irq_ways.h"

#define DEVICE_DIR "/sys/bus/pci/devices/" BENCH_DEVICE

static volatile void *bar = MAP_FAILED;
static int uio = -1, config = -1;
static uint8_t command_high;

static int open_uio(void)
{
	DIR *dir = opendir(DEVICE_DIR "/uio");
	struct dirent *entry;
	char path[64];
	int fd = -1;

	if (!dir)
		return bench_fail(DEVICE_DIR "/uio: %s", strerror(errno));
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "uio", 3)) {
			snprintf(path, sizeof(path), "/dev/%.16s", entry->d_name);
			fd = open(path, O_RDWR | O_CLOEXEC);
		}
	closedir(dir);
	return fd < 0 ? bench_fail("/dev/uioN: %s", strerror(errno)) : fd;
}

static int begin(void)
{
	int resource;

	uio = open_uio();
	if (uio < 0)
		return -1;
	config = open(DEVICE_DIR "/config", O_RDWR | O_CLOEXEC);
	if (config < 0 || pread(config, &command_high, 1, PCI_COMMAND + 1) != 1)
		return bench_fail(DEVICE_DIR "/config: %s", strerror(errno));
	command_high &= (uint8_t)~(PCI_COMMAND_INTX_DISABLE >> 8);
	resource = open(DEVICE_DIR "/resource0", O_RDWR | O_CLOEXEC);
	bar = mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, resource, 0);
	close(resource);
	if (bar == MAP_FAILED)
		return bench_fail(DEVICE_DIR "/resource0: %s", strerror(errno));
	return 0;
}

static void cycle(void)
{
	uint32_t count;

	edu_write(bar, EDU_IRQ_RAISE, 1);
	if (read(uio, &count, sizeof(count)) != sizeof(count))
		die("uio: %s", strerror(errno));
	edu_write(bar, EDU_IRQ_ACK, edu_read(bar, EDU_IRQ_STATUS));
	if (pwrite(config, &command_high, 1, PCI_COMMAND + 1) != 1)
		die("configuration space: %s", strerror(errno));
}

static void end(void)
{
	if (bar != MAP_FAILED)
		munmap((void *)bar, EDU_SIZE);
	bar = MAP_FAILED;
	close(config);
	close(uio);
	config = uio = -1;
}

const struct way irq_uio_intx = {
	.name = "irq-intx-cycle",
	.unit = IRQ_UNIT,
	.who = "uio",
	.variant = "",
	.driver = "uio_pci_generic",
	.repeats = 500,
	.begin = begin,
	.cycle = cycle,
	.end = end,
};
