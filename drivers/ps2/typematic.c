// SPDX-License-Identifier: MIT
/* See keyboard.h. */
#include "keyboard.h"

uint8_t typematic_byte(unsigned delay_ms, unsigned period_ms)
{
	unsigned delay = delay_ms < 375 ? 0 : delay_ms < 625 ? 1 :
			 delay_ms < 875 ? 2 : 3;
	unsigned rate, us, best = 0, error, least = ~0u;

	/* Bits 4 and 3 are B, 2 to 0 are A: (8 + A) * 2^B * 4.17 ms. */
	for (rate = 0; rate < 32; rate++) {
		us = (8 + rate % 8) * (1u << rate / 8) * 4170;
		error = us / 1000 > period_ms ? us / 1000 - period_ms :
			period_ms - us / 1000;
		if (error < least) {
			least = error;
			best = rate;
		}
	}
	return (uint8_t)(delay << 5 | best);
}
