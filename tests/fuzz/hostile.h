/* SPDX-License-Identifier: MIT */
/*
 * A device that answers anything, for the fuzz programs: what its registers read,
 * whether a wait of a register program ends, whether an interrupt comes is taken
 * from the input.  Here are the calls of libudrv and of the clock that a driver
 * makes; time is the device's own, and passes with each of them.
 *
 * A driver must end whatever it does: a run that makes too many calls is a spin.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>
#include "udrv.h"

#define HOSTILE_FD	142
#define HOSTILE_BUFFERS	4	/* of usr_dma_alloc() */

#define CHECK(condition) do { if (!(condition)) abort(); } while (0)

struct hostile {
	const uint8_t *at, *end;
	uint64_t now;			/* ns */
	unsigned calls, most_calls;
	struct udrv_info info;
	uint32_t region_size[8];	/* 0 = there is none */
	uint16_t region_kind;
	/* Asked instead of the input; may be NULL.  Return: is it answered? */
	bool (*read)(const struct udrv_io_step *step, uint8_t *data);
	/* What it were if all was well; NULL: what was written there last. */
	uint64_t (*good)(const struct udrv_io_step *step);
	void (*write)(const struct udrv_io_step *step);
	void (*pass)(void);		/* time does */
	struct usr_dma buffer[HOSTILE_BUFFERS];
	void *registers;		/* what usr_region_map() gives */
	struct udrv_event_slot slots[8];
};

extern struct hostile hostile;

/* What drivers call instead of the C library's functions. */
int hostile_poll(struct pollfd *files, nfds_t count, int timeout_ms);
int hostile_clock_gettime(clockid_t clock, struct timespec *now);
int hostile_nanosleep(const struct timespec *time, struct timespec *left);

void hostile_begin(const uint8_t *data, size_t size);
void hostile_end(void);

bool hostile_over(void);
/* 0xff when the input is over: a device that is gone. */
uint8_t hostile_byte(void);
/* Little-endian. */
uint64_t hostile_bytes(unsigned bytes);

#endif
