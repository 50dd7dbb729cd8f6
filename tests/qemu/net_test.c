// SPDX-License-Identifier: MIT
/*
 * The net hook by itself: an interface whose driver is the test, and whose user
 * is a packet socket.  All in a network namespace of the test's own.
 */
#include "harness.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <malloc.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <udrv_net.h>

#include "../unit/net_frames.h"

const char test_machines[] = "iommu";
const int test_seconds = 60;

#define NAME "udrvtest0"
#define SLOTS 32
#define SLOT_BYTES (USR_NET_HEADER + USR_NET_MAX_FRAME)
#define PROTOCOL 0x88b5		/* for experiments: nobody else's */

static const uint8_t own_mac[6] = { 0x52, 0x54, 0, 1, 2, 3 };
static const uint8_t other_mac[6] = { 0x52, 0x54, 0, 9, 9, 9 };

static uint8_t (*slots)[SLOT_BYTES];
static struct iovec pieces[SLOTS][3];
static unsigned piece_count = 1;
static struct usr_net *net;
static struct usr_net_event events[64];
static int control = -1;
static unsigned engine;		/* usr_net_interface.flags */

/* ------------------------------------------------------------------- tools */

static struct usr_net_interface plain_interface(void)
{
	struct usr_net_interface what = {
		.name = NAME, .about = "test", .max_mtu = 4000, .slots = SLOTS,
		.offloads = USR_NET_SUM | USR_NET_TSO4 | USR_NET_TSO6,
		.flags = engine,
	};

	memcpy(what.mac, own_mac, 6);
	return what;
}

static void post(unsigned slot)
{
	unsigned i, at = 0;

	for (i = 0; i < piece_count; i++) {
		unsigned bytes = i + 1 < piece_count ? 1000 : SLOT_BYTES - at;

		pieces[slot][i] = (struct iovec){ slots[slot] + at, bytes };
		at += bytes;
	}
	MUST_OK(sys(usr_net_post(net, slot, pieces[slot], piece_count)));
}

static void own_namespace(void)
{
	/* IPv6 would send what no test sent. */
	MUST_OK(sys(unshare(CLONE_NEWNET)));
	write_text("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1");
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	MUST_OK(sys(control));
}

static void make(const struct usr_net_interface *what)
{
	unsigned i;

	if (!slots)
		slots = mmap(NULL, SLOTS * SLOT_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	net = usr_net_new(what);
	if (!net)
		fail(__FILE__, __LINE__, "usr_net_new: %s", usr_error());
	for (i = 0; i < SLOTS && i < what->slots; i++)
		post(i);
}

static struct ifreq request(void)
{
	struct ifreq r = { .ifr_flags = 0 };

	strcpy(r.ifr_name, NAME);
	return r;
}

static short flags_now(void)
{
	struct ifreq r = request();

	MUST_OK(sys(ioctl(control, SIOCGIFFLAGS, &r)));
	return r.ifr_flags;
}

static void set_flags(short on, short off)
{
	struct ifreq r = request();

	r.ifr_flags = (short)((flags_now() | on) & ~off);
	MUST_OK(sys(ioctl(control, SIOCSIFFLAGS, &r)));
}

static int mtu_now(void)
{
	struct ifreq r = request();

	MUST_OK(sys(ioctl(control, SIOCGIFMTU, &r)));
	return r.ifr_mtu;
}

static void set_mtu(int mtu)
{
	struct ifreq r = request();

	r.ifr_mtu = mtu;
	MUST_OK(sys(ioctl(control, SIOCSIFMTU, &r)));
}

static void set_mac(const uint8_t *mac)
{
	struct ifreq r = request();

	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	MUST_OK(sys(ioctl(control, SIOCSIFHWADDR, &r)));
}

static bool exists(void)
{
	struct ifreq r = request();

	return !ioctl(control, SIOCGIFFLAGS, &r);
}

static int packet_socket(bool headers)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int yes = 1;

	MUST_OK(sys(fd));
	if (headers)
		MUST_OK(sys(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &yes,
				       sizeof(yes))));
	/* What we send ourselves is not to be received. */
	MUST_OK(sys(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes,
			       sizeof(yes))));
	to.sll_ifindex = (int)if_nametoindex(NAME);
	MUST_OK(sys(bind(fd, (struct sockaddr *)&to, sizeof(to))));
	return fd;
}

