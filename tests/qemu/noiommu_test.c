// SPDX-License-Identifier: MIT
/* No IOMMU, or one that does not remap interrupts: no, unless somebody insists. */
#include "edu.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const char test_machines[] = "noiommu nointremap";
const int test_seconds = 60;

#define PAGE 4096
#define TAINT_USER (1 << 6)
#define DMA_PARAMETER "enable_unsafe_dma_without_iommu"

static void need(const char *machine)
{
	if (!on_machine(machine))
		skip("for the machine %s", machine);
}

static int tainted(void)
{
	char text[32];

	MUST_OK(read_text("/proc/sys/kernel/tainted", text, sizeof(text)));
	return atoi(text);
}

static void registers_and_interrupts_work(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu;

	need("noiommu");
	edu = edu_open(EDU);
	MUST_EQUAL(info(edu.fd).out_caps & (UDRV_INFO_IOMMU | UDRV_INFO_DMA), 0);
	MUST_EQUAL(info(edu.fd).out_iova_last, 0);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 9);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 9);
}

static void dma_is_refused_without_the_parameter(void)
{
	struct udrv_dma map;
	struct edu edu;

	need("noiommu");
	edu = edu_open(EDU);
	MUST_ERROR(dma_alloc(edu.fd, PAGE, 28, &map), EPERM);
	MUST_REASON(edu.fd, EPERM, DMA_PARAMETER);
	MUST_ERROR(dma_map(edu.fd, &map, 4, UDRV_DMA_TO_DEVICE, 28, &map), EPERM);
	MUST_REASON(edu.fd, EPERM, DMA_PARAMETER);
	MUST_ERROR(bus_master(edu.fd, 1), EPERM);
	MUST_REASON(edu.fd, EPERM, DMA_PARAMETER);
	MUST_OK(bus_master(edu.fd, 0));
	MUST(!(config_read(EDU, 4, 2) & 4));
	/* The parameter is looked at when the device is opened. */
	module_parameter(DMA_PARAMETER, "Y");
	MUST_ERROR(bus_master(edu.fd, 1), EPERM);
	MUST_EQUAL(counters(edu.fd).out_mapped_bytes, 0);
}

static void refused_without_rawio(void *unused)
{
	struct udrv_dma map;
	int fd;

	(void)unused;
	become_nobody();
	fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_ERROR(dma_alloc(fd, PAGE, 28, &map), EPERM);
	MUST_REASON(fd, EPERM, "CAP_SYS_RAWIO");
	MUST_ERROR(bus_master(fd, 1), EPERM);
}

static void parameter_is_not_enough_without_privilege(void)
{
	need("noiommu");
	module_parameter(DMA_PARAMETER, "Y");
	MUST_OK(device_bind(EDU));
	MUST_OK(sys(chmod("/dev/udrv/" EDU, 0666)));
	MUST_EQUAL(reap(spawn(refused_without_rawio, NULL)), 0);
}

static struct edu unsafe_edu(void)
{
	struct edu edu;

	need("noiommu");
	module_parameter(DMA_PARAMETER, "Y");
	edu = edu_open(EDU);
	MUST_OK(bus_master(edu.fd, 1));
	return edu;
}

static void opted_in_it_works_and_taints(void)
{
	struct edu edu = unsafe_edu();
	struct udrv_dma map;
	uint8_t *memory;

	MUST(tainted() & TAINT_USER);
	MUST_EQUAL(info(edu.fd).out_caps & (UDRV_INFO_IOMMU | UDRV_INFO_DMA),
		   UDRV_INFO_DMA);
	MUST_OK(dma_alloc(edu.fd, 2 * PAGE, 28, &map));
	MUST(map.out_iova + 2 * PAGE <= 1u << 28);
	memory = must_map(edu.fd, map.out_mmap_offset, 2 * PAGE);
	memset(memory, 0x3c, PAGE);
	MUST_OK(dma_sync(edu.fd, map.id, 0, 2 * PAGE, UDRV_DMA_TO_DEVICE));
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	edu_dma_out(&edu, map.out_iova + PAGE, EDU_BUFFER_SIZE);
	MUST_OK(dma_sync(edu.fd, map.id, 0, 2 * PAGE, UDRV_DMA_FROM_DEVICE));
	MUST_EQUAL(memory[PAGE + 17], 0x3c);
	MUST_OK(dma_unmap(edu.fd, map.id));
	MUST_EQUAL(dma_count(edu.fd), 0);
	munmap(memory, 2 * PAGE);
	/* DMA again, but only for as long as it is said. */
	edu_close(&edu);
	module_parameter(DMA_PARAMETER, "N");
	edu = edu_open(EDU);
	MUST_ERROR(bus_master(edu.fd, 1), EPERM);
}

