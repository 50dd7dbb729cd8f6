/* SPDX-License-Identifier: MIT */
/*
 * libudrv's block hook: make a disk of the kernel's out of whatever a driver
 * can read and write.
 *
 * The kernel's side is ublk where the kernel has it, NBD elsewhere; a driver
 * need not care.  One server holds any number of disks and runs in one thread:
 *
 *	server = usr_block_server_new(USR_BLOCK_ANY);
 *	usr_block_watch(server, device_fd);
 *	usr_block_add(server, &disk);
 *	for (;;) {
 *		n = usr_block_wait(server, events, 16, -1);
 *		for each event:
 *			USR_BLOCK_REQUEST: start it on the device
 *			USR_BLOCK_READABLE: the device interrupted; for what is
 *				done: usr_block_complete(server, disk, tag, 0)
 *	}
 *
 * Requests are completed in any order.  Data is in the driver's own buffers,
 * one for each tag, which it maps for DMA once.  usr_block_wait() is the only
 * call that sleeps, and sends what was completed before it; nothing is
 * allocated between the event READY and usr_block_stop().
 *
 * A disk with an outage limit outlives its server: requests wait, and a
 * successor that adds a disk of the same kind and number with
 * USR_BLOCK_RESUME gets them, those the dead server had begun included.
 */
#ifndef UDRV_BLOCK_H
#define UDRV_BLOCK_H

#include "udrv.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How the kernel gets at the server. */
enum usr_block_kind {
	USR_BLOCK_ANY,			/* ublk if the kernel has it, else NBD */
	USR_BLOCK_UBLK,			/* /dev/ublkbN */
	USR_BLOCK_NBD,			/* /dev/nbdN */
};

/* usr_block_disk.flags */
#define USR_BLOCK_CACHE		(1u << 0)	/* writes are lost without a flush */
#define USR_BLOCK_DISCARD	(1u << 1)	/* takes USR_BLOCK_OP_DISCARD */
#define USR_BLOCK_READ_ONLY	(1u << 2)
#define USR_BLOCK_ROTATIONAL	(1u << 3)
#define USR_BLOCK_RESUME	(1u << 4)	/* take over a dead server's disk */

#define USR_BLOCK_MAX_DEPTH	128
#define USR_BLOCK_MAX_TRANSFER	(1u << 20)
#define USR_BLOCK_MAX_DISKS	16		/* of one server */
#define USR_BLOCK_MAX_WATCHES	8		/* of one server */

/**
 * struct usr_block_disk - what the kernel is told of a disk
 * @bytes: its size, a multiple of @block_size
 * @block_size: logical block, 512 to 4096, a power of two
 * @physical_block_size: what it likes best, at least @block_size (NBD's kernel
 *	side does not tell it)
 * @flags: USR_BLOCK_CACHE and others
 * @max_transfer: bytes of one request, a multiple of the page size up to
 *	USR_BLOCK_MAX_TRANSFER
 * @depth: requests at a time, 1 to USR_BLOCK_MAX_DEPTH
 * @max_discard: bytes of one discard; 0 without USR_BLOCK_DISCARD
 * @discard_granularity: bytes; 0 without USR_BLOCK_DISCARD
 * @buffers: page-aligned, @depth * @max_transfer bytes; the request with tag t
 *	has its data at t * @max_transfer
 * @number: N of /dev/ublkbN or /dev/nbdN; -1 = a free one
 * @outage_s: seconds that requests wait for a successor when the server dies;
 *	0 = they fail at once (NBD: those begun after @answer_s).  ublk waits
 *	until somebody calls usr_block_abandon(), which also frees the number
 * @answer_s: seconds after which NBD takes an unanswered request for lost and
 *	sends it again, within @outage_s, when the driver has completed all it
 *	had; 0 = 30.  Also how long NBD takes to notice what a dead server had
 *	begun.  ublk waits for answers without a limit
 */
