/* SPDX-License-Identifier: MIT */
/* Frames to send, and to send back.  No hardware access. */
#ifndef E1000_FRAME_H
#define E1000_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_ETHERNET	14u
#define FRAME_MOST	65535u
#define FRAME_NUMBER	8u	/* bytes of payload that number the packets */

/**
 * struct frame - one of many that differ in a number
 * @to: destination address
 * @from: source address
 * @length: bytes, without FCS
 * @ipv6: or IPv4
 * @tcp: or UDP
 * @sum_left: the transport checksum is the NIC's to write
 * @transport: set: where the UDP or TCP header is
 * @checksum: set: where its checksum is
 * @header: set: bytes of all headers; the number follows
 * @sum: set: of all that the checksum is over but the number
 * @data: set: the frame, its number 0
 */
struct frame {
	uint8_t to[6], from[6];
	unsigned length;
	bool ipv6, tcp, sum_left;
	unsigned transport, checksum, header;
	uint32_t sum;
	uint8_t data[FRAME_MOST + 1];
};

/* Makes data of the rest; there has to be room for headers and number. */
void frame_make(struct frame *frame);

/* Writes a number, and the checksum with it, into a copy of its first bytes. */
void frame_number(const struct frame *frame, uint8_t *data, uint64_t number);

/* Swaps the addresses: Ethernet's, IP's, and TCP's or UDP's ports. */
void frame_turn(uint8_t *data, unsigned length);

#endif
