// SPDX-License-Identifier: GPL-2.0
/* How user space waits for interrupts: read, poll, vector files, event page. */
#include <linux/anon_inodes.h>
#include <linux/file.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "irq.h"
#include "trace.h"

/* v->lock is held.  Let the next interrupt come. */
static noinline void udrv_vector_arm(struct udrv_vector *v)
{
	if (v->quiet)
		return;
	if (!v->armed && v->rule)
		udrv_rule_run(v->rule->rearms, UDRV_RULE_REARMS, 0);
	v->armed = true;
	if (v->masked)
		udrv_vector_unmask(v);
}

static int udrv_vector_error(const struct udrv_vector *v)
{
	if (likely(v->state == UDRV_VECTOR_ON))
		return 0;
	return v->state == UDRV_VECTOR_DEAD ? -ENODEV : -ENXIO;
}

/* Take what is pending (1), or arm (0). */
static __always_inline int udrv_vector_take(struct udrv_vector *v,
					    struct udrv_irq_event *event)
{
	int ret;

	spin_lock_irq(&v->lock);
	ret = udrv_vector_error(v);
	if (ret)
		goto unlock;
	event->count = udrv_vector_pending(v);
	if (!event->count) {
		udrv_vector_arm(v);
		event->count = udrv_vector_pending(v);
	}
	if (event->count) {
		event->status = v->status;
		event->time_ns = v->time_ns;
		WRITE_ONCE(v->slot->seen, v->count);
		trace_udrv_irq_read(v->d, v->index, event->count,
				    event->time_ns);
		ret = 1;
	}
unlock:
	spin_unlock_irq(&v->lock);
	return ret;
}

/* The caller's buffer was bad: the events are for the next reader. */
static noinline void udrv_vector_untake(struct udrv_vector *v,
					struct udrv_irq_event event)
{
	spin_lock_irq(&v->lock);
	if (udrv_vector_pending(v))
		v->status |= event.status;
	else
		v->status = event.status;
	v->time_ns = event.time_ns;
	WRITE_ONCE(v->slot->seen, v->slot->seen - event.count);
	spin_unlock_irq(&v->lock);
	wake_up_interruptible_poll(&v->wait, EPOLLIN | EPOLLRDNORM);
}

static bool udrv_vector_ready(struct udrv_vector *v)
{
	bool ready;

	spin_lock_irq(&v->lock);
	ready = v->state != UDRV_VECTOR_ON ||
		(!v->quiet && (!v->armed || udrv_vector_pending(v)));
	spin_unlock_irq(&v->lock);
	return ready;
}

/* Three fields by hand: the general copy costs more than the rest of a read. */
static __always_inline int udrv_event_copy(struct udrv_irq_event __user *to,
					   const struct udrv_irq_event *event)
{
	if (!user_access_begin(to, sizeof(*to)))
		return -EFAULT;
	unsafe_put_user(event->count, &to->count, fault);
	unsafe_put_user(event->status, &to->status, fault);
	unsafe_put_user(event->time_ns, &to->time_ns, fault);
	user_access_end();
	return 0;

fault:
	user_access_end();
	return -EFAULT;
}

/* Apart from the read that finds something, which it would make slower. */
static noinline int udrv_vector_block(struct udrv_vector *v, struct file *file)
{
	if (file->f_flags & O_NONBLOCK)
		return -EAGAIN;
	/* One reader for an event; the others sleep on. */
	return wait_event_interruptible_exclusive(v->wait, udrv_vector_ready(v));
}

ssize_t udrv_vector_read(struct udrv_vector *v, struct file *file,
			 char __user *to, size_t size)
{
	struct udrv_irq_event event;
	int ret;

	if (size < sizeof(event))
		return -EINVAL;
	for (;;) {
		ret = udrv_vector_take(v, &event);
		if (ret)
			break;
		ret = udrv_vector_block(v, file);
		if (ret)
			return ret;
	}
	if (ret < 0)
		return ret;
	if (unlikely(udrv_event_copy((void __user *)to, &event))) {
		udrv_vector_untake(v, event);
		return -EFAULT;
	}
	return sizeof(event);
}

