# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  Each *_fuzz.c is a libFuzzer program; what it
# finds stays in build/fuzz.

FUZZ_NAMES := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))

# What each is about, besides itself.
FUZZ_SOURCES_ps2 := drivers/ps2/scancode.c drivers/ps2/mouse.c

.PHONY: fuzz-user
fuzz-user: $(addprefix build/fuzz/,$(FUZZ_NAMES)) ## feed the decoders garbage (FUZZ_SECONDS=30 each; needs clang)
	$(Q)for name in $(FUZZ_NAMES); do \
		mkdir -p build/fuzz/$$name.corpus && \
		build/fuzz/$$name -max_total_time=$(or $(FUZZ_SECONDS),30) -max_len=256 \
			-artifact_prefix=build/fuzz/$$name- -print_final_stats=1 \
			build/fuzz/$$name.corpus || exit 1; \
	done

define fuzz_rule
build/fuzz/$(1): tests/fuzz/$(1)_fuzz.c $$(FUZZ_SOURCES_$(1)) $$(wildcard drivers/*/*.h)
	$$(call tell,LD)
	@mkdir -p $$(@D)
	$$(Q)clang -std=c11 $$(WARNINGS) $$(CPPFLAGS) -Idrivers -O2 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
		-o $$@ $$(filter %.c,$$^)
endef
$(foreach name,$(FUZZ_NAMES),$(eval $(call fuzz_rule,$(name))))
