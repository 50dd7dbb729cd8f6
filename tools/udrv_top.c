// SPDX-License-Identifier: MIT
/* udrv top: what all devices do, again and again. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include "udrv_bound.h"
#include "udrv_info.h"
#include "udrv_tracefs.h"

static const struct tool_column columns[] = {
	{ "device", "DEVICE", FORM_PLAIN },
	{ "interrupts_per_s", "IRQ/S", FORM_TENTHS },
	{ "maps_per_s", "MAPS/S", FORM_TENTHS },
	{ "programs_per_s", "PROGRAMS/S", FORM_TENTHS },
	{ "steps_per_s", "STEPS/S", FORM_TENTHS },
	{ "interrupts", "IRQS", FORM_PLAIN },
	{ "mapped_bytes", "MAPPED", FORM_BYTES },
	{ "about", "OPEN IN", FORM_PLAIN },
	{ NULL, NULL, FORM_PLAIN },
};

static const char *const rates[] = { "interrupts", "maps", "programs", "steps" };

/* Rows by device, so that the last ones are found again. */
static int add_sample(const char *name, int fd, void *data)
{
	json_t *samples = data, *row = info_counters(fd), *holder;
	struct udrv_info info;

	if (!row || usr_info(fd, &info)) {
		json_decref(row);
		return TOOL_DONE;	/* it went away meanwhile */
	}
	holder = tool_holder_of(&info);
	json_object_set_new(row, "device", json_string(name));
	json_object_set(row, "about", json_object_get(holder, "about"));
	json_object_set_new(row, "holder", holder);
	json_object_set_new(samples, name, row);
	return TOOL_DONE;
}

static void set_rates(json_t *row, const json_t *before, double seconds)
{
	char key[32];
	double more;
	size_t i;

	for (i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		more = (double)(json_integer_value(json_object_get(row, rates[i])) -
				json_integer_value(json_object_get(before, rates[i])));
		snprintf(key, sizeof(key), "%s_per_s", rates[i]);
		/* Bound anew, it counts from 0 again. */
		json_object_set_new(row, key, !before || more < 0 ? json_null() :
				    json_real(more / seconds));
	}
}

static json_t *rows_of(json_t *now, json_t *before, double seconds)
{
	json_t *rows = json_array(), *row;
	const char *name;

	json_object_foreach(now, name, row) {
		set_rates(row, json_object_get(before, name), seconds);
		json_array_append(rows, row);
	}
	return rows;
}

static void show(json_t *rows, bool json, bool first)
{
	bool terminal = isatty(STDOUT_FILENO);

	if (json) {
		tool_json_line(rows);
		return;
	}
	if (terminal)
		fputs("\033[H\033[J", stdout);
	else if (!first)
		printf("\n");
	tool_table(columns, rows);
	fflush(stdout);
	json_decref(rows);
}

static void pause_for(double seconds)
{
	double end = tracefs_now() + seconds, left;
	struct timespec nap;

	while ((left = end - tracefs_now()) > 0 && !tracefs_interrupted()) {
		left = left > 0.2 ? 0.2 : left;
		nap.tv_sec = 0;
		nap.tv_nsec = (long)(left * 1e9);
		nanosleep(&nap, NULL);
	}
}

static int watch(double interval, unsigned long count, bool json)
{
	json_t *before = json_object(), *now;
	double then, time;
	unsigned long i;
	int status;

	tracefs_catch_signals();
	status = bound_each(NULL, 0, add_sample, before);
	then = tracefs_now();
	for (i = 0; !status && (!count || i < count); i++) {
		pause_for(interval);
		if (tracefs_interrupted())
			break;
		now = json_object();
		status = bound_each(NULL, 0, add_sample, now);
		time = tracefs_now();
		if (!status)
			show(rows_of(now, before, time - then), json, !i);
		then = time;
		json_decref(before);
		before = now;
	}
	json_decref(before);
	return status;
}

static int run_top(const struct tool_command *command, int argc, char **argv)
{
	unsigned long count = 0;
	double interval = 2;
	int option, status;
	bool json = false;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		json |= option == 'J';
		if (option == 'i' && !bound_seconds(optarg, 0.01, &interval))
			return tool_usage(command, "--interval '%s' is no time",
					  optarg);
		if (option == 'c' && !bound_count(optarg, &count))
			return tool_usage(command, "--count '%s' is no number",
					  optarg);
	}
	if (!tool_arguments(command, argc, argv, 0))
		return TOOL_USAGE;
	return watch(interval, count, json);
}

static const struct option options[] = {
	{ "interval", required_argument, NULL, 'i' },
	{ "count", required_argument, NULL, 'c' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_top = {
	"top", "show what all bound devices do, again and again",
	"usage: udrv top [--interval S] [--count N] [--json]\n"
	"\n"
	"Show for each device that is bound to udrv how many interrupts, DMA mappings,\n"
	"register programs and steps of those it has a second, all its interrupts, the\n"
	"memory that it can reach now, and who has it open; until interrupted.  On a\n"
	"terminal each picture takes the place of the last one, elsewhere it follows.\n"
	"\n"
	"  --interval S   seconds between two pictures (2)\n"
	"  --count N      end after so many\n"
	"  --json         as JSON, an array a line\n",
	run_top, options, TOOL_NOTHING, NULL
};
