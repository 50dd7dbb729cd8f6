/* SPDX-License-Identifier: MIT */
/*
 * Register files: the names of a device's registers, as text.
 *
 *	# comment
 *	device 8086:100e	# ids that it is for; several lines
 *	declared keyboard	# or names of `udrv legacy add`
 *	register STATUS 0:0x08 4 ro Device status
 *		field 1 LU Link is up
 *		field 7:6 SPEED Speed
 *
 * After a register's name: REGION:OFFSET, bytes, and what may be done: ro, rw,
 * wo, w1c (ones written clear), rc (reading changes it, so that it is read only
 * by its name).  REGION is a number, config or rom.  A field is a bit, or bits
 * HIGH:LOW, of the register above it.
 */
#ifndef UDRV_REGISTERS_H
#define UDRV_REGISTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <udrv.h>

enum register_access { ACCESS_RO, ACCESS_RW, ACCESS_WO, ACCESS_W1C, ACCESS_RC };

struct register_field {
	char name[24];
	unsigned high, low;
	char about[64];
};

#define MOST_FIELDS 32

struct register_entry {
	char name[24];
	unsigned region;
	uint64_t offset;
	unsigned width;			/* bytes */
	enum register_access access;
	char about[64];
	struct register_field fields[MOST_FIELDS];
	unsigned field_count;
};

struct register_file {
	bool fits;			/* the device that was asked for */
	struct register_entry *registers;
	size_t count;
};

/* What a register file is wanted for: ids, and a name. */
struct register_device {
	uint16_t vendor, device;	/* 0: not PCI */
	char name[32];
};

/* udrv_registers.c: pure, but for udrv_registers_file.c's */

/* Return: false, and @error is "FILE:LINE: what is wrong". */
bool registers_parse(struct register_file *file, const struct register_device *device,
		     const char *path, const char *text, char *error, size_t size);
void registers_free(struct register_file *file);

const struct register_entry *registers_find(const struct register_file *file,
					    const char *name);
const struct register_entry *registers_at(const struct register_file *file,
					  unsigned region, uint64_t offset,
					  unsigned width);

uint64_t register_field_value(const struct register_field *field, uint64_t value);
const char *register_access_name(enum register_access access);

/* A number, config or rom.  False: it is none. */
bool register_region(const char *text, size_t length, unsigned *region);

/* REGION:OFFSET; *end is what follows.  False: it is none. */
bool register_place(const char *text, unsigned *region, uint64_t *offset,
		    const char **end);

/* udrv_registers_file.c: the first that fits, of --registers or the directories.
 * Return: false = a bad file, and that was said; none is not wrong.
 */
bool registers_load(struct register_file *file, const struct register_device *device,
		    const char *path);

#endif
