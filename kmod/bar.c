// SPDX-License-Identifier: GPL-2.0
/*
 * Regions: what the device has, who may touch which byte, and mmap.
 *
 * BAR mappings are filled by faults, never by mmap() itself: a fault sees a
 * mapping that unmap_mapping_range() would find, so that revocation misses
 * none.  A fault fills a window, so that a large BAR costs few of them.
 */
#include <linux/io.h>
#include <linux/nospec.h>
#include "compat.h"
#include "irq.h"
#include "udrv_priv.h"

static void udrv_find_msix_table(struct udrv_device *d)
{
	struct udrv_region *r;
	u16 control;
	u32 table;

	if (!d->pdev->msix_cap)
		return;
	pci_read_config_word(d->pdev, d->pdev->msix_cap + PCI_MSIX_FLAGS, &control);
	pci_read_config_dword(d->pdev, d->pdev->msix_cap + PCI_MSIX_TABLE, &table);
	if ((table & PCI_MSIX_TABLE_BIR) >= PCI_STD_NUM_BARS)
		return;
	r = &d->region[table & PCI_MSIX_TABLE_BIR];
	r->hole_offset = table & PCI_MSIX_TABLE_OFFSET;
	r->hole_size = ((control & PCI_MSIX_FLAGS_QSIZE) + 1) * PCI_MSIX_ENTRY_SIZE;
	r->caps |= UDRV_REGION_HOLE;
	r->caps &= ~UDRV_REGION_WC;	/* the kernel maps it uncached */
}

/*
 * A page is the least that can be mapped: whatever shares it would be mapped
 * too.  So a smaller BAR is mappable only if we can reserve the rest.
 */
static bool udrv_reserve_page(struct udrv_region *r, struct resource *bar)
{
	if (r->start & ~PAGE_MASK || r->size > UDRV_MMAP_WC)
		return false;
	if (r->size >= PAGE_SIZE)
		return true;
	r->rest.name = "udrv";
	r->rest.start = r->start + r->size;
	r->rest.end = r->start + PAGE_SIZE - 1;
	r->rest.flags = bar->flags;
	if (!bar->parent || request_resource(bar->parent, &r->rest)) {
		r->rest.start = 0;
		return false;
	}
	return true;
}

static int udrv_bar_bind(struct udrv_device *d, int i)
{
	struct resource *bar = &d->pdev->resource[i];
	struct udrv_region *r = &d->region[i];
	int ret;

	if (!pci_resource_len(d->pdev, i) || bar->flags & IORESOURCE_UNSET)
		return 0;
	ret = pci_request_region(d->pdev, i, "udrv");
	if (ret) {
		pci_err(d->pdev, "udrv: BAR %d %pR is taken; /proc/iomem and /proc/ioports name the holder\n",
			i, bar);
		return ret;
	}
	r->start = pci_resource_start(d->pdev, i);
	r->size = pci_resource_len(d->pdev, i);
	r->caps |= UDRV_REGION_PROGRAM;
	if (bar->flags & IORESOURCE_IO) {
		r->kind = UDRV_KIND_PORTS;
		return 0;
	}
	r->kind = UDRV_KIND_MEM;
	if (udrv_reserve_page(r, bar)) {
		r->caps |= UDRV_REGION_MMAP;
		if (bar->flags & IORESOURCE_PREFETCH)
			r->caps |= UDRV_REGION_WC;
	}
	return 0;
}

static void udrv_bar_unbind(struct udrv_device *d, int i)
{
	struct udrv_region *r = &d->region[i];

	if (r->kind == UDRV_KIND_NONE)
		return;
	if (r->rest.start)
		release_resource(&r->rest);
	pci_release_region(d->pdev, i);
}

int udrv_regions_bind(struct udrv_device *d)
{
	struct udrv_region *r;
	int ret, i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++) {
		ret = udrv_bar_bind(d, i);
		if (ret) {
			while (i--)
				udrv_bar_unbind(d, i);
			return ret;
		}
	}
	udrv_find_msix_table(d);

	r = &d->region[UDRV_REGION_ROM];
	r->size = d->pdev->resource[PCI_ROM_RESOURCE].parent ?
		  pci_resource_len(d->pdev, PCI_ROM_RESOURCE) : 0;
	if (r->size) {
		r->kind = UDRV_KIND_ROM;
		r->caps = UDRV_REGION_PROGRAM | UDRV_REGION_READ_ONLY;
	}
	r = &d->region[UDRV_REGION_CONFIG];
	r->size = d->pdev->cfg_size;
	r->kind = UDRV_KIND_CONFIG;
	r->caps = UDRV_REGION_PROGRAM;
	return 0;
}

