// SPDX-License-Identifier: MIT
/* identify, bench, and what the commands share. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "commands.h"

int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-ide: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}

static bool has_disk(struct ide *ide, unsigned index)
{
	return ide_disk(ide, index)->present;
}

struct ide_disk *chosen_disk(struct ide *ide, const struct options *options)
{
	unsigned wanted = options->disks;
	struct ide_disk *disk;
	unsigned index;

	for (unsigned i = 0; !options->disks && i < IDE_DISKS; i++)
		wanted |= has_disk(ide, i) ? 1u << i : 0;
	if (!wanted) {
		complain("no disk is on this controller");
		return NULL;
	}
	if (wanted & (wanted - 1)) {
		complain("there are several disks: say --disk N (udrv-ide %s identify lists them)",
			 options->device);
		return NULL;
	}
	index = (unsigned)__builtin_ctz(wanted);
	disk = ide_disk(ide, index);
	if (disk->present)
		return disk;
	complain("disk %u (%s) cannot be used: %s", index, ide_disk_name(disk),
		 *disk->declined ? disk->declined : "nothing is there");
	return NULL;
}

bool may_overwrite(const struct ide_disk *disk, const struct options *options)
{
	const char *serial = disk->identity.serial;

	if (!options->overwrite) {
		complain("this would overwrite %s, serial number %s: say --overwrite %s if that is meant",
			 disk->identity.model, serial, serial);
		return false;
	}
	if (strcmp(options->overwrite, serial)) {
		complain("--overwrite names serial number %s, but this disk has %s: nothing was written",
			 options->overwrite, serial);
		return false;
	}
	return true;
}

/* ----------------------------------------------------------------- identify */

static void print_modes(const struct ata_identity *id)
{
	static const struct { const char *name; unsigned first; } kinds[] = {
		{ "PIO", 0 }, { "MWDMA", 0x20 }, { "UDMA", 0x40 },
	};
	const unsigned modes[] = {
		id->pio_modes, id->mwdma_modes, id->udma_modes,
	};

	printf("  modes      ");
	for (unsigned kind = 0; kind < 3; kind++)
		for (unsigned i = 0; i < 7; i++)
			if (modes[kind] & 1u << i)
				printf(" %s%u%s", kinds[kind].name, i,
				       kinds[kind].first + i == id->transfer_mode ?
				       "*" : "");
	printf("\n");
}

static void print_disk(const struct ide_disk *disk)
{
	const struct ata_identity *id = &disk->identity;

	printf("  model       %s\n", id->model);
	printf("  serial      %s\n", id->serial);
	printf("  firmware    %s\n", id->firmware);
	printf("  size        %llu sectors, %.2f GiB\n",
	       (unsigned long long)id->sectors,
	       (double)id->sectors * ATA_SECTOR / (1 << 30));
	printf("  addressing  LBA%s, %u-byte sectors, %u physical\n",
	       id->lba48 ? "48" : "28", id->sector_bytes, id->physical_bytes);
	print_modes(id);
	printf("  transfers   by %s, up to %u sectors an interrupt by PIO\n",
	       disk->by_dma ? "DMA" : "PIO", disk->multiple);
	printf("  abilities  %s%s%s%s\n",
	       id->flush || id->flush_ext ? " flush" : "",
	       id->write_cache ? " write-cache" : "", id->trim ? " trim" : "",
	       id->rotational ? " rotational" : "");
}

int command_identify(struct ide *ide, const struct options *options)
{
	unsigned shown = 0;

	for (unsigned i = 0; i < IDE_DISKS; i++) {
		struct ide_disk *disk = ide_disk(ide, i);

		if (options->disks && !(options->disks & 1u << i))
			continue;
		printf("disk %u: %s\n", i, ide_disk_name(disk));
		if (disk->present) {
			print_disk(disk);
			shown++;
		} else {
			printf("  %s\n", *disk->declined ? disk->declined :
			       "nothing is there");
		}
	}
	if (shown)
		return 0;
	return complain("no disk that can be used");
}

/* -------------------------------------------------------------------- bench */

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* One after the other through @memory; wraps at the end of the disk. */
static int bench(struct ide_disk *disk, const struct options *options,
		 const struct usr_dma *memory)
{
	const struct udrv_dma_segment segment = { memory->iova, options->block };
	uint32_t sectors = options->block / ATA_SECTOR;
	uint64_t first = options->offset / ATA_SECTOR, lba = first;

	for (uint32_t i = 0; i < options->count; i++, lba += sectors) {
		struct ide_request request = {
			.op = IDE_READ, .sectors = sectors,
			.buffer = memory->address,
			.segments = disk->by_dma ? &segment : NULL,
			.segment_count = 1,
		};

		if (lba + sectors > disk->identity.sectors)
			lba = first;
		request.lba = lba;
		if (ide_run(disk, &request))
			return complain("%s", request.problem);
		request.op = IDE_WRITE;
		if (options->write && ide_run(disk, &request))
			return complain("%s", request.problem);
	}
	return 0;
}

int command_bench(struct ide *ide, const struct options *options)
{
	struct ide_disk *disk = chosen_disk(ide, options);
	struct usr_dma memory = { .address = NULL };
	double start, took;
	int status;

	if (!disk || (options->write && !may_overwrite(disk, options)))
		return 1;
	if (options->offset % ATA_SECTOR ||
	    options->offset / ATA_SECTOR + options->block / ATA_SECTOR >
	    disk->identity.sectors)
		return complain("--offset must be a multiple of 512, and a block must fit between it and the disk's end");
	if (disk->by_dma ? ide_memory(ide->fd, options->block, &memory) :
	    !(memory.address = malloc(options->block)))
		return complain("%s", disk->by_dma ? usr_error() : "no memory");
	start = seconds_now();
	status = bench(disk, options, &memory);
	took = seconds_now() - start;
	if (!status)
		printf("%u requests of %u bytes%s in %.3f s: %.0f a second, %.2f MiB/s; %llu commands, %llu retries\n",
		       options->count, options->block,
		       options->write ? ", read and written back," : "", took,
		       options->count / took,
		       (double)options->count * options->block / took / (1 << 20),
		       (unsigned long long)ide->statistics.commands,
		       (unsigned long long)ide->statistics.retries);
	return status;
}
