// SPDX-License-Identifier: MIT
/* See options.h. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../service.h"
#include "../size.h"
#include "options.h"
#include "tap.h"

static const char usage[] =
"usage: udrv-e1000 DEVICE COMMAND [OPTION]...\n"
"\n"
"Drive a gigabit NIC of the 8254x family from this process.\n"
"\n"
"Commands:\n"
"  info             model, address, EEPROM, PHY, link\n"
"  stats            take what comes, and show what the statistics registers\n"
"                   counted meanwhile\n"
"  send             send packets: --count made ones, or those of --file\n"
"  capture          write what comes to --file, in pcap format\n"
"  echo             send back what comes, to whom it came from\n"
"  forward DEVICE2  send what comes to each of two NICs out of the other\n"
"  tap              be a network interface of the kernel's\n"
"\n"
"  DEVICE           PCI address (0000:00:05.0) or vendor:device (8086:100e);\n"
"                   bound to udrv if it has no driver yet\n"
"send:\n"
"  --file FILE      a pcap file; - = standard input\n"
"  --count N        so many packets (default 1, or the whole file)\n"
"  --size SIZE      bytes of a frame without FCS (default 60)\n"
"  --rate N         at most N packets a second (default: as fast as they go)\n"
"  --to MAC         (default ff:ff:ff:ff:ff:ff)\n"
"  --ipv6           UDP in IPv6, not IPv4\n"
"  --checksum       let the NIC write the checksums\n"
"  --mss N          TCP, cut by the NIC into segments of N bytes\n"
"  --tag N          let the NIC insert VLAN tag N\n"
"stats, capture, echo, forward:\n"
"  --count N        end after N packets\n"
"  --seconds N      end after N seconds; N may have a fraction (default: stats\n"
"                   1 without --count, others never)\n"
"  --file FILE      capture: where to; - = standard output (default)\n"
"  --own            take only what is addressed to us, broadcasts, and\n"
"  --multicast MAC  this group's (repeatedly); default: all but echo\n"
"                   take all there is, that as with --own\n"
"  --vlan N         with --own: of VLANs, only this one (repeatedly)\n"
"  --bad            capture: damaged frames too\n"
"  --strip          echo: let the NIC strip VLAN tags, and insert them again\n"
"  --stats          say what was counted, at the end\n"
"tap:\n"
"  --name NAME      the interface's; one that a dead driver left is taken over\n"
"                   (default eth-udrv)\n"
"  --mtu N          (default what it has, 1500 if it is new); the most it can be\n"
"                   given later is --frame less 14\n"
"  --keep           leave the interface when we end, for a successor\n"
"  --service        be the service of udrv-e1000@.service: the device's file is\n"
"                   kept by systemd; without --name, $UDRV_INTERFACE is the name,\n"
"                   or it is made of the device's place: udrv-p0s5 (not with --fd)\n"
"  --tso6           let the NIC cut TCP over IPv6, too (QEMU's does it wrong; not\n"
"                   even the kernel's own driver does it)\n"
"Always:\n"
"  --poll           no interrupts\n"
"  --adaptive       look for packets for a while before sleeping\n"
"  --interrupts N   at most N interrupts a second\n"
"  --ring N         descriptors in each ring, a power of two (default 256)\n"
"  --frame SIZE     bytes of the largest frame without FCS (default 1514)\n"
"  --mac MAC        use this address, not the EEPROM's\n"
"  --fd N           the device is open already, as file descriptor N\n"
"  --help           this text\n"
"\n"
"A SIZE is bytes, or with suffix k, M, G (by 1024) or kB, MB, GB (by 1000); so is\n"
"a count.  SIGINT and SIGTERM end all of them in good order.\n"
"Exit status: 0 done, 1 it went wrong, 2 wrong arguments.\n";

enum {
	OPTION_FILE = 1, OPTION_COUNT, OPTION_SIZE, OPTION_RATE, OPTION_TO,
	OPTION_IPV6, OPTION_CHECKSUM, OPTION_MSS, OPTION_TAG, OPTION_SECONDS,
	OPTION_OWN, OPTION_MULTICAST, OPTION_VLAN, OPTION_BAD, OPTION_STRIP, OPTION_STATS,
	OPTION_POLL, OPTION_ADAPTIVE, OPTION_INTERRUPTS, OPTION_RING,
	OPTION_FRAME, OPTION_MAC, OPTION_FD, OPTION_NAME, OPTION_MTU,
	OPTION_KEEP, OPTION_TSO6, OPTION_SERVICE, OPTION_HELP,
};

static const struct option long_options[] = {
	{ "file", required_argument, NULL, OPTION_FILE },
	{ "count", required_argument, NULL, OPTION_COUNT },
	{ "size", required_argument, NULL, OPTION_SIZE },
	{ "rate", required_argument, NULL, OPTION_RATE },
	{ "to", required_argument, NULL, OPTION_TO },
	{ "ipv6", no_argument, NULL, OPTION_IPV6 },
	{ "checksum", no_argument, NULL, OPTION_CHECKSUM },
	{ "mss", required_argument, NULL, OPTION_MSS },
	{ "tag", required_argument, NULL, OPTION_TAG },
	{ "seconds", required_argument, NULL, OPTION_SECONDS },
	{ "own", no_argument, NULL, OPTION_OWN },
	{ "multicast", required_argument, NULL, OPTION_MULTICAST },
	{ "vlan", required_argument, NULL, OPTION_VLAN },
	{ "bad", no_argument, NULL, OPTION_BAD },
	{ "strip", no_argument, NULL, OPTION_STRIP },
	{ "stats", no_argument, NULL, OPTION_STATS },
	{ "poll", no_argument, NULL, OPTION_POLL },
	{ "adaptive", no_argument, NULL, OPTION_ADAPTIVE },
	{ "interrupts", required_argument, NULL, OPTION_INTERRUPTS },
	{ "ring", required_argument, NULL, OPTION_RING },
	{ "frame", required_argument, NULL, OPTION_FRAME },
	{ "mac", required_argument, NULL, OPTION_MAC },
	{ "fd", required_argument, NULL, OPTION_FD },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "mtu", required_argument, NULL, OPTION_MTU },
	{ "keep", no_argument, NULL, OPTION_KEEP },
	{ "tso6", no_argument, NULL, OPTION_TSO6 },
	{ "service", no_argument, NULL, OPTION_SERVICE },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

/* Which commands take which option. */
#define FOR(command)	(1u << (command))
#define FOR_ALL		(~0u)
#define FOR_SEND	FOR(E1000_SEND)
#define FOR_TAKING	(FOR(E1000_STATS) | FOR(E1000_CAPTURE) | \
			 FOR(E1000_ECHO) | FOR(E1000_FORWARD))

