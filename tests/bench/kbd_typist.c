// SPDX-License-Identifier: MIT
/* See kbd_typist.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/io.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "kbd_typist.h"

#define COMMAND		0x64
#define DATA		0x60
#define NOBODY		0x80	/* for diagnostics, and delays */
#define WRITE_OUTPUT	0xd2	/* the next byte is as if from the keyboard */
#define GAP_NS		1000000

static const unsigned char set_1[] = { 0x1d, 0x9d };
static const unsigned char set_2[] = { 0x14, 0xf0, 0x14 };

static pid_t typist;
static int orders = -1, reports = -1;

static void give(unsigned char byte, unsigned short command,
		 unsigned short data)
{
	const struct timespec gap = { 0, GAP_NS };

	nanosleep(&gap, NULL);
	outb(WRITE_OUTPUT, command);
	outb(byte, data);
}

static void type(unsigned int set, bool pretended)
{
	unsigned int count = set == 1 ? sizeof(set_1) : sizeof(set_2);
	const unsigned char *bytes = set == 1 ? set_1 : set_2;

	for (unsigned int i = 0; i < count; i++)
		give(bytes[i], pretended ? NOBODY : COMMAND,
		     pretended ? NOBODY : DATA);
	/* Whoever is slow to take the last byte is done before we are. */
	nanosleep(&(const struct timespec){ 0, GAP_NS }, NULL);
}

static void work(unsigned int set, int from, int to)
{
	char order;

	if (ioperm(DATA, 1, 1) || ioperm(COMMAND, 1, 1) || ioperm(NOBODY, 1, 1))
		_exit(1);
	prctl(PR_SET_TIMERSLACK, 1);
	while (read(from, &order, 1) == 1) {
		type(set, order == 'p');
		if (write(to, &order, 1) != 1)
			break;
	}
	_exit(0);
}

int typist_begin(unsigned int set)
{
	int order[2], report[2];

	if (pipe2(order, O_CLOEXEC))
		return bench_fail("pipe: %s", strerror(errno));
	orders = order[1];
	if (pipe2(report, O_CLOEXEC)) {
		close(order[0]);
		return bench_fail("pipe: %s", strerror(errno));
	}
	reports = report[0];
	typist = fork();
	if (!typist) {
		close(orders);
		close(reports);
		work(set, order[0], report[1]);
	}
	close(order[0]);
	close(report[1]);
	return typist < 0 ? bench_fail("fork: %s", strerror(errno)) : 0;
}

static void send(char order)
{
	if (write(orders, &order, 1) != 1)
		die("nobody types");
}

void typist_start(void)
{
	send('t');
}

void typist_pretend(void)
{
	send('p');
}

void typist_await(void)
{
	char report;

	if (read(reports, &report, 1) != 1)
		die("nobody types");
}

void typist_end(void)
{
	if (orders >= 0)
		close(orders);
	if (reports >= 0)
		close(reports);
	orders = reports = -1;
	if (typist > 0)
		waitpid(typist, NULL, 0);
	typist = 0;
}
