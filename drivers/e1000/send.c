// SPDX-License-Identifier: MIT
/* send: packets that are made, or those of a file. */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include "command.h"
#include "frame.h"

#define DRAIN_PATIENCE_MS	10000

struct sender {
	struct e1000 *nic;
	const struct e1000_arguments *arguments;
	struct pace pace;
	uint64_t packets, bytes;	/* given to the NIC */
	struct frame frame;
	pcap_t *pcap;
};

/* How many may go now, by --rate; sleeps a little if none. */
static unsigned allowed(const struct sender *sender)
{
	uint64_t rate = sender->arguments->rate, now, due;

	if (!rate)
		return BURST;
	now = e1000_clock_ns() - sender->pace.start;
	due = (uint64_t)((double)now * (double)rate / 1e9) + 1;
	if (due > sender->packets)
		return due - sender->packets < BURST ?
		       (unsigned)(due - sender->packets) : BURST;
	e1000_nap(1);
	return 0;
}

static void set_offloads(const struct sender *sender,
			 struct e1000_packet *packet)
{
	const struct e1000_arguments *arguments = sender->arguments;
	const struct frame *frame = &sender->frame;

	if (arguments->checksum || arguments->mss) {
		packet->flags |= E1000_TX_SUM;
		packet->network = FRAME_ETHERNET;
		packet->transport = (uint8_t)frame->transport;
		packet->checksum = (uint8_t)frame->checksum;
		if (!frame->ipv6)
			packet->flags |= E1000_TX_IPV4_SUM;
	}
	if (arguments->mss) {
		packet->flags |= E1000_TX_TSO;
		packet->mss = (uint16_t)arguments->mss;
		packet->header = (uint8_t)frame->header;
	}
	if (arguments->tag >= 0) {
		packet->flags |= E1000_TX_VLAN;
		packet->vlan = (uint16_t)arguments->tag;
	}
}

/* A numbered frame in as many buffers as it takes.  NULL: there are not so many. */
static struct e1000_packet *make_packet(struct sender *sender, uint64_t number)
{
	struct e1000_pool *pool = e1000_pool(sender->nic);
	unsigned room = pool->buffer_size, at = 0, length;
	struct e1000_packet *first = NULL, **link = &first, *packet;

	do {
		if (!e1000_alloc(pool, &packet, 1)) {
			if (first)
				e1000_free(pool, &first, 1);
			return NULL;
		}
		length = sender->frame.length - at;
		if (length > room)
			length = room;
		memcpy(packet->data, sender->frame.data + at, length);
		packet->length = (uint16_t)length;
		*link = packet;
		link = &packet->next;
		at += length;
	} while (at < sender->frame.length);
	frame_number(&sender->frame, first->data, number);
	set_offloads(sender, first);
	return first;
}

/* Give them to the NIC, waiting for room.  Return: 0, -1 = over or complained. */
static int give(struct sender *sender, struct e1000_packet **packets,
		unsigned count)
{
	unsigned sent = 0;

	for (;;) {
		sent += e1000_tx_burst(sender->nic, packets + sent, count - sent);
		if (sent == count)
			return 0;
		if (pace_check(&sender->pace, sender->nic,
			       sender->arguments->device) ||
		    pace_wait(&sender->pace, sender->nic,
			      sender->arguments->device, E1000_WAIT_TX))
			break;
	}
	for (unsigned i = sent; i < count; i++) {
		sender->packets--;
		sender->bytes -= sender->frame.length;
	}
	e1000_free(e1000_pool(sender->nic), packets + sent, count - sent);
	return -1;
}

static int send_made(struct sender *sender)
{
	const struct e1000_arguments *arguments = sender->arguments;
	struct e1000_packet *packets[BURST];
	unsigned n, most;

	while (sender->packets < arguments->count) {
		int over = pace_check(&sender->pace, sender->nic,
				      arguments->device);

		if (over)
			return over < 0;
		most = allowed(sender);
		if (most > arguments->count - sender->packets)
			most = (unsigned)(arguments->count - sender->packets);
		for (n = 0; n < most; n++) {
			packets[n] = make_packet(sender, sender->packets);
			if (!packets[n])
				break;
			sender->packets++;
			sender->bytes += sender->frame.length;
		}
		/* All buffers are on their way: some come back. */
		if (!n && most && pace_wait(&sender->pace, sender->nic,
					    arguments->device, E1000_WAIT_TX))
			return 1;
		if (n && give(sender, packets, n))
			return !e1000_stop_asked;
	}
	return 0;
}

