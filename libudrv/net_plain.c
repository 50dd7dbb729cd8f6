// SPDX-License-Identifier: MIT
/*
 * The net hook without io_uring: a system call for each frame, and one to wait.
 * For kernels before 6.0, and where kernel.io_uring_disabled is set.
 */
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <unistd.h>

#include "block.h"
#include "net.h"

#define PLAIN_TAP	USR_NET_MAX_WATCHES
#define PLAIN_LISTENER	(PLAIN_TAP + 1)
#define PLAIN_FILES	(PLAIN_LISTENER + 1)

static int net_plain_open(struct usr_net *net)
{
	(void)net;
	return 0;
}

static void net_plain_close(struct usr_net *net)
{
	(void)net;
}

static void net_plain_watch(struct usr_net *net, unsigned watch)
{
	(void)net;
	(void)watch;
}

static int net_plain_send(struct usr_net *net)
{
	const struct iovec *pieces;
	unsigned i, count;
	ssize_t done;

	for (i = 0; i < net->merge.count; i++) {
		count = usr_net_out_pieces(net, &net->merge.outs[i], &pieces);
		do
			done = writev(net->tap.fd, pieces, (int)count);
		while (done < 0 && errno == EINTR);
		net->statistics.calls++;
		usr_net_taken(net, done < 0 ? -errno : 0);
	}
	return 0;
}

/* As many as there are, up to the slots and the caller's array. */
static void net_plain_receive(struct usr_net *net)
{
	const struct net_slot *slot;
	unsigned index;
	ssize_t got;

	while (net->ready_count && net->event_count < net->capacity && !net->gone) {
		slot = &net->slots[net->ready[net->ready_head]];
		got = readv(net->tap.fd, slot->pieces, (int)slot->count);
		net->statistics.calls++;
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno != EBADFD)
			break;
		index = usr_net_next_slot(net);
		usr_net_filled(net, index, got < 0 ? -errno : (int)got);
	}
}

static void net_plain_files(const struct usr_net *net, struct pollfd *files)
{
	bool taps = !net->gone && net->ready_count;
	unsigned i;

	for (i = 0; i < USR_NET_MAX_WATCHES; i++)
		files[i] = (struct pollfd){ net->watches[i].fd, POLLIN, 0 };
	files[PLAIN_TAP] = (struct pollfd){ taps ? net->tap.fd : -1, POLLIN, 0 };
	files[PLAIN_LISTENER] = (struct pollfd){
		net->gone ? -1 : nl_socket_get_fd(net->listener), POLLIN, 0,
	};
}

static void net_plain_events(struct usr_net *net, const struct pollfd *files)
{
	unsigned i;

	for (i = 0; i < USR_NET_MAX_WATCHES; i++)
		if (files[i].revents)
			usr_net_event_add(net, USR_NET_READABLE)->fd = files[i].fd;
	if (files[PLAIN_LISTENER].revents &&
	    usr_net_link_heard(net->listener, net->index))
		usr_net_told(net);
	if (files[PLAIN_TAP].revents)
		net_plain_receive(net);
}

static int net_plain_wait(struct usr_net *net, int timeout_ms)
{
	uint64_t end = timeout_ms > 0 ? usr_block_now_ms() + (unsigned)timeout_ms : 0;
	struct pollfd files[PLAIN_FILES];
	int left = timeout_ms, result;

	net_plain_send(net);
	/* The caller's array is full: what is readable is so the next time, too. */
	if (net->kept_count)
		return 0;
	for (;;) {
		net->merge.count = 0;
		net_plain_files(net, files);
		result = poll(files, PLAIN_FILES, left);
		net->statistics.calls++;
		if (result < 0)
			return usr_fail(errno, "usr_net_wait: %s", strerror(errno));
		net_plain_events(net, files);
		if (net->event_count || !timeout_ms)
			return 0;
		if (timeout_ms > 0) {
			left = (int)(end - usr_block_now_ms());
			if (left <= 0)
				return 0;
		}
	}
}

const struct net_engine usr_net_plain = {
	.open = net_plain_open,
	.close = net_plain_close,
	.send = net_plain_send,
	.wait = net_plain_wait,
	.watch = net_plain_watch,
	.unwatch = net_plain_watch,
};
