/* SPDX-License-Identifier: MIT */
/*
 * The match table: /etc/udrv, files *.conf, one rule a line, which says what is to be
 * bound when it appears.
 *
 *	SELECTOR [WORD]...	# comment
 *
 *	pci:0000:00:05.0	this place
 *	id:8086:100e		every device of these ids
 *	class:0200		every device of this class (4 or 6 digits)
 *	legacy:keyboard		what `udrv legacy add keyboard` declares
 *
 *	owner=USER[:GROUP]	whom its file shall belong to
 *	driver=NAME		the unit NAME@DEVICE.service drives it
 *	take			also from the driver that has it
 *	group			and what is in the way in its IOMMU group
 *	ports= memory= irq= base= take=
 *				of legacy: only, as `udrv legacy add` has them
 *
 * Files are read in the order of their names; the first rule that fits wins.
 * A bad line spoils all: whoever reads a table with one does nothing.
 */
#ifndef UDRV_CONF_H
#define UDRV_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <udrv.h>

#define CONF_DIR	"/etc/udrv"
#define CONF_SAVED	CONF_DIR "/saved.conf"

enum conf_kind { CONF_PCI, CONF_ID, CONF_CLASS, CONF_LEGACY };

/* Words of legacy: rules, in the order of conf_legacy_words[]. */
#define CONF_LEGACY_WORDS 5
extern const char *const conf_legacy_words[CONF_LEGACY_WORDS];

struct conf_rule {
	enum conf_kind kind;
	char name[32];			/* pci: address, legacy: name */
	uint16_t vendor, device;	/* id: */
	uint32_t class_code, class_mask; /* class: 24 bits */
	char owner[66];			/* "" = not said */
	char driver[64];
	bool take, group;
	char legacy[CONF_LEGACY_WORDS][128];
	char file[128];
	unsigned line;
};

struct conf {
	struct conf_rule *rules;
	size_t count;
};

/* udrv_conf.c: pure */

/*
 * Add the rules in a text, which came from @file.  Return: false, and @error
 * is "FILE:LINE: what is wrong"; @conf is then good for conf_free() only.
 */
bool conf_parse(struct conf *conf, const char *file, const char *text,
		char *error, size_t size);
void conf_free(struct conf *conf);

/* The first that fits, or NULL. */
const struct conf_rule *conf_match(const struct conf *conf,
				   const struct usr_device *device);
const struct conf_rule *conf_match_legacy(const struct conf *conf,
					  const char *name);

/* Its selector, as it is written. */
void conf_selector(const struct conf_rule *rule, char *text, size_t size);

/*
 * @text without the rule that has this selector, and with @line, if that is not
 * NULL, in its place or at the end.  Return: for free(); NULL: no memory.
 */
char *conf_edit(const char *text, const char *selector, const char *line,
		bool *changed);

/* udrv_conf_file.c.  Both complain.  Return: whether it worked. */

bool conf_load(struct conf *conf);
bool conf_save(const char *selector, const char *line, bool *changed);

#endif
