// SPDX-License-Identifier: MIT
/* See prd.h. */
#include "prd.h"

static uint32_t little_endian(uint32_t value)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	return __builtin_bswap32(value);
#else
	return value;
#endif
}

/* The part of [address, address + length) up to the next boundary. */
static size_t to_boundary(uint64_t address, uint64_t length)
{
	uint64_t room = PRD_BOUNDARY - address % PRD_BOUNDARY;

	return (size_t)(length < room ? length : room);
}

/*
 * Take back what is beyond the last whole unit, and mark the end.  The sizes
 * are still plain here, and one entry is 64 KiB at most.
 */
static size_t finish(struct prd *table, unsigned entries, size_t filled,
		     size_t unit)
{
	size_t extra = filled % unit;

	while (extra && entries) {
		struct prd *last = &table[entries - 1];

		if (last->count > extra) {
			last->count -= (uint32_t)extra;
			break;
		}
		extra -= last->count;
		entries--;
	}
	filled -= filled % unit;
	if (!filled)
		return 0;
	for (unsigned i = 0; i < entries; i++) {
		table[i].address = little_endian(table[i].address);
		table[i].count = little_endian((table[i].count & 0xffff) |
					       (i + 1 == entries ? PRD_LAST : 0));
	}
	return filled;
}

size_t prd_fill(struct prd *table, unsigned capacity,
		const struct udrv_dma_segment *segments, unsigned segment_count,
		uint64_t skip, size_t bytes, size_t unit)
{
	size_t filled = 0;
	unsigned entries = 0;

	for (unsigned i = 0; i < segment_count && filled < bytes; i++) {
		uint64_t address = segments[i].iova + skip;
		uint64_t length = segments[i].length;

		if (skip >= length) {
			skip -= length;
			continue;
		}
		length -= skip;
		skip = 0;
		if (length > bytes - filled)
			length = bytes - filled;
		if (address % 2 || length % 2 || address > UINT32_MAX ||
		    length > (1ull << 32) - address)
			return 0;
		while (length && entries < capacity) {
			size_t part = to_boundary(address, length);

			table[entries++] = (struct prd) {
				.address = (uint32_t)address,
				.count = (uint32_t)part,
			};
			address += part;
			length -= part;
			filled += part;
		}
		if (length)
			break;		/* the table is full */
	}
	return finish(table, entries, filled, unit);
}
