// SPDX-License-Identifier: MIT
/*
 * tap: the frames' way, between the pool's packets and the net hook.
 *
 * A frame to send is read by the kernel's copy into packets of the pool, of which
 * each slot has enough for 64 KiB; those that it took are sent as one packet of
 * many pieces, and replaced.  What is received goes the other way in the packets
 * that the NIC filled.
 */
#include "encode.h"
#include "tap.h"

#define ETHERNET	14

/* ------------------------------------------------------------- from the NIC */

void tap_give_back(struct tap *tap)
{
	e1000_free(e1000_pool(tap->nic), tap->held, tap->held_count);
	tap->held_count = 0;
}

static void deliver(struct tap *tap, struct e1000_packet **packets, unsigned count)
{
	struct usr_net_packet list[TAP_BURST];
	unsigned i;

	for (i = 0; i < count; i++) {
		list[i].data = packets[i]->data;
		list[i].length = packets[i]->length;
		list[i].flags = e1000_rx_sum(packets[i]) == E1000_SUM_GOOD ?
				USR_NET_CHECKED : 0;
	}
	/* Shorter than an Ethernet header the NIC lets nothing through. */
	usr_net_deliver(tap->net, list, count);
	tap->held_count += count;
}

bool tap_receive(struct tap *tap)
{
	struct e1000_packet **at;
	unsigned n, budget = TAP_HELD / TAP_BURST;
	bool any = false;

	do {
		if (tap->held_count + TAP_BURST > TAP_HELD) {
			usr_net_flush(tap->net);
			tap_give_back(tap);
		}
		at = tap->held + tap->held_count;
		n = e1000_rx_burst(tap->nic, at, TAP_BURST);
		any |= n;
		if (usr_net_settings(tap->net)->up)
			deliver(tap, at, n);
		else
			e1000_free(e1000_pool(tap->nic), at, n);
	} while (n == TAP_BURST && --budget);
	return any;
}

/* --------------------------------------------------------------- to the NIC */

/* Packets for all pieces that are missing, and the slot is the kernel's. */
static bool refill(struct tap *tap, unsigned index)
{
	struct tap_slot *slot = &tap->slots[index];
	struct e1000_pool *pool = e1000_pool(tap->nic);
	unsigned i;

	if (slot->missing && !e1000_alloc(pool, slot->packets, slot->missing))
		return false;
	for (i = 0; i < slot->missing; i++) {
		slot->pieces[i].iov_base = slot->packets[i]->data;
		slot->pieces[i].iov_len = pool->buffer_size;
	}
	if (slot->missing) {
		/* The offload header is in front of the first. */
		slot->pieces[0].iov_base = slot->packets[0]->data - USR_NET_HEADER;
		slot->pieces[0].iov_len = pool->buffer_size + USR_NET_HEADER;
	}
	slot->missing = 0;
	return !usr_net_post(tap->net, index, slot->pieces, tap->pieces);
}

static void refill_all(struct tap *tap)
{
	/* A frame that waits in the queue has its slot's share of it, and of the pool. */
	while (tap->idle_count > tap->queue_count &&
	       refill(tap, tap->idle[tap->idle_count - 1]))
		tap->idle_count--;
}

static void ask_for(struct e1000_packet *first, const struct usr_net_frame *frame)
{
	if (!frame->flags)
		return;
	first->transport = (uint8_t)frame->transport;
	first->checksum = (uint8_t)frame->checksum;
	first->network = ETHERNET;
	first->flags = E1000_TX_SUM;
	if (frame->flags & USR_NET_FRAME_TSO) {
		first->flags = E1000_TX_TSO;
		first->network = (uint8_t)frame->network;
		first->header = (uint8_t)frame->header;
		first->mss = frame->segment;
	}
}

/* The NIC's offsets have a byte: behind longer headers it writes no checksum. */
static bool is_reachable(const struct usr_net_frame *frame)
{
	if (frame->flags & USR_NET_FRAME_TSO && frame->header > UINT8_MAX)
		return false;
	return !(frame->flags & USR_NET_FRAME_SUM) || frame->checksum < UINT8_MAX;
}

void tap_take_frame(struct tap *tap, const struct usr_net_frame *frame)
{
	struct tap_slot *slot = &tap->slots[frame->slot];
	unsigned size = e1000_pool(tap->nic)->buffer_size;
	unsigned left = frame->length, i;

	tap->idle[tap->idle_count++] = (uint16_t)frame->slot;
	if (!is_reachable(frame)) {
		tap->unreachable++;
		return;
	}
	for (i = 0; left > size; i++, left -= size) {
		slot->packets[i]->length = (uint16_t)size;
		slot->packets[i]->next = slot->packets[i + 1];
	}
	slot->packets[i]->length = (uint16_t)left;
	slot->missing = i + 1;
	ask_for(slot->packets[0], frame);
	tap->queue[tap->queue_count++] = slot->packets[0];
}

void tap_send(struct tap *tap)
{
	unsigned sent;

	if (tap->queue_count) {
		sent = e1000_tx_burst(tap->nic, tap->queue, tap->queue_count);
		tap->queue_count -= sent;
		memmove(tap->queue, tap->queue + sent,
			tap->queue_count * sizeof(*tap->queue));
	}
	if (tap->idle_count) {
		e1000_tx_room(tap->nic);	/* takes back what was sent */
		refill_all(tap);
	}
}

static unsigned pieces_of(unsigned buffer_size)
{
	return (USR_NET_MAX_FRAME + buffer_size - 1) / buffer_size;
}

unsigned tap_buffers(const struct e1000_options *options)
{
	unsigned rx = options->rx_ring ? options->rx_ring : 256;
	unsigned tx = options->tx_ring ? options->tx_ring : 256;
	unsigned pieces = pieces_of(buffer_size_for(options->max_frame));

	return rx + tx + TAP_HELD + TAP_SLOTS * pieces;
}

int tap_prepare(struct tap *tap)
{
	unsigned i;

	tap->pieces = pieces_of(e1000_pool(tap->nic)->buffer_size);
	for (i = 0; i < TAP_SLOTS; i++) {
		tap->slots[i].missing = tap->pieces;
		tap->idle[tap->idle_count++] = (uint16_t)(TAP_SLOTS - 1 - i);
	}
	refill_all(tap);
	if (tap->idle_count)
		return e1000_complain("%s: too few buffers in the pool", tap->name);
	return 0;
}
