// SPDX-License-Identifier: MIT
/*
 * The net hook's merging: TCP segments of one flow that follow each other become
 * one frame, whose cutting gives the segments again.  Pure.
 *
 * Frames are in outs[] in the order of their first packets.  A flow is one whose
 * last frame can still grow; when it is given up nothing needs to be done, so
 * the order within a flow is always kept.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>

#include "net.h"

#define TCP_BYTES	20
#define TCP_CHECKSUM	16
#define TCP_FLAGS	13
#define TCP_PSH		0x08
#define TCP_ACK		0x10

/* What is to be known of a segment. */
struct net_segment {
	uint8_t *frame;
	struct net_place place;
	uint16_t payload;	/* where it starts */
	uint16_t bytes;		/* of it */
	uint8_t flags;
	uint32_t sequence;
	bool checked;
};

static uint32_t net_get32(const uint8_t *at)
{
	uint32_t value;

	memcpy(&value, at, 4);
	return ntohl(value);
}

static uint16_t net_get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void net_put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* --- one packet */

static bool net_segment_of(struct net_segment *s, uint8_t *frame,
			   uint32_t length, bool checked)
{
	const uint8_t *tcp;
	unsigned header;

	if (!usr_net_place(frame, length, &s->place) ||
	    s->place.protocol != IPPROTO_TCP)
		return false;
	tcp = frame + s->place.transport;
	header = (tcp[12] >> 4) * 4u;
	if (header < TCP_BYTES || s->place.transport + header > s->place.end)
		return false;
	s->frame = frame;
	s->payload = (uint16_t)(s->place.transport + header);
	s->bytes = (uint16_t)(s->place.end - s->payload);
	s->flags = tcp[TCP_FLAGS];
	s->sequence = net_get32(tcp + 4);
	s->checked = checked;
	return true;
}

/* Are the IPv4 header's and TCP's checksums right? */
static bool net_verify(const uint8_t *frame, const struct net_place *place)
{
	uint32_t bytes = (uint32_t)(place->end - place->transport);

	if (place->ipv4 && usr_net_sum(frame + place->network, 20, 0) != 0xffff)
		return false;
	return usr_net_sum(frame + place->transport, bytes,
			   usr_net_pseudo_sum(frame, place, bytes)) == 0xffff;
}

/* --- flows */

static const uint8_t *net_first(const struct net_flow *flow)
{
	return flow->out->pieces[1].iov_base;
}

/* Addresses and ports, and that both begin alike. */
static bool net_same_flow(const struct net_flow *flow,
			  const struct net_segment *s)
{
	const uint8_t *a = net_first(flow), *b = s->frame;
	unsigned network = s->place.network;

	if (flow->place.transport != s->place.transport ||
	    flow->place.network != network || flow->place.ipv4 != s->place.ipv4)
		return false;
	if (memcmp(a + s->place.transport, b + s->place.transport, 4))
		return false;
	return s->place.ipv4 ? !memcmp(a + network + 12, b + network + 12, 8) :
	       !memcmp(a + network + 8, b + network + 8, 32);
}

/*
 * Would cutting give them again?  MAC addresses, VLAN, type of service, time to
 * live, acknowledgement, window and options are the same, and IPv4's
 * identification counts on, or does not matter (RFC 6864).
 */
static bool net_same_headers(const struct net_flow *flow,
			     const struct net_segment *s)
{
	const uint8_t *a = net_first(flow), *b = s->frame;
	const uint8_t *c = a + s->place.network, *d = b + s->place.network;
	unsigned transport = s->place.transport;

	if (flow->payload != s->payload || memcmp(a, b, s->place.network))
		return false;
	if (s->place.ipv4) {
		if (c[1] != d[1] || memcmp(c + 6, d + 6, 4))
			return false;
		if (!(c[6] & 0x40) && (uint16_t)(net_get16(c + 4) + flow->out->packets) !=
				      net_get16(d + 4))
			return false;
	} else if (memcmp(c, d, 4) || memcmp(c + 6, d + 6, 2)) {
		return false;
	}
	/* Acknowledgement and header length; window; urgent pointer, options. */
	return !memcmp(a + transport + 8, b + transport + 8, 5) &&
	       !memcmp(a + transport + 14, b + transport + 14, 2) &&
	       !memcmp(a + transport + 18, b + transport + 18,
		       s->payload - transport - 18u);
}

static bool net_fits(struct net_flow *flow, const struct net_segment *s)
{
	if (flow->next != s->sequence || !s->bytes || s->bytes > flow->segment ||
	    (s->flags & ~TCP_PSH) != TCP_ACK)
		return false;
	if (flow->out->count == NET_MERGE_PIECES || flow->payload -
	    flow->place.network + flow->bytes + s->bytes > UINT16_MAX)
		return false;
	if (!net_same_headers(flow, s))
		return false;
	if (!flow->verified)
		flow->verified = net_verify(net_first(flow), &flow->place);
	return flow->verified && (s->checked || net_verify(s->frame, &s->place));
}

