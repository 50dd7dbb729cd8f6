// SPDX-License-Identifier: MIT
/* Scan codes: all keys of both sets, split, lost, garbled. */
#include <linux/input-event-codes.h>
#include "unit.h"
#include "ps2/scancode.h"

#define MOST 8	/* bytes of a sequence */

/* The controller's translation of set 2, IBM PS/2 technical reference. */
static const uint8_t translation[128] = {
	0xff, 0x43, 0x41, 0x3f, 0x3d, 0x3b, 0x3c, 0x58,
	0x64, 0x44, 0x42, 0x40, 0x3e, 0x0f, 0x29, 0x59,
	0x65, 0x38, 0x2a, 0x70, 0x1d, 0x10, 0x02, 0x5a,
	0x66, 0x71, 0x2c, 0x1f, 0x1e, 0x11, 0x03, 0x5b,
	0x67, 0x2e, 0x2d, 0x20, 0x12, 0x05, 0x04, 0x5c,
	0x68, 0x39, 0x2f, 0x21, 0x14, 0x13, 0x06, 0x5d,
	0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5e,
	0x6a, 0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5f,
	0x6b, 0x33, 0x25, 0x17, 0x18, 0x0b, 0x0a, 0x60,
	0x6c, 0x34, 0x35, 0x26, 0x27, 0x19, 0x0c, 0x61,
	0x6d, 0x73, 0x28, 0x74, 0x1a, 0x0d, 0x62, 0x6e,
	0x3a, 0x36, 0x1c, 0x1b, 0x75, 0x2b, 0x63, 0x76,
	0x55, 0x56, 0x77, 0x78, 0x79, 0x7a, 0x0e, 0x7b,
	0x7c, 0x4f, 0x7d, 0x4b, 0x47, 0x7e, 0x7f, 0x6f,
	0x52, 0x53, 0x50, 0x4c, 0x4d, 0x48, 0x01, 0x45,
	0x57, 0x4e, 0x51, 0x4a, 0x37, 0x49, 0x46, 0x54,
};

static uint8_t translate(uint8_t byte)
{
	if (byte < 128)
		return translation[byte];
	return byte == 0x83 ? 0x41 : byte == 0x84 ? 0x54 : byte;
}

/* Through the controller: F0 becomes bit 7 of the next byte. */
static unsigned translate_all(const uint8_t *from, unsigned count, uint8_t *to)
{
	unsigned i, made = 0;
	uint8_t up = 0;

	for (i = 0; i < count; i++) {
		if (from[i] == 0xf0) {
			up = 0x80;
			continue;
		}
		to[made++] = translate(from[i]) | up;
		up = 0;
	}
	return made;
}

/* What the keyboard sends for a key, in set 2. */
static unsigned sequence(uint16_t scan, bool up, uint8_t *bytes)
{
	unsigned count = 0;

	if (scan >> 8)
		bytes[count++] = (uint8_t)(scan >> 8);
	if (up)
		bytes[count++] = 0xf0;
	bytes[count++] = (uint8_t)scan;
	return count;
}

static unsigned feed_all(struct scancode *s, const uint8_t *bytes, unsigned count,
			 struct scancode_event *events)
{
	unsigned i, got = 0;

	for (i = 0; i < count; i++)
		got += scancode_feed(s, bytes[i], events + got);
	return got;
}

/* Expect at most one event of these bytes, and nothing left over. */
static void expect(struct scancode *s, const uint8_t *bytes, unsigned count,
		   int kind, uint16_t code)
{
	struct scancode_event events[MOST * SCANCODE_EVENTS];
	unsigned got = feed_all(s, bytes, count, events);

	assert_false(scancode_partial(s));
	assert_int_equal(got, kind >= 0);
	if (got) {
		assert_int_equal(events[0].kind, kind);
		assert_int_equal(events[0].code, code);
	}
}

#define EXPECT(s, kind, code, ...) do {					\
	const uint8_t bytes_[] = { __VA_ARGS__ };			\
	expect(s, bytes_, sizeof(bytes_), kind, code);			\
} while (0)
#define NOTHING (-1)

static void assert_none_held(struct scancode *s)
{
	assert_int_equal(scancode_release(s), 0);
}

static bool is_lang(uint16_t scan)
{
	return scan == 0xf1 || scan == 0xf2;
}

