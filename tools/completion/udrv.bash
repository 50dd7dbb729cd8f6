# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of udrv for bash: the tool itself knows how a line can go on.

_udrv()
{
	local line=${COMP_LINE:0:COMP_POINT} current kept candidate
	local -a words

	# By blanks alone: an address has colons in it, which bash breaks at.
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=("")
	current=${words[-1]}
	kept=${current%"${current##*[:=]}"}
	COMPREPLY=()
	while read -r candidate; do
		if [[ $candidate == "$current"* ]]; then
			COMPREPLY+=("${candidate#"$kept"}")
		fi
	done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
	if [[ ${#COMPREPLY[@]} == 1 && ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
	return 0
}
complete -F _udrv udrv
