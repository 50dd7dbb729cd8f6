// SPDX-License-Identifier: MIT
/*
 * An unprivileged driver at every door that leads to what is the kernel's, or
 * others': each is shut, and the log has who was there.
 */
#include "rogue.h"
#include "declare.h"

#include <fcntl.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/stat.h>

const char test_machines[] = "iommu";
const int test_seconds = 90;

#define CONFIG	UDRV_REGION_CONFIG
#define MSIX	1		/* ivshmem's BAR with the table */
#define PORTS	1		/* the e1000's BAR of 64 ports */

/* ------------------------------------------------------- configuration space */

static struct udrv_irq_rule rule_with(struct udrv_rule_access ack)
{
	struct udrv_irq_rule rule = edu_rule();

	rule.acks[0] = ack;
	return rule;
}

static void configuration_by_program(int fd)
{
	uint8_t bytes[4] = { 0 };
	struct udrv_io_step text = step_string(UDRV_OP_WRITE_STRING, CONFIG, 4, 2,
					       1, bytes);
	unsigned int at;
	int width;

	/* Ids, command, class, header; BARs to the interrupt line; capabilities. */
	for (width = 1; width <= 4; width *= 2)
		for (at = 0x10; at < 0x40; at += (unsigned int)width)
			REFUSED(io_write(fd, CONFIG, at, width, 0), EPERM);
	for (at = 0; at < 6; at++)
		REFUSED(io_write(fd, CONFIG, at, 1, 0), EPERM);
	for (at = 0x40; at < 0x4e; at++)	/* edu's MSI */
		REFUSED(io_write(fd, CONFIG, at, 1, 0xff), EPERM);
	REFUSED(run_steps(fd, &text, 1, NULL), EPERM);
	REFUSED(io_write(fd, CONFIG, 4, 8, 0), EINVAL);
}

static void configuration_by_rule(int fd)
{
	struct udrv_irq_rule rule = rule_with((struct udrv_rule_access){
		.op = UDRV_RULE_WRITE, .width = 2, .region = CONFIG, .offset = 4,
		.xor_value = 7 });

	REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
	rule = edu_rule();
	rule.rearms[0] = (struct udrv_rule_access){
		.op = UDRV_RULE_WRITE, .width = 4, .region = CONFIG, .offset = 0x10 };
	REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
	rule = edu_rule();
	rule.claim_region = CONFIG;
	rule.claim_offset = 4;
	REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
}

static void change_configuration(int fd)
{
	configuration_by_program(fd);
	configuration_by_rule(fd);
	REFUSED(try_map(fd, (uint64_t)CONFIG << UDRV_MMAP_REGION_SHIFT, PAGE, NULL),
		ENXIO);
}

static void configuration_stays_the_kernels(void)
{
	uint32_t before[64];
	unsigned int i;
	pid_t rogue;

	give(EDU, NOBODY);
	neighbour_start(EDU_SHARED);
	/* As the first open leaves it. */
	close((int)MUST_OK(device_open(EDU, O_RDONLY)));
	for (i = 0; i < 64; i++)
		before[i] = config_read(EDU, i * 4, 4);
	rogue = rogue_start(EDU, change_configuration);
	rogue_end(rogue);
	/* The status register tells of interrupts. */
	for (i = 0; i < 64; i++)
		if (i != 1)
			MUST_EQUAL(config_read(EDU, i * 4, 4), before[i]);
	MUST_EQUAL(config_read(EDU, 4, 2), before[1] & 0xffff);
	MUST(blamed(EDU, "refused: configuration byte 0x10 is the kernel's", rogue));
	neighbour_end();
}

/* ------------------------------------------------------------ the MSI-X table */

static void table_by_program_and_rule(int fd)
{
	struct udrv_irq_rule rule = {
		.claim_width = 4, .claim_mask = 1, .acks = { {
			.op = UDRV_RULE_WRITE, .width = 4, .region = MSIX,
		} },
	};
	uint64_t value;
	unsigned int at;

	for (at = 0; at < 64; at += 4) {
		REFUSED(io_read(fd, MSIX, at, 4, &value), EPERM);
		REFUSED(io_write(fd, MSIX, at, 4, 0xfee00000), EPERM);
		rule.acks[0].offset = at;
		REFUSED(irq_setup(fd, UDRV_IRQ_MSIX, 1, &rule, 1), EPERM);
	}
	REFUSED(io_write(fd, MSIX, 56, 8, 0), EPERM);
}

