/* SPDX-License-Identifier: MIT */
/*
 * What a PS/2 mouse says, decoded: bytes in, motion and buttons out.  No
 * hardware here.
 *
 * A report is three bytes, or four from a mouse with a wheel that was told to
 * (IntelliMouse).  Nothing marks its first byte but bit 3, which is 1 there and
 * may be 1 in the others too.
 */
#ifndef KBD_MOUSE_H
#define KBD_MOUSE_H

#include <stdbool.h>
#include <stdint.h>

/* What a mouse answers to "read device type". */
enum mouse_type {
	MOUSE_PLAIN = 0,	/* two or three buttons */
	MOUSE_WHEEL = 3,	/* IntelliMouse */
	MOUSE_FIVE = 4,		/* IntelliMouse Explorer: wheel, five buttons */
};

/* Buttons, a bit each */
#define MOUSE_LEFT	0x01
#define MOUSE_RIGHT	0x02
#define MOUSE_MIDDLE	0x04
#define MOUSE_SIDE	0x08
#define MOUSE_EXTRA	0x10
#define MOUSE_BUTTONS	5

struct mouse {
	enum mouse_type type;
	uint8_t packet[4];
	uint8_t have;		/* bytes of it */
	uint8_t buttons;	/* that are down */
};

/**
 * struct mouse_report - what happened since the last one
 * @dx: counts to the right
 * @dy: counts towards the user, as the kernel has it; mice count the other way
 * @wheel: clicks away from the user
 * @pressed: buttons that went down
 * @released: buttons that came up
 */
struct mouse_report {
	int dx, dy, wheel;
	uint8_t pressed;
	uint8_t released;
};

enum mouse_result {
	MOUSE_MORE,		/* a report is not complete yet */
	MOUSE_REPORT,		/* one is */
	MOUSE_DISCARDED,	/* the byte cannot begin a report: some were lost */
};

/* Start, or start again: no button is down. */
void mouse_init(struct mouse *m, enum mouse_type type);

/* One byte from the mouse; report is filled in with MOUSE_REPORT. */
enum mouse_result mouse_feed(struct mouse *m, uint8_t byte,
			     struct mouse_report *report);

/* Has a report begun and not ended? */
static inline bool mouse_partial(const struct mouse *m)
{
	return m->have != 0;
}

/**
 * mouse_expire() - nothing followed for long: forget the begun report
 * @m: of mouse_init()
 *
 * Return: true if the bytes were AA 00: the mouse has been reset or plugged in,
 * and says nothing more until it is told to.
 */
bool mouse_expire(struct mouse *m);

/* Let go of all buttons.  Return: which were down. */
uint8_t mouse_release(struct mouse *m);

#endif
