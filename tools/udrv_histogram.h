/* SPDX-License-Identifier: MIT */
/* How often what took how long, in powers of two.  Pure. */
#ifndef UDRV_HISTOGRAM_H
#define UDRV_HISTOGRAM_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 64	/* bucket i: 2^i ns to less than twice that */

struct histogram {
	char device[32];
	unsigned vector;
	uint64_t count, total, least, most;
	uint64_t buckets[HISTOGRAM_BUCKETS];
};

struct histograms {
	struct histogram *each;
	size_t count;
};

void histogram_add(struct histograms *all, const char *device, unsigned vector,
		   uint64_t ns);
json_t *histogram_json(const struct histograms *all, const char *device);
void histogram_print(const struct histograms *all, const char *device);

#endif
