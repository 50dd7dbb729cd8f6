/* SPDX-License-Identifier: MIT */
/* cmocka wants these in front of it. */
#ifndef UNIT_H
#define UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "internal.h"

/* A call fails with this errno and a sentence that has this word in it. */
#define assert_fails(call, error, word) do {				\
	errno = 0;							\
	assert_int_equal((call), -1);					\
	assert_refusal(error, word, #call, __FILE__, __LINE__);		\
} while (0)

#define assert_fails_null(call, error, word) do {			\
	errno = 0;							\
	assert_null((const void *)(uintptr_t)(call));			\
	assert_refusal(error, word, #call, __FILE__, __LINE__);		\
} while (0)

static inline void assert_refusal(int error, const char *word, const char *call,
				  const char *file, int line)
{
	if (errno == error && strstr(usr_error(), word))
		return;
	print_error("%s:%d: %s: errno %d (not %d), \"%s\" (without \"%s\")\n",
		    file, line, call, errno, error, usr_error(), word);
	_fail(file, line);
}

#endif
