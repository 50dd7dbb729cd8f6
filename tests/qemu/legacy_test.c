// SPDX-License-Identifier: MIT
/* Declared devices: who may, what is refused, and that they are devices. */
#include "declare.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define PORT_DATA 0
#define PORT_STATUS 1

static int control;

static void must_refuse(const char *file, int line, const struct udrv_legacy *l,
			int error, const char *word)
{
	struct udrv_legacy unused;

	must_error(file, line, "UDRV_LEGACY_ADD", legacy_add(control, l), error);
	must_reason(file, line, control, error, word);
	if (device_open(l->name, O_RDONLY) != -ENOENT ||
	    legacy_get(control, "", UDRV_LEGACY_NEXT, &unused) != -ENOENT)
		fail(file, line, "a refused declaration left something");
}
#define MUST_REFUSE(legacy, error, word) \
	must_refuse(__FILE__, __LINE__, legacy, error, word)

static void start(void)
{
	control = (int)MUST_OK(control_open(O_RDWR));
}

static int own(const char *name)
{
	return (int)MUST_OK(device_open(name, O_RDWR));
}

static bool ioports_have(const char *name)
{
	static char text[65536];

	MUST_OK(read_text("/proc/ioports", text, sizeof(text)));
	return strstr(text, name);
}

/* -------------------------------------------------------------- what it says */

static void refuse_name(const char *name)
{
	struct udrv_legacy legacy = declaration(name);

	add_ports(&legacy, PARPORT_PORTS, 8);
	MUST_ERROR(legacy_add(control, &legacy), EINVAL);
	MUST_REASON(control, EINVAL, "a name is");
}

static void names_that_are_none(void)
{
	static const char *const names[] = {
		"", "control", "0000:00:03.0", "00:03.0", ".", "..", "../null",
		"a/b", "-a", "1a", "A", "aB", "a b", "a\n", "\xc3\xa4", "a:b", "_",
	};
	struct udrv_legacy legacy = declaration("a");
	unsigned int i;

	start();
	for (i = 0; i < ARRAY_SIZE(names); i++)
		refuse_name(names[i]);
	add_ports(&legacy, PARPORT_PORTS, 8);
	memset(legacy.name, 'a', sizeof(legacy.name));
	MUST_REFUSE(&legacy, EINVAL, "a name is");
	legacy.name[31] = '\0';
	MUST_OK(legacy_add(control, &legacy));
	close((int)MUST_OK(device_open(legacy.name, O_RDWR)));
	MUST_OK(legacy_remove(control, legacy.name));
	/* Something behind the end is something unknown. */
	legacy = declaration("a");
	add_ports(&legacy, PARPORT_PORTS, 8);
	legacy.name[3] = 'b';
	MUST_REFUSE(&legacy, EINVAL, "a name is");
	legacy.name[3] = '\0';
	memset(legacy.from, 'f', sizeof(legacy.from));
	MUST_REFUSE(&legacy, EINVAL, "from is");
	memset(legacy.from, 0, sizeof(legacy.from));
	strcpy(legacy.from, "a\tb");
	MUST_REFUSE(&legacy, EINVAL, "does not print");
	strcpy(legacy.from, "platform/i8042");
	MUST_OK(legacy_add(control, &legacy));
}

