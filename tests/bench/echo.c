// SPDX-License-Identifier: MIT
/*
 * A UDP echo at rising load, as Chubb measured networks: says
 *
 *	SERVER OFFERED ECHOED SHARE
 *
 * separated by tabs, the middle two in packets a second, the last one being the
 * part of the processor's time that the server and all below it took.
 *
 * Who sends is at the other end of the cable, in the same guest on the same
 * processor, and goes before everybody else: each TICK_NS a few packets.  His
 * instructions are known beforehand and taken off: sending and receiving so many
 * packets is the same work each time, and so is to wake up and do nothing.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "e1000/frame.h"
#include "nic.h"
#include "nic_open.h"

#define TICK_NS		200000
#define PER_SECOND	(1000000000 / TICK_NS)	/* ticks */
#define WARM_UP		50			/* ticks */
#define WINDOW		400			/* ticks that are measured */
#define MOST		200			/* packets in a tick */
#define DRIVER		"build/udrv-e1000"

/* Packets in a tick: 5,000 to 1,000,000 in a second. */
static const unsigned int loads[] = {
	1, 2, 4, 6, 8, 10, 12, 16, 20, 28, 40, 60, 80, 120, 160, MOST,
};
#define LOADS (sizeof(loads) / sizeof(loads[0]))

static struct e1000 *far;
static struct frame frame;
static pid_t server;

/* What the sender costs. */
static double cost_of_load[LOADS], cost_of_tick;

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void sleep_until(uint64_t ns)
{
	struct timespec t = { (time_t)(ns / 1000000000), (long)(ns % 1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL))
		;
}

static struct e1000 *open_nic(const char *name)
{
	const struct e1000_options options = {
		.rx_ring = NIC_RING, .tx_ring = NIC_RING, .mode = E1000_POLLED,
	};
	struct e1000 *nic;

	if (bench_bind(name, "udrv"))
		die("%s", bench_failure());
	nic = nic_open(name, &options);
	if (!nic)
		die("%s", bench_failure());
	return nic;
}

/* ------------------------------------------------------------------ the sender */

static void send_load(unsigned int count)
{
	struct e1000_packet *packets[MOST];
	unsigned int sent;

	if (!e1000_alloc(e1000_pool(far), packets, count))
		die("no buffers to send");
	for (unsigned int i = 0; i < count; i++) {
		packets[i]->length = (uint16_t)frame.length;
		memcpy(packets[i]->data, frame.data, NIC_SMALL);
	}
	sent = e1000_tx_burst(far, packets, count);
	e1000_free(e1000_pool(far), packets + sent, count - sent);
}

/* How many of them are echoes; the kernel talks of other things too. */
static unsigned int receive_echoes(void)
{
	struct e1000_packet *packets[NIC_BURST];
	unsigned int echoes = 0, got;

	do {
		got = e1000_rx_burst(far, packets, NIC_BURST);
		for (unsigned int i = 0; i < got; i++)
			echoes += packets[i]->length >= frame.transport + 2 &&
				  !memcmp(packets[i]->data + frame.transport,
					  frame.data + frame.transport + 2, 2);
		e1000_free(e1000_pool(far), packets, got);
	} while (got);
	return echoes;
}

/* Ticks with so many packets; how many came back. */
static uint64_t run(unsigned int load, unsigned int ticks)
{
	uint64_t next = now_ns(), echoes = 0;

	for (unsigned int i = 0; i < ticks; i++) {
		echoes += receive_echoes();
		if (load)
			send_load(load);
		next += TICK_NS;
		sleep_until(next);
	}
	return echoes;
}

/* What a tick without packets costs while nobody serves. */
static double measure_tick(void)
{
	uint64_t start, idle;

	run(0, WARM_UP);
	idle = bench_idle_ns();
	start = now_ns();
	run(0, WINDOW);
	start = now_ns() - start;
	idle = bench_idle_ns() - idle;
	return (double)(start - idle) / WINDOW;
}

/*
 * What the packets of one cost more.  They come back without any instructions of
 * anybody's being counted.
 */
static double measure_load(struct e1000 *near, unsigned int load)
{
	struct e1000_packet *packets[MOST];
	uint64_t start, sum = 0;
	unsigned int got;

	for (unsigned int i = 0; i < WINDOW; i++) {
		start = now_ns();
		send_load(load);
		sum += now_ns() - start;
		got = e1000_rx_burst(near, packets, MOST);
		for (unsigned int k = 0; k < got; k++)
			frame_turn(packets[k]->data, packets[k]->length);
		if (got != load || e1000_tx_burst(near, packets, got) != got)
			die("%u packets of %u came", got, load);
		start = now_ns();
		got = receive_echoes();
		sum += now_ns() - start;
		if (got != load)
			die("%u packets of %u came back", got, load);
	}
	return (double)sum / WINDOW;
}

static void know_the_sender(void)
{
	struct e1000 *near = open_nic(NIC_NEAR);

	frame.length = NIC_SMALL;
	e1000_mac(near, frame.to);
	e1000_mac(far, frame.from);
	frame_make(&frame);
	frame_number(&frame, frame.data, 0);
	for (unsigned int i = 0; i < LOADS; i++)
		cost_of_load[i] = measure_load(near, loads[i]);
	e1000_close(near);
	cost_of_tick = measure_tick();
}

/* ----------------------------------------------------------------- the servers */

static uint16_t frame_port(unsigned int which)
{
	uint16_t port;

	memcpy(&port, frame.data + frame.transport + 2 * which, 2);
	return port;
}

