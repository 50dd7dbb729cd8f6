/* SPDX-License-Identifier: MIT */
/*
 * What the kernel has given out, by its own counts: before and after something
 * that must leave nothing behind.
 */
#ifndef COUNTS_H
#define COUNTS_H

#include "harness.h"

struct counts {
	int64_t pinned;		/* pages that user space had pinned */
	int64_t messages;	/* interrupts that are MSI or MSI-X */
	int64_t remapped;	/* interrupt remapping table entries in use */
	int64_t domains;	/* IOMMU domains in use */
	int64_t ranges;		/* I/O virtual address ranges */
	int64_t nodes;		/* device files of ours */
	int64_t minors;		/* a sum over their names and minors */
	int64_t references;	/* to the module */
	int64_t threads;	/* kworkers come and go: without them */
	int64_t charged;	/* bytes of the kernel's memory, to the group */
	int64_t available;	/* kB of memory */
	char meminfo[2048];	/* for whoever has to find where it went */
};

/*
 * A memory control group for those who will die; counts_join() is for a child
 * of ours, whose descendants are in it too.  Without CONFIG_MEMCG nothing.
 */
void counts_start(void);
void counts_join(void);

struct counts counts_take(void);

/*
 * Waits until all is as it was before, within what the kernel's own caches
 * explain, or ends the test and says what is not.
 */
void counts_must_be(const struct counts *before);

#endif
