// SPDX-License-Identifier: MIT
/*
 * Processes in a user namespace of their own, where they are root: of the
 * machine they are whoever they were, and so for the module.
 */
#include "rogue.h"
#include "declare.h"

#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

#define LIMIT 16		/* pages */

/* Debian's kernels before 6 let only root make them. */
static void allow_namespaces(void)
{
	long ret = write_text("/proc/sys/kernel/unprivileged_userns_clone", "1");

	MUST(!ret || ret == -ENOENT);
}

/* As @user, who is root in there. */
static void become_root_inside(unsigned int user)
{
	char map[32];

	become(user);
	MUST_OK(sys(unshare(CLONE_NEWUSER)));
	snprintf(map, sizeof(map), "0 %u 1", user);
	MUST_OK(write_text("/proc/self/setgroups", "deny"));
	MUST_OK(write_text("/proc/self/uid_map", map));
	MUST_OK(write_text("/proc/self/gid_map", map));
	MUST_EQUAL(geteuid(), 0);
	/* And may do there what it likes. */
	MUST_OK(sys(unshare(CLONE_NEWNS)));
}

static void open_inside_is_refused(void *user)
{
	become_root_inside(*(unsigned int *)user);
	MUST_ERROR(device_open(EDU, O_RDWR), EPERM);
}

