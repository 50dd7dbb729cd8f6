/* SPDX-License-Identifier: MIT */
/* serve: the worker that drives the disks, and the supervisor that replaces it. */
#ifndef IDE_SERVE_H
#define IDE_SERVE_H

#include "commands.h"

/*
 * What a worker leaves to its successor; in shared memory.  A disk is resumed
 * only if it was recorded as made: one that was being made when its worker
 * died is not, since its number may by then be another's.
 */
struct serve_estate {
	struct {
		int number;		/* of /dev/ublkbN or /dev/nbdN */
		bool made;
	} disk[IDE_DISKS];
	enum usr_block_kind kind;	/* USR_BLOCK_ANY = not chosen yet */
	uint32_t transfer;		/* bytes of a request at most, 0 = not chosen */
	unsigned recovered;		/* workers that got so far */
	unsigned begun, completed;	/* requests, by all of them */
	uint64_t ready_ns;		/* CLOCK_MONOTONIC: the last one's READY */
};

/**
 * serve_disks() - drive the disks until all are stopped
 * @fd: of the device
 * @options: of the command line
 * @estate: what a predecessor made; kept up to date
 *
 * SIGTERM, SIGINT and SIGHUP stop it; they must be blocked.
 *
 * Return: main()'s exit status.
 */
int serve_disks(int fd, const struct options *options,
		struct serve_estate *estate);

/**
 * serve_supervised() - run serve_disks() in a child, and another when it dies
 * @fd: of the device; held open, so that it outlives the child
 * @options: of the command line
 * @estate: in memory shared with children
 *
 * Return: main()'s exit status.
 */
int serve_supervised(int fd, const struct options *options,
		     struct serve_estate *estate);

#endif
