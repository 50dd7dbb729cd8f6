// SPDX-License-Identifier: MIT
/* udrv: look at devices, give them to udrv and back.  The table of commands. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "udrv_tool.h"

#define DEVICE_HELP							\
	"DEVICE is a PCI address (0000:00:05.0 or 00:05.0) or vendor:device\n" \
	"(1234:11e8) if only one device has these ids.\n"

static const struct tool_command commands[] = {
	{ "list", "show the devices and who has them",
	  "usage: udrv list [--bound]\n"
	  "\n"
	  "Show PCI devices: address, vendor:device, driver, IOMMU group, the process\n"
	  "that has it open through udrv, name.\n"
	  "\n"
	  "  --bound   only those that are bound to udrv\n",
	  tool_list },
	{ "info", "show what a bound device has, counts and maps",
	  "usage: udrv info DEVICE\n"
	  "\n"
	  "Show a device that is bound to udrv: owner, interrupts, regions, counters,\n"
	  "DMA mappings.  It may be in use; nothing is changed.\n"
	  "\n"
	  DEVICE_HELP,
	  tool_info },
	{ "bind", "give a device to udrv",
	  "usage: udrv bind [--take] [--group] [--owner USER[:GROUP]] DEVICE\n"
	  "\n"
	  "Give a device to udrv, as root.  Until it is unbound it is a file in\n"
	  "/dev/udrv.\n"
	  "\n"
	  "  --take                 also from the driver that has it now\n"
	  "  --group                and also what is in the way in its IOMMU group\n"
	  "  --owner USER[:GROUP]   whom the file shall belong to (mode 0600, with\n"
	  "                         GROUP 0660)\n"
	  "\n"
	  DEVICE_HELP,
	  tool_bind },
	{ "unbind", "give a device back to the kernel's driver",
	  "usage: udrv unbind DEVICE\n"
	  "\n"
	  "Take a device from udrv, as root, and let the kernel's own driver have it.\n"
	  "A process that has it open is cut off from it.\n"
	  "\n"
	  DEVICE_HELP,
	  tool_unbind },
	{ "legacy", "declare devices that are not PCI",
	  "usage: udrv legacy add [OPTION]... NAME\n"
	  "       udrv legacy remove NAME\n"
	  "       udrv legacy list\n"
	  "\n"
	  "Declare devices that are not PCI: a keyboard controller, a parallel port.\n"
	  "udrv legacy add --help says more.\n",
	  tool_legacy },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

int tool_failed(void)
{
	fprintf(stderr, "udrv: %s\n", usr_error());
	return TOOL_FAILED;
}

int tool_usage(const struct tool_command *command, const char *format, ...)
{
	va_list args;

	fputs("udrv: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see udrv %s%s--help\n", command ? command->name : "",
		command ? " " : "");
	return TOOL_USAGE;
}

int tool_option(const struct tool_command *command, int argc, char **argv,
		const struct option *options, int *status)
{
	int option = getopt_long(argc, argv, "", options, NULL);

	*status = -1;
	if (option == '?') {	/* getopt_long() said what is wrong */
		*status = TOOL_USAGE;
	} else if (option == 'h') {
		fputs(command->help, stdout);
		*status = TOOL_DONE;
	}
	return option;
}

char **tool_arguments(const struct tool_command *command, int argc, char **argv,
		      int count)
{
	int given = argc - optind;

	if (given == count)
		return argv + optind;
	if (given > count)
		tool_usage(command, "%s: '%s' is too much", command->name,
			   argv[optind + count]);
	else
		tool_usage(command, "%s: no device was given", command->name);
	return NULL;
}

void tool_owner(const struct udrv_info *info, char *text, size_t size)
{
	char path[64], name[32] = "";
	FILE *file;

	text[0] = '\0';
	if (!(info->out_caps & UDRV_INFO_OWNED))
		return;
	if (!info->out_owner_pid) {
		snprintf(text, size, "a process of another namespace");
		return;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", info->out_owner_pid);
	file = fopen(path, "re");
	if (file) {
		if (fgets(name, sizeof(name), file))
			name[strcspn(name, "\n")] = '\0';
		fclose(file);
	}
	snprintf(text, size, "process %d (%s)", info->out_owner_pid,
		 file ? name : "it is gone, others have its file");
}

static void print_help(void)
{
	size_t i;

	fputs("usage: udrv COMMAND [ARGUMENT]...\n"
	      "\n"
	      "Devices for drivers that are ordinary processes.\n"
	      "\n", stdout);
	for (i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	fputs("\n"
	      "udrv COMMAND --help says more.\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong arguments.\n",
	      stdout);
}

static int run(int argc, char **argv)
{
	size_t i;

	if (argc < 2)
		return tool_usage(NULL, "no command was given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help();
		return TOOL_DONE;
	}
	for (i = 0; i < COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		argv[1] = argv[0];	/* for getopt_long()'s complaints */
		return commands[i].run(&commands[i], argc - 1, argv + 1);
	}
	return tool_usage(NULL, "there is no command '%s'", argv[1]);
}

int main(int argc, char **argv)
{
	int status = run(argc, argv);

	/* Output that did not get out was not done. */
	if ((fflush(stdout) || ferror(stdout)) && status == TOOL_DONE) {
		perror("udrv: standard output");
		status = TOOL_FAILED;
	}
	return status;
}
