/* SPDX-License-Identifier: MIT */
/* The commands of udrv-e1000, and what they have in common. */
#ifndef E1000_COMMAND_H
#define E1000_COMMAND_H

#include <signal.h>
#include "options.h"

#define BURST	32u

/* SIGINT or SIGTERM came. */
extern volatile sig_atomic_t e1000_stop_asked;

/* Says it on standard error.  Return: 1. */
__attribute__((format(printf, 1, 2)))
int e1000_complain(const char *format, ...);

uint64_t e1000_clock_ns(void);
void e1000_nap(unsigned ms);

/* Opens a NIC as the arguments say; says why not.  fd: -1 = by name. */
struct e1000 *e1000_open_device(const char *name, int fd, bool *bound,
				const struct e1000_arguments *arguments,
				struct e1000_pool *pool);

/*
 * Waits a while for the link, and says so if there is none.
 * Return: 0, or 1 = complained: the NIC is gone.
 */
int e1000_await_link(struct e1000 *nic, const char *name);

/* When a command is to end, and the NIC to be looked after. */
struct pace {
	uint64_t start, end, next_watch;	/* ns; end UINT64_MAX = never */
};

void pace_start(struct pace *pace, const struct e1000_arguments *arguments);

/*
 * Watches the NIC when it is time to, and says what is new.
 * Return: 0 to go on, 1 when it is over, -1 = complained.
 */
int pace_check(struct pace *pace, struct e1000 *nic, const char *name);

/* Milliseconds to sleep until there is something to do. */
int pace_left(const struct pace *pace);

/* e1000_wait() for so long.  Return: 0, -1 = complained. */
int pace_wait(struct pace *pace, struct e1000 *nic, const char *name,
	      unsigned what);

/* Each returns the exit status. */
int e1000_command_info(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_stats(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_send(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_capture(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_echo(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_forward(struct e1000 *nic, const struct e1000_arguments *arguments);
int e1000_command_tap(struct e1000 *nic, const struct e1000_arguments *arguments);

/* All counters that are not 0, with --stats. */
void e1000_show_counters(struct e1000 *nic, const char *name);

#endif
