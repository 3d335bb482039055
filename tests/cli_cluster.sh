#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool cluster, and what doctor and metrics say of a bridge: with processes that register a state as kreg-etcd does
# (tests/cluster/bridge.py), right and wrong ones; and with kreg-etcd itself, without an etcd. tests/proc_etcd_state.c has
# one. The guard's mode differs in nothing here but the process that registers.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

bridge_py=${0%/*}/cluster/bridge.py
text=${0%/*}/metrics/text.py
kreg_etcd=$(dirname "$regtool")/kreg-etcd

# bridge CLUSTER [CHANGES...]: its pid is $bridge.
bridge() {
	python3 "$bridge_py" "$regtool" "$@" &
	bridge=$!
	started="$started $bridge"
	until_ok "$regtool" get ".cluster/${1%%:*}" || not_ok "a bridge to $1" "it was not registered"
}

# doctor STATUS SENTENCE REGEX: of a line about the cluster.
doctor() {
	"$regtool" -r default doctor --interval 0 >"$folder/doctor" 2>"$folder/err"
	got=$?
	if [ $got = "$1" ] && grep -qE -- "$3" "$folder/doctor"; then
		ok "$2"
	else
		not_ok "$2" "status $got, and: $(grep -w cluster "$folder/doctor")"
	fi
}

take_metrics() { "$regtool" metrics --format prometheus >"$folder/text"; }

# metric SENTENCE VALUE NAME [LABELS]: as take_metrics has found it.
metric() {
	if grep -q "^$3{.*cluster=\"shop\"${4:-}} $2\$" "$folder/text"; then
		ok "$1"
	else
		not_ok "$1" "not $2: $(grep "^$3" "$folder/text")"
	fi
}

none() {
	exits 1 "without a registry" "$regtool" cluster
	exits 0 "create" "$regtool" create default
	exits 1 "without a bridge" "$regtool" cluster
	says "it says what makes one" err 'regtool: no bridge to a cluster is in registry "default"; kreg-etcd makes one'
	exits 1 "without one to that cluster" "$regtool" cluster shop
	says "it says how" err 'no bridge to cluster "shop" is in registry "default"; kreg-etcd --cluster shop makes one'
	exits 2 "an option that is none" "$regtool" cluster --nothing
	exits 2 "two clusters" "$regtool" cluster shop more
	"$regtool" -r default doctor --interval 0 >"$folder/out"
	says_not "doctor has nothing to say" out "cluster"
	exits 0 "a registry with duplicate keys" "$regtool" create many --keys duplicate
	exits 1 "has no bridge" "$regtool" -r many cluster
}

tables() {
	exits 0 "a bridge" "$regtool" cluster
	says "its host" out "host        a"
	says "is in touch" out "touch       in-touch"
	says "its lease, as etcdctl has it" out "lease       694d7"
	says "the members" out "b      1.0.0   default  4711 694d7"
	exits 0 "with names" "$regtool" cluster shop --names
	says "those that it exports" out "prod/x exported -"
	# What is about this host alone is not exported, whatever is chosen.
	says_not "and not itself" out ".cluster/shop"
}

document() {
	exits 0 "as JSON" "$regtool" cluster shop --names --json
	mv "$folder/out" "$folder/json"
	exits 0 "it is one document, with times in seconds" python3 -c 'import json, sys
document = json.load(open(sys.argv[1]))
c, = document["clusters"]
assert document["version"] == 1 and document["registry"] == "default", document
assert (c["host"], c["touch"], c["exported"], c["imported"], c["error"]) == ("a", "in-touch", 12, 40, None), c
assert 2900 < c["lease_left"] <= 3000 and 1 <= c["lag"] < 100 and c["waiting_for"] is None, c
assert (c["export"], c["import"], c["lease_time"], c["grace"]) == (["*"], ["*"], 3000, 30), c
assert [(m["member"], m["pid"]) for m in c["member_list"]] == [("a", 4711), ("b", 4711)], c
assert [(n["name"], n["is"], n["host"]) for n in c["names"]] == [
    ("prod/x", "exported", None), ("test/x", "exported", None)], c' "$folder/json"
}

sound_metrics() {
	take_metrics
	metric "metrics: it is up" 1 kreg_cluster_up
	metric "its host" 1 kreg_cluster_bridge_info ',host="a",version="1.0.0"'
	metric "names" 40 kreg_cluster_imported
	metric "counters" 50 kreg_cluster_events_total
	metric "the lease" 3000 kreg_cluster_lease_time_seconds
	metric "nothing waits" 0.000 kreg_cluster_write_lag_seconds
	exits 0 "the text is sound" python3 "$text" check prometheus "$folder/text"
}

sound() {
	run_service prod/x
	run_service test/x
	bridge shop 'export=["*"]'
	shop=$bridge
	tables
	document
	doctor 0 "doctor: all is well" '^ok +cluster default: shop has 2 hosts; 12 names are exported, 40 imported'
	sound_metrics
	bridge other
	exits 0 "of two the one that was asked for" "$regtool" cluster other
	says_not "alone" out "cluster     shop"
	exits 0 "both" "$regtool" cluster
	says "the one" out "cluster     other"
	says "and the other" out "cluster     shop"
	end_service "$bridge"
	exits 1 "the state ends with its bridge" "$regtool" cluster other
	end_service "$shop"
}

# fault SENTENCE TOUCH STATUS REGEX CHANGES...
fault() {
	sentence=$1
	touch=$2
	wanted_status=$3
	regex=$4
	shift 4
	bridge shop "$@"
	"$regtool" cluster >"$folder/out" 2>"$folder/err"
	says "$sentence: $touch" out "touch       $touch"
	doctor "$wanted_status" "doctor: $sentence" "cluster default: $regex"
	end_service "$bridge"
}

faults() {
	fault "the lease is over" cut-off 1 \
		'the bridge to shop, pid [0-9]+, has had no answer of etcd for [1-9]m.*the 12 names.*stale here.*10\.0\.0\.1:2379.*error is: timed out' \
		session='"none"' lease_until=@-5 touch=@-65 others='"stale"' 'error={"says": "timed out", "at": 1}'
	fault "there never was a lease" cut-off 1 'the bridge to shop.*has had no answer of etcd for [1-9]m' \
		session='"lease"' lease=0 lease_until=0 touch=0
	# A time that is still to come has not passed.
	fault "it has just begun" begins 0 'the bridge to shop.*begins its session' \
		session='"none"' lease=0 lease_until=0 touch=0 began=@900
	fault "the lease is short" in-touch 5 'the lease of the bridge to shop.*ends in [0-9]+.*answered' \
		lease_until=@1000 touch=@-2000
	fault "it reads for long" busy 5 'the bridge to shop.*no change of other hosts for [0-9ms]+.*state "read"' \
		session='"read"' session_since=@-20
	fault "it turns to another member" busy 0 'the bridge to shop.*begins its session' \
		session='"glance"' session_since=@900
	fault "writes wait" in-touch 5 '7 changes of this host are not in etcd, the oldest for [0-9ms]+' \
		waiting=7 waiting_since=@-12
	fault "there are too many names" in-touch 5 '41 names of other hosts of shop are known, which is --most' most=41
	fault "a name is of two hosts" in-touch 5 '3 names of this host are also of another.*"prod/x" of b.*regtool -r default cluster shop' \
		conflicts=3 'conflict_list=[{"name": "prod/x", "host": "b"}]'
	fault "it is of another version" in-touch 5 'the bridge to shop, pid [0-9]+, is kreg-etcd 0\.9, and this regtool is' \
		version='"0.9"'
	bridge shop session='"none"' lease_until=@-5 touch=@-65 others='"stale"' waiting=2 waiting_since=@-30
	take_metrics
	metric "metrics: it is not up" 0 kreg_cluster_up
	metric "what it has imported is stale" 1 kreg_cluster_stale
	metric "no lease is left" 0.000 kreg_cluster_lease_left_seconds
	metric "changes wait" 2 kreg_cluster_waiting
	metric "the lag is a minute at least" '\(6[5-9]\|[7-9][0-9]\|[1-9][0-9][0-9]\)\.[0-9]*' kreg_cluster_lag_seconds
	end_service "$bridge"
}

# refused SENTENCE CAUSE BRIDGE...
refused() {
	sentence=$1
	cause=$2
	shift 2
	bridge "$@"
	exits 4 "$sentence" "$regtool" cluster
	says "says why: $cause" err "regtool: what pid $bridge has registered as \".cluster/shop\" is not the state of a bridge: $cause"
}

# The same, as the other commands have it.
refused_by_all() {
	refused "$@"
	exits 4 "also as JSON" "$regtool" cluster --json
	says "which is a document" out '"clusters":[]'
	take_metrics
	metric "metrics: it is not up" 0 kreg_cluster_up
	exits 1 "and nothing else is printed of it" grep -q '^kreg_cluster_known{' "$folder/text"
	"$regtool" -r default doctor --interval 0 -q >"$folder/out"
	says "doctor says so" out "$(printf '%.40s' "$2")"
	end_service "$bridge"
}

refused_alone() {
	refused "$@"
	end_service "$bridge"
}

forged() {
	refused_by_all "not JSON" "it is no object of JSON" shop:nonsense
	refused_by_all "a later form" "its form is 2, and this regtool" shop format=2
	refused_by_all "the state of another process" "it is of pid 1, and was registered by another process" shop pid=1
	refused_alone "a list" "it is no object of JSON" 'shop:[]'
	refused_alone "what is nested too deeply" "it is no object of JSON" \
		"shop:$(python3 -c 'print("{\"a\":" + 30000 * "[" + 30000 * "]" + "}")')"
	refused_alone "an object of something else" '"format" is no number' 'shop:{"a": 1}'
	refused_alone "a field that is missing" '"touch" is no number' shop -touch
	refused_alone "a number that is negative" '"lease" is no number from 0 to' shop lease=-1
	refused_alone "a number that is too large" '"writes" is no number from 0 to' shop writes=99999999999999999999
	refused_alone "a number with a fraction" '"ttl" is no number from 0 to' shop ttl=1.5
	refused_alone "a text that is a number" '"host" is no text of at most 64 bytes' shop host=1
	refused_alone "a text that is too long" '"host" is no text of at most 64 bytes' shop "host=\"$(printf %065d 0)\""
	refused_alone "more members than are listed" '"member_list" is no list of at most 64' shop \
		"member_list=$(python3 -c 'print([0] * 65)')"
	refused_alone "a member that is none" '"member_list" is no list of objects' shop 'member_list=[1]'
	refused_alone "a pattern that is none" '"export" is no text' shop 'export=[1]'
	refused_alone "an error that is none" '"error" is neither null nor an object' shop 'error=1'
}

# Right ones, as far as they may go.
odd() {
	bridge right
	right=$bridge
	bridge shop:nonsense
	exits 4 "a right one and a wrong one" "$regtool" cluster
	says "the right one is shown" out "cluster     right"
	says "the wrong one is said" err '".cluster/shop" is not the state'
	end_service "$bridge"
	end_service "$right"
	largest=9223372036854775807
	bridge shop ttl=$largest lease_until=$largest touch=$largest grace=$largest writes=$largest 'host="a\u001b[2J"' \
		export=null
	exits 0 "the largest numbers" "$regtool" cluster --names
	says "are printed" out "writes      $largest"
	says "what a terminal obeys is not" out 'a\x1b[2J'
	says "nor are patterns that did not fit" out "export      -"
	take_metrics
	metric "it is no label either" 1 kreg_cluster_bridge_info ',host="a\\\\x1b\[2J",.*'
	end_service "$bridge"
}

many() {
	rm -f "$folder/named"
	"$(dirname "$regtool")/tests/named" 150 '.cluster/c%u' >"$folder/named" &
	many=$!
	started="$started $many"
	until_ok test -s "$folder/named" || not_ok "150 entries" "they were not registered"
	exits 4 "150 entries that are none" "$regtool" cluster
	says "are counted" err "86 more entries are in .cluster"
	"$regtool" -r default doctor --interval 0 -q >"$folder/out"
	says "in doctor, too" out "142 more entries are in .cluster"
	take_metrics
	exits 0 "of metrics there are 64" test "$(grep -c '^kreg_cluster_up{' "$folder/text")" = 64
	end_service "$many"
}

is_cut_off() { "$regtool" cluster --json | grep -q '"failures":[1-9].*"error":"http://127.0.0.1:9: lease/grant'; }
exports_two() { "$regtool" cluster --json | grep -q '"exported":2,'; }

# kreg-etcd, which finds no etcd.
real() {
	if [ ! -x "$kreg_etcd" ]; then
		skip "kreg-etcd" "it was not built"
		return
	fi
	run_service .hidden/x
	"$kreg_etcd" --cluster shop --host a --ttl 2 --endpoint http://name:secret@127.0.0.1:9 --export '*' \
		2>"$folder/log" &
	etcd=$!
	started="$started $etcd"
	until_ok is_cut_off || not_ok "it says what fails" "$("$regtool" cluster 2>&1)"
	exits 0 "its state" "$regtool" cluster --json
	says "is of its process" out "\"host\":\"a\",\"pid\":$etcd,"
	says "has no lease" out '"lease":null,'
	exits 0 "it says so" grep -q "http://127.0.0.1:9: lease/grant" "$folder/log"
	exits 1 "a password of a URL is in no log" grep secret "$folder/log"
	exits 2 "nor where it is no option" "$kreg_etcd" --cluster shop http://name:secret@127.0.0.1:9
	says "but the rest" err "http://127.0.0.1:9: is no option"
	says_not "without it" err secret
	exits 1 "a password of a URL is in no registry" sh -c "'$regtool' get .cluster/shop | grep secret"
	until_ok exports_two || not_ok "it counts what it exports" "$("$regtool" cluster --names 2>&1)"
	exits 0 "names that begin with a dot are this host's alone" "$regtool" cluster --names
	says "others are exported" out "test/x exported -"
	says_not "they are not" out ".hidden"
	end_service "$etcd"
	exits 1 "its state ends with it" "$regtool" cluster
}

# What registers is another process in each mode; all else is the same.
try_all() {
	none
	sound
	if [ "$mode" = fallback ]; then
		faults
		forged
		odd
		many
	fi
	real
	end_started
	"$regtool" destroy default --force
	"$regtool" destroy many --force
}

in_both_modes
