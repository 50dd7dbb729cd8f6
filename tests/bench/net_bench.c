// SPDX-License-Identifier: MIT
/*
 * A network interface that udrv-e1000 gives the kernel, and the kernel's own
 * driver for the same NIC.  At the other end of the cable is the kernel's driver
 * in both cases, in a network namespace of its own: busy instructions are of
 * both ends, and of the programs that talk.
 *
 * net-tcp, net-udp-1400: iperf3, as it comes, from our end (-tx) or to it (-rx);
 * net-ping: echo requests, one after the other.  What it costs to begin and to
 * end is taken off: a short run, from a long one.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "nic.h"

#define DRIVER		"build/udrv-e1000"
#define OURS		"bench0"
#define SPACE		"far"
#define IN_SPACE	"ip netns exec " SPACE
#define NEAR_ADDRESS	"198.18.0.1"
#define FAR_ADDRESS	"198.18.0.2"

#define SAMPLES		3	/* they hardly differ */
#define PATIENCE	500	/* times 20 ms */

/* A run has so many units; the short one a third of them. */
#define TCP_UNITS	12	/* MiB */
#define UDP_UNITS	1500	/* packets */
#define PING_UNITS	600
#define MEASURED(units)	((units) - (units) / 3)

#define SOCKET_BYTES	(4u << 20)

#define UDP_RATE	"200M"	/* bits of payload in a second */

static pid_t server, talker;
static char near_name[NIC_NAME_BYTES];

static void stop(pid_t *process)
{
	if (*process > 0) {
		kill(*process, SIGTERM);
		waitpid(*process, NULL, 0);
	}
	*process = 0;
}

/* Only its complaints are of interest. */
static pid_t start(char *const args[])
{
	pid_t process = fork();

	if (!process) {
		if (!freopen("/dev/null", "w", stdout))
			_exit(127);
		execvp(args[0], args);
		_exit(127);
	}
	return process;
}

/* ------------------------------------------------------------- the two ends */

static int set_up(const char *space, const char *name, const char *address)
{
	if (nic_run("%s ip addr add %s/24 dev %s", space, address, name) ||
	    nic_run("%s ip link set %s up", space, name))
		return -1;
	return nic_await_link(space, name);
}

static int start_server(void)
{
	char *args[] = { (char *)"ip", (char *)"netns", (char *)"exec",
			 (char *)SPACE, (char *)"iperf3", (char *)"-s", NULL };

	server = start(args);
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (!nic_run(IN_SPACE " ss -Hltn sport = 5201 | grep -q ."))
			return 0;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return bench_fail("iperf3 -s does not start");
}

/* A receiver that was not there for a while is not to lose datagrams for that. */
static int make_room(void)
{
	FILE *limit = fopen("/proc/sys/net/core/rmem_default", "w");
	bool bad = !limit || fprintf(limit, "%u", SOCKET_BYTES) < 0;

	if (limit && fclose(limit))
		bad = true;
	return bad ? bench_fail("rmem_default: %s", strerror(errno)) : 0;
}

static int begin(const char *near)
{
	char far[NIC_NAME_BYTES];

	snprintf(near_name, sizeof(near_name), "%s", near);
	if (make_room() || bench_bind(NIC_FAR, "e1000") ||
	    nic_interface(NIC_FAR, far))
		return -1;
	if (nic_run("ip netns add " SPACE) ||
	    nic_run("ip link set %s netns " SPACE, far) ||
	    set_up(IN_SPACE, far, FAR_ADDRESS) ||
	    set_up("", near, NEAR_ADDRESS))
		return -1;
	/* Who is who is found out now. */
	if (nic_run("ping -q -c 3 -i 0.2 -W 5 " FAR_ADDRESS))
		return bench_fail("%s does not reach the other end", near);
	return start_server();
}

static int kernel_begin(void)
{
	char near[NIC_NAME_BYTES];

	return nic_interface(NIC_NEAR, near) ? -1 : begin(near);
}

