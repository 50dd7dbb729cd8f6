/* SPDX-License-Identifier: MIT */
/* What the files of the udrv tool share. */
#ifndef UDRV_TOOL_H
#define UDRV_TOOL_H

#include <stdbool.h>
#include <sys/types.h>
#include <udrv.h>

/* Exit statuses. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

struct tool_command {
	const char *name;
	const char *summary;		/* a line of `udrv --help` */
	const char *help;		/* all of `udrv NAME --help` */
	int (*run)(const struct tool_command *command, int argc, char **argv);
};

/* udrv_list.c */
int tool_list(const struct tool_command *command, int argc, char **argv);

/* udrv_info.c */
int tool_info(const struct tool_command *command, int argc, char **argv);

/* udrv_bind.c */
int tool_bind(const struct tool_command *command, int argc, char **argv);
int tool_unbind(const struct tool_command *command, int argc, char **argv);

/* Whom a device's file shall belong to: --owner USER[:GROUP]. */
struct tool_user {
	const char *text;	/* NULL: not asked for */
	uid_t user;
	gid_t group;		/* -1: as it is */
};

/* Both complain.  Return: the exit status. */
int tool_parse_user(const struct tool_command *command, char *text,
		    struct tool_user *owner);
int tool_give_file(const char *name, const struct tool_user *owner);

/* udrv_legacy.c */
int tool_legacy(const struct tool_command *command, int argc, char **argv);

/* udrv.c */

struct option;

/*
 * The next option, as getopt_long(); --help is handled.  Return: -1 at the
 * end, else its val; if *status became >= 0, leave with that.
 */
int tool_option(const struct tool_command *command, int argc, char **argv,
		const struct option *options, int *status);

/* What is left must be exactly so many.  NULL: complained. */
char **tool_arguments(const struct tool_command *command, int argc, char **argv,
		      int count);

/* Say on stderr what is wrong.  Return: the exit status. */
__attribute__((format(printf, 2, 3)))
int tool_usage(const struct tool_command *command, const char *format, ...);

/* Say on stderr what usr_error() says. */
int tool_failed(void);

/* "process 12 (name)", or "" = nobody owns it; fd is any open of the device. */
void tool_owner(const struct udrv_info *info, char *text, size_t size);

#endif
