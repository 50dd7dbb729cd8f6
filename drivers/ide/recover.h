/* SPDX-License-Identifier: MIT */
/* What to do about a command that failed; as careful as libata. */
#ifndef IDE_RECOVER_H
#define IDE_RECOVER_H

#include "ide.h"

#define IDE_TRIES	3	/* of a command */
/* So many faults of DMA, and the disk is driven by PIO from then on... */
#define IDE_LINK_FAULTS	2
/* ...unless so many commands went well in between. */
#define IDE_LINK_GOOD	1000
#define IDE_RESETS	3	/* in a row, then a disk is given up */

enum recover_fault {
	RECOVER_DEVICE,		/* the device says so: ERR, DF */
	RECOVER_LINK,		/* cable or protocol */
	RECOVER_BUS,		/* the bus master; error is its status register */
	RECOVER_TIMEOUT,
	RECOVER_NOT_READY,	/* it did not even take the command */
};

enum recover_verdict {
	RECOVER_RETRY,
	RECOVER_SINGLY,		/* sector by sector, to find which one it is */
	RECOVER_GIVE_UP,
};

/**
 * recover() - how to go on after a failed command
 * @c: channel; its active request has the command, and gets a sentence
 * @fault: what happened
 * @status: status register then
 * @error: error register then
 * @reset: set to whether the channel needs a reset first
 *
 * Return: the verdict.
 */
enum recover_verdict recover(struct ide_channel *c, enum recover_fault fault,
			     uint8_t status, uint8_t error, bool *reset);

/* It did not come back from a reset in time; if that was too often, it is lost. */
void recover_missed_reset(struct ide_disk *disk);

/* Its requests fail from now on, with this sentence. */
void recover_lose(struct ide_disk *disk, const char *why);

/* Tell whoever wants to know. */
void recover_tell(const struct ide_disk *disk, const char *sentence);

/* A DMA command went well. */
void recover_link_is_good(struct ide_disk *disk);

#endif
