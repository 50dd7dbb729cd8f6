// SPDX-License-Identifier: MIT
/*
 * The command lines of all programs: words of the input, or of those that some
 * program knows.  Either they are wrong, which is 2, or what is made of them is
 * within what the program counts on.  `udrv` goes on until it would do something.
 */
#include <errno.h>
#include <getopt.h>
#include <spawn.h>
#include <string.h>
#include "hostile.h"
#include "arguments.h"
#include "e1000/options.h"
#include "ide/options.h"
#include "ps2/arguments.h"
#include "udrv_conf.h"
#include "udrv_tool.h"

#define WORDS	24

/* ---------------------------------------- nothing is done to this machine */

static int refuse(void)
{
	errno = EPERM;
	return -1;
}

/* Udevadm, modprobe. */
int posix_spawnp(pid_t *pid, const char *file,
		 const posix_spawn_file_actions_t *actions,
		 const posix_spawnattr_t *attributes, char *const argv[],
		 char *const environment[])
{
	(void)pid;
	(void)file;
	(void)actions;
	(void)attributes;
	(void)argv;
	(void)environment;
	return EPERM;
}

bool conf_load(struct conf *conf)
{
	memset(conf, 0, sizeof(*conf));
	return true;
}

bool conf_save(const char *selector, const char *line, bool *changed)
{
	CHECK(*selector);
	(void)line;
	(void)changed;
	return false;
}

/* It makes files where it is told to. */
static int make_nothing(const struct tool_command *command, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tool_usage(command, "not here");
}

const struct tool_command tool_new = {
	.name = "new", .summary = "", .help = "", .run = make_nothing,
	.options = tool_help_only,
};

int usr_bind(const char *name, unsigned flags)
{
	(void)flags;
	CHECK(name);
	return refuse();
}

int usr_unbind(const char *name)
{
	CHECK(name);
	return refuse();
}

int usr_open_or_bind(const char *name, int flags, bool *bound)
{
	(void)flags;
	(void)bound;
	CHECK(name);
	return refuse();
}

int usr_release(int fd)
{
	(void)fd;
	return refuse();
}

int usr_counters(int fd, struct udrv_counters *counters)
{
	(void)fd;
	(void)counters;
	return refuse();
}

int usr_find(const char *name, struct usr_device *device)
{
	(void)device;
	CHECK(name);
	return refuse();
}

int usr_list(struct usr_device **list)
{
	(void)list;
	return refuse();
}

int usr_legacy_add(const struct udrv_legacy *legacy)
{
	CHECK(strnlen(legacy->name, sizeof(legacy->name)) < sizeof(legacy->name));
	CHECK(strnlen(legacy->from, sizeof(legacy->from)) < sizeof(legacy->from));
	return refuse();
}

int usr_legacy_remove(const char *name)
{
	CHECK(name);
	return refuse();
}

int usr_legacy_list(struct udrv_legacy **list)
{
	(void)list;
	return refuse();
}

int usr_legacy_get(const char *name, struct udrv_legacy *legacy)
{
	(void)legacy;
	CHECK(name);
	return refuse();
}

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
		e1000, ide, kbd, edu_arguments, parport_arguments, tool_main,
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
	CHECK(status == 0 || status == 2 || status == (which == 5 ? 1 : -1));
	while (argc)
		free(given[--argc]);
	hostile_end();
	return 0;
}
