// SPDX-License-Identifier: MIT
/* udrv bind, udrv unbind */
#include <errno.h>
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

bool tool_find_user(char *text, struct tool_user *owner, char *error, size_t size)
{
	char *colon = strchr(text, ':');
	struct passwd *user;
	struct group *group;
	bool found;

	if (colon)
		*colon = '\0';
	owner->text = text;
	owner->group = (gid_t)-1;
	user = getpwnam(text);
	if (user)
		owner->user = user->pw_uid;
	found = user || parse_id(text, &owner->user);
	if (!found)
		snprintf(error, size, "there is no user '%s'", text);
	if (colon)
		*colon = ':';
	if (!found || !colon)
		return found;
	group = getgrnam(colon + 1);
	if (group)
		owner->group = group->gr_gid;
	found = group || parse_id(colon + 1, &owner->group);
	if (!found)
		snprintf(error, size, "there is no group '%s'", colon + 1);
	return found;
}

int tool_parse_user(const struct tool_command *command, char *text,
		    struct tool_user *owner)
{
	char error[128];

	if (tool_find_user(text, owner, error, sizeof(error)))
		return TOOL_DONE;
	return tool_usage(command, "%s", error);
}

/*
 * udev sets a new file's owner too: let it be done first.  But for a program of
 * udev's own, which it is waiting for; the file's event comes after that.
 */
static void wait_for_udev(void)
{
	static char udevadm[] = "udevadm", settle[] = "settle",
		    timeout[] = "--timeout=10";
	char *const arguments[] = { udevadm, settle, timeout, NULL };
	pid_t child;

	if (access("/run/udev/control", F_OK) ||
	    (getenv("DEVPATH") && getenv("SEQNUM")))
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

int tool_do_bind(const char *name, unsigned flags, const struct tool_user *owner)
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

/* ----------------------------------------------------------------- its options */

struct request {
	unsigned flags;
	struct tool_user owner;
	const char *driver;
	const char *save;	/* "address", "id" or "class" */
	int saved;		/* 'S', 'm' or 'c': what the table says */
};

static int take_save(const struct tool_command *command, const char *how,
		     struct request *request)
{
	request->save = how ? how : "address";
	if (!strcmp(request->save, "address") || !strcmp(request->save, "id") ||
	    !strcmp(request->save, "class"))
		return TOOL_DONE;
	return tool_usage(command, "--save=%s: address, id or class?", how);
}

static int take_option(const struct tool_command *command, int option,
		       struct request *request)
{
	switch (option) {
	case 't':
		request->flags |= USR_BIND_TAKE;
		return TOOL_DONE;
	case 'g':
		request->flags |= USR_BIND_GROUP;
		return TOOL_DONE;
	case 'o':
		return tool_parse_user(command, optarg, &request->owner);
	case 'd':
		request->driver = optarg;
		return TOOL_DONE;
	case 's':
		return take_save(command, optarg, request);
	default:
		if (request->saved)
			return tool_usage(command, "only one of --saved, --match and --check");
		request->saved = option;
		return TOOL_DONE;
	}
}

/* What it says in the table. */
static int run_saved(const struct tool_command *command, int argc, char **argv,
		     const struct request *request)
{
	int count = argc - optind;

	if (request->flags || request->owner.text || request->driver ||
	    request->save)
		return tool_usage(command, "--saved, --match and --check take what the table says: no other option");
	if (count > 1)
		return tool_usage(command, "bind: '%s' is too much",
				  argv[optind + 1]);
	if (request->saved == 'm' && !count)
		return tool_usage(command, "--match: no device was given");
	if (request->saved == 'c' && count)
		return tool_usage(command, "--check: '%s' is too much",
				  argv[optind]);
	if (request->saved == 'c')
		return tool_bind_check();
	if (request->saved == 'm')
		return tool_bind_match(argv[optind]);
	return tool_bind_saved(count ? argv[optind] : NULL);
}

static int run_bind(const struct tool_command *command, int argc, char **argv)
{
	struct request request = { .owner.text = NULL };
	struct usr_device device;
	int option, status;
	char **name;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status < 0 && take_option(command, option, &request))
			status = TOOL_USAGE;
		if (status >= 0)
			return status;
	}
	if (request.saved)
		return run_saved(command, argc, argv, &request);
	if (request.driver && !request.save)
		return tool_usage(command, "--driver goes with --save");
	name = tool_arguments(command, argc, argv, 1);
	if (!name)
		return TOOL_USAGE;
	if (!request.save)
		return tool_do_bind(name[0], request.flags, &request.owner);
	if (usr_find(name[0], &device))
		return tool_failed();
	return tool_bind_and_save(&device, request.flags, &request.owner,
				  request.driver, request.save);
}

