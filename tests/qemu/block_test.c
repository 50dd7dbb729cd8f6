// SPDX-License-Identifier: MIT
/*
 * Disks of the kernel's out of memory, by every way that the kernel offers.
 *
 * The test's process is the disk's user, a child serves it.  What both, and a
 * child's successor, have to know is in shared memory.
 */
#include "harness.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <linux/fs.h>

#include "block_nbd.h"
#include "block_ublk.h"

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define MIB (1u << 20)
#define DISKS 2
#define BYTES (16 * MIB)
#define DEPTH 16
#define TRANSFER (256u * 1024)
#define OPS 4

/* What the serving child does with requests. */
enum mode {
	ANSWER,
	FAIL,			/* with shared->error */
	HOLD,			/* until there are shared->hold, then backwards */
	STUCK,			/* never answer */
	DROP,			/* forget */
};

static struct shared {
	enum usr_block_kind kind;
	unsigned disks;
	struct usr_block_disk disk;	/* all are alike */
	_Atomic enum mode mode;
	_Atomic int error;
	_Atomic unsigned hold;
	_Atomic unsigned stop;		/* bit per disk */
	_Atomic unsigned taken;		/* requests that are being held */
	_Atomic unsigned counts[OPS];
	_Atomic uint64_t discarded;
	_Atomic unsigned largest;
	_Atomic int ready[DISKS], scanned[DISKS];
	_Atomic int stopped[DISKS], stop_error[DISKS];
	_Atomic unsigned pokes;		/* of the watched file */
	_Atomic int refused;		/* errno of what did not start */
	bool count_memory;		/* none may be allocated in service */
	long allocated;			/* bytes, at READY */
	char sentence[256];
	int number[DISKS];
	char path[DISKS][32];
} *shared;

static char *memory;			/* what is on the disks */
static int poke_fd = -1;
static pid_t child;

/* ------------------------------------------------------------- the server's side */

static struct usr_block_event held[USR_BLOCK_MAX_DEPTH * DISKS];
static unsigned held_count;

static void answer(struct usr_block_server *server,
		   const struct usr_block_event *event)
{
	char *place = memory + (size_t)event->disk * BYTES + event->offset;

	if (shared->mode == FAIL) {
		MUST_OK(sys(usr_block_complete(server, event->disk, event->tag,
					       shared->error)));
		return;
	}
	if (event->op == USR_BLOCK_OP_READ)
		memcpy(event->buffer, place, event->bytes);
	else if (event->op == USR_BLOCK_OP_WRITE)
		memcpy(place, event->buffer, event->bytes);
	else if (event->op == USR_BLOCK_OP_DISCARD)
		memset(place, 0, event->bytes);
	MUST_OK(sys(usr_block_complete(server, event->disk, event->tag, 0)));
}

static void take(struct usr_block_server *server,
		 const struct usr_block_event *event)
{
	const struct usr_block_disk *disk = &shared->disk;

	shared->counts[event->op]++;
	shared->scanned[event->disk] = 1;
	if (event->op == USR_BLOCK_OP_DISCARD) {
		shared->discarded += event->bytes;
		MUST(event->bytes <= disk->max_discard);
	} else if (event->op != USR_BLOCK_OP_FLUSH) {
		MUST(event->bytes && event->bytes <= disk->max_transfer);
		MUST((char *)event->buffer == (char *)disk->buffers +
		     (size_t)event->disk * DEPTH * TRANSFER +
		     (size_t)event->tag * disk->max_transfer);
		if (event->bytes > shared->largest)
			shared->largest = event->bytes;
	}
	MUST(event->offset + event->bytes <= disk->bytes);
	MUST(event->tag < disk->depth);
	if (shared->mode == ANSWER || shared->mode == FAIL) {
		answer(server, event);
		return;
	}
	held[held_count++] = *event;
	shared->taken = held_count;
}

static void let_go(struct usr_block_server *server)
{
	if (shared->mode == STUCK || (shared->mode == HOLD &&
				      held_count < shared->hold))
		return;
	while (held_count)
		answer(server, &held[--held_count]);
	shared->taken = 0;
}

static void poked(struct usr_block_server *server)
{
	unsigned i, stop;
	uint64_t count;

	/* In this order, or the poke of a stop not seen yet would be lost. */
	MUST(read(poke_fd, &count, sizeof(count)) == sizeof(count));
	stop = atomic_exchange(&shared->stop, 0);
	shared->pokes++;
	for (i = 0; i < shared->disks; i++)
		if (stop & 1u << i)
			MUST_OK(sys(usr_block_stop(server, i)));
}

/* Return: disks that are no more. */
static unsigned happened(struct usr_block_server *server,
			 const struct usr_block_event *event)
{
	switch (event->kind) {
	case USR_BLOCK_READY:
		snprintf(shared->path[event->disk], sizeof(shared->path[0]), "%s",
			 usr_block_path(server, event->disk));
		shared->number[event->disk] = usr_block_number(server, event->disk);
		shared->allocated = (long)mallinfo2().uordblks;
		shared->ready[event->disk] = 1;
		break;
	case USR_BLOCK_STOPPED:
		if (event->error)
			snprintf(shared->sentence, sizeof(shared->sentence), "%s",
				 usr_error());
		shared->stop_error[event->disk] = event->error;
		shared->stopped[event->disk] = 1;
		return 1;
	case USR_BLOCK_READABLE:
		MUST_EQUAL(event->fd, poke_fd);
		if (shared->stop && shared->count_memory)
			MUST_EQUAL((long)mallinfo2().uordblks, shared->allocated);
		poked(server);
		break;
	case USR_BLOCK_REQUEST:
		take(server, event);
		break;
	}
	return 0;
}

