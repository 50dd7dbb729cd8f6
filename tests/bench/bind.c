// SPDX-License-Identifier: MIT
/* Moving a device from driver to driver, by driver_override. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

static int put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t done;

	if (fd < 0)
		return bench_fail("%s: %s", path, strerror(errno));
	done = write(fd, text, strlen(text));
	if (done < 0)
		bench_fail("%s to %s: %s", text, path, strerror(errno));
	close(fd);
	return done < 0 ? -1 : 0;
}

static const char *in_sysfs(const char *device, const char *file)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
	return path;
}

static int is_bound(const char *device, const char *driver)
{
	char path[PATH_MAX];
	ssize_t length = readlink(in_sysfs(device, "driver"), path,
				  sizeof(path) - 1);

	if (length < 0)
		return !driver[0];
	path[length] = '\0';
	return !strcmp(basename(path), driver);
}

int bench_bind(const char *device, const char *driver)
{
	char line[64];

	if (is_bound(device, driver))
		return 0;
	if (!is_bound(device, "") &&
	    put(in_sysfs(device, "driver/unbind"), device))
		return -1;
	snprintf(line, sizeof(line), "%s\n", driver);
	if (put(in_sysfs(device, "driver_override"), line))
		return -1;
	if (!driver[0])
		return 0;
	if (put("/sys/bus/pci/drivers_probe", device))
		return -1;
	if (!is_bound(device, driver))
		return bench_fail("%s does not take %s", driver, device);
	return 0;
}
