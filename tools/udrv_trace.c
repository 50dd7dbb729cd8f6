// SPDX-License-Identifier: MIT
/* udrv trace: what the module's tracepoints tell, live. */
#include <stdio.h>
#include <unistd.h>
#include "udrv_bound.h"
#include "udrv_table.h"
#include "udrv_tracefs.h"

static const char *const events[] = { "open", "close", "irq", "irq_read",
				      "dma_map", "dma_unmap", "refused", NULL };

static bool is_hex(const char *key)
{
	return !strcmp(key, "iova") || !strcmp(key, "length") ||
	       !strcmp(key, "status");
}

static void print_event(json_t *event)
{
	const char *key, *command, *device, *name;
	json_t *value;
	char text[200];
	double time;
	int pid;

	json_unpack(event, "{s:f, s:s, s:i, s:s, s:s}", "time", &time, "command",
		    &command, "pid", &pid, "device", &device, "event", &name);
	printf("%.6f %s-%d %s %s", time, command, pid, device, name);
	json_object_foreach(event, key, value) {
		if (!strcmp(key, "time") || !strcmp(key, "command") ||
		    !strcmp(key, "pid") || !strcmp(key, "device") ||
		    !strcmp(key, "event") || !strcmp(key, "cpu"))
			continue;
		tool_cell(value, is_hex(key) ? FORM_HEX : FORM_PLAIN, text,
			  sizeof(text));
		printf(" %s=%s", key, text);
	}
	printf("\n");
	fflush(stdout);
}

struct request {
	const char *event;
	double seconds;
	unsigned long count;
	bool json;
};

static int follow(const struct request *request, const char *device)
{
	double deadline = request->seconds ? tracefs_now() + request->seconds : 0;
	unsigned long seen = 0;
	struct tracefs trace;
	json_t *event;

	if (!tracefs_open(&trace, request->event, device))
		return TOOL_FAILED;
	while (!(request->count && seen >= request->count) &&
	       (event = tracefs_next(&trace, deadline))) {
		seen++;
		if (request->json) {
			tool_json_line(event);
			continue;
		}
		print_event(event);
		json_decref(event);
	}
	tracefs_close(&trace);
	return TOOL_DONE;
}

static int take_option(const struct tool_command *command, int option,
		       struct request *request)
{
	const char *const *each;

	switch (option) {
	case 'e':
		for (each = events; *each && strcmp(*each, optarg) != 0; each++)
			;
		request->event = *each;
		return *each ? TOOL_DONE : tool_usage(command,
			"--event '%s' is none of open, close, irq, irq_read, dma_map, dma_unmap, refused",
			optarg);
	case 's':
		return bound_seconds(optarg, 0.01, &request->seconds) ? TOOL_DONE :
		       tool_usage(command, "--seconds '%s' is no time", optarg);
	case 'c':
		return bound_count(optarg, &request->count) ? TOOL_DONE :
		       tool_usage(command, "--count '%s' is no number", optarg);
	default:
		request->json |= option == 'J';
		return TOOL_DONE;
	}
}

static int run_trace(const struct tool_command *command, int argc, char **argv)
{
	struct request request = { .event = NULL };
	struct udrv_info info;
	int fd, option, status;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		status = take_option(command, option, &request);
		if (status)
			return status;
	}
	if (argc == optind)
		return follow(&request, NULL);
	if (!tool_arguments(command, argc, argv, 1))
		return TOOL_USAGE;
	fd = usr_open(argv[optind], O_RDONLY);
	if (fd < 0)
		return tool_failed();
	status = usr_info(fd, &info) ? tool_failed() : TOOL_DONE;
	close(fd);
	return status ? status : follow(&request, info.out_name);
}

static const struct option options[] = {
	{ "event", required_argument, NULL, 'e' },
	{ "seconds", required_argument, NULL, 's' },
	{ "count", required_argument, NULL, 'c' },
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION
};

const struct tool_command tool_trace = {
	"trace", "show what happens as it happens",
	"usage: udrv trace [--event NAME] [--seconds S] [--count N] [--json] [DEVICE]\n"
	"\n"
	"Show the module's tracepoints, as root, of one device or of all, until\n"
	"interrupted: opens, closes, interrupts, their reading, DMA mappings, refusals\n"
	"with their reasons.  Others who trace are not disturbed.\n"
	"\n"
	"  --event NAME   only open, close, irq, irq_read, dma_map, dma_unmap or refused\n"
	"  --seconds S    end after this time\n"
	"  --count N      end after so many events\n"
	"  --json         as JSON, an object a line\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_trace, options, TOOL_BOUND, NULL
};
