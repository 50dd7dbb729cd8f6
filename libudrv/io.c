// SPDX-License-Identifier: MIT
/* Register programs. */
#include "internal.h"

USR_API int usr_io(int fd, struct udrv_io_step *steps, unsigned count,
		   unsigned *done)
{
	struct udrv_io program = {
		.size = sizeof(program),
		.steps = (uintptr_t)steps,
		.count = count,
		.step_size = sizeof(*steps),
	};
	int result;

	if (done)
		*done = 0;
	if (!steps)
		return usr_fail(EINVAL, "usr_io: steps is NULL");
	result = usr_call(fd, UDRV_IO, &program, "usr_io");
	if (done)
		*done = program.out_done;
	return result;
}

USR_API int usr_io_read(int fd, unsigned region, uint64_t offset, unsigned width,
			uint64_t *value)
{
	struct udrv_io_step step = usr_step_read(region, offset, width);

	if (!value)
		return usr_fail(EINVAL, "usr_io_read: value is NULL");
	if (usr_io(fd, &step, 1, NULL))
		return -1;
	*value = step.out_value;
	return 0;
}

USR_API int usr_io_write(int fd, unsigned region, uint64_t offset,
			 unsigned width, uint64_t value)
{
	struct udrv_io_step step = usr_step_write(region, offset, width, value);

	return usr_io(fd, &step, 1, NULL);
}

USR_API int usr_config_read(int fd, unsigned offset, unsigned width,
			    uint32_t *value)
{
	uint64_t wide;

	if (!value)
		return usr_fail(EINVAL, "usr_config_read: value is NULL");
	if (usr_io_read(fd, UDRV_REGION_CONFIG, offset, width, &wide))
		return -1;
	*value = (uint32_t)wide;
	return 0;
}

USR_API int usr_config_write(int fd, unsigned offset, unsigned width,
			     uint32_t value)
{
	return usr_io_write(fd, UDRV_REGION_CONFIG, offset, width, value);
}
