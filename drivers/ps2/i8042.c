// SPDX-License-Identifier: MIT
/*
 * See ps2.h.
 *
 * No claim/ack rule: reading the data register is what ends an interrupt, and
 * pops a byte; and a rule that claims by the status would disown the interrupt
 * of a byte that was read a moment before it was handled.  The lines are edges,
 * which need no acknowledging.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "ps2.h"

/* Regions */
#define DATA		0	/* port 0x60 */
#define COMMAND		1	/* port 0x64: status when read */

/* Status */
#define STATUS_OUTPUT	0x01	/* a byte is there for us */
#define STATUS_INPUT	0x02	/* our last one is not taken yet */
#define STATUS_AUX	0x20	/* the byte is the mouse's */
#define STATUS_TIMEOUT	0x40
#define STATUS_PARITY	0x80
#define STATUS_DAMAGED	(STATUS_TIMEOUT | STATUS_PARITY)

/* Commands */
#define READ_CONFIG	0x20
#define WRITE_CONFIG	0x60
#define DISABLE_AUX	0xa7
#define ENABLE_AUX	0xa8
#define TEST_AUX	0xa9
#define SELF_TEST	0xaa
#define TEST_KEYBOARD	0xab
#define DISABLE_KEYBOARD 0xad
#define WRITE_AUX	0xd4
#define SELF_TEST_PASSED 0x55
#define PORT_TEST_PASSED 0x00

/* Configuration byte */
#define CONFIG_KEYBOARD_IRQ 0x01
#define CONFIG_AUX_IRQ	0x02
#define CONFIG_KEYBOARD_OFF 0x10
#define CONFIG_AUX_OFF	0x20
#define CONFIG_TRANSLATE 0x40

#define TAKE_US		250000	/* a byte of ours, by the controller */
#define ANSWER_US	500000	/* the controller's, self-test included */
#define MOST_AT_ONCE	256	/* bytes of one ps2_service() */

uint64_t ps2_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ------------------------------------------------- commands to the controller */

static struct udrv_io_step until_taken(void)
{
	return usr_step_wait(COMMAND, 0, 1, STATUS_INPUT, 0, TAKE_US);
}

static int run(struct ps2 *ps2, struct udrv_io_step *steps, unsigned count)
{
	return usr_io(ps2->fd, steps, count, NULL) ? errno : 0;
}

static int command(struct ps2 *ps2, uint8_t code)
{
	struct udrv_io_step steps[] = {
		until_taken(), usr_step_write(COMMAND, 0, 1, code),
	};

	return run(ps2, steps, 2);
}

static int command_write(struct ps2 *ps2, uint8_t code, uint8_t value)
{
	struct udrv_io_step steps[] = {
		until_taken(), usr_step_write(COMMAND, 0, 1, code),
		until_taken(), usr_step_write(DATA, 0, 1, value),
	};

	return run(ps2, steps, 4);
}

/* A byte that a port sent just before would be taken for the answer. */
static int command_read(struct ps2 *ps2, uint8_t code, uint8_t *value)
{
	struct udrv_io_step steps[] = {
		until_taken(), usr_step_write(COMMAND, 0, 1, code),
		usr_step_wait(COMMAND, 0, 1, STATUS_OUTPUT, STATUS_OUTPUT, ANSWER_US),
		usr_step_read(DATA, 0, 1),
	};
	int error = run(ps2, steps, 4);

	if (!error)
		*value = (uint8_t)steps[3].out_value;
	return error;
}

int ps2_send(struct ps2_port *port, uint8_t byte)
{
	struct udrv_io_step step[] = {
		until_taken(), usr_step_write(DATA, 0, 1, byte),
	};

	if (port->index == PS2_MOUSE)
		return command_write(port->ps2, WRITE_AUX, byte);
	return run(port->ps2, step, 2);
}

static int configure(struct ps2 *ps2, uint8_t config)
{
	int error = command_write(ps2, WRITE_CONFIG, config);

	if (!error)
		ps2->config = config;
	return error;
}

/* ------------------------------------------------------------------ reading */

