/* SPDX-License-Identifier: MIT */
/*
 * Register programs, run on a model of a device as the kernel runs them on the
 * device.  Time is the model's own, in ns.
 */
#ifndef IO_MODEL_H
#define IO_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include "udrv.h"

#define IO_MODEL_ACCESS_NS	500	/* one on the bus: the shortest there is */
#define IO_MODEL_POLL_NS	1000	/* between two looks of a wait */

struct io_model {
	/* Is there such a register?  Not asked for delays. */
	bool (*has)(void *model, const struct udrv_io_step *step);
	/* These take the time they take; data: the element of a string. */
	uint64_t (*read)(void *model, const struct udrv_io_step *step);
	void (*write)(void *model, const struct udrv_io_step *step, uint64_t value);
	void (*advance)(void *model, uint64_t ns);
	uint64_t (*now)(const void *model);
};

/*
 * Run a register program, but no more than @most steps.  Return: 0, or what
 * the kernel would say: ETIMEDOUT, EINTR (at @most), EINVAL (nothing is done).
 */
int io_model_run(const struct io_model *io, void *model,
		 struct udrv_io_step *steps, unsigned count, unsigned most,
		 unsigned *done);

#endif
