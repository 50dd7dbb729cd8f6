/* SPDX-License-Identifier: MIT */
/*
 * The interrupt cases.  A cycle: raise an interrupt on the device, learn of
 * it, acknowledge it on the device, be ready for the next.
 */
#ifndef BENCH_IRQ_WAYS_H
#define BENCH_IRQ_WAYS_H

#include "bench.h"

#define IRQ_UNIT "cycle"

extern const struct way irq_udrv_intx, irq_udrv_msi, irq_udrv_spin,
	irq_udrv_wake;
extern const struct way irq_vfio_intx_ioctl, irq_vfio_intx_eventfd,
	irq_vfio_msi, irq_vfio_spin, irq_vfio_wake;
extern const struct way irq_uio_intx;

/*
 * irq_wake.c: the same with a thread that sleeps until the interrupt comes.
 * take() waits for one interrupt and acknowledges it.
 */
int wake_begin(void (*take)(void), volatile void *bar);
void wake_cycle(void);
void wake_end(void);

#endif
