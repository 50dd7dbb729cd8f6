// SPDX-License-Identifier: MIT
/* A device under test: binding it, and the contract's commands. */
#include "device.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PATH_SIZE 128
#define QUIRK "pci_quirk"

static void sysfs_path(char *path, const char *address, const char *file)
{
	snprintf(path, PATH_SIZE, "/sys/bus/pci/devices/%s/%s", address, file);
}

bool device_exists(const char *address)
{
	char path[PATH_SIZE];

	sysfs_path(path, address, "");
	return !access(path, F_OK);
}

bool device_bound_to(const char *address, const char *driver)
{
	char path[PATH_SIZE], target[PATH_SIZE];
	ssize_t length;

	sysfs_path(path, address, "driver");
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return !driver[0];
	target[length] = '\0';
	return !strcmp(strrchr(target, '/') + 1, driver);
}

int device_bind_to(const char *address, const char *driver)
{
	char path[PATH_SIZE];
	long ret;

	sysfs_path(path, address, "driver_override");
	ret = write_text(path, driver[0] ? driver : "\n");
	if (ret || !driver[0])
		return (int)ret;
	ret = write_text("/sys/bus/pci/drivers_probe", address);
	if (ret)
		return (int)ret;
	return device_bound_to(address, driver) ? 0 : -ENODEV;
}

int device_bind(const char *address)
{
	return device_bind_to(address, "udrv");
}

int device_unbind(const char *address)
{
	char path[PATH_SIZE];
	long ret;

	sysfs_path(path, address, "driver/unbind");
	ret = write_text(path, address);
	sysfs_path(path, address, "driver_override");
	write_text(path, "\n");
	return (int)ret;
}

void device_mark(const char *address, const char *fault)
{
	const char *udrv = getenv("UDRV_MODULE");
	char path[PATH_MAX], parameters[64];
	int fd;

	snprintf(path, sizeof(path), "%.*s/tests/kmod/" QUIRK ".ko",
		 (int)(strrchr(udrv, '/') - udrv), udrv);
	snprintf(parameters, sizeof(parameters), "device=%s %s", address, fault);
	fd = (int)MUST_OK(sys(open(path, O_RDONLY | O_CLOEXEC)));
	MUST_OK(sys(syscall(SYS_finit_module, fd, parameters, 0)));
	close(fd);
}

void device_unmark(void)
{
	syscall(SYS_delete_module, QUIRK, O_NONBLOCK);
}

uint32_t config_read(const char *address, unsigned int offset, unsigned int width)
{
	char path[PATH_SIZE];
	uint32_t value = 0;
	int fd;

	sysfs_path(path, address, "config");
	fd = (int)MUST_OK(sys(open(path, O_RDONLY | O_CLOEXEC)));
	MUST_EQUAL(MUST_OK(sys(pread(fd, &value, width, offset))), width);
	close(fd);
	return value;
}

int device_open(const char *address, int flags)
{
	char path[PATH_SIZE];

	snprintf(path, sizeof(path), UDRV_DIR "/%s", address);
	return (int)sys(open(path, flags | O_CLOEXEC));
}

int device_own(const char *address)
{
	if (!device_bound_to(address, "udrv"))
		MUST_OK(device_bind(address));
	return (int)MUST_OK(device_open(address, O_RDWR));
}

/* ----------------------------------------------------------------- commands */

int command(int fd, unsigned int number, void *argument)
{
	return (int)sys(ioctl(fd, number, argument));
}

int bus_master(int fd, unsigned int on)
{
	struct udrv_bus_master set = { .size = sizeof(set), .on = on };

	return command(fd, UDRV_BUS_MASTER, &set);
}

int reset(int fd)
{
	struct udrv_plain plain = { .size = sizeof(plain) };

	return command(fd, UDRV_RESET, &plain);
}

int release(int fd)
{
	struct udrv_plain plain = { .size = sizeof(plain) };

	return command(fd, UDRV_RELEASE, &plain);
}

