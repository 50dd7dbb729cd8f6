// SPDX-License-Identifier: MIT
/* See udrv_tracefs.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "udrv_tool.h"
#include "udrv_tracefs.h"

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	(void)signal;
	interrupted = 1;
}

void tracefs_catch_signals(void)
{
	struct sigaction action = { .sa_handler = interrupt };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	/* Whoever reads us went away: the instance has to go, too. */
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

bool tracefs_interrupted(void)
{
	return interrupted || ferror(stdout);
}

double tracefs_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

__attribute__((format(printf, 3, 4)))
static bool put(const struct tracefs *trace, const char *text,
		const char *format, ...)
{
	char name[160], path[PATH_MAX];
	size_t length = strlen(text);
	va_list args;
	bool good;
	int fd;

	va_start(args, format);
	vsnprintf(name, sizeof(name), format, args);
	va_end(args);
	snprintf(path, sizeof(path), "%s/%s", trace->directory, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	good = write(fd, text, length) == (ssize_t)length;
	close(fd);
	return good;
}

static bool complain(const char *path)
{
	const char *help = "";

	if (errno == EACCES || errno == EPERM)
		help = ": tracing needs root";
	else if (errno == ENOENT)
		help = ": is tracefs mounted (`mount -t tracefs tracefs /sys/kernel/tracing`), and the module loaded (`modprobe udrv`)?";
	fprintf(stderr, "udrv: %s: %s%s\n", path, strerror(errno), help);
	return false;
}

static bool make_instance(struct tracefs *trace)
{
	static const char *const places[] = { "/sys/kernel/tracing",
					      "/sys/kernel/debug/tracing" };
	const char *place = places[!!access("/sys/kernel/tracing/instances", F_OK) &&
				   !access("/sys/kernel/debug/tracing/instances", F_OK)];

	snprintf(trace->directory, sizeof(trace->directory),
		 "%s/instances/udrv-%d", place, getpid());
	if (!mkdir(trace->directory, 0700))
		return true;
	return complain(trace->directory);
}

/* A filter has to be set before the event is on. */
static bool listen_to(const struct tracefs *trace, const char *event,
		      const char *device)
{
	char filter[64], name[64] = "";

	if (event)
		snprintf(name, sizeof(name), "/udrv_%s", event);
	snprintf(filter, sizeof(filter), "device == \"%s\"", device ? device : "");
	return (!device || put(trace, filter, "events/udrv%s/filter", name)) &&
	       put(trace, "1", "events/udrv%s/enable", name);
}

bool tracefs_open(struct tracefs *trace, const char *event, const char *device)
{
	char path[PATH_MAX];

	trace->used = 0;
	trace->pipe = -1;
	if (!make_instance(trace))
		return false;
	tracefs_catch_signals();
	put(trace, "mono", "trace_clock");	/* as the events' time_ns */
	snprintf(path, sizeof(path), "%s/trace_pipe", trace->directory);
	trace->pipe = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trace->pipe >= 0 && listen_to(trace, event, device))
		return true;
	snprintf(path, sizeof(path), "%s/events/udrv", trace->directory);
	complain(path);
	tracefs_close(trace);
	return false;
}

void tracefs_close(struct tracefs *trace)
{
	put(trace, "0", "events/udrv/enable");
	if (trace->pipe >= 0)
		close(trace->pipe);
	rmdir(trace->directory);
}

/* Take the first whole line of the buffer, if it has one. */
static bool take_line(struct tracefs *trace, char *line, size_t size)
{
	char *end = memchr(trace->buffer, '\n', trace->used);
	size_t length;

	if (!end)
		return false;
	length = (size_t)(end - trace->buffer);
	snprintf(line, size, "%.*s", (int)length, trace->buffer);
	trace->used -= length + 1;
	memmove(trace->buffer, end + 1, trace->used);
	return true;
}

/* False: the end, for one reason or another. */
static bool fill(struct tracefs *trace, double deadline)
{
	struct pollfd wait = { .fd = trace->pipe, .events = POLLIN };
	double left = deadline ? deadline - tracefs_now() : 1;
	ssize_t got;

	if (left <= 0 || tracefs_interrupted())
		return false;
	if (trace->used == sizeof(trace->buffer))
		trace->used = 0;	/* no line is so long */
	/* A signal between the look and the wait is seen a little later. */
	poll(&wait, 1, left > 0.2 ? 200 : (int)(left * 1000) + 1);
	got = read(trace->pipe, trace->buffer + trace->used,
		   sizeof(trace->buffer) - trace->used);
	if (got > 0)
		trace->used += (size_t)got;
	return got >= 0 || errno == EAGAIN || errno == EINTR;
}

/* The kernel does not know a process that has not slept since: /proc may. */
static void find_command(json_t *event)
{
	const char *command = json_string_value(json_object_get(event, "command"));
	char name[64];

	if (strcmp(command, "<...>") != 0)
		return;
	tool_command_of((int)json_integer_value(json_object_get(event, "pid")),
			name, sizeof(name));
	if (name[0])
		json_object_set_new(event, "command", json_string(name));
}

json_t *tracefs_next(struct tracefs *trace, double deadline)
{
	char line[600];
	json_t *event;

	do {
		while (take_line(trace, line, sizeof(line))) {
			event = trace_parse(line);
			if (event) {
				find_command(event);
				return event;
			}
		}
	} while (fill(trace, deadline));
	return NULL;
}
