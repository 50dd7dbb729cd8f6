// SPDX-License-Identifier: MIT
/* How far is the command?  See command.h. */
#include <errno.h>
#include "command.h"

/* An interrupt came: if the device is busy yet, it was not its own. */
#define SPURIOUS_US		10
/* Between the blocks of a PIO transfer, before going back to sleep. */
#define BLOCK_WAIT_US		500
#define BLOCK_STEPS		3
#define PIO_BLOCKS		64	/* of one program */

/* Without an interrupt we would not see it. */
static void look_again_soon(struct ide_channel *c)
{
	c->look_ns = ide_now() + IDE_LOOK_NS;
}

/* The bus master is stopped; @master is its status before that. */
static void judge_dma(struct ide_channel *c, uint8_t status, uint8_t master)
{
	uint8_t error = 0;

	ide_dma_stopped(c, c->active->op == IDE_READ, master);
	if (status & (ATA_ERR | ATA_DF)) {
		ide_read_status(c, &status, &error);
		ide_command_failed(c, error & ATA_ICRC ? RECOVER_LINK :
				   RECOVER_DEVICE, status, error);
	} else if (master & (BM_ERROR | BM_ACTIVE)) {
		/* Active yet: the disk moved less than it was asked to. */
		ide_command_failed(c, RECOVER_BUS, status, master);
	} else {
		ide_command_done(c);
	}
}

static void look_at_dma(struct ide_channel *c, unsigned patience_us)
{
	struct ide_program p;
	unsigned done;
	int ret;

	ide_begin_program(&p);
	/* Only a device that is done has the controller stopped. */
	ide_add(&p, ide_wait_alternate(c, ATA_BSY | ATA_DRQ, 0,
		patience_us > SPURIOUS_US ? patience_us : SPURIOUS_US));
	ide_add_dma_stop(&p, c, c->active->op == IDE_READ);
	ret = ide_run_program(c, &p, &done);
	if (ret == ETIMEDOUT && !done)
		return;
	if (ret == ETIMEDOUT)
		ide_stop_master(c);
	else if (ret) {
		ide_program_failed(c, ret);
		return;
	}
	usr_dma_rmb();
	judge_dma(c, (uint8_t)p.step[0].out_value, (uint8_t)p.step[1].out_value);
}

static void add_block(struct ide_program *p, const struct ide_channel *c,
		      bool read, uint8_t *data, uint32_t sectors)
{
	uint32_t words = sectors * (ATA_SECTOR / 4);

	ide_add(p, ide_wait_alternate(c, ATA_BSY | ATA_DRQ, ATA_DRQ,
				      BLOCK_WAIT_US));
	ide_add(p, read ?
		usr_step_read_string(c->command_region, REG_DATA, 4, data, words) :
		usr_step_write_string(c->command_region, REG_DATA, 4, data, words));
	/* The status is not the next block's until one read later. */
	ide_add(p, ide_read_alternate(c));
}

/* Up to PIO_BLOCKS blocks; c->moved tells how far it came.  0 or an errno. */
static int move_blocks(struct ide_channel *c)
{
	const struct ide_request *r = c->active;
	uint8_t *at = (uint8_t *)r->buffer + (size_t)r->done * ATA_SECTOR;
	uint32_t moved = c->moved, block = r->disk->multiple;
	unsigned done;
	struct ide_program p;
	int ret;

	ide_begin_program(&p);
	for (unsigned i = 0; i < PIO_BLOCKS && moved < c->chunk; i++) {
		uint32_t some = c->chunk - moved < block ? c->chunk - moved : block;

		add_block(&p, c, r->op == IDE_READ, at + (size_t)moved * ATA_SECTOR,
			  some);
		moved += some;
	}
	ret = ide_run_program(c, &p, &done);
	/* All blocks but the last are whole ones. */
	done = (done + 1) / BLOCK_STEPS;
	c->moved = done * BLOCK_STEPS == p.count ? moved : c->moved + done * block;
	/* No more data for now is no mistake. */
	return ret == ETIMEDOUT ? 0 : ret;
}

/* Return: 0, EBUSY, or an errno. */
static int read_when_free(struct ide_channel *c, unsigned patience_us,
			  uint8_t *status, uint8_t *error)
{
	struct ide_program p;
	int ret = 0;

	if (patience_us) {
		ide_begin_program(&p);
		ide_add(&p, ide_wait_alternate(c, ATA_BSY, 0, patience_us));
		ret = ide_run_program(c, &p, NULL);
	}
	if (!ret || ret == ETIMEDOUT)
		ret = ide_read_status(c, status, error);
	return !ret && *status & ATA_BSY ? EBUSY : ret;
}

/* All sectors have moved. */
static void end_pio(struct ide_channel *c, uint8_t status, uint8_t error)
{
	if (status & ATA_DRQ)
		ide_command_failed(c, RECOVER_LINK, status, error);
	else
		ide_command_done(c);
}

static void look_at_pio(struct ide_channel *c, unsigned patience_us)
{
	uint8_t status, error;
	uint32_t before;
	int ret;

	do {
		before = c->moved;
		ret = read_when_free(c, patience_us, &status, &error);
		if (ret == EBUSY)
			break;
		if (!ret && status & (ATA_ERR | ATA_DF)) {
			ide_command_failed(c, RECOVER_DEVICE, status, error);
			return;
		}
		if (!ret && c->moved == c->chunk) {
			end_pio(c, status, error);
			return;
		}
		if (!ret && status & ATA_DRQ)
			ret = move_blocks(c);
		if (ret) {
			ide_program_failed(c, ret);
			return;
		}
	} while (c->moved != before);
	/* No interrupt announces the first data of a write. */
	if (!c->moved && c->active->op == IDE_WRITE)
		look_again_soon(c);
}

static void look_at_command(struct ide_channel *c, unsigned patience_us)
{
	uint8_t status, error;
	int ret = read_when_free(c, patience_us, &status, &error);

	if (ret == EBUSY)
		return;
	if (ret)
		ide_program_failed(c, ret);
	else if (status & (ATA_ERR | ATA_DF | ATA_DRQ))
		ide_command_failed(c, RECOVER_DEVICE, status, error);
	else
		ide_command_done(c);
}

void ide_look(struct ide_channel *c, unsigned patience_us)
{
	uint32_t moved = c->moved;

	c->look_ns = 0;
	if (c->stage == IDE_IN_DMA)
		look_at_dma(c, patience_us);
	else if (c->stage == IDE_IN_PIO)
		look_at_pio(c, patience_us);
	else if (c->stage == IDE_IN_COMMAND)
		look_at_command(c, patience_us);
	/* It is slow, but it moves. */
	if (c->stage == IDE_IN_PIO && c->moved != moved)
		c->deadline_ns = ide_now() + 10000000000ull;
}