static void refuse(int error)
{
	snprintf(shared->sentence, sizeof(shared->sentence), "%s", usr_error());
	shared->refused = error;
	_exit(0);
}

static void serve(void *unused)
{
	struct usr_block_server *server = usr_block_server_new(shared->kind);
	struct usr_block_event events[8];
	struct usr_block_disk disk = shared->disk;
	unsigned i, gone = 0;
	int count;

	(void)unused;
	if (!server)
		refuse(errno);
	MUST_OK(sys(usr_block_watch(server, poke_fd)));
	for (i = 0; i < shared->disks; i++) {
		disk.buffers = (char *)shared->disk.buffers +
			(size_t)i * DEPTH * TRANSFER;
		if (disk.flags & USR_BLOCK_RESUME)
			disk.number = shared->number[i];
		if (usr_block_add(server, &disk) != (int)i)
			refuse(errno);
	}
	while (gone < shared->disks) {
		count = (int)sys(usr_block_wait(server, events, ARRAY_SIZE(events), -1));
		MUST_OK(count);
		for (int each = 0; each < count; each++)
			gone += happened(server, &events[each]);
		let_go(server);
	}
	usr_block_server_free(server);
}

/* --------------------------------------------------------------- the user's side */

static void *map_shared(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST(at != MAP_FAILED);
	return at;
}

static void setup(enum usr_block_kind kind)
{
	shared = map_shared(sizeof(*shared));
	memory = map_shared((size_t)DISKS * BYTES);
	poke_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	MUST_OK(sys(poke_fd));
	shared->kind = kind;
	shared->disks = 1;
	shared->disk = (struct usr_block_disk){
		.bytes = BYTES,
		.block_size = 512,
		.physical_block_size = 4096,
		.flags = USR_BLOCK_CACHE,
		.max_transfer = TRANSFER,
		.depth = DEPTH,
		.buffers = map_shared((size_t)DISKS * DEPTH * TRANSFER),
		.number = -1,
		.outage_s = 30,
		.answer_s = 30,
	};
}

/*
 * Newer kernels look for partitions when the disk is there already, and block
 * who opens it meanwhile: a test that holds requests back would hang itself.
 */
static void wait_scanned(void)
{
	unsigned i;
	int fd;

	for (i = 0; i < shared->disks; i++) {
		WAIT_FOR(shared->scanned[i]);
		fd = open(shared->path[i], O_RDONLY | O_CLOEXEC);
		MUST_OK(sys(fd));
		close(fd);
	}
}

static void start(void)
{
	unsigned i;

	for (i = 0; i < DISKS; i++)
		shared->ready[i] = shared->stopped[i] = shared->scanned[i] = 0;
	shared->refused = 0;
	child = spawn(serve, NULL);
	for (i = 0; i < shared->disks; i++)
		WAIT_FOR(shared->ready[i] || shared->refused || shared->stopped[i]);
	if (shared->refused == EOPNOTSUPP)
		skip("%s", shared->sentence);
	if (shared->refused || shared->stopped[0])
		fail(__FILE__, __LINE__, "refused: %s", shared->sentence);
	if (!(shared->disk.flags & USR_BLOCK_RESUME))
		wait_scanned();
}

static void poke(void)
{
	uint64_t one = 1;

	MUST(write(poke_fd, &one, sizeof(one)) == sizeof(one));
}

static void set_mode(enum mode mode)
{
	shared->mode = mode;
	poke();
}

/* Writing back may take its time. */
static void wait_stopped(unsigned disk)
{
	uint64_t end = now_ms() + (debug_kernel() ? 3 : 1) * WAIT_MS;

	while (!shared->stopped[disk] && now_ms() < end)
		usleep(500);
	MUST(shared->stopped[disk]);
}

/* For who has it open: ublk before 6.9 is not STOPPED until nobody has. */
static void wait_gone(void)
{
	uint64_t end = now_ms() + (debug_kernel() ? 3 : 1) * WAIT_MS;

	while (!shared->stopped[0] && !access(shared->path[0], F_OK) &&
	       now_ms() < end)
		usleep(500);
}

static void stop(void)
{
	unsigned i;

	shared->stop = (1u << shared->disks) - 1;
	poke();
	for (i = 0; i < shared->disks; i++)
		if (!shared->stopped[i])
			wait_stopped(i);
	MUST_EQUAL(reap(child), 0);
	for (i = 0; i < shared->disks; i++)
		MUST_EQUAL(shared->stop_error[i], 0);
}

static void kill_server(void)
{
	MUST_OK(sys(kill(child, SIGKILL)));
	MUST_EQUAL(reap(child), 128 + SIGKILL);
}

