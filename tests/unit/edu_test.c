// SPDX-License-Identifier: MIT
/* The edu driver and a card that interrupts for something else, or not at all. */
#include <errno.h>
#include <string.h>
#include "unit.h"
#include "edu/edu.h"

static uint8_t registers[0x100];
static unsigned others;		/* interrupts before the one that is waited for */

int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms)
{
	(void)fd;
	assert_true(timeout_ms > 0);
	if (others == UINT32_MAX) {
		errno = ETIMEDOUT;
		return -1;
	}
	*event = (struct udrv_irq_event) { .count = 1, .status = others ? 2 : 1 };
	others -= others != 0;
	return 0;
}

/* Not used here, but beside it in libudrv. */
int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
		  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	(void)fd;
	(void)kind;
	(void)vectors;
	(void)rules;
	(void)rule_count;
	return -1;
}

static const char *factorial(unsigned interrupts_before)
{
	struct edu edu = { .registers = registers };
	uint32_t result;

	others = interrupts_before;
	return edu_factorial(&edu, 5, &result);
}

static void waits_for_its_own_interrupt(void **state)
{
	(void)state;
	assert_null(factorial(0));
	assert_null(factorial(7));
}

static void does_not_wait_for_ever(void **state)
{
	(void)state;
	assert_non_null(strstr(factorial(UINT32_MAX - 1), "not for what"));
	assert_non_null(factorial(UINT32_MAX));
}

/* One that is gone reads as ones. */
static void sees_that_it_is_gone(void **state)
{
	struct edu edu = { .registers = registers };

	(void)state;
	memset(registers, 0xff, sizeof(registers));
	assert_non_null(edu_check_liveness(&edu, 0x12345678));
	assert_int_not_equal(edu_id(&edu) & 0xffff, 0x00ed);
	memset(registers, 0, sizeof(registers));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_for_its_own_interrupt),
		cmocka_unit_test(does_not_wait_for_ever),
		cmocka_unit_test(sees_that_it_is_gone),
	};

	return cmocka_run_group_tests_name("edu", tests, NULL, NULL);
}
