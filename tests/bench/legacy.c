// SPDX-License-Identifier: MIT
/* Moving a device that is not PCI from driver to driver, with the tool. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "legacy.h"

#define TOOL "build/udrv"

static bool is_declared(const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/dev/udrv/%s", name);
	return !access(path, F_OK);
}

int bench_declare(const char *name, bool ours)
{
	const char *verb = ours ? "add" : "remove";
	char line[128];

	if (is_declared(name) == ours)
		return 0;
	snprintf(line, sizeof(line), TOOL " legacy %s %s >&2", verb, name);
	if (system(line))
		return bench_fail("udrv legacy %s %s fails", verb, name);
	return 0;
}
