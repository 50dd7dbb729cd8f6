// SPDX-License-Identifier: MIT
/*
 * An owner who means harm: to other users' files, to a line's other devices,
 * to whoever has the device next.  Each of these once worked.
 */
#include "edu.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 90;

#define PAGE 4096
#define VICTIM "/run/udrv-victim"

static atomic_bool stop;
static int shared_fd;

/* ------------------------------------------------------------------ memory */

static int victim(void)
{
	int file = (int)MUST_OK(sys(open(VICTIM, O_RDWR | O_CREAT | O_TRUNC, 0644)));

	MUST_EQUAL(pwrite(file, "root's own text", 15, 0), 15);
	MUST_OK(sys(ftruncate(file, PAGE)));
	close(file);
	return (int)MUST_OK(sys(open(VICTIM, O_RDONLY)));
}

/* The mapping of a freed buffer shows no other memory, whatever has its id. */
static void freed_buffer_shows_nothing_else(void)
{
	struct udrv_dma buffer, map = { 0 };
	int fd, file, zero, turns;
	char text[16] = "";
	char *view, *page;

	if (!on_machine("iommu"))
		module_parameter("enable_unsafe_dma_without_iommu", "1");
	file = victim();
	fd = device_own(EDU);
	MUST_OK(dma_alloc(fd, PAGE, 32, &buffer));
	view = must_map(fd, buffer.out_mmap_offset, PAGE);
	MUST_OK(dma_unmap(fd, buffer.id));
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, file, 0);
	MUST(page != MAP_FAILED && page[0] == 'r');
	/* Ids are used in turn: go round until a map of ours has the buffer's. */
	for (turns = 0; turns < UDRV_DMA_MAX_IDS && map.id != buffer.id; turns++) {
		if (map.id)
			MUST_OK(dma_unmap(fd, map.id));
		MUST_OK(dma_map(fd, page, PAGE, UDRV_DMA_TO_DEVICE, 32, &map));
	}
	MUST_EQUAL(map.id, buffer.id);
	/* A system call that stores there says EFAULT where we got SIGBUS. */
	zero = (int)MUST_OK(sys(open("/dev/zero", O_RDONLY)));
	MUST_ERROR(sys(read(zero, view, 6)), EFAULT);
	MUST_EQUAL(pread(file, text, 15, 0), 15);
	MUST(!memcmp(text, "root's own text", 15));
	unlink(VICTIM);
}

/* Services live in cgroups, whose memory is charged. */
static void buffers_work_in_a_cgroup(void)
{
	struct udrv_dma map;
	volatile char *view;
	char pid[32];
	int fd;

	if (!on_machine("iommu"))
		module_parameter("enable_unsafe_dma_without_iommu", "1");
	mkdir("/run/udrv-cgroup", 0755);
	MUST_EQUAL(system("mount -t cgroup2 none /run/udrv-cgroup 2>/dev/null ||"
			  " mount -t cgroup -o memory none /run/udrv-cgroup;"
			  "cd /run/udrv-cgroup && { echo +memory >cgroup.subtree_control;"
			  " mkdir -p t; } 2>/dev/null"), 0);
	snprintf(pid, sizeof(pid), "%d", getpid());
	MUST_OK(write_text("/run/udrv-cgroup/t/cgroup.procs", pid));
	fd = device_own(EDU);
	MUST_OK(dma_alloc(fd, 4 * PAGE, 32, &map));
	view = must_map(fd, map.out_mmap_offset, 4 * PAGE);
	view[0] = 1;
	MUST_EQUAL(view[3 * PAGE], 0);
}

/* -------------------------------------------------------------- interrupts */

/* "Nobody cared" would take the line from the devices that share it. */
static void never_claiming_rule_keeps_the_line(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu = edu_open(EDU);
	int i, rounds = fewer(20000, 2000);

	rule.claim_mask = 0x80000000;	/* never what we raise */
	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	set_nonblock(edu.fd, true);
	edu_raise(&edu, 1);
	for (i = 0; i < rounds; i++)
		irq_read(edu.fd, &event);
	/* The processor that takes them may not have had its turn yet. */
	WAIT_FOR((irq_read(edu.fd, &event), counters(edu.fd).out_storms > 0));
	edu_lower(&edu);
	MUST(counters(edu.fd).out_not_ours >= 64);
	MUST(!logged("nobody cared"));
}

static void *read_once(void *data)
{
	struct udrv_irq_event event;

	irq_read(shared_fd, &event);
	*(atomic_bool *)data = true;
	return NULL;
}

/* Masked for a rule's fault, the line comes back with the reader. */
static void disclaimed_interrupt_wakes_the_reader(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu = edu_open(EDU);
	atomic_bool got = false;
	pthread_t thread;

	rule.claim_mask = 2;
	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	shared_fd = edu.fd;
	MUST_EQUAL(pthread_create(&thread, NULL, read_once, &got), 0);
	usleep(100000);
	edu_raise(&edu, 1);
	WAIT_FOR(got);
	pthread_join(thread, NULL);
	edu_lower(&edu);
	MUST(!irq_pending(edu.fd, 100));
	edu_raise(&edu, 2);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 2);
}

