// SPDX-License-Identifier: MIT
/* The device is pulled out: orderly, or without a word. */
#include "edu.h"
#include "slot.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu surprise";
const int test_seconds = 120;

struct reader {
	int fd;
	atomic_bool returned;
	long result;
};

static void *read_blocked(void *data)
{
	struct reader *r = data;
	struct udrv_irq_event event;

	r->result = irq_read(r->fd, &event);
	r->returned = true;
	return NULL;
}

/* Everything in use when it goes. */
static struct edu busy_edu(struct reader *r, pthread_t *thread)
{
	struct edu edu = edu_open(HOT_EDU);
	struct udrv_dma map;

	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(dma_alloc(edu.fd, 8192, 28, &map));
	memset(must_map(edu.fd, map.out_mmap_offset, 8192), 1, 8192);
	*r = (struct reader){ .fd = edu.fd };
	MUST_EQUAL(pthread_create(thread, NULL, read_blocked, r), 0);
	usleep(20000);
	MUST(!r->returned);
	return edu;
}

static void must_be_gone(struct edu *edu, struct reader *r, pthread_t thread)
{
	struct pollfd wait = { .fd = edu->fd, .events = POLLIN };
	uint64_t value;

	WAIT_FOR(r->returned);
	pthread_join(thread, NULL);
	MUST_EQUAL(r->result, -ENODEV);
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLHUP);
	MUST_EQUAL(edu_read(edu, EDU_ID), ~0u);
	MUST_ERROR(io_read(edu->fd, 0, 0, 4, &value), ENODEV);
	MUST_ERROR(device_open(HOT_EDU, O_RDWR), ENOENT);
}

static void unplugged_under_use(void)
{
	struct reader reader;
	pthread_t thread;
	struct edu edu, fresh;

	if (on_machine("surprise"))
		skip("the slot of this machine is not ACPI's");
	edu = busy_edu(&reader, &thread);
	slot_unplug("hotedu");
	must_be_gone(&edu, &reader, thread);
	slot_plug("edu", "hotedu", "");
	/* A new device; the old file is still the old one's. */
	fresh = edu_open(HOT_EDU);
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	edu_close(&edu);
	MUST_OK(bus_master(fresh.fd, 1));
	MUST_EQUAL(edu_read(&fresh, EDU_ID), EDU_ID_VALUE);
	edu_close(&fresh);
}

/* ------------------------------------------------------------ without a word */

static void power_cut_under_use(void)
{
	struct reader reader;
	uint64_t value, start;
	pthread_t thread;
	struct edu edu;

	if (!on_machine("surprise"))
		skip("needs native hotplug");
	edu = busy_edu(&reader, &thread);
	slot_power(false);
	/* Nobody was told: calls work on a device that is not there. */
	if (device_exists(HOT_EDU))
		WAIT_FOR(config_read(HOT_EDU, 0, 4) == ~0u ||
			 !device_exists(HOT_EDU));
	MUST(edu_read(&edu, EDU_ID) != EDU_ID_VALUE);
	io_read(edu.fd, 0, 0, 4, &value);
	io_read(edu.fd, UDRV_REGION_CONFIG, 0, 4, &value);
	bus_master(edu.fd, 1);
	start = now_ms();
	write_text("/sys/bus/pci/devices/" HOT_EDU "/remove", "1");
	MUST(now_ms() - start < (uint64_t)fewer(5000, 20000));
	WAIT_FOR(!device_exists(HOT_EDU));
	must_be_gone(&edu, &reader, thread);
	edu_close(&edu);
	/* For whoever comes next. */
	slot_power(true);
	slot_plug("edu", "hotedu", "");
	edu = edu_open(HOT_EDU);
	edu_close(&edu);
}

const struct test tests[] = {
	TEST(unplugged_under_use),
	TEST(power_cut_under_use),
	{ NULL, NULL },
};
