// SPDX-License-Identifier: MIT
/* The whole driver.  Register names and values are docs/specs/edu of QEMU. */
#include "edu.h"

#define EDU_ID			0x00	/* 0xRRrr00ed: major, minor revision */
#define EDU_LIVENESS		0x04
#define EDU_FACTORIAL		0x08
#define EDU_STATUS		0x20
#define  EDU_COMPUTING		0x01
#define  EDU_IRQ_WHEN_DONE	0x80
#define EDU_IRQ_STATUS		0x24
#define  EDU_IRQ_FACTORIAL	0x001
#define  EDU_IRQ_DMA		0x100
#define EDU_IRQ_ACK		0x64
#define EDU_DMA_SOURCE		0x80
#define EDU_DMA_DESTINATION	0x88
#define EDU_DMA_COUNT		0x90
#define EDU_DMA_COMMAND		0x98
#define  EDU_DMA_START		0x01
#define  EDU_DMA_FROM_CARD	0x02
#define  EDU_DMA_IRQ		0x04
#define EDU_BUFFER		0x40000	/* the card's memory, for its DMA */
#define EDU_ADDRESS_BITS	28

#define EDU_TIMEOUT_MS		5000
#define EDU_OTHER_MOST		100	/* interrupts for something else */

static const char edu_outside[] =
	"a transfer is 1 to 4095 bytes, within the memory on both sides";

/*
 * The card has no reset.  A driver that died has left it at work: until it is
 * done it takes no new orders, and then raises what it was asked to raise.
 */
static const char *edu_calm_down(struct edu *edu)
{
	struct udrv_io_step until_idle[] = {
		usr_step_wait(0, EDU_STATUS, 4, EDU_COMPUTING, 0,
			      UDRV_IO_MAX_WAIT_US / 2),
		usr_step_wait(0, EDU_DMA_COMMAND, 4, EDU_DMA_START, 0,
			      UDRV_IO_MAX_WAIT_US / 2),
		usr_step_write(0, EDU_STATUS, 4, 0),
		usr_step_write(0, EDU_IRQ_ACK, 4, ~0u),
	};

	return usr_io(edu->fd, until_idle, 4, NULL) ? usr_error() : NULL;
}

const char *edu_start(struct edu *edu, int fd, unsigned irq_kind)
{
	struct udrv_irq_rule rule;
	const char *problem;

	*edu = (struct edu) { .fd = fd, .polling = irq_kind == UDRV_IRQ_NONE };
	/* All registers are in BAR 0. */
	edu->registers = usr_region_map(fd, 0, 0, 0, 0);
	if (!edu->registers)
		return usr_error();
	if ((edu_id(edu) & 0xffff) != 0x00ed)
		return "this is not an edu device: its id register does not end in 00ed";
	problem = edu_calm_down(edu);
	if (problem)
		return problem;

	/* An interrupt is ours if the status says so; writing it back ends it. */
	rule = usr_rule_claim(0, EDU_IRQ_STATUS, 4, ~0u);
	rule.acks[0] = usr_rule_write_back(0, EDU_IRQ_ACK, 4, ~0u);
	if (!edu->polling && usr_irq_setup(fd, irq_kind, 1, &rule, 1))
		return usr_error();
	/* A message is a write to memory, so it needs what DMA needs. */
	if (irq_kind == UDRV_IRQ_MSI && usr_bus_master(fd, true))
		return usr_error();
	return NULL;
}

const char *edu_start_dma(struct edu *edu, size_t length)
{
	/* The card's DMA needs bus mastering, and memory it can address. */
	if (usr_bus_master(edu->fd, true) ||
	    usr_dma_alloc(edu->fd, length, EDU_ADDRESS_BITS, &edu->memory))
		return usr_error();
	return NULL;
}

const char *edu_stop(struct edu *edu)
{
	return usr_release(edu->fd) ? usr_error() : NULL;
}

