// SPDX-License-Identifier: MIT
/*
 * The IDE driver on a controller that answers anything: it comes to an end, says
 * why, and neither it nor the bus master touches other memory than it was given.
 */
#include <errno.h>
#include <string.h>
#include "hostile.h"
#include "ide/ide.h"

#define MASTER		4	/* region */
#define START		0x01
#define DATA_IOVA	0x80000000u
#define MOST_SECTORS	300

static struct ide ide;
static uint8_t *buffer;
static struct udrv_dma_segment segment;
static unsigned complaints;

static void count_complaint(const struct ide_disk *disk, const char *sentence)
{
	CHECK(ide_disk_name(disk) && *sentence);
	complaints++;
}

/* IDENTIFY data: a disk's, but for up to seven words. */
static bool read_data(const struct udrv_io_step *step, uint8_t *data)
{
	static const uint16_t words[][2] = {
		{ 0, 0x0040 }, { 10, 0x3031 }, { 27, 0x5145 }, { 47, 0x8010 },
		{ 49, 0x0f00 }, { 53, 0x0007 }, { 60, 0x0800 }, { 63, 0x0007 },
		{ 80, 0x00fe }, { 82, 0x0020 }, { 83, 0x7400 }, { 85, 0x0020 },
		{ 87, 0x4000 }, { 88, 0x203f }, { 100, 0x0800 }, { 169, 0x0001 },
	};
	uint8_t how;

	if (step->count != 256 || step->width != 2)
		return false;
	how = hostile_byte();
	memset(data, how == 0xff ? 0xff : 0, 512);
	if (how == 0xff)
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		data[2 * words[i][0]] = (uint8_t)words[i][1];
		data[2 * words[i][0] + 1] = (uint8_t)(words[i][1] >> 8);
	}
	for (how &= 7; how; how--) {
		uint8_t *at = data + 2 * hostile_byte();

		at[0] = hostile_byte();
		at[1] = hostile_byte();
	}
	return true;
}

static bool is_ours(uint64_t address, uint64_t length)
{
	const struct usr_dma *own = &hostile.buffer[0];

	return (address >= segment.iova &&
		address + length <= segment.iova + segment.length) ||
	       (address >= own->iova && address + length <= own->iova + own->length);
}

/* The bus master is told to go: where? */
static void check_write(const struct udrv_io_step *step)
{
	const struct ide_channel *c = &ide.channel[step->offset / 8];

	if (step->region != MASTER || step->offset % 8 || !(step->value & START))
		return;
	for (unsigned i = 0;; i++) {
		uint32_t length = c->table[i].count & 0xffff;

		CHECK(i < 256);
		CHECK(is_ours(c->table[i].address, length ? length : 0x10000));
		if (c->table[i].count >> 31)
			break;
	}
}

static void request(struct ide_disk *disk)
{
	uint8_t how = hostile_byte();
	struct ide_request r = {
		.op = (enum ide_op)(how & 3), .lba = hostile_bytes(2),
		.sectors = (uint32_t)hostile_bytes(2) % MOST_SECTORS,
		.segment_count = 1, .segments = how & 4 ? &segment : NULL,
	};
	size_t bytes = (size_t)r.sectors * ATA_SECTOR;
	int error;

	if (r.op == IDE_FLUSH)
		r.lba = r.sectors = 0;
	/* Not a byte more. */
	buffer = malloc(bytes + !bytes);
	memset(buffer, 0xee, bytes);
	r.buffer = buffer;
	segment = (struct udrv_dma_segment) { DATA_IOVA, bytes };
	error = ide_run(disk, &r);
	CHECK(r.finished && error == r.error && r.done <= r.sectors);
	CHECK(error ? *r.problem : !*r.problem || complaints);
	CHECK(!disk->channel->active && !disk->channel->first);
	if (error)
		CHECK(r.bad_lba >= r.lba && r.bad_lba <= r.lba + r.sectors);
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t regions[8] = { 8, 4, 8, 4, 16 };
	unsigned flags, i;

	hostile_begin(data, size);
	memcpy(hostile.region_size, regions, sizeof(regions));
	hostile.info = (struct udrv_info) {
		.out_caps = UDRV_INFO_PCI, .out_class = 0x010180u << 8,
		.out_lines = 2,
	};
	hostile.read = read_data;
	hostile.write = check_write;
	flags = hostile_byte() & (IDE_POLLED | IDE_BY_PIO);
	complaints = 0;
	if (!ide_start(&ide, HOSTILE_FD, flags, count_complaint)) {
		for (i = 0; i < 8 && !hostile_over(); i++)
			request(ide_disk(&ide, hostile_byte() % IDE_DISKS));
		/* All is gone: then this ends, too. */
		for (i = 0; i < IDE_DISKS; i++)
			request(ide_disk(&ide, i));
	}
	ide_stop(&ide);
	hostile_end();
	return 0;
}
