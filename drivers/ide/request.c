// SPDX-License-Identifier: MIT
/*
 * Requests: one command at a time on each channel, as many as a request needs;
 * who is next, and what becomes of one that fails.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include "command.h"

/* How long a poll may hold the processor in the kernel. */
#define POLL_SLICE_US		20000

uint64_t ide_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ------------------------------------------------------------ done requests */

static void append_done(struct ide *ide, struct ide_request *r)
{
	r->finished = true;
	r->next = NULL;
	if (ide->done_last)
		ide->done_last->next = r;
	else
		ide->done_first = r;
	ide->done_last = r;
}

struct ide_request *ide_finished(struct ide *ide)
{
	struct ide_request *r = ide->done_first;

	if (!r)
		return NULL;
	ide->done_first = r->next;
	if (!ide->done_first)
		ide->done_last = NULL;
	return r;
}

/* The channel is free again. */
static void finish(struct ide_channel *c)
{
	struct ide_request *r = c->active;

	c->active = NULL;
	c->stage = IDE_IDLE;
	append_done(c->ide, r);
}

/* With r->problem, or another sentence. */
static void blame(struct ide_request *r, int error, const char *problem)
{
	r->error = error;
	r->bad_lba = r->lba + r->done;
	if (problem)
		snprintf(r->problem, sizeof(r->problem), "%s", problem);
}

static void fail(struct ide_channel *c, int error, const char *problem)
{
	blame(c->active, error, problem);
	finish(c);
}

/* ------------------------------------------------------- ends of a command */

void ide_command_done(struct ide_channel *c)
{
	struct ide_request *r = c->active;

	if (c->stage == IDE_IN_DMA)
		recover_link_is_good(r->disk);
	c->ide->statistics.sectors += c->chunk;
	r->done += c->chunk;
	r->tries = 0;
	if (r->op == IDE_FLUSH || r->done == r->sectors)
		finish(c);
	else
		c->stage = IDE_TO_BEGIN;
}

static void follow(struct ide_channel *c, enum recover_verdict verdict)
{
	struct ide_request *r = c->active;

	if (verdict == RECOVER_GIVE_UP) {
		fail(c, EIO, NULL);
		return;
	}
	if (verdict == RECOVER_SINGLY) {
		r->singly = true;
		r->tries = 0;
	}
	c->stage = IDE_TO_BEGIN;
}

static void begin_reset(struct ide_channel *c, enum recover_verdict verdict)
{
	int ret = ide_begin_reset(c);

	if (ret) {
		fail(c, ret == ETIMEDOUT ? EIO : ret, usr_error());
		return;
	}
	c->stage = IDE_IN_RESET;
	c->after_reset = verdict;
	c->look_ns = ide_now() + IDE_LOOK_NS;
	c->deadline_ns = ide_now() + IDE_RESET_NS;
}

/* Nobody answers, or one of them does not: once more, without the lost. */
static void missed_reset(struct ide_channel *c, bool nobody)
{
	unsigned unit = c->reset_unit;

	do
		recover_missed_reset(&c->disk[unit]);
	while (nobody && ++unit < IDE_UNITS);
	if (c->active->disk->lost)
		fail(c, EIO, c->active->disk->declined);
	else
		begin_reset(c, (enum recover_verdict)c->after_reset);
}

/*
 * It may take half a minute; the device is looked at now and then.  One that
 * drives nothing may be starting up.
 */
static void look_at_reset(struct ide_channel *c)
{
	int ret = ide_look_at_reset(c);

	if (!ret)
		follow(c, (enum recover_verdict)c->after_reset);
	else if (ret != EBUSY && ret != ENXIO)
		fail(c, ret, usr_error());
	else if (ide_now() >= c->deadline_ns)
		missed_reset(c, ret == ENXIO);
	else
		c->look_ns = ide_now() + IDE_LOOK_NS;
}

void ide_command_failed(struct ide_channel *c, enum recover_fault fault,
			uint8_t status, uint8_t error)
{
	enum recover_verdict verdict;
	bool reset;

	verdict = recover(c, fault, status, error, &reset);
	if (reset)
		begin_reset(c, verdict);
	else
		follow(c, verdict);
}

/*
 * The device was not even asked, or vanished.  The memory goes back to whoever
 * gave it, so nothing may be on its way there.
 */
void ide_program_failed(struct ide_channel *c, int error)
{
	blame(c->active, error, usr_error());
	ide_stop_master(c);
	c->selected = -1;
	finish(c);
}

/*
 * Begin what is to be begun: the next command of a request, or the next
 * request.  The only caller of ide_begin_command(), so that commands which end
 * at once do not nest.
 */
