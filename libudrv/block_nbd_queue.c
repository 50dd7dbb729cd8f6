// SPDX-License-Identifier: MIT
/*
 * A disk by NBD: requests come in and answers go out.
 *
 * Neither way waits: the kernel may be in the middle of a request, or may not
 * have taken our last answers, while the device wants to be looked after.
 */
#include <endian.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "block_nbd.h"

/* Answers in one sendmsg(). */
#define NBD_BATCH	16

unsigned usr_nbd_pop(struct nbd_queue *queue)
{
	unsigned tag = queue->tags[queue->first];

	queue->first = (queue->first + 1) % USR_BLOCK_MAX_DEPTH;
	queue->count--;
	return tag;
}

void usr_nbd_push(struct nbd_queue *queue, unsigned tag)
{
	queue->tags[(queue->first + queue->count++) % USR_BLOCK_MAX_DEPTH] =
		(uint8_t)tag;
}

static void usr_nbd_answer(struct nbd_disk *disk, unsigned tag, int error)
{
	disk->tags[tag].reply.error = htobe32((uint32_t)error);
	disk->tags[tag].state = NBD_ANSWERED;
	usr_nbd_push(&disk->answers, tag);
}

/* --- in */

/*
 * The connection has ended, or makes no sense any more.  What the driver has
 * it must give back before there is another one, see usr_nbd_reconnect().
 */
void usr_nbd_broken(struct nbd_disk *disk)
{
	if (disk->socket < 0)
		return;
	close(disk->socket);
	disk->socket = -1;
	usr_nbd_reset(disk);
}

/* Return: bytes, 0 if there are none now. */
static size_t usr_nbd_read(struct nbd_disk *disk, void *to, size_t size)
{
	ssize_t got;

	if (!disk->readable)
		return 0;
	do
		got = recv(disk->socket, to, size, MSG_DONTWAIT);
	while (got < 0 && errno == EINTR);
	/* The next byte to come makes an event, so less than asked is all. */
	if (got != (ssize_t)size)
		disk->readable = false;
	if (got > 0)
		return (size_t)got;
	if (!got || errno != EAGAIN)
		usr_nbd_broken(disk);
	return 0;
}

static size_t usr_nbd_ahead(const struct nbd_disk *disk)
{
	return disk->ahead_end - disk->ahead_first;
}

/* Data: first what a read for headers got of them. */
static size_t usr_nbd_data(struct nbd_disk *disk, void *to, size_t size)
{
	size_t ahead = usr_nbd_ahead(disk);

	if (!ahead)
		return usr_nbd_read(disk, to, size);
	if (size > ahead)
		size = ahead;
	memcpy(to, disk->ahead + disk->ahead_first, size);
	disk->ahead_first += (unsigned)size;
	return size;
}

static void usr_nbd_hand_over(struct nbd_disk *disk, unsigned tag,
			      struct block_events *events)
{
	struct nbd_tag *one = &disk->tags[tag];
	struct usr_block_event *event;

	one->state = NBD_OPEN;
	disk->open++;
	event = usr_block_event_add(events, USR_BLOCK_REQUEST, &disk->base);
	event->tag = tag;
	event->op = one->op;
	event->offset = one->offset;
	event->bytes = one->bytes;
	event->buffer = usr_block_buffer(&disk->base, one->op, tag);
}

/* The disk's limit is not the kernel's: it has none for discards until 6.12. */
static void usr_nbd_next_part(struct nbd_disk *disk, struct nbd_tag *one)
{
	uint64_t most = disk->base.what.max_discard;

	one->offset += one->bytes;
	one->bytes = (uint32_t)(one->left < most ? one->left : most);
	one->left -= one->bytes;
}

static bool usr_nbd_op(uint32_t type, enum usr_block_op *op)
{
	/* Flags are in the upper half, and none of them was offered. */
	switch (type) {
	case NBD_CMD_READ:
		*op = USR_BLOCK_OP_READ;
		return true;
	case NBD_CMD_WRITE:
		*op = USR_BLOCK_OP_WRITE;
		return true;
	case NBD_CMD_FLUSH:
		*op = USR_BLOCK_OP_FLUSH;
		return true;
	case NBD_CMD_TRIM:
		*op = USR_BLOCK_OP_DISCARD;
		return true;
	default:
		return false;
	}
}

