// SPDX-License-Identifier: MIT
/* See size.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "size.h"

/* What a suffix multiplies with, 0 = no such suffix. */
static uint64_t suffix_factor(const char *suffix, unsigned sector)
{
	static const char letters[] = "kmgt";
	const char *letter;
	uint64_t factor = 1;
	unsigned base = 1024;

	if (!*suffix)
		return 1;
	if (!strcmp(suffix, "s"))
		return sector;
	if (!strcmp(suffix, "B"))
		return 1;
	letter = strchr(letters, *suffix | 0x20);
	if (!letter)
		return 0;
	if (!strcasecmp(suffix + 1, "b"))
		base = 1000;
	else if (suffix[1] && strcasecmp(suffix + 1, "ib"))
		return 0;
	for (long i = letter - letters; i >= 0; i--)
		factor *= base;
	return factor;
}

bool parse_size(const char *text, unsigned sector, uint64_t *value)
{
	unsigned long long number;
	uint64_t factor;
	char *end;

	/* strtoull() would take blanks and signs. */
	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	/* Not base 0: a leading zero makes no octal number of it. */
	number = strtoull(text, &end, strncasecmp(text, "0x", 2) ? 10 : 16);
	factor = suffix_factor(end, sector);
	if (errno || !factor || number > INT64_MAX / factor)
		return false;
	*value = number * factor;
	return true;
}
