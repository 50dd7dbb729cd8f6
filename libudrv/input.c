// SPDX-License-Identifier: MIT
/*
 * The input hook: an input device of the kernel's, by uinput.
 *
 * libevdev makes the device.  Events are written here: libevdev writes one at a
 * time, and between a packet's first and last a reader may look.
 */
#include <libevdev/libevdev-uinput.h>
#include <libevdev/libevdev.h>
#include <linux/input.h>
#include <linux/uinput.h>
#include <stdlib.h>
#include <unistd.h>
#include "../include/udrv_input.h"
#include "block.h"
#include "internal.h"

#define INPUT_FILE "/dev/uinput"

struct usr_input {
	int fd;
	struct libevdev *evdev;		/* what it was said to have */
	struct libevdev_uinput *uinput;
	struct input_event packet[USR_INPUT_MAX_EVENTS + 1];
	unsigned count;
	uint8_t down[KEY_CNT / 8];
};

/* ------------------------------------------------------------------ making */

static int input_open(void)
{
	int fd = open(INPUT_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	/* The file is there without the module where udev or kmod made it. */
	if (fd < 0 && (errno == ENOENT || errno == ENODEV) &&
	    !usr_block_load("uinput"))
		fd = open(INPUT_FILE, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		return usr_fail(EACCES, "usr_input_new: %s may not be opened: run as root, or give its group what it needs (chgrp input, chmod g+rw %s)",
				INPUT_FILE, INPUT_FILE);
	if (errno == ENOENT || errno == ENODEV || errno == ENXIO ||
	    errno == EOPNOTSUPP)
		return usr_fail(ENODEV, "usr_input_new: there is no %s: `modprobe uinput` (a kernel without it lacks CONFIG_INPUT_UINPUT)",
				INPUT_FILE);
	return usr_fail(errno, "usr_input_new: cannot open %s: %s", INPUT_FILE,
			strerror(errno));
}

static int input_enable(struct libevdev *evdev, unsigned type, unsigned limit,
			const uint16_t *codes, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		if (!codes || codes[i] >= limit)
			return usr_fail(EINVAL, "usr_input_new: element %u of the list for %s is no code of it",
					i, libevdev_event_type_get_name(type));
		if (libevdev_enable_event_code(evdev, type, codes[i], NULL))
			return usr_fail(ENOMEM, "usr_input_new: no memory");
	}
	return 0;
}

static int input_enable_repeat(struct libevdev *evdev,
			       const struct usr_input_device *device)
{
	if (!device->repeat && (device->repeat_delay_ms || device->repeat_period_ms))
		return usr_fail(EINVAL, "usr_input_new: repeat_delay_ms and repeat_period_ms are 0 without repeat");
	if (!device->repeat_delay_ms != !device->repeat_period_ms)
		return usr_fail(EINVAL, "usr_input_new: repeat_delay_ms and repeat_period_ms are both 0 or neither");
	if (device->repeat_delay_ms > INT32_MAX ||
	    device->repeat_period_ms > INT32_MAX)
		return usr_fail(EINVAL, "usr_input_new: repeat_delay_ms or repeat_period_ms does not fit 31 bits");
	/* With no rate of its own the kernel takes its default. */
	if (device->repeat && libevdev_enable_event_type(evdev, EV_REP))
		return usr_fail(ENOMEM, "usr_input_new: no memory");
	return 0;
}

static int input_describe(struct libevdev *evdev,
			  const struct usr_input_device *device)
{
	libevdev_set_name(evdev, device->name);
	libevdev_set_id_bustype(evdev, device->bus);
	libevdev_set_id_vendor(evdev, device->vendor);
	libevdev_set_id_product(evdev, device->product);
	libevdev_set_id_version(evdev, device->version);
	if (input_enable(evdev, EV_KEY, KEY_CNT, device->keys, device->key_count) ||
	    input_enable(evdev, EV_REL, REL_CNT, device->axes, device->axis_count) ||
	    input_enable(evdev, EV_LED, LED_CNT, device->leds, device->led_count))
		return -1;
	return input_enable_repeat(evdev, device);
}

static int input_append(struct usr_input *input, unsigned type, unsigned code,
			int value)
{
	if (input->count >= USR_INPUT_MAX_EVENTS)
		return usr_fail_constant(ENOSPC, "usr_input_report: too many events without a usr_input_sync()");
	input->packet[input->count++] = (struct input_event) {
		.type = (uint16_t)type, .code = (uint16_t)code, .value = value,
	};
	return 0;
}

static int input_make(struct usr_input *input,
		      const struct usr_input_device *device)
{
	int error;

	input->evdev = libevdev_new();
	if (!input->evdev)
		return usr_fail(ENOMEM, "usr_input_new: no memory");
	if (input_describe(input->evdev, device))
		return -1;
	if (input->fd < 0)
		input->fd = input_open();
	if (input->fd < 0)
		return -1;
	error = libevdev_uinput_create_from_device(input->evdev, input->fd,
						   &input->uinput);
	if (error)
		return usr_fail(-error, "usr_input_new: uinput refused the device: %s",
				strerror(-error));
	/* libevdev drops what it is told about the rate: tell the kernel. */
	if (!device->repeat_delay_ms)
		return 0;
	input_append(input, EV_REP, REP_DELAY, (int)device->repeat_delay_ms);
	input_append(input, EV_REP, REP_PERIOD, (int)device->repeat_period_ms);
	return usr_input_sync(input);
}

USR_API struct usr_input *usr_input_new(const struct usr_input_device *device)
{
	struct usr_input *input = calloc(1, sizeof(*input));
	int error;

	if (!input) {
		usr_fail(ENOMEM, "usr_input_new: no memory");
		return NULL;
	}
	input->fd = device && device->file ? device->file : -1;
	if (!device || !device->name || !device->name[0] ||
	    strlen(device->name) >= UINPUT_MAX_NAME_SIZE) {
		usr_fail(EINVAL, "usr_input_new: a device needs a name of 1 to %d bytes",
			 UINPUT_MAX_NAME_SIZE - 1);
		usr_input_free(input);
		errno = EINVAL;
		return NULL;
	}
	if (input_make(input, device)) {
		error = errno;
		usr_input_free(input);
		errno = error;
		return NULL;
	}
	return input;
}

USR_API void usr_input_free(struct usr_input *input)
{
	if (!input)
		return;
	if (input->uinput)
		libevdev_uinput_destroy(input->uinput);
	if (input->evdev)
		libevdev_free(input->evdev);
	if (input->fd >= 0)	/* libevdev closes only what it opened */
		close(input->fd);
	free(input);
}

USR_API const char *usr_input_path(const struct usr_input *input)
{
	const char *path = libevdev_uinput_get_devnode(input->uinput);

	return path ? path : "";
}

USR_API int usr_input_fd(const struct usr_input *input)
{
	return input->fd;
}

/* --------------------------------------------------------- from the kernel */

USR_API int usr_input_take(struct usr_input *input,
			   struct usr_input_event *events, unsigned capacity)
{
	struct input_event event;
	unsigned count = 0;
	ssize_t got;

	if (!events || !capacity)
		return usr_fail(EINVAL, "usr_input_take: there is no room for an event");
	while (count < capacity) {
		got = read(input->fd, &event, sizeof(event));
		if (got < 0 && errno == EAGAIN)
			break;
		if (got != sizeof(event))
			return usr_fail(got < 0 ? errno : EIO,
					"usr_input_take: cannot read %s: %s",
					INPUT_FILE, strerror(got < 0 ? errno : EIO));
		/* Ends of packets, and the rate as we or others set it. */
		if (event.type != EV_LED)
			continue;
		events[count++] = (struct usr_input_event) {
			.type = event.type, .code = event.code,
			.value = event.value,
		};
	}
	return (int)count;
}

/* ----------------------------------------------------------- to the kernel */

static bool input_is_down(const struct usr_input *input, unsigned code)
{
	return input->down[code / 8] & 1u << code % 8;
}

static int input_key(struct usr_input *input, unsigned code, int value)
{
	if (value != 0 && value != 1)
		return usr_fail(EINVAL, "usr_input_report: a key is down (1) or up (0), not %d",
				value);
	if (input_is_down(input, code) == value)
		return 0;
	if (input_append(input, EV_KEY, code, value))
		return -1;
	input->down[code / 8] ^= (uint8_t)(1u << code % 8);
	return 0;
}

USR_API int usr_input_report(struct usr_input *input, unsigned type,
			     unsigned code, int value)
{
	if ((type != EV_KEY && type != EV_REL) ||
	    !libevdev_has_event_code(input->evdev, type, code))
		return usr_fail(EINVAL, "usr_input_report: the device was made without type %u code %u",
				type, code);
	return type == EV_KEY ? input_key(input, code, value) :
	       input_append(input, type, code, value);
}

USR_API int usr_input_sync(struct usr_input *input)
{
	size_t bytes;
	ssize_t done;

	if (!input->count)
		return 0;
	/* There is room for this one beyond the limit. */
	input->packet[input->count] = (struct input_event) {
		.type = EV_SYN, .code = SYN_REPORT,
	};
	bytes = (input->count + 1) * sizeof(input->packet[0]);
	input->count = 0;
	do
		done = write(input->fd, input->packet, bytes);
	while (done < 0 && errno == EINTR);
	if (done != (ssize_t)bytes)
		return usr_fail(done < 0 ? errno : EIO,
				"usr_input_sync: cannot write to %s: %s",
				INPUT_FILE, strerror(done < 0 ? errno : EIO));
	return 0;
}

USR_API int usr_input_release(struct usr_input *input)
{
	unsigned code;
	int result = usr_input_sync(input);

	for (code = 0; code < KEY_CNT; code++) {
		if (!input_is_down(input, code))
			continue;
		if (input->count >= USR_INPUT_MAX_EVENTS && usr_input_sync(input))
			result = -1;
		input_key(input, code, 0);
	}
	return usr_input_sync(input) ? -1 : result;
}
