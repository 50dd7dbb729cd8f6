// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/udrv/control: where root declares devices that are not PCI.
 *
 * Who may is asked at each call, of whoever calls: an open file that got into
 * other hands, or was opened before privileges were dropped, is worth nothing.
 */
#include <linux/capability.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "udrv_priv.h"

struct udrv_control {
	struct udrv_refusal refusal;
};

static struct cdev udrv_control_cdev;
static struct device *udrv_control_dev;	/* NULL: not made yet */
static DEFINE_RATELIMIT_STATE(udrv_control_limit, DEFAULT_RATELIMIT_INTERVAL,
			      DEFAULT_RATELIMIT_BURST);

int udrv_control_refuse(struct udrv_control *c, int error, const char *format,
			...)
{
	struct device *dev = READ_ONCE(udrv_control_dev);
	char text[sizeof(c->refusal.text)];
	va_list args;

	va_start(args, format);
	vscnprintf(text, sizeof(text), format, args);
	va_end(args);
	udrv_refusal_set(&c->refusal, error, text);
	if (error == -EPERM && dev)
		udrv_blame_by(dev, &udrv_control_limit, "refused",
			      "%s", text);
	return error;
}

static int udrv_control_open(struct inode *inode, struct file *file)
{
	struct udrv_control *c;

	/* The module may yet fail to load, and would not wait for us. */
	if (READ_ONCE(THIS_MODULE->state) != MODULE_STATE_LIVE)
		return -EAGAIN;
	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return -ENOMEM;
	spin_lock_init(&c->refusal.lock);
	file->private_data = c;
	return stream_open(inode, file);
}

static int udrv_control_release(struct inode *inode, struct file *file)
{
	kfree(file->private_data);
	return 0;
}

static int udrv_control_may(struct udrv_control *c, struct file *file)
{
	if (!(file->f_mode & FMODE_WRITE))
		return udrv_control_refuse(c, -EBADF,
			"declaring devices needs the file open for writing");
	if (!capable(CAP_SYS_ADMIN))
		return udrv_control_refuse(c, -EPERM,
			"declaring devices needs CAP_SYS_ADMIN: run it as root");
	return 0;
}

static long udrv_control_add(struct udrv_control *c, void __user *arg)
{
	struct udrv_legacy as;
	int ret;

	ret = udrv_copy_in(&as, sizeof(as), sizeof(as), arg);
	if (ret)
		return ret;
	if (as.flags)
		return udrv_control_refuse(c, -EINVAL, "LEGACY_ADD takes no flags");
	return udrv_legacy_add(c, &as);
}

static long udrv_control_remove(struct udrv_control *c, void __user *arg)
{
	struct udrv_legacy_name name;
	int ret;

	ret = udrv_copy_in(&name, sizeof(name), sizeof(name), arg);
	if (ret)
		return ret;
	if (name.flags || strnlen(name.name, sizeof(name.name)) ==
			  sizeof(name.name))
		return udrv_control_refuse(c, -EINVAL,
			"LEGACY_REMOVE takes a name and no flags");
	return udrv_legacy_remove(c, name.name);
}

static long udrv_control_get(struct udrv_control *c, void __user *arg)
{
	struct udrv_legacy as;
	u32 size, flags;
	int ret;

	ret = udrv_copy_in(&as, sizeof(as), sizeof(as), arg);
	if (ret)
		return ret;
	if (as.flags & ~UDRV_LEGACY_NEXT ||
	    strnlen(as.name, sizeof(as.name)) == sizeof(as.name))
		return udrv_control_refuse(c, -EINVAL,
			"LEGACY_GET takes a name, and no flag but UDRV_LEGACY_NEXT");
	size = as.size;
	flags = as.flags;
	ret = udrv_legacy_get(c, &as, flags & UDRV_LEGACY_NEXT);
	if (ret)
		return ret;
	as.size = size;
	as.flags = flags;
	return udrv_copy_out(arg, &as, size, sizeof(as));
}

static long udrv_control_command(struct udrv_control *c, struct file *file,
				 unsigned int command, void __user *arg)
{
	int ret;

	switch (command) {
	case UDRV_LEGACY_ADD:
		ret = udrv_control_may(c, file);
		return ret ?: udrv_control_add(c, arg);
	case UDRV_LEGACY_REMOVE:
		ret = udrv_control_may(c, file);
		return ret ?: udrv_control_remove(c, arg);
	case UDRV_LEGACY_GET:
		return udrv_control_get(c, arg);
	case UDRV_REASON:
		return udrv_refusal_get(&c->refusal, arg);
	default:
		return -ENOTTY;
	}
}

static long udrv_control_ioctl(struct file *file, unsigned int command,
			       unsigned long arg)
{
	struct udrv_control *c = file->private_data;
	u32 told = READ_ONCE(c->refusal.count);
	long ret;

	ret = udrv_control_command(c, file, command, (void __user *)arg);
	if (ret < 0 && ret != -ENOTTY && told == READ_ONCE(c->refusal.count))
		udrv_control_refuse(c, ret, "%s", udrv_plain_reason(ret));
	return ret;
}

static const struct file_operations udrv_control_fops = {
	.owner = THIS_MODULE,
	.open = udrv_control_open,
	.release = udrv_control_release,
	.unlocked_ioctl = udrv_control_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};

int __init udrv_control_init(void)
{
	dev_t devt = MKDEV(MAJOR(udrv_devt), UDRV_CONTROL_MINOR);
	struct device *dev;
	int ret;

	/* Before anybody can declare a keyboard. */
	ret = udrv_keyboard_init();
	if (ret)
		return ret;
	cdev_init(&udrv_control_cdev, &udrv_control_fops);
	udrv_control_cdev.owner = THIS_MODULE;
	ret = cdev_add(&udrv_control_cdev, devt, 1);
	if (ret)
		goto keyboard;
	dev = device_create(&udrv_class, NULL, devt, NULL, "control");
	if (!IS_ERR(dev)) {
		WRITE_ONCE(udrv_control_dev, dev);
		return 0;
	}
	ret = PTR_ERR(dev);
	cdev_del(&udrv_control_cdev);
keyboard:
	udrv_keyboard_exit();
	return ret;
}

void udrv_control_exit(void)
{
	device_destroy(&udrv_class,
		       MKDEV(MAJOR(udrv_devt), UDRV_CONTROL_MINOR));
	cdev_del(&udrv_control_cdev);
	udrv_keyboard_exit();
	udrv_legacy_exit();
}
