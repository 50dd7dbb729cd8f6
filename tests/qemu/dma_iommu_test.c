// SPDX-License-Identifier: MIT
/* DMA that must not work: what the IOMMU stops; and the ledger's rules. */
#include "edu.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu amd";
const int test_seconds = 60;

#define PAGE 4096
#define LARGE (2u << 20)

static struct edu edu;
static uint8_t *memory;		/* 4 pages of 0xaa */

/* The device's buffer holds 0x55, the memory 0xaa. */
static void start(void)
{
	struct udrv_dma map;

	edu = edu_open(EDU);
	MUST_OK(bus_master(edu.fd, 1));
	memory = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST((void *)memory != MAP_FAILED);
	memset(memory, 0x55, PAGE);
	MUST_OK(dma_map(edu.fd, memory, PAGE, UDRV_DMA_TO_DEVICE, EDU_DMA_BITS,
			&map));
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_OK(dma_unmap(edu.fd, map.id));
	memset(memory, 0xaa, 4 * PAGE);
}

static bool untouched(size_t offset, size_t length)
{
	while (length--)
		if (memory[offset++] != 0xaa)
			return false;
	return true;
}

static int map_memory(unsigned int flags, struct udrv_dma *map)
{
	return dma_map(edu.fd, memory, 4 * PAGE, flags, EDU_DMA_BITS, map);
}

static void unmapped_address_is_stopped(void)
{
	struct udrv_dma map;

	start();
	MUST_OK(map_memory(UDRV_DMA_BOTH, &map));
	/* Just outside on both sides, and where the memory really may be. */
	edu_dma_out(&edu, map.out_iova - PAGE, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, map.out_iova + 4 * PAGE, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, 0x1000, EDU_BUFFER_SIZE);
	MUST(untouched(0, 4 * PAGE));
	/* QEMU's AMD IOMMU keeps no log. */
	if (on_machine("iommu"))
		WAIT_FOR(logged("fault addr"));
	/* And inside it goes: the device does write. */
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST(!untouched(0, PAGE));
	MUST(untouched(PAGE, 3 * PAGE));
}

static void unmap_has_taken_effect_when_it_returns(void)
{
	struct udrv_dma map;

	start();
	MUST_OK(map_memory(UDRV_DMA_BOTH, &map));
	edu_dma_out(&edu, map.out_iova + PAGE, EDU_BUFFER_SIZE);
	MUST(!untouched(PAGE, PAGE));
	MUST_OK(dma_unmap(edu.fd, map.id));
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, map.out_iova + 2 * PAGE, EDU_BUFFER_SIZE);
	MUST(untouched(0, PAGE));
	MUST(untouched(2 * PAGE, 2 * PAGE));
}

static void directions_are_enforced(void)
{
	struct udrv_dma to, from, both;
	uint8_t *other = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	start();
	MUST_OK(map_memory(UDRV_DMA_TO_DEVICE, &to));
	/* The device may not write what it may read... */
	edu_dma_out(&edu, to.out_iova, EDU_BUFFER_SIZE);
	MUST(untouched(0, PAGE));
	/* ...nor read what it may write: its buffer keeps 0xbb. */
	memset(other, 0xbb, PAGE);
	MUST_OK(dma_map(edu.fd, other, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &both));
	edu_dma_in(&edu, both.out_iova, EDU_BUFFER_SIZE);
	MUST_OK(map_memory(UDRV_DMA_FROM_DEVICE, &from));
	edu_dma_in(&edu, from.out_iova, EDU_BUFFER_SIZE);
	memset(other, 0, PAGE);
	edu_dma_out(&edu, both.out_iova, EDU_BUFFER_SIZE);
	/* Linux's VT-d driver made all mappings readable before 7. */
	if (on_machine("amd"))
		MUST(other[0] != 0xaa && other[PAGE - 2] != 0xaa);
}

static void bus_mastering_off_stops_dma(void)
{
	struct udrv_dma map;

	start();
	MUST_OK(map_memory(UDRV_DMA_BOTH, &map));
	MUST_OK(bus_master(edu.fd, 0));
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST(untouched(0, PAGE));
	MUST_OK(bus_master(edu.fd, 1));
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST(!untouched(0, PAGE));
}

static void one_device_cannot_use_anothers_mapping(void)
{
	struct udrv_dma map, here;
	struct edu other;

	start();
	MUST_OK(map_memory(UDRV_DMA_BOTH, &map));
	other = edu_open(EDU_ALONE);
	MUST_OK(bus_master(other.fd, 1));
	edu_dma_out(&other, map.out_iova, EDU_BUFFER_SIZE);
	MUST(untouched(0, PAGE));
	/* Ids are an open's own too. */
	MUST_ERROR(dma_unmap(other.fd, map.id), ENOENT);
	MUST_OK(dma_alloc(other.fd, PAGE, EDU_DMA_BITS, &here));
	MUST_EQUAL(dma_count(edu.fd), 1);
	MUST_EQUAL(dma_count(other.fd), 1);
}

