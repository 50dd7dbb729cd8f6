// SPDX-License-Identifier: MIT
/*
 * tap: the NIC as a network interface of the kernel's, by libudrv's net hook.
 *
 * A frame to send is read by the kernel's copy into packets of the pool, of which
 * each slot has enough for 64 KiB; those that it took are sent as one packet of
 * many pieces, and replaced.  What is received goes the other way in the packets
 * that the NIC filled.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include "../service.h"
#include "tap.h"

#define ETHERNET	14
#define VLAN		4

static int say_net(const struct tap *tap)
{
	return e1000_complain("%s: %s", tap->name, usr_error());
}

static int say_nic(const struct tap *tap)
{
	return e1000_complain("%s: %s", tap->name, e1000_error());
}

/* -------------------------------------------------------- what was changed */

static int apply_settings(struct tap *tap)
{
	const struct usr_net_settings *settings = usr_net_settings(tap->net);
	unsigned flags = E1000_ALL_MULTICAST;
	uint8_t mac[6];

	/* The kernel does not tell which groups: it picks them out itself. */
	if (settings->promiscuous)
		flags |= E1000_PROMISCUOUS;
	e1000_mac(tap->nic, mac);
	if (memcmp(mac, settings->mac, sizeof(mac)) &&
	    e1000_set_mac(tap->nic, settings->mac))
		return say_nic(tap);
	if (flags != tap->flags && e1000_set_flags(tap->nic, flags))
		return say_nic(tap);
	tap->flags = flags;
	return 0;
}

static int tell_link(struct tap *tap, const struct e1000_link *link)
{
	if (tap->link_told && link->up == tap->link.up &&
	    link->mbps == tap->link.mbps &&
	    link->full_duplex == tap->link.full_duplex)
		return 0;
	tap->link_told = true;
	tap->link = *link;
	if (usr_net_link(tap->net, link->up, link->mbps, link->full_duplex))
		return say_net(tap);
	if (link->up)
		printf("%s: link up, %u Mb/s\n", usr_net_name(tap->net), link->mbps);
	else
		printf("%s: link down\n", usr_net_name(tap->net));
	return 0;
}

static int look_after(struct tap *tap)
{
	struct e1000_link link;
	int seen = e1000_watch(tap->nic, &link);

	if (seen < 0)
		return say_nic(tap);
	if (seen & E1000_WAS_HUNG)
		fprintf(stderr, "%s: the transmit unit was hung, and was reset\n",
			tap->name);
	return tell_link(tap, &link);
}

static int take_readable(struct tap *tap, int fd)
{
	struct signalfd_siginfo signal;
	uint64_t ticks;

	if (fd == tap->timer)
		return read(fd, &ticks, sizeof(ticks)) > 0 ? look_after(tap) : 0;
	if (fd == tap->signals) {
		if (read(fd, &signal, sizeof(signal)) > 0)
			tap->stop = true;
		return 0;
	}
	return e1000_disarm(tap->nic) ? say_nic(tap) : 0;
}

/* Return: 0 to go on, 1 = complained. */
static int take_events(struct tap *tap, const struct usr_net_event *events,
		       int count)
{
	int i, status = 0;

	for (i = 0; i < count && !status; i++) {
		switch (events[i].kind) {
		case USR_NET_FRAME:
			tap_take_frame(tap, &events[i].frame);
			break;
		case USR_NET_READABLE:
			status = take_readable(tap, events[i].fd);
			break;
		case USR_NET_CHANGED:
			status = apply_settings(tap);
			break;
		case USR_NET_GONE:
			status = e1000_complain("%s: somebody removed the interface %s",
						tap->name, usr_net_name(tap->net));
			break;
		}
	}
	return status;
}

/* --------------------------------------------------------------------- loop */

