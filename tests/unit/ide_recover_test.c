// SPDX-License-Identifier: MIT
/*
 * drivers/ide on a model of a controller whose disks fail in ways that no disk
 * at hand does.  The calls of libudrv and of the clock that the driver uses are
 * here.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "unit.h"
#include "ata_model.h"
#include "ide/ide.h"
#include "ide/recover.h"

#define MS		1000000ull
#define SECOND		(1000 * MS)
#define DEVICE_FD	42
#define IRQ_FD		100		/* and the next one */
#define DATA		0x8000u		/* where requests' data are in memory */
#define MARK		0xee		/* what no disk has */

static struct ata_model m;
static struct ide ide;
static uint8_t memory[ATA_MODEL_MEMORY] __attribute__((aligned(4096)));
static char told[8192];

/* ---------------------------------------------------------- instead of libudrv */

const char *usr_error(void)
{
	return m.gone ? "the device is gone" : "the program is refused";
}

int usr_io(int fd, struct udrv_io_step *steps, unsigned count, unsigned *done)
{
	unsigned some;

	assert_int_equal(fd, DEVICE_FD);
	errno = ata_model_run(&m, steps, count, done ? done : &some);
	assert_int_not_equal(errno, EINVAL);
	return errno ? -1 : 0;
}

int usr_info(int fd, struct udrv_info *info)
{
	(void)fd;
	*info = (struct udrv_info) {
		.out_caps = UDRV_INFO_PCI, .out_class = 0x010180u << 8,
		.out_lines = 2,
	};
	return 0;
}

int usr_region_info(int fd, unsigned index, struct udrv_region_info *info)
{
	(void)fd;
	*info = (struct udrv_region_info) {
		.out_size = index == 4 ? 16 : index % 2 ? 4 : 8,
	};
	return 0;
}

int usr_bus_master(int fd, bool on)
{
	(void)fd;
	(void)on;
	return 0;
}

int usr_dma_list(int fd, struct udrv_dma *entries, unsigned room,
		 unsigned *total)
{
	(void)fd;
	(void)entries;
	(void)room;
	*total = 0;
	return 0;
}

int usr_dma_alloc(int fd, size_t length, unsigned address_bits,
		  struct usr_dma *dma)
{
	(void)fd;
	assert_int_equal(address_bits, 32);
	assert_true(length <= DATA);
	*dma = (struct usr_dma) { .address = memory, .iova = ATA_MODEL_IOVA };
	return 0;
}

int usr_dma_adopt(int fd, uint32_t id, struct usr_dma *dma)
{
	(void)fd;
	(void)id;
	(void)dma;
	return -1;
}

int usr_dma_free(int fd, const struct usr_dma *dma)
{
	(void)fd;
	(void)dma;
	return 0;
}

int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
		  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	(void)fd;
	(void)rules;
	m.lines = kind == UDRV_IRQ_LINES;
	assert_true(!m.lines || (vectors == 2 && rule_count == 2));
	return 0;
}

volatile struct udrv_event_slot *usr_event_map(int fd, unsigned vectors)
{
	(void)fd;
	assert_int_equal(vectors, 2);
	return m.slot;
}

int usr_event_unmap(volatile struct udrv_event_slot *slots, unsigned vectors)
{
	(void)slots;
	(void)vectors;
	return 0;
}

int usr_irq_fd(int fd, unsigned vector, unsigned flags)
{
	(void)fd;
	(void)flags;
	return IRQ_FD + (int)vector;
}

/* ------------------------------------------------------------------- and time */

int clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = (time_t)(m.now / SECOND);
	now->tv_nsec = (long)(m.now % SECOND);
	return 0;
}

int nanosleep(const struct timespec *time, struct timespec *left)
{
	(void)left;
	ata_model_advance(&m, (uint64_t)time->tv_sec * SECOND + (uint64_t)time->tv_nsec);
	return 0;
}

static bool pending(unsigned channel)
{
	return m.slot[channel].count != m.slot[channel].seen;
}

static bool any_pending(void)
{
	return pending(0) || pending(1);
}

/* Until an interrupt of a channel, or of any (-1), or then. */
static void sleep_until(int channel, uint64_t end)
{
	while (m.now < end && !(channel < 0 ? any_pending() : pending((unsigned)channel))) {
		uint64_t due = ata_model_due(&m);

		due = due < end ? due : end;
		ata_model_advance(&m, due > m.now ? due - m.now : 0);
	}
}

