// SPDX-License-Identifier: MIT
/*
 * The PS/2 driver on a controller, a keyboard and a mouse that answer anything:
 * it ends, and lets go of all keys.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "hostile.h"
#include "ps2/keyboard.h"

static struct ps2 ps2;
static struct keyboard keyboard;
static struct pointer pointer;
static struct sink sink;

/* ------------------------------------------- what good ones would say */

static struct {
	uint8_t bytes[16];
	unsigned count;
	uint8_t config, command;
	bool from_mouse, to_mouse;
} good;

static void say(bool from_mouse, uint8_t byte)
{
	if (good.count < sizeof(good.bytes))
		good.bytes[good.count++] = byte;
	good.from_mouse = from_mouse;
}

static uint64_t good_answer(const struct udrv_io_step *step)
{
	uint8_t byte = good.bytes[0];

	if (step->region)
		return (good.count ? 0x01u : 0) | (good.from_mouse ? 0x20u : 0);
	if (good.count)
		memmove(good.bytes, good.bytes + 1, --good.count);
	return byte;
}

static void take_device_byte(uint8_t byte)
{
	say(good.to_mouse, PS2_ACK);
	if (byte == 0xff) {
		say(good.to_mouse, PS2_PASSED);
		if (good.to_mouse)
			say(true, 0);
	} else if (byte == 0xf2) {
		say(good.to_mouse, good.to_mouse ? 3 : 0xab);
		if (!good.to_mouse)
			say(false, 0x83);
	}
	good.to_mouse = false;
}

static void take_write(const struct udrv_io_step *step)
{
	uint8_t byte = (uint8_t)step->value;

	if (!step->region && good.command == 0x60) {
		good.config = byte;
		good.command = 0;
		return;
	}
	if (!step->region) {
		take_device_byte(byte);
		return;
	}
	good.command = byte;
	good.to_mouse = byte == 0xd4;
	if (byte == 0x20)
		say(false, good.config);
	else if (byte == 0xaa)
		say(false, 0x55);
	else if (byte == 0xa9 || byte == 0xab)
		say(false, 0);
	else if (byte == 0xa7 || byte == 0xa8)
		good.config = (uint8_t)((good.config & ~0x20) | (byte & 1 ? 0x20 : 0));
}

/* -------------------------------------------------------------------------- */

void tell(const char *format, ...)
{
	CHECK(*format);
}

static void serve(void)
{
	unsigned i;
	int error;

	for (i = 0; i < 64 && !hostile_over(); i++) {
		ps2.port[0].told = ps2.port[1].told = ps2.port[0].irq_fd >= 0;
		error = ps2_service(&ps2);
		if (error || keyboard_tend(&keyboard) || pointer_tend(&pointer))
			break;
		/* Sometimes nothing comes for a while. */
		if (hostile_byte() & 1)
			hostile.now += 3000000000ull;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t how;

	hostile_begin(data, size);
	hostile.region_size[0] = hostile.region_size[1] = 1;
	hostile.info = (struct udrv_info) { .out_lines = 2 };
	memset(&good, 0, sizeof(good));
	good.config = 0x03;
	hostile.good = good_answer;
	hostile.write = take_write;
	how = hostile_byte();
	sink_start(&sink, true, 250, 33);
	if (!ps2_start(&ps2, HOSTILE_FD, how & 7)) {
		keyboard_init(&keyboard, &ps2.port[PS2_KEYBOARD], &sink,
			      how & PS2_TRANSLATED ? 1 : 2, 0);
		pointer_init(&pointer, &ps2.port[PS2_MOUSE], &sink);
		if (!ps2_enable(&ps2) && !keyboard_start(&keyboard) &&
		    !pointer_start(&pointer))
			serve();
		keyboard_stop(&keyboard);
		pointer_stop(&pointer);
		CHECK(!scancode_any_held(&keyboard.decoder));
		CHECK(!mouse_release(&pointer.decoder));
	}
	ps2_stop(&ps2);
	sink_stop(&sink);
	hostile_end();
	return 0;
}
