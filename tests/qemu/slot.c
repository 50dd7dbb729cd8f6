// SPDX-License-Identifier: MIT
/* The slot behind HOT_PORT, where devices come and go. */
#include "slot.h"

#include <fcntl.h>

/* PCI Express base 7.5.3: slot control of the port, by its capability. */
#define SLOT_CONTROL	0x18
#define POWER_OFF	0x400
#define INDICATOR	0x300
#define INDICATOR_ON	0x100

#define HOT_DEVICE	HOT_EDU		/* whatever it is */

/* It is in sysfs a little before drivers may have it. */
void slot_plug(const char *driver, const char *id, const char *properties)
{
	char command[512];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"device_add\", \"arguments\": {\"driver\": \"%s\", "
		 "\"id\": \"%s\", \"bus\": \"hotport\"%s}}", driver, id,
		 properties);
	host_qmp(command);
	write_text("/sys/bus/pci/rescan", "1");
	WAIT_FOR(device_exists(HOT_DEVICE));
	WAIT_FOR(device_bound_to(HOT_DEVICE, "udrv") || !device_bind(HOT_DEVICE));
}

void slot_unplug(const char *id)
{
	char command[128];

	snprintf(command, sizeof(command), "{\"execute\": \"device_del\", "
		 "\"arguments\": {\"id\": \"%s\"}}", id);
	host_qmp(command);
	WAIT_FOR(!device_exists(HOT_DEVICE));
	host_event("DEVICE_DELETED");
}

static unsigned int slot_control(void)
{
	unsigned int at = config_read(HOT_PORT, 0x34, 1);

	while (at && config_read(HOT_PORT, at, 1) != 0x10)
		at = config_read(HOT_PORT, at + 1, 1);
	MUST(at);
	return at + SLOT_CONTROL;
}

void slot_power(bool on)
{
	unsigned int at = slot_control();
	uint16_t control = (uint16_t)config_read(HOT_PORT, at, 2);
	int fd;

	control &= (uint16_t)~(POWER_OFF | INDICATOR);
	control |= on ? INDICATOR_ON : POWER_OFF | INDICATOR;
	fd = (int)MUST_OK(sys(open("/sys/bus/pci/devices/" HOT_PORT "/config",
				   O_RDWR | O_CLOEXEC)));
	MUST_EQUAL(pwrite(fd, &control, 2, at), 2);
	close(fd);
}
