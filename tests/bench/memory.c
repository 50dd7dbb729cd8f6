// SPDX-License-Identifier: MIT
/* Memory for transfers, the same for all ways of a program. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

#define SMALL	4096u
#define LARGE	BENCH_MEMORY

static const char *const pages_text[] = {
	[PAGES_SMALL] = "4 KiB pages as they come",
	[PAGES_SCATTERED] = "4 KiB pages that are not neighbours",
	[PAGES_HUGE] = "one huge page",
};

/* How many pieces of neighbouring physical pages it is made of. */
static unsigned int physical_pieces(const unsigned char *at, size_t size)
{
	uint64_t before = 0, pages[LARGE / SMALL];
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	size_t bytes = size / SMALL * sizeof(pages[0]);
	unsigned int pieces = 0;

	if (pread(fd, pages, bytes, (off_t)((uintptr_t)at / SMALL *
					    sizeof(pages[0]))) != (ssize_t)bytes)
		die("/proc/self/pagemap: %s", strerror(errno));
	close(fd);
	for (size_t i = 0; i < size / SMALL; i++) {
		uint64_t frame = pages[i] & ((1ull << 55) - 1);

		if (!frame)
			die("/proc/self/pagemap: page %zu is not there", i);
		pieces += frame != before + 1;
		before = frame;
	}
	return pieces;
}

static unsigned char *new_memory(int advice)
{
	unsigned char *all = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *aligned = all + (-(uintptr_t)all & (LARGE - 1));

	if (all == MAP_FAILED)
		die("mmap: %s", strerror(errno));
	if (madvise(aligned, LARGE, advice))
		die("madvise: %s", strerror(errno));
	return aligned;
}

unsigned char *bench_memory(enum bench_pages pages)
{
	static unsigned char *made[PAGES_HUGE + 1];
	unsigned char *memory, *between;

	if (made[pages])
		return made[pages];
	memory = new_memory(pages == PAGES_HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	between = new_memory(MADV_NOHUGEPAGE);
	for (size_t at = 0; at < LARGE; at += SMALL) {
		memory[at] = 1;
		if (pages == PAGES_SCATTERED)
			between[at] = 1;
	}
	bench_note("%s: 2 MiB of %s, in %u physical pieces",
		   program_invocation_short_name, pages_text[pages],
		   physical_pieces(memory, LARGE));
	made[pages] = memory;
	return memory;
}
