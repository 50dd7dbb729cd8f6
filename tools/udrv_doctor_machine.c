// SPDX-License-Identifier: MIT
/* The machine: IOMMU, interrupt remapping, limits, what hooks need. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "udrv_doctor.h"

#define TABLES "/sys/firmware/acpi/tables/"

/* ------------------------------------------------------------------------ IOMMU */

static void help_cmdline(struct doctor *doctor, const char *what)
{
	doctor_help(doctor, "sudoedit /etc/default/grub    # GRUB_CMDLINE_LINUX: %s",
		    what);
	doctor_help(doctor, "sudo update-grub && sudo reboot");
}

/* The word of the command line that turns it off, or NULL. */
static const char *turned_off(const char *cmdline)
{
	static const char *const words[] = { "intel_iommu=off", "amd_iommu=off",
					     "iommu=off" };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (doctor_word(cmdline, words[i]))
			return words[i];
	return NULL;
}

static void say_no_table(struct doctor *doctor)
{
	char *cpu = doctor_read(doctor, "/proc/cpuinfo");
	bool virtual = cpu && strstr(cpu, " hypervisor");
	bool amd = cpu && strstr(cpu, "AuthenticAMD");

	doctor_say(doctor, "IOMMU", FINDING_PROBLEM,
		   "the firmware tells of none: the machine has none, or it is off in the firmware's settings; drivers have registers and interrupts, but no DMA");
	if (virtual)
		doctor_help(doctor, "# a virtual machine gets one from its host; QEMU: -machine q35 -device intel-iommu,intremap=on,caching-mode=on");
	else
		doctor_help(doctor, "# in the firmware's settings: turn %s on",
			    amd ? "AMD-Vi (IOMMU, SVM)" : "VT-d (Intel Virtualization for Directed I/O)");
	if (!amd)
		help_cmdline(doctor, "add intel_iommu=on");
	doctor_help(doctor, "# or give up its protection: sudo modprobe udrv enable_unsafe_dma_without_iommu=1");
	free(cpu);
}

void doctor_check_iommu(struct doctor *doctor)
{
	char *cmdline = doctor_read(doctor, "/proc/cmdline");
	const char *off = cmdline ? turned_off(cmdline) : NULL;
	char remove[64];

	if (doctor_has_entries(doctor, "/sys/kernel/iommu_groups")) {
		doctor_say(doctor, "IOMMU", FINDING_OK, "on");
	} else if (off) {
		doctor_say(doctor, "IOMMU", FINDING_PROBLEM,
			   "turned off by %s on the kernel's command line", off);
		snprintf(remove, sizeof(remove), "remove %s%s", off,
			 strstr(off, "amd") ? "" : ", add intel_iommu=on on Intel's");
		help_cmdline(doctor, remove);
	} else if (doctor_has(doctor, TABLES "DMAR")) {
		doctor_say(doctor, "IOMMU", FINDING_PROBLEM,
			   "the machine has one (VT-d), but the kernel was not told to use it");
		help_cmdline(doctor, "add intel_iommu=on");
	} else if (doctor_has(doctor, TABLES "IVRS")) {
		doctor_say(doctor, "IOMMU", FINDING_PROBLEM,
			   "the machine has one (AMD-Vi), but the kernel does not use it");
		doctor_help(doctor, "sudo dmesg | grep -i AMD-Vi");
	} else {
		say_no_table(doctor);
	}
	free(cmdline);
}

