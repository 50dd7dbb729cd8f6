// SPDX-License-Identifier: MIT
/*
 * A disk by ublk: the requests' way.
 *
 * Each tag has one command in the ring that ends when the kernel has a request
 * for it (FETCH), and whose successor answers that request and waits for the
 * next (COMMIT_AND_FETCH).  Answers, watches and control commands are only
 * prepared where they arise; io_uring_enter() in wait() submits all and sleeps.
 */
#include <poll.h>
#include <unistd.h>

#include "block_ublk.h"

/* Nothing may get lost: all tags, watches, helpers and control commands. */
#define UBLK_ANSWERS	4096
#define UBLK_QUESTIONS	128

static struct ublk_disk *usr_ublk_disk(struct usr_block_server *server,
				       unsigned index)
{
	return (struct ublk_disk *)server->disks[index];
}

/* A cleared entry; the ring is emptied into the kernel when it is full. */
struct io_uring_sqe *usr_ublk_sqe(struct ublk_server *server)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&server->ring);

	if (!sqe) {
		io_uring_submit(&server->ring);
		sqe = io_uring_get_sqe(&server->ring);
	}
	if (sqe)
		memset(sqe, 0, sizeof(*sqe) + 64);
	else
		usr_fail_constant(EAGAIN, "the kernel takes no more from the ring");
	return sqe;
}

/* --- a server */

static int usr_ublk_ring(struct ublk_server *server)
{
	/* Best first: the last is for 5.19, which is older than ublk. */
	static const unsigned ways[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
		IORING_SETUP_COOP_TASKRUN,
		0,
	};
	int result = 0;
	size_t i;

	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		struct io_uring_params params = {
			.flags = ways[i] | IORING_SETUP_SQE128 |
				IORING_SETUP_CQSIZE,
			.cq_entries = UBLK_ANSWERS,
		};

		result = io_uring_queue_init_params(UBLK_QUESTIONS,
						    &server->ring, &params);
		if (result != -EINVAL)
			break;
	}
	if (result)
		return usr_fail(-result, "no io_uring for ublk: %s (see kernel.io_uring_disabled, and `ulimit -l`)",
				strerror(-result));
	server->has_ring = true;
	/* Who forks must not keep the disks alive by it. */
	io_uring_ring_dontfork(&server->ring);
	/* Saves looking it up at each call; fails on no kernel that has ublk. */
	io_uring_register_ring_fd(&server->ring);
	return 0;
}

static int usr_ublk_open(struct usr_block_server *base)
{
	struct ublk_server *server = (struct ublk_server *)base;

	server->control.fd = -1;
	if (usr_ublk_control_open(&server->control))
		return -1;
	return usr_ublk_ring(server);
}

static void usr_ublk_close(struct usr_block_server *base)
{
	struct ublk_server *server = (struct ublk_server *)base;
	unsigned i;

	if (server->has_ring)
		io_uring_queue_exit(&server->ring);
	for (i = 0; i < base->disk_count; i++)
		usr_ublk_release(usr_ublk_disk(base, i));
	usr_ublk_control_close(&server->control);
}

/* --- watches */

static int usr_ublk_poll(struct ublk_server *server, int fd, uint64_t about)
{
	struct io_uring_sqe *sqe = usr_ublk_sqe(server);

	if (!sqe)
		return -1;
	io_uring_prep_poll_add(sqe, fd, POLLIN);
	sqe->user_data = about;
	return 0;
}

static int usr_ublk_helper(struct block_disk *disk)
{
	return usr_ublk_poll(usr_ublk_server(disk), disk->helper.pipe,
			     usr_ublk_about(UBLK_HELPER, disk->index, 0));
}

static int usr_ublk_watch(struct usr_block_server *base, unsigned watch)
{
	base->watches[watch].armed = false;
	base->watches[watch].generation++;
	base->unarmed |= 1u << watch;
	return 0;
}

static void usr_ublk_unwatch(struct usr_block_server *base, unsigned watch)
{
	struct block_watch *one = &base->watches[watch];
	struct io_uring_sqe *sqe;

	base->unarmed &= ~(1u << watch);
	if (!one->armed)
		return;
	sqe = usr_ublk_sqe((struct ublk_server *)base);
	if (!sqe)
		return;		/* it fires once more, and is ignored */
	io_uring_prep_poll_remove(sqe, usr_ublk_about(UBLK_WATCH, watch,
						      one->generation));
	sqe->user_data = usr_ublk_about(UBLK_IGNORE, 0, 0);
}

