# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
#
# What tests/run, bench/demo and bench/run share: progress with elapsed time, becoming root for a command, the
# installation of the build dependencies of debian/control, the release build. Sourced by bash; needs $root_dir.

house_started=$SECONDS

# Prints one line with the time since the start.
say() {
	local elapsed=$((SECONDS - house_started))

	printf '[%2d:%02d] %s\n' $((elapsed / 60)) $((elapsed % 60)) "$*"
}

# Ends the script: `die STATUS TEXT`.
die() {
	printf '%s: %s\n' "$(basename "$0")" "$2" >&2
	exit "$1"
}

# Runs a command as root: directly, or by sudo without a question where that is possible.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die 3 "neither root nor sudo: cannot run \"$*\" (run this as root, or install what debian/control lists)"
	fi
}

# Whether as_root can work without asking a person for a password.
can_be_root() {
	[ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null
}

# Runs a long command with its output in a file: `run_logged WHAT LOG COMMAND...`. Every 15 seconds a
# line says how far it is; when it fails, the end of its output is shown. Returns its status.
run_logged() {
	local what=$1 log=$2 pid status=0 waited=0

	shift 2
	say "$what"
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		sleep 0.5
		waited=$((waited + 1))
		if [ $((waited % 30)) = 0 ]; then
			say "  … $(tail -c 300 "$log" | tr '\r' '\n' | grep -v '^ *$' | tail -n 1 | cut -c 1-90)"
		fi
	done
	wait "$pid" || status=$?
	if [ "$status" != 0 ]; then
		echo "--- the end of $log:"
		tail -n 40 "$log"
		echo "--- \"$what\" failed with status $status"
	fi
	return "$status"
}

# Installs what debian/control lists and the machine lacks. `log` takes the output of apt.
install_missing() {
	local log=$1 apt

	if command -v dpkg-checkbuilddeps >/dev/null && (cd "$root_dir" && dpkg-checkbuilddeps 2>/dev/null); then
		say "build dependencies: all there"
		return 0
	fi
	command -v apt-get >/dev/null || die 3 "no apt-get: this is made for Debian 12 (debian/control lists what is needed)"
	# The first question for a password comes here, where a person sees it.
	as_root true || die 3 "cannot become root to install build dependencies"
	apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
	run_logged "apt-get update" "$log" as_root "${apt[@]}" update || die 3 "apt-get update failed"
	cd "$root_dir" || exit 3
	run_logged "installing the build dependencies of debian/control" "$log" \
		as_root "${apt[@]}" --no-install-recommends build-dep ./ || die 3 "apt-get build-dep failed"
}

# Builds the given targets (all without any) in build/release, the build that demo and benchmarks show.
build_release() {
	local build=$root_dir/build/release log=$root_dir/build/release.log

	mkdir -p "$root_dir/build" || return 1
	if [ ! -f "$build/build.ninja" ]; then
		rm -rf "$build"
		run_logged "build/release: configure" "$log" \
			meson setup -Dbuildtype=release -Db_lto=true "$build" "$root_dir" || return 1
	fi
	run_logged "build/release: compile" "$log" ninja -C "$build" "$@"
}
