// SPDX-License-Identifier: MIT
/* Regions by mmap: what may be mapped, how, and what it shows. */
#include "edu.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

const char test_machines[] = "iommu noiommu amd";
const int test_seconds = 60;

#define PAGE 4096ull
#define IVSHMEM_MEMORY 2
#define IVSHMEM_SIZE (64ull << 20)

static uint64_t offset_of(int fd, unsigned int region)
{
	return region_info(fd, region).out_mmap_offset;
}

static void edu_registers_by_mmap(void)
{
	struct edu edu = edu_open(EDU);

	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	edu_write(&edu, EDU_LIVENESS, 0x12345678);
	MUST_EQUAL(edu_read(&edu, EDU_LIVENESS), ~0x12345678u);
	edu_close(&edu);
}

static void region_info_tells_what_the_device_has(void)
{
	int fd = device_own(IVSHMEM), nic;
	struct udrv_region_info get = region_info(fd, IVSHMEM_MEMORY);

	MUST_EQUAL(get.out_kind, UDRV_KIND_MEM);
	MUST_EQUAL(get.out_size, IVSHMEM_SIZE);
	MUST(get.out_caps & UDRV_REGION_WC);
	MUST_EQUAL(get.out_mmap_offset,
		   (uint64_t)IVSHMEM_MEMORY << UDRV_MMAP_REGION_SHIFT);
	/* The upper half of a 64-bit BAR is not a region. */
	MUST_EQUAL(region_info(fd, 3).out_kind, UDRV_KIND_NONE);
	get = region_info(fd, 1);
	MUST(get.out_caps & UDRV_REGION_HOLE);
	MUST_EQUAL(get.out_hole_offset, 0);
	MUST_EQUAL(get.out_hole_size, 4 * 16);
	get = region_info(fd, UDRV_REGION_CONFIG);
	MUST_EQUAL(get.out_kind, UDRV_KIND_CONFIG);
	MUST_EQUAL(get.out_size, 256);
	MUST_EQUAL(get.out_caps & UDRV_REGION_MMAP, 0);
	nic = device_own(E1000);
	get = region_info(nic, 1);
	MUST_EQUAL(get.out_kind, UDRV_KIND_PORTS);
	MUST_EQUAL(get.out_size, 64);
	MUST_EQUAL(get.out_caps & UDRV_REGION_MMAP, 0);
}

static void mmap_outside_the_region_is_refused(void)
{
	int fd = device_own(EDU);

	MUST_OK(try_map(fd, EDU_BAR_SIZE - PAGE, PAGE, NULL));
	MUST_ERROR(try_map(fd, EDU_BAR_SIZE - PAGE, 2 * PAGE, NULL), EINVAL);
	MUST_REASON(fd, EINVAL, "outside");
	MUST_ERROR(try_map(fd, EDU_BAR_SIZE, PAGE, NULL), EINVAL);
	MUST_ERROR(try_map(fd, 0, EDU_BAR_SIZE + PAGE, NULL), EINVAL);
	MUST_ERROR(try_map(fd, (1ull << UDRV_MMAP_REGION_SHIFT) - PAGE, 2 * PAGE,
			   NULL), EINVAL);
	MUST_ERROR(try_map(fd, UDRV_MMAP_WC - PAGE, 2 * PAGE, NULL), EINVAL);
	MUST_ERROR(try_map(fd, 1ull << 44, PAGE, NULL), EINVAL);
	MUST_ERROR(try_map(fd, (1ull << 44) - PAGE, PAGE, NULL), EINVAL);
	MUST(try_map(fd, (1ull << 63) - PAGE, PAGE, NULL) < 0);
	MUST(try_map(fd, ~0ull << 12, PAGE, NULL) < 0);
}

static void mmap_of_what_is_not_memory_is_refused(void)
{
	int fd = device_own(E1000), i;

	for (i = 1; i < UDRV_REGION_COUNT; i++)
		MUST_ERROR(try_map(fd, (uint64_t)i << UDRV_MMAP_REGION_SHIFT,
				   PAGE, NULL), ENXIO);
	MUST_OK(try_map(fd, 0, PAGE, NULL));
}

static void mmap_private_is_refused(void)
{
	int fd = device_own(EDU);

	MUST(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED);
	MUST_EQUAL(errno, EINVAL);
	MUST_REASON(fd, EINVAL, "MAP_SHARED");
}