static void table_is_translation(void **state)
{
	unsigned count, i, j;
	const struct scancode_key *keys = scancode_table(&count);

	(void)state;
	assert_true(count > 130);
	for (i = 0; i < count; i++) {
		assert_in_range(keys[i].code, 1, SCANCODE_KEYS - 1);
		assert_int_not_equal(keys[i].set2, 0);
		if (keys[i].set1) {
			assert_int_equal(keys[i].set1 >> 8, keys[i].set2 >> 8);
			assert_int_equal(keys[i].set1 & 0xff,
					 translate((uint8_t)keys[i].set2));
		}
		for (j = 0; j < i; j++) {
			assert_int_not_equal(keys[i].set2, keys[j].set2);
			if (keys[i].set1)
				assert_int_not_equal(keys[i].set1, keys[j].set1);
		}
	}
}

/* Each key of the table, in both sets: down, repeated, up, up once more. */
static void every_key(void **state)
{
	unsigned count, i, set, n;
	const struct scancode_key *keys = scancode_table(&count);
	uint8_t raw[MOST], bytes[MOST];
	struct scancode s;

	(void)state;
	for (i = 0; i < 2 * count; i++) {
		const struct scancode_key *key = &keys[i / 2];
		static const struct { bool up; int kind; } steps[] = {
			{ false, SCANCODE_DOWN }, { false, SCANCODE_REPEAT },
			{ true, SCANCODE_UP }, { true, NOTHING },
		};
		unsigned j;

		if (is_lang(key->set2))
			continue;
		set = 1 + i % 2;
		scancode_init(&s, set);
		for (j = 0; j < 4; j++) {
			n = sequence(key->set2, steps[j].up, raw);
			if (set == 1)
				n = translate_all(raw, n, bytes);
			else
				memcpy(bytes, raw, n);
			/* AA once more is a keyboard that was plugged in. */
			if (bytes[0] != 0xaa || j < 3)
				expect(&s, bytes, n, steps[j].kind, key->code);
			assert_int_equal(scancode_held(&s, key->code), j < 2);
		}
		assert_none_held(&s);
	}
}

static void a_few_by_hand(void **state)
{
	struct scancode s;

	(void)state;
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_A, 0x1c);
	EXPECT(&s, SCANCODE_DOWN, KEY_RIGHTCTRL, 0xe0, 0x14);
	assert_true(scancode_any_held(&s));
	EXPECT(&s, SCANCODE_UP, KEY_A, 0xf0, 0x1c);
	EXPECT(&s, SCANCODE_UP, KEY_RIGHTCTRL, 0xe0, 0xf0, 0x14);
	EXPECT(&s, SCANCODE_DOWN, KEY_F7, 0x83);
	EXPECT(&s, SCANCODE_UP, KEY_F7, 0xf0, 0x83);
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_DOWN, KEY_A, 0x1e);
	EXPECT(&s, SCANCODE_DOWN, KEY_RIGHTCTRL, 0xe0, 0x1d);
	EXPECT(&s, SCANCODE_UP, KEY_A, 0x9e);
	EXPECT(&s, SCANCODE_UP, KEY_RIGHTCTRL, 0xe0, 0x9d);
	assert_false(scancode_any_held(&s));
	assert_none_held(&s);
}

static void pause_and_print(void **state)
{
	struct scancode s;

	(void)state;
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_PAUSE, 0xe1, 0x14, 0x77);
	EXPECT(&s, SCANCODE_UP, KEY_PAUSE, 0xe1, 0xf0, 0x14, 0xf0, 0x77);
	EXPECT(&s, SCANCODE_DOWN, KEY_PAUSE, 0xe0, 0x7e);	/* with Ctrl */
	EXPECT(&s, SCANCODE_UP, KEY_PAUSE, 0xe0, 0xf0, 0x7e);
	EXPECT(&s, SCANCODE_DOWN, KEY_SYSRQ, 0xe0, 0x12, 0xe0, 0x7c);
	/* Alt went down meanwhile: it comes up as the other code. */
	EXPECT(&s, SCANCODE_UP, KEY_SYSRQ, 0xf0, 0x84);
	EXPECT(&s, NOTHING, 0, 0xe0, 0xf0, 0x7c, 0xe0, 0xf0, 0x12);
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_DOWN, KEY_PAUSE, 0xe1, 0x1d, 0x45);
	EXPECT(&s, SCANCODE_UP, KEY_PAUSE, 0xe1, 0x9d, 0xc5);
	EXPECT(&s, SCANCODE_DOWN, KEY_SYSRQ, 0xe0, 0x2a, 0xe0, 0x37);
	EXPECT(&s, SCANCODE_UP, KEY_SYSRQ, 0xe0, 0xb7, 0xe0, 0xaa);
	assert_none_held(&s);
}

