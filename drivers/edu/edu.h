/* SPDX-License-Identifier: MIT */
/* QEMU's educational device, as its datasheet (docs/specs/edu) has it. */
#ifndef EDU_H
#define EDU_H

#include <udrv.h>

#define EDU_BUFFER_SIZE 4096		/* bytes of memory on the card */
#define EDU_MOST (EDU_BUFFER_SIZE - 1)	/* bytes in one transfer */

struct edu {
	int fd;
	volatile void *registers;
	struct usr_dma memory;		/* ours, that the card can reach */
	bool polling;			/* do without interrupts */
};

/* Each returns NULL, or the sentence that says what went wrong. */

/* Take an open device into use; irq_kind is UDRV_IRQ_INTX, _MSI or _NONE. */
const char *edu_start(struct edu *edu, int fd, unsigned irq_kind);
/* Give it length bytes of memory, which the card can reach: edu->memory. */
const char *edu_start_dma(struct edu *edu, size_t length);
const char *edu_stop(struct edu *edu);

uint32_t edu_id(const struct edu *edu);

/* The card gives the complement of what it is given. */
const char *edu_check_liveness(struct edu *edu, uint32_t value);

/* value! modulo 2^32 */
const char *edu_factorial(struct edu *edu, uint32_t value, uint32_t *result);

/* length bytes from or to edu->memory at offset; the card's at card_offset. */
const char *edu_to_card(struct edu *edu, size_t offset, size_t card_offset,
			size_t length);
const char *edu_from_card(struct edu *edu, size_t offset, size_t card_offset,
			  size_t length);

#endif
