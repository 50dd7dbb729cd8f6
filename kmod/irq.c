// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: the handlers, storms, and setting them up.
 *
 * The kernel counts; user space takes (irq_file.c).  Without a rule an INTx
 * interrupt is held back with the device's INTx-disable bit until the reader
 * comes again; with a rule (irq_rule.c) the handler acknowledges it at the
 * device itself and nothing is masked.  MSI and MSI-X are messages and need
 * neither.  Legacy lines (irq_line.c) are like the one or like the other.
 */
#include <linux/capability.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "compat.h"
#include "irq.h"
#include "trace.h"

void udrv_irq_count(struct udrv_device *d)
{
	u8 pin;

	pci_read_config_byte(d->pdev, PCI_INTERRUPT_PIN, &pin);
	d->intx = pin && d->pdev->irq && d->pdev->irq != IRQ_NOTCONNECTED;
	d->msi = max(pci_msi_vec_count(d->pdev), 0);
	d->msix = max(pci_msix_vec_count(d->pdev), 0);
	udrv_lines_count(d);
}

/* ---------------------------------------------------------------- handlers */

void udrv_rule_run(const struct udrv_rule_op *ops, int count, u32 claimed)
{
	int i;

	for (i = 0; i < count && ops[i].address; i++) {
		if (!ops[i].read)
			udrv_write_register(ops[i].address, ops[i].width,
				(claimed & ops[i].and_mask) ^ ops[i].xor_value);
		if (ops[i].read || ops[i].flush)
			udrv_read_register(ops[i].address, ops[i].width);
	}
}

/* v->lock is held.  Hold the interrupt back until somebody reads. */
static noinline void udrv_vector_storm(struct udrv_vector *v)
{
	struct udrv_device *d = v->d;

	if (v->mask_by == UDRV_MASK_BY_DEVICE)
		pci_intx(d->pdev, 0);
	else
		disable_irq_nosync(v->irq);
	v->masked = true;
	if (!v->storm_told && ___ratelimit(&d->storm_limit, udrv_name(d))) {
		dev_warn(&d->dev, "interrupt storm on vector %u of %*pE[%d]: masked until it is read\n",
			 v->index, (int)strlen(v->o->comm), v->o->comm,
			 pid_nr(v->o->pid));
		v->storm_told = true;
	}
	/* Whoever sees it counted finds it told. */
	atomic64_inc(&d->count.storms);
}

/* v->lock is held.  An interrupt is ours: count it. */
static __always_inline void udrv_vector_hit(struct udrv_vector *v, u32 status)
{
	u32 seen = READ_ONCE(v->slot->seen);

	if (v->count == seen) {
		v->status = 0;
		v->time_ns = ktime_get_ns();
	}
	v->count++;
	v->status |= status;
	v->armed = false;
	v->unclaimed = 0;
	WRITE_ONCE(v->slot->count, v->count);
	atomic64_inc(&v->d->count.interrupts);
	trace_udrv_irq(v->d, v->index, v->count, status);
	if (unlikely(v->count - seen > UDRV_STORM) && !v->masked)
		udrv_vector_storm(v);
}

static void udrv_vector_wake(struct udrv_vector *v)
{
	/*
	 * Waiters look at the count under v->lock after they queued, so an
	 * empty queue after our unlock means that nobody misses this one.
	 */
	if (waitqueue_active(&v->wait))
		wake_up_interruptible_poll(&v->wait, EPOLLIN | EPOLLRDNORM);
}

/* v->lock is held.  Masked or quiet, an interrupt is another device's. */
static bool udrv_vector_listens(const struct udrv_vector *v)
{
	return v->state == UDRV_VECTOR_ON && !v->quiet && !v->masked;
}

static irqreturn_t udrv_message_handler(int irq, void *data)
{
	struct udrv_vector *v = data;

	spin_lock(&v->lock);
	if (likely(udrv_vector_listens(v)))
		udrv_vector_hit(v, 0);
	spin_unlock(&v->lock);
	udrv_vector_wake(v);
	return IRQ_HANDLED;
}

