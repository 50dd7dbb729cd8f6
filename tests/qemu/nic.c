// SPDX-License-Identifier: MIT
/* An e1000 that sends to itself. */
#include "nic.h"

#include <string.h>

#include "e1000/regs.h"

#define PAGE 4096
#define SLOTS 8			/* the fewest descriptors a ring has: 128 bytes */
#define BMCR 0			/* IEEE 802.3, 22.2.4.1 */
#define BMCR_LOOPBACK 0x4000
#define BMCR_GIGABIT 0x0140	/* and full duplex */

struct nic_descriptor {
	uint64_t address, rest;
};

struct nic_page {
	struct nic_descriptor tx[SLOTS], rx[SLOTS];
};

static void set(struct nic *nic, unsigned int offset, uint32_t value)
{
	nic->bar[offset / 4] = value;
}

static void set_phy(struct nic *nic, uint32_t value)
{
	set(nic, MDIC, value | BMCR << MDIC_REG_SHIFT | MDIC_PHY | MDIC_WRITE);
	WAIT_FOR(nic->bar[MDIC / 4] & MDIC_READY);
}

struct nic nic_start(int fd)
{
	struct nic nic = { .fd = fd };
	struct udrv_dma buffer;

	nic.bar = must_map(fd, 0, (size_t)region_info(fd, 0).out_size);
	MUST_OK(bus_master(fd, 1));
	MUST_OK(dma_alloc(fd, PAGE, 64, &buffer));
	nic.page = must_map(fd, buffer.out_mmap_offset, PAGE);
	nic.ring = buffer.out_iova;
	/* QEMU's takes nothing for a second after this. */
	set(&nic, RDT, nic.bar[RDH / 4]);
	set(&nic, RCTL, RCTL_EN | RCTL_UPE | RCTL_MPE | RCTL_BAM | RCTL_SECRC);
	WAIT_FOR(nic_copy(&nic, nic.ring + PAGE / 2, nic.ring + PAGE / 2,
			  NIC_LEAST));
	return nic;
}

void nic_stop(struct nic *nic)
{
	set(nic, RCTL, 0);
}

static void set_ring(struct nic *nic, unsigned int low, uint64_t address,
		     unsigned int tail)
{
	set(nic, low, (uint32_t)address);
	set(nic, low + 4, (uint32_t)(address >> 32));
	set(nic, low + 8, sizeof(nic->page->tx));
	set(nic, low + 0x10, 0);	/* the head */
	set(nic, low + 0x18, tail);
}

/* One packet, from a ring that is ours, to one at @rx. */
static void send_one(struct nic *nic, uint64_t from, unsigned int length,
		     uint64_t rx)
{
	const uint64_t command = 0x0b;	/* legacy: EOP, IFCS, RS */

	nic->page->tx[0].address = from;
	nic->page->tx[0].rest = length | command << 24;
	set(nic, TCTL, 0);
	set_ring(nic, RDBAL, rx, 1);
	set_ring(nic, TDBAL, nic->ring, 0);
	set_phy(nic, BMCR_LOOPBACK | BMCR_GIGABIT);
	set(nic, TCTL, TCTL_EN | TCTL_PSP);
	set(nic, TDT, 1);
	WAIT_FOR(nic->bar[TDH / 4] == 1);
	/* It cannot be reset, so it must not stay so. */
	set(nic, TCTL, 0);
	set_phy(nic, BMCR_GIGABIT);
}

bool nic_copy(struct nic *nic, uint64_t from, uint64_t to, unsigned int length)
{
	MUST(length >= NIC_LEAST && length <= NIC_MOST);
	memset(nic->page, 0, sizeof(*nic->page));
	nic->page->rx[0].address = to;
	send_one(nic, from, length, nic->ring + offsetof(struct nic_page, rx));
	return (nic->page->rx[0].rest >> 32) & 1;	/* DD */
}

void nic_ring_at(struct nic *nic, uint64_t from, uint64_t ring)
{
	memset(nic->page, 0, sizeof(*nic->page));
	send_one(nic, from, NIC_LEAST, ring);
}
