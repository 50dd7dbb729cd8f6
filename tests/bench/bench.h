/* SPDX-License-Identifier: MIT */
/*
 * Guest instructions per unit of work, ours and a peer's, in the same boot.
 *
 * On the machine `bench` (QEMU, -icount shift=0) a nanosecond of guest time is
 * one guest instruction.  So work that never sleeps is charged by the clock:
 * run it many times, divide.  The clock goes on, in leaps, while the processor
 * idles, for as long as QEMU's virtual device takes on the host: work that
 * sleeps is charged by busy time instead, the clock less what the kernel says
 * it idled.  All processes count, and peers are charged likewise.  Now and then
 * the virtual device is done before anybody sleeps, which no real one is: such
 * samples, without any idling, do not count.
 *
 * What a program says on its standard output:
 *
 *	value	CASE UNIT WHO VARIANT MEDIAN LOWER-QUARTILE UPPER-QUARTILE
 *	missing	CASE WHO VARIANT REASON
 *	note	TEXT
 *
 * separated by tabs.  `run` makes the table of it.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* See tests/qemu/machines.py: an edu of its own interrupt line, and the IDE. */
#define BENCH_DEVICE	"0000:00:04.0"
#define BENCH_IDE	"0000:00:0b.0"

/* One way of doing one case. */
struct way {
	const char *name;	/* the case: irq-msi-cycle */
	const char *unit;	/* of work: cycle */
	const char *who;	/* udrv, or the peer: vfio, uio */
	const char *variant;	/* "", or which way of several */
	const char *driver;	/* the kernel driver the device is given to */
	unsigned int samples;	/* 0: as many as usual; fewer for what takes long */
	unsigned int repeats;	/* cycles in a sample; about a million
				 * instructions is good
				 */
	unsigned int batch;	/* units of work in a cycle; 0: one */
	int (*begin)(void);	/* 0, or -1 with a reason by bench_fail() */
	void (*prepare)(void);	/* before each cycle, and not charged: work that
				 * does not sleep only; may be NULL
				 */
	void (*cycle)(void);	/* one unit of work, or a batch; may die() */
	void (*end)(void);	/* undo begin, also half of it */
	const char *device;	/* NULL: BENCH_DEVICE */
	bool own_process;	/* what begin() does can only be undone by exit() */
	bool sleeps;		/* charge busy time, a cycle a sample */
	bool soak;		/* idle time is what soak.c counts */
	void (*less)(void);	/* the part of a cycle that is not of the work:
				 * measured likewise and taken off, if work
				 * sleeps, and then a sample has all repeats;
				 * may be NULL
				 */
	/*
	 * If a cycle is too long for `make profile`: begin the work and let it go
	 * on until end(), and how many units have been done; a few milliseconds
	 * of it are logged.  Both may be NULL.
	 */
	int (*flow)(void);
	double (*done)(void);
};

int bench_main(int argc, char **argv, const struct way *const ways[]);

__attribute__((format(printf, 1, 2)))
int bench_fail(const char *format, ...);
const char *bench_failure(void);	/* bench_fail()'s */
__attribute__((format(printf, 1, 2)))
void bench_note(const char *format, ...);
__attribute__((format(printf, 1, 2), noreturn))
void die(const char *format, ...);

/* What way->begin started: its instructions are ours too. */
extern pid_t bench_helper;

/* memory.c: BENCH_MEMORY bytes, aligned to that, made when first asked for. */
#define BENCH_MEMORY	(2u << 20)
enum bench_pages { PAGES_SMALL, PAGES_SCATTERED, PAGES_HUGE };
unsigned char *bench_memory(enum bench_pages pages);

/* busy.c: how long has the processor idled? */
uint64_t bench_idle_ns(void);

/* soak.c: from begin to end bench_idle_ns() is what a process of its own takes. */
int bench_soak_begin(void);
void bench_soak_end(void);
bool bench_soaks(void);
uint64_t bench_soaked_ns(void);

/* bind.c: give a device to a kernel driver ("" takes it away). */
int bench_bind(const char *device, const char *driver);

/* profile.c: have QEMU log every instruction from on to off. */
void profile_on(void);
void profile_off(void);

/* --- QEMU's edu device: docs/specs/edu.txt */

#define EDU_SIZE	(1u << 20)
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64

static inline uint32_t edu_read(volatile void *bar, unsigned int offset)
{
	return ((volatile uint32_t *)bar)[offset / 4];
}

static inline void edu_write(volatile void *bar, unsigned int offset,
			     uint32_t value)
{
	((volatile uint32_t *)bar)[offset / 4] = value;
}

#endif
