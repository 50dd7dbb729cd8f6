// SPDX-License-Identifier: MIT
/* udrv new: write a driver to start from.  The texts are below tools/skeleton. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "udrv_tool.h"

#define MAX_NAME 40

/* A file's text, built into the program. */
#define TEXT(symbol, path)						\
	__asm__(".section .rodata\n" #symbol ": .incbin \"tools/skeleton/" path \
		"\"\n.byte 0\n.previous\n");				\
	extern const char symbol[]

TEXT(skeleton_c_driver, "c/driver.c");
TEXT(skeleton_c_makefile, "c/Makefile");
TEXT(skeleton_python_driver, "python/driver.py");
TEXT(skeleton_python_project, "python/pyproject.toml");
TEXT(skeleton_check, "check");
TEXT(skeleton_readme, "README.md");

struct skeleton_file {
	const char *name;	/* @NAME@ in it is replaced, too */
	const char *text;
	mode_t mode;
};

static const struct skeleton_file c_files[] = {
	{ "@NAME@.c", skeleton_c_driver, 0666 },
	{ "Makefile", skeleton_c_makefile, 0666 },
	{ "check", skeleton_check, 0777 },
	{ "README.md", skeleton_readme, 0666 },
	{ NULL, NULL, 0 },
};

static const struct skeleton_file python_files[] = {
	{ "@NAME@.py", skeleton_python_driver, 0777 },
	{ "pyproject.toml", skeleton_python_project, 0666 },
	{ "check", skeleton_check, 0777 },
	{ "README.md", skeleton_readme, 0666 },
	{ NULL, NULL, 0 },
};

struct language {
	const char *name;
	const struct skeleton_file *files;
	const char *build, *run, *check;
};

static const struct language languages[] = {
	{ "c", c_files, "make", "./@NAME@", "make check" },
	{ "python", python_files, "pydoc3 udrv", "./@NAME@.py", "./check" },
	{ NULL, NULL, NULL, NULL, NULL },
};

/* What stands for what. */
struct replacement {
	const char *from, *to;
};

static void write_text(FILE *to, const char *text, const struct replacement *all)
{
	const struct replacement *each;

	while (*text) {
		for (each = all; each->from; each++)
			if (!strncmp(text, each->from, strlen(each->from)))
				break;
		if (each->from) {
			/* A command may hold the name. */
			write_text(to, each->to, all + 1);
			text += strlen(each->from);
		} else {
			putc(*text++, to);
		}
	}
}

static int write_file(const char *directory, const struct skeleton_file *file,
		      const struct replacement *all)
{
	char *path = NULL;
	size_t size;
	FILE *name = open_memstream(&path, &size), *to = NULL;
	int fd = -1, failed = 1;

	if (name) {
		fprintf(name, "%s/", directory);
		write_text(name, file->name, all);
		if (!fclose(name))
			fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
				  file->mode);
		if (fd >= 0)
			to = fdopen(fd, "w");
	}
	if (to) {
		write_text(to, file->text, all);
		failed = ferror(to);
		failed |= fclose(to);
	}
	if (failed)
		fprintf(stderr, "udrv: %s: %s\n", path ? path : directory,
			strerror(errno));
	free(path);
	return failed;
}

/* A C identifier and a Python module, and the directory's name. */
static bool good_name(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
	size_t length = strlen(name);

	return length && length <= MAX_NAME && strchr(letters, name[0]) &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == length;
}

static bool good_id(const char *id)
{
	static const char hex[] = "0123456789abcdef";

	return strlen(id) == 9 && strspn(id, hex) == 4 && id[4] == ':' &&
	       strspn(id + 5, hex) == 4;
}

static int make(const struct language *language, const char *directory,
		const char *name, const char *id)
{
	const struct replacement all[] = {
		{ "@BUILD@", language->build }, { "@RUN@", language->run },
		{ "@CHECK@", language->check }, { "@NAME@", name },
		{ "@ID@", id }, { NULL, NULL },
	};
	const struct skeleton_file *file;

	if (mkdir(directory, 0777)) {
		fprintf(stderr, "udrv: %s: %s%s\n", directory, strerror(errno),
			errno == EEXIST ? "; a skeleton is written to a new directory, see --directory" : "");
		return TOOL_FAILED;
	}
	for (file = language->files; file->name; file++)
		if (write_file(directory, file, all))
			return TOOL_FAILED;
	printf("%s: a driver to start from; next: cd %s && cat README.md\n",
	       directory, directory);
	return TOOL_DONE;
}

static int run_new(const struct tool_command *command, int argc, char **argv)
{
	const struct language *language = languages;
	const char *directory = NULL;
	int option, status;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		if (option == 'd') {
			directory = optarg;
			continue;
		}
		for (language = languages; language->name; language++)
			if (!strcmp(optarg, language->name))
				break;
		if (!language->name)
			return tool_usage(command, "--language is c or python, not '%s'",
					  optarg);
	}
	if (argc - optind != 2)
		return tool_usage(command, "new takes a name and vendor:device");
	argv += optind;
	if (!good_name(argv[0]))
		return tool_usage(command, "'%s' is no name for a driver: up to %d small letters, digits and _, a letter first",
				  argv[0], MAX_NAME);
	if (!good_id(argv[1]))
		return tool_usage(command, "'%s' is not vendor:device in hex (1af4:1110); `udrv list` shows them",
				  argv[1]);
	return make(language, directory ? directory : argv[0], argv[0], argv[1]);
}

static const struct option options[] = {
	{ "language", required_argument, NULL, 'l' },
	{ "directory", required_argument, NULL, 'd' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION,
};

const struct tool_command tool_new = {
	.name = "new",
	.summary = "write a driver to start from",
	.help =
	"usage: udrv new [--language c|python] [--directory DIR] NAME VENDOR:DEVICE\n"
	"\n"
	"Write the skeleton of a driver for that device to a new directory, NAME:\n"
	"it opens the device, shows its regions, takes interrupts, has memory for\n"
	"DMA, and says where to fill in what your hardware does.\n"
	"\n"
	"  --language L     c (default) or python\n"
	"  --directory DIR  where to, instead of NAME\n"
	"  --help           this text\n",
	.run = run_new,
	.options = options,
};
