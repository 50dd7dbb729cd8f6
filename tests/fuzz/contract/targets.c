// SPDX-License-Identifier: MIT
/*
 * The devices, and how their interrupts are raised and acknowledged.
 *
 * Written are only registers that can be written with any value: what is
 * tested is the module, and QEMU's devices must live through it.  QEMU's edu,
 * for one, ends QEMU when its DMA is set to beyond its buffer.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <linux/serial.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define END { .region = UDRV_REGION_COUNT }

#define EDU_SAFE { { 0, 0x04, 0x07 }, { 0, 0x20, 0x23 }, { 0, 0x60, 0x67 }, END }
#define EDU_RULE {							\
	.claim_width = 4, .claim_offset = 0x24, .claim_mask = ~0u,	\
	.acks = { { .op = UDRV_RULE_WRITE, .width = 4, .and_mask = ~0u,	\
		    .offset = 0x64, .flags = UDRV_RULE_FLUSH } },	\
}
#define EDU_RAISE { .op = UDRV_OP_WRITE, .width = 4, .offset = 0x60, .value = 1 }
#define EDU_TARGET(address) {						\
	.name = address, .safe = EDU_SAFE, .rule = EDU_RULE, .raise = EDU_RAISE }

#define NIC_TARGET(address) {						\
	.name = address,						\
	.safe = { { 0, 0xc0, 0xc3 }, { 0, 0xc8, 0xcb }, { 0, 0xd0, 0xdb }, END }, \
	.rule = { .claim_width = 4, .claim_offset = 0xc0,		\
		  .claim_mask = ~0u,					\
		  .acks = { { .op = UDRV_RULE_READ, .width = 4,		\
			      .offset = 0xc0 } },			\
		  .rearms = { { .op = UDRV_RULE_WRITE, .width = 4,	\
				.offset = 0xd0, .xor_value = 4 } } },	\
	.raise = { .op = UDRV_OP_WRITE, .width = 4, .offset = 0xc8, .value = 4 } }

struct target targets[FUZZ_DEVICES] = {
	EDU_TARGET(EDU),
	EDU_TARGET(EDU_SHARED),
	EDU_TARGET(EDU_ALONE),
	EDU_TARGET(GROUP_EDU),
	{ .name = GROUP_EDU_2, .group = 3, .safe = EDU_SAFE, .rule = EDU_RULE,
	  .raise = EDU_RAISE },
	{ .name = HOT_EDU, .id = "hotedu", .slow = true, .safe = EDU_SAFE,
	  .rule = EDU_RULE, .raise = EDU_RAISE },
	NIC_TARGET(E1000),
	NIC_TARGET("0000:00:0d.0"),
	{ .name = IVSHMEM,
	  .safe = { { 0, 0x00, 0x03 }, { 0, 0x0c, 0x0f }, { 2, 0, ~0u }, END },
	  .rule = { .claim_width = 4, .claim_region = 2, .claim_mask = ~0u,
		    .flags = UDRV_RULE_ALL_ONES },
	  .raise = { .op = UDRV_OP_WRITE, .width = 4, .offset = 0xc } },
	{ .name = NVME, .slow = true, .safe = { { 0, 0x0c, 0x13 }, END },
	  .rule = { .claim_width = 4, .claim_offset = 0x0c, .claim_mask = 1 } },
	/* What its command register takes is seen to in call_io.c. */
	{ .name = "0000:00:0b.0",
	  .safe = { { 0, 6, 6 }, { 1, 2, 2 }, { 4, 2, 2 }, { 4, 10, 10 }, END },
	  .rule = { .claim_width = 1, .claim_region = 4, .claim_offset = 2,
		    .claim_mask = 4,
		    .acks = { { .op = UDRV_RULE_WRITE, .width = 1, .region = 4,
				.offset = 2, .and_mask = 4 },
			      { .op = UDRV_RULE_READ, .width = 1, .region = 0,
				.offset = 7 } } },
	  .raise = { .op = UDRV_OP_WRITE, .width = 1, .region = 0, .offset = 7,
		     .value = 0xec } },
	{ .name = "serial", .declared = true,
	  .safe = { { 0, 0, 7 }, { 1, 0, ~0u }, END },
	  .rule = { .claim_width = 1, .claim_offset = 2, .claim_mask = 0xc0,
		    .acks = { { .op = UDRV_RULE_READ, .width = 1,
				.offset = 2 } } },
	  .raise = { .op = UDRV_OP_WRITE, .width = 1, .offset = 1, .value = 2 } },
	{ .name = "parport", .declared = true,
	  .safe = { { 0, 0, 0 }, { 0, 2, 2 }, END },
	  .rule = { .claim_width = 1, .claim_offset = 2, .claim_mask = 0x10 },
	  .raise = { .op = UDRV_OP_WRITE, .width = 1, .offset = 2,
		     .value = 0x10 } },
};

bool target_may_write(const struct target *t, unsigned int region,
		      uint64_t offset, uint64_t bytes)
{
	const struct safe_write *safe;

	/* Of configuration space the module says itself what may be written. */
	if (region == UDRV_REGION_CONFIG)
		return true;
	for (safe = t->safe; safe->region != UDRV_REGION_COUNT; safe++)
		if (safe->region == region && offset >= safe->first &&
		    offset + bytes - 1 <= safe->last)
			return true;
	return false;
}

/* The kernel's driver keeps the ports of what it knows, so it is to forget it. */
static void forget_uart(void)
{
	int tty = open("/dev/ttyS1", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	struct serial_struct serial;

	if (tty < 0)
		return;
	if (!ioctl(tty, TIOCGSERIAL, &serial)) {
		serial.type = 0;
		ioctl(tty, TIOCSSERIAL, &serial);
	}
	close(tty);
}

static void target_declare(const struct target *t)
{
	struct udrv_legacy legacy = declaration(t->name);
	int control = control_open(O_RDWR);

	if (control < 0)
		return;
	if (!strcmp(t->name, "parport")) {
		add_ports(&legacy, PARPORT_PORTS, 8);
		add_line(&legacy, PARPORT_LINE);
	} else {
		forget_uart();
		add_ports(&legacy, 0x2f8, 8);
		add_memory(&legacy, HIDDEN_MEMORY, 16u << 20);
		add_line(&legacy, 5);
	}
	legacy_add(control, &legacy);
	close(control);
}

/* As good as it goes: others bind and unbind it too. */
void target_bind(struct target *t)
{
	char path[64];

	if (t->declared)
		target_declare(t);
	else if (device_exists(t->name) && !device_bound_to(t->name, "udrv"))
		device_bind(t->name);
	snprintf(path, sizeof(path), UDRV_DIR "/%s", t->name);
	chmod(path, 0666);
}

static void target_look(struct target *t)
{
	int fd = (int)MUST_OK(device_open(t->name, O_RDONLY));
	struct udrv_region_info region;
	unsigned int i;

	for (i = 0; i < UDRV_REGION_COUNT; i++) {
		region = region_info(fd, i);
		t->kind[i] = region.out_kind;
		t->size[i] = region.out_size;
	}
	close(fd);
}

void targets_start(void)
{
	unsigned int i;

	for (i = 0; i < FUZZ_DEVICES; i++) {
		target_bind(&targets[i]);
		target_look(&targets[i]);
	}
}
