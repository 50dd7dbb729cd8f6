// SPDX-License-Identifier: MIT
/*
 * A NIC whose registers, EEPROM and PHY say anything, changed while the driver
 * sleeps: it is opened or refused with a reason, and whatever is asked of it ends.
 */
#include <errno.h>
#include <string.h>
#include "hostile.h"
#include "e1000/encode.h"
#include "e1000/nic.h"

static uint8_t registers[E1000_REGISTERS] __attribute__((aligned(4096)));
static uint16_t eeprom_sum;
static bool gone;

/* The EEPROM comes word by word; what it lacks to a good checksum is the last. */
static void read_eeprom(void)
{
	uint32_t eerd, word;

	memcpy(&eerd, registers + EERD, 4);
	if (!(eerd & EERD_START))
		return;
	word = eerd >> EERD_ADDR_SHIFT & 0xff;
	if (!word)
		eeprom_sum = EEPROM_SUM;
	eerd = word < 3 ? 0x5452 : word == EEPROM_WORDS - 1 ? eeprom_sum : 0;
	eeprom_sum = (uint16_t)(eeprom_sum - eerd);
	eerd = eerd << EERD_DATA_SHIFT | EERD_DONE;
	memcpy(registers + EERD, &eerd, 4);
}

static void answer_phy(void)
{
	uint32_t mdic;

	memcpy(&mdic, registers + MDIC, 4);
	mdic |= MDIC_READY;
	memcpy(registers + MDIC, &mdic, 4);
}

/* Well-behaved for as long as the input lets it be. */
static void pass(void)
{
	static const uint16_t some[] = {
		CTRL, STATUS, EECD, EERD, MDIC, ICR, PBA, TDH, RCTL, 0x4080,
	};
	uint8_t how = hostile_byte();
	unsigned at = some[how % (sizeof(some) / sizeof(*some))];
	uint32_t value;

	if (hostile_over()) {
		if (!gone)
			memset(registers, how, sizeof(registers));
		gone = true;
	} else if (how < 0xc0) {
		read_eeprom();
		answer_phy();
		/* The reset is over. */
		registers[CTRL + 3] &= (uint8_t)~(CTRL_RST >> 24);
	} else {
		value = (uint32_t)hostile_bytes(4);
		memcpy(registers + at, &value, 4);
	}
}

static void write_back(struct e1000 *nic)
{
	unsigned at = hostile_byte() & nic->rx_mask;

	nic->rx[at].rest = hostile_bytes(2) | (uint64_t)hostile_byte() << 32;
	nic->tx[hostile_byte() & nic->tx_mask].rest |= TXD_DD;
}

static void step(struct e1000 *nic)
{
	static const uint8_t mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
	struct e1000_packet *packets[32];
	struct e1000_stats stats;
	struct e1000_link link;
	unsigned n, sent;

	switch (hostile_byte() % 8) {
	case 0:
		e1000_watch(nic, &link);
		break;
	case 1:
		CHECK(e1000_wait(nic, hostile_byte() & 7, 50) >= 0 || errno);
		break;
	case 2:
		n = e1000_rx_burst(nic, packets, 32);
		e1000_free(e1000_pool(nic), packets, n);
		break;
	case 3:
		n = e1000_alloc(e1000_pool(nic), packets, 4);
		for (unsigned i = 0; i < n; i++)
			packets[i]->length = 60;
		sent = e1000_tx_burst(nic, packets, n);
		e1000_free(e1000_pool(nic), packets + sent, n - sent);
		break;
	case 4:
		e1000_tx_drain(nic, 20);
		break;
	case 5:
		if (e1000_reset(nic))
			CHECK(*e1000_error());
		break;
	case 6:
		e1000_set_mac(nic, mac);
		e1000_stats(nic, &stats);
		break;
	default:
		e1000_disarm(nic);
	}
	write_back(nic);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t models[] = { E1000_82540EM, E1000_82544EI };
	struct e1000_options options = { .rx_ring = 64, .tx_ring = 64, .buffers = 160 };
	struct e1000 *nic;
	uint8_t how;

	hostile_begin(data, size);
	how = hostile_byte();
	gone = false;
	memset(registers, how & 1 ? 0 : how, sizeof(registers));
	hostile.info = (struct udrv_info) {
		.out_caps = UDRV_INFO_PCI | UDRV_INFO_IOMMU,
		.out_vendor = INTEL, .out_device = models[how >> 1 & 1],
	};
	hostile.registers = registers;
	hostile.pass = pass;
	options.mode = (enum e1000_mode)(how % 3);
	options.spins = 10;
	nic = e1000_open_fd(HOSTILE_FD, &options);
	if (nic) {
		for (unsigned i = 0; i < 64 && !hostile_over(); i++)
			step(nic);
		for (unsigned i = 0; i < 8; i++)
			step(nic);
		hostile.pass = NULL;
		e1000_close(nic);
	} else {
		CHECK(*e1000_error());
	}
	hostile_end();
	return 0;
}
