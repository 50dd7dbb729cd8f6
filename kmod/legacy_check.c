// SPDX-License-Identifier: GPL-2.0
/* Declared devices: is it a declaration, and may anybody have what it names? */
#include <linux/ctype.h>
#include <linux/ioport.h>
#include <linux/security.h>
#include "udrv_priv.h"

static_assert(UDRV_LEGACY_LINES <= UDRV_MAX_LINES);
static_assert(UDRV_LEGACY_RANGES <= UDRV_REGION_ROM);

/* Text, and nothing behind its end. */
static bool udrv_text_ends(const char *text, size_t size)
{
	size_t length = strnlen(text, size);

	return length < size && !memchr_inv(text + length, 0, size - length);
}

/* ASCII: islower() knows more letters. */
static bool udrv_is_small(char c)
{
	return c >= 'a' && c <= 'z';
}

/* Such a name is no path, and no PCI address. */
static bool udrv_name_is_good(const char *name)
{
	const char *c;

	if (!udrv_is_small(name[0]) || !strcmp(name, "control"))
		return false;
	for (c = name; *c; c++)
		if (!udrv_is_small(*c) && !isdigit(*c) && !strchr("_.-", *c))
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

/*
 * What the kernel and the firmware use without having asked for it.  Through
 * the first all devices' configuration can be reached; the next two turn
 * interrupts off and lines from edge to level (MultiProcessor Specification
 * 1.4, 3.6.2; ICH9 data sheet, 13.4); the last calls the firmware.
 */
static const struct {
	u16 first, last;
	const char *what;
} udrv_ports_of_kernel[] = {
	{ 0xcf8, 0xcff, "PCI configuration space" },
	{ 0x022, 0x023, "the interrupt controllers' mode" },
	{ 0x4d0, 0x4d1, "the interrupt controllers' edge and level" },
	{ 0x0b2, 0x0b3, "the firmware's system management" },
};

static int udrv_check_ports(struct udrv_control *c,
			    const struct udrv_legacy_range *r)
{
	u64 last = r->start + r->bytes - 1;
	u32 i;

	if (r->start > IO_SPACE_LIMIT || last > IO_SPACE_LIMIT)
		return udrv_control_refuse(c, -EINVAL,
			"ports %#llx-%#llx: the last one is %#x", r->start, last,
			(unsigned int)IO_SPACE_LIMIT);
	for (i = 0; IS_ENABLED(CONFIG_X86) &&
	     i < ARRAY_SIZE(udrv_ports_of_kernel); i++)
		if (r->start <= udrv_ports_of_kernel[i].last &&
		    last >= udrv_ports_of_kernel[i].first)
			return udrv_control_refuse(c, -EPERM,
				"ports %#x-%#x are %s, which is not for drivers",
				udrv_ports_of_kernel[i].first,
				udrv_ports_of_kernel[i].last,
				udrv_ports_of_kernel[i].what);
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

/* What root may not do with /dev/port and /dev/mem it may not do by us either. */
static int udrv_check_lockdown(struct udrv_control *c,
			       const struct udrv_legacy_range *r)
{
	bool ports = r->kind == UDRV_KIND_PORTS;

	if (!security_locked_down(ports ? LOCKDOWN_IOPORT : LOCKDOWN_DEV_MEM))
		return 0;
	return udrv_control_refuse(c, -EPERM,
		"the kernel is locked down (Secure Boot, or lockdown= on its command line): nobody may reach %s directly; PCI devices behind an IOMMU still can be driven",
		ports ? "ports" : "memory");
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

/* Of the ISA bus, by its number alone; or above it, and said how it fires. */
static int udrv_check_line(struct udrv_control *c, u32 line)
{
	u32 number = line & UDRV_LINE_NUMBER;

	if (line & (UDRV_LINE_LEVEL | UDRV_LINE_LOW) && !(line & UDRV_LINE_GSI))
		return udrv_control_refuse(c, -EINVAL,
			"line %u has a trigger or polarity without UDRV_LINE_GSI",
			number);
	if (line & UDRV_LINE_GSI && number < udrv_lines_of_isa())
		return udrv_control_refuse(c, -EINVAL,
			"line %u is the ISA bus's: the firmware says how those fire",
			number);
	if (line & UDRV_LINE_GSI || udrv_line_exists(number))
		return 0;
	return udrv_control_refuse(c, -ENXIO,
		"this machine has no interrupt line %u for devices: those of the ISA bus are 0 to 15, without 2; others need to be said how they fire",
		number);
}

/* All that can be said of it whatever else is declared. */
int udrv_legacy_check(struct udrv_control *c, const struct udrv_legacy *as)
{
	int ret;
	u32 i;

	ret = udrv_check_texts(c, as);
	if (!ret)
		ret = udrv_check_counts(c, as);
	for (i = 0; !ret && i < as->range_count; i++)
		ret = udrv_check_range(c, &as->ranges[i]) ?:
		      udrv_check_lockdown(c, &as->ranges[i]);
	for (i = 0; !ret && i < as->line_count; i++)
		ret = udrv_check_line(c, as->lines[i]);
	return ret;
}
