// SPDX-License-Identifier: MIT
/* The command line, as far as it can be tried without a NIC. */
#include <fcntl.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>
#include "unit.h"
#include "e1000/options.h"

static struct e1000_arguments arguments;

static int parse(const char *const *words)
{
	char *argv[16] = { (char *)(uintptr_t)"udrv-e1000" };
	int argc = 1, keep = dup(STDERR_FILENO), status;
	int null = open("/dev/null", O_WRONLY);

	for (; words[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)words[argc - 1];
	optind = 0;
	dup2(null, STDERR_FILENO);
	status = e1000_parse(&arguments, argc, argv);
	dup2(keep, STDERR_FILENO);
	close(keep);
	close(null);
	return status;
}

#define PARSE(...) parse((const char *const []){ __VA_ARGS__, NULL })

static void takes_commands(void **state)
{
	(void)state;
	assert_int_equal(PARSE("00:0d.0", "info"), 0);
	assert_int_equal(arguments.command, E1000_INFO);
	assert_string_equal(arguments.device, "00:0d.0");
	assert_int_equal(arguments.fd, -1);
	assert_int_equal(PARSE("a", "forward", "b"), 0);
	assert_string_equal(arguments.other, "b");
	assert_int_equal(PARSE("a"), 2);
	assert_int_equal(PARSE("a", "forward"), 2);
	assert_int_equal(PARSE("a", "info", "b"), 2);
	assert_int_equal(PARSE("a", "inform"), 2);
}

static void sends_one_small_packet_by_default(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "send"), 0);
	assert_int_equal(arguments.count, 1);
	assert_int_equal(arguments.size, 60);
	assert_int_equal(arguments.tag, -1);
	assert_int_equal(arguments.to[5], 0xff);
	assert_int_equal(PARSE("a", "send", "--ipv6"), 0);
	assert_int_equal(arguments.size, 62 + 8);
	assert_int_equal(PARSE("a", "send", "--mss", "1000"), 0);
	assert_int_equal(arguments.size, 1514);
	assert_int_equal(PARSE("a", "send", "--file", "x"), 0);
	assert_int_equal(arguments.count, 0);
}

static void takes_numbers_with_suffixes(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "send", "--count", "10k", "--rate", "1MB"), 0);
	assert_int_equal(arguments.count, 10240);
	assert_int_equal(arguments.rate, 1000000);
	assert_int_equal(PARSE("a", "echo", "--seconds", "1.5"), 0);
	assert_int_equal(arguments.milliseconds, 1500);
	assert_int_equal(PARSE("a", "send", "--count", "3s"), 2);
	assert_int_equal(PARSE("a", "echo", "--seconds", "0.0001"), 2);
	assert_int_equal(PARSE("a", "echo", "--seconds", "inf"), 2);
}

static void takes_all_unless_told_otherwise(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "capture"), 0);
	assert_int_equal(arguments.nic.flags, E1000_PROMISCUOUS);
	assert_int_equal(PARSE("a", "capture", "--own", "--bad"), 0);
	assert_int_equal(arguments.nic.flags, E1000_BAD_FRAMES);
	assert_int_equal(PARSE("a", "forward", "b"), 0);
	assert_int_equal(arguments.nic.flags, E1000_PROMISCUOUS);
	assert_int_equal(PARSE("a", "echo"), 0);
	assert_int_equal(arguments.nic.flags, 0);
	assert_int_equal(PARSE("a", "capture", "--own", "--vlan", "7", "--multicast",
			       "01:00:5e:00:00:fb"), 0);
	assert_int_equal(arguments.vlans[0], 7);
	assert_int_equal(arguments.groups[0][5], 0xfb);
	assert_int_equal(PARSE("a", "capture", "--vlan", "7"), 2);
}

static void takes_addresses(void **state)
{
	static const char *const bad[] = {
		"", "1:2:3:4:5", "1:2:3:4:5:", "1:2:3:4:5:6:7", "1:2:3:4:5:100",
		"1:2:3:4:5:0x6", "1:2:3:4:5: 6", "1-2-3-4-5-6", "1:2:3:4:5:g",
		":1:2:3:4:5", "1::3:4:5:6", "-1:2:3:4:5:6",
	};
	uint8_t mac[6] = { 9, 9, 9, 9, 9, 9 };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(parse_mac(bad[i], mac));
		assert_int_equal(mac[0], 9);
	}
	assert_true(parse_mac("52:54:0:aB:Cd:ff", mac));
	assert_memory_equal(mac, "\x52\x54\x00\xab\xcd\xff", 6);
}

static void fits_packets_to_frames(void **state)
{
	(void)state;
	assert_int_equal(PARSE("a", "send", "--size", "1514"), 0);
	assert_int_equal(PARSE("a", "send", "--size", "1515"), 2);
	assert_int_equal(PARSE("a", "send", "--size", "1515", "--frame", "1515"), 0);
	assert_int_equal(PARSE("a", "send", "--size", "65535", "--mss", "1440"), 0);
	assert_int_equal(PARSE("a", "send", "--size", "65536", "--mss", "1440"), 2);
	assert_int_equal(PARSE("a", "send", "--mss", "1441"), 2);
	assert_int_equal(PARSE("a", "send", "--frame", "16111"), 2);
	assert_int_equal(PARSE("a", "send", "--size", "69", "--ipv6"), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_commands),
		cmocka_unit_test(sends_one_small_packet_by_default),
		cmocka_unit_test(takes_numbers_with_suffixes),
		cmocka_unit_test(takes_all_unless_told_otherwise),
		cmocka_unit_test(takes_addresses),
		cmocka_unit_test(fits_packets_to_frames),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
