// SPDX-License-Identifier: MIT
/*
 * User memory that never comes (userfaultfd): a call that waits for it must
 * not keep the device from being unbound.  Each case puts one thing the kernel
 * reads or writes into a missing page, unbinds while the call waits for it,
 * then provides the page.
 */
#include "edu.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096

static int uffd;
static uint8_t *missing;		/* the page */
static _Alignas(8) uint8_t content[PAGE];	/* what it will hold */
static int fd;
static atomic_bool returned;
static long result;

static void missing_page(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	uffd = (int)sys(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	if (uffd == -ENOSYS)
		skip("no userfaultfd in this kernel");
	MUST_OK(uffd);
	MUST_OK(sys(ioctl(uffd, UFFDIO_API, &api)));
	missing = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)missing;
	range.range.len = PAGE;
	MUST_OK(sys(ioctl(uffd, UFFDIO_REGISTER, &range)));
}

static void provide_page(void)
{
	struct uffdio_copy copy = {
		.dst = (uintptr_t)missing, .src = (uintptr_t)content, .len = PAGE,
	};

	MUST_OK(sys(ioctl(uffd, UFFDIO_COPY, &copy)));
}

struct call {
	unsigned int number;
	void *argument;
};

static void *make_call(void *data)
{
	struct call *call = data;

	result = call->number == ~0u ?
		sys(read(fd, call->argument, 16)) :
		command(fd, call->number, call->argument);
	returned = true;
	return NULL;
}

/* The device can go while the call waits; what the call says then. */
static long stuck(unsigned int number, void *argument)
{
	struct call call = { number, argument };
	struct pollfd wait = { .fd = uffd, .events = POLLIN };
	uint64_t start;
	bool waits;
	pthread_t thread;

	returned = false;
	MUST_EQUAL(pthread_create(&thread, NULL, make_call, &call), 0);
	/* It must be waiting for the page, or this tests nothing. */
	WAIT_FOR((waits = poll(&wait, 1, 0)) || returned);
	if (!waits) {
		MUST_EQUAL(number, UDRV_DMA_MAP);
		/* Kernels before 6.4 do not wait when they pin: as good. */
		MUST_EQUAL(result, -EFAULT);
		pthread_join(thread, NULL);
		MUST_OK(device_unbind(EDU));
		return -ENODEV;
	}
	start = now_ms();
	MUST_OK(device_unbind(EDU));
	MUST(now_ms() - start < (uint64_t)fewer(1000, 10000));
	/* Only now: the call was waiting all the while. */
	MUST(!returned);
	/* Others can have the device meanwhile. */
	MUST_OK(device_bind(EDU));
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
	provide_page();
	pthread_join(thread, NULL);
	close(uffd);
	munmap(missing, PAGE);
	close(fd);
	return result;
}

static void begin(void)
{
	fd = device_own(EDU);
	missing_page();
	memset(content, 0, PAGE);
}

/* ----------------------------------------------- the struct itself is missing */

static void arguments(void)
{
	static const struct {
		unsigned int number, size;
		bool works;	/* also on a device that is gone */
	} calls[] = {
		{ UDRV_INFO, sizeof(struct udrv_info), false },
		{ UDRV_REGION_INFO, sizeof(struct udrv_region_info), true },
		{ UDRV_BUS_MASTER, sizeof(struct udrv_bus_master), false },
		{ UDRV_RESET, sizeof(struct udrv_plain), false },
		{ UDRV_RELEASE, sizeof(struct udrv_plain), true },
		{ UDRV_IRQ_SETUP, sizeof(struct udrv_irq_setup), false },
		{ UDRV_IRQ_FD, sizeof(struct udrv_irq_fd), false },
		{ UDRV_COUNTERS, sizeof(struct udrv_counters), true },
		{ UDRV_REASON, sizeof(struct udrv_reason), true },
	};
	unsigned int i;
	long ret;

	for (i = 0; i < ARRAY_SIZE(calls); i++) {
		begin();
		memcpy(content, &calls[i].size, 4);
		ret = stuck(calls[i].number, missing);
		if (ret != -ENODEV && !(calls[i].works && ret == 0))
			fail(__FILE__, __LINE__, "command %#x: %ld",
			     calls[i].number, ret);
	}
}

static void batches(void)
{
	static const unsigned int numbers[] = {
		UDRV_DMA_ALLOC, UDRV_DMA_MAP, UDRV_DMA_SYNC, UDRV_DMA_UNMAP,
		UDRV_DMA_LIST,
	};
	static struct udrv_dma map;
	struct udrv_dma_batch *batch = (void *)content;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		begin();
		map = (struct udrv_dma){
			.id = 1, .flags = UDRV_DMA_TO_DEVICE, .length = 16,
			.address = (uintptr_t)&map,
		};
		*batch = (struct udrv_dma_batch){
			.size = sizeof(*batch), .count = 1,
			.entries = (uintptr_t)&map, .entry_size = sizeof(map),
		};
		MUST_ERROR(stuck(numbers[i], missing), ENODEV);
	}
}

