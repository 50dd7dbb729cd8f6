// SPDX-License-Identifier: MIT
/* Tables and JSON of the same facts. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_table.h"
#include "udrv_tool.h"

void tool_bytes(uint64_t bytes, char *text, size_t size)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	int unit = 0;

	while (unit < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, size, "%" PRIu64 " %s", bytes, units[unit]);
}

void tool_cell(const json_t *value, enum tool_form form, char *text, size_t size)
{
	uint64_t number = (uint64_t)json_integer_value(value);

	if (json_is_string(value))
		snprintf(text, size, "%s", json_string_value(value));
	else if (json_is_boolean(value))
		snprintf(text, size, "%s", json_is_true(value) ? "yes" : "no");
	else if (json_is_real(value))
		snprintf(text, size, "%.1f", json_real_value(value));
	else if (!json_is_integer(value))
		snprintf(text, size, "-");
	else if (form == FORM_HEX)
		snprintf(text, size, "%#" PRIx64, number);
	else if (form == FORM_BYTES)
		tool_bytes(number, text, size);
	else
		snprintf(text, size, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(value));
}

#define MOST_COLUMNS 16

static bool is_last(const struct tool_column *column)
{
	return !column[1].key;
}

static void measure(const struct tool_column *columns, const json_t *rows,
		    int *widths)
{
	const struct tool_column *each;
	char text[512];
	json_t *row;
	size_t i;
	int width;

	for (each = columns; each->key; each++) {
		widths[each - columns] = (int)strlen(each->heading);
		json_array_foreach(rows, i, row) {
			tool_cell(json_object_get(row, each->key), each->form,
				  text, sizeof(text));
			width = (int)strlen(text);
			if (width > widths[each - columns])
				widths[each - columns] = width;
		}
	}
}

void tool_table(const struct tool_column *columns, const json_t *rows)
{
	int widths[MOST_COLUMNS];
	const struct tool_column *each;
	char text[512];
	json_t *row;
	size_t i;

	measure(columns, rows, widths);
	for (each = columns; each->key; each++)
		printf("%-*s%s", is_last(each) ? 0 : widths[each - columns],
		       each->heading, is_last(each) ? "\n" : "  ");
	json_array_foreach(rows, i, row) {
		for (each = columns; each->key; each++) {
			tool_cell(json_object_get(row, each->key), each->form,
				  text, sizeof(text));
			printf("%-*s%s",
			       is_last(each) ? 0 : widths[each - columns], text,
			       is_last(each) ? "\n" : "  ");
		}
	}
}

int tool_json(json_t *value)
{
	int failed = json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);

	json_decref(value);
	printf("\n");
	if (!failed)
		return TOOL_DONE;
	fputs("udrv: this cannot be written as JSON\n", stderr);
	return TOOL_FAILED;
}

void tool_json_line(json_t *value)
{
	json_dumpf(value, stdout, JSON_COMPACT);
	json_decref(value);
	printf("\n");
	fflush(stdout);
}

json_t *tool_bits(const struct tool_bit *names, uint32_t bits)
{
	json_t *array = json_array();

	for (; names->text; names++)
		if (bits & names->value)
			json_array_append_new(array, json_string(names->text));
	return array;
}

void tool_set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

char *tool_read_whole(const char *path)
{
	char *text = NULL;
	size_t size = 0;
	int error = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return NULL;
	/* No file of text has a 0 in it. */
	if (getdelim(&text, &size, '\0', file) < 0) {
		error = feof(file) ? 0 : errno;
		free(text);
		text = error ? NULL : strdup("");
	}
	fclose(file);
	errno = error ? error : errno;
	return text;
}

void tool_command_of(int pid, char *text, size_t size)
{
	char path[64], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file && fgets(name, sizeof(name), file))
		name[strcspn(name, "\n")] = '\0';
	if (file)
		fclose(file);
	snprintf(text, size, "%s", name);
}

json_t *tool_holder_of(const struct udrv_info *info)
{
	char about[64], command[64] = "";
	json_t *holder;

	tool_owner(info, about, sizeof(about));
	if (!about[0])
		return json_null();
	if (info->out_owner_pid)
		tool_command_of(info->out_owner_pid, command, sizeof(command));
	holder = json_pack("{s:o, s:o, s:s}",
			   "pid", info->out_owner_pid ?
			   json_integer(info->out_owner_pid) : json_null(),
			   "command", command[0] ? json_string(command) :
			   json_null(), "about", about);
	return holder ? holder : json_null();
}

json_t *tool_holder(const char *name)
{
	int fd = usr_open(name, O_RDONLY);
	struct udrv_info info;
	json_t *holder;

	if (fd < 0 || usr_info(fd, &info))
		holder = json_pack("{s:n, s:n, s:s}", "pid", "command", "about",
				   "?");
	else
		holder = tool_holder_of(&info);
	if (fd >= 0)
		close(fd);
	return holder;
}
