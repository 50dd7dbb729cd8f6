// SPDX-License-Identifier: MIT
/* NICs that the kernel has: their names, and what ip(8) does to them. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "nic.h"

#define PATIENCE	500	/* times 20 ms */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
}

static int find_interface(const char *device, char name[NIC_NAME_BYTES])
{
	struct dirent *entry;
	char path[128];
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/net", device);
	dir = opendir(path);
	if (!dir)
		return -1;
	do
		entry = readdir(dir);
	while (entry && entry->d_name[0] == '.');
	if (entry)
		snprintf(name, NIC_NAME_BYTES, "%.15s", entry->d_name);
	closedir(dir);
	return entry ? 0 : -1;
}

int nic_interface(const char *device, char name[NIC_NAME_BYTES])
{
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (!find_interface(device, name))
			return 0;
		nap();
	}
	return bench_fail("%s has no network interface", device);
}

int nic_run(const char *format, ...)
{
	char line[512], all[600];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	snprintf(all, sizeof(all), "{ %s; } >/dev/null", line);
	return system(all) ? bench_fail("`%s` fails", line) : 0;
}

int nic_await_link(const char *space, const char *name)
{
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (!nic_run("%s ip -o link show dev %s up | grep -q LOWER_UP",
			     space, name))
			return 0;
		nap();
	}
	return bench_fail("%s has no link", name);
}
