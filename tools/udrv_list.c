// SPDX-License-Identifier: MIT
/* udrv list */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_list.h"
#include "udrv_table.h"
#include "udrv_tool.h"

static const struct tool_column columns[] = {
	{ "name", "ADDRESS", FORM_PLAIN },
	{ "id", "ID", FORM_PLAIN },
	{ "driver", "DRIVER", FORM_PLAIN },
	{ "group", "GROUP", FORM_PLAIN },
	{ "bind", "BIND", FORM_PLAIN },
	{ "open_in", "OPEN IN", FORM_PLAIN },
	{ "about", "NAME", FORM_PLAIN },
	{ NULL, NULL, FORM_PLAIN },
};

bool list_is_bridge(const char *name)
{
	unsigned char header[16] = { 0 };
	char path[80];
	bool bridge;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", name);
	file = fopen(path, "re");
	if (!file)
		return false;
	bridge = fread(header, 1, sizeof(header), file) == sizeof(header) &&
		 header[14] & 0x7f;
	fclose(file);
	return bridge;
}

bool list_in_the_way(const struct usr_device *device,
		     const struct usr_device *other)
{
	static const char *const harmless[] = { "", "udrv", "pcieport",
						"pci-stub", "vfio-pci" };
	size_t i;

	if (device->group < 0 || other->group != device->group ||
	    !strcmp(other->name, device->name))
		return false;
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(other->driver, harmless[i]))
			return false;
	return true;
}

/* What `udrv bind` would need to say. */
static const char *can_bind(const struct usr_device *device,
			    const struct usr_device *all, int count)
{
	int i;

	if (!strcmp(device->driver, "udrv"))
		return "bound";
	if (list_is_bridge(device->name))
		return "no";
	for (i = 0; i < count; i++)
		if (list_in_the_way(device, &all[i]))
			return "--group";
	return device->driver[0] ? "--take" : "yes";
}

static json_t *text_or_null(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

static void set_holder(json_t *row, json_t *holder)
{
	json_object_set(row, "open_in", json_object_get(holder, "about"));
	json_object_set_new(row, "holder", holder);
}

static json_t *describe(const struct usr_device *device,
			const struct usr_device *all, int count)
{
	char id[16], class_code[16], about[256];
	json_t *row = json_object();

	snprintf(id, sizeof(id), "%04x:%04x", device->vendor, device->device);
	snprintf(class_code, sizeof(class_code), "%06x", device->class_code);
	snprintf(about, sizeof(about), "%s%s%s", device->vendor_name,
		 device->device_name[0] ? " " : "", device->device_name);
	json_object_set_new(row, "name", json_string(device->name));
	json_object_set_new(row, "bus", json_string("pci"));
	json_object_set_new(row, "id", json_string(id));
	json_object_set_new(row, "class", json_string(class_code));
	json_object_set_new(row, "driver", text_or_null(device->driver));
	json_object_set_new(row, "group", device->group < 0 ? json_null() :
			    json_integer(device->group));
	json_object_set_new(row, "bind", json_string(can_bind(device, all, count)));
	set_holder(row, strcmp(device->driver, "udrv") ? json_null() :
		   tool_holder(device->name));
	json_object_set_new(row, "about", text_or_null(about));
	return row;
}

static json_t *describe_legacy(const char *name)
{
	json_t *row = json_pack("{s:s, s:s, s:n, s:n, s:s, s:n, s:s}", "name", name,
				"bus", "none", "id", "class", "driver", "udrv",
				"group", "bind", "bound");

	set_holder(row, tool_holder(name));
	json_object_set_new(row, "about", json_string("legacy device"));
	return row;
}

/* Files in /dev/udrv that are no PCI devices. */
static void add_legacy(json_t *rows, const struct usr_device *devices, int count)
{
	struct dirent **entries;
	int i, k, found;

	found = scandir(UDRV_DIR, &entries, NULL, alphasort);
	for (i = 0; i < found; i++) {
		const char *name = entries[i]->d_name;

		for (k = 0; k < count && strcmp(devices[k].name, name) != 0; k++)
			;
		if (name[0] != '.' && strcmp(name, "control") != 0 && k == count)
			json_array_append_new(rows, describe_legacy(name));
		free(entries[i]);
	}
	if (found >= 0)
		free(entries);
}

static json_t *gather(bool bound)
{
	json_t *rows = json_array();
	struct usr_device *devices;
	int i, count;

	count = usr_list(&devices);
	if (count < 0) {
		json_decref(rows);
		return NULL;
	}
	for (i = 0; i < count; i++)
		if (!bound || !strcmp(devices[i].driver, "udrv"))
			json_array_append_new(rows, describe(&devices[i], devices,
							     count));
	add_legacy(rows, devices, count);
	free(devices);
	return rows;
}

static int run_list(const struct tool_command *command, int argc, char **argv)
{
	bool bound = false, json = false;
	int option, status;
	json_t *rows;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		bound |= option == 'b';
		json |= option == 'J';
	}
	if (!tool_arguments(command, argc, argv, 0))
		return TOOL_USAGE;
	rows = gather(bound);
	if (!rows)
		return tool_failed();
	if (json)
		return tool_json(rows);
	tool_table(columns, rows);
	json_decref(rows);
	return TOOL_DONE;
}

static const struct option options[] = {
	{ "bound", no_argument, NULL, 'b' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_list = {
	"list", "show the devices and who has them",
	"usage: udrv list [--bound] [--json]\n"
	"\n"
	"Show PCI devices: address, vendor:device, driver, IOMMU group, what `udrv\n"
	"bind` needs to be told to get it, the process that has it open through\n"
	"udrv, name.\n"
	"\n"
	"  --bound   only those that are bound to udrv\n"
	"  --json    as JSON\n",
	run_list, options, TOOL_NOTHING, NULL
};
