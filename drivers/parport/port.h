/* SPDX-License-Identifier: MIT */
/* The parallel port itself: print, read, status.  One thread. */
#ifndef PARPORT_PORT_H
#define PARPORT_PORT_H

#include "spp.h"

struct port {
	int fd;
	bool polled;
	unsigned patience_s;		/* for a printer that is busy */
	char problem[320];		/* what went wrong, a sentence */
};

/**
 * port_start() - take the port over
 * @port: filled in
 * @fd: of usr_open()
 * @polled: no interrupts
 * @patience_s: how long a printer may stay busy
 *
 * What the printer is doing it goes on doing: it may still be printing what
 * somebody sent before.
 *
 * Return: NULL, or why not, a sentence.
 */
const char *port_start(struct port *port, int fd, bool polled,
		       unsigned patience_s);

/* Leave the lines as they are at rest. */
void port_stop(struct port *port);

/* The printer forgets what it was doing.  Return: NULL, or what went wrong. */
const char *port_reset(struct port *port);

/**
 * port_print() - send bytes to the printer
 * @port: of port_start()
 * @data: the bytes
 * @length: how many
 * @sent: set to how many the printer took, on failure too
 *
 * Return: NULL, or what went wrong, a sentence.
 */
const char *port_print(struct port *port, const uint8_t *data, size_t length,
		       size_t *sent);

/**
 * port_read() - receive bytes by IEEE 1284
 * @port: of port_start()
 * @mode: nibble, byte, or the device ID by nibbles
 * @data: filled in
 * @length: room at @data
 * @got: set to how many came; fewer if the peripheral has no more
 *
 * Return: NULL, or what went wrong, a sentence.
 */
const char *port_read(struct port *port, enum spp_mode mode, uint8_t *data,
		      size_t length, size_t *got);

/* Return: NULL and the status register, or what went wrong. */
const char *port_status(struct port *port, uint8_t *status);

#endif
