// SPDX-License-Identifier: MIT
/* INTx: held back by INTx-disable without a rule, acknowledged with one. */
#include "edu.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>

const char test_machines[] = "iommu noiommu amd";
const int test_seconds = 90;

#define INTX_DISABLE 0x400	/* PCI 3.0, command register */

static bool held_back(const char *address)
{
	return config_read(address, 4, 2) & INTX_DISABLE;
}

static struct edu edu_intx(const char *address, bool with_rule)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(address);

	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, with_rule));
	set_nonblock(edu.fd, true);
	return edu;
}

static void must_be_quiet(const struct edu *edu)
{
	struct udrv_irq_event event;

	usleep(20000);
	MUST_ERROR(irq_read(edu->fd, &event), EAGAIN);
}

static void read_before_setup_is_enxio(void)
{
	struct edu edu = edu_open(EDU);
	struct pollfd wait = { .fd = edu.fd, .events = POLLIN };
	struct udrv_irq_event event;

	MUST_ERROR(irq_read(edu.fd, &event), ENXIO);
	MUST_EQUAL(poll(&wait, 1, WAIT_MS), 1);
	MUST(wait.revents & POLLERR);
	MUST(!(wait.revents & POLLIN));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, NULL, 0));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST_ERROR(irq_read(edu.fd, &event), ENXIO);
}

static void without_rule_one_read_per_interrupt(void)
{
	struct edu edu = edu_intx(EDU, false);
	struct udrv_irq_event event;
	uint64_t before, after;

	/* Nobody reads: nothing may come. */
	MUST(held_back(EDU));
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
	/* That read has armed. */
	MUST(!held_back(EDU));
	before = now_ns();
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	after = now_ns();
	MUST(held_back(EDU));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(event.status, 0);
	MUST(event.time_ns >= before && event.time_ns <= after);
	/* Taking does not arm: the driver has not looked at the device yet. */
	MUST(held_back(EDU));
	edu_lower(&edu);
	MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
	must_be_quiet(&edu);
}

static void line_still_asserted_is_an_event_at_once(void)
{
	struct edu edu = edu_intx(EDU, false);
	struct udrv_irq_event event;
	int i;

	edu_raise(&edu, 1);
	for (i = 0; i < 3; i++) {
		MUST_OK(irq_read(edu.fd, &event));
		MUST_EQUAL(event.count, 1);
	}
	MUST(irq_pending(edu.fd, 0));
	edu_lower(&edu);
	MUST_OK(irq_read(edu.fd, &event));
	must_be_quiet(&edu);
}

static void poll_arms_only_when_asked_for_input(void)
{
	struct edu edu = edu_intx(EDU, false);
	struct pollfd wait = { .fd = edu.fd, .events = 0 };

	MUST_EQUAL(poll(&wait, 1, 0), 0);
	MUST(held_back(EDU));
	wait.events = POLLOUT;
	MUST_EQUAL(poll(&wait, 1, 0), 0);
	MUST(held_back(EDU));
	MUST(!irq_pending(edu.fd, 0));
	MUST(!held_back(EDU));
	edu_raise(&edu, 1);
	MUST(irq_pending(edu.fd, WAIT_MS));
	/* Pending: poll arms nothing. */
	edu_lower(&edu);
	MUST(irq_pending(edu.fd, 0));
	MUST(held_back(EDU));
}

static void with_rule_nothing_is_held_back(void)
{
	struct edu edu = edu_intx(EDU, true);
	struct udrv_irq_event event;
	uint64_t before = now_ns();

	MUST(!held_back(EDU));
	edu_raise(&edu, 0x5);
	WAIT_FOR(edu_read(&edu, EDU_IRQ_STATUS) == 0);
	MUST(!held_back(EDU));
	edu_raise(&edu, 0x50);
	WAIT_FOR(edu_read(&edu, EDU_IRQ_STATUS) == 0);
	MUST(irq_pending(edu.fd, WAIT_MS));
	WAIT_FOR(counters(edu.fd).out_interrupts == 2);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 2);
	MUST_EQUAL(event.status, 0x55);
	MUST(event.time_ns >= before && event.time_ns <= now_ns());
	/* The next event starts afresh. */
	edu_raise(&edu, 0x8);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_EQUAL(event.status, 0x8);
	must_be_quiet(&edu);
}

