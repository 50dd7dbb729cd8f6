// SPDX-License-Identifier: MIT
/* Register files: from text to names.  See udrv_registers.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include "udrv_registers.h"

static const char *const accesses[] = { "ro", "rw", "wo", "w1c", "rc" };
#define ACCESSES (sizeof(accesses) / sizeof(accesses[0]))

const char *register_access_name(enum register_access access)
{
	return accesses[access];
}

/* Decimal or 0x.  NULL: it is no number. */
static const char *take_number(const char *text, uint64_t *value)
{
	bool hex = text[0] == '0' && (text[1] | 0x20) == 'x';
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return NULL;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	/* Of a bare 0x strtoull() takes the 0 only. */
	return errno || (hex && end == text + 1) ? NULL : end;
}

bool register_region(const char *text, size_t length, unsigned *region)
{
	if (length == 1 && text[0] >= '0' && text[0] < '0' + UDRV_REGION_COUNT)
		*region = (unsigned)(text[0] - '0');
	else if (length == 6 && !strncasecmp(text, "config", 6))
		*region = UDRV_REGION_CONFIG;
	else if (length == 3 && !strncasecmp(text, "rom", 3))
		*region = UDRV_REGION_ROM;
	else
		return false;
	return true;
}

bool register_place(const char *text, unsigned *region, uint64_t *offset,
		    const char **end)
{
	size_t length = strcspn(text, ":");

	if (!text[length] || !register_region(text, length, region))
		return false;
	*end = take_number(text + length + 1, offset);
	return *end;
}

/* ---------------------------------------------------------------------- lines */

struct parser {
	struct register_file *file;
	const struct register_device *device;
	char wrong[200];
};

__attribute__((format(printf, 2, 3)))
static bool bad(struct parser *parser, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(parser->wrong, sizeof(parser->wrong), format, args);
	va_end(args);
	return false;
}

/* The next word of the line, "" at its end. */
static char *take_word(char **line)
{
	char *word = *line + strspn(*line, " \t\r");
	size_t length = strcspn(word, " \t\r");

	*line = word + length;
	if (**line)
		*(*line)++ = '\0';
	return word;
}

/* All that is left, without blanks around it. */
static void take_rest(char *line, char *to, size_t size)
{
	size_t length;

	line += strspn(line, " \t");
	length = strlen(line);
	while (length && strchr(" \t\r", line[length - 1]))
		length--;
	snprintf(to, size, "%.*s", (int)length, line);
}

static bool is_name(const char *name, size_t size)
{
	size_t length = strlen(name);

	return length && length < size && strspn(name, "0123456789") < length &&
	       strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == length;
}

static bool parse_device(struct parser *parser, char *line)
{
	char *word = take_word(&line);
	unsigned vendor, device;
	int end = 0;

	if (sscanf(word, "%4x:%4x%n", &vendor, &device, &end) != 2 || end != 9 ||
	    word[end])
		return bad(parser, "'%.40s' is not VENDOR:DEVICE", word);
	if (parser->device->vendor == vendor && parser->device->device == device)
		parser->file->fits = true;
	return true;
}

static bool parse_declared(struct parser *parser, char *line)
{
	char *word = take_word(&line);

	if (!word[0])
		return bad(parser, "declared: a name is missing");
	if (!parser->device->vendor && !strcmp(parser->device->name, word))
		parser->file->fits = true;
	return true;
}

static bool parse_access(struct parser *parser, const char *word,
			 struct register_entry *entry)
{
	size_t i;

	for (i = 0; i < ACCESSES; i++) {
		if (strcmp(word, accesses[i]) != 0)
			continue;
		entry->access = (enum register_access)i;
		return true;
	}
	return bad(parser, "'%.40s' is none of ro, rw, wo, w1c, rc", word);
}

