/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One interrupt vector, shared by irq.c (handlers), irq_rule.c and irq_line.c
 * (what it is made of) and irq_file.c (readers).
 */
#ifndef UDRV_IRQ_H
#define UDRV_IRQ_H

#include <linux/poll.h>
#include "udrv_priv.h"

/* Events nobody took: more is a storm. */
#define UDRV_STORM	10000
/* How often an unclaimed interrupt is checked to be truly another's... */
#define UDRV_DOUBT	64
/* ...and a claimed one, to be gone after its acks; so many times not: a storm. */
#define UDRV_SAMPLE	1024
#define UDRV_SAMPLES	8

enum udrv_vector_state {
	UDRV_VECTOR_OFF,		/* not set up: ENXIO */
	UDRV_VECTOR_ON,
	UDRV_VECTOR_DEAD,		/* revoked or released: ENODEV */
};

/* How a vector's interrupt is held back. */
enum udrv_mask_by {
	UDRV_MASK_BY_DEVICE,		/* the INTx-disable bit */
	UDRV_MASK_BY_LINE,		/* disable_irq(): not shared, or its own */
};

struct udrv_rule_op {
	void __iomem *address;		/* NULL ends a list */
	u8 width;
	bool read;
	bool flush;
	u32 and_mask;
	u32 xor_value;
};

struct udrv_rule {
	void __iomem *claim;
	u8 claim_width;			/* 0: no claim register */
	bool all_ones;
	u32 claim_mask;
	struct udrv_rule_op acks[UDRV_RULE_ACKS];
	struct udrv_rule_op rearms[UDRV_RULE_REARMS];
};

/* Made once, then stays as long as its open: pollers hold its wait queue. */
struct udrv_vector {
	struct udrv_open *o;
	struct udrv_device *d;
	u32 index;
	wait_queue_head_t wait;
	struct udrv_event_slot *slot;	/* user-mapped: never trusted */

	spinlock_t lock;
	enum udrv_vector_state state;
	enum udrv_mask_by mask_by;
	bool intx;			/* comes only while INTx is enabled */
	bool level;			/* asserted until it is served */
	bool mask_always;		/* and no rule: each interrupt masks */
	bool masked;			/* by an interrupt, or by a storm */
	bool quiet;			/* during a reset: not ours */
	bool armed;
	bool storm_told;
	u32 unclaimed;			/* in a row */
	u32 stuck;			/* samples in a row */
	bool shared;
	u32 count;
	u32 status;
	u64 time_ns;
	struct udrv_rule *rule;		/* NULL: none */
	int irq;			/* Linux's number, while requested */
	bool requested;
};

static inline u32 udrv_vector_pending(const struct udrv_vector *v)
{
	return v->count - READ_ONCE(v->slot->seen);
}

/* irq.c */
void udrv_vector_unmask(struct udrv_vector *v);
void udrv_rule_run(const struct udrv_rule_op *ops, int count, u32 claimed);
struct udrv_vector *udrv_vector_get(struct udrv_open *o, u32 index);

/* irq_rule.c */
struct udrv_rule **udrv_rules_make(struct udrv_open *o,
				   const struct udrv_irq_setup *set);
void udrv_rules_free(struct udrv_rule **rules, u32 count);

/* irq_line.c */
void udrv_lines_count(struct udrv_device *d);
int udrv_vector_line(struct udrv_open *o, struct udrv_vector *v);
int udrv_line_refuse(struct udrv_open *o, const struct udrv_vector *v, int error);

/* irq_file.c */
ssize_t udrv_vector_read(struct udrv_vector *v, struct file *file,
			 char __user *to, size_t size);
__poll_t udrv_vector_poll(struct udrv_vector *v, struct file *file,
			  poll_table *wait);
long udrv_irq_fd(struct udrv_open *o, void __user *arg);
int udrv_event_mmap(struct udrv_open *o, struct vm_area_struct *vma);

#endif
