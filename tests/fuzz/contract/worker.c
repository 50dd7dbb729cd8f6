// SPDX-License-Identifier: MIT
/*
 * A worker: a process that lives through the whole run, with the threads that
 * programs race in.  After each program all of it is closed and unmapped.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define KEPT_FDS 512		/* what programs have is below */
#define MEMLOCK (48u << 20)	/* of all together: it is counted by user */

static struct place place;
static struct actor actors[FUZZ_THREADS];
static struct program program;
static pthread_barrier_t go, done;

int fd_keep(int fd)
{
	int kept = (int)MUST_OK(sys(fcntl(fd, F_DUPFD_CLOEXEC, KEPT_FDS)));

	close(fd);
	return kept;
}

/* ------------------------------------------------------------------ signals */

static void on_alarm(int signal)
{
	(void)signal;
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	if (!self || !self->may_fault) {
		signal(number, SIG_DFL);
		return;
	}
	/* What is unmapped meanwhile is SIGSEGV; a register is never SIGBUS. */
	if (number == SIGBUS && self->bar && !self->place->racing)
		run->sigbus++;
	siglongjmp(self->fault, 1);
}

void signals_start(void)
{
	struct sigaction alarm = { .sa_handler = on_alarm };
	struct sigaction fault = {
		.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER,
	};

	sigaction(SIGUSR1, &alarm, NULL);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	signal(SIGPIPE, SIG_IGN);
}

/* Again and again: it may come before the call does. */
void alarm_set(unsigned int us)
{
	struct itimerspec when = {
		.it_value = { .tv_nsec = us * 1000l },
		.it_interval = { .tv_nsec = us ? 2000000 : 0 },
	};

	timer_settime(self->timer, 0, &when, NULL);
}

static void alarm_start(struct actor *a)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1,
	};

	event._sigev_un._tid = gettid();
	MUST_OK(sys(timer_create(CLOCK_MONOTONIC, &event, &a->timer)));
}

/* ------------------------------------------------------------------- memory */

static void *anywhere(size_t size, int protection, int flags, int fd)
{
	void *at = mmap(NULL, size, protection, flags, fd, 0);

	MUST(at != MAP_FAILED);
	return at;
}

