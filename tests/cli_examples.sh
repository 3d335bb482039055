#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples as their readers try them, with deaths where the text says kill -9. In both modes, each in a
# folder and with a guard of its own.
set -u

examples=${EXAMPLES:?the folder of the built examples}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/said.sh
. "${0%/*}/support/said.sh"

# reap PID: returns its exit status; the pid may be reused afterwards.
reap() {
	others=
	for other in $started; do
		[ "$other" = "$1" ] || others="$others $other"
	done
	wait "$1" 2>/dev/null
	reaped=$?
	started=$others
	return $reaped
}

crash() {
	kill -9 "$1"
	reap "$1"
}

ends_well() {
	if reap "$2"; then
		ok "$1"
	else
		not_ok "$1" "exit status $reaped"
	fi
}

# has_count REGISTRY KEY COUNT: are there so many entries?
# shellcheck disable=SC2317 # until_ok calls it
has_count() {
	[ "$("$regtool" -r "$1" count --glob "$2")" = "$3" ]
}

# The same, now or soon.
registered() {
	until_ok has_count "$@" || not_ok "$2 is registered in $1" "not $3 times"
}

serve() {
	begin "$1" "$examples/names" serve oracle
	registered example-names oracle 1
}

# The client's input stays open: it is one conversation with three services.
try_names() {
	mkfifo "$folder/requests"
	exec 3<>"$folder/requests"
	serve service1
	first=$pid
	"$examples/names" ask oracle <"$folder/requests" >"$folder/answers" 2>&1 3>&- &
	client=$!
	started="$started $client"
	echo hello >&3
	says "the name is found, and answers" answers "pid $first: hello"
	exits 1 "a second service is refused" "$examples/names" serve oracle
	says "and names the pid of the first" err "names: \"oracle\" runs already, as pid $first"
	crash "$first"
	echo again >&3
	serve service2
	second=$pid
	says "a killed service is replaced, the client finds the next one" answers "pid $second: again"
	kill -STOP "$second"
	echo unanswered >&3
	crash "$second"
	serve service3
	third=$pid
	says "a request that a service took into death is sent again" answers "pid $third: unanswered"
	exec 3>&-
	ends_well "the client ends with its input" "$client"
	crash "$third"
	rm "$folder/requests"
	exits 0 "its registry has no owner left" "$regtool" destroy example-names
}

try_dispatcher() {
	begin handler1 "$examples/dispatcher" handle reload rotate
	one=$pid
	begin handler2 "$examples/dispatcher" handle reload
	two=$pid
	registered example-dispatcher reload 2
	registered example-dispatcher rotate 1
	exits 0 "send" "$examples/dispatcher" send reload 7
	says "all handlers of the kind get it" out "reload 7: 2 of 2 got it"
	says "one does" handler1 "reload 7"
	says "the other does" handler2 "reload 7"
	exits 0 "send another kind" "$examples/dispatcher" send rotate -1
	says "its one handler gets it" out "rotate -1: 1 of 1 got it"
	says "and knows which kind it was" handler1 "rotate -1"
	crash "$one"
	exits 0 "send after a death" "$examples/dispatcher" send reload 8
	says "the dead is not called" out "reload 8: 1 of 1 got it"
	says "the living is" handler2 "reload 8"
	exits 0 "send a kind of the dead alone" "$examples/dispatcher" send rotate 9
	says "there is no receiver" out "rotate 9: 0 of 0 got it"
	kill "$two"
	ends_well "SIGTERM ends a handler" "$two"
	exits 0 "its registry has no owner left" "$regtool" destroy example-dispatcher
}

