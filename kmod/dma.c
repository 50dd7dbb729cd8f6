// SPDX-License-Identifier: GPL-2.0
/*
 * The DMA ledger and its commands.  An entry is made and pinned without locks,
 * then mapped and entered under d->lock; it leaves the same way back.
 */
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "dma.h"
#include "trace.h"

/* -------------------------------------------------------------- the ledger */

/* d->lock is held for writing. */
static int udrv_dma_hardware(struct udrv_open *o, struct udrv_dma_entry *e)
{
	if (o->dead)
		return -ENODEV;
	if (!o->may_dma)
		return udrv_refuse(o, -EPERM,
			"no IOMMU confines this device: DMA needs the module parameter enable_unsafe_dma_without_iommu=1 and an opener with CAP_SYS_RAWIO");
	if (o->domain)
		return udrv_iommu_map(o, e);
	return e->state & UDRV_DMA_STATE_BUFFER ? udrv_direct_alloc(o, e) :
						  udrv_direct_map(o, e);
}

static void udrv_dma_hardware_undo(struct udrv_open *o, struct udrv_dma_entry *e)
{
	if (o->domain)
		udrv_iommu_unmap(o, e);
	else
		udrv_direct_unmap(o, e);
}

/*
 * What the device is told, for the caller.  d->lock is held.  Out of @u's
 * array's bounds it is refused, with the count it would take in @u.
 */
static int udrv_dma_segments(struct udrv_open *o, struct udrv_dma_entry *e,
			     struct udrv_dma *u, struct udrv_dma_segment **list)
{
	u32 i, count = e->table.sgl ? e->table.nents : 1;
	struct scatterlist *sg;

	u->out_iova = e->iova;
	u->out_segments = count;
	if (!u->segments && count == 1)
		return 0;
	if (u->segment_capacity < count)
		return udrv_refuse(o, -ENOSPC,
			"the map has %u segments, the array room for %u: pass a larger one, or map less",
			count, u->segment_capacity);
	*list = kvcalloc(count, sizeof(**list), GFP_KERNEL_ACCOUNT);
	if (!*list)
		return -ENOMEM;
	(*list)[0].iova = e->iova;
	(*list)[0].length = e->length;
	if (e->table.sgl)
		for_each_sgtable_dma_sg(&e->table, sg, i) {
			(*list)[i].iova = sg_dma_address(sg);
			(*list)[i].length = sg_dma_len(sg);
		}
	return 0;
}

/* d->lock is held for writing. */
static int udrv_dma_enter_locked(struct udrv_open *o, struct udrv_dma_entry *e,
				 struct udrv_dma *u,
				 struct udrv_dma_segment **list)
{
	int ret;

	ret = udrv_dma_hardware(o, e);
	if (ret)
		return ret;
	ret = udrv_dma_segments(o, e, u, list);
	if (ret)
		goto undo;
	ret = udrv_ledger_add(o, e);
	if (ret)
		goto undo;
	u->id = e->id;
	u->out_mmap_offset = e->state & UDRV_DMA_STATE_BUFFER ?
		UDRV_MMAP_DMA + ((u64)e->id << UDRV_MMAP_DMA_SHIFT) : 0;
	atomic64_inc(&o->d->count.maps);
	atomic64_add(e->charged << PAGE_SHIFT, &o->d->count.mapped_bytes);
	trace_udrv_dma_map(o->d, e->id, e->iova, e->length);
	return 0;

undo:
	udrv_dma_hardware_undo(o, e);
	return ret;
}

/* Once this returns 0 the entry is the ledger's: another thread may unmap it. */
static int udrv_dma_enter(struct udrv_open *o, struct udrv_dma_entry *e,
			  struct udrv_dma *u, struct udrv_dma_segment **list)
{
	unsigned int noio;
	int ret;

	down_write(&o->d->lock);
	/* Reclaim must not wait for a disk that this very driver serves. */
	noio = memalloc_noio_save();
	ret = udrv_dma_enter_locked(o, e, u, list);
	memalloc_noio_restore(noio);
	up_write(&o->d->lock);
	return ret;
}

