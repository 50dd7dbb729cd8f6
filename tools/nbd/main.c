// SPDX-License-Identifier: MIT
/*
 * udrv-nbd: connects NBD disks for drivers that may not.
 *
 * The system starts one for each connection to /run/udrv/nbd, as standard input
 * (udrv-nbd.socket, udrv-nbd@.service).  It answers questions until the driver
 * hangs up; see libudrv/block_nbd_broker.h.  Who may ask is up to the socket's
 * group; whose a disk is stands in /run/udrv/nbdN.owner.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <systemd/sd-login.h>
#include <unistd.h>

#include "block_nbd.h"
#include "block_nbd_broker.h"

#define OWNERS "/run/udrv"

/* Where systemd puts standard input. */
#define ASKER STDIN_FILENO

struct owner {
	char text[300];		/* "UNIT" or "user UID" */
	uid_t uid;
};

/* --------------------------------------------------------------- the messages */

/* Return: 1, 0 = the driver hung up, or -1. */
static int hear(struct nbd_question *question)
{
	ssize_t got = recv(ASKER, question, sizeof(*question), MSG_TRUNC);

	if (!got)
		return 0;
	if (got == (ssize_t)sizeof(*question) && question->size == sizeof(*question))
		return 1;
	if (got < 0)
		return errno == ECONNRESET ? 0 :
		       usr_fail(errno, "no question came: %s", strerror(errno));
	return usr_fail(EPROTO, "libudrv there and udrv-nbd here are of different versions");
}

static int say(int to, const struct nbd_answer *answer, int file)
{
	char control[CMSG_SPACE(sizeof(file))] = { 0 };
	struct iovec part = { (void *)answer, sizeof(*answer) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	struct cmsghdr *head;

	if (file >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(file));
		memcpy(CMSG_DATA(head), &file, sizeof(file));
	}
	return sendmsg(to, &message, MSG_NOSIGNAL) < 0;
}

/* The last call failed. */
static void blame(struct nbd_answer *answer)
{
	answer->error = errno;
	snprintf(answer->why, sizeof(answer->why), "%s", usr_error());
	fprintf(stderr, "udrv-nbd: %s\n", usr_error());
}

/* ------------------------------------------------------------- who is asking */

/* The process may be gone, and its number be another's: then it is no unit's. */
static bool is_of(pid_t pid, uid_t uid)
{
	struct stat about;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	return !stat(path, &about) && about.st_uid == uid;
}

static bool is_service(const char *unit)
{
	size_t length = strlen(unit), end = strlen(".service");

	return length > end && !strcmp(unit + length - end, ".service");
}

