// SPDX-License-Identifier: MIT
/* Names of devices: text in, text out, nothing looked up. */
#include <stdio.h>
#include "internal.h"

static int usr_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Take least to most hex digits off the text; -1: there are fewer. */
static int64_t usr_take_hex(const char **text, int least, int most)
{
	int64_t value = 0;
	int digits = 0;

	for (; digits < most && usr_hex_digit(**text) >= 0; digits++)
		value = value << 4 | usr_hex_digit(*(*text)++);
	return digits < least ? -1 : value;
}

static bool usr_take(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

/* bus:slot.function */
static bool usr_parse_place(const char *text, int64_t domain,
			    struct usr_name *parsed)
{
	int64_t bus, slot, function;

	bus = usr_take_hex(&text, 1, 2);
	if (bus < 0 || !usr_take(&text, ':'))
		return false;
	slot = usr_take_hex(&text, 1, 2);
	if (slot < 0 || slot > 0x1f || !usr_take(&text, '.'))
		return false;
	function = usr_take_hex(&text, 1, 1);
	if (function < 0 || function > 7 || *text)
		return false;
	snprintf(parsed->text, sizeof(parsed->text), "%04x:%02x:%02x.%x",
		 (unsigned)domain, (unsigned)bus, (unsigned)slot,
		 (unsigned)function);
	return true;
}

static bool usr_parse_pci(const char *text, struct usr_name *parsed)
{
	const char *rest = text;
	int64_t domain;

	if (usr_parse_place(text, 0, parsed))
		return true;
	domain = usr_take_hex(&rest, 1, 8);
	return domain >= 0 && usr_take(&rest, ':') &&
	       usr_parse_place(rest, domain, parsed);
}

static bool usr_parse_ids(const char *text, struct usr_name *parsed)
{
	int64_t vendor, device;

	vendor = usr_take_hex(&text, 4, 4);
	if (vendor < 0 || !usr_take(&text, ':'))
		return false;
	device = usr_take_hex(&text, 4, 4);
	if (device < 0 || *text)
		return false;
	parsed->vendor = (uint16_t)vendor;
	parsed->device = (uint16_t)device;
	return true;
}

/* A small letter, then those, digits, '_', '.' and '-'; "control" is no device. */
static bool usr_parse_legacy(const char *text, struct usr_name *parsed)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";
	size_t length = strlen(text);

	if (!length || length >= sizeof(parsed->text) ||
	    strspn(text, allowed) != length ||
	    strspn(text, "0123456789_.-") || !strcmp(text, "control"))
		return false;
	memcpy(parsed->text, text, length + 1);
	return true;
}

enum usr_name_kind usr_name_parse(const char *name, struct usr_name *parsed)
{
	memset(parsed, 0, sizeof(*parsed));
	if (name[0] == '/')
		parsed->kind = USR_NAME_PATH;
	else if (usr_parse_pci(name, parsed))
		parsed->kind = USR_NAME_PCI;
	else if (usr_parse_ids(name, parsed))
		parsed->kind = USR_NAME_IDS;
	else if (usr_parse_legacy(name, parsed))
		parsed->kind = USR_NAME_LEGACY;
	else
		parsed->kind = USR_NAME_BAD;
	return parsed->kind;
}

int usr_name_check(const char *name, struct usr_name *parsed)
{
	if (!name)
		return usr_fail(EINVAL, "no device name was given");
	if (usr_name_parse(name, parsed) == USR_NAME_BAD)
		return usr_fail(EINVAL,
			"'%.64s' is not a device name: those are a PCI address (0000:00:05.0 or 00:05.0), vendor:device (1234:11e8), a declared device (keyboard) or a path",
			name);
	return 0;
}
