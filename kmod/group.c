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
 * Before 6.4 leaving a domain may want memory (VT-d's does, always).  It has no
 * result; without memory the kernel warns, stops the device's DMA, and goes on
 * pointing to the domain, which then may not be freed.  So each time we look: a
 * domain that could not be left stays the group's, and a group that could not be
 * given back stays ours, until a later try has memory: of the next open, the
 * next bind, or udrv_groups_mend, whichever comes first.
 */
#include <linux/capability.h>
#include <linux/dma-mapping.h>
#include <linux/iova.h>
#include <linux/list.h>
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
	bool claimed;
	struct iommu_domain *rest;	/* empty, or the kernel's blocking one */
	struct iommu_domain *stuck;	/* of an open that is over; empty */
#ifndef UDRV_HAVE_DMA_OWNER
	struct notifier_block watch;
	struct delayed_work intruder;
#endif
};

static DEFINE_MUTEX(udrv_groups_lock);

void udrv_group_lock(void)
{
	mutex_lock(&udrv_groups_lock);
}

void udrv_group_unlock(void)
{
	mutex_unlock(&udrv_groups_lock);
}

static LIST_HEAD(udrv_groups);	/* one with none bound: not given back yet */

static void udrv_groups_mend(struct work_struct *work);
static DECLARE_DELAYED_WORK(udrv_mender, udrv_groups_mend);

static int udrv_first_domain(struct device *dev, void *data)
{
	*(struct iommu_domain **)data = iommu_get_domain_for_dev(dev);
	return 1;
}

/* Where the kernel thinks the group is; nowhere if it has no device left. */
static struct iommu_domain *udrv_group_domain(struct udrv_group *g)
{
	struct iommu_domain *domain = NULL;

	iommu_group_for_each_dev(g->iommu, &domain, udrv_first_domain);
	return domain;
}

static bool udrv_group_is_ours(struct udrv_group *g)
{
	struct iommu_domain *domain = udrv_group_domain(g);

	return domain && (domain == g->rest || domain == g->stuck);
}

/* ------------------------------------------------------------------- claim */

#ifdef UDRV_HAVE_DMA_OWNER

static int udrv_group_claim(struct udrv_group *g, struct udrv_device *d)
{
	int ret;

	ret = iommu_group_claim_dma_owner(g->iommu, g);
	if (!ret)
		g->rest = udrv_group_domain(g);
	return ret;
}

/* Once it has no owner, detaching leads to where the release did not. */
static void udrv_group_unclaim(struct udrv_group *g)
{
	if (g->claimed)
		iommu_group_release_dma_owner(g->iommu);
	else if (udrv_group_is_ours(g))
		iommu_detach_group(g->rest, g->iommu);
}

static void udrv_group_quiet(struct udrv_group *g)
{
}

static void udrv_group_free_rest(struct udrv_group *g)
{
}

static int udrv_group_attach(struct udrv_group *g, struct iommu_domain *domain)
{
	return iommu_attach_group(domain, g->iommu);
}

static void udrv_group_detach(struct udrv_group *g, struct iommu_domain *domain)
{
	iommu_detach_group(domain, g->iommu);
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

	mutex_lock(&udrv_groups_lock);
	if (g->opener) {
		d = g->opener;
		get_device(&d->dev);
	}
	mutex_unlock(&udrv_groups_lock);
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
	ret = iommu_attach_group(g->rest, g->iommu);
	if (ret) {
		iommu_domain_free(g->rest);
		return ret;
	}
	INIT_DELAYED_WORK(&g->intruder, udrv_group_intruder);
	g->watch.notifier_call = udrv_group_event;
	iommu_group_register_notifier(g->iommu, &g->watch);
	return 0;
}

/* From wherever it is, by way of the default domain: here none leads straight. */
static int udrv_group_move(struct udrv_group *g, struct iommu_domain *to)
{
	struct iommu_domain *from = udrv_group_domain(g);

	if (from)
		iommu_detach_group(from, g->iommu);
	return iommu_attach_group(to, g->iommu);
}

static void udrv_group_unclaim(struct udrv_group *g)
{
	if (g->claimed)
		iommu_group_unregister_notifier(g->iommu, &g->watch);
	if (udrv_group_is_ours(g))
		iommu_detach_group(udrv_group_domain(g), g->iommu);
}

/* Without the lock: the work takes it. */
static void udrv_group_quiet(struct udrv_group *g)
{
	cancel_delayed_work_sync(&g->intruder);
}

static void udrv_group_free_rest(struct udrv_group *g)
{
	iommu_domain_free(g->rest);
}

/* Bus mastering is off, and nobody turns it on again without a domain. */
static void udrv_group_detach(struct udrv_group *g, struct iommu_domain *domain)
{
	if (udrv_group_move(g, g->rest))
		pr_err("udrv: IOMMU group %d has no domain until it is opened\n",
		       iommu_group_id(g->iommu));
}

static int udrv_group_attach(struct udrv_group *g, struct iommu_domain *domain)
{
	int ret;

	ret = iommu_group_for_each_dev(g->iommu, NULL, udrv_group_viable);
	if (ret)
		return ret;
	ret = udrv_group_move(g, domain);
	if (ret)
		udrv_group_detach(g, domain);
	return ret;
}

#endif

/* -------------------------------------------------------- what memory put off */

