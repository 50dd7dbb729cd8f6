// SPDX-License-Identifier: MIT
/* The block hook's calls, and what ublk and NBD have in common. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "block.h"

static const struct block_ops *const usr_block_kinds[] = {
	&usr_ublk_ops, &usr_nbd_ops,	/* the better first */
};
#define USR_BLOCK_KINDS (sizeof(usr_block_kinds) / sizeof(usr_block_kinds[0]))

/* --- servers */

static struct usr_block_server *usr_block_try(const struct block_ops *ops)
{
	struct usr_block_server *server = calloc(1, ops->server_size);
	unsigned i;
	int error;

	if (!server) {
		usr_fail(ENOMEM, "no memory for a block server");
		return NULL;
	}
	server->ops = ops;
	for (i = 0; i < USR_BLOCK_MAX_WATCHES; i++)
		server->watches[i].fd = -1;
	if (!ops->open(server))
		return server;
	error = errno;
	ops->close(server);
	free(server);
	errno = error;
	return NULL;
}

USR_API struct usr_block_server *usr_block_server_new(enum usr_block_kind kind)
{
	struct usr_block_server *server;
	char first[256] = "";
	size_t i;

	if (kind != USR_BLOCK_ANY && kind != USR_BLOCK_UBLK &&
	    kind != USR_BLOCK_NBD) {
		usr_fail(EINVAL, "kind is USR_BLOCK_ANY, USR_BLOCK_UBLK or USR_BLOCK_NBD");
		return NULL;
	}
	/* By ublk only the administrator can; by NBD there may be a broker. */
	if (!usr_block_is_admin()) {
		if (kind == USR_BLOCK_UBLK) {
			usr_fail(EPERM, "serving a disk by ublk needs CAP_SYS_ADMIN: run as root");
			return NULL;
		}
		kind = USR_BLOCK_NBD;
	}
	for (i = 0; i < USR_BLOCK_KINDS; i++) {
		if (kind != USR_BLOCK_ANY && kind != usr_block_kinds[i]->kind)
			continue;
		server = usr_block_try(usr_block_kinds[i]);
		if (server)
			return server;
		if (kind == USR_BLOCK_ANY && !first[0])
			snprintf(first, sizeof(first), "%s", usr_error());
		else if (kind == USR_BLOCK_ANY)
			usr_fail(errno, "%s; and %s", first, usr_error());
	}
	return NULL;
}

USR_API enum usr_block_kind
usr_block_server_kind(const struct usr_block_server *server)
{
	return server->ops->kind;
}

USR_API void usr_block_server_free(struct usr_block_server *server)
{
	unsigned i;

	if (!server)
		return;
	server->ops->close(server);
	for (i = 0; i < server->disk_count; i++) {
		usr_block_helper_forget(&server->disks[i]->helper);
		free(server->disks[i]);
	}
	free(server);
}

/* --- disks */

static bool usr_block_power_of_2(uint64_t value)
{
	return value && !(value & (value - 1));
}

static int usr_block_check_size(const struct usr_block_disk *what)
{
	if (!usr_block_power_of_2(what->block_size) || what->block_size < 512 ||
	    what->block_size > 4096)
		return usr_fail(EINVAL, "block_size is %u: must be 512, 1024, 2048 or 4096",
				what->block_size);
	if (!what->bytes || what->bytes % what->block_size ||
	    what->bytes > INT64_MAX)
		return usr_fail(EINVAL, "bytes is %llu: must be a multiple of block_size (%u), and not 0",
				(unsigned long long)what->bytes, what->block_size);
	if (!usr_block_power_of_2(what->physical_block_size) ||
	    what->physical_block_size < what->block_size ||
	    what->physical_block_size > 1u << 20)
		return usr_fail(EINVAL, "physical_block_size is %u: must be a power of two from block_size (%u) to 1 MiB",
				what->physical_block_size, what->block_size);
	return 0;
}

static int usr_block_check_limits(const struct usr_block_disk *what)
{
	unsigned page = (unsigned)sysconf(_SC_PAGESIZE);

	if (!what->depth || what->depth > USR_BLOCK_MAX_DEPTH)
		return usr_fail(EINVAL, "depth is %u: must be 1 to %u", what->depth,
				USR_BLOCK_MAX_DEPTH);
	if (!what->max_transfer || what->max_transfer % page ||
	    what->max_transfer > USR_BLOCK_MAX_TRANSFER)
		return usr_fail(EINVAL, "max_transfer is %u: must be a multiple of the page size (%u) up to %u",
				what->max_transfer, page, USR_BLOCK_MAX_TRANSFER);
	if (!what->buffers || (uintptr_t)what->buffers % page)
		return usr_fail(EINVAL, "buffers is %p: must be page-aligned, depth * max_transfer bytes",
				what->buffers);
	return 0;
}

