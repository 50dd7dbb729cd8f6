// SPDX-License-Identifier: MIT
/*
 * Drivers that gave up nearly every system call once they had their device:
 * what they need is read(), and memory that is mapped.
 */
#include "edu.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096
#define ROUNDS 20

static int answer[2];

struct driver {
	struct edu edu;
	struct udrv_dma map;
	uint8_t *memory;
};

static struct driver prepare(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct driver d;

	become_nobody();
	d.edu.fd = (int)MUST_OK(device_open(EDU, O_RDWR));
	d.edu.bar = must_map(d.edu.fd, 0, EDU_BAR_SIZE);
	edu_lower(&d.edu);
	MUST_OK(bus_master(d.edu.fd, 1));
	MUST_OK(irq_setup(d.edu.fd, UDRV_IRQ_MSI, 1, &rule, 1));
	MUST_OK(dma_alloc(d.edu.fd, PAGE, EDU_DMA_BITS, &d.map));
	d.memory = must_map(d.edu.fd, d.map.out_mmap_offset, PAGE);
	memset(d.memory, 0x7e, PAGE);
	return d;
}

/* A transfer with an interrupt, by read() and mapped memory alone. */
static bool transfer(struct driver *d, bool out)
{
	struct udrv_irq_event event;

	edu_write(&d->edu, EDU_DMA_SOURCE,
		  out ? EDU_BUFFER : (uint32_t)d->map.out_iova);
	edu_write(&d->edu, EDU_DMA_TARGET,
		  out ? (uint32_t)d->map.out_iova : EDU_BUFFER);
	edu_write(&d->edu, EDU_DMA_COUNT, EDU_BUFFER_SIZE);
	edu_write(&d->edu, EDU_DMA_COMMAND,
		  EDU_DMA_RUN | EDU_DMA_IRQ | (out ? EDU_DMA_OUT : 0));
	return read(d->edu.fd, &event, sizeof(event)) == sizeof(event) &&
	       event.status == 0x100;
}

static bool drive(struct driver *d)
{
	struct udrv_irq_event event;
	int i;

	for (i = 1; i <= ROUNDS; i++) {
		edu_raise(&d->edu, (uint32_t)i);
		if (read(d->edu.fd, &event, sizeof(event)) != sizeof(event) ||
		    event.status != (uint32_t)i)
			return false;
	}
	if (!transfer(d, false))
		return false;
	memset(d->memory, 0, PAGE);
	return transfer(d, true) && d->memory[0] == 0x7e;
}

/* glibc's _exit() is exit_group(), which strict mode does not know. */
static _Noreturn void leave(int status)
{
	syscall(SYS_exit, status);
	__builtin_unreachable();
}

static void drive_strictly(void *unused)
{
	struct driver d = prepare();

	(void)unused;
	MUST_OK(sys(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)));
	leave(drive(&d) && write(answer[1], "y", 1) == 1 ? 0 : 3);
}

static void give_it(void)
{
	MUST_OK(device_bind(EDU));
	MUST_OK(sys(chown(UDRV_DIR "/" EDU, NOBODY, NOBODY)));
	MUST_OK(sys(pipe2(answer, O_CLOEXEC | O_NONBLOCK)));
}

static void read_and_memory_are_enough(void)
{
	char byte;

	give_it();
	MUST_EQUAL(reap(spawn(drive_strictly, NULL)), 0);
	MUST_EQUAL(read(answer[0], &byte, 1), 1);
}

static void ask_for_more(void *unused)
{
	struct driver d = prepare();
	struct udrv_info get = { .size = sizeof(get) };

	(void)unused;
	MUST_OK(sys(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)));
	if (!drive(&d))
		leave(3);
	command(d.edu.fd, UDRV_INFO, &get);
	leave(4);
}

/* The end by a signal is an end like any other. */
static void killed_for_a_call_it_leaves_nothing(void)
{
	int observer;

	give_it();
	observer = (int)MUST_OK(device_open(EDU, O_RDONLY));
	MUST_EQUAL(reap(spawn(ask_for_more, NULL)), 128 + SIGKILL);
	WAIT_FOR(!(info(observer).out_caps & UDRV_INFO_OWNED));
	MUST_EQUAL(counters(observer).out_mapped_bytes, 0);
	MUST(!has_interrupt("udrv-"));
}

#define ALLOW	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)
#define IF(value) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 1)
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, \
			     offsetof(struct seccomp_data, field))

/* One command, and what the C library and a loop need; the rest is EACCES. */
static void allow_programs_only(void)
{
	static struct sock_filter filter[] = {
		LOAD(nr),
		IF(SYS_read), ALLOW,
		IF(SYS_write), ALLOW,
		IF(SYS_poll), ALLOW,
		IF(SYS_exit_group), ALLOW,
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		LOAD(args[1]),		/* its low half */
		IF(UDRV_IO), ALLOW,
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
	};
	const struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	MUST_OK(sys(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)));
	MUST_OK(sys(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)));
}

static void drive_by_programs(void *unused)
{
	struct driver d = prepare();
	struct udrv_dma map;
	uint64_t value;

	(void)unused;
	allow_programs_only();
	MUST(drive(&d));
	MUST_OK(io_read(d.edu.fd, 0, EDU_ID, 4, &value));
	MUST_EQUAL(value, EDU_ID_VALUE);
	MUST(!irq_pending(d.edu.fd, 0));
	MUST_ERROR(dma_map(d.edu.fd, d.memory, PAGE, UDRV_DMA_BOTH, 28, &map),
		   EACCES);
	MUST_ERROR(bus_master(d.edu.fd, 0), EACCES);
	MUST_ERROR(device_open(EDU, O_RDONLY), EACCES);
	/* What the module refuses, it refuses as ever. */
	MUST_ERROR(io_write(d.edu.fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
	MUST(drive(&d));
}

static void one_command_can_be_all_there_is(void)
{
	give_it();
	MUST_EQUAL(reap(spawn(drive_by_programs, NULL)), 0);
}

const struct test tests[] = {
	TEST(read_and_memory_are_enough),
	TEST(killed_for_a_call_it_leaves_nothing),
	TEST(one_command_can_be_all_there_is),
	{ NULL, NULL },
};
