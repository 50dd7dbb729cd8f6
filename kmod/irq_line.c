// SPDX-License-Identifier: GPL-2.0
/*
 * Legacy lines: interrupts that a device has by convention, where no register
 * of it says so.  They come from here only; a caller cannot name one.
 *
 * A declaration may also name a line above the ISA bus's, by ACPI's number; the
 * kernel then sets it up, and keeps it so as long as somebody has it registered.
 *
 * Nobody can share such a line: whoever else is on it does not expect us.  An
 * edge is counted like a message and never masked but by a storm; a level is
 * masked until somebody reads, unless a rule acknowledges it.
 */
#include <linux/acpi.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include "irq.h"

#ifdef CONFIG_X86
#include <asm/i8259.h>

/* Only where there is an ISA bus, or a stand-in, are its lines Linux's 0-15. */
bool udrv_line_exists(int irq)
{
	return irq < nr_legacy_irqs() && irq != PIC_CASCADE_IR;
}

u32 udrv_lines_of_isa(void)
{
	return nr_legacy_irqs();
}
#else
bool udrv_line_exists(int irq)
{
	return false;
}

u32 udrv_lines_of_isa(void)
{
	return 0;
}
#endif

/* Elsewhere registering a GSI is not counted, and letting go would be for all. */
#if defined(CONFIG_ACPI) && defined(CONFIG_X86)
/* Linux's number for a declared line, or -errno: EBUSY, it fires otherwise. */
int udrv_line_map(u32 line)
{
	int irq;

	if (!(line & UDRV_LINE_GSI))
		return line;
	if (acpi_disabled)
		return -ENXIO;
	irq = acpi_register_gsi(NULL, line & UDRV_LINE_NUMBER,
			line & UDRV_LINE_LEVEL ? ACPI_LEVEL_SENSITIVE :
						 ACPI_EDGE_SENSITIVE,
			line & UDRV_LINE_LOW ? ACPI_ACTIVE_LOW :
					       ACPI_ACTIVE_HIGH);
	/*
	 * The firmware's detour for an ISA line, to be declared by its ISA number;
	 * and without an I/O APIC numbers from 16 on are messages of devices.
	 */
	if (irq >= 0 && (irq < nr_legacy_irqs() || irq_get_msi_desc(irq))) {
		acpi_unregister_gsi(line & UDRV_LINE_NUMBER);
		return -ENXIO;
	}
	return irq;
}

/* Nobody of us has it any more. */
void udrv_line_unmap(u32 line)
{
	if (line & UDRV_LINE_GSI)
		acpi_unregister_gsi(line & UDRV_LINE_NUMBER);
}
#else
int udrv_line_map(u32 line)
{
	return line & UDRV_LINE_GSI ? -ENXIO : (int)line;
}

void udrv_line_unmap(u32 line)
{
}
#endif

/* Whatever comes, nobody serves it. */
static irqreturn_t udrv_line_unserved(int irq, void *data)
{
	disable_irq_nosync(irq);
	return IRQ_HANDLED;
}

/* Can this line be had, now?  @name is for /proc/interrupts. */
int udrv_line_try(int irq, const char *name)
{
	int ret;

	ret = request_irq(irq, udrv_line_unserved, IRQF_PROBE_SHARED, name,
			  &udrv_minors);
	if (!ret)
		free_irq(irq, &udrv_minors);
	return ret;
}

static void udrv_line_add(struct udrv_device *d, int irq)
{
	if (udrv_line_exists(irq) && d->lines < ARRAY_SIZE(d->line))
		d->line[d->lines++] = irq;
}

/*
 * PCI IDE Controller Specification 1.0, 2.1: a channel in compatibility mode
 * has the AT's ports and line; prog-if bits 0 and 2 say which are in native
 * mode instead, where the function has INTx.
 */
#define UDRV_IDE_NATIVE_0	BIT(0)
#define UDRV_IDE_NATIVE_1	BIT(2)

void udrv_lines_count(struct udrv_device *d)
{
	u32 class = d->pdev->class;

	if (class >> 8 != PCI_CLASS_STORAGE_IDE)
		return;
	if (!(class & UDRV_IDE_NATIVE_0))
		udrv_line_add(d, 14);
	if (!(class & UDRV_IDE_NATIVE_1))
		udrv_line_add(d, 15);
}

/*
 * ICH's INTx-disable bit holds the ISA lines back too.  Not with a channel in
 * native mode: that would raise an INTx which nobody handles.
 */
static bool udrv_lines_want_intx(const struct pci_dev *pdev)
{
	return pdev && !(pdev->class & (UDRV_IDE_NATIVE_0 | UDRV_IDE_NATIVE_1));
}

/* How does this line behave?  Asked each time: firmware or ACPI may say. */
int udrv_vector_line(struct udrv_open *o, struct udrv_vector *v)
{
	struct irq_data *data;

	v->irq = o->d->line[v->index];
	data = irq_get_irq_data(v->irq);
	if (!data)
		return udrv_line_refuse(o, v, -EINVAL);
	v->level = irqd_is_level_type(data);
	v->intx = !v->index && udrv_lines_want_intx(o->d->pdev);
	return 0;
}

int udrv_line_refuse(struct udrv_open *o, const struct udrv_vector *v, int error)
{
	if (error == -EBUSY)
		return udrv_refuse(o, error,
			"interrupt line %d has another holder, and such lines are not shared; /proc/interrupts names it",
			v->irq);
	if (error == -ENOMEM)
		return error;
	return udrv_refuse(o, -ENXIO,
			   "this machine has no interrupt line %d for devices (%d)",
			   v->irq, error);
}
