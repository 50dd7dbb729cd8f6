#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# probe.sh OUTPUT COMPILER FLAGS...: write OUTPUT, a header that says which
# features the kernel has, by compiling a line that needs each.
set -eu
output=$1
shift
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

compiles() {
	"$@" -Werror -Wno-unused -Wno-missing-prototypes \
		-Wno-missing-declarations -fsyntax-only "$work/probe.c" \
		2>"$work/log"
}

# NAME | HEADERS | CODE
while IFS='|' read -r name headers code; do
	case $name in '' | '#'*) continue ;; esac
	{
		for header in $headers; do
			printf '#include <linux/%s>\n' "$header"
		done
		printf '%s\n' "$code"
	} >"$work/probe.c"
	if compiles "$@"; then
		printf '#define UDRV_HAVE_%s 1\n' "$name"
	else
		printf '/* no %s */\n' "$name"
	fi
done >"$work/probed.h" <<'PROBES'
HEADERS|iommu.h mm.h device.h|int nothing;
DMA_OWNER|iommu.h|int f(struct iommu_group *g) { return iommu_group_claim_dma_owner(g, g); }
IOMMU_MAP_GFP|iommu.h|int f(struct iommu_domain *d) { return iommu_map(d, 0, 0, 0, 0, GFP_KERNEL); }
DEVICE_IOMMU_CAPABLE|iommu.h|bool f(struct device *d) { return device_iommu_capable(d, IOMMU_CAP_CACHE_COHERENCY); }
PAGING_DOMAIN_ALLOC|iommu.h|struct iommu_domain *f(struct device *d) { return iommu_paging_domain_alloc(d); }
ISOLATED_MSI|iommu.h|bool f(struct iommu_group *g) { return iommu_group_has_isolated_msi(g); }
RESET_METHODS|pci.h|int f(struct pci_dev *d) { return d->reset_methods[0]; }
PAGE_KMEMCG|mm.h|int f(struct page *p) { return PageKmemcg(p); }
ENFORCE_COHERENCY|iommu.h|bool f(struct iommu_domain *d) { return d->ops->enforce_cache_coherency(d); }
VM_FLAGS_SET|mm.h|void f(struct vm_area_struct *v) { vm_flags_set(v, VM_IO); }
DEVNODE_CONST|device.h|char *n(const struct device *d, umode_t *m); struct class c = { .devnode = n };
PROBES

# A kernel where nothing compiles must not pass for one that has nothing.
if ! grep -q HAVE_HEADERS "$work/probed.h"; then
	echo "probe.sh: the kernel's headers do not compile:" >&2
	printf '#include <linux/iommu.h>\n' >"$work/probe.c"
	compiles "$@" || cat "$work/log" >&2
	exit 1
fi
mv "$work/probed.h" "$output"
