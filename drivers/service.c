// SPDX-License-Identifier: MIT
/* See service.h. */
#include <errno.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>
#include <udrv.h>
#include <unistd.h>
#include "service.h"

static void free_names(char **names)
{
	for (char **each = names; each && *each; each++)
		free(*each);
	free(names);
}

int service_file(const char *name)
{
	char **names = NULL;
	int count = sd_listen_fds_with_names(false, &names), fd = -1;

	for (int i = 0; i < count && fd < 0; i++)
		if (!strcmp(names[i], name))
			fd = SD_LISTEN_FDS_START + i;
	free_names(names);
	return fd;
}

int service_keep(int fd, const char *name)
{
	char text[128];
	int sent;

	/* FDPOLL=0: a device that is gone is readable, and ours to notice. */
	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s\nFDPOLL=0", name);
	sent = sd_pid_notify_with_fds(0, false, text, &fd, 1);
	if (sent > 0)
		return 0;
	errno = sent ? -sent : ESRCH;
	return -1;
}

void service_forget(const char *name)
{
	sd_notifyf(false, "FDSTOREREMOVE=1\nFDNAME=%s", name);
}

int service_device(const char *device)
{
	struct udrv_info info;
	int fd = service_file(SERVICE_DEVICE);

	if (fd >= 0 && !usr_info(fd, &info))
		return fd;
	if (fd >= 0) {			/* the one before was unplugged */
		service_forget(SERVICE_DEVICE);
		close(fd);
	}
	fd = usr_open(device, O_RDWR);
	if (fd >= 0 && service_keep(fd, SERVICE_DEVICE))
		fprintf(stderr, "%s: no service manager keeps its file: %s\n",
			device, strerror(errno));
	return fd;
}

void service_is_ready(const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sd_notifyf(false, "READY=1\nSTATUS=%s", text);
}

static bool is_interface_name(const char *name)
{
	size_t length = strlen(name);

	return length && length < SERVICE_INTERFACE_SIZE &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") == length &&
	       strcmp(name, ".") && strcmp(name, "..");
}

int service_interface(const char *device, char name[SERVICE_INTERFACE_SIZE])
{
	const char *given = getenv("UDRV_INTERFACE");
	unsigned domain, bus, slot, function;
	char end;

	if (given && *given) {
		if (!is_interface_name(given))
			return -1;
		strcpy(name, given);
	} else if (sscanf(device, "%5x:%2x:%2x.%1x%c", &domain, &bus, &slot,
			  &function, &end) != 4 || domain > 0x10000 ||
		   bus > 255 || slot > 31 || function > 7) {
		strcpy(name, "eth-udrv");
	} else if (domain) {
		snprintf(name, SERVICE_INTERFACE_SIZE, "u%x-%02x%02x%x", domain,
			 bus, slot, function);
	} else if (function) {
		snprintf(name, SERVICE_INTERFACE_SIZE, "udrv-p%us%uf%u", bus,
			 slot, function);
	} else {
		snprintf(name, SERVICE_INTERFACE_SIZE, "udrv-p%us%u", bus, slot);
	}
	return 0;
}

void service_drop_capabilities(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { { 0 } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	syscall(SYS_capset, &header, none);
}
