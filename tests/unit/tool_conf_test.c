// SPDX-License-Identifier: MIT
/* The match table: rules, refusals, which rule fits, editing. */
#include "unit.h"
#include <stdio.h>
#include <stdlib.h>
#include "udrv_conf.h"

static char error[400];

static bool parse(struct conf *conf, const char *text)
{
	memset(conf, 0, sizeof(*conf));
	error[0] = '\0';
	return conf_parse(conf, "a.conf", text, error, sizeof(error));
}

static void reads_every_word(void **state)
{
	struct conf conf;
	const struct conf_rule *rule;

	(void)state;
	assert_true(parse(&conf,
		"# nothing\n"
		"\n"
		"  pci:00:5.0 owner=alice:video driver=udrv-e1000 take group # all\n"
		"id:8086:100E take\n"
		"class:0200\n"
		"class:010180\r\n"
		"legacy:gauge ports=0x300:8 memory=0xd0000:4k irq=5 base=1 take=pnp/00:04"));
	assert_int_equal(conf.count, 5);
	rule = &conf.rules[0];
	assert_int_equal(rule->kind, CONF_PCI);
	assert_string_equal(rule->name, "0000:00:05.0");
	assert_string_equal(rule->owner, "alice:video");
	assert_string_equal(rule->driver, "udrv-e1000");
	assert_true(rule->take && rule->group);
	assert_int_equal(rule->line, 3);
	assert_string_equal(rule->file, "a.conf");
	assert_int_equal(conf.rules[1].device, 0x100e);
	assert_false(conf.rules[1].group);
	assert_int_equal(conf.rules[2].class_mask, 0xffff00);
	assert_int_equal(conf.rules[3].class_code, 0x010180);
	rule = &conf.rules[4];
	assert_string_equal(rule->name, "gauge");
	assert_string_equal(rule->legacy[0], "0x300:8");
	assert_string_equal(rule->legacy[1], "0xd0000:4k");
	assert_string_equal(rule->legacy[2], "5");
	assert_string_equal(rule->legacy[4], "pnp/00:04");
	conf_free(&conf);
}

static void bad_lines_are_named_and_spoil_all(void **state)
{
	static const struct {
		const char *text, *says;
	} wrong[] = {
		{ "id:8086:100e\nnonsense", "a.conf:2: 'nonsense' selects nothing" },
		{ "pci:", "a.conf:1: 'pci:' has no PCI address" },
		{ "pci:00:20.0", "has no PCI address" },
		{ "pci:00:05.8", "has no PCI address" },
		{ "pci:0000:00:05.0x", "has no PCI address" },
		{ "pci:-1:05.0", "has no PCI address" },
		{ "id:8086", "has no ids" },
		{ "id:8086:100", "has no ids" },
		{ "id:8086:100eg", "has no ids" },
		{ "id:80:86:100", "has no ids" },
		{ "class:02", "has no class" },
		{ "class:02000", "has no class" },
		{ "class:0x00", "has no class" },
		{ "legacy:", "has no name" },
		{ "legacy:control", "has no name" },
		{ "legacy:../x", "has no name" },
		{ "class:0200 bind", "'bind' is none of" },
		{ "class:0200 Take", "'Take' is none of" },
		{ "class:0200 take take", "'take' is said twice" },
		{ "class:0200 owner=", "says nothing" },
		{ "class:0200 owner=a owner=b", "is said twice" },
		{ "class:0200 driver=a/b", "is no unit's name" },
		{ "class:0200 driver=a@", "is no unit's name" },
		{ "class:0200 irq=5", "goes with legacy: only" },
		{ "legacy:a group", "does not go with legacy:" },
		{ "legacy:a take", "does not go with legacy:" },
		{ "\n\nid:8086:100e\nid:8086:100E", "a.conf:4: id:8086:100e stands in a.conf:3 already" },
		{ "pci:00:05.0\npci:0000:00:05.0", "stands in a.conf:1 already" },
	};
	struct conf conf;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		bool good = parse(&conf, wrong[i].text);

		if (good || !strstr(error, wrong[i].says))
			print_error("%s: '%s', not '%s'\n", wrong[i].text, error,
				    wrong[i].says);
		assert_false(good);
		assert_non_null(strstr(error, wrong[i].says));
		conf_free(&conf);
	}
}

