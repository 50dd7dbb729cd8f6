// SPDX-License-Identifier: MIT
/* A disk by NBD: coming, going, and changing hands. */
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "block_nbd.h"
#include "block_nbd_broker.h"

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

/* --- a new disk */

/* Opening it has the kernel look for partitions. */
int usr_nbd_sync(struct block_disk *disk, bool mounts)
{
	if (!usr_nbd_server(disk)->kernel.by_broker)
		return usr_block_helper_start(disk, mounts);
	disk->helper.pipe = usr_nbd_broker_sync(&usr_nbd_server(disk)->kernel.broker,
						disk->what.number, mounts);
	disk->helper.asked = disk->helper.pipe >= 0;
	return disk->helper.asked ? 0 : -1;
}

static int usr_nbd_make(struct nbd_disk *disk)
{
	struct block_disk *base = &disk->base;
	int socket, error;

	socket = usr_nbd_kernel_connect(&usr_nbd_server(base)->kernel, &base->what);
	if (socket < 0 || usr_nbd_begin(disk, socket))
		return -1;
	snprintf(base->path, sizeof(base->path), "/dev/nbd%d", base->what.number);
	if (!usr_nbd_sync(base, false) && !base->server->ops->helper(base))
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
	socket = usr_nbd_kernel_replace(&server->kernel, what->number, what,
					what->max_transfer);
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
	int socket = usr_nbd_kernel_replace(&server->kernel,
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
	usr_nbd_broken(disk);
	disk->removed = true;
	return usr_nbd_kernel_disconnect(&usr_nbd_server(&disk->base)->kernel,
					 disk->base.what.number);
}

int usr_nbd_abandon(int number)
{
	struct nbd_kernel kernel;
	int socket, result = -1;

	if (!usr_nbd_kernel_open(&kernel)) {
		/* If the kernel takes a connection, there was none. */
		socket = usr_nbd_kernel_replace(&kernel, number, NULL, 65536);
		if (socket >= 0) {
			close(socket);
			result = usr_nbd_kernel_disconnect(&kernel, number);
		}
	}
	usr_nbd_kernel_close(&kernel);
	return result;
}