static struct net_flow *net_find(struct net_merge *merge,
				 const struct net_segment *s)
{
	unsigned i;

	for (i = 0; i < merge->flow_count; i++)
		if (net_same_flow(&merge->flows[i], s))
			return &merge->flows[i];
	return NULL;
}

/* The headers of a merged frame: the first's, with its sizes and sums. */
static void net_finish(const struct net_flow *flow)
{
	struct net_out *out = flow->out;
	struct virtio_net_hdr *header = &out->header;
	uint8_t *frame = out->pieces[1].iov_base;
	uint8_t *ip = frame + flow->place.network;
	uint8_t *tcp = frame + flow->place.transport;
	uint32_t bytes = flow->payload - flow->place.transport + flow->bytes;
	uint16_t sum;

	if (out->count < 2)
		return;
	if (flow->place.ipv4) {
		net_put16(ip + 2, flow->place.transport - flow->place.network + bytes);
		memset(ip + 10, 0, 2);
		sum = (uint16_t)~usr_net_sum(ip, 20, 0);
		memcpy(ip + 10, &sum, 2);
	} else {
		net_put16(ip + 4, bytes);
	}
	if (flow->pushed)
		tcp[TCP_FLAGS] |= TCP_PSH;
	sum = usr_net_pseudo_sum(frame, &flow->place, bytes);
	memcpy(tcp + TCP_CHECKSUM, &sum, 2);
	header->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	header->gso_type = flow->place.ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 :
			   VIRTIO_NET_HDR_GSO_TCPV6;
	header->hdr_len = htole16(flow->payload);
	header->gso_size = htole16(flow->segment);
	header->csum_start = htole16(flow->place.transport);
	header->csum_offset = htole16(TCP_CHECKSUM);
}

/* It grows no more. */
static void net_give_up(struct net_merge *merge, struct net_flow *flow)
{
	struct net_flow *last = &merge->flows[--merge->flow_count];

	net_finish(flow);
	if (flow != last)
		*flow = *last;
}

/* --- frames */

static struct net_out *net_out_add(struct net_merge *merge, uint8_t *frame,
				   uint32_t length)
{
	struct net_out *out = &merge->outs[merge->count++];

	memset(&out->header, 0, sizeof(out->header));
	out->count = 1;
	out->packets = 1;
	out->pieces[1].iov_base = frame;
	out->pieces[1].iov_len = length;
	return out;
}

static void net_append(struct net_merge *merge, struct net_flow *flow,
		       const struct net_segment *s)
{
	struct net_out *out = flow->out;
	struct iovec *piece = &out->pieces[1 + out->count++];

	piece->iov_base = s->frame + s->payload;
	piece->iov_len = s->bytes;
	out->packets++;
	flow->next += s->bytes;
	flow->bytes += s->bytes;
	if (s->flags & TCP_PSH)
		flow->pushed = true;
	if (flow->pushed || s->bytes < flow->segment)
		net_give_up(merge, flow);
}

static void net_start(struct net_merge *merge, const struct net_segment *s,
		      struct net_out *out)
{
	struct net_flow *flow;

	if (!s->bytes || s->flags != TCP_ACK || merge->alone)
		return;
	if (merge->flow_count == NET_MERGE_FLOWS)
		net_give_up(merge, &merge->flows[merge->oldest++ % NET_MERGE_FLOWS]);
	out->pieces[1].iov_len = s->place.end;	/* without padding */
	flow = &merge->flows[merge->flow_count++];
	flow->out = out;
	flow->place = s->place;
	flow->next = s->sequence + s->bytes;
	flow->bytes = s->bytes;
	flow->payload = s->payload;
	flow->segment = s->bytes;
	flow->verified = s->checked;
	flow->pushed = false;
}

void usr_net_merge_add(struct net_merge *merge, uint8_t *frame, uint32_t length,
		       bool checked)
{
	struct net_segment s;
	struct net_flow *flow = NULL;
	struct net_out *out;
	bool segment = !merge->alone && net_segment_of(&s, frame, length, checked);

	if (segment)
		flow = net_find(merge, &s);
	if (flow && net_fits(flow, &s)) {
		net_append(merge, flow, &s);
		return;
	}
	if (flow)
		net_give_up(merge, flow);
	out = net_out_add(merge, frame, length);
	if (segment)
		net_start(merge, &s, out);
	if (checked) {
		length = (uint32_t)out->pieces[1].iov_len;
		usr_net_checked(&out->header, frame, &length);
		out->pieces[1].iov_len = length;
	}
}

void usr_net_merge_end(struct net_merge *merge)
{
	while (merge->flow_count)
		net_give_up(merge, &merge->flows[merge->flow_count - 1]);
}
