/* SPDX-License-Identifier: MIT */
/*
 * A fuzzer of the contract (include/uapi/udrv.h), guided by KCOV.
 *
 * What runs is a program: some calls, each ten random words and a kind.  What
 * the words mean is decided where a call is made (call_*.c), from what is valid:
 * so most calls are nearly right, and what is wrong in them is one thing.
 *
 * A program is known by its lineage: the number it was made from, then the
 * number of each mutation.  With the run's seed that is all it takes to make it
 * again.  One that reached new edges of the module is kept, to be mutated.
 * What a program meets is not its own: other programs have other devices at
 * the same time, its own threads race, and devices are unbound, reset and
 * unplugged meanwhile (upset.c).  So a program can be repeated, a race cannot;
 * it can be run many times.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "declare.h"
#include "device.h"
#include "harness.h"

#define FUZZ_PAGE	4096u
#define FUZZ_WORDS	10
#define FUZZ_MAX_CALLS	96
#define FUZZ_THREADS	3
#define FUZZ_WORKERS	7
#define FUZZ_DEPTH	24
#define FUZZ_CORPUS	4096
#define FUZZ_EDGES	(1u << 18)
#define FUZZ_DEVICES	13

/* ------------------------------------------------------------------ devices */

struct safe_write {
	uint8_t region;			/* UDRV_REGION_COUNT: end of the list */
	uint32_t first, last;		/* bytes */
};

/* A device, and which of its registers may be written whatever the value. */
struct target {
	const char *name;
	const char *id;			/* QEMU's, if it can be unplugged */
	bool declared;			/* not PCI */
	bool slow;			/* its reset takes a second */
	uint32_t group;			/* what else cannot be open meanwhile */
	struct safe_write safe[8];
	struct udrv_irq_rule rule;	/* claims and acknowledges */
	struct udrv_io_step raise;	/* an interrupt */
	/* Found at the start: */
	uint32_t kind[UDRV_REGION_COUNT];
	uint64_t size[UDRV_REGION_COUNT];
};

extern struct target targets[FUZZ_DEVICES];

void targets_start(void);
void target_bind(struct target *t);
bool target_may_write(const struct target *t, unsigned int region,
		      uint64_t offset, uint64_t bytes);

/* ----------------------------------------------------------------- programs */

struct lineage {
	uint32_t depth;
	uint32_t number[FUZZ_DEPTH];
};

enum call_kind {
	CALL_OPEN, CALL_CLOSE, CALL_DUP, CALL_FCNTL, CALL_READ, CALL_POLL,
	CALL_EPOLL, CALL_ODD, CALL_MMAP, CALL_TOUCH, CALL_MUNMAP, CALL_MCHANGE,
	CALL_SEND, CALL_RECEIVE, CALL_FORK,
	CALL_INFO, CALL_REGION_INFO, CALL_COUNTERS, CALL_REASON, CALL_MASTER,
	CALL_RESET, CALL_RELEASE, CALL_NUMBER,
	CALL_IO, CALL_RAISE, CALL_IRQ_SETUP, CALL_IRQ_FD,
	CALL_ALLOC, CALL_MAP, CALL_SYNC, CALL_UNMAP, CALL_LIST,
	CALL_CONTROL, CALL_ADD, CALL_REMOVE, CALL_GET,
	CALL_KINDS
};

struct call {
	uint16_t kind;
	uint16_t thread;
	uint32_t word[FUZZ_WORDS];
};

struct program {
	struct lineage lineage;
	uint32_t device;
	uint32_t threads;		/* 1: the calls one after the other */
	uint32_t alone;			/* calls before the threads start */
	uint32_t count;
	struct call calls[FUZZ_MAX_CALLS];
};

/* A random number that depends on nothing but @state. */
uint64_t random_next(uint64_t *state);
static inline uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)((random_next(state) >> 32) * limit >> 32);
}

void program_make(struct program *p, uint32_t seed, uint32_t number);
void program_mutate(struct program *p, uint32_t number, uint32_t seed);
void program_from_lineage(struct program *p, const struct lineage *l,
			  uint32_t seed);