/*
 * A poll of its own for each event, not one for all: it looks at the file when
 * it is armed, so what came after the driver's last read is not lost, and the
 * driver need not read once more only to see that there is nothing.
 */
static void usr_ublk_arm(struct ublk_server *server)
{
	struct block_watch *one;
	unsigned i;

	for (i = 0; i < USR_BLOCK_MAX_WATCHES; i++) {
		if (!(server->base.unarmed & 1u << i))
			continue;
		one = &server->base.watches[i];
		if (usr_ublk_poll(server, one->fd,
				  usr_ublk_about(UBLK_WATCH, i, one->generation)))
			return;
		one->armed = true;
		server->base.unarmed &= ~(1u << i);
	}
}

static void usr_ublk_readable(struct usr_block_server *base, unsigned watch,
			      unsigned generation, struct block_events *events)
{
	struct block_watch *one = &base->watches[watch];

	if (one->fd < 0 || one->generation != generation)
		return;
	one->armed = false;
	base->unarmed |= 1u << watch;
	usr_block_event_add(events, USR_BLOCK_READABLE, NULL)->fd = one->fd;
}

/* --- requests */

static int usr_ublk_io(struct ublk_disk *disk, unsigned op, unsigned tag,
		       int result)
{
	struct ublk_server *server = usr_ublk_server(&disk->base);
	struct io_uring_sqe *sqe = usr_ublk_sqe(server);
	struct ublksrv_io_cmd *command;

	if (!sqe)
		return -1;
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = disk->device;
	sqe->cmd_op = usr_ublk_op(&server->control, op);
	sqe->user_data = usr_ublk_about(UBLK_REQUEST, disk->base.index, tag);
	command = (struct ublksrv_io_cmd *)sqe->cmd;
	command->tag = (uint16_t)tag;
	command->result = result;
	command->addr = (uintptr_t)usr_block_buffer(&disk->base,
						    USR_BLOCK_OP_READ, tag);
	return 0;
}

int usr_ublk_fetch_all(struct ublk_disk *disk)
{
	unsigned tag;

	for (tag = 0; tag < disk->base.what.depth; tag++)
		if (usr_ublk_io(disk, UBLK_U_IO_FETCH_REQ, tag, 0))
			return -1;
	return 0;
}

static int usr_ublk_complete(struct block_disk *base, unsigned tag, int error)
{
	struct ublk_disk *disk = (struct ublk_disk *)base;
	const struct ublksrv_io_desc *request = &disk->requests[tag];
	unsigned op;
	int result = -error;

	if (!disk->open[tag])
		return usr_fail(EINVAL, "%s: tag %u is not open", base->path, tag);
	op = ublksrv_get_op(request);
	if (!error && (op == UBLK_IO_OP_READ || op == UBLK_IO_OP_WRITE))
		result = (int)(request->nr_sectors * BLOCK_SECTOR);
	if (usr_ublk_io(disk, UBLK_U_IO_COMMIT_AND_FETCH_REQ, tag, result))
		return -1;
	disk->open[tag] = false;
	return 0;
}

/* A tag's command ended without a request: the disk is going. */
static void usr_ublk_end_tag(struct ublk_disk *disk, int result)
{
	if (result != UBLK_IO_RES_ABORT)
		usr_block_blame(&disk->base, result < 0 ? -result : EPROTO,
				"fetching a request");
	if (++disk->ended == disk->base.what.depth)
		usr_ublk_ended(disk);
}

static void usr_ublk_request(struct ublk_disk *disk, unsigned tag, int result,
			     struct block_events *events)
{
	static const int8_t ops[] = {
		[UBLK_IO_OP_READ] = USR_BLOCK_OP_READ,
		[UBLK_IO_OP_WRITE] = USR_BLOCK_OP_WRITE,
		[UBLK_IO_OP_FLUSH] = USR_BLOCK_OP_FLUSH,
		[UBLK_IO_OP_DISCARD] = USR_BLOCK_OP_DISCARD,
	};
	const struct ublksrv_io_desc *request = &disk->requests[tag];
	struct usr_block_event *event;
	uint64_t offset, bytes;
	unsigned op;
	int error = EOPNOTSUPP;

