// SPDX-License-Identifier: MIT
/*
 * The net hook's offload headers: virtio's, as TAP has them.  Pure.
 *
 * All fields are little-endian (TUNSETVNETLE).
 */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include "net.h"

#define IPV4_BYTES	20
#define IPV6_BYTES	40
#define TCP_BYTES	20
#define UDP_BYTES	8
#define TCP_CHECKSUM	16
#define UDP_CHECKSUM	6

static uint16_t net_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* --- checksums (RFC 1071) */

/* 64 bytes at a time, an instruction for each 8 of them. */
static uint64_t net_add_blocks(const uint8_t *at, size_t blocks, uint64_t sum)
{
#ifdef __x86_64__
	for (; blocks; blocks--, at += 64)
		__asm__("addq 0(%[at]), %[sum]\n\t"
			"adcq 8(%[at]), %[sum]\n\t"
			"adcq 16(%[at]), %[sum]\n\t"
			"adcq 24(%[at]), %[sum]\n\t"
			"adcq 32(%[at]), %[sum]\n\t"
			"adcq 40(%[at]), %[sum]\n\t"
			"adcq 48(%[at]), %[sum]\n\t"
			"adcq 56(%[at]), %[sum]\n\t"
			"adcq $0, %[sum]"
			: [sum] "+r" (sum)
			: [at] "r" (at), "m" (*(const uint8_t (*)[64])at)
			: "cc");
#else
	uint64_t word;
	unsigned i;

	for (; blocks; blocks--)
		for (i = 0; i < 8; i++, at += 8) {
			memcpy(&word, at, 8);
			sum += word;
			sum += sum < word;
		}
#endif
	return sum;
}