static void counts_and_ranges_that_are_none(void)
{
	struct udrv_legacy good = declaration("a"), bad;

	start();
	MUST_REFUSE(&good, EINVAL, "without ports or memory");
	add_ports(&good, PARPORT_PORTS, 8);
	bad = good;
	bad.flags = UDRV_LEGACY_NEXT;
	MUST_REFUSE(&bad, EINVAL, "flags");
	bad = good;
	bad.range_count = UDRV_LEGACY_RANGES + 1;
	MUST_REFUSE(&bad, E2BIG, "at most");
	bad.range_count = ~0u;
	MUST_REFUSE(&bad, E2BIG, "at most");
	bad = good;
	bad.line_count = UDRV_LEGACY_LINES + 1;
	MUST_REFUSE(&bad, E2BIG, "at most");
	bad = good;
	bad.lines[0] = 7;
	MUST_REFUSE(&bad, EINVAL, "beyond the counts");
	bad = good;
	bad.line_count = 1;
	bad.lines[0] = UDRV_LINE_LEVEL | 7;
	MUST_REFUSE(&bad, EINVAL, "without UDRV_LINE_GSI");
	bad.lines[0] = UDRV_LINE_LOW | 7;
	MUST_REFUSE(&bad, EINVAL, "without UDRV_LINE_GSI");
	bad.lines[0] = UDRV_LINE_GSI | UDRV_LINE_LEVEL | 7;
	MUST_REFUSE(&bad, EINVAL, "line 7 is the ISA bus's");
	bad = good;
	bad.ranges[5].bytes = 1;
	MUST_REFUSE(&bad, EINVAL, "beyond the counts");
	bad = good;
	bad.ranges[0].reserved = 1;
	MUST_REFUSE(&bad, EINVAL, "reserved");
	bad = good;
	bad.ranges[0].kind = UDRV_KIND_CONFIG;
	MUST_REFUSE(&bad, EINVAL, "kind 4");
	bad = good;
	bad.ranges[0].bytes = 0;
	MUST_REFUSE(&bad, EINVAL, "range of 0 bytes");
	bad.ranges[0].bytes = 1ull << 40;
	MUST_REFUSE(&bad, EINVAL, "2^39");
	bad = good;
	bad.ranges[0].start = 0xfffc;
	MUST_REFUSE(&bad, EINVAL, "the last one is 0xffff");
	bad.ranges[0].start = ~0ull;
	MUST_REFUSE(&bad, EINVAL, "the last one is 0xffff");
	bad = declaration("a");
	add_memory(&bad, ~0ull - 100, 4096);
	MUST_REFUSE(&bad, EINVAL, "last address");
	MUST_OK(legacy_add(control, &good));
}

static void nobody(void *unused)
{
	struct udrv_legacy legacy = declaration("a"), got;

	(void)unused;
	add_ports(&legacy, PARPORT_PORTS, 8);
	become_nobody();
	/* The file was opened by root; that does not count. */
	MUST_ERROR(legacy_add(control, &legacy), EPERM);
	MUST_REASON(control, EPERM, "CAP_SYS_ADMIN");
	MUST_ERROR(legacy_remove(control, "parport"), EPERM);
	MUST_OK(legacy_get(control, "parport", 0, &got));
	MUST_ERROR(control_open(O_RDONLY), EACCES);
}

static void only_root_may(void)
{
	struct udrv_legacy legacy = declaration("a"), got;
	int observer;

	start();
	declare_parport("parport");
	MUST_EQUAL(reap(spawn(nobody, NULL)), 0);
	observer = (int)MUST_OK(control_open(O_RDONLY));
	MUST_ERROR(legacy_add(observer, &legacy), EBADF);
	MUST_ERROR(legacy_remove(observer, "parport"), EBADF);
	MUST_OK(legacy_get(observer, "parport", 0, &got));
}

static void declarations_are_read_back(void)
{
	struct udrv_legacy legacy = declaration("b"), got;
	char byte;

	start();
	MUST_ERROR(legacy_get(control, "", UDRV_LEGACY_NEXT, &got), ENOENT);
	declare_memory("c", 0, 4096);
	add_ports(&legacy, PARPORT_PORTS, 3);
	add_ports(&legacy, PARPORT_PORTS + 3, 5);
	add_line(&legacy, 5);
	add_line(&legacy, 7);
	strcpy(legacy.from, "pnp/00:00");
	MUST_OK(legacy_add(control, &legacy));
	declare_memory("a", 8192, 4096);
	MUST_OK(legacy_get(control, "b", 0, &got));
	MUST(!memcmp(&got, &legacy, sizeof(got)));
	MUST_OK(legacy_get(control, "", UDRV_LEGACY_NEXT, &got));
	MUST(!strcmp(got.name, "a"));
	MUST_OK(legacy_get(control, "a", UDRV_LEGACY_NEXT, &got));
	MUST(!strcmp(got.name, "b"));
	MUST_OK(legacy_get(control, "bb", UDRV_LEGACY_NEXT, &got));
	MUST(!strcmp(got.name, "c"));
	MUST_ERROR(legacy_get(control, "c", UDRV_LEGACY_NEXT, &got), ENOENT);
	MUST_ERROR(legacy_get(control, "bb", 0, &got), ENOENT);
	MUST_REASON(control, ENOENT, "bb");
	MUST_ERROR(legacy_get(control, "b", 2, &got), EINVAL);
	MUST_ERROR(legacy_remove(control, "bb"), ENOENT);
	MUST_ERROR(legacy_add(control, &legacy), EEXIST);
	MUST_REASON(control, EEXIST, "b is declared already");
	MUST_ERROR(sys(read(control, &byte, 1)), EINVAL);
}

