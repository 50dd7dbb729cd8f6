// SPDX-License-Identifier: MIT
/* What disks say of themselves, commands in writing, errors in words. */
#include <stdlib.h>
#include <string.h>
#include "unit.h"
#include "ide_identify.h"
#include "ide/ata.h"

static void put(uint8_t *words, unsigned number, unsigned value)
{
	words[2 * number] = (uint8_t)value;
	words[2 * number + 1] = (uint8_t)(value >> 8);
}

static unsigned get(const uint8_t *words, unsigned number)
{
	return words[2 * number] | (unsigned)words[2 * number + 1] << 8;
}

/* The last byte makes the sum of all zero, where there is a signature. */
static void make_checksum(uint8_t *words)
{
	uint8_t sum = 0;

	if (words[510] != 0xa5)
		return;
	for (unsigned i = 0; i < ATA_SECTOR - 1; i++)
		sum = (uint8_t)(sum + words[i]);
	words[511] = (uint8_t)-sum;
}

static void words_of(const char *text, uint8_t *words)
{
	memset(words, 0, ATA_SECTOR);
	while (*text) {
		char *at;
		unsigned number = (unsigned)strtoul(text, &at, 10);

		assert_int_equal(*at, ':');
		for (at++; *at != '\n'; number++) {
			assert_in_range(number, 0, 255);
			put(words, number, (unsigned)strtoul(at, &at, 16));
		}
		text = at + 1;
	}
	make_checksum(words);
}

static const struct {
	const char *text;
	struct ata_identity is;
} disks[] = {
	{ maxtor_6y120p0, {
		.model = "Maxtor 6Y120P0", .serial = "UDRV0001",
		.firmware = "YAR41BW0", .sectors = 240121728, .dma = true,
		.flush = true, .write_cache = true, .rotational = true,
		.multiple = 16, .pio_modes = 0x1f, .mwdma_modes = 0x7,
		.udma_modes = 0x7f, .transfer_mode = 0x44,
		.sector_bytes = 512, .physical_bytes = 512,
	} }, { seagate_st3160023as, {
		.model = "ST3160023AS", .serial = "UDRV0002",
		.firmware = "3.18", .sectors = 312581808, .lba48 = true,
		.dma = true, .flush = true, .flush_ext = true,
		.write_cache = true, .rotational = true, .multiple = 16,
		.pio_modes = 0x1f, .mwdma_modes = 0x7, .udma_modes = 0x7f,
		.transfer_mode = 0x46, .sector_bytes = 512,
		.physical_bytes = 512,
	} }, { wdc_wd4000kd, {
		.model = "WDC WD4000KD-00NAB0", .serial = "UDRV0003",
		.firmware = "01.06A01", .sectors = 781422768, .lba48 = true,
		.dma = true, .flush = true, .flush_ext = true,
		.write_cache = true, .rotational = true, .multiple = 16,
		.pio_modes = 0x1f, .mwdma_modes = 0x7, .udma_modes = 0x7f,
		.transfer_mode = 0x45, .sector_bytes = 512,
		.physical_bytes = 512,
	} }, { samsung_870_qvo, {
		.model = "Samsung SSD 870 QVO 4TB", .serial = "UDRV0004",
		.firmware = "SVQ02B6Q", .sectors = 7814037168, .lba48 = true,
		.dma = true, .flush = true, .flush_ext = true,
		.write_cache = true, .trim = true, .trim_sectors = 8,
		.multiple = 1, .pio_modes = 0x1f, .mwdma_modes = 0x7,
		.udma_modes = 0x7f, .transfer_mode = 0x46,
		.sector_bytes = 512, .physical_bytes = 512,
	} }, { wdc_wd300bb, {
		.model = "WDC WD300BB-32AUA1", .serial = "UDRV0006",
		.firmware = "18.20D18", .sectors = 58633344, .dma = true,
		.write_cache = true, .rotational = true, .multiple = 16,
		.pio_modes = 0x1f, .mwdma_modes = 0x7, .udma_modes = 0x3f,
		.transfer_mode = 0x42, .sector_bytes = 512,
		.physical_bytes = 512,
	} }, { qemu_big, {
		.model = "QEMU HARDDISK", .serial = "UDRV0007",
		.firmware = "2.5+", .sectors = 272629760, .lba48 = true,
		.dma = true, .flush = true, .flush_ext = true,
		.write_cache = true, .trim = true, .trim_sectors = 1,
		.rotational = true, .multiple = 16, .pio_modes = 0x1f,
		.mwdma_modes = 0x7, .udma_modes = 0x3f,
		.transfer_mode = 0x45, .sector_bytes = 512,
		.physical_bytes = 512,
	} },
};