try_pubsub() {
	begin watch "$examples/pubsub" watch
	watch=$pid
	begin early "$examples/pubsub" subscribe weather
	early=$pid
	begin late "$examples/pubsub" subscribe weather
	late=$pid
	says "watch reports a subscriber" watch "weather: pid $early subscribed"
	says "and of the next" watch "weather: pid $late subscribed"
	exits 0 "publish" "$examples/pubsub" publish weather "rain, later"
	says "all are sent it" out "weather: sent to 2 of 2"
	says "one gets it" early "rain, later"
	says "the other gets it" late "rain, later"
	begin known "$examples/pubsub" watch weather
	known=$pid
	says "a later watcher lists the subscribers that are there" known "weather: pid $early subscribed"
	crash "$early"
	says "watch reports a death" watch "weather: pid $early died"
	says "so does the other" known "weather: pid $early died"
	exits 0 "publish after a death" "$examples/pubsub" publish weather sun
	says "the dead is not sent it" out "weather: sent to 1 of 1"
	says "the living gets it" late sun
	kill "$late"
	ends_well "SIGTERM ends a subscriber" "$late"
	says "watch reports that it left" watch "weather: pid $late left"
	kill "$watch" "$known"
	ends_well "SIGTERM ends watch" "$watch"
	ends_well "the other too" "$known"
	exits 0 "its registry has no owner left" "$regtool" destroy example-pubsub
}

service() {
	role=$1
	shift
	begin "$role" "$examples/services/$role" "$@"
}

ask() {
	"$examples/services/services" ask "$@"
}

# has_died ROLE PID: has telemetry been notified?
# shellcheck disable=SC2317 # until_ok calls it
has_died() {
	ask telemetry deaths | grep -qx "$1 $2"
}

# As plain programs, which nobody has started under a name; the order does not matter.
try_services() {
	KREG_REGISTRY=example-services
	export KREG_REGISTRY
	printf 'greeting=hello\nevents=%s/events\n' "$folder" >"$folder/conf"
	service event_store
	store=$pid
	service telemetry
	telemetry=$pid
	service config_server "$folder/conf"
	config=$pid
	exits 0 "ask for a value" ask config_server get greeting
	says "it is the file's" out hello
	exits 1 "ask for one that is not there" ask config_server get nothing
	says "the service says so" err "services: config_server says: no such key"
	exits 0 "store an event, which takes a service that has asked another" ask event_store add a first
	says "it is the first" out 1
	exits 1 "a second service is refused" "$examples/services/event_store"
	says "and names the pid of the first" err "event_store: already started, as pid $store"
	exits 1 "an invalid event is refused" ask event_store add a
	says "with the reason" err "services: event_store says: an event is ID TEXT, in one line"
	crash "$store"
	ask event_store add a first >"$folder/late" 2>&1 &
	late=$!
	started="$started $late"
	service event_store
	store=$pid
	ends_well "a client without a service waits for the next one" "$late"
	says "which knows the event" late 1
	exits 0 "count" ask event_store count
	says "so it is stored once" out 1
	crash "$store"
	if until_ok has_died event_store "$store"; then
		ok "telemetry is notified of a death"
	else
		not_ok "telemetry is notified of a death" "of $store: $(ask telemetry deaths)"
	fi
	exits 0 "count something" ask telemetry add requests 5
	exits 0 "and more of it" ask telemetry add requests -2
	says "they are summed up" out 3
	exits 1 "what is no number is refused" ask telemetry add requests many
	crash "$telemetry"
	crash "$config"
	exits 0 "its registry has no owner left" "$regtool" destroy example-services
	unset KREG_REGISTRY
	rm "$folder/events"
}

# A program that wants another kind of registry than there is must say so.
odd_calls() {
	for program in names dispatcher pubsub services/config_server services/services; do
		exits 2 "$program without arguments" "$examples/$program"
	done
	exits 0 "a registry of unique keys" "$regtool" create unique
	exits 1 "is not for events" env KREG_REGISTRY=unique "$examples/dispatcher" send reload 1
	exits 1 "nor for topics" env KREG_REGISTRY=unique "$examples/pubsub" publish weather rain
	exits 1 "an event has a number" "$examples/dispatcher" send reload soon
	exits 0 "it goes" "$regtool" destroy unique
}

try_all() {
	try_names
	try_dispatcher
	try_pubsub
	try_services
	odd_calls
}

in_both_modes
