# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  Each *_bench.c is a program of tests/bench, the
# other files are shared by all.

BENCHES := $(patsubst tests/bench/%_bench.c,build/bench/%,$(wildcard tests/bench/*_bench.c))
SERIES := build/bench-sequential build/bench-echo
BENCH_OBJ := $(call objects,$(filter-out %_bench.c %/sequential.c %/echo.c,$(wildcard tests/bench/*.c)))

build/bench.a: $(BENCH_OBJ)
	rm -f $@
	$(AR) rcs $@ $^

$(BENCHES): build/bench/%: build/obj/tests/bench/%_bench.o build/bench.a \
		build/drivers.a build/libudrv.a
	@mkdir -p $(@D)
	$(LINK) -lpthread

$(SERIES): build/bench-%: build/obj/tests/bench/%.o build/bench.a \
		build/drivers.a build/libudrv.a
	$(LINK) -lpthread

# DPDK's driver in a program of its own, linked statically: no call goes by a table.
# By hand, since pkg-config --static wants what all its drivers want.
build/obj/tests/bench/dpdk_bench.o: CPPFLAGS += $(shell pkg-config --cflags-only-I libdpdk 2>/dev/null | sed 's/-I/-isystem /g')
build/obj/tests/bench/dpdk_bench.o: CFLAGS += -include rte_config.h -march=corei7
DPDK_DRIVERS := net_e1000 bus_pci mempool_ring
DPDK_LIBS := ethdev net mbuf mempool ring pci meter eal kvargs telemetry
build/bench/dpdk: LDLIBS += -Wl,--whole-archive $(DPDK_DRIVERS:%=-l:librte_%.a) \
	-Wl,--no-whole-archive -Wl,--start-group $(DPDK_LIBS:%=-l:librte_%.a) \
	-Wl,--end-group -lnuma -lbsd -lm -ldl -latomic

need-bench: need-test
	@tests/qemu/need bench
build/obj/tests/bench/dpdk_bench.o: | need-bench

.PHONY: profile bench-sequential bench-echo need-bench
bench: need-bench $(BENCHES)

CASE ?= irq-msi-cycle
WHO ?= udrv
VARIANT ?=
profile: need-bench build/udrv build/udrv-ide build/udrv-kbd build/udrv-e1000 $(BENCHES) ## where a bench case's instructions go (CASE=irq-msi-cycle WHO=udrv|vfio|... KERNEL=)
	@tests/qemu/kernel module $(KERNEL) >/dev/null
	@tests/bench/profile --kernel $(KERNEL) $(if $(FLOW),--flow) '$(CASE)' '$(WHO)' '$(VARIANT)'

bench-sequential: need-bench build/udrv-ide build/bench-sequential ## disk transfers by request size; build/bench-sequential.tsv
	@tests/bench/kernels --sequential
	@tests/bench/readme

bench-echo: need-bench build/udrv-e1000 build/bench-echo ## a UDP echo by load; build/bench-echo.tsv
	@tests/bench/kernels --echo
	@tests/bench/readme