static void assert_same_identity(const struct ata_identity *got,
				 const struct ata_identity *want)
{
	assert_string_equal(got->model, want->model);
	assert_string_equal(got->serial, want->serial);
	assert_string_equal(got->firmware, want->firmware);
#define SAME(field)							\
	if (got->field != want->field)					\
		fail_msg("%s: " #field " is %llu, not %llu", want->model, \
			 (unsigned long long)got->field,		\
			 (unsigned long long)want->field)
	SAME(sectors); SAME(lba48); SAME(dma); SAME(flush); SAME(flush_ext);
	SAME(write_cache); SAME(trim); SAME(trim_sectors); SAME(rotational);
	SAME(multiple); SAME(pio_modes); SAME(mwdma_modes); SAME(udma_modes);
	SAME(transfer_mode); SAME(sector_bytes); SAME(physical_bytes);
#undef SAME
}

static void reads_what_disks_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(disks) / sizeof(*disks); i++) {
		uint8_t words[ATA_SECTOR];
		struct ata_identity got;
		const char *problem;

		words_of(disks[i].text, words);
		problem = ata_decode(words, &got);
		if (problem)
			fail_msg("%s: %s", disks[i].is.model, problem);
		assert_same_identity(&got, &disks[i].is);
	}
}

/* A change to one disk's words, and what comes of it. */
static const char *decode_changed(const char *text, unsigned number,
				  unsigned value, struct ata_identity *id)
{
	uint8_t words[ATA_SECTOR];

	words_of(text, words);
	put(words, number, value);
	make_checksum(words);
	return ata_decode(words, id);
}

static void assert_refused(const uint8_t *words, const char *why)
{
	static const struct ata_identity nothing;
	struct ata_identity id;
	const char *problem;

	memset(&id, 0x5a, sizeof(id));
	problem = ata_decode(words, &id);
	if (!problem || !strstr(problem, why))
		fail_msg("\"%s\" does not say \"%s\"", problem ? problem : "",
			 why);
	assert_memory_equal(&id, &nothing, sizeof(id));
}

static void declines_packet_devices_by_name(void **state)
{
	uint8_t words[ATA_SECTOR];
	char model[41];

	(void)state;
	words_of(plextor_px116a, words);
	assert_refused(words, "ATAPI");
	ata_decode_model(words, model);
	assert_string_equal(model, "PLEXTOR DVD-ROM PX-116A");
}

/* Their first word has the bit of packet devices. */
static void takes_compact_flash(void **state)
{
	struct ata_identity id;

	(void)state;
	assert_null(decode_changed(wdc_wd300bb, 0, 0x848a, &id));
	assert_int_equal(id.sectors, 58633344);
	assert_null(decode_changed(wdc_wd300bb, 0, 0x844a, &id));
	assert_non_null(decode_changed(wdc_wd300bb, 0, 0x848b, &id));
}

static void refuses_nonsense(void **state)
{
	uint8_t words[ATA_SECTOR];

	(void)state;
	memset(words, 0xff, sizeof(words));
	assert_refused(words, "all ones");
	memset(words, 0, sizeof(words));
	assert_refused(words, "LBA");
}