/* The last device is gone from it, and now it goes too, if it can. */
static bool udrv_group_end(struct udrv_group *g, struct list_head *ended)
{
	bool first = g->claimed;

	udrv_group_unclaim(g);
	g->claimed = false;
	if (udrv_group_is_ours(g)) {
		if (first)
			pr_err("udrv: IOMMU group %d cannot be given back for lack of memory: its devices do no DMA for any driver until it is, which is tried each second\n",
			       iommu_group_id(g->iommu));
		schedule_delayed_work(&udrv_mender, HZ);
		return false;
	}
	list_move(&g->list, ended);
	return true;
}

/* Without the lock. */
static void udrv_groups_free(struct list_head *ended)
{
	struct udrv_group *g, *next;

	list_for_each_entry_safe(g, next, ended, list) {
		udrv_group_quiet(g);
		udrv_group_free_rest(g);
		if (g->stuck)
			iommu_domain_free(g->stuck);
		iommu_group_put(g->iommu);
		kfree(g);
	}
}

/* An open's domain that was kept. */
static bool udrv_group_unstick(struct udrv_group *g)
{
	if (!g->stuck)
		return true;
	udrv_group_detach(g, g->stuck);
	if (udrv_group_domain(g) == g->stuck) {
		schedule_delayed_work(&udrv_mender, HZ);
		return false;
	}
	iommu_domain_free(g->stuck);
	g->stuck = NULL;
	pr_info("udrv: IOMMU group %d has left its domain, there is memory again\n",
		iommu_group_id(g->iommu));
	return true;
}

static void udrv_groups_mend(struct work_struct *work)
{
	struct udrv_group *g, *next;
	LIST_HEAD(ended);

	mutex_lock(&udrv_groups_lock);
	list_for_each_entry_safe(g, next, &udrv_groups, list) {
		if (g->bound)
			udrv_group_unstick(g);
		else if (udrv_group_end(g, &ended))
			pr_info("udrv: IOMMU group %d is given back, there is memory again\n",
				iommu_group_id(g->iommu));
	}
	mutex_unlock(&udrv_groups_lock);
	udrv_groups_free(&ended);
}

/* Nobody is left to try again: rather lose a domain than have it used freed. */
void udrv_groups_exit(void)
{
	struct udrv_group *g, *next;

	udrv_groups_mend(NULL);
	cancel_delayed_work_sync(&udrv_mender);
	list_for_each_entry_safe(g, next, &udrv_groups, list) {
		pr_err("udrv: IOMMU group %d cannot be used before the machine is restarted\n",
		       iommu_group_id(g->iommu));
		list_del(&g->list);
		udrv_group_quiet(g);
		kfree(g);
	}
}

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
	g->claimed = true;
	list_add(&g->list, &udrv_groups);
	d->group = g;
	g->bound = 1;
	return 0;
}

int udrv_group_bind(struct udrv_device *d)
{
	struct iommu_group *iommu = iommu_group_get(&d->pdev->dev);
	struct udrv_group *g;
	LIST_HEAD(ended);
	int ret = 0;

	if (!iommu)
		return 0;
	mutex_lock(&udrv_groups_lock);
	g = udrv_group_find(iommu);
	if (g && !g->bound && udrv_group_end(g, &ended))
		g = NULL;
	if (g && !g->bound) {
		ret = -ENOMEM;
	} else if (g) {
		d->group = g;
		g->bound++;
	} else {
		ret = udrv_group_new(d, iommu);
	}
	mutex_unlock(&udrv_groups_lock);
	udrv_groups_free(&ended);
	/* The first device's reference is the group's. */
	if (ret || g)
		iommu_group_put(iommu);
	return ret;
}

void udrv_group_unbind(struct udrv_device *d)
{
	LIST_HEAD(ended);

	if (!d->group)
		return;
	mutex_lock(&udrv_groups_lock);
	if (!--d->group->bound)
		udrv_group_end(d->group, &ended);
	mutex_unlock(&udrv_groups_lock);
	udrv_groups_free(&ended);
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
 * Where it cannot be left it maps nothing any more: of several devices the
 * hardware may still have it for some.
 */
static void udrv_domain_leave(struct udrv_open *o)
{
	struct udrv_group *g = o->d->group;

	udrv_group_detach(g, o->domain);
	if (udrv_group_domain(g) != o->domain)
		return;
	dev_err(&o->d->dev, "its IOMMU domain cannot be left for lack of memory: kept, emptied; the next open or the next second tries again\n");
	udrv_dma_empty(o);
	g->stuck = o->domain;
	o->domain = NULL;
	schedule_delayed_work(&udrv_mender, HZ);
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

static int udrv_domain_make(struct udrv_device *d, struct udrv_open *o)
{
	int ret;

	if (!udrv_group_unstick(d->group))
		return -ENOMEM;
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
	udrv_domain_leave(o);
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
	int ret;

	if (!d->pdev)
		return 0;		/* nothing to confine: no DMA */
	if (!d->group)
		return udrv_group_open_direct(d, o);
	mutex_lock(&udrv_groups_lock);
	ret = udrv_group_open_locked(d, o);
	mutex_unlock(&udrv_groups_lock);
	return ret;
}

/*
 * d->lock is held for writing.  The group rests again; with the domain go all
 * its mappings at once.
 */
void udrv_group_close(struct udrv_open *o)
{
	struct udrv_group *g = o->d->group;

	if (o->max_segment)
		dma_set_max_seg_size(&o->d->pdev->dev, o->max_segment);
	if (!o->domain)
		return;
	mutex_lock(&udrv_groups_lock);
	udrv_domain_leave(o);
	g->opener = NULL;
	mutex_unlock(&udrv_groups_lock);
	udrv_domain_free(o);
}
