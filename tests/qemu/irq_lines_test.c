// SPDX-License-Identifier: MIT
/* Legacy lines: the IDE function's ISA interrupts 14 and 15, and its ports. */
#include "device.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 90;

#define IDE "0000:00:0b.0"

/* Regions of channel c: registers 2c, control 2c + 1; both: bus master. */
#define BUS_MASTER 4
#define BM_STATUS(channel) (2 + 8 * (channel))	/* in BUS_MASTER */
#define BM_INTERRUPT 0x04
#define BM_ALL 0x66		/* what a write keeps (5, 6) or clears (1, 2) */

/* ATA-4, 7: command block registers. */
#define ATA_DATA 0
#define ATA_DEVICE 6
#define ATA_STATUS 7
#define ATA_COMMAND 7
#define  ATA_BUSY 0x80
#define  ATA_REQUEST 0x08
#define ATA_CONTROL 0		/* in the control region; reads as status */
#define  ATA_NO_INTERRUPT 0x02
#define  ATA_RESET 0x04
#define ATA_MASTER 0xa0
#define ATA_CHECK_POWER 0xe5	/* moves no data */
#define ATA_IDENTIFY 0xec
#define SECTOR 512

/* Configuration space, PCI 3.0, 6.2.2. */
#define PCI_COMMAND 4
#define PCI_COMMAND_IO 1
#define PCI_COMMAND_MASTER 4
#define PCI_COMMAND_INTX_DISABLE 0x400


/* Without the interrupt that some devices raise after it. */
static void ide_reset(int fd, int channel)
{
	struct udrv_io_step steps[] = {
		step_write(2 * channel + 1, ATA_CONTROL, 1,
			   ATA_RESET | ATA_NO_INTERRUPT),
		{ .op = UDRV_OP_DELAY, .count = 10 },
		step_write(2 * channel + 1, ATA_CONTROL, 1, ATA_NO_INTERRUPT),
		step_wait(2 * channel + 1, ATA_CONTROL, 1, ATA_BUSY, 0, 500000),
		step_write(2 * channel, ATA_DEVICE, 1, ATA_MASTER),
		step_read(2 * channel, ATA_STATUS, 1),
		step_write(BUS_MASTER, BM_STATUS(channel), 1, BM_ALL),
		step_write(2 * channel + 1, ATA_CONTROL, 1, 0),
	};

	MUST_OK(run_steps(fd, steps, ARRAY_SIZE(steps), NULL));
}

static int ide_own(void)
{
	int fd;

	/* Left there by a test that failed. */
	if (device_bound_to(IDE, "ata_piix"))
		device_unbind(IDE);
	fd = device_own(IDE);
	ide_reset(fd, 0);
	ide_reset(fd, 1);
	return fd;
}

static void ide_command(int fd, int channel, uint8_t code)
{
	struct udrv_io_step steps[] = {
		step_write(2 * channel, ATA_DEVICE, 1, ATA_MASTER),
		step_wait(2 * channel + 1, ATA_CONTROL, 1,
			  ATA_BUSY | ATA_REQUEST, 0, 500000),
		step_write(2 * channel, ATA_COMMAND, 1, code),
	};

	MUST_OK(run_steps(fd, steps, ARRAY_SIZE(steps), NULL));
}

/* What an IDENTIFY left to be read: strings have the first letter high. */
static void must_be_disk(int fd, int channel, int width, const char *serial)
{
	uint8_t bytes[SECTOR + 1];
	struct udrv_io_step steps[] = {
		step_wait(2 * channel + 1, ATA_CONTROL, 1,
			  ATA_BUSY | ATA_REQUEST, ATA_REQUEST, 500000),
		/* To an odd address. */
		step_string(UDRV_OP_READ_STRING, 2 * channel, ATA_DATA, width,
			    SECTOR / (uint32_t)width, bytes + 1),
		step_wait(2 * channel + 1, ATA_CONTROL, 1,
			  ATA_BUSY | ATA_REQUEST, 0, 500000),
	};
	char text[21];
	int i;

	MUST_OK(run_steps(fd, steps, ARRAY_SIZE(steps), NULL));
	for (i = 0; i < 20; i++)	/* words 10 to 19 */
		text[i] = (char)bytes[1 + 20 + (i ^ 1)];
	text[20] = '\0';
	if (strncmp(text, serial, strlen(serial)))
		fail(__FILE__, __LINE__, "the disk says it is %s, not %s", text,
		     serial);
}

