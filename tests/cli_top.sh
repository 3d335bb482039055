#!/bin/sh
# SPDX-License-Identifier: MIT
# Which process holds memory up or was expelled, what grows and how quickly: regtool stat, owners and top.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"

holder=$(dirname "$regtool")/tests/holder

# hold REGISTRY ARGUMENTS: a process of tests/support/holder.c.
hold() {
	: >"$folder/ready"
	"$holder" "$@" >>"$folder/ready" 2>&1 &
	held=$!
	started="$started $held"
	until_ok grep -q ready "$folder/ready" || not_ok "a process for $*" "it never was ready"
}

end_held() {
	kill -KILL "$held"
	wait "$held" 2>/dev/null
}

# holds EXPRESSION COMMAND...: of Python, about each document d that the command prints, the last one being last.
holds() {
	expression=$1
	shift
	"$@" >"$folder/json" && python3 -c 'import json, sys
all = [json.loads(line) for line in open(sys.argv[1], "rb").read().decode().strip().replace("\n{\"version", "\0{\"version").split("\0")]
d = last = all[-1]
def owner(pid, d = last): return [o for o in d["owners"] if o["pid"] == pid][0]
if not ('"$expression"'): sys.exit("not so: " + str(all))' "$folder/json"
}

# What unregisters wants memory back, and finds the reader there.
sweep_for_ever() {
	while "$regtool" -r reading run "short-$1" -- true && "$regtool" -r reading sweep; do
		:
	done >/dev/null 2>&1
}

stopped_reader() {
	hold reading read 60000
	reader=$held
	exits 0 "a reader that nobody has met" holds "d['readers'] == 1 and d['held_up_by'] is None and d['held_up'] is None" \
		"$regtool" -r reading --json stat
	kill -STOP "$reader"
	sweep_for_ever 1 &
	sweeper=$!
	started="$started $sweeper"
	exits 0 "stat says that it holds memory up, and for how long" until_ok holds "d['held_up_by'] == $reader and d['held_up'] > 0.02" \
		"$regtool" -r reading --json stat
	exits 0 "owners says who that is: stopped, in a section" holds "owner($reader)['state'] == 'stopped'
		and owner($reader)['comm'] == 'holder' and owner($reader)['readers'] == 1 and owner($reader)['held_up'] > 0.02
		and owner($reader)['expelled'] == 0 and owner($reader)['slots'] == 1" \
		"$regtool" -r reading --json owners -o +slots,log,expelled_ago
	exits 0 "it comes first if asked for" sh -c '"$1" -r reading owners --no-header --sort -held_up -o pid | head -n 1 | grep -w "$2"' \
		sh "$regtool" "$reader"
	kill "$sweeper"
	wait "$sweeper" 2>/dev/null
	end_held
}

expelled_reader() {
	hold reading read 20
	reader=$held
	exits 0 "it was not expelled" holds "d['expelled'] == 0 and d['expelled_last'] is None and d['expelled_ago'] is None" \
		"$regtool" -r reading --json stat
	sweep_for_ever 2 &
	sweeper=$!
	started="$started $sweeper"
	exits 0 "until its patience is over" until_ok holds "d['expelled'] == 1 and d['expelled_last'] == $reader and d['expelled_ago'] >= 0" \
		"$regtool" -r reading --json stat
	kill "$sweeper"
	wait "$sweeper" 2>/dev/null
	exits 0 "owners says so of it" holds "owner($reader)['expelled'] == 1 and owner($reader)['expelled_ago'] >= 0
		and owner($reader)['readers'] == 0" "$regtool" -r reading --json owners -o +expelled_ago
	end_held
	exits 0 "and stat after its death" holds "d['expelled'] == 1 and d['expelled_last'] == $reader" \
		"$regtool" -r reading --json stat
}

growing() {
	hold growing grow
	exits 0 "a registry that grows" holds "len(all) == 3 and all[0]['entries'] < all[2]['entries'] and d['entries_rate'] > 0
		and d['owners'] == 1 and d['came'] == 0 and d['version'] == 1" \
		"$regtool" -r growing --json stat --interval 0.3 --count 3
	exits 0 "and whose names they are" holds "len(all) == 2 and owner($held)['entries_rate'] > 0 and owner($held)['updates_rate'] == 0" \
		"$regtool" -r growing --json owners --interval 0.3 --count 2
	exits 0 "lines under one heading" "$regtool" -r growing stat --interval 0.1 --count 2
	exits 0 "three of them" [ "$(grep -c . "$folder/out")" = 3 ]
	exits 2 "a count without an interval" "$regtool" -r growing stat --count 2
	exits 2 "an interval of nothing" "$regtool" -r growing stat --interval 0
	end_held
}

try_all() {
	exits 0 "$1" true
	stopped_reader
	"$regtool" destroy --force reading
	expelled_reader
	growing
	"$regtool" destroy --force reading
	"$regtool" destroy --force growing
}

in_both_modes