static void arguments_start(struct actor *a)
{
	int fd = memfd_create("arguments", MFD_CLOEXEC);

	MUST_OK(sys(ftruncate(fd, FUZZ_ARGUMENTS)));
	/* A page after each that is not there. */
	a->writable = anywhere(FUZZ_ARGUMENTS + FUZZ_PAGE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	a->readable = anywhere(FUZZ_ARGUMENTS + FUZZ_PAGE, PROT_NONE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1);
	MUST(mmap(a->writable, FUZZ_ARGUMENTS, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) != MAP_FAILED);
	MUST(mmap(a->readable, FUZZ_ARGUMENTS, PROT_READ,
		  MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0) != MAP_FAILED);
	close(fd);
}

/* See memory_address(). */
static void memory_start(void)
{
	int shared = memfd_create("shared", MFD_CLOEXEC);
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	char *at;

	MUST_OK(sys(ftruncate(shared, 2u << 20)));
	at = anywhere(FUZZ_MEMORY, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	MUST(mmap(at, 4u << 20, PROT_READ | PROT_WRITE,
		  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED);
	MUST(mmap(at + (4u << 20), 2u << 20, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, shared, 0) != MAP_FAILED);
	MUST(mmap(at + (6u << 20), 1u << 20, PROT_READ,
		  MAP_PRIVATE | MAP_FIXED, file, 0) != MAP_FAILED);
	place.memory = at;
	/* What is done to the last of them may go beyond it. */
	place.map_base = anywhere((size_t)FUZZ_MAP_BYTES * (FUZZ_MAPS + 2),
				  PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS |
				  MAP_NORESERVE, -1);
	close(shared);
	close(file);
}

/* ----------------------------------------------------------------- programs */

static void make_place(const struct program *p)
{
	unsigned int i;

	place.t = &targets[p->device];
	for (i = 0; i < FUZZ_FDS; i++)
		place.fds[i] = -1;
	for (i = 0; i < FUZZ_MAPS; i++)
		place.maps[i].kind = MAP_NONE;
	for (i = 0; i < FUZZ_IDS; i++)
		place.ids[i] = 1 + i % 4;
	place.epoll = epoll_create1(EPOLL_CLOEXEC);
}

static void close_in_flight(int socket, unsigned int most)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec data = { &byte, 1 };
	int fd;

	while (most--) {
		struct msghdr message = {
			.msg_iov = &data, .msg_iovlen = 1,
			.msg_control = &control,
			.msg_controllen = sizeof(control),
		};

		if (recvmsg(socket, &message, MSG_DONTWAIT) != 1)
			return;
		if (message.msg_controllen < sizeof(control))
			continue;
		memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
		close(fd);
	}
}

/* The addresses stay ours: else a library's memory may come to be there. */
static void clear_maps(void)
{
	if (!place.remapped)
		return;
	place.remapped = 0;
	MUST(mmap(place.map_base, (size_t)FUZZ_MAP_BYTES * (FUZZ_MAPS + 2),
		  PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		  MAP_FIXED, -1, 0) != MAP_FAILED);
}

static void clear_place(void)
{
	unsigned int i;

	/* Either may be the last reference. */
	if (program.count & 1)
		clear_maps();
	for (i = 0; i < FUZZ_FDS; i++)
		put_fd(i, -1);
	close(place.epoll);
	if (!(program.count & 1))
		clear_maps();
	close_in_flight(place.own[1], 64);
	if (!(program.count & 2))
		close_in_flight(place.all[1], 2);
}

static void run_calls(uint32_t first, uint32_t last, bool all)
{
	uint32_t i;

	for (i = first; i < last && !run->stop; i++)
		if (all || program.calls[i].thread == self->index)
			call_run(&program.calls[i]);
}

/* For whoever reads the kernel's complaint. */
static void say_who(void)
{
	char name[16];

	snprintf(name, sizeof(name), "f%u",
		 program.lineage.number[program.lineage.depth - 1]);
	prctl(PR_SET_NAME, name);
}

static void run_program(void)
{
	uint32_t alone = program.alone < program.count ? program.alone :
							 program.count;
	bool fresh = false;
	unsigned int i;

	say_who();
	make_place(&program);
	place.racing = program.threads > 1 && run->threads;
	for (i = 0; i < FUZZ_THREADS; i++)
		cover_reset(&actors[i]);
	run_calls(0, 1, true);
	/* Somebody else has the device: what is left is soon tried. */
	if (place.fds[0] < 0) {
		run_calls(1, program.count < 12 ? program.count : 12, true);
	} else if (place.racing) {
		run_calls(1, alone, true);
		pthread_barrier_wait(&go);
		run_calls(alone, program.count, false);
		pthread_barrier_wait(&done);
	} else {
		run_calls(1, program.count, true);
	}
	clear_place();
	for (i = 0; i < (place.racing ? FUZZ_THREADS : 1); i++)
		fresh |= cover_merge(&actors[i]);
	if (fresh)
		keep(&program);
}

/* ------------------------------------------------------------------ threads */

static void actor_start(int index)
{
	struct actor *a = &actors[index];

	self = a;
	a->place = &place;
	a->index = index;
	alarm_start(a);
	arguments_start(a);
	cover_start(a);
	cover_enable(a);
}

static void *actor_main(void *data)
{
	actor_start((int)(intptr_t)data);
	pthread_barrier_wait(&done);
	for (;;) {
		pthread_barrier_wait(&go);
		say_who();
		run_calls(program.alone, program.count, false);
		pthread_barrier_wait(&done);
	}
	return NULL;
}

/* Memory is limited, also to root; one worker is nobody. */
static void drop_privileges(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	struct rlimit limit = { MEMLOCK, MEMLOCK };

	MUST_OK(sys(setrlimit(RLIMIT_MEMLOCK, &limit)));
	MUST_OK(sys(syscall(SYS_capget, &header, data)));
	data[0].effective &= ~(1u << CAP_IPC_LOCK);
	data[0].permitted &= ~(1u << CAP_IPC_LOCK);
	MUST_OK(sys(syscall(SYS_capset, &header, data)));
}

/*
 * Half of the workers keep to one processor: what they unmap need not be told to
 * another, which takes longer than all else they do, and they get on.
 */
static void keep_to_one(int index)
{
	cpu_set_t cpus;

	if (index % 2)
		return;
	CPU_ZERO(&cpus);
	CPU_SET(index / 2 % (int)sysconf(_SC_NPROCESSORS_ONLN), &cpus);
	MUST_OK(sys(sched_setaffinity(0, sizeof(cpus), &cpus)));
}

static void worker_start(int index, const int all[2])
{
	pthread_t thread;
	intptr_t i;

	keep_to_one(index);
	signals_start();
	drop_privileges();
	place.worker = index;
	place.all[0] = all[0];
	place.all[1] = all[1];
	MUST_OK(sys(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0,
			       place.own)));
	place.own[0] = fd_keep(place.own[0]);
	place.own[1] = fd_keep(place.own[1]);
	memory_start();
	pthread_barrier_init(&go, NULL, FUZZ_THREADS);
	pthread_barrier_init(&done, NULL, FUZZ_THREADS);
	for (i = 1; i < FUZZ_THREADS; i++)
		MUST(!pthread_create(&thread, NULL, actor_main, (void *)i));
	actor_start(0);
	pthread_barrier_wait(&done);
	if (index == FUZZ_WORKERS - 1)
		become_nobody();
}

/* A new one, or what one becomes that got somewhere new. */
static void choose(uint32_t number)
{
	uint64_t state = (uint64_t)number << 32 | run->seed;
	uint32_t kept = run->kept_count;
	struct kept *from;

	if (kept > FUZZ_CORPUS)
		kept = FUZZ_CORPUS;
	if (!kept || !random_below(&state, 4)) {
		program_make(&program, run->seed, number);
		return;
	}
	/* Half of them among the last that were kept. */
	from = &run->kept[random_below(&state, 2) || kept < 64 ?
			  random_below(&state, kept) :
			  kept - 1 - random_below(&state, 64)];
	if (!from->ready) {
		program_make(&program, run->seed, number);
		return;
	}
	program = from->program;
	program_mutate(&program, number, run->seed);
}

void worker_main(int index, const int all[2], const struct lineage *replay,
		 uint64_t times)
{
	atomic_uint *busy;
	bool mine;

	worker_start(index, all);
	while (!run->stop && times--) {
		if (replay)
			program_from_lineage(&program, replay, run->seed);
		else
			choose(atomic_fetch_add(&run->number, 1));
		run->now[index] = program.lineage;
		/* Two at one device see EBUSY mostly; not often, then. */
		busy = &run->busy[targets[program.device].group ?:
				  program.device];
		mine = !atomic_exchange(busy, 1);
		if (!mine && program.count % 16)
			continue;
		run_program();
		if (mine)
			*busy = 0;
	}
	fflush(stdout);
	_exit(0);
}
