// SPDX-License-Identifier: MIT
/* Is the module there, does it fit the kernel, will the kernel take it? */
#include <glob.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "udrv_doctor.h"

/* What a module's file says of itself. */
struct module_facts {
	bool found;
	char path[PATH_MAX];
	char built_for[96];	/* the kernel's release, of its vermagic */
	bool is_signed;
};

static struct kmod_ctx *open_modules(const struct doctor *doctor)
{
	static const char *const no_configuration[] = { NULL };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/lib/modules/%s", doctor->root,
		 doctor->release);
	return kmod_new(path, no_configuration);
}

bool doctor_has_module(const struct doctor *doctor, const char *name)
{
	struct kmod_ctx *modules = open_modules(doctor);
	struct kmod_list *list = NULL;
	bool found;

	if (!modules)
		return false;
	/* It is silent about what cannot be found. */
	found = kmod_module_new_from_lookup(modules, name, &list) >= 0 && list;
	kmod_module_unref_list(list);
	kmod_unref(modules);
	return found;
}

static void read_facts(struct kmod_module *module, struct module_facts *facts)
{
	const char *path = kmod_module_get_path(module), *key, *value;
	struct kmod_list *list = NULL, *each;

	if (!path || kmod_module_get_info(module, &list) < 0)
		return;
	facts->found = true;
	snprintf(facts->path, sizeof(facts->path), "%s", path);
	kmod_list_foreach(each, list) {
		key = kmod_module_info_get_key(each);
		value = kmod_module_info_get_value(each);
		if (!strcmp(key, "vermagic"))
			snprintf(facts->built_for, sizeof(facts->built_for),
				 "%.*s", (int)strcspn(value, " "), value);
		facts->is_signed |= !strncmp(key, "sig_", 4) && value[0];
	}
	kmod_module_info_free_list(list);
}

static void find_module(const struct doctor *doctor, struct module_facts *facts)
{
	struct kmod_ctx *modules = open_modules(doctor);
	struct kmod_module *module = NULL;
	struct kmod_list *list = NULL;

	memset(facts, 0, sizeof(*facts));
	if (!modules)
		return;
	if (doctor->module) {
		if (!kmod_module_new_from_path(modules, doctor->module, &module))
			read_facts(module, facts);
		kmod_module_unref(module);
	} else if (kmod_module_new_from_lookup(modules, "udrv", &list) >= 0 &&
		   list) {
		module = kmod_module_get_module(list);
		read_facts(module, facts);
		kmod_module_unref(module);
	}
	kmod_module_unref_list(list);
	kmod_unref(modules);
}

/* ------------------------------------------------------- will it be refused? */

static bool secure_boot(const struct doctor *doctor)
{
	char path[PATH_MAX];
	unsigned char variable[5] = { 0 };
	FILE *file;
	bool on;

	snprintf(path, sizeof(path), "%s/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c",
		 doctor->root);
	file = fopen(path, "re");
	if (!file)
		return false;
	on = fread(variable, 1, sizeof(variable), file) == sizeof(variable) &&
	     variable[4] == 1;
	fclose(file);
	return on;
}

/* Why are unsigned modules refused?  NULL: they are not, as far as can be seen. */
static const char *lockdown(const struct doctor *doctor)
{
	char *lock = doctor_read(doctor, "/sys/kernel/security/lockdown");
	char *cmdline = doctor_read(doctor, "/proc/cmdline");
	char *enforce = doctor_read(doctor,
				    "/sys/module/module/parameters/sig_enforce");
	const char *why = NULL;

	if (enforce && enforce[0] == 'Y')
		why = "the kernel takes signed modules only (module.sig_enforce)";
	else if (lock && (strstr(lock, "[integrity]") ||
			  strstr(lock, "[confidentiality]")))
		why = secure_boot(doctor) ?
		      "Secure Boot has the kernel locked down" :
		      "the kernel is locked down";
	/* Who cannot read lockdown's file still knows what was asked for. */
	else if (!lock && cmdline && (doctor_word(cmdline, "lockdown=integrity") ||
				      doctor_word(cmdline, "lockdown=confidentiality")))
		why = "the kernel is locked down (lockdown= on its command line)";
	else if (!lock && secure_boot(doctor))
		why = "Secure Boot is on, which locks the kernel down";
	free(lock);
	free(cmdline);
	free(enforce);
	return why;
}

