// SPDX-License-Identifier: MIT
/* Setting interrupts up, with claim/ack rules; vector files. */
#include "fuzz.h"

#include <string.h>
#include <sys/ioctl.h>

#define MOST_RULES 8u
#define LONG_RULE (sizeof(struct udrv_irq_rule) + 16)

static void make_access(uint64_t *state, struct udrv_rule_access *a)
{
	const struct safe_write *safe = self->place->t->safe;
	uint32_t count = 0, at;

	memset(a, 0, sizeof(*a));
	while (safe[count].region != UDRV_REGION_COUNT)
		count++;
	if (!count)
		return;
	at = random_below(state, count);
	a->op = (uint8_t)(1 + random_below(state, 2));
	a->width = safe[at].last - safe[at].first >= 3 ? 4 : 1;
	a->region = safe[at].region;
	a->offset = safe[at].first;
	if (a->op == UDRV_RULE_WRITE) {
		a->flags = random_below(state, 2) ? UDRV_RULE_FLUSH : 0;
		a->and_mask = random_below(state, 2) ? ~0u : 0;
		a->xor_value = random_below(state, 2) ?
			       (uint32_t)random_next(state) : 0;
	}
}

static void make_rule(uint64_t *state, struct udrv_irq_rule *rule)
{
	const struct target *t = self->place->t;
	uint32_t i;

	*rule = t->rule;
	if (!random_below(state, 4)) {
		memset(rule, 0, sizeof(*rule));
		return;
	}
	if (random_below(state, 2))
		return;
	if (random_below(state, 2)) {
		rule->claim_region = (uint8_t)random_below(state, 6);
		rule->claim_width = (uint8_t)(1u << random_below(state, 3));
		rule->claim_offset = random_below(state, 64) * 4;
		rule->claim_mask = (uint32_t)random_next(state);
		rule->flags = random_below(state, 2);
	}
	if (!random_below(state, 4))
		memset(rule, 0, offsetof(struct udrv_irq_rule, acks));
	for (i = 0; i < random_below(state, UDRV_RULE_ACKS + 1); i++)
		make_access(state, &rule->acks[i]);
	for (i = 0; i < random_below(state, UDRV_RULE_REARMS + 1); i++)
		make_access(state, &rule->rearms[i]);
}

static void make_access_safe(struct udrv_rule_access *a)
{
	if (a->op == UDRV_RULE_WRITE &&
	    !target_may_write(self->place->t, a->region, a->offset,
			      a->width ? a->width : 1))
		a->op = UDRV_RULE_READ;
}

static void make_safe(struct udrv_irq_rule *rule)
{
	unsigned int i;

	for (i = 0; i < UDRV_RULE_ACKS; i++)
		make_access_safe(&rule->acks[i]);
	for (i = 0; i < UDRV_RULE_REARMS; i++)
		make_access_safe(&rule->rearms[i]);
}

static uint32_t pick_vectors(const struct call *c, uint32_t kind)
{
	if (!(c->word[2] & 15))
		return (uint32_t)odd_number(c->word[2] >> 4);
	if (kind == UDRV_IRQ_NONE)
		return 0;
	if (kind == UDRV_IRQ_MSIX || kind == UDRV_IRQ_LINES)
		return 1 + (c->word[2] >> 4) % 4;
	return 1;
}

static void *lay_out(const struct udrv_irq_rule *rules, unsigned int count,
		     size_t stride, const struct call *c)
{
	char array[MOST_RULES * LONG_RULE];
	unsigned int i;

	memset(array, 0, sizeof(array));
	for (i = 0; i < count; i++)
		memcpy(array + i * stride, &rules[i], sizeof(*rules));
	if (stride > sizeof(*rules))
		array[sizeof(*rules) + 3] = c->word[7] >> 8 & 1;
	return argument(array, count * stride, c->word[6]);
}

static void call_setup(const struct call *c)
{
	uint64_t state = (uint64_t)c->word[3] << 32 | c->word[4], array = 0;
	uint32_t kind = (c->word[1] & 63) ? (c->word[1] >> 6) % 5 : c->word[1];
	struct udrv_irq_setup set = { .size = sizeof(set), .kind = kind };
	size_t stride = c->word[7] & 31 ? sizeof(struct udrv_irq_rule) : LONG_RULE;
	struct udrv_irq_rule rules[MOST_RULES];
	unsigned int i, count;

	set.vectors = pick_vectors(c, kind);
	count = c->word[5] & 1 ? 0 : 1 + (c->word[5] >> 1) % MOST_RULES;
	if (c->word[5] >> 8 & 7 && count > set.vectors)
		count = set.vectors;
	for (i = 0; i < count; i++)
		make_rule(&state, &rules[i]);
	if (count) {
		damage(&rules[c->word[5] >> 16 & (count - 1)], sizeof(rules[0]),
		       c->word[7] >> 5);
		for (i = 0; i < count; i++)
			make_safe(&rules[i]);
		array = (uintptr_t)lay_out(rules, count, stride, c);
		set.rules = array;
		set.rule_count = count;
		set.rule_size = (uint32_t)stride;
	}
	damage(&set, sizeof(set), c->word[9]);
	/* It tells of the same rules, or is refused. */
	if (set.rules && set.rules < 1ull << 47)
		set.rules = array;
	if (set.rule_count > count && set.rule_count <= UDRV_IO_MAX_STEPS)
		set.rule_count = count;
	if (set.rule_size >= sizeof(rules[0]) && set.rule_size <= FUZZ_PAGE)
		set.rule_size = (uint32_t)stride;
	counted(ioctl(pick_fd(c->word[0]), UDRV_IRQ_SETUP,
		      argument_struct(&set, sizeof(set), c->word[8],
				      c->word[9] | 7)));
}

static void call_vector(const struct call *c)
{
	struct udrv_irq_fd get = {
		.size = sizeof(get), .vector = c->word[1] & 15 ?
			(c->word[1] >> 4) % 4 : c->word[1],
		.flags = c->word[2] & 3 ? UDRV_IRQ_FD_NONBLOCK : 0,
	};
	struct udrv_irq_fd *arg;

	arg = argument_struct(&get, sizeof(get), c->word[8], c->word[9]);
	if (!counted(ioctl(pick_fd(c->word[0]), UDRV_IRQ_FD, arg)))
		put_fd(8 + c->word[3] % 8, arg->out_fd);
}

void call_irq(const struct call *c)
{
	if (c->kind == CALL_IRQ_SETUP)
		call_setup(c);
	else
		call_vector(c);
}
