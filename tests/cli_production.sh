#!/bin/sh
# SPDX-License-Identifier: MIT
# Service start-up and registration in the production namespace, a step a line: config_server of examples/services/ is
# started, refused a second time, found, killed and restarted. In both modes, each in a folder and with a guard of its
# own.
set -u

services=${EXAMPLES:?the folder of the built examples}/services
source=${TOP_SRCDIR:?the top folder of the source}/examples/services
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/steps.sh
. "${0%/*}/support/steps.sh"

# shellcheck disable=SC2317 # until_ok calls them
nobody_is() {
	"$regtool" get "production/$1"
	[ $? = 1 ]
}

# shellcheck disable=SC2317
is_refused() {
	! "$services/config_server" "$folder/production/services.conf" 2>"$folder/refusal" &&
		grep -qx "config_server: already started, as pid $1" "$folder/refusal"
}

# A program that ran before its name was reserved could be a second one.
# shellcheck disable=SC2317
has_begun() {
	[ -s "$folder/begun" ]
}

# shellcheck disable=SC2317
is_said() {
	grep -qxF -- "$2" "$folder/$1"
}

# config_server takes the time that we give it, so that each step can be seen.
lay_out_slow() {
	lay_out production
	mkfifo "$folder/go"
	cat >"$folder/production/config_server_slow" <<-EOF
		#!/bin/sh
		echo \$\$ >$folder/begun
		read -r word <$folder/go
		exec ./config_server "\$@"
	EOF
	chmod +x "$folder/production/config_server_slow"
	sed 's,^ExecStart=./config_server ,ExecStart=./config_server_slow ,' "$source/services.ini" \
		>"$folder/production/services.ini"
}

go() {
	echo go >"$folder/go"
}

# begin_ask FILE: the answer goes there.
begin_ask() {
	"$services/services" ask config_server get greeting >"$folder/$1" 2>&1 &
	client=$!
	started="$started $client"
}

try_all() {
	step=0
	lay_out_slow
	step "$1" true
	step "the registry is opened" "$regtool" create default
	step "the starter looks: nobody is config_server in production" nobody_is config_server
	"$regtool" up "$folder/production/services.ini" >"$folder/up" 2>&1 &
	up=$!
	started="$started $up"
	step "the supervisor reserves the name, and starts config_server" has_begun
	first=$(cat "$folder/begun")
	step "it is pid $first, and not ready: it is not found yet" nobody_is config_server
	step "a second start is refused: already started, as pid $first" is_refused "$first"
	begin_ask answer1
	go
	step "pid $first is ready: the name is its own" is_pid config_server "$first"
	step "and is found with its address, $(value_of config_server)" \
		test "$(value_of config_server | cut -c 1)" = @
	step "the client that has waited for (production, config_server) connects and is answered" \
		is_said answer1 hello
	step "event_store, which comes after it, has learnt from it what its file is" \
		"$services/services" ask event_store add first "the first event"
	step "a start of config_server is refused as before: already started, as pid $first" is_refused "$first"
	rm "$folder/begun"
	step "config_server is killed" kill -9 "$first"
	step "its name is gone with it" "$regtool" wait production/config_server --gone
	step "the supervisor reserves the name again, and restarts it" has_begun
	second=$(cat "$folder/begun")
	step "it is pid $second, and not ready: it is not found yet" nobody_is config_server
	begin_ask answer2
	go
	step "pid $second is ready: the name is its own" is_pid config_server "$second"
	step "the client that has waited is answered by the new one" is_said answer2 hello
	step "event_store is still there, and has its event" \
		"$services/services" ask event_store get 1
	step "SIGTERM stops the supervisor" kill "$up"
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
	rm -rf "$folder/go" "$folder/begun" "$folder"/answer? "$folder/production"
}

mode=fallback
KREG_GUARD=none
export KREG_GUARD
try_all "there is no guard: the fallback"
clear_folder

mode=guard
KREG_GUARD=$pins
if why=$("$regtool" guard start --path "$pins" 2>&1); then
	try_all "the guard is there"
	clear_folder
	exits 0 "the guard has no owner left" "$regtool" guard stop --path "$pins"
else
	without_guard "$why"
fi
finish
