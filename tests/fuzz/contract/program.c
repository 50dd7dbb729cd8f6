// SPDX-License-Identifier: MIT
/* Programs: made from a number, mutated by a number, the same each time. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

/* How often, in parts of their sum. */
static const uint8_t weights[CALL_KINDS] = {
	[CALL_OPEN] = 2, [CALL_CLOSE] = 2, [CALL_DUP] = 2, [CALL_FCNTL] = 3,
	[CALL_READ] = 10, [CALL_POLL] = 6, [CALL_EPOLL] = 2, [CALL_ODD] = 2,
	[CALL_MMAP] = 8, [CALL_TOUCH] = 10, [CALL_MUNMAP] = 3,
	[CALL_MCHANGE] = 2, [CALL_SEND] = 1, [CALL_RECEIVE] = 1, [CALL_FORK] = 0,
	[CALL_INFO] = 2, [CALL_REGION_INFO] = 3, [CALL_COUNTERS] = 1,
	[CALL_REASON] = 2, [CALL_MASTER] = 4, [CALL_RESET] = 1,
	[CALL_RELEASE] = 1, [CALL_NUMBER] = 1,
	[CALL_IO] = 22, [CALL_RAISE] = 10, [CALL_IRQ_SETUP] = 8, [CALL_IRQ_FD] = 4,
	[CALL_ALLOC] = 8, [CALL_MAP] = 12, [CALL_SYNC] = 5, [CALL_UNMAP] = 12,
	[CALL_LIST] = 3,
	[CALL_CONTROL] = 1, [CALL_ADD] = 3, [CALL_REMOVE] = 1, [CALL_GET] = 2,
};

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number
 * generators", 2014.
 */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static uint64_t random_from(uint32_t seed, uint32_t number, uint32_t what)
{
	uint64_t state = (uint64_t)seed << 32 | number;

	random_next(&state);
	state ^= (uint64_t)what << 48;
	random_next(&state);
	return state;
}

static uint16_t pick_kind(uint64_t *state)
{
	uint32_t sum = 0, i;

	/* A process costs as much as a hundred calls. */
	if (!random_below(state, 1000))
		return CALL_FORK;
	for (i = 0; i < CALL_KINDS; i++)
		sum += weights[i];
	sum = random_below(state, sum);
	for (i = 0; sum >= weights[i]; i++)
		sum -= weights[i];
	return (uint16_t)i;
}

static void call_make(struct call *c, uint64_t *state)
{
	unsigned int i;

	c->kind = pick_kind(state);
	c->thread = (uint16_t)random_below(state, FUZZ_THREADS);
	for (i = 0; i < FUZZ_WORDS; i++)
		c->word[i] = (uint32_t)(random_next(state) >> 16);
}

void program_make(struct program *p, uint32_t seed, uint32_t number)
{
	uint64_t state = random_from(seed, number, 1);
	uint32_t i;

	memset(&p->lineage, 0, sizeof(p->lineage));
	p->lineage.depth = 1;
	p->lineage.number[0] = number;
	p->device = random_below(&state, FUZZ_DEVICES);
	/* What takes a second to be reset is not to have all the time. */
	while (targets[p->device].slow && random_below(&state, 4))
		p->device = random_below(&state, FUZZ_DEVICES);
	p->threads = random_below(&state, 2) ? FUZZ_THREADS : 1;
	p->alone = 1 + random_below(&state, 8);
	p->count = 24 + random_below(&state, FUZZ_MAX_CALLS - 24);
	for (i = 0; i < p->count; i++)
		call_make(&p->calls[i], &state);
	/* Nearly nothing works without. */
	p->calls[0].kind = CALL_OPEN;
	p->calls[0].word[0] &= random_below(&state, 16) ? ~0xffu : ~0u;
}

static void call_insert(struct program *p, uint32_t at, const struct call *c)
{
	if (p->count == FUZZ_MAX_CALLS)
		p->count--;
	memmove(&p->calls[at + 1], &p->calls[at],
		(p->count - at) * sizeof(*c));
	p->calls[at] = *c;
	p->count++;
}

static void mutate_once(struct program *p, uint64_t *state)
{
	uint32_t at = random_below(state, p->count);
	struct call c, *old = &p->calls[at];

	switch (random_below(state, 16)) {
	case 0 ... 2:
		call_make(&c, state);
		if (at < FUZZ_MAX_CALLS - 1)
			call_insert(p, at, &c);
		break;
	case 3:
		if (p->count > 8) {
			memmove(old, old + 1, (p->count - at - 1) * sizeof(*old));
			p->count--;
		}
		break;
	case 4 ... 5:	/* the same once more, elsewhere */
		c = *old;
		at = random_below(state, p->count);
		if (at < FUZZ_MAX_CALLS - 1)
			call_insert(p, at, &c);
		break;
	case 6:
		call_make(old, state);
		break;
	case 7:
		p->threads = p->threads == 1 ? FUZZ_THREADS : 1;
		break;
	case 8:
		p->device = random_below(state, FUZZ_DEVICES);
		break;
	case 9:
		p->alone = 1 + random_below(state, p->count);
		break;
	case 10:
		old->word[random_below(state, FUZZ_WORDS)] ^=
			1u << random_below(state, 32);
		break;
	default:
		old->word[random_below(state, FUZZ_WORDS)] =
			(uint32_t)(random_next(state) >> 16);
		break;
	}
}

void program_mutate(struct program *p, uint32_t number, uint32_t seed)
{
	uint64_t state = random_from(seed, number, 2);
	uint32_t times = 1 + random_below(&state, 6);

	p->lineage.number[p->lineage.depth++] = number;
	while (times--)
		mutate_once(p, &state);
}

void program_from_lineage(struct program *p, const struct lineage *l,
			  uint32_t seed)
{
	uint32_t i;

	program_make(p, seed, l->number[0]);
	for (i = 1; i < l->depth; i++)
		program_mutate(p, l->number[i], seed);
}

int lineage_print(const struct lineage *l, char *to, size_t size)
{
	size_t used = 0;
	uint32_t i;

	to[0] = '\0';
	for (i = 0; i < l->depth && used < size; i++)
		used += (size_t)snprintf(to + used, size - used, "%s%u",
					 i ? "." : "", l->number[i]);
	return (int)used;
}

bool lineage_parse(struct lineage *l, const char *text)
{
	char *end;

	for (l->depth = 0; l->depth < FUZZ_DEPTH; text = end + 1) {
		l->number[l->depth++] = (uint32_t)strtoul(text, &end, 10);
		if (end == text || (*end && *end != '.'))
			return false;
		if (!*end)
			return true;
	}
	return false;
}
