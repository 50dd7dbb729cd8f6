// SPDX-License-Identifier: MIT
/* Runs the ways of a program, one after the other, and says what each costs. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define SAMPLES		41
#define PROFILE_TOTAL	400000		/* instructions worth logging */
#define PROFILE_MOST	24		/* cycles */
#define PROFILE_LEAST	4

static char failure[256];

int bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	return -1;
}

void bench_note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("note\t");
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
}

void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Instructions in `repeats` units of work. */
static uint64_t sample(void (*cycle)(void), unsigned int repeats)
{
	uint64_t start = now_ns();

	for (unsigned int i = 0; i < repeats; i++)
		cycle();
	return now_ns() - start;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct cost {
	double median, lower, upper;
};

static struct cost measure(void (*cycle)(void), unsigned int repeats)
{
	double each[SAMPLES];

	sample(cycle, repeats);
	for (int i = 0; i < SAMPLES; i++)
		each[i] = (double)sample(cycle, repeats) / repeats;
	qsort(each, SAMPLES, sizeof(each[0]), compare);
	return (struct cost){ each[SAMPLES / 2], each[SAMPLES / 4],
			      each[SAMPLES - 1 - SAMPLES / 4] };
}

static void report(const struct way *way, struct cost cost)
{
	printf("value\t%s\t%s\t%s\t%s\t%.1f\t%.1f\t%.1f\n", way->name,
	       way->unit, way->who, way->variant, cost.median, cost.lower,
	       cost.upper);
	fflush(stdout);
}

/* --- what the figures stand on */

#define LOOP_INSTRUCTIONS	1000

static void counted_loop(void)
{
	unsigned int n = LOOP_INSTRUCTIONS / 2;

	__asm__ volatile("1:	dec %0\n\t"
			 "	jnz 1b"
			 : "+r"(n) : : "cc");
}

static void empty_call(void)
{
	syscall(SYS_getppid);
}

/* Is a nanosecond an instruction?  And what does the kernel cost at least? */
static int floor_of_this_machine(void)
{
	static const struct way floor = {
		.name = "syscall-empty", .unit = "call", .who = "kernel",
		.variant = "",
	};
	double ratio = measure(counted_loop, 1000).median / LOOP_INSTRUCTIONS;

	if (ratio < 0.99 || ratio > 1.02)
		return bench_fail("a nanosecond is not an instruction here, but %.3f; run `make bench`",
				  ratio);
	report(&floor, measure(empty_call, 3000));
	return 0;
}

/* --- the ways */

static int measure_way(const struct way *way)
{
	struct cost cost;

	failure[0] = '\0';
	if (bench_bind(way->driver) || way->begin()) {
		way->end();
		printf("missing\t%s\t%s\t%s\t%s\n", way->name, way->who,
		       way->variant, failure);
		fflush(stdout);
		return 1;
	}
	cost = measure(way->cycle, way->repeats);
	way->end();
	report(way, cost);
	return 0;
}

/* The entry of way->cycle in QEMU's log begins a cycle. */
static int profile_way(const struct way *way)
{
	unsigned int cycles;
	struct cost cost;

	if (bench_bind(way->driver) || way->begin())
		die("%s %s: %s", way->name, way->who, failure);
	cost = measure(way->cycle, way->repeats);
	cycles = (unsigned int)(PROFILE_TOTAL / cost.median);
	if (cycles > PROFILE_MOST)
		cycles = PROFILE_MOST;
	if (cycles < PROFILE_LEAST)
		cycles = PROFILE_LEAST;
	profile_on();
	sample(way->cycle, cycles);
	profile_off();
	printf("profile\t%p\t%.1f\n", (void *)(uintptr_t)way->cycle, cost.median);
	way->end();
	return 0;
}

static void list(const struct way *const ways[])
{
	for (int i = 0; ways[i]; i++)
		printf("%s\t%s\t%s\n", ways[i]->name, ways[i]->who,
		       ways[i]->variant);
}

static int usage(void)
{
	fprintf(stderr,
		"usage: %s [CASE]                      measure\n"
		"       %s --list                      the ways of doing each case\n"
		"       %s --profile CASE WHO VARIANT  log the instructions of one\n",
		program_invocation_short_name, program_invocation_short_name,
		program_invocation_short_name);
	return 2;
}

static int profile(char **argv, const struct way *const ways[])
{
	for (int i = 0; ways[i]; i++)
		if (!strcmp(ways[i]->name, argv[0]) &&
		    !strcmp(ways[i]->who, argv[1]) &&
		    !strcmp(ways[i]->variant, argv[2]))
			return profile_way(ways[i]);
	die("no such way: %s %s %s", argv[0], argv[1], argv[2]);
}

int bench_main(int argc, char **argv, const struct way *const ways[])
{
	int missing = 0;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		list(ways);
		return 0;
	}
	if (argc == 5 && !strcmp(argv[1], "--profile"))
		return profile(argv + 2, ways);
	if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
		return usage();
	if (floor_of_this_machine())
		die("%s", failure);
	for (int i = 0; ways[i]; i++)
		if (argc == 1 || !strcmp(argv[1], ways[i]->name))
			missing += measure_way(ways[i]);
	bench_bind("");
	return missing ? 1 : 0;
}
