// SPDX-License-Identifier: MIT
/*
 * What only the kernel's administrator may do with an NBD disk: connect it,
 * give it a new connection, remove it, write it back.  By netlink; or, for an
 * unprivileged server, by the system's broker, see block_nbd_broker.h.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "block_nbd.h"
#include "block_nbd_broker.h"

/* The kernel notices the end of a connection at once, but not in no time. */
#define NBD_NOTICE_MS	3000
#define NBD_LOOK_MS	10

int usr_nbd_kernel_open(struct nbd_kernel *kernel)
{
	kernel->netlink = NULL;
	kernel->broker = -1;
	kernel->by_broker = !usr_block_is_admin();
	if (kernel->by_broker) {
		kernel->broker = usr_nbd_broker_open();
		return kernel->broker < 0 ? -1 : 0;
	}
	return usr_nbd_netlink_open(&kernel->netlink, &kernel->family);
}

void usr_nbd_kernel_close(struct nbd_kernel *kernel)
{
	usr_nbd_netlink_close(kernel->netlink);
	kernel->netlink = NULL;
	if (kernel->by_broker && kernel->broker >= 0)
		close(kernel->broker);
	kernel->broker = -1;
}

static bool usr_nbd_exists(int number)
{
	char dev[32];

	return usr_sysfs_read(dev, sizeof(dev), "/sys/block/nbd%d/dev", number);
}

/* Connected, if only to a dead server. */
bool usr_nbd_used(int number)
{
	char pid[32];

	return usr_sysfs_read(pid, sizeof(pid), "/sys/block/nbd%d/pid", number);
}

long long usr_nbd_value(int number, const char *name)
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
int usr_nbd_kernel_replace(struct nbd_kernel *kernel, int number,
			   const struct usr_block_disk *limits,
			   unsigned max_transfer)
{
	uint64_t end = usr_block_now_ms() + NBD_NOTICE_MS;
	int ends[2], result;

	if (kernel->by_broker)
		return usr_nbd_broker_replace(&kernel->broker, number, limits,
					      max_transfer);
	for (;;) {
		if (!usr_nbd_used(number))
			return usr_fail(ENOENT, "there is no disk /dev/nbd%d", number);
		if (usr_nbd_pair(ends, max_transfer))
			return -1;
		result = usr_nbd_netlink_reconfigure(kernel->netlink,
						     kernel->family, number,
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

static int usr_nbd_connect(struct nbd_kernel *kernel,
			   const struct usr_block_disk *what)
{
	int ends[2], result;

	if (!usr_nbd_exists(what->number))
		return usr_fail(ENOENT, "there is no /dev/nbd%d; `modprobe nbd nbds_max=%d` makes it",
				what->number, what->number + 1);
	if (usr_nbd_used(what->number))
		return usr_fail(EBUSY, "/dev/nbd%d is in use; if its server is dead, add it with USR_BLOCK_RESUME or remove it by usr_block_abandon()",
				what->number);
	if (usr_nbd_limit(what) || usr_nbd_pair(ends, what->max_transfer))
		return -1;
	result = usr_nbd_netlink_connect(kernel->netlink, kernel->family, what,
					 ends[1]);
	close(ends[1]);
	if (!result)
		return ends[0];
	close(ends[0]);
	return usr_fail(-result, "nbd refuses /dev/nbd%d: %s", what->number,
			strerror(-result));
}

/* Return: our end, and what->number is a disk's; or -1. */
int usr_nbd_kernel_connect(struct nbd_kernel *kernel,
			   struct usr_block_disk *what)
{
	int number, socket;

	if (kernel->by_broker)
		return usr_nbd_broker_connect(&kernel->broker, what);
	if (what->number >= 0)
		return usr_nbd_connect(kernel, what);
	for (number = 0; usr_nbd_exists(number); number++) {
		what->number = number;
		if (usr_nbd_used(number))
			continue;
		socket = usr_nbd_connect(kernel, what);
		if (socket >= 0)
			return socket;
		if (!usr_nbd_used(number) && errno != EBUSY)
			return -1;
	}
	return usr_fail(EBUSY, "all %d /dev/nbdN are in use; `modprobe nbd nbds_max=N` makes more",
			number);
}

int usr_nbd_kernel_disconnect(struct nbd_kernel *kernel, int number)
{
	int result;

	if (kernel->by_broker)
		return usr_nbd_broker_disconnect(&kernel->broker, number);
	result = usr_nbd_netlink_disconnect(kernel->netlink, kernel->family,
					    number);
	return result ? usr_fail(-result, "cannot remove /dev/nbd%d: %s", number,
				 strerror(-result)) : 0;
}
