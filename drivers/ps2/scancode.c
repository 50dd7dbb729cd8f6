// SPDX-License-Identifier: MIT
/* See scancode.h. */
#include <linux/input-event-codes.h>
#include <string.h>
#include "scancode.h"

#define PREFIX_E0	0xe0
#define PREFIX_E1	0xe1
#define RELEASED	0xf0	/* set 2 */
#define BIT_UP		0x80	/* set 1 */
/* Too many keys at once, or the keyboard's own 16 bytes are full. */
#define OVERRUN_SET_2	0x00
#define OVERRUN_SET_1	0xff
/* Hanja and Hangeul: nothing tells when they come up, and bit 7 is no break. */
#define LANG_2		0xf1
#define LANG_1		0xf2
#define ECHO		0xee
#define FAILED_TOO	0xfd

/*
 * From Microsoft's "Keyboard Scan Code Specification" 1.3a, appendices A and C;
 * F13 to F15 also as terminal keyboards have them.  It gives F24 and
 * Zenkaku/Hankaku the same code, and the latter key exists.  7F is what 84 is
 * on keyboards that send set 2 as the first AT did.
 */
static const struct scancode_key keys[] = {
	{ KEY_ESC, 0x01, 0x76 }, { KEY_1, 0x02, 0x16 }, { KEY_2, 0x03, 0x1e },
	{ KEY_3, 0x04, 0x26 }, { KEY_4, 0x05, 0x25 }, { KEY_5, 0x06, 0x2e },
	{ KEY_6, 0x07, 0x36 }, { KEY_7, 0x08, 0x3d }, { KEY_8, 0x09, 0x3e },
	{ KEY_9, 0x0a, 0x46 }, { KEY_0, 0x0b, 0x45 },
	{ KEY_MINUS, 0x0c, 0x4e }, { KEY_EQUAL, 0x0d, 0x55 },
	{ KEY_BACKSPACE, 0x0e, 0x66 }, { KEY_TAB, 0x0f, 0x0d },
	{ KEY_Q, 0x10, 0x15 }, { KEY_W, 0x11, 0x1d }, { KEY_E, 0x12, 0x24 },
	{ KEY_R, 0x13, 0x2d }, { KEY_T, 0x14, 0x2c }, { KEY_Y, 0x15, 0x35 },
	{ KEY_U, 0x16, 0x3c }, { KEY_I, 0x17, 0x43 }, { KEY_O, 0x18, 0x44 },
	{ KEY_P, 0x19, 0x4d }, { KEY_LEFTBRACE, 0x1a, 0x54 },
	{ KEY_RIGHTBRACE, 0x1b, 0x5b }, { KEY_ENTER, 0x1c, 0x5a },
	{ KEY_LEFTCTRL, 0x1d, 0x14 }, { KEY_A, 0x1e, 0x1c },
	{ KEY_S, 0x1f, 0x1b }, { KEY_D, 0x20, 0x23 }, { KEY_F, 0x21, 0x2b },
	{ KEY_G, 0x22, 0x34 }, { KEY_H, 0x23, 0x33 }, { KEY_J, 0x24, 0x3b },
	{ KEY_K, 0x25, 0x42 }, { KEY_L, 0x26, 0x4b },
	{ KEY_SEMICOLON, 0x27, 0x4c }, { KEY_APOSTROPHE, 0x28, 0x52 },
	{ KEY_GRAVE, 0x29, 0x0e }, { KEY_LEFTSHIFT, 0x2a, 0x12 },
	{ KEY_BACKSLASH, 0x2b, 0x5d }, { KEY_Z, 0x2c, 0x1a },
	{ KEY_X, 0x2d, 0x22 }, { KEY_C, 0x2e, 0x21 }, { KEY_V, 0x2f, 0x2a },
	{ KEY_B, 0x30, 0x32 }, { KEY_N, 0x31, 0x31 }, { KEY_M, 0x32, 0x3a },
	{ KEY_COMMA, 0x33, 0x41 }, { KEY_DOT, 0x34, 0x49 },
	{ KEY_SLASH, 0x35, 0x4a }, { KEY_RIGHTSHIFT, 0x36, 0x59 },
	{ KEY_KPASTERISK, 0x37, 0x7c }, { KEY_LEFTALT, 0x38, 0x11 },
	{ KEY_SPACE, 0x39, 0x29 }, { KEY_CAPSLOCK, 0x3a, 0x58 },
	{ KEY_F1, 0x3b, 0x05 }, { KEY_F2, 0x3c, 0x06 }, { KEY_F3, 0x3d, 0x04 },
	{ KEY_F4, 0x3e, 0x0c }, { KEY_F5, 0x3f, 0x03 }, { KEY_F6, 0x40, 0x0b },
	{ KEY_F7, 0x41, 0x83 }, { KEY_F8, 0x42, 0x0a }, { KEY_F9, 0x43, 0x01 },
	{ KEY_F10, 0x44, 0x09 }, { KEY_NUMLOCK, 0x45, 0x77 },
	{ KEY_SCROLLLOCK, 0x46, 0x7e }, { KEY_KP7, 0x47, 0x6c },
	{ KEY_KP8, 0x48, 0x75 }, { KEY_KP9, 0x49, 0x7d },
	{ KEY_KPMINUS, 0x4a, 0x7b }, { KEY_KP4, 0x4b, 0x6b },
	{ KEY_KP5, 0x4c, 0x73 }, { KEY_KP6, 0x4d, 0x74 },
	{ KEY_KPPLUS, 0x4e, 0x79 }, { KEY_KP1, 0x4f, 0x69 },
	{ KEY_KP2, 0x50, 0x72 }, { KEY_KP3, 0x51, 0x7a },
	{ KEY_KP0, 0x52, 0x70 }, { KEY_KPDOT, 0x53, 0x71 },
	{ KEY_SYSRQ, 0x54, 0x84 }, { KEY_SYSRQ, 0, 0x7f },
	{ KEY_102ND, 0x56, 0x61 }, { KEY_F11, 0x57, 0x78 },
	{ KEY_F12, 0x58, 0x07 }, { KEY_KPEQUAL, 0x59, 0x0f },
	{ KEY_KPJPCOMMA, 0x5c, 0x27 }, { KEY_F13, 0x64, 0x08 },
	{ KEY_F14, 0x65, 0x10 }, { KEY_F15, 0x66, 0x18 },
	{ KEY_F16, 0x67, 0x20 }, { KEY_F17, 0x68, 0x28 },
	{ KEY_F18, 0x69, 0x30 }, { KEY_F19, 0x6a, 0x38 },
	{ KEY_F20, 0x6b, 0x40 }, { KEY_F21, 0x6c, 0x48 },
	{ KEY_F22, 0x6d, 0x50 }, { KEY_F23, 0x6e, 0x57 },
	{ KEY_F13, 0x5d, 0x2f }, { KEY_F14, 0x5e, 0x37 },
	{ KEY_F15, 0x5f, 0x3f }, { KEY_KATAKANAHIRAGANA, 0x70, 0x13 },
	{ KEY_RO, 0x73, 0x51 }, { KEY_ZENKAKUHANKAKU, 0x76, 0x5f },
	{ KEY_HIRAGANA, 0x77, 0x62 }, { KEY_KATAKANA, 0x78, 0x63 },
	{ KEY_HENKAN, 0x79, 0x64 }, { KEY_MUHENKAN, 0x7b, 0x67 },
	{ KEY_YEN, 0x7d, 0x6a }, { KEY_KPCOMMA, 0x7e, 0x6d },
	{ KEY_HANJA, 0xf1, 0xf1 }, { KEY_HANGEUL, 0xf2, 0xf2 },
	{ KEY_PREVIOUSSONG, 0xe010, 0xe015 }, { KEY_NEXTSONG, 0xe019, 0xe04d },
	{ KEY_KPENTER, 0xe01c, 0xe05a }, { KEY_RIGHTCTRL, 0xe01d, 0xe014 },
	{ KEY_MUTE, 0xe020, 0xe023 }, { KEY_CALC, 0xe021, 0xe02b },
	{ KEY_PLAYPAUSE, 0xe022, 0xe034 }, { KEY_STOPCD, 0xe024, 0xe03b },
	{ KEY_VOLUMEDOWN, 0xe02e, 0xe021 }, { KEY_VOLUMEUP, 0xe030, 0xe032 },
	{ KEY_HOMEPAGE, 0xe032, 0xe03a }, { KEY_KPSLASH, 0xe035, 0xe04a },
	{ KEY_SYSRQ, 0xe037, 0xe07c }, { KEY_RIGHTALT, 0xe038, 0xe011 },
	{ KEY_PAUSE, 0xe046, 0xe07e }, { KEY_HOME, 0xe047, 0xe06c },
	{ KEY_UP, 0xe048, 0xe075 }, { KEY_PAGEUP, 0xe049, 0xe07d },
	{ KEY_LEFT, 0xe04b, 0xe06b }, { KEY_RIGHT, 0xe04d, 0xe074 },
	{ KEY_KPPLUSMINUS, 0xe04e, 0xe079 }, { KEY_END, 0xe04f, 0xe069 },
	{ KEY_DOWN, 0xe050, 0xe072 }, { KEY_PAGEDOWN, 0xe051, 0xe07a },
	{ KEY_INSERT, 0xe052, 0xe070 }, { KEY_DELETE, 0xe053, 0xe071 },
	{ KEY_LEFTMETA, 0xe05b, 0xe01f }, { KEY_RIGHTMETA, 0xe05c, 0xe027 },
	{ KEY_COMPOSE, 0xe05d, 0xe02f }, { KEY_POWER, 0xe05e, 0xe037 },
	{ KEY_SLEEP, 0xe05f, 0xe03f }, { KEY_WAKEUP, 0xe063, 0xe05e },
	{ KEY_SEARCH, 0xe065, 0xe010 }, { KEY_BOOKMARKS, 0xe066, 0xe018 },
	{ KEY_REFRESH, 0xe067, 0xe020 }, { KEY_STOP, 0xe068, 0xe028 },
	{ KEY_FORWARD, 0xe069, 0xe030 }, { KEY_BACK, 0xe06a, 0xe038 },
	{ KEY_COMPUTER, 0xe06b, 0xe040 }, { KEY_MAIL, 0xe06c, 0xe048 },
	{ KEY_MEDIA, 0xe06d, 0xe050 },
};