static int open_disk(int flags)
{
	int fd = open(shared->path[0], flags | O_CLOEXEC);

	MUST_OK(sys(fd));
	return fd;
}

/* Of the queue: by path, so that both kinds are looked at alike. */
static long long queue(const char *name)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), "/sys/block/%s/%s",
		 strrchr(shared->path[0], '/') + 1, name);
	MUST_OK(read_text(path, text, sizeof(text)));
	return atoll(text);
}

/* Bytes that tell where they are, and which version of them it is. */
static void fill(char *to, uint64_t offset, size_t bytes, unsigned version)
{
	size_t i;

	for (i = 0; i < bytes; i += 8) {
		uint64_t word = (offset + i) * 0x9e3779b97f4a7c15u + version;

		memcpy(to + i, &word, 8);
	}
}

static void must_hold(const char *what, uint64_t offset, size_t bytes,
		      unsigned version)
{
	static char wanted[MIB];

	fill(wanted, offset, bytes, version);
	MUST(!memcmp(what, wanted, bytes));
}

static char *aligned(size_t bytes)
{
	void *at = mmap(NULL, bytes + 4096, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	MUST(at != MAP_FAILED);
	return at;
}

/* ---------------------------------------------------------------------- tests */

static void limits_are_the_disks(enum usr_block_kind kind)
{
	setup(kind);
	start();
	MUST_EQUAL(queue("size") * 512, BYTES);
	MUST_EQUAL(queue("queue/logical_block_size"), 512);
	MUST(queue("queue/max_sectors_kb") <= TRANSFER / 1024);
	MUST_EQUAL(queue("queue/rotational"), 0);
	MUST_EQUAL(queue("queue/discard_max_bytes"), 0);
	MUST_EQUAL(queue("ro"), 0);
	if (kind == USR_BLOCK_UBLK)
		MUST_EQUAL(queue("queue/physical_block_size"), 4096);
	stop();
	shared->disk.flags |= USR_BLOCK_ROTATIONAL;
	shared->disk.block_size = 4096;
	shared->disk.max_transfer = 4096;
	shared->disk.depth = 1;
	start();
	MUST_EQUAL(queue("queue/logical_block_size"), 4096);
	MUST_EQUAL(queue("queue/max_sectors_kb"), 4);
	MUST_EQUAL(queue("queue/rotational"), 1);
	stop();
}

static void data_come_back(enum usr_block_kind kind)
{
	static const struct { unsigned offset, bytes, slant; } shapes[] = {
		{ 0, 512, 0 }, { 512, 512, 512 }, { 4096, 4096, 0 },
		{ 8192 + 512, 4096, 512 }, { 65536, 12288, 2048 },
		{ MIB - 512, 1024, 512 }, { MIB, TRANSFER, 0 },
		{ 2 * MIB, TRANSFER + 512, 512 }, { 3 * MIB, MIB, 0 },
		{ 5 * MIB + 512, MIB - 1024, 1536 }, { BYTES - 512, 512, 0 },
		{ BYTES - MIB, MIB, 0 },
	};
	char *buffer;
	unsigned i;
	int fd;

	setup(kind);
	shared->count_memory = true;
	start();
	buffer = aligned(MIB);
	fd = open_disk(O_RDWR | O_DIRECT);
	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		char *at = buffer + shapes[i].slant;
		size_t bytes = shapes[i].bytes;

		fill(at, shapes[i].offset, bytes, i);
		MUST_EQUAL(pwrite(fd, at, bytes, shapes[i].offset), bytes);
		must_hold(memory + shapes[i].offset, shapes[i].offset, bytes, i);
		memset(at, 0, bytes);
		MUST_EQUAL(pread(fd, at, bytes, shapes[i].offset), bytes);
		must_hold(at, shapes[i].offset, bytes, i);
	}
	MUST_EQUAL(pread(fd, buffer, 4096, BYTES), 0);
	MUST(shared->largest <= TRANSFER);
	close(fd);
	stop();
}

struct piece {
	unsigned index, version;
	bool write;
};

/* One request; exit status 1 tells of a wrong one. */
static void one_piece(void *data)
{
	const struct piece *piece = data;
	uint64_t offset = piece->index * 32768ull;	/* too far to be merged */
	char *buffer = aligned(8192);
	int fd = open_disk(O_RDWR | O_DIRECT);

	fill(buffer, offset, 8192, piece->version);
	if (piece->write)
		MUST_EQUAL(pwrite(fd, buffer, 8192, (off_t)offset), 8192);
	else
		MUST_EQUAL(pread(fd, buffer, 8192, (off_t)offset), 8192);
	must_hold(buffer, offset, 8192, piece->version);
	munmap(buffer, 8192 + 4096);
	close(fd);
}

static void many_pieces(pid_t *pids, unsigned count, unsigned version, bool write)
{
	unsigned i;

	for (i = 0; i < count; i++) {
		struct piece piece = { i, version, write };

		pids[i] = spawn(one_piece, &piece);
	}
}

