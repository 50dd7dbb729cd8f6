/* SPDX-License-Identifier: MIT */
/* Where keys and motion go: lines of text, or input devices of the kernel's. */
#ifndef KBD_SINK_H
#define KBD_SINK_H

#include <stdbool.h>
#include <stdint.h>
#include "mouse.h"

#define SINK_DOWN	1
#define SINK_UP		0
#define SINK_REPEAT	2	/* the kernel repeats by itself: printed only */

struct sink {
	struct usr_input *keyboard, *mouse;	/* NULL: print */
	bool printing;
	unsigned delay_ms, period_ms;		/* of repetition */
	int keyboard_file, mouse_file;		/* /dev/uinput, open; 0 = open it */
	bool told;				/* poll() says sink_fd() has something */
	char problem[256];			/* the first one, "" = none */
};

void sink_start(struct sink *sink, bool printing, unsigned delay_ms,
		unsigned period_ms);
void sink_stop(struct sink *sink);

/*
 * Make the devices; the second time there is nothing to do.  Return: NULL, or
 * why not, a sentence.
 */
const char *sink_add_keyboard(struct sink *sink, uint16_t id);
const char *sink_add_mouse(struct sink *sink, enum mouse_type type);

void sink_key(struct sink *sink, uint16_t code, int value);
void sink_report(struct sink *sink, const struct mouse_report *report);

/**
 * sink_leds() - what the kernel wants the LEDs to be
 * @sink: of sink_start()
 * @leds: bits as the keyboard has them; changed
 */
void sink_leds(struct sink *sink, uint8_t *leds);

/* What to wait on for sink_leds(), or -1. */
int sink_fd(const struct sink *sink);

#endif
