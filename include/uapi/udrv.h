/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * udrv: the contract between a user-space driver and the kernel module.
 *
 * A device bound to udrv is one file, /dev/udrv/NAME (a PCI device is named
 * by its address, 0000:00:05.0).  Four calls are the whole idea:
 *
 *	mmap		registers (BARs), DMA buffers, the event page
 *	read, poll	interrupts: take what is pending, else arm and wait
 *	ioctl		DMA mapping, and the few things below
 *	last close	everything undone
 *
 * Opened O_RDWR the file makes its opener the one owner.  Opened O_RDONLY it
 * is an observer: INFO, REGION_INFO, DMA_LIST, COUNTERS and REASON only.
 *
 * A device that is not PCI has a file too, once root declared through
 * /dev/udrv/control what it is made of: see UDRV_LEGACY_ADD.
 *
 * Form.  Commands are _IO(): an encoded size would forbid growth.  Every
 * argument is a struct that starts with its own size and with flags; the
 * caller sets size = sizeof(struct).  A shorter struct of an older caller is
 * accepted down to the size this header first had; a longer one of a newer
 * caller is accepted if its tail is zero.  No struct has implicit padding;
 * 64-bit fields are 8-aligned for 32-bit callers too.  Fields named out_* are
 * written by the kernel, all others are left alone.  Arrays carry the size of
 * their element, which may grow by the same rule.
 *
 * What each errno means, in every command:
 *
 *	EINVAL		a field is out of range; an unknown flag; reserved not 0;
 *			a struct smaller than its first published size
 *	E2BIG		a longer struct than this kernel knows, with a non-zero
 *			tail; or a count above the limit stated here
 *	EFAULT		a user address is not readable or not writable
 *	ENOTTY		no such command
 *	EBADF		an observer asked for what only the owner may do
 *	EBUSY		somebody holds it: the device has an owner, the group has
 *			an opener, the line is shared, the region is mapped with
 *			the other caching
 *	EPERM		policy: a register the kernel keeps, or a privilege is
 *			missing
 *	ENODEV		the device was revoked: unbound, unplugged or released
 *	ENXIO		the device has no such thing: region, interrupt kind,
 *			vector; or interrupts are not set up
 *	ENOMEM		no memory, or RLIMIT_MEMLOCK is used up
 *	ENOSPC		no I/O virtual addresses left within the stated width, or
 *			the caller's array is too small for the answer
 *	ERANGE		memory the device cannot address, and no bounce buffers
 *	ENOENT		no mapping with that id; no declaration of that name
 *	EEXIST		there is a declaration of that name
 *	EOPNOTSUPP	the machine or device cannot do it (no reset method)
 *	ETIMEDOUT	a wait step did not see its value in time
 *	EINTR		a signal ended a wait step; never restarted
 *	EAGAIN		O_NONBLOCK read with nothing pending (it is armed now);
 *			or somebody else is resetting the device, or the module
 *			is still being loaded: try again
 *
 * UDRV_REASON returns the sentence that goes with the last refusal.
 */
#ifndef _UAPI_UDRV_H
#define _UAPI_UDRV_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define UDRV_CONTRACT		1	/* raised when a meaning changes */
#define UDRV_DIR		"/dev/udrv"

