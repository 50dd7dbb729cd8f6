// SPDX-License-Identifier: MIT
/*
 * A PCI device behind an IOMMU, when memory fails: every command, and what is
 * around them.  A call says ENOMEM or EFAULT, has done nothing, and does it all
 * when asked again; what ends something cannot fail.  After each the device
 * works, and at the end nothing is left (harness.c).
 */
#include "edu.h"
#include "fail_nth.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

const char test_machines[] = "iommu";
const int test_seconds = 200;

#define PAGE 4096
#define LARGE (4u << 20)

static int fd, other = -1;
static uint8_t *memory;
static unsigned int other_maps;		/* that a test has besides */

/* It is as it was made: registers answer, nothing is mapped, nothing pending. */
static void must_work(void)
{
	struct udrv_info now = info(fd);
	uint64_t value;

	MUST_EQUAL(now.out_irq_kind, UDRV_IRQ_NONE);
	MUST(!has_interrupt("udrv-"));
	MUST_EQUAL(dma_count(fd), other_maps);
	MUST_EQUAL(!counters(fd).out_mapped_bytes, !other_maps);
	MUST_OK(io_read(fd, UDRV_REGION_CONFIG, 0, 4, &value));
	MUST(value != 0xffffffff);
}

static void refused(int error)
{
	is_no_memory(error);
	must_work();
}