/* Is it one that the driver can have?  0, or the errno to answer. */
static int usr_nbd_check(struct nbd_disk *disk, struct nbd_tag *one, bool known)
{
	uint64_t bytes = one->bytes;

	one->left = 0;
	if (!known)
		return EOPNOTSUPP;
	if (one->op == USR_BLOCK_OP_FLUSH) {
		one->offset = one->bytes = 0;
		return 0;
	}
	if (one->op == USR_BLOCK_OP_DISCARD && bytes > disk->base.what.max_discard &&
	    disk->base.what.max_discard) {
		int error = usr_block_check(&disk->base, one->op, one->offset,
					    disk->base.what.block_size);

		if (error || one->offset + bytes > disk->base.what.bytes ||
		    bytes % disk->base.what.block_size)
			return error ? error : EIO;
		one->left = bytes;
		one->bytes = 0;
		usr_nbd_next_part(disk, one);
		return 0;
	}
	return usr_block_check(&disk->base, one->op, one->offset, bytes);
}

/* Remember it for the time in which the kernel sends it again. */
void usr_nbd_failed_late(struct nbd_disk *disk, const struct nbd_tag *one,
			 int error)
{
	uint64_t now = usr_block_now_ms();
	struct nbd_late *late = disk->late;
	unsigned i;

	for (i = 0; i < NBD_LATE - 1 && late->error && late->until_ms > now; i++)
		late++;
	*late = (struct nbd_late){
		.op = one->op,
		.offset = one->offset,
		.bytes = one->bytes,
		.error = error,
		.until_ms = now + 2000ull * disk->base.what.answer_s + 5000,
	};
}

/* How did it fail when it was sent the last time?  0: not that we know. */
static int usr_nbd_late_error(struct nbd_disk *disk, const struct nbd_tag *one)
{
	unsigned i;
	int error;

	for (i = 0; i < NBD_LATE; i++) {
		struct nbd_late *late = &disk->late[i];

		if (!late->error || late->op != one->op ||
		    late->offset != one->offset || late->bytes != one->bytes)
			continue;
		error = late->until_ms > usr_block_now_ms() ? late->error : 0;
		late->error = 0;
		return error;
	}
	return 0;
}

/* A header is here, and a tag free. */
static void usr_nbd_header(struct nbd_disk *disk, struct block_events *events)
{
	struct nbd_request request;
	struct nbd_tag *one;
	uint32_t type;
	unsigned tag;
	bool known;
	int error;

	memcpy(&request, disk->ahead + disk->ahead_first, sizeof(request));
	disk->ahead_first += sizeof(request);
	type = be32toh(request.type);
	if (request.magic != htobe32(NBD_REQUEST_MAGIC)) {
		usr_nbd_broken(disk);
		return;
	}
	if (type == NBD_CMD_DISC) {	/* somebody else removes the disk */
		disk->removed = true;
		usr_nbd_broken(disk);
		return;
	}
	tag = usr_nbd_pop(&disk->free);
	one = &disk->tags[tag];
	one->offset = be64toh(request.from);
	one->bytes = be32toh(request.len);
	memcpy(one->reply.handle, request.handle, sizeof(request.handle));
	one->reply.magic = htobe32(NBD_REPLY_MAGIC);
	known = usr_nbd_op(type, &one->op);
	error = usr_nbd_check(disk, one, known);
	if (!error)
		error = usr_nbd_late_error(disk, one);
	if (error) {
		if ((type & 0xffff) == NBD_CMD_WRITE)
			disk->unwanted = one->bytes;
		usr_nbd_answer(disk, tag, error);
	} else if (one->op == USR_BLOCK_OP_WRITE) {
		one->state = NBD_ARRIVING;
		disk->arriving = (int)tag;
		disk->arrived = 0;
	} else {
		usr_nbd_hand_over(disk, tag, events);
	}
}

/* Return: is there more to do? */
static bool usr_nbd_arrive(struct nbd_disk *disk, struct block_events *events)
{
	unsigned tag = (unsigned)disk->arriving;
	struct nbd_tag *one = &disk->tags[tag];
	char *buffer = usr_block_buffer(&disk->base, one->op, tag);
	size_t got = usr_nbd_data(disk, buffer + disk->arrived,
				  (size_t)(one->bytes - disk->arrived));

	disk->arrived += got;
	if (!got || disk->arrived < one->bytes)
		return got;
	disk->arriving = -1;
	usr_nbd_hand_over(disk, tag, events);
	return true;
}

static bool usr_nbd_throw_away(struct nbd_disk *disk)
{
	char waste[4096];
	size_t size = disk->unwanted < sizeof(waste) ?
		(size_t)disk->unwanted : sizeof(waste);
	size_t got = usr_nbd_data(disk, waste, size);

	disk->unwanted -= got;
	return got;
}

