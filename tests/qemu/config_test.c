// SPDX-License-Identifier: MIT
/* Configuration space: what the kernel keeps, and that it keeps it. */
#include "device.h"

#include <string.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define CONFIG UDRV_REGION_CONFIG

static const char *const devices[] = { EDU, IVSHMEM, E1000, NVME };

static uint32_t config(int fd, unsigned int offset, int width)
{
	uint64_t value;

	MUST_OK(io_read(fd, CONFIG, offset, width, &value));
	return (uint32_t)value;
}

static void reads_are_what_sysfs_reads(void)
{
	unsigned int i, at, size;
	int fd;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = device_own(devices[i]);
		size = (unsigned int)region_info(fd, CONFIG).out_size;
		for (at = 0; at < size && at < 512; at += 4)
			MUST_EQUAL(config(fd, at, 4),
				   config_read(devices[i], at, 4));
		MUST_EQUAL(config(fd, 2, 2), config_read(devices[i], 2, 2));
		MUST_EQUAL(config(fd, 11, 1), config_read(devices[i], 11, 1));
		close(fd);
	}
}

/* Every byte of a range is refused, in every width, and does not change. */
static void must_keep(int fd, const char *address, unsigned int first,
		      unsigned int size)
{
	unsigned int at;
	uint32_t before;
	int width;

	for (width = 1; width <= 4; width *= 2) {
		for (at = first & ~(unsigned int)(width - 1); at < first + size;
		     at += (unsigned int)width) {
			before = config_read(address, at, (unsigned int)width);
			if (io_write(fd, CONFIG, at, width,
				     ~before & (width == 4 ? ~0u :
						(1u << 8 * width) - 1)) != -EPERM)
				fail(__FILE__, __LINE__,
				     "%s: byte %#x, width %d, is not refused",
				     address, at, width);
			MUST_EQUAL(config_read(address, at, (unsigned int)width),
				   before);
		}
	}
}

static unsigned int capability(const char *address, unsigned int id)
{
	unsigned int at = config_read(address, 0x34, 1), left = 48;

	while (at && left--) {
		if (config_read(address, at, 1) == id)
			return at;
		at = config_read(address, at + 1, 1);
	}
	return 0;
}

static void header_is_the_kernels(void)
{
	unsigned int i;
	int fd;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = device_own(devices[i]);
		must_keep(fd, devices[i], 0, 6);	/* ids, command */
		must_keep(fd, devices[i], 8, 4);	/* revision, class */
		must_keep(fd, devices[i], 0x0e, 2);	/* header type, BIST */
		must_keep(fd, devices[i], 0x10, 0x30);	/* BARs, ROM, line */
		MUST_REASON(fd, EPERM, "kernel's");
		close(fd);
	}
}

/* Capability ids and sizes: PCI 3.0 section 6.7, PCI Express base 7.5.3. */
static void capabilities_are_the_kernels(void)
{
	static const struct {
		unsigned int id, size;
	} kept[] = {
		{ 0x01, 8 },	/* power management */
		{ 0x05, 10 },	/* MSI */
		{ 0x11, 12 },	/* MSI-X */
		{ 0x10, 0x3c },	/* PCI Express: device control, FLR */
	};
	unsigned int i, j, at, seen = 0;
	int fd;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = device_own(devices[i]);
		for (j = 0; j < ARRAY_SIZE(kept); j++) {
			at = capability(devices[i], kept[j].id);
			if (!at)
				continue;
			must_keep(fd, devices[i], at, kept[j].size);
			seen |= 1u << j;
		}
		close(fd);
	}
	/* Or this test tests less than it says. */
	MUST_EQUAL(seen, 0xf);
}

static void extended_space_is_the_kernels(void)
{
	int fd = device_own(NVME);
	unsigned int at;

	MUST_EQUAL(region_info(fd, CONFIG).out_size, 4096);
	for (at = 0x100; at < 4096; at += 4)
		MUST_ERROR(io_write(fd, CONFIG, at, 4, 0), EPERM);
}

static void harmless_registers_are_the_drivers(void)
{
	int fd = device_own(E1000);

	MUST_OK(io_write(fd, CONFIG, 0x0c, 1, 0x10));
	MUST_EQUAL(config(fd, 0x0c, 1), 0x10);
	MUST_OK(io_write(fd, CONFIG, 0x0d, 1, 0x40));
	/* PCI Express devices have no latency timer; this one is PCI. */
	MUST_OK(io_write(fd, CONFIG, 0x0c, 2, 0x2010));
	MUST_EQUAL(config(fd, 0x0c, 1), 0x10);
	MUST_OK(io_write(fd, CONFIG, 0x06, 2, 0xffff));
	/* One forbidden byte among allowed ones refuses the write. */
	MUST_ERROR(io_write(fd, CONFIG, 0x0c, 4, 0), EPERM);
	MUST_EQUAL(config(fd, 0x0c, 1), 0x10);
	close(fd);
	/* And nothing stays for the next owner. */
	fd = device_own(E1000);
	MUST(config(fd, 0x0c, 1) != 0x10);
}

static void accesses_outside_are_refused(void)
{
	int fd = device_own(EDU);
	uint64_t value;

	MUST_ERROR(io_read(fd, CONFIG, 256, 4, &value), EINVAL);
	MUST_ERROR(io_read(fd, CONFIG, 254, 4, &value), EINVAL);
	MUST_ERROR(io_read(fd, CONFIG, 2, 4, &value), EINVAL);
	MUST_ERROR(io_read(fd, CONFIG, 0, 8, &value), EINVAL);
	MUST_ERROR(io_read(fd, CONFIG, ~0ull - 3, 4, &value), EINVAL);
}

/* A program with a forbidden write writes nothing, also before it. */
static void forbidden_write_stops_the_whole_program(void)
{
	struct udrv_io_step steps[] = {
		step_write(CONFIG, 0x0c, 1, 0x20),
		step_write(CONFIG, 0x04, 2, 0x7),
	};
	int fd = device_own(E1000);
	uint32_t before = config(fd, 0x0c, 1);
	unsigned int done;

	MUST(before != 0x20);
	MUST_ERROR(run_steps(fd, steps, 2, &done), EPERM);
	MUST_EQUAL(done, 0);
	MUST_EQUAL(config(fd, 0x0c, 1), before);
}

const struct test tests[] = {
	TEST(reads_are_what_sysfs_reads),
	TEST(header_is_the_kernels),
	TEST(capabilities_are_the_kernels),
	TEST(extended_space_is_the_kernels),
	TEST(harmless_registers_are_the_drivers),
	TEST(accesses_outside_are_refused),
	TEST(forbidden_write_stops_the_whole_program),
	{ NULL, NULL },
};