/* Whichever bit is wrong; but a disk without signature has no checksum. */
static void refuses_damaged_data(void **state)
{
	uint8_t words[ATA_SECTOR];
	struct ata_identity id;

	(void)state;
	words_of(seagate_st3160023as, words);
	for (unsigned bit = 16; bit < 510 * 8; bit += 7) {
		words[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_refused(words, "checksum");
		words[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_null(ata_decode(words, &id));
	words[511] ^= 0x80;
	assert_refused(words, "checksum");
	words_of(wdc_wd4000kd, words);
	put(words, 142, 3);
	assert_null(ata_decode(words, &id));
}

static void put_sizes(uint8_t *words, uint64_t by28, uint64_t by48)
{
	for (unsigned i = 0; i < 2; i++)
		put(words, 60 + i, by28 >> (16 * i) & 0xffff);
	for (unsigned i = 0; i < 4; i++)
		put(words, 100 + i, by48 >> (16 * i) & 0xffff);
	make_checksum(words);
}

static void knows_sizes(void **state)
{
	static const struct {
		uint64_t by28, by48, sectors;
		bool lba48;
	} sizes[] = {
		/* What 28 bits can count they count, however large it is. */
		{ 0xfffffff, 5860533168, 5860533168, true },	/* 3 TB */
		{ 0xfffffff, 1ull << 28, 1ull << 28, true },
		{ 0xfffffff, 1ull << 48, 1ull << 48, true },
		{ 1000, 1000, 1000, true },
		{ 0, 1000, 1000, true },
		/* 48 bits that say nonsense are as good as none. */
		{ 1000, 0, 1000, false },
		{ 1000, (1ull << 48) + 1, 1000, false },
		{ 1000, UINT64_MAX, 1000, false },
		{ 0xfffffff, 0, 0xfffffff, false },
		{ 1, 0, 1, false },
		/* 0 sectors: refused */
		{ 0, 0, 0, false },
		{ 0, (1ull << 48) + 1, 0, false },
		{ 0x10000000, 0, 0, false },
		{ 0xffffffff, 0, 0, false },
	};
	uint8_t words[ATA_SECTOR];
	struct ata_identity id;

	(void)state;
	words_of(seagate_st3160023as, words);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		put_sizes(words, sizes[i].by28, sizes[i].by48);
		if (!sizes[i].sectors) {
			assert_refused(words, "no usable size");
			continue;
		}
		assert_null(ata_decode(words, &id));
		assert_int_equal(id.sectors, sizes[i].sectors);
		assert_int_equal(id.lba48, sizes[i].lba48);
		assert_int_equal(id.flush_ext, sizes[i].lba48);
	}
}

static void needs_lba(void **state)
{
	struct ata_identity id;

	(void)state;
	assert_non_null(strstr(decode_changed(wdc_wd300bb, 49, 0x2d00, &id),
			       "cylinders"));
}

/* What word 106 means: ACS-2 7.16.7.54. */
static void knows_sector_sizes(void **state)
{
	uint8_t words[ATA_SECTOR];
	struct ata_identity id;

	(void)state;
	/* As Western Digital's "advanced format" disks have it. */
	assert_null(decode_changed(samsung_870_qvo, 106, 0x6003, &id));
	assert_int_equal(id.sector_bytes, 512);
	assert_int_equal(id.physical_bytes, 4096);
	assert_null(decode_changed(samsung_870_qvo, 106, 0x4003, &id));
	assert_int_equal(id.physical_bytes, 512);
	/* The two upper bits say whether the others mean anything. */
	assert_null(decode_changed(samsung_870_qvo, 106, 0xa003, &id));
	assert_int_equal(id.physical_bytes, 512);
	assert_null(decode_changed(samsung_870_qvo, 106, 0xffff, &id));
	assert_int_equal(id.physical_bytes, 512);
	/* Nobody has larger ones than 1 MiB, and the kernel takes none. */
	assert_null(decode_changed(samsung_870_qvo, 106, 0x600b, &id));
	assert_int_equal(id.physical_bytes, 1 << 20);
	assert_null(decode_changed(samsung_870_qvo, 106, 0x600f, &id));
	assert_int_equal(id.physical_bytes, 512);
	/* 4096-byte logical sectors, in words. */
	words_of(samsung_870_qvo, words);
	put(words, 106, 0x5000);
	put(words, 117, 2048);
	make_checksum(words);
	assert_refused(words, "512");
	put(words, 117, 256);
	make_checksum(words);
	assert_null(ata_decode(words, &id));
}

/* A word of features counts only with its validity bits. */
static void believes_only_valid_words(void **state)
{
	struct ata_identity id;

	(void)state;
	assert_null(decode_changed(seagate_st3160023as, 83, 0xffff, &id));
	assert_false(id.lba48 || id.flush || id.flush_ext);
	assert_int_equal(id.sectors, 268435455);
	assert_null(decode_changed(seagate_st3160023as, 83, 0x3d01, &id));
	assert_false(id.lba48 || id.flush || id.flush_ext);
	/* The write cache can be off. */
	assert_null(decode_changed(seagate_st3160023as, 85, 0x3448, &id));
	assert_false(id.write_cache);
	/* Does not say what is on: what it has. */
	assert_null(decode_changed(seagate_st3160023as, 87, 0, &id));
	assert_true(id.write_cache);
	/* Words 64 to 70 and 88 have their bits in 53. */
	assert_null(decode_changed(seagate_st3160023as, 53, 1, &id));
	assert_int_equal(id.pio_modes, 0x7);
	assert_int_equal(id.mwdma_modes | id.udma_modes | id.transfer_mode, 0);
	assert_null(decode_changed(seagate_st3160023as, 53, 3, &id));
	assert_int_equal(id.mwdma_modes, 0x7);
	assert_int_equal(id.udma_modes, 0);
	/* An older disk's word 169 is the vendor's. */
	assert_null(decode_changed(wdc_wd300bb, 169, 1, &id));
	assert_false(id.trim);
	assert_int_equal(id.trim_sectors, 0);
	assert_null(decode_changed(samsung_870_qvo, 80, 0xffff, &id));
	assert_false(id.trim);
	assert_null(decode_changed(samsung_870_qvo, 105, 0, &id));
	assert_int_equal(id.trim_sectors, 1);
}

static void knows_modes(void **state)
{
	static const struct {
		unsigned multiword, ultra, selected;
		const char *name;
	} modes[] = {
		{ 0x0007, 0x007f, 0, "PIO" },
		{ 0x0107, 0x007f, 0x20, "MWDMA0" },
		{ 0x0207, 0x007f, 0x21, "MWDMA1" },
		{ 0x0407, 0x007f, 0x22, "MWDMA2" },
		{ 0x0007, 0x017f, 0x40, "UDMA0" },
		{ 0x0007, 0x087f, 0x43, "UDMA3" },
		{ 0x0007, 0x407f, 0x46, "UDMA6" },
		/* Both at once: Ultra DMA; two: the faster. */
		{ 0x0407, 0x207f, 0x45, "UDMA5" },
		{ 0x0307, 0x007f, 0x21, "MWDMA1" },
		/* There is no Ultra DMA 7. */
		{ 0x0007, 0x8080, 0, "PIO" },
	};
	uint8_t words[ATA_SECTOR];
	struct ata_identity id;

	(void)state;
	words_of(wdc_wd4000kd, words);
	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		put(words, 63, modes[i].multiword);
		put(words, 88, modes[i].ultra);
		assert_null(ata_decode(words, &id));
		assert_int_equal(id.transfer_mode, modes[i].selected);
		assert_string_equal(ata_mode_name(id.transfer_mode),
				    modes[i].name);
	}
	assert_string_equal(ata_mode_name(0x23), "PIO");
	assert_string_equal(ata_mode_name(0x47), "PIO");
	assert_null(decode_changed(wdc_wd4000kd, 49, 0x2e00, &id));
	assert_false(id.dma);
}

static void knows_multiple(void **state)
{
	static const struct { unsigned word, multiple; } all[] = {
		{ 0x8010, 16 }, { 0x8001, 1 }, { 0x8000, 0 }, { 0x8080, 128 },
		/* Of an odd number the largest power of two in it. */
		{ 0x800f, 8 }, { 0x80ff, 128 }, { 0x8003, 2 },
		/* Not what the standard has there. */
		{ 0x0010, 0 }, { 0xff10, 0 },
	};
	struct ata_identity id;

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		assert_null(decode_changed(wdc_wd4000kd, 47, all[i].word, &id));
		assert_int_equal(id.multiple, all[i].multiple);
	}
}

