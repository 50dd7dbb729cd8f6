// SPDX-License-Identifier: MIT
/*
 * IDENTIFY data, and memory that a disk is to fill: what is made of them is within
 * what the rest of the driver counts on.
 */
#include <string.h>
#include "hostile.h"
#include "ide/ata.h"
#include "ide/prd.h"

static void check_text(const char *text, size_t room)
{
	size_t length = strnlen(text, room);

	CHECK(length < room);
	for (size_t i = 0; i < length; i++)
		CHECK(text[i] >= ' ' && text[i] < 0x7f);
}

static void check_identity(const struct ata_identity *id)
{
	check_text(id->model, sizeof(id->model));
	check_text(id->serial, sizeof(id->serial));
	check_text(id->firmware, sizeof(id->firmware));
	CHECK(id->sectors && id->sectors <= ATA_LBA48_SECTORS);
	CHECK(id->lba48 || id->sectors <= ATA_LBA28_SECTORS);
	CHECK(id->sector_bytes == ATA_SECTOR);
	/* What the kernel takes for a disk. */
	CHECK(id->physical_bytes >= ATA_SECTOR && id->physical_bytes <= 1u << 20 &&
	      !(id->physical_bytes & (id->physical_bytes - 1)));
	CHECK(id->multiple <= 128 && !(id->multiple & (id->multiple - 1)));
	CHECK(!id->trim == !id->trim_sectors);
	CHECK(ata_mode_name(id->transfer_mode));
}

static void identify(const uint8_t *data, size_t size)
{
	/* A disk that can be used, but for what the input says. */
	static const uint16_t usable[][2] = {
		{ 0, 0x0040 }, { 27, 0x5145 }, { 10, 0x3031 }, { 49, 0x0f00 },
		{ 53, 0x0007 }, { 60, 0x0800 }, { 63, 0x0007 }, { 80, 0x00fe },
		{ 83, 0x7400 }, { 87, 0x4000 }, { 88, 0x203f }, { 100, 0x0800 },
		{ 106, 0x6003 }, { 169, 0x0001 },
	};
	uint8_t words[ATA_SECTOR] = { 0 };
	struct ata_identity id;
	char model[41];

	for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
		words[2 * usable[i][0]] = (uint8_t)usable[i][1];
		words[2 * usable[i][0] + 1] = (uint8_t)(usable[i][1] >> 8);
	}
	if (size >= ATA_SECTOR)
		memcpy(words, data, ATA_SECTOR);
	else
		for (; size >= 3; size -= 3, data += 3)
			memcpy(words + 2 * data[0], data + 1, 2);
	ata_decode_model(words, model);
	check_text(model, sizeof(model));
	if (!ata_decode(words, &id))
		check_identity(&id);
	else
		CHECK(!id.sectors && !id.model[0]);
}

static void command(void)
{
	uint64_t lba = hostile_bytes(6) << (hostile_byte() & 1);
	uint32_t count = (uint32_t)hostile_bytes(3);
	bool lba48 = hostile_byte() & 1;
	struct ata_taskfile tf;
	uint8_t block[ATA_SECTOR];
	char text[128];
	uint8_t status = hostile_byte();

	if (ata_read_write(&tf, count & 1, (enum ata_transfer)(lba % 3), lba48, lba,
			   count)) {
		CHECK(count && count <= ata_most_sectors(lba48));
		CHECK(lba48 || !tf.ext);
	}
	CHECK(ata_trim_ranges(block, lba, count) <= count);
	ata_describe(status, hostile_byte(), text, sizeof(text));
	check_text(text, sizeof(text));
}

/* Each entry is of one segment, whole words, and does not cross 64 KiB. */
static void check_table(const struct prd *table, size_t bytes,
			const struct udrv_dma_segment *segments, unsigned count)
{
	size_t sum = 0;

	for (unsigned i = 0; sum < bytes; i++) {
		uint32_t length = table[i].count & 0xffff ? table[i].count & 0xffff :
				  0x10000;
		uint64_t end = (uint64_t)table[i].address + length;
		unsigned j;

		CHECK(i < 16);
		for (j = 0; j < count; j++)
			if (table[i].address >= segments[j].iova &&
			    end <= segments[j].iova + segments[j].length)
				break;
		CHECK(j < count && end <= 1ull << 32);
		CHECK(table[i].address / 0x10000 == (end - 1) / 0x10000);
		CHECK(!(table[i].address % 2) && !(length % 2));
		sum += length;
		CHECK(!(table[i].count >> 31) == (sum < bytes));
	}
	CHECK(sum == bytes);
}

static void table(void)
{
	struct udrv_dma_segment segments[4];
	unsigned count = hostile_byte() % 4 + 1u;
	uint64_t skip, room = 0;
	struct prd *table = calloc(16, sizeof(*table));
	size_t wanted, bytes;

	for (unsigned i = 0; i < count; i++) {
		segments[i].iova = hostile_bytes(5);
		segments[i].length = hostile_bytes(3);
		room += segments[i].length;
	}
	skip = hostile_bytes(3);
	wanted = (size_t)hostile_bytes(3) / 512 * 512;
	bytes = prd_fill(table, 16, segments, count, skip, wanted, 512);
	CHECK(bytes <= wanted && !(bytes % 512) && bytes <= room);
	if (bytes)
		check_table(table, bytes, segments, count);
	free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	identify(data, size);
	hostile_begin(data, size);
	command();
	table();
	hostile_end();
	return 0;
}