struct udrv_info info(int fd)
{
	struct udrv_info get = { .size = sizeof(get) };

	MUST_OK(command(fd, UDRV_INFO, &get));
	return get;
}

struct udrv_region_info region_info(int fd, unsigned int index)
{
	struct udrv_region_info get = { .size = sizeof(get), .index = index };

	MUST_OK(command(fd, UDRV_REGION_INFO, &get));
	return get;
}

struct udrv_counters counters(int fd)
{
	struct udrv_counters get = { .size = sizeof(get) };

	MUST_OK(command(fd, UDRV_COUNTERS, &get));
	return get;
}

int reason_errno(int fd)
{
	struct udrv_reason get = { .size = sizeof(get) };

	MUST_OK(command(fd, UDRV_REASON, &get));
	return get.out_errno;
}

void must_reason(const char *file, int line, int fd, int error, const char *word)
{
	struct udrv_reason get = { .size = sizeof(get) };

	MUST_OK(command(fd, UDRV_REASON, &get));
	if (get.out_errno != error || !get.out_text[0] ||
	    !strstr(get.out_text, word))
		fail(file, line, "the reason is %d \"%s\", not %d with \"%s\"",
		     get.out_errno, get.out_text, error, word);
}

/* ------------------------------------------------------------------ mappings */

long try_map(int fd, uint64_t offset, size_t length, void **at)
{
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 (off_t)offset);

	if (map == MAP_FAILED)
		return -errno;
	if (at)
		*at = map;
	else
		munmap(map, length);
	return 0;
}

void *must_map(int fd, uint64_t offset, size_t length)
{
	void *map;

	MUST_OK(try_map(fd, offset, length, &map));
	return map;
}

volatile struct udrv_event_slot *map_events(int fd)
{
	return must_map(fd, UDRV_MMAP_EVENTS, 4096);
}

static atomic_bool unfollow;
static pthread_t follower;

static void *follow(void *data)
{
	volatile struct udrv_event_slot *slot = data;

	while (!unfollow)
		slot->seen = slot->count;
	return NULL;
}

void follow_events(int fd)
{
	MUST_EQUAL(pthread_create(&follower, NULL, follow,
				  (void *)(uintptr_t)map_events(fd)), 0);
}

void unfollow_events(void)
{
	unfollow = true;
	pthread_join(follower, NULL);
}

/* --------------------------------------------------------- register programs */

struct udrv_io_step step_read(int region, uint64_t offset, int width)
{
	return (struct udrv_io_step){
		.op = UDRV_OP_READ, .width = (__u8)width,
		.region = (__u8)region, .offset = offset,
	};
}

struct udrv_io_step step_write(int region, uint64_t offset, int width,
			       uint64_t value)
{
	return (struct udrv_io_step){
		.op = UDRV_OP_WRITE, .width = (__u8)width,
		.region = (__u8)region, .offset = offset, .value = value,
	};
}

struct udrv_io_step step_wait(int region, uint64_t offset, int width,
			      uint64_t mask, uint64_t value, uint32_t us)
{
	return (struct udrv_io_step){
		.op = UDRV_OP_WAIT, .width = (__u8)width,
		.region = (__u8)region, .offset = offset, .value = value,
		.mask_or_data = mask, .count = us,
	};
}

struct udrv_io_step step_string(int op, int region, uint64_t offset, int width,
				uint32_t count, void *data)
{
	return (struct udrv_io_step){
		.op = (__u8)op, .width = (__u8)width, .region = (__u8)region,
		.offset = offset, .count = count,
		.mask_or_data = (uintptr_t)data,
	};
}

int run_steps(int fd, struct udrv_io_step *steps, unsigned int count,
	      unsigned int *done)
{
	struct udrv_io io = {
		.size = sizeof(io), .steps = (uintptr_t)steps, .count = count,
		.step_size = sizeof(*steps), .out_done = ~0u,
	};
	int ret = command(fd, UDRV_IO, &io);

	if (done)
		*done = io.out_done;
	return ret;
}

