/* SPDX-License-Identifier: MIT */
/* Frames to try the net hook's pure parts with; checksums by a way of their own. */
#ifndef NET_FRAMES_H
#define NET_FRAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* What a TCP or UDP frame is made of; zeroes are a plain TCP segment. */
struct net_recipe {
	bool ipv6, vlan, udp;
	uint16_t port;			/* the source's, tells flows apart */
	uint32_t sequence, acknowledged;
	uint8_t flags;			/* TCP's */
	uint16_t window, identification;
	bool may_fragment;
	uint8_t ttl, tos;
	uint8_t options;		/* bytes of TCP options, filled with... */
	uint8_t option;			/* ...this */
	unsigned payload;
	uint32_t seed;			/* of the payload */
	unsigned padding;
};

static inline void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static inline unsigned get16(const uint8_t *at)
{
	return (unsigned)at[0] << 8 | at[1];
}

static inline void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static inline uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071, word by word. */
static inline unsigned slow_sum(const uint8_t *at, unsigned length, uint32_t sum)
{
	unsigned i;

	for (i = 0; i + 1 < length; i += 2)
		sum += get16(at + i);
	if (length & 1)
		sum += (unsigned)at[length - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static inline unsigned slow_pseudo(const uint8_t *ip, bool ipv6, unsigned protocol,
				   unsigned bytes)
{
	return ipv6 ? slow_sum(ip + 8, 32, protocol + bytes) :
	       slow_sum(ip + 12, 8, protocol + bytes);
}

static inline void fill_payload(uint8_t *to, unsigned bytes, uint32_t seed)
{
	unsigned i;

	for (i = 0; i < bytes; i++)
		to[i] = (uint8_t)((seed + i) * 2654435761u >> 24);
}

static inline unsigned network_of(const struct net_recipe *r)
{
	return r->vlan ? 18 : 14;
}

static inline unsigned transport_of(const struct net_recipe *r)
{
	return network_of(r) + (r->ipv6 ? 40 : 20);
}

static inline unsigned payload_of(const struct net_recipe *r)
{
	return transport_of(r) + (r->udp ? 8u : 20u + r->options);
}

static inline void make_ip(uint8_t *ip, const struct net_recipe *r, unsigned bytes)
{
	unsigned protocol = r->udp ? 17 : 6;

	if (r->ipv6) {
		ip[0] = 0x60;
		put16(ip + 4, bytes);
		ip[6] = (uint8_t)protocol;
		ip[7] = r->ttl ? r->ttl : 64;
		memset(ip + 8, 0xfd, 16);
		memset(ip + 24, 0xfe, 16);
		return;
	}
	ip[0] = 0x45;
	ip[1] = r->tos;
	put16(ip + 2, 20 + bytes);
	put16(ip + 4, r->identification);
	put16(ip + 6, r->may_fragment ? 0 : 0x4000);
	ip[8] = r->ttl ? r->ttl : 64;
	ip[9] = (uint8_t)protocol;
	memcpy(ip + 12, "\x0a\x01\x02\x03\x0a\x01\x02\x04", 8);
	put16(ip + 10, ~slow_sum(ip, 20, 0) & 0xffff);
}

static inline void make_tcp(uint8_t *tcp, const struct net_recipe *r)
{
	put32(tcp + 4, r->sequence);
	put32(tcp + 8, r->acknowledged);
	tcp[12] = (uint8_t)((20 + r->options) / 4 << 4);
	tcp[13] = r->flags ? r->flags : 0x10;
	put16(tcp + 14, r->window ? r->window : 500);
	memset(tcp + 20, r->option, r->options);
}

/* Return: bytes, padding included. */
static inline unsigned make_frame(uint8_t *frame, const struct net_recipe *r)
{
	unsigned network = network_of(r), transport = transport_of(r);
	unsigned payload = payload_of(r), end = payload + r->payload;
	uint8_t *at = frame + transport;

	memset(frame, 0, payload);
	memcpy(frame, "\x52\x54\x00\x00\x00\x01\x52\x54\x00\x00\x00\x02", 12);
	if (r->vlan)
		put32(frame + 12, 0x81000007);
	put16(frame + network - 2, r->ipv6 ? 0x86dd : 0x0800);
	make_ip(frame + network, r, end - transport);
	put16(at, r->port ? r->port : 1234);
	put16(at + 2, 5201);
	if (r->udp)
		put16(at + 4, end - transport);
	else
		make_tcp(at, r);
	fill_payload(frame + payload, r->payload, r->seed);
	put16(at + (r->udp ? 6 : 16),
	      ~slow_sum(at, end - transport,
			slow_pseudo(frame + network, r->ipv6, r->udp ? 17 : 6,
				    end - transport)) & 0xffff);
	memset(frame + end, 0xaa, r->padding);
	return end + r->padding;
}

#endif
