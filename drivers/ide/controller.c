// SPDX-License-Identifier: MIT
/* The controller as a whole: its regions, interrupts, memory and disks. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
#include "channel.h"

/* Class code, low byte: a bit for each channel that is in native mode. */
#define NATIVE_MODE(channel)	(1u << (2 * (channel)))
#define CLASS_IDE		0x0101
#define CLASS_BUS_MASTER	0x80

/* Of each channel: a page for its table, a page for TRIM ranges. */
#define CHANNEL_MEMORY		(2 * 4096)
#define TRIM_OFFSET		4096

const char *ide_disk_name(const struct ide_disk *disk)
{
	static const char *const names[] = {
		"primary master", "primary slave",
		"secondary master", "secondary slave",
	};

	return names[ide_disk_index(disk)];
}

struct ide_disk *ide_disk(struct ide *ide, unsigned index)
{
	return &ide->channel[index / IDE_UNITS].disk[index % IDE_UNITS];
}

unsigned ide_disk_index(const struct ide_disk *disk)
{
	return disk->channel->index * IDE_UNITS + disk->unit;
}

/* An allocation of this size whose process is dead, or 0. */
static bool find_orphan(int fd, size_t length, uint32_t *id)
{
	struct udrv_dma *entries;
	unsigned total, i;
	bool found = false;

	if (usr_dma_list(fd, NULL, 0, &total) || !total)
		return false;
	entries = calloc(total, sizeof(*entries));
	if (!entries || usr_dma_list(fd, entries, total, &i)) {
		free(entries);
		return false;
	}
	for (i = 0; i < total && !found; i++) {
		found = entries[i].out_state & UDRV_DMA_STATE_BUFFER &&
			entries[i].out_state & UDRV_DMA_STATE_ORPHAN &&
			entries[i].length == length;
		*id = entries[i].id;
	}
	free(entries);
	return found;
}

int ide_memory(int fd, size_t length, struct usr_dma *dma)
{
	uint32_t id;

	if (find_orphan(fd, length, &id) && !usr_dma_adopt(fd, id, dma))
		return 0;
	return usr_dma_alloc(fd, length, IDE_ADDRESS_BITS, dma);
}

static const char *start_dma(struct ide *ide)
{
	if (usr_bus_master(ide->fd, true) ||
	    ide_memory(ide->fd, IDE_CHANNELS * CHANNEL_MEMORY, &ide->memory))
		return usr_error();
	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channel[i];
		uint8_t *at = (uint8_t *)ide->memory.address + i * CHANNEL_MEMORY;
		uint64_t iova = ide->memory.iova + i * CHANNEL_MEMORY;

		c->table = (struct prd *)(void *)at;
		c->table_iova = iova;
		c->trim_block = at + TRIM_OFFSET;
		c->trim_iova = iova + TRIM_OFFSET;
	}
	return NULL;
}

/*
 * The controller's status tells whose channel it was, and is cleared by
 * writing the bit back (not the error bit: that one is for us); the disk ends
 * its own part when its status is read.
 */
static const char *start_interrupts(struct ide *ide)
{
	struct udrv_irq_rule rule[IDE_CHANNELS];

	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		const struct ide_channel *c = &ide->channel[i];
		unsigned status = c->master_offset + BM_STATUS;

		rule[i] = usr_rule_claim(4, status, 1, BM_INTERRUPT);
		rule[i].acks[0] = usr_rule_write_back(4, status, 1,
						      BM_INTERRUPT | BM_CAPABLE);
		rule[i].acks[1] = usr_rule_read(c->command_region, 7, 1);
	}
	if (usr_irq_setup(ide->fd, UDRV_IRQ_LINES, IDE_CHANNELS, rule,
			  IDE_CHANNELS))
		return usr_error();
	ide->slots = usr_event_map(ide->fd, IDE_CHANNELS);
	if (!ide->slots)
		return usr_error();
	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		ide->channel[i].slot = &ide->slots[i];
		ide->channel[i].irq_fd =
			usr_irq_fd(ide->fd, i, UDRV_IRQ_FD_NONBLOCK);
		if (ide->channel[i].irq_fd < 0)
			return usr_error();
	}
	return NULL;
}

static const char *find_regions(struct ide *ide)
{
	struct udrv_region_info master;

	if (usr_region_info(ide->fd, 4, &master))
		return usr_error();
	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channel[i];
		struct udrv_region_info block, control;

		c->ide = ide;
		c->index = i;
		c->irq_fd = -1;
		c->selected = -1;
		c->command_region = 2 * i;
		c->control_region = 2 * i + 1;
		c->master_offset = 8 * i;
		c->direction = -1;
		c->dirty = true;
		c->has_master = master.out_size >= 8 * (i + 1);
		if (usr_region_info(ide->fd, c->command_region, &block) ||
		    usr_region_info(ide->fd, c->control_region, &control))
			return usr_error();
		if (block.out_size < 8 || !control.out_size)
			return "the controller's command or control ports are missing";
		/* PCI IDE Controller Specification 2.4: of 4 bytes, the third. */
		c->control_offset = control.out_size >= 4 ? 2 : 0;
	}
	return NULL;
}

static const char *check_class(const struct ide *ide, unsigned flags)
{
	struct udrv_info info;

	if (usr_info(ide->fd, &info))
		return usr_error();
	if (!(info.out_caps & UDRV_INFO_PCI) || info.out_class >> 16 != CLASS_IDE)
		return "it is not an IDE controller (PCI class 0101)";
	/* Whose interrupt it is the bus master's status tells, too. */
	if (!(info.out_class >> 8 & CLASS_BUS_MASTER) &&
	    flags != (IDE_BY_PIO | IDE_POLLED))
		return "the controller has no bus master: use --pio --poll";
	if (info.out_lines < IDE_CHANNELS && !(flags & IDE_POLLED))
		return "its channels are in native mode, whose interrupts this driver does not take: use --poll";
	return NULL;
}

static const char *start(struct ide *ide, unsigned flags)
{
	const char *problem = check_class(ide, flags);

	if (!problem)
		problem = find_regions(ide);
	if (!problem && !(flags & IDE_BY_PIO))
		problem = start_dma(ide);
	/* Probing also silences what a predecessor left. */
	for (unsigned i = 0; !problem && i < IDE_CHANNELS; i++)
		ide_probe_channel(&ide->channel[i], !(flags & IDE_BY_PIO));
	if (!problem && !ide->polled)
		problem = start_interrupts(ide);
	return problem;
}

const char *ide_start(struct ide *ide, int fd, unsigned flags,
		      void (*tell)(const struct ide_disk *, const char *))
{
	*ide = (struct ide) {
		.fd = fd,
		.polled = flags & IDE_POLLED,
		.tell = tell,
	};
	return start(ide, flags);
}

void ide_stop(struct ide *ide)
{
	for (unsigned i = 0; i < IDE_CHANNELS; i++) {
		struct ide_channel *c = &ide->channel[i];

		if (c->present)
			ide_stop_master(c);
		if (c->irq_fd >= 0)
			close(c->irq_fd);
	}
	if (ide->slots)
		usr_event_unmap(ide->slots, IDE_CHANNELS);
	usr_irq_setup(ide->fd, UDRV_IRQ_NONE, 0, NULL, 0);
	if (ide->memory.address) {
		usr_bus_master(ide->fd, false);
		usr_dma_free(ide->fd, &ide->memory);
	}
}
