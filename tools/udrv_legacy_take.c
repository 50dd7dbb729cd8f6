// SPDX-License-Identifier: MIT
/* udrv legacy add --take: which device of sysfs is meant, and what it is made of. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "udrv_legacy.h"

/* A path in /sys, or BUS/DEVICE: made the latter. */
int legacy_parse_take(const struct tool_command *command, const char *text,
		      char *from)
{
	char path[PATH_MAX + 16], real[PATH_MAX], bus[PATH_MAX];
	const char *slash = strchr(text, '/');
	int length;

	if (text[0] == '/')
		snprintf(path, sizeof(path), "%s", text);
	else if (slash)
		snprintf(path, sizeof(path), SYS_BUS "/%.*s/devices/%s",
			 (int)(slash - text), text, slash + 1);
	else
		path[0] = '\0';
	if (!realpath(path, real) || strncmp(real, "/sys/", 5) != 0)
		return tool_usage(command, "--take '%s' is no device: neither BUS/DEVICE nor a path in /sys",
				  text);
	strcat(strcpy(path, real), "/subsystem");
	if (!realpath(path, bus) || strncmp(bus, SYS_BUS "/", strlen(SYS_BUS "/")) != 0)
		return tool_usage(command, "--take '%s' is no device: it is on no bus",
				  text);
	length = snprintf(from, UDRV_LEGACY_FROM, "%s/%s",
			  strrchr(bus, '/') + 1, strrchr(real, '/') + 1);
	if (length >= UDRV_LEGACY_FROM)
		return tool_usage(command, "--take '%s' is too long a name", text);
	return TOOL_DONE;
}

static bool add_range(struct udrv_legacy *legacy, uint32_t kind, uint64_t first,
		      uint64_t last)
{
	if (legacy->range_count == UDRV_LEGACY_RANGES)
		return false;
	legacy->ranges[legacy->range_count++] = (struct udrv_legacy_range) {
		.kind = kind, .start = first, .bytes = last - first + 1,
	};
	return true;
}

/* One line of a PnP device's resources.  False: one more than there is room for. */
static bool take_resource(struct udrv_legacy *legacy, const char *line, bool lines)
{
	unsigned long long first, last, irq;
	char kind[8], rest[16] = "";

	if (lines && sscanf(line, "irq %llu", &irq) == 1) {
		if (legacy->line_count == UDRV_LEGACY_LINES)
			return false;
		legacy->lines[legacy->line_count++] = (uint32_t)irq;
	}
	/* A window is what lies behind a bridge. */
	if (sscanf(line, "%7s %llx-%llx %15s", kind, &first, &last, rest) < 3 ||
	    rest[0] || (strcmp(kind, "io") && strcmp(kind, "mem")))
		return true;
	return add_range(legacy, kind[0] == 'i' ? UDRV_KIND_PORTS : UDRV_KIND_MEM,
			 first, last);
}

static bool take_pnp(struct udrv_legacy *legacy, bool lines)
{
	char path[PATH_MAX], line[128];
	bool fits = true;
	FILE *file;

	snprintf(path, sizeof(path), SYS_BUS "/pnp/devices/%s/resources",
		 legacy->from + strlen("pnp/"));
	file = fopen(path, "re");
	while (file && fits && fgets(line, sizeof(line), file))
		fits = take_resource(legacy, line, lines);
	if (file)
		fclose(file);
	return fits;
}

/*
 * What the kernel has put there in the device's name; a driver that has it says
 * the same name once more, below it.
 */
static bool take_named(struct udrv_legacy *legacy, const char *path,
		       uint32_t kind, const char *device)
{
	unsigned long long first, last, end = 0;
	bool fits = true, any = false;
	char line[256];
	FILE *file;
	int at;

	file = fopen(path, "re");
	while (file && fits && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		at = 0;
		if (sscanf(line, "%llx-%llx : %n", &first, &last, &at) != 2 ||
		    !at || strcmp(line + at, device) || (any && first <= end))
			continue;
		fits = add_range(legacy, kind, first, last);
		any = true;
		end = last;
	}
	if (file)
		fclose(file);
	return fits;
}

/* Its lines are nowhere told. */
static bool take_platform(struct udrv_legacy *legacy)
{
	const char *device = legacy->from + strlen("platform/");

	return take_named(legacy, "/proc/ioports", UDRV_KIND_PORTS, device) &&
	       take_named(legacy, "/proc/iomem", UDRV_KIND_MEM, device);
}

int legacy_take_resources(const struct tool_command *command,
			  struct udrv_legacy *legacy, bool lines_given)
{
	bool pnp = !strncmp(legacy->from, "pnp/", strlen("pnp/"));
	bool fits;

	if (!pnp && strncmp(legacy->from, "platform/", strlen("platform/")) != 0)
		return tool_usage(command, "%s: only of PnP and platform devices the kernel says what they are made of: give --ports or --memory",
				  legacy->from);
	fits = pnp ? take_pnp(legacy, !lines_given) : take_platform(legacy);
	if (!fits)
		return tool_usage(command, "%s is made of more than %d ranges or %d lines: give those that matter",
				  legacy->from, UDRV_LEGACY_RANGES,
				  UDRV_LEGACY_LINES);
	if (!legacy->range_count)
		return tool_usage(command, "%s has no ports and no memory%s: give --ports or --memory",
				  legacy->from,
				  pnp ? "" : " by its name in /proc/ioports and /proc/iomem");
	return TOOL_DONE;
}
