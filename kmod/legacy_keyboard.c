// SPDX-License-Identifier: GPL-2.0
/*
 * The PC's keyboard controller and the kernel's driver of it, i8042.
 *
 * Its ports are reserved from boot on, and nobody asks for them, not even the
 * driver that uses them.  So the only sign is whether that driver has its
 * device; and since nothing keeps it from having it again, we watch.
 *
 * Of what an owner did to the controller one byte stays, its configuration: how
 * keys are encoded, and whether there are any.  It is put back at the end of
 * each open, as a PCI device's configuration is.  Names are those of the IBM
 * PS/2 technical reference, "keyboard and auxiliary device controller".
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/notifier.h>
#include <linux/platform_device.h>
#include "udrv_priv.h"

#define UDRV_I8042	"i8042"

#define UDRV_PS2_DATA		0x60
#define UDRV_PS2_COMMAND	0x64	/* read: status */
#define  UDRV_PS2_FULL		BIT(0)	/* a byte for us */
#define  UDRV_PS2_BUSY		BIT(1)	/* our last one is not taken yet */
#define  UDRV_PS2_READ_CONFIG	0x20
#define  UDRV_PS2_WRITE_CONFIG	0x60
#define  UDRV_PS2_MOUSE_OFF	0xa7
#define  UDRV_PS2_KEYBOARD_OFF	0xad
/* It answers in microseconds; one that does not within 50 ms is none. */
#define UDRV_PS2_LOOKS		500
/* It has room for one byte, and so have keyboard and mouse, for 16 or so. */
#define UDRV_PS2_MOST		64

bool udrv_keyboard_has(const struct udrv_legacy_range *r)
{
	return IS_ENABLED(CONFIG_X86) && r->kind == UDRV_KIND_PORTS &&
	       r->bytes == 1 && (r->start == UDRV_PS2_DATA ||
				 r->start == UDRV_PS2_COMMAND);
}

/* ------------------------------------------------------- the configuration */

static bool udrv_ps2_await(u8 mask, u8 value)
{
	int i;

	for (i = 0; i < UDRV_PS2_LOOKS; i++) {
		if ((inb(UDRV_PS2_COMMAND) & mask) == value)
			return true;
		usleep_range(100, 200);
	}
	return false;
}

static bool udrv_ps2_write(u16 port, u8 value)
{
	if (!udrv_ps2_await(UDRV_PS2_BUSY, 0))
		return false;
	outb(value, port);
	return true;
}

static void udrv_ps2_drain(void)
{
	int i;

	for (i = 0; i < UDRV_PS2_MOST &&
	     inb(UDRV_PS2_COMMAND) & UDRV_PS2_FULL; i++) {
		inb(UDRV_PS2_DATA);
		usleep_range(50, 100);
	}
}

static bool udrv_ps2_config(u8 *config)
{
	udrv_ps2_drain();
	if (!udrv_ps2_write(UDRV_PS2_COMMAND, UDRV_PS2_READ_CONFIG) ||
	    !udrv_ps2_await(UDRV_PS2_FULL, UDRV_PS2_FULL))
		return false;
	*config = inb(UDRV_PS2_DATA);
	return true;
}

/* Nobody drives it.  A key may come in between; twice the same is none. */
void udrv_keyboard_save(struct udrv_device *d)
{
	u8 again;
	int i;

	d->keyboard_saved = false;
	if (inb(UDRV_PS2_COMMAND) == 0xff)
		return;		/* nor is there anything to be driven */
	for (i = 0; i < 10 && !d->keyboard_saved; i++) {
		if (!udrv_ps2_config(&d->keyboard_config) ||
		    !udrv_ps2_config(&again))
			return;
		d->keyboard_saved = again == d->keyboard_config;
	}
}

/*
 * With the ports off nothing comes in between.  d->lock is held for writing, and
 * no program runs; what it may have left half said the first command ends.
 */
void udrv_keyboard_restore(struct udrv_device *d)
{
	if (!d->keyboard_saved)
		return;
	if (!udrv_ps2_write(UDRV_PS2_COMMAND, UDRV_PS2_KEYBOARD_OFF) ||
	    !udrv_ps2_write(UDRV_PS2_COMMAND, UDRV_PS2_MOUSE_OFF) ||
	    !udrv_ps2_await(UDRV_PS2_BUSY, 0))
		return;
	udrv_ps2_drain();
	if (udrv_ps2_write(UDRV_PS2_COMMAND, UDRV_PS2_WRITE_CONFIG))
		udrv_ps2_write(UDRV_PS2_DATA, d->keyboard_config);
}

/* ------------------------------------------------------------------- i8042 */

bool udrv_keyboard_driven(void)
{
	struct device *dev;
	bool driven;

	dev = bus_find_device_by_name(&platform_bus_type, NULL, UDRV_I8042);
	driven = dev && READ_ONCE(dev->driver);
	put_device(dev);
	return driven;
}

/*
 * Called after dev->driver is set and before the driver touches anything: who
 * opens now is refused by udrv_keyboard_driven(), who has opened is found here.
 */
static int udrv_keyboard_notice(struct notifier_block *block,
				unsigned long what, void *data)
{
	struct device *dev = data;

	if (what == BUS_NOTIFY_BIND_DRIVER && !strcmp(dev_name(dev), UDRV_I8042))
		udrv_legacy_evict_keyboard();
	return NOTIFY_OK;
}

static struct notifier_block udrv_keyboard_watch = {
	.notifier_call = udrv_keyboard_notice,
};

int __init udrv_keyboard_init(void)
{
	return bus_register_notifier(&platform_bus_type, &udrv_keyboard_watch);
}

void udrv_keyboard_exit(void)
{
	bus_unregister_notifier(&platform_bus_type, &udrv_keyboard_watch);
}
