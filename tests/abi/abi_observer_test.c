// SPDX-License-Identifier: MIT
/* Opened read-only a device can be looked at, and nothing else. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 30;

static void observer_may_look(void)
{
	int owner = device_own(EDU);
	int fd = (int)MUST_OK(device_open(EDU, O_RDONLY));
	struct udrv_info device = info(fd);

	MUST(device.out_caps & UDRV_INFO_OWNED);
	MUST_EQUAL(device.out_owner_pid, getpid());
	MUST_EQUAL(region_info(fd, 0).out_kind, UDRV_KIND_MEM);
	MUST_EQUAL(dma_count(fd), 0);
	MUST_EQUAL(counters(fd).out_opens, 2);
	MUST_EQUAL(reason_errno(fd), 0);
	close(owner);
	device = info(fd);
	MUST_EQUAL(device.out_caps & UDRV_INFO_OWNED, 0);
	MUST_EQUAL(device.out_owner_pid, 0);
}

static void observer_may_not_change_anything(void)
{
	static const unsigned int refused[] = {
		UDRV_BUS_MASTER, UDRV_RESET, UDRV_RELEASE, UDRV_IO,
		UDRV_IRQ_SETUP, UDRV_IRQ_FD, UDRV_DMA_ALLOC, UDRV_DMA_MAP,
		UDRV_DMA_SYNC, UDRV_DMA_UNMAP,
	};
	int owner = device_own(EDU);
	int fd = (int)MUST_OK(device_open(EDU, O_RDONLY));
	struct udrv_irq_event event;
	struct udrv_plain plain = { .size = sizeof(plain) };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++)
		MUST_ERROR(command(fd, refused[i], &plain), EBADF);
	MUST_REASON(fd, EBADF, "O_RDWR");
	MUST_ERROR(irq_read(fd, &event), EBADF);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
	MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd,
		  (off_t)UDRV_MMAP_EVENTS) == MAP_FAILED);
	/* The owner noticed none of it. */
	MUST_EQUAL(info(owner).out_owner_pid, getpid());
	MUST_OK(bus_master(owner, 0));
}

static void observer_does_not_block_an_owner(void)
{
	int owner, fd, second;

	MUST_OK(device_bind(EDU));
	fd = (int)MUST_OK(device_open(EDU, O_RDONLY));
	owner = (int)MUST_OK(device_open(EDU, O_RDWR));
	second = (int)MUST_OK(device_open(EDU, O_RDONLY));
	MUST_EQUAL(info(second).out_owner_pid, getpid());
	close(owner);
	owner = (int)MUST_OK(device_open(EDU, O_RDWR));
	close(fd);
	MUST_OK(bus_master(owner, 0));
}

static void observer_poll_does_not_wait(void)
{
	int owner = device_own(EDU);
	int fd = (int)MUST_OK(device_open(EDU, O_RDONLY));
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLERR);
	close(owner);
}

/* A tool sees what the owner has mapped. */
static void observer_sees_the_owners_interrupts(void)
{
	int owner = device_own(EDU);
	int fd = (int)MUST_OK(device_open(EDU, O_RDONLY));

	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_NONE);
	MUST_OK(irq_setup(owner, UDRV_IRQ_INTX, 1, NULL, 0));
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_INTX);
	MUST_OK(irq_setup(owner, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_NONE);
}

static void observer_of_an_unbound_device_gets_enodev(void)
{
	struct udrv_info get = { .size = sizeof(get) };
	unsigned int done;
	int fd;

	MUST_OK(device_bind(EDU));
	fd = (int)MUST_OK(device_open(EDU, O_RDONLY));
	MUST_OK(device_unbind(EDU));
	MUST_ERROR(command(fd, UDRV_INFO, &get), ENODEV);
	MUST_ERROR(dma_batch(fd, UDRV_DMA_LIST, NULL, 0, &done), ENODEV);
	MUST_ERROR(device_open(EDU, O_RDONLY), ENOENT);
}

const struct test tests[] = {
	TEST(observer_may_look),
	TEST(observer_may_not_change_anything),
	TEST(observer_does_not_block_an_owner),
	TEST(observer_poll_does_not_wait),
	TEST(observer_sees_the_owners_interrupts),
	TEST(observer_of_an_unbound_device_gets_enodev),
	{ NULL, NULL },
};
