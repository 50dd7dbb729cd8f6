// SPDX-License-Identifier: MIT
/* serve: requests of the kernel's become requests to the disks.  See serve.h. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "../service.h"
#include "serve.h"

#define MOST_DEPTH	64
#define BIGGEST_TRANSFER (512u << 10)
#define SMALLEST_TRANSFER (64u << 10)
#define EVENTS		64
#define ESTATE_NAME	"estate"	/* among the files that systemd keeps */
#define NUMBERS		64		/* to look for a free one in */
/* TRIM is one block of ranges at a time; more would only hold up others. */
#define BIGGEST_DISCARD	(1u << 30)

struct served {
	struct ide_disk *disk;		/* NULL: not served */
	int block;			/* usr_block_add()'s index */
	bool ready, stopped;
	uint8_t *buffers;
	uint64_t iova;
	struct ide_request request[MOST_DEPTH];
	struct udrv_dma_segment segment[MOST_DEPTH];
};

struct server {
	const struct options *options;
	struct serve_estate *estate;
	struct ide ide;
	struct usr_block_server *block;
	int signals;			/* signalfd */
	bool stopping, failed, gone;
	uint32_t transfer;		/* bytes of a request at most */
	struct served served[IDE_DISKS];
};

/* All a worker needs while it serves; it allocates nothing later. */
static struct server server;

static void tell(const struct ide_disk *disk, const char *sentence)
{
	say(STDERR_FILENO, "udrv-ide: %s: %s\n", ide_disk_name(disk), sentence);
}

/* -------------------------------------------------------------------- start */

static unsigned choose_disks(struct server *s)
{
	unsigned count = 0;

	for (unsigned i = 0; i < IDE_DISKS; i++) {
		struct ide_disk *disk = ide_disk(&s->ide, i);

		if (s->options->disks && !(s->options->disks & 1u << i))
			continue;
		if (disk->present) {
			s->served[i].disk = disk;
			count++;
		} else if (s->options->disks || *disk->declined) {
			say_why("%s: not served: %s", ide_disk_name(disk),
				*disk->declined ? disk->declined :
				"nothing is there");
			if (s->options->disks)
				return 0;
		}
	}
	if (!count)
		say_why("there is no disk to serve");
	return count;
}

static int get_buffers(struct server *s, size_t bytes, bool by_dma,
		       struct usr_dma *memory)
{
	if (by_dma)
		return ide_memory(s->ide.fd, bytes, memory);
	memory->address = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	memory->iova = 0;
	return memory->address == MAP_FAILED ? -1 : 0;
}

/*
 * One piece of memory for all disks, so that a successor finds it by its size.
 * Without an IOMMU it must be contiguous, and that may be too much to ask.
 */
static int share_buffers(struct server *s, unsigned disks)
{
	struct usr_dma memory;
	size_t each;
	unsigned n = 0;
	int ret = -1;

	s->transfer = s->estate->transfer ? s->estate->transfer : BIGGEST_TRANSFER;
	for (; s->transfer >= SMALLEST_TRANSFER;
	     s->transfer /= 2) {
		each = (size_t)s->transfer * s->options->depth;
		ret = get_buffers(s, disks * each,
				  !(s->options->start_flags & IDE_BY_PIO), &memory);
		if (!ret || (errno != ENOMEM && errno != ENOSPC))
			break;
	}
	if (ret)
		return say_why("%s", usr_error());
	s->estate->transfer = s->transfer;
	each = (size_t)s->transfer * s->options->depth;
	for (unsigned i = 0; i < IDE_DISKS; i++) {
		if (!s->served[i].disk)
			continue;
		s->served[i].buffers = (uint8_t *)memory.address + n * each;
		s->served[i].iova = memory.iova + n * each;
		n++;
	}
	return 0;
}

static struct usr_block_disk describe_disk(const struct server *s,
					   const struct served *served)
{
	const struct ata_identity *id = &served->disk->identity;
	struct usr_block_disk disk = {
		.bytes = id->sectors * ATA_SECTOR,
		.block_size = ATA_SECTOR,
		.physical_block_size = id->physical_bytes,
		.max_transfer = s->transfer,
		.depth = s->options->depth,
		.buffers = served->buffers,
		.number = -1,
		.outage_s = s->options->supervise || s->options->resume ||
			    s->options->service ? s->options->outage_s : 0,
		.answer_s = s->options->answer_s,
	};

	if (id->write_cache && (id->flush || id->flush_ext))
		disk.flags |= USR_BLOCK_CACHE;
	if (id->rotational)
		disk.flags |= USR_BLOCK_ROTATIONAL;
	if (s->options->read_only)
		disk.flags |= USR_BLOCK_READ_ONLY;
	if (id->trim && served->disk->by_dma && !s->options->read_only) {
		disk.flags |= USR_BLOCK_DISCARD;
		disk.max_discard = BIGGEST_DISCARD;
		disk.discard_granularity = id->physical_bytes;
	}
	return disk;
}

