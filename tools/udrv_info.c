// SPDX-License-Identifier: MIT
/* udrv info: all that an observer can see of a device. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "udrv_tool.h"

struct name {
	uint32_t value;
	const char *text;
};

static const struct name caps[] = {
	{ UDRV_INFO_IOMMU, "behind an IOMMU" },
	{ UDRV_INFO_RESET, "can be reset" },
	{ UDRV_INFO_INTX_MASK, "can mask INTx" },
	{ UDRV_INFO_BUS_MASTER, "bus mastering is on" },
	{ 0, NULL },
};

static const struct name region_caps[] = {
	{ UDRV_REGION_MMAP, "mmap" },
	{ UDRV_REGION_WC, "write-combining" },
	{ UDRV_REGION_PROGRAM, "programs" },
	{ UDRV_REGION_READ_ONLY, "read-only" },
	{ 0, NULL },
};

static const struct name states[] = {
	{ UDRV_DMA_STATE_BUFFER, "buffer" },
	{ UDRV_DMA_STATE_ORPHAN, "orphaned" },
	{ UDRV_DMA_STATE_TO, "to-device" },
	{ UDRV_DMA_STATE_FROM, "from-device" },
	{ 0, NULL },
};

static void print_bits(const struct name *names, uint32_t bits,
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

/* 4096 -> 4 KiB */
static void print_size(uint64_t bytes)
{
	static const char *const units[] = { "bytes", "KiB", "MiB", "GiB", "TiB" };
	int unit = 0;

	while (unit < 4 && bytes && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	printf("%" PRIu64 " %s", bytes, units[unit]);
}

static void print_interrupts(const struct udrv_info *info)
{
	static const char *const kinds[] = { "none", "INTx", "MSI", "MSI-X",
					     "lines" };
	uint32_t kind = info->out_irq_kind;

	printf("interrupts    INTx %u, MSI %u, MSI-X %u, lines %u; in use: %s\n",
	       info->out_intx, info->out_msi, info->out_msix, info->out_lines,
	       kind < 5 ? kinds[kind] : "?");
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
	static const char *const kinds[] = { "none", "memory", "ports", "ROM",
					     "configuration" };
	struct udrv_region_info region;
	uint32_t i;

	for (i = 0; i < count; i++) {
		if (usr_region_info(fd, i, &region))
			return tool_failed();
		if (region.out_kind == UDRV_KIND_NONE)
			continue;
		printf("region %u      %s, ", i,
		       region.out_kind < 5 ? kinds[region.out_kind] : "?");
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

static int print_mappings(int fd)
{
	struct udrv_dma *entries;
	unsigned i, total;
	int status;

	entries = calloc(UDRV_DMA_MAX_IDS, sizeof(*entries));
	if (!entries || usr_dma_list(fd, entries, UDRV_DMA_MAX_IDS, &total)) {
		status = entries ? tool_failed() : TOOL_FAILED;
	} else {
		for (i = 0; i < total && i < UDRV_DMA_MAX_IDS; i++)
			print_mapping(&entries[i]);
		status = TOOL_DONE;
	}
	free(entries);
	return status;
}

static int run_info(const struct tool_command *command, int argc, char **argv)
{
	struct udrv_info info;
	int fd, status;
	char **device;

	if (tool_option(command, argc, argv, &status) != -1)
		return status;
	device = tool_arguments(command, argc, argv, 1);
	if (!device)
		return TOOL_USAGE;
	fd = usr_open(device[0], O_RDONLY);
	if (fd < 0)
		return tool_failed();
	if (usr_info(fd, &info)) {
		status = tool_failed();
	} else {
		print_info(&info);
		status = print_regions(fd, info.out_regions);
		if (!status)
			status = print_counters(fd);
		if (!status)
			status = print_mappings(fd);
	}
	close(fd);
	return status;
}

const struct tool_command tool_info = {
	"info", "show what a bound device has, counts and maps",
	"usage: udrv info DEVICE\n"
	"\n"
	"Show a device that is bound to udrv: owner, interrupts, regions, counters,\n"
	"DMA mappings.  It may be in use; nothing is changed.\n"
	"\n"
	TOOL_DEVICE_HELP,
	run_info, tool_help_only, TOOL_BOUND, NULL
};
