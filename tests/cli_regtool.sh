#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool as an operator uses it: what it prints, and its exit status. In both modes, each in a folder and
# with a guard of its own.
set -u

regtool=${REGTOOL:?the built regtool}
folder=/dev/shm/kreg-test-cli-$$
KREG_DIR=$folder
export KREG_DIR
number=0
status=0
started=

ok() {
	number=$((number + 1))
	echo "ok $number - $mode: $1"
}

not_ok() {
	number=$((number + 1))
	status=1
	echo "not ok $number - $mode: $1"
	echo "# $2"
	[ ! -s "$folder/err" ] || sed 's/^/# /' "$folder/err"
}

# exits STATUS SENTENCE COMMAND...: what it printed is left in out and err.
exits() {
	wanted=$1
	sentence=$2
	shift 2
	"$@" >"$folder/out" 2>"$folder/err"
	got=$?
	if [ $got = "$wanted" ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "exit status $got, not $wanted: $*"
	fi
}

says() {
	if grep -qF -- "$3" "$folder/$2"; then
		ok "$1"
	else
		not_ok "$1" "not said: $3; but: $(cat "$folder/$2")"
	fi
}

# Waits until COMMAND succeeds, for at most ten seconds.
until_ok() {
	left=1000
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.01
	done
}

tidy_up() {
	for pid in $started; do
		kill -9 "$pid" 2>/dev/null
	done
	"$regtool" guard stop --force --path "$pins" >/dev/null 2>&1
	rm -rf "$folder"
}

run_service() {
	"$regtool" run "$1" --value "$2" -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get "$1" || not_ok "run $1" "it never came up"
}

usual_day() {
	exits 1 "a registry that is not there is said so" "$regtool" ls
	exits 0 "create" "$regtool" create default
	exits 4 "create twice is refused" "$regtool" create default
	exits 0 "an empty registry lists nothing" "$regtool" ls
	exits 1 "get of a free name" "$regtool" get cache
	run_service cache /run/cache.sock
	exits 0 "get" "$regtool" get cache
	says "get prints the value" out /run/cache.sock
	exits 0 "ls" "$regtool" ls ca
	says "ls has the name" out cache
	exits 0 "ls --json" "$regtool" ls --json
	says "ls --json has the value" out '"/run/cache.sock"'
	exits 0 "ls of another prefix" "$regtool" ls other
	exits 3 "run of a taken name" "$regtool" run cache -- true
	says "it names the owner" err "$("$regtool" get cache --json | sed 's/.*"pid": *\([0-9]*\).*/\1/')"
	exits 0 "owners" "$regtool" owners --json
	says "owners counts the entries" out '"entries": 1'
	exits 0 "stat" "$regtool" stat --json
	says "stat counts them too" out '"entries": 1'
	exits 4 "destroy with an owner alive is refused" "$regtool" destroy default
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "gone with its owner" "$regtool" get cache
	exits 0 "sweep" "$regtool" sweep
	exits 0 "destroy" "$regtool" destroy default
	exits 1 "destroy twice" "$regtool" destroy default
}

odd_calls() {
	exits 2 "no such command" "$regtool" frobnicate
	exits 2 "get without a key" "$regtool" get
	exits 2 "run without a command" "$regtool" run cache
	exits 2 "a mode that is none" "$regtool" create x --mode 999
	exits 4 "a registry's name that is none" "$regtool" -r a/b run cache -- true
	exits 4 "a key that is empty" "$regtool" run "" -- true
	exits 4 "a command that is not there" "$regtool" run cache -- /nonexistent/command
	exits 1 "and its name is free" "$regtool" get cache
	exits 0 "help" "$regtool" --help
	exits 0 "duplicate keys" "$regtool" create many --keys duplicate
	exits 0 "are destroyed alike" "$regtool" destroy many
	exits 0 "the default goes" "$regtool" destroy default
}

run_forwards() {
	exits 7 "run gives the command's exit status" "$regtool" run cache -- sh -c 'exit 7'
	"$regtool" run cache -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get cache
	kill -TERM "$service"
	wait "$service" 2>/dev/null
	if [ $? = 143 ]; then
		ok "a signal to run is a signal to the command"
	else
		not_ok "a signal to run is a signal to the command" "another status"
	fi
	exits 1 "and its name is free" "$regtool" get cache
	exits 0 "destroy" "$regtool" destroy default
}

guard_commands() {
	exits 1 "status of no guard" "$regtool" guard status --path "$pins"
	exits 0 "guard start" "$regtool" guard start --path "$pins" --seats 64
	exits 0 "guard start again" "$regtool" guard start --path "$pins"
	exits 0 "guard status" "$regtool" guard status --path "$pins" --json
	says "its seats" out 64
}

guard_ends() {
	run_service cache x
	exits 4 "guard stop with an owner alive is refused" "$regtool" guard stop --path "$pins"
	exits 0 "guard stop --force" "$regtool" guard stop --force --path "$pins"
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "guard stop twice" "$regtool" guard stop --path "$pins"
}

pins=/sys/fs/bpf/kreg-test-cli-$$
mkdir "$folder" || exit 99
trap tidy_up EXIT
trap 'exit 1' INT TERM

mode=fallback
KREG_GUARD=none
export KREG_GUARD
usual_day
odd_calls
run_forwards

mode=guard
unset KREG_GUARD
if why=$("$regtool" guard start --path "$pins-probe" 2>&1); then
	"$regtool" guard stop --path "$pins-probe"
	guard_commands
	KREG_GUARD=$pins
	export KREG_GUARD
	usual_day
	odd_calls
	run_forwards
	guard_ends
elif [ -n "${KREG_REQUIRE_BPF:-}" ]; then
	not_ok "a guard is required" "$why"
else
	number=$((number + 1))
	echo "ok $number - guard # SKIP $why"
fi
echo "1..$number"
exit $status
