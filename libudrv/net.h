/* SPDX-License-Identifier: MIT */
/*
 * What the net hook's files share.
 *
 *	net.c		the calls
 *	net_tap.c	/dev/net/tun: make, take over, tell the link
 *	net_link.c	rtnetlink: what the interface is, what was changed
 *	net_offload.c	offload headers (pure)
 *	net_merge.c	which segments make one frame (pure)
 *	net_ring.c	frames by io_uring
 *	net_plain.c	frames by readv() and writev()
 */
#ifndef UDRV_NET_PRIVATE_H
#define UDRV_NET_PRIVATE_H

#include <linux/virtio_net.h>
#include <net/if.h>
#include <stddef.h>

#include "../include/udrv_net.h"
#include "internal.h"

struct nl_sock;

/* --- net_offload.c */

/* Where a TCP or UDP header is, and what is needed to write its checksum. */
struct net_place {
	uint16_t network;	/* bytes from the frame's start */
	uint16_t transport;
	uint16_t end;		/* of the IP packet: behind it is padding */
	uint8_t protocol;	/* IPPROTO_TCP or IPPROTO_UDP */
	bool ipv4;
};

/* Is it TCP or UDP in an IP packet that is whole and has no extensions? */
bool usr_net_place(const uint8_t *frame, uint32_t length,
		   struct net_place *place);

/* Folded to 16 bits, in memory's byte order: add to it, then invert. */
uint16_t usr_net_sum(const void *data, size_t length, uint64_t sum);

/* Of the pseudo header, for @bytes of TCP or UDP. */
uint16_t usr_net_pseudo_sum(const uint8_t *frame, const struct net_place *place,
			    uint32_t bytes);

/* What the header in front of a frame to be sent says.  False: nonsense. */
bool usr_net_to_send(const struct virtio_net_hdr *header, const uint8_t *frame,
		     uint32_t length, uint32_t first, struct usr_net_frame *to);

/*
 * The device found the checksums right: say so in the header, in the one way
 * that the kernel believes, which is as if it had still to be written.
 */
void usr_net_checked(struct virtio_net_hdr *header, uint8_t *frame,
		     uint32_t *length);

/* --- net_merge.c */

#define NET_MERGE_PIECES	64	/* segments in one frame */
#define NET_MERGE_FLOWS		8	/* that may be amidst each other */
#define NET_OUTS		256	/* frames until they are handed over */

/* A frame for the kernel: its header's and its data's pieces. */
struct net_out {
	struct virtio_net_hdr header;
	uint8_t padding[USR_NET_HEADER - sizeof(struct virtio_net_hdr)];
	unsigned count;			/* pieces, without the header's */
	unsigned packets;		/* that were merged in it */
	struct iovec pieces[1 + NET_MERGE_PIECES];	/* the first: header */
};

/* The first segment of what is being merged, and where it goes on. */
struct net_flow {
	struct net_out *out;
	struct net_place place;
	uint32_t next;			/* sequence number */
	uint32_t bytes;			/* payload so far */
	uint16_t payload;		/* where it starts in the first */
	uint16_t segment;		/* bytes of payload in the first */
	bool verified;			/* its checksums are known to be right */
	bool pushed;			/* one had PSH */
};

struct net_merge {
	struct net_out *outs;		/* NET_OUTS */
	unsigned count;
	struct net_flow flows[NET_MERGE_FLOWS];
	unsigned flow_count;
	unsigned oldest;		/* flow to be given up for a new one */
	bool alone;			/* merge nothing */
};

/* A packet behind the others.  There is room: count < NET_OUTS. */
void usr_net_merge_add(struct net_merge *merge, uint8_t *frame, uint32_t length,
		       bool checked);

/* All headers are right then, and outs[0 .. count - 1] can be handed over. */
void usr_net_merge_end(struct net_merge *merge);

/* --- net_link.c */

struct net_link {
	unsigned index;
	char name[IFNAMSIZ];
	char kind[16];
	char alias[256];
	uint8_t mac[6];
	uint32_t mtu;
	uint8_t tap;			/* IFF_TUN or IFF_TAP, of kind "tun" */
	bool multi_queue;
	bool owned;
	uint32_t owner;			/* user, if owned */
	bool up, promiscuous, all_multicast;
};

