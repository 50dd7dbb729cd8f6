// SPDX-License-Identifier: MIT
/*
 * Loading and unloading: never under anybody's feet.  UDRV_RELOADS=N does it so
 * often while others use it, die, and lose their devices.
 */
#include "edu.h"
#include "load.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 100;

#define DEBUG_SLOWER 10

/* delete_module(2) without waiting says EWOULDBLOCK for "in use". */
static void must_be_in_use(void)
{
	int ret = module_unload();

	MUST(ret == -EWOULDBLOCK || ret == -EBUSY);
	MUST(module_loaded());
}

static void bound_devices_do_not_keep_it(void)
{
	MUST_OK(device_bind(EDU));
	MUST_OK(device_bind(IVSHMEM));
	MUST_OK(module_unload());
	MUST(device_bound_to(EDU, ""));
	MUST_ERROR(device_open(EDU, O_RDWR), ENOENT);
	MUST_OK(module_load(""));
	/* driver_override is still there: it takes them at once. */
	MUST(device_bound_to(EDU, "udrv"));
	MUST(device_bound_to(IVSHMEM, "udrv"));
	close((int)MUST_OK(device_open(EDU, O_RDWR)));
}

static void open_file_keeps_it(void)
{
	int fd = device_own(EDU), observer;

	must_be_in_use();
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	close(fd);
	must_be_in_use();
	close(observer);
	MUST_OK(module_unload());
}

static void mapping_keeps_it(void)
{
	struct edu edu = edu_open(EDU);

	close(edu.fd);
	must_be_in_use();
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	MUST_OK(module_unload());
}

/* The revoked file's code is still needed. */
static void revoked_file_and_mapping_keep_it(void)
{
	struct edu edu = edu_open(EDU);
	int vector = (int)MUST_OK(irq_fd(edu.fd, 0, 0));

	MUST_OK(device_unbind(EDU));
	must_be_in_use();
	close(edu.fd);
	must_be_in_use();
	MUST_EQUAL(edu_read(&edu, EDU_ID), ~0u);
	munmap((void *)(uintptr_t)edu.bar, EDU_BAR_SIZE);
	must_be_in_use();
	close(vector);
	MUST_OK(module_unload());
}

static void parameters_are_off_by_default(void)
{
	char text[8];

	MUST_OK(module_unload());
	MUST_OK(module_load(""));
	MUST_OK(read_text("/sys/module/udrv/parameters/allow_unsafe_interrupts",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'N');
	MUST_OK(read_text("/sys/module/udrv/parameters/enable_unsafe_dma_without_iommu",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'N');
	MUST_OK(module_unload());
	MUST_OK(module_load("allow_unsafe_interrupts=1"));
	MUST_OK(read_text("/sys/module/udrv/parameters/allow_unsafe_interrupts",
			  text, sizeof(text)));
	MUST_EQUAL(text[0], 'Y');
}

static void loaded_and_unloaded_again_and_again(void)
{
	int i;

	for (i = 0; i < 10; i++) {
		close(device_own(EDU));
		MUST_OK(module_unload());
		MUST_OK(module_load(""));
	}
}

/* ------------------------------------------------------------------- races */

/* Odd while somebody has the device open; shared by all processes. */
static atomic_uint *holds;

/*
 * All of them pause at once now and then, and the module can go; so a pause is
 * longer where all else is.
 */
static void pause_up_to(unsigned int us, uint32_t *seed)
{
	us *= (unsigned int)fewer(1, DEBUG_SLOWER);
	usleep((useconds_t)((uint32_t)rand_r(seed) % us));
}

/* What a device is like whose module comes and goes. */
static bool is_there(int fd)
{
	if (fd < 0)
		MUST(fd == -ENOENT || fd == -ENODEV || fd == -ENXIO ||
		     fd == -EBUSY || fd == -EAGAIN);
	return fd >= 0;
}

static void open_and_map(void *unused)
{
	struct udrv_info about;
	uint32_t seed = 1;
	void *bar;
	int fd;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; pause_up_to(30000, &seed)) {
		fd = device_open(EDU, O_RDWR);
		if (!is_there(fd))
			continue;
		atomic_fetch_add(holds, 1);
		about = (struct udrv_info){ .size = sizeof(about) };
		MUST_OK(command(fd, UDRV_INFO, &about));
		bar = must_map(fd, 0, EDU_BAR_SIZE);
		close(fd);	/* the mapping keeps it */
		MUST_EQUAL(*(volatile uint32_t *)bar, EDU_ID_VALUE);
		usleep((useconds_t)(rand_r(&seed) % 3000));
		atomic_fetch_add(holds, 1);
		munmap(bar, EDU_BAR_SIZE);
	}
}

/* Nor does it outlive who is to kill it, however early that one goes. */
static pid_t killer;

static void work(void *load)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == killer)
		load_run(load);
}

