// SPDX-License-Identifier: GPL-2.0
/*
 * Declared devices: what is not PCI, and which nothing enumerates.
 *
 * Root says which ports, memory and lines a device is made of.  That is more
 * trust than binding a PCI device takes, since nobody can check it; so all
 * that can be checked is: nothing that anybody holds, nothing that is memory
 * or another device's registers.
 *
 * Ranges are held from the declaration on.  Lines are not: they are tried when
 * declared, and had when they are set up, since a line that nobody serves must
 * not be let through.
 */
#include <linux/ctype.h>
#include <linux/ioport.h>
#include <linux/list.h>
#include <linux/platform_device.h>
#include <linux/slab.h>
#include "compat.h"
#include "udrv_priv.h"

struct udrv_declaration {
	struct list_head list;		/* by name */
	struct udrv_legacy as;
	struct udrv_device *d;
	u32 held;			/* bit i: range i is requested */
	char label[sizeof("udrv-") + UDRV_LEGACY_NAME];
};

/* Who is declared, and adding and removing as a whole. */
static DEFINE_MUTEX(udrv_legacy_lock);
static LIST_HEAD(udrv_declarations);

static_assert(UDRV_LEGACY_LINES <= UDRV_MAX_LINES);
static_assert(UDRV_LEGACY_RANGES <= UDRV_REGION_ROM);

/* ---------------------------------------------------------------- what it says */

/* Text, and nothing behind its end. */
static bool udrv_text_ends(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size && !memchr_inv(text + length, 0, size - length);
}

/* Such a name is no path, and no PCI address. */
static bool udrv_name_is_good(const char *name)
{
	const char *c;

	if (!islower(name[0]) || !strcmp(name, "control"))
		return false;
	for (c = name; *c; c++)
		if (!islower(*c) && !isdigit(*c) && !strchr("_.-", *c))
			return false;
	return true;
}

static int udrv_check_texts(struct udrv_control *c, const struct udrv_legacy *as)
{
	const char *at;

	if (!udrv_text_ends(as->name, sizeof(as->name)) ||
	    !udrv_name_is_good(as->name))
		return udrv_control_refuse(c, -EINVAL,
			"a name is a small letter, then up to %d small letters, digits, '_', '.' and '-'; and not control",
			UDRV_LEGACY_NAME - 2);
	if (!udrv_text_ends(as->from, sizeof(as->from)))
		return udrv_control_refuse(c, -EINVAL,
			"from is a text of up to %d bytes", UDRV_LEGACY_FROM - 1);
	for (at = as->from; *at; at++)
		if (!isascii(*at) || !isgraph(*at))
			return udrv_control_refuse(c, -EINVAL,
				"from has a byte that does not print");
	return 0;
}

static int udrv_check_ports(struct udrv_control *c,
			    const struct udrv_legacy_range *r)
{
	u64 last = r->start + r->bytes - 1;

	if (r->start > IO_SPACE_LIMIT || last > IO_SPACE_LIMIT)
		return udrv_control_refuse(c, -EINVAL,
			"ports %#llx-%#llx: the last one is %#x", r->start, last,
			(unsigned int)IO_SPACE_LIMIT);
	/* Through these all devices' configuration can be reached. */
	if (r->start <= 0xcff && last >= 0xcf8)
		return udrv_control_refuse(c, -EPERM,
			"ports 0xcf8-0xcff are PCI configuration space, which is the kernel's");
	return 0;
}

/*
 * On x86 a write to 0xfee00000-0xfeefffff raises an interrupt, and the
 * processors' own controllers are there; the I/O APICs are in 0xfec00000-
 * 0xfecfffff (Intel 64 SDM volume 3, "Advanced Programmable Interrupt
 * Controller"; ICH9 data sheet 9.4, "Memory Map").  Not every kernel has a
 * holder for them in iomem.
 */
static bool udrv_is_interrupt_controller(const struct udrv_legacy_range *r)
{
	u64 last = r->start + r->bytes - 1;

	return IS_ENABLED(CONFIG_X86) &&
	       ((r->start <= 0xfeefffff && last >= 0xfee00000) ||
		(r->start <= 0xfecfffff && last >= 0xfec00000));
}