static irqreturn_t udrv_intx_handler(int irq, void *data)
{
	struct udrv_vector *v = data;
	bool ours;

	spin_lock(&v->lock);
	ours = udrv_vector_listens(v);
	if (ours && v->mask_by == UDRV_MASK_BY_DEVICE)
		ours = pci_check_and_mask_intx(v->d->pdev);
	else if (ours)
		disable_irq_nosync(irq);
	if (ours) {
		v->masked = true;
		udrv_vector_hit(v, 0);
	} else {
		atomic64_inc(&v->d->count.not_ours);
	}
	spin_unlock(&v->lock);
	if (!ours)
		return IRQ_NONE;
	udrv_vector_wake(v);
	return IRQ_HANDLED;
}

/* v->lock is held.  Whose interrupt is it, by the rule? */
static bool udrv_rule_claims(const struct udrv_rule *rule, u32 *claimed)
{
	u32 ones;

	*claimed = 0;
	if (!rule->claim)
		return true;
	ones = rule->claim_width < 4 ? (1u << (8 * rule->claim_width)) - 1 : ~0u;
	*claimed = udrv_read_register(rule->claim, rule->claim_width);
	if (*claimed == ones && !rule->all_ones)
		return false;
	return *claimed & rule->claim_mask;
}

/* v->lock is held.  A storm is an event too: whoever waits shall see it. */
static void udrv_vector_storm_event(struct udrv_vector *v)
{
	if (!v->masked)
		udrv_vector_storm(v);
	udrv_vector_hit(v, 0);
}

/*
 * v->lock is held.  A rule that never claims what its own device raises would
 * have the kernel disable the line for its neighbours too: now and then ask
 * the device's status register, which also masks it.
 */
static irqreturn_t udrv_rule_doubts(struct udrv_vector *v)
{
	u32 claimed;

	if (!pci_check_and_mask_intx(v->d->pdev))
		return IRQ_NONE;
	/* Perhaps it came just now, after the claim register was read. */
	if (udrv_rule_claims(v->rule, &claimed)) {
		udrv_rule_run(v->rule->acks, UDRV_RULE_ACKS, claimed);
		udrv_vector_hit(v, claimed);
		if (!v->masked)
			pci_intx(v->d->pdev, 1);
	} else {
		udrv_vector_storm_event(v);
	}
	return IRQ_HANDLED;
}

/* v->lock is held.  What nobody else can have raised is never IRQ_NONE. */
static irqreturn_t udrv_rule_disclaims(struct udrv_vector *v)
{
	atomic64_inc(&v->d->count.not_ours);
	v->unclaimed++;
	if (!v->shared) {
		if (v->unclaimed > UDRV_STORM)
			udrv_vector_storm_event(v);
		return IRQ_HANDLED;
	}
	if (v->mask_by == UDRV_MASK_BY_DEVICE && !(v->unclaimed % UDRV_DOUBT))
		return udrv_rule_doubts(v);
	return IRQ_NONE;
}

/* v->lock is held.  Is the line asserted still, by an interrupt just served? */
static bool udrv_rule_is_stuck(struct udrv_vector *v)
{
	u32 claimed;
	u16 status;

	if (v->mask_by == UDRV_MASK_BY_DEVICE) {
		pci_read_config_word(v->d->pdev, PCI_STATUS, &status);
		return status & PCI_STATUS_INTERRUPT;
	}
	/* What another claim finds, once in a thousand, may be a new one. */
	if (!udrv_rule_claims(v->rule, &claimed))
		return false;
	udrv_rule_run(v->rule->acks, UDRV_RULE_ACKS, claimed);
	udrv_vector_hit(v, claimed);
	return true;
}

