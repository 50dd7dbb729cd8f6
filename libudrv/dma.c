// SPDX-License-Identifier: MIT
/* DMA: buffers, mapping memory, the ledger. */
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

static int usr_dma_call(int fd, unsigned long command, struct udrv_dma *entries,
			unsigned count, unsigned *done, const char *call)
{
	struct udrv_dma_batch batch = {
		.size = sizeof(batch),
		.entries = (uintptr_t)entries,
		.count = count,
		.entry_size = sizeof(*entries),
	};
	int result;

	result = usr_call(fd, command, &batch, call);
	if (done)
		*done = batch.out_done;
	return result;
}

USR_API int usr_dma_batch(int fd, unsigned long command, struct udrv_dma *entries,
			  unsigned count, unsigned *done)
{
	if (done)
		*done = 0;
	if (command != UDRV_DMA_ALLOC && command != UDRV_DMA_MAP &&
	    command != UDRV_DMA_SYNC && command != UDRV_DMA_UNMAP)
		return usr_fail(EINVAL, "usr_dma_batch: command %#lx is not UDRV_DMA_ALLOC, _MAP, _SYNC or _UNMAP",
				command);
	if (!entries)
		return usr_fail(EINVAL, "usr_dma_batch: entries is NULL");
	return usr_dma_call(fd, command, entries, count, done, "usr_dma_batch");
}

USR_API int usr_dma_list(int fd, struct udrv_dma *entries, unsigned capacity,
			 unsigned *total)
{
	if (!total || (capacity && !entries))
		return usr_fail(EINVAL, "usr_dma_list: %s is NULL",
				total ? "entries" : "total");
	return usr_dma_call(fd, UDRV_DMA_LIST, entries, capacity, total,
			    "usr_dma_list");
}

/* ------------------------------------------------------------------ buffers */

static size_t usr_whole_pages(size_t length)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (length + page - 1) / page * page;
}

static int usr_buffer_map(int fd, const struct udrv_dma *entry, const char *call,
			  struct usr_dma *dma)
{
	size_t length = (size_t)entry->length;
	void *address;

	address = mmap(NULL, usr_whole_pages(length), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, (off_t)entry->out_mmap_offset);
	if (address == MAP_FAILED)
		return usr_fail_call(fd, call);
	*dma = (struct usr_dma) {
		.address = address,
		.iova = entry->out_iova,
		.length = length,
		.id = entry->id,
	};
	return 0;
}

static int usr_unmap_id(int fd, uint32_t id, const char *call)
{
	struct udrv_dma entry = { .id = id };

	return usr_dma_call(fd, UDRV_DMA_UNMAP, &entry, 1, NULL, call);
}

/* On the way back from a failure, whose errno and sentence stay. */
static void usr_unmap_quietly(int fd, uint32_t id)
{
	struct udrv_dma entry = { .id = id };
	struct udrv_dma_batch batch = {
		.size = sizeof(batch),
		.entries = (uintptr_t)&entry,
		.count = 1,
		.entry_size = sizeof(entry),
	};
	int error = errno;

	ioctl(fd, UDRV_DMA_UNMAP, &batch);
	errno = error;
}

USR_API int usr_dma_alloc(int fd, size_t length, unsigned width,
			  struct usr_dma *dma)
{
	struct udrv_dma entry = {
		.flags = UDRV_DMA_BOTH,
		.width = width,
		.length = length,
	};

	if (!dma)
		return usr_fail(EINVAL, "usr_dma_alloc: dma is NULL");
	if (usr_dma_call(fd, UDRV_DMA_ALLOC, &entry, 1, NULL, "usr_dma_alloc"))
		return -1;
	if (!usr_buffer_map(fd, &entry, "usr_dma_alloc", dma))
		return 0;
	usr_unmap_quietly(fd, entry.id);
	return -1;
}

/* All of the ledger, for free().  Return: how many, or -1. */
int usr_dma_ledger(int fd, struct udrv_dma **entries, const char *call)
{
	unsigned room, total = 0;

	*entries = NULL;
	do {
		room = total;
		free(*entries);
		*entries = calloc(room + 1, sizeof(**entries));
		if (!*entries)
			return usr_fail(ENOMEM, "%s: %s", call, usr_advice(ENOMEM));
		if (usr_dma_call(fd, UDRV_DMA_LIST, *entries, room, &total, call)) {
			free(*entries);
			*entries = NULL;
			return -1;
		}
	} while (total > room);
	return (int)total;
}

