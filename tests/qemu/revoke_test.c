// SPDX-License-Identifier: MIT
/* The device is taken away while it is in use: nobody hangs, nobody dies. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define PAGE 4096

static void timed_unbind(const char *address)
{
	uint64_t start = now_ms();

	MUST_OK(device_unbind(address));
	MUST(now_ms() - start < (uint64_t)fewer(1000, 10000));
	MUST(!device_bound_to(address, "udrv"));
}

struct waiter {
	int fd;
	atomic_int state;	/* 1: about to wait, 2: done */
	long result;
	short events;
};

static void *read_blocked(void *data)
{
	struct waiter *w = data;
	struct udrv_irq_event event;

	w->state = 1;
	w->result = irq_read(w->fd, &event);
	w->state = 2;
	return NULL;
}

static void *poll_blocked(void *data)
{
	struct waiter *w = data;
	struct pollfd wait = { .fd = w->fd, .events = POLLIN };

	w->state = 1;
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	w->events = wait.revents;
	w->state = 2;
	return NULL;
}

static void every_command_is_enodev(int fd)
{
	static const unsigned int numbers[] = {
		UDRV_INFO, UDRV_BUS_MASTER, UDRV_RESET, UDRV_IRQ_SETUP,
		UDRV_IRQ_FD,
	};
	/* All of them are good structs of these sizes when zero. */
	static const unsigned int sizes[] = { 112, 16, 8, 32, 16 };
	union {
		uint32_t size;
		uint8_t bytes[256];
	} argument;
	struct udrv_dma map;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		memset(&argument, 0, sizeof(argument));
		argument.size = sizes[i];
		MUST_ERROR(command(fd, numbers[i], &argument), ENODEV);
	}
	MUST_ERROR(io_read(fd, 0, 0, 4, &value), ENODEV);
	MUST_ERROR(io_read(fd, UDRV_REGION_CONFIG, 0, 4, &value), ENODEV);
	MUST_ERROR(dma_map(fd, &map, 4, UDRV_DMA_TO_DEVICE, 28, &map), ENODEV);
	MUST_ERROR(dma_alloc(fd, PAGE, 28, &map), ENODEV);
	MUST_ERROR(dma_unmap(fd, 1), ENODEV);
	MUST_ERROR(dma_sync(fd, 1, 0, 1, UDRV_DMA_TO_DEVICE), ENODEV);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_LIST, NULL, 0, NULL), ENODEV);
	MUST_ERROR(try_map(fd, 0, PAGE, NULL), ENODEV);
}

static void unbound_under_use(void)
{
	struct edu edu = edu_open(EDU);
	struct waiter reader = { .fd = edu.fd }, poller = { .fd = edu.fd };
	volatile struct udrv_event_slot *slot = map_events(edu.fd);
	pthread_t threads[2];
	struct udrv_dma map;
	uint8_t *buffer = NULL;
	int vector, fresh;

	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	vector = (int)MUST_OK(irq_fd(edu.fd, 0, 0));
	if (on_machine("iommu")) {
		MUST_OK(bus_master(edu.fd, 1));
		MUST_OK(dma_alloc(edu.fd, PAGE, 28, &map));
		buffer = must_map(edu.fd, map.out_mmap_offset, PAGE);
		buffer[1] = 1;
	}
	MUST_EQUAL(pthread_create(&threads[0], NULL, read_blocked, &reader), 0);
	MUST_EQUAL(pthread_create(&threads[1], NULL, poll_blocked, &poller), 0);
	WAIT_FOR(reader.state == 1 && poller.state == 1);
	usleep(50000);
	MUST_EQUAL(reader.state, 1);
	timed_unbind(EDU);
	WAIT_FOR(reader.state == 2 && poller.state == 2);
	MUST_EQUAL(reader.result, -ENODEV);
	MUST(poller.events & POLLHUP);
	/* A device that is gone reads as ones. */
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	MUST_EQUAL(edu_read(&edu, EDU_BAR_SIZE - 4), ~0u);
	MUST_EQUAL(slot->seen, slot->count);
	every_command_is_enodev(edu.fd);
	MUST_ERROR(irq_read(vector, &(struct udrv_irq_event){ 0 }), ENODEV);
	/* The buffer is still memory, or shows ones: no SIGBUS. */
	if (buffer)
		MUST(buffer[1] == 1 || buffer[1] == 0xff);
	/* Back again, with the old file still there. */
	MUST_OK(device_bind(EDU));
	fresh = (int)MUST_OK(device_open(EDU, O_RDWR));
	every_command_is_enodev(edu.fd);
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	edu_write(&edu, EDU_LIVENESS, 1);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	close(edu.fd);
	close(vector);
	edu.bar = must_map(fresh, 0, EDU_BAR_SIZE);
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	MUST(edu_read(&edu, EDU_LIVENESS) != ~1u);
}

/* What is written to a dead device reaches neither it nor another open. */
static void writes_after_revocation_are_private(void)
{
	struct edu first = edu_open(EDU), second = edu_open(EDU_ALONE);

	timed_unbind(EDU);
	timed_unbind(EDU_ALONE);
	edu_write(&first, 0x100, 0x12345678);
	MUST_EQUAL(edu_read(&second, 0x100), ~0u);
	MUST_OK(device_bind(EDU));
	close(device_own(EDU));
	MUST_EQUAL(edu_read(&second, 0x100), ~0u);
	edu_close(&first);
	edu_close(&second);
}

