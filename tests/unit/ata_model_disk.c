// SPDX-License-Identifier: MIT
/* See ata_model_disk.h. */
#include <string.h>
#include "ata_model_disk.h"
#include "ide/channel.h"

#define COMMAND_NS	1000000ull	/* of any command, and between PIO blocks */
#define FIRST_DATA_NS	5000ull		/* of a write */

/* --------------------------------------------------------------- interrupts */

/*
 * The controller's status has it; where lines are set up, the kernel runs the
 * driver's rule: the status is written back, the disk's is read.
 */
static void interrupt(struct ata_model *m, struct ata_model_channel *c,
		      struct ata_model_disk *d)
{
	if (c->control & CONTROL_NO_INTERRUPT || d != ata_model_selected(c))
		return;
	d->interrupting = true;
	c->master_status |= BM_INTERRUPT;
	if (!m->lines || (d->hit && d->hit->kind == FAULT_SILENT))
		return;
	c->master_status &= (uint8_t)~BM_INTERRUPT;
	d->interrupting = false;
	m->slot[c - m->channel].count++;
}

/* ----------------------------------------------------------------- commands */

static void settle(struct ata_model *m, struct ata_model_channel *c,
		   struct ata_model_disk *d, uint8_t status, uint8_t error)
{
	d->status = ATA_DRDY | status;
	d->error = error;
	interrupt(m, c, d);
}

static uint64_t taskfile_lba(const struct ata_model_channel *c, bool ext)
{
	uint64_t lba = 0;

	for (unsigned i = 0; i < 3; i++)
		lba |= (uint64_t)c->lba[i][0] << (8 * i);
	for (unsigned i = 0; i < 3 && ext; i++)
		lba |= (uint64_t)c->lba[i][1] << (8 * i + 24);
	return ext ? lba : lba | (uint64_t)(c->device & 0xf) << 24;
}

static bool is_dma(uint8_t command)
{
	return command == ATA_CMD_READ_DMA || command == ATA_CMD_WRITE_DMA ||
	       command == ATA_CMD_READ_DMA_EXT || command == ATA_CMD_WRITE_DMA_EXT;
}

static bool is_flush(uint8_t command)
{
	return command == ATA_CMD_FLUSH || command == ATA_CMD_FLUSH_EXT;
}

/* That hits this command, if one does. */
static const struct ata_fault *find_fault(struct ata_model_disk *d)
{
	enum ata_fault_way way = is_dma(d->command) ? BY_DMA :
				 is_flush(d->command) ? BY_FLUSH : BY_PIO;

	for (unsigned i = 0; i < ATA_MODEL_FAULTS; i++) {
		struct ata_fault *f = &d->fault[i];

		if (!f->times || (f->way != way && f->way != BY_ANY))
			continue;
		if (way == BY_FLUSH ? f->way != BY_FLUSH :
		    f->lba < d->lba || f->lba >= d->lba + d->left)
			continue;
		f->times--;
		return f;
	}
	return NULL;
}

/* The next block is in the buffer, or there is room for it. */
static void offer_block(struct ata_model *m, struct ata_model_channel *c,
			struct ata_model_disk *d)
{
	/* No interrupt announces the first data of a write. */
	bool announced = d->reading || d->begun;

	uint32_t some = d->left < d->block ? d->left : d->block;

	if (d->reading)
		memcpy(d->buffer, d->command == ATA_CMD_IDENTIFY ? d->identify :
		       d->data[d->lba], some * ATA_SECTOR);
	d->begun = true;
	d->at = 0;
	d->end = some * ATA_SECTOR;
	d->status = ATA_DRDY | ATA_DRQ;
	if (announced)
		interrupt(m, c, d);
}

/* Bus Master IDE 1.2: descriptors of address and byte count. */
static uint32_t walk_table(struct ata_model *m, struct ata_model_channel *c,
			   struct ata_model_disk *d, uint32_t bytes)
{
	uint8_t *disk = d->data[d->lba];
	uint32_t done = 0, entry[2];
	uint64_t at = c->table - ATA_MODEL_IOVA;