/* Neighbours stay requests of their own: so many are waited for. */
static void merge_nothing(void)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/sys/block/%s/queue/nomerges",
		 strrchr(shared->path[0], '/') + 1);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	MUST_OK(sys(fd));
	MUST_EQUAL(write(fd, "2", 1), 1);
	close(fd);
}

static void answers_come_in_any_order(enum usr_block_kind kind)
{
	pid_t pids[8];
	unsigned i, round;

	setup(kind);
	start();
	merge_nothing();
	for (round = 0; round < 2; round++) {
		shared->hold = 8;
		set_mode(HOLD);
		many_pieces(pids, 8, 7, !round);
		for (i = 0; i < 8; i++)
			MUST_EQUAL(reap(pids[i]), 0);
		set_mode(ANSWER);
	}
	stop();
}

/* More requests at a time than the disk takes. */
static void the_rest_waits(enum usr_block_kind kind)
{
	pid_t pids[8];
	unsigned i;

	setup(kind);
	shared->disk.depth = 3;
	start();
	set_mode(STUCK);
	many_pieces(pids, 8, 3, true);
	WAIT_FOR(shared->taken == 3);
	usleep(50000);
	MUST_EQUAL(shared->taken, 3);
	set_mode(DROP);
	for (i = 0; i < 8; i++)
		MUST_EQUAL(reap(pids[i]), 0);
	set_mode(ANSWER);
	stop();
}

static void flush_is_delivered(enum usr_block_kind kind)
{
	char *buffer = aligned(4096);
	unsigned before;
	int fd;

	setup(kind);
	start();
	fd = open_disk(O_RDWR);
	before = shared->counts[USR_BLOCK_OP_FLUSH];
	MUST_EQUAL(pwrite(fd, buffer, 4096, 0), 4096);
	MUST_OK(sys(fsync(fd)));
	MUST(shared->counts[USR_BLOCK_OP_FLUSH] > before);
	close(fd);
	stop();
	/* Without a cache there is nothing to be flushed. */
	shared->disk.flags = 0;
	start();
	before = shared->counts[USR_BLOCK_OP_FLUSH];
	fd = open_disk(O_RDWR);
	MUST_EQUAL(pwrite(fd, buffer, 4096, 0), 4096);
	MUST_OK(sys(fsync(fd)));
	MUST_EQUAL(shared->counts[USR_BLOCK_OP_FLUSH], before);
	close(fd);
	stop();
}

static void discard_is_delivered(enum usr_block_kind kind)
{
	uint64_t range[2] = { MIB, 3 * MIB };
	int fd;

	setup(kind);
	shared->disk.flags |= USR_BLOCK_DISCARD;
	shared->disk.max_discard = MIB;
	shared->disk.discard_granularity = 4096;
	start();
	memset(memory, 0x55, BYTES);
	fd = open_disk(O_RDWR | O_DIRECT);
	MUST_OK(sys(ioctl(fd, BLKDISCARD, range)));
	MUST_EQUAL(shared->discarded, 3 * MIB);
	MUST(memory[MIB - 1] == 0x55 && !memory[MIB] && !memory[4 * MIB - 1] &&
	     memory[4 * MIB] == 0x55);
	close(fd);
	stop();
}

static void errors_are_delivered(enum usr_block_kind kind)
{
	char *buffer = aligned(4096);
	unsigned before;
	int fd;

	setup(kind);
	start();
	fd = open_disk(O_RDWR | O_DIRECT);
	shared->error = EIO;
	set_mode(FAIL);
	MUST_ERROR(sys(pread(fd, buffer, 4096, 0)), EIO);
	MUST_ERROR(sys(pwrite(fd, buffer, 4096, 0)), EIO);
	shared->error = ENOSPC;
	/* NBD's kernel side has one error only. */
	MUST_ERROR(sys(pwrite(fd, buffer, 4096, 0)),
		   kind == USR_BLOCK_UBLK ? ENOSPC : EIO);
	/* A flush that is tried again might succeed, and the data be lost. */
	shared->error = EIO;
	before = shared->counts[USR_BLOCK_OP_FLUSH];
	MUST_ERROR(sys(fsync(fd)), EIO);
	MUST_EQUAL(shared->counts[USR_BLOCK_OP_FLUSH], before + 1);
	set_mode(ANSWER);
	MUST_EQUAL(pwrite(fd, buffer, 4096, 0), 4096);
	close(fd);
	stop();
}

static void read_only_refuses(enum usr_block_kind kind)
{
	char *buffer = aligned(4096);
	int fd;

	setup(kind);
	shared->disk.flags |= USR_BLOCK_READ_ONLY;
	start();
	MUST_EQUAL(queue("ro"), 1);
	fd = open_disk(O_RDONLY | O_DIRECT);
	MUST_EQUAL(pread(fd, buffer, 4096, 0), 4096);
	close(fd);
	fd = open(shared->path[0], O_RDWR);
	if (fd >= 0)		/* since 6.9 writing is what is refused */
		MUST_ERROR(sys(pwrite(fd, buffer, 4096, 0)), EPERM);
	else
		MUST_EQUAL(errno, EACCES);
	close(fd);
	MUST_EQUAL(shared->counts[USR_BLOCK_OP_WRITE], 0);
	stop();
}

