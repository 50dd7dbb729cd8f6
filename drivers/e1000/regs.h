/* SPDX-License-Identifier: MIT */
/*
 * Registers and descriptors of the 8254x, with the names and chapters of the
 * Software Developer's Manual, 317453.
 */
#ifndef E1000_REGS_H
#define E1000_REGS_H

#include <stdint.h>

/* Table 13-2.  All are 32 bits wide, in BAR 0. */
#define CTRL		0x0000	/* 13.4.1 */
#define  CTRL_FD	(1u << 0)
#define  CTRL_ASDE	(1u << 5)	/* follow the PHY's speed */
#define  CTRL_SLU	(1u << 6)	/* the PHY's link is the link */
#define  CTRL_RST	(1u << 26)
#define  CTRL_RFCE	(1u << 27)	/* obey pause frames */
#define  CTRL_TFCE	(1u << 28)	/* send pause frames */
#define  CTRL_VME	(1u << 30)	/* strip and insert VLAN tags */
#define  CTRL_PHY_RST	(1u << 31)
#define STATUS		0x0008	/* 13.4.2 */
#define  STATUS_FD	(1u << 0)
#define  STATUS_LU	(1u << 1)
#define  STATUS_TXOFF	(1u << 4)	/* paused by the other side */
#define  STATUS_SPEED_SHIFT	6
#define  STATUS_BUS64	(1u << 12)
#define  STATUS_PCIX	(1u << 13)
#define EECD		0x0010	/* 13.4.3 */
#define  EECD_SK	(1u << 0)
#define  EECD_CS	(1u << 1)
#define  EECD_DI	(1u << 2)
#define  EECD_DO	(1u << 3)
#define  EECD_REQ	(1u << 6)
#define  EECD_GNT	(1u << 7)
#define  EECD_SIZE	(1u << 9)	/* 256 words, else 64 */
#define EERD		0x0014	/* 13.4.4 */
#define  EERD_START	(1u << 0)
#define  EERD_DONE	(1u << 4)
#define  EERD_ADDR_SHIFT	8
#define  EERD_DATA_SHIFT	16
#define MDIC		0x0020	/* 13.4.6 */
#define  MDIC_REG_SHIFT	16
#define  MDIC_PHY	(1u << 21)	/* the internal PHY is number 1 */
#define  MDIC_WRITE	(1u << 26)
#define  MDIC_READ	(2u << 26)
#define  MDIC_READY	(1u << 28)
#define  MDIC_ERROR	(1u << 30)
#define FCAL		0x0028	/* 13.4.7 */
#define FCAH		0x002c
#define FCT		0x0030
#define VET		0x0038
#define ICR		0x00c0	/* 13.4.17; reading clears it */
#define  IRQ_TXDW	(1u << 0)
#define  IRQ_TXQE	(1u << 1)
#define  IRQ_LSC	(1u << 2)
#define  IRQ_RXDMT0	(1u << 4)
#define  IRQ_RXO	(1u << 6)
#define  IRQ_RXT0	(1u << 7)
#define ITR		0x00c4	/* 13.4.18: intervals of 256 ns */
#define  ITR_MOST	0xffffu
#define ICS		0x00c8
#define IMS		0x00d0
#define IMC		0x00d8
#define RCTL		0x0100	/* 13.4.22 */
#define  RCTL_EN	(1u << 1)
#define  RCTL_SBP	(1u << 2)
#define  RCTL_UPE	(1u << 3)
#define  RCTL_MPE	(1u << 4)
#define  RCTL_LPE	(1u << 5)
#define  RCTL_RDMTS_8TH	(2u << 8)	/* low when an eighth is left */
#define  RCTL_MO_SHIFT	12
#define  RCTL_BAM	(1u << 15)
#define  RCTL_BSIZE_SHIFT	16
#define  RCTL_VFE	(1u << 18)
#define  RCTL_BSEX	(1u << 25)
#define  RCTL_SECRC	(1u << 26)
#define FCTTV		0x0170
#define TCTL		0x0400	/* 13.4.33 */
#define  TCTL_EN	(1u << 1)
#define  TCTL_PSP	(1u << 3)
#define  TCTL_CT_SHIFT	4
#define  TCTL_COLD_SHIFT	12
#define  TCTL_RTLC	(1u << 24)
#define TIPG		0x0410	/* 13.4.34 */
#define  TIPG_COPPER	(10u | 8u << 10 | 6u << 20)
#define LEDCTL		0x0e00
#define PBA		0x1000
#define FCRTL		0x2160
#define  FCRTL_XONE	(1u << 31)
#define FCRTH		0x2168
#define RDBAL		0x2800
#define RDBAH		0x2804
#define RDLEN		0x2808
#define RDH		0x2810
#define RDT		0x2818
#define RDTR		0x2820
#define RXDCTL		0x2828
#define RADV		0x282c
#define TDBAL		0x3800
#define TDBAH		0x3804
#define TDLEN		0x3808
#define TDH		0x3810
#define TDT		0x3818
#define TIDV		0x3820
#define TXDCTL		0x3828	/* 13.4.46 */
#define  TXDCTL_GRAN	(1u << 24)
#define  TXDCTL_WTHRESH_SHIFT	16
#define TADV		0x382c
#define STATISTICS	0x4000	/* 13.7: reading clears them */
#define RXCSUM		0x5000	/* 13.4.39 */
#define  RXCSUM_IPOFL	(1u << 8)
#define  RXCSUM_TUOFL	(1u << 9)
#define MTA		0x5200	/* 13.5.1: 128 words */
#define  MTA_WORDS	128
#define RAL(n)		(0x5400 + 8 * (n))	/* 13.5.2 */
#define RAH(n)		(0x5404 + 8 * (n))
#define  RAH_AV		(1u << 31)
#define  RA_COUNT	16
#define VFTA		0x5600	/* 13.5.3: 128 words */
#define  VFTA_WORDS	128

