// SPDX-License-Identifier: MIT
/* Who holds what, by texts as /proc has them. */
#include "unit.h"
#include "../../libudrv/legacy.h"

static const char ports[] =
	"0000-0cf7 : PCI Bus 0000:00\n"
	"  0060-0060 : keyboard\n"
	"  0070-0077 : rtc0\n"
	"  01f0-01f7 : 0000:00:0b.0\n"
	"    01f0-01f7 : ata_piix\n"
	"  0600-067f : 0000:00:1f.0\n"
	"    0604-0605 : ACPI PM1a_CNT_BLK\n"
	"0cf8-0cff : PCI conf1\n"
	"0d00-ffff : PCI Bus 0000:00\n";

static void must_hold(uint64_t first, uint64_t last, const char *name)
{
	char holder[64] = "";

	assert_int_equal(usr_holder_in_resources(ports, first, last, holder,
						 sizeof(holder)), name != NULL);
	if (name)
		assert_string_equal(holder, name);
}

static void innermost_holder_is_named(void **state)
{
	(void)state;
	must_hold(0x60, 0x60, "keyboard");
	must_hold(0x61, 0x6f, NULL);
	must_hold(0x61, 0x70, "rtc0");
	must_hold(0x77, 0x78, "rtc0");
	must_hold(0x1f7, 0x1f7, "ata_piix");
	must_hold(0x600, 0x603, "0000:00:1f.0");
	must_hold(0x600, 0x604, "ACPI PM1a_CNT_BLK");
	must_hold(0xcf8, 0xcf8, "PCI conf1");
	must_hold(0xd00, 0xffff, NULL);
	must_hold(0, 0xffff, "ata_piix");
}

static const char interrupts[] =
	"           CPU0       CPU1       \n"
	"  0:        233          0  IR-IO-APIC   2-edge      timer\n"
	"  1:          0          9  IR-IO-APIC   1-edge      i8042\n"
	"  4:          0          1      XT-PIC  4-edge      ttyS0\n"
	"  6:          0          0    XT-PIC      floppy\n"
	"  9:          0          0  IR-IO-APIC   9-fasteoi   acpi, other one\n"
	" 14:          5          5  IO-APIC  14-edge    \n"
	" 40:          0          1  IR-PCI-MSI 475136-edge      virtio1-config\n"
	"NMI:          0          0   Non-maskable interrupts\n";

static void must_be_on(unsigned line, const char *name)
{
	char holder[64] = "";

	assert_int_equal(usr_holder_in_interrupts(interrupts, line, holder,
						  sizeof(holder)), name != NULL);
	if (name)
		assert_string_equal(holder, name);
}

static void line_holder_is_named(void **state)
{
	(void)state;
	must_be_on(0, "timer");
	must_be_on(1, "i8042");
	must_be_on(4, "ttyS0");
	must_be_on(9, "acpi, other one");
	must_be_on(14, NULL);
	must_be_on(40, "virtio1-config");
	must_be_on(5, NULL);
	must_be_on(6, "floppy");
	must_be_on(100, NULL);
}

static void strange_texts_name_nobody(void **state)
{
	static const char *const texts[] = { "", "\n", "-", " : ", "0-f", "0-f :",
					     "5:", "5: 1", "5: 1 2 x-edge", "\n\n5" };
	char holder[4];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		usr_holder_in_resources(texts[i], 0, 15, holder, sizeof(holder));
		assert_false(usr_holder_in_interrupts(texts[i], 5, holder,
						      sizeof(holder)));
	}
	/* Cut, not overrun. */
	assert_true(usr_holder_in_resources(ports, 0x60, 0x60, holder,
					    sizeof(holder)));
	assert_string_equal(holder, "key");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(innermost_holder_is_named),
		cmocka_unit_test(line_holder_is_named),
		cmocka_unit_test(strange_texts_name_nobody),
	};

	return cmocka_run_group_tests_name("legacy_holder", tests, NULL, NULL);
}
