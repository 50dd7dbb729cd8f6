// SPDX-License-Identifier: MIT
/* Who holds ports, memory and interrupt lines: read from /proc. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"
#include "legacy.h"

/* The next line of a text, copied; NULL at the end. */
static const char *usr_next_line(const char *text, char *line, size_t size)
{
	size_t length = strcspn(text, "\n");

	if (!*text)
		return NULL;
	snprintf(line, size, "%.*s", (int)(length < size ? length : size - 1), text);
	return text + length + (text[length] == '\n');
}

bool usr_holder_in_resources(const char *text, uint64_t first, uint64_t last,
			     char *holder, size_t size)
{
	unsigned long long start, end;
	char line[256];
	bool found = false;
	int at, deepest = -1, depth;

	while ((text = usr_next_line(text, line, sizeof(line)))) {
		depth = (int)strspn(line, " ");
		at = 0;
		if (sscanf(line, " %llx-%llx : %n", &start, &end, &at) < 2 ||
		    !at || start > last || end < first || depth <= deepest ||
		    !strncmp(line + at, "PCI Bus ", 8))
			continue;
		deepest = depth;
		snprintf(holder, size, "%s", line + at);
		found = true;
	}
	return found;
}

/*
 * "  4:   1   0  IO-APIC  4-edge  ttyS0": counts, a chip, how it fires (older
 * chips do not say), names.  What follows the last wide gap are the names.
 */
bool usr_holder_in_interrupts(const char *text, unsigned line, char *holder,
			      size_t size)
{
	char row[1024], *end, *names;
	size_t length;

	while ((text = usr_next_line(text, row, sizeof(row)))) {
		if (strtoul(row, &end, 10) != line || end == row || *end != ':')
			continue;
		names = NULL;
		for (end++; *end; end += length) {
			length = strcspn(end, " ");
			if (!length)
				length = strspn(end, " ");
			if (*end != ' ' && !strncmp(end - 2, "  ", 2))
				names = end;
		}
		if (!names || isdigit((unsigned char)names[0]))
			return false;
		snprintf(holder, size, "%s", names);
		return true;
	}
	return false;
}

static char *usr_proc_text(const char *path)
{
	char *text = NULL, *more;
	size_t used = 0;
	FILE *file;

	file = fopen(path, "re");
	if (!file)
		return NULL;
	do {
		more = realloc(text, used + 65537);
		if (!more)
			break;
		text = more;
		used += fread(text + used, 1, 65536, file);
		text[used] = '\0';
	} while (!feof(file) && !ferror(file));
	fclose(file);
	return text;
}

bool usr_legacy_holder(const char *sentence, char *holder, size_t size)
{
	const char *ports = strstr(sentence, "ports 0x"),
		   *memory = strstr(sentence, "memory 0x"),
		   *line = strstr(sentence, "interrupt line "),
		   *range = ports ? ports : memory;
	unsigned long long first, last;
	bool found = false;
	char *text;

	if (range && sscanf(range, "%*s 0x%llx-0x%llx", &first, &last) == 2) {
		text = usr_proc_text(ports ? "/proc/ioports" : "/proc/iomem");
		found = text && usr_holder_in_resources(text, first, last,
							holder, size);
		free(text);
	} else if (line) {
		text = usr_proc_text("/proc/interrupts");
		found = text && usr_holder_in_interrupts(text,
			(unsigned)strtoul(line + strlen("interrupt line "), NULL, 10),
			holder, size);
		free(text);
	}
	return found;
}
