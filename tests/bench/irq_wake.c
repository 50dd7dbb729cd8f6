// SPDX-License-Identifier: MIT
/*
 * A reader that really sleeps.  It is a real-time thread: the interrupt wakes
 * it in place of the thread that raised the interrupt, which carries on when
 * the reader sleeps again.  So the processor never idles, and a cycle is the
 * interrupt, two changes of thread, and a read() that blocks.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "irq_ways.h"

static pthread_t reader;
static int running;
static volatile int stop;
static volatile unsigned int taken;
static void (*take_one)(void);
static volatile void *registers;

static void *read_for_ever(void *unused)
{
	while (!stop) {
		take_one();
		taken++;
	}
	return unused;
}

int wake_begin(void (*take)(void), volatile void *bar)
{
	struct sched_param priority = { .sched_priority = 1 };
	pthread_attr_t attr;
	int error;

	take_one = take;
	registers = bar;
	stop = 0;
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &priority);
	error = pthread_create(&reader, &attr, read_for_ever, NULL);
	pthread_attr_destroy(&attr);
	if (error)
		return bench_fail("real-time thread: %s", strerror(error));
	running = 1;
	return 0;
}

void wake_cycle(void)
{
	unsigned int before = taken;

	edu_write(registers, EDU_IRQ_RAISE, 1);
	while (taken == before)
		sched_yield();
}

void wake_end(void)
{
	if (!running)
		return;
	stop = 1;
	edu_write(registers, EDU_IRQ_RAISE, 1);
	pthread_join(reader, NULL);
	running = 0;
}
