// SPDX-License-Identifier: MIT
/* See options.h. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../size.h"
#include "options.h"

static const char usage[] =
"usage: udrv-ide DEVICE COMMAND [OPTION]...\n"
"\n"
"Drive the disks of an IDE controller from this process.\n"
"\n"
"Commands:\n"
"  identify         what is on the controller's two channels\n"
"  read             copy from a disk to standard output, or --file\n"
"  write            copy standard input, or --file, to a disk\n"
"  serve            make /dev/ublkbN or /dev/nbdN of every disk, until SIGTERM\n"
"  bench            read (or --write) blocks one after the other, and count\n"
"\n"
"  DEVICE           PCI address (0000:00:05.0) or vendor:device (8086:7010);\n"
"                   bound to udrv if it has no driver yet\n"
"Which disk:\n"
"  --disk N         0 primary master, 1 primary slave, 2 and 3 the secondary's;\n"
"                   needed if there are several; serve takes it repeatedly\n"
"read, write, bench:\n"
"  --offset SIZE    from there on (default 0)\n"
"  --size SIZE      so much (default: to the end of disk or input)\n"
"  --file FILE      instead of standard input or output\n"
"  --overwrite S    write only: yes, overwrite the disk with serial number S\n"
"  --progress       show a progress bar, terminal or not\n"
"  --block SIZE     bench: bytes of a request (default 4k)\n"
"  --count N        bench: requests (default 1000)\n"
"  --write          bench: write what was read (with --overwrite)\n"
"serve:\n"
"  --ublk, --nbd    by that (default: ublk if the kernel has it, else NBD)\n"
"  --number N[,N]   the N of /dev/ublkbN or /dev/nbdN, of each disk in order\n"
"  --read-only      refuse writes\n"
"  --depth N        requests the kernel hands over at a time (default 8)\n"
"  --supervise      when the driver dies start another: the disks stay\n"
"  --resume         take over the disks named by --disk, which are --ublk or\n"
"                   --nbd --number N[,N], of a driver and supervisor that died\n"
"  --service        be the service of udrv-ide@.service: the device's file and\n"
"                   what a successor must know are kept by systemd, which starts\n"
"                   it (not with --supervise, --resume, --fd)\n"
"  --core           let a crash dump core; not where cores go to a served disk,\n"
"                   which would wait for itself\n"
"  --outage S       with --supervise or --service: requests fail if that takes longer than S\n"
"                   seconds (default 60)\n"
"  --answer S       NBD: a request without answer for S seconds is sent again;\n"
"                   so long a driver's death goes unnoticed (default 30)\n"
"Always:\n"
"  --poll           no interrupts\n"
"  --pio            no DMA\n"
"  --fd N           the device is open already, as file descriptor N\n"
"  --help           this text\n"
"\n"
"A SIZE is bytes, or with suffix k, M, G, T (by 1024), kB, MB, ... (by 1000), or\n"
"s (sectors of 512).\n"
"Exit status: 0 done, 1 it went wrong, 2 wrong arguments.\n";

enum {
	OPTION_DISK = 1, OPTION_OFFSET, OPTION_SIZE, OPTION_FILE,
	OPTION_OVERWRITE, OPTION_PROGRESS, OPTION_BLOCK, OPTION_COUNT,
	OPTION_WRITE, OPTION_UBLK, OPTION_NBD, OPTION_NUMBER, OPTION_READ_ONLY,
	OPTION_DEPTH, OPTION_SUPERVISE, OPTION_RESUME, OPTION_CORE,
	OPTION_OUTAGE, OPTION_ANSWER, OPTION_SERVICE,
	OPTION_POLL, OPTION_PIO, OPTION_FD, OPTION_HELP
};

static const struct option long_options[] = {
	{ "disk", required_argument, NULL, OPTION_DISK },
	{ "offset", required_argument, NULL, OPTION_OFFSET },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "file", required_argument, NULL, OPTION_FILE },
	{ "overwrite", required_argument, NULL, OPTION_OVERWRITE },
	{ "progress", no_argument, NULL, OPTION_PROGRESS },
	{ "block", required_argument, NULL, OPTION_BLOCK },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "write", no_argument, NULL, OPTION_WRITE },
	{ "ublk", no_argument, NULL, OPTION_UBLK },
	{ "nbd", no_argument, NULL, OPTION_NBD },
	{ "number", required_argument, NULL, OPTION_NUMBER },
	{ "read-only", no_argument, NULL, OPTION_READ_ONLY },
	{ "depth", required_argument, NULL, OPTION_DEPTH },
	{ "supervise", no_argument, NULL, OPTION_SUPERVISE },
	{ "resume", no_argument, NULL, OPTION_RESUME },
	{ "core", no_argument, NULL, OPTION_CORE },
	{ "outage", required_argument, NULL, OPTION_OUTAGE },
	{ "answer", required_argument, NULL, OPTION_ANSWER },
	{ "service", no_argument, NULL, OPTION_SERVICE },
	{ "poll", no_argument, NULL, OPTION_POLL },
	{ "pio", no_argument, NULL, OPTION_PIO },
	{ "fd", required_argument, NULL, OPTION_FD },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* Which commands take which option. */
