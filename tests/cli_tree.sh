#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool tree: what does not run is seen at a glance, among many services too.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
actor=$(dirname "$regtool")/tests/actor

# shows SENTENCE LINE: a line of the tree, with one space for any number, and N for a pid and an age.
shows() {
	sed -E 's/ +/ /g; s/ again in [0-9]+ s/ again in N s/; s/ [0-9]+ (actor|regtool|sleep) [0-9.]+ / N \1 N /' "$folder/tree" >"$folder/plain"
	if grep -qxF -- "$2" "$folder/plain"; then
		ok "$1"
	else
		not_ok "$1" "no line: $2; but: $(cat "$folder/plain")"
	fi
}

tree() {
	sentence=$1
	shift
	exits 0 "$sentence" "$regtool" tree "$@"
	mv "$folder/out" "$folder/tree"
}

lines() {
	exits 0 "$1" test "$(wc -l <"$folder/tree")" = "$2"
}

# Services that come back long after the test.
write_file() {
	for role in 1 2 3 4 5 6 7 8; do
		printf '[Service s%s]\nExecStart=sleep 1000\nRestartSec=900\n' "$role"
	done
}

# Ten namespaces of twenty services, eight of them supervised; three services are restarting.
many() {
	for space in 0 1 2 3 4 5 6 7 8 9; do
		write_file >"$folder/n$space.ini"
		"$regtool" up "$folder/n$space.ini" --namespace "n$space" >"$folder/up" 2>&1 &
		started="$started $!"
		ups="$ups $!"
		for role in 1 2 3 4 5 6 7 8 9 10 11 12; do
			echo "register n$space/other$role v" >&8
		done
	done
	for space in 0 1 2 3 4 5 6 7 8 9; do
		until_ok "$regtool" get "n$space/s8"
	done
	until_ok "$regtool" get n9/other12
	tree "a tree of many that all run"
	shows "has one line for them" "10 namespaces 200 running - - - - -"
	lines "and no more than four for each namespace" 42
	for key in n2/s3 n2/s5 n7/s1; do
		"$regtool" signal "$key" KILL
		until_ok "$regtool" wait "$key" --gone
	done
	until_ok sh -c '"$1" tree --depth 1 | grep -q "^10 namespaces  *197 running, 3 restarting"' sh "$regtool"
	tree "a tree of many of which three are restarting"
	shows "counts them" "10 namespaces 197 running, 3 restarting - - - - -"
	shows "where they are" "n2 18 running, 2 restarting - - - - -"
	shows "a namespace without them has none" "n3 20 running - - - - -"
	shows "the supervisor is above its services" "|- supervisor running N regtool N - regtool up $folder/n2.ini"
	shows "of which the one that is missing is shown" "| |- s3 restarting - - - SIGKILL, again in N s -"
	shows "as the other one is" "| |- s5 restarting - - - SIGKILL, again in N s -"
	shows "those that run are counted" '| `- 6 more running - - - - -'
	shows "and those beside it" '`- 12 more running - - - - -'
	lines "that is all" 45
	tree "--depth 1" --depth 1
	lines "is a line for each namespace" 12
	tree "--depth 2" --depth 2
	lines "is all of them" 222
	tree "a namespace" n7
	lines "is all of it" 24
	shows "its service that is restarting" "| |- s1 restarting - - - SIGKILL, again in N s -"
	shows "and one that runs" "|- other1 running N actor N - v"
	exits 0 "in UTF-8 it has lines of boxes" sh -c 'LC_ALL=C.UTF-8 "$1" tree n7 | grep -q "^│  ├─ s1 "' sh "$regtool"
	exits 0 "JSON" "$regtool" tree --json
	mv "$folder/out" "$folder/json"
	exits 0 "has the counts, the supervisors and the services" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["version"] == 1 and d["services"] == 200 and d["states"]["restarting"] == 3 and d["states"]["running"] == 197, d
assert [n["namespace"] for n in d["namespaces"]] == ["n%d" % i for i in range(10)], d
n = d["namespaces"][2]
assert n["services"] == 20 and n["states"]["restarting"] == 2 and len(n["list"]) == 20, n
assert n["supervisor"]["comm"] == "regtool" and n["supervisor"]["value"] == "regtool up " + sys.argv[2] + "/n2.ini", n
gone = [s for s in n["list"] if s["state"] == "restarting"]
assert [s["role"] for s in gone] == ["s3", "s5"] and all(s["supervised"] and s["pid"] is None for s in gone), gone
assert all(s["why"] == "SIGKILL" and 0 < s["next"] <= 900 and s["restarts"] == 0 for s in gone), gone
assert all(s["pid"] and s["state"] == "running" for s in n["list"] if s not in gone), n
assert [s["supervised"] for s in n["list"]] == [True] * 8 + [False] * 12, n
' "$folder/json" "$folder"
}

few() {
	for space in 0 1 2 3 4 5 6 7 8 9; do
		"$regtool" down --namespace "n$space" --timeout 30 >"$folder/down" 2>&1 || cat "$folder/down"
	done
	# shellcheck disable=SC2086
	wait $ups
}

# The same of supervisors in a program: ten namespaces of twenty services, three of them restarting.
programs() {
	for space in 0 1 2 3 4 5 6 7 8 9; do
		echo "supervise p$space 20" >&8
	done
	until_ok "$regtool" get p9/r19
	until_ok sh -c '"$1" tree --depth 1 | grep -q "^10 namespaces  *200 running"' sh "$regtool"
	for key in p2/r3 p2/r5 p7/r1; do
		"$regtool" signal "$key" KILL
	done
	until_ok sh -c '"$1" tree --depth 1 | grep -q "^10 namespaces  *197 running, 3 restarting"' sh "$regtool"
	tree "a program's supervisors, three of whose services are restarting"
	shows "have their counts" "p2 18 running, 2 restarting - - - - -"
	shows "and the supervisor above its services" '`- supervisor running N actor N - '
	shows "of which one is restarting" " |- r3 restarting - - - SIGKILL, again in N s -"
	tree "all of a namespace" p7
	shows "has the service that is restarting" " |- r1 restarting - - - SIGKILL, again in N s -"
}

alone() {
	exits 1 "a tree of no registry" "$regtool" -r nothing tree
	exits 1 "of an empty namespace" "$regtool" tree nothing
	exits 2 "of none" "$regtool" tree a/b
	exits 2 "a depth that is none" "$regtool" tree --depth 3
	echo "register lone/here v" >&9
	echo "reserve lone/soon v" >&9
	until_ok sh -c '"$1" ps --namespace lone | grep -q soon' sh "$regtool"
	tree "a namespace without a supervisor" lone
	shows "has a service" "|- here running N actor N - v"
	shows "and one that is not ready" '`- soon starting N actor N - v'
	kill -STOP "$holder"
	until_ok "$regtool" ls --state stopped -q
	tree "of a process that is stopped" lone
	shows "it is said" "lone 2 stopped - - - - -"
	kill -CONT "$holder"
}

act() {
	rm -f "$folder/to-$1"
	mkfifo "$folder/to-$1"
	"$actor" <"$folder/to-$1" &
	started="$started $!"
}

try_all() {
	ok "$1"
	LC_ALL=C
	export LC_ALL
	ups=
	act many
	act one
	holder=$!
	exec 8>"$folder/to-many" 9>"$folder/to-one"
	many
	alone
	exec 8>&- 9>&-
	few
	act many
	program=$!
	exec 8>"$folder/to-many"
	programs
	exec 8>&-
	wait "$program"
	exits 0 "destroy" "$regtool" destroy default --force
}

in_both_modes
