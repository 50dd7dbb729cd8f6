/* SPDX-License-Identifier: MIT */
/*
 * ATA without hardware: what a disk says of itself, how a command is written
 * down, what its errors mean.  Names and word numbers are those of ATA/ATAPI-7
 * (T13/1532D volume 1) unless said otherwise.
 */
#ifndef IDE_ATA_H
#define IDE_ATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATA_SECTOR		512
/*
 * The last sector 28 bits can say is none: IDENTIFY cannot count it, and disks
 * refuse it there.
 */
#define ATA_LBA28_SECTORS	((1ull << 28) - 1)
#define ATA_LBA48_SECTORS	(1ull << 48)
#define ATA_LBA28_COUNT		256	/* sectors of one command */
#define ATA_LBA48_COUNT		65536

/* Status register */
#define ATA_BSY		0x80
#define ATA_DRDY	0x40
#define ATA_DF		0x20
#define ATA_DRQ		0x08
#define ATA_ERR		0x01

/* Error register */
#define ATA_ICRC	0x80
#define ATA_UNC		0x40
#define ATA_MC		0x20
#define ATA_IDNF	0x10
#define ATA_MCR		0x08
#define ATA_ABRT	0x04
#define ATA_NM		0x02

enum ata_command {
	ATA_CMD_DATA_SET_MANAGEMENT = 0x06,	/* ACS-2 7.10 */
	ATA_CMD_READ_SECTORS = 0x20,
	ATA_CMD_READ_SECTORS_EXT = 0x24,
	ATA_CMD_READ_DMA_EXT = 0x25,
	ATA_CMD_READ_MULTIPLE_EXT = 0x29,
	ATA_CMD_WRITE_SECTORS = 0x30,
	ATA_CMD_WRITE_SECTORS_EXT = 0x34,
	ATA_CMD_WRITE_DMA_EXT = 0x35,
	ATA_CMD_WRITE_MULTIPLE_EXT = 0x39,
	ATA_CMD_IDENTIFY_PACKET = 0xa1,
	ATA_CMD_READ_MULTIPLE = 0xc4,
	ATA_CMD_WRITE_MULTIPLE = 0xc5,
	ATA_CMD_SET_MULTIPLE = 0xc6,
	ATA_CMD_READ_DMA = 0xc8,
	ATA_CMD_WRITE_DMA = 0xca,
	ATA_CMD_FLUSH = 0xe7,
	ATA_CMD_FLUSH_EXT = 0xea,
	ATA_CMD_IDENTIFY = 0xec,
	ATA_CMD_SET_FEATURES = 0xef,
};

#define ATA_FEATURE_TRANSFER_MODE	0x03	/* of SET FEATURES */
#define ATA_FEATURE_TRIM		0x01	/* of DATA SET MANAGEMENT */

/**
 * struct ata_identity - IDENTIFY DEVICE, decoded
 * @model: without the blanks around it
 * @serial: likewise
 * @firmware: likewise
 * @sectors: of 512 bytes, by LBA48 if it has that, else LBA28
 * @lba48: has the 48-bit commands
 * @dma: has the DMA commands
 * @flush: has FLUSH CACHE
 * @flush_ext: has FLUSH CACHE EXT, and 48 bits to say it with
 * @write_cache: completed writes may be lost without a flush
 * @trim: has DATA SET MANAGEMENT with TRIM
 * @trim_sectors: 512-byte blocks of TRIM ranges one command takes, at least 1
 * @rotational: turns, or does not say that it does not
 * @multiple: most sectors of an interrupt (SET MULTIPLE), 0 = cannot
 * @pio_modes: bit n = mode n, 0 to 4
 * @mwdma_modes: bit n = multiword DMA mode n
 * @udma_modes: bit n = Ultra DMA mode n
 * @transfer_mode: what is selected, as SET FEATURES writes it (0x20 + n
 *	multiword, 0x40 + n Ultra DMA); 0 = none
 * @sector_bytes: logical sector
 * @physical_bytes: physical sector
 */
struct ata_identity {
	char model[41];
	char serial[21];
	char firmware[9];
	uint64_t sectors;
	bool lba48;
	bool dma;
	bool flush;
	bool flush_ext;
	bool write_cache;
	bool trim;
	unsigned trim_sectors;
	bool rotational;
	unsigned multiple;
	unsigned pio_modes;
	unsigned mwdma_modes;
	unsigned udma_modes;
	unsigned transfer_mode;
	unsigned sector_bytes;
	unsigned physical_bytes;
};

/**
 * ata_decode() - read a disk's IDENTIFY data
 * @words: as the data register gave them, little-endian bytes
 * @identity: filled in; all zeroes if this fails
 *
 * Return: NULL, or why it is no disk that can be driven, a sentence.
 */
const char *ata_decode(const uint8_t words[ATA_SECTOR],
		       struct ata_identity *identity);

/* The model alone, for devices that are no disks.  @model: 41 bytes. */
void ata_decode_model(const uint8_t words[ATA_SECTOR], char *model);

/* "UDMA5", "MWDMA2", "PIO"; the mode that is selected. */
const char *ata_mode_name(unsigned transfer_mode);

/**
 * struct ata_taskfile - a command as the registers take it
 * @command: ATA_CMD_...
 * @device: device register, without the drive bit
 * @ext: 48-bit: the high bytes are written first
 * @feature: low and high byte
 * @count: likewise
 * @lba: bytes 0 to 5
 */
struct ata_taskfile {
	uint8_t command;
	uint8_t device;
	bool ext;
	uint8_t feature[2];
	uint8_t count[2];
	uint8_t lba[6];
};

enum ata_transfer {
	ATA_BY_PIO,			/* an interrupt for each sector */
	ATA_BY_MULTIPLE,		/* for each SET MULTIPLE sectors */
	ATA_BY_DMA,
};

/**
 * ata_read_write() - the command for a transfer
 * @tf: filled in
 * @write: to the disk
 * @by: how
 * @lba48: the disk has the 48-bit commands; used only where 28 bits do not do
 * @lba: first sector
 * @count: sectors, 1 to ata_most_sectors()
 *
 * Return: false if no command can say that.
 */
bool ata_read_write(struct ata_taskfile *tf, bool write, enum ata_transfer by,
		    bool lba48, uint64_t lba, uint32_t count);

/* How many sectors one command moves at most. */
static inline uint32_t ata_most_sectors(bool lba48)
{
	return lba48 ? ATA_LBA48_COUNT : ATA_LBA28_COUNT;
}

/**
 * ata_trim_ranges() - the data of a TRIM command
 * @block: ATA_SECTOR bytes, filled in: 64 ranges of up to 65,535 sectors
 * @lba: first sector
 * @count: sectors
 *
 * Return: the sectors that found room, at most @count.
 */
uint64_t ata_trim_ranges(uint8_t block[ATA_SECTOR], uint64_t lba, uint64_t count);

/**
 * ata_describe() - status and error register in words
 * @status: status register
 * @error: error register, looked at if ATA_ERR is set
 * @text: filled in, "the sector cannot be read (UNC); status 51, error 40"
 * @size: of @text
 */
void ata_describe(uint8_t status, uint8_t error, char *text, size_t size);

#endif
