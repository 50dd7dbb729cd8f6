// SPDX-License-Identifier: MIT
/*
 * What happens to devices while programs use them: unbound and bound again,
 * reset by somebody else, taken away and declared again, unplugged.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

/* The answer may be an error: it is as it is then. */
static bool host(const char *verb, const char *argument)
{
	char line[1024] = "";
	FILE *port;

	while (!(port = fopen("/dev/virtio-ports/udrv", "r+e"))) {
		if (run->stop || errno != EBUSY)
			return false;
		usleep(10000);
	}
	setvbuf(port, NULL, _IONBF, 0);
	fprintf(port, "%d %s %s\n", getpid(), verb, argument);
	do {
		if (!fgets(line, sizeof(line), port))
			break;
	} while (atoi(line) != getpid());
	fclose(port);
	return !strstr(line, "\"error\"");
}

static void plug_in(struct target *t)
{
	char command[256];
	int tries;

	snprintf(command, sizeof(command),
		 "{\"execute\": \"device_add\", \"arguments\": {\"driver\": "
		 "\"edu\", \"id\": \"%s\", \"bus\": \"hotport\"}}", t->id);
	host("qmp", command);
	for (tries = 0; tries < 100 && !device_exists(t->name); tries++) {
		write_text("/sys/bus/pci/rescan", "1");
		usleep(50000);
	}
}

static void unplug(struct target *t)
{
	char command[128];

	snprintf(command, sizeof(command),
		 "{\"execute\": \"device_del\", \"arguments\": {\"id\": \"%s\"}}",
		 t->id);
	if (!device_exists(t->name)) {
		plug_in(t);
		return;
	}
	if (host("qmp", command))
		host("event", "DEVICE_DELETED");
	plug_in(t);
}

static void undeclare_target(const struct target *t)
{
	int control = control_open(O_RDWR);

	if (control < 0)
		return;
	legacy_remove(control, t->name);
	close(control);
}

static void reset_by_sysfs(const struct target *t)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/reset", t->name);
	write_text(path, "1");
}

static void upset(struct target *t, uint64_t *state)
{
	switch (random_below(state, 8)) {
	case 0 ... 3:
		if (t->declared)
			undeclare_target(t);
		else
			device_unbind(t->name);
		usleep(random_below(state, 4) ? 0 : random_below(state, 50000));
		break;
	case 4 ... 5:
		reset_by_sysfs(t);
		break;
	default:
		if (t->id && !random_below(state, 2))
			unplug(t);
		else if (!t->declared)
			device_bind_to(t->name, "udrv");
		break;
	}
	target_bind(t);
}

void upset_main(void)
{
	uint64_t state = run->seed;
	struct target *t;

	prctl(PR_SET_NAME, "upset");
	while (!run->stop) {
		t = &targets[random_below(&state, FUZZ_DEVICES)];
		upset(t, &state);
		run->upsets++;
		/* The firmware takes as long for it as hundreds of calls do. */
		usleep(500000 + random_below(&state, 2000000));
	}
	/* What comes next finds all of them there. */
	for (t = targets; t < targets + FUZZ_DEVICES; t++)
		if (t->id && !device_exists(t->name))
			plug_in(t);
	fflush(stdout);
	_exit(0);
}
