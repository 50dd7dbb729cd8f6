// SPDX-License-Identifier: MIT
/*
 * The rings, against a model of the NIC that does what the manual says of heads
 * and tails (3.2.6, 3.4): it owns what is between them and nothing else.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "e1000/nic.h"

#define RING		64u
#define BUFFERS		512u
#define STRIDE		(offsetof(struct e1000_packet, data) + 2048)
/* What the NIC calls our addresses. */
#define SHIFT		0x100000ull

struct model {
	struct e1000 nic;
	struct pool pool;
	uint8_t registers[E1000_REGISTERS];
	uint8_t memory[BUFFERS * STRIDE] __attribute__((aligned(64)));
	struct rx_descriptor rx[RING];
	struct tx_descriptor tx[RING];
	struct e1000_packet *rx_packets[RING], *tx_packets[RING];
	uint8_t holes[RING / TX_BATCH];
	struct e1000_packet *free[BUFFERS];
	unsigned rx_head, tx_head;
	/* What was sent: the first bytes of each frame, in order. */
	uint32_t sent[1 << 14];
	unsigned sent_count, contexts, pieces;
};

static struct model *m;

static struct e1000_packet *buffer(unsigned i)
{
	return (void *)(m->memory + i * STRIDE);
}

static int setup(void **state)
{
	struct e1000 *nic;

	(void)state;
	m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	if (!m)
		return -1;
	memset(m, 0, sizeof(*m));
	nic = &m->nic;
	m->pool.shown = (struct e1000_pool) {
		.count = BUFFERS, .buffer_size = 2048, .free = m->free,
	};
	for (unsigned i = 0; i < BUFFERS; i++)
		m->free[m->pool.shown.available++] = buffer(i);
	m->pool.nics = nic;
	*nic = (struct e1000) {
		.registers = m->registers, .pool = &m->pool,
		.data_offset = SHIFT + offsetof(struct e1000_packet, data),
		.rx = m->rx, .rx_packets = m->rx_packets, .rx_mask = RING - 1,
		.tx = m->tx, .tx_packets = m->tx_packets, .tx_mask = RING - 1,
		.tx_holes = m->holes, .tx_frame_span = 1514 - E1000_MIN_FRAME,
	};
	assert_int_equal(e1000_alloc(&m->pool.shown, m->rx_packets, RING), RING);
	rx_fill(nic);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(m);
	return 0;
}

/* Each buffer is in one place: the pool, a ring, or the caller's hands. */
static void assert_all_there(unsigned held)
{
	static uint8_t seen[BUFFERS];
	unsigned on_the_way = 0;

	memset(seen, 0, sizeof(seen));
	for (unsigned i = 0; i < m->pool.shown.available; i++)
		seen[((uint8_t *)m->free[i] - m->memory) / STRIDE]++;
	for (unsigned i = 0; i < RING; i++)
		seen[((uint8_t *)m->rx_packets[i] - m->memory) / STRIDE]++;
	for (unsigned i = m->nic.tx_clean; i != m->nic.tx_next;
	     i = (i + 1) % RING)
		on_the_way += m->tx_packets[i] != NULL;
	for (unsigned i = 0; i < BUFFERS; i++)
		assert_true(seen[i] <= 1);
	assert_int_equal(m->pool.shown.available + RING + on_the_way + held,
			 BUFFERS);
}

static uint8_t *memory_at(uint64_t address)
{
	uint8_t *at = (uint8_t *)(uintptr_t)(address - SHIFT);

	assert_true(at >= m->memory && at < m->memory + sizeof(m->memory));
	return at;
}

/* A frame comes.  Return: false if the NIC has no descriptor for it. */
static bool receive(uint32_t number, unsigned length, uint8_t status)
{
	unsigned tail = usr_read32(m->registers, RDT);
	struct rx_descriptor *descriptor = &m->rx[m->rx_head];

	if (m->rx_head == tail)
		return false;
	/* What is offered is not marked as done. */
	assert_int_equal(descriptor->rest, 0);
	memcpy(memory_at(descriptor->address), &number, sizeof(number));
	descriptor->rest = length | (uint64_t)status << 32;
	m->rx_head = (m->rx_head + 1) % RING;
	return true;
}

