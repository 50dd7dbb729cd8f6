// SPDX-License-Identifier: MIT
/*
 * Giving a device to udrv and back, by driver_override alone: new_id would
 * have udrv take every device of those ids, now and later.
 */
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
	unsigned char header[64];

	return usr_sysfs_bytes(header, sizeof(header), USR_PCI_DEVICES "/%s/config",
			       name) == (ssize_t)sizeof(header) &&
	       header[14] & 0x7f;
}

/* A group's other members, those whose drivers stand in the way. */
#define USR_MOST_MEMBERS 32

struct usr_bind {
	struct usr_device device[1 + USR_MOST_MEMBERS];
	char override[1 + USR_MOST_MEMBERS][USR_OVERRIDE_MAX];
	int count;
	int prepared;		/* how many have our override */
};

/* A member whose driver does DMA by the kernel's rules cannot share a group. */
static bool usr_in_the_way(const char *member, void *data)
{
	static const char *const harmless[] = { USR_OUR_DRIVER, "pcieport",
						"pci-stub", "vfio-pci" };
	struct usr_bind *bind = data;
	struct usr_device device;
	size_t i;

	if (!usr_sysfs_device(member, &device) || !device.driver[0])
		return true;
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(device.driver, harmless[i]))
			return true;
	bind->device[bind->count++] = device;
	return bind->count <= USR_MOST_MEMBERS;
}

static int usr_bind_check(struct usr_bind *bind, unsigned flags)
{
	const struct usr_device *device = bind->device, *each;
	bool group = flags & USR_BIND_GROUP;

	if (!usr_module_loaded())
		return usr_fail(ENOENT, "the module is not loaded: `modprobe udrv`");
	usr_group_members(device->name, usr_in_the_way, bind);
	for (each = device; each < device + bind->count; each++) {
		if (each > device && !group)
			return usr_fail(EBUSY, "%s shares IOMMU group %d with %s, which has the driver %s: `udrv bind --take --group %s` takes all that is in the way",
					device->name, device->group, each->name,
					each->driver, device->name);
		if (usr_is_bridge(each->name))
			return usr_fail(EOPNOTSUPP, "%s is a bridge, which cannot be driven from user space; bind a device behind it",
					each->name);
		if (each->driver[0] && !(flags & USR_BIND_TAKE))
			return usr_fail(EBUSY, "%s has the driver %s: `udrv bind --take %s%s` takes it from it",
					each->name, each->driver,
					group ? "--group " : "", device->name);
	}
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

/* Have our driver probe it; the module gives its reasons to the log only. */
static int usr_bind_probe(const char *name)
{
	int log = usr_kernel_log(true);
	char said[400];
	bool heard;

	usr_sysfs_write(name, USR_PCI_PROBE);
	heard = usr_kernel_said(log, name, "udrv:", said, sizeof(said));
	if (log >= 0)
		close(log);
	if (usr_driver_is(name, USR_OUR_DRIVER))
		return 0;
	return usr_fail(EIO, "%s: %s", name, heard ? said :
			"the module refused it; the kernel's log (dmesg) says why");
}

static int usr_bind_all(struct usr_bind *bind)
{
	const struct usr_device *each;
	int i;

	for (i = 0; i < bind->count; i++) {
		each = &bind->device[i];
		usr_get_override(each->name, bind->override[i]);
		if (usr_set_override(each->name, USR_OUR_DRIVER))
			return usr_fail_root("bind", each->name);
		bind->prepared++;
	}
	/* A group is free for us only when nobody else has a part of it. */
	for (i = 0; i < bind->count; i++) {
		each = &bind->device[i];
		if (each->driver[0] && usr_leave_driver(each->name, each->driver))
			return usr_fail_root("bind", each->name);
	}
	for (i = 0; i < bind->count; i++)
		if (usr_bind_probe(bind->device[i].name))
			return -1;
	return 0;
}

/* As it was: first none is ours, then each goes back to its driver. */
static void usr_bind_undo(struct usr_bind *bind)
{
	const struct usr_device *each;
	int i, error = errno;

	for (i = bind->prepared; i--;) {
		each = &bind->device[i];
		usr_set_override(each->name, bind->override[i]);
		if (usr_driver_is(each->name, USR_OUR_DRIVER))
			usr_leave_driver(each->name, USR_OUR_DRIVER);
	}
	for (i = bind->prepared; i--;)
		if (bind->device[i].driver[0])
			usr_sysfs_write(bind->device[i].name, USR_PCI_PROBE);
	errno = error;
}

USR_API int usr_bind(const char *name, unsigned flags)
{
	struct usr_bind bind = { .count = 1 };

	if (flags & ~(USR_BIND_TAKE | USR_BIND_GROUP))
		return usr_fail(EINVAL, "unknown flags %#x for usr_bind()", flags);
	if (usr_find(name, bind.device))
		return -1;
	if (!strcmp(bind.device->driver, USR_OUR_DRIVER))
		return 0;
	if (usr_bind_check(&bind, flags))
		return -1;
	if (!usr_bind_all(&bind))
		return 0;
	usr_bind_undo(&bind);
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
