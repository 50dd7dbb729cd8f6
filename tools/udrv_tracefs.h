/* SPDX-License-Identifier: MIT */
/* The module's tracepoints, in an instance of tracefs that is ours alone. */
#ifndef UDRV_TRACEFS_H
#define UDRV_TRACEFS_H

#include <jansson.h>
#include <stdbool.h>

struct tracefs {
	char directory[96];
	int pipe;
	char buffer[16384];
	size_t used;
};

/*
 * Listen to one event ("irq_read"), or to all if it is NULL; of one device, or of
 * all.  Return: false = complained.  SIGINT and SIGTERM end tracefs_next() from
 * then on, so that tracefs_close() is come to.
 */
bool tracefs_open(struct tracefs *trace, const char *event, const char *device);
void tracefs_close(struct tracefs *trace);

/*
 * The next event, decoded, or NULL: time is up, or a signal came.  @deadline:
 * CLOCK_MONOTONIC in seconds; 0 = none.
 */
json_t *tracefs_next(struct tracefs *trace, double deadline);

double tracefs_now(void);
bool tracefs_interrupted(void);

/* After it SIGINT and SIGTERM only end waits.  tracefs_open() does it, too. */
void tracefs_catch_signals(void);

/*
 * A line of trace_pipe: "time", "command", "pid", "cpu", "event", "device" and
 * the event's own fields.  NULL: it is none of ours.  Pure.
 */
json_t *trace_parse(const char *line);

#endif