USR_API int usr_dma_adopt(int fd, uint32_t id, struct usr_dma *dma)
{
	struct udrv_dma *entries;
	int i, count, result;

	if (!dma)
		return usr_fail(EINVAL, "usr_dma_adopt: dma is NULL");
	count = usr_dma_ledger(fd, &entries, "usr_dma_adopt");
	if (count < 0)
		return -1;
	for (i = 0; i < count && entries[i].id != id; i++)
		;
	if (i == count)
		result = usr_fail(ENOENT, "usr_dma_adopt: no mapping with id %u", id);
	else if (!(entries[i].out_state & UDRV_DMA_STATE_BUFFER))
		result = usr_fail(EINVAL, "usr_dma_adopt: mapping %u is a process's own memory, which went with it: usr_dma_unmap() it",
				  id);
	else
		result = usr_buffer_map(fd, &entries[i], "usr_dma_adopt", dma);
	free(entries);
	return result;
}

USR_API int usr_dma_free(int fd, const struct usr_dma *dma)
{
	int result;

	if (!dma)
		return usr_fail(EINVAL, "usr_dma_free: dma is NULL");
	result = usr_unmap_id(fd, dma->id, "usr_dma_free");
	if (result && errno != ENODEV)
		return -1;
	/* After a failure errno and the sentence stay. */
	if (munmap(dma->address, usr_whole_pages(dma->length)) && !result)
		return usr_fail(errno, "usr_dma_free: %zu bytes at %p are not a buffer's",
				dma->length, dma->address);
	return result;
}

/* ----------------------------------------------------- memory of the process */

static int usr_map_memory(int fd, struct udrv_dma *entry, struct usr_dma *dma)
{
	if (usr_dma_call(fd, UDRV_DMA_MAP, entry, 1, NULL, "usr_dma_map"))
		return -1;
	*dma = (struct usr_dma) {
		.address = (void *)(uintptr_t)entry->address,
		.iova = entry->out_iova,
		.length = (size_t)entry->length,
		.id = entry->id,
	};
	return (int)entry->out_segments;
}

USR_API int usr_dma_map_segments(int fd, void *address, size_t length,
				 unsigned direction, unsigned width,
				 struct udrv_dma_segment *segments,
				 unsigned capacity, struct usr_dma *dma)
{
	struct udrv_dma entry = {
		.flags = direction,
		.width = width,
		.segment_capacity = capacity,
		.address = (uintptr_t)address,
		.length = length,
		.segments = (uintptr_t)segments,
	};

	if (!dma || (capacity && !segments))
		return usr_fail(EINVAL, "usr_dma_map_segments: %s is NULL",
				dma ? "segments" : "dma");
	return usr_map_memory(fd, &entry, dma);
}

USR_API int usr_dma_map(int fd, void *address, size_t length,
			unsigned direction, unsigned width, struct usr_dma *dma)
{
	struct udrv_dma entry = {
		.flags = direction,
		.width = width,
		.address = (uintptr_t)address,
		.length = length,
	};

	if (!dma)
		return usr_fail(EINVAL, "usr_dma_map: dma is NULL");
	if (usr_map_memory(fd, &entry, dma) >= 0)
		return 0;
	if (errno == ENOSPC && entry.out_segments > 1)
		return usr_fail(ENOSPC, "usr_dma_map: no IOMMU makes this memory one piece, for the device it is %u: use usr_dma_map_segments() or usr_dma_alloc()",
				entry.out_segments);
	return -1;
}

USR_API int usr_dma_sync(int fd, const struct usr_dma *dma, size_t offset,
			 size_t length, unsigned direction)
{
	struct udrv_dma entry = {
		.flags = direction,
		.length = length,
		.offset = offset,
	};

	if (!dma)
		return usr_fail(EINVAL, "usr_dma_sync: dma is NULL");
	entry.id = dma->id;
	return usr_dma_call(fd, UDRV_DMA_SYNC, &entry, 1, NULL, "usr_dma_sync");
}

USR_API int usr_dma_unmap(int fd, const struct usr_dma *dma)
{
	if (!dma)
		return usr_fail(EINVAL, "usr_dma_unmap: dma is NULL");
	return usr_unmap_id(fd, dma->id, "usr_dma_unmap");
}