/* Claim by the bus master's status, write it back, read the disk's. */
static struct udrv_irq_rule ide_rule(int channel)
{
	return (struct udrv_irq_rule) {
		.claim_width = 1, .claim_region = BUS_MASTER,
		.claim_offset = (uint64_t)BM_STATUS(channel),
		.claim_mask = BM_INTERRUPT,
		.acks = {
			{ .op = UDRV_RULE_WRITE, .width = 1, .region = BUS_MASTER,
			  .offset = (uint64_t)BM_STATUS(channel), .and_mask = 0xff },
			{ .op = UDRV_RULE_READ, .width = 1,
			  .region = (uint8_t)(2 * channel), .offset = ATA_STATUS },
		},
	};
}

/*
 * The other way round: when the bus master's status is clear, all is done and
 * a register program may go on.
 */
static struct udrv_irq_rule ide_rule_status_last(int channel)
{
	struct udrv_irq_rule rule = ide_rule(channel);
	struct udrv_rule_access first = rule.acks[0];

	rule.acks[0] = rule.acks[1];
	rule.acks[1] = first;
	return rule;
}

/* Both lines, each with its rule or without; vector 1's file in @second. */
static int ide_lines(bool with_rules, int *second)
{
	struct udrv_irq_rule rules[] = { ide_rule(0), ide_rule(1) };
	int fd = ide_own();

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 2, rules, with_rules ? 2 : 0));
	set_nonblock(fd, true);
	*second = (int)MUST_OK(irq_fd(fd, 1, UDRV_IRQ_FD_NONBLOCK));
	return fd;
}

static void must_be_quiet(int fd)
{
	struct udrv_irq_event event;

	usleep(20000);
	MUST_ERROR(irq_read(fd, &event), EAGAIN);
}

static void must_get(int fd, uint32_t count, uint32_t status)
{
	struct udrv_irq_event event;

	MUST(irq_pending(fd, WAIT_MS));
	MUST_OK(irq_read(fd, &event));
	MUST_EQUAL(event.count, count);
	MUST_EQUAL(event.status & BM_INTERRUPT, status);
}

/* ------------------------------------------------------------ what there is */

static void two_lines_and_nothing_else(void)
{
	struct udrv_irq_rule rule = { .acks[0].op = UDRV_RULE_READ };
	int fd = ide_own();
	struct udrv_irq_event event;

	MUST_EQUAL(info(fd).out_lines, 2);
	MUST_EQUAL(info(fd).out_intx, 0);
	MUST_EQUAL(info(fd).out_msi, 0);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_INTX, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_MSI, 1, NULL, 0), ENXIO);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 3, NULL, 0), EINVAL);
	MUST_REASON(fd, EINVAL, "1 to 2");
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 0, NULL, 0), EINVAL);
	/* Without a claim register a line's interrupt is anybody's. */
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1), EINVAL);
	MUST_ERROR(irq_fd(fd, 2, 0), ENXIO);
	MUST_ERROR(irq_read(fd, &event), ENXIO);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST_EQUAL(info(fd).out_irq_kind, UDRV_IRQ_LINES);
	MUST(has_interrupt("udrv-" IDE));
	MUST_OK(irq_setup(fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!has_interrupt("udrv-" IDE));
	close(fd);
	/* A device with INTx has no lines. */
	fd = device_own(EDU);
	MUST_EQUAL(info(fd).out_lines, 0);
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), ENXIO);
}

