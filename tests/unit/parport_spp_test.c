// SPDX-License-Identifier: MIT
/* A parallel port's register programs, run on a model of port and peripheral. */
#include <stdbool.h>
#include <string.h>
#include "unit.h"
#include "parport/spp.h"
#include "parport_model.h"

static struct model m;
static struct spp_program p;
static uint8_t all[512];		/* every value, both ways */

static int start(void **state)
{
	(void)state;
	model_reset(&m);
	memset(&p, 0, sizeof(p));
	for (unsigned i = 0; i < sizeof(all); i++)
		all[i] = (uint8_t)(i < 256 ? i : 511 - i);
	return 0;
}

/* Whatever a test was about: the host kept to the protocol. */
static int finish(void **state)
{
	(void)state;
	if (m.violations)
		print_error("%u violations, first: %s\n", m.violations, m.violation);
	return m.violations ? -1 : 0;
}

static int run(unsigned *done)
{
	return model_run(&m, p.step, p.count, UINT32_MAX, done);
}

static void run_well(void)
{
	unsigned done;

	assert_int_equal(run(&done), 0);
	assert_int_equal(done, p.count);
}

static uint8_t last_status(void)
{
	return (uint8_t)p.step[p.count - 1].out_value;
}

static void let_time_pass(void)
{
	model_advance(&m, 10000000);
}

/* ------------------------------------------------------------------- printing */

static void prints_every_value(void **state)
{
	(void)state;
	for (size_t at = 0; at < sizeof(all); at += SPP_PROGRAM_BYTES) {
		size_t some = sizeof(all) - at;

		if (some > SPP_PROGRAM_BYTES)
			some = SPP_PROGRAM_BYTES;
		p.count = 0;
		spp_print(&p, all + at, some, SPP_IDLE);
		assert_int_equal(p.count, some * SPP_BYTE_STEPS);
		run_well();
		assert_int_equal(spp_printed(p.count), some);
	}
	assert_int_equal(m.printed_length, sizeof(all));
	assert_memory_equal(m.printed, all, sizeof(all));
	assert_int_equal(m.control, SPP_IDLE);
	assert_int_equal(m.resets, 0);
	/* With interrupts on, each byte is acknowledged by one. */
	assert_int_equal(m.interrupts, 0);
	p.count = 0;
	let_time_pass();
	spp_print(&p, all, 3, SPP_IDLE | SPP_IRQ_ENABLE);
	run_well();
	let_time_pass();
	assert_int_equal(m.interrupts, 3);
	assert_int_equal(m.control, SPP_IDLE | SPP_IRQ_ENABLE);
}

static void prints_no_more_than_fits(void **state)
{
	(void)state;
	spp_print(&p, all, sizeof(all), SPP_IDLE);
	assert_int_equal(p.count, SPP_PROGRAM_BYTES * SPP_BYTE_STEPS);
	run_well();
	assert_int_equal(m.printed_length, SPP_PROGRAM_BYTES);
	p.count = 0;
	spp_print(&p, all, 0, SPP_IDLE);
	assert_int_equal(p.count, 0);
	assert_int_equal(spp_printed(0), 0);
}

/* As long as it takes a printer to take a byte: at all, and at the limit. */
static void waits_for_a_busy_printer(void **state)
{
	unsigned done;

	(void)state;
	m.busy_ns = (SPP_BUSY_US - 10) * 1000;
	spp_print(&p, all, 5, SPP_IDLE);
	run_well();
	assert_int_equal(m.printed_length, 5);
	let_time_pass();
	m.busy_ns = (SPP_BUSY_US + 10) * 1000;
	assert_int_equal(run(&done), ETIMEDOUT);
	assert_int_equal(spp_printed(done), 1);
	assert_int_equal(m.printed_length, 6);
}

static void gives_up_on_one_that_stays_busy(void **state)
{
	unsigned done;

	(void)state;
	m.busy_ns = MODEL_FOREVER;
	spp_print(&p, all, 7, SPP_IDLE);
	assert_int_equal(run(&done), ETIMEDOUT);
	assert_int_equal(done, SPP_BYTE_STEPS);
	assert_int_equal(spp_printed(done), 1);
	/* It is told why. */
	assert_string_equal(spp_describe((uint8_t)p.step[done].out_value), "busy");
	assert_int_equal(run(&done), ETIMEDOUT);
	assert_int_equal(done, 0);
	assert_int_equal(spp_printed(done), 0);
	assert_int_equal(m.printed_length, 1);
}

