// SPDX-License-Identifier: MIT
/*
 * What is left of the processor, counted by a process that takes it.
 *
 * The kernel's own count of its idle time is wrong where an interrupt comes while
 * it is in a softirq that began out of idleness: with the end of that interrupt
 * it counts the rest of the softirq as idle (tick_irq_exit() asks whether the
 * idle task is the current one, which it is).  A NIC's driver in the kernel works
 * there.  A process of SCHED_IDLE gives way to everybody else at once, and what it
 * did is known to a thousand instructions.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define ROUND		1000	/* instructions, about */
#define CALIBRATION	20000	/* rounds */

static volatile uint64_t *rounds;
static double round_ns;
static pid_t soaker;

static void soak(void)
{
	unsigned int n = ROUND / 2;

	__asm__ volatile("1:	dec %0\n\t"
			 "	jnz 1b"
			 : "+r"(n) : : "cc");
	++*rounds;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The least of a few: a timer's interrupt is no part of a round. */
static double calibrate(void)
{
	uint64_t least = UINT64_MAX, start, took;

	for (int tries = 0; tries < 20; tries++) {
		start = now_ns();
		for (int i = 0; i < CALIBRATION / 20; i++)
			soak();
		took = now_ns() - start;
		if (took < least)
			least = took;
	}
	return (double)least / (CALIBRATION / 20);
}

int bench_soak_begin(void)
{
	struct sched_param none = { 0 };

	rounds = mmap(NULL, sizeof(*rounds), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (rounds == MAP_FAILED)
		return bench_fail("mmap: %s", strerror(errno));
	round_ns = calibrate();
	soaker = fork();
	if (soaker < 0)
		return bench_fail("fork: %s", strerror(errno));
	if (soaker)
		return 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) ||
	    sched_setscheduler(0, SCHED_IDLE, &none))
		die("SCHED_IDLE: %s", strerror(errno));
	for (;;)
		soak();
}

void bench_soak_end(void)
{
	if (soaker > 0) {
		kill(soaker, SIGKILL);
		waitpid(soaker, NULL, 0);
	}
	soaker = 0;
}

bool bench_soaks(void)
{
	return soaker > 0;
}

uint64_t bench_soaked_ns(void)
{
	return (uint64_t)((double)*rounds * round_ns);
}
