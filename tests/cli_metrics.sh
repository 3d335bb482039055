#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool metrics: its text in both forms, and as a file for node_exporter.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

text=${0%/*}/metrics/text.py
contrib=${0%/*}/../contrib
named=$(dirname "$regtool")/tests/named

# metrics FORM: into $folder/text; it has to be sound.
metrics() {
	exits 0 "metrics, $1" "$regtool" metrics --format "$1"
	mv "$folder/out" "$folder/text"
	exits 0 "it is sound" python3 "$text" check "$1" "$folder/text"
}

# is SENTENCE VALUE NAME [LABEL=VALUE ...]
is() {
	sentence=$1
	wanted_value=$2
	shift 2
	value=$(python3 "$text" value "$folder/text" "$@" 2>&1)
	if [ "$value" = "$wanted_value" ]; then
		ok "$sentence"
	else
		not_ok "$sentence" "$value, not $wanted_value: $*"
	fi
}

promtool_agrees() {
	if ! command -v promtool >/dev/null; then
		# 96 MB with a daemon, so bootstrap does not install it. What is printed is parsed here besides.
		echo "# promtool, of Debian's prometheus, is not installed: it is not asked"
		return
	fi
	"$regtool" metrics --format prometheus >"$folder/text"
	exits 0 "promtool has nothing to say against it" sh -c "promtool check metrics <'$folder/text'"
}

# Alerts and the dashboard, with a registry that has a service, and the state of a bridge; the guard's metrics are there
# only under it.
contributed() {
	python3 "${text%/*}/../cluster/bridge.py" "$regtool" shop &
	bridge=$!
	started="$started $bridge"
	until_ok "$regtool" get .cluster/shop || not_ok "the state of a bridge" "it was not registered"
	"$regtool" metrics --format prometheus >"$folder/text"
	end_service "$bridge"
	if [ "$mode" = guard ]; then
		exits 0 "alerts and dashboard use what is printed" python3 "$text" used "$folder/text" "$contrib"
	fi
	command -v promtool >/dev/null || return
	exits 0 "promtool: the scrape configuration, and its rules" promtool check config "$contrib/prometheus/kreg.yml"
	exits 0 "promtool: the alerts fire when they should" \
		promtool test rules "$contrib/prometheus/kreg.rules.test.yml"
}

pid_of() {
	"$regtool" get "$1" --json | sed 's/.*"pid":\([0-9]*\).*/\1/'
}

is_stopped() { "$regtool" ls --namespace production --state stopped -q; }

# It looks, and creates nothing.
nothing() {
	metrics openmetrics
	is "the version is there" 1 kreg_build_info
	exits 1 "a registry that does not exist" "$regtool" -r nowhere metrics
	exits 2 "a form that is none" "$regtool" metrics --format json
	if [ -z "$(find "$folder" -mindepth 1 -name 'kreg*' -o -name '*default*' -o -name '*nowhere*')" ]; then
		ok "none of these has created a registry"
	else
		not_ok "none of these has created a registry" "$(ls "$folder")"
	fi
}

