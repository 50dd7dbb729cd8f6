// SPDX-License-Identifier: MIT
/* Binding by the match table, and what is noted there. */
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include "udrv_conf.h"
#include "udrv_tool.h"

/* ------------------------------------------------------------ what a rule says */

/* Its owner must exist before anything is done. */
static bool rule_owner(const struct conf_rule *rule, char *text,
		       struct tool_user *owner)
{
	char error[128];

	memset(owner, 0, sizeof(*owner));
	if (!rule->owner[0])
		return true;
	strcpy(text, rule->owner);
	if (tool_find_user(text, owner, error, sizeof(error)))
		return true;
	fprintf(stderr, "udrv: %s:%u: %s\n", rule->file, rule->line, error);
	return false;
}

static unsigned rule_flags(const struct conf_rule *rule)
{
	return (rule->take ? USR_BIND_TAKE : 0) |
	       (rule->group ? USR_BIND_GROUP : 0);
}

/* All rules that are good, or none.  Complains. */
static bool load_checked(struct conf *conf)
{
	char text[sizeof(conf->rules->owner)];
	struct tool_user owner;
	bool good = true;
	size_t i;

	if (!conf_load(conf))
		return false;
	for (i = 0; i < conf->count; i++)
		good &= rule_owner(&conf->rules[i], text, &owner);
	if (!good)
		conf_free(conf);
	return good;
}

int tool_bind_check(void)
{
	struct conf conf;

	if (!load_checked(&conf))
		return TOOL_FAILED;
	printf("%zu rules in " CONF_DIR ", all good\n", conf.count);
	conf_free(&conf);
	return TOOL_DONE;
}

/* -------------------------------------------------------------------- --saved */

/* Somebody wants a device: what is installed can be loaded for that. */
static void load_module(void)
{
	static char modprobe[] = "modprobe", quiet[] = "-q", name[] = "udrv";
	char *const arguments[] = { modprobe, quiet, name, NULL };
	pid_t child;

	if (!access("/sys/bus/pci/drivers/udrv", F_OK))
		return;
	if (!posix_spawnp(&child, modprobe, NULL, NULL, arguments, environ))
		waitpid(child, NULL, 0);
}

static int bind_by(const struct conf_rule *rule, const char *device)
{
	char text[sizeof(rule->owner)];
	struct tool_user owner;
	int status;

	if (!rule_owner(rule, text, &owner))
		return TOOL_FAILED;
	load_module();
	status = tool_do_bind(device, rule_flags(rule), &owner);
	if (status)
		fprintf(stderr, "udrv: %s:%u: %s is not bound\n", rule->file,
			rule->line, device);
	return status;
}

/* As if its words were `udrv legacy add`'s options. */
static int declare_by(const struct conf_rule *rule)
{
	char words[CONF_LEGACY_WORDS + 1][160];
	char *argv[CONF_LEGACY_WORDS + 4];
	struct udrv_legacy was;
	static char self[] = "udrv";
	char name[sizeof(rule->name)];
	int i, argc = 0, status;

	load_module();
	if (!usr_legacy_get(rule->name, &was))
		return TOOL_DONE;
	argv[argc++] = self;
	for (i = 0; i < CONF_LEGACY_WORDS; i++) {
		if (!rule->legacy[i][0])
			continue;
		snprintf(words[i], sizeof(words[i]), "--%s=%s",
			 conf_legacy_words[i], rule->legacy[i]);
		argv[argc++] = words[i];
	}
	if (rule->owner[0]) {
		snprintf(words[i], sizeof(words[i]), "--owner=%s", rule->owner);
		argv[argc++] = words[i];
	}
	strcpy(name, rule->name);
	argv[argc++] = name;
	argv[argc] = NULL;
	optind = 0;		/* getopt_long() starts again */
	status = legacy_add_command.run(&legacy_add_command, argc, argv);
	if (status)
		fprintf(stderr, "udrv: %s:%u: %s is not declared\n", rule->file,
			rule->line, rule->name);
	return status;
}

