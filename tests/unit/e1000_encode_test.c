// SPDX-License-Identifier: MIT
/* Numbers and descriptors as the manual has them. */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "e1000/encode.h"

static struct e1000_packet *packet;

static int setup(void **state)
{
	(void)state;
	packet = calloc(1, sizeof(*packet) + 2048);
	return packet ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	free(packet);
	return 0;
}

static void sizes_buffers(void **state)
{
	(void)state;
	/* 13.4.22: with BSEX 01 is 16384, 10 is 8192, 11 is 4096. */
	assert_int_equal(rctl_buffer_size(2048), 0);
	assert_int_equal(rctl_buffer_size(4096), 0x02030000);
	assert_int_equal(rctl_buffer_size(8192), 0x02020000);
	assert_int_equal(rctl_buffer_size(16384), 0x02010000);
	/* With room for tag and FCS. */
	assert_int_equal(buffer_size_for(1514), 2048);
	assert_int_equal(buffer_size_for(2040), 2048);
	assert_int_equal(buffer_size_for(2041), 4096);
	assert_int_equal(buffer_size_for(9014), 16384);
	assert_int_equal(buffer_size_for(E1000_MAX_FRAME), 16384);
	assert_int_equal(buffer_size_for(E1000_MAX_FRAME + 1), 0);
	assert_int_equal(buffer_size_for(13), 0);
}

static void limits_interrupts(void **state)
{
	(void)state;
	assert_int_equal(itr_interval(0), 0);
	/* 13.4.18: 651.04 intervals of 256 ns make 6000 a second. */
	assert_int_equal(itr_interval(6000), 652);
	assert_int_equal(itr_interval(8000), 489);
	assert_int_equal(itr_interval(1), 65535);
	assert_int_equal(itr_interval(60), 65105);
	assert_int_equal(itr_interval(59), 65535);
	assert_int_equal(itr_interval(1000000), 4);
	for (unsigned rate = 60; rate < 1000000; rate += 997)
		assert_true(1000000000ull / (256ull * itr_interval(rate)) <= rate);
}

static void hashes_groups(void **state)
{
	/* 13.5.1's example: 12:34:56:78:9a:bc is bit 0xbc9. */
	const uint8_t example[6] = { 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc };
	const uint8_t ones[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const uint8_t mdns[6] = { 0x01, 0x00, 0x5e, 0x00, 0x00, 0xfb };

	(void)state;
	assert_int_equal(multicast_hash(example), 0xbc9);
	assert_int_equal(multicast_hash(ones), 0xfff);
	assert_int_equal(multicast_hash(mdns), 0xfb0);
}

static void sums_the_eeprom(void **state)
{
	uint16_t words[EEPROM_WORDS] = { 0 };

	(void)state;
	assert_false(eeprom_sum_is_good(words));
	words[63] = 0xbaba;
	assert_true(eeprom_sum_is_good(words));
	words[0] = 0xffff;
	assert_false(eeprom_sum_is_good(words));
	words[62] = 1;
	assert_true(eeprom_sum_is_good(words));
	words[0] ^= 0x0100;
	assert_false(eeprom_sum_is_good(words));
}

/* IEEE 802.3 table 28B-3. */
static void resolves_pauses(void **state)
{
	static const struct {
		uint16_t ours, theirs;
		bool rx, tx;
	} rows[] = {
		{ 0, 0xc00, false, false }, { 0xc00, 0, false, false },
		{ 0x400, 0x400, true, true }, { 0xc00, 0x400, true, true },
		{ 0x400, 0xc00, true, true }, { 0xc00, 0xc00, true, true },
		{ 0x800, 0xc00, false, true }, { 0xc00, 0x800, true, false },
		{ 0x800, 0x800, false, false }, { 0x800, 0x400, false, false },
		{ 0x400, 0x800, false, false },
	};
	bool rx, tx;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		resolve_pause(rows[i].ours, rows[i].theirs, &rx, &tx);
		assert_int_equal(rx, rows[i].rx);
		assert_int_equal(tx, rows[i].tx);
	}
}

