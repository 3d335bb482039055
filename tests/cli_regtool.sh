#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool as an operator uses it: what it prints, and its exit status. In both modes, each in a folder and
# with a guard of its own.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"

says() {
	if grep -qF -- "$3" "$folder/$2"; then
		ok "$1"
	else
		not_ok "$1" "not said: $3; but: $(cat "$folder/$2")"
	fi
}

says_not() {
	if grep -qF -- "$3" "$folder/$2"; then
		not_ok "$1" "said: $3"
	else
		ok "$1"
	fi
}

run_service() {
	"$regtool" run "$1" --value "$2" -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get "$1" || not_ok "run $1" "it never came up"
}

usual_day() {
	exits 1 "a registry that is not there is said so" "$regtool" ls
	exits 0 "create" "$regtool" create default
	exits 4 "create twice is refused" "$regtool" create default
	exits 0 "an empty registry lists nothing" "$regtool" ls
	exits 1 "get of a free name" "$regtool" get cache
	run_service cache /run/cache.sock
	exits 0 "get" "$regtool" get cache
	says "get prints the value" out /run/cache.sock
	exits 0 "ls" "$regtool" ls ca
	says "ls has the name" out cache
	exits 0 "ls --json" "$regtool" ls --json
	says "ls --json has the value" out '"/run/cache.sock"'
	exits 0 "ls of another prefix" "$regtool" ls other
	exits 3 "run of a taken name" "$regtool" run cache -- true
	says "it names the owner" err "$(pid_of cache)"
	exits 0 "owners" "$regtool" owners --json
	says "owners counts the entries" out '"entries": 1'
	exits 0 "stat" "$regtool" stat --json
	says "stat counts them too" out '"entries": 1'
	exits 0 "a registry in use has no faults" "$regtool" check
	exits 0 "check --json" "$regtool" check --json
	says "faults are a list" out '"faults"'
	exits 1 "check of a registry that is not there" "$regtool" -r nowhere check
	exits 4 "destroy with an owner alive is refused" "$regtool" destroy default
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "gone with its owner" "$regtool" get cache
	exits 0 "sweep" "$regtool" sweep
	exits 0 "destroy" "$regtool" destroy default
	exits 1 "destroy twice" "$regtool" destroy default
}

