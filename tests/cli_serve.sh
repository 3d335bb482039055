#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool metrics --listen: the same text by HTTP, to any client, whatever other clients do.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

text=${0%/*}/metrics/text.py
client=${0%/*}/metrics/client.py
named=$(dirname "$regtool")/tests/named
at=$folder/socket
openmetrics='Accept: application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1'

# serve ADDRESS [OPTION...]: its process is $server, and what it has printed is in $folder/said.
serve() {
	rm -f "$folder/said"
	"$regtool" metrics --listen "$@" >"$folder/said" 2>"$folder/complaints" &
	server=$!
	started="$started $server"
	until_ok test -s "$folder/said" || not_ok "it serves at $1" "$(cat "$folder/complaints")"
}

# ends SENTENCE SIGNAL [STATUS]
ends() {
	kill -"$2" "$server"
	wait "$server"
	got=$?
	if [ $got = "${3-0}" ]; then
		ok "$1"
	else
		not_ok "$1" "exit status $got; $(cat "$folder/complaints")"
	fi
}

# ask ADDRESS METHOD PATH [FIELD...]: the head is in out, the body in body.
ask() {
	where=$1 method=$2 path=$3
	shift 3
	python3 "$client" ask "$where" "$method" "$path" "$folder/body" "$@" >"$folder/out" 2>"$folder/err"
}

# answers SENTENCE STATUS ADDRESS METHOD PATH [FIELD...]
answers() {
	sentence=$1
	wanted=$2
	shift 2
	ask "$@"
	if [ "$(head -n 1 "$folder/out")" = "$wanted" ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "not $wanted: $(cat "$folder/out")"
	fi
}

# has SENTENCE METRIC VALUE [LABEL=VALUE...]: of the text that is served now.
has() {
	sentence=$1
	metric=$2
	wanted=$3
	shift 3
	ask "$at" GET /metrics
	value=$(python3 "$text" value "$folder/body" "$metric" "$@" 2>&1)
	if [ "$value" = "$wanted" ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "$value, not $wanted: $metric $*"
	fi
}

fds() { find "/proc/$1/fd" -type l | wc -l; }

# Of a process that is a script's child the wrapper of libtool may be the first program.
is_one_thread() { [ "$(find "/proc/$1/task" -mindepth 1 -maxdepth 1 | wc -l)" = 1 ] && [ -z "$(cat "/proc/$1/task/$1/children")" ]; }

same_text() {
	"$regtool" create default
	run_service production/cache /run/cache.sock
	serve "$at"
	says "it says where" said "$at"
	for form in prometheus openmetrics; do
		"$regtool" metrics --format $form >"$folder/printed"
		accept="Accept: */*"
		[ $form = prometheus ] || accept=$openmetrics
		answers "the text is served, $form" 200 "$at" GET /metrics "$accept"
		exits 0 "byte by byte that which is printed" cmp "$folder/printed" "$folder/body"
		exits 0 "it is sound" python3 "$text" check $form "$folder/body"
	done
	if command -v promtool >/dev/null; then
		ask "$at" GET /metrics
		exits 0 "promtool has nothing to say against it" sh -c "promtool check metrics <'$folder/body'"
	fi
	exits 0 "it is one thread, without a child" is_one_thread "$server"
	exits 0 "a client that connected before sees what is when it asks" python3 "$client" early "$at" "$regtool"
	end_service "$service"
	has "what has ended since is not there" kreg_registry_entries 0 registry=default
}

# wants ACCEPT FORM
wants() {
	ask "$at" GET /metrics "$1"
	says "$1" out "content-type: $2"
}

