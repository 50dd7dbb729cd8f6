// SPDX-License-Identifier: MIT
/*
 * The net hook by io_uring: one system call hands over what was received, waits,
 * and comes back with what is to be sent.
 *
 * Reads are a chain of hard-linked requests: only its head waits for the tap, so
 * that a frame that comes wakes one request and not all, and the frames that
 * are behind it fill the next ones in the same call, in order.  A new chain is
 * made when the last one is used up.
 *
 * Writes complete while they are submitted, since a tap copies at once.
 */
#include <liburing.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <stdlib.h>

#include "block.h"
#include "net.h"

#define RING_QUESTIONS	512
#define RING_ANSWERS	2048
#define RING_CHAIN	32	/* reads; more than 64 KiB frames ever come at once */
#define RING_TAP	0	/* the registered file */

/* What an entry is about: 16 bits, 8 of generation, 16 of slot or watch. */
enum ring_about {
	RING_READ,
	RING_WRITE,
	RING_WATCH,
	RING_LISTENER,
	RING_IGNORE,
};

struct net_ring {
	struct usr_net *net;
	struct io_uring ring;
	bool has_ring;
	bool listening;
	unsigned unarmed;	/* bit per watch */
	unsigned reading;	/* of the chain */
	unsigned writing;
};

static struct net_ring *net_ring(struct usr_net *net)
{
	return net->state;
}

static uint64_t net_about(enum ring_about about, unsigned generation,
			  unsigned index)
{
	return (uint64_t)about << 24 | generation << 16 | index;
}

/* --- setting up */

static int net_ring_make(struct net_ring *r)
{
	/*
	 * Best first; TASKRUN_FLAG, so that polling sees when a call is due.
	 * Not DEFER_TASKRUN: with it 6.1 goes on with a chain by one read a call.
	 */
	static const unsigned ways[] = {
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	struct io_uring_sync_cancel_reg none = {
		.flags = IORING_ASYNC_CANCEL_ANY,
		.timeout = { .tv_sec = -1, .tv_nsec = -1 },
	};
	int result = 0;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct io_uring_params params = {
			.flags = ways[i] | IORING_SETUP_CQSIZE,
			.cq_entries = RING_ANSWERS,
		};

		result = io_uring_queue_init_params(RING_QUESTIONS, &r->ring,
						    &params);
		if (result == -EINVAL)
			continue;
		r->has_ring = !result;
		/*
		 * 6.0: else reads go on for a while when usr_net_free() has
		 * returned, into memory that may be another's by then.
		 */
		if (!result && io_uring_register_sync_cancel(&r->ring, &none) ==
			       -EINVAL)
			result = -ENOSYS;
		break;
	}
	return result;
}

/* Whatever is in the way: the other engine is there. */
static int net_ring_open(struct usr_net *net)
{
	struct net_ring *r = calloc(1, sizeof(*r));
	int result;

	if (!r)
		return usr_fail(ENOMEM, "usr_net_new: no memory");
	net->state = r;
	r->net = net;
	result = net_ring_make(r);
	if (!result)
		result = io_uring_register_files(&r->ring, &net->tap.fd, 1);
	if (result)
		return usr_fail(EOPNOTSUPP, "usr_net_new: no io_uring: %s",
				strerror(-result));
	/* Who forks must not keep the interface alive by it. */
	io_uring_ring_dontfork(&r->ring);
	/* Saves looking it up at each call. */
	io_uring_register_ring_fd(&r->ring);
	return 0;
}

/*
 * The kernel ends a ring in its own time, and until then it holds the tap: so
 * have it let go now, where it can be told to (6.0).  When the head of a chain
 * is cancelled the next read begins, so one by one.
 */
static void net_let_go(struct net_ring *r)
{
	struct io_uring_sync_cancel_reg all = {
		.flags = IORING_ASYNC_CANCEL_ANY,
		.timeout = { .tv_sec = -1, .tv_nsec = -1 },
	};
	struct io_uring_cqe *cqe;
	unsigned head, seen, i;
	int result;

	for (i = 0; i < 2 * RING_CHAIN && r->reading; i++) {
		result = io_uring_register_sync_cancel(&r->ring, &all);
		if (result < 0 && result != -ENOENT)
			return;
		io_uring_submit_and_get_events(&r->ring);
		seen = 0;
		io_uring_for_each_cqe(&r->ring, head, cqe) {
			r->reading -= cqe->user_data >> 24 == RING_READ;
			seen++;
		}
		io_uring_cq_advance(&r->ring, seen);
	}
	if (!r->reading)
		io_uring_unregister_files(&r->ring);
}

static void net_ring_close(struct usr_net *net)
{
	struct net_ring *r = net_ring(net);

	if (r && r->has_ring) {
		net_let_go(r);
		io_uring_queue_exit(&r->ring);
	}
	free(r);
	net->state = NULL;
}

/* --- questions */

