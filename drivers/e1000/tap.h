/* SPDX-License-Identifier: MIT */
/* udrv-e1000 DEVICE tap: its state, and the frames' way. */
#ifndef E1000_TAP_H
#define E1000_TAP_H

#include <udrv_net.h>
#include "command.h"

#define TAP_SLOTS	32u	/* frames of up to 64 KiB on their way to the NIC */
#define TAP_PIECES	33u	/* of 2 KiB, that one of them takes */
#define TAP_BURST	64u
#define TAP_HELD	256u	/* received, and not copied yet */
#define TAP_SPINS	2000u

/* Where a frame is put; the first @missing pieces have no packets. */
struct tap_slot {
	struct iovec pieces[TAP_PIECES];
	struct e1000_packet *packets[TAP_PIECES];
	unsigned missing;
};

struct tap {
	struct e1000 *nic;
	const char *name;		/* the device's */
	enum e1000_mode mode;
	struct usr_net *net;
	int timer, signals;
	bool stop, link_told;
	struct e1000_link link;		/* as told to the interface */
	unsigned flags;			/* as told to the NIC */
	unsigned spins;			/* looks in vain since the last that was not */
	uint64_t unreachable;		/* frames with headers too long for the NIC */
	unsigned pieces;		/* of each slot */
	struct tap_slot slots[TAP_SLOTS];
	uint16_t idle[TAP_SLOTS];	/* slots to be refilled */
	unsigned idle_count;
	struct e1000_packet *queue[TAP_SLOTS];	/* to be sent */
	unsigned queue_count;
	struct e1000_packet *held[TAP_HELD];
	unsigned held_count;
};

/* tap_frames.c */

/* What tap needs in the pool. */
unsigned tap_buffers(const struct e1000_options *options);

/* Slots for the kernel to put frames in.  Return: 0, 1 = complained. */
int tap_prepare(struct tap *tap);

/* Deliver what came, as far as it can be held.  Return: did anything? */
bool tap_receive(struct tap *tap);

/* It is copied: usr_net_wait() or usr_net_flush() has returned. */
void tap_give_back(struct tap *tap);

/* Put a frame in the queue; send the queue, and have slots again. */
void tap_take_frame(struct tap *tap, const struct usr_net_frame *frame);
void tap_send(struct tap *tap);

#endif
