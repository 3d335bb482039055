#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool bench: its columns and JSON, that it leaves nothing behind however it ends, and what it says where there is no room.
# How fast anything is, is not tested.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"
measures="floor_hit floor_miss lookup_hit lookup_miss ref_hit many_hit section register update waitpid absent"

# holds SENTENCE EXPRESSION: of Python, about the document d in out, its measures m, and one of them, of(NAME).
holds() {
	exits 0 "$1" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
m = d["measures"]
def of(name): return [each for each in m if each["measure"] == name][0]
if not ('"$2"'): sys.exit("not so: " + str(d))' "$folder/json"
}

# Neither a registry nor a process of it.
nothing_left() {
	exits 0 "no registry is left$1" eval '! ls "$folder" | grep "regtool-bench"'
	exits 0 "nor a process that could have had one" until_ok eval '! pgrep -g 0 -x regtool'
}

table() {
	exits 0 "a table" "$regtool" bench --seconds 1 --keys 1000
	cp "$folder/out" "$folder/table"
	exits 0 "of its columns" grep -qE '^MEASURE +RATIO +RATIO_LOW +RATIO_HIGH +NS +NS_LOW +NS_HIGH +TURNS +LIFE$' "$folder/table"
	for measure in $measures; do
		exits 0 "$measure" grep -qE "^$measure +([0-9]+\.[0-9]{3} +){6}[0-9]+ $mode$" "$folder/table"
	done
	says "says what to compare" table "Compare ratios"
	says "what ends lives" table "Lives are ended by the $mode;"
	says "and how many names there were" table "1000 names"
	nothing_left ""
	exits 0 "without headings" "$regtool" bench --seconds 1 --keys 1 --no-header --output measure
	exits 0 "there is the list alone" [ "$(tr '\n' ' ' <"$folder/out")" = "$measures " ]
	exits 0 "as JSON" "$regtool" bench --seconds 1 --keys 1000 --json --output +beside,keys
	cp "$folder/out" "$folder/json"
	holds "of the documented form" 'd["version"] == 1 and list(d) == ["version", "measures"] and " ".join(e["measure"] for e in m) == "'"$measures"'"'
	holds "all ratios and times are there and positive" 'all(0 < e[c + "_low"] <= e[c] <= e[c + "_high"] for e in m for c in ("ratio", "ns"))'
	holds "the floor is beside itself" 'all(of(n)["ratio"] == of(n)["ratio_high"] == 1 for n in ("floor_hit", "floor_miss"))'
	holds "a miss is beside a miss, all else beside a hit" '{e["measure"] for e in m if e["beside"] == "floor_miss"} == {"floor_miss", "lookup_miss"}
		and {e["beside"] for e in m} == {"floor_hit", "floor_miss"}'
	holds "with turns, names, and what ends lives" 'all(e["turns"] >= 3 and e["keys"] == 1000 and e["life"] == "'"$mode"'" for e in m)'
	nothing_left ""
}

has_registry() { ls "$folder" | grep -q regtool-bench; }

# interrupted SIGNAL STATUS
interrupted() {
	# What a script starts in the background ignores SIGINT.
	env --default-signal=INT "$regtool" bench --seconds 1000 --keys 1000 >"$folder/out" 2>"$folder/err" &
	measuring=$!
	started="$started $measuring"
	exits 0 "a registry while it measures" until_ok has_registry
	kill -"$1" "$measuring"
	wait "$measuring" 2>/dev/null
	ended=$?
	exits 0 "SIG$1 ends it as it ends others" [ "$ended" = "$2" ]
	exits 0 "without a word" test ! -s "$folder/err"
	nothing_left " by SIG$1"
}

killed() {
	"$regtool" bench --seconds 1000 --keys 1000 >/dev/null 2>&1 &
	measuring=$!
	started="$started $measuring"
	exits 0 "a registry while it measures" until_ok has_registry
	end_service "$measuring"
	exits 0 "what a killed one has left, others can remove" until_ok destroyed
	nothing_left " then"
}

destroyed() {
	for file in "$folder"/kreg.*.regtool-bench-*; do
		[ ! -e "$file" ] || "$regtool" destroy "${file##*/kreg.*.}" || return 1
	done
}

no_room() {
	exits 4 "a limit on the size of files" sh -c 'ulimit -f 4000; exec "$@"' sh "$regtool" bench --seconds 1 --keys 1000000
	says "is said" err "exceeds the file size limit"
	exits 0 "in one line" [ "$(wc -l <"$folder/err")" = 1 ]
	nothing_left ""
	if is_sanitized; then
		skip "a limit on memory" "a sanitizer needs more"
	else
		exits 4 "a limit on memory" sh -c 'ulimit -v 300000; exec "$@"' sh "$regtool" bench --seconds 1 --keys 10000000
		says "is said" err "out of memory"
		exits 0 "in one line, too" [ "$(wc -l <"$folder/err")" = 1 ]
		nothing_left ""
	fi
	mkdir -p "$folder/small"
	if ! unshare -m true 2>/dev/null; then
		skip "a file system that is full" "it cannot be mounted"
		return
	fi
	exits 4 "a file system that is full, and nothing is left there" in_little
	says "is said" err "file system is full"
	says "and what to do" err "--keys makes fewer"
}

# In a file system of 3 MB, which only these processes have. Exit status 1: something is left there.
in_little() {
	# shellcheck disable=SC2016
	unshare -m sh -c 'mount -t tmpfs -o size=3m kreg-test "$2" || exit
		KREG_DIR=$2 "$1" bench --seconds 1 --keys 1000000
		ended=$?
		[ -z "$(ls "$2")" ] && exit $ended
		exit 1' sh "$regtool" "$folder/small"
}

arguments() {
	exits 2 "no seconds" "$regtool" bench --seconds 0
	exits 2 "an hour is the most" "$regtool" bench --seconds 3601
	exits 2 "no names" "$regtool" bench --keys 0
	exits 2 "an argument" "$regtool" bench 1
	exits 2 "a column that there is not" "$regtool" bench --seconds 1 --keys 1 -o none
	nothing_left ""
	exits 4 "where the output cannot be written" sh -c '"$@" >/dev/full' sh "$regtool" bench --seconds 1 --keys 1
}

try_all() {
	exits 0 "$1" true
	table
	interrupted INT 130
	interrupted TERM 143
	killed
	no_room
}

mode=any
KREG_GUARD=none
export KREG_GUARD
arguments
in_both_modes
