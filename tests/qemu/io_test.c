// SPDX-License-Identifier: MIT
/* Register programs. */
#include "edu.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define POISON 0x5a5a5a5a5a5a5a5aull

static void factorial_in_one_program(void)
{
	struct udrv_io_step steps[] = {
		step_read(0, EDU_ID, 4),
		step_write(0, EDU_FACTORIAL, 4, 10),
		step_wait(0, EDU_STATUS, 4, EDU_STATUS_BUSY, 0, 900000),
		step_read(0, EDU_FACTORIAL, 4),
		{ .op = UDRV_OP_DELAY, .count = 500 },
		step_read(0, EDU_ID, 4),
	};
	struct edu edu = edu_open(EDU);
	unsigned int done;

	MUST_OK(run_steps(edu.fd, steps, ARRAY_SIZE(steps), &done));
	MUST_EQUAL(done, ARRAY_SIZE(steps));
	MUST_EQUAL(steps[0].out_value, EDU_ID_VALUE);
	MUST_EQUAL(steps[2].out_value & EDU_STATUS_BUSY, 0);
	MUST_EQUAL(steps[3].out_value, 3628800);
	MUST_EQUAL(steps[5].out_value, EDU_ID_VALUE);
	/* Only results were written. */
	MUST_EQUAL(steps[1].out_value, 0);
	MUST_EQUAL(steps[1].value, 10);
}

static void programs_and_mappings_see_the_same(void)
{
	struct edu edu = edu_open(EDU);
	uint64_t value;

	edu_write(&edu, EDU_LIVENESS, 1);
	MUST_OK(io_read(edu.fd, 0, EDU_LIVENESS, 4, &value));
	MUST_EQUAL(value, 0xfffffffe);
	MUST_OK(io_write(edu.fd, 0, EDU_LIVENESS, 4, 2));
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), 0xfffffffd);
}

/* A bad step anywhere: nothing is touched, nothing is written. */
static void bad_step_touches_nothing(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_io_step bad[] = {
		{ .op = 6, .width = 4 },
		{ .op = UDRV_OP_READ, .width = 3 },
		{ .op = UDRV_OP_READ, .width = 0 },
		{ .op = UDRV_OP_READ, .width = 4, .offset = 2 },
		{ .op = UDRV_OP_READ, .width = 4, .offset = EDU_BAR_SIZE },
		{ .op = UDRV_OP_READ, .width = 8, .offset = EDU_BAR_SIZE - 4 },
		{ .op = UDRV_OP_READ, .width = 4, .offset = ~0ull - 3 },
		{ .op = UDRV_OP_READ, .width = 4, .offset = 1ull << 32 },
		{ .op = UDRV_OP_READ, .width = 4, .reserved = 1 },
		{ .op = UDRV_OP_READ, .width = 4, .count = 1 },
		{ .op = UDRV_OP_READ, .width = 4, .value = 1 },
		{ .op = UDRV_OP_WRITE, .width = 4, .mask_or_data = 1 },
		{ .op = UDRV_OP_WRITE, .width = 1, .value = 0x100 },
		{ .op = UDRV_OP_DELAY, .count = 10, .width = 4 },
		{ .op = UDRV_OP_DELAY, .count = 10, .offset = 4 },
		{ .op = UDRV_OP_READ_STRING, .width = 4, .count = 0 },
	};
	struct udrv_io_step steps[3];
	unsigned int i, done;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		edu_write(&edu, EDU_LIVENESS, 0);
		steps[0] = step_write(0, EDU_LIVENESS, 4, 0x77);
		steps[1] = step_read(0, EDU_ID, 4);
		steps[1].out_value = POISON;
		steps[2] = bad[i];
		if (run_steps(edu.fd, steps, 3, &done) != -EINVAL)
			fail(__FILE__, __LINE__, "bad step %u is not EINVAL", i);
		MUST_EQUAL(done, 0);
		MUST_EQUAL(steps[1].out_value, POISON);
		MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~0u);
		MUST_REASON(edu.fd, EINVAL, "");
	}
}

static void limits_are_limits(void)
{
	static uint8_t data[UDRV_IO_MAX_STRING + 4];
	struct udrv_io_step delay = { .op = UDRV_OP_DELAY, .count = 1001 };
	struct udrv_io_step waits[2] = {
		step_wait(0, EDU_ID, 4, 0, 0, 600000),
		step_wait(0, EDU_ID, 4, 0, 0, 400001),
	};
	struct udrv_io_step text = step_string(UDRV_OP_READ_STRING, 0, EDU_ID, 4,
					       UDRV_IO_MAX_STRING / 4, data);
	int fd = device_own(EDU);
	unsigned int done;

	MUST_OK(run_steps(fd, &text, 1, NULL));
	MUST_EQUAL(data[UDRV_IO_MAX_STRING - 4], EDU_ID_VALUE & 0xff);
	MUST_EQUAL(data[UDRV_IO_MAX_STRING], 0);
	text.count++;
	MUST_ERROR(run_steps(fd, &text, 1, NULL), E2BIG);
	text.count = 1u << 30;		/* times 4 is 0 in 32 bits */
	MUST_ERROR(run_steps(fd, &text, 1, NULL), E2BIG);
	text.count = ~0u;
	MUST_ERROR(run_steps(fd, &text, 1, NULL), E2BIG);
	MUST_ERROR(run_steps(fd, &delay, 1, &done), E2BIG);
	MUST_EQUAL(done, 0);
	MUST_ERROR(run_steps(fd, waits, 2, &done), E2BIG);
	MUST_EQUAL(done, 0);
	waits[1].count--;
	MUST_OK(run_steps(fd, waits, 2, &done));
	waits[0].count = ~0u;
	waits[1].count = 1;
	MUST_ERROR(run_steps(fd, waits, 2, &done), E2BIG);
}