struct usr_block_disk {
	uint64_t bytes;
	uint32_t block_size;
	uint32_t physical_block_size;
	uint32_t flags;
	uint32_t max_transfer;
	uint32_t depth;
	uint32_t max_discard;
	uint32_t discard_granularity;
	void *buffers;
	int number;
	uint32_t outage_s;
	uint32_t answer_s;
};

enum usr_block_op {
	USR_BLOCK_OP_READ,
	USR_BLOCK_OP_WRITE,
	USR_BLOCK_OP_FLUSH,		/* all completed writes to the medium */
	USR_BLOCK_OP_DISCARD,
};

enum usr_block_event_kind {
	USR_BLOCK_READY,	/* the kernel's disk is there: usr_block_path() */
	USR_BLOCK_REQUEST,	/* complete it */
	USR_BLOCK_READABLE,	/* a watched file */
	USR_BLOCK_STOPPED,	/* the disk is gone: by usr_block_stop(), by
				 * somebody else, or since it never came (error)
				 */
};

/**
 * struct usr_block_event - what usr_block_wait() has to tell
 * @kind: which of the fields below are valid
 * @disk: usr_block_add()'s index (all but READABLE)
 * @tag: REQUEST: names it until it is completed, below the disk's depth
 * @op: REQUEST: what to do
 * @offset: REQUEST: bytes from the disk's start, whole blocks
 * @bytes: REQUEST: how many, whole blocks; 0 for a flush
 * @buffer: REQUEST: where the data is or goes; NULL for flush and discard
 * @fd: READABLE: which file
 * @error: STOPPED: 0, or an errno; usr_error() has the sentence
 */
struct usr_block_event {
	enum usr_block_event_kind kind;
	unsigned disk;
	unsigned tag;
	enum usr_block_op op;
	uint64_t offset;
	uint32_t bytes;
	void *buffer;
	int fd;
	int error;
};

struct usr_block_server;

/**
 * usr_block_server_new() - make a server without disks
 * @kind: how; USR_BLOCK_ANY chooses
 *
 * For root; or for who may ask the system's broker (udrv-nbd.socket, which has
 * NBD only).  All other calls are made by the thread that made it.  Loads the
 * kernel's module (ublk_drv, nbd) if it is not there.
 *
 * Return: a server, or NULL.  EOPNOTSUPP: the kernel has neither, or not
 * @kind; usr_error() says which module is missing.  EPERM: not root, no broker.  ENOMEM.
 */
USR_API struct usr_block_server *
usr_block_server_new(enum usr_block_kind kind);

/**
 * usr_block_server_kind() - what it is, never USR_BLOCK_ANY
 * @server: of usr_block_server_new()
 *
 * Return: USR_BLOCK_UBLK or USR_BLOCK_NBD.
 */
USR_API enum usr_block_kind
usr_block_server_kind(const struct usr_block_server *server);

/**
 * usr_block_server_free() - end a server
 * @server: of usr_block_server_new(), or NULL
 *
 * A disk that was not stopped is left as by the death of the process.
 */
USR_API void usr_block_server_free(struct usr_block_server *server);

/**
 * usr_block_add() - make a disk
 * @server: of usr_block_server_new()
 * @disk: copied; its buffers must stay until the disk is STOPPED
 *
 * The event READY follows; or STOPPED with an error.  Requests may come before
 * it: the kernel looks for partitions, ublk of newer kernels (7.2) after it, too.
 *
 * Return: the disk's index, from 0, or -1.  EINVAL: a field of @disk,
 * usr_error() names it.  ENOSPC: too many disks.  EBUSY: @number is in use, or,
 * with USR_BLOCK_RESUME, its server lives.  ENOENT: nothing to resume.  EPERM.
 */
USR_API int usr_block_add(struct usr_block_server *server,
			  const struct usr_block_disk *disk);

/**
 * usr_block_path() - where the kernel's disk is
 * @server: of usr_block_server_new()
 * @disk: usr_block_add()'s index
 *
 * Return: "/dev/ublkb0", "/dev/nbd0", ...; good until the server is freed.
 */
USR_API const char *usr_block_path(const struct usr_block_server *server,
				   unsigned disk);