/* glibc's headers say that it only writes to its files. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
int poll(struct pollfd *files, nfds_t count, int timeout_ms)
{
	int channel = files[0].fd - IRQ_FD;

	assert_int_equal(count, 1);
	assert_true(timeout_ms >= 0);
	if (files[0].fd < 0) {		/* polled */
		ata_model_advance(&m, (uint64_t)timeout_ms * MS);
		return 0;
	}
	assert_in_range(channel, 0, 1);
	sleep_until(channel, m.now + (uint64_t)timeout_ms * MS);
	return pending((unsigned)channel);
}
#pragma GCC diagnostic pop

/* As who serves disks does it, with requests on both channels. */
static void turn(uint64_t end)
{
	uint64_t deadline = ide_deadline(&ide);

	sleep_until(-1, deadline < end ? deadline : end);
	for (unsigned i = 0; i < IDE_CHANNELS; i++)
		if (pending(i))
			ide_progress(&ide.channel[i], 0);
	if (ide_now() >= ide_deadline(&ide))
		ide_expire(&ide);
}

static void wait_for(const struct ide_request *r, uint64_t ns)
{
	uint64_t end = m.now + ns;

	while (!r->finished && m.now < end)
		turn(end);
	assert_true(r->finished);
}

/* ---------------------------------------------------------------------- helpers */

static void tell(const struct ide_disk *disk, const char *sentence)
{
	size_t length = strlen(told);

	snprintf(told + length, sizeof(told) - length, "%s: %s\n",
		 ide_disk_name(disk), sentence);
}

static unsigned times_told(const char *word)
{
	unsigned count = 0;

	for (const char *at = told; (at = strstr(at, word)); at++)
		count++;
	return count;
}

static void assert_told(unsigned times, const char *word)
{
	if (times_told(word) != times)
		fail_msg("told %u times, not %u, of \"%s\":\n%s",
			 times_told(word), times, word, told);
}

static uint8_t content(unsigned disk, uint64_t lba, unsigned byte)
{
	return (uint8_t)((lba * 7 + disk * 31 + byte * 13) % 200);
}

static struct ata_model_disk *model_disk(unsigned index)
{
	return &m.channel[index / 2].disk[index % 2];
}

static void plug(unsigned index)
{
	struct ata_model_disk *d = model_disk(index);

	ata_model_plug(d, (char)('A' + index));
	for (unsigned lba = 0; lba < ATA_MODEL_SECTORS; lba++)
		for (unsigned i = 0; i < ATA_SECTOR; i++)
			d->data[lba][i] = content(index, lba, i);
}

/* Disks: a bit for each. */
static void start_with(unsigned disks, unsigned flags)
{
	ata_model_reset(&m, memory);
	memset(memory, MARK, sizeof(memory));
	*told = '\0';
	for (unsigned i = 0; i < 4; i++)
		if (disks & 1u << i)
			plug(i);
	assert_null(ide_start(&ide, DEVICE_FD, flags, tell));
	if (m.violations)
		fail_msg("%s", m.violation);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(ide_disk(&ide, i)->present, disks >> i & 1);
	ide.statistics = (struct ide_statistics) { 0 };
	m.channel[0].resets = m.channel[1].resets = 0;
	for (unsigned i = 0; i < 4; i++)
		memset(model_disk(i)->commands, 0, sizeof(model_disk(i)->commands));
}

