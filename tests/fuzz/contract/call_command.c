// SPDX-License-Identifier: MIT
/* The commands that take a struct and no arrays; and which kind calls what. */
#include "fuzz.h"

#include <sys/ioctl.h>

static void ask(const struct call *c, unsigned int number, void *from, size_t size)
{
	void *arg = argument_struct(from, size, c->word[8], c->word[9]);

	counted(ioctl(pick_fd(c->word[0]), number, arg));
}

static void call_plain(const struct call *c, unsigned int number)
{
	struct udrv_plain plain = { .size = sizeof(plain) };

	ask(c, number, &plain, sizeof(plain));
}

/* No command, or one with a size or a direction in it. */
static void call_number(const struct call *c)
{
	struct udrv_info get = { .size = sizeof(get) };
	unsigned int number = _IO(UDRV_IOC_TYPE, c->word[1] & 127);

	if (c->word[2] & 1)
		number = c->word[1];
	else if (c->word[2] & 2)
		number = _IOWR(UDRV_IOC_TYPE, (c->word[1] & 15), get);
	/* What it would do with this argument is in no list of what is safe. */
	if (number == UDRV_IO || number == UDRV_IRQ_SETUP ||
	    number == UDRV_LEGACY_ADD || _IOC_TYPE(number) != UDRV_IOC_TYPE)
		return;
	ask(c, number, &get, sizeof(get));
}

void call_command(const struct call *c)
{
	union {
		struct udrv_info info;
		struct udrv_region_info region;
		struct udrv_counters counters;
		struct udrv_reason reason;
		struct udrv_bus_master master;
	} u = { 0 };

	switch (c->kind) {
	case CALL_INFO:
		u.info.size = sizeof(u.info);
		ask(c, UDRV_INFO, &u, sizeof(u.info));
		break;
	case CALL_REGION_INFO:
		u.region.size = sizeof(u.region);
		u.region.index = c->word[1] % (UDRV_REGION_COUNT + 1);
		ask(c, UDRV_REGION_INFO, &u, sizeof(u.region));
		break;
	case CALL_COUNTERS:
		u.counters.size = sizeof(u.counters);
		ask(c, UDRV_COUNTERS, &u, sizeof(u.counters));
		break;
	case CALL_REASON:
		u.reason.size = sizeof(u.reason);
		ask(c, UDRV_REASON, &u, sizeof(u.reason));
		break;
	case CALL_MASTER:
		u.master.size = sizeof(u.master);
		u.master.on = c->word[1] & 15 ? c->word[1] >> 4 & 1 : c->word[1];
		ask(c, UDRV_BUS_MASTER, &u, sizeof(u.master));
		break;
	case CALL_RESET:
		call_plain(c, UDRV_RESET);
		break;
	case CALL_RELEASE:
		/* Nothing works after it. */
		if (!(c->word[1] & 3))
			call_plain(c, UDRV_RELEASE);
		break;
	default:
		call_number(c);
		break;
	}
}

static void call_one(const struct call *c)
{
	if (c->kind <= CALL_ODD)
		call_file(c);
	else if (c->kind <= CALL_MCHANGE)
		call_memory(c);
	else if (c->kind <= CALL_FORK)
		call_pass(c);
	else if (c->kind <= CALL_NUMBER)
		call_command(c);
	else if (c->kind <= CALL_RAISE)
		call_io(c);
	else if (c->kind <= CALL_IRQ_FD)
		call_irq(c);
	else if (c->kind <= CALL_LIST)
		call_dma(c);
	else
		call_control(c);
}

void call_run(const struct call *c)
{
	self->used = 0;
	call_one(c);
	run->by_kind[c->kind]++;
}
