// SPDX-License-Identifier: MIT
/*
 * The transmit ring (3.3, 3.4).  Its descriptors are in batches: the last of a
 * batch reports that it is done, and the batch's packets go back to the pool
 * together.  The last of each burst reports too, so that it can be waited for.
 */
#include <errno.h>
#include "encode.h"
#include "nic.h"

#define ORDINARY	(TXD_EOP | TXD_IFCS)

static inline bool tx_done(const struct e1000 *nic, unsigned at)
{
	return __atomic_load_n(&nic->tx[at].rest, __ATOMIC_RELAXED) & TXD_DD;
}

static inline unsigned tx_used(const struct e1000 *nic)
{
	return (nic->tx_next - nic->tx_clean) & nic->tx_mask;
}

/* One stays unused: head equal to tail means that all is sent. */
static inline unsigned tx_free(const struct e1000 *nic)
{
	return nic->tx_mask - tx_used(nic);
}

bool tx_idle(const struct e1000 *nic)
{
	return nic->tx_next == nic->tx_clean || tx_done(nic, nic->tx_last);
}

static void tx_take_back(struct e1000 *nic, unsigned from, unsigned count)
{
	struct e1000_pool *pool = &nic->pool->shown;

	for (unsigned i = from; i < from + count; i++) {
		if (nic->tx_packets[i])
			pool->free[pool->available++] = nic->tx_packets[i];
		nic->tx_packets[i] = NULL;
	}
}

static void tx_reclaim(struct e1000 *nic)
{
	struct e1000_pool *pool = &nic->pool->shown;

	while (tx_used(nic) >= TX_BATCH &&
	       tx_done(nic, nic->tx_clean + TX_BATCH - 1)) {
		unsigned from = nic->tx_clean;

		if (__builtin_expect(nic->tx_holes[from / TX_BATCH], 0)) {
			nic->tx_holes[from / TX_BATCH] = 0;
			tx_take_back(nic, from, TX_BATCH);
		} else {
			memcpy(pool->free + pool->available,
			       nic->tx_packets + from,
			       TX_BATCH * sizeof(*pool->free));
			pool->available += TX_BATCH;
		}
		nic->tx_clean = (from + TX_BATCH) & nic->tx_mask;
	}
}

/* The NIC is stopped, or has done all. */
void tx_empty(struct e1000 *nic)
{
	for (unsigned at = nic->tx_clean; at != nic->tx_next;
	     at = (at + 1) & nic->tx_mask)
		tx_take_back(nic, at, 1);
	/* The rest of a batch that has begun: its packets are back already. */
	nic->tx_clean = nic->tx_next & ~(TX_BATCH - 1);
	if (nic->tx_clean != nic->tx_next)
		nic->tx_holes[nic->tx_clean / TX_BATCH] = 1;
}

static void tx_put(struct e1000 *nic, uint64_t address, uint64_t rest,
		   struct e1000_packet *packet)
{
	unsigned at = nic->tx_next;

	/* The last of a batch reports. */
	if ((at + 1) % TX_BATCH == 0)
		rest |= TXD_RS;
	nic->tx[at].address = address;
	nic->tx[at].rest = rest;
	nic->tx_packets[at] = packet;
	if (!packet)
		nic->tx_holes[at / TX_BATCH] = 1;
	nic->tx_next = (at + 1) & nic->tx_mask;
}

static void tx_context(struct e1000 *nic, const struct e1000_packet *packet,
		       unsigned total)
{
	struct tx_descriptor context = encode_context(packet, total);

	if (packet->flags & E1000_TX_TSO) {
		/* Of another kind: it leaves the other one alone (3.5.4). */
	} else if (context.address == nic->tx_context.address &&
		   context.rest == nic->tx_context.rest) {
		nic->stats.contexts_kept++;
		return;
	} else {
		nic->tx_context = context;
	}
	nic->stats.contexts++;
	tx_put(nic, context.address, context.rest, NULL);
}

static unsigned tx_measure(const struct e1000_packet *packet, unsigned *total)
{
	unsigned pieces = 0;

	for (*total = 0; packet; packet = packet->next) {
		*total += packet->length;
		if (!packet->length || packet->length > E1000_MAX_FRAME)
			return ~0u;
		if (++pieces == RING_MOST)
			break;
	}
	return pieces;
}

/* max_frame is without a tag, so one that is in the frame already comes on top. */
static unsigned tx_most(const struct e1000 *nic,
			const struct e1000_packet *packet)
{
	unsigned most = nic->tx_frame_span + E1000_MIN_FRAME;
	bool tagged = packet->length >= E1000_MIN_FRAME + 4 &&
		      packet->data[12] == 0x81 && packet->data[13] == 0x00;

	return tagged ? most + 4 : most;
}

