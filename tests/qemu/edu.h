/* SPDX-License-Identifier: MIT */
/* QEMU's edu device: docs/specs/edu in QEMU's source. */
#ifndef EDU_H
#define EDU_H

#include "device.h"

#define EDU_ID		0x00
#define EDU_LIVENESS	0x04	/* reads the complement of what was written */
#define EDU_FACTORIAL	0x08
#define EDU_STATUS	0x20
#define  EDU_STATUS_BUSY 0x01
#define  EDU_STATUS_IRQ	0x80	/* raise interrupt 1 after a factorial */
#define EDU_IRQ_STATUS	0x24
#define EDU_IRQ_RAISE	0x60
#define EDU_IRQ_ACK	0x64
#define EDU_DMA_SOURCE	0x80
#define EDU_DMA_TARGET	0x88
#define EDU_DMA_COUNT	0x90
#define EDU_DMA_COMMAND	0x98
#define  EDU_DMA_RUN	0x01
#define  EDU_DMA_OUT	0x02	/* from the device to memory */
#define  EDU_DMA_IRQ	0x04	/* raise interrupt 0x100 when done */
#define EDU_BUFFER	0x40000	/* in the device's own address space */
#define EDU_BUFFER_SIZE	4095	/* of 4096: QEMU's check is one too strict */
#define EDU_BAR_SIZE	0x100000
#define EDU_ID_VALUE	0x010000ed
#define EDU_DMA_BITS	28

struct edu {
	int fd;
	volatile uint32_t *bar;
};

struct edu edu_open(const char *address);	/* bound, owned, mapped */
void edu_close(struct edu *edu);

uint32_t edu_read(const struct edu *edu, unsigned int offset);
void edu_write(const struct edu *edu, unsigned int offset, uint32_t value);

/* Claim by the status register, ack by writing back what was claimed. */
struct udrv_irq_rule edu_rule(void);

/* Raise an interrupt; lower all that are raised. */
void edu_raise(const struct edu *edu, uint32_t bits);
void edu_lower(const struct edu *edu);

/* Start a transfer and wait for its end; each takes a tenth of a second. */
void edu_transfer(const struct edu *edu, uint64_t memory, uint32_t length,
		  uint32_t direction);
void edu_dma_in(const struct edu *edu, uint64_t memory, uint32_t length);
void edu_dma_out(const struct edu *edu, uint64_t memory, uint32_t length);

#endif