static void partitions_are_seen(enum usr_block_kind kind)
{
	/* One entry: type 0x83, sectors 2048 to 10239. */
	static const unsigned char entry[16] = {
		0, 0, 0, 0, 0x83, 0, 0, 0, 0, 8, 0, 0, 0, 0x20, 0, 0,
	};
	char path[64];

	setup(kind);
	memcpy(memory + 446, entry, sizeof(entry));
	memory[510] = 0x55;
	memory[511] = (char)0xaa;
	start();
	snprintf(path, sizeof(path), "%sp1", shared->path[0]);
	WAIT_FOR(!access(path, F_OK));
	snprintf(path, sizeof(path), "%sp1/size",
		 strrchr(shared->path[0], '/') + 1);
	MUST_EQUAL(queue(path), 8192);
	stop();
}

static void two_disks_have_one_server(enum usr_block_kind kind)
{
	char *buffer = aligned(8192);
	unsigned i;

	setup(kind);
	shared->disks = 2;
	start();
	MUST(shared->number[0] != shared->number[1]);
	for (i = 0; i < 2; i++) {
		int fd = open(shared->path[i], O_RDWR | O_DIRECT);

		fill(buffer, 4096, 8192, i);
		MUST_EQUAL(pwrite(fd, buffer, 8192, 4096), 8192);
		close(fd);
	}
	must_hold(memory + 4096, 4096, 8192, 0);
	must_hold(memory + BYTES + 4096, 4096, 8192, 1);
	/* One goes, the other stays. */
	shared->stop = 1;
	poke();
	WAIT_FOR(shared->stopped[0]);
	MUST(access(shared->path[0], F_OK) || !queue("size"));
	snprintf(shared->path[0], sizeof(shared->path[0]), "%s", shared->path[1]);
	MUST_EQUAL(queue("size") * 512, BYTES);
	shared->stop = 2;
	poke();
	WAIT_FOR(shared->stopped[1]);
	MUST_EQUAL(reap(child), 0);
}

static void watched_files_wake_up(enum usr_block_kind kind)
{
	unsigned i;

	setup(kind);
	start();
	for (i = 1; i <= 200; i++) {
		poke();
		WAIT_FOR(shared->pokes == i);
	}
	stop();
}

static void run(const char *format, ...)
{
	char command[512];
	va_list args;
	int status;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	status = system(command);
	if (status)
		fail(__FILE__, __LINE__, "%s: status %d", command, status);
}

#define MOUNT "/tmp/block_test"

static void a_filesystem_lives_on_it(enum usr_block_kind kind)
{
	setup(kind);
	shared->disk.flags |= USR_BLOCK_DISCARD;
	shared->disk.max_discard = MIB;
	shared->disk.discard_granularity = 4096;
	start();
	run("mkfs.ext4 -q %s", shared->path[0]);
	mkdir(MOUNT, 0755);
	MUST_OK(sys(mount(shared->path[0], MOUNT, "ext4", 0, "discard")));
	run("head -c 3000000 /dev/urandom >" MOUNT "/a && cp " MOUNT "/a " MOUNT "/b"
	    " && echo 3 >/proc/sys/vm/drop_caches && cmp " MOUNT "/a " MOUNT "/b"
	    " && rm " MOUNT "/b");
	MUST_OK(sys(umount(MOUNT)));
	run("e2fsck -fn %s >/dev/null 2>&1", shared->path[0]);
	stop();
}

/* What was not even flushed is there after an orderly stop. */
static void stop_writes_back(enum usr_block_kind kind)
{
	static char buffer[MIB];
	int fd;

	setup(kind);
	start();
	fd = open_disk(O_RDWR);
	fill(buffer, 0, sizeof(buffer), 9);
	MUST_EQUAL(pwrite(fd, buffer, sizeof(buffer), 0), sizeof(buffer));
	/* Before closing, which would write it back, too. */
	shared->stop = 1;
	poke();
	wait_gone();
	must_hold(memory, 0, sizeof(buffer), 9);
	close(fd);
	wait_stopped(0);
	MUST_EQUAL(reap(child), 0);
}

static void stop_writes_mounts_back(enum usr_block_kind kind)
{
	setup(kind);
	start();
	run("mkfs.ext4 -q %s", shared->path[0]);
	mkdir(MOUNT, 0755);
	MUST_OK(sys(mount(shared->path[0], MOUNT, "ext4", 0, NULL)));
	run("echo precious >" MOUNT "/file");
	shared->stop = 1;
	poke();
	wait_gone();
	umount(MOUNT);
	wait_stopped(0);
	MUST_EQUAL(reap(child), 0);
	/* The same memory as a disk again. */
	start();
	MUST_OK(sys(mount(shared->path[0], MOUNT, "ext4", 0, NULL)));
	run("grep -q precious " MOUNT "/file");
	MUST_OK(sys(umount(MOUNT)));
	stop();
}

#define WRITER_BYTES 8192
#define WRITER_STEP 65536ull	/* too far to be merged */

/* Writes versions over and over; says which it knows to be on the disk. */
static _Atomic unsigned *acknowledged;

