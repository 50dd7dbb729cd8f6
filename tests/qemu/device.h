/* SPDX-License-Identifier: MIT */
/* A device under test, by the bare contract.  Addresses: see machines.py. */
#ifndef DEVICE_H
#define DEVICE_H

#include "harness.h"
#include "uapi/udrv.h"

#define EDU		"0000:00:03.0"	/* its INTx line is EDU_SHARED's too */
#define EDU_SHARED	"0000:00:07.0"
#define EDU_ALONE	"0000:00:04.0"
#define IVSHMEM		"0000:00:05.0"
#define E1000		"0000:00:06.0"
#define HOT_PORT	"0000:00:08.0"
#define HOT_EDU		"0000:01:00.0"	/* behind HOT_PORT */
#define GROUP_EDU	"0000:02:01.0"	/* one IOMMU group */
#define GROUP_EDU_2	"0000:02:02.0"
#define NVME		"0000:00:0a.0"

/* sysfs: -errno of the write that did it. */
int device_bind(const char *address);	/* by driver_override */
int device_bind_to(const char *address, const char *driver);
int device_unbind(const char *address);
bool device_bound_to(const char *address, const char *driver);
bool device_exists(const char *address);
/*
 * As faulty as pci_quirk.ko can say (tests/kmod); to be done before it is bound,
 * and undone after each test.
 */
void device_mark(const char *address, const char *fault);
void device_unmark(void);
uint32_t config_read(const char *address, unsigned int offset, unsigned int width);

/* The file, or -errno; O_CLOEXEC is added. */
int device_open(const char *address, int flags);
int device_own(const char *address);	/* bound and open O_RDWR, or the test fails */

/* 0 or -errno. */
int command(int fd, unsigned int number, void *argument);
int bus_master(int fd, unsigned int on);
int reset(int fd);
int release(int fd);
struct udrv_info info(int fd);
struct udrv_region_info region_info(int fd, unsigned int index);
struct udrv_counters counters(int fd);

/* The last refusal: its errno; the sentence is non-empty and contains @word. */
int reason_errno(int fd);
void must_reason(const char *file, int line, int fd, int error, const char *word);
#define MUST_REASON(fd, error, word) must_reason(__FILE__, __LINE__, fd, error, word)

/* mmap, shared, read and write; MAP_FAILED never comes back from must_map(). */
long try_map(int fd, uint64_t offset, size_t length, void **at);
void *must_map(int fd, uint64_t offset, size_t length);
volatile struct udrv_event_slot *map_events(int fd);
/* From now on, a thread takes each event of vector 0 by the page at once. */
void follow_events(int fd);
void unfollow_events(void);

/* Register programs. */
struct udrv_io_step step_read(int region, uint64_t offset, int width);
struct udrv_io_step step_write(int region, uint64_t offset, int width,
			       uint64_t value);
struct udrv_io_step step_wait(int region, uint64_t offset, int width,
			      uint64_t mask, uint64_t value, uint32_t us);
struct udrv_io_step step_string(int op, int region, uint64_t offset, int width,
				uint32_t count, void *data);
int run_steps(int fd, struct udrv_io_step *steps, unsigned int count,
	      unsigned int *done);
int io_read(int fd, int region, uint64_t offset, int width, uint64_t *value);
int io_write(int fd, int region, uint64_t offset, int width, uint64_t value);

/* Interrupts. */
int irq_setup(int fd, unsigned int kind, unsigned int vectors,
	      const struct udrv_irq_rule *rules, unsigned int count);
int irq_fd(int fd, unsigned int vector, unsigned int flags);
long irq_read(int fd, struct udrv_irq_event *event);	/* 0 or -errno */
bool irq_pending(int fd, int timeout_ms);		/* poll: POLLIN */
void set_nonblock(int fd, bool on);

/* DMA: one entry in a batch, or several. */
int dma_batch(int fd, unsigned int number, struct udrv_dma *entries,
	      unsigned int count, unsigned int *done);
int dma_alloc(int fd, size_t length, unsigned int width, struct udrv_dma *map);
int dma_map(int fd, void *memory, size_t length, unsigned int flags,
	    unsigned int width, struct udrv_dma *map);
int dma_unmap(int fd, uint32_t id);
int dma_sync(int fd, uint32_t id, uint64_t offset, uint64_t length,
	     unsigned int flags);
unsigned int dma_count(int fd);		/* mappings of the device's owner */

#endif
