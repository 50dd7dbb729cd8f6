/* SPDX-License-Identifier: MIT */
/* What the files of the udrv tool share. */
#ifndef UDRV_TOOL_H
#define UDRV_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <sys/types.h>
#include <udrv.h>

/* Exit statuses. */
enum { TOOL_DONE = 0, TOOL_FAILED = 1, TOOL_USAGE = 2 };

/* What stands behind the options: for shells that complete it. */
enum tool_argument {
	TOOL_NOTHING,
	TOOL_DEVICE,		/* any PCI device */
	TOOL_BOUND,		/* one that is a file in /dev/udrv */
	TOOL_REGISTERS,		/* such a one, then names of its registers */
};

struct tool_command {
	const char *name;
	const char *summary;		/* a line of `udrv --help` */
	const char *help;		/* all of `udrv NAME --help` */
	int (*run)(const struct tool_command *command, int argc, char **argv);
	const struct option *options;	/* ends with zeroes */
	enum tool_argument argument;
	const struct tool_command *const *sub;	/* or NULL; ends with NULL */
};

#define TOOL_HELP_OPTION	{ "help", no_argument, NULL, 'h' }
#define TOOL_JSON_OPTION	{ "json", no_argument, NULL, 'J' }
#define TOOL_NO_OPTION		{ NULL, 0, NULL, 0 }

#define TOOL_DEVICE_HELP						\
	"DEVICE is a PCI address (0000:00:05.0 or 00:05.0) or vendor:device\n" \
	"(1234:11e8) if only one device has these ids.\n"

/* A file each.  To add one: its file, here, and the table in udrv.c. */
extern const struct tool_command tool_list, tool_info, tool_bind, tool_unbind,
	tool_reset, tool_peek, tool_poke, tool_config, tool_irq, tool_dma,
	tool_trace, tool_top, tool_legacy, tool_new, tool_doctor, tool_complete;

extern const struct tool_command *const tool_commands[];	/* ends with NULL */

/* For commands that have only --help, or that and --json. */
extern const struct option tool_help_only[], tool_json_only[];

/* udrv_legacy_add.c: for udrv_saved.c */
extern const struct tool_command legacy_add_command;

/* Whom a device's file shall belong to: --owner USER[:GROUP]. */
struct tool_user {
	const char *text;	/* NULL: not asked for */
	uid_t user;
	gid_t group;		/* -1: as it is */
};

/* False: @error says who is not there.  @text is left as it was. */
bool tool_find_user(char *text, struct tool_user *owner, char *error, size_t size);

/* Both complain.  Return: the exit status. */
int tool_parse_user(const struct tool_command *command, char *text,
		    struct tool_user *owner);
int tool_give_file(const char *name, const struct tool_user *owner);

/* Bind, say so, give the file.  Return: the exit status. */
int tool_do_bind(const char *name, unsigned flags, const struct tool_user *owner);

/* udrv_saved.c: --saved, --match, --check.  @name may be NULL.  Both complain. */
int tool_bind_saved(const char *name);
int tool_bind_match(const char *name);
int tool_bind_check(void);

/* Bind, and note it in the table as the one of --owner, --driver, --save=@how. */
int tool_bind_and_save(const struct usr_device *device, unsigned flags,
		       const struct tool_user *owner, const char *driver,
		       const char *how);
int tool_unbind_saved(const struct usr_device *device);

/* The rule in the table that will bind it, "FILE:LINE"; or "". */
void tool_saved_in(const struct usr_device *device, char *text, size_t size);

/* udrv_table.c */

/* All of a text file, for free().  NULL: errno says why. */
char *tool_read_whole(const char *path);
/* A process's command; "" if it is gone. */
void tool_command_of(int pid, char *text, size_t size);

/* udrv.c */

/*
 * The next of the command's options, as getopt_long(); --help is handled.
 * Return: -1 at the end, else its val; if *status became >= 0, leave with that.
 */
int tool_option(const struct tool_command *command, int argc, char **argv,
		int *status);

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