/*
 * v->lock is held.  The count of pending events is only as good as the page it
 * is told by; whether the acks have any effect the device knows.  An edge ends
 * by itself.
 */
static noinline void udrv_rule_sample(struct udrv_vector *v)
{
	if (!v->level || v->masked)
		return;
	v->stuck = udrv_rule_is_stuck(v) ? v->stuck + 1 : 0;
	if (v->stuck >= UDRV_SAMPLES && !v->masked)
		udrv_vector_storm(v);
}

static irqreturn_t udrv_rule_handler(int irq, void *data)
{
	struct udrv_vector *v = data;
	irqreturn_t ret = IRQ_HANDLED;
	u32 claimed;

	spin_lock(&v->lock);
	if (!udrv_vector_listens(v)) {
		ret = IRQ_NONE;
	} else if (udrv_rule_claims(v->rule, &claimed)) {
		udrv_rule_run(v->rule->acks, UDRV_RULE_ACKS, claimed);
		udrv_vector_hit(v, claimed);
		if (unlikely(!(v->count % UDRV_SAMPLE)))
			udrv_rule_sample(v);
	} else {
		ret = udrv_rule_disclaims(v);
	}
	spin_unlock(&v->lock);
	if (ret == IRQ_HANDLED)
		udrv_vector_wake(v);
	return ret;
}

/*
 * v->lock is held, interrupts off.  A line that is still asserted is an event
 * at once.
 */
void udrv_vector_unmask(struct udrv_vector *v)
{
	struct pci_dev *pdev = v->d->pdev;

	if (v->mask_by == UDRV_MASK_BY_LINE) {
		v->masked = false;
		enable_irq(v->irq);
	} else if (!v->mask_always) {
		v->masked = false;
		pci_intx(pdev, 1);
	} else if (pci_check_and_unmask_intx(pdev)) {
		v->masked = false;
	} else {
		udrv_vector_hit(v, 0);
	}
}

/* ----------------------------------------------------------------- vectors */

/* d->lock is held for writing, or the open is not known to anybody yet. */
struct udrv_vector *udrv_vector_get(struct udrv_open *o, u32 index)
{
	const u32 per_page = PAGE_SIZE / sizeof(struct udrv_event_slot);
	struct udrv_event_slot *slots;
	struct udrv_vector *v;

	if (o->vector[index])
		return o->vector[index];
	v = kzalloc(sizeof(*v), GFP_KERNEL_ACCOUNT);
	if (!v)
		return NULL;
	slots = page_address(o->event_pages[index / per_page]);
	v->slot = &slots[index % per_page];
	v->o = o;
	v->d = o->d;
	v->index = index;
	init_waitqueue_head(&v->wait);
	spin_lock_init(&v->lock);
	o->vector[index] = v;
	return v;
}

/* What read() and the event page need, from the open to its very end. */
int udrv_irq_open(struct udrv_open *o)
{
	struct udrv_device *d = o->d;
	u32 i, pages;

	o->max_vectors = max3(d->msi, d->msix, max(d->lines, 1u));
	pages = DIV_ROUND_UP(o->max_vectors * sizeof(struct udrv_event_slot),
			     PAGE_SIZE);
	o->vector = kvcalloc(o->max_vectors, sizeof(*o->vector),
			     GFP_KERNEL_ACCOUNT);
	o->event_pages = kcalloc(pages, sizeof(*o->event_pages),
				 GFP_KERNEL_ACCOUNT);
	o->irq_name = kasprintf(GFP_KERNEL_ACCOUNT, "udrv-%s", udrv_name(d));
	if (!o->vector || !o->event_pages || !o->irq_name)
		return -ENOMEM;
	for (i = 0; i < pages; i++) {
		o->event_pages[i] = alloc_page(GFP_KERNEL_ACCOUNT | __GFP_ZERO);
		if (!o->event_pages[i])
			return -ENOMEM;
		o->event_page_count++;
	}
	o->first = udrv_vector_get(o, 0);
	return o->first ? 0 : -ENOMEM;
}