/* Maps and unmaps mostly alternate, so one entry is kept for the next map. */
static void udrv_dma_entry_free(struct udrv_open *o, struct udrv_dma_entry *e)
{
	udrv_pages_free(e);
	kfree(xchg(&o->spare, e));
}

/* For an entry that is out of the ledger. */
static void udrv_dma_forget(struct udrv_open *o, struct udrv_dma_entry *e)
{
	atomic64_inc(&o->d->count.unmaps);
	atomic64_sub(e->charged << PAGE_SHIFT, &o->d->count.mapped_bytes);
	trace_udrv_dma_unmap(o->d, e->id, e->iova, e->length);
	udrv_dma_entry_free(o, e);
}

static int udrv_dma_leave(struct udrv_open *o, u32 id)
{
	struct udrv_dma_entry *e = NULL;
	int ret = 0;

	down_write(&o->d->lock);
	if (o->dead)
		ret = -ENODEV;
	else
		e = udrv_ledger_remove(o, id);
	if (e && e->state & UDRV_DMA_STATE_BUFFER)
		unmap_mapping_range(o->mapping,
			UDRV_MMAP_DMA + ((loff_t)id << UDRV_MMAP_DMA_SHIFT),
			1ull << UDRV_MMAP_DMA_SHIFT, 1);
	if (e)
		udrv_dma_hardware_undo(o, e);
	up_write(&o->d->lock);
	if (e)
		udrv_dma_forget(o, e);
	else if (!ret)
		ret = udrv_refuse(o, -ENOENT, "no mapping with id %u", id);
	return ret;
}

/*
 * The end of an open, under its locks: without an IOMMU each mapping is undone
 * at the device; behind one the domain goes whole (group.c).  Memory is given
 * back later, without locks.
 */
void udrv_dma_teardown(struct udrv_open *o)
{
	struct udrv_dma_entry *e;
	u32 id;

	if (o->domain)
		return;
	unmap_mapping_range(o->mapping, UDRV_MMAP_DMA,
			    UDRV_MMAP_EVENTS - UDRV_MMAP_DMA, 1);
	udrv_ledger_for_each(o, id, e)
		udrv_direct_unmap(o, e);
}

/* The last reference is gone: nobody else sees the ledger. */
void udrv_dma_free(struct udrv_open *o)
{
	struct udrv_dma_entry *e;
	u32 id;

	udrv_ledger_for_each(o, id, e) {
		udrv_dma_forget(o, e);
		cond_resched();
	}
	udrv_ledger_free(o);
	kfree(o->spare);
	o->spare = NULL;
}

/* -------------------------------------------------------- making an entry */

static int udrv_dma_check(struct udrv_open *o, const struct udrv_dma *u, bool map)
{
	u64 most = map ? UDRV_DMA_MAX_MAP : UDRV_DMA_MAX_BUFFER;

	if (u->reserved || u->flags & ~UDRV_DMA_BOTH || !(u->flags & UDRV_DMA_BOTH))
		return udrv_refuse(o, -EINVAL,
			"flags are UDRV_DMA_TO_DEVICE, UDRV_DMA_FROM_DEVICE or both, not %#x",
			u->flags);
	if (u->width && (u->width < 12 || u->width > 64))
		return udrv_refuse(o, -EINVAL, "width %u: 12 to 64 bits, or 0",
				   u->width);
	if (!u->length || u->length > most)
		return udrv_refuse(o, -EINVAL, "length %llu: 1 to %llu bytes",
				   u->length, most);
	if (map && (u->address + u->length < u->address ||
		    u->address + u->length > TASK_SIZE_MAX))
		return udrv_refuse(o, -EFAULT,
			"memory at %#llx, %llu bytes, is not user memory",
			u->address, u->length);
	return 0;
}

