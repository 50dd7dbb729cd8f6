// SPDX-License-Identifier: MIT
/* Going through the devices that are files in /dev/udrv. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_bound.h"

static int is_device(const struct dirent *entry)
{
	return entry->d_name[0] != '.' && strcmp(entry->d_name, "control") != 0;
}

/* One that goes away while all are looked at is no failure. */
static int each_bound(int (*each)(const char *name, int fd, void *data), void *data)
{
	struct dirent **entries;
	int i, fd, count, status = TOOL_DONE;

	count = scandir(UDRV_DIR, &entries, is_device, alphasort);
	if (count < 0) {
		fputs("udrv: there is no " UDRV_DIR ": the module is not loaded: `modprobe udrv`\n",
		      stderr);
		return TOOL_FAILED;
	}
	for (i = 0; i < count; i++) {
		fd = usr_open(entries[i]->d_name, O_RDONLY);
		if (fd >= 0) {
			status |= each(entries[i]->d_name, fd, data);
			close(fd);
		} else if (errno == EACCES) {
			status = tool_failed();
		}
		free(entries[i]);
	}
	free(entries);
	return status;
}

int bound_each(char **names, int count,
	       int (*each)(const char *name, int fd, void *data), void *data)
{
	struct udrv_info info;
	int i, fd, status = TOOL_DONE;

	if (!count)
		return each_bound(each, data);
	for (i = 0; i < count; i++) {
		fd = usr_open(names[i], O_RDONLY);
		if (fd < 0)
			return tool_failed();
		if (usr_info(fd, &info))
			status = tool_failed();
		else
			status = each(info.out_name, fd, data);
		close(fd);
		if (status)
			return status;
	}
	return status;
}

bool bound_seconds(const char *text, double least, double *seconds)
{
	char *end;

	*seconds = strtod(text, &end);
	return text[0] >= '0' && text[0] <= '9' && !*end && *seconds >= least &&
	       *seconds <= 1e6;
}

bool bound_count(const char *text, unsigned long *count)
{
	char *end;

	errno = 0;
	*count = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *count;
}
