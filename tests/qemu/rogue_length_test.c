// SPDX-License-Identifier: MIT
/*
 * Every length, count, index and offset of the contract, at the values where
 * sums and products go wrong.  Each is refused, with nothing done.
 */
#include "rogue.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

const char test_machines[] = "iommu";
const int test_seconds = 90;

/* Beyond every limit of a field of that width. */
static const uint64_t wide[] = {
	1ull << 39, 1ull << 40, 1ull << 44, 1ull << 47, (1ull << 47) - PAGE,
	1ull << 62, (1ull << 63) - 1, 1ull << 63, (1ull << 63) + 4,
	~0ull << 12, ~0ull - PAGE, ~0ull - 15, ~0ull - 7, ~0ull - 3, ~0ull - 1,
	~0ull,
};
static const uint64_t narrow[] = {
	0x100000, 0x7fffffff, 0x80000000, 0x80000001, 0xfffff000, 0xfffffff0,
	0xfffffffe, 0xffffffff,
};

/* One field of one struct, which is right but for it. */
struct field {
	const char *name;
	unsigned int number;	/* the command */
	size_t offset, width;	/* bytes */
	void *argument;		/* what is passed to the command... */
	void *part;		/* ...and where the field is: in it, or below */
	size_t part_size;
};

static uint8_t *memory;
static uint64_t value_space[4];

static struct udrv_io_step step;
static struct udrv_irq_rule rule;
static struct udrv_dma entry;
static struct udrv_io io = {
	.size = sizeof(io), .steps = (uintptr_t)&step, .count = 1,
	.step_size = sizeof(step),
};
static struct udrv_irq_setup set_up = {
	.size = sizeof(set_up), .kind = UDRV_IRQ_INTX, .vectors = 1,
	.rules = (uintptr_t)&rule, .rule_count = 1, .rule_size = sizeof(rule),
};
static struct udrv_dma_batch batch = {
	.size = sizeof(batch), .entries = (uintptr_t)&entry, .count = 1,
	.entry_size = sizeof(entry),
};
static struct udrv_irq_fd vector = { .size = sizeof(vector) };
static struct udrv_region_info region = { .size = sizeof(region) };
static struct udrv_info device_info = { .size = sizeof(device_info) };
static struct udrv_counters counts = { .size = sizeof(counts) };
static struct udrv_reason reason = { .size = sizeof(reason) };
static struct udrv_bus_master master = { .size = sizeof(master) };
static struct udrv_plain plain = { .size = sizeof(plain) };

#define FIELD(number, argument, part, member) \
	{ #number " " #part "." #member, number, \
	  (size_t)((uint8_t *)&(part).member - (uint8_t *)&(part)), \
	  sizeof((part).member), &(argument), &(part), sizeof(part) }

static const struct field fields[] = {
	FIELD(UDRV_INFO, device_info, device_info, size),
	FIELD(UDRV_INFO, device_info, device_info, flags),
	FIELD(UDRV_REGION_INFO, region, region, size),
	FIELD(UDRV_REGION_INFO, region, region, flags),
	FIELD(UDRV_REGION_INFO, region, region, index),
	FIELD(UDRV_COUNTERS, counts, counts, size),
	FIELD(UDRV_REASON, reason, reason, size),
	FIELD(UDRV_BUS_MASTER, master, master, size),
	FIELD(UDRV_BUS_MASTER, master, master, on),
	FIELD(UDRV_RESET, plain, plain, size),
	FIELD(UDRV_RELEASE, plain, plain, size),
	FIELD(UDRV_RELEASE, plain, plain, flags),
	FIELD(UDRV_IO, io, io, size),
	FIELD(UDRV_IO, io, io, steps),
	FIELD(UDRV_IO, io, io, count),
	FIELD(UDRV_IO, io, io, step_size),
	FIELD(UDRV_IO, io, step, offset),
	FIELD(UDRV_IO, io, step, count),
	FIELD(UDRV_IO, io, step, mask_or_data),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, size),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, kind),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, vectors),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, rules),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, rule_count),
	FIELD(UDRV_IRQ_SETUP, set_up, set_up, rule_size),
	FIELD(UDRV_IRQ_SETUP, set_up, rule, flags),
	FIELD(UDRV_IRQ_SETUP, set_up, rule, claim_offset),
	FIELD(UDRV_IRQ_SETUP, set_up, rule, acks[0].offset),
	FIELD(UDRV_IRQ_SETUP, set_up, rule, rearms[0].offset),
	FIELD(UDRV_IRQ_FD, vector, vector, size),
	FIELD(UDRV_IRQ_FD, vector, vector, vector),
	FIELD(UDRV_DMA_MAP, batch, batch, size),
	FIELD(UDRV_DMA_MAP, batch, batch, entries),
	FIELD(UDRV_DMA_MAP, batch, batch, count),
	FIELD(UDRV_DMA_MAP, batch, batch, entry_size),
	FIELD(UDRV_DMA_MAP, batch, entry, flags),
	FIELD(UDRV_DMA_MAP, batch, entry, width),
	FIELD(UDRV_DMA_MAP, batch, entry, address),
	FIELD(UDRV_DMA_MAP, batch, entry, length),
	FIELD(UDRV_DMA_ALLOC, batch, entry, width),
	FIELD(UDRV_DMA_ALLOC, batch, entry, length),
	FIELD(UDRV_DMA_SYNC, batch, entry, id),
	FIELD(UDRV_DMA_SYNC, batch, entry, offset),
	FIELD(UDRV_DMA_SYNC, batch, entry, length),
	FIELD(UDRV_DMA_UNMAP, batch, batch, count),
	FIELD(UDRV_DMA_UNMAP, batch, entry, id),
	FIELD(UDRV_DMA_LIST, batch, batch, count),
	FIELD(UDRV_DMA_LIST, batch, batch, entry_size),
	FIELD(UDRV_DMA_LIST, batch, batch, entries),
};