static const struct option options[] = {
	{ "take", no_argument, NULL, 't' },
	{ "group", no_argument, NULL, 'g' },
	{ "owner", required_argument, NULL, 'o' },
	{ "save", optional_argument, NULL, 's' },
	{ "driver", required_argument, NULL, 'd' },
	{ "saved", no_argument, NULL, 'S' },
	{ "match", no_argument, NULL, 'm' },
	{ "check", no_argument, NULL, 'c' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_bind = {
	"bind", "give a device to udrv",
	"usage: udrv bind [--take] [--group] [--owner USER[:GROUP]]\n"
	"                 [--save[=HOW] [--driver UNIT]] DEVICE\n"
	"       udrv bind --saved [DEVICE]\n"
	"       udrv bind --match DEVICE\n"
	"       udrv bind --check\n"
	"\n"
	"Give a device to udrv, as root.  Until it is unbound it is a file in\n"
	"/dev/udrv.\n"
	"\n"
	"  --take                 also from the driver that has it now\n"
	"  --group                and also what is in the way in its IOMMU group\n"
	"  --owner USER[:GROUP]   whom the file shall belong to (mode 0600, with\n"
	"                         GROUP 0660)\n"
	"  --save[=HOW]           and each time again that it appears, by a rule in\n"
	"                         /etc/udrv/saved.conf.  HOW says what it is known by:\n"
	"                         address (the default), id or class\n"
	"  --driver UNIT          the rule also has the unit UNIT@DEVICE.service started\n"
	"\n"
	"What the rules in /etc/udrv/*.conf say (udrv.conf(5)):\n"
	"\n"
	"  --saved                bind what has a rule: DEVICE, which may have none, or\n"
	"                         all; udev does so with what appears\n"
	"  --match                print the rule that DEVICE has as NAME=VALUE lines\n"
	"  --check                only say whether all rules are good\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_bind, options, TOOL_DEVICE, NULL
};

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

static void say_owner_lost(const char *name, const char *owner)
{
	struct usr_device device;
	char rule[200];

	if (owner[0])
		printf("%s was cut off from %s\n", owner, name);
	if (usr_find(name, &device))
		return;
	if (!device.driver[0]) {
		printf("%s is unbound, and has no driver\n", name);
		print_still_bound(&device);
	} else {
		printf("%s is unbound, and has the driver %s\n", name,
		       device.driver);
	}
	tool_saved_in(&device, rule, sizeof(rule));
	if (rule[0])
		printf("%s will be bound again when it appears, by %s\n", name,
		       rule);
}

static int do_unbind(const struct usr_device *device)
{
	char owner[64] = "";
	struct udrv_info info;
	int fd;

	fd = usr_open(device->name, O_RDONLY);
	if (fd >= 0) {
		if (!usr_info(fd, &info))
			tool_owner(&info, owner, sizeof(owner));
		close(fd);
	}
	if (usr_unbind(device->name))
		return tool_failed();
	say_owner_lost(device->name, owner);
	return TOOL_DONE;
}

static int run_unbind(const struct tool_command *command, int argc, char **argv)
{
	struct usr_device device;
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
	if (usr_find(name[0], &device))
		return tool_failed();
	if (save) {
		status = tool_unbind_saved(&device);
		/* The rule was all there was to undo. */
		if (status || strcmp(device.driver, "udrv") != 0)
			return status;
	}
	return do_unbind(&device);
}

static const struct option unbind_options[] = {
	{ "save", no_argument, NULL, 's' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_unbind = {
	"unbind", "give a device back to the kernel's driver",
	"usage: udrv unbind [--save] DEVICE\n"
	"\n"
	"Take a device from udrv, as root, and let the kernel's own driver have it.\n"
	"A process that has it open is cut off from it.\n"
	"\n"
	"  --save   and take away the rules of `udrv bind --save` that bind it\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_unbind, unbind_options, TOOL_BOUND, NULL
};
