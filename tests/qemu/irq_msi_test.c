// SPDX-License-Identifier: MIT
/* Message interrupts: MSI of edu, and the vectors of ivshmem as files. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu amd";
const int test_seconds = 60;

/* ivshmem's registers: QEMU, docs/specs/ivshmem-spec */
#define IVSHMEM_POSITION 8
#define IVSHMEM_DOORBELL 12
#define VECTORS 4

struct ivshmem {
	int fd;
	volatile uint32_t *bar;
};

static struct ivshmem ivshmem_open(void)
{
	struct ivshmem iv = { .fd = device_own(IVSHMEM) };

	iv.bar = must_map(iv.fd, 0, 4096);
	MUST_OK(bus_master(iv.fd, 1));
	return iv;
}

static void ring(const struct ivshmem *iv, uint32_t vector)
{
	iv->bar[IVSHMEM_DOORBELL / 4] =
		iv->bar[IVSHMEM_POSITION / 4] << 16 | vector;
}

static void must_hang_up(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct udrv_irq_event event;

	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLHUP);
	MUST_ERROR(irq_read(fd, &event), ENODEV);
}

static void msi_needs_bus_mastering(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_irq_event event;

	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_EQUAL(info(edu.fd).out_irq_kind, UDRV_IRQ_MSI);
	set_nonblock(edu.fd, true);
	edu_raise(&edu, 1);
	usleep(50000);
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
	MUST_OK(bus_master(edu.fd, 1));
	MUST(info(edu.fd).out_caps & UDRV_INFO_BUS_MASTER);
	MUST(config_read(EDU, 4, 2) & 4);
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_OK(bus_master(edu.fd, 0));
	MUST(!(config_read(EDU, 4, 2) & 4));
	edu_raise(&edu, 1);
	usleep(50000);
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
}

static void msi_with_rule(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	struct udrv_irq_event event;
	uint32_t i;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	for (i = 1; i < 1000; i++) {
		edu_raise(&edu, i);
		MUST_OK(irq_read(edu.fd, &event));
		MUST_EQUAL(event.count, 1);
		MUST_EQUAL(event.status, i);
		MUST_EQUAL(edu_read(&edu, EDU_IRQ_STATUS), 0);
	}
}

/* Messages need no claim register: an ack alone is a rule. */
static void msi_rule_without_claim(void)
{
	struct udrv_irq_rule rule = {
		.acks = { { .op = UDRV_RULE_WRITE, .width = 4,
			    .xor_value = ~0u, .offset = EDU_IRQ_ACK,
			    .flags = UDRV_RULE_FLUSH } },
	};
	struct edu edu = edu_open(EDU);
	struct udrv_irq_event event;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	edu_raise(&edu, 0x30);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 0);
	MUST_EQUAL(edu_read(&edu, EDU_IRQ_STATUS), 0);
	/* On a line it would claim what is another's. */
	MUST_ERROR(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
}

static void each_vector_is_its_own_file(void)
{
	struct ivshmem iv = ivshmem_open();
	struct udrv_irq_event event;
	int fds[VECTORS];
	uint64_t before;
	uint32_t i, j;

	for (i = 0; i < VECTORS; i++)
		fds[i] = (int)MUST_OK(irq_fd(iv.fd, i, UDRV_IRQ_FD_NONBLOCK));
	MUST_EQUAL(fcntl(fds[1], F_GETFD), FD_CLOEXEC);
	MUST(fcntl(fds[1], F_GETFL) & O_NONBLOCK);
	/* A vector need not be set up yet. */
	MUST_ERROR(irq_read(fds[2], &event), ENXIO);
	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	/* What was rung while nobody listened is still pending in the device. */
	usleep(50000);
	for (i = 0; i < VECTORS; i++)
		irq_read(fds[i], &event);
	before = counters(iv.fd).out_interrupts;
	for (i = 0; i < VECTORS; i++) {
		ring(&iv, i);
		MUST(irq_pending(fds[i], WAIT_MS));
		for (j = 0; j < VECTORS; j++)
			MUST_EQUAL(irq_pending(fds[j], 0), i == j);
		MUST_OK(irq_read(fds[i], &event));
		MUST_EQUAL(event.count, 1);
		MUST_ERROR(irq_read(fds[i], &event), EAGAIN);
	}
	MUST_EQUAL(counters(iv.fd).out_interrupts, before + VECTORS);
	MUST_ERROR(irq_fd(iv.fd, VECTORS, 0), ENXIO);
	MUST_ERROR(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS + 1, NULL, 0), EINVAL);
}

static void fewer_vectors_than_the_device_has(void)
{
	struct ivshmem iv = ivshmem_open();
	struct udrv_irq_event event;
	int third = (int)MUST_OK(irq_fd(iv.fd, 3, UDRV_IRQ_FD_NONBLOCK));
	uint64_t i;

	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, 2, NULL, 0));
	ring(&iv, 3);
	ring(&iv, 1);
	WAIT_FOR(counters(iv.fd).out_interrupts == 1);
	MUST_ERROR(irq_read(third, &event), ENXIO);
	/* Changing is free, swap, request: nothing piles up. */
	for (i = 0; i < 50; i++)
		MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, 1 + i % VECTORS, NULL, 0));
	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	ring(&iv, 3);
	MUST(irq_pending(third, WAIT_MS));
	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!has_interrupt("udrv-"));
}