static void work_and_die(void *unused)
{
	struct load load = { .address = EDU_ALONE, .seed = 2 };
	pid_t pid;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	killer = getpid();
	for (;; pause_up_to(40000, &load.seed)) {
		pid = spawn(work, &load);
		pause_up_to(40000, &load.seed);
		kill(pid, SIGKILL);
		MUST_EQUAL(reap(pid), 128 + SIGKILL);
	}
}

/* Unbound, bound, and pulled out of the machine. */
static void come_and_go(void *unused)
{
	uint32_t seed = 3;
	int fd;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; pause_up_to(20000, &seed)) {
		device_bind(IVSHMEM);
		fd = device_open(IVSHMEM, O_RDONLY);
		if (is_there(fd) && rand_r(&seed) % 2)
			fd = (close(fd), -1);
		device_unbind(IVSHMEM);
		write_text("/sys/bus/pci/devices/" HOT_EDU "/remove", "1");
		if (fd >= 0)
			close(fd);
		write_text("/sys/bus/pci/rescan", "1");
		device_bind(HOT_EDU);
	}
}

/*
 * Once the moment comes, which on a slow machine is rare; never one where
 * somebody had it open all the time.
 */
static unsigned int unload_between(void)
{
	uint64_t end = now_ms() + 6 * WAIT_MS;
	unsigned int refused = 0, before;
	int ret;

	for (;; refused++) {
		before = atomic_load(holds);
		ret = module_unload();
		if (!ret)
			break;
		MUST(ret == -EWOULDBLOCK || ret == -EBUSY);
		MUST(now_ms() < end);
		usleep(500);
	}
	MUST(!(before % 2) || atomic_load(holds) != before);
	return refused;
}

static void reloaded_while_everybody_is_busy(void)
{
	static void (*const racers[])(void *) = {
		open_and_map, work_and_die, come_and_go,
	};
	const char *wanted = getenv("UDRV_RELOADS");
	uint32_t seed = 4;
	unsigned int i, refused = 0;
	unsigned int count = wanted ? (unsigned int)atoi(wanted) :
				      (unsigned int)fewer(8, 15);
	pid_t pids[ARRAY_SIZE(racers)];

	holds = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(holds != MAP_FAILED);
	MUST_OK(device_bind(EDU));
	MUST_OK(device_bind(EDU_ALONE));
	for (i = 0; i < ARRAY_SIZE(racers); i++)
		pids[i] = spawn(racers[i], NULL);
	for (i = 0; i < count; i++) {
		refused += unload_between();
		MUST_OK(module_load(""));
		figure("module-reloads", (uint64_t)i + 1);
		/* Time for everybody to find it there. */
		pause_up_to(60000, &seed);
	}
	printf("refused %u times\n", refused);
	MUST(refused > count / 4);
	MUST(atomic_load(holds) > count / 4);
	for (i = 0; i < ARRAY_SIZE(racers); i++) {
		kill(pids[i], SIGKILL);
		MUST_EQUAL(reap(pids[i]), 128 + SIGKILL);
	}
	write_text("/sys/bus/pci/rescan", "1");
	WAIT_FOR(device_exists(HOT_EDU));
}

const struct test tests[] = {
	TEST(bound_devices_do_not_keep_it),
	TEST(open_file_keeps_it),
	TEST(mapping_keeps_it),
	TEST(revoked_file_and_mapping_keep_it),
	TEST(parameters_are_off_by_default),
	TEST(loaded_and_unloaded_again_and_again),
	TEST(reloaded_while_everybody_is_busy),
	{ NULL, NULL },
};
