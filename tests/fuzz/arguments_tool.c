// SPDX-License-Identifier: MIT
/* See arguments.h. */
#include "arguments.h"
#define main tool_main
#include "../../tools/udrv.c"
