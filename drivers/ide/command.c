// SPDX-License-Identifier: MIT
/* Setting commands going.  See command.h. */
#include <errno.h>
#include "command.h"

/* As libata: a disk that has to spin up, or tries hard, takes its time. */
#define TRANSFER_TIMEOUT_NS	30000000000ull
/* ATA/ATAPI-7 volume 1, 6.14: a flush may take more than 30 s. */
#define FLUSH_TIMEOUT_NS	60000000000ull

/* Sectors of the next command, as far as the command set goes. */
static uint32_t next_chunk(const struct ide_request *r)
{
	uint32_t most = ata_most_sectors(r->disk->identity.lba48);
	uint32_t left = r->sectors - r->done;

	if (r->singly)
		return 1;
	return left < most ? left : most;
}

/* Return: 0 or an errno; then the device may or may not have got it. */
static int launch(struct ide_channel *c, const struct ata_taskfile *tf,
		  enum ide_stage stage, bool to_memory)
{
	struct ide_request *r = c->active;
	struct ide_program p;

	ide_begin_program(&p);
	if (stage == IDE_IN_DMA)
		ide_add_dma_setup(&p, c, to_memory);
	ide_add_taskfile(&p, c, r->disk->unit, tf);
	if (stage == IDE_IN_DMA)
		ide_add_dma_go(&p, c, to_memory);
	else if (c->ide->polled || stage == IDE_IN_PIO)
		ide_add(&p, usr_step_delay(1));		/* till BSY shows */
	c->stage = stage;
	c->moved = 0;
	c->look_ns = 0;
	c->deadline_ns = ide_now() + (r->op == IDE_FLUSH ? FLUSH_TIMEOUT_NS :
				      TRANSFER_TIMEOUT_NS);
	c->ide->statistics.commands++;
	usr_dma_wmb();
	return ide_run_program(c, &p, NULL);
}

/* The table for the next sectors.  Return: false if it is to be PIO. */
static bool describe_dma(struct ide_channel *c, const struct ide_request *r)
{
	size_t bytes;

	if (!r->disk->by_dma || !r->segments)
		return false;
	bytes = prd_fill(c->table, IDE_PRD_ENTRIES, r->segments,
			 r->segment_count, (uint64_t)r->done * ATA_SECTOR,
			 (size_t)c->chunk * ATA_SECTOR, ATA_SECTOR);
	if (!bytes)
		return false;
	c->chunk = (uint32_t)(bytes / ATA_SECTOR);
	return true;
}

static int launch_transfer(struct ide_channel *c, const struct ide_request *r)
{
	const struct ide_disk *disk = r->disk;
	enum ata_transfer by = disk->multiple > 1 ? ATA_BY_MULTIPLE : ATA_BY_PIO;
	struct ata_taskfile tf;
	bool dma;

	c->chunk = next_chunk(r);
	dma = describe_dma(c, r);
	if (!ata_read_write(&tf, r->op == IDE_WRITE, dma ? ATA_BY_DMA : by,
			    disk->identity.lba48, r->lba + r->done, c->chunk))
		return EINVAL;
	return launch(c, &tf, dma ? IDE_IN_DMA : IDE_IN_PIO, r->op == IDE_READ);
}

static int launch_flush(struct ide_channel *c, const struct ide_disk *disk)
{
	const struct ata_taskfile tf = {
		.command = disk->identity.flush_ext ? ATA_CMD_FLUSH_EXT :
			   ATA_CMD_FLUSH,
		.ext = disk->identity.flush_ext,
	};

	c->chunk = 0;
	return launch(c, &tf, IDE_IN_COMMAND, false);
}

/* One block of ranges at a time. */
static int launch_trim(struct ide_channel *c, const struct ide_request *r)
{
	const struct udrv_dma_segment segment = { c->trim_iova, ATA_SECTOR };
	const struct ata_taskfile tf = {
		.command = ATA_CMD_DATA_SET_MANAGEMENT,
		.device = 0x40,
		.ext = true,
		.feature = { ATA_FEATURE_TRIM },
		.count = { 1 },
	};

	c->chunk = (uint32_t)ata_trim_ranges(c->trim_block, r->lba + r->done,
					     r->sectors - r->done);
	prd_fill(c->table, IDE_PRD_ENTRIES, &segment, 1, 0, ATA_SECTOR, ATA_SECTOR);
	return launch(c, &tf, IDE_IN_DMA, false);
}

/* After a reset. */
static int wake(struct ide_disk *disk)
{
	int ret = ide_recognise(disk);

	if (!ret)
		ret = ide_set_modes(disk);
	return ret == EIO ? ETIMEDOUT : ret;
}

static int begin(struct ide_channel *c, const struct ide_request *r)
{
	int ret;

	if (r->disk->forgetful) {
		ret = wake(r->disk);
		if (ret)
			return ret;
	}
	if (r->op == IDE_FLUSH)
		return launch_flush(c, r->disk);
	if (r->op == IDE_TRIM)
		return launch_trim(c, r);
	return launch_transfer(c, r);
}

void ide_begin_command(struct ide_channel *c)
{
	const struct ide_request *r = c->active;
	int ret = begin(c, r);

	if (r->disk->lost)
		return;		/* as is all that is to begin there */
	if (ret == ETIMEDOUT)
		ide_command_failed(c, RECOVER_NOT_READY, 0, 0);
	else if (ret)
		ide_program_failed(c, ret);
	else if (c->stage == IDE_IN_PIO && r->op == IDE_WRITE)
		ide_look(c, IDE_WRITE_WAIT_US);
}
