// SPDX-License-Identifier: MIT
/* Declared lines, and the keyboard, which the kernel has a driver for. */
#include "declare.h"
#include "edu.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/serial.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 90;

/* IEEE 1284-1994, as the PC has it: QEMU interrupts when a byte is taken. */
#define PORT_DATA 0
#define PORT_STATUS 1
#define  STATUS_ONLINE 0x10
#define  STATUS_NO_PAPER 0x20
#define PORT_CONTROL 2
#define  CONTROL_STROBE 0x01
#define  CONTROL_INIT 0x04
#define  CONTROL_SELECT 0x08
#define  CONTROL_INTERRUPT 0x10
#define CONTROL_ON (CONTROL_INIT | CONTROL_SELECT | CONTROL_INTERRUPT)

/* A 16550A: its line is asserted as long as it has nothing to send. */
#define UART_PORTS 0x2f8
#define UART_LINE 5
#define UART_ENABLE 1
#define  UART_WANTS_MORE 0x02
#define UART_FIFO 2
#define UART_LINE_CONTROL 3
#define  UART_8N1 0x03
#define UART_MODEM_CONTROL 4
#define  UART_OUT2 0x08		/* on a PC, the interrupt's way out */
#define UART_STATUS 5
#define  UART_EMPTY 0x20

/* The PS/2 controller: regions 0 and 1 of the declaration. */
#define  PS2_FULL 0x01		/* something to read */
#define  PS2_BUSY 0x02		/* not ready to be written */
#define PS2_READ_MODE 0x20
#define PS2_WRITE_MODE 0x60
#define  PS2_MODE 0x47		/* translate, both interrupts */
#define KEYBOARD_ECHO 0xee
#define MOUSE_NEXT 0xd4		/* the next byte is for the mouse */
#define MOUSE_ENABLE 0xf4
#define ACKNOWLEDGED 0xfa

static int own(const char *name)
{
	return (int)MUST_OK(device_open(name, O_RDWR | O_NONBLOCK));
}

static int own_parport(void)
{
	declare_parport("parport");
	return own("parport");
}

/* Print a byte: an interrupt, until the status is read. */
#define PRINT_STEPS 3
static void print_steps(struct udrv_io_step *steps, char byte)
{
	steps[0] = step_write(0, PORT_DATA, 1, (uint8_t)byte);
	steps[1] = step_write(0, PORT_CONTROL, 1, CONTROL_ON | CONTROL_STROBE);
	steps[2] = step_write(0, PORT_CONTROL, 1, CONTROL_ON);
}

static void print(int fd, char byte)
{
	struct udrv_io_step steps[PRINT_STEPS];

	print_steps(steps, byte);
	MUST_OK(run_steps(fd, steps, PRINT_STEPS, NULL));
}

static void lower(int fd)
{
	uint64_t value;

	MUST_OK(io_read(fd, 0, PORT_STATUS, 1, &value));
}

static struct udrv_irq_rule parport_rule(void)
{
	return (struct udrv_irq_rule) {
		.claim_width = 1, .claim_offset = PORT_STATUS,
		.claim_mask = STATUS_ONLINE,
	};
}

static void must_get(int fd, uint32_t count, uint32_t status)
{
	struct udrv_irq_event event;

	MUST(irq_pending(fd, WAIT_MS));
	MUST_OK(irq_read(fd, &event));
	MUST_EQUAL(event.count, count);
	MUST_EQUAL(event.status & status, status);
}

static void must_be_quiet(int fd)
{
	struct udrv_irq_event event;

	usleep(20000);
	MUST_ERROR(irq_read(fd, &event), EAGAIN);
}

/* ---------------------------------------------------------------------- lines */

static void line_without_rule_is_counted(void)
{
	struct udrv_irq_event event;
	int fd = own_parport();
	uint32_t i;

	MUST_ERROR(irq_read(fd, &event), ENXIO);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_LINES);
	MUST(has_interrupt("udrv-parport"));
	for (i = 1; i <= 3; i++) {
		print(fd, 'a');
		WAIT_FOR(counters(fd).out_interrupts == i);
		lower(fd);
	}
	must_get(fd, 3, 0);
	must_be_quiet(fd);
}