static const unsigned option_commands[] = {
	[OPTION_FILE] = FOR_SEND | FOR(E1000_CAPTURE),
	[OPTION_COUNT] = FOR_SEND | FOR_TAKING,
	[OPTION_SIZE] = FOR_SEND,
	[OPTION_RATE] = FOR_SEND,
	[OPTION_TO] = FOR_SEND,
	[OPTION_IPV6] = FOR_SEND,
	[OPTION_CHECKSUM] = FOR_SEND,
	[OPTION_MSS] = FOR_SEND,
	[OPTION_TAG] = FOR_SEND,
	[OPTION_SECONDS] = FOR_TAKING,
	[OPTION_OWN] = FOR_TAKING,
	[OPTION_MULTICAST] = FOR_TAKING,
	[OPTION_VLAN] = FOR_TAKING,
	[OPTION_BAD] = FOR(E1000_CAPTURE),
	[OPTION_STRIP] = FOR(E1000_ECHO),
	[OPTION_STATS] = FOR_SEND | (FOR_TAKING & ~FOR(E1000_STATS)),
	[OPTION_POLL] = FOR_ALL,
	[OPTION_ADAPTIVE] = FOR_ALL,
	[OPTION_INTERRUPTS] = FOR_ALL,
	[OPTION_RING] = FOR_ALL,
	[OPTION_FRAME] = FOR_ALL,
	[OPTION_MAC] = FOR_ALL,
	[OPTION_FD] = FOR_ALL,
	[OPTION_NAME] = FOR(E1000_TAP),
	[OPTION_MTU] = FOR(E1000_TAP),
	[OPTION_KEEP] = FOR(E1000_TAP),
	[OPTION_TSO6] = FOR(E1000_TAP),
	[OPTION_SERVICE] = FOR(E1000_TAP),
	[OPTION_HELP] = FOR_ALL,
};

static const char *const command_names[] = {
	"info", "stats", "send", "capture", "echo", "forward", "tap",
};

