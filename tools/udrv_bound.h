/* SPDX-License-Identifier: MIT */
/* What the commands that look at devices in use share. */
#ifndef UDRV_BOUND_H
#define UDRV_BOUND_H

#include "udrv_tool.h"

/*
 * Call it with an observer's file for each of the named devices, or for all that
 * are bound.  Complains.  Return: the exit status.
 */
int bound_each(char **names, int count,
	       int (*each)(const char *name, int fd, void *data), void *data);

/* --seconds, --interval; --count */
bool bound_seconds(const char *text, double least, double *seconds);
bool bound_count(const char *text, unsigned long *count);

#endif
