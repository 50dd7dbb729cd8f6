// SPDX-License-Identifier: MIT
/*
 * A key goes down and comes up.
 *
 * kbd-latency: until a process has read that from /dev/input/eventX, made by
 * udrv-kbd --uinput or by i8042 and atkbd.  kbd-print: until a process that
 * needs no input device knows it, because it has the driver in itself, or (-pipe)
 * reads what udrv-kbd --print says; the peer is the same as before.
 *
 * atkbd has the controller translate to scan code set 1: two bytes.  So does
 * udrv-kbd by itself; --scancodes 2 has three: -set2.
 */
#include <errno.h>
#include <glob.h>
#include <linux/input.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ps2/keyboard.h"
#include "kbd_typist.h"
#include "legacy.h"

#define DEVICE		"keyboard"
#define DRIVER		"build/udrv-kbd"
#define OURS		"udrv PS/2 keyboard"
#define TRANSLATED	"AT Translated Set 2 keyboard"
#define RAW		"AT Raw Set 2 keyboard"
#define PATIENCE	500	/* times 20 ms */
#define REPEATS		10	/* keys in a sample */

static int input = -1;		/* events, or lines */

static void leave(void)
{
	typist_end();
	if (input >= 0)
		close(input);
	input = -1;
	if (bench_helper) {
		kill(bench_helper, SIGTERM);
		waitpid(bench_helper, NULL, 0);
	}
	bench_helper = 0;
}

/* What a cycle has besides: somebody types, and we wait for him. */
static void pretend(void)
{
	typist_pretend();
	typist_await();
}

/* ------------------------------------------------------- reading an input device */

static bool is_called(const char *event, const char *name)
{
	char path[512], found[64] = "";
	FILE *from;

	snprintf(path, sizeof(path), "%s/device/name", event);
	from = fopen(path, "r");
	if (!from)
		return false;
	if (!fgets(found, sizeof(found), from))
		found[0] = '\0';
	fclose(from);
	found[strcspn(found, "\n")] = '\0';
	return !strcmp(found, name);
}

