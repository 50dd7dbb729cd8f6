// SPDX-License-Identifier: MIT
/* The net hook's offload headers, and its checksums against a slow model. */
#include "unit.h"

#include <stdlib.h>

#include "net.h"
#include "net_frames.h"

static uint8_t frame[70000];

static void sums_are_those_of_the_rfc(void **state)
{
	unsigned length, skew;
	uint16_t sum;

	(void)state;
	for (skew = 0; skew < 8; skew++)
		for (length = 0; length < 400; length++) {
			fill_payload(frame, 512, length * 977 + skew);
			sum = usr_net_sum(frame + skew, length, 0);
			assert_int_equal(get16((uint8_t *)&sum),
					 slow_sum(frame + skew, length, 0));
		}
	/* Carries everywhere. */
	memset(frame, 0xff, sizeof(frame));
	for (length = 1; length < 65536; length += 997) {
		sum = usr_net_sum(frame, length, 0xffffffffffffffffu);
		assert_int_equal(get16((uint8_t *)&sum),
				 slow_sum(frame, length, 0xffff));
	}
}

static void places_are_found(void **state)
{
	unsigned i, length;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct net_recipe r = { .ipv6 = i & 1, .vlan = i & 2, .udp = i & 4,
					.payload = 11, .padding = 9 };
		struct net_place place;

		length = make_frame(frame, &r);
		assert_true(usr_net_place(frame, length, &place));
		assert_int_equal(place.network, network_of(&r));
		assert_int_equal(place.transport, transport_of(&r));
		assert_int_equal(place.end, length - 9);
		assert_int_equal(place.protocol, r.udp ? 17 : 6);
		assert_int_equal(place.ipv4, !r.ipv6);
	}
}

/* Read within a buffer of its own, so that a sanitizer sees who reads beyond. */
static bool placed(const uint8_t *from, unsigned length)
{
	struct net_place place;
	uint8_t *copy = malloc(length ? length : 1);
	bool is;

	memcpy(copy, from, length);
	is = usr_net_place(copy, length, &place);
	if (is)
		assert_true(place.end <= length);
	free(copy);
	return is;
}

static void nonsense_has_no_place(void **state)
{
	struct net_recipe r = { .payload = 30 };
	unsigned length = make_frame(frame, &r), i;

	(void)state;
	for (i = 0; i < length; i++)
		assert_false(placed(frame, i));
	assert_true(placed(frame, length));
	/* Header length, total length, fragments, protocol, type. */
	frame[14] = 0x46;
	assert_false(placed(frame, length));
	frame[14] = 0x45;
	put16(frame + 16, length - 14 + 1);
	assert_false(placed(frame, length));
	put16(frame + 16, 39);
	assert_false(placed(frame, length));
	put16(frame + 16, 19);
	assert_false(placed(frame, length));
	make_frame(frame, &r);
	put16(frame + 20, 0x2000);
	assert_false(placed(frame, length));
	put16(frame + 20, 0x0001);
	assert_false(placed(frame, length));
	make_frame(frame, &r);
	frame[23] = 1;
	assert_false(placed(frame, length));
	make_frame(frame, &r);
	put16(frame + 12, 0x0806);
	assert_false(placed(frame, length));
	for (i = 0; i < 20000; i++) {
		unsigned bytes = (unsigned)rand() % 80;

		make_frame(frame, &r);
		frame[12 + rand() % 40] = (uint8_t)rand();
		placed(frame, bytes);
	}
}

static struct virtio_net_hdr header_of(const struct net_recipe *r, unsigned mss)
{
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)transport_of(r),
		.csum_offset = r->udp ? 6 : 16,
	};

	if (mss) {
		header.gso_type = r->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
				  VIRTIO_NET_HDR_GSO_TCPV4;
		header.gso_size = (uint16_t)mss;
		header.hdr_len = 7;	/* a hint that may be anything */
	}
	return header;
}

