/* SPDX-License-Identifier: MIT */
/*
 * Packets by a gigabit NIC of the 8254x family, from an ordinary process.
 *
 *	struct e1000 *nic = e1000_open("0000:00:0d.0", NULL);
 *	struct e1000_packet *packets[32];
 *	unsigned i, sent, n = e1000_rx_burst(nic, packets, 32);
 *
 *	for (i = 0; i < n; i++)
 *		use(packets[i]->data, packets[i]->length);
 *	sent = e1000_tx_burst(nic, packets, n);		(sends them back)
 *	e1000_free(e1000_pool(nic), packets + sent, n - sent);
 *
 * Nothing is copied: a packet is a buffer of a pool, which the device reads and
 * writes.  Who has a packet owns it: e1000_alloc() and e1000_rx_burst() give
 * it, e1000_tx_burst() and e1000_free() take it.  NICs opened with the same
 * pool (struct e1000_options) may send each other's packets; each of them
 * reaches the whole pool, at addresses of its own.
 *
 * All state is in the handles.  A NIC, its pool and all NICs on that pool
 * belong to one thread at a time; NICs without a common pool are independent.
 *
 * Calls that can fail return -1 or NULL, with errno set and e1000_error() a
 * sentence.  Nothing here prints or exits.  Link with -ludrv-e1000 -ludrv.
 *
 * Chapters are those of Intel's PCI/PCI-X Family of Gigabit Ethernet
 * Controllers Software Developer's Manual, 317453.
 */
#ifndef E1000_H
#define E1000_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

struct e1000;			/* a NIC */

/* ---------------------------------------------------------------- packets */

#define E1000_HEADROOM	88	/* bytes in front of the data, the user's */
#define E1000_MIN_FRAME	14	/* sent frames are padded to 60 by the NIC */
#define E1000_MAX_FRAME	16110	/* largest of e1000_options.max_frame */

/* e1000_packet.flags: what the NIC is to do to a packet it sends */
#define E1000_TX_IPV4_SUM	(1u << 0)	/* write the IPv4 header checksum,
						 * whatever is there
						 */
#define E1000_TX_SUM		(1u << 1)	/* write the TCP or UDP checksum */
#define E1000_TX_TSO		(1u << 2)	/* cut it into segments of mss; QEMU's
						 * model writes wrong lengths in IPv6
						 */
#define E1000_TX_VLAN		(1u << 3)	/* insert a tag, vlan */

/* e1000_packet.status, as the descriptor has it (3.2.3.1) */
#define E1000_RX_DONE		0x01
#define E1000_RX_END		0x02
#define E1000_RX_NO_SUM		0x04	/* checksums were not looked at */
#define E1000_RX_VLAN		0x08	/* a tag was stripped: vlan */
#define E1000_RX_L4_SUM		0x20	/* the TCP or UDP checksum was */
#define E1000_RX_IPV4_SUM	0x40	/* the IPv4 header checksum was */
#define E1000_RX_FILTER		0x80	/* by the hash: may be another group's */

/* e1000_packet.errors (3.2.3.2); only the first two come unasked */
#define E1000_RX_L4_SUM_BAD	0x20
#define E1000_RX_IPV4_SUM_BAD	0x40
#define E1000_RX_BAD_FRAME	0x97	/* CRC, symbol, sequence, carrier, data */

/**
 * struct e1000_packet - a buffer of a pool, and what is to be known of it
 * @length: bytes of this piece, without the FCS
 * @sum: received: ones' complement sum of the frame, as the NIC has it
 * @status: received: E1000_RX_DONE to E1000_RX_FILTER
 * @errors: received: see e1000_rx_sum()
 * @vlan: tag, host byte order: received and stripped, or to be inserted
 * @descriptor: the five above, as in the receive descriptor
 * @flags: E1000_TX_*, 0 as it comes out of e1000_alloc() and e1000_rx_burst()
 * @mss: E1000_TX_TSO: bytes of payload in a segment
 * @network: where the IP header is, bytes from @data
 * @transport: where the TCP or UDP header is
 * @checksum: where its checksum is, with E1000_TX_SUM; the field has to hold
 *	the sum of the pseudo header (with E1000_TX_TSO the driver writes it)
 * @header: E1000_TX_TSO: bytes of all headers together
 * @next: the packet's next piece, for sending only; the offloads are said in
 *	the first, which holds all headers.  NULL as it comes
 * @user: the user's; kept by whatever happens to the buffer
 * @headroom: the user's
 * @data: the frame, from the destination address on
 *
 * A user who writes @flags or @next and then frees the packet without sending
 * it need not clear them.
 */