static void addresses_respect_the_width(void)
{
	struct udrv_dma map;
	unsigned int width;

	start();
	MUST_EQUAL(info(edu.fd).out_caps & (UDRV_INFO_IOMMU | UDRV_INFO_DMA),
		   UDRV_INFO_IOMMU | UDRV_INFO_DMA);
	MUST_ERROR(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, 11, &map), EINVAL);
	MUST_ERROR(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, 65, &map), EINVAL);
	/* 12 bits are page 0, which is nobody's. */
	MUST_ERROR(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, 12, &map), ENOSPC);
	MUST_REASON(edu.fd, ENOSPC, "12");
	MUST_ERROR(dma_map(edu.fd, memory, 4 * PAGE, UDRV_DMA_BOTH, 14, &map), ENOSPC);
	MUST_OK(dma_map(edu.fd, memory, 2 * PAGE, UDRV_DMA_BOTH, 14, &map));
	/* One that failed does not spoil the others. */
	for (width = 16; width <= 64; width++) {
		MUST_OK(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, width, &map));
		MUST(map.out_iova > 0);
		if (width < 64)
			MUST((map.out_iova + PAGE - 1) >> width == 0);
		MUST(map.out_iova + PAGE - 1 <= info(edu.fd).out_iova_last);
	}
	MUST_OK(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, 0, &map));
	MUST(map.out_iova >> 32 == 0);
}

#define MUCH (64ul << 20)

/* Most devices reach no more than 4 GiB; one that says nothing gets those first. */
static void high_addresses_are_for_when_low_ones_are_taken(void)
{
	struct udrv_dma map, high = { 0 };
	void *huge;
	int i;

	start();
	write_text("/proc/sys/vm/nr_hugepages", "32");
	huge = mmap(NULL, MUCH, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	write_text("/proc/sys/vm/nr_hugepages", "0");
	if (huge == MAP_FAILED)
		skip("no huge pages");
	for (i = 0; i < 64 && high.out_iova <= UINT32_MAX; i++)
		MUST_OK(dma_map(edu.fd, huge, MUCH, UDRV_DMA_BOTH, 0, &high));
	MUST(i > 32);
	MUST(high.out_iova > UINT32_MAX);
	MUST_ERROR(dma_map(edu.fd, huge, MUCH, UDRV_DMA_BOTH, 32, &map), ENOSPC);
	MUST_OK(dma_map(edu.fd, huge, MUCH, UDRV_DMA_BOTH, 64, &map));
	MUST(map.out_iova > UINT32_MAX);
	MUST_OK(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &map));
}

/* Message interrupts live at 0xfee00000: not an address for memory. */
static void reserved_addresses_are_left_out(void)
{
	static struct udrv_dma maps[64];
	const uint64_t first = 0xfee00000, last = 0xfeefffff;
	uint8_t *large = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	uint64_t lowest = ~0ull;
	unsigned int i;

	start();
	for (i = 0; i < ARRAY_SIZE(maps); i++)
		maps[i] = (struct udrv_dma){
			.flags = UDRV_DMA_TO_DEVICE, .width = 32,
			.address = (uintptr_t)large, .length = LARGE,
		};
	MUST_OK(dma_batch(edu.fd, UDRV_DMA_MAP, maps, ARRAY_SIZE(maps), NULL));
	for (i = 0; i < ARRAY_SIZE(maps); i++) {
		MUST(maps[i].out_iova > last ||
		     maps[i].out_iova + LARGE - 1 < first);
		if (maps[i].out_iova < lowest)
			lowest = maps[i].out_iova;
	}
	/* They did pass by it, if the kernel goes down from the top. */
	MUST(lowest < first);
}

static void batch_stops_at_the_first_failure(void)
{
	struct udrv_dma maps[4] = { 0 };
	unsigned int i, done;

	start();
	for (i = 0; i < 4; i++)
		maps[i] = (struct udrv_dma){
			.flags = UDRV_DMA_BOTH, .width = 28, .length = PAGE,
			.address = (uintptr_t)memory + i * PAGE,
		};
	maps[2].address = 0x10000;
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_MAP, maps, 4, &done), EFAULT);
	MUST_EQUAL(done, 2);
	MUST_EQUAL(dma_count(edu.fd), 2);
	MUST(maps[0].id && maps[1].id && maps[0].id != maps[1].id);
	MUST_EQUAL(maps[3].id, 0);
	/* Unmapping stops alike, and what is done is done. */
	maps[2].id = 9999;
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_UNMAP, maps, 3, &done), ENOENT);
	MUST_EQUAL(done, 2);
	MUST_EQUAL(dma_count(edu.fd), 0);
	MUST_ERROR(dma_unmap(edu.fd, maps[0].id), ENOENT);
}

