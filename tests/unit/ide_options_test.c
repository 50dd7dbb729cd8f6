// SPDX-License-Identifier: MIT
/* The command line of udrv-ide, and the sizes in it. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "unit.h"
#include "ide/options.h"
#include "size.h"

/* -------------------------------------------------------------------- sizes */

static const struct {
	const char *text;
	uint64_t value;
} sizes[] = {
	{ "0", 0 }, { "1", 1 }, { "4096", 4096 }, { "0x10", 16 }, { "0X1f", 31 },
	{ "1k", 1024 }, { "1K", 1024 }, { "4KiB", 4096 }, { "4kib", 4096 },
	{ "1M", 1 << 20 }, { "2G", 2ull << 30 }, { "128G", 1ull << 37 },
	{ "1T", 1ull << 40 }, { "1MiB", 1 << 20 },
	{ "1kB", 1000 }, { "3MB", 3000000 }, { "1GB", 1000000000 },
	{ "2tb", 2000000000000 }, { "1s", 512 }, { "63s", 63 * 512 },
	{ "268435456s", 1ull << 37 }, { "7B", 7 }, { "0k", 0 },
	{ "0x10s", 16 * 512 },
	/* Nobody means octal. */
	{ "010", 10 }, { "0100s", 100 * 512 }, { "08", 8 },
	{ "9223372036854775807", INT64_MAX },
	{ "0x7fffffffffffffff", INT64_MAX },
	{ "8388607T", 8388607ull << 40 },
};

static const char *const no_sizes[] = {
	"", " ", " 1", "1 ", "+1", "-1", "-0", "k", "s", "x", "0x", "1x", "1kk",
	"1ki", "1kiBB", "1bb", "1b", "1S", "1ss", "1sB", "1P", "1E", "1.5k",
	"1,5", "1e3", "0xg", "nan", "1\xeb", "12\n",
	"9223372036854775808", "18446744073709551615", "18446744073709551616",
	"99999999999999999999999", "8388608T", "9223372036854775807k",
	"18014398509481984s", "9223372036854775807s",
};

static void reads_sizes(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		uint64_t value = 1234567;

		if (!parse_size(sizes[i].text, ATA_SECTOR, &value) ||
		    value != sizes[i].value)
			fail_msg("\"%s\" is %llu", sizes[i].text,
				 (unsigned long long)value);
	}
}

static void refuses_what_is_no_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(no_sizes) / sizeof(*no_sizes); i++) {
		uint64_t value = 1234567;

		if (parse_size(no_sizes[i], ATA_SECTOR, &value))
			fail_msg("\"%s\" is %llu", no_sizes[i],
				 (unsigned long long)value);
		assert_int_equal(value, 1234567);
	}
}

/* ------------------------------------------------------------------ options */

static char said[4096];

/* Instead of a file descriptor's output its text, in said. */
static void catch_output(FILE *file, int *saved, int *caught)
{
	fflush(file);
	*saved = dup(fileno(file));
	*caught = memfd_create("said", 0);
	assert_true(*saved >= 0 && *caught >= 0);
	dup2(*caught, fileno(file));
}

static void release_output(FILE *file, int saved, int caught)
{
	ssize_t length;

	fflush(file);
	dup2(saved, fileno(file));
	length = pread(caught, said, sizeof(said) - 1, 0);
	said[length < 0 ? 0 : length] = '\0';
	close(saved);
	close(caught);
}

/* "DEVICE COMMAND OPTION..." in words; what stays of them is in *words. */
static int parse(struct options *options, const char *line, FILE *listen)
{
	static char words[512];
	char *argv[32], name[] = "udrv-ide", *rest = words;
	int argc = 0, saved, caught, status;

	snprintf(words, sizeof(words), "%s", line);
	argv[argc++] = name;
	while ((argv[argc] = strtok_r(rest, " ", &rest)))
		argc++;
	catch_output(listen, &saved, &caught);
	optind = 0;
	status = options_parse(options, argc, argv);
	release_output(listen, saved, caught);
	return status;
}

static void assert_good(struct options *options, const char *line)
{
	int status = parse(options, line, stderr);

	if (status || *said)
		fail_msg("%s: %d, \"%s\"", line, status, said);
}

