# SPDX-License-Identifier: MIT
#
# Included by the Makefile: a program for tests/qemu/e1000_test.py.

tests: build/packets
build/packets: tests/packets/packets.c | need-build
	$(call tell,LD)
	@mkdir -p $(@D)
	$(Q)$(COMPILE) -o $@ $< $(LDFLAGS)