/* Text is for terminals: no control characters, whatever the disk says. */
static void cleans_text(void **state)
{
	uint8_t words[ATA_SECTOR];
	struct ata_identity id;

	(void)state;
	words_of(wdc_wd4000kd, words);
	for (unsigned i = 0; i < 20; i++)
		put(words, 27 + i, i == 10 ? 0x1b5b : 0x2020);
	for (unsigned i = 0; i < 10; i++)
		put(words, 10 + i, 0x4142);
	for (unsigned i = 0; i < 4; i++)
		put(words, 23 + i, 0xff00 | (i + 1));
	assert_null(ata_decode(words, &id));
	assert_string_equal(id.model, "?[");
	assert_string_equal(id.serial, "ABABABABABABABABABAB");
	assert_string_equal(id.firmware, "????????");
	for (unsigned i = 0; i < 20; i++)
		put(words, 27 + i, 0);
	ata_decode_model(words, id.model);
	assert_string_equal(id.model, "");
}

/* ----------------------------------------------------------------- commands */

/* Each register as it would be, the low 28 bits' upper four in device. */
static void assert_says(const struct ata_taskfile *tf, unsigned command,
			bool ext, uint64_t lba, uint32_t count)
{
	uint64_t got = 0;

	assert_int_equal(tf->command, command);
	assert_int_equal(tf->ext, ext);
	for (int i = 5; i >= 0; i--)
		got = got << 8 | tf->lba[i];
	if (ext) {
		assert_int_equal(tf->device & 0xf, 0);
	} else {
		assert_in_range(got, 0, 0xffffff);
		got |= (uint64_t)(tf->device & 0xf) << 24;
	}
	assert_int_equal(tf->device & 0xf0, 0x40);
	assert_int_equal(got, lba);
	assert_int_equal(tf->count[0], count & 0xff);
	assert_int_equal(tf->count[1], ext ? count >> 8 & 0xff : 0);
	assert_int_equal(tf->feature[0] | tf->feature[1], 0);
}

