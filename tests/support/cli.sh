# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2317 # for the scripts that read it
# Tests in shell: TAP, a folder and a guard's path of their own, and nothing left at the end. What a killed one leaves is
# removed by the next test of any kind (support/tmp.h).
#
# Needs     $mode in front of each result; each process that is started in $started.
#
# No wait in a script is unlimited: after TEST_LIMIT seconds the script and what it is running get SIGTERM; it tidies up
# and has failed. For that timeout(1) has a process group of its own, so Ctrl-C does not reach the script, and make
# returns when the script has ended. With --foreground a command that hangs would get no SIGTERM, and outlive the script.

if [ -z "${KREG_TEST_LIMITED:-}" ]; then
	KREG_TEST_LIMITED=1
	export KREG_TEST_LIMITED
	exec timeout -k 30 "${TEST_LIMIT:-900}" sh "$0" "$@"
fi

regtool=${REGTOOL:?the built regtool}
leftovers=$(dirname "$regtool")/tests/leftovers
run_name=$("$leftovers" $$) || exit 99
folder=/dev/shm/$run_name
pins=/sys/fs/bpf/$run_name
KREG_DIR=$folder
export KREG_DIR
unset KREG_REGISTRY
number=0
status=0
mode=
started=

# A library with a sanitizer goes only into programs that have it too. Such a program does not fit into a limit on address
# space; and one that is traced cannot look for leaks.
is_sanitized() { nm -D "${LIBKREG:-none}" 2>/dev/null | grep -qE '__(asan|tsan)_init'; }

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

# skip SENTENCE WHY
skip() {
	number=$((number + 1))
	echo "ok $number - $mode: $1 # SKIP $2"
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

# Waits until COMMAND succeeds, for at most ten seconds.
until_ok() {
	left=1000
	until "$@" >/dev/null 2>&1; do
		left=$((left - 1))
		[ $left -gt 0 ] || return 1
		sleep 0.01
	done
}

# What a failure has left: services that are kept, for instance.
end_started() {
	for pid in $started; do
		kill -9 "$pid" 2>/dev/null
	done
	started=
	"$leftovers" end "$run_name"
}

tidy_up() {
	end_started
	"$regtool" guard stop --force --path "$pins" >/dev/null 2>&1
	rm -rf "$folder"
}

# There is none, and WHY: a failure where there has to be one.
without_guard() {
	if [ -n "${KREG_REQUIRE_BPF:-}" ]; then
		not_ok "a guard is required" "$1"
	else
		number=$((number + 1))
		echo "ok $number - guard # SKIP $1"
	fi
}

# The script's try_all in the fallback and under the guard, with its argument saying which; and the end.
in_both_modes() {
	mode=fallback
	KREG_GUARD=none
	export KREG_GUARD
	try_all "there is no guard: the fallback"
	end_started
	mode=guard
	KREG_GUARD=$pins
	if why=$("$regtool" guard start --path "$pins" 2>&1); then
		try_all "the guard is there"
		exits 0 "the guard has no owner left" "$regtool" guard stop --path "$pins"
	else
		without_guard "$why"
	fi
	finish
}

finish() {
	echo "1..$number"
	exit $status
}

mkdir "$folder" || exit 99
trap tidy_up EXIT
trap 'exit 1' INT TERM
