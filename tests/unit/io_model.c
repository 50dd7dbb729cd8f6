// SPDX-License-Identifier: MIT
/* See io_model.h. */
#include <errno.h>
#include <string.h>
#include "io_model.h"

static bool is_string(const struct udrv_io_step *s)
{
	return s->op == UDRV_OP_READ_STRING || s->op == UDRV_OP_WRITE_STRING;
}

/* What the kernel would refuse. */
static bool valid(const struct io_model *io, void *model,
		  const struct udrv_io_step *steps, unsigned count)
{
	uint64_t wait = 0, bytes = 0;

	for (unsigned i = 0; i < count; i++) {
		const struct udrv_io_step *s = &steps[i];

		if (s->op == UDRV_OP_DELAY || s->op == UDRV_OP_WAIT)
			wait += s->count;
		if (is_string(s))
			bytes += (uint64_t)s->count * s->width;
		if (s->op == UDRV_OP_DELAY) {
			if (s->count > UDRV_IO_MAX_DELAY_US)
				return false;
		} else if (s->op > UDRV_OP_WAIT || s->width > 4 ||
			   s->value >> (8 * s->width) || !io->has(model, s)) {
			return false;
		}
	}
	return count && count <= UDRV_IO_MAX_STEPS &&
	       bytes <= UDRV_IO_MAX_STRING && wait <= UDRV_IO_MAX_WAIT_US;
}

static bool wait_for(const struct io_model *io, void *model,
		     struct udrv_io_step *s)
{
	uint64_t end = io->now(model) + s->count * 1000ull;

	for (;;) {
		s->out_value = io->read(model, s);
		if ((s->out_value & s->mask_or_data) == s->value)
			return true;
		if (io->now(model) >= end)
			return false;
		io->advance(model, IO_MODEL_POLL_NS);
	}
}

static void move_string(const struct io_model *io, void *model,
			const struct udrv_io_step *s)
{
	uint8_t *at = (uint8_t *)(uintptr_t)s->mask_or_data;
	uint64_t value = 0;

	for (unsigned i = 0; i < s->count; i++, at += s->width) {
		if (s->op == UDRV_OP_READ_STRING) {
			value = io->read(model, s);
			memcpy(at, &value, s->width);
		} else {
			memcpy(&value, at, s->width);
			io->write(model, s, value);
		}
	}
}

static int run_step(const struct io_model *io, void *model,
		    struct udrv_io_step *s)
{
	switch (s->op) {
	case UDRV_OP_READ:
		s->out_value = io->read(model, s);
		return 0;
	case UDRV_OP_WRITE:
		io->write(model, s, s->value);
		return 0;
	case UDRV_OP_DELAY:
		io->advance(model, s->count * 1000ull);
		return 0;
	case UDRV_OP_WAIT:
		return wait_for(io, model, s) ? 0 : ETIMEDOUT;
	default:
		move_string(io, model, s);
		return 0;
	}
}

int io_model_run(const struct io_model *io, void *model,
		 struct udrv_io_step *steps, unsigned count, unsigned most,
		 unsigned *done)
{
	int ret;

	*done = 0;
	if (!valid(io, model, steps, count))
		return EINVAL;
	for (; *done < count; (*done)++) {
		if (*done == most)
			return EINTR;
		ret = run_step(io, model, &steps[*done]);
		if (ret)
			return ret;
	}
	return 0;
}