#define COMMANDS (sizeof(command_names) / sizeof(*command_names))

__attribute__((format(printf, 1, 2)))
static int wrong(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-e1000: ", stderr);
	vfprintf(stderr, format, args);
	fputs("; see udrv-e1000 --help\n", stderr);
	va_end(args);
	return 2;
}

bool parse_mac(const char *text, uint8_t mac[6])
{
	uint8_t bytes[6];
	char *end;

	for (int i = 0; i < 6; i++) {
		unsigned long byte;

		/* strtoul() would take blanks, signs and 0x. */
		if (!strchr("0123456789abcdefABCDEF", *text) || !*text)
			return false;
		byte = strtoul(text, &end, 16);
		if (end - text > 2 || *end != (i < 5 ? ':' : '\0'))
			return false;
		bytes[i] = (uint8_t)byte;
		text = end + 1;
	}
	memcpy(mac, bytes, sizeof(bytes));
	return true;
}

static int take_number(const char *name, uint64_t least, uint64_t most,
		       uint64_t *number)
{
	uint64_t value;

	if (!parse_size(optarg, 0, &value) || value < least || value > most)
		return wrong("--%s takes a number from %llu to %llu, not %s",
			     name, (unsigned long long)least,
			     (unsigned long long)most, optarg);
	*number = value;
	return 0;
}

static int take_unsigned(const char *name, uint64_t least, uint64_t most,
			 unsigned *number)
{
	uint64_t value = 0;
	int status = take_number(name, least, most, &value);

	if (!status)
		*number = (unsigned)value;
	return status;
}

static int take_seconds(uint64_t *milliseconds)
{
	char *end;
	double seconds = strtod(optarg, &end);

	/* What is less than this is 0, which means for ever. */
	if (!strchr("0123456789.", *optarg) || end == optarg || *end ||
	    !(seconds >= 0.001 && seconds < 1e9))
		return wrong("--seconds takes 0.001 to 1000000000, not %s", optarg);
	*milliseconds = (uint64_t)(seconds * 1000);
	return 0;
}

static int take_mac(const char *name, uint8_t mac[6], bool group)
{
	if (!parse_mac(optarg, mac))
		return wrong("--%s takes an address like 52:54:00:12:34:56, not %s",
			     name, optarg);
	if (group && !(mac[0] & 1))
		return wrong("--%s takes a group's address, which %s is not",
			     name, optarg);
	return 0;
}

static int take_group(struct e1000_arguments *arguments)
{
	if (arguments->group_count == GROUPS_MOST)
		return wrong("there are more than %d --multicast", GROUPS_MOST);
	return take_mac("multicast",
			arguments->groups[arguments->group_count++], true);
}

static int take_vlan(struct e1000_arguments *arguments)
{
	unsigned id = 0;
	int status;

	if (arguments->vlan_count == VLANS_MOST)
		return wrong("there are more than %d --vlan", VLANS_MOST);
	status = take_unsigned("vlan", 0, 4095, &id);
	arguments->vlans[arguments->vlan_count++] = (uint16_t)id;
	return status;
}

/* Of send. */
static int take_send_option(struct e1000_arguments *arguments, int option,
			    const char *name)
{
	unsigned tag = 0;
	int status;

	switch (option) {
	case OPTION_SIZE:
		return take_unsigned(name, 60, 65535, &arguments->size);
	case OPTION_RATE:
		return take_number(name, 1, 1000000000, &arguments->rate);
	case OPTION_TO:
		return take_mac(name, arguments->to, false);
	case OPTION_IPV6:
		arguments->ipv6 = true;
		return 0;
	case OPTION_CHECKSUM:
		arguments->checksum = true;
		return 0;
	case OPTION_MSS:
		return take_unsigned(name, 1, 16000, &arguments->mss);
	default: /* OPTION_TAG */
		status = take_unsigned(name, 0, 65535, &tag);
		arguments->tag = (int)tag;
		arguments->nic.flags |= E1000_VLAN_STRIP;
		return status;
	}
}

