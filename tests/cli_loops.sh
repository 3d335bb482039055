#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples of event loops: each waits for a name that another process registers later, prints it, and sees that it
# is killed. In both modes, each in a folder and with a guard of its own. And what doc/event-loops.md shows of them is
# in them.
set -u

examples=${EXAMPLES:?the folder of the built examples}
source=${TOP_SRCDIR:?the top folder of the source}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/said.sh
. "${0%/*}/support/said.sh"
KREG_REGISTRY=example-loops
export KREG_REGISTRY

# Does the process wait for fds, having printed nothing? Not all kernels say where it sleeps.
# shellcheck disable=SC2317 # until_ok calls it
waits() {
	[ ! -s "$folder/said" ] && sleeps "$1"
}

# shellcheck disable=SC2317 # until_ok calls it
sleeps() {
	grep -q '^State:.*S (' "/proc/$1/status" && grep -qE 'poll|^0$' "/proc/$1/wchan"
}

# It is built, or its library is not installed: bootstrap check installs all.
is_built() {
	[ ! -x "$examples/loops/$1" ] || return 0
	if [ -n "${KREG_REQUIRE_BPF:-}" ]; then
		not_ok "$1 is built" "pkg-config did not find its library: bootstrap check installs it"
	else
		skip "$1" "pkg-config did not find its library"
	fi
	return 1
}

# try_loop PROGRAM: does it see the death, and not only the next event, whichever that is?
try_loop() {
	begin said "$examples/loops/$1" oracle
	loop=$pid
	if until_ok waits "$loop"; then
		ok "$1 waits for the name in its loop"
	else
		not_ok "$1 waits for the name in its loop" "wchan $(cat "/proc/$loop/wchan"); $(cat "$folder/said")"
	fi
	begin service "$examples/names" serve oracle
	service=$pid
	says "$1 finds the name when it is registered" said "oracle: pid $service holds it"
	[ "$1" != epoll ] || says "its listener reports that too" said "oracle: event: registered by pid $service"
	if until_ok sleeps "$loop"; then
		ok "$1 goes on while the owner lives"
	else
		not_ok "$1 goes on while the owner lives" "$(cat "$folder/said")"
	fi
	kill -9 "$service"
	wait "$service" 2>/dev/null
	says "$1 sees that the owner is killed" said "oracle: pid $service is dead"
	[ "$1" != epoll ] || says "its listener reports that too" said "oracle: event: the death of pid $service"
	if until_ok has_ended "$loop" && wait "$loop"; then
		ok "$1 ends"
	else
		not_ok "$1 ends" "$(cat "$folder/said")"
		kill -9 "$loop"
	fi
	started=
	exits 2 "$1 needs a name" "$examples/loops/$1"
}

# A zombie is readable in /proc, and has no program.
# shellcheck disable=SC2317 # until_ok calls it
has_ended() {
	! [ -e "/proc/$1/exe" ]
}

try_all() {
	for program in epoll libuv glib; do
		is_built $program && try_loop $program
	done
	exits 0 "their registry has no owner left" "$regtool" destroy example-loops
}

# shown PROGRAM: each line that the page shows of it, without the space in front.
shown() {
	awk -v program="$1" '
		$0 == "<!-- not run: a part of examples/loops/" program ".c, which tests/cli_loops.sh runs -->" { its = 1; next }
		/^```/ && inside { its = inside = 0; next }
		/^```c$/ && its { inside = 1; next }
		inside { sub(/^[ \t]+/, ""); if ($0 != "" && $0 != "...") print }
	' "$source/doc/event-loops.md"
}

mode=page
for program in epoll libuv glib; do
	shown $program >"$folder/shown"
	sed 's/^[[:space:]]*//' "$source/examples/loops/$program.c" >"$folder/program"
	exits 0 "the page shows $program.c" grep -q . "$folder/shown"
	exits 1 "and each line of it is in the file" grep -vxF -f "$folder/program" "$folder/shown"
	sed 's/^/# /' "$folder/out"
done
in_both_modes