struct e1000_packet {
	union {
		struct {
			uint16_t length;
			uint16_t sum;
			uint8_t status;
			uint8_t errors;
			uint16_t vlan;
		};
		uint64_t descriptor;
	};
	struct e1000_packet *next;
	uint16_t flags;
	uint16_t mss;
	uint8_t network, transport, checksum, header;
	uint64_t user;
	uint64_t reserved;
	uint8_t headroom[E1000_HEADROOM];
	uint8_t data[];
};

/* What a NIC found out about a received packet's checksums. */
enum e1000_sum {
	E1000_SUM_UNKNOWN,	/* not looked at: to be done by software */
	E1000_SUM_GOOD,		/* TCP's or UDP's is right, and IPv4's if it has one */
	E1000_SUM_BAD,
};

/**
 * e1000_rx_sum() - what the NIC says of a received packet's checksums
 * @packet: as received
 *
 * The error bits mean something only beside their status bits (3.2.9).
 */
static inline enum e1000_sum e1000_rx_sum(const struct e1000_packet *packet)
{
	unsigned looked = packet->status & (E1000_RX_L4_SUM | E1000_RX_IPV4_SUM);

	if (packet->status & E1000_RX_NO_SUM || !looked)
		return E1000_SUM_UNKNOWN;
	/* The same bits in both bytes. */
	if (packet->errors & looked)
		return E1000_SUM_BAD;
	return looked & E1000_RX_L4_SUM ? E1000_SUM_GOOD : E1000_SUM_UNKNOWN;
}

/* ------------------------------------------------------------------- pool */

/**
 * struct e1000_pool - buffers that nobody has, last in first out
 * @available: how many
 * @count: how many there are in all
 * @buffer_size: bytes at e1000_packet.data: 2048, 4096, 8192 or 16384
 * @free: the first @available elements
 */
struct e1000_pool {
	unsigned available;
	unsigned count;
	unsigned buffer_size;
	struct e1000_packet **free;
};

/**
 * e1000_alloc() - take buffers from a pool
 * @pool: of e1000_pool()
 * @packets: set to them; length is not set
 * @count: how many
 *
 * Return: @count, or 0 if it has not so many: all or none.
 */
static inline unsigned e1000_alloc(struct e1000_pool *pool,
				   struct e1000_packet **packets, unsigned count)
{
	if (pool->available < count)
		return 0;
	pool->available -= count;
	memcpy(packets, pool->free + pool->available, count * sizeof(*packets));
	return count;
}

/**
 * e1000_free() - give buffers back to their pool
 * @pool: where they are from
 * @packets: owned by the caller; with those behind their next
 * @count: how many
 */
static inline void e1000_free(struct e1000_pool *pool,
			      struct e1000_packet *const *packets, unsigned count)
{
	struct e1000_packet **to = pool->free + pool->available, *packet, *next;

	for (unsigned i = 0; i < count; i++) {
		packet = packets[i];
		do {
			next = packet->next;
			packet->next = NULL;
			packet->flags = 0;
			*to++ = packet;
			packet = next;
		} while (__builtin_expect(next != NULL, 0));
	}
	pool->available = (unsigned)(to - pool->free);
}

/* ------------------------------------------------------- opening, closing */

enum e1000_mode {
	E1000_INTERRUPT,	/* e1000_wait() sleeps */
	E1000_ADAPTIVE,		/* looks for a while, then sleeps */
	E1000_POLLED,		/* never sleeps, has no interrupt */
};

/* e1000_options.flags */
#define E1000_PROMISCUOUS	(1u << 0)	/* take every frame */
#define E1000_ALL_MULTICAST	(1u << 1)
#define E1000_BAD_FRAMES	(1u << 2)	/* and those with errors */
#define E1000_VLAN_STRIP	(1u << 3)	/* E1000_RX_VLAN; and E1000_TX_VLAN
						 * works: one switch is for both
						 */
