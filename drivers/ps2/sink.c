// SPDX-License-Identifier: MIT
/* See sink.h. */
#include <libevdev/libevdev.h>
#include <linux/input.h>
#include <stdio.h>
#include "scancode.h"
#include "sink.h"
#include "udrv_input.h"

#define MOST_KEYS	256
#define VENDOR_KEYBOARD	1	/* as the kernel's own drivers have it */
#define VENDOR_MOUSE	2
#define PRODUCT		1

static const uint16_t button_codes[MOUSE_BUTTONS] = {
	BTN_LEFT, BTN_RIGHT, BTN_MIDDLE, BTN_SIDE, BTN_EXTRA
};

void sink_start(struct sink *sink, bool printing, unsigned delay_ms,
		unsigned period_ms)
{
	*sink = (struct sink) {
		.printing = printing, .delay_ms = delay_ms, .period_ms = period_ms,
	};
}

void sink_stop(struct sink *sink)
{
	usr_input_free(sink->keyboard);
	usr_input_free(sink->mouse);
	sink->keyboard = NULL;
	sink->mouse = NULL;
}

static const char *announce(const char *what, const struct usr_input *input)
{
	if (!input)
		return usr_error();
	printf("%s: %s\n", what, usr_input_path(input));
	return NULL;
}

const char *sink_add_keyboard(struct sink *sink, uint16_t id)
{
	static const uint16_t leds[] = { LED_SCROLLL, LED_NUML, LED_CAPSL };
	uint16_t codes[MOST_KEYS];
	unsigned count, i;
	const struct scancode_key *table = scancode_table(&count);
	struct usr_input_device device = {
		.name = "udrv PS/2 keyboard", .bus = BUS_I8042,
		.vendor = VENDOR_KEYBOARD, .product = PRODUCT, .version = id,
		.keys = codes, .leds = leds, .led_count = 3, .repeat = true,
		.repeat_delay_ms = sink->delay_ms,
		.repeat_period_ms = sink->period_ms,
	};

	if (sink->printing || sink->keyboard)
		return NULL;
	for (i = 0; i < count && i < MOST_KEYS; i++)
		codes[i] = table[i].code;
	device.key_count = i;
	device.file = sink->keyboard_file;
	sink->keyboard_file = 0;
	sink->keyboard = usr_input_new(&device);
	return announce("keyboard", sink->keyboard);
}

/* All that any of them has: another one may be plugged in later. */
const char *sink_add_mouse(struct sink *sink, enum mouse_type type)
{
	static const uint16_t axes[] = { REL_X, REL_Y, REL_WHEEL };
	struct usr_input_device device = {
		.name = "udrv PS/2 mouse", .bus = BUS_I8042,
		.vendor = VENDOR_MOUSE, .product = PRODUCT,
		.version = (uint16_t)type, .keys = button_codes,
		.key_count = MOUSE_BUTTONS, .axes = axes, .axis_count = 3,
	};

	if (sink->printing || sink->mouse)
		return NULL;
	device.file = sink->mouse_file;
	sink->mouse_file = 0;
	sink->mouse = usr_input_new(&device);
	return announce("mouse", sink->mouse);
}

int sink_fd(const struct sink *sink)
{
	return sink->keyboard ? usr_input_fd(sink->keyboard) : -1;
}

/* ------------------------------------------------------------------- events */

static void check(struct sink *sink, int result)
{
	if (result && !sink->problem[0])
		snprintf(sink->problem, sizeof(sink->problem), "%s", usr_error());
}

static void print_key(uint16_t code, int value)
{
	static const char *const words[] = { "up", "down", "repeat" };
	const char *name = libevdev_event_code_get_name(EV_KEY, code);

	if (name)
		printf("%s %s\n", name, words[value]);
	else
		printf("KEY_%u %s\n", code, words[value]);
}

void sink_key(struct sink *sink, uint16_t code, int value)
{
	if (sink->printing) {
		print_key(code, value);
	} else if (sink->keyboard && value != SINK_REPEAT) {
		check(sink, usr_input_report(sink->keyboard, EV_KEY, code, value));
		check(sink, usr_input_sync(sink->keyboard));
	}
}

static void report_button(struct sink *sink, uint16_t code, int value)
{
	if (sink->printing)
		print_key(code, value);
	else if (sink->mouse)
		check(sink, usr_input_report(sink->mouse, EV_KEY, code, value));
}

static void report_axis(struct sink *sink, uint16_t code, int value)
{
	if (!value)
		return;
	if (sink->printing)
		printf("%s %d\n", libevdev_event_code_get_name(EV_REL, code), value);
	else if (sink->mouse)
		check(sink, usr_input_report(sink->mouse, EV_REL, code, value));
}

void sink_report(struct sink *sink, const struct mouse_report *report)
{
	unsigned i;

	report_axis(sink, REL_X, report->dx);
	report_axis(sink, REL_Y, report->dy);
	report_axis(sink, REL_WHEEL, report->wheel);
	for (i = 0; i < MOUSE_BUTTONS; i++) {
		if (report->pressed & 1u << i)
			report_button(sink, button_codes[i], SINK_DOWN);
		if (report->released & 1u << i)
			report_button(sink, button_codes[i], SINK_UP);
	}
	if (sink->mouse)
		check(sink, usr_input_sync(sink->mouse));
}

/* --------------------------------------------------------------------- LEDs */

/* The keyboard's bits, "set/reset status indicators". */
static uint8_t led_bit(uint16_t code)
{
	switch (code) {
	case LED_SCROLLL:
		return 0x01;
	case LED_NUML:
		return 0x02;
	case LED_CAPSL:
		return 0x04;
	default:
		return 0;
	}
}

void sink_leds(struct sink *sink, uint8_t *leds)
{
	struct usr_input_event events[16];
	int i, count;

	if (!sink->keyboard || !sink->told)
		return;
	sink->told = false;
	count = usr_input_take(sink->keyboard, events, 16);
	check(sink, count < 0 ? -1 : 0);
	for (i = 0; i < count; i++) {
		if (events[i].value)
			*leds |= led_bit(events[i].code);
		else
			*leds &= (uint8_t)~led_bit(events[i].code);
	}
}