#define UDRV_IOC_TYPE		0xDB
#define UDRV_INFO		_IO(UDRV_IOC_TYPE, 0)	/* struct udrv_info */
#define UDRV_REGION_INFO	_IO(UDRV_IOC_TYPE, 1)	/* struct udrv_region_info */
#define UDRV_BUS_MASTER		_IO(UDRV_IOC_TYPE, 2)	/* struct udrv_bus_master */
#define UDRV_RESET		_IO(UDRV_IOC_TYPE, 3)	/* struct udrv_plain */
#define UDRV_RELEASE		_IO(UDRV_IOC_TYPE, 4)	/* struct udrv_plain */
#define UDRV_IO			_IO(UDRV_IOC_TYPE, 5)	/* struct udrv_io */
#define UDRV_IRQ_SETUP		_IO(UDRV_IOC_TYPE, 6)	/* struct udrv_irq_setup */
#define UDRV_IRQ_FD		_IO(UDRV_IOC_TYPE, 7)	/* struct udrv_irq_fd */
#define UDRV_DMA_ALLOC		_IO(UDRV_IOC_TYPE, 8)	/* struct udrv_dma_batch */
#define UDRV_DMA_MAP		_IO(UDRV_IOC_TYPE, 9)	/* struct udrv_dma_batch */
#define UDRV_DMA_SYNC		_IO(UDRV_IOC_TYPE, 10)	/* struct udrv_dma_batch */
#define UDRV_DMA_UNMAP		_IO(UDRV_IOC_TYPE, 11)	/* struct udrv_dma_batch */
#define UDRV_DMA_LIST		_IO(UDRV_IOC_TYPE, 12)	/* struct udrv_dma_batch */
#define UDRV_COUNTERS		_IO(UDRV_IOC_TYPE, 13)	/* struct udrv_counters */
#define UDRV_REASON		_IO(UDRV_IOC_TYPE, 14)	/* struct udrv_reason */

/* Of /dev/udrv/control, which has these and UDRV_REASON: */
#define UDRV_CONTROL		UDRV_DIR "/control"
#define UDRV_LEGACY_ADD		_IO(UDRV_IOC_TYPE, 32)	/* struct udrv_legacy */
#define UDRV_LEGACY_REMOVE	_IO(UDRV_IOC_TYPE, 33)	/* struct udrv_legacy_name */
#define UDRV_LEGACY_GET		_IO(UDRV_IOC_TYPE, 34)	/* struct udrv_legacy */

/* For commands without parameters. */
struct udrv_plain {
	__u32 size;
	__u32 flags;			/* 0 */
};

/* ------------------------------------------------------------------ info */

#define UDRV_INFO_PCI		(1u << 0)	/* PCI ids are valid */
#define UDRV_INFO_IOMMU		(1u << 1)	/* DMA is confined by an IOMMU */
#define UDRV_INFO_DMA		(1u << 2)	/* this opener may do DMA */
#define UDRV_INFO_RESET		(1u << 3)	/* UDRV_RESET works */
#define UDRV_INFO_INTX_MASK	(1u << 4)	/* has INTx-disable (PCI 2.3) */
#define UDRV_INFO_OWNED		(1u << 5)	/* somebody has it open O_RDWR */
#define UDRV_INFO_BUS_MASTER	(1u << 6)	/* bus mastering is on now */

struct udrv_info {
	__u32 size;
	__u32 flags;			/* 0 */
	char  out_name[32];
	__u32 out_contract;		/* UDRV_CONTRACT of the module */
	__u32 out_caps;			/* UDRV_INFO_* */
	__u16 out_vendor;
	__u16 out_device;
	__u16 out_subsystem_vendor;
	__u16 out_subsystem_device;
	__u32 out_class;		/* class code << 8 | revision */
	__u32 out_regions;		/* indices are 0 .. out_regions - 1 */
	__u32 out_intx;			/* vectors of each kind, 0 = none */
	__u32 out_msi;
	__u32 out_msix;
	__u32 out_lines;		/* legacy interrupt lines */
	__u32 out_irq_kind;		/* what is set up now, UDRV_IRQ_* */
	__s32 out_owner_pid;		/* who opened it, in the caller's
					 * namespace; 0 = nobody or not visible
					 */
	__aligned_u64 out_iova_first;	/* IOVA aperture, inclusive; 0,0 = none */
	__aligned_u64 out_iova_last;
	__aligned_u64 out_page_sizes;	/* IOMMU page sizes, a bit each */
};

/* ---------------------------------------------------------------- regions */

/* Region indices of a PCI device: 0-5 are its BARs. */
#define UDRV_REGION_ROM		6
#define UDRV_REGION_CONFIG	7
#define UDRV_REGION_COUNT	8

/* udrv_region_info.out_kind */
#define UDRV_KIND_NONE		0	/* not implemented by this device */
#define UDRV_KIND_MEM		1
#define UDRV_KIND_PORTS		2
#define UDRV_KIND_ROM		3
#define UDRV_KIND_CONFIG	4

