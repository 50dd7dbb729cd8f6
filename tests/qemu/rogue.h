/* SPDX-License-Identifier: MIT */
/*
 * An unprivileged process that was given one device and means harm.  What it
 * tries, what stops it and which test shows so: tests/rogue.md.
 */
#ifndef ROGUE_H
#define ROGUE_H

#include "edu.h"

#define NEIGHBOUR	1234		/* an unprivileged user, not NOBODY */
#define PAGE		4096

/* Give a device to a user: bind it, and chown its file. */
void give(const char *address, unsigned int user);

/*
 * A process of user NOBODY that opens the device it was given and does @attack;
 * rogue_end() fails the test if the attack had success, that is, failed a MUST.
 */
typedef void (*attack_fn)(int fd);
pid_t rogue_start(const char *address, attack_fn attack);
void rogue_end(pid_t rogue);
void rogue_run(const char *address, attack_fn attack);

/* Attempts of all processes of the test, and the sum of all tests as a figure. */
void attempted(unsigned int times);
#define REFUSED(call, error)						\
	do {								\
		attempted(1);						\
		MUST_ERROR(call, error);				\
	} while (0)

/*
 * Is there a line in the log that says so of @rogue?  The module's have the
 * device, the sentence, and at their end the process.
 */
bool blamed(const char *address, const char *sentence, pid_t rogue);

/*
 * A neighbour: @address, of a user of its own, is given out and driven all the
 * while.  neighbour_end() fails if anything disturbed it.
 */
void neighbour_start(const char *address);
void neighbour_end(void);

/* Where a page of this process is in the machine's memory; needs root. */
uint64_t physical(const void *at);

#endif
