// SPDX-License-Identifier: MIT
/* Disks of the kernel's: ata_piix's, or one that udrv-ide serves. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "disk.h"

#define SERVER		"build/udrv-ide"
#define ATA_DISKS	"/sys/bus/pci/devices/" BENCH_IDE "/ata*/host*/target*/*/block/*"
#define MODEL		"UDRV-DISK"
#define PATIENCE_MS	20000

static int file = -1;
static bool writes;
static unsigned int size;
static off_t at;
static unsigned char *data;

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

static int open_disk(const char *path, bool write, unsigned int bytes,
		     enum bench_pages pages)
{
	writes = write;
	size = bytes;
	at = 0;
	file = open(path, O_RDWR | O_DIRECT | O_CLOEXEC);
	if (file < 0)
		return bench_fail("%s: %s", path, strerror(errno));
	data = bench_memory(pages);
	return 0;
}

void disk_file_cycle(void)
{
	ssize_t done = writes ? pwrite(file, data, size, at) :
		       pread(file, data, size, at);

	if (done != (ssize_t)size)
		die("%s of %u bytes at %lld: %s", writes ? "write" : "read",
		    size, (long long)at, done < 0 ? strerror(errno) : "short");
	at += size;
	if (at >= DISK_BYTES)
		at = 0;
}

void disk_file_end(void)
{
	if (file >= 0)
		close(file);
	file = -1;
	if (bench_helper) {
		kill(bench_helper, SIGTERM);
		waitpid(bench_helper, NULL, 0);
	}
	bench_helper = 0;
}

/* ----------------------------------------------------------------- ata_piix */

static bool is_first_disk(const char *block)
{
	char path[512], model[32] = "";
	FILE *from;

	snprintf(path, sizeof(path), "%s/device/model", block);
	from = fopen(path, "r");
	if (!from)
		return false;
	if (!fgets(model, sizeof(model), from))
		model[0] = '\0';
	fclose(from);
	return !strncmp(model, MODEL, strlen(MODEL));
}

/* The path of its device, "" if it is not there. */
static void find_ata_disk(char *path, size_t length)
{
	glob_t found;

	path[0] = '\0';
	if (glob(ATA_DISKS, 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		if (is_first_disk(found.gl_pathv[i]))
			snprintf(path, length, "/dev/%s",
				 strrchr(found.gl_pathv[i], '/') + 1);
	globfree(&found);
}

/* The kernel looks for disks in its own time. */
int disk_ata_begin(bool write, unsigned int bytes,
		    enum bench_pages pages)
{
	char path[64];

	for (int waited = 0; waited < PATIENCE_MS; waited += 20) {
		find_ata_disk(path, sizeof(path));
		if (path[0] && !access(path, F_OK))
			return open_disk(path, write, bytes, pages);
		sleep_ms(20);
	}
	return bench_fail("ata_piix finds no disk " MODEL);
}

/* ----------------------------------------------------------------- the hook */

const char *disk_hook(void)
{
	return access("/dev/ublk-control", F_OK) ? "nbd" : "ublk";
}

static void serve(int to)
{
	char kind[16];

	snprintf(kind, sizeof(kind), "--%s", disk_hook());
	dup2(to, STDOUT_FILENO);
	execl(SERVER, SERVER, BENCH_IDE, "serve", "--disk", "0", kind,
	      (char *)NULL);
	_exit(127);
}

/* What it says when the disk is there: "... is /dev/nbd0, by NBD". */
static int read_path(int from, char *path, size_t length)
{
	FILE *said = fdopen(from, "r");
	char line[512], *found = NULL;

	if (!said)
		return bench_fail("no memory");
	while (!found && fgets(line, sizeof(line), said))
		found = strstr(line, " is /dev/");
	/* It stays open: the server may have more to say. */
	if (!found)
		return bench_fail(SERVER " serves no disk");
	snprintf(path, length, "%.*s", (int)strcspn(found + 4, ","), found + 4);
	return 0;
}

int disk_hook_begin(bool write, unsigned int bytes,
		    enum bench_pages pages)
{
	char path[64];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return bench_fail("pipe: %s", strerror(errno));
	bench_helper = fork();
	if (!bench_helper)
		serve(ends[1]);
	close(ends[1]);
	if (bench_helper < 0) {
		bench_helper = 0;
		return bench_fail("fork: %s", strerror(errno));
	}
	if (read_path(ends[0], path, sizeof(path)))
		return -1;
	/* Whoever looks for partitions now has it open. */
	sleep_ms(500);
	return open_disk(path, write, bytes, pages);
}