static void small_or_bad_buffer_loses_nothing(void)
{
	struct edu edu = edu_intx(EDU, true);
	struct udrv_irq_event events[4];
	void *volatile no_memory = (void *)16;
	char small[15];

	edu_raise(&edu, 0x3);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_ERROR(sys(read(edu.fd, small, sizeof(small))), EINVAL);
	MUST_ERROR(sys(read(edu.fd, small, 1)), EINVAL);
	MUST_ERROR(sys(read(edu.fd, no_memory, sizeof(events[0]))), EFAULT);
	MUST_EQUAL(sys(read(edu.fd, events, sizeof(events))), 16);
	MUST_EQUAL(events[0].count, 1);
	MUST_EQUAL(events[0].status, 0x3);
	must_be_quiet(&edu);
}

static void lock_step(bool with_rule)
{
	struct edu edu = edu_intx(EDU, with_rule);
	struct udrv_irq_event event;
	uint32_t i, count = (uint32_t)fewer(10000, 1000);

	set_nonblock(edu.fd, false);
	for (i = 1; i <= count; i++) {
		edu_raise(&edu, i);
		MUST_OK(irq_read(edu.fd, &event));
		MUST_EQUAL(event.count, 1);
		MUST_EQUAL(event.status, with_rule ? i : 0);
		if (!with_rule)
			edu_lower(&edu);
	}
	set_nonblock(edu.fd, true);
	must_be_quiet(&edu);
	MUST_EQUAL(counters(edu.fd).out_interrupts, count);
}

static void lock_step_with_rule(void)
{
	lock_step(true);
}

static void lock_step_without_rule(void)
{
	lock_step(false);
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void alarm_in(long us, int flags)
{
	struct sigaction action = { .sa_handler = on_alarm, .sa_flags = flags };
	struct itimerval timer = { .it_value.tv_usec = us };

	MUST_OK(sys(sigaction(SIGALRM, &action, NULL)));
	MUST_OK(sys(setitimer(ITIMER_REAL, &timer, NULL)));
}

static void raise_later(void *data)
{
	struct edu *edu = data;
	struct udrv_io_step step = step_write(0, EDU_IRQ_RAISE, 4, 6);

	usleep(200000);
	MUST_OK(run_steps(edu->fd, &step, 1, NULL));
}

static void signal_loses_no_event(void)
{
	struct edu edu = edu_intx(EDU, true);
	struct udrv_irq_event event;
	pid_t child;

	set_nonblock(edu.fd, false);
	alarm_in(50000, 0);
	MUST_ERROR(irq_read(edu.fd, &event), EINTR);
	edu_raise(&edu, 1);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.count, 1);
	/* Restarted by the kernel, the read waits on. */
	child = spawn(raise_later, &edu);
	alarm_in(50000, SA_RESTART);
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 6);
	MUST_EQUAL(reap(child), 0);
}

