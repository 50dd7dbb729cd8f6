/* SPDX-License-Identifier: MIT */
/* The command line of udrv-kbd. */
#ifndef KBD_ARGUMENTS_H
#define KBD_ARGUMENTS_H

#include <stdbool.h>

struct arguments {
	const char *device;
	bool uinput, poll, no_mouse, service;
	unsigned set;			/* of scan codes, 1 or 2 */
	unsigned delay_ms, period_ms;
};

/**
 * arguments_parse() - the command line
 * @arguments: filled in
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0; 2: it is wrong and was complained about; -1: help was asked for
 * and given.
 */
int arguments_parse(struct arguments *arguments, int argc, char **argv);

#endif
