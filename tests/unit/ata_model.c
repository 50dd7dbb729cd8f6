// SPDX-License-Identifier: MIT
/* See ata_model.h: registers, and what runs on them. */
#include <errno.h>
#include <string.h>
#include "ata_model.h"
#include "ata_model_disk.h"
#include "ide/channel.h"
#include "io_model.h"

#define RESET_PULSE_NS	5000ull
#define RESET_QUIET_NS	2000000ull	/* ATA/ATAPI-7 volume 2, 9.2 */

void ata_model_blame(struct ata_model *m, bool fault, const char *what)
{
	if (fault && !m->violations++)
		m->violation = what;
}

static void put(uint8_t *words, unsigned number, unsigned value)
{
	words[2 * number] = (uint8_t)value;
	words[2 * number + 1] = (uint8_t)(value >> 8);
}

static void put_text(uint8_t *words, unsigned number, unsigned count,
		     const char *text)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < 2 * count; i++)
		words[2 * number + (i ^ 1)] = (uint8_t)(i < length ? text[i] : ' ');
}

void ata_model_plug(struct ata_model_disk *disk, char letter)
{
	const char serial[] = { 'S', 'N', '-', letter, '\0' };
	uint8_t *words = disk->identify;

	disk->present = true;
	disk->status = ATA_DRDY;
	memset(words, 0, ATA_SECTOR);
	put(words, 0, 0x0040);
	put_text(words, 10, 10, serial);
	put_text(words, 23, 4, "1.0");
	put_text(words, 27, 20, "MODEL OF A DISK");
	put(words, 47, 0x8010);			/* 16 sectors a block */
	put(words, 49, 0x0300);			/* LBA, DMA */
	put(words, 53, 0x0006);
	put(words, 60, ATA_MODEL_SECTORS);
	put(words, 63, 0x0007);
	put(words, 64, 0x0003);
	put(words, 80, 0x00fe);
	put(words, 82, 0x0020);
	put(words, 83, 0x7400);			/* LBA48, flushes */
	put(words, 85, 0x0020);
	put(words, 86, 0x3400);
	put(words, 87, 0x4000);
	put(words, 88, 0x203f);			/* UDMA5 is selected */
	put(words, 100, ATA_MODEL_SECTORS);
}

void ata_model_reset(struct ata_model *m, uint8_t *memory)
{
	memset(m, 0, sizeof(*m));
	m->memory = memory;
	m->now = 1000000;
	for (unsigned i = 0; i < 2; i++)
		for (unsigned unit = 0; unit < 2; unit++) {
			struct ata_model_disk *d = &m->channel[i].disk[unit];

			d->due = ATA_MODEL_FOREVER;
			d->reset_ns = 5000000;
		}
	ata_model_plug(&m->channel[0].disk[0], 'A');
}

void ata_model_fail(struct ata_model_disk *disk, struct ata_fault fault)
{
	struct ata_fault *f = disk->fault;

	while (f->times)
		f++;
	*f = fault;
}

struct ata_model_disk *ata_model_selected(struct ata_model_channel *c)
{
	return &c->disk[c->device >> 4 & 1];
}

/* ---------------------------------------------------------------------- reset */

static void begin_reset(struct ata_model *m, struct ata_model_channel *c)
{
	c->reset_since = m->now;
	c->device = 0;
	ata_model_blame(m, c->master & BM_START, "a reset under the bus master");
	for (unsigned i = 0; i < 2; i++)
		ata_disk_begin_reset(&c->disk[i]);
}

static void end_reset(struct ata_model *m, struct ata_model_channel *c)
{
	ata_model_blame(m, m->now - c->reset_since < RESET_PULSE_NS,
			"a reset too short");
	c->quiet_until = m->now + RESET_QUIET_NS;
	c->resets++;
	for (unsigned i = 0; i < 2; i++)
		ata_disk_end_reset(m, &c->disk[i]);
}

/* ------------------------------------------------------------------ registers */

static bool is_empty(const struct ata_model_channel *c)
{
	return !c->disk[0].present && !c->disk[1].present;
}

static void write_command_block(struct ata_model *m, struct ata_model_channel *c,
				const struct udrv_io_step *s, uint64_t value)
{
	struct ata_model_disk *d = ata_model_selected(c);
	uint8_t byte = (uint8_t)value, *pair = NULL;
	/* What hangs must be left alone too, but then nothing could be saved. */
	bool hangs = (d->hit && d->hit->kind == FAULT_HANG) ||
		     (d->resetting && d->due == ATA_MODEL_FOREVER);

	if (s->offset == REG_DATA) {
		ata_disk_data(m, d, s->width, false, value);
		return;
	}
	ata_model_blame(m, d->status & ATA_BSY && !hangs, "a write to a busy disk's registers");
	if (s->offset == REG_FEATURE)
		pair = c->feature;
	else if (s->offset == REG_COUNT)
		pair = c->count;
	else if (s->offset >= REG_LBA && s->offset < REG_DEVICE)
		pair = c->lba[s->offset - REG_LBA];
	if (pair) {
		pair[1] = pair[0];
		pair[0] = byte;
	} else if (s->offset == REG_DEVICE) {
		c->device = byte;
	} else {
		ata_disk_command(m, c, d, byte);
	}
}

