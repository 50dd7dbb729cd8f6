/* SPDX-License-Identifier: MIT */
/* Between the driver's files: the state of a NIC, and who does what. */
#ifndef E1000_NIC_H
#define E1000_NIC_H

#include <udrv.h>
#include "e1000.h"
#include "regs.h"

/* Transmit descriptors with one report of being done, and taken back at once. */
#define TX_BATCH	32u
/* Receive descriptors given to the NIC at once. */
#define RX_BATCH	32u
#define RING_LEAST	64u
#define RING_MOST	4096u

#define INTEL		0x8086
#define E1000_82544EI	0x1008
#define E1000_82544GC	0x100c
#define E1000_82540EM	0x100e
#define E1000_82545EM	0x100f

#define RX_CAUSES	(IRQ_RXT0 | IRQ_RXDMT0 | IRQ_RXO)
#define ALL_CAUSES	(RX_CAUSES | IRQ_TXDW | IRQ_LSC)

#define E1000_ALL_FLAGS	(E1000_PROMISCUOUS | E1000_ALL_MULTICAST | \
			 E1000_BAD_FRAMES | E1000_VLAN_STRIP | E1000_NO_RX_SUM)

#define COUNTERS	54

/* A pool with what its users must not touch. */
struct pool {
	struct e1000_pool shown;
	uint8_t *memory;
	size_t bytes;
	struct e1000 *nics;		/* its users */
	/*
	 * Without an IOMMU the memory is the first NIC's, which this keeps open,
	 * and every NIC uses its addresses.  -1: anybody's memory, which each
	 * NIC maps.
	 */
	int fd;
	struct usr_dma dma;
};

struct e1000 {
	void *registers;
	struct pool *pool;
	struct e1000 *pool_next;
	/* What the NIC calls the data of a packet, less what we call the packet. */
	uint64_t data_offset;

	/* All slots of the receive ring have a packet. */
	struct rx_descriptor *rx;
	struct e1000_packet **rx_packets;
	unsigned rx_mask;
	unsigned rx_next;		/* the first that is not taken yet */
	unsigned rx_unposted;		/* before it, not the NIC's yet */
	bool rx_filled;			/* it has its packets */
	bool rx_dropping;		/* in the middle of a frame too long */

	struct tx_descriptor *tx;
	struct e1000_packet **tx_packets;	/* NULL: none ends here */
	uint8_t *tx_holes;		/* per batch: has NULLs */
	unsigned tx_mask;
	unsigned tx_next;		/* where the next goes */
	unsigned tx_clean;		/* the oldest; at a batch's start */
	unsigned tx_last;		/* the last that reports */
	unsigned tx_frame_span;		/* max_frame - E1000_MIN_FRAME */
	struct tx_descriptor tx_context;	/* that the NIC has; 0 = none */

	int fd;
	volatile struct udrv_event_slot *events;	/* NULL: no interrupt */
	struct e1000_options options;	/* with the defaults filled in */
	struct usr_dma rx_dma, tx_dma, pool_dma;
	uint16_t device;		/* PCI device id */
	uint8_t mac[6];
	struct e1000_info info;
	struct e1000_link link;
	bool link_dirty;		/* an LSC came */
	/* A transmit unit that does not move, since when (ns; 0 = it does). */
	uint64_t stuck_since;
	unsigned stuck_head;
	uint64_t stuck_sent;
	uint8_t (*groups)[6];
	unsigned group_count;
	uint32_t vlans[VFTA_WORDS];
	bool vlan_filter;
	struct e1000_stats stats;	/* the driver's own part */
	uint64_t counters[COUNTERS];
};

static inline uint32_t reg_read(const struct e1000 *nic, unsigned offset)
{
	return usr_read32(nic->registers, offset);
}

static inline void reg_write(struct e1000 *nic, unsigned offset, uint32_t value)
{
	usr_write32(nic->registers, offset, value);
}

static inline bool is_82544(const struct e1000 *nic)
{
	return nic->device == E1000_82544EI || nic->device == E1000_82544GC;
}

/* A device that is gone reads so; STATUS has bits that are always 0. */
static inline bool is_gone(const struct e1000 *nic)
{
	return reg_read(nic, STATUS) == ~0u;
}

/* What e1000_error() says.  Return: -1, with errno = error. */
__attribute__((format(printf, 2, 3)))
int e1000_fail(int error, const char *format, ...);
/* The same with what libudrv said of its last call. */
int e1000_fail_usr(void);

uint64_t e1000_now_ns(void);
void e1000_sleep_us(unsigned us);

/* pool.c */
int pool_attach(struct e1000 *nic);
void pool_detach(struct e1000 *nic);

/* start.c: from whatever state it is in to a NIC that receives. */
int e1000_start(struct e1000 *nic);
void e1000_stop(struct e1000 *nic);

/* eeprom.c */
int e1000_read_eeprom(struct e1000 *nic, unsigned first, uint16_t *words,
		      unsigned count);

/* phy.c */
int e1000_phy_read(struct e1000 *nic, unsigned reg, uint16_t *value);
int e1000_phy_write(struct e1000 *nic, unsigned reg, uint16_t value);
int e1000_phy_start(struct e1000 *nic);
void e1000_read_link(struct e1000 *nic);

/* filter.c: write the filters as they are in the handle. */
void e1000_write_filters(struct e1000 *nic);
uint32_t e1000_filter_rctl(const struct e1000 *nic);

/* rx.c, tx.c: fill the ring; give back what is in it. */
void rx_fill(struct e1000 *nic);
void rx_empty(struct e1000 *nic);
bool rx_pending(const struct e1000 *nic);
void tx_empty(struct e1000 *nic);
void tx_reclaim_all(struct e1000 *nic);
bool tx_idle(const struct e1000 *nic);

/* stats.c */
void e1000_collect(struct e1000 *nic);
/* Packets sent, as of then. */
uint64_t e1000_sent(const struct e1000 *nic);

#endif
