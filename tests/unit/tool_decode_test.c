// SPDX-License-Identifier: MIT
/* What the udrv tool decodes: trace lines, configuration space, register files,
 * times.
 */
#include "unit.h"
#include <linux/pci_regs.h>
#include <stdlib.h>
#include "pci_decode.h"
#include "udrv_histogram.h"
#include "udrv_registers.h"
#include "udrv_tracefs.h"

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "(none)";
}

static json_int_t number_of(const json_t *object, const char *key)
{
	const json_t *value = json_object_get(object, key);

	assert_true(json_is_integer(value));
	return json_integer_value(value);
}

/* ---------------------------------------------------------------------- trace */

static void trace_lines_become_facts(void **state)
{
	json_t *event = trace_parse(
		"     Web Content-4321    [003] d.h1.  1234.567890: udrv_irq: 0000:00:03.0 vector=1 count=7 status=0x42");

	(void)state;
	assert_non_null(event);
	assert_string_equal(text_of(event, "event"), "irq");
	assert_string_equal(text_of(event, "device"), "0000:00:03.0");
	assert_string_equal(text_of(event, "command"), "Web Content");
	assert_int_equal(number_of(event, "pid"), 4321);
	assert_int_equal(number_of(event, "cpu"), 3);
	assert_int_equal(number_of(event, "vector"), 1);
	assert_int_equal(number_of(event, "status"), 0x42);
	assert_true(json_real_value(json_object_get(event, "time")) > 1234.56);
	json_decref(event);
}

static void trace_refusals_keep_their_sentence(void **state)
{
	json_t *event = trace_parse(
		"a-b-12 [000] ..... 1.5: udrv_refused: gauge error=-16 a=b: has spaces, and = signs");

	(void)state;
	assert_non_null(event);
	assert_string_equal(text_of(event, "command"), "a-b");
	assert_int_equal(number_of(event, "error"), -16);
	assert_string_equal(text_of(event, "reason"), "a=b: has spaces, and = signs");
	json_decref(event);
	event = trace_parse("x-1 [000] ..... 1.5: udrv_open: keyboard observer");
	assert_string_equal(text_of(event, "who"), "observer");
	json_decref(event);
}

static void lines_that_are_no_events_are_left_out(void **state)
{
	static const char *const lines[] = {
		"", "CPU:0 [LOST 12 EVENTS]", "# tracer: nop", ": udrv_irq: a",
		"x-1 [000] ..... 1.5: sched_switch: a", "x [000] 1.5: udrv_irq: a",
		"x-1 [000] ..... 1.5: udrv_irq", "x-1 1.5: udrv_irq: a",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *event = trace_parse(lines[i]);

		if (event)
			print_error("'%s' was taken\n", lines[i]);
		assert_null(event);
	}
}

/* -------------------------------------------------------- configuration space */

static void put(uint8_t *config, size_t at, unsigned width, uint32_t value)
{
	for (; width--; value >>= 8)
		config[at++] = (uint8_t)value;
}

