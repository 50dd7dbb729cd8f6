/* SPDX-License-Identifier: MIT */
/*
 * The 8042 controller: two ports, for a keyboard and a mouse, and one register
 * that both fill.  Names are those of the IBM PS/2 technical reference, "keyboard
 * and auxiliary device controller".
 *
 * A port's bytes go to its owner, by calls out of ps2_service() and
 * ps2_command(); only what answers a command does not.
 */
#ifndef KBD_PS2_H
#define KBD_PS2_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include "udrv.h"

#define PS2_KEYBOARD	0	/* port and interrupt vector */
#define PS2_MOUSE	1
#define PS2_PORTS	2

/* What a device answers to each byte of a command. */
#define PS2_ACK		0xfa
#define PS2_RESEND	0xfe
#define PS2_ERROR	0xfc
#define PS2_PASSED	0xaa

#define PS2_LOST_MS	100	/* so long apart two bytes are of two messages */

/**
 * struct ps2_owner - who gets a port's bytes
 * @byte: one arrived that answers no command
 * @lost: one arrived damaged, and was dropped
 * @is_reply: can this byte be the answer that is waited for?
 * @data: for them
 */
struct ps2_owner {
	void (*byte)(void *data, uint8_t byte);
	void (*lost)(void *data);
	bool (*is_reply)(const void *data, uint8_t byte);
	void *data;
};

enum ps2_stage { PS2_IDLE, PS2_FOR_ACK, PS2_FOR_DATA };

struct ps2_port {
	struct ps2 *ps2;
	unsigned index;
	bool present;			/* the port; not what is plugged in */
	int irq_fd;			/* -1: polled */
	bool told;			/* poll() says that irq_fd has something */
	struct ps2_owner owner;
	uint64_t last_ms;		/* when its last byte was read */

	/* The command that is being sent. */
	enum ps2_stage stage;
	uint8_t reply;
	uint8_t answer[4];
	unsigned wanted, got;		/* bytes of answer */
};

struct ps2 {
	int fd;
	uint8_t found;			/* the configuration byte, as it was */
	uint8_t config;			/* as it is */
	bool configured;		/* so there is something to undo */
	char problem[320];
	struct ps2_port port[PS2_PORTS];
};

#define PS2_POLLED	(1u << 0)	/* no interrupts */
#define PS2_TRANSLATED	(1u << 1)	/* the keyboard's codes as set 1 */
#define PS2_NO_MOUSE	(1u << 2)	/* leave its port off */

/**
 * ps2_start() - take the controller over
 * @ps2: filled in; it must stay where it is
 * @fd: of usr_open()
 * @flags: PS2_POLLED and others
 *
 * What is waiting to be read is thrown away: it is not known when it was typed.
 * Set the ports' owners before ps2_enable().
 *
 * Return: NULL, or why not, a sentence.
 */
const char *ps2_start(struct ps2 *ps2, int fd, unsigned flags);

/* Let the ports send.  Return: 0 or an errno. */
int ps2_enable(struct ps2 *ps2);

/* Leave the controller as ps2_start() found it.  fd stays open. */
void ps2_stop(struct ps2 *ps2);

/**
 * ps2_service() - take interrupts, and read what there is
 * @ps2: of ps2_start()
 *
 * Not to be called by an owner.
 *
 * Return: 0 or an errno; ENODEV: the device is gone.
 */
int ps2_service(struct ps2 *ps2);

/* One byte to the device on a port.  Return: 0 or an errno. */
int ps2_send(struct ps2_port *port, uint8_t byte);

uint64_t ps2_now_ms(void);

/* command.c */

/**
 * ps2_command() - send a command and wait for its answer
 * @port: of a started controller
 * @bytes: the command and its parameters
 * @count: of them
 * @answer: filled in; may be NULL if @wanted is 0
 * @wanted: bytes of answer, 4 at most
 * @ms: how long the answer may take
 *
 * Keys and motion that come meanwhile are not lost.
 *
 * Return: 0 or an errno.  ETIMEDOUT: no answer, so most likely nobody is there.
 * EIO: it refuses.  ENODEV: the controller is gone.
 */
int ps2_command(struct ps2_port *port, const uint8_t *bytes, unsigned count,
		uint8_t *answer, unsigned wanted, unsigned ms);

/* Is it worse than a device that refuses a command, or is not there? */
static inline bool ps2_fatal(int error)
{
	return error && error != EIO && error != ETIMEDOUT;
}

/* The same without an answer.  Return: as ps2_command(). */
int ps2_simple(struct ps2_port *port, uint8_t command);
int ps2_set(struct ps2_port *port, uint8_t command, uint8_t parameter);

/* A byte came: is it of the answer?  For ps2_service(). */
bool ps2_take_answer(struct ps2_port *port, uint8_t byte);

#endif