/* An interface that is up, and has settled. */
static void start(const struct usr_net_interface *what)
{
	make(what);
	MUST_OK(sys(usr_net_link(net, true, 1000, true)));
	set_flags(IFF_UP, 0);
	WAIT_FOR(flags_now() & IFF_RUNNING);
	/* The qdisc comes a little after carrier: until then all is dropped. */
	usleep(100000);
	while (sys(usr_net_wait(net, events, 64, 0)) > 0)
		;
	MUST(usr_net_settings(net)->up);
}

static void start_plain(void)
{
	struct usr_net_interface what = plain_interface();

	own_namespace();
	start(&what);
	if (!engine && !usr_net_has_ring(net))
		skip("this kernel's io_uring is too old");
}

/* The next event of that kind; others are ignored. */
static struct usr_net_event *expect(enum usr_net_event_kind kind)
{
	uint64_t end = now_ms() + WAIT_MS;
	int count, i;

	while (now_ms() < end) {
		count = (int)sys(usr_net_wait(net, events, 64, 500));
		MUST_OK(count);
		for (i = 0; i < count; i++) {
			if (events[i].kind == kind)
				return &events[i];
			if (events[i].kind == USR_NET_FRAME)
				post(events[i].frame.slot);
		}
	}
	fail(__FILE__, __LINE__, "no event of kind %d", kind);
}

static unsigned plain_frame(uint8_t *frame, unsigned bytes)
{
	memcpy(frame, own_mac, 6);
	memcpy(frame + 6, other_mac, 6);
	put16(frame + 12, PROTOCOL);
	fill_payload(frame + 14, bytes - 14, bytes);
	return bytes;
}

/* ------------------------------------------------------------------- frames */

static void frames_are_sent(void)
{
	static uint8_t frame[2048], got[2048];
	unsigned bytes;
	int fd;

	start_plain();
	fd = packet_socket(false);
	for (bytes = 15; bytes <= 1514; bytes += bytes < 70 ? 1 : 61) {
		struct usr_net_event *event;
		unsigned at = USR_NET_HEADER, i, done = 0;

		plain_frame(frame, bytes);
		MUST_EQUAL(send(fd, frame, bytes, 0), bytes);
		event = expect(USR_NET_FRAME);
		MUST_EQUAL(event->frame.length, bytes);
		MUST_EQUAL(event->frame.flags, 0);
		for (i = 0; i < piece_count && done < bytes; i++, at = 0) {
			struct iovec *piece = &pieces[event->frame.slot][i];
			size_t part = piece->iov_len - at;

			if (part > bytes - done)
				part = bytes - done;
			memcpy(got + done, (uint8_t *)piece->iov_base + at, part);
			done += (unsigned)part;
		}
		MUST(!memcmp(got, frame, bytes));
		post(event->frame.slot);
	}
	close(fd);
	usr_net_remove(net);
	usr_net_free(net);
	WAIT_FOR(!exists());
}

static void in_pieces(void)
{
	piece_count = 3;
	frames_are_sent();
}

static void received_equals(int fd, const uint8_t *frame, unsigned bytes)
{
	static uint8_t got[70000];
	struct pollfd file = { fd, POLLIN, 0 };

	MUST_EQUAL(poll(&file, 1, WAIT_MS), 1);
	MUST_EQUAL(recv(fd, got, sizeof(got), 0), bytes);
	MUST(!memcmp(got, frame, bytes));
}

static void frames_are_received(unsigned headroom)
{
	static uint8_t memory[64 + 70000], want[70000];
	struct usr_net_interface what = plain_interface();
	unsigned bytes;
	int fd;

	own_namespace();
	what.headroom = headroom;
	start(&what);
	fd = packet_socket(false);
	for (bytes = 14; bytes <= 60000; bytes += bytes < 70 ? 1 : bytes / 3) {
		struct usr_net_packet packet = { memory + headroom, bytes, 0 };

		plain_frame(memory + headroom, bytes);
		memcpy(want, memory + headroom, bytes);
		MUST_OK(sys(usr_net_deliver(net, &packet, 1)));
		MUST_OK(sys(usr_net_flush(net)));
		received_equals(fd, want, bytes);
	}
	MUST_EQUAL(usr_net_statistics(net)->dropped, 0);
	set_flags(0, IFF_UP);
	{
		struct usr_net_packet packet = { memory + headroom, 60, 0 };

		MUST_OK(sys(usr_net_deliver(net, &packet, 1)));
		MUST_OK(sys(usr_net_flush(net)));
		MUST_EQUAL(usr_net_statistics(net)->dropped, 1);
		packet.length = 13;
		MUST_ERROR(sys(usr_net_deliver(net, &packet, 1)), EINVAL);
	}
	usr_net_remove(net);
	usr_net_free(net);
}

