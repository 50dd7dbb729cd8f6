// SPDX-License-Identifier: MIT
/* Files in other hands: over a socket, to a child. */
#include "fuzz.h"

#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

union fd_message {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static void call_send(const struct call *c)
{
	union fd_message control = { .bytes = "" };
	int fd = pick_fd(c->word[0]);
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	if (fd < 0)
		return;
	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	/* What goes to other workers keeps the device from all till it comes. */
	counted(sendmsg(c->word[1] & 3 ? self->place->own[0] :
					 self->place->all[0],
			&message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

static int receive(int socket)
{
	union fd_message control = { .bytes = "" };
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	if (recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1 ||
	    message.msg_controllen < sizeof(control))
		return -1;
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
	return fd;
}

static void call_receive(const struct call *c)
{
	int fd = receive(c->word[1] & 1 ? self->place->own[1] :
					  self->place->all[1]);

	if (fd >= 0)
		put_fd(c->word[0] % FUZZ_FDS, fd);
}

/* A child has the files, not the mappings; and dies of anything. */
static void child(const struct call *c)
{
	struct udrv_info get = { .size = sizeof(get) };
	struct udrv_irq_event event;
	int fd = pick_fd(c->word[0]);
	unsigned int i;

	alarm(1);
	switch (c->word[1] % 6) {
	case 0:
		counted(ioctl(fd, UDRV_INFO, &get));
		break;
	case 1:
		alarm_set(0);
		counted(read(fd, &event, sizeof(event)));
		break;
	case 2:
		release(fd);
		break;
	case 3:	/* nothing of it is here: SIGSEGV */
		*(volatile char *)(self->place->map_base);
		break;
	case 4: {
		struct call map = *c;

		map.kind = CALL_MAP;
		call_dma(&map);
		break;
	}
	default:
		for (i = 0; i < FUZZ_FDS; i++)
			close(self->place->fds[i]);
		break;
	}
	_exit(0);
}

static void call_fork(const struct call *c)
{
	pid_t pid = fork();

	if (!pid) {
		signal(SIGALRM, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		child(c);
	}
	if (pid < 0)
		return;
	if (c->word[2] & 1) {
		usleep(c->word[3] % 2000);
		kill(pid, SIGKILL);
	}
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

void call_pass(const struct call *c)
{
	if (c->kind == CALL_SEND)
		call_send(c);
	else if (c->kind == CALL_RECEIVE)
		call_receive(c);
	else
		call_fork(c);
}
