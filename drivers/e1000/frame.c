// SPDX-License-Identifier: MIT
/* See frame.h. */
#include <string.h>
#include "frame.h"

#define TYPE_IPV4	0x0800u
#define TYPE_IPV6	0x86ddu
#define TYPE_VLAN	0x8100u
#define IP_TCP		6
#define IP_UDP		17
#define IPV4_BYTES	20u
#define IPV6_BYTES	40u
#define UDP_BYTES	8u
#define TCP_BYTES	20u
#define DISCARD		9		/* the port that wants no answer */
#define SOURCE_PORT	0xe100
#define TTL		64
#define TCP_ACK_PSH	0x18

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

/* RFC 1071: an odd byte at the end counts as if a 0 followed. */
static uint32_t add(uint32_t sum, const uint8_t *data, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i += 2)
		sum += (uint32_t)data[i] << 8 | (i + 1 < bytes ? data[i + 1] : 0);
	return (sum & 0xffff) + (sum >> 16);
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Addresses for documentation: RFC 5737, RFC 3849. */
static void make_ipv4(struct frame *frame, uint8_t *ip)
{
	static const uint8_t addresses[8] = { 192, 0, 2, 1, 192, 0, 2, 2 };

	ip[0] = 0x45;
	put16(ip + 2, frame->length - FRAME_ETHERNET);
	ip[8] = TTL;
	ip[9] = frame->tcp ? IP_TCP : IP_UDP;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, (uint16_t)~fold(add(0, ip, IPV4_BYTES)));
}

static void make_ipv6(struct frame *frame, uint8_t *ip)
{
	ip[0] = 0x60;
	put16(ip + 4, frame->length - frame->transport);
	ip[6] = frame->tcp ? IP_TCP : IP_UDP;
	ip[7] = TTL;
	for (unsigned i = 0; i < 2; i++) {
		put16(ip + 8 + 16 * i, 0x2001);
		put16(ip + 10 + 16 * i, 0x0db8);
		ip[23 + 16 * i] = (uint8_t)(1 + i);
	}
}

static void make_transport(struct frame *frame, uint8_t *at)
{
	put16(at, SOURCE_PORT);
	put16(at + 2, DISCARD);
	if (frame->tcp) {
		at[12] = TCP_BYTES / 4 << 4;
		at[13] = TCP_ACK_PSH;
		put16(at + 14, 0xffff);
	} else {
		put16(at + 4, frame->length - frame->transport);
	}
}

static uint32_t pseudo_header(const struct frame *frame)
{
	const uint8_t *ip = frame->data + FRAME_ETHERNET;
	uint32_t sum = frame->length - frame->transport +
		       (frame->tcp ? IP_TCP : IP_UDP);

	return frame->ipv6 ? add(sum, ip + 8, 32) : add(sum, ip + 12, 8);
}

void frame_make(struct frame *frame)
{
	uint8_t *ip = frame->data + FRAME_ETHERNET;

	memset(frame->data, 0, frame->length);
	frame->transport = FRAME_ETHERNET +
			   (frame->ipv6 ? IPV6_BYTES : IPV4_BYTES);
	frame->checksum = frame->transport + (frame->tcp ? 16 : 6);
	frame->header = frame->transport + (frame->tcp ? TCP_BYTES : UDP_BYTES);
	memcpy(frame->data, frame->to, 6);
	memcpy(frame->data + 6, frame->from, 6);
	put16(frame->data + 12, frame->ipv6 ? TYPE_IPV6 : TYPE_IPV4);
	if (frame->ipv6)
		make_ipv6(frame, ip);
	else
		make_ipv4(frame, ip);
	make_transport(frame, frame->data + frame->transport);
	for (unsigned i = frame->header + FRAME_NUMBER; i < frame->length; i++)
		frame->data[i] = (uint8_t)(i * 7 + i / 256);
	frame->sum = pseudo_header(frame);
	if (!frame->sum_left)
		frame->sum = add(frame->sum, frame->data + frame->transport,
				 frame->length - frame->transport);
	put16(frame->data + frame->checksum, fold(frame->sum));
}

void frame_number(const struct frame *frame, uint8_t *data, uint64_t number)
{
	uint8_t *at = data + frame->header;
	uint16_t check;

	for (unsigned i = 0; i < FRAME_NUMBER; i++)
		at[i] = (uint8_t)(number >> 8 * (FRAME_NUMBER - 1 - i));
	/* What the NIC begins with is there already. */
	if (frame->sum_left)
		return;
	check = (uint16_t)~fold(add(frame->sum, at, FRAME_NUMBER));
	/* RFC 768: 0 says that there is none. */
	put16(data + frame->checksum, check || frame->tcp ? check : 0xffff);
}

static void swap(uint8_t *a, uint8_t *b, unsigned bytes)
{
	uint8_t keep[16];

	memcpy(keep, a, bytes);
	memcpy(a, b, bytes);
	memcpy(b, keep, bytes);
}

/* No checksum changes: the same words are summed. */
void frame_turn(uint8_t *data, unsigned length)
{
	unsigned at = FRAME_ETHERNET, protocol;

	if (length < FRAME_ETHERNET)
		return;
	swap(data, data + 6, 6);
	if (length >= at + 4 && get16(data + at - 2) == TYPE_VLAN)
		at += 4;
	if (get16(data + at - 2) == TYPE_IPV4 && length >= at + IPV4_BYTES) {
		swap(data + at + 12, data + at + 16, 4);
		protocol = data[at + 9];
		/* Only the first fragment has ports. */
		if (get16(data + at + 6) & 0x1fff)
			return;
		at += (data[at] & 15u) * 4;
	} else if (get16(data + at - 2) == TYPE_IPV6 &&
		   length >= at + IPV6_BYTES) {
		swap(data + at + 8, data + at + 24, 16);
		protocol = data[at + 6];
		at += IPV6_BYTES;
	} else {
		return;
	}
	if ((protocol == IP_TCP || protocol == IP_UDP) && length >= at + 4)
		swap(data + at, data + at + 2, 2);
}
