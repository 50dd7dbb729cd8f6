/* SPDX-License-Identifier: MIT */
/*
 * A PC parallel port's signals as register programs.  No hardware here: each
 * function appends steps, who runs them is port.c.  Event numbers are those of
 * IEEE 1284-1994.
 */
#ifndef PARPORT_SPP_H
#define PARPORT_SPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "udrv.h"

/* Registers, offsets in region 0. */
#define SPP_DATA		0
#define SPP_STATUS		1
#define  SPP_NOT_BUSY		0x80	/* nBusy: inverted by the port */
#define  SPP_NACK		0x40
#define  SPP_PAPER_OUT		0x20	/* PError */
#define  SPP_SELECT		0x10
#define  SPP_NFAULT		0x08
#define  SPP_LINES		0xf8
#define SPP_CONTROL		2
#define  SPP_STROBE		0x01	/* nStrobe, nAutoFd, nSelectIn: inverted */
#define  SPP_AUTOFD		0x02
#define  SPP_NINIT		0x04
#define  SPP_SELECTIN		0x08
#define  SPP_IRQ_ENABLE		0x10	/* interrupt on the edge of nAck */
#define  SPP_INPUT		0x20	/* data lines are inputs */

/* At rest: initialised, selected, nothing strobed. */
#define SPP_IDLE		(SPP_NINIT | SPP_SELECTIN)

/* A peripheral answers within 35 ms (IEEE 1284, T_L). */
#define SPP_ANSWER_US		35000
/* How long the end of "busy" is waited for within a program. */
#define SPP_BUSY_US		200

struct spp_program {
	struct udrv_io_step step[UDRV_IO_MAX_STEPS];
	unsigned count;
};

/* Steps that one printed byte takes. */
#define SPP_BYTE_STEPS		6
#define SPP_PROGRAM_BYTES	(UDRV_IO_MAX_STEPS / SPP_BYTE_STEPS)

/**
 * spp_print() - send bytes in compatibility mode
 * @p: steps are appended
 * @data: the bytes
 * @count: SPP_PROGRAM_BYTES at most
 * @control: the control register at rest (SPP_IDLE, perhaps SPP_IRQ_ENABLE)
 *
 * Before each byte the printer must be ready, else the program ends with
 * ETIMEDOUT.  However it ended: after n steps spp_printed(n) bytes are sent.
 */
void spp_print(struct spp_program *p, const uint8_t *data, size_t count,
	       uint8_t control);
size_t spp_printed(unsigned steps);

enum spp_mode {
	SPP_MODE_NIBBLE = 0x00,		/* extensibility request values */
	SPP_MODE_BYTE = 0x01,
	SPP_MODE_NIBBLE_ID = 0x04,	/* device ID, in nibble mode */
};

/*
 * Ask for a mode.  The last step's value is the status register: see
 * spp_accepted().  ETIMEDOUT: the peripheral does not speak IEEE 1284.
 */
void spp_negotiate(struct spp_program *p, enum spp_mode mode);
bool spp_accepted(enum spp_mode mode, uint8_t status);

/* Is there (more) data to read?  Of a status after negotiation or a byte. */
static inline bool spp_data_available(uint8_t status)
{
	return !(status & SPP_NFAULT);
}

/*
 * One byte.  spp_nibble_value() takes the finished program's steps; the last
 * step's value is the status register.
 */
void spp_read_nibbles(struct spp_program *p);
uint8_t spp_nibble_value(const struct spp_program *p);
void spp_read_byte(struct spp_program *p);
uint8_t spp_byte_value(const struct spp_program *p);

/* Back to compatibility mode, in good order or (after ETIMEDOUT) by force. */
void spp_terminate(struct spp_program *p, enum spp_mode mode);
void spp_force_idle(struct spp_program *p, enum spp_mode mode);

/*
 * Write data and read them back, with this in the control register.
 * spp_echoes(): there is a port, or with SPP_INPUT: its data lines cannot be
 * inputs.  spp_was_held(): nInit was low before, so the printer is in reset.
 */
void spp_probe(struct spp_program *p, uint8_t control);
bool spp_echoes(const struct spp_program *p);
bool spp_was_held(const struct spp_program *p);

/* Pulse nInit: the printer forgets what it was doing. */
void spp_initialise(struct spp_program *p);

/* The status register in words: "ready", "out of paper", ... */
const char *spp_describe(uint8_t status);

/**
 * spp_id_text() - a device ID as it can be shown
 * @data: as the peripheral sent it, its length in front
 * @got: bytes of it
 * @text: filled in, @got bytes at most; what a terminal might obey is a '?'
 */
void spp_id_text(const uint8_t *data, size_t got, char *text);

#endif
