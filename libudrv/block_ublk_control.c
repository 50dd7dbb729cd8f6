// SPDX-License-Identifier: MIT
/*
 * A disk by ublk: coming and going.
 *
 * Making a number and asking about it is quick, and waited for.  START_DEV and
 * END_USER_RECOVERY need our answers to reads (the kernel looks for
 * partitions), STOP_DEV to all requests: they run in the kernel's worker while
 * we go on serving.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "block_ublk.h"

#define UBLK_CONTROL	"/dev/ublk-control"

#define UBLK_GONE_MS	1000

/* --- commands that are waited for */

static void usr_ublk_prepare(struct io_uring_sqe *sqe,
			     const struct ublk_control *control, unsigned op,
			     const struct ublksrv_ctrl_cmd *command)
{
	sqe->opcode = IORING_OP_URING_CMD;
	sqe->fd = control->fd;
	sqe->cmd_op = usr_ublk_op(control, op);
	memcpy(sqe->cmd, command, sizeof(*command));
}

/* Return: 0, or -errno. */
static int usr_ublk_call(struct ublk_control *control, unsigned op,
			 const struct ublksrv_ctrl_cmd *command)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&control->ring);
	struct io_uring_cqe *cqe;
	int result;

	if (!sqe)
		return -EAGAIN;
	memset(sqe, 0, sizeof(*sqe) + 64);
	usr_ublk_prepare(sqe, control, op, command);
	result = io_uring_submit(&control->ring);
	if (result < 0)
		return result;
	do
		result = io_uring_wait_cqe(&control->ring, &cqe);
	while (result == -EINTR);
	if (result)
		return result;
	result = cqe->res;
	io_uring_cqe_seen(&control->ring, cqe);
	return result;
}

int usr_ublk_ask(struct ublk_control *control, unsigned op, int number,
		 void *data, size_t size)
{
	struct ublksrv_ctrl_cmd command = {
		.dev_id = (uint32_t)number,
		.queue_id = (uint16_t)-1,
		.len = (uint16_t)size,
		.addr = (uintptr_t)data,
	};

	return usr_ublk_call(control, op, &command);
}

int usr_ublk_plain(struct ublk_control *control, unsigned op, int number)
{
	return usr_ublk_ask(control, op, number, NULL, 0);
}

/*
 * Give a number back.  Without waiting for whoever has the disk open, where
 * the kernel can do that (6.9).
 */
int usr_ublk_delete(struct ublk_control *control, int number)
{
	if (control->encoded) {
		int result = usr_ublk_plain(control, UBLK_U_CMD_DEL_DEV_ASYNC, number);

		if (result != -EOPNOTSUPP && result != -EINVAL)
			return result;
	}
	return usr_ublk_plain(control, UBLK_U_CMD_DEL_DEV, number);
}

int usr_ublk_control_open(struct ublk_control *control)
{
	struct io_uring_params params = { .flags = IORING_SETUP_SQE128 };
	uint64_t features;
	int result;

	control->fd = open(UBLK_CONTROL, O_RDWR | O_CLOEXEC);
	if (control->fd < 0 && errno == ENOENT) {
		if (usr_block_load("ublk_drv"))
			return -1;
		control->fd = open(UBLK_CONTROL, O_RDWR | O_CLOEXEC);
	}
	if (control->fd < 0)
		return usr_fail(errno == EACCES ? EPERM : errno,
				"cannot open " UBLK_CONTROL ": %s", strerror(errno));
	result = io_uring_queue_init_params(4, &control->ring, &params);
	if (result)
		return usr_fail(result == -EINVAL ? EOPNOTSUPP : -result,
				"no io_uring for ublk: %s (see kernel.io_uring_disabled, and `ulimit -l`)",
				strerror(-result));
	control->has_ring = true;
	io_uring_ring_dontfork(&control->ring);
	/* Who can tell its features knows encoded commands. */
	control->encoded = true;
	control->encoded = !usr_ublk_ask(control, UBLK_U_CMD_GET_FEATURES, -1,
					 &features, sizeof(features));
	return 0;
}

void usr_ublk_control_close(struct ublk_control *control)
{
	if (control->has_ring)
		io_uring_queue_exit(&control->ring);
	if (control->fd >= 0)
		close(control->fd);
	control->has_ring = false;
	control->fd = -1;
}

/* --- what the kernel has under a number */

int usr_ublk_info(struct ublk_control *control, int number,
		  struct ublksrv_ctrl_dev_info *info)
{
	return usr_ublk_ask(control, UBLK_U_CMD_GET_DEV_INFO, number, info,
			    sizeof(*info));
}

/* --- making a disk */

