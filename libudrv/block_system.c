// SPDX-License-Identifier: MIT
/* The block hook's dealings with the rest of the system: modules, processes,
 * mounted filesystems, memory.
 */
#include <ctype.h>
#include <linux/capability.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "block.h"
#include "block_nbd_broker.h"

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

extern char **environ;

uint64_t usr_block_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* What both ublk and NBD ask for. */
bool usr_block_is_admin(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2] = { { 0 } };

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[0].effective & (1u << CAP_SYS_ADMIN);
}

/*
 * posix_spawn(), and not fork(), which would copy what the driver has pinned
 * for DMA.  The child has no file of ours but @out, if that is one.
 */
static pid_t usr_block_spawn(char *const argv[], int out)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	pid_t pid;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawn_file_actions_init(&files))
		return usr_fail(ENOMEM, "no memory to start %s", argv[0]);
	if (posix_spawnattr_init(&how)) {
		posix_spawn_file_actions_destroy(&files);
		return usr_fail(ENOMEM, "no memory to start %s", argv[0]);
	}
	/* A group of its own: a ^C that ends the driver must not end it. */
	posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSIGMASK |
				 POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	posix_spawnattr_setsigmask(&how, &none);
	posix_spawnattr_setsigdefault(&how, &all);
	error = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDWR, 0);
	if (!error && out >= 0)
		error = posix_spawn_file_actions_adddup2(&files, out, 1);
	else if (!error)
		error = posix_spawn_file_actions_adddup2(&files, 0, 1);
	if (!error)
		error = posix_spawn_file_actions_adddup2(&files, 0, 2);
	if (!error)
		error = posix_spawn(&pid, argv[0], &files, &how, argv, environ);
	posix_spawnattr_destroy(&how);
	posix_spawn_file_actions_destroy(&files);
	if (error)
		return usr_fail(error, "cannot start %s: %s", argv[0],
				strerror(error));
	return pid;
}

/* Exit status 0?  Who ignores SIGCHLD learns nothing: take it for yes. */
static bool usr_block_succeeded(pid_t pid)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got < 0 || (WIFEXITED(status) && !WEXITSTATUS(status));
}

int usr_block_load(const char *module)
{
	char *argv[] = { (char *)"/sbin/modprobe", (char *)"-q", (char *)"--",
			 (char *)module, NULL };
	pid_t pid = usr_block_spawn(argv, -1);

	if (pid < 0)
		return -1;
	if (!usr_block_succeeded(pid))
		return usr_fail(EOPNOTSUPP, "this kernel has no module %s (`modprobe %s` failed)",
				module, module);
	return 0;
}

/* --- what is mounted */

