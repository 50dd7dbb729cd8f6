/* SPDX-License-Identifier: MIT */
/* Devices that are not PCI: the parallel port, the keyboard controller. */
#ifndef BENCH_LEGACY_H
#define BENCH_LEGACY_H

#include "bench.h"

/* Declare the device, or give it back to the kernel: 0, or bench_fail()'s. */
int bench_declare(const char *name, bool ours);

#endif
