// SPDX-License-Identifier: MIT
/* udrv-kbd: see arguments.c for what it can do. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "../service.h"
#include "keyboard.h"
#include "arguments.h"

#define POLL_MS		10	/* without interrupts */
#define PARTIAL_MS	(PS2_LOST_MS / 2)
/*
 * An edge that was lost is the last one: the byte stays where it is, and no
 * other comes after it.  So look, now and then, without being told.
 */
#define LOOK_MS		1000

#define SLOWEST_MS	10000	/* where the kernel repeats, the keyboard need not */

struct driver {
	struct ps2 ps2;
	struct keyboard keyboard;
	struct pointer pointer;
	struct sink sink;
	int signals;
};

void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-kbd: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

/* Blocked, so that none comes in the middle of a command to the keyboard. */
static int catch_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

static int patience(const struct driver *d)
{
	if (d->ps2.port[0].irq_fd < 0)
		return POLL_MS;
	if (scancode_partial(&d->keyboard.decoder) ||
	    mouse_partial(&d->pointer.decoder))
		return PARTIAL_MS;
	return LOOK_MS;
}

static const char *tend(struct driver *d)
{
	const char *problem = NULL;
	int error = ps2_service(&d->ps2);

	if (error == ENXIO)
		return "nothing answers any more where the keyboard controller was";
	if (error)
		return usr_error();
	if (d->keyboard.port)
		problem = keyboard_tend(&d->keyboard);
	if (!problem && d->pointer.port)
		problem = pointer_tend(&d->pointer);
	if (!problem && d->sink.problem[0])
		problem = d->sink.problem;
	return problem;
}

/* Until a signal.  Return: NULL or a sentence. */
static const char *serve(struct driver *d)
{
	struct pollfd fds[] = {
		{ .fd = d->signals, .events = POLLIN },
		{ .fd = d->ps2.port[0].irq_fd, .events = POLLIN },
		{ .fd = d->ps2.port[1].irq_fd, .events = POLLIN },
		{ .events = POLLIN },
	};
	const char *problem;
	int ready;

	for (;;) {
		problem = tend(d);
		if (problem)
			return problem;
		if (ferror(stdout))
			return "nobody reads what is printed any more";
		/* A keyboard that comes later has its device then. */
		fds[3].fd = sink_fd(&d->sink);
		ready = poll(fds, 4, patience(d));
		if (ready < 0 && errno != EINTR)
			return strerror(errno);
		if (ready <= 0)
			continue;
		if (fds[0].revents)
			return NULL;
		d->ps2.port[0].told = fds[1].revents;
		d->ps2.port[1].told = fds[2].revents;
		d->sink.told = fds[3].revents;
	}
}

static const char *start(struct driver *d, const struct arguments *arguments)
{
	const char *problem = NULL;
	unsigned delay = arguments->uinput ? SLOWEST_MS : arguments->delay_ms;
	unsigned period = arguments->uinput ? SLOWEST_MS : arguments->period_ms;
	struct ps2_port *port = d->ps2.port;

	if (port[PS2_KEYBOARD].present)
		keyboard_init(&d->keyboard, &port[PS2_KEYBOARD], &d->sink,
			      arguments->set, typematic_byte(delay, period));
	if (port[PS2_MOUSE].present)
		pointer_init(&d->pointer, &port[PS2_MOUSE], &d->sink);
	if (ps2_enable(&d->ps2))
		return usr_error();
	if (d->keyboard.port)
		problem = keyboard_start(&d->keyboard);
	if (!problem && d->pointer.port)
		problem = pointer_start(&d->pointer);
	return problem;
}

static void stop(struct driver *d)
{
	if (d->keyboard.port)
		keyboard_stop(&d->keyboard);
	if (d->pointer.port)
		pointer_stop(&d->pointer);
	ps2_stop(&d->ps2);
	sink_stop(&d->sink);
}

/* A device made with it must end with us: no successor finds it there. */
static int take_uinput(const char *name)
{
	int file = service_file(name);

	service_forget(name);
	return file < 0 ? 0 : file;
}

static const char *drive(int fd, const struct arguments *arguments)
{
	static struct driver driver;
	unsigned flags = (arguments->poll ? PS2_POLLED : 0) |
			 (arguments->set == 1 ? PS2_TRANSLATED : 0) |
			 (arguments->no_mouse ? PS2_NO_MOUSE : 0);
	const char *problem;
	static char text[768];

	driver.signals = catch_signals();
	if (driver.signals < 0)
		return strerror(errno);
	sink_start(&driver.sink, !arguments->uinput, arguments->delay_ms,
		   arguments->period_ms);
	if (arguments->service) {
		driver.sink.keyboard_file = take_uinput(SERVICE_KEYBOARD);
		driver.sink.mouse_file = take_uinput(SERVICE_MOUSE);
	}
	problem = ps2_start(&driver.ps2, fd, flags);
	if (!problem)
		problem = start(&driver, arguments);
	if (!problem) {
		printf("ready\n");
		if (arguments->service)
			service_is_ready("drives %s", arguments->device);
		problem = serve(&driver);
	}
	/* Stopping may fail too, and say so in the same place. */
	if (problem)
		snprintf(text, sizeof(text), "%s", problem);
	stop(&driver);
	close(driver.signals);
	return problem ? text : NULL;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	const char *problem;
	int fd, status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A reader that goes is an error like any other. */
	signal(SIGPIPE, SIG_IGN);
	status = arguments_parse(&arguments, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	fd = arguments.service ? service_device(arguments.device) :
	     usr_open(arguments.device, O_RDWR);
	if (fd < 0) {
		tell("%s", usr_error());
		return 1;
	}
	problem = drive(fd, &arguments);
	close(fd);
	if (problem)
		tell("%s: %s", arguments.device, problem);
	return problem || fflush(stdout) || ferror(stdout) ? 1 : 0;
}
