// SPDX-License-Identifier: MIT
/* The match table: from text to rules, and which rule fits.  See udrv_conf.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "udrv_conf.h"

const char *const conf_legacy_words[CONF_LEGACY_WORDS] = {
	"ports", "memory", "irq", "base", "take" };

static const char *const kinds[] = {
	[CONF_PCI] = "pci:", [CONF_ID] = "id:", [CONF_CLASS] = "class:",
	[CONF_LEGACY] = "legacy:" };

/* What is wrong with a word, for a person; "" = nothing. */
struct wrong {
	char text[200];
};

__attribute__((format(printf, 2, 3)))
static bool bad(struct wrong *wrong, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(wrong->text, sizeof(wrong->text), format, args);
	va_end(args);
	return false;
}

/* ------------------------------------------------------------------ selectors */

static bool only(const char *text, const char *allowed)
{
	return text[0] && strspn(text, allowed) == strlen(text);
}

static bool parse_address(const char *text, char *address, size_t size)
{
	unsigned domain = 0, bus, slot, function;
	int end = -1;

	if (!only(text, "0123456789abcdefABCDEF:."))
		return false;
	if (sscanf(text, "%8x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function,
		   &end) != 4 || end < 0 || text[end]) {
		domain = 0;
		end = -1;
		if (sscanf(text, "%2x:%2x.%1x%n", &bus, &slot, &function,
			   &end) != 3 || end < 0 || text[end])
			return false;
	}
	if (slot > 0x1f || function > 7)
		return false;
	snprintf(address, size, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

static bool parse_ids(const char *text, struct conf_rule *rule)
{
	unsigned vendor, device;
	char more;

	if (strlen(text) != 9 || text[4] != ':' ||
	    !only(text, "0123456789abcdefABCDEF:") ||
	    sscanf(text, "%4x:%4x%c", &vendor, &device, &more) != 2)
		return false;
	rule->vendor = (uint16_t)vendor;
	rule->device = (uint16_t)device;
	return true;
}

/* 0200 is class and subclass, 010180 the interface too. */
static bool parse_class(const char *text, struct conf_rule *rule)
{
	size_t digits = strlen(text);
	unsigned value;

	if ((digits != 4 && digits != 6) ||
	    !only(text, "0123456789abcdefABCDEF") ||
	    sscanf(text, "%x", &value) != 1)
		return false;
	rule->class_code = digits == 4 ? value << 8 : value;
	rule->class_mask = digits == 4 ? 0xffff00 : 0xffffff;
	return true;
}

static bool parse_legacy_name(const char *text, struct conf_rule *rule)
{
	if (text[0] < 'a' || text[0] > 'z' ||
	    !only(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-") ||
	    strlen(text) >= sizeof(rule->name) || !strcmp(text, "control"))
		return false;
	strcpy(rule->name, text);
	return true;
}

static bool parse_selector(const char *word, struct conf_rule *rule,
			   struct wrong *wrong)
{
	if (!strncmp(word, "pci:", 4)) {
		rule->kind = CONF_PCI;
		return parse_address(word + 4, rule->name, sizeof(rule->name)) ||
		       bad(wrong, "'%.64s' has no PCI address: pci:0000:00:05.0 is one",
			   word);
	}
	if (!strncmp(word, "id:", 3)) {
		rule->kind = CONF_ID;
		return parse_ids(word + 3, rule) ||
		       bad(wrong, "'%.64s' has no ids: id:8086:100e is vendor and device",
			   word);
	}
	if (!strncmp(word, "class:", 6)) {
		rule->kind = CONF_CLASS;
		return parse_class(word + 6, rule) ||
		       bad(wrong, "'%.64s' has no class: class:0200 or class:010180 is one",
			   word);
	}
	if (!strncmp(word, "legacy:", 7)) {
		rule->kind = CONF_LEGACY;
		return parse_legacy_name(word + 7, rule) ||
		       bad(wrong, "'%.64s' has no name of a declared device: legacy:keyboard is one",
			   word);
	}
	return bad(wrong, "'%.64s' selects nothing: a line begins with pci:, id:, class: or legacy:",
		   word);
}

void conf_selector(const struct conf_rule *rule, char *text, size_t size)
{
	const char *kind = kinds[rule->kind];

	if (rule->kind == CONF_ID)
		snprintf(text, size, "%s%04x:%04x", kind, rule->vendor,
			 rule->device);
	else if (rule->kind == CONF_CLASS)
		snprintf(text, size, rule->class_mask & 0xff ? "%s%06x" : "%s%04x",
			 kind, rule->class_mask & 0xff ? rule->class_code :
			 rule->class_code >> 8);
	else
		snprintf(text, size, "%s%s", kind, rule->name);
}

/* ---------------------------------------------------------------------- words */

/* The value of WORD=VALUE if it is this word's, else NULL. */
static const char *value_of(const char *word, const char *name)
{
	size_t length = strlen(name);

	return !strncmp(word, name, length) && word[length] == '=' ?
	       word + length + 1 : NULL;
}

static bool set_text(char *to, size_t size, const char *value, const char *word,
		     struct wrong *wrong)
{
	if (!value[0])
		return bad(wrong, "'%.64s' says nothing", word);
	if (to[0])
		return bad(wrong, "'%.64s' is said twice", word);
	if (strlen(value) >= size)
		return bad(wrong, "'%.64s' is too long", word);
	strcpy(to, value);
	return true;
}

/* A unit's name without @, which is put behind it. */
static bool set_driver(struct conf_rule *rule, const char *value,
		       const char *word, struct wrong *wrong)
{
	if (value[0] && !only(value, "abcdefghijklmnopqrstuvwxyz"
			      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.:"))
		return bad(wrong, "'%.64s' is no unit's name: driver=udrv-e1000 starts udrv-e1000@DEVICE.service",
			   word);
	return set_text(rule->driver, sizeof(rule->driver), value, word, wrong);
}

static bool set_flag(bool *flag, const char *word, struct wrong *wrong)
{
	if (*flag)
		return bad(wrong, "'%.64s' is said twice", word);
	return *flag = true;
}

static bool parse_legacy_word(const char *word, struct conf_rule *rule,
			      struct wrong *wrong)
{
	const char *value;
	int i;

	for (i = 0; i < CONF_LEGACY_WORDS; i++) {
		value = value_of(word, conf_legacy_words[i]);
		if (!value)
			continue;
		if (rule->kind != CONF_LEGACY)
			return bad(wrong, "'%.64s' goes with legacy: only", word);
		return set_text(rule->legacy[i], sizeof(rule->legacy[i]), value,
				word, wrong);
	}
	return bad(wrong, "'%.64s' is none of owner=, driver=, take, group", word);
}

static bool parse_word(const char *word, struct conf_rule *rule,
		       struct wrong *wrong)
{
	const char *value;

	value = value_of(word, "owner");
	if (value)
		return set_text(rule->owner, sizeof(rule->owner), value, word,
				wrong);
	value = value_of(word, "driver");
	if (value)
		return set_driver(rule, value, word, wrong);
	if (strcmp(word, "take") != 0 && strcmp(word, "group") != 0)
		return parse_legacy_word(word, rule, wrong);
	if (rule->kind == CONF_LEGACY)
		return bad(wrong, "'%s' does not go with legacy:", word);
	return set_flag(word[0] == 't' ? &rule->take : &rule->group, word, wrong);
}

/* ---------------------------------------------------------------------- lines */

/* A line, cut into words.  Empty ones and comments: rule->line stays 0. */
static bool parse_line(char *line, unsigned number, struct conf_rule *rule,
		       struct wrong *wrong)
{
	char *rest = NULL, *word;

	for (word = strtok_r(line, " \t\r", &rest); word && word[0] != '#';
	     word = strtok_r(NULL, " \t\r", &rest)) {
		if (rule->line) {
			if (!parse_word(word, rule, wrong))
				return false;
			continue;
		}
		if (!parse_selector(word, rule, wrong))
			return false;
		rule->line = number;
	}
	return true;
}

/* The second of two equal selectors could never win. */
static bool is_new(const struct conf *conf, const struct conf_rule *rule,
		   struct wrong *wrong)
{
	char one[48], other[48];
	size_t i;

	conf_selector(rule, one, sizeof(one));
	for (i = 0; i < conf->count; i++) {
		conf_selector(&conf->rules[i], other, sizeof(other));
		if (!strcmp(one, other))
			return bad(wrong, "%s stands in %s:%u already, which wins",
				   one, conf->rules[i].file, conf->rules[i].line);
	}
	return true;
}

static bool add_rule(struct conf *conf, const struct conf_rule *rule,
		     struct wrong *wrong)
{
	struct conf_rule *more;

	if (!is_new(conf, rule, wrong))
		return false;
	more = reallocarray(conf->rules, conf->count + 1, sizeof(*more));
	if (!more)
		return bad(wrong, "no memory");
	conf->rules = more;
	conf->rules[conf->count++] = *rule;
	return true;
}

bool conf_parse(struct conf *conf, const char *file, const char *text,
		char *error, size_t size)
{
	struct wrong wrong = { "" };
	struct conf_rule rule;
	char line[1024];
	unsigned number;
	size_t length;
	bool good;

	for (number = 1; *text; number++, text += length + (text[length] != 0)) {
		length = strcspn(text, "\n");
		good = length < sizeof(line) || bad(&wrong, "the line is too long");
		if (good) {
			memcpy(line, text, length);
			line[length] = '\0';
			memset(&rule, 0, sizeof(rule));
			snprintf(rule.file, sizeof(rule.file), "%s", file);
			good = parse_line(line, number, &rule, &wrong);
		}
		if (good && rule.line)
			good = add_rule(conf, &rule, &wrong);
		if (good)
			continue;
		snprintf(error, size, "%s:%u: %s", file, number, wrong.text);
		return false;
	}
	return true;
}

void conf_free(struct conf *conf)
{
	free(conf->rules);
	conf->rules = NULL;
	conf->count = 0;
}

/* ------------------------------------------------------------------- matching */

static bool fits(const struct conf_rule *rule, const struct usr_device *device)
{
	switch (rule->kind) {
	case CONF_PCI:
		return !strcmp(rule->name, device->name);
	case CONF_ID:
		return rule->vendor == device->vendor &&
		       rule->device == device->device;
	case CONF_CLASS:
		return rule->class_code == (device->class_code & rule->class_mask);
	default:
		return false;
	}
}

const struct conf_rule *conf_match(const struct conf *conf,
				   const struct usr_device *device)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		if (fits(&conf->rules[i], device))
			return &conf->rules[i];
	return NULL;
}

const struct conf_rule *conf_match_legacy(const struct conf *conf,
					  const char *name)
{
	size_t i;

	for (i = 0; i < conf->count; i++)
		if (conf->rules[i].kind == CONF_LEGACY &&
		    !strcmp(conf->rules[i].name, name))
			return &conf->rules[i];
	return NULL;
}

/* -------------------------------------------------------------------- editing */

/* Also if somebody has written it otherwise: id:8086:100E, pci:00:5.0. */
static bool has_selector(const char *line, size_t length, const char *selector)
{
	size_t blank = strspn(line, " \t"), word;
	struct conf_rule rule = { .name = "" };
	struct wrong wrong = { "" };
	char text[128];

	if (blank > length)
		return false;
	word = strcspn(line + blank, " \t\r\n#");
	if (word >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", (int)word, line + blank);
	if (parse_selector(text, &rule, &wrong))
		conf_selector(&rule, text, sizeof(text));
	return !strcmp(text, selector);
}

char *conf_edit(const char *text, const char *selector, const char *line,
		bool *changed)
{
	char *edited = malloc(strlen(text) + (line ? strlen(line) : 0) + 3);
	char *to = edited;
	size_t length;
	bool put = !line;

	if (!edited)
		return NULL;
	for (; *text; text += length) {
		length = strcspn(text, "\n");
		length += text[length] == '\n';
		if (!has_selector(text, length, selector)) {
			to = mempcpy(to, text, length);
			continue;
		}
		*changed = true;
		if (!put)
			to = stpcpy(stpcpy(to, line), "\n");
		put = true;
	}
	if (to > edited && to[-1] != '\n')
		*to++ = '\n';
	if (!put) {
		to = stpcpy(stpcpy(to, line), "\n");
		*changed = true;
	}
	*to = '\0';
	return edited;
}
