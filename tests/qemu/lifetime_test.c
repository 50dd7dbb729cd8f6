// SPDX-License-Identifier: MIT
/* How an open ends: by its last reference, by RELEASE, by death. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

const char test_machines[] = "iommu";
const int test_seconds = 180;

#define PAGE 4096

static int opens(void)
{
	return device_open(EDU, O_RDWR);
}

static void mapping_keeps_the_device_open(void)
{
	struct edu edu = edu_open(EDU);

	close(edu.fd);
	MUST_ERROR(opens(), EBUSY);
	edu_write(&edu, EDU_LIVENESS, 5);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~5u);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	close((int)MUST_OK(opens()));
}

static void buffer_and_event_page_keep_it_open_too(void)
{
	int fd = device_own(EDU);
	struct udrv_dma buffer;
	void *at;

	MUST_OK(dma_alloc(fd, PAGE, 28, &buffer));
	at = must_map(fd, buffer.out_mmap_offset, PAGE);
	close(fd);
	MUST_ERROR(opens(), EBUSY);
	memset(at, 1, PAGE);
	munmap(at, PAGE);
	fd = (int)MUST_OK(opens());
	at = must_map(fd, UDRV_MMAP_EVENTS, PAGE);
	close(fd);
	MUST_ERROR(opens(), EBUSY);
	munmap(at, PAGE);
	close((int)MUST_OK(opens()));
}

static void dup_keeps_it_open(void)
{
	int fd = device_own(EDU), other = dup(fd);

	close(fd);
	MUST_ERROR(opens(), EBUSY);
	MUST_OK(bus_master(other, 1));
	close(other);
	close((int)MUST_OK(opens()));
}

static void everything_is_undone_at_the_end(void)
{
	struct edu edu = edu_open(EDU);
	long pinned = pinned_pages();
	void *memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct udrv_dma map;
	int observer = (int)MUST_OK(device_open(EDU, O_RDONLY));

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(dma_map(edu.fd, memory, 16 * PAGE, UDRV_DMA_BOTH, 28, &map));
	MUST_EQUAL(pinned_pages() - pinned, 16);
	MUST(has_interrupt("udrv-" EDU));
	MUST_EQUAL(counters(observer).out_mapped_bytes, 16 * PAGE);
	edu_close(&edu);
	MUST(!(config_read(EDU, 4, 2) & 4));
	MUST(!has_interrupt("udrv-" EDU));
	MUST_EQUAL(dma_count(observer), 0);
	MUST_EQUAL(counters(observer).out_mapped_bytes, 0);
	MUST_EQUAL(counters(observer).out_maps, counters(observer).out_unmaps);
	WAIT_FOR(pinned_pages() == pinned);
}

/* A transfer that was set up before cannot run into the next owner's time. */
static void next_owner_starts_clean(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_irq_event event;
	struct udrv_dma map;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(dma_alloc(edu.fd, PAGE, 28, &map));
	edu_raise(&edu, 1);
	edu_close(&edu);
	edu = edu_open(EDU);
	MUST_EQUAL(info(edu.fd).out_irq_kind, UDRV_IRQ_NONE);
	MUST(!(info(edu.fd).out_caps & UDRV_INFO_BUS_MASTER));
	MUST_EQUAL(dma_count(edu.fd), 0);
	MUST_ERROR(dma_unmap(edu.fd, map.id), ENOENT);
	MUST_ERROR(irq_read(edu.fd, &event), ENXIO);
	MUST_EQUAL(map_events(edu.fd)->count, 0);
}

static void release_ends_it_for_all_holders(void)
{
	struct edu edu = edu_open(EDU);
	int other = dup(edu.fd), fresh;
	struct pollfd wait = { .fd = other, .events = POLLIN };
	struct udrv_irq_event event;
	uint64_t value;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(release(other));
	/* Free at once, whatever the old holders keep. */
	fresh = (int)MUST_OK(opens());
	MUST_EQUAL(info(fresh).out_owner_pid, getpid());
	MUST_ERROR(bus_master(edu.fd, 0), ENODEV);
	MUST_ERROR(io_read(edu.fd, 0, 0, 4, &value), ENODEV);
	MUST_ERROR(irq_read(edu.fd, &event), ENODEV);
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLHUP);
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	MUST_OK(io_read(fresh, 0, 0, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
	/* The old file's end does not take the new owner along. */
	MUST_OK(bus_master(fresh, 1));
	edu_close(&edu);
	close(other);
	MUST(config_read(EDU, 4, 2) & 4);
	MUST_ERROR(opens(), EBUSY);
	MUST_OK(release(fresh));
	/* A second time it is no error: there is nothing left to undo. */
	MUST_OK(release(fresh));
}

/* ------------------------------------------------------------------- death */

static int victim_pipe[2];

/* Everything in use, then blocked in read. */
static void use_everything(void *unused)
{
	struct edu edu;
	struct udrv_irq_event event;
	struct udrv_dma map;
	void *memory = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)unused;
	WAIT_FOR((edu.fd = opens()) >= 0);
	edu.bar = must_map(edu.fd, 0, EDU_BAR_SIZE);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	map_events(edu.fd);
	MUST_OK(dma_map(edu.fd, memory, 8 * PAGE, UDRV_DMA_BOTH, 28, &map));
	MUST_OK(dma_alloc(edu.fd, 8 * PAGE, 28, &map));
	memset(must_map(edu.fd, map.out_mmap_offset, 8 * PAGE), 1, 8 * PAGE);
	MUST_EQUAL(write(victim_pipe[1], "", 1), 1);
	irq_read(edu.fd, &event);
}

