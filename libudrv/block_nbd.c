// SPDX-License-Identifier: MIT
/* A disk by NBD: waiting, and what becomes of a connection. */
#include <endian.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "block_nbd.h"

#define NBD_WAKEUPS	32

static struct nbd_disk *usr_nbd_disk(struct usr_block_server *server,
				     unsigned index)
{
	return (struct nbd_disk *)server->disks[index];
}

/* --- a server */

static int usr_nbd_open(struct usr_block_server *base)
{
	struct nbd_server *server = (struct nbd_server *)base;

	server->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (server->epoll < 0)
		return usr_fail(errno, "no epoll: %s", strerror(errno));
	return usr_nbd_kernel_open(&server->kernel);
}

static void usr_nbd_close(struct usr_block_server *base)
{
	struct nbd_server *server = (struct nbd_server *)base;
	unsigned i;

	for (i = 0; i < base->disk_count; i++)
		if (usr_nbd_disk(base, i)->socket >= 0)
			close(usr_nbd_disk(base, i)->socket);
	usr_nbd_kernel_close(&server->kernel);
	if (server->epoll >= 0)
		close(server->epoll);
}

int usr_nbd_epoll(struct nbd_server *server, int how, int fd, unsigned events,
		  enum nbd_about about, unsigned index)
{
	struct epoll_event event = {
		.events = events,
		.data.u64 = (uint64_t)about << 32 | index,
	};

	if (epoll_ctl(server->epoll, how, fd, &event))
		return usr_fail(errno == EPERM ? EINVAL : errno,
				"cannot wait for file %d: %s", fd, strerror(errno));
	return 0;
}

static int usr_nbd_helper(struct block_disk *disk)
{
	return usr_nbd_epoll(usr_nbd_server(disk), EPOLL_CTL_ADD,
			     disk->helper.pipe, EPOLLIN, NBD_HELPER, disk->index);
}

/*
 * Level-triggered: the file is looked at whenever we are about to sleep, so
 * what came after the driver's last read is not lost.
 */
static int usr_nbd_watch(struct usr_block_server *base, unsigned watch)
{
	return usr_nbd_epoll((struct nbd_server *)base, EPOLL_CTL_ADD,
			     base->watches[watch].fd, EPOLLIN, NBD_WATCH, watch);
}

static void usr_nbd_unwatch(struct usr_block_server *base, unsigned watch)
{
	struct nbd_server *server = (struct nbd_server *)base;

	epoll_ctl(server->epoll, EPOLL_CTL_DEL, base->watches[watch].fd, NULL);
}

/* --- requests */

/* Forget the connection's state; what the driver has stays with it. */
void usr_nbd_reset(struct nbd_disk *disk)
{
	unsigned tag;

	disk->readable = disk->blocked = false;
	disk->ahead_first = disk->ahead_end = 0;
	disk->arriving = -1;
	disk->unwanted = 0;
	disk->sent = 0;
	disk->answers.count = disk->again.count = disk->free.count = 0;
	for (tag = 0; tag < disk->base.what.depth; tag++) {
		if (disk->tags[tag].state == NBD_OPEN)
			continue;
		disk->tags[tag].state = NBD_FREE;
		usr_nbd_push(&disk->free, tag);
	}
}

static int usr_nbd_complete(struct block_disk *base, unsigned tag, int error)
{
	struct nbd_disk *disk = (struct nbd_disk *)base;
	struct nbd_tag *one = &disk->tags[tag];

	if (one->state != NBD_OPEN)
		return usr_fail(EINVAL, "%s: tag %u is not open", base->path, tag);
	disk->open--;
	if (disk->socket < 0) {		/* whoever asked, asks again */
		if (error)
			usr_nbd_failed_late(disk, one, error);
		one->state = NBD_FREE;
		usr_nbd_push(&disk->free, tag);
	} else if (one->left && !error) {
		one->state = NBD_AGAIN;
		usr_nbd_push(&disk->again, tag);
	} else {
		one->reply.error = htobe32((uint32_t)error);
		one->state = NBD_ANSWERED;
		usr_nbd_push(&disk->answers, tag);
	}
	return 0;
}

/* --- connections */

static bool usr_nbd_idle(const struct nbd_disk *disk)
{
	return !disk->open && (disk->socket < 0 ||
		(!disk->answers.count && !disk->again.count));
}

/*
 * A new connection begins when the driver has given back everything of the
 * old: the kernel repeats what was not answered, and a write that the driver
 * still had could hit the medium after one that was made later.
 */
