// SPDX-License-Identifier: MIT
/* Bad arguments are EINVAL, say what is wrong, and change nothing. */
#include <stdlib.h>
#include <unistd.h>
#include "unit.h"

static void opening(void **state)
{
	bool bound = true;

	(void)state;
	assert_fails(usr_pci_open(256, 0, 0), EINVAL, "0-255");
	assert_fails(usr_pci_open(-1, 0, 0), EINVAL, "0-255");
	assert_fails(usr_pci_open(0, 32, 0), EINVAL, "0-31");
	assert_fails(usr_pci_open(0, -1, 0), EINVAL, "0-31");
	assert_fails(usr_pci_open(0, 0, 8), EINVAL, "0-7");
	assert_fails(usr_pci_open(0, 0, -1), EINVAL, "0-7");
	assert_fails(usr_open("00:00.0", O_WRONLY), EINVAL, "O_RDONLY");
	assert_fails(usr_open("00:00.0", O_RDWR | O_CREAT), EINVAL, "O_RDWR");
	assert_fails(usr_open_or_bind("00:00.0", O_TRUNC, &bound), EINVAL, "O_RDWR");
	assert_false(bound);
}

static void opening_other_files(void **state)
{
	char path[] = "/tmp/udrv_unitXXXXXX";
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_fails(usr_open(path, O_RDWR), ENOTTY, "not a device file");
	assert_fails(usr_open("/dev/null", O_RDWR), ENOTTY, "not a udrv device");
	assert_fails(usr_open("/tmp", O_RDONLY), ENOTTY, "not a device file");
	close(fd);
	unlink(path);
	assert_fails(usr_open(path, O_RDWR), ENOENT, path);
}

static void missing_devices(void **state)
{
	struct usr_device device = { .group = 77 };

	(void)state;
	assert_fails(usr_open("fedc:fe:1f.7", O_RDWR), ENOENT, "udrv list");
	assert_fails(usr_open("ffff:fffe", O_RDWR), ENOENT, "ffff:fffe");
	assert_fails(usr_find("fedc:fe:1f.7", &device), ENODEV, "udrv list");
	assert_fails(usr_find("ffff:fffe", &device), ENODEV, "udrv list");
	assert_fails(usr_bind("fedc:fe:1f.7", 0), ENODEV, "udrv list");
	assert_fails(usr_unbind("fedc:fe:1f.7"), ENODEV, "udrv list");
	assert_fails(usr_bind("fedc:fe:1f.7", 8), EINVAL, "0x8");
	assert_fails(usr_open_or_bind("fedc:fe:1f.7", O_RDWR, NULL), ENODEV,
		     "udrv list");
	assert_int_equal(device.group, 77);
}

