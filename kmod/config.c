// SPDX-License-Identifier: GPL-2.0
/*
 * Configuration space.  Reads are free; a byte is writable only if it is on
 * the list made here when the device is bound.  What the list leaves out is
 * the kernel's: the command register, BARs, MSI and MSI-X, power management,
 * PCI Express control (function-level reset), ATS, PRI, PASID, VPD.
 */
#include "compat.h"
#include "udrv_priv.h"

static void udrv_config_allow(struct udrv_device *d, u32 offset, u32 length)
{
	if (offset < d->pdev->cfg_size)
		bitmap_set(d->config_writable, offset,
			   min_t(u32, length, d->pdev->cfg_size - offset));
}

static void udrv_config_refuse(struct udrv_device *d, u32 offset, u32 length)
{
	if (offset < d->pdev->cfg_size)
		bitmap_clear(d->config_writable, offset,
			     min_t(u32, length, d->pdev->cfg_size - offset));
}

/*
 * How long a capability is, generously: whatever lies between it and the next
 * one belongs to it.
 */
static u32 udrv_capability_end(struct udrv_device *d, const u8 *starts, int count,
			       u8 start)
{
	u32 end = PCI_CFG_SPACE_SIZE;
	int i;

	for (i = 0; i < count; i++)
		if (starts[i] > start)
			end = min_t(u32, end, starts[i]);
	return end;
}

/* Sizes by the PCI specifications; 0: the capability tells, or is unknown. */
static u32 udrv_capability_size(struct udrv_device *d, u8 id, u8 at)
{
	u16 flags;

	switch (id) {
	case PCI_CAP_ID_PM:
		return PCI_PM_SIZEOF;
	case PCI_CAP_ID_VPD:
		return PCI_CAP_VPD_SIZEOF;
	case PCI_CAP_ID_MSI:
		pci_read_config_word(d->pdev, at + PCI_MSI_FLAGS, &flags);
		return (flags & PCI_MSI_FLAGS_64BIT ? 16 : 12) +
		       (flags & PCI_MSI_FLAGS_MASKBIT ? 8 : 0);
	case PCI_CAP_ID_MSIX:
		return PCI_CAP_MSIX_SIZEOF;
	case PCI_CAP_ID_EXP:
		return PCI_EXP_SLTSTA2 + 2;	/* version 2, whatever it is */
	case PCI_CAP_ID_AF:
		return PCI_CAP_AF_SIZEOF;
	case PCI_CAP_ID_VNDR:
		return 3;	/* its header; the rest is the vendor's */
	default:
		return 0;
	}
}

/* The standard space: device-specific bytes are the driver's. */
static void udrv_config_capabilities(struct udrv_device *d)
{
	u8 starts[48], ids[48], at;
	int count = 0, i;
	u32 size;

	pci_read_config_byte(d->pdev, PCI_CAPABILITY_LIST, &at);
	while (at >= PCI_STD_HEADER_SIZEOF && count < ARRAY_SIZE(starts)) {
		at &= ~3;
		pci_read_config_byte(d->pdev, at, &ids[count]);
		starts[count++] = at;
		pci_read_config_byte(d->pdev, at + PCI_CAP_LIST_NEXT, &at);
	}
	udrv_config_allow(d, PCI_STD_HEADER_SIZEOF,
			  PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF);
	for (i = 0; i < count; i++) {
		size = udrv_capability_size(d, ids[i], starts[i]);
		if (!size)
			size = udrv_capability_end(d, starts, count, starts[i]) -
			       starts[i];
		udrv_config_refuse(d, starts[i], size);
	}
}

/* What the allow-list opened, for a device that could not be reset. */
void udrv_config_restore(struct udrv_device *d)
{
	u32 i;
	u8 now;

	for (i = PCI_STD_HEADER_SIZEOF; i < PCI_CFG_SPACE_SIZE; i++) {
		if (!test_bit(i, d->config_writable))
			continue;
		pci_read_config_byte(d->pdev, i, &now);
		if (now != d->config[i])
			pci_write_config_byte(d->pdev, i, d->config[i]);
	}
}

void udrv_config_bind(struct udrv_device *d)
{
	u16 status;
	u32 i;

	for (i = 0; i < PCI_CFG_SPACE_SIZE; i++)
		pci_read_config_byte(d->pdev, i, &d->config[i]);
	udrv_config_allow(d, PCI_STATUS, 2);	/* error bits, cleared by ones */
	udrv_config_allow(d, PCI_CACHE_LINE_SIZE, 1);
	udrv_config_allow(d, PCI_LATENCY_TIMER, 1);
	pci_read_config_word(d->pdev, PCI_STATUS, &status);
	if (status & PCI_STATUS_CAP_LIST)
		udrv_config_capabilities(d);
	else
		udrv_config_allow(d, PCI_STD_HEADER_SIZEOF,
				  PCI_CFG_SPACE_SIZE - PCI_STD_HEADER_SIZEOF);
}

/* Called with offset and width inside the space. */
int udrv_config_check(struct udrv_open *o, u64 offset, u32 width, bool write)
{
	u32 i;

	for (i = 0; write && i < width; i++)
		if (!test_bit(offset + i, o->d->config_writable))
			return udrv_refuse(o, -EPERM,
				"configuration byte %#llx is the kernel's: use UDRV_BUS_MASTER, UDRV_IRQ_SETUP or UDRV_RESET for what it does",
				offset + i);
	return 0;
}

u32 udrv_config_read(struct udrv_device *d, u32 offset, u32 width)
{
	u32 value = 0;
	u16 word;
	u8 byte;

	switch (width) {
	case 1:
		pci_read_config_byte(d->pdev, offset, &byte);
		return byte;
	case 2:
		pci_read_config_word(d->pdev, offset, &word);
		return word;
	default:
		pci_read_config_dword(d->pdev, offset, &value);
		return value;
	}
}

void udrv_config_write(struct udrv_device *d, u32 offset, u32 width, u32 value)
{
	switch (width) {
	case 1:
		pci_write_config_byte(d->pdev, offset, value);
		break;
	case 2:
		pci_write_config_word(d->pdev, offset, value);
		break;
	default:
		pci_write_config_dword(d->pdev, offset, value);
		break;
	}
}
