// SPDX-License-Identifier: MIT
/* udrv peek, udrv poke: registers by place or by name. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_registers.h"
#include "udrv_table.h"
#include "udrv_tool.h"

/* One access: what was asked for, and what it is called. */
struct access {
	const struct register_entry *entry;	/* NULL: has no name */
	unsigned region, width;
	uint64_t offset, value;
	bool write;
};

struct accesses {
	struct access all[UDRV_IO_MAX_STEPS];
	unsigned count;
	struct register_file file;
	const char *registers;			/* --registers */
	unsigned width;				/* --width, or 0 */
	bool json, list, pokes;
};

/* ------------------------------------------------------------------ arguments */

static int add_access(const struct tool_command *command, struct accesses *list,
		      const struct access *one)
{
	if (list->count == UDRV_IO_MAX_STEPS)
		return tool_usage(command, "more than %d registers at once",
				  UDRV_IO_MAX_STEPS);
	list->all[list->count++] = *one;
	return TOOL_DONE;
}

/* /WIDTH or xCOUNT behind a place. */
static bool parse_behind(const char *text, struct access *one, uint64_t *count)
{
	int end = 0;

	*count = 1;
	if (text[0] == '/' && text[1] && strchr("1248", text[1])) {
		one->width = (unsigned)(text[1] - '0');
		text += 2;
	}
	if (text[0] == 'x' && (sscanf(text, "x%" SCNu64 "%n", count, &end) != 1 ||
			       text[end] || !*count))
		return false;
	return !text[end];
}

static int add_place(const struct tool_command *command, struct accesses *list,
		     const char *word, struct access one)
{
	uint64_t count, i;
	const char *end;
	int status = TOOL_DONE;

	one.width = list->width ? list->width : 4;
	if (!register_place(word, &one.region, &one.offset, &end) ||
	    !parse_behind(end, &one, &count))
		return tool_usage(command, "'%s' is no register: REGION:OFFSET[/WIDTH][xCOUNT], or a name%s",
				  word, list->file.fits ? " that --list shows" :
				  "; no register file knows this device");
	for (i = 0; !status && i < count; i++) {
		one.entry = registers_at(&list->file, one.region, one.offset,
					 one.width);
		status = add_access(command, list, &one);
		one.offset += one.width;
	}
	return status;
}

static int add_word(const struct tool_command *command, struct accesses *list,
		    char *word)
{
	struct access one = { .write = false };
	char *equals = strchr(word, '='), *end;

	if (equals && !list->pokes)
		return tool_usage(command, "peek only reads; udrv poke writes '%s'",
				  word);
	if (equals) {
		errno = 0;
		one.write = true;
		one.value = strtoull(equals + 1, &end, 0);
		if (errno || *end || equals[1] < '0' || equals[1] > '9')
			return tool_usage(command, "'%s' is not a number",
					  equals + 1);
		*equals = '\0';
	}
	one.entry = registers_find(&list->file, word);
	if (!one.entry)
		return add_place(command, list, word, one);
	one.region = one.entry->region;
	one.offset = one.entry->offset;
	one.width = one.entry->width;
	return add_access(command, list, &one);
}

static int check_access(const struct tool_command *command,
			const struct access *one)
{
	if (one->write && one->width < 8 && one->value >> (8 * one->width))
		return tool_usage(command, "%#" PRIx64 " does not fit into %u bytes",
				  one->value, one->width);
	if (!one->entry)
		return TOOL_DONE;
	if (one->write && one->entry->access == ACCESS_RO)
		return tool_usage(command, "%s is read-only; by its place, %u:%#" PRIx64 ", it can be written all the same",
				  one->entry->name, one->region, one->offset);
	if (!one->write && one->entry->access == ACCESS_WO)
		return tool_usage(command, "%s is write-only; by its place, %u:%#" PRIx64 ", it can be read all the same",
				  one->entry->name, one->region, one->offset);
	return TOOL_DONE;
}

/* All that reading does not change. */
static int add_all(const struct tool_command *command, struct accesses *list)
{
	const struct register_entry *entry;
	struct access one;
	size_t i;

	for (i = 0; i < list->file.count; i++) {
		entry = &list->file.registers[i];
		one = (struct access){ .entry = entry, .region = entry->region,
				       .width = entry->width,
				       .offset = entry->offset };
		if (entry->access == ACCESS_WO || entry->access == ACCESS_RC)
			continue;
		if (add_access(command, list, &one))
			return TOOL_USAGE;
	}
	return TOOL_DONE;
}

/* --------------------------------------------------------------------- output */