forms() {
	older='text/plain; version=0.0.4; charset=utf-8'
	newer='application/openmetrics-text; version=1.0.0; charset=utf-8'
	wants "$openmetrics" "$newer"
	wants "Accept: application/openmetrics-text" "$newer"
	wants "Accept: Application/OpenMetrics-Text ; Version=\"1.0.0\"" "$newer"
	wants "Accept: application/*, text/plain;q=0.9" "$newer"
	wants "Accept: text/*;q=0.2, application/openmetrics-text;q=0.3" "$newer"
	wants "X-Accept: any" "$older"
	wants "Accept: */*" "$older"
	wants "Accept: application/openmetrics-text;q=0, */*" "$older"
	wants "Accept: application/openmetrics-text;version=0.0.1, text/plain;q=0.1" "$older"
	wants "Accept: text/html,application/xhtml+xml,*/*;q=0.8" "$older"
	wants "Accept: text/plain;q=0.4, */*;q=0.3" "$older"
	wants "Accept: application/json" "$older"
	wants "Accept: ,;;=,/,q=;\"" "$older"
	says "caches keep nothing" out "cache-control: no-store"
	says "the form depends on the request" out "vary: Accept"
}

requests() {
	answers "HEAD" 200 "$at" HEAD /metrics
	says "has the size" out "content-length: $("$regtool" metrics --format prometheus | wc -c)"
	exits 0 "and no body" sh -c "! test -s '$folder/body'"
	answers "/ says where the metrics are" 200 "$at" GET /
	says "in a line" body "/metrics"
	answers "a query changes nothing" 200 "$at" GET '/metrics?name=x'
	answers "another path" 404 "$at" GET /metrics/x
	answers "another path, by any method" 404 "$at" POST /x
	for method in POST PUT DELETE OPTIONS TRACE ANYTHING; do
		answers "$method" 405 "$at" $method /metrics
		says "the answer says what is allowed" out "allow: GET, HEAD"
	done
	answers "a request with a body is answered without it" 200 "$at" GET /metrics "Content-Length: 1000000"
	answers "fields of 9 kB" 431 "$at" GET /metrics "X: $(head -c 9000 /dev/zero | tr '\0' x)"
	exits 0 "a line that is no request" python3 "$client" raw "$at" 'what\r\n\r\n'
	exits 0 "bytes that are none" python3 "$client" raw "$at" "$(printf '\026\003\001\002\\r\\n\\r\\n')"
	exits 0 "a client of HTTP/1.0" python3 "$client" raw "$at" 'GET / HTTP/1.0\r\n\r\n'
	says "is answered" out "200 OK"
	has "the server goes on" kreg_registry_up 1 registry=default
}

# A port that is free is chosen by the kernel.
ports() {
	for host in localhost 127.0.0.1 127.1.2.3 '[::1]'; do
		[ "$host" != '[::1]' ] || [ -e /proc/net/if_inet6 ] || continue
		serve "$host:0"
		port=$(sed -n 's,^http://\(.*\)/metrics$,\1,p' "$folder/said")
		answers "$host: its URL is printed, and works" 200 "$port" GET /metrics
		answers "under the name of this host" 200 "$port" GET /metrics "Host: LocalHost:9999"
		answers "and its addresses" 200 "$port" GET /metrics "Host: [::1]:1"
		answers "not under that of another one" 421 "$port" GET /metrics "Host: example.org"
		answers "nor what begins like an address" 421 "$port" GET /metrics "Host: 127.0.0.1.example.org:80"
		exits 3 "a port that is in use" "$regtool" metrics --listen "$port"
		says "the error says so" err "Address already in use"
		ends "it ends" TERM
		serve "$port"
		ends "its port may be used again at once" TERM
	done
}

