// SPDX-License-Identifier: MIT
/* Memory for the device. */
#include "fuzz.h"

#include <string.h>
#include <sys/ioctl.h>

#define MOST_ENTRIES 64u
#define LONG_ENTRY (sizeof(struct udrv_dma) + 8)
#define LIST_AT (3u << 20)

static uint32_t pick_width(uint64_t *state)
{
	static const uint8_t widths[] = { 0, 0, 28, 32, 32, 39, 48, 64, 12, 20 };

	return random_below(state, 32) ? widths[random_below(state, 10)] :
					 (uint32_t)random_next(state);
}

static uint32_t pick_id(uint64_t *state)
{
	return random_below(state, 16) ?
	       self->place->ids[random_below(state, FUZZ_IDS)] :
	       (uint32_t)random_next(state);
}

static void make_entry(uint64_t *state, struct udrv_dma *u, uint32_t kind)
{
	memset(u, 0, sizeof(*u));
	u->flags = 1 + random_below(state, 3);
	u->length = memory_length((uint32_t)random_next(state));
	if (kind == CALL_ALLOC || kind == CALL_MAP)
		u->width = pick_width(state);
	if (kind == CALL_MAP)
		u->address = memory_address((uint32_t)random_next(state),
					    u->length);
	if (kind == CALL_MAP && !random_below(state, 4)) {
		u->segments = memory_address((uint32_t)random_next(state), 64);
		u->segment_capacity = random_below(state, 4);
	}
	/* Registers can be no memory of a device's. */
	if (kind == CALL_MAP && !random_below(state, 64))
		u->address = (uintptr_t)self->place->map_base +
			     (uint64_t)FUZZ_MAP_BYTES * random_below(state, 8);
	if (kind == CALL_SYNC) {
		u->flags = 1 + random_below(state, 2);
		u->id = pick_id(state);
		u->offset = random_below(state, 2) ? 0 :
			    memory_length((uint32_t)random_next(state));
	}
	if (kind == CALL_UNMAP)
		u->id = pick_id(state);
}

static unsigned int number_of(uint32_t kind)
{
	switch (kind) {
	case CALL_ALLOC:
		return UDRV_DMA_ALLOC;
	case CALL_MAP:
		return UDRV_DMA_MAP;
	case CALL_SYNC:
		return UDRV_DMA_SYNC;
	case CALL_UNMAP:
		return UDRV_DMA_UNMAP;
	default:
		return UDRV_DMA_LIST;
	}
}

/* So that later calls have ids that exist. */
static void remember(const struct call *c, const char *entries, unsigned int count,
		     size_t stride)
{
	struct udrv_dma u;
	unsigned int i;

	for (i = 0; i < count; i++) {
		memcpy(&u, entries + i * stride, sizeof(u));
		if (u.id && u.id < UDRV_DMA_MAX_IDS)
			self->place->ids[(c->word[5] + i) % FUZZ_IDS] = u.id;
	}
}

static void call_batch(const struct call *c)
{
	uint64_t state = (uint64_t)c->word[2] << 32 | c->word[3];
	uint32_t count = c->word[1] & 15 ? 1 + (c->word[1] & 15) / 6 :
			 1 + (c->word[1] >> 4) % (c->word[1] >> 16 & 7 ?
						  4 : MOST_ENTRIES);
	size_t stride = c->word[7] & 31 ? sizeof(struct udrv_dma) : LONG_ENTRY;
	static _Thread_local char array[MOST_ENTRIES * LONG_ENTRY];
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .count = count,
		.entry_size = (uint32_t)stride,
	};
	struct udrv_dma u;
	unsigned int i;
	char *entries;

	memset(array, 0, sizeof(array));
	for (i = 0; i < count; i++) {
		make_entry(&state, &u, c->kind);
		if (i == c->word[5] % count)
			damage(&u, sizeof(u), c->word[4]);
		memcpy(array + i * stride, &u, sizeof(u));
	}
	if (stride > sizeof(u) && c->word[7] >> 5 & 1)
		array[sizeof(u) + 1] = 1;
	entries = argument(array, count * stride, c->word[6]);
	batch.entries = (uintptr_t)entries;
	if (!counted(ioctl(pick_fd(c->word[0]), number_of(c->kind),
			   argument_struct(&batch, sizeof(batch), c->word[8],
					   c->word[9]))) &&
	    (c->kind == CALL_ALLOC || c->kind == CALL_MAP) && c->word[9] & 7)
		remember(c, entries, count, stride);
}

static void call_list(const struct call *c)
{
	struct udrv_dma_batch batch = {
		.size = sizeof(batch), .entry_size = sizeof(struct udrv_dma),
		.count = c->word[1] & 63 ? (c->word[1] >> 6) % 8 :
			 (c->word[1] >> 6) % (UDRV_DMA_MAX_IDS + 2),
		.entries = c->word[2] & 15 ?
			(uintptr_t)self->place->memory + LIST_AT :
			memory_address(c->word[2] >> 4, 0),
	};

	if (!(c->word[3] & 15))
		batch.entry_size += (c->word[3] >> 4) % 64;
	counted(ioctl(pick_fd(c->word[0]), UDRV_DMA_LIST,
		      argument_struct(&batch, sizeof(batch), c->word[8],
				      c->word[9])));
}

void call_dma(const struct call *c)
{
	if (c->kind == CALL_LIST)
		call_list(c);
	else
		call_batch(c);
}
