// SPDX-License-Identifier: MIT
/* echo: what comes goes back to whom it came from. */
#include <inttypes.h>
#include <stdio.h>
#include "command.h"
#include "frame.h"

struct echo {
	struct e1000 *nic;
	const struct e1000_arguments *arguments;
	struct pace pace;
	uint64_t packets, bytes, tags;
};

/* Return: 0, 1 = it is over, -1 = complained. */
static int send_all(struct echo *echo, struct e1000_packet **packets,
		    unsigned count)
{
	const char *name = echo->arguments->device;
	unsigned sent = 0;
	int over;

	for (;;) {
		sent += e1000_tx_burst(echo->nic, packets + sent, count - sent);
		if (sent == count)
			return 0;
		over = pace_check(&echo->pace, echo->nic, name);
		if (over)
			break;
		over = pace_wait(&echo->pace, echo->nic, name, E1000_WAIT_TX);
		if (over)
			break;
	}
	e1000_free(e1000_pool(echo->nic), packets + sent, count - sent);
	return over;
}

static int answer(struct echo *echo)
{
	const struct e1000_arguments *arguments = echo->arguments;
	struct e1000_packet *packets[BURST];
	unsigned most, n;
	int over;

	for (;;) {
		over = pace_check(&echo->pace, echo->nic, arguments->device);
		if (over)
			return over < 0;
		most = BURST;
		if (arguments->count && arguments->count - echo->packets < most)
			most = (unsigned)(arguments->count - echo->packets);
		if (!most)
			return 0;
		n = e1000_rx_burst(echo->nic, packets, most);
		for (unsigned i = 0; i < n; i++) {
			frame_turn(packets[i]->data, packets[i]->length);
			if (packets[i]->status & E1000_RX_VLAN) {
				packets[i]->flags = E1000_TX_VLAN;
				echo->tags++;
			}
			echo->packets++;
			echo->bytes += packets[i]->length;
		}
		if (n)
			over = send_all(echo, packets, n);
		else
			over = pace_wait(&echo->pace, echo->nic,
					 arguments->device, E1000_WAIT_RX);
		if (over)
			return over < 0;
	}
}

int e1000_command_echo(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	struct echo echo = { .nic = nic, .arguments = arguments };
	int status;

	status = e1000_await_link(nic, arguments->device);
	fprintf(stderr, "ready\n");
	pace_start(&echo.pace, arguments);
	if (!status)
		status = answer(&echo);
	if (!status && !e1000_stop_asked && e1000_tx_drain(nic, 10000))
		status = e1000_complain("%s: %s", arguments->device, e1000_error());
	if (arguments->nic.flags & E1000_VLAN_STRIP)
		fprintf(stderr, "%" PRIu64 " tags stripped, and inserted again\n",
			echo.tags);
	fprintf(stderr, "%" PRIu64 " packets echoed, %" PRIu64 " bytes\n",
		echo.packets, echo.bytes);
	return status;
}
