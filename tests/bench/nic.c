// SPDX-License-Identifier: MIT
#include <time.h>

#include "nic.h"

const unsigned char nic_header[NIC_HEADER_BYTES] = {
	0x02, 0, 0, 0, 0, 2, 0x02, 0, 0, 0, 0, 1, 0x88, 0xb5,
};

void nic_settle(void)
{
	nanosleep(&(struct timespec){ .tv_sec = 2 }, NULL);
}
