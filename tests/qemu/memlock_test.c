// SPDX-License-Identifier: MIT
/* Pinned memory counts against its user's RLIMIT_MEMLOCK. */
#include "edu.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096
#define LIMIT 16		/* pages */

static int fd;

/* Become an unprivileged user with a small limit; 32 pages of memory. */
static uint8_t *small_user(void)
{
	struct rlimit limit = { LIMIT * PAGE, LIMIT * PAGE };
	uint8_t *memory = mmap(NULL, 2 * LIMIT * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST_OK(sys(setrlimit(RLIMIT_MEMLOCK, &limit)));
	become_nobody();
	return memory;
}

static int map_pages(uint8_t *memory, unsigned int pages, struct udrv_dma *map)
{
	return dma_map(fd, memory, pages * PAGE, UDRV_DMA_BOTH, 28, map);
}

static void fill_the_limit(void *unused)
{
	uint8_t *memory = small_user();
	struct udrv_dma map, one;

	(void)unused;
	MUST_OK(map_pages(memory, LIMIT - 1, &map));
	MUST_ERROR(map_pages(memory, 2, &one), ENOMEM);
	MUST_REASON(fd, ENOMEM, "RLIMIT_MEMLOCK");
	MUST_OK(map_pages(memory, 1, &one));
	MUST_ERROR(dma_alloc(fd, PAGE, 28, &map), ENOMEM);
	MUST_OK(dma_unmap(fd, one.id));
	MUST_OK(dma_alloc(fd, PAGE, 28, &map));
	/* A whole page each, however little of it. */
	MUST_ERROR(dma_map(fd, memory, 1, UDRV_DMA_BOTH, 28, &map), ENOMEM);
}

static void limit_is_enforced(void)
{
	fd = device_own(EDU);
	MUST_EQUAL(reap(spawn(fill_the_limit, NULL)), 0);
	/* That was charged to the user, who is dead: until the close. */
	close(fd);
	fd = device_own(EDU);
	MUST_EQUAL(reap(spawn(fill_the_limit, NULL)), 0);
}

static void map_ten(void *unused)
{
	struct udrv_dma map;

	(void)unused;
	MUST_OK(map_pages(small_user(), 10, &map));
}

static void map_six_but_not_seven(void *unused)
{
	uint8_t *memory = small_user();
	struct udrv_dma map;

	(void)unused;
	MUST_ERROR(map_pages(memory, 7, &map), ENOMEM);
	MUST_OK(map_pages(memory, 6, &map));
}

/* Else fork and die, fork and die would pin without limit. */
static void charge_is_the_users_not_the_processs(void)
{
	struct udrv_dma list[4];
	unsigned int done, i;

	fd = device_own(EDU);
	MUST_EQUAL(reap(spawn(map_ten, NULL)), 0);
	MUST_EQUAL(reap(spawn(map_six_but_not_seven, NULL)), 0);
	MUST_OK(dma_batch(fd, UDRV_DMA_LIST, list, 4, &done));
	MUST_EQUAL(done, 2);
	/* The successor sees whose they were, and ends them. */
	for (i = 0; i < done; i++) {
		MUST(list[i].out_state & UDRV_DMA_STATE_ORPHAN);
		MUST_OK(dma_unmap(fd, list[i].id));
	}
	MUST_EQUAL(reap(spawn(fill_the_limit, NULL)), 0);
}

static void fail_often(void *unused)
{
	uint8_t *memory = small_user();
	struct udrv_dma map;
	int i;

	(void)unused;
	munmap(memory + 8 * PAGE, PAGE);
	for (i = 0; i < 20; i++) {
		MUST_ERROR(map_pages(memory, 10, &map), EFAULT);
		MUST_ERROR(dma_map(fd, memory, PAGE, UDRV_DMA_BOTH, 12, &map),
			   ENOSPC);
		MUST_ERROR(dma_alloc(fd, PAGE, 12, &map), ENOSPC);
	}
	MUST_OK(map_pages(memory, 8, &map));
	MUST_OK(map_pages(memory + 9 * PAGE, 8, &map));
}

static void failed_map_charges_nothing(void)
{
	long pinned = pinned_pages();

	fd = device_own(EDU);
	MUST_EQUAL(reap(spawn(fail_often, NULL)), 0);
	MUST_EQUAL(pinned_pages() - pinned, 16);
	close(fd);
	WAIT_FOR(pinned_pages() == pinned);
}

static void other_user_has_its_own_limit(void)
{
	struct udrv_dma map;
	uint8_t *memory = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fd = device_own(EDU);
	/* CAP_IPC_LOCK: no limit. */
	MUST_OK(map_pages(memory, 64, &map));
	MUST_EQUAL(reap(spawn(fill_the_limit, NULL)), 0);
}

const struct test tests[] = {
	TEST(limit_is_enforced),
	TEST(charge_is_the_users_not_the_processs),
	TEST(failed_map_charges_nothing),
	TEST(other_user_has_its_own_limit),
	{ NULL, NULL },
};
