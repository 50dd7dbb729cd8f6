// SPDX-License-Identifier: GPL-2.0
/* A device's life: bind, own, release, reset, revoke, unbind. */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/slab.h>
#include "compat.h"
#include "irq.h"

static void udrv_minor_free(struct udrv_device *d)
{
	if (d->has_minor)
		xa_erase(&udrv_minors, MINOR(d->dev.devt));
	d->has_minor = false;
}

static void udrv_device_free(struct device *dev)
{
	struct udrv_device *d = container_of(dev, struct udrv_device, dev);

	udrv_minor_free(d);
	kfree(d->pristine);
	pci_dev_put(d->pdev);
	kfree(d);
}

/* @parent: the PCI device, or NULL for a declared one. */
struct udrv_device *udrv_device_alloc(struct device *parent, const char *name)
{
	struct udrv_device *d;
	u32 minor;
	int ret;

	d = kzalloc(sizeof(*d), GFP_KERNEL);
	if (!d)
		return ERR_PTR(-ENOMEM);
	ret = xa_alloc(&udrv_minors, &minor, d,
		       XA_LIMIT(UDRV_CONTROL_MINOR + 1, UDRV_MAX_DEVICES - 1),
		       GFP_KERNEL);
	if (ret) {
		kfree(d);
		return ERR_PTR(ret);
	}
	d->has_minor = true;
	init_rwsem(&d->lock);
	ratelimit_state_init(&d->rights_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_state_init(&d->blame_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	ratelimit_state_init(&d->storm_limit, DEFAULT_RATELIMIT_INTERVAL,
			     DEFAULT_RATELIMIT_BURST);
	d->hw = parent ?: &d->dev;
	device_initialize(&d->dev);
	dev_set_drvdata(&d->dev, d);
	d->dev.class = &udrv_class;
	d->dev.parent = parent;
	d->dev.devt = MKDEV(MAJOR(udrv_devt), minor);
	d->dev.release = udrv_device_free;
	cdev_init(&d->cdev, &udrv_fops);
	d->cdev.owner = THIS_MODULE;
	ret = dev_set_name(&d->dev, "%s", name);
	if (ret) {
		put_device(&d->dev);
		return ERR_PTR(ret);
	}
	return d;
}

/*
 * Nobody can open it any more.  Who has it open keeps it, but not its minor:
 * else files held across many unbinds would use them up.
 */
void udrv_device_hide(struct udrv_device *d)
{
	cdev_device_del(&d->cdev, &d->dev);
	udrv_minor_free(d);
}

/* Under device_lock.  Configuration is saved by the caller. */
static int udrv_function_reset(struct udrv_device *d)
{
	unsigned int noio;
	int ret;

	if (!d->can_reset || !pci_device_is_present(d->pdev))
		return -EOPNOTSUPP;
	pci_write_config_word(d->pdev, PCI_COMMAND, PCI_COMMAND_INTX_DISABLE);
	noio = udrv_group_lock();
	ret = __pci_reset_function_locked(d->pdev);
	udrv_group_unlock(noio);
	if (ret && ret != -ENOTTY)
		dev_warn_ratelimited(&d->pdev->dev, "udrv: reset failed: %d\n",
				     ret);
	return ret == -ENOTTY ? -EOPNOTSUPP : ret;
}

/* Interrupt handlers and readers write the command register too. */
static void udrv_set_master(struct udrv_open *o, bool on)
{
	spin_lock_irq(&o->first->lock);
	if (on)
		pci_set_master(o->d->pdev);
	else
		pci_clear_master(o->d->pdev);
	spin_unlock_irq(&o->first->lock);
	o->d->bus_master = on;
}

/* Back to how it was when bound, with everything off. */
static void udrv_restore_config(struct udrv_device *d)
{
	if (!pci_device_is_present(d->pdev))
		return;
	pci_load_saved_state(d->pdev, d->pristine);
	pci_restore_state(d->pdev);
	pci_clear_master(d->pdev);
	pci_intx(d->pdev, 0);
	if (!d->clean)
		udrv_config_restore(d);
}

/*
 * The next driver's pci_enable_device() enables INTx, but neither where somebody
 * else has the device enabled, nor without a pin (when the bit may mask an IDE's
 * ISA lines).  What was not reset may assert its line, and nobody would handle it.
 */
static void udrv_device_stop(struct udrv_device *d)
{
	bool quiet = d->can_reset && d->clean;

	pci_disable_device(d->pdev);
	if (!d->pdev->pin || (quiet && pci_is_enabled(d->pdev)))
		pci_intx(d->pdev, 1);
}

/*
 * What can be turned off is off: no interrupts, no bus mastering.  Saved so,
 * to be restored after each open.
 */
static int udrv_device_start(struct udrv_device *d)
{
	int ret;

	ret = pci_enable_device(d->pdev);
	if (ret)
		return ret;
	pci_intx(d->pdev, 0);
	pci_clear_master(d->pdev);
	d->can_mask_intx = pci_intx_mask_supported(d->pdev);
	d->can_reset = udrv_has_reset(d->pdev);
	pci_save_state(d->pdev);
	d->pristine = pci_store_saved_state(d->pdev);
	if (!d->pristine) {
		udrv_device_stop(d);
		return -ENOMEM;
	}
	/* A bus reset is no method if the bus has other functions. */
	d->clean = true;
	if (udrv_function_reset(d) == -EOPNOTSUPP)
		d->can_reset = false;
	udrv_restore_config(d);
	return 0;
}

static int udrv_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct udrv_device *d;
	int ret;

	if (pdev->hdr_type != PCI_HEADER_TYPE_NORMAL ||
	    pdev->class >> 16 == PCI_BASE_CLASS_BRIDGE) {
		pci_err(pdev, "udrv: a bridge cannot be driven from user space\n");
		return -EINVAL;
	}
	d = udrv_device_alloc(&pdev->dev, pci_name(pdev));
	if (IS_ERR(d))
		return PTR_ERR(d);
	d->pdev = pci_dev_get(pdev);
	ret = udrv_regions_bind(d);
	if (ret)
		goto put;
	ret = udrv_device_start(d);
	if (ret)
		goto regions;
	udrv_config_bind(d);
	udrv_irq_count(d);
	ret = udrv_group_bind(d);
	if (ret)
		goto disable;
	pci_set_drvdata(pdev, d);
	ret = cdev_device_add(&d->cdev, &d->dev);
	if (ret)
		goto group;
	return 0;

group:
	udrv_device_revoke(d);	/* it could be opened for a moment */
	udrv_group_unbind(d);
disable:
	udrv_device_stop(d);
regions:
	udrv_regions_unbind(d);
put:
	put_device(&d->dev);
	return ret;
}

/* The device starts nothing any more, and is reset where it can be. */
static void udrv_function_halt(struct udrv_open *o)
{
	struct udrv_device *d = o->d;

	udrv_set_master(o, false);
	if (pci_device_is_present(d->pdev))
		pci_wait_for_pending_transaction(d->pdev);
	d->clean = !udrv_function_reset(d);
}

/*
 * Ends an open: nothing of it reaches the device, and nothing of the device
 * reaches memory, when this returns.  The order is the point.  Under
 * device_lock and d->lock.
 */
static void udrv_open_end(struct udrv_open *o)
{
	struct udrv_device *d = o->d;

	o->dead = true;
	udrv_regions_zap(o);
	udrv_irq_teardown(o);
	if (d->pdev)
		udrv_function_halt(o);
	udrv_dma_teardown(o);
	udrv_group_close(o);
	if (d->pdev)
		udrv_restore_config(d);
	else
		udrv_keyboard_restore(d);
	udrv_regions_close(o);
	o->mapping = NULL;
	d->owner = NULL;
}

static void udrv_remove(struct pci_dev *pdev)
{
	struct udrv_device *d = pci_get_drvdata(pdev);

	udrv_device_hide(d);
	udrv_device_revoke(d);
	udrv_group_unbind(d);
	udrv_device_stop(d);
	udrv_regions_unbind(d);
	put_device(&d->dev);
}

/* Take the device from its owner; it stays what it is.  Under device_lock. */
void udrv_device_evict(struct udrv_device *d)
{
	down_write(&d->lock);
	if (d->owner)
		udrv_open_end(d->owner);
	up_write(&d->lock);
}

/* It is being unbound, or its declaration removed.  Under device_lock. */
void udrv_device_revoke(struct udrv_device *d)
{
	down_write(&d->lock);
	d->gone = true;
	if (d->owner)
		udrv_open_end(d->owner);
	up_write(&d->lock);
}

/* Who may become the owner now?  No file yet to ask for a reason: log it. */
static int udrv_may_own(struct udrv_device *d, struct udrv_open *o)
{
	if (d->gone)
		return -ENODEV;
	if (d->owner)
		return -EBUSY;
	if (d->resetting)
		return -EAGAIN;
	if (d->keyboard && udrv_keyboard_driven()) {
		udrv_blame(d, "open refused",
			   "the driver i8042 has the keyboard controller");
		return -EBUSY;
	}
	if (d->had_owner && !d->clean && !uid_eq(d->last_uid, o->uid) &&
	    !capable(CAP_SYS_RAWIO)) {
		udrv_blame(d, "open refused",
			"uid %u used it last and it was not reset; CAP_SYS_RAWIO overrides",
			from_kuid(&init_user_ns, d->last_uid));
		return -EPERM;
	}
	return 0;
}

int udrv_device_own(struct udrv_device *d, struct udrv_open *o)
{
	int ret;

	down_write(&d->lock);
	ret = udrv_may_own(d, o);
	if (!ret)
		ret = udrv_group_open(d, o);
	if (!ret) {
		d->owner = o;
		d->had_owner = true;
		d->last_uid = o->uid;
	} else {
		o->dead = true;
	}
	up_write(&d->lock);
	return ret;
}

/* The last reference went, or the owner asked.  Once is enough. */
void udrv_device_release(struct udrv_open *o)
{
	struct udrv_device *d = o->d;

	device_lock(d->hw);
	down_write(&d->lock);
	if (!o->dead)
		udrv_open_end(o);
	up_write(&d->lock);
	device_unlock(d->hw);
}

static int udrv_reset_locked(struct udrv_open *o)
{
	struct udrv_device *d = o->d;
	int ret;

	ret = udrv_usable(o);
	if (ret)
		return ret;
	if (!pci_device_is_present(d->pdev))
		return udrv_refuse(o, -ENODEV, "the device does not answer");
	if (!d->can_reset)
		return udrv_refuse(o, -EOPNOTSUPP,
			"the device has no reset method; /sys/bus/pci/devices/%s/reset would exist if it had",
			udrv_name(d));
	udrv_regions_zap(o);
	udrv_irq_quiesce(o);
	pci_save_state(d->pdev);
	ret = udrv_function_reset(d);
	pci_restore_state(d->pdev);
	udrv_irq_resume(o);
	return ret;
}

/*
 * Waits for a register program to end first: none may run into a reset.
 */
int udrv_device_reset(struct udrv_open *o)
{
	struct udrv_device *d = o->d;
	int ret;

	ret = mutex_lock_killable(&o->io_lock);
	if (ret)
		return ret;
	device_lock(d->hw);
	down_write(&d->lock);
	ret = udrv_reset_locked(o);
	up_write(&d->lock);
	device_unlock(d->hw);
	mutex_unlock(&o->io_lock);
	return ret;
}

int udrv_device_bus_master(struct udrv_open *o, bool on)
{
	struct udrv_device *d = o->d;
	int ret;

	down_write(&d->lock);
	ret = udrv_usable(o);
	if (!ret && on && !o->may_dma)
		ret = udrv_refuse(o, -EPERM,
			"no IOMMU confines this device: bus mastering needs the module parameter enable_unsafe_dma_without_iommu=1 and an opener with CAP_SYS_RAWIO");
	else if (!ret)
		udrv_set_master(o, on);
	up_write(&d->lock);
	return ret;
}

/* A device in use cannot sleep: its driver would not be asked. */
static int udrv_suspend(struct device *dev)
{
	struct udrv_device *d = dev_get_drvdata(dev);
	int ret = 0;

	if (!d)
		return 0;	/* the control file's device */
	down_read(&d->lock);
	if (d->owner) {
		dev_notice(&d->dev, "suspend refused: pid %d drives it\n",
			   pid_nr(d->owner->pid));
		ret = -EBUSY;
	}
	up_read(&d->lock);
	return ret;
}

static int udrv_resume(struct device *dev)
{
	return 0;
}

const struct dev_pm_ops udrv_pm_ops = {
	.suspend = udrv_suspend,
	.resume = udrv_resume,
	.freeze = udrv_suspend,
	.thaw = udrv_resume,
	.poweroff = udrv_suspend,
	.restore = udrv_resume,
};

/*
 * Somebody else resets the device (sysfs, a bus reset); device_lock is held.
 * No lock of ours is held in between: a bus may have several of our devices.
 */
static void udrv_reset_prepare(struct pci_dev *pdev)
{
	struct udrv_device *d = pci_get_drvdata(pdev);

	down_write(&d->lock);
	d->resetting = true;
	if (d->owner) {
		udrv_regions_zap(d->owner);
		udrv_irq_quiesce(d->owner);
	}
	up_write(&d->lock);
}

static void udrv_reset_done(struct pci_dev *pdev)
{
	struct udrv_device *d = pci_get_drvdata(pdev);

	down_write(&d->lock);
	d->resetting = false;
	if (d->owner) {
		udrv_regions_zap(d->owner);
		udrv_irq_resume(d->owner);
	}
	up_write(&d->lock);
}

static const struct pci_error_handlers udrv_err_handlers = {
	.reset_prepare = udrv_reset_prepare,
	.reset_done = udrv_reset_done,
};

/* No id table: a device comes by its driver_override only. */
struct pci_driver udrv_pci_driver = {
	.name = "udrv",
	.probe = udrv_probe,
	.remove = udrv_remove,
	.err_handler = &udrv_err_handlers,
	.driver.pm = &udrv_pm_ops,
#ifdef UDRV_HAVE_DMA_OWNER
	.driver_managed_dma = true,
#endif
};
