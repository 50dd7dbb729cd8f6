// SPDX-License-Identifier: GPL-2.0
/*
 * pci_quirk.ko: gives a device the marks by which the kernel knows faults of
 * real ones, since none of QEMU's has them.  Unloading takes them back.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/pci.h>

static char *device;
module_param(device, charp, 0);
MODULE_PARM_DESC(device, "the device, as in 0000:00:03.0");

static bool broken_intx;
module_param(broken_intx, bool, 0);
MODULE_PARM_DESC(broken_intx, "INTx-disable or its status bit does not work");

static bool silent;
module_param(silent, bool, 0);
MODULE_PARM_DESC(silent, "while INTx is masked it sends no messages either");

static struct pci_dev *marked;

static int __init pci_quirk_init(void)
{
	unsigned int domain, bus, slot, function;

	if (!device || sscanf(device, "%x:%x:%x.%x", &domain, &bus, &slot,
			      &function) != 4)
		return -EINVAL;
	marked = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	if (!marked)
		return -ENODEV;
	if (broken_intx)
		marked->broken_intx_masking = 1;
	if (silent)
		marked->dev_flags |= PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	return 0;
}
module_init(pci_quirk_init);

static void __exit pci_quirk_exit(void)
{
	if (broken_intx)
		marked->broken_intx_masking = 0;
	if (silent)
		marked->dev_flags &= ~PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	pci_dev_put(marked);
}
module_exit(pci_quirk_exit);

MODULE_DESCRIPTION("Marks a PCI device as faulty, for tests");
MODULE_LICENSE("GPL");