static void advance(struct ide_channel *c)
{
	for (;;) {
		if (c->stage == IDE_IDLE && c->first) {
			c->active = c->first;
			c->first = c->active->next;
			if (!c->first)
				c->last = NULL;
			c->stage = IDE_TO_BEGIN;
		}
		if (c->stage != IDE_TO_BEGIN)
			return;
		if (c->active->disk->lost)
			fail(c, EIO, c->active->disk->declined);
		else
			ide_begin_command(c);
	}
}

/* ---------------------------------------------------------------- interface */

void ide_progress(struct ide_channel *c, unsigned patience_us)
{
	/* Taken before the device is looked at, so that none is missed. */
	if (c->slot)
		usr_event_take(c->slot);
	if (c->stage == IDE_IN_RESET)
		look_at_reset(c);
	else
		ide_look(c, patience_us);
	advance(c);
}

static uint64_t channel_deadline(const struct ide_channel *c)
{
	if (!c->active)
		return UINT64_MAX;
	return c->look_ns && c->look_ns < c->deadline_ns ? c->look_ns :
	       c->deadline_ns;
}

uint64_t ide_deadline(const struct ide *ide)
{
	uint64_t first = UINT64_MAX;

	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		uint64_t its = channel_deadline(&ide->channel[i]);

		if (its < first)
			first = its;
	}
	return first;
}

static void expire(struct ide_channel *c)
{
	const struct ide_request *r = c->active;
	struct ide_disk *disk = r->disk;
	uint8_t status = 0, error = 0;
	/* We may be late ourselves. */
	bool told = c->ide->polled || c->stage == IDE_IN_RESET ||
		    (c->slot && usr_event_take(c->slot)) ||
		    ide_now() < c->deadline_ns;

	ide_progress(c, 0);
	if (c->active != r || c->stage == IDE_IN_RESET ||
	    ide_now() < c->deadline_ns) {
		if (!told)
			recover_tell(disk, "an interrupt was lost: found done when time was up");
		return;
	}
	c->ide->statistics.timeouts++;
	ide_read_status(c, &status, &error);
	ide_command_failed(c, RECOVER_TIMEOUT, status, error);
	advance(c);
}

void ide_expire(struct ide *ide)
{
	for (unsigned i = 0; i < IDE_CHANNELS; i++)
		if (ide_now() >= channel_deadline(&ide->channel[i]))
			expire(&ide->channel[i]);
}

static const char *refuse(const struct ide_disk *disk,
			  const struct ide_request *r, int *error)
{
	const struct ata_identity *id = &disk->identity;

	*error = EINVAL;
	if (!disk->present) {
		*error = ENODEV;
		return "there is no disk";
	}
	if (disk->lost) {
		*error = EIO;
		return disk->declined;
	}
	if (r->op == IDE_FLUSH) {
		*error = EOPNOTSUPP;
		return id->flush || id->flush_ext ? NULL : "the disk has no flush command";
	}
	if (!r->sectors || r->lba >= id->sectors || r->sectors > id->sectors - r->lba)
		return "the request is empty or goes beyond the end of the disk";
	if (r->op == IDE_TRIM && (!id->trim || !disk->by_dma)) {
		*error = EOPNOTSUPP;
		return "the disk has no TRIM, or not by DMA";
	}
	if (r->op != IDE_TRIM && !r->buffer)
		return "the request has no memory";
	return NULL;
}

void ide_submit(struct ide_disk *disk, struct ide_request *r)
{
	struct ide_channel *c = disk->channel;
	const char *problem;
	int error;

	r->disk = disk;
	r->next = NULL;
	r->finished = false;
	r->singly = false;
	r->done = 0;
	r->tries = 0;
	r->error = 0;
	problem = refuse(disk, r, &error);
	if (problem) {
		blame(r, error, problem);
		append_done(c->ide, r);
		return;
	}
	if (c->last)
		c->last->next = r;
	else
		c->first = r;
	c->last = r;
	advance(c);
}

/* Wait for an interrupt of the channel, or until it is to be looked at: false. */
static bool await(const struct ide_channel *c)
{
	struct pollfd file = { .fd = c->irq_fd, .events = POLLIN };
	uint64_t now = ide_now(), end = channel_deadline(c);

	return poll(&file, 1, now >= end ? 0 : (int)((end - now) / 1000000) + 1) > 0;
}

int ide_run(struct ide_disk *disk, struct ide_request *r)
{
	struct ide_channel *c = disk->channel;

	ide_submit(disk, r);
	while (!r->finished) {
		if (c->stage == IDE_IN_RESET || !c->ide->polled) {
			if (await(c))
				ide_progress(c, 0);
		} else {
			ide_progress(c, POLL_SLICE_US);
		}
		if (!r->finished)
			ide_expire(c->ide);
	}
	ide_finished(c->ide);
	return r->error;
}
