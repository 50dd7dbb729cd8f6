/* SPDX-License-Identifier: MIT */
/*
 * libudrv's net hook: make a network interface of the kernel's out of whatever
 * a driver can send and receive.
 *
 * The kernel's side is a TAP interface with offload headers: the kernel hands
 * over frames of up to 64 KiB with their checksums not written yet, for the
 * device to write and to cut, and takes such frames.  One thread serves it:
 *
 *	net = usr_net_new(&what);
 *	usr_net_watch(net, device_fd);
 *	usr_net_post(net, slot, pieces, count);		for each slot
 *	for (;;) {
 *		n = usr_net_wait(net, events, 64, -1);
 *		for each event:
 *			USR_NET_FRAME: send it; when it is sent, usr_net_post()
 *				its slot again
 *			USR_NET_READABLE: the device interrupted; what it
 *				received: usr_net_deliver(net, packets, count)
 *			USR_NET_CHANGED: usr_net_settings() are others now
 *			USR_NET_GONE: somebody removed the interface
 *	}
 *
 * Frames are copied once, by the kernel, between its memory and the driver's
 * buffers, which may be the device's own.  TCP segments of one flow that follow
 * each other are merged without a copy before the kernel gets them.
 * usr_net_wait() is the only call that sleeps, and makes one system call for all
 * that came and went since the last (io_uring; where there is none, or an old
 * one, a call for each frame).  It allocates nothing.
 *
 * The interface outlives its driver, without carrier: addresses, routes and
 * connections stay.  A successor takes it over by its name.
 *
 * What needs CAP_NET_ADMIN in the network namespace: to make an interface, to
 * set its MTU and its alias, to follow it into another namespace (which needs
 * CAP_SYS_ADMIN, too).  A user without it has an interface that root made:
 *
 *	ip tuntap add eth-udrv mode tap user alice vnet_hdr
 *
 * What TAP cannot tell the kernel: the driver's name (`ethtool -i` says "tun";
 * the alias in `ip link` says whose it is), errors and drops that the hardware
 * counted, which groups are listened to (so the driver takes all of them); and
 * `ip -s link` counts a merged frame, or one to be cut, as one packet.
 */
#ifndef UDRV_NET_H
#define UDRV_NET_H

#include <sys/uio.h>

#include "udrv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define USR_NET_HEADER		16	/* bytes in front of each posted frame */
#define USR_NET_MAX_SLOTS	256
#define USR_NET_MAX_PIECES	64	/* of one slot */
#define USR_NET_MAX_WATCHES	8
#define USR_NET_MIN_MTU		68
#define USR_NET_MAX_MTU		65521	/* what a TAP interface can have */

/* Bytes of the largest frame with USR_NET_TSO4 or _TSO6, and a few to spare. */
#define USR_NET_MAX_FRAME	65600

/* usr_net_interface.offloads: what the device does to frames that it sends */
#define USR_NET_SUM	(1u << 0)	/* writes TCP's and UDP's checksums */
#define USR_NET_TSO4	(1u << 1)	/* cuts TCP over IPv4; needs USR_NET_SUM */
#define USR_NET_TSO6	(1u << 2)	/* cuts TCP over IPv6; needs USR_NET_SUM */

/* usr_net_interface.flags */
#define USR_NET_NO_RING		(1u << 0)	/* do without io_uring */
#define USR_NET_NO_MERGE	(1u << 1)	/* deliver each frame by itself */

/**
 * struct usr_net_interface - what the kernel is told of an interface
 * @name: up to 15 bytes; with one %d in it the kernel chooses a number, and it
 *	is always a new one
 * @about: for people, such as "e1000 0000:00:05.0"; shown by `ip link` as the
 *	interface's alias, behind "udrv: "
 * @mac: the device's own address
 * @mtu: 0 = what the interface has, 1500 if it is new
 * @max_mtu: USR_NET_MIN_MTU to USR_NET_MAX_MTU; a larger one that somebody sets
 *	is set back
 * @offloads: USR_NET_SUM and its kin
 * @slots: frames to send at a time, 1 to USR_NET_MAX_SLOTS
 * @headroom: bytes in front of each frame given to usr_net_deliver() that it may
 *	overwrite; with USR_NET_HEADER or more it is faster
 * @flags: USR_NET_NO_RING, USR_NET_NO_MERGE
 */
struct usr_net_interface {
	const char *name;
	const char *about;
	uint8_t mac[6];
	uint32_t mtu;
	uint32_t max_mtu;
	uint32_t offloads;
	uint32_t slots;
	uint32_t headroom;
	uint32_t flags;
};

