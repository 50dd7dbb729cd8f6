// SPDX-License-Identifier: MIT
/* A disk by NBD: coming, going, and changing hands. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "block_nbd.h"

/* The kernel notices the end of a connection at once, but not in no time. */
#define NBD_NOTICE_MS	3000
#define NBD_LOOK_MS	10

static bool usr_nbd_exists(int number)
{
	char dev[32];

	return usr_sysfs_read(dev, sizeof(dev), "/sys/block/nbd%d/dev", number);
}

/* Connected, if only to a dead server. */
static bool usr_nbd_used(int number)
{
	char pid[32];

	return usr_sysfs_read(pid, sizeof(pid), "/sys/block/nbd%d/pid", number);
}

static long long usr_nbd_value(int number, const char *name)
{
	char text[32];

	if (!usr_sysfs_read(text, sizeof(text), "/sys/block/nbd%d/%s", number, name))
		return -1;
	return strtoll(text, NULL, 10);
}

/* --- a pair of sockets, one end of which the kernel gets */

static int usr_nbd_pair(int ends[2], unsigned max_transfer)
{
	int i, size = 2 * (int)max_transfer + 65536;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return usr_fail(errno, "no socket pair: %s", strerror(errno));
	/* So that a whole request or answer fits; without, it takes turns. */
	for (i = 0; i < 2; i++)
		setsockopt(ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	return 0;
}

static int usr_nbd_begin(struct nbd_disk *disk, int socket)
{
	disk->socket = socket;
	usr_nbd_reset(disk);
	if (!usr_nbd_epoll(usr_nbd_server(&disk->base), EPOLL_CTL_ADD, socket,
			   EPOLLIN | EPOLLRDHUP | EPOLLET, NBD_DISK,
			   disk->base.index))
		return 0;
	disk->socket = -1;
	close(socket);
	return -1;
}

/* The kernel closes what it has no use for. */
static bool usr_nbd_taken(int socket)
{
	struct pollfd file = { .fd = socket };

	return poll(&file, 1, 0) >= 0 && !(file.revents & (POLLHUP | POLLERR));
}

/*
 * Give a disk a new connection in place of a dead one.  The kernel calls it a
 * success, too, if the old one lives: then it closes the new one.
 *
 * Return: our end, or -1.  EBUSY: the old one lives.  ENOENT: no such disk.
 */
static int usr_nbd_replace(struct nl_sock *netlink, int family, int number,
			   const struct usr_block_disk *limits,
			   unsigned max_transfer)
{
	uint64_t end = usr_block_now_ms() + NBD_NOTICE_MS;
	int ends[2], result;

	for (;;) {
		if (!usr_nbd_used(number))
			return usr_fail(ENOENT, "there is no disk /dev/nbd%d", number);
		if (usr_nbd_pair(ends, max_transfer))
			return -1;
		result = usr_nbd_netlink_reconfigure(netlink, family, number,
						     limits, ends[1]);
		close(ends[1]);
		if (!result && usr_nbd_taken(ends[0]))
			return ends[0];
		close(ends[0]);
		if (result == -EINVAL)	/* being removed; /sys still has it */
			return usr_fail(ENOENT, "there is no disk /dev/nbd%d", number);
		if (result)
			return usr_fail(-result, "/dev/nbd%d refuses a new connection: %s",
					number, strerror(-result));
		if (usr_block_now_ms() > end)
			return usr_fail(EBUSY, "the server of /dev/nbd%d lives", number);
		usleep(NBD_LOOK_MS * 1000);
	}
}

/* --- a new disk */

/*
 * Before there is one: these wait for the queue's requests.  Without them a
 * request could be larger than a tag's buffer, and would be refused.
 */
static int usr_nbd_limit(const struct usr_block_disk *what)
{
	char value[16];
	int number = what->number;

	snprintf(value, sizeof(value), "%u", what->max_transfer / 1024);
	if (usr_sysfs_write(value, "/sys/block/nbd%d/queue/max_sectors_kb", number) &&
	    usr_nbd_value(number, "queue/max_sectors_kb") * 1024 > what->max_transfer)
		return usr_fail(EOPNOTSUPP, "cannot set /sys/block/nbd%d/queue/max_sectors_kb to %s: %s",
				number, value, strerror(errno));
	/* At least 4, says the kernel; more than depth waits in the socket. */
	snprintf(value, sizeof(value), "%u", what->depth < 4 ? 4 : what->depth);
	usr_sysfs_write(value, "/sys/block/nbd%d/queue/nr_requests", number);
	usr_sysfs_write(what->flags & USR_BLOCK_ROTATIONAL ? "1" : "0",
			"/sys/block/nbd%d/queue/rotational", number);
	return 0;
}

static int usr_nbd_connect(struct nbd_disk *disk)
{
	struct nbd_server *server = usr_nbd_server(&disk->base);
	const struct usr_block_disk *what = &disk->base.what;
	int ends[2], result;

	if (!usr_nbd_exists(what->number))
		return usr_fail(ENOENT, "there is no /dev/nbd%d; `modprobe nbd nbds_max=%d` makes it",
				what->number, what->number + 1);
	if (usr_nbd_used(what->number))
		return usr_fail(EBUSY, "/dev/nbd%d is in use; if its server is dead, add it with USR_BLOCK_RESUME or remove it by usr_block_abandon()",
				what->number);
	if (usr_nbd_limit(what) || usr_nbd_pair(ends, what->max_transfer))
		return -1;
	result = usr_nbd_netlink_connect(server->netlink, server->family, what,
					 ends[1]);
	close(ends[1]);
	if (!result)
		return usr_nbd_begin(disk, ends[0]);
	close(ends[0]);
	return usr_fail(-result, "nbd refuses /dev/nbd%d: %s", what->number,
			strerror(-result));
}

static int usr_nbd_connect_any(struct nbd_disk *disk)
{
	int number;

	for (number = 0; usr_nbd_exists(number); number++) {
		disk->base.what.number = number;
		if (!usr_nbd_used(number) && !usr_nbd_connect(disk))
			return 0;
		if (!usr_nbd_used(number) && errno != EBUSY)
			return -1;
	}
	return usr_fail(EBUSY, "all %d /dev/nbdN are in use; `modprobe nbd nbds_max=N` makes more",
			number);
}

static int usr_nbd_make(struct nbd_disk *disk)
{
	struct block_disk *base = &disk->base;
	int error;

	if (base->what.number < 0 ? usr_nbd_connect_any(disk) : usr_nbd_connect(disk))
		return -1;
	snprintf(base->path, sizeof(base->path), "/dev/nbd%d", base->what.number);
	/* Opening it has the kernel look for partitions. */
	if (!usr_block_helper_start(base, false) && !base->server->ops->helper(base))
		return 0;
	error = errno;
	usr_nbd_disconnect(disk);
	errno = error;
	return -1;
}

/* --- a dead server's */

static int usr_nbd_take(struct nbd_disk *disk)
{
	struct nbd_server *server = usr_nbd_server(&disk->base);
	const struct usr_block_disk *what = &disk->base.what;
	int socket;

	if (!usr_nbd_used(what->number))
		return usr_fail(ENOENT, "there is no disk /dev/nbd%d", what->number);
	if (usr_nbd_value(what->number, "size") * BLOCK_SECTOR != (long long)what->bytes ||
	    usr_nbd_value(what->number, "queue/logical_block_size") != what->block_size ||
	    usr_nbd_value(what->number, "queue/max_sectors_kb") * 1024 > what->max_transfer)
		return usr_fail(EINVAL, "/dev/nbd%d is another disk: bytes, block_size and max_transfer must be its dead server's",
				what->number);
	socket = usr_nbd_replace(server->netlink, server->family, what->number,
				 what, what->max_transfer);
	if (socket < 0)
		return -1;
	snprintf(disk->base.path, sizeof(disk->base.path), "/dev/nbd%d", what->number);
	return usr_nbd_begin(disk, socket);
}

int usr_nbd_add(struct block_disk *base)
{
	struct nbd_disk *disk = (struct nbd_disk *)base;

	disk->socket = -1;
	return base->what.flags & USR_BLOCK_RESUME ?
		usr_nbd_take(disk) : usr_nbd_make(disk);
}

/* --- in between, and the end */

/* The kernel gave up on us: a request was not answered in time. */
int usr_nbd_reconnect(struct nbd_disk *disk)
{
	struct nbd_server *server = usr_nbd_server(&disk->base);
	int socket = usr_nbd_replace(server->netlink, server->family,
				     disk->base.what.number, NULL,
				     disk->base.what.max_transfer);

	if (socket >= 0)
		return usr_nbd_begin(disk, socket);
	if (errno != ENOENT)
		return -1;
	disk->removed = true;	/* by somebody else, and we missed it */
	return 0;
}

/* The driver finishes what it has, wait() does the rest. */
int usr_nbd_remove(struct block_disk *disk)
{
	(void)disk;
	return 0;
}

/*
 * Our end is closed first, so that the kernel does not wait for us to read
 * while we wait for it.
 */
int usr_nbd_disconnect(struct nbd_disk *disk)
{
	struct nbd_server *server = usr_nbd_server(&disk->base);
	int result;

	usr_nbd_broken(disk);
	disk->removed = true;
	result = usr_nbd_netlink_disconnect(server->netlink, server->family,
					    disk->base.what.number);
	return result ? usr_fail(-result, "cannot remove %s: %s", disk->base.path,
				 strerror(-result)) : 0;
}

int usr_nbd_abandon(int number)
{
	struct nl_sock *netlink;
	int family, socket, result = -1;

	if (!usr_nbd_netlink_open(&netlink, &family)) {
		/* If the kernel takes a connection, there was none. */
		socket = usr_nbd_replace(netlink, family, number, NULL, 65536);
		if (socket >= 0) {
			close(socket);
			result = usr_nbd_netlink_disconnect(netlink, family, number);
			if (result)
				result = usr_fail(-result, "cannot remove /dev/nbd%d: %s",
						  number, strerror(-result));
		}
	}
	usr_nbd_netlink_close(netlink);
	return result;
}
