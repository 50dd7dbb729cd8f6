// SPDX-License-Identifier: GPL-2.0
/*
 * DMA behind an IOMMU: the open's own domain, the kernel chooses addresses.
 * Mapping and unmapping have taken effect when they return.
 */
#include <linux/slab.h>
#include "compat.h"
#include "dma.h"

#define UDRV_LARGE_PAGES	(PMD_SIZE >> PAGE_SHIFT)
#define UDRV_MAP_CHUNK		(16 * UDRV_LARGE_PAGES)

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
	if (range)
		__free_iova(o->iovad, range);
	o->spare_range = NULL;
	range = alloc_iova(o->iovad, pages, last_pfn, false);
	if (range)
		return range;
	/*
	 * It remembers what did not fit below 4 GiB, whatever the limit was, and
	 * in 5.10 searches down from the last place only: start from the top.
	 */
	o->iovad->cached_node = &o->iovad->anchor.node;
	o->iovad->cached32_node = &o->iovad->anchor.node;
	o->iovad->max32_alloc_size = o->iovad->dma_32bit_pfn;
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

/*
 * Runs of pages that lie together, as a list for the IOMMU; the general
 * sg_alloc_table_from_pages() costs four times as much.  Returns the count.
 */
static unsigned int udrv_fill_list(struct scatterlist *list, struct page **pages,
				   unsigned int count)
{
	unsigned int runs = 0, first = 0, i;

	for (i = 1; i <= count; i++) {
		if (i < count && page_to_pfn(pages[i]) == page_to_pfn(pages[i - 1]) + 1)
			continue;
		sg_set_page(&list[runs++], pages[first], (i - first) << PAGE_SHIFT, 0);
		first = i;
	}
	return runs;
}

/* In chunks: the list is in memory of ours, and the map may be large. */
static int udrv_iommu_map_list(struct udrv_open *o, struct udrv_dma_entry *e)
{
	unsigned int room = min(e->page_count, UDRV_MAP_CHUNK), count, runs;
	u64 iova = e->iova - e->in_page;
	struct scatterlist *list;
	unsigned long done = 0;
	ssize_t mapped, size;

	list = kvmalloc_array(room, sizeof(*list), GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	while (done < e->page_count) {
		count = min_t(unsigned long, room, e->page_count - done);
		size = (ssize_t)count << PAGE_SHIFT;
		sg_init_table(list, room);
		runs = udrv_fill_list(list, e->pages + done, count);
		mapped = udrv_domain_map_sg(o->domain, iova + (done << PAGE_SHIFT),
					    list, runs, udrv_iommu_prot(e));
		if (mapped != size)
			break;
		done += count;
		cond_resched();
	}
	kvfree(list);
	if (done == e->page_count)
		return 0;
	size = (done << PAGE_SHIFT) + (mapped > 0 ? mapped : 0);
	if (size)
		iommu_unmap(o->domain, iova, size);
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
