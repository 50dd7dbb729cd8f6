// SPDX-License-Identifier: MIT
/* Frames that are made, and turned back. */
#include <string.h>
#include "unit.h"
#include "e1000/frame.h"

static struct frame frame;
static uint8_t copy[FRAME_MOST + 1];

static uint16_t words(const uint8_t *data, unsigned bytes, uint32_t sum)
{
	for (unsigned i = 0; i < bytes; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A right checksum makes the sum of all words, its own too, all ones. */
static void assert_right(const uint8_t *data, unsigned length, bool ipv6,
			 bool tcp)
{
	const uint8_t *ip = data + 14;
	unsigned header = ipv6 ? 40 : 20, rest = length - 14 - header;
	uint32_t pseudo = rest + (tcp ? 6 : 17);

	if (!ipv6) {
		assert_int_equal(ip[2] << 8 | ip[3], length - 14);
		assert_int_equal(words(ip, 20, 0), 0xffff);
		pseudo += words(ip + 12, 8, 0);
	} else {
		assert_int_equal(ip[4] << 8 | ip[5], rest);
		pseudo += words(ip + 8, 32, 0);
	}
	assert_int_equal(words(ip + header, rest, pseudo), 0xffff);
}

static void make(unsigned length, bool ipv6, bool tcp)
{
	frame = (struct frame) {
		.to = { 1, 2, 3, 4, 5, 6 }, .from = { 2, 4, 6, 8, 10, 12 },
		.length = length, .ipv6 = ipv6, .tcp = tcp,
	};
	memset(frame.data, 0xee, sizeof(frame.data));
	frame_make(&frame);
}

static void makes_right_frames(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		bool ipv6 = kind & 1, tcp = kind & 2;

		for (unsigned length = 82; length < 1515; length += 7) {
			make(length, ipv6, tcp);
			memcpy(copy, frame.data, length);
			for (uint64_t n = 0; n < 70000; n += 6999) {
				frame_number(&frame, copy, n);
				assert_right(copy, length, ipv6, tcp);
				assert_int_equal(copy[frame.header + 7], n & 255);
			}
		}
		frame_number(&frame, copy, ~0ull);
		assert_right(copy, frame.length, ipv6, tcp);
	}
}

/* RFC 768: to UDP it would say that there is none. */
static void never_sends_a_checksum_of_0(void **state)
{
	unsigned ones = 0;

	(void)state;
	make(60, false, false);
	memcpy(copy, frame.data, 60);
	for (uint64_t n = 0; n < 65536; n++) {
		frame_number(&frame, copy, n);
		assert_true(copy[40] || copy[41]);
		ones += copy[40] == 0xff && copy[41] == 0xff;
	}
	assert_int_equal(ones, 1);
	assert_right(copy, 60, false, false);
}

static void leaves_the_sum_to_the_nic(void **state)
{
	(void)state;
	make(100, false, false);
	frame.sum_left = true;
	frame_make(&frame);
	/* c000 + 0201 + c000 + 0202 + 17 + 66 */
	assert_int_equal(frame.data[40] << 8 | frame.data[41], 0x8457);
	memcpy(copy, frame.data, 100);
	frame_number(&frame, copy, 99);
	assert_int_equal(copy[40] << 8 | copy[41], 0x8457);
	assert_int_equal(copy[49], 99);
}

static void turns_frames(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < 4; kind++) {
		make(90, kind & 1, kind & 2);
		memcpy(copy, frame.data, 90);
		frame_number(&frame, copy, 5);
		memcpy(frame.data, copy, 90);
		frame_turn(copy, 90);
		assert_memory_equal(copy, frame.data + 6, 6);
		assert_memory_equal(copy + 6, frame.data, 6);
		assert_int_equal(copy[frame.transport], 0);
		assert_int_equal(copy[frame.transport + 1], 9);
		assert_right(copy, 90, kind & 1, kind & 2);
		frame_turn(copy, 90);
		assert_memory_equal(copy, frame.data, 90);
	}
}

/* What is cut off is not looked at; what is no IP has addresses only. */
static void turns_what_there_is(void **state)
{
	uint8_t odd[64];

	(void)state;
	make(90, false, false);
	for (unsigned length = 0; length < 90; length++) {
		memset(copy, 0xee, sizeof(copy));
		memcpy(copy, frame.data, length);
		frame_turn(copy, length);
		for (unsigned i = length; i < 100; i++)
			assert_int_equal(copy[i], 0xee);
	}
	for (unsigned i = 0; i < 64; i++)
		odd[i] = (uint8_t)i;
	memcpy(copy, odd, 64);
	frame_turn(copy, 64);
	assert_memory_equal(copy, odd + 6, 6);
	assert_memory_equal(copy + 12, odd + 12, 52);
	/* Not the first fragment: there are no ports. */
	make(90, false, false);
	frame.data[20] = 1;
	memcpy(copy, frame.data, 90);
	frame_turn(copy, 90);
	assert_memory_equal(copy + 34, frame.data + 34, 56);
	/* Behind a VLAN tag. */
	make(90, false, false);
	memcpy(copy, frame.data, 12);
	memcpy(copy + 12, "\x81\x00\x00\x05", 4);
	memcpy(copy + 16, frame.data + 12, 78);
	frame_turn(copy, 94);
	assert_memory_equal(copy + 30, frame.data + 30, 4);
	assert_memory_equal(copy + 34, frame.data + 26, 4);
	assert_memory_equal(copy + 12, "\x81\x00\x00\x05\x08\x00", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_right_frames),
		cmocka_unit_test(never_sends_a_checksum_of_0),
		cmocka_unit_test(leaves_the_sum_to_the_nic),
		cmocka_unit_test(turns_frames),
		cmocka_unit_test(turns_what_there_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
