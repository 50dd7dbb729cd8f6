// SPDX-License-Identifier: MIT
/*
 * The command lines of all drivers: words of the input, or of those that some of
 * them knows.  Either they are wrong, which is 2, or what is made of them is within
 * what the driver counts on.
 */
#include <getopt.h>
#include <string.h>
#include "hostile.h"
#include "arguments.h"
#include "e1000/options.h"
#include "ide/options.h"
#include "ps2/arguments.h"

#define WORDS	24

/* ------------------------------------------------------------------- words */

static const char *const known[] = {
	"0000:00:05.0", "8086:100e", "keyboard", "-", "--", "--help", "--poll",
	"--fd", "info", "stats", "send", "capture", "echo", "forward", "tap",
	"--file", "--count", "--size", "--rate", "--to", "--ipv6", "--checksum",
	"--mss", "--tag", "--seconds", "--own", "--multicast", "--vlan", "--bad",
	"--strip", "--stats", "--adaptive", "--interrupts", "--ring", "--frame",
	"--mac", "--name", "--mtu", "--keep", "--tso6", "identify", "read", "write",
	"serve", "bench", "--disk", "--offset", "--overwrite", "--supervise",
	"--resume", "--outage", "--answer", "--depth", "--number", "--ublk", "--nbd",
	"--block", "--write", "--read-only", "--pio", "--core", "--progress",
	"--print", "--uinput", "--scancodes", "--no-mouse", "--delay", "--period",
	"--msi", "--factorial", "--device", "--byte", "--patience", "status",
	"print", "id", "reset", "list", "bind", "unbind", "legacy", "add", "remove",
	"--bound", "--save", "--saved", "new", "restore", "--take", "--group", "--owner", "--ports", "--memory", "--irq",
	"--edge", "--level", "root:root", "0x300:8", "0x60-0x6f", "1", "0", "64",
	"4k", "1.5", "-1", "1G", "52:54:00:12:34:56", "01:00:5e:00:00:01", "512",
	"18446744073709551615", "0x7fffffffffffffff", "9223372036854775807",
};

/* Each byte is a known word, or so many bytes of the input. */
static int take_words(char **argv)
{
	int argc = 0;

	argv[argc++] = strdup("program");
	while (argc < WORDS && !hostile_over()) {
		uint8_t how = hostile_byte();
		size_t length = how & 0x1f, i;

		if (how < 0xe0) {
			argv[argc++] = strdup(known[how % (sizeof(known) /
							   sizeof(*known))]);
			continue;
		}
		argv[argc] = malloc(length + 1);
		for (i = 0; i < length; i++)
			argv[argc][i] = (char)hostile_byte();
		argv[argc++][length] = '\0';
	}
	argv[argc] = NULL;
	return argc;
}

/* ----------------------------------------------------------------- programs */

static int e1000(int argc, char **argv)
{
	struct e1000_arguments a;
	int status = e1000_parse(&a, argc, argv);

	if (status)
		return status;
	CHECK(a.device && (a.command != E1000_FORWARD || a.other));
	CHECK(a.group_count <= GROUPS_MOST && a.vlan_count <= VLANS_MOST);
	CHECK(!a.nic.max_frame || (a.nic.max_frame >= E1000_MIN_FRAME &&
				   a.nic.max_frame <= E1000_MAX_FRAME));
	CHECK(a.size <= 65535 && a.tag >= -1 && a.tag <= 65535 && a.fd >= -1);
	return 0;
}

static int ide(int argc, char **argv)
{
	struct options o;
	int status = options_parse(&o, argc, argv);

	if (status)
		return status;
	CHECK(o.device && o.disks < 1u << IDE_DISKS && o.fd >= -1);
	CHECK(o.offset <= INT64_MAX && o.size <= INT64_MAX);
	CHECK(o.number_count <= IDE_DISKS);
	CHECK(!(o.start_flags & ~(IDE_POLLED | IDE_BY_PIO)));
	return 0;
}

static int kbd(int argc, char **argv)
{
	struct arguments a;
	int status = arguments_parse(&a, argc, argv);

	if (!status)
		CHECK(a.device && (a.set == 1 || a.set == 2) && a.delay_ms &&
		      a.period_ms);
	return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int (*const programs[])(int argc, char **argv) = {
		e1000, ide, kbd, edu_arguments, parport_arguments,
	};
	char *argv[WORDS + 1], *given[WORDS + 1];
	int argc, status;
	unsigned which;

	hostile_begin(data, size);
	which = hostile_byte() % (sizeof(programs) / sizeof(*programs));
	argc = take_words(given);
	/* They are put into another order. */
	memcpy(argv, given, sizeof(argv));
	optind = 0;
	status = programs[which](argc, argv);
	CHECK(status == 0 || status == 2 || status == -1);
	while (argc)
		free(given[--argc]);
	hostile_end();
	return 0;
}
