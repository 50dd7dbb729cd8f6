// SPDX-License-Identifier: GPL-2.0
/* What user space sees of its DMA: the ledger as a list, the buffers mapped. */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "dma.h"

/* -------------------------------------------------------------------- list */

static void udrv_dma_describe(const struct udrv_dma_entry *e, struct udrv_dma *u)
{
	u->id = e->id;
	u->flags = (e->state & UDRV_DMA_STATE_TO ? UDRV_DMA_TO_DEVICE : 0) |
		   (e->state & UDRV_DMA_STATE_FROM ? UDRV_DMA_FROM_DEVICE : 0);
	u->width = e->width;
	u->address = e->address;
	u->length = e->length;
	u->out_iova = e->iova;
	u->out_segments = e->table.sgl ? e->table.nents : 1;
	u->out_state = e->state;
	if (e->mm && !atomic_read(&e->mm->mm_users))
		u->out_state |= UDRV_DMA_STATE_ORPHAN;
	u->out_pid = pid_vnr(e->pid);
	if (e->state & UDRV_DMA_STATE_BUFFER)
		u->out_mmap_offset = UDRV_MMAP_DMA +
				     ((u64)e->id << UDRV_MMAP_DMA_SHIFT);
}

/* The owner's ledger, for observers too. */
static int udrv_dma_collect(struct udrv_open *o, struct udrv_dma *list, u32 room,
			    u32 *total)
{
	struct udrv_dma_entry *e;
	struct udrv_open *owner;
	u32 id;
	int ret = 0;

	*total = 0;
	down_read(&o->d->lock);
	owner = o->d->owner;
	if (o->d->gone || o->dead)
		ret = -ENODEV;
	else if (owner)
		udrv_ledger_for_each(owner, id, e) {
			if (*total < room)
				udrv_dma_describe(e, &list[*total]);
			(*total)++;
		}
	up_read(&o->d->lock);
	return ret;
}

long udrv_dma_list(struct udrv_open *o, void __user *arg)
{
	struct udrv_dma_batch __user *user_batch = arg;
	struct udrv_dma_batch batch;
	struct udrv_dma *list = NULL;
	u32 total, i;
	int ret;

	ret = udrv_dma_batch_copy(o, &batch, arg);
	if (ret)
		return ret;
	if (batch.count > UDRV_DMA_MAX_IDS)
		return udrv_refuse(o, -E2BIG, "a list of %u entries: at most %u",
				   batch.count, UDRV_DMA_MAX_IDS);
	if (batch.count) {
		list = kvcalloc(batch.count, sizeof(*list), GFP_KERNEL_ACCOUNT);
		if (!list)
			return -ENOMEM;
	}
	ret = udrv_dma_collect(o, list, batch.count, &total);
	for (i = 0; !ret && i < min(total, batch.count); i++)
		if (copy_to_user(u64_to_user_ptr(batch.entries) +
				 (u64)i * batch.entry_size, &list[i], sizeof(*list)))
			ret = -EFAULT;
	kvfree(list);
	if (!ret && put_user(total, &user_batch->out_done))
		ret = -EFAULT;
	return ret;
}

/* ----------------------------------------------------- mapping the buffers */

/* d->lock is held for reading. */
static vm_fault_t udrv_buffer_fill(struct vm_fault *vmf, struct udrv_dma_entry *e,
				   unsigned long first)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long window = ALIGN_DOWN(vmf->address, UDRV_FAULT_WINDOW);
	unsigned long end = min(vma->vm_end, window + UDRV_FAULT_WINDOW);
	unsigned long address, page;
	int ret;

	page = first + ((vmf->address - vma->vm_start) >> PAGE_SHIFT);
	if (page >= e->page_count)
		return VM_FAULT_SIGBUS;
	for (address = max(vma->vm_start, window); address < end;
	     address += PAGE_SIZE) {
		page = first + ((address - vma->vm_start) >> PAGE_SHIFT);
		if (page >= e->page_count)
			break;
		ret = vm_insert_page(vma, address, e->pages[page]);
		if (ret && ret != -EBUSY)
			return ret == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
	}
	return VM_FAULT_NOPAGE;
}

static vm_fault_t udrv_dma_fault(struct vm_fault *vmf)
{
	const unsigned long ids = UDRV_MMAP_DMA_SHIFT - PAGE_SHIFT;
	pgoff_t pgoff = vmf->vma->vm_pgoff - PHYS_PFN(UDRV_MMAP_DMA);
	struct udrv_open *o = vmf->vma->vm_private_data;
	unsigned long first = pgoff & ((1ul << ids) - 1);
	struct udrv_dma_entry *e;
	vm_fault_t ret = VM_FAULT_SIGBUS;

	down_read(&o->d->lock);
	e = udrv_ledger_find(o, pgoff >> ids);
	/* The buffer may be gone, and its id a map's by now. */
	if (e && !(e->state & UDRV_DMA_STATE_BUFFER))
		e = NULL;
	if (e && e->pages)
		ret = udrv_buffer_fill(vmf, e, first);
	else if (e && e->block)
		ret = udrv_fault_pfns(vmf, page_to_pfn(e->block), e->page_count,
				      vmf->vma->vm_pgoff - first,
				      vmf->vma->vm_page_prot);
	else if (e && o->dead)
		ret = udrv_fault_ones(vmf, o);
	up_read(&o->d->lock);
	return ret;
}

static const struct vm_operations_struct udrv_dma_vm_ops = {
	.fault = udrv_dma_fault,
};

/*
 * Behind an IOMMU these are ordinary pages, so that another device's driver
 * can map them too; the DMA API's are not ours to count references on.
 */
int udrv_dma_mmap(struct udrv_open *o, struct vm_area_struct *vma)
{
	const unsigned long ids = UDRV_MMAP_DMA_SHIFT - PAGE_SHIFT;
	pgoff_t pgoff = vma->vm_pgoff - PHYS_PFN(UDRV_MMAP_DMA);
	unsigned long first = pgoff & ((1ul << ids) - 1);
	struct udrv_dma_entry *e;
	int ret = 0;

	down_read(&o->d->lock);
	e = udrv_ledger_find(o, pgoff >> ids);
	if (o->dead)
		ret = -ENODEV;
	else if (!e || !(e->state & UDRV_DMA_STATE_BUFFER))
		ret = udrv_refuse(o, -ENOENT, "no DMA buffer with id %lu",
				  pgoff >> ids);
	else if (first >= e->page_count || vma_pages(vma) > e->page_count - first)
		ret = udrv_refuse(o, -EINVAL,
			"%lu pages at page %lu: the buffer has %lu",
			vma_pages(vma), first, e->page_count);
	up_read(&o->d->lock);
	if (ret)
		return ret;
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP | VM_DONTCOPY |
		     (o->behind_iommu ? VM_MIXEDMAP : VM_PFNMAP));
	vma->vm_ops = &udrv_dma_vm_ops;
	return 0;
}
