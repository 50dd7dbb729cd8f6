// SPDX-License-Identifier: MIT
/* Sentences for which the machine has to be looked at: who holds a device? */
#include <dirent.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include "internal.h"

/* ---------------------------------------------------------- the kernel log */

/* Return: a file to read the log from, or -1. */
int usr_kernel_log(bool from_now)
{
	int log = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (log >= 0)
		lseek(log, 0, from_now ? SEEK_END : SEEK_SET);
	return log;
}

/* What follows the address and the word in the last line that has both. */
bool usr_kernel_said(int log, const char *address, const char *word, char *text,
		     size_t size)
{
	char record[4096], *said, *at;
	bool found = false;
	ssize_t got;

	if (log < 0)
		return false;
	while ((got = read(log, record, sizeof(record) - 1)) >= 0 ||
	       errno == EPIPE) {		/* overwritten: go on */
		if (got <= 0)
			continue;
		record[got] = '\0';
		record[strcspn(record, "\n")] = '\0';
		said = strchr(record, ';');
		at = said ? strstr(said, address) : NULL;
		at = at ? strstr(at, word) : NULL;
		if (!at)
			continue;
		at += strlen(word);
		snprintf(text, size, "%s", at + strspn(at, ": "));
		found = true;
	}
	return found;
}

/* ------------------------------------------------------- who has it open? */

#define USR_MOST_NODES	16

struct usr_nodes {
	dev_t node[USR_MOST_NODES];
	char name[USR_MOST_NODES][32];
	int count;
};

static bool usr_nodes_add(const char *name, void *data)
{
	struct usr_nodes *nodes = data;
	char path[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), UDRV_DIR "/%s", name);
	if (!stat(path, &st) && S_ISCHR(st.st_mode)) {
		nodes->node[nodes->count] = st.st_rdev;
		snprintf(nodes->name[nodes->count], sizeof(nodes->name[0]), "%s",
			 name);
		nodes->count++;
	}
	return nodes->count < USR_MOST_NODES;
}

/* Is it open for writing?  Observers hold nothing. */
static bool usr_fd_owns(const char *pid, const char *fd)
{
	char path[PATH_MAX], line[64];
	unsigned flags = 0;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%s/fdinfo/%s", pid, fd);
	info = fopen(path, "re");
	if (!info)
		return false;
	while (fgets(line, sizeof(line), info))
		if (sscanf(line, "flags: %o", &flags) == 1)
			break;
	fclose(info);
	return (flags & O_ACCMODE) == O_RDWR;
}

/*
 * Which of the nodes is this file?  -1: none.  By name first: stat() of just
 * any file may hang, in a dead file server say.
 */
static int usr_fd_node(DIR *files, const char *fd, const struct usr_nodes *nodes)
{
	char target[PATH_MAX];
	const char *name;
	struct stat st;
	ssize_t length;
	int i;

	length = readlinkat(dirfd(files), fd, target, sizeof(target) - 1);
	if (length < 0)
		return -1;
	target[length] = '\0';
	name = strrchr(target, '/');
	for (i = 0; name && i < nodes->count; i++)
		if (!strcmp(name + 1, nodes->name[i]) &&
		    !fstatat(dirfd(files), fd, &st, 0) &&
		    S_ISCHR(st.st_mode) && st.st_rdev == nodes->node[i])
			return i;
	return -1;
}

/* Which of the nodes does the process own?  -1: none. */
static int usr_process_owns(const char *pid, const struct usr_nodes *nodes)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int node, found = -1;
	DIR *files;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	files = opendir(path);
	if (!files)
		return -1;
	while (found < 0 && (entry = readdir(files))) {
		node = usr_fd_node(files, entry->d_name, nodes);
		if (node >= 0 && usr_fd_owns(pid, entry->d_name))
			found = node;
	}
	closedir(files);
	return found;
}

/* "0000:00:05.0 is open in process 12 (name)", by what /proc shows us. */
static bool usr_holder_by_proc(const struct usr_nodes *nodes, char *text,
			       size_t size)
{
	struct dirent *entry;
	char command[32];
	int which = -1;
	DIR *proc;

	proc = opendir("/proc");
	if (!proc)
		return false;
	while (which < 0 && (entry = readdir(proc))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		which = usr_process_owns(entry->d_name, nodes);
		if (which < 0)
			continue;
		if (!usr_sysfs_read(command, sizeof(command), "/proc/%s/comm",
				    entry->d_name))
			command[0] = '\0';
		snprintf(text, size, "%s is open in process %.10s (%s)",
			 nodes->name[which], entry->d_name, command);
	}
	closedir(proc);
	return which >= 0;
}

