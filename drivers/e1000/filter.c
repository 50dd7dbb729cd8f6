// SPDX-License-Identifier: MIT
/* Which frames are taken: addresses, groups, VLANs (13.5). */
#include <errno.h>
#include <stdlib.h>
#include "encode.h"
#include "nic.h"

static void write_address(struct e1000 *nic, unsigned slot,
			  const uint8_t mac[6])
{
	uint32_t low = (uint32_t)mac[0] | (uint32_t)mac[1] << 8 |
		       (uint32_t)mac[2] << 16 | (uint32_t)mac[3] << 24;

	/* Not valid while it is half one address and half another. */
	reg_write(nic, RAH(slot), 0);
	reg_write(nic, RAL(slot), low);
	reg_write(nic, RAH(slot), (uint32_t)mac[4] | (uint32_t)mac[5] << 8 |
		  RAH_AV);
}

uint32_t e1000_filter_rctl(const struct e1000 *nic)
{
	unsigned flags = nic->options.flags;

	return RCTL_BAM | (flags & E1000_PROMISCUOUS ? RCTL_UPE | RCTL_MPE : 0) |
	       (flags & E1000_ALL_MULTICAST ? RCTL_MPE : 0) |
	       (flags & E1000_BAD_FRAMES ? RCTL_SBP : 0) |
	       /* Promiscuous means what is on the wire, tags and all. */
	       (nic->vlan_filter && !(flags & E1000_PROMISCUOUS) ? RCTL_VFE : 0);
}

static void write_groups(struct e1000 *nic)
{
	uint32_t hash[MTA_WORDS] = { 0 };
	unsigned slot = 1, bit;

	for (unsigned i = 0; i < nic->group_count; i++) {
		if (slot < RA_COUNT) {
			write_address(nic, slot++, nic->groups[i]);
			continue;
		}
		bit = multicast_hash(nic->groups[i]);
		hash[bit / 32] |= 1u << bit % 32;
	}
	for (; slot < RA_COUNT; slot++)
		reg_write(nic, RAH(slot), 0);
	for (unsigned i = 0; i < MTA_WORDS; i++)
		reg_write(nic, MTA + 4 * i, hash[i]);
}

void e1000_write_filters(struct e1000 *nic)
{
	write_address(nic, 0, nic->mac);
	write_groups(nic);
	for (unsigned i = 0; i < VFTA_WORDS; i++)
		reg_write(nic, VFTA + 4 * i, nic->vlans[i]);
}

/* What can change while the NIC runs. */
static void write_modes(struct e1000 *nic)
{
	const uint32_t ours = RCTL_BAM | RCTL_UPE | RCTL_MPE | RCTL_SBP |
			      RCTL_VFE;
	unsigned flags = nic->options.flags;

	reg_write(nic, RXCSUM, flags & E1000_NO_RX_SUM ? 0 :
		  RXCSUM_IPOFL | RXCSUM_TUOFL);
	reg_write(nic, RCTL, (reg_read(nic, RCTL) & ~ours) |
		  e1000_filter_rctl(nic));
}

void e1000_mac(const struct e1000 *nic, uint8_t mac[6])
{
	memcpy(mac, nic->mac, sizeof(nic->mac));
}

int e1000_set_mac(struct e1000 *nic, const uint8_t mac[6])
{
	static const uint8_t zero[6];

	if (mac[0] & 1 || !memcmp(mac, zero, sizeof(zero)))
		return e1000_fail(EINVAL, "this is no single station's address");
	memcpy(nic->mac, mac, sizeof(nic->mac));
	write_address(nic, 0, mac);
	return 0;
}

int e1000_set_multicast(struct e1000 *nic, const uint8_t (*groups)[6],
			unsigned count)
{
	uint8_t (*copy)[6] = NULL;

	for (unsigned i = 0; i < count; i++) {
		if (!(groups[i][0] & 1))
			return e1000_fail(EINVAL, "address %u is no group's", i);
	}
	if (count) {
		copy = malloc(count * sizeof(*copy));
		if (!copy)
			return e1000_fail(ENOMEM, "no memory for %u addresses",
					  count);
		memcpy(copy, groups, count * sizeof(*copy));
	}
	free(nic->groups);
	nic->groups = copy;
	nic->group_count = count;
	write_groups(nic);
	return 0;
}

int e1000_set_flags(struct e1000 *nic, unsigned flags)
{
	uint32_t ctrl = reg_read(nic, CTRL) & ~CTRL_VME;

	if (flags & ~E1000_ALL_FLAGS)
		return e1000_fail(EINVAL, "there is no flag %#x",
				  flags & ~E1000_ALL_FLAGS);
	nic->options.flags = flags;
	write_modes(nic);
	reg_write(nic, CTRL, ctrl | (flags & E1000_VLAN_STRIP ? CTRL_VME : 0));
	return 0;
}

int e1000_set_vlans(struct e1000 *nic, const uint16_t *ids, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (ids[i] > 4095)
			return e1000_fail(EINVAL, "there is no VLAN %u", ids[i]);
	}
	memset(nic->vlans, 0, sizeof(nic->vlans));
	for (unsigned i = 0; i < count; i++)
		nic->vlans[ids[i] / 32] |= 1u << ids[i] % 32;
	nic->vlan_filter = count;
	for (unsigned i = 0; i < VFTA_WORDS; i++)
		reg_write(nic, VFTA + 4 * i, nic->vlans[i]);
	write_modes(nic);
	return 0;
}
