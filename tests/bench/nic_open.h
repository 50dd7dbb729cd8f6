/* SPDX-License-Identifier: MIT */
#ifndef BENCH_NIC_OPEN_H
#define BENCH_NIC_OPEN_H

#include "e1000/e1000.h"

/* With a link, or NULL with a reason by bench_fail(). */
struct e1000 *nic_open(const char *name, const struct e1000_options *options);

#endif
