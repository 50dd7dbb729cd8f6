// SPDX-License-Identifier: MIT
/* capture: what comes, into a pcap file. */
#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include "command.h"

#define SNAPSHOT	65535

struct capture {
	struct e1000 *nic;
	const struct e1000_arguments *arguments;
	struct pace pace;
	uint64_t packets, bytes;
	const char *file;
	pcap_t *pcap;
	pcap_dumper_t *dumper;
};

static int open_file(struct capture *capture)
{
	bool piped = !capture->arguments->file ||
		     !strcmp(capture->arguments->file, "-");

	capture->file = piped ? "standard output" : capture->arguments->file;
	if (piped && isatty(STDOUT_FILENO))
		return e1000_complain("a capture is no text: name a --file, or pipe it to tcpdump -nr -");
	capture->pcap = pcap_open_dead(DLT_EN10MB, SNAPSHOT);
	if (!capture->pcap)
		return e1000_complain("no memory");
	capture->dumper = pcap_dump_open(capture->pcap,
					 piped ? "-" : capture->arguments->file);
	if (capture->dumper)
		return 0;
	e1000_complain("%s", pcap_geterr(capture->pcap));
	pcap_close(capture->pcap);
	return 1;
}

static int write_packets(struct capture *capture,
			 struct e1000_packet *const *packets, unsigned count)
{
	struct pcap_pkthdr header;

	gettimeofday(&header.ts, NULL);
	for (unsigned i = 0; i < count; i++) {
		header.caplen = header.len = packets[i]->length;
		pcap_dump((u_char *)capture->dumper, &header, packets[i]->data);
		capture->packets++;
		capture->bytes += packets[i]->length;
	}
	return ferror(pcap_dump_file(capture->dumper));
}

static int complain_of_file(const struct capture *capture)
{
	return e1000_complain("%s: %s", capture->file, strerror(errno));
}

static int take(struct capture *capture)
{
	const struct e1000_arguments *arguments = capture->arguments;
	struct e1000_packet *packets[BURST];
	unsigned most, n;
	int over;

	for (;;) {
		over = pace_check(&capture->pace, capture->nic,
				  arguments->device);
		if (over)
			return over < 0;
		most = BURST;
		if (arguments->count && arguments->count - capture->packets < most)
			most = (unsigned)(arguments->count - capture->packets);
		if (!most)
			return 0;
		n = e1000_rx_burst(capture->nic, packets, most);
		if (write_packets(capture, packets, n))
			return complain_of_file(capture);
		e1000_free(e1000_pool(capture->nic), packets, n);
		/* Who reads the file is to see what came before a pause. */
		if (n)
			continue;
		if (pcap_dump_flush(capture->dumper))
			return complain_of_file(capture);
		if (pace_wait(&capture->pace, capture->nic, arguments->device,
			      E1000_WAIT_RX))
			return 1;
	}
}

int e1000_command_capture(struct e1000 *nic,
			  const struct e1000_arguments *arguments)
{
	struct capture capture = { .nic = nic, .arguments = arguments };
	int status;

	if (open_file(&capture))
		return 1;
	status = e1000_await_link(nic, arguments->device);
	fprintf(stderr, "ready\n");
	pace_start(&capture.pace, arguments);
	if (!status)
		status = take(&capture);
	if (pcap_dump_flush(capture.dumper) && !status)
		status = complain_of_file(&capture);
	pcap_dump_close(capture.dumper);
	pcap_close(capture.pcap);
	fprintf(stderr, "%" PRIu64 " packets captured, %" PRIu64 " bytes\n",
		capture.packets, capture.bytes);
	return status;
}
