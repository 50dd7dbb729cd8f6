// SPDX-License-Identifier: MIT
/*
 * Each allocation of a call, and each copy from or to its memory, fails once:
 * first the first one, then the second, and so on, until the call makes do with
 * fewer.  It says ENOMEM or EFAULT, has done nothing, and does it all when asked
 * again.
 */
#include "declare.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

const char test_machines[] = "iommu";
const int test_seconds = 120;

#define MOST 1000		/* more of them than any call has */

static int control, fd;

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

static void start(void)
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
	control = (int)MUST_OK(control_open(O_RDWR));
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

/*
 * @call until nothing is left in it to fail; then it has succeeded.  @undo is
 * called after each that succeeds, @check after each that does not.
 */
static void sweep(int (*call)(void), void (*undo)(void), void (*check)(int))
{
	int nth = (int)MUST_OK(sys(open("/proc/thread-self/fail-nth",
					O_RDWR | O_CLOEXEC)));
	int i, ret, refused = 0;
	bool failed = true;
	char text[16];

	for (i = 1; failed; i++) {
		MUST(i < MOST);
		snprintf(text, sizeof(text), "%d", i);
		MUST_EQUAL(pwrite(nth, text, strlen(text), 0), strlen(text));
		ret = call();
		failed = failed_one(nth);
		if (ret >= 0) {
			undo();
			continue;
		}
		MUST(failed);
		refused++;
		check(ret);
	}
	MUST(ret >= 0);
	MUST(refused);
	close(nth);
}

static void is_no_memory(int ret)
{
	if (ret != -ENOMEM && ret != -EFAULT)
		fail(__FILE__, __LINE__, "%s, not for lack of memory",
		     strerror(-ret));
}

/* ------------------------------------------------------------------ declaring */

static struct udrv_legacy wanted;

static int add(void)
{
	return legacy_add(control, &wanted);
}

static void remove_again(void)
{
	MUST_OK(legacy_remove(control, wanted.name));
}

static void nothing_declared(int ret)
{
	static char text[65536];
	struct udrv_legacy got;

	/* The kernel says of ports the same, whether they are had or memory is. */
	if (ret != -EBUSY)
		is_no_memory(ret);
	MUST_ERROR(legacy_get(control, "", UDRV_LEGACY_NEXT, &got), ENOENT);
	MUST(!has_interrupt("udrv-"));
	MUST_OK(read_text("/proc/ioports", text, sizeof(text)));
	MUST(!strstr(text, "udrv-"));
	MUST_OK(read_text("/proc/iomem", text, sizeof(text)));
	MUST(!strstr(text, "udrv-"));
	MUST_ERROR(device_open(wanted.name, O_RDONLY), ENOENT);
}

static void declaring(void)
{
	start();
	wanted = declaration("parport");
	add_ports(&wanted, PARPORT_PORTS, 3);
	add_ports(&wanted, PARPORT_PORTS + 3, 5);
	add_memory(&wanted, HIDDEN_MEMORY, 4096);
	add_line(&wanted, PARPORT_LINE);
	add_line(&wanted, 5);
	sweep(add, remove_again, nothing_declared);
	MUST_OK(add());
	close((int)MUST_OK(device_open("parport", O_RDWR)));
}

static int reopen_control(void)
{
	fd = control_open(O_RDWR);
	return fd;
}

static void close_it(void)
{
	close(fd);
}

static void opening_the_control_file(void)
{
	start();
	sweep(reopen_control, close_it, is_no_memory);
}

/* ---------------------------------------------------------------------- using */

static int own_it(void)
{
	fd = device_open("parport", O_RDWR | O_NONBLOCK);
	return fd;
}

/* Who failed to open it does not keep it. */
static void nobody_has_it(int ret)
{
	is_no_memory(ret);
	close((int)MUST_OK(device_open("parport", O_RDWR)));
}

static void opening(void)
{
	start();
	declare_parport("parport");
	sweep(own_it, close_it, nobody_has_it);
}

static void start_owner(void)
{
	start();
	declare_parport("parport");
	MUST_OK(own_it());
}

static int set_up_line(void)
{
	static const struct udrv_irq_rule rule = {
		.claim_width = 1, .claim_offset = 1, .claim_mask = 0x40,
		.acks = { { .op = UDRV_RULE_READ, .width = 1 } },
	};

	return irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1);
}

static void give_line_back(void)
{
	MUST_OK(irq_setup(fd, UDRV_IRQ_NONE, 0, NULL, 0));
}

static void line_is_free(int ret)
{
	is_no_memory(ret);
	MUST(!has_interrupt("udrv-"));
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_NONE);
}

static void setting_up_a_line(void)
{
	start_owner();
	sweep(set_up_line, give_line_back, line_is_free);
}

static int vector;

static int make_vector(void)
{
	vector = irq_fd(fd, 0, 0);
	return vector;
}

static void close_vector(void)
{
	close(vector);
}

static void making_a_vector_file(void)
{
	start_owner();
	MUST_OK(set_up_line());
	sweep(make_vector, close_vector, is_no_memory);
}

static int run_program(void)
{
	uint64_t value;

	return io_read(fd, 0, 1, 1, &value);
}

static void nothing_to_undo(void)
{
}

static void first_program(void)
{
	start_owner();
	sweep(run_program, nothing_to_undo, is_no_memory);
}

const struct test tests[] = {
	TEST(declaring),
	TEST(opening_the_control_file),
	TEST(opening),
	TEST(setting_up_a_line),
	TEST(making_a_vector_file),
	TEST(first_program),
	{ NULL, NULL },
};
