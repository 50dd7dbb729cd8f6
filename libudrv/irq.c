// SPDX-License-Identifier: MIT
/* Interrupts: setting them up, waiting for them, the event slots. */
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

USR_API int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
			  const struct udrv_irq_rule *rules, unsigned rule_count)
{
	struct udrv_irq_setup setup = {
		.size = sizeof(setup),
		.kind = kind,
		.vectors = vectors,
		.rules = rule_count ? (uintptr_t)rules : 0,
		.rule_count = rule_count,
		.rule_size = rule_count ? sizeof(*rules) : 0,
	};

	if (rule_count && !rules)
		return usr_fail(EINVAL, "usr_irq_setup: %u rules at NULL",
				rule_count);
	return usr_call(fd, UDRV_IRQ_SETUP, &setup, "usr_irq_setup");
}

USR_API int usr_irq_fd(int fd, unsigned vector, unsigned flags)
{
	struct udrv_irq_fd make = {
		.size = sizeof(make),
		.flags = flags,
		.vector = vector,
		.out_fd = -1,
	};

	if (usr_call(fd, UDRV_IRQ_FD, &make, "usr_irq_fd"))
		return -1;
	return make.out_fd;
}

/* What happens in a driver's normal run costs no sentence to be formatted. */
static int usr_fail_wait(int fd)
{
	if (errno == EAGAIN)
		return usr_fail_constant(EAGAIN, "usr_irq_wait: nothing is pending; the interrupt is armed now");
	if (errno == EINTR)
		return usr_fail_constant(EINTR, "usr_irq_wait: a signal came before an interrupt");
	return usr_fail_call(fd, "usr_irq_wait");
}

USR_API int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	ssize_t got;
	int ready;

	if (!event || timeout_ms < -1)
		return usr_fail(EINVAL, event ?
			"usr_irq_wait: a time-out is in milliseconds, or -1 for none" :
			"usr_irq_wait: event is NULL");
	if (timeout_ms >= 0 && fd >= 0) {	/* poll() skips negative ones */
		ready = poll(&wait, 1, timeout_ms);
		if (ready < 0)
			return usr_fail_wait(fd);
		if (!ready)
			return usr_fail_constant(ETIMEDOUT, "usr_irq_wait: no interrupt came in time");
	}
	got = read(fd, event, sizeof(*event));
	if (got < 0)
		return usr_fail_wait(fd);
	if (got != sizeof(*event))
		return usr_fail(ENOTTY, "usr_irq_wait: %s", usr_advice(ENOTTY));
	return 0;
}

/* ------------------------------------------------------------- event slots */

static size_t usr_event_length(unsigned vectors)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t length = vectors * sizeof(struct udrv_event_slot);

	return (length + page - 1) / page * page;
}

static unsigned usr_most_vectors(const struct udrv_info *info)
{
	const unsigned kinds[] = { info->out_intx, info->out_msi,
				   info->out_msix, info->out_lines };
	unsigned i, most = 0;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i] > most)
			most = kinds[i];
	return most;
}

USR_API volatile struct udrv_event_slot *usr_event_map(int fd, unsigned vectors)
{
	struct udrv_info info;
	void *address;

	if (usr_info(fd, &info))
		return NULL;
	if (!vectors || vectors > usr_most_vectors(&info)) {
		usr_fail(EINVAL, "usr_event_map: %u vectors: the device has %u",
			 vectors, usr_most_vectors(&info));
		return NULL;
	}
	address = mmap(NULL, usr_event_length(vectors), PROT_READ | PROT_WRITE,
		       MAP_SHARED, fd, (off_t)UDRV_MMAP_EVENTS);
	if (address == MAP_FAILED) {
		usr_fail_call(fd, "usr_event_map");
		return NULL;
	}
	return address;
}

USR_API int usr_event_unmap(volatile struct udrv_event_slot *slots,
			    unsigned vectors)
{
	/* munmap() wants an address, and does not look at what is there. */
	if (munmap((void *)(uintptr_t)slots, usr_event_length(vectors)))
		return usr_fail(errno, "usr_event_unmap: %u vectors at %p are not what usr_event_map() mapped",
				vectors, (void *)(uintptr_t)slots);
	return 0;
}

static inline void usr_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield");
#endif
}

USR_API int usr_irq_spin_wait(int fd, volatile struct udrv_event_slot *slot,
			      unsigned spins, struct udrv_irq_event *event)
{
	uint32_t count;

	if (!slot || !event)
		return usr_fail(EINVAL, "usr_irq_spin_wait: %s is NULL",
				slot ? "event" : "slot");
	for (; spins; spins--) {
		count = usr_event_take(slot);
		if (count) {
			*event = (struct udrv_irq_event) { .count = count };
			return 0;
		}
		usr_relax();
	}
	/* read() looks at the same count before it sleeps: nothing is missed. */
	return usr_irq_wait(fd, event, -1);
}