#define FOR(command)	(1u << (command))
#define FOR_ALL		(~0u)
#define FOR_COPY	(FOR(COMMAND_READ) | FOR(COMMAND_WRITE))

static const unsigned option_commands[] = {
	[OPTION_DISK] = FOR_ALL,
	[OPTION_OFFSET] = FOR_COPY | FOR(COMMAND_BENCH),
	[OPTION_SIZE] = FOR_COPY,
	[OPTION_FILE] = FOR_COPY,
	[OPTION_OVERWRITE] = FOR(COMMAND_WRITE) | FOR(COMMAND_BENCH),
	[OPTION_PROGRESS] = FOR_COPY,
	[OPTION_BLOCK] = FOR(COMMAND_BENCH),
	[OPTION_COUNT] = FOR(COMMAND_BENCH),
	[OPTION_WRITE] = FOR(COMMAND_BENCH),
	[OPTION_UBLK] = FOR(COMMAND_SERVE),
	[OPTION_NBD] = FOR(COMMAND_SERVE),
	[OPTION_NUMBER] = FOR(COMMAND_SERVE),
	[OPTION_READ_ONLY] = FOR(COMMAND_SERVE),
	[OPTION_DEPTH] = FOR(COMMAND_SERVE),
	[OPTION_SUPERVISE] = FOR(COMMAND_SERVE),
	[OPTION_RESUME] = FOR(COMMAND_SERVE),
	[OPTION_CORE] = FOR(COMMAND_SERVE),
	[OPTION_OUTAGE] = FOR(COMMAND_SERVE),
	[OPTION_ANSWER] = FOR(COMMAND_SERVE),
	[OPTION_SERVICE] = FOR(COMMAND_SERVE),
	[OPTION_POLL] = FOR_ALL,
	[OPTION_PIO] = FOR_ALL,
	[OPTION_FD] = FOR_ALL,
	[OPTION_HELP] = FOR_ALL,
};

static const char *const command_names[] = {
	"identify", "read", "write", "serve", "bench"
};

__attribute__((format(printf, 1, 2)))
static int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-ide: ", stderr);
	vfprintf(stderr, format, args);
	fputs("; see udrv-ide --help\n", stderr);
	va_end(args);
	return 2;
}

static int parse_number(const char *name, uint32_t least, uint32_t most,
			uint32_t *number)
{
	uint64_t value;

	if (!parse_size(optarg, ATA_SECTOR, &value) || value < least || value > most)
		return complain("--%s takes a number from %u to %u, not %s", name,
				least, most, optarg);
	*number = (uint32_t)value;
	return 0;
}

static int parse_bytes(const char *name, uint64_t *bytes)
{
	if (parse_size(optarg, ATA_SECTOR, bytes))
		return 0;
	return complain("--%s takes a size such as 4096, 64k or 1G, not %s", name,
			optarg);
}

static int choose_kind(struct options *options, enum usr_block_kind kind)
{
	if (options->kind != USR_BLOCK_ANY && options->kind != kind)
		return complain("--ublk and --nbd exclude each other");
	options->kind = kind;
	return 0;
}

static int parse_numbers(struct options *options)
{
	const char *at = optarg;
	char *end;

	options->number_count = 0;
	do {
		unsigned long number = strtoul(at, &end, 10);

		if (*at < '0' || *at > '9' || (*end && *end != ',') ||
		    number > 65535 || options->number_count == IDE_DISKS)
			return complain("--number takes up to %d numbers, such as 0,1, not %s",
					IDE_DISKS, optarg);
		options->numbers[options->number_count++] = (int)number;
		at = end + 1;
	} while (*end);
	return 0;
}