static void make_ipv4(unsigned flags, unsigned transport, unsigned checksum)
{
	packet->data[14] = 0x45;
	packet->length = 60;
	packet->network = 14;
	packet->transport = (uint8_t)transport;
	packet->checksum = (uint8_t)checksum;
	packet->flags = (uint16_t)flags;
}

static void make_tso(unsigned version, unsigned mss)
{
	bool ipv4 = version == 4;

	make_ipv4(E1000_TX_TSO, ipv4 ? 34 : 54, ipv4 ? 50 : 70);
	packet->data[14] = (uint8_t)(version << 4 | 5);
	packet->header = ipv4 ? 54 : 74;
	packet->length = 1000;
	packet->mss = (uint16_t)mss;
}

static void encodes_contexts(void **state)
{
	struct tx_descriptor context;

	(void)state;
	/* 3.3.6.  UDP in IPv4: TUCSE 0, TUCSO 40, TUCSS 34; IPCSE 33, 24, 14. */
	make_ipv4(E1000_TX_SUM | E1000_TX_IPV4_SUM, 34, 40);
	context = encode_context(packet, 60);
	assert_true(context.address == 0x000028220021180eull);
	assert_true(context.rest == 0x22000000);
	/* TCP, and the IP checksum is right already. */
	make_ipv4(E1000_TX_SUM, 34, 50);
	context = encode_context(packet, 60);
	assert_true(context.address == 0x0000322200000000ull);
	assert_true(context.rest == 0x21000000);
	/* The length makes no difference, so that the context can stay. */
	assert_true(encode_context(packet, 1514).rest == context.rest);
	/* TSO: MSS, HDRLEN, PAYLEN; TSE, IP, TCP. */
	make_tso(4, 1448);
	context = encode_context(packet, 64054);
	assert_true(context.address == 0x000032220021180eull);
	assert_true(context.rest == 0x05a836002700fa00ull);
	make_tso(6, 1440);
	context = encode_context(packet, 64074);
	assert_true(context.address == 0x000046360000180eull);
	assert_true(context.rest == 0x05a04a002500fa00ull);
}

static void encodes_data(void **state)
{
	(void)state;
	make_ipv4(0, 0, 0);
	assert_true(encode_data(packet) == 0x02000000);
	packet->flags = E1000_TX_VLAN;
	packet->vlan = 0x2064;
	assert_true(encode_data(packet) == 0x2064000042000000ull);
	make_ipv4(E1000_TX_SUM | E1000_TX_IPV4_SUM, 34, 40);
	assert_true(encode_data(packet) == 0x0000030022100000ull);
	make_ipv4(E1000_TX_SUM, 34, 40);
	assert_true(encode_data(packet) == 0x0000020022100000ull);
	make_tso(4, 1448);
	assert_true(encode_data(packet) == 0x0000030026100000ull);
	make_tso(6, 1448);
	assert_true(encode_data(packet) == 0x0000020026100000ull);
}

#define accepts(total, most)	assert_null(offload_problem(packet, total, most))
#define refuses(total, most, word) \
	assert_non_null(strstr(offload_problem(packet, total, most), word))

static void refuses_nonsense(void **state)
{
	(void)state;
	make_ipv4(E1000_TX_SUM | E1000_TX_IPV4_SUM, 34, 40);
	accepts(60, 1514);
	accepts(1514, 1514);
	refuses(1515, 1514, "longer");
	packet->checksum = 59;		/* half of it is outside */
	refuses(60, 1514, "checksum");
	packet->checksum = 33;
	refuses(60, 1514, "checksum");
	make_ipv4(E1000_TX_SUM | E1000_TX_IPV4_SUM, 33, 40);
	refuses(60, 1514, "IPv4");
	make_ipv4(E1000_TX_IPV4_SUM, 34, 0);
	packet->data[14] = 0x60;
	refuses(60, 1514, "IPv4");
	packet->network = 60;
	refuses(60, 1514, "IP header");
	packet->network = 13;
	refuses(60, 1514, "IP header");
	make_ipv4(0, 0, 0);
	packet->length = 13;
	refuses(60, 1514, "addresses");
}