# The descriptor of a command has its usage and its options apart.
descriptors() {
	for command in $("$regtool" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
		exits 0 "$command --help" "$regtool" "$command" --help
		sed '/^$/q' "$folder/out" >"$folder/usage"
		says "$command has a usage" usage "usage: regtool $command"
		for option in $(sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$folder/out"); do
			says "which has $option" usage "$option"
		done
		exits 2 "$command has no other option" "$regtool" "$command" --no-such-option
	done
}

odd_calls() {
	exits 2 "no such command" "$regtool" frobnicate
	exits 2 "get without a key" "$regtool" get
	exits 2 "run without a command" "$regtool" run cache
	exits 2 "a mode that is none" "$regtool" create x --mode 999
	exits 2 "a registry's name that is none" "$regtool" -r a/b run cache -- true
	exits 2 "a key that is empty" "$regtool" run "" -- true
	exits 4 "a command that is not there" "$regtool" run cache -- /nonexistent/command
	exits 1 "and its name is free" "$regtool" get cache
	exits 0 "help" "$regtool" --help
	exits 0 "duplicate keys" "$regtool" create many --keys duplicate
	exits 0 "are destroyed alike" "$regtool" destroy many
	exits 0 "a share" "$regtool" create shared --owner-bytes 1M
	exits 0 "stat of it" "$regtool" -r shared stat --json
	says "stat has the share" out '"bytes_owner_max": 1048576'
	exits 0 "is destroyed alike" "$regtool" destroy shared
	exits 0 "the default goes" "$regtool" destroy default
}

run_forwards() {
	exits 7 "run gives the command's exit status" "$regtool" run cache -- sh -c 'exit 7'
	"$regtool" run cache -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get cache
	kill -TERM "$service"
	wait "$service" 2>/dev/null
	if [ $? = 143 ]; then
		ok "a signal to run is a signal to the command"
	else
		not_ok "a signal to run is a signal to the command" "another status"
	fi
	exits 1 "and its name is free" "$regtool" get cache
	exits 0 "destroy" "$regtool" destroy default
}

is_over() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# The kernel forgets at setuid that the command is to die with regtool.
run_of_a_dropper() {
	if [ "$(id -u)" != 0 ] || ! command -v setpriv >"$folder/out"; then
		return
	fi
	# shellcheck disable=SC2016 # the inner shell's pid
	"$regtool" run dropper -- sh -c 'echo $$ >"$0"
		exec setpriv --reuid 65534 --regid 65534 --clear-groups sleep 1000' "$folder/pid" &
	service=$!
	started="$started $service"
	until_ok test -s "$folder/pid"
	command=$(cat "$folder/pid")
	until_ok grep -q '^Uid:.65534' "/proc/$command/status"
	kill -9 "$service"
	wait "$service" 2>/dev/null
	if until_ok is_over "$command"; then
		ok "a command that has dropped its privileges dies with run"
	else
		not_ok "a command that has dropped its privileges dies with run" "it goes on"
		kill -9 "$command"
	fi
	rm "$folder/pid"
	exits 0 "destroy" "$regtool" destroy default
}

# The pid that the registry names: regtool's, which under the guard is the program's.
pid_of() {
	"$regtool" get "$1" --json | sed 's/.*"pid": *\([0-9]*\).*/\1/'
}

looking() {
	run_service cache/1 one
	first=$service
	run_service cache/2 two
	second=$service
	exits 0 "lookup" "$regtool" lookup cache/1 --json
	says "lookup has the pid" out "\"pid\": $first"
	exits 1 "lookup of a free name" "$regtool" lookup nobody
	exits 0 "keys" "$regtool" keys "$second" --json
	says "keys has the key" out '"cache/2"'
	exits 1 "keys of who is not there" "$regtool" keys 1
	exits 2 "keys of what is no pid" "$regtool" keys x
	exits 0 "select by prefix and value" "$regtool" select --prefix cache/ --value two --json
	says "select has what matches" out '"cache/2"'
	says_not "select has nothing else" out '"cache/1"'
	exits 0 "select by glob and pid" "$regtool" select --glob '*/1' --pid "$second" --json
	says_not "all of it has to match" out cache
	exits 0 "count" "$regtool" count
	says "count counts all" out 2
	exits 0 "count by key" "$regtool" count --key cache/1
	says "count counts that key" out 1
	exits 0 "count by glob" "$regtool" count --glob 'cache/[2-9]' --json
	says "count counts what matches" out '"count": 1'
	exits 2 "select by what is no pid" "$regtool" select --pid 0
	kill -9 "$first"
	wait "$first" 2>/dev/null
	exits 0 "count after a death" "$regtool" count
	says "the dead are not counted" out 1
	exits 0 "signal" "$regtool" signal cache/2 sigterm
	wait "$second" 2>/dev/null
	exits 1 "signal to a free name" "$regtool" signal cache/2 TERM
	exits 2 "no such signal" "$regtool" signal cache/2 FRIENDLY
}

waiting() {
	exits 1 "wait says that the time is over" "$regtool" wait cache --timeout 0.01
	exits 2 "a time that is none" "$regtool" wait cache --timeout soon
	"$regtool" wait cache --timeout 60 &
	waiter=$!
	started="$started $waiter"
	run_service cache one
	wait "$waiter"
	exits 0 "wait ends when the name is there" test $? = 0
	exits 0 "wait for what is there" "$regtool" wait cache
	exits 1 "wait --gone for what stays" "$regtool" wait cache --gone --timeout 0.01
	"$regtool" wait cache --gone --timeout 60 &
	waiter=$!
	started="$started $waiter"
	kill -9 "$service"
	wait "$waiter"
	exits 0 "wait --gone ends with the owner" test $? = 0
	wait "$service" 2>/dev/null
	exits 0 "wait --gone for what nobody holds" "$regtool" wait cache --gone
}

watching() {
	run_service old value
	"$regtool" watch --known --count 3 >"$folder/events" 2>&1 &
	watcher=$!
	started="$started $watcher"
	until_ok grep -q old "$folder/events" || not_ok "watch" "nothing was printed"
	run_service new value
	kill -9 "$service"
	wait "$service" 2>/dev/null
	wait "$watcher"
	exits 0 "watch ends after so many events" test $? = 0
	# shellcheck disable=SC2016 # it is awk's $
	exits 0 "watch has them in order" awk -v pid="$service" '
		NR == 1 { known = $1 == "register" && $3 == "old" }
		NR == 2 { begun = $1 == "register" && $2 == pid && $3 == "new" && $4 == "value" }
		NR == 3 { ended = $1 == "purge" && $2 == pid && $3 == "new" }
		END { exit !(NR == 3 && known && begun && ended) }' "$folder/events"
	exits 2 "watch by value is not to be had" "$regtool" watch --value x
	exits 0 "the old one ends" "$regtool" signal old KILL
	exits 0 "and is gone" "$regtool" wait old --gone --timeout 60
	exits 0 "destroy" "$regtool" destroy default --force
	exits 1 "watch of a registry that is not there" "$regtool" watch --count 1
}

meta() {
	exits 0 "meta put" "$regtool" meta put version '1 2'
	exits 0 "meta get" "$regtool" meta get version
	says "meta get prints the value" out '1 2'
	exits 1 "meta get of what is not there" "$regtool" meta get colour
	exits 0 "meta" "$regtool" meta --json
	says "meta lists it" out '"version", "value": "1 2"'
	exits 0 "meta delete" "$regtool" meta delete version
	exits 1 "meta delete twice" "$regtool" meta delete version
	exits 2 "meta put without a value" "$regtool" meta put version
	exits 0 "destroy" "$regtool" destroy default
}

# A program that says that it has started, waits for the word, is ready as $1 says, and stays.
ready_service() {
	cat <<'END'
		echo >"$2/started"
		read -r go <"$2/go"
		case $1 in
		--ready-fd) echo >&7 ;;
		--notify) exec perl -MSocket -e '
			socket(S, PF_UNIX, SOCK_DGRAM, 0);
			$_ = $ENV{NOTIFY_SOCKET};
			s/^@/\0/;
			send(S, "READY=1\n", 0, pack_sockaddr_un($_)) or die;
			exec "sleep", "1000"' ;;
		esac
		exec sleep 1000
END
}