figures() {
	"$regtool" create default
	"$regtool" create other --keys duplicate
	run_service production/cache /run/cache.sock
	cache=$service
	run_service plain value
	plain=$service
	metrics openmetrics
	is "two names are counted" 2 kreg_registry_entries registry=default
	is "those of the other registry are apart" 0 kreg_registry_entries registry=other
	is "a service runs" 1 kreg_services registry=default namespace=production state=running
	is "none is stopped" 0 kreg_services registry=default state=stopped
	is "a plain name is no service" 1 kreg_namespaces registry=default
	is "its keys and its life are known" 1 kreg_registry_info registry=other keys=duplicate "life=$mode"
	is "it is current" 1 kreg_registry_state registry=default state=current
	is "and no leftover" 0 kreg_registry_state registry=default state=leftover
	is "its limit" "$("$regtool" stat --json | sed 's/.*"bytes_max":\([0-9]*\).*/\1/')" \
		kreg_registry_limit_bytes registry=default
	is "its file" "$("$regtool" registries -o name,bytes --no-header | awk '$1 == "default" { print $2 }')" \
		kreg_registry_file_bytes registry=default
	if [ "$mode" = guard ]; then
		is "the guard runs" 1 kreg_guard_up
		is "its seats are counted" 2 kreg_guard_seats_used
		is "taken seats, too" "$("$regtool" guard status --path "$pins" --json | sed 's/.*"attaches":\([0-9]*\).*/\1/')" \
			kreg_guard_attaches_total
	else
		is "there is no guard" 0 kreg_guard_up
	fi
	metrics prometheus
	is "the older form has the same" 2 kreg_registry_entries registry=default
	promtool_agrees
	contributed
	exits 0 "of one registry" "$regtool" -r other metrics
	mv "$folder/out" "$folder/text"
	is "it is there" 1 kreg_registry_up registry=other
	if grep -q 'registry="default"' "$folder/text"; then
		not_ok "alone" "another one is there"
	else
		ok "alone"
	fi
	exits 0 "of one, by its user" "$regtool" -r "$(id -u):other" metrics
}

# A process that is stopped holds its names and answers nobody.
stopped() {
	kill -STOP "$(pid_of production/cache)"
	until_ok is_stopped || not_ok "the service stops" "it does not"
	metrics openmetrics
	is "a stopped service is seen" 1 kreg_services namespace=production state=stopped
	is "as none that runs" 0 kreg_services namespace=production state=running
	kill -STOP "$(pid_of plain)"
	until_ok sh -c "[ \$('$regtool' ls --state stopped -o key --no-header | wc -l) = 2 ]" ||
		not_ok "the other one stops" "it does not"
	metrics openmetrics
	is "a stopped owner of a plain name is seen, too" 2 kreg_registry_owners registry=default state=stopped
	is "the others run" "$(($("$regtool" owners --no-header -o pid | wc -l) - 2))" \
		kreg_registry_owners registry=default state=running
	end_service "$cache"
	end_service "$plain"
}

# Its name is reserved until it has said READY=1.
starting() {
	"$regtool" run production/slow --notify -- sleep 1000 &
	slow=$!
	started="$started $slow"
	until_ok sh -c "'$regtool' ps --namespace production --no-header | grep -q starting" || not_ok "the service starts" "it does not"
	metrics openmetrics
	is "a service that is starting is seen" 1 kreg_services namespace=production state=starting
	end_service "$slow"
}

# It has no process; its supervisor reports it.
restarting() {
	printf '[Service again]\nExecStart=sleep 1000\nRestartSec=900\n' >"$folder/again.ini"
	"$regtool" up "$folder/again.ini" --namespace gone >"$folder/up" 2>&1 &
	up=$!
	started="$started $up"
	until_ok "$regtool" get gone/again
	"$regtool" signal gone/again KILL
	until_ok sh -c '"$1" tree gone | grep -q "again  *restarting"' sh "$regtool"
	metrics openmetrics
	is "a service that is restarting is seen" 1 kreg_services namespace=gone state=restarting
	is "as none that has failed" 0 kreg_services namespace=gone state=failed
	"$regtool" down --namespace gone --timeout 30 >"$folder/down" 2>&1
	wait "$up"
	metrics openmetrics
	exits 0 "and no longer when its supervisor is gone" \
		sh -c '! grep -q "^kreg_services{.*namespace=\"gone\"" "$1"' sh "$folder/text"
}

bounded() {
	rm -f "$folder/named"
	"$named" 150 'space%u/role' >"$folder/named" &
	many=$!
	started="$started $many"
	until_ok test -s "$folder/named" || not_ok "150 namespaces" "they were not registered"
	metrics openmetrics
	is "150 namespaces" 150 kreg_namespaces registry=default
	is "a hundred are shown, the others together" 50 kreg_services registry=default 'namespace=*' state=running
	is "none is lost" 150 kreg_services registry=default state=running
	is "the first ones of the alphabet are shown" 1 kreg_services namespace=space0 state=running
	end_service "$many"
}

