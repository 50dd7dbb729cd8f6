// SPDX-License-Identifier: MIT
/* The inline builders of udrv.h: register steps, claim/ack rules, slots. */
#include "unit.h"

static void assert_step(struct udrv_io_step step, struct udrv_io_step expected)
{
	assert_memory_equal(&step, &expected, sizeof(step));
}

static void builds_steps(void **state)
{
	char data[8];

	(void)state;
	assert_step(usr_step_read(2, 0x10, 4), (struct udrv_io_step) {
		.op = UDRV_OP_READ, .region = 2, .width = 4, .offset = 0x10 });
	assert_step(usr_step_write(1, 0x1f7, 1, 0xec), (struct udrv_io_step) {
		.op = UDRV_OP_WRITE, .region = 1, .width = 1, .offset = 0x1f7,
		.value = 0xec });
	assert_step(usr_step_write(0, 8, 8, ~0ull), (struct udrv_io_step) {
		.op = UDRV_OP_WRITE, .width = 8, .offset = 8, .value = ~0ull });
	assert_step(usr_step_read_string(0, 0, 2, data, 4), (struct udrv_io_step) {
		.op = UDRV_OP_READ_STRING, .width = 2, .count = 4,
		.mask_or_data = (uintptr_t)data });
	assert_step(usr_step_write_string(0, 0, 2, data, 4), (struct udrv_io_step) {
		.op = UDRV_OP_WRITE_STRING, .width = 2, .count = 4,
		.mask_or_data = (uintptr_t)data });
	assert_step(usr_step_delay(400), (struct udrv_io_step) {
		.op = UDRV_OP_DELAY, .count = 400 });
	assert_step(usr_step_wait(1, 7, 1, 0x80, 0, 1000), (struct udrv_io_step) {
		.op = UDRV_OP_WAIT, .region = 1, .width = 1, .offset = 7,
		.count = 1000, .mask_or_data = 0x80 });
}

/* 256 must not become region 0. */
static void too_large_is_not_cut_off(void **state)
{
	(void)state;
	assert_int_equal(usr_step_read(256, 0, 4).region, 255);
	assert_int_equal(usr_step_read(0, 0, 260).width, 255);
	assert_int_equal(usr_rule_claim(256, 0, 260, 1).claim_region, 255);
	assert_int_equal(usr_rule_claim(256, 0, 260, 1).claim_width, 255);
	assert_int_equal(usr_rule_read(~0u, 0, ~0u).region, 255);
	assert_int_equal(usr_rule_read(~0u, 0, ~0u).width, 255);
}

static void assert_access(struct udrv_rule_access access,
			  struct udrv_rule_access expected)
{
	assert_memory_equal(&access, &expected, sizeof(access));
}

/* What the module does with an access, kmod/irq.c. */
static uint32_t written(struct udrv_rule_access access, uint32_t claimed)
{
	return (claimed & access.and_mask) ^ access.xor_value;
}

static void builds_rules(void **state)
{
	struct udrv_irq_rule rule = usr_rule_claim(0, 0x24, 4, 0x101);
	struct udrv_irq_rule expected = {
		.claim_region = 0, .claim_width = 4, .claim_offset = 0x24,
		.claim_mask = 0x101,
	};

	(void)state;
	assert_memory_equal(&rule, &expected, sizeof(rule));
	assert_access(usr_rule_read(3, 7, 1), (struct udrv_rule_access) {
		.op = UDRV_RULE_READ, .region = 3, .width = 1, .offset = 7 });
	assert_access(usr_rule_write(0, 0xd8, 4, 5), (struct udrv_rule_access) {
		.op = UDRV_RULE_WRITE, .width = 4, .offset = 0xd8, .xor_value = 5 });
	assert_int_equal(written(usr_rule_write(0, 0, 4, 5), 0xffff), 5);
	assert_int_equal(written(usr_rule_write_back(0, 0, 4, ~0u), 0x101), 0x101);
	assert_int_equal(written(usr_rule_write_back(0, 0, 4, 0x4), 0x16), 0x4);
}

static void takes_events(void **state)
{
	struct udrv_event_slot slot = { .count = 7, .seen = 7 };
	struct udrv_irq_event event;

	(void)state;
	assert_int_equal(usr_event_take(&slot), 0);
	slot.count = 9;
	assert_int_equal(usr_event_take(&slot), 2);
	assert_int_equal(slot.seen, 9);
	assert_int_equal(usr_event_take(&slot), 0);
	slot.seen = 0xfffffffe;		/* counts wrap */
	slot.count = 1;
	assert_int_equal(usr_event_take(&slot), 3);
	slot.count = 5;
	assert_int_equal(usr_irq_spin_wait(-1, &slot, 1, &event), 0);
	assert_int_equal(event.count, 4);
	assert_int_equal(slot.seen, 5);
	/* Nothing there: it goes to the file. */
	assert_fails(usr_irq_spin_wait(-1, &slot, 3, &event), EBADF, "-1");
}

static void accesses_registers(void **state)
{
	uint64_t registers[2] = { 0x0807060504030201, 0 };
	volatile void *base = registers;

	(void)state;
	assert_int_equal(usr_read8(base, 1), 0x02);
	assert_int_equal(usr_read16(base, 2), 0x0403);
	assert_int_equal(usr_read32(base, 4), 0x08070605);
	assert_true(usr_read64(base, 0) == 0x0807060504030201);
	usr_write8(base, 8, 0x11);
	usr_write16(base, 10, 0x3322);
	usr_write32(base, 12, 0x77665544);
	assert_true(usr_read64(base, 8) == 0x7766554433220011);
	usr_write64(base, 8, ~0ull);
	assert_true(registers[1] == ~0ull);
	usr_dma_wmb();
	usr_dma_rmb();
	usr_wc_flush();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_steps),
		cmocka_unit_test(too_large_is_not_cut_off),
		cmocka_unit_test(builds_rules),
		cmocka_unit_test(takes_events),
		cmocka_unit_test(accesses_registers),
	};

	return cmocka_run_group_tests_name("builders", tests, NULL, NULL);
}
