/* SPDX-License-Identifier: MIT */
/* Facts, gathered once as JSON, and shown as that or as a table for people. */
#ifndef UDRV_TABLE_H
#define UDRV_TABLE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <udrv.h>

enum tool_form {
	FORM_PLAIN,		/* text, decimal, yes or no; nothing is "-" */
	FORM_HEX,
	FORM_BYTES,		/* 4 KiB */
	FORM_TENTHS,		/* a real number with one digit behind the point */
};

struct tool_column {
	const char *key;	/* of an object that is a row */
	const char *heading;
	enum tool_form form;
};

/* @columns ends with a key of NULL.  Columns are as wide as they must be. */
void tool_table(const struct tool_column *columns, const json_t *rows);

/* What a cell says. */
void tool_cell(const json_t *value, enum tool_form form, char *text, size_t size);

/* Print it, and put it away.  Return: the exit status. */
int tool_json(json_t *value);

/* The same on one line, at once: for what goes on. */
void tool_json_line(json_t *value);

/* 4096 -> 4 KiB */
void tool_bytes(uint64_t bytes, char *text, size_t size);

/* A set of bits by their names. */
struct tool_bit {
	uint32_t value;
	const char *text;
};
json_t *tool_bits(const struct tool_bit *names, uint32_t bits);

/*
 * Who has it open, by udrv: null nobody, else an object with "pid" and
 * "command" (null: of another namespace, or gone) and "about", for people.
 */
json_t *tool_holder(const char *name);
json_t *tool_holder_of(const struct udrv_info *info);

/* json_object_set_new() for a number that JSON cannot exceed. */
void tool_set_number(json_t *object, const char *key, uint64_t value);

#endif
