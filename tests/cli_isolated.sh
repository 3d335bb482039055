#!/bin/sh
# SPDX-License-Identifier: MIT
# A test process acquires services of its own, a step a line: it takes a namespace, its services are started and
# found only there, production is not affected, and nothing is left of them, whether it cleans up or is killed. In both modes, each in a folder and with a guard of its own.
set -u

services=${EXAMPLES:?the folder of the built examples}/services
source=${TOP_SRCDIR:?the top folder of the source}/examples/services
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/steps.sh
. "${0%/*}/support/steps.sh"

# Each line of FILE is a step of the test process, in its own words.
show() {
	while read -r line; do
		step "the test process says: ${line#* }" is_step "$line"
	done <"$folder/$1"
}

# What went wrong has no number.
# shellcheck disable=SC2317 # until_ok calls them
is_step() {
	case $1 in
	[1-9]*.\ *) ;;
	*) return 1 ;;
	esac
}

# The namespace that the test process has said that it has.
space_of() {
	sed -n 's/.*has the namespace \(test\.[^ ]*\)$/\1/p' "$folder/$1"
}

# shellcheck disable=SC2317
is_empty() {
	[ "$("$regtool" count --prefix "$1/")" = 0 ]
}

# shellcheck disable=SC2317
has_services() {
	[ "$("$regtool" count --glob "$1/[cet]*")" = 3 ]
}

# shellcheck disable=SC2317
says() {
	grep -qF -- "$2" "$folder/$1"
}

is_untouched() {
	step "config_server of production is still pid $config" is_pid config_server "$config"
	step "event_store of production still has its one event" \
		test "$("$services/services" ask event_store count)" = 1
}

start_production() {
	lay_out production
	"$regtool" up "$folder/production/services.ini" >"$folder/up" 2>&1 &
	up=$!
	started="$started $up"
	step "production runs: config_server, event_store and telemetry" has_services production
	config=$(pid_of config_server)
	step "event_store of production has an event" "$services/services" ask event_store add one "an event"
}

clear_up_by_itself() {
	lay_out tidy
	step "a test process runs from its start to its end" "$services/isolated" "$folder/tidy/services.ini"
	cp "$folder/out" "$folder/printed"
	show printed
	space=$(space_of printed)
	step "nobody is in $space" is_empty "$space"
	is_untouched
}

be_killed() {
	lay_out killed
	"$services/isolated" "$folder/killed/services.ini" linger >"$folder/printed" 2>&1 &
	test=$!
	started="$started $test"
	step "another test process, pid $test, has begun" says printed "waits to be killed"
	show printed
	space=$(space_of printed)
	step "its services are in $space" has_services "$space"
	step "the test process is killed" kill -9 "$test"
	step "its services are gone with it: nobody is in $space" is_empty "$space"
	wait "$test" 2>/dev/null
	is_untouched
}

try_all() {
	step=0
	step "$1" true
	start_production
	clear_up_by_itself
	be_killed
	step "SIGTERM stops the supervisor of production" kill "$up"
	step "nobody is left in production" is_empty production
	wait "$up" 2>/dev/null
	started=
	step "nor in the registry" "$regtool" destroy default
	rm -rf "$folder/production" "$folder/tidy" "$folder/killed"
}

in_both_modes
