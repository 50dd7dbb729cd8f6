// SPDX-License-Identifier: MIT
/* The layout is the same for every caller: checked when this is compiled. */
#include "device.h"

const char test_machines[] = "iommu noiommu";
const int test_seconds = 30;

#define SIZE(type, bytes) \
	_Static_assert(sizeof(struct type) == (bytes), "size of " #type)
#define AT(type, field, offset) \
	_Static_assert(offsetof(struct type, field) == (offset), #type "." #field)

SIZE(udrv_plain, 8);
SIZE(udrv_info, 112);
AT(udrv_info, out_name, 8);
AT(udrv_info, out_contract, 40);
AT(udrv_info, out_caps, 44);
AT(udrv_info, out_vendor, 48);
AT(udrv_info, out_class, 56);
AT(udrv_info, out_regions, 60);
AT(udrv_info, out_lines, 76);
AT(udrv_info, out_irq_kind, 80);
AT(udrv_info, out_owner_pid, 84);
AT(udrv_info, out_iova_first, 88);
AT(udrv_info, out_page_sizes, 104);
SIZE(udrv_region_info, 56);
AT(udrv_region_info, out_kind, 12);
AT(udrv_region_info, out_size, 24);
AT(udrv_region_info, out_hole_size, 48);
SIZE(udrv_bus_master, 16);
SIZE(udrv_io_step, 40);
AT(udrv_io_step, count, 4);
AT(udrv_io_step, offset, 8);
AT(udrv_io_step, out_value, 32);
SIZE(udrv_io, 32);
AT(udrv_io, steps, 8);
AT(udrv_io, out_done, 24);
SIZE(udrv_rule_access, 24);
AT(udrv_rule_access, offset, 16);
SIZE(udrv_irq_rule, 168);
AT(udrv_irq_rule, claim_offset, 8);
AT(udrv_irq_rule, acks, 24);
AT(udrv_irq_rule, rearms, 120);
SIZE(udrv_irq_setup, 32);
AT(udrv_irq_setup, rules, 16);
SIZE(udrv_irq_fd, 16);
SIZE(udrv_irq_event, 16);
AT(udrv_irq_event, time_ns, 8);
SIZE(udrv_event_slot, 64);
SIZE(udrv_dma_segment, 16);
SIZE(udrv_dma, 80);
AT(udrv_dma, address, 16);
AT(udrv_dma, out_iova, 48);
AT(udrv_dma, out_segments, 64);
AT(udrv_dma, reserved, 76);
SIZE(udrv_dma_batch, 32);
AT(udrv_dma_batch, entries, 8);
AT(udrv_dma_batch, out_done, 24);
SIZE(udrv_counters, 88);
SIZE(udrv_reason, 256);
AT(udrv_reason, out_text, 16);

SIZE(udrv_legacy_range, 24);
AT(udrv_legacy_range, start, 8);
SIZE(udrv_legacy, 272);
AT(udrv_legacy, name, 8);
AT(udrv_legacy, from, 40);
AT(udrv_legacy, range_count, 104);
AT(udrv_legacy, ranges, 112);
AT(udrv_legacy, lines, 256);
SIZE(udrv_legacy_name, 40);

_Static_assert(UDRV_INFO == 0xdb00 && UDRV_REASON == 0xdb0e, "command numbers");
_Static_assert(UDRV_LEGACY_ADD == 0xdb20 && UDRV_LEGACY_GET == 0xdb22,
	       "command numbers");

/* What the compiler checked, the kernel must agree to. */
static void kernel_agrees_on_the_sizes(void)
{
	int fd = device_own(EDU);
	struct udrv_info device = info(fd);

	MUST_EQUAL(device.out_contract, UDRV_CONTRACT);
	MUST_EQUAL(device.out_vendor, 0x1234);
	MUST_EQUAL(device.out_device, 0x11e8);
	MUST_EQUAL(device.out_regions, UDRV_REGION_COUNT);
	MUST_EQUAL(device.out_owner_pid, getpid());
	MUST_EQUAL(region_info(fd, 0).out_size, 0x100000);
	MUST_EQUAL(counters(fd).out_opens, 1);
}

const struct test tests[] = {
	TEST(kernel_agrees_on_the_sizes),
	{ NULL, NULL },
};
