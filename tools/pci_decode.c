// SPDX-License-Identifier: MIT
/*
 * Configuration space: PCI Local Bus Specification 3.0, chapter 6; PCI Express
 * Base Specification, chapter 7.  Numbers are those of <linux/pci_regs.h>.
 */
#include <linux/pci_regs.h>
#include <stdbool.h>
#include <stdio.h>
#include "pci_decode.h"

struct config {
	const uint8_t *bytes;
	size_t size;
};

/* Past the end it reads as ones, as the bus does. */
static uint32_t get(const struct config *c, size_t offset, unsigned width)
{
	uint32_t value = 0;
	unsigned i;

	for (i = 0; i < width; i++)
		value |= (uint32_t)(offset + i < c->size ? c->bytes[offset + i] :
				    0xff) << 8 * i;
	return value;
}

struct name {
	uint32_t value;
	const char *text;
};

static const char *name_of(const struct name *names, uint32_t value)
{
	for (; names->text; names++)
		if (names->value == value)
			return names->text;
	return "unknown";
}

static json_t *bits_of(const struct name *names, uint32_t value)
{
	json_t *array = json_array();

	for (; names->text; names++)
		if (names->value & value)
			json_array_append_new(array, json_string(names->text));
	return array;
}

static void set(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static const struct name commands[] = {
	{ PCI_COMMAND_IO, "ports" }, { PCI_COMMAND_MEMORY, "memory" },
	{ PCI_COMMAND_MASTER, "bus-master" },
	{ PCI_COMMAND_SPECIAL, "special-cycles" },
	{ PCI_COMMAND_INVALIDATE, "write-invalidate" },
	{ PCI_COMMAND_PARITY, "parity" }, { PCI_COMMAND_SERR, "serr" },
	{ PCI_COMMAND_FAST_BACK, "fast-back" },
	{ PCI_COMMAND_INTX_DISABLE, "intx-disable" }, { 0, NULL } };

static const struct name statuses[] = {
	{ PCI_STATUS_INTERRUPT, "intx" }, { PCI_STATUS_CAP_LIST, "capabilities" },
	{ PCI_STATUS_66MHZ, "66-mhz" }, { PCI_STATUS_FAST_BACK, "fast-back" },
	{ PCI_STATUS_PARITY, "master-parity" },
	{ PCI_STATUS_SIG_TARGET_ABORT, "gave-target-abort" },
	{ PCI_STATUS_REC_TARGET_ABORT, "target-abort" },
	{ PCI_STATUS_REC_MASTER_ABORT, "master-abort" },
	{ PCI_STATUS_SIG_SYSTEM_ERROR, "gave-serr" },
	{ PCI_STATUS_DETECTED_PARITY, "parity" }, { 0, NULL } };

static const struct name capabilities[] = {
	{ PCI_CAP_ID_PM, "power management" }, { PCI_CAP_ID_AGP, "AGP" },
	{ PCI_CAP_ID_VPD, "vital product data" }, { PCI_CAP_ID_SLOTID, "slot" },
	{ PCI_CAP_ID_MSI, "MSI" }, { PCI_CAP_ID_CHSWP, "CompactPCI hot swap" },
	{ PCI_CAP_ID_PCIX, "PCI-X" }, { PCI_CAP_ID_HT, "HyperTransport" },
	{ PCI_CAP_ID_VNDR, "vendor" }, { PCI_CAP_ID_DBG, "debug port" },
	{ PCI_CAP_ID_SHPC, "hot-plug" }, { PCI_CAP_ID_SSVID, "subsystem" },
	{ PCI_CAP_ID_EXP, "PCI Express" }, { PCI_CAP_ID_MSIX, "MSI-X" },
	{ PCI_CAP_ID_SATA, "SATA" }, { PCI_CAP_ID_AF, "advanced features" },
	{ PCI_CAP_ID_EA, "enhanced allocation" }, { 0, NULL } };

static const struct name extended[] = {
	{ PCI_EXT_CAP_ID_ERR, "advanced error reporting" },
	{ PCI_EXT_CAP_ID_VC, "virtual channels" },
	{ PCI_EXT_CAP_ID_DSN, "serial number" },
	{ PCI_EXT_CAP_ID_PWR, "power budgeting" },
	{ PCI_EXT_CAP_ID_VNDR, "vendor" },
	{ PCI_EXT_CAP_ID_ACS, "access control services" },
	{ PCI_EXT_CAP_ID_ARI, "alternative routing ids" },
	{ PCI_EXT_CAP_ID_ATS, "address translation services" },
	{ PCI_EXT_CAP_ID_SRIOV, "virtual functions" },
	{ PCI_EXT_CAP_ID_PRI, "page requests" },
	{ PCI_EXT_CAP_ID_REBAR, "resizable BARs" },
	{ PCI_EXT_CAP_ID_LTR, "latency tolerance" },
	{ PCI_EXT_CAP_ID_SECPCI, "secondary PCI Express" },
	{ PCI_EXT_CAP_ID_PASID, "process address spaces" },
	{ PCI_EXT_CAP_ID_DPC, "downstream port containment" },
	{ PCI_EXT_CAP_ID_L1SS, "L1 substates" },
	{ PCI_EXT_CAP_ID_PTM, "precise time" },
	{ PCI_EXT_CAP_ID_DVSEC, "designated vendor" }, { 0, NULL } };

/* -------------------------------------------------------- single capabilities */

static void decode_pm(const struct config *c, size_t at, json_t *to)
{
	uint32_t control = get(c, at + PCI_PM_CTRL, 2);

	set(to, "version", get(c, at + PCI_PM_PMC, 2) & PCI_PM_CAP_VER_MASK);
	set(to, "state", control & PCI_PM_CTRL_STATE_MASK);
	json_object_set_new(to, "no_soft_reset",
			    json_boolean(control & PCI_PM_CTRL_NO_SOFT_RESET));
}

static void decode_msi(const struct config *c, size_t at, json_t *to)
{
	uint32_t flags = get(c, at + PCI_MSI_FLAGS, 2);

	json_object_set_new(to, "on", json_boolean(flags & PCI_MSI_FLAGS_ENABLE));
	set(to, "vectors", 1u << ((flags & PCI_MSI_FLAGS_QMASK) >> 1));
	set(to, "in_use", 1u << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4));
	json_object_set_new(to, "64_bit", json_boolean(flags & PCI_MSI_FLAGS_64BIT));
	json_object_set_new(to, "maskable",
			    json_boolean(flags & PCI_MSI_FLAGS_MASKBIT));
}

