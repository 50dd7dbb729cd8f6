// SPDX-License-Identifier: MIT
/* info and stats: what a NIC is, and what it counted. */
#include <inttypes.h>
#include <stdio.h>
#include "command.h"

static void show_mac(const char *what, const uint8_t mac[6])
{
	printf("%-12s%02x:%02x:%02x:%02x:%02x:%02x\n", what, mac[0], mac[1],
	       mac[2], mac[3], mac[4], mac[5]);
}

static void show_link(const struct e1000_link *link)
{
	static const char *const pauses[] = {
		"no pauses", "pauses sent", "pauses obeyed",
		"pauses sent and obeyed",
	};

	if (!link->up) {
		printf("link        down\n");
		return;
	}
	printf("link        up, %u Mb/s, %s duplex, %s\n", link->mbps,
	       link->full_duplex ? "full" : "half",
	       pauses[2 * link->rx_pause + link->tx_pause]);
}

int e1000_command_info(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	struct e1000_link link = { 0 };
	struct e1000_info info;
	uint8_t mac[6];

	e1000_info(nic, &info);
	e1000_mac(nic, mac);
	if (e1000_await_link(nic, arguments->device))
		return 1;
	if (e1000_watch(nic, &link) < 0)
		return e1000_complain("%s: %s", arguments->device, e1000_error());
	printf("model       %s\n", info.model);
	show_mac("address", mac);
	show_mac("EEPROM", info.eeprom_mac);
	printf("checksum    %s\n", info.eeprom_good ? "good" : "wrong");
	printf("bus         PCI%s, %s bits\n", info.bus_pcix ? "-X" : "",
	       info.bus_64 ? "64" : "32");
	printf("PHY         %08" PRIx32 "\n", info.phy_id);
	show_link(&link);
	return 0;
}

static void show_counter(const char *name, uint64_t value, bool all)
{
	if (value || all)
		printf("%-16s%" PRIu64 "\n", name, value);
}

static void show_counters(struct e1000 *nic, bool all)
{
	struct e1000_stats stats;
	const char *name;
	uint64_t value;

	e1000_stats(nic, &stats);
	for (unsigned i = 0; e1000_counter(nic, i, &name, &value); i++)
		show_counter(name, value, all);
}

void e1000_show_counters(struct e1000 *nic, const char *name)
{
	struct e1000_stats stats;

	printf("%s counted:\n", name);
	show_counters(nic, false);
	e1000_stats(nic, &stats);
	show_counter("oversize", stats.rx_oversize, false);
	show_counter("pool empty", stats.rx_pool_empty, false);
	show_counter("refused", stats.tx_refused, false);
	show_counter("contexts", stats.contexts, false);
	show_counter("contexts kept", stats.contexts_kept, false);
	show_counter("interrupts", stats.interrupts, true);
	show_counter("resets", stats.resets, false);
	show_counter("hangs", stats.hangs, false);
}

int e1000_command_stats(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	struct e1000_packet *packets[BURST];
	uint64_t taken = 0;
	struct pace pace;
	unsigned n;
	int over = 0;

	if (e1000_await_link(nic, arguments->device))
		return 1;
	fprintf(stderr, "ready\n");
	pace_start(&pace, arguments);
	while (!over && !(arguments->count && taken >= arguments->count)) {
		n = e1000_rx_burst(nic, packets, BURST);
		e1000_free(e1000_pool(nic), packets, n);
		taken += n;
		over = pace_check(&pace, nic, arguments->device);
		if (!n && !over)
			over = pace_wait(&pace, nic, arguments->device,
					 E1000_WAIT_RX);
	}
	show_counters(nic, true);
	return over < 0;
}
