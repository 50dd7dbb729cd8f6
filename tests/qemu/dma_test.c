// SPDX-License-Identifier: MIT
/* DMA that works: there and back, through every kind of memory. */
#include "edu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu amd";
const int test_seconds = 60;

#define PAGE 4096
#define LARGE (2u << 20)

static struct edu edu_dma_open(const char *address)
{
	struct edu edu = edu_open(address);

	MUST_OK(bus_master(edu.fd, 1));
	return edu;
}

static void *anonymous(size_t length)
{
	void *at = mmap(NULL, length, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	MUST(at != MAP_FAILED);
	return at;
}

static void fill(uint8_t *memory, size_t length, unsigned int seed)
{
	size_t i;

	for (i = 0; i < length; i++)
		memory[i] = (uint8_t)(i * 13 + i / 256 + seed);
}

static bool filled(const uint8_t *memory, size_t length, unsigned int seed)
{
	size_t i;

	for (i = 0; i < length; i++)
		if (memory[i] != (uint8_t)(i * 13 + i / 256 + seed))
			return false;
	return true;
}

/* To the device, away from memory, and back. */
static void there_and_back(const struct edu *edu, uint8_t *memory, uint64_t iova,
			   uint32_t length, unsigned int seed)
{
	fill(memory, length, seed);
	edu_dma_in(edu, iova, length);
	memset(memory, 0, length);
	edu_dma_out(edu, iova, length);
	MUST(filled(memory, length, seed));
}

static void allocated_buffer(void)
{
	struct edu edu = edu_dma_open(EDU);
	struct udrv_dma map;
	uint8_t *memory;

	MUST_OK(dma_alloc(edu.fd, 3 * PAGE, EDU_DMA_BITS, &map));
	MUST(map.id > 0);
	MUST_EQUAL(map.out_iova % PAGE, 0);
	memory = must_map(edu.fd, map.out_mmap_offset, 3 * PAGE);
	/* Fresh: nothing of what the kernel had there. */
	MUST(memory[0] == 0 && !memcmp(memory, memory + 1, 3 * PAGE - 1));
	there_and_back(&edu, memory, map.out_iova, EDU_BUFFER_SIZE, 1);
	there_and_back(&edu, memory + 2 * PAGE, map.out_iova + 2 * PAGE, EDU_BUFFER_SIZE, 2);
	MUST(filled(memory, EDU_BUFFER_SIZE, 1));
	MUST_OK(dma_sync(edu.fd, map.id, 0, PAGE, UDRV_DMA_FROM_DEVICE));
	MUST_EQUAL(counters(edu.fd).out_mapped_bytes, 3 * PAGE);
	MUST_OK(dma_unmap(edu.fd, map.id));
	MUST_EQUAL(counters(edu.fd).out_mapped_bytes, 0);
	munmap(memory, 3 * PAGE);
}

static void mapped_memory(uint8_t *memory, size_t offset, uint32_t length)
{
	struct edu edu = edu_dma_open(EDU);
	struct udrv_dma map;

	MUST_OK(dma_map(edu.fd, memory + offset, length, UDRV_DMA_BOTH,
			EDU_DMA_BITS, &map));
	MUST_EQUAL(map.out_iova % PAGE, (uintptr_t)(memory + offset) % PAGE);
	MUST_EQUAL(map.out_segments, 1);
	MUST(map.out_iova > 0);
	MUST(map.out_iova + length <= 1ull << EDU_DMA_BITS);
	there_and_back(&edu, memory + offset, map.out_iova,
		       length < PAGE ? length : EDU_BUFFER_SIZE, 3);
	if (length > PAGE)
		there_and_back(&edu, memory + offset + length - PAGE,
			       map.out_iova + length - PAGE, EDU_BUFFER_SIZE, 4);
	MUST_OK(dma_unmap(edu.fd, map.id));
	edu_close(&edu);
}

static void anonymous_memory(void)
{
	mapped_memory(anonymous(8 * PAGE), 0, 8 * PAGE);
}

static void unaligned_memory(void)
{
	mapped_memory(anonymous(8 * PAGE), 1234, 3 * PAGE + 77);
	mapped_memory(anonymous(PAGE), 17, 1);
	mapped_memory(anonymous(2 * PAGE), PAGE - 1, 2);
}

static void memory_never_touched_before(void)
{
	void *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	mapped_memory(at, 0, 4 * PAGE);
}

static void shared_memory(void)
{
	int fd = (int)MUST_OK(sys(memfd_create("dma", MFD_CLOEXEC)));
	uint8_t *at;

	MUST_OK(sys(ftruncate(fd, 4 * PAGE)));
	at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	mapped_memory(at, 0, 4 * PAGE);
}

static void transparent_huge_page(void)
{
	uint8_t *at = mmap(NULL, 2 * LARGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t *aligned = (uint8_t *)(((uintptr_t)at + LARGE - 1) & ~(LARGE - 1ul));

	madvise(aligned, LARGE, MADV_HUGEPAGE);
	mapped_memory(aligned, 0, LARGE);
	mapped_memory(aligned, 5, LARGE - 5);
}

static void huge_page(void)
{
	uint8_t *at;

	write_text("/proc/sys/vm/nr_hugepages", "2");
	at = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (at == MAP_FAILED)
		skip("no huge pages");
	mapped_memory(at, 0, LARGE);
	munmap(at, LARGE);
	write_text("/proc/sys/vm/nr_hugepages", "0");
}

/* One segment, at an address that lets the IOMMU use its large pages. */
static void two_megabytes_are_one_segment(void)
{
	struct edu edu = edu_dma_open(EDU);
	struct udrv_dma_segment segment[2] = { { 1, 1 }, { 2, 2 } };
	uint8_t *at = anonymous(3 * LARGE);
	struct udrv_dma map = {
		.flags = UDRV_DMA_BOTH, .width = EDU_DMA_BITS,
		.address = (uintptr_t)at + 4096, .length = LARGE,
		.segments = (uintptr_t)segment, .segment_capacity = 2,
	};

	MUST_OK(dma_batch(edu.fd, UDRV_DMA_MAP, &map, 1, NULL));
	MUST_EQUAL(map.out_segments, 1);
	MUST_EQUAL(segment[0].iova, map.out_iova);
	MUST_EQUAL(segment[0].length, LARGE);
	MUST_EQUAL(segment[1].iova, 2);
	MUST_EQUAL((map.out_iova - map.address) % LARGE, 0);
	there_and_back(&edu, at + 4096, map.out_iova, EDU_BUFFER_SIZE, 5);
	there_and_back(&edu, at + LARGE, map.out_iova + LARGE - 4096, EDU_BUFFER_SIZE, 6);
}

/* Physically scattered memory is contiguous for the device. */
static void scattered_memory_is_contiguous(void)
{
	struct edu edu = edu_dma_open(EDU);
	uint8_t *at = anonymous(64 * PAGE), *apart = anonymous(64 * PAGE);
	struct udrv_dma map;
	int i;

	/* Every other page from elsewhere. */
	for (i = 0; i < 64; i += 2)
		MUST(mremap(apart + (63 - i) * PAGE, PAGE, PAGE,
			    MREMAP_MAYMOVE | MREMAP_FIXED, at + i * PAGE) !=
		     MAP_FAILED);
	MUST_OK(dma_map(edu.fd, at, 64 * PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &map));
	/* Across a boundary, where the next frame is another's. */
	there_and_back(&edu, at + 5 * PAGE - 2048, map.out_iova + 5 * PAGE - 2048,
		       EDU_BUFFER_SIZE, 7);
	there_and_back(&edu, at + 63 * PAGE, map.out_iova + 63 * PAGE, EDU_BUFFER_SIZE, 8);
}

static void read_only_memory(void)
{
	struct edu edu = edu_dma_open(EDU);
	uint8_t *at = anonymous(PAGE), *other = anonymous(PAGE);
	struct udrv_dma map, back;

	fill(at, PAGE, 9);
	mprotect(at, PAGE, PROT_READ);
	MUST_ERROR(dma_map(edu.fd, at, PAGE, UDRV_DMA_FROM_DEVICE, 28, &map), EFAULT);
	MUST_REASON(edu.fd, EFAULT, "writable");
	MUST_ERROR(dma_map(edu.fd, at, PAGE, UDRV_DMA_BOTH, 28, &map), EFAULT);
	MUST_OK(dma_map(edu.fd, at, PAGE, UDRV_DMA_TO_DEVICE, 28, &map));
	MUST_OK(dma_map(edu.fd, other, PAGE, UDRV_DMA_FROM_DEVICE, 28, &back));
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, back.out_iova, EDU_BUFFER_SIZE);
	MUST(filled(other, EDU_BUFFER_SIZE, 9));
}

static void second_device_maps_the_firsts_buffer(void)
{
	struct edu first = edu_dma_open(EDU), second = edu_dma_open(EDU_ALONE);
	struct udrv_dma buffer, map;
	uint8_t *memory;

	MUST_OK(dma_alloc(first.fd, 2 * PAGE, EDU_DMA_BITS, &buffer));
	memory = must_map(first.fd, buffer.out_mmap_offset, 2 * PAGE);
	MUST_OK(dma_map(second.fd, memory, 2 * PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS,
			&map));
	fill(memory, PAGE, 10);
	edu_dma_in(&first, buffer.out_iova, EDU_BUFFER_SIZE);
	edu_dma_in(&second, map.out_iova, EDU_BUFFER_SIZE);
	memset(memory, 0, 2 * PAGE);
	edu_dma_out(&second, map.out_iova + PAGE, EDU_BUFFER_SIZE);
	MUST(filled(memory + PAGE, EDU_BUFFER_SIZE, 10));
	/* The first is gone, the second's pin is not. */
	munmap(memory, 2 * PAGE);
	edu_close(&first);
	edu_dma_out(&second, map.out_iova, EDU_BUFFER_SIZE);
	MUST_OK(dma_unmap(second.fd, map.id));
}

/* A child's copy of the memory is not what the device writes to. */
static void fork_does_not_move_pinned_memory(void)
{
	struct edu edu = edu_dma_open(EDU);
	uint8_t *at = anonymous(PAGE);
	struct udrv_dma map;
	int pipes[2];
	pid_t pid;

	fill(at, PAGE, 11);
	MUST_OK(dma_map(edu.fd, at, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &map));
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_OK(sys(pipe(pipes)));
	pid = fork();
	if (!pid) {
		char byte;

		close(pipes[1]);
		MUST_EQUAL(read(pipes[0], &byte, 1), 0);
		/* What it was at the fork, not what came since. */
		MUST(filled(at, EDU_BUFFER_SIZE, 11));
		_exit(0);
	}
	close(pipes[0]);
	memset(at, 1, PAGE);		/* would be a copy for us */
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST(filled(at, EDU_BUFFER_SIZE, 11));
	at[0] = 99;
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	at[0] = 0;
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_EQUAL(at[0], 99);
	close(pipes[1]);
	MUST_EQUAL(reap(pid), 0);
}

/* The process forgot its memory: the device has it still. */
static void memory_unmapped_by_the_process_stays_pinned(void)
{
	struct edu edu = edu_dma_open(EDU);
	uint8_t *at = anonymous(PAGE), *other = anonymous(PAGE);
	struct udrv_dma map, back;

	fill(at, PAGE, 12);
	MUST_OK(dma_map(edu.fd, at, PAGE, UDRV_DMA_BOTH, 28, &map));
	MUST_OK(dma_map(edu.fd, other, PAGE, UDRV_DMA_BOTH, 28, &back));
	munmap(at, PAGE);
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, back.out_iova, EDU_BUFFER_SIZE);
	MUST(filled(other, EDU_BUFFER_SIZE, 12));
	MUST_OK(dma_unmap(edu.fd, map.id));
}

