/* SPDX-License-Identifier: MIT */
/*
 * What the files of `udrv doctor` share.  A check looks at the machine and says
 * what it found: that all is well, something to know, or a problem; and for the
 * latter two what to type.
 */
#ifndef UDRV_DOCTOR_H
#define UDRV_DOCTOR_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <udrv.h>

struct doctor {
	const char *root;	/* "" = this machine; else its files stand there */
	const char *module;	/* --module FILE, or NULL */
	char release[96];	/* of the kernel */
	json_t *findings;
};

enum finding { FINDING_OK, FINDING_NOTE, FINDING_PROBLEM };

__attribute__((format(printf, 4, 5)))
void doctor_say(struct doctor *doctor, const char *check, enum finding level,
		const char *format, ...);

/* A line to type, below what was said last. */
__attribute__((format(printf, 2, 3)))
void doctor_help(struct doctor *doctor, const char *format, ...);

/* Below the root.  Text: for free(), NULL = it cannot be read. */
char *doctor_read(const struct doctor *doctor, const char *path);
bool doctor_has(const struct doctor *doctor, const char *path);
bool doctor_has_entries(const struct doctor *doctor, const char *path);

/* Is it one of the words in the text? */
bool doctor_word(const char *text, const char *word);

/* Has the kernel this module, built in or to be loaded? */
bool doctor_has_module(const struct doctor *doctor, const char *name);

/* udrv_doctor_module.c */
void doctor_check_module(struct doctor *doctor);

/* udrv_doctor_machine.c */
void doctor_check_iommu(struct doctor *doctor);
void doctor_check_remapping(struct doctor *doctor);
void doctor_check_memlock(struct doctor *doctor);
void doctor_check_hooks(struct doctor *doctor);

/* udrv_doctor_device.c */
void doctor_check_device(struct doctor *doctor, const char *name);

#endif
