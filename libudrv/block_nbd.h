/* SPDX-License-Identifier: MIT */
/* What the parts of the NBD side share. */
#ifndef UDRV_BLOCK_NBD_H
#define UDRV_BLOCK_NBD_H

#include <linux/nbd.h>

#include "block.h"

struct nl_sock;

/* A request, from its header's arrival to its answer's departure. */
enum nbd_tag_state {
	NBD_FREE,
	NBD_ARRIVING,		/* a write's data are not all here */
	NBD_OPEN,		/* the driver has it */
	NBD_AGAIN,		/* the driver gets more of it: a long discard */
	NBD_ANSWERED,		/* to be sent */
};

struct nbd_tag {
	enum nbd_tag_state state;
	enum usr_block_op op;
	uint64_t offset;
	uint64_t left;		/* of a discard longer than the driver takes */
	uint32_t bytes;		/* that the driver has now */
	struct nbd_reply reply;
};

/* Tags in order; as long as there are tags. */
struct nbd_queue {
	uint8_t tags[USR_BLOCK_MAX_DEPTH];
	unsigned first;
	unsigned count;
};

/* One read gets several headers, and of a write little that is not in place. */
#define NBD_AHEAD	(8 * sizeof(struct nbd_request))

/*
 * A request that failed when the kernel had already given up waiting for the
 * answer: it sends it again, and would so for ever.
 */
struct nbd_late {
	enum usr_block_op op;
	uint64_t offset;
	uint32_t bytes;
	int error;		/* 0: free */
	uint64_t until_ms;
};

#define NBD_LATE	8

struct nbd_disk {
	struct block_disk base;
	int socket;		/* -1: the connection is broken */
	bool readable;		/* until a read got less than it asked for */
	bool blocked;		/* the kernel must read before we can write */
	bool removed;		/* there is no disk any more */
	unsigned open;		/* tags that the driver has */
	char ahead[NBD_AHEAD];
	unsigned ahead_first, ahead_end;
	int arriving;		/* the tag whose data come next, or -1 */
	uint64_t arrived;	/* of them */
	uint64_t unwanted;	/* data of a refused write, to be thrown away */
	size_t sent;		/* of the first answer */
	struct nbd_queue free, answers;
	struct nbd_queue again;	/* discards with more to do */
	struct nbd_tag tags[USR_BLOCK_MAX_DEPTH];
	struct nbd_late late[NBD_LATE];
};

/* How to have the kernel make, mend and remove a disk. */
struct nbd_kernel {
	bool by_broker;		/* else by netlink, which takes CAP_SYS_ADMIN */
	int broker;		/* -1: none */
	struct nl_sock *netlink;
	int family;
};

struct nbd_server {
	struct usr_block_server base;
	int epoll;
	struct nbd_kernel kernel;
};

/* What an epoll event is about, with an index. */
enum nbd_about {
	NBD_DISK,
	NBD_WATCH,
	NBD_HELPER,
};

static inline struct nbd_server *usr_nbd_server(const struct block_disk *disk)
{
	return (struct nbd_server *)disk->server;
}

/* block_nbd.c */

int usr_nbd_epoll(struct nbd_server *server, int how, int fd, unsigned events,
		  enum nbd_about about, unsigned index);
void usr_nbd_reset(struct nbd_disk *disk);

/* block_nbd_queue.c: requests in, answers out */

unsigned usr_nbd_pop(struct nbd_queue *queue);
void usr_nbd_push(struct nbd_queue *queue, unsigned tag);
void usr_nbd_receive(struct nbd_disk *disk, struct block_events *events);
void usr_nbd_send(struct nbd_disk *disk);
void usr_nbd_broken(struct nbd_disk *disk);
void usr_nbd_failed_late(struct nbd_disk *disk, const struct nbd_tag *one,
			 int error);

/* block_nbd_control.c */

int usr_nbd_add(struct block_disk *disk);
int usr_nbd_remove(struct block_disk *disk);
int usr_nbd_reconnect(struct nbd_disk *disk);
int usr_nbd_disconnect(struct nbd_disk *disk);
int usr_nbd_abandon(int number);
int usr_nbd_sync(struct block_disk *disk, bool mounts);

/*
 * block_nbd_kernel.c.  connect and replace return the server's end of a
 * connection.
 */

bool usr_nbd_used(int number);
long long usr_nbd_value(int number, const char *name);
int usr_nbd_kernel_open(struct nbd_kernel *kernel);
void usr_nbd_kernel_close(struct nbd_kernel *kernel);
int usr_nbd_kernel_connect(struct nbd_kernel *kernel,
			   struct usr_block_disk *what);
int usr_nbd_kernel_replace(struct nbd_kernel *kernel, int number,
			   const struct usr_block_disk *limits,
			   unsigned max_transfer);
int usr_nbd_kernel_disconnect(struct nbd_kernel *kernel, int number);

/* block_nbd_netlink.c.  Return: 0, or -errno, but for open. */

int usr_nbd_netlink_open(struct nl_sock **netlink, int *family);
void usr_nbd_netlink_close(struct nl_sock *netlink);
int usr_nbd_netlink_connect(struct nl_sock *netlink, int family,
			    const struct usr_block_disk *what, int socket);
int usr_nbd_netlink_reconfigure(struct nl_sock *netlink, int family, int number,
				const struct usr_block_disk *what, int socket);
int usr_nbd_netlink_disconnect(struct nl_sock *netlink, int family, int number);

#endif
