#!/bin/sh
# SPDX-License-Identifier: MIT
# What regtool understands and prints: its grammar, owners and their states, columns, JSON of any bytes, and terminals.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

# says_all SENTENCE TEXT: this, and nothing else.
says_all() {
	if [ "$(cat "$folder/out")" = "$2" ]; then
		ok "$1"
	else
		not_ok "$1" "not printed: $2; but: $(cat "$folder/out")"
	fi
}

# json SENTENCE EXPRESSION: of Python, about the document $folder/out as d.
json() {
	exits 0 "$1" python3 -c 'import base64, json, sys
d = json.loads(open(sys.argv[1], "rb").read().decode("utf-8"))
if not ('"$2"'): sys.exit("not so: " + str(d))' "$folder/json"
}

as_json() {
	exits 0 "$1" "$regtool" --json "$2" "$3" "$4"
	mv "$folder/out" "$folder/json"
}

grammar() {
	exits 2 "a verb that is none" "$regtool" lsit
	says "becomes the one that was meant" err 'no verb "lsit"; did you mean ls?'
	exits 2 "one that is like none" "$regtool" frobnicate
	says "leads to the help" err 'see `regtool help`'
	exits 0 "a verb may be abbreviated" "$regtool" own
	exits 2 "but not to what may be two" "$regtool" s
	says "and both are named" err "stat or"
	exits 0 "an alias is understood" "$regtool" select
	exits 2 "but not abbreviated" "$regtool" selec
	exits 2 "an option that is none" "$regtool" ls --prefx cache
	says "becomes the one that was meant, too" err 'there is no option "--prefx"; did you mean --prefix?'
	exits 2 "an option without its argument" "$regtool" ls --prefix
	says "is named" err '--prefix needs an argument'
	exits 2 "a letter that is no option" "$regtool" ls -x
	says "is named, too" err 'there is no option "-x"'
	exits 2 "too few arguments" "$regtool" signal cache
	says "the missing one is named" err "signal: SIGNAL is missing"
	exits 2 "too many arguments" "$regtool" get one two
	says "the first that is too many is named" err '"two" is one argument too many'
	exits 2 "of a word of a verb, too" "$regtool" meta put one
	says "its missing argument is named" err "VALUE is missing"
	exits 2 "two prefixes" "$regtool" ls cache/ --namespace production
	exits 0 "help" "$regtool" help
	for verb in $("$regtool" help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p') lookup keys select; do
		exits 0 "help of $verb" "$regtool" help "$verb"
		says "has its usage" out "usage: regtool $verb"
	done
	"$regtool" help ls >"$folder/help"
	exits 0 "help of ls" "$regtool" help ls
	says "has examples" out "regtool ls --state stopped"
	says "has columns" out "its unit of systemd"
	exits 0 "its usage fits a terminal" awk '/^$/ { exit wide || NR < 3 } length > 79 { wide = 1 }' "$folder/help"
	exits 2 "help of no verb" "$regtool" help lsit
}

# What looks makes nothing.
looking() {
	for verb in ls stat owners ps tree count check watch sweep "get x" "lookup x" "keys 1" select "meta list"; do
		# shellcheck disable=SC2086
		exits 1 "$verb where there is no registry" "$regtool" -r nothing $verb
	done
	exits 1 "and there is none then" sh -c 'ls "$1" | grep nothing' sh "$folder"
}

who() {
	run_service plain value
	as_json "ls --json" ls -o +cmdline,unit
	case $mode in
	guard) comm=sleep line="sleep 1000" ;;
	*) comm=regtool line="regtool run plain --value value -- sleep 1000" ;;
	esac
	json "names the holder" "d['version'] == 1 and len(d['entries']) == 1
		and d['entries'][0]['key'] == 'plain' and d['entries'][0]['value'] == 'value'
		and d['entries'][0]['pid'] == $service and d['entries'][0]['comm'] == '$comm'
		and d['entries'][0]['uid'] == $(id -u) and d['entries'][0]['state'] == 'running'
		and 0 <= d['entries'][0]['age'] < 900 and d['entries'][0]['cmdline'].endswith('$line')"
	as_json "get --json" get plain --no-pager
	json "is one of these" "d['version'] == 1 and d['pid'] == $service and d['comm'] == '$comm'"
	kill -STOP "$service"
	exits 0 "a stopped holder is found" until_ok "$regtool" ls --state stopped -q
	"$regtool" ls >"$folder/list"
	exits 0 "ls says that it is stopped" grep -Eq "^plain +$service +$comm +$(id -u) +[0-9.]+ +stopped +value$" "$folder/list"
	"$regtool" owners >"$folder/list"
	exits 0 "owners says it as well" grep -Eq "^ *$service +$comm +.* stopped " "$folder/list"
	exits 3 "run of its name" "$regtool" run plain -- true
	says "says it, too" err "is held by pid $service, which is stopped"
	exits 1 "nobody runs" "$regtool" ls --state running -q
	exits 2 "a state that is none" "$regtool" ls --state dead
	says "the states are named" err "running, stopped, dumping, zombie"
	kill -CONT "$service"
	exits 0 "it runs again" until_ok "$regtool" ls --state running -q
	end_service "$service"
}

