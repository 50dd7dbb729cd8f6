// SPDX-License-Identifier: MIT
/* udrv legacy add: from its arguments, and from names that say it all. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_conf.h"
#include "udrv_legacy.h"

/* -------------------------------------------------------------- its arguments */

struct request {
	struct udrv_legacy legacy;
	struct tool_user owner;
	bool ports_or_memory, lines, base;	/* given */
	__u64 base_port;
	bool save;
	char rule[512];				/* what was given, as a rule has it */
};

/* Decimal or 0x; a size may end in k, M or G.  NULL: it is no number. */
static const char *take_number(const char *text, bool is_size, __u64 *value)
{
	static const char units[] = "kMG";
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	const char *unit;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return NULL;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	if (errno || end == text + (hex ? 2 : 0))
		return NULL;
	unit = is_size && *end ? strchr(units, *end) : NULL;
	if (unit) {
		if (*value >> (64 - 10 * (unit - units + 1)))
			return NULL;
		*value <<= 10 * (unit - units + 1);
		end++;
	}
	return end;
}

/* START:COUNT[,START:COUNT]... */
static int parse_ranges(const struct tool_command *command, uint32_t kind,
			const char *text, struct request *request)
{
	const char *option = kind == UDRV_KIND_PORTS ? "--ports" : "--memory";
	struct udrv_legacy *legacy = &request->legacy;
	struct udrv_legacy_range *range;
	const char *at = text;

	request->ports_or_memory = true;
	do {
		if (legacy->range_count == UDRV_LEGACY_RANGES)
			return tool_usage(command, "more than %d ranges",
					  UDRV_LEGACY_RANGES);
		range = &legacy->ranges[legacy->range_count++];
		range->kind = kind;
		at = take_number(at, false, &range->start);
		if (at && *at == ':')
			at = take_number(at + 1, kind == UDRV_KIND_MEM,
					 &range->bytes);
		else
			at = NULL;
	} while (at && *at++ == ',');
	if (!at || at[-1])
		return tool_usage(command, "%s '%s' is not START:%s[,...]", option,
				  text, kind == UDRV_KIND_PORTS ? "COUNT" : "SIZE");
	return TOOL_DONE;
}

/* How a line above the ISA bus's fires: ":level-low".  NULL: it is not that. */
static const char *take_trigger(const char *text, uint32_t *line)
{
	static const struct {
		const char *name;
		uint32_t flags;
	} how[] = {
		{ ":edge-high", 0 }, { ":edge-low", UDRV_LINE_LOW },
		{ ":level-high", UDRV_LINE_LEVEL },
		{ ":level-low", UDRV_LINE_LEVEL | UDRV_LINE_LOW },
	};
	size_t i, length;

	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		length = strlen(how[i].name);
		if (strncmp(text, how[i].name, length) != 0)
			continue;
		*line |= UDRV_LINE_GSI | how[i].flags;
		return text + length;
	}
	return NULL;
}

static int parse_lines(const struct tool_command *command, const char *text,
		       struct request *request)
{
	struct udrv_legacy *legacy = &request->legacy;
	const char *at = text;
	__u64 line = 0;

	request->lines = true;
	do {
		if (legacy->line_count == UDRV_LEGACY_LINES)
			return tool_usage(command, "more than %d interrupt lines",
					  UDRV_LEGACY_LINES);
		at = take_number(at, false, &line);
		if (line > UDRV_LINE_NUMBER)
			at = NULL;
		legacy->lines[legacy->line_count] = (uint32_t)line;
		if (at && *at == ':')
			at = take_trigger(at, &legacy->lines[legacy->line_count]);
		legacy->line_count++;
	} while (at && *at++ == ',');
	if (!at || at[-1])
		return tool_usage(command, "--irq '%s' is not NUMBER[,...] or NUMBER:level-low, level-high, edge-low or edge-high",
				  text);
	return TOOL_DONE;
}

/* --------------------------------------------------------------- ready-made */

static void add_range(struct udrv_legacy *legacy, uint64_t start, uint64_t bytes)
{
	legacy->ranges[legacy->range_count++] = (struct udrv_legacy_range) {
		.kind = UDRV_KIND_PORTS, .start = start, .bytes = bytes };
}

static bool have_device(const char *from)
{
	const char *slash = strchr(from, '/');
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SYS_BUS "/%.*s/devices/%s",
		 (int)(slash - from), from, slash + 1);
	return !access(path, F_OK);
}

/* The 8042: data, and command or status; a keyboard and a mouse. */
static void make_keyboard(struct udrv_legacy *legacy)
{
	static const char from[] = "platform/i8042";

	add_range(legacy, 0x60, 1);
	add_range(legacy, 0x64, 1);
	legacy->lines[legacy->line_count++] = 1;
	legacy->lines[legacy->line_count++] = 12;
	if (have_device(from))
		memcpy(legacy->from, from, sizeof(from));
}

