#!/bin/sh
# SPDX-License-Identifier: MIT
# Service start-up and registration in the production namespace, a step a line: who starts config_server of
# examples/services/, who comes second, who finds it, and what a kill changes. In both modes, each in a folder and
# with a guard of its own.
set -u

services=${EXAMPLES:?the folder of the built examples}/services
source=${TOP_SRCDIR:?the top folder of the source}/examples/services
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"

# step SENTENCE COMMAND...: it succeeds, now or within ten seconds; what it printed is left in out and err.
step=0
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

# shellcheck disable=SC2317 # until_ok calls it
tries() {
	"$@" >"$folder/out" 2>"$folder/err"
}

# shellcheck disable=SC2317 # until_ok calls them
nobody_is() {
	"$regtool" get "production/$1" || [ $? = 1 ]
}

# shellcheck disable=SC2317
is_refused() {
	! "$services/config_server" "$folder/services.conf" 2>"$folder/refusal" &&
		grep -q '^config_server: already started, as pid [0-9]*$' "$folder/refusal"
}

refused_pid() {
	sed -n 's/^config_server: already started, as pid //p' "$folder/refusal"
}

pid_of() {
	"$regtool" get "production/$1" --json 2>/dev/null | sed 's/.*"pid": *\([0-9]*\).*/\1/'
}

value_of() {
	"$regtool" get "production/$1" 2>/dev/null
}

# shellcheck disable=SC2317
is_pid() {
	[ "$(pid_of "$1")" = "$2" ]
}

# shellcheck disable=SC2317
is_said() {
	grep -qxF -- "$2" "$folder/$1"
}

# config_server takes the time that we give it, so that each step can be seen.
lay_out() {
	mkfifo "$folder/go"
	printf '#!/bin/sh\nread -r word <go\nexec ./config_server "$@"\n' >"$folder/config_server_slow"
	chmod +x "$folder/config_server_slow"
	ln -s "$services/config_server" "$services/event_store" "$services/telemetry" "$folder"
	cp "$source/services.conf" "$folder"
	sed 's,^ExecStart=./config_server ,ExecStart=./config_server_slow ,' "$source/services.ini" \
		>"$folder/services.ini"
}

go() {
	echo go >"$folder/go"
}

begin_ask() {
	"$services/services" ask config_server get greeting >"$folder/answer" 2>&1 &
	client=$!
	started="$started $client"
}

try_all() {
	step=0
	step "$1" true
	step "the registry is opened" "$regtool" create default
	step "the starter looks: nobody is config_server in production" nobody_is config_server
	"$regtool" up "$folder/services.ini" >"$folder/up" 2>&1 &
	up=$!
	started="$started $up"
	step "it starts config_server; a second start is told that it is already started" is_refused
	first=$(refused_pid)
	step "by pid $first, for which the name is reserved: nobody finds it yet" nobody_is config_server
	begin_ask
	go
	step "pid $first is ready: the name is its own" is_pid config_server "$first"
	step "and is found with its address, $(value_of config_server)" \
		test "$(value_of config_server | cut -c 1)" = @
	step "who has waited for (production, config_server) connects and is answered" \
		is_said answer hello
	step "event_store, which comes after it, has learnt from it what its file is" \
		"$services/services" ask event_store add first "the first event"
	step "a start is refused as before" is_refused
	step "and told of pid $first" test "$(refused_pid)" = "$first"
	step "config_server is killed" kill -9 "$first"
	step "its name is gone with it" "$regtool" wait production/config_server --gone
	step "the supervisor starts it anew" is_refused
	second=$(refused_pid)
	step "as pid $second; it is not ready, and not found" nobody_is config_server
	begin_ask
	go
	step "pid $second is ready: the name is its own" is_pid config_server "$second"
	step "the client that has waited is answered by the new one" is_said answer hello
	step "event_store is still there, and has its event" \
		"$services/services" ask event_store get 1
	step "the supervisor is told to end" kill "$up"
	step "and has stopped all: nobody is in production" ends_empty
}

# shellcheck disable=SC2317
ends_empty() {
	[ "$("$regtool" count --prefix production/)" = 0 ] && "$regtool" destroy default
}

# What is left of one mode is no part of the next.
clear_folder() {
	wait "$up" 2>/dev/null
	wait "$client" 2>/dev/null
	started=
	rm -f "$folder/go" "$folder"/config_server* "$folder/event_store" "$folder/telemetry" "$folder"/*.log
}

lay_out
mode=fallback
KREG_GUARD=none
export KREG_GUARD
try_all "there is no guard: the fallback"
clear_folder

mode=guard
KREG_GUARD=$pins
if why=$("$regtool" guard start --path "$pins" 2>&1); then
	lay_out
	try_all "the guard is there"
	clear_folder
	exits 0 "the guard has no owner left" "$regtool" guard stop --path "$pins"
else
	without_guard "$why"
fi
finish
