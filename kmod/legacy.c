// SPDX-License-Identifier: GPL-2.0
/*
 * Declared devices: what is not PCI, and which nothing enumerates.
 *
 * Root says which ports, memory and lines a device is made of.  That is more
 * trust than binding a PCI device takes, since nobody can check it; so all
 * that can be checked is: nothing that is memory (legacy_check.c), nothing that
 * anybody holds, nor another device's registers (here).
 *
 * Ranges are held from the declaration on.  Lines are not: they are tried when
 * declared, and had when they are set up, since a line that nobody serves must
 * not be let through.
 */
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/slab.h>
#include "compat.h"
#include "udrv_priv.h"

struct udrv_declaration {
	struct list_head list;		/* by name */
	struct udrv_legacy as;
	struct udrv_device *d;
	u32 held;			/* bit i: range i is requested */
	u32 mapped;			/* lines from the first on */
	char label[sizeof("udrv-") + UDRV_LEGACY_NAME];
};

/* Who is declared, and adding and removing as a whole. */
static DEFINE_MUTEX(udrv_legacy_lock);
static LIST_HEAD(udrv_declarations);

/* ------------------------------------------------------------- who else has it */

static bool udrv_ranges_meet(const struct udrv_legacy_range *a,
			     const struct udrv_legacy_range *b)
{
	return a->kind == b->kind && a->start <= b->start + b->bytes - 1 &&
	       b->start <= a->start + a->bytes - 1;
}

/* Those of the ISA bus come before all others. */
static u32 udrv_line_number(const struct udrv_legacy *as, u32 i)
{
	return as->lines[i] & UDRV_LINE_NUMBER;
}

/* Two declarations, or one with itself. */
static int udrv_declarations_meet(struct udrv_control *c,
				  const struct udrv_legacy *a,
				  const struct udrv_legacy *b)
{
	u32 i, k;

	for (i = 0; i < a->range_count; i++)
		for (k = a == b ? i + 1 : 0; k < b->range_count; k++)
			if (udrv_ranges_meet(&a->ranges[i], &b->ranges[k]))
				return udrv_control_refuse(c, -EBUSY,
					"range %u is also in the declaration of %s",
					i, b->name);
	for (i = 0; i < a->line_count; i++)
		for (k = a == b ? i + 1 : 0; k < b->line_count; k++)
			if (udrv_line_number(a, i) == udrv_line_number(b, k))
				return udrv_control_refuse(c, -EBUSY,
					"line %u is also in the declaration of %s",
					udrv_line_number(a, i), b->name);
	return 0;
}

static int udrv_meets_bar(struct udrv_control *c,
			  const struct udrv_legacy_range *r)
{
	unsigned long type = r->kind == UDRV_KIND_PORTS ? IORESOURCE_IO :
							  IORESOURCE_MEM;
	struct pci_dev *pdev = NULL;
	struct resource *bar;
	int i, count;

	for_each_pci_dev(pdev) {
		/* A bridge's windows are not its own, what quirks found is. */
		count = pdev->hdr_type == PCI_HEADER_TYPE_NORMAL ?
			PCI_NUM_RESOURCES : PCI_ROM_RESOURCE + 1;
		for (i = 0; i < count; i++) {
			bar = &pdev->resource[i];
			if (!(bar->flags & type) || bar->flags & IORESOURCE_UNSET ||
			    !resource_size(bar) || bar->end < r->start ||
			    bar->start > r->start + r->bytes - 1)
				continue;
			udrv_control_refuse(c, -EBUSY,
				"%#llx belongs to the PCI device %s, in %pR: bind that",
				r->start, pci_name(pdev), bar);
			pci_dev_put(pdev);
			return -EBUSY;
		}
	}
	return 0;
}

/* ------------------------------------------------------------------ having it */

static struct resource *udrv_range_root(const struct udrv_legacy_range *r)
{
	return r->kind == UDRV_KIND_PORTS ? &ioport_resource : &iomem_resource;
}

static int udrv_range_request(struct udrv_control *c,
			      struct udrv_declaration *l, u32 i)
{
	const struct udrv_legacy_range *r = &l->as.ranges[i];
	bool ports = r->kind == UDRV_KIND_PORTS;
	int ret;