static void help_signing(struct doctor *doctor, const char *path)
{
	doctor_help(doctor, "openssl req -new -x509 -newkey rsa:2048 -nodes -days 36500 -subj /CN=udrv/ -keyout mok.key -outform DER -out mok.der");
	doctor_help(doctor, "sudo mokutil --import mok.der    # then start the machine again, and enrol the key there");
	doctor_help(doctor, "sudo /lib/modules/%s/build/scripts/sign-file sha256 mok.key mok.der %s",
		    doctor->release, path);
	doctor_help(doctor, "sudo modprobe udrv");
}

/* -------------------------------------------------------------------- verdicts */

static void say_missing(struct doctor *doctor)
{
	char pattern[PATH_MAX];
	glob_t found = { .gl_pathc = 0 };
	const char *other = NULL;
	size_t skip = strlen(doctor->root) + strlen("/lib/modules/");

	snprintf(pattern, sizeof(pattern), "%s/lib/modules/*/updates/udrv.ko*",
		 doctor->root);
	glob(pattern, 0, NULL, &found);
	if (!found.gl_pathc) {
		snprintf(pattern, sizeof(pattern),
			 "%s/lib/modules/*/updates/dkms/udrv.ko*", doctor->root);
		glob(pattern, 0, NULL, &found);
	}
	if (found.gl_pathc)
		other = found.gl_pathv[0] + skip;
	if (other)
		doctor_say(doctor, "module", FINDING_PROBLEM,
			   "not installed for the kernel %s, but for %.*s",
			   doctor->release, (int)strcspn(other, "/"), other);
	else
		doctor_say(doctor, "module", FINDING_PROBLEM,
			   "not installed for the kernel %s", doctor->release);
	doctor_help(doctor, "sudo apt install linux-headers-%s", doctor->release);
	doctor_help(doctor, "sudo apt install udrv-dkms    # or, from the sources: make && sudo make install");
	globfree(&found);
}

static void say_not_loaded(struct doctor *doctor, const struct module_facts *facts)
{
	const char *why = lockdown(doctor);

	if (strcmp(facts->built_for, doctor->release) != 0) {
		doctor_say(doctor, "module", FINDING_PROBLEM,
			   "%s was built for the kernel %s, this is %s",
			   facts->path, facts->built_for, doctor->release);
		doctor_help(doctor, "sudo apt install linux-headers-%s",
			    doctor->release);
		doctor_help(doctor, "sudo dkms autoinstall -k %s    # or, from the sources: make clean && make && sudo make install",
			    doctor->release);
	} else if (why && !facts->is_signed) {
		doctor_say(doctor, "module", FINDING_PROBLEM,
			   "%s is not signed, and %s", facts->path, why);
		help_signing(doctor, facts->path);
	} else {
		doctor_say(doctor, "module", FINDING_PROBLEM,
			   "installed, but not loaded%s%s", why ? "; " : "",
			   why ? why : "");
		doctor_help(doctor, doctor->module ? "sudo insmod %s" :
			    "sudo modprobe udrv", facts->path);
		if (!why)
			return;
		doctor_help(doctor, "# if that says \"Key was rejected\", its key is not enrolled: sign it anew");
		help_signing(doctor, facts->path);
	}
}

static void say_no_module(struct doctor *doctor)
{
	doctor_say(doctor, "module", FINDING_PROBLEM, "%s is no kernel module",
		   doctor->module);
	doctor_help(doctor, "make module    # leaves it in build/%s/udrv.ko",
		    doctor->release);
}

void doctor_check_module(struct doctor *doctor)
{
	struct module_facts facts;

	if (doctor_has(doctor, "/sys/module/udrv")) {
		doctor_say(doctor, "module", FINDING_OK, "loaded");
		if (lockdown(doctor))
			doctor_say(doctor, "lockdown", FINDING_NOTE,
				   "%s: devices that are not PCI cannot be declared",
				   lockdown(doctor));
		return;
	}
	find_module(doctor, &facts);
	if (facts.found)
		say_not_loaded(doctor, &facts);
	else if (doctor->module)
		say_no_module(doctor);
	else
		say_missing(doctor);
}
