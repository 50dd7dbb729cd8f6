// SPDX-License-Identifier: MIT
#include <stddef.h>

#include "irq_ways.h"

static const struct way *const ways[] = {
	&irq_udrv_intx, &irq_vfio_intx_ioctl, &irq_vfio_intx_eventfd,
	&irq_uio_intx,
	&irq_udrv_msi, &irq_vfio_msi,
	&irq_udrv_spin, &irq_vfio_spin,
	&irq_udrv_wake, &irq_vfio_wake,
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