static uint64_t read_command_block(struct ata_model *m,
				   struct ata_model_channel *c,
				   const struct udrv_io_step *s)
{
	struct ata_model_disk *d = ata_model_selected(c);

	if (is_empty(c))
		return 0xff;
	switch (s->offset) {
	case REG_DATA:
		return ata_disk_data(m, d, s->width, true, 0);
	case REG_ERROR:
		return d->error;
	case REG_COUNT:
		return c->count[0];
	case REG_DEVICE:
		return c->device;
	case REG_STATUS:
		d->interrupting = false;
		return d->status;
	default:
		return c->lba[s->offset - REG_LBA][0];
	}
}

static void write_control(struct ata_model *m, struct ata_model_channel *c,
			  uint8_t value)
{
	uint8_t was = c->control;

	c->control = value;
	if (value & ~was & CONTROL_RESET)
		begin_reset(m, c);
	if (was & ~value & CONTROL_RESET)
		end_reset(m, c);
}

static void start_master(struct ata_model *m, struct ata_model_channel *c)
{
	c->master_status |= BM_ACTIVE;
	ata_disk_start_dma(m, ata_model_selected(c));
}

static void stop_master(struct ata_model *m, struct ata_model_channel *c)
{
	const struct ata_model_disk *d = ata_model_selected(c);

	ata_model_blame(m, d->moving && d->due != ATA_MODEL_FOREVER,
			"the bus master stops under a transfer");
	c->master_status &= (uint8_t)~BM_ACTIVE;
}

static void write_master(struct ata_model *m, struct ata_model_channel *c,
			 unsigned offset, uint32_t value)
{
	uint8_t was = c->master;

	if (offset == BM_TABLE) {
		c->table = value;
	} else if (offset == BM_STATUS) {
		c->master_status &= (uint8_t)~(value & (BM_INTERRUPT | BM_ERROR));
	} else {
		c->master = (uint8_t)value;
		if (value & ~was & BM_START)
			start_master(m, c);
		if (was & ~value & BM_START)
			stop_master(m, c);
	}
}

/* ------------------------------------------------------------------- programs */

static struct ata_model_channel *channel_of(struct ata_model *m,
					    const struct udrv_io_step *s)
{
	return &m->channel[s->region == 4 ? s->offset / 8 : s->region / 2];
}

static bool has_register(void *model, const struct udrv_io_step *s)
{
	(void)model;
	if (s->region == 4)
		return s->offset + s->width <= 16;
	if (s->region & 1)
		return s->region < 4 && s->offset == 2 && s->width == 1;
	return s->region < 4 && (s->offset == REG_DATA ? s->width >= 2 :
				 s->offset < 8 && s->width == 1);
}

static void advance(void *model, uint64_t ns)
{
	ata_model_advance(model, ns);
}

static uint64_t read_register(void *model, const struct udrv_io_step *s)
{
	struct ata_model *m = model;
	struct ata_model_channel *c = channel_of(m, s);

	advance(m, IO_MODEL_ACCESS_NS);
	if (s->region == 4)
		return s->offset % 8 == BM_STATUS ? c->master_status : c->master;
	ata_model_blame(m, m->now < c->quiet_until, "a look within 2 ms of a reset");
	if (s->region & 1)
		return is_empty(c) ? 0xff : ata_model_selected(c)->status;
	return read_command_block(m, c, s);
}

static void write_register(void *model, const struct udrv_io_step *s,
			   uint64_t value)
{
	struct ata_model *m = model;
	struct ata_model_channel *c = channel_of(m, s);

	advance(m, IO_MODEL_ACCESS_NS);
	if (s->region == 4)
		write_master(m, c, s->offset % 8, (uint32_t)value);
	else if (s->region & 1)
		write_control(m, c, (uint8_t)value);
	else
		write_command_block(m, c, s, value);
}

static uint64_t time_now(const void *model)
{
	return ((const struct ata_model *)model)->now;
}

uint64_t ata_model_due(const struct ata_model *m)
{
	uint64_t due = ATA_MODEL_FOREVER;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t its = m->channel[i / 2].disk[i % 2].due;

		due = its < due ? its : due;
	}
	return due;
}

void ata_model_advance(struct ata_model *m, uint64_t ns)
{
	uint64_t end = m->now + ns;

	while (ata_model_due(m) <= end) {
		m->now = ata_model_due(m);
		for (unsigned i = 0; i < 4; i++) {
			struct ata_model_channel *c = &m->channel[i / 2];

			if (c->disk[i % 2].due <= m->now)
				ata_disk_happen(m, c, &c->disk[i % 2]);
		}
	}
	m->now = end;
}

/* Before the step that a signal ends, if one does. */
static unsigned steps_until_signal(struct ata_model *m,
				   const struct udrv_io_step *steps, unsigned count)
{
	for (unsigned i = 0; i < count && m->signals; i++)
		if (steps[i].op == UDRV_OP_WAIT && ++m->waits % m->signals == 0)
			return i;
	return count;
}

int ata_model_run(struct ata_model *m, struct udrv_io_step *steps,
		  unsigned count, unsigned *done)
{
	static const struct io_model io = {
		has_register, read_register, write_register, advance, time_now
	};

	*done = 0;
	if (m->gone)
		return ENODEV;
	return io_model_run(&io, m, steps, count,
			    steps_until_signal(m, steps, count), done);
}
