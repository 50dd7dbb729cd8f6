// SPDX-License-Identifier: MIT
/*
 * The form all commands have: how structs may be longer, shorter, flagged or
 * unreadable.  One table of commands, one test per rule.
 */
#include "device.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define NEVER (~0u)

static struct udrv_io_step one_step;
static struct udrv_dma one_map;

/* A command with an argument that the kernel accepts. */
struct form {
	const char *name;
	unsigned int number;
	unsigned int size;
	unsigned int reserved;		/* offset of a reserved word, or NEVER */
	void (*fill)(void *argument);
};

static void fill_nothing(void *argument)
{
	(void)argument;
}

static void fill_io(void *argument)
{
	struct udrv_io *io = argument;

	one_step = step_read(0, 0, 4);
	io->steps = (uintptr_t)&one_step;
	io->count = 1;
	io->step_size = sizeof(one_step);
}

static void fill_irq_fd(void *argument)
{
	struct udrv_irq_fd *get = argument;

	get->vector = 0;
}

static void fill_list(void *argument)
{
	struct udrv_dma_batch *batch = argument;

	batch->entry_size = sizeof(struct udrv_dma);
}

/* The batches with work in them need an IOMMU: no entries are wrong alike. */
static void fill_batch(void *argument)
{
	struct udrv_dma_batch *batch = argument;

	one_map = (struct udrv_dma){ .id = 12345, .flags = UDRV_DMA_TO_DEVICE };
	batch->entries = (uintptr_t)&one_map;
	batch->count = 1;
	batch->entry_size = sizeof(struct udrv_dma);
}

#define FORM(number, type, reserved, fill) \
	{ #number, number, sizeof(struct type), reserved, fill }
#define RESERVED(type, field) offsetof(struct type, field)

static const struct form forms[] = {
	FORM(UDRV_INFO, udrv_info, NEVER, fill_nothing),
	FORM(UDRV_REGION_INFO, udrv_region_info,
	     RESERVED(udrv_region_info, reserved), fill_nothing),
	FORM(UDRV_BUS_MASTER, udrv_bus_master,
	     RESERVED(udrv_bus_master, reserved), fill_nothing),
	FORM(UDRV_IO, udrv_io, RESERVED(udrv_io, reserved), fill_io),
	FORM(UDRV_IRQ_SETUP, udrv_irq_setup, NEVER, fill_nothing),
	FORM(UDRV_IRQ_FD, udrv_irq_fd, NEVER, fill_irq_fd),
	FORM(UDRV_DMA_LIST, udrv_dma_batch, RESERVED(udrv_dma_batch, reserved),
	     fill_list),
	FORM(UDRV_COUNTERS, udrv_counters, NEVER, fill_nothing),
	FORM(UDRV_REASON, udrv_reason, RESERVED(udrv_reason, reserved),
	     fill_nothing),
	FORM(UDRV_RELEASE, udrv_plain, NEVER, fill_nothing),
};

/* These fail with a good struct here, but must look at its form first. */
static const struct form failing[] = {
	FORM(UDRV_RESET, udrv_plain, NEVER, fill_nothing),
	FORM(UDRV_DMA_ALLOC, udrv_dma_batch,
	     RESERVED(udrv_dma_batch, reserved), fill_batch),
	FORM(UDRV_DMA_MAP, udrv_dma_batch,
	     RESERVED(udrv_dma_batch, reserved), fill_batch),
	FORM(UDRV_DMA_SYNC, udrv_dma_batch,
	     RESERVED(udrv_dma_batch, reserved), fill_batch),
	FORM(UDRV_DMA_UNMAP, udrv_dma_batch,
	     RESERVED(udrv_dma_batch, reserved), fill_batch),
};

union argument {
	uint32_t size;
	uint32_t word[1024];
	uint64_t align;
};

static void fill(const struct form *form, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	argument->size = form->size;
	form->fill(argument);
}

static void expect(const char *rule, const struct form *form, int got, int wanted)
{
	if (got != wanted)
		fail(__FILE__, __LINE__, "%s, %s: %d (%s), not %d", form->name,
		     rule, got, got < 0 ? strerror(-got) : "success", wanted);
}

/* Each on an open of its own: RELEASE ends one. */
static int try_once(const struct form *form, union argument *argument)
{
	int fd = device_own(EDU);
	int ret = command(fd, form->number, argument);

	if (!ret && argument && form->number == UDRV_IRQ_FD)
		close(((struct udrv_irq_fd *)argument)->out_fd);
	close(fd);
	return ret;
}

static void accepted_struct_works(void)
{
	union argument argument;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		fill(&forms[i], &argument);
		expect("a good struct", &forms[i], try_once(&forms[i], &argument), 0);
	}
}