void udrv_regions_unbind(struct udrv_device *d)
{
	int i;

	for (i = 0; i < PCI_STD_NUM_BARS; i++)
		udrv_bar_unbind(d, i);
}

/* May this open touch these bytes?  One answer for programs and for rules. */
int udrv_region_check(struct udrv_open *o, u32 region, u64 offset, u64 width,
		      bool write)
{
	struct udrv_region *r;

	if (region >= UDRV_REGION_COUNT ||
	    o->d->region[region].kind == UDRV_KIND_NONE)
		return udrv_refuse(o, -ENXIO, "the device has no region %u",
				   region);
	region = array_index_nospec(region, UDRV_REGION_COUNT);
	r = &o->d->region[region];
	if (width != 1 && width != 2 && width != 4 &&
	    !(width == 8 && r->kind == UDRV_KIND_MEM))
		return udrv_refuse(o, -EINVAL,
			"width %llu: 1, 2 or 4 bytes, 8 in memory only", width);
	if (offset % width)
		return udrv_refuse(o, -EINVAL,
			"region %u offset %#llx is not aligned to its width %llu",
			region, offset, width);
	if (offset >= r->size || r->size - offset < width)
		return udrv_refuse(o, -EINVAL,
			"region %u offset %#llx is outside its %llu bytes",
			region, offset, r->size);
	if (write && r->caps & UDRV_REGION_READ_ONLY)
		return udrv_refuse(o, -EPERM, "region %u is read-only", region);
	if (r->kind == UDRV_KIND_CONFIG)
		return udrv_config_check(o, offset, width, write);
	if (offset + width > r->hole_offset &&
	    offset < r->hole_offset + r->hole_size)
		return udrv_refuse(o, -EPERM,
			"region %u offset %#llx is in the MSI-X table, which is the kernel's: use UDRV_IRQ_SETUP",
			region, offset);
	return 0;
}

/*
 * The first use of a region decides its caching: the processor must not see
 * one register through both.  d->lock is held for writing.
 */
static int udrv_region_caching(struct udrv_open *o, struct udrv_region *r,
			       enum udrv_caching caching)
{
	int ret;

	if (r->caching == caching)
		return 0;
	if (r->caching != UDRV_UNSET)
		return udrv_refuse(o, -EBUSY,
			"this region is in use %s already, and caching is one for a region: close the device first, or map it alike",
			r->caching == UDRV_COMBINED ? "write-combining" : "uncached");
	if (caching == UDRV_COMBINED) {
		ret = arch_io_reserve_memtype_wc(r->start, r->size);
		if (ret)
			return udrv_refuse(o, ret,
				"the kernel has this memory mapped with another caching");
	}
	r->caching = caching;
	return 0;
}

/* pci_map_rom() would believe what the ROM says of its own length. */
static void __iomem *udrv_rom_iomap(struct udrv_device *d)
{
	struct resource *rom = &d->pdev->resource[PCI_ROM_RESOURCE];
	void __iomem *iomem;

	if (pci_enable_rom(d->pdev))
		return NULL;
	iomem = ioremap(rom->start, resource_size(rom));
	if (!iomem)
		pci_disable_rom(d->pdev);
	return iomem;
}

static void __iomem *udrv_region_iomap(struct udrv_device *d, u32 region)
{
	struct udrv_region *r = &d->region[region];

	if (r->kind == UDRV_KIND_ROM)
		return udrv_rom_iomap(d);
	if (r->kind == UDRV_KIND_PORTS)
		return ioport_map(r->start, r->size);
	if (r->caching == UDRV_COMBINED)
		return ioremap_wc(r->start, r->size);
	return ioremap(r->start, r->size);
}

static void udrv_region_iounmap(struct udrv_device *d, struct udrv_region *r)
{
	if (r->kind == UDRV_KIND_PORTS)
		ioport_unmap(r->iomem);
	else
		iounmap(r->iomem);
	if (r->kind == UDRV_KIND_ROM)
		pci_disable_rom(d->pdev);
}