#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))

const struct scancode_key *scancode_table(unsigned *count)
{
	*count = KEY_COUNT;
	return keys;
}

void scancode_init(struct scancode *s, unsigned set)
{
	*s = (struct scancode) { .set = set == 1 ? 1 : 2 };
}

bool scancode_partial(const struct scancode *s)
{
	return s->prefix || s->up;
}

void scancode_expire(struct scancode *s)
{
	s->prefix = 0;
	s->middle = 0;
	s->middle_up = false;
	s->up = false;
}

/* ------------------------------------------------------- which key is down */

bool scancode_held(const struct scancode *s, uint16_t code)
{
	return code < SCANCODE_KEYS && s->held[code / 8] & 1u << code % 8;
}

bool scancode_any_held(const struct scancode *s)
{
	unsigned i;

	for (i = 0; i < sizeof(s->held); i++)
		if (s->held[i])
			return true;
	return false;
}

static void set_held(struct scancode *s, uint16_t code, bool held)
{
	uint8_t bit = (uint8_t)(1u << code % 8);

	if (held)
		s->held[code / 8] |= bit;
	else
		s->held[code / 8] &= (uint8_t)~bit;
}

uint16_t scancode_release(struct scancode *s)
{
	uint16_t code;

	for (code = 1; code < SCANCODE_KEYS; code++) {
		if (scancode_held(s, code)) {
			set_held(s, code, false);
			return code;
		}
	}
	return 0;
}

