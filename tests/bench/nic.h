/* SPDX-License-Identifier: MIT */
/*
 * The packet cases.  A unit is a packet; bursts have NIC_BURST of them.
 *
 * e1000-tx: buffers are taken from the pool, all for the burst at once; each
 * gets its length and its 14-byte header; the burst is sent.  What was sent
 * before goes back to the pool meanwhile.
 *
 * e1000-rx: the other end of the cable fills the ring with NIC_FILL packets,
 * which is not charged; they are taken in bursts, their buffers given back, and
 * the ring gets new ones.
 *
 * e1000-forward: what one port received the other sends.  The two are the ends
 * of one cable, so that it comes again: nobody else is needed to send.
 */
#ifndef BENCH_NIC_H
#define BENCH_NIC_H

#include <string.h>

#include "bench.h"

/* The ends of a cable; see tests/qemu/machines.py. */
#define NIC_NEAR	"0000:00:06.0"
#define NIC_FAR		"0000:00:0d.0"

#define NIC_UNIT	"packet"
#define NIC_BURST	32u
#define NIC_RING	512u	/* descriptors, each way */
#define NIC_FILL	256u	/* packets of which the ring is filled */
#define NIC_BUFFERS	4095u	/* in the pool */

#define NIC_SMALL	60u	/* bytes without the FCS: the least there is */
#define NIC_LARGE	1500u

/* Emulating packets takes the host long, and the samples hardly differ. */
#define NIC_SAMPLES	11
#define NIC_TX_REPEATS	60	/* cycles in a sample */
#define NIC_RX_REPEATS	8

/* To an address of nobody's, from another; no protocol. */
#define NIC_HEADER_BYTES 14
extern const unsigned char nic_header[NIC_HEADER_BYTES];

/* Inline, so that no call is charged. */
static inline void nic_write_header(void *data)
{
	memcpy(data, nic_header, NIC_HEADER_BYTES);
}

/* QEMU's NIC holds packets back for a second after it was told to receive. */
void nic_settle(void);

/* --- NICs that the kernel has */

#define NIC_NAME_BYTES	16

/* netdev.c: the kernel's name for a NIC, once it has one. */
int nic_interface(const char *device, char name[NIC_NAME_BYTES]);

/* Run one command line, of ip(8) and the like, silently. */
__attribute__((format(printf, 1, 2)))
int nic_run(const char *format, ...);

/* Until there is a link. */
int nic_await_link(const char *space, const char *name);

#endif
