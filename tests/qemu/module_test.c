// SPDX-License-Identifier: MIT
/* Loading and unloading: never under anybody's feet. */
#include "edu.h"

#include <fcntl.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

/* delete_module(2) without waiting says EWOULDBLOCK for "in use". */
static void must_be_in_use(void)
{
	int ret = module_unload();

	MUST(ret == -EWOULDBLOCK || ret == -EBUSY);
	MUST(module_loaded());
}

static void bound_devices_do_not_keep_it(void)
{
	MUST_OK(device_bind(EDU));
	MUST_OK(device_bind(IVSHMEM));
	MUST_OK(module_unload());
	MUST(device_bound_to(EDU, ""));
	MUST_ERROR(device_open(EDU, O_RDWR), ENOENT);
	MUST_OK(module_load(""));
	/* driver_override is still there: it takes them at once. */
	MUST(device_bound_to(EDU, "udrv"));
	MUST(device_bound_to(IVSHMEM, "udrv"));
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

static void open_file_keeps_it(void)
{
	int fd = device_own(EDU), observer;

	must_be_in_use();
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	close(fd);
	must_be_in_use();
	close(observer);
	MUST_OK(module_unload());
}

static void mapping_keeps_it(void)
{
	struct edu edu = edu_open(EDU);

	close(edu.fd);
	must_be_in_use();
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	MUST_OK(module_unload());
}

/* The revoked file's code is still needed. */
static void revoked_file_and_mapping_keep_it(void)
{
	struct edu edu = edu_open(EDU);
	int vector = (int)MUST_OK(irq_fd(edu.fd, 0, 0));

	MUST_OK(device_unbind(EDU));
	must_be_in_use();
	close(edu.fd);
	must_be_in_use();
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	must_be_in_use();
	close(vector);
	MUST_OK(module_unload());
}

static void parameters_are_off_by_default(void)
{
	char text[8];

	MUST_OK(module_unload());
	MUST_OK(module_load(""));
	MUST_OK(read_text("/sys/module/udrv/parameters/allow_unsafe_interrupts",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'N');
	MUST_OK(read_text("/sys/module/udrv/parameters/enable_unsafe_dma_without_iommu",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'N');
	MUST_OK(module_unload());
	MUST_OK(module_load("allow_unsafe_interrupts=1"));
	MUST_OK(read_text("/sys/module/udrv/parameters/allow_unsafe_interrupts",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'Y');
}

static void loaded_and_unloaded_again_and_again(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		close(device_own(EDU));
		MUST_OK(module_unload());
		MUST_OK(module_load(""));
		figure("module-reloads", (uint64_t)i + 1);
	}
}

const struct test tests[] = {
	TEST(bound_devices_do_not_keep_it),
	TEST(open_file_keeps_it),
	TEST(mapping_keeps_it),
	TEST(revoked_file_and_mapping_keep_it),
	TEST(parameters_are_off_by_default),
	TEST(loaded_and_unloaded_again_and_again),
	{ NULL, NULL },
};
