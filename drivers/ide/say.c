// SPDX-License-Identifier: MIT
/* See commands.h. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "commands.h"

/* A line that is not longer goes into a pipe whole, or not at all. */
#define LINE		900
/* A sick disk has much to say: so many lines, then so many a second. */
#define BURST		50
#define A_SECOND	2

/* Each file has lines of its own. */
static unsigned unsaid[STDERR_FILENO + 1];

static bool may_speak(void)
{
	static unsigned left = BURST;
	static uint64_t since;
	uint64_t now = ide_now(), earned = (now - since) * A_SECOND / 1000000000u;

	if (earned) {
		left = left + earned > BURST ? BURST : left + (unsigned)earned;
		since = now;
	}
	if (!left)
		return false;
	left--;
	return true;
}

static bool has_room(int fd)
{
	struct pollfd file = { .fd = fd, .events = POLLOUT };

	return poll(&file, 1, 0) == 1 && file.revents & POLLOUT;
}

static void say_line(int fd, const char *beginning, const char *format,
		     va_list args)
{
	char line[LINE + 100];
	int length = 0;

	if (!may_speak() || !has_room(fd)) {
		unsaid[fd]++;
		return;
	}
	if (unsaid[fd])
		length = snprintf(line, 60, "(%u lines were left out)\n", unsaid[fd]);
	unsaid[fd] = 0;
	length += snprintf(line + length, 40, "%s", beginning);
	length += vsnprintf(line + length, LINE, format, args);
	if (length > LINE)
		length = LINE;
	if (line[length - 1] != '\n')
		line[length++] = '\n';
	/* Whoever reads it may have gone; the disks go on. */
	if (write(fd, line, (size_t)length) < 0)
		unsaid[fd]++;
}

void say(int fd, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line(fd, "", format, args);
	va_end(args);
}

int say_why(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_line(STDERR_FILENO, "udrv-ide: ", format, args);
	va_end(args);
	return 1;
}
