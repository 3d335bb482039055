#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool trace: each script of contrib/bpftrace, by a real bpftrace, shows what real processes do.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

KREG_BPFTRACE_DIR=$(cd "${0%/*}/../contrib/bpftrace" && pwd)
export KREG_BPFTRACE_DIR

# trace ARGUMENTS: its output is in traced, its pid is $tracer. bpftrace complains at its end without tracefs.
trace() {
	: >"$folder/traced"
	if [ -e /sys/kernel/tracing/uprobe_events ]; then
		"$regtool" "$@" >"$folder/traced" 2>"$folder/err" &
	else
		unshare -m sh -c 'mount -t tracefs kreg-test /sys/kernel/tracing; exec "$@"' sh "$regtool" "$@" \
			>"$folder/traced" 2>"$folder/err" &
	fi
	tracer=$!
	started="$started $tracer"
}

# traced EXPRESSION: a line of the output.
traced() {
	grep -Eq -- "$1" "$folder/traced"
}

# do_until EXPRESSION COMMAND...: it is repeated until it was traced: probes are attached some time after the start.
do_until() {
	expression=$1
	shift
	tries=100
	until "$@" >/dev/null 2>&1 && traced "$expression"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || return 1
		sleep 0.1
	done
}

# shows SENTENCE EXPRESSION
shows() {
	if until_ok traced "$2"; then
		ok "$1"
	else
		not_ok "$1" "no line has $2, but: $(head -c 2000 "$folder/traced")"
	fi
}

shows_no() {
	if traced "$2"; then
		not_ok "$1" "there is $2: $(grep -E -- "$2" "$folder/traced" | head -n 3)"
	else
		ok "$1"
	fi
}

end_trace() {
	kill -INT "$tracer"
	exits 0 "^C ends it" wait "$tracer"
}

arguments() {
	exits 0 "the list" "$regtool" trace --list --no-header -o name
	exits 0 "is that of the files" [ "$(cat "$folder/out")" = "$(cd "$KREG_BPFTRACE_DIR" && ls | sed 's/\.bt$//')" ]
	# shellcheck disable=SC2016 # it is a line of awk
	exits 0 "each of which says what it shows" sh -c '"$1" trace --list --no-header | awk "NF < 5 { exit 1 }"' sh "$regtool"
	for name in $("$regtool" trace --list --no-header -o name); do
		exits 0 "the usage has $name" sh -c '"$1" trace --help | grep -qw "$2"' sh "$regtool" "$name"
	done
	exits 2 "no script" "$regtool" trace
	exits 2 "one that does not exist" "$regtool" trace nonesuch
	exits 2 "one of another folder" "$regtool" trace ../bpftrace/grace
	exits 2 "a list of one process" "$regtool" trace --list --pid 1
	exits 1 "a registry that does not exist" "$regtool" -r nonesuch trace grace
	says "is named" err 'registry "nonesuch" does not exist'
	exits 1 "a process that does not exist" "$regtool" trace --all grace --pid 4194304
	says "is named" err "there is no process 4194304"
	exits 4 "a process without the library" "$regtool" trace --all grace --pid $$
	says "which is said" err "has no probes of kreg"
	exits 4 "the list of a folder that does not exist" env KREG_BPFTRACE_DIR="$folder/nonesuch" "$regtool" trace --list
	says "is an error of the folder" err "cannot list the scripts in $folder/nonesuch: No such file or directory; KREG_BPFTRACE_DIR"
	exits 4 "a folder that does not exist" env KREG_BPFTRACE_DIR="$folder/nonesuch" "$regtool" trace --all grace
	says "is named" err "$folder/nonesuch"
	mkdir "$folder/bin"
	for tool in sh sed cat ls dirname basename grep; do
		ln -s "$(command -v "$tool")" "$folder/bin/$tool"
	done
	exits 4 "without bpftrace" env PATH="$folder/bin" "$regtool" trace --all grace
	says "its package is named" err "install the package bpftrace"
	rm -r "$folder/bin"
}

