/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The module's whole internal interface, and its lock order:
 *
 *	udrv_legacy_lock	which devices are declared; never waits for user
 *				space
 *	device_lock(d->hw)	taken by the driver core for bind and unbind, by us
 *				for reset and for the end of an open
 *	  mmap_lock		held by our callers in mmap and in faults
 *	    d->lock		rwsem: who owns the device, what is set up, the
 *				ledger; read = "it is alive while I touch it"
 *	      udrv_groups_lock	IOMMU groups and domain swaps; held while a work
 *				item swaps, which takes none of these
 *	      v->lock		spinlock, hard interrupts: one vector
 *	      r->lock		spinlock: the last refusal
 *	o->io_lock		one register program at a time; taken first, before
 *				user memory is touched, hence above mmap_lock and,
 *				in UDRV_RESET, above device_lock
 *
 * User memory can block for ever (userfaultfd, FUSE), and unbinding must not
 * wait for it.  So unbinding takes device_lock and d->lock only, and nobody
 * copies from or to user space, or pins it, under either.  device_lock is
 * never taken under mmap_lock.
 */
#ifndef UDRV_PRIV_H
#define UDRV_PRIV_H

#include <linux/bitmap.h>
#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/ratelimit.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>
#include <linux/uidgid.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include "../include/uapi/udrv.h"

struct iommu_domain;
struct iova;
struct iova_domain;
struct udrv_dma_entry;
struct udrv_group;
struct udrv_ledger;
struct udrv_open;
struct udrv_vector;

enum udrv_caching { UDRV_UNSET, UDRV_UNCACHED, UDRV_COMBINED };

/* The last refusal of a file, for UDRV_REASON. */
struct udrv_refusal {
	spinlock_t lock;
	int error;			/* as errno has it */
	u32 count;
	char text[sizeof_field(struct udrv_reason, out_text)];
};

struct udrv_region {
	u32 kind;			/* UDRV_KIND_* */
	u32 caps;			/* UDRV_REGION_* */
	u64 size;
	resource_size_t start;
	u64 hole_offset;		/* MSI-X table */
	u64 hole_size;
	struct resource rest;		/* of the page, of a BAR smaller than one */
	/* Of the present open, under d->lock: */
	enum udrv_caching caching;
	void __iomem *iomem;		/* for programs and rules, NULL until used */
};

#define UDRV_MAX_LINES	4

/*
 * A device: a PCI function that is bound to us, or one that root declared
 * (legacy.c).  Lives until the last file on it is gone.
 */
struct udrv_device {
	struct device dev;
	struct cdev cdev;
	struct pci_dev *pdev;		/* NULL: declared */
	struct device *hw;		/* whose device_lock: pdev's, or dev */
	struct rw_semaphore lock;
	struct udrv_region region[UDRV_REGION_COUNT];
	DECLARE_BITMAP(config_writable, PCI_CFG_SPACE_EXP_SIZE);
	struct pci_saved_state *pristine;
	u8 config[PCI_CFG_SPACE_SIZE];	/* as it was when bound */
	struct udrv_group *group;	/* NULL: no IOMMU */
	bool can_reset;
	bool clean;			/* nothing of an owner is left in it */
	bool can_mask_intx;
	u32 intx, msi, msix, lines;	/* vectors of each kind */
	int line[UDRV_MAX_LINES];	/* Linux's numbers; vector i is line[i] */
	/* It has the PC keyboard's ports: legacy_keyboard.c. */
	bool keyboard;
	bool keyboard_saved;		/* keyboard_config is as it was declared */
	u8 keyboard_config;

	/* Under lock: */
	bool gone;			/* unbound */
	bool resetting;			/* by somebody else */
	bool bus_master;
	struct udrv_open *owner;
	kuid_t last_uid;
	bool had_owner;

	bool has_minor;			/* from alloc until it is unbound */
	/* Lines in the log, each of its own so that one hides no other. */
	struct ratelimit_state rights_limit, blame_limit, storm_limit;

	struct {
		atomic64_t opens, interrupts, not_ours, storms, programs;
		atomic64_t steps, maps, unmaps, mapped_bytes, refusals;
	} count;
};

/* An open file: the owner's, or an observer's (then only the first part). */
struct udrv_open {
	struct kref kref;		/* the file's, and each vector file's */
	struct udrv_device *d;
	bool owner;
	struct pid *pid;
	char comm[TASK_COMM_LEN];	/* whose name it was opened in */
	struct udrv_refusal refusal;

