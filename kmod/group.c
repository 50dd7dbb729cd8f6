// SPDX-License-Identifier: GPL-2.0
/*
 * IOMMU groups: the unit that hardware can tell apart, so the unit of trust.
 *
 * A group is claimed when its first device is bound and released with the
 * last.  One device of it is open at a time, with a domain made for that open;
 * in between the group can reach nothing.  From 5.18 on the kernel keeps that
 * promise (a claimed group rests on its blocking domain); before, we do, with
 * an empty domain and a look at who else has drivers in the group.
 *
 * To change a group's domain may want memory, also where a domain is only left:
 * VT-d's does each time (before 6.4), part of it by GFP_ATOMIC, and after a
 * failure it has none, while the kernel goes on pointing to the old one, or
 * believes it has the new one.  It is little, and what a close gives back is
 * much.  So it may take the reserves (PF_MEMALLOC), and waits for no memory: who
 * could give it back may be the driver of a disk, waiting for our lock.  A thread
 * of the kernel does it, so that a process's state has no part in it.
 *
 * For the same reason nothing under udrv_groups_lock does I/O to get memory.
 */
#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/iova.h>
#include <linux/list.h>
#include <linux/sched/mm.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include "compat.h"
#include "udrv_priv.h"

struct udrv_group {
	struct list_head list;
	struct iommu_group *iommu;
	unsigned int bound;
	struct udrv_device *opener;
#ifndef UDRV_HAVE_DMA_OWNER
	struct iommu_domain *rest;	/* empty */
	bool broken;			/* not on it: no open */
	struct notifier_block watch;
	struct delayed_work intruder;
#endif
};

static DEFINE_MUTEX(udrv_groups_lock);

unsigned int udrv_group_lock(void)
{
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&udrv_groups_lock);
	return noio;
}

void udrv_group_unlock(unsigned int noio)
{
	mutex_unlock(&udrv_groups_lock);
	memalloc_noio_restore(noio);
}

static LIST_HEAD(udrv_groups);

/* ------------------------------------------------------------------ change */

static struct workqueue_struct *udrv_group_changes;

typedef int (*udrv_change)(struct udrv_group *g, struct iommu_domain *domain);

struct udrv_group_work {
	struct work_struct work;
	struct udrv_group *g;
	struct iommu_domain *domain;
	udrv_change change;
	int ret;
};

static void udrv_group_work_run(struct work_struct *work)
{
	struct udrv_group_work *w = container_of(work, struct udrv_group_work,
						 work);
	unsigned int noreclaim = memalloc_noreclaim_save();

	w->ret = w->change(w->g, w->domain);
	memalloc_noreclaim_restore(noreclaim);
}

/* Holding udrv_groups_lock; the work takes locks of the IOMMU core only. */
static int udrv_group_change(struct udrv_group *g, struct iommu_domain *domain,
			     udrv_change change)
{
	struct udrv_group_work w = {
		.g = g, .domain = domain, .change = change,
	};

	INIT_WORK_ONSTACK(&w.work, udrv_group_work_run);
	queue_work(udrv_group_changes, &w.work);
	flush_work(&w.work);
	destroy_work_on_stack(&w.work);
	return w.ret;
}

static int udrv_change_attach(struct udrv_group *g, struct iommu_domain *domain)
{
	return iommu_attach_group(domain, g->iommu);
}

static int udrv_change_detach(struct udrv_group *g, struct iommu_domain *domain)
{
	iommu_detach_group(domain, g->iommu);
	return 0;
}