static void headers_say_what_to_do(void **state)
{
	struct virtio_net_hdr header = { 0 };
	struct usr_net_frame to;
	unsigned i, length;

	(void)state;
	assert_true(usr_net_to_send(&header, frame, 60, 60, &to));
	assert_int_equal(to.flags, 0);
	assert_int_equal(to.length, 60);
	for (i = 0; i < 8; i++) {
		struct net_recipe r = { .ipv6 = i & 1, .vlan = i & 2, .udp = i & 4,
					.options = 12, .payload = 4000 };

		length = make_frame(frame, &r);
		header = header_of(&r, 0);
		assert_true(usr_net_to_send(&header, frame, length, 94, &to));
		assert_int_equal(to.flags, USR_NET_FRAME_SUM);
		assert_int_equal(to.transport, transport_of(&r));
		assert_int_equal(to.checksum, transport_of(&r) + (r.udp ? 6 : 16));
		header = header_of(&r, 1400);
		if (r.udp)
			continue;
		assert_true(usr_net_to_send(&header, frame, length, 94, &to));
		assert_int_equal(to.flags, USR_NET_FRAME_SUM | USR_NET_FRAME_TSO |
				 (r.ipv6 ? 0 : USR_NET_FRAME_IPV4));
		assert_int_equal(to.network, network_of(&r));
		assert_int_equal(to.header, payload_of(&r));
		assert_int_equal(to.segment, 1400);
	}
}

#define refused(member, value) do {					\
	struct virtio_net_hdr bad = header_of(&r, 1400);		\
									\
	bad.member = value;						\
	assert_false(usr_net_to_send(&bad, frame, length, length, &to)); \
} while (0)

static void nonsense_is_not_sent(void **state)
{
	struct net_recipe r = { .options = 12, .payload = 4000 };
	unsigned length = make_frame(frame, &r);
	struct virtio_net_hdr good = header_of(&r, 1400);
	struct usr_net_frame to;

	(void)state;
	assert_true(usr_net_to_send(&good, frame, length, length, &to));
	refused(csum_start, 13);
	refused(csum_start, (uint16_t)(length - 17));
	refused(csum_start, 33);		/* IP header too short */
	refused(csum_start, 65535);
	refused(csum_offset, 6);
	refused(csum_offset, 65535);
	refused(gso_size, 0);
	refused(gso_type, VIRTIO_NET_HDR_GSO_UDP);
	refused(gso_type, 77);
	refused(flags, 0);
	/* Headers that end beyond the first piece, or beyond the frame. */
	assert_false(usr_net_to_send(&good, frame, length, 53, &to));
	assert_false(usr_net_to_send(&good, frame, length, 65, &to));
	assert_true(usr_net_to_send(&good, frame, length, 66, &to));
	assert_false(usr_net_to_send(&good, frame, 66, 66, &to));
	frame[34 + 12] = 0x40;
	assert_false(usr_net_to_send(&good, frame, length, length, &to));
	assert_false(usr_net_to_send(&good, frame, 13, 13, &to));
}

static void checked_frames_can_be_forwarded(void **state)
{
	unsigned i, at, length;
	uint32_t bytes;

	(void)state;
	for (i = 0; i < 8; i++) {
		struct net_recipe r = { .ipv6 = i & 1, .vlan = i & 2, .udp = i & 4,
					.payload = 101, .padding = 7 };
		struct virtio_net_hdr header = { 0 };

		length = make_frame(frame, &r);
		bytes = length;
		usr_net_checked(&header, frame, &bytes);
		assert_int_equal(bytes, length - 7);
		assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(header.csum_start, transport_of(&r));
		/* What the kernel does to such a frame gives the right sum. */
		at = header.csum_start;
		put16(frame + at + header.csum_offset,
		      ~slow_sum(frame + at, bytes - at, 0) & 0xffff);
		assert_int_equal(slow_sum(frame + at, bytes - at,
					  slow_pseudo(frame + network_of(&r), r.ipv6,
						      r.udp ? 17 : 6, bytes - at)),
				 0xffff);
	}
}

static void udp_without_a_sum_stays_so(void **state)
{
	struct net_recipe r = { .udp = true, .payload = 50 };
	struct virtio_net_hdr header = { 0 };
	uint32_t bytes = make_frame(frame, &r);

	(void)state;
	put16(frame + 40, 0);
	usr_net_checked(&header, frame, &bytes);
	assert_int_equal(header.flags, 0);
	assert_int_equal(get16(frame + 40), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_those_of_the_rfc),
		cmocka_unit_test(places_are_found),
		cmocka_unit_test(nonsense_has_no_place),
		cmocka_unit_test(headers_say_what_to_do),
		cmocka_unit_test(nonsense_is_not_sent),
		cmocka_unit_test(checked_frames_can_be_forwarded),
		cmocka_unit_test(udp_without_a_sum_stays_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
