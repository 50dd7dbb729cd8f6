// SPDX-License-Identifier: MIT
/*
 * The fuzzer's program, which is a test as all others are: guest-run judges it
 * by the kernel's log, and the harness by what is left.
 *
 * From the environment, for longer runs (kernel.mk):
 *	UDRV_FUZZ_SEED		the run's seed (1)
 *	UDRV_FUZZ_CALLS		ends after so many calls
 *	UDRV_FUZZ_SECONDS	or after so many seconds (20)
 *	UDRV_FUZZ_PROGRESS	a file that tells how it goes
 *	UDRV_FUZZ_KEPT		a file for the programs kept, by their lineage
 *	UDRV_FUZZ_REPLAY	runs one program, by its lineage
 *	UDRV_FUZZ_TIMES		so often (1), its threads racing if more than once
 */
#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

const char test_machines[] = "iommu";
const int test_seconds = 120;

struct run *run;

static FILE *progress, *kept;
static int kmsg;
static uint64_t started;

static uint64_t setting(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static FILE *named_file(const char *name)
{
	const char *path = getenv(name);

	return path && *path ? fopen(path, "we") : NULL;
}

/* ------------------------------------------------------------ how it goes */

static void tell(const char *what)
{
	double seconds = (double)(now_ms() - started) / 1000;
	char text[512];

	snprintf(text, sizeof(text),
		 "%s %.0f s: %llu calls (%.0f a second, %u%% refused), %u programs, %u edges, %u programs kept, %u upsets\n",
		 what, seconds, (unsigned long long)run->calls,
		 (double)run->calls / (seconds > 0 ? seconds : 1),
		 (unsigned int)(run->calls ? 100ull * run->failed / run->calls : 0),
		 run->number, run->edges, run->kept_count, run->upsets);
	if (progress)
		fputs(text, progress);
	else
		fputs(text, stdout);
}

static void tell_kept(unsigned int *told)
{
	char text[300];

	for (; kept && *told < run->kept_count && *told < FUZZ_CORPUS &&
	       run->kept[*told].ready; ++*told) {
		lineage_print(&run->kept[*told].program.lineage, text,
			      sizeof(text));
		fprintf(kept, "%s\n", text);
	}
	if (kept)
		fflush(kept);
}

/* Which programs ran when it happened; one of these, or what was before. */
static void tell_who(void)
{
	char text[300];
	int i;

	for (i = 0; i < FUZZ_WORKERS; i++) {
		lineage_print(&run->now[i], text, sizeof(text));
		printf("worker %d ran program %s of seed %u\n", i, text, run->seed);
		if (progress)
			fprintf(progress, "worker %d ran program %s of seed %u\n",
				i, text, run->seed);
	}
}

/* guest-run knows all complaints; these end a long run at once. */
static bool kernel_complained(void)
{
	static const char *const words[] = {
		"BUG:", "WARNING:", "KASAN:", "UBSAN:", "Oops", "ODEBUG:",
		"refcount_t:", "general protection", "possible circular",
		"possible recursive", "blocked for more than", "soft lockup",
		"nobody cared", "DMA-API: ", "corruption",
	};
	char record[8192];
	unsigned int i;
	ssize_t size;

	while ((size = read(kmsg, record, sizeof(record) - 1)) > 0 ||
	       (size < 0 && errno == EPIPE)) {
		if (size < 0)
			continue;
		record[size] = '\0';
		for (i = 0; i < ARRAY_SIZE(words); i++) {
			if (!strstr(record, words[i]))
				continue;
			printf("%s", strchr(record, ';') + 1);
			return true;
		}
	}
	return false;
}

/* ------------------------------------------------------------------ the run */

static void run_start(void)
{
	run = mmap(NULL, sizeof(*run), PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	MUST(run != MAP_FAILED);
	run->seed = (uint32_t)setting("UDRV_FUZZ_SEED", 1);
	run->threads = true;
	run->upset = true;
	progress = named_file("UDRV_FUZZ_PROGRESS");
	kept = named_file("UDRV_FUZZ_KEPT");
	if (progress)
		setvbuf(progress, NULL, _IOLBF, 0);
	kmsg = fd_keep((int)MUST_OK(sys(open("/dev/kmsg", O_RDONLY | O_NONBLOCK |
					     O_CLOEXEC))));
	lseek(kmsg, 0, SEEK_END);
	/* A fault ends a program, not the machine: who did it is to be told. */
	write_text("/proc/sys/kernel/panic_on_oops", "0");
	/* The console takes the time that the fuzzer wants; the log has all. */
	write_text("/proc/sys/kernel/printk", "3");
	write_text("/proc/sys/debug/exception-trace", "0");
	/* It is nice, so that here it never ends what it holds a lock for. */
	write_text("/sys/kernel/mm/transparent_hugepage/khugepaged/scan_sleep_millisecs",
		   "4294967295");
	targets_start();
	started = now_ms();
}

static pid_t process(void (*body)(void *), void *data)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	pid = fork();
	MUST_OK(sys(pid));
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent)
		body(data);
	_exit(0);
}

