// SPDX-License-Identifier: MIT
/* udrv: look at devices, give them to udrv and back.  The table of commands. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "udrv_tool.h"

const struct tool_command *const tool_commands[] = {
	&tool_list, &tool_info, &tool_bind, &tool_unbind, &tool_reset,
	&tool_peek, &tool_poke, &tool_config, &tool_irq, &tool_dma,
	&tool_trace, &tool_top, &tool_legacy, &tool_new, &tool_doctor,
	&tool_complete, NULL };

const struct option tool_help_only[] = { TOOL_HELP_OPTION, TOOL_NO_OPTION };

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
		int *status)
{
	int option = getopt_long(argc, argv, "", command->options, NULL);

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
	char name[64];

	text[0] = '\0';
	if (!(info->out_caps & UDRV_INFO_OWNED))
		return;
	if (!info->out_owner_pid) {
		snprintf(text, size, "a process of another namespace");
		return;
	}
	tool_command_of(info->out_owner_pid, name, sizeof(name));
	snprintf(text, size, "process %d (%.32s)", info->out_owner_pid, name[0] ?
		 name : "it is gone, others have its file");
}

static void print_help(void)
{
	const struct tool_command *const *each;

	fputs("usage: udrv COMMAND [ARGUMENT]...\n"
	      "\n"
	      "Devices for drivers that are ordinary processes.\n"
	      "\n", stdout);
	for (each = tool_commands; *each; each++)
		printf("  %-8s %s\n", (*each)->name, (*each)->summary);
	fputs("\n"
	      "udrv COMMAND --help says more.\n"
	      "Exit status: 0 done, 1 refused or failed, 2 wrong arguments.\n",
	      stdout);
}

static int run(int argc, char **argv)
{
	const struct tool_command *const *each;

	if (argc < 2)
		return tool_usage(NULL, "no command was given");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "help")) {
		print_help();
		return TOOL_DONE;
	}
	for (each = tool_commands; *each; each++) {
		if (strcmp(argv[1], (*each)->name) != 0)
			continue;
		argv[1] = argv[0];	/* for getopt_long()'s complaints */
		return (*each)->run(*each, argc - 1, argv + 1);
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