static void line_with_rule_is_claimed(void)
{
	struct udrv_irq_rule rule = parport_rule();
	volatile struct udrv_event_slot *slot;
	int fd = own_parport(), i;

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	slot = map_events(fd);
	for (i = 1; i <= fewer(100, 20); i++) {
		print(fd, 'b');
		WAIT_FOR(slot->count == (uint32_t)i);
		must_get(fd, 1, STATUS_ONLINE);
	}
	must_be_quiet(fd);
	/* A rule that does not claim is not asked twice. */
	rule.claim_mask = STATUS_NO_PAPER;
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	print(fd, 'c');
	WAIT_FOR(counters(fd).out_not_ours == 1);
	must_be_quiet(fd);
}

static void what_was_printed_is_in_the_file(void)
{
	const char *path = getenv("UDRV_PARALLEL_OUTPUT");
	int fd = own_parport(), i;
	char text[65536];
	long size;

	if (!path)
		skip("nobody takes what is printed");
	size = MUST_OK(read_text(path, text, sizeof(text)));
	for (i = 0; i < 5; i++)
		print(fd, "hello"[i]);
	WAIT_FOR(read_text(path, text, sizeof(text)) == size + 5);
	MUST(!strcmp(text + size, "hello"));
}

static void storm_is_masked_until_read(void)
{
	struct udrv_io_step steps[120];
	struct udrv_irq_event event;
	int fd = own_parport(), i;
	uint64_t before;

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	for (i = 0; i < 120; i += PRINT_STEPS + 1) {
		print_steps(&steps[i], 'd');
		steps[i + PRINT_STEPS] = step_read(0, PORT_STATUS, 1);
	}
	/* Of many edges one interrupt may come. */
	for (i = 0; i < 60000 && !counters(fd).out_storms; i++) {
		MUST_OK(run_steps(fd, steps, 120, NULL));
		let_others_run();
	}
	MUST_EQUAL(counters(fd).out_storms, 1);
	MUST_EQUAL(logged_times("interrupt storm"), 1);
	before = counters(fd).out_interrupts;
	print(fd, 'e');
	usleep(20000);
	MUST_EQUAL(counters(fd).out_interrupts, before);
	lower(fd);
	MUST_OK(irq_read(fd, &event));
	MUST(event.count > 10000);
	MUST_ERROR(irq_read(fd, &event), EAGAIN);
	do
		usleep(20000);
	while (irq_read(fd, &event) == 0);
	print(fd, 'f');
	must_get(fd, 1, 0);
}

/* ---------------------------------------------------------- a line by level */