static struct udrv_dma_entry *udrv_dma_entry_new(struct udrv_open *o,
						 const struct udrv_dma *u,
						 bool map)
{
	struct udrv_dma_entry *e;

	e = xchg(&o->spare, NULL);
	if (e)
		memset(e, 0, sizeof(*e));
	else
		e = kzalloc(sizeof(*e), GFP_KERNEL_ACCOUNT);
	if (!e)
		return NULL;
	e->length = u->length;
	e->width = u->width;
	e->state = u->flags & UDRV_DMA_TO_DEVICE ? UDRV_DMA_STATE_TO : 0;
	e->state |= u->flags & UDRV_DMA_FROM_DEVICE ? UDRV_DMA_STATE_FROM : 0;
	if (map) {
		e->address = u->address;
		e->in_page = offset_in_page(u->address);
	} else {
		e->state |= UDRV_DMA_STATE_BUFFER;
	}
	e->page_count = PHYS_PFN(e->in_page + e->length + PAGE_SIZE - 1);
	if (current->mm) {
		mmgrab(current->mm);
		e->mm = current->mm;
	}
	e->pid = get_pid(task_tgid(current));
	return e;
}

static int udrv_dma_make(struct udrv_open *o, struct udrv_dma *u, bool map,
			 struct udrv_dma_segment **list)
{
	struct udrv_dma_entry *e;
	int ret;

	ret = udrv_dma_check(o, u, map);
	if (ret)
		return ret;
	e = udrv_dma_entry_new(o, u, map);
	if (!e)
		return -ENOMEM;
	ret = udrv_charge(o, e);
	if (!ret && map)
		ret = udrv_pin(o, e);
	else if (!ret && o->behind_iommu)
		ret = udrv_buffer_alloc(o, e);
	if (!ret)
		ret = udrv_dma_enter(o, e, u, list);
	if (ret)
		udrv_dma_entry_free(o, e);
	return ret;
}

