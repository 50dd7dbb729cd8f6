// SPDX-License-Identifier: MIT
/*
 * The soft reset of a channel.  It can take half a minute, so it is begun and
 * then looked at; the other channel goes on meanwhile.
 */
#include <errno.h>
#include <time.h>
#include "channel.h"

int ide_set_modes(struct ide_disk *disk)
{
	const struct ata_taskfile mode = {
		.command = ATA_CMD_SET_FEATURES,
		.feature = { ATA_FEATURE_TRANSFER_MODE },
		.count = { (uint8_t)disk->identity.transfer_mode },
	};
	const struct ata_taskfile multiple = {
		.command = ATA_CMD_SET_MULTIPLE,
		.count = { (uint8_t)disk->identity.multiple },
	};
	int ret;

	/*
	 * The mode that the firmware chose, since the controller's timing
	 * registers are set for that one.
	 */
	if (disk->identity.transfer_mode) {
		ret = ide_simple_command(disk->channel, disk->unit, &mode);
		if (ret)
			return ret;
	}
	disk->multiple = 1;
	if (disk->identity.multiple > 1 &&
	    !ide_simple_command(disk->channel, disk->unit, &multiple))
		disk->multiple = disk->identity.multiple;
	disk->forgetful = false;
	ide_drop_interrupts(disk->channel);
	return 0;
}

/* ATA/ATAPI-7 volume 2, 9.2: reset for 5 us, leave alone for 2 ms. */
int ide_begin_reset(struct ide_channel *c)
{
	struct ide_program p;

	ide_stop_master(c);
	ide_begin_program(&p);
	/* As the reset leaves it.  Afterwards both are busy: then one must not. */
	if (c->selected)
		ide_add_select(&p, c, 0);
	ide_add_control(&p, c, 0);
	ide_add(&p, usr_step_delay(20));
	ide_add_control(&p, c, CONTROL_RESET);
	ide_add(&p, usr_step_delay(20));
	ide_add_control(&p, c, 0);
	for (unsigned i = 0; i < 3; i++)
		ide_add(&p, usr_step_delay(UDRV_IO_MAX_DELAY_US));
	for (unsigned unit = 0; unit < IDE_UNITS; unit++)
		c->disk[unit].forgetful = true;
	c->reset_unit = 0;
	c->ide->statistics.resets++;
	return ide_run_program(c, &p, NULL);
}

/* Unit 0 answers for both until a disk at unit 1 is selected. */
int ide_look_at_reset(struct ide_channel *c)
{
	struct ide_program p;
	uint8_t status;
	int ret;

	for (; c->reset_unit < IDE_UNITS; c->reset_unit++) {
		struct ide_disk *disk = &c->disk[c->reset_unit];

		if (disk->lost || (c->reset_unit && !disk->present))
			continue;
		ide_begin_program(&p);
		if (c->selected != (int)c->reset_unit)
			ide_add_select(&p, c, c->reset_unit);
		ide_add(&p, ide_read_alternate(c));
		ret = ide_run_program(c, &p, NULL);
		if (ret)
			return ret;
		status = (uint8_t)p.step[p.count - 1].out_value;
		/* Nothing drives the bus. */
		if (status == 0xff)
			return ENXIO;
		if (status & ATA_BSY)
			return EBUSY;
		disk->missed = 0;
	}
	ide_drop_interrupts(c);
	return 0;
}

int ide_reset_and_wait(struct ide_channel *c)
{
	const struct timespec pause = { 0, IDE_LOOK_NS };
	uint64_t end = ide_now() + IDE_RESET_NS;
	int ret = ide_begin_reset(c);

	while (!ret && (ret = ide_look_at_reset(c)) == EBUSY) {
		if (ide_now() >= end)
			return ETIMEDOUT;
		nanosleep(&pause, NULL);
		ret = 0;
	}
	return ret;
}
