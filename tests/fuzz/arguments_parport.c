// SPDX-License-Identifier: MIT
/* See arguments.h. */
#include "arguments.h"
#define main parport_main
int parport_main(int argc, char **argv);
#include "../../drivers/parport/main.c"

int parport_arguments(int argc, char **argv)
{
	struct options options;

	return parse(&options, argc, argv);
}