static void device_file_is_vector_0(void)
{
	struct ivshmem iv = ivshmem_open();
	int same = (int)MUST_OK(irq_fd(iv.fd, 0, UDRV_IRQ_FD_NONBLOCK));
	int dupped = dup(iv.fd);
	struct udrv_irq_event event;

	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	set_nonblock(iv.fd, true);
	ring(&iv, 0);
	MUST(irq_pending(iv.fd, WAIT_MS));
	MUST(irq_pending(same, 0));
	MUST(irq_pending(dupped, 0));
	/* An event goes to one reader. */
	MUST_OK(irq_read(same, &event));
	MUST_ERROR(irq_read(iv.fd, &event), EAGAIN);
	MUST_ERROR(irq_read(dupped, &event), EAGAIN);
}

static void vector_file_does_not_keep_the_device_open(void)
{
	struct ivshmem iv = ivshmem_open();
	int vector = (int)MUST_OK(irq_fd(iv.fd, 1, 0)), fd;

	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	munmap((void *)(uintptr_t)iv.bar, 4096);
	close(iv.fd);
	must_hang_up(vector);
	fd = (int)MUST_OK(device_open(IVSHMEM, O_RDWR));
	MUST_OK(bus_master(fd, 1));
	/* The old file is not the new open's. */
	MUST_OK(irq_setup(fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	must_hang_up(vector);
	close(vector);
}

static void vector_file_after_release(void)
{
	struct ivshmem iv = ivshmem_open();
	int vector = (int)MUST_OK(irq_fd(iv.fd, 1, 0));

	MUST_OK(irq_setup(iv.fd, UDRV_IRQ_MSIX, VECTORS, NULL, 0));
	MUST_OK(release(iv.fd));
	must_hang_up(vector);
	must_hang_up(iv.fd);
	MUST_ERROR(irq_fd(iv.fd, 1, 0), ENODEV);
}

static void bad_result_address_leaves_no_file(void)
{
	int fd = device_own(IVSHMEM), before, after;
	struct udrv_irq_fd *get;

	get = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	*get = (struct udrv_irq_fd){ .size = sizeof(*get), .vector = 1 };
	mprotect(get, 4096, PROT_READ);
	before = dup(fd);
	close(before);
	MUST_ERROR(command(fd, UDRV_IRQ_FD, get), EFAULT);
	after = dup(fd);
	MUST_EQUAL(after, before);
}

static void flood(const struct edu *edu, volatile struct udrv_event_slot *slot,
		  uint32_t count)
{
	uint32_t i, before;

	for (i = 0; i < count; i++) {
		before = slot->count;
		edu_raise(edu, 1);
		WAIT_FOR(slot->count != before || counters(edu->fd).out_storms);
		if (counters(edu->fd).out_storms)
			return;
	}
}

static void unread_messages_are_a_storm(void)
{
	struct edu edu = edu_open(EDU);
	volatile struct udrv_event_slot *slot = map_events(edu.fd);
	struct udrv_irq_event event;

	MUST_EQUAL(logged_times("interrupt storm"), 0);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	set_nonblock(edu.fd, true);
	flood(&edu, slot, 50000);
	MUST_EQUAL(counters(edu.fd).out_storms, 1);
	WAIT_FOR(logged_times("interrupt storm") == 1);
	MUST_OK(irq_read(edu.fd, &event));
	MUST(event.count > 1000);
	/* Reading on arms, and what came while it was masked may come late. */
	do {
		while (irq_read(edu.fd, &event) == 0)
			;
	} while (irq_pending(edu.fd, 100));
	/* It hears again. */
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
}

static atomic_bool enough;

/* A line that is asserted while messages end, or edu would have sent one. */
static void *raise_and_raise(void *data)
{
	const struct edu *edu = data;

	while (!enough)
		edu_raise(edu, 1);
	return NULL;
}

/*
 * Where they end the kernel enables INTx, which nobody hears: in the end it would
 * disable the line.
 */
static void end_of_messages_spares_the_neighbour(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	struct edu other = edu_open(EDU_SHARED);
	pthread_t raiser;
	int i;

	MUST_OK(irq_setup(other.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST_EQUAL(pthread_create(&raiser, NULL, raise_and_raise, &edu), 0);
	for (i = 0; i < fewer(2000, 200); i++) {
		MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
		MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	}
	enough = true;
	MUST_EQUAL(pthread_join(raiser, NULL), 0);
	MUST_EQUAL(counters(other.fd).out_not_ours, 0);
	/* It would have been heard there. */
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 1);
	WAIT_FOR(counters(other.fd).out_not_ours);
}

const struct test tests[] = {
	TEST(msi_needs_bus_mastering),
	TEST(msi_with_rule),
	TEST(msi_rule_without_claim),
	TEST(each_vector_is_its_own_file),
	TEST(fewer_vectors_than_the_device_has),
	TEST(device_file_is_vector_0),
	TEST(vector_file_does_not_keep_the_device_open),
	TEST(vector_file_after_release),
	TEST(bad_result_address_leaves_no_file),
	TEST(unread_messages_are_a_storm),
	TEST(end_of_messages_spares_the_neighbour),
	{ NULL, NULL },
};