static void received_behind_a_header(void)
{
	frames_are_received(USR_NET_HEADER);
}

static void received_with_a_header_elsewhere(void)
{
	frames_are_received(0);
}

/* Sent with a header of the socket's: what the kernel would have made. */
static void send_offloaded(int fd, struct net_recipe *r, unsigned mss)
{
	static uint8_t bytes[70000];
	struct virtio_net_hdr header = {
		.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
		.csum_start = (uint16_t)transport_of(r),
		.csum_offset = r->udp ? 6 : 16,
		.hdr_len = (uint16_t)payload_of(r),
		.gso_size = (uint16_t)mss,
		.gso_type = !mss ? 0 : r->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
			    VIRTIO_NET_HDR_GSO_TCPV4,
	};
	unsigned length = make_frame(bytes + sizeof(header), r);

	put16(bytes + sizeof(header) + header.csum_start + header.csum_offset,
	      slow_pseudo(bytes + sizeof(header) + network_of(r), r->ipv6,
			  r->udp ? 17 : 6, length - transport_of(r)));
	memcpy(bytes, &header, sizeof(header));
	MUST_EQUAL(send(fd, bytes, sizeof(header) + length, 0),
		   sizeof(header) + length);
}

static void offloads_are_told(void)
{
	unsigned kind;
	int fd;

	start_plain();
	fd = packet_socket(true);
	for (kind = 0; kind < 4; kind++) {
		struct net_recipe r = { .ipv6 = kind & 1, .options = 12,
					.payload = kind & 2 ? 60000 : 1000 };
		struct usr_net_frame *frame;

		send_offloaded(fd, &r, kind & 2 ? 1400 : 0);
		frame = &expect(USR_NET_FRAME)->frame;
		MUST_EQUAL(frame->length, payload_of(&r) + r.payload);
		MUST_EQUAL(frame->transport, transport_of(&r));
		MUST_EQUAL(frame->checksum, transport_of(&r) + 16);
		if (kind & 2) {
			MUST(frame->flags & USR_NET_FRAME_TSO);
			MUST_EQUAL(!(frame->flags & USR_NET_FRAME_IPV4), r.ipv6);
			MUST_EQUAL(frame->network, 14);
			MUST_EQUAL(frame->header, payload_of(&r));
			MUST_EQUAL(frame->segment, 1400);
		} else {
			MUST_EQUAL(frame->flags, USR_NET_FRAME_SUM);
		}
		post(frame->slot);
	}
	usr_net_remove(net);
	usr_net_free(net);
}

/* A device that cannot: the kernel cuts, and writes checksums. */
static void no_offloads_no_flags(void)
{
	struct net_recipe r = { .payload = 14000 };
	struct usr_net_interface what = plain_interface();
	unsigned i;
	int fd;

	own_namespace();
	what.offloads = 0;
	start(&what);
	fd = packet_socket(true);
	send_offloaded(fd, &r, 1400);
	for (i = 0; i < 10; i++) {
		struct usr_net_frame *frame;
		const uint8_t *at;

		/* One at a time: expect() looks no further than the first. */
		MUST_EQUAL(sys(usr_net_wait(net, events, 1, WAIT_MS)), 1);
		MUST_EQUAL(events[0].kind, USR_NET_FRAME);
		frame = &events[0].frame;
		at = slots[frame->slot] + USR_NET_HEADER;
		MUST_EQUAL(frame->flags, 0);
		MUST_EQUAL(frame->length, 54 + 1400);
		MUST_EQUAL(slow_sum(at + 34, 1420, slow_pseudo(at + 14, false, 6, 1420)),
			   0xffff);
		MUST_EQUAL(get32(at + 38), 1400 * i);
		post(frame->slot);
	}
	usr_net_remove(net);
	usr_net_free(net);
}