/* A free number; a wish is tried alone.  Return: 0, or 1 after a complaint. */
static int add_new(struct server *s, unsigned i, struct usr_block_disk *disk,
		   int wish)
{
	struct served *served = &s->served[i];
	int number = wish < 0 ? 0 : wish;

	/* Asking for each number would take a broker's while. */
	if (s->options->service && wish < 0) {
		served->block = usr_block_add(s->block, disk);
		if (served->block < 0)
			return say_why("%s", usr_error());
		s->estate->disk[i].number =
			usr_block_number(s->block, (unsigned)served->block);
		s->estate->disk[i].made = true;
		return 0;
	}
	for (; wish < 0 ? number < NUMBERS : number == wish; number++) {
		disk->number = number;
		s->estate->disk[i].number = number;
		served->block = usr_block_add(s->block, disk);
		if (served->block >= 0) {
			s->estate->disk[i].made = true;
			return 0;
		}
		if (errno != EBUSY)
			break;
	}
	return say_why("%s", usr_error());
}

static int add_disk(struct server *s, unsigned i, int wish)
{
	struct served *served = &s->served[i];
	struct usr_block_disk disk = describe_disk(s, served);

	if (!s->estate->disk[i].made)
		return add_new(s, i, &disk, wish);
	disk.number = s->estate->disk[i].number;
	disk.flags |= USR_BLOCK_RESUME;
	served->block = usr_block_add(s->block, &disk);
	return served->block >= 0 ? 0 : say_why("%s", usr_error());
}

static int add_disks(struct server *s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < IDE_DISKS; i++) {
		if (!s->served[i].disk)
			continue;
		if (add_disk(s, i, s->options->numbers[n++]))
			return 1;
	}
	return 0;
}

static int watch_files(struct server *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	s->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (s->signals < 0)
		return say_why("signalfd: %s", strerror(errno));
	if (usr_block_watch(s->block, s->signals))
		return say_why("%s", usr_error());
	for (unsigned i = 0; !s->ide.polled && i < IDE_CHANNELS; i++)
		if (usr_block_watch(s->block, s->ide.channel[i].irq_fd))
			return say_why("%s", usr_error());
	return 0;
}

static int start(struct server *s, int fd)
{
	const char *problem = ide_start(&s->ide, fd, s->options->start_flags, tell);
	enum usr_block_kind kind = s->estate->kind;
	unsigned disks;

	if (problem)
		return say_why("%s: %s", s->options->device, problem);
	disks = choose_disks(s);
	if (!disks || share_buffers(s, disks))
		return 1;
	s->block = usr_block_server_new(kind == USR_BLOCK_ANY ?
					s->options->kind : kind);
	if (!s->block)
		return say_why("%s", usr_error());
	s->estate->kind = usr_block_server_kind(s->block);
	return watch_files(s) || add_disks(s);
}

/* --------------------------------------------------------------------- run */

static struct served *by_block(struct server *s, unsigned block)
{
	for (unsigned i = 0; i < IDE_DISKS; i++)
		if (s->served[i].disk && s->served[i].block == (int)block)
			return &s->served[i];
	return NULL;
}

static bool all(const struct server *s, bool stopped)
{
	for (unsigned i = 0; i < IDE_DISKS; i++)
		if (s->served[i].disk &&
		    !(stopped ? s->served[i].stopped : s->served[i].ready))
			return false;
	return true;
}

static void is_ready(struct server *s, struct served *served)
{
	const struct ata_identity *id = &served->disk->identity;

	served->ready = true;
	say(STDOUT_FILENO, "%s: %s, %s, is %s, by %s\n",
	    ide_disk_name(served->disk), id->model, id->serial,
	    usr_block_path(s->block, (unsigned)served->block),
	    s->estate->kind == USR_BLOCK_UBLK ? "ublk" : "NBD");
	if (all(s, false)) {
		s->estate->ready_ns = ide_now();
		s->estate->recovered++;
		if (s->options->service)
			service_is_ready("serves the disks of %s",
					 s->options->device);
	}
}

