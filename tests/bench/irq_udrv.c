// SPDX-License-Identifier: MIT
/* Interrupts by udrv, with the bare contract. */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "irq_ways.h"
#include "contract.h"

static struct udrv udrv = UDRV_CLOSED;
static struct udrv_event_slot *slot = MAP_FAILED;

static int begin(uint32_t kind, const struct udrv_irq_rule *rule)
{
	struct udrv_irq_setup setup = {
		.size = sizeof(setup), .kind = kind, .vectors = 1,
		.rules = (uintptr_t)rule, .rule_count = !!rule,
		.rule_size = rule ? sizeof(*rule) : 0,
	};

	if (udrv_open(&udrv))
		return -1;
	if (ioctl(udrv.device, UDRV_IRQ_SETUP, &setup))
		return udrv_fail(&udrv, "UDRV_IRQ_SETUP");
	return 0;
}

static void end(void)
{
	udrv_close(&udrv);
}

static void take(struct udrv_irq_event *taken)
{
	if (read(udrv.device, taken, sizeof(*taken)) != sizeof(*taken) ||
	    taken->count != 1)
		die("read: %s", strerror(errno));
}

/*
 * --- INTx: the module claims and acknowledges, the reader learns what it was.
 * The line is free for the next interrupt when the handler returns.
 */

static const struct udrv_irq_rule rule = {
	.claim_width = 4, .claim_offset = EDU_IRQ_STATUS, .claim_mask = ~0u,
	.acks = { { .op = UDRV_RULE_WRITE, .width = 4,
		    .offset = EDU_IRQ_ACK, .and_mask = ~0u } },
};

static int begin_intx(void)
{
	return begin(UDRV_IRQ_INTX, &rule);
}

static void cycle_intx(void)
{
	struct udrv_irq_event taken;

	edu_write(udrv.bar, EDU_IRQ_RAISE, 1);
	take(&taken);
	if (taken.status != 1)
		die("claimed %#x", taken.status);
}

const struct way irq_udrv_intx = {
	.name = "irq-intx-cycle",
	.unit = IRQ_UNIT,
	.who = "udrv",
	.variant = "",
	.driver = "udrv",
	.repeats = 1000,
	.begin = begin_intx,
	.cycle = cycle_intx,
	.end = end,
};

/* --- MSI: nothing to claim, so no rule; we acknowledge, as with the peers */

static int begin_msi(void)
{
	return begin(UDRV_IRQ_MSI, NULL);
}

static void acknowledge(void)
{
	edu_write(udrv.bar, EDU_IRQ_ACK, edu_read(udrv.bar, EDU_IRQ_STATUS));
}

static void take_msi(void)
{
	struct udrv_irq_event taken;

	take(&taken);
	acknowledge();
}

static void cycle_msi(void)
{
	edu_write(udrv.bar, EDU_IRQ_RAISE, 1);
	take_msi();
}

const struct way irq_udrv_msi = {
	.name = "irq-msi-cycle",
	.unit = IRQ_UNIT,
	.who = "udrv",
	.variant = "",
	.driver = "udrv",
	.repeats = 1000,
	.begin = begin_msi,
	.cycle = cycle_msi,
	.end = end,
};

/* --- spinning on the event page: no system call */

static int begin_spin(void)
{
	if (begin_msi())
		return -1;
	slot = mmap(NULL, sizeof(*slot), PROT_READ | PROT_WRITE, MAP_SHARED,
		    udrv.device, (off_t)UDRV_MMAP_EVENTS);
	if (slot == MAP_FAILED)
		return udrv_fail(&udrv, "the event page");
	return 0;
}

static void end_spin(void)
{
	if (slot != MAP_FAILED)
		munmap(slot, sizeof(*slot));
	slot = MAP_FAILED;
	end();
}

static void cycle_spin(void)
{
	volatile struct udrv_event_slot *s = slot;

	edu_write(udrv.bar, EDU_IRQ_RAISE, 1);
	while (s->count == s->seen)
		;
	s->seen = s->count;
	acknowledge();
}

const struct way irq_udrv_spin = {
	.name = "irq-spin-cycle",
	.unit = IRQ_UNIT,
	.who = "udrv",
	.variant = "",
	.driver = "udrv",
	.repeats = 1000,
	.begin = begin_spin,
	.cycle = cycle_spin,
	.end = end_spin,
};

/* --- sleeping */

static int begin_wake(void)
{
	return begin_msi() ? -1 : wake_begin(take_msi, udrv.bar);
}

static void end_wake(void)
{
	wake_end();
	end();
}

const struct way irq_udrv_wake = {
	.name = "irq-msi-wake",
	.unit = IRQ_UNIT,
	.who = "udrv",
	.variant = "",
	.driver = "udrv",
	.repeats = 500,
	.begin = begin_wake,
	.cycle = wake_cycle,
	.end = end_wake,
};
