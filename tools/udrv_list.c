// SPDX-License-Identifier: MIT
/* udrv list */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_tool.h"

static void print_row(const char *name, const char *ids, const char *driver,
		      const char *group, const char *holder, const char *about)
{
	printf("%-13s %-9s %-15s %-5s %-22s %s\n", name, ids, driver, group,
	       holder, about);
}

/* Who has it open: "-" nobody, "?" we may not look. */
static void find_holder(const char *name, char *text, size_t size)
{
	int fd = usr_open(name, O_RDONLY);
	struct udrv_info info;

	if (fd < 0 || usr_info(fd, &info)) {
		snprintf(text, size, "?");
	} else {
		tool_owner(&info, text, size);
		if (!text[0])
			snprintf(text, size, "-");
	}
	if (fd >= 0)
		close(fd);
}

static void print_device(const struct usr_device *device)
{
	char ids[16], group[16] = "-", holder[64] = "-", about[256];

	snprintf(ids, sizeof(ids), "%04x:%04x", device->vendor, device->device);
	if (device->group >= 0)
		snprintf(group, sizeof(group), "%d", device->group);
	if (!strcmp(device->driver, "udrv"))
		find_holder(device->name, holder, sizeof(holder));
	snprintf(about, sizeof(about), "%s%s%s", device->vendor_name,
		 device->device_name[0] ? " " : "", device->device_name);
	print_row(device->name, ids, device->driver[0] ? device->driver : "-",
		  group, holder, about);
}

/* Files in /dev/udrv that are no PCI devices. */
static void print_legacy(const struct usr_device *devices, int count)
{
	struct dirent **entries;
	char holder[64];
	int i, k, found;

	found = scandir(UDRV_DIR, &entries, NULL, alphasort);
	for (i = 0; i < found; i++) {
		const char *name = entries[i]->d_name;

		for (k = 0; k < count && strcmp(devices[k].name, name) != 0; k++)
			;
		if (name[0] != '.' && strcmp(name, "control") != 0 && k == count) {
			find_holder(name, holder, sizeof(holder));
			print_row(name, "-", "udrv", "-", holder, "legacy device");
		}
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
}

static int run_list(const struct tool_command *command, int argc, char **argv)
{
	struct usr_device *devices;
	int i, count, option, status;
	bool bound = false;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		bound = option == 'b';
	}
	if (!tool_arguments(command, argc, argv, 0))
		return TOOL_USAGE;
	count = usr_list(&devices);
	if (count < 0)
		return tool_failed();
	print_row("ADDRESS", "ID", "DRIVER", "GROUP", "OPEN IN", "NAME");
	for (i = 0; i < count; i++)
		if (!bound || !strcmp(devices[i].driver, "udrv"))
			print_device(&devices[i]);
	print_legacy(devices, count);
	free(devices);
	return TOOL_DONE;
}

static const struct option options[] = {
	{ "bound", no_argument, NULL, 'b' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_list = {
	"list", "show the devices and who has them",
	"usage: udrv list [--bound]\n"
	"\n"
	"Show PCI devices: address, vendor:device, driver, IOMMU group, the process\n"
	"that has it open through udrv, name.\n"
	"\n"
	"  --bound   only those that are bound to udrv\n",
	run_list, options, TOOL_NOTHING, NULL
};
