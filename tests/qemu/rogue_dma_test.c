// SPDX-License-Identifier: MIT
/*
 * An unprivileged driver whose device is told to read and write what is not
 * its own.  It knows every address there is: root told it.
 */
#include "rogue.h"
#include "nic.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

const char test_machines[] = "iommu";
const int test_seconds = 90;

#define SECRET 0x5e
/* E1000, as the IOMMU's driver names it; before it newer kernels have its domain. */
#define CULPRIT "00:06.0] fault addr"

static uint64_t targets[8];
static unsigned int target_count;

static void add_target(uint64_t address)
{
	MUST(target_count < ARRAY_SIZE(targets));
	targets[target_count++] = address;
}

/* From /proc/iomem, whose addresses root sees. */
static uint64_t kernel_text(void)
{
	static char text[65536];
	char *line;

	MUST_OK(read_text("/proc/iomem", text, sizeof(text)));
	line = strstr(text, ": Kernel code");
	MUST(line);
	while (line > text && line[-1] != '\n')
		line--;
	return strtoull(line, NULL, 16);
}

static uint64_t bar_address(const char *address)
{
	return config_read(address, 0x10, 4) & ~0xfu;
}

/* Pages that are ours, with a secret in them. */
static uint8_t *secret_page(void)
{
	uint8_t *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	MUST((void *)page != MAP_FAILED);
	memset(page, SECRET, PAGE);
	return page;
}

static bool all(const uint8_t *bytes, size_t count, uint8_t value)
{
	while (count--)
		if (*bytes++ != value)
			return false;
	return true;
}

struct own {
	struct nic nic;
	struct udrv_dma map;
	uint8_t *memory;	/* two pages: to read from, to write to */
};

static struct own start(int fd)
{
	struct own own = { .nic = nic_start(fd) };

	MUST_OK(dma_alloc(fd, 2 * PAGE, 64, &own.map));
	own.memory = must_map(fd, own.map.out_mmap_offset, 2 * PAGE);
	memset(own.memory, 0xa1, PAGE);
	memset(own.memory + PAGE, 0xb2, PAGE);
	/* It does copy, or nothing of this means anything. */
	MUST(nic_copy(&own.nic, own.map.out_iova, own.map.out_iova + PAGE, 1000));
	MUST(all(own.memory + PAGE, 1000, 0xa1));
	memset(own.memory + PAGE, 0xb2, PAGE);
	return own;
}

static void write_there_and_read_there(int fd)
{
	struct own own = start(fd);
	unsigned int i;

	for (i = 0; i < target_count; i++) {
		nic_copy(&own.nic, own.map.out_iova, targets[i], NIC_MOST);
		nic_copy(&own.nic, targets[i], own.map.out_iova + PAGE, NIC_MOST);
		attempted(2);
		MUST(!memchr(own.memory + PAGE, SECRET, PAGE));
		/* Nor by a list of addresses that lies there. */
		nic_ring_at(&own.nic, own.map.out_iova, targets[i]);
		attempted(1);
	}
	memset(own.memory + PAGE, 0xb2, PAGE);
	/* And that stopped nothing of its own. */
	MUST(nic_copy(&own.nic, own.map.out_iova, own.map.out_iova + PAGE, 1000));
	MUST(all(own.memory + PAGE, 1000, 0xa1));
	nic_stop(&own.nic);
}

/*
 * The kernel's code, a page of another process, another device's buffer and
 * registers, by their physical addresses; and where that device has its buffer.
 */
static void memory_of_others_is_out_of_reach(void)
{
	struct edu other = edu_open(EDU_ALONE);
	uint8_t *page = secret_page(), *ring;
	struct udrv_dma map;

	edu_write(&other, EDU_LIVENESS, 0x1234);
	MUST_OK(bus_master(other.fd, 1));
	MUST_OK(dma_alloc(other.fd, PAGE, EDU_DMA_BITS, &map));
	ring = must_map(other.fd, map.out_mmap_offset, PAGE);
	memset(ring, SECRET, PAGE);
	add_target(kernel_text());
	add_target(physical(page));
	add_target(physical(ring));
	add_target(map.out_iova);
	add_target(bar_address(EDU_ALONE));
	add_target(0x1000);
	rogue_run(E1000, write_there_and_read_there);
	MUST(all(page, PAGE, SECRET));
	MUST(all(ring, PAGE, SECRET));
	MUST_EQUAL(edu_read(&other, EDU_LIVENESS), ~0x1234u);
	/* Its buffer still works, and the IOMMU's driver says who did it. */
	edu_dma_in(&other, map.out_iova, EDU_BUFFER_SIZE);
	edu_dma_out(&other, map.out_iova, EDU_BUFFER_SIZE);
	MUST(all(ring, PAGE, SECRET));
	WAIT_FOR(logged(CULPRIT));
}