/* Return: 0, 1 = the file is at its end, -1 = complained. */
static int read_packet(struct sender *sender, struct e1000_packet *packet)
{
	const struct e1000_arguments *arguments = sender->arguments;
	unsigned most = arguments->nic.max_frame ? arguments->nic.max_frame : 1514;
	struct pcap_pkthdr *header;
	const u_char *data;
	int got = pcap_next_ex(sender->pcap, &header, &data);

	if (got == PCAP_ERROR_BREAK)
		return 1;
	if (got != 1) {
		e1000_complain("%s: %s", arguments->file,
			       pcap_geterr(sender->pcap));
		return -1;
	}
	if (header->caplen != header->len) {
		e1000_complain("%s: packet %" PRIu64 " was captured in part only: %u of %u bytes",
			       arguments->file, sender->packets + 1,
			       header->caplen, header->len);
		return -1;
	}
	if (header->len < FRAME_ETHERNET || header->len > most) {
		e1000_complain("%s: packet %" PRIu64 " has %u bytes, not %u to %u; see --frame",
			       arguments->file, sender->packets + 1,
			       header->len, FRAME_ETHERNET, most);
		return -1;
	}
	memcpy(packet->data, data, header->len);
	packet->length = (uint16_t)header->len;
	return 0;
}

static int send_file(struct sender *sender)
{
	const struct e1000_arguments *arguments = sender->arguments;
	struct e1000_pool *pool = e1000_pool(sender->nic);
	struct e1000_packet *packet;
	int over;

	while (!arguments->count || sender->packets < arguments->count) {
		over = pace_check(&sender->pace, sender->nic, arguments->device);
		if (over)
			return over < 0;
		if (!allowed(sender))
			continue;
		if (!e1000_alloc(pool, &packet, 1)) {
			if (pace_wait(&sender->pace, sender->nic,
				      arguments->device, E1000_WAIT_TX))
				return 1;
			continue;
		}
		over = read_packet(sender, packet);
		if (over) {
			e1000_free(pool, &packet, 1);
			return over < 0;
		}
		sender->packets++;
		sender->bytes += packet->length;
		sender->frame.length = packet->length;
		if (give(sender, &packet, 1))
			return !e1000_stop_asked;
	}
	return 0;
}

static int open_file(struct sender *sender)
{
	const char *file = sender->arguments->file;
	bool piped = !strcmp(file, "-");
	FILE *stream = piped ? stdin : fopen(file, "rb");
	char error[PCAP_ERRBUF_SIZE];

	if (!stream)
		return e1000_complain("%s: %s", file, strerror(errno));
	sender->pcap = pcap_fopen_offline(stream, error);
	if (!sender->pcap) {
		if (!piped)
			fclose(stream);
		return e1000_complain("%s: %s", file, error);
	}
	if (pcap_datalink(sender->pcap) == DLT_EN10MB)
		return 0;
	e1000_complain("%s: not of an Ethernet: link type %d", file,
		       pcap_datalink(sender->pcap));
	pcap_close(sender->pcap);
	return 1;
}

static void make_frame(struct sender *sender)
{
	const struct e1000_arguments *arguments = sender->arguments;
	struct frame *frame = &sender->frame;

	frame->length = arguments->size;
	frame->ipv6 = arguments->ipv6;
	frame->tcp = arguments->mss;
	frame->sum_left = arguments->checksum || arguments->mss;
	memcpy(frame->to, arguments->to, sizeof(frame->to));
	e1000_mac(sender->nic, frame->from);
	frame_make(frame);
}

static int drain(struct sender *sender)
{
	for (int i = 0; i < DRAIN_PATIENCE_MS / 100 && !e1000_stop_asked; i++) {
		if (!e1000_tx_drain(sender->nic, 100))
			return 0;
		if (errno != ETIMEDOUT)
			break;
		/* It may be hung. */
		if (e1000_watch(sender->nic, NULL) < 0)
			break;
	}
	return e1000_stop_asked ? 0 :
	       e1000_complain("%s: %s", sender->arguments->device, e1000_error());
}

int e1000_command_send(struct e1000 *nic, const struct e1000_arguments *arguments)
{
	static struct sender sender;
	struct e1000_stats stats;
	int status;

	sender = (struct sender) { .nic = nic, .arguments = arguments };
	if (arguments->file && open_file(&sender))
		return 1;
	/* What is sent before the link is there may go nowhere. */
	status = e1000_await_link(nic, arguments->device);
	pace_start(&sender.pace, arguments);
	if (!status && arguments->file) {
		status = send_file(&sender);
	} else if (!status) {
		make_frame(&sender);
		status = send_made(&sender);
	}
	if (!status)
		status = drain(&sender);
	if (sender.pcap)
		pcap_close(sender.pcap);
	e1000_stats(nic, &stats);
	if (stats.tx_refused)
		status = e1000_complain("%s: %" PRIu64 " packets could not be sent as asked",
					arguments->device, stats.tx_refused);
	fprintf(stderr, "%" PRIu64 " packets sent, %" PRIu64 " bytes\n",
		sender.packets - stats.tx_refused, sender.bytes);
	return status;
}