static int bind_all(const struct conf *conf)
{
	const struct conf_rule *rule;
	struct usr_device *devices;
	int i, count, status = TOOL_DONE;
	size_t k;

	count = conf->count ? usr_list(&devices) : 0;
	if (count < 0)
		return tool_failed();
	for (i = 0; i < count; i++) {
		rule = conf_match(conf, &devices[i]);
		if (rule && bind_by(rule, devices[i].name))
			status = TOOL_FAILED;
	}
	if (conf->count)
		free(devices);
	for (k = 0; k < conf->count; k++)
		if (conf->rules[k].kind == CONF_LEGACY &&
		    declare_by(&conf->rules[k]))
			status = TOOL_FAILED;
	return status;
}

/* The device's rule.  NULL: none; @status then says whether that is all right. */
static const struct conf_rule *find_rule(const struct conf *conf,
					 const char *name,
					 struct usr_device *device, int *status)
{
	const struct conf_rule *rule = conf_match_legacy(conf, name);

	*status = TOOL_DONE;
	if (rule)
		return rule;
	if (!usr_find(name, device))
		return conf_match(conf, device);
	/* A declared device that has no rule is not wrong. */
	if (errno != EINVAL || !strspn(name, "abcdefghijklmnopqrstuvwxyz"))
		*status = tool_failed();
	return NULL;
}

int tool_bind_saved(const char *name)
{
	const struct conf_rule *rule;
	struct usr_device device;
	struct conf conf;
	int status;

	if (!load_checked(&conf))
		return TOOL_FAILED;
	if (!name) {
		status = bind_all(&conf);
	} else {
		rule = find_rule(&conf, name, &device, &status);
		if (rule && rule->kind == CONF_LEGACY)
			status = declare_by(rule);
		else if (rule)
			status = bind_by(rule, device.name);
	}
	conf_free(&conf);
	return status;
}

/* -------------------------------------------------------------------- --match */

static void print_rule(const struct conf_rule *rule, const char *device)
{
	char selector[48], user[sizeof(rule->owner)], *group;

	conf_selector(rule, selector, sizeof(selector));
	printf("UDRV_DEVICE=%s\nUDRV_RULE=%s:%u\nUDRV_SELECTOR=%s\n", device,
	       rule->file, rule->line, selector);
	if (rule->driver[0])
		printf("UDRV_DRIVER=%s\nUDRV_UNIT=%s@%s.service\n", rule->driver,
		       rule->driver, device);
	if (rule->owner[0]) {
		strcpy(user, rule->owner);
		group = strchr(user, ':');
		if (group)
			*group++ = '\0';
		printf("UDRV_OWNER=%s\n", user);
		if (group)
			printf("UDRV_OWNER_GROUP=%s\n", group);
		printf("UDRV_MODE=%s\n", group ? "0660" : "0600");
	}
	if (rule->take)
		printf("UDRV_TAKE=1\n");
	if (rule->group)
		printf("UDRV_GROUP=1\n");
}

int tool_bind_match(const char *name)
{
	const struct conf_rule *rule;
	struct usr_device device;
	struct conf conf;
	int status;

	if (!load_checked(&conf))
		return TOOL_FAILED;
	rule = find_rule(&conf, name, &device, &status);
	if (rule)
		print_rule(rule, rule->kind == CONF_LEGACY ? rule->name :
			   device.name);
	conf_free(&conf);
	return status;
}

/* --------------------------------------------------------------------- --save */

/* The rule that a device would have, as text; and its selector. */
static bool make_rule(const struct usr_device *device, const char *how,
		      struct conf *one, char *line)
{
	char error[300];

