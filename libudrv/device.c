// SPDX-License-Identifier: MIT
/* Opening a device, and what concerns it whole. */
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "internal.h"

static int usr_check_flags(int flags)
{
	int mode = flags & O_ACCMODE;

	if (flags & ~(O_ACCMODE | O_NONBLOCK | O_CLOEXEC) ||
	    (mode != O_RDWR && mode != O_RDONLY))
		return usr_fail(EINVAL, "flags are O_RDWR to own the device or O_RDONLY to observe it, and O_NONBLOCK");
	return 0;
}

/* Is it a udrv device, and do we mean the same by the contract? */
static int usr_check_contract(int fd, const char *path)
{
	struct udrv_info info;

	if (usr_info(fd, &info)) {
		if (errno == ENOTTY)
			usr_fail(ENOTTY, "%s is not a udrv device", path);
		return -1;
	}
	if (info.out_contract != UDRV_CONTRACT)
		return usr_fail(EPROTO, "the module speaks contract %u, this library %u: install both from one release",
				info.out_contract, UDRV_CONTRACT);
	return 0;
}

static int usr_open_path(const char *path, int flags, const struct usr_name *name)
{
	struct stat st;
	int fd, error;

	if (stat(path, &st))
		return usr_fail_open(path, name);
	/* Opening other kinds of files could block, or do something. */
	if (!S_ISCHR(st.st_mode))
		return usr_fail(ENOTTY, "%s is not a device file", path);
	fd = open(path, flags | O_CLOEXEC);
	if (fd < 0)
		return usr_fail_open(path, name);
	if (usr_check_contract(fd, path)) {
		error = errno;
		close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

static int usr_open_name(const char *text, int flags, const struct usr_name *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), UDRV_DIR "/%s", text);
	return usr_open_path(path, flags, name);
}

USR_API int usr_open(const char *name, int flags)
{
	struct usr_device device;
	struct usr_name parsed;

	if (usr_check_flags(flags) ||
	    usr_name_check(name, &parsed))
		return -1;
	if (parsed.kind == USR_NAME_PATH)
		return usr_open_path(name, flags, &parsed);
	if (parsed.kind != USR_NAME_IDS)
		return usr_open_name(parsed.text, flags, &parsed);
	if (usr_find_ids(&parsed, USR_OUR_DRIVER, ENOENT, &device))
		return -1;
	return usr_open_name(device.name, flags, &parsed);
}

USR_API int usr_pci_open(int bus, int slot, int function)
{
	char name[32];

	if (bus < 0 || bus > 255 || slot < 0 || slot > 31 || function < 0 ||
	    function > 7)
		return usr_fail(EINVAL, "no PCI address %d, %d, %d: bus 0-255, slot 0-31, function 0-7",
				bus, slot, function);
	snprintf(name, sizeof(name), "0000:%02x:%02x.%x", (unsigned)bus,
		 (unsigned)slot, (unsigned)function);
	return usr_open(name, O_RDWR);
}

/* Which PCI device to bind, if it is one and nobody has it?  Empty: none. */
static int usr_unclaimed(const char *name, struct usr_device *device)
{
	struct usr_name parsed;

	device->name[0] = '\0';
	if (usr_name_check(name, &parsed))
		return -1;
	if (parsed.kind != USR_NAME_PCI && parsed.kind != USR_NAME_IDS)
		return 0;
	/* Several of these ids: then the one that is bound, if it is one. */
	if (usr_find(name, device))
		return errno == ENOTUNIQ ? 0 : -1;
	if (!strcmp(device->driver, USR_OUR_DRIVER))
		device->name[0] = '\0';
	return 0;
}

USR_API int usr_open_or_bind(const char *name, int flags, bool *bound)
{
	struct usr_device device;
	char sentence[512];
	int fd, error;

	if (bound)
		*bound = false;
	if (usr_check_flags(flags) ||
	    usr_unclaimed(name, &device))
		return -1;
	if (!device.name[0])
		return usr_open(name, flags);
	if (usr_bind(device.name, 0))
		return -1;
	fd = usr_open(device.name, flags);
	if (fd < 0) {
		error = errno;
		snprintf(sentence, sizeof(sentence), "%s", usr_error());
		usr_unbind(device.name);
		return usr_fail(error, "%s", sentence);
	}
	if (bound)
		*bound = true;
	return fd;
}

USR_API int usr_info(int fd, struct udrv_info *info)
{
	struct udrv_info answer = { .size = sizeof(answer) };

	if (!info)
		return usr_fail(EINVAL, "usr_info: info is NULL");
	if (usr_call(fd, UDRV_INFO, &answer, "usr_info"))
		return -1;
	*info = answer;
	return 0;
}

USR_API int usr_counters(int fd, struct udrv_counters *counters)
{
	struct udrv_counters answer = { .size = sizeof(answer) };

	if (!counters)
		return usr_fail(EINVAL, "usr_counters: counters is NULL");
	if (usr_call(fd, UDRV_COUNTERS, &answer, "usr_counters"))
		return -1;
	*counters = answer;
	return 0;
}

USR_API int usr_bus_master(int fd, bool on)
{
	struct udrv_bus_master set = { .size = sizeof(set), .on = on };

	return usr_call(fd, UDRV_BUS_MASTER, &set, "usr_bus_master");
}

USR_API int usr_reset(int fd)
{
	struct udrv_plain plain = { .size = sizeof(plain) };

	return usr_call(fd, UDRV_RESET, &plain, "usr_reset");
}

USR_API int usr_release(int fd)
{
	struct udrv_plain plain = { .size = sizeof(plain) };

	return usr_call(fd, UDRV_RELEASE, &plain, "usr_release");
}
