// SPDX-License-Identifier: MIT
/* The receive ring (3.2). */
#include "nic.h"

/* Status bits where the descriptor's second word has them. */
#define DONE		((uint64_t)E1000_RX_DONE << 32)
#define END		((uint64_t)E1000_RX_END << 32)

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ &&
	       offsetof(struct e1000_packet, status) == 4 &&
	       offsetof(struct e1000_packet, vlan) == 6,
	       "a packet begins as a descriptor's second word");
_Static_assert(offsetof(struct e1000_packet, data) % 64 == 0,
	       "data begins with a cache line");

/* What may come: the largest frame, and a tag that is not stripped. */
static inline unsigned rx_most(const struct e1000 *nic)
{
	return nic->tx_frame_span + E1000_MIN_FRAME + 4;
}

/* The descriptor is written by the NIC meanwhile: read it once. */
static inline uint64_t rx_peek(const struct rx_descriptor *descriptor)
{
	return __atomic_load_n(&descriptor->rest, __ATOMIC_RELAXED);
}

static inline void rx_offer(struct e1000 *nic, unsigned at,
			    const struct e1000_packet *packet)
{
	nic->rx[at].address = (uintptr_t)packet + nic->data_offset;
	nic->rx[at].rest = 0;
}

/* All but one slot are the NIC's: head equal to tail would mean none (3.2.6). */
static void rx_post(struct e1000 *nic)
{
	nic->rx_unposted = 0;
	usr_dma_wmb();
	reg_write(nic, RDT, (nic->rx_next - 1) & nic->rx_mask);
}

bool rx_pending(const struct e1000 *nic)
{
	return rx_peek(&nic->rx[nic->rx_next]) & DONE;
}

/* Its packets are there already: the ring was empty, or the NIC was stopped. */
void rx_fill(struct e1000 *nic)
{
	for (unsigned i = 0; i <= nic->rx_mask; i++)
		rx_offer(nic, i, nic->rx_packets[i]);
	nic->rx_next = 0;
	nic->rx_dropping = false;
	rx_post(nic);
}

void rx_empty(struct e1000 *nic)
{
	struct e1000_pool *pool = &nic->pool->shown;

	for (unsigned i = 0; i <= nic->rx_mask; i++)
		pool->free[pool->available++] = nic->rx_packets[i];
}

/*
 * A frame that is too long, in one buffer or more: its pieces stay where they are.
 * So many at a time: a NIC that never ends a frame does not keep us here.
 */
static void rx_drop_pieces(struct e1000 *nic)
{
	uint64_t rest = rx_peek(&nic->rx[nic->rx_next]);

	for (unsigned i = 0; i < RX_BATCH && rest & DONE; i++) {
		nic->rx_dropping = !(rest & END);
		rx_offer(nic, nic->rx_next, nic->rx_packets[nic->rx_next]);
		nic->rx_next = (nic->rx_next + 1) & nic->rx_mask;
		if (++nic->rx_unposted >= RX_BATCH)
			rx_post(nic);
		if (!nic->rx_dropping) {
			nic->stats.rx_oversize++;
			return;
		}
		rest = rx_peek(&nic->rx[nic->rx_next]);
	}
}

/* The pool has fewer buffers than were asked for: some may have been sent. */
static unsigned rx_find_buffers(struct e1000 *nic, unsigned count)
{
	struct pool *pool = nic->pool;

	for (struct e1000 *each = pool->nics; each; each = each->pool_next)
		tx_reclaim_all(each);
	if (count <= pool->shown.available)
		return count;
	nic->stats.rx_pool_empty += !pool->shown.available && rx_pending(nic);
	return pool->shown.available;
}

unsigned e1000_rx_burst(struct e1000 *nic, struct e1000_packet **packets,
			unsigned count)
{
	struct e1000_pool *pool = &nic->pool->shown;
	struct e1000_packet **fresh = pool->free + pool->available;
	struct rx_descriptor *const ring = nic->rx;
	struct e1000_packet **const slots = nic->rx_packets;
	const uint64_t data_offset = nic->data_offset;
	const unsigned mask = nic->rx_mask, most = rx_most(nic);
	unsigned at, n;
	uint64_t rest = 0;

	if (__builtin_expect(nic->rx_dropping, 0))
		rx_drop_pieces(nic);
	if (__builtin_expect(nic->rx_dropping, 0))
		return 0;
	if (__builtin_expect(count > pool->available, 0)) {
		count = rx_find_buffers(nic, count);
		fresh = pool->free + pool->available;
	}
	at = nic->rx_next;
	for (n = 0; n < count; n++) {
		struct rx_descriptor *descriptor = &ring[at];
		struct e1000_packet *packet = slots[at];

		rest = rx_peek(descriptor);
		if ((rest & (DONE | END)) != (DONE | END) ||
		    __builtin_expect((uint16_t)rest > most, 0))
			break;
		usr_dma_rmb();
		packet->descriptor = rest;
		packets[n] = packet;
		packet = *--fresh;
		slots[at] = packet;
		descriptor->address = (uintptr_t)packet + data_offset;
		descriptor->rest = 0;
		at = (at + 1) & mask;
	}
	pool->available -= n;
	nic->rx_next = at;
	nic->rx_unposted += n;
	if (nic->rx_unposted >= RX_BATCH)
		rx_post(nic);
	/* Done, but not the end of a frame, or too long. */
	if (__builtin_expect(n < count && rest & DONE, 0))
		rx_drop_pieces(nic);
	return n;
}