# act COMMANDS: by a process that lives until $acting is closed.
act() {
	rm -f "$folder/to"
	mkfifo "$folder/to"
	"$(dirname "$regtool")/tests/actor" <"$folder/to" &
	started="$started $!"
}

flags() {
	act
	exec 8>"$folder/to"
	act
	exec 9>"$folder/to"
	echo "lend lent v" >&8
	echo "register kept v" >&8
	until_ok "$regtool" get kept
	echo "queue lent w" >&9
	until_ok sh -c '"$1" ls --waiting --value w | grep -q lent' sh "$regtool"
	"$regtool" ls --waiting -o key,position,flags --no-header >"$folder/list"
	exits 0 "ls has flags on demand: of a holder" grep -Eqx 'lent +0 +replaceable *' "$folder/list"
	exits 0 "of one in line" grep -Eqx 'lent +1 +replaceable,drop *' "$folder/list"
	exits 0 "and none" grep -Eqx 'kept +0 +- *' "$folder/list"
	"$regtool" ls >"$folder/list"
	exits 1 "not without being asked" grep -Eqi 'flags|replaceable' "$folder/list"
	as_json "ls --json" ls -o key,flags
	json "has them as well" "{e['key']: e['flags'] for e in d['entries']} == {'kept': None, 'lent': 'replaceable'}"
	as_json "get --json" get lent --no-pager
	json "has those of the holder" "d['flags'] == 'replaceable' and d['value'] == 'v'"
	exec 8>&- 9>&-
	until_ok "$regtool" wait lent --gone
}

# The main thread of the holder ends, another one goes on.
zombie() {
	[ "$mode" = guard ] || return
	"$regtool" run half -- python3 -c 'import ctypes, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).syscall(60 if __import__("platform").machine() == "x86_64" else 93, 0)' &
	service=$!
	started="$started $service"
	exits 0 "a holder whose first thread has ended is found" until_ok "$regtool" ls --state zombie -q half
	end_service "$service"
}

# Each line of the table of exit statuses in the manual.
statuses() {
	run_service held value
	exits 0 "0: success" "$regtool" count
	exits 1 "1: no such key" "$regtool" get nothing
	exits 1 "1: no such registry" "$regtool" -r nothing ls
	exits 1 "1: no such user" "$regtool" -r no-such-user:default ls
	exits 1 "1: no such process" "$regtool" keys 1
	exits 1 "1: no such meta key" "$regtool" meta get nothing
	exits 1 "1: no guard" "$regtool" guard status --path "$pins-none"
	exits 1 "1: an empty namespace" "$regtool" down --namespace empty
	exits 1 "1: nothing matches" "$regtool" ls -q nothing
	exits 1 "1: wait timed out" "$regtool" wait nothing --timeout 0.01
	exits 2 "2: a command line" "$regtool" get
	exits 2 "2: a name" "$regtool" -r a/b ls
	exits 2 "2: a key" "$regtool" run "" -- true
	exits 2 "2: a size" "$regtool" create sized --max-bytes much
	exits 2 "2: a file of services" "$regtool" up /nonexistent/file
	exits 3 "3: a key is held" "$regtool" run held -- true
	exits 4 "4: a program that cannot be run" "$regtool" run other -- /nonexistent/command
	exits 7 "that of the program" "$regtool" run other -- sh -c 'exit 7'
	end_service "$service"
}

