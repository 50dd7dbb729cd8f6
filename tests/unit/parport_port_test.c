// SPDX-License-Identifier: MIT
/*
 * drivers/parport/port.c on the model of a peripheral: the calls of libudrv
 * and the clock that it uses are here.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "unit.h"
#include "parport/port.h"
#include "parport_model.h"

#define MS		1000000ull
#define SECOND		(1000 * MS)

static struct model m;
static struct port port;
static struct udrv_region_info region;
static uint8_t all[1000], got[MODEL_ROOM];
static unsigned setups, taken;
static unsigned signals, long_programs;	/* a signal at each such one */
static bool pretends;		/* to be ready, when it is only looked at */

/* ---------------------------------------------------------- instead of libudrv */

const char *usr_error(void)
{
	return "the device is gone";
}

int usr_io(int fd, struct udrv_io_step *steps, unsigned count, unsigned *done)
{
	unsigned some, most = UINT32_MAX;

	assert_int_equal(fd, 42);
	/* Signals come while it waits, that is before a byte. */
	if (signals && count > 6 && ++long_programs % signals == 0)
		most = long_programs % 2 ? 6 : 0;
	errno = model_run(&m, steps, count, most, done ? done : &some);
	return errno ? -1 : 0;
}

int usr_io_read(int fd, unsigned index, uint64_t offset, unsigned width,
		uint64_t *value)
{
	struct udrv_io_step step = usr_step_read(index, offset, width);

	if (usr_io(fd, &step, 1, NULL))
		return -1;
	*value = step.out_value | (pretends ? SPP_NOT_BUSY : 0);
	return 0;
}

int usr_io_write(int fd, unsigned index, uint64_t offset, unsigned width,
		 uint64_t value)
{
	struct udrv_io_step step = usr_step_write(index, offset, width, value);

	return usr_io(fd, &step, 1, NULL);
}

int usr_region_info(int fd, unsigned index, struct udrv_region_info *info)
{
	(void)fd;
	assert_int_equal(index, 0);
	*info = region;
	return 0;
}

int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
		  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	(void)fd;
	assert_int_equal(kind, UDRV_IRQ_LINES);
	assert_int_equal(vectors, 1);
	assert_true(!rules && !rule_count);
	setups++;
	return 0;
}

int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms)
{
	uint64_t end = m.now + (uint64_t)timeout_ms * MS;

	(void)fd;
	assert_in_range(timeout_ms, 1, 1000);
	assert_true(setups);
	while (taken == m.interrupts && m.now < end)
		model_advance(&m, 10000);
	if (taken == m.interrupts) {
		errno = ETIMEDOUT;
		return -1;
	}
	event->count = m.interrupts - taken;
	taken = m.interrupts;
	return 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = (time_t)(m.now / SECOND);
	now->tv_nsec = (long)(m.now % SECOND);
	return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	model_advance(&m, (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec);
	return 0;
}

/* ---------------------------------------------------------------------- helpers */

static int start(void **state)
{
	(void)state;
	model_reset(&m);
	setups = taken = signals = long_programs = 0;
	pretends = false;
	region = (struct udrv_region_info) {
		.out_kind = UDRV_KIND_PORTS, .out_size = 8,
	};
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i ^ i >> 8);
	return 0;
}

static int finish(void **state)
{
	(void)state;
	if (m.violations)
		print_error("%u violations, first: %s\n", m.violations, m.violation);
	return m.violations ? -1 : 0;
}

static void open_port(bool polled)
{
	assert_null(port_start(&port, 42, polled, 30));
	assert_int_equal(setups, !polled);
}

static void print_all(void)
{
	size_t sent;

	assert_null(port_print(&port, all, sizeof(all), &sent));
	assert_int_equal(sent, sizeof(all));
	assert_int_equal(m.printed_length, sizeof(all));
	assert_memory_equal(m.printed, all, sizeof(all));
}

static void assert_usable(void)
{
	size_t sent;

	assert_int_equal(m.control, SPP_IDLE);
	m.printed_length = 0;
	assert_null(port_print(&port, all, 3, &sent));
	assert_int_equal(m.printed_length, 3);
}

/* ------------------------------------------------------------------------ tests */

static void prints_polled(void **state)
{
	(void)state;
	open_port(true);
	print_all();
	model_advance(&m, MS);
	/* Now one that is slower than a program waits. */
	m.printed_length = 0;
	m.busy_ns = 7 * MS;
	print_all();
	assert_int_equal(m.interrupts, 0);
}

