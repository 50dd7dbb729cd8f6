// SPDX-License-Identifier: MIT
/* See keyboard.h.  Commands: IBM PS/2 technical reference, "keyboard". */
#include <errno.h>
#include <string.h>
#include "keyboard.h"

#define SET_LEDS	0xed
#define SELECT_SET	0xf0
#define READ_ID		0xf2
#define SET_TYPEMATIC	0xf3
#define ENABLE		0xf4
#define SET_DEFAULT	0xf6
#define RESET		0xff

#define RESET_MS	3000	/* the test takes 500 to 750 */
#define ID_MS		200
#define SILENT_MS	2000	/* with a key down */

/* ---------------------------------------------------- as the port's owner */

void keyboard_release(struct keyboard *k)
{
	uint16_t code;

	while ((code = scancode_release(&k->decoder)))
		sink_key(k->sink, code, SINK_UP);
}

/* Which keys came up meanwhile is not known; one that is held repeats. */
static void lost_count(struct keyboard *k)
{
	tell("the keyboard lost keys; all are taken for up");
	keyboard_release(k);
}

static void take_event(struct keyboard *k, const struct scancode_event *event)
{
	switch (event->kind) {
	case SCANCODE_DOWN:
		sink_key(k->sink, event->code, SINK_DOWN);
		break;
	case SCANCODE_UP:
		sink_key(k->sink, event->code, SINK_UP);
		break;
	case SCANCODE_REPEAT:
		sink_key(k->sink, event->code, SINK_REPEAT);
		break;
	case SCANCODE_OVERRUN:
		lost_count(k);
		break;
	case SCANCODE_RESTART:
		k->restarted = true;
		break;
	case SCANCODE_UNKNOWN:
		tell("the keyboard has a key that is not known, scan code %#x",
		     event->code);
		break;
	}
}

static void take_byte(void *data, uint8_t byte)
{
	struct scancode_event events[SCANCODE_EVENTS];
	struct keyboard *k = data;
	unsigned i, count;

	/* Nothing from before the reset, and nothing of who is not set up. */
	if (!k->present && byte != PS2_PASSED)
		return;
	count = scancode_feed(&k->decoder, byte, events);
	for (i = 0; i < count; i++)
		take_event(k, &events[i]);
}

static void take_damaged(void *data)
{
	struct keyboard *k = data;

	scancode_expire(&k->decoder);
	lost_count(k);
}

static bool take_for_reply(const void *data, uint8_t byte)
{
	const struct keyboard *k = data;

	return scancode_is_reply(&k->decoder, byte);
}

void keyboard_init(struct keyboard *k, struct ps2_port *port, struct sink *sink,
		   unsigned set, uint8_t typematic)
{
	*k = (struct keyboard) {
		.port = port, .sink = sink, .typematic = typematic,
	};
	scancode_init(&k->decoder, set);
	port->owner = (struct ps2_owner) {
		.byte = take_byte, .lost = take_damaged,
		.is_reply = take_for_reply, .data = k,
	};
}

/* ------------------------------------------------------------------ set up */

static int set_leds(struct keyboard *k)
{
	uint8_t wanted = k->leds_wanted;
	int error = ps2_set(k->port, SET_LEDS, wanted);

	/* One that refuses is not asked again until something changes. */
	k->leds = wanted;
	return error;
}

/* A reset that is answered is what makes a keyboard one. */
static int reset(struct keyboard *k)
{
	const uint8_t command[] = { RESET };
	uint8_t result;
	int error = ps2_command(k->port, command, 1, &result, 1, RESET_MS);

	if (!error && result != PS2_PASSED) {
		tell("the keyboard failed its own test (%#04x); it is used all the same",
		     result);
	}
	return error;
}

static int set_up(struct keyboard *k)
{
	const uint8_t read_id[] = { READ_ID };
	uint8_t id[2] = { 0 };
	int error;

	error = ps2_command(k->port, read_id, 1, id, 2, ID_MS);
	if (ps2_fatal(error))
		return error;
	k->id = (uint16_t)(id[0] << 8 | id[1]);
	/* For set 1 too: that is what the controller makes of it. */
	error = ps2_set(k->port, SELECT_SET, 2);
	if (!ps2_fatal(error))
		error = ps2_set(k->port, SET_TYPEMATIC, k->typematic);
	if (!ps2_fatal(error))
		error = set_leds(k);
	if (!ps2_fatal(error))
		error = ps2_simple(k->port, ENABLE);
	return error;
}

const char *keyboard_start(struct keyboard *k)
{
	bool was_present = k->present;
	int error;

	keyboard_release(k);
	scancode_expire(&k->decoder);
	k->present = false;
	k->restarted = false;
	error = reset(k);
	/* It scans from now on: what comes is typed. */
	k->present = !error;
	if (!error)
		error = set_up(k);
	if (ps2_fatal(error))
		return usr_error();
	if (error) {
		k->present = false;
		keyboard_release(k);
		tell(was_present ? "the keyboard does not answer any more" :
		     "no keyboard answers; it is used when it comes");
		return NULL;
	}
	return sink_add_keyboard(k->sink, k->id);
}

/*
 * A key that is down when the keyboard is unplugged stays down, and the kernel
 * goes on repeating it: so ask whether the keyboard is still there.
 */
static bool suspicious(const struct keyboard *k)
{
	return scancode_any_held(&k->decoder) &&
	       ps2_now_ms() - k->port->last_ms >= SILENT_MS;
}

const char *keyboard_tend(struct keyboard *k)
{
	int error;

	if (k->restarted) {
		tell("a keyboard was plugged in, or reset itself");
		return keyboard_start(k);
	}
	if (scancode_partial(&k->decoder) &&
	    ps2_now_ms() - k->port->last_ms >= PS2_LOST_MS)
		scancode_expire(&k->decoder);
	sink_leds(k->sink, &k->leds_wanted);
	if (!k->present || (k->leds == k->leds_wanted && !suspicious(k)))
		return NULL;
	error = set_leds(k);
	if (ps2_fatal(error))
		return usr_error();
	return error == ETIMEDOUT ? keyboard_start(k) : NULL;
}

void keyboard_stop(struct keyboard *k)
{
	bool present = k->present;

	/* From now on nothing goes down any more. */
	k->present = false;
	keyboard_release(k);
	if (!present)
		return;
	k->leds_wanted = 0;
	if (k->leds)
		set_leds(k);
	ps2_simple(k->port, SET_DEFAULT);
}
