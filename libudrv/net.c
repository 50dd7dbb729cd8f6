// SPDX-License-Identifier: MIT
/* The net hook's calls, and what both of its engines have in common. */
#include <netlink/netlink.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "net.h"

/* Headers up to TCP's longest, with a VLAN tag, over IPv4: looked at in one piece. */
#define NET_FIRST_PIECE	(14 + 4 + 60)

static const struct net_engine *const net_engines[] = {
	&usr_net_ring, &usr_net_plain,	/* the better first */
};

/* --- making */

static bool net_name_is_right(const char *name)
{
	const char *percent = name ? strchr(name, '%') : NULL;
	size_t length = name ? strlen(name) : 0;

	if (!length || length >= IFNAMSIZ || strpbrk(name, "/: \t\n\v\f\r"))
		return false;
	return strcmp(name, ".") && strcmp(name, "..") &&
	       (!percent || (percent[1] == 'd' && !strchr(percent + 1, '%')));
}

static int net_check(const struct usr_net_interface *what)
{
	if (!what)
		return usr_fail(EINVAL, "usr_net_new: what is NULL");
	if (!net_name_is_right(what->name))
		return usr_fail(EINVAL, "usr_net_new: \"%s\" is no name for an interface: 1 to %d bytes, without blanks, slashes and colons",
				what->name ? what->name : "", IFNAMSIZ - 1);
	if (!what->about || strlen(what->about) > 160)
		return usr_fail(EINVAL, "usr_net_new: about is to be a text of up to 160 bytes");
	if (what->mac[0] & 1 || !memcmp(what->mac, "\0\0\0\0\0", 6))
		return usr_fail(EINVAL, "usr_net_new: mac is a group's, or all zeroes");
	if (what->max_mtu < USR_NET_MIN_MTU || what->max_mtu > USR_NET_MAX_MTU)
		return usr_fail(EINVAL, "usr_net_new: max_mtu is %u: must be %u to %u",
				what->max_mtu, USR_NET_MIN_MTU, USR_NET_MAX_MTU);
	if (what->mtu && (what->mtu < USR_NET_MIN_MTU || what->mtu > what->max_mtu))
		return usr_fail(EINVAL, "usr_net_new: mtu is %u: must be %u to %u",
				what->mtu, USR_NET_MIN_MTU, what->max_mtu);
	if (what->offloads & ~(USR_NET_SUM | USR_NET_TSO4 | USR_NET_TSO6) ||
	    (what->offloads && !(what->offloads & USR_NET_SUM)))
		return usr_fail(EINVAL, "usr_net_new: offloads is %#x: USR_NET_SUM, and with it USR_NET_TSO4, USR_NET_TSO6",
				what->offloads);
	if (!what->slots || what->slots > USR_NET_MAX_SLOTS)
		return usr_fail(EINVAL, "usr_net_new: slots is %u: must be 1 to %u",
				what->slots, USR_NET_MAX_SLOTS);
	if (what->flags & ~(USR_NET_NO_RING | USR_NET_NO_MERGE))
		return usr_fail(EINVAL, "usr_net_new: flags has %#x, which is unknown",
				what->flags);
	return 0;
}

static void net_settle(struct usr_net *net, const struct net_link *link)
{
	memcpy(net->settings.mac, link->mac, 6);
	net->settings.mtu = link->mtu;
	net->settings.up = link->up;
	net->settings.promiscuous = link->promiscuous;
	net->settings.all_multicast = link->all_multicast;
}

static int net_start(struct usr_net *net)
{
	size_t i;
	int error;

	for (i = 0; i < sizeof(net_engines) / sizeof(net_engines[0]); i++) {
		if (net->what.flags & USR_NET_NO_RING &&
		    net_engines[i] == &usr_net_ring)
			continue;
		if (!net_engines[i]->open(net)) {
			net->engine = net_engines[i];
			return 0;
		}
		error = errno;
		net_engines[i]->close(net);
		errno = error;
		if (error != EOPNOTSUPP)
			break;
	}
	return -1;
}

