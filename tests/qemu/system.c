// SPDX-License-Identifier: MIT
/* The system around a test: processes, the kernel's counts, module, host. */
#include "harness.h"

#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#define MODULE_DIR "/sys/module/udrv"

/* ---------------------------------------------------------------- processes */

pid_t spawn(void (*run)(void *), void *data)
{
	pid_t pid = fork();

	MUST_OK(sys(pid));
	if (pid)
		return pid;
	run(data);
	fflush(stdout);
	_exit(0);
}

int reap(pid_t pid)
{
	int status;

	MUST_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void become(unsigned int user)
{
	MUST_OK(sys(setgroups(0, NULL)));
	MUST_OK(sys(setresgid(user, user, user)));
	MUST_OK(sys(setresuid(user, user, user)));
	/* A uid change forbids looking at our own /proc otherwise. */
	MUST_OK(sys(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)));
}

void become_nobody(void)
{
	become(NOBODY);
}

union fd_message {
	struct cmsghdr header;
	char bytes[CMSG_SPACE(sizeof(int))];
};

int send_fd(int socket, int fd)
{
	union fd_message control = { .bytes = "" };
	char byte = 0;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};

	control.header.cmsg_level = SOL_SOCKET;
	control.header.cmsg_type = SCM_RIGHTS;
	control.header.cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(int));
	return (int)sys(sendmsg(socket, &message, 0));
}

int receive_fd(int socket)
{
	union fd_message control = { .bytes = "" };
	char byte;
	struct iovec data = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1,
		.msg_control = &control, .msg_controllen = sizeof(control),
	};
	int fd;

	MUST_EQUAL(MUST_OK(sys(recvmsg(socket, &message, MSG_CMSG_CLOEXEC))), 1);
	MUST_EQUAL(control.header.cmsg_type, SCM_RIGHTS);
	memcpy(&fd, CMSG_DATA(&control.header), sizeof(int));
	return fd;
}

/* -------------------------------------------------------------------- files */

long read_text(const char *path, char *to, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t part;

	if (fd < 0)
		return -errno;
	while (done < size - 1) {
		part = read(fd, to + done, size - 1 - done);
		if (part <= 0)
			break;
		done += (size_t)part;
	}
	to[done] = '\0';
	close(fd);
	return (long)done;
}

long write_text(const char *path, const char *text)
{
	/* As a shell does; it is what clears a trace. */
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	long ret;

	if (fd < 0)
		return -errno;
	ret = sys(write(fd, text, strlen(text)));
	close(fd);
	return ret < 0 ? ret : 0;
}

/* ------------------------------------------------------ what the kernel counts */

long vmstat(const char *name)
{
	static char text[32768];
	char *line, *rest = text;

	/* Processors keep parts of the counts to themselves. */
	write_text("/proc/sys/vm/stat_refresh", "1");
	MUST_OK(read_text("/proc/vmstat", text, sizeof(text)));
	while ((line = strsep(&rest, "\n")))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ' ')
			return atol(line + strlen(name));
	return -1;
}

long pinned_pages(void)
{
	return vmstat("nr_foll_pin_acquired") - vmstat("nr_foll_pin_released");
}

static bool interrupt_line(const char *name, uint64_t *sum)
{
	static char text[65536];
	char *line, *rest = text, *at, *end;
	bool found = false;

	*sum = 0;
	MUST_OK(read_text("/proc/interrupts", text, sizeof(text)));
	while ((line = strsep(&rest, "\n"))) {
		at = strchr(line, ':');
		if (!at || !strstr(line, name))
			continue;
		found = true;
		for (at++;; at = end) {
			uint64_t part = strtoull(at, &end, 10);

			if (end == at)
				break;
			*sum += part;
		}
	}
	return found;
}

uint64_t interrupts_of(const char *name)
{
	uint64_t sum;

	interrupt_line(name, &sum);
	return sum;
}

bool has_interrupt(const char *name)
{
	uint64_t sum;

	return interrupt_line(name, &sum);
}

static int kmsg = -1;

void log_start(void)
{
	kmsg = (int)MUST_OK(sys(open("/dev/kmsg",
				     O_RDONLY | O_NONBLOCK | O_CLOEXEC)));
	lseek(kmsg, 0, SEEK_END);
}

static char log_seen[1 << 18];

static void log_update(void)
{
	static size_t used;
	char record[8192];
	ssize_t size;

	while ((size = read(kmsg, record, sizeof(record))) > 0 ||
	       (size < 0 && errno == EPIPE)) {
		if (size > 0 && used + (size_t)size < sizeof(log_seen) - 1) {
			memcpy(log_seen + used, record, (size_t)size);
			used += (size_t)size;
		}
	}
}

const char *log_text(void)
{
	log_update();
	return log_seen;
}

int logged_times(const char *text)
{
	const char *at = log_text();
	int times = 0;

	while ((at = strstr(at, text))) {
		times++;
		at += strlen(text);
	}
	return times;
}

bool logged(const char *text)
{
	return logged_times(text) > 0;
}

/* ------------------------------------------------------------------- module */

bool module_loaded(void)
{
	return !access(MODULE_DIR, F_OK);
}

int module_references(void)
{
	char text[32];

	if (read_text(MODULE_DIR "/refcnt", text, sizeof(text)) < 0)
		return -1;
	return atoi(text);
}

int module_load(const char *parameters)
{
	int fd, ret;

	fd = (int)MUST_OK(sys(open(getenv("UDRV_MODULE"), O_RDONLY | O_CLOEXEC)));
	ret = (int)sys(syscall(SYS_finit_module, fd, parameters, 0));
	close(fd);
	return ret;
}

int module_unload(void)
{
	return (int)sys(syscall(SYS_delete_module, "udrv", O_NONBLOCK));
}

void module_parameter(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), MODULE_DIR "/parameters/%s", name);
	if (module_loaded())
		MUST_OK(write_text(path, value));
}

/* --------------------------------------------------------------------- host */

static void host_ask(const char *verb, const char *argument)
{
	char line[1024];
	FILE *port;

	WAIT_FOR((port = fopen("/dev/virtio-ports/udrv", "r+e")));
	setvbuf(port, NULL, _IONBF, 0);
	fprintf(port, "%d %s %s\n", getpid(), verb, argument);
	do {
		if (!fgets(line, sizeof(line), port))
			fail(__FILE__, __LINE__, "the host does not answer");
	} while (atoi(line) != getpid());
	fclose(port);
	if (strstr(line, "\"error\""))
		fail(__FILE__, __LINE__, "the host answers %s", line);
}

void host_qmp(const char *command)
{
	host_ask("qmp", command);
}

void host_event(const char *name)
{
	host_ask("event", name);
}