static void strings_go_in_bus_order(void)
{
	uint32_t out[3] = { 1, 2, 0x01020304 }, in[1500];
	struct udrv_io_step steps[] = {
		step_string(UDRV_OP_WRITE_STRING, 0, EDU_LIVENESS, 4, 3, out),
		step_read(0, EDU_LIVENESS, 4),
		step_string(UDRV_OP_READ_STRING, 0, EDU_LIVENESS, 4, 1500, in),
	};
	int fd = device_own(EDU);
	unsigned int i, done;

	MUST_OK(run_steps(fd, steps, 3, &done));
	MUST_EQUAL(done, 3);
	MUST_EQUAL(steps[1].out_value, ~0x01020304u);
	for (i = 0; i < ARRAY_SIZE(in); i++)
		MUST_EQUAL(in[i], ~0x01020304u);
}

/* Unreadable data stops at its step; the steps before it were done. */
static void bad_string_memory_is_efault_with_out_done(void)
{
	struct udrv_io_step steps[] = {
		step_write(0, EDU_LIVENESS, 4, 0x11),
		step_string(UDRV_OP_READ_STRING, 0, EDU_ID, 4, 4, (void *)16),
		step_write(0, EDU_LIVENESS, 4, 0x22),
	};
	struct edu edu = edu_open(EDU);
	unsigned int done;

	MUST_ERROR(run_steps(edu.fd, steps, 3, &done), EFAULT);
	MUST(done <= 1);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), done ? ~0x11u : ~0u);
	steps[1].op = UDRV_OP_WRITE_STRING;
	steps[1].offset = EDU_LIVENESS;
	MUST_ERROR(run_steps(edu.fd, steps, 3, &done), EFAULT);
	MUST(edu_read(&edu, EDU_LIVENESS) != ~0x22u);
}

static void wait_times_out_and_tells_what_it_saw(void)
{
	struct udrv_io_step steps[] = {
		step_write(0, EDU_LIVENESS, 4, 0x44),
		step_wait(0, EDU_LIVENESS, 4, 0xff, 0x44, 2000),
		step_write(0, EDU_LIVENESS, 4, 0x55),
	};
	struct edu edu = edu_open(EDU);
	uint64_t start = now_ns();
	unsigned int done;

	MUST_ERROR(run_steps(edu.fd, steps, 3, &done), ETIMEDOUT);
	MUST(now_ns() - start >= 2000000);
	MUST_EQUAL(done, 1);
	MUST_EQUAL(steps[1].out_value, ~0x44u);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~0x44u);
}

static void delay_is_at_least_as_long(void)
{
	struct udrv_io_step steps[20];
	int fd = device_own(EDU);
	uint64_t start;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(steps); i++)
		steps[i] = (struct udrv_io_step){
			.op = UDRV_OP_DELAY, .count = 1000,
		};
	start = now_ns();
	MUST_OK(run_steps(fd, steps, ARRAY_SIZE(steps), NULL));
	MUST(now_ns() - start >= ARRAY_SIZE(steps) * 1000000);
}

static void on_alarm(int signal)
{
	(void)signal;
}

/* Never restarted: a replay would write twice. */
static void signal_ends_a_wait(void)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval timer = { .it_value.tv_usec = 50000 };
	struct udrv_io_step steps[] = {
		step_write(0, EDU_LIVENESS, 4, 1),
		step_wait(0, EDU_ID, 4, ~0u, 0, 990000),
		step_write(0, EDU_LIVENESS, 4, 2),
	};
	struct edu edu = edu_open(EDU);
	unsigned int done;

	MUST_OK(sys(sigaction(SIGALRM, &action, NULL)));
	MUST_OK(sys(setitimer(ITIMER_REAL, &timer, NULL)));
	MUST_ERROR(run_steps(edu.fd, steps, 3, &done), EINTR);
	MUST_EQUAL(done, 1);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~1u);
}

static void eight_bytes_in_memory_only(void)
{
	int fd = device_own(EDU), nic = device_own(E1000);
	uint64_t value;

	/* edu takes 8-byte accesses from 0x80 on. */
	MUST_OK(io_write(fd, 0, EDU_DMA_SOURCE, 8, 0x12345678));
	MUST_OK(io_read(fd, 0, EDU_DMA_SOURCE, 8, &value));
	MUST_EQUAL(value, 0x12345678);
	MUST_ERROR(io_read(nic, 1, 0, 8, &value), EINVAL);
}