/* ---------------------------------------------------------------- sequences */

/* scan: with its E0, without what says that the key came up.  0 = no key. */
static uint16_t find(const struct scancode *s, uint16_t scan)
{
	unsigned i;

	for (i = 0; i < KEY_COUNT; i++)
		if (scan && scan == (s->set == 1 ? keys[i].set1 : keys[i].set2))
			return keys[i].code;
	return 0;
}

static unsigned say(struct scancode_event *event, enum scancode_kind kind,
		    uint16_t code)
{
	*event = (struct scancode_event) { .kind = kind, .code = code };
	return 1;
}

static unsigned key(struct scancode *s, uint16_t code, bool up,
		    struct scancode_event *event)
{
	bool held = scancode_held(s, code);

	/* A key whose going down was lost does not come up. */
	if (up && !held)
		return 0;
	set_held(s, code, !up);
	return say(event, up ? SCANCODE_UP : held ? SCANCODE_REPEAT :
		   SCANCODE_DOWN, code);
}

/*
 * Keys that a PC/AT keyboard did not have are wrapped in the shifts that such a
 * keyboard would have needed for them (E0 12 and E0 59): nobody pressed those.
 */
static bool fake_shift(const struct scancode *s, uint16_t scan)
{
	return s->set == 1 ? scan == 0xe02a || scan == 0xe036 :
	       scan == 0xe012 || scan == 0xe059;
}