static void prints_with_interrupts(void **state)
{
	uint64_t began;

	(void)state;
	open_port(false);
	m.busy_ns = 7 * MS;
	began = m.now;
	print_all();
	/* Each byte's, and not by time-outs. */
	assert_in_range(m.interrupts, sizeof(all) - 2, sizeof(all));
	assert_in_range(m.now - began, 6900 * MS, 8000 * MS);
	assert_int_equal(m.control, SPP_IDLE);
	port_stop(&port);
	assert_int_equal(m.control, SPP_IDLE);
}

/* The edge that nobody hears of costs a while, no more. */
static void survives_lost_interrupts(void **state)
{
	size_t sent;

	(void)state;
	open_port(false);
	m.no_interrupts = true;
	m.busy_ns = 7 * MS;
	assert_null(port_print(&port, all, 20, &sent));
	assert_int_equal(m.printed_length, 20);
	assert_memory_equal(m.printed, all, 20);
}

static void survives_signals(void **state)
{
	(void)state;
	signals = 3;
	open_port(true);
	m.busy_ns = MS / 2;
	print_all();
	assert_in_range(long_programs, 3, UINT32_MAX);
}

static void loses_patience(void **state)
{
	uint64_t began;
	size_t sent;

	(void)state;
	for (int polled = 0; polled < 2; polled++) {
		start(NULL);
		assert_null(port_start(&port, 42, polled, 5));
		m.busy_ns = MODEL_FOREVER;
		began = m.now;
		assert_string_equal(port_print(&port, all, 10, &sent),
				    "the printer takes nothing for 5 s: busy");
		assert_in_range(m.now - began, 5 * SECOND, 5200 * MS);
		assert_int_equal(sent, 1);
		assert_int_equal(m.control, SPP_IDLE);
		/* Busy for less than that is no reason, however often. */
		assert_null(port_reset(&port));
		m.printed_length = 0;
		m.busy_ns = 4 * SECOND;
		assert_null(port_print(&port, all, 10, &sent));
		assert_int_equal(sent, 10);
	}
}

static void loses_patience_with_one_that_only_pretends(void **state)
{
	uint64_t began;
	size_t sent;

	(void)state;
	for (int polled = 0; polled < 2; polled++) {
		start(NULL);
		assert_null(port_start(&port, 42, polled, 5));
		m.busy_ns = MODEL_FOREVER;
		pretends = true;
		began = m.now;
		alarm(60);	/* it would go on for ever */
		assert_string_equal(port_print(&port, all, 10, &sent),
				    "the printer takes nothing for 5 s: busy");
		alarm(0);
		assert_in_range(m.now - began, 5 * SECOND, 7 * SECOND);
		assert_int_equal(sent, 1);
		assert_int_equal(m.control, SPP_IDLE);
	}
}

static void says_that_the_device_went(void **state)
{
	size_t sent;

	(void)state;
	open_port(true);
	m.fail_after = m.programs + 3;
	assert_string_equal(port_print(&port, all, sizeof(all), &sent), usr_error());
	assert_int_equal(sent, m.printed_length);
	assert_int_equal(sent, 2 * SPP_PROGRAM_BYTES);
	assert_string_equal(port_read(&port, SPP_MODE_NIBBLE, got, 1, &sent),
			    usr_error());
}

/* What a printer does when somebody comes, it goes on doing. */
static void starting_resets_nothing(void **state)
{
	uint8_t status;

	(void)state;
	m.busy_ns = MODEL_FOREVER;
	open_port(true);
	assert_int_equal(m.resets, 0);
	assert_int_equal(m.printed_length, 0);
	assert_null(port_status(&port, &status));
	assert_string_equal(spp_describe(status), "ready");
	port_stop(&port);
	assert_int_equal(m.resets, 0);
	open_port(true);
	assert_null(port_reset(&port));
	assert_int_equal(m.resets, 1);
	m.busy_ns = 0;
	assert_usable();
}

/* Unless it was held in reset: it gets its whole pulse then. */
static void starting_ends_a_reset(void **state)
{
	(void)state;
	model_write(&m, SPP_CONTROL, SPP_SELECTIN);
	model_advance(&m, 100000);
	open_port(true);
	assert_int_equal(m.resets, 2);
	assert_usable();
}

