// SPDX-License-Identifier: MIT
/* udrv doctor: what people trip on, and what to type. */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_doctor.h"
#include "udrv_table.h"
#include "udrv_tool.h"

static const char *const levels[] = { "ok", "note", "problem" };

void doctor_say(struct doctor *doctor, const char *check, enum finding level,
		const char *format, ...)
{
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(doctor->findings, json_pack(
		"{s:s, s:s, s:s, s:[]}", "check", check, "level", levels[level],
		"what", text, "type"));
}

void doctor_help(struct doctor *doctor, const char *format, ...)
{
	size_t last = json_array_size(doctor->findings) - 1;
	char text[400];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(json_object_get(
		json_array_get(doctor->findings, last), "type"),
		json_string(text));
}

/* -------------------------------------------------------------------- looking */

static void below(const struct doctor *doctor, const char *path, char *full)
{
	snprintf(full, PATH_MAX, "%s%s", doctor->root, path);
}

char *doctor_read(const struct doctor *doctor, const char *path)
{
	char full[PATH_MAX];

	below(doctor, path, full);
	return tool_read_whole(full);
}

bool doctor_has(const struct doctor *doctor, const char *path)
{
	char full[PATH_MAX];

	below(doctor, path, full);
	return !access(full, F_OK);
}

bool doctor_has_entries(const struct doctor *doctor, const char *path)
{
	char full[PATH_MAX];
	struct dirent *entry;
	bool found = false;
	DIR *directory;

	below(doctor, path, full);
	directory = opendir(full);
	while (directory && !found && (entry = readdir(directory)))
		found = entry->d_name[0] != '.';
	if (directory)
		closedir(directory);
	return found;
}

bool doctor_word(const char *text, const char *word)
{
	size_t length = strlen(word);
	const char *at = text;

	while (at && (at = strstr(at, word))) {
		if ((at == text || strchr(" \n\t", at[-1])) &&
		    strchr(" \n\t", at[length]))
			return true;
		at += length;
	}
	return false;
}

/* --------------------------------------------------------------------- output */

static int count_level(const json_t *findings, const char *level)
{
	json_t *each;
	int count = 0;
	size_t i;

	json_array_foreach(findings, i, each)
		count += !strcmp(json_string_value(json_object_get(each, "level")),
				 level);
	return count;
}

static void print_findings(const json_t *findings)
{
	json_t *each, *line;
	size_t i, k;

	json_array_foreach(findings, i, each) {
		printf("%-8s %-12s %s\n",
		       json_string_value(json_object_get(each, "level")),
		       json_string_value(json_object_get(each, "check")),
		       json_string_value(json_object_get(each, "what")));
		json_array_foreach(json_object_get(each, "type"), k, line)
			printf("%22s    %s\n", "", json_string_value(line));
	}
	printf("%d problems, %d notes\n", count_level(findings, "problem"),
	       count_level(findings, "note"));
}

static void find_release(struct doctor *doctor)
{
	char *text = doctor_read(doctor, "/proc/sys/kernel/osrelease");

	snprintf(doctor->release, sizeof(doctor->release), "%.*s",
		 text ? (int)strcspn(text, "\n") : 0, text ? text : "");
	free(text);
}

static int examine(struct doctor *doctor, const char *device, bool json)
{
	int status;

	find_release(doctor);
	doctor->findings = json_array();
	doctor_check_module(doctor);
	doctor_check_iommu(doctor);
	doctor_check_remapping(doctor);
	doctor_check_memlock(doctor);
	doctor_check_hooks(doctor);
	if (device)
		doctor_check_device(doctor, device);
	status = count_level(doctor->findings, "problem") ? TOOL_FAILED : TOOL_DONE;
	if (json)
		return tool_json(doctor->findings) ? TOOL_FAILED : status;
	print_findings(doctor->findings);
	json_decref(doctor->findings);
	return status;
}

static int run_doctor(const struct tool_command *command, int argc, char **argv)
{
	struct doctor doctor = { .root = "" };
	int count, option, status;
	bool json = false;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		json |= option == 'J';
		if (option == 'r')
			doctor.root = optarg;
		if (option == 'm')
			doctor.module = optarg;
	}
	count = argc - optind;
	if (count > 1)
		return tool_usage(command, "doctor: '%s' is too much",
				  argv[optind + 1]);
	if (count && doctor.root[0])
		return tool_usage(command, "--root goes without DEVICE: a device is looked at where it is");
	return examine(&doctor, count ? argv[optind] : NULL, json);
}

static const struct option options[] = {
	{ "module", required_argument, NULL, 'm' },
	{ "root", required_argument, NULL, 'r' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_doctor = {
	"doctor", "find out why it does not work, and what to type",
	"usage: udrv doctor [--module FILE] [--root DIRECTORY] [--json] [DEVICE]\n"
	"\n"
	"Look at what people trip on, and say what to type: the module (missing, built\n"
	"for another kernel, refused by Secure Boot), the IOMMU and interrupt remapping,\n"
	"the limit of locked memory, what gives devices back to the kernel (ublk, nbd,\n"
	"tun, uinput); and of DEVICE: its driver, what is in the way in its IOMMU group,\n"
	"permissions, who has it open.\n"
	"\n"
	"  --module FILE      a module that is not installed, as `make module` leaves it\n"
	"  --root DIRECTORY   look at the files of a machine as they stand there: its\n"
	"                     /proc, /sys, /dev, /lib/modules\n"
	"  --json             as JSON\n"
	"\n"
	"The exit status is 1 if there are problems; notes are none.\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_doctor, options, TOOL_DEVICE, NULL
};
