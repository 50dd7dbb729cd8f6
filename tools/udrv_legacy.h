/* SPDX-License-Identifier: MIT */
/* What the files of `udrv legacy` share. */
#ifndef UDRV_LEGACY_TOOL_H
#define UDRV_LEGACY_TOOL_H

#include "udrv_tool.h"

#define SYS_BUS "/sys/bus"

/* udrv_legacy.c: which driver has the device BUS/DEVICE?  Empty: none. */
void legacy_driver(const char *from, char *driver, size_t size);

/* udrv_legacy_take.c: a path in /sys, or BUS/DEVICE: made the latter in @from. */
int legacy_parse_take(const struct tool_command *command, const char *text,
		      char *from);

/* Fill in ranges, and lines if none were given, as the device @from has them. */
int legacy_take_resources(const struct tool_command *command,
			  struct udrv_legacy *legacy, bool lines_given);

#endif