/* The last reference: also after an open that failed half-way. */
void udrv_irq_free(struct udrv_open *o)
{
	u32 i;

	for (i = 0; o->vector && i < o->max_vectors; i++)
		kfree(o->vector[i]);
	kvfree(o->vector);
	for (i = 0; i < o->event_page_count; i++)
		__free_page(o->event_pages[i]);
	kfree(o->event_pages);
	kfree(o->irq_name);
}

/*
 * From here on the handler says "not ours", so the device is masked in the
 * same breath: an asserted line that nobody claims would be disabled.  A line
 * that is ours alone is held back itself, until its next holder starts it.
 * Not so an edge, which would be kept and given to that holder.
 */
static void udrv_vector_stop(struct udrv_vector *v, enum udrv_vector_state state)
{
	spin_lock_irq(&v->lock);
	v->state = state;
	if (v->requested && v->intx)
		pci_intx(v->d->pdev, 0);
	if (v->requested && v->level && !v->shared && !v->masked) {
		disable_irq_nosync(v->irq);
		v->masked = true;
	}
	spin_unlock_irq(&v->lock);
	wake_up_all(&v->wait);
}

/* v->lock is held.  A reader lets through what the bit holds back. */
static void udrv_vector_intx_on(struct udrv_vector *v)
{
	bool held = v->masked && v->mask_by == UDRV_MASK_BY_DEVICE;

	if (v->intx && !held)
		pci_intx(v->d->pdev, 1);
}

static void udrv_vector_start(struct udrv_vector *v)
{
	spin_lock_irq(&v->lock);
	v->state = UDRV_VECTOR_ON;
	if (v->requested)
		udrv_vector_intx_on(v);
	spin_unlock_irq(&v->lock);
	wake_up_all(&v->wait);
}

static void udrv_vector_free(struct udrv_vector *v)
{
	if (v->requested) {
		free_irq(v->irq, v);
		/* A line we disabled may be a neighbour's too. */
		if (v->masked && v->mask_by == UDRV_MASK_BY_LINE && v->shared)
			enable_irq(v->irq);
		v->requested = false;
	}
	kfree(v->rule);
	v->rule = NULL;
}

/*
 * d->lock is held for writing.  The kernel enables INTx where messages end, and
 * then waits for locks: a device that asserts its line would have it disabled
 * for its neighbours before we could mask it.  So INTx stays masked.
 */
static void udrv_messages_end(struct pci_dev *pdev)
{
	const pci_dev_flags_t leave_intx = PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
	pci_dev_flags_t was = pdev->dev_flags & leave_intx;

	pdev->dev_flags |= leave_intx;
	pci_free_irq_vectors(pdev);
	if (!was)
		pdev->dev_flags &= ~leave_intx;
}

/* d->lock is held for writing.  Frees what is set up; vectors become @state. */
static void udrv_irq_off(struct udrv_open *o, enum udrv_vector_state state)
{
	struct udrv_vector *v;
	u32 i;

	for (i = 0; i < o->max_vectors; i++) {
		v = o->vector[i];
		if (!v)
			continue;
		if (v->state != state)
			udrv_vector_stop(v, state);
		udrv_vector_free(v);
	}
	if (o->irq_kind == UDRV_IRQ_MSI || o->irq_kind == UDRV_IRQ_MSIX)
		udrv_messages_end(o->d->pdev);
	/* Nobody would handle it. */
	if (o->d->pdev)
		pci_intx(o->d->pdev, 0);
	o->irq_kind = UDRV_IRQ_NONE;
	o->irq_vectors = 0;
}

void udrv_irq_teardown(struct udrv_open *o)
{
	udrv_irq_off(o, UDRV_VECTOR_DEAD);
}

