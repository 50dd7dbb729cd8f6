// SPDX-License-Identifier: MIT
/* Register programs. */
#include "fuzz.h"

#include <string.h>
#include <sys/ioctl.h>

#define LONG_STEP 64u

static uint8_t pick_region(uint64_t *state)
{
	const struct target *t = self->place->t;
	uint32_t region = random_below(state, UDRV_REGION_COUNT);

	if (!random_below(state, 32))
		return (uint8_t)random_below(state, 256);
	while (t->kind[region] == UDRV_KIND_NONE)
		region = (region + 1) % UDRV_REGION_COUNT;
	return (uint8_t)region;
}

static uint8_t pick_width(uint64_t *state, uint32_t kind)
{
	static const uint8_t widths[] = { 1, 2, 4, 4, 4, 8 };

	return widths[random_below(state, kind == UDRV_KIND_MEM ? 6 : 5)];
}

/* Where a write goes: what may be written, or configuration space. */
static void pick_safe(uint64_t *state, struct udrv_io_step *s)
{
	const struct safe_write *safe = self->place->t->safe;
	uint32_t count = 0, at, bytes;

	while (safe[count].region != UDRV_REGION_COUNT)
		count++;
	at = random_below(state, count + 1);
	if (at == count) {
		s->region = UDRV_REGION_CONFIG;
		s->width = pick_width(state, UDRV_KIND_CONFIG);
		s->offset = random_below(state, 256) & ~(s->width - 1u);
		return;
	}
	bytes = safe[at].last - safe[at].first;
	s->region = safe[at].region;
	s->width = bytes >= 3 ? 4 : 1;
	s->offset = safe[at].first;
	if (bytes > 3)
		s->offset += random_below(state, bytes < (1u << 16) ? bytes - 2 :
						 1u << 16) & ~(s->width - 1u);
}

static void make_step(uint64_t *state, struct udrv_io_step *s)
{
	static const uint8_t ops[] = {
		UDRV_OP_READ, UDRV_OP_READ, UDRV_OP_READ, UDRV_OP_WRITE,
		UDRV_OP_WRITE, UDRV_OP_WRITE, UDRV_OP_READ_STRING,
		UDRV_OP_WRITE_STRING, UDRV_OP_DELAY, UDRV_OP_WAIT,
	};
	const struct target *t = self->place->t;
	uint64_t size;

	memset(s, 0, sizeof(*s));
	s->op = ops[random_below(state, ARRAY_SIZE(ops))];
	if (s->op == UDRV_OP_DELAY) {
		s->count = random_below(state, 20);
		return;
	}
	if (s->op == UDRV_OP_WRITE || s->op == UDRV_OP_WRITE_STRING) {
		pick_safe(state, s);
		s->value = random_below(state, 2) ? random_below(state, 256) :
						    random_next(state);
	} else {
		s->region = pick_region(state);
		size = t->size[s->region % UDRV_REGION_COUNT];
		s->width = pick_width(state, t->kind[s->region % UDRV_REGION_COUNT]);
		s->offset = (random_below(state, 2) ? random_below(state, 256) :
			     size ? random_next(state) % size : 0) &
			    ~(s->width - 1ull);
	}
	if (s->op == UDRV_OP_WAIT) {
		s->count = random_below(state, 64);
		s->mask_or_data = random_below(state, 2) ? 0 : random_next(state);
		s->value = s->mask_or_data ? random_next(state) : 0;
	}
	if (s->op == UDRV_OP_READ_STRING || s->op == UDRV_OP_WRITE_STRING) {
		s->value = 0;
		s->count = 1 + random_below(state, random_below(state, 64) ?
					    16 : 2048);
		s->mask_or_data = memory_address((uint32_t)random_next(state), 64);
	}
	if (s->width && s->width < 8 && s->op != UDRV_OP_READ)
		s->value &= (1ull << (8 * s->width)) - 1;
}

/* Of what was damaged nothing becomes a write that must not be. */
static void make_safe(struct udrv_io_step *s)
{
	if (s->op != UDRV_OP_WRITE && s->op != UDRV_OP_WRITE_STRING)
		return;
	if (s->width != 1 && s->width != 2 && s->width != 4 && s->width != 8)
		return;		/* refused */
	if (!target_may_write(self->place->t, s->region, s->offset, s->width))
		s->op = UDRV_OP_READ;
}

static unsigned int pick_count(uint32_t word)
{
	switch (word & 255) {
	case 0:
		return 256;
	case 1 ... 3:
		return 1 + (word >> 8) % 255;
	case 4 ... 127:
		return 1 + (word >> 8) % 8;
	default:
		return 1;
	}
}

/* As an array of steps of this size, which newer callers' are: what is more of
 * them is zero, or not.
 */
static void *lay_out(const struct udrv_io_step *steps, unsigned int count,
		     unsigned int stride, const struct call *c)
{
	static _Thread_local char array[UDRV_IO_MAX_STEPS * LONG_STEP];
	unsigned int i;

	if (stride == sizeof(*steps))
		return argument(steps, count * sizeof(*steps), c->word[6]);
	memset(array, 0, sizeof(array));
	for (i = 0; i < count; i++)
		memcpy(array + i * stride, &steps[i], sizeof(*steps));
	array[sizeof(*steps) + (c->word[7] >> 5) % (stride - sizeof(*steps))] =
		c->word[7] >> 16 & 1;
	return argument(array, count * stride, c->word[6]);
}

/* Damaged, the struct tells of the same steps, or is refused. */
static void run_program(const struct call *c, const struct udrv_io_step *steps,
			unsigned int count)
{
	unsigned int stride = c->word[7] & 31 ? sizeof(*steps) : LONG_STEP;
	struct udrv_io io = {
		.size = sizeof(io), .count = count, .step_size = stride,
	};
	uint64_t array;

	array = (uintptr_t)lay_out(steps, count, stride, c);
	io.steps = array;
	damage(&io, sizeof(io), c->word[9]);
	if (io.count > count && io.count <= UDRV_IO_MAX_STEPS)
		io.count = count;
	if (io.step_size >= sizeof(*steps) && io.step_size <= FUZZ_PAGE)
		io.step_size = stride;
	if (io.steps && io.steps < 1ull << 47)
		io.steps = array;
	counted(ioctl(pick_fd(c->word[0]), UDRV_IO,
		      argument_struct(&io, sizeof(io), c->word[8],
				      c->word[9] | 7)));
}

void call_io(const struct call *c)
{
	static _Thread_local struct udrv_io_step steps[UDRV_IO_MAX_STEPS];
	uint64_t state = (uint64_t)c->word[2] << 32 | c->word[3];
	unsigned int i, count = pick_count(c->word[1]);

	if (c->kind == CALL_RAISE) {
		steps[0] = self->place->t->raise;
		if (self->place->t->raise.offset == 0xc && steps[0].region == 0)
			steps[0].value = c->word[1] % 4;	/* ivshmem's vector */
		run_program(c, steps, 1);
		return;
	}
	for (i = 0; i < count; i++)
		make_step(&state, &steps[i]);
	damage(&steps[c->word[5] % count], sizeof(*steps), c->word[4]);
	for (i = 0; i < count; i++)
		make_safe(&steps[i]);
	/* A signal ends a wait. */
	if (!(c->word[5] >> 16 & 63))
		alarm_set(100 + c->word[5] % 512);
	run_program(c, steps, count);
	if (!(c->word[5] >> 16 & 63))
		alarm_set(0);
}
