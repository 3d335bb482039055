# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Debian packages in a folder, for scripts that run programs from them: nothing is installed. The system's apt fetches
# them, using its present lists.

# unpack FOLDER PACKAGE...: into FOLDER/root, unless it was done before.
unpack() {
	local folder=$1
	shift
	[ ! -e "$folder/done" ] || return 0
	mkdir -p "$folder/packages" "$folder/root"
	(cd "$folder/packages" && apt-get download -qq -o APT::Sandbox::User=root "$@") >"$folder/log" 2>&1 || {
		cat "$folder/log" >&2
		return 1
	}
	local package
	for package in "$folder"/packages/*.deb; do
		dpkg-deb -x "$package" "$folder/root"
	done
	: >"$folder/done"
}

# now: milliseconds.
now() { echo $(($(date +%s%N) / 1000000)); }

# await WHAT COMMAND...: prints the milliseconds until COMMAND succeeds; it fails after a minute.
await() {
	local what=$1 begun
	shift
	begun=$(now)
	until "$@" >/dev/null 2>&1; do
		[ $(($(now) - begun)) -lt 60000 ] || {
			echo "$what: not within a minute: $*" >&2
			return 1
		}
		sleep 0.005
	done
	echo $(($(now) - begun))
}