static void unmap_takes_one_entry(void)
{
	struct udrv_dma first, second;

	start();
	MUST_OK(map_memory(UDRV_DMA_BOTH, &first));
	MUST_OK(map_memory(UDRV_DMA_BOTH, &second));
	MUST(first.out_iova != second.out_iova);
	MUST_OK(dma_unmap(edu.fd, first.id));
	edu_dma_out(&edu, first.out_iova, EDU_BUFFER_SIZE);
	MUST(untouched(0, PAGE));
	edu_dma_out(&edu, second.out_iova, EDU_BUFFER_SIZE);
	MUST(!untouched(0, PAGE));
	MUST_EQUAL(dma_count(edu.fd), 1);
}

static void list_tells_what_is_mapped(void)
{
	struct udrv_dma buffer, map, list[3];
	unsigned int done, i, seen = 0;
	int observer;

	start();
	MUST_OK(dma_alloc(edu.fd, 2 * PAGE, 30, &buffer));
	MUST_OK(dma_map(edu.fd, memory + 100, PAGE, UDRV_DMA_TO_DEVICE, 28, &map));
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	memset(list, 0, sizeof(list));
	MUST_OK(dma_batch(observer, UDRV_DMA_LIST, list, 3, &done));
	MUST_EQUAL(done, 2);
	for (i = 0; i < done; i++) {
		MUST_EQUAL(list[i].out_pid, getpid());
		if (list[i].id == buffer.id) {
			MUST_EQUAL(list[i].out_state, UDRV_DMA_STATE_BUFFER |
				   UDRV_DMA_STATE_TO | UDRV_DMA_STATE_FROM);
			MUST_EQUAL(list[i].length, 2 * PAGE);
			MUST_EQUAL(list[i].out_iova, buffer.out_iova);
			MUST_EQUAL(list[i].out_mmap_offset, buffer.out_mmap_offset);
			seen |= 1;
		} else if (list[i].id == map.id) {
			MUST_EQUAL(list[i].out_state, UDRV_DMA_STATE_TO);
			MUST_EQUAL(list[i].address, (uintptr_t)memory + 100);
			MUST_EQUAL(list[i].out_iova, map.out_iova);
			seen |= 2;
		}
	}
	MUST_EQUAL(seen, 3);
	/* Too small an array: how many there are is told all the same. */
	MUST_OK(dma_batch(edu.fd, UDRV_DMA_LIST, list, 1, &done));
	MUST_EQUAL(done, 2);
	MUST_OK(dma_batch(edu.fd, UDRV_DMA_LIST, NULL, 0, &done));
	MUST_EQUAL(done, 2);
}

static void fields_out_of_range_are_refused(void)
{
	struct udrv_dma map;

	start();
	MUST_ERROR(map_memory(0, &map), EINVAL);
	MUST_ERROR(map_memory(4 | UDRV_DMA_BOTH, &map), EINVAL);
	MUST_ERROR(dma_map(edu.fd, memory, 0, UDRV_DMA_BOTH, 28, &map), EINVAL);
	MUST_ERROR(dma_alloc(edu.fd, 0, 28, &map), EINVAL);
	MUST_ERROR(dma_alloc(edu.fd, UDRV_DMA_MAX_BUFFER + 1, 28, &map), EINVAL);
	MUST_ERROR(dma_map(edu.fd, memory, UDRV_DMA_MAX_MAP + 1, UDRV_DMA_BOTH, 0,
			   &map), EINVAL);
	MUST_ERROR(dma_map(edu.fd, (void *)-(intptr_t)PAGE, 2 * PAGE,
			   UDRV_DMA_BOTH, 28, &map), EFAULT);
	MUST_ERROR(dma_map(edu.fd, (void *)(1ul << 63), PAGE, UDRV_DMA_BOTH, 28,
			   &map), EFAULT);
	MUST_OK(map_memory(UDRV_DMA_BOTH, &map));
	MUST_ERROR(dma_sync(edu.fd, map.id, 0, 4 * PAGE + 1, UDRV_DMA_TO_DEVICE),
		   EINVAL);
	MUST_ERROR(dma_sync(edu.fd, map.id, ~0ull, 2, UDRV_DMA_TO_DEVICE), EINVAL);
	MUST_ERROR(dma_sync(edu.fd, map.id, 4 * PAGE, 1, UDRV_DMA_TO_DEVICE),
		   EINVAL);
	MUST_ERROR(dma_sync(edu.fd, map.id, 0, 1, UDRV_DMA_BOTH), EINVAL);
	MUST_OK(dma_sync(edu.fd, map.id, 4 * PAGE - 1, 1, UDRV_DMA_TO_DEVICE));
	/* Registers are not memory: no device-to-device path behind our back. */
	MUST_ERROR(dma_map(edu.fd, (void *)(uintptr_t)edu.bar, PAGE,
			   UDRV_DMA_BOTH, 28, &map), EFAULT);
	MUST_ERROR(dma_map(edu.fd, (void *)(uintptr_t)map_events(edu.fd), PAGE, UDRV_DMA_BOTH, 28,
			   &map), EFAULT);
	MUST_EQUAL(dma_count(edu.fd), 1);
}