int lineage_print(const struct lineage *l, char *to, size_t size);
bool lineage_parse(struct lineage *l, const char *text);

/* ------------------------------------------------------------- shared memory */

struct kept {
	atomic_bool ready;
	struct program program;
};

/* All processes of a run see this. */
struct run {
	uint32_t seed;
	bool threads, upset;		/* of a replay, neither unless asked for */
	atomic_bool stop;
	atomic_uint number;		/* programs so far */
	_Atomic uint64_t calls;		/* that entered the kernel */
	atomic_uint failed;
	atomic_uint busy[FUZZ_DEVICES];	/* a program has it */
	atomic_uint upsets;
	atomic_uint edges;
	atomic_uint kept_count;
	atomic_uint sigbus;		/* by a BAR mapping: never allowed */
	struct lineage now[FUZZ_WORKERS];
	/* Not exact, all these. */
	uint32_t by_kind[CALL_KINDS];
	uint32_t by_error[134];
	uint8_t seen[FUZZ_EDGES];
	struct kept kept[FUZZ_CORPUS];
};

extern struct run *run;

/* ------------------------------------------------------------------ running */

#define FUZZ_FDS	24
#define FUZZ_MAPS	16
#define FUZZ_IDS	32
#define FUZZ_MAP_BYTES	(32u << 20)	/* room for each mapping */

enum map_kind { MAP_NONE, MAP_BAR, MAP_DMA, MAP_EVENTS };

struct map {
	atomic_uint kind;
	uint32_t region;
	uint64_t offset, length;
};

/* What the calls of a worker work on; its threads race on it. */
struct place {
	int worker;
	const struct target *t;
	int fds[FUZZ_FDS];		/* 0-7 device, 8-15 vectors, 16-23 other */
	struct map maps[FUZZ_MAPS];
	char *map_base;
	atomic_uint remapped;		/* what is there is to be cleared */
	uint32_t ids[FUZZ_IDS];
	char *memory;			/* what is mapped for DMA */
	int own[2], all[2];		/* sockets: of this worker, of all */
	int epoll;
	bool racing;
};

#define FUZZ_MEMORY	(8u << 20)

struct actor {
	struct place *place;
	int index;
	char *writable, *readable;	/* the same pages twice; a hole follows */
	unsigned int used;		/* bytes of them */
	timer_t timer;
	sigjmp_buf fault;
	volatile sig_atomic_t may_fault;
	volatile sig_atomic_t bar;	/* that is being touched */
	uint64_t *cover;
	int cover_fd;
};

#define FUZZ_ARGUMENTS	(64u * FUZZ_PAGE)

extern _Thread_local struct actor *self;

/* worker.c */
__attribute__((noreturn)) void worker_main(int index, const int all[2],
					   const struct lineage *replay,
					   uint64_t times);
void signals_start(void);
int fd_keep(int fd);			/* above what programs use */
void alarm_set(unsigned int us);	/* ends what blocks; 0: off */

/* argument.c: user memory of every sort */
void *argument(const void *from, size_t size, uint32_t place);
void *argument_struct(void *from, size_t size, uint32_t place, uint32_t damage);
void damage(void *at, size_t size, uint32_t how);
uint64_t odd_number(uint32_t word);
uint64_t memory_address(uint32_t word, uint64_t length);
uint64_t memory_length(uint32_t word);
int pick_fd(uint32_t word);		/* mostly the owner's */
void put_fd(unsigned int slot, int fd);
long counted(long result);		/* a call entered the kernel */

/* call_*.c */
void call_file(const struct call *c);
void call_memory(const struct call *c);
void call_pass(const struct call *c);
void call_command(const struct call *c);
void call_io(const struct call *c);
void call_irq(const struct call *c);
void call_dma(const struct call *c);
void call_control(const struct call *c);
void call_run(const struct call *c);

/* cover.c */
void cover_start(struct actor *a);
void cover_enable(struct actor *a);
void cover_reset(struct actor *a);
bool cover_merge(struct actor *a);
bool cover_available(void);
void keep(const struct program *p);

/* upset.c */
__attribute__((noreturn)) void upset_main(void);

#endif
