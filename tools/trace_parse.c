// SPDX-License-Identifier: MIT
/* Lines of tracefs, as kmod/trace.h has them written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "udrv_tracefs.h"

/* "   command-123   [001] d.h1.   12.345678: udrv_" : what stands before. */
static bool parse_head(const char *line, const char *end, json_t *event)
{
	char head[128], *bracket, *dash, *space;
	size_t length = (size_t)(end - line);

	if (length >= sizeof(head))
		return false;
	memcpy(head, line, length);
	head[length] = '\0';
	bracket = strstr(head, " [");
	space = strrchr(head, ' ');
	if (!bracket || !space)
		return false;
	json_object_set_new(event, "time", json_real(strtod(space + 1, NULL)));
	json_object_set_new(event, "cpu", json_integer(atoi(bracket + 2)));
	*bracket = '\0';
	dash = strrchr(head, '-');
	if (!dash)
		return false;
	json_object_set_new(event, "pid", json_integer(atoi(dash + 1)));
	*dash = '\0';
	json_object_set_new(event, "command",
			    json_string(head + strspn(head, " ")));
	return true;
}

static void parse_field(char *word, json_t *event)
{
	char *equals = strchr(word, '=');

	if (!equals) {
		json_object_set_new(event, "who", json_string(word));
		return;
	}
	*equals = '\0';
	json_object_set_new(event, word, json_integer((json_int_t)
			    (equals[1] == '-' ? (unsigned long long)
			     strtoll(equals + 1, NULL, 0) :
			     strtoull(equals + 1, NULL, 0))));
}

/* "udrv_refused: DEVICE error=-1 a sentence", or "udrv_X: DEVICE a=1 b=2". */
static bool parse_tail(char *text, json_t *event)
{
	char *name = strsep(&text, ":"), *device, *word;
	bool refused = !strcmp(name, "udrv_refused");

	if (!text || *text++ != ' ')
		return false;
	device = strsep(&text, " ");
	json_object_set_new(event, "event", json_string(name + strlen("udrv_")));
	json_object_set_new(event, "device", json_string(device));
	while (text && *text) {
		word = strsep(&text, " ");
		parse_field(word, event);
		if (!refused)
			continue;
		json_object_set_new(event, "reason", json_string(text ? text : ""));
		break;
	}
	return true;
}

json_t *trace_parse(const char *line)
{
	const char *ours = strstr(line, ": udrv_");
	json_t *event = json_object();
	char *tail = NULL;

	if (ours && parse_head(line, ours, event) &&
	    (tail = strdup(ours + 2)) && parse_tail(tail, event)) {
		free(tail);
		return event;
	}
	free(tail);
	json_decref(event);
	return NULL;
}
