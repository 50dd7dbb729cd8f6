// SPDX-License-Identifier: MIT
/* The input hook's refusals: all that needs no uinput. */
#include <linux/input.h>
#include <unistd.h>
#include "udrv_input.h"
#include "unit.h"

static const uint16_t keys[] = { KEY_A, KEY_B };

static void refuses_names(void **state)
{
	char name[81];
	struct usr_input_device device = { .name = name };

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[80] = '\0';
	assert_fails_null(usr_input_new(NULL), EINVAL, "name");
	assert_fails_null(usr_input_new(&device), EINVAL, "79 bytes");
	name[0] = '\0';
	assert_fails_null(usr_input_new(&device), EINVAL, "name");
	device.name = NULL;
	assert_fails_null(usr_input_new(&device), EINVAL, "name");
}

static void refuses_codes(void **state)
{
	const uint16_t bad[] = { KEY_A, KEY_CNT };
	const uint16_t axis[] = { REL_CNT }, led[] = { LED_CNT };
	struct usr_input_device device = { .name = "a", .keys = bad, .key_count = 2 };

	(void)state;
	assert_fails_null(usr_input_new(&device), EINVAL, "element 1 of the list for EV_KEY");
	device.keys = NULL;
	assert_fails_null(usr_input_new(&device), EINVAL, "element 0");
	device = (struct usr_input_device) { .name = "a", .axes = axis, .axis_count = 1 };
	assert_fails_null(usr_input_new(&device), EINVAL, "EV_REL");
	device = (struct usr_input_device) { .name = "a", .leds = led, .led_count = 1 };
	assert_fails_null(usr_input_new(&device), EINVAL, "EV_LED");
}

static void refuses_rates(void **state)
{
	struct usr_input_device device = { .name = "a", .keys = keys, .key_count = 2,
					   .repeat_delay_ms = 1 };

	(void)state;
	assert_fails_null(usr_input_new(&device), EINVAL, "without repeat");
	device.repeat = true;
	assert_fails_null(usr_input_new(&device), EINVAL, "both");
	device.repeat_period_ms = 1u << 31;
	assert_fails_null(usr_input_new(&device), EINVAL, "31 bits");
}

/* This machine may have no uinput, or we may not have it: then it says so. */
static void says_what_is_missing(void **state)
{
	struct usr_input_device device = { .name = "udrv unit test", .keys = keys,
					   .key_count = 2 };
	struct usr_input *input;

	(void)state;
	if (!access("/dev/uinput", R_OK | W_OK))
		skip();
	errno = 0;
	input = usr_input_new(&device);
	assert_null(input);
	assert_true(errno == EACCES || errno == ENODEV);
	assert_non_null(strstr(usr_error(), "/dev/uinput"));
}

static void frees_nothing(void **state)
{
	(void)state;
	usr_input_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_names),
		cmocka_unit_test(refuses_codes),
		cmocka_unit_test(refuses_rates),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(frees_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
