/* SPDX-License-Identifier: MIT */
/*
 * A typist: a process that has the controller say, byte by byte, that a key
 * went down and came up.  It uses the 8042's own command for that, so what the
 * host does to type is no part of the figures.  As on a PS/2 cable the bytes
 * are a millisecond apart, and everybody sleeps in between.
 */
#ifndef BENCH_KBD_TYPIST_H
#define BENCH_KBD_TYPIST_H

/* The left Ctrl key: nothing is printed on the console because of it. */
int typist_begin(unsigned int set);	/* as the controller passes it on */
void typist_start(void);		/* a key goes down and comes up */
void typist_pretend(void);		/* the same, but at a port of no device */
void typist_await(void);		/* until it is done */
void typist_end(void);

#endif
