// SPDX-License-Identifier: GPL-2.0
/*
 * Register programs: many register accesses in one system call, and the only
 * way to ports and configuration space.
 *
 * io_lock is held throughout and user memory is touched under it, so nothing
 * that must not wait for user space takes it.  d->lock is held for reading
 * only around runs of accesses, each after a look whether the device is alive.
 */
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/ktime.h>
#include <linux/nospec.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "udrv_priv.h"

#define UDRV_SPIN_NS	20000	/* before a wait starts to sleep */

u64 udrv_read_register(void __iomem *address, u32 width)
{
	switch (width) {
	case 1:
		return ioread8(address);
	case 2:
		return ioread16(address);
	case 4:
		return ioread32(address);
	default:
#ifdef CONFIG_64BIT
		return readq(address);
#else
		return ioread32(address) | (u64)ioread32(address + 4) << 32;
#endif
	}
}

void udrv_write_register(void __iomem *address, u32 width, u64 value)
{
	switch (width) {
	case 1:
		iowrite8(value, address);
		break;
	case 2:
		iowrite16(value, address);
		break;
	case 4:
		iowrite32(value, address);
		break;
	default:
#ifdef CONFIG_64BIT
		writeq(value, address);
#else
		iowrite32(value, address);
		iowrite32(value >> 32, address + 4);
#endif
		break;
	}
}

static u64 udrv_step_read(struct udrv_device *d, const struct udrv_io_step *s)
{
	struct udrv_region *r = &d->region[s->region];

	if (r->kind == UDRV_KIND_CONFIG)
		return udrv_config_read(d, s->offset, s->width);
	return udrv_read_register(r->iomem + s->offset, s->width);
}

static void udrv_step_write(struct udrv_device *d, const struct udrv_io_step *s)
{
	struct udrv_region *r = &d->region[s->region];

	if (r->kind == UDRV_KIND_CONFIG)
		udrv_config_write(d, s->offset, s->width, s->value);
	else
		udrv_write_register(r->iomem + s->offset, s->width, s->value);
}

static void udrv_string_read(struct udrv_device *d, const struct udrv_io_step *s,
			     void *to, u32 count)
{
	void __iomem *from = d->region[s->region].iomem + s->offset;

	if (s->width == 1)
		ioread8_rep(from, to, count);
	else if (s->width == 2)
		ioread16_rep(from, to, count);
	else
		ioread32_rep(from, to, count);
}

static void udrv_string_write(struct udrv_device *d, const struct udrv_io_step *s,
			      const void *from, u32 count)
{
	void __iomem *to = d->region[s->region].iomem + s->offset;

	if (s->width == 1)
		iowrite8_rep(to, from, count);
	else if (s->width == 2)
		iowrite16_rep(to, from, count);
	else
		iowrite32_rep(to, from, count);
}

/* ------------------------------------------------------------- validation */

struct udrv_totals {
	u64 string;			/* bytes */
	u64 wait;			/* microseconds */
};

static int udrv_check_string(struct udrv_open *o, const struct udrv_io_step *s,
			     struct udrv_totals *totals)
{
	if (o->d->region[s->region].kind == UDRV_KIND_CONFIG || s->width == 8)
		return udrv_refuse(o, -EINVAL,
			"strings are 1, 2 or 4 bytes wide, in memory or ports");
	if (!s->count)
		return udrv_refuse(o, -EINVAL, "a string of 0 elements");
	totals->string += (u64)s->count * s->width;
	if (totals->string > UDRV_IO_MAX_STRING)
		return udrv_refuse(o, -E2BIG,
			"strings of more than %u bytes in one program",
			UDRV_IO_MAX_STRING);
	return 0;
}

static int udrv_check_delay(struct udrv_open *o, const struct udrv_io_step *s,
			    struct udrv_totals *totals)
{
	if (s->op == UDRV_OP_DELAY && s->count > UDRV_IO_MAX_DELAY_US)
		return udrv_refuse(o, -E2BIG, "a delay of %u us: at most %u",
				   s->count, UDRV_IO_MAX_DELAY_US);
	totals->wait += s->count;
	if (totals->wait > UDRV_IO_MAX_WAIT_US)
		return udrv_refuse(o, -E2BIG,
			"delays and waits of more than %u us in one program",
			UDRV_IO_MAX_WAIT_US);
	return 0;
}