struct worker {
	int index;
	int all[2];
	const struct lineage *replay;
	uint64_t times;
};

static void worker_body(void *data)
{
	struct worker *w = data;

	worker_main(w->index, w->all, w->replay, w->times);
}

static void upset_body(void *data)
{
	(void)data;
	upset_main();
}

static unsigned int workers_start(pid_t *pids, const struct lineage *replay)
{
	struct worker w = { .times = ~0ull, .replay = replay };
	unsigned int count = 0;

	MUST_OK(sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, w.all)));
	w.all[0] = fd_keep(w.all[0]);
	w.all[1] = fd_keep(w.all[1]);
	if (replay) {
		w.times = setting("UDRV_FUZZ_TIMES", 1);
		run->threads = run->upset = w.times > 1;
		pids[count++] = process(worker_body, &w);
	} else {
		for (w.index = 0; w.index < FUZZ_WORKERS; w.index++)
			pids[count++] = process(worker_body, &w);
	}
	if (run->upset)
		pids[count++] = process(upset_body, NULL);
	close(w.all[0]);
	close(w.all[1]);
	return count;
}

/* A worker ends by itself in a replay only, or when it is told to. */
static bool somebody_ended(const struct lineage *replay)
{
	int status;

	if (waitpid(-1, &status, WNOHANG) <= 0)
		return false;
	if (status || !replay) {
		printf("a process of the fuzzer's ended: status %#x\n", status);
		tell_who();
		MUST(!"a process of the fuzzer's ended");
	}
	return true;
}

static void supervise(const struct lineage *replay)
{
	uint64_t seconds = setting("UDRV_FUZZ_SECONDS", 20);
	uint64_t calls = setting("UDRV_FUZZ_CALLS", ~0ull);
	unsigned int told = 0, turn = 0;

	if (calls != ~0ull && !getenv("UDRV_FUZZ_SECONDS"))
		seconds = ~0ull / 1000;
	while (run->calls < calls && now_ms() - started < seconds * 1000) {
		usleep(250000);
		if (kernel_complained()) {
			tell_who();
			run->stop = true;
			sleep(2);
			fail(__FILE__, __LINE__, "the kernel complained");
		}
		if (somebody_ended(replay))
			break;
		tell_kept(&told);
		if (++turn % 40 == 0) {
			tell("after");
			figure("fuzz-calls", run->calls);
		}
	}
	run->stop = true;
}

static void join(const pid_t *pids, unsigned int count)
{
	unsigned int i;
	int status;

	for (i = 0; i < count; i++) {
		status = 0;
		WAIT_FOR(waitpid(pids[i], &status, WNOHANG));
		MUST_EQUAL(status, 0);
	}
}

static void tell_end(void)
{
	static const char *const names[CALL_KINDS] = {
		"open", "close", "dup", "fcntl", "read", "poll", "epoll", "odd",
		"mmap", "touch", "munmap", "change", "send", "receive", "fork",
		"info", "region", "counters", "reason", "master", "reset",
		"release", "number", "io", "raise", "setup", "vector", "alloc",
		"map", "sync", "unmap", "list", "control", "add", "remove", "get",
	};
	unsigned int i;

	tell("done");
	figure("fuzz-calls", run->calls);
	if (!progress)
		return;
	for (i = 0; i < CALL_KINDS; i++)
		fprintf(progress, "%-10s %8u times\n", names[i], run->by_kind[i]);
	for (i = 0; i < ARRAY_SIZE(run->by_error); i++)
		if (run->by_error[i])
			fprintf(progress, "%-16s %8u times\n",
				strerrorname_np((int)i), run->by_error[i]);
}

static void no_program_brings_a_complaint(void)
{
	const char *text = getenv("UDRV_FUZZ_REPLAY");
	struct lineage one, *replay = NULL;
	pid_t pids[FUZZ_WORKERS + 1];
	unsigned int count;

	/* Blindly, where that is asked for. */
	if (!cover_available() && !getenv("UDRV_FUZZ_SECONDS") &&
	    !getenv("UDRV_FUZZ_CALLS"))
		skip("this kernel has no KCOV");
	if (text && *text) {
		MUST(lineage_parse(&one, text));
		replay = &one;
	}
	run_start();
	count = workers_start(pids, replay);
	supervise(replay);
	join(pids, count);
	tell_end();
	MUST_EQUAL(run->sigbus, 0);
	MUST(run->calls > 0);
}

const struct test tests[] = {
	TEST(no_program_brings_a_complaint),
	{ NULL, NULL }
};