static json_t *describe(const struct access *one)
{
	json_t *row = json_pack("{s:o, s:i, s:i, s:s}", "name", one->entry ?
				json_string(one->entry->name) : json_null(),
				"region", (int)one->region, "width",
				(int)one->width, "done",
				one->write ? "written" : "read");
	json_t *fields = json_object();
	char hex[24];
	unsigned i;

	snprintf(hex, sizeof(hex), "0x%0*" PRIx64, 2 * (int)one->width,
		 one->value);
	tool_set_number(row, "offset", one->offset);
	/* JSON's own numbers end at 2^63. */
	json_object_set_new(row, "value", json_string(hex));
	for (i = 0; one->entry && i < one->entry->field_count; i++)
		tool_set_number(fields, one->entry->fields[i].name,
				register_field_value(&one->entry->fields[i],
						     one->value));
	json_object_set_new(row, "fields", fields);
	return row;
}

static void print_access(const struct access *one)
{
	const struct register_entry *entry = one->entry;
	char place[32];
	unsigned i;

	snprintf(place, sizeof(place), "%u:%#" PRIx64 "/%u", one->region,
		 one->offset, one->width);
	printf("%-10s %-12s %s 0x%0*" PRIx64, entry ? entry->name : "-", place,
	       one->write ? "<-" : "= ", 2 * (int)one->width, one->value);
	for (i = 0; entry && i < entry->field_count; i++)
		printf(" %s=%" PRIu64, entry->fields[i].name,
		       register_field_value(&entry->fields[i], one->value));
	printf("\n");
}

static int show(const struct accesses *list)
{
	json_t *rows;
	unsigned i;

	if (!list->json) {
		for (i = 0; i < list->count; i++)
			print_access(&list->all[i]);
		return TOOL_DONE;
	}
	rows = json_array();
	for (i = 0; i < list->count; i++)
		json_array_append_new(rows, describe(&list->all[i]));
	return tool_json(rows);
}

static void print_register(const struct register_entry *entry)
{
	char place[32];
	unsigned i;

	snprintf(place, sizeof(place), "%u:%#" PRIx64 "/%u", entry->region,
		 entry->offset, entry->width);
	printf("%-10s %-12s %-3s  %s\n", entry->name, place,
	       register_access_name(entry->access), entry->about);
	for (i = 0; i < entry->field_count; i++) {
		const struct register_field *field = &entry->fields[i];

		if (field->high == field->low)
			snprintf(place, sizeof(place), "%u", field->low);
		else
			snprintf(place, sizeof(place), "%u:%u", field->high,
				 field->low);
		printf("    %-6s %-12s %s\n", place, field->name, field->about);
	}
}

static int print_list(const struct accesses *list)
{
	const struct register_entry *entry;
	json_t *rows = json_array();
	size_t i;

	for (i = 0; i < list->file.count; i++) {
		entry = &list->file.registers[i];
		if (!list->json)
			print_register(entry);
		json_array_append_new(rows, json_pack(
			"{s:s, s:i, s:I, s:i, s:s, s:s}", "name", entry->name,
			"region", (int)entry->region, "offset",
			(json_int_t)entry->offset, "width", (int)entry->width,
			"access", register_access_name(entry->access),
			"about", entry->about));
	}
	if (list->json)
		return tool_json(rows);
	json_decref(rows);
	return TOOL_DONE;
}

/* ------------------------------------------------------------------------ run */

/* In one program: what is refused touches nothing. */
static int access_all(int fd, struct accesses *list)
{
	struct udrv_io_step steps[UDRV_IO_MAX_STEPS];
	unsigned i;

	for (i = 0; i < list->count; i++) {
		const struct access *one = &list->all[i];

		steps[i] = one->write ?
			usr_step_write(one->region, one->offset, one->width,
				       one->value) :
			usr_step_read(one->region, one->offset, one->width);
	}
	if (usr_io(fd, steps, list->count, NULL))
		return tool_failed();
	for (i = 0; i < list->count; i++)
		if (!list->all[i].write)
			list->all[i].value = steps[i].out_value;
	return show(list);
}

/* Whose registers?  An observer may ask, a driver may have it open. */
static bool find_device(const char *name, struct register_device *device)
{
	int fd = usr_open(name, O_RDONLY);
	struct udrv_info info;
	bool found;

	memset(device, 0, sizeof(*device));
	if (fd < 0)
		return false;
	found = !usr_info(fd, &info);
	if (found) {
		device->vendor = info.out_vendor;
		device->device = info.out_device;
		memcpy(device->name, info.out_name, sizeof(device->name));
	}
	close(fd);
	return found;
}

