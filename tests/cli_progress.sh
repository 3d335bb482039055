#!/bin/sh
# SPDX-License-Identifier: MIT
# What takes more than a second shows its progress on the terminal, and nowhere else; nothing of it is left there, and no
# other output meets it.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"
mode=any
KREG_GUARD=none
TERM=xterm
export KREG_GUARD TERM
unset NO_COLOR
# Its calls take until this file is there.
slow=$(dirname "$regtool")/tests/slow_regtool
SLOW_UNTIL=$folder/go
export SLOW_UNTIL
escape=$(printf '\033')

# terminal NAME COLUMNS COMMAND: begins it on a terminal of 24 lines; what that gets is in the file NAME, as it comes, and its
# exit status is $?. Its shell's pid is in NAME.pid.
terminal() {
	rm -f "$folder/$1"
	script -qefc "stty cols $2 rows 24; echo \$\$ >'$folder/$1.pid'; $3" "$folder/$1" >/dev/null 2>&1 &
	begun=$!
	started="$started $begun"
}

shown() { grep -qF -- "$2" "$folder/$1"; }

# leaves_nothing NAME WHAT: each line of progress is followed by another one, or erased before anything else comes. WHAT is an
# extended regular expression of all that the lines begin with.
leaves_nothing() {
	tr '\r' '\n' <"$folder/$1" >"$folder/pieces"
	exits 0 "which is erased before anything else comes" awk -v what="$2" -v erased="$escape[K" '
		$0 ~ "^(" what ")" { drawn = 1; seen = 1; next }
		drawn && index($0, erased) != 1 { bad = 1 }
		{ drawn = 0 }
		END { exit bad || drawn || !seen }' "$folder/pieces"
}

# shows WHAT STATUS VERB...: of slow_regtool, on a terminal, until it may go on.
shows() {
	what=$1
	expected=$2
	shift 2
	rm -f "$SLOW_UNTIL"
	terminal screen 60 "'$slow' $*"
	exits 0 "$*: says what it does" until_ok shown screen "$what"
	: >"$SLOW_UNTIL"
	exits "$expected" "it ends" wait "$begun"
	leaves_nothing screen "$what"
}

calls_that_take_long() {
	shows "reading" 0 ls
	exits 0 "ls: the names are listed behind it" shown screen "long/name"
	exits 0 "how much there is to be read is known" shown screen "reading  [---"
	shows "reading" 0 ls --prefix long
	exits 1 "of what is chosen it is not" shown screen "reading  ["
	shows "reading" 0 ps
	shows "reading" 0 tree
	shows "counting" 0 count --prefix long
	shows "checking" 0 check
	shows "sweeping" 0 sweep
	shows "destroying leftovers" 0 destroy --leftovers
	shows "stopping" 0 down --namespace long
	shows "reading" 0 "dump >'$folder/dumped'"
	exits 0 "the dump is whole" "$regtool" restore "$folder/dumped"
	rm -f "$SLOW_UNTIL"
	terminal screen 60 "'$slow' doctor --interval 3"
	exits 0 "doctor: the first look" until_ok shown screen "looking at the registries"
	: >"$SLOW_UNTIL"
	exits 0 "the time between" until_ok shown screen "waiting for the second look  [#"
	rm "$SLOW_UNTIL"
	exits 0 "the second look" until_ok shown screen "looking again"
	: >"$SLOW_UNTIL"
	wait "$begun"
	leaves_nothing screen "looking at the registries|waiting for the second look|looking again"
}

measuring() {
	terminal screen 80 "'$regtool' bench --seconds 3 --keys 1000"
	exits 0 "bench: how much of its time is over" until_ok shown screen "measuring  [#"
	exits 0 "it ends" wait "$begun"
	leaves_nothing screen "measuring"
	exits 0 "the table is there" shown screen "lookup_hit"
	# What a script starts in the background ignores SIGINT.
	terminal screen 80 "exec env --default-signal=INT '$regtool' bench --seconds 100 --keys 1000"
	exits 0 "another one" until_ok shown screen "measuring  ["
	kill -INT "$(cat "$folder/screen.pid")"
	exits 130 "is interrupted" wait "$begun"
	leaves_nothing screen "measuring"
}

# Something slow without slow_regtool: a dump that is still being written. Its first part is there, the rest comes by give_rest.
feed() {
	mkfifo "$folder/$1.feed"
	(
		exec 3>"$folder/$1.feed"
		head -n 1 "$2" >&3
		until_ok test -e "$folder/$1.rest"
		tail -n +2 "$2" >&3
	) &
	started="$started $!"
}

