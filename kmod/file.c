// SPDX-License-Identifier: GPL-2.0
/* File operations, the table of commands, and how a refusal is told. */
#include <linux/capability.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "irq.h"
#include "trace.h"
#include "udrv_priv.h"

static void udrv_open_free(struct kref *kref)
{
	struct udrv_open *o = container_of(kref, struct udrv_open, kref);

	if (o->owner)
		udrv_irq_free(o);
	if (o->ones)
		__free_page(o->ones);
	kfree(o->steps);
	free_page((unsigned long)o->bounce);
	put_pid(o->pid);
	put_device(&o->d->dev);
	kfree(o);
}

void udrv_open_get(struct udrv_open *o)
{
	kref_get(&o->kref);
}

void udrv_open_put(struct udrv_open *o)
{
	kref_put(&o->kref, udrv_open_free);
}

void udrv_refusal_set(struct udrv_refusal *r, int error, const char *text)
{
	spin_lock(&r->lock);
	r->count++;
	r->error = -error;
	strscpy(r->text, text, sizeof(r->text));
	spin_unlock(&r->lock);
}

/*
 * A line that names a culprit.  A process chooses its own name, and could forge
 * lines with it: escaped.  Limited for each device, so that nobody drowns what is
 * said of others'.
 */
void udrv_blame_by(struct device *dev, struct ratelimit_state *limit,
		   const char *what, const char *format, ...)
{
	char comm[TASK_COMM_LEN];
	struct va_format text = { .fmt = format };
	va_list args;

	if (!___ratelimit(limit, dev_name(dev)))
		return;
	get_task_comm(comm, current);
	va_start(args, format);
	text.va = &args;
	dev_notice(dev, "%s: %pV (%*pE[%d])\n", what, &text,
		   (int)strlen(comm), comm, task_tgid_nr(current));
	va_end(args);
}

/* What a driver meets that does nothing wrong. */
static bool udrv_refusal_is_ordinary(int error)
{
	switch (error) {
	case -EAGAIN:
	case -EBUSY:
	case -EFAULT:	/* and its address is nobody else's business */
	case -EINTR:
	case -ENODEV:
	case -EOPNOTSUPP:
	case -ETIMEDOUT:
		return true;
	default:
		return false;
	}
}

/*
 * Say no: remembers the sentence for UDRV_REASON, counts and traces it, and
 * gives the error back.  What a driver had no right to ask for goes to the log,
 * with a limit of its own: who makes lines of other mistakes must not hide it.
 */
int udrv_refuse(struct udrv_open *o, int error, const char *format, ...)
{
	char text[sizeof(o->refusal.text)];
	va_list args;

	va_start(args, format);
	vscnprintf(text, sizeof(text), format, args);
	va_end(args);

	udrv_refusal_set(&o->refusal, error, text);
	atomic64_inc(&o->d->count.refusals);
	trace_udrv_refused(o->d, error, text);
	if (!udrv_refusal_is_ordinary(error))
		udrv_blame_by(&o->d->dev, error == -EPERM ?
			      &o->d->rights_limit : &o->d->blame_limit,
			      "refused", "%s", text);
	return error;
}

static struct udrv_open *udrv_open_alloc(struct udrv_device *d, bool owner)
{
	struct udrv_open *o;

	o = kzalloc(sizeof(*o), GFP_KERNEL_ACCOUNT);
	if (!o)
		return NULL;
	kref_init(&o->kref);
	spin_lock_init(&o->refusal.lock);
	mutex_init(&o->io_lock);
	get_device(&d->dev);
	o->d = d;
	o->owner = owner;
	o->uid = current_uid();
	o->pid = get_pid(task_tgid(current));
	get_task_comm(o->comm, current);
	return o;
}

/* What the owner needs whatever happens later: allocated before any lock. */
static int udrv_open_prepare(struct udrv_open *o)
{
	o->ones = alloc_page(GFP_KERNEL_ACCOUNT);
	if (!o->ones)
		return -ENOMEM;
	memset(page_address(o->ones), 0xff, PAGE_SIZE);
	return udrv_irq_open(o);
}

static int udrv_file_open(struct inode *inode, struct file *file)
{
	struct udrv_device *d = container_of(inode->i_cdev, struct udrv_device, cdev);
	bool owner = file->f_mode & FMODE_WRITE;
	struct udrv_open *o;
	int ret = 0;

	if (owner && !(file->f_mode & FMODE_READ))
		return -EINVAL;
	o = udrv_open_alloc(d, owner);
	if (!o)
		return -ENOMEM;
	if (owner) {
		ret = udrv_open_prepare(o);
		o->mapping = file->f_mapping;
		if (!ret)
			ret = udrv_device_own(d, o);
	}
	if (ret) {
		udrv_open_put(o);
		return ret;
	}
	atomic64_inc(&d->count.opens);
	trace_udrv_open(d, owner);
	file->private_data = o;
	return stream_open(inode, file);
}

static int udrv_file_release(struct inode *inode, struct file *file)
{
	struct udrv_open *o = file->private_data;

	trace_udrv_close(o->d, o->owner);
	if (o->owner) {
		udrv_device_release(o);
		udrv_dma_free(o);
	}
	udrv_open_put(o);
	return 0;
}