/* The kernel's driver keeps the ports of what it knows, so it is to forget it. */
static void forget_uart(void)
{
	struct serial_struct serial;
	int tty = open("/dev/ttyS1", O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (tty < 0)
		return;
	MUST_OK(sys(ioctl(tty, TIOCGSERIAL, &serial)));
	MUST_EQUAL(serial.port, UART_PORTS);
	serial.type = PORT_UNKNOWN;
	MUST_OK(sys(ioctl(tty, TIOCSSERIAL, &serial)));
	close(tty);
}

static int own_uart(void)
{
	struct udrv_legacy legacy = declaration("uart");
	int control = (int)MUST_OK(control_open(O_RDWR)), fd;

	forget_uart();
	add_ports(&legacy, UART_PORTS, 8);
	add_line(&legacy, UART_LINE);
	MUST_OK(legacy_add(control, &legacy));
	close(control);
	fd = own("uart");
	/* Whoever had it may have left it with its divisor at these addresses. */
	MUST_OK(io_write(fd, 0, UART_LINE_CONTROL, 1, UART_8N1));
	MUST_OK(io_write(fd, 0, UART_ENABLE, 1, 0));
	MUST_OK(io_write(fd, 0, UART_FIFO, 1, 0));
	MUST_OK(io_write(fd, 0, UART_MODEM_CONTROL, 1, UART_OUT2));
	return fd;
}

static void uart_assert(int fd, bool on)
{
	MUST_OK(io_write(fd, 0, UART_ENABLE, 1, on ? UART_WANTS_MORE : 0));
}

/* Held back until it is read; asserted still, it comes again. */
static void level_is_masked_until_read(void)
{
	int fd = own_uart(), i;

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	must_be_quiet(fd);
	uart_assert(fd, true);
	for (i = 0; i < 5; i++)
		must_get(fd, 1, 0);
	uart_assert(fd, false);
	while (irq_pending(fd, 20))
		must_get(fd, 1, 0);
	MUST(counters(fd).out_interrupts < 10);
	MUST_EQUAL(counters(fd).out_storms, 0);
	uart_assert(fd, true);
	must_get(fd, 1, 0);
}

/* It claims, and acknowledges nothing. */
static struct udrv_irq_rule useless_rule(void)
{
	return (struct udrv_irq_rule) {
		.claim_width = 1, .claim_offset = UART_STATUS,
		.claim_mask = UART_EMPTY,
	};
}

static void must_recover(int fd)
{
	struct udrv_irq_event event;

	uart_assert(fd, false);
	while (!irq_read(fd, &event))
		usleep(20000);
	uart_assert(fd, true);
	MUST(irq_pending(fd, WAIT_MS));
}

/* The machine lives, and the next reader has the line again. */
static void nobody_acknowledges(void)
{
	struct udrv_irq_rule rule = useless_rule();
	int fd = own_uart();
	uint64_t before;

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	uart_assert(fd, true);
	WAIT_FOR(counters(fd).out_storms);
	MUST_EQUAL(logged_times("interrupt storm"), 1);
	before = counters(fd).out_interrupts;
	MUST(before > 1000 && before < 20000);
	usleep(50000);
	MUST_EQUAL(counters(fd).out_interrupts, before);
	must_recover(fd);
}

/* Nor if the owner pretends to take every event. */
static void nobody_acknowledges_and_says_so(void)
{
	struct udrv_irq_rule rule = useless_rule();
	int fd = own_uart();

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	follow_events(fd);
	usleep(50000);
	uart_assert(fd, true);
	WAIT_FOR(counters(fd).out_storms);
	unfollow_events();
	MUST(counters(fd).out_interrupts < 40000);
	must_recover(fd);
}

/* Free when it was declared, had by another when it is wanted. */
static void line_that_was_taken_meanwhile(void)
{
	struct udrv_legacy legacy = declaration("parport");
	int control = (int)MUST_OK(control_open(O_RDWR)), ide, fd;

	add_ports(&legacy, PARPORT_PORTS, 8);
	add_line(&legacy, 14);
	MUST_OK(legacy_add(control, &legacy));
	ide = device_own("0000:00:0b.0");
	MUST_OK(irq_setup(ide, UDRV_IRQ_LINES, 1, NULL, 0));
	fd = own("parport");
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), EBUSY);
	MUST_REASON(fd, EBUSY, "line 14");
	MUST_ERROR(legacy_remove(control, "other"), ENOENT);
	MUST_OK(legacy_remove(control, "parport"));
	MUST_ERROR(legacy_add(control, &legacy), EBUSY);
	MUST_REASON(control, EBUSY, "line 14");
	close(ide);
	WAIT_FOR(!has_interrupt("udrv-"));
	MUST_OK(legacy_add(control, &legacy));
	close(fd);
	fd = own("parport");
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
}

/* ------------------------------------------------- a line above the ISA bus's */

/* As the firmware of QEMU's q35 has its PCI devices' lines. */
#define LEVEL_HIGH (UDRV_LINE_GSI | UDRV_LINE_LEVEL)

/* A PCI device that no driver has: on, and mapped as anybody may who is root. */
struct bare_edu {
	struct edu edu;
	uint32_t line;
};

static struct bare_edu bare_edu(void)
{
	struct bare_edu bare = { .edu.fd = -1 };
	char text[16] = "";
	int file;

	MUST_OK(write_text("/sys/bus/pci/devices/" EDU_ALONE "/enable", "1"));
	MUST_OK(read_text("/sys/bus/pci/devices/" EDU_ALONE "/irq", text, sizeof(text)));
	bare.line = (uint32_t)strtoul(text, NULL, 10);
	if (bare.line < 16)
		skip("this machine's PCI devices have lines of the ISA bus");
	file = (int)MUST_OK(sys(open("/sys/bus/pci/devices/" EDU_ALONE "/resource0",
				     O_RDWR | O_CLOEXEC)));
	bare.edu.bar = must_map(file, 0, EDU_BAR_SIZE);
	close(file);
	edu_lower(&bare.edu);
	return bare;
}

static void edu_is_off(void)
{
	write_text("/sys/bus/pci/devices/" EDU_ALONE "/enable", "0");
}

static struct udrv_legacy on_line(const char *name, uint32_t line)
{
	struct udrv_legacy legacy = declaration(name);

	add_memory(&legacy, HIDDEN_MEMORY, 4096);
	add_line(&legacy, line);
	return legacy;
}