/* Wherever a program ends, what was printed is known. */
static void knows_what_was_printed_at_every_cut(void **state)
{
	unsigned done;

	(void)state;
	for (unsigned cut = 0; cut <= 5 * SPP_BYTE_STEPS; cut++) {
		model_reset(&m);
		p.count = 0;
		spp_print(&p, all, 5, SPP_IDLE);
		model_run(&m, p.step, p.count, cut, &done);
		assert_int_equal(done, cut);
		assert_int_equal(spp_printed(done), m.printed_length);
	}
}

/* A wait can be cut by a signal: what comes then neither doubles nor loses. */
static void goes_on_after_a_signal(void **state)
{
	unsigned done;

	(void)state;
	for (unsigned first = 0; first <= 5; first++) {
		model_reset(&m);
		p.count = 0;
		spp_print(&p, all, 5, SPP_IDLE);
		model_run(&m, p.step, p.count, first * SPP_BYTE_STEPS, &done);
		p.count = 0;
		spp_print(&p, all + first, 8 - first, SPP_IDLE);
		run_well();
		assert_int_equal(m.printed_length, 8);
		assert_memory_equal(m.printed, all, 8);
		assert_int_equal(m.violations, 0);
	}
}

/* -------------------------------------------------------------------- reading */

static void negotiate(enum spp_mode mode)
{
	p.count = 0;
	spp_negotiate(&p, mode);
	run_well();
	assert_int_equal(m.request, mode);
}

static uint8_t read_one(enum spp_mode mode)
{
	if (mode == SPP_MODE_BYTE)
		spp_read_byte(&p);
	else
		spp_read_nibbles(&p);
	run_well();
	return mode == SPP_MODE_BYTE ? spp_byte_value(&p) : spp_nibble_value(&p);
}

static void end_in_order(enum spp_mode mode)
{
	p.count = 0;
	spp_terminate(&p, mode);
	run_well();
	assert_int_equal(m.terminations, 1);
	assert_int_equal(m.aborts, 0);
	assert_int_equal(m.control, SPP_IDLE);
	assert_int_equal(m.phase, MODEL_COMPATIBLE);
	/* And it prints. */
	p.count = 0;
	spp_print(&p, all, 3, SPP_IDLE);
	run_well();
	assert_int_equal(m.printed_length, 3);
}

static void read_all(enum spp_mode mode)
{
	m.to_send = all;
	m.send_length = sizeof(all);
	negotiate(mode);
	assert_true(spp_accepted(mode, last_status()));
	for (size_t i = 0; i < sizeof(all); i++) {
		assert_true(spp_data_available(last_status()));
		assert_int_equal(read_one(mode), all[i]);
	}
	assert_false(spp_data_available(last_status()));
	assert_int_equal(m.sent, sizeof(all));
	end_in_order(mode);
}

static void reads_nibbles(void **state)
{
	(void)state;
	read_all(SPP_MODE_NIBBLE);
}

static void reads_bytes(void **state)
{
	(void)state;
	read_all(SPP_MODE_BYTE);
}

static void reads_the_device_id(void **state)
{
	(void)state;
	read_all(SPP_MODE_NIBBLE_ID);
}

/* As slow as it may be, and as fast as can be. */
static void bears_any_answer_time(void **state)
{
	static const uint64_t times[] = { 0, 1, 500, 100000, 34900000 };
	static const enum spp_mode modes[] = { SPP_MODE_NIBBLE, SPP_MODE_BYTE };

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(times) / sizeof(*times); i++) {
		enum spp_mode mode = modes[i % 2];

		model_reset(&m);
		m.answer_ns = times[i / 2];
		m.to_send = all;
		m.send_length = 3;
		negotiate(mode);
		assert_true(spp_accepted(mode, last_status()));
		for (unsigned k = 0; k < 3; k++)
			assert_int_equal(read_one(mode), all[k]);
		end_in_order(mode);
		assert_int_equal(m.violations, 0);
	}
}

static void finds_nothing_to_read(void **state)
{
	static const enum spp_mode modes[] = {
		SPP_MODE_NIBBLE, SPP_MODE_BYTE, SPP_MODE_NIBBLE_ID
	};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		model_reset(&m);
		negotiate(modes[i]);
		assert_true(spp_accepted(modes[i], last_status()));
		assert_false(spp_data_available(last_status()));
		end_in_order(modes[i]);
		assert_int_equal(m.violations, 0);
	}
}

/* A host may have enough before the peripheral has no more. */
static void ends_between_bytes(void **state)
{
	(void)state;
	m.to_send = all;
	m.send_length = 10;
	negotiate(SPP_MODE_BYTE);
	assert_int_equal(read_one(SPP_MODE_BYTE), all[0]);
	assert_true(spp_data_available(last_status()));
	end_in_order(SPP_MODE_BYTE);
	assert_int_equal(m.sent, 1);
}

/* ----------------------------------------------------------- what goes wrong */

