/* SPDX-License-Identifier: MIT */
/*
 * What every test program is made of.  A program defines test_machines,
 * test_seconds and tests[]; main() is in harness.c.
 *
 * A test runs in a process of its own.  When that is dead, whoever ran it
 * checks that nothing of it is left - interrupts, bus mastering, pinned pages,
 * references to the module - and unbinds every device, so that all tests start
 * from the same state: the module loaded, nothing bound.
 *
 * Functions that can be refused return -errno.  MUST...() ends the test.
 */
#ifndef HARNESS_H
#define HARNESS_H

#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

struct test {
	const char *name;
	void (*run)(void);
};
#define TEST(function) { #function, function }

extern const char test_machines[];	/* that the tests are for */
extern const int test_seconds;		/* a test may take; 3 times that on
					 * the debug kernel
					 */
extern const struct test tests[];	/* ends with a name of NULL */

__attribute__((noreturn, format(printf, 3, 4)))
void fail(const char *file, int line, const char *format, ...);
__attribute__((noreturn, format(printf, 1, 2)))
void skip(const char *format, ...);

/*
 * A number that a reader of the results should see: guest-run passes it on as
 * soon as it is said.  Said again as it grows; the last one counts.
 */
void figure(const char *name, uint64_t value);
/* The same of what the tests of a boot do together. */
void figure_add(const char *name, uint64_t value);

/* -errno of a C library call that returned -1, else what it returned. */
long sys(long result);

long must_ok(const char *file, int line, const char *text, long result);
void must_error(const char *file, int line, const char *text, long result,
		int error);
void must_equal(const char *file, int line, const char *text, uint64_t got,
		uint64_t wanted);

#define MUST(condition)							\
	do {								\
		if (!(condition))					\
			fail(__FILE__, __LINE__, "not true: %s", #condition); \
	} while (0)
#define MUST_OK(call)	must_ok(__FILE__, __LINE__, #call, call)
#define MUST_ERROR(call, error)						\
	must_error(__FILE__, __LINE__, #call, call, error)
#define MUST_EQUAL(got, wanted)						\
	must_equal(__FILE__, __LINE__, #got, (uint64_t)(got), (uint64_t)(wanted))

/* Bounds are only there to end a hang: slow machines must not fail. */
#define WAIT_MS 20000
#define WAIT_FOR(condition)						\
	do {								\
		uint64_t wait_end_ = now_ms() + WAIT_MS;		\
		while (!(condition)) {					\
			if (now_ms() > wait_end_)			\
				fail(__FILE__, __LINE__,		\
				     "did not happen in %d s: %s",	\
				     WAIT_MS / 1000, #condition);	\
			usleep(500);					\
		}							\
	} while (0)

/*
 * In a loop that waits for an interrupt.  QEMU has processors that run in turn
 * change places at a PAUSE; else each runs on for up to a tenth of a second.
 */
static inline void let_others_run(void)
{
	sched_yield();
	__builtin_ia32_pause();
}

uint64_t now_ns(void);		/* CLOCK_MONOTONIC */
uint64_t now_ms(void);
bool debug_kernel(void);
int fewer(int plain, int debug);	/* iterations, by kernel */
bool on_machine(const char *name);

/* Processes.  A child that fails a MUST exits 1, one that skips 77. */
pid_t spawn(void (*run)(void *), void *data);
int reap(pid_t pid);		/* exit status; 128 + signal */
#define NOBODY 65534
void become(unsigned int user);	/* its uid and gid, no capabilities */
void become_nobody(void);
int send_fd(int socket, int fd);
int receive_fd(int socket);

/* Files, whole.  read_text() returns bytes. */
long read_text(const char *path, char *to, size_t size);
long write_text(const char *path, const char *text);

/* What the kernel counts. */
long vmstat(const char *name);
long pinned_pages(void);
uint64_t interrupts_of(const char *name);	/* /proc/interrupts, all CPUs */
bool has_interrupt(const char *name);
void log_start(void);
bool logged(const char *text);	/* by the kernel since the test began */
int logged_times(const char *text);
const char *log_text(void);	/* all of it; the caller's to read only */

/* The module. */
int module_load(const char *parameters);
int module_unload(void);
bool module_loaded(void);
int module_references(void);
void module_parameter(const char *name, const char *value);

/* The host: a QMP command; waiting for an event of QEMU's. */
void host_qmp(const char *command);
void host_event(const char *name);

#endif