static bool pnp_device_has(const char *device, uint64_t port)
{
	char path[PATH_MAX], line[128];
	unsigned long long first;
	bool found = false;
	FILE *file;

	snprintf(path, sizeof(path), SYS_BUS "/pnp/devices/%s/resources", device);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "io 0x%llx-", &first) == 1 && first == port)
			found = true;
	if (file)
		fclose(file);
	return found;
}

/* Which device stands for these ports? */
static void find_port_device(struct udrv_legacy *legacy, uint64_t port)
{
	struct dirent *entry;
	DIR *devices = opendir(SYS_BUS "/pnp/devices");

	while (devices && !legacy->from[0] && (entry = readdir(devices)))
		if (entry->d_name[0] != '.' && strlen(entry->d_name) < 32 &&
		    pnp_device_has(entry->d_name, port))
			snprintf(legacy->from, UDRV_LEGACY_FROM, "pnp/%.32s",
				 entry->d_name);
	if (devices)
		closedir(devices);
	if (legacy->from[0])
		return;
	snprintf(legacy->from, UDRV_LEGACY_FROM, "platform/parport_pc.%" PRIu64,
		 port);
	if (!have_device(legacy->from))
		memset(legacy->from, 0, UDRV_LEGACY_FROM);
}

static void make_parport(struct request *request, uint64_t base, uint32_t line)
{
	struct udrv_legacy *legacy = &request->legacy;

	if (request->base)
		base = request->base_port;
	add_range(legacy, base, 8);
	if (!request->lines)
		legacy->lines[legacy->line_count++] = line;
	if (!legacy->from[0])
		find_port_device(legacy, base);
}

/* A name that says it all, or a device that does, unless more is said. */
static int make_ready(const struct tool_command *command, struct request *request)
{
	static const struct {
		const char *name;
		uint64_t base;
		uint32_t line;
	} parports[] = { { "parport0", 0x378, 7 }, { "parport1", 0x278, 5 } };
	struct udrv_legacy *legacy = &request->legacy;
	size_t i;

	for (i = 0; i < sizeof(parports) / sizeof(parports[0]); i++) {
		if (strcmp(legacy->name, parports[i].name) != 0)
			continue;
		make_parport(request, parports[i].base, parports[i].line);
		return TOOL_DONE;
	}
	if (strcmp(legacy->name, "keyboard") != 0 && legacy->from[0])
		return legacy_take_resources(command, legacy, request->lines);
	if (strcmp(legacy->name, "keyboard") != 0)
		return tool_usage(command, "%s: give --ports or --memory, or --take a PnP device; only keyboard, parport0 and parport1 are known by name",
				  legacy->name);
	if (request->base || request->lines || legacy->from[0])
		return tool_usage(command, "keyboard: takes no --base, --irq or --take");
	make_keyboard(legacy);
	return TOOL_DONE;
}

/* ------------------------------------------------------------------------ add */

static int save_rule(const struct request *request)
{
	char selector[48], line[600];
	bool changed;

	snprintf(selector, sizeof(selector), "legacy:%s", request->legacy.name);
	snprintf(line, sizeof(line), "%s%s", selector, request->rule);
	if (!conf_save(selector, line, &changed))
		return TOOL_FAILED;
	printf("%s will be declared at start-up: " CONF_SAVED "\n",
	       request->legacy.name);
	return TOOL_DONE;
}

static int do_add(struct request *request)
{
	const char *name = request->legacy.name;
	char driver[64];
	int status = TOOL_DONE;

	legacy_driver(request->legacy.from, driver, sizeof(driver));
	if (usr_legacy_add(&request->legacy))
		return tool_failed();
	printf("%s is declared", name);
	if (driver[0])
		printf(", %s taken from %s", request->legacy.from, driver);
	printf(": " UDRV_DIR "/%s\n", name);
	if (request->owner.text)
		status = tool_give_file(name, &request->owner);
	if (!status && request->save)
		status = save_rule(request);
	if (status && !usr_legacy_remove(name))
		printf("%s is removed again\n", name);
	return status;
}

/* An option's value, as a word of a rule. */
static int note(const struct tool_command *command, const char *word,
		const char *value, struct request *request)
{
	size_t used = strlen(request->rule);
	int length;

	length = snprintf(request->rule + used, sizeof(request->rule) - used,
			  " %s=%s", word, value);
	if (used + (size_t)length >= sizeof(request->rule) ||
	    strpbrk(value, " \t\r\n"))
		return tool_usage(command, "--%s '%s' cannot be put into a table: it is too long, or has blanks in it",
				  word, value);
	return TOOL_DONE;
}

