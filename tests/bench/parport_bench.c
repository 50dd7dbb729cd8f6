// SPDX-License-Identifier: MIT
/*
 * 64 KiB to QEMU's printer, which is always ready: nobody sleeps.  Both sides
 * spend most of it in delays of a microsecond, which the bus asks for.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "legacy.h"
#include "parport/port.h"

#define DEVICE		"parport0"
#define PRINTER		"/dev/lp0"
#define BYTES		(64u << 10)
#define PATIENCE_S	10

static unsigned char text[BYTES];
static struct port port;
static int fd = -1;

/* ------------------------------------------------------------- udrv-parport */

static int udrv_begin(void)
{
	const char *problem;

	if (bench_declare(DEVICE, true))
		return -1;
	fd = usr_open(DEVICE, O_RDWR);
	problem = fd < 0 ? usr_error() : port_start(&port, fd, false, PATIENCE_S);
	return problem ? bench_fail("%s", problem) : 0;
}

static void udrv_cycle(void)
{
	size_t sent;
	const char *problem = port_print(&port, text, BYTES, &sent);

	if (problem)
		die("%s", problem);
}

static void leave(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
}

static void udrv_end(void)
{
	if (fd >= 0)
		port_stop(&port);
	leave();
}

/* ----------------------------------------------------------- lp, parport_pc */

static int lp_begin(void)
{
	if (bench_declare(DEVICE, false))
		return -1;
	for (int waited = 0; fd < 0 && waited < PATIENCE_S * 50; waited++) {
		fd = open(PRINTER, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			usleep(20000);
	}
	return fd < 0 ? bench_fail(PRINTER ": %s", strerror(errno)) : 0;
}

static void lp_cycle(void)
{
	size_t sent = 0;
	ssize_t some;

	while (sent < BYTES) {
		some = write(fd, text + sent, BYTES - sent);
		if (some <= 0)
			die(PRINTER ": %s", strerror(errno));
		sent += (size_t)some;
	}
}

#define WAY(who_, prefix, end_) \
	&(const struct way){ .name = "parport-64k", .unit = "transfer", \
			     .who = who_, .variant = "", .driver = "", \
			     .repeats = 1, .samples = 3, .begin = prefix##_begin, \
			     .cycle = prefix##_cycle, .end = end_ }

static const struct way *const ways[] = {
	WAY("udrv", udrv, udrv_end), WAY("lp", lp, leave), NULL,
};

int main(int argc, char **argv)
{
	memset(text, 'x', sizeof(text));
	return bench_main(argc, argv, ways);
}
