// SPDX-License-Identifier: MIT
/*
 * Declaring devices that are not PCI, and taking them from a kernel driver.
 *
 * The module keeps with each declaration a note, "BUS/DEVICE", of the device
 * that stands for the same hardware in sysfs: so that nothing is recorded
 * anywhere else, and removal knows who had it.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "internal.h"
#include "legacy.h"

/* --------------------------------------------------------- the control file */

static int usr_control_open(int flags)
{
	int fd = open(UDRV_CONTROL, flags | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno == EACCES || errno == EPERM)
		return usr_fail(EACCES, "this needs root: " UDRV_CONTROL " is closed to this user");
	if (errno != ENOENT && errno != ENXIO && errno != ENODEV)
		return usr_fail(errno, UDRV_CONTROL ": %s", strerror(errno));
	return usr_fail(ENOENT, usr_module_loaded() ?
			UDRV_CONTROL " is missing: is devtmpfs mounted on /dev, and the module new enough?" :
			"the module is not loaded: `modprobe udrv`");
}

static int usr_control_call(int flags, unsigned long command, void *argument,
			    const char *call)
{
	int fd = usr_control_open(flags), result, error;

	if (fd < 0)
		return -1;
	result = usr_call(fd, command, argument, call);
	error = errno;
	close(fd);
	errno = error;
	return result;
}

/* -------------------------------------------------- a device of another driver */

/* "BUS/DEVICE" in two; false: it is not that. */
static bool usr_split(const char *from, char *bus, char *device)
{
	const char *slash = strchr(from, '/');

	if (!slash || slash == from || !slash[1] || strchr(slash + 1, '/') ||
	    strlen(from) >= UDRV_LEGACY_FROM || strstr(from, ".."))
		return false;
	memcpy(bus, from, (size_t)(slash - from));
	bus[slash - from] = '\0';
	strcpy(device, slash + 1);
	return true;
}

static bool usr_driver_of(const char *bus, const char *device, char *driver,
			  size_t size)
{
	return usr_sysfs_link(driver, size, "/sys/bus/%s/devices/%s/driver", bus,
			      device);
}

struct usr_taken {
	char bus[UDRV_LEGACY_FROM];
	char device[UDRV_LEGACY_FROM];
	char driver[64];		/* empty: nobody had it */
};

/* Which driver is it to be taken from?  None: taken->driver is empty. */
static int usr_find_taken(const char *from, struct usr_taken *taken)
{
	memset(taken, 0, sizeof(*taken));
	if (!from[0])
		return 0;
	if (!usr_split(from, taken->bus, taken->device))
		return usr_fail(EINVAL, "'%.64s' is not BUS/DEVICE, as in platform/i8042",
				from);
	if (!usr_driver_of(taken->bus, taken->device, taken->driver,
			   sizeof(taken->driver)))
		taken->driver[0] = '\0';
	return 0;
}

static int usr_take_device(const struct usr_taken *taken)
{
	if (!usr_sysfs_write(taken->device, "/sys/bus/%s/drivers/%s/unbind",
			     taken->bus, taken->driver)) {
		/* Without its driver a PnP device may be off. */
		usr_sysfs_write("activate", "/sys/bus/%s/devices/%s/resources",
				taken->bus, taken->device);
		return 0;
	}
	if (errno == EACCES || errno == EPERM)
		return usr_fail(EACCES, "taking %s/%s from %s needs root",
				taken->bus, taken->device, taken->driver);
	return usr_fail(EBUSY, "the driver %s does not let go of %s/%s: this kernel does not let it be unbound (%s)",
			taken->driver, taken->bus, taken->device, strerror(errno));
}

/* After a refusal, which goes on being what is told. */
static void usr_give_back(const struct usr_taken *taken)
{
	char sentence[512];
	int error = errno;

	snprintf(sentence, sizeof(sentence), "%s", usr_error());
	if (usr_sysfs_write(taken->device, "/sys/bus/%s/drivers/%s/bind",
			    taken->bus, taken->driver))
		usr_fail(error, "%.300s; and %s does not take %s/%s back: %s",
			 sentence, taken->driver, taken->bus, taken->device,
			 strerror(errno));
	else
		usr_fail(error, "%s", sentence);
}

/* ---------------------------------------------------------------------- calls */

