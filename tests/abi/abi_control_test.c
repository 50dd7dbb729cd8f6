// SPDX-License-Identifier: MIT
/* The control file's commands have the form that all commands have. */
#include "declare.h"

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 60;

union argument {
	uint32_t word[1024];
	struct udrv_legacy legacy;
	struct udrv_legacy_name name;
	struct udrv_reason reason;
};

static const struct form {
	unsigned int number;
	uint32_t size;
	bool writes;
} forms[] = {
	{ UDRV_LEGACY_ADD, sizeof(struct udrv_legacy), false },
	{ UDRV_LEGACY_REMOVE, sizeof(struct udrv_legacy_name), false },
	{ UDRV_LEGACY_GET, sizeof(struct udrv_legacy), true },
	{ UDRV_REASON, sizeof(struct udrv_reason), true },
};

/* What the kernel accepts; "there" is declared, "new" is not. */
static void fill(const struct form *form, union argument *argument)
{
	memset(argument, 0, sizeof(*argument));
	if (form->number == UDRV_LEGACY_ADD) {
		argument->legacy = declaration("new");
		add_ports(&argument->legacy, PARPORT_PORTS, 8);
	} else if (form->number != UDRV_REASON) {
		strcpy(argument->legacy.name, "there");
	}
	argument->word[0] = form->size;
}

static int try_once(const struct form *form, void *argument)
{
	int control = (int)MUST_OK(control_open(O_RDWR)), ret;

	if (device_open("there", O_RDONLY) == -ENOENT)
		declare_memory("there", 0, 4096);
	legacy_remove(control, "new");
	ret = command(control, form->number, argument);
	close(control);
	return ret;
}

static void expect(const char *rule, const struct form *form, int got, int wanted)
{
	if (got != wanted)
		fail(__FILE__, __LINE__, "command %#x, %s: %d, not %d",
		     form->number, rule, got, wanted);
}

static void structs_longer_shorter_and_flagged(void)
{
	union argument argument;
	const struct form *form;

	for (form = forms; form < forms + ARRAY_SIZE(forms); form++) {
		fill(form, &argument);
		expect("a good struct", form, try_once(form, &argument), 0);
		fill(form, &argument);
		argument.word[1] = 0x80000000;
		expect("an unknown flag", form, try_once(form, &argument), -EINVAL);
		fill(form, &argument);
		argument.word[0] = form->size - 4;
		expect("a short struct", form, try_once(form, &argument), -EINVAL);
		argument.word[0] = 0;
		expect("size 0", form, try_once(form, &argument), -EINVAL);
		fill(form, &argument);
		argument.word[0] = form->size + 64;
		expect("a zero tail", form, try_once(form, &argument), 0);
		MUST_EQUAL(argument.word[0], form->size + 64);
		fill(form, &argument);
		argument.word[0] = form->size + 64;
		argument.word[form->size / 4 + 15] = 1;
		expect("another tail", form, try_once(form, &argument), -E2BIG);
		argument.word[0] = 1 << 20;
		expect("a huge struct", form, try_once(form, &argument), -E2BIG);
	}
}

static void addresses_that_are_none(void)
{
	union argument *argument;
	const struct form *form;
	char *pages, *last;

	pages = mmap(NULL, 8192, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST_OK(sys(munmap(pages + 4096, 4096)));
	last = pages + 4096 - 4;
	argument = (void *)pages;
	for (form = forms; form < forms + ARRAY_SIZE(forms); form++) {
		expect("address 0", form, try_once(form, NULL), -EFAULT);
		memcpy(last, &form->size, 4);
		expect("half an address", form, try_once(form, last), -EFAULT);
		fill(form, argument);
		mprotect(pages, 4096, PROT_READ);
		expect("read-only memory", form, try_once(form, argument),
		       form->writes ? -EFAULT : 0);
		mprotect(pages, 4096, PROT_READ | PROT_WRITE);
	}
}

static void devices_and_control_have_their_own(void)
{
	static const unsigned int numbers[] = {
		UDRV_INFO, UDRV_RELEASE, UDRV_IO, UDRV_IRQ_SETUP,
		_IO(UDRV_IOC_TYPE, 15), _IO(UDRV_IOC_TYPE, 31),
		_IO(UDRV_IOC_TYPE, 35), _IO(UDRV_IOC_TYPE, 255),
		_IO(UDRV_IOC_TYPE - 1, 32), 0, ~0u, 0x5401,
		_IOR(UDRV_IOC_TYPE, 32, struct udrv_legacy),
	};
	int control = (int)MUST_OK(control_open(O_RDWR)), fd = device_own(EDU);
	union argument argument;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		fill(&forms[0], &argument);
		MUST_ERROR(command(control, numbers[i], &argument), ENOTTY);
	}
	for (i = 0; i < 3; i++) {
		fill(&forms[i], &argument);
		MUST_ERROR(command(fd, forms[i].number, &argument), ENOTTY);
	}
	MUST(mmap(NULL, 4096, PROT_READ, MAP_SHARED, control, 0) == MAP_FAILED);
}

static void the_reason_is_this_files(void)
{
	struct udrv_legacy legacy = declaration("Bad");
	int control = (int)MUST_OK(control_open(O_RDWR));
	int other = (int)MUST_OK(control_open(O_RDWR));

	MUST_EQUAL(reason_errno(control), 0);
	MUST_ERROR(legacy_add(control, &legacy), EINVAL);
	MUST_REASON(control, EINVAL, "name");
	MUST_EQUAL(reason_errno(other), 0);
	MUST_ERROR(command(other, UDRV_LEGACY_GET, NULL), EFAULT);
	MUST_REASON(other, EFAULT, "address");
	MUST_REASON(control, EINVAL, "name");
}

const struct test tests[] = {
	TEST(structs_longer_shorter_and_flagged),
	TEST(addresses_that_are_none),
	TEST(devices_and_control_have_their_own),
	TEST(the_reason_is_this_files),
	{ NULL, NULL },
};
