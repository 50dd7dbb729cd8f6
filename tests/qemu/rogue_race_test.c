// SPDX-License-Identifier: MIT
/*
 * An unprivileged driver whose threads do everything at once, to a file that
 * is closed, released or passed on meanwhile; beside a neighbour.
 */
#include "rogue.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 180;

static atomic_bool stop;
static atomic_int file = -1;	/* the present one, or a closed number */
static uint8_t *memory;

static void call_dma(int fd)
{
	struct udrv_dma map;

	if (!dma_map(fd, memory, 3 * PAGE, UDRV_DMA_BOTH, 28, &map))
		dma_unmap(fd, map.id);
	if (!dma_alloc(fd, PAGE, 28, &map)) {
		dma_sync(fd, map.id, 0, PAGE, UDRV_DMA_TO_DEVICE);
		dma_unmap(fd, map.id);
	}
	dma_batch(fd, UDRV_DMA_LIST, NULL, 0, NULL);
}

static void call_program(int fd)
{
	struct udrv_io_step steps[] = {
		step_write(0, EDU_LIVENESS, 4, 1),
		step_read(UDRV_REGION_CONFIG, 4, 4),
		step_wait(0, EDU_ID, 4, ~0u, 0, 200),
	};

	run_steps(fd, steps, ARRAY_SIZE(steps), NULL);
}

static void call_interrupts(int fd)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int vector;

	irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1);
	vector = irq_fd(fd, 0, UDRV_IRQ_FD_NONBLOCK);
	poll(&wait, 1, 0);
	sys(read(vector, &event, sizeof(event)));
	irq_setup(fd, UDRV_IRQ_MSI, 1, NULL, 0);
	if (vector >= 0)
		close(vector);
}

static void call_mappings(int fd)
{
	void *at = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	volatile uint32_t *bar = at;

	if (at == MAP_FAILED)
		return;
	bar[EDU_LIVENESS / 4] = 1;
	bar[EDU_IRQ_RAISE / 4] = 1;
	bar[EDU_IRQ_ACK / 4] = 1;
	munmap(at, 4 * PAGE);
}

static void call_rest(int fd)
{
	struct udrv_info get = { .size = sizeof(get) };

	bus_master(fd, 1);
	command(fd, UDRV_INFO, &get);
	reset(fd);
	bus_master(fd, 0);
}

static void *keep_calling(void *call)
{
	while (!stop) {
		((attack_fn)call)(file);
		attempted(1);
	}
	return NULL;
}

/* Ended in turn by close, by release, and by a socket that nobody reads. */
static void end_it(int fd, int round)
{
	int sockets[2];

	if (round % 3 == 1)
		release(fd);
	if (round % 3 == 2 &&
	    !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets)) {
		send_fd(sockets[0], fd);
		close(fd);
		close(sockets[0]);
		close(sockets[1]);
		return;
	}
	close(fd);
}

static void race_with_the_end(int fd)
{
	attack_fn calls[] = { call_dma, call_program, call_interrupts,
			      call_mappings, call_rest };
	pthread_t threads[ARRAY_SIZE(calls)];
	int i, round, rounds = fewer(300, 40), next;

	memory = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	file = fd;
	for (i = 0; i < (int)ARRAY_SIZE(calls); i++)
		MUST_EQUAL(pthread_create(&threads[i], NULL, keep_calling,
					  (void *)calls[i]), 0);
	for (round = 0; round < rounds; round++) {
		usleep((unsigned int)round % 7 * 300);
		end_it(file, round);
		/* A mapping or a call in flight may keep it for a while. */
		WAIT_FOR((next = device_open(EDU, O_RDWR)) >= 0);
		file = next;
	}
	stop = true;
	for (i = 0; i < (int)ARRAY_SIZE(calls); i++)
		pthread_join(threads[i], NULL);
}

static void everything_races_with_the_end(void)
{
	struct edu edu;

	give(EDU, NOBODY);
	if (on_machine("iommu"))
		neighbour_start(EDU_SHARED);
	rogue_run(EDU, race_with_the_end);
	if (on_machine("iommu"))
		neighbour_end();
	/* And it still is a device. */
	WAIT_FOR((edu.fd = device_open(EDU, O_RDWR)) >= 0);
	MUST_EQUAL(dma_count(edu.fd), 0);
	MUST_EQUAL(counters(edu.fd).out_mapped_bytes, 0);
	edu.bar = must_map(edu.fd, 0, EDU_BAR_SIZE);
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	edu_lower(&edu);
}

/* ----------------------------------------------- the file outlives the binding */

static int told[2], asked[2];

/* With a mapping, a vector file and memory mapped, then left alone with them. */
static void hold_everything(int fd)
{
	struct edu edu = { .fd = fd, .bar = must_map(fd, 0, EDU_BAR_SIZE) };
	struct udrv_irq_event event;
	struct udrv_dma map;
	uint64_t value;
	int vector, i;
	char byte = 0;

	MUST_OK(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0));
	vector = (int)MUST_OK(irq_fd(fd, 0, UDRV_IRQ_FD_NONBLOCK));
	if (on_machine("iommu")) {
		MUST_OK(bus_master(fd, 1));
		MUST_OK(dma_alloc(fd, PAGE, 28, &map));
	}
	edu_write(&edu, EDU_LIVENESS, 1);
	MUST_EQUAL(write(told[1], &byte, 1), 1);
	MUST_EQUAL(read(asked[0], &byte, 1), 1);
	/* The device has another owner now. */
	for (i = 0; i < 1000; i++)
		edu_write(&edu, EDU_LIVENESS, 0x6666);
	edu_write(&edu, EDU_IRQ_RAISE, 0xff);
	attempted(1001);
	REFUSED(io_write(fd, 0, EDU_LIVENESS, 4, 0x6666), ENODEV);
	REFUSED(io_read(fd, UDRV_REGION_CONFIG, 0, 4, &value), ENODEV);
	REFUSED(bus_master(fd, 1), ENODEV);
	REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0), ENODEV);
	REFUSED(irq_read(vector, &event), ENODEV);
	REFUSED(dma_alloc(fd, PAGE, 28, &map), ENODEV);
	REFUSED(reset(fd), ENODEV);
	REFUSED(device_open(EDU_ALONE, O_RDWR), EACCES);
}

static void held_file_is_no_hold_on_the_device(void)
{
	struct edu edu;
	pid_t rogue;
	char byte = 0;

	MUST_OK(sys(pipe(told)));
	MUST_OK(sys(pipe(asked)));
	rogue = rogue_start(EDU_ALONE, hold_everything);
	close(told[1]);		/* so that its failing ends the wait */
	MUST_EQUAL(read(told[0], &byte, 1), 1);
	MUST_OK(device_unbind(EDU_ALONE));
	edu = edu_open(EDU_ALONE);
	edu_write(&edu, EDU_LIVENESS, 0x1234);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	MUST_EQUAL(write(asked[1], &byte, 1), 1);
	rogue_end(rogue);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~0x1234u);
	MUST_EQUAL(edu_read(&edu, EDU_IRQ_STATUS), 0);
	MUST_EQUAL(counters(edu.fd).out_interrupts, 0);
}

const struct test tests[] = {
	TEST(everything_races_with_the_end),
	TEST(held_file_is_no_hold_on_the_device),
	{ NULL, NULL },
};