addresses() {
	for address in 0.0.0.0:80 :80 '*:80' '[::]:80' example.org:80 1.2.3.4:80 '[::ffff:127.0.0.1]:80' '[127.0.0.1]:80' '[2001:db8::1]:80'; do
		exits 2 "$address" "$regtool" metrics --listen "$address"
		says "is refused with the reason" err "is not an address that only this host reaches"
		says "and what to do" err "listen on localhost:PORT or on a socket"
	done
	for address in '' 80 localhost localhost: localhost:x localhost:-1 localhost:65536 localhost:000080 ::1:80 unix: /tmp/ \
		http://localhost:80; do
		exits 2 "\"$address\"" "$regtool" metrics --listen "$address"
		says "is none" err "is neither /PATH nor HOST:PORT"
	done
	exits 2 "a path that is too long" "$regtool" metrics --listen "/$(head -c 107 /dev/zero | tr '\0' x)"
	exits 2 "with --textfile" "$regtool" metrics --listen "$folder/other" --textfile "$folder/file"
	exits 2 "with --format" "$regtool" metrics --listen "$folder/other" --format openmetrics
	exits 2 "the mode of a port" "$regtool" metrics --listen localhost:0 --mode 600
	exits 2 "a mode that is none" "$regtool" metrics --listen "$folder/other" --mode 1777
	exits 4 "a folder that does not exist" "$regtool" metrics --listen "$folder/none/socket"
	exits 0 "none of these leaves a socket" sh -c "[ -z \"\$(find '$folder' -type s ! -path '$at')\" ]"
}

one_wins() {
	rm -f "$folder"/race.*
	python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$folder/raced"
	for i in 1 2 3 4; do
		"$regtool" metrics --listen "$folder/raced" >/dev/null 2>"$folder/race.$i" &
		eval "racer$i=$!"
		started="$started $!"
	done
	until_ok sh -c "[ \$(cat '$folder'/race.* | grep -c 'in use by pid') = 3 ]" || return
	for i in 1 2 3 4; do
		eval "pid=\$racer$i"
		kill "$pid" 2>/dev/null
		wait "$pid"
		echo $?
	done >"$folder/statuses"
	[ "$(sort "$folder/statuses" | tr -d '\n')" = 0333 ] && [ ! -e "$folder/raced" ]
}

# Between the look at what is there and the socket that listens nobody else looks.
locked_folder() {
	mkfifo "$folder/stdin"
	python3 "$client" lock "$folder" <"$folder/stdin" >"$folder/locked" &
	locking=$!
	started="$started $locking"
	exec 3>"$folder/stdin"
	until_ok grep -q there "$folder/locked" || not_ok "the folder is locked" "it is not"
	rm -f "$folder/said"
	"$regtool" metrics --listen "$at" >"$folder/said" 2>"$folder/complaints" 3>&- &
	server=$!
	started="$started $server"
	exits 0 "one that starts waits for the lock of the folder" until_ok sh -c "ls -l /proc/$server/fd | grep -q ' $folder\$'"
	exits 1 "and does nothing before" test -e "$at"
	exec 3>&-
	wait "$locking"
	exits 0 "then it serves" until_ok test -s "$folder/said"
	ends "and ends" TERM
	rm "$folder/stdin"
}

files() {
	exits 3 "a socket that is in use" "$regtool" metrics --listen "$at"
	says "whose it is" err "it is in use by pid $server"
	says "by which command" err "$at"
	has "its server goes on" kreg_registry_up 1 registry=default
	exits 0 "its mode is 600" sh -c "[ \$(stat -c %a '$at') = 600 ]"
	ends "SIGTERM ends it with success" TERM
	exits 1 "and its file is removed" test -e "$at"
	serve "$at" --mode 666
	exits 0 "--mode 666" sh -c "[ \$(stat -c %a '$at') = 666 ]"
	ends "killed" KILL 137
	exits 0 "it leaves its file" test -S "$at"
	serve "$at"
	has "which the next one replaces" kreg_registry_up 1 registry=default
	mv "$at" "$folder/moved"
	: >"$at"
	ends "a file that has taken the place of its own" TERM
	exits 0 "stays" test -f "$at"
	rm -f "$folder/moved"
	echo kept >"$at"
	exits 4 "a file that is no socket" "$regtool" metrics --listen "$at"
	says "is named" err "what is there is no socket, and stays"
	exits 0 "and stays" grep -q kept "$at"
	rm "$at"
	ln -s "$folder/elsewhere" "$at"
	exits 4 "a symbolic link" "$regtool" metrics --listen "$at"
	exits 0 "stays, too" test -L "$at"
	rm "$at"
	for i in 1 2 3 4 5 6 7 8; do
		one_wins || { not_ok "of four that start at once one wins" "round $i: $(cat "$folder"/race.* "$folder/statuses")"; break; }
	done
	ok "of four that start at once over a dead socket one wins"
	locked_folder
	(cd "$folder" && exec "$regtool" metrics --listen ./relative) >"$folder/said" 2>/dev/null &
	server=$!
	started="$started $server"
	until_ok test -S "$folder/relative"
	ends "a path may be relative" TERM
	exits 1 "and its file is removed" test -e "$folder/relative"
}