#define E1000_NO_RX_SUM		(1u << 4)	/* do not look at checksums */

/**
 * struct e1000_options - how to open a NIC; all zeroes is a good choice
 * @rx_ring: receive descriptors: 64 to 4096, a power of two; 0 = 256
 * @tx_ring: transmit descriptors, as @rx_ring
 * @buffers: in the pool; 0 = both rings full and 512 more
 * @max_frame: bytes of the largest frame without FCS and VLAN tag, up to
 *	E1000_MAX_FRAME; 0 = 1514
 * @mode: what e1000_wait() does
 * @spins: E1000_ADAPTIVE: how often to look before sleeping; 0 = 2000
 * @interrupts: most interrupts in a second, 0 = no limit (13.4.18, ITR)
 * @flags: E1000_PROMISCUOUS and its kin
 * @pool: of another NIC, to share it; @buffers is not looked at then, and
 *	@max_frame has to fit its buffers.  Without an IOMMU the device that
 *	first had the pool stays open until its last user is closed
 * @mac: address to use, NULL = the EEPROM's
 */
struct e1000_options {
	unsigned rx_ring, tx_ring;
	unsigned buffers;
	unsigned max_frame;
	enum e1000_mode mode;
	unsigned spins;
	unsigned interrupts;
	unsigned flags;
	struct e1000_pool *pool;
	const uint8_t *mac;
};

/**
 * e1000_error() - why the last call failed, for a person
 *
 * Return: a sentence; never NULL.  It belongs to the thread.
 */
const char *e1000_error(void);

/**
 * e1000_open() - take a NIC over and start it
 * @name: as usr_open(); it must be bound to udrv
 * @options: NULL = all zeroes
 *
 * Return: the NIC, receiving; or NULL.  EINVAL: wrong options.  ENOTSUP: it is
 * no NIC of the family.  EIO: it does not do what it should.  And the errors
 * of usr_open(), usr_dma_alloc(), usr_dma_map().
 */
struct e1000 *e1000_open(const char *name, const struct e1000_options *options);

/**
 * e1000_open_fd() - the same upon a file that is open already
 * @fd: of usr_open(), inherited or passed; the NIC's from now on, but the
 *	caller's on failure
 * @options: as e1000_open()
 *
 * What a previous process left in the device and in the module's ledger of DMA
 * is ended first.
 *
 * Return: as e1000_open().
 */
struct e1000 *e1000_open_fd(int fd, const struct e1000_options *options);

/**
 * e1000_close() - stop a NIC and let it go
 * @nic: may be NULL
 *
 * What was given to send and is not sent yet is not sent: e1000_tx_drain().
 * The pool goes with its last NIC, packets that the caller still has too.
 */
void e1000_close(struct e1000 *nic);

/**
 * e1000_reset() - start over: hardware, rings, filters
 * @nic: of e1000_open()
 *
 * Packets in the rings are lost; the rest is as before: pool, options, filters,
 * statistics, and how often it was reset.
 *
 * Return: 0, or -1.
 */
int e1000_reset(struct e1000 *nic);

/* The NIC's pool, for e1000_alloc(), e1000_free(), and to share it. */
struct e1000_pool *e1000_pool(struct e1000 *nic);

/* The device's file, for epoll: see e1000_arm().  Not to be read or closed. */
int e1000_fd(const struct e1000 *nic);

/* ---------------------------------------------------------------- packets */

/**
 * e1000_rx_burst() - take what was received
 * @nic: of e1000_open()
 * @packets: set to the packets, in order; the caller's from now on
 * @count: how many at most
 *
 * Each packet's place in the ring is filled from the pool at once; if the pool
 * is empty, packets stay in the ring.  Frames that do not fit max_frame are
 * dropped and counted.
 *
 * Return: how many; 0 if there are none, or no buffers, or the device is gone.
 */
unsigned e1000_rx_burst(struct e1000 *nic, struct e1000_packet **packets,
			unsigned count);

