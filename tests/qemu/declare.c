// SPDX-License-Identifier: MIT
/* Devices that are declared, by the bare contract. */
#include "declare.h"

#include <fcntl.h>
#include <string.h>

#define I8042_DRIVER "/sys/bus/platform/drivers/i8042"

int control_open(int flags)
{
	return (int)sys(open(UDRV_CONTROL, flags | O_CLOEXEC));
}

struct udrv_legacy declaration(const char *name)
{
	struct udrv_legacy legacy = { .size = sizeof(legacy) };

	snprintf(legacy.name, sizeof(legacy.name), "%s", name);
	return legacy;
}

static void add_range(struct udrv_legacy *legacy, uint32_t kind, uint64_t start,
		      uint64_t bytes)
{
	legacy->ranges[legacy->range_count++] = (struct udrv_legacy_range) {
		.kind = kind, .start = start, .bytes = bytes };
}

void add_ports(struct udrv_legacy *legacy, uint64_t start, uint64_t count)
{
	add_range(legacy, UDRV_KIND_PORTS, start, count);
}

void add_memory(struct udrv_legacy *legacy, uint64_t start, uint64_t bytes)
{
	add_range(legacy, UDRV_KIND_MEM, start, bytes);
}

void add_line(struct udrv_legacy *legacy, uint32_t line)
{
	legacy->lines[legacy->line_count++] = line;
}

int legacy_add(int control, const struct udrv_legacy *legacy)
{
	struct udrv_legacy add = *legacy;

	return command(control, UDRV_LEGACY_ADD, &add);
}

int legacy_remove(int control, const char *name)
{
	struct udrv_legacy_name remove = { .size = sizeof(remove) };

	snprintf(remove.name, sizeof(remove.name), "%s", name);
	return command(control, UDRV_LEGACY_REMOVE, &remove);
}

int legacy_get(int control, const char *name, unsigned int flags,
	       struct udrv_legacy *legacy)
{
	*legacy = declaration(name);
	legacy->flags = flags;
	return command(control, UDRV_LEGACY_GET, legacy);
}

static void declare(const struct udrv_legacy *legacy)
{
	int control = (int)MUST_OK(control_open(O_RDWR));

	MUST_OK(legacy_add(control, legacy));
	close(control);
}

void declare_parport(const char *name)
{
	struct udrv_legacy legacy = declaration(name);

	add_ports(&legacy, PARPORT_PORTS, 8);
	add_line(&legacy, PARPORT_LINE);
	declare(&legacy);
}

void declare_memory(const char *name, uint64_t offset, uint64_t bytes)
{
	struct udrv_legacy legacy = declaration(name);

	add_memory(&legacy, HIDDEN_MEMORY + offset, bytes);
	declare(&legacy);
}

void declare_keyboard(const char *name)
{
	struct udrv_legacy legacy = declaration(name);

	add_ports(&legacy, 0x60, 1);
	add_ports(&legacy, 0x64, 1);
	add_line(&legacy, 1);
	add_line(&legacy, 12);
	if (i8042_bound() && i8042_bind(false))
		skip("this kernel's i8042 does not let go");
	declare(&legacy);
}

void undeclare(const char *name)
{
	int control = (int)MUST_OK(control_open(O_RDWR));

	MUST_OK(legacy_remove(control, name));
	close(control);
}

bool i8042_bound(void)
{
	return !access(I8042_DRIVER "/i8042", F_OK);
}

int i8042_bind(bool on)
{
	return (int)write_text(on ? I8042_DRIVER "/bind" : I8042_DRIVER "/unbind",
			       "i8042");
}

void undeclare_all(void)
{
	struct udrv_legacy legacy;
	int control = control_open(O_RDWR);

	while (control >= 0 && !legacy_get(control, "", UDRV_LEGACY_NEXT, &legacy))
		legacy_remove(control, legacy.name);
	if (control >= 0)
		close(control);
	if (!access(I8042_DRIVER "/bind", F_OK) && !i8042_bound())
		i8042_bind(true);
}