/*
 * By mappings: of it, up to it, and one of something else that is then moved
 * there, which mremap() and remap_file_pages() ask for.
 */
static void table_by_mapping(int fd)
{
	uint64_t table = (uint64_t)MSIX << UDRV_MMAP_REGION_SHIFT;
	struct udrv_region_info bar = region_info(fd, MSIX);
	uint8_t *memory;

	REFUSED(try_map(fd, table, PAGE, NULL), EPERM);
	REFUSED(try_map(fd, table, (size_t)bar.out_size, NULL),
		bar.out_size >= PAGE ? EPERM : EINVAL);
	memory = (uint8_t *)(uintptr_t)must_map(fd, (uint64_t)2 <<
						UDRV_MMAP_REGION_SHIFT, 2 * PAGE);
	attempted(1);
	MUST(mremap(memory, PAGE, 3 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED);
	attempted(1);
	MUST(remap_file_pages(memory, PAGE, 0, table / PAGE, 0));
}

static void change_msix_table(int fd)
{
	table_by_program_and_rule(fd);
	table_by_mapping(fd);
}

static void msix_table_stays_the_kernels(void)
{
	pid_t rogue;

	rogue = rogue_start(IVSHMEM, change_msix_table);
	rogue_end(rogue);
	MUST(blamed(IVSHMEM, "is in the MSI-X table", rogue));
}

/* -------------------------------------------------------- outside its regions */

static const uint64_t beyond[] = {
	0x40, 0x44, 0x100, 0x1f0, 0xcf8, 0xfffc, 0x10000, 1ull << 31, 1ull << 32,
	(1ull << 32) + 4, 1ull << 63, ~0ull - 3,
};

static void reach_beyond(int fd)
{
	struct udrv_irq_rule rule = { .claim_width = 4, .claim_mask = 1 };
	uint8_t bytes[4] = { 0 };
	struct udrv_io_step text;
	uint64_t value;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(beyond); i++) {
		REFUSED(io_read(fd, PORTS, beyond[i], 4, &value), EINVAL);
		REFUSED(io_write(fd, PORTS, beyond[i], 1, 0), EINVAL);
		text = step_string(UDRV_OP_WRITE_STRING, PORTS, beyond[i], 4, 1,
				   bytes);
		REFUSED(run_steps(fd, &text, 1, NULL), EINVAL);
		rule.claim_region = PORTS;
		rule.claim_offset = beyond[i];
		REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
		rule.claim_region = 0;
		rule.claim_offset = 0xc0;
		rule.acks[0] = (struct udrv_rule_access){
			.op = UDRV_RULE_WRITE, .width = 4, .region = PORTS,
			.offset = beyond[i] };
		REFUSED(irq_setup(fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
	}
	/* Of memory too, by one byte and by mappings. */
	value = region_info(fd, 0).out_size;
	REFUSED(io_read(fd, 0, value, 1, &value), EINVAL);
	value = region_info(fd, 0).out_size;
	REFUSED(try_map(fd, 0, (size_t)value + PAGE, NULL), EINVAL);
	REFUSED(try_map(fd, value, PAGE, NULL), EINVAL);
	for (i = 2; i < 6; i++)
		REFUSED(io_write(fd, (int)i, 0, 4, 0), ENXIO);
	REFUSED(io_write(fd, 255, 0, 4, 0), ENXIO);
	REFUSED(io_write(fd, UDRV_REGION_ROM, 0, 4, 0), EPERM);
	/* A line of its choice does not even have a field to be named in. */
	REFUSED(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), ENXIO);
}

static void ports_and_memory_outside_are_out_of_reach(void)
{
	pid_t rogue;

	neighbour_start(EDU_ALONE);
	rogue = rogue_start(E1000, reach_beyond);
	rogue_end(rogue);
	MUST(blamed(E1000, "region 1 offset 0x40 is outside its 64 bytes", rogue));
	neighbour_end();
}

/* ---------------------------------------------- doors that are not the module's */

#define SYSFS "/sys/bus/pci/devices/" EDU "/"

static void must_not_write(const char *path)
{
	attempted(1);
	if (open(path, O_RDWR | O_CLOEXEC) >= 0)
		fail(__FILE__, __LINE__, "%s opens for writing", path);
	MUST(errno == EACCES || errno == EPERM || errno == ENOENT);
}

static void try_the_kernels_doors(int fd)
{
	static const char *const paths[] = {
		SYSFS "config", SYSFS "resource0", SYSFS "resource0_wc",
		SYSFS "reset", SYSFS "remove", SYSFS "enable", SYSFS "rom",
		SYSFS "driver_override", SYSFS "power/control",
		"/sys/bus/pci/drivers/udrv/unbind", "/sys/bus/pci/drivers/udrv/bind",
		"/sys/bus/pci/drivers_probe", "/sys/bus/pci/rescan",
		"/sys/module/udrv/parameters/allow_unsafe_interrupts",
		"/sys/module/udrv/parameters/enable_unsafe_dma_without_iommu",
		"/proc/bus/pci/00/03.0", "/dev/mem", "/dev/port", "/dev/kmem",
		UDRV_CONTROL, UDRV_DIR "/" EDU_SHARED,
	};
	unsigned int i;

	(void)fd;
	for (i = 0; i < ARRAY_SIZE(paths); i++)
		must_not_write(paths[i]);
	/* The debug kernel does not even have these. */
	attempted(2);
	MUST(iopl(3) && (errno == EPERM || errno == ENOSYS));
	MUST(ioperm(0x60, 1, 1) && (errno == EPERM || errno == ENOSYS));
	REFUSED(sys(chmod(UDRV_DIR "/" EDU_SHARED, 0666)), EPERM);
}

static void the_kernels_own_doors_are_shut(void)
{
	MUST_OK(device_bind(EDU_SHARED));
	rogue_run(EDU, try_the_kernels_doors);
}

static int control;

/* Root's own file, that got into its hands. */
static void declare_by_a_passed_file(int fd)
{
	struct udrv_legacy wanted = declaration("gauge");

	(void)fd;
	add_memory(&wanted, HIDDEN_MEMORY, PAGE);
	REFUSED(legacy_add(control, &wanted), EPERM);
	REFUSED(legacy_remove(control, "parport"), EPERM);
}

static void declaring_stays_roots(void)
{
	pid_t rogue;

	declare_parport("parport");
	control = (int)MUST_OK(control_open(O_RDWR));
	rogue = rogue_start(EDU, declare_by_a_passed_file);
	rogue_end(rogue);
	MUST(blamed("udrv control:", "CAP_SYS_ADMIN", rogue));
	close((int)MUST_OK(device_open("parport", O_RDWR)));
}

static int path_only;

static void reopen(int fd)
{
	char path[64];

	(void)fd;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_only);
	attempted(1);
	MUST(open(path, O_RDWR) < 0);
}

/*
 * The name of a device it once had is the name of nothing, whatever has its
 * number by now.
 */
static void old_name_opens_no_other_device(void)
{
	give(EDU_ALONE, NOBODY);
	path_only = (int)MUST_OK(sys(open(UDRV_DIR "/" EDU_ALONE, O_PATH)));
	MUST_OK(device_unbind(EDU_ALONE));
	MUST_OK(device_bind(EDU_SHARED));
	rogue_run(EDU, reopen);
}

const struct test tests[] = {
	TEST(configuration_stays_the_kernels),
	TEST(msix_table_stays_the_kernels),
	TEST(ports_and_memory_outside_are_out_of_reach),
	TEST(the_kernels_own_doors_are_shut),
	TEST(declaring_stays_roots),
	TEST(old_name_opens_no_other_device),
	{ NULL, NULL },
};
