// SPDX-License-Identifier: MIT
/* See block_nbd_broker.h: the side that asks. */
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "block_nbd_broker.h"
#include "internal.h"

static int broker_denied(int error)
{
	if (error == ENOENT || error == ECONNREFUSED)
		return usr_fail(EPERM, "serving a disk needs CAP_SYS_ADMIN, or the system's udrv-nbd.socket: run as root, or `systemctl start udrv-nbd.socket`");
	if (error == EACCES)
		return usr_fail(EPERM, "serving a disk needs CAP_SYS_ADMIN, or the group of %s: run as root, or become a member of it",
				NBD_BROKER_SOCKET);
	return usr_fail(error, "no answer at %s: %s", NBD_BROKER_SOCKET,
			strerror(error));
}

int usr_nbd_broker_open(void)
{
	struct sockaddr_un address = {
		.sun_family = AF_UNIX, .sun_path = NBD_BROKER_SOCKET,
	};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), error;

	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address)))
		return fd;
	error = errno;
	if (fd >= 0)
		close(fd);
	return broker_denied(error);
}

/* It may have been ended, by an administrator, and comes again if asked for. */
static int broker_ask(int *broker, struct nbd_question *question)
{
	question->size = sizeof(*question);
	question->what.buffers = NULL;
	for (int tries = 0; tries < 2; tries++) {
		if (*broker >= 0 &&
		    send(*broker, question, sizeof(*question), MSG_NOSIGNAL) > 0)
			return 0;
		if (*broker >= 0)
			close(*broker);
		*broker = usr_nbd_broker_open();
		if (*broker < 0)
			return -1;
	}
	return usr_fail(EPIPE, "udrv-nbd hangs up: `systemctl status 'udrv-nbd@*'` has its reason");
}

static void broker_take_file(struct msghdr *message, int *file)
{
	struct cmsghdr *head = CMSG_FIRSTHDR(message);

	if (head && head->cmsg_level == SOL_SOCKET &&
	    head->cmsg_type == SCM_RIGHTS &&
	    head->cmsg_len == CMSG_LEN(sizeof(*file)))
		memcpy(file, CMSG_DATA(head), sizeof(*file));
}

/* Return: 0 and the file that came with it, -1 if none did; or -1. */
static int broker_hear(int fd, struct nbd_answer *answer, int *file)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec part = { answer, sizeof(*answer) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	ssize_t got;

	*file = -1;
	do
		got = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		broker_take_file(&message, file);
	if (got != (ssize_t)sizeof(*answer))
		return usr_fail(EIO, "udrv-nbd ended without an answer: `systemctl status 'udrv-nbd@*'` has its reason");
	answer->why[sizeof(answer->why) - 1] = '\0';
	if (answer->error)
		return usr_fail(answer->error, "%s", answer->why);
	return 0;
}

static int broker_call(int *broker, struct nbd_question *question,
		       struct nbd_answer *answer, int *file)
{
	*file = -1;
	if (broker_ask(broker, question))
		return -1;
	return broker_hear(*broker, answer, file);
}

int usr_nbd_broker_connect(int *broker, struct usr_block_disk *what)
{
	struct nbd_question question = {
		.wish = NBD_WISH_CONNECT, .limits = 1, .what = *what,
	};
	struct nbd_answer answer;
	int file;

	if (broker_call(broker, &question, &answer, &file))
		return -1;
	what->number = answer.number;
	return file;
}

int usr_nbd_broker_replace(int *broker, int number,
			   const struct usr_block_disk *limits,
			   unsigned max_transfer)
{
	struct nbd_question question = {
		.wish = NBD_WISH_REPLACE, .limits = limits != NULL,
	};
	struct nbd_answer answer;
	int file;

	if (limits)
		question.what = *limits;
	question.what.number = number;
	question.what.max_transfer = max_transfer;
	return broker_call(broker, &question, &answer, &file) ? -1 : file;
}

int usr_nbd_broker_disconnect(int *broker, int number)
{
	struct nbd_question question = {
		.wish = NBD_WISH_DISCONNECT, .what.number = number,
	};
	struct nbd_answer answer;
	int file;

	return broker_call(broker, &question, &answer, &file);
}

int usr_nbd_broker_sync(int *broker, int number, bool mounts)
{
	struct nbd_question question = {
		.wish = NBD_WISH_SYNC, .mounts = mounts, .what.number = number,
	};
	struct nbd_answer answer;
	int file;

	return broker_call(broker, &question, &answer, &file) ? -1 : file;
}

int usr_nbd_broker_verdict(int socket)
{
	struct nbd_answer answer;
	int file;

	return broker_hear(socket, &answer, &file) ? errno : 0;
}