	/* The owner's.  Under d->lock unless said otherwise. */
	bool dead;			/* revoked or released */
	bool may_dma;
	kuid_t uid;
	struct address_space *mapping;	/* valid until dead */
	struct page *ones;		/* what a revoked BAR mapping shows */

	u32 irq_kind;
	u32 irq_vectors;		/* set up now */
	u32 max_vectors;
	struct udrv_vector **vector;	/* [max_vectors]; once made, stays */
	struct udrv_vector *first;	/* vector[0], for read() */
	struct page **event_pages;
	u32 event_page_count;
	char *irq_name;

	struct mutex io_lock;
	struct udrv_io_step *steps;	/* under io_lock */
	void *bounce;			/* a page, under io_lock */

	struct udrv_ledger *ledger;	/* made with the first mapping */
	struct udrv_dma_entry *spare;	/* of the last unmap, for the next map */
	struct iova *spare_range;	/* likewise */
	bool behind_iommu;		/* fixed from the open on */
	struct iommu_domain *domain;
	struct iova_domain *iovad;
	u64 iova_first, iova_last, page_sizes;
	unsigned int max_segment;	/* of the device, without an IOMMU */
};

#define UDRV_MAX_DEVICES 4096

/* main.c */
extern bool udrv_allow_unsafe_interrupts;
extern bool udrv_enable_unsafe_dma;
extern struct class udrv_class;
extern dev_t udrv_devt;
extern struct xarray udrv_minors;

/* device.c: bind, lifetime, revocation */
extern struct pci_driver udrv_pci_driver;
extern const struct dev_pm_ops udrv_pm_ops;
struct udrv_device *udrv_device_alloc(struct device *parent, const char *name);
void udrv_device_hide(struct udrv_device *d);
int udrv_device_own(struct udrv_device *d, struct udrv_open *o);
void udrv_device_release(struct udrv_open *o);
int udrv_device_reset(struct udrv_open *o);
int udrv_device_bus_master(struct udrv_open *o, bool on);
void udrv_device_revoke(struct udrv_device *d);
void udrv_device_evict(struct udrv_device *d);

/* file.c: file operations, the ioctl table, refusals */
extern const struct file_operations udrv_fops;
void udrv_open_get(struct udrv_open *o);
void udrv_open_put(struct udrv_open *o);
__printf(3, 4)
int udrv_refuse(struct udrv_open *o, int error, const char *format, ...);
__printf(4, 5)
void udrv_blame_by(struct device *dev, struct ratelimit_state *limit,
		   const char *what, const char *format, ...);
#define udrv_blame(d, ...) \
	udrv_blame_by(&(d)->dev, &(d)->rights_limit, __VA_ARGS__)
void udrv_refusal_set(struct udrv_refusal *r, int error, const char *text);
const char *udrv_plain_reason(int error);

/*
 * Copy in a struct of @user_size bytes, of an older or newer caller.
 * @first_size is how long it was when first published.  Inline, since a copy
 * of a size that the compiler knows is several times cheaper.
 */
static __always_inline int udrv_copy_struct(void *to, size_t size,
					    size_t first_size,
					    const void __user *from,
					    u32 user_size)
{
	if (likely(user_size == size))
		return copy_from_user(to, from, size) ? -EFAULT : 0;
	if (user_size < first_size)
		return -EINVAL;
	if (user_size > PAGE_SIZE)
		return -E2BIG;
	return copy_struct_from_user(to, size, from, user_size);
}

/* The same for a struct that starts with its own size. */
static __always_inline int udrv_copy_in(void *to, size_t size, size_t first_size,
					const void __user *from)
{
	u32 user_size;

	if (get_user(user_size, (const u32 __user *)from))
		return -EFAULT;
	return udrv_copy_struct(to, size, first_size, from, user_size);
}

/* May this open touch the device now?  d->lock is held. */
static inline int udrv_usable(const struct udrv_open *o)
{
	if (unlikely(o->dead))
		return -ENODEV;
	return unlikely(o->d->resetting) ? -EAGAIN : 0;
}

static inline const char *udrv_name(const struct udrv_device *d)
{
	return dev_name(&d->dev);
}

/* info.c: what the device has, and what was counted */
long udrv_info(struct udrv_open *o, void __user *arg);
long udrv_region_info(struct udrv_open *o, void __user *arg);
long udrv_counters(struct udrv_open *o, void __user *arg);
long udrv_reason(struct udrv_open *o, void __user *arg);
long udrv_refusal_get(struct udrv_refusal *r, void __user *arg);
long udrv_copy_out(void __user *to, const void *from, u32 user_size,
		   size_t size);

