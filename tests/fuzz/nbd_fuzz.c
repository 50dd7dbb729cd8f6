// SPDX-License-Identifier: MIT
/*
 * A connection by which NBD requests come: whole ones and halves, nonsense, and
 * an end at any time.  The driver gets what the disk has, no tag is lost, and
 * only what was asked is answered.
 */
#include <endian.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "hostile.h"
#include "block_nbd.h"

#define DEPTH		4u
#define TRANSFER	8192u
#define BYTES		(1u << 20)

static struct nbd_server server;
static struct nbd_disk disk;
static struct usr_block_server *base = &server.base;
static uint8_t *buffers;
static unsigned given[DEPTH], given_count;
static size_t answered, asked;

static void start(int fd)
{
	memset(&server, 0, sizeof(server));
	memset(&disk, 0, sizeof(disk));
	base->ops = &usr_nbd_ops;
	base->disks[0] = &disk.base;
	base->disk_count = 1;
	server.epoll = epoll_create1(EPOLL_CLOEXEC);
	buffers = aligned_alloc(4096, DEPTH * TRANSFER);
	CHECK(server.epoll >= 0 && buffers);
	memset(buffers, 0x11, DEPTH * TRANSFER);
	disk.base.server = base;
	disk.base.state = BLOCK_LIVE;
	disk.base.helper.pipe = -1;
	disk.base.what = (struct usr_block_disk) {
		.bytes = BYTES, .block_size = 512, .physical_block_size = 512,
		.flags = USR_BLOCK_DISCARD | USR_BLOCK_CACHE, .depth = DEPTH,
		.max_transfer = TRANSFER, .max_discard = 65536,
		.discard_granularity = 512, .buffers = buffers, .answer_s = 30,
	};
	disk.socket = fd;
	usr_nbd_reset(&disk);
	disk.readable = true;
	CHECK(!usr_nbd_epoll(&server, EPOLL_CTL_ADD, fd, EPOLLIN, NBD_DISK, 0));
	given_count = 0;
	answered = asked = 0;
}

static void check_request(const struct usr_block_event *event)
{
	CHECK(event->kind == USR_BLOCK_REQUEST && event->tag < DEPTH);
	CHECK(event->offset + event->bytes <= BYTES);
	CHECK(!(event->offset % 512) && !(event->bytes % 512));
	for (unsigned i = 0; i < given_count; i++)
		CHECK(given[i] != event->tag);
	CHECK(given_count < DEPTH);
	given[given_count++] = event->tag;
	if (event->op == USR_BLOCK_OP_READ || event->op == USR_BLOCK_OP_WRITE) {
		CHECK(event->bytes && event->bytes <= TRANSFER);
		CHECK((uint8_t *)event->buffer == buffers + event->tag * TRANSFER);
		/* All of it is there. */
		memset(event->buffer, 0x22, event->bytes);
	}
}

static void check_tags(void)
{
	unsigned seen[DEPTH] = { 0 }, open = 0;

	for (unsigned i = 0; i < disk.free.count; i++)
		seen[disk.free.tags[(disk.free.first + i) % USR_BLOCK_MAX_DEPTH]]++;
	for (unsigned i = 0; i < disk.answers.count; i++)
		seen[disk.answers.tags[(disk.answers.first + i) %
				       USR_BLOCK_MAX_DEPTH]]++;
	for (unsigned i = 0; i < disk.again.count; i++)
		seen[disk.again.tags[(disk.again.first + i) % USR_BLOCK_MAX_DEPTH]]++;
	if (disk.arriving >= 0)
		seen[disk.arriving]++;
	for (unsigned i = 0; i < DEPTH; i++) {
		open += disk.tags[i].state == NBD_OPEN;
		CHECK(seen[i] + (disk.tags[i].state == NBD_OPEN) == 1);
	}
	CHECK(open == disk.open && open == given_count);
}

static void take(unsigned room)
{
	struct usr_block_event list[8];
	struct block_events events = { .at = list, .capacity = room };

	usr_nbd_receive(&disk, &events);
	CHECK(events.count <= room);
	for (unsigned i = 0; i < events.count; i++)
		check_request(&list[i]);
}

static void complete(uint8_t how)
{
	unsigned at = how % (given_count + !given_count);

	if (!given_count)
		return;
	CHECK(!usr_nbd_ops.complete(&disk.base, given[at], how & 0x40 ? EIO : 0));
	given[at] = given[--given_count];
}

/* The kernel's side: what is sent, and what comes back. */
static void ask(int fd)
{
	static const uint32_t types[] = {
		NBD_CMD_READ, NBD_CMD_WRITE, NBD_CMD_FLUSH, NBD_CMD_TRIM,
	};
	uint8_t how = hostile_byte(), data[600];
	struct nbd_request request = {
		.magic = htobe32(NBD_REQUEST_MAGIC),
		.type = htobe32(types[how & 3]),
		.from = htobe64(hostile_bytes(2) * 64), .len = htobe32((uint32_t)
			(hostile_byte() * (how & 4 ? 512u : 100u))),
	};
	size_t size = sizeof(request);

	if (how & 8)
		((uint8_t *)&request)[hostile_byte() % size] = hostile_byte();
	if (how & 16)
		size = hostile_byte() % size;
	send(fd, &request, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	size = hostile_bytes(2) % sizeof(data);
	memset(data, how, size);
	if (how & 1)
		send(fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
	disk.readable = disk.socket >= 0;
	asked++;
}

static void hear(int fd)
{
	uint8_t data[4096];

	while (recv(fd, data, sizeof(data), MSG_DONTWAIT) > 0)
		answered++;
}

static void step(int *fd)
{
	uint8_t how = hostile_byte();

	switch (how % 6) {
	case 0:
	case 1:
		ask(*fd);
		break;
	case 2:
		take(how / 8 % 8 + 1u);
		break;
	case 3:
		complete(how);
		break;
	case 4:
		usr_nbd_send(&disk);
		hear(*fd);
		break;
	default:
		if (how < 250)
			break;
		shutdown(*fd, SHUT_RDWR);
		disk.readable = disk.socket >= 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int ends[2];

	CHECK(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	hostile_begin(data, size);
	start(ends[0]);
	while (!hostile_over()) {
		step(&ends[1]);
		check_tags();
	}
	while (given_count)
		complete(0);
	usr_nbd_broken(&disk);
	check_tags();
	CHECK(disk.free.count == DEPTH);
	close(ends[1]);
	close(server.epoll);
	free(buffers);
	hostile_end();
	return 0;
}