/* Any part of a region, and any part of a mapping, is the right part. */
static void odd_offsets_show_the_right_bytes(void)
{
	int fd = device_own(IVSHMEM);
	uint64_t base = offset_of(fd, IVSHMEM_MEMORY);
	volatile uint32_t *all = must_map(fd, base, IVSHMEM_SIZE), *part;
	static const uint64_t at[] = { 1, 511, 512, 513, 1000, 8191, 16383 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(at); i++)
		all[at[i] * PAGE / 4] = 0xabc00000 + i;
	munmap((void *)(uintptr_t)all, IVSHMEM_SIZE);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		part = must_map(fd, base + at[i] * PAGE, PAGE);
		MUST_EQUAL(*part, 0xabc00000 + i);
		munmap((void *)(uintptr_t)part, PAGE);
	}
	/* A mapping cut in two, touched on both sides of the cut. */
	all = must_map(fd, base + PAGE, IVSHMEM_SIZE - PAGE);
	munmap((char *)(uintptr_t)all + 512 * PAGE, PAGE);
	MUST_EQUAL(all[511 * PAGE / 4], 0xabc00002);
	MUST_EQUAL(all[999 * PAGE / 4], 0xabc00004);
	MUST_EQUAL(all[0], 0xabc00000);
}

static void mapping_can_move_but_not_grow(void)
{
	int fd = device_own(IVSHMEM);
	uint64_t base = offset_of(fd, IVSHMEM_MEMORY);
	volatile uint32_t *at = must_map(fd, base, 4 * PAGE);
	void *other;

	at[PAGE / 4] = 77;
	MUST(mremap((void *)(uintptr_t)at, 4 * PAGE, 8 * PAGE, MREMAP_MAYMOVE) ==
	     MAP_FAILED);
	other = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	at = mremap((char *)(uintptr_t)at + PAGE, PAGE, PAGE,
		    MREMAP_MAYMOVE | MREMAP_FIXED, other);
	MUST((void *)(uintptr_t)at != MAP_FAILED);
	MUST_EQUAL(at[0], 77);
}

static void large_region_costs_few_faults(void)
{
	int fd = device_own(IVSHMEM);
	volatile uint8_t *at = must_map(fd, offset_of(fd, IVSHMEM_MEMORY),
					IVSHMEM_SIZE);
	struct rusage before, after;
	uint64_t i;

	MUST_OK(sys(getrusage(RUSAGE_SELF, &before)));
	for (i = 0; i < IVSHMEM_SIZE / PAGE; i++)
		at[i * PAGE] = (uint8_t)(i * 7);
	MUST_OK(sys(getrusage(RUSAGE_SELF, &after)));
	for (i = 0; i < IVSHMEM_SIZE / PAGE; i++)
		MUST_EQUAL(at[i * PAGE], (uint8_t)(i * 7));
	MUST(after.ru_minflt - before.ru_minflt < 256);
}

/* The MSI-X table is the kernel's: by mmap, program or rule. */
static void msix_table_is_out_of_reach(void)
{
	int fd = device_own(IVSHMEM), nvme;
	struct udrv_irq_rule rule = {
		.claim_width = 4, .claim_region = 1, .claim_offset = 12,
		.claim_mask = 1,
	};
	struct udrv_region_info bar;
	uint64_t value, table;
	int i;

	MUST_ERROR(try_map(fd, offset_of(fd, 1), PAGE, NULL), EPERM);
	MUST_REASON(fd, EPERM, "MSI-X");
	for (i = 0; i < 64; i += 4) {
		MUST_ERROR(io_read(fd, 1, (uint64_t)i, 4, &value), EPERM);
		MUST_ERROR(io_write(fd, 1, (uint64_t)i, 4, 0), EPERM);
	}
	MUST_ERROR(io_write(fd, 1, 56, 8, 0), EPERM);
	MUST_ERROR(io_write(fd, 1, 63, 1, 0), EPERM);
	MUST_OK(io_read(fd, 1, 64, 4, &value));
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSIX, 1, &rule, 1), EPERM);
	rule.claim_region = 0;
	rule.claim_offset = 0;
	rule.acks[0] = (struct udrv_rule_access){
		.op = UDRV_RULE_WRITE, .width = 4, .region = 1, .offset = 0,
	};
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSIX, 1, &rule, 1), EPERM);

	nvme = device_own(NVME);
	bar = region_info(nvme, 0);
	MUST(bar.out_caps & UDRV_REGION_HOLE);
	table = bar.out_hole_offset & ~(PAGE - 1);
	MUST_ERROR(try_map(nvme, table, PAGE, NULL), EPERM);
	MUST_ERROR(try_map(nvme, 0, bar.out_size, NULL), EPERM);
	if (table)
		MUST_OK(try_map(nvme, 0, table, NULL));
}