/* Can it be said in one code that is not part of a longer sequence? */
static unsigned plain(struct scancode *s, uint16_t scan, bool up,
		      struct scancode_event *event)
{
	uint16_t code = find(s, scan);

	if (fake_shift(s, scan))
		return 0;
	if (code)
		return key(s, code, up, event);
	return up ? 0 : say(event, SCANCODE_UNKNOWN, scan);
}

/*
 * Pause: E1 14 77 when it goes down, E1 F0 14 F0 77 when it comes up (which it
 * says at once, not when it does).  *again: this byte is of something else.
 */
static unsigned pause_sequence(struct scancode *s, uint8_t scan, bool up,
			       struct scancode_event *event, bool *again)
{
	uint8_t first = s->set == 1 ? 0x1d : 0x14;
	uint8_t second = s->set == 1 ? 0x45 : 0x77;

	*again = false;
	if (!s->middle && scan == first) {
		s->middle = scan;
		s->middle_up = up;
		s->up = false;
		return 0;
	}
	if (s->middle && scan == second && up == s->middle_up) {
		scancode_expire(s);
		return key(s, KEY_PAUSE, up, event);
	}
	*again = true;
	return 0;
}

/* The last byte of a sequence, or the middle one of Pause. */
static unsigned finish(struct scancode *s, uint8_t byte,
		       struct scancode_event *event)
{
	bool up = s->set == 1 ? byte & BIT_UP : s->up;
	uint8_t scan = s->set == 1 ? byte & ~BIT_UP : byte;
	uint16_t whole;
	unsigned count;
	bool again;

	if (s->prefix == PREFIX_E1) {
		count = pause_sequence(s, scan, up, event, &again);
		if (!again)
			return count;
		scancode_expire(s);
	}
	whole = (uint16_t)(s->prefix << 8 | scan);
	scancode_expire(s);
	return plain(s, whole, up, event);
}

/* --------------------------------------------- bytes that are not of a key */

static bool is_answer(uint8_t byte)
{
	return byte == KBD_ACK || byte == KBD_RESEND || byte == KBD_PASSED ||
	       byte == KBD_FAILED || byte == FAILED_TOO || byte == ECHO;
}

bool scancode_is_reply(const struct scancode *s, uint8_t byte)
{
	uint16_t code;

	if (!is_answer(byte))
		return false;
	if (s->set == 2)
		return true;
	/* E0 AA is a shift that nobody pressed; E1 is followed by 1D, 9D, ... */
	if (s->prefix)
		return false;
	code = find(s, byte & ~BIT_UP);
	return !code || !scancode_held(s, code);
}

static unsigned lang_key(struct scancode *s, uint8_t byte,
			 struct scancode_event *events)
{
	uint16_t code = byte == LANG_1 ? KEY_HANGEUL : KEY_HANJA;
	bool up = s->up;

	scancode_expire(s);
	if (up)
		return 0;
	say(&events[0], SCANCODE_DOWN, code);
	say(&events[1], SCANCODE_UP, code);
	return 2;
}

static bool take_prefix(struct scancode *s, uint8_t byte)
{
	if (byte == PREFIX_E0 || byte == PREFIX_E1) {
		scancode_expire(s);
		s->prefix = byte;
		return true;
	}
	if (s->set == 2 && byte == RELEASED) {
		s->up = true;
		return true;
	}
	return false;
}

unsigned scancode_feed(struct scancode *s, uint8_t byte,
		       struct scancode_event *events)
{
	if (take_prefix(s, byte))
		return 0;
	if (byte == OVERRUN_SET_1 || byte == OVERRUN_SET_2) {
		scancode_expire(s);
		return say(events, SCANCODE_OVERRUN, 0);
	}
	if (scancode_is_reply(s, byte)) {
		scancode_expire(s);
		return byte == KBD_PASSED ? say(events, SCANCODE_RESTART, 0) : 0;
	}
	if (s->prefix != PREFIX_E0 && (byte == LANG_1 || byte == LANG_2))
		return lang_key(s, byte, events);
	return finish(s, byte, events);
}
