# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# A private apt per Debian suite: its own sources, lists and archives below
# the cache, an empty dpkg status, nothing of the host's package state read or
# written.  Sourced by `kernel` and `debug-kernel`.

cache=$(realpath -m "${UDRV_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/udrv}")
# depmod; Debian leaves it out of a user's PATH.
PATH=$PATH:/usr/sbin:/sbin
started=$(date +%s)

# say TEXT...: one line of progress with the seconds since the start.
say()
{
	printf '[%3ds] %s\n' $(($(date +%s) - started)) "$*" >&2
}

# take_lock FD: one process at a time downloads or builds a kernel.
take_lock()
{
	flock -w 3 "$1" || {
		say "another run is preparing this kernel, or one of its suite; waiting for it"
		flock "$1"
	}
}

# lock_suite SUITE, unlock_suite: nor do two use its lists and archives, as the
# debug kernel and Debian's would.  A kernel's own lock is taken before it.
lock_suite()
{
	mkdir -p "$cache/apt/$1"
	exec 7>"$cache/apt/$1/lock"
	take_lock 7
}

unlock_suite()
{
	exec 7>&-
}

# host_mirror [-security]: where this host gets its packages from.
host_mirror()
{
	# shellcheck disable=SC2016 # the $(NAMES) are apt's, not the shell's
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(ORIGIN) $(COMPONENT)' \
		'Created-By: Packages' 2>/dev/null |
	awk -v want="$1" '
		$NF != "main" || $1 !~ /debian/ { next }
		want == "" && $2 !~ /[-\/]/ { print $1; exit }
		want != "" && $2 ~ /-security$/ { print $1; exit }'
}

# suite_sources SUITE: the lines of its sources.list.
suite_sources()
{
	key=/usr/share/keyrings/debian-archive-keyring.gpg
	main=$(host_mirror "")
	if [ -z "$main" ]; then
		say "no Debian mirror among this host's apt sources"
		return 1
	fi
	echo "deb [arch=amd64 signed-by=$key] $main $1 main"
	security=$(host_mirror -security)
	if [ "$1" != sid ] && [ -n "$security" ]; then
		echo "deb [arch=amd64 signed-by=$key] $security $1-security main"
	fi
}

# suite_apt SUITE TOOL ARGS...: run apt-get or apt-cache on that suite.
suite_apt()
{
	state=$cache/apt/$1
	tool=$2
	suite_name=$1
	shift 2
	"$tool" -q -o Dir::State="$state/state" -o Dir::Cache="$state/cache" \
		-o Dir::State::status="$state/status" \
		-o Dir::Etc::sourcelist="$state/sources.list" \
		-o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferences=/dev/null \
		-o Dir::Etc::preferencesparts=/dev/null -o Dir::Log="$state" \
		-o APT::Architecture=amd64 -o APT::Architectures=amd64 \
		-o APT::Default-Release="" -o APT::Install-Recommends=false \
		-o APT::Get::List-Cleanup=false -o APT::Sandbox::User="$(id -un)" \
		-o APT::Update::Post-Invoke="" -o APT::Update::Post-Invoke-Success="" \
		-o Acquire::Languages=none -o Acquire::Retries=2 \
		-o Acquire::http::Timeout=30 -o Debug::NoLocking=true "$@" ||
	{
		say "$tool $1 failed for $suite_name"
		return 1
	}
}

# suite_update SUITE: fetch its package lists.
suite_update()
{
	dir=$cache/apt/$1
	mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	suite_sources "$1" >"$dir/sources.list" || return 1
	# --error-on=any: a mirror that doesn't answer is otherwise a warning.
	suite_apt "$1" apt-get update --error-on=any >"$dir/update.log" 2>&1 ||
	{
		tail -n 3 "$dir/update.log" >&2
		return 1
	}
}

# suite_kernel_packages SUITE META: META's closure over kernel packages only
# (the image, its modules, headers, kbuild), as name=version.
suite_kernel_packages()
{
	suite_apt "$1" apt-cache depends --recurse --no-recommends --no-suggests \
		--no-conflicts --no-breaks --no-replaces --no-enhances "$2" |
	grep -E '^linux-(image|modules|binary|headers|kbuild)-' |
	grep -Ev -- '-(unsigned|dbg)$' | sort -u
}

# suite_closure SUITE PACKAGE...: names of the packages and all they depend on.
suite_closure()
{
	name=$1
	shift
	suite_apt "$name" apt-get install --simulate "$@" | awk '/^Inst / { print $2 }'
}

# suite_unpack SUITE DIR PACKAGE...: download the packages, unpack into DIR.
suite_unpack()
{
	suite=$1
	into=$2
	shift 2
	debs=$cache/apt/$suite/debs
	rm -rf "$debs"
	mkdir -p "$debs" "$into"
	say "$suite: downloading $# packages"
	(cd "$debs" && suite_apt "$suite" apt-get download "$@" >download.log 2>&1) ||
	{
		tail -n 5 "$debs/download.log" >&2
		return 1
	}
	say "$suite: unpacking $(du -sh "$debs" | cut -f1)"
	for deb in "$debs"/*.deb; do
		dpkg-deb -x "$deb" "$into" || return 1
	done
	rm -rf "$debs"
}