static void shared_line(bool first_rule, bool second_rule)
{
	struct edu first = edu_intx(EDU, first_rule);
	struct edu second = edu_intx(EDU_SHARED, second_rule);
	struct udrv_irq_event event;
	int i;

	for (i = 0; i < fewer(500, 100); i++) {
		const struct edu *loud = i & 1 ? &second : &first;
		const struct edu *silent = i & 1 ? &first : &second;

		/* The silent one listens too. */
		MUST_ERROR(irq_read(silent->fd, &event), EAGAIN);
		MUST_ERROR(irq_read(loud->fd, &event), EAGAIN);
		edu_raise(loud, 2);
		MUST(irq_pending(loud->fd, WAIT_MS));
		MUST_OK(irq_read(loud->fd, &event));
		MUST_EQUAL(event.count, 1);
		edu_lower(loud);
		MUST_ERROR(irq_read(silent->fd, &event), EAGAIN);
	}
	/* Both at once. */
	MUST_ERROR(irq_read(first.fd, &event), EAGAIN);
	MUST_ERROR(irq_read(second.fd, &event), EAGAIN);
	edu_raise(&first, 1);
	edu_raise(&second, 1);
	MUST(irq_pending(first.fd, WAIT_MS));
	MUST(irq_pending(second.fd, WAIT_MS));
	MUST_OK(irq_read(first.fd, &event));
	MUST_EQUAL(event.count, 1);
	MUST_OK(irq_read(second.fd, &event));
	MUST_EQUAL(event.count, 1);
}

static void shared_line_both_with_rules(void)
{
	shared_line(true, true);
}

static void shared_line_one_with_a_rule(void)
{
	shared_line(true, false);
}

static void shared_line_without_rules(void)
{
	shared_line(false, false);
}

/* The neighbour's driver is gone, or never read: this one works on. */
static void shared_line_survives_the_neighbours_end(void)
{
	struct edu first = edu_intx(EDU, true);
	struct edu second = edu_intx(EDU_SHARED, true);
	struct udrv_irq_event event;

	edu_raise(&second, 1);
	WAIT_FOR(edu_read(&second, EDU_IRQ_STATUS) == 0);
	edu_close(&second);
	edu_raise(&first, 1);
	MUST(irq_pending(first.fd, WAIT_MS));
	MUST_OK(irq_read(first.fd, &event));
	/* A device left shouting by its driver is silenced with it. */
	second = edu_intx(EDU_SHARED, false);
	edu_raise(&second, 1);
	edu_close(&second);
	MUST(held_back(EDU_SHARED));
	edu_raise(&first, 1);
	MUST(irq_pending(first.fd, WAIT_MS));
	MUST_OK(irq_read(first.fd, &event));
	second = edu_open(EDU_SHARED);
	edu_lower(&second);
}

/* An acknowledgement that clears nothing: the line stays asserted for ever. */
static void storm_is_masked_told_once_and_recovers(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	struct edu other = edu_intx(EDU_SHARED, true);
	struct udrv_irq_event event;
	int round;

	MUST_EQUAL(logged_times("interrupt storm"), 0);
	memset(rule.acks, 0, sizeof(rule.acks));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	set_nonblock(edu.fd, true);
	for (round = 1; round <= 2; round++) {
		edu_raise(&edu, 1);
		WAIT_FOR(counters(edu.fd).out_storms == (uint64_t)round);
		MUST(held_back(EDU));
		MUST_EQUAL(logged_times("interrupt storm"), 1);
		/* Masked at the device: the neighbour still hears its own. */
		edu_raise(&other, 4);
		MUST(irq_pending(other.fd, WAIT_MS));
		MUST_OK(irq_read(other.fd, &event));
		MUST_EQUAL(event.status, 4);
		edu_lower(&edu);
		MUST_OK(irq_read(edu.fd, &event));
		MUST(event.count > 1000);
		/* Armed again, it hears again. */
		MUST_ERROR(irq_read(edu.fd, &event), EAGAIN);
		MUST(!held_back(EDU));
	}
}

/* A rule that claims nothing must not cost the neighbour its line. */
static void rule_that_never_claims_spares_the_neighbour(void)
{
	struct udrv_irq_rule rule = edu_rule();
	struct edu edu = edu_open(EDU);
	struct edu other = edu_intx(EDU_SHARED, true);
	struct udrv_irq_event event;

	rule.claim_mask = 0x80000000;
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	set_nonblock(edu.fd, true);
	edu_raise(&edu, 1);
	WAIT_FOR(held_back(EDU));
	edu_raise(&other, 1);
	MUST(irq_pending(other.fd, WAIT_MS));
	MUST_OK(irq_read(other.fd, &event));
	edu_lower(&edu);
}

