// SPDX-License-Identifier: MIT
/* A capture that somebody hands to `udrv-e1000 send --file`. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "hostile.h"
#include "e1000/command.h"

#define MOST_PACKETS	64

static struct e1000_packet *buffer, *slots[1];
static struct e1000_pool pool = { .count = 1, .buffer_size = 2048, .free = slots };
static unsigned sent;

volatile sig_atomic_t e1000_stop_asked;

/* ------------------------------------------------------ instead of a NIC */

struct e1000_pool *e1000_pool(struct e1000 *nic)
{
	(void)nic;
	return &pool;
}

unsigned e1000_tx_burst(struct e1000 *nic, struct e1000_packet *const *packets,
			unsigned count)
{
	(void)nic;
	CHECK(count == 1 && packets[0] == buffer);
	CHECK(buffer->length >= 14 && buffer->length <= 1514);
	e1000_free(&pool, packets, 1);
	sent++;
	return 1;
}

int e1000_tx_drain(struct e1000 *nic, int timeout_ms)
{
	(void)nic;
	(void)timeout_ms;
	return 0;
}

int e1000_watch(struct e1000 *nic, struct e1000_link *link)
{
	(void)nic;
	(void)link;
	return 0;
}

void e1000_mac(const struct e1000 *nic, uint8_t mac[6])
{
	(void)nic;
	memset(mac, 2, 6);
}

void e1000_stats(struct e1000 *nic, struct e1000_stats *stats)
{
	(void)nic;
	memset(stats, 0, sizeof(*stats));
}

const char *e1000_error(void)
{
	return "";
}

uint64_t e1000_clock_ns(void)
{
	return 0;
}

void e1000_nap(unsigned ms)
{
	(void)ms;
}

int e1000_await_link(struct e1000 *nic, const char *name)
{
	(void)nic;
	(void)name;
	return 0;
}

void pace_start(struct pace *pace, const struct e1000_arguments *arguments)
{
	(void)arguments;
	memset(pace, 0, sizeof(*pace));
}

int pace_check(struct pace *pace, struct e1000 *nic, const char *name)
{
	(void)pace;
	(void)nic;
	(void)name;
	return sent >= MOST_PACKETS;
}

int pace_wait(struct pace *pace, struct e1000 *nic, const char *name,
	      unsigned what)
{
	(void)pace;
	(void)nic;
	(void)name;
	(void)what;
	abort();		/* there is always a buffer */
}

/* -------------------------------------------------------------------------- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct e1000_arguments arguments = { .device = "nic", .tag = -1 };
	int file = memfd_create("pcap", MFD_CLOEXEC);
	char name[32];

	CHECK(file >= 0 && write(file, data, size) == (ssize_t)size);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	arguments.file = name;
	buffer = calloc(1, sizeof(*buffer) + pool.buffer_size);
	CHECK(buffer);
	slots[0] = buffer;
	pool.available = 1;
	sent = 0;
	e1000_command_send(NULL, &arguments);
	CHECK(pool.available == 1);
	free(buffer);
	close(file);
	return 0;
}
