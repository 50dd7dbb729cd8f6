// SPDX-License-Identifier: MIT
/*
 * An unprivileged driver that takes all it can get, of everything: what it gets
 * is bounded, told where it is too much, and nobody else's.
 */
#include "rogue.h"
#include "declare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

const char test_machines[] = "iommu";
const int test_seconds = 120;

#define TRACING "/sys/kernel/tracing/"

/* Lines of the log that are about a device. */
static int lines_about(const char *address)
{
	const char *at = log_text();
	char start[64];
	int lines = 0;

	snprintf(start, sizeof(start), ";udrv %s: ", address);
	while ((at = strstr(at, start))) {
		lines++;
		at++;
	}
	return lines;
}

/* ------------------------------------------------------------- log and trace */

static void be_refused_often(int fd)
{
	int i, rounds = fewer(20000, 4000);
	uint64_t before = counters(fd).out_refusals;

	/* A name that would be a line of its own, about somebody else. */
	MUST_OK(sys(prctl(PR_SET_NAME, "x\nudrv 0000:00:")));
	for (i = 0; i < rounds; i++)
		REFUSED(io_write(fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
	MUST_EQUAL(counters(fd).out_refusals - before, rounds);
}

static void be_refused_once(int fd)
{
	REFUSED(io_write(fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
}

/* Ten lines in five seconds, of each device its own. */
static void log_is_not_drowned(void)
{
	uint64_t start;
	pid_t rogue;

	give(EDU, NOBODY);
	give(EDU_ALONE, NOBODY);
	start = now_ms();
	rogue = rogue_start(EDU, be_refused_often);
	rogue_end(rogue);
	MUST(blamed(EDU, "configuration byte 0x4", rogue));
	MUST((uint64_t)lines_about(EDU) <= 11 * (2 + (now_ms() - start) / 5000));
	/* The log escapes what it is told, we what is in the name: twice. */
	MUST(!logged("\nudrv 0000:00:["));
	MUST(!logged("\\x0a"));
	MUST(logged("(x\\x5cnudrv 0000:00:["));
	/* The next one's line is told all the same. */
	rogue = rogue_start(EDU_ALONE, be_refused_once);
	rogue_end(rogue);
	MUST(blamed(EDU_ALONE, "configuration byte 0x4", rogue));
}

static long trace_kb(void)
{
	char text[64];

	MUST_OK(read_text(TRACING "buffer_total_size_kb", text, sizeof(text)));
	return atol(text);
}

/* Old events go when new ones come: it takes no more memory, and root's time. */
static void trace_buffer_does_not_grow(void)
{
	long before;

	give(EDU, NOBODY);
	MUST_OK(write_text(TRACING "events/udrv/enable", "1"));
	rogue_run(EDU, be_refused_once);	/* made with the first event */
	before = trace_kb();
	rogue_run(EDU, be_refused_often);
	MUST_EQUAL(trace_kb(), before);
	MUST_OK(write_text(TRACING "events/udrv/enable", "0"));
	MUST_OK(write_text(TRACING "trace", "\n"));
}

/* -------------------------------------------------------------------- storms */

/*
 * On the neighbour's line: a rule that claims all there is, acknowledges
 * nothing, and a page that says all is read.
 */
static void storm(int fd)
{
	struct edu edu = { .fd = fd, .bar = must_map(fd, 0, EDU_BAR_SIZE) };
	struct udrv_irq_rule rule = {
		.flags = UDRV_RULE_ALL_ONES, .claim_width = 4,
		.claim_offset = EDU_ID, .claim_mask = ~0u,
	};
	struct udrv_irq_event event;
	int i;

	follow_events(fd);
	set_nonblock(fd, true);
	for (i = 0; i < fewer(20, 5); i++) {
		MUST_OK(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1));
		attempted(1);
		edu_raise(&edu, 1);
		WAIT_FOR(counters(fd).out_storms > (uint64_t)i);
		/* And again, as a reader would. */
		irq_read(fd, &event);
		edu_lower(&edu);
	}
	unfollow_events();
}

static void storm_spares_the_line_and_its_neighbour(void)
{
	pid_t rogue;

	give(EDU, NOBODY);
	neighbour_start(EDU_SHARED);
	rogue = rogue_start(EDU, storm);
	rogue_end(rogue);
	MUST(logged("interrupt storm on vector 0 of "));
	MUST(logged(EDU ": interrupt storm"));
	neighbour_end();
	MUST(!logged("nobody cared"));
	MUST(lines_about(EDU) <= 22);
}

/* -------------------------------------------------------------- memory and pins */

#define LIMIT_PAGES 256

static long available_kb(void)
{
	char text[4096], *at;

	MUST_OK(read_text("/proc/meminfo", text, sizeof(text)));
	at = strstr(text, "MemAvailable:");
	return strtol(at + 13, NULL, 10);
}

/* In large pieces and in small ones, by maps, buffers and those of children. */
static void take_all_memory(int fd)
{
	uint8_t *memory = mmap(NULL, 4 * LIMIT_PAGES * PAGE,
			       PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	unsigned int i, pages = 0;
	struct udrv_dma map;
	pid_t child;

	REFUSED(dma_map(fd, memory, (LIMIT_PAGES + 1) * PAGE, UDRV_DMA_BOTH, 0,
			&map), ENOMEM);
	REFUSED(dma_map(fd, (void *)0x10000, UDRV_DMA_MAX_MAP, UDRV_DMA_BOTH, 0,
			&map), ENOMEM);
	REFUSED(dma_alloc(fd, UDRV_DMA_MAX_BUFFER, 0, &map), ENOMEM);
	for (i = 0; pages < LIMIT_PAGES; i++, pages++)
		if (i & 1)
			MUST_OK(dma_alloc(fd, 1, 0, &map));
		else
			MUST_OK(dma_map(fd, memory + i, 1, UDRV_DMA_TO_DEVICE, 0,
					&map));
	REFUSED(dma_alloc(fd, 1, 0, &map), ENOMEM);
	/* A child's limit is the same: it is the user's. */
	child = fork();
	if (!child) {
		REFUSED(dma_map(fd, memory, 1, UDRV_DMA_TO_DEVICE, 0, &map), ENOMEM);
		_exit(0);
	}
	MUST_EQUAL(reap(child), 0);
}

static void small_limit(int fd)
{
	struct rlimit limit = { LIMIT_PAGES * PAGE, LIMIT_PAGES * PAGE };

	MUST_OK(sys(setrlimit(RLIMIT_MEMLOCK, &limit)));
	take_all_memory(fd);
}

static void pins_are_the_users_and_bounded(void)
{
	long pinned, before;
	pid_t rogue;

	give(EDU, NOBODY);
	neighbour_start(EDU_SHARED);
	pinned = pinned_pages();
	before = available_kb();
	rogue = rogue_start(EDU, small_limit);
	rogue_end(rogue);
	MUST(blamed(EDU, "RLIMIT_MEMLOCK", rogue));
	WAIT_FOR(pinned_pages() == pinned);
	if (!debug_kernel())
		WAIT_FOR(before - available_kb() < 16 * 1024);
	neighbour_end();
}

/* ------------------------------------------------ I/O addresses, ids, vectors, files */

static void take_all_addresses(int fd)
{
	static struct udrv_dma maps[UDRV_DMA_MAX_BATCH];
	unsigned int i, all = 0, done;
	struct udrv_dma map;
	uint8_t *memory;
	int ret = 0;

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	/* All that 16 bits have, then all ids. */
	while (!(ret = dma_map(fd, memory, 1, UDRV_DMA_TO_DEVICE, 16, &map)))
		all++;
	attempted(all + 1);
	MUST_EQUAL(ret, -ENOSPC);
	MUST_EQUAL(all, 15);
	do {
		for (i = 0; i < ARRAY_SIZE(maps); i++)
			maps[i] = (struct udrv_dma){
				.flags = UDRV_DMA_TO_DEVICE, .length = 1,
				.address = (uintptr_t)memory,
			};
		ret = dma_batch(fd, UDRV_DMA_MAP, maps, ARRAY_SIZE(maps), &done);
		all += done;
	} while (!ret);
	attempted(1);
	MUST_EQUAL(ret, -ENOSPC);
	MUST_EQUAL(all, UDRV_DMA_MAX_IDS - 1);
}

static void generous_limit(int fd)
{
	take_all_addresses(fd);
}

static void addresses_and_ids_are_its_own(void)
{
	struct rlimit limit = { 64 << 20, 64 << 20 };
	pid_t rogue;

	MUST_OK(sys(setrlimit(RLIMIT_MEMLOCK, &limit)));
	give(EDU, NOBODY);
	neighbour_start(EDU_SHARED);
	rogue = rogue_start(EDU, generous_limit);
	rogue_end(rogue);
	MUST(blamed(EDU, "I/O addresses within 16 bits", rogue));
	MUST(blamed(EDU, "mappings exist, the most", rogue));
	neighbour_end();
}

static void take_all_files(int fd)
{
	struct rlimit limit = { 512, 512 };
	int i, file;

	MUST_OK(sys(setrlimit(RLIMIT_NOFILE, &limit)));
	REFUSED(irq_setup(fd, UDRV_IRQ_MSIX, 5, NULL, 0), EINVAL);
	REFUSED(irq_setup(fd, UDRV_IRQ_MSIX, 0x800, NULL, 0), EINVAL);
	REFUSED(irq_fd(fd, 4, 0), ENXIO);
	for (i = 0; i < 100; i++)
		MUST_OK(irq_setup(fd, UDRV_IRQ_MSIX, 1 + (unsigned int)i % 4, NULL, 0));
	for (i = 0; i < 512; i++) {
		file = i & 1 ? irq_fd(fd, (unsigned int)i / 2 % 4, 0) :
			       device_open(IVSHMEM, O_RDONLY);
		if (file < 0)
			break;
	}
	attempted(1);
	MUST_EQUAL(file, -EMFILE);
	MUST(i > 400);
}

static void vectors_and_files_are_bounded(void)
{
	pid_t rogue;

	give(IVSHMEM, NOBODY);
	neighbour_start(EDU_ALONE);
	rogue = rogue_start(IVSHMEM, take_all_files);
	rogue_end(rogue);
	MUST(blamed(IVSHMEM, "5 vectors: the device has 1 to 4", rogue));
	WAIT_FOR(!has_interrupt("udrv-" IVSHMEM));
	neighbour_end();
}

/*
 * Files that are held although their devices are gone.  There are 4096 minors,
 * and as many more devices as one likes must find one.
 */
static void held_files_use_up_no_minors(void)
{
	struct rlimit limit = { 8192, 8192 };
	int i, rounds = fewer(4200, 300);
	char path[64], target[64];
	ssize_t size;

	MUST_OK(sys(setrlimit(RLIMIT_NOFILE, &limit)));
	for (i = 0; i < rounds; i++) {
		declare_parport("parport");
		MUST_OK(device_open("parport", O_RDONLY));
		undeclare("parport");
		attempted(1);
	}
	declare_parport("parport");
	close((int)MUST_OK(device_open("parport", O_RDWR)));
	/* Which must have been a low one, or the test has too few rounds. */
	snprintf(path, sizeof(path), "/sys/class/udrv/parport/dev");
	size = read_text(path, target, sizeof(target));
	MUST_OK(size);
	MUST(atoi(strchr(target, ':') + 1) < 16);
	figure_add("rogue-attempts", (uint64_t)rounds);
}

const struct test tests[] = {
	TEST(log_is_not_drowned),
	TEST(trace_buffer_does_not_grow),
	TEST(storm_spares_the_line_and_its_neighbour),
	TEST(pins_are_the_users_and_bounded),
	TEST(addresses_and_ids_are_its_own),
	TEST(vectors_and_files_are_bounded),
	TEST(held_files_use_up_no_minors),
	{ NULL, NULL },
};
