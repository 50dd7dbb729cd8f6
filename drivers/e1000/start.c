// SPDX-License-Identifier: MIT
/* From whatever state the NIC is in to one that receives (14), and back. */
#include <errno.h>
#include "encode.h"
#include "nic.h"

#define FLOW_ADDRESS_LOW	0x00c28001u	/* 01:80:c2:00:00:01 */
#define FLOW_ADDRESS_HIGH	0x0100u
#define FLOW_TYPE		0x8808u
#define PAUSE_TIME		0x0680u		/* of 512 bit times */
#define VLAN_TYPE		0x8100u

/* Neither DMA nor interrupts, whatever was going on. */
void e1000_stop(struct e1000 *nic)
{
	reg_write(nic, IMC, ~0u);
	reg_write(nic, RCTL, 0);
	reg_write(nic, TCTL, TCTL_PSP);
	/* Reading makes sure that it has arrived; transfers end meanwhile. */
	reg_read(nic, STATUS);
	e1000_sleep_us(1000);
}

/*
 * 14.5.  The PHY keeps its link.  What a reset does not clear, as in a model of
 * the NIC, e1000_start() writes.
 */
static int reset(struct e1000 *nic)
{
	e1000_stop(nic);
	reg_write(nic, CTRL, reg_read(nic, CTRL) | CTRL_RST);
	/* Its registers are not to be touched for 1 us; the EEPROM is read again. */
	e1000_sleep_us(5000);
	for (int i = 0; reg_read(nic, CTRL) & CTRL_RST; i++) {
		if (is_gone(nic))
			return e1000_fail(ENODEV, "the device is gone");
		if (i == 1000)
			return e1000_fail(EIO, "the NIC does not come out of its reset");
		e1000_sleep_us(100);
	}
	reg_write(nic, IMC, ~0u);
	reg_read(nic, ICR);
	return 0;
}

/* 10.  Sent are pauses that are asked for; obeyed, once the link is up. */
static void start_flow_control(struct e1000 *nic)
{
	unsigned bytes = (reg_read(nic, PBA) & 0xffff) << 10;
	/* Room for what is on its way when the other side hears of it. */
	unsigned reserve = nic->options.max_frame + 4096;

	reg_write(nic, FCAL, FLOW_ADDRESS_LOW);
	reg_write(nic, FCAH, FLOW_ADDRESS_HIGH);
	reg_write(nic, FCT, FLOW_TYPE);
	reg_write(nic, FCTTV, PAUSE_TIME);
	if (bytes < 2 * reserve)
		return;
	reg_write(nic, FCRTL, ((bytes - reserve - 1500) & ~7u) | FCRTL_XONE);
	reg_write(nic, FCRTH, (bytes - reserve) & ~7u);
}

static void start_rx(struct e1000 *nic)
{
	uint32_t rctl = RCTL_EN | RCTL_SECRC | RCTL_RDMTS_8TH |
			rctl_buffer_size(nic->pool->shown.buffer_size) |
			e1000_filter_rctl(nic);

	reg_write(nic, RDBAL, (uint32_t)nic->rx_dma.iova);
	reg_write(nic, RDBAH, (uint32_t)(nic->rx_dma.iova >> 32));
	reg_write(nic, RDLEN, (nic->rx_mask + 1) * sizeof(*nic->rx));
	reg_write(nic, RDH, 0);
	reg_write(nic, RDT, 0);
	/* Delays are ITR's business. */
	reg_write(nic, RDTR, 0);
	reg_write(nic, RADV, 0);
	reg_write(nic, RXCSUM, nic->options.flags & E1000_NO_RX_SUM ? 0 :
		  RXCSUM_IPOFL | RXCSUM_TUOFL);
	if (nic->options.max_frame > 1514)
		rctl |= RCTL_LPE;
	reg_write(nic, RCTL, rctl);
	rx_fill(nic);
}

static void start_tx(struct e1000 *nic)
{
	nic->tx_next = nic->tx_clean = nic->tx_last = 0;
	nic->tx_context = (struct tx_descriptor) { 0 };
	memset(nic->tx, 0, (nic->tx_mask + 1) * sizeof(*nic->tx));
	reg_write(nic, TDBAL, (uint32_t)nic->tx_dma.iova);
	reg_write(nic, TDBAH, (uint32_t)(nic->tx_dma.iova >> 32));
	reg_write(nic, TDLEN, (nic->tx_mask + 1) * sizeof(*nic->tx));
	reg_write(nic, TDH, 0);
	reg_write(nic, TDT, 0);
	reg_write(nic, TIDV, 0);
	reg_write(nic, TADV, 0);
	/* Written back one by one: what reports is waited for (13.4.46). */
	reg_write(nic, TXDCTL, TXDCTL_GRAN | 1u << TXDCTL_WTHRESH_SHIFT);
	reg_write(nic, TIPG, TIPG_COPPER);
	reg_write(nic, TCTL, TCTL_EN | TCTL_PSP | 15u << TCTL_CT_SHIFT |
		  64u << TCTL_COLD_SHIFT | TCTL_RTLC);
}

int e1000_start(struct e1000 *nic)
{
	uint32_t ctrl;

	if (reset(nic))
		return -1;
	ctrl = reg_read(nic, CTRL) & ~(CTRL_VME | CTRL_RFCE | CTRL_TFCE);
	if (nic->options.flags & E1000_VLAN_STRIP)
		ctrl |= CTRL_VME;
	/* A link that outlives the reset was agreed on before. */
	ctrl |= (nic->link.rx_pause ? CTRL_RFCE : 0) |
		(nic->link.tx_pause ? CTRL_TFCE : 0);
	reg_write(nic, CTRL, ctrl | CTRL_SLU | CTRL_ASDE);
	reg_write(nic, VET, VLAN_TYPE);
	reg_write(nic, ITR, itr_interval(nic->options.interrupts));
	start_flow_control(nic);
	if (e1000_phy_start(nic))
		return -1;
	e1000_write_filters(nic);
	/* From here on its DMA goes to rings that are ours. */
	if (usr_bus_master(nic->fd, true))
		return e1000_fail_usr();
	start_tx(nic);
	start_rx(nic);
	e1000_read_link(nic);
	return 0;
}