static void use_after_unmap(int fd)
{
	struct own own = start(fd);
	uint8_t *page = secret_page();
	struct udrv_dma map;

	MUST_OK(dma_map(fd, page, PAGE, UDRV_DMA_BOTH, 64, &map));
	MUST(nic_copy(&own.nic, map.out_iova, own.map.out_iova + PAGE, 1000));
	MUST(all(own.memory + PAGE, 1000, SECRET));
	memset(own.memory + PAGE, 0xb2, PAGE);
	MUST_OK(dma_unmap(fd, map.id));
	nic_copy(&own.nic, map.out_iova, own.map.out_iova + PAGE, 1000);
	MUST(!memchr(own.memory + PAGE, SECRET, PAGE));
	nic_copy(&own.nic, own.map.out_iova, map.out_iova, 1000);
	attempted(2);
	MUST(all(page, PAGE, SECRET));
	nic_stop(&own.nic);
}

/* The IOMMU's driver says no more than ten such lines in five seconds. */
static void unmapped_memory_is_out_of_reach(void)
{
	int tries;

	for (tries = 0; !logged(CULPRIT); tries++) {
		MUST(tries < 20);
		sleep(tries ? 1 : 0);
		rogue_run(E1000, use_after_unmap);
	}
}

/* ------------------------------------------------------------- after the end */

#define DELAY_MS 100	/* of edu's transfers, after they were started */
#define MOST_TRIES 20

static uint8_t *lent;
static uint64_t *started_ms;	/* when; shared */

static void start_and_go(int fd)
{
	struct edu edu = { .fd = fd, .bar = must_map(fd, 0, EDU_BAR_SIZE) };
	struct udrv_dma map;

	MUST_OK(bus_master(fd, 1));
	MUST_OK(dma_map(fd, lent, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS, &map));
	edu_write(&edu, EDU_DMA_SOURCE, EDU_BUFFER);
	edu_write(&edu, EDU_DMA_TARGET, (uint32_t)map.out_iova);
	edu_write(&edu, EDU_DMA_COUNT, EDU_BUFFER_SIZE);
	*started_ms = now_ms();
	edu_write(&edu, EDU_DMA_COMMAND, EDU_DMA_RUN | EDU_DMA_OUT);
	attempted(1);
	/* The end of the process is the end of the open. */
}

static void wait_for_end(int observer)
{
	WAIT_FOR(!(info(observer).out_caps & UDRV_INFO_OWNED));
}

/*
 * A driver starts a transfer, and is gone.  Was it before the transfer began?  On a
 * busy host not always; then it says nothing.
 */
static bool gone_in_time(const char *device, int observer)
{
	memset(lent, SECRET, PAGE);
	rogue_run(device, start_and_go);
	wait_for_end(observer);
	return now_ms() - *started_ms < DELAY_MS;
}

static int lend(const char *device)
{
	lent = secret_page();
	started_ms = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	MUST(started_ms != MAP_FAILED);
	MUST_OK(device_bind(device));
	return (int)MUST_OK(device_open(device, O_RDONLY));
}

static void wait_for_transfer(void)
{
	usleep(3 * DELAY_MS * 1000);
}

/* What a dead driver's device had begun it does not end. */
static void transfer_does_not_outlive_its_driver(void)
{
	int observer = lend(EDU_ALONE), tries = 0;

	while (!gone_in_time(EDU_ALONE, observer))
		if (++tries == MOST_TRIES)
			skip("no driver was gone within a tenth of a second");
	wait_for_transfer();
	MUST(all(lent, PAGE, SECRET));
}

/*
 * Two devices that the IOMMU cannot tell apart: what the first began must not
 * end in the memory of the second's owner.
 */
static void transfer_does_not_reach_the_groups_next_owner(void)
{
	int observer = lend(GROUP_EDU), fd, tries = 0;
	uint8_t *page = secret_page();
	struct udrv_dma map;
	bool in_time;

	give(GROUP_EDU_2, NEIGHBOUR);
	do {
		in_time = gone_in_time(GROUP_EDU, observer);
		fd = (int)MUST_OK(device_open(GROUP_EDU_2, O_RDWR));
		MUST_OK(bus_master(fd, 1));
		/* The same address, most likely: made by the same rule. */
		MUST_OK(dma_map(fd, page, PAGE, UDRV_DMA_BOTH, EDU_DMA_BITS,
				&map));
		wait_for_transfer();
		MUST(all(page, PAGE, SECRET));
		MUST(!in_time || all(lent, PAGE, SECRET));
		close(fd);
	} while (!in_time && ++tries < MOST_TRIES);
}