	ret = udrv_meets_bar(c, r);
	if (ret)
		return ret;
	if (udrv_keyboard_has(r)) {
		l->d->keyboard = true;
		if (udrv_keyboard_driven())
			return udrv_control_refuse(c, -EBUSY,
				"port %#llx: the driver i8042 has the keyboard controller; unbind it in /sys/bus/platform/drivers/i8042",
				r->start);
		return 0;
	}
	if (!__request_region(udrv_range_root(r), r->start, r->bytes, l->label,
			      0))
		return udrv_control_refuse(c, -EBUSY,
			ports ? "ports %#llx-%#llx have a holder; /proc/ioports names it" :
				"memory %#llx-%#llx has a holder; /proc/iomem names it",
			r->start, r->start + r->bytes - 1);
	l->held |= BIT(i);
	return 0;
}

static void udrv_ranges_release(struct udrv_declaration *l)
{
	const struct udrv_legacy_range *r;
	u32 i;

	for (i = 0; i < l->as.range_count; i++) {
		r = &l->as.ranges[i];
		if (l->held & BIT(i))
			__release_region(udrv_range_root(r), r->start, r->bytes);
	}
}

static int udrv_line_declare(struct udrv_control *c, struct udrv_declaration *l,
			     u32 line)
{
	int irq = udrv_line_map(line), ret;

	if (irq == -EBUSY)
		return udrv_control_refuse(c, irq,
			"interrupt line %u is set up already, by another trigger or polarity: PCI devices have level-low, or level-high by some firmware",
			line & UDRV_LINE_NUMBER);
	if (irq == -ENOMEM)
		return irq;
	if (irq < 0)
		return udrv_control_refuse(c, -ENXIO,
			"this machine has no interrupt line %u for devices (%d)",
			line & UDRV_LINE_NUMBER, irq);
	l->mapped++;
	ret = udrv_line_try(irq, l->label);
	if (ret == -EBUSY)
		return udrv_control_refuse(c, ret,
			"interrupt line %d has a holder; /proc/interrupts names it",
			irq);
	if (ret && ret != -ENOMEM)
		return udrv_control_refuse(c, -ENXIO,
			"this machine has no interrupt line %d for devices (%d)",
			irq, ret);
	l->d->line[l->d->lines++] = irq;
	return ret;
}

static void udrv_lines_release(struct udrv_declaration *l)
{
	while (l->mapped)
		udrv_line_unmap(l->as.lines[--l->mapped]);
}

static void udrv_region_declare(struct udrv_region *r,
				const struct udrv_legacy_range *range)
{
	r->kind = range->kind;
	r->caps = UDRV_REGION_PROGRAM;
	r->start = range->start;
	r->size = range->bytes;
	/* What shares a page with it is not declared, so not given. */
	if (r->kind == UDRV_KIND_MEM && PAGE_ALIGNED(r->start) &&
	    PAGE_ALIGNED(r->size))
		r->caps |= UDRV_REGION_MMAP;
}

/* ------------------------------------------------------------ add and remove */

/* After the one of this name, or where it would be. */
static struct udrv_declaration *udrv_legacy_find(const char *name, bool next)
{
	struct udrv_declaration *l;
	int order;

	list_for_each_entry(l, &udrv_declarations, list) {
		order = strcmp(l->as.name, name);
		if (next ? order > 0 : !order)
			return l;
	}
	return NULL;
}

static void udrv_legacy_insert(struct udrv_declaration *l)
{
	struct udrv_declaration *after = udrv_legacy_find(l->as.name, true);

	list_add_tail(&l->list, after ? &after->list : &udrv_declarations);
}

/* They do not overlap, so two of them are both. */
static bool udrv_has_both_keyboard_ports(const struct udrv_legacy *as)
{
	u32 i, count = 0;

	for (i = 0; i < as->range_count; i++)
		count += udrv_keyboard_has(&as->ranges[i]);
	return count == 2;
}

static void udrv_legacy_revoke(struct udrv_device *d)
{
	device_lock(d->hw);
	udrv_device_revoke(d);
	device_unlock(d->hw);
}

static void udrv_legacy_free(struct udrv_declaration *l)
{
	udrv_lines_release(l);
	udrv_ranges_release(l);
	put_device(&l->d->dev);
	kfree(l);
}