static int run_on(const struct tool_command *command, struct accesses *list,
		  char **words, int count, const char *name)
{
	int i, fd, status = TOOL_DONE;

	for (i = 0; !status && i < count; i++)
		status = add_word(command, list, words[i]);
	if (!status && !count)
		status = add_all(command, list);
	for (i = 0; !status && i < (int)list->count; i++)
		status = check_access(command, &list->all[i]);
	if (status)
		return status;
	fd = usr_open(name, O_RDWR);
	if (fd < 0)
		return tool_failed();
	status = access_all(fd, list);
	close(fd);
	return status;
}

static int take_options(const struct tool_command *command, int argc, char **argv,
			struct accesses *list)
{
	int option, status;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		list->json |= option == 'J';
		list->list |= option == 'l';
		if (option == 'r')
			list->registers = optarg;
		if (option != 'w')
			continue;
		if (strlen(optarg) != 1 || !strchr("1248", optarg[0]))
			return tool_usage(command, "--width '%s': 1, 2, 4 or 8 bytes",
					  optarg);
		list->width = (unsigned)(optarg[0] - '0');
	}
	return -1;
}

static int run_with(const struct tool_command *command, int argc, char **argv,
		    struct accesses *list)
{
	struct register_device device;
	int status = take_options(command, argc, argv, list);
	int count = argc - optind - 1;
	char **words = argv + optind;

	if (status >= 0)
		return status;
	if (count < 0)
		return tool_usage(command, "%s: no device was given",
				  command->name);
	if (!count && list->pokes && !list->list)
		return tool_usage(command, "poke: REGISTER=VALUE is missing");
	if (!find_device(words[0], &device))
		return tool_failed();
	if (!registers_load(&list->file, &device, list->registers))
		return TOOL_FAILED;
	if ((list->list || !count) && !list->file.count) {
		fprintf(stderr, "udrv: no register file knows %s: say which registers (0:0x0), or --registers FILE\n",
			words[0]);
		status = TOOL_FAILED;
	} else if (list->list) {
		status = print_list(list);
	} else {
		status = run_on(command, list, words + 1, count, words[0]);
	}
	registers_free(&list->file);
	return status;
}

static int run_peek(const struct tool_command *command, int argc, char **argv)
{
	struct accesses list = { .pokes = false };

	return run_with(command, argc, argv, &list);
}

static int run_poke(const struct tool_command *command, int argc, char **argv)
{
	struct accesses list = { .pokes = true };

	return run_with(command, argc, argv, &list);
}

static const struct option options[] = {
	{ "width", required_argument, NULL, 'w' },
	{ "registers", required_argument, NULL, 'r' },
	{ "list", no_argument, NULL, 'l' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

#define REGISTER_HELP							\
	"REGISTER is REGION:OFFSET, where REGION is 0 to 7, config or rom, with\n" \
	"/WIDTH and xCOUNT behind it if need be (0:0x10/2, config:0x40x4); or a name\n" \
	"of the device's register file, if it has one.\n"		\
	"\n"								\
	"  --width N          bytes of a REGISTER that says no width: 1, 2, 4 or 8\n" \
	"                     (4)\n"					\
	"  --registers FILE   names from this file (udrv-registers(5))\n"	\
	"  --list             only show the names\n"			\
	"  --json             as JSON\n"				\
	"\n"								\
	"The device is opened for it, so nobody else may have it open; and when the\n" \
	"tool ends everything is undone: a device that can be reset is.\n" \
	"\n"								\
	TOOL_DEVICE_HELP

const struct tool_command tool_peek = {
	"peek", "read registers",
	"usage: udrv peek [--width N] [--registers FILE] [--list] [--json]\n"
	"                 DEVICE [REGISTER]...\n"
	"\n"
	"Read registers of a device that is bound to udrv, in order and in one go;\n"
	"without REGISTER all that have names, but for those that reading changes.\n"
	"\n"
	REGISTER_HELP,
	run_peek, options, TOOL_REGISTERS, NULL
};

const struct tool_command tool_poke = {
	"poke", "write registers",
	"usage: udrv poke [--width N] [--registers FILE] [--list] [--json]\n"
	"                 DEVICE REGISTER[=VALUE]...\n"
	"\n"
	"Write registers of a device that is bound to udrv, and read those without\n"
	"=VALUE, in order and in one go; if one is refused nothing is written.\n"
	"\n"
	REGISTER_HELP,
	run_poke, options, TOOL_REGISTERS, NULL
};
