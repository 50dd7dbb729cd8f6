// SPDX-License-Identifier: MIT
/* The library against the module, as a driver uses it. */
#include "edu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <udrv.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096

static int edu_bound(void)
{
	int fd;

	MUST_OK(device_bind(EDU));
	fd = usr_pci_open(0, 3, 0);
	if (fd < 0)
		fail(__FILE__, __LINE__, "usr_pci_open: %s", usr_error());
	return fd;
}

static void opens_close_on_exec(void)
{
	int fd = edu_bound();

	MUST(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	MUST_EQUAL(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDWR);
}

/* What a person is told: who has it; what is not there; what to type. */
static void failing_to_open_says_what_to_do(void)
{
	int fd = edu_bound();

	MUST(usr_open(EDU, O_RDWR) < 0 && errno == EBUSY);
	MUST(strstr(usr_error(), "open in process"));
	close(fd);
	MUST(usr_open(EDU_ALONE, O_RDWR) < 0 && errno == ENOENT);
	MUST(strstr(usr_error(), "udrv bind"));
	MUST(usr_open("0000:00:1e.7", O_RDWR) < 0 && errno == ENOENT);
	MUST(strstr(usr_error(), "no PCI device"));
	MUST(usr_open("/dev/null", O_RDWR) < 0 && errno == ENOTTY);
	MUST(usr_open("not a name", O_RDWR) < 0 && errno == EINVAL);
}

static void registers_interrupts_and_programs(void)
{
	int fd = edu_bound();
	volatile void *bar = usr_region_map(fd, 0, 0, 0, 0);
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct udrv_io_step steps[2];
	unsigned int done;
	uint64_t value;

	MUST(bar);
	MUST_EQUAL(usr_read32(bar, EDU_ID), EDU_ID_VALUE);
	usr_write32(bar, EDU_IRQ_ACK, ~0u);
	MUST_OK(usr_irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST(usr_irq_wait(fd, &event, 20) < 0 && errno == ETIMEDOUT);
	usr_write32(bar, EDU_IRQ_RAISE, 8);
	MUST_OK(usr_irq_wait(fd, &event, -1));
	MUST_EQUAL(event.status, 8);
	MUST_OK(usr_io_read(fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
	steps[0] = usr_step_write(0, EDU_FACTORIAL, 4, 5);
	steps[1] = usr_step_wait(0, EDU_FACTORIAL, 4, ~0u, 120, 500000);
	MUST_OK(usr_io(fd, steps, 2, &done));
	MUST_EQUAL(done, 2);
	MUST_EQUAL(steps[1].out_value, 120);
	/* The module's sentence arrives. */
	MUST(usr_config_write(fd, 4, 2, 7) < 0 && errno == EPERM);
	MUST(strstr(usr_error(), "configuration byte 0x4"));
}

static void spin_then_block_loses_nothing(void)
{
	uint32_t i, rounds = (uint32_t)fewer(20000, 1000), total = 0;
	int fd = edu_bound();
	volatile void *bar = usr_region_map(fd, 0, 0, 0, 0);
	volatile struct udrv_event_slot *slot = usr_event_map(fd, 1);
	struct udrv_irq_event event;

	MUST(bar && slot);
	MUST_OK(usr_bus_master(fd, true));
	MUST_OK(usr_irq_setup(fd, UDRV_IRQ_MSI, 1, NULL, 0));
	for (i = 0; i < rounds; i++) {
		usr_write32(bar, EDU_IRQ_RAISE, 1);
		MUST_OK(usr_irq_spin_wait(fd, slot, i % 3 ? 100000 : 0, &event));
		total += event.count;
	}
	MUST_EQUAL(total, rounds);
	usr_write32(bar, EDU_IRQ_ACK, 1);
}

/* As published: consistent memory, then memory of ours. */
static void published_calls_map_and_unmap(void)
{
	/* That the module writes there, valgrind does not see. */
	struct usr_pci_sglist consistent = { 0 }, list = { 0 };
	struct mapping_info buffer = { .size = PAGE, .sglist = &consistent,
				       .nents = 1 };
	uint8_t *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct mapping_info mapped = { .virtaddr = memory, .size = PAGE,
				       .sglist = &list, .nents = 1,
				       .direction = USR_DMA_BIDIRECTIONAL };
	int fd = edu_bound();

	MUST_OK(usr_pci_map(fd, USR_ALLOC_CONSISTENT, &buffer));
	MUST_EQUAL(buffer.nents, 1);
	strcpy(buffer.virtaddr, "through the device");
	/* No width stated: below 4 GiB.  edu has 28 bits, so no DMA here. */
	MUST(consistent.dma_address > 0 && !(consistent.dma_address >> 32));
	MUST_OK(usr_pci_map(fd, USR_MAP, &mapped));
	MUST_EQUAL(mapped.nents, 1);
	MUST_EQUAL(list.length, PAGE);
	MUST_EQUAL(dma_count(fd), 2);
	MUST_OK(usr_pci_map(fd, USR_UNMAP, &mapped));
	MUST_OK(usr_pci_map(fd, USR_UNMAP, &buffer));
	MUST_EQUAL(dma_count(fd), 0);
	MUST(usr_pci_map(fd, USR_UNMAP, &mapped) < 0 && errno == ENOENT);
}

/* A successor finds the buffers of the one before it. */
static void buffers_are_adopted(void)
{
	int fd = edu_bound();
	struct usr_dma first, again;

	MUST_OK(usr_dma_alloc(fd, 2 * PAGE, 28, &first));
	strcpy(first.address, "left behind");
	MUST_OK(sys(munmap(first.address, 2 * PAGE)));
	MUST_OK(usr_dma_adopt(fd, first.id, &again));
	MUST_EQUAL(again.iova, first.iova);
	MUST_EQUAL(again.length, 2 * PAGE);
	MUST(!strcmp(again.address, "left behind"));
	MUST_OK(usr_dma_free(fd, &again));
	MUST_EQUAL(dma_count(fd), 0);
}

const struct test tests[] = {
	TEST(opens_close_on_exec),
	TEST(failing_to_open_says_what_to_do),
	TEST(registers_interrupts_and_programs),
	TEST(spin_then_block_loses_nothing),
	TEST(published_calls_map_and_unmap),
	TEST(buffers_are_adopted),
	{ NULL, NULL },
};
