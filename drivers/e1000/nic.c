// SPDX-License-Identifier: MIT
/* Opening and closing a NIC. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include "encode.h"
#include "nic.h"

#define DEFAULT_RING	256u
#define DEFAULT_SPINS	2000u
#define SPARE_BUFFERS	512u
#define BUFFERS_MOST	(1u << 16)

static _Thread_local char sentence[512];

const char *e1000_error(void)
{
	return sentence;
}

int e1000_fail(int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(sentence, sizeof(sentence), format, args);
	va_end(args);
	errno = error;
	return -1;
}

int e1000_fail_usr(void)
{
	/* Whatever was being done to it. */
	if (errno == ENODEV)
		return e1000_fail(ENODEV,
			"the device is gone: it was unbound, unplugged or released");
	return e1000_fail(errno, "%s", usr_error());
}

uint64_t e1000_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void e1000_sleep_us(unsigned us)
{
	const struct timespec pause = {
		us / 1000000, (long)(us % 1000000) * 1000,
	};

	nanosleep(&pause, NULL);
}

static int ring_size(unsigned *ring, const char *which)
{
	if (!*ring)
		*ring = DEFAULT_RING;
	if (*ring >= RING_LEAST && *ring <= RING_MOST && !(*ring & (*ring - 1)))
		return 0;
	return e1000_fail(EINVAL,
		"a %s ring has a power of two of descriptors from %u to %u, not %u",
		which, RING_LEAST, RING_MOST, *ring);
}

static int pool_options(struct e1000_options *options)
{
	unsigned least = options->rx_ring + options->tx_ring;
	unsigned bytes = buffer_size_for(options->max_frame);

	if (!bytes)
		return e1000_fail(EINVAL, "frames have %u to %u bytes, not %u",
				  E1000_MIN_FRAME, E1000_MAX_FRAME,
				  options->max_frame);
	if (!options->pool) {
		if (!options->buffers)
			options->buffers = least + SPARE_BUFFERS;
		if (options->buffers < least || options->buffers > BUFFERS_MOST)
			return e1000_fail(EINVAL,
				"rings of %u and %u descriptors take %u to %u buffers, not %u",
				options->rx_ring, options->tx_ring, least,
				BUFFERS_MOST, options->buffers);
		return 0;
	}
	if (options->pool->buffer_size < bytes)
		return e1000_fail(EINVAL,
			"the pool's buffers have %u bytes: too few for frames of %u",
			options->pool->buffer_size, options->max_frame);
	if (options->pool->available < least)
		return e1000_fail(EINVAL,
			"the pool has %u buffers left: too few for rings of %u and %u descriptors",
			options->pool->available, options->rx_ring,
			options->tx_ring);
	return 0;
}

static int take_options(struct e1000 *nic, const struct e1000_options *wanted)
{
	struct e1000_options *options = &nic->options;

	if (wanted)
		*options = *wanted;
	if (ring_size(&options->rx_ring, "receive") ||
	    ring_size(&options->tx_ring, "transmit"))
		return -1;
	if (!options->max_frame)
		options->max_frame = 1514;
	if (!options->spins)
		options->spins = DEFAULT_SPINS;
	if (options->mode > E1000_POLLED)
		return e1000_fail(EINVAL, "there is no mode %d", options->mode);
	if (options->flags & ~E1000_ALL_FLAGS)
		return e1000_fail(EINVAL, "there is no flag %#x",
				  options->flags & ~E1000_ALL_FLAGS);
	nic->rx_mask = options->rx_ring - 1;
	nic->tx_mask = options->tx_ring - 1;
	nic->tx_frame_span = options->max_frame - E1000_MIN_FRAME;
	return pool_options(options);
}

static int identify(struct e1000 *nic)
{
	static const struct {
		uint16_t device;
		const char *name;
	} models[] = {
		{ E1000_82544EI, "82544EI" }, { E1000_82544GC, "82544GC" },
		{ E1000_82540EM, "82540EM" }, { E1000_82545EM, "82545EM" },
	};
	struct udrv_info info;

	if (usr_info(nic->fd, &info))
		return e1000_fail_usr();
	nic->device = info.out_device;
	for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
		if (info.out_vendor == INTEL && info.out_device == models[i].device)
			nic->info.model = models[i].name;
	}
	if (!nic->info.model)
		return e1000_fail(ENOTSUP,
			"%04x:%04x is not a NIC that this driver knows: 8086:1008, 100c, 100e, 100f",
			info.out_vendor, info.out_device);
	nic->registers = usr_region_map(nic->fd, 0, 0, E1000_REGISTERS, 0);
	return nic->registers ? 0 : e1000_fail_usr();
}