static void is_stopped(struct server *s, struct served *served,
		       const struct usr_block_event *event)
{
	served->stopped = true;
	s->estate->disk[ide_disk_index(served->disk)].made = false;
	if (event->error || !s->stopping) {
		s->failed = true;
		say(STDERR_FILENO, "udrv-ide: %s: the kernel's disk is gone%s%s\n",
		    ide_disk_name(served->disk), event->error ? ": " : "",
		    event->error ? usr_error() : "");
	}
}

static void begin_request(struct server *s, struct served *served,
			  const struct usr_block_event *event)
{
	static const enum ide_op ops[] = {
		[USR_BLOCK_OP_READ] = IDE_READ, [USR_BLOCK_OP_WRITE] = IDE_WRITE,
		[USR_BLOCK_OP_FLUSH] = IDE_FLUSH, [USR_BLOCK_OP_DISCARD] = IDE_TRIM,
	};
	struct ide_request *r = &served->request[event->tag];
	struct udrv_dma_segment *segment = &served->segment[event->tag];
	uint64_t offset = (uint64_t)event->tag * s->transfer;

	*segment = (struct udrv_dma_segment) { served->iova + offset, event->bytes };
	r->op = ops[event->op];
	r->lba = event->offset / ATA_SECTOR;
	r->sectors = event->bytes / ATA_SECTOR;
	r->buffer = event->buffer;
	r->segments = served->iova ? segment : NULL;
	r->segment_count = 1;
	r->cookie = served;
	s->estate->begun++;
	ide_submit(served->disk, r);
}

static void begin_stop(struct server *s)
{
	if (s->stopping)
		return;
	s->stopping = true;
	say(STDOUT_FILENO, "stopping\n");
	for (unsigned i = 0; i < IDE_DISKS; i++)
		if (s->served[i].disk && !s->served[i].stopped)
			usr_block_stop(s->block, (unsigned)s->served[i].block);
}

static void is_signalled(struct server *s)
{
	struct signalfd_siginfo info;

	while (read(s->signals, &info, sizeof(info)) == sizeof(info))
		;
	begin_stop(s);
}

/*
 * Unbound or unplugged.  All requests fail from now on, at once; the disks go,
 * so that whoever uses them learns that nothing comes any more.
 */
static void device_is_gone(struct server *s)
{
	if (s->gone)
		return;
	s->gone = true;
	s->failed = true;
	say(STDERR_FILENO,
	    "udrv-ide: %s is gone: all that is not on its disks yet is lost\n",
	    s->options->device);
	/* These are readable for good now. */
	for (unsigned i = 0; !s->ide.polled && i < IDE_CHANNELS; i++)
		usr_block_unwatch(s->block, s->ide.channel[i].irq_fd);
	begin_stop(s);
}

static void is_interrupted(struct server *s, struct ide_channel *c)
{
	bool idle = !c->active;
	struct udrv_irq_event event;

	ide_progress(c, 0);
	/* The end of the device wakes too, and no request may tell of it. */
	if (idle && read(c->irq_fd, &event, sizeof(event)) < 0 && errno == ENODEV)
		device_is_gone(s);
}

static void is_readable(struct server *s, int fd)
{
	if (fd == s->signals)
		is_signalled(s);
	for (unsigned i = 0; i < IDE_CHANNELS; i++)
		if (fd == s->ide.channel[i].irq_fd)
			is_interrupted(s, &s->ide.channel[i]);
}

static void handle(struct server *s, const struct usr_block_event *event)
{
	struct served *served;

	if (event->kind == USR_BLOCK_READABLE) {
		is_readable(s, event->fd);
		return;
	}
	served = by_block(s, event->disk);
	if (!served)
		return;
	if (event->kind == USR_BLOCK_REQUEST)
		begin_request(s, served, event);
	else if (event->kind == USR_BLOCK_READY)
		is_ready(s, served);
	else
		is_stopped(s, served, event);
}

static void hand_back(struct server *s)
{
	struct ide_request *r;

	while ((r = ide_finished(&s->ide))) {
		struct served *served = r->cookie;

		if (r->error == ENODEV)
			device_is_gone(s);
		else if (r->error)
			tell(served->disk, r->problem);
		s->estate->completed++;
		usr_block_complete(s->block, (unsigned)served->block,
				   (unsigned)(r - served->request), r->error);
	}
}

