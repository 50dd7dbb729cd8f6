# SPDX-License-Identifier: MIT
#
# Included by the Makefile: the long campaigns, whose counts are tests/trust.md.

TRUST ?=
TRUST_SECONDS ?=

.PHONY: trust
trust: need-test lib drivers tools tests ## long campaigns, resumed where they were stopped (TRUST="kills unplugs=100" TRUST_SECONDS=)
	@tests/trust/trust $(if $(TRUST_SECONDS),--seconds $(TRUST_SECONDS)) $(TRUST)