	do {
		uint32_t some;

		memcpy(entry, m->memory + at, sizeof(entry));
		at += sizeof(entry);
		some = (entry[1] & 0xffff) ? entry[1] & 0xffff : 0x10000;
		if (some > bytes - done)
			some = bytes - done;
		ata_model_blame(m, entry[0] < ATA_MODEL_IOVA ||
				entry[0] - ATA_MODEL_IOVA + some > ATA_MODEL_MEMORY,
				"DMA to memory that is not mapped");
		if (m->violations)
			return done;
		if (d->reading)
			memcpy(m->memory + entry[0] - ATA_MODEL_IOVA, disk + done, some);
		else
			memcpy(disk + done, m->memory + entry[0] - ATA_MODEL_IOVA, some);
		done += some;
	} while (done < bytes && !(entry[1] & PRD_LAST));
	return done;
}

static void move_by_dma(struct ata_model *m, struct ata_model_channel *c,
			struct ata_model_disk *d)
{
	uint32_t bytes = d->left * ATA_SECTOR;
	enum ata_fault_kind kind = d->hit ? d->hit->kind : 0;

	ata_model_blame(m, d->reading != !!(c->master & BM_TO_MEMORY),
			"the bus master moves the wrong way");
	if (kind == FAULT_BUS) {
		c->master_status = (uint8_t)((c->master_status | BM_ERROR) & ~BM_ACTIVE);
	} else if (kind == FAULT_SHORT) {
		walk_table(m, c, d, bytes / 2);
	} else {
		ata_model_blame(m, walk_table(m, c, d, bytes) != bytes,
				"the table ends before the transfer does");
		c->master_status &= (uint8_t)~BM_ACTIVE;
	}
	settle(m, c, d, 0, 0);
}

/* The command, or its next block, is due. */
void ata_disk_happen(struct ata_model *m, struct ata_model_channel *c,
		     struct ata_model_disk *d)
{
	enum ata_fault_kind kind = d->hit ? d->hit->kind : 0;

	d->due = ATA_MODEL_FOREVER;
	if (d->resetting) {
		d->resetting = false;
		d->status = ATA_DRDY;		/* and no interrupt */
		return;
	}
	if (kind == FAULT_ERROR || kind == FAULT_DEVICE) {
		settle(m, c, d, kind == FAULT_ERROR ? ATA_ERR : ATA_DF, d->hit->error);
		d->moving = false;
	} else if (!d->moving) {
		settle(m, c, d, 0, 0);
	} else if (is_dma(d->command)) {
		d->moving = false;
		move_by_dma(m, c, d);
	} else if (d->left) {
		offer_block(m, c, d);
	} else {
		d->moving = false;
		settle(m, c, d, kind == FAULT_GREEDY ? ATA_DRQ : 0, 0);
	}
}

static void schedule(struct ata_model *m, struct ata_model_disk *d, uint64_t ns)
{
	d->status = ATA_DRDY | ATA_BSY;
	d->due = ns == ATA_MODEL_FOREVER ? ns : m->now + ns;
}

static uint64_t takes(const struct ata_model_disk *d, uint64_t ns)
{
	if (d->hit && d->hit->kind == FAULT_HANG)
		return ATA_MODEL_FOREVER;
	return d->hit && d->hit->kind == FAULT_SLOW ? d->hit->ns : ns;
}

static void begin_transfer(struct ata_model *m, struct ata_model_channel *c,
			   struct ata_model_disk *d, bool ext)
{
	uint32_t most = ext ? ATA_LBA48_COUNT : ATA_LBA28_COUNT;

	d->lba = taskfile_lba(c, ext);
	d->left = c->count[0] | (ext ? (uint32_t)c->count[1] << 8 : 0);
	d->left = d->left ? d->left : most;
	if (d->lba + d->left > ATA_MODEL_SECTORS) {
		ata_model_blame(m, true, "a transfer beyond the end");
		return;
	}
	d->hit = find_fault(d);
	d->moving = true;
	/* By DMA it waits for the bus master to start. */
	schedule(m, d, is_dma(d->command) ? ATA_MODEL_FOREVER :
		 takes(d, d->reading ? COMMAND_NS : FIRST_DATA_NS));
}

static void set_features(struct ata_model *m, struct ata_model_channel *c,
			 struct ata_model_disk *d)
{
	ata_model_blame(m, c->feature[0] != ATA_FEATURE_TRANSFER_MODE,
			"a feature that is not known");
	if (d->refusals) {
		d->refusals--;
		settle(m, c, d, ATA_ERR, ATA_ABRT);
		return;
	}
	d->mode = c->count[0];
	schedule(m, d, COMMAND_NS);
}