/* By level: held back until it is read, there as long as it is asserted. */
static void line_above_isa_interrupts(void)
{
	int control = (int)MUST_OK(control_open(O_RDWR)), fd, i;
	struct bare_edu bare = bare_edu();
	struct udrv_legacy legacy = on_line("gsi", LEVEL_HIGH | bare.line), got;

	MUST_OK(legacy_add(control, &legacy));
	MUST_OK(legacy_get(control, "gsi", 0, &got));
	MUST_EQUAL(got.lines[0], legacy.lines[0]);
	fd = own("gsi");
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST(has_interrupt("udrv-gsi"));
	must_be_quiet(fd);
	for (i = 0; i < 3; i++) {
		edu_raise(&bare.edu, 1);
		must_get(fd, 1, 0);
		must_get(fd, 1, 0);
		edu_lower(&bare.edu);
		while (irq_pending(fd, 20))
			must_get(fd, 1, 0);
	}
	MUST_EQUAL(counters(fd).out_storms, 0);
	undeclare("gsi");
	MUST(!has_interrupt("udrv-gsi"));
	edu_is_off();
}

static void line_above_isa_of_others(void)
{
	int control = (int)MUST_OK(control_open(O_RDWR)), edu, fd;
	struct bare_edu bare = bare_edu();
	struct udrv_legacy legacy = on_line("gsi", LEVEL_HIGH | bare.line),
			   edge = on_line("gsi", UDRV_LINE_GSI | bare.line);
	char word[32];

	snprintf(word, sizeof(word), "interrupt line %u", bare.line);
	MUST_ERROR(legacy_add(control, &edge), EBUSY);
	MUST_REASON(control, EBUSY, "another trigger");
	edu_is_off();
	edu = device_own(EDU_ALONE);
	MUST_OK(irq_setup(edu, UDRV_IRQ_INTX, 1, NULL, 0));
	MUST_ERROR(legacy_add(control, &legacy), EBUSY);
	MUST_REASON(control, EBUSY, word);
	MUST_OK(irq_setup(edu, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST_OK(legacy_add(control, &legacy));
	edge = on_line("second", UDRV_LINE_GSI | bare.line);
	edge.ranges[0].start += 4096;
	MUST_ERROR(legacy_add(control, &edge), EBUSY);
	MUST_REASON(control, EBUSY, "declaration of gsi");
	/* Whoever is first has it, as with any line. */
	fd = own("gsi");
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST_ERROR(irq_setup(edu, UDRV_IRQ_INTX, 1, NULL, 0), EBUSY);
	close(fd);
	WAIT_FOR(!has_interrupt("udrv-"));
	MUST_OK(irq_setup(edu, UDRV_IRQ_INTX, 1, NULL, 0));
}

/* What a declaration set up is as free afterwards as it was. */
static void line_above_isa_is_let_go(void)
{
	int control = (int)MUST_OK(control_open(O_RDWR)), result = -1;
	struct udrv_legacy legacy;
	uint32_t line;

	for (line = 23; result && line >= 16; line--) {
		legacy = on_line("gsi", UDRV_LINE_GSI | line);
		result = legacy_add(control, &legacy);
	}
	if (result)
		skip("all lines above the ISA bus's are in use");
	line++;
	for (uint32_t how = 0; how < 4; how++) {
		MUST_OK(legacy_remove(control, "gsi"));
		legacy = on_line("gsi", UDRV_LINE_GSI | how << 29 | line);
		MUST_OK(legacy_add(control, &legacy));
		MUST_OK(irq_setup(own("gsi"), UDRV_IRQ_LINES, 1, NULL, 0));
	}
	MUST(has_interrupt("udrv-gsi"));
}

/* ------------------------------------------------------------------- keyboard */

static struct udrv_legacy keyboard(const char *name)
{
	struct udrv_legacy legacy = declaration(name);

	add_ports(&legacy, 0x60, 1);
	add_ports(&legacy, 0x64, 1);
	return legacy;
}

static void keyboard_of_i8042_is_refused(void)
{
	struct udrv_legacy both = keyboard("keyboard"),
			   data = declaration("keyboard"),
			   wide = declaration("keyboard");
	int control = (int)MUST_OK(control_open(O_RDWR));

	MUST(i8042_bound());
	MUST_ERROR(legacy_add(control, &both), EBUSY);
	MUST_REASON(control, EBUSY, "i8042");
	add_ports(&data, 0x60, 1);
	MUST_ERROR(legacy_add(control, &data), EBUSY);
	MUST_REASON(control, EBUSY, "i8042");
	/* Ports between them, by a range that has both. */
	add_ports(&wide, 0x60, 5);
	MUST_ERROR(legacy_add(control, &wide), EBUSY);
	if (i8042_bind(false))
		skip("this kernel's i8042 does not let go");
	MUST_ERROR(legacy_add(control, &wide), EBUSY);
	MUST_OK(legacy_add(control, &both));
	/* Nobody else's while it is declared. */
	data = keyboard("second");
	MUST_ERROR(legacy_add(control, &data), EBUSY);
	MUST_REASON(control, EBUSY, "declaration of keyboard");
}

/* Nobody can keep i8042 away; but both at once there are not. */
static void keyboard_that_i8042_took_back(void)
{
	int fd;

	declare_keyboard("keyboard");
	close(own("keyboard"));
	MUST_OK(i8042_bind(true));
	MUST_ERROR(device_open("keyboard", O_RDWR), EBUSY);
	MUST(logged("i8042 has the keyboard"));
	MUST_OK(fd = device_open("keyboard", O_RDONLY));
	MUST_OK(i8042_bind(false));
	close(own("keyboard"));
}

/* It comes while the device is in use: who uses it does so no longer. */
static void keyboard_that_i8042_takes_from_its_owner(void)
{
	uint64_t value;
	int fd, other;

	other = own_parport();
	declare_keyboard("keyboard");
	fd = own("keyboard");
	MUST_OK(io_read(fd, 1, 0, 1, &value));
	/* With no lines set up, nothing of the kernel's would keep it away. */
	MUST_OK(i8042_bind(true));
	MUST(i8042_bound());
	MUST_ERROR(io_read(fd, 1, 0, 1, &value), ENODEV);
	MUST_OK(io_read(other, 0, 0, 1, &value));
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0), ENODEV);
	MUST_ERROR(device_open("keyboard", O_RDWR), EBUSY);
	close(fd);
	MUST_OK(i8042_bind(false));
	/* With them it has them all the same. */
	fd = own("keyboard");
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0));
	MUST_OK(i8042_bind(true));
	MUST(!has_interrupt("udrv-keyboard"));
	MUST(has_interrupt("i8042"));
	MUST_ERROR(io_read(fd, 1, 0, 1, &value), ENODEV);
	MUST_OK(i8042_bind(false));
	close(own("keyboard"));
	close(fd);
}