static int udrv_begin(void)
{
	char *args[] = { (char *)DRIVER, (char *)NIC_NEAR, (char *)"tap",
			 (char *)"--name", (char *)OURS, NULL };

	bench_helper = start(args);
	for (int tries = 0; tries < PATIENCE; tries++) {
		if (waitpid(bench_helper, NULL, WNOHANG)) {
			bench_helper = 0;
			return bench_fail(DRIVER " ends");
		}
		if (!access("/sys/class/net/" OURS, F_OK))
			return begin(OURS);
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	return bench_fail(DRIVER " makes no interface");
}

static void end(void)
{
	stop(&talker);
	stop(&server);
	stop(&bench_helper);
	/* The NIC comes back when the namespace goes; so take it away first. */
	bench_bind(NIC_FAR, "");
	nic_run("ip netns del " SPACE " || :");
}

/* ------------------------------------------------------------------- talking */

/* What came of it is told by a line that has @wanted in it. */
static void talk(const char *wanted, const char *format, unsigned int units)
{
	char line[512], all[4096] = "";
	bool found = false;
	FILE *from;

	snprintf(line, sizeof(line), format, units);
	from = popen(line, "re");
	if (!from)
		die("%s: %s", line, strerror(errno));
	while (fgets(line, sizeof(line), from)) {
		found = found || strstr(line, wanted);
		strncat(all, line, sizeof(all) - strlen(all) - 1);
	}
	if (pclose(from) || !found)
		die("it did not go well: %s", all);
}

/* Without end, for `make profile`. */
static int talk_on(const char *command)
{
	char line[512];
	char *args[] = { (char *)"sh", (char *)"-c", line, NULL };

	snprintf(line, sizeof(line), "exec %s%s", command,
		 strncmp(command, "iperf3", 6) ? "" : "-t 0");
	talker = start(args);
	return talker < 0 ? bench_fail("fork: %s", strerror(errno)) : 0;
}

static double counted(const char *what)
{
	unsigned long long count = 0;
	char path[128];
	FILE *from;

	snprintf(path, sizeof(path), "/sys/class/net/%s/statistics/%s", near_name,
		 what);
	from = fopen(path, "r");
	if (!from || fscanf(from, "%llu", &count) != 1)
		die("%s: no count", path);
	fclose(from);
	return (double)count;
}

#define IPERF	"iperf3 -c " FAR_ADDRESS " -i 0 "
#define UDP	IPERF "-u -l 1400 -b " UDP_RATE " "
#define PING	"ping -q -f " FAR_ADDRESS " "
#define MIB	1048576

#define TALKS(name, wanted, command, limit, units, count, each) \
	static void name##_long(void) \
	{ \
		talk(wanted, command limit, units); \
	} \
	static void name##_short(void) \
	{ \
		talk(wanted, command limit, (units) / 3); \
	} \
	static int name##_flow(void) \
	{ \
		return talk_on(command); \
	} \
	static double name##_done(void) \
	{ \
		return counted(count) / (each); \
	}

TALKS(tcp_tx, "receiver", IPERF, "-n %uM", TCP_UNITS, "tx_bytes", MIB)
TALKS(tcp_rx, "receiver", IPERF "-R ", "-n %uM", TCP_UNITS, "rx_bytes", MIB)
TALKS(udp_tx, "(0%)  receiver", UDP, "-k %u", UDP_UNITS, "tx_packets", 1)
TALKS(udp_rx, "(0%)  receiver", UDP "-R ", "-k %u", UDP_UNITS, "rx_packets", 1)
TALKS(ping, " 0% packet loss", PING, "-c %u", PING_UNITS, "rx_packets", 1)

/* ------------------------------------------------------------------- the ways */

#define WAY(name_, unit_, who_, driver_, begin_, talk_, units_) \
	&(const struct way){ .name = name_, .unit = unit_, .who = who_, \
			     .variant = "", .driver = driver_, .repeats = 1, \
			     .samples = SAMPLES, .batch = MEASURED(units_), \
			     .begin = begin_, .cycle = talk_##_long, \
			     .end = end, .device = NIC_NEAR, .sleeps = true, \
			     .soak = true, .less = talk_##_short, .flow = talk_##_flow, \
			     .done = talk_##_done }
#define CASE(name, unit, talk, units) \
	WAY(name, unit, "udrv", "udrv", udrv_begin, talk, units), \
	WAY(name, unit, "e1000", "e1000", kernel_begin, talk, units)

static const struct way *const ways[] = {
	CASE("net-tcp-tx", "MiB", tcp_tx, TCP_UNITS),
	CASE("net-tcp-rx", "MiB", tcp_rx, TCP_UNITS),
	CASE("net-udp-1400-tx", "packet", udp_tx, UDP_UNITS),
	CASE("net-udp-1400-rx", "packet", udp_rx, UDP_UNITS),
	CASE("net-ping", "echo", ping, PING_UNITS),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
