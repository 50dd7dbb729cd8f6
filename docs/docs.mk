# SPDX-License-Identifier: MIT
#
# Included by the Makefile.  The README's pictures are made from text; they are
# committed, so that whoever only reads needs nothing.

PICTURES := $(patsubst %.dot,%.svg,$(wildcard docs/*.dot))

.PHONY: pictures
pictures: $(PICTURES) ## draw the README's pictures again

docs/%.svg: docs/%.dot
	@tests/qemu/need docs
	$(call tell,DOT)
	$(Q)dot -Tsvg -o $@ $<