static void kill_one(int observer)
{
	pid_t pid = spawn(use_everything, NULL);
	char byte;

	MUST_EQUAL(read(victim_pipe[0], &byte, 1), 1);
	MUST_EQUAL(dma_count(observer), 2);
	kill(pid, SIGKILL);
	MUST_EQUAL(reap(pid), 128 + SIGKILL);
	WAIT_FOR(!(info(observer).out_caps & UDRV_INFO_OWNED));
	MUST_EQUAL(dma_count(observer), 0);
	MUST(!(config_read(EDU, 4, 2) & 4));
	MUST(!has_interrupt("udrv-"));
	MUST_EQUAL(counters(observer).out_mapped_bytes, 0);
}

/* What caches hold is not lost, nor what is only freed after a grace period. */
static long available_kb(void)
{
	char text[4096], *at;

	MUST_OK(write_text("/proc/sys/vm/drop_caches", "3"));
	MUST_OK(read_text("/proc/meminfo", text, sizeof(text)));
	at = strstr(text, "MemAvailable:");
	return strtol(at + 13, NULL, 10);
}

static void killed_driver_leaves_nothing(void)
{
	long pinned = pinned_pages(), before = 0;
	int observer, i, rounds = fewer(200, 50);

	MUST_OK(device_bind(EDU));
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	MUST_OK(sys(pipe2(victim_pipe, O_CLOEXEC)));
	for (i = 0; i < rounds; i++) {
		/* The first rounds fill the kernel's caches. */
		if (i == rounds / 5)
			before = available_kb();
		kill_one(observer);
	}
	WAIT_FOR(pinned_pages() == pinned);
	MUST_EQUAL(counters(observer).out_maps, (uint64_t)rounds * 2);
	MUST_EQUAL(counters(observer).out_unmaps, (uint64_t)rounds * 2);
	/* 16 pages a round lost would be 10 MiB by now. */
	if (!debug_kernel())
		WAIT_FOR(before - available_kb() < 8 * 1024);
}

static void map_and_die(void *fd)
{
	struct udrv_dma map;
	void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST_OK(dma_map(*(int *)fd, memory, PAGE, UDRV_DMA_BOTH, 28, &map));
	MUST_OK(dma_alloc(*(int *)fd, PAGE, 28, &map));
}

/* A supervisor holds the device: the maps stay, and say whose they were. */
static void dead_drivers_maps_are_orphans(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_dma list[2];
	long pinned = pinned_pages();
	unsigned int done, i;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_EQUAL(reap(spawn(map_and_die, &edu.fd)), 0);
	MUST_EQUAL(pinned_pages() - pinned, 1);
	MUST_OK(dma_batch(edu.fd, UDRV_DMA_LIST, list, 2, &done));
	MUST_EQUAL(done, 2);
	for (i = 0; i < 2; i++) {
		MUST(list[i].out_state & UDRV_DMA_STATE_ORPHAN);
		/* The device may still write there. */
		edu_dma_out(&edu, list[i].out_iova, EDU_BUFFER_SIZE);
		if (list[i].out_state & UDRV_DMA_STATE_BUFFER)
			MUST_OK(try_map(edu.fd, list[i].out_mmap_offset, PAGE,
					NULL));
		MUST_OK(dma_unmap(edu.fd, list[i].id));
	}
	WAIT_FOR(pinned_pages() == pinned);
}

static void own_maps_are_no_orphans(void)
{
	int fd = device_own(EDU);
	struct udrv_dma map, list;
	unsigned int done;

	MUST_OK(dma_alloc(fd, PAGE, 28, &map));
	MUST_OK(dma_batch(fd, UDRV_DMA_LIST, &list, 1, &done));
	MUST(!(list.out_state & UDRV_DMA_STATE_ORPHAN));
	MUST_EQUAL(list.out_pid, getpid());
}

const struct test tests[] = {
	TEST(mapping_keeps_the_device_open),
	TEST(buffer_and_event_page_keep_it_open_too),
	TEST(dup_keeps_it_open),
	TEST(everything_is_undone_at_the_end),
	TEST(next_owner_starts_clean),
	TEST(release_ends_it_for_all_holders),
	TEST(killed_driver_leaves_nothing),
	TEST(dead_drivers_maps_are_orphans),
	TEST(own_maps_are_no_orphans),
	{ NULL, NULL },
};