__poll_t udrv_vector_poll(struct udrv_vector *v, struct file *file,
			  poll_table *wait)
{
	__poll_t wanted = poll_requested_events(wait);
	__poll_t ret = 0;

	poll_wait(file, &v->wait, wait);
	spin_lock_irq(&v->lock);
	if (v->state == UDRV_VECTOR_DEAD) {
		ret = EPOLLHUP | EPOLLERR;
	} else if (v->state == UDRV_VECTOR_OFF) {
		ret = EPOLLERR;
	} else if (wanted & (EPOLLIN | EPOLLRDNORM)) {
		if (!udrv_vector_pending(v))
			udrv_vector_arm(v);
		if (udrv_vector_pending(v))
			ret = EPOLLIN | EPOLLRDNORM;
	}
	spin_unlock_irq(&v->lock);
	return ret;
}

/* ------------------------------------------------------------ vector files */

static ssize_t udrv_irq_file_read(struct file *file, char __user *to,
				  size_t size, loff_t *pos)
{
	return udrv_vector_read(file->private_data, file, to, size);
}

static __poll_t udrv_irq_file_poll(struct file *file, poll_table *wait)
{
	return udrv_vector_poll(file->private_data, file, wait);
}

static int udrv_irq_file_release(struct inode *inode, struct file *file)
{
	struct udrv_vector *v = file->private_data;

	udrv_open_put(v->o);
	return 0;
}

/* Memory of the open it keeps, the device it does not. */
static const struct file_operations udrv_irq_fops = {
	.owner = THIS_MODULE,
	.read = udrv_irq_file_read,
	.poll = udrv_irq_file_poll,
	.release = udrv_irq_file_release,
};

static int udrv_irq_file_make(struct udrv_open *o, struct udrv_irq_fd *make,
			      struct file **file)
{
	int flags = O_RDONLY | (make->flags & UDRV_IRQ_FD_NONBLOCK ? O_NONBLOCK : 0);
	struct udrv_vector *v;
	int ret = 0;

	down_write(&o->d->lock);
	v = o->dead ? NULL : udrv_vector_get(o, make->vector);
	if (!v)
		ret = o->dead ? -ENODEV : -ENOMEM;
	up_write(&o->d->lock);
	if (ret)
		return ret;
	*file = anon_inode_getfile("[udrv-irq]", &udrv_irq_fops, v, flags);
	if (IS_ERR(*file))
		return PTR_ERR(*file);
	udrv_open_get(o);
	stream_open(file_inode(*file), *file);
	return 0;
}

long udrv_irq_fd(struct udrv_open *o, void __user *arg)
{
	struct udrv_irq_fd make;
	struct file *file;
	int ret, fd;

	ret = udrv_copy_in(&make, sizeof(make), sizeof(make), arg);
	if (ret)
		return ret;
	if (make.flags & ~UDRV_IRQ_FD_NONBLOCK)
		return udrv_refuse(o, -EINVAL, "unknown IRQ_FD flags %#x",
				   make.flags);
	if (make.vector >= o->max_vectors)
		return udrv_refuse(o, -ENXIO, "no vector %u: the device has %u",
				   make.vector, o->max_vectors);
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	ret = udrv_irq_file_make(o, &make, &file);
	if (ret)
		goto put_fd;
	if (put_user(fd, &((struct udrv_irq_fd __user *)arg)->out_fd)) {
		fput(file);
		ret = -EFAULT;
		goto put_fd;
	}
	fd_install(fd, file);
	return 0;

put_fd:
	put_unused_fd(fd);
	return ret;
}

/* -------------------------------------------------------------- event page */

/* The pages live as long as the open, and so as long as this mapping. */
int udrv_event_mmap(struct udrv_open *o, struct vm_area_struct *vma)
{
	unsigned long page = vma->vm_pgoff - PHYS_PFN(UDRV_MMAP_EVENTS);
	unsigned long address;
	int ret;

	if (page >= o->event_page_count ||
	    vma_pages(vma) > o->event_page_count - page)
		return udrv_refuse(o, -EINVAL,
			"%lu event pages at %lu: the device has %u",
			vma_pages(vma), page, o->event_page_count);
	vm_flags_set(vma, VM_IO | VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP |
		     VM_DONTCOPY);
	for (address = vma->vm_start; address < vma->vm_end; address += PAGE_SIZE) {
		ret = remap_pfn_range(vma, address,
				      page_to_pfn(o->event_pages[page++]),
				      PAGE_SIZE, vma->vm_page_prot);
		if (ret)
			return ret;
	}
	return 0;
}