/* /proc/self/mountinfo writes blanks and the like as \040. */
static void usr_block_unescape(char *text)
{
	char *to = text;

	for (; *text; text++) {
		if (text[0] == '\\' && isdigit((unsigned char)text[1]) &&
		    isdigit((unsigned char)text[2]) &&
		    isdigit((unsigned char)text[3])) {
			*to++ = (char)((text[1] - '0') << 6 |
				       (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* Is block device 259:1 the disk or one of its partitions? */
static bool usr_block_is_part(const char *device, const char *disk)
{
	char link[64], target[256], parent[64];
	ssize_t got;
	char *found;

	snprintf(link, sizeof(link), "/sys/dev/block/%s", device);
	got = readlink(link, target, sizeof(target) - 1);
	if (got < 0)
		return false;
	target[got] = '\0';
	snprintf(parent, sizeof(parent), "/block/%s", disk);
	found = strstr(target, parent);
	if (!found)
		return false;
	found += strlen(parent);
	return *found == '\0' || *found == '/';
}

/* A line's mount point if it is on the disk, else NULL.  For free(). */
static char *usr_block_mount_of(const char *line, const char *path)
{
	char device[32], point[4096], source[256] = "";
	const char *name = strrchr(path, '/') + 1;
	const char *dash = strstr(line, " - ");
	size_t length = strlen(path);

	if (sscanf(line, "%*d %*d %31s %*s %4095s", device, point) != 2)
		return NULL;
	if (dash)
		sscanf(dash, " - %*s %255s", source);
	/* btrfs has device numbers of its own, but says what it was given. */
	if (!usr_block_is_part(device, name) &&
	    (strncmp(source, path, length) ||
	     (source[length] && source[length] != 'p')))
		return NULL;
	usr_block_unescape(point);
	return strdup(point);
}

static void usr_block_free_words(char **words)
{
	char **word;

	for (word = words; word && *word; word++)
		free(*word);
	free(words);
}

/* Append to a list that ends with NULL; takes the word, frees all on failure. */
static char **usr_block_append(char **words, size_t *count, char *word)
{
	char **more = word ? realloc(words, (*count + 2) * sizeof(*words)) : NULL;

	if (!more) {
		free(word);
		usr_block_free_words(words);
		usr_fail(ENOMEM, "no memory for the list of mounted filesystems");
		return NULL;
	}
	more[(*count)++] = word;
	more[*count] = NULL;
	return more;
}

/* The command that writes back what is mounted of the disk. */
static char **usr_block_sync_command(const char *path, size_t *count)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char **words = NULL, *line = NULL, *point;
	size_t size = 0;

	*count = 0;
	words = usr_block_append(words, count, strdup("/bin/sync"));
	if (words)
		words = usr_block_append(words, count, strdup("-f"));
	while (words && file && getline(&line, &size, file) > 0) {
		point = usr_block_mount_of(line, path);
		if (point)
			words = usr_block_append(words, count, point);
	}
	free(line);
	if (file)
		fclose(file);
	return words;
}

/* --- processes that wait for the disk in our stead */

static int usr_block_helper_add(struct block_helper *helper, char *const argv[],
				int out)
{
	pid_t pid = usr_block_spawn(argv, out);

	if (pid < 0)
		return -1;
	helper->pids[helper->count++] = pid;
	return 0;
}

static int usr_block_sync_mounts(struct block_disk *disk, int out)
{
	size_t count;
	char **words = usr_block_sync_command(disk->path, &count);
	int result = 0;

	if (!words)
		return -1;
	if (count > 2)
		result = usr_block_helper_add(&disk->helper, words, out);
	usr_block_free_words(words);
	return result;
}

int usr_block_helper_start(struct block_disk *disk, bool mounts)
{
	char *argv[] = { (char *)"/bin/sync", disk->path, NULL };
	int ends[2], result, error;

	if (pipe2(ends, O_CLOEXEC))
		return usr_fail(errno, "no pipe: %s", strerror(errno));
	disk->helper.pipe = ends[0];
	result = mounts ? usr_block_sync_mounts(disk, ends[1]) : 0;
	if (!result)
		result = usr_block_helper_add(&disk->helper, argv, ends[1]);
	error = errno;
	close(ends[1]);
	if (result) {
		usr_block_helper_forget(&disk->helper);
		errno = error;
	}
	return result;
}

/* The pipe has ended.  Return: 0, or an errno. */
int usr_block_helper_end(struct block_helper *helper)
{
	int error = helper->asked ? usr_nbd_broker_verdict(helper->pipe) : 0;

	while (helper->count)
		if (!usr_block_succeeded(helper->pids[--helper->count]))
			error = EIO;
	usr_block_helper_forget(helper);
	return error;
}

/* Whoever still runs ends by itself, when its disk answers or fails. */
void usr_block_helper_forget(struct block_helper *helper)
{
	while (helper->count)
		waitpid(helper->pids[--helper->count], NULL, WNOHANG);
	if (helper->pipe >= 0)
		close(helper->pipe);
	helper->pipe = -1;
	helper->asked = false;
}

/* --- memory */

/*
 * mlockall() locks the stack as it is; MCL_FUTURE locks what it grows by, but
 * growing then needs memory at a time when there may be none until our disk
 * has taken some.  So let it grow now.
 */
static void usr_block_touch_stack(void)
{
	volatile char deep[256 * 1024];
	size_t i;

	for (i = 0; i < sizeof(deep); i += 1024)
		deep[i] = 0;
	(void)deep[0];
}

USR_API int usr_block_harden(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		return usr_fail(errno, "cannot lock this process's memory (%s): needs CAP_IPC_LOCK, or RLIMIT_MEMLOCK (`ulimit -l`) above its size",
				strerror(errno));
	usr_block_touch_stack();
	if (prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0)) {
		int error = errno;

		munlockall();
		return usr_fail(error, "cannot become an I/O flusher (%s): needs CAP_SYS_RESOURCE, and Linux 5.6",
				strerror(error));
	}
	/* Killing it would free nothing: all who wait for the disk wait on. */
	usr_sysfs_write("-1000", "/proc/self/oom_score_adj");
	return 0;
}