static void deliver(struct ps2_port *port, uint8_t byte, bool damaged)
{
	port->last_ms = ps2_now_ms();
	if (damaged && port->stage == PS2_FOR_ACK)
		byte = PS2_RESEND;
	if (ps2_take_answer(port, byte))
		return;
	if (!port->owner.byte)
		return;
	if (damaged)
		port->owner.lost(port->owner.data);
	else
		port->owner.byte(port->owner.data, byte);
}

/*
 * A byte and the status before and after it are one program: so there is a call
 * for each byte, and the data register is read only when a byte is there.
 */
static int drain(struct ps2 *ps2)
{
	struct udrv_io_step steps[] = {
		usr_step_wait(COMMAND, 0, 1, STATUS_OUTPUT, STATUS_OUTPUT, 0),
		usr_step_read(DATA, 0, 1), usr_step_read(COMMAND, 0, 1),
	};
	uint64_t status;
	unsigned i;
	int error;

	for (i = 0; i < MOST_AT_ONCE; i++) {
		error = run(ps2, steps, 3);
		if (error)
			return error == ETIMEDOUT ? 0 : error;
		status = steps[0].out_value;
		if (status == 0xff)
			return ENXIO;	/* nobody drives the bus */
		deliver(&ps2->port[status & STATUS_AUX ? PS2_MOUSE : PS2_KEYBOARD],
			(uint8_t)steps[1].out_value, status & STATUS_DAMAGED);
		if (!(steps[2].out_value & STATUS_OUTPUT))
			break;
	}
	return 0;
}

int ps2_service(struct ps2 *ps2)
{
	struct udrv_irq_event event;
	unsigned i;

	/* First the events, then the bytes: what comes later is a new event. */
	for (i = 0; i < PS2_PORTS; i++) {
		if (!ps2->port[i].told)
			continue;
		ps2->port[i].told = false;
		if (usr_irq_wait(ps2->port[i].irq_fd, &event, -1) &&
		    errno != EAGAIN && errno != EINTR)
			return errno;
	}
	return drain(ps2);
}

/* --------------------------------------------------------- start and stop */

/*
 * The ports are still on, as nothing else says whether they were; so a key may
 * be taken for the answer.  Twice the same is none.
 */
static int read_found(struct ps2 *ps2)
{
	uint8_t again;
	int tries, error;

	for (tries = 0; tries < 10; tries++) {
		error = drain(ps2);
		if (!error)
			error = command_read(ps2, READ_CONFIG, &ps2->found);
		if (!error)
			error = drain(ps2);
		if (!error)
			error = command_read(ps2, READ_CONFIG, &again);
		if (error || again == ps2->found)
			return error;
	}
	return EIO;
}

static int ports_off(struct ps2 *ps2)
{
	uint8_t off = CONFIG_KEYBOARD_OFF | CONFIG_AUX_OFF;
	uint8_t on = CONFIG_KEYBOARD_IRQ | CONFIG_AUX_IRQ | CONFIG_TRANSLATE;
	int error = command(ps2, DISABLE_KEYBOARD);

	if (!error)
		error = command(ps2, DISABLE_AUX);
	if (!error)
		error = drain(ps2);
	if (!error)
		error = configure(ps2, (uint8_t)((ps2->found & ~on) | off));
	return error;
}

/* Return: NULL or a sentence.  Some controllers come out of it configured anew. */
static const char *self_test(struct ps2 *ps2)
{
	uint8_t config = ps2->config, result = 0;
	int error = command_read(ps2, SELF_TEST, &result);

	if (!error && result != SELF_TEST_PASSED) {
		snprintf(ps2->problem, sizeof(ps2->problem),
			 "the controller's self-test says %#04x, not 0x55", result);
		return ps2->problem;
	}
	if (!error)
		error = configure(ps2, config);
	return error ? usr_error() : NULL;
}

static bool test_port(struct ps2 *ps2, uint8_t test)
{
	uint8_t result;

	return !command_read(ps2, test, &result) && result == PORT_TEST_PASSED;
}

