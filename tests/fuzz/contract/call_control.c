// SPDX-License-Identifier: MIT
/*
 * /dev/udrv/control.  Declared is anything; opened is of that only what is
 * memory that nobody has.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#define SPARE_MEMORY (HIDDEN_MEMORY + (32u << 20))

static int control(void)
{
	return self->place->fds[16];
}

static void call_open(const struct call *c)
{
	put_fd(16, (int)counted(open(UDRV_CONTROL, c->word[1] & 7 ?
				     O_RDWR | O_CLOEXEC : O_RDONLY | O_CLOEXEC)));
}

/* f0 to f3 are memory, the others whatever comes. */
static void make_name(char *name, uint32_t word)
{
	static const char *const odd[] = {
		"", "control", "0000:00:03.0", "Big", "a/b", "..", "parport",
		"serial",
	};

	if (word & 15)
		snprintf(name, UDRV_LEGACY_NAME, "f%u", (word >> 4) % 8);
	else
		snprintf(name, UDRV_LEGACY_NAME, "%s", odd[(word >> 4) % 8]);
}

static void make_ranges(struct udrv_legacy *as, uint64_t *state, bool memory)
{
	unsigned int i, count = random_below(state, 4);

	for (i = 0; i < count; i++) {
		if (memory || !random_below(state, 4))
			add_memory(as, SPARE_MEMORY +
				   random_below(state, 256) * FUZZ_PAGE +
				   (random_below(state, 8) ? 0 : 16),
				   (1 + random_below(state, 8)) * FUZZ_PAGE);
		else if (random_below(state, 8))
			add_ports(as, random_below(state, 0x1000),
				  1 + random_below(state, 16));
		else
			add_memory(as, random_next(state) >>
				   random_below(state, 40),
				   1 + random_below(state, 1u << 20));
	}
	count = random_below(state, 3);
	for (i = 0; i < count; i++)
		add_line(as, random_below(state, 18));
}

static void call_add(const struct call *c)
{
	uint64_t state = (uint64_t)c->word[2] << 32 | c->word[3];
	struct udrv_legacy as = { .size = sizeof(as) };
	bool memory;

	make_name(as.name, c->word[1]);
	memory = as.name[0] == 'f' && as.name[1] < '4';
	if (random_below(&state, 4) == 0)
		snprintf(as.from, sizeof(as.from), "i8042/%u", c->word[4]);
	make_ranges(&as, &state, memory);
	/* What is opened is what was meant. */
	counted(ioctl(control(), UDRV_LEGACY_ADD,
		      argument_struct(&as, sizeof(as), c->word[8], memory ?
				      c->word[9] | 7 : c->word[9])));
}

static void call_remove(const struct call *c)
{
	struct udrv_legacy_name name = { .size = sizeof(name) };

	make_name(name.name, c->word[1]);
	counted(ioctl(control(), UDRV_LEGACY_REMOVE,
		      argument_struct(&name, sizeof(name), c->word[8],
				      c->word[9])));
}

static void call_get(const struct call *c)
{
	struct udrv_legacy as = {
		.size = sizeof(as),
		.flags = c->word[2] & 1 ? UDRV_LEGACY_NEXT : 0,
	};
	struct udrv_reason reason = { .size = sizeof(reason) };

	make_name(as.name, c->word[1]);
	if (c->word[3] & 3)
		counted(ioctl(control(), UDRV_LEGACY_GET,
			      argument_struct(&as, sizeof(as), c->word[8],
					      c->word[9])));
	else
		counted(ioctl(control(), c->word[3] & 4 ? UDRV_REASON : UDRV_INFO,
			      argument_struct(&reason, sizeof(reason),
					      c->word[8], c->word[9])));
}

void call_control(const struct call *c)
{
	switch (c->kind) {
	case CALL_CONTROL:
		call_open(c);
		break;
	case CALL_ADD:
		call_add(c);
		break;
	case CALL_REMOVE:
		call_remove(c);
		break;
	default:
		call_get(c);
		break;
	}
}
