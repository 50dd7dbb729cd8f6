// SPDX-License-Identifier: MIT
/* Binding, and IOMMU groups: what the hardware cannot tell apart. */
#include "edu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const char test_machines[] = "iommu noiommu amd";
const int test_seconds = 60;

#define BRIDGE "0000:00:09.0"
#define VIRTIO "0000:00:1c.0"

static bool has_iommu(void)
{
	return !on_machine("noiommu");
}

static void need_iommu(void)
{
	if (!has_iommu())
		skip("needs an IOMMU");
}

static void one_opener_per_group(void)
{
	struct edu edu;
	int other;

	need_iommu();
	edu = edu_open(GROUP_EDU);
	MUST_OK(device_bind(GROUP_EDU_2));
	MUST_ERROR(device_open(GROUP_EDU_2, O_RDWR), EBUSY);
	/* Who has it is said where a person looks. */
	WAIT_FOR(logged(GROUP_EDU " of the same IOMMU group"));
	/* Looking is free. */
	close((int)MUST_OK(device_open(GROUP_EDU_2, O_RDONLY)));
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	edu_close(&edu);
	other = (int)MUST_OK(device_open(GROUP_EDU_2, O_RDWR));
	MUST_ERROR(device_open(GROUP_EDU, O_RDWR), EBUSY);
	MUST_OK(release(other));
	close((int)MUST_OK(device_open(GROUP_EDU, O_RDWR)));
	/* The one that was refused kept nothing. */
	close((int)MUST_OK(device_open(GROUP_EDU_2, O_RDWR)));
}

/* DMA of both members goes through the opener's domain: it works there. */
static void group_member_does_dma(void)
{
	struct edu edu;
	struct udrv_dma map;
	uint8_t *memory;

	need_iommu();
	if (on_machine("amd"))
		skip("no DMA arrives from behind this bridge on QEMU's AMD IOMMU; not known why");
	edu = edu_open(GROUP_EDU);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(dma_alloc(edu.fd, 4096, 28, &map));
	memory = must_map(edu.fd, map.out_mmap_offset, 4096);
	memset(memory, 7, 4096);
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	memset(memory, 0, 4096);
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_EQUAL(memory[4000], 7);
}

static void sibling_unbound_while_the_other_is_open(void)
{
	struct edu edu;

	need_iommu();
	edu = edu_open(GROUP_EDU);
	MUST_OK(device_bind(GROUP_EDU_2));
	MUST_OK(device_unbind(GROUP_EDU_2));
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(device_bind(GROUP_EDU_2));
	/* And the opener unbound while the sibling stays. */
	MUST_OK(device_unbind(GROUP_EDU));
	close((int)MUST_OK(device_open(GROUP_EDU_2, O_RDWR)));
	edu_close(&edu);
}

static void foreign_driver_in_the_group(void)
{
	uint64_t value;
	int fd;

	need_iommu();
	if (system("modprobe uio_pci_generic 2>/dev/null"))
		skip("no uio_pci_generic in this kernel");
	MUST_OK(device_bind_to(GROUP_EDU_2, "uio_pci_generic"));
	MUST(device_bind(GROUP_EDU) < 0);
	/* The reason names the one that is in the way. */
	MUST(device_bound_to(GROUP_EDU_2, "uio_pci_generic"));
	MUST_OK(device_unbind(GROUP_EDU_2));
	WAIT_FOR(logged(GROUP_EDU_2 " of this group has the driver uio_pci_generic"));
	fd = device_own(GROUP_EDU);
	/* The other way round the kernel refuses, from 5.18 on. */
	if (!device_bind_to(GROUP_EDU_2, "uio_pci_generic")) {
		/* Before, the one who came first loses the device. */
		WAIT_FOR(io_read(fd, 0, 0, 4, &value) == -ENODEV);
		MUST(device_open(GROUP_EDU, O_RDWR) < 0);
		MUST_OK(device_unbind(GROUP_EDU_2));
	} else {
		MUST_OK(io_read(fd, 0, 0, 4, &value));
	}
	close(fd);
	device_bind_to(GROUP_EDU_2, "");
}

