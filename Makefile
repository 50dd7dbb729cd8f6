# SPDX-License-Identifier: MIT
#
# `make help` lists the targets.  Everything built is in build/.
#
# The module is built by kbuild (Kbuild) in build/RELEASE/, which holds links
# to the sources, so that several kernels' objects do not meet.

PREFIX ?= /usr/local
DESTDIR ?=
BINDIR ?= $(PREFIX)/bin
LIBDIR ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
SHAREDIR ?= $(PREFIX)/share
MANDIR ?= $(SHAREDIR)/man
PYTHONDIR ?= $(PREFIX)/lib/python3/dist-packages
LIBEXECDIR ?= $(PREFIX)/libexec/udrv
# Where systemd looks below /usr/local, too.
UNITDIR ?= $(PREFIX)/lib/systemd/system
UDEVDIR ?= $(PREFIX)/lib/udev/rules.d
SYSUSERSDIR ?= $(PREFIX)/lib/sysusers.d
MODULESLOADDIR ?= $(PREFIX)/lib/modules-load.d
CONFDIR := /etc/udrv

# For `make module` and `make install`: the running kernel's headers or, when
# there are none, the newest ones installed.
KDIR ?= $(firstword $(wildcard /lib/modules/$(shell uname -r)/build) \
	$(shell ls -dv1r /lib/modules/*/build 2>/dev/null))
RELEASE = $(shell sed -n 's/.*"\(.*\)".*/\1/p' \
	$(KDIR)/include/generated/utsrelease.h 2>/dev/null)

# For what starts a machine: a Debian suite or `debug`, and what to run.
KERNEL ?= bookworm
MACHINE ?= iommu
MACHINES ?=
TESTS ?=

# V=1 shows the commands.
V ?=
Q := $(if $(V),,@)
tell = @$(if $(V),:,printf '  %-4s %s\n' $(1) $@)

CC ?= cc
CFLAGS ?= -O2 -g
WARNINGS := -Wall -Wextra -Wstrict-prototypes -Wmissing-prototypes -Wshadow \
	-Wvla -Wwrite-strings -Wundef
override CPPFLAGS += -Iinclude -D_GNU_SOURCE
COMPILE = $(CC) -std=c11 $(WARNINGS) $(CPPFLAGS) $(CFLAGS) -fPIC -MMD -MP

PKGS := libevdev pciaccess liburing libnl-genl-3.0
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS))
PKG_LIBS = $(shell pkg-config --libs $(PKGS))
TOOL_LIBS = $(shell pkg-config --libs jansson libkmod)

VERSION := 0.1
SONAME := libudrv.so.0
SHARED := build/libudrv.so.$(VERSION)
TOOL := build/udrv

objects = $(patsubst %.c,build/obj/%.o,$(sort $(wildcard $(1))))
LIB_OBJ := $(call objects,libudrv/*.c)
TOOL_OBJ := $(call objects,tools/*.c)
# A driver's program has its directory's name, but for one: the keyboard's, which
# drives the mouse beside it, is called what people look for.
DRIVER_NAMES := $(patsubst drivers/%/,%,$(sort $(dir $(wildcard drivers/*/*.c))))
PROGRAM_ps2 := kbd
program = build/udrv-$(or $(PROGRAM_$(1)),$(1))
DRIVERS := $(foreach name,$(DRIVER_NAMES),$(call program,$(name)))
# What all drivers can use stands beside them.
DRIVER_COMMON := $(call objects,drivers/*.c)
DRIVER_OBJ := $(DRIVER_COMMON) $(call objects,drivers/*/*.c)
PCAP_LIBS = $(shell pkg-config --libs libpcap)
SERVICE_LIBS = $(shell pkg-config --libs libsystemd)

