/* SPDX-License-Identifier: MIT */
/* Who holds ports, memory and interrupt lines: read from /proc. */
#ifndef UDRV_LEGACY_H
#define UDRV_LEGACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The innermost holder in a text like /proc/ioports.  PCI buses, which hold
 * what is free, do not count.  Pure.
 */
bool usr_holder_in_resources(const char *text, uint64_t first, uint64_t last,
			     char *holder, size_t size);

/* Who is on a line, by a text like /proc/interrupts.  Pure. */
bool usr_holder_in_interrupts(const char *text, unsigned line, char *holder,
			      size_t size);

/* Who holds what this sentence of the module's says is held? */
bool usr_legacy_holder(const char *sentence, char *holder, size_t size);

#endif
