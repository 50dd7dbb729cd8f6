// SPDX-License-Identifier: MIT
/* QEMU's edu device. */
#include "edu.h"

#include <sys/mman.h>

struct edu edu_open(const char *address)
{
	struct edu edu = { .fd = device_own(address) };

	edu.bar = must_map(edu.fd, region_info(edu.fd, 0).out_mmap_offset,
			   EDU_BAR_SIZE);
	MUST_EQUAL(edu_read(&edu, EDU_ID), EDU_ID_VALUE);
	edu_lower(&edu);	/* no reset does it for us */
	return edu;
}

void edu_close(struct edu *edu)
{
	munmap((void *)(uintptr_t)edu->bar, EDU_BAR_SIZE);
	close(edu->fd);
	edu->fd = -1;
}

uint32_t edu_read(const struct edu *edu, unsigned int offset)
{
	return edu->bar[offset / 4];
}

void edu_write(const struct edu *edu, unsigned int offset, uint32_t value)
{
	edu->bar[offset / 4] = value;
}

struct udrv_irq_rule edu_rule(void)
{
	return (struct udrv_irq_rule){
		.claim_width = 4,
		.claim_offset = EDU_IRQ_STATUS,
		.claim_mask = ~0u,
		.acks = { {
			.op = UDRV_RULE_WRITE, .width = 4,
			.and_mask = ~0u, .offset = EDU_IRQ_ACK,
		} },
	};
}

void edu_raise(const struct edu *edu, uint32_t bits)
{
	edu_write(edu, EDU_IRQ_RAISE, bits);
}

void edu_lower(const struct edu *edu)
{
	edu_write(edu, EDU_IRQ_ACK, edu_read(edu, EDU_IRQ_STATUS));
}

void edu_transfer(const struct edu *edu, uint64_t memory, uint32_t length,
		  uint32_t direction)
{
	bool out = direction & EDU_DMA_OUT;

	/* QEMU ends if a transfer leaves the device's buffer. */
	MUST(length <= EDU_BUFFER_SIZE);
	edu_write(edu, EDU_DMA_SOURCE, out ? EDU_BUFFER : (uint32_t)memory);
	edu_write(edu, EDU_DMA_TARGET, out ? (uint32_t)memory : EDU_BUFFER);
	edu_write(edu, EDU_DMA_COUNT, length);
	edu_write(edu, EDU_DMA_COMMAND, EDU_DMA_RUN | direction);
	WAIT_FOR(!(edu_read(edu, EDU_DMA_COMMAND) & EDU_DMA_RUN));
}

void edu_dma_in(const struct edu *edu, uint64_t memory, uint32_t length)
{
	edu_transfer(edu, memory, length, 0);
}

void edu_dma_out(const struct edu *edu, uint64_t memory, uint32_t length)
{
	edu_transfer(edu, memory, length, EDU_DMA_OUT);
}