# What runs with privileges on behalf of drivers that have none, below libexec.
HELPER_NAMES := $(patsubst tools/%/,%,$(sort $(dir $(wildcard tools/*/*.c))))
HELPERS := $(HELPER_NAMES:%=build/udrv-%)

# Test programs: each *_test.c is one, the other files are shared by all.
UNIT_TESTS := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/unit/*_test.c))
UNIT_OBJ := $(call objects,$(filter-out %_test.c,$(wildcard tests/unit/*.c)))
HARNESS_OBJ := $(call objects,$(filter-out %_test.c,$(wildcard tests/qemu/*.c)))
QEMU_TESTS := $(patsubst tests/qemu/%.c,build/tests/%,$(wildcard tests/qemu/*_test.c))
ABI_TESTS := $(patsubst tests/%.c,build/tests/%,$(wildcard tests/abi/*_test.c))
ABI_TESTS_32 := $(patsubst tests/abi/%.c,build/tests32/%,$(wildcard tests/abi/*_test.c))
VM_TESTS := $(QEMU_TESTS) $(ABI_TESTS) $(ABI_TESTS_32)

.DELETE_ON_ERROR:
.PHONY: all module man lib drivers tools tests demo check check-unit check-abi \
	check-vm check-kernels check-debug check-deaths check-packages check-all shell bench lint install \
	install-module install-files install-dkms uninstall uninstall-dkms FORCE clean help need-build need-test need-lint

all: module lib drivers tools ## build the module, the library, drivers and tools (default)

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' Makefile $(wildcard tests/*/*.mk docs/*.mk) | expand -t 24
	@echo 'Variables: KERNEL=bullseye|bookworm|trixie|sid|debug MACHINE=iommu|...'
	@echo '  MACHINES="iommu amd" TESTS="irq.*" KDIR=... PREFIX=... DESTDIR=...'

NEED_test := test
NEED_lint := test lint
need-build need-test need-lint: need-%:
	@tests/qemu/need build $(NEED_$*)

# --- the kernel module

module: | need-build ## build udrv.ko for the running kernel (or KDIR=)
	@test -n "$(RELEASE)" || { echo "no kernel headers in $(or $(KDIR),/lib/modules)" >&2; exit 1; }
	@tests/qemu/stage $(RELEASE) >/dev/null
	$(MAKE) -C $(KDIR) M=$(CURDIR)/build/$(RELEASE) modules

# --- user space

man: need-build $(DRIVERS) ## write the manual pages, in build/man
	@rm -rf build/man
	$(Q)tools/manual build/man
	$(Q)tools/manual-commands build/man $(DRIVERS)

lib: build/libudrv.a build/libudrv.so build/libudrv.pc build/libudrv-e1000.a ## build libudrv
drivers: $(DRIVERS) ## build the drivers
tools: $(TOOL) $(HELPERS) ## build the tools
tests: $(VM_TESTS) $(UNIT_TESTS)

build/obj/%.o: %.c | need-build
	$(call tell,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) $(PKG_CFLAGS) -c -o $@ $<

# Only what include/udrv.h marks is visible outside the shared library.
$(LIB_OBJ): CFLAGS += -fvisibility=hidden
$(LIB_OBJ): CPPFLAGS += -Ilibudrv

build/libudrv.a: $(LIB_OBJ)
	$(call tell,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(SHARED): $(LIB_OBJ)
	$(call tell,LD)
	$(Q)$(CC) -shared -Wl,-soname,$(SONAME) -Wl,--no-undefined $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

build/libudrv.so: $(SHARED)
	@ln -sf $(<F) build/$(SONAME)
	@ln -sf $(<F) $@

PC = sed -e 's|@PREFIX@|$(PREFIX)|g' -e 's|@LIBDIR@|$(LIBDIR)|g' \
	-e 's|@INCLUDEDIR@|$(INCLUDEDIR)|g' -e 's|@VERSION@|$(VERSION)|g' \
	libudrv/libudrv.pc.in
build/libudrv.pc: libudrv/libudrv.pc.in Makefile
	$(call tell,GEN)
	@mkdir -p $(@D)
	@$(PC) >$@

LINK = $(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(PKG_LIBS) $(LDLIBS)

define driver_rule
$(call program,$(1)): $$(call objects,drivers/$(1)/*.c) $(DRIVER_COMMON) build/libudrv.a
	$$(call tell,LD)
	$$(LINK)
endef
$(foreach name,$(DRIVER_NAMES),$(eval $(call driver_rule,$(name))))
$(DRIVERS): LDLIBS += $(SERVICE_LIBS)
build/udrv-e1000: LDLIBS += $(PCAP_LIBS)

# What drivers/e1000/e1000.h declares, for other programs: with no other names.
PACKETS := $(call objects,$(patsubst %,drivers/e1000/%.c,nic start pool rx tx \
	encode wait watch stats filter phy eeprom))
build/libudrv-e1000.a: $(PACKETS)
	$(call tell,AR)
	$(Q)$(LD) -r -o build/obj/libudrv-e1000.o $^
	$(Q)objcopy -w --keep-global-symbol='e1000_*' build/obj/libudrv-e1000.o
	@rm -f $@
	$(Q)$(AR) rcs $@ build/obj/libudrv-e1000.o

# These are built into it.
build/obj/tools/udrv_new.o: $(wildcard tools/skeleton/* tools/skeleton/*/*)

$(TOOL): LDLIBS += $(TOOL_LIBS)
$(TOOL): LDFLAGS += -Wl,--as-needed
$(TOOL): $(TOOL_OBJ) build/libudrv.a
	$(call tell,LD)
	$(LINK)

# These know the library from within.
$(call objects,tools/*/*.c): CPPFLAGS += -Ilibudrv
define helper_rule
build/udrv-$(1): $$(call objects,tools/$(1)/*.c) $(DRIVER_COMMON) build/libudrv.a
	$$(call tell,LD)
	$$(LINK)
endef
$(foreach name,$(HELPER_NAMES),$(eval $(call helper_rule,$(name))))
$(HELPERS): LDLIBS += $(SERVICE_LIBS)
$(HELPERS): LDFLAGS += -Wl,--as-needed

# --- test programs

$(call objects,tests/*/*.c): CPPFLAGS += -Itests/qemu -Ilibudrv -Idrivers -Itools
$(filter build/obj/tests/unit/%,$(call objects,tests/*/*.c)): | need-test

# An archive, so that a driver's main() stays out of its unit tests.  Appended to,
# since drivers have files of the same name.
build/drivers.a: $(DRIVER_OBJ)
	$(call tell,AR)
	@rm -f $@
	$(Q)$(AR) qcs $@ $^

build/tools.a: $(TOOL_OBJ)
	$(call tell,AR)
	@rm -f $@
	$(Q)$(AR) rcs $@ $^

$(UNIT_TESTS): LDLIBS += -lcmocka $(PCAP_LIBS) $(TOOL_LIBS) $(SERVICE_LIBS)
$(UNIT_TESTS): build/tests/%: build/obj/tests/%.o $(UNIT_OBJ) build/drivers.a build/tools.a build/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(LINK)

$(QEMU_TESTS): build/tests/%: build/obj/tests/qemu/%.o $(HARNESS_OBJ) build/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(LINK) -lpthread

$(ABI_TESTS): build/tests/%: build/obj/tests/%.o $(HARNESS_OBJ) build/libudrv.a
	$(call tell,LD)
	@mkdir -p $(@D)
	$(LINK) -lpthread

# The same once more as 32-bit callers of a 64-bit kernel.
build/obj32/%.o: %.c | need-test
	$(call tell,CC)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -m32 -Itests/qemu -Idrivers -c -o $@ $<

$(ABI_TESTS_32): build/tests32/%: build/obj32/tests/abi/%.o \
		$(patsubst build/obj/%,build/obj32/%,$(HARNESS_OBJ))
	$(call tell,LD)
	@mkdir -p $(@D)
	$(Q)$(CC) -m32 $(CFLAGS) $(LDFLAGS) -o $@ $^ -lpthread

-include $(wildcard tests/*/*.mk docs/*.mk)

# --- running things

CHECK = tests/qemu/check --kernel $(KERNEL) $(if $(MACHINES),--machines "$(MACHINES)") \
	$(foreach each,$(TESTS),--only '$(each)')

demo: need-test lib drivers tools ## see every driver work, in a virtual machine
	@tests/qemu/kernel module $(KERNEL) >/dev/null
	@tests/qemu/vm --kernel $(KERNEL) --machine $(MACHINE) -- tests/qemu/demo

check: need-test lib drivers tools tests sanitized ## run the unit tests and the tests in virtual machines
	@$(CHECK) unit sanitized-unit vm
check-unit: need-test $(UNIT_TESTS) ## run the unit tests only
	@$(CHECK) unit
check-abi: need-test tests ## run the tests of the bare contract only
	@$(CHECK) --only 'abi*' --only '*.32.*' vm
check-vm: need-test lib drivers tools tests $(if $(TESTS),,sanitized) ## run the tests in virtual machines only (KERNEL= MACHINES= TESTS=)
	@$(CHECK) vm
check-kernels: need-test lib drivers tools tests ## build and test on the newest 5.10, 6.1, 6.12, 7.2 of Debian
	@$(CHECK) kernels
check-debug: need-test lib drivers tools tests ## test on a kernel that checks everything it can
	@$(CHECK) debug
check-deaths: need-test lib drivers tools ## kill the driver of a mounted disk 100 times in a row, on that kernel
	@tests/qemu/kernel module debug >/dev/null
	@tests/qemu/vm --kernel debug --silence 20000 --env UDRV_DEATHS=100 \
		-- tests/qemu/guest-run --only='serve.deaths_*' tests/qemu/serve_test.py
check-packages: need-test ## build the Debian packages, install them in a system of its own, see its systemd drive
	@tests/qemu/need package
	@$(CHECK) packages
check-all: need-test lib drivers tools tests sanitized
	@$(CHECK) unit sanitized-unit vm sanitized debug kernels

shell: need-test lib drivers tools ## a prompt in a virtual machine with the module loaded
	@tests/qemu/kernel module $(KERNEL) >/dev/null
	@tests/qemu/vm --kernel $(KERNEL) --machine $(MACHINE) --shell

bench: need-test lib drivers tools ## measure against the kernel's ways; results in build/bench.tsv, README.md (CASES=net-*)
	@tests/bench/kernels $(if $(CASES),'$(CASES)')
	@tests/bench/readme

lint: need-lint ## checkpatch, sparse, W=1, shellcheck
	@tests/qemu/lint

# --- installing

PYTHON := $(wildcard libudrv/python/udrv/*.py) libudrv/python/udrv/py.typed
MODDIR = $(DESTDIR)$(INSTALL_MOD_PATH)/lib/modules/$(RELEASE)
DKMSDIR = /usr/src/udrv-$(VERSION)

# Where it says where programs are.
SYSTEM := $(patsubst tools/system/%.in,build/system/%,$(wildcard tools/system/*.in))
UNITS := $(filter %.service %.socket,$(SYSTEM))
RULES := $(filter %.rules,$(SYSTEM))

FORCE:
build/system/%: tools/system/%.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@BINDIR@|$(BINDIR)|g' -e 's|@LIBEXECDIR@|$(LIBEXECDIR)|g' \
		-e 's|@VERSION@|$(VERSION)|g' $< >$@

# What is installed, in words MODE:FILE:TARGET; uninstall removes the targets.
# into,MODE,DIRECTORY,FILES
into = $(foreach each,$(3),$(1):$(each):$(2)/$(notdir $(each)))
HEADERS := include/udrv.h $(wildcard include/udrv_*.h) drivers/e1000/e1000.h
INSTALLED = $(call into,644,$(LIBDIR),build/libudrv.a build/libudrv-e1000.a) \
	$(call into,644,$(LIBDIR),$(SHARED)) \
	$(call into,644,$(LIBDIR)/pkgconfig,build/libudrv.pc) \
	$(call into,644,$(INCLUDEDIR)/udrv,$(HEADERS)) \
	$(call into,644,$(INCLUDEDIR)/udrv/uapi,include/uapi/udrv.h) \
	$(call into,755,$(BINDIR),$(TOOL) $(DRIVERS)) \
	$(call into,755,$(LIBEXECDIR),$(HELPERS)) \
	$(call into,644,$(PYTHONDIR)/udrv,$(PYTHON)) \
	$(foreach n,1 3 4,$(call into,644,$(MANDIR)/man$(n),$(shell ls build/man/man$(n)/*))) \
	$(foreach n,5 8,$(call into,644,$(MANDIR)/man$(n),$(wildcard tools/man/*.$(n)))) \
	$(call into,644,$(SHAREDIR)/udrv/registers,$(wildcard tools/registers/*.regs)) \
	644:tools/completion/udrv.bash:$(SHAREDIR)/bash-completion/completions/udrv \
	644:tools/completion/_udrv:$(SHAREDIR)/zsh/site-functions/_udrv \
	$(call into,644,$(UNITDIR),$(UNITS)) \
	$(call into,644,$(UDEVDIR),$(RULES)) \
	644:tools/system/udrv.sysusers:$(SYSUSERSDIR)/udrv.conf \
	644:tools/system/udrv.modules-load:$(MODULESLOADDIR)/udrv.conf
# Links and directories that are ours alone.
LINKS = $(addprefix $(LIBDIR)/,$(SONAME) libudrv.so)
OUR_DIRS = $(INCLUDEDIR)/udrv/uapi $(INCLUDEDIR)/udrv $(LIBEXECDIR) \
	$(PYTHONDIR)/udrv/__pycache__ $(PYTHONDIR)/udrv \
	$(SHAREDIR)/udrv/registers $(SHAREDIR)/udrv $(CONFDIR)
# What `dkms add` takes.
DKMS = $(call into,644,$(DKMSDIR),build/system/dkms.conf Kbuild) \
	$(call into,644,$(DKMSDIR)/kmod,$(wildcard kmod/*.[ch] kmod/*.sh)) \
	$(call into,644,$(DKMSDIR)/include/uapi,include/uapi/udrv.h)

part = $(word $(1),$(subst :, ,$(2)))
define put
@install -Dm$(call part,1,$(1)) $(call part,2,$(1)) $(DESTDIR)$(call part,3,$(1))

endef
remove = rm -f $(foreach each,$(1),$(DESTDIR)$(call part,3,$(each)))
remove_dirs = for dir in $(addprefix $(DESTDIR),$(1)); do \
	[ ! -d $$dir ] || rmdir --ignore-fail-on-non-empty $$dir; done
# Only a running system has to learn of it.
here = $(if $(DESTDIR),,$(1))

install: install-module install-files ## install below PREFIX (and DESTDIR)

install-module: module
	install -Dm644 build/$(RELEASE)/udrv.ko $(MODDIR)/updates/udrv.ko
	$(if $(DESTDIR)$(INSTALL_MOD_PATH),,depmod $(RELEASE))

# build/libudrv.pc may be another PREFIX's.
install-files: lib drivers tools man $(SYSTEM)
	@$(PC) >build/libudrv.pc
	$(foreach each,$(INSTALLED),$(call put,$(each)))
	for link in $(LINKS); do ln -sf $(notdir $(SHARED)) $(DESTDIR)$$link || exit; done
	install -d $(DESTDIR)$(CONFDIR)
	$(call here,-ldconfig)
	$(call here,$(TELL_SYSTEM))

install-dkms: build/system/dkms.conf ## install the module's source for dkms
	$(foreach each,$(DKMS),$(call put,$(each)))
	$(call here,@echo "now: dkms install udrv/$(VERSION)")

# Without systemd there is nobody to tell.
TELL_SYSTEM = -systemd-sysusers $(SYSUSERSDIR)/udrv.conf; \
	systemctl daemon-reload; udevadm control --reload

uninstall: man ## remove what install installed
	rm -f $(MODDIR)/updates/udrv.ko
	$(if $(DESTDIR)$(INSTALL_MOD_PATH),,depmod $(RELEASE))
	$(call remove,$(INSTALLED))
	rm -f $(addprefix $(DESTDIR),$(LINKS))
	rm -f $(DESTDIR)$(PYTHONDIR)/udrv/__pycache__/*.pyc
	$(call remove_dirs,$(OUR_DIRS))
	$(call here,-ldconfig)
	$(call here,-systemctl daemon-reload; udevadm control --reload)

uninstall-dkms: ## remove what install-dkms installed
	$(call here,-dkms remove udrv/$(VERSION) --all)
	$(call remove,$(DKMS))
	$(call remove_dirs,$(addprefix $(DKMSDIR)/,kmod include/uapi include) $(DKMSDIR))

clean: ## remove build/ (kernels stay in the cache)
	rm -rf build

-include $(shell find build/obj build/obj32 -name '*.d' 2>/dev/null)
