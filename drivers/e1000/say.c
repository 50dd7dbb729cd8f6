// SPDX-License-Identifier: MIT
/* What udrv-e1000 says when something is wrong. */
#include <stdarg.h>
#include <stdio.h>
#include "command.h"

int e1000_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("udrv-e1000: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return 1;
}
