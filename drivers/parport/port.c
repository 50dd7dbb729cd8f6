// SPDX-License-Identifier: MIT
/* See port.h. */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include "port.h"

/* While the printer is busy: how often it is looked at without interrupts. */
#define POLL_MS	2

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Goes on where a signal ended a wait.  Return: 0 or an errno. */
static int run(struct port *port, struct spp_program *p, unsigned *done)
{
	unsigned at = 0, some = 0;

	while (usr_io(port->fd, p->step + at, p->count - at, &some)) {
		at += some;
		if (errno != EINTR) {
			*done = at;
			return errno;
		}
	}
	*done = p->count;
	return 0;
}

/* By force: whatever the lines are doing. */
static void force_idle(struct port *port, enum spp_mode mode)
{
	struct spp_program p;
	unsigned done;

	p.count = 0;
	spp_force_idle(&p, mode);
	run(port, &p, &done);
}

const char *port_start(struct port *port, int fd, bool polled,
		       unsigned patience_s)
{
	struct udrv_region_info region;
	const char *problem = NULL;
	struct spp_program p;
	unsigned done;

	*port = (struct port) {
		.fd = fd, .polled = polled, .patience_s = patience_s,
	};
	if (usr_region_info(fd, 0, &region))
		return usr_error();
	if (region.out_kind != UDRV_KIND_PORTS || region.out_size < 3)
		return "region 0 is not the three ports of a parallel port";
	spp_probe(&p, SPP_IDLE);
	if (run(port, &p, &done))
		return usr_error();
	if (!spp_echoes(&p))
		return "there is no parallel port at these ports: its data register does not read back";
	if (spp_was_held(&p))
		problem = port_reset(port);
	if (problem)
		return problem;
	/* Edges of nAck, counted; nothing needs acknowledging. */
	if (polled || !usr_irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0))
		return NULL;
	snprintf(port->problem, sizeof(port->problem),
		 "%.280s; --poll does without", usr_error());
	return port->problem;
}

void port_stop(struct port *port)
{
	force_idle(port, SPP_MODE_NIBBLE);
}

const char *port_reset(struct port *port)
{
	struct spp_program p;
	unsigned done;

	p.count = 0;
	spp_initialise(&p);
	return run(port, &p, &done) ? usr_error() : NULL;
}

const char *port_status(struct port *port, uint8_t *status)
{
	uint64_t value;

	if (usr_io_read(port->fd, 0, SPP_STATUS, 1, &value))
		return usr_error();
	*status = (uint8_t)value;
	return NULL;
}

static void sleep_ms(long ms)
{
	const struct timespec pause = { 0, ms * 1000000 };

	nanosleep(&pause, NULL);
}

static const char *lose_patience(struct port *port, uint8_t status)
{
	snprintf(port->problem, sizeof(port->problem),
		 "the printer takes nothing for %u s: %s", port->patience_s,
		 spp_describe(status));
	return port->problem;
}

/*
 * Sleep until the printer is ready.  Its nAck interrupts; but the edge may have
 * come before interrupts were enabled, so look again before sleeping, and do
 * not sleep for long.
 */
static const char *await_ready(struct port *port, uint64_t end)
{
	struct udrv_irq_event event;
	const char *problem = NULL;
	uint8_t status = 0;

	if (!port->polled && usr_io_write(port->fd, 0, SPP_CONTROL, 1,
					  SPP_IDLE | SPP_IRQ_ENABLE))
		return usr_error();
	for (;;) {
		problem = port_status(port, &status);
		if (problem || status & SPP_NOT_BUSY)
			break;
		if (now_ms() >= end) {
			problem = lose_patience(port, status);
			break;
		}
		if (port->polled)
			sleep_ms(POLL_MS);
		else if (usr_irq_wait(port->fd, &event, 100) &&
			 errno != ETIMEDOUT && errno != EINTR)
			return usr_error();
	}
	if (!port->polled)
		usr_io_write(port->fd, 0, SPP_CONTROL, 1, SPP_IDLE);
	return problem;
}

