/* SPDX-License-Identifier: MIT */
/*
 * A parallel port with a peripheral, as IEEE 1284-1994 describes it, for the
 * tests of drivers/parport.  Time is the model's own, in ns.  It answers what
 * the host does, and counts what the host does wrong.
 */
#ifndef PARPORT_MODEL_H
#define PARPORT_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "udrv.h"

#define MODEL_FOREVER	UINT64_MAX
#define MODEL_ROOM	4096

enum model_phase {
	MODEL_COMPATIBLE, MODEL_NEGOTIATING, MODEL_STROBED, MODEL_REFUSED,
	MODEL_REVERSE, MODEL_SENDING, MODEL_SENT, MODEL_ENDING
};

struct model {
	/* What it is: set by the test after model_reset(). */
	bool silent;			/* does not speak IEEE 1284 */
	bool nibble, byte, id;		/* modes it has */
	bool unidirectional;		/* a port without inputs */
	bool missing;			/* no port at all: all ones */
	bool no_interrupts;		/* its nAck is never heard of */
	uint64_t answer_ns;		/* how long it takes for an event */
	uint64_t busy_ns;		/* and for a byte */
	unsigned dies_after;		/* so many of its events; 0: never */
	const uint8_t *to_send;
	size_t send_length;
	unsigned fail_after;		/* programs from this one on are ENODEV; 0: none */

	/* What the host did. */
	uint8_t printed[MODEL_ROOM];
	size_t printed_length, sent;
	uint8_t request;		/* the mode that was asked for */
	unsigned resets, terminations, aborts, interrupts;
	unsigned violations;
	const char *violation;		/* the first of them */

	/* How it stands. */
	uint64_t now, due, data_since, strobe_since, released_at, hold_until;
	uint8_t data, control, status, driven;
	bool drives, second_nibble, owes_strobe, printer_busy, dead;
	unsigned events, programs;
	enum model_phase phase;
};

void model_reset(struct model *m);

/* The registers. */
uint8_t model_read(struct model *m, unsigned offset);
void model_write(struct model *m, unsigned offset, uint8_t value);
void model_advance(struct model *m, uint64_t ns);

/*
 * Run a register program, but no more than @most steps.  Return: 0, or what
 * the kernel would say: ETIMEDOUT, EINTR (at @most), EINVAL.
 */
int model_run(struct model *m, struct udrv_io_step *steps, unsigned count,
	      unsigned most, unsigned *done);

#endif
