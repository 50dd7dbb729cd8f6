/* SPDX-License-Identifier: MIT */
/*
 * The IDE driver's interface: a controller with two channels, two disks each.
 *
 *	struct ide *ide = ide_start(fd, 0, &problem);
 *	struct ide_request request = {
 *		.op = IDE_READ, .lba = 0, .sectors = 8, .buffer = memory,
 *		.segments = &segment, .segment_count = 1,
 *	};
 *	ide_run(&ide->channel[0].disk[0], &request);
 *
 * or, for many at once, ide_submit(); then ide_progress() when a channel's
 * interrupt file is readable, ide_expire() at ide_deadline(), and ide_finished()
 * for what is done.  One thread.
 */
#ifndef IDE_H
#define IDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "udrv.h"
#include "ata.h"
#include "prd.h"

#define IDE_CHANNELS	2
#define IDE_UNITS	2
#define IDE_DISKS	(IDE_CHANNELS * IDE_UNITS)
#define IDE_ADDRESS_BITS 32		/* of the bus master */

enum ide_op { IDE_READ, IDE_WRITE, IDE_FLUSH, IDE_TRIM };

/**
 * struct ide_request - something a disk is to do
 * @op: what
 * @lba: first sector; not for a flush
 * @sectors: how many; 0 for a flush
 * @buffer: the data, any alignment
 * @segments: the same memory as the controller sees it; NULL = by PIO
 * @segment_count: elements at @segments
 * @cookie: the caller's
 * @error: 0, or an errno: EIO, ENODEV (the controller is gone, or there was no
 *	disk from the start), EINVAL (not on this disk), EOPNOTSUPP
 * @bad_lba: with EIO of a read or write: the sector that failed; all before it
 *	are done
 * @problem: with an error, a sentence
 */
struct ide_request {
	enum ide_op op;
	uint64_t lba;
	uint32_t sectors;
	void *buffer;
	const struct udrv_dma_segment *segments;
	unsigned segment_count;
	void *cookie;

	int error;
	uint64_t bad_lba;
	char problem[160];

	/* The driver's. */
	struct ide_disk *disk;
	struct ide_request *next;
	bool finished;
	bool singly;			/* sector by sector, after an error */
	uint32_t done;			/* sectors */
	unsigned tries;			/* of the present command */
};

struct ide_disk {
	struct ide_channel *channel;
	unsigned unit;			/* 0 master, 1 slave */
	bool present;			/* a disk that can be used */
	bool lost;			/* was one, and is given up */
	char declined[96];		/* then: what is there and why not */
	struct ata_identity identity;
	bool by_dma;
	unsigned multiple;		/* sectors of a PIO block, 1 = SET MULTIPLE off */
	bool forgetful;			/* was reset: its modes are to be set again */
	unsigned missed;		/* resets in a row it did not come back from */
	unsigned link_faults;		/* of DMA: cable, bus, time-outs */
	unsigned link_good;		/* DMA commands since the last of them */
};

struct ide_channel {
	struct ide *ide;
	unsigned index;			/* 0 primary, 1 secondary */
	bool present;
	unsigned command_region;
	unsigned control_region, control_offset;
	bool has_master;
	unsigned master_offset;		/* in BAR 4 */
	int irq_fd;			/* -1: polled */
	volatile struct udrv_event_slot *slot;
	struct prd *table;
	uint64_t table_iova;
	uint8_t *trim_block;
	uint64_t trim_iova;
	struct ide_disk disk[IDE_UNITS];

	struct ide_request *active, *first, *last;
	enum ide_stage {
		IDE_IDLE, IDE_TO_BEGIN, IDE_IN_DMA, IDE_IN_PIO,
		IDE_IN_COMMAND, IDE_IN_RESET
	} stage;
	int selected;			/* unit, -1 = unknown */
	int direction;			/* in the bus master, -1 = unknown */
	bool dirty;			/* its status may need clearing */
	uint32_t chunk;			/* sectors of the present command */
	uint32_t moved;			/* of them by PIO */
	uint64_t deadline_ns;		/* CLOCK_MONOTONIC: of the command or reset */
	uint64_t look_ns;		/* look without an interrupt, 0 = no need */
	unsigned reset_unit;		/* that is waited for */
	int after_reset;		/* enum recover_verdict */
};

struct ide_statistics {
	uint64_t commands, sectors, retries, resets, timeouts, fallbacks;
};

struct ide {
	int fd;
	bool polled;
	struct usr_dma memory;		/* descriptor tables, TRIM blocks */
	volatile struct udrv_event_slot *slots;
	unsigned vectors;
	struct ide_channel channel[IDE_CHANNELS];
	struct ide_request *done_first, *done_last;
	struct ide_statistics statistics;
	/* Told of what went wrong and was mended; may be NULL. */
	void (*tell)(const struct ide_disk *disk, const char *sentence);
};

#define IDE_POLLED	(1u << 0)	/* no interrupts */
#define IDE_BY_PIO	(1u << 1)	/* no DMA */

/* controller.c */

/**
 * ide_start() - take the controller over and find its disks
 * @ide: filled in; it must stay where it is
 * @fd: of usr_open(); whatever its last driver left running is stopped
 * @flags: IDE_POLLED, IDE_BY_PIO, or 0
 * @tell: see struct ide
 *
 * Memory that a dead predecessor allocated on the same open is taken over.
 *
 * Return: NULL, or why not, a sentence.
 */
const char *ide_start(struct ide *ide, int fd, unsigned flags,
		      void (*tell)(const struct ide_disk *, const char *));

/* Undo ide_start(); requests that are not done are forgotten.  fd stays open. */
void ide_stop(struct ide *ide);

/**
 * ide_memory() - DMA memory, of a dead predecessor or new
 * @fd: of usr_open()
 * @length: bytes; a predecessor's buffer is known by it
 * @dma: filled in
 *
 * Return: 0, or -1 with usr_dma_alloc()'s errors.
 */
int ide_memory(int fd, size_t length, struct usr_dma *dma);

/* "primary master" and so on; index is 0 to IDE_DISKS - 1. */
const char *ide_disk_name(const struct ide_disk *disk);
struct ide_disk *ide_disk(struct ide *ide, unsigned index);
unsigned ide_disk_index(const struct ide_disk *disk);

/* request.c */

/* Begin it as soon as its channel is free.  It may be finished on return. */
void ide_submit(struct ide_disk *disk, struct ide_request *request);

/**
 * ide_progress() - look at a channel, after an interrupt or to poll it
 * @channel: which
 * @patience_us: how long to wait in the kernel for a busy device, 0 = not
 */
void ide_progress(struct ide_channel *channel, unsigned patience_us);

/* When must ide_expire() be called?  CLOCK_MONOTONIC ns, UINT64_MAX = never. */
uint64_t ide_deadline(const struct ide *ide);
void ide_expire(struct ide *ide);
uint64_t ide_now(void);

/* Take a finished request, or NULL. */
struct ide_request *ide_finished(struct ide *ide);

/**
 * ide_run() - do a request and wait for it
 * @disk: which; nothing else is to be submitted to its controller meanwhile
 * @request: filled in
 *
 * Return: its error.
 */
int ide_run(struct ide_disk *disk, struct ide_request *request);

#endif