static void sees_modes_refused(void **state)
{
	static const enum spp_mode modes[] = {
		SPP_MODE_NIBBLE, SPP_MODE_BYTE, SPP_MODE_NIBBLE_ID
	};

	(void)state;
	for (size_t i = 0; i < 9; i++) {
		enum spp_mode has = modes[i / 3], asked = modes[i % 3];

		model_reset(&m);
		m.nibble = has == SPP_MODE_NIBBLE;
		m.byte = has == SPP_MODE_BYTE;
		m.id = has == SPP_MODE_NIBBLE_ID;
		m.to_send = all;
		m.send_length = 1;
		negotiate(asked);
		assert_int_equal(spp_accepted(asked, last_status()), has == asked);
		end_in_order(asked);
		assert_int_equal(m.violations, 0);
	}
}

static void sees_that_it_does_not_speak_1284(void **state)
{
	unsigned done;

	(void)state;
	m.silent = true;
	spp_negotiate(&p, SPP_MODE_NIBBLE);
	assert_int_equal(run(&done), ETIMEDOUT);
	/* It was not strobed: that might have been taken for a byte. */
	assert_int_equal(m.printed_length, 0);
	p.count = 0;
	spp_force_idle(&p, SPP_MODE_NIBBLE);
	run_well();
	assert_int_equal(m.control, SPP_IDLE);
	p.count = 0;
	spp_print(&p, all, 3, SPP_IDLE);
	run_well();
	assert_int_equal(m.printed_length, 3);
}

/* It dies at each of its events in turn; every wait has an end. */
static void survives_a_peripheral_that_stops(enum spp_mode mode)
{
	unsigned done, died = 0;

	for (unsigned events = 1; events < 20; events++) {
		int ret;

		model_reset(&m);
		m.dies_after = events;
		m.to_send = all;
		m.send_length = 2;
		p.count = 0;
		spp_negotiate(&p, mode);
		ret = run(&done);
		while (!ret && spp_data_available(last_status())) {
			if (mode == SPP_MODE_BYTE)
				spp_read_byte(&p);
			else
				spp_read_nibbles(&p);
			ret = run(&done);
		}
		p.count = 0;
		spp_terminate(&p, mode);
		if (!ret)
			ret = run(&done);
		assert_int_equal(ret, m.dead ? ETIMEDOUT : 0);
		assert_in_range(m.sent, 0, 2);
		died += m.dead;
		p.count = 0;
		spp_force_idle(&p, mode);
		run_well();
		assert_int_equal(m.control, SPP_IDLE);
		/* Switched off and on, so to say. */
		p.count = 0;
		spp_initialise(&p);
		spp_print(&p, all, 1, SPP_IDLE);
		run_well();
		assert_int_equal(m.printed_length, 1);
		assert_int_equal(m.violations, 0);
	}
	/* 2 events, then 4 a byte by nibbles or 2, then 2. */
	assert_int_equal(died, mode == SPP_MODE_BYTE ? 7 : 11);
}

static void survives_one_that_stops_by_nibbles(void **state)
{
	(void)state;
	survives_a_peripheral_that_stops(SPP_MODE_NIBBLE);
}

static void survives_one_that_stops_by_bytes(void **state)
{
	(void)state;
	survives_a_peripheral_that_stops(SPP_MODE_BYTE);
}

/* Its owner died in the middle; the next one forces it idle. */
static void leaves_any_state_by_force(void **state)
{
	unsigned done;

	(void)state;
	for (unsigned cut = 0; cut < 12; cut++) {
		model_reset(&m);
		m.to_send = all;
		m.send_length = 2;
		negotiate(SPP_MODE_BYTE);
		spp_read_byte(&p);
		model_run(&m, p.step, p.count, cut, &done);
		p.count = 0;
		spp_force_idle(&p, SPP_MODE_BYTE);
		run_well();
		assert_int_equal(m.control, SPP_IDLE);
		let_time_pass();
		p.count = 0;
		if (m.phase != MODEL_COMPATIBLE)	/* waits for event 25 */
			spp_initialise(&p);
		spp_print(&p, all, 3, SPP_IDLE);
		run_well();
		assert_int_equal(m.printed_length, 3);
		assert_int_equal(m.violations, 0);
	}
}

/* ------------------------------------------------------------------- the rest */

static void resets(void **state)
{
	(void)state;
	m.busy_ns = MODEL_FOREVER;
	spp_print(&p, all, 1, SPP_IDLE);
	spp_initialise(&p);
	run_well();
	assert_int_equal(m.resets, 1);
	assert_int_equal(m.control, SPP_IDLE);
	p.count = 0;
	spp_print(&p, all, 1, SPP_IDLE);
	run_well();
}