	if (how[0] == 'i')
		sprintf(line, "id:%04x:%04x", device->vendor, device->device);
	else if (how[0] == 'c')
		sprintf(line, "class:%06x", device->class_code);
	else
		sprintf(line, "pci:%s", device->name);
	return conf_parse(one, CONF_SAVED, line, error, sizeof(error));
}

static void add_words(char *line, size_t size, unsigned flags,
		      const struct tool_user *owner, const char *driver)
{
	size_t used = strlen(line);

	snprintf(line + used, size - used, "%s%s%s%s%s%s",
		 owner->text ? " owner=" : "", owner->text ? owner->text : "",
		 driver ? " driver=" : "", driver ? driver : "",
		 flags & USR_BIND_TAKE ? " take" : "",
		 flags & USR_BIND_GROUP ? " group" : "");
}

/* Is the line one that a table can have, and would it win? */
static bool check_line(const struct usr_device *device, const char *selector,
		       const char *line)
{
	const struct conf_rule *first;
	struct conf conf, one = { NULL, 0 };
	char error[300], had[48] = "";
	bool good;

	if (!conf_parse(&one, CONF_SAVED, line, error, sizeof(error))) {
		fprintf(stderr, "udrv: this makes no rule: %s\n",
			strchr(error, ' ') + 1);
		return false;
	}
	conf_free(&one);
	if (!load_checked(&conf))
		return false;
	first = conf_match(&conf, device);
	if (first)
		conf_selector(first, had, sizeof(had));
	good = !first || (!strcmp(first->file, CONF_SAVED) &&
			  !strcmp(had, selector));
	if (!good)
		fprintf(stderr, "udrv: %s has the rule %s in %s:%u, which would come before a new one: change that\n",
			device->name, had, first->file, first->line);
	conf_free(&conf);
	return good;
}

int tool_bind_and_save(const struct usr_device *device, unsigned flags,
		       const struct tool_user *owner, const char *driver,
		       const char *how)
{
	char selector[48], line[400];
	struct conf one = { NULL, 0 };
	bool changed;
	int status;

	if (!make_rule(device, how, &one, line))
		return TOOL_FAILED;
	conf_selector(one.rules, selector, sizeof(selector));
	conf_free(&one);
	add_words(line, sizeof(line), flags, owner, driver);
	if (!check_line(device, selector, line))
		return TOOL_FAILED;
	status = tool_do_bind(device->name, flags, owner);
	if (status)
		return status;
	if (conf_save(selector, line, &changed)) {
		printf("%s will be bound when it appears: " CONF_SAVED "\n",
		       selector);
		return TOOL_DONE;
	}
	if (strcmp(device->driver, "udrv") != 0 && !usr_unbind(device->name))
		printf("%s is unbound again\n", device->name);
	return TOOL_FAILED;
}

int tool_unbind_saved(const struct usr_device *device)
{
	const struct conf_rule *rule;
	bool changed, any = false;
	struct conf conf;
	char selector[48];

	do {
		changed = false;
		if (!conf_load(&conf))
			return TOOL_FAILED;
		rule = conf_match(&conf, device);
		if (rule && !strcmp(rule->file, CONF_SAVED)) {
			conf_selector(rule, selector, sizeof(selector));
			if (!conf_save(selector, NULL, &changed)) {
				conf_free(&conf);
				return TOOL_FAILED;
			}
			if (changed)
				printf("%s is no longer bound when it appears\n",
				       selector);
		}
		conf_free(&conf);
		any |= changed;
	} while (changed);
	if (!any)
		printf("%s has no rule in " CONF_SAVED "\n", device->name);
	return TOOL_DONE;
}

void tool_saved_in(const struct usr_device *device, char *text, size_t size)
{
	const struct conf_rule *rule;
	struct conf conf;

	text[0] = '\0';
	if (!conf_load(&conf))
		return;
	rule = conf_match(&conf, device);
	if (rule)
		snprintf(text, size, "%s:%u", rule->file, rule->line);
	conf_free(&conf);
}
