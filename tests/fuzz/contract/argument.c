// SPDX-License-Identifier: MIT
/*
 * What calls are given: structs in memory that is there, or not, or only to be
 * read; numbers at the ends of ranges; files of all sorts.
 */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>

_Thread_local struct actor *self;

/* Anything of @size, at an address by @place; most are good. */
void *argument(const void *from, size_t size, uint32_t place)
{
	struct actor *a = self;
	size_t at, fits;

	at = (a->used + 15) & ~15u;
	if (at + size + 16 > FUZZ_ARGUMENTS)
		at = 0;
	switch (place & 63) {
	case 0:		/* nothing can be written there */
		memcpy(a->writable + at, from, size);
		a->used = (unsigned int)(at + size);
		return a->readable + at;
	case 1:		/* ends before its end */
		fits = 1 + (place >> 6) % size;
		memcpy(a->writable + FUZZ_ARGUMENTS - fits, from, fits);
		return a->writable + FUZZ_ARGUMENTS - fits;
	case 2:		/* not aligned */
		at += 1 + (place >> 6) % 15;
		break;
	case 3:
		return (void *)(place & 64 ? 0xffff888000000000 : 0);
	case 4:
		return (void *)(0x7ffffffff000 - (place >> 6) % 64);
	}
	memcpy(a->writable + at, from, size);
	a->used = (unsigned int)(at + size);
	return a->writable + at;
}

uint64_t odd_number(uint32_t word)
{
	static const uint64_t odd[] = {
		0, 1, 2, 3, 4, 7, 8, 0xff, 0x100, 0xfff, 0x1000, 0x1001, 0xffff,
		0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 1ull << 38,
		1ull << 39, 1ull << 40, 1ull << 43, 1ull << 44,
		0x7fffffffffff, 0x800000000000, 0x7fffffffffffffff,
		0x8000000000000000, ~0ull, ~0ull - 0xfff, ~0ull - 7,
	};

	return odd[word % ARRAY_SIZE(odd)];
}

/* One field of something, perhaps, becomes an odd or a random one. */
void damage(void *at, size_t size, uint32_t how)
{
	uint64_t state = how, value;
	uint32_t width, offset;

	if (how & 7)
		return;
	random_next(&state);
	width = 1u << random_below(&state, 4);
	if (width > size)
		return;
	offset = random_below(&state, (uint32_t)(size / width)) * width;
	value = random_below(&state, 3) ? odd_number((uint32_t)random_next(&state)) :
					  random_next(&state);
	memcpy((char *)at + offset, &value, width);
}

/*
 * A struct that starts with its size, which may be an older or newer caller's.
 * What is behind it is zero or not, as its size has it.
 */
void *argument_struct(void *from, size_t size, uint32_t place, uint32_t how)
{
	char longer[2 * FUZZ_PAGE] = "";
	uint32_t told = (uint32_t)size;

	damage(from, size, how);
	switch (how >> 3 & 63) {
	case 0:
		told += 8 * (1 + (how >> 9) % 8);
		break;
	case 1:
		told += 8;
		longer[size + (how >> 9) % 8] = 1;
		break;
	case 2:
		told = (how >> 9) % (uint32_t)size;
		break;
	case 3:
		told = (how >> 9) % (2 * FUZZ_PAGE);
		break;
	case 4:
		told = (uint32_t)odd_number(how >> 9);
		break;
	default:
		return argument(from, size, place);
	}
	memcpy(longer, from, size);
	memcpy(longer, &told, sizeof(told));
	return argument(longer, told > size && told <= sizeof(longer) ?
				told : size, place);
}

/*
 * An address in what is mapped for DMA: private memory first, then shared, then
 * a file's that is only read, then nothing; or a mapping of the module's that
 * is no registers.
 */
uint64_t memory_address(uint32_t word, uint64_t length)
{
	uint64_t base = (uintptr_t)self->place->memory;
	uint32_t near = length && length < FUZZ_PAGE ? (uint32_t)length : FUZZ_PAGE;
	uint32_t at = word >> 5;

	switch (word & 31) {
	case 0:
		return (uintptr_t)self->place->map_base +
		       (uint64_t)FUZZ_MAP_BYTES * (8 + at % 8);
	case 1:
		return odd_number(at);
	case 2:
		return base + FUZZ_MEMORY - (1 + at % 4) * FUZZ_PAGE;
	case 3:	/* before the hole */
		return base + (7u << 20) - at % (2 * near);
	case 4 ... 5:
		return base + (6u << 20) + at % (1u << 20);
	case 6 ... 9:
		return base + (4u << 20) + (at % (2u << 20) & ~(FUZZ_PAGE - 1));
	case 10 ... 15:
		return base + at % (4u << 20);
	default:
		return base + (at % (4u << 20) & ~(FUZZ_PAGE - 1));
	}
}

uint64_t memory_length(uint32_t word)
{
	uint32_t much = word >> 8;

	/* Much memory takes much time, and goes the same ways. */
	switch (word & 255) {
	case 0 ... 11:
		return odd_number(much);
	case 12:
		return 1 + much % (4u << 20);
	case 13:
		return (1 + much % 4) * (1u << 20);
	case 14 ... 63:
		return 1 + much % (4 * FUZZ_PAGE);
	case 64 ... 127:
		return (1 + much % 4) * FUZZ_PAGE;
	default:
		return FUZZ_PAGE;
	}
}

int pick_fd(uint32_t word)
{
	uint32_t which = word & 255, slot = word >> 8;
	int fd;

	if (which < 176)
		slot = 0;
	else if (which < 216)
		slot %= 8;
	else if (which < 244)
		slot = 8 + slot % 8;
	fd = self->place->fds[slot % FUZZ_FDS];
	/* That there is none is soon tried. */
	return fd < 0 && which < 254 ? self->place->fds[0] : fd;
}

void put_fd(unsigned int slot, int fd)
{
	int old = __atomic_exchange_n(&self->place->fds[slot], fd,
				      __ATOMIC_ACQ_REL);

	if (old >= 0)
		counted(close(old));
}

long counted(long result)
{
	atomic_fetch_add_explicit(&run->calls, 1, memory_order_relaxed);
	if (result < 0) {
		atomic_fetch_add_explicit(&run->failed, 1, memory_order_relaxed);
		run->by_error[(unsigned int)errno % ARRAY_SIZE(run->by_error)]++;
	}
	return result;
}