ready_by() {
	rm -f "$folder/go" "$folder/started"
	mkfifo "$folder/go" || exit 99
	"$regtool" run cache "$@" -- sh -c "$(ready_service)" sh "$1" "$folder" &
	service=$!
	started="$started $service"
	until_ok test -e "$folder/started" || not_ok "$1" "the program did not start"
	exits 3 "$1: the name is taken at once" "$regtool" run cache -- true
	exits 1 "$1: and not found before it is ready" "$regtool" get cache
	echo >"$folder/go"
	exits 0 "$1: and found then" "$regtool" wait cache --timeout 60
	kill -TERM "$service"
	wait "$service" 2>/dev/null
}

readiness() {
	ready_by --ready-fd 7 --value up
	ready_by --notify
	exits 5 "a program that ends before it is ready" "$regtool" run cache --notify -- sh -c 'exit 5'
	says "is said to have done so" err "ended before it was ready"
	exits 1 "and its name is free" "$regtool" get cache
	exits 2 "an fd that is none" "$regtool" run cache --ready-fd 1 -- true
	exits 0 "destroy" "$regtool" destroy default
}

# A manager that keeps what it is told.
hear_as_manager() {
	perl -MSocket -MIO::Handle -e '
		socket(S, PF_UNIX, SOCK_DGRAM, 0);
		bind(S, pack_sockaddr_un($ARGV[0])) or die;
		open(F, ">", $ARGV[1]);
		F->autoflush(1);
		while (defined recv(S, $_, 4096, 0)) { s/\n/,/g; print F "$_\n" }' "$folder/manager" "$folder/heard" &
	manager=$!
	started="$started $manager"
	until_ok test -e "$folder/heard"
}

# By systemd's own tool, where it is installed; that one waits until what it says was acted upon.
under_a_manager() {
	command -v systemd-notify >"$folder/out" || return
	hear_as_manager
	# shellcheck disable=SC2016 # the inner shell's pid
	NOTIFY_SOCKET="$folder/manager" "$regtool" run cache --notify --value up -- sh -c '
		systemd-notify --ready --status=up --pid=$$
		echo $? >"$0"
		exec sleep 1000' "$folder/said" &
	service=$!
	started="$started $service"
	until_ok test -s "$folder/said"
	exits 0 "systemd-notify is answered when the name is found" "$regtool" get cache
	exits 0 "with success" grep -qx 0 "$folder/said"
	exits 0 "the manager above is told" grep -q "READY=1" "$folder/heard"
	exits 0 "all lines" grep -q "STATUS=up" "$folder/heard"
	exits 1 "but not who the main process is" grep -q MAINPID "$folder/heard"
	kill -TERM "$service"
	wait "$service" 2>/dev/null
	kill "$manager"
	wait "$manager" 2>/dev/null
	rm -f "$folder/manager" "$folder/heard" "$folder/said"
	exits 134 "a watchdog that is missed ends the program" "$regtool" run cache --notify --watchdog 1 -- \
		sh -c 'systemd-notify --ready; exec sleep 1000'
	says "and is said to have" err "missed its watchdog"
	exits 2 "there is none without --notify" "$regtool" run cache --watchdog 1 -- true
	exits 0 "destroy" "$regtool" destroy default
}