static int start(void **state)
{
	(void)state;
	start_with(1, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	ide_stop(&ide);
	if (m.violations)
		print_error("%u violations: %s\n", m.violations, m.violation);
	return (int)m.violations;
}

struct job {
	struct ide_request request;
	struct udrv_dma_segment segment;
};

/* Each job has 64 KiB of memory of its own.  A write writes other contents. */
static void prepare(struct job *job, unsigned slot, enum ide_op op, uint64_t lba,
		    uint32_t sectors)
{
	uint32_t at = DATA + slot * 0x10000, bytes = sectors * ATA_SECTOR;

	assert_true(at + bytes <= ATA_MODEL_MEMORY);
	memset(memory + at, MARK, bytes);
	job->segment = (struct udrv_dma_segment) { ATA_MODEL_IOVA + at, bytes };
	job->request = (struct ide_request) {
		.op = op, .lba = lba, .sectors = sectors, .buffer = memory + at,
		.segments = &job->segment, .segment_count = 1,
	};
}

static int run(struct job *job, unsigned disk, enum ide_op op, uint64_t lba,
	       uint32_t sectors)
{
	prepare(job, 0, op, lba, sectors);
	return ide_run(ide_disk(&ide, disk), &job->request);
}

/* So many sectors of it were read, and no more. */
static void assert_read(const struct job *job, unsigned disk, uint32_t sectors)
{
	const struct ide_request *r = &job->request;
	const uint8_t *at = r->buffer;

	for (uint32_t s = 0; s < r->sectors; s++)
		for (unsigned i = 0; i < ATA_SECTOR; i++, at++)
			if (*at != (s < sectors ? content(disk, r->lba + s, i) : MARK))
				fail_msg("byte %u of sector %u is %02x", i, s, *at);
}

static void assert_written(const struct job *job, unsigned disk, uint32_t sectors)
{
	const struct ide_request *r = &job->request;

	for (uint32_t s = 0; s < r->sectors; s++)
		for (unsigned i = 0; i < ATA_SECTOR; i++) {
			uint8_t is = model_disk(disk)->data[r->lba + s][i];

			if (is != (s < sectors ? MARK : content(disk, r->lba + s, i)))
				fail_msg("byte %u of sector %u is %02x", i, s, is);
		}
}

static void assert_problem(const struct job *job, const char *words)
{
	if (!strstr(job->request.problem, words))
		fail_msg("\"%s\" does not say \"%s\"", job->request.problem, words);
}

static void assert_works(unsigned disk)
{
	struct job job;

	assert_int_equal(run(&job, disk, IDE_READ, 1000, 40), 0);
	assert_read(&job, disk, 40);
}

/* ------------------------------------------------------------------- the device */

static void drives_a_disk_that_is_well(void **state)
{
	static const unsigned flags[] = {
		0, IDE_BY_PIO, IDE_POLLED, IDE_BY_PIO | IDE_POLLED
	};
	struct job job;

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		start_with(0xf, flags[i]);
		for (unsigned disk = 0; disk < 4; disk++) {
			assert_int_equal(run(&job, disk, IDE_READ, 3, 100), 0);
			assert_read(&job, disk, 100);
			assert_int_equal(run(&job, disk, IDE_WRITE, 5, 77), 0);
			assert_written(&job, disk, 77);
			assert_int_equal(run(&job, disk, IDE_FLUSH, 0, 0), 0);
		}
		assert_string_equal(told, "");
		assert_int_equal(ide.statistics.resets, 0);
		assert_int_equal(ide.statistics.commands, 12);
	}
}

static void tries_again_what_failed(void **state)
{
	static const struct ata_fault once = {
		.kind = FAULT_ERROR, .error = ATA_ABRT, .lba = 110, .times = 1
	};
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), once);
	assert_int_equal(run(&job, 0, IDE_READ, 100, 20), 0);
	assert_read(&job, 0, 20);
	assert_string_equal(told, "primary master: read of sector 100 and on: "
			    "it aborted the command (ABRT); status 41, error 04\n");
	assert_int_equal(ide.statistics.retries, 1);
	/* It is ready again by itself, and no reason to distrust DMA. */
	assert_int_equal(ide.statistics.resets, 0);
	assert_true(ide_disk(&ide, 0)->by_dma);
}

/* All before the bad sector is done; which one it is the device does not say. */
static void finds_the_bad_sector(void **state)
{
	static const struct ata_fault bad = {
		.kind = FAULT_ERROR, .error = ATA_UNC, .lba = 105, .times = 1000
	};
	struct job job;

	(void)state;
	for (unsigned pio = 0; pio < 2; pio++) {
		start_with(1, pio ? IDE_BY_PIO : 0);
		ata_model_fail(model_disk(0), bad);
		assert_int_equal(run(&job, 0, IDE_READ, 100, 16), EIO);
		assert_int_equal(job.request.bad_lba, 105);
		assert_problem(&job, "read of sector 105: the sector cannot be read "
			       "(UNC); status 41, error 40");
		assert_read(&job, 0, 5);
		assert_int_equal(run(&job, 0, IDE_WRITE, 103, 4), EIO);
		assert_int_equal(job.request.bad_lba, 105);
		assert_problem(&job, "write of sector 105: ");
		assert_written(&job, 0, 2);
		/* And all behind it can be had too. */
		assert_int_equal(run(&job, 0, IDE_READ, 106, 16), 0);
		assert_read(&job, 0, 16);
		assert_int_equal(ide_disk(&ide, 0)->by_dma, !pio);
	}
}