static uint64_t usr_ublk_flags(const struct ublk_control *control,
			       const struct usr_block_disk *what)
{
	uint64_t flags = control->encoded ? UBLK_F_CMD_IOCTL_ENCODE : 0;

	if (what->outage_s)
		flags |= UBLK_F_USER_RECOVERY | UBLK_F_USER_RECOVERY_REISSUE;
	return flags;
}

/* A number is free some time after its disk was stopped.  Waits a little. */
static bool usr_ublk_going(struct ublk_control *control, int number)
{
	struct ublksrv_ctrl_dev_info info;
	int result = usr_ublk_info(control, number, &info);

	usleep(UBLK_LOOK_MS * 1000);
	return result || info.state == UBLK_S_DEV_DEAD;
}

static int usr_ublk_make(struct ublk_disk *disk)
{
	struct ublk_control *control = &usr_ublk_server(&disk->base)->control;
	struct usr_block_disk *what = &disk->base.what;
	struct ublksrv_ctrl_dev_info info = {
		.nr_hw_queues = 1,
		.queue_depth = (uint16_t)what->depth,
		.max_io_buf_bytes = what->max_transfer,
		.dev_id = (uint32_t)what->number,
		.flags = usr_ublk_flags(control, what),
	};
	uint64_t end = usr_block_now_ms() + UBLK_GONE_MS;
	int result;

	do
		result = usr_ublk_ask(control, UBLK_U_CMD_ADD_DEV, what->number,
				      &info, sizeof(info));
	while (result == -EEXIST && usr_ublk_going(control, what->number) &&
	       usr_block_now_ms() < end);
	if (result == -EEXIST)
		return usr_fail(EBUSY, "ublk disk %d is in use; if its server is dead, add it with USR_BLOCK_RESUME or remove it by usr_block_abandon()",
				what->number);
	if (result)
		return usr_fail(-result, "ublk refuses another disk: %s",
				strerror(-result));
	disk->added = true;
	what->number = (int)info.dev_id;
	return 0;
}

static unsigned usr_ublk_shift(uint64_t power)
{
	return (unsigned)__builtin_ctzll(power);
}

void usr_ublk_params(const struct usr_block_disk *what,
		     struct ublk_params *params)
{
	struct ublk_param_basic *basic = &params->basic;
	struct ublk_param_discard *discard = &params->discard;

	memset(params, 0, sizeof(*params));
	params->len = sizeof(*params);
	params->types = UBLK_PARAM_TYPE_BASIC;
	basic->logical_bs_shift = (uint8_t)usr_ublk_shift(what->block_size);
	basic->physical_bs_shift = (uint8_t)usr_ublk_shift(what->physical_block_size);
	basic->io_min_shift = basic->physical_bs_shift;
	basic->io_opt_shift = basic->physical_bs_shift;
	basic->max_sectors = what->max_transfer / BLOCK_SECTOR;
	basic->dev_sectors = what->bytes / BLOCK_SECTOR;
	if (what->flags & USR_BLOCK_READ_ONLY)
		basic->attrs |= UBLK_ATTR_READ_ONLY;
	if (what->flags & USR_BLOCK_ROTATIONAL)
		basic->attrs |= UBLK_ATTR_ROTATIONAL;
	if (what->flags & USR_BLOCK_CACHE)
		basic->attrs |= UBLK_ATTR_VOLATILE_CACHE;
	if (!(what->flags & USR_BLOCK_DISCARD))
		return;
	params->types |= UBLK_PARAM_TYPE_DISCARD;
	discard->discard_granularity = what->discard_granularity;
	discard->max_discard_sectors = what->max_discard / BLOCK_SECTOR;
	discard->max_discard_segments = 1;
}

static int usr_ublk_describe(struct ublk_disk *disk)
{
	struct ublk_params params;
	int result;

	usr_ublk_params(&disk->base.what, &params);
	result = usr_ublk_ask(&usr_ublk_server(&disk->base)->control,
			      UBLK_U_CMD_SET_PARAMS, disk->base.what.number,
			      &params, sizeof(params));
	if (result)
		return usr_fail(-result, "ublk refuses the disk's limits: %s",
				strerror(-result));
	return 0;
}

/* --- serving it */

static int usr_ublk_attach(struct ublk_disk *disk)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char path[32];
	void *requests;

	snprintf(path, sizeof(path), "/dev/ublkc%d", disk->base.what.number);
	disk->device = open(path, O_RDWR | O_CLOEXEC);
	if (disk->device < 0)
		return usr_fail(errno, "cannot open %s: %s (is devtmpfs mounted on /dev?)",
				path, strerror(errno));
	disk->requests_size = disk->base.what.depth * sizeof(*disk->requests);
	disk->requests_size = (disk->requests_size + page - 1) / page * page;
	requests = mmap(NULL, disk->requests_size, PROT_READ,
			MAP_SHARED | MAP_POPULATE, disk->device, 0);
	if (requests == MAP_FAILED)
		return usr_fail(errno, "cannot map %s: %s", path, strerror(errno));
	disk->requests = requests;
	/* A forked child must not keep the disk from a successor. */
	madvise(requests, disk->requests_size, MADV_DONTFORK);
	return 0;
}

