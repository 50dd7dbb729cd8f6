# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  Each *_bench.c is a program of tests/bench, the
# other files are shared by all.

BENCHES := $(patsubst tests/bench/%_bench.c,build/bench/%,$(wildcard tests/bench/*_bench.c))
SEQUENTIAL := build/bench-sequential
BENCH_OBJ := $(call objects,$(filter-out %_bench.c %/sequential.c,$(wildcard tests/bench/*.c)))

build/bench.a: $(BENCH_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BENCHES): build/bench/%: build/obj/tests/bench/%_bench.o build/bench.a \
		build/drivers.a build/libudrv.a
	@mkdir -p $(@D)
	$(LINK) -lpthread

$(SEQUENTIAL): build/obj/tests/bench/sequential.o build/bench.a \
		build/drivers.a build/libudrv.a
	$(LINK) -lpthread

.PHONY: profile bench-sequential
bench: $(BENCHES)

CASE ?= irq-msi-cycle
WHO ?= udrv
VARIANT ?=
profile: need-test build/udrv build/udrv-ide build/udrv-kbd $(BENCHES) ## where a bench case's instructions go (CASE=irq-msi-cycle WHO=udrv|vfio|... KERNEL=)
	@tests/qemu/kernel module $(KERNEL) >/dev/null
	@tests/bench/profile --kernel $(KERNEL) $(if $(FLOW),--flow) '$(CASE)' '$(WHO)' '$(VARIANT)'

bench-sequential: need-test build/udrv-ide $(SEQUENTIAL) ## disk transfers by request size; build/bench-sequential.tsv
	@tests/qemu/need bench
	@tests/bench/kernels --sequential
	@tests/bench/readme
