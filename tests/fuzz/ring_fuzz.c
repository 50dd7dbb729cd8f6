// SPDX-License-Identifier: MIT
/*
 * The NIC's rings, whose descriptors a device writes back as it likes, where it
 * likes: no buffer gets lost or is in two places, none is longer than it is.
 */
#include <string.h>
#include "hostile.h"
#include "e1000/nic.h"

#define RING		64u
#define BUFFERS		160u
#define SIZE		2048u
#define STRIDE		(offsetof(struct e1000_packet, data) + SIZE)
#define HELD		64u

struct model {
	uint8_t memory[BUFFERS * STRIDE] __attribute__((aligned(64)));
	struct e1000 nic;
	struct pool pool;
	struct rx_descriptor rx[RING];
	struct tx_descriptor tx[RING];
	struct e1000_packet *rx_packets[RING], *tx_packets[RING];
	uint8_t holes[RING / TX_BATCH];
	struct e1000_packet *free[BUFFERS];
	struct e1000_packet *held[HELD];
	unsigned held_count;
};

static struct model *m;
static uint8_t registers[E1000_REGISTERS];

static void set_up(void)
{
	m = aligned_alloc(64, (sizeof(*m) + 63) / 64 * 64);
	CHECK(m);
	/* But for the data, which are not looked at. */
	memset((uint8_t *)m + sizeof(m->memory), 0, sizeof(*m) - sizeof(m->memory));
	m->pool.shown = (struct e1000_pool) {
		.count = BUFFERS, .buffer_size = SIZE, .free = m->free,
	};
	for (unsigned i = 0; i < BUFFERS; i++) {
		memset(m->memory + i * STRIDE, 0,
		       offsetof(struct e1000_packet, data) + 64);
		m->free[m->pool.shown.available++] =
			(void *)(m->memory + i * STRIDE);
	}
	m->pool.nics = &m->nic;
	m->nic = (struct e1000) {
		.registers = registers, .pool = &m->pool, .fd = HOSTILE_FD,
		.rx = m->rx, .rx_packets = m->rx_packets, .rx_mask = RING - 1,
		.tx = m->tx, .tx_packets = m->tx_packets, .tx_mask = RING - 1,
		.tx_holes = m->holes, .tx_frame_span = 1514 - E1000_MIN_FRAME,
	};
	e1000_alloc(&m->pool.shown, m->rx_packets, RING);
	rx_fill(&m->nic);
}

static unsigned pieces(struct e1000_packet *packet)
{
	unsigned n = 0;

	for (; packet; packet = packet->next)
		n++;
	return n;
}

static void see(uint8_t *seen, const struct e1000_packet *packet)
{
	size_t at = (size_t)((const uint8_t *)packet - m->memory);

	CHECK(at < sizeof(m->memory) && at % STRIDE == 0);
	CHECK(!seen[at / STRIDE]++);
}

static void check_all_there(void)
{
	uint8_t seen[BUFFERS] = { 0 };
	unsigned i;

	for (i = 0; i < m->pool.shown.available; i++)
		see(seen, m->free[i]);
	for (i = 0; i < RING; i++)
		see(seen, m->rx_packets[i]);
	for (i = m->nic.tx_clean; i != m->nic.tx_next; i = (i + 1) % RING)
		if (m->tx_packets[i])
			see(seen, m->tx_packets[i]);
	for (i = 0; i < m->held_count; i++)
		for (struct e1000_packet *packet = m->held[i]; packet;
		     packet = packet->next)
			see(seen, packet);
	for (i = 0; i < BUFFERS; i++)
		CHECK(seen[i] == 1);
}

/* The device, at any time. */
static void write_back(void)
{
	unsigned at = hostile_byte() % RING, count = hostile_byte() % RING;
	uint64_t rest = hostile_bytes(2) |
			(uint64_t)hostile_byte() << 32 |
			(uint64_t)hostile_byte() << 40;

	for (; count; count--, at = (at + 1) % RING)
		m->rx[at].rest = rest;
	m->tx[hostile_byte() % RING].rest |= TXD_DD;
	m->tx[hostile_byte() % RING].rest = hostile_bytes(2) << 24;
	memset(registers + TDH, hostile_byte(), 4);
}

static void receive(void)
{
	unsigned most = hostile_byte() % RING, n;

	if (most > HELD - m->held_count)
		most = HELD - m->held_count;
	n = e1000_rx_burst(&m->nic, m->held + m->held_count, most);
	CHECK(n <= most);
	for (unsigned i = 0; i < n; i++) {
		CHECK(m->held[m->held_count + i]->length <= 1518);
		CHECK(!m->held[m->held_count + i]->next);
	}
	m->held_count += n;
}

static void make(void)
{
	struct e1000_packet *packet, *more;

	if (m->held_count == HELD || !e1000_alloc(&m->pool.shown, &packet, 1))
		return;
	packet->length = (uint16_t)hostile_bytes(2);
	packet->flags = hostile_byte() & 0xf;
	packet->network = hostile_byte();
	packet->transport = hostile_byte();
	packet->checksum = hostile_byte();
	packet->header = hostile_byte();
	packet->mss = (uint16_t)hostile_bytes(2);
	if (packet->length > SIZE)
		packet->length %= SIZE;
	packet->data[14] = hostile_byte();
	packet->data[12] = hostile_byte();
	for (unsigned i = hostile_byte() % 4; i; i--) {
		if (!e1000_alloc(&m->pool.shown, &more, 1))
			break;
		more->length = (uint16_t)(hostile_bytes(2) % SIZE);
		more->next = packet->next;
		packet->next = more;
	}
	m->held[m->held_count++] = packet;
}

static void send(void)
{
	unsigned count = hostile_byte() % (HELD + 1), sent;

	if (count > m->held_count)
		count = m->held_count;
	sent = e1000_tx_burst(&m->nic, m->held, count);
	CHECK(sent <= count);
	m->held_count -= sent;
	memmove(m->held, m->held + sent, m->held_count * sizeof(*m->held));
}

static void step(void)
{
	switch (hostile_byte() % 8) {
	case 0:
	case 1:
		write_back();
		break;
	case 2:
		receive();
		break;
	case 3:
		make();
		break;
	case 4:
		send();
		break;
	case 5:
		if (!m->held_count)
			break;
		CHECK(pieces(m->held[m->held_count - 1]) <= 5);
		e1000_free(&m->pool.shown, &m->held[--m->held_count], 1);
		break;
	case 6:
		CHECK(e1000_tx_room(&m->nic) < RING);
		break;
	default:
		if (hostile_byte() & 3)
			break;
		tx_empty(&m->nic);
		m->nic.tx_next = m->nic.tx_clean = m->nic.tx_last = 0;
		rx_fill(&m->nic);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	hostile_begin(data, size);
	set_up();
	while (!hostile_over()) {
		step();
		check_all_there();
	}
	free(m);
	hostile_end();
	return 0;
}