/* Around a reset, under d->lock: no handler touches the device meanwhile. */
void udrv_irq_quiesce(struct udrv_open *o)
{
	struct udrv_vector *v;
	u32 i;

	for (i = 0; i < o->irq_vectors; i++) {
		v = o->vector[i];
		spin_lock_irq(&v->lock);
		v->quiet = true;
		if (v->intx)
			pci_intx(v->d->pdev, 0);
		spin_unlock_irq(&v->lock);
		if (v->mask_by == UDRV_MASK_BY_LINE)
			disable_irq(v->irq);
		else
			synchronize_irq(v->irq);
	}
}

/* The device forgot what armed it: readers arm again. */
void udrv_irq_resume(struct udrv_open *o)
{
	struct udrv_vector *v;
	u32 i;

	for (i = 0; i < o->irq_vectors; i++) {
		v = o->vector[i];
		spin_lock_irq(&v->lock);
		v->quiet = false;
		v->armed = false;
		udrv_vector_intx_on(v);
		spin_unlock_irq(&v->lock);
		if (v->mask_by == UDRV_MASK_BY_LINE)
			enable_irq(v->irq);
		wake_up_all(&v->wait);
	}
}

/* ------------------------------------------------------------------- setup */

/* How may this line be shared, and how is it held back? */
static void udrv_vector_intx(struct udrv_open *o, struct udrv_vector *v)
{
	v->irq = o->d->pdev->irq;
	v->intx = true;
	v->mask_by = o->d->can_mask_intx ? UDRV_MASK_BY_DEVICE : UDRV_MASK_BY_LINE;
	v->level = true;
	/* A storm without INTx-disable would take the neighbours' line along. */
	v->shared = o->d->can_mask_intx || (v->rule && capable(CAP_SYS_RAWIO));
	/* A reader lets it through; with a rule nothing holds it back. */
	v->masked = o->d->can_mask_intx && !v->rule;
}

static void udrv_vector_clear(struct udrv_vector *v)
{
	v->masked = false;
	v->quiet = false;
	v->armed = false;
	v->intx = false;
	v->level = false;
	v->shared = false;
	v->unclaimed = 0;
	v->stuck = 0;
	v->count = 0;
	v->slot->count = 0;
	v->slot->seen = 0;
	v->mask_by = UDRV_MASK_BY_LINE;
}

static irq_handler_t udrv_vector_handler(const struct udrv_vector *v)
{
	if (v->rule)
		return udrv_rule_handler;
	return v->mask_always ? udrv_intx_handler : udrv_message_handler;
}

/* Some devices are silent while INTx is masked, and the kernel leaves it then. */
static bool udrv_messages_want_intx(const struct pci_dev *pdev)
{
	return pdev->dev_flags & PCI_DEV_FLAGS_MSI_INTX_DISABLE_BUG;
}

static int udrv_vector_request(struct udrv_open *o, struct udrv_vector *v, u32 kind)
{
	unsigned long flags = IRQF_PROBE_SHARED;	/* we say it ourselves */
	int ret;

	udrv_vector_clear(v);
	if (kind == UDRV_IRQ_INTX) {
		udrv_vector_intx(o, v);
		flags |= v->shared ? IRQF_SHARED : 0;
	} else if (kind == UDRV_IRQ_LINES) {
		ret = udrv_vector_line(o, v);
		if (ret)
			return ret;
	} else {
		v->irq = pci_irq_vector(o->d->pdev, v->index);
		v->intx = !v->index && udrv_messages_want_intx(o->d->pdev);
		/* Nobody shares a message, and its storms we see ourselves. */
		irq_set_status_flags(v->irq, IRQ_IS_POLLED);
	}
	v->mask_always = v->level && !v->rule;
	/*
	 * What the device does not hold back can come at once.  What it does
	 * is let through when all handlers are there.
	 */
	if (v->mask_by == UDRV_MASK_BY_LINE)
		udrv_vector_start(v);
	ret = request_irq(v->irq, udrv_vector_handler(v), flags, o->irq_name, v);
	if (ret && kind == UDRV_IRQ_LINES)
		return udrv_line_refuse(o, v, ret);
	if (ret == -EBUSY)
		return udrv_refuse(o, ret,
			"interrupt line %d is shared and the device cannot mask its own (no INTx-disable): use MSI, or move the other device; /proc/interrupts names it",
			v->irq);
	if (ret)
		return ret;
	v->requested = true;
	return 0;
}

