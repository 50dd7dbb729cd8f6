// SPDX-License-Identifier: MIT
/* Descriptor tables: by example, and against a model that counts bytes. */
#include <stdbool.h>
#include <string.h>
#include "unit.h"
#include "ide/prd.h"

#define CAPACITY	16
#define SECTOR		512

static struct prd table[CAPACITY + 1];

static size_t fill(const struct udrv_dma_segment *segments, unsigned count,
		   uint64_t skip, size_t bytes)
{
	memset(table, 0xee, sizeof(table));
	return prd_fill(table, CAPACITY, segments, count, skip, bytes, SECTOR);
}

static uint32_t bytes_of(const struct prd *entry)
{
	uint32_t count = entry->count & 0xffff;

	return count ? count : PRD_BOUNDARY;
}

/* Where the next entry should begin, and end. */
#define assert_entry(i, where, length, last) do {			\
	assert_int_equal(table[i].address, where);			\
	assert_int_equal(bytes_of(&table[i]), length);			\
	assert_int_equal(table[i].count & ~0xffffu, (last) ? PRD_LAST : 0); \
} while (0)

static void describes_one_segment(void **state)
{
	const struct udrv_dma_segment segment = { 0x12345678, 0x2000 };

	(void)state;
	assert_int_equal(fill(&segment, 1, 0, 0x2000), 0x2000);
	assert_entry(0, 0x12345678, 0x2000, true);
	assert_int_equal(fill(&segment, 1, 0, 0x1000), 0x1000);
	assert_entry(0, 0x12345678, 0x1000, true);
	assert_int_equal(fill(&segment, 1, 0x200, 0x1e00), 0x1e00);
	assert_entry(0, 0x12345878, 0x1e00, true);
	/* Less memory than was asked for: what there is. */
	assert_int_equal(fill(&segment, 1, 0, 0x10000), 0x2000);
	assert_entry(0, 0x12345678, 0x2000, true);
}

static void stops_at_64_kib(void **state)
{
	struct udrv_dma_segment segment = { 0x20000, 0x10000 };

	(void)state;
	/* 64 KiB is written as 0. */
	assert_int_equal(fill(&segment, 1, 0, 0x10000), 0x10000);
	assert_int_equal(table[0].count, PRD_LAST);
	assert_entry(0, 0x20000, 0x10000, true);
	segment.iova = 0x2fffe;
	assert_int_equal(fill(&segment, 1, 0, 0x10000), 0x10000);
	assert_entry(0, 0x2fffe, 2, false);
	assert_entry(1, 0x30000, 0xfffe, true);
	segment = (struct udrv_dma_segment) { 0x28000, 0x30000 };
	assert_int_equal(fill(&segment, 1, 0, 0x30000), 0x30000);
	assert_entry(0, 0x28000, 0x8000, false);
	assert_entry(1, 0x30000, 0x10000, false);
	assert_int_equal(table[1].count, 0);
	assert_entry(2, 0x40000, 0x10000, false);
	assert_entry(3, 0x50000, 0x8000, true);
}

static void refuses_what_the_controller_cannot_reach(void **state)
{
	static const struct udrv_dma_segment bad[] = {
		{ 0x1001, 0x1000 },		/* odd */
		{ 0x1000, 0x1fff },
		{ 0x100000000, 0x1000 },	/* 4 GiB and above */
		{ 0xfffff000, 0x2000 },
		{ 0xfffffffffffff000, 0x1000 },	/* the sum wraps to 0 */
		{ 0xfffffffffffff000, 0x2000 },
	};
	const struct udrv_dma_segment highest = { 0xfffff000, 0x1000 };
	struct udrv_dma_segment both[2] = { { 0x1000, 0x1000 } };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(fill(&bad[i], 1, 0, 0x2000), 0);
		both[1] = bad[i];
		assert_int_equal(fill(both, 2, 0, 0x3000), 0);
		/* It is no matter what comes after the transfer. */
		assert_int_equal(fill(both, 2, 0, 0x1000), 0x1000);
	}
	assert_int_equal(fill(&highest, 1, 0, 0x1000), 0x1000);
	assert_entry(0, 0xfffff000, 0x1000, true);
	/* An even piece of an odd segment will do. */
	assert_int_equal(fill(&bad[1], 1, 0, 0x1000), 0x1000);
}