# A registry whose guard is another one is a leftover: nothing can be alive in it.
registries() {
	exits 0 "registries" "$regtool" registries --json
	mv "$folder/out" "$folder/json"
	json "has the registry" "[r for r in d['registries'] if r['name'] == 'default' and r['state'] == 'current'
		and r['uid'] == $(id -u) and r['mode'] == '0600' and r['keys'] == 'unique' and r['entries'] == 0
		and r['owners'] == 0 and r['bytes'] > 0 and r['life'] == '$mode']"
	exits 0 "nothing is left over" "$regtool" destroy --leftovers
	says_all "so nothing is destroyed" ""
	exits 2 "--leftovers takes no name" "$regtool" destroy default --leftovers
	exits 2 "and no --force" "$regtool" destroy --force --leftovers
	[ "$mode" = guard ] || return
	exits 0 "create" "$regtool" create fallen
	exits 0 "another guard" "$regtool" guard start --path "$pins-probe"
	KREG_GUARD="$pins-probe" "$regtool" registries -o name,state --no-header >"$folder/list"
	exits 0 "has leftovers" grep -Eq '^fallen +leftover$' "$folder/list"
	exits 0 "they are destroyed" env KREG_GUARD="$pins-probe" "$regtool" destroy --leftovers
	exits 1 "and gone" "$regtool" -r fallen ls
	exits 0 "stop of that guard" "$regtool" guard stop --path "$pins-probe"
	exits 0 "create of the one that is needed" "$regtool" create default
}

columns() {
	run_service cache/1 one
	first=$service
	run_service cache/2 three
	second=$service
	run_service other/1 x
	other=$service
	exits 0 "keys alone" "$regtool" ls -o key --no-header
	says_all "are in their order" "cache/1
cache/2
other/1"
	exits 0 "the other way round" "$regtool" ls -o key --no-header --sort -key --prefix cache/
	says_all "only those with the prefix" "cache/2
cache/1"
	exits 0 "by a number" "$regtool" ls --namespace cache --sort -size -o KEY,size
	says_all "numbers are right, text is left" "KEY     SIZE
cache/2    5
cache/1    3"
	exits 0 "by key, pid and value" "$regtool" ls --key cache/1 --pid "$first" --value one --glob '*1' -o key --no-header
	says_all "is one" "cache/1"
	exits 0 "by a pid that has others" "$regtool" ls --key cache/1 --pid "$second" -o key --no-header
	says_all "is none, without a heading" ""
	exits 0 "count of a namespace" "$regtool" count --namespace cache
	says_all "counts it" 2
	exits 2 "a column that is none" "$regtool" ls -o key,size,colour
	says "is named" err 'there is no column "colour"; there are key, pid,'
	exits 2 "an order by none" "$regtool" ls --sort colour
	exits 0 "the smallest file" "$regtool" ls --json -o key --sort -key
	tr -d '\n' <"$folder/out" >"$folder/line"
	says "JSON is sorted where that is wished" line '{"version":1,"entries":[{"key":"other/1"},{"key":"cache/2"},{"key":"cache/1"}]}'
	end_service "$first"
	end_service "$second"
	end_service "$other"
}

