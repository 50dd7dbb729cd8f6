// SPDX-License-Identifier: MIT
/* The buffers: memory that each NIC of a pool can reach. */
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "encode.h"
#include "nic.h"

#define DATA		offsetof(struct e1000_packet, data)

static void pool_destroy(struct pool *pool)
{
	if (pool->fd >= 0) {
		usr_dma_free(pool->fd, &pool->dma);
		close(pool->fd);
	} else if (pool->memory) {
		munmap(pool->memory, pool->bytes);
	}
	free(pool->shown.free);
	free(pool);
}

/* Behind an IOMMU any memory will do: each NIC maps it for itself. */
static int pool_map_memory(struct pool *pool)
{
	void *memory = mmap(NULL, pool->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return e1000_fail(ENOMEM, "no memory for %u buffers",
				  pool->shown.count);
	/* A child's writes must not move the pages from under the NIC. */
	madvise(memory, pool->bytes, MADV_DONTFORK);
	pool->memory = memory;
	return 0;
}

/* Without one it has to be one piece, and its addresses are good for all. */
static int pool_alloc_memory(struct pool *pool, int fd)
{
	pool->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (pool->fd < 0)
		return e1000_fail(errno, "no file descriptor is left");
	if (usr_dma_alloc(pool->fd, pool->bytes, 0, &pool->dma)) {
		e1000_fail_usr();
		close(pool->fd);
		pool->fd = -1;
		return -1;
	}
	pool->memory = pool->dma.address;
	return 0;
}

static struct pool *pool_create(int fd, bool iommu, unsigned count,
				unsigned buffer_size)
{
	size_t stride = DATA + buffer_size;
	struct pool *pool = calloc(1, sizeof(*pool));

	if (pool) {
		pool->fd = -1;
		pool->shown.count = count;
		pool->shown.buffer_size = buffer_size;
		pool->shown.free = calloc(count, sizeof(*pool->shown.free));
		pool->bytes = count * stride;
	}
	if (!pool || !pool->shown.free) {
		free(pool);
		e1000_fail(ENOMEM, "no memory for %u buffers", count);
		return NULL;
	}
	if (iommu ? pool_map_memory(pool) : pool_alloc_memory(pool, fd)) {
		pool_destroy(pool);
		return NULL;
	}
	/* The lowest address comes out first. */
	for (unsigned i = count; i--;)
		pool->shown.free[pool->shown.available++] =
			(void *)(pool->memory + i * stride);
	return pool;
}

static int pool_map(struct e1000 *nic)
{
	struct pool *pool = nic->pool;
	struct usr_dma *dma = &nic->pool_dma;

	if (pool->fd >= 0) {
		*dma = pool->dma;
	} else if (usr_dma_map(nic->fd, pool->memory, pool->bytes,
			       UDRV_DMA_BOTH, 0, dma)) {
		dma->length = 0;
		return e1000_fail_usr();
	}
	nic->data_offset = dma->iova - (uintptr_t)pool->memory + DATA;
	return 0;
}

int pool_attach(struct e1000 *nic)
{
	struct e1000_options *options = &nic->options;
	struct udrv_info info;
	bool iommu;

	if (usr_info(nic->fd, &info))
		return e1000_fail_usr();
	iommu = info.out_caps & UDRV_INFO_IOMMU;
	if (options->pool) {
		nic->pool = (struct pool *)options->pool;
		if ((nic->pool->fd < 0) != iommu) {
			nic->pool = NULL;
			return e1000_fail(EINVAL,
				"one of the NICs is behind an IOMMU, the other not: they cannot share a pool");
		}
	} else {
		nic->pool = pool_create(nic->fd, iommu, options->buffers,
					buffer_size_for(options->max_frame));
		if (!nic->pool)
			return -1;
	}
	nic->pool_next = nic->pool->nics;
	nic->pool->nics = nic;
	return pool_map(nic);
}

void pool_detach(struct e1000 *nic)
{
	struct pool *pool = nic->pool;
	struct e1000 **each;

	if (!pool)
		return;
	if (nic->pool_dma.length && pool->fd < 0)
		usr_dma_unmap(nic->fd, &nic->pool_dma);
	for (each = &pool->nics; *each != nic; each = &(*each)->pool_next)
		;
	*each = nic->pool_next;
	nic->pool = NULL;
	if (!pool->nics)
		pool_destroy(pool);
}