/* udrv_region_info.out_caps */
#define UDRV_REGION_MMAP	(1u << 0)	/* mmap at out_mmap_offset */
#define UDRV_REGION_WC		(1u << 1)	/* or at out_mmap_offset | UDRV_MMAP_WC */
#define UDRV_REGION_PROGRAM	(1u << 2)	/* UDRV_IO reaches it */
#define UDRV_REGION_READ_ONLY	(1u << 3)
#define UDRV_REGION_HOLE	(1u << 4)	/* out_hole_*: the MSI-X table */

/*
 * mmap offsets; all stay below 2^44.  A region is mapped MAP_SHARED at its
 * out_mmap_offset plus a page-aligned offset within it.  The caching of a
 * region is one for all mappings of one open: the first decides.  A hole
 * cannot be mapped, nor reached by a register program; the pages it touches
 * cannot be mapped either.
 */
#define UDRV_MMAP_REGION_SHIFT	40
#define UDRV_MMAP_WC		(1ull << 39)
#define UDRV_MMAP_DMA		(1ull << 43)	/* + UDRV_DMA_ALLOC's id << 28 */
#define UDRV_MMAP_DMA_SHIFT	28
#define UDRV_MMAP_EVENTS	((1ull << 43) | (1ull << 42))

struct udrv_region_info {
	__u32 size;
	__u32 flags;			/* 0 */
	__u32 index;
	__u32 out_kind;			/* UDRV_KIND_* */
	__u32 out_caps;			/* UDRV_REGION_* */
	__u32 reserved;			/* 0 */
	__aligned_u64 out_size;		/* bytes */
	__aligned_u64 out_mmap_offset;
	__aligned_u64 out_hole_offset;	/* bytes from the region's start */
	__aligned_u64 out_hole_size;
};

struct udrv_bus_master {
	__u32 size;
	__u32 flags;			/* 0 */
	__u32 on;			/* 0 or 1 */
	__u32 reserved;			/* 0 */
};

/* ------------------------------------------------------ register programs */

/* udrv_io_step.op */
#define UDRV_OP_READ		0	/* out_value = register */
#define UDRV_OP_WRITE		1	/* register = value */
#define UDRV_OP_READ_STRING	2	/* count times: *data++ = register */
#define UDRV_OP_WRITE_STRING	3	/* count times: register = *data++ */
#define UDRV_OP_DELAY		4	/* at least count microseconds, <= 1000 */
#define UDRV_OP_WAIT		5	/* until (register & mask) == value, for at
					 * most count microseconds; out_value = the
					 * last value read
					 */

#define UDRV_IO_MAX_STEPS	256
#define UDRV_IO_MAX_STRING	(1u << 20)	/* bytes, all strings together */
#define UDRV_IO_MAX_DELAY_US	1000		/* one delay */
#define UDRV_IO_MAX_WAIT_US	1000000		/* all delays and waits together */

/*
 * A step is one register access: width 1, 2 or 4 bytes (8 in memory), offset
 * naturally aligned and inside the region.  Values are the register's value
 * (little-endian registers on any machine); strings are bytes in bus order.
 */
struct udrv_io_step {
	__u8  op;			/* UDRV_OP_* */
	__u8  width;			/* bytes; 0 for a delay */
	__u8  region;			/* index; 0 for a delay */
	__u8  reserved;			/* 0 */
	__u32 count;			/* elements, or microseconds; else 0 */
	__aligned_u64 offset;		/* bytes from the region's start */
	__aligned_u64 value;		/* to write, or to match; else 0 */
	__aligned_u64 mask_or_data;	/* WAIT: mask; strings: user address; else 0 */
	__aligned_u64 out_value;
};

/*
 * The program is validated whole before the first step: a refused program
 * touches nothing (out_done is 0).  Programs of one device run one at a time.
 * out_done says how many steps were completed, on errors too.
 */
struct udrv_io {
	__u32 size;
	__u32 flags;			/* 0 */
	__aligned_u64 steps;		/* struct udrv_io_step[count] */
	__u32 count;			/* 1 .. UDRV_IO_MAX_STEPS */
	__u32 step_size;		/* sizeof(struct udrv_io_step) */
	__u32 out_done;
	__u32 reserved;			/* 0 */
};

/* ------------------------------------------------------------- interrupts */