registrations() {
	"$regtool" create seen
	trace -r seen trace registrations
	exits 0 "a name that is registered" do_until ' registered +- +first$' "$regtool" -r seen run first -- true
	"$regtool" -r other run "unseen" -- true
	# shellcheck disable=SC2016
	"$regtool" -r seen run "$(printf 'a\033[1m\n.')" -- true
	shows "bytes that are not printable" ' registered +- +a\\x1b\[1m\\x0a\.$'
	shows_no "and not those of another registry" unseen
	hold seen pair
	shows "a name that is unregistered" "^[0-9:]{8} $held +unregistered +- +pair\$"
	end_service "$held"
	end_trace
	hold seen grow
	trace trace registrations --all --pid "$held"
	shows "the names of one process" "^[0-9:]{8} $held +registered +- +grown/[0-9]+\$"
	exits 0 "and of no other" sh -c '! sed 1d "$1" | grep -v " $2 "' sh "$folder/traced" "$held"
	end_service "$held"
	wait "$tracer" 2>/dev/null
	trace trace registrations --all
	exits 0 "all registries" do_until 'registered +- +one$' "$regtool" -r seen run one -- true
	"$regtool" -r other run two -- true
	shows "in one trace" 'registered +- +two$'
	end_trace
}

# die KEY: a process that dies while it holds it, and a sweep.
die() {
	KREG_REGISTRY=seen
	export KREG_REGISTRY
	run_service "$1"
	end_service "$service"
	"$regtool" sweep
	unset KREG_REGISTRY
}

deaths() {
	trace -r seen trace purges
	exits 0 "a name of a dead process, and its number" do_until '^[0-9:]{8} [0-9]+ +[0-9a-f]{9,16} +dead$' die dead
	end_trace
	trace -r seen trace sweeps
	exits 0 "a sweep that has found it" do_until '^[0-9:]{8} [0-9]+ +whole +[0-9]+ +1 +[1-9][0-9]*$' die dead
	end_trace
}

refused() {
	"$regtool" -r seen run taken -- "$regtool" -r seen run taken -- true
	[ $? = 3 ]
}

latency() {
	trace -r seen trace latency
	exits 0 "registrations" do_until '^tracing registrations' refused
	exits 0 "one of which is refused" refused
	end_trace
	shows "how long those took that succeeded" '^@registered: $'
	shows "and those that did not" '^@taken: $'
	shows "in nanoseconds" '^\[[0-9]+K?, [0-9]+[KM]?\) +[1-9][0-9]* \|@+ *\|$'
	shows_no "and nothing else" '^@(begin|some|failed)'
}

# What unregisters wants memory back, and finds the reader there.
reclaim() {
	"$regtool" -r held run short -- true
	"$regtool" -r held sweep
}

has_expelled() {
	reclaim
	"$regtool" -r held --json stat | grep -q "\"expelled_last\": *$held,"
}

# A reader that comes, and is expelled.
expel() {
	"$regtool" destroy --force held
	hold held read 20
	until_ok has_expelled
	end_service "$held"
	# not the status of what was killed
	true
}

grace() {
	hold held read 60000
	trace -r held trace grace
	exits 0 "the process that delays it" do_until "^[0-9:]{8} held +$held +$held +read +-\$" reclaim
	end_service "$held"
	exits 0 "until it has gone" do_until "^[0-9:]{8} advanced +$held +$held +read +[0-9]+\$" reclaim
	end_trace
	shows "and for how long in all" "^@held_ms\[$held\]: [1-9][0-9]*\$"
	"$regtool" destroy --force held
	trace trace --all grace
	exits 0 "the process that is expelled" do_until '^[0-9:]{8} expelled +[0-9]+ +[0-9]+ +read +-$' expel
	exits 0 "is the reader" traced " expelled +$held +$held "
	end_trace
}

try_all() {
	exits 0 "$1" true
	if [ "$(id -u)" != 0 ] || ! command -v bpftrace >/dev/null || [ ! -e /sys/bus/event_source/devices/uprobe ]; then
		number=$((number + 1))
		echo "ok $number - $mode: trace # SKIP no root, no bpftrace, or a kernel without uprobes"
		return
	fi
	arguments
	registrations
	deaths
	latency
	grace
	for name in seen other held; do
		"$regtool" destroy --force "$name"
	done
}

in_both_modes
