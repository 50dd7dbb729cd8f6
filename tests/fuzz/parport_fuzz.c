// SPDX-License-Identifier: MIT
/* The parallel port's driver, whatever hangs on it: IEEE 1284 by all its modes. */
#include <string.h>
#include "hostile.h"
#include "parport/port.h"

#define PATIENCE_S	5

static void print(struct port *port)
{
	size_t length = (size_t)hostile_bytes(1), sent = 0;
	uint64_t since = hostile.now;
	uint8_t *data = malloc(length + !length);
	const char *problem;

	memset(data, 'x', length);
	problem = port_print(port, data, length, &sent);
	CHECK(sent <= length && (problem || sent == length));
	/* A byte each PATIENCE_S at least, or it gives up. */
	CHECK(hostile.now - since < (length + 2) * (PATIENCE_S + 3) * 1000000000ull);
	free(data);
}

static void receive(struct port *port, enum spp_mode mode)
{
	size_t length = (size_t)hostile_bytes(1) + 1, got = 0;
	uint8_t *data = malloc(length);
	char *text = malloc(length);
	const char *problem;

	problem = port_read(port, mode, data, length, &got);
	CHECK(got <= length && (!problem || *problem));
	spp_id_text(data, got, text);
	for (size_t i = 0; text[i]; i++)
		CHECK(text[i] >= ' ' && text[i] < 0x7f);
	free(text);
	free(data);
}

static void step(struct port *port)
{
	uint8_t status;

	switch (hostile_byte() % 6) {
	case 0:
		print(port);
		break;
	case 1:
		receive(port, SPP_MODE_NIBBLE);
		break;
	case 2:
		receive(port, SPP_MODE_BYTE);
		break;
	case 3:
		receive(port, SPP_MODE_NIBBLE_ID);
		break;
	case 4:
		port_reset(port);
		break;
	default:
		if (!port_status(port, &status))
			CHECK(*spp_describe(status));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct port port;
	unsigned i;

	hostile_begin(data, size);
	hostile.region_size[0] = 3;
	hostile.region_kind = UDRV_KIND_PORTS;
	if (!port_start(&port, HOSTILE_FD, hostile_byte() & 1, PATIENCE_S)) {
		for (i = 0; i < 16 && !hostile_over(); i++)
			step(&port);
		step(&port);
		port_stop(&port);
	}
	hostile_end();
	return 0;
}
