// SPDX-License-Identifier: MIT
/* See encode.h. */
#include "encode.h"

#define VLAN_BYTES	4
#define IPV4_LEAST	20
#define IPV4_SUM	10	/* where in its header */
#define IPV6_BYTES	40
#define TCP_LEAST	20
#define TCP_SUM		16
#define UDP_SUM		6
#define IP_TCP		6

uint32_t rctl_buffer_size(unsigned bytes)
{
	switch (bytes) {
	case 16384:
		return RCTL_BSEX | 1u << RCTL_BSIZE_SHIFT;
	case 8192:
		return RCTL_BSEX | 2u << RCTL_BSIZE_SHIFT;
	case 4096:
		return RCTL_BSEX | 3u << RCTL_BSIZE_SHIFT;
	default:
		return 0;
	}
}

unsigned buffer_size_for(unsigned max_frame)
{
	unsigned bytes = 2048;

	if (max_frame < E1000_MIN_FRAME || max_frame > E1000_MAX_FRAME)
		return 0;
	/* The FCS may be written before it is stripped. */
	while (bytes < max_frame + VLAN_BYTES + 4)
		bytes *= 2;
	return bytes;
}

uint32_t itr_interval(unsigned interrupts)
{
	uint64_t interval;

	if (!interrupts)
		return 0;
	/* Rounded up, so that there are not more. */
	interval = (1000000000ull + 256ull * interrupts - 1) /
		   (256ull * interrupts);
	return interval > ITR_MOST ? ITR_MOST : (uint32_t)interval;
}

unsigned multicast_hash(const uint8_t mac[6])
{
	/* Bits 47 to 36 of the address, whose first byte has bits 7 to 0. */
	return (unsigned)mac[5] << 4 | mac[4] >> 4;
}

bool eeprom_sum_is_good(const uint16_t words[EEPROM_WORDS])
{
	uint16_t sum = 0;

	for (unsigned i = 0; i < EEPROM_WORDS; i++)
		sum = (uint16_t)(sum + words[i]);
	return sum == EEPROM_SUM;
}

void resolve_pause(uint16_t ours, uint16_t theirs, bool *rx, bool *tx)
{
	uint16_t both = ours & theirs;

	*rx = *tx = false;
	if (both & PHY_PAUSE) {
		*rx = *tx = true;
	} else if (both & PHY_ASM_PAUSE) {
		*rx = ours & PHY_PAUSE;
		*tx = theirs & PHY_PAUSE;
	}
}

static unsigned version(const struct e1000_packet *packet)
{
	return packet->data[packet->network] >> 4;
}

static const char *header_problem(const struct e1000_packet *packet)
{
	unsigned ip = packet->network, transport = packet->transport;

	/* Read here and by the NIC: the headers are in the first piece. */
	if (ip < E1000_MIN_FRAME || ip >= packet->length)
		return "there is no IP header where it should be";
	if (packet->flags & E1000_TX_IPV4_SUM &&
	    (version(packet) != 4 || transport < ip + IPV4_LEAST))
		return "there is no IPv4 header to write a checksum in";
	if (packet->flags & (E1000_TX_SUM | E1000_TX_TSO) &&
	    (transport <= ip || packet->checksum < transport ||
	     packet->checksum + 2u > packet->length))
		return "the checksum is not in a header behind the IP header";
	return NULL;
}

static const char *tso_problem(const struct e1000_packet *packet,
			       unsigned total, unsigned most)
{
	unsigned ip = version(packet) == 4 ? IPV4_LEAST : IPV6_BYTES;

	if (version(packet) != 4 && version(packet) != 6)
		return "segmentation is for TCP in IPv4 or IPv6";
	if (packet->transport < packet->network + ip ||
	    packet->checksum != packet->transport + TCP_SUM ||
	    packet->header < packet->transport + TCP_LEAST ||
	    packet->header > packet->length)
		return "there is no whole TCP header to segment behind";
	if (!packet->mss || packet->mss + packet->header > most)
		return "the segments would not fit a frame";
	if (total <= packet->header || total - packet->header > TXC_PAYLEN_MOST)
		return "there is nothing to segment, or too much";
	return NULL;
}

