// SPDX-License-Identifier: MIT
/* See spp.h. */
#include "spp.h"

static void add(struct spp_program *p, struct udrv_io_step step)
{
	if (p->count < UDRV_IO_MAX_STEPS)
		p->step[p->count++] = step;
}

static void set(struct spp_program *p, unsigned offset, uint8_t value)
{
	add(p, usr_step_write(0, offset, 1, value));
}

static void wait(struct spp_program *p, uint8_t mask, uint8_t match, unsigned us)
{
	add(p, usr_step_wait(0, SPP_STATUS, 1, mask, match, us));
}

static void read_status(struct spp_program *p)
{
	add(p, usr_step_read(0, SPP_STATUS, 1));
}

/*
 * IEEE 1284 6.4: data stand 750 ns before the strobe, which lasts as long, and
 * 750 ns after it.  The port access that follows takes another microsecond on
 * the bus, so that the waiting for "busy" is the last of these.
 */
void spp_print(struct spp_program *p, const uint8_t *data, size_t count,
	       uint8_t control)
{
	for (size_t i = 0; i < count && i < SPP_PROGRAM_BYTES; i++) {
		wait(p, SPP_NOT_BUSY, SPP_NOT_BUSY, SPP_BUSY_US);
		set(p, SPP_DATA, data[i]);
		add(p, usr_step_delay(1));
		set(p, SPP_CONTROL, control | SPP_STROBE);
		add(p, usr_step_delay(1));
		set(p, SPP_CONTROL, control);
	}
}

/* It has the byte from the strobe's first edge on: two steps before the last. */
size_t spp_printed(unsigned steps)
{
	return (steps + 2) / SPP_BYTE_STEPS;
}

/* ---------------------------------------------------------------- IEEE 1284 */

void spp_negotiate(struct spp_program *p, enum spp_mode mode)
{
	set(p, SPP_CONTROL, SPP_IDLE);
	set(p, SPP_DATA, (uint8_t)mode);
	/* Events 0, 1: nSelectIn high, nAutoFd low. */
	set(p, SPP_CONTROL, SPP_NINIT | SPP_AUTOFD);
	/* Event 2: nAck low, the other three high. */
	wait(p, SPP_NACK | SPP_PAPER_OUT | SPP_SELECT | SPP_NFAULT,
	     SPP_PAPER_OUT | SPP_SELECT | SPP_NFAULT, SPP_ANSWER_US);
	/* Event 3: the strobe makes it take the request. */
	set(p, SPP_CONTROL, SPP_NINIT | SPP_AUTOFD | SPP_STROBE);
	add(p, usr_step_delay(1));
	/* Event 4. */
	set(p, SPP_CONTROL, SPP_NINIT);
	/* Events 5, 6: it answers, then nAck high. */
	wait(p, SPP_NACK, SPP_NACK, SPP_ANSWER_US);
	read_status(p);
}

/* Event 5: Select tells, and for nibble mode it is the other way round. */
bool spp_accepted(enum spp_mode mode, uint8_t status)
{
	return mode == SPP_MODE_NIBBLE ? !(status & SPP_SELECT) :
	       status & SPP_SELECT;
}

/* Events 7 to 11. */
static void read_nibble(struct spp_program *p)
{
	set(p, SPP_CONTROL, SPP_NINIT | SPP_AUTOFD);
	wait(p, SPP_NACK, 0, SPP_ANSWER_US);
	read_status(p);
	set(p, SPP_CONTROL, SPP_NINIT);
	wait(p, SPP_NACK, SPP_NACK, SPP_ANSWER_US);
}

#define NIBBLE_STEPS	5
#define NIBBLE_STATUS	2		/* which of them reads it */

void spp_read_nibbles(struct spp_program *p)
{
	p->count = 0;
	read_nibble(p);
	read_nibble(p);
	read_status(p);
}

/* nFault, Select, PError, Busy are bits 0 to 3; Busy reads inverted. */
static uint8_t nibble(uint64_t status)
{
	return (uint8_t)((status >> 3 & 0x7) | (status & SPP_NOT_BUSY ? 0 : 0x8));
}

uint8_t spp_nibble_value(const struct spp_program *p)
{
	uint8_t low = nibble(p->step[NIBBLE_STATUS].out_value);
	uint8_t high = nibble(p->step[NIBBLE_STEPS + NIBBLE_STATUS].out_value);

	return (uint8_t)(low | high << 4);
}

