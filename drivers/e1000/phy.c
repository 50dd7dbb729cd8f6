// SPDX-License-Identifier: MIT
/* The PHY by MDIC (13.4.6), and the link that it makes. */
#include <errno.h>
#include "encode.h"
#include "nic.h"

#define MDIC_TRIES	1000

static int phy_access(struct e1000 *nic, unsigned reg, uint32_t command,
		      uint16_t *value)
{
	uint32_t mdic;

	reg_write(nic, MDIC, command | MDIC_PHY | reg << MDIC_REG_SHIFT);
	for (int i = 0; i < MDIC_TRIES; i++) {
		mdic = reg_read(nic, MDIC);
		if (mdic & MDIC_ERROR)
			return e1000_fail(EIO, "the PHY has no register %u", reg);
		if (mdic & MDIC_READY) {
			*value = (uint16_t)mdic;
			return 0;
		}
		e1000_sleep_us(50);
	}
	return e1000_fail(EIO, "the PHY does not answer");
}

int e1000_phy_read(struct e1000 *nic, unsigned reg, uint16_t *value)
{
	return phy_access(nic, reg, MDIC_READ, value);
}

int e1000_phy_write(struct e1000 *nic, unsigned reg, uint16_t value)
{
	return phy_access(nic, reg, MDIC_WRITE | value, &value);
}

/* A link that is there is kept; else both sides are to agree on one anew. */
int e1000_phy_start(struct e1000 *nic)
{
	uint16_t id1, id2, status, gigabit;

	if (e1000_phy_read(nic, PHY_ID1, &id1) ||
	    e1000_phy_read(nic, PHY_ID2, &id2) ||
	    /* Twice: that the link was lost is kept until it is read. */
	    e1000_phy_read(nic, PHY_STATUS, &status) ||
	    e1000_phy_read(nic, PHY_STATUS, &status))
		return -1;
	nic->info.phy_id = (uint32_t)id1 << 16 | id2;
	if (status & PHY_STATUS_LINK && status & PHY_STATUS_AN_DONE)
		return 0;
	if (e1000_phy_write(nic, PHY_ADVERTISE, PHY_ADVERTISE_ALL | PHY_PAUSE |
			    PHY_ASM_PAUSE) ||
	    e1000_phy_read(nic, PHY_1000T, &gigabit) ||
	    e1000_phy_write(nic, PHY_1000T, gigabit | PHY_1000T_FULL))
		return -1;
	/* Also ends a power-down. */
	return e1000_phy_write(nic, PHY_CONTROL, PHY_CONTROL_AN_ENABLE |
			       PHY_CONTROL_AN_RESTART);
}

/* Whoever may pause whom is for the driver to say, once the link is up (8.5). */
static void set_pause(struct e1000 *nic, struct e1000_link *link)
{
	uint32_t ctrl = reg_read(nic, CTRL) & ~(CTRL_RFCE | CTRL_TFCE);
	uint16_t ours, theirs;

	if (!link->full_duplex || e1000_phy_read(nic, PHY_ADVERTISE, &ours) ||
	    e1000_phy_read(nic, PHY_PARTNER, &theirs))
		ours = theirs = 0;
	resolve_pause(ours, theirs, &link->rx_pause, &link->tx_pause);
	ctrl |= (link->rx_pause ? CTRL_RFCE : 0) |
		(link->tx_pause ? CTRL_TFCE : 0);
	reg_write(nic, CTRL, ctrl);
}

void e1000_read_link(struct e1000 *nic)
{
	static const unsigned speeds[] = { 10, 100, 1000, 1000 };
	uint32_t status = reg_read(nic, STATUS);
	struct e1000_link *link = &nic->link;
	bool up = status & STATUS_LU;

	if (up == link->up)
		return;
	*link = (struct e1000_link) { .up = up, .changes = link->changes + 1 };
	if (!up)
		return;
	link->mbps = speeds[status >> STATUS_SPEED_SHIFT & 3];
	link->full_duplex = status & STATUS_FD;
	set_pause(nic, link);
}