uint16_t usr_net_sum(const void *data, size_t length, uint64_t sum)
{
	const uint8_t *at = data;
	uint64_t word;

	sum = net_add_blocks(at, length / 64, sum);
	at += length & ~(size_t)63;
	for (length &= 63; length >= 8; length -= 8, at += 8) {
		memcpy(&word, at, 8);
		sum += word;
		sum += sum < word;
	}
	if (length) {
		word = 0;
		memcpy(&word, at, length);	/* little-endian or not: as 8 */
		sum += word;
		sum += sum < word;
	}
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16 & 0xffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

uint16_t usr_net_pseudo_sum(const uint8_t *frame, const struct net_place *place,
			    uint32_t bytes)
{
	const uint8_t *ip = frame + place->network;
	uint64_t sum = htonl(bytes) + (uint64_t)htonl(place->protocol);

	return place->ipv4 ? usr_net_sum(ip + 12, 8, sum) :
	       usr_net_sum(ip + 8, 32, sum);
}

/* --- where things are */

static bool net_place_ipv4(const uint8_t *ip, uint32_t room,
			   struct net_place *place)
{
	uint32_t total;

	if (room < IPV4_BYTES || ip[0] != 0x45)
		return false;
	total = net_get16(ip + 2);
	if (total < IPV4_BYTES || total > room)
		return false;
	/* No fragment, neither the first nor another. */
	if (net_get16(ip + 6) & 0x3fff)
		return false;
	place->ipv4 = true;
	place->protocol = ip[9];
	place->transport = (uint16_t)(place->network + IPV4_BYTES);
	place->end = (uint16_t)(place->network + total);
	return true;
}

static bool net_place_ipv6(const uint8_t *ip, uint32_t room,
			   struct net_place *place)
{
	uint32_t total;

	if (room < IPV6_BYTES || ip[0] >> 4 != 6)
		return false;
	total = IPV6_BYTES + net_get16(ip + 4);
	if (total > room)
		return false;
	place->ipv4 = false;
	place->protocol = ip[6];
	place->transport = (uint16_t)(place->network + IPV6_BYTES);
	place->end = (uint16_t)(place->network + total);
	return true;
}

bool usr_net_place(const uint8_t *frame, uint32_t length,
		   struct net_place *place)
{
	uint16_t type, bytes;
	const uint8_t *ip;
	uint32_t room;

	if (length < ETH_HLEN + 4 || length > UINT16_MAX)
		return false;
	type = net_get16(frame + 12);
	place->network = ETH_HLEN;
	if (type == ETH_P_8021Q || type == ETH_P_8021AD) {
		type = net_get16(frame + 16);
		place->network += 4;
	}
	ip = frame + place->network;
	room = length - place->network;
	if (!(type == ETH_P_IP && net_place_ipv4(ip, room, place)) &&
	    !(type == ETH_P_IPV6 && net_place_ipv6(ip, room, place)))
		return false;
	bytes = (uint16_t)(place->end - place->transport);
	if (place->protocol == IPPROTO_TCP)
		return bytes >= TCP_BYTES;
	return place->protocol == IPPROTO_UDP && bytes >= UDP_BYTES;
}

/* --- to send */

static bool net_to_cut(const struct virtio_net_hdr *header,
		       const uint8_t *frame, uint32_t length, uint32_t first,
		       struct usr_net_frame *to)
{
	uint16_t type = net_get16(frame + 12);
	uint32_t end;

	/* The header's hdr_len is but a hint: TCP says how long it is. */
	end = to->transport + (uint32_t)TCP_BYTES;
	if (end > first || to->checksum != to->transport + TCP_CHECKSUM)
		return false;
	end = to->transport + (uint32_t)(frame[to->transport + 12] >> 4) * 4;
	if (end < to->transport + (uint32_t)TCP_BYTES || end > first ||
	    end >= length)
		return false;
	to->network = ETH_HLEN;
	if (type == ETH_P_8021Q || type == ETH_P_8021AD)
		to->network += 4;
	if (to->network + IPV4_BYTES > to->transport)
		return false;
	to->header = (uint16_t)end;
	to->segment = le16toh(header->gso_size);
	to->flags |= USR_NET_FRAME_TSO;
	if ((header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) ==
	    VIRTIO_NET_HDR_GSO_TCPV4)
		to->flags |= USR_NET_FRAME_IPV4;
	else if (header->gso_type != VIRTIO_NET_HDR_GSO_TCPV6)
		return false;
	return to->segment;
}

bool usr_net_to_send(const struct virtio_net_hdr *header, const uint8_t *frame,
		     uint32_t length, uint32_t first, struct usr_net_frame *to)
{
	uint32_t checksum;

	to->length = length;
	to->flags = 0;
	if (length < ETH_HLEN || first < ETH_HLEN)
		return false;
	if (header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) {
		to->transport = le16toh(header->csum_start);
		checksum = to->transport + (uint32_t)le16toh(header->csum_offset);
		if (to->transport < ETH_HLEN || checksum + 2 > first ||
		    checksum > UINT16_MAX)
			return false;
		to->checksum = (uint16_t)checksum;
		to->flags |= USR_NET_FRAME_SUM;
	}
	if (header->gso_type == VIRTIO_NET_HDR_GSO_NONE)
		return true;
	return to->flags & USR_NET_FRAME_SUM &&
	       net_to_cut(header, frame, length, first, to);
}

/* --- received */

/*
 * The kernel looks at VIRTIO_NET_HDR_F_DATA_VALID in what it gives to a guest,
 * not in what a TAP gives to it.  A checksum that is yet to be written it takes
 * for right; should it forward the frame it writes it, and for that the field
 * must have the pseudo header's sum, and padding must not be counted.
 */
void usr_net_checked(struct virtio_net_hdr *header, uint8_t *frame,
		     uint32_t *length)
{
	struct net_place place;
	uint16_t offset, sum;

	if (!usr_net_place(frame, *length, &place))
		return;
	offset = place.protocol == IPPROTO_TCP ? TCP_CHECKSUM : UDP_CHECKSUM;
	/* UDP over IPv4 can be without, and must stay so. */
	memcpy(&sum, frame + place.transport + offset, 2);
	if (place.protocol == IPPROTO_UDP &&
	    (!sum || net_get16(frame + place.transport + 4) !=
		     place.end - place.transport))
		return;
	sum = usr_net_pseudo_sum(frame, &place,
				 (uint32_t)(place.end - place.transport));
	memcpy(frame + place.transport + offset, &sum, 2);
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->csum_start = htole16(place.transport);
	header->csum_offset = htole16(offset);
	*length = place.end;
}
