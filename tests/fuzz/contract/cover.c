// SPDX-License-Identifier: MIT
/*
 * Which edges of the module a program took, by KCOV, and the programs kept for
 * having taken a new one.  KCOV sees what the calling thread does in system
 * calls; it is blind in interrupts (what counts lines is gcov).
 */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/kcov.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define KCOV "/sys/kernel/debug/kcov"
#define COVER_ENTRIES (32u << 10)

bool cover_available(void)
{
	return !access(KCOV, R_OK | W_OK);
}

void cover_start(struct actor *a)
{
	if (!cover_available())
		return;
	a->cover_fd = fd_keep((int)MUST_OK(sys(open(KCOV, O_RDWR | O_CLOEXEC))));
	MUST_OK(sys(ioctl(a->cover_fd, KCOV_INIT_TRACE, COVER_ENTRIES)));
	a->cover = mmap(NULL, COVER_ENTRIES * sizeof(uint64_t),
			PROT_READ | PROT_WRITE, MAP_SHARED, a->cover_fd, 0);
	MUST(a->cover != MAP_FAILED);
}

/* By the thread itself. */
void cover_enable(struct actor *a)
{
	if (!a->cover)
		return;
	MUST_OK(sys(ioctl(a->cover_fd, KCOV_ENABLE, KCOV_TRACE_PC)));
	cover_reset(a);
}

void cover_reset(struct actor *a)
{
	if (a->cover)
		__atomic_store_n(&a->cover[0], 0, __ATOMIC_RELAXED);
}

/* Is there an edge among them that nobody took before? */
bool cover_merge(struct actor *a)
{
	uint64_t count, before = 0, pc, i;
	bool fresh = false;
	uint32_t edge;

	if (!a->cover)
		return false;
	count = __atomic_load_n(&a->cover[0], __ATOMIC_RELAXED);
	if (count >= COVER_ENTRIES)
		count = COVER_ENTRIES - 1;
	for (i = 1; i <= count; i++) {
		pc = a->cover[i];
		edge = (uint32_t)((pc ^ before * 0x9e3779b1) % FUZZ_EDGES);
		before = pc >> 1;
		if (run->seen[edge])
			continue;
		run->seen[edge] = 1;
		run->edges++;
		fresh = true;
	}
	return fresh;
}

void keep(const struct program *p)
{
	unsigned int at;

	if (p->lineage.depth == FUZZ_DEPTH)
		return;
	at = atomic_fetch_add(&run->kept_count, 1);
	if (at >= FUZZ_CORPUS) {
		run->kept_count = FUZZ_CORPUS;
		return;
	}
	run->kept[at].program = *p;
	run->kept[at].ready = true;
}
