# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  The library's tests, drivers and tools under valgrind:
# build/valgrind has a script (wrap) for each of them, named as it is.  Valgrind sees
# what the compiler's checks (tests/asan) cannot: values that were never set.

VALGRIND := $(patsubst build/%,build/valgrind/%,$(DRIVERS) $(TOOL) \
	$(patsubst %,build/tests/%_test,block libudrv net legacy_tool watch))

$(VALGRIND): build/valgrind/%: tests/valgrind/wrap | build/%
	@mkdir -p $(@D)
	@cp $< $@

.PHONY: valgrind check-valgrind
valgrind: $(VALGRIND)

check-valgrind: need-test lib drivers tools tests valgrind ## a few of the drivers' tests in a virtual machine, under valgrind
	@tests/qemu/need valgrind
	@$(CHECK) valgrind
