// SPDX-License-Identifier: MIT
/* udrv irq: how many interrupts, how often, and how soon they are taken. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include "udrv_bound.h"
#include "udrv_histogram.h"
#include "udrv_info.h"
#include "udrv_tracefs.h"

static const struct tool_column columns[] = {
	{ "device", "DEVICE", FORM_PLAIN },
	{ "interrupts", "INTERRUPTS", FORM_PLAIN },
	{ "rate", "A SECOND", FORM_TENTHS },
	{ "not_ours", "OTHERS'", FORM_PLAIN },
	{ "storms", "STORMS", FORM_PLAIN },
	{ NULL, NULL, FORM_PLAIN },
};

struct request {
	double seconds;
	bool latency, json;
};

static int add_sample(const char *name, int fd, void *data)
{
	json_t *row = info_counters(fd);

	if (!row)
		return TOOL_FAILED;
	json_object_set_new(row, "device", json_string(name));
	json_object_set_new(data, name, row);
	return TOOL_DONE;
}

static json_t *rows_of(const json_t *before, json_t *after, double seconds)
{
	static const char *const keys[] = { "device", "interrupts", "not_ours",
					    "storms" };
	json_t *rows = json_array(), *was, *row, *now;
	const char *name;
	size_t i;

	json_object_foreach(after, name, now) {
		was = json_object_get(before, name);
		row = json_object();
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
			json_object_set(row, keys[i], json_object_get(now, keys[i]));
		json_object_set_new(row, "rate", !was ? json_null() : json_real(
			(double)(json_integer_value(json_object_get(now, "interrupts")) -
			 json_integer_value(json_object_get(was, "interrupts"))) /
			seconds));
		json_array_append_new(rows, row);
	}
	return rows;
}

/* All that is read in that time, by device. */
static bool listen(struct histograms *all, double seconds)
{
	double deadline = tracefs_now() + seconds;
	struct tracefs trace;
	const char *device;
	json_t *event;
	json_int_t delay;
	int vector;

	if (!tracefs_open(&trace, "irq_read", NULL))
		return false;
	while ((event = tracefs_next(&trace, deadline))) {
		if (!json_unpack(event, "{s:s, s:i, s:I}", "device", &device,
				 "vector", &vector, "delay_ns", &delay))
			histogram_add(all, device, (unsigned)vector,
				      (uint64_t)delay);
		json_decref(event);
	}
	tracefs_close(&trace);
	return true;
}

static bool wait_and_listen(const struct request *request, struct histograms *all)
{
	struct timespec nap = { (time_t)request->seconds, (long)
		((request->seconds - (double)(time_t)request->seconds) * 1e9) };

	if (request->latency)
		return listen(all, request->seconds);
	nanosleep(&nap, NULL);
	return true;
}

static int show(json_t *rows, const struct histograms *all,
		const struct request *request)
{
	const char *device;
	json_t *row;
	size_t i;

	if (!request->json)
		tool_table(columns, rows);
	json_array_foreach(rows, i, row) {
		device = json_string_value(json_object_get(row, "device"));
		if (request->json)
			json_object_set_new(row, "latency", request->latency ?
					    histogram_json(all, device) :
					    json_null());
		else if (request->latency)
			histogram_print(all, device);
	}
	if (request->json)
		return tool_json(rows);
	json_decref(rows);
	return TOOL_DONE;
}

static int measure(const struct request *request, char **names, int count)
{
	json_t *before = json_object(), *after = json_object();
	struct histograms all = { NULL, 0 };
	double start = tracefs_now(), end;
	int status;

	status = bound_each(names, count, add_sample, before);
	if (!status && !wait_and_listen(request, &all))
		status = TOOL_FAILED;
	end = tracefs_now();
	if (!status)
		status = bound_each(names, count, add_sample, after);
	if (!status)
		status = show(rows_of(before, after, end - start), &all, request);
	free(all.each);
	json_decref(before);
	json_decref(after);
	return status;
}

static int run_irq(const struct tool_command *command, int argc, char **argv)
{
	struct request request = { .seconds = 1 };
	int option, status;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		request.json |= option == 'J';
		request.latency |= option == 'l';
		if (option == 's' &&
		    !bound_seconds(optarg, 0.01, &request.seconds))
			return tool_usage(command, "--seconds '%s' is no time",
					  optarg);
	}
	return measure(&request, argv + optind, argc - optind);
}

static const struct option options[] = {
	{ "seconds", required_argument, NULL, 's' },
	{ "latency", no_argument, NULL, 'l' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_irq = {
	"irq", "show interrupts: counts, rates, latency",
	"usage: udrv irq [--seconds S] [--latency] [--json] [DEVICE]...\n"
	"\n"
	"Show how many interrupts the devices, or all that are bound to udrv, have had\n"
	"since they were bound, how many a second during the measurement, those that\n"
	"were another device's on a shared line, and storms.\n"
	"\n"
	"  --seconds S   measure so long (1)\n"
	"  --latency     as root: also how long after an interrupt the driver read it,\n"
	"                by the time in its event, as a histogram for each vector;\n"
	"                what a driver takes without a system call is not seen\n"
	"  --json        as JSON\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_irq, options, TOOL_BOUND, NULL
};