static int usr_block_check_discard(const struct usr_block_disk *what)
{
	if (!(what->flags & USR_BLOCK_DISCARD)) {
		if (what->max_discard || what->discard_granularity)
			return usr_fail(EINVAL, "max_discard and discard_granularity are 0 without USR_BLOCK_DISCARD");
		return 0;
	}
	if (!what->max_discard || what->max_discard % what->block_size)
		return usr_fail(EINVAL, "max_discard is %u: must be a multiple of block_size (%u), and not 0",
				what->max_discard, what->block_size);
	if (!usr_block_power_of_2(what->discard_granularity) ||
	    what->discard_granularity < what->block_size)
		return usr_fail(EINVAL, "discard_granularity is %u: must be a power of two, at least block_size (%u)",
				what->discard_granularity, what->block_size);
	return 0;
}

int usr_block_check_disk(const struct usr_block_disk *what)
{
	const unsigned known = USR_BLOCK_CACHE | USR_BLOCK_DISCARD |
		USR_BLOCK_READ_ONLY | USR_BLOCK_ROTATIONAL | USR_BLOCK_RESUME;

	if (!what)
		return usr_fail(EINVAL, "usr_block_add: disk is NULL");
	if (what->flags & ~known)
		return usr_fail(EINVAL, "flags has %#x, which is unknown",
				what->flags & ~known);
	if (what->number < -1 || what->number > 0xfffff)
		return usr_fail(EINVAL, "number is %d: must be 0 to 1048575, or -1 for a free one",
				what->number);
	if (what->number < 0 && what->flags & USR_BLOCK_RESUME)
		return usr_fail(EINVAL, "number is -1: USR_BLOCK_RESUME needs the dead server's");
	if (usr_block_check_size(what) || usr_block_check_limits(what) ||
	    usr_block_check_discard(what))
		return -1;
	return 0;
}

USR_API int usr_block_add(struct usr_block_server *server,
			  const struct usr_block_disk *what)
{
	struct block_disk *disk;
	int error;

	if (usr_block_check_disk(what))
		return -1;
	if (server->disk_count == USR_BLOCK_MAX_DISKS)
		return usr_fail(ENOSPC, "a server has at most %u disks, stopped ones included",
				USR_BLOCK_MAX_DISKS);
	disk = calloc(1, server->ops->disk_size);
	if (!disk)
		return usr_fail(ENOMEM, "no memory for a disk");
	disk->server = server;
	disk->index = server->disk_count;
	disk->what = *what;
	if (!disk->what.answer_s)
		disk->what.answer_s = BLOCK_ANSWER_S;
	disk->helper.pipe = -1;
	/* Before the call: what the kernel has to say names it by index. */
	server->disks[server->disk_count++] = disk;
	if (server->ops->add(disk)) {
		error = errno;
		server->disks[--server->disk_count] = NULL;
		usr_block_helper_forget(&disk->helper);
		free(disk);
		errno = error;
		return -1;
	}
	return (int)disk->index;
}

USR_API const char *usr_block_path(const struct usr_block_server *server,
				   unsigned disk)
{
	if (disk >= server->disk_count)
		return usr_fail(EINVAL, "no disk %u", disk), NULL;
	return server->disks[disk]->path;
}

USR_API int usr_block_number(const struct usr_block_server *server,
			     unsigned disk)
{
	if (disk >= server->disk_count)
		return usr_fail(EINVAL, "no disk %u", disk);
	return server->disks[disk]->what.number;
}

static int usr_block_write_back(struct block_disk *disk)
{
	if (disk->server->ops->sync(disk, true))
		return -1;
	if (disk->server->ops->helper(disk)) {
		usr_block_helper_forget(&disk->helper);
		return -1;
	}
	disk->state = BLOCK_SYNCING;
	return 0;
}

USR_API int usr_block_stop(struct usr_block_server *server, unsigned index)
{
	struct block_disk *disk;

	if (index >= server->disk_count)
		return usr_fail(EINVAL, "no disk %u", index);
	disk = server->disks[index];
	if (disk->stop_wanted || disk->state > BLOCK_LIVE)
		return usr_fail(EALREADY, "%s is stopped, or about to be", disk->path);
	if (disk->state == BLOCK_LIVE)
		return usr_block_write_back(disk);
	disk->stop_wanted = true;
	return 0;
}

USR_API int usr_block_abandon(enum usr_block_kind kind, int number)
{
	size_t i;

	if (number < 0)
		return usr_fail(EINVAL, "number is %d: must be a disk's", number);
	for (i = 0; i < USR_BLOCK_KINDS; i++)
		if (usr_block_kinds[i]->kind == kind)
			return usr_block_kinds[i]->abandon(number);
	return usr_fail(EINVAL, "kind is USR_BLOCK_UBLK or USR_BLOCK_NBD");
}

/* --- watches */

