// SPDX-License-Identifier: MIT
/* One case at least for each errno of the contract, and its sentence. */
#include "edu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

static void einval_has_a_reason(void)
{
	int fd = device_own(EDU);
	struct udrv_bus_master set = { .size = sizeof(set), .on = 2 };

	MUST_EQUAL(reason_errno(fd), 0);
	MUST_ERROR(command(fd, UDRV_BUS_MASTER, &set), EINVAL);
	MUST_REASON(fd, EINVAL, "BUS_MASTER");
	MUST_ERROR(irq_setup(fd, 99, 1, NULL, 0), EINVAL);
	MUST_REASON(fd, EINVAL, "");
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_NONE, 1, NULL, 0), EINVAL);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_INTX, 0, NULL, 0), EINVAL);
}

static void e2big_is_a_count_above_its_limit(void)
{
	static struct udrv_io_step steps[UDRV_IO_MAX_STEPS + 1];
	static struct udrv_dma maps[UDRV_DMA_MAX_BATCH + 1];
	int fd = device_own(EDU);
	unsigned int i, done;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		steps[i] = step_read(0, 0, 4);
	MUST_OK(run_steps(fd, steps, UDRV_IO_MAX_STEPS, &done));
	MUST_EQUAL(done, UDRV_IO_MAX_STEPS);
	MUST_ERROR(run_steps(fd, steps, UDRV_IO_MAX_STEPS + 1, NULL), E2BIG);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_UNMAP, maps, UDRV_DMA_MAX_BATCH + 1,
			     NULL), E2BIG);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_LIST, maps, UDRV_DMA_MAX_IDS + 1,
			     NULL), E2BIG);
	MUST_REASON(fd, E2BIG, "16384");
}

static void zero_entries_are_einval(void)
{
	struct udrv_io_step step = step_read(0, 0, 4);
	int fd = device_own(EDU);

	MUST_ERROR(run_steps(fd, &step, 0, NULL), EINVAL);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_UNMAP, NULL, 0, NULL), EINVAL);
}

static void ebusy_second_owner(void)
{
	int fd = device_own(EDU);

	MUST_ERROR(device_open(EDU, O_RDWR), EBUSY);
	close(fd);
	fd = (int)MUST_OK(device_open(EDU, O_RDWR));
}

static void write_only_open_is_refused(void)
{
	int fd = device_own(EDU);

	close(fd);
	MUST(device_open(EDU, O_WRONLY) < 0);
}

static void eperm_a_register_the_kernel_keeps(void)
{
	int fd = device_own(EDU);

	MUST_ERROR(io_write(fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
	MUST_REASON(fd, EPERM, "");
}

static void enodev_after_release(void)
{
	int fd = device_own(EDU);
	uint64_t value;

	MUST_OK(release(fd));
	MUST_ERROR(io_read(fd, 0, 0, 4, &value), ENODEV);
	MUST_ERROR(bus_master(fd, 0), ENODEV);
	MUST_ERROR(try_map(fd, 0, 4096, NULL), ENODEV);
}

static void enxio_no_such_thing(void)
{
	struct udrv_irq_event event;
	int fd = device_own(EDU);
	uint64_t value;

	MUST_ERROR(irq_read(fd, &event), ENXIO);
	MUST_ERROR(io_read(fd, 3, 0, 4, &value), ENXIO);
	MUST_REASON(fd, ENXIO, "region");
	MUST_ERROR(io_read(fd, 200, 0, 4, &value), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSIX, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_INTX, 2, NULL, 0), EINVAL);
	MUST_ERROR(irq_fd(fd, 1, 0), ENXIO);
	MUST_REASON(fd, ENXIO, "vector");
	MUST_ERROR(irq_fd(fd, ~0u, 0), ENXIO);
}

static void region_index_out_of_range_is_enxio(void)
{
	struct udrv_region_info get = { .size = sizeof(get), .index = 8 };
	int fd = device_own(EDU);

	MUST_ERROR(command(fd, UDRV_REGION_INFO, &get), ENXIO);
	get.index = ~0u;
	MUST_ERROR(command(fd, UDRV_REGION_INFO, &get), ENXIO);
	/* One that could be, but is not there, is told as such. */
	MUST_EQUAL(region_info(fd, 3).out_kind, UDRV_KIND_NONE);
}

static void enoent_no_mapping_with_that_id(void)
{
	int fd = device_own(EDU);

	MUST_ERROR(dma_unmap(fd, 12345), ENOENT);
	MUST_REASON(fd, ENOENT, "12345");
	MUST_ERROR(dma_unmap(fd, 0), ENOENT);
	MUST_ERROR(dma_sync(fd, 1, 0, 1, UDRV_DMA_TO_DEVICE), ENOENT);
}

static void eopnotsupp_no_reset_method(void)
{
	int fd = device_own(EDU);

	MUST_EQUAL(info(fd).out_caps & UDRV_INFO_RESET, 0);
	MUST_ERROR(reset(fd), EOPNOTSUPP);
	MUST_REASON(fd, EOPNOTSUPP, "reset");
}

static void etimedout_wait_step(void)
{
	struct udrv_io_step step = step_wait(0, EDU_ID, 4, ~0u, 1, 1000);
	int fd = device_own(EDU);

	MUST_ERROR(run_steps(fd, &step, 1, NULL), ETIMEDOUT);
	MUST_REASON(fd, ETIMEDOUT, "0x10000ed");
}

static void eagain_nonblocking_read(void)
{
	int fd = device_own(EDU);
	struct udrv_irq_event event;

	MUST_OK(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0));
	set_nonblock(fd, true);
	MUST_ERROR(irq_read(fd, &event), EAGAIN);
}

