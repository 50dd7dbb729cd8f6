// SPDX-License-Identifier: MIT
/*
 * Sequential transfers at many request sizes, as Chubb measured them: says
 *
 *	OP BYTES WAY INSTRUCTIONS
 *
 * separated by tabs, instructions being busy ones of a request.  A request
 * costs what the one before it did, so each size has REQUESTS at most of its
 * 64 MiB, and the median is told.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "disk.h"

#define LEAST		(1u << 10)
#define MOST		(1u << 20)
#define REQUESTS	63
#define TRIES		1000

struct way_to_disk {
	const char *name, *driver;
	int (*begin)(bool write, unsigned int bytes, enum bench_pages pages);
	void (*cycle)(void);
	void (*end)(void);
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Those during which nobody slept say nothing; see bench.h. */
static uint64_t request(const struct way_to_disk *way)
{
	uint64_t idle, took;
	int tries = 0;

	do {
		if (tries++ == TRIES)
			die("%s hardly ever sleeps", way->name);
		idle = bench_idle_ns();
		took = now_ns();
		way->cycle();
		took = now_ns() - took;
		idle = bench_idle_ns() - idle;
	} while (!idle);
	return took - idle;
}

static void measure(const struct way_to_disk *way, bool write, unsigned int bytes)
{
	uint64_t each[REQUESTS];

	if (way->begin(write, bytes, PAGES_SCATTERED))
		die("%s: %s", way->name, bench_failure());
	request(way);
	for (int i = 0; i < REQUESTS; i++)
		each[i] = request(way);
	way->end();
	qsort(each, REQUESTS, sizeof(each[0]), compare);
	printf("%s\t%u\t%s\t%llu\n", write ? "write" : "read", bytes, way->name,
	       (unsigned long long)each[REQUESTS / 2]);
	fflush(stdout);
}

int main(void)
{
	const struct way_to_disk ways[] = {
		{ "ata_piix", "ata_piix", disk_ata_begin, disk_file_cycle,
		  disk_file_end },
		{ "driver", "udrv", disk_api_begin, disk_api_cycle, disk_api_end },
		{ disk_hook(), "udrv", disk_hook_begin, disk_file_cycle,
		  disk_file_end },
	};

	for (unsigned int i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (bench_bind(BENCH_IDE, ways[i].driver))
			die("%s", bench_failure());
		for (int write = 0; write < 2; write++)
			for (unsigned int bytes = LEAST; bytes <= MOST; bytes *= 2)
				measure(&ways[i], write, bytes);
	}
	return bench_bind(BENCH_IDE, "") ? 1 : 0;
}
