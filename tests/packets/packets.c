// SPDX-License-Identifier: MIT
/*
 * Sends frames to somebody who returns them with their addresses swapped, and
 * compares each that comes with what was sent, byte for byte and in order.  All
 * are different: size and content follow from their number.
 *
 * A frame is sent only if fewer than WINDOW are on their way: a cable drops what
 * finds no descriptor, and nobody says so.
 *
 * usage: packets INTERFACE ADDRESS COUNT WINDOW SECONDS
 *	SECONDS: how long to wait for one frame
 * Says how many were right each 100,000, and what is wrong if something is.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define KIND		0x88b5		/* IEEE 802: for local experiments */
#define LEAST		60u
#define MOST		1514u
#define BURST		64u
#define RECEIVE_BYTES	(64 << 20)
#define PROGRESS	100000u

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

struct end {
	int fd;
	uint8_t ours[ETH_ALEN], theirs[ETH_ALEN];
	uint64_t count, sent, received;
	unsigned window;
	int patience_ms;
};

static uint8_t frames[BURST][MOST + 8];
static struct iovec pieces[BURST];
static struct mmsghdr messages[BURST];

static _Noreturn void fail(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	exit(1);
}

/* splitmix64: any two numbers give unrelated values. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

/* Return: its size. */
static unsigned make(uint8_t *frame, uint64_t number, const uint8_t *to,
		     const uint8_t *from)
{
	static const uint8_t kind[] = { KIND >> 8, KIND & 0xff };
	uint64_t seed = mix(number), word;
	unsigned size = LEAST + seed % (MOST - LEAST + 1), at;

	memcpy(frame, to, ETH_ALEN);
	memcpy(frame + ETH_ALEN, from, ETH_ALEN);
	memcpy(frame + 2 * ETH_ALEN, kind, sizeof(kind));
	for (at = ETH_HLEN; at < size; at += 8) {
		seed += 0x9e3779b97f4a7c15;
		word = seed ^ seed >> 29;
		memcpy(frame + at, &word, 8);
	}
	memcpy(frame + ETH_HLEN, &number, 8);
	return size;
}

static void send_some(struct end *end)
{
	unsigned n = 0, done = 0;
	int result;

	while (n < BURST && end->sent + n < end->count &&
	       end->sent + n - end->received < end->window) {
		pieces[n].iov_base = frames[n];
		pieces[n].iov_len = make(frames[n], end->sent + n, end->theirs,
					 end->ours);
		n++;
	}
	while (done < n) {
		result = sendmmsg(end->fd, messages + done, n - done, 0);
		if (result < 0 && errno != EINTR && errno != ENOBUFS)
			fail("sendmmsg");
		done += result > 0 ? (unsigned)result : 0;
	}
	end->sent += n;
}

static void compare(const struct end *end, const uint8_t *got, unsigned size)
{
	uint8_t want[MOST + 8];
	unsigned should = make(want, end->received, end->ours, end->theirs), at;
	uint64_t number;

	if (size == should && !memcmp(got, want, size))
		return;
	memcpy(&number, got + ETH_HLEN, sizeof(number));
	printf("frame %" PRIu64 ": ", end->received);
	for (at = 0; at < size && at < should && got[at] == want[at]; at++)
		;
	printf("%u bytes for %u, the first other one at %u; it says it is %" PRIu64 "\n",
	       size, should, at, number);
	exit(1);
}

static void progress(const struct end *end)
{
	if (end->received % PROGRESS && end->received != end->count)
		return;
	printf("%" PRIu64 " of %" PRIu64 " frames\n", end->received, end->count);
	fflush(stdout);
}

/* Return: is it worth asking again at once? */
static bool receive_some(struct end *end)
{
	int n;

	for (unsigned i = 0; i < BURST; i++)
		pieces[i] = (struct iovec){ frames[i], sizeof(frames[i]) };
	n = recvmmsg(end->fd, messages, BURST, MSG_DONTWAIT | MSG_TRUNC, NULL);
	if (n < 0 && errno != EAGAIN && errno != EINTR)
		fail("recvmmsg");
	for (int i = 0; i < n; i++) {
		compare(end, frames[i], messages[i].msg_len);
		end->received++;
		progress(end);
	}
	return n == (int)BURST;
}

static void await(const struct end *end)
{
	struct pollfd file = { end->fd, POLLIN, 0 };

	if (poll(&file, 1, end->patience_ms) > 0)
		return;
	printf("frame %" PRIu64 " does not come; %" PRIu64 " were sent\n",
	       end->received, end->sent);
	exit(1);
}

static void open_end(struct end *end, const char *name, const char *address)
{
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(KIND) };
	int bytes = RECEIVE_BYTES, yes = 1;
	struct ether_addr *theirs = ether_aton(address);
	struct ifreq request = { 0 };

	at.sll_ifindex = (int)if_nametoindex(name);
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	end->fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (!at.sll_ifindex || !theirs || end->fd < 0 ||
	    ioctl(end->fd, SIOCGIFHWADDR, &request) ||
	    setsockopt(end->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) ||
	    setsockopt(end->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes)) ||
	    bind(end->fd, (struct sockaddr *)&at, sizeof(at)))
		fail(name);
	memcpy(end->ours, request.ifr_hwaddr.sa_data, ETH_ALEN);
	memcpy(end->theirs, theirs, ETH_ALEN);
}

int main(int argc, char **argv)
{
	struct end end = { 0 };

	if (argc != 6) {
		fprintf(stderr, "usage: packets INTERFACE ADDRESS COUNT WINDOW SECONDS\n");
		return 2;
	}
	open_end(&end, argv[1], argv[2]);
	end.count = strtoull(argv[3], NULL, 10);
	end.window = (unsigned)strtoul(argv[4], NULL, 10);
	end.patience_ms = atoi(argv[5]) * 1000;
	for (unsigned i = 0; i < BURST; i++)
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &pieces[i],
						       .msg_iovlen = 1 };
	while (end.received < end.count) {
		send_some(&end);
		await(&end);
		while (receive_some(&end))
			;
	}
	/* None twice: one that is too many would have come by now. */
	if (poll(&(struct pollfd){ end.fd, POLLIN, 0 }, 1, 500)) {
		printf("one more than was sent comes\n");
		return 1;
	}
	printf("%" PRIu64 " frames are the same\n", end.received);
	return 0;
}