/* All structs as they are accepted. */
static void make_right(uint32_t id)
{
	step = step_string(UDRV_OP_READ_STRING, 0, EDU_ID, 4, 1, value_space);
	rule = edu_rule();
	rule.rearms[0] = rule.acks[0];
	entry = (struct udrv_dma){
		.flags = UDRV_DMA_TO_DEVICE, .width = 28, .id = id,
		.address = (uintptr_t)memory, .length = PAGE,
	};
}

/* The length of a map is bounded by the limit of its user, if by nothing else. */
static void try_value(int fd, const struct field *f, uint64_t value)
{
	static uint8_t saved[sizeof(struct udrv_irq_rule) * 2];
	int ret;

	MUST(f->part_size <= sizeof(saved));
	memcpy(saved, f->part, f->part_size);
	/* Little-endian, as these machines are. */
	memcpy((uint8_t *)f->part + f->offset, &value, f->width);
	attempted(1);
	ret = command(fd, f->number, f->argument);
	memcpy(f->part, saved, f->part_size);
	if (ret >= 0)
		fail(__FILE__, __LINE__, "%s = %#llx is accepted", f->name,
		     (unsigned long long)value);
	if (ret == -ENODEV || ret == -ENOTTY || ret == -EINTR)
		fail(__FILE__, __LINE__, "%s = %#llx: %s", f->name,
		     (unsigned long long)value, strerror(-ret));
}