/* udrv_legacy_lock is held. */
static int udrv_legacy_take(struct udrv_control *c, struct udrv_declaration *l)
{
	struct udrv_declaration *other;
	int ret;
	u32 i;

	if (udrv_legacy_find(l->as.name, false))
		return udrv_control_refuse(c, -EEXIST,
			"%s is declared already: remove it first", l->as.name);
	ret = udrv_declarations_meet(c, &l->as, &l->as);
	list_for_each_entry(other, &udrv_declarations, list)
		ret = ret ?: udrv_declarations_meet(c, &l->as, &other->as);
	for (i = 0; !ret && i < l->as.range_count; i++) {
		udrv_region_declare(&l->d->region[i], &l->as.ranges[i]);
		ret = udrv_range_request(c, l, i);
	}
	for (i = 0; !ret && i < l->as.line_count; i++)
		ret = udrv_line_declare(c, l, l->as.lines[i]);
	if (ret)
		return ret;
	if (udrv_has_both_keyboard_ports(&l->as))
		udrv_keyboard_save(l->d);
	ret = cdev_device_add(&l->d->cdev, &l->d->dev);
	if (ret)
		udrv_legacy_revoke(l->d);	/* it could be opened for a moment */
	return ret;
}

int udrv_legacy_add(struct udrv_control *c, const struct udrv_legacy *as)
{
	struct udrv_declaration *l;
	int ret;

	ret = udrv_legacy_check(c, as);
	if (ret)
		return ret;
	l = kzalloc(sizeof(*l), GFP_KERNEL);
	if (!l)
		return -ENOMEM;
	l->as = *as;
	snprintf(l->label, sizeof(l->label), "udrv-%s", l->as.name);
	l->d = udrv_device_alloc(NULL, l->as.name);
	if (IS_ERR(l->d)) {
		ret = PTR_ERR(l->d);
		kfree(l);
		return ret;
	}
	mutex_lock(&udrv_legacy_lock);
	ret = udrv_legacy_take(c, l);
	if (ret)
		udrv_legacy_free(l);
	else
		udrv_legacy_insert(l);
	mutex_unlock(&udrv_legacy_lock);
	return ret;
}

/* udrv_legacy_lock is held, so that the name is free when it is free here. */
static void udrv_legacy_end(struct udrv_declaration *l)
{
	list_del(&l->list);
	udrv_device_hide(l->d);
	udrv_legacy_revoke(l->d);
	udrv_legacy_free(l);
}

int udrv_legacy_remove(struct udrv_control *c, const char *name)
{
	struct udrv_declaration *l;
	int ret = 0;

	mutex_lock(&udrv_legacy_lock);
	l = udrv_legacy_find(name, false);
	if (l)
		udrv_legacy_end(l);
	else
		ret = udrv_control_refuse(c, -ENOENT, "no device '%s' is declared",
					  name);
	mutex_unlock(&udrv_legacy_lock);
	return ret;
}

int udrv_legacy_get(struct udrv_control *c, struct udrv_legacy *as, bool next)
{
	struct udrv_declaration *l;
	int ret = 0;

	mutex_lock(&udrv_legacy_lock);
	l = udrv_legacy_find(as->name, next);
	if (l)
		*as = l->as;
	else
		ret = udrv_control_refuse(c, -ENOENT, "no device is declared %s '%s'",
					  next ? "after" : "as", as->name);
	mutex_unlock(&udrv_legacy_lock);
	return ret;
}

/*
 * The kernel's driver is about to have the keyboard controller.  Who has it open
 * loses it, as a sibling in an IOMMU group would; the declaration stays.
 */
void udrv_legacy_evict_keyboard(void)
{
	struct udrv_declaration *l;

	mutex_lock(&udrv_legacy_lock);
	list_for_each_entry(l, &udrv_declarations, list) {
		if (!l->d->keyboard)
			continue;
		device_lock(l->d->hw);
		udrv_device_evict(l->d);
		device_unlock(l->d->hw);
	}
	mutex_unlock(&udrv_legacy_lock);
}

/* Nobody has anything open: the module could not be left. */
void udrv_legacy_exit(void)
{
	struct udrv_declaration *l, *next;

	list_for_each_entry_safe(l, next, &udrv_declarations, list)
		udrv_legacy_end(l);
}