/* Event 14, the data lines turn round; events 7 to 11, 16 and 17. */
#define BYTE_DATA	3		/* which step reads it */

void spp_read_byte(struct spp_program *p)
{
	p->count = 0;
	set(p, SPP_CONTROL, SPP_NINIT | SPP_INPUT);
	set(p, SPP_CONTROL, SPP_NINIT | SPP_INPUT | SPP_AUTOFD);
	wait(p, SPP_NACK, 0, SPP_ANSWER_US);
	add(p, usr_step_read(0, SPP_DATA, 1));	/* BYTE_DATA */
	set(p, SPP_CONTROL, SPP_NINIT | SPP_INPUT);
	wait(p, SPP_NACK, SPP_NACK, SPP_ANSWER_US);
	set(p, SPP_CONTROL, SPP_NINIT | SPP_INPUT | SPP_STROBE);
	add(p, usr_step_delay(1));
	set(p, SPP_CONTROL, SPP_NINIT | SPP_INPUT);
	read_status(p);
}

uint8_t spp_byte_value(const struct spp_program *p)
{
	return (uint8_t)p->step[BYTE_DATA].out_value;
}

/* At rest, but that a peripheral which has the data lines may still drive them. */
static uint8_t ending(enum spp_mode mode)
{
	return mode == SPP_MODE_BYTE ? SPP_IDLE | SPP_INPUT : SPP_IDLE;
}

/* Events 22 to 28. */
void spp_terminate(struct spp_program *p, enum spp_mode mode)
{
	set(p, SPP_CONTROL, ending(mode));
	wait(p, SPP_NACK, 0, SPP_ANSWER_US);
	set(p, SPP_CONTROL, ending(mode) | SPP_AUTOFD);
	wait(p, SPP_NACK, SPP_NACK, SPP_ANSWER_US);
	set(p, SPP_CONTROL, SPP_IDLE);
}

void spp_force_idle(struct spp_program *p, enum spp_mode mode)
{
	set(p, SPP_CONTROL, ending(mode));
	add(p, usr_step_delay(10));
	set(p, SPP_CONTROL, SPP_IDLE);
}

/* ------------------------------------------------------------ the port itself */

#define PROBE_CONTROL	0		/* which steps of spp_probe() read what */
#define PROBE_FIRST	3
#define PROBE_SECOND	5

void spp_probe(struct spp_program *p, uint8_t control)
{
	p->count = 0;
	add(p, usr_step_read(0, SPP_CONTROL, 1));
	set(p, SPP_CONTROL, control);
	set(p, SPP_DATA, 0x55);
	add(p, usr_step_read(0, SPP_DATA, 1));
	set(p, SPP_DATA, 0xaa);
	add(p, usr_step_read(0, SPP_DATA, 1));
}

bool spp_echoes(const struct spp_program *p)
{
	return p->step[PROBE_FIRST].out_value == 0x55 &&
	       p->step[PROBE_SECOND].out_value == 0xaa;
}

bool spp_was_held(const struct spp_program *p)
{
	return !(p->step[PROBE_CONTROL].out_value & SPP_NINIT);
}

/* At least 50 us (IEEE 1284 6.4). */
void spp_initialise(struct spp_program *p)
{
	set(p, SPP_CONTROL, SPP_SELECTIN);
	add(p, usr_step_delay(100));
	set(p, SPP_CONTROL, SPP_IDLE);
	add(p, usr_step_delay(100));
}

const char *spp_describe(uint8_t status)
{
	/* All lines high, as the port's own pull-ups have them. */
	if ((status & SPP_LINES) == (SPP_LINES & ~SPP_NOT_BUSY))
		return "no printer is connected";
	if (status & SPP_PAPER_OUT)
		return "out of paper";
	if (!(status & SPP_SELECT))
		return "off line, or switched off";
	if (!(status & SPP_NFAULT))
		return "it reports a fault";
	return status & SPP_NOT_BUSY ? "ready" : "busy";
}

/* IEEE 1284 7.6: two bytes say how long it is, themselves counted. */
void spp_id_text(const uint8_t *data, size_t got, char *text)
{
	size_t length = got < 2 ? 0 : (size_t)data[0] << 8 | data[1];

	/* It may send more, or say nonsense. */
	if (length < 2 || length > got)
		length = got;
	for (size_t i = 2; i < length; i++)
		*text++ = (char)(data[i] >= ' ' && data[i] < 0x7f ? data[i] : '?');
	*text = '\0';
}