/* A controller without the second port has no bit that says it is off. */
static bool has_mouse_port(struct ps2 *ps2)
{
	uint8_t config;

	if (command(ps2, ENABLE_AUX) || command_read(ps2, READ_CONFIG, &config) ||
	    config & CONFIG_AUX_OFF || command(ps2, DISABLE_AUX) ||
	    command_read(ps2, READ_CONFIG, &config) || !(config & CONFIG_AUX_OFF))
		return false;
	return test_port(ps2, TEST_AUX);
}

static const char *set_up_interrupts(struct ps2 *ps2)
{
	struct udrv_info info;
	unsigned i;

	if (usr_info(ps2->fd, &info))
		return usr_error();
	if (info.out_lines < PS2_PORTS)
		return "this device was declared without interrupts 1 and 12; --poll does without";
	if (usr_irq_setup(ps2->fd, UDRV_IRQ_LINES, PS2_PORTS, NULL, 0))
		return usr_error();
	for (i = 0; i < PS2_PORTS; i++) {
		ps2->port[i].irq_fd = usr_irq_fd(ps2->fd, i, UDRV_IRQ_FD_NONBLOCK);
		if (ps2->port[i].irq_fd < 0)
			return usr_error();
	}
	return NULL;
}

static const char *take_over(struct ps2 *ps2, unsigned flags)
{
	const char *problem;
	int tries, error = read_found(ps2);

	if (error == EIO || error == ENXIO || error == ETIMEDOUT)
		return "no keyboard controller answers: its status or configuration is not to be read";
	if (error)
		return usr_error();
	ps2->configured = true;
	if (ports_off(ps2))
		return usr_error();
	problem = self_test(ps2);
	if (problem)
		return problem;
	ps2->port[PS2_KEYBOARD].present = test_port(ps2, TEST_KEYBOARD);
	/* A mouse that was left moving may answer in the controller's place. */
	for (tries = 0; tries < 3 && !(flags & PS2_NO_MOUSE) &&
	     !ps2->port[PS2_MOUSE].present; tries++)
		ps2->port[PS2_MOUSE].present = !drain(ps2) && has_mouse_port(ps2);
	if (!ps2->port[PS2_KEYBOARD].present && !ps2->port[PS2_MOUSE].present)
		return "neither port of the controller passes its test";
	if (flags & PS2_TRANSLATED)
		ps2->config |= CONFIG_TRANSLATE;
	return flags & PS2_POLLED ? NULL : set_up_interrupts(ps2);
}

const char *ps2_start(struct ps2 *ps2, int fd, unsigned flags)
{
	unsigned i;

	*ps2 = (struct ps2) { .fd = fd };
	for (i = 0; i < PS2_PORTS; i++)
		ps2->port[i] = (struct ps2_port) {
			.ps2 = ps2, .index = i, .irq_fd = -1,
		};
	return take_over(ps2, flags);
}

int ps2_enable(struct ps2 *ps2)
{
	const struct ps2_port *keyboard = &ps2->port[PS2_KEYBOARD];
	const struct ps2_port *mouse = &ps2->port[PS2_MOUSE];
	uint8_t config = ps2->config;

	if (keyboard->present)
		config &= (uint8_t)~CONFIG_KEYBOARD_OFF;
	if (keyboard->present && keyboard->irq_fd >= 0)
		config |= CONFIG_KEYBOARD_IRQ;
	if (mouse->present)
		config &= (uint8_t)~CONFIG_AUX_OFF;
	if (mouse->present && mouse->irq_fd >= 0)
		config |= CONFIG_AUX_IRQ;
	return configure(ps2, config);
}

void ps2_stop(struct ps2 *ps2)
{
	unsigned i;

	/* With the ports off nothing comes in between, to be left for the next. */
	if (ps2->configured && !ports_off(ps2))
		configure(ps2, ps2->found);
	for (i = 0; i < PS2_PORTS; i++) {
		if (ps2->port[i].irq_fd >= 0)
			close(ps2->port[i].irq_fd);
		ps2->port[i].irq_fd = -1;
	}
}