/**
 * usr_block_number() - the N in usr_block_path(), for a successor
 * @server: of usr_block_server_new()
 * @disk: usr_block_add()'s index
 *
 * Return: the number.
 */
USR_API int usr_block_number(const struct usr_block_server *server,
			     unsigned disk);

/**
 * usr_block_watch() - have usr_block_wait() tell when a file is readable
 * @server: of usr_block_server_new()
 * @fd: a device's file, a vector's, a timerfd, a signalfd, ...
 *
 * The event READABLE comes as often as usr_block_wait() is called with something
 * to read: one read for each event is enough.
 *
 * Return: 0, or -1.  ENOSPC: too many.  EINVAL: not an open file, one that
 * cannot be polled, or watched already.
 */
USR_API int usr_block_watch(struct usr_block_server *server, int fd);

/**
 * usr_block_unwatch() - take a file off the watch list
 * @server: of usr_block_server_new()
 * @fd: of usr_block_watch(); call this before closing it
 *
 * For a file that stays readable for good, as a removed device's does.
 *
 * Return: 0, or -1.  EINVAL: it is not watched.
 */
USR_API int usr_block_unwatch(struct usr_block_server *server, int fd);

/**
 * usr_block_wait() - hand over what is complete, get what is new
 * @server: of usr_block_server_new()
 * @events: filled in
 * @capacity: elements at @events, at least 1; the rest comes with the next call
 * @timeout_ms: -1 = until there is an event, 0 = do not sleep
 *
 * Return: the number of events, 0 after the time-out, or -1.  EINTR: a signal.
 */
USR_API int usr_block_wait(struct usr_block_server *server,
			   struct usr_block_event *events, unsigned capacity,
			   int timeout_ms);

/**
 * usr_block_complete() - a request is done, or failed
 * @server: of usr_block_server_new()
 * @disk: of the event
 * @tag: of the event
 * @error: 0, or an errno that whoever made the request gets (EIO, EOPNOTSUPP,
 *	ENOSPC, ...)
 *
 * Return: 0, or -1.  EINVAL: no such request is open.
 */
USR_API int usr_block_complete(struct usr_block_server *server, unsigned disk,
			       unsigned tag, int error);

/**
 * usr_block_stop() - take the disk away in good order
 * @server: of usr_block_server_new()
 * @disk: usr_block_add()'s index
 *
 * Has the kernel write back what it holds for the disk, mounted filesystems
 * included, then removes it.  Keep serving until the event STOPPED.  Starts
 * processes (/bin/sync) for it, which end by themselves.  Who has the disk open
 * or mounted gets errors afterwards; ublk before Linux 6.9 waits until nobody
 * has.
 *
 * Return: 0, or -1.  EALREADY: it is being stopped, or is.  EINVAL: no such
 * disk.
 */
USR_API int usr_block_stop(struct usr_block_server *server, unsigned disk);

/**
 * usr_block_abandon() - remove a disk whose server is dead and has no successor
 * @kind: USR_BLOCK_UBLK or USR_BLOCK_NBD
 * @number: N of its path
 *
 * Its waiting requests fail with EIO.  For who supervises a server: NBD keeps
 * the outage limit by itself, ublk needs this call.
 *
 * Return: 0, or -1.  EBUSY: its server lives.  ENOENT: no such disk.
 */
USR_API int usr_block_abandon(enum usr_block_kind kind, int number);

/**
 * usr_block_harden() - make this process fit to serve a disk it may need itself
 *
 * Locks all its memory, present and future, keeps the out-of-memory killer off
 * it, and marks it an I/O flusher, so that the kernel's memory allocations on
 * its behalf do not wait for its own disk.  Both end with exec; fork keeps the mark but not the locks.
 *
 * Return: 0, or -1.  EPERM, ENOMEM: no CAP_SYS_RESOURCE, or over
 * RLIMIT_MEMLOCK; usr_error() says which.
 */
USR_API int usr_block_harden(void);

#ifdef __cplusplus
}
#endif

#endif /* UDRV_BLOCK_H */
