// SPDX-License-Identifier: MIT
/* What is to be done now and then. */
#include <errno.h>
#include "nic.h"

#define HUNG_NS		2000000000ull

/*
 * Packets are to be sent, could be, and since then none was.  The head alone does
 * not tell: a ring that moves can be anywhere, where it was too.
 */
static bool is_hung(struct e1000 *nic)
{
	uint32_t status = reg_read(nic, STATUS);
	unsigned head = reg_read(nic, TDH);
	uint64_t now = e1000_now_ns(), sent = e1000_sent(nic);

	if (tx_idle(nic) || !(status & STATUS_LU) || status & STATUS_TXOFF) {
		nic->stuck_since = 0;
		return false;
	}
	if (!nic->stuck_since || head != nic->stuck_head ||
	    sent != nic->stuck_sent) {
		nic->stuck_since = now;
		nic->stuck_head = head;
		nic->stuck_sent = sent;
	}
	return now - nic->stuck_since >= HUNG_NS;
}

int e1000_watch(struct e1000 *nic, struct e1000_link *link)
{
	unsigned changes = nic->link.changes;
	int seen = 0;

	if (is_gone(nic))
		return e1000_fail(ENODEV, "the device is gone");
	nic->link_dirty = false;
	e1000_collect(nic);
	if (is_hung(nic)) {
		nic->stats.hangs++;
		seen |= E1000_WAS_HUNG;
		if (e1000_reset(nic))
			return -1;
	}
	e1000_read_link(nic);
	if (nic->link.changes != changes)
		seen |= E1000_LINK_CHANGED;
	if (link)
		*link = nic->link;
	return seen;
}
