// SPDX-License-Identifier: MIT
/* What the kernel has given out, by its own counts. */
#include "counts.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "uapi/udrv.h"

#define GROUPS	"/sys/fs/cgroup"
#define GROUP	GROUPS "/udrv-test"
#define NONE	-1	/* this kernel does not count it */

/* Rings of pages that processors keep, and the last slab of each kind. */
#define CHARGED_SLACK	(64 << 10)
/* Half of what would be lost by a page for each of 10,000 deaths. */
#define AVAILABLE_SLACK	(20 << 10)

/* The number behind @name in a file of "name number" lines, or in all of it. */
static int64_t number_in(const char *path, const char *name)
{
	static char text[65536];
	const char *at = text;

	if (read_text(path, text, sizeof(text)) < 0)
		return NONE;
	if (*name) {
		for (at = strstr(text, name); at; at = strstr(at + 1, name))
			if (at == text || at[-1] == '\n')
				break;
		if (!at)
			return NONE;
		at += strlen(name);
	}
	return strtoll(at, NULL, 10);
}

/* Calls @each for every entry of a directory; the sum of what it says. */
static int64_t sum_over(const char *path, int64_t (*each)(const char *path,
							  const char *name))
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	int64_t sum = 0;

	if (!dir)
		return NONE;
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			sum += each(path, entry->d_name);
	closedir(dir);
	return sum;
}

static int64_t one(const char *path, const char *name)
{
	(void)path;
	(void)name;
	return 1;
}

/* The others are lines, which stay known once they have been used. */
static int64_t is_message(const char *path, const char *name)
{
	char file[1024], chip[64];

	snprintf(file, sizeof(file), "%s/%s/chip_name", path, name);
	return read_text(file, chip, sizeof(chip)) > 0 && strstr(chip, "MSI");
}

static int64_t minor_of(const char *path, const char *name)
{
	char file[1024];
	struct stat about;
	int64_t sum = 0;

	snprintf(file, sizeof(file), "%s/%s", path, name);
	if (stat(file, &about))
		return 0;
	for (; *name; name++)
		sum = sum * 31 + *name;
	return sum % 1000003 * (minor(about.st_rdev) + 1);
}

static int64_t thread(const char *path, const char *name)
{
	char file[1024], comm[64];

	snprintf(file, sizeof(file), "%s/%s/comm", path, name);
	return read_text(file, comm, sizeof(comm)) > 0 &&
	       strncmp(comm, "kworker", 7);
}

static int64_t threads_of(const char *path, const char *name)
{
	char tasks[512];
	int64_t count;

	if (!isdigit((unsigned char)name[0]))
		return 0;
	snprintf(tasks, sizeof(tasks), "%s/%s/task", path, name);
	count = sum_over(tasks, thread);
	return count < 0 ? 0 : count;	/* it ended just now */
}

static int64_t lines_in(const char *path)
{
	static char text[1 << 20];
	int64_t lines = 0;
	char *at = text;

	if (read_text(path, text, sizeof(text)) < 0)
		return NONE;
	while ((at = strchr(at, '\n'))) {
		lines++;
		at++;
	}
	return lines;
}

/* Exact once the processors have given back what they keep for themselves. */
static int64_t objects(const char *cache)
{
	char path[128];
	struct stat about;

	snprintf(path, sizeof(path), "/sys/kernel/slab/%s", cache);
	if (lstat(path, &about) || S_ISLNK(about.st_mode))
		return NONE;	/* shared with others of its size */
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/shrink", cache);
	write_text(path, "1");
	snprintf(path, sizeof(path), "/sys/kernel/slab/%s/objects", cache);
	return number_in(path, "");
}

/* Without what it would give back if asked: names and inodes of files. */
static int64_t charged(void)
{
	int64_t all = number_in(GROUP "/memory.stat", "kernel ");
	int64_t idle = number_in(GROUP "/memory.stat", "slab_reclaimable ");

	if (all == NONE)	/* before Linux 5.18 */
		return number_in(GROUP "/memory.stat", "slab_unreclaimable ");
	return all - idle;
}

/* Those that processors keep for themselves, huge ones among them: "count: N". */
static int64_t kept_pages(void)
{
	static char text[65536];
	const char *at = text;
	int64_t pages = 0;

	if (read_text("/proc/zoneinfo", text, sizeof(text)) < 0)
		return 0;
	while ((at = strstr(at, " count: "))) {
		at += strlen(" count: ");
		pages += strtoll(at, NULL, 10);
	}
	return pages;
}

void counts_start(void)
{
	mount("none", GROUPS, "cgroup2", 0, NULL);
	write_text(GROUPS "/cgroup.subtree_control", "+memory");
	mkdir(GROUP, 0755);
}

void counts_join(void)
{
	write_text(GROUP "/cgroup.procs", "0");
}

struct counts counts_take(void)
{
	struct counts counts;

	write_text("/proc/sys/vm/drop_caches", "7");
	counts = (struct counts){
		.pinned = pinned_pages(),
		.messages = sum_over("/sys/kernel/irq", is_message),
		.remapped = lines_in("/sys/kernel/debug/iommu/intel/"
				     "ir_translation_struct"),
		.domains = number_in("/sys/class/iommu/dmar0/intel-iommu/"
				     "domains_used", ""),
		.ranges = objects("iommu_iova"),
		.nodes = sum_over(UDRV_DIR, one),
		.minors = sum_over(UDRV_DIR, minor_of),
		.references = module_references(),
		.threads = sum_over("/proc", threads_of),
		.charged = charged(),
		.available = number_in("/proc/meminfo", "MemAvailable:") +
			     kept_pages() * (sysconf(_SC_PAGESIZE) >> 10),
	};
	read_text("/proc/meminfo", counts.meminfo, sizeof(counts.meminfo));
	return counts;
}

static const struct {
	const char *name;
	size_t offset;
	int64_t slack;
} fields[] = {
#define FIELD(name, slack) { #name, offsetof(struct counts, name), slack }
	FIELD(pinned, 0), FIELD(messages, 0), FIELD(remapped, 0),
	FIELD(domains, 0), FIELD(ranges, 0), FIELD(nodes, 0),
	FIELD(minors, 0), FIELD(references, 0), FIELD(threads, 0),
	FIELD(charged, CHARGED_SLACK), FIELD(available, AVAILABLE_SLACK),
};

static int64_t value(const struct counts *counts, unsigned int i)
{
	int64_t found;

	memcpy(&found, (const char *)counts + fields[i].offset, sizeof(found));
	return found;
}

/* Which has not come back; less in use, more available is no loss. */
static int differs(const struct counts *before, const struct counts *after)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		int64_t more = value(after, i) - value(before, i);

		if (fields[i].offset == offsetof(struct counts, available))
			more = -more;
		if (fields[i].slack ? more > fields[i].slack : more != 0)
			return (int)i;
	}
	return -1;
}

void counts_must_be(const struct counts *before)
{
	uint64_t end = now_ms() + 3 * WAIT_MS;
	struct counts after = counts_take();
	unsigned int i;
	int wrong;

	while ((wrong = differs(before, &after)) >= 0 && now_ms() < end) {
		usleep(200000);
		after = counts_take();
	}
	if (wrong >= 0)
		printf("before:\n%safter:\n%s", before->meminfo, after.meminfo);
	for (i = 0; i < ARRAY_SIZE(fields); i++)
		printf("%s: %lld before, %lld after\n", fields[i].name,
		       (long long)value(before, i), (long long)value(&after, i));
	if (wrong >= 0)
		fail(__FILE__, __LINE__, "%s is not what it was",
		     fields[wrong].name);
}
