// SPDX-License-Identifier: MIT
/* The match table's files: read whole, replaced whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include "udrv_conf.h"
#include "udrv_tool.h"

static int is_table(const struct dirent *entry)
{
	return !fnmatch("*.conf", entry->d_name, FNM_PERIOD);
}

static bool complain(const char *path)
{
	fprintf(stderr, "udrv: %s: %s%s\n", path, strerror(errno),
		errno == EACCES || errno == EPERM ? ": this needs root" : "");
	return false;
}

/* "" if there is none.  NULL: complained. */
static char *read_table(const char *path)
{
	char *text = tool_read_whole(path);

	if (!text && errno == ENOENT)
		return strdup("");
	if (!text)
		complain(path);
	return text;
}

static bool load_file(struct conf *conf, const char *name)
{
	char path[PATH_MAX], error[400];
	char *text;
	bool good;

	snprintf(path, sizeof(path), CONF_DIR "/%s", name);
	text = read_table(path);
	if (!text)
		return false;
	good = conf_parse(conf, path, text, error, sizeof(error));
	free(text);
	if (!good)
		fprintf(stderr, "udrv: %s\n", error);
	return good;
}

bool conf_load(struct conf *conf)
{
	struct dirent **files;
	bool good = true;
	int i, count;

	memset(conf, 0, sizeof(*conf));
	count = scandir(CONF_DIR, &files, is_table, alphasort);
	if (count < 0)
		return errno == ENOENT ? true : complain(CONF_DIR);
	for (i = 0; i < count; i++) {
		/* All bad lines are told at once, one a file. */
		good &= load_file(conf, files[i]->d_name);
		free(files[i]);
	}
	free(files);
	if (!good)
		conf_free(conf);
	return good;
}

static bool write_whole(const char *path, const char *text)
{
	char fresh[PATH_MAX];
	size_t length = strlen(text);
	bool good;
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return complain(fresh);
	good = write(fd, text, length) == (ssize_t)length && !fsync(fd);
	if (close(fd))
		good = false;
	if (good && !rename(fresh, path))
		return true;
	complain(path);
	unlink(fresh);
	return false;
}

static const char heading[] =
	"# Written by `udrv bind --save`, taken away by `udrv unbind --save`.\n";

bool conf_save(const char *selector, const char *line, bool *changed)
{
	char *text, *edited = NULL;
	bool good = false;
	int lock;

	*changed = false;
	if (!line && access(CONF_SAVED, F_OK))
		return true;
	if (mkdir(CONF_DIR, 0755) && errno != EEXIST)
		return complain(CONF_DIR);
	lock = open(CONF_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (lock < 0 || flock(lock, LOCK_EX))
		complain(CONF_DIR);
	else if ((text = read_table(CONF_SAVED))) {
		edited = conf_edit(text[0] ? text : heading, selector, line,
				   changed);
		free(text);
		good = edited && (!*changed || write_whole(CONF_SAVED, edited));
	}
	free(edited);
	if (lock >= 0)
		close(lock);
	return good;
}
