// SPDX-License-Identifier: MIT
/*
 * Asks QEMU, through the harness, to log every instruction for a while.
 *
 * With `singlestep` each translation block is one instruction, so each `exec`
 * line of the log is one instruction; `nochain` makes QEMU log all of them.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define PORT "/dev/virtio-ports/udrv"

/* Read one line, without the newline. */
static void read_line(int fd, char *line, size_t size)
{
	size_t used = 0;

	while (used + 1 < size) {
		ssize_t got = read(fd, line + used, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			die(PORT ": %s", got ? strerror(errno) : "end of file");
		if (line[used] == '\n')
			break;
		used++;
	}
	line[used] = '\0';
}

/* Run one of QEMU's monitor commands; it answers nothing if all went well. */
static void monitor(const char *command)
{
	char answer[1024], want[64];
	int fd = open(PORT, O_RDWR | O_CLOEXEC);

	if (fd < 0)
		die(PORT ": %s", strerror(errno));
	dprintf(fd, "%d qmp {\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": \"%s\"}}\n",
		getpid(), command);
	snprintf(want, sizeof(want), "%d {", getpid());
	do {
		read_line(fd, answer, sizeof(answer));
	} while (strncmp(answer, want, strlen(want)) != 0);
	close(fd);
	if (!strstr(answer, "{\"return\": \"\"}"))
		die("QEMU, asked to `%s`: %s", command, answer);
}

static const char *out_dir(void)
{
	const char *dir = getenv("OUT_DIR");

	if (!dir)
		die("no OUT_DIR; use `make profile`");
	return dir;
}

/* Where a program lies in memory, to find its functions' names by. */
static void save_maps(const char *pid, const char *name)
{
	char path[512], maps[64], buffer[4096];
	FILE *from, *to;
	size_t got;

	snprintf(maps, sizeof(maps), "/proc/%s/maps", pid);
	snprintf(path, sizeof(path), "%s/%s", out_dir(), name);
	from = fopen(maps, "r");
	to = fopen(path, "w");
	if (!from || !to)
		die("%s: %s", path, strerror(errno));
	while ((got = fread(buffer, 1, sizeof(buffer), from)) > 0)
		if (fwrite(buffer, 1, got, to) != got)
			die("%s: %s", path, strerror(errno));
	fclose(from);
	if (fclose(to))
		die("%s: %s", path, strerror(errno));
}

void profile_on(void)
{
	char command[512], pid[16];

	save_maps("self", "profile.maps");
	if (bench_helper) {
		snprintf(pid, sizeof(pid), "%d", bench_helper);
		save_maps(pid, "profile.helper-maps");
	}
	snprintf(command, sizeof(command), "logfile %s/profile.log", out_dir());
	monitor(command);
	monitor("singlestep on");
	monitor("log exec,nochain");
}

void profile_off(void)
{
	monitor("log none");
	monitor("singlestep off");
}