static void decode_msix(const struct config *c, size_t at, json_t *to)
{
	uint32_t flags = get(c, at + PCI_MSIX_FLAGS, 2);
	uint32_t table = get(c, at + PCI_MSIX_TABLE, 4);
	uint32_t pending = get(c, at + PCI_MSIX_PBA, 4);

	json_object_set_new(to, "on", json_boolean(flags & PCI_MSIX_FLAGS_ENABLE));
	json_object_set_new(to, "masked",
			    json_boolean(flags & PCI_MSIX_FLAGS_MASKALL));
	set(to, "vectors", (flags & PCI_MSIX_FLAGS_QSIZE) + 1);
	set(to, "table_bar", table & PCI_MSIX_TABLE_BIR);
	set(to, "table_offset", table & PCI_MSIX_TABLE_OFFSET);
	set(to, "pending_bar", pending & PCI_MSIX_PBA_BIR);
	set(to, "pending_offset", pending & PCI_MSIX_PBA_OFFSET);
}

static void decode_express(const struct config *c, size_t at, json_t *to)
{
	static const struct name types[] = {
		{ PCI_EXP_TYPE_ENDPOINT, "endpoint" },
		{ PCI_EXP_TYPE_LEG_END, "legacy endpoint" },
		{ PCI_EXP_TYPE_ROOT_PORT, "root port" },
		{ PCI_EXP_TYPE_UPSTREAM, "upstream port" },
		{ PCI_EXP_TYPE_DOWNSTREAM, "downstream port" },
		{ PCI_EXP_TYPE_PCI_BRIDGE, "bridge to PCI" },
		{ PCI_EXP_TYPE_PCIE_BRIDGE, "bridge to PCI Express" },
		{ PCI_EXP_TYPE_RC_END, "integrated endpoint" },
		{ PCI_EXP_TYPE_RC_EC, "event collector" }, { 0, NULL } };
	uint32_t flags = get(c, at + PCI_EXP_FLAGS, 2);
	uint32_t can = get(c, at + PCI_EXP_DEVCAP, 4);
	uint32_t link = get(c, at + PCI_EXP_LNKSTA, 2);

	set(to, "version", flags & PCI_EXP_FLAGS_VERS);
	json_object_set_new(to, "type", json_string(
		name_of(types, (flags & PCI_EXP_FLAGS_TYPE) >> 4)));
	json_object_set_new(to, "function_reset",
			    json_boolean(can & PCI_EXP_DEVCAP_FLR));
	set(to, "payload", 128u << (can & PCI_EXP_DEVCAP_PAYLOAD));
	set(to, "link_generation", link & PCI_EXP_LNKSTA_CLS);
	set(to, "link_lanes", (link & PCI_EXP_LNKSTA_NLW) >> 4);
}

