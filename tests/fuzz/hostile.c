// SPDX-License-Identifier: MIT
/* See hostile.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "hostile.h"

#define ACCESS_NS	500
#define CALL_NS		10000
#define LAST_WRITES	64		/* registers of which it is known */
#define SLOTS		(sizeof(hostile.slots) / sizeof(hostile.slots[0]))

struct hostile hostile;

static uint8_t last_written[8][LAST_WRITES];

void hostile_begin(const uint8_t *data, size_t size)
{
	/* For drivers that close it. */
	if (fcntl(HOSTILE_FD, F_GETFD) < 0) {
		int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

		CHECK(dup2(file, HOSTILE_FD) == HOSTILE_FD);
		close(file);
	}
	memset(&hostile, 0, sizeof(hostile));
	memset(last_written, 0, sizeof(last_written));
	hostile.at = data;
	hostile.end = data + size;
	hostile.now = 1000000000;
	hostile.most_calls = 200000;
}

void hostile_end(void)
{
	for (unsigned i = 0; i < HOSTILE_BUFFERS; i++)
		CHECK(!hostile.buffer[i].address);
}

bool hostile_over(void)
{
	return hostile.at == hostile.end;
}

uint8_t hostile_byte(void)
{
	return hostile_over() ? 0xff : *hostile.at++;
}

uint64_t hostile_bytes(unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)hostile_byte() << (8 * i);
	return value;
}

static void pass(uint64_t ns)
{
	CHECK(++hostile.calls < hostile.most_calls);
	hostile.now += ns;
	if (hostile.pass)
		hostile.pass();
}

/* ------------------------------------------------------------ register programs */

/* By its upper bits: what a good device says, what follows, itself. */
static uint64_t answer(const struct udrv_io_step *step)
{
	uint8_t how = hostile_byte();

	if (!(how & 0x80) && hostile.good)
		return hostile.good(step);
	if (!(how & 0x80))
		return step->offset < LAST_WRITES ?
		       last_written[step->region % 8][step->offset] : how;
	if (!(how & 0x40))
		return hostile_bytes(step->width);
	return how == 0xff ? ~0ull >> (64 - 8 * step->width) : how & 0x3f;
}

static void move_string(const struct udrv_io_step *step)
{
	size_t bytes = (size_t)step->count * step->width;
	uint8_t *at = (uint8_t *)(uintptr_t)step->mask_or_data, sum = 0;

	if (step->op == UDRV_OP_WRITE_STRING) {
		for (size_t i = 0; i < bytes; i++)
			sum = (uint8_t)(sum + at[i]);
		last_written[0][0] = sum;	/* so that all is read */
	} else if (!hostile.read || !hostile.read(step, at)) {
		memset(at, hostile_byte(), bytes);
	}
}

static int run_step(struct udrv_io_step *step)
{
	pass(ACCESS_NS);
	switch (step->op) {
	case UDRV_OP_READ:
		step->out_value = answer(step);
		return 0;
	case UDRV_OP_WRITE:
		if (step->offset < LAST_WRITES)
			last_written[step->region % 8][step->offset] =
				(uint8_t)step->value;
		if (hostile.write)
			hostile.write(step);
		return 0;
	case UDRV_OP_DELAY:
		pass(step->count * 1000ull);
		return 0;
	case UDRV_OP_WAIT:
		step->out_value = answer(step);
		if ((step->out_value & step->mask_or_data) == step->value)
			return 0;
		if (!hostile_over() && hostile_byte() & 3) {
			step->out_value &= ~step->mask_or_data;
			step->out_value |= step->value;
			return 0;
		}
		pass(step->count * 1000ull);
		return ETIMEDOUT;
	default:
		move_string(step);
		return 0;
	}
}

static void check_program(const struct udrv_io_step *steps, unsigned count)
{
	uint64_t wait = 0, bytes = 0;

	CHECK(count && count <= UDRV_IO_MAX_STEPS);
	for (unsigned i = 0; i < count; i++) {
		const struct udrv_io_step *step = &steps[i];

		if (step->op == UDRV_OP_DELAY || step->op == UDRV_OP_WAIT)
			wait += step->count;
		if (step->op == UDRV_OP_READ_STRING ||
		    step->op == UDRV_OP_WRITE_STRING)
			bytes += (uint64_t)step->count * step->width;
		if (step->op != UDRV_OP_DELAY)
			CHECK(step->region < 8 && step->offset + step->width <=
			      hostile.region_size[step->region]);
	}
	CHECK(wait <= UDRV_IO_MAX_WAIT_US && bytes <= UDRV_IO_MAX_STRING);
}

int usr_io(int fd, struct udrv_io_step *steps, unsigned count, unsigned *done)
{
	unsigned i;

	CHECK(fd == HOSTILE_FD);
	check_program(steps, count);
	for (i = 0; i < count; i++) {
		errno = run_step(&steps[i]);
		if (errno)
			break;
	}
	if (done)
		*done = i;
	return i < count ? -1 : 0;
}

int usr_io_read(int fd, unsigned region, uint64_t offset, unsigned width,
		uint64_t *value)
{
	struct udrv_io_step step = usr_step_read(region, offset, width);

	if (usr_io(fd, &step, 1, NULL))
		return -1;
	*value = step.out_value;
	return 0;
}

int usr_io_write(int fd, unsigned region, uint64_t offset, unsigned width,
		 uint64_t value)
{
	struct udrv_io_step step = usr_step_write(region, offset, width, value);

	return usr_io(fd, &step, 1, NULL);
}

/* -------------------------------------------------------------- the device */

