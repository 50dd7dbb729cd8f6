// SPDX-License-Identifier: MIT
/*
 * Devices are taken away under load, again and again: unbound, unplugged, or
 * without power from one moment to the next.  Each time within a second of the
 * machine's time, nobody is hurt, and the device works when it comes back.
 *
 * UDRV_UNBINDS=N and UDRV_UNPLUGS=N do it so often; UDRV_SEED=N has the moments
 * come again.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "counts.h"
#include "edu.h"
#include "load.h"
#include "slot.h"

/* "bench" counts instructions for its time, whatever else the host does. */
const char test_machines[] = "iommu surprise bench";
const int test_seconds = 300;

#define IDE		"0000:00:0b.0"
#define NIC		"0000:00:0d.0"
#define HOT_NIC		HOT_EDU
#define LOAD		NULL	/* load_run(), not a program */
#define OUTPUT		"/tmp/away-output"
#define MOST_WORDS	16
#define WORK_MS		80
#define FEW		8	/* first ones, before counting what is in use */

/* A second, where time is the machine's own; else a bound against hangs. */
#define BOUND_MS	(on_machine("bench") ? 1000 : 3 * WAIT_MS)

struct way {
	const char *device;
	const char *program;	/* its only words are separated by blanks */
	const char *check;	/* that the device works when it is back */
	const char *model, *id, *properties;	/* of QEMU's, for the slot */
};

static uint32_t seed;
static uint64_t longest_ms, longer_than_a_second;

static void start_random(void)
{
	const char *known = getenv("UDRV_SEED");

	seed = known ? (uint32_t)atoi(known) : (uint32_t)time(NULL);
	printf("UDRV_SEED=%u\n", seed);
}

static unsigned int rounds(const char *name, int plain, int debug)
{
	const char *count = getenv(name);

	return count ? (unsigned int)atoi(count) :
	       (unsigned int)fewer(plain, debug);
}

static uint32_t below(uint32_t limit)
{
	return (uint32_t)rand_r(&seed) % limit;
}

/* -------------------------------------------------------------- who works it */

static void drive(void *data)
{
	const struct way *way = data;
	struct load load = { .address = way->device, .seed = seed };
	char words[256], *word[MOST_WORDS + 1], *rest = words;
	int fd = open(OUTPUT, O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	unsigned int i = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	counts_join();
	dup2(fd, 1);
	dup2(fd, 2);
	if (!way->program) {
		load_run(&load);
		return;
	}
	snprintf(words, sizeof(words), "%s", way->program);
	while (i < MOST_WORDS && (word[i] = strsep(&rest, " ")))
		i++;
	word[i] = NULL;
	execvp(word[0], word);
	_exit(127);
}

/* A driver that is in the middle of it. */
static pid_t driven(const struct way *way)
{
	int observer = (int)MUST_OK(device_open(way->device, O_RDONLY));
	pid_t pid = spawn(drive, (void *)(uintptr_t)way);

	WAIT_FOR(info(observer).out_caps & UDRV_INFO_OWNED);
	close(observer);
	usleep(below(WORK_MS * 1000));
	return pid;
}

/* load_run() sees that all is gone as it should be; a program says so. */
static void must_end_well(pid_t pid, const struct way *way)
{
	uint64_t end = now_ms() + 6 * WAIT_MS;
	char text[4096];
	int status;

	while (!MUST_OK(sys(waitpid(pid, &status, WNOHANG)))) {
		MUST(now_ms() < end);
		usleep(1000);
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) <= !!way->program)
		return;
	if (read_text(OUTPUT, text, sizeof(text)) > 0)
		printf("%s\n", text);
	fail(__FILE__, __LINE__, "who drove %s ended with status %#x",
	     way->device, status);
}

static void took(uint64_t start_ms)
{
	uint64_t ms = now_ms() - start_ms;

	if (ms > longest_ms)
		longest_ms = ms;
	longer_than_a_second += ms > 1000;
	MUST(ms < (uint64_t)BOUND_MS);
}

static void must_work(const struct way *way)
{
	char line[256];

	snprintf(line, sizeof(line), "%s >" OUTPUT " 2>&1", way->check);
	if (!system(line))
		return;
	if (read_text(OUTPUT, line, sizeof(line)) > 0)
		printf("%s\n", line);
	fail(__FILE__, __LINE__, "%s does not work when it is back: %s",
	     way->device, way->check);
}

static void say(const char *what, unsigned int count)
{
	char name[64];

	snprintf(name, sizeof(name), "%ss", what);
	figure(name, count);
	/* Elsewhere time is the host's, which has other things to do. */
	if (!on_machine("bench"))
		return;
	snprintf(name, sizeof(name), "%s-longest-ms", what);
	figure(name, longest_ms);
	snprintf(name, sizeof(name), "%ss-over-a-second", what);
	figure(name, longer_than_a_second);
}