# What a label may be: the folder is any bytes.
bytes() {
	odd=$(printf '%s/a"b\\c\nd\377e\001' "$folder")
	mkdir "$odd"
	KREG_DIR=$odd "$regtool" create default
	for form in openmetrics prometheus; do
		KREG_DIR=$odd "$regtool" metrics --format $form >"$folder/text"
		exits 0 "a folder of any bytes, $form" python3 "$text" check $form "$folder/text"
		is "has its registry" 1 kreg_registry_up "directory=$folder/a\"b\\c
d\\xffe\\x01"
	done
	KREG_DIR=$odd "$regtool" destroy default
	rm -rf "$odd"
}

files() {
	(umask 077 && exec "$regtool" metrics --textfile "$folder/kreg.prom")
	exits 0 "a textfile in the form that node_exporter reads" python3 "$text" check prometheus "$folder/kreg.prom"
	exits 0 "all may read it" sh -c "[ \$(stat -c %a '$folder/kreg.prom') = 644 ]"
	inode=$(stat -c %i "$folder/kreg.prom")
	ln "$folder/kreg.prom" "$folder/earlier"
	exits 0 "again" "$regtool" metrics --textfile "$folder/kreg.prom"
	exits 0 "it is replaced, not written over" sh -c "[ \$(stat -c %i '$folder/kreg.prom') != $inode ]"
	exits 0 "nothing is left beside it" sh -c "! ls -A '$folder' | grep -q '^[.]kreg'"
	exits 4 "a folder that does not exist" "$regtool" metrics --textfile "$folder/none/kreg.prom"
	if grep -qF 'its folder must exist' "$folder/err"; then
		ok "the error says so"
	else
		not_ok "the error says so" "it does not"
	fi
	mkdir "$folder/taken.prom"
	exits 4 "a folder in its place" "$regtool" metrics --textfile "$folder/taken.prom"
	exits 0 "leaves nothing either" sh -c "! ls -A '$folder' | grep -q '^[.]taken'"
	exits 2 "no file" "$regtool" metrics --textfile "$folder/"
	if command -v strace >/dev/null; then
		exits 0 "traced" strace -E ASAN_OPTIONS=detect_leaks=0 -o "$folder/trace" -e trace=fsync,fdatasync,rename,renameat,renameat2 \
			"$regtool" metrics --textfile "$folder/kreg.prom"
		exits 0 "it is on the disk before it takes the file's place" \
			sh -c "sed -n 's/^\\(fsync\\|rename\\)[a-z0-9]*(.*/\\1/p' '$folder/trace' | head -n 2 | tr '\\n' ' ' | grep -q '^fsync rename'"
	fi
	rm -rf "$folder/kreg.prom" "$folder/earlier" "$folder/taken.prom"
}

leftover() {
	printf 'no registry' >"$(find "$folder" -name '*other*' -type f | head -n 1)"
	metrics openmetrics
	is "a damaged registry is seen" 1 kreg_registry_state registry=other state=damaged
	is "without figures" 0 kreg_registry_up registry=other
	exits 0 "not of the others" python3 "$text" value "$folder/text" kreg_registry_slots registry=default
	exits 1 "nor its own" python3 "$text" value "$folder/text" kreg_registry_slots registry=other
}

# shellcheck disable=SC2317 # in_both_modes
try_all() {
	ok "$1"
	nothing
	figures
	stopped
	starting
	restarting
	bounded
	bytes
	files
	leftover
	"$regtool" destroy default --force
	find "$folder" -name '*other*' -type f -delete
}

if ! command -v python3 >/dev/null; then
	mode=any
	echo "ok 1 - any # SKIP python3 is not installed"
	number=1
	finish
fi
in_both_modes