/* The same by the module, which any observer may ask. */
static bool usr_holder_by_info(const struct usr_nodes *nodes, char *text,
			       size_t size)
{
	struct udrv_info info;
	char path[PATH_MAX];
	bool owned;
	int i, fd;

	for (i = 0; i < nodes->count; i++) {
		snprintf(path, sizeof(path), UDRV_DIR "/%s", nodes->name[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		owned = !usr_info(fd, &info) && info.out_caps & UDRV_INFO_OWNED;
		close(fd);
		if (!owned)
			continue;
		if (info.out_owner_pid)
			snprintf(text, size, "%s was opened by process %d",
				 nodes->name[i], info.out_owner_pid);
		else
			snprintf(text, size, "%s has an owner in another pid namespace",
				 nodes->name[i]);
		return true;
	}
	return false;
}

/* What the module last told the log of an open of this device. */
static bool usr_open_refused(const char *device, char *said, size_t size)
{
	int log = usr_kernel_log(false);
	bool found = usr_kernel_said(log, device, "open refused", said, size);

	if (log >= 0)
		close(log);
	return found;
}

static int usr_fail_busy(const char *device)
{
	struct usr_nodes nodes = { .count = 0 };
	char text[128], said[400];

	usr_nodes_add(device, &nodes);
	usr_group_members(device, usr_nodes_add, &nodes);
	if (!usr_holder_by_proc(&nodes, text, sizeof(text)) &&
	    !usr_holder_by_info(&nodes, text, sizeof(text))) {
		if (usr_open_refused(device, said, sizeof(said)))
			return usr_fail(EBUSY, "%s: open refused: %s", device,
					said);
		snprintf(text, sizeof(text), "%s has an owner, which root can see",
			 device);
	}
	if (!strncmp(text, device, strlen(device)))
		return usr_fail(EBUSY, "%s; end that process, or open with O_RDONLY to observe",
				text);
	return usr_fail(EBUSY, "%s shares its IOMMU group, which has one owner at a time, and %s; end that process, or open with O_RDONLY to observe",
			device, text);
}

/* --------------------------------------------------------- failing to open */

static int usr_fail_missing(const char *address)
{
	struct usr_device device;

	if (!usr_sysfs_device(address, &device))
		return usr_fail(ENOENT, "the machine has no PCI device %s; `udrv list` shows all",
				address);
	if (!strcmp(device.driver, USR_OUR_DRIVER))
		return usr_fail(ENOENT, "%s is bound to udrv but " UDRV_DIR "/%s is missing: is devtmpfs mounted on /dev?",
				address, address);
	if (!usr_module_loaded())
		return usr_fail(ENOENT, "the module is not loaded: `modprobe udrv`, then `udrv bind %s%s`",
				device.driver[0] ? "--take " : "", address);
	if (device.driver[0])
		return usr_fail(ENOENT, "%s has the driver %s: `udrv bind --take %s` takes it from it",
				address, device.driver, address);
	return usr_fail(ENOENT, "%s is not bound to udrv: `udrv bind %s` does it",
			address, address);
}

static int usr_fail_access(const char *path, const char *device)
{
	struct passwd user_space, *user = NULL;
	struct group group_space, *group = NULL;
	char user_text[1024], group_text[1024];
	struct stat st;

	if (stat(path, &st))
		return usr_fail(EACCES, "%s cannot be reached: a directory on the way is closed to this user",
				path);
	getpwuid_r(st.st_uid, &user_space, user_text, sizeof(user_text), &user);
	getgrgid_r(st.st_gid, &group_space, group_text, sizeof(group_text), &group);
	return usr_fail(EACCES, "%s belongs to %s:%s, mode %03o: open it as that user, or `udrv bind --owner USER %s` as root",
			path, user ? user->pw_name : "?",
			group ? group->gr_name : "?", st.st_mode & 0777, device);
}

static int usr_fail_denied(const char *device)
{
	char said[400];

	if (usr_open_refused(device, said, sizeof(said)))
		return usr_fail(EPERM, "%s: open refused: %s", device, said);
	return usr_fail(EPERM, "%s: refused; the kernel's log (dmesg, as root) says why: interrupts are not remapped (module parameter allow_unsafe_interrupts=1), or another user's driver had it last and it cannot be reset (open it as root)",
			device);
}

int usr_fail_open(const char *path,
		  const struct usr_name *name)
{
	const char *slash = strrchr(path, '/');
	const char *device = slash ? slash + 1 : path;
	int error = errno;

	if (error == EACCES)
		return usr_fail_access(path, device);
	if (error == EBUSY)
		return usr_fail_busy(device);
	if (error == EPERM)
		return usr_fail_denied(device);
	if (error != ENOENT && error != ENXIO && error != ENODEV)
		return usr_fail(error, "%s: %s", path, usr_advice(error));
	if (name->kind == USR_NAME_PCI)
		return usr_fail_missing(device);
	if (name->kind == USR_NAME_LEGACY && usr_module_loaded())
		return usr_fail(ENOENT, "there is no %s: `udrv legacy add %s` declares it, `udrv list` shows the devices",
				path, device);
	return usr_fail(ENOENT, "there is no %s%s", path,
			usr_module_loaded() ? "; `udrv list` shows the devices" :
			", and the module is not loaded: `modprobe udrv`");
}