static void key_write(int fd, int region, uint8_t value)
{
	struct udrv_io_step steps[] = {
		step_wait(1, 0, 1, PS2_BUSY, 0, 500000),
		step_write(region, 0, 1, value),
	};

	MUST_OK(run_steps(fd, steps, 2, NULL));
}

static uint8_t key_read(int fd)
{
	struct udrv_io_step steps[] = {
		step_wait(1, 0, 1, PS2_FULL, PS2_FULL, 500000),
		step_read(0, 0, 1),
	};

	MUST_OK(run_steps(fd, steps, 2, NULL));
	return (uint8_t)steps[1].out_value;
}

static void drain(int fd)
{
	uint64_t value;

	MUST_OK(io_read(fd, 1, 0, 1, &value));
	while (value & PS2_FULL) {
		MUST_OK(io_read(fd, 0, 0, 1, &value));
		MUST_OK(io_read(fd, 1, 0, 1, &value));
	}
}

static int own_keyboard(void)
{
	int fd;

	declare_keyboard("keyboard");
	fd = own("keyboard");
	drain(fd);
	key_write(fd, 1, PS2_WRITE_MODE);
	key_write(fd, 0, PS2_MODE);
	drain(fd);
	return fd;
}

static uint8_t key_mode(int fd)
{
	drain(fd);
	key_write(fd, 1, PS2_READ_MODE);
	return key_read(fd);
}

/* Leave it without translation, and in the middle of a command. */
static void spoil_and_die(void *how)
{
	int fd = own("keyboard");

	key_write(fd, 1, PS2_WRITE_MODE);
	key_write(fd, 0, 0x03);
	MUST_EQUAL(key_mode(fd), 0x03);
	key_write(fd, 1, MOUSE_NEXT);
	if (how)
		undeclare("keyboard");
	raise(SIGKILL);
}