/* ------------------------------------------------------------ what others have */

static void refuse_ports(uint64_t ports, uint64_t count, int error,
			 const char *word)
{
	struct udrv_legacy legacy = declaration("a");

	/* What was had before the refusal is given back. */
	add_ports(&legacy, PARPORT_PORTS, 8);
	add_ports(&legacy, ports, count);
	add_line(&legacy, PARPORT_LINE);
	MUST_REFUSE(&legacy, error, word);
	MUST(!ioports_have("udrv-a"));
}

static void ports_of_others(void)
{
	start();
	refuse_ports(0x3f8, 8, EBUSY, "/proc/ioports");		/* serial */
	refuse_ports(0x3ff, 1, EBUSY, "0x3ff-0x3ff");
	refuse_ports(0x70, 2, EBUSY, "holder");			/* clock */
	refuse_ports(0x40, 4, EBUSY, "holder");			/* timer */
	refuse_ports(0x20, 2, EBUSY, "holder");			/* interrupts */
	refuse_ports(0x00, 16, EBUSY, "holder");		/* DMA */
	refuse_ports(0x80, 1, EBUSY, "holder");
	refuse_ports(0xcf8, 8, EPERM, "configuration space");
	refuse_ports(0xcff, 1, EPERM, "configuration space");
	refuse_ports(0xcf0, 9, EPERM, "configuration space");
	refuse_ports(0xcf0, 0x100, EPERM, "configuration space");
	refuse_ports(0x22, 2, EPERM, "interrupt controllers");
	refuse_ports(0x4d1, 1, EPERM, "interrupt controllers");
	refuse_ports(0x4c8, 16, EPERM, "interrupt controllers");
	refuse_ports(0xb2, 1, EPERM, "firmware");
	/* Power management: the part that ACPI has, and that of the chip. */
	refuse_ports(0x604, 2, EBUSY, "");
	refuse_ports(0x610, 4, EBUSY, "0000:00:1f.0");
	refuse_ports(PARPORT_PORTS + 7, 2, EBUSY, "also in the declaration of a");
}

static void ports_of_a_pci_device(void)
{
	int i;

	start();
	for (i = 0; i < 2; i++) {
		refuse_ports(0x1f0, 8, EBUSY, "0000:00:0b.0");
		refuse_ports(0x376, 1, EBUSY, "0000:00:0b.0");
		if (!i)
			MUST_OK(device_bind("0000:00:0b.0"));
	}
	MUST(device_bound_to("0000:00:0b.0", "udrv"));
}

static void refuse_memory(uint64_t start_at, uint64_t bytes, int error,
			  const char *word)
{
	struct udrv_legacy legacy = declaration("a");

	add_memory(&legacy, start_at, bytes);
	MUST_REFUSE(&legacy, error, word);
}

/* The line with the name, in a text that lasts until the next call. */
static const char *iomem_find(const char *name, const char **text)
{
	static char all[65536];

	MUST_OK(read_text("/proc/iomem", all, sizeof(all)));
	*text = all;
	return strstr(all, name);
}

static bool iomem_has(const char *name)
{
	const char *text;

	return iomem_find(name, &text);
}

static uint64_t iomem_of(const char *name)
{
	const char *text, *at = iomem_find(name, &text);

	if (!at)
		fail(__FILE__, __LINE__, "no %s in /proc/iomem", name);
	while (at > text && at[-1] != '\n')
		at--;
	return strtoull(at, NULL, 16);
}