static int net_open(struct usr_net *net)
{
	struct net_link link;

	net->merge.outs = calloc(NET_OUTS, sizeof(*net->merge.outs));
	if (!net->merge.outs)
		return usr_fail(ENOMEM, "usr_net_new: no memory");
	net->merge.alone = net->what.flags & USR_NET_NO_MERGE;
	if (usr_net_tap_open(net))
		return -1;
	if (usr_net_link_get(net->asker, NULL, net->index, &link))
		return usr_fail(errno, "usr_net_new: rtnetlink has lost %s: %s",
				net->name, strerror(errno));
	net_settle(net, &link);
	return net_start(net) || usr_net_tap_keep(net) ? -1 : 0;
}

USR_API struct usr_net *usr_net_new(const struct usr_net_interface *what)
{
	struct usr_net *net;
	unsigned i;
	int error;

	if (net_check(what))
		return NULL;
	net = calloc(1, sizeof(*net));
	if (!net) {
		usr_fail(ENOMEM, "usr_net_new: no memory");
		return NULL;
	}
	net->what = *what;
	memcpy(net->name, what->name, strlen(what->name));
	net->tap.fd = net->tap.control = -1;
	for (i = 0; i < USR_NET_MAX_WATCHES; i++)
		net->watches[i].fd = -1;
	if (!net_open(net))
		return net;
	error = errno;
	usr_net_free(net);
	errno = error;
	return NULL;
}

USR_API void usr_net_free(struct usr_net *net)
{
	if (!net)
		return;
	if (net->engine)
		net->engine->close(net);
	usr_net_tap_close(net);
	free(net->merge.outs);
	free(net);
}

USR_API const char *usr_net_name(const struct usr_net *net)
{
	return net->name;
}

USR_API bool usr_net_has_ring(const struct usr_net *net)
{
	return net->engine == &usr_net_ring;
}

USR_API const struct usr_net_settings *
usr_net_settings(const struct usr_net *net)
{
	return &net->settings;
}

USR_API const struct usr_net_statistics *
usr_net_statistics(const struct usr_net *net)
{
	return &net->statistics;
}

/* --- watches */

USR_API int usr_net_watch(struct usr_net *net, int fd)
{
	struct pollfd file = { .fd = fd };
	unsigned i, free_one = USR_NET_MAX_WATCHES;

	for (i = USR_NET_MAX_WATCHES; i-- > 0; ) {
		if (net->watches[i].fd == fd && fd >= 0)
			return usr_fail(EINVAL, "file %d is watched already", fd);
		if (net->watches[i].fd < 0)
			free_one = i;
	}
	if (fd < 0 || poll(&file, 1, 0) < 0 || file.revents & POLLNVAL)
		return usr_fail(EINVAL, "%d is not an open file", fd);
	if (free_one == USR_NET_MAX_WATCHES)
		return usr_fail(ENOSPC, "an interface watches at most %u files",
				USR_NET_MAX_WATCHES);
	net->watches[free_one].fd = fd;
	net->watches[free_one].armed = false;
	net->watches[free_one].generation++;
	net->engine->watch(net, free_one);
	return 0;
}

/* The caller may close the file now: nothing is to name it any more. */
static void net_drop_kept(struct usr_net *net, int fd)
{
	unsigned i, count = net->kept_count;

	net->kept_count = 0;
	for (i = 0; i < count; i++) {
		struct usr_net_event event =
			net->kept[(net->kept_head + i) % NET_EVENTS];

		if (event.kind != USR_NET_READABLE || event.fd != fd)
			net->kept[(net->kept_head + net->kept_count++) %
				  NET_EVENTS] = event;
	}
}

USR_API int usr_net_unwatch(struct usr_net *net, int fd)
{
	unsigned i;

	for (i = 0; i < USR_NET_MAX_WATCHES; i++)
		if (fd >= 0 && net->watches[i].fd == fd) {
			net->engine->unwatch(net, i);
			net->watches[i].fd = -1;
			net_drop_kept(net, fd);
			return 0;
		}
	return usr_fail(EINVAL, "file %d is not watched", fd);
}

