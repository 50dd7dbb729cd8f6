// SPDX-License-Identifier: MIT
/* Regions: asking about them, mapping them. */
#include <sys/mman.h>
#include <unistd.h>
#include "internal.h"

USR_API int usr_region_info(int fd, unsigned index,
			    struct udrv_region_info *info)
{
	struct udrv_region_info answer = { .size = sizeof(answer), .index = index };

	if (!info)
		return usr_fail(EINVAL, "usr_region_info: info is NULL");
	if (usr_call(fd, UDRV_REGION_INFO, &answer, "usr_region_info"))
		return -1;
	*info = answer;
	return 0;
}

static int usr_region_check(const struct udrv_region_info *region,
			    uint64_t offset, size_t length, unsigned flags)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	if (region->out_kind == UDRV_KIND_NONE)
		return usr_fail(ENXIO, "usr_region_map: the device has no region %u",
				region->index);
	if (!(region->out_caps & UDRV_REGION_MMAP))
		return usr_fail(ENXIO, "usr_region_map: region %u cannot be mapped: use usr_io()",
				region->index);
	if (flags & USR_WRITE_COMBINING && !(region->out_caps & UDRV_REGION_WC))
		return usr_fail(EINVAL, "usr_region_map: region %u is not prefetchable: no write-combining",
				region->index);
	if (offset % page)
		return usr_fail(EINVAL, "usr_region_map: offset %#llx is no multiple of the page size, %llu",
				(unsigned long long)offset, (unsigned long long)page);
	if (offset >= region->out_size || length > region->out_size - offset)
		return usr_fail(EINVAL, "usr_region_map: offset %#llx, %zu bytes: that is not within the %llu bytes of region %u",
				(unsigned long long)offset, length,
				(unsigned long long)region->out_size, region->index);
	return 0;
}

USR_API void *usr_region_map(int fd, unsigned index, uint64_t offset,
			     size_t length, unsigned flags)
{
	struct udrv_region_info region;
	uint64_t at;
	void *address;
	int access;

	if (flags & ~USR_WRITE_COMBINING) {
		usr_fail(EINVAL, "usr_region_map: unknown flags %#x", flags);
		return NULL;
	}
	if (usr_region_info(fd, index, &region) ||
	    usr_region_check(&region, offset, length, flags))
		return NULL;
	if (!length)
		length = (size_t)(region.out_size - offset);
	at = region.out_mmap_offset + offset;
	if (flags & USR_WRITE_COMBINING)
		at |= UDRV_MMAP_WC;
	access = region.out_caps & UDRV_REGION_READ_ONLY ? PROT_READ :
							   PROT_READ | PROT_WRITE;
	address = mmap(NULL, length, access, MAP_SHARED, fd, (off_t)at);
	if (address == MAP_FAILED) {
		usr_fail_call(fd, "usr_region_map");
		return NULL;
	}
	return address;
}

USR_API int usr_region_unmap(void *address, size_t length)
{
	if (munmap(address, length))
		return usr_fail(errno, "usr_region_unmap: %zu bytes at %p are not what usr_region_map() mapped",
				length, address);
	return 0;
}