int io_read(int fd, int region, uint64_t offset, int width, uint64_t *value)
{
	struct udrv_io_step step = step_read(region, offset, width);
	int ret = run_steps(fd, &step, 1, NULL);

	*value = step.out_value;
	return ret;
}

int io_write(int fd, int region, uint64_t offset, int width, uint64_t value)
{
	struct udrv_io_step step = step_write(region, offset, width, value);

	return run_steps(fd, &step, 1, NULL);
}

/* ---------------------------------------------------------------- interrupts */

int irq_setup(int fd, unsigned int kind, unsigned int vectors,
	      const struct udrv_irq_rule *rules, unsigned int count)
{
	struct udrv_irq_setup set = {
		.size = sizeof(set), .kind = kind, .vectors = vectors,
		.rules = count ? (uintptr_t)rules : 0, .rule_count = count,
		.rule_size = count ? sizeof(*rules) : 0,
	};

	return command(fd, UDRV_IRQ_SETUP, &set);
}

int irq_fd(int fd, unsigned int vector, unsigned int flags)
{
	struct udrv_irq_fd get = {
		.size = sizeof(get), .flags = flags, .vector = vector,
		.out_fd = -1,
	};
	int ret = command(fd, UDRV_IRQ_FD, &get);

	return ret ? ret : get.out_fd;
}

long irq_read(int fd, struct udrv_irq_event *event)
{
	long ret = sys(read(fd, event, sizeof(*event)));

	if (ret < 0)
		return ret;
	MUST_EQUAL(ret, sizeof(*event));
	return 0;
}

bool irq_pending(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	MUST_OK(sys(poll(&wait, 1, timeout_ms)));
	MUST_EQUAL(wait.revents & ~POLLIN, 0);
	return wait.revents & POLLIN;
}

void set_nonblock(int fd, bool on)
{
	int flags = (int)MUST_OK(sys(fcntl(fd, F_GETFL)));

	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	MUST_OK(sys(fcntl(fd, F_SETFL, flags)));
}

/* ----------------------------------------------------------------------- DMA */

int dma_batch(int fd, unsigned int number, struct udrv_dma *entries,
	      unsigned int count, unsigned int *done)
{
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .entries = (uintptr_t)entries,
		.count = count, .entry_size = sizeof(*entries), .out_done = ~0u,
	};
	int ret = command(fd, number, &batch);

	if (done)
		*done = batch.out_done;
	return ret;
}

int dma_alloc(int fd, size_t length, unsigned int width, struct udrv_dma *map)
{
	*map = (struct udrv_dma){
		.flags = UDRV_DMA_BOTH, .width = width, .length = length,
	};
	return dma_batch(fd, UDRV_DMA_ALLOC, map, 1, NULL);
}

int dma_map(int fd, void *memory, size_t length, unsigned int flags,
	    unsigned int width, struct udrv_dma *map)
{
	*map = (struct udrv_dma){
		.flags = flags, .width = width, .address = (uintptr_t)memory,
		.length = length,
	};
	return dma_batch(fd, UDRV_DMA_MAP, map, 1, NULL);
}

int dma_unmap(int fd, uint32_t id)
{
	struct udrv_dma map = { .id = id };

	return dma_batch(fd, UDRV_DMA_UNMAP, &map, 1, NULL);
}

int dma_sync(int fd, uint32_t id, uint64_t offset, uint64_t length,
	     unsigned int flags)
{
	struct udrv_dma map = {
		.id = id, .offset = offset, .length = length, .flags = flags,
	};

	return dma_batch(fd, UDRV_DMA_SYNC, &map, 1, NULL);
}

unsigned int dma_count(int fd)
{
	unsigned int done;

	MUST_OK(dma_batch(fd, UDRV_DMA_LIST, NULL, 0, &done));
	return done;
}
