/* SPDX-License-Identifier: MIT */
/* What other commands show of a device, too.  NULL: failed, and that was said. */
#ifndef UDRV_INFO_TOOL_H
#define UDRV_INFO_TOOL_H

#include "udrv_table.h"

json_t *info_counters(int fd);
json_t *info_mappings(int fd);

#endif
