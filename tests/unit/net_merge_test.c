// SPDX-License-Identifier: MIT
/* The net hook's merging: what is merged, what is not, and that cutting gives
 * back what came.
 */
#include "unit.h"

#include <stdlib.h>

#include "net.h"
#include "net_frames.h"

#define FRAMES	200
#define ROOM	2048

static uint8_t (*frames)[ROOM], (*copies)[ROOM];
static struct net_merge merge;
static unsigned count;

static int setup(void **state)
{
	(void)state;
	frames = calloc(FRAMES, ROOM);
	copies = calloc(FRAMES, ROOM);
	memset(&merge, 0, sizeof(merge));
	merge.outs = calloc(NET_OUTS, sizeof(*merge.outs));
	count = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	free(frames);
	free(copies);
	free(merge.outs);
	return 0;
}

static void again(void **state)
{
	teardown(state);
	setup(state);
}

static unsigned add(const struct net_recipe *r, bool checked)
{
	unsigned length = make_frame(frames[count], r);

	memcpy(copies[count], frames[count], length);
	usr_net_merge_add(&merge, frames[count++], length, checked);
	return length;
}

static unsigned bytes_of(const struct net_out *out, uint8_t *to)
{
	unsigned i, bytes = 0;

	for (i = 1; i <= out->count; i++) {
		memcpy(to + bytes, out->pieces[i].iov_base, out->pieces[i].iov_len);
		bytes += (unsigned)out->pieces[i].iov_len;
	}
	return bytes;
}

/* As TSO does it: segment n of a merged frame.  Return: bytes. */
static unsigned cut(const uint8_t *whole, unsigned bytes,
		    const struct virtio_net_hdr *header, unsigned n, uint8_t *to)
{
	unsigned transport = header->csum_start, head = header->hdr_len;
	unsigned at = head + n * header->gso_size, size = header->gso_size;
	bool ipv6 = header->gso_type == VIRTIO_NET_HDR_GSO_TCPV6;
	unsigned network = transport - (ipv6 ? 40 : 20);
	bool last = at + size >= bytes;

	if (last)
		size = bytes - at;
	memcpy(to, whole, head);
	memcpy(to + head, whole + at, size);
	size += head;
	put32(to + transport + 4, get32(whole + transport + 4) + n * header->gso_size);
	if (!last)
		to[transport + 13] &= (uint8_t)~0x09;
	if (ipv6) {
		put16(to + network + 4, size - transport);
	} else {
		put16(to + network + 2, size - network);
		put16(to + network + 4, get16(whole + network + 4) + n);
		put16(to + network + 10, 0);
		put16(to + network + 10, ~slow_sum(to + network, 20, 0) & 0xffff);
	}
	put16(to + transport + 16, 0);
	put16(to + transport + 16,
	      ~slow_sum(to + transport, size - transport,
			slow_pseudo(to + network, ipv6, 6, size - transport)) & 0xffff);
	return size;
}

