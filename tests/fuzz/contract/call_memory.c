// SPDX-License-Identifier: MIT
/*
 * mmap, touching what is mapped, and everything else one does to a mapping.
 *
 * Each has a place of its own in the address space, registers the first half
 * of them: so nothing that a call writes to memory gets into a register.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

static char *map_at(unsigned int slot)
{
	return self->place->map_base + (uint64_t)FUZZ_MAP_BYTES * slot;
}

static uint64_t map_offset_bar(const struct call *c, uint32_t *region)
{
	*region = c->word[2] % UDRV_REGION_COUNT;
	if (c->word[2] >> 8 & 7)	/* one that there is */
		while (*region && self->place->t->kind[*region] != UDRV_KIND_MEM)
			--*region;
	return (uint64_t)*region << UDRV_MMAP_REGION_SHIFT |
	       (c->word[2] >> 12 & 7 ? 0 : UDRV_MMAP_WC);
}

static uint64_t map_length(const struct call *c)
{
	uint32_t much = c->word[3] >> 8;

	switch (c->word[3] & 255) {
	case 0 ... 7:
		return odd_number(much) % FUZZ_MAP_BYTES;
	case 8 ... 9:
		return (1 + much % 1024) * FUZZ_PAGE;
	case 10 ... 63:
		return (1 + much % 8) * FUZZ_PAGE;
	default:
		return FUZZ_PAGE;
	}
}

static uint64_t within_map(const struct call *c)
{
	switch (c->word[4] & 7) {
	case 0:
		return odd_number(c->word[4] >> 3) & ~(FUZZ_PAGE - 1ull);
	case 1 ... 2:
		return (c->word[4] >> 3) % 512 * FUZZ_PAGE;
	default:
		return 0;
	}
}

static void call_mmap(const struct call *c)
{
	static const int protections[] = {
		PROT_READ | PROT_WRITE, PROT_READ, PROT_WRITE, PROT_NONE,
		PROT_READ | PROT_EXEC,
	};
	uint32_t what = c->word[1] & 15, slot, region = 0;
	uint32_t how = c->word[5] & 31;
	uint64_t offset, length = map_length(c);
	enum map_kind kind;
	struct map *m;
	char *at;

	if (what < 7) {
		kind = MAP_BAR;
		slot = c->word[0] % 4 ? c->word[0] / 4 % 2 * 4 :
					c->word[0] / 4 % 8;
		offset = map_offset_bar(c, &region);
	} else if (what < 13) {
		kind = MAP_DMA;
		slot = 8 + (c->word[0] % 4 ? c->word[0] / 4 % 2 * 4 :
					     c->word[0] / 4 % 8);
		offset = UDRV_MMAP_DMA + ((uint64_t)self->place->ids[
				c->word[2] % FUZZ_IDS] << UDRV_MMAP_DMA_SHIFT);
	} else {
		kind = MAP_EVENTS;
		slot = 8 + (c->word[0] % 4 ? c->word[0] / 4 % 2 * 4 :
					     c->word[0] / 4 % 8);
		offset = UDRV_MMAP_EVENTS;
	}
	offset += within_map(c);
	/* Damage does not make registers of it. */
	if (kind != MAP_BAR && offset < UDRV_MMAP_DMA)
		return;
	m = &self->place->maps[slot];
	m->kind = MAP_NONE;
	/* One that fails may leave nothing there at all. */
	self->place->remapped = 1;
	at = mmap(map_at(slot), length ? length : 1,
		  protections[how < 5 ? how : 0],
		  (c->word[5] >> 5 & 31 ? MAP_SHARED : MAP_PRIVATE) | MAP_FIXED |
		  (c->word[5] >> 10 & 15 ? 0 : MAP_POPULATE),
		  pick_fd(c->word[6]), (off_t)offset);
	counted(at == MAP_FAILED ? -1 : 0);
	if (at == MAP_FAILED)
		return;
	m->region = region;
	m->offset = offset & (UDRV_MMAP_WC - 1);
	m->length = length;
	m->kind = kind;
}

static void touch(volatile char *at, unsigned int width, bool write,
		  uint32_t value)
{
	if (width == 1 && write)
		*at = (char)value;
	else if (width == 1)
		(void)*at;
	else if (write)
		*(volatile uint32_t *)at = value;
	else
		(void)*(volatile uint32_t *)at;
}

/* It may be gone by now. */
static void try_touch(char *at, unsigned int width, bool write, uint32_t value)
{
	if (!sigsetjmp(self->fault, 0)) {
		self->may_fault = 1;
		touch(at, width, write, value);
	}
	self->may_fault = 0;
}

static void call_touch(const struct call *c)
{
	/* Mostly one of the few that there are. */
	uint32_t slot = c->word[0] % 4 ? c->word[0] / 4 % 4 * 4 :
					 c->word[0] / 4 % FUZZ_MAPS;
	struct map *m;
	uint64_t offset;
	uint32_t kind;
	bool write;

	m = &self->place->maps[slot];
	kind = m->kind;
	if (kind == MAP_NONE || !m->length)
		return;
	offset = (c->word[1] & 3 ? c->word[2] % FUZZ_PAGE :
				   c->word[2] % m->length) & ~3ull;
	write = c->word[3] & 1;
	if (slot < 8 && !target_may_write(self->place->t, m->region,
					  m->offset + offset, 4))
		write = false;
	self->bar = slot < 8;
	try_touch(map_at(slot) + offset, slot < 8 || c->word[3] & 2 ? 4 : 1, write,
		  c->word[4]);
	self->bar = 0;
}

static void call_change(const struct call *c)
{
	uint32_t slot = c->word[0] % FUZZ_MAPS;
	char *at = map_at(slot) + (c->word[1] & 7 ? 0 :
				   (c->word[1] >> 3) % 512 * FUZZ_PAGE);
	size_t length = (size_t)map_length(c) | 1;

	self->place->remapped = 1;
	switch (c->word[2] % 8) {
	case 0:
		counted(mprotect(at, length, (int)(c->word[4] % 8)));
		break;
	case 1:
		counted(madvise(at, length, (int)(c->word[4] % 24)));
		break;
	case 2:	/* shrinks or grows, and stays where it is */
		counted(mremap(at, FUZZ_PAGE, length, 0) == MAP_FAILED);
		break;
	case 3:
		counted(mlock(at, length));
		break;
	case 4:
		counted(msync(at, length, MS_SYNC));
		break;
	case 5:
		counted(munlock(at, length));
		break;
	case 6:
		counted(mincore(at, FUZZ_PAGE, (unsigned char *)&length));
		break;
	default:	/* the memory that is mapped for DMA goes */
		counted(madvise(self->place->memory +
				(c->word[4] % 1024) * FUZZ_PAGE,
				FUZZ_PAGE, MADV_DONTNEED));
		break;
	}
}

void call_memory(const struct call *c)
{
	uint32_t slot = c->word[0] % FUZZ_MAPS;

	switch (c->kind) {
	case CALL_MMAP:
		call_mmap(c);
		break;
	case CALL_TOUCH:
		call_touch(c);
		break;
	case CALL_MCHANGE:
		call_change(c);
		break;
	default:
		self->place->remapped = 1;
		if (c->word[1] & 3) {
			self->place->maps[slot].kind = MAP_NONE;
			counted(munmap(map_at(slot), FUZZ_MAP_BYTES));
		} else {	/* a part */
			counted(munmap(map_at(slot) + (c->word[1] >> 2) % 4 *
				       FUZZ_PAGE, FUZZ_PAGE));
		}
		break;
	}
}