give_rest() {
	: >"$folder/$1.rest"
	wait "$begun"
}

reading_a_dump() {
	"$regtool" meta put color blue
	"$regtool" dump >"$folder/dump"
	feed first "$folder/dump"
	terminal first 60 "'$regtool' restore '$folder/first.feed'"
	exits 0 "restore" until_ok shown first "reading the dump"
	exits 0 "goes on" give_rest first
	exits 0 "and says what it did, on a line that is empty" shown first "$escape[K1 keys of meta were restored"
	leaves_nothing first "reading the dump"
	exits 1 "without colours" grep -q "$escape\[[0-9;]*m" "$folder/first"

	sed '2s/.*/no JSON/' "$folder/dump" >"$folder/wrong_dump"
	feed wrong "$folder/wrong_dump"
	terminal wrong 60 "'$regtool' restore '$folder/wrong.feed'"
	exits 0 "where the rest is wrong" until_ok shown wrong "reading the dump"
	exits 2 "it fails" give_rest wrong
	exits 0 "the error has a line of its own" shown wrong "$escape[Kregtool: $folder/wrong.feed:2: not an object"
	leaves_nothing wrong "reading the dump"
}

signals() {
	for signal in HUP:129 INT:130 TERM:143; do
		killed=${signal#*:}
		signal=${signal%:*}
		rm -f "$SLOW_UNTIL"
		# What a script starts in the background ignores SIGINT.
		terminal "$signal" 60 "exec env --default-signal=INT '$slow' ls"
		exits 0 "SIG$signal" until_ok shown "$signal" "reading"
		kill -"$signal" "$(cat "$folder/$signal.pid")"
		exits "$killed" "ends it" wait "$begun"
		leaves_nothing "$signal" "reading"
	done
}

fits_in() {
	rm -f "$SLOW_UNTIL"
	terminal "wide$1" "$1" "'$slow' ls"
	exits 0 "$1 columns" until_ok shown "wide$1" "rea"
	: >"$SLOW_UNTIL"
	wait "$begun"
	exits 0 "are enough" sh -c "tr '\r' '\n' <'$folder/wide$1' | grep '^rea' | sed 's/$escape.K//' | awk 'length >= $1 { exit 1 }'"
}

# older SECONDS PID: what runs longer than it takes to appear.
older() { [ "$(($(ps -o etimes= -p "$2")))" -ge "$1" ]; }

# quiet NAME SENTENCE COMMAND: begins one that has no progress to show; never_appears waits for all of them.
quiet() {
	terminal "$1" 60 "$3"
	names="$names $1"
	pids="$pids $begun"
	eval "says_$1=\$2"
}

never_appears() {
	rm -f "$SLOW_UNTIL"
	names=
	pids=
	quiet dumb "a terminal that is dumb" "TERM=dumb NO_COLOR=1 '$slow' ls"
	quiet unset "a terminal of which nothing is known" "unset TERM; NO_COLOR=1 '$slow' ls"
	quiet wished "--no-progress" "'$slow' ls --no-progress"
	quiet before "--no-progress before the verb" "'$slow' --no-progress ls"
	quiet quietly "ls -q" "'$slow' ls -q"
	quiet doctor "doctor -q" "'$slow' doctor -q --interval 0"
	quiet json "JSON on the same terminal" "'$slow' ls --json"
	quiet dump "a dump on the same terminal" "'$slow' dump"
	quiet file "errors go to a file" "'$slow' ls 2>'$folder/errors'"
	quiet background "the terminal is another's" "set -m; '$slow' ls & wait"
	for pid in $pids; do
		until_ok older 3 "$pid" || not_ok "a process of three seconds" "it has ended"
	done
	: >"$SLOW_UNTIL"
	for pid in $pids; do
		wait "$pid"
	done
	for name in $names; do
		eval "sentence=\$says_$name"
		exits 1 "$sentence: no progress" grep -qE "(reading|looking).* [0-9]+s|$escape\[K" "$folder/$name"
	done
	exits 0 "no escape sequence of any kind on one that is dumb" eval '! grep -q "$escape" "$folder/dumb"'
	exits 0 "but the list" shown dumb "long/name"
	exits 0 "nothing in the file" test ! -s "$folder/errors"
	exits 0 "JSON is as it should be" sh -c "grep '^[{\"[ ]' '$folder/json' | grep -q 'long/name'"
}

if ! command -v script >/dev/null; then
	echo "ok 1 - any # SKIP script is not installed"
	number=1
	finish
fi
run_service long/name value
calls_that_take_long
measuring
reading_a_dump
run_service long/name value
signals
fits_in 60
fits_in 20
fits_in 5
never_appears
finish
