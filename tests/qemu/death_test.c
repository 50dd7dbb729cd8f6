// SPDX-License-Identifier: MIT
/*
 * All drivers at once, on all devices, under load; each is killed at a random
 * moment, and the next one takes its place at once.
 *
 * UDRV_KILLS=N kills that many; UDRV_SEED=N has the moments come again.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "counts.h"
#include "declare.h"
#include "edu.h"
#include "load.h"

const char test_machines[] = "iommu";
const int test_seconds = 400;

#define IDE		"0000:00:0b.0"
#define NIC(slot)	"0000:00:" slot ".0"
#define TEXT		"/tmp/death-text"
#define TEXT_BYTES	(1 << 20)
#define MOST_WORDS	24
#define MOST_WAYS	5
#define LOAD		"load"	/* load_run(), not a program */
#define REPORT		25	/* kills, between two figures */
#define START_MS	30	/* a guess, until it has been seen */
#define WORK_MS		60	/* at most, until death */

/* A device, and who takes turns to drive it. */
static struct station {
	const char *device;
	const char *driver;	/* for people */
	const char *ways[MOST_WAYS];
	enum { IDLE, STARTING, WORKING, DYING, DEAD } state;
	const char *way;
	int observer;
	pid_t pid;
	bool early;		/* killed while it starts, if it takes that long */
	uint64_t since, deadline, start_ms;
	unsigned int kills, at_work;
} stations[] = {
#define NIC_WAYS(slot) {						\
	"udrv-e1000 " NIC(slot) " send --count 1G --rate 2000 --size 60", \
	"udrv-e1000 " NIC(slot) " send --count 1G --rate 1000 --size 9000 " \
		"--frame 9014 --checksum --poll",			\
	"udrv-e1000 " NIC(slot) " capture --file /dev/null",		\
	"udrv-e1000 " NIC(slot) " echo --own --adaptive",		\
	"udrv-e1000 " NIC(slot) " tap --name death" slot }
	{ .device = NIC("06"), .driver = "e1000", .ways = NIC_WAYS("06") },
	{ .device = NIC("0d"), .driver = "e1000", .ways = NIC_WAYS("0d") },
	{ .device = NIC("19"), .driver = "e1000", .ways = NIC_WAYS("19") },
	{ .device = NIC("1a"), .driver = "e1000", .ways = NIC_WAYS("1a") },
	{ .device = IDE, .driver = "ide", .ways = {
		"udrv-ide " IDE " read --disk 2 --size 4G --file /dev/null",
		"udrv-ide " IDE " read --disk 0 --pio --file /dev/null",
		"udrv-ide " IDE " write --disk 0 --overwrite udrv-disk0 "
			"--offset 1M --file " TEXT,
		"udrv-ide " IDE " serve --disk 0 --disk 2" } },
	{ .device = "keyboard", .driver = "kbd", .ways = {
		"udrv-kbd --uinput", "udrv-kbd --print --scancodes 2",
		"udrv-kbd --print --no-mouse --poll" } },
	{ .device = "parport0", .driver = "parport", .ways = {
		"udrv-parport print " TEXT,
		"udrv-parport --poll print " TEXT } },
	{ .device = EDU_ALONE, .driver = "edu", .ways = {
		"udrv-edu " EDU_ALONE, "udrv-edu --msi " EDU_ALONE,
		"udrv-edu --poll " EDU_ALONE } },
	{ .device = EDU, .driver = LOAD, .ways = { LOAD } },
	{ .device = EDU_SHARED, .driver = LOAD, .ways = { LOAD } },
	{ .device = HOT_EDU, .driver = LOAD, .ways = { LOAD } },
	{ .device = GROUP_EDU, .driver = LOAD, .ways = { LOAD } },
	{ .device = IVSHMEM, .driver = LOAD, .ways = { LOAD } },
	{ .device = NVME, .driver = LOAD, .ways = { LOAD } },
};

static unsigned int kills, wanted;
static uint32_t seed;
static char output_path[] = "/tmp/death-output-00";

static uint32_t below(uint32_t limit)
{
	return (uint32_t)rand_r(&seed) % limit;
}

/* -------------------------------------------------------------- one driver */

static const char *output_of(const struct station *s)
{
	snprintf(output_path, sizeof(output_path), "/tmp/death-output-%02u",
		 (unsigned int)(s - stations) % 100);
	return output_path;
}

static void show_output(const struct station *s)
{
	static char text[8192];

	if (read_text(output_of(s), text, sizeof(text)) > 0)
		printf("%s\n", text);
}