void doctor_check_remapping(struct doctor *doctor)
{
	char *interrupts, *cmdline, *allowed;

	/* Nothing is promised without an IOMMU, and nothing asked. */
	if (!doctor_has_entries(doctor, "/sys/kernel/iommu_groups"))
		return;
	interrupts = doctor_read(doctor, "/proc/interrupts");
	cmdline = doctor_read(doctor, "/proc/cmdline");
	allowed = doctor_read(doctor,
			      "/sys/module/udrv/parameters/allow_unsafe_interrupts");
	if (interrupts && strstr(interrupts, " IR-")) {
		doctor_say(doctor, "remapping", FINDING_OK,
			   "interrupts are remapped");
	} else if (allowed && allowed[0] == 'Y') {
		doctor_say(doctor, "remapping", FINDING_NOTE,
			   "interrupts are not remapped, which allow_unsafe_interrupts=1 accepts: a device can raise any interrupt");
	} else {
		doctor_say(doctor, "remapping", FINDING_PROBLEM,
			   "interrupts are not remapped: devices will not be opened, since they could raise any interrupt");
		if (cmdline && (doctor_word(cmdline, "intremap=off") ||
				doctor_word(cmdline, "nointremap")))
			help_cmdline(doctor, "remove intremap=off, nointremap");
		else
			doctor_help(doctor, "# in the firmware's settings: turn interrupt remapping (x2APIC) on; QEMU: intel-iommu,intremap=on");
		doctor_help(doctor, "# or accept it: sudo modprobe udrv allow_unsafe_interrupts=1");
	}
	free(interrupts);
	free(cmdline);
	free(allowed);
}

/* --------------------------------------------------------------------- MEMLOCK */

#define ENOUGH (8ull << 20)

static void say_limit(struct doctor *doctor, uint64_t limit)
{
	if (limit >= ENOUGH) {
		doctor_say(doctor, "memlock", FINDING_OK, "%" PRIu64 " KiB",
			   limit >> 10);
		return;
	}
	doctor_say(doctor, "memlock", FINDING_PROBLEM,
		   "this user may lock %" PRIu64 " KiB of memory; what a device is to reach is locked",
		   limit >> 10);
	doctor_help(doctor, "echo \"$USER - memlock unlimited\" | sudo tee /etc/security/limits.d/udrv.conf    # then log in anew");
	doctor_help(doctor, "# of a unit: LimitMEMLOCK=infinity; of this shell: ulimit -l unlimited");
}

void doctor_check_memlock(struct doctor *doctor)
{
	char *limits = doctor_read(doctor, "/proc/self/limits");
	const char *line = limits ? strstr(limits, "Max locked memory") : NULL;
	uint64_t limit;

	if (!doctor->root[0] && !geteuid())
		doctor_say(doctor, "memlock", FINDING_OK, "root is not limited");
	else if (line && sscanf(line, "Max locked memory %" SCNu64, &limit) == 1)
		say_limit(doctor, limit);
	else if (line)
		doctor_say(doctor, "memlock", FINDING_OK, "unlimited");
	free(limits);
}

/* ------------------------------------------------------- back into the kernel */

static const struct hook {
	const char *check, *module, *file, *serves;
} hooks[] = {
	{ "ublk", "ublk_drv", "/dev/ublk-control", "disks" },
	{ "nbd", "nbd", "/sys/module/nbd", "disks" },
	{ "tun", "tun", "/dev/net/tun", "network interfaces" },
	{ "uinput", "uinput", "/dev/uinput", "keyboards and mice" },
};

static void check_hook(struct doctor *doctor, const struct hook *hook)
{
	bool mine = doctor->root[0] || !strncmp(hook->file, "/sys", 4) ||
		    !access(hook->file, R_OK | W_OK);

	if (doctor_has(doctor, hook->file) && mine) {
		doctor_say(doctor, hook->check, FINDING_OK, "there, for %s",
			   hook->serves);
	} else if (doctor_has(doctor, hook->file)) {
		doctor_say(doctor, hook->check, FINDING_NOTE,
			   "%s is not open to this user: %s need it",
			   hook->file, hook->serves);
		doctor_help(doctor, "sudo setfacl -m u:$USER:rw %s", hook->file);
	} else if (doctor_has_module(doctor, hook->module)) {
		doctor_say(doctor, hook->check, FINDING_NOTE,
			   "not loaded; for %s", hook->serves);
		doctor_help(doctor, "sudo modprobe %s", hook->module);
	} else {
		doctor_say(doctor, hook->check, FINDING_NOTE,
			   "this kernel has none; it is for %s%s", hook->serves,
			   strcmp(hook->check, "ublk") ? "" :
			   ", which nbd serves then (Debian has ublk since 13)");
	}
}

void doctor_check_hooks(struct doctor *doctor)
{
	size_t i;

	for (i = 0; i < sizeof(hooks) / sizeof(hooks[0]); i++)
		check_hook(doctor, &hooks[i]);
}