/* Make a region reachable for the kernel, if it is not yet. */
int udrv_region_open(struct udrv_open *o, u32 region)
{
	struct udrv_device *d = o->d;
	struct udrv_region *r = &d->region[region];
	int ret = 0;

	if (r->kind == UDRV_KIND_CONFIG || READ_ONCE(r->iomem))
		return 0;
	down_write(&d->lock);
	if (o->dead)
		ret = -ENODEV;
	else if (r->kind == UDRV_KIND_MEM && r->caching == UDRV_UNSET)
		ret = udrv_region_caching(o, r, UDRV_UNCACHED);
	if (!ret && !r->iomem) {
		r->iomem = udrv_region_iomap(d, region);
		if (!r->iomem)
			ret = udrv_refuse(o, -ENOMEM,
					  "cannot map region %u into the kernel",
					  region);
	}
	up_write(&d->lock);
	return ret;
}

/* The end of an open.  d->lock is held for writing, interrupts are off. */
void udrv_regions_close(struct udrv_open *o)
{
	struct udrv_device *d = o->d;
	struct udrv_region *r;
	int i;

	for (i = 0; i < UDRV_REGION_COUNT; i++) {
		r = &d->region[i];
		if (r->iomem)
			udrv_region_iounmap(d, r);
		r->iomem = NULL;
		if (r->caching == UDRV_COMBINED)
			arch_io_free_memtype_wc(r->start, r->size);
		r->caching = UDRV_UNSET;
	}
}

/* Take all BAR mappings away; the next touch faults and asks again. */
void udrv_regions_zap(struct udrv_open *o)
{
	unmap_mapping_range(o->mapping, 0,
			    (loff_t)UDRV_REGION_COUNT << UDRV_MMAP_REGION_SHIFT, 1);
}

/*
 * Fill the window around a fault with consecutive frames: page @first_pgoff
 * of the file is frame @first_pfn.
 */
vm_fault_t udrv_fault_pfns(struct vm_fault *vmf, unsigned long first_pfn,
			   unsigned long pages, pgoff_t first_pgoff,
			   pgprot_t prot)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long address = vmf->address & PAGE_MASK;
	unsigned long start, end;
	vm_fault_t ret;

	if (vmf->pgoff - first_pgoff >= pages)
		return VM_FAULT_SIGBUS;
	ret = vmf_insert_pfn_prot(vma, address,
				  first_pfn + (vmf->pgoff - first_pgoff), prot);
	if (ret != VM_FAULT_NOPAGE)
		return ret;
	start = max(vma->vm_start, ALIGN_DOWN(address, UDRV_FAULT_WINDOW));
	end = min(vma->vm_end, ALIGN_DOWN(address, UDRV_FAULT_WINDOW) +
		  UDRV_FAULT_WINDOW);
	for (; start < end; start += PAGE_SIZE) {
		pgoff_t page = vma->vm_pgoff - first_pgoff +
			       ((start - vma->vm_start) >> PAGE_SHIFT);

		if (start == address || page >= pages)
			continue;
		/* Not needed yet, so no matter if it fails. */
		if (vmf_insert_pfn_prot(vma, start, first_pfn + page, prot) !=
		    VM_FAULT_NOPAGE)
			break;
	}
	return VM_FAULT_NOPAGE;
}

/*
 * What a revoked mapping shows: a page of ones, this open's own, so that
 * reads look like a device that is gone and writes hurt nobody.
 */
vm_fault_t udrv_fault_ones(struct vm_fault *vmf, struct udrv_open *o)
{
	return vmf_insert_pfn_prot(vmf->vma, vmf->address & PAGE_MASK,
				   page_to_pfn(o->ones),
				   vm_get_page_prot(vmf->vma->vm_flags));
}