/* The whole three times, each good sector once, the bad one three times. */
static void tries_so_often_and_no_more(void **state)
{
	static const struct ata_fault bad = {
		.kind = FAULT_ERROR, .error = ATA_UNC, .lba = 105, .times = 1000
	};
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), bad);
	assert_int_equal(run(&job, 0, IDE_READ, 100, 16), EIO);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_READ_DMA], 3 + 5 + 3);
	assert_int_equal(run(&job, 0, IDE_READ, 105, 1), EIO);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_READ_DMA], 11 + 3);
	/* Each has tries of its own. */
	assert_int_equal(run(&job, 0, IDE_READ, 105, 1), EIO);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_READ_DMA], 14 + 3);
}

static void resets_a_disk_that_reports_a_fault(void **state)
{
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
	assert_int_equal(run(&job, 0, IDE_READ, 100, 1), 0);
	assert_read(&job, 0, 1);
	assert_int_equal(ide.statistics.resets, 1);
	assert_told(1, "the device has a fault (DF); status 60");
}

static void goes_on_with_the_queue(void **state)
{
	struct job job[3];

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_ERROR, .error = ATA_UNC, .lba = 300, .times = 1000 });
	for (unsigned i = 0; i < 3; i++) {
		prepare(&job[i], i, IDE_READ, 200 + 100 * i, 8);
		ide_submit(ide_disk(&ide, 0), &job[i].request);
	}
	for (unsigned i = 0; i < 3; i++) {
		wait_for(&job[i].request, SECOND);
		assert_ptr_equal(ide_finished(&ide), &job[i].request);
		assert_int_equal(job[i].request.error, i == 1 ? EIO : 0);
		assert_read(&job[i], 0, i == 1 ? 0 : 8);
	}
}

/* --------------------------------------------------------------- cable and DMA */

static void goes_over_to_pio(enum ata_fault_kind kind, const char *sentence)
{
	struct job job;

	start_with(3, 0);
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = kind, .way = BY_DMA, .error = ATA_ICRC | ATA_ABRT,
		.lba = 104, .times = 1000 });
	assert_int_equal(run(&job, 0, IDE_WRITE, 100, 16), 0);
	assert_written(&job, 0, 16);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_WRITE_DMA], IDE_LINK_FAULTS);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_WRITE_MULTIPLE], 1);
	assert_int_equal(ide.statistics.resets, IDE_LINK_FAULTS);
	assert_int_equal(ide.statistics.fallbacks, 1);
	assert_told(1, sentence);
	assert_told(1, "primary master: DMA failed too often: from now on by PIO");
	/* For good, and only this disk. */
	assert_works(0);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_READ_DMA], 0);
	assert_works(1);
	assert_int_equal(model_disk(1)->commands[ATA_CMD_READ_DMA], 1);
}

static void goes_over_to_pio_when_the_cable_is_bad(void **state)
{
	(void)state;
	goes_over_to_pio(FAULT_ERROR, "write of sector 100 and on: the data was "
			 "damaged on the cable (ICRC); status 41, error 84");
}

static void goes_over_to_pio_when_the_bus_is_bad(void **state)
{
	(void)state;
	goes_over_to_pio(FAULT_BUS, "the controller met an error on the bus");
}

static void goes_over_to_pio_when_too_little_moves(void **state)
{
	(void)state;
	goes_over_to_pio(FAULT_SHORT, "the disk moved less than it was asked to");
}

static void goes_over_to_pio_when_dma_hangs(void **state)
{
	(void)state;
	goes_over_to_pio(FAULT_HANG, "write of sector 100 and on: no answer in time; "
			 "status c0");
}

/* Now and then a bit is lost on any cable. */
static void forgets_faults_that_are_rare(void **state)
{
	const struct ata_fault once = {
		.kind = FAULT_ERROR, .error = ATA_ICRC, .lba = 5, .times = 1
	};
	struct job job;

	(void)state;
	for (unsigned fault = 0; fault < 4; fault++) {
		ata_model_fail(model_disk(0), once);
		assert_int_equal(run(&job, 0, IDE_READ, 5, 1), 0);
		for (unsigned i = 0; i < IDE_LINK_GOOD; i++)
			assert_int_equal(run(&job, 0, IDE_READ, 6, 1), 0);
	}
	assert_true(ide_disk(&ide, 0)->by_dma);
	for (unsigned fault = 0; fault < IDE_LINK_FAULTS; fault++) {
		ata_model_fail(model_disk(0), once);
		assert_int_equal(run(&job, 0, IDE_READ, 5, 1), 0);
	}
	assert_false(ide_disk(&ide, 0)->by_dma);
}

