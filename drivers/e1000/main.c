// SPDX-License-Identifier: MIT
/* udrv-e1000: see options.c for what it can do. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <udrv.h>
#include <unistd.h>
#include "../service.h"
#include "command.h"

#define WATCH_NS		1000000000ull
#define LINK_PATIENCE_MS	3000	/* auto-negotiation may have just begun */

volatile sig_atomic_t e1000_stop_asked;

static void on_signal(int number)
{
	(void)number;
	e1000_stop_asked = 1;
}

uint64_t e1000_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void e1000_nap(unsigned ms)
{
	const struct timespec pause = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&pause, NULL);
}

void pace_start(struct pace *pace, const struct e1000_arguments *arguments)
{
	pace->start = e1000_clock_ns();
	pace->end = arguments->milliseconds ?
		    pace->start + arguments->milliseconds * 1000000 : UINT64_MAX;
	pace->next_watch = pace->start;
}

int pace_check(struct pace *pace, struct e1000 *nic, const char *name)
{
	uint64_t now = e1000_clock_ns();
	struct e1000_link link;
	int seen;

	if (e1000_stop_asked || now >= pace->end)
		return 1;
	if (now < pace->next_watch)
		return 0;
	pace->next_watch = now + WATCH_NS;
	seen = e1000_watch(nic, &link);
	if (seen < 0) {
		e1000_complain("%s: %s", name, e1000_error());
		return -1;
	}
	if (seen & E1000_WAS_HUNG)
		fprintf(stderr, "%s: the transmit unit was hung, and was reset\n",
			name);
	if (seen & E1000_LINK_CHANGED && link.up)
		fprintf(stderr, "%s: link up, %u Mb/s\n", name, link.mbps);
	else if (seen & E1000_LINK_CHANGED)
		fprintf(stderr, "%s: link down\n", name);
	return 0;
}

int pace_left(const struct pace *pace)
{
	uint64_t until = pace->next_watch < pace->end ? pace->next_watch :
			 pace->end;
	uint64_t now = e1000_clock_ns();

	return now >= until ? 0 : (int)((until - now + 999999) / 1000000);
}

int pace_wait(struct pace *pace, struct e1000 *nic, const char *name,
	      unsigned what)
{
	int came = e1000_wait(nic, what, pace_left(pace));

	if (came > 0 && came & E1000_WAIT_LINK)
		pace->next_watch = 0;
	if (came >= 0 || errno == ETIMEDOUT || errno == EINTR)
		return 0;
	e1000_complain("%s: %s", name, e1000_error());
	return -1;
}

int e1000_await_link(struct e1000 *nic, const char *name)
{
	struct e1000_link link;

	for (int i = 0; i < LINK_PATIENCE_MS / 50 && !e1000_stop_asked; i++) {
		if (e1000_watch(nic, &link) < 0)
			return e1000_complain("%s: %s", name, e1000_error());
		if (link.up)
			return 0;
		e1000_nap(50);
	}
	if (!e1000_stop_asked)
		fprintf(stderr, "%s: there is no link\n", name);
	return 0;
}

struct e1000 *e1000_open_device(const char *name, int fd, bool *bound,
				const struct e1000_arguments *arguments,
				struct e1000_pool *pool)
{
	struct e1000_options options = arguments->nic;
	struct e1000 *nic;

	*bound = false;
	if (fd < 0)
		fd = usr_open_or_bind(name, O_RDWR, bound);
	if (fd < 0) {
		e1000_complain("%s", usr_error());
		return NULL;
	}
	if (*bound)
		fprintf(stderr, "bound %s to udrv\n", name);
	options.pool = pool;
	/* Both ports have to find what they need. */
	if (arguments->command == E1000_FORWARD)
		options.buffers = 4 * (options.rx_ring ? options.rx_ring : 256) +
				  512;
	nic = e1000_open_fd(fd, &options);
	if (!nic) {
		e1000_complain("%s: %s", name, e1000_error());
		close(fd);
		/* It may not be such a NIC at all: leave it as it was. */
		if (*bound && !usr_unbind(name))
			fprintf(stderr, "unbound %s again\n", name);
		return NULL;
	}
	e1000_set_multicast(nic, (const uint8_t (*)[6])arguments->groups,
			    arguments->group_count);
	e1000_set_vlans(nic, arguments->vlans, arguments->vlan_count);
	return nic;
}

static int run(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	static int (*const commands[])(struct e1000 *,
				       const struct e1000_arguments *) = {
		[E1000_INFO] = e1000_command_info,
		[E1000_STATS] = e1000_command_stats,
		[E1000_SEND] = e1000_command_send,
		[E1000_CAPTURE] = e1000_command_capture,
		[E1000_ECHO] = e1000_command_echo,
		[E1000_FORWARD] = e1000_command_forward,
		[E1000_TAP] = e1000_command_tap,
	};
	int status = commands[arguments->command](nic, arguments);

	if (arguments->counters)
		e1000_show_counters(nic, arguments->device);
	return status;
}

int main(int argc, char **argv)
{
	/* No SA_RESTART: a wait is to end. */
	const struct sigaction stop = { .sa_handler = on_signal };
	struct e1000_arguments arguments;
	struct e1000 *nic;
	bool bound;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A reader that goes is an error like any other. */
	signal(SIGPIPE, SIG_IGN);
	status = e1000_parse(&arguments, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	sigaction(SIGINT, &stop, NULL);
	sigaction(SIGTERM, &stop, NULL);
	if (arguments.service) {
		arguments.fd = service_device(arguments.device);
		if (arguments.fd < 0)
			return e1000_complain("%s", usr_error());
	}
	nic = e1000_open_device(arguments.device, arguments.fd, &bound,
				&arguments, NULL);
	if (!nic)
		return 1;
	status = run(nic, &arguments);
	e1000_close(nic);
	if (fflush(stdout) || ferror(stdout))
		return 1;
	return status;
}
