/* SPDX-License-Identifier: MIT */
/*
 * An e1000 as a thing that copies: from any bus address to any other, 64 bits
 * wide, in a packet that goes to itself.  Registers: drivers/e1000/regs.h.
 */
#ifndef NIC_H
#define NIC_H

#include "device.h"

#define NIC_LEAST	60	/* bytes in a packet */
#define NIC_MOST	1514

struct nic {
	int fd;
	volatile uint32_t *bar;
	uint64_t ring;		/* bus address of the page with both rings */
	struct nic_page *page;
};

/* @fd is open; its bus mastering is on then, and a page is mapped. */
struct nic nic_start(int fd);
void nic_stop(struct nic *nic);

/*
 * Copy, or try to: the device reads at @from and writes at @to.  Whether it
 * came so far as to mark the packet as received.
 */
bool nic_copy(struct nic *nic, uint64_t from, uint64_t to, unsigned int length);

/*
 * Receive @length bytes from @from with the ring of receive descriptors at
 * @ring: the device reads one there, and writes it back.
 */
void nic_ring_at(struct nic *nic, uint64_t from, uint64_t ring);

#endif
