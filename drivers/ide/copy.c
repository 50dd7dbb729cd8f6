// SPDX-License-Identifier: MIT
/* read and write: between a disk and a file, any bytes of either. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "commands.h"

#define CHUNK	(1u << 20)
/* The chunk may begin and end in the middle of a sector. */
#define ROOM	(CHUNK + 2 * ATA_SECTOR)

struct copy {
	const struct options *options;
	struct ide_disk *disk;
	int file;
	const char *name;
	uint8_t *data;			/* ROOM bytes */
	struct udrv_dma_segment segment;
	struct usr_dma memory;		/* the data's, but for PIO */
	uint64_t at, end;		/* bytes on the disk */
	bool endless;			/* until the input ends */
	uint64_t started;
};

/* ----------------------------------------------------------------- progress */

static void show_progress(const struct copy *copy, bool last)
{
	uint64_t done = copy->at - copy->options->offset;
	uint64_t all = copy->end - copy->options->offset;
	unsigned width = 40, filled;

	if (!copy->options->progress && !isatty(STDERR_FILENO))
		return;
	if (copy->endless) {
		fprintf(stderr, "\r%10.1f MiB", (double)done / (1 << 20));
	} else {
		filled = all ? (unsigned)((double)done / (double)all * width) : width;
		fprintf(stderr, "\r[%.*s%*s] %3u%% of %.1f MiB", (int)filled,
			"########################################",
			(int)(width - filled), "",
			all ? (unsigned)((double)done / (double)all * 100) : 100,
			(double)all / (1 << 20));
	}
	if (last)
		fputc('\n', stderr);
}

/* --------------------------------------------------------------------- disk */

/*
 * Whole sectors at @offset of our memory, @good of them before one that failed.
 * Return: 0, or 1 after a complaint.
 */
static int transfer_some(struct copy *copy, enum ide_op op, uint64_t lba,
			 uint32_t sectors, size_t offset, uint32_t *good)
{
	const struct udrv_dma_segment segment = {
		copy->segment.iova + offset, (uint64_t)sectors * ATA_SECTOR
	};
	struct ide_request request = {
		.op = op, .lba = lba, .sectors = sectors,
		.buffer = copy->data + offset,
		.segments = copy->segment.length ? &segment : NULL,
		.segment_count = 1,
	};

	if (!ide_run(copy->disk, &request))
		return 0;
	*good = (uint32_t)(request.bad_lba - lba);
	return complain("%s", request.problem);
}

static int transfer(struct copy *copy, enum ide_op op, uint64_t lba,
		    uint32_t sectors, size_t offset)
{
	uint32_t good;

	return transfer_some(copy, op, lba, sectors, offset, &good);
}

/* --------------------------------------------------------------------- file */

static int write_file(const struct copy *copy, const uint8_t *data, size_t length)
{
	while (length) {
		ssize_t some = write(copy->file, data, length);

		if (some < 0 && errno == EINTR)
			continue;
		if (some <= 0)
			return complain("cannot write to %s: %s", copy->name,
					strerror(errno));
		data += some;
		length -= (size_t)some;
	}
	return 0;
}

/* As much as there is, up to length.  Return: bytes, or -1 after a complaint. */
static ssize_t read_file(const struct copy *copy, uint8_t *data, size_t length)
{
	size_t got = 0;

	while (got < length) {
		ssize_t some = read(copy->file, data + got, length - got);

		if (some < 0 && errno == EINTR)
			continue;
		if (some < 0) {
			complain("cannot read %s: %s", copy->name, strerror(errno));
			return -1;
		}
		if (!some)
			break;
		got += (size_t)some;
	}
	return (ssize_t)got;
}

/* --------------------------------------------------------------------- copy */

/* Bytes of the next chunk; its sectors begin at *lba, its data *skip later. */
static size_t next_chunk(const struct copy *copy, uint64_t *lba, size_t *skip)
{
	uint64_t left = copy->end - copy->at;

	*lba = copy->at / ATA_SECTOR;
	*skip = copy->at % ATA_SECTOR;
	return left < CHUNK ? (size_t)left : CHUNK;
}

static uint32_t sectors_of(size_t skip, size_t length)
{
	return (uint32_t)((skip + length + ATA_SECTOR - 1) / ATA_SECTOR);
}

static int read_disk(struct copy *copy)
{
	while (copy->at < copy->end) {
		uint64_t lba;
		size_t skip, length = next_chunk(copy, &lba, &skip);
		uint32_t good = 0;

		if (transfer_some(copy, IDE_READ, lba, sectors_of(skip, length), 0,
				  &good)) {
			/* What is before the bad sector is worth having. */
			if ((size_t)good * ATA_SECTOR > skip)
				write_file(copy, copy->data + skip,
					   (size_t)good * ATA_SECTOR - skip);
			return 1;
		}
		if (write_file(copy, copy->data + skip, length))
			return 1;
		copy->at += length;
		show_progress(copy, copy->at == copy->end);
	}
	return 0;
}

/* What the chunk does not cover of its first and last sector must stay. */
static int read_edges(struct copy *copy, uint64_t lba, size_t skip, size_t length)
{
	uint32_t last = sectors_of(skip, length) - 1;

	if (skip && transfer(copy, IDE_READ, lba, 1, 0))
		return 1;
	if ((skip + length) % ATA_SECTOR && (last || !skip) &&
	    transfer(copy, IDE_READ, lba + last, 1, (size_t)last * ATA_SECTOR))
		return 1;
	return 0;
}

