// SPDX-License-Identifier: GPL-2.0
/*
 * The memory behind a mapping: user pages pinned, or a buffer's own, and
 * RLIMIT_MEMLOCK.  Pinning can wait for user space for ever, and giving back
 * can wait for a page's lock, so no lock of ours is held in this file.
 *
 * The charge is the user's, not the process's: a process that dies while
 * others hold the device would lose it.
 */
#include <linux/capability.h>
#include <linux/cred.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/user.h>
#include <linux/slab.h>
#include "compat.h"
#include "dma.h"

int udrv_charge(struct udrv_open *o, struct udrv_dma_entry *e)
{
	u64 limit = rlimit(RLIMIT_MEMLOCK) >> PAGE_SHIFT;
	struct user_struct *user;
	long locked;

	e->cred = get_current_cred();
	user = e->cred->user;
	locked = atomic_long_add_return(e->page_count, &user->locked_vm);
	if (locked > limit && !capable(CAP_IPC_LOCK)) {
		atomic_long_sub(e->page_count, &user->locked_vm);
		return udrv_refuse(o, -ENOMEM,
			"%lu pages more would make %ld locked by this user: RLIMIT_MEMLOCK allows %llu; raise it (ulimit -l, LimitMEMLOCK=)",
			e->page_count, locked, limit);
	}
	e->charged = e->page_count;
	return 0;
}

static int udrv_page_array(struct udrv_dma_entry *e)
{
	if (e->page_count == 1) {
		e->pages = &e->one;
		return 0;
	}
	e->pages = kvmalloc_array(e->page_count, sizeof(*e->pages),
				  GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return e->pages ? 0 : -ENOMEM;
}

/*
 * Writable pins even where the device only reads: a private page must be this
 * process's own before it is pinned, or a later write goes to another copy.
 * Memory that cannot be written is pinned as it is.
 */
static long udrv_pin_pages(struct udrv_dma_entry *e)
{
	unsigned long start = e->address - e->in_page;
	bool reads_only = !(e->state & UDRV_DMA_STATE_FROM);
	unsigned long done = 0, at;
	long ret = 0;

	while (done < e->page_count) {
		at = start + (done << PAGE_SHIFT);
		ret = pin_user_pages_fast(at,
			min_t(unsigned long, e->page_count - done, INT_MAX / 2),
			FOLL_LONGTERM | FOLL_WRITE, e->pages + done);
		if (ret == -EFAULT && reads_only)
			ret = pin_user_pages_fast(at, 1, FOLL_LONGTERM,
						  e->pages + done);
		if (ret <= 0)
			break;
		done += ret;
	}
	if (done == e->page_count)
		return 0;
	unpin_user_pages(e->pages, done);
	return ret < 0 ? ret : -EFAULT;
}

int udrv_pin(struct udrv_open *o, struct udrv_dma_entry *e)
{
	int ret;

	ret = udrv_page_array(e);
	if (!ret)
		ret = udrv_pin_pages(e);
	if (ret == -EFAULT)
		return udrv_refuse(o, ret,
			"memory at %#llx (%llu bytes) is not mapped%s",
			e->address, e->length, e->state & UDRV_DMA_STATE_FROM ?
			", or not writable" : "");
	e->pinned = !ret;
	return ret;
}

/* Blocks are given back by their first pages, and are not ours after that. */
static void udrv_buffer_free(struct page **pages, unsigned long count)
{
	unsigned long i, size;

	for (i = 0; i < count; i += size) {
		size = 1ul << compound_order(pages[i]);
		put_page(pages[i]);
	}
}

/*
 * A buffer: blocks as large as the machine has, so that the IOMMU needs few
 * entries.  A block stays one (compound) page: who mapped a part of it keeps
 * all of it, and get_user_pages_fast() takes pages of such memory, which it
 * does not of single pages that are no file's and nobody's.
 */
int udrv_buffer_alloc(struct udrv_open *o, struct udrv_dma_entry *e)
{
	int node = dev_to_node(&o->d->pdev->dev);
	unsigned long done = 0, i;
	struct page *block;
	int order, ret;
	gfp_t gfp;

	ret = udrv_page_array(e);
	if (ret)
		return ret;
	order = PMD_SHIFT - PAGE_SHIFT;
	while (done < e->page_count) {
		while (order && (1ul << order) > e->page_count - done)
			order--;
		gfp = UDRV_GFP_MAPPABLE | __GFP_ZERO | __GFP_NOWARN |
		      (order ? __GFP_NORETRY | __GFP_COMP : 0);
		block = alloc_pages_node(node, gfp, order);
		if (!block && order) {
			order--;
			continue;
		}
		if (!block)
			goto nomem;
		for (i = 0; i < 1ul << order; i++)
			e->pages[done++] = block + i;
		cond_resched();
	}
	return 0;

nomem:
	udrv_buffer_free(e->pages, done);
	e->page_count = 0;
	return -ENOMEM;
}

/* Gives everything back, whatever of it there is; the entry itself stays. */
void udrv_pages_free(struct udrv_dma_entry *e)
{
	if (e->pinned)
		unpin_user_pages_dirty_lock(e->pages, e->page_count,
					    e->state & UDRV_DMA_STATE_FROM);
	else if (e->state & UDRV_DMA_STATE_BUFFER && e->pages)
		udrv_buffer_free(e->pages, e->page_count);
	if (e->pages != &e->one)
		kvfree(e->pages);
	if (e->cred) {
		atomic_long_sub(e->charged, &e->cred->user->locked_vm);
		put_cred(e->cred);
	}
	if (e->mm)
		mmdrop(e->mm);
	put_pid(e->pid);
}