const char *port_print(struct port *port, const uint8_t *data, size_t length,
		       size_t *sent)
{
	const char *problem = NULL;
	struct spp_program p;
	uint64_t end = 0;		/* of our patience, from the last byte on */
	unsigned done;
	int ret;

	*sent = 0;
	while (*sent < length && !problem) {
		size_t some = length - *sent, printed;
		bool late = end && now_ms() >= end;

		if (some > SPP_PROGRAM_BYTES)
			some = SPP_PROGRAM_BYTES;
		p.count = 0;
		spp_print(&p, data + *sent, some, SPP_IDLE);
		ret = run(port, &p, &done);
		printed = spp_printed(done);
		*sent += printed;
		if (printed || !end)
			end = now_ms() + port->patience_s * 1000ull;
		/* It may be ready whenever it is asked, yet take nothing. */
		if (ret == ETIMEDOUT && late && !printed)
			problem = lose_patience(port,
						(uint8_t)p.step[done].out_value);
		else if (ret == ETIMEDOUT)
			problem = await_ready(port, end);
		else if (ret)
			problem = usr_error();
	}
	return problem;
}

/* Back to compatibility mode; a peripheral that does not help is left there. */
static void terminate(struct port *port, enum spp_mode mode)
{
	struct spp_program p;
	unsigned done;

	p.count = 0;
	spp_terminate(&p, mode);
	if (run(port, &p, &done))
		force_idle(port, mode);
}

/* On failure it is in compatibility mode again. */
static const char *negotiate(struct port *port, enum spp_mode mode,
			     uint8_t *status)
{
	struct spp_program p;
	unsigned done;
	int ret;

	p.count = 0;
	spp_negotiate(&p, mode);
	ret = run(port, &p, &done);
	if (ret) {
		force_idle(port, SPP_MODE_NIBBLE);
		return ret == ETIMEDOUT ?
		       "the peripheral does not answer to IEEE 1284 negotiation: it can only be written to" :
		       usr_error();
	}
	*status = (uint8_t)p.step[p.count - 1].out_value;
	if (spp_accepted(mode, *status))
		return NULL;
	terminate(port, SPP_MODE_NIBBLE);
	return "the peripheral speaks IEEE 1284, but not this mode";
}

/* A port whose data lines are outputs only reads back its own. */
static const char *check_input(struct port *port)
{
	struct spp_program p;
	unsigned done;

	spp_probe(&p, SPP_IDLE | SPP_INPUT);
	if (run(port, &p, &done))
		return usr_error();
	force_idle(port, SPP_MODE_BYTE);
	return spp_echoes(&p) ?
	       "the port's data lines are outputs only: no byte mode" : NULL;
}

static const char *read_bytes(struct port *port, enum spp_mode mode,
			      uint8_t status, uint8_t *data, size_t length,
			      size_t *got)
{
	struct spp_program p;
	unsigned done;

	while (*got < length && spp_data_available(status)) {
		if (mode == SPP_MODE_BYTE)
			spp_read_byte(&p);
		else
			spp_read_nibbles(&p);
		if (run(port, &p, &done))
			return errno == ETIMEDOUT ?
			       "the peripheral stopped in the middle of a byte" :
			       usr_error();
		data[(*got)++] = mode == SPP_MODE_BYTE ? spp_byte_value(&p) :
				 spp_nibble_value(&p);
		status = (uint8_t)p.step[p.count - 1].out_value;
	}
	return NULL;
}

const char *port_read(struct port *port, enum spp_mode mode, uint8_t *data,
		      size_t length, size_t *got)
{
	const char *problem = NULL;
	uint8_t status = 0;

	*got = 0;
	if (mode == SPP_MODE_BYTE)
		problem = check_input(port);
	if (!problem)
		problem = negotiate(port, mode, &status);
	if (problem)
		return problem;
	problem = read_bytes(port, mode, status, data, length, got);
	terminate(port, mode);
	return problem;
}
