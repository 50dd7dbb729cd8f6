// SPDX-License-Identifier: GPL-2.0
/* What the device has, what was counted, and why the last call was refused. */
#include <linux/uaccess.h>
#include "compat.h"
#include "udrv_priv.h"

/* Copy out no more than the caller's struct holds; size is already checked. */
long udrv_copy_out(void __user *to, const void *from, u32 user_size,
		   size_t size)
{
	return copy_to_user(to, from, min_t(size_t, user_size, size)) ?
		-EFAULT : 0;
}

static u32 udrv_info_caps(struct udrv_open *o)
{
	struct udrv_device *d = o->d;
	u32 caps = d->pdev ? UDRV_INFO_PCI : 0;

	if (d->group)
		caps |= UDRV_INFO_IOMMU;
	if (o->may_dma)
		caps |= UDRV_INFO_DMA;
	if (d->can_reset)
		caps |= UDRV_INFO_RESET;
	if (d->can_mask_intx)
		caps |= UDRV_INFO_INTX_MASK;
	if (d->owner)
		caps |= UDRV_INFO_OWNED;
	if (d->bus_master)
		caps |= UDRV_INFO_BUS_MASTER;
	return caps;
}

static void udrv_info_owner(struct udrv_open *owner, struct udrv_info *info)
{
	info->out_irq_kind = owner->irq_kind;
	info->out_owner_pid = pid_vnr(owner->pid);
	info->out_iova_first = owner->iova_first;
	info->out_iova_last = owner->iova_last;
	info->out_page_sizes = owner->page_sizes;
}

static void udrv_info_ids(const struct pci_dev *pdev, struct udrv_info *info)
{
	info->out_vendor = pdev->vendor;
	info->out_device = pdev->device;
	info->out_subsystem_vendor = pdev->subsystem_vendor;
	info->out_subsystem_device = pdev->subsystem_device;
	info->out_class = pdev->class << 8 | pdev->revision;
}

long udrv_info(struct udrv_open *o, void __user *arg)
{
	struct udrv_device *d = o->d;
	struct udrv_info info;
	int ret;

	ret = udrv_copy_in(&info, sizeof(info), sizeof(info), arg);
	if (ret)
		return ret;
	if (info.flags)
		return udrv_refuse(o, -EINVAL, "INFO takes no flags");
	down_read(&d->lock);
	if (d->gone || o->dead) {
		up_read(&d->lock);
		return -ENODEV;
	}
	info = (struct udrv_info) { .size = info.size };
	strscpy(info.out_name, udrv_name(d), sizeof(info.out_name));
	info.out_contract = UDRV_CONTRACT;
	info.out_caps = udrv_info_caps(o);
	if (d->pdev)
		udrv_info_ids(d->pdev, &info);
	info.out_regions = UDRV_REGION_COUNT;
	info.out_intx = d->intx;
	info.out_msi = d->msi;
	info.out_msix = d->msix;
	info.out_lines = d->lines;
	if (d->owner)
		udrv_info_owner(d->owner, &info);
	up_read(&d->lock);
	return udrv_copy_out(arg, &info, info.size, sizeof(info));
}

long udrv_region_info(struct udrv_open *o, void __user *arg)
{
	struct udrv_device *d = o->d;
	struct udrv_region_info info;
	struct udrv_region *r;
	int ret;

	ret = udrv_copy_in(&info, sizeof(info), sizeof(info), arg);
	if (ret)
		return ret;
	if (info.flags || info.reserved)
		return udrv_refuse(o, -EINVAL, "REGION_INFO takes no flags");
	if (info.index >= UDRV_REGION_COUNT)
		return udrv_refuse(o, -ENXIO, "no region %u: they are 0 to %u",
				   info.index, UDRV_REGION_COUNT - 1);
	/* Fixed since the device was bound; only being alive needs the lock. */
	down_read(&d->lock);
	ret = d->gone || o->dead ? -ENODEV : 0;
	up_read(&d->lock);
	if (ret)
		return ret;
	r = &d->region[info.index];
	info.out_kind = r->kind;
	info.out_caps = r->caps;
	info.out_size = r->size;
	info.out_mmap_offset = r->caps & UDRV_REGION_MMAP ?
		(u64)info.index << UDRV_MMAP_REGION_SHIFT : 0;
	info.out_hole_offset = r->hole_offset;
	info.out_hole_size = r->hole_size;
	return udrv_copy_out(arg, &info, info.size, sizeof(info));
}

long udrv_counters(struct udrv_open *o, void __user *arg)
{
	struct udrv_device *d = o->d;
	struct udrv_counters counters;
	int ret;

	ret = udrv_copy_in(&counters, sizeof(counters), sizeof(counters), arg);
	if (ret)
		return ret;
	if (counters.flags)
		return udrv_refuse(o, -EINVAL, "COUNTERS takes no flags");
	counters.out_opens = atomic64_read(&d->count.opens);
	counters.out_interrupts = atomic64_read(&d->count.interrupts);
	counters.out_not_ours = atomic64_read(&d->count.not_ours);
	counters.out_storms = atomic64_read(&d->count.storms);
	counters.out_programs = atomic64_read(&d->count.programs);
	counters.out_steps = atomic64_read(&d->count.steps);
	counters.out_maps = atomic64_read(&d->count.maps);
	counters.out_unmaps = atomic64_read(&d->count.unmaps);
	counters.out_mapped_bytes = atomic64_read(&d->count.mapped_bytes);
	counters.out_refusals = atomic64_read(&d->count.refusals);
	return udrv_copy_out(arg, &counters, counters.size, sizeof(counters));
}

long udrv_refusal_get(struct udrv_refusal *r, void __user *arg)
{
	struct udrv_reason reason;
	int ret;

	ret = udrv_copy_in(&reason, sizeof(reason), sizeof(reason), arg);
	if (ret)
		return ret;
	if (reason.flags || reason.reserved)
		return -EINVAL;
	memset(reason.out_text, 0, sizeof(reason.out_text));
	spin_lock(&r->lock);
	reason.out_errno = r->error;
	strscpy(reason.out_text, r->text, sizeof(reason.out_text));
	spin_unlock(&r->lock);
	return udrv_copy_out(arg, &reason, reason.size, sizeof(reason));
}

long udrv_reason(struct udrv_open *o, void __user *arg)
{
	return udrv_refusal_get(&o->refusal, arg);
}
