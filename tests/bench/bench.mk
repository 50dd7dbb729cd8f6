# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  Each *_bench.c is a program of tests/bench, the
# other files are shared by all.

BENCHES := $(patsubst tests/bench/%_bench.c,build/bench/%,$(wildcard tests/bench/*_bench.c))
BENCH_OBJ := $(call objects,$(filter-out %_bench.c,$(wildcard tests/bench/*.c)))

build/bench.a: $(BENCH_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BENCHES): build/bench/%: build/obj/tests/bench/%_bench.o build/bench.a
	@mkdir -p $(@D)
	$(LINK) -lpthread

# The guest writes where it can; this is where the figures are looked for.
.PHONY: profile bench-result
bench-result:
	@mkdir -p build/out
	@rm -f build/out/bench.tsv
	@ln -sfn out/bench.tsv build/bench.tsv

bench: $(BENCHES) bench-result

CASE ?= irq-msi-cycle
WHO ?= udrv
VARIANT ?=
profile: need-test $(BENCHES) ## where a bench case's instructions go (CASE=irq-msi-cycle WHO=udrv|vfio|uio)
	@tests/qemu/kernel module $(KERNEL) >/dev/null
	@tests/bench/profile --kernel $(KERNEL) $(if $(FLOW),--flow) '$(CASE)' '$(WHO)' '$(VARIANT)'
