// SPDX-License-Identifier: MIT
/* UDRV_RESET: done where it can be, said where it cannot. */
#include "edu.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

static bool can_reset(int fd)
{
	return info(fd).out_caps & UDRV_INFO_RESET;
}

/* What INFO says is what happens, on every kind of device. */
static void info_tells_the_truth(void)
{
	static const char *const devices[] = {
		EDU, IVSHMEM, E1000, NVME, HOT_EDU, GROUP_EDU,
	};
	unsigned int i;
	int fd, ret;

	for (i = 0; i < ARRAY_SIZE(devices); i++) {
		fd = device_own(devices[i]);
		ret = reset(fd);
		if (ret != (can_reset(fd) ? 0 : -EOPNOTSUPP))
			fail(__FILE__, __LINE__, "%s: INFO says %s, RESET says %d",
			     devices[i], can_reset(fd) ? "yes" : "no", ret);
		close(fd);
	}
}

static void device_works_after_a_reset(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(HOT_EDU);
	struct udrv_irq_event event;
	uint32_t command = config_read(HOT_EDU, 4, 2);

	MUST(can_reset(edu.fd));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST_OK(reset(edu.fd));
	/* The mapping is the same, the BARs are where they were. */
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	MUST_EQUAL(config_read(HOT_EDU, 4, 2) & ~0x400u, command & ~0x400u);
	edu_raise(&edu, 4);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 4);
}

static void bus_mastering_survives_or_info_says_so(void)
{
	struct edu edu;
	bool on;

	if (!on_machine("iommu"))
		skip("needs an IOMMU");
	edu = edu_open(HOT_EDU);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(reset(edu.fd));
	on = config_read(HOT_EDU, 4, 2) & 4;
	MUST_EQUAL(!!(info(edu.fd).out_caps & UDRV_INFO_BUS_MASTER), on);
}

static atomic_bool stop;

static void *run_programs(void *data)
{
	struct edu *edu = data;
	uint64_t value;

	while (!stop) {
		MUST_OK(io_read(edu->fd, 0, EDU_ID, 4, &value));
		/* Never a register of a device in reset. */
		MUST_EQUAL(value, EDU_ID_VALUE);
	}
	return NULL;
}

static void *touch_registers(void *data)
{
	struct edu *edu = data;

	while (!stop)
		edu_read(edu, EDU_ID);
	return NULL;
}

static void reset_races_with_use(void)
{
	struct edu edu = edu_open(HOT_EDU);
	pthread_t threads[2];
	int i;

	MUST_EQUAL(pthread_create(&threads[0], NULL, run_programs, &edu), 0);
	MUST_EQUAL(pthread_create(&threads[1], NULL, touch_registers, &edu), 0);
	for (i = 0; i < fewer(5, 3); i++)
		MUST_OK(reset(edu.fd));
	stop = true;
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
}

static void open_works(void *address)
{
	become_nobody();
	close((int)MUST_OK(device_open(address, O_RDWR)));
}

/* A reset between two owners: then it is anybody's. */
static void other_user_may_follow_where_there_is_a_reset(void)
{
	close(device_own(HOT_EDU));
	MUST_OK(sys(chmod("/dev/udrv/" HOT_EDU, 0666)));
	MUST_EQUAL(reap(spawn(open_works, (void *)(uintptr_t)HOT_EDU)), 0);
}

/* A reset that fails is no reset: the rule for devices without one holds. */
static void open_is_refused(void *address)
{
	become_nobody();
	MUST_ERROR(device_open(address, O_RDWR), EPERM);
}

static void failing_reset_is_no_reset(void)
{
	int fd = device_own(GROUP_EDU);

	if (!reset(fd))
		skip("this device can be reset");
	close(fd);
	MUST_OK(sys(chmod("/dev/udrv/" GROUP_EDU, 0666)));
	MUST_EQUAL(reap(spawn(open_is_refused, (void *)(uintptr_t)GROUP_EDU)), 0);
}

const struct test tests[] = {
	TEST(info_tells_the_truth),
	TEST(device_works_after_a_reset),
	TEST(bus_mastering_survives_or_info_says_so),
	TEST(reset_races_with_use),
	TEST(other_user_may_follow_where_there_is_a_reset),
	TEST(failing_reset_is_no_reset),
	{ NULL, NULL },
};