static void become_driver(const struct station *s, uint32_t its_seed)
{
	struct load load = { .address = s->device, .seed = its_seed };
	char words[512], *word[MOST_WORDS + 1], *rest = words;
	int fd = open(output_of(s), O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	unsigned int i = 0;

	/* Nobody outlives the test. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	counts_join();
	dup2(open("/dev/null", O_RDWR | O_CLOEXEC), 0);
	dup2(fd, 1);
	dup2(fd, 2);
	if (!strcmp(s->way, LOAD)) {
		load_run(&load);
		return;
	}
	snprintf(words, sizeof(words), "%s", s->way);
	while (i < MOST_WORDS && (word[i] = strsep(&rest, " ")))
		i++;
	word[i] = NULL;
	execvp(word[0], word);
	_exit(127);
}

static void start(struct station *s)
{
	unsigned int ways = 0;
	uint32_t its_seed = below(RAND_MAX);

	while (ways < MOST_WAYS && s->ways[ways])
		ways++;
	s->way = s->ways[below(ways)];
	s->early = !below(4);
	s->since = now_ms();
	s->deadline = s->since + below((uint32_t)s->start_ms + 1);
	s->pid = fork();
	MUST_OK(sys(s->pid));
	if (!s->pid) {
		become_driver(s, its_seed);
		fflush(stdout);
		_exit(0);
	}
	s->state = STARTING;
}

static bool owned(const struct station *s)
{
	return info(s->observer).out_caps & UDRV_INFO_OWNED;
}

static bool ended(struct station *s, int *status)
{
	return MUST_OK(sys(waitpid(s->pid, status, WNOHANG))) == s->pid;
}

/* One that was not killed has done its work, or the one before it hurt it. */
static bool ended_well(struct station *s)
{
	int status;

	if (!ended(s, &status))
		return false;
	if (status) {
		show_output(s);
		fail(__FILE__, __LINE__, "%s: \"%s\" ended with status %#x",
		     s->device, s->way, status);
	}
	s->state = DEAD;
	return true;
}

static void kill_it(struct station *s)
{
	s->at_work += s->state == WORKING;
	MUST_OK(sys(kill(s->pid, SIGKILL)));
	s->state = DYING;
	s->since = now_ms();
}

static void overdue(struct station *s, const char *what)
{
	if (now_ms() - s->since < 6 * WAIT_MS)
		return;
	show_output(s);
	fail(__FILE__, __LINE__, "%s: \"%s\" %s in %d s", s->device, s->way, what,
	     6 * WAIT_MS / 1000);
}

static void look_at_starting(struct station *s)
{
	uint64_t now = now_ms();

	if (ended_well(s))
		return;
	if (s->early && now >= s->deadline) {
		kill_it(s);
	} else if (!s->early && owned(s)) {
		s->start_ms = (3 * s->start_ms + now - s->since) / 4;
		s->deadline = now + below(WORK_MS);
		s->state = WORKING;
	}
	overdue(s, "did not open its device");
}

static void look_at_dying(struct station *s)
{
	int status;

	overdue(s, "did not die");
	if (!ended(s, &status))
		return;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) {
		kills++;
		s->kills++;
		if (!(kills % REPORT))
			figure("kills", kills);
	}
	s->since = now_ms();
	s->state = DEAD;
}

/* What a dead one had is given back; a file may go a little later than it. */
static void look_at_dead(struct station *s)
{
	overdue(s, "still has its device");
	if (owned(s))
		return;
	MUST_EQUAL(dma_count(s->observer), 0);
	MUST_EQUAL(counters(s->observer).out_mapped_bytes, 0);
	if (strchr(s->device, ':'))
		MUST(!(config_read(s->device, 4, 2) & 4));
	s->state = IDLE;
}

/* One step; false once nothing goes on there, and nothing is to start. */
static bool step(struct station *s, bool more)
{
	switch (s->state) {
	case IDLE:
		if (more)
			start(s);
		return more;
	case STARTING:
		look_at_starting(s);
		break;
	case WORKING:
		if (!ended_well(s) && now_ms() >= s->deadline)
			kill_it(s);
		break;
	case DYING:
		look_at_dying(s);
		break;
	case DEAD:
		look_at_dead(s);
	}
	return true;
}

/* -------------------------------------------------------------- all of them */

/* So that a disk that is served has something to do. */
static void read_served_disks(void *unused)
{
	static const char *const names[] = { "ublkb", "nbd" };
	char path[32], *block;
	unsigned int i;
	int fd;

	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	MUST(!posix_memalign((void **)&block, 4096, 65536));
	for (i = 0;; i = (i + 1) % 8) {
		snprintf(path, sizeof(path), "/dev/%s%u", names[i / 4], i % 4);
		fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
		while (fd >= 0 && read(fd, block, 65536) == 65536)
			;
		if (fd >= 0)
			close(fd);
		usleep(5000);
	}
}

/* And reports of the mouse's, of no motion: QEMU would save it for later tests. */
static void type_keys(void *unused)
{
	(void)unused;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;; usleep(50000))
		host_qmp("{\"execute\": \"input-send-event\", \"arguments\": "
			 "{\"events\": ["
			 "{\"type\": \"key\", \"data\": {\"down\": true, "
			 "\"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}, "
			 "{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": 3}}, "
			 "{\"type\": \"rel\", \"data\": {\"axis\": \"x\", \"value\": -3}}, "
			 "{\"type\": \"key\", \"data\": {\"down\": false, "
			 "\"key\": {\"type\": \"qcode\", \"data\": \"a\"}}}]}}");
}