static void segments_are_merged(void)
{
	static uint8_t frames[10][2048], got[70000];
	struct usr_net_packet packets[10];
	struct net_recipe r = { .payload = 1400, .may_fragment = true };
	struct virtio_net_hdr header;
	struct pollfd file = { .events = POLLIN };
	unsigned i;

	start_plain();
	file.fd = packet_socket(true);
	for (i = 0; i < 10; i++) {
		r.seed = r.sequence;
		packets[i] = (struct usr_net_packet){ frames[i], make_frame(frames[i], &r), 0 };
		r.sequence += 1400;
		r.identification++;
	}
	MUST_OK(sys(usr_net_deliver(net, packets, 10)));
	MUST_OK(sys(usr_net_wait(net, events, 64, 0)));
	MUST_EQUAL(poll(&file, 1, WAIT_MS), 1);
	MUST_EQUAL(recv(file.fd, got, sizeof(got), 0), sizeof(header) + 54 + 14000);
	memcpy(&header, got, sizeof(header));
	MUST_EQUAL(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	MUST_EQUAL(header.gso_size, 1400);
	for (i = 0; i < 10; i++)
		MUST(!memcmp(got + sizeof(header) + 54 + 1400 * i, frames[i] + 54,
			     1400));
	MUST_EQUAL(usr_net_statistics(net)->received, 10);
	MUST_EQUAL(usr_net_statistics(net)->delivered, 1);
	usr_net_remove(net);
	usr_net_free(net);
}

/* Twenty to send, twenty received: one call, without an allocation. */
static void a_burst_is_one_call(void)
{
	static uint8_t frame[100], memory[20][100];
	struct usr_net_packet packets[20];
	size_t allocated;
	uint64_t calls;
	int fd, i;

	start_plain();
	fd = packet_socket(false);
	plain_frame(frame, 100);
	for (i = 0; i < 20; i++) {
		MUST_EQUAL(send(fd, frame, 100, 0), 100);
		packets[i] = (struct usr_net_packet){ memory[i], plain_frame(memory[i], 100), 0 };
	}
	allocated = mallinfo2().uordblks;
	calls = usr_net_statistics(net)->calls;
	MUST_OK(sys(usr_net_deliver(net, packets, 20)));
	MUST_EQUAL(sys(usr_net_wait(net, events, 64, WAIT_MS)), 20);
	MUST_EQUAL(usr_net_statistics(net)->calls, calls + 1);
	MUST_EQUAL(mallinfo2().uordblks, allocated);
	for (i = 0; i < 20; i++) {
		MUST_EQUAL(events[i].kind, USR_NET_FRAME);
		MUST(!memcmp(slots[events[i].frame.slot] + USR_NET_HEADER, frame, 100));
		received_equals(fd, frame, 100);
	}
	/* Looking when there is nothing costs none. */
	for (i = 0; i < 20; i++)
		post(events[i].frame.slot);
	for (i = 0; i < 3; i++)
		MUST_EQUAL(sys(usr_net_wait(net, events, 64, 0)), 0);
	calls = usr_net_statistics(net)->calls;
	for (i = 0; i < 100; i++)
		MUST_EQUAL(sys(usr_net_wait(net, events, 64, 0)), 0);
	MUST_EQUAL(usr_net_statistics(net)->calls, calls);
	usr_net_remove(net);
	usr_net_free(net);
}

/* More than the caller's array, than the slots, and than the queues take. */
static void many_frames_keep_their_order(void)
{
	static uint8_t frame[1000], memory[700][100];
	struct usr_net_packet packets[700];
	unsigned sent = 0, taken = 0, i;
	int fd, count;

	start_plain();
	fd = packet_socket(false);
	while (taken < 1000) {
		for (; sent < 1000 && sent < taken + 150; sent++) {
			plain_frame(frame, 60);
			put32(frame + 14, sent);
			MUST_EQUAL(send(fd, frame, 60, 0), 60);
		}
		count = (int)sys(usr_net_wait(net, events, 1 + taken % 7, WAIT_MS));
		MUST(count > 0);
		for (i = 0; i < (unsigned)count; i++) {
			MUST_EQUAL(events[i].kind, USR_NET_FRAME);
			MUST_EQUAL(get32(slots[events[i].frame.slot] +
					 USR_NET_HEADER + 14), taken++);
			post(events[i].frame.slot);
		}
	}
	for (i = 0; i < 700; i++) {
		packets[i] = (struct usr_net_packet){ memory[i], plain_frame(memory[i], 100), 0 };
		put32(memory[i] + 14, i);
	}
	MUST_OK(sys(usr_net_deliver(net, packets, 700)));
	MUST_OK(sys(usr_net_flush(net)));
	for (i = 0; i < 150; i++) {	/* the socket's queue has an end */
		MUST_EQUAL(recv(fd, frame, sizeof(frame), 0), 100);
		MUST_EQUAL(get32(frame + 14), i);
	}
	MUST_EQUAL(usr_net_statistics(net)->delivered, 700);
	usr_net_remove(net);
	usr_net_free(net);
}

/* ----------------------------------------------------------------- settings */

static void changes_are_told(void)
{
	const struct usr_net_settings *settings;

	start_plain();
	settings = usr_net_settings(net);
	MUST(!memcmp(settings->mac, own_mac, 6));
	MUST_EQUAL(settings->mtu, 1500);
	set_mtu(1234);
	expect(USR_NET_CHANGED);
	MUST_EQUAL(settings->mtu, 1234);
	set_mtu(4001);
	WAIT_FOR((usr_net_wait(net, events, 64, 10), mtu_now() == 1234));
	MUST_EQUAL(settings->mtu, 1234);
	set_mac(other_mac);
	expect(USR_NET_CHANGED);
	MUST(!memcmp(settings->mac, other_mac, 6));
	set_flags(IFF_PROMISC, 0);
	expect(USR_NET_CHANGED);
	MUST(settings->promiscuous);
	set_flags(IFF_ALLMULTI, IFF_PROMISC);
	WAIT_FOR((usr_net_wait(net, events, 64, 10), !settings->promiscuous));
	MUST(settings->all_multicast);
	set_flags(0, IFF_UP);
	expect(USR_NET_CHANGED);
	MUST(!settings->up);
	usr_net_remove(net);
	usr_net_free(net);
}

/* tcpdump and bridges ask for it without `ip link` showing it. */
static void sockets_make_it_promiscuous(void)
{
	struct packet_mreq want = { .mr_type = PACKET_MR_PROMISC };
	int fd;

	start_plain();
	fd = packet_socket(false);
	want.mr_ifindex = (int)if_nametoindex(NAME);
	MUST_OK(sys(setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &want,
			       sizeof(want))));
	expect(USR_NET_CHANGED);
	MUST(usr_net_settings(net)->promiscuous);
	close(fd);
	expect(USR_NET_CHANGED);
	MUST(!usr_net_settings(net)->promiscuous);
	usr_net_remove(net);
	usr_net_free(net);
}

