// SPDX-License-Identifier: MIT
/* udrv-parport: print to, or read from, what hangs on a parallel port. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "port.h"

enum command {
	COMMAND_STATUS, COMMAND_PRINT, COMMAND_READ, COMMAND_ID, COMMAND_RESET
};

struct options {
	const char *device, *file;
	enum command command;
	enum spp_mode mode;
	bool polled;
	unsigned patience_s;
	size_t size;
};

static const char usage[] =
	"usage: udrv-parport [OPTION]... COMMAND [FILE]\n"
	"\n"
	"Drive a parallel port from this process.\n"
	"\n"
	"  status           what the printer says of itself\n"
	"  print [FILE]     send FILE, or standard input, to the printer\n"
	"  read             receive by IEEE 1284, to standard output\n"
	"  id               the peripheral's IEEE 1284 device ID\n"
	"  reset            make the printer forget what it was doing\n"
	"\n"
	"  --device NAME    which port (default parport0; udrv legacy add parport0)\n"
	"  --poll           no interrupts\n"
	"  --byte           read in byte mode (default: nibble mode)\n"
	"  --size N         read at most N bytes (default: as long as there are any)\n"
	"  --patience S     give up if the printer is busy for S seconds (default 30)\n"
	"  --help           this text\n"
	"\n"
	"Exit status: 0 done, 1 it went wrong, 2 wrong arguments.\n";

static int complain(const char *what, const char *detail)
{
	fprintf(stderr, "udrv-parport: %s%s\n", what, detail);
	return 1;
}

static int wrong(const char *what, const char *detail)
{
	fprintf(stderr, "udrv-parport: %s%s; see udrv-parport --help\n", what,
		detail);
	return 2;
}

static bool parse_number(const char *text, unsigned long most,
			 unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno && *number &&
	       *number <= most;
}

static int take_option(struct options *options, int option)
{
	unsigned long number;

	switch (option) {
	case 'd':
		options->device = optarg;
		return 0;
	case 'p':
		options->polled = true;
		return 0;
	case 'b':
		options->mode = SPP_MODE_BYTE;
		return 0;
	case 's':
		if (!parse_number(optarg, 1ul << 30, &number))
			return wrong("--size takes 1 to 2^30 bytes, not ", optarg);
		options->size = number;
		return 0;
	case 't':
		if (!parse_number(optarg, 86400, &number))
			return wrong("--patience takes 1 to 86400 seconds, not ",
				     optarg);
		options->patience_s = (unsigned)number;
		return 0;
	default:	/* getopt_long() said what */
		return 2;
	}
}

static int find_command(struct options *options, int argc, char **argv)
{
	static const char *const names[] = {
		"status", "print", "read", "id", "reset"
	};
	unsigned i, count = sizeof(names) / sizeof(*names);

	if (optind >= argc)
		return wrong("it takes a command", "");
	for (i = 0; i < count && strcmp(argv[optind], names[i]); i++)
		;
	if (i == count)
		return wrong("there is no command ", argv[optind]);
	options->command = (enum command)i;
	if (optind + 1 < argc) {
		options->file = argv[optind + 1];
		if (i != COMMAND_PRINT || optind + 2 < argc)
			return wrong("too much: ", argv[argc - 1]);
	}
	if (i != COMMAND_READ && (options->mode == SPP_MODE_BYTE || options->size))
		return wrong("--byte and --size are for read", "");
	return 0;
}

/* Return: 0, 2 = wrong, -1 = help was asked for. */
static int parse(struct options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "poll", no_argument, NULL, 'p' },
		{ "byte", no_argument, NULL, 'b' },
		{ "size", required_argument, NULL, 's' },
		{ "patience", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int option, status = 0;

	*options = (struct options) {
		.device = "parport0", .patience_s = 30, .mode = SPP_MODE_NIBBLE,
	};
	while (!status &&
	       (option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return -1;
		}
		status = take_option(options, option);
	}
	return status ? status : find_command(options, argc, argv);
}

/* What comes is printed when it comes, not when a buffer is full. */
static int print(struct port *port, int file)
{
	static uint8_t data[64 << 10];
	const char *problem = NULL;
	size_t sent, all = 0;
	ssize_t got;

	do {
		got = read(file, data, sizeof(data));
		if (got > 0) {
			problem = port_print(port, data, (size_t)got, &sent);
			all += sent;
		} else if (got < 0 && errno != EINTR) {
			problem = strerror(errno);
		}
	} while (got && !problem);
	fprintf(stderr, "%zu bytes printed\n", all);
	return problem ? complain("", problem) : 0;
}

static int show_id(struct port *port)
{
	static uint8_t data[64 << 10];
	static char text[sizeof(data)];
	const char *problem;
	size_t got;

	problem = port_read(port, SPP_MODE_NIBBLE_ID, data, sizeof(data), &got);
	if (problem)
		return complain("", problem);
	if (got < 2)
		return complain("the peripheral has no device ID", "");
	spp_id_text(data, got, text);
	printf("%s\n", text);
	return 0;
}

static int receive(struct port *port, const struct options *options)
{
	size_t size = options->size ? options->size : 64 << 10, got;
	uint8_t *data = malloc(size);
	const char *problem;
	int status = 0;

	if (!data)
		return complain("no memory", "");
	do {
		problem = port_read(port, options->mode, data, size, &got);
		if (fwrite(data, 1, got, stdout) != got || fflush(stdout))
			status = complain("standard output: ", strerror(errno));
	} while (!status && !problem && got == size && !options->size);
	free(data);
	if (problem)
		status = complain("", problem);
	return status;
}

static int show_status(struct port *port)
{
	const char *problem;
	uint8_t status;

	problem = port_status(port, &status);
	if (problem)
		return complain("", problem);
	printf("%s (status register %02x)\n", spp_describe(status), status);
	return 0;
}

static int work(int fd, const struct options *options, int file)
{
	struct port port;
	const char *problem = port_start(&port, fd, options->polled,
					 options->patience_s);
	int status = 0;

	if (problem)
		return complain("", problem);
	switch (options->command) {
	case COMMAND_STATUS:
		status = show_status(&port);
		break;
	case COMMAND_PRINT:
		status = print(&port, file);
		break;
	case COMMAND_READ:
		status = receive(&port, options);
		break;
	case COMMAND_ID:
		status = show_id(&port);
		break;
	case COMMAND_RESET:
		problem = port_reset(&port);
		status = problem ? complain("", problem) : 0;
		break;
	}
	port_stop(&port);
	return status;
}

int main(int argc, char **argv)
{
	struct options options;
	int file = STDIN_FILENO, fd, status;

	status = parse(&options, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	if (options.file && strcmp(options.file, "-")) {
		file = open(options.file, O_RDONLY | O_CLOEXEC);
		if (file < 0) {
			fprintf(stderr, "udrv-parport: %s: %s\n", options.file,
				strerror(errno));
			return 1;
		}
	}
	fd = usr_open(options.device, O_RDWR);
	if (fd < 0)
		return complain("", usr_error());
	status = work(fd, &options, file);
	close(fd);
	return fflush(stdout) || ferror(stdout) ? 1 : status;
}
