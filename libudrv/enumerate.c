// SPDX-License-Identifier: MIT
/* Which devices there are. */
#include <dirent.h>
#include <pciaccess.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include "internal.h"

/* libpciaccess has one state for the whole process. */
static pthread_mutex_t usr_pciaccess = PTHREAD_MUTEX_INITIALIZER;

static int usr_compare(const void *a, const void *b)
{
	const struct usr_device *first = a, *second = b;

	return strcmp(first->name, second->name);
}

/* false: it went away since it was listed. */
static bool usr_describe(struct pci_device *pci, struct usr_device *device)
{
	char address[sizeof(device->name)];
	const char *name;

	snprintf(address, sizeof(address), "%04x:%02x:%02x.%x", pci->domain,
		 pci->bus, pci->dev, pci->func);
	if (!usr_sysfs_device(address, device))
		return false;
	name = pci_device_get_vendor_name(pci);
	snprintf(device->vendor_name, sizeof(device->vendor_name), "%s",
		 name ? name : "");
	name = pci_device_get_device_name(pci);
	snprintf(device->device_name, sizeof(device->device_name), "%s",
		 name ? name : "");
	return true;
}

/* Between pci_system_init() and pci_system_cleanup(). */
static int usr_list_all(struct usr_device **list)
{
	struct pci_device_iterator *all;
	struct usr_device *devices = NULL, *more;
	struct pci_device *pci;
	int count = 0;

	all = pci_slot_match_iterator_create(NULL);
	if (!all)
		return usr_fail(ENOMEM, "%s", usr_advice(ENOMEM));
	while ((pci = pci_device_next(all))) {
		more = reallocarray(devices, (size_t)count + 1, sizeof(*devices));
		if (!more)
			break;
		devices = more;
		if (usr_describe(pci, &devices[count]))
			count++;
	}
	pci_iterator_destroy(all);
	if (pci) {
		free(devices);
		return usr_fail(ENOMEM, "%s", usr_advice(ENOMEM));
	}
	if (count)
		qsort(devices, (size_t)count, sizeof(*devices), usr_compare);
	*list = devices;
	return count;
}

USR_API int usr_list(struct usr_device **list)
{
	int error, count;

	if (!list)
		return usr_fail(EINVAL, "list is NULL");
	pthread_mutex_lock(&usr_pciaccess);
	error = pci_system_init();
	if (error) {
		count = usr_fail(error, "libpciaccess finds no PCI bus: %s",
				 strerror(error));
	} else {
		count = usr_list_all(list);
		pci_system_cleanup();
	}
	pthread_mutex_unlock(&usr_pciaccess);
	return count;
}

/* Text is the addresses of all, *device the first.  Return: how many. */
static int usr_match_ids(const struct usr_name *ids, const char *driver,
			 struct usr_device *device, char *text, size_t size)
{
	struct usr_device each;
	struct dirent **entries;
	int i, count, matches = 0;
	size_t used = 0;

	count = scandir(USR_PCI_DEVICES, &entries, NULL, alphasort);
	for (i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.' &&
		    usr_sysfs_device(entries[i]->d_name, &each) &&
		    each.vendor == ids->vendor && each.device == ids->device &&
		    (!driver || !strcmp(each.driver, driver))) {
			if (!matches++)
				*device = each;
			if (used < size)
				used += (size_t)snprintf(text + used, size - used,
							 " %s", each.name);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	return matches;
}

/*
 * Not through libpciaccess: a driver may be using that itself when it opens
 * its device.
 */
int usr_find_ids(const struct usr_name *ids, const char *driver,
		 int none, struct usr_device *device)
{
	struct usr_device found;
	char text[400];
	int matches;

	matches = usr_match_ids(ids, driver, &found, text, sizeof(text));
	if (matches > 1)
		return usr_fail(ENOTUNIQ,
			"%d devices are %04x:%04x, say which by its address:%s",
			matches, ids->vendor, ids->device, text);
	if (matches) {
		*device = found;
		return 0;
	}
	if (!driver)
		return usr_fail(none,
			"the machine has no PCI device %04x:%04x; `udrv list` shows all",
			ids->vendor, ids->device);
	return usr_fail(none, "no device %04x:%04x is bound to %s%s",
			ids->vendor, ids->device, driver, usr_module_loaded() ?
			": `udrv bind` does it, `udrv list` shows all" :
			", the module is not loaded: `modprobe udrv`, then `udrv bind`");
}

USR_API int usr_find(const char *name, struct usr_device *device)
{
	struct usr_name parsed;

	if (!device)
		return usr_fail(EINVAL, "device is NULL");
	if (usr_name_check(name, &parsed))
		return -1;
	if (parsed.kind == USR_NAME_IDS)
		return usr_find_ids(&parsed, NULL, ENODEV, device);
	if (parsed.kind != USR_NAME_PCI)
		return usr_fail(EINVAL, "'%.64s' is not a PCI device: those are named by address (0000:00:05.0) or vendor:device (1234:11e8)",
				name);
	if (!usr_sysfs_device(parsed.text, device))
		return usr_fail(ENODEV, "the machine has no PCI device %s; `udrv list` shows all",
				parsed.text);
	return 0;
}
