// SPDX-License-Identifier: MIT
/* See arguments.h. */
#include "arguments.h"
#define main edu_main
int edu_main(int argc, char **argv);
#include "../../drivers/edu/main.c"

int edu_arguments(int argc, char **argv)
{
	struct options options;

	return parse(argc, argv, &options);
}
