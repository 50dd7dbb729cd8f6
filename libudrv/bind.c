// SPDX-License-Identifier: MIT
/*
 * Giving a device to udrv and back, by driver_override alone: new_id would
 * have udrv take every device of those ids, now and later.
 */
#include <stdio.h>
#include <unistd.h>
#include "internal.h"

#define USR_OVERRIDE_MAX 64

static int usr_fail_root(const char *verb, const char *name)
{
	int error = errno;

	if (error == EACCES || error == EPERM)
		return usr_fail(EACCES, "this needs root: `sudo udrv %s %s`",
				verb, name);
	return usr_fail(error, "%s: sysfs: %s", name, strerror(error));
}

static int usr_set_override(const char *name, const char *driver)
{
	return usr_sysfs_write(driver[0] ? driver : "\n",
			       USR_PCI_DEVICES "/%s/driver_override", name);
}

static void usr_get_override(const char *name, char *driver)
{
	if (!usr_sysfs_read(driver, USR_OVERRIDE_MAX,
			    USR_PCI_DEVICES "/%s/driver_override", name) ||
	    !strcmp(driver, "(null)"))
		driver[0] = '\0';
}

/* ------------------------------------------------------- what is in the way */

static bool usr_is_bridge(const char *name)
{
	unsigned char header[64] = { 0 };
	char path[128];
	int fd;

	snprintf(path, sizeof(path), USR_PCI_DEVICES "/%s/config", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, header, sizeof(header)) < (ssize_t)sizeof(header))
		header[14] = 0;
	close(fd);
	return header[14] & 0x7f;
}

/* A member whose driver does DMA by the kernel's rules cannot share a group. */
static bool usr_in_the_way(const char *member, void *data)
{
	static const char *const harmless[] = { USR_OUR_DRIVER, "pcieport",
						"pci-stub", "vfio-pci" };
	struct usr_device *found = data;
	struct usr_device device;
	size_t i;

	if (!usr_sysfs_device(member, &device) || !device.driver[0])
		return true;
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(device.driver, harmless[i]))
			return true;
	*found = device;
	return false;
}

static int usr_bind_check(const struct usr_device *device, unsigned flags)
{
	struct usr_device member = { .name = "" };
	const char *name = device->name;

	if (!usr_module_loaded())
		return usr_fail(ENOENT, "the module is not loaded: `modprobe udrv`");
	if (usr_is_bridge(name))
		return usr_fail(EOPNOTSUPP, "%s is a bridge, which cannot be driven from user space; bind a device behind it",
				name);
	if (device->driver[0] && !(flags & USR_BIND_TAKE))
		return usr_fail(EBUSY, "%s has the driver %s: `udrv bind --take %s` takes it from it",
				name, device->driver, name);
	usr_group_members(name, usr_in_the_way, &member);
	if (member.name[0])
		return usr_fail(EBUSY, "%s is in IOMMU group %d together with %s, which has the driver %s: `udrv bind --take %s` takes that first",
				name, device->group, member.name, member.driver,
				member.name);
	return 0;
}

/* ------------------------------------------------------------------ binding */

static bool usr_driver_is(const char *name, const char *driver)
{
	struct usr_device now;

	return usr_sysfs_device(name, &now) && !strcmp(now.driver, driver);
}

static int usr_leave_driver(const char *name, const char *driver)
{
	return usr_sysfs_write(name, USR_PCI_DRIVERS "/%s/unbind", driver);
}

/* The override is ours.  Take it from its driver and have ours probe it. */
static int usr_bind_move(const struct usr_device *device)
{
	int log = usr_kernel_log(true);
	char said[400];
	int result = 0;

	if (device->driver[0] && usr_leave_driver(device->name, device->driver)) {
		result = usr_fail_root("bind --take", device->name);
	} else {
		usr_sysfs_write(device->name, USR_PCI_PROBE);
		if (!usr_driver_is(device->name, USR_OUR_DRIVER)) {
			if (!usr_kernel_said(log, device->name, "udrv:", said,
					     sizeof(said)))
				snprintf(said, sizeof(said), "the module refused it; the kernel's log (dmesg) says why");
			result = usr_fail(EIO, "%s: %s", device->name,
					  said);
		}
	}
	if (log >= 0)
		close(log);
	return result;
}

USR_API int usr_bind(const char *name, unsigned flags)
{
	char override[USR_OVERRIDE_MAX];
	struct usr_device device;
	int error;

	if (flags & ~USR_BIND_TAKE)
		return usr_fail(EINVAL, "unknown flags %#x", flags);
	if (usr_find(name, &device))
		return -1;
	if (!strcmp(device.driver, USR_OUR_DRIVER))
		return 0;
	if (usr_bind_check(&device, flags))
		return -1;
	usr_get_override(device.name, override);
	if (usr_set_override(device.name, USR_OUR_DRIVER))
		return usr_fail_root("bind", device.name);
	if (!usr_bind_move(&device))
		return 0;
	error = errno;
	usr_set_override(device.name, override);
	if (device.driver[0])
		usr_sysfs_write(device.name, USR_PCI_PROBE);
	errno = error;
	return -1;
}

USR_API int usr_unbind(const char *name)
{
	char override[USR_OVERRIDE_MAX];
	struct usr_device device;
	int result;

	if (usr_find(name, &device))
		return -1;
	if (strcmp(device.driver, USR_OUR_DRIVER))
		return usr_fail(ENXIO, "%s is not bound to udrv: its driver is %s",
				device.name, device.driver[0] ? device.driver : "none");
	usr_get_override(device.name, override);
	if (!strcmp(override, USR_OUR_DRIVER) && usr_set_override(device.name, ""))
		return usr_fail_root("unbind", device.name);
	if (usr_leave_driver(device.name, USR_OUR_DRIVER)) {
		result = usr_fail_root("unbind", device.name);
		usr_set_override(device.name, override);
		return result;
	}
	/* Nobody may want it; that is no failure. */
	usr_sysfs_write(device.name, USR_PCI_PROBE);
	return 0;
}
