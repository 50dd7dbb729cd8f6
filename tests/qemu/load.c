// SPDX-License-Identifier: MIT
/* A driver that does everything its device can at once. */
#include "load.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "edu.h"

#define PAGE		4096
#define MOST_PAGES	64
#define KEPT		8	/* mappings a thread holds at a time */
#define DOORBELL	12	/* of ivshmem: peer << 16 | vector */
#define LOOK		0	/* a register that is harmless to read */

static struct {
	int fd;
	volatile uint32_t *bar;
	bool edu, ivshmem, dma;
	unsigned int kind, vectors;
	uint32_t seed;
	atomic_bool gone;
} it;

/* What may be said to somebody whose device is used by many at once. */
static bool worked(const char *call, long result)
{
	static const int expected[] = {
		EBUSY, EAGAIN, EINTR, ETIMEDOUT, ENXIO, ENOSPC, ENOMEM, ENOENT,
		EOPNOTSUPP,
	};
	unsigned int i;

	if (result >= 0)
		return true;
	if (result == -ENODEV) {
		it.gone = true;
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		if (result == -expected[i])
			return false;
	fail(__FILE__, __LINE__, "%s: %s", call, strerror((int)-result));
}
#define WORKED(call) worked(#call, call)

/* -------------------------------------------------------------- one thread each */

/* Interrupts: set up, asked for, set up anew, looked for without waiting. */
static void *ask_for_interrupts(void *unused)
{
	struct udrv_irq_event event;
	struct pollfd wait = { .fd = it.fd, .events = POLLIN };
	uint32_t seed = it.seed;
	int vector;

	while (!it.gone) {
		if (!(rand_r(&seed) % 16))
			WORKED(irq_setup(it.fd, it.kind, it.vectors, NULL, 0));
		if (it.edu)
			it.bar[EDU_IRQ_RAISE / 4] = 1;
		else if (it.ivshmem)
			it.bar[DOORBELL / 4] = (uint32_t)rand_r(&seed) % it.vectors;
		poll(&wait, 1, 3);
		if (wait.revents & POLLHUP)
			it.gone = true;
		if (it.edu)
			it.bar[EDU_IRQ_ACK / 4] = ~0u;
		if (!(rand_r(&seed) % 8)) {
			vector = irq_fd(it.fd, 0, UDRV_IRQ_FD_NONBLOCK);
			if (WORKED(vector)) {
				WORKED(irq_read(vector, &event));
				close(vector);
			}
		}
	}
	return unused;
}

static void *wait_for_interrupts(void *unused)
{
	struct udrv_irq_event event;

	while (!it.gone)
		if (!WORKED(irq_read(it.fd, &event)))
			usleep(1000);
	return unused;
}

/* Memory: mapped, seen, given back, and not all of it. */
static void *map_memory(void *unused)
{
	uint8_t *memory = mmap(NULL, MOST_PAGES * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t seed = it.seed + 1, id[KEPT] = { 0 };
	struct udrv_dma map;
	unsigned int at, size;
	void *buffer;

	MUST(memory != MAP_FAILED);
	while (!it.gone) {
		at = (unsigned int)rand_r(&seed) % KEPT;
		size = (1 + (unsigned int)rand_r(&seed) % MOST_PAGES) * PAGE;
		if (id[at]) {
			WORKED(dma_unmap(it.fd, id[at]));
			id[at] = 0;
		} else if (rand_r(&seed) % 2) {
			if (WORKED(dma_map(it.fd, memory, size, UDRV_DMA_BOTH, 28,
					   &map)))
				id[at] = map.id;
		} else if (WORKED(dma_alloc(it.fd, size, 28, &map))) {
			id[at] = map.id;
			if (WORKED(try_map(it.fd, map.out_mmap_offset, size,
					   &buffer))) {
				memset(buffer, 1, size);
				munmap(buffer, size);
			}
		}
	}
	munmap(memory, MOST_PAGES * PAGE);
	return unused;
}

/* Register programs, short and waiting ones; resets; the BAR mapped anew. */
static void *run_programs(void *unused)
{
	struct udrv_io_step wait = step_wait(0, LOOK, 4, ~0u, 1, 2000);
	uint32_t seed = it.seed + 2;
	uint64_t value;
	void *bar;

	while (!it.gone) {
		switch (rand_r(&seed) % 8) {
		case 0:
			WORKED(run_steps(it.fd, &wait, 1, NULL));
			break;
		case 1:
			WORKED(reset(it.fd));
			WORKED(bus_master(it.fd, it.dma));
			break;
		case 2:
			if (WORKED(try_map(it.fd, 0, PAGE, &bar))) {
				value = *(volatile uint32_t *)bar;
				munmap(bar, PAGE);
			}
			break;
		case 3:
			WORKED(io_read(it.fd, UDRV_REGION_CONFIG, 0, 4, &value));
			break;
		default:
			WORKED(io_read(it.fd, 0, LOOK, 4, &value));
		}
		usleep(300);
	}
	return unused;
}

/* What edu has besides: transfers, one after the other. */
static void transfer(uint32_t *seed)
{
	static struct udrv_dma map;
	bool out = rand_r(seed) % 2;

	/* A dead driver's may still be going on, and takes no new registers. */
	if (it.bar[EDU_DMA_COMMAND / 4] & EDU_DMA_RUN)
		return;
	if (!map.id && !WORKED(dma_alloc(it.fd, PAGE, 28, &map)))
		return;
	it.bar[EDU_DMA_SOURCE / 4] = out ? EDU_BUFFER : (uint32_t)map.out_iova;
	it.bar[EDU_DMA_TARGET / 4] = out ? (uint32_t)map.out_iova : EDU_BUFFER;
	it.bar[EDU_DMA_COUNT / 4] = 64;
	it.bar[EDU_DMA_COMMAND / 4] = EDU_DMA_RUN | (out ? EDU_DMA_OUT : 0) |
				      EDU_DMA_IRQ;
}

/* ------------------------------------------------------------- from start to end */

static bool open_it(const char *address)
{
	struct udrv_info about;

	WAIT_FOR((it.fd = device_open(address, O_RDWR)) >= 0 ||
		 (it.fd != -EBUSY && it.fd != -ENOENT && it.fd != -ENXIO &&
		  it.fd != -ENODEV));
	MUST_OK(it.fd);
	about = (struct udrv_info){ .size = sizeof(about) };
	if (!WORKED(command(it.fd, UDRV_INFO, &about)))
		return false;
	it.edu = about.out_device == 0x11e8;
	it.ivshmem = about.out_device == 0x1110;
	it.dma = about.out_caps & UDRV_INFO_DMA;
	it.kind = about.out_msix ? UDRV_IRQ_MSIX :
		  it.dma && about.out_msi ? UDRV_IRQ_MSI :
		  about.out_intx ? UDRV_IRQ_INTX : UDRV_IRQ_NONE;
	it.vectors = about.out_msix > 4 ? 4 : about.out_msix ? about.out_msix : 1;
	return WORKED(try_map(it.fd, 0, PAGE, (void **)(uintptr_t)&it.bar));
}

/* It is gone, through every door, and nobody is hurt. */
static void look_gone(void)
{
	struct pollfd wait = { .fd = it.fd, .events = POLLIN };
	struct udrv_irq_event event;
	uint64_t value;

	/* A device without power does not answer, and is gone a little later. */
	WAIT_FOR(io_read(it.fd, 0, LOOK, 4, &value) == -ENODEV);
	WAIT_FOR(it.bar[LOOK] == ~0u);
	MUST_ERROR(irq_read(it.fd, &event), ENODEV);
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLHUP);
}

void load_run(void *data)
{
	static void *(*const bodies[])(void *) = {
		ask_for_interrupts, wait_for_interrupts, run_programs,
		map_memory,
	};
	pthread_t threads[ARRAY_SIZE(bodies)];
	const struct load *load = data;
	unsigned int i, count;
	uint32_t seed;

	it.gone = false;
	it.seed = seed = load->seed;
	if (!open_it(load->address))
		return;
	count = ARRAY_SIZE(bodies) - !it.dma;
	WORKED(bus_master(it.fd, it.dma));
	if (it.kind)
		WORKED(irq_setup(it.fd, it.kind, it.vectors, NULL, 0));
	for (i = 0; i < count; i++)
		MUST_EQUAL(pthread_create(&threads[i], NULL, bodies[i], NULL), 0);
	while (!it.gone) {
		if (it.edu && it.dma)
			transfer(&seed);
		usleep(1000);
	}
	for (i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	look_gone();
}