static void efault_array(void)
{
	int fd = device_own(EDU);
	unsigned int done;

	MUST_ERROR(run_steps(fd, (void *)16, 1, &done), EFAULT);
	MUST_EQUAL(done, 0);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_UNMAP, (void *)16, 1, &done), EFAULT);
	MUST_EQUAL(done, 0);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_INTX, 1, (void *)16, 1), EFAULT);
}

/* Elements longer than this kernel's: a zero tail is fine, another is not. */
static void array_elements_may_grow(void)
{
	struct {
		struct udrv_io_step step;
		uint64_t newer;
	} steps[2];
	struct udrv_io io = {
		.size = sizeof(io), .steps = (uintptr_t)steps, .count = 2,
		.step_size = sizeof(steps[0]),
	};
	int fd = device_own(EDU);

	memset(steps, 0, sizeof(steps));
	steps[0].step = step_read(0, EDU_ID, 4);
	steps[1].step = step_read(0, EDU_ID, 4);
	MUST_OK(command(fd, UDRV_IO, &io));
	MUST_EQUAL(io.out_done, 2);
	MUST_EQUAL(steps[1].step.out_value, EDU_ID_VALUE);
	steps[1].newer = 1;
	steps[0].step.out_value = 5;
	MUST_ERROR(command(fd, UDRV_IO, &io), E2BIG);
	MUST_EQUAL(io.out_done, 0);
	MUST_EQUAL(steps[0].step.out_value, 5);
	io.step_size = sizeof(struct udrv_io_step) - 8;
	MUST_ERROR(command(fd, UDRV_IO, &io), EINVAL);
	io.step_size = 0;
	MUST_ERROR(command(fd, UDRV_IO, &io), EINVAL);
}

static void rule_elements_may_grow(void)
{
	struct {
		struct udrv_irq_rule rule;
		uint64_t newer;
	} rule = { .rule = edu_rule() };
	struct udrv_irq_setup set = {
		.size = sizeof(set), .kind = UDRV_IRQ_INTX, .vectors = 1,
		.rules = (uintptr_t)&rule, .rule_count = 1,
		.rule_size = sizeof(rule),
	};
	int fd = device_own(EDU);

	MUST_OK(command(fd, UDRV_IRQ_SETUP, &set));
	rule.newer = 1;
	MUST_ERROR(command(fd, UDRV_IRQ_SETUP, &set), E2BIG);
	set.rule_size = sizeof(rule.rule) - 8;
	MUST_ERROR(command(fd, UDRV_IRQ_SETUP, &set), EINVAL);
	set.rule_count = 2;
	MUST_ERROR(command(fd, UDRV_IRQ_SETUP, &set), EINVAL);
}

const struct test tests[] = {
	TEST(einval_has_a_reason),
	TEST(e2big_is_a_count_above_its_limit),
	TEST(zero_entries_are_einval),
	TEST(ebusy_second_owner),
	TEST(write_only_open_is_refused),
	TEST(eperm_a_register_the_kernel_keeps),
	TEST(enodev_after_release),
	TEST(enxio_no_such_thing),
	TEST(region_index_out_of_range_is_enxio),
	TEST(enoent_no_mapping_with_that_id),
	TEST(eopnotsupp_no_reset_method),
	TEST(etimedout_wait_step),
	TEST(eagain_nonblocking_read),
	TEST(efault_array),
	TEST(array_elements_may_grow),
	TEST(rule_elements_may_grow),
	{ NULL, NULL },
};