static bool udrv_step_has_value(u8 op)
{
	return op == UDRV_OP_WRITE || op == UDRV_OP_WAIT;
}

static bool udrv_step_has_mask_or_data(u8 op)
{
	return op == UDRV_OP_WAIT || op == UDRV_OP_READ_STRING ||
	       op == UDRV_OP_WRITE_STRING;
}

static int udrv_check_fields(struct udrv_open *o, const struct udrv_io_step *s)
{
	bool delay = s->op == UDRV_OP_DELAY;
	u64 limit = s->width < 8 ? (1ull << (8 * s->width)) - 1 : ~0ull;

	if (s->op > UDRV_OP_WAIT)
		return udrv_refuse(o, -EINVAL, "no step operation %u", s->op);
	if (s->reserved || (!udrv_step_has_value(s->op) && s->value) ||
	    (!udrv_step_has_mask_or_data(s->op) && s->mask_or_data) ||
	    (s->op <= UDRV_OP_WRITE && s->count) ||
	    (delay && (s->width || s->region || s->offset)))
		return udrv_refuse(o, -EINVAL,
			"a field that operation %u does not use is not 0", s->op);
	if (udrv_step_has_value(s->op) && s->value > limit)
		return udrv_refuse(o, -EINVAL,
			"value %#llx does not fit width %u", s->value, s->width);
	return 0;
}

/*
 * Is it what nearly every step is, in a region that is open?  In a few
 * instructions; what is not goes the long way, which also says why.
 */
static __always_inline bool udrv_step_plain(struct udrv_open *o,
					    const struct udrv_io_step *s)
{
	u64 unused = s->reserved, value = s->value;
	struct udrv_region *r;
	u32 width = s->width;

	if (s->region >= UDRV_REGION_COUNT || (width != 1 && width != 2 && width != 4))
		return false;
	r = &o->d->region[array_index_nospec(s->region, UDRV_REGION_COUNT)];
	if (!READ_ONCE(r->iomem) || r->hole_size || s->offset & (width - 1) ||
	    s->offset >= r->size || r->size - s->offset < width)
		return false;
	switch (s->op) {
	case UDRV_OP_READ:
		return !(unused | s->count | s->mask_or_data | value);
	case UDRV_OP_WRITE:
		return !(unused | s->count | s->mask_or_data |
			 value >> (8 * width)) && !(r->caps & UDRV_REGION_READ_ONLY);
	case UDRV_OP_WAIT:
		return !(unused | value >> (8 * width));
	default:
		return false;
	}
}

static int udrv_check_step(struct udrv_open *o, const struct udrv_io_step *s,
			   struct udrv_totals *totals)
{
	bool write = s->op == UDRV_OP_WRITE || s->op == UDRV_OP_WRITE_STRING;
	int ret;

	ret = udrv_check_fields(o, s);
	if (ret)
		return ret;
	if (s->op == UDRV_OP_DELAY)
		return udrv_check_delay(o, s, totals);
	ret = udrv_region_check(o, s->region, s->offset, s->width, write);
	if (ret)
		return ret;
	if (s->op == UDRV_OP_WAIT)
		ret = udrv_check_delay(o, s, totals);
	else if (s->op == UDRV_OP_READ_STRING || s->op == UDRV_OP_WRITE_STRING)
		ret = udrv_check_string(o, s, totals);
	return ret;
}

/* --------------------------------------------------------------- execution */

/* So many accesses at most before unbinding, which waits, gets its turn. */
#define UDRV_RUN	64

static int udrv_alive(struct udrv_open *o)
{
	int ret;

	down_read(&o->d->lock);
	ret = udrv_usable(o);
	if (unlikely(ret))
		up_read(&o->d->lock);
	return ret;
}

