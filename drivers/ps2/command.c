// SPDX-License-Identifier: MIT
/* See ps2.h: commands to what is plugged into a port, byte by byte. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include "ps2.h"

#define ACK_MS		500	/* the reference has 20; switches between take longer */
#define LOOK_MS		20	/* an interrupt may have been missed */
#define RESENDS		3
#define TRIES		2

bool ps2_take_answer(struct ps2_port *port, uint8_t byte)
{
	if (port->stage == PS2_FOR_DATA) {
		port->answer[port->got++] = byte;
		if (port->got >= port->wanted)
			port->stage = PS2_IDLE;
		return true;
	}
	/* Keys that were pressed before it took the command come first. */
	if (port->stage != PS2_FOR_ACK ||
	    (byte != PS2_ACK && byte != PS2_RESEND && byte != PS2_ERROR) ||
	    (port->owner.is_reply && !port->owner.is_reply(port->owner.data, byte)))
		return false;
	port->reply = byte;
	port->stage = byte == PS2_ACK && port->wanted ? PS2_FOR_DATA : PS2_IDLE;
	return true;
}

static int wait_a_little(struct ps2 *ps2, int ms)
{
	struct pollfd fds[PS2_PORTS];
	unsigned i;
	int ready;

	for (i = 0; i < PS2_PORTS; i++)	/* poll() skips negative ones */
		fds[i] = (struct pollfd) {
			.fd = ps2->port[i].irq_fd, .events = POLLIN,
		};
	if (ps2->port[0].irq_fd < 0 && ms > 2)
		ms = 2;
	ready = poll(fds, PS2_PORTS, ms);
	for (i = 0; i < PS2_PORTS && ready > 0; i++)
		ps2->port[i].told = fds[i].revents;
	return ready < 0 && errno != EINTR ? errno : 0;
}

/* Until the port is past this stage. */
static int wait_while(struct ps2_port *port, enum ps2_stage stage, unsigned ms)
{
	uint64_t deadline = ps2_now_ms() + ms;
	bool late = false;
	int error;

	for (;;) {
		error = ps2_service(port->ps2);
		if (error || port->stage != stage)
			return error;
		if (late)
			return ETIMEDOUT;
		error = wait_a_little(port->ps2, LOOK_MS);
		if (error)
			return error;
		/* Whatever kept us, look once more before giving up. */
		late = ps2_now_ms() >= deadline;
	}
}

static int send_byte(struct ps2_port *port, uint8_t byte, unsigned wanted)
{
	int resends, error;

	for (resends = 0; resends < RESENDS; resends++) {
		port->stage = PS2_FOR_ACK;
		port->reply = 0;
		port->wanted = wanted;
		port->got = 0;
		error = ps2_send(port, byte);
		if (!error)
			error = wait_while(port, PS2_FOR_ACK, ACK_MS);
		if (error || port->reply != PS2_RESEND)
			break;
	}
	if (error)
		return error;
	return port->reply == PS2_ACK ? 0 : EIO;
}

static int try_command(struct ps2_port *port, const uint8_t *bytes,
		       unsigned count, unsigned wanted, unsigned ms)
{
	unsigned i;
	int error = 0;

	for (i = 0; i < count && !error; i++)
		error = send_byte(port, bytes[i], i + 1 < count ? 0 : wanted);
	if (!error && port->stage == PS2_FOR_DATA)
		error = wait_while(port, PS2_FOR_DATA, ms);
	port->stage = PS2_IDLE;
	return error;
}

int ps2_command(struct ps2_port *port, const uint8_t *bytes, unsigned count,
		uint8_t *answer, unsigned wanted, unsigned ms)
{
	int tries, error = EINVAL;

	if (wanted > sizeof(port->answer))
		return EINVAL;
	/* An answer that was lost is none: from the start once more. */
	for (tries = 0; tries < TRIES; tries++) {
		error = try_command(port, bytes, count, wanted, ms);
		if (error != ETIMEDOUT && error != EIO)
			break;
	}
	if (!error && wanted)
		memcpy(answer, port->answer, wanted);
	return error;
}

int ps2_simple(struct ps2_port *port, uint8_t command)
{
	return ps2_command(port, &command, 1, NULL, 0, 0);
}

int ps2_set(struct ps2_port *port, uint8_t command, uint8_t parameter)
{
	const uint8_t bytes[] = { command, parameter };

	return ps2_command(port, bytes, 2, NULL, 0, 0);
}