static void memory_of_others(void)
{
	start();
	refuse_memory(0x100000, 4096, EPERM, "RAM");
	refuse_memory(iomem_of("Kernel code"), 1, EPERM, "RAM");
	refuse_memory(HIDDEN_MEMORY - 1, 2, EPERM, "RAM");
	refuse_memory(0, 4096, EPERM, "firmware");
	refuse_memory(0xfffff000, 4096, EPERM, "firmware");
	refuse_memory(0xf0000, 4096, EPERM, "firmware");
	/* APICs, and where writes become interrupts. */
	refuse_memory(0xfee00000, 4096, EPERM, "interrupt controllers");
	refuse_memory(0xfeeff000, 4096, EPERM, "interrupt controllers");
	refuse_memory(0xfedff000, 8192, EPERM, "interrupt controllers");
	refuse_memory(0xfec00000, 16, EPERM, "interrupt controllers");
	refuse_memory(0xfecfffff, 1, EPERM, "interrupt controllers");
	refuse_memory(iomem_of(iomem_has("PCI MMCONFIG") ? "PCI MMCONFIG" :
			       "PCI ECAM"), 4096, EPERM, "");
	/* A BAR, although nobody drives it; part of one; more than one. */
	refuse_memory(iomem_of(EDU), 0x100000, EBUSY, EDU);
	refuse_memory(iomem_of(EDU) + 4096, 1, EBUSY, EDU);
	MUST_OK(device_bind(EDU));
	refuse_memory(iomem_of(EDU) - 4096, 8192, EBUSY, "PCI device");
}

static void lines_of_others(void)
{
	static const struct {
		uint32_t line;
		int error;
	} lines[] = {
		{ 0, EBUSY }, { 4, EBUSY }, { 8, EBUSY }, { 9, EBUSY },
		{ 2, ENXIO }, { 16, ENXIO }, { 24, ENXIO }, { 100000, ENXIO },
		{ UDRV_LINE_NUMBER, ENXIO }, { ~0u, ENXIO },
		{ UDRV_LINE_GSI | 24, ENXIO },
	};
	struct udrv_legacy legacy;
	unsigned int i;
	char word[32];

	start();
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		legacy = declaration("a");
		add_ports(&legacy, PARPORT_PORTS, 8);
		add_line(&legacy, PARPORT_LINE);
		add_line(&legacy, lines[i].line);
		snprintf(word, sizeof(word), "interrupt line %u",
			 lines[i].line & UDRV_LINE_NUMBER);
		MUST_REFUSE(&legacy, lines[i].error, word);
	}
	legacy.lines[1] = PARPORT_LINE;
	MUST_REFUSE(&legacy, EBUSY, "line 7 is also");
	MUST(!has_interrupt("udrv-a"));
	MUST(!ioports_have("udrv-a"));
}

static void two_names_for_the_same(void)
{
	struct udrv_legacy legacy = declaration("a"), lines = declaration("b");

	start();
	declare_parport("parport");
	add_ports(&legacy, PARPORT_PORTS + 7, 1);
	MUST_ERROR(legacy_add(control, &legacy), EBUSY);
	MUST_REASON(control, EBUSY, "declaration of parport");
	add_memory(&lines, HIDDEN_MEMORY, 4096);
	add_line(&lines, PARPORT_LINE);
	MUST_ERROR(legacy_add(control, &lines), EBUSY);
	MUST_REASON(control, EBUSY, "declaration of parport");
	MUST_OK(legacy_remove(control, "parport"));
	MUST_OK(legacy_add(control, &legacy));
	MUST_OK(legacy_add(control, &lines));
}

/* --------------------------------------------------------------- it is a device */

static void has_what_was_declared(void)
{
	struct udrv_info got;
	unsigned int i;
	int fd;

	declare_parport("parport");
	fd = own("parport");
	got = info(fd);
	MUST(!strcmp(got.out_name, "parport"));
	MUST_EQUAL(got.out_caps, UDRV_INFO_OWNED);
	MUST_EQUAL(got.out_vendor, 0);
	MUST_EQUAL(got.out_regions, UDRV_REGION_COUNT);
	MUST_EQUAL(got.out_lines, 1);
	MUST_EQUAL(got.out_intx + got.out_msi + got.out_msix, 0);
	MUST_EQUAL(got.out_iova_last, 0);
	MUST_EQUAL(got.out_owner_pid, getpid());
	MUST_EQUAL(region_info(fd, 0).out_kind, UDRV_KIND_PORTS);
	MUST_EQUAL(region_info(fd, 0).out_size, 8);
	MUST_EQUAL(region_info(fd, 0).out_caps, UDRV_REGION_PROGRAM);
	for (i = 1; i < UDRV_REGION_COUNT; i++)
		MUST_EQUAL(region_info(fd, i).out_kind, UDRV_KIND_NONE);
	MUST(ioports_have("udrv-parport"));
	MUST_ERROR(device_open("parport", O_RDWR), EBUSY);
	i = (unsigned int)MUST_OK(device_open("parport", O_RDONLY));
	MUST(info((int)i).out_caps & UDRV_INFO_OWNED);
}