static int take_option(const struct tool_command *command, int option,
		       struct request *request)
{
	const char *end;

	switch (option) {
	case 'p':
		return parse_ranges(command, UDRV_KIND_PORTS, optarg, request);
	case 'm':
		return parse_ranges(command, UDRV_KIND_MEM, optarg, request);
	case 'i':
		return parse_lines(command, optarg, request);
	case 't':
		return legacy_parse_take(command, optarg, request->legacy.from);
	case 'o':
		return tool_parse_user(command, optarg, &request->owner);
	case 'b':
		request->base = true;
		end = take_number(optarg, false, &request->base_port);
		if (end && !*end)
			return TOOL_DONE;
		return tool_usage(command, "--base '%s' is not a port", optarg);
	default:
		return TOOL_DONE;
	}
}

static const struct option options[] = {
	{ "ports", required_argument, NULL, 'p' },
	{ "memory", required_argument, NULL, 'm' },
	{ "irq", required_argument, NULL, 'i' },
	{ "base", required_argument, NULL, 'b' },
	{ "take", required_argument, NULL, 't' },
	{ "owner", required_argument, NULL, 'o' },
	{ "save", no_argument, NULL, 's' },
	TOOL_HELP_OPTION, TOOL_NO_OPTION
};

static const char *word_of(int option)
{
	const struct option *each;

	for (each = options; each->val != option; each++)
		;
	return each->name;
}

static int legacy_add(const struct tool_command *command, int argc, char **argv)
{
	struct request request = { .owner.text = NULL };
	int option, status;
	char **name;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		status = option == 's' ? TOOL_DONE :
			 note(command, word_of(option), optarg, &request);
		request.save |= option == 's';
		if (!status)
			status = take_option(command, option, &request);
		if (status)
			return status;
	}
	name = tool_arguments(command, argc, argv, 1);
	if (!name)
		return TOOL_USAGE;
	if (strlen(name[0]) >= UDRV_LEGACY_NAME)
		return tool_usage(command, "'%s' is too long a name", name[0]);
	strcpy(request.legacy.name, name[0]);
	if (request.ports_or_memory && request.base)
		return tool_usage(command, "--base goes with parport0 and parport1 only");
	if (!request.ports_or_memory) {
		status = make_ready(command, &request);
		if (status)
			return status;
	}
	return do_add(&request);
}

const struct tool_command legacy_add_command = {
	"legacy add", "declare a device",
	"usage: udrv legacy add [--save] [--owner USER[:GROUP]] keyboard\n"
	"       udrv legacy add [--base PORT] [--irq N] [--owner USER[:GROUP]] parport0\n"
	"       udrv legacy add [OPTION]... NAME\n"
	"\n"
	"Declare a device that is not PCI, as root.  Until it is removed it is the\n"
	"file /dev/udrv/NAME: region i is the i-th range, vector i the i-th line.\n"
	"Unloading the module removes it too, but gives no driver its device back.\n"
	"\n"
	"  keyboard               the PC's 8042: ports 0x60 and 0x64, lines 1 (keyboard)\n"
	"                         and 12 (mouse), taken from the driver i8042: the\n"
	"                         console has no keyboard from then on\n"
	"  parport0, parport1     a parallel port: 8 ports from 0x378 or 0x278, line 7\n"
	"                         or 5, taken from its driver\n"
	"\n"
	"  --ports START:COUNT[,...]   I/O ports\n"
	"  --memory START:SIZE[,...]   physical memory of the device's; SIZE may end\n"
	"                              in k, M or G\n"
	"  --irq N[,...]               interrupt lines of the ISA bus, 0 to 15; above\n"
	"                              these ACPI's numbers, with how the line fires:\n"
	"                              20:level-low (or -high, or edge-low, -high)\n"
	"  --base PORT                 where a parallel port is, if elsewhere\n"
	"  --take SYSFS-DEVICE         BUS/DEVICE (pnp/00:04) or a path in /sys: take it\n"
	"                              from its driver, which gets it back on removal;\n"
	"                              without --ports and --memory it is made of what\n"
	"                              a PnP device says it is, or has in /proc/ioports\n"
	"                              and /proc/iomem as a platform device\n"
	"  --owner USER[:GROUP]        whom the file shall belong to (mode 0600, with\n"
	"                              GROUP 0660)\n"
	"  --save                      and at each start of the machine again, by a rule\n"
	"                              in /etc/udrv/saved.conf\n"
	"\n"
	"Nothing is taken that a driver holds, except by --take; nothing that is RAM,\n"
	"the firmware's or a PCI device's.  Numbers are decimal or 0x.\n"
	"\n"
	"Who may open a device can do all that its registers can: the keyboard's\n"
	"controller, for one, can reset the machine.\n",
	legacy_add, options, TOOL_NOTHING, NULL
};
