// SPDX-License-Identifier: MIT
/* See mouse.h.  The bits are those of the IBM PS/2 technical reference. */
#include "mouse.h"

#define BUTTONS		0x07	/* byte 0 */
#define ALWAYS		0x08
#define X_NEGATIVE	0x10
#define Y_NEGATIVE	0x20
#define NO_BUTTONS	0xc0	/* byte 3, of a mouse with five */
#define PASSED		0xaa

void mouse_init(struct mouse *m, enum mouse_type type)
{
	*m = (struct mouse) { .type = type };
}

/* Nine bits: the ninth is in byte 0.  More than that is counted as the most. */
static int distance(uint8_t low, bool negative)
{
	return negative ? low - 256 : low;
}

/* Byte 3: eight bits, of which a mouse with five buttons uses four for them. */
static int wheel(const struct mouse *m)
{
	int z = m->packet[3];

	if (m->type == MOUSE_FIVE) {
		z &= 0x0f;
		return z & 0x08 ? 16 - z : -z;
	}
	return z & 0x80 ? 256 - z : -z;
}

/* Buttons four and five are there if the bits above them are 0. */
static uint8_t buttons(const struct mouse *m)
{
	uint8_t three = m->packet[0] & BUTTONS;

	if (m->type != MOUSE_FIVE)
		return three;
	if (m->packet[3] & NO_BUTTONS)
		return three | (m->buttons & (MOUSE_SIDE | MOUSE_EXTRA));
	return (uint8_t)(three | (m->packet[3] >> 4 & 3) << 3);
}

static void decode(struct mouse *m, struct mouse_report *report)
{
	const uint8_t *p = m->packet;
	uint8_t down = buttons(m);

	*report = (struct mouse_report) {
		.dx = distance(p[1], p[0] & X_NEGATIVE),
		.dy = -distance(p[2], p[0] & Y_NEGATIVE),
		.wheel = m->type == MOUSE_PLAIN ? 0 : wheel(m),
		.pressed = down & ~m->buttons,
		.released = m->buttons & ~down,
	};
	m->buttons = down;
	m->have = 0;
}

enum mouse_result mouse_feed(struct mouse *m, uint8_t byte,
			     struct mouse_report *report)
{
	if (!m->have && !(byte & ALWAYS))
		return MOUSE_DISCARDED;
	m->packet[m->have++] = byte;
	if (m->have < (m->type == MOUSE_PLAIN ? 3 : 4))
		return MOUSE_MORE;
	decode(m, report);
	return MOUSE_REPORT;
}

bool mouse_expire(struct mouse *m)
{
	bool restarted = m->have == 2 && m->packet[0] == PASSED && !m->packet[1];

	m->have = 0;
	return restarted;
}

uint8_t mouse_release(struct mouse *m)
{
	uint8_t buttons = m->buttons;

	m->buttons = 0;
	return buttons;
}
