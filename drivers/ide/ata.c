// SPDX-License-Identifier: MIT
/* See ata.h. */
#include <stdio.h>
#include <string.h>
#include "ata.h"

/* Larger physical sectors than this, 1 MiB, nobody has: it is nonsense. */
#define PHYSICAL_SHIFT_MOST	11

static unsigned word(const uint8_t *words, unsigned number)
{
	return words[2 * number] | (unsigned)words[2 * number + 1] << 8;
}

static uint64_t words_at(const uint8_t *words, unsigned number, unsigned count)
{
	uint64_t value = 0;

	while (count--)
		value = value << 16 | word(words, number + count);
	return value;
}

/* Two characters a word, the first in the high byte; padded with blanks. */
static void text_at(const uint8_t *words, unsigned number, unsigned count,
		    char *text)
{
	unsigned i, start = 0, end = 2 * count;

	for (i = 0; i < 2 * count; i++) {
		uint8_t c = words[2 * number + (i ^ 1)];

		text[i] = (char)(c >= ' ' && c < 0x7f ? c : c ? '?' : ' ');
	}
	while (end && text[end - 1] == ' ')
		end--;
	while (start < end && text[start] == ' ')
		start++;
	memmove(text, text + start, end - start);
	text[end - start] = '\0';
}

void ata_decode_model(const uint8_t words[ATA_SECTOR], char *model)
{
	text_at(words, 27, 20, model);
}

/* Words 82 to 87 count only if two bits of 83 and of 87 say so. */
static bool has_feature_words(const uint8_t *words, unsigned number)
{
	return (word(words, number) & 0xc000) == 0x4000;
}

/* Word 80 has a bit for each version of the standard, or says nothing. */
static bool conforms_to(const uint8_t *words, unsigned version)
{
	unsigned versions = word(words, 80);

	return versions != 0xffff && versions >> version;
}

static void decode_features(const uint8_t *words, struct ata_identity *id)
{
	if (has_feature_words(words, 83)) {
		id->lba48 = word(words, 83) & 1u << 10;
		id->flush = word(words, 83) & 1u << 12;
		id->flush_ext = word(words, 83) & 1u << 13;
		id->write_cache = word(words, 82) & 1u << 5;
	}
	/* Supported; is it switched on too? */
	if (has_feature_words(words, 87))
		id->write_cache = word(words, 85) & 1u << 5;
	/*
	 * ACS-2: word 169 bit 0, and 105 tells how much at once.  Before
	 * ATA/ATAPI-7 they meant nothing.
	 */
	id->trim = conforms_to(words, 7) && word(words, 169) & 1;
	if (id->trim) {
		id->trim_sectors = word(words, 105);
		if (!id->trim_sectors)
			id->trim_sectors = 1;
	}
	id->rotational = word(words, 217) != 1;
}

static unsigned highest(unsigned bits)
{
	unsigned mode = 0;

	while (bits >>= 1)
		mode++;
	return mode;
}

static void decode_modes(const uint8_t *words, struct ata_identity *id)
{
	unsigned selected;

	id->dma = word(words, 49) & 1u << 8;
	id->pio_modes = 0x7;
	if (word(words, 53) & 1u << 1) {
		id->pio_modes |= (word(words, 64) & 3) << 3;
		id->mwdma_modes = word(words, 63) & 0x7;
		selected = word(words, 63) >> 8 & 0x7;
		if (selected)
			id->transfer_mode = 0x20 + highest(selected);
	}
	if (word(words, 53) & 1u << 2) {
		id->udma_modes = word(words, 88) & 0x7f;
		selected = word(words, 88) >> 8 & 0x7f;
		if (selected)
			id->transfer_mode = 0x40 + highest(selected);
	}
	if ((word(words, 47) & 0xff00) == 0x8000)
		id->multiple = word(words, 47) & 0xff;
	/* It must be a power of two to be of use. */
	while (id->multiple & (id->multiple - 1))
		id->multiple &= id->multiple - 1;
}

static void decode_sector_sizes(const uint8_t *words, struct ata_identity *id)
{
	id->sector_bytes = ATA_SECTOR;
	id->physical_bytes = ATA_SECTOR;
	if ((word(words, 106) & 0xc000) != 0x4000)
		return;
	if (word(words, 106) & 1u << 12)
		id->sector_bytes = (unsigned)words_at(words, 117, 2) * 2;
	id->physical_bytes = id->sector_bytes;
	if (word(words, 106) & 1u << 13 &&
	    (word(words, 106) & 0xf) <= PHYSICAL_SHIFT_MOST)
		id->physical_bytes <<= word(words, 106) & 0xf;
}

/* Word 255: a signature, then a byte that makes the sum of all bytes zero. */
static bool checksum_is_wrong(const uint8_t *words)
{
	uint8_t sum = 0;
	unsigned i;

	if (words[510] != 0xa5)
		return false;
	for (i = 0; i < ATA_SECTOR; i++)
		sum = (uint8_t)(sum + words[i]);
	return sum;
}

/* CompactFlash: these two have the packet bit, and are disks. */
static bool is_compact_flash(const uint8_t *words)
{
	return word(words, 0) == 0x848a || word(words, 0) == 0x844a;
}