/* The module says what is held; who holds it user space can read. */
static int usr_fail_holder(void)
{
	char holder[128], sentence[512];
	int error = errno;

	snprintf(sentence, sizeof(sentence), "%s", usr_error());
	errno = error;
	if (error != EBUSY || !usr_legacy_holder(sentence, holder, sizeof(holder)))
		return -1;
	return usr_fail(error, "%s: %s", sentence, holder);
}

static int usr_declare(const struct udrv_legacy *legacy)
{
	struct udrv_legacy add = *legacy;

	if (!usr_control_call(O_RDWR, UDRV_LEGACY_ADD, &add, "usr_legacy_add"))
		return 0;
	return usr_fail_holder();
}

static int usr_undeclare(const char *name)
{
	struct udrv_legacy_name remove = { .size = sizeof(remove) };

	memcpy(remove.name, name, sizeof(remove.name));
	return usr_control_call(O_RDWR, UDRV_LEGACY_REMOVE, &remove,
				"usr_legacy_remove");
}

USR_API int usr_legacy_add(const struct udrv_legacy *legacy)
{
	struct udrv_legacy add;
	struct usr_taken taken;

	if (!legacy)
		return usr_fail(EINVAL, "usr_legacy_add: legacy is NULL");
	add = *legacy;
	add.size = sizeof(add);
	add.from[UDRV_LEGACY_FROM - 1] = '\0';
	if (usr_find_taken(add.from, &taken))
		return -1;
	/*
	 * Before its driver is asked to leave: only what somebody holds can be
	 * helped by that.  Where it succeeds the driver holds nothing, and still
	 * is not to drive the same device.
	 */
	if (usr_declare(&add)) {
		if (errno != EBUSY || !taken.driver[0])
			return -1;
	} else if (!taken.driver[0]) {
		return 0;
	} else if (usr_undeclare(add.name)) {
		return -1;
	}
	if (usr_take_device(&taken))
		return -1;
	if (!usr_declare(&add))
		return 0;
	usr_give_back(&taken);
	return -1;
}

static int usr_control_name(const char *name, char *to)
{
	struct usr_name parsed;

	if (usr_name_check(name, &parsed))
		return -1;
	if (parsed.kind != USR_NAME_LEGACY)
		return usr_fail(EINVAL, "'%s' is not the name of a declared device",
				name);
	memcpy(to, parsed.text, UDRV_LEGACY_NAME);
	return 0;
}

USR_API int usr_legacy_get(const char *name, struct udrv_legacy *legacy)
{
	struct udrv_legacy get = { .size = sizeof(get) };

	if (!legacy)
		return usr_fail(EINVAL, "usr_legacy_get: legacy is NULL");
	if (usr_control_name(name, get.name) ||
	    usr_control_call(O_RDONLY, UDRV_LEGACY_GET, &get, "usr_legacy_get"))
		return -1;
	*legacy = get;
	return 0;
}

USR_API int usr_legacy_remove(const char *name)
{
	struct udrv_legacy was;
	struct usr_taken taken;
	char driver[64];

	if (usr_legacy_get(name, &was) || usr_undeclare(was.name))
		return -1;
	/* Whoever had it, or nobody: that is no failure. */
	if (was.from[0] && usr_split(was.from, taken.bus, taken.device) &&
	    !usr_driver_of(taken.bus, taken.device, driver, sizeof(driver)))
		usr_sysfs_write(taken.device, "/sys/bus/%s/drivers_probe",
				taken.bus);
	return 0;
}

USR_API int usr_legacy_list(struct udrv_legacy **list)
{
	struct udrv_legacy get = { .name = "" }, *all = NULL, *more;
	int fd, count = 0;

	if (!list)
		return usr_fail(EINVAL, "usr_legacy_list: list is NULL");
	fd = usr_control_open(O_RDONLY);
	if (fd < 0)
		return -1;
	for (;;) {
		get.size = sizeof(get);
		get.flags = UDRV_LEGACY_NEXT;
		if (usr_call(fd, UDRV_LEGACY_GET, &get, "usr_legacy_list"))
			break;
		get.flags = 0;
		more = realloc(all, (size_t)(count + 1) * sizeof(*all));
		if (!more) {
			usr_fail(ENOMEM, "usr_legacy_list: out of memory");
			break;
		}
		all = more;
		all[count++] = get;
	}
	close(fd);
	if (errno != ENOENT) {
		free(all);
		return -1;
	}
	*list = all;
	return count;
}
