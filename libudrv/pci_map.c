// SPDX-License-Identifier: MIT
/* usr_pci_map(), as published in 2004; all it needs to know is in the ledger. */
#include <stdlib.h>
#include "internal.h"

/* So that the kernel can fill in the caller's list. */
_Static_assert(sizeof(struct usr_pci_sglist) == sizeof(struct udrv_dma_segment) &&
	       offsetof(struct usr_pci_sglist, dma_address) ==
	       offsetof(struct udrv_dma_segment, iova) &&
	       offsetof(struct usr_pci_sglist, length) ==
	       offsetof(struct udrv_dma_segment, length),
	       "a scatter list is an array of segments");

static int usr_pci_alloc(int fd, struct mapping_info *info)
{
	struct usr_dma dma;

	if (usr_dma_alloc(fd, (size_t)info->size, 0, &dma))
		return -1;
	info->virtaddr = dma.address;
	info->nents = 1;
	info->sglist[0].dma_address = dma.iova;
	info->sglist[0].length = dma.length;
	return 0;
}

static unsigned usr_pci_direction(enum usr_dma_direction direction)
{
	switch (direction) {
	case USR_DMA_BIDIRECTIONAL:
		return UDRV_DMA_BOTH;
	case USR_DMA_TO_DEVICE:
		return UDRV_DMA_TO_DEVICE;
	case USR_DMA_FROM_DEVICE:
		return UDRV_DMA_FROM_DEVICE;
	}
	return 0;
}

static int usr_pci_map_memory(int fd, struct mapping_info *info)
{
	unsigned direction = usr_pci_direction(info->direction);
	struct usr_dma dma;
	int count;

	if (!direction)
		return usr_fail(EINVAL, "usr_pci_map: %d is no direction",
				(int)info->direction);
	count = usr_dma_map_segments(fd, info->virtaddr, (size_t)info->size,
				     direction, 0,
				     (struct udrv_dma_segment *)info->sglist,
				     (unsigned)info->nents, &dma);
	if (count < 0)
		return -1;
	info->nents = count;
	return 0;
}

/*
 * Without an IOMMU two maps of the same memory can have one address: the one
 * that fits best is meant.
 */
static const struct udrv_dma *usr_pci_find(const struct udrv_dma *entries,
					   int count,
					   const struct mapping_info *info)
{
	const struct udrv_dma *each;

	for (each = entries; each < entries + count; each++) {
		if (each->out_iova != info->sglist[0].dma_address ||
		    each->length != (uint64_t)info->size)
			continue;
		if (each->out_state & UDRV_DMA_STATE_BUFFER ||
		    each->address == (uintptr_t)info->virtaddr)
			return each;
	}
	return NULL;
}

static int usr_pci_unmap(int fd, struct mapping_info *info)
{
	const struct udrv_dma *found;
	struct udrv_dma *entries;
	struct usr_dma dma;
	bool buffer;
	int count;

	count = usr_dma_ledger(fd, &entries, "usr_pci_map");
	if (count < 0)
		return -1;
	found = usr_pci_find(entries, count, info);
	if (!found) {
		free(entries);
		return usr_fail(ENOENT, "usr_pci_map: %d bytes at %p are not mapped at the device's address %#llx",
				info->size, info->virtaddr,
				(unsigned long long)info->sglist[0].dma_address);
	}
	dma.address = info->virtaddr;
	dma.iova = found->out_iova;
	dma.length = (size_t)found->length;
	dma.id = found->id;
	buffer = found->out_state & UDRV_DMA_STATE_BUFFER;
	free(entries);
	return buffer ? usr_dma_free(fd, &dma) : usr_dma_unmap(fd, &dma);
}

USR_API int usr_pci_map(int fd, int command, struct mapping_info *info)
{
	if (!info || !info->sglist)
		return usr_fail(EINVAL, "usr_pci_map: %s is NULL",
				info ? "sglist" : "info");
	if (info->size <= 0 || (command != USR_UNMAP && info->nents < 1))
		return usr_fail(EINVAL, "usr_pci_map: %d bytes, %d scatter list entries: both are at least 1",
				info->size, info->nents);
	switch (command) {
	case USR_ALLOC_CONSISTENT:
		return usr_pci_alloc(fd, info);
	case USR_MAP:
		return usr_pci_map_memory(fd, info);
	case USR_UNMAP:
		return usr_pci_unmap(fd, info);
	}
	return usr_fail(EINVAL, "usr_pci_map: %d is not USR_ALLOC_CONSISTENT, USR_MAP or USR_UNMAP",
			command);
}