/* All that was to be written, and no more: else it is not what was meant. */
static int check_input(const struct copy *copy, bool ended)
{
	uint64_t done = copy->at - copy->options->offset;
	uint8_t more;

	if (!done)
		return complain("%s is empty: nothing to write", copy->name);
	if (ended && !copy->endless && copy->at < copy->end)
		return complain("%s ended after %llu of %llu bytes", copy->name,
				(unsigned long long)done,
				(unsigned long long)(copy->end -
						     copy->options->offset));
	if (ended || !copy->endless || !read_file(copy, &more, 1))
		return 0;
	return complain("%s goes on at the disk's end: only %llu bytes of it were written",
			copy->name, (unsigned long long)done);
}

static int write_disk(struct copy *copy)
{
	uint8_t *input = malloc(CHUNK);
	bool ended = false;
	int status = input ? 0 : complain("no memory");

	while (!status && !ended && copy->at < copy->end) {
		uint64_t lba;
		size_t skip, wanted = next_chunk(copy, &lba, &skip);
		ssize_t length = read_file(copy, input, wanted);

		ended = length < (ssize_t)wanted;
		if (length <= 0) {
			status = length < 0;
			break;
		}
		status = read_edges(copy, lba, skip, (size_t)length);
		if (status)
			break;
		memcpy(copy->data + skip, input, (size_t)length);
		status = transfer(copy, IDE_WRITE, lba,
				  sectors_of(skip, (size_t)length), 0);
		copy->at += (uint64_t)length;
		show_progress(copy, ended || copy->at == copy->end);
	}
	free(input);
	/* Written means: on the medium. */
	if (!status && (copy->disk->identity.flush || copy->disk->identity.flush_ext))
		status = transfer(copy, IDE_FLUSH, 0, 0, 0);
	return status ? status : check_input(copy, ended);
}

/* Bytes that a regular file has from here on; UINT64_MAX: it is none. */
static uint64_t file_bytes(const struct copy *copy)
{
	struct stat file;
	off_t at;

	if (fstat(copy->file, &file) || !S_ISREG(file.st_mode))
		return UINT64_MAX;
	at = lseek(copy->file, 0, SEEK_CUR);
	return at < file.st_size ? (uint64_t)(file.st_size - at) : 0;
}

/* What is to be copied must exist, before anything is touched. */
static int check_range(struct copy *copy)
{
	const struct options *options = copy->options;
	uint64_t disk_bytes = copy->disk->identity.sectors * ATA_SECTOR;
	bool write = options->command == COMMAND_WRITE;
	uint64_t size = options->size;
	uint64_t input = write ? file_bytes(copy) : UINT64_MAX;

	if (options->offset >= disk_bytes)
		return complain("--offset is beyond the disk's end, %llu bytes",
				(unsigned long long)disk_bytes);
	if (!input)
		return complain("%s is empty: nothing to write", copy->name);
	if (size > input)
		return complain("--size is %llu bytes, but %s has %llu",
				(unsigned long long)size, copy->name,
				(unsigned long long)input);
	if (!size && input != UINT64_MAX)
		size = input;
	copy->endless = write && !size;
	if (!size)
		size = disk_bytes - options->offset;
	if (size > disk_bytes - options->offset)
		return complain("%llu bytes from %llu on do not fit a disk of %llu bytes",
				(unsigned long long)size,
				(unsigned long long)options->offset,
				(unsigned long long)disk_bytes);
	copy->at = options->offset;
	copy->end = options->offset + size;
	return 0;
}

static int open_file(struct copy *copy)
{
	const char *name = copy->options->file;
	bool write = copy->options->command == COMMAND_WRITE;

	if (!name || !strcmp(name, "-")) {
		copy->file = write ? STDIN_FILENO : STDOUT_FILENO;
		copy->name = write ? "standard input" : "standard output";
		if (!write && isatty(STDOUT_FILENO))
			return complain("standard output is a terminal: give --file, or redirect it");
		return 0;
	}
	copy->name = name;
	copy->file = open(name, write ? O_RDONLY | O_CLOEXEC :
			  O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (copy->file < 0)
		return complain("cannot open %s: %s", name, strerror(errno));
	return 0;
}

static int get_memory(struct copy *copy, struct ide *ide)
{
	if (!copy->disk->by_dma) {
		copy->data = malloc(ROOM);
		return copy->data ? 0 : complain("no memory");
	}
	if (ide_memory(ide->fd, ROOM, &copy->memory))
		return complain("%s", usr_error());
	copy->data = copy->memory.address;
	copy->segment = (struct udrv_dma_segment) { copy->memory.iova, ROOM };
	return 0;
}

static void give_memory_back(struct copy *copy, struct ide *ide)
{
	if (copy->memory.address)
		usr_dma_free(ide->fd, &copy->memory);
	else
		free(copy->data);
}

int command_copy(struct ide *ide, const struct options *options)
{
	struct copy copy = {
		.options = options, .disk = chosen_disk(ide, options),
	};
	bool write = options->command == COMMAND_WRITE;
	int status;

	if (!copy.disk || (write && !may_overwrite(copy.disk, options)))
		return 1;
	/* A file to write to loses what it holds: only when all else is well. */
	status = write ? open_file(&copy) : check_range(&copy);
	if (!status)
		status = write ? check_range(&copy) : open_file(&copy);
	if (!status)
		status = get_memory(&copy, ide);
	if (!status)
		status = write ? write_disk(&copy) : read_disk(&copy);
	give_memory_back(&copy, ide);
	if (copy.file > STDERR_FILENO && close(copy.file) && !status)
		status = complain("cannot write to %s: %s", copy.name,
				  strerror(errno));
	return status;
}