static struct io_uring_sqe *net_sqe(struct net_ring *r)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);

	if (!sqe) {
		io_uring_submit(&r->ring);
		r->net->statistics.calls++;
		sqe = io_uring_get_sqe(&r->ring);
	}
	return sqe;
}

/* A chain must be submitted whole. */
static void net_read(struct net_ring *r)
{
	struct usr_net *net = r->net;
	unsigned i, count = net->ready_count < RING_CHAIN ? net->ready_count :
			    RING_CHAIN;

	if (io_uring_sq_space_left(&r->ring) < count) {
		io_uring_submit(&r->ring);
		net->statistics.calls++;
	}
	if (io_uring_sq_space_left(&r->ring) < count)
		return;
	for (i = 0; i < count; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(&r->ring);
		unsigned index = usr_net_next_slot(net);
		const struct net_slot *slot = &net->slots[index];

		if (slot->count == 1)
			io_uring_prep_read(sqe, RING_TAP, slot->pieces[0].iov_base,
					   (unsigned)slot->pieces[0].iov_len, 0);
		else
			io_uring_prep_readv(sqe, RING_TAP, slot->pieces,
					    slot->count, 0);
		sqe->flags = IOSQE_FIXED_FILE;
		if (i + 1 < count)
			sqe->flags |= IOSQE_IO_HARDLINK;
		sqe->user_data = net_about(RING_READ, 0, index);
	}
	r->reading = count;
}

static void net_write(struct net_ring *r, struct net_out *out)
{
	struct io_uring_sqe *sqe = net_sqe(r);
	const struct iovec *pieces;
	unsigned count = usr_net_out_pieces(r->net, out, &pieces);

	if (!sqe) {
		usr_net_taken(r->net, -EAGAIN);
		return;
	}
	if (count == 1)
		io_uring_prep_write(sqe, RING_TAP, pieces[0].iov_base,
				    (unsigned)pieces[0].iov_len, 0);
	else
		io_uring_prep_writev(sqe, RING_TAP, pieces, count, 0);
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->user_data = net_about(RING_WRITE, 0, 0);
	r->writing++;
}

static bool net_poll(struct net_ring *r, int fd, uint64_t about)
{
	struct io_uring_sqe *sqe = net_sqe(r);

	if (!sqe)
		return false;
	io_uring_prep_poll_add(sqe, fd, POLLIN);
	sqe->user_data = about;
	return true;
}

/*
 * A poll of its own for each event: it looks at the file when it is armed, so
 * what came after the driver's last read is not lost.
 */
static void net_arm(struct net_ring *r)
{
	unsigned i;

	for (i = 0; r->unarmed && i < USR_NET_MAX_WATCHES; i++) {
		struct net_watch *watch = &r->net->watches[i];

		if (!(r->unarmed & 1u << i))
			continue;
		if (!net_poll(r, watch->fd,
			      net_about(RING_WATCH, watch->generation, i)))
			return;
		watch->armed = true;
		r->unarmed &= ~(1u << i);
	}
	if (!r->listening && !r->net->gone)
		r->listening = net_poll(r, nl_socket_get_fd(r->net->listener),
					net_about(RING_LISTENER, 0, 0));
}

static void net_write_all(struct net_ring *r)
{
	unsigned i;

	for (i = 0; i < r->net->merge.count; i++)
		net_write(r, &r->net->merge.outs[i]);
	r->net->merge.count = 0;
}

static void net_ask_all(struct net_ring *r)
{
	net_write_all(r);
	/* What is kept still has its events: no second one for its watch. */
	if (!r->net->kept_count && (r->unarmed || !r->listening))
		net_arm(r);
	if (!r->reading && r->net->ready_count && !r->net->gone)
		net_read(r);
}

static void net_ring_watch(struct usr_net *net, unsigned watch)
{
	net_ring(net)->unarmed |= 1u << watch;
}

static void net_ring_unwatch(struct usr_net *net, unsigned watch)
{
	struct net_ring *r = net_ring(net);
	struct net_watch *one = &net->watches[watch];
	struct io_uring_sqe *sqe;

	r->unarmed &= ~(1u << watch);
	if (!one->armed)
		return;
	one->armed = false;
	sqe = net_sqe(r);
	if (!sqe)
		return;		/* it fires once more, and is ignored */
	io_uring_prep_poll_remove(sqe, net_about(RING_WATCH, one->generation, watch));
	sqe->user_data = net_about(RING_IGNORE, 0, 0);
	/* The file may be closed next. */
	io_uring_submit(&r->ring);
	net->statistics.calls++;
}

/* --- answers */

static void net_readable(struct net_ring *r, unsigned index, unsigned generation)
{
	struct net_watch *watch = &r->net->watches[index];

	if (watch->fd < 0 || watch->generation != generation)
		return;
	watch->armed = false;
	r->unarmed |= 1u << index;
	usr_net_event_add(r->net, USR_NET_READABLE)->fd = watch->fd;
}

