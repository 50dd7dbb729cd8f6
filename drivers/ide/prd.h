/* SPDX-License-Identifier: MIT */
/*
 * Physical region descriptors: what a bus-master IDE controller is given for a
 * transfer ("Programming Interface for Bus Master IDE Controller", 1.0).
 * No hardware here.
 */
#ifndef IDE_PRD_H
#define IDE_PRD_H

#include <stddef.h>
#include <stdint.h>
#include "udrv.h"

#define PRD_BOUNDARY	0x10000u	/* no region crosses a multiple of it */
#define PRD_LAST	0x80000000u	/* in count */

/* As the controller reads it, little-endian. */
struct prd {
	uint32_t address;	/* even */
	uint32_t count;		/* bytes, even; 0 means 64 KiB; | PRD_LAST */
};

/**
 * prd_fill() - describe the next part of a transfer
 * @table: filled in
 * @capacity: elements at @table
 * @segments: the memory, in order
 * @segment_count: elements at @segments
 * @skip: bytes of it that are done already
 * @bytes: what is left, a multiple of @unit
 * @unit: only whole units are described (a sector)
 *
 * Return: the bytes that found room, a multiple of @unit, @bytes at most; 0 if
 * the controller cannot be told of this memory: odd addresses or lengths, above
 * 4 GiB, or one unit in more pieces than there are entries.
 */
size_t prd_fill(struct prd *table, unsigned capacity,
		const struct udrv_dma_segment *segments, unsigned segment_count,
		uint64_t skip, size_t bytes, size_t unit);

#endif
