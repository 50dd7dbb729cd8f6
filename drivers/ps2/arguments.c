// SPDX-License-Identifier: MIT
/* See arguments.h. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include "keyboard.h"
#include "arguments.h"

static const char usage[] =
"usage: udrv-kbd [OPTION]... [DEVICE]\n"
"\n"
"Drive the PS/2 keyboard and mouse from this process, until SIGTERM.\n"
"\n"
"  DEVICE           the keyboard controller, as `udrv legacy add keyboard` names\n"
"                   it (default: keyboard)\n"
"  --print          show keys and motion, one a line (default)\n"
"  --uinput         make input devices of the kernel's, for console and desktop\n"
"  --scancodes 1|2  1: translated by the controller, a byte less for a key\n"
"                   (default); 2: as the keyboard sends them\n"
"  --no-mouse       leave the mouse's port off\n"
"  --delay MS       a held key repeats after MS milliseconds (default 250)\n"
"  --period MS      and then every MS milliseconds (default 33)\n"
"  --poll           no interrupts\n"
"  --service        be the service of udrv-kbd@.service: with --uinput, and the\n"
"                   device's file is kept by systemd\n"
"  --help           this text\n"
"\n"
"Exit status: 0 stopped by a signal, 1 something failed, 2 wrong arguments.\n";

static int complain(const char *what, const char *detail)
{
	fprintf(stderr, "udrv-kbd: %s%s; see udrv-kbd --help\n", what, detail);
	return 2;
}

static int parse_number(const char *text, unsigned least, unsigned most,
			const char *complaint, unsigned *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || value < least ||
	    value > most)
		return complain(complaint, text);
	*number = (unsigned)value;
	return 0;
}

static int choose_sink(struct arguments *arguments, bool uinput, bool *chosen)
{
	if (*chosen && arguments->uinput != uinput)
		return complain("--print and --uinput exclude each other", "");
	arguments->uinput = uinput;
	*chosen = true;
	return 0;
}

static int take(struct arguments *arguments, int option, bool *chosen)
{
	switch (option) {
	case 'p':
	case 'u':
		return choose_sink(arguments, option == 'u', chosen);
	case 's':
		return parse_number(optarg, 1, 2, "--scancodes takes 1 or 2, not ",
				    &arguments->set);
	case 'd':
		return parse_number(optarg, 100, 10000,
				    "--delay takes 100 to 10000 milliseconds, not ",
				    &arguments->delay_ms);
	case 'r':
		return parse_number(optarg, 1, 10000,
				    "--period takes 1 to 10000 milliseconds, not ",
				    &arguments->period_ms);
	case 'S':
		arguments->service = true;
		return choose_sink(arguments, true, chosen);
	case 'm':
		arguments->no_mouse = true;
		return 0;
	case 'l':
		arguments->poll = true;
		return 0;
	default:	/* getopt_long() said what */
		return 2;
	}
}

int arguments_parse(struct arguments *arguments, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "print", no_argument, NULL, 'p' },
		{ "uinput", no_argument, NULL, 'u' },
		{ "scancodes", required_argument, NULL, 's' },
		{ "no-mouse", no_argument, NULL, 'm' },
		{ "delay", required_argument, NULL, 'd' },
		{ "period", required_argument, NULL, 'r' },
		{ "poll", no_argument, NULL, 'l' },
		{ "service", no_argument, NULL, 'S' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool chosen = false;
	int option, status = 0;

	*arguments = (struct arguments) {
		.device = "keyboard", .set = 1, .delay_ms = 250, .period_ms = 33,
	};
	while (!status &&
	       (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		status = take(arguments, option, &chosen);
	}
	if (status)
		return status;
	if (argc - optind > 1)
		return complain("more than one device was given", "");
	if (argc > optind)
		arguments->device = argv[optind];
	return 0;
}