static void ports_of_both_channels(void)
{
	static const uint64_t sizes[] = { 8, 1, 8, 1, 16 };
	int fd = ide_own(), i;
	uint64_t value;

	for (i = 0; i < 5; i++) {
		struct udrv_region_info region = region_info(fd, (unsigned int)i);

		MUST_EQUAL(region.out_kind, UDRV_KIND_PORTS);
		MUST_EQUAL(region.out_size, sizes[i]);
		MUST_EQUAL(region.out_caps, UDRV_REGION_PROGRAM);
	}
	MUST_EQUAL(region_info(fd, 5).out_kind, UDRV_KIND_NONE);
	MUST_OK(io_read(fd, 1, 0, 1, &value));
	MUST_ERROR(io_read(fd, 1, 0, 2, &value), EINVAL);
	MUST_ERROR(io_read(fd, 1, 1, 1, &value), EINVAL);
	MUST(config_read(IDE, PCI_COMMAND, 2) & PCI_COMMAND_IO);
}

static void sectors_by_string_in_both_widths(void)
{
	int fd = ide_own();

	ide_command(fd, 0, ATA_IDENTIFY);
	must_be_disk(fd, 0, 2, "udrv-disk0");
	ide_command(fd, 0, ATA_IDENTIFY);
	must_be_disk(fd, 0, 4, "udrv-disk0");
	ide_command(fd, 1, ATA_IDENTIFY);
	must_be_disk(fd, 1, 4, "udrv-big");
}

static void bus_mastering_is_switched(void)
{
	int fd = ide_own();

	if (on_machine("noiommu"))
		skip("DMA needs an IOMMU");
	MUST_OK(bus_master(fd, 1));
	MUST(config_read(IDE, PCI_COMMAND, 2) & PCI_COMMAND_MASTER);
	MUST_OK(bus_master(fd, 0));
	MUST(!(config_read(IDE, PCI_COMMAND, 2) & PCI_COMMAND_MASTER));
	MUST(config_read(IDE, PCI_COMMAND, 2) & PCI_COMMAND_IO);
}

/* ------------------------------------------------------------------- events */

static void each_channel_has_its_vector(void)
{
	int second, fd = ide_lines(true, &second), files[2], i, round;
	uint64_t value;

	files[0] = fd;
	files[1] = second;
	for (round = 0; round < fewer(50, 10); round++) {
		for (i = 0; i < 2; i++) {
			ide_command(fd, i, ATA_IDENTIFY);
			must_get(files[i], 1, BM_INTERRUPT);
			must_be_disk(fd, i, 2, i ? "udrv-big" : "udrv-disk0");
			/* The rule has acknowledged it. */
			MUST_OK(io_read(fd, BUS_MASTER, (uint64_t)BM_STATUS(i), 1,
					&value));
			MUST(!(value & BM_INTERRUPT));
		}
	}
	must_be_quiet(files[0]);
	must_be_quiet(files[1]);
}

static void both_channels_at_once(void)
{
	struct udrv_io_step steps[] = {
		step_write(0, ATA_COMMAND, 1, ATA_IDENTIFY),
		step_write(2, ATA_COMMAND, 1, ATA_IDENTIFY),
	};
	int second, fd = ide_lines(true, &second), i;

	for (i = 0; i < 10; i++) {
		MUST_OK(run_steps(fd, steps, 2, NULL));
		must_get(second, 1, BM_INTERRUPT);
		must_get(fd, 1, BM_INTERRUPT);
		must_be_disk(fd, 0, 2, "udrv-disk0");
		must_be_disk(fd, 1, 2, "udrv-big");
	}
}