/* Of the NIC, whatever it is to do. */
static int take_nic_option(struct e1000_arguments *arguments, int option,
			   const char *name)
{
	unsigned ring = 0, fd = 0;
	int status;

	switch (option) {
	case OPTION_POLL:
	case OPTION_ADAPTIVE:
		if (arguments->nic.mode != E1000_INTERRUPT)
			return wrong("--poll and --adaptive exclude each other");
		arguments->nic.mode = option == OPTION_POLL ? E1000_POLLED :
				      E1000_ADAPTIVE;
		return 0;
	case OPTION_INTERRUPTS:
		return take_unsigned(name, 60, 1000000, &arguments->nic.interrupts);
	case OPTION_RING:
		status = take_unsigned(name, 64, 4096, &ring);
		arguments->nic.rx_ring = arguments->nic.tx_ring = ring;
		return status;
	case OPTION_FRAME:
		return take_unsigned(name, 60, E1000_MAX_FRAME,
				     &arguments->nic.max_frame);
	case OPTION_MAC:
		arguments->nic.mac = arguments->mac;
		return take_mac(name, arguments->mac, false);
	default: /* OPTION_FD */
		status = take_unsigned(name, 0, 65535, &fd);
		arguments->fd = (int)fd;
		return status;
	}
}

/* Of tap. */
static int take_tap_option(struct e1000_arguments *arguments, int option,
			   const char *name)
{
	switch (option) {
	case OPTION_NAME:
		arguments->interface = optarg;
		return 0;
	case OPTION_MTU:
		return take_unsigned(name, 68, E1000_MAX_FRAME - 18,
				     &arguments->mtu);
	case OPTION_SERVICE:
		arguments->service = true;
		return 0;
	case OPTION_TSO6:
		arguments->tso6 = true;
		return 0;
	default: /* OPTION_KEEP */
		arguments->keep = true;
		return 0;
	}
}

static int take_option(struct e1000_arguments *arguments, int option,
		       const char *name)
{
	switch (option) {
	case OPTION_FILE:
		arguments->file = optarg;
		return 0;
	case OPTION_COUNT:
		return take_number(name, 1, UINT64_MAX >> 1, &arguments->count);
	case OPTION_SECONDS:
		return take_seconds(&arguments->milliseconds);
	case OPTION_OWN:
		return 0;	/* see check_together() */
	case OPTION_MULTICAST:
		return take_group(arguments);
	case OPTION_VLAN:
		return take_vlan(arguments);
	case OPTION_BAD:
		arguments->nic.flags |= E1000_BAD_FRAMES;
		return 0;
	case OPTION_STRIP:
		arguments->nic.flags |= E1000_VLAN_STRIP;
		return 0;
	case OPTION_STATS:
		arguments->counters = true;
		return 0;
	}
	if (option_commands[option] == FOR(E1000_TAP))
		return take_tap_option(arguments, option, name);
	if (option_commands[option] == FOR_SEND)
		return take_send_option(arguments, option, name);
	return take_nic_option(arguments, option, name);
}

static int find_command(struct e1000_arguments *arguments, const char *name)
{
	unsigned i;

	for (i = 0; i < COMMANDS && strcmp(name, command_names[i]); i++)
		;
	if (i == COMMANDS)
		return wrong("there is no command %s", name);
	arguments->command = (enum e1000_command)i;
	return 0;
}

static int check_send(struct e1000_arguments *arguments, uint32_t given)
{
	const uint32_t made = 1u << OPTION_SIZE | 1u << OPTION_TO |
			      1u << OPTION_IPV6 | 1u << OPTION_CHECKSUM |
			      1u << OPTION_MSS | 1u << OPTION_TAG;
	unsigned most = arguments->nic.max_frame ? arguments->nic.max_frame :
			1514, least = arguments->ipv6 ? 70 : 60;

	if (arguments->file) {
		if (given & made)
			return wrong("what is in --file is sent as it is: no --size, --to, --ipv6, --checksum, --mss, --tag");
		return 0;
	}
	if (!arguments->count)
		arguments->count = 1;
	if (!arguments->size)
		arguments->size = arguments->mss ? 1514 : least;
	if (arguments->mss)
		least = arguments->ipv6 ? 82 : 62;
	if (arguments->size < least)
		return wrong("--size is %u at least for such packets", least);
	if (!arguments->mss && arguments->size > most)
		return wrong("--size %u is more than the largest frame, %u; see --frame",
			     arguments->size, most);
	if (arguments->mss && arguments->mss + 74 > most)
		return wrong("--mss %u does not fit the largest frame, %u; see --frame",
			     arguments->mss, most);
	return 0;
}

/* A tag that the kernel inserts makes a frame longer; the NIC does not mind. */
#define TAG_BYTES	4

