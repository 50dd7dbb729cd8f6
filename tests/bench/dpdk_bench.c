// SPDX-License-Identifier: MIT
/*
 * Packets by DPDK's em driver, over vfio-pci.
 *
 * Its environment layer is started once in a process and keeps the devices until
 * the process ends, hence own_process.
 */
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "nic.h"

#define CACHE	RTE_MEMPOOL_CACHE_MAX_SIZE	/* buffers this thread keeps */

enum { NEAR, FAR };

static struct rte_mempool *pool;
static uint16_t length;

/* No huge pages: 4 KiB ones do not cost instructions. */
static int start_environment(void)
{
	char *args[] = {
		(char *)"bench", (char *)"--no-huge", (char *)"-m", (char *)"64",
		(char *)"--iova-mode=va", (char *)"--no-shconf",
		(char *)"--no-telemetry", (char *)"-l", (char *)"0",
		(char *)"--log-level=3", (char *)"-a", (char *)NIC_NEAR,
		(char *)"-a", (char *)NIC_FAR, NULL,
	};

	if (bench_bind(NIC_FAR, "vfio-pci"))
		return -1;
	if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])) - 1, args) < 0)
		return bench_fail("rte_eal_init: %s", rte_strerror(rte_errno));
	if (rte_eth_dev_count_avail() != 2)
		return bench_fail("DPDK has %u ports, not two",
				  rte_eth_dev_count_avail());
	/* The cache holds a few on top, and rounds up. */
	pool = rte_pktmbuf_pool_create("pool", NIC_BUFFERS, CACHE, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return pool ? 0 : bench_fail("no pool: %s", rte_strerror(rte_errno));
}

static int start_port(uint16_t port)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_link link;
	int error = rte_eth_dev_configure(port, 1, 1, &conf);

	if (!error)
		error = rte_eth_rx_queue_setup(port, 0, NIC_RING, SOCKET_ID_ANY,
					       NULL, pool);
	if (!error)
		error = rte_eth_tx_queue_setup(port, 0, NIC_RING, SOCKET_ID_ANY,
					       NULL);
	if (!error)
		error = rte_eth_dev_start(port);
	if (!error)
		error = rte_eth_promiscuous_enable(port);
	if (!error)
		error = rte_eth_link_get(port, &link);
	if (error)
		return bench_fail("DPDK's port %u: %s", port,
				  rte_strerror(-error));
	return link.link_status ? 0 : bench_fail("port %u has no link", port);
}

static int begin(uint16_t bytes, uint16_t ports)
{
	length = bytes;
	if (start_environment())
		return -1;
	for (uint16_t port = 0; port < ports; port++)
		if (start_port(port))
			return -1;
	nic_settle();
	return 0;
}

static void end(void)
{
	uint16_t port;

	RTE_ETH_FOREACH_DEV(port)
		rte_eth_dev_stop(port);
}

/* All of them, or it is a failure: there is room for what is sent here. */
static inline void send_all(uint16_t port, struct rte_mbuf **packets, uint16_t count)
{
	uint16_t sent = rte_eth_tx_burst(port, 0, packets, count);

	if (sent != count)
		die("DPDK sent %u packets of %u", sent, count);
}

static inline void send_burst(uint16_t port)
{
	struct rte_mbuf *packets[NIC_BURST];

	if (rte_pktmbuf_alloc_bulk(pool, packets, NIC_BURST))
		die("DPDK's pool is empty");
	for (unsigned int i = 0; i < NIC_BURST; i++) {
		packets[i]->data_len = length;
		packets[i]->pkt_len = length;
		nic_write_header(rte_pktmbuf_mtod(packets[i], void *));
	}
	send_all(port, packets, NIC_BURST);
}

/* ------------------------------------------------------------ the three cases */

static void tx_cycle(void)
{
	send_burst(NEAR);
}

static void rx_fill(void)
{
	for (unsigned int i = 0; i < NIC_FILL / NIC_BURST; i++)
		send_burst(FAR);
}

static void rx_cycle(void)
{
	struct rte_mbuf *packets[NIC_BURST];
	uint16_t got;

	for (unsigned int i = 0; i < NIC_FILL / NIC_BURST; i++) {
		got = rte_eth_rx_burst(NEAR, 0, packets, NIC_BURST);
		if (got != NIC_BURST)
			die("DPDK received %u packets of %u", got, NIC_BURST);
		rte_pktmbuf_free_bulk(packets, got);
	}
}

static void forward_cycle(void)
{
	struct rte_mbuf *packets[NIC_BURST];
	uint16_t got = rte_eth_rx_burst(NEAR, 0, packets, NIC_BURST);

	if (got != NIC_BURST)
		die("DPDK received %u packets of %u", got, NIC_BURST);
	send_all(FAR, packets, got);
}

/* ------------------------------------------------------------------- the ways */

static int begin_tx_60(void)
{
	return begin(NIC_SMALL, 1);
}

static int begin_tx_1500(void)
{
	return begin(NIC_LARGE, 1);
}

static int begin_rx_60(void)
{
	return begin(NIC_SMALL, 2);
}

static int begin_rx_1500(void)
{
	return begin(NIC_LARGE, 2);
}

static int begin_forward_60(void)
{
	if (begin(NIC_SMALL, 2))
		return -1;
	rx_fill();
	return 0;
}

#define WAY(name_, begin_, prepare_, cycle_, batch_, repeats_) \
	&(const struct way){ .name = name_, .unit = NIC_UNIT, .who = "dpdk", \
			     .variant = "", .driver = "vfio-pci", \
			     .samples = NIC_SAMPLES, .repeats = repeats_, \
			     .batch = batch_, \
			     .begin = begin_, .prepare = prepare_, \
			     .cycle = cycle_, .end = end, .device = NIC_NEAR, \
			     .own_process = true }
#define TX(bytes) WAY("e1000-tx-" #bytes, begin_tx_##bytes, NULL, tx_cycle, \
		      NIC_BURST, NIC_TX_REPEATS)
#define RX(bytes) WAY("e1000-rx-" #bytes, begin_rx_##bytes, rx_fill, rx_cycle, \
		      NIC_FILL, NIC_RX_REPEATS)

static const struct way *const ways[] = {
	TX(60), TX(1500), RX(60), RX(1500),
	WAY("e1000-forward-60", begin_forward_60, NULL, forward_cycle, NIC_BURST,
	    NIC_TX_REPEATS),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
