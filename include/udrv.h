/* SPDX-License-Identifier: MIT */
/*
 * libudrv: drive a device from an ordinary process.
 *
 * The handle of a device is a file descriptor and nothing else: the library
 * keeps no state.  It can be waited on with epoll, passed over a socket, kept
 * across exec.  close() ends everything: interrupts, bus mastering, DMA.
 *
 *	int fd = usr_open("0000:00:05.0", O_RDWR);
 *	volatile void *bar = usr_region_map(fd, 0, 0, 0, 0);
 *	usr_write32(bar, 0x08, 5);
 *
 * All calls return -1 (or NULL) on failure, with errno set to what
 * uapi/udrv.h says it means, and usr_error() set to a sentence.  The library
 * never prints and never exits.  All calls may be made by any thread.
 */
#ifndef UDRV_H
#define UDRV_H

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "uapi/udrv.h"

#ifdef __cplusplus
extern "C" {
#endif

#define USR_API __attribute__((visibility("default")))

/* ----------------------------------------------------------------- errors */

/**
 * usr_error() - why the last call failed, for a person
 *
 * Return: a sentence that names what would help; "" if no call of this thread
 * failed yet.  Never NULL.  It belongs to the thread, like errno, and is good
 * until the thread's next failing call.
 */
USR_API const char *usr_error(void);

/* ---------------------------------------------------------------- devices */

/**
 * struct usr_device - what is known about a device without opening it
 * @name: PCI address, "0000:00:05.0"
 * @vendor: PCI vendor id
 * @device: PCI device id
 * @class_code: class, subclass and interface, 24 bits
 * @group: IOMMU group, -1 = none
 * @driver: kernel driver that has it, "udrv" for us, "" = none
 * @vendor_name: from pci.ids, "" = unknown
 * @device_name: from pci.ids, "" = unknown
 */
struct usr_device {
	char name[32];
	uint16_t vendor;
	uint16_t device;
	uint32_t class_code;
	int group;
	char driver[32];
	char vendor_name[96];
	char device_name[128];
};

/**
 * usr_pci_open() - become the owner of a PCI device
 * @bus: 0 to 255, in domain 0
 * @slot: 0 to 31
 * @function: 0 to 7
 *
 * As published by Peter Chubb.  The same as usr_open() of that address with
 * O_RDWR.
 *
 * Return: a file descriptor (O_CLOEXEC), or -1 with usr_open()'s errors.
 */
USR_API int usr_pci_open(int bus, int slot, int function);

/**
 * usr_open() - open a device that is bound to udrv
 * @name: a PCI address with or without its domain ("0000:00:05.0", "00:05.0"),
 *	vendor:device in hex ("1234:11e8", if one bound device has it), the name
 *	of a declared device ("keyboard"), or the path of a device file ("/...")
 * @flags: O_RDWR to own it, O_RDONLY to observe it; | O_NONBLOCK
 *
 * Return: a file descriptor (O_CLOEXEC), or -1.  EINVAL: not a name or not
 * flags of this call.  ENOENT: no such device file; usr_error() says whether
 * the device, the module or the binding is missing.  ENOTUNIQ: several devices
 * have this vendor:device, usr_error() lists them.  EBUSY: it, or another
 * device of its IOMMU group, has an owner; usr_error() names the process.
 * EACCES, EPERM: not allowed.  ENOTTY: the file is no udrv device.  EPROTO:
 * the module speaks another contract.
 */
USR_API int usr_open(const char *name, int flags);

/**
 * usr_open_or_bind() - open a device, binding it first if nobody has it
 * @name: as usr_open()
 * @flags: as usr_open()
 * @bound: set to true if this call bound it, else to false; may be NULL
 *
 * Never takes a device from another driver: that is EBUSY and usr_error() says
 * how to.  If the open fails the binding is undone.
 *
 * Return: a file descriptor, or -1 with the errors of usr_open(), usr_bind().
 */
USR_API int usr_open_or_bind(const char *name, int flags, bool *bound);

/**
 * usr_list() - all PCI devices of the machine, bound or not
 * @list: set to an array, for free(); untouched on failure
 *
 * Through libpciaccess, whose state is one for the process: a program that
 * uses libpciaccess itself must not be between its own pci_system_init() and
 * pci_system_cleanup().
 *
 * Return: the number of devices, ordered by address, or -1 with ENOMEM or
 * what libpciaccess said.
 */
USR_API int usr_list(struct usr_device **list);

/**
 * usr_find() - what device is meant by a name
 * @name: a PCI address or vendor:device, as usr_open(); bound or not
 * @device: filled in, without the names of pci.ids
 *
 * Return: 0, or -1.  EINVAL: not a PCI device's name.  ENODEV: no such device.
 * ENOTUNIQ: several have this vendor:device, usr_error() lists them.
 */
USR_API int usr_find(const char *name, struct usr_device *device);

#define USR_BIND_TAKE	(1u << 0)	/* also from another driver */
#define USR_BIND_GROUP	(1u << 1)	/* and what is in the way in its group */

/**
 * usr_bind() - give a device to udrv
 * @name: as usr_find()
 * @flags: USR_BIND_TAKE | USR_BIND_GROUP, or 0
 *
 * For root.  Uses driver_override, so only this device is touched; a device
 * that is bound already is success.  With USR_BIND_GROUP so are the members of
 * its IOMMU group that have kernel drivers.  On failure everything is as before:
 * the drivers they were taken from get them back.
 *
 * Return: 0, or -1.  EBUSY: another driver has the device (and no
 * USR_BIND_TAKE) or a member of its IOMMU group.  ENOENT: the module is not
 * loaded.  EOPNOTSUPP: it is a bridge.  EACCES: not root.  EIO: the module
 * refused; usr_error() has its reason from the kernel's log.  And usr_find()'s.
 */
USR_API int usr_bind(const char *name, unsigned flags);

/**
 * usr_unbind() - take a device from udrv and let the kernel's driver have it
 * @name: as usr_find()
 *
 * For root.  An owner's driver is cut off from the device at once, and sees
 * ENODEV.
 *
 * Return: 0, or -1.  ENXIO: it is not bound to udrv.  And usr_bind()'s.
 */
USR_API int usr_unbind(const char *name);

/**
 * usr_legacy_add() - declare a device that is not PCI
 * @legacy: name, ranges, lines, and from; size is filled in
 *
 * For root.  Makes it the device usr_open(name), with range i as region i and
 * line i as vector i of UDRV_IRQ_LINES.  What uapi/udrv.h says about struct
 * udrv_legacy is checked by the module.
 *
 * If from is not empty it is the BUS/DEVICE ("platform/i8042") that stands for
 * the same hardware in sysfs: its driver, if it has one, is unbound once that is
 * all that speaks against the declaration, and gets it back if something else
 * does then.
 *
 * Return: 0, or -1.  EBUSY: a range or line is held, usr_error() says by whom.
 * EEXIST: the name is declared.  EINVAL, E2BIG: not a declaration.  ENXIO: no
 * such line.  EPERM: RAM, firmware or configuration ports.  ENOENT: the module
 * is not loaded.  EACCES: not root.
 */
USR_API int usr_legacy_add(const struct udrv_legacy *legacy);

/**
 * usr_legacy_remove() - take a declared device away
 * @name: as declared
 *
 * For root.  An owner is cut off at once, and sees ENODEV.  The device noted
 * in from goes back to the kernel driver that wants it, if one does.
 *
 * Return: 0, or -1.  ENOENT: not declared.  And usr_legacy_add()'s.
 */
USR_API int usr_legacy_remove(const char *name);

/**
 * usr_legacy_get() - what a device was declared as
 * @name: as declared
 * @legacy: filled in
 *
 * Return: 0, or -1.  ENOENT: not declared.  EACCES: not root.
 */
USR_API int usr_legacy_get(const char *name, struct udrv_legacy *legacy);

/**
 * usr_legacy_list() - all declared devices
 * @list: set to an array, for free(); untouched on failure
 *
 * Return: how many, in alphabetical order, or -1 with usr_legacy_get()'s.
 */
USR_API int usr_legacy_list(struct udrv_legacy **list);

/**
 * usr_info() - ids, capabilities, interrupts, owner of an open device
 * @fd: of usr_open(), observers too
 * @info: filled in, see uapi/udrv.h
 *
 * Return: 0, or -1.  ENODEV: the device is gone.
 */
USR_API int usr_info(int fd, struct udrv_info *info);

/**
 * usr_counters() - what was counted since the device was bound
 * @fd: of usr_open(), observers too
 * @counters: filled in, see uapi/udrv.h
 *
 * Return: 0, or -1.
 */
USR_API int usr_counters(int fd, struct udrv_counters *counters);

/**
 * usr_bus_master() - let the device start DMA by itself, or not
 * @fd: of usr_open()
 * @on: which
 *
 * Off when a device is opened.
 *
 * Return: 0, or -1.  EPERM: no IOMMU confines it, see usr_error().  ENODEV.
 */
USR_API int usr_bus_master(int fd, bool on);

/**
 * usr_reset() - reset the device
 * @fd: of usr_open()
 *
 * Registers are the device's defaults afterwards; mappings and interrupts
 * stay set up.
 *
 * Return: 0, or -1.  EOPNOTSUPP: it has no reset method.  ENODEV.
 */
USR_API int usr_reset(int fd);

/**
 * usr_release() - undo everything now, for all who hold the device open
 * @fd: of usr_open()
 *
 * What close() of the last reference does, without waiting for it.
 *
 * Return: 0, or -1.
 */
USR_API int usr_release(int fd);

/* ---------------------------------------------------------------- regions */

/**
 * usr_region_info() - kind, size and mappability of a region
 * @fd: of usr_open(), observers too
 * @index: 0-5 a PCI device's BARs, UDRV_REGION_ROM, UDRV_REGION_CONFIG
 * @info: filled in, see uapi/udrv.h; out_kind is UDRV_KIND_NONE if the device
 *	does not have this region
 *
 * Return: 0, or -1.  ENXIO: no device has such an index.  ENODEV.
 */
USR_API int usr_region_info(int fd, unsigned index,
			    struct udrv_region_info *info);

#define USR_WRITE_COMBINING	(1u << 0)	/* stores may be merged */

/**
 * usr_region_map() - map registers or memory of the device
 * @fd: of usr_open(), the owner's
 * @index: region
 * @offset: bytes from its start, a multiple of the page size
 * @length: bytes, 0 = to the end
 * @flags: USR_WRITE_COMBINING (prefetchable memory only) or 0
 *
 * Access it with usr_read32() and its kin.  When the device is gone reads give
 * all ones; no access ever raises a signal.
 *
 * Return: the address, or NULL.  EINVAL: outside the region, or unaligned.
 * ENXIO: no such region, or not one that can be mapped (use usr_io()).  EBUSY:
 * mapped already with the other caching.  EPERM: it holds the MSI-X table.
 * EACCES: the file is an observer's.
 */
USR_API void *usr_region_map(int fd, unsigned index, uint64_t offset,
			     size_t length, unsigned flags);

/**
 * usr_region_unmap() - undo usr_region_map()
 * @address: what it returned
 * @length: bytes that were mapped; with 0 there, usr_region_info()'s out_size
 *	less the offset
 *
 * Return: 0, or -1 with EINVAL.
 */
USR_API int usr_region_unmap(void *address, size_t length);

/*
 * Register accessors.  base is usr_region_map()'s address; offset is in bytes
 * and a multiple of the width.  Registers are little-endian on any machine.
 * Accesses to one device happen in program order; their order against DMA
 * memory is up to the barriers below.
 */
#define USR_COMPILER_BARRIER() __asm__ __volatile__("" ::: "memory")

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define USR_LITTLE_ENDIAN(bits, value) (value)
#else
#define USR_LITTLE_ENDIAN(bits, value) __builtin_bswap##bits(value)
#endif

#define USR_ACCESSORS(bits, convert)					\
static inline uint##bits##_t						\
usr_read##bits(const volatile void *base, size_t offset)		\
{									\
	uint##bits##_t raw = *(const volatile uint##bits##_t *)		\
		(const volatile void *)((const volatile char *)base + offset); \
									\
	USR_COMPILER_BARRIER();						\
	return convert(bits, raw);					\
}									\
static inline void							\
usr_write##bits(volatile void *base, size_t offset, uint##bits##_t value) \
{									\
	USR_COMPILER_BARRIER();						\
	*(volatile uint##bits##_t *)					\
		(volatile void *)((volatile char *)base + offset) =	\
		convert(bits, value);					\
}

#define USR_BYTE(bits, value) (value)
USR_ACCESSORS(8, USR_BYTE)
USR_ACCESSORS(16, USR_LITTLE_ENDIAN)
USR_ACCESSORS(32, USR_LITTLE_ENDIAN)
USR_ACCESSORS(64, USR_LITTLE_ENDIAN)	/* one access on 64-bit machines only */
#undef USR_BYTE
#undef USR_LITTLE_ENDIAN
#undef USR_ACCESSORS

/**
 * usr_dma_wmb() - make writes to DMA memory visible before the doorbell
 *
 *	ring[tail] = descriptor;
 *	usr_dma_wmb();
 *	usr_write32(bar, DOORBELL, tail + 1);
 */
static inline void usr_dma_wmb(void)
{
#if defined(__x86_64__) || defined(__i386__)
	USR_COMPILER_BARRIER();		/* stores stay in order */
#elif defined(__aarch64__)
	__asm__ __volatile__("dmb oshst" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/**
 * usr_dma_rmb() - after a descriptor is seen done, before its data is read
 *
 *	if (ring[head].status & DONE) {
 *		usr_dma_rmb();
 *		use(buffer[head], ring[head].length);
 */
static inline void usr_dma_rmb(void)
{
#if defined(__x86_64__) || defined(__i386__)
	USR_COMPILER_BARRIER();		/* loads stay in order */
#elif defined(__aarch64__)
	__asm__ __volatile__("dmb oshld" ::: "memory");
#else
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
#endif
}

/**
 * usr_wc_flush() - push write-combined stores out before the doorbell
 *
 *	memcpy(combined_bar + slot, frame, length);
 *	usr_wc_flush();
 *	usr_write32(bar, DOORBELL, slot);
 */
static inline void usr_wc_flush(void)
{
#if defined(__x86_64__) || defined(__SSE__)
	__asm__ __volatile__("sfence" ::: "memory");
#elif defined(__aarch64__)
	__asm__ __volatile__("dsb st" ::: "memory");
#else
	__sync_synchronize();
#endif
}

/* ------------------------------------------------------ register programs */

/* A number that does not fit becomes 255, which every check refuses. */
static inline uint8_t usr_small(unsigned number)
{
	return (uint8_t)(number > 255 ? 255 : number);
}

static inline struct udrv_io_step usr_step(uint8_t op, unsigned region,
					   uint64_t offset, unsigned width)
{
	struct udrv_io_step step;

	memset(&step, 0, sizeof(step));
	step.op = op;
	step.width = usr_small(width);
	step.region = usr_small(region);
	step.offset = offset;
	return step;
}

/* Read a register; the value is in the step's out_value afterwards. */
static inline struct udrv_io_step usr_step_read(unsigned region, uint64_t offset,
						unsigned width)
{
	return usr_step(UDRV_OP_READ, region, offset, width);
}

/* Write a register. */
static inline struct udrv_io_step usr_step_write(unsigned region, uint64_t offset,
						 unsigned width, uint64_t value)
{
	struct udrv_io_step step = usr_step(UDRV_OP_WRITE, region, offset, width);

	step.value = value;
	return step;
}

/* Read one register count times into buffer, count * width bytes. */
static inline struct udrv_io_step usr_step_read_string(unsigned region,
		uint64_t offset, unsigned width, void *buffer, unsigned count)
{
	struct udrv_io_step step = usr_step(UDRV_OP_READ_STRING, region, offset,
					    width);

	step.count = count;
	step.mask_or_data = (uintptr_t)buffer;
	return step;
}

/* Write count * width bytes of buffer to one register. */
static inline struct udrv_io_step usr_step_write_string(unsigned region,
		uint64_t offset, unsigned width, const void *buffer,
		unsigned count)
{
	struct udrv_io_step step = usr_step(UDRV_OP_WRITE_STRING, region, offset,
					    width);

	step.count = count;
	step.mask_or_data = (uintptr_t)buffer;
	return step;
}

/* Do nothing for at least so many microseconds, 1000 at most. */
static inline struct udrv_io_step usr_step_delay(unsigned microseconds)
{
	struct udrv_io_step step = usr_step(UDRV_OP_DELAY, 0, 0, 0);

	step.count = microseconds;
	return step;
}

/* Read a register until (value & mask) == match, so many microseconds at most. */
static inline struct udrv_io_step usr_step_wait(unsigned region, uint64_t offset,
		unsigned width, uint64_t mask, uint64_t match,
		unsigned microseconds)
{
	struct udrv_io_step step = usr_step(UDRV_OP_WAIT, region, offset, width);

	step.count = microseconds;
	step.value = match;
	step.mask_or_data = mask;
	return step;
}

/**
 * usr_io() - run a register program: many accesses, one system call
 * @fd: of usr_open(), the owner's
 * @steps: made by usr_step_read() and its kin; their out_value is written
 * @count: 1 to UDRV_IO_MAX_STEPS
 * @done: set to how many steps were done, on failure too; may be NULL
 *
 * The way to ports and configuration space.  Checked whole before its first
 * step: a program that is refused touches nothing.
 *
 * Return: 0, or -1.  EINVAL, E2BIG, ENXIO, EPERM: refused, see usr_error().
 * ETIMEDOUT: a wait step did not see its value.  EINTR: a signal ended a wait.
 * ENODEV: the device went.
 */
USR_API int usr_io(int fd, struct udrv_io_step *steps, unsigned count,
		   unsigned *done);

/**
 * usr_io_read() - read one register by a program
 * @fd: of usr_open(), the owner's
 * @region: index
 * @offset: bytes from the region's start
 * @width: 1, 2, 4 bytes, 8 in memory
 * @value: set to what was read; untouched on failure
 *
 * Return: 0, or -1 with usr_io()'s errors.
 */
USR_API int usr_io_read(int fd, unsigned region, uint64_t offset, unsigned width,
			uint64_t *value);

/**
 * usr_io_write() - write one register by a program
 * @fd: of usr_open(), the owner's
 * @region: index
 * @offset: bytes from the region's start
 * @width: 1, 2, 4 bytes, 8 in memory
 * @value: to write
 *
 * Return: 0, or -1 with usr_io()'s errors.
 */
USR_API int usr_io_write(int fd, unsigned region, uint64_t offset,
			 unsigned width, uint64_t value);

/**
 * usr_config_read() - read PCI configuration space
 * @fd: of usr_open(), the owner's
 * @offset: bytes
 * @width: 1, 2 or 4 bytes
 * @value: set to what was read; untouched on failure
 *
 * Return: 0, or -1 with usr_io()'s errors.
 */
USR_API int usr_config_read(int fd, unsigned offset, unsigned width,
			    uint32_t *value);

/**
 * usr_config_write() - write PCI configuration space
 * @fd: of usr_open(), the owner's
 * @offset: bytes
 * @width: 1, 2 or 4 bytes
 * @value: to write
 *
 * Return: 0, or -1 with usr_io()'s errors.  EPERM: this register is the
 * kernel's.
 */
USR_API int usr_config_write(int fd, unsigned offset, unsigned width,
			     uint32_t value);

/* ------------------------------------------------------------- interrupts */

/* An interrupt is the device's if (register & mask) != 0; acks are up to you. */
static inline struct udrv_irq_rule usr_rule_claim(unsigned region,
		uint64_t offset, unsigned width, uint32_t mask)
{
	struct udrv_irq_rule rule;

	memset(&rule, 0, sizeof(rule));
	rule.claim_region = usr_small(region);
	rule.claim_width = usr_small(width);
	rule.claim_offset = offset;
	rule.claim_mask = mask;
	return rule;
}

static inline struct udrv_rule_access usr_rule_access(uint8_t op,
		unsigned region, uint64_t offset, unsigned width)
{
	struct udrv_rule_access access;

	memset(&access, 0, sizeof(access));
	access.op = op;
	access.region = usr_small(region);
	access.width = usr_small(width);
	access.offset = offset;
	return access;
}

/* rule.acks[0] = usr_rule_read(...): acknowledged by reading a register. */
static inline struct udrv_rule_access usr_rule_read(unsigned region,
		uint64_t offset, unsigned width)
{
	return usr_rule_access(UDRV_RULE_READ, region, offset, width);
}

/* Acknowledged (or armed again) by writing a constant. */
static inline struct udrv_rule_access usr_rule_write(unsigned region,
		uint64_t offset, unsigned width, uint32_t value)
{
	struct udrv_rule_access access =
		usr_rule_access(UDRV_RULE_WRITE, region, offset, width);

	access.xor_value = value;
	return access;
}

/* Acknowledged by writing back the claimed value, or its bits in keep. */
static inline struct udrv_rule_access usr_rule_write_back(unsigned region,
		uint64_t offset, unsigned width, uint32_t keep)
{
	struct udrv_rule_access access =
		usr_rule_access(UDRV_RULE_WRITE, region, offset, width);

	access.and_mask = keep;
	return access;
}

/**
 * usr_irq_setup() - choose and request the device's interrupts
 * @fd: of usr_open(), the owner's
 * @kind: UDRV_IRQ_INTX, _MSI, _MSIX, _LINES; UDRV_IRQ_NONE frees them
 * @vectors: how many; 0 with UDRV_IRQ_NONE
 * @rules: rule i belongs to vector i, all zeroes is no rule; may be NULL
 * @rule_count: 0 to @vectors
 *
 * MSI and MSI-X are writes by the device: they come only with usr_bus_master()
 * on.
 *
 * Return: 0, or -1, and then none are set up unless the arguments were refused
 * (EINVAL, ENXIO, EPERM).  EBUSY: the line is shared and cannot be.
 */
USR_API int usr_irq_setup(int fd, unsigned kind, unsigned vectors,
			  const struct udrv_irq_rule *rules,
			  unsigned rule_count);

/**
 * usr_irq_fd() - a file for one vector; the device's own is vector 0
 * @fd: of usr_open(), the owner's
 * @vector: from 0
 * @flags: UDRV_IRQ_FD_NONBLOCK or 0
 *
 * For read, poll, usr_irq_wait().  It does not keep the device open.
 *
 * Return: a file descriptor (O_CLOEXEC), or -1.  ENXIO: no such vector.
 */
USR_API int usr_irq_fd(int fd, unsigned vector, unsigned flags);

/**
 * usr_irq_wait() - wait for interrupts and take them
 * @fd: of usr_open() (vector 0) or usr_irq_fd()
 * @event: filled in, see uapi/udrv.h
 * @timeout_ms: milliseconds, 0 = take what is pending, -1 = for ever
 *
 * One system call with -1.  With a time-out, two, and only one thread may wait
 * on a vector: another could take the event in between.
 *
 * Return: 0, or -1.  ETIMEDOUT.  EINTR: a signal came, nothing was taken.
 * EAGAIN: the file is O_NONBLOCK and nothing is pending; it is armed now.
 * ENXIO: interrupts are not set up.  ENODEV: the device is gone.
 */
USR_API int usr_irq_wait(int fd, struct udrv_irq_event *event, int timeout_ms);

/**
 * usr_event_map() - map the event slots, to see interrupts without a call
 * @fd: of usr_open(), the owner's
 * @vectors: how many, from vector 0
 *
 * Return: an array of @vectors slots, or NULL.  EINVAL: the device does not
 * have so many.
 */
USR_API volatile struct udrv_event_slot *usr_event_map(int fd, unsigned vectors);

/**
 * usr_event_unmap() - undo usr_event_map()
 * @slots: what it returned
 * @vectors: as there
 *
 * Return: 0, or -1 with EINVAL.
 */
USR_API int usr_event_unmap(volatile struct udrv_event_slot *slots,
			    unsigned vectors);

/**
 * usr_event_take() - take a vector's pending interrupts without a system call
 * @slot: usr_event_map()'s element of that vector
 *
 * One thread at a time per vector.  It arms nothing, so it sees further
 * interrupts of MSI, MSI-X, edge lines and lines acknowledged by a rule only;
 * what else read() tells about the taken ones is lost.
 *
 * Return: how many there were.
 */
static inline uint32_t usr_event_take(volatile struct udrv_event_slot *slot)
{
	uint32_t count = __atomic_load_n(&slot->count, __ATOMIC_ACQUIRE);
	uint32_t pending = count - slot->seen;

	if (pending)
		__atomic_store_n(&slot->seen, count, __ATOMIC_RELEASE);
	return pending;
}

/**
 * usr_irq_spin_wait() - look for an interrupt for a while, then sleep for it
 * @fd: of usr_open() (vector 0) or usr_irq_fd(), blocking
 * @slot: that vector's, of usr_event_map()
 * @spins: how often to look before sleeping
 * @event: filled in; status and time_ns are 0 if no system call was needed
 *
 * No interrupt is lost or seen twice.  One thread at a time per vector; see
 * usr_event_take() for what spinning can see.
 *
 * Return: 0, or -1 with usr_irq_wait()'s errors.
 */
USR_API int usr_irq_spin_wait(int fd, volatile struct udrv_event_slot *slot,
			      unsigned spins, struct udrv_irq_event *event);

/* -------------------------------------------------------------------- DMA */

/**
 * struct usr_dma - memory the device can reach
 * @address: here
 * @iova: what the device is told; the first segment's, if there are more
 * @length: bytes
 * @id: of the kernel's ledger
 */
struct usr_dma {
	void *address;
	uint64_t iova;
	size_t length;
	uint32_t id;
};

/**
 * usr_dma_alloc() - memory for descriptors and buffers, coherent and mapped
 * @fd: of usr_open(), the owner's
 * @length: bytes, UDRV_DMA_MAX_BUFFER at most
 * @width: address bits the device has, 12 to 64; 0 = below 4 GiB if there is
 *	room
 * @dma: filled in; untouched on failure
 *
 * Zeroed, on a page boundary, one piece for the device; needs no
 * usr_dma_sync().  Counts against RLIMIT_MEMLOCK.
 *
 * Return: 0, or -1.  EINVAL: length or width.  ENOMEM, ENOSPC: no memory or no
 * addresses of that width left.  EPERM: DMA is not allowed, see usr_error().
 */
USR_API int usr_dma_alloc(int fd, size_t length, unsigned width,
			  struct usr_dma *dma);

/**
 * usr_dma_adopt() - map a buffer that a previous owner's process allocated
 * @fd: the owner's, inherited or passed
 * @id: of usr_dma_list()
 * @dma: filled in; untouched on failure
 *
 * Return: 0, or -1.  ENOENT: no such buffer.  EINVAL: it is not one of
 * usr_dma_alloc().
 */
USR_API int usr_dma_adopt(int fd, uint32_t id, struct usr_dma *dma);

/**
 * usr_dma_free() - undo usr_dma_alloc() or usr_dma_adopt()
 * @fd: of usr_open(), the owner's
 * @dma: what was allocated
 *
 * Return: 0, or -1.  ENOENT: it is not mapped, nothing was done.  ENODEV: the
 * device is gone, and its address here was unmapped all the same.
 */
USR_API int usr_dma_free(int fd, const struct usr_dma *dma);

/**
 * usr_dma_map() - let the device reach memory of the process, in one piece
 * @fd: of usr_open(), the owner's
 * @address: the memory, any alignment; all pages it touches are exposed
 * @length: bytes
 * @direction: UDRV_DMA_TO_DEVICE, UDRV_DMA_FROM_DEVICE, UDRV_DMA_BOTH
 * @width: as usr_dma_alloc()
 * @dma: filled in; untouched on failure
 *
 * The memory stays pinned until usr_dma_unmap() and counts against
 * RLIMIT_MEMLOCK.
 *
 * Return: 0, or -1.  ENOSPC: without an IOMMU it is more than one piece (then
 * usr_dma_map_segments()), or no addresses are left.  EFAULT: no such memory,
 * or not writable.  ERANGE: out of the device's reach.
 */
USR_API int usr_dma_map(int fd, void *address, size_t length,
			unsigned direction, unsigned width, struct usr_dma *dma);

/**
 * usr_dma_map_segments() - the same in as many pieces as it takes
 * @fd: of usr_open(), the owner's
 * @address: as usr_dma_map()
 * @length: bytes
 * @direction: as usr_dma_map()
 * @width: as usr_dma_alloc()
 * @segments: set to address and bytes of each piece
 * @capacity: elements at @segments; length / page size + 2 always suffice
 * @dma: filled in, with the first piece's iova; untouched on failure
 *
 * Return: the number of segments, or -1 as usr_dma_map().
 */
USR_API int usr_dma_map_segments(int fd, void *address, size_t length,
				 unsigned direction, unsigned width,
				 struct udrv_dma_segment *segments,
				 unsigned capacity, struct usr_dma *dma);

/**
 * usr_dma_sync() - hand a part of mapped memory over, to device or processor
 * @fd: of usr_open(), the owner's
 * @dma: of usr_dma_map()
 * @offset: bytes from its start
 * @length: bytes
 * @direction: UDRV_DMA_TO_DEVICE after the processor wrote it,
 *	UDRV_DMA_FROM_DEVICE before the processor reads it
 *
 * Return: 0, or -1.  EINVAL: outside the mapping.  ENOENT: not mapped.
 */
USR_API int usr_dma_sync(int fd, const struct usr_dma *dma, size_t offset,
			 size_t length, unsigned direction);

/**
 * usr_dma_unmap() - undo usr_dma_map() or usr_dma_map_segments()
 * @fd: of usr_open(), the owner's
 * @dma: what was mapped
 *
 * The device cannot reach it any more when this returns.
 *
 * Return: 0, or -1.  ENOENT: not mapped.  ENODEV.
 */
USR_API int usr_dma_unmap(int fd, const struct usr_dma *dma);

/**
 * usr_dma_batch() - many mappings in one system call
 * @fd: of usr_open(), the owner's
 * @command: UDRV_DMA_ALLOC, _MAP, _SYNC or _UNMAP
 * @entries: see uapi/udrv.h for what each command reads and writes
 * @count: 1 to UDRV_DMA_MAX_BATCH
 * @done: set to how many were done, on failure too; those stay; may be NULL
 *
 * UDRV_DMA_ALLOC here does not map the buffers into the process.
 *
 * Return: 0, or -1 with the first failing entry's error.
 */
USR_API int usr_dma_batch(int fd, unsigned long command,
			  struct udrv_dma *entries, unsigned count,
			  unsigned *done);

/**
 * usr_dma_list() - the ledger: all that the device can reach
 * @fd: of usr_open(), observers too
 * @entries: filled in; may be NULL if @capacity is 0
 * @capacity: elements at @entries, UDRV_DMA_MAX_IDS at most
 * @total: set to how many mappings there are, which may be more
 *
 * Return: 0, or -1.
 */
USR_API int usr_dma_list(int fd, struct udrv_dma *entries, unsigned capacity,
			 unsigned *total);

/* ----------------------------------------------------- the published call */

/* Commands of usr_pci_map(). */
#define USR_ALLOC_CONSISTENT	1
#define USR_MAP			2
#define USR_UNMAP		3

enum usr_dma_direction {
	USR_DMA_BIDIRECTIONAL = 0,
	USR_DMA_TO_DEVICE = 1,
	USR_DMA_FROM_DEVICE = 2
};

/* One piece, as the device sees it.  dmaaddr and len are the 2005 names. */
struct usr_pci_sglist {
	union {
		uint64_t dma_address;
		uint64_t dmaaddr;
	};
	union {
		uint64_t length;	/* bytes */
		uint64_t len;
	};
};

struct mapping_info {
	void *virtaddr;			/* the memory */
	int size;			/* bytes */
	struct usr_pci_sglist *sglist;	/* size / page size + 2 suffice */
	int nents;			/* its elements; those used, on return */
	enum usr_dma_direction direction;
};

/**
 * usr_pci_map() - set up or undo DMA, as published by Peter Chubb
 * @fd: of usr_pci_open()
 * @command:
 *	USR_ALLOC_CONSISTENT reads size, sets virtaddr, sglist[0] and nents;
 *	USR_MAP reads virtaddr, size, direction and nents (the elements at
 *	sglist), sets sglist and nents;
 *	USR_UNMAP undoes either, given what it returned
 * @info: untouched on failure
 *
 * The device's addresses are those of usr_dma_alloc()'s width 0; a device with
 * fewer than 32 bits needs usr_dma_alloc() and usr_dma_map().
 *
 * Return: 0, or -1 with the errors of usr_dma_alloc(), usr_dma_map_segments(),
 * usr_dma_unmap().
 */
USR_API int usr_pci_map(int fd, int command, struct mapping_info *info);

#ifdef __cplusplus
}
#endif

#endif /* UDRV_H */
