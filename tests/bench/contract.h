/* SPDX-License-Identifier: MIT */
/* Our side by the bare contract, as the peers are used. */
#ifndef BENCH_CONTRACT_H
#define BENCH_CONTRACT_H

#include <sys/mman.h>

#include "uapi/udrv.h"

struct udrv {
	int device;
	volatile void *bar;
};

#define UDRV_CLOSED { -1, MAP_FAILED }

int udrv_open(struct udrv *u);
void udrv_close(struct udrv *u);

/* bench_fail() with the module's sentence. */
int udrv_fail(const struct udrv *u, const char *what);

#endif
