// SPDX-License-Identifier: MIT
/* The typematic parameter, against the table of the technical reference. */
#include "unit.h"
#include "ps2/keyboard.h"

/* Periods in ms of rates 0 to 31, from 30.0 down to 2.0 a second. */
static const unsigned periods[32] = {
	33, 37, 41, 45, 50, 54, 58, 62, 66, 75, 83, 91, 100, 108, 116, 125,
	133, 150, 166, 183, 200, 216, 233, 250, 266, 300, 333, 366, 400, 433,
	466, 500,
};

static void every_rate(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 32; i++)
		assert_int_equal(typematic_byte(250, periods[i]), i);
}

static void every_delay(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++)
		assert_int_equal(typematic_byte(250 * (i + 1), 33), i << 5);
}

static void the_ends(void **state)
{
	(void)state;
	assert_int_equal(typematic_byte(0, 0), 0);
	assert_int_equal(typematic_byte(10000, 10000), 0x7f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rate),
		cmocka_unit_test(every_delay),
		cmocka_unit_test(the_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
