// SPDX-License-Identifier: MIT
/*
 * Waiting.  The rule of the interrupt reads ICR, which acknowledges it, and
 * masks all causes: an interrupt is over when its system call returns, and none
 * comes until it is armed again.
 */
#include <errno.h>
#include "nic.h"

/* How often to look at the rings between looks at clock and registers. */
#define LOOKS	64

static inline void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

static unsigned look(struct e1000 *nic, unsigned what)
{
	unsigned ready = nic->link_dirty ? E1000_WAIT_LINK : 0;

	nic->link_dirty = false;
	if (what & E1000_WAIT_RX && rx_pending(nic))
		ready |= E1000_WAIT_RX;
	if (what & E1000_WAIT_TX && e1000_tx_room(nic) >= nic->tx_mask / 2)
		ready |= E1000_WAIT_TX;
	return ready;
}

unsigned e1000_arm(struct e1000 *nic, unsigned what)
{
	uint32_t causes = IRQ_LSC, pending;
	unsigned ready;

	/*
	 * What is in ICR still is of packets that are taken already, or will be
	 * seen by the look behind it: they were written before it was.  Left
	 * there it would make an interrupt for nothing.
	 */
	pending = reg_read(nic, ICR);
	if (pending & IRQ_LSC)
		nic->link_dirty = true;
	ready = look(nic, what);
	if (ready)
		return ready;
	if (what & E1000_WAIT_RX)
		causes |= RX_CAUSES;
	if (what & E1000_WAIT_TX)
		causes |= IRQ_TXDW;
	reg_write(nic, IMS, causes);
	return 0;
}

static int take(struct e1000 *nic, int timeout_ms)
{
	struct udrv_irq_event event;

	if (usr_irq_wait(nic->fd, &event, timeout_ms))
		return e1000_fail_usr();
	nic->stats.interrupts += event.count;
	if (event.status & IRQ_LSC)
		nic->link_dirty = true;
	return 0;
}

/* Without a system call: whether LSC was among the causes, STATUS shows too. */
int e1000_disarm(struct e1000 *nic)
{
	uint32_t status = reg_read(nic, STATUS);

	if (status == ~0u)
		return e1000_fail(ENODEV, "the device is gone");
	if (nic->events)
		nic->stats.interrupts += usr_event_take(nic->events);
	if (!(status & STATUS_LU) == nic->link.up)
		nic->link_dirty = true;
	return 0;
}

/* Return: what there is, 0 = nothing; -1: the time is over, or it is gone. */
static int spin(struct e1000 *nic, unsigned what, unsigned spins)
{
	unsigned ready = 0;

	for (unsigned i = 0; !ready && i < spins; i++) {
		relax();
		ready = look(nic, what);
	}
	return (int)ready;
}

static int wait_polled(struct e1000 *nic, unsigned what, uint64_t end)
{
	int ready;

	do {
		ready = spin(nic, what, LOOKS);
		if (ready)
			return ready;
		if (is_gone(nic))
			return e1000_fail(ENODEV, "the device is gone");
	} while (e1000_now_ns() < end);
	return e1000_fail(ETIMEDOUT, "nothing came");
}

/* Milliseconds that are left, rounded up; -1 = for ever. */
static int left_ms(uint64_t end)
{
	uint64_t now;

	if (end == UINT64_MAX)
		return -1;
	now = e1000_now_ns();
	return now >= end ? 0 : (int)((end - now + 999999) / 1000000);
}

int e1000_wait(struct e1000 *nic, unsigned what, int timeout_ms)
{
	uint64_t end = timeout_ms < 0 ? UINT64_MAX :
		       e1000_now_ns() + (uint64_t)timeout_ms * 1000000;
	unsigned ready = look(nic, what);

	if (ready)
		return (int)ready;
	if (nic->options.mode == E1000_POLLED)
		return wait_polled(nic, what, end);
	if (nic->options.mode == E1000_ADAPTIVE && timeout_ms) {
		ready = (unsigned)spin(nic, what, nic->options.spins);
		if (ready)
			return (int)ready;
	}
	for (;;) {
		ready = e1000_arm(nic, what);
		if (ready)
			return (int)ready;
		if (take(nic, left_ms(end)))
			return -1;
		/* Interrupts for nothing are no reason to stay. */
		if (end != UINT64_MAX && e1000_now_ns() >= end) {
			ready = look(nic, what);
			return ready ? (int)ready :
			       e1000_fail(ETIMEDOUT, "nothing came, but interrupts");
		}
	}
}