static void net_answer(struct net_ring *r, uint64_t about, int result)
{
	unsigned index = (unsigned)about & 0xffff;

	switch ((unsigned)(about >> 24)) {
	case RING_READ:
		r->reading--;
		usr_net_filled(r->net, index, result);
		break;
	case RING_WRITE:
		r->writing--;
		usr_net_taken(r->net, result);
		break;
	case RING_WATCH:
		net_readable(r, index, (unsigned)(about >> 16) & 0xff);
		break;
	case RING_LISTENER:
		r->listening = false;
		if (usr_net_link_heard(r->net->listener, r->net->index))
			usr_net_told(r->net);
		break;
	default:
		break;
	}
}

static void net_answers(struct net_ring *r)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	io_uring_for_each_cqe(&r->ring, head, cqe) {
		seen++;
		net_answer(r, cqe->user_data, cqe->res);
	}
	io_uring_cq_advance(&r->ring, seen);
}

/* --- waiting */

/* Submit; have the kernel do what is due; sleep until @wanted answers are there. */
static int net_enter(struct net_ring *r, unsigned wanted, int timeout_ms)
{
	struct __kernel_timespec limit = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000LL,
	};
	struct io_uring_cqe *cqe;

	r->net->statistics.calls++;
	if (!wanted)
		return io_uring_submit_and_get_events(&r->ring);
	if (timeout_ms < 0)
		return io_uring_submit_and_wait(&r->ring, wanted);
	return io_uring_submit_and_wait_timeout(&r->ring, &cqe, wanted, &limit,
						NULL);
}

/* Writes that were not done at once.  Only their memory is waited for. */
static int net_ring_finish(struct net_ring *r)
{
	int result;

	while (r->writing) {
		result = net_enter(r, 1, -1);
		net_answers(r);
		if (result < 0 && result != -EINTR && result != -EAGAIN &&
		    result != -EBUSY)
			return usr_fail(-result, "io_uring_enter: %s",
					strerror(-result));
	}
	return 0;
}

static int net_ring_send(struct usr_net *net)
{
	struct net_ring *r = net_ring(net);

	/* Nothing is armed, so that each slot and watch has one event at most. */
	net_write_all(r);
	net_enter(r, r->writing, -1);
	net_answers(r);
	return net_ring_finish(r);
}

/* Is there anything a call would change? */
static bool net_is_idle(const struct net_ring *r)
{
	return !io_uring_sq_ready(&r->ring) &&
	       !(__atomic_load_n(r->ring.sq.kflags, __ATOMIC_RELAXED) &
		 (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/*
 * The kernel clears the flag when it begins, and what a chain does meanwhile
 * sets it again: it would stay set for good, and each look cost a call.  What is
 * due before the call is done by it, what comes later sets the flag anew.
 */
static void net_clear_due(const struct net_ring *r)
{
	__atomic_fetch_and(r->ring.sq.kflags, ~IORING_SQ_TASKRUN,
			   __ATOMIC_RELAXED);
}

/* Once.  Return: 0, or -errno; -ETIME when time is up. */
static int net_turn(struct net_ring *r, int timeout_ms)
{
	unsigned there = io_uring_cq_ready(&r->ring), wanted;
	int result = 0;

	net_ask_all(r);
	/* Each write answers, too; what is there already need not be waited for. */
	wanted = timeout_ms && !there ? r->writing + 1 : r->writing;
	if (wanted || !net_is_idle(r)) {
		if (!timeout_ms)
			net_clear_due(r);
		result = net_enter(r, wanted, timeout_ms);
	}
	if (timeout_ms && result >= 0 && io_uring_cq_ready(&r->ring) < wanted)
		result = -EINTR;	/* or late: it tells what it submitted */
	net_answers(r);
	return result;
}

static int net_ring_wait(struct usr_net *net, int timeout_ms)
{
	struct net_ring *r = net_ring(net);
	uint64_t end = timeout_ms > 0 ? usr_block_now_ms() + (unsigned)timeout_ms : 0;
	int left = timeout_ms, result;

	for (;;) {
		result = net_turn(r, left);
		if (r->writing && net_ring_finish(r))
			return -1;
		if (net->event_count)
			return 0;
		if (result == -EINTR && (timeout_ms <= 0 || usr_block_now_ms() < end))
			return usr_fail_constant(EINTR, "a signal ended the wait");
		if (result < 0 && result != -ETIME && result != -EAGAIN &&
		    result != -EBUSY && result != -EINTR)
			return usr_fail(-result, "io_uring_enter: %s",
					strerror(-result));
		if (!timeout_ms || result == -ETIME)
			return 0;
		if (timeout_ms > 0) {
			left = (int)(end - usr_block_now_ms());
			if (left <= 0)
				return 0;
		}
	}
}

const struct net_engine usr_net_ring = {
	.open = net_ring_open,
	.close = net_ring_close,
	.send = net_ring_send,
	.wait = net_ring_wait,
	.watch = net_ring_watch,
	.unwatch = net_ring_unwatch,
};
