// SPDX-License-Identifier: MIT
/* Runs the ways of a program, one after the other, and says what each costs. */
#include <errno.h>
#include <fnmatch.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define SAMPLES		41
#define SLEEPS		151		/* samples of work that sleeps */
#define PROFILE_TOTAL	400000		/* instructions worth logging */
#define PROFILE_MOST	24		/* cycles */
#define PROFILE_LEAST	4
#define PROFILE_WARM_UP	500000000	/* of what flows, ns */
#define PROFILE_WINDOW	4000000

static char failure[256];
pid_t bench_helper;

int bench_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	return -1;
}

const char *bench_failure(void)
{
	return failure;
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

struct work {
	void (*prepare)(void);
	void (*cycle)(void);
	unsigned int repeats;		/* of it in a sample */
	unsigned int sleeps;		/* or so many of them; 0: it does not */
	unsigned int samples;
	unsigned int batch;
};

static struct work work_of(const struct way *way)
{
	bool alone = way->sleeps && !way->less;	/* a cycle is a sample */

	return (struct work){
		.prepare = way->prepare,
		.cycle = way->cycle,
		.repeats = way->repeats,
		.sleeps = !way->sleeps ? 0 : alone ? 1 : way->repeats,
		.samples = way->samples ? way->samples :
			   alone ? SLEEPS : SAMPLES,
		.batch = way->batch ? way->batch : 1,
	};
}

static uint64_t run_together(const struct work *work, unsigned int repeats)
{
	uint64_t start = now_ns();

	for (unsigned int i = 0; i < repeats; i++)
		work->cycle();
	return now_ns() - start;
}

/* To look at the clock is no part of the work. */
static uint64_t run_apart(const struct work *work, unsigned int repeats)
{
	uint64_t sum = 0, start, between, end;

	for (unsigned int i = 0; i < repeats; i++) {
		work->prepare();
		start = now_ns();
		between = now_ns();
		work->cycle();
		end = now_ns();
		sum += (end - between) - (between - start);
	}
	return sum;
}

static uint64_t run(const struct work *work, unsigned int repeats)
{
	return work->prepare ? run_apart(work, repeats) :
	       run_together(work, repeats);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

struct cost {
	double median, lower, upper;
};

/* Of so many sorted samples. */
static struct cost cost_of(double *each, int count)
{
	qsort(each, (size_t)count, sizeof(each[0]), compare);
	return (struct cost){ each[count / 2], each[count / 4],
			      each[count - 1 - count / 4] };
}

/* The cost is 0 if it does not sleep. */
static struct cost measure_busy(const struct work *work)
{
	int wanted = (int)work->samples;
	int least = wanted < SAMPLES ? wanted : SAMPLES;
	double each[SLEEPS];
	uint64_t idle, took;
	int count = 0;

	for (int tries = 0; count < wanted && tries < 20 * wanted; tries++) {
		idle = bench_idle_ns();
		took = run(work, work->sleeps);
		idle = bench_idle_ns() - idle;
		if (idle)
			each[count++] = (double)(took - idle) /
					work->sleeps / work->batch;
	}
	if (count < least) {
		bench_fail("it hardly ever sleeps");
		return (struct cost){ 0, 0, 0 };
	}
	return cost_of(each, count);
}

static struct cost measure(const struct work *work)
{
	double each[SAMPLES];

	run(work, work->repeats);
	if (work->sleeps)
		return measure_busy(work);
	for (unsigned int i = 0; i < work->samples; i++)
		each[i] = (double)run(work, work->repeats) / work->repeats /
			  work->batch;
	return cost_of(each, (int)work->samples);
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
	static const struct work loop = { .cycle = counted_loop, .repeats = 1000,
					  .samples = SAMPLES, .batch = 1 };
	static const struct work call = { .cycle = empty_call, .repeats = 3000,
					  .samples = SAMPLES, .batch = 1 };
	double ratio = measure(&loop).median / LOOP_INSTRUCTIONS;

	if (ratio < 0.99 || ratio > 1.02)
		return bench_fail("a nanosecond is not an instruction here, but %.3f; run `make bench`",
				  ratio);
	report(&floor, measure(&call));
	return 0;
}

/* --- the ways */

static int bind_for(const struct way *way, const char *driver)
{
	return bench_bind(way->device ? way->device : BENCH_DEVICE, driver);
}

static struct cost less(const struct way *way, struct cost cost)
{
	struct work part = work_of(way);
	double median;

	if (!way->less || cost.median <= 0)
		return cost;
	part.cycle = way->less;
	median = measure(&part).median;
	if (median <= 0)
		return (struct cost){ 0, 0, 0 };
	return (struct cost){ cost.median - median, cost.lower - median,
			      cost.upper - median };
}

static int measure_here(const struct way *way)
{
	struct work work = work_of(way);
	struct cost cost;

	failure[0] = '\0';
	cost = (struct cost){ 0, 0, 0 };
	if (!bind_for(way, way->driver) && !way->begin() &&
	    (!way->soak || !bench_soak_begin()))
		cost = less(way, measure(&work));
	bench_soak_end();
	way->end();
	if (cost.median > 0) {
		report(way, cost);
		return 0;
	}
	printf("missing\t%s\t%s\t%s\t%s\n", way->name, way->who, way->variant,
	       failure);
	fflush(stdout);
	return 1;
}

static int measure_way(const struct way *way)
{
	int status = 1;
	pid_t child;

	if (!way->own_process)
		return measure_here(way);
	child = fork();
	if (child < 0)
		die("fork: %s", strerror(errno));
	if (!child)
		exit(measure_here(way));
	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		die("%s %s: killed by signal %d", way->name, way->who,
		    WTERMSIG(status));
	return status != 0;
}

static void sleep_ns(long ns)
{
	nanosleep(&(struct timespec){ .tv_nsec = ns }, NULL);
}

/* Its entry begins what is looked at, and ends it. */
static __attribute__((noinline)) void mark(void)
{
	__asm__ volatile("");
}

static int profile_flow(const struct way *way)
{
	double done;

	if (way->flow())
		die("%s %s: %s", way->name, way->who, failure);
	sleep_ns(PROFILE_WARM_UP);
	profile_on();
	done = way->done();
	mark();
	sleep_ns(PROFILE_WINDOW);
	mark();
	done = way->done() - done;
	profile_off();
	printf("profile\t%#lx\t0\t%f\t0\n", (uintptr_t)mark, done);
	way->end();
	return 0;
}

/*
 * The entry of way->cycle in QEMU's log begins a cycle, that of way->prepare, if
 * there is one, ends it.
 */
static int profile_way(const struct way *way)
{
	struct work work = work_of(way);
	unsigned int cycles;
	struct cost cost;

	if (bind_for(way, way->driver) || way->begin())
		die("%s %s: %s", way->name, way->who, failure);
	if (way->flow)
		return profile_flow(way);
	cost = measure(&work);
	if (cost.median <= 0)
		die("%s %s: %s", way->name, way->who, failure);
	cycles = (unsigned int)(PROFILE_TOTAL / cost.median / work.batch);
	if (cycles > PROFILE_MOST)
		cycles = PROFILE_MOST;
	if (cycles < PROFILE_LEAST)
		cycles = PROFILE_LEAST;
	profile_on();
	run(&work, cycles);
	profile_off();
	printf("profile\t%#lx\t%#lx\t%u\t%.1f\n", (uintptr_t)way->cycle,
	       (uintptr_t)way->prepare, work.batch, cost.median);
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
		"usage: %s [PATTERN]                   measure\n"
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
		if (argc == 1 || !fnmatch(argv[1], ways[i]->name, 0))
			missing += measure_way(ways[i]);
	for (int i = 0; ways[i]; i++)
		bind_for(ways[i], "");
	return missing ? 1 : 0;
}
