# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154,SC2317 # for the scripts that read it, after cli.sh
# Tests in shell that show a course of events: each step is a numbered line, and what it says has to become so.
#
# Needs     support/cli.sh; $services and $source, where the services of the example were built, and are from.

step=0

# step SENTENCE COMMAND...: it succeeds, now or within ten seconds; what it printed is left in out and err.
step() {
	step=$((step + 1))
	sentence="$step. $1"
	shift
	if until_ok tries "$@"; then
		ok "$sentence"
	else
		not_ok "$sentence" "failed: $*"
	fi
}

tries() {
	"$@" >"$folder/out" 2>"$folder/err"
}

# The folder of one tree of services, and of what they keep.
lay_out() {
	mkdir "$folder/$1"
	ln -s "$services/config_server" "$services/event_store" "$services/telemetry" "$folder/$1"
	cp "$source/services.conf" "$source/services.ini" "$folder/$1"
}

# pid_of ROLE, value_of ROLE: in production; nothing if nobody is it.
pid_of() {
	"$regtool" get "production/$1" --json 2>/dev/null | sed 's/.*"pid": *\([0-9]*\).*/\1/'
}

value_of() {
	"$regtool" get "production/$1" 2>/dev/null
}

is_pid() {
	[ "$(pid_of "$1")" = "$2" ]
}