const char *offload_problem(const struct e1000_packet *packet, unsigned total,
			    unsigned most)
{
	const char *problem = NULL;

	if (packet->length < E1000_MIN_FRAME)
		return "its first piece has not even the addresses";
	if (packet->flags & (E1000_TX_IPV4_SUM | E1000_TX_SUM | E1000_TX_TSO))
		problem = header_problem(packet);
	if (!problem && packet->flags & E1000_TX_TSO)
		problem = tso_problem(packet, total, most);
	if (!problem && !(packet->flags & E1000_TX_TSO) && total > most)
		problem = "it is longer than a frame";
	return problem;
}

struct tx_descriptor encode_context(const struct e1000_packet *packet,
				    unsigned total)
{
	bool tso = packet->flags & E1000_TX_TSO, ipv4 = version(packet) == 4;
	struct tx_descriptor context = { .rest = TXD_DEXT };

	if (packet->flags & (E1000_TX_IPV4_SUM | E1000_TX_TSO))
		/* Segmentation finds the length by IPCSS, of IPv6 too. */
		context.address = packet->network |
				  ((uint64_t)packet->network + IPV4_SUM) << 8;
	if (ipv4 && packet->flags & (E1000_TX_IPV4_SUM | E1000_TX_TSO)) {
		context.address |= ((uint64_t)packet->transport - 1) << 16;
		context.rest |= TXC_IP;
	}
	if (packet->flags & (E1000_TX_SUM | E1000_TX_TSO)) {
		/* To the packet's end: TUCSE 0. */
		context.address |= (uint64_t)packet->transport << 32 |
				   (uint64_t)packet->checksum << 40;
		if (packet->checksum == packet->transport + TCP_SUM)
			context.rest |= TXC_TCP;
	}
	if (tso)
		context.rest |= TXC_TSE | TXC_TCP | (total - packet->header) |
				(uint64_t)packet->header << TXC_HDRLEN_SHIFT |
				(uint64_t)packet->mss << TXC_MSS_SHIFT;
	return context;
}

uint64_t encode_data(const struct e1000_packet *packet)
{
	unsigned flags = packet->flags;
	uint64_t bits = TXD_IFCS;

	if (flags & (E1000_TX_IPV4_SUM | E1000_TX_SUM | E1000_TX_TSO))
		bits |= TXD_DEXT | TXD_DATA;
	if (flags & E1000_TX_IPV4_SUM ||
	    (flags & E1000_TX_TSO && version(packet) == 4))
		bits |= TXD_IXSM;
	if (flags & (E1000_TX_SUM | E1000_TX_TSO))
		bits |= TXD_TXSM;
	if (flags & E1000_TX_TSO)
		bits |= TXD_TSE;
	if (flags & E1000_TX_VLAN)
		bits |= TXD_VLE | (uint64_t)packet->vlan << TXD_VLAN_SHIFT;
	return bits;
}

/* The ones' complement sum of 16-bit words in network order. */
static uint32_t add_words(uint32_t sum, const uint8_t *data, unsigned bytes)
{
	for (unsigned i = 0; i + 1 < bytes; i += 2)
		sum += (uint32_t)data[i] << 8 | data[i + 1];
	return sum;
}

static void prepare_tso(struct e1000_packet *packet)
{
	uint8_t *ip = packet->data + packet->network;
	uint8_t *check = packet->data + packet->checksum;
	uint32_t sum = IP_TCP;

	if (ip[0] >> 4 == 4) {
		ip[2] = ip[3] = 0;
		ip[IPV4_SUM] = ip[IPV4_SUM + 1] = 0;
		sum = add_words(sum, ip + 12, 8);
	} else {
		ip[4] = ip[5] = 0;
		sum = add_words(sum, ip + 8, 32);
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	check[0] = (uint8_t)(sum >> 8);
	check[1] = (uint8_t)sum;
}

void prepare_headers(struct e1000_packet *packet)
{
	if (packet->flags & E1000_TX_TSO)
		prepare_tso(packet);
	else if (packet->flags & E1000_TX_IPV4_SUM)
		memset(packet->data + packet->network + IPV4_SUM, 0, 2);
}
