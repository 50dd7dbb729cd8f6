/* SPDX-License-Identifier: MIT */
/* The slot behind HOT_PORT, where devices come and go. */
#ifndef SLOT_H
#define SLOT_H

#include "device.h"

/*
 * A device of QEMU's, named @id there, with more properties as JSON has them
 * (", \"mac\": ..."); it is bound to udrv when this returns.
 */
void slot_plug(const char *driver, const char *id, const char *properties);

/* In good order: asked for by the host, done by the kernel. */
void slot_unplug(const char *id);

/* Off is without a word; only on the machine "surprise". */
void slot_power(bool on);

#endif