#define E1000_REGISTERS	0x20000	/* bytes of BAR 0 */

/* Registers of the PHY: IEEE 802.3 clause 22, and 88E1000's. */
#define PHY_CONTROL	0
#define  PHY_CONTROL_POWER_DOWN	(1u << 11)
#define  PHY_CONTROL_AN_ENABLE	(1u << 12)
#define  PHY_CONTROL_AN_RESTART	(1u << 9)
#define PHY_STATUS	1
#define  PHY_STATUS_LINK	(1u << 2)
#define  PHY_STATUS_AN_DONE	(1u << 5)
#define PHY_ID1		2
#define PHY_ID2		3
#define PHY_ADVERTISE	4
#define  PHY_ADVERTISE_ALL	0x01e1u	/* 10 and 100, half and full; 802.3 */
#define  PHY_PAUSE	(1u << 10)
#define  PHY_ASM_PAUSE	(1u << 11)
#define PHY_PARTNER	5
#define PHY_1000T	9
#define  PHY_1000T_FULL	(1u << 9)

/* Words of the EEPROM (5.6). */
#define EEPROM_MAC	0
#define EEPROM_WORDS	64	/* that the checksum is over */
#define EEPROM_SUM	0xbaba

/* 3.2.3: as it is written back. */
struct rx_descriptor {
	uint64_t address;
	uint64_t rest;		/* e1000_packet.descriptor */
};

/* 3.3.3 legacy, 3.3.6 context, 3.3.7 data: all are two words. */
struct tx_descriptor {
	uint64_t address;
	uint64_t rest;
};

#define TXD_EOP		(1ull << 24)	/* the packet's last */
#define TXD_IFCS	(1ull << 25)	/* append the FCS */
#define TXD_TSE		(1ull << 26)	/* extended only */
#define TXD_IC		(1ull << 26)	/* legacy only */
#define TXD_RS		(1ull << 27)	/* say when it is done */
#define TXD_DEXT	(1ull << 29)	/* extended */
#define TXD_VLE		(1ull << 30)	/* insert the tag */
#define TXD_DATA	(1ull << 20)	/* extended: data, not context */
#define TXD_DD		(1ull << 32)	/* done */
#define TXD_IXSM	(1ull << 40)	/* data: insert the IP checksum */
#define TXD_TXSM	(1ull << 41)	/* data: insert the TCP or UDP checksum */
#define TXD_VLAN_SHIFT	48
/* Context, TUCMD. */
#define TXC_TCP		(1ull << 24)	/* else UDP */
#define TXC_IP		(1ull << 25)	/* IPv4, else IPv6 */
#define TXC_TSE		(1ull << 26)
#define TXC_HDRLEN_SHIFT	40
#define TXC_MSS_SHIFT	48
#define TXC_PAYLEN_MOST	0xfffffu

#endif