#define UDRV_IRQ_NONE		0
#define UDRV_IRQ_INTX		1
#define UDRV_IRQ_MSI		2
#define UDRV_IRQ_MSIX		3
#define UDRV_IRQ_LINES		4	/* the device's own legacy lines */

/* udrv_rule_access.op */
#define UDRV_RULE_NONE		0	/* no access: ends the list */
#define UDRV_RULE_READ		1
#define UDRV_RULE_WRITE		2	/* ((claimed & and) ^ xor): a constant
					 * has and = 0, xor = constant
					 */
/* udrv_rule_access.flags */
#define UDRV_RULE_FLUSH		(1u << 0)	/* read it back after the write */

struct udrv_rule_access {
	__u8  op;			/* UDRV_RULE_* */
	__u8  width;			/* 1, 2 or 4 bytes */
	__u8  region;
	__u8  flags;			/* UDRV_RULE_FLUSH */
	__u32 and_mask;
	__u32 xor_value;
	__u32 reserved;			/* 0 */
	__aligned_u64 offset;
};

/* udrv_irq_rule.flags */
#define UDRV_RULE_ALL_ONES	(1u << 0)	/* all ones is a real value, not
						 * a device that is gone
						 */
#define UDRV_RULE_ACKS		4
#define UDRV_RULE_REARMS	2

/*
 * Run in the hard interrupt handler.  The claim register is read: if
 * (value & claim_mask) is 0 the interrupt is not ours; else the acks run, in
 * order.  With claim_width 0 every interrupt is ours (MSI and MSI-X only).
 * The rearms run when a reader arms again.  Memory and port regions only.
 */
struct udrv_irq_rule {
	__u32 flags;			/* UDRV_RULE_ALL_ONES */
	__u8  claim_width;		/* 0, 1, 2 or 4 */
	__u8  claim_region;
	__u16 reserved;			/* 0 */
	__aligned_u64 claim_offset;
	__u32 claim_mask;
	__u32 reserved2;		/* 0 */
	struct udrv_rule_access acks[UDRV_RULE_ACKS];
	struct udrv_rule_access rearms[UDRV_RULE_REARMS];
};

/*
 * Frees the interrupts in use, then requests the new ones: if that fails none
 * are set up.  Counts start again from 0.  Rule i belongs to vector i; a rule
 * of all zeroes is no rule.
 */
struct udrv_irq_setup {
	__u32 size;
	__u32 flags;			/* 0 */
	__u32 kind;			/* UDRV_IRQ_* */
	__u32 vectors;			/* 0 with UDRV_IRQ_NONE */
	__aligned_u64 rules;		/* struct udrv_irq_rule[rule_count] or 0 */
	__u32 rule_count;		/* 0 .. vectors */
	__u32 rule_size;		/* sizeof(struct udrv_irq_rule) or 0 */
};

/*
 * The device file is vector 0; this gives a file for any vector.  It does not
 * keep the device open.  The vector need not be set up yet, only exist.
 */
#define UDRV_IRQ_FD_NONBLOCK	(1u << 0)	/* O_NONBLOCK; O_CLOEXEC always */
struct udrv_irq_fd {
	__u32 size;
	__u32 flags;			/* UDRV_IRQ_FD_* */
	__u32 vector;
	__s32 out_fd;
};

/*
 * What read() returns: one record, 16 bytes.  A smaller buffer is EINVAL.
 */
struct udrv_irq_event {
	__u32 count;			/* interrupts since the last read */
	__u32 status;			/* claimed values, ORed */
	__aligned_u64 time_ns;		/* CLOCK_MONOTONIC of the oldest of them */
};

/*
 * The event page(s), mapped at UDRV_MMAP_EVENTS: vector i is element i.
 * Pending = count - seen (mod 2^32).  A driver that polls takes events by
 * seen = count; read() does the same.  The kernel never trusts either field.
 */
struct udrv_event_slot {
	__u32 count;			/* written by the kernel */
	__u32 seen;			/* written by the driver and by read() */
	__u32 reserved[14];		/* a cache line each */
};

/* -------------------------------------------------------------------- DMA */

