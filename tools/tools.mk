# SPDX-License-Identifier: MIT
# What is installed with the udrv tool: completions, man pages, register files.

SHAREDIR ?= $(PREFIX)/share
TOOL_SHARE := bash-completion/completions/udrv zsh/site-functions/_udrv \
	man/man8/udrv.8 man/man5/udrv.conf.5 man/man5/udrv-registers.5 \
	$(addprefix udrv/registers/,$(notdir $(wildcard tools/registers/*.regs)))

.PHONY: install-tools uninstall-tools
install-tools:
	install -Dm644 tools/completion/udrv.bash \
		$(DESTDIR)$(SHAREDIR)/bash-completion/completions/udrv
	install -Dm644 tools/completion/_udrv \
		$(DESTDIR)$(SHAREDIR)/zsh/site-functions/_udrv
	install -Dm644 -t $(DESTDIR)$(SHAREDIR)/man/man8 tools/man/*.8
	install -Dm644 -t $(DESTDIR)$(SHAREDIR)/man/man5 tools/man/*.5
	install -Dm644 -t $(DESTDIR)$(SHAREDIR)/udrv/registers tools/registers/*.regs

uninstall-tools:
	rm -f $(addprefix $(DESTDIR)$(SHAREDIR)/,$(TOOL_SHARE))