static void keys_without_a_break(void **state)
{
	struct scancode_event events[SCANCODE_EVENTS];
	struct scancode s;
	unsigned set;

	(void)state;
	for (set = 1; set <= 2; set++) {
		scancode_init(&s, set);
		assert_int_equal(scancode_feed(&s, 0xf2, events), 2);
		assert_int_equal(events[0].kind, SCANCODE_DOWN);
		assert_int_equal(events[1].kind, SCANCODE_UP);
		assert_int_equal(events[0].code, KEY_HANGEUL);
		assert_int_equal(events[1].code, KEY_HANGEUL);
		assert_int_equal(scancode_feed(&s, 0xf1, events), 2);
		assert_int_equal(events[0].code, KEY_HANJA);
		assert_none_held(&s);
	}
	EXPECT(&s, NOTHING, 0, 0xf0, 0xf2);
}

static void fake_shifts_are_no_keys(void **state)
{
	struct scancode s;

	(void)state;
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_LEFTSHIFT, 0x12);
	EXPECT(&s, SCANCODE_DOWN, KEY_HOME, 0xe0, 0xf0, 0x12, 0xe0, 0x6c);
	EXPECT(&s, SCANCODE_UP, KEY_HOME, 0xe0, 0xf0, 0x6c, 0xe0, 0x12);
	EXPECT(&s, NOTHING, 0, 0xe0, 0x59, 0xe0, 0xf0, 0x59);
	assert_true(scancode_held(&s, KEY_LEFTSHIFT));
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_DOWN, KEY_LEFTSHIFT, 0x2a);
	EXPECT(&s, SCANCODE_DOWN, KEY_HOME, 0xe0, 0xaa, 0xe0, 0x47);
	EXPECT(&s, SCANCODE_UP, KEY_HOME, 0xe0, 0xc7, 0xe0, 0x2a);
	EXPECT(&s, NOTHING, 0, 0xe0, 0x36, 0xe0, 0xb6);
	EXPECT(&s, SCANCODE_UP, KEY_LEFTSHIFT, 0xaa);
	assert_none_held(&s);
}

/* In set 1 AA is a shift coming up, or a keyboard that was plugged in. */
static void restarts(void **state)
{
	struct scancode s;

	(void)state;
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_RESTART, 0, 0xaa);
	EXPECT(&s, SCANCODE_DOWN, KEY_LEFTSHIFT, 0x2a);
	assert_false(scancode_is_reply(&s, 0xaa));
	EXPECT(&s, SCANCODE_UP, KEY_LEFTSHIFT, 0xaa);
	assert_true(scancode_is_reply(&s, 0xaa));
	EXPECT(&s, SCANCODE_RESTART, 0, 0xaa);
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_LEFTSHIFT, 0x12);
	EXPECT(&s, SCANCODE_RESTART, 0, 0xaa);
	EXPECT(&s, SCANCODE_RESTART, 0, 0xe0, 0xf0, 0xaa);
}

static void replies_or_keys(void **state)
{
	static const uint8_t replies[] = { 0xfa, 0xfe, 0xaa, 0xfc, 0xfd, 0xee };
	struct scancode s;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(replies); i++) {
		scancode_init(&s, 2);
		assert_true(scancode_is_reply(&s, replies[i]));
		scancode_init(&s, 1);
		assert_true(scancode_is_reply(&s, replies[i]));
	}
	/* Keypad comma: FE is its coming up, if it is down. */
	EXPECT(&s, NOTHING, 0, 0xfe);
	EXPECT(&s, SCANCODE_DOWN, KEY_KPCOMMA, 0x7e);
	assert_false(scancode_is_reply(&s, 0xfe));
	assert_true(scancode_is_reply(&s, 0xfa));
	EXPECT(&s, SCANCODE_UP, KEY_KPCOMMA, 0xfe);
	assert_false(scancode_is_reply(&s, 0x1c));
}

static void overruns(void **state)
{
	static const uint8_t marks[] = { 0x00, 0xff };
	struct scancode s;
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++) {
		scancode_init(&s, 1 + i / 2);
		EXPECT(&s, SCANCODE_DOWN, i / 2 ? KEY_A : KEY_ENTER, 0x1c);
		EXPECT(&s, SCANCODE_OVERRUN, 0, marks[i % 2]);
		EXPECT(&s, SCANCODE_OVERRUN, 0, 0xe0, marks[i % 2]);
		assert_int_equal(scancode_release(&s), i / 2 ? KEY_A : KEY_ENTER);
		assert_none_held(&s);
		EXPECT(&s, SCANCODE_DOWN, i / 2 ? KEY_A : KEY_ENTER, 0x1c);
	}
}

