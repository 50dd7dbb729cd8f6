// SPDX-License-Identifier: MIT
/* udrv info: all that an observer can see of a device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_info.h"
#include "udrv_tool.h"

static const struct tool_bit caps[] = {
	{ UDRV_INFO_IOMMU, "behind an IOMMU" },
	{ UDRV_INFO_RESET, "can be reset" },
	{ UDRV_INFO_INTX_MASK, "can mask INTx" },
	{ UDRV_INFO_BUS_MASTER, "bus mastering is on" },
	{ 0, NULL },
};

static const struct tool_bit region_caps[] = {
	{ UDRV_REGION_MMAP, "mmap" },
	{ UDRV_REGION_WC, "write-combining" },
	{ UDRV_REGION_PROGRAM, "programs" },
	{ UDRV_REGION_READ_ONLY, "read-only" },
	{ 0, NULL },
};

static const struct tool_bit states[] = {
	{ UDRV_DMA_STATE_BUFFER, "buffer" },
	{ UDRV_DMA_STATE_ORPHAN, "orphaned" },
	{ UDRV_DMA_STATE_TO, "to-device" },
	{ UDRV_DMA_STATE_FROM, "from-device" },
	{ 0, NULL },
};

static void print_bits(const struct tool_bit *names, uint32_t bits,
		       const char *separator)
{
	const char *before = "";

	for (; names->text; names++) {
		if (!(bits & names->value))
			continue;
		printf("%s%s", before, names->text);
		before = separator;
	}
	if (!before[0])
		printf("-");
}

static void print_size(uint64_t bytes)
{
	char text[40];

	tool_bytes(bytes, text, sizeof(text));
	fputs(text, stdout);
}

static const char *const irq_kinds[] = { "none", "INTx", "MSI", "MSI-X", "lines" };
static const char *const region_kinds[] = { "none", "memory", "ports", "ROM",
					    "configuration" };

static const char *kind_of(const char *const *kinds, uint32_t kind)
{
	return kind < 5 ? kinds[kind] : "?";
}

static void print_interrupts(const struct udrv_info *info)
{
	printf("interrupts    INTx %u, MSI %u, MSI-X %u, lines %u; in use: %s\n",
	       info->out_intx, info->out_msi, info->out_msix, info->out_lines,
	       kind_of(irq_kinds, info->out_irq_kind));
}

static void print_addresses(const struct udrv_info *info)
{
	int bit;

	if (!info->out_iova_last)
		return;
	printf("DMA addresses %#" PRIx64 " to %#" PRIx64 ", in pages of",
	       (uint64_t)info->out_iova_first, (uint64_t)info->out_iova_last);
	for (bit = 0; bit < 64; bit++) {
		if (!(info->out_page_sizes >> bit & 1))
			continue;
		printf(" ");
		print_size(1ull << bit);
	}
	printf("\n");
}

static void print_info(const struct udrv_info *info)
{
	char owner[64];

	tool_owner(info, owner, sizeof(owner));
	printf("device        %s", info->out_name);
	if (info->out_caps & UDRV_INFO_PCI)
		printf(", %04x:%04x, subsystem %04x:%04x, class %06x, revision %02x",
		       info->out_vendor, info->out_device,
		       info->out_subsystem_vendor, info->out_subsystem_device,
		       info->out_class >> 8, info->out_class & 0xff);
	printf("\ncontract      %u\n", info->out_contract);
	printf("open in       %s\n", owner[0] ? owner : "-");
	printf("properties    ");
	print_bits(caps, info->out_caps, ", ");
	printf("\n");
	print_interrupts(info);
	print_addresses(info);
}

static int print_regions(int fd, uint32_t count)
{
	struct udrv_region_info region;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (usr_region_info(fd, i, &region))
			return tool_failed();
		if (region.out_kind == UDRV_KIND_NONE)
			continue;
		printf("region %u      %s, ", i,
		       kind_of(region_kinds, region.out_kind));
		print_size(region.out_size);
		printf(": ");
		print_bits(region_caps, region.out_caps, ", ");
		if (region.out_caps & UDRV_REGION_HOLE)
			printf("; not %#" PRIx64 " to %#" PRIx64 " (MSI-X table)",
			       (uint64_t)region.out_hole_offset,
			       (uint64_t)(region.out_hole_offset +
					  region.out_hole_size - 1));
		printf("\n");
	}
	return TOOL_DONE;
}

static int print_counters(int fd)
{
	struct udrv_counters c;

	if (usr_counters(fd, &c))
		return tool_failed();
	printf("opens         %" PRIu64 "\n", (uint64_t)c.out_opens);
	printf("interrupts    %" PRIu64 " taken, %" PRIu64 " others', %" PRIu64
	       " storms\n", (uint64_t)c.out_interrupts, (uint64_t)c.out_not_ours,
	       (uint64_t)c.out_storms);
	printf("programs      %" PRIu64 ", %" PRIu64 " steps\n",
	       (uint64_t)c.out_programs, (uint64_t)c.out_steps);
	printf("DMA           %" PRIu64 " maps, %" PRIu64 " unmaps, %" PRIu64
	       " bytes mapped now\n", (uint64_t)c.out_maps,
	       (uint64_t)c.out_unmaps, (uint64_t)c.out_mapped_bytes);
	printf("refusals      %" PRIu64 "\n", (uint64_t)c.out_refusals);
	return TOOL_DONE;
}

static void print_mapping(const struct udrv_dma *dma)
{
	printf("mapping %-5u %#" PRIx64 ", ", dma->id, (uint64_t)dma->out_iova);
	print_size(dma->length);
	printf(", process %d, ", dma->out_pid);
	print_bits(states, dma->out_state, " ");
	printf("\n");
}

/* The ledger, for free(); NULL: it failed, and that was said. */
static struct udrv_dma *get_mappings(int fd, unsigned *total)
{
	struct udrv_dma *entries = calloc(UDRV_DMA_MAX_IDS, sizeof(*entries));

