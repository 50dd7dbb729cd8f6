// SPDX-License-Identifier: MIT
/* Names of devices. */
#include "unit.h"

static const struct {
	const char *name;
	enum usr_name_kind kind;
	const char *text;
} names[] = {
	{ "0000:00:05.0", USR_NAME_PCI, "0000:00:05.0" },
	{ "00:05.0", USR_NAME_PCI, "0000:00:05.0" },
	{ "0:5.0", USR_NAME_PCI, "0000:00:05.0" },
	{ "aB:1F.7", USR_NAME_PCI, "0000:ab:1f.7" },
	{ "10000:ff:00.1", USR_NAME_PCI, "10000:ff:00.1" },
	{ "0:0:0.0", USR_NAME_PCI, "0000:00:00.0" },
	{ "00:20.0", USR_NAME_BAD, "" },	/* slots end at 1f */
	{ "00:05.8", USR_NAME_BAD, "" },	/* functions at 7 */
	{ "100:05.0", USR_NAME_BAD, "" },	/* buses at ff */
	{ "00:05", USR_NAME_BAD, "" },
	{ "00:05.", USR_NAME_BAD, "" },
	{ "00:05.0 ", USR_NAME_BAD, "" },
	{ " 00:05.0", USR_NAME_BAD, "" },
	{ "00:05.00", USR_NAME_BAD, "" },
	{ "0x0:05.0", USR_NAME_BAD, "" },
	{ "-1:05.0", USR_NAME_BAD, "" },
	{ "123456789:00:05.0", USR_NAME_BAD, "" },
	{ ":00:05.0", USR_NAME_BAD, "" },
	{ "1234:11e8", USR_NAME_IDS, "" },
	{ "8086:100E", USR_NAME_IDS, "" },
	{ "1234:", USR_NAME_BAD, "" },
	{ "1234:11e", USR_NAME_BAD, "" },
	{ "1234:11e80", USR_NAME_BAD, "" },
	{ "123:11e8", USR_NAME_BAD, "" },
	{ "12g4:11e8", USR_NAME_BAD, "" },
	{ "i8042", USR_NAME_LEGACY, "i8042" },
	{ "a", USR_NAME_LEGACY, "a" },
	{ "par_port-0", USR_NAME_LEGACY, "par_port-0" },
	{ "control", USR_NAME_BAD, "" },
	{ "../null", USR_NAME_BAD, "" },
	{ "a/b", USR_NAME_BAD, "" },
	{ "a.b", USR_NAME_LEGACY, "a.b" },
	{ ".a", USR_NAME_BAD, "" },
	{ "A", USR_NAME_BAD, "" },
	{ "aB", USR_NAME_BAD, "" },
	{ "8042", USR_NAME_BAD, "" },
	{ "", USR_NAME_BAD, "" },
	{ "an_name_that_is_much_too_long_for_it", USR_NAME_BAD, "" },
	{ "/dev/udrv/0000:00:05.0", USR_NAME_PATH, "" },
	{ "/", USR_NAME_PATH, "" },
};

static void parses_names(void **state)
{
	struct usr_name parsed;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		enum usr_name_kind kind = usr_name_parse(names[i].name, &parsed);

		if (kind != names[i].kind)
			fail_msg("'%s' is of kind %d, not %d", names[i].name,
				 (int)names[i].kind, (int)kind);
		if (kind == USR_NAME_PCI || kind == USR_NAME_LEGACY)
			assert_string_equal(parsed.text, names[i].text);
	}
}

static void parses_ids(void **state)
{
	struct usr_name parsed;

	(void)state;
	usr_name_parse("8086:100E", &parsed);
	assert_int_equal(parsed.vendor, 0x8086);
	assert_int_equal(parsed.device, 0x100e);
}

/* Whatever the bytes: no crash, and text that fits. */
static void survives_any_text(void **state)
{
	static const char alphabet[] = "0123456789abcdef:./xi_\xff";
	struct usr_name parsed;
	char text[24];
	unsigned seed = 1, round, i;

	(void)state;
	for (round = 0; round < 200000; round++) {
		for (i = 0; i < sizeof(text) - 1; i++) {
			seed = seed * 1103515245 + 12345;
			text[i] = alphabet[(seed >> 16) % sizeof(alphabet)];
		}
		text[i] = '\0';
		usr_name_parse(text, &parsed);
		assert_true(strnlen(parsed.text, sizeof(parsed.text)) <
			    sizeof(parsed.text));
	}
}

static void bad_names_are_explained(void **state)
{
	struct usr_device device;

	(void)state;
	assert_fails(usr_open(NULL, O_RDWR), EINVAL, "no device name");
	assert_fails(usr_open("00:05", O_RDWR), EINVAL, "0000:00:05.0");
	assert_fails(usr_open_or_bind("", O_RDWR, NULL), EINVAL, "1234:11e8");
	assert_fails(usr_find("i8042", &device), EINVAL, "not a PCI device");
	assert_fails(usr_bind("/dev/null", 0), EINVAL, "not a PCI device");
	assert_fails(usr_unbind("nonsense!"), EINVAL, "not a device name");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_names),
		cmocka_unit_test(parses_ids),
		cmocka_unit_test(survives_any_text),
		cmocka_unit_test(bad_names_are_explained),
	};

	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