static void skips_what_is_done(void **state)
{
	static const struct udrv_dma_segment segments[] = {
		{ 0x10000, 0x400 }, { 0x20000, 0 }, { 0x30000, 0x300 },
		{ 0x40000, 0x500 }
	};

	(void)state;
	assert_int_equal(fill(segments, 4, 0x400, 0x800), 0x800);
	assert_entry(0, 0x30000, 0x300, false);
	assert_entry(1, 0x40000, 0x500, true);
	assert_int_equal(fill(segments, 4, 0x600, 0x600), 0x600);
	assert_entry(0, 0x30200, 0x100, false);
	assert_entry(1, 0x40000, 0x500, true);
	assert_int_equal(fill(segments, 4, 0xa00, 0x200), 0x200);
	assert_entry(0, 0x40300, 0x200, true);
	assert_int_equal(fill(segments, 4, 0xc00, 0x200), 0);
	assert_int_equal(fill(segments, 4, UINT64_MAX, 0x200), 0);
	assert_int_equal(fill(segments, 0, 0, 0x200), 0);
	assert_int_equal(fill(segments, 4, 0, 0), 0);
}

/* A full table ends at a whole sector, whoever's entries that costs. */
static void trims_to_whole_sectors(void **state)
{
	struct udrv_dma_segment segments[3 * CAPACITY];

	(void)state;
	for (unsigned i = 0; i < 3 * CAPACITY; i++)
		segments[i] = (struct udrv_dma_segment) { 0x10000 * i, 300 };
	/* 16 x 300 bytes are 9 sectors and 192 bytes. */
	assert_int_equal(fill(segments, 3 * CAPACITY, 0, 28 * SECTOR), 9 * SECTOR);
	for (unsigned i = 0; i < 15; i++)
		assert_entry(i, 0x10000 * i, 300, false);
	assert_entry(15, 0xf0000, 108, true);
	/* 16 x 100 bytes are 3 sectors and 64: the end is in the last. */
	for (unsigned i = 0; i < 3 * CAPACITY; i++)
		segments[i].length = 100;
	assert_int_equal(fill(segments, 3 * CAPACITY, 0, 9 * SECTOR), 3 * SECTOR);
	assert_entry(15, 0xf0000, 36, true);
	/* 16 x 62 bytes are 1 sector and 480: seven entries go altogether. */
	for (unsigned i = 0; i < 3 * CAPACITY; i++)
		segments[i].length = 62;
	assert_int_equal(fill(segments, 3 * CAPACITY, 0, 5 * SECTOR), SECTOR);
	assert_entry(7, 0x70000, 62, false);
	assert_entry(8, 0x80000, 16, true);
	/* 16 x 30 bytes are not one sector. */
	for (unsigned i = 0; i < 3 * CAPACITY; i++)
		segments[i].length = 30;
	assert_int_equal(fill(segments, 3 * CAPACITY, 0, 2 * SECTOR), 0);
	/* 16 x 32 are just one. */
	for (unsigned i = 0; i < 3 * CAPACITY; i++)
		segments[i].length = 32;
	assert_int_equal(fill(segments, 3 * CAPACITY, 0, 2 * SECTOR), SECTOR);
	assert_entry(15, 0xf0000, 32, true);
}

/* Full in the middle of a segment. */
static void fills_the_table(void **state)
{
	const struct udrv_dma_segment segment = { 0x8000, 0x200000 };

	(void)state;
	assert_int_equal(fill(&segment, 1, 0, 0x200000), 0xf8000);
	assert_entry(0, 0x8000, 0x8000, false);
	assert_entry(14, 0xe0000, 0x10000, false);
	assert_entry(15, 0xf0000, 0x10000, true);
	/* And what is left, in another. */
	assert_int_equal(fill(&segment, 1, 0xf8000, 0x108000), 0x100000);
	assert_entry(0, 0x100000, 0x10000, false);
}