static void a_line_too_long_is_refused(void **state)
{
	char text[2000];
	struct conf conf;

	(void)state;
	memset(text, '#', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_false(parse(&conf, text));
	assert_non_null(strstr(error, "a.conf:1: the line is too long"));
	conf_free(&conf);
	assert_true(parse(&conf, text + 1000));
	conf_free(&conf);
}

static void the_first_rule_that_fits_wins(void **state)
{
	static const struct usr_device
		e1000 = { .name = "0000:00:06.0", .vendor = 0x8086,
			  .device = 0x100e, .class_code = 0x020000 },
		ide = { .name = "0000:00:0b.0", .vendor = 0x8086,
			.device = 0x7010, .class_code = 0x010180 },
		other = { .name = "0000:00:07.0", .class_code = 0x00ff00 };
	struct conf conf;

	(void)state;
	assert_true(parse(&conf, "legacy:keyboard\npci:00:07.0\nclass:0200\n"
				 "id:8086:100e\nclass:010181\nclass:0101"));
	assert_int_equal(conf_match(&conf, &e1000)->line, 3);
	assert_int_equal(conf_match(&conf, &ide)->line, 6);
	assert_int_equal(conf_match(&conf, &other)->line, 2);
	assert_int_equal(conf_match_legacy(&conf, "keyboard")->line, 1);
	assert_null(conf_match_legacy(&conf, "keyboar"));
	conf_free(&conf);
	assert_true(parse(&conf, "class:0300"));
	assert_null(conf_match(&conf, &e1000));
	conf_free(&conf);
}

static void selectors_are_written_as_they_are_read(void **state)
{
	static const char *const selectors[] = {
		"pci:0000:00:05.0", "id:8086:100e", "class:0200", "class:010180",
		"legacy:keyboard" };
	struct conf conf;
	char text[48];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(selectors) / sizeof(selectors[0]); i++) {
		assert_true(parse(&conf, selectors[i]));
		conf_selector(conf.rules, text, sizeof(text));
		assert_string_equal(text, selectors[i]);
		conf_free(&conf);
	}
}

static void check_edit(const char *text, const char *line, const char *wanted,
		       bool changes)
{
	bool changed = false;
	char *edited = conf_edit(text, "id:1:2", line, &changed);

	assert_string_equal(edited, wanted);
	assert_int_equal(changed, changes);
	free(edited);
}

static void editing_leaves_all_other_lines(void **state)
{
	(void)state;
	check_edit("", "id:1:2 x", "id:1:2 x\n", true);
	check_edit("# a\nid:1:23", "id:1:2", "# a\nid:1:23\nid:1:2\n", true);
	check_edit("a\n id:1:2 take\nb\n", "id:1:2 x", "a\nid:1:2 x\nb\n", true);
	check_edit("a\nid:1:2#\nb\nid:1:2\n", NULL, "a\nb\n", true);
	check_edit("a\nid:1:20\n", NULL, "a\nid:1:20\n", false);
	check_edit("id:1:2", NULL, "", true);
}

/* Else there would be two rules for one device, which spoils the table. */
static void editing_knows_a_selector_written_otherwise(void **state)
{
	static const char *const ways[][2] = {
		{ "id:8086:100E", "id:8086:100e" },
		{ "pci:0:5.0", "pci:0000:00:05.0" },
		{ "class:02Ab", "class:02ab" },
	};
	char text[64], *edited;
	bool changed;

	(void)state;
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		snprintf(text, sizeof(text), "# a\n  %s take # b\n", ways[i][0]);
		changed = false;
		edited = conf_edit(text, ways[i][1], ways[i][1], &changed);
		assert_true(changed);
		snprintf(text, sizeof(text), "# a\n%s\n", ways[i][1]);
		assert_string_equal(edited, text);
		free(edited);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_word),
		cmocka_unit_test(bad_lines_are_named_and_spoil_all),
		cmocka_unit_test(a_line_too_long_is_refused),
		cmocka_unit_test(the_first_rule_that_fits_wins),
		cmocka_unit_test(selectors_are_written_as_they_are_read),
		cmocka_unit_test(editing_leaves_all_other_lines),
		cmocka_unit_test(editing_knows_a_selector_written_otherwise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