static void write_the_text(void)
{
	int fd = (int)MUST_OK(sys(open(TEXT, O_CREAT | O_WRONLY | O_CLOEXEC,
				       0600)));

	MUST_OK(sys(ftruncate(fd, TEXT_BYTES)));
	close(fd);
}

static void prepare(void)
{
	static const char *const modules[] = {
		"nbd", "ublk_drv", "tun", "uinput",
	};
	char line[64];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		snprintf(line, sizeof(line), "busybox modprobe -q %s", modules[i]);
		if (system(line))
			continue;	/* built in, or not to be had */
	}
	write_the_text();
	declare_keyboard("keyboard");
	declare_parport("parport0");
	for (i = 0; i < ARRAY_SIZE(stations); i++) {
		if (strchr(stations[i].device, ':'))
			MUST_OK(device_bind(stations[i].device));
		stations[i].observer = (int)MUST_OK(device_open(stations[i].device,
								O_RDONLY));
		stations[i].start_ms = START_MS;
	}
	counts_start();
}

/* Until there were @count more, a share of them at every station. */
static void kill_drivers(unsigned int count)
{
	unsigned int i, each = count / ARRAY_SIZE(stations) / 3;
	unsigned int end = kills + count;
	bool more = true, busy = true;

	for (i = 0; i < ARRAY_SIZE(stations); i++)
		stations[i].kills = 0;
	while (busy) {
		more = kills < end;
		for (i = 0; i < ARRAY_SIZE(stations); i++)
			more |= stations[i].kills < each;
		busy = false;
		for (i = 0; i < ARRAY_SIZE(stations); i++)
			busy |= step(&stations[i], more);
		usleep(1000);
	}
}

/* What outlives a driver by its own wish: interfaces; disks go by themselves. */
static void remove_interfaces(void)
{
	char line[64];
	unsigned int i;

	for (i = 0; i < 4; i++) {
		snprintf(line, sizeof(line), "ip link del death%.2s 2>/dev/null",
			 stations[i].device + 8);
		if (system(line))
			continue;	/* there was none */
	}
}

/* Nobody has read the last keys; the kernel's driver could not begin. */
static void read_the_keys(void)
{
	struct station *s = stations;

	while (strcmp(s->driver, "kbd"))
		s++;
	s->way = "udrv-kbd --print";
	s->pid = fork();
	MUST_OK(sys(s->pid));
	if (!s->pid) {
		become_driver(s, 0);
		_exit(1);
	}
	WAIT_FOR(owned(s));
	sleep(1);
	MUST_OK(sys(kill(s->pid, SIGTERM)));
	MUST_EQUAL(reap(s->pid), 0);
}

static void say_how_many(void)
{
	unsigned int i, at_work = 0;

	figure("kills", kills);
	for (i = 0; i < ARRAY_SIZE(stations); i++) {
		printf("%s: %s: %u, %u of them at work; starts in %llu ms\n",
		       stations[i].device, stations[i].driver, stations[i].kills,
		       stations[i].at_work,
		       (unsigned long long)stations[i].start_ms);
		at_work += stations[i].at_work;
	}
	MUST(at_work > wanted / 4);
}

static void killed_at_random_moments(void)
{
	const char *count = getenv("UDRV_KILLS"), *known = getenv("UDRV_SEED");
	struct counts before;
	pid_t helpers[2];
	unsigned int i;

	wanted = count ? (unsigned int)atoi(count) : (unsigned int)fewer(84, 140);
	seed = known ? (uint32_t)atoi(known) : (uint32_t)time(NULL);
	printf("UDRV_SEED=%u\n", seed);
	prepare();
	helpers[0] = spawn(read_served_disks, NULL);
	helpers[1] = spawn(type_keys, NULL);
	/* The first ones fill the kernel's caches, and have it start its threads. */
	kill_drivers(ARRAY_SIZE(stations) * 3);
	remove_interfaces();
	before = counts_take();
	kill_drivers(wanted);
	remove_interfaces();
	say_how_many();
	counts_must_be(&before);
	for (i = 0; i < ARRAY_SIZE(helpers); i++) {
		kill(helpers[i], SIGKILL);
		reap(helpers[i]);
	}
	read_the_keys();
}

const struct test tests[] = {
	TEST(killed_at_random_moments),
	{ NULL, NULL },
};
