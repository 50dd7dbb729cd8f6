/* SPDX-License-Identifier: MIT */
/*
 * One channel's registers: programs that set a command going (channel.c), the
 * reset (reset.c).  None of these looks at requests.
 */
#ifndef IDE_CHANNEL_H
#define IDE_CHANNEL_H

#include "ide.h"

/* Command block registers (ATA/ATAPI-7 volume 2, 5.3). */
#define REG_DATA	0
#define REG_FEATURE	1
#define REG_ERROR	1
#define REG_COUNT	2
#define REG_LBA		3		/* and the next two */
#define REG_DEVICE	6
#define REG_STATUS	7
#define REG_COMMAND	7

/* Device control register. */
#define CONTROL_OBSOLETE	0x08	/* older disks want it set */
#define CONTROL_RESET		0x04
#define CONTROL_NO_INTERRUPT	0x02

#define DEVICE_OBSOLETE		0xa0	/* likewise */

/* Bus-master registers, at master_offset. */
#define BM_COMMAND	0
#define  BM_START	0x01
#define  BM_TO_MEMORY	0x08
#define BM_STATUS	2
#define  BM_ACTIVE	0x01
#define  BM_ERROR	0x02
#define  BM_INTERRUPT	0x04
#define  BM_CAPABLE	0x60		/* read and write: not to be lost */
#define BM_TABLE	4

#define SELECT_WAIT_US	500000
#define MASTER_WAIT_US	100

#define IDE_PRD_ENTRIES	256

/* Begun by ide_begin_program(): most of it is never filled in. */
struct ide_program {
	struct udrv_io_step step[UDRV_IO_MAX_STEPS];
	unsigned count;
};

void ide_begin_program(struct ide_program *p);
void ide_add(struct ide_program *p, struct udrv_io_step step);
void ide_add_write(struct ide_program *p, const struct ide_channel *c,
		   unsigned offset, uint8_t value);
void ide_add_control(struct ide_program *p, const struct ide_channel *c,
		     uint8_t value);
void ide_add_select(struct ide_program *p, struct ide_channel *c, unsigned unit);
void ide_add_taskfile(struct ide_program *p, struct ide_channel *c, unsigned unit,
		      const struct ata_taskfile *tf);
void ide_add_dma_setup(struct ide_program *p, struct ide_channel *c, bool to_memory);
void ide_add_dma_go(struct ide_program *p, struct ide_channel *c, bool to_memory);
/* Two steps; the first one's value is the bus master's status. */
void ide_add_dma_stop(struct ide_program *p, struct ide_channel *c, bool to_memory);
void ide_dma_stopped(struct ide_channel *c, bool to_memory, uint8_t status);

struct udrv_io_step ide_read_alternate(const struct ide_channel *c);
struct udrv_io_step ide_wait_alternate(const struct ide_channel *c, uint8_t mask,
				       uint8_t match, unsigned us);
struct udrv_io_step ide_write_master(const struct ide_channel *c, uint8_t value);

/* These run at once.  0 or an errno. */
int ide_run_program(struct ide_channel *c, struct ide_program *p, unsigned *done);
int ide_read_status(struct ide_channel *c, uint8_t *status, uint8_t *error);
int ide_simple_command(struct ide_channel *c, unsigned unit,
		       const struct ata_taskfile *tf);
void ide_stop_master(struct ide_channel *c);
void ide_drop_interrupts(struct ide_channel *c);

/* reset.c */

/* Stop the bus master, pulse the reset.  0 or an errno. */
int ide_begin_reset(struct ide_channel *c);

/* How far is it?  0 = done, EBUSY = not yet, ENODEV, ENXIO = nothing answers. */
int ide_look_at_reset(struct ide_channel *c);

/* Both, waiting.  0, ETIMEDOUT, or as above. */
int ide_reset_and_wait(struct ide_channel *c);

/* What a reset undid.  0 or an errno. */
int ide_set_modes(struct ide_disk *disk);

/* ATA/ATAPI-7 volume 1, 9.2: a device may take so long. */
#define IDE_RESET_NS	31000000000ull
#define IDE_LOOK_NS	10000000ull	/* how often it is looked at meanwhile */

/* probe.c: what is on the channel?  Fills in its disks. */
void ide_probe_channel(struct ide_channel *c, bool by_dma);

/*
 * Is it still the same disk?  0, ETIMEDOUT if it does not say, ENXIO if it is
 * not, and lost; or an errno of a register program.
 */
int ide_recognise(struct ide_disk *disk);

#endif