static void assert_gives_back(const struct net_out *out, unsigned first)
{
	static uint8_t whole[70000], piece[ROOM];
	unsigned i, size, bytes = bytes_of(out, whole);
	bool ipv6 = out->header.gso_type == VIRTIO_NET_HDR_GSO_TCPV6;
	unsigned network = out->header.csum_start - (ipv6 ? 40u : 20u);

	assert_int_equal(out->header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(out->header.csum_offset, 16);
	assert_int_equal(get16(whole + network + (ipv6 ? 4 : 2)),
			 bytes - (ipv6 ? out->header.csum_start : network));
	/* The pseudo header's sum, for who forwards it. */
	assert_int_equal(get16(whole + out->header.csum_start + 16),
			 slow_pseudo(whole + network, ipv6, 6,
				     bytes - out->header.csum_start));
	if (!ipv6)
		assert_int_equal(slow_sum(whole + network, 20, 0), 0xffff);
	for (i = 0; i < out->packets; i++) {
		size = cut(whole, bytes, &out->header, i, piece);
		assert_memory_equal(piece, copies[first + i], size);
	}
}

static void a_burst_becomes_one_frame(void **state)
{
	unsigned i, kind;

	(void)state;
	for (kind = 0; kind < 8; kind++) {
		struct net_recipe r = { .ipv6 = kind & 1, .vlan = kind & 2,
					.options = 12, .payload = 1400,
					.may_fragment = kind & 4, .sequence = -3000u };

		again(state);
		for (i = 0; i < 40; i++) {
			r.flags = i == 39 ? 0x18 : 0x10;
			r.payload = i == 39 ? 333 : 1400;
			r.seed = r.sequence;
			add(&r, false);
			r.sequence += r.payload;
			r.identification++;
		}
		usr_net_merge_end(&merge);
		assert_int_equal(merge.count, 1);
		assert_int_equal(merge.outs[0].packets, 40);
		assert_int_equal(merge.outs[0].header.gso_size, 1400);
		assert_gives_back(&merge.outs[0], 0);
	}
}

/* Two segments with a difference that must keep them apart. */
#define DIFFERENCES	16
static void differ(struct net_recipe *r, unsigned how)
{
	switch (how) {
	case 0: r->sequence += 1; break;
	case 1: r->sequence -= 1; break;
	case 2: r->acknowledged += 1; break;
	case 3: r->window = 501; break;
	case 4: r->option ^= 1; break;
	case 5: r->ttl = 63; break;
	case 6: r->tos = 2; break;
	case 7: r->identification += 1; break;
	case 8: r->port = 77; break;
	case 9: r->flags = 0x11; break;		/* FIN */
	case 10: r->flags = 0x90; break;	/* CWR */
	case 11: r->payload = 1001; break;	/* more than the first */
	case 12: r->payload = 0; break;
	case 13: r->options = 16; break;
	case 14: r->flags = 0x30; break;	/* URG */
	case 15: r->may_fragment = false; break;
	default: break;
	}
}

static void differences_keep_apart(void **state)
{
	unsigned how;

	for (how = 0; how <= DIFFERENCES; how++) {
		struct net_recipe r = { .payload = 1000, .options = 12,
					.may_fragment = true };

		again(state);
		add(&r, false);
		r.sequence += 1000;
		r.identification++;
		differ(&r, how);
		add(&r, false);
		usr_net_merge_end(&merge);
		if (merge.count != (how < DIFFERENCES ? 2 : 1))
			fail_msg("difference %u: %u frames", how, merge.count);
		if (how < DIFFERENCES)
			assert_memory_equal(merge.outs[0].pieces[1].iov_base,
					    copies[0], 1000);
	}
}

static void wrong_sums_are_left_to_the_kernel(void **state)
{
	struct net_recipe r = { .payload = 1000 };
	unsigned bad, at, length, i;

	for (bad = 0; bad < 3; bad++)
		for (at = 0; at < 2; at++) {
			again(state);
			r.sequence = 0;
			for (i = 0; i < 3; i++) {
				length = make_frame(frames[i], &r);
				if (i == bad)
					frames[i][at ? 700 : 24] ^= 1;
				memcpy(copies[i], frames[i], length);
				usr_net_merge_add(&merge, frames[i], length, false);
				r.sequence += 1000;
			}
			usr_net_merge_end(&merge);
			/* It is there, by itself, and as it came. */
			for (i = 0; i < merge.count; i++)
				if (merge.outs[i].pieces[1].iov_base == frames[bad])
					break;
			assert_true(i < merge.count);
			assert_int_equal(merge.outs[i].count, 1);
			assert_int_equal(merge.outs[i].header.flags, 0);
			assert_memory_equal(frames[bad], copies[bad], length);
		}
}

static void limits_are_kept(void **state)
{
	struct net_recipe r = { .payload = 1460 };
	static uint8_t whole[70000];
	unsigned i, sum = 0;

	(void)state;
	for (i = 0; i < 150; i++) {
		r.identification = (uint16_t)i;
		add(&r, false);
		r.sequence += r.payload;
	}
	usr_net_merge_end(&merge);
	for (i = 0; i < merge.count; i++) {
		assert_true(bytes_of(&merge.outs[i], whole) <= 14 + 65535);
		assert_true(merge.outs[i].count <= NET_MERGE_PIECES);
		assert_gives_back(&merge.outs[i], sum);
		sum += merge.outs[i].packets;
	}
	assert_int_equal(sum, 150);
	assert_int_equal(merge.count, 4);	/* of 44 */
}

/* What may not be fragmented needs none (RFC 6864). */
static void identifications_need_not_count(void **state)
{
	struct net_recipe r = { .payload = 1000, .identification = 9 };

	(void)state;
	add(&r, false);
	r.sequence += 1000;
	r.identification = 4;
	add(&r, false);
	usr_net_merge_end(&merge);
	assert_int_equal(merge.count, 1);
}

static void small_segments_end_it(void **state)
{
	struct net_recipe r = { .payload = 1000 };

	(void)state;
	add(&r, false);
	r.sequence += 1000;
	r.payload = 500;
	r.identification = 1;
	add(&r, false);
	r.sequence += 500;
	add(&r, false);
	r.sequence += 500;
	r.identification = 2;
	add(&r, false);
	usr_net_merge_end(&merge);
	assert_int_equal(merge.count, 2);
	assert_gives_back(&merge.outs[0], 0);
	assert_gives_back(&merge.outs[1], 2);
}

static void padding_goes(void **state)
{
	struct net_recipe r = { .payload = 2, .padding = 4 };

	(void)state;
	add(&r, false);
	r.sequence += 2;
	r.identification = 1;
	add(&r, false);
	usr_net_merge_end(&merge);
	assert_int_equal(merge.count, 1);
	assert_gives_back(&merge.outs[0], 0);
}

/* Many flows amidst each other, losses, changes: each flow's bytes stay in order. */
static void flows_keep_their_order(void **state)
{
	struct net_recipe flows[12] = { { 0 } };
	static uint8_t whole[70000];
	uint32_t next[12];
	unsigned round, i, f, merged = 0;

	for (round = 0; round < 300; round++) {
		again(state);
		for (f = 0; f < 12; f++) {
			flows[f] = (struct net_recipe){
				.port = (uint16_t)(100 + f), .payload = 600,
				.ipv6 = f & 1, .vlan = f & 2, .sequence = 77 };
			next[f] = 77;
		}
		for (i = 0; i < FRAMES; i++) {
			f = (unsigned)(rand() % (1 + round % 12));
			flows[f].payload = rand() % 9 ? 600 : rand() % 700;
			flows[f].flags = rand() % 9 ? 0x10 : 0x18;
			if (rand() % 20 == 0)
				flows[f].acknowledged++;
			flows[f].seed = flows[f].sequence;
			add(&flows[f], rand() % 3 == 0);
			flows[f].sequence += flows[f].payload;
		}
		usr_net_merge_end(&merge);
		for (i = 0; i < merge.count; i++) {
			const struct net_out *out = &merge.outs[i];
			const uint8_t *tcp;
			unsigned bytes = bytes_of(out, whole), head;
			struct net_recipe r = { .vlan = whole[12] == 0x81 };

			r.ipv6 = get16(whole + network_of(&r) - 2) == 0x86dd;
			tcp = whole + transport_of(&r);
			head = payload_of(&r);
			f = get16(tcp) - 100;
			assert_int_equal(get32(tcp + 4), next[f]);
			next[f] += bytes - head;
			merged += out->packets - 1;
		}
		for (f = 0; f < 12; f++)
			assert_int_equal(next[f], flows[f].sequence);
	}
	assert_true(merged > 1000);
}

static void other_frames_pass(void **state)
{
	struct net_recipe r = { .udp = true, .payload = 100 };
	unsigned i;

	(void)state;
	for (i = 0; i < 4; i++)
		add(&r, false);
	usr_net_merge_end(&merge);
	assert_int_equal(merge.count, 4);
	for (i = 0; i < 4; i++) {
		assert_int_equal(merge.outs[i].header.flags, 0);
		assert_int_equal(merge.outs[i].header.gso_type, 0);
		assert_memory_equal(frames[i], copies[i], 142);
	}
}

int main(void)
{
#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)
	const struct CMUnitTest tests[] = {
		test(a_burst_becomes_one_frame),
		test(differences_keep_apart),
		test(wrong_sums_are_left_to_the_kernel),
		test(limits_are_kept),
		test(identifications_need_not_count),
		test(small_segments_end_it),
		test(padding_goes),
		test(flows_keep_their_order),
		test(other_frames_pass),
	};

	srand(1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
