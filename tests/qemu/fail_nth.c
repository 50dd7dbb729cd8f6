// SPDX-License-Identifier: MIT
/* Making allocations fail, one after the other. */
#include "fail_nth.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define MOST 20000		/* more of them than any call has */

/* Where the kernel has it: what is said here is only how much fails. */
static void say(const char *sort, const char *what, const char *value)
{
	char path[80];
	long ret;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", sort, what);
	ret = write_text(path, value);
	if (ret != -ENOENT)
		MUST_OK(ret);
}

void fail_nth_prepare(void)
{
	static const char *const sorts[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	unsigned int i;

	if (access("/proc/thread-self/fail-nth", W_OK))
		skip("in this kernel nothing fails on request");
	for (i = 0; i < ARRAY_SIZE(sorts); i++) {
		/* Those that may wait for memory too; and no stacks in the log. */
		say(sorts[i], "ignore-gfp-wait", "N");
		say(sorts[i], "ignore-gfp-highmem", "N");
		say(sorts[i], "min-order", "0");
		say(sorts[i], "verbose", "0");
	}
	puts("allocations fail");	/* for guest-run */
}

/* Did one fail?  If not it is still to come, and it may be in asking. */
static bool failed_one(int nth)
{
	char text[16] = "";
	bool failed = pread(nth, text, sizeof(text) - 1, 0) > 0 && !atoi(text);

	while (pwrite(nth, "0", 1, 0) != 1)
		MUST(errno == EFAULT || errno == ENOMEM);
	return failed;
}

static int open_nth(void)
{
	return (int)MUST_OK(sys(open("/proc/thread-self/fail-nth",
				     O_RDWR | O_CLOEXEC)));
}

/* The one after so many. */
static void let_fail(int nth, int which)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", which);
	MUST_EQUAL(pwrite(nth, text, strlen(text), 0), strlen(text));
}

int fail_nth_count(int (*call)(void), int *ret)
{
	int nth = open_nth(), left;
	char text[16] = "";

	let_fail(nth, MOST);
	*ret = call();
	MUST(pread(nth, text, sizeof(text) - 1, 0) > 0);
	left = atoi(text);
	MUST(left);
	failed_one(nth);
	close(nth);
	return MOST - left;
}

void fail_nth_sweep_from(int first, int (*call)(void), void (*undo)(void),
			 void (*check)(int))
{
	int nth = open_nth();
	int i, ret, refused = 0, points = 0;
	bool failed = true;

	for (i = first; failed; i++) {
		MUST(i < MOST);
		let_fail(nth, i);
		ret = call();
		failed = failed_one(nth);
		points += failed;
		if (ret >= 0) {
			undo();
			continue;
		}
		if (!check)
			fail(__FILE__, __LINE__, "%s, with failure %d",
			     strerrorname_np(-ret), i);
		MUST(failed);
		refused++;
		check(ret);
	}
	MUST(ret >= 0);
	MUST(refused || !check);
	close(nth);
	figure_add("fail-nth-points", (uint64_t)points);
}

void fail_nth_sweep(int (*call)(void), void (*undo)(void), void (*check)(int))
{
	fail_nth_sweep_from(1, call, undo, check);
}

void is_no_memory(int error)
{
	if (error != -ENOMEM && error != -EFAULT)
		fail(__FILE__, __LINE__, "%s, not for lack of memory",
		     strerror(-error));
}

void nothing_to_undo(void)
{
}