/* Who comes next cannot know how the controller was, so the kernel does. */
static void keyboard_is_left_as_it_was_found(void)
{
	static char revoked[] = "revoked";
	uint8_t found;
	int fd;

	declare_keyboard("keyboard");
	fd = own("keyboard");
	found = key_mode(fd);
	MUST(found != 0x03);
	close(fd);
	MUST_EQUAL(reap(spawn(spoil_and_die, NULL)), 128 + SIGKILL);
	WAIT_FOR((fd = device_open("keyboard", O_RDWR | O_NONBLOCK)) >= 0);
	MUST_EQUAL(key_mode(fd), found);
	close(fd);
	MUST_EQUAL(reap(spawn(spoil_and_die, revoked)), 128 + SIGKILL);
	declare_keyboard("keyboard");
	fd = own("keyboard");
	MUST_EQUAL(key_mode(fd), found);
}

static void keyboard_and_mouse_interrupt(void)
{
	struct udrv_irq_rule rules[2] = {
		{ .claim_width = 1, .claim_region = 1, .claim_mask = PS2_FULL },
	};
	int fd, mouse, rounds, i;

	rules[1] = rules[0];
	fd = own_keyboard();
	for (rounds = 0; rounds < 2; rounds++) {
		drain(fd);
		MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 2, rules, rounds ? 2 : 0));
		mouse = (int)MUST_OK(irq_fd(fd, 1, UDRV_IRQ_FD_NONBLOCK));
		for (i = 0; i < 5; i++) {
			key_write(fd, 0, KEYBOARD_ECHO);
			must_get(fd, 1, rounds ? PS2_FULL : 0);
			MUST_EQUAL(key_read(fd), KEYBOARD_ECHO);
			key_write(fd, 1, MOUSE_NEXT);
			key_write(fd, 0, MOUSE_ENABLE);
			must_get(mouse, 1, rounds ? PS2_FULL : 0);
			MUST_EQUAL(key_read(fd), ACKNOWLEDGED);
		}
		must_be_quiet(fd);
		must_be_quiet(mouse);
		close(mouse);
	}
}

/* Any keyboard of the kernel's gets a pressed A. */
static bool kernel_has_key(void)
{
	struct input_event event;
	struct dirent *entry;
	char path[300];
	bool found = false;
	int files[16], count = 0, i;
	uint64_t end;
	DIR *dir;

	dir = opendir("/dev/input");
	while (dir && count < 16 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "event", 5))
			continue;
		snprintf(path, sizeof(path), "/dev/input/%s", entry->d_name);
		files[count] = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		count += files[count] >= 0;
	}
	if (dir)
		closedir(dir);
	host_qmp("{\"execute\": \"input-send-event\", \"arguments\": {\"events\": ["
		 "{\"type\": \"key\", \"data\": {\"down\": true, \"key\": {\"type\": \"qcode\", \"data\": \"a\"}}},"
		 "{\"type\": \"key\", \"data\": {\"down\": false, \"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}]}}");
	for (end = now_ms() + 1000; !found && now_ms() < end; usleep(1000))
		for (i = 0; i < count; i++)
			while (read(files[i], &event, sizeof(event)) == sizeof(event))
				found |= event.type == EV_KEY &&
					 event.code == KEY_A && event.value == 1;
	while (count)
		close(files[--count]);
	return found;
}

static void keyboard_goes_back(void)
{
	int fd;

	if (system("modprobe -q evdev"))
		skip("this kernel has no evdev");
	fd = own_keyboard();
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0));
	MUST(!kernel_has_key());
	MUST(irq_pending(fd, WAIT_MS));
	undeclare("keyboard");
	MUST_OK(i8042_bind(true));
	/* The disconnected owner changes nothing about it. */
	WAIT_FOR(kernel_has_key());
	close(fd);
	MUST(kernel_has_key());
}

const struct test tests[] = {
	TEST(line_without_rule_is_counted),
	TEST(line_with_rule_is_claimed),
	TEST(what_was_printed_is_in_the_file),
	TEST(storm_is_masked_until_read),
	TEST(level_is_masked_until_read),
	TEST(nobody_acknowledges),
	TEST(nobody_acknowledges_and_says_so),
	TEST(line_that_was_taken_meanwhile),
	TEST(line_above_isa_interrupts),
	TEST(line_above_isa_of_others),
	TEST(line_above_isa_is_let_go),
	TEST(keyboard_of_i8042_is_refused),
	TEST(keyboard_that_i8042_took_back),
	TEST(keyboard_that_i8042_takes_from_its_owner),
	TEST(keyboard_is_left_as_it_was_found),
	TEST(keyboard_and_mouse_interrupt),
	TEST(keyboard_goes_back),
	{ NULL, NULL },
};
