// SPDX-License-Identifier: MIT
/* Which register file is a device's? */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_registers.h"
#include "udrv_tool.h"

static int is_register_file(const struct dirent *entry)
{
	return !fnmatch("*.regs", entry->d_name, FNM_PERIOD);
}

static bool read_file(struct register_file *file,
		      const struct register_device *device, const char *path)
{
	char *text = tool_read_whole(path), error[400];
	bool good;

	if (!text) {
		fprintf(stderr, "udrv: %s: %s\n", path, strerror(errno));
		return false;
	}
	good = registers_parse(file, device, path, text, error, sizeof(error));
	free(text);
	if (!good)
		fprintf(stderr, "udrv: %s\n", error);
	return good;
}

/* Those of one directory, until one fits. */
static bool look_in(struct register_file *file,
		    const struct register_device *device, const char *directory)
{
	struct dirent **names;
	char path[PATH_MAX];
	bool good = true;
	int i, count;

	count = scandir(directory, &names, is_register_file, alphasort);
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory,
			 names[i]->d_name);
		if (good && !file->fits) {
			registers_free(file);
			good = read_file(file, device, path);
		}
		free(names[i]);
	}
	if (count >= 0)
		free(names);
	return good;
}

/* Beside where the tool is installed, or was built. */
static void beside(const char *below, char *path, size_t size)
{
	char self[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[length < 0 ? 0 : length] = '\0';
	if (strrchr(self, '/'))
		*strrchr(self, '/') = '\0';
	snprintf(path, size, "%.4000s/../%.64s", self, below);
}

bool registers_load(struct register_file *file, const struct register_device *device,
		    const char *path)
{
	static const char *const below[] = { "share/udrv/registers",
					     "tools/registers" };
	char directory[PATH_MAX];
	bool good = true;
	size_t i;

	memset(file, 0, sizeof(*file));
	if (path)
		return read_file(file, device, path);
	good = look_in(file, device, "/etc/udrv/registers");
	for (i = 0; good && !file->fits && i < sizeof(below) / sizeof(below[0]);
	     i++) {
		beside(below[i], directory, sizeof(directory));
		good = look_in(file, device, directory);
	}
	if (!file->fits)
		registers_free(file);
	return good;
}
