// SPDX-License-Identifier: MIT
/* What others see of a driver at work: tracepoints, the log, names; a ROM. */
#include "edu.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

const char test_machines[] = "iommu noiommu";
const int test_seconds = 40;

#define TRACING "/sys/kernel/tracing/"

static char text[1 << 16];

/* Is there a line of the trace with both of these? */
static bool traced(const char *first, const char *second)
{
	char *line, *end;

	MUST_OK(read_text(TRACING "trace", text, sizeof(text)));
	for (line = text; line; line = end) {
		end = strchr(line, '\n');
		if (end)
			*end++ = '\0';
		if (strstr(line, first) && strstr(line, second))
			return true;
	}
	return false;
}

/* It must be there; if not, what is there is of interest. */
static void must_be_traced(const char *first, const char *second)
{
	if (traced(first, second))
		return;
	MUST_OK(read_text(TRACING "trace", text, sizeof(text)));
	printf("%s", text);
	fail(__FILE__, __LINE__, "not traced: %s %s", first, second);
}

static void tracing(bool on)
{
	MUST_OK(write_text(TRACING "events/udrv/enable", on ? "1" : "0"));
}

static void tracepoints_tell_what_happens(void)
{
	struct udrv_irq_event event = { .count = 0 };
	struct udrv_dma map;
	struct edu edu;

	MUST_OK(write_text(TRACING "trace", "\n"));
	tracing(true);
	edu = edu_open(EDU);
	struct udrv_irq_rule rule = edu_rule();

	edu_lower(&edu);
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	edu_raise(&edu, 0x42);
	MUST(irq_pending(edu.fd, WAIT_MS));
	irq_read(edu.fd, &event);
	MUST_EQUAL(event.count, 1);
	MUST_ERROR(io_write(edu.fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
	if (on_machine("iommu")) {
		MUST_OK(dma_alloc(edu.fd, 4096, 28, &map));
		MUST_OK(dma_unmap(edu.fd, map.id));
	}
	edu_close(&edu);
	WAIT_FOR(traced("udrv_close:", EDU " owner"));
	tracing(false);
	must_be_traced("udrv_open:", EDU " owner");
	must_be_traced("udrv_irq:", EDU " vector=0 count=1 status=0x42");
	must_be_traced("udrv_irq_read:", EDU " vector=0 count=1 delay_ns=");
	must_be_traced("udrv_refused:", EDU " error=-1 configuration byte 0x4");
	if (on_machine("iommu")) {
		must_be_traced("udrv_dma_map:", EDU " id=1 iova=0x");
		must_be_traced("udrv_dma_unmap:", EDU " id=1 iova=0x");
	}
}

static void refusals_name_the_culprit_in_the_log(void)
{
	int fd = device_own(EDU);
	char name[64];

	MUST_ERROR(io_write(fd, UDRV_REGION_CONFIG, 4, 2, 7), EPERM);
	MUST(logged(" refused: configuration byte 0x4"));
	snprintf(name, sizeof(name), "watch_test[%d])", getpid());
	MUST(logged(name));
}

/* /proc/interrupts and sysfs name the device. */
static void names_are_the_devices(void)
{
	struct edu edu = edu_open(EDU);
	struct udrv_irq_rule rule = edu_rule();
	struct stat st;

	MUST_OK(sys(stat("/sys/class/udrv/" EDU "/device", &st)));
	MUST_OK(sys(stat("/dev/udrv/" EDU, &st)));
	MUST(S_ISCHR(st.st_mode));
	MUST_EQUAL(st.st_mode & 0777, 0600);
	MUST(!has_interrupt("udrv-" EDU));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_INTX, 1, &rule, 1));
	MUST(has_interrupt("udrv-" EDU));
	MUST_OK(irq_setup(edu.fd, UDRV_IRQ_NONE, 0, NULL, 0));
	MUST(!has_interrupt("udrv-" EDU));
}

/* The e1000 has an option ROM: readable, never writable. */
static void rom_is_read_by_programs(void)
{
	int fd = device_own(E1000);
	struct udrv_region_info rom = region_info(fd, UDRV_REGION_ROM);
	uint64_t value;

	MUST_EQUAL(rom.out_kind, UDRV_KIND_ROM);
	MUST(rom.out_caps & UDRV_REGION_READ_ONLY);
	MUST(!(rom.out_caps & UDRV_REGION_MMAP));
	MUST_OK(io_read(fd, UDRV_REGION_ROM, 0, 2, &value));
	MUST_EQUAL(value, 0xaa55);
	MUST_ERROR(io_write(fd, UDRV_REGION_ROM, 0, 2, 0), EPERM);
	MUST_ERROR(try_map(fd, (uint64_t)UDRV_REGION_ROM << UDRV_MMAP_REGION_SHIFT,
			   4096, NULL), ENXIO);
}

const struct test tests[] = {
	TEST(tracepoints_tell_what_happens),
	TEST(refusals_name_the_culprit_in_the_log),
	TEST(names_are_the_devices),
	TEST(rom_is_read_by_programs),
	{ NULL, NULL },
};