/* --------------------------------------------------------------------- bind */

static void bridge_is_refused(void)
{
	if (!device_bound_to(BRIDGE, ""))
		skip("the bridge has a driver");
	MUST(device_bind(BRIDGE) < 0);
	MUST(device_bound_to(BRIDGE, ""));
	WAIT_FOR(logged("bridge"));
	device_bind_to(BRIDGE, "");
}

static void device_in_use_is_not_grabbed(void)
{
	MUST(!device_bound_to(VIRTIO, ""));
	MUST(device_bind(VIRTIO) < 0);
	MUST(device_bound_to(VIRTIO, "virtio-pci"));
	device_bind_to(VIRTIO, "");
}

/* Without driver_override nothing is ours, whatever its ids. */
static void only_driver_override_binds(void)
{
	MUST_OK(write_text("/sys/bus/pci/drivers_probe", EDU));
	MUST(device_bound_to(EDU, ""));
	MUST(write_text("/sys/bus/pci/drivers/udrv/bind", EDU) < 0);
	MUST(device_bound_to(EDU, ""));
	MUST_ERROR(device_open(EDU, O_RDWR), ENOENT);
}

static void bind_and_unbind_leave_nothing(void)
{
	uint32_t before = config_read(EDU, 4, 2);
	int i;

	for (i = 0; i < fewer(50, 20); i++) {
		MUST_OK(device_bind(EDU));
		MUST(!(config_read(EDU, 4, 2) & 4));
		if (i & 1)
			close((int)MUST_OK(device_open(EDU, O_RDWR)));
		MUST_OK(device_unbind(EDU));
	}
	MUST_ERROR(device_open(EDU, O_RDWR), ENOENT);
	MUST_EQUAL(config_read(EDU, 4, 2) & 4, before & 4);
	MUST_EQUAL(module_references(), 0);
}

/* ------------------------------------------------------------ whose turn it is */

static void open_as_nobody(void *unused)
{
	(void)unused;
	become_nobody();
	MUST_ERROR(device_open(EDU, O_RDWR), EPERM);
}

static void open_as_nobody_works(void *unused)
{
	(void)unused;
	become_nobody();
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

/*
 * What cannot be reset keeps what its last owner put into it: the next one
 * must be the same user, or privileged.
 */
static void other_user_is_refused_without_reset(void)
{
	MUST_OK(device_bind(EDU));
	MUST_OK(sys(chmod("/dev/udrv/" EDU, 0666)));
	/* Fresh from the kernel's hands it is anybody's. */
	MUST_EQUAL(reap(spawn(open_as_nobody_works, NULL)), 0);
	MUST_EQUAL(reap(spawn(open_as_nobody_works, NULL)), 0);
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
	MUST_EQUAL(reap(spawn(open_as_nobody, NULL)), 0);
	WAIT_FOR(logged("CAP_SYS_RAWIO"));
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

static void may_not_open(void *unused)
{
	(void)unused;
	become_nobody();
	MUST_ERROR(device_open(EDU, O_RDONLY), EACCES);
	MUST_ERROR(device_open(EDU, O_RDWR), EACCES);
}

static void file_is_for_root_at_first(void)
{
	MUST_OK(device_bind(EDU));
	MUST_OK(sys(access("/dev/udrv/" EDU, R_OK | W_OK)));
	MUST_EQUAL(reap(spawn(may_not_open, NULL)), 0);
}

const struct test tests[] = {
	TEST(one_opener_per_group),
	TEST(group_member_does_dma),
	TEST(sibling_unbound_while_the_other_is_open),
	TEST(foreign_driver_in_the_group),
	TEST(bridge_is_refused),
	TEST(device_in_use_is_not_grabbed),
	TEST(only_driver_override_binds),
	TEST(bind_and_unbind_leave_nothing),
	TEST(other_user_is_refused_without_reset),
	TEST(file_is_for_root_at_first),
	{ NULL, NULL },
};
