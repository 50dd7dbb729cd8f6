// SPDX-License-Identifier: MIT
/*
 * No event is lost and none comes twice, whichever way a driver waits.  One
 * thread raises messages, each when the one before was counted; the counts
 * that readers get must add up to what was raised.
 */
#include "edu.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>

const char test_machines[] = "iommu";
const int test_seconds = 180;

/* How far readers may fall behind; 10,000 would be a storm. */
#define BEHIND 2000

static struct edu edu;
static volatile struct udrv_event_slot *slot;
static uint32_t goal;
static atomic_uint taken;

static void start(bool nonblock)
{
	edu = edu_open(EDU);
	slot = map_events(edu.fd);
	goal = (uint32_t)fewer(100000, 3000);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	set_nonblock(edu.fd, nonblock);
}

static void *raise_all(void *unused)
{
	uint64_t end = now_ms() + 150000;
	uint32_t i;

	for (i = 1; i <= goal; i++) {
		edu_raise(&edu, 1);
		while (slot->count != i || i - slot->seen > BEHIND) {
			let_others_run();
			if (now_ms() > end)
				fail(__FILE__, __LINE__,
				     "raised %u, counted %u, seen %u, taken %u",
				     i, slot->count, slot->seen, taken);
		}
	}
	return unused;
}

static pthread_t start_raising(void)
{
	pthread_t thread;

	MUST_EQUAL(pthread_create(&thread, NULL, raise_all, NULL), 0);
	return thread;
}

static void finish(pthread_t raiser)
{
	struct udrv_irq_event event;

	pthread_join(raiser, NULL);
	MUST_EQUAL(taken, goal);
	set_nonblock(edu.fd, true);
	usleep(10000);
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
	MUST_EQUAL(slot->count, goal);
	MUST_EQUAL(slot->seen, goal);
	MUST_EQUAL(counters(edu.fd).out_interrupts, goal);
}

static void poll_loop(void)
{
	struct udrv_irq_event event;
	pthread_t raiser;

	start(true);
	raiser = start_raising();
	while (taken < goal) {
		MUST(irq_pending(edu.fd, WAIT_MS));
		MUST_OK(irq_read(edu.fd, &event));
		MUST(event.count > 0);
		taken += event.count;
	}
	finish(raiser);
}

static void epoll_loop(uint32_t how)
{
	struct epoll_event ready = { .events = EPOLLIN | how };
	struct udrv_irq_event event;
	pthread_t raiser;
	int epoll;

	start(true);
	epoll = (int)MUST_OK(sys(epoll_create1(EPOLL_CLOEXEC)));
	MUST_OK(sys(epoll_ctl(epoll, EPOLL_CTL_ADD, edu.fd, &ready)));
	raiser = start_raising();
	while (taken < goal) {
		MUST_EQUAL(epoll_wait(epoll, &ready, 1, WAIT_MS), 1);
		MUST_EQUAL(ready.events, EPOLLIN);
		/* Edge-triggered: until EAGAIN. Else one is enough. */
		while (irq_read(edu.fd, &event) == 0) {
			taken += event.count;
			if (!(how & EPOLLET))
				break;
		}
	}
	finish(raiser);
}

static void epoll_level_loop(void)
{
	epoll_loop(0);
}

static void epoll_edge_loop(void)
{
	epoll_loop(EPOLLET);
}

static void spin_then_block_loop(void)
{
	struct udrv_irq_event event;
	uint32_t now, tries = 0, blocked = 0, spun = 0, limit = 20;
	pthread_t raiser;

	start(false);
	raiser = start_raising();
	while (taken < goal) {
		/* On a busy machine one way may not come about by itself. */
		if (taken >= goal / 2)
			limit = !spun ? UINT32_MAX : !blocked ? 0 : 20;
		now = slot->count;
		if (now != slot->seen) {
			taken += now - slot->seen;
			slot->seen = now;
			spun++;
			tries = 0;
		} else if (++tries > limit) {
			MUST_OK(irq_read(edu.fd, &event));
			taken += event.count;
			blocked++;
			tries = 0;
		}
	}
	finish(raiser);
	/* Else this tested less than it says. */
	MUST(blocked > 0 && spun > 0);
}

static void on_signal(int signal)
{
	(void)signal;
}