static void refuse_rule(const struct edu *edu, struct udrv_irq_rule rule,
			const char *reason)
{
	MUST_ERROR(irq_setup(edu->fd, UDRV_IRQ_INTX, 1, &rule, 1), EINVAL);
	MUST_REASON(edu->fd, EINVAL, reason);
}

/* And the setup before them is still there. */
static void rules_that_are_none(void)
{
	struct edu edu = edu_intx(EDU, true);
	struct udrv_irq_rule rule;
	struct udrv_irq_event event;

	rule = edu_rule();
	rule.claim_width = 8;
	refuse_rule(&edu, rule, "1, 2 or 4 bytes");
	rule.claim_width = 3;
	refuse_rule(&edu, rule, "3");
	rule.claim_width = 0;
	refuse_rule(&edu, rule, "without a claim register");
	rule = edu_rule();
	rule.claim_mask = 0;
	refuse_rule(&edu, rule, "never claims");
	rule = edu_rule();
	rule.flags = 1u << 31;
	refuse_rule(&edu, rule, "flags 0x80000000");
	rule = edu_rule();
	rule.acks[0].op = UDRV_RULE_WRITE + 1;
	refuse_rule(&edu, rule, "access 0: unknown operation");
	rule = edu_rule();
	rule.acks[0].width = 8;
	refuse_rule(&edu, rule, "1, 2 or 4 bytes");
	rule = edu_rule();
	rule.acks[2] = rule.acks[0];
	refuse_rule(&edu, rule, "access 2 comes after the end");
	edu_raise(&edu, 5);
	MUST(irq_pending(edu.fd, WAIT_MS));
	MUST_OK(irq_read(edu.fd, &event));
	MUST_EQUAL(event.status, 5);
}

static void enable(const char *address, const char *on)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", address);
	MUST_OK(write_text(path, on));
}

static void use_enabled(void *address)
{
	int fd = device_own(address);

	MUST(held_back(address));
	close(fd);
	MUST_OK(device_unbind(address));
}

/* Is INTx held back after a driver of ours, where somebody has it enabled? */
static bool held_back_after(const char *address)
{
	bool held;
	int status;

	enable(address, "1");
	status = reap(spawn(use_enabled, (void *)address));
	held = held_back(address);
	enable(address, "0");
	MUST_EQUAL(status, 0);
	return held;
}

/*
 * Who enables a device that is enabled already does not enable its INTx.  What
 * was not reset may assert its line, and nobody would handle it.
 */
static void unbinding_returns_intx_to_who_has_it_enabled(void)
{
	MUST(!held_back_after(NVME));
	MUST(held_back_after(EDU));
}

const struct test tests[] = {
	TEST(read_before_setup_is_enxio),
	TEST(without_rule_one_read_per_interrupt),
	TEST(line_still_asserted_is_an_event_at_once),
	TEST(poll_arms_only_when_asked_for_input),
	TEST(with_rule_nothing_is_held_back),
	TEST(small_or_bad_buffer_loses_nothing),
	TEST(lock_step_with_rule),
	TEST(lock_step_without_rule),
	TEST(signal_loses_no_event),
	TEST(shared_line_both_with_rules),
	TEST(shared_line_one_with_a_rule),
	TEST(shared_line_without_rules),
	TEST(shared_line_survives_the_neighbours_end),
	TEST(storm_is_masked_told_once_and_recovers),
	TEST(rule_that_never_claims_spares_the_neighbour),
	TEST(rules_that_are_none),
	TEST(unbinding_returns_intx_to_who_has_it_enabled),
	{ NULL, NULL },
};
