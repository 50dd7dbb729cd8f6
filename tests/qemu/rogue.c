// SPDX-License-Identifier: MIT
/* A rogue, its neighbour, and who is to blame. */
#include "rogue.h"

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

/* What the processes of a test have in common. */
static struct shared {
	atomic_uint attempts;
	atomic_bool stop;
	atomic_uint rounds;
} *shared;

static void share(void)
{
	if (shared)
		return;
	shared = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST((void *)shared != MAP_FAILED);
}

void attempted(unsigned int times)
{
	share();
	shared->attempts += times;
}

void give(const char *address, unsigned int user)
{
	char path[128];

	if (!device_bound_to(address, "udrv"))
		MUST_OK(device_bind(address));
	snprintf(path, sizeof(path), UDRV_DIR "/%s", address);
	MUST_OK(sys(chown(path, user, user)));
}

pid_t rogue_start(const char *address, attack_fn attack)
{
	pid_t pid;

	share();
	give(address, NOBODY);
	pid = fork();
	MUST_OK(sys(pid));
	if (pid)
		return pid;
	become_nobody();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	attack((int)MUST_OK(device_open(address, O_RDWR)));
	fflush(stdout);
	_exit(0);
}

void rogue_end(pid_t rogue)
{
	MUST_EQUAL(reap(rogue), 0);
	figure_add("rogue-attempts", shared->attempts);
	shared->attempts = 0;
}

void rogue_run(const char *address, attack_fn attack)
{
	rogue_end(rogue_start(address, attack));
}

bool blamed(const char *address, const char *sentence, pid_t rogue)
{
	char *text = strdup(log_text()), *line, *rest = text, process[32];
	bool found = false;

	MUST(text);
	snprintf(process, sizeof(process), "[%d])", rogue);
	while (!found && (line = strsep(&rest, "\n")))
		found = strstr(line, address) && strstr(line, sentence) &&
			strstr(line, process);
	free(text);
	return found;
}

/* ------------------------------------------------------------ the neighbour */

static pid_t neighbour;

/* Registers, an interrupt, a transfer there and back: is all as it should be? */
static void drive_once(struct edu *edu, const struct udrv_dma *map,
		       uint8_t *memory, uint32_t round)
{
	struct udrv_irq_event event;

	edu_write(edu, EDU_LIVENESS, round);
	MUST_EQUAL(edu_read(edu, EDU_LIVENESS), ~round);
	edu_raise(edu, 0x40);
	MUST(irq_pending(edu->fd, WAIT_MS));
	MUST_OK(irq_read(edu->fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(event.status, 0x40);
	memset(memory, (int)(round & 0xff), PAGE);
	edu_dma_in(edu, map->out_iova, 64);
	memset(memory, 0xee, PAGE);
	edu_dma_out(edu, map->out_iova, 64);
	MUST_EQUAL(memory[0], round & 0xff);
	MUST_EQUAL(memory[63], round & 0xff);
	MUST_EQUAL(memory[64], 0xee);
	MUST_EQUAL(memory[PAGE - 1], 0xee);
}

static void be_neighbour(const char *address)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_dma map;
	struct edu edu;
	uint8_t *memory;

	edu.fd = (int)MUST_OK(device_open(address, O_RDWR));
	edu.bar = must_map(edu.fd, 0, EDU_BAR_SIZE);
	edu_lower(&edu);
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST_OK(dma_alloc(edu.fd, PAGE, EDU_DMA_BITS, &map));
	memory = must_map(edu.fd, map.out_mmap_offset, PAGE);
	while (!shared->stop) {
		drive_once(&edu, &map, memory, shared->rounds);
		shared->rounds++;
	}
	MUST_EQUAL(counters(edu.fd).out_refusals, 0);
	MUST_EQUAL(counters(edu.fd).out_storms, 0);
}

void neighbour_start(const char *address)
{
	share();
	give(address, NEIGHBOUR);
	shared->stop = false;
	shared->rounds = 0;
	neighbour = fork();
	MUST_OK(sys(neighbour));
	if (!neighbour) {
		become(NEIGHBOUR);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_neighbour(address);
		fflush(stdout);
		_exit(0);
	}
	WAIT_FOR(shared->rounds > 1);
}

/* It goes on after the attack, too. */
void neighbour_end(void)
{
	unsigned int rounds = shared->rounds;

	WAIT_FOR(shared->rounds > rounds + 1);
	shared->stop = true;
	MUST_EQUAL(reap(neighbour), 0);
}

/* Documentation/admin-guide/mm/pagemap.rst: bits 0-54, if bit 63. */
uint64_t physical(const void *at)
{
	int fd = (int)MUST_OK(sys(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)));
	uint64_t entry;

	MUST_EQUAL(pread(fd, &entry, sizeof(entry),
			 (off_t)((uintptr_t)at / PAGE * sizeof(entry))),
		   sizeof(entry));
	close(fd);
	MUST(entry >> 63);
	MUST(entry & ((1ull << 55) - 1));
	return (entry & ((1ull << 55) - 1)) * PAGE + (uintptr_t)at % PAGE;
}