static bool usr_nbd_look_ahead(struct nbd_disk *disk)
{
	size_t have = usr_nbd_ahead(disk), got;

	memmove(disk->ahead, disk->ahead + disk->ahead_first, have);
	disk->ahead_first = 0;
	disk->ahead_end = (unsigned)have;
	got = usr_nbd_read(disk, disk->ahead + have, sizeof(disk->ahead) - have);
	disk->ahead_end += (unsigned)got;
	return got;
}

static void usr_nbd_again(struct nbd_disk *disk, struct block_events *events)
{
	unsigned tag = usr_nbd_pop(&disk->again);

	usr_nbd_next_part(disk, &disk->tags[tag]);
	usr_nbd_hand_over(disk, tag, events);
}

void usr_nbd_receive(struct nbd_disk *disk, struct block_events *events)
{
	bool more = true;

	while (more && disk->socket >= 0 && events->count < events->capacity) {
		if (disk->again.count)
			usr_nbd_again(disk, events);
		else if (disk->arriving >= 0)
			more = usr_nbd_arrive(disk, events);
		else if (disk->unwanted)
			more = usr_nbd_throw_away(disk);
		else if (!disk->free.count || disk->base.state == BLOCK_REMOVING)
			more = false;	/* the rest waits in the socket */
		else if (usr_nbd_ahead(disk) >= sizeof(struct nbd_request))
			usr_nbd_header(disk, events);
		else
			more = usr_nbd_look_ahead(disk);
	}
}

/* --- out */

/* The answers from the first on, less what is sent of it. */
static unsigned usr_nbd_gather(struct nbd_disk *disk, struct iovec *parts)
{
	unsigned i, count = 0, most = disk->answers.count;
	size_t skip = disk->sent;

	if (most > NBD_BATCH)
		most = NBD_BATCH;
	for (i = 0; i < most; i++) {
		unsigned tag = disk->answers.tags[(disk->answers.first + i) %
						  USR_BLOCK_MAX_DEPTH];
		struct nbd_tag *one = &disk->tags[tag];

		parts[count++] = (struct iovec){ &one->reply, sizeof(one->reply) };
		if (one->op == USR_BLOCK_OP_READ && !one->reply.error)
			parts[count++] = (struct iovec){
				usr_block_buffer(&disk->base, one->op, tag),
				one->bytes,
			};
	}
	for (i = 0; skip; i++) {
		size_t step = skip < parts[i].iov_len ? skip : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + step;
		parts[i].iov_len -= step;
		skip -= step;
	}
	return count;
}

static size_t usr_nbd_answer_size(const struct nbd_tag *one)
{
	return sizeof(one->reply) +
		(one->op == USR_BLOCK_OP_READ && !one->reply.error ? one->bytes : 0);
}

static void usr_nbd_count_sent(struct nbd_disk *disk, size_t sent)
{
	disk->sent += sent;
	while (disk->answers.count) {
		unsigned tag = disk->answers.tags[disk->answers.first];
		size_t size = usr_nbd_answer_size(&disk->tags[tag]);

		if (disk->sent < size)
			return;
		disk->sent -= size;
		usr_nbd_pop(&disk->answers);
		disk->tags[tag].state = NBD_FREE;
		usr_nbd_push(&disk->free, tag);
	}
}

/* Be told, or not any more, when the kernel has taken some answers. */
static void usr_nbd_block(struct nbd_disk *disk, bool blocked)
{
	if (disk->blocked == blocked)
		return;
	disk->blocked = blocked;
	usr_nbd_epoll(usr_nbd_server(&disk->base), EPOLL_CTL_MOD, disk->socket,
		      EPOLLIN | EPOLLRDHUP | EPOLLET | (blocked ? EPOLLOUT : 0),
		      NBD_DISK, disk->base.index);
}

void usr_nbd_send(struct nbd_disk *disk)
{
	struct iovec parts[2 * NBD_BATCH];
	struct msghdr message = { .msg_iov = parts };
	ssize_t sent;

	while (disk->answers.count && disk->socket >= 0) {
		message.msg_iovlen = usr_nbd_gather(disk, parts);
		sent = sendmsg(disk->socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent >= 0) {
			usr_nbd_count_sent(disk, (size_t)sent);
		} else if (errno == EAGAIN) {
			usr_nbd_block(disk, true);
			return;
		} else if (errno != EINTR) {
			usr_nbd_broken(disk);
			return;
		}
	}
	if (disk->socket >= 0)
		usr_nbd_block(disk, false);
}