/*
 * A packet with offloads, of several pieces, or not to be sent at all.
 * Return: false if there is no room now.
 */
static bool tx_special(struct e1000 *nic, struct e1000_packet *packet)
{
	unsigned total, pieces = tx_measure(packet, &total);
	unsigned most = tx_most(nic, packet);
	struct e1000_packet *next;
	uint64_t bits;

	/* What would not fit when all is sent, but for a batch that began. */
	if (pieces > nic->tx_mask - TX_BATCH ||
	    (packet->flags & E1000_TX_VLAN &&
	     !(nic->options.flags & E1000_VLAN_STRIP)) ||
	    offload_problem(packet, total, most)) {
		e1000_free(&nic->pool->shown, &packet, 1);
		nic->stats.tx_refused++;
		return true;
	}
	if (pieces + 1 > tx_free(nic))
		return false;
	prepare_headers(packet);
	if (packet->flags & ~E1000_TX_VLAN)
		tx_context(nic, packet, total);
	bits = encode_data(packet);
	for (; packet; packet = next) {
		next = packet->next;
		packet->next = NULL;
		packet->flags = 0;
		tx_put(nic, (uintptr_t)packet + nic->data_offset,
		       bits | packet->length | (next ? 0 : TXD_EOP), packet);
	}
	return true;
}

/*
 * Ordinary packets, as many as there are in a row, within a batch.
 * Return: how many; fewer than count: the next one is special.
 */
static inline unsigned tx_ordinary(struct e1000 *nic,
				   struct e1000_packet *const *packets,
				   unsigned count)
{
	struct tx_descriptor *descriptor = nic->tx + nic->tx_next;
	struct e1000_packet **slot = nic->tx_packets + nic->tx_next;
	const uint64_t data_offset = nic->data_offset;
	const unsigned span = nic->tx_frame_span;
	unsigned i;

	for (i = 0; i < count; i++) {
		struct e1000_packet *packet = packets[i];
		unsigned length = packet->length;

		if (__builtin_expect(packet->flags || packet->next ||
				     length - E1000_MIN_FRAME > span, 0))
			break;
		slot[i] = packet;
		descriptor[i].address = (uintptr_t)packet + data_offset;
		descriptor[i].rest = ORDINARY | length;
	}
	return i;
}

unsigned e1000_tx_burst(struct e1000 *nic, struct e1000_packet *const *packets,
			unsigned count)
{
	unsigned sent = 0, start = nic->tx_next;

	if (tx_used(nic) + count > nic->tx_mask / 2)
		tx_reclaim(nic);
	while (sent < count) {
		unsigned run = TX_BATCH - nic->tx_next % TX_BATCH;
		unsigned room = tx_free(nic), done;

		if (run > count - sent)
			run = count - sent;
		if (run > room)
			run = room;
		done = tx_ordinary(nic, packets + sent, run);
		sent += done;
		nic->tx_next += done;
		if (done && nic->tx_next % TX_BATCH == 0) {
			nic->tx[nic->tx_next - 1].rest |= TXD_RS;
			nic->tx_next &= nic->tx_mask;
		}
		if (__builtin_expect(!room, 0))
			break;
		if (__builtin_expect(done < run, 0) &&
		    !tx_special(nic, packets[sent++])) {
			sent--;
			break;
		}
	}
	if (nic->tx_next != start) {
		nic->tx_last = (nic->tx_next - 1) & nic->tx_mask;
		nic->tx[nic->tx_last].rest |= TXD_RS;
		usr_dma_wmb();
		reg_write(nic, TDT, nic->tx_next);
	}
	return sent;
}

void tx_reclaim_all(struct e1000 *nic)
{
	if (tx_idle(nic))
		tx_empty(nic);
	else
		tx_reclaim(nic);
}

unsigned e1000_tx_room(struct e1000 *nic)
{
	tx_reclaim_all(nic);
	return tx_free(nic);
}

int e1000_tx_drain(struct e1000 *nic, int timeout_ms)
{
	uint64_t end = e1000_now_ns() + (uint64_t)timeout_ms * 1000000;

	while (!tx_idle(nic)) {
		if (is_gone(nic))
			return e1000_fail(ENODEV, "the device is gone");
		if (e1000_now_ns() >= end)
			return e1000_fail(ETIMEDOUT, "not all packets were sent");
		e1000_sleep_us(100);
	}
	tx_empty(nic);
	return 0;
}