static void has_defaults(void **state)
{
	struct options o;

	(void)state;
	memset(&o, 0x5a, sizeof(o));
	assert_good(&o, "0000:00:0b.0 identify");
	assert_string_equal(o.device, "0000:00:0b.0");
	assert_int_equal(o.command, COMMAND_IDENTIFY);
	assert_int_equal(o.start_flags, 0);
	assert_int_equal(o.disks, 0);
	assert_int_equal(o.offset, 0);
	assert_int_equal(o.size, 0);
	assert_null(o.file);
	assert_null(o.overwrite);
	assert_int_equal(o.block, 4096);
	assert_int_equal(o.count, 1000);
	assert_false(o.write || o.read_only || o.supervise || o.progress);
	assert_int_equal(o.kind, USR_BLOCK_ANY);
	assert_int_equal(o.numbers[0], -1);
	assert_int_equal(o.outage_s, 60);
	assert_int_equal(o.answer_s, 30);
	assert_int_equal(o.depth, 8);
	assert_int_equal(o.fd, -1);
}

static void knows_commands(void **state)
{
	static const struct { const char *line; enum ide_command command; } all[] = {
		{ "a read", COMMAND_READ }, { "a write", COMMAND_WRITE },
		{ "a serve", COMMAND_SERVE }, { "a bench", COMMAND_BENCH },
		{ "--poll a --pio read", COMMAND_READ },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_good(&o, all[i].line);
		assert_string_equal(o.device, "a");
		assert_int_equal(o.command, all[i].command);
	}
}

static void takes_options(void **state)
{
	struct options o;

	(void)state;
	assert_good(&o, "a write --disk 2 --offset 128G --size 3s --file f "
		    "--overwrite S --progress --poll --pio --fd 7");
	assert_int_equal(o.disks, 1 << 2);
	assert_int_equal(o.offset, 1ull << 37);
	assert_int_equal(o.size, 1536);
	assert_string_equal(o.file, "f");
	assert_string_equal(o.overwrite, "S");
	assert_true(o.progress);
	assert_int_equal(o.start_flags, IDE_POLLED | IDE_BY_PIO);
	assert_int_equal(o.fd, 7);
	assert_good(&o, "a bench --block 1M --count 100000000 --write "
		    "--overwrite S --offset 512");
	assert_int_equal(o.block, 1 << 20);
	assert_int_equal(o.count, 100000000);
	assert_true(o.write);
	assert_good(&o, "a serve --disk 0 --disk 3 --ublk --number 65535 "
		    "--read-only --depth 64 --supervise --outage 86400 "
		    "--answer 600");
	assert_int_equal(o.disks, 1 << 0 | 1 << 3);
	assert_int_equal(o.kind, USR_BLOCK_UBLK);
	assert_int_equal(o.numbers[0], 65535);
	assert_true(o.read_only && o.supervise);
	assert_int_equal(o.depth, 64);
	assert_int_equal(o.outage_s, 86400);
	assert_int_equal(o.answer_s, 600);
	assert_good(&o, "a serve --nbd --nbd --number 0 --depth 1 --answer 1");
	assert_int_equal(o.kind, USR_BLOCK_NBD);
	assert_int_equal(o.numbers[0], 0);
	assert_good(&o, "a identify --disk 0 --disk 1 --poll");
	assert_int_equal(o.disks, 3);
	assert_good(&o, "a read --disk 1 --disk 1 --pio");
	assert_int_equal(o.start_flags, IDE_BY_PIO);
	assert_good(&o, "a bench --block 512 --count 1");
}