	if (result != UBLK_IO_RES_OK) {
		usr_ublk_end_tag(disk, result);
		return;
	}
	disk->open[tag] = true;
	op = ublksrv_get_op(request);
	offset = request->start_sector * BLOCK_SECTOR;
	bytes = (uint64_t)request->nr_sectors * BLOCK_SECTOR;
	if (op < sizeof(ops))
		error = usr_block_check(&disk->base, (enum usr_block_op)ops[op],
					offset, bytes);
	if (error) {
		usr_ublk_complete(&disk->base, tag, error);
		return;
	}
	event = usr_block_event_add(events, USR_BLOCK_REQUEST, &disk->base);
	event->tag = tag;
	event->op = (enum usr_block_op)ops[op];
	if (event->op == USR_BLOCK_OP_FLUSH)
		return;
	event->offset = offset;
	event->bytes = (uint32_t)bytes;
	event->buffer = usr_block_buffer(&disk->base, event->op, tag);
}

/* --- waiting */

/* One answer gives at most one event. */
static void usr_ublk_answer(struct ublk_server *server,
			    const struct io_uring_cqe *cqe,
			    struct block_events *events)
{
	struct usr_block_server *base = &server->base;
	unsigned about = (unsigned)(cqe->user_data >> 24) & 0xff;
	unsigned index = (unsigned)(cqe->user_data >> 16) & 0xff;
	unsigned tag = (unsigned)cqe->user_data & 0xffff;

	switch (about) {
	case UBLK_REQUEST:
		usr_ublk_request(usr_ublk_disk(base, index), tag, cqe->res, events);
		break;
	case UBLK_WATCH:
		usr_ublk_readable(base, index, tag, events);
		break;
	case UBLK_HELPER:
		usr_block_helper_done(base->disks[index], events);
		break;
	case UBLK_START:
		usr_ublk_started(usr_ublk_disk(base, index), cqe->res, events);
		break;
	case UBLK_STOP:
		if (cqe->res < 0)
			usr_block_blame(base->disks[index], -cqe->res, "stopping it");
		break;
	case UBLK_DELETE:
		usr_ublk_deleted(usr_ublk_disk(base, index), cqe->res, events);
		break;
	default:
		break;
	}
}

static void usr_ublk_answers(struct ublk_server *server,
			     struct block_events *events)
{
	struct io_uring_cqe *cqe;
	unsigned head, seen = 0;

	io_uring_for_each_cqe(&server->ring, head, cqe) {
		if (events->count == events->capacity)
			break;
		usr_ublk_answer(server, cqe, events);
		seen++;
	}
	io_uring_cq_advance(&server->ring, seen);
}

/* Submit, run what the kernel has for us, sleep: one system call. */
static int usr_ublk_enter(struct ublk_server *server, int timeout_ms)
{
	struct __kernel_timespec limit = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000LL,
	};
	struct io_uring_cqe *cqe;

	if (timeout_ms < 0)
		return io_uring_submit_and_wait(&server->ring, 1);
	if (!timeout_ms)
		return io_uring_submit_and_get_events(&server->ring);
	return io_uring_submit_and_wait_timeout(&server->ring, &cqe, 1, &limit,
						NULL);
}

static int usr_ublk_wait(struct usr_block_server *base,
			 struct block_events *events, int timeout_ms)
{
	struct ublk_server *server = (struct ublk_server *)base;
	uint64_t end = timeout_ms > 0 ? usr_block_now_ms() + (unsigned)timeout_ms : 0;
	int left = timeout_ms, result;

	for (;;) {
		if (base->unarmed)
			usr_ublk_arm(server);
		result = usr_ublk_enter(server, left);
		usr_ublk_answers(server, events);
		if (events->count)
			return 0;
		if (result == -EINTR)
			return usr_fail_constant(EINTR, "a signal ended the wait");
		if (result < 0 && result != -ETIME && result != -EAGAIN &&
		    result != -EBUSY)
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

const struct block_ops usr_ublk_ops = {
	.kind = USR_BLOCK_UBLK,
	.name = "ublk",
	.server_size = sizeof(struct ublk_server),
	.disk_size = sizeof(struct ublk_disk),
	.open = usr_ublk_open,
	.close = usr_ublk_close,
	.add = usr_ublk_add,
	.sync = usr_block_helper_start,
	.helper = usr_ublk_helper,
	.remove = usr_ublk_remove,
	.watch = usr_ublk_watch,
	.unwatch = usr_ublk_unwatch,
	.wait = usr_ublk_wait,
	.complete = usr_ublk_complete,
	.abandon = usr_ublk_abandon,
};