bytes() {
	key=$(printf 'odd\377"\033[31m')
	value=$(printf 'l1\nl2\t"q" \\x41 \303\244')
	"$regtool" run "$key" --value "$value" -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get "$key"
	as_json "ls --json of any bytes" ls -o key,value
	json "what is no UTF-8 is base64, what is UTF-8 is kept" "d['entries'][0]['key'] is None
		and base64.b64decode(d['entries'][0]['key_base64']) == b'odd\\xff\"\\x1b[31m'
		and d['entries'][0]['value'] == 'l1\\nl2\\t\"q\" \\\\x41 \\u00e4' and 'value_base64' not in d['entries'][0]"
	exits 0 "in a table" env LC_ALL=C "$regtool" ls -o key,value --no-header
	says_all "it obeys nobody" 'odd\xff"\x1b[31m l1\x0al2\x09"q" \x5cx41 \xc3\xa4'
	for verb in ls "ls --json" stat dump "watch --since start --timeout 0" \
		"watch --since start --timeout 0 --json"; do
		# shellcheck disable=SC2016,SC2086
		exits 4 "$verb where there is no room" sh -c '"$@" >/dev/full' sh "$regtool" $verb
		says "is an error of the output" err "cannot write the output: No space left on device"
	done
	end_service "$service"
	as_json "an empty list" ls -o key
	json "is one" "d == {'version': 1, 'entries': []}"
	as_json "stat" stat --bytes --no-pager
	json "has null where there is nothing" "d['version'] == 1 and d['held_up_by'] is None and d['bytes_owner_max'] is None
		and d['entries'] == 0 and type(d['bytes_max']) is int"
}

# on_terminal COLUMNS ROWS COMMAND: what it prints on a terminal of that size.
on_terminal() {
	exits 0 "$3 on a terminal of $1 x $2" env TERM=xterm PAGER=cat script -qec "stty cols $1 rows $2; $3" /dev/null
	tr -d '\r' <"$folder/out" >"$folder/shown"
}

terminal() {
	run_service long/name "a value that is longer than this terminal is wide, so that it has to be cut somewhere"
	first=$service
	kill -STOP "$first"
	until_ok "$regtool" ls --state stopped -q
	on_terminal 60 24 "NO_COLOR=1 '$regtool' ls"
	exits 0 "fits it" awk 'length > 60 { wide = 1 } END { exit wide || NR != 2 }' "$folder/shown"
	exits 0 "says where it is cut" grep -q '\.\.\.$' "$folder/shown"
	exits 1 "and has no colours" grep -q "$(printf '\033')" "$folder/shown"
	on_terminal 60 24 "'$regtool' ls"
	exits 0 "has colours" grep -q "$(printf '\033')\[1;31mstopped$(printf '\033')\[0m" "$folder/shown"
	on_terminal 60 24 "'$regtool' ls | cat"
	exits 0 "in a pipe nothing is cut" grep -q "stopped a value .* somewhere$" "$folder/shown"
	on_terminal 200 24 "NO_COLOR=1 '$regtool' stat"
	exits 0 "sizes are rounded" grep -qE '^bytes_max +[0-9.]+[GTM]$' "$folder/shown"
	on_terminal 200 24 "NO_COLOR=1 '$regtool' stat --bytes"
	exits 0 "and exact where that is wished" grep -qE '^bytes_max +[0-9]{6,}$' "$folder/shown"
	run_service long/second x
	second=$service
	on_terminal 100 3 "PAGER='sed s/^/paged:/' '$regtool' ls"
	exits 0 "a list that is too long goes to a pager" grep -q "^paged:.*long/second" "$folder/shown"
	on_terminal 100 24 "PAGER='sed s/^/paged:/' '$regtool' ls"
	exits 1 "one that is not does not" grep -q "^paged:" "$folder/shown"
	on_terminal 100 3 "PAGER='sed s/^/paged:/' '$regtool' ls --no-pager"
	exits 1 "nor without one" grep -q "^paged:" "$folder/shown"
	on_terminal 100 3 "PAGER=true '$regtool' ls"
	end_service "$first"
	end_service "$second"
}

# shellcheck disable=SC2317 # in_both_modes
try_all() {
	ok "$1"
	looking
	exits 0 "create" "$regtool" create default
	registries
	who
	flags
	zombie
	statuses
	columns
	bytes
	terminal
	exits 0 "destroy" "$regtool" destroy default --force
}

if ! command -v python3 >/dev/null || ! command -v script >/dev/null; then
	mode=any
	echo "ok 1 - any # SKIP python3 or script is not installed"
	number=1
	finish
fi
mode=any
"$regtool" create default
grammar
"$regtool" destroy default
in_both_modes
