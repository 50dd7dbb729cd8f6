/* SPDX-License-Identifier: MIT */
/* What the hardware wants its numbers to look like.  No hardware access. */
#ifndef E1000_ENCODE_H
#define E1000_ENCODE_H

#include <stdbool.h>
#include "e1000.h"
#include "regs.h"

/* Bits of RCTL for buffers of 2048, 4096, 8192 or 16384 bytes (13.4.22). */
uint32_t rctl_buffer_size(unsigned bytes);

/* The buffer that a frame with a VLAN tag fits; 0 = none does. */
unsigned buffer_size_for(unsigned max_frame);

/* ITR for at most so many interrupts a second; 0 = no limit (13.4.18). */
uint32_t itr_interval(unsigned interrupts);

/* Which of the 4096 bits of MTA an address falls on, RCTL.MO = 0 (13.5.1). */
unsigned multicast_hash(const uint8_t mac[6]);

/* Is the sum of these words EEPROM_SUM (5.6.35)? */
bool eeprom_sum_is_good(const uint16_t words[EEPROM_WORDS]);

/* IEEE 802.3 annex 28B: who may pause whom, by what both sides advertise. */
void resolve_pause(uint16_t ours, uint16_t theirs, bool *rx, bool *tx);

/**
 * offload_problem() - can this be asked of the NIC?
 * @packet: its first piece, with flags
 * @total: bytes of all pieces
 * @most: bytes of a frame without tag
 *
 * Return: NULL, or why not.
 */
const char *offload_problem(const struct e1000_packet *packet, unsigned total,
			    unsigned most);

/**
 * encode_context() - the context descriptor of a packet with checksums or TSO
 * @packet: its first piece, that offload_problem() has nothing against
 * @total: bytes of all pieces
 *
 * Without E1000_TX_TSO packets of the same layout have the same context.
 */
struct tx_descriptor encode_context(const struct e1000_packet *packet,
				    unsigned total);

/* The bits that each data descriptor of a packet has, but for its length. */
uint64_t encode_data(const struct e1000_packet *packet);

/**
 * prepare_headers() - make of them what the NIC wants to start from
 * @packet: its first piece
 *
 * The IPv4 checksum is summed too, so it is 0 (3.5.1).  For segmentation there
 * is no length in IP, and in TCP the pseudo header's sum without the length:
 * the NIC puts in both for each segment (3.5.4).
 */
void prepare_headers(struct e1000_packet *packet);

#endif
