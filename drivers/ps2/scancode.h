/* SPDX-License-Identifier: MIT */
/*
 * What a PS/2 keyboard says, decoded: bytes in, keys out.  No hardware here.
 *
 * Scan code set 2 is what the keyboard sends: a code, after F0 when the key
 * comes up, after E0 for the keys the first PC did not have.  Set 1 is what the
 * controller's translation makes of that: a code, with bit 7 when the key comes
 * up.  Pause is E1 and two codes, in both.
 */
#ifndef KBD_SCANCODE_H
#define KBD_SCANCODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a keyboard says that is no key (IBM PS/2 technical reference). */
#define KBD_ACK		0xfa
#define KBD_RESEND	0xfe
#define KBD_PASSED	0xaa	/* basic assurance test, after power-on or reset */
#define KBD_FAILED	0xfc

/* Key codes are those of linux/input-event-codes.h, and below this. */
#define SCANCODE_KEYS	768

/**
 * struct scancode_key - one key and how it is sent
 * @code: KEY_...
 * @set1: its code, 0xe0xx behind E0; 0 = the set has none of its own
 * @set2: likewise
 */
struct scancode_key {
	uint16_t code;
	uint16_t set1;
	uint16_t set2;
};

enum scancode_kind {
	SCANCODE_DOWN,
	SCANCODE_UP,
	SCANCODE_REPEAT,	/* the keyboard's own, of a key that is down */
	SCANCODE_OVERRUN,	/* the keyboard lost something: see scancode_release() */
	SCANCODE_RESTART,	/* it has been reset, or plugged in */
	SCANCODE_UNKNOWN,	/* code is the scan code, 0xe0xx behind E0 */
};

struct scancode_event {
	enum scancode_kind kind;
	uint16_t code;		/* KEY_..., 0 if the event is not about a key */
};

#define SCANCODE_EVENTS	2	/* of one byte, at most */

struct scancode {
	uint8_t set;		/* 1 or 2 */
	uint8_t prefix;		/* 0, E0 or E1 */
	uint8_t middle;		/* the code between E1 and the last one, or 0 */
	bool middle_up;
	bool up;		/* set 2: F0 came */
	uint8_t held[SCANCODE_KEYS / 8];
};

/* Start, or start again: no key is down.  set is 1 or 2. */
void scancode_init(struct scancode *s, unsigned set);

/**
 * scancode_feed() - one byte from the keyboard
 * @s: of scancode_init()
 * @byte: as it came
 * @events: SCANCODE_EVENTS of them, filled in
 *
 * A key goes down, repeats, and comes up, in this order whatever the bytes are.
 *
 * Return: the number of events, often 0.
 */
unsigned scancode_feed(struct scancode *s, uint8_t byte,
		       struct scancode_event *events);

/* Has a sequence begun and not ended? */
bool scancode_partial(const struct scancode *s);

/* Nothing followed for long, so a byte was lost: forget the begun sequence. */
void scancode_expire(struct scancode *s);

/**
 * scancode_is_reply() - can this byte be an answer to a command?
 * @s: of scancode_init()
 * @byte: KBD_ACK or another of them
 *
 * In set 1 the answers are also the upper halves of keys: then they are taken
 * for the key if that is down.
 *
 * Return: false if it belongs to a key.
 */
bool scancode_is_reply(const struct scancode *s, uint8_t byte);

/* Is the key down? */
bool scancode_held(const struct scancode *s, uint16_t code);

bool scancode_any_held(const struct scancode *s);

/* Let go of one key that is down.  Return: its code, 0 = none is down. */
uint16_t scancode_release(struct scancode *s);

/* All keys; two ways of sending one key are two of them.  @count: set. */
const struct scancode_key *scancode_table(unsigned *count);

#endif