static vm_fault_t udrv_bar_fault(struct vm_fault *vmf)
{
	struct udrv_open *o = vmf->vma->vm_private_data;
	u64 offset = (u64)vmf->pgoff << PAGE_SHIFT;
	struct udrv_region *r;
	vm_fault_t ret;

	r = &o->d->region[offset >> UDRV_MMAP_REGION_SHIFT];
	down_read(&o->d->lock);
	/* A foreign reset takes these away again when it is over. */
	if (udrv_usable(o))
		ret = udrv_fault_ones(vmf, o);
	else
		ret = udrv_fault_pfns(vmf, PHYS_PFN(r->start),
			PHYS_PFN(ALIGN(r->size, PAGE_SIZE)),
			PHYS_PFN(offset & ~((1ull << UDRV_MMAP_REGION_SHIFT) - 1)) +
			(offset & UDRV_MMAP_WC ? PHYS_PFN(UDRV_MMAP_WC) : 0),
			vmf->vma->vm_page_prot);
	up_read(&o->d->lock);
	return ret;
}

static const struct vm_operations_struct udrv_bar_vm_ops = {
	.fault = udrv_bar_fault,
};

static int udrv_bar_mmap_check(struct udrv_open *o, u64 offset, u64 length)
{
	struct udrv_region *r = &o->d->region[offset >> UDRV_MMAP_REGION_SHIFT];
	u64 start = offset & (UDRV_MMAP_WC - 1);
	u64 size = ALIGN(r->size, PAGE_SIZE);

	if (!(r->caps & UDRV_REGION_MMAP))
		return udrv_refuse(o, -ENXIO,
			"region %llu cannot be mapped%s", offset >> UDRV_MMAP_REGION_SHIFT,
			r->caps & UDRV_REGION_PROGRAM ? ": use UDRV_IO" : "");
	if (offset & UDRV_MMAP_WC && !(r->caps & UDRV_REGION_WC))
		return udrv_refuse(o, -EINVAL,
			"region %llu is not prefetchable: no write-combining",
			offset >> UDRV_MMAP_REGION_SHIFT);
	if (start >= size || length > size - start)
		return udrv_refuse(o, -EINVAL,
			"mapping of %llu bytes at %#llx ends outside the region's %llu bytes",
			length, start, r->size);
	if (r->hole_size && start + length > ALIGN_DOWN(r->hole_offset, PAGE_SIZE) &&
	    start < ALIGN(r->hole_offset + r->hole_size, PAGE_SIZE))
		return udrv_refuse(o, -EPERM,
			"the mapping touches a page of the MSI-X table at %#llx, which is the kernel's",
			r->hole_offset);
	return 0;
}

static int udrv_bar_mmap(struct udrv_open *o, struct vm_area_struct *vma)
{
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;
	struct udrv_region *r = &o->d->region[offset >> UDRV_MMAP_REGION_SHIFT];
	bool combined = offset & UDRV_MMAP_WC;
	int ret;

	ret = udrv_bar_mmap_check(o, offset, vma->vm_end - vma->vm_start);
	if (ret)
		return ret;
	down_write(&o->d->lock);
	ret = o->dead ? -ENODEV :
	      udrv_region_caching(o, r, combined ? UDRV_COMBINED : UDRV_UNCACHED);
	up_write(&o->d->lock);
	if (ret)
		return ret;
	vma->vm_page_prot = combined ? pgprot_writecombine(vma->vm_page_prot) :
				       pgprot_noncached(vma->vm_page_prot);
	vma->vm_page_prot = pgprot_decrypted(vma->vm_page_prot);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_DONTCOPY);
	vma->vm_ops = &udrv_bar_vm_ops;
	return 0;
}

int udrv_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct udrv_open *o = file->private_data;
	u64 offset = (u64)vma->vm_pgoff << PAGE_SHIFT;

	if (!o->owner)
		return udrv_refuse(o, -EBADF,
			"an observer has no mappings: open the device O_RDWR");
	if (!(vma->vm_flags & VM_SHARED))
		return udrv_refuse(o, -EINVAL,
				   "a private mapping of a device: use MAP_SHARED");
	vma->vm_private_data = o;
	if (vma->vm_pgoff >= PHYS_PFN(1ull << 44))
		return udrv_refuse(o, -EINVAL, "mmap offset %#llx is beyond 2^44",
				   offset);
	if (offset >= UDRV_MMAP_EVENTS)
		return udrv_event_mmap(o, vma);
	if (offset >= UDRV_MMAP_DMA)
		return udrv_dma_mmap(o, vma);
	return udrv_bar_mmap(o, vma);
}