/* The NIC sends so many descriptors, of those that it was told of. */
static unsigned transmit(unsigned count)
{
	unsigned tail = usr_read32(m->registers, TDT), n = 0;

	for (; n < count && m->tx_head != tail; n++) {
		struct tx_descriptor *descriptor = &m->tx[m->tx_head];
		uint64_t rest = descriptor->rest;

		assert_false(rest & TXD_DD);
		if (rest & TXD_DEXT && !(rest & TXD_DATA)) {
			m->contexts++;
		} else {
			m->pieces++;
			assert_true(rest & TXD_IFCS);
			if (rest & TXD_EOP)
				memcpy(&m->sent[m->sent_count++],
				       memory_at(descriptor->address), 4);
		}
		if (rest & TXD_RS)
			descriptor->rest |= TXD_DD;
		m->tx_head = (m->tx_head + 1) % RING;
	}
	return n;
}

#define GOOD	(E1000_RX_DONE | E1000_RX_END)

static void receives_in_order_round_the_ring(void **state)
{
	struct e1000_packet *packets[RING];
	uint32_t in = 0, out = 0;

	(void)state;
	srand(1);
	while (out < 5000) {
		for (int burst = rand() % 40; burst > 0 && receive(in, 60 + in % 1000, GOOD);
		     burst--)
			in++;
		unsigned n = e1000_rx_burst(&m->nic, packets,
					    1 + (unsigned)rand() % 40);

		for (unsigned i = 0; i < n; i++, out++) {
			assert_memory_equal(packets[i]->data, &out, 4);
			assert_int_equal(packets[i]->length, 60 + out % 1000);
			assert_int_equal(packets[i]->status, GOOD);
			assert_int_equal(packets[i]->flags, 0);
		}
		assert_all_there(n);
		e1000_free(&m->pool.shown, packets, n);
	}
	/* Whatever happened, it never ran out of descriptors for good. */
	while (e1000_rx_burst(&m->nic, packets, RING))
		;
	for (unsigned i = 0; i < RING - RX_BATCH; i++)
		assert_true(receive(in++, 60, GOOD));
}

static void leaves_packets_in_the_ring_without_buffers(void **state)
{
	struct e1000_packet *held[BUFFERS], *packets[RING];
	unsigned n = m->pool.shown.available - 3;

	(void)state;
	assert_int_equal(e1000_alloc(&m->pool.shown, held, n), n);
	for (uint32_t i = 0; i < 8; i++)
		assert_true(receive(i, 60, GOOD));
	assert_int_equal(e1000_rx_burst(&m->nic, packets, 32), 3);
	assert_int_equal(e1000_rx_burst(&m->nic, packets + 3, 29), 0);
	assert_int_equal(m->nic.stats.rx_pool_empty, 1);
	e1000_free(&m->pool.shown, held, n);
	n = e1000_rx_burst(&m->nic, packets + 3, 29);
	assert_int_equal(n, 5);
	for (uint32_t i = 0; i < 8; i++)
		assert_memory_equal(packets[i]->data, &i, 4);
	assert_all_there(8);
}

static void drops_what_takes_several_buffers(void **state)
{
	struct e1000_packet *packets[RING];
	uint32_t one = 1, two = 2;

	(void)state;
	receive(1, 60, GOOD);
	receive(9, 2048, E1000_RX_DONE);
	receive(9, 2048, E1000_RX_DONE);
	assert_int_equal(e1000_rx_burst(&m->nic, packets, 32), 1);
	assert_memory_equal(packets[0]->data, &one, 4);
	/* Its end comes later. */
	assert_int_equal(e1000_rx_burst(&m->nic, packets + 1, 31), 0);
	assert_int_equal(m->nic.stats.rx_oversize, 0);
	receive(9, 100, GOOD);
	receive(2, 60, GOOD);
	assert_int_equal(e1000_rx_burst(&m->nic, packets + 1, 31), 1);
	assert_memory_equal(packets[1]->data, &two, 4);
	assert_int_equal(m->nic.stats.rx_oversize, 1);
	assert_all_there(2);
}