static int take_address(struct e1000 *nic)
{
	static const uint8_t zero[6];
	uint16_t words[EEPROM_WORDS];
	uint32_t status;

	if (is_gone(nic))
		return e1000_fail(EIO, "its registers read as ones: it is not there");
	status = reg_read(nic, STATUS);
	nic->info.bus_64 = status & STATUS_BUS64;
	nic->info.bus_pcix = status & STATUS_PCIX;
	/*
	 * Its errata: on PCI-X it can hang on a buffer that ends within 8 bytes
	 * of certain addresses, so that buffers have to be cut there.
	 */
	if (nic->info.bus_pcix && is_82544(nic))
		return e1000_fail(ENOTSUP,
			"an 82544 on a PCI-X bus can hang when it sends, which this driver cannot avoid: put it on a PCI bus");
	if (e1000_read_eeprom(nic, 0, words, EEPROM_WORDS))
		return -1;
	nic->info.eeprom_good = eeprom_sum_is_good(words);
	for (unsigned i = 0; i < 6; i++)
		nic->info.eeprom_mac[i] =
			(uint8_t)(words[EEPROM_MAC + i / 2] >> 8 * (i % 2));
	memcpy(nic->mac, nic->options.mac ? nic->options.mac :
	       nic->info.eeprom_mac, sizeof(nic->mac));
	if (!nic->options.mac && !nic->info.eeprom_good)
		return e1000_fail(EIO,
			"the EEPROM's checksum is wrong, so its address may be: give one");
	if (nic->mac[0] & 1 || !memcmp(nic->mac, zero, sizeof(zero)))
		return e1000_fail(nic->options.mac ? EINVAL : EIO,
			"the address is no single station's");
	return 0;
}

/* A previous process may have died in the middle, with the file passed on. */
static int end_previous(struct e1000 *nic)
{
	struct udrv_dma *entries = NULL;
	unsigned total = 0, now = 0, i;
	int status;

	e1000_stop(nic);
	if (usr_bus_master(nic->fd, false) ||
	    usr_dma_list(nic->fd, NULL, 0, &total))
		return e1000_fail_usr();
	if (!total)
		return 0;
	entries = calloc(total, sizeof(*entries));
	if (!entries)
		return e1000_fail(ENOMEM, "no memory for %u mappings", total);
	/* Another holder of the file may have added some, or removed some. */
	status = usr_dma_list(nic->fd, entries, total, &now);
	for (i = 0; !status && i < total && i < now; i++) {
		/* One by one: those of this process are another's business. */
		if (entries[i].out_state & UDRV_DMA_STATE_ORPHAN ||
		    entries[i].out_state & UDRV_DMA_STATE_BUFFER)
			status = usr_dma_batch(nic->fd, UDRV_DMA_UNMAP,
					       &entries[i], 1, NULL);
	}
	free(entries);
	return status ? e1000_fail_usr() : 0;
}

static int make_ring(struct e1000 *nic, struct usr_dma *dma, unsigned slots,
		     struct e1000_packet ***packets)
{
	*packets = calloc(slots, sizeof(**packets));
	if (!*packets)
		return e1000_fail(ENOMEM, "no memory for a ring");
	if (usr_dma_alloc(nic->fd, slots * sizeof(struct tx_descriptor), 0, dma)) {
		dma->address = NULL;
		return e1000_fail_usr();
	}
	return 0;
}