/* What another machine sends in a burst has to fit; large frames are fewer. */
#define TAP_RX_RING	1024
#define TAP_RX_RING_JUMBO	256
/* The ring is to take a frame of TAP_PIECES, with a batch that has begun. */
#define TAP_TX_LEAST	128u

static int check_tap(struct e1000_arguments *arguments)
{
	struct e1000_options *nic = &arguments->nic;
	unsigned least = (arguments->mtu ? arguments->mtu : 1500) + 14;

	if (arguments->service && arguments->fd >= 0)
		return wrong("--service excludes --fd");
	if (!arguments->interface && arguments->service &&
	    service_interface(arguments->device, arguments->name))
		return wrong("UDRV_INTERFACE is no interface's name");
	if (!arguments->interface)
		arguments->interface = arguments->service ? arguments->name :
				       "eth-udrv";
	if (!nic->max_frame)
		nic->max_frame = least < 1514 ? 1514 : least;
	if (!nic->rx_ring)
		nic->rx_ring = nic->max_frame > 1514 ? TAP_RX_RING_JUMBO :
			       TAP_RX_RING;
	if (nic->max_frame < least && arguments->mtu)
		return wrong("--mtu %u takes --frame %u", arguments->mtu, least);
	if (nic->max_frame > E1000_MAX_FRAME - TAG_BYTES)
		return wrong("for tap, with a VLAN tag to be inserted, --frame is %u at most",
			     E1000_MAX_FRAME - TAG_BYTES);
	nic->max_frame += TAG_BYTES;
	if (nic->tx_ring && nic->tx_ring < TAP_TX_LEAST)
		return wrong("for tap --ring is %u at least: a TCP frame of 64 KiB takes 34 descriptors",
			     TAP_TX_LEAST);
	nic->buffers = tap_buffers(nic);
	return 0;
}

static int check_together(struct e1000_arguments *arguments, uint32_t given)
{
	unsigned command = 1u << arguments->command;
	bool own = given & 1u << OPTION_OWN;

	for (int i = 1; i < OPTION_HELP; i++)
		if (given & 1u << i && !(option_commands[i] & command))
			return wrong("%s does not take --%s",
				     command_names[arguments->command],
				     long_options[i - 1].name);
	if (given & 1u << OPTION_FD && arguments->command == E1000_FORWARD)
		return wrong("forward opens both devices itself: no --fd");
	if (arguments->command == E1000_SEND)
		return check_send(arguments, given);
	if (arguments->command == E1000_TAP)
		return check_tap(arguments);
	if (arguments->command == E1000_STATS && !arguments->milliseconds &&
	    !arguments->count)
		arguments->milliseconds = 1000;
	if (!(command & FOR_TAKING) || own || arguments->command == E1000_ECHO)
		return 0;
	if (arguments->group_count || arguments->vlan_count)
		return wrong("--multicast and --vlan need --own: without it all is taken");
	arguments->nic.flags |= E1000_PROMISCUOUS;
	return 0;
}

static int take_words(struct e1000_arguments *arguments, int argc, char **argv)
{
	int words = argc - optind, wanted, status;

	if (words < 2)
		return wrong("it takes a device and a command");
	arguments->device = argv[optind];
	status = find_command(arguments, argv[optind + 1]);
	if (status)
		return status;
	wanted = arguments->command == E1000_FORWARD ? 3 : 2;
	if (words < wanted)
		return wrong("forward takes a second device");
	if (words > wanted)
		return wrong("%s is too much", argv[optind + wanted]);
	if (wanted == 3)
		arguments->other = argv[optind + 2];
	return 0;
}

int e1000_parse(struct e1000_arguments *arguments, int argc, char **argv)
{
	int option, index = 0, status = 0;
	uint32_t given = 0;

	*arguments = (struct e1000_arguments) { .fd = -1, .tag = -1 };
	memset(arguments->to, 0xff, sizeof(arguments->to));
	while (!status && (option = getopt_long(argc, argv, "", long_options,
						&index)) != -1) {
		if (option == OPTION_HELP) {
			fputs(usage, stdout);
			return -1;
		}
		if (option == '?')	/* getopt_long() said what */
			return 2;
		given |= 1u << option;
		status = take_option(arguments, option, long_options[index].name);
	}
	if (!status)
		status = take_words(arguments, argc, argv);
	return status ? status : check_together(arguments, given);
}
