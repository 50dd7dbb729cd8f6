// SPDX-License-Identifier: MIT
/* open, close, dup, fcntl, read, poll, epoll, and what a device file lacks. */
#include "fuzz.h"

#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>

static void call_open(const struct call *c)
{
	static const int modes[] = { O_RDWR, O_RDONLY, O_WRONLY, O_RDWR };
	uint32_t slot = c->word[0] & 15, mode = c->word[1] & 31;
	const struct target *t = self->place->t;
	char path[64];
	int flags;

	if (!(c->word[2] & 7))
		t = &targets[(c->word[2] >> 3) % FUZZ_DEVICES];
	flags = modes[mode < 4 ? mode : 0] | O_CLOEXEC;
	if (!slot)
		flags = O_RDWR | O_CLOEXEC;
	if (c->word[1] & 32)
		flags |= O_NONBLOCK;
	snprintf(path, sizeof(path), UDRV_DIR "/%s", t->name);
	/* Of the declared ones these are of memory that hurts nobody. */
	if (!(c->word[2] & 127))
		snprintf(path, sizeof(path), UDRV_DIR "/f%u",
			 c->word[2] >> 7 & 3);
	put_fd(slot & 7, (int)counted(open(path, flags)));
}

/* An open file's flags, and now and then another owner of it. */
static void call_fcntl(const struct call *c)
{
	int fd = pick_fd(c->word[0]);
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return;
	if (c->word[1] & 3)
		flags |= O_NONBLOCK;
	else
		flags &= ~O_NONBLOCK;
	fcntl(fd, F_SETFL, flags);
}

/* What may block is ended by a signal. */
static void call_read(const struct call *c)
{
	struct udrv_irq_event event;
	size_t size = sizeof(event);
	int fd = pick_fd(c->word[0]);
	void *to;

	if (!(c->word[1] & 7))
		size = (c->word[1] >> 3) % 64;
	memset(&event, 0, sizeof(event));
	to = argument(&event, sizeof(event), c->word[2]);
	alarm_set(500 + c->word[3] % 2048);
	if (c->word[1] >> 24 == 0) {
		struct iovec parts[2] = { { to, 8 }, { to, size } };

		counted(readv(fd, parts, 2));
	} else {
		counted(read(fd, to, size));
	}
	alarm_set(0);
}

static void call_poll(const struct call *c)
{
	struct pollfd wait[2] = {
		{ .fd = pick_fd(c->word[0]), .events = POLLIN },
		{ .fd = pick_fd(c->word[1]), .events = POLLIN | POLLPRI },
	};
	bool blocks = !(c->word[2] & 7);

	if (!(c->word[3] & 7))
		wait[0].events = (short)(c->word[3] >> 3);
	if (blocks)
		alarm_set(500 + c->word[3] % 1024);
	counted(poll(wait, 1 + (c->word[2] >> 3 & 1), blocks ? -1 : 0));
	if (blocks)
		alarm_set(0);
}

static void call_epoll(const struct call *c)
{
	static const int operations[] = {
		EPOLL_CTL_ADD, EPOLL_CTL_ADD, EPOLL_CTL_MOD, EPOLL_CTL_DEL,
	};
	struct epoll_event event = {
		.events = c->word[1] & 1 ? EPOLLIN | EPOLLET : EPOLLIN,
	};
	struct epoll_event got[4];

	if (!(c->word[1] & 30))
		event.events |= EPOLLEXCLUSIVE | EPOLLONESHOT;
	counted(epoll_ctl(self->place->epoll, operations[c->word[2] & 3],
			  pick_fd(c->word[0]), &event));
	counted(epoll_wait(self->place->epoll, got, 4, c->word[3] & 1));
}

/* Which a device file has not; they say so. */
static void call_odd(const struct call *c)
{
	int fd = pick_fd(c->word[0]);
	char byte[64] = "";

	switch (c->word[1] % 6) {
	case 0:
		counted(write(fd, byte, c->word[2] % sizeof(byte)));
		break;
	case 1:
		counted(lseek(fd, c->word[2], (int)(c->word[3] % 4)));
		break;
	case 2:
		counted(pread(fd, byte, sizeof(byte), c->word[2]));
		break;
	case 3:
		counted(ftruncate(fd, c->word[2]));
		break;
	case 4:
		counted(fsync(fd));
		break;
	default:
		counted(fcntl(fd, F_SETOWN, getpid()));
		break;
	}
}

void call_file(const struct call *c)
{
	switch (c->kind) {
	case CALL_OPEN:
		call_open(c);
		break;
	case CALL_CLOSE:
		/* Mostly not what all else is done with. */
		put_fd(c->word[1] & 7 ? 1 + c->word[0] % (FUZZ_FDS - 1) :
					c->word[0] % FUZZ_FDS, -1);
		break;
	case CALL_DUP:
		put_fd(1 + c->word[1] % (FUZZ_FDS - 1),
		       (int)counted(dup(pick_fd(c->word[0]))));
		break;
	case CALL_FCNTL:
		call_fcntl(c);
		break;
	case CALL_READ:
		call_read(c);
		break;
	case CALL_POLL:
		call_poll(c);
		break;
	case CALL_EPOLL:
		call_epoll(c);
		break;
	default:
		call_odd(c);
		break;
	}
}