/* 0 = look again, -1 = sleep, with an interrupt armed; -2 = complained. */
static int timeout_of(struct tap *tap)
{
	unsigned what = E1000_WAIT_RX | (tap->queue_count ? E1000_WAIT_TX : 0);
	unsigned ready;

	if (tap->mode == E1000_POLLED)
		return 0;
	if (tap->mode == E1000_ADAPTIVE && tap->spins < TAP_SPINS) {
		tap->spins++;
		return 0;
	}
	ready = e1000_arm(tap->nic, what);
	if (ready & E1000_WAIT_LINK && look_after(tap))
		return -2;
	return ready ? 0 : -1;
}

static int serve(struct tap *tap)
{
	struct usr_net_event events[TAP_BURST];
	int timeout, count, status = 0;

	while (!tap->stop && !status) {
		if (tap_receive(tap))
			tap->spins = 0;
		timeout = timeout_of(tap);
		if (timeout < -1)
			return 1;
		count = usr_net_wait(tap->net, events, TAP_BURST, timeout);
		tap_give_back(tap);
		if (count < 0 && errno != EINTR)
			return say_net(tap);
		if (count > 0)
			tap->spins = 0;
		status = take_events(tap, events, count);
		tap_send(tap);
	}
	return status;
}

/* ---------------------------------------------------------- start and end */

static int watch_files(struct tap *tap)
{
	const struct itimerspec second = { { 1, 0 }, { 1, 0 } };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	tap->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	tap->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (tap->timer < 0 || tap->signals < 0 ||
	    sigprocmask(SIG_BLOCK, &set, NULL) ||
	    timerfd_settime(tap->timer, 0, &second, NULL))
		return e1000_complain("%s: no timer or signal file: %s", tap->name,
				      strerror(errno));
	/* One that came while the NIC and the interface were made. */
	tap->stop = e1000_stop_asked;
	if (usr_net_watch(tap->net, tap->timer) ||
	    usr_net_watch(tap->net, tap->signals) ||
	    (tap->mode != E1000_POLLED &&
	     usr_net_watch(tap->net, e1000_fd(tap->nic))))
		return say_net(tap);
	return 0;
}

static int make_interface(struct tap *tap,
			  const struct e1000_arguments *arguments)
{
	struct e1000_info info;
	char about[64];
	struct usr_net_interface what = {
		.name = arguments->interface, .about = about,
		.mtu = arguments->mtu,
		.max_mtu = arguments->nic.max_frame - ETHERNET - VLAN,
		.offloads = USR_NET_SUM | USR_NET_TSO4 |
			    (arguments->tso6 ? USR_NET_TSO6 : 0),
		.slots = TAP_SLOTS, .headroom = E1000_HEADROOM,
	};

	e1000_info(tap->nic, &info);
	e1000_mac(tap->nic, what.mac);
	snprintf(about, sizeof(about), "%s %s", info.model, arguments->device);
	tap->net = usr_net_new(&what);
	if (!tap->net)
		return say_net(tap);
	printf("%s is %s%s\n", arguments->device, usr_net_name(tap->net),
	       usr_net_has_ring(tap->net) ? "" : ", without io_uring");
	return 0;
}

/* A driver that could not go on leaves the interface to a successor. */
static void end(struct tap *tap, bool remove)
{
	if (tap->net && remove && usr_net_remove(tap->net))
		say_net(tap);
	usr_net_free(tap->net);
	if (tap->timer >= 0)
		close(tap->timer);
	if (tap->signals >= 0)
		close(tap->signals);
	free(tap);
}

int e1000_command_tap(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	struct tap *tap = calloc(1, sizeof(*tap));
	int status = 1;

	if (!tap)
		return e1000_complain("no memory");
	tap->nic = nic;
	tap->name = arguments->device;
	tap->mode = arguments->nic.mode;
	tap->timer = tap->signals = -1;
	if (!make_interface(tap, arguments) && !watch_files(tap) &&
	    !apply_settings(tap) && !look_after(tap) && !tap_prepare(tap)) {
		if (arguments->service)
			service_is_ready("%s is %s", arguments->device,
					 usr_net_name(tap->net));
		status = serve(tap);
	}
	if (tap->stop)
		e1000_tx_drain(nic, 1000);
	end(tap, tap->stop && !arguments->keep);
	return status;
}