#define UDRV_DMA_TO_DEVICE	(1u << 0)	/* the device reads it */
#define UDRV_DMA_FROM_DEVICE	(1u << 1)	/* the device writes it */
#define UDRV_DMA_BOTH		(UDRV_DMA_TO_DEVICE | UDRV_DMA_FROM_DEVICE)

/* udrv_dma.out_state (DMA_LIST) */
#define UDRV_DMA_STATE_BUFFER	(1u << 0)	/* from DMA_ALLOC */
#define UDRV_DMA_STATE_ORPHAN	(1u << 1)	/* its process is dead */
#define UDRV_DMA_STATE_TO	(1u << 2)
#define UDRV_DMA_STATE_FROM	(1u << 3)

#define UDRV_DMA_MAX_BATCH	1024		/* entries in one call */
#define UDRV_DMA_MAX_BUFFER	(1ull << UDRV_MMAP_DMA_SHIFT)	/* bytes, DMA_ALLOC */
#define UDRV_DMA_MAX_IDS	16384		/* mappings of one open */
#define UDRV_DMA_MAX_MAP	(1ull << 38)	/* bytes, one DMA_MAP */

struct udrv_dma_segment {
	__aligned_u64 iova;		/* what the device is told */
	__aligned_u64 length;		/* bytes */
};

/*
 * One mapping.  Which fields each command reads (r) and writes (w); the others
 * are ignored, but reserved is 0:
 *
 *		   ALLOC  MAP  SYNC  UNMAP  LIST
 *	flags	     r     r    r     -      -	UDRV_DMA_TO/FROM_DEVICE
 *	width	     r     r    -     -      -	address bits the device has, 12 .. 64;
 *						0 = below 4 GiB while there is room
 *	id	     w     w    r     r      w
 *	address	     -     r    -     -      w	user address
 *	length	     r     r    r     -      w	bytes
 *	offset       -     -    r     -      -  SYNC: from the mapping's start
 *	segments     -     r*   -     -      -	user address of an array
 *	out_iova     w     w    -     -      w	address of the first byte
 *	out_mmap_offset
 *		     w     -    -     -      w
 *	out_segments -     w    -     -      -	how many the map has
 *	out_state    -     -    -     -      w	UDRV_DMA_STATE_*
 *	out_pid      -     -    -     -      w	in the caller's namespace
 *
 * Behind an IOMMU a map is one segment, and segments may be 0.  A map exposes
 * the whole pages it touches.  FROM_DEVICE needs the memory writable.
 */
struct udrv_dma {
	__u32 flags;
	__u32 width;
	__u32 id;
	__u32 segment_capacity;		/* elements at segments */
	__aligned_u64 address;
	__aligned_u64 length;
	__aligned_u64 offset;
	__aligned_u64 segments;		/* struct udrv_dma_segment[], or 0 */
	__aligned_u64 out_iova;
	__aligned_u64 out_mmap_offset;
	__u32 out_segments;
	__u32 out_state;
	__s32 out_pid;
	__u32 reserved;			/* 0 */
};

/*
 * An array of mappings.  Entries are done in order; at the first failure the
 * call stops with its errno: out_done entries are done and stay so.
 * DMA_LIST: fills up to count entries; out_done = how many there are.
 */
struct udrv_dma_batch {
	__u32 size;
	__u32 flags;			/* 0 */
	__aligned_u64 entries;		/* struct udrv_dma[count] */
	__u32 count;			/* 1 .. UDRV_DMA_MAX_BATCH; LIST: 0 ..
					 * UDRV_DMA_MAX_IDS
					 */
	__u32 entry_size;		/* sizeof(struct udrv_dma) */
	__u32 out_done;
	__u32 reserved;			/* 0 */
};

/* --------------------------------------------------- counters, the reason */

/* Since the device was bound. */
struct udrv_counters {
	__u32 size;
	__u32 flags;			/* 0 */
	__aligned_u64 out_opens;
	__aligned_u64 out_interrupts;	/* claimed */
	__aligned_u64 out_not_ours;	/* on a shared line, not claimed */
	__aligned_u64 out_storms;
	__aligned_u64 out_programs;
	__aligned_u64 out_steps;
	__aligned_u64 out_maps;		/* DMA_ALLOC and DMA_MAP entries */
	__aligned_u64 out_unmaps;
	__aligned_u64 out_mapped_bytes;	/* now, in whole pages */
	__aligned_u64 out_refusals;
};

