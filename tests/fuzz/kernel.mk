# SPDX-License-Identifier: MIT
#
# Included by the Makefile: the fuzzer of the contract, and which of the module's
# lines it and the tests reach.

FUZZ_TEST := build/tests/fuzz_test
FUZZ_TEST_OBJ := $(call objects,tests/fuzz/contract/*.c)

$(FUZZ_TEST_OBJ): CPPFLAGS += -Itests/qemu
$(FUZZ_TEST): $(FUZZ_TEST_OBJ) $(HARNESS_OBJ) build/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(LINK) -lpthread

tests: $(FUZZ_TEST)

.PHONY: fuzz coverage
fuzz: need-test $(FUZZ_TEST) ## fuzz the module's contract in a VM (FUZZ_CALLS= FUZZ_SECONDS=300 FUZZ_SEED=1)
	@FUZZ_CALLS='$(FUZZ_CALLS)' FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_SEED='$(FUZZ_SEED)' \
		FUZZ_REPLAY='$(FUZZ_REPLAY)' FUZZ_TIMES='$(FUZZ_TIMES)' \
		FUZZ_LEAKS='$(FUZZ_LEAKS)' FUZZ_AT_ONCE='$(FUZZ_AT_ONCE)' \
		tests/fuzz/fuzz

coverage: need-test lib drivers tools tests ## count the lines of the module that tests and fuzzer reach
	@tests/fuzz/coverage run
