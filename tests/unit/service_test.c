// SPDX-License-Identifier: MIT
/* A driver as a service: what its interface is called, and that it works without a manager. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "service.h"
#include "unit.h"

static void must_be_called(const char *device, const char *wanted)
{
	char name[SERVICE_INTERFACE_SIZE];

	assert_int_equal(service_interface(device, name), 0);
	assert_string_equal(name, wanted);
}

static void interfaces_are_called_by_place(void **state)
{
	(void)state;
	unsetenv("UDRV_INTERFACE");
	must_be_called("0000:00:05.0", "udrv-p0s5");
	must_be_called("0000:0a:1f.0", "udrv-p10s31");
	must_be_called("0000:ff:1f.7", "udrv-p255s31f7");
	/* The kernel takes no more than 15 bytes. */
	must_be_called("10000:ff:1f.7", "u10000-ff1f7");
	must_be_called("8086:100e", "eth-udrv");
	must_be_called("0000:00:05.0x", "eth-udrv");
}

static void interfaces_are_called_as_wished(void **state)
{
	static const char *const wrong[] = {
		"a/b", "..", ".", "two words", "0123456789abcdef", "eth0%d",
	};
	char name[SERVICE_INTERFACE_SIZE];

	(void)state;
	setenv("UDRV_INTERFACE", "wan0", 1);
	must_be_called("0000:00:05.0", "wan0");
	setenv("UDRV_INTERFACE", "", 1);
	must_be_called("0000:00:05.0", "udrv-p0s5");
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		setenv("UDRV_INTERFACE", wrong[i], 1);
		assert_int_equal(service_interface("0000:00:05.0", name), -1);
	}
	unsetenv("UDRV_INTERFACE");
}

/* Files of another process's, by $LISTEN_PID, are not ours. */
static void nothing_is_kept_without_a_manager(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", SERVICE_DEVICE, 1);
	setenv("LISTEN_PID", "1", 1);
	assert_int_equal(service_file(SERVICE_DEVICE), -1);
	assert_int_equal(service_keep(STDOUT_FILENO, SERVICE_DEVICE), -1);
	assert_int_equal(errno, ESRCH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(interfaces_are_called_by_place),
		cmocka_unit_test(interfaces_are_called_as_wished),
		cmocka_unit_test(nothing_is_kept_without_a_manager),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
