/* SPDX-License-Identifier: MIT */
/*
 * Between requests and registers: request.c says which request a channel works
 * on; command.c sets its next command going; progress.c looks how far that is;
 * recover.c says what to do if it failed.
 */
#ifndef IDE_COMMAND_H
#define IDE_COMMAND_H

#include "channel.h"
#include "recover.h"

/* command.c: the next command of the channel's request, which may fail. */
void ide_begin_command(struct ide_channel *c);

/* progress.c: of the command's stage; how long it may wait in the kernel. */
void ide_look(struct ide_channel *c, unsigned patience_us);

/* request.c */

/* The command did all it was to do: c->chunk sectors. */
void ide_command_done(struct ide_channel *c);
void ide_command_failed(struct ide_channel *c, enum recover_fault fault,
			uint8_t status, uint8_t error);
/* Something else than the device: an errno of a register program. */
void ide_program_failed(struct ide_channel *c, int error);

/* For the first data of a write, which no interrupt announces. */
#define IDE_WRITE_WAIT_US	400

#endif
