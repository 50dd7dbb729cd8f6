// SPDX-License-Identifier: GPL-2.0
/*
 * Claim/ack rules: from what user space wrote to what the handler runs.
 *
 * A rule is checked whole, by the same checks as a register program, before
 * any interrupt is touched; the handler (irq.c) then finds addresses only.
 */
#include <linux/slab.h>
#include <linux/uaccess.h>
#include "irq.h"

static int udrv_rule_check_access(struct udrv_open *o, u32 region, u64 offset,
				  u32 width, bool write)
{
	int ret;

	if (region == UDRV_REGION_CONFIG || region == UDRV_REGION_ROM)
		return udrv_refuse(o, -EINVAL,
			"a claim/ack rule runs in the interrupt handler and reaches memory and ports only, not region %u",
			region);
	if (width > 4)
		return udrv_refuse(o, -EINVAL, "rule accesses are 1, 2 or 4 bytes");
	ret = udrv_region_check(o, region, offset, width, write);
	return ret ?: udrv_region_open(o, region);
}

static int udrv_rule_make_ops(struct udrv_open *o, struct udrv_rule_op *to,
			      const struct udrv_rule_access *from, int count)
{
	int i, ret;

	for (i = 0; i < count && from[i].op != UDRV_RULE_NONE; i++) {
		if (from[i].op > UDRV_RULE_WRITE || from[i].reserved ||
		    from[i].flags & ~UDRV_RULE_FLUSH ||
		    (from[i].op == UDRV_RULE_READ &&
		     (from[i].flags || from[i].and_mask || from[i].xor_value)))
			return udrv_refuse(o, -EINVAL,
				"rule access %d: unknown operation or flag", i);
		ret = udrv_rule_check_access(o, from[i].region, from[i].offset,
					     from[i].width,
					     from[i].op == UDRV_RULE_WRITE);
		if (ret)
			return ret;
		to[i].address = o->d->region[from[i].region].iomem + from[i].offset;
		to[i].width = from[i].width;
		to[i].read = from[i].op == UDRV_RULE_READ;
		to[i].flush = from[i].flags & UDRV_RULE_FLUSH;
		to[i].and_mask = from[i].and_mask;
		to[i].xor_value = from[i].xor_value;
	}
	for (; i < count; i++)
		if (memchr_inv(&from[i], 0, sizeof(from[i])))
			return udrv_refuse(o, -EINVAL,
				"rule access %d comes after the end of its list", i);
	return 0;
}

static int udrv_rule_make_claim(struct udrv_open *o, u32 kind,
				struct udrv_rule *rule,
				const struct udrv_irq_rule *from)
{
	int ret;

	if (from->reserved || from->reserved2 || from->flags & ~UDRV_RULE_ALL_ONES)
		return udrv_refuse(o, -EINVAL, "unknown rule flags %#x", from->flags);
	if (!from->claim_width) {
		if (from->claim_region || from->claim_offset || from->claim_mask ||
		    from->flags || kind == UDRV_IRQ_INTX || kind == UDRV_IRQ_LINES)
			return udrv_refuse(o, -EINVAL,
				"only MSI and MSI-X rules go without a claim register");
		return 0;
	}
	if (!from->claim_mask)
		return udrv_refuse(o, -EINVAL,
				   "a claim mask of 0 never claims");
	ret = udrv_rule_check_access(o, from->claim_region, from->claim_offset,
				     from->claim_width, false);
	if (ret)
		return ret;
	rule->claim = o->d->region[from->claim_region].iomem + from->claim_offset;
	rule->claim_width = from->claim_width;
	rule->claim_mask = from->claim_mask;
	rule->all_ones = from->flags & UDRV_RULE_ALL_ONES;
	return 0;
}

/* From what user space gave to what the handler runs.  NULL: no rule. */
static struct udrv_rule *udrv_rule_make(struct udrv_open *o, u32 kind,
					const struct udrv_irq_rule *from)
{
	struct udrv_rule *rule;
	int ret;

	if (!memchr_inv(from, 0, sizeof(*from)))
		return NULL;
	rule = kzalloc(sizeof(*rule), GFP_KERNEL_ACCOUNT);
	if (!rule)
		return ERR_PTR(-ENOMEM);
	ret = udrv_rule_make_claim(o, kind, rule, from);
	if (!ret)
		ret = udrv_rule_make_ops(o, rule->acks, from->acks, UDRV_RULE_ACKS);
	if (!ret)
		ret = udrv_rule_make_ops(o, rule->rearms, from->rearms,
					 UDRV_RULE_REARMS);
	if (ret) {
		kfree(rule);
		return ERR_PTR(ret);
	}
	return rule;
}

void udrv_rules_free(struct udrv_rule **rules, u32 count)
{
	u32 i;

	for (i = 0; rules && i < count; i++)
		kfree(rules[i]);
	kvfree(rules);
}

static int udrv_rules_copy(struct udrv_open *o, const struct udrv_irq_setup *set,
			   struct udrv_rule **rules)
{
	void __user *from = u64_to_user_ptr(set->rules);
	struct udrv_irq_rule rule;
	int ret;
	u32 i;

	for (i = 0; i < set->rule_count; i++, from += set->rule_size) {
		ret = copy_struct_from_user(&rule, sizeof(rule), from,
					    set->rule_size);
		if (ret)
			return ret;
		rules[i] = udrv_rule_make(o, set->kind, &rule);
		if (IS_ERR(rules[i])) {
			ret = PTR_ERR(rules[i]);
			rules[i] = NULL;
			return ret;
		}
	}
	return 0;
}

/* An array of them, NULL if there are none.  Touches user memory. */
struct udrv_rule **udrv_rules_make(struct udrv_open *o,
				   const struct udrv_irq_setup *set)
{
	struct udrv_rule **rules;
	int ret;

	if (!set->rule_count)
		return NULL;
	rules = kvcalloc(set->rule_count, sizeof(*rules), GFP_KERNEL_ACCOUNT);
	if (!rules)
		return ERR_PTR(-ENOMEM);
	ret = udrv_rules_copy(o, set, rules);
	if (!ret)
		return rules;
	udrv_rules_free(rules, set->rule_count);
	return ERR_PTR(ret);
}
