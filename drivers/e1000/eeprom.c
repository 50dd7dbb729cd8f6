// SPDX-License-Identifier: MIT
/* The EEPROM: by its read register, or bit by bit where there is none. */
#include <errno.h>
#include "nic.h"

#define EERD_TRIES	1000
#define MICROWIRE_READ	6	/* start bit and opcode (5.3.1) */

static int read_by_register(struct e1000 *nic, unsigned word, uint16_t *value)
{
	uint32_t eerd;

	reg_write(nic, EERD, word << EERD_ADDR_SHIFT | EERD_START);
	for (int i = 0; i < EERD_TRIES; i++) {
		eerd = reg_read(nic, EERD);
		if (eerd & EERD_DONE) {
			*value = (uint16_t)(eerd >> EERD_DATA_SHIFT);
			return 0;
		}
		e1000_sleep_us(5);
	}
	return e1000_fail(EIO, "the EEPROM cannot be read: word %u does not come",
			  word);
}

/* One clock of the Microwire bus, 1 MHz at most; what the EEPROM says in it. */
static bool microwire_bit(struct e1000 *nic, uint32_t *eecd, bool bit)
{
	bool said;

	*eecd = (*eecd & ~EECD_DI) | (bit ? EECD_DI : 0);
	reg_write(nic, EECD, *eecd);
	e1000_sleep_us(1);
	reg_write(nic, EECD, *eecd | EECD_SK);
	e1000_sleep_us(1);
	said = reg_read(nic, EECD) & EECD_DO;
	reg_write(nic, EECD, *eecd);
	e1000_sleep_us(1);
	return said;
}

static uint16_t microwire_word(struct e1000 *nic, uint32_t eecd, unsigned word)
{
	int address_bits = eecd & EECD_SIZE ? 8 : 6;
	uint32_t command = MICROWIRE_READ << address_bits | word;
	uint16_t value = 0;

	eecd |= EECD_CS;
	reg_write(nic, EECD, eecd);
	e1000_sleep_us(1);
	for (int i = address_bits + 2; i >= 0; i--)
		microwire_bit(nic, &eecd, command >> i & 1);
	for (int i = 0; i < 16; i++)
		value = (uint16_t)(value << 1 | microwire_bit(nic, &eecd, false));
	reg_write(nic, EECD, eecd & ~EECD_CS);
	e1000_sleep_us(1);
	return value;
}

/* The 82544 has no EERD (13.4.4); the NIC itself has to let the EEPROM go. */
static int read_by_bits(struct e1000 *nic, unsigned first, uint16_t *words,
			unsigned count)
{
	uint32_t eecd = reg_read(nic, EECD) &
			~(EECD_SK | EECD_CS | EECD_DI | EECD_DO);

	reg_write(nic, EECD, eecd | EECD_REQ);
	for (int i = 0; !(reg_read(nic, EECD) & EECD_GNT); i++) {
		if (i == EERD_TRIES) {
			reg_write(nic, EECD, eecd & ~EECD_REQ);
			return e1000_fail(EIO,
				"the EEPROM cannot be read: it is not granted");
		}
		e1000_sleep_us(5);
	}
	for (unsigned i = 0; i < count; i++)
		words[i] = microwire_word(nic, eecd | EECD_REQ, first + i);
	reg_write(nic, EECD, eecd & ~EECD_REQ);
	return 0;
}

int e1000_read_eeprom(struct e1000 *nic, unsigned first, uint16_t *words,
		      unsigned count)
{
	if (is_82544(nic))
		return read_by_bits(nic, first, words, count);
	for (unsigned i = 0; i < count; i++) {
		if (read_by_register(nic, first + i, &words[i]))
			return -1;
	}
	return 0;
}