int udrv_groups_init(void)
{
	/* With a thread in reserve, so that none has to be made in need. */
	udrv_group_changes = alloc_workqueue("udrv_group",
					     WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return udrv_group_changes ? 0 : -ENOMEM;
}

void udrv_groups_exit(void)
{
	destroy_workqueue(udrv_group_changes);
}

/* ------------------------------------------------------------------- claim */

#ifdef UDRV_HAVE_DMA_OWNER

static int udrv_change_claim(struct udrv_group *g, struct iommu_domain *unused)
{
	return iommu_group_claim_dma_owner(g->iommu, g);
}

static int udrv_change_release(struct udrv_group *g, struct iommu_domain *unused)
{
	iommu_group_release_dma_owner(g->iommu);
	return 0;
}

static int udrv_group_claim(struct udrv_group *g, struct udrv_device *d)
{
	return udrv_group_change(g, NULL, udrv_change_claim);
}

static void udrv_group_unclaim(struct udrv_group *g, struct udrv_device *d)
{
	udrv_group_change(g, NULL, udrv_change_release);
}

static int udrv_group_attach(struct udrv_group *g, struct iommu_domain *domain)
{
	return udrv_group_change(g, domain, udrv_change_attach);
}

static void udrv_group_detach(struct udrv_group *g, struct iommu_domain *domain)
{
	udrv_group_change(g, domain, udrv_change_detach);
}

#else

static int udrv_group_viable(struct device *dev, void *data)
{
	struct device_driver *driver = READ_ONCE(dev->driver);

	if (!driver || driver == &udrv_pci_driver.driver ||
	    !strcmp(driver->name, "pcieport"))
		return 0;
	return -EBUSY;
}

/* Somebody else's driver came into the group: take the device away. */
static void udrv_group_intruder(struct work_struct *work)
{
	struct udrv_group *g = container_of(to_delayed_work(work),
					    struct udrv_group, intruder);
	struct udrv_device *d = NULL;
	unsigned int noio;

	noio = udrv_group_lock();
	if (g->opener) {
		d = g->opener;
		get_device(&d->dev);
	}
	udrv_group_unlock(noio);
	if (!d)
		return;
	/* Unbinding holds this lock while it waits for us to be cancelled. */
	if (device_trylock(&d->pdev->dev)) {
		dev_warn(&d->dev, "another driver took a device of its IOMMU group: revoked\n");
		udrv_device_evict(d);
		device_unlock(&d->pdev->dev);
	} else {
		schedule_delayed_work(&g->intruder, 1);
	}
	put_device(&d->dev);
}

static int udrv_group_event(struct notifier_block *watch, unsigned long action,
			    void *data)
{
	struct udrv_group *g = container_of(watch, struct udrv_group, watch);

	if (action == IOMMU_GROUP_NOTIFY_BOUND_DRIVER &&
	    udrv_group_viable(data, NULL))
		schedule_delayed_work(&g->intruder, 0);
	return NOTIFY_OK;
}

static int udrv_group_claim(struct udrv_group *g, struct udrv_device *d)
{
	int ret;

	ret = iommu_group_for_each_dev(g->iommu, NULL, udrv_group_viable);
	if (ret)
		return ret;
	g->rest = udrv_domain_alloc(&d->pdev->dev);
	if (!g->rest)
		return -ENOMEM;
	ret = udrv_group_change(g, g->rest, udrv_change_attach);
	if (ret) {
		iommu_domain_free(g->rest);
		return ret;
	}
	INIT_DELAYED_WORK(&g->intruder, udrv_group_intruder);
	g->watch.notifier_call = udrv_group_event;
	iommu_group_register_notifier(g->iommu, &g->watch);
	return 0;
}

/* Bus mastering is off; but nobody may turn it on again without a domain. */
static void udrv_group_rest(struct udrv_group *g)
{
	/* Of what it may have failed to leave; else nothing happens. */
	if (g->broken)
		udrv_group_change(g, g->rest, udrv_change_detach);
	g->broken = udrv_group_change(g, g->rest, udrv_change_attach);
	if (g->broken)
		pr_err("udrv: IOMMU group %d has no domain: it is tried again when one of its devices is opened or unbound\n",
		       iommu_group_id(g->iommu));
}

static void udrv_group_unclaim(struct udrv_group *g, struct udrv_device *d)
{
	iommu_group_unregister_notifier(g->iommu, &g->watch);
	/* Else the core thinks that it has its own domain, and leaves it so. */
	if (g->broken)
		udrv_group_rest(g);
	udrv_group_change(g, g->rest, udrv_change_detach);
	if (iommu_get_domain_for_dev(&d->pdev->dev) != g->rest)
		iommu_domain_free(g->rest);
}

static int udrv_group_attach(struct udrv_group *g, struct iommu_domain *domain)
{
	int ret;

	if (g->broken)
		udrv_group_rest(g);
	if (g->broken)
		return -EIO;
	ret = iommu_group_for_each_dev(g->iommu, NULL, udrv_group_viable);
	if (ret)
		return ret;
	udrv_group_change(g, g->rest, udrv_change_detach);
	ret = udrv_group_change(g, domain, udrv_change_attach);
	if (ret)
		udrv_group_rest(g);
	return ret;
}

static void udrv_group_detach(struct udrv_group *g, struct iommu_domain *domain)
{
	udrv_group_change(g, domain, udrv_change_detach);
	udrv_group_rest(g);
}

#endif

/* -------------------------------------------------------------------- bind */

/* Firmware that wants memory mapped one to one for this device: not ours. */
static int udrv_group_direct_regions(struct udrv_device *d,
				     struct iommu_group *iommu)
{
	struct iommu_resv_region *region, *next;
	LIST_HEAD(regions);
	int ret;

	ret = iommu_get_group_resv_regions(iommu, &regions);
	list_for_each_entry_safe(region, next, &regions, list) {
		if (!ret && region->type == IOMMU_RESV_DIRECT) {
			pci_err(d->pdev, "udrv: firmware reserved %pa for this device's own DMA (RMRR): it cannot be given to user space\n",
				&region->start);
			ret = -EPERM;
		}
		if (!ret && region->type == IOMMU_RESV_SW_MSI) {
			pci_err(d->pdev, "udrv: this IOMMU translates message interrupts, which is not supported yet\n");
			ret = -EOPNOTSUPP;
		}
		list_del(&region->list);
		kfree(region);
	}
	return ret;
}

static struct udrv_group *udrv_group_find(struct iommu_group *iommu)
{
	struct udrv_group *g;

	list_for_each_entry(g, &udrv_groups, list)
		if (g->iommu == iommu)
			return g;
	return NULL;
}

/* Who is in the way?  For the log. */
static int udrv_group_name_driver(struct device *dev, void *data)
{
	struct device_driver *driver = READ_ONCE(dev->driver);
	struct pci_dev *pdev = data;

	if (driver && driver != &udrv_pci_driver.driver)
		pci_err(pdev, "udrv: %s of this group has the driver %s: unbind it first\n",
			dev_name(dev), driver->name);
	return 0;
}

static int udrv_group_new(struct udrv_device *d, struct iommu_group *iommu)
{
	struct udrv_group *g;
	int ret;

	ret = udrv_group_direct_regions(d, iommu);
	if (ret)
		return ret;
	if (!udrv_iommu_capable(&d->pdev->dev, IOMMU_CAP_CACHE_COHERENCY)) {
		pci_err(d->pdev, "udrv: its IOMMU is not coherent with the caches: not supported\n");
		return -EOPNOTSUPP;
	}
	g = kzalloc(sizeof(*g), GFP_KERNEL);
	if (!g)
		return -ENOMEM;
	g->iommu = iommu;
	ret = udrv_group_claim(g, d);
	if (ret) {
		pci_err(d->pdev, "udrv: IOMMU group %d cannot be claimed (%d)\n",
			iommu_group_id(iommu), ret);
		iommu_group_for_each_dev(iommu, d->pdev, udrv_group_name_driver);
		kfree(g);
		return ret;
	}
	list_add(&g->list, &udrv_groups);
	d->group = g;
	g->bound = 1;
	return 0;
}

int udrv_group_bind(struct udrv_device *d)
{
	struct iommu_group *iommu = iommu_group_get(&d->pdev->dev);
	struct udrv_group *g;
	unsigned int noio;
	int ret = 0;

	if (!iommu)
		return 0;
	noio = udrv_group_lock();
	g = udrv_group_find(iommu);
	if (g) {
		d->group = g;
		g->bound++;
	} else {
		ret = udrv_group_new(d, iommu);
	}
	udrv_group_unlock(noio);
	/* The first device's reference is the group's. */
	if (ret || g)
		iommu_group_put(iommu);
	return ret;
}

void udrv_group_unbind(struct udrv_device *d)
{
	struct udrv_group *g = d->group;
	unsigned int noio;

	if (!g)
		return;
	noio = udrv_group_lock();
	if (!--g->bound) {
		list_del(&g->list);
		udrv_group_unclaim(g, d);
	} else {
		g = NULL;
	}
	udrv_group_unlock(noio);
	if (!g)
		return;
#ifndef UDRV_HAVE_DMA_OWNER
	cancel_delayed_work_sync(&g->intruder);
#endif
	iommu_group_put(g->iommu);
	kfree(g);
}

/* -------------------------------------------------------------------- open */

/* A space of addresses, less what the hardware keeps for itself. */
static int udrv_iovad_make(struct udrv_open *o, struct iommu_group *iommu)
{
	struct iommu_resv_region *region, *next;
	LIST_HEAD(regions);
	int ret;

	o->iovad = kzalloc(sizeof(*o->iovad), GFP_KERNEL_ACCOUNT);
	if (!o->iovad)
		return -ENOMEM;
	o->iova_first = max_t(u64, o->domain->geometry.aperture_start, PAGE_SIZE);
	init_iova_domain(o->iovad, PAGE_SIZE, PHYS_PFN(o->iova_first));
	ret = iommu_get_group_resv_regions(iommu, &regions);
	list_for_each_entry_safe(region, next, &regions, list) {
		if (!ret && region->type != IOMMU_RESV_DIRECT_RELAXABLE &&
		    !reserve_iova(o->iovad, PHYS_PFN(region->start),
				  PHYS_PFN(region->start + region->length - 1)))
			ret = -ENOMEM;
		list_del(&region->list);
		kfree(region);
	}
	return ret;
}

static void udrv_domain_free(struct udrv_open *o)
{
	if (o->iovad) {
		o->spare_range = NULL;
		put_iova_domain(o->iovad);
		kfree(o->iovad);
		o->iovad = NULL;
	}
	if (o->domain)
		iommu_domain_free(o->domain);
	o->domain = NULL;
}

/*
 * The end of the aperture.  Older kernels state what their page tables could
 * hold and not what this IOMMU walks, so try: bus mastering is still off.
 */
static u64 udrv_iova_last(struct udrv_open *o)
{
	static const u8 widths[] = { 64, 57, 48, 39, 32 };
	u64 end = o->domain->geometry.aperture_end, last;
	int i;

	for (i = 0; i < ARRAY_SIZE(widths); i++) {
		last = min_t(u64, end, DMA_BIT_MASK(widths[i]));
		if (udrv_domain_map(o->domain, last & PAGE_MASK,
				    page_to_phys(o->ones), PAGE_SIZE,
				    IOMMU_READ | IOMMU_CACHE))
			continue;
		iommu_unmap(o->domain, last & PAGE_MASK, PAGE_SIZE);
		break;
	}
	return last;
}

/*
 * A group may fail to leave its domain (before 6.4 for lack of memory, from 7.0
 * on while another of its devices is reset), and there is no other word of it.
 * Its tables may then still be walked: they stay.  Bus mastering is off.
 */
static void udrv_domain_leave(struct udrv_device *d, struct udrv_open *o)
{
	udrv_group_detach(d->group, o->domain);
	if (iommu_get_domain_for_dev(&d->pdev->dev) != o->domain)
		return;
	dev_err(&d->dev, "its IOMMU group %d could not leave its domain: unbind its devices\n",
		iommu_group_id(d->group->iommu));
	o->domain = NULL;
}

static int udrv_domain_make(struct udrv_device *d, struct udrv_open *o)
{
	int ret;

	o->domain = udrv_domain_alloc(&d->pdev->dev);
	if (!o->domain)
		return -ENOMEM;
	ret = udrv_iovad_make(o, d->group->iommu);
	if (!ret)
		ret = udrv_group_attach(d->group, o->domain);
	if (ret) {
		udrv_domain_free(o);
		return ret;
	}
	udrv_domain_enforce_coherency(o->domain);
	o->page_sizes = o->domain->pgsize_bitmap;
	o->iova_last = udrv_iova_last(o);
	if (o->page_sizes & PAGE_SIZE)
		return 0;
	udrv_blame(d, "open refused",
		   "its IOMMU has larger pages than the processor");
	udrv_domain_leave(d, o);
	udrv_domain_free(o);
	return -EOPNOTSUPP;
}

static int udrv_group_open_direct(struct udrv_device *d, struct udrv_open *o)
{
	o->may_dma = udrv_enable_unsafe_dma && capable(CAP_SYS_RAWIO);
	if (!o->may_dma)
		return 0;
	/* The parameter may be set by who is root only. */
	if (security_locked_down(LOCKDOWN_PCI_ACCESS)) {
		o->may_dma = false;
		udrv_blame(d, "no DMA",
			   "the kernel is locked down, and no IOMMU confines the device");
		return 0;
	}
	/* Segments have no limit that we know: the driver sees them all. */
	o->max_segment = dma_get_max_seg_size(&d->pdev->dev);
	dma_set_max_seg_size(&d->pdev->dev, UINT_MAX);
	add_taint(TAINT_USER, LOCKDEP_STILL_OK);
	if (___ratelimit(&d->storm_limit, udrv_name(d)))
		dev_warn(&d->dev, "%*pE[%d] may do DMA without an IOMMU: it can write all memory; kernel tainted\n",
			 (int)strlen(o->comm), o->comm, pid_nr(o->pid));
	return 0;
}

static int udrv_group_open_locked(struct udrv_device *d, struct udrv_open *o)
{
	struct udrv_group *g = d->group;
	int ret;

	if (g->opener) {
		udrv_blame(d, "open refused",
			"%s of the same IOMMU group %d is open, and the hardware cannot tell them apart",
			udrv_name(g->opener), iommu_group_id(g->iommu));
		return -EBUSY;
	}
	if (!udrv_allow_unsafe_interrupts &&
	    !udrv_interrupts_remapped(&d->pdev->dev, g->iommu)) {
		udrv_blame(d, "open refused",
			"interrupts are not remapped, so its DMA could raise any of them; enable interrupt remapping, or set the module parameter allow_unsafe_interrupts=1");
		return -EPERM;
	}
	ret = udrv_domain_make(d, o);
	if (ret) {
		udrv_blame(d, "open refused",
			   "no IOMMU domain for group %d (%d)",
			   iommu_group_id(g->iommu), ret);
		return ret;
	}
	g->opener = d;
	o->may_dma = true;
	o->behind_iommu = true;
	return 0;
}

/* d->lock is held for writing. */
int udrv_group_open(struct udrv_device *d, struct udrv_open *o)
{
	unsigned int noio;
	int ret;

	if (!d->pdev)
		return 0;		/* nothing to confine: no DMA */
	if (!d->group)
		return udrv_group_open_direct(d, o);
	noio = udrv_group_lock();
	ret = udrv_group_open_locked(d, o);
	udrv_group_unlock(noio);
	return ret;
}

/*
 * d->lock is held for writing.  The group rests again; with the domain go all
 * its mappings at once.
 */
void udrv_group_close(struct udrv_open *o)
{
	struct udrv_group *g = o->d->group;
	unsigned int noio;

	if (o->max_segment)
		dma_set_max_seg_size(&o->d->pdev->dev, o->max_segment);
	if (!o->domain)
		return;
	noio = udrv_group_lock();
	udrv_domain_leave(o->d, o);
	g->opener = NULL;
	udrv_group_unlock(noio);
	udrv_domain_free(o);
}