static const char *decode(const uint8_t *words, struct ata_identity *id)
{
	if (word(words, 0) == 0xffff && word(words, 1) == 0xffff)
		return "it answers with all ones: nothing is there";
	if (word(words, 0) & 1u << 15 && !is_compact_flash(words))
		return "it is a packet device (ATAPI), not a disk";
	if (checksum_is_wrong(words))
		return "its IDENTIFY data is damaged (wrong checksum)";
	text_at(words, 10, 10, id->serial);
	text_at(words, 23, 4, id->firmware);
	ata_decode_model(words, id->model);
	if (!(word(words, 49) & 1u << 9))
		return "it has no LBA, only cylinders, heads and sectors";
	decode_features(words, id);
	decode_modes(words, id);
	decode_sector_sizes(words, id);
	if (id->sector_bytes != ATA_SECTOR)
		return "its logical sectors are not 512 bytes";
	if (id->lba48)
		id->sectors = words_at(words, 100, 4);
	if (!id->sectors || id->sectors > ATA_LBA48_SECTORS) {
		id->lba48 = false;
		/* Maxtors of 28 bits claim it, and abort it. */
		id->flush_ext = false;
		id->sectors = words_at(words, 60, 2);
	}
	if (!id->sectors || (!id->lba48 && id->sectors > ATA_LBA28_SECTORS))
		return "its IDENTIFY data gives no usable size";
	return NULL;
}

const char *ata_decode(const uint8_t words[ATA_SECTOR],
		       struct ata_identity *identity)
{
	const char *problem;

	memset(identity, 0, sizeof(*identity));
	problem = decode(words, identity);
	if (problem)
		memset(identity, 0, sizeof(*identity));
	return problem;
}

const char *ata_mode_name(unsigned transfer_mode)
{
	static const char *const multiword[] = { "MWDMA0", "MWDMA1", "MWDMA2" };
	static const char *const ultra[] = {
		"UDMA0", "UDMA1", "UDMA2", "UDMA3", "UDMA4", "UDMA5", "UDMA6"
	};

	if (transfer_mode >= 0x40 && transfer_mode < 0x47)
		return ultra[transfer_mode - 0x40];
	if (transfer_mode >= 0x20 && transfer_mode < 0x23)
		return multiword[transfer_mode - 0x20];
	return "PIO";
}

/* [write][by][ext] */
static const uint8_t transfer_commands[2][3][2] = {
	{ { ATA_CMD_READ_SECTORS, ATA_CMD_READ_SECTORS_EXT },
	  { ATA_CMD_READ_MULTIPLE, ATA_CMD_READ_MULTIPLE_EXT },
	  { ATA_CMD_READ_DMA, ATA_CMD_READ_DMA_EXT } },
	{ { ATA_CMD_WRITE_SECTORS, ATA_CMD_WRITE_SECTORS_EXT },
	  { ATA_CMD_WRITE_MULTIPLE, ATA_CMD_WRITE_MULTIPLE_EXT },
	  { ATA_CMD_WRITE_DMA, ATA_CMD_WRITE_DMA_EXT } },
};

bool ata_read_write(struct ata_taskfile *tf, bool write, enum ata_transfer by,
		    bool lba48, uint64_t lba, uint32_t count)
{
	bool ext = count > ATA_LBA28_COUNT || lba + count > ATA_LBA28_SECTORS;
	unsigned i;

	if (!count || count > ATA_LBA48_COUNT || (ext && !lba48) ||
	    lba >= ATA_LBA48_SECTORS || lba + count > ATA_LBA48_SECTORS)
		return false;
	*tf = (struct ata_taskfile) {
		.command = transfer_commands[write][by][ext],
		.ext = ext,
		.device = 0x40,		/* addresses are LBA */
		/* The largest count is written as 0. */
		.count = { (uint8_t)count, ext ? (uint8_t)(count >> 8) : 0 },
	};
	for (i = 0; i < (ext ? 6u : 3u); i++)
		tf->lba[i] = (uint8_t)(lba >> (8 * i));
	if (!ext)
		tf->device |= (uint8_t)(lba >> 24 & 0xf);
	return true;
}

uint64_t ata_trim_ranges(uint8_t block[ATA_SECTOR], uint64_t lba, uint64_t count)
{
	uint64_t left = count;
	unsigned i, byte;

	memset(block, 0, ATA_SECTOR);
	/* ACS-2 7.10.3.2: eight bytes a range, the count in the upper two. */
	for (i = 0; i < ATA_SECTOR && left; i += 8) {
		uint64_t some = left < 0xffff ? left : 0xffff;
		uint64_t entry = lba | some << 48;

		for (byte = 0; byte < 8; byte++)
			block[i + byte] = (uint8_t)(entry >> (8 * byte));
		lba += some;
		left -= some;
	}
	return count - left;
}

void ata_describe(uint8_t status, uint8_t error, char *text, size_t size)
{
	const char *what = "it did not do the command";

	if (status == 0xff)
		what = "the device is gone (all ones)";
	else if (status & ATA_BSY)
		what = "it is still busy (BSY)";
	else if (status & ATA_DF)
		what = "the device has a fault (DF)";
	else if (!(status & ATA_ERR))
		what = status & ATA_DRQ ? "it wants more data than was agreed (DRQ)" : what;
	else if (error & ATA_ICRC)
		what = "the data was damaged on the cable (ICRC)";
	else if (error & ATA_UNC)
		what = "the sector cannot be read (UNC)";
	else if (error & ATA_IDNF)
		what = "there is no such sector (IDNF)";
	else if (error & (ATA_NM | ATA_MC | ATA_MCR))
		what = "the medium is missing or was changed (NM, MC, MCR)";
	else if (error & ATA_ABRT)
		what = "it aborted the command (ABRT)";
	snprintf(text, size, "%s; status %02x, error %02x", what, status,
		 status & ATA_ERR ? error : 0);
}