/* An edge is counted; nothing holds the next one back. */
static void without_rule_edges_are_counted(void)
{
	int second, fd = ide_lines(false, &second);
	struct udrv_counters before = counters(fd);
	struct udrv_irq_event event;
	uint64_t value;
	uint32_t i;

	for (i = 1; i <= 3; i++) {
		ide_command(fd, 0, ATA_CHECK_POWER);
		WAIT_FOR(counters(fd).out_interrupts ==
			 before.out_interrupts + i);
		MUST_OK(io_read(fd, 0, ATA_STATUS, 1, &value));
	}
	must_get(fd, 3, 0);
	must_be_quiet(fd);
	must_be_quiet(second);
	/* What came while nobody had armed is there at once. */
	ide_command(fd, 1, ATA_CHECK_POWER);
	must_get(second, 1, 0);
	MUST_ERROR(irq_read(second, &event), EAGAIN);
	MUST_EQUAL(counters(fd).out_storms, 0);
}

static void event_page_without_a_call(void)
{
	int second, fd = ide_lines(true, &second), i;
	volatile struct udrv_event_slot *slot = map_events(fd);
	uint32_t seen;

	for (i = 0; i < 20; i++) {
		seen = slot[1].count;
		ide_command(fd, 1, ATA_CHECK_POWER);
		WAIT_FOR(slot[1].count == seen + 1);
		slot[1].seen = seen + 1;
		must_be_quiet(second);
	}
	MUST_EQUAL(slot[0].count, 0);
}

static void one_line_leaves_the_other(void)
{
	struct udrv_irq_rule rule = ide_rule(0);
	int fd = ide_own(), second;
	struct udrv_irq_event event;

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	set_nonblock(fd, true);
	second = (int)MUST_OK(irq_fd(fd, 1, UDRV_IRQ_FD_NONBLOCK));
	ide_command(fd, 1, ATA_CHECK_POWER);
	ide_command(fd, 0, ATA_CHECK_POWER);
	must_get(fd, 1, BM_INTERRUPT);
	MUST_ERROR(irq_read(second, &event), ENXIO);
}

/* ------------------------------------------------------ whose the line is */

/* Linux, include/uapi/linux/comedi.h: a driver that takes any line it is told. */
struct comedi_config {
	char board[20];
	int options[32];
};
#define COMEDI_CONFIGURE _IOW('d', 0, struct comedi_config)

static void line_that_another_holds(void)
{
	struct comedi_config config = { "comedi_parport", { 0x378, 14 } };
	int second, fd = ide_own(), other, ret;
	bool have;

	if (system("modprobe -q comedi comedi_num_legacy_minors=1 && modprobe -q comedi_parport"))
		skip("this kernel has no comedi_parport");
	other = (int)MUST_OK(sys(open("/dev/comedi0", O_RDWR | O_CLOEXEC)));
	MUST_OK(sys(ioctl(other, COMEDI_CONFIGURE, &config)));
	ret = irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0);
	have = has_interrupt("udrv-" IDE);
	/* First of all: it does not survive an interrupt that comes. */
	MUST_OK(sys(ioctl(other, COMEDI_CONFIGURE, NULL)));
	MUST_ERROR(ret, EBUSY);
	MUST_REASON(fd, EBUSY, "line 14");
	MUST_REASON(fd, EBUSY, "/proc/interrupts");
	MUST(!have);
	close(fd);
	WAIT_FOR(!has_interrupt("udrv-"));
	fd = ide_lines(true, &second);
	ide_command(fd, 0, ATA_CHECK_POWER);
	must_get(fd, 1, BM_INTERRUPT);
	close(other);
	system("modprobe -rq comedi_parport comedi");
}

/* ------------------------------------------------------------------- storms */