/* Memory is where it is: as many segments as it has pieces. */
static void map_is_a_list_of_segments(void)
{
	struct edu edu = unsafe_edu();
	struct udrv_dma_segment segments[16];
	uint8_t *memory = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct udrv_dma map = {
		.flags = UDRV_DMA_BOTH, .width = 32, .length = 15 * PAGE + 5,
		.address = (uintptr_t)memory + 100,
		.segments = (uintptr_t)segments, .segment_capacity = 16,
	};
	uint64_t sum = 0;
	unsigned int i;

	MUST_OK(dma_batch(edu.fd, UDRV_DMA_MAP, &map, 1, NULL));
	MUST(map.out_segments >= 1 && map.out_segments <= 16);
	for (i = 0; i < map.out_segments; i++)
		sum += segments[i].length;
	MUST_EQUAL(sum, map.length);
	MUST_EQUAL(segments[0].iova, map.out_iova);
	MUST_EQUAL(map.out_iova % PAGE, 100);
	MUST_OK(dma_unmap(edu.fd, map.id));
	if (map.out_segments == 1)
		return;
	/* Room for fewer is an error that says how many, and maps nothing. */
	i = map.out_segments;
	map.segment_capacity = 1;
	map.out_segments = 0;
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_MAP, &map, 1, NULL), ENOSPC);
	MUST_EQUAL(map.out_segments, i);
	MUST_REASON(edu.fd, ENOSPC, "segments");
	MUST_EQUAL(dma_count(edu.fd), 0);
	map.segments = 0;
	map.segment_capacity = 0;
	MUST_ERROR(dma_batch(edu.fd, UDRV_DMA_MAP, &map, 1, NULL), ENOSPC);
}

static void memory_out_of_reach_is_erange(void)
{
	struct edu edu = unsafe_edu();
	uint8_t *memory = mmap(NULL, 512 * PAGE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	struct udrv_dma map;

	/* 2 MiB of ordinary memory are not all below 16 MiB. */
	MUST_ERROR(dma_map(edu.fd, memory, 512 * PAGE, UDRV_DMA_BOTH, 24, &map),
		   ERANGE);
	MUST_REASON(edu.fd, ERANGE, "24");
	MUST_EQUAL(dma_count(edu.fd), 0);
	MUST_EQUAL(counters(edu.fd).out_mapped_bytes, 0);
}

static void revoked_buffer_shows_no_memory(void)
{
	struct edu edu = unsafe_edu();
	struct udrv_dma map;
	volatile uint8_t *memory;

	MUST_OK(dma_alloc(edu.fd, PAGE, 28, &map));
	memory = must_map(edu.fd, map.out_mmap_offset, PAGE);
	memory[0] = 1;
	MUST_OK(device_unbind(EDU));
	/* The memory is the kernel's again: ones, and no SIGBUS. */
	MUST_EQUAL(memory[0], 0xff);
	memory[0] = 3;
}

/* ------------------------------------------------------ no interrupt remapping */

static void open_needs_interrupt_remapping(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu;

	need("nointremap");
	MUST_OK(device_bind(EDU));
	MUST_ERROR(device_open(EDU, O_RDWR), EPERM);
	WAIT_FOR(logged("allow_unsafe_interrupts"));
	close((int)MUST_OK(device_open(EDU, O_RDONLY)));
	module_parameter("allow_unsafe_interrupts", "Y");
	edu = edu_open(EDU);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	edu_raise(&edu, 2);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 2);
}

const struct test tests[] = {
	TEST(registers_and_interrupts_work),
	TEST(dma_is_refused_without_the_parameter),
	TEST(parameter_is_not_enough_without_privilege),
	TEST(opted_in_it_works_and_taints),
	TEST(map_is_a_list_of_segments),
	TEST(memory_out_of_reach_is_erange),
	TEST(revoked_buffer_shows_no_memory),
	TEST(open_needs_interrupt_remapping),
	{ NULL, NULL },
};