static int udrv_dma_copy_out(struct udrv_dma __user *arg, const struct udrv_dma *u,
			     const struct udrv_dma_segment *list)
{
	if (list && copy_to_user(u64_to_user_ptr(u->segments), list,
				 array_size(u->out_segments, sizeof(*list))))
		return -EFAULT;
	if (!user_access_begin(arg, sizeof(*arg)))
		return -EFAULT;
	unsafe_put_user(u->id, &arg->id, fault);
	unsafe_put_user(u->out_iova, &arg->out_iova, fault);
	unsafe_put_user(u->out_mmap_offset, &arg->out_mmap_offset, fault);
	unsafe_put_user(u->out_segments, &arg->out_segments, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

static int udrv_dma_one_new(struct udrv_open *o, struct udrv_dma __user *arg,
			    struct udrv_dma *u, bool map)
{
	struct udrv_dma_segment *list = NULL;
	int ret;

	if (!map)
		u->segments = 0;
	u->out_segments = 0;
	ret = udrv_dma_make(o, u, map, &list);
	if (!ret) {
		ret = udrv_dma_copy_out(arg, u, list);
		if (ret)
			udrv_dma_leave(o, u->id);
	} else if (ret == -ENOSPC && put_user(u->out_segments, &arg->out_segments)) {
		ret = -EFAULT;
	}
	kvfree(list);
	return ret;
}

static int udrv_dma_one_alloc(struct udrv_open *o, struct udrv_dma __user *arg,
			      struct udrv_dma *u)
{
	return udrv_dma_one_new(o, arg, u, false);
}

static int udrv_dma_one_map(struct udrv_open *o, struct udrv_dma __user *arg,
			    struct udrv_dma *u)
{
	return udrv_dma_one_new(o, arg, u, true);
}

static int udrv_dma_one_unmap(struct udrv_open *o, struct udrv_dma __user *arg,
			      struct udrv_dma *u)
{
	if (u->reserved)
		return udrv_refuse(o, -EINVAL, "reserved is not 0");
	return udrv_dma_leave(o, u->id);
}

static int udrv_dma_one_sync(struct udrv_open *o, struct udrv_dma __user *arg,
			     struct udrv_dma *u)
{
	struct udrv_dma_entry *e;
	int ret = 0;

	if (u->reserved ||
	    (u->flags != UDRV_DMA_TO_DEVICE && u->flags != UDRV_DMA_FROM_DEVICE))
		return udrv_refuse(o, -EINVAL,
			"SYNC takes one direction: UDRV_DMA_TO_DEVICE before the device reads, UDRV_DMA_FROM_DEVICE after it wrote");
	down_read(&o->d->lock);
	e = o->dead ? NULL : udrv_ledger_find(o, u->id);
	if (o->dead)
		ret = -ENODEV;
	else if (!e)
		ret = udrv_refuse(o, -ENOENT, "no mapping with id %u", u->id);
	else if (!u->length || u->offset >= e->length ||
		 u->length > e->length - u->offset)
		ret = udrv_refuse(o, -EINVAL,
			"%llu bytes at %#llx are not within the mapping's %llu",
			u->length, u->offset, e->length);
	else if (!o->domain)
		udrv_direct_sync(o, e, u->offset, u->length, u->flags);
	else
		mb();	/* the IOMMU is coherent (checked): order is all it takes */
	up_read(&o->d->lock);
	return ret;
}

/* ------------------------------------------------------------------ batches */

typedef int (*udrv_dma_one)(struct udrv_open *o, struct udrv_dma __user *arg,
			    struct udrv_dma *u);

int udrv_dma_batch_copy(struct udrv_open *o, struct udrv_dma_batch *batch,
			void __user *arg)
{
	int ret;

	ret = udrv_copy_in(batch, sizeof(*batch), sizeof(*batch), arg);
	if (ret)
		return ret;
	if (batch->flags || batch->reserved ||
	    batch->entry_size < sizeof(struct udrv_dma))
		return udrv_refuse(o, -EINVAL,
			"a batch has no flags and entries of %zu bytes, not %u",
			sizeof(struct udrv_dma), batch->entry_size);
	return batch->entry_size > PAGE_SIZE ? -E2BIG : 0;
}

static long udrv_dma_batch(struct udrv_open *o, void __user *arg, udrv_dma_one one)
{
	struct udrv_dma_batch __user *user_batch = arg;
	struct udrv_dma_batch batch;
	struct udrv_dma u;
	void __user *at;
	int ret;
	u32 done;

	ret = udrv_dma_batch_copy(o, &batch, arg);
	if (ret)
		return ret;
	if (!batch.count)
		return udrv_refuse(o, -EINVAL, "a batch of 0 entries");
	if (batch.count > UDRV_DMA_MAX_BATCH)
		return udrv_refuse(o, -E2BIG, "a batch of %u entries: at most %u",
				   batch.count, UDRV_DMA_MAX_BATCH);
	at = u64_to_user_ptr(batch.entries);
	for (done = 0; done < batch.count; done++, at += batch.entry_size) {
		ret = udrv_copy_struct(&u, sizeof(u), sizeof(u), at,
				       batch.entry_size);
		if (!ret)
			ret = one(o, at, &u);
		if (ret)
			break;
		if (done + 1 == batch.count)
			continue;
		cond_resched();
		if (fatal_signal_pending(current)) {
			done++;
			ret = -EINTR;
			break;
		}
	}
	if (put_user(done, &user_batch->out_done))
		return -EFAULT;
	return ret;
}

long udrv_dma_alloc(struct udrv_open *o, void __user *arg)
{
	return udrv_dma_batch(o, arg, udrv_dma_one_alloc);
}

long udrv_dma_map(struct udrv_open *o, void __user *arg)
{
	return udrv_dma_batch(o, arg, udrv_dma_one_map);
}

long udrv_dma_sync(struct udrv_open *o, void __user *arg)
{
	return udrv_dma_batch(o, arg, udrv_dma_one_sync);
}

long udrv_dma_unmap(struct udrv_open *o, void __user *arg)
{
	return udrv_dma_batch(o, arg, udrv_dma_one_unmap);
}