static void start_with(const char *address)
{
	fail_nth_prepare();
	fd = device_own(address);
	memory = mmap(NULL, LARGE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	MUST((void *)memory != MAP_FAILED);
}

/* --------------------------------------------------------- binding, and opening */

static int override_file, probe_file, unbind_file;

static int write_sysfs(int file, const char *text)
{
	return (int)sys(pwrite(file, text, strlen(text), 0));
}

static int bind_edu(void)
{
	int ret = write_sysfs(override_file, "udrv");

	return ret < 0 ? ret : write_sysfs(probe_file, EDU);
}

static void not_bound(int error)
{
	/* What a probe says, drivers_probe has as EINVAL. */
	if (error != -EINVAL)
		is_no_memory(error);
	MUST(device_bound_to(EDU, ""));
	MUST_ERROR(device_open(EDU, O_RDONLY), ENOENT);
	MUST(access("/dev/" EDU, F_OK));
	MUST_EQUAL(module_references(), 0);
}

/* What the driver core has from a probe it may keep to itself. */
static void bound_or_not(void)
{
	uint64_t value;

	if (!device_bound_to(EDU, "udrv")) {
		not_bound(-ENOMEM);
		return;
	}
	fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_OK(io_read(fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
	close(fd);
	MUST_OK(device_unbind(EDU));
}

static int open_sysfs(const char *path)
{
	return (int)MUST_OK(sys(open(path, O_WRONLY | O_CLOEXEC)));
}

/*
 * Where the ACPI interpreter has no memory it loses the table of interrupt lines
 * for good, or uses what it has freed.  It is asked by the first to enable the
 * device and by the last to disable it; so let that be another than udrv.  (By a
 * removal, too, which is therefore not tried.)
 */
static void keep_acpi_out(void)
{
	fail_nth_prepare();
	if (!device_bound_to(EDU, ""))
		MUST_OK(device_unbind(EDU));
	MUST_OK(write_text("/sys/bus/pci/devices/" EDU "/enable", "1"));
}

static void let_acpi_in(void)
{
	MUST_OK(write_text("/sys/bus/pci/devices/" EDU "/enable", "0"));
}

static void binding(void)
{
	keep_acpi_out();
	override_file = open_sysfs("/sys/bus/pci/devices/" EDU "/driver_override");
	probe_file = open_sysfs("/sys/bus/pci/drivers_probe");
	fail_nth_sweep(bind_edu, bound_or_not, not_bound);
	/* Nor is any place of it left with a holder. */
	MUST_OK(device_bind(EDU));
	MUST_OK(device_unbind(EDU));
	let_acpi_in();
}

static int unbind_edu(void)
{
	return write_sysfs(unbind_file, EDU);
}

static void own_again(void)
{
	close(fd);
	WAIT_FOR(!device_bound_to(EDU, "udrv"));
	fd = device_own(EDU);
	must_work();
}

/* sysfs itself wants memory for what it is told; then nothing has happened. */
static void still_bound(int error)
{
	is_no_memory(error);
	MUST(device_bound_to(EDU, "udrv"));
	must_work();
}

static void unbinding_in_use(void)
{
	keep_acpi_out();
	start_with(EDU);
	unbind_file = open_sysfs("/sys/bus/pci/drivers/udrv/unbind");
	fail_nth_sweep(unbind_edu, own_again, still_bound);
	close(fd);
	MUST_OK(device_unbind(EDU));
	let_acpi_in();
}

static void bind_again(void)
{
	MUST_OK(device_bind(EDU));
}

static void still_bound_unopened(int error)
{
	is_no_memory(error);
	MUST(device_bound_to(EDU, "udrv"));
}

static void unbinding_unopened(void)
{
	keep_acpi_out();
	MUST_OK(device_bind(EDU));
	unbind_file = open_sysfs("/sys/bus/pci/drivers/udrv/unbind");
	fail_nth_sweep(unbind_edu, bind_again, still_bound_unopened);
	MUST_OK(device_unbind(EDU));
	let_acpi_in();
}

static int open_owner(void)
{
	other = device_open(EDU, O_RDWR);
	return other;
}

static int open_observer(void)
{
	other = device_open(EDU, O_RDONLY);
	return other;
}

static void close_other(void)
{
	close(other);
}

static void nobody_has_it(int error)
{
	is_no_memory(error);
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

static void opening(void)
{
	fail_nth_prepare();
	MUST_OK(device_bind(EDU));
	fail_nth_sweep(open_owner, close_other, nobody_has_it);
	fail_nth_sweep(open_observer, close_other, nobody_has_it);
}

/* Everything in use; then its end may want no memory. */
static void use_all(int file)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_dma map;
	void *at;

	MUST_OK(bus_master(file, 1));
	MUST_OK(irq_setup(file, UDRV_IRQ_MSI, 1, &rule, 1));
	MUST_OK(dma_alloc(file, PAGE, 28, &map));
	at = must_map(file, map.out_mmap_offset, PAGE);
	memset(at, 1, PAGE);
	munmap(at, PAGE);
	MUST_OK(dma_map(file, memory, 3 * PAGE, UDRV_DMA_BOTH, 28, &map));
}

static int close_in_use(void)
{
	return (int)sys(close(fd));
}

static void open_in_use(void)
{
	WAIT_FOR((fd = device_open(EDU, O_RDWR)) >= 0);
	must_work();
	use_all(fd);
}

static void closing(void)
{
	start_with(EDU);
	use_all(fd);
	fail_nth_sweep(close_in_use, open_in_use, NULL);
}

/* -------------------------------------------------------------------- commands */

static int get_info(void)
{
	struct udrv_info get = { .size = sizeof(get) };

	return command(fd, UDRV_INFO, &get);
}

static int get_region(void)
{
	struct udrv_region_info get = { .size = sizeof(get), .index = 0 };

	return command(fd, UDRV_REGION_INFO, &get);
}

static int get_counters(void)
{
	struct udrv_counters get = { .size = sizeof(get) };

	return command(fd, UDRV_COUNTERS, &get);
}

static int get_reason(void)
{
	struct udrv_reason get = { .size = sizeof(get) };

	return command(fd, UDRV_REASON, &get);
}

static int master_on(void)
{
	return bus_master(fd, 1);
}

static void master_off(void)
{
	MUST_OK(bus_master(fd, 0));
}

static void asking(void)
{
	start_with(EDU);
	fail_nth_sweep(get_info, nothing_to_undo, refused);
	fail_nth_sweep(get_region, nothing_to_undo, refused);
	fail_nth_sweep(get_counters, nothing_to_undo, refused);
	fail_nth_sweep(get_reason, nothing_to_undo, refused);
	fail_nth_sweep(master_on, master_off, refused);
}

static int reset_it(void)
{
	return reset(fd);
}

/* What saving its state wants is the kernel's: the reset says how it went. */
static void reset_refused(int error)
{
	uint64_t value;

	is_no_memory(error);
	MUST_OK(reset(fd));
	MUST_OK(io_read(fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
}

static void resetting(void)
{
	start_with(HOT_EDU);
	fail_nth_sweep(reset_it, must_work, reset_refused);
}

static int release_it(void)
{
	return release(fd);
}

static void take_again(void)
{
	close(fd);
	MUST_OK(fd = device_open(EDU, O_RDWR));
	must_work();
	use_all(fd);
}

static void still_held(int error)
{
	is_no_memory(error);
	MUST_EQUAL(dma_count(fd), 2);
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_MSI);
}

static void releasing(void)
{
	start_with(EDU);
	use_all(fd);
	fail_nth_sweep(release_it, take_again, still_held);
}

/* A new open each time: regions are opened, buffers made by the first program. */
static int run_program(void)
{
	uint8_t bytes[16] = { 0 };
	struct udrv_io_step steps[] = {
		step_read(0, EDU_ID, 4),
		step_write(0, EDU_LIVENESS, 4, 5),
		step_string(UDRV_OP_WRITE_STRING, 0, EDU_LIVENESS, 4, 4, bytes),
		step_string(UDRV_OP_READ_STRING, 0, EDU_LIVENESS, 4, 4, bytes),
		step_wait(0, EDU_ID, 4, ~0u, EDU_ID_VALUE, 1000),
		step_read(UDRV_REGION_CONFIG, 0, 4),
	};

	return run_steps(fd, steps, ARRAY_SIZE(steps), NULL);
}

static void open_anew(void)
{
	close(fd);
	WAIT_FOR((fd = device_open(EDU, O_RDWR)) >= 0);
}

static void open_anew_after(int error)
{
	is_no_memory(error);
	MUST_OK(run_program());
	open_anew();
}

static void running_a_program(void)
{
	start_with(EDU);
	fail_nth_sweep(run_program, open_anew, open_anew_after);
}

static int read_rom(void)
{
	uint64_t value;

	return io_read(fd, UDRV_REGION_ROM, 0, 2, &value);
}

static void open_nic_anew(void)
{
	close(fd);
	WAIT_FOR((fd = device_open(E1000, O_RDWR)) >= 0);
}

static void rom_is_shut(int error)
{
	is_no_memory(error);
	MUST(!(config_read(E1000, 0x30, 4) & 1));
	MUST_OK(read_rom());
	open_nic_anew();
}

static void reading_a_rom(void)
{
	start_with(E1000);
	fail_nth_sweep(read_rom, open_nic_anew, rom_is_shut);
}

/* ------------------------------------------------------------------ interrupts */

static unsigned int kind, vectors;
static struct udrv_irq_rule rules[2];

static int set_up(void)
{
	return irq_setup(fd, kind, vectors, rules, vectors);
}

/* Of messages the kernel says that it has none left, whatever it had none of. */
static void not_set_up(int error)
{
	if (error != -ENOSPC || kind == UDRV_IRQ_INTX)
		is_no_memory(error);
	must_work();
}

static void set_down(void)
{
	MUST_OK(irq_setup(fd, UDRV_IRQ_NONE, 0, NULL, 0));
	must_work();
}

static void setting_up_interrupts(void)
{
	start_with(EDU);
	rules[0] = edu_rule();
	vectors = 1;
	kind = UDRV_IRQ_INTX;
	fail_nth_sweep(set_up, set_down, not_set_up);
	kind = UDRV_IRQ_MSI;
	fail_nth_sweep(set_up, set_down, not_set_up);
}

static void setting_up_many_vectors(void)
{
	unsigned int i;

	start_with(IVSHMEM);
	for (i = 0; i < 2; i++)
		rules[i] = (struct udrv_irq_rule){ .acks = { {
			.op = UDRV_RULE_READ, .width = 4, .offset = 8,
		} } };
	vectors = 2;
	kind = UDRV_IRQ_MSIX;
	fail_nth_sweep(set_up, set_down, not_set_up);
}

/* A new open each time, as a vector once made stays. */
static int make_vector(void)
{
	other = irq_fd(fd, 3, 0);
	return other;
}

static void reopen_ivshmem(void)
{
	close(other);
	close(fd);
	WAIT_FOR((fd = device_open(IVSHMEM, O_RDWR)) >= 0);
}

static void making_a_vector_file(void)
{
	start_with(IVSHMEM);
	fail_nth_sweep(make_vector, reopen_ivshmem, refused);
}

static struct edu edu;

static void raise_one(void)
{
	edu_raise(&edu, 1);
	MUST(irq_pending(fd, WAIT_MS));
}

static int read_event(void)
{
	struct udrv_irq_event event;

	return (int)irq_read(fd, &event);
}

static void event_is_there(int error)
{
	is_no_memory(error);
	MUST(irq_pending(fd, 0));
}

static int poll_event(void)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	int ret = (int)sys(poll(&wait, 1, 0));

	return ret < 0 ? ret : 0;
}

static int epoll_event(void)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = (int)sys(epoll_create1(EPOLL_CLOEXEC)), ret;

	if (epoll < 0)
		return epoll;
	ret = (int)sys(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	if (ret >= 0)
		ret = (int)sys(epoll_wait(epoll, &event, 1, 0));
	close(epoll);
	return ret < 0 ? ret : 0;
}

static void taking_events(void)
{
	start_with(EDU);
	edu.fd = fd;
	edu.bar = must_map(fd, 0, EDU_BAR_SIZE);
	edu_lower(&edu);
	rules[0] = edu_rule();
	MUST_OK(irq_setup(fd, UDRV_IRQ_INTX, 1, rules, 1));
	raise_one();
	fail_nth_sweep(read_event, raise_one, NULL);
	fail_nth_sweep(poll_event, nothing_to_undo, event_is_there);
	fail_nth_sweep(epoll_event, nothing_to_undo, event_is_there);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
}

/* ------------------------------------------------------------------------- DMA */

static struct udrv_dma map;

static int map_small(void)
{
	return dma_map(fd, memory + 100, 5 * PAGE, UDRV_DMA_BOTH, 28, &map);
}

static int map_large(void)
{
	return dma_map(fd, memory, LARGE, UDRV_DMA_TO_DEVICE, 0, &map);
}

static int map_listed(void)
{
	struct udrv_dma_segment segment;
	struct udrv_dma listed = {
		.flags = UDRV_DMA_TO_DEVICE, .address = (uintptr_t)memory,
		.length = PAGE, .segments = (uintptr_t)&segment,
		.segment_capacity = 1,
	};
	int ret = dma_batch(fd, UDRV_DMA_MAP, &listed, 1, NULL);

	map = listed;
	return ret;
}

static int alloc_page(void)
{
	return dma_alloc(fd, PAGE, 0, &map);
}

static int alloc_large(void)
{
	return dma_alloc(fd, LARGE, 0, &map);
}

static void unmap_it(void)
{
	MUST_OK(dma_unmap(fd, map.id));
	must_work();
}

static long pinned_before;

static void nothing_pinned(int error)
{
	refused(error);
	MUST_EQUAL(pinned_pages(), pinned_before);
}

static void mapping_memory(void)
{
	start_with(EDU);
	pinned_before = pinned_pages();
	fail_nth_sweep(map_small, unmap_it, nothing_pinned);
	fail_nth_sweep(map_large, unmap_it, nothing_pinned);
	fail_nth_sweep(map_listed, unmap_it, nothing_pinned);
}

static void allocating_buffers(void)
{
	start_with(EDU);
	fail_nth_sweep(alloc_page, unmap_it, refused);
	fail_nth_sweep(alloc_large, unmap_it, refused);
}

static int sync_it(void)
{
	return dma_sync(fd, map.id, 0, PAGE, UDRV_DMA_TO_DEVICE);
}

static int list_it(void)
{
	static struct udrv_dma list[8];

	return dma_batch(fd, UDRV_DMA_LIST, list, ARRAY_SIZE(list), NULL);
}

static int unmap_one(void)
{
	return dma_unmap(fd, map.id);
}

static void map_again(void)
{
	MUST_EQUAL(dma_count(fd), 0);
	MUST_OK(map_small());
}

/* What an unmap that says EFAULT has done, its count says, and it can't. */
static void mapped_or_not(int error)
{
	is_no_memory(error);
	if (!dma_count(fd))
		MUST_OK(map_small());
}

static void using_a_map(void)
{
	start_with(EDU);
	MUST_OK(map_small());
	fail_nth_sweep(sync_it, nothing_to_undo, is_no_memory);
	fail_nth_sweep(list_it, nothing_to_undo, is_no_memory);
	fail_nth_sweep(unmap_one, map_again, mapped_or_not);
}

/* -------------------------------------------------------------------- mappings */

static uint64_t offset;
static size_t length;

static void *mapped;
static int pipes[2];

/* Mapped, and touched: by a call, which can say that it failed. */
static int map_and_touch(void)
{
	uint8_t bytes[8];
	int ret;

	ret = (int)try_map(fd, offset, length, &mapped);
	if (!ret)
		ret = (int)sys(write(pipes[1], mapped, sizeof(bytes)));
	if (ret > 0)
		ret = (int)sys(read(pipes[0], bytes, sizeof(bytes)));
	return ret;
}

static void unmap_again(void)
{
	if (mapped)
		MUST_OK(sys(munmap(mapped, length)));
	mapped = NULL;
	must_work();
}

static void not_mapped(int error)
{
	is_no_memory(error);
	unmap_again();
}

/* So that each is the first of its open. */
static void unmap_and_open_anew(void)
{
	unmap_again();
	open_anew();
}

static void mapping_registers_and_buffers(void)
{
	struct udrv_dma buffer;

	start_with(EDU);
	MUST_OK(sys(pipe2(pipes, O_CLOEXEC)));
	length = EDU_BAR_SIZE;
	fail_nth_sweep(map_and_touch, unmap_and_open_anew, not_mapped);
	offset = UDRV_MMAP_EVENTS;
	length = PAGE;
	fail_nth_sweep(map_and_touch, unmap_again, not_mapped);
	MUST_OK(dma_alloc(fd, 3 * PAGE, 0, &buffer));
	other_maps = 1;
	offset = buffer.out_mmap_offset;
	length = 3 * PAGE;
	fail_nth_sweep(map_and_touch, unmap_again, not_mapped);
}

const struct test tests[] = {
	TEST(binding),
	TEST(unbinding_in_use),
	TEST(unbinding_unopened),
	TEST(opening),
	TEST(closing),
	TEST(asking),
	TEST(resetting),
	TEST(releasing),
	TEST(running_a_program),
	TEST(reading_a_rom),
	TEST(setting_up_interrupts),
	TEST(setting_up_many_vectors),
	TEST(making_a_vector_file),
	TEST(taking_events),
	TEST(mapping_memory),
	TEST(allocating_buffers),
	TEST(using_a_map),
	TEST(mapping_registers_and_buffers),
	{ NULL, NULL },
};