static void refuses_what_cannot_be_segmented(void **state)
{
	(void)state;
	make_tso(4, 1448);
	accepts(65535, 1514);
	accepts(55, 1514);
	refuses(54, 1514, "nothing");
	refuses(54 + 0x100000, 1514, "too much");
	packet->mss = 1460;
	accepts(65535, 1514);
	packet->mss = 1461;
	refuses(65535, 1514, "fit");
	packet->mss = 0;
	refuses(65535, 1514, "fit");
	make_tso(4, 1448);
	packet->header = 53;
	refuses(65535, 1514, "TCP header");
	make_tso(4, 1448);
	packet->checksum = 40;		/* UDP's */
	refuses(65535, 1514, "TCP header");
	make_tso(5, 1448);
	refuses(65535, 1514, "IPv4 or IPv6");
	make_tso(6, 1440);
	accepts(65535, 1514);
	packet->transport = 53;
	packet->checksum = 69;
	refuses(65535, 1514, "TCP header");
}

static void prepares_segmentation(void **state)
{
	static const uint8_t ip[20] = {
		0x45, 0, 0xfa, 0x00, 0x12, 0x34, 0x40, 0, 64, 6, 0xab, 0xcd,
		192, 0, 2, 1, 192, 0, 2, 2,
	};

	(void)state;
	make_tso(4, 1448);
	memcpy(packet->data + 14, ip, sizeof(ip));
	prepare_headers(packet);
	assert_int_equal(packet->data[16] | packet->data[17], 0);
	assert_int_equal(packet->data[24] | packet->data[25], 0);
	assert_memory_equal(packet->data + 18, ip + 4, 6);
	/* c000 + 0201 + c000 + 0202 + 0006 = 1 8409 -> 840a */
	assert_int_equal(packet->data[50], 0x84);
	assert_int_equal(packet->data[51], 0x0a);
	make_tso(6, 1440);
	memset(packet->data + 14, 0, 60);
	packet->data[14] = 0x60;
	packet->data[18] = 0xfa;
	packet->data[22] = 0x20;	/* source 2000::, destination ::1 */
	packet->data[53] = 1;
	prepare_headers(packet);
	assert_int_equal(packet->data[18], 0);
	assert_int_equal(packet->data[70], 0x20);
	assert_int_equal(packet->data[71], 0x07);
	/* Only what is asked for. */
	make_ipv4(E1000_TX_SUM, 34, 40);
	memset(packet->data + 14, 0x45, 46);
	prepare_headers(packet);
	assert_int_equal(packet->data[24], 0x45);
	packet->flags |= E1000_TX_IPV4_SUM;
	prepare_headers(packet);
	assert_memory_equal(packet->data + 23, "\x45\x00\x00\x45", 4);
}

/* 3.2.9: the error bits count beside their status bits only. */
static void judges_received_checksums(void **state)
{
	static const struct {
		uint8_t status, errors;
		enum e1000_sum sum;
	} rows[] = {
		{ 0x03, 0x00, E1000_SUM_UNKNOWN }, { 0x07, 0x60, E1000_SUM_UNKNOWN },
		{ 0x67, 0x00, E1000_SUM_UNKNOWN }, { 0x63, 0x00, E1000_SUM_GOOD },
		{ 0x63, 0x20, E1000_SUM_BAD }, { 0x63, 0x40, E1000_SUM_BAD },
		{ 0x23, 0x00, E1000_SUM_GOOD }, { 0x23, 0x40, E1000_SUM_GOOD },
		{ 0x43, 0x00, E1000_SUM_UNKNOWN }, { 0x43, 0x20, E1000_SUM_UNKNOWN },
		{ 0x43, 0x40, E1000_SUM_BAD }, { 0x03, 0x60, E1000_SUM_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		packet->status = rows[i].status;
		packet->errors = rows[i].errors;
		assert_int_equal(e1000_rx_sum(packet), rows[i].sum);
	}
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sizes_buffers),
		T(limits_interrupts),
		T(hashes_groups),
		T(sums_the_eeprom),
		T(resolves_pauses),
		T(encodes_contexts),
		T(encodes_data),
		T(refuses_nonsense),
		T(refuses_what_cannot_be_segmented),
		T(prepares_segmentation),
		T(judges_received_checksums),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
