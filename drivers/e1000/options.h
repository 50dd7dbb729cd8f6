/* SPDX-License-Identifier: MIT */
/* The command line of udrv-e1000. */
#ifndef E1000_OPTIONS_H
#define E1000_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include "e1000.h"

enum e1000_command {
	E1000_INFO, E1000_STATS, E1000_SEND, E1000_CAPTURE, E1000_ECHO,
	E1000_FORWARD, E1000_TAP,
};

#define VLANS_MOST	64
#define GROUPS_MOST	64

struct e1000_arguments {
	const char *device, *other;	/* other: of forward */
	enum e1000_command command;
	struct e1000_options nic;
	uint8_t mac[6];			/* nic.mac, if it was given */
	uint8_t groups[GROUPS_MOST][6];
	unsigned group_count;
	uint16_t vlans[VLANS_MOST];
	unsigned vlan_count;
	const char *file;
	uint64_t count;			/* packets; 0 = no end */
	uint64_t milliseconds;		/* 0 = no end */
	uint64_t rate;			/* packets a second; 0 = as they go */
	unsigned size;			/* bytes of a frame */
	uint8_t to[6];
	bool checksum, ipv6, counters;
	unsigned mss;			/* 0 = no segmentation */
	int tag;			/* VLAN tag to insert, -1 = none */
	const char *interface;		/* of tap */
	unsigned mtu;			/* of tap; 0 = what it has */
	char name[16];			/* of tap's interface, made up */
	bool service;			/* tap: as one of systemd's */
	bool keep;			/* tap: leave the interface */
	bool tso6;			/* tap: cut IPv6 by the NIC, too */
	int fd;				/* of the device, inherited; -1 = open it */
};

/**
 * e1000_parse() - the command line
 * @arguments: filled in
 * @argc: of main()
 * @argv: of main()
 *
 * Return: 0; 2: it is wrong and was complained about; -1: help was asked for
 * and given.
 */
int e1000_parse(struct e1000_arguments *arguments, int argc, char **argv);

/* "52:54:00:12:34:56".  Return: false if it is not an address. */
bool parse_mac(const char *text, uint8_t mac[6]);

#endif