static void refuses_wrong_lines(void **state)
{
	static const struct { const char *line, *word; } all[] = {
		{ "", "a device and a command" },
		{ "a", "a device and a command" },
		{ "--poll", "a device and a command" },
		{ "a read b", "b is too much" },
		{ "a reed", "no command reed" },
		{ "a READ", "no command READ" },
		{ "a read --nonsense", "nonsense" },
		{ "a read -x", "x" },
		{ "a read --disk", "requires an argument" },
		{ "a read --poll=1", "allow an argument" },
		{ "a read --disk 4", "--disk takes a number from 0 to 3, not 4" },
		{ "a read --disk -1", "--disk takes" },
		{ "a read --disk one", "--disk takes" },
		{ "a read --offset -1", "--offset takes a size" },
		{ "a read --offset 99999999T", "--offset takes a size" },
		{ "a read --size 1x", "--size takes a size" },
		{ "a read --size 0", "nothing" },
		{ "a bench --block 511", "--block takes" },
		{ "a bench --block 513", "multiple of 512" },
		{ "a bench --block 1048577", "--block takes" },
		{ "a bench --block 2M", "--block takes" },
		{ "a bench --count 0", "--count takes" },
		{ "a bench --count 100000001", "--count takes" },
		{ "a read --fd -1", "--fd takes" },
		{ "a read --fd 1048577", "--fd takes" },
		{ "a serve --number 65536", "--number takes" },
		{ "a serve --depth 0", "--depth takes" },
		{ "a serve --depth 65", "--depth takes" },
		{ "a serve --answer 0", "--answer takes" },
		{ "a serve --answer 601", "--answer takes" },
		{ "a serve --supervise --outage 0", "--outage takes" },
		{ "a serve --supervise --outage 86401", "--outage takes" },
		/* More than 32 bits: not what is left of it in 32. */
		{ "a serve --depth 4294967297", "--depth takes" },
		{ "a serve --ublk --nbd", "exclude" },
		{ "a serve --nbd --ublk", "exclude" },
		{ "a serve --outage 5", "--outage needs --supervise" },
		{ "a bench --overwrite S", "--overwrite is for --write" },
		{ "a read --disk 0 --disk 1", "read takes one --disk" },
		{ "a write --disk 0 --disk 1", "write takes one --disk" },
		{ "a bench --disk 0 --disk 1", "bench takes one --disk" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int status = parse(&o, all[i].line, stderr);

		if (status != 2 || !strstr(said, all[i].word))
			fail_msg("%s: %d, \"%s\"", all[i].line, status, said);
	}
}

/* Every option with every command. */
static void refuses_options_of_other_commands(void **state)
{
	static const char *const commands[] = {
		"identify", "read", "write", "serve", "bench --write"
	};
	static const struct { const char *option, *takers; } all[] = {
		{ "--disk 0", "identify read write serve bench" },
		{ "--offset 512", "read write bench" },
		{ "--size 512", "read write" },
		{ "--file f", "read write" },
		{ "--overwrite S", "write bench" },
		{ "--progress", "read write" },
		{ "--block 512", "bench" },
		{ "--count 1", "bench" },
		{ "--write", "bench" },
		{ "--ublk", "serve" },
		{ "--nbd", "serve" },
		{ "--number 0", "serve" },
		{ "--read-only", "serve" },
		{ "--depth 1", "serve" },
		{ "--supervise", "serve" },
		{ "--supervise --outage 1", "serve" },
		{ "--answer 1", "serve" },
		{ "--poll", "identify read write serve bench" },
		{ "--pio", "identify read write serve bench" },
		{ "--fd 3", "identify read write serve bench" },
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		for (size_t c = 0; c < sizeof(commands) / sizeof(*commands); c++) {
			char line[100], name[16];
			bool takes;
			int status;

			snprintf(name, sizeof(name), "%s", commands[c]);
			*strchrnul(name, ' ') = '\0';
			takes = strstr(all[i].takers, name);
			snprintf(line, sizeof(line), "a %s %s", commands[c],
				 all[i].option);
			status = parse(&o, line, stderr);
			if (status != (takes ? 0 : 2) ||
			    (!takes && !strstr(said, "does not take")))
				fail_msg("%s: %d, \"%s\"", line, status, said);
		}
	}
}

static void gives_help(void **state)
{
	static const char *const lines[] = {
		"--help", "a --help", "a read --help", "--help --nonsense",
	};
	struct options o;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(parse(&o, lines[i], stdout), -1);
		assert_non_null(strstr(said, "usage: udrv-ide DEVICE COMMAND"));
		assert_non_null(strstr(said, "Exit status"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_sizes),
		cmocka_unit_test(refuses_what_is_no_size),
		cmocka_unit_test(has_defaults),
		cmocka_unit_test(knows_commands),
		cmocka_unit_test(takes_options),
		cmocka_unit_test(refuses_wrong_lines),
		cmocka_unit_test(refuses_options_of_other_commands),
		cmocka_unit_test(gives_help),
	};

	return cmocka_run_group_tests_name("ide_options", tests, NULL, NULL);
}
