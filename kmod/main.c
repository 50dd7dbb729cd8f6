// SPDX-License-Identifier: GPL-2.0
/* udrv: device drivers as ordinary processes.  Start and end of the module. */
#include <linux/iova.h>
#include <linux/module.h>
#include "compat.h"
#include "udrv_priv.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

bool udrv_allow_unsafe_interrupts;
module_param_named(allow_unsafe_interrupts, udrv_allow_unsafe_interrupts, bool,
		   0644);
MODULE_PARM_DESC(allow_unsafe_interrupts,
		 "Open devices although the machine does not remap interrupts: a driver can then raise any interrupt (default: no)");

bool udrv_enable_unsafe_dma;
module_param_named(enable_unsafe_dma_without_iommu, udrv_enable_unsafe_dma,
		   bool, 0644);
MODULE_PARM_DESC(enable_unsafe_dma_without_iommu,
		 "Let CAP_SYS_RAWIO openers do DMA where no IOMMU confines it: a driver can then write all memory (default: no)");

dev_t udrv_devt;
DEFINE_XARRAY_ALLOC(udrv_minors);

static char *udrv_devnode(udrv_devnode_const struct device *dev, umode_t *mode)
{
	/* Without an answer the file would appear elsewhere, and stay there. */
	return kasprintf(GFP_KERNEL | __GFP_NOFAIL, "udrv/%s", dev_name(dev));
}

struct class udrv_class = {
	.name = "udrv",
	.devnode = udrv_devnode,
	.pm = &udrv_pm_ops,
};

static int __init udrv_init(void)
{
	int ret;

	ret = iova_cache_get();
	if (ret)
		return ret;
	ret = class_register(&udrv_class);
	if (ret)
		goto put_iova_cache;
	ret = alloc_chrdev_region(&udrv_devt, 0, UDRV_MAX_DEVICES, "udrv");
	if (ret)
		goto unregister_class;
	ret = udrv_groups_init();
	if (ret)
		goto unregister_region;
	ret = udrv_control_init();
	if (ret)
		goto groups_exit;
	/* Last: devices may be opened from now on, and nobody waits for that. */
	ret = pci_register_driver(&udrv_pci_driver);
	if (ret)
		goto control_exit;
	return 0;

control_exit:
	udrv_control_exit();
groups_exit:
	udrv_groups_exit();
unregister_region:
	unregister_chrdev_region(udrv_devt, UDRV_MAX_DEVICES);
unregister_class:
	class_unregister(&udrv_class);
put_iova_cache:
	iova_cache_put();
	return ret;
}

static void __exit udrv_exit(void)
{
	pci_unregister_driver(&udrv_pci_driver);
	udrv_control_exit();
	udrv_groups_exit();
	unregister_chrdev_region(udrv_devt, UDRV_MAX_DEVICES);
	class_unregister(&udrv_class);
	iova_cache_put();
	xa_destroy(&udrv_minors);
}

module_init(udrv_init);
module_exit(udrv_exit);
MODULE_DESCRIPTION("Device drivers as ordinary processes");
MODULE_LICENSE("GPL");