/* A command that the server answers requests during. */
static int usr_ublk_send(struct ublk_disk *disk, unsigned op,
			 enum ublk_about about)
{
	struct ublk_server *server = usr_ublk_server(&disk->base);
	struct ublksrv_ctrl_cmd command = {
		.dev_id = (uint32_t)disk->base.what.number,
		.queue_id = (uint16_t)-1,
		.data = { (uint64_t)getpid() },	/* for start and recovery */
	};
	struct io_uring_sqe *sqe = usr_ublk_sqe(server);

	if (!sqe)
		return -1;
	usr_ublk_prepare(sqe, &server->control, op, &command);
	sqe->user_data = usr_ublk_about(about, disk->base.index, 0);
	return 0;
}

static int usr_ublk_begin(struct ublk_disk *disk, bool resume)
{
	struct ublk_server *server = usr_ublk_server(&disk->base);

	if (usr_ublk_attach(disk) || usr_ublk_fetch_all(disk) ||
	    usr_ublk_send(disk, resume ? UBLK_U_CMD_END_USER_RECOVERY :
			  UBLK_U_CMD_START_DEV, UBLK_START))
		return -1;
	/* From here on errors come as events: the kernel has our commands. */
	io_uring_submit(&server->ring);
	return 0;
}

/* The file and its mapping; without them the number can be deleted. */
void usr_ublk_release(struct ublk_disk *disk)
{
	if (disk->requests)
		munmap((void *)(uintptr_t)disk->requests, disk->requests_size);
	if (disk->device >= 0)
		close(disk->device);
	disk->requests = NULL;
	disk->device = -1;
}

int usr_ublk_add(struct block_disk *base)
{
	struct ublk_disk *disk = (struct ublk_disk *)base;
	bool resume = base->what.flags & USR_BLOCK_RESUME;
	char sentence[256];
	int error;

	disk->device = -1;
	if (resume ? usr_ublk_take(disk) :
	    usr_ublk_make(disk) || usr_ublk_describe(disk))
		goto fail;
	snprintf(base->path, sizeof(base->path), "/dev/ublkb%d", base->what.number);
	if (usr_ublk_begin(disk, resume))
		goto fail;
	return 0;
fail:
	error = errno;
	snprintf(sentence, sizeof(sentence), "%s", usr_error());
	usr_ublk_release(disk);
	if (disk->added)
		usr_ublk_delete(&usr_ublk_server(base)->control, base->what.number);
	return usr_fail(error, "%s", sentence);
}

void usr_ublk_started(struct ublk_disk *disk, int result,
		      struct block_events *events)
{
	if (disk->base.state != BLOCK_STARTING)
		return;
	if (!result) {
		usr_block_is_ready(&disk->base, events);
		return;
	}
	usr_block_blame(&disk->base, -result, "starting it");
	disk->base.state = BLOCK_LOST;
	usr_ublk_remove(&disk->base);	/* has the tags come back */
}

/* --- the end */

int usr_ublk_remove(struct block_disk *base)
{
	return usr_ublk_send((struct ublk_disk *)base, UBLK_U_CMD_STOP_DEV,
			     UBLK_STOP);
}

/*
 * By us or by somebody else, who then waits for our file to be closed; the
 * number is left to be deleted in both cases.
 */
void usr_ublk_ended(struct ublk_disk *disk)
{
	struct ublk_control *control = &usr_ublk_server(&disk->base)->control;

	if (disk->base.state < BLOCK_REMOVING)
		disk->base.state = BLOCK_LOST;
	usr_ublk_release(disk);
	usr_ublk_send(disk, control->encoded ? UBLK_U_CMD_DEL_DEV_ASYNC :
		      UBLK_U_CMD_DEL_DEV, UBLK_DELETE);
}

void usr_ublk_deleted(struct ublk_disk *disk, int result,
		      struct block_events *events)
{
	if ((result == -EOPNOTSUPP || result == -EINVAL) && !disk->deleting) {
		disk->deleting = true;	/* before 6.9: the way that waits */
		usr_ublk_send(disk, UBLK_U_CMD_DEL_DEV, UBLK_DELETE);
		return;
	}
	if (result != -ENODEV && result < 0)
		usr_block_blame(&disk->base, -result, "removing it");
	usr_block_is_stopped(&disk->base, events);
}