/* bar.c: regions, and their mappings */
#define UDRV_FAULT_WINDOW	SZ_2M	/* what one fault fills */
int udrv_regions_bind(struct udrv_device *d);
void udrv_regions_unbind(struct udrv_device *d);
int udrv_region_check(struct udrv_open *o, u32 region, u64 offset, u64 width,
		      bool write);
int udrv_region_open(struct udrv_open *o, u32 region);
void udrv_regions_close(struct udrv_open *o);
void udrv_regions_zap(struct udrv_open *o);
int udrv_mmap(struct file *file, struct vm_area_struct *vma);
vm_fault_t udrv_fault_pfns(struct vm_fault *vmf, unsigned long first_pfn,
			   unsigned long pages, pgoff_t first_pgoff,
			   pgprot_t prot);
vm_fault_t udrv_fault_ones(struct vm_fault *vmf, struct udrv_open *o);

/* config.c: configuration space */
void udrv_config_bind(struct udrv_device *d);
void udrv_config_restore(struct udrv_device *d);
int udrv_config_check(struct udrv_open *o, u64 offset, u32 width, bool write);
u32 udrv_config_read(struct udrv_device *d, u32 offset, u32 width);
void udrv_config_write(struct udrv_device *d, u32 offset, u32 width, u32 value);

/* io.c: register programs */
long udrv_io(struct udrv_open *o, void __user *arg);
u64 udrv_read_register(void __iomem *address, u32 width);
void udrv_write_register(void __iomem *address, u32 width, u64 value);

/* irq.c: interrupts; irq_file.c: how user space waits for them; see irq.h */
void udrv_irq_count(struct udrv_device *d);
int udrv_irq_open(struct udrv_open *o);
void udrv_irq_free(struct udrv_open *o);
long udrv_irq_setup(struct udrv_open *o, void __user *arg);
void udrv_irq_teardown(struct udrv_open *o);
void udrv_irq_quiesce(struct udrv_open *o);
void udrv_irq_resume(struct udrv_open *o);
bool udrv_line_exists(int irq);
u32 udrv_lines_of_isa(void);
int udrv_line_map(u32 line);
void udrv_line_unmap(u32 line);
int udrv_line_try(int irq, const char *name);

/* dma.c: the ledger; dma_file.c: what user space sees of it */
long udrv_dma_alloc(struct udrv_open *o, void __user *arg);
long udrv_dma_map(struct udrv_open *o, void __user *arg);
long udrv_dma_sync(struct udrv_open *o, void __user *arg);
long udrv_dma_unmap(struct udrv_open *o, void __user *arg);
long udrv_dma_list(struct udrv_open *o, void __user *arg);
void udrv_dma_teardown(struct udrv_open *o);
void udrv_dma_free(struct udrv_open *o);
int udrv_dma_mmap(struct udrv_open *o, struct vm_area_struct *vma);

/* group.c: IOMMU groups, and the domain of an open */
/* Domain swaps and resets exclude each other. */
unsigned int udrv_group_lock(void);
void udrv_group_unlock(unsigned int noio);
int udrv_groups_init(void);
void udrv_groups_exit(void);
int udrv_group_bind(struct udrv_device *d);
void udrv_group_unbind(struct udrv_device *d);
int udrv_group_open(struct udrv_device *d, struct udrv_open *o);
void udrv_group_close(struct udrv_open *o);

/* control.c: /dev/udrv/control */
#define UDRV_CONTROL_MINOR	0
struct udrv_control;
int udrv_control_init(void);
void udrv_control_exit(void);
__printf(3, 4)
int udrv_control_refuse(struct udrv_control *c, int error, const char *format,
			...);

/* legacy.c: declared devices */
int udrv_legacy_add(struct udrv_control *c, const struct udrv_legacy *as);
int udrv_legacy_remove(struct udrv_control *c, const char *name);
int udrv_legacy_get(struct udrv_control *c, struct udrv_legacy *as, bool next);
void udrv_legacy_evict_keyboard(void);
void udrv_legacy_exit(void);

/* legacy_check.c: what is wrong with a declaration by itself */
int udrv_legacy_check(struct udrv_control *c, const struct udrv_legacy *as);

/* legacy_keyboard.c: its controller, which i8042 has without asking */
int udrv_keyboard_init(void);
void udrv_keyboard_exit(void);
bool udrv_keyboard_has(const struct udrv_legacy_range *r);
bool udrv_keyboard_driven(void);
void udrv_keyboard_save(struct udrv_device *d);
void udrv_keyboard_restore(struct udrv_device *d);

#endif