/* DMA through an interrupt: the device says when it is done. */
static void transfer_with_interrupt(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_dma_open(EDU);
	struct udrv_irq_event event;
	struct udrv_dma map;

	MUST_OK(dma_alloc(edu.fd, PAGE, EDU_DMA_BITS, &map));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	edu_write(&edu, EDU_DMA_SOURCE, (uint32_t)map.out_iova);
	edu_write(&edu, EDU_DMA_TARGET, EDU_BUFFER);
	edu_write(&edu, EDU_DMA_COUNT, EDU_BUFFER_SIZE);
	edu_write(&edu, EDU_DMA_COMMAND, EDU_DMA_RUN | EDU_DMA_IRQ);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 0x100);
	MUST_EQUAL(edu_read(&edu, EDU_DMA_COMMAND) & EDU_DMA_RUN, 0);
}

/* The caller could never give back what it was not told of. */
static void result_that_cannot_be_written_leaves_no_mapping(void)
{
	struct edu edu = edu_dma_open(EDU);
	struct udrv_dma *entry = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(entry != MAP_FAILED);
	*entry = (struct udrv_dma) {
		.flags = UDRV_DMA_BOTH, .width = EDU_DMA_BITS, .length = PAGE,
	};
	MUST_OK(mprotect(entry, PAGE, PROT_READ));
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_ALLOC, entry, 1, NULL), EFAULT);
	MUST_EQUAL(dma_count(edu.fd), 0);
}