/* --- events */

struct usr_net_event *usr_net_event_add(struct usr_net *net,
					enum usr_net_event_kind kind)
{
	struct usr_net_event *event;

	if (net->event_count < net->capacity)
		event = &net->events[net->event_count++];
	else
		event = &net->kept[(net->kept_head + net->kept_count++) % NET_EVENTS];
	event->kind = kind;
	event->fd = -1;
	return event;
}

/* Our interface is gone from where it was: removed, or moved elsewhere. */
static void net_lost(struct usr_net *net)
{
	if (usr_net_tap_name(net, net->name)) {
		if (!usr_net_tap_follow(net))
			usr_net_told(net);
		return;
	}
	if (!net->gone)
		usr_net_event_add(net, USR_NET_GONE);
	net->gone = true;
}

static bool net_differs(const struct usr_net *net, const struct net_link *link)
{
	const struct usr_net_settings *old = &net->settings;

	return memcmp(old->mac, link->mac, 6) || old->mtu != link->mtu ||
	       old->up != link->up || old->promiscuous != link->promiscuous ||
	       old->all_multicast != link->all_multicast;
}

void usr_net_told(struct usr_net *net)
{
	struct net_link link;

	if (net->gone)
		return;
	if (usr_net_link_get(net->asker, NULL, net->index, &link)) {
		net_lost(net);
		return;
	}
	memcpy(net->name, link.name, sizeof(net->name));
	if (link.mtu > net->what.max_mtu &&
	    !usr_net_tap_set_mtu(net, net->settings.mtu))
		link.mtu = net->settings.mtu;
	if (!net_differs(net, &link))
		return;
	net_settle(net, &link);
	usr_net_event_add(net, USR_NET_CHANGED);
}

/* --- frames to send */

static int net_check_pieces(const struct iovec *pieces, unsigned count,
			    uint32_t *size)
{
	uint64_t sum = 0;
	unsigned i;

	if (!pieces || !count || count > USR_NET_MAX_PIECES ||
	    pieces[0].iov_len < USR_NET_HEADER + NET_FIRST_PIECE)
		return usr_fail_constant(EINVAL, "usr_net_post: 1 to 64 pieces, the first of 94 bytes or more");
	for (i = 0; i < count; i++)
		sum += pieces[i].iov_len;
	if (sum > INT32_MAX)
		return usr_fail_constant(EINVAL, "usr_net_post: too large a slot");
	*size = (uint32_t)sum;
	return 0;
}

static void net_post(struct usr_net *net, unsigned slot)
{
	net->ready[(net->ready_head + net->ready_count++) % USR_NET_MAX_SLOTS] =
		(uint16_t)slot;
}

USR_API int usr_net_post(struct usr_net *net, unsigned slot,
			 const struct iovec *pieces, unsigned count)
{
	struct net_slot *one;

	if (slot >= net->what.slots)
		return usr_fail(EINVAL, "usr_net_post: there is no slot %u", slot);
	one = &net->slots[slot];
	if (one->posted)
		return usr_fail(EINVAL, "usr_net_post: slot %u is posted already", slot);
	if (net_check_pieces(pieces, count, &one->size))
		return -1;
	one->pieces = pieces;
	one->count = count;
	one->posted = true;
	net_post(net, slot);
	return 0;
}