static void ends_a_transfer_that_does_not_end(void **state)
{
	struct job job;

	(void)state;
	start_with(1, IDE_BY_PIO);
	for (unsigned write = 0; write < 2; write++) {
		ata_model_fail(model_disk(0), (struct ata_fault) {
			.kind = FAULT_GREEDY, .lba = 100, .times = 1 });
		assert_int_equal(run(&job, 0, write ? IDE_WRITE : IDE_READ, 100, 40), 0);
		write ? assert_written(&job, 0, 40) : assert_read(&job, 0, 40);
		assert_int_equal(ide.statistics.resets, write + 1);
	}
	assert_told(2, "it wants more data than was agreed (DRQ)");
}

/* -------------------------------------------------------------------- time-outs */

static void does_again_what_hangs(void **state)
{
	uint64_t began;
	struct job job;

	(void)state;
	for (unsigned flags = 0; flags < 4; flags++) {
		start_with(3, flags);	/* IDE_POLLED, IDE_BY_PIO, both */
		ata_model_fail(model_disk(1), (struct ata_fault) {
			.kind = FAULT_HANG, .lba = 100, .times = 1 });
		began = m.now;
		assert_int_equal(run(&job, 1, IDE_READ, 100, 8), 0);
		assert_read(&job, 1, 8);
		assert_in_range(m.now - began, 29 * SECOND, 33 * SECOND);
		assert_int_equal(ide.statistics.timeouts, 1);
		assert_int_equal(ide.statistics.resets, 1);
		assert_told(1, "primary slave: read of sector 100 and on: "
			    "no answer in time; status c0");
		assert_works(0);
	}
}

static void gives_up_what_always_hangs(void **state)
{
	uint64_t began = m.now;
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_HANG, .lba = 100, .times = 1000 });
	assert_int_equal(run(&job, 0, IDE_READ, 100, 8), EIO);
	assert_problem(&job, "read of sector 100: no answer in time; status c0");
	assert_int_equal(ide.statistics.timeouts, 2 * IDE_TRIES);
	assert_true(m.now - began < 200 * SECOND);
	assert_works(0);
}

static void is_patient_with_a_slow_disk(void **state)
{
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_SLOW, .lba = 100, .times = 1, .ns = 25 * SECOND });
	assert_int_equal(run(&job, 0, IDE_READ, 100, 8), 0);
	assert_read(&job, 0, 8);
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_SLOW, .way = BY_FLUSH, .times = 1, .ns = 55 * SECOND });
	assert_int_equal(run(&job, 0, IDE_FLUSH, 0, 0), 0);
	assert_string_equal(told, "");
}

/* The disk is done, and only nobody was told: no reason to do it again. */
static void finds_what_an_interrupt_should_have_told(void **state)
{
	static const enum ide_op ops[] = { IDE_READ, IDE_WRITE, IDE_FLUSH };
	struct job job;

	(void)state;
	for (unsigned pio = 0; pio < 2; pio++)
		for (unsigned i = 0; i < 3; i++) {
			enum ide_op op = ops[i];

			start_with(1, pio ? IDE_BY_PIO : 0);
			ata_model_fail(model_disk(0), (struct ata_fault) {
				.kind = FAULT_SILENT, .lba = 100, .times = 1,
				.way = op == IDE_FLUSH ? BY_FLUSH : BY_ANY });
			assert_int_equal(run(&job, 0, op, 100, op == IDE_FLUSH ? 0 : 8), 0);
			if (op == IDE_READ)
				assert_read(&job, 0, 8);
			if (op == IDE_WRITE)
				assert_written(&job, 0, 8);
			assert_int_equal(ide.statistics.resets, 0);
			assert_int_equal(ide.statistics.retries, 0);
			assert_int_equal(ide.statistics.commands, 1);
			assert_told(1, "an interrupt was lost");
			assert_works(0);
		}
}

