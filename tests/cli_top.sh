#!/bin/sh
# SPDX-License-Identifier: MIT
# Which process holds memory up or was expelled, what grows and how quickly: regtool stat, owners and top.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

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
	end_service "$held"
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
	end_service "$held"
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
	end_service "$held"
}

plain_top() {
	hold growing grow
	exits 0 "two plain tables" "$regtool" -r growing top -b -n 2 -d 0.3
	exits 0 "with who it is, what it has and how that grows" \
		[ "$(grep -Ec "^ *$held holder +$(id -u) running +[0-9]+ +[+][0-9]+ +0 " "$folder/out")" = 2 ]
	exits 0 "which a filter may leave out" sh -c '! "$1" -r growing top -b -n 1 -d 0.1 --filter stopped | grep -w holder' sh "$regtool"
	"$regtool" -r growing top -b -n 1 -d 0.1 --namespaces >"$folder/spaces"
	exits 0 "namespaces, and how many names they have" grep -Eq '^grown +[1-9][0-9]* +[1-9][0-9]* +0 +0 +0$' "$folder/spaces"
	kill -STOP "$held"
	exits 0 "of stopped processes, too" sh -c '"$1" -r growing top -b -n 1 -d 0.1 --namespaces | grep -E "^grown +[0-9]+ +0 +[1-9]"' \
		sh "$regtool"
	exits 2 "an order that is none" "$regtool" -r growing top -b --sort size
	exits 4 "a screen without a terminal" "$regtool" -r growing top
	end_service "$held"
}

# spaces_has EXPRESSION: the line of namespace "gone": names, those of running and of stopped processes; restarting, failed.
spaces_has() { "$regtool" -r restarting top -b -n 1 -d 0.1 --namespaces | grep -E "^gone +$1\$"; }

# They have no name: their supervisor reports them.
restarting() {
	printf '[Service again]\nExecStart=sleep 1000\nRestartSec=900\n' >"$folder/again.ini"
	"$regtool" -r restarting up "$folder/again.ini" --namespace gone >"$folder/up" 2>&1 &
	up=$!
	started="$started $up"
	until_ok "$regtool" -r restarting get gone/again
	exits 0 "a namespace with a service, and its supervisor" spaces_has "2 +2 +0 +0 +0"
	"$regtool" -r restarting signal gone/again KILL
	exits 0 "whose service is restarting" until_ok spaces_has "1 +1 +0 +1 +0"
	printf '[Service bad]\nExecStart=sh -c "exit 3"\nType=notify\n' >>"$folder/again.ini"
	exits 4 "a change cannot start another" "$regtool" -r restarting up "$folder/again.ini" --namespace gone
	exits 0 "that has failed" until_ok spaces_has "1 +1 +0 +1 +1"
	"$regtool" -r restarting down --namespace gone --timeout 30 >"$folder/down" 2>&1
	wait "$up"
}

# In which there are no services, and nothing is reported.
duplicate_keys() {
	"$regtool" create doubled --keys duplicate
	"$regtool" -r doubled run one/first -- sleep 1000 &
	doubled=$!
	started="$started $doubled"
	until_ok "$regtool" -r doubled get one/first
	exits 0 "a namespace of a registry with duplicate keys" sh -c \
		'"$1" -r doubled top -b -n 1 -d 0.1 --namespaces | grep -E "^one +1 +1 +0 +0 +0$"' sh "$regtool"
	end_service "$doubled"
}

# Each on a server of its own, as the one before may still be ending.
terminal=0
tm() { TMUX_TMPDIR=$folder tmux -L "top$terminal" -f /dev/null "$@"; }
screen_has() { tm capture-pane -p | grep -qF -- "$1"; }
shows() { exits 0 "$1" until_ok screen_has "$2"; }

# in_terminal TERM: regtool top in a terminal of 80 columns and 24 lines, and behind it what it has left of that.
in_terminal() {
	cat >"$folder/in_terminal" <<-END
		echo before
		sh -c 'echo \$\$ >"$folder/top_pid"; TERM=$1 exec "$regtool" -r growing top -d 0.1'
		echo "ended \$?"
		stty -a | grep -o ' icanon' | sed 's/ /lines are/'
		stty -a | grep -o ' echo ' | sed 's/ /keys/'
		read -r line
	END
	terminal=$((terminal + 1))
	tm new-session -d -x 80 -y 24 sh "$folder/in_terminal"
	started="$started $(tm display-message -p '#{pid}')"
	shows "$1: the registry" "registry growing"
}

left() {
	shows "$1" "ended $2"
	shows "and the terminal takes lines again" "lines areicanon"
	shows "and shows keys" "keysecho"
	tm kill-server
}

full_screen() {
	if ! command -v tmux >/dev/null; then
		skip "the screen" "tmux is not installed"
		return
	fi
	hold growing grow
	in_terminal vt100
	if screen_has "needs a terminal"; then
		tm kill-server
		end_service "$held"
		return
	fi
	shows "the headings" "PID COMM         UID STATE    ENTRIES"
	shows "the process" "$held holder"
	exits 0 "the keys are in the last of 24 lines" sh -c 'tail -n 1 "$1" | grep "^q quit"' sh \
		"$(tm capture-pane -p >"$folder/screen"; echo "$folder/screen")"
	exits 0 "nothing is wider than 80 columns" sh -c '! grep -E "^.{81}" "$1"' sh "$folder/screen"
	tm send-keys s
	shows "s: another order" "by entries_rate"
	tm send-keys r
	shows "r: the other way" "reversed"
	tm send-keys / stopped Enter
	shows "a filter" "with stopped"
	exits 0 "leaves out what does not have it" until_ok eval '! screen_has "$held holder"'
	tm send-keys / Escape
	shows "escape: no filter" "$held holder"
	tm send-keys n
	shows "n: namespaces" "NAMESPACE"
	tm send-keys n
	shows "and back" "$held holder"
	tm send-keys p
	shows "p: pause" "PAUSED"
	tm send-keys p
	tm resize-window -x 100 -y 30
	exits 0 "another size" until_ok eval 'tm capture-pane -p | sed -n 30p | grep -q "^q quit"'
	tm send-keys k
	shows "k asks" "send SIGTERM to pid $held (holder)? y/n"
	tm send-keys n
	shows "n is no" "q quit"
	exits 0 "the process is there" kill -0 "$held"
	tm send-keys k
	shows "k asks again" "send SIGTERM to pid $held"
	tm send-keys y
	shows "y is yes" "got SIGTERM"
	exits 143 "it was sent to that process" wait "$held"
	tm send-keys q
	left "q leaves it" 0
	hold growing grow
	in_terminal screen
	exits 0 "the screen is another one" eval '! screen_has before'
	kill -TERM "$(cat "$folder/top_pid")"
	left "SIGTERM ends it" 143
	in_terminal screen
	kill -INT "$(cat "$folder/top_pid")"
	left "so does SIGINT" 130
	end_service "$held"
}

try_all() {
	exits 0 "$1" true
	stopped_reader
	"$regtool" destroy --force reading
	expelled_reader
	growing
	"$regtool" destroy --force reading
	"$regtool" destroy --force growing
	plain_top
	"$regtool" destroy --force growing
	restarting
	"$regtool" destroy --force restarting
	duplicate_keys
	"$regtool" destroy --force doubled
	full_screen
	"$regtool" destroy --force growing
}

in_both_modes
