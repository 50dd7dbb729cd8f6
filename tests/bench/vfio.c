// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "vfio.h"

static int open_group(void)
{
	char link[PATH_MAX], path[PATH_MAX];
	ssize_t length = readlink("/sys/bus/pci/devices/" BENCH_DEVICE "/iommu_group",
				  link, sizeof(link) - 1);
	int fd;

	if (length < 0)
		return bench_fail("%s has no IOMMU group", BENCH_DEVICE);
	link[length] = '\0';
	snprintf(path, sizeof(path), "/dev/vfio/%.16s", basename(link));
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return bench_fail("%s: %s", path, strerror(errno));
	return fd;
}

/* MSI messages are memory writes by the device. */
static int bus_master_on(const struct vfio *v)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	uint16_t command;
	off_t at;

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		return bench_fail("vfio configuration space: %s", strerror(errno));
	at = (off_t)info.offset + PCI_COMMAND;
	if (pread(v->device, &command, 2, at) != 2)
		return bench_fail("vfio command register: %s", strerror(errno));
	command |= PCI_COMMAND_MASTER | PCI_COMMAND_MEMORY;
	if (pwrite(v->device, &command, 2, at) != 2)
		return bench_fail("vfio command register: %s", strerror(errno));
	return 0;
}

static int map_bar(struct vfio *v)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info), .index = VFIO_PCI_BAR0_REGION_INDEX,
	};

	if (ioctl(v->device, VFIO_DEVICE_GET_REGION_INFO, &info))
		return bench_fail("vfio BAR 0: %s", strerror(errno));
	v->bar = mmap(NULL, EDU_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      v->device, (off_t)info.offset);
	if (v->bar == MAP_FAILED)
		return bench_fail("vfio BAR 0: %s", strerror(errno));
	return 0;
}

int vfio_open(struct vfio *v)
{
	*v = (struct vfio)VFIO_CLOSED;
	v->container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	if (v->container < 0)
		return bench_fail("/dev/vfio/vfio: %s", strerror(errno));
	v->group = open_group();
	if (v->group < 0)
		return -1;
	if (ioctl(v->group, VFIO_GROUP_SET_CONTAINER, &v->container) ||
	    ioctl(v->container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU))
		return bench_fail("vfio container: %s", strerror(errno));
	v->device = ioctl(v->group, VFIO_GROUP_GET_DEVICE_FD, BENCH_DEVICE);
	if (v->device < 0)
		return bench_fail("vfio device: %s", strerror(errno));
	return bus_master_on(v) || map_bar(v) ? -1 : 0;
}

void vfio_close(struct vfio *v)
{
	if (v->bar != MAP_FAILED)
		munmap((void *)v->bar, EDU_SIZE);
	close(v->device);
	close(v->group);
	close(v->container);
	*v = (struct vfio)VFIO_CLOSED;
}

int vfio_set_irq(const struct vfio *v, uint32_t index, uint32_t flags, int fd)
{
	struct {
		struct vfio_irq_set set;
		int32_t fd;
	} request = {
		.set = { .argsz = sizeof(request), .flags = flags,
			 .index = index, .count = 1 },
		.fd = fd,
	};

	if (flags & VFIO_IRQ_SET_DATA_NONE)
		request.set.argsz = sizeof(request.set);
	if (ioctl(v->device, VFIO_DEVICE_SET_IRQS, &request))
		return bench_fail("VFIO_DEVICE_SET_IRQS: %s", strerror(errno));
	return 0;
}