static void null_pointers(void **state)
{
	struct udrv_irq_event event;
	struct udrv_event_slot slot = { .count = 1 };
	struct udrv_dma entry;
	struct usr_dma dma;
	unsigned count;

	(void)state;
	assert_fails(usr_list(NULL), EINVAL, "NULL");
	assert_fails(usr_find("00:00.0", NULL), EINVAL, "NULL");
	assert_fails(usr_info(0, NULL), EINVAL, "NULL");
	assert_fails(usr_counters(0, NULL), EINVAL, "NULL");
	assert_fails(usr_region_info(0, 0, NULL), EINVAL, "NULL");
	assert_fails(usr_io(0, NULL, 1, &count), EINVAL, "NULL");
	assert_fails(usr_io_read(0, 0, 0, 4, NULL), EINVAL, "NULL");
	assert_fails(usr_config_read(0, 0, 4, NULL), EINVAL, "NULL");
	assert_fails(usr_irq_setup(0, UDRV_IRQ_MSI, 1, NULL, 1), EINVAL, "NULL");
	assert_fails(usr_irq_wait(0, NULL, -1), EINVAL, "NULL");
	assert_fails(usr_irq_spin_wait(0, NULL, 1, &event), EINVAL, "NULL");
	assert_fails(usr_irq_spin_wait(0, &slot, 1, NULL), EINVAL, "NULL");
	assert_int_equal(slot.seen, 0);
	assert_fails(usr_dma_alloc(0, 4096, 0, NULL), EINVAL, "NULL");
	assert_fails(usr_dma_adopt(0, 1, NULL), EINVAL, "NULL");
	assert_fails(usr_dma_free(0, NULL), EINVAL, "NULL");
	assert_fails(usr_dma_map(0, &dma, 1, UDRV_DMA_BOTH, 0, NULL), EINVAL, "NULL");
	assert_fails(usr_dma_map_segments(0, &dma, 1, UDRV_DMA_BOTH, 0, NULL, 1,
					  &dma), EINVAL, "NULL");
	assert_fails(usr_dma_sync(0, NULL, 0, 1, UDRV_DMA_TO_DEVICE), EINVAL, "NULL");
	assert_fails(usr_dma_unmap(0, NULL), EINVAL, "NULL");
	assert_fails(usr_dma_batch(0, UDRV_DMA_MAP, NULL, 1, &count), EINVAL, "NULL");
	assert_fails(usr_dma_list(0, NULL, 1, &count), EINVAL, "NULL");
	assert_fails(usr_dma_list(0, &entry, 1, NULL), EINVAL, "NULL");
	assert_fails(usr_pci_map(0, USR_MAP, NULL), EINVAL, "NULL");
}

static void numbers(void **state)
{
	struct udrv_irq_event event;
	struct udrv_dma entry;
	unsigned count = 5;

	(void)state;
	assert_fails_null(usr_region_map(0, 0, 0, 0, 2), EINVAL, "0x2");
	assert_fails(usr_region_unmap(NULL, 0), EINVAL, "usr_region_map()");
	assert_fails(usr_event_unmap(NULL, 0), EINVAL, "usr_event_map()");
	assert_fails(usr_irq_wait(0, &event, -2), EINVAL, "milliseconds");
	assert_fails(usr_dma_batch(0, UDRV_DMA_LIST, &entry, 1, &count), EINVAL,
		     "UDRV_DMA_ALLOC");
	assert_int_equal(count, 0);
}

static void the_published_call(void **state)
{
	struct usr_pci_sglist list[2];
	struct mapping_info info = {
		.virtaddr = list, .size = 16, .sglist = list, .nents = 2,
		.direction = USR_DMA_BIDIRECTIONAL,
	};

	(void)state;
	assert_fails(usr_pci_map(0, 0, &info), EINVAL, "USR_MAP");
	assert_fails(usr_pci_map(0, 4, &info), EINVAL, "USR_MAP");
	info.direction = (enum usr_dma_direction)3;
	assert_fails(usr_pci_map(0, USR_MAP, &info), EINVAL, "direction");
	info.direction = USR_DMA_TO_DEVICE;
	info.nents = 0;
	assert_fails(usr_pci_map(0, USR_MAP, &info), EINVAL, "0 scatter list");
	info.nents = -1;
	assert_fails(usr_pci_map(0, USR_ALLOC_CONSISTENT, &info), EINVAL,
		     "-1 scatter list");
	info.nents = 2;
	info.size = 0;
	assert_fails(usr_pci_map(0, USR_MAP, &info), EINVAL, "0 bytes");
	info.size = -4096;
	assert_fails(usr_pci_map(0, USR_UNMAP, &info), EINVAL, "-4096 bytes");
	info.size = 16;
	info.sglist = NULL;
	assert_fails(usr_pci_map(0, USR_MAP, &info), EINVAL, "sglist");
	/* Both ways to spell an entry are the same place. */
	list[0].dma_address = 5;
	list[0].length = 6;
	assert_true(list[0].dmaaddr == 5 && list[0].len == 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening),
		cmocka_unit_test(opening_other_files),
		cmocka_unit_test(missing_devices),
		cmocka_unit_test(null_pointers),
		cmocka_unit_test(numbers),
		cmocka_unit_test(the_published_call),
	};

	return cmocka_run_group_tests_name("arguments", tests, NULL, NULL);
}