	if (!entries) {
		perror("udrv");
		return NULL;
	}
	if (usr_dma_list(fd, entries, UDRV_DMA_MAX_IDS, total)) {
		tool_failed();
		free(entries);
		return NULL;
	}
	if (*total > UDRV_DMA_MAX_IDS)
		*total = UDRV_DMA_MAX_IDS;
	return entries;
}

static int print_mappings(int fd)
{
	struct udrv_dma *entries;
	unsigned i, total;

	entries = get_mappings(fd, &total);
	if (!entries)
		return TOOL_FAILED;
	for (i = 0; i < total; i++)
		print_mapping(&entries[i]);
	free(entries);
	return TOOL_DONE;
}

static int print_all(int fd, const struct udrv_info *info)
{
	int status;

	print_info(info);
	status = print_regions(fd, info->out_regions);
	if (!status)
		status = print_counters(fd);
	return status ? status : print_mappings(fd);
}

/* ----------------------------------------------------------------------- JSON */

json_t *info_mappings(int fd)
{
	json_t *rows, *row;
	struct udrv_dma *entries;
	unsigned i, total;

	entries = get_mappings(fd, &total);
	if (!entries)
		return NULL;
	rows = json_array();
	for (i = 0; i < total; i++) {
		row = json_pack("{s:i, s:i, s:o}", "id", (int)entries[i].id,
				"pid", entries[i].out_pid, "state",
				tool_bits(states, entries[i].out_state));
		tool_set_number(row, "iova", entries[i].out_iova);
		tool_set_number(row, "length", entries[i].length);
		tool_set_number(row, "address", entries[i].address);
		json_array_append_new(rows, row);
	}
	free(entries);
	return rows;
}

