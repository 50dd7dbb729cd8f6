// SPDX-License-Identifier: MIT
/* Interrupts by vfio-pci: an eventfd; INTx is masked until we unmask it. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "irq_ways.h"
#include "vfio.h"

static struct vfio vfio = VFIO_CLOSED;
static int event = -1, unmask = -1;

static int begin(uint32_t index)
{
	event = eventfd(0, EFD_CLOEXEC);
	if (event < 0)
		return bench_fail("eventfd: %s", strerror(errno));
	if (vfio_open(&vfio))
		return -1;
	return vfio_set_irq(&vfio, index, VFIO_IRQ_SET_DATA_EVENTFD |
			    VFIO_IRQ_SET_ACTION_TRIGGER, event);
}

static void end(void)
{
	vfio_close(&vfio);
	close(event);
	close(unmask);
	event = unmask = -1;
}

static void acknowledge(void)
{
	edu_write(vfio.bar, EDU_IRQ_ACK, edu_read(vfio.bar, EDU_IRQ_STATUS));
}

static void take(void)
{
	uint64_t count;

	if (read(event, &count, sizeof(count)) != sizeof(count) || count != 1)
		die("eventfd: %s", strerror(errno));
	acknowledge();
}

static void raise_and_take(void)
{
	edu_write(vfio.bar, EDU_IRQ_RAISE, 1);
	take();
}

/* --- INTx, unmasked by ioctl */

static struct vfio_irq_set unmask_request = {
	.argsz = sizeof(unmask_request),
	.flags = VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_UNMASK,
	.index = VFIO_PCI_INTX_IRQ_INDEX, .count = 1,
};

static int begin_intx(void)
{
	return begin(VFIO_PCI_INTX_IRQ_INDEX);
}

static void cycle_intx_ioctl(void)
{
	raise_and_take();
	if (ioctl(vfio.device, VFIO_DEVICE_SET_IRQS, &unmask_request))
		die("unmask: %s", strerror(errno));
}

const struct way irq_vfio_intx_ioctl = {
	.name = "irq-intx-cycle",
	.unit = IRQ_UNIT,
	.who = "vfio",
	.variant = "unmask by ioctl",
	.driver = "vfio-pci",
	.repeats = 500,
	.begin = begin_intx,
	.cycle = cycle_intx_ioctl,
	.end = end,
};

/* --- INTx, unmasked by an eventfd */

static int begin_intx_eventfd(void)
{
	unmask = eventfd(0, EFD_CLOEXEC);
	if (unmask < 0)
		return bench_fail("eventfd: %s", strerror(errno));
	if (begin_intx())
		return -1;
	return vfio_set_irq(&vfio, VFIO_PCI_INTX_IRQ_INDEX,
			    VFIO_IRQ_SET_DATA_EVENTFD |
			    VFIO_IRQ_SET_ACTION_UNMASK, unmask);
}

static void cycle_intx_eventfd(void)
{
	static const uint64_t one = 1;

	raise_and_take();
	if (write(unmask, &one, sizeof(one)) != sizeof(one))
		die("unmask: %s", strerror(errno));
}

const struct way irq_vfio_intx_eventfd = {
	.name = "irq-intx-cycle",
	.unit = IRQ_UNIT,
	.who = "vfio",
	.variant = "unmask by eventfd",
	.driver = "vfio-pci",
	.repeats = 500,
	.begin = begin_intx_eventfd,
	.cycle = cycle_intx_eventfd,
	.end = end,
};

/* --- MSI */

static int begin_msi(void)
{
	return begin(VFIO_PCI_MSI_IRQ_INDEX);
}

const struct way irq_vfio_msi = {
	.name = "irq-msi-cycle",
	.unit = IRQ_UNIT,
	.who = "vfio",
	.variant = "",
	.driver = "vfio-pci",
	.repeats = 1000,
	.begin = begin_msi,
	.cycle = raise_and_take,
	.end = end,
};

/* vfio has nothing to spin on but the eventfd: the same work once more. */
const struct way irq_vfio_spin = {
	.name = "irq-spin-cycle",
	.unit = IRQ_UNIT,
	.who = "vfio",
	.variant = "",
	.driver = "vfio-pci",
	.repeats = 1000,
	.begin = begin_msi,
	.cycle = raise_and_take,
	.end = end,
};

static int begin_wake(void)
{
	return begin_msi() ? -1 : wake_begin(take, vfio.bar);
}

static void end_wake(void)
{
	wake_end();
	end();
}

const struct way irq_vfio_wake = {
	.name = "irq-msi-wake",
	.unit = IRQ_UNIT,
	.who = "vfio",
	.variant = "",
	.driver = "vfio-pci",
	.repeats = 500,
	.begin = begin_wake,
	.cycle = wake_cycle,
	.end = end_wake,
};