static void *read_on(void *signalled)
{
	struct udrv_irq_event event;
	long ret;

	for (;;) {
		ret = irq_read(edu.fd, &event);
		if (ret == -ENXIO)
			return NULL;
		if (ret == -EINTR && signalled)
			continue;
		MUST_OK(ret);
		MUST(event.count > 0);
		taken += event.count;
	}
}

static void *disturb(void *thread)
{
	while (taken < goal) {
		pthread_kill(*(pthread_t *)thread, SIGUSR1);
		usleep(300);
	}
	return NULL;
}

/* One of them is hit by signals: what it was woken for goes to the other. */
static void concurrent_readers(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	pthread_t readers[3], raiser, disturber;
	unsigned int i;

	start(false);
	MUST_OK(sys(sigaction(SIGUSR1, &action, NULL)));
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		MUST_EQUAL(pthread_create(&readers[i], NULL, read_on,
					  i ? NULL : &edu), 0);
	MUST_EQUAL(pthread_create(&disturber, NULL, disturb, &readers[0]), 0);
	raiser = start_raising();
	pthread_join(raiser, NULL);
	WAIT_FOR(taken >= goal);
	pthread_join(disturber, NULL);
	MUST_EQUAL(taken, goal);
	MUST_EQUAL(slot->seen, goal);
	/* Nothing to read any more, for any of them. */
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	for (i = 0; i < ARRAY_SIZE(readers); i++)
		pthread_join(readers[i], NULL);
}

/* Masked by a storm, one more may have come: a read lets it in, some time. */
static bool all_taken(uint32_t raised)
{
	bool all = counters(edu.fd).out_interrupts == raised;
	struct udrv_irq_event event;

	while (irq_read(edu.fd, &event) == 0)
		;
	return all;
}

/* What the driver writes into the page harms nobody but itself. */
static void event_page_is_not_trusted(void)
{
	struct udrv_irq_event event;
	uint32_t i, reads;

	start(true);
	for (i = 1; i <= 1000; i++) {
		slot->count = (uint32_t)random();
		slot->seen = (uint32_t)random();
		edu_raise(&edu, 1);
		WAIT_FOR(counters(edu.fd).out_interrupts == i ||
			 counters(edu.fd).out_storms);
		if (i % 3 == 0)
			for (reads = 0; irq_read(edu.fd, &event) == 0; reads++)
				MUST(reads < 10);
		if (counters(edu.fd).out_storms)
			break;
	}
	/* A read brings both in step again. */
	WAIT_FOR(all_taken(i <= 1000 ? i : 1000));
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(slot->count, slot->seen);
}

/* Taking by the page takes from read() and poll() too. */
static void page_and_read_share_the_events(void)
{
	struct udrv_irq_event event;

	start(true);
	edu_raise(&edu, 1);
	WAIT_FOR(slot->count == 1);
	MUST(irq_pending(edu.fd, 0));
	slot->seen = slot->count;
	MUST(!irq_pending(edu.fd, 0));
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(slot->seen, 2);
}

static void *read_until_told(void *unused)
{
	struct udrv_irq_event event;
	long ret = irq_read(edu.fd, &event);

	MUST(ret == -ENXIO || ret == 0);
	taken++;
	return unused;
}

/* A blocked reader does not sleep through a change of the setup. */
static void setup_changes_under_a_blocked_reader(void)
{
	pthread_t reader;
	int i;

	start(false);
	for (i = 0; i < 20; i++) {
		taken = 0;
		MUST_EQUAL(pthread_create(&reader, NULL, read_until_told, NULL), 0);
		usleep(20000);
		MUST_EQUAL(taken, 0);
		if (i & 1) {
			MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
		} else {
			MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
			edu_raise(&edu, 1);
			WAIT_FOR(slot->count == 1);
		}
		WAIT_FOR(taken == 1);
		pthread_join(reader, NULL);
		MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	}
}

const struct test tests[] = {
	TEST(poll_loop),
	TEST(epoll_level_loop),
	TEST(epoll_edge_loop),
	TEST(spin_then_block_loop),
	TEST(concurrent_readers),
	TEST(event_page_is_not_trusted),
	TEST(page_and_read_share_the_events),
	TEST(setup_changes_under_a_blocked_reader),
	{ NULL, NULL },
};
