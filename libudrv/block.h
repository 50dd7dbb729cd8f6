/* SPDX-License-Identifier: MIT */
/*
 * What the block hook's files share.  block.c has the calls and all that the
 * two kinds have in common, block_ublk*.c and block_nbd*.c the rest, behind
 * struct block_ops.
 *
 * A disk's life:
 *
 *	STARTING -> LIVE -> SYNCING -> REMOVING -> STOPPED
 *
 * SYNCING: processes of their own write back what the kernel holds, since
 * whoever waits for our disk must hold neither our memory nor our files: if we
 * die meanwhile those have to be free for a successor.  Somebody else can
 * remove the disk in any state: LOST, until the driver has nothing of it.
 */
#ifndef UDRV_BLOCK_PRIVATE_H
#define UDRV_BLOCK_PRIVATE_H

#include <spawn.h>
#include <stddef.h>

#include "../include/udrv_block.h"
#include "internal.h"

#define BLOCK_SECTOR	512u
#define BLOCK_ANSWER_S	30

enum block_state {
	BLOCK_STARTING,
	BLOCK_LIVE,
	BLOCK_SYNCING,
	BLOCK_REMOVING,
	BLOCK_LOST,
	BLOCK_STOPPED,
};

/* Processes that do something for a disk; the pipe ends when all have. */
struct block_helper {
	int pipe;			/* -1: none at work */
	pid_t pids[2];
	unsigned count;
	bool asked;			/* NBD's broker, whose answer will come there */
};

struct block_disk {
	struct usr_block_server *server;
	unsigned index;
	struct usr_block_disk what;
	enum block_state state;
	bool stop_wanted;		/* while it was STARTING */
	int error;			/* for the event STOPPED */
	const char *doing;		/* what failed with it */
	char path[24];
	struct block_helper helper;
};

struct block_watch {
	int fd;				/* -1: free */
	bool armed;
	uint8_t generation;		/* tells a late answer from a new watch's */
};

struct usr_block_server {
	const struct block_ops *ops;
	struct block_disk *disks[USR_BLOCK_MAX_DISKS];
	unsigned disk_count;
	struct block_watch watches[USR_BLOCK_MAX_WATCHES];
	unsigned unarmed;		/* bit per watch to be armed by wait() */
};

/* The caller's array. */
struct block_events {
	struct usr_block_event *at;
	unsigned count;
	unsigned capacity;
};

/*
 * Functions that return int fail with -1, errno and a sentence.
 *
 * @open: get ready for disks
 * @close: let go of everything, disks included; also after a failed open
 * @add: a new disk, or a dead server's
 * @sync: start what writes the disk (and mounted filesystems) back, and opens it
 * @helper: tell block_helper_done() when disk->helper.pipe ends
 * @remove: the kernel's disk, written back; ends with block_stopped()
 * @watch, @unwatch: server->watches[watch]
 * @wait: at least one event, unless time is up; timeout as usr_block_wait()'s
 * @complete: tag is below the depth
 * @abandon: usr_block_abandon()
 */
struct block_ops {
	enum usr_block_kind kind;
	const char *name;
	size_t server_size;
	size_t disk_size;
	int (*open)(struct usr_block_server *server);
	void (*close)(struct usr_block_server *server);
	int (*add)(struct block_disk *disk);
	int (*sync)(struct block_disk *disk, bool mounts);
	int (*helper)(struct block_disk *disk);
	int (*remove)(struct block_disk *disk);
	int (*watch)(struct usr_block_server *server, unsigned watch);
	void (*unwatch)(struct usr_block_server *server, unsigned watch);
	int (*wait)(struct usr_block_server *server, struct block_events *events,
		    int timeout_ms);
	int (*complete)(struct block_disk *disk, unsigned tag, int error);
	int (*abandon)(int number);
};

extern const struct block_ops usr_ublk_ops;
extern const struct block_ops usr_nbd_ops;

/* block.c */

struct usr_block_event *usr_block_event_add(struct block_events *events,
					    enum usr_block_event_kind kind,
					    const struct block_disk *disk);
void usr_block_is_ready(struct block_disk *disk, struct block_events *events);
void usr_block_is_stopped(struct block_disk *disk, struct block_events *events);

/* The helper's pipe ended: what its processes were for goes on. */
void usr_block_helper_done(struct block_disk *disk, struct block_events *events);

/* Note why the disk will be STOPPED; the first reason stays. */
void usr_block_blame(struct block_disk *disk, int error, const char *doing);

/* Is this a request that the disk can have?  0, or the errno to answer. */
int usr_block_check(const struct block_disk *disk, enum usr_block_op op,
		    uint64_t offset, uint64_t bytes);

/* Is this a disk that can be?  Fails with EINVAL. */
int usr_block_check_disk(const struct usr_block_disk *what);

void *usr_block_buffer(const struct block_disk *disk, enum usr_block_op op,
		       unsigned tag);

/* block_system.c */

uint64_t usr_block_now_ms(void);
bool usr_block_is_admin(void);
int usr_block_load(const char *module);

/* Write back the disk (and mounted filesystems), which opens it, too. */
int usr_block_helper_start(struct block_disk *disk, bool mounts);
int usr_block_helper_end(struct block_helper *helper);
void usr_block_helper_forget(struct block_helper *helper);

#endif