/* ivshmem's second region is memory that keeps what was written. */
static void memory_takes_every_width(void)
{
	uint64_t wanted = 0x1122334455667788, value;
	int fd = device_own(IVSHMEM), width;

	MUST_OK(io_write(fd, 2, 0, 8, 0));
	for (width = 1; width <= 8; width *= 2) {
		MUST_OK(io_write(fd, 2, 0, width, wanted >> (64 - 8 * width)));
		MUST_OK(io_read(fd, 2, 0, 8, &value));
		MUST_EQUAL(value, wanted >> (64 - 8 * width));
		MUST_OK(io_read(fd, 2, 0, width, &value));
		MUST_EQUAL(value, wanted >> (64 - 8 * width));
	}
}

/* A string goes to one register: the last element stays in it. */
static void strings_take_every_width(void)
{
	const uint8_t out[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	int fd = device_own(IVSHMEM), width;
	struct udrv_io_step steps[2];
	uint8_t in[8];
	unsigned int i;

	for (width = 1; width <= 4; width *= 2) {
		steps[0] = step_string(UDRV_OP_WRITE_STRING, 2, 64, width,
				       8u / (unsigned int)width, (void *)(uintptr_t)out);
		steps[1] = step_string(UDRV_OP_READ_STRING, 2, 64, width,
				       8u / (unsigned int)width, in);
		memset(in, 0, sizeof(in));
		MUST_OK(run_steps(fd, steps, 2, NULL));
		for (i = 0; i < sizeof(in); i++)
			MUST_EQUAL(in[i], out[8 - width + (int)i % width]);
	}
}

/*
 * QEMU's e1000 reads 0 at its ports; a port that nobody decodes reads ones.
 */
static void ports_are_the_devices_own(void)
{
	struct udrv_io_step steps[] = {
		step_write(1, 0, 4, 8), step_read(1, 4, 4), step_read(1, 60, 4),
		step_read(1, 61, 1), step_read(1, 62, 2),
	};
	int fd = device_own(E1000);
	uint64_t value;
	unsigned int i;

	MUST_OK(run_steps(fd, steps, ARRAY_SIZE(steps), NULL));
	for (i = 1; i < ARRAY_SIZE(steps); i++)
		MUST_EQUAL(steps[i].out_value, 0);
	MUST_ERROR(io_read(fd, 1, 64, 1, &value), EINVAL);
	MUST_ERROR(io_write(fd, 1, 63, 2, 0), EINVAL);
	/* The memory BAR has the status register: link up, full duplex. */
	MUST_OK(io_read(fd, 0, 8, 4, &value));
	MUST(value & 2);
}

static void rom_is_read_only(void)
{
	int fd = device_own(EDU);
	uint64_t value;

	/* No device here has one: nothing to read, and nothing to write. */
	MUST_ERROR(io_read(fd, UDRV_REGION_ROM, 0, 4, &value), ENXIO);
	MUST_ERROR(io_write(fd, UDRV_REGION_ROM, 0, 4, 0), ENXIO);
}

static void *increments(void *data)
{
	int fd = *(int *)data, i;
	struct udrv_io_step steps[4] = {
		step_write(0, EDU_LIVENESS, 4, (uintptr_t)pthread_self() & 0xffff),
		{ .op = UDRV_OP_DELAY, .count = 20 },
		step_read(0, EDU_LIVENESS, 4),
		step_read(0, EDU_LIVENESS, 4),
	};

	steps[0].value = (uint64_t)gettid();
	for (i = 0; i < fewer(500, 100); i++) {
		MUST_OK(run_steps(fd, steps, 4, NULL));
		MUST_EQUAL(steps[2].out_value, (uint32_t)~gettid());
	}
	return NULL;
}

/* Programs of one device do not run into each other. */
static void programs_run_one_at_a_time(void)
{
	int fd = device_own(EDU);
	pthread_t threads[3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		MUST_EQUAL(pthread_create(&threads[i], NULL, increments, &fd), 0);
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	MUST_EQUAL(counters(fd).out_programs, (uint64_t)fewer(500, 100) * 3);
	MUST_EQUAL(counters(fd).out_steps, (uint64_t)fewer(500, 100) * 12);
}

const struct test tests[] = {
	TEST(factorial_in_one_program),
	TEST(programs_and_mappings_see_the_same),
	TEST(bad_step_touches_nothing),
	TEST(limits_are_limits),
	TEST(strings_go_in_bus_order),
	TEST(bad_string_memory_is_efault_with_out_done),
	TEST(wait_times_out_and_tells_what_it_saw),
	TEST(delay_is_at_least_as_long),
	TEST(signal_ends_a_wait),
	TEST(eight_bytes_in_memory_only),
	TEST(memory_takes_every_width),
	TEST(strings_take_every_width),
	TEST(ports_are_the_devices_own),
	TEST(rom_is_read_only),
	TEST(programs_run_one_at_a_time),
	{ NULL, NULL },
};
