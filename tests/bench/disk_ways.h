/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes, small and large, by one of the ways in disk.h.  Memory is
 * small pages that are no neighbours, as after some time every machine's is,
 * or (-huge) one piece.
 */
#ifndef BENCH_DISK_WAYS_H
#define BENCH_DISK_WAYS_H

#include <stddef.h>

#include "disk.h"

#define DISK_SMALL	(4u << 10)
#define DISK_LARGE	(128u << 10)

#define DISK_BEGIN(side, what, write, bytes, pages) \
	static int side##_##what(void) \
	{ \
		return disk_##side##_begin(write, bytes, pages); \
	}
#define DISK_BEGINS(side) \
	DISK_BEGIN(side, read_4k, false, DISK_SMALL, PAGES_SCATTERED) \
	DISK_BEGIN(side, write_4k, true, DISK_SMALL, PAGES_SCATTERED) \
	DISK_BEGIN(side, read_128k, false, DISK_LARGE, PAGES_SCATTERED) \
	DISK_BEGIN(side, write_128k, true, DISK_LARGE, PAGES_SCATTERED)
#define DISK_HUGE_BEGINS(side) \
	DISK_BEGIN(side, read_128k_huge, false, DISK_LARGE, PAGES_HUGE) \
	DISK_BEGIN(side, write_128k_huge, true, DISK_LARGE, PAGES_HUGE)

#define DISK_WAY(case, kind, start, go, stop) \
	&(const struct way){ .name = case, .unit = DISK_UNIT, .who = kind, \
			     .variant = "", .driver = kind, .repeats = 20, \
			     .begin = start, .cycle = go, .end = stop, \
			     .device = BENCH_IDE, .sleeps = true }
#define DISK_WAYS(case, kind, side, go, stop) \
	DISK_WAY(case "read-4k", kind, side##_read_4k, go, stop), \
	DISK_WAY(case "write-4k", kind, side##_write_4k, go, stop), \
	DISK_WAY(case "read-128k", kind, side##_read_128k, go, stop), \
	DISK_WAY(case "write-128k", kind, side##_write_128k, go, stop)
#define DISK_HUGE_WAYS(case, kind, side, go, stop) \
	DISK_WAY(case "read-128k-huge", kind, side##_read_128k_huge, go, stop), \
	DISK_WAY(case "write-128k-huge", kind, side##_write_128k_huge, go, stop)

#endif
