// SPDX-License-Identifier: MIT
/* A device driven whole, by the bare contract: by 32-bit callers too. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096

/* Offsets beyond what 32 bits hold are what mmap() takes all the same. */
static void registers_and_event_page_are_mapped(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	volatile struct udrv_event_slot *slot = map_events(edu.fd);
	volatile uint32_t *memory;
	int iv = device_own(IVSHMEM);

	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 1);
	WAIT_FOR(slot->count == 1);
	slot->seen = slot->count;
	MUST(!irq_pending(edu.fd, 0));
	/* Region 2, write-combining, its last page. */
	memory = must_map(iv, (2ull << UDRV_MMAP_REGION_SHIFT) + UDRV_MMAP_WC +
			  region_info(iv, 2).out_size - PAGE, PAGE);
	memory[0] = 0x32;
	MUST_EQUAL(memory[0], 0x32);
	MUST_ERROR(try_map(iv, 1ull << 44, PAGE, NULL), EINVAL);
}

static void memory_is_mapped_and_copied(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_dma buffer, map, list[4];
	uint8_t *source, *target;
	unsigned int done;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(dma_alloc(edu.fd, 3 * PAGE, EDU_DMA_BITS, &buffer));
	source = must_map(edu.fd, buffer.out_mmap_offset + PAGE, PAGE);
	memset(source, 0x99, PAGE);
	target = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST_OK(dma_map(edu.fd, target, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &map));
	edu_dma_in(&edu, buffer.out_iova + PAGE, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_EQUAL(target[0], 0x99);
	MUST_EQUAL(target[EDU_BUFFER_SIZE - 1], 0x99);
	MUST_OK(dma_sync(edu.fd, map.id, 0, PAGE, UDRV_DMA_FROM_DEVICE));
	MUST_OK(dma_batch(edu.fd, UDRV_DMA_LIST, list, 4, &done));
	MUST_EQUAL(done, 2);
	MUST_EQUAL(list[1].address, (uintptr_t)target);
	MUST_OK(dma_unmap(edu.fd, map.id));
}

static void interrupts_are_read_and_polled(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	struct udrv_irq_event event;
	uint64_t start = now_ns();
	int vector;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	vector = (int)MUST_OK(irq_fd(edu.fd, 0, UDRV_IRQ_FD_NONBLOCK));
	MUST_ERROR(irq_read(vector, &event), EAGAIN);
	edu_raise(&edu, 0x81);
	MUST(irq_pending(vector, WAIT_MS));
	MUST_OK(irq_read(vector, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(event.status, 0x81);
	MUST(event.time_ns >= start && event.time_ns <= now_ns());
}

static void strings_find_their_memory(void)
{
	uint32_t in[4] = { 0 }, out[4] = { 1, 2, 3, 0x0a0b0c0d };
	struct udrv_io_step steps[] = {
		step_string(UDRV_OP_WRITE_STRING, 0, EDU_LIVENESS, 4, 4, out),
		step_string(UDRV_OP_READ_STRING, 0, EDU_LIVENESS, 4, 4, in),
	};
	int fd = device_own(EDU);

	MUST_OK(run_steps(fd, steps, 2, NULL));
	MUST_EQUAL(in[3], ~0x0a0b0c0du);
}

/* An address is 64 bits for every caller: the upper ones are not left out. */
static void upper_halves_count(void)
{
	const uint64_t high = 1ull << 46;
	uint8_t bytes[8] = { 0 };
	struct udrv_io_step step = step_string(UDRV_OP_READ_STRING, 0, EDU_ID, 4,
					       1, bytes);
	struct udrv_io io = {
		.size = sizeof(io), .steps = (uintptr_t)&step ^ high, .count = 1,
		.step_size = sizeof(step),
	};
	struct udrv_dma entry = {
		.flags = UDRV_DMA_TO_DEVICE, .length = 1,
		.address = (uintptr_t)bytes ^ high,
	};
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .entries = (uintptr_t)&entry ^ high,
		.count = 1, .entry_size = sizeof(entry),
	};
	int fd = device_own(EDU);

	MUST_ERROR(command(fd, UDRV_IO, &io), EFAULT);
	io.steps ^= high;
	MUST_OK(command(fd, UDRV_IO, &io));
	step.mask_or_data ^= high;
	MUST_ERROR(command(fd, UDRV_IO, &io), EFAULT);
	MUST_ERROR(command(fd, UDRV_DMA_MAP, &batch), EFAULT);
	batch.entries ^= high;
	MUST_ERROR(command(fd, UDRV_DMA_MAP, &batch), EFAULT);
	entry.address ^= high;
	MUST_OK(command(fd, UDRV_DMA_MAP, &batch));
}

const struct test tests[] = {
	TEST(registers_and_event_page_are_mapped),
	TEST(memory_is_mapped_and_copied),
	TEST(interrupts_are_read_and_polled),
	TEST(strings_find_their_memory),
	TEST(upper_halves_count),
	{ NULL, NULL },
};
