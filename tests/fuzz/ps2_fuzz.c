// SPDX-License-Identifier: MIT
/*
 * Arbitrary bytes and time-outs through the decoders of keyboard and mouse.
 *
 * Whatever came before: a key goes down, repeats, comes up, in this order; the
 * state stays within what the format can have begun; and when the line has been
 * quiet, each key that is down comes up by its own sequence.
 */
#include <stdlib.h>
#include <string.h>
#include "ps2/mouse.h"
#include "ps2/scancode.h"

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)
#define EXPIRE 0xef		/* in the input: a pause.  No key has it */

static uint8_t down[SCANCODE_KEYS / 8];	/* as struct scancode has it */

static bool is_down(uint16_t code)
{
	return down[code / 8] & 1u << code % 8;
}

static void take(const struct scancode_event *events, unsigned count)
{
	unsigned i;

	CHECK(count <= SCANCODE_EVENTS);
	for (i = 0; i < count; i++) {
		uint16_t code = events[i].code;

		if (events[i].kind > SCANCODE_REPEAT)
			continue;
		CHECK(code && code < SCANCODE_KEYS);
		CHECK(is_down(code) == (events[i].kind != SCANCODE_DOWN));
		if (events[i].kind != SCANCODE_REPEAT)
			down[code / 8] ^= (uint8_t)(1u << code % 8);
	}
}

static void check_state(const struct scancode *s)
{
	CHECK(!s->prefix || s->prefix == 0xe0 || s->prefix == 0xe1);
	CHECK(!s->middle || s->prefix == 0xe1);
	CHECK(s->set == 2 || !s->up);
	CHECK(!memcmp(s->held, down, sizeof(down)));
}

static void feed(struct scancode *s, uint8_t byte)
{
	struct scancode_event events[SCANCODE_EVENTS];

	take(events, scancode_feed(s, byte, events));
}

static void let_go(struct scancode *s, const struct scancode_key *key)
{
	uint16_t scan = s->set == 1 ? key->set1 : key->set2;

	if (scan >> 8)
		feed(s, (uint8_t)(scan >> 8));
	if (s->set == 2)
		feed(s, 0xf0);
	feed(s, (uint8_t)(scan | (s->set == 1 ? 0x80 : 0)));
}

/* Pause is in the table by another of its codes. */
static void all_come_up(struct scancode *s)
{
	unsigned i, count;
	const struct scancode_key *keys = scancode_table(&count);

	scancode_expire(s);
	CHECK(!scancode_partial(s));
	for (i = 0; i < count; i++)
		if (is_down(keys[i].code) && (s->set == 2 || keys[i].set1))
			let_go(s, &keys[i]);
	for (i = 0; i < sizeof(down); i++)
		CHECK(!down[i]);
	check_state(s);
	CHECK(!scancode_release(s));
}

static void keyboard(unsigned set, const uint8_t *data, size_t size)
{
	struct scancode s;
	size_t i;

	memset(down, 0, sizeof(down));
	scancode_init(&s, set);
	for (i = 0; i < size; i++) {
		if (data[i] == EXPIRE)
			scancode_expire(&s);
		else
			feed(&s, data[i]);
		check_state(&s);
	}
	all_come_up(&s);
}

static void mouse(enum mouse_type type, const uint8_t *data, size_t size)
{
	struct mouse_report r;
	uint8_t buttons = 0;
	struct mouse m;
	size_t i;

	mouse_init(&m, type);
	for (i = 0; i < size; i++) {
		if (data[i] == EXPIRE)
			mouse_expire(&m);
		else if (mouse_feed(&m, data[i], &r) == MOUSE_REPORT) {
			CHECK(!(r.pressed & (buttons | r.released)));
			CHECK(!(r.released & ~buttons));
			CHECK(abs(r.dx) <= 256 && abs(r.dy) <= 256);
			CHECK(abs(r.wheel) <= 128);
			buttons = (uint8_t)((buttons | r.pressed) & ~r.released);
		}
		CHECK(m.have < (type == MOUSE_PLAIN ? 3 : 4));
		CHECK(m.buttons == buttons && buttons < 1u << MOUSE_BUTTONS);
	}
	CHECK(mouse_release(&m) == buttons);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	keyboard(1, data, size);
	keyboard(2, data, size);
	mouse(MOUSE_PLAIN, data, size);
	mouse(MOUSE_WHEEL, data, size);
	mouse(MOUSE_FIVE, data, size);
	return 0;
}