static void writer(void *data)
{
	unsigned index = *(unsigned *)data, version;
	char *buffer = aligned(WRITER_BYTES);
	int fd = open_disk(O_RDWR | O_DIRECT);

	for (version = 1; ; version++) {
		fill(buffer, index * WRITER_STEP, WRITER_BYTES, version);
		if (pwrite(fd, buffer, WRITER_BYTES, (off_t)(index * WRITER_STEP)) !=
		    WRITER_BYTES)
			_exit(version > 1 ? 0 : 1);
		acknowledged[index] = version;
	}
}

static unsigned version_at(uint64_t offset)
{
	uint64_t word;

	memcpy(&word, memory + offset, sizeof(word));
	return (unsigned)(word - offset * 0x9e3779b97f4a7c15u);
}

static void start_writers(pid_t *pids, unsigned count)
{
	unsigned i;

	acknowledged = map_shared(4096);
	for (i = 0; i < count; i++)
		pids[i] = spawn(writer, &i);
	for (i = 0; i < count; i++)
		WAIT_FOR(acknowledged[i] > 3);
}

/* The last write may have been done without our being told. */
static void check_writers(unsigned count)
{
	unsigned i, version;

	for (i = 0; i < count; i++) {
		version = version_at(i * WRITER_STEP);
		MUST(version == acknowledged[i] || version == acknowledged[i] + 1);
		must_hold(memory + i * WRITER_STEP, i * WRITER_STEP,
			  WRITER_BYTES, version);
	}
}

/* Killed and not followed, it may have done a part of that one. */
static void check_torn_writers(unsigned count)
{
	unsigned i, version;
	uint64_t at;

	for (i = 0; i < count; i++) {
		for (at = 0; at < WRITER_BYTES; at += 8) {
			version = version_at(i * WRITER_STEP + at);
			MUST(version == acknowledged[i] ||
			     version == acknowledged[i] + 1);
		}
	}
}

static void stop_under_load_loses_nothing(enum usr_block_kind kind)
{
	pid_t pids[4];
	unsigned i;

	setup(kind);
	start();
	start_writers(pids, 4);
	shared->stop = 1;
	poke();
	for (i = 0; i < 4; i++)
		MUST_EQUAL(reap(pids[i]), 0);
	WAIT_FOR(shared->stopped[0]);
	MUST_EQUAL(reap(child), 0);
	check_writers(4);
}

static void a_successor_takes_over(enum usr_block_kind kind)
{
	unsigned i, round, before[4];
	pid_t pids[4];

	setup(kind);
	shared->disk.answer_s = 3;
	start();
	start_writers(pids, 4);
	for (round = 0; round < 2; round++) {
		/* The second time with all of them in its hands. */
		if (round) {
			set_mode(STUCK);
			WAIT_FOR(shared->taken == 4);
		}
		kill_server();
		shared->taken = 0;
		shared->mode = ANSWER;
		for (i = 0; i < 4; i++)
			before[i] = acknowledged[i];
		shared->disk.flags |= USR_BLOCK_RESUME;
		start();
		for (i = 0; i < 4; i++)
			WAIT_FOR(acknowledged[i] > before[i] + 3);
	}
	for (i = 0; i < 4; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < 4; i++)
		MUST_EQUAL(reap(pids[i]), 128 + SIGKILL);
	check_writers(4);
	stop();
}

static void the_outage_limit_is_kept(enum usr_block_kind kind)
{
	pid_t pids[2];
	unsigned i;

	setup(kind);
	shared->disk.outage_s = 1;
	shared->disk.answer_s = 1;
	start();
	start_writers(pids, 2);
	MUST_ERROR(sys(usr_block_abandon(kind, shared->number[0])), EBUSY);
	kill_server();
	if (kind == USR_BLOCK_UBLK) {
		usleep(200000);
		MUST_EQUAL(waitpid(pids[0], NULL, WNOHANG), 0);
		MUST_OK(sys(usr_block_abandon(kind, shared->number[0])));
	}
	for (i = 0; i < 2; i++)
		MUST_EQUAL(reap(pids[i]), 0);
	check_torn_writers(2);
	if (kind == USR_BLOCK_NBD)
		MUST_OK(sys(usr_block_abandon(kind, shared->number[0])));
	MUST_ERROR(sys(usr_block_abandon(kind, shared->number[0])), ENOENT);
}

static void resume_needs_a_dead_server(enum usr_block_kind kind)
{
	pid_t first;

	setup(kind);
	start();
	first = child;
	shared->disk.flags |= USR_BLOCK_RESUME;
	shared->ready[0] = 0;
	child = spawn(serve, NULL);
	WAIT_FOR(shared->refused);
	MUST_EQUAL(shared->refused, EBUSY);
	MUST_EQUAL(reap(child), 0);
	shared->number[0] = 15;
	shared->refused = 0;
	child = spawn(serve, NULL);
	WAIT_FOR(shared->refused);
	MUST_EQUAL(shared->refused, ENOENT);
	MUST_EQUAL(reap(child), 0);
	child = first;
	one_piece(&(struct piece){ 0, 1, true });
	stop();
}

