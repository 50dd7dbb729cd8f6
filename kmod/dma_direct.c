// SPDX-License-Identifier: GPL-2.0
/*
 * DMA without an IOMMU, through the kernel's DMA API: nothing confines the
 * device, so this is privileged and taints.  A map may be many segments.
 */
#include <linux/dma-mapping.h>
#include "compat.h"
#include "dma.h"

static int udrv_direct_width(struct udrv_open *o, struct udrv_dma_entry *e)
{
	if (!dma_set_mask_and_coherent(&o->d->pdev->dev,
				       DMA_BIT_MASK(e->width ?: 32)))
		return 0;
	return udrv_refuse(o, -ERANGE,
			   "this machine has no DMA for devices of %u address bits",
			   e->width ?: 32);
}

int udrv_direct_alloc(struct udrv_open *o, struct udrv_dma_entry *e)
{
	struct device *dev = &o->d->pdev->dev;
	dma_addr_t address;
	int ret;

	ret = udrv_direct_width(o, e);
	if (ret)
		return ret;
	e->block = dma_alloc_pages(dev, e->page_count << PAGE_SHIFT, &address,
				   udrv_direction(e),
				   GFP_KERNEL_ACCOUNT | __GFP_ZERO |
				   __GFP_NOWARN | __GFP_NORETRY);
	if (!e->block || dma_mapping_error(dev, address)) {
		e->block = NULL;
		return udrv_refuse(o, -ENOMEM,
			"no %lu contiguous pages within %u address bits",
			e->page_count, e->width ?: 32);
	}
	e->iova = address;
	e->mapped = true;
	return 0;
}

/*
 * The DMA API warns about memory a device cannot reach; we refuse it first,
 * unless there are bounce buffers.
 */
static bool udrv_direct_reaches(struct udrv_open *o, struct udrv_dma_entry *e)
{
	u64 mask = DMA_BIT_MASK(e->width ?: 32);
	unsigned long i;

	if (dma_max_mapping_size(&o->d->pdev->dev) != SIZE_MAX)
		return true;
	for (i = 0; i < e->page_count; i++)
		if (page_to_phys(e->pages[i]) + PAGE_SIZE - 1 > mask)
			return false;
	return true;
}

int udrv_direct_map(struct udrv_open *o, struct udrv_dma_entry *e)
{
	struct device *dev = &o->d->pdev->dev;
	int ret;

	ret = udrv_direct_width(o, e);
	if (ret)
		return ret;
	if (!udrv_direct_reaches(o, e))
		return udrv_refuse(o, -ERANGE,
			"the memory lies above the device's %u address bits and there are no bounce buffers: use DMA_ALLOC, or boot with swiotlb=force or an IOMMU",
			e->width ?: 32);
	ret = sg_alloc_table_from_pages(&e->table, e->pages, e->page_count,
					e->in_page, e->length, GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	ret = dma_map_sgtable(dev, &e->table, udrv_direction(e), 0);
	if (ret) {
		sg_free_table(&e->table);
		return udrv_refuse(o, -ERANGE,
			"the kernel cannot map this memory for the device (%d)", ret);
	}
	e->iova = sg_dma_address(e->table.sgl);
	e->mapped = true;
	return 0;
}

void udrv_direct_unmap(struct udrv_open *o, struct udrv_dma_entry *e)
{
	struct device *dev = &o->d->pdev->dev;

	if (!e->mapped)
		return;
	e->mapped = false;
	if (e->block) {
		dma_free_pages(dev, e->page_count << PAGE_SHIFT, e->block, e->iova,
			       udrv_direction(e));
		e->block = NULL;
		return;
	}
	dma_unmap_sgtable(dev, &e->table, udrv_direction(e), 0);
	sg_free_table(&e->table);
}

/* Whole mappings are synced: segments need not match the caller's range. */
void udrv_direct_sync(struct udrv_open *o, struct udrv_dma_entry *e, u64 offset,
		      u64 length, u32 direction)
{
	struct device *dev = &o->d->pdev->dev;
	bool to_device = direction & UDRV_DMA_TO_DEVICE;

	if (e->block && to_device)
		dma_sync_single_for_device(dev, e->iova + offset, length,
					   udrv_direction(e));
	else if (e->block)
		dma_sync_single_for_cpu(dev, e->iova + offset, length,
					udrv_direction(e));
	else if (to_device)
		dma_sync_sgtable_for_device(dev, &e->table, udrv_direction(e));
	else
		dma_sync_sgtable_for_cpu(dev, &e->table, udrv_direction(e));
}
