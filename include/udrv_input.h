/* SPDX-License-Identifier: MIT */
/*
 * libudrv's input hook: make an input device of the kernel's out of whatever a
 * driver decodes.
 *
 * The kernel's side is uinput, through libevdev: the device is /dev/input/eventN
 * like any other, to the console, to libinput, to SysRq.
 *
 *	input = usr_input_new(&what);
 *	usr_input_report(input, EV_KEY, KEY_A, 1);
 *	usr_input_sync(input);
 *	for (;;)
 *		poll() usr_input_fd(), then usr_input_take() for LEDs
 *
 * What was reported is handed over by usr_input_sync() in one system call.
 * When the process dies the device goes, and the kernel lets go of its keys.
 */
#ifndef UDRV_INPUT_H
#define UDRV_INPUT_H

#include <linux/input-event-codes.h>

#include "udrv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define USR_INPUT_MAX_EVENTS	64	/* between two usr_input_sync() */

/**
 * struct usr_input_device - what the kernel is told of an input device
 * @name: for people and for configuration files, up to 79 bytes
 * @bus: BUS_I8042, BUS_USB, ... of linux/input.h
 * @vendor: id, 0 = none
 * @product: id, 0 = none
 * @version: id, 0 = none
 * @keys: KEY_* and BTN_* it has
 * @key_count: elements at @keys
 * @axes: REL_* it has
 * @axis_count: elements at @axes
 * @leds: LED_* it has
 * @led_count: elements at @leds
 * @file: /dev/uinput, open already and nothing done with it, for who may not open
 *	it; closed by usr_input_free(), or if making fails; 0 = open it
 * @repeat: the kernel repeats keys that are held
 * @repeat_delay_ms: until the first repetition, 0 = the kernel's default (250)
 * @repeat_period_ms: from one to the next, 0 = the kernel's default (33)
 */
struct usr_input_device {
	const char *name;
	uint16_t bus;
	uint16_t vendor;
	uint16_t product;
	uint16_t version;
	const uint16_t *keys;
	unsigned key_count;
	const uint16_t *axes;
	unsigned axis_count;
	const uint16_t *leds;
	unsigned led_count;
	int file;
	bool repeat;
	unsigned repeat_delay_ms;
	unsigned repeat_period_ms;
};

/* What the kernel wants of the device: type EV_LED, code LED_*, value 0 or 1. */
struct usr_input_event {
	uint16_t type;
	uint16_t code;
	int32_t value;
};

struct usr_input;

/**
 * usr_input_new() - make an input device
 * @device: copied
 *
 * For who may open /dev/uinput, usually root.  Loads the kernel's module if it
 * is not there.  It is there for the kernel's own users (console, SysRq) when
 * this returns; udev may take a little longer to give it its permissions.
 *
 * Return: the device, or NULL.  EINVAL: a field of @device, usr_error() names
 * it.  ENODEV: the kernel has no uinput, usr_error() says what to load.  EACCES:
 * /dev/uinput may not be opened.  ENOMEM.
 */
USR_API struct usr_input *usr_input_new(const struct usr_input_device *device);

/**
 * usr_input_free() - remove the device
 * @input: of usr_input_new(), or NULL
 *
 * The kernel lets go of all keys that are down.
 */
USR_API void usr_input_free(struct usr_input *input);

/**
 * usr_input_path() - where the device is
 * @input: of usr_input_new()
 *
 * Return: "/dev/input/event3", or "" if sysfs does not say; good until the
 * device is freed.
 */
USR_API const char *usr_input_path(const struct usr_input *input);

/**
 * usr_input_fd() - the file to wait on for what usr_input_take() takes
 * @input: of usr_input_new()
 *
 * Return: a file descriptor, readable when there is something.  Not to be
 * closed.
 */
USR_API int usr_input_fd(const struct usr_input *input);

/**
 * usr_input_take() - take what the kernel wants of the device
 * @input: of usr_input_new()
 * @events: filled in
 * @capacity: elements at @events, at least 1; the rest comes with the next call
 *
 * Of a LED that changed several times since the last call only the last change
 * need be there.  Does not sleep.
 *
 * Return: the number of events, 0 if there are none, or -1 with what read()
 * said.
 */
USR_API int usr_input_take(struct usr_input *input,
			   struct usr_input_event *events, unsigned capacity);

/**
 * usr_input_report() - something happened on the device
 * @input: of usr_input_new()
 * @type: EV_KEY, EV_REL
 * @code: KEY_*, BTN_* or REL_* that the device was said to have
 * @value: 1 = down, 0 = up; or how far
 *
 * A key that is down already, or up, is reported no second time.
 *
 * Return: 0, or -1.  EINVAL: the device does not have @code, or a key's @value
 * is neither.  ENOSPC: more than USR_INPUT_MAX_EVENTS without a
 * usr_input_sync().
 */
USR_API int usr_input_report(struct usr_input *input, unsigned type,
			     unsigned code, int value);

/**
 * usr_input_sync() - what was reported happened in one moment: hand it over
 * @input: of usr_input_new()
 *
 * Does nothing if nothing was reported.
 *
 * Return: 0, or -1 with what write() said.
 */
USR_API int usr_input_sync(struct usr_input *input);

/**
 * usr_input_release() - let go of all keys and buttons that are down
 * @input: of usr_input_new()
 *
 * For a device that was unplugged or lost count.  Synchronises.
 *
 * Return: 0, or -1 with what write() said.
 */
USR_API int usr_input_release(struct usr_input *input);

#ifdef __cplusplus
}
#endif

#endif /* UDRV_INPUT_H */