static int udrv_run_string(struct udrv_open *o, const struct udrv_io_step *s)
{
	void __user *data = u64_to_user_ptr(s->mask_or_data);
	u32 left = s->count, chunk, bytes;
	int ret;

	while (left) {
		chunk = min_t(u32, left, 8 * UDRV_RUN);
		bytes = chunk * s->width;
		if (s->op == UDRV_OP_WRITE_STRING &&
		    copy_from_user(o->bounce, data, bytes))
			return -EFAULT;
		ret = udrv_alive(o);
		if (ret)
			return ret;
		if (s->op == UDRV_OP_WRITE_STRING)
			udrv_string_write(o->d, s, o->bounce, chunk);
		else
			udrv_string_read(o->d, s, o->bounce, chunk);
		up_read(&o->d->lock);
		if (s->op == UDRV_OP_READ_STRING &&
		    copy_to_user(data, o->bounce, bytes))
			return -EFAULT;
		data += bytes;
		left -= chunk;
		if (left && fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return 0;
}

/* Has what a wait is for come?  d->lock is held. */
static bool udrv_look(struct udrv_open *o, struct udrv_io_step *s)
{
	s->out_value = udrv_step_read(o->d, s);
	return (s->out_value & s->mask_or_data) == s->value;
}

/* Poll: hard at first, then with sleeps that grow to a sixteenth of the wait. */
static int udrv_run_wait(struct udrv_open *o, struct udrv_io_step *s)
{
	u64 start = ktime_get_ns(), elapsed;
	bool last = false, come;
	int ret;

	for (;;) {
		ret = udrv_alive(o);
		if (ret)
			return ret;
		come = udrv_look(o, s);
		up_read(&o->d->lock);
		if (come)
			return 0;
		if (last)
			return udrv_refuse(o, -ETIMEDOUT,
				"region %u offset %#llx was %#llx, and not %#llx in mask %#llx, after %u us",
				s->region, s->offset, s->out_value, s->value,
				s->mask_or_data, s->count);
		if (signal_pending(current))
			return -EINTR;
		elapsed = ktime_get_ns() - start;
		last = elapsed >= s->count * (u64)NSEC_PER_USEC;
		if (elapsed > UDRV_SPIN_NS && !last)
			usleep_range(10, clamp_t(u32, s->count / 16, 20, 1000));
		else
			cpu_relax();
	}
}

static int udrv_run_delay(const struct udrv_io_step *s)
{
	if (s->count > 10)
		usleep_range(s->count, s->count + s->count / 4);
	else
		udelay(s->count);
	return 0;
}

/*
 * Runs of plain accesses, and waits that are over at once, go under one hold
 * of d->lock.  Returns steps done.
 */
static u32 udrv_run_plain(struct udrv_open *o, u32 first, u32 count)
{
	struct udrv_io_step *s;
	u32 i;

	for (i = first; i < count && i - first < UDRV_RUN; i++) {
		s = &o->steps[i];
		if (s->op == UDRV_OP_READ)
			s->out_value = udrv_step_read(o->d, s);
		else if (s->op == UDRV_OP_WRITE)
			udrv_step_write(o->d, s);
		else if (s->op != UDRV_OP_WAIT || !udrv_look(o, s))
			break;
	}
	return i;
}

/* What takes its time, or copies. */
static int udrv_run_long(struct udrv_open *o, struct udrv_io_step *s)
{
	switch (s->op) {
	case UDRV_OP_DELAY:
		return udrv_run_delay(s);
	case UDRV_OP_WAIT:
		return udrv_run_wait(o, s);
	default:
		return udrv_run_string(o, s);
	}
}

static bool udrv_may_be_plain(u8 op)
{
	return op == UDRV_OP_READ || op == UDRV_OP_WRITE || op == UDRV_OP_WAIT;
}

static int udrv_run(struct udrv_open *o, u32 count, u32 *done)
{
	u32 before;
	int ret;

	while (*done < count) {
		before = *done;
		if (udrv_may_be_plain(o->steps[before].op)) {
			ret = udrv_alive(o);
			if (ret)
				return ret;
			*done = udrv_run_plain(o, before, count);
			up_read(&o->d->lock);
			if (*done > before)
				continue;
		}
		ret = udrv_run_long(o, &o->steps[before]);
		if (ret)
			return ret;
		(*done)++;
	}
	return 0;
}

/* --------------------------------------------------------------- the command */

static int udrv_copy_steps(struct udrv_open *o, const struct udrv_io *io)
{
	void __user *from = u64_to_user_ptr(io->steps);
	u32 i;
	int ret;

	if (likely(io->step_size == sizeof(*o->steps)))
		return copy_from_user(o->steps, from,
				      io->count * sizeof(*o->steps)) ?
			-EFAULT : 0;
	for (i = 0; i < io->count; i++, from += io->step_size) {
		ret = copy_struct_from_user(&o->steps[i], sizeof(*o->steps),
					    from, io->step_size);
		if (ret)
			return ret;
	}
	return 0;
}

/* A wait that timed out tells what it saw too. */
static int udrv_copy_results(struct udrv_open *o, const struct udrv_io *io,
			     u32 done, struct udrv_io __user *arg)
{
	void __user *to = u64_to_user_ptr(io->steps);
	u32 last = min(done + 1, io->count);
	u32 i;

	for (i = 0; i < last; i++) {
		struct udrv_io_step __user *step = to + i * io->step_size;
		u8 op = o->steps[i].op;

		if (i == done && op != UDRV_OP_WAIT)
			break;
		if ((op == UDRV_OP_READ || op == UDRV_OP_WAIT) &&
		    put_user(o->steps[i].out_value, &step->out_value))
			return -EFAULT;
	}
	return put_user(done, &arg->out_done);
}

static int udrv_io_buffers(struct udrv_open *o)
{
	if (!o->steps)
		o->steps = kmalloc_array(UDRV_IO_MAX_STEPS, sizeof(*o->steps),
					 GFP_KERNEL_ACCOUNT);
	if (!o->bounce)
		o->bounce = (void *)__get_free_page(GFP_KERNEL_ACCOUNT);
	return o->steps && o->bounce ? 0 : -ENOMEM;
}

static int udrv_check_program(struct udrv_open *o, u32 count)
{
	struct udrv_totals totals = {};
	struct udrv_io_step *s;
	bool closed = false;
	int ret = 0;
	u32 i;

	for (i = 0; i < count && !ret; i++) {
		s = &o->steps[i];
		s->out_value = 0;
		if (!udrv_step_plain(o, s)) {
			ret = udrv_check_step(o, s, &totals);
			closed |= s->op != UDRV_OP_DELAY;
		} else if (s->op == UDRV_OP_WAIT) {
			ret = udrv_check_delay(o, s, &totals);
		}
	}
	/* Opening a region changes something: only now. */
	for (i = 0; closed && i < count && !ret; i++)
		if (o->steps[i].op != UDRV_OP_DELAY)
			ret = udrv_region_open(o, o->steps[i].region);
	return ret;
}

static long udrv_io_locked(struct udrv_open *o, const struct udrv_io *io,
			   struct udrv_io __user *arg)
{
	u32 done = 0;
	int ret, copied;

	ret = udrv_io_buffers(o);
	if (!ret)
		ret = udrv_copy_steps(o, io);
	if (!ret)
		ret = udrv_check_program(o, io->count);
	if (ret)
		return put_user(0, &arg->out_done) ? -EFAULT : ret;
	ret = udrv_run(o, io->count, &done);
	atomic64_inc(&o->d->count.programs);
	atomic64_add(done, &o->d->count.steps);
	copied = udrv_copy_results(o, io, done, arg);
	return ret ?: copied;
}

long udrv_io(struct udrv_open *o, void __user *arg)
{
	struct udrv_io io;
	long ret;

	ret = udrv_copy_in(&io, sizeof(io), sizeof(io), arg);
	if (ret)
		return ret;
	if (io.flags || io.reserved)
		return udrv_refuse(o, -EINVAL, "IO takes no flags");
	if (!io.count || io.step_size < sizeof(struct udrv_io_step))
		return udrv_refuse(o, -EINVAL,
			"IO needs 1 to %u steps of %zu bytes, not %u of %u",
			UDRV_IO_MAX_STEPS, sizeof(struct udrv_io_step),
			io.count, io.step_size);
	if (io.count > UDRV_IO_MAX_STEPS || io.step_size > PAGE_SIZE)
		return udrv_refuse(o, -E2BIG,
			"IO takes at most %u steps of %lu bytes",
			UDRV_IO_MAX_STEPS, PAGE_SIZE);
	ret = mutex_lock_killable(&o->io_lock);
	if (ret)
		return ret;
	ret = READ_ONCE(o->dead) ? -ENODEV : udrv_io_locked(o, &io, arg);
	mutex_unlock(&o->io_lock);
	return ret;
}