static ssize_t udrv_file_read(struct file *file, char __user *to, size_t size,
			      loff_t *pos)
{
	struct udrv_open *o = file->private_data;

	if (unlikely(!o->owner))
		return udrv_refuse(o, -EBADF,
			"an observer gets no interrupts: open the device O_RDWR");
	return udrv_vector_read(o->first, file, to, size);
}

static __poll_t udrv_file_poll(struct file *file, poll_table *wait)
{
	struct udrv_open *o = file->private_data;

	if (!o->owner)
		return EPOLLERR;
	return udrv_vector_poll(o->first, file, wait);
}

static long udrv_copy_plain(void __user *arg)
{
	struct udrv_plain plain;
	int ret;

	ret = udrv_copy_in(&plain, sizeof(plain), sizeof(plain), arg);
	if (ret)
		return ret;
	return plain.flags ? -EINVAL : 0;
}

static long udrv_ioctl_reset(struct udrv_open *o, void __user *arg)
{
	return udrv_copy_plain(arg) ?: udrv_device_reset(o);
}

static long udrv_ioctl_release(struct udrv_open *o, void __user *arg)
{
	long ret = udrv_copy_plain(arg);

	if (!ret)
		udrv_device_release(o);
	return ret;
}

static long udrv_ioctl_bus_master(struct udrv_open *o, void __user *arg)
{
	struct udrv_bus_master set;
	int ret;

	ret = udrv_copy_in(&set, sizeof(set), sizeof(set), arg);
	if (ret)
		return ret;
	if (set.flags || set.reserved || set.on > 1)
		return udrv_refuse(o, -EINVAL,
				   "BUS_MASTER takes on = 0 or 1, no flags");
	return udrv_device_bus_master(o, set.on);
}

static const struct {
	long (*call)(struct udrv_open *o, void __user *arg);
	bool observer;			/* may call it too */
	bool pci;			/* a declared device has nothing of it */
} udrv_commands[] = {
	[_IOC_NR(UDRV_INFO)]		= { udrv_info, true },
	[_IOC_NR(UDRV_REGION_INFO)]	= { udrv_region_info, true },
	[_IOC_NR(UDRV_BUS_MASTER)]	= { udrv_ioctl_bus_master, .pci = true },
	[_IOC_NR(UDRV_RESET)]		= { udrv_ioctl_reset, .pci = true },
	[_IOC_NR(UDRV_RELEASE)]		= { udrv_ioctl_release },
	[_IOC_NR(UDRV_IO)]		= { udrv_io },
	[_IOC_NR(UDRV_IRQ_SETUP)]	= { udrv_irq_setup },
	[_IOC_NR(UDRV_IRQ_FD)]		= { udrv_irq_fd },
	[_IOC_NR(UDRV_DMA_ALLOC)]	= { udrv_dma_alloc, .pci = true },
	[_IOC_NR(UDRV_DMA_MAP)]		= { udrv_dma_map, .pci = true },
	[_IOC_NR(UDRV_DMA_SYNC)]	= { udrv_dma_sync },
	[_IOC_NR(UDRV_DMA_UNMAP)]	= { udrv_dma_unmap },
	[_IOC_NR(UDRV_DMA_LIST)]	= { udrv_dma_list, true },
	[_IOC_NR(UDRV_COUNTERS)]	= { udrv_counters, true },
	[_IOC_NR(UDRV_REASON)]		= { udrv_reason, true },
};

/* For what fails in one way only, whatever the command. */
const char *udrv_plain_reason(int error)
{
	switch (error) {
	case -EINVAL:
		return "the argument is shorter than any version of it was, or a flag or reserved field is not 0";
	case -E2BIG:
		return "the argument has fields this module does not know: the module is older than the program";
	case -EFAULT:
		return "an address in the call is not memory, or not writable";
	case -ENODEV:
		return "the device was unbound, unplugged or released: open it again";
	case -ENOMEM:
		return "the kernel has no memory left for this";
	case -EAGAIN:
		return "somebody is resetting the device: try again";
	case -EINTR:
		return "a signal ended the call";
	default:
		return "refused by the kernel";
	}
}

static long udrv_file_ioctl(struct file *file, unsigned int command,
			    unsigned long arg)
{
	struct udrv_open *o = file->private_data;
	u32 nr = _IOC_NR(command), told;
	long ret;

	if (command != _IO(UDRV_IOC_TYPE, nr) || nr >= ARRAY_SIZE(udrv_commands))
		return -ENOTTY;
	if (!o->owner && !udrv_commands[nr].observer)
		return udrv_refuse(o, -EBADF,
			"an observer may look at the device only: open it O_RDWR");
	nr = array_index_nospec(nr, ARRAY_SIZE(udrv_commands));
	if (udrv_commands[nr].pci && !o->d->pdev)
		return udrv_refuse(o, -EOPNOTSUPP,
			"a declared device has no DMA, bus mastering or reset that the kernel knows of");
	told = READ_ONCE(o->refusal.count);
	ret = udrv_commands[nr].call(o, (void __user *)arg);
	if (unlikely(ret < 0) && told == READ_ONCE(o->refusal.count))
		udrv_refuse(o, ret, "%s", udrv_plain_reason(ret));
	return ret;
}

const struct file_operations udrv_fops = {
	.owner = THIS_MODULE,
	.open = udrv_file_open,
	.release = udrv_file_release,
	.read = udrv_file_read,
	.poll = udrv_file_poll,
	.mmap = udrv_mmap,
	.unlocked_ioctl = udrv_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
};