/**
 * struct usr_net_settings - how the system wants the device to be
 * @mac: its address; not the device's own one if somebody changed it
 * @mtu: longest IP packet
 * @up: `ip link set up`; else nobody listens
 * @promiscuous: take every frame: a bridge, tcpdump
 * @all_multicast: take all groups' frames
 */
struct usr_net_settings {
	uint8_t mac[6];
	uint32_t mtu;
	bool up;
	bool promiscuous;
	bool all_multicast;
};

/* usr_net_frame.flags */
#define USR_NET_FRAME_SUM	(1u << 0)	/* write the checksum */
#define USR_NET_FRAME_TSO	(1u << 1)	/* cut it, all checksums */
#define USR_NET_FRAME_IPV4	(1u << 2)	/* it is IPv4 (with _TSO) */

/**
 * struct usr_net_frame - a frame to send
 * @slot: where it is: USR_NET_HEADER bytes behind the start of its first piece
 * @length: bytes
 * @flags: USR_NET_FRAME_SUM and its kin
 * @network: where the IP header is, bytes from the frame's start (with _TSO)
 * @transport: the checksum is that of all bytes from here on (_SUM, _TSO)
 * @checksum: where it goes; the field has the pseudo header's sum (_SUM, _TSO)
 * @header: bytes of all headers together (_TSO)
 * @segment: bytes of payload of each segment but the last (_TSO)
 *
 * Offsets and sizes lie within the frame.
 */
struct usr_net_frame {
	unsigned slot;
	uint32_t length;
	uint16_t flags;
	uint16_t network;
	uint16_t transport;
	uint16_t checksum;
	uint16_t header;
	uint16_t segment;
};

enum usr_net_event_kind {
	USR_NET_FRAME,		/* to be sent */
	USR_NET_READABLE,	/* a watched file */
	USR_NET_CHANGED,	/* usr_net_settings() */
	USR_NET_GONE,		/* the interface; only usr_net_free() is left */
};

/**
 * struct usr_net_event - what usr_net_wait() has to tell
 * @kind: which
 * @fd: READABLE: which file
 * @frame: FRAME: what and where
 */
struct usr_net_event {
	enum usr_net_event_kind kind;
	int fd;
	struct usr_net_frame frame;
};

/* usr_net_packet.flags */
#define USR_NET_CHECKED	(1u << 0)	/* the device found all checksums right */

/**
 * struct usr_net_packet - a frame that was received
 * @data: from the destination address on, without FCS
 * @length: bytes, at least 14
 * @flags: USR_NET_CHECKED
 */
struct usr_net_packet {
	void *data;
	uint32_t length;
	uint32_t flags;
};

/**
 * struct usr_net_statistics - since usr_net_new()
 * @received: packets given to usr_net_deliver()
 * @delivered: frames handed to the kernel, merged ones counted once
 * @dropped: not taken by the kernel: the interface is down, or no memory
 * @sent: frames taken from the kernel
 * @sent_cut: of them, those with USR_NET_FRAME_TSO
 * @too_long: frames that did not fit their slot, dropped
 * @malformed: frames whose offload header makes no sense, dropped
 * @calls: system calls made for frames
 */
struct usr_net_statistics {
	uint64_t received, delivered, dropped;
	uint64_t sent, sent_cut, too_long, malformed;
	uint64_t calls;
};

struct usr_net;

/**
 * usr_net_new() - make an interface, or take over one without a driver
 * @what: copied
 *
 * It has no carrier yet: usr_net_link().  It is not set up, which is the
 * system's to do.  An interface that exists is taken over if it is a tap that
 * nobody serves, and either of a driver before us (its alias begins with
 * "udrv") or owned by the caller's user.  It keeps its addresses and routes,
 * MTU and up; its MAC address too, unless the kernel had made that up.  A driver
 * that was killed a moment ago is waited for, two seconds at most.
 *
 * All other calls are made by the thread that made it.
 *
 * Return: the interface, or NULL.  EINVAL: a field of @what, usr_error() names
 * it.  EEXIST: the name is another interface's.  EBUSY: somebody serves it.
 * EPERM: see above for what needs CAP_NET_ADMIN.  ENODEV: the kernel has no
 * TAP.  EACCES: /dev/net/tun may not be opened.  ENOMEM.
 */
USR_API struct usr_net *usr_net_new(const struct usr_net_interface *what);

/**
 * usr_net_free() - let the interface go
 * @net: of usr_net_new(), or NULL
 *
 * The interface stays, without carrier, as by the death of the process, unless
 * usr_net_remove() was called.
 */
USR_API void usr_net_free(struct usr_net *net);

/**
 * usr_net_remove() - have usr_net_free() remove the interface
 * @net: of usr_net_new()
 *
 * One that the system's administrator made stays all the same.
 *
 * Return: 0, or -1 with what the kernel said.
 */
