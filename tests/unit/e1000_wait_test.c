// SPDX-License-Identifier: MIT
/*
 * Waiting for a NIC that interrupts for nothing, not at all, or is gone: it ends
 * in time, and says why.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "unit.h"
#include "e1000/nic.h"

#define MS	1000000ull
#define RING	64u

static uint8_t registers[E1000_REGISTERS];
static struct rx_descriptor rx[RING];
static struct tx_descriptor tx[RING];
static struct e1000_packet *tx_packets[RING];
static uint8_t holes[RING / TX_BATCH];
static struct e1000_packet *free_packets[RING];
static struct pool pool;
static struct e1000 nic;
static uint64_t now;
static unsigned storm, waits;	/* an interrupt each so many ms; 0 = none */

int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms)
{
	(void)fd;
	assert_true(timeout_ms >= 0);
	waits++;
	if (!storm || (unsigned)timeout_ms < storm) {
		now += (uint64_t)timeout_ms * MS;
		/* One that is pending is given to whoever does not wait. */
		if (!storm || timeout_ms) {
			errno = ETIMEDOUT;
			return -1;
		}
	}
	now += storm * MS;
	*event = (struct udrv_irq_event) { .count = 1, .status = IRQ_RXT0 };
	return 0;
}

/* Not used here, but beside it in libudrv. */
int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
		  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	(void)fd;
	(void)kind;
	(void)vectors;
	(void)rules;
	(void)rule_count;
	return -1;
}

volatile struct udrv_event_slot *usr_event_map(int fd, unsigned vectors)
{
	(void)fd;
	(void)vectors;
	return NULL;
}

int usr_event_unmap(volatile struct udrv_event_slot *slots, unsigned vectors)
{
	(void)slots;
	(void)vectors;
	return -1;
}

int clock_gettime(clockid_t clock, struct timespec *to)
{
	(void)clock;
	*to = (struct timespec) { (time_t)(now / 1000000000), (long)(now % 1000000000) };
	return 0;
}

static int setup(void **state)
{
	(void)state;
	memset(registers, 0, sizeof(registers));
	memset(rx, 0, sizeof(rx));
	pool.shown.free = free_packets;
	nic = (struct e1000) {
		.registers = registers, .pool = &pool, .rx = rx, .rx_mask = RING - 1,
		.tx = tx, .tx_packets = tx_packets, .tx_holes = holes,
		.tx_mask = RING - 1,
	};
	now = 1;
	storm = waits = 0;
	return 0;
}

static void times_out_without_an_interrupt(void **state)
{
	(void)state;
	assert_int_equal(e1000_wait(&nic, E1000_WAIT_RX, 50), -1);
	assert_int_equal(errno, ETIMEDOUT);
	assert_int_equal(now / MS, 50);
}

static void times_out_with_interrupts_for_nothing(void **state)
{
	(void)state;
	alarm(60);	/* it would go on for ever */
	for (storm = 1; storm < 40; storm += 7) {
		now = 1;
		assert_int_equal(e1000_wait(&nic, E1000_WAIT_RX, 50), -1);
		assert_int_equal(errno, ETIMEDOUT);
		assert_in_range(now / MS, 50, 50 + storm);
	}
	alarm(0);
}

static void takes_what_came_at_the_last_moment(void **state)
{
	(void)state;
	storm = 10;
	rx[0].rest = (uint64_t)E1000_RX_DONE << 32;
	assert_int_equal(e1000_wait(&nic, E1000_WAIT_RX, 0), E1000_WAIT_RX);
	assert_int_equal(waits, 0);
}

static void says_that_it_is_gone(void **state)
{
	(void)state;
	memset(registers, 0xff, sizeof(registers));
	nic.options.mode = E1000_POLLED;
	assert_int_equal(e1000_wait(&nic, E1000_WAIT_RX, 50), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(e1000_watch(&nic, NULL), -1);
	assert_int_equal(errno, ENODEV);
	assert_int_equal(e1000_disarm(&nic), -1);
	assert_non_null(strstr(e1000_error(), "gone"));
}

/* Ones from a device that goes while it is read are no counts. */
static void counts_nothing_of_one_that_is_gone(void **state)
{
	const char *name;
	uint64_t value;

	(void)state;
	memset(registers, 0xff, sizeof(registers));
	e1000_collect(&nic);
	for (unsigned i = 0; e1000_counter(&nic, i, &name, &value); i++)
		assert_int_equal(value, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(times_out_without_an_interrupt, setup),
		cmocka_unit_test_setup(times_out_with_interrupts_for_nothing, setup),
		cmocka_unit_test_setup(takes_what_came_at_the_last_moment, setup),
		cmocka_unit_test_setup(says_that_it_is_gone, setup),
		cmocka_unit_test_setup(counts_nothing_of_one_that_is_gone, setup),
	};

	return cmocka_run_group_tests_name("e1000_wait", tests, NULL, NULL);
}