/* d->lock is held for writing.  Takes what it uses out of @rules. */
static int udrv_irq_on(struct udrv_open *o, const struct udrv_irq_setup *set,
		       struct udrv_rule **rules)
{
	struct udrv_vector *v;
	int ret = 0;
	u32 i;

	for (i = 0; i < set->vectors; i++)
		if (!udrv_vector_get(o, i))
			return -ENOMEM;
	if (set->kind == UDRV_IRQ_MSI || set->kind == UDRV_IRQ_MSIX) {
		ret = pci_alloc_irq_vectors(o->d->pdev, set->vectors, set->vectors,
			set->kind == UDRV_IRQ_MSI ? PCI_IRQ_MSI : PCI_IRQ_MSIX);
		if (ret < 0)
			return udrv_refuse(o, ret,
				"the kernel cannot give %u vectors: ask for fewer",
				set->vectors);
	}
	o->irq_kind = set->kind;
	for (i = 0, ret = 0; i < set->vectors && !ret; i++) {
		v = o->vector[i];
		if (i < set->rule_count)
			swap(v->rule, rules[i]);
		ret = udrv_vector_request(o, v, set->kind);
	}
	if (ret) {
		udrv_irq_off(o, UDRV_VECTOR_OFF);
		return ret;
	}
	o->irq_vectors = set->vectors;
	udrv_vector_start(o->first);
	return 0;
}

static int udrv_irq_check(struct udrv_open *o, const struct udrv_irq_setup *set)
{
	const u32 have[] = { 0, o->d->intx, o->d->msi, o->d->msix, o->d->lines };

	if (set->flags || set->kind > UDRV_IRQ_LINES)
		return udrv_refuse(o, -EINVAL, "no interrupt kind %u, or a flag",
				   set->kind);
	if (set->kind && !have[set->kind])
		return udrv_refuse(o, -ENXIO,
			"the device has no interrupts of kind %u", set->kind);
	if (set->vectors > have[set->kind] || (set->kind && !set->vectors))
		return udrv_refuse(o, -EINVAL,
			"%u vectors: the device has 1 to %u of this kind",
			set->vectors, have[set->kind]);
	if (set->rule_count > set->vectors ||
	    (set->rule_count && set->rule_size < sizeof(struct udrv_irq_rule)) ||
	    (!set->rule_count && (set->rules || set->rule_size)))
		return udrv_refuse(o, -EINVAL,
			"%u rules of %u bytes for %u vectors", set->rule_count,
			set->rule_size, set->vectors);
	if (set->rule_size > PAGE_SIZE)
		return -E2BIG;
	return 0;
}

long udrv_irq_setup(struct udrv_open *o, void __user *arg)
{
	struct udrv_rule **rules;
	struct udrv_irq_setup set;
	int ret;

	ret = udrv_copy_in(&set, sizeof(set), sizeof(set), arg);
	if (!ret)
		ret = udrv_irq_check(o, &set);
	if (ret)
		return ret;
	rules = udrv_rules_make(o, &set);
	if (IS_ERR(rules))
		return PTR_ERR(rules);
	down_write(&o->d->lock);
	ret = udrv_usable(o);
	if (!ret) {
		udrv_irq_off(o, UDRV_VECTOR_OFF);
		if (set.kind != UDRV_IRQ_NONE)
			ret = udrv_irq_on(o, &set, rules);
	}
	up_write(&o->d->lock);
	udrv_rules_free(rules, set.rule_count);
	return ret;
}
