/* SPDX-License-Identifier: MIT */
/* Devices that are declared, by the bare contract. */
#ifndef DECLARE_H
#define DECLARE_H

#include "device.h"

/* The machine's parallel port, and the memory nobody has. */
#define PARPORT_PORTS	0x378
#define PARPORT_LINE	7
#define HIDDEN_MEMORY	0x60000000

int control_open(int flags);			/* or -errno */
struct udrv_legacy declaration(const char *name);	/* empty but for it */
void add_ports(struct udrv_legacy *legacy, uint64_t start, uint64_t count);
void add_memory(struct udrv_legacy *legacy, uint64_t start, uint64_t bytes);
void add_line(struct udrv_legacy *legacy, uint32_t line);

/* 0 or -errno. */
int legacy_add(int control, const struct udrv_legacy *legacy);
int legacy_remove(int control, const char *name);
int legacy_get(int control, const char *name, unsigned int flags,
	       struct udrv_legacy *legacy);

/* Declared, or the test fails. */
void declare_parport(const char *name);
void declare_memory(const char *name, uint64_t offset, uint64_t bytes);
void declare_keyboard(const char *name);	/* taken from i8042 before */
void undeclare(const char *name);

bool i8042_bound(void);
int i8042_bind(bool on);	/* 0 or -errno */

/* After a test: nothing is declared, and i8042 has its device. */
void undeclare_all(void);

#endif
