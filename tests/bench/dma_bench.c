// SPDX-License-Identifier: MIT
/*
 * What it costs to map memory for the device and to unmap it: two calls for
 * each piece.  The memory is ordinary: private, anonymous, written to once.
 * Ours and the peer's are the very same pages.
 */
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "contract.h"
#include "vfio.h"

#define SMALL	4096u
#define LARGE	BENCH_MEMORY
#define BATCH	64u			/* small pieces in one of our calls */

static struct udrv udrv = UDRV_CLOSED;
static struct vfio vfio = VFIO_CLOSED;
static unsigned char *memory;

/*
 * --- udrv.  As a driver keeps them: what to map is written down once; of what
 * is given back, unmapping needs the ids.
 */

static struct udrv_dma to_map[BATCH], to_unmap[BATCH];
static struct udrv_dma_batch map_batch, unmap_batch;

static int begin_udrv(enum bench_pages pages, unsigned int count, size_t length)
{
	memory = bench_memory(pages);
	for (unsigned int i = 0; i < count; i++)
		to_map[i] = (struct udrv_dma){
			.flags = UDRV_DMA_BOTH, .length = length,
			.address = (uintptr_t)memory + i * length,
		};
	map_batch = (struct udrv_dma_batch){
		.size = sizeof(map_batch), .entries = (uintptr_t)to_map,
		.count = count, .entry_size = sizeof(to_map[0]),
	};
	unmap_batch = map_batch;
	unmap_batch.entries = (uintptr_t)to_unmap;
	return udrv_open(&udrv);
}

static int begin_udrv_small(void)
{
	return begin_udrv(PAGES_SMALL, 1, SMALL);
}

static int begin_udrv_batch(void)
{
	return begin_udrv(PAGES_SMALL, BATCH, SMALL);
}

static int begin_udrv_large(void)
{
	return begin_udrv(PAGES_SMALL, 1, LARGE);
}

static int begin_udrv_scattered(void)
{
	return begin_udrv(PAGES_SCATTERED, 1, LARGE);
}

static int begin_udrv_huge(void)
{
	return begin_udrv(PAGES_HUGE, 1, LARGE);
}

static void cycle_udrv(void)
{
	if (ioctl(udrv.device, UDRV_DMA_MAP, &map_batch))
		die("UDRV_DMA_MAP: %s", strerror(errno));
	for (unsigned int i = 0; i < map_batch.count; i++)
		to_unmap[i].id = to_map[i].id;
	if (ioctl(udrv.device, UDRV_DMA_UNMAP, &unmap_batch))
		die("UDRV_DMA_UNMAP: %s", strerror(errno));
}

static void end_udrv(void)
{
	udrv_close(&udrv);
}

/*
 * --- vfio: one piece a call.  The address is ours to choose: as udrv does,
 * one that large pages fit.
 */

static struct vfio_iommu_type1_dma_map vfio_map[BATCH];
static struct vfio_iommu_type1_dma_unmap vfio_unmap[BATCH];
static unsigned int vfio_count;

static int begin_vfio(enum bench_pages pages, unsigned int count, size_t length)
{
	memory = bench_memory(pages);
	for (unsigned int i = 0; i < count; i++) {
		vfio_map[i] = (struct vfio_iommu_type1_dma_map){
			.argsz = sizeof(vfio_map[i]), .size = length,
			.flags = VFIO_DMA_MAP_FLAG_READ |
				 VFIO_DMA_MAP_FLAG_WRITE,
			.vaddr = (uintptr_t)memory + i * length,
			.iova = LARGE + i * length,
		};
		vfio_unmap[i] = (struct vfio_iommu_type1_dma_unmap){
			.argsz = sizeof(vfio_unmap[i]), .size = length,
			.iova = LARGE + i * length,
		};
	}
	vfio_count = count;
	return vfio_open(&vfio);
}

static int begin_vfio_small(void)
{
	return begin_vfio(PAGES_SMALL, 1, SMALL);
}

static int begin_vfio_batch(void)
{
	return begin_vfio(PAGES_SMALL, BATCH, SMALL);
}

static int begin_vfio_large(void)
{
	return begin_vfio(PAGES_SMALL, 1, LARGE);
}

static int begin_vfio_scattered(void)
{
	return begin_vfio(PAGES_SCATTERED, 1, LARGE);
}

static int begin_vfio_huge(void)
{
	return begin_vfio(PAGES_HUGE, 1, LARGE);
}

static void cycle_vfio(void)
{
	for (unsigned int i = 0; i < vfio_count; i++)
		if (ioctl(vfio.container, VFIO_IOMMU_MAP_DMA, &vfio_map[i]))
			die("VFIO_IOMMU_MAP_DMA: %s", strerror(errno));
	for (unsigned int i = 0; i < vfio_count; i++)
		if (ioctl(vfio.container, VFIO_IOMMU_UNMAP_DMA, &vfio_unmap[i]))
			die("VFIO_IOMMU_UNMAP_DMA: %s", strerror(errno));
}

static void end_vfio(void)
{
	vfio_close(&vfio);
}

/* --- the table; the cases with the same pages follow each other */

#define UDRV(case, count, start) \
	&(const struct way){ .name = case, .unit = "map+unmap", .who = "udrv", \
			     .variant = "", .driver = "udrv", \
			     .repeats = count, .begin = start, \
			     .cycle = cycle_udrv, .end = end_udrv }
#define VFIO(case, count, start) \
	&(const struct way){ .name = case, .unit = "map+unmap", .who = "vfio", \
			     .variant = "", .driver = "vfio-pci", \
			     .repeats = count, .begin = start, \
			     .cycle = cycle_vfio, .end = end_vfio }

static const struct way *const ways[] = {
	UDRV("dma-map-4k", 250, begin_udrv_small),
	VFIO("dma-map-4k", 120, begin_vfio_small),
	UDRV("dma-map-4k-x64", 5, begin_udrv_batch),
	VFIO("dma-map-4k-x64", 3, begin_vfio_batch),
	UDRV("dma-map-2m", 5, begin_udrv_large),
	VFIO("dma-map-2m", 2, begin_vfio_large),
	UDRV("dma-map-2m-scattered", 5, begin_udrv_scattered),
	VFIO("dma-map-2m-scattered", 1, begin_vfio_scattered),
	UDRV("dma-map-2m-huge", 20, begin_udrv_huge),
	VFIO("dma-map-2m-huge", 10, begin_vfio_huge),
	NULL,
};

int main(int argc, char **argv)
{
	return bench_main(argc, argv, ways);
}