/* By name, or by index if it is NULL.  ENODEV: there is none; no sentence. */
int usr_net_link_get(struct nl_sock *asker, const char *name, unsigned index,
		     struct net_link *link);
int usr_net_link_set_alias(struct nl_sock *asker, unsigned index,
			   const char *alias);

/* A socket to ask, or one that is told of changes.  For nl_socket_free(). */
struct nl_sock *usr_net_link_socket(bool listen);
/* Was it told of a change that is about @index? */
bool usr_net_link_heard(struct nl_sock *listener, unsigned index);

/* --- net_tap.c */

struct net_tap {
	int fd;
	int control;			/* a socket for ioctl(), in its namespace */
	bool made;			/* by us, or by a driver before us */
};

struct usr_net;
int usr_net_tap_open(struct usr_net *net);
/* The last step: what fails before it takes a new interface away again. */
int usr_net_tap_keep(const struct usr_net *net);
void usr_net_tap_close(struct usr_net *net);
int usr_net_tap_set_mtu(const struct usr_net *net, uint32_t mtu);
/* Its name.  False: it is gone. */
bool usr_net_tap_name(const struct usr_net *net, char name[IFNAMSIZ]);
/* It was moved to another network namespace: follow it, if we may. */
int usr_net_tap_follow(struct usr_net *net);

/* --- both engines */

struct net_slot {
	const struct iovec *pieces;
	unsigned count;
	uint32_t size;			/* of all pieces */
	bool posted;
};

struct net_watch {
	int fd;				/* -1: free */
	bool armed;
	uint8_t generation;		/* tells a late answer from a new watch's */
};

/* What watches, slots and the interface can tell between two waits. */
#define NET_EVENTS	(USR_NET_MAX_SLOTS + USR_NET_MAX_WATCHES + 2)

struct usr_net {
	const struct net_engine *engine;
	void *state;			/* the engine's */
	struct usr_net_interface what;
	struct usr_net_settings settings;
	struct usr_net_statistics statistics;
	struct net_tap tap;
	unsigned index;
	char name[IFNAMSIZ];
	struct nl_sock *asker;
	struct nl_sock *listener;
	bool gone;
	struct net_watch watches[USR_NET_MAX_WATCHES];
	struct net_slot slots[USR_NET_MAX_SLOTS];
	/* Posted and not yet given to the kernel, in order. */
	uint16_t ready[USR_NET_MAX_SLOTS];
	unsigned ready_head, ready_count;
	struct net_merge merge;
	/* What found no room in the caller's array. */
	struct usr_net_event kept[NET_EVENTS];
	unsigned kept_head, kept_count;
	struct usr_net_event *events;	/* the caller's array */
	unsigned event_count, capacity;
};

/*
 * @open: EOPNOTSUPP = try another
 * @close: also after a failed open
 * @send: hand over the merged frames, and have them copied when it returns
 * @wait: the same, then wait if there are no events yet
 * @watch, @unwatch: net->watches[watch]
 */
struct net_engine {
	int (*open)(struct usr_net *net);
	void (*close)(struct usr_net *net);
	int (*send)(struct usr_net *net);
	int (*wait)(struct usr_net *net, int timeout_ms);
	void (*watch)(struct usr_net *net, unsigned watch);
	void (*unwatch)(struct usr_net *net, unsigned watch);
};

extern const struct net_engine usr_net_ring;
extern const struct net_engine usr_net_plain;

/* --- net.c */

struct usr_net_event *usr_net_event_add(struct usr_net *net,
					enum usr_net_event_kind kind);
/* The kernel filled a slot, or -errno. */
void usr_net_filled(struct usr_net *net, unsigned slot, int result);
/* The kernel took a frame, or -errno. */
void usr_net_taken(struct usr_net *net, int result);
/* Where a frame is written from, offload header first.  Return: pieces. */
unsigned usr_net_out_pieces(struct usr_net *net, struct net_out *out,
			    const struct iovec **pieces);
/* The listener has something: that it was about us is known. */
void usr_net_told(struct usr_net *net);

static inline unsigned usr_net_next_slot(struct usr_net *net)
{
	unsigned slot = net->ready[net->ready_head];

	net->ready_head = (net->ready_head + 1) % USR_NET_MAX_SLOTS;
	net->ready_count--;
	return slot;
}

#endif