/* READ and WRITE MULTIPLE are aborted until their block size is set. */
static void begin_multiple(struct ata_model *m, struct ata_model_channel *c,
			   struct ata_model_disk *d, bool ext)
{
	d->block = d->multiple;
	ata_model_blame(m, !d->multiple, "READ or WRITE MULTIPLE before SET MULTIPLE");
	if (d->multiple)
		begin_transfer(m, c, d, ext);
	else
		settle(m, c, d, ATA_ERR, ATA_ABRT);
}

static void identify(struct ata_model *m, struct ata_model_disk *d)
{
	d->hit = NULL;
	d->reading = d->moving = true;
	d->lba = 0;
	d->left = d->block = 1;
	schedule(m, d, COMMAND_NS);
}

void ata_disk_command(struct ata_model *m, struct ata_model_channel *c,
		      struct ata_model_disk *d, uint8_t command)
{
	bool ext = false;

	if (!d->present)
		return;
	ata_model_blame(m, d->status & (ATA_BSY | ATA_DRQ), "a command to a busy disk");
	d->commands[command]++;
	d->command = command;
	d->hit = NULL;
	d->block = 1;
	d->interrupting = d->moving = d->reading = d->begun = false;
	switch (command) {
	case ATA_CMD_IDENTIFY:
		identify(m, d);
		break;
	case ATA_CMD_SET_FEATURES:
		set_features(m, c, d);
		break;
	case ATA_CMD_SET_MULTIPLE:
		d->multiple = c->count[0];
		schedule(m, d, COMMAND_NS);
		break;
	case ATA_CMD_FLUSH:
	case ATA_CMD_FLUSH_EXT:
		d->hit = find_fault(d);
		schedule(m, d, takes(d, COMMAND_NS));
		break;
	case ATA_CMD_READ_SECTORS:
	case ATA_CMD_READ_DMA:
		d->reading = true;
		begin_transfer(m, c, d, ext);
		break;
	case ATA_CMD_READ_MULTIPLE:
		d->reading = true;
		begin_multiple(m, c, d, ext);
		break;
	case ATA_CMD_WRITE_MULTIPLE:
		begin_multiple(m, c, d, ext);
		break;
	case ATA_CMD_WRITE_SECTORS:
	case ATA_CMD_WRITE_DMA:
		begin_transfer(m, c, d, ext);
		break;
	default:
		settle(m, c, d, ATA_ERR, ATA_ABRT);
	}
}

void ata_disk_start_dma(struct ata_model *m, struct ata_model_disk *d)
{
	ata_model_blame(m, !d->moving || !is_dma(d->command) ||
			d->due != ATA_MODEL_FOREVER,
			"the bus master starts without a command");
	schedule(m, d, takes(d, COMMAND_NS));
}

/* ------------------------------------------------------------- data register */

static void end_block(struct ata_model *m, struct ata_model_disk *d)
{
	uint32_t some = d->end / ATA_SECTOR;

	if (!d->reading)
		memcpy(d->data[d->lba], d->buffer, d->end);
	d->lba += some;
	d->left -= some;
	if (d->left || !d->reading) {
		schedule(m, d, COMMAND_NS);
		return;
	}
	d->moving = false;
	d->status = ATA_DRDY;
	if (d->hit && d->hit->kind == FAULT_GREEDY)
		d->status |= ATA_DRQ;
}

uint64_t ata_disk_data(struct ata_model *m, struct ata_model_disk *d,
		       unsigned width, bool read, uint64_t value)
{
	ata_model_blame(m, !(d->status & ATA_DRQ) || !d->moving || read != d->reading,
			"data that the disk does not wait for");
	ata_model_blame(m, d->at + width > d->end, "more data than a block");
	if (m->violations)
		return 0;
	if (read)
		memcpy(&value, d->buffer + d->at, width);
	else
		memcpy(d->buffer + d->at, &value, width);
	d->at += width;
	if (d->at == d->end)
		end_block(m, d);
	return value;
}

/* ---------------------------------------------------------------------- reset */

void ata_disk_begin_reset(struct ata_model_disk *d)
{
	d->present = d->present && !d->unplugged;
	d->status = d->present ? ATA_BSY : 0;
	d->due = ATA_MODEL_FOREVER;
	d->moving = d->interrupting = false;
	d->hit = NULL;
	d->multiple = d->mode = 0;
	d->resetting = true;
}

void ata_disk_end_reset(struct ata_model *m, struct ata_model_disk *d)
{
	if (d->present)
		schedule(m, d, d->reset_ns);
}
