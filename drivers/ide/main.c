// SPDX-License-Identifier: MIT
/* udrv-ide: see options.c for what it can do. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "../service.h"
#include "commands.h"

static void tell(const struct ide_disk *disk, const char *sentence)
{
	fprintf(stderr, "udrv-ide: %s: %s\n", ide_disk_name(disk), sentence);
}

static int run_here(int fd, const struct options *options)
{
	static struct ide ide;
	const char *problem = ide_start(&ide, fd, options->start_flags, tell);
	int status;

	if (problem) {
		status = complain("%s: %s", options->device, problem);
	} else if (options->command == COMMAND_IDENTIFY) {
		status = command_identify(&ide, options);
	} else if (options->command == COMMAND_BENCH) {
		status = command_bench(&ide, options);
	} else {
		status = command_copy(&ide, options);
	}
	ide_stop(&ide);
	return status;
}

/* The device, inherited or opened.  *bound: it was bound for us just now. */
static int open_device(const struct options *options, bool *bound)
{
	struct udrv_info info;
	int fd = options->fd;

	*bound = false;
	if (options->service)
		fd = service_device(options->device);
	else if (fd < 0)
		fd = usr_open_or_bind(options->device, O_RDWR, bound);
	else if (usr_info(fd, &info))
		fd = -1;
	if (fd < 0)
		complain("%s", usr_error());
	if (*bound)
		fprintf(stderr, "bound %s to udrv\n", options->device);
	return fd;
}

int main(int argc, char **argv)
{
	struct options options;
	int fd, status;
	bool bound;

	setvbuf(stdout, NULL, _IOLBF, 0);
	/* A reader that goes is an error like any other. */
	signal(SIGPIPE, SIG_IGN);
	status = options_parse(&options, argc, argv);
	if (status)
		return status < 0 ? 0 : status;
	fd = open_device(&options, &bound);
	if (fd < 0)
		return 1;
	status = options.command == COMMAND_SERVE ?
		 command_serve(fd, &options) : run_here(fd, &options);
	close(fd);
	/* It may not be an IDE controller at all: leave it as it was. */
	if (status && bound && !usr_unbind(options.device))
		fprintf(stderr, "unbound %s again\n", options.device);
	if (fflush(stdout) || ferror(stdout))
		return 1;
	return status;
}
