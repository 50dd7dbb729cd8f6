// SPDX-License-Identifier: MIT
/* Running one test, judging it, and cleaning up after it. */
#include "harness.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "declare.h"
#include "device.h"

#define SKIPPED 77
#define DRIVER_DIR "/sys/bus/pci/drivers/udrv"
#define COMMAND_REGISTER 4
#define COMMAND_MASTER 4

/* ------------------------------------------------------------------- checks */

void fail(const char *file, int line, const char *format, ...)
{
	const char *name = strrchr(file, '/');
	char text[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	printf("%s:%d: %s\n", name ? name + 1 : file, line, text);
	fflush(stdout);
	_exit(1);
}

void skip(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
	fflush(stdout);
	_exit(SKIPPED);
}

void figure(const char *name, uint64_t value)
{
	printf("figure %s %llu\n", name, (unsigned long long)value);
	fflush(stdout);
}

void figure_add(const char *name, uint64_t value)
{
	char path[128], text[32] = "";

	snprintf(path, sizeof(path), "/run/udrv-figure-%s", name);
	read_text(path, text, sizeof(text));
	value += strtoull(text, NULL, 10);
	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	close((int)MUST_OK(sys(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644))));
	MUST_OK(write_text(path, text));
	figure(name, value);
}

long sys(long result)
{
	return result == -1 ? -errno : result;
}

long must_ok(const char *file, int line, const char *text, long result)
{
	if (result < 0 && result > -4096)
		fail(file, line, "%s: %s", text, strerror((int)-result));
	return result;
}

void must_error(const char *file, int line, const char *text, long result,
		int error)
{
	if (result >= 0 || result < -4095)
		fail(file, line, "%s: returned %ld, not error %s", text, result,
		     strerrorname_np(error));
	if (result != -error)
		fail(file, line, "%s: error %s, not %s", text,
		     strerrorname_np((int)-result), strerrorname_np(error));
}

void must_equal(const char *file, int line, const char *text, uint64_t got,
		uint64_t wanted)
{
	if (got != wanted)
		fail(file, line, "%s is %#llx (%lld), not %#llx (%lld)", text,
		     (unsigned long long)got, (long long)got,
		     (unsigned long long)wanted, (long long)wanted);
}

/* --------------------------------------------------------------- where we are */

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

bool debug_kernel(void)
{
	const char *kernel = getenv("UDRV_KERNEL");

	return (kernel && !strcmp(kernel, "debug")) || getenv("UDRV_DEBUG");
}

int fewer(int plain, int debug)
{
	return debug_kernel() ? debug : plain;
}

bool on_machine(const char *name)
{
	const char *machine = getenv("UDRV_MACHINE");

	return !strcmp(machine ? machine : "iommu", name);
}

/* ------------------------------------------------------ before and after a test */

/* Calls @each for every device the module is bound to. */
static void each_bound(void (*each)(const char *address))
{
	DIR *dir = opendir(DRIVER_DIR);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, "0000:", 5))
			each(entry->d_name);
	closedir(dir);
}

static void check_quiet(const char *address)
{
	WAIT_FOR(!(config_read(address, COMMAND_REGISTER, 2) & COMMAND_MASTER));
}

static void unbind(const char *address)
{
	device_unbind(address);
}

static void clean_up(void)
{
	each_bound(unbind);
	device_unmark();
	undeclare_all();
	module_parameter("allow_unsafe_interrupts", "N");
	module_parameter("enable_unsafe_dma_without_iommu", "N");
}

/* Nothing of a test may outlive it. */
static void check_nothing_left(long pinned)
{
	each_bound(check_quiet);
	WAIT_FOR(!has_interrupt("udrv-"));
	clean_up();
	WAIT_FOR(module_references() <= 0);
	WAIT_FOR(pinned_pages() == pinned);
}

static int run_test(const struct test *test)
{
	long pinned;
	int status;
	pid_t pid;

	setvbuf(stdout, NULL, _IOLBF, 0);
	clean_up();
	pinned = pinned_pages();
	log_start();
	pid = fork();
	if (!pid) {
		test->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFSIGNALED(status))
		printf("killed by signal %d (%s)\n", WTERMSIG(status),
		       strsignal(WTERMSIG(status)));
	if (!status || (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED))
		check_nothing_left(pinned);
	else
		clean_up();
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* What guest-run asks for. */
static int about(void)
{
	const struct test *test;

	printf("%s\n%d\n", test_machines, test_seconds);
	for (test = tests; test->name; test++)
		printf("%s\n", test->name);
	return 0;
}

int main(int argc, char **argv)
{
	const struct test *test;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "--about"))
		return about();
	for (test = tests; test->name; test++)
		if (!strcmp(argv[1], test->name))
			return run_test(test);
	printf("no test %s\n", argv[1]);
	return 2;
}
