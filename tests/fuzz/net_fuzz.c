// SPDX-License-Identifier: MIT
/*
 * Frames of anybody's: received ones that are merged, offload headers of the
 * kernel's, an echo's turning them round.  What comes out are the bytes that went
 * in, but for the headers.
 */
#include <string.h>
#include "hostile.h"
#include "e1000/frame.h"
#include "net.h"

#define FRAMES	32
#define MOST	1600

static uint8_t *frames[FRAMES];
static size_t lengths[FRAMES];

/* A TCP segment of a flow, by a byte, then changed here and there. */
static size_t make(uint8_t **frame)
{
	static uint32_t sequence[4];
	uint8_t how = hostile_byte(), changes;
	size_t length = how & 0x80 ? 14 + hostile_bytes(2) % (MOST - 14) : 74, i;
	uint8_t *at = calloc(1, length);

	*frame = at;
	if (length < 74 || how & 0x40) {
		for (i = 0; i < length && !hostile_over(); i++)
			at[i] = hostile_byte();
		return length;
	}
	at[12] = 0x08;
	at[14] = 0x45;
	at[16] = (uint8_t)((length - 14) >> 8);
	at[17] = (uint8_t)(length - 14);
	at[20] = 0x40;
	at[23] = 6;
	at[37] = how & 3;
	sequence[how & 3] = how & 4 ? 0 : sequence[how & 3];
	for (i = 0; i < 4; i++)
		at[38 + i] = (uint8_t)(sequence[how & 3] >> (24 - 8 * i));
	sequence[how & 3] += (uint32_t)length - 54;
	at[46] = 0x50;
	at[47] = 0x10;
	for (changes = how >> 3 & 3; changes; changes--) {
		i = hostile_bytes(2) % length;
		at[i] = hostile_byte();
	}
	return length;
}

static void check_out(const struct net_out *out)
{
	size_t total = 0;

	CHECK(out->count >= 1 && out->count <= NET_MERGE_PIECES);
	for (unsigned i = 1; i <= out->count; i++) {
		const uint8_t *at = out->pieces[i].iov_base;
		size_t length = out->pieces[i].iov_len;
		unsigned j;

		for (j = 0; j < FRAMES; j++)
			if (frames[j] && at >= frames[j] &&
			    at + length <= frames[j] + lengths[j])
				break;
		CHECK(j < FRAMES && length);
		total += length;
	}
	CHECK(total <= UINT16_MAX + 18);
	if (out->count > 1)
		CHECK(out->header.gso_size && out->header.hdr_len < total);
}

static void merge(void)
{
	static struct net_merge m;
	unsigned i, packets = 0, given = 0;

	m = (struct net_merge) { .outs = calloc(NET_OUTS, sizeof(*m.outs)) };
	for (i = 0; i < FRAMES && !hostile_over(); i++, given++) {
		lengths[i] = make(&frames[i]);
		/* What the caller sees to. */
		usr_net_merge_add(&m, frames[i], (uint32_t)lengths[i],
				  hostile_byte() & 1);
		CHECK(m.count <= NET_OUTS && m.flow_count <= NET_MERGE_FLOWS);
	}
	usr_net_merge_end(&m);
	for (i = 0; i < m.count; i++) {
		check_out(&m.outs[i]);
		packets += m.outs[i].packets;
	}
	CHECK(packets == given);
	free(m.outs);
	for (i = 0; i < FRAMES; i++) {
		frame_turn(frames[i] ? frames[i] : (uint8_t *)"", (unsigned)lengths[i]);
		free(frames[i]);
		frames[i] = NULL;
		lengths[i] = 0;
	}
}

/* Only its first piece is looked at. */
static void to_send(const uint8_t *data, size_t size)
{
	struct virtio_net_hdr header;
	struct usr_net_frame frame;
	uint32_t first, length;
	uint8_t *copy;

	if (size < sizeof(header) + 2)
		return;
	memcpy(&header, data, sizeof(header));
	length = data[sizeof(header)] * 64u + data[sizeof(header) + 1];
	data += sizeof(header) + 2;
	size -= sizeof(header) + 2;
	first = (uint32_t)(size < length ? size : length);
	copy = malloc(first + !first);
	memcpy(copy, data, first);
	memset(&frame, 0, sizeof(frame));
	if (usr_net_to_send(&header, copy, length, first, &frame)) {
		CHECK(frame.length == length);
		if (frame.flags & USR_NET_FRAME_SUM)
			CHECK(frame.checksum + 2u <= first);
		if (frame.flags & USR_NET_FRAME_TSO)
			CHECK(frame.header <= first && frame.header < length &&
			      frame.network < frame.transport && frame.segment);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	to_send(data, size);
	hostile_begin(data, size);
	merge();
	hostile_end();
	return 0;
}