/* The kernel hangs up on who is slow; that must not be the end. */
static void slow_answers_are_late_not_lost(enum usr_block_kind kind)
{
	pid_t pids[4];
	unsigned i;

	setup(kind);
	shared->disk.answer_s = 1;
	start();
	set_mode(STUCK);
	many_pieces(pids, 4, 2, true);
	WAIT_FOR(shared->taken == 4);
	sleep(3);
	set_mode(DROP);		/* answer what is held, once */
	usleep(1000);
	set_mode(ANSWER);
	for (i = 0; i < 4; i++)
		MUST_EQUAL(reap(pids[i]), 0);
	one_piece(&(struct piece){ 0, 2, false });
	stop();
}

/* Each must fail. */
static void one_flush(void *unused)
{
	int fd = open_disk(O_RDWR);

	(void)unused;
	MUST_ERROR(sys(fsync(fd)), EIO);
	close(fd);
}

static void one_bad_read(void *unused)
{
	char *buffer = aligned(8192);
	int fd = open_disk(O_RDWR | O_DIRECT);

	(void)unused;
	MUST_ERROR(sys(pread(fd, buffer, 8192, MIB)), EIO);
	close(fd);
}

/*
 * The kernel hung up, and asks once more; meanwhile the driver says that it
 * failed.  Asked again a flush would succeed, and nobody learn what was lost.
 */
static void an_error_that_comes_late_is_told(enum usr_block_kind kind)
{
	unsigned flushes, reads;
	pid_t pids[2];

	setup(kind);
	shared->disk.answer_s = 1;
	start();
	flushes = shared->counts[USR_BLOCK_OP_FLUSH];
	reads = shared->counts[USR_BLOCK_OP_READ];
	set_mode(STUCK);
	pids[0] = spawn(one_flush, NULL);
	pids[1] = spawn(one_bad_read, NULL);
	WAIT_FOR(shared->taken == 2);
	sleep(3);
	shared->error = EIO;
	set_mode(FAIL);		/* what is held, once */
	WAIT_FOR(!shared->taken);
	set_mode(ANSWER);
	MUST_EQUAL(reap(pids[0]), 0);
	MUST_EQUAL(reap(pids[1]), 0);
	MUST_EQUAL(shared->counts[USR_BLOCK_OP_FLUSH], flushes + 1);
	MUST_EQUAL(shared->counts[USR_BLOCK_OP_READ], reads + 1);
	/* Told once: from then on it is asked anew. */
	one_piece(&(struct piece){ MIB / 32768, 2, true });
	one_piece(&(struct piece){ MIB / 32768, 2, false });
	stop();
}

static void remove_ublk(int number)
{
	struct ublk_control control;

	MUST_OK(usr_ublk_control_open(&control));
	MUST_OK(usr_ublk_plain(&control, UBLK_U_CMD_STOP_DEV, number));
	/* The server deletes it as well: only one of both finds it. */
	usr_ublk_delete(&control, number);
	usr_ublk_control_close(&control);
}

static void remove_nbd(int number)
{
	struct nl_sock *netlink;
	int family;

	MUST_OK(usr_nbd_netlink_open(&netlink, &family));
	MUST_OK(usr_nbd_netlink_disconnect(netlink, family, number));
	usr_nbd_netlink_close(netlink);
}

static void somebody_else_removes_it(enum usr_block_kind kind)
{
	setup(kind);
	start();
	one_piece(&(struct piece){ 0, 1, true });
	if (kind == USR_BLOCK_NBD)
		remove_nbd(shared->number[0]);
	else
		remove_ublk(shared->number[0]);
	WAIT_FOR(shared->stopped[0]);
	MUST_EQUAL(shared->stop_error[0], 0);
	MUST_EQUAL(reap(child), 0);
	/* The kernel forgets the number a little later. */
	WAIT_FOR(usr_block_abandon(kind, shared->number[0]) && errno == ENOENT);
}

/* What must be refused: a change of a good disk, and a word of the sentence. */
static const struct wrong {
	const char *word;
	size_t offset, size;
	uint64_t value;
} wrongs[] = {
#define WRONG(field, to) { #field, offsetof(struct usr_block_disk, field), \
		sizeof(((struct usr_block_disk *)0)->field), to }
	WRONG(bytes, 0), WRONG(bytes, 1000), WRONG(bytes, 1ull << 63),
	WRONG(block_size, 0), WRONG(block_size, 256), WRONG(block_size, 8192),
	WRONG(block_size, 1536),
	WRONG(physical_block_size, 0), WRONG(physical_block_size, 5000),
	WRONG(flags, 1u << 31),
	WRONG(max_transfer, 0), WRONG(max_transfer, 5000),
	WRONG(max_transfer, 2 * MIB),
	WRONG(depth, 0), WRONG(depth, USR_BLOCK_MAX_DEPTH + 1),
	WRONG(max_discard, 4096), WRONG(discard_granularity, 4096),
	WRONG(buffers, 0), WRONG(buffers, 0x1001),
	WRONG(number, (uint32_t)-2),
	{ "number", offsetof(struct usr_block_disk, flags), 4, USR_BLOCK_RESUME },
	{ "max_discard", offsetof(struct usr_block_disk, flags), 4,
	  USR_BLOCK_DISCARD },
};