/* Interrupts on the primary that nobody takes, until one storm more. */
static void flood_with_rule(int fd)
{
	uint64_t storms = counters(fd).out_storms;
	struct udrv_io_step steps[128];
	int i, round;

	for (i = 0; i < 128; i += 2) {
		steps[i] = step_write(0, ATA_COMMAND, 1, ATA_CHECK_POWER);
		steps[i + 1] = step_wait(BUS_MASTER, BM_STATUS(0), 1,
					 BM_INTERRUPT, 0, 15000);
	}
	/* Once it is masked nobody acknowledges, and the wait times out. */
	for (round = 0; round < 1000; round++) {
		int ret = run_steps(fd, steps, 128, NULL);

		if (counters(fd).out_storms != storms)
			return;
		if (ret == -ETIMEDOUT)	/* or the machine is slow */
			ide_reset(fd, 0);
		else
			MUST_OK(ret);
	}
	fail(__FILE__, __LINE__, "no storm after %d interrupts", round * 64);
}

/* Edges that come faster than they are served are one: wait for each. */
static void flood_without_rule(int fd)
{
	struct udrv_io_step steps[] = {
		step_read(0, ATA_STATUS, 1),
		step_write(0, ATA_COMMAND, 1, ATA_CHECK_POWER),
	};
	volatile struct udrv_event_slot *slot = map_events(fd);
	uint64_t storms = counters(fd).out_storms, deadline;
	uint32_t before;

	while (counters(fd).out_storms == storms) {
		before = slot->count;
		MUST_OK(run_steps(fd, steps, 2, NULL));
		deadline = now_ms() + WAIT_MS;
		while (slot->count == before &&
		       counters(fd).out_storms == storms) {
			let_others_run();
			MUST(now_ms() < deadline);
		}
	}
}

static void flood(int fd, bool with_rule)
{
	if (with_rule)
		flood_with_rule(fd);
	else
		flood_without_rule(fd);
}

static int storm(bool with_rule)
{
	struct udrv_irq_rule rule = ide_rule_status_last(0);
	int fd = ide_own();

	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, with_rule));
	set_nonblock(fd, true);
	flood(fd, with_rule);
	return fd;
}

/* What was masked meanwhile may come now; after that all is as it was. */
static void recover(int fd)
{
	struct udrv_irq_event event;
	uint64_t value;

	MUST_OK(irq_read(fd, &event));
	MUST(event.count > 10000);
	MUST_ERROR(irq_read(fd, &event), EAGAIN);
	do
		usleep(20000);
	while (irq_read(fd, &event) == 0);
	MUST_OK(io_read(fd, 0, ATA_STATUS, 1, &value));
	ide_command(fd, 0, ATA_CHECK_POWER);
	MUST(irq_pending(fd, WAIT_MS));
	MUST_OK(irq_read(fd, &event));
	MUST_EQUAL(event.count, 1);
}

static void storm_recovers(bool with_rule)
{
	int fd = storm(with_rule);
	uint64_t before = counters(fd).out_interrupts;

	MUST_EQUAL(logged_times("interrupt storm"), 1);
	/* Masked: nothing is counted. */
	ide_reset(fd, 0);
	ide_command(fd, 0, ATA_CHECK_POWER);
	usleep(20000);
	MUST_EQUAL(counters(fd).out_interrupts, before);
	recover(fd);
	/* The second is not told. */
	flood(fd, with_rule);
	MUST_EQUAL(logged_times("interrupt storm"), 1);
	recover(fd);
}

static void storm_with_rule_recovers_on_read(void)
{
	storm_recovers(true);
}

static void storm_without_rule_recovers_on_read(void)
{
	storm_recovers(false);
}

static void storm_ends_with_a_new_setup(void)
{
	struct udrv_irq_rule rule = ide_rule(0);
	int fd = storm(true);

	/* Nothing is asserted; an edge that the kernel kept is not claimed. */
	ide_reset(fd, 0);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, &rule, 1));
	must_be_quiet(fd);
	ide_command(fd, 0, ATA_CHECK_POWER);
	must_get(fd, 1, BM_INTERRUPT);
}

