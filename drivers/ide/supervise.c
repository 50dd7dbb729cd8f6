// SPDX-License-Identifier: MIT
/*
 * The supervisor holds the device's file, so that the device, its DMA buffers
 * and the kernel's disks outlive a worker.  A standby is forked while all is
 * well, its memory locked: when the worker dies, memory may not be had without
 * the very disk that is waiting.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "serve.h"

/* A worker that dies at once is not started again at once. */
#define FIRST_PAUSE_MS	50
#define LAST_PAUSE_MS	2000
/* It is well again when it did something, or lived so long. */
#define WELL_MS		5000
/*
 * So many in a row that died as soon as they served, or before they did one of
 * the requests they took: of what they serve.
 */
#define USELESS_LIVES	20
#define SHORT_MS	500

struct supervisor {
	const struct options *options;
	struct serve_estate *estate;
	int fd;
	pid_t worker, standby;
	uint64_t forked_ns;		/* a standby, the last time */
	/* estate's, when the worker was started */
	unsigned recovered, begun, completed;
	unsigned useless_lives;
	uint64_t outage_since;		/* ns, 0 = none */
	unsigned pause_ms;
	bool stopping;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* In the child: wait to be needed. */
static void stand_by(const struct supervisor *s, pid_t parent)
{
	sigset_t set;
	int signal;

	/* A standby without a supervisor is of no use; a worker is. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	if (usr_block_harden())
		_exit(say_why("%s", usr_error()));
	sigwait(&set, &signal);
	prctl(PR_SET_PDEATHSIG, 0);
	_exit(serve_disks(s->fd, s->options, s->estate));
}

static pid_t fork_standby(struct supervisor *s)
{
	pid_t parent = getpid(), pid;

	fflush(stdout);
	s->forked_ns = now_ns();
	pid = fork();
	if (!pid)
		stand_by(s, parent);
	if (pid < 0)
		say_why("cannot fork a standby: %s", strerror(errno));
	return pid;
}

static void promote_standby(struct supervisor *s)
{
	if (s->standby <= 0)
		s->standby = fork_standby(s);
	s->worker = s->standby;
	s->recovered = s->estate->recovered;
	s->begun = s->estate->begun;
	s->completed = s->estate->completed;
	if (s->worker > 0)
		kill(s->worker, SIGUSR1);
	s->standby = fork_standby(s);
}

static void end_child(pid_t *child)
{
	if (*child > 0) {
		kill(*child, SIGKILL);
		waitpid(*child, NULL, 0);
	}
	*child = -1;
}

/* Nobody serves the disks any more: what waits for them must not hang. */
static int give_up(struct supervisor *s, const char *why)
{
	int status = say_why("%s: giving the disks up", why);

	end_child(&s->worker);
	end_child(&s->standby);
	for (unsigned i = 0; i < IDE_DISKS; i++)
		if (s->estate->disk[i].made &&
		    usr_block_abandon(s->estate->kind, s->estate->disk[i].number))
			say_why("%s", usr_error());
	return status;
}

static void say_how(int status)
{
	if (WIFSIGNALED(status))
		say(STDERR_FILENO,
		    "udrv-ide: the driver died of signal %d (%s): its successor takes over\n",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		say(STDERR_FILENO,
		    "udrv-ide: the driver ended with status %d: its successor takes over\n",
		    WEXITSTATUS(status));
}

static bool some_disk_is_made(const struct serve_estate *estate)
{
	for (unsigned i = 0; i < IDE_DISKS; i++)
		if (estate->disk[i].made)
			return true;
	return false;
}

static bool worker_served(const struct supervisor *s)
{
	return s->estate->recovered != s->recovered;
}

/* The outage is over only when something was done for somebody, or for long. */
static bool worker_is_well(const struct supervisor *s)
{
	return worker_served(s) &&
	       (s->estate->completed != s->completed ||
		now_ns() - s->estate->ready_ns >= WELL_MS * 1000000ull);
}

/* A request that kills whoever serves it comes again and again. */
static bool dies_of_what_it_serves(struct supervisor *s)
{
	bool was_short = now_ns() - s->estate->ready_ns < SHORT_MS * 1000000ull;
	/* With NBD it comes again only after --answer seconds. */
	bool did_nothing = s->estate->begun != s->begun &&
			   s->estate->completed == s->completed;

	if (worker_served(s) && (was_short || did_nothing))
		s->useless_lives++;
	else
		s->useless_lives = 0;
	return s->useless_lives >= USELESS_LIVES;
}

static void pause_before_successor(struct supervisor *s)
{
	const struct timespec pause = {
		s->pause_ms / 1000, s->pause_ms % 1000 * 1000000l
	};

	if (s->pause_ms)
		nanosleep(&pause, NULL);
	s->pause_ms = s->pause_ms ? s->pause_ms * 2 : FIRST_PAUSE_MS;
	if (s->pause_ms > LAST_PAUSE_MS)
		s->pause_ms = LAST_PAUSE_MS;
}

/* Return: -1 = go on, else main()'s exit status. */
static int worker_ended(struct supervisor *s, int status)
{
	s->worker = -1;
	if (!some_disk_is_made(s->estate)) {
		/* Stopped in good order, or it never came to anything. */
		end_child(&s->standby);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	}
	say_how(status);
	if (dies_of_what_it_serves(s))
		return give_up(s, "the driver dies again and again of what it is to do");
	if (worker_is_well(s) || !s->outage_since) {
		s->outage_since = now_ns();
		s->pause_ms = 0;
	}
	pause_before_successor(s);
	promote_standby(s);
	if (s->stopping && s->worker > 0)
		kill(s->worker, SIGTERM);
	return -1;
}

static int reap(struct supervisor *s)
{
	int status, ret = -1;
	pid_t pid;

	while (ret < 0 && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == s->worker)
			ret = worker_ended(s, status);
		else if (pid == s->standby)
			s->standby = -1;	/* see replace_missing() */
	}
	return ret;
}

/* Seconds until the outage has lasted too long; -1 = there is none. */
static int outage_left_s(struct supervisor *s)
{
	uint64_t lasted;

	if (!s->outage_since)
		return -1;
	if (worker_is_well(s)) {
		s->outage_since = 0;
		return -1;
	}
	lasted = (now_ns() - s->outage_since) / 1000000000u;
	return lasted >= s->options->outage_s ? 0 :
	       (int)(s->options->outage_s - lasted);
}

/* What could not be forked, or was killed: tried again, once a second. */
static void replace_missing(struct supervisor *s)
{
	if ((s->worker > 0 && s->standby > 0) ||
	    now_ns() - s->forked_ns < 1000000000u)
		return;
	if (s->worker > 0) {
		s->standby = fork_standby(s);
		return;
	}
	promote_standby(s);
	if (s->stopping && s->worker > 0)
		kill(s->worker, SIGTERM);
}

static int supervise(struct supervisor *s, const sigset_t *set)
{
	for (;;) {
		const struct timespec second = { 1, 0 };
		int left = outage_left_s(s), signal, ret;

		if (!left)
			return give_up(s, "no successor got the disks going in time");
		replace_missing(s);
		signal = left < 0 && s->worker > 0 && s->standby > 0 ?
			 sigwaitinfo(set, NULL) :
			 sigtimedwait(set, NULL, &second);
		if (signal == SIGCHLD) {
			ret = reap(s);
			if (ret >= 0)
				return ret;
		} else if (signal > 0 && signal != SIGUSR1) {
			s->stopping = true;
			if (s->worker > 0)
				kill(s->worker, SIGTERM);
		}
	}
}

int serve_supervised(int fd, const struct options *options,
		     struct serve_estate *estate)
{
	struct supervisor s = {
		.options = options, .estate = estate, .fd = fd,
		.worker = -1, .standby = -1,
	};
	sigset_t set;

	sigprocmask(SIG_BLOCK, NULL, &set);
	if (usr_block_harden())
		return say_why("%s", usr_error());
	promote_standby(&s);
	if (s.worker <= 0) {
		end_child(&s.standby);
		return 1;
	}
	return supervise(&s, &set);
}