static void make_device(uint8_t *config, size_t size)
{
	memset(config, 0, size);
	put(config, PCI_VENDOR_ID, 4, 0x11e81234);
	put(config, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	put(config, PCI_STATUS, 2, PCI_STATUS_CAP_LIST);
	put(config, PCI_CLASS_REVISION, 4, 0x00ff0010);
	put(config, PCI_BASE_ADDRESS_0, 4, 0xfeb0000c);
	put(config, PCI_BASE_ADDRESS_1, 4, 0x1);
	put(config, PCI_BASE_ADDRESS_2, 4, 0xc041);
	put(config, PCI_CAPABILITY_LIST, 1, 0x40);
	put(config, 0x40, 4, PCI_CAP_ID_MSI | 0x50 << 8 | 0x0084u << 16);
	put(config, 0x50, 4, PCI_CAP_ID_MSIX | 0x803fu << 16);
	put(config, 0x54, 4, 0x2003);
}

static void capabilities_are_decoded(void **state)
{
	uint8_t config[4096];
	json_t *decoded, *list, *bars;

	(void)state;
	make_device(config, sizeof(config));
	put(config, 0x100, 4, PCI_EXT_CAP_ID_DSN | 1 << 16 | 0x140u << 20);
	put(config, 0x140, 4, PCI_EXT_CAP_ID_SRIOV | 1 << 16);
	decoded = pci_decode(config, sizeof(config));
	assert_string_equal(text_of(decoded, "id"), "1234:11e8");
	assert_string_equal(text_of(decoded, "class"), "00ff00");
	bars = json_object_get(decoded, "bars");
	assert_int_equal(json_array_size(bars), 2);
	assert_int_equal(number_of(json_array_get(bars, 0), "address"), 0x1feb00000);
	assert_int_equal(number_of(json_array_get(bars, 1), "address"), 0xc040);
	list = json_object_get(decoded, "capabilities");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(number_of(json_array_get(list, 0), "vectors"), 4);
	assert_int_equal(number_of(json_array_get(list, 1), "vectors"), 64);
	assert_int_equal(number_of(json_array_get(list, 1), "table_bar"), 3);
	assert_int_equal(number_of(json_array_get(list, 1), "table_offset"), 0x2000);
	list = json_object_get(decoded, "extended_capabilities");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(text_of(json_array_get(list, 1), "name"),
			    "virtual functions");
	json_decref(decoded);
}

static void broken_lists_end(void **state)
{
	uint8_t config[4096];
	json_t *decoded;

	(void)state;
	make_device(config, sizeof(config));
	put(config, 0x41, 1, 0x40);		/* points at itself */
	put(config, 0x100, 4, PCI_EXT_CAP_ID_DSN | 0x100u << 20);
	decoded = pci_decode(config, sizeof(config));
	assert_true(json_array_size(json_object_get(decoded, "capabilities")) <= 48);
	json_decref(decoded);
	put(config, 0x41, 1, 0xfc);		/* and what a user may not see */
	decoded = pci_decode(config, 64);
	assert_int_equal(json_array_size(json_object_get(decoded, "capabilities")), 0);
	json_decref(decoded);
	memset(config, 0xff, sizeof(config));
	assert_null(pci_decode(config, sizeof(config)));
	assert_null(pci_decode(config, 8));
}

/* ------------------------------------------------------------------- registers */

static void fields_are_cut_out(void **state)
{
	struct register_field field = { .high = 63, .low = 0 };

	(void)state;
	assert_true(register_field_value(&field, UINT64_MAX) == UINT64_MAX);
	field = (struct register_field){ .high = 31, .low = 24 };
	assert_int_equal(register_field_value(&field, 0xab123456), 0xab);
	field = (struct register_field){ .high = 5, .low = 5 };
	assert_int_equal(register_field_value(&field, 0x20), 1);
	assert_int_equal(register_field_value(&field, 0xdf), 0);
}

static void register_files_are_for_devices(void **state)
{
	static const char text[] =
		"device 1234:11e8\n declared gauge # this\nregister A 0:0x10 4 rw It\n"
		"\tfield 7:4 B Part\nregister C config:4 2 ro\r\n";
	struct register_device device = { .vendor = 0x1234, .device = 0x11e8 };
	struct register_file file = { .fits = false };
	char error[200];

	(void)state;
	assert_true(registers_parse(&file, &device, "f", text, error,
				    sizeof(error)));
	assert_true(file.fits);
	assert_int_equal(file.count, 2);
	assert_non_null(registers_find(&file, "a"));
	assert_null(registers_find(&file, "B"));
	assert_string_equal(registers_at(&file, 7, 4, 2)->name, "C");
	assert_null(registers_at(&file, 0, 0x10, 2));
	assert_string_equal(registers_find(&file, "A")->fields[0].about, "Part");
	registers_free(&file);
	device = (struct register_device){ .name = "gauge" };
	assert_true(registers_parse(&file, &device, "f", text, error,
				    sizeof(error)));
	assert_true(file.fits);
	registers_free(&file);
	device.vendor = 0x1234;
	assert_true(registers_parse(&file, &device, "f", text, error,
				    sizeof(error)));
	assert_false(file.fits);
	registers_free(&file);
}

static void places_are_checked(void **state)
{
	static const char *const wrong[] = { "", "0", ":0", "8:0", "0:", "0:x",
					     "bar0:0", "-1:0", "0:-1", "0:0x" };
	uint64_t offset;
	unsigned region;
	const char *end;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (register_place(wrong[i], &region, &offset, &end)) {
			print_error("'%s' was taken\n", wrong[i]);
			fail();
		}
	assert_true(register_place("Config:0x40/2", &region, &offset, &end));
	assert_int_equal(region, UDRV_REGION_CONFIG);
	assert_int_equal(offset, 0x40);
	assert_string_equal(end, "/2");
}

/* ------------------------------------------------------------------- histogram */

static void times_fall_into_powers_of_two(void **state)
{
	static const uint64_t times[] = { 0, 1, 2, 3, 4, 1023, 1024, UINT64_MAX };
	struct histograms all = { NULL, 0 };
	json_t *array, *one;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		histogram_add(&all, "a", 0, times[i]);
	histogram_add(&all, "a", 1, 5);
	histogram_add(&all, "b", 0, 5);
	assert_int_equal(all.count, 3);
	assert_int_equal(all.each[0].buckets[0], 2);
	assert_int_equal(all.each[0].buckets[1], 2);
	assert_int_equal(all.each[0].buckets[2], 1);
	assert_int_equal(all.each[0].buckets[9], 1);
	assert_int_equal(all.each[0].buckets[10], 1);
	assert_int_equal(all.each[0].buckets[63], 1);
	array = histogram_json(&all, "a");
	assert_int_equal(json_array_size(array), 2);
	one = json_array_get(array, 1);
	assert_int_equal(number_of(one, "vector"), 1);
	assert_int_equal(number_of(one, "mean_ns"), 5);
	json_decref(array);
	free(all.each);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(trace_lines_become_facts),
		cmocka_unit_test(trace_refusals_keep_their_sentence),
		cmocka_unit_test(lines_that_are_no_events_are_left_out),
		cmocka_unit_test(capabilities_are_decoded),
		cmocka_unit_test(broken_lists_end),
		cmocka_unit_test(fields_are_cut_out),
		cmocka_unit_test(register_files_are_for_devices),
		cmocka_unit_test(places_are_checked),
		cmocka_unit_test(times_fall_into_powers_of_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