signals() {
	for signal in INT HUP; do
		rm -f "$folder/said"
		env --default-signal=$signal "$regtool" metrics --listen "$at" >"$folder/said" 2>"$folder/complaints" &
		server=$!
		started="$started $server"
		until_ok test -s "$folder/said" || not_ok "it serves" "$(cat "$folder/complaints")"
		ends "SIG$signal ends it with success" $signal
		exits 1 "and its file is removed" test -e "$at"
	done
	serve "$at"
	kill -INT "$server"
	has "an ignored SIGINT does not end it" kreg_registry_up 1 registry=default
	ends "SIGTERM does" TERM
	"$regtool" metrics --listen "$at" >&- 2>&- </dev/null &
	server=$!
	started="$started $server"
	until_ok test -S "$at"
	has "without standard output" kreg_registry_up 1 registry=default
	ends "it serves and ends as well" TERM
}

manager() {
	python3 "$client" notified "$folder/manager" >"$folder/notified" &
	notified=$!
	started="$started $notified"
	until_ok test -S "$folder/manager"
	NOTIFY_SOCKET=$folder/manager
	export NOTIFY_SOCKET
	serve "$at"
	unset NOTIFY_SOCKET
	until_ok grep -q READY=1 "$folder/notified" || not_ok "READY=1 is sent" "$(cat "$folder/notified")"
	has "when READY=1 comes it serves" kreg_registry_up 1 registry=default
	ends "it ends" TERM
	wait "$notified"
	exits 0 "and has said so before" grep -q STOPPING=1 "$folder/notified"
}

# until_has METRIC VALUE [LABEL=VALUE...]
until_has() {
	ask "$at" GET /metrics && [ "$(python3 "$text" value "$folder/body" "$1" 2>&1)" = "$2" ]
}

registries() {
	serve "$at"
	"$regtool" create other
	has "a registry that is made" kreg_registry_up 1 registry=other
	printf 'no registry' >"$(find "$folder" -name '*other*' -type f)"
	has "is damaged" kreg_registry_state 1 registry=other state=damaged
	has "which is seen" kreg_registry_up 0 registry=other
	has "the others are read" kreg_registry_up 1 registry=default
	find "$folder" -name '*other*' -type f -delete
	ask "$at" GET /metrics
	says_not "one that is gone is not there" body 'registry="other"'
	ends "it ends" TERM
	rm -f "$folder/said"
	# Root reads all files, unless it has given that up.
	unprivileged=
	[ "$(id -u)" != 0 ] || unprivileged="setpriv --bounding-set=-dac_override,-dac_read_search"
	# shellcheck disable=SC2086 # a command and its option, or nothing
	$unprivileged "$regtool" metrics --listen "$at" >"$folder/said" 2>"$folder/complaints" &
	server=$!
	started="$started $server"
	until_ok test -s "$folder/said" || not_ok "it serves" "$(cat "$folder/complaints")"
	file=$(find "$folder" -name '*default*' -type f)
	chmod 000 "$file"
	has "one that may not be read" kreg_registry_up 0 registry=default
	chmod 600 "$file"
	has "may be read again" kreg_registry_up 1 registry=default
	ends "it ends" TERM
	rm -f "$folder/said"
	"$regtool" -r later metrics --listen "$at" >"$folder/said" 2>"$folder/complaints" &
	server=$!
	started="$started $server"
	until_ok test -s "$folder/said" || not_ok "it serves" "$(cat "$folder/complaints")"
	has "the one of -r does not exist yet" kreg_registry_up 0 registry=later "uid=$(id -u)"
	"$regtool" create later
	has "now it does" kreg_registry_up 1 registry=later
	says_not "no other one is there" body 'registry="default"'
	"$regtool" destroy later
	has "it is destroyed" kreg_registry_up 0 registry=later
	ends "it ends" TERM
}