USR_API int usr_block_watch(struct usr_block_server *server, int fd)
{
	struct pollfd file = { .fd = fd };
	unsigned i, slot = USR_BLOCK_MAX_WATCHES;

	for (i = USR_BLOCK_MAX_WATCHES; i-- > 0; ) {
		if (server->watches[i].fd == fd && fd >= 0)
			return usr_fail(EINVAL, "file %d is watched already", fd);
		if (server->watches[i].fd < 0)
			slot = i;
	}
	if (fd < 0 || poll(&file, 1, 0) < 0 || file.revents & POLLNVAL)
		return usr_fail(EINVAL, "%d is not an open file", fd);
	if (slot == USR_BLOCK_MAX_WATCHES)
		return usr_fail(ENOSPC, "a server watches at most %u files",
				USR_BLOCK_MAX_WATCHES);
	server->watches[slot].fd = fd;
	if (server->ops->watch(server, slot)) {
		server->watches[slot].fd = -1;
		return -1;
	}
	return 0;
}

USR_API int usr_block_unwatch(struct usr_block_server *server, int fd)
{
	unsigned i;

	for (i = 0; i < USR_BLOCK_MAX_WATCHES; i++)
		if (fd >= 0 && server->watches[i].fd == fd) {
			server->ops->unwatch(server, i);
			server->watches[i].fd = -1;
			return 0;
		}
	return usr_fail(EINVAL, "file %d is not watched", fd);
}

/* --- events */

struct usr_block_event *usr_block_event_add(struct block_events *events,
					    enum usr_block_event_kind kind,
					    const struct block_disk *disk)
{
	struct usr_block_event *event = &events->at[events->count++];

	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->fd = -1;
	if (disk)
		event->disk = disk->index;
	return event;
}

void usr_block_is_ready(struct block_disk *disk, struct block_events *events)
{
	usr_block_event_add(events, USR_BLOCK_READY, disk);
	disk->state = BLOCK_LIVE;
	if (disk->stop_wanted && usr_block_write_back(disk)) {
		usr_block_blame(disk, errno, "writing it back");
		disk->state = BLOCK_REMOVING;
		disk->server->ops->remove(disk);
	}
}

void usr_block_blame(struct block_disk *disk, int error, const char *doing)
{
	if (disk->error || !error)
		return;
	disk->error = error;
	disk->doing = doing;
}

void usr_block_is_stopped(struct block_disk *disk, struct block_events *events)
{
	struct usr_block_event *event;

	usr_block_helper_forget(&disk->helper);
	disk->state = BLOCK_STOPPED;
	event = usr_block_event_add(events, USR_BLOCK_STOPPED, disk);
	event->error = disk->error;
	if (disk->error)
		usr_fail(disk->error, "%s: %s failed: %s", disk->path,
			 disk->doing, strerror(disk->error));
}

void usr_block_helper_done(struct block_disk *disk, struct block_events *events)
{
	int error = usr_block_helper_end(&disk->helper);

	if (disk->state == BLOCK_STARTING) {
		/* Opened, and its partitions seen; read errors are its own. */
		usr_block_is_ready(disk, events);
	} else if (disk->state == BLOCK_SYNCING) {
		usr_block_blame(disk, error, "writing it back");
		disk->state = BLOCK_REMOVING;
		if (disk->server->ops->remove(disk))
			usr_block_blame(disk, errno, "removing it");
	}
}

/* --- requests */

int usr_block_check(const struct block_disk *disk, enum usr_block_op op,
		    uint64_t offset, uint64_t bytes)
{
	const struct usr_block_disk *what = &disk->what;
	uint64_t most = what->max_transfer;

	if (op == USR_BLOCK_OP_FLUSH)
		return 0;
	if (op == USR_BLOCK_OP_DISCARD) {
		if (!(what->flags & USR_BLOCK_DISCARD))
			return EOPNOTSUPP;
		most = what->max_discard;
	}
	if (op != USR_BLOCK_OP_READ && what->flags & USR_BLOCK_READ_ONLY)
		return EPERM;
	if (!bytes || bytes > most || offset > what->bytes ||
	    bytes > what->bytes - offset ||
	    (offset | bytes) & (what->block_size - 1))
		return EIO;
	return 0;
}

void *usr_block_buffer(const struct block_disk *disk, enum usr_block_op op,
		       unsigned tag)
{
	if (op == USR_BLOCK_OP_FLUSH || op == USR_BLOCK_OP_DISCARD)
		return NULL;
	return (char *)disk->what.buffers + (size_t)tag * disk->what.max_transfer;
}

USR_API int usr_block_wait(struct usr_block_server *server,
			   struct usr_block_event *events, unsigned capacity,
			   int timeout_ms)
{
	struct block_events out = { .at = events, .capacity = capacity };

	if (!events || !capacity)
		return usr_fail_constant(EINVAL, "usr_block_wait: no room for an event");
	if (server->ops->wait(server, &out, timeout_ms))
		return -1;
	return (int)out.count;
}

USR_API int usr_block_complete(struct usr_block_server *server, unsigned index,
			       unsigned tag, int error)
{
	struct block_disk *disk;

	if (index >= server->disk_count)
		return usr_fail(EINVAL, "no disk %u", index);
	disk = server->disks[index];
	if (tag >= disk->what.depth)
		return usr_fail(EINVAL, "%s has no tag %u", disk->path, tag);
	if (error < 0 || error > 4095)
		return usr_fail(EINVAL, "error is %d: must be 0 or an errno", error);
	return server->ops->complete(disk, tag, error);
}