static void open_the_sibling(int fd)
{
	(void)fd;
	REFUSED(device_open(GROUP_EDU_2, O_RDWR), EBUSY);
}

/* It was even given both; but one at a time. */
static void second_device_of_the_group_stays_shut(void)
{
	pid_t rogue;

	give(GROUP_EDU_2, NOBODY);
	rogue = rogue_start(GROUP_EDU, open_the_sibling);
	rogue_end(rogue);
	MUST(blamed(GROUP_EDU_2, "open refused: " GROUP_EDU " of the same IOMMU group",
		    rogue));
}

/* ------------------------------------------------------------ message interrupts */

/*
 * A write to 0xfee00000-0xfeefffff is an interrupt.  Intel VT-d 3.0, 5.1.2.2:
 * bit 4 asks for a remapped one, whose entry bits 5-19 and 2 choose.
 */
static void write_messages(int fd)
{
	struct own own = start(fd);
	unsigned int entry;

	for (entry = 0; entry < 1024; entry++)
		nic_ring_at(&own.nic, own.map.out_iova,
			    0xfee00010 | (uint64_t)entry << 5);
	attempted(entry);
	MUST(nic_copy(&own.nic, own.map.out_iova, own.map.out_iova + PAGE, 1000));
	MUST(all(own.memory + PAGE, 1000, 0xa1));
	nic_stop(&own.nic);
}

/*
 * Each entry that is in use names the one device that may use it, and has that
 * checked: VT-d 3.0, 9.10, bits 64-79 and 82-83.
 */
static void entries_are_bound_to_devices(void)
{
	static char text[1 << 18];
	unsigned int device, entries = 0, ours = 0;
	char *line, *rest = text;
	uint64_t high;

	if (read_text("/sys/kernel/debug/iommu/intel/ir_translation_struct", text,
		      sizeof(text)) < 0)
		return;		/* this kernel does not show them */
	while ((line = strsep(&rest, "\n"))) {
		unsigned int entry, bus, slot, function, to, number;

		if (strstr(line, "Posted"))
			break;
		if (sscanf(line, " %u %x:%x.%x %x %x %" SCNx64, &entry, &bus, &slot,
			   &function, &to, &number, &high) != 7)
			continue;
		device = bus << 8 | slot << 3 | function;
		MUST_EQUAL(high & 0xffff, device);
		MUST_EQUAL(high >> 18 & 3, 1);
		entries++;
		ours += device == 5 << 3;
	}
	MUST(entries > 4);
	MUST_EQUAL(ours, 4);
}

/*
 * QEMU does not look who sent a message that a device made itself, so the
 * neighbour may hear more than there was; that does not harm it.
 */
static void messages_go_no_further_than_their_table(void)
{
	struct udrv_irq_event event;
	volatile uint32_t *bar;
	int fd = device_own(IVSHMEM), i;
	uint64_t before;

	MUST_OK(irq_setup(fd, UDRV_IRQ_MSIX, 4, NULL, 0));
	MUST_OK(bus_master(fd, 1));
	bar = must_map(fd, 0, (size_t)region_info(fd, 0).out_size);
	rogue_run(E1000, write_messages);
	entries_are_bound_to_devices();
	before = counters(fd).out_interrupts;
	set_nonblock(fd, true);
	while (!irq_read(fd, &event))
		;
	/* Its own still come: QEMU's docs/specs/ivshmem-spec, the doorbell. */
	for (i = 0; i < 4; i++)
		bar[3] = bar[2] << 16 | (uint32_t)i;
	WAIT_FOR(counters(fd).out_interrupts == before + 4);
	MUST_OK(irq_read(fd, &event));
	MUST_EQUAL(event.count, 1);
}

const struct test tests[] = {
	TEST(memory_of_others_is_out_of_reach),
	TEST(unmapped_memory_is_out_of_reach),
	TEST(transfer_does_not_outlive_its_driver),
	TEST(transfer_does_not_reach_the_groups_next_owner),
	TEST(second_device_of_the_group_stays_shut),
	TEST(messages_go_no_further_than_their_table),
	{ NULL, NULL },
};