static void chooses_the_command(void **state)
{
	static const unsigned char commands[2][3][2] = {
		{ { 0x20, 0x24 }, { 0xc4, 0x29 }, { 0xc8, 0x25 } },
		{ { 0x30, 0x34 }, { 0xc5, 0x39 }, { 0xca, 0x35 } },
	};
	struct ata_taskfile tf;

	(void)state;
	for (unsigned i = 0; i < 12; i++) {
		unsigned by = i / 2 % 3;
		bool write = i / 6, ext = i % 2;

		assert_true(ata_read_write(&tf, write, (enum ata_transfer)by,
					   true, 7, ext ? 257 : 256));
		assert_says(&tf, commands[write][by][ext], ext, 7,
			    ext ? 257 : 256);
	}
}

static void writes_down_addresses(void **state)
{
	enum { NO, SHORT, LONG };
	static const struct {
		uint64_t lba;
		uint32_t count;
		int without, with;	/* LBA48 */
	} all[] = {
		{ 0, 0, NO, NO },
		{ 0, 1, SHORT, SHORT },
		{ 0x1234567, 0x89, SHORT, SHORT },
		{ 0, 255, SHORT, SHORT },
		{ 0, 256, SHORT, SHORT },
		{ 0, 257, NO, LONG },
		{ 0, 65535, NO, LONG },
		{ 0, 65536, NO, LONG },
		{ 0, 65537, NO, NO },
		{ 0, UINT32_MAX, NO, NO },
		/* Disks refuse sector 2^28 - 1 to a command of 28 bits. */
		{ 0xffffffe, 1, SHORT, SHORT },
		{ 0xfffffff, 1, NO, LONG },
		{ 0xffffffe, 2, NO, LONG },
		{ 0xfffff00, 255, SHORT, SHORT },
		{ 0xfffff00, 256, NO, LONG },
		{ 0x10000000, 1, NO, LONG },
		{ 0xfedcba987654, 0x3210, NO, LONG },
		{ 0xffffffffffff, 1, NO, LONG },
		{ 0xffffffffffff, 2, NO, NO },
		{ 0xffffffff0000, 65536, NO, LONG },
		{ 0xffffffff0001, 65536, NO, NO },
		{ 1ull << 48, 1, NO, NO },
		{ UINT64_MAX, 1, NO, NO },
		{ UINT64_MAX, 256, NO, NO },
	};
	struct ata_taskfile tf;

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(all) / sizeof(*all); i++) {
		uint64_t lba = all[i / 2].lba;
		uint32_t count = all[i / 2].count;
		bool lba48 = i % 2;
		int want = lba48 ? all[i / 2].with : all[i / 2].without;
		bool got = ata_read_write(&tf, false, ATA_BY_DMA, lba48, lba,
					  count);

		if (got != (want != NO))
			fail_msg("lba %#llx, count %u: %d",
				 (unsigned long long)lba, count, got);
		if (got)
			assert_says(&tf, want == LONG ? 0x25 : 0xc8,
				    want == LONG, lba, count);
	}
	assert_int_equal(ata_most_sectors(false), 256);
	assert_int_equal(ata_most_sectors(true), 65536);
}

/* --------------------------------------------------------------------- TRIM */

