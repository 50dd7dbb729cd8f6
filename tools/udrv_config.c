// SPDX-License-Identifier: MIT
/* udrv config: a device's configuration space, decoded. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "pci_decode.h"
#include "udrv_table.h"
#include "udrv_tool.h"

#define CONFIG_BYTES 4096

/* By sysfs, so that it may have any driver.  Return: bytes, or -1: complained. */
static ssize_t read_config(const char *name, uint8_t *config)
{
	char path[96];
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	got = fd < 0 ? -1 : read(fd, config, CONFIG_BYTES);
	if (got < 0)
		fprintf(stderr, "udrv: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return got;
}

static void print_raw(const uint8_t *config, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		printf("%s%02x%s", i % 16 ? "" : i ? "\n" : "", config[i],
		       i % 16 == 15 ? "" : " ");
	printf("\n");
}

static void print_words(const char *title, const json_t *words)
{
	const char *before = "";
	json_t *each;
	size_t i;

	printf("%-14s", title);
	json_array_foreach(words, i, each) {
		printf("%s%s", before, json_string_value(each));
		before = ", ";
	}
	printf("%s\n", before[0] ? "" : "-");
}

static void print_members(const char *title, json_t *object, const char *skip)
{
	const char *key, *before = "";
	char text[64];
	json_t *value;

	printf("%s", title);
	json_object_foreach(object, key, value) {
		if (strstr(skip, key))
			continue;
		tool_cell(value, strstr(key, "address") || strstr(key, "offset") ?
			  FORM_HEX : FORM_PLAIN, text, sizeof(text));
		printf("%s%s %s", before, key, text);
		before = ", ";
	}
	printf("\n");
}

static void print_list(const json_t *list, const char *kind)
{
	char title[96];
	json_t *each;
	size_t i;

	json_array_foreach(list, i, each) {
		snprintf(title, sizeof(title), "%-13s %#06x %s: ", kind,
			 (unsigned)json_integer_value(json_object_get(each, "at")),
			 json_string_value(json_object_get(each, "name")));
		print_members(title, each, "name id at");
	}
}

static void print_config(json_t *config)
{
	const char *id, *class_code, *header;
	json_t *each, *bars = json_object_get(config, "bars");
	int revision, line, pin, bytes;
	char title[32], bar[16];
	size_t i;

	json_unpack(config, "{s:s, s:s, s:i, s:s, s:i, s:i, s:i}", "id", &id,
		    "class", &class_code, "revision", &revision, "header",
		    &header, "interrupt_line", &line, "interrupt_pin", &pin,
		    "bytes", &bytes);
	printf("%-14s%s, class %s, revision %02x, %s\n", "identity", id,
	       class_code, (unsigned)revision, header);
	print_words("command", json_object_get(config, "command"));
	print_words("status", json_object_get(config, "status"));
	if (pin)
		printf("%-14sINT%c, line %d\n", "interrupt", 'A' + pin - 1, line);
	json_array_foreach(bars, i, each) {
		snprintf(bar, sizeof(bar), "BAR %d", (int)
			 json_integer_value(json_object_get(each, "index")));
		snprintf(title, sizeof(title), "%-14s", bar);
		print_members(title, each, "index");
	}
	print_list(json_object_get(config, "capabilities"), "capability");
	print_list(json_object_get(config, "extended_capabilities"),
		   "extended");
	if (bytes <= 64)
		printf("(capabilities are for root to see)\n");
}

static int show(const char *name, bool json, bool raw)
{
	uint8_t config[CONFIG_BYTES];
	struct usr_device device;
	json_t *decoded;
	ssize_t size;

	if (usr_find(name, &device))
		return tool_failed();
	size = read_config(device.name, config);
	if (size < 0)
		return TOOL_FAILED;
	if (raw) {
		print_raw(config, (size_t)size);
		return TOOL_DONE;
	}
	decoded = pci_decode(config, (size_t)size);
	if (!decoded) {
		fprintf(stderr, "udrv: %s does not answer: its configuration space reads as ones\n",
			device.name);
		return TOOL_FAILED;
	}
	if (json)
		return tool_json(decoded);
	print_config(decoded);
	json_decref(decoded);
	return TOOL_DONE;
}

static int run_config(const struct tool_command *command, int argc, char **argv)
{
	bool json = false, raw = false;
	int option, status;
	char **device;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		json |= option == 'J';
		raw |= option == 'r';
	}
	if (json && raw)
		return tool_usage(command, "only one of --json and --raw");
	device = tool_arguments(command, argc, argv, 1);
	return device ? show(device[0], json, raw) : TOOL_USAGE;
}

static const struct option options[] = {
	{ "raw", no_argument, NULL, 'r' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_config = {
	"config", "show a PCI device's configuration space, decoded",
	"usage: udrv config [--raw] [--json] DEVICE\n"
	"\n"
	"Show what a PCI device's configuration space says: command and status, BARs,\n"
	"capabilities (which only root can see).  It may have any driver.\n"
	"\n"
	"  --raw    bytes in hex, 16 a line\n"
	"  --json   as JSON\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_config, options, TOOL_DEVICE, NULL
};
