/* SPDX-License-Identifier: MIT */
/* What the files of `udrv legacy` share. */
#ifndef UDRV_LEGACY_TOOL_H
#define UDRV_LEGACY_TOOL_H

#include "udrv_tool.h"

#define SYS_BUS "/sys/bus"

/* udrv_legacy.c: which driver has the device BUS/DEVICE?  Empty: none. */
void legacy_driver(const char *from, char *driver, size_t size);

/* udrv_legacy_add.c */
int legacy_add(const struct tool_command *command, int argc, char **argv);

#endif