static void usr_nbd_mend(struct nbd_disk *disk, struct block_events *events)
{
	bool going = disk->base.state == BLOCK_REMOVING;

	if (!usr_nbd_idle(disk) || disk->base.state == BLOCK_STOPPED)
		return;
	if (going && !disk->removed && usr_nbd_disconnect(disk))
		usr_block_blame(&disk->base, errno, "removing it");
	if (!going && !disk->removed && usr_nbd_reconnect(disk)) {
		usr_block_blame(&disk->base, errno, "connecting it again");
		disk->removed = true;
	}
	if (going || disk->removed)
		usr_block_is_stopped(&disk->base, events);
}

/* What can be done without the kernel's waking us. */
static void usr_nbd_work(struct nbd_disk *disk, struct block_events *events)
{
	do {
		if (disk->answers.count && !disk->blocked)
			usr_nbd_send(disk);
		/* What is ahead was left by a call with too little room, or tags. */
		if (disk->readable || disk->again.count ||
		    disk->ahead_first != disk->ahead_end)
			usr_nbd_receive(disk, events);
		/* A refused request is answered without the driver, and its tag free. */
	} while (disk->answers.count && !disk->blocked && disk->socket >= 0);
	if (events->count == events->capacity)
		return;
	if (disk->base.state == BLOCK_STARTING && disk->base.helper.pipe < 0)
		usr_block_is_ready(&disk->base, events);
	else if (disk->socket < 0 || disk->base.state == BLOCK_REMOVING)
		usr_nbd_mend(disk, events);
}

static void usr_nbd_work_all(struct nbd_server *server,
			     struct block_events *events)
{
	unsigned i;

	for (i = 0; i < server->base.disk_count; i++) {
		if (events->count == events->capacity)
			return;
		usr_nbd_work(usr_nbd_disk(&server->base, i), events);
	}
}

/* --- waiting */

static void usr_nbd_wakeup(struct nbd_server *server,
			   const struct epoll_event *wakeup,
			   struct block_events *events)
{
	struct usr_block_server *base = &server->base;
	unsigned index = (unsigned)wakeup->data.u64;

	switch ((enum nbd_about)(wakeup->data.u64 >> 32)) {
	case NBD_DISK:
		if (wakeup->events & ~(unsigned)EPOLLOUT)
			usr_nbd_disk(base, index)->readable = true;
		if (wakeup->events & EPOLLOUT)
			usr_nbd_send(usr_nbd_disk(base, index));
		break;
	case NBD_WATCH:
		usr_block_event_add(events, USR_BLOCK_READABLE, NULL)->fd =
			base->watches[index].fd;
		break;
	case NBD_HELPER:
		usr_block_helper_done(base->disks[index], events);
		break;
	}
}

/* Sleep.  Return: wakeups, or -1. */
static int usr_nbd_sleep(struct nbd_server *server, struct block_events *events,
			 int timeout_ms)
{
	struct epoll_event wakeups[NBD_WAKEUPS];
	unsigned room = events->capacity - events->count;
	int i, count;

	count = epoll_wait(server->epoll, wakeups,
			   room < NBD_WAKEUPS ? (int)room : NBD_WAKEUPS,
			   timeout_ms);
	if (count < 0 && errno == EINTR)
		return usr_fail_constant(EINTR, "a signal ended the wait");
	if (count < 0)
		return usr_fail(errno, "epoll_wait: %s", strerror(errno));
	for (i = 0; i < count; i++)
		usr_nbd_wakeup(server, &wakeups[i], events);
	return count;
}

static int usr_nbd_wait(struct usr_block_server *base,
			struct block_events *events, int timeout_ms)
{
	struct nbd_server *server = (struct nbd_server *)base;
	uint64_t end = timeout_ms > 0 ? usr_block_now_ms() + (unsigned)timeout_ms : 0;
	int left = timeout_ms, woken;

	usr_nbd_work_all(server, events);
	for (;;) {
		if (events->count == events->capacity)
			return 0;
		/* With events at hand, still see what else there is. */
		woken = usr_nbd_sleep(server, events, events->count ? 0 : left);
		if (woken > 0)
			usr_nbd_work_all(server, events);
		if (events->count)
			return 0;
		if (woken < 0)
			return -1;
		if (!timeout_ms)
			return 0;
		if (timeout_ms > 0) {
			left = (int)(end - usr_block_now_ms());
			if (left <= 0)
				return 0;
		}
	}
}

const struct block_ops usr_nbd_ops = {
	.kind = USR_BLOCK_NBD,
	.name = "NBD",
	.server_size = sizeof(struct nbd_server),
	.disk_size = sizeof(struct nbd_disk),
	.open = usr_nbd_open,
	.close = usr_nbd_close,
	.add = usr_nbd_add,
	.sync = usr_nbd_sync,
	.helper = usr_nbd_helper,
	.remove = usr_nbd_remove,
	.watch = usr_nbd_watch,
	.unwatch = usr_nbd_unwatch,
	.wait = usr_nbd_wait,
	.complete = usr_nbd_complete,
	.abandon = usr_nbd_abandon,
};