static void unknown_codes(void **state)
{
	struct scancode s;

	(void)state;
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_UNKNOWN, 0x02, 0x02);
	EXPECT(&s, NOTHING, 0, 0xf0, 0x02);
	EXPECT(&s, SCANCODE_UNKNOWN, 0xe001, 0xe0, 0x01);
	EXPECT(&s, NOTHING, 0, 0xe0, 0xf0, 0x01);
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_UNKNOWN, 0x6f, 0x6f);
	EXPECT(&s, NOTHING, 0, 0xef);
}

/*
 * Whatever part of a sequence is lost, and wherever: after the time-out, or with
 * the next sequence, the decoder is back.
 */
static void every_lost_tail(void **state)
{
	static const uint8_t pause[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };
	struct scancode_event events[MOST * SCANCODE_EVENTS];
	unsigned count, i, n, cut;
	const struct scancode_key *keys = scancode_table(&count);
	uint8_t bytes[MOST];
	struct scancode s;

	(void)state;
	for (i = 0; i <= count; i++) {
		n = i < count ? sequence(keys[i].set2, true, bytes) : sizeof(pause);
		for (cut = 0; cut < n; cut++) {
			scancode_init(&s, 2);
			feed_all(&s, i < count ? bytes : pause, cut, events);
			scancode_expire(&s);
			assert_false(scancode_partial(&s));
			EXPECT(&s, SCANCODE_DOWN, KEY_A, 0x1c);
			EXPECT(&s, SCANCODE_UP, KEY_A, 0xf0, 0x1c);
		}
	}
	scancode_init(&s, 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_A, 0xe1, 0x14, 0x1c);
	EXPECT(&s, SCANCODE_UP, KEY_A, 0xe1, 0x14, 0xf0, 0x1c);
	EXPECT(&s, SCANCODE_DOWN, KEY_UP, 0xe1, 0xe0, 0x75);
	EXPECT(&s, SCANCODE_DOWN, KEY_A, 0xe1, 0x1c);
	assert_int_equal(feed_all(&s, (const uint8_t[]) { 0xe1, 0xf1 }, 2, events), 2);
	EXPECT(&s, SCANCODE_DOWN, KEY_LEFT, 0xe0, 0xe0, 0x6b);
	EXPECT(&s, SCANCODE_DOWN, KEY_DOWN, 0xf0, 0xe0, 0x72);
	scancode_init(&s, 1);
	EXPECT(&s, SCANCODE_DOWN, KEY_A, 0xe1, 0x1d, 0x1e);
	EXPECT(&s, SCANCODE_UP, KEY_A, 0xe1, 0x9d, 0x9e);
}

/* Down before up, up before down again, for each key, on any bytes. */
static void garbage(void **state)
{
	struct scancode_event events[SCANCODE_EVENTS];
	bool down[SCANCODE_KEYS] = { false };
	uint32_t random = 1;
	struct scancode s;
	unsigned set, i, j, n;
	uint16_t code;

	(void)state;
	for (set = 1; set <= 2; set++) {
		scancode_init(&s, set);
		for (i = 0; i < 300000; i++) {
			random = random * 1664525 + 1013904223;
			n = scancode_feed(&s, (uint8_t)(random >> 24), events);
			assert_in_range(n, 0, SCANCODE_EVENTS);
			for (j = 0; j < n; j++) {
				code = events[j].code;
				if (events[j].kind > SCANCODE_REPEAT)
					continue;
				assert_int_equal(down[code], events[j].kind != SCANCODE_DOWN);
				down[code] = events[j].kind != SCANCODE_UP;
			}
		}
		while ((code = scancode_release(&s))) {
			assert_true(down[code]);
			down[code] = false;
		}
		for (i = 0; i < SCANCODE_KEYS; i++)
			assert_false(down[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_is_translation),
		cmocka_unit_test(every_key),
		cmocka_unit_test(a_few_by_hand),
		cmocka_unit_test(pause_and_print),
		cmocka_unit_test(keys_without_a_break),
		cmocka_unit_test(fake_shifts_are_no_keys),
		cmocka_unit_test(restarts),
		cmocka_unit_test(replies_or_keys),
		cmocka_unit_test(overruns),
		cmocka_unit_test(unknown_codes),
		cmocka_unit_test(every_lost_tail),
		cmocka_unit_test(garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
