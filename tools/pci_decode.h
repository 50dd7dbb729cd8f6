/* SPDX-License-Identifier: MIT */
/* What configuration space says, for people.  Pure. */
#ifndef PCI_DECODE_H
#define PCI_DECODE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/*
 * @size: 64 for a user, who may not see more, 256 or 4096.
 * Return: header, BARs and capabilities; NULL if it is no header.
 */
json_t *pci_decode(const uint8_t *config, size_t size);

#endif
