/* SPDX-License-Identifier: MIT */
/* The keyboard and the mouse on a controller's ports. */
#ifndef KBD_KEYBOARD_H
#define KBD_KEYBOARD_H

#include "mouse.h"
#include "ps2.h"
#include "scancode.h"
#include "sink.h"

/* keyboard.c */

struct keyboard {
	struct ps2_port *port;
	struct sink *sink;
	struct scancode decoder;
	bool present;			/* it answers */
	bool restarted;			/* it was plugged in, or reset itself */
	uint16_t id;
	uint8_t typematic;		/* as the command has it */
	uint8_t leds;			/* as they are */
	uint8_t leds_wanted;
};

/* Become the owner of its port.  set is 1 or 2; typematic_byte() of it. */
void keyboard_init(struct keyboard *k, struct ps2_port *port, struct sink *sink,
		   unsigned set, uint8_t typematic);

/**
 * keyboard_start() - reset the keyboard and set it up
 * @k: of keyboard_init()
 *
 * Without a keyboard that is no error: it is started when it comes.
 *
 * Return: NULL, or what failed for good, a sentence.
 */
const char *keyboard_start(struct keyboard *k);

/* Between two ps2_service(): time-outs, a keyboard that came back, LEDs. */
const char *keyboard_tend(struct keyboard *k);

/* Let go of all keys. */
void keyboard_release(struct keyboard *k);

/* As after power-on, if it is there. */
void keyboard_stop(struct keyboard *k);

/**
 * typematic_byte() - the parameter of "set typematic rate/delay"
 * @delay_ms: until the first repetition
 * @period_ms: from one to the next
 *
 * Return: the nearest there is: 250 to 1000 ms, and 33 to 500 ms.
 */
uint8_t typematic_byte(unsigned delay_ms, unsigned period_ms);

/* pointer.c: the same for the mouse */

struct pointer {
	struct ps2_port *port;
	struct sink *sink;
	struct mouse decoder;
	bool present;
	bool restarted;
};

void pointer_init(struct pointer *p, struct ps2_port *port, struct sink *sink);
const char *pointer_start(struct pointer *p);
const char *pointer_tend(struct pointer *p);
void pointer_release(struct pointer *p);
void pointer_stop(struct pointer *p);

/* main.c: for people, on standard error */
__attribute__((format(printf, 1, 2)))
void tell(const char *format, ...);

#endif
