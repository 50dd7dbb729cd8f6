// SPDX-License-Identifier: MIT
/* A disk by ublk whose server is dead: a successor's, or nobody's. */
#include <stdio.h>
#include <unistd.h>

#include "block_ublk.h"

#define PF_EXITING	0x4	/* in /proc/PID/stat */

/* A dead server's queue: 6.1 looks for dead servers every 5 s. */
#define UBLK_QUIET_MS	20000

/* Is a process there, and not on its way out? */
static bool usr_ublk_lives(int pid)
{
	char stat[512], *after;
	unsigned flags;
	char state;

	if (pid <= 0 || !usr_sysfs_read(stat, sizeof(stat), "/proc/%d/stat", pid))
		return false;
	after = strrchr(stat, ')');	/* its name may hold anything */
	if (!after || sscanf(after, ") %c %*d %*d %*d %*d %*d %u", &state, &flags) != 2)
		return false;
	return state != 'Z' && state != 'X' && !(flags & PF_EXITING);
}

/*
 * Wait until the kernel has noticed that a disk's server is dead.  A process
 * may have got the dead one's id, so a living one gets a moment, too.
 */
static int usr_ublk_quiet(struct ublk_control *control, int number,
			  struct ublksrv_ctrl_dev_info *info)
{
	uint64_t start = usr_block_now_ms(), waited;
	int result;

	for (;;) {
		result = usr_ublk_info(control, number, info);
		if (result)
			return usr_fail(result == -ENODEV ? ENOENT : -result,
					"there is no ublk disk %d", number);
		if (info->state != UBLK_S_DEV_LIVE)
			return 0;
		waited = usr_block_now_ms() - start;
		if (waited > (usr_ublk_lives(info->ublksrv_pid) ?
			      500 : UBLK_QUIET_MS))
			return usr_fail(EBUSY, "/dev/ublkb%d is served by process %d",
					number, info->ublksrv_pid);
		usleep(UBLK_LOOK_MS * 1000);
	}
}

/* --- taking it over */

static int usr_ublk_same(struct ublk_disk *disk,
			 const struct ublksrv_ctrl_dev_info *info)
{
	const struct usr_block_disk *what = &disk->base.what;
	struct ublk_params wanted, there = { .len = sizeof(there) };
	int result = usr_ublk_ask(&usr_ublk_server(&disk->base)->control,
				  UBLK_U_CMD_GET_PARAMS, what->number, &there,
				  sizeof(there));

	usr_ublk_params(what, &wanted);
	if (result || info->nr_hw_queues != 1 ||
	    info->queue_depth != what->depth ||
	    there.basic.max_sectors != wanted.basic.max_sectors ||
	    there.basic.dev_sectors != wanted.basic.dev_sectors ||
	    there.basic.logical_bs_shift != wanted.basic.logical_bs_shift)
		return usr_fail(EINVAL, "/dev/ublkb%d is another disk: bytes, block_size, max_transfer and depth must be its dead server's",
				what->number);
	return 0;
}

int usr_ublk_take(struct ublk_disk *disk)
{
	struct ublk_control *control = &usr_ublk_server(&disk->base)->control;
	int number = disk->base.what.number, result;
	uint64_t end = usr_block_now_ms() + UBLK_QUIET_MS;
	struct ublksrv_ctrl_dev_info info;

	if (usr_ublk_quiet(control, number, &info))
		return -1;
	if (info.state != UBLK_S_DEV_QUIESCED)
		return usr_fail(ENOENT, "ublk disk %d has no waiting requests to take over: its outage limit was 0, or it is stopped; usr_block_abandon() removes it",
				number);
	if (usr_ublk_same(disk, &info))
		return -1;
	/* The dead process's files may still be about to be closed. */
	do {
		result = usr_ublk_plain(control, UBLK_U_CMD_START_USER_RECOVERY,
					number);
		if (result == -EBUSY)
			usleep(UBLK_LOOK_MS * 1000);
	} while (result == -EBUSY && usr_block_now_ms() < end);
	if (result)
		return usr_fail(-result, "cannot take over /dev/ublkb%d: %s", number,
				strerror(-result));
	return 0;
}

/* --- giving it up */

int usr_ublk_abandon(int number)
{
	struct ublk_control control = { .fd = -1 };
	struct ublksrv_ctrl_dev_info info;
	int result = usr_ublk_control_open(&control);

	if (!result)
		result = usr_ublk_quiet(&control, number, &info);
	if (!result) {
		result = usr_ublk_plain(&control, UBLK_U_CMD_STOP_DEV, number);
		if (!result)
			result = usr_ublk_delete(&control, number);
		if (result)
			usr_fail(-result, "cannot remove /dev/ublkb%d: %s", number,
				 strerror(-result));
	}
	result = result ? -1 : 0;
	usr_ublk_control_close(&control);
	return result;
}
