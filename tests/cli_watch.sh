#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool watch: which events it prints, as lines and as JSON, when it ends, and with which status.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"
actor=$(dirname "$regtool")/tests/actor

# begin NAME: an actor, which $NAME is the pid of, and which reads the file descriptor 8 or 9.
begin() {
	rm -f "$folder/to-$1"
	mkfifo "$folder/to-$1"
	"$actor" <"$folder/to-$1" 2>>"$folder/actors" &
	started="$started $!"
	eval "$1=$!"
}

# does FD WHAT KEY VALUE
does() {
	echo "$2 $3 ${4:--}" >&"$1"
}

# watches FILE OPTIONS...: in the background, as $watcher. "mark" is known, so that one that prints it listens.
watches() {
	file=$folder/$1
	shift
	: >"$file"
	"$regtool" watch "$@" >"$file" 2>"$file.err" &
	watcher=$!
	started="$started $watcher"
}

# ends STATUS SENTENCE: the watcher has exited.
ends() {
	wait "$watcher"
	exits 0 "$2" test $? = "$1"
}

# prints SENTENCE LINE...: the file has these lines, without the pids and in this order.
prints() {
	sentence=$1
	shift
	awk '{ $2 = ""; sub("  ", " "); print }' "$file" >"$folder/printed"
	if printf '%s\n' "$@" | cmp -s - "$folder/printed"; then
		ok "$sentence"
	else
		not_ok "$sentence" "printed: $(cat "$file" "$file.err")"
	fi
}

listening() {
	until_ok grep -q "$1" "$file" || not_ok "a watcher" "it printed nothing: $(cat "$file.err")"
}

# Names by all that ls has.
filters() {
	watches prefix --since start --count 3 mark/a
	listening mark/a
	does 8 register other/x value
	does 8 register mark/ax value
	does 8 unregister mark/ax
	ends 0 "watch of a prefix ends by its count"
	prints "and is of that prefix alone" "register mark/a one" "register mark/ax value" "unregister mark/ax value"

	watches glob --since start --count 2 --glob '*/a'
	listening mark/a
	does 8 update mark/b three
	does 8 update mark/a two
	ends 0 "watch of a glob"
	prints "is of its keys" "register mark/a one" "update mark/a two"

	watches space --since start --count 3 --namespace mark
	listening mark/b
	does 8 update other/x two
	does 8 update mark/b four
	ends 0 "watch of a namespace"
	exits 0 "is of its services" sh -c '! grep other "$1"' sh "$file"

	watches key --since start --count 2 --key mark/b
	listening mark/b
	does 8 update mark/a five
	does 8 update mark/b six
	ends 0 "watch of a key"
	prints "is of that key" "register mark/b four" "update mark/b six"

	does 9 register second/s wanted
	until_ok "$regtool" get second/s
	watches pid --since start --count 2 --pid "$two"
	listening second/s
	does 8 update mark/a seven
	does 9 update second/s eight
	ends 0 "watch of a process"
	prints "is of its names" "register second/s wanted" "update second/s eight"

	watches value --since start --count 2 --value eight
	listening second/s
	does 8 update mark/a nine
	does 8 update mark/b eight
	ends 0 "watch of a value"
	prints "is of it" "register second/s eight" "update mark/b eight"
}

states() {
	kill -STOP "$two"
	until_ok "$regtool" ls --state stopped -q
	exits 0 "watch of those that are stopped" "$regtool" watch --since start --timeout 0 --state stopped
	mv "$folder/out" "$folder/stopped"
	exits 0 "is of the process that is" awk -v pid="$two" '{ lines++; good += $2 == pid && $3 == "second/s" }
		END { exit !(lines == 1 && good == 1) }' "$folder/stopped"
	kill -CONT "$two"
	until_ok "$regtool" ls --state running -q second/s
}

# A name that is given away is an event of both processes.
gifts() {
	for of in "$one" "$two"; do
		watches gift --count 2 --events given --pid "$of"
		until [ "$(wc -l <"$file")" -ge 2 ]; do
			does 8 give mark/b second/s
			until_ok sh -c '"$1" ls --pid "$2" -q mark/b' sh "$regtool" "$two"
			does 9 give mark/b mark/a
			until_ok sh -c '"$1" ls --pid "$2" -q mark/b' sh "$regtool" "$one"
		done
		ends 0 "watch of what process $of gives and is given"
		exits 0 "has both, with both processes" awk -v a="$one" -v b="$two" '$1 != "given" || $3 != "mark/b" { exit 1 }
			$2 == a && $6 == b ")" { back++ } $2 == b && $6 == a ")" { away++ }
			END { exit !(away == 1 && back == 1) }' "$file"
	done
}

