// SPDX-License-Identifier: MIT
/* See commands.h. */
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include "commands.h"

/* A line that is not longer goes into a pipe whole, or not at all. */
#define LINE		400
/* A sick disk has much to say: so many lines, then so many a second. */
#define BURST		50
#define A_SECOND	2

static unsigned unsaid;

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

void say(int fd, const char *format, ...)
{
	char line[LINE + 60];
	va_list args;
	int length = 0;

	if (!may_speak() || !has_room(fd)) {
		unsaid++;
		return;
	}
	if (unsaid)
		length = snprintf(line, 60, "(%u lines were left out)\n", unsaid);
	unsaid = 0;
	va_start(args, format);
	length += vsnprintf(line + length, LINE, format, args);
	va_end(args);
	if (length > (int)sizeof(line) - 1)
		length = sizeof(line) - 1;
	/* Whoever reads it may have gone; the disks go on. */
	if (write(fd, line, (size_t)length) < 0)
		unsaid++;
}