static void unmap_with_what_is_reserved_unmaps_nothing(void)
{
	struct edu edu = edu_dma_open(EDU);
	struct udrv_dma map, entry = { .reserved = 1 };

	MUST_OK(dma_alloc(edu.fd, PAGE, EDU_DMA_BITS, &map));
	entry.id = map.id;
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_UNMAP, &entry, 1, NULL), EINVAL);
	MUST_REASON(edu.fd, EINVAL, "reserved");
	MUST_EQUAL(dma_count(edu.fd), 1);
}

const struct test tests[] = {
	TEST(allocated_buffer),
	TEST(anonymous_memory),
	TEST(unaligned_memory),
	TEST(memory_never_touched_before),
	TEST(shared_memory),
	TEST(transparent_huge_page),
	TEST(huge_page),
	TEST(two_megabytes_are_one_segment),
	TEST(scattered_memory_is_contiguous),
	TEST(read_only_memory),
	TEST(second_device_maps_the_firsts_buffer),
	TEST(fork_does_not_move_pinned_memory),
	TEST(memory_unmapped_by_the_process_stays_pinned),
	TEST(transfer_with_interrupt),
	TEST(result_that_cannot_be_written_leaves_no_mapping),
	TEST(unmap_with_what_is_reserved_unmaps_nothing),
	{ NULL, NULL },
};
