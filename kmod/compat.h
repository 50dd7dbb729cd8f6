/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The only place that knows kernels differ.  What a kernel has is found by
 * compiling (probe.sh), never by its version: distributions backport.
 */
#ifndef UDRV_COMPAT_H
#define UDRV_COMPAT_H

#include <linux/device.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/pci.h>
#include "probed.h"

#ifdef UDRV_HAVE_DEVNODE_CONST
#define udrv_devnode_const const
#else
#define udrv_devnode_const
#endif

#ifndef UDRV_HAVE_VM_FLAGS_SET
static inline void vm_flags_set(struct vm_area_struct *vma, unsigned long flags)
{
	vma->vm_flags |= flags;
}
#endif

/* In 5.10 a page charged to a cgroup is of a type that cannot be mapped. */
#ifdef UDRV_HAVE_PAGE_KMEMCG
#define UDRV_GFP_MAPPABLE	GFP_KERNEL
#else
#define UDRV_GFP_MAPPABLE	GFP_KERNEL_ACCOUNT
#endif

/* Where the IOMMU can, the device may not go past the caches ("no snoop"). */
static inline void udrv_domain_enforce_coherency(struct iommu_domain *domain)
{
#ifdef UDRV_HAVE_ENFORCE_COHERENCY
	if (domain->ops->enforce_cache_coherency)
		domain->ops->enforce_cache_coherency(domain);
#endif
}

static inline bool udrv_has_reset(struct pci_dev *pdev)
{
#ifdef UDRV_HAVE_RESET_METHODS
	return pdev->reset_methods[0];
#else
	return pdev->reset_fn;
#endif
}

static inline struct iommu_domain *udrv_domain_alloc(struct device *dev)
{
#ifdef UDRV_HAVE_PAGING_DOMAIN_ALLOC
	struct iommu_domain *domain = iommu_paging_domain_alloc(dev);

	return IS_ERR(domain) ? NULL : domain;
#else
	return iommu_domain_alloc(dev->bus);
#endif
}

static inline int udrv_domain_map(struct iommu_domain *domain, u64 iova,
				  phys_addr_t phys, size_t size, int prot)
{
#ifdef UDRV_HAVE_IOMMU_MAP_GFP
	return iommu_map(domain, iova, phys, size, prot, GFP_KERNEL_ACCOUNT);
#else
	return iommu_map(domain, iova, phys, size, prot);
#endif
}

static inline ssize_t udrv_domain_map_sg(struct iommu_domain *domain, u64 iova,
					 struct scatterlist *list,
					 unsigned int count, int prot)
{
#ifdef UDRV_HAVE_IOMMU_MAP_GFP
	return iommu_map_sg(domain, iova, list, count, prot, GFP_KERNEL_ACCOUNT);
#else
	return iommu_map_sg(domain, iova, list, count, prot);
#endif
}

static inline bool udrv_iommu_capable(struct device *dev, enum iommu_cap cap)
{
#ifdef UDRV_HAVE_DEVICE_IOMMU_CAPABLE
	return device_iommu_capable(dev, cap);
#else
	/* Here this meant snoop control; DMA on x86 is coherent without. */
	if (IS_ENABLED(CONFIG_X86) && cap == IOMMU_CAP_CACHE_COHERENCY)
		return true;
	return iommu_capable(dev->bus, cap);
#endif
}

static inline bool udrv_interrupts_remapped(struct device *dev,
					    struct iommu_group *group)
{
#ifdef UDRV_HAVE_ISOLATED_MSI
	return iommu_group_has_isolated_msi(group);
#else
	return udrv_iommu_capable(dev, IOMMU_CAP_INTR_REMAP);
#endif
}

#endif