# All registries are in a folder that goes away.
folder_gone() {
	mkdir "$folder/apart"
	KREG_DIR=$folder/apart
	"$regtool" create default
	serve "$at"
	mv "$folder/apart" "$folder/away"
	answers "without the folder of the registries" 503 "$at" GET /metrics
	says "the reason is in the answer" body "$folder/apart"
	answers "as often as it is asked for" 503 "$at" GET /metrics
	exits 0 "and once on standard error" sh -c "[ \$(grep -c apart '$folder/complaints') = 1 ]"
	mv "$folder/away" "$folder/apart"
	has "it is back" kreg_registry_up 1 registry=default
	ends "it ends" TERM
	"$regtool" destroy default
	rmdir "$folder/apart"
	KREG_DIR=$folder
}

# 150 namespaces in three registries: more than a socket has room for.
long_text() {
	for registry in one two three; do
		rm -f "$folder/named"
		"$named" 150 'space%u/role' "$registry" >"$folder/named" &
		started="$started $!"
		long="$long $!"
		until_ok test -s "$folder/named" || not_ok "150 namespaces" "they were not registered"
	done
}

slow_clients() {
	long=
	long_text
	serve "$at"
	has "a long text" kreg_namespaces 450
	before=$(fds "$server")
	mkfifo "$folder/stdin"
	python3 "$client" drip "$at" 300 >"$folder/dripped" 2>&1 &
	dripping=$!
	python3 "$client" stall "$at" 20 <"$folder/stdin" >"$folder/stalled" 2>&1 &
	stalling=$!
	started="$started $dripping $stalling"
	exec 3>"$folder/stdin"
	until_ok grep -q there "$folder/dripped" || not_ok "three hundred slow clients" "$(cat "$folder/dripped")"
	until_ok grep -q there "$folder/stalled" || not_ok "twenty that do not read" "$(cat "$folder/stalled")"
	exits 0 "a client beside three hundred that send a byte at a time, and twenty that do not read" \
		timeout 5 python3 "$client" ask "$at" GET /metrics "$folder/body"
	exits 0 "has the whole text" python3 "$text" check prometheus "$folder/body"
	exits 0 "two that scrape as fast as they can" sh -c "
		timeout 20 python3 '$client' scrape '$at' 2 & timeout 20 python3 '$client' scrape '$at' 2 && wait \$!"
	wait "$dripping"
	exits 0 "those that send a byte at a time are ended in ten seconds" \
		sh -c "sed 's/^/# /' '$folder/dripped' >&2; grep -qE '^0 left, ([0-9]|1[0-4]) seconds' '$folder/dripped'"
	exec 3>&-
	wait "$stalling"
	has "all are gone" kreg_namespaces 450
	exits 0 "no fd is left of them" until_ok sh -c "[ \$(find /proc/$server/fd -type l | wc -l) = $before ]"
	exits 0 "a client sees what it has changed, beside others" sh -c "
		timeout 60 python3 '$client' scrape '$at' 3 & timeout 60 python3 '$client' fresh '$at' '$regtool' 20 && wait \$!"
	ends "it ends" TERM
	# shellcheck disable=SC2086 # pids
	kill -KILL $long
	# shellcheck disable=SC2086
	wait $long 2>/dev/null
	for registry in one two three; do
		"$regtool" destroy $registry --force
	done
	rm "$folder/stdin"
}

