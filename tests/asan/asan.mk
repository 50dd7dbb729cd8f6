# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  The library, drivers, tools and tests once more, in
# build/asan, with the compiler's checks for memory (AddressSanitizer, with
# LeakSanitizer) and for undefined behaviour; the first finding ends a program.
#
# What differs: mlockall() does nothing there, as the checks' own tables are
# larger than any memory.

ASAN := build/asan
ASAN_FLAGS := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
# build/... in another directory.
in_tree = $(patsubst build/%,$(1)/%,$(2))

# checked_tree DIRECTORY, FLAGS: objects and archives there.
define checked_tree
$(1)/obj/%.o: %.c | need-test
	$$(call tell,CC)
	@mkdir -p $$(@D)
	$$(Q)$$(COMPILE) $$(PKG_CFLAGS) $(2) -c -o $$@ $$<

$(call in_tree,$(1),$(call objects,libudrv/*.c)): CPPFLAGS += -Ilibudrv
$(call in_tree,$(1),$(call objects,tests/*/*.c)): CPPFLAGS += -Itests/qemu -Ilibudrv -Idrivers -Itools

$(1)/libudrv.a: $(call in_tree,$(1),$(LIB_OBJ))
$(1)/drivers.a: $(call in_tree,$(1),$(DRIVER_OBJ))
$(1)/tools.a: $(call in_tree,$(1),$(TOOL_OBJ))
# Appended to, since drivers have files of the same name.
$(1)/libudrv.a $(1)/drivers.a $(1)/tools.a:
	$$(call tell,AR)
	@rm -f $$@
	$$(Q)$$(AR) qcs $$@ $$^

-include $(shell find $(1)/obj -name '*.d' 2>/dev/null)
endef
$(eval $(call checked_tree,$(ASAN),$(ASAN_FLAGS)))

asan_of = $(call in_tree,$(ASAN),$(1))
ASAN_TOOLS := $(call asan_of,$(DRIVERS) $(TOOL))
ASAN_UNIT := $(call asan_of,$(UNIT_TESTS))
# Those that use libudrv; the others are about the module.
ASAN_VM := $(patsubst %,$(ASAN)/tests/%_test,block libudrv net legacy_tool watch)
ASAN_LINK = $(Q)$(CC) $(ASAN_FLAGS) $(LDFLAGS) -o $@ \
	$(filter %.o,$^) $(filter-out $(ASAN)/libudrv.a,$(filter %.a,$^)) $(ASAN)/libudrv.a \
	$(PKG_LIBS) $(LDLIBS)

define asan_driver_rule
$(call asan_of,$(call program,$(1))): $$(call asan_of,$$(call objects,drivers/$(1)/*.c drivers/*.c))
endef
$(foreach name,$(DRIVER_NAMES),$(eval $(call asan_driver_rule,$(name))))
$(call asan_of,$(DRIVERS)): LDLIBS += $(SERVICE_LIBS)
$(ASAN)/udrv-e1000: LDLIBS += $(PCAP_LIBS)
$(call asan_of,$(TOOL)): LDLIBS += $(TOOL_LIBS)
$(call asan_of,$(TOOL)): $(call asan_of,$(TOOL_OBJ))

$(ASAN_UNIT): LDLIBS += -lcmocka $(PCAP_LIBS) $(TOOL_LIBS) $(SERVICE_LIBS)
$(ASAN_UNIT): $(ASAN)/tests/%: $(ASAN)/obj/tests/%.o $(call asan_of,$(UNIT_OBJ)) \
		$(ASAN)/drivers.a $(ASAN)/tools.a

$(ASAN_VM): LDLIBS += -lpthread
$(ASAN_VM): $(ASAN)/tests/%: $(ASAN)/obj/tests/qemu/%.o $(call asan_of,$(HARNESS_OBJ))

$(ASAN_TOOLS) $(ASAN_UNIT) $(ASAN_VM): $(ASAN)/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(ASAN_LINK)

.PHONY: sanitized check-sanitized
sanitized: $(ASAN_TOOLS) $(ASAN_UNIT) $(ASAN_VM)

check-sanitized: need-test sanitized ## the unit tests, and all of the drivers' in a virtual machine, with the compiler's checks
	@$(CHECK) sanitized-unit sanitized