void usr_net_filled(struct usr_net *net, unsigned slot, int result)
{
	struct net_slot *one = &net->slots[slot];
	const uint8_t *at = one->pieces[0].iov_base;
	struct usr_net_event *event;
	struct virtio_net_hdr header;
	uint32_t length, first;

	if (result < USR_NET_HEADER) {
		net_post(net, slot);
		if (result == -EBADFD)
			net_lost(net);
		return;
	}
	memcpy(&header, at, sizeof(header));
	length = (uint32_t)result - USR_NET_HEADER;
	first = (uint32_t)one->pieces[0].iov_len - USR_NET_HEADER;
	if (first > length)
		first = length;
	event = usr_net_event_add(net, USR_NET_FRAME);
	event->frame.slot = slot;
	/* The kernel cuts off what does not fit, and does not say so. */
	if ((uint32_t)result >= one->size) {
		net->statistics.too_long++;
	} else if (!usr_net_to_send(&header, at + USR_NET_HEADER, length, first,
				    &event->frame)) {
		net->statistics.malformed++;
	} else {
		one->posted = false;
		net->statistics.sent++;
		if (event->frame.flags & USR_NET_FRAME_TSO)
			net->statistics.sent_cut++;
		return;
	}
	/* Nothing for the driver: take the event back. */
	if (net->kept_count)
		net->kept_count--;
	else
		net->event_count--;
	net_post(net, slot);
}

/* --- received frames */

void usr_net_taken(struct usr_net *net, int result)
{
	if (result >= 0)
		net->statistics.delivered++;
	else
		net->statistics.dropped++;
}

USR_API int usr_net_deliver(struct usr_net *net,
			    const struct usr_net_packet *packets, unsigned count)
{
	struct net_merge *merge = &net->merge;
	int result = 0;
	unsigned i;

	for (i = 0; i < count; i++) {
		if (packets[i].length < 14 || packets[i].length > UINT16_MAX) {
			result = usr_fail(EINVAL, "usr_net_deliver: packet %u has %u bytes: must be 14 to 65535",
					  i, packets[i].length);
			continue;
		}
		if (merge->count == NET_OUTS && usr_net_flush(net))
			return -1;
		net->statistics.received++;
		usr_net_merge_add(merge, packets[i].data, packets[i].length,
				  packets[i].flags & USR_NET_CHECKED);
	}
	return result;
}

/* Where to write frame i from: its pieces, the offload header first. */
unsigned usr_net_out_pieces(struct usr_net *net, struct net_out *out,
			    const struct iovec **pieces)
{
	uint8_t *frame = out->pieces[1].iov_base;

	if (net->what.headroom >= USR_NET_HEADER) {
		memcpy(frame - USR_NET_HEADER, &out->header, sizeof(out->header));
		out->pieces[1].iov_base = frame - USR_NET_HEADER;
		out->pieces[1].iov_len += USR_NET_HEADER;
		*pieces = &out->pieces[1];
		return out->count;
	}
	out->pieces[0].iov_base = &out->header;
	out->pieces[0].iov_len = USR_NET_HEADER;
	*pieces = &out->pieces[0];
	return out->count + 1;
}

USR_API int usr_net_flush(struct usr_net *net)
{
	int result;

	usr_net_merge_end(&net->merge);
	if (!net->merge.count)
		return 0;
	/* What comes meanwhile is kept for the next wait. */
	net->capacity = net->event_count = 0;
	result = net->engine->send(net);
	net->merge.count = 0;
	return result;
}

/* --- waiting */

static void net_give_kept(struct usr_net *net)
{
	while (net->kept_count && net->event_count < net->capacity) {
		net->events[net->event_count++] = net->kept[net->kept_head];
		net->kept_head = (net->kept_head + 1) % NET_EVENTS;
		net->kept_count--;
	}
}

USR_API int usr_net_wait(struct usr_net *net, struct usr_net_event *events,
			 unsigned capacity, int timeout_ms)
{
	int result;

	if (!events || !capacity)
		return usr_fail_constant(EINVAL, "usr_net_wait: no room for an event");
	net->events = events;
	net->capacity = capacity;
	net->event_count = 0;
	net_give_kept(net);
	if (net->event_count)
		timeout_ms = 0;
	if (net->merge.count)
		usr_net_merge_end(&net->merge);
	result = net->engine->wait(net, timeout_ms);
	net->merge.count = 0;
	net->capacity = 0;
	return result ? -1 : (int)net->event_count;
}