static void has_nothing_of_pci(void)
{
	struct udrv_dma map;
	uint64_t value;
	char *memory;
	int fd;

	if (on_machine("noiommu"))
		module_parameter("enable_unsafe_dma_without_iommu", "Y");
	declare_parport("parport");
	fd = own("parport");
	memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST_ERROR(bus_master(fd, 1), EOPNOTSUPP);
	MUST_REASON(fd, EOPNOTSUPP, "declared");
	MUST_ERROR(bus_master(fd, 0), EOPNOTSUPP);
	MUST_ERROR(reset(fd), EOPNOTSUPP);
	MUST_ERROR(dma_alloc(fd, 4096, 0, &map), EOPNOTSUPP);
	MUST_ERROR(dma_map(fd, memory, 4096, UDRV_DMA_BOTH, 0, &map), EOPNOTSUPP);
	MUST_ERROR(dma_unmap(fd, 0), ENOENT);
	MUST_ERROR(dma_sync(fd, 0, 0, 1, UDRV_DMA_TO_DEVICE), ENOENT);
	MUST_EQUAL(dma_count(fd), 0);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSI, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSIX, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0), EINVAL);
	MUST_ERROR(io_read(fd, UDRV_REGION_CONFIG, 0, 4, &value), ENXIO);
	MUST_ERROR(io_read(fd, UDRV_REGION_ROM, 0, 4, &value), ENXIO);
	MUST_ERROR(try_map(fd, 0, 4096, NULL), ENXIO);
	MUST_ERROR(try_map(fd, UDRV_MMAP_DMA, 4096, NULL), ENOENT);
	MUST_EQUAL(counters(fd).out_maps, 0);
}

static void programs_stay_inside(void)
{
	struct udrv_irq_rule rule = {
		.claim_width = 1, .claim_offset = PORT_STATUS, .claim_mask = 0x40,
		.acks = { { .op = UDRV_RULE_WRITE, .width = 1, .offset = 8 } },
	};
	uint64_t value;
	int fd;

	declare_parport("parport");
	fd = own("parport");
	MUST_OK(io_write(fd, 0, PORT_DATA, 1, 0xa5));
	MUST_OK(io_read(fd, 0, PORT_DATA, 1, &value));
	MUST_EQUAL(value, 0xa5);
	MUST_ERROR(io_read(fd, 0, 8, 1, &value), EINVAL);
	MUST_ERROR(io_read(fd, 0, 6, 4, &value), EINVAL);
	MUST_ERROR(io_read(fd, 0, ~0ull, 1, &value), EINVAL);
	MUST_ERROR(io_read(fd, 0, 0, 8, &value), EINVAL);
	MUST_ERROR(io_write(fd, 1, 0, 1, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1), EINVAL);
	MUST_REASON(fd, EINVAL, "outside its 8 bytes");
	rule.acks[0].offset = 0;
	rule.acks[0].region = 1;
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1), ENXIO);
	rule.acks[0].region = 0;
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
}

static void memory_is_mapped(void)
{
	volatile uint32_t *map;
	uint64_t value;
	int fd;

	declare_memory("memory", 65536, 65536);
	fd = own("memory");
	MUST_EQUAL(region_info(fd, 0).out_kind, UDRV_KIND_MEM);
	MUST_EQUAL(region_info(fd, 0).out_caps,
		   UDRV_REGION_PROGRAM | UDRV_REGION_MMAP);
	map = must_map(fd, region_info(fd, 0).out_mmap_offset, 65536);
	map[0] = 0x12345678;
	map[16383] = 0x9abcdef0;
	MUST_OK(io_read(fd, 0, 0, 4, &value));
	MUST_EQUAL(value, 0x12345678);
	MUST_OK(io_read(fd, 0, 65528, 8, &value));
	MUST_EQUAL(value >> 32, 0x9abcdef0);
	MUST_OK(io_write(fd, 0, 4096, 8, 0x1122334455667788));
	MUST_EQUAL(map[1024], 0x55667788);
	MUST_ERROR(try_map(fd, 0, 65537, NULL), EINVAL);
	MUST_ERROR(try_map(fd, 65536, 4096, NULL), EINVAL);
	MUST_ERROR(try_map(fd, UDRV_MMAP_WC, 4096, NULL), EINVAL);
	MUST_ERROR(io_read(fd, 0, 65536, 1, &value), EINVAL);
	/* The next owner has the same memory. */
	munmap((void *)(uintptr_t)map, 65536);
	close(fd);
	fd = own("memory");
	MUST_OK(io_read(fd, 0, 0, 4, &value));
	MUST_EQUAL(value, 0x12345678);
}

