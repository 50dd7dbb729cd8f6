// SPDX-License-Identifier: MIT
/*
 * A declared device, when memory fails: a call says ENOMEM or EFAULT, has done
 * nothing, and does it all when asked again.
 */
#include "declare.h"
#include "fail_nth.h"

#include <fcntl.h>
#include <string.h>

const char test_machines[] = "iommu";
const int test_seconds = 120;

static int control, fd;

static void start(void)
{
	fail_nth_prepare();
	control = (int)MUST_OK(control_open(O_RDWR));
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
	fail_nth_sweep(add, remove_again, nothing_declared);
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
	fail_nth_sweep(reopen_control, close_it, is_no_memory);
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
	fail_nth_sweep(own_it, close_it, nobody_has_it);
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
	fail_nth_sweep(set_up_line, give_line_back, line_is_free);
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
	fail_nth_sweep(make_vector, close_vector, is_no_memory);
}

static int run_program(void)
{
	uint64_t value;

	return io_read(fd, 0, 1, 1, &value);
}

static void first_program(void)
{
	start_owner();
	fail_nth_sweep(run_program, nothing_to_undo, is_no_memory);
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
