// SPDX-License-Identifier: MIT
/*
 * The mouse.  Commands: IBM PS/2 technical reference, "auxiliary device"; the
 * wheel: Microsoft, "IntelliMouse" (a mouse that has one changes its type after
 * three sample rates in this order).
 */
#include <errno.h>
#include "keyboard.h"

#define SET_RESOLUTION	0xe8
#define  EIGHT_PER_MM	3
#define SET_SCALING_1	0xe6
#define READ_TYPE	0xf2
#define SET_RATE	0xf3
#define  RATE		100	/* reports a second */
#define ENABLE		0xf4
#define SET_DEFAULT	0xf6	/* and say nothing until enabled */
#define RESET		0xff

#define RESET_MS	3000
#define TYPE_MS		200

/* ---------------------------------------------------- as the port's owner */

void pointer_release(struct pointer *p)
{
	struct mouse_report report = { .released = mouse_release(&p->decoder) };

	if (report.released)
		sink_report(p->sink, &report);
}

static void take_byte(void *data, uint8_t byte)
{
	struct mouse_report report;
	struct pointer *p = data;

	/* Plugged in where there was none: AA 00, and nothing before it. */
	if (!p->present) {
		p->restarted |= byte == PS2_PASSED;
		return;
	}
	if (mouse_feed(&p->decoder, byte, &report) == MOUSE_REPORT)
		sink_report(p->sink, &report);
}

/* Where the next report begins is not known: a pause will tell, or bit 3. */
static void take_damaged(void *data)
{
	struct pointer *p = data;

	mouse_expire(&p->decoder);
}

void pointer_init(struct pointer *p, struct ps2_port *port, struct sink *sink)
{
	*p = (struct pointer) { .port = port, .sink = sink };
	port->owner = (struct ps2_owner) {
		.byte = take_byte, .lost = take_damaged, .data = p,
	};
}

/* ------------------------------------------------------------------ set up */

static int reset(struct pointer *p)
{
	const uint8_t command[] = { RESET };
	uint8_t result[2];
	int tries, error = 0;

	/* Motion from before may look like the answer. */
	for (tries = 0; tries < 2; tries++) {
		error = ps2_command(p->port, command, 1, result, 2, RESET_MS);
		if (error || (result[0] == PS2_PASSED && !result[1]))
			return error;
	}
	return EIO;
}

static int read_type(struct pointer *p, uint8_t *type)
{
	const uint8_t command[] = { READ_TYPE };

	return ps2_command(p->port, command, 1, type, 1, TYPE_MS);
}

/* Ask by three sample rates, then see what it has become. */
static int knock(struct pointer *p, uint8_t second, uint8_t third, uint8_t *type)
{
	int error = ps2_set(p->port, SET_RATE, 200);

	if (!error)
		error = ps2_set(p->port, SET_RATE, second);
	if (!error)
		error = ps2_set(p->port, SET_RATE, third);
	if (!error)
		error = read_type(p, type);
	return error;
}

static int set_up(struct pointer *p)
{
	uint8_t type = MOUSE_PLAIN;
	int error = knock(p, 100, 80, &type);

	if (!error && type == MOUSE_WHEEL)
		error = knock(p, 200, 80, &type);
	if (ps2_fatal(error))
		return error;
	if (type != MOUSE_WHEEL && type != MOUSE_FIVE)
		type = MOUSE_PLAIN;
	mouse_init(&p->decoder, (enum mouse_type)type);
	error = ps2_set(p->port, SET_RESOLUTION, EIGHT_PER_MM);
	if (!ps2_fatal(error))
		error = ps2_simple(p->port, SET_SCALING_1);
	if (!ps2_fatal(error))
		error = ps2_set(p->port, SET_RATE, RATE);
	if (ps2_fatal(error))
		return error;
	/* The first report may be read together with the answer. */
	p->present = true;
	return ps2_simple(p->port, ENABLE);
}

const char *pointer_start(struct pointer *p)
{
	bool was_present = p->present;
	int error;

	pointer_release(p);
	p->present = false;
	p->restarted = false;
	error = reset(p);
	if (!error)
		error = set_up(p);
	if (ps2_fatal(error))
		return usr_error();
	if (error) {
		p->present = false;
		tell(was_present ? "the mouse does not answer any more" :
		     "no mouse answers; it is used when it comes");
		return NULL;
	}
	return sink_add_mouse(p->sink, p->decoder.type);
}

const char *pointer_tend(struct pointer *p)
{
	if (mouse_partial(&p->decoder) &&
	    ps2_now_ms() - p->port->last_ms >= PS2_LOST_MS)
		p->restarted |= mouse_expire(&p->decoder);
	if (!p->restarted)
		return NULL;
	tell("a mouse was plugged in, or reset itself");
	return pointer_start(p);
}

void pointer_stop(struct pointer *p)
{
	bool present = p->present;

	p->present = false;
	pointer_release(p);
	if (present)
		ps2_simple(p->port, SET_DEFAULT);
}
