/* SPDX-License-Identifier: MIT */
/*
 * A driver as a service of systemd's: what it was started with, and what the
 * manager keeps for its successor.
 *
 * Files are kept by name until the service is stopped for good, so a device
 * stays open, and as it is, while its driver is restarted.
 */
#ifndef DRIVERS_SERVICE_H
#define DRIVERS_SERVICE_H

#include <stdbool.h>

/* Names of files that udrv-start, or a predecessor, left to be kept. */
#define SERVICE_DEVICE	"device"
#define SERVICE_KEYBOARD "keyboard"	/* /dev/uinput */
#define SERVICE_MOUSE	"mouse"

/* The kept file of that name, close-on-exec; -1 = there is none. */
int service_file(const char *name);

/**
 * service_device() - the device's file, as the manager keeps it
 * @device: name as for usr_open()
 *
 * Opens it if the manager has none, and has it kept.
 *
 * Return: the file, or -1 with usr_error().
 */
int service_device(const char *device);

/*
 * Have a file kept, or forgotten.  Return: 0, or -1 with errno.  ESRCH: no
 * manager listens.
 */
int service_keep(int fd, const char *name);
void service_forget(const char *name);

/* Tell that the service does its work now, and what it does. */
__attribute__((format(printf, 1, 2)))
void service_is_ready(const char *format, ...);

#define SERVICE_INTERFACE_SIZE 16

/*
 * What a device's network interface is called as a service: $UDRV_INTERFACE, or
 * by its place, udrv-p0s5.  Return: 0, or -1: the former is no such name.
 */
int service_interface(const char *device, char name[SERVICE_INTERFACE_SIZE]);

/* Give back, for good, what a unit's AmbientCapabilities= gave. */
void service_drop_capabilities(void);

#endif