/* A NIC that never ends a frame, however fast it is, does not keep us. */
static void drops_a_batch_of_pieces_at_a_time(void **state)
{
	struct e1000_packet *packets[RING];

	(void)state;
	for (unsigned i = 0; i < RING; i++)
		m->rx[i].rest = 2048 | (uint64_t)E1000_RX_DONE << 32;
	assert_int_equal(e1000_rx_burst(&m->nic, packets, 32), 0);
	assert_int_equal(m->nic.rx_next, RX_BATCH);
	/* There is more to do, and that is known. */
	assert_true(rx_pending(&m->nic));
	assert_int_equal(e1000_rx_burst(&m->nic, packets, 32), 0);
	assert_int_equal(m->nic.rx_next, 0);
	assert_all_there(0);
}

static unsigned make(struct e1000_packet **packets, unsigned count,
		     uint32_t *number)
{
	if (!e1000_alloc(&m->pool.shown, packets, count))
		return 0;
	for (unsigned i = 0; i < count; i++, (*number)++) {
		packets[i]->length = 60;
		memcpy(packets[i]->data, number, 4);
	}
	return count;
}

static void sends_in_order_round_the_ring(void **state)
{
	struct e1000_packet *packets[RING];
	uint32_t made = 0, sent = 0;
	unsigned n;

	(void)state;
	srand(2);
	while (sent < 4000) {
		n = make(packets, 1 + (unsigned)rand() % 50, &made);
		unsigned taken = e1000_tx_burst(&m->nic, packets, n);

		sent += taken;
		made -= n - taken;
		assert_all_there(n - taken);
		e1000_free(&m->pool.shown, packets + taken, n - taken);
		transmit((unsigned)rand() % 50);
	}
	transmit(RING);
	assert_int_equal(m->sent_count, sent);
	for (uint32_t i = 0; i < sent; i++)
		assert_int_equal(m->sent[i], i);
	assert_true(tx_idle(&m->nic));
	tx_reclaim_all(&m->nic);
	assert_int_equal(m->pool.shown.available, BUFFERS - RING);
}

static void takes_what_fits(void **state)
{
	struct e1000_packet *packets[2 * RING];
	uint32_t made = 0;
	unsigned taken;

	(void)state;
	make(packets, 2 * RING, &made);
	taken = e1000_tx_burst(&m->nic, packets, 2 * RING);
	/* Full is one less: head equal to tail is empty. */
	assert_int_equal(taken, RING - 1);
	assert_int_equal(e1000_tx_burst(&m->nic, packets + taken, 1), 0);
	assert_int_equal(e1000_tx_room(&m->nic), 0);
	assert_int_equal(transmit(RING), RING - 1);
	assert_int_equal(e1000_tx_room(&m->nic) + 1 + RING % TX_BATCH +
			 (m->nic.tx_next - m->nic.tx_clean) % RING, RING);
	assert_int_equal(e1000_tx_burst(&m->nic, packets + taken, 1), 1);
	e1000_free(&m->pool.shown, packets + taken + 1, 2 * RING - taken - 1);
	assert_all_there(0);
}

