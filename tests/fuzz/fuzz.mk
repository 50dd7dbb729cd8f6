# SPDX-License-Identifier: MIT
#
# Included by the Makefile, after tests/asan/asan.mk.  Each NAME_fuzz.c is about what a
# device, a file or a user hands over.  Two programs are made of it: by clang one
# that libFuzzer drives (`make fuzz-user`; what it finds stays in build/fuzz), and
# by the usual compiler one that plays back NAME.seeds and what is made of them, a
# test like the unit tests.

FUZZ_NAMES := arguments ata conf ide kbd names nbd net nic parport pcap ps2 ring
FUZZ_HELPERS := build/obj/tests/fuzz/hostile.o
FUZZ_ARGUMENTS := $(call objects,tests/fuzz/arguments_[^f]*.c)
FUZZ := build/fuzz
FUZZ_FLAGS := -O1 -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer \
	-Wno-gnu-variable-sized-type-not-at-end
fuzz_of = $(call in_tree,$(FUZZ),$(1))

$(FUZZ)/obj/%.o: CC := clang
$(eval $(call checked_tree,$(FUZZ),$(FUZZ_FLAGS)))
$(FUZZ)/obj/%.o: | need-fuzz

.PHONY: need-fuzz fuzz-user
need-fuzz: need-test
	@tests/qemu/need fuzz

# hostile.o has some of libudrv's calls, and is in front: the first is taken.
# Drivers' time is its own there, but not libFuzzer's.
FUZZ_LINK := -Wl,-z,muldefs
define fuzz_tree
$(1)/hostile-drivers.a: $(1)/drivers.a
	$$(Q)objcopy $(foreach each,poll clock_gettime nanosleep,--redefine-sym $(each)=hostile_$(each)) $$< $$@

$(1)/fuzz.a: $(call in_tree,$(1),$(FUZZ_HELPERS))
	$$(call tell,AR)
	@rm -f $$@
	$$(Q)$$(AR) qcs $$@ $$^
endef
$(eval $(call fuzz_tree,$(FUZZ)))
$(eval $(call fuzz_tree,$(ASAN)))

FUZZERS := $(FUZZ_NAMES:%=$(FUZZ)/%)
$(FUZZERS): $(FUZZ)/%: $(FUZZ)/obj/tests/fuzz/%_fuzz.o \
		$(FUZZ)/tools.a $(FUZZ)/hostile-drivers.a $(FUZZ)/fuzz.a $(FUZZ)/libudrv.a
	$(call tell,LD)
	$(Q)clang -fsanitize=fuzzer,address,undefined $(FUZZ_LINK) $(LDFLAGS) -o $@ \
		$(filter %.o,$^) $(filter %.a,$^) $(PKG_LIBS) $(PCAP_LIBS) $(TOOL_LIBS) $(SERVICE_LIBS)
$(FUZZ)/arguments: $(call fuzz_of,$(FUZZ_ARGUMENTS))

REPLAYS := $(FUZZ_NAMES:%=$(ASAN)/tests/fuzz/%_replay)
$(REPLAYS): LDLIBS += $(PCAP_LIBS) $(TOOL_LIBS) $(SERVICE_LIBS) $(FUZZ_LINK)
$(REPLAYS): $(ASAN)/tests/fuzz/%_replay: $(ASAN)/obj/tests/fuzz/%_fuzz.o \
		$(ASAN)/obj/tests/fuzz/replay.o $(ASAN)/tools.a \
		$(ASAN)/hostile-drivers.a $(ASAN)/fuzz.a $(ASAN)/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(ASAN_LINK)
$(ASAN)/tests/fuzz/arguments_replay: $(call asan_of,$(FUZZ_ARGUMENTS))
sanitized: $(REPLAYS)

fuzz-user: $(FUZZERS) ## feed garbage to all that parses (FUZZ_SECONDS=30 each, FUZZ_NAMES=; needs clang)
	@tests/fuzz/user $(or $(FUZZ_SECONDS),30) $(FUZZ_NAMES)