USR_API int usr_net_remove(struct usr_net *net);

/**
 * usr_net_name() - the interface's name, which somebody may have changed
 * @net: of usr_net_new()
 *
 * Return: the name, good until the next usr_net_wait().
 */
USR_API const char *usr_net_name(const struct usr_net *net);

/* Is it by io_uring? */
USR_API bool usr_net_has_ring(const struct usr_net *net);

/**
 * usr_net_settings() - how the system wants the device to be
 * @net: of usr_net_new()
 *
 * Return: the settings, as of the last usr_net_new() or USR_NET_CHANGED.
 */
USR_API const struct usr_net_settings *
usr_net_settings(const struct usr_net *net);

/**
 * usr_net_link() - tell the kernel what the cable does
 * @net: of usr_net_new()
 * @up: carrier
 * @mbps: speed, for `ethtool`; 0 = unknown
 * @full_duplex: or half
 *
 * The speed is for people only: without CAP_NET_ADMIN it is not told.
 *
 * Return: 0, or -1 with what the kernel said.
 */
USR_API int usr_net_link(struct usr_net *net, bool up, unsigned mbps,
			 bool full_duplex);

/**
 * usr_net_watch() - have usr_net_wait() tell when a file is readable
 * @net: of usr_net_new()
 * @fd: a device's file, a vector's, a timerfd, a signalfd, ...
 *
 * The event READABLE comes as often as usr_net_wait() is called with something
 * to read: one read for each event is enough.
 *
 * Return: 0, or -1.  ENOSPC: too many.  EINVAL: not an open file, or watched
 * already.
 */
USR_API int usr_net_watch(struct usr_net *net, int fd);

/**
 * usr_net_unwatch() - take a file off the watch list
 * @net: of usr_net_new()
 * @fd: of usr_net_watch(); call this before closing it
 *
 * Return: 0, or -1.  EINVAL: it is not watched.
 */
USR_API int usr_net_unwatch(struct usr_net *net, int fd);

/**
 * usr_net_post() - give memory for a frame to send
 * @net: of usr_net_new()
 * @slot: 0 to usr_net_interface.slots - 1, not posted
 * @pieces: where to put USR_NET_HEADER bytes and the frame; the first piece has
 *	at least 78 bytes beyond the header.  The array, too, must stay until the
 *	slot's USR_NET_FRAME
 * @count: 1 to USR_NET_MAX_PIECES; one is fastest
 *
 * Slots are filled in the order of posting.  What is not shorter than the pieces
 * is dropped (the kernel does not tell what it cut off), so have a byte to spare:
 * with TSO they want to be of USR_NET_HEADER + USR_NET_MAX_FRAME bytes.
 *
 * Return: 0, or -1.  EINVAL: no such slot, it is posted, or @pieces.
 */
USR_API int usr_net_post(struct usr_net *net, unsigned slot,
			 const struct iovec *pieces, unsigned count);

/**
 * usr_net_deliver() - hand received frames to the kernel
 * @net: of usr_net_new()
 * @packets: in the order they came
 * @count: how many
 *
 * Their memory must stay until usr_net_wait() or usr_net_flush() has returned,
 * which hand them over.  Headers are changed in place.  Frames whose checksums
 * the device did not look at are checked before they are merged, or else by the
 * kernel.
 *
 * Return: 0, or -1.  EINVAL: a packet shorter than an Ethernet header or longer
 * than 65535 bytes; the others are delivered.
 */
USR_API int usr_net_deliver(struct usr_net *net,
			    const struct usr_net_packet *packets, unsigned count);

/**
 * usr_net_flush() - hand over now what was delivered, and do not wait
 * @net: of usr_net_new()
 *
 * Return: 0, or -1 with what the kernel said of the call; frames that it did not
 * take are counted.
 */
USR_API int usr_net_flush(struct usr_net *net);

/**
 * usr_net_wait() - hand over what was delivered, get what there is
 * @net: of usr_net_new()
 * @events: filled in
 * @capacity: elements at @events, at least 1; the rest comes with the next call
 * @timeout_ms: -1 = until there is an event, 0 = do not sleep (without a system
 *	call if there is nothing to hand over and nothing has come)
 *
 * Return: the number of events, 0 after the time-out, or -1.  EINTR: a signal.
 */
USR_API int usr_net_wait(struct usr_net *net, struct usr_net_event *events,
			 unsigned capacity, int timeout_ms);

/**
 * usr_net_statistics() - what went through
 * @net: of usr_net_new()
 *
 * Return: counters, good until usr_net_free().
 */
USR_API const struct usr_net_statistics *
usr_net_statistics(const struct usr_net *net);

#ifdef __cplusplus
}
#endif

#endif /* UDRV_NET_H */