/* --------------------------------------------------------------------- unbound */

#define LOADED	4	/* of these by load_run() */
static const struct way bound[] = {
	{ EDU, LOAD, "udrv-edu " EDU, NULL, NULL, NULL },
	{ IVSHMEM, LOAD, "udrv info " IVSHMEM, NULL, NULL, NULL },
	{ NVME, LOAD, "udrv info " NVME, NULL, NULL, NULL },
	{ GROUP_EDU, LOAD, "udrv-edu " GROUP_EDU, NULL, NULL, NULL },
	{ NIC, "udrv-e1000 " NIC " send --count 1G --rate 2000",
	  "udrv-e1000 " NIC " info", NULL, NULL, NULL },
	{ IDE, "udrv-ide " IDE " read --disk 0 --file /dev/null",
	  "udrv-ide " IDE " identify", NULL, NULL, NULL },
};

static void remove_device(const char *device)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", device);
	MUST_OK(write_text(path, "1"));
}

static void unbind_one(void)
{
	/* A program comes from the host, which takes that machine no time. */
	uint32_t ways = on_machine("bench") ? LOADED : ARRAY_SIZE(bound);
	const struct way *way = &bound[below(ways)];
	/* What a slot does, whose host takes that machine no time. */
	bool removed = on_machine("bench") && below(2);
	uint64_t start;
	pid_t pid;

	if (!device_bound_to(way->device, "udrv"))
		MUST_OK(device_bind(way->device));
	pid = driven(way);
	start = now_ms();
	if (removed)
		remove_device(way->device);
	else
		MUST_OK(device_unbind(way->device));
	took(start);
	must_end_well(pid, way);
	MUST_ERROR(device_open(way->device, O_RDWR), ENOENT);
	if (removed)
		write_text("/sys/bus/pci/rescan", "1");
	MUST_OK(device_bind(way->device));
	if (!on_machine("bench") && !below(4))
		must_work(way);
}

static void unbound_under_load(void)
{
	unsigned int i, count = rounds("UDRV_UNBINDS", 12, 20);
	struct counts before;

	if (on_machine("surprise"))
		skip("nothing about it is another there");
	start_random();
	counts_start();
	for (i = 0; i < ARRAY_SIZE(bound); i++)
		MUST_OK(device_bind(bound[i].device));
	for (i = 0; i < count + FEW; i++) {
		if (i == FEW)
			before = counts_take();
		unbind_one();
		say("unbind", i + 1);
	}
	counts_must_be(&before);
}

/* ------------------------------------------------------------------- unplugged */

static const struct way pluggable[] = {
	{ HOT_EDU, LOAD, "udrv-edu --msi " HOT_EDU, "edu", "hotedu", "" },
	{ HOT_NIC, "udrv-e1000 " HOT_NIC " send --count 1G --rate 2000",
	  "udrv-e1000 " HOT_NIC " info", "e1000", "hotnic",
	  ", \"romfile\": \"\"" },
	{ HOT_NIC, LOAD, "udrv-e1000 " HOT_NIC " info", "e1000", "hotnic",
	  ", \"romfile\": \"\"" },
};

static void unplug_one(const struct way *way)
{
	pid_t pid = driven(way);
	uint64_t start = now_ms();

	if (on_machine("surprise")) {
		slot_power(false);
		/* The kernel may notice by itself, before it is told. */
		usleep(below(WORK_MS * 1000));
		start = now_ms();
		remove_device(HOT_EDU);
	} else {
		slot_unplug(way->id);
	}
	WAIT_FOR(!device_exists(way->device));
	took(start);
	must_end_well(pid, way);
	if (on_machine("surprise"))
		slot_power(true);
}

static void plug_one(const struct way *way)
{
	slot_plug(way->model, way->id, way->properties);
	must_work(way);
}

static void unplugged_under_load(void)
{
	unsigned int i, count = rounds("UDRV_UNPLUGS", 4, 6);
	const struct way *way = &pluggable[0];	/* as the machine starts */
	struct counts before;

	if (on_machine("bench"))
		skip("asking the host takes this machine no time");
	start_random();
	counts_start();
	MUST_OK(device_bind(HOT_EDU));
	for (i = 0; i < count; i++) {
		unplug_one(way);
		/* From an empty slot to an empty slot. */
		if (!i)
			before = counts_take();
		else if (i + 1 == count)
			counts_must_be(&before);
		way = &pluggable[below(ARRAY_SIZE(pluggable))];
		if (i + 1 == count)
			way = &pluggable[0];	/* for whoever comes next */
		plug_one(way);
		say("unplug", i + 1);
	}
}

const struct test tests[] = {
	TEST(unbound_under_load),
	TEST(unplugged_under_load),
	{ NULL, NULL },
};
