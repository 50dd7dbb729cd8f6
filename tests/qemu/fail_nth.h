/* SPDX-License-Identifier: MIT */
/*
 * Each allocation of a call, and each copy from or to its memory, fails once:
 * first the first one, then the second, and so on, until the call makes do with
 * fewer.  Linux's Documentation/fault-injection/fault-injection.rst, fail-nth.
 */
#ifndef FAIL_NTH_H
#define FAIL_NTH_H

#include "harness.h"

/* Skips the test where the kernel cannot. */
void fail_nth_prepare(void);

/*
 * @call until nothing is left in it to fail; then it has succeeded.  @undo is
 * called after each that succeeds, @check with the error after each that does
 * not.  Without @check the call may not fail, whatever fails in it.  What was
 * swept is counted in the figure fail-nth-points.
 */
void fail_nth_sweep(int (*call)(void), void (*undo)(void), void (*check)(int));

/* The same, where what comes before the @first is not looked at. */
void fail_nth_sweep_from(int first, int (*call)(void), void (*undo)(void),
			 void (*check)(int));

/* How many could fail in @call, whose result is in @ret. */
int fail_nth_count(int (*call)(void), int *ret);

/* A check: no memory, or a bad address, is what it was. */
void is_no_memory(int error);

/* An undo, where there is nothing to be undone. */
void nothing_to_undo(void);

#endif