static bool memtype_is_write_combining(uint64_t address)
{
	static char text[65536];
	char wanted[64];

	if (read_text("/sys/kernel/debug/x86/pat_memtype_list", text,
		      sizeof(text)) < 0)
		skip("no list of memory types");
	snprintf(wanted, sizeof(wanted), "0x%016llx", (unsigned long long)address);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (strstr(line, wanted) && strstr(line, "write-combining"))
			return true;
	return false;
}

static uint64_t physical_of(const char *address, int bar)
{
	char path[128], text[2048], *line = text;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource", address);
	MUST_OK(read_text(path, text, sizeof(text)));
	while (bar--)
		line = strchr(line, '\n') + 1;
	return strtoull(line, NULL, 16);
}

/* One caching for a region at a time: the first mapping decides. */
static void write_combining_is_one_for_a_region(void)
{
	uint64_t physical = physical_of(IVSHMEM, IVSHMEM_MEMORY), base, value;
	volatile uint32_t *at;
	int fd = device_own(IVSHMEM);

	MUST_ERROR(try_map(fd, offset_of(fd, 0) | UDRV_MMAP_WC, PAGE, NULL),
		   EINVAL);
	base = offset_of(fd, IVSHMEM_MEMORY);
	at = must_map(fd, base | UDRV_MMAP_WC, IVSHMEM_SIZE);
	at[0] = 0x600d;
	at[IVSHMEM_SIZE / 4 - 1] = 0x600e;
	MUST_EQUAL(at[0], 0x600d);
	MUST_EQUAL(at[IVSHMEM_SIZE / 4 - 1], 0x600e);
	/* A register program has it alike. */
	MUST_OK(io_read(fd, IVSHMEM_MEMORY, 0, 4, &value));
	MUST_EQUAL(value, 0x600d);
	MUST(memtype_is_write_combining(physical));
	MUST_ERROR(try_map(fd, base, PAGE, NULL), EBUSY);
	MUST_REASON(fd, EBUSY, "write-combining");
	munmap((void *)(uintptr_t)at, IVSHMEM_SIZE);
	close(fd);
	MUST(!memtype_is_write_combining(physical));

	/* And the other way round, on the next open. */
	fd = device_own(IVSHMEM);
	at = must_map(fd, base, PAGE);
	MUST_EQUAL(at[0], 0x600d);
	MUST_ERROR(try_map(fd, base | UDRV_MMAP_WC, PAGE, NULL), EBUSY);
	MUST_REASON(fd, EBUSY, "uncached");
}

/* A forked child must not keep the device open, nor drive it. */
static void forked_child_has_no_mappings(void)
{
	struct edu edu = edu_open(EDU);
	void *events = must_map(edu.fd, UDRV_MMAP_EVENTS, PAGE);
	pid_t pid = fork();

	if (!pid) {
		MUST_ERROR(sys(msync((void *)(uintptr_t)edu.bar, PAGE, MS_ASYNC)),
			   ENOMEM);
		MUST_ERROR(sys(msync(events, PAGE, MS_ASYNC)), ENOMEM);
		_exit(0);
	}
	MUST_EQUAL(reap(pid), 0);
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
}

/* Through ptrace or /proc/PID/mem nobody reads registers by accident. */
static void core_dumps_leave_registers_out(void)
{
	struct edu edu = edu_open(EDU);
	static char text[65536];
	char *line;

	MUST_OK(read_text("/proc/self/smaps", text, sizeof(text)));
	line = strstr(text, "udrv/" EDU);
	MUST(line);
	line = strstr(line, "VmFlags:");
	MUST(line);
	*strchr(line, '\n') = '\0';
	MUST(strstr(line, " io"));
	MUST(strstr(line, " dd"));
	MUST(strstr(line, " dc"));
	MUST(strstr(line, " de"));
	edu_close(&edu);
}

const struct test tests[] = {
	TEST(edu_registers_by_mmap),
	TEST(region_info_tells_what_the_device_has),
	TEST(mmap_outside_the_region_is_refused),
	TEST(mmap_of_what_is_not_memory_is_refused),
	TEST(mmap_private_is_refused),
	TEST(odd_offsets_show_the_right_bytes),
	TEST(mapping_can_move_but_not_grow),
	TEST(large_region_costs_few_faults),
	TEST(msix_table_is_out_of_reach),
	TEST(write_combining_is_one_for_a_region),
	TEST(forked_child_has_no_mappings),
	TEST(core_dumps_leave_registers_out),
	{ NULL, NULL },
};