# A real one, which scrapes each second.
prometheus_scrapes() {
	if ! command -v prometheus >/dev/null; then
		echo "# prometheus is not installed: it does not scrape"
		return
	fi
	serve localhost:0
	port=$(sed -n 's,^http://\(.*\)/metrics$,\1,p' "$folder/said")
	web=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	mkdir "$folder/prometheus"
	cat >"$folder/prometheus/prometheus.yml" <<-YAML
		scrape_configs:
		  - job_name: kreg
		    scrape_interval: 1s
		    static_configs:
		      - targets: ["$port"]
	YAML
	prometheus --config.file="$folder/prometheus/prometheus.yml" --storage.tsdb.path="$folder/prometheus/data" \
		--web.listen-address="127.0.0.1:$web" --log.level=error >"$folder/prometheus/log" 2>&1 &
	prometheus=$!
	started="$started $prometheus"
	# The sum of what it knows by QUERY.
	cat >"$folder/prometheus/query" <<-'SH'
		python3 -c 'import json, sys, urllib.parse, urllib.request
		url = "http://127.0.0.1:%s/api/v1/query?query=%s" % (sys.argv[1], urllib.parse.quote(sys.argv[2]))
		result = json.load(urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=5))["data"]["result"]
		sys.exit([each["value"][1] for each in result] != [sys.argv[3]])' "$@"
	SH
	sed -i 's/^\t*//' "$folder/prometheus/query"
	exits 0 "a prometheus scrapes it" until_ok sh "$folder/prometheus/query" "$web" 'up{job="kreg"}' 1
	exits 0 "and knows the registry" until_ok sh "$folder/prometheus/query" "$web" 'kreg_registry_up{registry="default"}' 1
	"$regtool" run scraped -- sleep 1000 &
	service=$!
	started="$started $service"
	exits 0 "a name that is new" until_ok sh "$folder/prometheus/query" "$web" 'kreg_registry_entries{registry="default"}' 1
	end_service "$service"
	kill "$prometheus"
	wait "$prometheus"
	ends "it ends" TERM
	rm -rf "$folder/prometheus"
}

# What is loaded is no library.
without_library() {
	mkdir "$folder/libraries"
	: >"$folder/libraries/$(sed -n 's/^#define MICROHTTPD_SONAME "\(.*\)"/\1/p' "$TOP_BUILDDIR/config.h")"
	exits 4 "without the library" env LD_LIBRARY_PATH="$folder/libraries" "$regtool" metrics --listen "$at"
	says "it says which" err "cannot load libmicrohttpd, which --listen needs"
	exits 0 "all else works" env LD_LIBRARY_PATH="$folder/libraries" "$regtool" metrics
	rm -r "$folder/libraries"
	exits 1 "no other command loads it" sh -c "LD_DEBUG=files '$regtool' metrics 2>&1 | grep -q microhttpd"
}

# shellcheck disable=SC2317 # in_both_modes
try_all() {
	ok "$1"
	same_text
	requests
	if [ "$mode" = fallback ]; then
		forms
		files
		signals
		manager
		ports
		addresses
		folder_gone
		slow_clients
		without_library
		prometheus_scrapes
	else
		ends "it ends" TERM
	fi
	registries
	"$regtool" destroy default --force
}

if ! command -v python3 >/dev/null; then
	mode=any
	echo "ok 1 - any # SKIP python3 is not installed"
	number=1
	finish
fi
if ! grep -q '^#define HAVE_MICROHTTPD' "${TOP_BUILDDIR:?the folder of the build}/config.h"; then
	mode=any
	exits 4 "a build without a server" "$regtool" metrics --listen "$at"
	says "says so" err "was built without libmicrohttpd"
	finish
fi
in_both_modes