services() {
	run_service production/config one
	config=$service
	run_service testing/config two
	exits 0 "ps" "$regtool" ps --json
	says "ps has a service" out "\"namespace\": \"production\", \"role\": \"config\", \"pid\": $config, \"process\": \"running\""
	says "and the other" out '"testing"'
	kill -STOP "$config"
	until_ok sh -c '"$1" ps | grep -q stopped' sh "$regtool"
	exits 0 "ps of one namespace" "$regtool" ps --namespace production
	says "says that its service is stopped" out stopped
	says_not "and nothing of others" out testing
	kill -KILL "$config"
	wait "$config" 2>/dev/null
	exits 0 "ps of an empty one" "$regtool" ps --namespace production --json
	says_not "has nothing" out config
	exits 2 "ps of what is none" "$regtool" ps --namespace a/b
	exits 0 "the other ends" "$regtool" signal testing/config KILL
	wait "$service" 2>/dev/null
	exits 0 "destroy" "$regtool" destroy default
}

kinds() {
	exits 0 "spread duplicates" "$regtool" create many --keys duplicate --partitions 4
	exits 0 "are said so" "$regtool" -r many stat --json
	says "with the partitions" out '"partitions": 4'
	exits 0 "and destroyed" "$regtool" destroy many
	exits 0 "duplicates by key" "$regtool" create many --keys duplicate-by-key
	exits 0 "are said so too" "$regtool" -r many stat --json
	says "by the same word" out '"duplicate-by-key"'
	exits 0 "and destroyed too" "$regtool" destroy many
	exits 2 "partitions that are too many" "$regtool" create many --keys duplicate --partitions 65
}

guard_commands() {
	exits 1 "status of no guard" "$regtool" guard status --path "$pins"
	exits 0 "guard start" "$regtool" guard start --path "$pins" --seats 64
	exits 0 "guard start again" "$regtool" guard start --path "$pins"
	exits 0 "guard status" "$regtool" guard status --path "$pins" --json
	says "its seats" out 64
	exits 0 "guard upgrade" "$regtool" guard upgrade --share 7 --reserve 0 --path "$pins"
	exits 0 "guard status after it" "$regtool" guard status --path "$pins" --json
	says "the share" out '"share": 7, "reserve": 0'
	says "the upgrades" out '"upgrades": 2'
	exits 2 "a share of nothing" "$regtool" guard start --share 0 --path "$pins"
	exits 2 "a group that is none" "$regtool" guard start --group "no such group" --path "$pins"
	exits 4 "a guard outside of bpffs" "$regtool" guard start --path "$folder/guard"
}

guard_ends() {
	run_service cache x
	exits 4 "guard stop with an owner alive is refused" "$regtool" guard stop --path "$pins"
	exits 0 "guard stop --force" "$regtool" guard stop --force --path "$pins"
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "guard stop twice" "$regtool" guard stop --path "$pins"
	exits 1 "guard upgrade of none" "$regtool" guard upgrade --path "$pins"
}

all_days() {
	usual_day
	odd_calls
	run_forwards
	run_of_a_dropper
	looking
	waiting
	watching
	meta
	readiness
	under_a_manager
	services
	kinds
}

mode=fallback
KREG_GUARD=none
export KREG_GUARD
all_days

mode=guard
unset KREG_GUARD
if why=$("$regtool" guard start --path "$pins-probe" 2>&1); then
	"$regtool" guard stop --path "$pins-probe"
	guard_commands
	KREG_GUARD=$pins
	export KREG_GUARD
	all_days
	guard_ends
else
	without_guard "$why"
fi
mode=any
descriptors
finish