/* The first disk, as the kernel sees it; found by its model. */
static bool kernel_has_disk(char *name)
{
	char path[64], model[64];

	for (*name = 'a'; *name <= 'h'; (*name)++) {
		snprintf(path, sizeof(path), "/sys/block/sd%c/device/model", *name);
		if (read_text(path, model, sizeof(model)) > 0 &&
		    !strncmp(model, "UDRV-DISK", 9))
			return true;
	}
	return false;
}

/* The next holder of the line must not find it disabled. */
static void kernel_driver_after_a_storm(void)
{
	char path[32], name;
	void *sector;
	int fd, disk, i;

	fd = storm(true);
	/* Loaded, it would take the device if that were not bound. */
	if (system("modprobe -q sd_mod && modprobe -q ata_piix"))
		skip("this kernel has no ata_piix");
	MUST_OK(device_unbind(IDE));
	MUST_OK(device_bind_to(IDE, "ata_piix"));
	WAIT_FOR(kernel_has_disk(&name));
	snprintf(path, sizeof(path), "/dev/sd%c", name);
	WAIT_FOR((disk = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC)) >= 0);
	MUST(!posix_memalign(&sector, 4096, 4096));
	for (i = 0; i < 10; i++)
		MUST_EQUAL(MUST_OK(sys(pread(disk, sector, 4096, i * 4096))), 4096);
	MUST(interrupts_of("ata_piix") >= 10);
	MUST(!logged("lost interrupt"));
	MUST(!logged("exception Emask"));
	close(disk);
	close(fd);
	MUST_OK(device_unbind(IDE));
	/* And back. */
	fd = ide_lines(true, &i);
	ide_command(fd, 0, ATA_CHECK_POWER);
	must_get(fd, 1, BM_INTERRUPT);
	close(fd);
	close(i);
	system("modprobe -rq ata_piix");
}

/* ---------------------------------------------------------------- the end */

static int victim[2];

static void own_and_wait(void *storming)
{
	struct udrv_irq_event event;
	int second, fd;

	fd = storming ? storm(true) : ide_lines(true, &second);
	set_nonblock(fd, false);
	MUST_EQUAL(write(victim[1], "", 1), 1);
	if (!storming)
		irq_read(fd, &event);
	pause();
}

static void killed_driver(void *storming)
{
	pid_t child;
	char byte;
	int second, fd;

	MUST_OK(sys(pipe(victim)));
	child = spawn(own_and_wait, storming);
	MUST_EQUAL(read(victim[0], &byte, 1), 1);
	usleep(50000);
	MUST(has_interrupt("udrv-" IDE));
	MUST_OK(sys(kill(child, SIGKILL)));
	MUST_EQUAL(reap(child), 128 + SIGKILL);
	WAIT_FOR(!has_interrupt("udrv-" IDE));
	fd = ide_lines(true, &second);
	must_be_quiet(fd);
	ide_command(fd, 0, ATA_IDENTIFY);
	must_get(fd, 1, BM_INTERRUPT);
}

static void killed_while_it_waits(void)
{
	killed_driver(NULL);
}

static void killed_in_a_storm(void)
{
	killed_driver(victim);
}

struct waiter {
	int fd;
	atomic_int state;	/* 1: about to wait, 2: done */
	long result;
};

static void *read_blocked(void *data)
{
	struct waiter *w = data;
	struct udrv_irq_event event;

	w->state = 1;
	w->result = irq_read(w->fd, &event);
	w->state = 2;
	return NULL;
}

static void readers_get_enodev(void (*end)(int fd))
{
	struct waiter waiters[2] = { { .fd = -1 }, { .fd = -1 } };
	int second, fd = ide_lines(true, &second), i;
	struct udrv_irq_event event;
	pthread_t threads[2];

	waiters[0].fd = fd;
	waiters[1].fd = second;
	for (i = 0; i < 2; i++) {
		set_nonblock(waiters[i].fd, false);
		MUST(!pthread_create(&threads[i], NULL, read_blocked, &waiters[i]));
		WAIT_FOR(waiters[i].state == 1);
	}
	usleep(50000);
	end(fd);
	for (i = 0; i < 2; i++) {
		WAIT_FOR(waiters[i].state == 2);
		MUST_EQUAL(pthread_join(threads[i], NULL), 0);
		MUST_EQUAL(waiters[i].result, -ENODEV);
		MUST_ERROR(irq_read(waiters[i].fd, &event), ENODEV);
	}
	MUST(!has_interrupt("udrv-" IDE));
	MUST_ERROR(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0), ENODEV);
}