static void buffer_offsets_are_checked(void)
{
	struct udrv_dma buffer;

	start();
	MUST_OK(dma_alloc(edu.fd, 2 * PAGE, 28, &buffer));
	MUST_OK(try_map(edu.fd, buffer.out_mmap_offset + PAGE, PAGE, NULL));
	MUST_ERROR(try_map(edu.fd, buffer.out_mmap_offset + PAGE, 2 * PAGE, NULL),
		   EINVAL);
	MUST_ERROR(try_map(edu.fd, buffer.out_mmap_offset + 2 * PAGE, PAGE, NULL),
		   EINVAL);
	MUST_ERROR(try_map(edu.fd, buffer.out_mmap_offset +
			   (1ull << UDRV_MMAP_DMA_SHIFT), PAGE, NULL), ENOENT);
	MUST_ERROR(try_map(edu.fd, UDRV_MMAP_DMA, PAGE, NULL), ENOENT);
}

/* After UNMAP a buffer's old mapping shows nothing of the memory. */
static void freed_buffer_is_out_of_reach(void)
{
	struct udrv_dma buffer;
	volatile uint8_t *at;
	pid_t pid;

	start();
	MUST_OK(dma_alloc(edu.fd, PAGE, 28, &buffer));
	pid = fork();
	if (!pid) {
		at = must_map(edu.fd, buffer.out_mmap_offset, PAGE);
		at[0] = 1;
		MUST_OK(dma_unmap(edu.fd, buffer.id));
		at[0] = 2;
		_exit(0);
	}
	MUST_EQUAL(reap(pid), 128 + SIGBUS);
	MUST_EQUAL(dma_count(edu.fd), 0);
}

static void ids_run_out_and_come_back(void)
{
	static struct udrv_dma maps[UDRV_DMA_MAX_IDS];
	unsigned int i, done, all = 0;
	int ret = 0;

	start();
	for (i = 0; i < UDRV_DMA_MAX_IDS; i++)
		maps[i] = (struct udrv_dma){
			.flags = UDRV_DMA_TO_DEVICE, .length = 1,
			.address = (uintptr_t)memory,
		};
	for (i = 0; i < UDRV_DMA_MAX_IDS && !ret; i += done, all += done)
		ret = dma_batch(edu.fd, UDRV_DMA_MAP, maps + i,
				UDRV_DMA_MAX_BATCH, &done);
	MUST_EQUAL(ret, -ENOSPC);
	MUST_EQUAL(all, UDRV_DMA_MAX_IDS - 1);
	MUST_OK(dma_unmap(edu.fd, maps[77].id));
	MUST_OK(dma_map(edu.fd, memory, 1, UDRV_DMA_TO_DEVICE, 0, &maps[77]));
	MUST_EQUAL(dma_count(edu.fd), UDRV_DMA_MAX_IDS - 1);
	/* The end of the process undoes them all. */
}

const struct test tests[] = {
	TEST(unmapped_address_is_stopped),
	TEST(unmap_has_taken_effect_when_it_returns),
	TEST(directions_are_enforced),
	TEST(bus_mastering_off_stops_dma),
	TEST(one_device_cannot_use_anothers_mapping),
	TEST(addresses_respect_the_width),
	TEST(high_addresses_are_for_when_low_ones_are_taken),
	TEST(reserved_addresses_are_left_out),
	TEST(batch_stops_at_the_first_failure),
	TEST(unmap_takes_one_entry),
	TEST(list_tells_what_is_mapped),
	TEST(fields_out_of_range_are_refused),
	TEST(buffer_offsets_are_checked),
	TEST(freed_buffer_is_out_of_reach),
	TEST(ids_run_out_and_come_back),
	{ NULL, NULL },
};
