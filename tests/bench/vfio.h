/* SPDX-License-Identifier: MIT */
/* The peer vfio-pci: container, group, device, as its documentation has it. */
#ifndef BENCH_VFIO_H
#define BENCH_VFIO_H

#include <linux/vfio.h>
#include <sys/mman.h>

struct vfio {
	int container, group, device;
	volatile void *bar;
};

#define VFIO_CLOSED { -1, -1, -1, MAP_FAILED }

int vfio_open(struct vfio *v);
void vfio_close(struct vfio *v);

/* VFIO_DEVICE_SET_IRQS for vector 0; fd -1 with VFIO_IRQ_SET_DATA_NONE. */
int vfio_set_irq(const struct vfio *v, uint32_t index, uint32_t flags, int fd);

#endif