/* Stopped for a while: then time is up, and yet nothing is wrong. */
static void does_not_blame_the_disk_for_its_own_delay(void **state)
{
	struct job job;

	(void)state;
	prepare(&job, 0, IDE_READ, 100, 8);
	ide_submit(ide_disk(&ide, 0), &job.request);
	ata_model_advance(&m, 100 * SECOND);
	ide_expire(&ide);
	assert_true(job.request.finished);
	assert_int_equal(job.request.error, 0);
	assert_read(&job, 0, 8);
	assert_string_equal(told, "");
	assert_int_equal(ide.statistics.timeouts, 0);
}

/* ------------------------------------------------------------------------ reset */

static void sets_again_what_a_reset_forgot(void **state)
{
	struct job job;

	(void)state;
	start_with(3, IDE_BY_PIO);
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
	assert_int_equal(run(&job, 0, IDE_READ, 100, 40), 0);
	assert_works(1);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(model_disk(i)->multiple, 16);
		assert_int_equal(model_disk(i)->mode, 0x45);
		assert_int_equal(model_disk(i)->commands[ATA_CMD_READ_SECTORS], 0);
	}
}

static void works_on_the_other_channel_during_a_reset(void **state)
{
	uint64_t began, slowest = 0;
	struct job hung, other;
	unsigned done = 0;

	(void)state;
	start_with(0x5, 0);
	model_disk(0)->reset_ns = 20 * SECOND;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
	prepare(&hung, 0, IDE_READ, 100, 8);
	ide_submit(ide_disk(&ide, 0), &hung.request);
	while (!hung.request.finished && done < 100000) {
		prepare(&other, 1, IDE_READ, 50, 8);
		began = m.now;
		ide_submit(ide_disk(&ide, 2), &other.request);
		wait_for(&other.request, SECOND);
		assert_int_equal(other.request.error, 0);
		assert_read(&other, 2, 8);
		if (m.now - began > slowest)
			slowest = m.now - began;
		done++;
	}
	assert_int_equal(hung.request.error, 0);
	assert_read(&hung, 0, 8);
	assert_true(done > 1000);
	assert_true(slowest < 20 * MS);
}

/* Cable pulled, power lost: requests fail, in a bounded time, then at once. */
static void gives_up_a_disk_that_does_not_come_back(void **state)
{
	uint64_t began;
	struct job job[3];

	(void)state;
	for (unsigned silent = 0; silent < 2; silent++) {
		start_with(0x5, 0);
		if (silent)		/* BSY for good */
			model_disk(0)->reset_ns = ATA_MODEL_FOREVER;
		else			/* nothing drives the bus */
			model_disk(0)->unplugged = true;
		ata_model_fail(model_disk(0), (struct ata_fault) {
			.kind = FAULT_HANG, .lba = 100, .times = 1000 });
		began = m.now;
		for (unsigned i = 0; i < 3; i++) {
			prepare(&job[i], i, i == 1 ? IDE_FLUSH : IDE_READ, 100, i == 1 ? 0 : 8);
			ide_submit(ide_disk(&ide, 0), &job[i].request);
		}
		for (unsigned i = 0; i < 3; i++) {
			wait_for(&job[i].request, 200 * SECOND);
			assert_int_equal(job[i].request.error, EIO);
			assert_problem(&job[i], "does not come back from a reset");
			ide_finished(&ide);
		}
		assert_true(m.now - began < 200 * SECOND);
		assert_told(1, "primary master: it does not come back from a reset");
		began = m.now;
		assert_int_equal(run(&job[0], 0, IDE_WRITE, 200, 8), EIO);
		assert_problem(&job[0], "does not come back from a reset");
		assert_int_equal(m.now, began);
		assert_works(2);
	}
}

static void keeps_the_one_that_comes_back(void **state)
{
	struct job job;

	(void)state;
	for (unsigned lost = 0; lost < 2; lost++) {
		start_with(3, 0);
		model_disk(lost)->reset_ns = ATA_MODEL_FOREVER;
		ata_model_fail(model_disk(lost), (struct ata_fault) {
			.kind = FAULT_HANG, .lba = 100, .times = 1 });
		assert_int_equal(run(&job, lost, IDE_READ, 100, 8), EIO);
		assert_told(1, "it does not come back from a reset");
		assert_works(!lost);
		/* Though it is reset later. */
		ata_model_fail(model_disk(!lost), (struct ata_fault) {
			.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
		assert_int_equal(run(&job, !lost, IDE_READ, 100, 8), 0);
		assert_read(&job, !lost, 8);
	}
}

static void waits_for_one_that_comes_back_late(void **state)
{
	struct job job;

	(void)state;
	model_disk(0)->reset_ns = 40 * SECOND;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_HANG, .lba = 100, .times = 1 });
	prepare(&job, 0, IDE_READ, 100, 8);
	ide_submit(ide_disk(&ide, 0), &job.request);
	while (m.channel[0].resets < 2 && m.now < 200 * SECOND)
		turn(200 * SECOND);
	assert_int_equal(m.channel[0].resets, 2);
	model_disk(0)->reset_ns = 5 * SECOND;	/* from the next one on */
	wait_for(&job.request, 200 * SECOND);
	assert_int_equal(job.request.error, 0);
	assert_read(&job, 0, 8);
	assert_works(0);
}

