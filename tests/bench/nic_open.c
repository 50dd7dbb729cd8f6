// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <time.h>

#include "nic.h"
#include "nic_open.h"

#define PATIENCE	5000	/* ms */

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

struct e1000 *nic_open(const char *name, const struct e1000_options *options)
{
	struct e1000_link link = { .up = false };
	struct e1000 *nic = NULL;

	/* The last open is undone a little after its close(). */
	for (int i = 0; !nic && i < PATIENCE; i++) {
		nic = e1000_open(name, options);
		if (!nic && errno != EBUSY)
			break;
		if (!nic)
			nap();
	}
	if (!nic) {
		bench_fail("%s", e1000_error());
		return NULL;
	}
	for (int i = 0; !link.up && i < PATIENCE; i++) {
		nap();
		if (e1000_watch(nic, &link) < 0)
			break;
	}
	nic_settle();
	if (link.up)
		return nic;
	bench_fail("%s has no link", name);
	e1000_close(nic);
	return NULL;
}
