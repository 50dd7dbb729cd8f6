// SPDX-License-Identifier: MIT
/*
 * The match table: either a line is wrong, and which is said, or each rule can be
 * written and read again, and taken out.
 */
#include <string.h>
#include "hostile.h"
#include "udrv_conf.h"

static void check_text(const char *text, size_t room)
{
	CHECK(strnlen(text, room) < room);
}

static void check_rule(const struct conf *conf, const struct conf_rule *rule,
		       const char *text)
{
	struct conf again = { 0 };
	char selector[128], error[400], *without, *with;
	bool changed = false;

	check_text(rule->name, sizeof(rule->name));
	check_text(rule->owner, sizeof(rule->owner));
	check_text(rule->driver, sizeof(rule->driver));
	for (unsigned i = 0; i < CONF_LEGACY_WORDS; i++)
		check_text(rule->legacy[i], sizeof(rule->legacy[i]));
	conf_selector(rule, selector, sizeof(selector));
	CHECK(conf_parse(&again, "again", selector, error, sizeof(error)) &&
	      again.count == 1 && again.rules[0].kind == rule->kind);
	conf_free(&again);
	without = conf_edit(text, selector, NULL, &changed);
	CHECK(without && changed);
	changed = false;
	with = conf_edit(without, selector, selector, &changed);
	CHECK(with && changed);
	memset(&again, 0, sizeof(again));
	CHECK(conf_parse(&again, "again", with, error, sizeof(error)));
	CHECK(again.count == conf->count);
	conf_free(&again);
	free(with);
	free(without);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct usr_device device = {
		.name = "0000:00:05.0", .vendor = 0x8086, .device = 0x100e,
		.class_code = 0x020000,
	};
	char *text = malloc(size + 1), error[400] = "";
	struct conf conf = { 0 };

	memcpy(text, data, size);
	text[size] = '\0';
	if (conf_parse(&conf, "a.conf", text, error, sizeof(error))) {
		conf_match(&conf, &device);
		conf_match_legacy(&conf, "keyboard");
		for (size_t i = 0; i < conf.count && i < 8; i++)
			check_rule(&conf, &conf.rules[i], text);
	} else {
		CHECK(*error && strnlen(error, sizeof(error)) < sizeof(error));
	}
	conf_free(&conf);
	free(text);
	return 0;
}
