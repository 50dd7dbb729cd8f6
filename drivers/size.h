/* SPDX-License-Identifier: MIT */
/* Numbers on command lines, for all drivers' programs. */
#ifndef DRIVERS_SIZE_H
#define DRIVERS_SIZE_H

#include <stdbool.h>
#include <stdint.h>

/**
 * parse_size() - a size with its suffix
 * @text: "4096", "4k", "4KiB", "2G", "1MB", "63s"; K, M, G, T count by 1024,
 *	with "B" by 1000; "s" is sectors
 * @sector: bytes of a sector; 0 = there are none, and no "s"
 * @value: set to the bytes; untouched on failure
 *
 * Return: false if it is no size, or does not fit 63 bits.
 */
bool parse_size(const char *text, unsigned sector, uint64_t *value);

#endif
