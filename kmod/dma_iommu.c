// SPDX-License-Identifier: GPL-2.0
/*
 * DMA behind an IOMMU: the open's own domain, the kernel chooses addresses.
 * Mapping and unmapping have taken effect when they return.
 */
#include "compat.h"
#include "dma.h"

#define UDRV_LARGE_PAGES	(PMD_SIZE >> PAGE_SHIFT)

/* The range of the last unmap is kept: the next map is mostly as long. */
static struct iova *udrv_iova_below(struct udrv_open *o, unsigned long pages,
				    u64 last)
{
	unsigned long last_pfn = PHYS_PFN(min(last, o->iova_last));
	struct iova *range = o->spare_range;

	if (range && iova_size(range) == pages && range->pfn_hi <= last_pfn) {
		o->spare_range = NULL;
		return range;
	}
	if (last < o->iova_first)
		return NULL;
	range = alloc_iova(o->iovad, pages, last_pfn, false);
	if (range || !o->spare_range)
		return range;
	__free_iova(o->iovad, o->spare_range);
	o->spare_range = NULL;
	return alloc_iova(o->iovad, pages, last_pfn, false);
}

static void udrv_iova_put(struct udrv_open *o, struct iova *range)
{
	if (o->spare_range)
		__free_iova(o->iovad, o->spare_range);
	o->spare_range = range;
}

/*
 * Where the memory may use large pages the address is congruent with it
 * modulo their size; that takes up to one large page more of the space.
 */
static int udrv_iova_alloc(struct udrv_open *o, struct udrv_dma_entry *e)
{
	unsigned long slack = e->page_count >= UDRV_LARGE_PAGES ?
			      UDRV_LARGE_PAGES - 1 : 0;
	u64 last = e->width ? DMA_BIT_MASK(e->width) : DMA_BIT_MASK(32);
	unsigned long pfn, want;

	e->range = udrv_iova_below(o, e->page_count + slack, last);
	if (!e->range && !e->width)
		e->range = udrv_iova_below(o, e->page_count + slack, ~0ull);
	if (!e->range)
		return udrv_refuse(o, -ENOSPC,
			"no room for %lu pages of I/O addresses within %u bits (aperture %#llx-%#llx)",
			e->page_count, e->width, o->iova_first, o->iova_last);
	pfn = e->range->pfn_lo;
	if (slack) {
		want = PHYS_PFN(e->pinned ? e->address :
				page_to_phys(e->pages[0]));
		pfn += (want - pfn) & (UDRV_LARGE_PAGES - 1);
	}
	e->iova = (u64)pfn << PAGE_SHIFT | e->in_page;
	return 0;
}

static int udrv_iommu_prot(const struct udrv_dma_entry *e)
{
	return IOMMU_CACHE |
	       (e->state & UDRV_DMA_STATE_TO ? IOMMU_READ : 0) |
	       (e->state & UDRV_DMA_STATE_FROM ? IOMMU_WRITE : 0);
}

static int udrv_iommu_map_list(struct udrv_open *o, struct udrv_dma_entry *e)
{
	size_t size = e->page_count << PAGE_SHIFT;
	u64 iova = e->iova - e->in_page;
	struct sg_table table;
	ssize_t mapped;
	int ret;

	ret = sg_alloc_table_from_pages(&table, e->pages, e->page_count, 0, size,
					GFP_KERNEL_ACCOUNT);
	if (ret)
		return ret;
	mapped = udrv_domain_map_sg(o->domain, iova, table.sgl,
				    table.orig_nents, udrv_iommu_prot(e));
	sg_free_table(&table);
	if (mapped == size)
		return 0;
	if (mapped > 0)
		iommu_unmap(o->domain, iova, mapped);
	return mapped < 0 ? mapped : -ENOMEM;
}

int udrv_iommu_map(struct udrv_open *o, struct udrv_dma_entry *e)
{
	int ret;

	ret = udrv_iova_alloc(o, e);
	if (ret)
		return ret;
	if (e->page_count == 1)
		ret = udrv_domain_map(o->domain, e->iova - e->in_page,
				      page_to_phys(e->pages[0]), PAGE_SIZE,
				      udrv_iommu_prot(e));
	else
		ret = udrv_iommu_map_list(o, e);
	if (ret) {
		udrv_iova_put(o, e->range);
		return ret;
	}
	e->mapped = true;
	return 0;
}

void udrv_iommu_unmap(struct udrv_open *o, struct udrv_dma_entry *e)
{
	size_t size = e->page_count << PAGE_SHIFT;

	if (!e->mapped)
		return;
	WARN_ON(iommu_unmap(o->domain, e->iova - e->in_page, size) != size);
	udrv_iova_put(o, e->range);
	e->mapped = false;
}
