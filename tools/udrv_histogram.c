// SPDX-License-Identifier: MIT
/* See udrv_histogram.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "udrv_histogram.h"

static struct histogram *find(struct histograms *all, const char *device,
			      unsigned vector)
{
	struct histogram *one;
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->each[i].device, device) &&
		    all->each[i].vector == vector)
			return &all->each[i];
	one = reallocarray(all->each, all->count + 1, sizeof(*one));
	if (!one)
		return NULL;
	all->each = one;
	one += all->count++;
	memset(one, 0, sizeof(*one));
	snprintf(one->device, sizeof(one->device), "%s", device);
	one->vector = vector;
	one->least = UINT64_MAX;
	return one;
}

void histogram_add(struct histograms *all, const char *device, unsigned vector,
		   uint64_t ns)
{
	struct histogram *one = find(all, device, vector);

	if (!one)
		return;
	one->count++;
	one->total += ns;
	if (ns < one->least)
		one->least = ns;
	if (ns > one->most)
		one->most = ns;
	one->buckets[ns ? 63 - __builtin_clzll(ns) : 0]++;
}

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

static json_t *one_json(const struct histogram *one)
{
	json_t *buckets = json_array();
	int i;

	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (one->buckets[i])
			json_array_append_new(buckets, json_pack(
				"{s:o, s:o, s:o}", "from_ns",
				number(i ? 1ull << i : 0), "to_ns",
				number(i == 63 ? INT64_MAX : 2ull << i),
				"count", number(one->buckets[i])));
	return json_pack("{s:i, s:o, s:o, s:o, s:o, s:o}", "vector",
			 (int)one->vector, "reads", number(one->count),
			 "least_ns", number(one->least), "mean_ns",
			 number(one->total / one->count), "most_ns",
			 number(one->most), "histogram", buckets);
}

json_t *histogram_json(const struct histograms *all, const char *device)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->each[i].device, device))
			json_array_append_new(array, one_json(&all->each[i]));
	return array;
}

/* Three digits and a unit. */
static const char *duration(uint64_t ns, char *text, size_t size)
{
	static const char *const units[] = { "ns", "us", "ms", "s" };
	double value = (double)ns;
	int unit = 0;

	for (; value >= 1000 && unit < 3; unit++)
		value /= 1000;
	snprintf(text, size, "%.3g %s", value, units[unit]);
	return text;
}

#define BAR 40

static void print_one(const struct histogram *one)
{
	char from[24], to[24], longest[24];
	uint64_t most = 0;
	int i;

	printf("\n%s vector %u: %" PRIu64 " reads, shortest %s, mean %s, longest %s after the interrupt\n",
	       one->device, one->vector, one->count,
	       duration(one->least, from, sizeof(from)),
	       duration(one->total / one->count, to, sizeof(to)),
	       duration(one->most, longest, sizeof(longest)));
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (one->buckets[i] > most)
			most = one->buckets[i];
	for (i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (one->buckets[i])
			printf("  %8s to %8s %10" PRIu64 " %.*s\n",
			       duration(i ? 1ull << i : 0, from, sizeof(from)),
			       duration(2ull << i, to, sizeof(to)),
			       one->buckets[i],
			       (int)(1 + (BAR - 1) * one->buckets[i] / most),
			       "########################################");
}

void histogram_print(const struct histograms *all, const char *device)
{
	size_t i;

	for (i = 0; i < all->count; i++)
		if (!strcmp(all->each[i].device, device))
			print_one(&all->each[i]);
}