static void misses_no_more_resets_than_in_a_row(void **state)
{
	struct job job;

	(void)state;
	for (unsigned i = 0; i < 2 * IDE_RESETS; i++) {
		model_disk(0)->reset_ns = 40 * SECOND;
		ata_model_fail(model_disk(0), (struct ata_fault) {
			.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
		prepare(&job, 0, IDE_READ, 100, 8);
		ide_submit(ide_disk(&ide, 0), &job.request);
		turn(m.now + SECOND);
		assert_int_equal(m.channel[0].resets, 2 * i + 1);
		model_disk(0)->reset_ns = SECOND;
		wait_for(&job.request, 50 * SECOND);
		ide_finished(&ide);
		assert_int_equal(m.channel[0].resets, 2 * i + 2);
		assert_int_equal(job.request.error, 0);
	}
}

static void gives_up_both_when_nobody_answers(void **state)
{
	uint64_t began;
	struct job job;

	(void)state;
	start_with(7, 0);
	model_disk(0)->unplugged = model_disk(1)->unplugged = true;
	ata_model_fail(model_disk(1), (struct ata_fault) {
		.kind = FAULT_HANG, .lba = 100, .times = 1 });
	began = m.now;
	assert_int_equal(run(&job, 1, IDE_READ, 100, 8), EIO);
	assert_true(m.now - began < 130 * SECOND);
	began = m.now;
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(run(&job, i, IDE_READ, 100, 8), EIO);
		assert_problem(&job, "does not come back from a reset");
	}
	assert_int_equal(m.now, began);
	assert_works(2);
}

static void tries_again_what_a_disk_refuses_after_a_reset(void **state)
{
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
	model_disk(0)->refusals = 1;
	assert_int_equal(run(&job, 0, IDE_READ, 100, 8), 0);
	assert_read(&job, 0, 8);
	assert_int_equal(ide.statistics.resets, 2);
	assert_int_equal(model_disk(0)->mode, 0x45);
	/* For ever it does not. */
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_DEVICE, .lba = 100, .times = 1 });
	model_disk(0)->refusals = 1000;
	assert_int_equal(run(&job, 0, IDE_READ, 100, 1), EIO);
	assert_problem(&job, "it does not become ready for a command");
}

/* Somebody plugged in another one: it gets none of the data. */
static void does_not_trust_another_disk(void **state)
{
	struct job job;

	(void)state;
	start_with(0x5, 0);
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_HANG, .lba = 100, .times = 1 });
	prepare(&job, 0, IDE_WRITE, 100, 8);
	ide_submit(ide_disk(&ide, 0), &job.request);
	ata_model_plug(model_disk(0), 'Z');
	model_disk(0)->status = ATA_DRDY | ATA_BSY;
	wait_for(&job.request, 200 * SECOND);
	ide_finished(&ide);
	assert_int_equal(job.request.error, EIO);
	assert_problem(&job, "another disk");
	assert_told(1, "primary master: another disk answers now: MODEL OF A DISK, SN-Z");
	assert_written(&job, 0, 0);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_WRITE_DMA], 1);
	assert_int_equal(run(&job, 0, IDE_READ, 100, 8), EIO);
	assert_problem(&job, "another disk");
	assert_int_equal(model_disk(0)->commands[ATA_CMD_READ_DMA], 0);
	assert_works(2);
}

/* ------------------------------------------------------------------------ flush */

