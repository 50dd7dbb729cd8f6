// SPDX-License-Identifier: MIT
/*
 * Packets by our driver; dpdk_bench.c has the same for DPDK, and packets that
 * the kernel's driver sends are pktgen's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nic.h"
#include "nic_open.h"

static struct e1000 *near, *far;
static struct e1000_pool *pool;
static uint16_t length;

static struct e1000 *open_nic(const char *name)
{
	const struct e1000_options options = {
		.rx_ring = NIC_RING, .tx_ring = NIC_RING, .buffers = NIC_BUFFERS,
		.mode = E1000_POLLED, .flags = E1000_PROMISCUOUS, .pool = pool,
	};

	return nic_open(name, &options);
}

static int begin(uint16_t bytes, bool both)
{
	length = bytes;
	near = open_nic(NIC_NEAR);
	if (!near)
		return -1;
	pool = e1000_pool(near);
	if (!both)
		return 0;
	if (bench_bind(NIC_FAR, "udrv"))
		return -1;
	far = open_nic(NIC_FAR);
	return far ? 0 : -1;
}

static void end(void)
{
	e1000_close(far);
	e1000_close(near);
	far = near = NULL;
	pool = NULL;
	bench_bind(NIC_FAR, "");
}

/* All of them, or it is a failure: there is room for what is sent here. */
static inline void send_all(struct e1000 *nic, struct e1000_packet **packets,
			    unsigned int count)
{
	unsigned int sent = e1000_tx_burst(nic, packets, count);

	if (sent != count)
		die("we sent %u packets of %u", sent, count);
}

static inline void send_burst(struct e1000 *nic)
{
	struct e1000_packet *packets[NIC_BURST];

	if (!e1000_alloc(pool, packets, NIC_BURST))
		die("our pool is empty");
	for (unsigned int i = 0; i < NIC_BURST; i++) {
		packets[i]->length = length;
		nic_write_header(packets[i]->data);
	}
	send_all(nic, packets, NIC_BURST);
}

/* ------------------------------------------------------------ the three cases */

static void tx_cycle(void)
{
	send_burst(near);
}

static void rx_fill(void)
{
	for (unsigned int i = 0; i < NIC_FILL / NIC_BURST; i++)
		send_burst(far);
}

static void rx_cycle(void)
{
	struct e1000_packet *packets[NIC_BURST];
	unsigned int got;

	for (unsigned int i = 0; i < NIC_FILL / NIC_BURST; i++) {
		got = e1000_rx_burst(near, packets, NIC_BURST);
		if (got != NIC_BURST)
			die("we received %u packets of %u", got, NIC_BURST);
		e1000_free(pool, packets, got);
	}
}

static void forward_cycle(void)
{
	struct e1000_packet *packets[NIC_BURST];
	unsigned int got = e1000_rx_burst(near, packets, NIC_BURST);

	if (got != NIC_BURST)
		die("we received %u packets of %u", got, NIC_BURST);
	send_all(far, packets, got);
}

/* ------------------------------------------------------- pktgen, of the kernel */

#define PKTGEN		"/proc/net/pktgen/"
#define PKTGEN_PACKETS	2000

static char interface[NIC_NAME_BYTES];

static int tell(const char *file, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* One command; pktgen wants them one by one. */
static int tell(const char *file, const char *format, ...)
{
	char path[128], text[128];
	va_list args;
	int fd, status;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	snprintf(path, sizeof(path), PKTGEN "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return bench_fail("%s: %s", path, strerror(errno));
	status = write(fd, text, strlen(text)) < 0 ?
		 bench_fail("%s, told %s: %s", path, text, strerror(errno)) : 0;
	close(fd);
	return status;
}

static int begin_pktgen(unsigned int bytes)
{
	if (nic_interface(NIC_NEAR, interface) ||
	    nic_run("ip link set %s up", interface) ||
	    nic_await_link("", interface))
		return -1;
	if (tell("kpktgend_0", "rem_device_all\n") ||
	    tell("kpktgend_0", "add_device %s\n", interface) ||
	    tell(interface, "count %u\n", PKTGEN_PACKETS) ||
	    tell(interface, "delay 0\n") ||
	    tell(interface, "pkt_size %u\n", bytes) ||
	    tell(interface, "dst_mac 02:00:00:00:00:02\n") ||
	    tell(interface, "dst 198.18.0.2\n"))
		return -1;
	return 0;
}

static void end_pktgen(void)
{
	tell("kpktgend_0", "rem_device_all\n");
}

/* Returns when all is sent. */
static void pktgen_cycle(void)
{
	if (tell("pgctrl", "start\n"))
		die("%s", bench_failure());
}

/* ------------------------------------------------------------------- the ways */

#define BEGINS(bytes) \
	static int begin_tx_##bytes(void) { return begin(bytes, false); } \
	static int begin_rx_##bytes(void) { return begin(bytes, true); } \
	static int begin_pktgen_##bytes(void) { return begin_pktgen(bytes); }
BEGINS(60)
BEGINS(1500)

static int begin_forward_60(void)
{
	if (begin(NIC_SMALL, true))
		return -1;
	rx_fill();
	return 0;
}

#define WAY(name_, begin_, prepare_, cycle_, batch_, repeats_) \
	&(const struct way){ .name = name_, .unit = NIC_UNIT, .who = "udrv", \
			     .variant = "", .driver = "udrv", \
			     .samples = NIC_SAMPLES, .repeats = repeats_, \
			     .batch = batch_, \
			     .begin = begin_, .prepare = prepare_, \
			     .cycle = cycle_, .end = end, .device = NIC_NEAR }
#define TX(bytes) WAY("e1000-tx-" #bytes, begin_tx_##bytes, NULL, tx_cycle, \
		      NIC_BURST, NIC_TX_REPEATS)
#define RX(bytes) WAY("e1000-rx-" #bytes, begin_rx_##bytes, rx_fill, rx_cycle, \
		      NIC_FILL, NIC_RX_REPEATS)
#define PKTGEN_TX(bytes) \
	&(const struct way){ .name = "e1000-tx-" #bytes, .unit = NIC_UNIT, \
			     .who = "e1000", .variant = "pktgen", \
			     .driver = "e1000", .repeats = 1, .samples = 11, \
			     .batch = PKTGEN_PACKETS, \
			     .begin = begin_pktgen_##bytes, \
			     .cycle = pktgen_cycle, .end = end_pktgen, \
			     .device = NIC_NEAR, .sleeps = true }

static const struct way *const ways[] = {
	TX(60), TX(1500), RX(60), RX(1500),
	WAY("e1000-forward-60", begin_forward_60, NULL, forward_cycle, NIC_BURST,
	    NIC_TX_REPEATS),
	PKTGEN_TX(60), PKTGEN_TX(1500),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
