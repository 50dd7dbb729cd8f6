// SPDX-License-Identifier: MIT
/* udrv legacy: ready-made names, drivers that leave and come back, sentences. */
#include "declare.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 90;

/* The tool's exit status; what it said is in said. */
static char said[8192];
static int udrv(const char *arguments)
{
	char command_line[512];
	size_t size;
	FILE *tool;
	int status;

	snprintf(command_line, sizeof(command_line), "udrv legacy %s 2>&1",
		 arguments);
	tool = popen(command_line, "re");
	MUST(tool);
	size = fread(said, 1, sizeof(said) - 1, tool);
	said[size] = '\0';
	status = pclose(tool);
	MUST(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void must_say(int line, const char *arguments, int status,
		     const char *word)
{
	int got = udrv(arguments);

	if (got != status || !strstr(said, word))
		fail(__FILE__, line, "udrv legacy %s: %d \"%s\", not %d with \"%s\"",
		     arguments, got, said, status, word);
}
#define MUST_SAY(arguments, status, word) \
	must_say(__LINE__, arguments, status, word)

static void nothing_is_declared(void)
{
	MUST_EQUAL(udrv("list"), 0);
	if (said[0])
		fail(__FILE__, __LINE__, "declared is %s", said);
}

static void wrong_arguments_change_nothing(void)
{
	static const char *const wrong[] = {
		"", "nonsense", "add", "add a", "add a b", "add a --ports",
		"add a --ports 5", "add a --ports 5:", "add a --ports 5:1,",
		"add a --ports 5:1x", "add a --ports -5:1", "add a --ports 010:1x",
		"add a --ports 0x:1", "add a --memory 0:1Q",
		"add a --memory 0x100000000:99999999999G",
		"add a --ports 1:1,2:1,3:1,4:1,5:1,6:1,7:1",
		"add a --ports 0x378:8 --irq", "add a --ports 0x378:8 --irq x",
		"add a --ports 0x378:8 --irq 1,2,3,4,5",
		"add a --ports 0x378:8 --irq 4294967303",
		"add a --ports 0x378:8 --irq 20:level",
		"add a --ports 0x378:8 --irq 20:level-lower",
		"add a --ports 0x378:8 --irq 2147483668",
		"add a --ports 0x378:8 --take /dev/null",
		"add a --ports 0x378:8 --take platform/nothing",
		"add a --ports 0x378:8 --take /sys/class/udrv/control",
		"add a --ports 0x378:8 --take /sys/bus/platform/drivers/i8042",
		"add a --take platform/i8042", "add a --irq 5",
		"add a --ports 0x378:8 --owner nobody-of-that-name",
		"add a --ports 0x378:8 --base 1", "add keyboard --irq 7",
		"add keyboard --take platform/i8042", "add parport0 --base x",
		"add a_name_of_more_than_thirty_one_bytes --ports 0x378:8",
		"remove", "remove a b", "list a", "add --nothing",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (udrv(wrong[i]) != 2)
			fail(__FILE__, __LINE__, "udrv legacy %s: %s", wrong[i],
			     said);
		nothing_is_declared();
	}
	MUST(i8042_bound());
	MUST_SAY("add --help", 0, "usage: udrv legacy add");
	MUST_SAY("remove --help", 0, "usage: udrv legacy remove");
	MUST_SAY("list --help", 0, "usage: udrv legacy list");
	MUST_SAY("--help", 0, "udrv legacy list");
}

static void refusals_name_the_holder(void)
{
	MUST_SAY("add A --ports 0x378:8", 1, "a name is");
	MUST_SAY("add a --ports 0x3f8:8", 1, "serial");
	MUST_SAY("add a --ports 0x70:2", 1, "rtc0");
	MUST_SAY("add a --ports 0x60:5", 1, "keyboard");
	MUST_SAY("add a --ports 0x40:1", 1, "timer0");
	MUST_SAY("add a --ports 0x378:8 --irq 8", 1, "rtc0");
	MUST_SAY("add a --ports 0x378:8 --irq 4", 1, "ttyS0");
	MUST_SAY("add a --ports 0x1f0:8", 1, "0000:00:0b.0");
	MUST_SAY("add a --ports 0x60:1 --irq 1", 1, "i8042");
	MUST_SAY("add a --memory 0x100000:1M", 1, "RAM");
	MUST_SAY("remove a", 1, "no device is declared as 'a'");
	MUST_SAY("remove ../a", 1, "not a device name");
	nothing_is_declared();
}

static void keyboard_leaves_and_comes_back(void)
{
	int fd;

	if (i8042_bind(false))
		skip("this kernel's i8042 does not let go");
	MUST_OK(i8042_bind(true));
	MUST_SAY("add keyboard", 0, "taken from i8042");
	MUST(!i8042_bound());
	MUST_SAY("add keyboard", 1, "declared already");
	MUST_SAY("list", 0, "ports 0x64-0x64");
	MUST_SAY("list", 0, "line 12");
	MUST_OK(fd = device_open("keyboard", O_RDWR));
	MUST_SAY("list", 0, "legacy_tool");
	MUST_SAY("remove keyboard", 0, "was cut off");
	MUST(strstr(said, "has the driver i8042"));
	MUST(i8042_bound());
	close(fd);
	nothing_is_declared();
}

/* What was taken for a declaration that is refused goes back. */
static void driver_comes_back_after_a_refusal(void)
{
	if (i8042_bind(false))
		skip("this kernel's i8042 does not let go");
	MUST_OK(i8042_bind(true));
	MUST_SAY("add a --ports 0x60:1,0x64:1 --irq 1,8 --take platform/i8042", 1,
		 "line 8");
	MUST(i8042_bound());
	MUST_SAY("add a --ports 0x60:1,0x64:1 --irq 1 --take /sys/devices/platform/i8042",
		 0, "taken from i8042");
	MUST(!i8042_bound());
	MUST_SAY("remove a", 0, "has the driver i8042");
	MUST(i8042_bound());
}

/* Each time the driver gets its device it counts its ports anew. */
static unsigned int keyboard_number(void)
{
	unsigned int number, found = 0;
	struct dirent *entry;
	DIR *dir = opendir("/sys/devices/platform/i8042");

	MUST(dir);
	while ((entry = readdir(dir)))
		if (sscanf(entry->d_name, "serio%u", &number) == 1)
			found += number + 1;
	closedir(dir);
	return found;
}

/* What could not be declared anyhow is no reason to disturb it. */
static void driver_stays_where_that_is_no_help(void)
{
	static const char keyboard[] =
		"--ports 0x60:1,0x64:1 --take platform/i8042";
	static const struct {
		const char *name, *word;
	} refused[] = {
		{ "A", "a name is" }, { "b", "b is declared already" },
		{ "a --irq 2", "no interrupt line 2" },
		{ "a --irq 16", "no interrupt line 16" },
		{ "a --ports 0xcf8:8", "configuration space" },
		{ "a --memory 0x100000:4k", "RAM" },
	};
	unsigned int before = keyboard_number(), i;
	char text[256];

	MUST(before);
	MUST_SAY("add b --ports 0x378:8", 0, "declared");
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		snprintf(text, sizeof(text), "add %s %s", refused[i].name, keyboard);
		MUST_SAY(text, 1, refused[i].word);
		MUST_EQUAL(keyboard_number(), before);
	}
	MUST_SAY("remove b", 0, "is removed");
	nothing_is_declared();
}

/* Its name in sysfs, by one of its lines there. */
static bool pnp_device(const char *resource, char *name, size_t size)
{
	char command_line[256];
	FILE *grep;
	bool found;

	snprintf(command_line, sizeof(command_line),
		 "cd /sys/bus/pnp/devices && grep -lx '%s' */resources | cut -d/ -f1",
		 resource);
	grep = popen(command_line, "re");
	MUST(grep);
	found = fgets(name, (int)size, grep);
	name[strcspn(name, "\n")] = '\0';
	pclose(grep);
	return found;
}

/* It says itself what it is made of. */
static void device_is_named_and_taken(void)
{
	char device[64], text[256];

	system("modprobe -q parport_pc");
	if (!pnp_device("io 0x378-0x37f", device, sizeof(device)))
		skip("this kernel has no PnP");
	snprintf(text, sizeof(text), "add printer --take pnp/%s", device);
	MUST_SAY(text, 0, "printer is declared");
	MUST_SAY("list", 0, "region 0   ports 0x378-0x37f");
	MUST_SAY("list", 0, "vector 0   line 7");
	MUST_SAY("remove printer", 0, "is removed");
	strcat(text, " --irq 5,3");
	MUST_SAY(text, 0, "printer is declared");
	MUST_SAY("list", 0, "vector 0   line 5");
	MUST_SAY("remove printer", 0, "is removed");
	system("modprobe -rq parport_pc");
	nothing_is_declared();
}

/* Nobody tells but the kernel's own tables. */
static void platform_device_is_named_and_taken(void)
{
	if (access("/sys/bus/platform/devices/QEMU0002:00", F_OK))
		skip("this kernel does not make the firmware's device a platform device");
	MUST_SAY("add firmware --take platform/QEMU0002:00", 0, "firmware is declared");
	MUST_SAY("list", 0, "region 0   ports 0x510-0x51b");
	MUST(!strstr(said, "region 1"));
	MUST_SAY("remove firmware", 0, "is removed");
	nothing_is_declared();
}

static void line_says_how_it_fires(void)
{
	MUST_SAY("add a --ports 0x378:8 --irq 7:level-low", 1, "ISA bus's");
	MUST_SAY("add a --ports 0x378:8 --irq 99:level-low", 1, "no interrupt line 99");
	MUST_SAY("add a --ports 0x378:8 --irq 19:edge-high,7", 0, "declared");
	MUST_SAY("list", 0, "vector 0   line 19, edge-high");
	MUST_SAY("list", 0, "vector 1   line 7\n");
	MUST_SAY("remove a", 0, "is removed");
	nothing_is_declared();
}

static void parport_leaves_and_comes_back(void)
{
	bool module = !system("modprobe -q parport_pc");

	MUST_SAY("add parport0 --base 0x400 --irq 5", 0, "is declared");
	MUST_SAY("remove parport0", 0, "is removed");
	if (module)
		MUST_SAY("add a --ports 0x378:8", 1, "parport");
	MUST_SAY("add parport0", 0, module ? "taken from parport_pc" : "declared");
	MUST_SAY("list", 0, "ports 0x378-0x37f");
	MUST_SAY("list", 0, "line 7");
	MUST_SAY("remove parport0", 0, module ? "has the driver parport_pc" : "");
	if (module)
		system("modprobe -rq parport_pc");
	MUST_SAY("add parport0 --base 0x378 --irq 5", 0, "is declared");
	MUST_SAY("list", 0, "line 5");
	MUST_SAY("remove parport0", 0, "is removed");
	MUST_SAY("add parport0 --owner 65534", 0, "mode 0600");
	MUST_SAY("remove parport0", 0, "is removed");
	nothing_is_declared();
}

static void as_nobody(void *unused)
{
	(void)unused;
	become_nobody();
	MUST_SAY("add parport0", 1, "needs root");
	MUST_SAY("remove parport0", 1, "needs root");
	MUST_SAY("list", 1, "needs root");
}

static void without_root_it_says_so(void)
{
	MUST_EQUAL(reap(spawn(as_nobody, NULL)), 0);
	MUST_OK(module_unload());
	MUST_SAY("list", 1, "modprobe udrv");
	MUST_OK(module_load(""));
}

const struct test tests[] = {
	TEST(wrong_arguments_change_nothing),
	TEST(refusals_name_the_holder),
	TEST(keyboard_leaves_and_comes_back),
	TEST(driver_comes_back_after_a_refusal),
	TEST(driver_stays_where_that_is_no_help),
	TEST(device_is_named_and_taken),
	TEST(platform_device_is_named_and_taken),
	TEST(line_says_how_it_fires),
	TEST(parport_leaves_and_comes_back),
	TEST(without_root_it_says_so),
	{ NULL, NULL },
};
