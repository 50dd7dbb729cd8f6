// SPDX-License-Identifier: MIT
/* Why a call failed: a sentence per thread, from the module or from a table. */
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include "internal.h"

/* Like errno the only thing the library remembers. */
static _Thread_local char usr_text[768];
static _Thread_local const char *usr_sentence = "";

USR_API const char *usr_error(void)
{
	return usr_sentence;
}

int usr_fail(int error, const char *format, ...)
{
	char text[sizeof(usr_text)];	/* usr_text may be among the arguments */
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	memcpy(usr_text, text, sizeof(text));
	return usr_fail_constant(error, usr_text);
}

int usr_fail_constant(int error, const char *sentence)
{
	usr_sentence = sentence;
	errno = error;
	return -1;
}

static const struct {
	int error;
	const char *text;
} usr_advices[] = {
	{ EINVAL, "an argument is out of range, or an unknown flag is set" },
	{ E2BIG, "a count is above the limit in udrv.h, or the module is older than this program" },
	{ EFAULT, "an address is not in this process's memory, or not writable" },
	{ ENOTTY, "this file is not a udrv device, or the module is too old for this call" },
	{ EBADF, "the file is open for reading, which makes an observer: open it with O_RDWR to own the device" },
	{ EBUSY, "somebody else holds it; `udrv info DEVICE` shows the owner" },
	{ EPERM, "not allowed; the kernel's log (dmesg) says why" },
	{ EACCES, "the file is open for reading, which makes an observer, and those cannot map: open it with O_RDWR" },
	{ ENODEV, "the device is gone: unbound, unplugged or released; open it again" },
	{ ENXIO, "the device has no such region, interrupt kind or vector, or usr_irq_setup() was not called" },
	{ ENOMEM, "no memory, or RLIMIT_MEMLOCK is used up (`ulimit -l` shows it, in KiB)" },
	{ ENOSPC, "no addresses are left within the stated width, or the array is too small for the answer" },
	{ ERANGE, "the device cannot address this memory, and there are no bounce buffers: use usr_dma_alloc() with its width" },
	{ ENOENT, "no mapping has this id: it was unmapped before" },
	{ EOPNOTSUPP, "the device or the machine cannot do this" },
	{ ETIMEDOUT, "it did not happen in time" },
	{ EINTR, "a signal ended the wait; what was done is not undone" },
	{ EAGAIN, "nothing is pending; the interrupt is armed now" },
	{ EMFILE, "this process has too many files open (`ulimit -n`)" },
};

const char *usr_advice(int error)
{
	size_t i;

	for (i = 0; i < sizeof(usr_advices) / sizeof(usr_advices[0]); i++)
		if (usr_advices[i].error == error)
			return usr_advices[i].text;
	return strerror(error);
}

int usr_fail_call(int fd, const char *call)
{
	struct udrv_reason reason = { .size = sizeof(reason) };
	int error = errno;

	if (!ioctl(fd, UDRV_REASON, &reason) && reason.out_errno == error &&
	    reason.out_text[0])
		return usr_fail(error, "%s: %.*s", call,
				(int)sizeof(reason.out_text), reason.out_text);
	if (error == EBADF && fcntl(fd, F_GETFD) < 0)
		return usr_fail(error, "%s: %d is not an open file", call, fd);
	return usr_fail(error, "%s: %s", call, usr_advice(error));
}

int usr_call(int fd, unsigned long command, void *argument, const char *call)
{
	int result = ioctl(fd, command, argument);

	return result < 0 ? usr_fail_call(fd, call) : result;
}