static void decode_vendor(const struct config *c, size_t at, json_t *to)
{
	set(to, "length", get(c, at + PCI_CAP_FLAGS, 1));
}

static void decode_af(const struct config *c, size_t at, json_t *to)
{
	json_object_set_new(to, "function_reset",
			    json_boolean(get(c, at + PCI_AF_CAP, 1) &
					 PCI_AF_CAP_FLR));
}

static void decode_ssvid(const struct config *c, size_t at, json_t *to)
{
	char id[16];

	snprintf(id, sizeof(id), "%04x:%04x", get(c, at + PCI_SSVID_VENDOR_ID, 2),
		 get(c, at + PCI_SSVID_DEVICE_ID, 2));
	json_object_set_new(to, "subsystem", json_string(id));
}

static const struct {
	uint8_t id;
	void (*decode)(const struct config *c, size_t at, json_t *to);
} decoders[] = {
	{ PCI_CAP_ID_PM, decode_pm }, { PCI_CAP_ID_MSI, decode_msi },
	{ PCI_CAP_ID_MSIX, decode_msix }, { PCI_CAP_ID_EXP, decode_express },
	{ PCI_CAP_ID_VNDR, decode_vendor }, { PCI_CAP_ID_AF, decode_af },
	{ PCI_CAP_ID_SSVID, decode_ssvid },
};

/* --------------------------------------------------------------------- lists */

static json_t *start_capability(const char *name, uint32_t id, size_t at)
{
	return json_pack("{s:s, s:i, s:i}", "name", name, "id", (int)id, "at",
			 (int)at);
}

