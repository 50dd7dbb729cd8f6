/* SPDX-License-Identifier: MIT */
/*
 * An IDE controller with up to four disks, as ATA/ATAPI-7 and the Bus Master
 * IDE programming interface describe them, for the tests of drivers/ide.  Time
 * is the model's own, in ns.  Its disks fail as they are told to, which no disk
 * at hand does: they hang, lose interrupts, damage data on the cable.  It
 * counts what the driver must not do.
 */
#ifndef ATA_MODEL_H
#define ATA_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "ide/ata.h"
#include "udrv.h"

#define ATA_MODEL_SECTORS	2048	/* of each disk */
#define ATA_MODEL_MEMORY	(256u << 10)
#define ATA_MODEL_IOVA		0x40000000u
#define ATA_MODEL_FOREVER	UINT64_MAX
#define ATA_MODEL_FAULTS	8

enum ata_fault_kind {
	FAULT_ERROR = 1,	/* it says so: ERR, with this error register */
	FAULT_DEVICE,		/* DF */
	FAULT_HANG,		/* BSY until it is reset */
	FAULT_SLOW,		/* BSY for so long, then all is well */
	FAULT_SILENT,		/* all is well, but no interrupt comes */
	FAULT_BUS,		/* the controller cannot reach memory */
	FAULT_SHORT,		/* the disk ends before all has moved */
	FAULT_GREEDY,		/* the disk wants more than was agreed: DRQ */
};

enum ata_fault_way { BY_ANY, BY_DMA, BY_PIO, BY_FLUSH };

/* Hits commands that touch @lba (flushes: all), so many times. */
struct ata_fault {
	enum ata_fault_kind kind;
	enum ata_fault_way way;
	uint64_t lba;
	unsigned times;
	uint8_t error;
	uint64_t ns;
};

struct ata_model_disk {
	/* What it is: set by the test after ata_model_reset(). */
	bool present;
	uint8_t identify[ATA_SECTOR];
	uint8_t data[ATA_MODEL_SECTORS][ATA_SECTOR];
	struct ata_fault fault[ATA_MODEL_FAULTS];
	uint64_t reset_ns;		/* BSY for so long after one */
	bool unplugged;			/* since the last reset */
	unsigned refusals;		/* of its modes, ABRT */

	/* What it was told. */
	unsigned commands[256];
	unsigned multiple, mode;	/* 0 = forgotten by a reset */

	/* How it stands. */
	uint8_t status, error;
	bool interrupting, reading, moving, begun, resetting;
	uint8_t command;
	uint64_t due, lba;
	uint32_t left, block;		/* sectors */
	uint8_t buffer[256 * ATA_SECTOR];
	uint32_t at, end;		/* bytes of it: what DRQ is about */
	const struct ata_fault *hit;
};

struct ata_model_channel {
	struct ata_model_disk disk[2];
	uint8_t feature[2], count[2], lba[3][2], device, control;
	uint8_t master, master_status;
	uint32_t table;
	uint64_t reset_since, quiet_until;
	unsigned resets;
};

struct ata_model {
	struct ata_model_channel channel[2];
	uint8_t *memory;		/* ATA_MODEL_MEMORY, at ATA_MODEL_IOVA */
	bool lines;			/* interrupts are set up */
	struct udrv_event_slot slot[2];
	unsigned signals;		/* one at each so manyth wait; 0: none */
	unsigned waits;
	bool gone;			/* unbound: ENODEV */
	uint64_t now;
	unsigned violations;
	const char *violation;		/* the first of them */
};

/* One disk, the primary master, and no faults.  @memory is the DMA memory. */
void ata_model_reset(struct ata_model *m, uint8_t *memory);

/* There is a disk; its serial number is made from this letter. */
void ata_model_plug(struct ata_model_disk *disk, char letter);

void ata_model_fail(struct ata_model_disk *disk, struct ata_fault fault);
void ata_model_advance(struct ata_model *m, uint64_t ns);

/* When something happens by itself; ATA_MODEL_FOREVER = never. */
uint64_t ata_model_due(const struct ata_model *m);

/* 0, or what the kernel would say. */
int ata_model_run(struct ata_model *m, struct udrv_io_step *steps,
		  unsigned count, unsigned *done);

#endif
