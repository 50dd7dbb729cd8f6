// SPDX-License-Identifier: MIT
/* See recover.h. */
#include <stdio.h>
#include "channel.h"
#include "recover.h"

static void describe(const struct ide_channel *c, enum recover_fault fault,
		     uint8_t status, uint8_t error, char *text, size_t size)
{
	static const char *const ops[] = { "read", "write", "flush", "trim" };
	const struct ide_request *r = c->active;
	char what[96];

	switch (fault) {
	case RECOVER_BUS:
		snprintf(what, sizeof(what), error & BM_ERROR ?
			 "the controller met an error on the bus (bus-master status %02x)" :
			 "the disk moved less than it was asked to (bus-master status %02x)",
			 error);
		break;
	case RECOVER_TIMEOUT:
		snprintf(what, sizeof(what), "no answer in time; status %02x", status);
		break;
	case RECOVER_NOT_READY:
		snprintf(what, sizeof(what), "it does not become ready for a command");
		break;
	default:
		ata_describe(status, error, what, sizeof(what));
	}
	if (r->op == IDE_FLUSH)
		snprintf(text, size, "flush: %s", what);
	else
		snprintf(text, size, "%s of sector %llu%s: %s", ops[r->op],
			 (unsigned long long)(r->lba + r->done),
			 c->chunk > 1 ? " and on" : "", what);
}

void recover_tell(const struct ide_disk *disk, const char *sentence)
{
	if (disk->channel->ide->tell)
		disk->channel->ide->tell(disk, sentence);
}

void recover_lose(struct ide_disk *disk, const char *why)
{
	disk->lost = true;
	snprintf(disk->declined, sizeof(disk->declined), "%s", why);
	if (disk->present)
		recover_tell(disk, why);
}

void recover_missed_reset(struct ide_disk *disk)
{
	if (!disk->lost && ++disk->missed >= IDE_RESETS)
		recover_lose(disk, "it does not come back from a reset: given up");
}

void recover_link_is_good(struct ide_disk *disk)
{
	if (!disk->link_faults || ++disk->link_good < IDE_LINK_GOOD)
		return;
	disk->link_faults = 0;
	disk->link_good = 0;
}

/* Faults that may be DMA's own: after some of them do without it. */
static void count_link_fault(struct ide_channel *c, enum recover_fault fault)
{
	struct ide_disk *disk = c->active->disk;

	if (fault == RECOVER_DEVICE || c->stage != IDE_IN_DMA || !disk->by_dma)
		return;
	disk->link_good = 0;
	if (++disk->link_faults < IDE_LINK_FAULTS)
		return;
	disk->by_dma = false;
	c->ide->statistics.fallbacks++;
	recover_tell(disk, "DMA failed too often: from now on by PIO");
}

enum recover_verdict recover(struct ide_channel *c, enum recover_fault fault,
			     uint8_t status, uint8_t error, bool *reset)
{
	struct ide_request *r = c->active;

	describe(c, fault, status, error, r->problem, sizeof(r->problem));
	count_link_fault(c, fault);
	/* A device that reports its error in good order is ready again. */
	*reset = fault != RECOVER_DEVICE || status & (ATA_DF | ATA_DRQ);
	/*
	 * A flush that failed has lost a sector, and the next one would not
	 * fail: whoever wants the data safe must hear of it now.
	 */
	if (r->op == IDE_FLUSH && fault == RECOVER_DEVICE)
		return RECOVER_GIVE_UP;
	if (r->op == IDE_TRIM && !r->disk->by_dma)
		return RECOVER_GIVE_UP;
	if (++r->tries < IDE_TRIES) {
		c->ide->statistics.retries++;
		/* Once is enough to know of. */
		if (r->tries == 1 && !r->singly)
			recover_tell(r->disk, r->problem);
		return RECOVER_RETRY;
	}
	if ((r->op == IDE_READ || r->op == IDE_WRITE) && c->chunk > 1)
		return RECOVER_SINGLY;
	return RECOVER_GIVE_UP;
}