static int udrv_check_memory(struct udrv_control *c,
			     const struct udrv_legacy_range *r)
{
	u64 last = r->start + r->bytes - 1;

	if (last < r->start || last > iomem_resource.end)
		return udrv_control_refuse(c, -EINVAL,
			"memory %#llx-%#llx: the last address is %pa", r->start,
			last, &iomem_resource.end);
	if (udrv_is_interrupt_controller(r))
		return udrv_control_refuse(c, -EPERM,
			"memory %#llx-%#llx: the interrupt controllers are there, which are the kernel's",
			r->start, last);
	if (region_intersects(r->start, r->bytes, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT)
		return udrv_control_refuse(c, -EPERM,
			"memory %#llx-%#llx is RAM, not a device", r->start, last);
	/* Its tables, and what its run-time services live in. */
	if (region_intersects(r->start, r->bytes, IORESOURCE_MEM,
			      IORES_DESC_RESERVED) != REGION_DISJOINT)
		return udrv_control_refuse(c, -EPERM,
			"memory %#llx-%#llx: the firmware reserves it for itself",
			r->start, last);
	return 0;
}

static int udrv_check_range(struct udrv_control *c,
			    const struct udrv_legacy_range *r)
{
	if (r->reserved)
		return udrv_control_refuse(c, -EINVAL, "reserved is not 0");
	if (!r->bytes || r->bytes > UDRV_MMAP_WC)
		return udrv_control_refuse(c, -EINVAL,
			"a range of %llu bytes: 1 to 2^39", r->bytes);
	switch (r->kind) {
	case UDRV_KIND_PORTS:
		return udrv_check_ports(c, r);
	case UDRV_KIND_MEM:
		return udrv_check_memory(c, r);
	default:
		return udrv_control_refuse(c, -EINVAL,
			"a range of kind %u: ports or memory", r->kind);
	}
}

static int udrv_check_counts(struct udrv_control *c, const struct udrv_legacy *as)
{
	u32 ranges = as->range_count, lines = as->line_count;

	if (ranges > UDRV_LEGACY_RANGES || lines > UDRV_LEGACY_LINES)
		return udrv_control_refuse(c, -E2BIG,
			"%u ranges and %u lines: at most %d and %d", ranges,
			lines, UDRV_LEGACY_RANGES, UDRV_LEGACY_LINES);
	if (!ranges)
		return udrv_control_refuse(c, -EINVAL,
			"a device without ports or memory could not be driven");
	if (memchr_inv(&as->ranges[ranges], 0,
		       (UDRV_LEGACY_RANGES - ranges) * sizeof(as->ranges[0])) ||
	    memchr_inv(&as->lines[lines], 0,
		       (UDRV_LEGACY_LINES - lines) * sizeof(as->lines[0])))
		return udrv_control_refuse(c, -EINVAL,
			"a range or line beyond the counts is not 0");
	return 0;
}

/* All that needs no lock. */
static int udrv_check_declaration(struct udrv_control *c,
				  const struct udrv_legacy *as)
{
	int ret;
	u32 i;

	ret = udrv_check_texts(c, as);
	if (!ret)
		ret = udrv_check_counts(c, as);
	for (i = 0; !ret && i < as->range_count; i++)
		ret = udrv_check_range(c, &as->ranges[i]);
	for (i = 0; !ret && i < as->line_count; i++)
		if (as->lines[i] > INT_MAX || !udrv_line_exists(as->lines[i]))
			ret = udrv_control_refuse(c, -ENXIO,
				"this machine has no interrupt line %u for devices: those of the ISA bus are 0 to 15, without 2",
				as->lines[i]);
	return ret;
}

/* ------------------------------------------------------------- who else has it */

static bool udrv_ranges_meet(const struct udrv_legacy_range *a,
			     const struct udrv_legacy_range *b)
{
	return a->kind == b->kind && a->start <= b->start + b->bytes - 1 &&
	       b->start <= a->start + a->bytes - 1;
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
			if (a->lines[i] == b->lines[k])
				return udrv_control_refuse(c, -EBUSY,
					"line %u is also in the declaration of %s",
					a->lines[i], b->name);
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

/*
 * The ports of the PC's keyboard controller are reserved from boot on, and
 * nobody asks for them, not even the driver that uses them.  So the only sign
 * is whether that driver has its device.
 */
static bool udrv_is_keyboard(const struct udrv_legacy_range *r)
{
	return IS_ENABLED(CONFIG_X86) && r->kind == UDRV_KIND_PORTS &&
	       r->bytes == 1 && (r->start == 0x60 || r->start == 0x64);
}

bool udrv_keyboard_driven(void)
{
	struct device *dev;
	bool driven;

	dev = bus_find_device_by_name(&platform_bus_type, NULL, "i8042");
	driven = dev && READ_ONCE(dev->driver);
	put_device(dev);
	return driven;
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
	if (udrv_is_keyboard(r)) {
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
			     int irq)
{
	int ret = udrv_line_try(irq, l->label);

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

static void udrv_legacy_revoke(struct udrv_device *d)
{
	device_lock(d->hw);
	udrv_device_revoke(d);
	device_unlock(d->hw);
}

static void udrv_legacy_free(struct udrv_declaration *l)
{
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
	ret = cdev_device_add(&l->d->cdev, &l->d->dev);
	if (ret)
		udrv_legacy_revoke(l->d);	/* it could be opened for a moment */
	return ret;
}

int udrv_legacy_add(struct udrv_control *c, const struct udrv_legacy *as)
{
	struct udrv_declaration *l;
	int ret;

	ret = udrv_check_declaration(c, as);
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
	cdev_device_del(&l->d->cdev, &l->d->dev);
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

/* Nobody has anything open: the module could not be left. */
void udrv_legacy_exit(void)
{
	struct udrv_declaration *l, *next;

	list_for_each_entry_safe(l, next, &udrv_declarations, list)
		udrv_legacy_end(l);
}