/* ------------------------------------------------------------------ a model */

static uint32_t seed;

static uint32_t any(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)(seed >> 8) * below >> 24);
}

/* The address of byte @at of the memory, or UINT64_MAX behind its end. */
static uint64_t address_of(const struct udrv_dma_segment *segments,
			   unsigned count, uint64_t at)
{
	for (unsigned i = 0; i < count; i++) {
		if (at < segments[i].length)
			return segments[i].iova + at;
		at -= segments[i].length;
	}
	return UINT64_MAX;
}

/* How many entries the first @bytes need at least. */
static unsigned entries_needed(const struct udrv_dma_segment *segments,
			       unsigned count, uint64_t skip, size_t bytes)
{
	unsigned entries = 0;

	for (unsigned i = 0; i < count && bytes; i++) {
		uint64_t from = segments[i].iova + skip, length;

		if (skip >= segments[i].length) {
			skip -= segments[i].length;
			continue;
		}
		length = segments[i].length - skip;
		skip = 0;
		if (length > bytes)
			length = bytes;
		entries += (unsigned)((from + length - 1) / PRD_BOUNDARY -
				      from / PRD_BOUNDARY + 1);
		bytes -= length;
	}
	return entries;
}

static void agrees_with_a_model(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 4000; round++) {
		struct udrv_dma_segment segments[24];
		unsigned count, capacity, e = 0;
		uint64_t total = 0, skip, at;
		size_t bytes, filled;
		bool last = false;
		uint32_t most;

		seed = round;
		count = 1 + any(24);
		capacity = 1 + any(CAPACITY);
		most = any(2) ? 600 : any(2) ? 5000 : 140000;
		for (unsigned i = 0; i < count; i++) {
			segments[i].iova = (uint64_t)any(1 << 20) << 12;
			if (any(2))
				segments[i].iova += 0xfff0 - 2 * any(600);
			segments[i].length = 2 * any(most / 2);
			total += segments[i].length;
		}
		skip = total > 3 * SECTOR ? any(3) * SECTOR : 0;
		bytes = (size_t)((total - skip) / SECTOR * SECTOR);
		if (any(2))
			bytes = bytes / SECTOR / 2 * SECTOR;
		memset(table, 0xee, sizeof(table));
		filled = prd_fill(table, capacity, segments, count, skip, bytes,
				  SECTOR);
		assert_int_equal(filled % SECTOR, 0);
		assert_in_range(filled, 0, bytes);
		for (at = 0; at < filled; at += bytes_of(&table[e++])) {
			uint32_t length = bytes_of(&table[e]);

			assert_in_range(e, 0, capacity - 1);
			assert_false(last);
			last = table[e].count & PRD_LAST;
			assert_int_equal(table[e].count & 0x7fff0001, 0);
			assert_int_equal(table[e].address % 2, 0);
			assert_int_equal(table[e].address / PRD_BOUNDARY,
					 (table[e].address + length - 1) /
					 PRD_BOUNDARY);
			for (uint32_t i = 0; i < length; i++)
				if (address_of(segments, count, skip + at + i) !=
				    (uint64_t)table[e].address + i)
					fail_msg("round %u, byte %u of entry %u",
						 round, i, e);
		}
		assert_int_equal(at, filled);
		assert_int_equal(last, filled != 0);
		/* Another sector would not have found room. */
		if (filled < bytes)
			assert_true(entries_needed(segments, count, skip,
						   filled + SECTOR) > capacity);
		/* Not a byte behind the table. */
		assert_int_equal(table[capacity].address, 0xeeeeeeee);
		assert_int_equal(table[capacity].count, 0xeeeeeeee);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(describes_one_segment),
		cmocka_unit_test(stops_at_64_kib),
		cmocka_unit_test(refuses_what_the_controller_cannot_reach),
		cmocka_unit_test(skips_what_is_done),
		cmocka_unit_test(trims_to_whole_sectors),
		cmocka_unit_test(fills_the_table),
		cmocka_unit_test(agrees_with_a_model),
	};

	return cmocka_run_group_tests_name("ide_prd", tests, NULL, NULL);
}