static void must_be_as_before(int fd, const struct udrv_info *before)
{
	struct udrv_info now = info(fd);
	uint64_t value;

	MUST(!memcmp(&now, before, sizeof(now)));
	MUST_EQUAL(dma_count(fd), 1);
	MUST_OK(io_read(fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
}

static void overflow_every_field(int fd)
{
	struct udrv_dma map;
	struct udrv_info before;
	unsigned int i, j;

	memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST_OK(dma_map(fd, memory, PAGE, UDRV_DMA_TO_DEVICE, 28, &map));
	before = info(fd);
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		make_right(map.id);
		if (fields[i].width == 8)
			for (j = 0; j < ARRAY_SIZE(wide); j++)
				try_value(fd, &fields[i], wide[j]);
		else
			for (j = 0; j < ARRAY_SIZE(narrow); j++)
				try_value(fd, &fields[i], narrow[j]);
		must_be_as_before(fd, &before);
	}
	/* As they are right, they work: it was these values that were not. */
	make_right(map.id);
	MUST_OK(command(fd, UDRV_IO, &io));
	MUST_OK(command(fd, UDRV_IRQ_SETUP, &set_up));
	MUST_OK(command(fd, UDRV_DMA_SYNC, &batch));
	MUST_OK(command(fd, UDRV_DMA_MAP, &batch));
	MUST_OK(command(fd, UDRV_DMA_UNMAP, &batch));
	MUST_OK(command(fd, UDRV_DMA_ALLOC, &batch));
}

static void field_that_overflows_is_refused(void)
{
	pid_t rogue = rogue_start(EDU, overflow_every_field);

	rogue_end(rogue);
	MUST(blamed(EDU, "refused: ", rogue));
}

/* Sums of fields that are each within their limits. */
static void overflow_sums(int fd)
{
	struct udrv_io_step steps[2];
	struct udrv_dma map;
	uint64_t value;

	MUST_OK(dma_map(fd, value_space, 8, UDRV_DMA_TO_DEVICE, 28, &map));
	REFUSED(dma_sync(fd, map.id, 7, 2, UDRV_DMA_TO_DEVICE), EINVAL);
	REFUSED(dma_sync(fd, map.id, 1, ~0ull, UDRV_DMA_TO_DEVICE), EINVAL);
	REFUSED(dma_sync(fd, map.id, ~0ull, 1, UDRV_DMA_TO_DEVICE), EINVAL);
	REFUSED(dma_sync(fd, map.id, ~0ull - 7, 8, UDRV_DMA_TO_DEVICE), EINVAL);
	REFUSED(io_read(fd, 0, EDU_BAR_SIZE - 4, 8, &value), EINVAL);
	steps[0] = step_string(UDRV_OP_READ_STRING, 0, 0, 4, 1u << 18, value_space);
	steps[1] = step_string(UDRV_OP_READ_STRING, 0, 0, 4, 1, value_space);
	REFUSED(run_steps(fd, steps, 2, NULL), E2BIG);
	steps[0].count = steps[1].count = 1u << 31;
	REFUSED(run_steps(fd, steps, 2, NULL), E2BIG);
	steps[0] = step_wait(0, 0, 4, 0, 0, 1u << 31);
	steps[1] = step_wait(0, 0, 4, 0, 0, 1u << 31);
	REFUSED(run_steps(fd, steps, 2, NULL), E2BIG);
	/* Memory whose end is not user memory any more. */
	REFUSED(dma_map(fd, (void *)(uintptr_t)0x7fffffffe000, 0x10000,
			UDRV_DMA_TO_DEVICE, 28, &map), EFAULT);
	REFUSED(dma_map(fd, (void *)-(intptr_t)PAGE, PAGE, UDRV_DMA_TO_DEVICE, 28,
			&map), EFAULT);
	REFUSED(dma_map(fd, (void *)(uintptr_t)(1ull << 63), 1, UDRV_DMA_TO_DEVICE,
			28, &map), EFAULT);
}

static void sum_that_overflows_is_refused(void)
{
	rogue_run(EDU, overflow_sums);
}

/* What mmap() and read() are told. */
static void overflow_calls(int fd)
{
	static const uint64_t offsets[] = {
		1ull << 40, 1ull << 41, 6ull << 40, 7ull << 40, 1ull << 43,
		(1ull << 43) + PAGE, (1ull << 43) | 0x3fffull << 28,
		(3ull << 42) + PAGE, (1ull << 44) - PAGE, 1ull << 44,
		(1ull << 63) - PAGE, ~0ull << 12,
	};
	struct udrv_irq_event event;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		attempted(2);
		MUST(try_map(fd, offsets[i], PAGE, NULL) < 0);
		MUST(try_map(fd, offsets[i], 1ull << 40, NULL) < 0);
	}
	attempted(2);
	MUST(try_map(fd, 0, EDU_BAR_SIZE + 1, NULL) < 0);
	MUST(try_map(fd, EDU_BAR_SIZE - PAGE, 1ull << 46, NULL) < 0);
	MUST_OK(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0));
	set_nonblock(fd, true);
	for (i = 0; i < sizeof(event); i++)
		REFUSED(sys(read(fd, &event, i)), EINVAL);
	/* Past all memory; and there is no position to read from. */
	REFUSED(sys(syscall(SYS_read, fd, &event, ~0ul >> 1)), EFAULT);
	REFUSED(sys(pread(fd, &event, sizeof(event), 1ll << 62)), ESPIPE);
	REFUSED(sys(lseek(fd, 1ll << 62, SEEK_SET)), ESPIPE);
	REFUSED(sys(write(fd, &event, sizeof(event))), EINVAL);
	REFUSED(sys(readv(fd, &(struct iovec){ &event, 1 }, 1)), EINVAL);
}

static void offset_beyond_everything_is_refused(void)
{
	rogue_run(EDU, overflow_calls);
}

const struct test tests[] = {
	TEST(field_that_overflows_is_refused),
	TEST(sum_that_overflows_is_refused),
	TEST(offset_beyond_everything_is_refused),
	{ NULL, NULL },
};