static int sleep_ms(const struct server *s)
{
	uint64_t now, deadline = ide_deadline(&s->ide);

	if (deadline == UINT64_MAX)
		return -1;
	if (s->ide.polled)
		return 0;
	now = ide_now();
	return now >= deadline ? 0 : (int)((deadline - now) / 1000000) + 1;
}

static int run(struct server *s)
{
	static struct usr_block_event events[EVENTS];

	while (!all(s, true)) {
		int n = usr_block_wait(s->block, events, EVENTS, sleep_ms(s));

		if (n < 0 && errno != EINTR)
			return say_why("%s", usr_error());
		for (int i = 0; i < n; i++)
			handle(s, &events[i]);
		for (unsigned i = 0; s->ide.polled && i < IDE_CHANNELS; i++)
			ide_progress(&s->ide.channel[i], 1000);
		if (ide_now() >= ide_deadline(&s->ide))
			ide_expire(&s->ide);
		hand_back(s);
	}
	return s->failed;
}

int serve_disks(int fd, const struct options *options,
		struct serve_estate *estate)
{
	struct server *s = &server;
	int status;

	s->options = options;
	s->estate = estate;
	/*
	 * A dump goes on for long, while nobody serves and the files stay open;
	 * if it goes to one of our own disks it never ends.
	 */
	if (!options->core)
		prctl(PR_SET_DUMPABLE, 0);
	status = usr_block_harden() ? say_why("%s", usr_error()) : 0;
	if (options->service)
		service_drop_capabilities();
	if (!status)
		status = start(s, fd);
	if (!status)
		status = run(s);
	usr_block_server_free(s->block);
	ide_stop(&s->ide);
	return status;
}

/* ------------------------------------------------------------------ command */

/* So large are the requests that the kernel's disk was made for. */
static uint32_t kernel_transfer(enum usr_block_kind kind, int number)
{
	char path[64];
	unsigned kib = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/block/%s%d/queue/max_sectors_kb",
		 kind == USR_BLOCK_UBLK ? "ublkb" : "nbd", number);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (fscanf(file, "%u", &kib) != 1 || kib > BIGGEST_TRANSFER >> 10)
		kib = 0;
	fclose(file);
	return kib << 10;
}

/* --resume: what the dead left, as far as the command line tells. */
static void inherit(struct serve_estate *estate, const struct options *options)
{
	unsigned n = 0;

	estate->kind = options->kind;
	for (unsigned i = 0; i < IDE_DISKS; i++) {
		if (!(options->disks & 1u << i))
			continue;
		estate->disk[i].number = options->numbers[n++];
		estate->disk[i].made = true;
	}
	estate->transfer = kernel_transfer(options->kind, options->numbers[0]);
}

/*
 * As a service: in a file that the manager keeps, where the next one finds it.
 * One of another size is another version's, which would have served otherwise.
 */
static int estate_file(void)
{
	struct stat about;
	int file = service_file(ESTATE_NAME);

	if (file >= 0 && !fstat(file, &about) &&
	    about.st_size == sizeof(struct serve_estate))
		return file;
	service_forget(ESTATE_NAME);
	file = memfd_create(ESTATE_NAME, MFD_CLOEXEC);
	if (file >= 0 && (ftruncate(file, sizeof(struct serve_estate)) ||
			  (service_keep(file, ESTATE_NAME) && errno != ESRCH))) {
		close(file);
		return -1;
	}
	return file;
}

static struct serve_estate *estate_new(const struct options *options)
{
	int file = options->service ? estate_file() : -1;
	struct serve_estate *estate = MAP_FAILED;

	if (file >= 0 || !options->service)
		estate = mmap(NULL, sizeof(*estate), PROT_READ | PROT_WRITE,
			      MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0), file, 0);
	return estate == MAP_FAILED ? NULL : estate;
}

int command_serve(int fd, const struct options *options)
{
	struct serve_estate *estate;
	sigset_t set;

	estate = estate_new(options);
	if (!estate)
		return say_why("nowhere to note what a successor must know: %s",
			       strerror(errno));
	if (options->resume) {
		inherit(estate, options);
	}
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return options->supervise ? serve_supervised(fd, options, estate) :
	       serve_disks(fd, options, estate);
}