static int udp_socket(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = frame_port(1) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)))
		die("a UDP socket: %s", strerror(errno));
	return fd;
}

static void serve_one_by_one(int fd)
{
	unsigned char data[2048];
	struct sockaddr_in from;
	socklen_t length;
	ssize_t got;

	for (;;) {
		length = sizeof(from);
		got = recvfrom(fd, data, sizeof(data), 0,
			       (struct sockaddr *)&from, &length);
		if (got >= 0)
			sendto(fd, data, (size_t)got, 0,
			       (struct sockaddr *)&from, length);
	}
}

/* Many in one system call. */
static void serve_in_bursts(int fd)
{
	static unsigned char data[NIC_BURST][2048];
	static struct sockaddr_in from[NIC_BURST];
	struct mmsghdr messages[NIC_BURST];
	struct iovec pieces[NIC_BURST];
	int got;

	for (;;) {
		for (unsigned int i = 0; i < NIC_BURST; i++) {
			pieces[i] = (struct iovec){ data[i], sizeof(data[i]) };
			messages[i] = (struct mmsghdr){ .msg_hdr = {
				.msg_name = &from[i],
				.msg_namelen = sizeof(from[i]),
				.msg_iov = &pieces[i], .msg_iovlen = 1 } };
		}
		got = recvmmsg(fd, messages, NIC_BURST, MSG_WAITFORONE, NULL);
		for (int i = 0; i < got; i++)
			pieces[i].iov_len = messages[i].msg_len;
		if (got > 0)
			sendmmsg(fd, messages, (unsigned int)got, 0);
	}
}

/* An interface of the kernel's, and who is at the other end of its cable. */
static void set_up(const char *name)
{
	char to[INET_ADDRSTRLEN], from[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, frame.data + FRAME_ETHERNET + 12, from, sizeof(from));
	inet_ntop(AF_INET, frame.data + FRAME_ETHERNET + 16, to, sizeof(to));
	if (nic_run("ip addr flush dev %s", name) ||
	    nic_run("ip addr add %s/24 dev %s", to, name) ||
	    nic_run("ip link set %s up", name) || nic_await_link("", name) ||
	    nic_run("ip neigh replace %s dev %s nud permanent lladdr %02x:%02x:%02x:%02x:%02x:%02x",
		    from, name, frame.from[0], frame.from[1], frame.from[2],
		    frame.from[3], frame.from[4], frame.from[5]))
		die("%s", bench_failure());
}

static void start_kernel(void (*serve)(int fd))
{
	char name[NIC_NAME_BYTES];
	int fd;

	if (bench_bind(NIC_NEAR, "e1000") || nic_interface(NIC_NEAR, name))
		die("%s", bench_failure());
	set_up(name);
	fd = udp_socket();
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
		serve(fd);
	}
	close(fd);
}

static void start_one_by_one(void)
{
	start_kernel(serve_one_by_one);
}

static void start_in_bursts(void)
{
	start_kernel(serve_in_bursts);
}

static void start_program(const char *option)
{
	if (bench_bind(NIC_NEAR, "udrv"))
		die("%s", bench_failure());
	server = fork();
	if (!server) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		sched_setscheduler(0, SCHED_OTHER, &(struct sched_param){ 0 });
		dup2(STDERR_FILENO, STDOUT_FILENO);
		execl(DRIVER, DRIVER, NIC_NEAR, "echo", option, (char *)NULL);
		_exit(127);
	}
}

static void start_udrv(void)
{
	start_program(NULL);
}

static void stop_server(void)
{
	kill(server, SIGTERM);
	waitpid(server, NULL, 0);
}

/* Until the first packet comes back. */
static void await_server(const char *name)
{
	for (int tries = 0; tries < 1000; tries++)
		if (run(1, WARM_UP) == WARM_UP)
			return;
	die("%s does not answer", name);
}

/* ------------------------------------------------------------------- measuring */

static void measure(const char *name, unsigned int which)
{
	uint64_t idle, start, took, echoes;
	double busy;

	run(loads[which], WARM_UP);
	idle = bench_idle_ns();
	start = now_ns();
	echoes = run(loads[which], WINDOW);
	took = now_ns() - start;
	idle = bench_idle_ns() - idle;
	/* Those that were late are nobody's. */
	run(0, WARM_UP);
	busy = (double)(took - idle) -
	       WINDOW * (cost_of_tick + cost_of_load[which]);
	printf("%s\t%u\t%.0f\t%.4f\n", name, loads[which] * PER_SECOND,
	       (double)echoes / (double)took * 1e9,
	       busy > 0 ? busy / (double)took : 0);
	fflush(stdout);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*start)(void);
	} servers[] = {
		{ "udrv", start_udrv },
		{ "recvfrom", start_one_by_one },
		{ "recvmmsg", start_in_bursts },
	};

	if (sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){ 10 }))
		die("SCHED_FIFO: %s", strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1);
	far = open_nic(NIC_FAR);
	know_the_sender();
	fprintf(stderr, "a tick costs the sender %.0f, %u packets %.0f\n",
		cost_of_tick, loads[LOADS - 1], cost_of_load[LOADS - 1]);
	for (unsigned int i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		servers[i].start();
		await_server(servers[i].name);
		for (unsigned int which = 0; which < LOADS; which++)
			measure(servers[i].name, which);
		stop_server();
	}
	e1000_close(far);
	return bench_bind(NIC_FAR, "") || bench_bind(NIC_NEAR, "") ? 1 : 0;
}