/* The last refusal of this open file, a sentence; empty if there was none. */
struct udrv_reason {
	__u32 size;
	__u32 flags;			/* 0 */
	__s32 out_errno;
	__u32 reserved;			/* 0 */
	char  out_text[240];
};

/* ------------------------------------------------- devices that are not PCI */

#define UDRV_LEGACY_RANGES	6
#define UDRV_LEGACY_LINES	4
#define UDRV_LEGACY_NAME	32	/* bytes, with the 0 */
#define UDRV_LEGACY_FROM	64

struct udrv_legacy_range {
	__u32 kind;			/* UDRV_KIND_PORTS or UDRV_KIND_MEM */
	__u32 reserved;			/* 0 */
	__aligned_u64 start;		/* the first port, or physical address */
	__aligned_u64 bytes;		/* 1 .. 2^39 */
};

/*
 * udrv_legacy.lines: a line of the ISA bus is its number, 0 .. 15, alone; how it
 * fires the firmware has said.  Above them ACPI numbers the inputs of the I/O
 * interrupt controllers (global system interrupts, GSI), and the declaration
 * says how that one fires.
 */
#define UDRV_LINE_NUMBER	((1u << 29) - 1)
#define UDRV_LINE_GSI		(1u << 31)
#define UDRV_LINE_LEVEL		(1u << 30)	/* with GSI; else by edge */
#define UDRV_LINE_LOW		(1u << 29)	/* with GSI: active low, or
						 * falling; else high, rising
						 */

/* udrv_legacy.flags */
#define UDRV_LEGACY_NEXT	(1u << 0)	/* GET: the one after name, in
						 * alphabetical order; after an
						 * empty name the first
						 */

/*
 * What a device is made of.  UDRV_LEGACY_ADD (O_RDWR and CAP_SYS_ADMIN, at
 * each call) makes it the device file /dev/udrv/NAME: region i is range i,
 * vector i of UDRV_IRQ_LINES is line i.  It has no other interrupts, no DMA
 * and no reset.  UDRV_LEGACY_REMOVE takes it away again, as unbinding does,
 * whoever has it open.  UDRV_LEGACY_GET reads a declaration back, all fields
 * but size and flags; ENOENT: no such, or no next one.
 *
 * Refused is what somebody holds (EBUSY): ranges that a driver, another
 * declaration or a BAR has, lines that are in use, a GSI that the kernel has set
 * up to fire in another way; declared first, it is the PCI device of that GSI
 * that cannot be enabled, if it wants it to fire otherwise.  And (EPERM) memory that is
 * RAM or the firmware's, and the ports of configuration space, of the interrupt
 * controllers and of the firmware; and anything while the kernel is locked down.
 *
 * The PC's keyboard controller, ports 0x60 and 0x64 as a range each, is had by
 * the kernel's driver i8042 without a word.  It is refused (EBUSY), here and to
 * whoever opens it, while that driver has it; an owner loses it (ENODEV) when
 * the driver gets it.  At the end of each open its configuration byte is put
 * back as it was when declared.
 *
 * A name is a letter, then letters, digits, '_', '.' and '-', letters being
 * small; not "control".  In @from user space notes which device's driver was
 * asked to leave; the kernel keeps it and no more.  Unused ranges, lines and
 * bytes of strings are 0.
 */
struct udrv_legacy {
	__u32 size;
	__u32 flags;			/* 0; GET: UDRV_LEGACY_NEXT */
	char  name[UDRV_LEGACY_NAME];
	char  from[UDRV_LEGACY_FROM];
	__u32 range_count;
	__u32 line_count;
	struct udrv_legacy_range ranges[UDRV_LEGACY_RANGES];
	__u32 lines[UDRV_LEGACY_LINES];	/* 0 .. 15, or UDRV_LINE_* */
};

struct udrv_legacy_name {
	__u32 size;
	__u32 flags;			/* 0 */
	char  name[UDRV_LEGACY_NAME];
};

#endif /* _UAPI_UDRV_H */
