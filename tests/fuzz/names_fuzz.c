// SPDX-License-Identifier: MIT
/* Texts: names of devices, sizes, addresses, and /proc's tables of who has what. */
#include <string.h>
#include "hostile.h"
#include "../../drivers/size.h"
#include "e1000/options.h"
#include "internal.h"
#include "legacy.h"

static char *text_of(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, data, size);
	text[size] = '\0';
	return text;
}

static void check_name(const char *text)
{
	struct usr_name name;

	switch (usr_name_parse(text, &name)) {
	case USR_NAME_PCI:
	case USR_NAME_LEGACY:
		CHECK(*name.text && strnlen(name.text, sizeof(name.text)) <
		      sizeof(name.text));
		/* It becomes part of a path. */
		CHECK(!strchr(name.text, '/') && name.text[0] != '.');
		break;
	case USR_NAME_PATH:
		CHECK(text[0] == '/');
		break;
	default:
		break;
	}
}

static void check_numbers(const char *text)
{
	uint64_t value;
	uint8_t mac[6];

	if (parse_size(text, 512, &value))
		CHECK(value <= INT64_MAX && *text >= '0' && *text <= '9');
	if (parse_mac(text, mac))
		CHECK(strlen(text) >= 11 && strlen(text) <= 17);
}

static void check_tables(const char *text, uint8_t how)
{
	char holder[24];
	uint64_t first = how * 16u, last = first + (how & 7);

	memset(holder, 'x', sizeof(holder));
	if (usr_holder_in_resources(text, first, last, holder, sizeof(holder)))
		CHECK(strnlen(holder, sizeof(holder)) < sizeof(holder));
	memset(holder, 'x', sizeof(holder));
	if (usr_holder_in_interrupts(text, how, holder, sizeof(holder)))
		CHECK(strnlen(holder, sizeof(holder)) < sizeof(holder));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	check_name(text);
	check_numbers(text);
	check_tables(text, size ? data[0] & 0xf : 0);
	free(text);
	return 0;
}
