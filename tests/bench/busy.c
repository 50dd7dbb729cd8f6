// SPDX-License-Identifier: MIT
/*
 * How long the processor idled.  /proc/uptime tells that in steps of 10 ms;
 * /proc/timer_list has the kernel's own counts behind it, in nanoseconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"

#define LIST "/proc/timer_list"

static uint64_t number_after(const char *text, const char *name)
{
	const char *found = strstr(text, name);

	if (!found)
		die(LIST ": it has no %s", name);
	return strtoull(found + strlen(name), NULL, 10);
}

uint64_t bench_idle_ns(void)
{
	static char text[1 << 16];
	size_t used = 0;
	ssize_t got;
	int fd;

	if (bench_soaks())
		return bench_soaked_ns();
	fd = open(LIST, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(LIST ": %s", strerror(errno));
	do {
		got = read(fd, text + used, sizeof(text) - 1 - used);
		if (got > 0)
			used += (size_t)got;
	} while (got > 0);
	close(fd);
	text[used] = '\0';
	/* One processor.  It idles "for I/O" while somebody waits for a disk. */
	return number_after(text, ".idle_sleeptime : ") +
	       number_after(text, ".iowait_sleeptime: ");
}
