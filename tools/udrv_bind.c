// SPDX-License-Identifier: MIT
/* udrv bind, udrv unbind */
#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "udrv_tool.h"

/* A number in decimal, all of the text. */
static bool parse_id(const char *text, unsigned *id)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno ||
	    value >= (unsigned)-1)
		return false;
	*id = (unsigned)value;
	return true;
}

int tool_parse_user(const struct tool_command *command, char *text,
		    struct tool_user *owner)
{
	char *colon = strchr(text, ':');
	struct passwd *user;
	struct group *group;

	if (colon)
		*colon = '\0';
	owner->group = (gid_t)-1;
	user = getpwnam(text);
	if (user)
		owner->user = user->pw_uid;
	else if (!parse_id(text, &owner->user))
		return tool_usage(command, "there is no user '%s'", text);
	if (colon) {
		group = getgrnam(colon + 1);
		if (group)
			owner->group = group->gr_gid;
		else if (!parse_id(colon + 1, &owner->group))
			return tool_usage(command, "there is no group '%s'",
					  colon + 1);
		*colon = ':';
	}
	owner->text = text;
	return TOOL_DONE;
}

/* udev sets a new file's owner too: let it be done first. */
static void wait_for_udev(void)
{
	static char udevadm[] = "udevadm", settle[] = "settle",
		    timeout[] = "--timeout=10";
	char *const arguments[] = { udevadm, settle, timeout, NULL };
	pid_t child;

	if (access("/run/udev/control", F_OK))
		return;
	if (!posix_spawnp(&child, udevadm, NULL, NULL, arguments, environ))
		waitpid(child, NULL, 0);
}

int tool_give_file(const char *name, const struct tool_user *owner)
{
	mode_t mode = owner->group == (gid_t)-1 ? 0600 : 0660;
	char path[64];

	snprintf(path, sizeof(path), UDRV_DIR "/%s", name);
	wait_for_udev();
	if (chown(path, owner->user, owner->group) || chmod(path, mode)) {
		fprintf(stderr, "udrv: %s cannot be given to %s: %s\n", path,
			owner->text, strerror(errno));
		return TOOL_FAILED;
	}
	printf("%s belongs to %s, mode %04o\n", path, owner->text, mode);
	return TOOL_DONE;
}

static int do_bind(const char *name, unsigned flags,
		   const struct tool_user *owner)
{
	struct usr_device device;
	bool was_bound;
	int status = TOOL_DONE;

	if (usr_find(name, &device))
		return tool_failed();
	was_bound = !strcmp(device.driver, "udrv");
	if (usr_bind(device.name, flags))
		return tool_failed();
	if (was_bound)
		printf("%s was bound already\n", device.name);
	else if (device.driver[0])
		printf("%s is bound, taken from %s\n", device.name, device.driver);
	else
		printf("%s is bound\n", device.name);
	if (owner->text)
		status = tool_give_file(device.name, owner);
	if (status && !was_bound && !usr_unbind(device.name))
		printf("%s is unbound again\n", device.name);
	return status;
}

int tool_bind(const struct tool_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "take", no_argument, NULL, 't' },
		{ "group", no_argument, NULL, 'g' },
		{ "owner", required_argument, NULL, 'o' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct tool_user owner = { .text = NULL };
	unsigned flags = 0;
	int option, status;
	char **device;

	while ((option = tool_option(command, argc, argv, options, &status)) != -1) {
		if (option == 't')
			flags |= USR_BIND_TAKE;
		else if (option == 'g')
			flags |= USR_BIND_GROUP;
		else if (option == 'o' && tool_parse_user(command, optarg, &owner))
			status = TOOL_USAGE;
		if (status >= 0)
			return status;
	}
	device = tool_arguments(command, argc, argv, 1);
	return device ? do_bind(device[0], flags, &owner) : TOOL_USAGE;
}

/* --------------------------------------------------------------------- unbind */

/* Its driver cannot have it while another of the group is ours. */
static void print_still_bound(const struct usr_device *device)
{
	struct usr_device *all;
	int i, count;

	count = usr_list(&all);
	if (count < 0)
		return;
	for (i = 0; i < count; i++)
		if (device->group >= 0 && all[i].group == device->group &&
		    !strcmp(all[i].driver, "udrv"))
			printf("%s of the same IOMMU group is still bound, which keeps kernel drivers out\n",
			       all[i].name);
	free(all);
}

static int do_unbind(const char *name)
{
	struct usr_device device;
	char owner[64] = "";
	struct udrv_info info;
	int fd;

	if (usr_find(name, &device))
		return tool_failed();
	fd = usr_open(device.name, O_RDONLY);
	if (fd >= 0) {
		if (!usr_info(fd, &info))
			tool_owner(&info, owner, sizeof(owner));
		close(fd);
	}
	if (usr_unbind(device.name))
		return tool_failed();
	if (owner[0])
		printf("%s was cut off from %s\n", owner, device.name);
	if (usr_find(device.name, &device) || !device.driver[0]) {
		printf("%s is unbound, and has no driver\n", device.name);
		print_still_bound(&device);
	} else {
		printf("%s is unbound, and has the driver %s\n", device.name,
		       device.driver);
	}
	return TOOL_DONE;
}

int tool_unbind(const struct tool_command *command, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char **device;
	int status;

	if (tool_option(command, argc, argv, options, &status) != -1)
		return status;
	device = tool_arguments(command, argc, argv, 1);
	return device ? do_unbind(device[0]) : TOOL_USAGE;
}