static struct usr_block_server *server_of(enum usr_block_kind kind)
{
	struct usr_block_server *server = usr_block_server_new(kind);

	if (!server && errno == EOPNOTSUPP)
		skip("%s", usr_error());
	MUST(server && usr_block_server_kind(server) == kind);
	return server;
}

static void nonsense_is_refused(enum usr_block_kind kind)
{
	struct usr_block_server *server = server_of(kind);
	struct usr_block_event event;
	struct usr_block_disk disk;
	int pipes[USR_BLOCK_MAX_WATCHES + 1][2];
	size_t i;

	setup(kind);
	for (i = 0; i < ARRAY_SIZE(wrongs); i++) {
		disk = shared->disk;
		memcpy((char *)&disk + wrongs[i].offset, &wrongs[i].value,
		       wrongs[i].size);
		errno = 0;
		if (usr_block_add(server, &disk) != -1 || errno != EINVAL ||
		    !strstr(usr_error(), wrongs[i].word))
			fail(__FILE__, __LINE__, "%s = %#llx: errno %d, \"%s\"",
			     wrongs[i].word, (unsigned long long)wrongs[i].value,
			     errno, usr_error());
	}
	MUST_ERROR(sys(usr_block_add(server, NULL)), EINVAL);
	MUST_ERROR(sys(usr_block_wait(server, &event, 0, 0)), EINVAL);
	MUST_ERROR(sys(usr_block_complete(server, 0, 0, 0)), EINVAL);
	MUST_ERROR(sys(usr_block_stop(server, 0)), EINVAL);
	MUST_ERROR(sys(usr_block_number(server, 0)), EINVAL);
	MUST(!usr_block_path(server, 0));
	MUST_ERROR(sys(usr_block_watch(server, -1)), EINVAL);
	MUST_ERROR(sys(usr_block_watch(server, 999)), EINVAL);
	MUST_ERROR(sys(usr_block_unwatch(server, 0)), EINVAL);
	for (i = 0; i <= USR_BLOCK_MAX_WATCHES; i++) {
		MUST_OK(sys(pipe(pipes[i])));
		if (i < USR_BLOCK_MAX_WATCHES)
			MUST_OK(sys(usr_block_watch(server, pipes[i][0])));
	}
	MUST_ERROR(sys(usr_block_watch(server, pipes[0][0])), EINVAL);
	MUST_ERROR(sys(usr_block_watch(server, pipes[i - 1][0])), ENOSPC);
	MUST_EQUAL(usr_block_wait(server, &event, 1, 10), 0);
	MUST_OK(sys(usr_block_unwatch(server, pipes[0][0])));
	MUST(write(pipes[0][1], "", 1) == 1 && write(pipes[1][1], "", 1) == 1);
	MUST_EQUAL(usr_block_wait(server, &event, 1, 1000), 1);
	MUST(event.kind == USR_BLOCK_READABLE && event.fd == pipes[1][0]);
	usr_block_server_free(server);
	usr_block_server_free(NULL);
	MUST_ERROR(sys(usr_block_abandon(kind, -1)), EINVAL);
	MUST_ERROR(sys(usr_block_abandon(USR_BLOCK_ANY, 1)), EINVAL);
}

static void who_is_not_root_is_told(enum usr_block_kind kind)
{
	become_nobody();
	MUST(!usr_block_server_new(kind));
	MUST_EQUAL(errno, EPERM);
	MUST(strstr(usr_error(), "root"));
}

/* Alone with the modules, that they can be unloaded: nothing was left. */
static void nothing_is_left(void)
{
	if (!access("/sys/module/nbd", F_OK))
		run("rmmod nbd");
	if (!access("/sys/module/ublk_drv", F_OK))
		run("rmmod ublk_drv");
}

#define EACH(macro)				\
	macro(limits_are_the_disks)		\
	macro(data_come_back)			\
	macro(answers_come_in_any_order)	\
	macro(the_rest_waits)			\
	macro(flush_is_delivered)		\
	macro(discard_is_delivered)		\
	macro(errors_are_delivered)		\
	macro(read_only_refuses)		\
	macro(partitions_are_seen)		\
	macro(two_disks_have_one_server)	\
	macro(watched_files_wake_up)		\
	macro(a_filesystem_lives_on_it)		\
	macro(stop_writes_back)			\
	macro(stop_writes_mounts_back)		\
	macro(stop_under_load_loses_nothing)	\
	macro(a_successor_takes_over)		\
	macro(the_outage_limit_is_kept)		\
	macro(resume_needs_a_dead_server)	\
	macro(slow_answers_are_late_not_lost)	\
	macro(an_error_that_comes_late_is_told)	\
	macro(somebody_else_removes_it)		\
	macro(nonsense_is_refused)		\
	macro(who_is_not_root_is_told)

#define RUNS(name)							\
	static void ublk_##name(void) { name(USR_BLOCK_UBLK); }		\
	static void nbd_##name(void) { name(USR_BLOCK_NBD); }
EACH(RUNS)

#define ENTRIES(name) TEST(ublk_##name), TEST(nbd_##name),
const struct test tests[] = {
	EACH(ENTRIES)
	TEST(nothing_is_left),
	{ NULL, NULL },
};
