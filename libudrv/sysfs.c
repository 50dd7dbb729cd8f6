// SPDX-License-Identifier: MIT
/* Reading and writing sysfs. */
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "internal.h"

static ssize_t usr_sysfs_get(void *to, size_t size, const char *format,
			     va_list args)
{
	char path[PATH_MAX];
	ssize_t got;
	int fd;

	vsnprintf(path, sizeof(path), format, args);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	got = read(fd, to, size);
	close(fd);
	return got;
}

ssize_t usr_sysfs_bytes(void *to, size_t size, const char *format, ...)
{
	va_list args;
	ssize_t got;

	va_start(args, format);
	got = usr_sysfs_get(to, size, format, args);
	va_end(args);
	return got;
}

/* The attribute's first line. */
bool usr_sysfs_read(char *to, size_t size, const char *format, ...)
{
	va_list args;
	ssize_t got;

	va_start(args, format);
	got = usr_sysfs_get(to, size - 1, format, args);
	va_end(args);
	if (got < 0)
		return false;
	to[got] = '\0';
	to[strcspn(to, "\n")] = '\0';
	return true;
}

/* The last part of what the link points to. */
bool usr_sysfs_link(char *to, size_t size, const char *format, ...)
{
	char path[PATH_MAX], target[PATH_MAX];
	const char *slash;
	va_list args;
	ssize_t got;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	got = readlink(path, target, sizeof(target) - 1);
	if (got < 0)
		return false;
	target[got] = '\0';
	slash = strrchr(target, '/');
	snprintf(to, size, "%s", slash ? slash + 1 : target);
	return true;
}

int usr_sysfs_write(const char *text, const char *format, ...)
{
	size_t length = strlen(text);
	char path[PATH_MAX];
	va_list args;
	ssize_t put;
	int fd, error;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	put = write(fd, text, length);
	error = put < 0 ? errno : EIO;
	close(fd);
	if (put == (ssize_t)length)
		return 0;
	errno = error;
	return -1;
}

static bool usr_sysfs_number(const char *address, const char *attribute,
			     unsigned long *value)
{
	char text[32];

	if (!usr_sysfs_read(text, sizeof(text), USR_PCI_DEVICES "/%s/%s",
			    address, attribute))
		return false;
	*value = strtoul(text, NULL, 0);
	return true;
}

bool usr_sysfs_device(const char *address, struct usr_device *device)
{
	unsigned long vendor, id, class_code;
	char group[16];

	if (!usr_sysfs_number(address, "vendor", &vendor) ||
	    !usr_sysfs_number(address, "device", &id) ||
	    !usr_sysfs_number(address, "class", &class_code))
		return false;
	memset(device, 0, sizeof(*device));
	snprintf(device->name, sizeof(device->name), "%s", address);
	device->vendor = (uint16_t)vendor;
	device->device = (uint16_t)id;
	device->class_code = (uint32_t)class_code;
	device->group = -1;
	if (usr_sysfs_link(group, sizeof(group),
			   USR_PCI_DEVICES "/%s/iommu_group", address))
		device->group = atoi(group);
	usr_sysfs_link(device->driver, sizeof(device->driver),
		       USR_PCI_DEVICES "/%s/driver", address);
	return true;
}

bool usr_module_loaded(void)
{
	return !access(USR_PCI_DRIVERS "/" USR_OUR_DRIVER, F_OK);
}

void usr_group_members(const char *address,
		       bool (*each)(const char *member, void *data), void *data)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *members;

	snprintf(path, sizeof(path), USR_PCI_DEVICES "/%s/iommu_group/devices",
		 address);
	members = opendir(path);
	if (!members)
		return;
	while ((entry = readdir(members))) {
		if (entry->d_name[0] == '.' || !strcmp(entry->d_name, address))
			continue;
		if (!each(entry->d_name, data))
			break;
	}
	closedir(members);
}