static void carrier_is_the_drivers(void)
{
	start_plain();
	MUST_OK(sys(usr_net_link(net, false, 0, false)));
	WAIT_FOR(!(flags_now() & IFF_RUNNING));
	MUST_OK(sys(usr_net_link(net, true, 100, false)));
	WAIT_FOR(flags_now() & IFF_RUNNING);
	usr_net_remove(net);
	usr_net_free(net);
}

static void watched_files_wake_up(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC), i;
	uint64_t one = 1;

	start_plain();
	MUST_OK(sys(usr_net_watch(net, fd)));
	MUST_ERROR(sys(usr_net_watch(net, fd)), EINVAL);
	MUST_ERROR(sys(usr_net_watch(net, 999)), EINVAL);
	for (i = 0; i < 100; i++) {
		MUST_EQUAL(write(fd, &one, 8), 8);
		MUST_EQUAL(expect(USR_NET_READABLE)->fd, fd);
		MUST_EQUAL(read(fd, &one, 8), 8);
		MUST_EQUAL(one, 1);
	}
	MUST_EQUAL(sys(usr_net_wait(net, events, 64, 20)), 0);
	MUST_OK(sys(usr_net_unwatch(net, fd)));
	MUST_ERROR(sys(usr_net_unwatch(net, fd)), EINVAL);
	MUST_EQUAL(write(fd, &one, 8), 8);
	MUST_EQUAL(sys(usr_net_wait(net, events, 64, 20)), 0);
	usr_net_remove(net);
	usr_net_free(net);
}

static void its_end_is_told(void)
{
	start_plain();
	MUST_EQUAL(system("ip link del " NAME), 0);
	expect(USR_NET_GONE);
	MUST_EQUAL(sys(usr_net_wait(net, events, 64, 20)), 0);
	usr_net_free(net);
}

