// SPDX-License-Identifier: MIT
/* The file is the handle: passed on, kept across exec, used without privilege. */
#include "edu.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define PAGE 4096

static void drive(int fd)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = { .fd = fd, .bar = must_map(fd, 0, EDU_BAR_SIZE) };
	struct udrv_irq_event event;
	struct udrv_dma map;
	uint8_t *memory;

	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	MUST_OK(irq_setup(fd, UDRV_IRQ_MSI, 1, &rule, 1));
	MUST_OK(bus_master(fd, 1));
	edu_raise(&edu, 3);
	MUST_OK(irq_read(fd, &event));
	MUST_EQUAL(event.status, 3);
	MUST_OK(dma_alloc(fd, PAGE, 28, &map));
	memory = must_map(fd, map.out_mmap_offset, PAGE);
	memset(memory, 0x42, PAGE);
	edu_dma_in(&edu, map.out_iova, EDU_BUFFER_SIZE);
	memset(memory, 0, PAGE);
	edu_dma_out(&edu, map.out_iova, EDU_BUFFER_SIZE);
	MUST_EQUAL(memory[PAGE - 2], 0x42);
}

static int sockets[2];

static void pass_and_exit(void *unused)
{
	int fd = (int)MUST_OK(device_open(EDU, O_RDWR));

	(void)unused;
	MUST_OK(bus_master(fd, 1));
	MUST_OK(send_fd(sockets[0], fd));
}

static void receive_and_drive(void *passer)
{
	int fd;

	become_nobody();
	/* Not by itself... */
	MUST_ERROR(device_open(EDU, O_RDWR), EACCES);
	fd = receive_fd(sockets[1]);
	/* ...but with the file, also when whoever opened it is gone. */
	WAIT_FOR(kill(*(pid_t *)passer, 0));
	drive(fd);
}

static void passed_to_an_unprivileged_process(void)
{
	pid_t passer, driver;

	MUST_OK(device_bind(EDU));
	MUST_OK(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)));
	passer = spawn(pass_and_exit, NULL);
	driver = spawn(receive_and_drive, &passer);
	MUST_EQUAL(reap(passer), 0);
	MUST_EQUAL(reap(driver), 0);
	WAIT_FOR((passer = device_open(EDU, O_RDWR)) >= 0);
}

/* A file in a socket's buffer that nobody receives must not stay open. */
static void lost_in_a_socket(void)
{
	int fd = device_own(EDU);

	MUST_OK(sys(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets)));
	MUST_OK(send_fd(sockets[0], fd));
	close(fd);
	MUST_ERROR(device_open(EDU, O_RDWR), EBUSY);
	close(sockets[0]);
	close(sockets[1]);
	WAIT_FOR((fd = device_open(EDU, O_RDWR)) >= 0);
}

/* Forked children that drop their copy of the file have no part in it. */
static void forked_child_shares_the_file(void)
{
	int fd = device_own(EDU);
	pid_t pid = fork();

	if (!pid) {
		drive(fd);
		_exit(0);
	}
	MUST_EQUAL(reap(pid), 0);
	/* What the child set up is there still: one open, two holders. */
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_MSI);
	MUST_EQUAL(dma_count(fd), 1);
}

/* In the process that was exec'ed: the file came as a number. */
__attribute__((constructor))
static void after_exec(void)
{
	const char *fd = getenv("UDRV_TEST_FD");

	if (!fd)
		return;
	MUST_EQUAL(info(atoi(fd)).out_caps & UDRV_INFO_BUS_MASTER,
		   UDRV_INFO_BUS_MASTER);
	drive(atoi(fd));
	_exit(55);
}

static void kept_across_exec(void)
{
	int fd = device_own(EDU), closed;
	char number[16];
	pid_t pid;

	MUST_OK(bus_master(fd, 1));
	closed = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	pid = fork();
	if (!pid) {
		/* dup clears close-on-exec. */
		snprintf(number, sizeof(number), "%d", dup(fd));
		setenv("UDRV_TEST_FD", number, 1);
		execl("/proc/self/exe", "fork_pass_test", "after_exec", NULL);
		_exit(1);
	}
	close(fd);
	close(closed);
	MUST_EQUAL(reap(pid), 55);
	WAIT_FOR((fd = device_open(EDU, O_RDWR)) >= 0);
}

/* exec drops mappings and close-on-exec files, and so the device. */
static void exec_without_the_file_ends_it(void)
{
	int pipes[2];
	pid_t pid;
	char byte;

	MUST_OK(device_bind(EDU));
	MUST_OK(sys(pipe(pipes)));
	pid = fork();
	if (!pid) {
		struct edu edu = edu_open(EDU);

		MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
		MUST_EQUAL(write(pipes[1], "", 1), 1);
		execl("/bin/sleep", "sleep", "100", NULL);
		_exit(1);
	}
	MUST_EQUAL(read(pipes[0], &byte, 1), 1);
	WAIT_FOR(device_open(EDU, O_RDWR) >= 0);
	MUST_EQUAL(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	MUST_EQUAL(reap(pid), 128 + SIGKILL);
}

const struct test tests[] = {
	TEST(passed_to_an_unprivileged_process),
	TEST(lost_in_a_socket),
	TEST(forked_child_shares_the_file),
	TEST(kept_across_exec),
	TEST(exec_without_the_file_ends_it),
	{ NULL, NULL },
};