static void sees_whether_there_is_a_port(void **state)
{
	(void)state;
	spp_probe(&p, SPP_IDLE);
	run_well();
	assert_true(spp_echoes(&p));
	assert_false(spp_was_held(&p));
	assert_int_equal(m.printed_length + m.resets, 0);
	/* Nothing there: the bus reads as ones. */
	p.step[0].out_value = p.step[3].out_value = p.step[5].out_value = 0xff;
	assert_false(spp_echoes(&p));
	p.step[3].out_value = 0x55;
	assert_false(spp_echoes(&p));
	p.step[5].out_value = 0xaa;
	p.step[0].out_value = 0xff & ~SPP_NINIT;
	assert_true(spp_echoes(&p));
	assert_true(spp_was_held(&p));
}

static void sees_whether_its_lines_are_inputs(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		m.unidirectional = i;
		spp_probe(&p, SPP_IDLE | SPP_INPUT);
		run_well();
		assert_int_equal(spp_echoes(&p), m.unidirectional);
		p.count = 0;
		spp_force_idle(&p, SPP_MODE_NIBBLE);
		run_well();
	}
}

/* Each of the 32 states of the lines has its words. */
static void says_the_status_in_words(void **state)
{
	static const struct {
		uint8_t status;
		const char *words;
	} known[] = {
		{ 0xd8, "ready" }, { 0xdf, "ready" }, { 0xd9, "ready" },
		{ 0x58, "busy" }, { 0x5f, "busy" }, { 0x98, "ready" },
		{ 0x18, "busy" },
		{ 0x70, "out of paper" }, { 0x77, "out of paper" },
		{ 0xf8, "out of paper" }, { 0xf0, "out of paper" },
		{ 0x78, "no printer is connected" },
		{ 0x7f, "no printer is connected" },
		{ 0x80, "off line, or switched off" },
		{ 0x87, "off line, or switched off" },
		{ 0xc8, "off line, or switched off" },
		{ 0x48, "off line, or switched off" },
		{ 0xd0, "it reports a fault" }, { 0x50, "it reports a fault" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		assert_string_equal(spp_describe(known[i].status), known[i].words);
	/* "ready" is said only of what takes bytes, without low bits' help. */
	for (unsigned i = 0; i < 256; i++) {
		assert_ptr_equal(spp_describe((uint8_t)i),
				 spp_describe((uint8_t)(i & ~7u)));
		assert_int_equal(!strcmp(spp_describe((uint8_t)i), "ready"),
				 (i & 0xb8) == 0x98);
	}
}

static void assert_id(const char *data, size_t got, const char *shown)
{
	char text[64];

	memset(text, 'x', sizeof(text));
	spp_id_text((const uint8_t *)data, got, text);
	assert_string_equal(text, shown);
}

static void shows_an_id_that_no_terminal_obeys(void **state)
{
	(void)state;
	assert_id("\0\12MFG:Acme;", 11, "MFG:Acme");
	assert_id("\0\13MFG:Acme;", 11, "MFG:Acme;");
	/* What it says of its length is no reason to read more, or nothing. */
	assert_id("\377\377MFG:", 6, "MFG:");
	assert_id("\0\1MFG:", 6, "MFG:");
	assert_id("\0\14\33]0;x\7\200\0y~", 12, "?]0;x???y~");
	assert_id("\0", 1, "");
	assert_id("", 0, "");
}

#define on_the_model(test) cmocka_unit_test_setup_teardown(test, start, finish)

int main(void)
{
	const struct CMUnitTest tests[] = {
		on_the_model(prints_every_value),
		on_the_model(prints_no_more_than_fits),
		on_the_model(waits_for_a_busy_printer),
		on_the_model(gives_up_on_one_that_stays_busy),
		on_the_model(knows_what_was_printed_at_every_cut),
		on_the_model(goes_on_after_a_signal),
		on_the_model(reads_nibbles),
		on_the_model(reads_bytes),
		on_the_model(reads_the_device_id),
		on_the_model(bears_any_answer_time),
		on_the_model(finds_nothing_to_read),
		on_the_model(ends_between_bytes),
		on_the_model(sees_modes_refused),
		on_the_model(sees_that_it_does_not_speak_1284),
		on_the_model(survives_one_that_stops_by_nibbles),
		on_the_model(survives_one_that_stops_by_bytes),
		on_the_model(leaves_any_state_by_force),
		on_the_model(resets),
		on_the_model(sees_whether_there_is_a_port),
		on_the_model(sees_whether_its_lines_are_inputs),
		on_the_model(says_the_status_in_words),
		cmocka_unit_test(shows_an_id_that_no_terminal_obeys),
	};

	return cmocka_run_group_tests_name("parport_spp", tests, NULL, NULL);
}