static void it_is_followed_elsewhere(void)
{
	int there;

	start_plain();
	MUST_EQUAL(system("ip netns add udrvtest && ip link set " NAME
			  " netns udrvtest"), 0);
	there = open("/run/netns/udrvtest", O_RDONLY | O_CLOEXEC);
	MUST_OK(sys(there));
	/* It is down after the move, which is a change to be told of. */
	WAIT_FOR((usr_net_wait(net, events, 64, 10), !usr_net_settings(net)->up));
	MUST_EQUAL(system("ip -n udrvtest link set " NAME " mtu 1300"), 0);
	WAIT_FOR((usr_net_wait(net, events, 64, 10),
		  usr_net_settings(net)->mtu == 1300));
	close(there);
	usr_net_remove(net);
	usr_net_free(net);
	MUST_EQUAL(system("ip netns del udrvtest"), 0);
}

/* ---------------------------------------------------------- death, refusals */

static void serve_until_killed(void *ready)
{
	struct usr_net_interface what = plain_interface();
	const uint64_t one = 1;

	net = NULL;
	make(&what);
	usr_net_link(net, true, 1000, true);
	MUST_EQUAL(write(*(int *)ready, &one, 8), 8);
	for (;;)
		usr_net_wait(net, events, 64, -1);
}

static void a_successor_takes_over(void)
{
	struct usr_net_interface what = plain_interface();
	int ready = eventfd(0, EFD_CLOEXEC);
	uint64_t one;
	pid_t pid;

	own_namespace();
	pid = spawn(serve_until_killed, &ready);
	MUST_EQUAL(read(ready, &one, 8), 8);
	set_flags(IFF_UP, 0);
	WAIT_FOR(flags_now() & IFF_RUNNING);
	set_mtu(1400);
	set_mac(other_mac);
	/* While it lives nobody else gets it. */
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EBUSY);
	MUST(strstr(usr_error(), "in use: process"));
	kill(pid, SIGKILL);
	MUST_EQUAL(reap(pid), 128 + SIGKILL);
	WAIT_FOR(!(flags_now() & IFF_RUNNING));
	MUST(flags_now() & IFF_UP);
	make(&what);
	MUST_EQUAL(usr_net_settings(net)->mtu, 1400);
	MUST(!memcmp(usr_net_settings(net)->mac, other_mac, 6));
	MUST(usr_net_settings(net)->up);
	/* Attaching turns the carrier on until we turn it off: it is told late. */
	WAIT_FOR(!(flags_now() & IFF_RUNNING));
	MUST_OK(sys(usr_net_link(net, true, 1000, true)));
	WAIT_FOR(flags_now() & IFF_RUNNING);
	usr_net_free(net);		/* without usr_net_remove() */
	MUST(exists());
	make(&what);
	usr_net_remove(net);
	usr_net_free(net);
	WAIT_FOR(!exists());
}

static void others_interfaces_are_refused(void)
{
	struct usr_net_interface what = plain_interface();

	own_namespace();
	what.name = "lo";
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EEXIST);
	what.name = NAME;
	MUST_EQUAL(system("ip tuntap add " NAME " mode tap"), 0);
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EEXIST);
	MUST(strstr(usr_error(), "alias udrv"));
	MUST_EQUAL(system("ip link del " NAME
			  " && ip tuntap add " NAME " mode tun user 0"), 0);
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EEXIST);
	/* Our user's own is taken, and is not ours to remove. */
	MUST_EQUAL(system("ip link del " NAME
			  " && ip tuntap add " NAME " mode tap user 0"), 0);
	make(&what);
	MUST(!memcmp(usr_net_settings(net)->mac, own_mac, 6));
	usr_net_remove(net);
	usr_net_free(net);
	MUST(exists());
}

static void without_privileges(void)
{
	struct usr_net_interface what = plain_interface();

	own_namespace();
	MUST_EQUAL(system("ip tuntap add " NAME " mode tap user 65534 vnet_hdr"
			  " && chmod 666 /dev/net/tun"), 0);
	become_nobody();
	make(&what);
	MUST_OK(sys(usr_net_link(net, true, 1000, true)));
	MUST_EQUAL(sys(usr_net_wait(net, events, 64, 20)), 0);
	usr_net_free(net);
	what.mtu = 1300;
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EPERM);
	MUST(strstr(usr_error(), "mtu 1300"));
	what.name = "udrvtest1";
	MUST(!usr_net_new(&what));
	MUST_EQUAL(errno, EPERM);
	MUST(strstr(usr_error(), "ip tuntap add udrvtest1"));
}