static bool parse_register(struct parser *parser, char *line)
{
	struct register_file *file = parser->file;
	char *name = take_word(&line), *place = take_word(&line),
	     *width = take_word(&line), *access = take_word(&line);
	struct register_entry *entry;
	const char *end;

	if (!is_name(name, sizeof(entry->name)))
		return bad(parser, "'%.40s' is no register's name", name);
	if (registers_find(file, name))
		return bad(parser, "there are two registers '%s'", name);
	entry = reallocarray(file->registers, file->count + 1, sizeof(*entry));
	if (!entry)
		return bad(parser, "no memory");
	file->registers = entry;
	entry += file->count;
	memset(entry, 0, sizeof(*entry));
	strcpy(entry->name, name);
	if (!register_place(place, &entry->region, &entry->offset, &end) || *end)
		return bad(parser, "'%.40s' is not REGION:OFFSET", place);
	if (strlen(width) != 1 || !strchr("1248", width[0]))
		return bad(parser, "'%.40s' is no width: 1, 2, 4 or 8 bytes", width);
	entry->width = (unsigned)(width[0] - '0');
	if (entry->offset % entry->width)
		return bad(parser, "'%.40s' is not a multiple of the width", place);
	if (!parse_access(parser, access, entry))
		return false;
	take_rest(line, entry->about, sizeof(entry->about));
	file->count++;
	return true;
}

static bool parse_bits(const char *bits, struct register_field *field)
{
	uint64_t high, low;
	const char *end = take_number(bits, &high);

	low = high;
	if (end && *end == ':')
		end = take_number(end + 1, &low);
	if (!end || *end || high > 63 || low > high)
		return false;
	field->high = (unsigned)high;
	field->low = (unsigned)low;
	return true;
}

static bool parse_field(struct parser *parser, char *line)
{
	struct register_file *file = parser->file;
	char *bits = take_word(&line), *name = take_word(&line);
	struct register_entry *entry;
	struct register_field *field;

	if (!file->count)
		return bad(parser, "a field stands below its register");
	entry = &file->registers[file->count - 1];
	if (entry->field_count == MOST_FIELDS)
		return bad(parser, "more than %d fields", MOST_FIELDS);
	field = &entry->fields[entry->field_count];
	if (!parse_bits(bits, field))
		return bad(parser, "'%.40s' is neither BIT nor HIGH:LOW", bits);
	if (field->high >= 8 * entry->width)
		return bad(parser, "%s has no bit %u", entry->name, field->high);
	if (!is_name(name, sizeof(field->name)))
		return bad(parser, "'%.40s' is no field's name", name);
	strcpy(field->name, name);
	take_rest(line, field->about, sizeof(field->about));
	entry->field_count++;
	return true;
}

static bool parse_line(struct parser *parser, char *line)
{
	static const struct {
		const char *word;
		bool (*parse)(struct parser *parser, char *line);
	} kinds[] = {
		{ "device", parse_device }, { "declared", parse_declared },
		{ "register", parse_register }, { "field", parse_field },
	};
	char *word;
	size_t i;

	line[strcspn(line, "#")] = '\0';
	word = take_word(&line);
	if (!word[0])
		return true;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(word, kinds[i].word))
			return kinds[i].parse(parser, line);
	return bad(parser, "'%.40s' is none of device, declared, register, field",
		   word);
}

bool registers_parse(struct register_file *file, const struct register_device *device,
		     const char *path, const char *text, char *error, size_t size)
{
	struct parser parser = { file, device, "" };
	char *copy = strdup(text), *line, *next = copy;
	unsigned number = 0;
	bool good = copy;

	if (!copy)
		snprintf(parser.wrong, sizeof(parser.wrong), "no memory");
	while (good && (line = strsep(&next, "\n"))) {
		number++;
		good = parse_line(&parser, line);
	}
	if (!good)
		snprintf(error, size, "%s:%u: %s", path, number, parser.wrong);
	free(copy);
	return good;
}

void registers_free(struct register_file *file)
{
	free(file->registers);
	memset(file, 0, sizeof(*file));
}

/* -------------------------------------------------------------------- looking */

const struct register_entry *registers_find(const struct register_file *file,
					    const char *name)
{
	size_t i;

	for (i = 0; i < file->count; i++)
		if (!strcasecmp(file->registers[i].name, name))
			return &file->registers[i];
	return NULL;
}

const struct register_entry *registers_at(const struct register_file *file,
					  unsigned region, uint64_t offset,
					  unsigned width)
{
	size_t i;

	for (i = 0; i < file->count; i++)
		if (file->registers[i].region == region &&
		    file->registers[i].offset == offset &&
		    file->registers[i].width == width)
			return &file->registers[i];
	return NULL;
}

uint64_t register_field_value(const struct register_field *field, uint64_t value)
{
	unsigned bits = field->high - field->low + 1;

	value >>= field->low;
	return bits == 64 ? value : value & ((1ull << bits) - 1);
}