/* -------------------------------------------------- what it points to is missing */

static void entries(void)
{
	static const unsigned int numbers[] = {
		UDRV_DMA_ALLOC, UDRV_DMA_MAP, UDRV_DMA_SYNC, UDRV_DMA_UNMAP,
	};
	struct udrv_dma_batch batch;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		begin();
		*(struct udrv_dma *)content = (struct udrv_dma){
			.id = 1, .flags = UDRV_DMA_TO_DEVICE, .length = 16,
			.address = (uintptr_t)&batch,
		};
		batch = (struct udrv_dma_batch){
			.size = sizeof(batch), .count = 1,
			.entries = (uintptr_t)missing,
			.entry_size = sizeof(struct udrv_dma),
		};
		MUST_ERROR(stuck(numbers[i], &batch), ENODEV);
		MUST_EQUAL(batch.out_done, 0);
	}
}

static void memory_to_pin(void)
{
	struct udrv_dma map;
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .count = 1, .entries = (uintptr_t)&map,
		.entry_size = sizeof(map),
	};
	long pinned = pinned_pages();

	begin();
	map = (struct udrv_dma){
		.flags = UDRV_DMA_BOTH, .width = 28, .length = PAGE,
		.address = (uintptr_t)missing,
	};
	MUST_ERROR(stuck(UDRV_DMA_MAP, &batch), ENODEV);
	WAIT_FOR(pinned_pages() == pinned);
}

/* Mapped already when the answer cannot be written: undone or gone. */
static void segments(void)
{
	static uint8_t memory[64];
	struct udrv_dma map;
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .count = 1, .entries = (uintptr_t)&map,
		.entry_size = sizeof(map),
	};
	long pinned = pinned_pages(), ret;

	begin();
	map = (struct udrv_dma){
		.flags = UDRV_DMA_BOTH, .width = 28, .length = sizeof(memory),
		.address = (uintptr_t)memory, .segments = (uintptr_t)missing,
		.segment_capacity = 1,
	};
	ret = stuck(UDRV_DMA_MAP, &batch);
	MUST(ret == 0 || ret == -ENODEV);
	WAIT_FOR(pinned_pages() == pinned);
}

static void steps(void)
{
	struct udrv_io io = {
		.size = sizeof(io), .count = 1,
		.step_size = sizeof(struct udrv_io_step),
	};

	begin();
	io.steps = (uintptr_t)missing;
	*(struct udrv_io_step *)content = step_read(0, 0, 4);
	MUST_ERROR(stuck(UDRV_IO, &io), ENODEV);
}

static void string_to_write(void)
{
	struct udrv_io_step step;
	struct udrv_io io = {
		.size = sizeof(io), .count = 1, .step_size = sizeof(step),
		.steps = (uintptr_t)&step,
	};

	begin();
	step = step_string(UDRV_OP_WRITE_STRING, 0, EDU_LIVENESS, 4, 4, missing);
	MUST_ERROR(stuck(UDRV_IO, &io), ENODEV);
	/* To be written to: the last of its accesses are over by then. */
	begin();
	step = step_string(UDRV_OP_READ_STRING, 0, EDU_ID, 4, 2000, missing - 4000);
	step.mask_or_data = (uintptr_t)missing;
	step.count = 1024;
	stuck(UDRV_IO, &io);
	MUST(result == 0 || result == -ENODEV);
}

static void rules(void)
{
	struct udrv_irq_setup set = {
		.size = sizeof(set), .kind = UDRV_IRQ_INTX, .vectors = 1,
		.rule_count = 1, .rule_size = sizeof(struct udrv_irq_rule),
	};

	begin();
	set.rules = (uintptr_t)missing;
	*(struct udrv_irq_rule *)content = edu_rule();
	MUST_ERROR(stuck(UDRV_IRQ_SETUP, &set), ENODEV);
}

/* The event is taken when its record cannot be written. */
static void event_to_read(void)
{
	begin();
	MUST_OK(bus_master(fd, 1));
	MUST_OK(irq_setup(fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(io_write(fd, 0, EDU_IRQ_RAISE, 4, 1));
	MUST(irq_pending(fd, WAIT_MS));
	stuck(~0u, missing);
	MUST(result == 16 || result == -ENODEV || result == -EFAULT);
}

const struct test tests[] = {
	TEST(arguments),
	TEST(batches),
	TEST(entries),
	TEST(memory_to_pin),
	TEST(segments),
	TEST(steps),
	TEST(string_to_write),
	TEST(rules),
	TEST(event_to_read),
	{ NULL, NULL },
};
