// SPDX-License-Identifier: MIT
/* One device: its driver, its group, who may open it, who has. */
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include "udrv_doctor.h"
#include "udrv_list.h"
#include "udrv_table.h"
#include "udrv_tool.h"

static void say_holder(struct doctor *doctor, const char *name, bool sibling)
{
	json_t *holder = tool_holder(name);
	const char *about = json_string_value(json_object_get(holder, "about"));
	json_int_t pid = json_integer_value(json_object_get(holder, "pid"));

	if (about && strcmp(about, "?") != 0) {
		doctor_say(doctor, "held", FINDING_PROBLEM, "%s%s is open in %s",
			   name, sibling ? ", of the same IOMMU group," : "",
			   about);
		if (pid)
			doctor_help(doctor, "sudo kill %d    # or look on meanwhile: udrv info %s",
				    (int)pid, name);
	} else if (!about && !sibling) {
		doctor_say(doctor, "held", FINDING_OK, "nobody has it open");
	}
	json_decref(holder);
}

static void check_node(struct doctor *doctor, const char *name)
{
	struct passwd *owner, *me;
	struct group *group;
	struct stat st;
	char path[64];

	snprintf(path, sizeof(path), UDRV_DIR "/%s", name);
	if (stat(path, &st)) {
		doctor_say(doctor, "permissions", FINDING_PROBLEM,
			   "%s is missing: is devtmpfs mounted on /dev?", path);
		return;
	}
	if (!faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS)) {
		doctor_say(doctor, "permissions", FINDING_OK,
			   "this user may open it");
		return;
	}
	owner = getpwuid(st.st_uid);
	group = getgrgid(st.st_gid);
	doctor_say(doctor, "permissions", FINDING_PROBLEM,
		   "%s belongs to %s:%s, mode %04o: not to this user", path,
		   owner ? owner->pw_name : "?", group ? group->gr_name : "?",
		   st.st_mode & 0777);
	me = getpwuid(geteuid());	/* in the owner's place */
	doctor_help(doctor, "sudo udrv bind --owner %s %s",
		    me ? me->pw_name : "USER", name);
}

static void check_reset(struct doctor *doctor, const char *name)
{
	int fd = usr_open(name, O_RDONLY);
	struct udrv_info info;

	if (fd >= 0 && !usr_info(fd, &info) && !(info.out_caps & UDRV_INFO_RESET))
		doctor_say(doctor, "reset", FINDING_NOTE,
			   "it cannot be reset: after one user's driver it opens for another user only with CAP_SYS_RAWIO");
	if (fd >= 0)
		close(fd);
}

/* Others of its group: with drivers, or open. */
static void check_group(struct doctor *doctor, const struct usr_device *device)
{
	struct usr_device *all;
	int i, count = usr_list(&all), found = 0;

	for (i = 0; i < count; i++) {
		if (list_in_the_way(device, &all[i])) {
			found++;
			doctor_say(doctor, "group", FINDING_PROBLEM,
				   "%s, of the same IOMMU group %d, has the driver %s, which keeps the group",
				   all[i].name, device->group, all[i].driver);
			doctor_help(doctor, "sudo udrv bind --take --group %s",
				    device->name);
		} else if (device->group >= 0 && all[i].group == device->group &&
			   strcmp(all[i].name, device->name) != 0 &&
			   !strcmp(all[i].driver, "udrv")) {
			say_holder(doctor, all[i].name, true);
		}
	}
	if (count >= 0)
		free(all);
	if (!found && device->group >= 0)
		doctor_say(doctor, "group", FINDING_OK,
			   "nothing is in the way in IOMMU group %d",
			   device->group);
}

static bool check_driver(struct doctor *doctor, const struct usr_device *device)
{
	if (!strcmp(device->driver, "udrv")) {
		doctor_say(doctor, "driver", FINDING_OK, "%s is bound to udrv",
			   device->name);
		return true;
	}
	if (list_is_bridge(device->name)) {
		doctor_say(doctor, "driver", FINDING_PROBLEM,
			   "%s is a bridge, which cannot be driven from user space: bind a device behind it",
			   device->name);
	} else if (device->driver[0]) {
		doctor_say(doctor, "driver", FINDING_PROBLEM,
			   "%s has the driver %s", device->name, device->driver);
		doctor_help(doctor, "sudo udrv bind --take %s", device->name);
	} else {
		doctor_say(doctor, "driver", FINDING_PROBLEM,
			   "%s is not bound to udrv", device->name);
		doctor_help(doctor, "sudo udrv bind %s", device->name);
	}
	return false;
}

/* A name that is no PCI device's: a declared one, or to be declared. */
static void check_declared(struct doctor *doctor, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), UDRV_DIR "/%.32s", name);
	if (!access(path, F_OK)) {
		doctor_say(doctor, "driver", FINDING_OK, "%s is declared", name);
		check_node(doctor, name);
		say_holder(doctor, name, false);
	} else if (!strcmp(name, "keyboard") || !strncmp(name, "parport", 7)) {
		doctor_say(doctor, "driver", FINDING_PROBLEM,
			   "%s is not declared", name);
		doctor_help(doctor, "sudo udrv legacy add %s", name);
	} else {
		doctor_say(doctor, "driver", FINDING_PROBLEM, "%s", usr_error());
		doctor_help(doctor, "udrv list");
	}
}

void doctor_check_device(struct doctor *doctor, const char *name)
{
	struct usr_device device;

	if (usr_find(name, &device)) {
		check_declared(doctor, name);
		return;
	}
	if (check_driver(doctor, &device)) {
		check_node(doctor, device.name);
		say_holder(doctor, device.name, false);
		check_reset(doctor, device.name);
	}
	check_group(doctor, &device);
}
