// SPDX-License-Identifier: MIT
/* What is on a channel? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "channel.h"
#include "recover.h"

/*
 * Does anything answer as this unit?  Registers of a unit that is not there
 * read as nothing, or as the other one's: only one that is there keeps both
 * patterns.
 */
static bool unit_answers(struct ide_channel *c, unsigned unit)
{
	struct ide_program p;
	const struct udrv_io_step *got = p.step + 2;
	bool packet;

	ide_begin_program(&p);
	ide_add_select(&p, c, unit);
	ide_add(&p, usr_step_read(c->command_region, REG_LBA + 1, 1));
	ide_add(&p, usr_step_read(c->command_region, REG_LBA + 2, 1));
	ide_add(&p, usr_step_read(c->command_region, REG_STATUS, 1));
	ide_add_write(&p, c, REG_COUNT, 0x55);
	ide_add_write(&p, c, REG_LBA, 0xaa);
	ide_add(&p, usr_step_read(c->command_region, REG_COUNT, 1));
	ide_add(&p, usr_step_read(c->command_region, REG_LBA, 1));
	if (ide_run_program(c, &p, NULL))
		return false;
	/* A packet device's status may be 0 until it is told to identify. */
	packet = got[0].out_value == 0x14 && got[1].out_value == 0xeb;
	return (got[2].out_value || packet) && got[2].out_value != 0xff &&
	       got[5].out_value == 0x55 && got[6].out_value == 0xaa;
}

/* A command that gives a sector of data about the device.  0 or an errno. */
static int identify(struct ide_channel *c, unsigned unit, uint8_t command,
		    uint8_t *words)
{
	const struct ata_taskfile tf = { .command = command };
	struct ide_program p;
	int ret;

	ide_begin_program(&p);
	/* A packet device is not ready (DRDY), yet takes these. */
	ide_add_taskfile(&p, c, unit, &tf);
	ide_add(&p, usr_step_delay(1));
	ide_add(&p, ide_wait_alternate(c, ATA_BSY | ATA_DRQ, ATA_DRQ,
				   SELECT_WAIT_US - UDRV_IO_MAX_DELAY_US));
	ide_add(&p, usr_step_read_string(c->command_region, REG_DATA, 2, words,
				     ATA_SECTOR / 2));
	ret = ide_run_program(c, &p, NULL);
	ide_drop_interrupts(c);
	return ret;
}

static void decline(struct ide_disk *disk, const char *why, const char *model)
{
	snprintf(disk->declined, sizeof(disk->declined), "%s%s%s", model,
		 *model ? ": " : "", why);
}

static void probe_unit(struct ide_disk *disk, bool by_dma)
{
	struct ide_channel *c = disk->channel;
	uint8_t words[ATA_SECTOR] = { 0 };
	const char *problem;
	char model[41] = "";

	if (identify(c, disk->unit, ATA_CMD_IDENTIFY, words)) {
		/* A packet device aborts that and has a command of its own. */
		if (identify(c, disk->unit, ATA_CMD_IDENTIFY_PACKET, words))
			return;
		ata_decode_model(words, model);
		decline(disk, "a packet device (ATAPI), not a disk", model);
		return;
	}
	problem = ata_decode(words, &disk->identity);
	if (problem) {
		ata_decode_model(words, model);
		decline(disk, problem, model);
		return;
	}
	disk->present = true;
	disk->by_dma = by_dma && disk->identity.dma;
	if (ide_set_modes(disk)) {
		disk->present = false;
		decline(disk, "it does not take its own transfer mode",
			disk->identity.model);
	}
}

/* Somebody may have plugged in another one, which must not be written. */
int ide_recognise(struct ide_disk *disk)
{
	const struct ata_identity *was = &disk->identity;
	struct ata_identity is;
	uint8_t words[ATA_SECTOR] = { 0 };
	char why[sizeof(disk->declined)];
	int ret = identify(disk->channel, disk->unit, ATA_CMD_IDENTIFY, words);

	if (ret)
		return ret;
	if (ata_decode(words, &is))
		return ETIMEDOUT;
	if (!strcmp(is.model, was->model) && !strcmp(is.serial, was->serial) &&
	    is.sectors == was->sectors)
		return 0;
	snprintf(why, sizeof(why), "another disk answers now: %s, %s", is.model,
		 is.serial);
	recover_lose(disk, why);
	return ENXIO;
}

void ide_probe_channel(struct ide_channel *c, bool by_dma)
{
	bool answers[IDE_UNITS];

	for (unsigned unit = 0; unit < IDE_UNITS; unit++) {
		c->disk[unit] = (struct ide_disk) { .channel = c, .unit = unit };
		c->selected = -1;
	}
	/* Whatever runs there, ours or a dead predecessor's, ends now. */
	c->present = !ide_reset_and_wait(c);
	if (!c->present)
		return;
	/* Both before the first command, which overwrites their signatures. */
	for (unsigned unit = 0; unit < IDE_UNITS; unit++)
		answers[unit] = unit_answers(c, unit);
	for (unsigned unit = 0; unit < IDE_UNITS; unit++)
		if (answers[unit])
			probe_unit(&c->disk[unit], by_dma);
	ide_drop_interrupts(c);
}