static void *toggle_bus_master(void *data)
{
	(void)data;
	while (!stop) {
		bus_master(shared_fd, 1);
		bus_master(shared_fd, 0);
	}
	return NULL;
}

/* Bus mastering and INTx-disable are bits of one register. */
static void bus_mastering_loses_no_interrupt(void)
{
	struct udrv_irq_event event;
	struct edu edu;
	int i, rounds = fewer(1000, 100);
	pthread_t thread;

	if (!on_machine("iommu"))
		module_parameter("enable_unsafe_dma_without_iommu", "1");
	edu = edu_open(EDU);
	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	shared_fd = edu.fd;
	MUST_EQUAL(pthread_create(&thread, NULL, toggle_bus_master, NULL), 0);
	for (i = 0; i < rounds; i++) {
		MUST(!irq_pending(edu.fd, 0));
		edu_raise(&edu, 1);
		MUST(irq_pending(edu.fd, WAIT_MS));
		edu_lower(&edu);
		MUST_OK(irq_read(edu.fd, &event));
		while (irq_pending(edu.fd, 0))	/* it came before the ack */
			MUST_OK(irq_read(edu.fd, &event));
	}
	stop = true;
	pthread_join(thread, NULL);
	MUST_EQUAL(counters(edu.fd).out_not_ours, 0);
}

/* The event page is the owner's to write, and the kernel does not believe it. */
static void event_page_hides_no_storm(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);

	memset(rule.acks, 0, sizeof(rule.acks));
	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	follow_events(edu.fd);
	usleep(50000);
	edu_raise(&edu, 1);
	WAIT_FOR(counters(edu.fd).out_storms);
	MUST(counters(edu.fd).out_interrupts < 20000);
	edu_lower(&edu);
	unfollow_events();
}

static void *reset_by_sysfs(void *data)
{
	(void)data;
	MUST_OK(write_text("/sys/bus/pci/devices/" HOT_EDU "/reset", "1"));
	return NULL;
}

/* Root resets the device under its driver: readers and programs live on. */
static void foreign_reset_loses_no_interrupt(void)
{
	struct udrv_irq_event event;
	struct edu edu = edu_open(HOT_EDU);
	pthread_t thread;
	uint64_t value;
	int i, ret;

	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	set_nonblock(edu.fd, true);
	MUST_EQUAL(pthread_create(&thread, NULL, reset_by_sysfs, NULL), 0);
	for (i = 0; i < 500; i++) {
		irq_read(edu.fd, &event);
		ret = io_read(edu.fd, 0, EDU_ID, 4, &value);
		MUST(ret == -EAGAIN || (!ret && value == EDU_ID_VALUE));
		usleep(1000);
	}
	pthread_join(thread, NULL);
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	edu_lower(&edu);
	while (!irq_read(edu.fd, &event))
		;
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	edu_lower(&edu);
}

/* ---------------------------------------------------------------- programs */

static void *program_in_missing_page(void *page)
{
	struct udrv_io io = {
		.size = sizeof(io), .steps = (uintptr_t)page, .count = 1,
		.step_size = sizeof(struct udrv_io_step),
	};

	command(shared_fd, UDRV_IO, &io);
	return NULL;
}

/* A call of the last owner's that never ends is not the next one's trouble. */
static void successor_runs_programs(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = (int)MUST_OK(sys(syscall(SYS_userfaultfd, O_CLOEXEC)));
	struct pollfd wait = { .fd = uffd, .events = POLLIN };
	uint64_t value;
	pthread_t thread;
	void *page;
	int fd;

	MUST_OK(sys(ioctl(uffd, UFFDIO_API, &api)));
	page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	range.range.start = (uintptr_t)page;
	range.range.len = PAGE;
	MUST_OK(sys(ioctl(uffd, UFFDIO_REGISTER, &range)));
	shared_fd = device_own(EDU);
	MUST_EQUAL(pthread_create(&thread, NULL, program_in_missing_page, page), 0);
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST_OK(release(shared_fd));
	fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_OK(io_read(fd, UDRV_REGION_CONFIG, 0, 4, &value));
	close(uffd);		/* the page is zeroes then */
	pthread_join(thread, NULL);
}

/* Refused means that nothing was touched, the caching included. */
static void refused_program_fixes_no_caching(void)
{
	struct udrv_io_step steps[2];
	unsigned int done;
	int fd = device_own(IVSHMEM);
	void *at;

	steps[0] = step_read(2, 0, 4);
	steps[1] = step_read(9, 0, 4);	/* no such region */
	MUST_ERROR(run_steps(fd, steps, 2, &done), ENXIO);
	MUST_EQUAL(done, 0);
	MUST_OK(try_map(fd, (2ull << UDRV_MMAP_REGION_SHIFT) | UDRV_MMAP_WC, PAGE,
			&at));
}

const struct test tests[] = {
	TEST(freed_buffer_shows_nothing_else),
	TEST(buffers_work_in_a_cgroup),
	TEST(never_claiming_rule_keeps_the_line),
	TEST(disclaimed_interrupt_wakes_the_reader),
	TEST(bus_mastering_loses_no_interrupt),
	TEST(event_page_hides_no_storm),
	TEST(foreign_reset_loses_no_interrupt),
	TEST(successor_runs_programs),
	TEST(refused_program_fixes_no_caching),
	{ NULL, NULL },
};