#define REFUSED(member, value) do {					\
	struct usr_net_interface bad = plain_interface();		\
									\
	bad.member = value;						\
	MUST(!usr_net_new(&bad));					\
	MUST_EQUAL(errno, EINVAL);					\
	MUST(strlen(usr_error()) > 10);					\
} while (0)

static void arguments_are_checked(void)
{
	struct usr_net_interface what = plain_interface();
	struct iovec small = { events, 50 };

	own_namespace();
	MUST(!usr_net_new(NULL));
	REFUSED(name, NULL);
	REFUSED(name, "");
	REFUSED(name, "sixteen-bytes-ab");
	REFUSED(name, "a b");
	REFUSED(name, "a/b");
	REFUSED(name, "%s");
	REFUSED(name, "..");
	REFUSED(about, NULL);
	REFUSED(mac[0], 1);
	REFUSED(max_mtu, 67);
	REFUSED(max_mtu, 65522);
	REFUSED(mtu, 4001);
	REFUSED(mtu, 67);
	REFUSED(offloads, USR_NET_TSO4);
	REFUSED(offloads, 8);
	REFUSED(slots, 0);
	REFUSED(slots, 257);
	REFUSED(flags, 4);
	MUST(!exists());
	make(&what);
	MUST_ERROR(sys(usr_net_post(net, SLOTS, pieces[0], 1)), EINVAL);
	MUST_ERROR(sys(usr_net_post(net, 0, pieces[0], 1)), EINVAL);
	MUST_ERROR(sys(usr_net_post(net, 0, &small, 1)), EINVAL);
	MUST_ERROR(sys(usr_net_wait(net, events, 0, 0)), EINVAL);
	MUST_ERROR(sys(usr_net_wait(net, NULL, 1, 0)), EINVAL);
	usr_net_remove(net);
	usr_net_free(net);
}

static void the_kernel_can_choose_the_name(void)
{
	struct usr_net_interface what = plain_interface();
	char first[16];
	struct usr_net *other;

	own_namespace();
	what.name = "udrvtest%d";
	make(&what);
	snprintf(first, sizeof(first), "%s", usr_net_name(net));
	other = usr_net_new(&what);
	MUST(other && strcmp(usr_net_name(other), first));
	usr_net_remove(other);
	usr_net_free(other);
	usr_net_remove(net);
	usr_net_free(net);
}

/* Each by io_uring and without; for the latter "_readv" stands behind. */
#define BOTH(function)							\
	static void function##_readv(void)				\
	{								\
		engine = USR_NET_NO_RING;				\
		function();						\
	}
BOTH(frames_are_sent)
BOTH(in_pieces)
BOTH(received_behind_a_header)
BOTH(received_with_a_header_elsewhere)
BOTH(offloads_are_told)
BOTH(no_offloads_no_flags)
BOTH(segments_are_merged)
BOTH(many_frames_keep_their_order)
BOTH(changes_are_told)
BOTH(watched_files_wake_up)
BOTH(its_end_is_told)
BOTH(it_is_followed_elsewhere)
BOTH(a_successor_takes_over)
#define TESTS(function) TEST(function), TEST(function##_readv)

const struct test tests[] = {
	TESTS(frames_are_sent),
	TESTS(in_pieces),
	TESTS(received_behind_a_header),
	TESTS(received_with_a_header_elsewhere),
	TESTS(offloads_are_told),
	TESTS(no_offloads_no_flags),
	TESTS(segments_are_merged),
	TEST(a_burst_is_one_call),
	TESTS(many_frames_keep_their_order),
	TESTS(changes_are_told),
	TEST(sockets_make_it_promiscuous),
	TEST(carrier_is_the_drivers),
	TESTS(watched_files_wake_up),
	TESTS(its_end_is_told),
	TESTS(it_is_followed_elsewhere),
	TESTS(a_successor_takes_over),
	TEST(others_interfaces_are_refused),
	TEST(without_privileges),
	TEST(arguments_are_checked),
	TEST(the_kernel_can_choose_the_name),
	{ NULL, NULL },
};