static void refuses_what_is_no_port(void **state)
{
	(void)state;
	region.out_kind = UDRV_KIND_MEM;
	assert_non_null(strstr(port_start(&port, 42, true, 1), "region 0"));
	region.out_kind = UDRV_KIND_PORTS;
	region.out_size = 2;
	assert_non_null(strstr(port_start(&port, 42, true, 1), "region 0"));
	assert_int_equal(m.programs, 0);
	region.out_size = 3;
	m.missing = true;
	assert_non_null(strstr(port_start(&port, 42, true, 1),
			       "there is no parallel port"));
	m.missing = false;
	open_port(true);
}

static void read_all(enum spp_mode mode)
{
	size_t length;

	open_port(true);
	m.to_send = all;
	m.send_length = sizeof(all);
	/* In two pieces. */
	assert_null(port_read(&port, mode, got, 300, &length));
	assert_int_equal(length, 300);
	assert_int_equal(m.terminations, 1);
	assert_usable();
	assert_null(port_read(&port, mode, got + 300, sizeof(got) - 300, &length));
	assert_int_equal(length, sizeof(all) - 300);
	assert_memory_equal(got, all, sizeof(all));
	assert_int_equal(m.terminations, 2);
	/* And then there is nothing. */
	assert_null(port_read(&port, mode, got, sizeof(got), &length));
	assert_int_equal(length, 0);
	assert_int_equal(m.terminations, 3);
	assert_int_equal(m.aborts, 0);
	assert_usable();
}

static void reads_nibbles(void **state)
{
	(void)state;
	read_all(SPP_MODE_NIBBLE);
	assert_int_equal(m.request, SPP_MODE_NIBBLE);
}

static void reads_bytes(void **state)
{
	(void)state;
	read_all(SPP_MODE_BYTE);
	assert_int_equal(m.request, SPP_MODE_BYTE);
}

static void says_why_nothing_can_be_read(void **state)
{
	size_t length = 99;

	(void)state;
	open_port(true);
	m.silent = true;
	assert_non_null(strstr(port_read(&port, SPP_MODE_NIBBLE, got, 1, &length),
			       "does not answer"));
	assert_int_equal(length, 0);
	assert_usable();
	/* One that says no is still owed an orderly end. */
	m.silent = false;
	m.byte = false;
	assert_non_null(strstr(port_read(&port, SPP_MODE_BYTE, got, 1, &length),
			       "but not this mode"));
	assert_int_equal(m.terminations, 1);
	assert_int_equal(m.aborts, 0);
	assert_usable();
	m.byte = true;
	m.unidirectional = true;
	assert_non_null(strstr(port_read(&port, SPP_MODE_BYTE, got, 1, &length),
			       "outputs only"));
	assert_int_equal(m.terminations, 1);
	assert_usable();
}

/* However far it came, the bytes before are good and the port is at rest. */
static void survives_a_peripheral_that_stops(void **state)
{
	const char *problem;
	size_t length;

	(void)state;
	for (unsigned events = 1; events <= 20; events++) {
		enum spp_mode mode = events % 2 ? SPP_MODE_BYTE : SPP_MODE_NIBBLE;

		start(NULL);
		open_port(true);
		m.to_send = all;
		m.send_length = sizeof(all);
		m.dies_after = events;
		problem = port_read(&port, mode, got, sizeof(got), &length);
		assert_non_null(problem);
		assert_non_null(strstr(problem, events < 2 ? "does not answer" :
				       "stopped in the middle"));
		assert_int_equal(length, m.sent);
		assert_memory_equal(got, all, length);
		assert_int_equal(m.control, SPP_IDLE);
		assert_null(port_reset(&port));
		m.dies_after = 0;
		assert_usable();
		assert_int_equal(m.violations, 0);
	}
}

#define on_the_model(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_the_model(prints_polled),
		on_the_model(prints_with_interrupts),
		on_the_model(survives_lost_interrupts),
		on_the_model(survives_signals),
		on_the_model(loses_patience),
		on_the_model(loses_patience_with_one_that_only_pretends),
		on_the_model(says_that_the_device_went),
		on_the_model(starting_resets_nothing),
		on_the_model(starting_ends_a_reset),
		on_the_model(refuses_what_is_no_port),
		on_the_model(reads_nibbles),
		on_the_model(reads_bytes),
		on_the_model(says_why_nothing_can_be_read),
		on_the_model(survives_a_peripheral_that_stops),
	};

	return cmocka_run_group_tests_name("parport_port", tests, NULL, NULL);
}