static int take_serve_option(struct options *options, int option,
			     const char *name)
{
	switch (option) {
	case OPTION_UBLK:
		return choose_kind(options, USR_BLOCK_UBLK);
	case OPTION_NBD:
		return choose_kind(options, USR_BLOCK_NBD);
	case OPTION_NUMBER:
		return parse_numbers(options);
	case OPTION_READ_ONLY:
		options->read_only = true;
		return 0;
	case OPTION_DEPTH:
		return parse_number(name, 1, 64, &options->depth);
	case OPTION_SUPERVISE:
		options->supervise = true;
		return 0;
	case OPTION_RESUME:
		options->resume = true;
		return 0;
	case OPTION_SERVICE:
		options->service = true;
		return 0;
	case OPTION_CORE:
		options->core = true;
		return 0;
	case OPTION_OUTAGE:
		return parse_number(name, 1, 86400, &options->outage_s);
	default:
		return parse_number(name, 1, 600, &options->answer_s);
	}
}

static int take_option(struct options *options, int option, const char *name)
{
	uint32_t number = 0;
	int status = 0;

	switch (option) {
	case OPTION_DISK:
		status = parse_number(name, 0, IDE_DISKS - 1, &number);
		options->disks |= status ? 0 : 1u << number;
		return status;
	case OPTION_OFFSET:
		return parse_bytes(name, &options->offset);
	case OPTION_SIZE:
		status = parse_bytes(name, &options->size);
		if (!status && !options->size)
			status = complain("--size 0 would copy nothing");
		return status;
	case OPTION_FILE:
		options->file = optarg;
		return 0;
	case OPTION_OVERWRITE:
		options->overwrite = optarg;
		return 0;
	case OPTION_PROGRESS:
		options->progress = true;
		return 0;
	case OPTION_BLOCK:
		status = parse_number(name, ATA_SECTOR, 1 << 20, &options->block);
		if (!status && options->block % ATA_SECTOR)
			status = complain("--block must be a multiple of 512");
		return status;
	case OPTION_COUNT:
		return parse_number(name, 1, 100000000, &options->count);
	case OPTION_WRITE:
		options->write = true;
		return 0;
	case OPTION_POLL:
		options->start_flags |= IDE_POLLED;
		return 0;
	case OPTION_PIO:
		options->start_flags |= IDE_BY_PIO;
		return 0;
	case OPTION_FD:
		status = parse_number(name, 0, 1 << 20, &number);
		options->fd = status ? -1 : (int)number;
		return status;
	default:
		return take_serve_option(options, option, name);
	}
}

static int find_command(struct options *options, const char *name)
{
	for (unsigned i = 0; i < sizeof(command_names) / sizeof(*command_names); i++) {
		if (!strcmp(command_names[i], name)) {
			options->command = (enum ide_command)i;
			return 0;
		}
	}
	return complain("there is no command %s", name);
}

/* What only makes sense together. */
static int check_together(const struct options *options, uint32_t given)
{
	unsigned command = 1u << options->command;

	for (unsigned i = OPTION_DISK; i < OPTION_HELP; i++)
		if (given & 1u << i && !(option_commands[i] & command))
			return complain("%s does not take --%s",
					command_names[options->command],
					long_options[i - 1].name);
	if (given & 1u << OPTION_OUTAGE && !options->supervise && !options->service)
		return complain("--outage needs --supervise or --service");
	if (options->service && (options->supervise || options->resume ||
				 options->fd >= 0))
		return complain("--service excludes --supervise, --resume and --fd");
	if (options->resume &&
	    (!options->disks || options->kind == USR_BLOCK_ANY ||
	     options->number_count != (unsigned)__builtin_popcount(options->disks)))
		return complain("--resume needs --disk, a --number for each of them, and --ublk or --nbd");
	if (options->overwrite && options->command == COMMAND_BENCH &&
	    !options->write)
		return complain("--overwrite is for --write");
	if (options->disks & (options->disks - 1) &&
	    options->command != COMMAND_SERVE &&
	    options->command != COMMAND_IDENTIFY)
		return complain("%s takes one --disk",
				command_names[options->command]);
	return 0;
}

int options_parse(struct options *options, int argc, char **argv)
{
	int option, index = 0, status = 0;
	uint32_t given = 0;

	*options = (struct options) {
		.block = 4096, .count = 1000, .numbers = { -1, -1, -1, -1 },
		.outage_s = 60,
		.answer_s = 30, .depth = 8, .fd = -1,
	};
	while (!status && (option = getopt_long(argc, argv, "", long_options,
						&index)) != -1) {
		if (option == OPTION_HELP) {
			fputs(usage, stdout);
			return -1;
		}
		if (option == '?')	/* getopt_long() said what */
			return 2;
		given |= 1u << option;
		status = take_option(options, option, long_options[index].name);
	}
	if (status)
		return status;
	if (argc - optind < 2)
		return complain("it takes a device and a command");
	if (argc - optind > 2)
		return complain("%s is too much", argv[optind + 2]);
	options->device = argv[optind];
	status = find_command(options, argv[optind + 1]);
	return status ? status : check_together(options, given);
}