static int open_input(const char *name)
{
	char path[64];
	glob_t found;
	int fd = -1;

	if (glob("/sys/class/input/event*", 0, NULL, &found))
		return -1;
	for (size_t i = 0; i < found.gl_pathc && fd < 0; i++) {
		if (!is_called(found.gl_pathv[i], name))
			continue;
		snprintf(path, sizeof(path), "/dev/input/%s",
			 strrchr(found.gl_pathv[i], '/') + 1);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	globfree(&found);
	return fd;
}

static void event_cycle(void)
{
	struct input_event events[16];
	bool up = false;
	ssize_t got;

	typist_start();
	while (!up) {
		got = read(input, events, sizeof(events));
		if (got <= 0)
			die("no events: %s", strerror(errno));
		for (size_t i = 0; i < (size_t)got / sizeof(events[0]); i++)
			up = up || (events[i].type == EV_KEY && !events[i].value);
	}
	typist_await();
}

static int kernel_begin(void)
{
	unsigned int set = 1;

	if (bench_declare(DEVICE, false))
		return -1;
	for (int i = 0; i < PATIENCE && input < 0; i++) {
		usleep(20000);
		set = 1;
		input = open_input(TRANSLATED);
		if (input < 0) {
			set = 2;
			input = open_input(RAW);
		}
	}
	if (input < 0)
		return bench_fail("atkbd finds no keyboard");
	return typist_begin(set);
}

/* --------------------------------------------------------------- udrv-kbd */

static void drive(int to, const char *sink, unsigned int set)
{
	dup2(to, STDOUT_FILENO);
	execl(DRIVER, DRIVER, sink, "--scancodes", set == 1 ? "1" : "2",
	      (char *)NULL);
	_exit(127);
}

/* A line at most; it writes them one by one. */
static const char *read_line(int from)
{
	static char text[256];
	ssize_t got = read(from, text, sizeof(text) - 1);

	if (got <= 0)
		return NULL;
	text[got] = '\0';
	return text;
}

static int start_driver(const char *sink, unsigned int set)
{
	const char *line;
	int ends[2];

	if (bench_declare(DEVICE, true))
		return -1;
	if (pipe2(ends, O_CLOEXEC))
		return bench_fail("pipe: %s", strerror(errno));
	bench_helper = fork();
	if (!bench_helper)
		drive(ends[1], sink, set);
	close(ends[1]);
	input = ends[0];
	do
		line = read_line(input);
	while (line && !strstr(line, "ready"));
	return line ? 0 : bench_fail(DRIVER " does not start");
}

static int uinput_begin(unsigned int set)
{
	static int said = -1;

	if (start_driver("--uinput", set))
		return -1;
	/* It stays open: the driver may have more to say. */
	if (said >= 0)
		close(said);
	said = input;
	input = -1;
	for (int i = 0; i < PATIENCE && input < 0; i++) {
		usleep(20000);
		input = open_input(OURS);
	}
	return input < 0 ? bench_fail("there is no " OURS) : typist_begin(set);
}

static int print_begin(unsigned int set)
{
	return start_driver("--print", set) ? -1 : typist_begin(set);
}

static void print_cycle(void)
{
	const char *line;

	typist_start();
	do {
		line = read_line(input);
		if (!line)
			die(DRIVER " ended");
	} while (!strstr(line, " up\n"));
	typist_await();
}

/* ------------------------------------------------- the driver in this process */

static struct ps2 ps2;
static struct keyboard keyboard;
static struct sink sink;
static bool key_up;

/* keyboard.c's, for people. */
void tell(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

static void take_byte(void *data, uint8_t byte)
{
	struct scancode_event events[SCANCODE_EVENTS];
	unsigned int count = scancode_feed(&keyboard.decoder, byte, events);

	(void)data;
	for (unsigned int i = 0; i < count; i++)
		key_up = key_up || events[i].kind == SCANCODE_UP;
}

static int own_begin(unsigned int set)
{
	const char *problem;

	if (bench_declare(DEVICE, true))
		return -1;
	input = usr_open(DEVICE, O_RDWR);
	if (input < 0)
		return bench_fail("%s", usr_error());
	problem = ps2_start(&ps2, input, set == 1 ? PS2_TRANSLATED : 0);
	if (problem)
		return bench_fail("%s", problem);
	sink_start(&sink, true, 0, 0);
	keyboard_init(&keyboard, &ps2.port[PS2_KEYBOARD], &sink, set,
		      typematic_byte(250, 33));
	if (ps2_enable(&ps2))
		return bench_fail("%s", usr_error());
	problem = keyboard_start(&keyboard);
	if (problem)
		return bench_fail("%s", problem);
	ps2.port[PS2_KEYBOARD].owner.byte = take_byte;
	return typist_begin(set);
}

static void own_cycle(void)
{
	struct pollfd fds[] = {
		{ .fd = ps2.port[PS2_KEYBOARD].irq_fd, .events = POLLIN },
		{ .fd = ps2.port[PS2_MOUSE].irq_fd, .events = POLLIN },
	};

	key_up = false;
	typist_start();
	while (!key_up) {
		if (poll(fds, PS2_PORTS, -1) < 0)
			die("poll: %s", strerror(errno));
		for (int i = 0; i < PS2_PORTS; i++)
			ps2.port[i].told = fds[i].revents;
		if (ps2_service(&ps2))
			die("%s", usr_error());
	}
	typist_await();
}

static void own_end(void)
{
	typist_end();
	if (ps2.configured) {
		keyboard_stop(&keyboard);
		ps2_stop(&ps2);
		ps2.configured = false;
	}
	leave();
}

/* ---------------------------------------------------------------- the ways */

#define BEGINS(prefix) \
	static int prefix##_1(void) { return prefix##_begin(1); } \
	static int prefix##_2(void) { return prefix##_begin(2); }

BEGINS(uinput)
BEGINS(print)
BEGINS(own)

#define WAY(name_, who_, begin_, cycle_, end_) \
	&(const struct way){ .name = name_, .unit = "key", .who = who_, \
			     .variant = "", .driver = "", \
			     .repeats = REPEATS, .begin = begin_, \
			     .cycle = cycle_, .end = end_, .sleeps = true, \
			     .less = pretend }
#define CASE(name, begin, cycle, end) \
	WAY(name, "udrv", begin, cycle, end), \
	WAY(name, "atkbd", kernel_begin, event_cycle, leave)

static const struct way *const ways[] = {
	CASE("kbd-latency", uinput_1, event_cycle, leave),
	CASE("kbd-latency-set2", uinput_2, event_cycle, leave),
	CASE("kbd-print", own_1, own_cycle, own_end),
	CASE("kbd-print-set2", own_2, own_cycle, own_end),
	CASE("kbd-print-pipe", print_1, print_cycle, leave),
	CASE("kbd-print-pipe-set2", print_2, print_cycle, leave),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