static int who_asks(struct owner *owner)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	char *unit = NULL;

	if (getsockopt(ASKER, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		return usr_fail(errno, "standard input is no connection: udrv-nbd.socket starts this program");
	owner->uid = peer.uid;
	snprintf(owner->text, sizeof(owner->text), "user %u", peer.uid);
	if (sd_peer_get_unit(ASKER, &unit) >= 0 && is_service(unit) &&
	    strlen(unit) < sizeof(owner->text) && is_of(peer.pid, peer.uid))
		strcpy(owner->text, unit);
	free(unit);
	return 0;
}

/* ------------------------------------------------------------ whose a disk is */

static void owner_path(int number, char *path, size_t size)
{
	snprintf(path, size, OWNERS "/nbd%d.owner", number);
}

static int note_owner(int number, const struct owner *owner)
{
	char path[64];
	FILE *file;

	owner_path(number, path, sizeof(path));
	file = fopen(path, "we");
	if (!file || fprintf(file, "%s\n", owner->text) < 0 || fclose(file))
		return usr_fail(errno, "cannot write %s: %s", path, strerror(errno));
	return 0;
}

static int check_owner(int number, const struct owner *owner)
{
	char path[64], text[sizeof(owner->text)] = "";
	FILE *file;

	if (!owner->uid)
		return 0;
	owner_path(number, path, sizeof(path));
	file = fopen(path, "re");
	if (file) {
		if (fgets(text, sizeof(text), file))
			text[strcspn(text, "\n")] = '\0';
		fclose(file);
	}
	if (!strcmp(text, owner->text))
		return 0;
	return usr_fail(EPERM, "/dev/nbd%d is not yours, who are %s, but of %s",
			number, owner->text, text[0] ? text : "nobody here");
}

/* ----------------------------------------------------------------- the wishes */

/* Return: the server's end of the connection, or -1. */
static int do_connect(struct nbd_kernel *kernel, struct nbd_question *question,
		      const struct owner *owner)
{
	int socket, error;

	question->what.flags &= ~USR_BLOCK_RESUME;
	/* They stay with who asks; here is only whether they could be. */
	question->what.buffers = (void *)(uintptr_t)sysconf(_SC_PAGESIZE);
	if (usr_block_check_disk(&question->what))
		return -1;
	socket = usr_nbd_kernel_connect(kernel, &question->what);
	if (socket < 0 || !note_owner(question->what.number, owner))
		return socket;
	error = errno;
	close(socket);
	usr_nbd_netlink_disconnect(kernel->netlink, kernel->family,
				   question->what.number);
	errno = error;
	return -1;
}

static int do_replace(struct nbd_kernel *kernel,
		      const struct nbd_question *question)
{
	const struct usr_block_disk *what = &question->what;

	if (what->max_transfer > USR_BLOCK_MAX_TRANSFER)
		return usr_fail(EINVAL, "max_transfer is %u: must be at most %u",
				what->max_transfer, USR_BLOCK_MAX_TRANSFER);
	return usr_nbd_kernel_replace(kernel, what->number,
				      question->limits ? what : NULL,
				      what->max_transfer);
}

static int do_disconnect(struct nbd_kernel *kernel, int number)
{
	char path[64];

	if (usr_nbd_kernel_disconnect(kernel, number))
		return -1;
	owner_path(number, path, sizeof(path));
	unlink(path);
	return 0;
}

/* In a process of its own: takes as long as the disk does. */
static int sync_now(int number, bool mounts)
{
	struct block_disk disk = { .helper.pipe = -1 };
	char end;
	int error;

	signal(SIGCHLD, SIG_DFL);	/* it looks how they end */
	snprintf(disk.path, sizeof(disk.path), "/dev/nbd%d", number);
	if (usr_block_helper_start(&disk, mounts))
		return -1;
	while (read(disk.helper.pipe, &end, 1) < 0 && errno == EINTR)
		;
	error = usr_block_helper_end(&disk.helper);
	return error ? usr_fail(error, "%s could not be written back", disk.path) : 0;
}

/* The driver serves the disk meanwhile.  Return: where the end is told, or -1. */
static int do_sync(int number, bool mounts)
{
	struct nbd_answer answer = { .number = number };
	int ends[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return usr_fail(errno, "no socket pair: %s", strerror(errno));
	child = fork();
	if (!child) {
		close(ends[0]);
		if (sync_now(number, mounts))
			blame(&answer);
		_exit(say(ends[1], &answer, -1));
	}
	close(ends[1]);
	if (child > 0)
		return ends[0];
	close(ends[0]);
	return usr_fail(errno, "cannot fork: %s", strerror(errno));
}

/* Return: whether it was done; *file: what goes with the answer. */
static bool do_it(struct nbd_kernel *kernel, const struct owner *owner,
		  struct nbd_question *question, int *file)
{
	int number = question->what.number;

	if (question->wish != NBD_WISH_CONNECT && check_owner(number, owner))
		return false;
	switch (question->wish) {
	case NBD_WISH_CONNECT:
		*file = do_connect(kernel, question, owner);
		return *file >= 0;
	case NBD_WISH_REPLACE:
		*file = do_replace(kernel, question);
		return *file >= 0;
	case NBD_WISH_DISCONNECT:
		return !do_disconnect(kernel, number);
	case NBD_WISH_SYNC:
		*file = do_sync(number, question->mounts);
		return *file >= 0;
	default:
		usr_fail(EINVAL, "there is no wish %u", question->wish);
		return false;
	}
}

static int serve(struct nbd_kernel *kernel, const struct owner *owner)
{
	struct nbd_question question;
	int came;

	while ((came = hear(&question)) > 0) {
		struct nbd_answer answer = { .error = 0 };
		int file = -1;

		if (do_it(kernel, owner, &question, &file))
			answer.number = question.what.number;
		else
			blame(&answer);
		/* Who asked may be dead; the disk is then as its death left it. */
		say(ASKER, &answer, file);
		if (file >= 0)
			close(file);
	}
	return came;
}

int main(void)
{
	struct nbd_kernel kernel;
	struct owner owner;
	int status;

	/* Who waits for a disk is a child that nobody waits for. */
	signal(SIGCHLD, SIG_IGN);
	status = who_asks(&owner) || usr_nbd_kernel_open(&kernel) ||
		 serve(&kernel, &owner);
	if (status)
		fprintf(stderr, "udrv-nbd: %s\n", usr_error());
	return status;
}
