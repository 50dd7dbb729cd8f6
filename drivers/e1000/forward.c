// SPDX-License-Identifier: MIT
/* forward: from each of two NICs to the other, in the same buffers. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include "command.h"

/* One of the two, and what it received that the other has not sent yet. */
struct port {
	struct e1000 *nic;
	const char *name;
	struct pace pace;
	struct e1000_packet *packets[BURST];
	unsigned first, count;
	uint64_t taken, bytes;		/* received here and sent there */
};

/* Return: did something move? */
static bool move(struct port *from, struct port *to)
{
	unsigned sent;

	if (!from->count) {
		from->first = 0;
		from->count = e1000_rx_burst(from->nic, from->packets, BURST);
		if (!from->count)
			return false;
		from->taken += from->count;
		for (unsigned i = 0; i < from->count; i++)
			from->bytes += from->packets[i]->length;
	}
	sent = e1000_tx_burst(to->nic, from->packets + from->first, from->count);
	from->first += sent;
	from->count -= sent;
	return sent;
}

/* What this port has to wait for. */
static unsigned wanted(const struct port *port, const struct port *other)
{
	return (port->count ? 0 : E1000_WAIT_RX) |
	       (other->count ? E1000_WAIT_TX : 0);
}

/* Both at once: their files, armed before. */
static int sleep_for_both(struct port ports[2])
{
	struct pollfd files[2];
	int left;

	for (int i = 0; i < 2; i++) {
		struct port *port = &ports[i];
		unsigned ready = e1000_arm(port->nic,
					   wanted(port, &ports[1 - i]));

		if (ready & E1000_WAIT_LINK)
			port->pace.next_watch = 0;
		if (ready)
			return 0;
		files[i] = (struct pollfd) {
			.fd = e1000_fd(port->nic), .events = POLLIN,
		};
	}
	left = pace_left(&ports[0].pace);
	if (poll(files, 2, left) < 0 && errno != EINTR)
		return e1000_complain("poll: %s", strerror(errno));
	for (int i = 0; i < 2; i++) {
		if (files[i].revents && e1000_disarm(ports[i].nic))
			return e1000_complain("%s: %s", ports[i].name,
					      e1000_error());
	}
	return 0;
}

static int forward(struct port ports[2], const struct e1000_arguments *arguments)
{
	bool sleeps = arguments->nic.mode != E1000_POLLED;
	unsigned idle = 0;

	for (;;) {
		bool moved = move(&ports[0], &ports[1]);

		moved |= move(&ports[1], &ports[0]);
		if (arguments->count && ports[0].taken + ports[1].taken >=
					arguments->count &&
		    !ports[0].count && !ports[1].count)
			return 0;
		for (int i = 0; i < 2; i++) {
			int over = pace_check(&ports[i].pace, ports[i].nic,
					      ports[i].name);

			if (over)
				return over < 0;
		}
		idle = moved ? 0 : idle + 1;
		if (!sleeps || moved ||
		    (arguments->nic.mode == E1000_ADAPTIVE && idle < 2000))
			continue;
		if (sleep_for_both(ports))
			return 1;
	}
}

static int forward_both(struct e1000 *nic, struct e1000 *other,
			const struct e1000_arguments *arguments)
{
	struct port ports[2] = {
		{ .nic = nic, .name = arguments->device },
		{ .nic = other, .name = arguments->other },
	};
	int status = e1000_await_link(nic, arguments->device) ||
		     e1000_await_link(other, arguments->other);

	fprintf(stderr, "ready\n");
	pace_start(&ports[0].pace, arguments);
	pace_start(&ports[1].pace, arguments);
	if (!status)
		status = forward(ports, arguments);
	for (int i = 0; i < 2; i++) {
		struct port *port = &ports[i];

		e1000_free(e1000_pool(nic), port->packets + port->first,
			   port->count);
		if (!status && !e1000_stop_asked)
			e1000_tx_drain(port->nic, 10000);
		fprintf(stderr, "%s to %s: %" PRIu64 " packets, %" PRIu64 " bytes\n",
			port->name, ports[1 - i].name, port->taken - port->count,
			port->bytes);
	}
	return status;
}

int e1000_command_forward(struct e1000 *nic,
			  const struct e1000_arguments *arguments)
{
	struct e1000 *other;
	bool bound;
	int status;

	other = e1000_open_device(arguments->other, -1, &bound, arguments,
				  e1000_pool(nic));
	if (!other)
		return 1;
	status = forward_both(nic, other, arguments);
	if (arguments->counters)
		e1000_show_counters(other, arguments->other);
	e1000_close(other);
	return status;
}
