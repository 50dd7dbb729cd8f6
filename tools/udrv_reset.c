// SPDX-License-Identifier: MIT
/* udrv reset */
#include <stdio.h>
#include <unistd.h>
#include "udrv_tool.h"

static int run_reset(const struct tool_command *command, int argc, char **argv)
{
	char **device;
	int fd, status;

	if (tool_option(command, argc, argv, &status) != -1)
		return status;
	device = tool_arguments(command, argc, argv, 1);
	if (!device)
		return TOOL_USAGE;
	fd = usr_open(device[0], O_RDWR);
	if (fd < 0)
		return tool_failed();
	if (usr_reset(fd)) {
		status = tool_failed();
	} else {
		printf("%s is reset\n", device[0]);
		status = TOOL_DONE;
	}
	close(fd);
	return status;
}

const struct tool_command tool_reset = {
	"reset", "reset a device that nobody has open",
	"usage: udrv reset DEVICE\n"
	"\n"
	"Reset a device that is bound to udrv, by the method that the kernel knows for\n"
	"it.  Nobody may have it open: a driver resets its device itself.\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_reset, tool_help_only, TOOL_BOUND, NULL
};
