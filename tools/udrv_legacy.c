// SPDX-License-Identifier: MIT
/* udrv legacy: declare devices that are not PCI, remove and list them. */
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_legacy.h"

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

static int legacy_remove(const struct tool_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char owner[64], driver[64], **name;
	struct udrv_legacy was;
	int status;

	if (tool_option(command, argc, argv, options, &status) != -1)
		return status;
	name = tool_arguments(command, argc, argv, 1);
	if (!name)
		return TOOL_USAGE;
	if (usr_legacy_get(name[0], &was))
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
		printf("  vector %u   line %u\n", i, legacy->lines[i]);
	if (legacy->from[0])
		printf("  taken from %s\n", legacy->from);
	owner_of(legacy->name, owner, sizeof(owner));
	printf("  open in    %s\n", owner[0] ? owner : "-");
}

static int legacy_list(const struct tool_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct udrv_legacy *all;
	int i, count, status;

	if (tool_option(command, argc, argv, options, &status) != -1)
		return status;
	if (!tool_arguments(command, argc, argv, 0))
		return TOOL_USAGE;
	count = usr_legacy_list(&all);
	if (count < 0)
		return tool_failed();
	for (i = 0; i < count; i++)
		print_declaration(&all[i]);
	free(all);
	return TOOL_DONE;
}

/* ----------------------------------------------------------- the sub-commands */

static const struct tool_command commands[] = {
	{ "legacy add", NULL,
	  "usage: udrv legacy add keyboard [--owner USER[:GROUP]]\n"
	  "       udrv legacy add parport0 [--base PORT] [--irq N] [--owner USER[:GROUP]]\n"
	  "       udrv legacy add [OPTION]... NAME\n"
	  "\n"
	  "Declare a device that is not PCI, as root.  Until it is removed it is the\n"
	  "file /dev/udrv/NAME: region i is the i-th range, vector i the i-th line.\n"
	  "Unloading the module removes it too, but gives no driver its device back.\n"
	  "\n"
	  "  keyboard               the PC's 8042: ports 0x60 and 0x64, lines 1 (keyboard)\n"
	  "                         and 12 (mouse), taken from the driver i8042: the\n"
	  "                         console has no keyboard from then on\n"
	  "  parport0, parport1     a parallel port: 8 ports from 0x378 or 0x278, line 7\n"
	  "                         or 5, taken from its driver\n"
	  "\n"
	  "  --ports START:COUNT[,...]   I/O ports\n"
	  "  --memory START:SIZE[,...]   physical memory of the device's; SIZE may end\n"
	  "                              in k, M or G\n"
	  "  --irq N[,...]               interrupt lines of the ISA bus, 0 to 15\n"
	  "  --base PORT                 where a parallel port is, if elsewhere\n"
	  "  --take SYSFS-DEVICE         BUS/DEVICE (pnp/00:04) or a path in /sys: take it\n"
	  "                              from its driver, which gets it back on removal;\n"
	  "                              without --ports and --memory it is made of what\n"
	  "                              a PnP device says it is\n"
	  "  --owner USER[:GROUP]        whom the file shall belong to (mode 0600, with\n"
	  "                              GROUP 0660)\n"
	  "\n"
	  "Nothing is taken that a driver holds, except by --take; nothing that is RAM,\n"
	  "the firmware's or a PCI device's.  Numbers are decimal or 0x.\n"
	  "\n"
	  "Who may open a device can do all that its registers can: the keyboard's\n"
	  "controller, for one, can reset the machine.\n",
	  legacy_add },
	{ "legacy remove", NULL,
	  "usage: udrv legacy remove NAME\n"
	  "\n"
	  "Remove a declared device, as root.  A process that has it open is cut off\n"
	  "from it; the driver that it was taken from gets it back.\n",
	  legacy_remove },
	{ "legacy list", NULL,
	  "usage: udrv legacy list\n"
	  "\n"
	  "Show declared devices: regions, lines, the process that has it open.\n",
	  legacy_list },
};

int tool_legacy(const struct tool_command *command, int argc, char **argv)
{
	const size_t skip = strlen("legacy ");
	size_t i;

	if (argc < 2)
		return tool_usage(command, "legacy: add, remove or list?");
	if (!strcmp(argv[1], "--help")) {
		fputs(command->help, stdout);
		return TOOL_DONE;
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(argv[1], commands[i].name + skip) != 0)
			continue;
		argv[1] = argv[0];
		return commands[i].run(&commands[i], argc - 1, argv + 1);
	}
	return tool_usage(command, "legacy: there is no '%s'", argv[1]);
}
