// SPDX-License-Identifier: MIT
/* Mouse reports: all three kinds, signs, lost bytes, a mouse plugged in. */
#include "unit.h"
#include "ps2/mouse.h"

static struct mouse_report feed(struct mouse *m, const uint8_t *bytes,
				unsigned count)
{
	struct mouse_report report = { 0 };
	unsigned i;

	for (i = 0; i < count; i++)
		assert_int_equal(mouse_feed(m, bytes[i], &report),
				 i + 1 < count ? MOUSE_MORE : MOUSE_REPORT);
	assert_false(mouse_partial(m));
	return report;
}

#define FEED(m, ...) feed(m, (const uint8_t[]) { __VA_ARGS__ },		\
			  sizeof((const uint8_t[]) { __VA_ARGS__ }))

static void assert_report(struct mouse_report report,
			  struct mouse_report expected)
{
	assert_int_equal(report.dx, expected.dx);
	assert_int_equal(report.dy, expected.dy);
	assert_int_equal(report.wheel, expected.wheel);
	assert_int_equal(report.pressed, expected.pressed);
	assert_int_equal(report.released, expected.released);
}

/* Nine bits each way; the mouse counts up as positive. */
static void every_distance(void **state)
{
	struct mouse m;
	int d;

	(void)state;
	mouse_init(&m, MOUSE_PLAIN);
	for (d = -256; d < 256; d++) {
		uint8_t x = (uint8_t)(0x08 | (d < 0 ? 0x10 : 0));
		uint8_t y = (uint8_t)(0x08 | (d < 0 ? 0x20 : 0));

		assert_report(FEED(&m, x, (uint8_t)d, 0),
			      (struct mouse_report) { .dx = d });
		assert_report(FEED(&m, y, 0, (uint8_t)d),
			      (struct mouse_report) { .dy = -d });
	}
}

static void buttons(void **state)
{
	struct mouse m;

	(void)state;
	mouse_init(&m, MOUSE_PLAIN);
	assert_report(FEED(&m, 0x09, 0, 0),
		      (struct mouse_report) { .pressed = MOUSE_LEFT });
	assert_report(FEED(&m, 0x0b, 0, 0),
		      (struct mouse_report) { .pressed = MOUSE_RIGHT });
	assert_report(FEED(&m, 0x0c, 0, 0),
		      (struct mouse_report) { .pressed = MOUSE_MIDDLE,
			.released = MOUSE_LEFT | MOUSE_RIGHT });
	assert_int_equal(mouse_release(&m), MOUSE_MIDDLE);
	assert_int_equal(mouse_release(&m), 0);
}

static void wheels(void **state)
{
	struct mouse m;
	int z;

	(void)state;
	mouse_init(&m, MOUSE_WHEEL);
	for (z = -128; z < 128; z++)
		assert_report(FEED(&m, 0x08, 0, 0, (uint8_t)z),
			      (struct mouse_report) { .wheel = -z });
	mouse_init(&m, MOUSE_FIVE);
	for (z = -8; z < 8; z++)
		assert_report(FEED(&m, 0x08, 0, 0, (uint8_t)(z & 0x0f)),
			      (struct mouse_report) { .wheel = -z });
}

static void five_buttons(void **state)
{
	struct mouse m;

	(void)state;
	mouse_init(&m, MOUSE_FIVE);
	assert_report(FEED(&m, 0x08, 0, 0, 0x10),
		      (struct mouse_report) { .pressed = MOUSE_SIDE });
	assert_report(FEED(&m, 0x09, 0, 0, 0x31),
		      (struct mouse_report) { .wheel = -1,
			.pressed = MOUSE_LEFT | MOUSE_EXTRA });
	/* The sign over the whole byte: nothing is said of the buttons. */
	assert_report(FEED(&m, 0x09, 0, 0, 0xff), (struct mouse_report) { .wheel = 1 });
	assert_report(FEED(&m, 0x08, 0, 0, 0x00),
		      (struct mouse_report) { .released = MOUSE_LEFT |
			MOUSE_SIDE | MOUSE_EXTRA });
}

/* A report cut anywhere is forgotten after the time-out, and does no harm. */
static void every_lost_tail(void **state)
{
	static const uint8_t whole[] = { 0x19, 0xff, 0x01, 0x00 };
	struct mouse_report report;
	unsigned cut, i, bytes;
	struct mouse m;

	(void)state;
	for (bytes = 3; bytes <= 4; bytes++) {
		for (cut = 1; cut < bytes; cut++) {
			mouse_init(&m, bytes == 3 ? MOUSE_PLAIN : MOUSE_WHEEL);
			for (i = 0; i < cut; i++)
				assert_int_equal(mouse_feed(&m, whole[i], &report),
						 MOUSE_MORE);
			assert_true(mouse_partial(&m));
			assert_false(mouse_expire(&m));
			assert_report(feed(&m, whole, bytes),
				      (struct mouse_report) { .dx = -1, .dy = -1,
					.pressed = MOUSE_LEFT });
		}
	}
}

/* A report without its head: bytes without bit 3 are skipped. */
static void lost_heads(void **state)
{
	struct mouse_report report;
	struct mouse m;

	(void)state;
	mouse_init(&m, MOUSE_PLAIN);
	assert_int_equal(mouse_feed(&m, 0x05, &report), MOUSE_DISCARDED);
	assert_int_equal(mouse_feed(&m, 0x00, &report), MOUSE_DISCARDED);
	assert_false(mouse_partial(&m));
	assert_report(FEED(&m, 0x08, 5, 0), (struct mouse_report) { .dx = 5 });
}

static void plugged_in(void **state)
{
	struct mouse_report report;
	struct mouse m;

	(void)state;
	mouse_init(&m, MOUSE_WHEEL);
	mouse_feed(&m, 0xaa, &report);
	mouse_feed(&m, 0x00, &report);
	assert_true(mouse_expire(&m));
	assert_false(mouse_expire(&m));
	/* The same bytes in a report that goes on are a report. */
	assert_int_equal(FEED(&m, 0xaa, 0x00, 0x00, 0x00).pressed, MOUSE_RIGHT);
	assert_false(mouse_expire(&m));
	mouse_feed(&m, 0xaa, &report);
	mouse_feed(&m, 0x01, &report);
	assert_false(mouse_expire(&m));
}

static void garbage(void **state)
{
	static const enum mouse_type types[] = { MOUSE_PLAIN, MOUSE_WHEEL, MOUSE_FIVE };
	struct mouse_report r;
	uint32_t random = 7;
	uint8_t down;
	struct mouse m;
	unsigned i, t;

	(void)state;
	for (t = 0; t < 3; t++) {
		mouse_init(&m, types[t]);
		down = 0;
		for (i = 0; i < 300000; i++) {
			random = random * 1664525 + 1013904223;
			if (mouse_feed(&m, (uint8_t)(random >> 24), &r) != MOUSE_REPORT)
				continue;
			assert_false(r.pressed & (down | r.released));
			assert_false(r.released & ~down);
			assert_in_range(r.dx + 256, 0, 512);
			assert_in_range(r.dy + 256, 0, 512);
			down = (uint8_t)((down | r.pressed) & ~r.released);
			assert_true(down < 1u << MOUSE_BUTTONS);
		}
		assert_int_equal(mouse_release(&m), down);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_distance),
		cmocka_unit_test(buttons),
		cmocka_unit_test(wheels),
		cmocka_unit_test(five_buttons),
		cmocka_unit_test(every_lost_tail),
		cmocka_unit_test(lost_heads),
		cmocka_unit_test(plugged_in),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