/* The next one would not fail: what is lost is lost. */
static void does_not_repeat_a_flush_that_failed(void **state)
{
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_ERROR, .way = BY_FLUSH, .error = ATA_ABRT, .times = 1 });
	assert_int_equal(run(&job, 0, IDE_FLUSH, 0, 0), EIO);
	assert_problem(&job, "flush: it aborted the command (ABRT)");
	assert_int_equal(model_disk(0)->commands[ATA_CMD_FLUSH_EXT], 1);
	assert_int_equal(run(&job, 0, IDE_FLUSH, 0, 0), 0);
}

static void repeats_a_flush_that_hung(void **state)
{
	struct job job;

	(void)state;
	ata_model_fail(model_disk(0), (struct ata_fault) {
		.kind = FAULT_HANG, .way = BY_FLUSH, .times = 1 });
	assert_int_equal(run(&job, 0, IDE_FLUSH, 0, 0), 0);
	assert_int_equal(model_disk(0)->commands[ATA_CMD_FLUSH_EXT], 2);
	assert_told(1, "flush: no answer in time");
	/* That is no fault of DMA. */
	assert_true(ide_disk(&ide, 0)->by_dma);
}

/* -------------------------------------------------------------------- the others */

static void is_not_confused_by_signals(void **state)
{
	(void)state;
	for (unsigned flags = 0; flags < 4; flags++) {
		struct job job;

		start_with(3, flags);
		for (m.signals = 2; m.signals < 5; m.signals++) {
			assert_int_equal(run(&job, 1, IDE_READ, 100, 100), 0);
			assert_read(&job, 1, 100);
			assert_int_equal(run(&job, 1, IDE_WRITE, 300, 100), 0);
			assert_written(&job, 1, 100);
			ata_model_fail(model_disk(1), (struct ata_fault) {
				.kind = FAULT_DEVICE, .lba = 10, .times = 1 });
			assert_int_equal(run(&job, 1, IDE_READ, 10, 20), 0);
			assert_read(&job, 1, 20);
			plug(1);
		}
	}
}

/* Unbound or unplugged, at any time: no request is left waiting. */
static void ends_when_the_controller_goes(void **state)
{
	(void)state;
	for (uint64_t when = 0; when < 40 * SECOND; when += when < MS ? 20000 : SECOND) {
		struct job job[2];

		start_with(1, 0);
		ata_model_fail(model_disk(0), (struct ata_fault) {
			.kind = FAULT_HANG, .lba = 100, .times = 1 });
		for (unsigned i = 0; i < 2; i++) {
			prepare(&job[i], i, IDE_READ, 101 - i, 1);
			ide_submit(ide_disk(&ide, 0), &job[i].request);
		}
		for (uint64_t stop = m.now + when; m.now < stop; )
			turn(stop);
		m.gone = true;
		for (unsigned i = 0; i < 2; i++) {
			wait_for(&job[i].request, 100 * SECOND);
			if (job[i].request.error && job[i].request.error != ENODEV)
				fail_msg("error %d", job[i].request.error);
		}
	}
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(drives_a_disk_that_is_well),
		TEST(tries_again_what_failed),
		TEST(finds_the_bad_sector),
		TEST(tries_so_often_and_no_more),
		TEST(resets_a_disk_that_reports_a_fault),
		TEST(goes_on_with_the_queue),
		TEST(goes_over_to_pio_when_the_cable_is_bad),
		TEST(goes_over_to_pio_when_the_bus_is_bad),
		TEST(goes_over_to_pio_when_too_little_moves),
		TEST(goes_over_to_pio_when_dma_hangs),
		TEST(forgets_faults_that_are_rare),
		TEST(ends_a_transfer_that_does_not_end),
		TEST(does_again_what_hangs),
		TEST(gives_up_what_always_hangs),
		TEST(is_patient_with_a_slow_disk),
		TEST(finds_what_an_interrupt_should_have_told),
		TEST(does_not_blame_the_disk_for_its_own_delay),
		TEST(sets_again_what_a_reset_forgot),
		TEST(works_on_the_other_channel_during_a_reset),
		TEST(gives_up_a_disk_that_does_not_come_back),
		TEST(keeps_the_one_that_comes_back),
		TEST(waits_for_one_that_comes_back_late),
		TEST(misses_no_more_resets_than_in_a_row),
		TEST(gives_up_both_when_nobody_answers),
		TEST(tries_again_what_a_disk_refuses_after_a_reset),
		TEST(does_not_trust_another_disk),
		TEST(does_not_repeat_a_flush_that_failed),
		TEST(repeats_a_flush_that_hung),
		TEST(is_not_confused_by_signals),
		TEST(ends_when_the_controller_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