static void end_by_unbind(int fd)
{
	(void)fd;
	MUST_OK(device_unbind(IDE));
}

static void end_by_release(int fd)
{
	MUST_OK(release(fd));
}

static void unbind_while_two_wait(void)
{
	readers_get_enodev(end_by_unbind);
}

static void release_while_two_wait(void)
{
	readers_get_enodev(end_by_release);
}

static void *command_on(void *data)
{
	struct waiter *w = data;
	struct udrv_io_step steps[] = {
		step_write(0, ATA_COMMAND, 1, ATA_CHECK_POWER),
		step_write(2, ATA_COMMAND, 1, ATA_CHECK_POWER),
	};

	while (!run_steps(w->fd, steps, 2, NULL))
		w->state = 1;
	w->state = 2;
	return NULL;
}

/* Interrupts come while it ends, again and again. */
static void unbind_under_interrupts(void)
{
	int second, fd, i;

	for (i = 0; i < fewer(30, 10); i++) {
		struct waiter worker = { .fd = -1 };
		pthread_t thread;

		fd = ide_lines(i & 1, &second);
		worker.fd = fd;
		MUST(!pthread_create(&thread, NULL, command_on, &worker));
		WAIT_FOR(worker.state == 1);
		usleep(2000);
		MUST_OK(device_unbind(IDE));
		MUST_EQUAL(pthread_join(thread, NULL), 0);
		close(second);
		close(fd);
	}
}

/* QEMU's ignores the bit; ICH's masks lines 14 and 15 with it. */
static void intx_disable_is_off_while_lines_are_on(void)
{
	int fd = ide_own();
	const uint32_t mask = PCI_COMMAND_INTX_DISABLE;

	MUST(config_read(IDE, PCI_COMMAND, 2) & mask);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 2, NULL, 0));
	MUST(!(config_read(IDE, PCI_COMMAND, 2) & mask));
	MUST_OK(irq_setup(fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(config_read(IDE, PCI_COMMAND, 2) & mask);
	MUST_OK(irq_setup(fd, UDRV_IRQ_LINES, 1, NULL, 0));
	MUST(!(config_read(IDE, PCI_COMMAND, 2) & mask));
	close(fd);
	MUST(config_read(IDE, PCI_COMMAND, 2) & mask);
	/* It has no pin: no driver's enabling it would do that. */
	MUST_OK(device_unbind(IDE));
	MUST(!(config_read(IDE, PCI_COMMAND, 2) & mask));
}

const struct test tests[] = {
	TEST(two_lines_and_nothing_else),
	TEST(ports_of_both_channels),
	TEST(sectors_by_string_in_both_widths),
	TEST(bus_mastering_is_switched),
	TEST(intx_disable_is_off_while_lines_are_on),
	TEST(each_channel_has_its_vector),
	TEST(both_channels_at_once),
	TEST(without_rule_edges_are_counted),
	TEST(event_page_without_a_call),
	TEST(one_line_leaves_the_other),
	TEST(line_that_another_holds),
	TEST(storm_with_rule_recovers_on_read),
	TEST(storm_without_rule_recovers_on_read),
	TEST(storm_ends_with_a_new_setup),
	TEST(kernel_driver_after_a_storm),
	TEST(killed_while_it_waits),
	TEST(killed_in_a_storm),
	TEST(unbind_while_two_wait),
	TEST(release_while_two_wait),
	TEST(unbind_under_interrupts),
	{ NULL, NULL },
};
