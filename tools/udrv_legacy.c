// SPDX-License-Identifier: MIT
/* udrv legacy: declare devices that are not PCI, remove and list them. */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_conf.h"
#include "udrv_legacy.h"
#include "udrv_table.h"

void legacy_driver(const char *from, char *driver, size_t size)
{
	const char *slash = strchr(from, '/');
	char path[PATH_MAX], target[PATH_MAX];
	ssize_t length = -1;

	driver[0] = '\0';
	if (slash) {
		snprintf(path, sizeof(path), SYS_BUS "/%.*s/devices/%s/driver",
			 (int)(slash - from), from, slash + 1);
		length = readlink(path, target, sizeof(target) - 1);
	}
	if (length < 0)
		return;
	target[length] = '\0';
	snprintf(driver, size, "%s", strrchr(target, '/') + 1);
}

static void owner_of(const char *name, char *text, size_t size)
{
	int fd = usr_open(name, O_RDONLY);
	struct udrv_info info;

	text[0] = '\0';
	if (fd < 0)
		return;
	if (!usr_info(fd, &info))
		tool_owner(&info, text, size);
	close(fd);
}

static const struct option remove_options[] = {
	{ "save", no_argument, NULL, 's' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION
};

/* Not a declaration that ever was is not there, if its rule was. */
static int forget(const char *name)
{
	char selector[48];
	bool changed;

	snprintf(selector, sizeof(selector), "legacy:%.32s", name);
	if (!conf_save(selector, NULL, &changed))
		return TOOL_FAILED;
	if (changed)
		printf("%s is no longer declared at start-up\n", name);
	return TOOL_DONE;
}

static int do_remove(const char *name)
{
	char owner[64], driver[64];
	struct udrv_legacy was;

	if (usr_legacy_get(name, &was))
		return tool_failed();
	owner_of(was.name, owner, sizeof(owner));
	if (usr_legacy_remove(was.name))
		return tool_failed();
	if (owner[0])
		printf("%s was cut off from %s\n", owner, was.name);
	printf("%s is removed", was.name);
	legacy_driver(was.from, driver, sizeof(driver));
	if (driver[0])
		printf(", and %s has the driver %s", was.from, driver);
	else if (was.from[0])
		printf(", and %s has no driver", was.from);
	printf("\n");
	return TOOL_DONE;
}

static int legacy_remove(const struct tool_command *command, int argc, char **argv)
{
	int option, status;
	bool save = false;
	char **name;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		save = option == 's';
	}
	name = tool_arguments(command, argc, argv, 1);
	if (!name)
		return TOOL_USAGE;
	status = save ? forget(name[0]) : TOOL_DONE;
	return status ? status : do_remove(name[0]);
}

static void print_line(uint32_t vector, uint32_t line)
{
	printf("  vector %u   line %u", vector, line & UDRV_LINE_NUMBER);
	if (line & UDRV_LINE_GSI)
		printf(", %s-%s", line & UDRV_LINE_LEVEL ? "level" : "edge",
		       line & UDRV_LINE_LOW ? "low" : "high");
	printf("\n");
}

static void print_declaration(const struct udrv_legacy *legacy)
{
	char owner[64];
	uint32_t i;

	printf("%s\n", legacy->name);
	for (i = 0; i < legacy->range_count; i++) {
		const struct udrv_legacy_range *range = &legacy->ranges[i];

		printf("  region %u   %s %#" PRIx64 "-%#" PRIx64 "\n", i,
		       range->kind == UDRV_KIND_PORTS ? "ports" : "memory",
		       (uint64_t)range->start,
		       (uint64_t)(range->start + range->bytes - 1));
	}
	for (i = 0; i < legacy->line_count; i++)
		print_line(i, legacy->lines[i]);
	if (legacy->from[0])
		printf("  taken from %s\n", legacy->from);
	owner_of(legacy->name, owner, sizeof(owner));
	printf("  open in    %s\n", owner[0] ? owner : "-");
}

static json_t *describe(const struct udrv_legacy *legacy)
{
	json_t *ranges = json_array(), *lines = json_array(), *range;
	uint32_t i;

	for (i = 0; i < legacy->range_count; i++) {
		range = json_pack("{s:s}", "kind", legacy->ranges[i].kind ==
				  UDRV_KIND_PORTS ? "ports" : "memory");
		tool_set_number(range, "start", legacy->ranges[i].start);
		tool_set_number(range, "bytes", legacy->ranges[i].bytes);
		json_array_append_new(ranges, range);
	}
	for (i = 0; i < legacy->line_count; i++)
		json_array_append_new(lines, json_integer(legacy->lines[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o}", "name", legacy->name,
			 "regions", ranges, "lines", lines, "taken_from",
			 legacy->from[0] ? json_string(legacy->from) :
			 json_null(), "holder", tool_holder(legacy->name));
}

static int legacy_list(const struct tool_command *command, int argc, char **argv)
{
	int i, count, option, status;
	struct udrv_legacy *all;
	bool json = false;
	json_t *rows;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		json |= option == 'J';
	}
	if (!tool_arguments(command, argc, argv, 0))
		return TOOL_USAGE;
	count = usr_legacy_list(&all);
	if (count < 0)
		return tool_failed();
	rows = json_array();
	for (i = 0; i < count; i++) {
		if (json)
			json_array_append_new(rows, describe(&all[i]));
		else
			print_declaration(&all[i]);
	}
	free(all);
	if (json)
		return tool_json(rows);
	json_decref(rows);
	return TOOL_DONE;
}

/* ----------------------------------------------------------- the sub-commands */

static const struct tool_command remove_command = {
	"legacy remove", "take a declared device away",
	"usage: udrv legacy remove [--save] NAME\n"
	"\n"
	"Remove a declared device, as root.  A process that has it open is cut off\n"
	"from it; the driver that it was taken from gets it back.\n"
	"\n"
	"  --save   and forget what `udrv legacy add --save` noted\n",
	legacy_remove, remove_options, TOOL_BOUND, NULL
};

static const struct tool_command list_command = {
	"legacy list", "show the declared devices",
	"usage: udrv legacy list [--json]\n"
	"\n"
	"Show declared devices: regions, lines, the process that has it open.\n"
	"\n"
	"  --json   as JSON\n",
	legacy_list, tool_json_only, TOOL_NOTHING, NULL
};

static const struct tool_command *const commands[] = {
	&legacy_add_command, &remove_command, &list_command, NULL };

static int run_legacy(const struct tool_command *command, int argc, char **argv)
{
	const size_t skip = strlen("legacy ");
	const struct tool_command *const *each;

	if (argc < 2)
		return tool_usage(command, "legacy: add, remove or list?");
	if (!strcmp(argv[1], "--help")) {
		fputs(command->help, stdout);
		return TOOL_DONE;
	}
	for (each = commands; *each; each++) {
		if (strcmp(argv[1], (*each)->name + skip) != 0)
			continue;
		argv[1] = argv[0];
		return (*each)->run(*each, argc - 1, argv + 1);
	}
	return tool_usage(command, "legacy: there is no '%s'", argv[1]);
}

const struct tool_command tool_legacy = {
	"legacy", "declare devices that are not PCI",
	"usage: udrv legacy add [OPTION]... NAME\n"
	"       udrv legacy remove [--save] NAME\n"
	"       udrv legacy list [--json]\n"
	"\n"
	"Declare devices that are not PCI: a keyboard controller, a parallel port.\n"
	"udrv legacy add --help says more.\n",
	run_legacy, tool_help_only, TOOL_NOTHING, commands
};
