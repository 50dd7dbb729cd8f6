/* SPDX-License-Identifier: MIT */
/*
 * A driver that does everything its device can at once, for those who kill it,
 * unplug its device or unload the module meanwhile.
 */
#ifndef LOAD_H
#define LOAD_H

#include "device.h"

struct load {
	const char *address;	/* bound to udrv already */
	uint32_t seed;
};

/*
 * For spawn(): opens the device, works until it is revoked, then looks whether
 * everything says so, and exits 0.  A device that has another owner, or none
 * that udrv knows, is waited for.
 */
void load_run(void *load);

#endif