static json_t *get_regions(int fd, uint32_t count)
{
	struct udrv_region_info region;
	json_t *rows = json_array(), *row;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (usr_region_info(fd, i, &region)) {
			tool_failed();
			json_decref(rows);
			return NULL;
		}
		if (region.out_kind == UDRV_KIND_NONE)
			continue;
		row = json_pack("{s:i, s:s, s:o}", "index", (int)i, "kind",
				kind_of(region_kinds, region.out_kind), "can",
				tool_bits(region_caps, region.out_caps));
		tool_set_number(row, "size", region.out_size);
		if (region.out_caps & UDRV_REGION_HOLE) {
			tool_set_number(row, "hole", region.out_hole_offset);
			tool_set_number(row, "hole_size", region.out_hole_size);
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

json_t *info_counters(int fd)
{
	struct udrv_counters c;
	json_t *object;

	if (usr_counters(fd, &c)) {
		tool_failed();
		return NULL;
	}
	object = json_object();
	tool_set_number(object, "opens", c.out_opens);
	tool_set_number(object, "interrupts", c.out_interrupts);
	tool_set_number(object, "not_ours", c.out_not_ours);
	tool_set_number(object, "storms", c.out_storms);
	tool_set_number(object, "programs", c.out_programs);
	tool_set_number(object, "steps", c.out_steps);
	tool_set_number(object, "maps", c.out_maps);
	tool_set_number(object, "unmaps", c.out_unmaps);
	tool_set_number(object, "mapped_bytes", c.out_mapped_bytes);
	tool_set_number(object, "refusals", c.out_refusals);
	return object;
}

static json_t *get_ids(const struct udrv_info *info)
{
	char id[16], subsystem[16], class_code[16];

	if (!(info->out_caps & UDRV_INFO_PCI))
		return json_null();
	snprintf(id, sizeof(id), "%04x:%04x", info->out_vendor, info->out_device);
	snprintf(subsystem, sizeof(subsystem), "%04x:%04x",
		 info->out_subsystem_vendor, info->out_subsystem_device);
	snprintf(class_code, sizeof(class_code), "%06x", info->out_class >> 8);
	return json_pack("{s:s, s:s, s:s, s:i}", "id", id, "subsystem", subsystem,
			 "class", class_code, "revision", info->out_class & 0xff);
}

static int print_json(int fd, const struct udrv_info *info)
{
	json_t *regions = get_regions(fd, info->out_regions), *object;
	json_t *counters = regions ? info_counters(fd) : NULL;
	json_t *mappings = counters ? info_mappings(fd) : NULL;

	if (!mappings) {
		json_decref(counters);
		json_decref(regions);
		return TOOL_FAILED;
	}
	object = json_pack("{s:s, s:i, s:o, s:o, s:o}", "name", info->out_name,
			   "contract", (int)info->out_contract,
			   "pci", get_ids(info), "holder", tool_holder_of(info),
			   "properties", tool_bits(caps, info->out_caps));
	json_object_set_new(object, "interrupts", json_pack(
		"{s:i, s:i, s:i, s:i, s:s}", "intx", (int)info->out_intx,
		"msi", (int)info->out_msi, "msix", (int)info->out_msix,
		"lines", (int)info->out_lines,
		"in_use", kind_of(irq_kinds, info->out_irq_kind)));
	tool_set_number(object, "iova_first", info->out_iova_first);
	tool_set_number(object, "iova_last", info->out_iova_last);
	tool_set_number(object, "page_sizes", info->out_page_sizes);
	json_object_set_new(object, "regions", regions);
	json_object_set_new(object, "counters", counters);
	json_object_set_new(object, "mappings", mappings);
	return tool_json(object);
}

static int run_info(const struct tool_command *command, int argc, char **argv)
{
	struct udrv_info info;
	int fd, option, status;
	bool json = false;
	char **device;

	while ((option = tool_option(command, argc, argv, &status)) != -1) {
		if (status >= 0)
			return status;
		json |= option == 'J';
	}
	device = tool_arguments(command, argc, argv, 1);
	if (!device)
		return TOOL_USAGE;
	fd = usr_open(device[0], O_RDONLY);
	if (fd < 0)
		return tool_failed();
	if (usr_info(fd, &info))
		status = tool_failed();
	else
		status = json ? print_json(fd, &info) : print_all(fd, &info);
	close(fd);
	return status;
}

const struct option tool_json_only[] = {
	TOOL_JSON_OPTION, TOOL_HELP_OPTION, TOOL_NO_OPTION };

const struct tool_command tool_info = {
	"info", "show what a bound device has, counts and maps",
	"usage: udrv info [--json] DEVICE\n"
	"\n"
	"Show a device that is bound to udrv: owner, interrupts, regions, counters,\n"
	"DMA mappings.  It may be in use; nothing is changed.\n"
	"\n"
	"  --json   as JSON\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_info, tool_json_only, TOOL_BOUND, NULL
};
