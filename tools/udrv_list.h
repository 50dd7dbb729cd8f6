/* SPDX-License-Identifier: MIT */
/* What `udrv list` and `udrv doctor` both have to know of a device. */
#ifndef UDRV_LIST_H
#define UDRV_LIST_H

#include <stdbool.h>
#include <udrv.h>

bool list_is_bridge(const char *name);

/* Does the other's driver keep the device's IOMMU group from us? */
bool list_in_the_way(const struct usr_device *device,
		     const struct usr_device *other);

#endif
