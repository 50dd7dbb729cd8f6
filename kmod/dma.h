/* SPDX-License-Identifier: GPL-2.0 */
/* One entry of the DMA ledger: dma.c over dma_iommu.c or dma_direct.c. */
#ifndef UDRV_DMA_H
#define UDRV_DMA_H

#include <linux/dma-direction.h>
#include <linux/iova.h>
#include <linux/scatterlist.h>
#include "udrv_priv.h"

struct udrv_dma_entry {
	u32 id;
	u32 state;			/* UDRV_DMA_STATE_*, less ORPHAN */
	u64 address;			/* user's, of a map */
	u64 length;			/* bytes, as asked for */
	u64 iova;			/* of the first byte */
	u32 in_page;			/* the first byte's offset in its page */
	u32 width;
	u64 charged;			/* pages, on the user of @cred */
	const struct cred *cred;
	struct mm_struct *mm;		/* its struct only: is the process alive? */
	struct pid *pid;

	unsigned long page_count;
	struct page **pages;		/* NULL in a buffer of dma_direct.c */
	struct page *one;		/* where pages points if there is one */
	bool pinned;			/* pages are pinned, not allocated */

	struct iova *range;		/* behind an IOMMU */

	struct sg_table table;		/* without one: a map */
	struct page *block;		/* without one: a buffer, contiguous */
	bool mapped;
};

static inline enum dma_data_direction
udrv_direction(const struct udrv_dma_entry *e)
{
	if (!(e->state & UDRV_DMA_STATE_FROM))
		return DMA_TO_DEVICE;
	return e->state & UDRV_DMA_STATE_TO ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
}

/*
 * What is mapped, by id from 1 on.  Blocks stay once made: a map and an unmap
 * cost no more than a bit and a pointer.
 */
#define UDRV_LEDGER_BLOCK	256

struct udrv_ledger {
	DECLARE_BITMAP(used, UDRV_DMA_MAX_IDS);
	u32 next;			/* ids are used in turn */
	struct udrv_dma_entry **block[UDRV_DMA_MAX_IDS / UDRV_LEDGER_BLOCK];
};

/* ledger.c: d->lock is held, for writing to change it */
int udrv_ledger_add(struct udrv_open *o, struct udrv_dma_entry *e);
struct udrv_dma_entry *udrv_ledger_find(struct udrv_open *o, u32 id);
struct udrv_dma_entry *udrv_ledger_remove(struct udrv_open *o, u32 id);
struct udrv_dma_entry *udrv_ledger_next(struct udrv_open *o, u32 *id);
void udrv_ledger_free(struct udrv_open *o);

#define udrv_ledger_for_each(o, id, e)					\
	for ((id) = 0; ((e) = udrv_ledger_next((o), &(id)));)

/* dma.c: a batch, checked but for its count */
int udrv_dma_batch_copy(struct udrv_open *o, struct udrv_dma_batch *batch,
			void __user *arg);

/* dma_pages.c: memory, and who is charged for it; no lock is held */
int udrv_charge(struct udrv_open *o, struct udrv_dma_entry *e);
int udrv_pin(struct udrv_open *o, struct udrv_dma_entry *e);
int udrv_buffer_alloc(struct udrv_open *o, struct udrv_dma_entry *e);
void udrv_pages_free(struct udrv_dma_entry *e);

/* dma_iommu.c, dma_direct.c: d->lock is held for writing */
int udrv_iommu_map(struct udrv_open *o, struct udrv_dma_entry *e);
void udrv_iommu_unmap(struct udrv_open *o, struct udrv_dma_entry *e);
int udrv_direct_alloc(struct udrv_open *o, struct udrv_dma_entry *e);
int udrv_direct_map(struct udrv_open *o, struct udrv_dma_entry *e);
void udrv_direct_unmap(struct udrv_open *o, struct udrv_dma_entry *e);
void udrv_direct_sync(struct udrv_open *o, struct udrv_dma_entry *e, u64 offset,
		      u64 length, u32 direction);

#endif
