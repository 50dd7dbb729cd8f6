/* SPDX-License-Identifier: MIT */
/* The command line of udrv-ide. */
#ifndef IDE_OPTIONS_H
#define IDE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "udrv_block.h"
#include "ide.h"

enum ide_command {
	COMMAND_IDENTIFY, COMMAND_READ, COMMAND_WRITE, COMMAND_SERVE,
	COMMAND_BENCH
};

struct options {
	const char *device;
	enum ide_command command;
	unsigned start_flags;		/* IDE_POLLED, IDE_BY_PIO */
	unsigned disks;			/* bit n = --disk n; 0 = none was named */
	uint64_t offset, size;		/* bytes; size 0 = to the end */
	const char *file;		/* "-" or NULL: standard input or output */
	const char *overwrite;		/* serial number of the disk to overwrite */
	uint32_t block;			/* bytes */
	uint32_t count;
	bool write;			/* bench */
	enum usr_block_kind kind;
	bool read_only, supervise, resume, service, core, progress;
	int numbers[IDE_DISKS];		/* of the disks in order; -1 = any */
	unsigned number_count;
	uint32_t outage_s, answer_s, depth;
	int fd;				/* of the device, inherited; -1 = open it */
};

/**
 * options_parse() - the command line
 * @options: filled in
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0; 2: it is wrong and was complained about; -1: help was asked for
 * and given.
 */
int options_parse(struct options *options, int argc, char **argv);

#endif
