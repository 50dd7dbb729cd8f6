/* SPDX-License-Identifier: MIT */
/* What the two halves of the ublk side share. */
#ifndef UDRV_BLOCK_UBLK_H
#define UDRV_BLOCK_UBLK_H

#include <liburing.h>

#include "block.h"
#include "block_ublk_abi.h"

/* /dev/ublk-control and a ring of its own, for commands that are waited for. */
struct ublk_control {
	int fd;
	struct io_uring ring;
	bool has_ring;
	bool encoded;		/* commands are, on this kernel */
};

struct ublk_server {
	struct usr_block_server base;
	struct ublk_control control;
	struct io_uring ring;
	bool has_ring;
};

struct ublk_disk {
	struct block_disk base;
	int device;			/* /dev/ublkcN */
	const struct ublksrv_io_desc *requests;	/* written by the kernel */
	size_t requests_size;
	unsigned ended;			/* tags that the kernel has taken back */
	bool added;			/* there is a number to be deleted */
	bool deleting;
	bool open[USR_BLOCK_MAX_DEPTH];	/* the driver has it */
};

/* What an entry of the ring is about: a byte each, and 16 bits of tag. */
enum ublk_about {
	UBLK_REQUEST,
	UBLK_WATCH,		/* tag: generation */
	UBLK_HELPER,
	UBLK_START,
	UBLK_STOP,
	UBLK_DELETE,
	UBLK_IGNORE,
};

static inline uint64_t usr_ublk_about(enum ublk_about about, unsigned index,
				      unsigned tag)
{
	return (uint64_t)about << 24 | index << 16 | tag;
}

/* Between looks at what the kernel has no event for. */
#define UBLK_LOOK_MS	20

/* block_ublk.c */

struct io_uring_sqe *usr_ublk_sqe(struct ublk_server *server);
int usr_ublk_fetch_all(struct ublk_disk *disk);

/* block_ublk_control.c */

int usr_ublk_control_open(struct ublk_control *control);
void usr_ublk_control_close(struct ublk_control *control);
int usr_ublk_ask(struct ublk_control *control, unsigned op, int number,
		 void *data, size_t size);
int usr_ublk_info(struct ublk_control *control, int number,
		  struct ublksrv_ctrl_dev_info *info);
int usr_ublk_plain(struct ublk_control *control, unsigned op, int number);
int usr_ublk_delete(struct ublk_control *control, int number);
int usr_ublk_add(struct block_disk *disk);
int usr_ublk_remove(struct block_disk *disk);
void usr_ublk_release(struct ublk_disk *disk);
void usr_ublk_params(const struct usr_block_disk *what,
		     struct ublk_params *params);

/* A command was answered. */
void usr_ublk_started(struct ublk_disk *disk, int result,
		      struct block_events *events);
void usr_ublk_deleted(struct ublk_disk *disk, int result,
		      struct block_events *events);

/* All tags are back: nobody serves the disk any more. */
void usr_ublk_ended(struct ublk_disk *disk);

/* block_ublk_dead.c */

int usr_ublk_take(struct ublk_disk *disk);
int usr_ublk_abandon(int number);

static inline struct ublk_server *usr_ublk_server(const struct block_disk *disk)
{
	return (struct ublk_server *)disk->server;
}

static inline unsigned usr_ublk_op(const struct ublk_control *control,
				   unsigned encoded)
{
	return control->encoded ? encoded : _IOC_NR(encoded);
}

#endif