chosen() {
	watches types --since start --count 2 --events update,register --key mark/a
	listening mark/a
	does 8 unregister mark/a
	does 8 register mark/a back
	ends 0 "watch of some events"
	prints "is of these" "register mark/a nine" "register mark/a back"
	exits 2 "an event that is none" "$regtool" watch --events prge
	says "becomes the one that was meant" err 'did you mean purge?'
	exits 2 "no events" "$regtool" watch --events ,
	exits 2 "a list of them that is too long" "$regtool" watch --events "$(printf 'purge,%.0s' 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2)"
}

# Death is an event, and how; no line says so in the fallback.
deaths() {
	watches death --count 1 --events purge
	until [ -s "$file" ]; do
		"$regtool" run victim/v --value v -- sleep 1000 &
		victim=$!
		started="$started $victim"
		until_ok "$regtool" get victim/v
		kill -KILL "$victim"
		wait "$victim" 2>/dev/null
	done
	ends 0 "watch of deaths"
	says "has one" death "victim/v v"
}

ending() {
	exits 0 "what there is, and no time" "$regtool" watch --since start --timeout 0 mark/
	says "is printed" out "mark/b"
	exits 0 "--known is the same" "$regtool" watch --known --timeout 0 mark/
	says "and prints the same" out "mark/b"
	exits 1 "what there was before is nothing now" "$regtool" watch --since now --timeout 0.05 mark/
	says "which is said" err "timed out: no event"
	exits 1 "fewer than --count" "$regtool" watch --since start --timeout 0.05 --count 9 second/
	says "are counted" err "timed out: 1 of 9 events"
	exits 2 "a time to begin at" "$regtool" watch --since 5m
	says "is refused, with the reason" err "a registry keeps no history"
	exits 2 "a time that is none" "$regtool" watch --timeout soon
	(while does 8 update mark/b again; do :; done) 2>/dev/null &
	busy=$!
	started="$started $busy"
	exits 0 "events do not put the end off" timeout 60 "$regtool" watch --timeout 0.5
	kill "$busy"
	wait "$busy" 2>/dev/null
	exits 0 "it ends when nobody reads it" timeout 60 sh -c '"$1" watch --since start mark/ | head -n 1' sh "$regtool"
	watches signal --since start
	listening mark/
	kill "$watcher"
	ends 143 "a signal ends it"
}

# What was missed is printed whatever is asked for, and counts as nothing.
overruns() {
	does 8 register flood/f first
	until_ok "$regtool" get flood/f
	watches lost --since start --count 2 --events register,unregister --key flood/f
	listening flood/f
	kill -STOP "$watcher"
	does 8 flood flood/f last
	until_ok "$regtool" ls -q --key flood/f --value last
	kill -CONT "$watcher"
	listening overrun
	exits 0 "an overrun is printed, with how many" grep -Eq '^overrun +[0-9]+ ([0-9]+|some) missed$' "$file"
	does 8 unregister flood/f
	exits 0 "and is none of --count" until_ok grep -q '^unregister .*flood/f' "$file"
	ends 0 "which ends it"
}

json() {
	does 8 register json/j 'v"'
	until_ok "$regtool" get json/j
	watches json --since start --json --count 3 --key json/j
	listening register
	does 8 update json/j w
	does 8 unregister json/j
	ends 0 "watch --json"
	exits 0 "is an object a line" python3 -c 'import json, os, sys, time
lines = [json.loads(line) for line in open(sys.argv[1])]
names = ["version", "event", "time", "key", "value", "pid", "comm", "uid", "state", "known", "lost", "end", "status", "from"]
assert [d["event"] for d in lines] == ["register", "update", "unregister"], lines
assert [d["known"] for d in lines] == [1, 1, 1], lines
assert [d["value"] for d in lines] == ["v\"", "w", "w"], lines
for d in lines:
    assert list(d) == names, d
    assert d["version"] == 1 and d["key"] == "json/j" and d["pid"] == int(sys.argv[2]), d
    assert d["comm"] == "actor" and d["uid"] == os.getuid() and d["state"] == "running", d
    assert 0 <= time.time() - d["time"] < 600 and d["lost"] == 0, d
    assert d["end"] is None and d["status"] is None and d["from"] is None, d
' "$file" "$one"
}

try_all() {
	ok "$1"
	begin one
	begin two
	exec 8>"$folder/to-one" 9>"$folder/to-two"
	does 8 register mark/a one
	does 8 register mark/b two
	until_ok "$regtool" get mark/b || not_ok "the actor" "it registered nothing"
	filters
	states
	gifts
	chosen
	deaths
	ending
	overruns
	json
	exec 8>&- 9>&-
	wait "$one" "$two"
	exits 0 "no actor had an error" test ! -s "$folder/actors"
	[ ! -s "$folder/actors" ] || sed 's/^/# /' "$folder/actors"
	exits 0 "destroy" "$regtool" destroy default --force
}

in_both_modes