/* Who shares a page with a range was not declared. */
static void part_of_a_page_is_not_mapped(void)
{
	uint64_t value;
	int fd, i;

	declare_memory("first", 0, 100);
	declare_memory("second", 256, 4096);
	declare_memory("third", 8192, 4097);
	for (i = 0; i < 3; i++) {
		fd = own(i == 0 ? "first" : i == 1 ? "second" : "third");
		MUST_EQUAL(region_info(fd, 0).out_caps, UDRV_REGION_PROGRAM);
		MUST_ERROR(try_map(fd, 0, 1, NULL), ENXIO);
		MUST_OK(io_write(fd, 0, 96, 4, (uint64_t)i));
		MUST_OK(io_read(fd, 0, 96, 4, &value));
		MUST_EQUAL(value, i);
	}
}

static void open_as_nobody(void *unused)
{
	(void)unused;
	become_nobody();
	MUST_ERROR(device_open("parport", O_RDWR), EPERM);
}

/* It cannot be reset, so what one user left in it another must not find. */
static void another_user_needs_privileges(void)
{
	declare_parport("parport");
	MUST_OK(sys(chmod(UDRV_DIR "/parport", 0666)));
	close(own("parport"));
	MUST_EQUAL(reap(spawn(open_as_nobody, NULL)), 0);
	MUST(logged("open refused: uid 0 used it last"));
	undeclare("parport");
}

/* ------------------------------------------------------------------- its end */

static void hold_and_wait(void *unused)
{
	int fd = own("parport");
	struct udrv_irq_event event;

	(void)unused;
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST_ERROR(irq_read(fd, &event), ENODEV);
	MUST_ERROR(irq_read(fd, &event), ENODEV);
}

static bool owned(const char *name)
{
	int fd = (int)MUST_OK(device_open(name, O_RDONLY));
	uint32_t kind = info(fd).out_irq_kind;

	close(fd);
	return kind == UDRV_IRQ_LINES;
}

static void removal_ends_a_wait(void)
{
	pid_t pid;

	declare_parport("parport");
	pid = spawn(hold_and_wait, NULL);
	WAIT_FOR(owned("parport"));
	usleep(10000);
	undeclare("parport");
	MUST(!has_interrupt("udrv-"));
	MUST(!ioports_have("udrv-"));
	MUST_ERROR(device_open("parport", O_RDONLY), ENOENT);
	MUST_EQUAL(reap(pid), 0);
}

static void removal_takes_mappings(void)
{
	struct udrv_info get = { .size = sizeof(get) };
	volatile uint32_t *map;
	int fd, observer, next;
	uint64_t value;

	declare_memory("memory", 0, 8192);
	fd = own("memory");
	observer = (int)MUST_OK(device_open("memory", O_RDONLY));
	map = must_map(fd, 0, 8192);
	map[0] = 5;
	map[1] = 6;
	undeclare("memory");
	MUST_EQUAL(map[0], ~0u);
	map[1025] = 7;		/* in the page of ones, which is this open's */
	MUST_ERROR(io_read(fd, 0, 0, 4, &value), ENODEV);
	MUST_ERROR(command(fd, UDRV_INFO, &get), ENODEV);
	MUST_ERROR(command(observer, UDRV_INFO, &get), ENODEV);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), ENXIO);
	/* The name and the memory are free at once, whoever still looks. */
	declare_memory("memory", 0, 8192);
	next = own("memory");
	MUST_OK(io_read(next, 0, 0, 4, &value));
	MUST_EQUAL(value, 5);
	MUST_OK(io_read(next, 0, 4100, 4, &value));
	MUST(value != 7);
	MUST_EQUAL(map[0], ~0u);
}

static void hold_for_ever(void *unused)
{
	int fd = own("parport");

	(void)unused;
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	for (;;)
		pause();
}

