/* SPDX-License-Identifier: MIT */
/*
 * Three ways to the first IDE disk, each a begin, a cycle (one request, going
 * on from the last one) and an end.  @bytes is the size of a request; @pages
 * is what the memory is made of: every piece of it costs the peer something.
 */
#ifndef BENCH_DISK_H
#define BENCH_DISK_H

#include "bench.h"

#define DISK_UNIT	"request"
#define DISK_BYTES	(64u << 20)	/* then from the start again */

/* ata_piix: pread() and pwrite() with O_DIRECT on its /dev/sdX. */
int disk_ata_begin(bool write, unsigned int bytes, enum bench_pages pages);
/* The same on the disk that a process of `udrv-ide serve` gives the kernel. */
int disk_hook_begin(bool write, unsigned int bytes, enum bench_pages pages);
void disk_file_cycle(void);
void disk_file_end(void);

/* The driver's own interface; its memory is mapped beforehand, whatever it is. */
int disk_api_begin(bool write, unsigned int bytes, enum bench_pages pages);
void disk_api_cycle(void);
void disk_api_end(void);

/* The block hook that this kernel has: "ublk", else "nbd". */
const char *disk_hook(void);

#endif