/* A flow of ordinary packets, checksums, pieces and nonsense. */
static void mixes_offloads_with_ordinary_packets(void **state)
{
	struct e1000_packet *packets[8], *more = NULL;
	uint32_t made = 0;
	unsigned nonsense = 0, taken, n;

	(void)state;
	srand(3);
	for (unsigned round = 0; round < 1000; round++) {
		n = make(packets, 1 + (unsigned)rand() % 8, &made);
		made -= n;
		for (unsigned i = 0; i < n; i++) {
			struct e1000_packet *packet = packets[i];

			memset(packet->data, 0, 60);
			packet->data[14] = 0x45;
			memcpy(packet->data, &made, 4);
			switch (rand() % 4) {
			case 0:
				packet->flags = E1000_TX_SUM | E1000_TX_IPV4_SUM;
				packet->network = 14;
				packet->transport = 34;
				packet->checksum = 40;
				break;
			case 1:
				assert_true(e1000_alloc(&m->pool.shown, &more, 1));
				more->length = 100;
				memcpy(more->data, &made, 4);
				packet->next = more;
				break;
			case 2:
				if (rand() % 4)
					break;
				packet->length = rand() % 2 ? 1515 : 13;
				nonsense++;
				continue;
			}
			made++;
		}
		while (n) {
			taken = e1000_tx_burst(&m->nic, packets, n);
			n -= taken;
			memmove(packets, packets + taken, n * sizeof(*packets));
			transmit((unsigned)rand() % 12);
		}
		assert_int_equal(m->nic.stats.tx_refused, nonsense);
		assert_all_there(0);
	}
	transmit(RING);
	assert_int_equal(m->sent_count, made);
	for (uint32_t i = 0; i < made; i++)
		assert_int_equal(m->sent[i], i);
	/* They all have the same layout: one context is enough. */
	assert_int_equal(m->contexts, 1);
	assert_int_equal(m->nic.stats.contexts, 1);
	assert_true(m->nic.stats.contexts_kept > 500);
	tx_reclaim_all(&m->nic);
	assert_int_equal(m->pool.shown.available, BUFFERS - RING);
	for (unsigned i = 0; i < m->pool.shown.available; i++) {
		assert_int_equal(m->free[i]->flags, 0);
		assert_null(m->free[i]->next);
	}
}

static void refuses_more_pieces_than_the_ring_has(void **state)
{
	struct e1000_packet *packets[RING];
	uint32_t made = 0;

	(void)state;
	make(packets, RING, &made);
	for (unsigned i = 0; i + 1 < RING; i++)
		packets[i]->next = packets[i + 1];
	for (unsigned i = 0; i < RING; i++)
		packets[i]->length = 20;
	assert_int_equal(e1000_tx_burst(&m->nic, packets, 1), 1);
	assert_int_equal(m->nic.stats.tx_refused, 1);
	assert_int_equal(transmit(RING), 0);
	assert_all_there(0);
	/* With as many as there is always room for in the end it is sent. */
	make(packets, RING, &made);
	assert_int_equal(e1000_tx_burst(&m->nic, packets + 40, 20), 20);
	for (unsigned i = 0; i < RING - 1 - TX_BATCH; i++) {
		packets[i]->length = 20;
		if (i + 2 + TX_BATCH < RING)
			packets[i]->next = packets[i + 1];
	}
	while (!e1000_tx_burst(&m->nic, packets, 1))
		assert_true(transmit(RING));
	transmit(RING);
	assert_int_equal(m->pieces, 20 + RING - 1 - TX_BATCH);
}

static void forwards_without_a_copy(void **state)
{
	struct e1000_packet *packets[32];
	uint32_t in = 0, out = 0;
	unsigned n, taken;

	(void)state;
	/* So few spare buffers that they are all in a batch that only began. */
	struct e1000_packet *held[BUFFERS];
	unsigned spare = m->pool.shown.available - 20;

	assert_int_equal(e1000_alloc(&m->pool.shown, held, spare), spare);
	for (unsigned round = 0; out < 3000; round++) {
		assert_true(round < 10000);
		while (receive(in, 60, GOOD))
			in++;
		n = e1000_rx_burst(&m->nic, packets, 32);
		for (unsigned i = 0; i < n; i++)
			assert_memory_equal(packets[i]->data, &(uint32_t){ out + i }, 4);
		for (taken = 0; taken < n; transmit(20))
			taken += e1000_tx_burst(&m->nic, packets + taken,
						n - taken);
		out += n;
	}
	transmit(RING);
	for (uint32_t i = 0; i < out; i++)
		assert_int_equal(m->sent[i], i);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(receives_in_order_round_the_ring),
		T(leaves_packets_in_the_ring_without_buffers),
		T(drops_what_takes_several_buffers),
		T(drops_a_batch_of_pieces_at_a_time),
		T(sends_in_order_round_the_ring),
		T(takes_what_fits),
		T(mixes_offloads_with_ordinary_packets),
		T(refuses_more_pieces_than_the_ring_has),
		T(forwards_without_a_copy),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