static void open_inside_works(void *user)
{
	become_root_inside(*(unsigned int *)user);
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

/* Whose turn it is goes by who somebody is, not by the number in a namespace. */
static void another_user_stays_another_user(void)
{
	unsigned int nobody = NOBODY, neighbour = NEIGHBOUR;
	pid_t pid;

	allow_namespaces();
	give(EDU, NOBODY);
	MUST_OK(sys(chmod(UDRV_DIR "/" EDU, 0666)));
	MUST_EQUAL(reap(spawn(open_inside_works, &nobody)), 0);
	/* The same user by another number... */
	MUST_EQUAL(reap(spawn(open_inside_works, &nobody)), 0);
	/* ...and others by the same: CAP_SYS_RAWIO in there is none out here. */
	pid = spawn(open_inside_is_refused, &neighbour);
	MUST_EQUAL(reap(pid), 0);
	MUST(blamed(EDU, "open refused: uid 65534 used it last", pid));
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
	MUST_EQUAL(reap(spawn(open_inside_is_refused, &nobody)), 0);
}

static int fd;

static uint8_t *small_memory(void)
{
	struct rlimit limit = { LIMIT * PAGE, LIMIT * PAGE };

	MUST_OK(sys(setrlimit(RLIMIT_MEMLOCK, &limit)));
	return mmap(NULL, 2 * LIMIT * PAGE, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int map_pages(uint8_t *memory, unsigned int pages)
{
	struct udrv_dma map;

	return dma_map(fd, memory, pages * PAGE, UDRV_DMA_BOTH, 28, &map);
}

static void map_ten_outside(void *unused)
{
	uint8_t *memory = small_memory();

	(void)unused;
	become_nobody();
	MUST_OK(map_pages(memory, 10));
}

static void map_six_inside(void *unused)
{
	uint8_t *memory = small_memory();
	struct rlimit more = { 64 * PAGE, 64 * PAGE };

	(void)unused;
	become_root_inside(NOBODY);
	/* CAP_IPC_LOCK and CAP_SYS_RESOURCE are of no use. */
	MUST_ERROR(sys(setrlimit(RLIMIT_MEMLOCK, &more)), EPERM);
	MUST_ERROR(map_pages(memory, 7), ENOMEM);
	MUST_REASON(fd, ENOMEM, "RLIMIT_MEMLOCK");
	MUST_OK(map_pages(memory, 6));
}

static void map_all_inside(void *unused)
{
	uint8_t *memory = small_memory();

	(void)unused;
	become_root_inside(NEIGHBOUR);
	MUST_ERROR(map_pages(memory, LIMIT + 1), ENOMEM);
	MUST_OK(map_pages(memory, LIMIT));
}

static void pins_are_charged_to_who_one_is_outside(void)
{
	if (!on_machine("iommu"))
		skip("DMA is for root here");
	allow_namespaces();
	fd = device_own(EDU);
	MUST_EQUAL(reap(spawn(map_ten_outside, NULL)), 0);
	MUST_EQUAL(reap(spawn(map_six_inside, NULL)), 0);
	MUST_EQUAL(reap(spawn(map_all_inside, NULL)), 0);
}

static int control;

static void declare_inside(void *unused)
{
	struct udrv_legacy wanted = declaration("gauge");

	(void)unused;
	add_memory(&wanted, HIDDEN_MEMORY, PAGE);
	become_root_inside(NOBODY);
	MUST_ERROR(legacy_add(control, &wanted), EPERM);
	MUST_ERROR(legacy_remove(control, "parport"), EPERM);
	MUST_ERROR(control_open(O_RDWR), EACCES);
}

static void declaring_is_for_the_machines_root(void)
{
	allow_namespaces();
	declare_parport("parport");
	control = (int)MUST_OK(control_open(O_RDWR));
	MUST_EQUAL(reap(spawn(declare_inside, NULL)), 0);
}

static void dma_inside(void *unused)
{
	struct udrv_dma map;
	int file;

	(void)unused;
	become_root_inside(NOBODY);
	file = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_ERROR(bus_master(file, 1), EPERM);
	MUST_ERROR(dma_alloc(file, PAGE, 28, &map), EPERM);
}

static void unsafe_dma_is_for_the_machines_root(void)
{
	if (on_machine("iommu"))
		skip("DMA is confined here");
	allow_namespaces();
	module_parameter("enable_unsafe_dma_without_iommu", "1");
	give(EDU, NOBODY);
	MUST_EQUAL(reap(spawn(dma_inside, NULL)), 0);
}

/* In a pid namespace too: the owner is who it is there, or not to be seen. */
static int told[2];

static void drive_as_process_one(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu;
	char byte = 0;

	edu.fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	MUST_EQUAL(getpid(), 1);
	MUST_EQUAL(info(edu.fd).out_owner_pid, 1);
	edu.bar = must_map(edu.fd, 0, EDU_BAR_SIZE);
	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 5);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 5);
	MUST_EQUAL(write(told[1], &byte, 1), 1);
	usleep(200000);
}

static void contain_and_drive(void *unused)
{
	pid_t pid;

	(void)unused;
	become_root_inside(NOBODY);
	MUST_OK(sys(unshare(CLONE_NEWPID)));
	pid = fork();
	MUST_OK(sys(pid));
	if (!pid) {
		drive_as_process_one();
		fflush(stdout);
		_exit(0);
	}
	MUST_EQUAL(reap(pid), 0);
}

static void look_from_elsewhere(void *observer)
{
	MUST_OK(sys(unshare(CLONE_NEWPID)));
	if (!fork()) {
		MUST_EQUAL(info(*(int *)observer).out_owner_pid, 0);
		_exit(0);
	}
	int status;

	MUST(wait(&status) > 0 && !status);
}

static void driver_works_in_a_container(void)
{
	pid_t container;
	int observer;
	char byte;

	allow_namespaces();
	give(EDU, NOBODY);
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	MUST_OK(sys(pipe(told)));
	container = spawn(contain_and_drive, NULL);
	MUST_EQUAL(read(told[0], &byte, 1), 1);
	MUST(info(observer).out_owner_pid > container);
	MUST_EQUAL(reap(spawn(look_from_elsewhere, &observer)), 0);
	MUST_EQUAL(reap(container), 0);
}

const struct test tests[] = {
	TEST(another_user_stays_another_user),
	TEST(pins_are_charged_to_who_one_is_outside),
	TEST(declaring_is_for_the_machines_root),
	TEST(unsafe_dma_is_for_the_machines_root),
	TEST(driver_works_in_a_container),
	{ NULL, NULL },
};