static void each_form(void (*check)(const struct form *form))
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++)
		check(&forms[i]);
	for (i = 0; i < ARRAY_SIZE(failing); i++)
		check(&failing[i]);
}

static void check_flag(const struct form *form)
{
	union argument argument;

	fill(form, &argument);
	argument.word[1] = 0x80000000;
	expect("an unknown flag", form, try_once(form, &argument), -EINVAL);
}

static void unknown_flag_is_einval(void)
{
	each_form(check_flag);
}

static void check_reserved(const struct form *form)
{
	union argument argument;

	if (form->reserved == NEVER)
		return;
	fill(form, &argument);
	argument.word[form->reserved / 4] = 1;
	expect("reserved not 0", form, try_once(form, &argument), -EINVAL);
}

static void reserved_not_zero_is_einval(void)
{
	each_form(check_reserved);
}

static void check_short(const struct form *form)
{
	union argument argument;

	fill(form, &argument);
	argument.size = form->size - 4;
	expect("a short struct", form, try_once(form, &argument), -EINVAL);
	argument.size = 0;
	expect("size 0", form, try_once(form, &argument), -EINVAL);
}

static void shorter_than_the_first_version_is_einval(void)
{
	each_form(check_short);
}

static void check_long_zero(const struct form *form)
{
	union argument argument;
	int usual;

	fill(form, &argument);
	usual = try_once(form, &argument);
	fill(form, &argument);
	argument.size = form->size + 64;
	expect("a longer struct, zero tail", form, try_once(form, &argument), usual);
	/* What the kernel does not know it does not write. */
	MUST_EQUAL(argument.word[form->size / 4], 0);
	MUST_EQUAL(argument.size, form->size + 64);
}

static void longer_with_zero_tail_is_accepted(void)
{
	each_form(check_long_zero);
}

static void check_long_tail(const struct form *form)
{
	union argument argument;

	fill(form, &argument);
	argument.size = form->size + 64;
	argument.word[(form->size + 60) / 4] = 1;
	expect("a longer struct, non-zero tail", form, try_once(form, &argument),
	       -E2BIG);
}

static void longer_with_other_tail_is_e2big(void)
{
	each_form(check_long_tail);
}

static void check_pointer(const struct form *form)
{
	union argument argument;
	char *pages;
	void *last;

	expect("address 0", form, try_once(form, NULL), -EFAULT);
	expect("a bad address", form, try_once(form, (void *)16), -EFAULT);
	/* The size is readable, the rest is not. */
	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(pages != MAP_FAILED);
	MUST_OK(sys(munmap(pages + 4096, 4096)));
	last = pages + 4096 - 4;
	fill(form, &argument);
	memcpy(last, &argument, 4);
	expect("half an address", form, try_once(form, last), -EFAULT);
	munmap(pages, 4096);
}

static void bad_address_is_efault(void)
{
	each_form(check_pointer);
}

/* Results that cannot be written are an error, not silence. */
static void read_only_result_is_efault(void)
{
	static const unsigned int results[] = {
		UDRV_INFO, UDRV_REGION_INFO, UDRV_IRQ_FD, UDRV_COUNTERS,
		UDRV_REASON, UDRV_IO, UDRV_DMA_LIST,
	};
	union argument *argument;
	unsigned int i, j;

	argument = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (i = 0; i < ARRAY_SIZE(forms); i++) {
		for (j = 0; j < ARRAY_SIZE(results); j++) {
			if (forms[i].number != results[j])
				continue;
			mprotect(argument, 4096, PROT_READ | PROT_WRITE);
			fill(&forms[i], argument);
			mprotect(argument, 4096, PROT_READ);
			expect("read-only memory", &forms[i],
			       try_once(&forms[i], argument), -EFAULT);
		}
	}
}

static void unknown_command_is_enotty(void)
{
	static const unsigned int numbers[] = {
		_IO(UDRV_IOC_TYPE, 15), _IO(UDRV_IOC_TYPE, 255),
		_IO(UDRV_IOC_TYPE - 1, 0), _IO(UDRV_IOC_TYPE + 1, 0), 0,
		_IOR(UDRV_IOC_TYPE, 0, struct udrv_info), ~0u, 0x5401,
	};
	struct udrv_info argument = { .size = sizeof(argument) };
	int fd = device_own(EDU);
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++)
		MUST_ERROR(command(fd, numbers[i], &argument), ENOTTY);
}

const struct test tests[] = {
	TEST(accepted_struct_works),
	TEST(unknown_flag_is_einval),
	TEST(reserved_not_zero_is_einval),
	TEST(shorter_than_the_first_version_is_einval),
	TEST(longer_with_zero_tail_is_accepted),
	TEST(longer_with_other_tail_is_e2big),
	TEST(bad_address_is_efault),
	TEST(read_only_result_is_efault),
	TEST(unknown_command_is_enotty),
	{ NULL, NULL },
};