static int make_rings(struct e1000 *nic)
{
	unsigned rx = nic->rx_mask + 1, tx = nic->tx_mask + 1;

	if (make_ring(nic, &nic->rx_dma, rx, &nic->rx_packets) ||
	    make_ring(nic, &nic->tx_dma, tx, &nic->tx_packets))
		return -1;
	nic->rx = nic->rx_dma.address;
	nic->tx = nic->tx_dma.address;
	nic->tx_holes = calloc(tx / TX_BATCH, 1);
	if (!nic->tx_holes)
		return e1000_fail(ENOMEM, "no memory for a ring");
	if (!e1000_alloc(&nic->pool->shown, nic->rx_packets, rx))
		return e1000_fail(ENOMEM, "the pool has no %u buffers left", rx);
	nic->rx_filled = true;
	return 0;
}

/* Reading ICR says whether it is ours, and acknowledges; IMC keeps it quiet. */
static int set_up_interrupt(struct e1000 *nic)
{
	struct udrv_irq_rule rule = usr_rule_claim(0, ICR, 4, ALL_CAUSES);

	if (nic->options.mode == E1000_POLLED)
		return 0;
	rule.acks[0] = usr_rule_write(0, IMC, 4, ~0u);
	if (usr_irq_setup(nic->fd, UDRV_IRQ_INTX, 1, &rule, 1))
		return e1000_fail_usr();
	nic->events = usr_event_map(nic->fd, 1);
	return nic->events ? 0 : e1000_fail_usr();
}

static int set_up(struct e1000 *nic)
{
	if (identify(nic) || end_previous(nic) || take_address(nic) ||
	    pool_attach(nic) || make_rings(nic) || set_up_interrupt(nic) ||
	    e1000_start(nic))
		return -1;
	/* What was counted before is not ours. */
	e1000_collect(nic);
	memset(nic->counters, 0, sizeof(nic->counters));
	nic->link.changes = 0;
	return 0;
}

/* All but the file. */
static void tear_down(struct e1000 *nic)
{
	if (nic->registers) {
		e1000_stop(nic);
		usr_bus_master(nic->fd, false);
	}
	if (nic->options.mode != E1000_POLLED)
		usr_irq_setup(nic->fd, UDRV_IRQ_NONE, 0, NULL, 0);
	if (nic->events)
		usr_event_unmap(nic->events, 1);
	if (nic->tx_holes)
		tx_empty(nic);
	if (nic->rx_filled)
		rx_empty(nic);
	if (nic->rx_dma.address)
		usr_dma_free(nic->fd, &nic->rx_dma);
	if (nic->tx_dma.address)
		usr_dma_free(nic->fd, &nic->tx_dma);
	pool_detach(nic);
	if (nic->registers)
		usr_region_unmap(nic->registers, E1000_REGISTERS);
	free(nic->rx_packets);
	free(nic->tx_packets);
	free(nic->tx_holes);
	free(nic->groups);
	free(nic);
}

struct e1000 *e1000_open_fd(int fd, const struct e1000_options *options)
{
	struct e1000 *nic = calloc(1, sizeof(*nic));
	int error;

	if (!nic) {
		e1000_fail(ENOMEM, "no memory");
		return NULL;
	}
	nic->fd = fd;
	if (!take_options(nic, options) && !set_up(nic))
		return nic;
	error = errno;
	tear_down(nic);
	errno = error;
	return NULL;
}

struct e1000 *e1000_open(const char *name, const struct e1000_options *options)
{
	int fd = usr_open(name, O_RDWR), error;
	struct e1000 *nic;

	if (fd < 0) {
		e1000_fail_usr();
		return NULL;
	}
	nic = e1000_open_fd(fd, options);
	if (!nic) {
		error = errno;
		close(fd);
		errno = error;
	}
	return nic;
}

void e1000_close(struct e1000 *nic)
{
	int fd;

	if (!nic)
		return;
	fd = nic->fd;
	tear_down(nic);
	close(fd);
}

int e1000_reset(struct e1000 *nic)
{
	/* Collected first: a reset clears the registers. */
	e1000_collect(nic);
	e1000_stop(nic);
	tx_empty(nic);
	nic->stats.resets++;
	nic->stuck_since = 0;
	return e1000_start(nic);
}

struct e1000_pool *e1000_pool(struct e1000 *nic)
{
	return &nic->pool->shown;
}

int e1000_fd(const struct e1000 *nic)
{
	return nic->fd;
}

void e1000_info(const struct e1000 *nic, struct e1000_info *info)
{
	*info = nic->info;
}