/**
 * e1000_tx_burst() - send packets
 * @nic: of e1000_open()
 * @packets: of the NIC's pool; length and, if not 0, flags and next set
 * @count: how many
 *
 * The first so many that fit the ring are the NIC's from now on.  They go back
 * to the pool some time after they are sent, by later calls.
 *
 * Packets that cannot be sent (length 0, too long, or offloads that make no
 * sense) are dropped and counted.
 *
 * Return: how many were taken.
 */
unsigned e1000_tx_burst(struct e1000 *nic, struct e1000_packet *const *packets,
			unsigned count);

/* Room in the transmit ring: descriptors.  Takes back what was sent. */
unsigned e1000_tx_room(struct e1000 *nic);

/**
 * e1000_tx_drain() - wait until all is sent, and take it back
 * @nic: of e1000_open()
 * @timeout_ms: milliseconds
 *
 * Return: 0, or -1.  ETIMEDOUT: not all (no link, or the other side pauses us).
 * ENODEV: the device is gone.
 */
int e1000_tx_drain(struct e1000 *nic, int timeout_ms);

/* ---------------------------------------------------------------- waiting */

#define E1000_WAIT_RX	(1u << 0)	/* packets have come */
#define E1000_WAIT_TX	(1u << 1)	/* half of the transmit ring is free */
#define E1000_WAIT_LINK	(1u << 2)	/* the link may have changed; comes unasked,
					 * once: see e1000_watch()
					 */

/**
 * e1000_wait() - wait for packets, for room to send, or for the link to change
 * @nic: of e1000_open()
 * @what: E1000_WAIT_RX | E1000_WAIT_TX
 * @timeout_ms: -1 = for ever
 *
 * Returns at once if it is so already.  One system call for each interrupt,
 * with a time-out two.  In the mode E1000_POLLED it looks and does not sleep,
 * until the time is over.
 *
 * Return: what came, E1000_WAIT_*; or -1.  ETIMEDOUT.  EINTR: a signal came.
 * ENODEV: the device is gone.
 */
int e1000_wait(struct e1000 *nic, unsigned what, int timeout_ms);

/**
 * e1000_arm() - before sleeping in poll() or epoll_wait() on e1000_fd()
 * @nic: of e1000_open(), not in the mode E1000_POLLED
 * @what: E1000_WAIT_RX | E1000_WAIT_TX
 *
 *	if (!e1000_arm(nic, E1000_WAIT_RX)) {
 *		poll(...);
 *		if (revents & POLLIN)
 *			e1000_disarm(nic);
 *	}
 *
 * Return: what is there already (do not sleep then); 0 = none: an interrupt
 * will make the file readable.
 */
unsigned e1000_arm(struct e1000 *nic, unsigned what);

/**
 * e1000_disarm() - after that: take the interrupt
 * @nic: of e1000_open()
 *
 * Return: 0, or -1.  ENODEV: the device is gone (POLLHUP).
 */
int e1000_disarm(struct e1000 *nic);

/* ------------------------------------------------------ link and recovery */

/**
 * struct e1000_link - what the NIC knows of its cable
 * @up: there is somebody at the other end
 * @mbps: 10, 100 or 1000
 * @full_duplex: or half
 * @rx_pause: it obeys pause frames
 * @tx_pause: it sends pause frames
 * @changes: how often it went up or down since e1000_open()
 */
struct e1000_link {
	bool up;
	unsigned mbps;
	bool full_duplex;
	bool rx_pause, tx_pause;
	unsigned changes;
};

/* What e1000_watch() saw. */
#define E1000_LINK_CHANGED	(1u << 0)
#define E1000_WAS_HUNG		(1u << 1)	/* and was reset */

/**
 * e1000_watch() - look after the NIC; to be called about once a second
 * @nic: of e1000_open()
 * @link: filled in; may be NULL
 *
 * Follows the link, collects the statistics registers before they overflow, and
 * resets a transmit unit that is hung: it has packets, link, and no pause, and
 * has not moved for two seconds.
 *
 * Return: E1000_LINK_CHANGED | E1000_WAS_HUNG, 0 = nothing new; or -1.
 * ENODEV: the device is gone.  EIO: the reset failed.
 */
int e1000_watch(struct e1000 *nic, struct e1000_link *link);

/* ---------------------------------------------------------------- filters */

/* The address in use. */
void e1000_mac(const struct e1000 *nic, uint8_t mac[6]);