/* A list that goes in circles, as a broken device's may, ends. */
static json_t *walk(const struct config *c)
{
	json_t *all = json_array(), *one;
	size_t at = get(c, PCI_CAPABILITY_LIST, 1) & ~3u, steps, i;
	uint32_t id;

	if (!(get(c, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return all;
	for (steps = 0; steps < 48 && at >= PCI_STD_HEADER_SIZEOF &&
	     at + 4 <= c->size; steps++, at = get(c, at + 1, 1) & ~3u) {
		id = get(c, at, 1);
		one = start_capability(name_of(capabilities, id), id, at);
		for (i = 0; i < sizeof(decoders) / sizeof(decoders[0]); i++)
			if (decoders[i].id == id)
				decoders[i].decode(c, at, one);
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *walk_extended(const struct config *c)
{
	json_t *all = json_array(), *one;
	size_t at = PCI_CFG_SPACE_SIZE, steps;
	uint32_t header;

	for (steps = 0; steps < 480 && at >= PCI_CFG_SPACE_SIZE &&
	     at + 4 <= c->size; steps++, at = PCI_EXT_CAP_NEXT(header)) {
		header = get(c, at, 4);
		if (!header || header == UINT32_MAX)
			break;
		one = start_capability(name_of(extended, PCI_EXT_CAP_ID(header)),
				       PCI_EXT_CAP_ID(header), at);
		set(one, "version", PCI_EXT_CAP_VER(header));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *decode_bars(const struct config *c, unsigned count)
{
	json_t *all = json_array(), *one;
	uint32_t low;
	uint64_t address;
	unsigned i;
	bool wide;

	for (i = 0; i < count; i++) {
		low = get(c, PCI_BASE_ADDRESS_0 + 4 * i, 4);
		if (!low)
			continue;
		if (low & PCI_BASE_ADDRESS_SPACE_IO) {
			json_array_append_new(all, json_pack(
				"{s:i, s:s, s:I}", "index", (int)i, "kind",
				"ports", "address",
				(json_int_t)(low & ~PCI_BASE_ADDRESS_SPACE_IO & ~2u)));
			continue;
		}
		wide = (low & PCI_BASE_ADDRESS_MEM_TYPE_MASK) ==
		       PCI_BASE_ADDRESS_MEM_TYPE_64;
		address = low & ~0xfu;
		if (wide)
			address |= (uint64_t)get(c, PCI_BASE_ADDRESS_0 + 4 * i + 4, 4) << 32;
		one = json_pack("{s:i, s:s, s:i, s:b}", "index", (int)i, "kind",
				"memory", "bits", wide ? 64 : 32, "prefetchable",
				!!(low & PCI_BASE_ADDRESS_MEM_PREFETCH));
		set(one, "address", address);
		json_array_append_new(all, one);
		i += wide;
	}
	return all;
}

json_t *pci_decode(const uint8_t *config, size_t size)
{
	struct config c = { config, size };
	uint32_t type = get(&c, PCI_HEADER_TYPE, 1) & PCI_HEADER_TYPE_MASK;
	char id[16], class_code[16];
	json_t *to;

	if (size < PCI_STD_HEADER_SIZEOF || get(&c, PCI_VENDOR_ID, 2) == 0xffff)
		return NULL;
	snprintf(id, sizeof(id), "%04x:%04x", get(&c, PCI_VENDOR_ID, 2),
		 get(&c, PCI_DEVICE_ID, 2));
	snprintf(class_code, sizeof(class_code), "%06x",
		 get(&c, PCI_CLASS_REVISION, 4) >> 8);
	to = json_pack("{s:s, s:s, s:i, s:s, s:o, s:o}", "id", id, "class",
		       class_code, "revision", (int)get(&c, PCI_REVISION_ID, 1),
		       "header", type == PCI_HEADER_TYPE_NORMAL ? "device" :
		       type == PCI_HEADER_TYPE_BRIDGE ? "bridge" : "unknown",
		       "command", bits_of(commands, get(&c, PCI_COMMAND, 2)),
		       "status", bits_of(statuses, get(&c, PCI_STATUS, 2)));
	set(to, "interrupt_line", get(&c, PCI_INTERRUPT_LINE, 1));
	set(to, "interrupt_pin", get(&c, PCI_INTERRUPT_PIN, 1));
	json_object_set_new(to, "bars", decode_bars(&c, type ==
						    PCI_HEADER_TYPE_NORMAL ? 6 :
						    2));
	json_object_set_new(to, "capabilities", walk(&c));
	json_object_set_new(to, "extended_capabilities", walk_extended(&c));
	set(to, "bytes", size);
	return to;
}
