// SPDX-License-Identifier: MIT
/*
 * Devices whose faults the kernel knows.  None of QEMU's has them, so that some
 * are given the kernel's marks: what the module does then is seen in the command
 * register.
 */
#include "edu.h"

#include <string.h>

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define COMMAND 4		/* PCI 3.0, 6.2.2 */
#define INTX_DISABLE 0x400

static bool intx_enabled(const char *address)
{
	return !(config_read(address, COMMAND, 2) & INTX_DISABLE);
}

static void must_take_one(const struct edu *edu)
{
	struct udrv_irq_event event;

	MUST(irq_pending(edu->fd, WAIT_MS));
	MUST_OK(irq_read(edu->fd, &event));
}

/* Masking may work where the status bit lies: it costs nothing to try. */
static void intx_that_cannot_be_told_is_masked_where_nobody_hears_it(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu, neighbour;

	device_mark(EDU_ALONE, "broken_intx=1");
	neighbour = edu_open(HOT_EDU);
	edu = edu_open(EDU_ALONE);
	MUST(!(info(edu.fd).out_caps & UDRV_INFO_INTX_MASK));
	MUST(!intx_enabled(EDU_ALONE));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	MUST(intx_enabled(EDU_ALONE));
	edu_raise(&edu, 1);
	must_take_one(&edu);
	edu_lower(&edu);
	edu_raise(&edu, 2);
	must_take_one(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!intx_enabled(EDU_ALONE));

	/* Asserted still, and its line's only handler is the neighbour's. */
	MUST_OK(irq_setup(neighbour.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST_OK(bus_master(edu.fd, 1));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!intx_enabled(EDU_ALONE));
	edu_close(&edu);
	MUST(!intx_enabled(EDU_ALONE));
	MUST_EQUAL(counters(neighbour.fd).out_not_ours, 0);
}

/* A rule and CAP_SYS_RAWIO: such a device may share its line. */
static void rule_shares_a_line_that_cannot_be_told(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu, neighbour;
	uint64_t heard;

	device_mark(EDU_ALONE, "broken_intx=1");
	neighbour = edu_open(HOT_EDU);
	MUST_OK(irq_setup(neighbour.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu = edu_open(EDU_ALONE);
	edu_raise(&edu, 1);
	usleep(10000);
	MUST_EQUAL(counters(neighbour.fd).out_not_ours, 0);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST(intx_enabled(EDU_ALONE));
	must_take_one(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	heard = counters(neighbour.fd).out_not_ours;
	edu_raise(&edu, 2);
	MUST_OK(device_unbind(EDU_ALONE));
	MUST(!intx_enabled(EDU_ALONE));
	edu_raise(&neighbour, 1);
	must_take_one(&neighbour);
	MUST_EQUAL(counters(neighbour.fd).out_not_ours, heard);
}

/* It takes the whole line, for want of better; with its end all is as before. */
static void storm_on_a_shared_line_ends_with_its_setup(void)
{
	struct udrv_irq_rule rule = edu_rule(), no_ack = edu_rule();
	struct edu edu, neighbour;

	device_mark(EDU_ALONE, "broken_intx=1");
	neighbour = edu_open(HOT_EDU);
	MUST_OK(irq_setup(neighbour.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu = edu_open(EDU_ALONE);
	memset(no_ack.acks, 0, sizeof(no_ack.acks));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &no_ack, 1));
	edu_raise(&edu, 1);
	WAIT_FOR(counters(edu.fd).out_storms > 0);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	edu_raise(&neighbour, 1);
	must_take_one(&neighbour);
}

/* No neighbour, and no CAP_SYS_RAWIO to have one by. */
static void rule_that_never_claims_storms_alone(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct udrv_irq_event event;
	struct edu edu;

	device_mark(EDU_ALONE, "broken_intx=1");
	edu = edu_open(EDU_ALONE);
	become_nobody();
	rule.claim_mask = 0x80000000;	/* never what we raise */
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 1);
	WAIT_FOR(counters(edu.fd).out_storms > 0);
	MUST_OK(irq_read(edu.fd, &event));
	MUST(!logged("nobody cared"));
}

static void messages_that_want_intx_enabled_have_it(void)
{
	struct edu edu;
	int i;

	device_mark(EDU, "silent=1");
	edu = edu_open(EDU);
	MUST_OK(bus_master(edu.fd, 1));
	for (i = 0; i < 2; i++) {
		MUST(!intx_enabled(EDU));
		MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
		MUST(intx_enabled(EDU));
		edu_raise(&edu, 1);
		must_take_one(&edu);
		MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	}
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	edu_close(&edu);
	MUST(!intx_enabled(EDU));
}

static void messages_have_intx_enabled_after_a_reset_too(void)
{
	int fd;

	device_mark(NVME, "silent=1");
	fd = device_own(NVME);
	MUST(!intx_enabled(NVME));
	MUST_OK(irq_setup(fd, UDRV_IRQ_MSIX, 2, NULL, 0));
	MUST(intx_enabled(NVME));
	MUST_OK(reset(fd));
	MUST(intx_enabled(NVME));
	MUST_OK(write_text("/sys/bus/pci/devices/" NVME "/reset", "1"));
	MUST(intx_enabled(NVME));
	MUST_OK(irq_setup(fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!intx_enabled(NVME));
}

/* Everyone else's messages mask INTx, as the kernel does. */
static void messages_of_others_leave_intx_masked(void)
{
	struct edu edu = edu_open(EDU);

	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_MSI, 1, NULL, 0));
	MUST(!intx_enabled(EDU));
}

const struct test tests[] = {
	TEST(intx_that_cannot_be_told_is_masked_where_nobody_hears_it),
	TEST(rule_shares_a_line_that_cannot_be_told),
	TEST(storm_on_a_shared_line_ends_with_its_setup),
	TEST(rule_that_never_claims_storms_alone),
	TEST(messages_that_want_intx_enabled_have_it),
	TEST(messages_have_intx_enabled_after_a_reset_too),
	TEST(messages_of_others_leave_intx_masked),
	{ NULL, NULL },
};
