// SPDX-License-Identifier: MIT
/* See channel.h. */
#include <errno.h>
#include "channel.h"

void ide_begin_program(struct ide_program *p)
{
	p->count = 0;
}

void ide_add(struct ide_program *p, struct udrv_io_step step)
{
	if (p->count < UDRV_IO_MAX_STEPS)
		p->step[p->count++] = step;
}

void ide_add_write(struct ide_program *p, const struct ide_channel *c,
		   unsigned offset, uint8_t value)
{
	ide_add(p, usr_step_write(c->command_region, offset, 1, value));
}

void ide_add_control(struct ide_program *p, const struct ide_channel *c,
		     uint8_t value)
{
	if (c->ide->polled)
		value |= CONTROL_NO_INTERRUPT;
	ide_add(p, usr_step_write(c->control_region, c->control_offset, 1,
			      value | CONTROL_OBSOLETE));
}

struct udrv_io_step ide_read_alternate(const struct ide_channel *c)
{
	return usr_step_read(c->control_region, c->control_offset, 1);
}

struct udrv_io_step ide_wait_alternate(const struct ide_channel *c, uint8_t mask,
				       uint8_t match, unsigned us)
{
	return usr_step_wait(c->control_region, c->control_offset, 1, mask, match,
			     us);
}

struct udrv_io_step ide_write_master(const struct ide_channel *c, uint8_t value)
{
	return usr_step_write(4, c->master_offset + BM_COMMAND, 1, value);
}

/*
 * Run it, going on where a signal ended a wait: what was done is not done
 * twice.  Return: 0 or an errno.
 */
int ide_run_program(struct ide_channel *c, struct ide_program *p, unsigned *done)
{
	unsigned at = 0, some = 0;

	while (usr_io(c->ide->fd, p->step + at, p->count - at, &some)) {
		at += some;
		if (errno != EINTR) {
			if (done)
				*done = at;
			return errno;
		}
	}
	if (done)
		*done = p->count;
	return 0;
}

/* Status and error register, without ending an interrupt.  0 or an errno. */
int ide_read_status(struct ide_channel *c, uint8_t *status, uint8_t *error)
{
	struct ide_program p;
	int ret;

	ide_begin_program(&p);
	ide_add(&p, ide_read_alternate(c));
	ide_add(&p, usr_step_read(c->command_region, REG_ERROR, 1));
	ret = ide_run_program(c, &p, NULL);
	*status = (uint8_t)p.step[0].out_value;
	*error = (uint8_t)p.step[1].out_value;
	return ret;
}

void ide_add_select(struct ide_program *p, struct ide_channel *c, unsigned unit)
{
	ide_add_write(p, c, REG_DEVICE, (uint8_t)(DEVICE_OBSOLETE | unit << 4));
	/* 400 ns until the status is the selected one's. */
	ide_add(p, usr_step_delay(1));
	c->selected = (int)unit;
}

/*
 * The registers of one command, the device selected and ready for it.  With
 * 48 bits each register takes its high byte first.
 */
void ide_add_taskfile(struct ide_program *p, struct ide_channel *c, unsigned unit,
		      const struct ata_taskfile *tf)
{
	if (c->selected != (int)unit)
		ide_add_select(p, c, unit);
	ide_add(p, ide_wait_alternate(c, ATA_BSY | ATA_DRQ, 0, SELECT_WAIT_US));
	for (int high = tf->ext; high >= 0; high--) {
		ide_add_write(p, c, REG_FEATURE, tf->feature[high]);
		ide_add_write(p, c, REG_COUNT, tf->count[high]);
		for (unsigned i = 0; i < 3; i++)
			ide_add_write(p, c, REG_LBA + i, tf->lba[i + 3 * (unsigned)high]);
	}
	ide_add_write(p, c, REG_DEVICE,
		  (uint8_t)(DEVICE_OBSOLETE | unit << 4 | tf->device));
	ide_add_write(p, c, REG_COMMAND, tf->command);
	c->selected = (int)unit;
}

/*
 * Bus Master IDE 3.1, steps 1 to 3: table, direction, old status cleared.  What
 * is so already is not written again, since each access costs as much as the
 * device's bus takes.
 */
void ide_add_dma_setup(struct ide_program *p, struct ide_channel *c, bool to_memory)
{
	ide_add(p, usr_step_write(4, c->master_offset + BM_TABLE, 4, c->table_iova));
	if (c->direction != to_memory)
		ide_add(p, ide_write_master(c, to_memory ? BM_TO_MEMORY : 0));
	if (c->dirty)
		ide_add(p, usr_step_write(4, c->master_offset + BM_STATUS, 1,
				      BM_CAPABLE | BM_INTERRUPT | BM_ERROR));
	/* Until it is stopped and looked at. */
	c->direction = -1;
	c->dirty = true;
}

/* Step 5, after the command was written. */
void ide_add_dma_go(struct ide_program *p, struct ide_channel *c, bool to_memory)
{
	ide_add(p, ide_write_master(c, BM_START | (to_memory ? BM_TO_MEMORY : 0)));
}

/*
 * Step 8; the direction stays, for the next one.  The disk may be done while
 * the controller's last bytes are still on their way to memory.
 */
void ide_add_dma_stop(struct ide_program *p, struct ide_channel *c, bool to_memory)
{
	ide_add(p, usr_step_wait(4, c->master_offset + BM_STATUS, 1, BM_ACTIVE, 0,
				 MASTER_WAIT_US));
	ide_add(p, ide_write_master(c, to_memory ? BM_TO_MEMORY : 0));
}

/* Whatever it does, it ends.  Also where nothing else is known to work. */
void ide_stop_master(struct ide_channel *c)
{
	struct ide_program p;

	if (!c->has_master)
		return;
	ide_begin_program(&p);
	ide_add(&p, ide_write_master(c, 0));
	ide_run_program(c, &p, NULL);
	c->direction = -1;
	c->dirty = true;
}

/* The program that stopped it has run, and read this status. */
void ide_dma_stopped(struct ide_channel *c, bool to_memory, uint8_t status)
{
	c->direction = to_memory;
	/* By interrupts, a rule has acknowledged; else it will be set yet. */
	c->dirty = c->ide->polled || status & (BM_INTERRUPT | BM_ERROR);
}

/* A command without data, waited for.  0 or an errno. */
int ide_simple_command(struct ide_channel *c, unsigned unit,
		       const struct ata_taskfile *tf)
{
	struct ide_program p;
	int ret;

	ide_begin_program(&p);
	ide_add_taskfile(&p, c, unit, tf);
	ide_add(&p, usr_step_delay(1));
	ide_add(&p, ide_wait_alternate(c, ATA_BSY | ATA_DRQ | ATA_ERR | ATA_DF, 0,
				   SELECT_WAIT_US - UDRV_IO_MAX_DELAY_US));
	/* Ends its interrupt. */
	ide_add(&p, usr_step_read(c->command_region, REG_STATUS, 1));
	ret = ide_run_program(c, &p, NULL);
	return ret == ETIMEDOUT ? EIO : ret;
}

/* Forget interrupts, the one that the device may still assert included. */
void ide_drop_interrupts(struct ide_channel *c)
{
	struct ide_program p;

	ide_begin_program(&p);
	ide_add(&p, usr_step_read(c->command_region, REG_STATUS, 1));
	if (c->has_master)
		ide_add(&p, usr_step_write(4, c->master_offset + BM_STATUS, 1,
					   BM_CAPABLE | BM_INTERRUPT | BM_ERROR));
	ide_run_program(c, &p, NULL);
	if (c->slot)
		usr_event_take(c->slot);
}
