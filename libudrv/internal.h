/* SPDX-License-Identifier: MIT */
/* What libudrv's files share; nothing of it is visible outside. */
#ifndef UDRV_INTERNAL_H
#define UDRV_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#define _FILE_OFFSET_BITS 64	/* mmap offsets go up to 2^44 */

#include <errno.h>
#include <sys/types.h>

#include "../include/udrv.h"

#define USR_PCI_DEVICES	"/sys/bus/pci/devices"
#define USR_PCI_DRIVERS	"/sys/bus/pci/drivers"
#define USR_PCI_PROBE	"/sys/bus/pci/drivers_probe"
#define USR_OUR_DRIVER	"udrv"

/* error.c */

/* Set errno and this thread's sentence.  Return: -1. */
__attribute__((format(printf, 2, 3)))
int usr_fail(int error, const char *format, ...);

/* The same with a constant sentence, for what is not worth formatting. */
int usr_fail_constant(int error, const char *sentence);

/*
 * A system call on a device's file failed with errno: with the module's own
 * reason if it has one for this, else with advice.  Return: -1.
 */
int usr_fail_call(int fd, const char *call);

/* What errno means in this contract, and what helps. */
const char *usr_advice(int error);

/* ioctl(), with usr_fail_call() if it fails. */
int usr_call(int fd, unsigned long command, void *argument, const char *call);

/* name.c */

enum usr_name_kind {
	USR_NAME_BAD,
	USR_NAME_PCI,		/* text: 0000:00:05.0 */
	USR_NAME_IDS,		/* vendor, device */
	USR_NAME_LEGACY,	/* text */
	USR_NAME_PATH,		/* begins with a slash */
};

struct usr_name {
	enum usr_name_kind kind;
	char text[32];
	uint16_t vendor;
	uint16_t device;
};

/* What kind of name is it?  Pure. */
enum usr_name_kind usr_name_parse(const char *name, struct usr_name *parsed);

/* The same, failing with EINVAL and how a name looks. */
int usr_name_check(const char *name, struct usr_name *parsed);

/* sysfs.c: paths are printf formats; none of these sets a sentence */

__attribute__((format(printf, 3, 4)))
ssize_t usr_sysfs_bytes(void *to, size_t size, const char *format, ...);
__attribute__((format(printf, 3, 4)))
bool usr_sysfs_read(char *to, size_t size, const char *format, ...);
__attribute__((format(printf, 3, 4)))
bool usr_sysfs_link(char *to, size_t size, const char *format, ...);
__attribute__((format(printf, 2, 3)))
int usr_sysfs_write(const char *text, const char *format, ...);
bool usr_sysfs_device(const char *address, struct usr_device *device);
bool usr_module_loaded(void);

/* For each device of the IOMMU group but address itself, until each says stop. */
void usr_group_members(const char *address,
		       bool (*each)(const char *member, void *data), void *data);

/* enumerate.c: the one device that has these ids (and this driver, if given) */
int usr_find_ids(const struct usr_name *ids, const char *driver,
		 int none, struct usr_device *device);

/* dma.c: all of the ledger, for free().  Return: how many, or -1. */
int usr_dma_ledger(int fd, struct udrv_dma **entries, const char *call);

/* why.c: sentences for what a person has to look at the machine for */

int usr_fail_open(const char *path, const struct usr_name *name);
int usr_kernel_log(bool from_now);
bool usr_kernel_said(int log, const char *address, const char *word, char *text,
		     size_t size);

#endif
