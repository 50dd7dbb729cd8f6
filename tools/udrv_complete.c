// SPDX-License-Identifier: MIT
/* udrv complete: what a shell may put at the end of a command line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_registers.h"
#include "udrv_tool.h"

static void print_options(const struct tool_command *command)
{
	const struct option *each;

	for (each = command->options; each->name; each++)
		printf("--%s%s\n", each->name,
		       each->has_arg == required_argument ? "=" : "");
}

static void print_directory(const char *path, bool pci_only)
{
	struct dirent **names;
	int i, count = scandir(path, &names, NULL, alphasort);

	for (i = 0; i < count; i++) {
		const char *name = names[i]->d_name;

		if (name[0] != '.' && strcmp(name, "control") != 0 &&
		    (!pci_only || strchr(name, ':')))
			printf("%s\n", name);
		free(names[i]);
	}
	if (count >= 0)
		free(names);
}

static void print_registers(const char *name)
{
	struct register_device device = { .vendor = 0 };
	struct register_file file;
	struct udrv_info info;
	int fd = usr_open(name, O_RDONLY);
	size_t i;

	if (fd < 0)
		return;
	if (!usr_info(fd, &info)) {
		device.vendor = info.out_vendor;
		device.device = info.out_device;
		memcpy(device.name, info.out_name, sizeof(device.name));
		registers_load(&file, &device, NULL);
		for (i = 0; i < file.count; i++)
			printf("%s\n", file.registers[i].name);
		registers_free(&file);
	}
	close(fd);
}

/* The first word that is no option: the device, if it was given. */
static const char *device_in(char **words, int count)
{
	int i;

	for (i = 0; i < count; i++)
		if (words[i][0] != '-')
			return words[i];
	return NULL;
}

static void print_arguments(const struct tool_command *command, char **words,
			    int count)
{
	const char *device = device_in(words, count);

	if (command->argument == TOOL_REGISTERS && device)
		print_registers(device);
	else if (command->argument == TOOL_DEVICE)
		print_directory("/sys/bus/pci/devices", true);
	else if (command->argument != TOOL_NOTHING)
		print_directory(UDRV_DIR, false);
}

static void print_commands(const struct tool_command *const *commands)
{
	const char *space;

	for (; *commands; commands++) {
		space = strchr((*commands)->name, ' ');
		printf("%s\n", space ? space + 1 : (*commands)->name);
	}
}

static const struct tool_command *
find(const struct tool_command *const *commands, const char *word)
{
	const char *space;

	for (; *commands; commands++) {
		space = strchr((*commands)->name, ' ');
		if (!strcmp(space ? space + 1 : (*commands)->name, word))
			return *commands;
	}
	return NULL;
}

static int run_complete(const struct tool_command *command, int argc, char **argv)
{
	const struct tool_command *const *commands = tool_commands;
	const struct tool_command *found = NULL;
	int status, i;

	if (tool_option(command, argc, argv, &status) != -1)
		return status;
	/* All but the last word stand already; that one is being typed. */
	for (i = optind; i < argc - 1 && commands; i++) {
		found = find(commands, argv[i]);
		if (!found)
			return TOOL_DONE;
		commands = found->sub;
	}
	if (commands)
		print_commands(commands);
	if (!found || found->sub)
		return TOOL_DONE;
	print_options(found);
	print_arguments(found, argv + i, argc - 1 - i);
	return TOOL_DONE;
}

const struct tool_command tool_complete = {
	"complete", "list how a command line can go on, for shells",
	"usage: udrv complete -- [WORD]...\n"
	"\n"
	"List what can take the place of the last WORD of a command line that begins\n"
	"with the others, one a line.  The completions of bash and zsh ask this.\n",
	run_complete, tool_help_only, TOOL_NOTHING, NULL
};