uint32_t edu_id(const struct edu *edu)
{
	return usr_read32(edu->registers, EDU_ID);
}

const char *edu_check_liveness(struct edu *edu, uint32_t value)
{
	/* What is written reads back inverted. */
	usr_write32(edu->registers, EDU_LIVENESS, value);
	return usr_read32(edu->registers, EDU_LIVENESS) == ~value ? NULL :
		"the liveness register does not give the complement";
}

/* Wait for this interrupt, or for these bits of a register to be clear. */
static const char *edu_wait(struct edu *edu, uint32_t irq, unsigned offset,
			    uint32_t busy)
{
	struct udrv_io_step until_done =
		usr_step_wait(0, offset, 4, busy, 0, UDRV_IO_MAX_WAIT_US);
	struct udrv_irq_event event;
	unsigned i;

	if (edu->polling)
		return usr_io(edu->fd, &until_done, 1, NULL) ? usr_error() : NULL;
	for (i = 0; i < EDU_OTHER_MOST; i++) {
		if (usr_irq_wait(edu->fd, &event, EDU_TIMEOUT_MS))
			return usr_error();
		if (event.status & irq)
			return NULL;
	}
	return "the card interrupts all the time, but not for what it was asked to do";
}

const char *edu_factorial(struct edu *edu, uint32_t value, uint32_t *result)
{
	const char *problem;

	/* Have it raise an interrupt when done; give it the number: it starts. */
	usr_write32(edu->registers, EDU_STATUS,
		    edu->polling ? 0 : EDU_IRQ_WHEN_DONE);
	usr_write32(edu->registers, EDU_FACTORIAL, value);
	problem = edu_wait(edu, EDU_IRQ_FACTORIAL, EDU_STATUS, EDU_COMPUTING);
	if (!problem)
		*result = usr_read32(edu->registers, EDU_FACTORIAL);
	return problem;
}

/*
 * QEMU ends at once, and the machine with it, if told to leave the card's
 * memory, whose last byte it counts as outside.
 */
static bool edu_fits(const struct edu *edu, size_t offset, size_t card_offset,
		     size_t length)
{
	return length && length < EDU_BUFFER_SIZE &&
	       card_offset < EDU_BUFFER_SIZE - length &&
	       length <= edu->memory.length &&
	       offset <= edu->memory.length - length;
}

static const char *edu_transfer(struct edu *edu, uint64_t source,
				uint64_t destination, size_t length,
				uint32_t direction)
{
	uint32_t irq = edu->polling ? 0 : EDU_DMA_IRQ;

	usr_write64(edu->registers, EDU_DMA_SOURCE, source);
	usr_write64(edu->registers, EDU_DMA_DESTINATION, destination);
	usr_write64(edu->registers, EDU_DMA_COUNT, length);
	/* What we wrote to the memory is there before the card is told. */
	usr_dma_wmb();
	usr_write64(edu->registers, EDU_DMA_COMMAND,
		    EDU_DMA_START | direction | irq);
	/* The start bit reads as set until the transfer is done. */
	return edu_wait(edu, EDU_IRQ_DMA, EDU_DMA_COMMAND, EDU_DMA_START);
}

const char *edu_to_card(struct edu *edu, size_t offset, size_t card_offset,
			size_t length)
{
	if (!edu_fits(edu, offset, card_offset, length))
		return edu_outside;
	return edu_transfer(edu, edu->memory.iova + offset,
			    EDU_BUFFER + card_offset, length, 0);
}

const char *edu_from_card(struct edu *edu, size_t offset, size_t card_offset,
			  size_t length)
{
	const char *problem;

	if (!edu_fits(edu, offset, card_offset, length))
		return edu_outside;
	problem = edu_transfer(edu, EDU_BUFFER + card_offset,
			       edu->memory.iova + offset, length,
			       EDU_DMA_FROM_CARD);
	/* It said it is done: now the data is there to be read. */
	usr_dma_rmb();
	return problem;
}