int usr_info(int fd, struct udrv_info *info)
{
	CHECK(fd == HOSTILE_FD);
	*info = hostile.info;
	return 0;
}

int usr_region_info(int fd, unsigned index, struct udrv_region_info *info)
{
	CHECK(fd == HOSTILE_FD && index < 8);
	*info = (struct udrv_region_info) {
		.out_size = hostile.region_size[index],
		.out_kind = hostile.region_kind,
	};
	return 0;
}

void *usr_region_map(int fd, unsigned index, uint64_t offset, size_t length,
		     unsigned flags)
{
	(void)index;
	(void)offset;
	(void)length;
	(void)flags;
	CHECK(fd == HOSTILE_FD);
	return hostile.registers;
}

int usr_region_unmap(void *address, size_t length)
{
	(void)address;
	(void)length;
	return 0;
}

int usr_open(const char *name, int flags)
{
	(void)name;
	(void)flags;
	errno = ENODEV;
	return -1;
}

int usr_bus_master(int fd, bool on)
{
	(void)on;
	CHECK(fd == HOSTILE_FD);
	return 0;
}

/* ------------------------------------------------------------------ its memory */

int usr_dma_alloc(int fd, size_t length, unsigned width, struct usr_dma *dma)
{
	unsigned i = 0;

	(void)width;
	while (hostile.buffer[i].address)
		i++;
	CHECK(fd == HOSTILE_FD && i < HOSTILE_BUFFERS);
	*dma = (struct usr_dma) {
		.address = malloc(length), .iova = (i + 1) << 20, .length = length,
		.id = i,
	};
	CHECK(dma->address && length < 1u << 20);
	memset(dma->address, 0x5a, length);
	hostile.buffer[i] = *dma;
	return 0;
}

int usr_dma_map(int fd, void *address, size_t length, unsigned direction,
		unsigned width, struct usr_dma *dma)
{
	(void)direction;
	(void)width;
	CHECK(fd == HOSTILE_FD);
	*dma = (struct usr_dma) {
		.address = address, .iova = 0x40000000, .length = length,
	};
	return 0;
}

int usr_dma_unmap(int fd, const struct usr_dma *dma)
{
	CHECK(fd == HOSTILE_FD && dma->length);
	return 0;
}

int usr_dma_batch(int fd, unsigned long command, struct udrv_dma *entries,
		  unsigned count, unsigned *done)
{
	(void)fd;
	(void)command;
	(void)entries;
	(void)count;
	(void)done;
	errno = EINVAL;
	return -1;
}

int usr_dma_list(int fd, struct udrv_dma *entries, unsigned capacity,
		 unsigned *total)
{
	(void)entries;
	(void)capacity;
	CHECK(fd == HOSTILE_FD);
	*total = 0;
	return 0;
}

int usr_dma_adopt(int fd, uint32_t id, struct usr_dma *dma)
{
	(void)fd;
	(void)id;
	(void)dma;
	errno = ENOENT;
	return -1;
}

int usr_dma_free(int fd, const struct usr_dma *dma)
{
	CHECK(fd == HOSTILE_FD && dma->id < HOSTILE_BUFFERS &&
	      dma->address == hostile.buffer[dma->id].address);
	free(dma->address);
	hostile.buffer[dma->id].address = NULL;
	return 0;
}

/* ------------------------------------------------------------------ interrupts */

int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
		  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	(void)kind;
	(void)vectors;
	(void)rules;
	(void)rule_count;
	CHECK(fd == HOSTILE_FD);
	return 0;
}

int usr_irq_fd(int fd, unsigned vector, unsigned flags)
{
	(void)flags;
	CHECK(fd == HOSTILE_FD);
	(void)vector;
	return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

volatile struct udrv_event_slot *usr_event_map(int fd, unsigned vectors)
{
	CHECK(fd == HOSTILE_FD && vectors <= SLOTS);
	return hostile.slots;
}

int usr_event_unmap(volatile struct udrv_event_slot *slots, unsigned vectors)
{
	(void)slots;
	(void)vectors;
	return 0;
}

int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms)
{
	uint8_t how = hostile_byte();

	pass(CALL_NS);
	if (!hostile_over() && how & 1) {
		*event = (struct udrv_irq_event) {
			.count = how >> 1,
			.status = (uint32_t)hostile_bytes(2), .time_ns = hostile.now,
		};
		return 0;
	}
	/* The files beside the device's own do not block. */
	if (timeout_ms < 0)
		CHECK(fd != HOSTILE_FD);
	else
		pass((uint64_t)timeout_ms * 1000000);
	errno = timeout_ms < 0 ? EAGAIN : ETIMEDOUT;
	return -1;
}

int hostile_poll(struct pollfd *files, nfds_t count, int timeout_ms)
{
	int ready = 0;

	CHECK(timeout_ms >= 0);
	pass(CALL_NS);
	for (nfds_t i = 0; i < count; i++) {
		files[i].revents = !hostile_over() && hostile_byte() & 1 ? POLLIN : 0;
		ready += files[i].revents != 0;
	}
	if (!ready)
		pass((uint64_t)timeout_ms * 1000000);
	return ready;
}

/* ------------------------------------------------------------------------ time */

int hostile_clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	pass(CALL_NS);
	*now = (struct timespec) {
		(time_t)(hostile.now / 1000000000), (long)(hostile.now % 1000000000),
	};
	return 0;
}

int hostile_nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	pass((uint64_t)time->tv_sec * 1000000000 + (uint64_t)time->tv_nsec);
	return 0;
}
