// SPDX-License-Identifier: MIT
/*
 * The module, loaded when memory fails, with a device that waits for it: it says
 * so and nothing is left, or it is there, and the device works once it is bound.
 */
#include "edu.h"
#include "fail_nth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

const char test_machines[] = "iommu";
const int test_seconds = 400;

/* By so many does what the loader asks for differ from time to time. */
#define SPREAD 20

static int file;
static const char *parameters = "";

static int load(void)
{
	return (int)sys(syscall(SYS_finit_module, file, parameters, 0));
}

static void must_be_absent(void)
{
	static char text[65536];

	MUST(!module_loaded());
	MUST(access("/sys/class/udrv", F_OK));
	MUST(access("/sys/bus/pci/drivers/udrv", F_OK));
	MUST(access(UDRV_CONTROL, F_OK));
	MUST(!device_bound_to(EDU, "udrv"));
	MUST_OK(read_text("/proc/devices", text, sizeof(text)));
	MUST(!strstr(text, "udrv"));
}

static void not_loaded(int error)
{
	is_no_memory(error);
	must_be_absent();
}

/* What the driver core has from a probe it keeps to itself. */
static void use_and_unload(void)
{
	uint64_t value;
	int fd;

	MUST_OK(device_bind(EDU));
	fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_OK(io_read(fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
	close(fd);
	WAIT_FOR(module_references() <= 0);
	MUST_OK(module_unload());
	must_be_absent();
}

/*
 * The kernel's own loader is passed by: as far as it comes with a parameter that
 * it does not take, which is looked at last before the module's files in /sys.
 */
static int points_of_the_loader(void)
{
	int ret, points;

	parameters = "allow_unsafe_interrupts=perhaps";
	points = fail_nth_count(load, &ret);
	MUST_EQUAL(ret, -EINVAL);
	parameters = "";
	return points;
}

static void loading(void)
{
	int ret, all, loader;

	fail_nth_prepare();
	file = (int)MUST_OK(sys(open(getenv("UDRV_MODULE"),
				     O_RDONLY | O_CLOEXEC)));
	MUST_OK(device_bind(EDU));
	/* ACPI's interpreter is kept out of it, as in no_memory_pci. */
	MUST_OK(module_unload());
	MUST_OK(write_text("/sys/bus/pci/devices/" EDU "/enable", "1"));
	loader = points_of_the_loader();
	all = fail_nth_count(load, &ret);
	MUST_OK(ret);
	use_and_unload();
	printf("%d points in all, %d of them the loader's\n", all, loader);
	fail_nth_sweep_from(loader - SPREAD, load, use_and_unload, not_loaded);
	MUST_OK(write_text("/sys/bus/pci/devices/" EDU "/enable", "0"));
}

const struct test tests[] = {
	TEST(loading),
	{ NULL, NULL },
};
