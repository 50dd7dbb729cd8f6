// SPDX-License-Identifier: MIT
/* The statistics registers (13.7), which are cleared by being read. */
#include "nic.h"

static const struct {
	char name[10];
	uint16_t offset;
	bool wide;			/* 64 bits: the low word first */
} registers[] = {
	{ "CRCERRS", 0x4000, false }, { "ALGNERRC", 0x4004, false },
	{ "SYMERRS", 0x4008, false }, { "RXERRC", 0x400c, false },
	{ "MPC", 0x4010, false }, { "SCC", 0x4014, false },
	{ "ECOL", 0x4018, false }, { "MCC", 0x401c, false },
	{ "LATECOL", 0x4020, false }, { "COLC", 0x4028, false },
	{ "DC", 0x4030, false }, { "TNCRS", 0x4034, false },
	{ "SEC", 0x4038, false }, { "CEXTERR", 0x403c, false },
	{ "RLEC", 0x4040, false }, { "XONRXC", 0x4048, false },
	{ "XONTXC", 0x404c, false }, { "XOFFRXC", 0x4050, false },
	{ "XOFFTXC", 0x4054, false }, { "FCRUC", 0x4058, false },
	{ "PRC64", 0x405c, false }, { "PRC127", 0x4060, false },
	{ "PRC255", 0x4064, false }, { "PRC511", 0x4068, false },
	{ "PRC1023", 0x406c, false }, { "PRC1522", 0x4070, false },
	{ "GPRC", 0x4074, false }, { "BPRC", 0x4078, false },
	{ "MPRC", 0x407c, false }, { "GPTC", 0x4080, false },
	{ "GORC", 0x4088, true }, { "GOTC", 0x4090, true },
	{ "RNBC", 0x40a0, false }, { "RUC", 0x40a4, false },
	{ "RFC", 0x40a8, false }, { "ROC", 0x40ac, false },
	{ "RJC", 0x40b0, false }, { "MGTPRC", 0x40b4, false },
	{ "MGTPDC", 0x40b8, false }, { "MGTPTC", 0x40bc, false },
	{ "TOR", 0x40c0, true }, { "TOT", 0x40c8, true },
	{ "TPR", 0x40d0, false }, { "TPT", 0x40d4, false },
	{ "PTC64", 0x40d8, false }, { "PTC127", 0x40dc, false },
	{ "PTC255", 0x40e0, false }, { "PTC511", 0x40e4, false },
	{ "PTC1023", 0x40e8, false }, { "PTC1522", 0x40ec, false },
	{ "MPTC", 0x40f0, false }, { "BPTC", 0x40f4, false },
	{ "TSCTC", 0x40f8, false }, { "TSCTFC", 0x40fc, false },
};

_Static_assert(sizeof(registers) / sizeof(*registers) == COUNTERS,
	       "a sum for each register");

void e1000_collect(struct e1000 *nic)
{
	uint64_t values[COUNTERS];

	for (unsigned i = 0; i < COUNTERS; i++) {
		values[i] = reg_read(nic, registers[i].offset);
		if (registers[i].wide)
			values[i] |= (uint64_t)reg_read(nic,
					registers[i].offset + 4) << 32;
	}
	/* Ones from a device that is gone, since whenever, are no counts. */
	if (is_gone(nic))
		return;
	for (unsigned i = 0; i < COUNTERS; i++)
		nic->counters[i] += values[i];
}

static uint64_t counter(const struct e1000 *nic, const char *name)
{
	for (unsigned i = 0; i < COUNTERS; i++) {
		if (!strcmp(registers[i].name, name))
			return nic->counters[i];
	}
	return 0;
}

uint64_t e1000_sent(const struct e1000 *nic)
{
	return counter(nic, "TPT");
}

void e1000_stats(struct e1000 *nic, struct e1000_stats *stats)
{
	e1000_collect(nic);
	*stats = nic->stats;
	stats->rx_packets = counter(nic, "GPRC");
	stats->rx_bytes = counter(nic, "GORC");
	stats->rx_missed = counter(nic, "MPC");
	stats->rx_no_buffers = counter(nic, "RNBC");
	stats->rx_errors = counter(nic, "CRCERRS") + counter(nic, "ALGNERRC") +
			   counter(nic, "RXERRC") + counter(nic, "RUC") +
			   counter(nic, "ROC") + counter(nic, "RFC") +
			   counter(nic, "RJC") + counter(nic, "CEXTERR");
	stats->multicast = counter(nic, "MPRC");
	stats->broadcast = counter(nic, "BPRC");
	stats->tx_packets = counter(nic, "GPTC");
	stats->tx_bytes = counter(nic, "GOTC");
	stats->tx_errors = counter(nic, "ECOL") + counter(nic, "LATECOL");
	stats->tso_packets = counter(nic, "TSCTC");
}

bool e1000_counter(const struct e1000 *nic, unsigned index, const char **name,
		   uint64_t *value)
{
	if (index >= COUNTERS)
		return false;
	*name = registers[index].name;
	*value = nic->counters[index];
	return true;
}