static void death_undoes_everything(void)
{
	pid_t pid;
	int fd;

	declare_parport("parport");
	pid = spawn(hold_for_ever, NULL);
	WAIT_FOR(owned("parport"));
	MUST(has_interrupt("udrv-parport"));
	MUST_OK(sys(kill(pid, SIGKILL)));
	MUST_EQUAL(reap(pid), 128 + SIGKILL);
	WAIT_FOR(!has_interrupt("udrv-parport"));
	WAIT_FOR((fd = device_open("parport", O_RDWR)) >= 0);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST_OK(release(fd));
	close((int)MUST_OK(device_open("parport", O_RDWR)));
}

static void must_be_in_use(void)
{
	int ret = module_unload();

	MUST(ret == -EWOULDBLOCK || ret == -EBUSY);
}

static void module_leaves_with_declarations_only(void)
{
	void *map;
	int fd;

	start();
	must_be_in_use();
	declare_parport("parport");
	declare_memory("memory", 0, 4096);
	close(control);
	fd = own("memory");
	must_be_in_use();
	map = must_map(fd, 0, 4096);
	close(fd);
	must_be_in_use();
	undeclare("memory");
	must_be_in_use();
	munmap(map, 4096);
	declare_memory("memory", 0, 4096);
	MUST_OK(module_unload());
	MUST(!ioports_have("udrv-"));
	MUST_ERROR(device_open("parport", O_RDWR), ENOENT);
	MUST_OK(module_load(""));
	declare_parport("parport");
}

/* --------------------------------------------------------------- many at once */

static void add_and_remove(void *data)
{
	struct udrv_legacy legacy = declaration(data);
	uint64_t end = now_ms() + 3000;
	unsigned int added = 0;
	int ret;

	start();
	add_ports(&legacy, PARPORT_PORTS, 8);
	add_line(&legacy, PARPORT_LINE);
	/* A slow machine may need longer until each had its turn. */
	while (now_ms() < end || !added) {
		ret = legacy_add(control, &legacy);
		if (ret && ret != -EBUSY && ret != -EEXIST)
			MUST_OK(ret);
		added += !ret;
		ret = legacy_remove(control, legacy.name);
		if (ret && ret != -ENOENT)
			MUST_OK(ret);
	}
}

static void open_and_close(void *data)
{
	uint64_t end = now_ms() + 3000;
	struct udrv_irq_event event;
	int fd;

	while (now_ms() < end) {
		fd = device_open(data, O_RDWR | O_NONBLOCK);
		if (fd < 0) {
			MUST(fd == -ENOENT || fd == -ENXIO || fd == -ENODEV ||
			     fd == -EBUSY);
			continue;
		}
		irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0);
		io_write(fd, 0, PORT_DATA, 1, 1);
		irq_read(fd, &event);
		close(fd);
	}
}

static void all_at_once(void)
{
	static char one[] = "one", two[] = "two";
	pid_t pids[6];
	int i;

	pids[0] = spawn(add_and_remove, one);
	pids[1] = spawn(add_and_remove, one);
	pids[2] = spawn(add_and_remove, two);
	pids[3] = spawn(open_and_close, one);
	pids[4] = spawn(open_and_close, one);
	pids[5] = spawn(open_and_close, two);
	for (i = 0; i < 6; i++)
		MUST_EQUAL(reap(pids[i]), 0);
	WAIT_FOR(!has_interrupt("udrv-"));
	MUST(!ioports_have("udrv-"));
	declare_parport("parport");
}

const struct test tests[] = {
	TEST(names_that_are_none),
	TEST(counts_and_ranges_that_are_none),
	TEST(only_root_may),
	TEST(declarations_are_read_back),
	TEST(ports_of_others),
	TEST(ports_of_a_pci_device),
	TEST(memory_of_others),
	TEST(lines_of_others),
	TEST(two_names_for_the_same),
	TEST(has_what_was_declared),
	TEST(has_nothing_of_pci),
	TEST(programs_stay_inside),
	TEST(memory_is_mapped),
	TEST(part_of_a_page_is_not_mapped),
	TEST(another_user_needs_privileges),
	TEST(removal_ends_a_wait),
	TEST(removal_takes_mappings),
	TEST(death_undoes_everything),
	TEST(module_leaves_with_declarations_only),
	TEST(all_at_once),
	{ NULL, NULL },
};