static void assert_ranges(uint64_t lba, uint64_t count)
{
	uint8_t block[ATA_SECTOR + 1];
	uint64_t said, next = lba, most = 64 * 65535;
	bool ended = false;

	block[ATA_SECTOR] = 0x77;
	memset(block, 0xee, ATA_SECTOR);
	said = ata_trim_ranges(block, lba, count);
	assert_int_equal(said, count < most ? count : most);
	for (unsigned i = 0; i < ATA_SECTOR; i += 8) {
		uint64_t start = get(block, i / 2) |
				 (uint64_t)get(block, i / 2 + 1) << 16 |
				 (uint64_t)get(block, i / 2 + 2) << 32;
		unsigned length = get(block, i / 2 + 3);

		/* An entry without sectors is none, and all after it. */
		if (!length) {
			assert_int_equal(start, 0);
			ended = true;
			continue;
		}
		assert_false(ended);
		assert_int_equal(start, next);
		next += length;
	}
	assert_int_equal(next - lba, said);
	assert_int_equal(block[ATA_SECTOR], 0x77);
}

static void lists_trim_ranges(void **state)
{
	(void)state;
	assert_ranges(0, 0);
	assert_ranges(0, 1);
	assert_ranges(5, 65534);
	assert_ranges(5, 65535);
	assert_ranges(5, 65536);
	assert_ranges(0xfffffff, 65535 * 2 + 1);
	assert_ranges(0x123456789abc, 63 * 65535 + 1);
	assert_ranges(0, 64 * 65535 - 1);
	assert_ranges(0, 64 * 65535);
	assert_ranges(0, 64 * 65535 + 1);
	assert_ranges(0, 1ull << 40);
	assert_ranges((1ull << 48) - 1, 1);
}

/* ------------------------------------------------------------------- errors */

static void explains_errors(void **state)
{
	static const struct {
		uint8_t status, error;
		const char *word, *numbers;
	} all[] = {
		{ 0xff, 0xff, "gone", "status ff, error ff" },
		{ 0x80, 0x00, "BSY", "status 80, error 00" },
		/* Of a busy device nothing else is true. */
		{ 0xd1, 0x40, "BSY", "status d1" },
		{ 0x61, 0x04, "(DF)", "status 61, error 04" },
		{ 0x20, 0x00, "(DF)", "status 20" },
		{ 0x51, 0x40, "cannot be read (UNC)", "status 51, error 40" },
		{ 0x51, 0x84, "cable (ICRC)", "error 84" },
		{ 0x51, 0x10, "no such sector (IDNF)", "error 10" },
		{ 0x51, 0x02, "medium", "error 02" },
		{ 0x51, 0x20, "medium", "error 20" },
		{ 0x51, 0x08, "medium", "error 08" },
		{ 0x51, 0x04, "aborted the command (ABRT)", "error 04" },
		/* The sector's fault goes before the refusal. */
		{ 0x51, 0x44, "UNC", "error 44" },
		{ 0x51, 0x00, "did not do the command", "error 00" },
		/* Without ERR the error register is old. */
		{ 0x50, 0x40, "did not do the command", "error 00" },
		{ 0x58, 0x40, "more data", "status 58, error 00" },
	};
	char text[160];

	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		ata_describe(all[i].status, all[i].error, text, sizeof(text));
		if (!strstr(text, all[i].word) || !strstr(text, all[i].numbers))
			fail_msg("%02x %02x: \"%s\"", all[i].status,
				 all[i].error, text);
	}
	memset(text, 'x', sizeof(text));
	ata_describe(0x51, 0x40, text, 10);
	assert_int_equal(strlen(text), 9);
	assert_int_equal(text[10], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_disks_say),
		cmocka_unit_test(declines_packet_devices_by_name),
		cmocka_unit_test(takes_compact_flash),
		cmocka_unit_test(refuses_nonsense),
		cmocka_unit_test(refuses_damaged_data),
		cmocka_unit_test(knows_sizes),
		cmocka_unit_test(needs_lba),
		cmocka_unit_test(knows_sector_sizes),
		cmocka_unit_test(believes_only_valid_words),
		cmocka_unit_test(knows_modes),
		cmocka_unit_test(knows_multiple),
		cmocka_unit_test(cleans_text),
		cmocka_unit_test(chooses_the_command),
		cmocka_unit_test(writes_down_addresses),
		cmocka_unit_test(lists_trim_ranges),
		cmocka_unit_test(explains_errors),
	};

	return cmocka_run_group_tests_name("ide_ata", tests, NULL, NULL);
}