/* Never touched before: the first touch comes after the revocation. */
static void untouched_mapping_shows_ones(void)
{
	int fd = device_own(EDU);
	volatile uint32_t *bar = must_map(fd, 0, EDU_BAR_SIZE);
	pid_t pid;

	timed_unbind(EDU);
	MUST_EQUAL(bar[0], ~0u);
	MUST_EQUAL(bar[EDU_BAR_SIZE / 4 - 1], ~0u);
	/* Read-only ones too. */
	pid = fork();
	if (!pid)
		_exit(0);
	MUST_EQUAL(reap(pid), 0);
	munmap((void *)(uintptr_t)bar, EDU_BAR_SIZE);
}

static void *wait_in_a_program(void *data)
{
	struct waiter *w = data;
	struct udrv_io_step step = step_wait(0, EDU_ID, 4, ~0u, 1, 990000);

	w->state = 1;
	do {
		w->result = run_steps(w->fd, &step, 1, NULL);
	} while (w->result == -ETIMEDOUT);
	w->state = 2;
	return NULL;
}

static void waiting_program_ends_with_enodev(void)
{
	struct waiter w = { .fd = device_own(EDU) };
	pthread_t thread;

	MUST_EQUAL(pthread_create(&thread, NULL, wait_in_a_program, &w), 0);
	WAIT_FOR(w.state == 1);
	usleep(30000);
	timed_unbind(EDU);
	pthread_join(thread, NULL);
	MUST_EQUAL(w.result, -ENODEV);
}

/* DMA stops with the unbind, not with the close. */
static void dma_stops_with_the_unbind(void)
{
	uint8_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct udrv_dma map, list;
	struct edu edu, fresh;

	if (!on_machine("iommu"))
		skip("needs an IOMMU");
	edu = edu_open(EDU);
	memset(memory, 0xaa, PAGE);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(dma_map(edu.fd, memory, PAGE, UDRV_DMA_BOTH, 28, &map));
	timed_unbind(EDU);
	MUST(!(config_read(EDU, 4, 2) & 4));
	fresh = edu_open(EDU);
	MUST_OK(bus_master(fresh.fd, 1));
	edu_dma_out(&fresh, map.out_iova, EDU_BUFFER_SIZE);
	MUST_EQUAL(memory[0], 0xaa);
	MUST_ERROR(dma_unmap(fresh.fd, map.id), ENOENT);
	MUST_OK(dma_batch(fresh.fd, UDRV_DMA_LIST, &list, 1, NULL));
	edu_close(&edu);
	MUST_OK(bus_master(fresh.fd, 1));
}

/* ------------------------------------------------------------------- races */

static atomic_bool stop;
static atomic_ulong turns[4];

#define tolerate(call) tolerate_result(#call, call)
static void tolerate_result(const char *call, long result)
{
	static const int expected[] = {
		ENODEV, ENOENT, EBUSY, ENXIO, EAGAIN, EPERM, ETIMEDOUT,
	};
	unsigned int i;

	if (result >= 0)
		return;
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		if (result == -expected[i])
			return;
	fail(__FILE__, __LINE__, "%s: %s", call, strerror((int)-result));
}

static void *race(void *data)
{
	unsigned int kind = (unsigned int)(uintptr_t)data;
	struct udrv_io_step step = step_wait(0, EDU_ID, 4, 0, 1, 300);
	struct udrv_irq_event event;
	struct udrv_dma map;
	void *bar;
	int fd;

	while (!stop) {
		fd = device_open(EDU, O_RDWR | O_NONBLOCK);
		tolerate(fd);
		if (fd < 0)
			continue;
		if (kind == 0) {
			tolerate(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0));
			tolerate(irq_read(fd, &event));
		} else if (kind == 1) {
			if (!try_map(fd, 0, EDU_BAR_SIZE, &bar)) {
				((volatile uint32_t *)bar)[EDU_IRQ_RAISE / 4] = 1;
				((volatile uint32_t *)bar)[EDU_IRQ_ACK / 4] = 1;
				munmap(bar, EDU_BAR_SIZE);
			}
		} else if (kind == 2) {
			tolerate(run_steps(fd, &step, 1, NULL));
		} else {
			tolerate(dma_alloc(fd, PAGE, 28, &map));
			tolerate(bus_master(fd, 1));
			tolerate(release(fd));
		}
		close(fd);
		turns[kind]++;
	}
	return NULL;
}

static void unbind_races_with_everything(void)
{
	pthread_t threads[4];
	uint64_t end = now_ms() + (uint64_t)fewer(5000, 10000);
	unsigned int i, rounds = 0;

	for (i = 0; i < ARRAY_SIZE(threads); i++)
		MUST_EQUAL(pthread_create(&threads[i], NULL, race,
					  (void *)(uintptr_t)i), 0);
	while (now_ms() < end || rounds < 6) {
		MUST_OK(device_bind(EDU));
		usleep((useconds_t)(random() % 20000));
		MUST_OK(device_unbind(EDU));
		rounds++;
	}
	MUST_OK(device_bind(EDU));
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		WAIT_FOR(turns[i] > 0);
	stop = true;
	for (i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
}

const struct test tests[] = {
	TEST(unbound_under_use),
	TEST(writes_after_revocation_are_private),
	TEST(untouched_mapping_shows_ones),
	TEST(waiting_program_ends_with_enodev),
	TEST(dma_stops_with_the_unbind),
	TEST(unbind_races_with_everything),
	{ NULL, NULL },
};