/**
 * e1000_set_mac() - use another address
 * @nic: of e1000_open()
 * @mac: not a group's
 *
 * Return: 0, or -1 with EINVAL.
 */
int e1000_set_mac(struct e1000 *nic, const uint8_t mac[6]);

/**
 * e1000_set_multicast() - which groups' frames to take
 * @nic: of e1000_open()
 * @groups: addresses
 * @count: how many; the first 15 are matched exactly, others by a hash of 12
 *	bits, which lets some of other groups through
 *
 * Return: 0, or -1.  EINVAL: one of them is no group's; nothing is changed.
 */
int e1000_set_multicast(struct e1000 *nic, const uint8_t (*groups)[6],
			unsigned count);

/**
 * e1000_set_flags() - change E1000_PROMISCUOUS and its kin
 * @nic: of e1000_open()
 * @flags: all that are to be on
 *
 * Return: 0, or -1.  EINVAL: no such flag.
 */
int e1000_set_flags(struct e1000 *nic, unsigned flags);

/**
 * e1000_set_vlans() - which VLANs' frames to take
 * @nic: of e1000_open()
 * @ids: 0 to 4095
 * @count: how many; 0 = all
 *
 * Return: 0, or -1.  EINVAL: no such id; nothing is changed.
 */
int e1000_set_vlans(struct e1000 *nic, const uint16_t *ids, unsigned count);

/* ----------------------------------------------------- statistics, looking */

/**
 * struct e1000_stats - since e1000_open()
 * @rx_packets: good ones, by the hardware's count
 * @rx_bytes: theirs, with FCS
 * @rx_missed: no room in the NIC's memory: the ring was not refilled
 * @rx_no_buffers: no descriptor was there when a packet came; it may have
 *	waited in the NIC's memory
 * @rx_errors: CRC, alignment, symbol, length
 * @rx_oversize: dropped by the driver: more than max_frame
 * @rx_pool_empty: times e1000_rx_burst() had no buffer to put in the ring
 * @multicast: received
 * @broadcast: received
 * @tx_packets: good ones, by the hardware's count
 * @tx_bytes: theirs, with FCS
 * @tx_errors: late and excessive collisions
 * @tx_refused: packets that e1000_tx_burst() could not send
 * @tso_packets: of E1000_TX_TSO, by the hardware's count
 * @contexts: context descriptors written
 * @contexts_kept: packets with offloads that needed none
 * @interrupts: taken by e1000_wait() and e1000_disarm()
 * @resets: by e1000_reset()
 * @hangs: found by e1000_watch()
 */
struct e1000_stats {
	uint64_t rx_packets, rx_bytes, rx_missed, rx_no_buffers, rx_errors;
	uint64_t rx_oversize, rx_pool_empty, multicast, broadcast;
	uint64_t tx_packets, tx_bytes, tx_errors, tx_refused, tso_packets;
	uint64_t contexts, contexts_kept;
	uint64_t interrupts, resets, hangs;
};

/* Reads the statistics registers, and adds. */
void e1000_stats(struct e1000 *nic, struct e1000_stats *stats);

/**
 * e1000_counter() - the hardware's statistics registers by number (13.7)
 * @nic: of e1000_open()
 * @index: from 0
 * @name: set to the manual's name of it
 * @value: set to its sum since e1000_open(), as of the last e1000_stats()
 *
 * Return: false if there are no more.
 */
bool e1000_counter(const struct e1000 *nic, unsigned index, const char **name,
		   uint64_t *value);

/**
 * struct e1000_info - what does not change
 * @model: "82540EM"
 * @eeprom_mac: the address it was made with
 * @eeprom_good: its EEPROM's checksum is right
 * @phy_id: registers 2 and 3 of the PHY
 * @bus_64: it sits on a 64-bit bus
 * @bus_pcix: PCI-X
 */
struct e1000_info {
	const char *model;
	uint8_t eeprom_mac[6];
	bool eeprom_good;
	uint32_t phy_id;
	bool bus_64, bus_pcix;
};

/**
 * e1000_info() - what does not change
 * @nic: of e1000_open()
 * @info: filled in
 */
void e1000_info(const struct e1000 *nic, struct e1000_info *info);

#ifdef __cplusplus
}
#endif

#endif
