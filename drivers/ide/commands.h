/* SPDX-License-Identifier: MIT */
/* What udrv-ide can be told to do; each prints its own complaints. */
#ifndef IDE_COMMANDS_H
#define IDE_COMMANDS_H

#include "options.h"

/* Return: main()'s exit status. */
int command_identify(struct ide *ide, const struct options *options);
int command_copy(struct ide *ide, const struct options *options);
int command_bench(struct ide *ide, const struct options *options);
int command_serve(int fd, const struct options *options);

/* "udrv-ide: ..." on standard error.  Return: 1. */
__attribute__((format(printf, 1, 2)))
int complain(const char *format, ...);

/*
 * A line, unless that would block or there were too many: for who serves disks,
 * since whoever reads the lines may wait for one of these disks.  @fd is standard
 * output or error.
 */
__attribute__((format(printf, 2, 3)))
void say(int fd, const char *format, ...);

/* Such a line, as complain() has it.  Return: 1. */
__attribute__((format(printf, 1, 2)))
int say_why(const char *format, ...);

/* The disk that is meant, or NULL after a complaint. */
struct ide_disk *chosen_disk(struct ide *ide, const struct options *options);

/* Was it said twice that this disk may be overwritten?  Else complains. */
bool may_overwrite(const struct ide_disk *disk, const struct options *options);

#endif
