// SPDX-License-Identifier: MIT
/* udrv dma: the ledger, who mapped what. */
#include <stdio.h>
#include "udrv_bound.h"
#include "udrv_info.h"

static const struct tool_column columns[] = {
	{ "device", "DEVICE", FORM_PLAIN },
	{ "id", "ID", FORM_PLAIN },
	{ "iova", "DEVICE ADDRESS", FORM_HEX },
	{ "length", "LENGTH", FORM_BYTES },
	{ "address", "ADDRESS", FORM_HEX },
	{ "what", "WHAT", FORM_PLAIN },
	{ "pid", "PID", FORM_PLAIN },
	{ "command", "COMMAND", FORM_PLAIN },
	{ NULL, NULL, FORM_PLAIN },
};

static json_t *words_of(const json_t *array)
{
	char text[80] = "";
	json_t *each;
	size_t i;

	json_array_foreach(array, i, each) {
		strcat(text, i ? " " : "");
		strncat(text, json_string_value(each),
			sizeof(text) - strlen(text) - 2);
	}
	return json_string(text);
}

static int add_device(const char *name, int fd, void *data)
{
	json_t *rows = data, *found = info_mappings(fd), *row;
	char command[64];
	size_t i;

	if (!found)
		return TOOL_FAILED;
	json_array_foreach(found, i, row) {
		tool_command_of((int)json_integer_value(
				json_object_get(row, "pid")), command,
				sizeof(command));
		json_object_set_new(row, "device", json_string(name));
		json_object_set_new(row, "command", command[0] ?
				    json_string(command) : json_null());
		json_object_set_new(row, "what",
				    words_of(json_object_get(row, "state")));
		json_array_append(rows, row);
	}
	json_decref(found);
	return TOOL_DONE;
}

static int run_dma(const struct tool_command *command, int argc, char **argv)
{
	json_t *rows = json_array();
	int option, status;
	bool json = false;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		json |= option == 'J';
		if (status < 0)
			continue;
		json_decref(rows);
		return status;
	}
	status = bound_each(argv + optind, argc - optind, add_device, rows);
	if (!status && json)
		return tool_json(rows);
	if (!status)
		tool_table(columns, rows);
	json_decref(rows);
	return status;
}

const struct tool_command tool_dma = {
	"dma", "show what devices can reach, and who mapped it",
	"usage: udrv dma [--json] [DEVICE]...\n"
	"\n"
	"Show the ledger of the devices, or of all that are bound to udrv: each piece\n"
	"of memory that a device can reach, at which address, and the process that\n"
	"mapped it.  An orphaned one's process is dead: a successor, or the last\n"
	"close, takes it away.\n"
	"\n"
	"  --json   as JSON\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_dma, tool_json_only, TOOL_BOUND, NULL
};
