#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool as an operator uses it: its output and its exit status. In both modes, each with its own folder and guard.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

usual_day() {
	exits 1 "ls of a registry that does not exist" "$regtool" ls
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
	says "its error names the owner" err "$(pid_of cache)"
	exits 0 "owners" "$regtool" owners --json
	says "owners counts the entries" out '"entries":1'
	exits 0 "stat" "$regtool" stat --json
	says "stat counts them too" out '"entries":1'
	exits 0 "a registry in use has no faults" "$regtool" check
	exits 0 "check --json" "$regtool" check --json
	says "it prints faults as a list" out '"faults"'
	exits 1 "check of a registry that does not exist" "$regtool" -r nowhere check
	exits 4 "destroy is refused while an owner is alive" "$regtool" destroy default
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "the name is gone with its owner" "$regtool" get cache
	exits 0 "sweep" "$regtool" sweep
	exits 0 "destroy" "$regtool" destroy default
	exits 1 "destroy twice" "$regtool" destroy default
}

# The usage and the options of a command are apart in its descriptor: both have to agree.
descriptors() {
	for command in $("$regtool" --help | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'); do
		exits 0 "$command --help" "$regtool" "$command" --help
		sed '/^$/q' "$folder/out" >"$folder/usage"
		says "$command has a usage" usage "usage: regtool $command"
		for option in $(sed -n 's/^  \(--[a-z-]*\).*/\1/p' "$folder/out"); do
			says "the usage of $command has $option" usage "$option"
		done
		exits 2 "$command refuses an unknown option" "$regtool" "$command" --no-such-option
	done
}

odd_calls() {
	exits 2 "an unknown command" "$regtool" frobnicate
	exits 2 "get without a key" "$regtool" get
	exits 2 "run without a command" "$regtool" run cache
	exits 2 "an invalid mode" "$regtool" create x --mode 999
	exits 2 "an invalid name of a registry" "$regtool" -r a/b run cache -- true
	exits 2 "an empty key" "$regtool" run "" -- true
	exits 4 "run of a program that does not exist" "$regtool" run cache -- /nonexistent/command
	exits 1 "and the name is free" "$regtool" get cache
	exits 0 "help" "$regtool" --help
	exits 0 "create with duplicate keys" "$regtool" create many --keys duplicate
	exits 0 "destroy of a registry with duplicate keys" "$regtool" destroy many
	exits 0 "create with a share" "$regtool" create shared --owner-bytes 1M
	exits 0 "stat of a registry with a share" "$regtool" -r shared stat --json
	says "stat prints the share" out '"bytes_owner_max":1048576'
	exits 0 "destroy of a registry with a share" "$regtool" destroy shared
	exits 0 "destroy of the default registry" "$regtool" destroy default
}

run_forwards() {
	exits 7 "run exits with the status of its command" "$regtool" run cache -- sh -c 'exit 7'
	"$regtool" run cache -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get cache
	kill -TERM "$service"
	wait "$service" 2>/dev/null
	if [ $? = 143 ]; then
		ok "run passes a signal on to its command"
	else
		not_ok "run passes a signal on to its command" "another status"
	fi
	exits 1 "and the name is free" "$regtool" get cache
	exits 0 "destroy" "$regtool" destroy default
}

is_over() {
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# The kernel clears the parent-death signal at setuid(2), so something else has to kill the command with regtool.
run_of_a_dropper() {
	if [ "$(id -u)" != 0 ] || ! command -v setpriv >"$folder/out"; then
		return
	fi
	# shellcheck disable=SC2016 # the pid of the inner shell
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
		ok "a command that dropped its privileges dies with run"
	else
		not_ok "a command that dropped its privileges dies with run" "it is still running"
		kill -9 "$command"
	fi
	rm "$folder/pid"
	exits 0 "destroy" "$regtool" destroy default
}

# The pid that the registry names: that of regtool, which under the guard is that of the program.
pid_of() {
	"$regtool" get "$1" --json | sed 's/.*"pid": *\([0-9]*\).*/\1/'
}

looking() {
	run_service cache/1 one
	first=$service
	run_service cache/2 two
	second=$service
	exits 0 "lookup" "$regtool" lookup cache/1 --json
	says "lookup prints the pid" out "\"pid\":$first"
	exits 1 "lookup of a free name" "$regtool" lookup free
	exits 0 "keys" "$regtool" keys "$second" --json
	says "keys prints the key" out '"cache/2"'
	exits 1 "keys of a process that is not attached" "$regtool" keys 1
	exits 2 "keys of an invalid pid" "$regtool" keys x
	exits 0 "select by prefix and value" "$regtool" select --prefix cache/ --value two --json
	says "select prints an entry that matches" out '"cache/2"'
	says_not "select prints no other" out '"cache/1"'
	exits 0 "select by glob and pid" "$regtool" select --glob '*/1' --pid "$second" --json
	says_not "an entry has to match all options" out cache
	exits 0 "count" "$regtool" count
	says "count counts all entries" out 2
	exits 0 "count by key" "$regtool" count --key cache/1
	says "count counts the entries of a key" out 1
	exits 0 "count by glob" "$regtool" count --glob 'cache/[2-9]' --json
	says "count counts the entries that match" out '"count":1'
	exits 2 "select by an invalid pid" "$regtool" select --pid 0
	kill -9 "$first"
	wait "$first" 2>/dev/null
	exits 0 "count after a death" "$regtool" count
	says "the entries of a dead process are not counted" out 1
	exits 0 "signal" "$regtool" signal cache/2 sigterm
	wait "$second" 2>/dev/null
	exits 1 "signal to a free name" "$regtool" signal cache/2 TERM
	exits 2 "an unknown signal" "$regtool" signal cache/2 FRIENDLY
}

# shown NAMES COMMAND...: the names that it lists, in order.
shown() {
	names=$1
	shift
	exits 0 "$*" "$regtool" "$@"
	got=$(tr -s ' ' '\n' <"$folder/out" | grep -xE '\.x|[.a-z]+/[a-z]' | tr '\n' ' ')
	if [ "$got" = "$names" ]; then
		ok "it lists ${names:-none}"
	else
		not_ok "it lists ${names:-none}" "but: $got"
	fi
}

# A namespace that begins with a dot, as of a bridge, is left out unless it is asked for.
dots() {
	run_service .hidden/y long
	hidden=$service
	run_service .x plain
	others=$service
	run_service seen/z
	others="$others $service"
	shown ".x seen/z " ls
	shown ".x seen/z " ls -o key --no-header
	shown ".x seen/z " ls ""
	shown "seen/z " ls --glob '*/*'
	shown "" ls --pid "$hidden"
	shown ".hidden/y .x seen/z " ls --all
	shown ".hidden/y .x seen/z " ls -a
	shown ".hidden/y .x " ls --prefix .
	shown ".hidden/y .x " ls .
	shown ".hidden/y " ls --namespace .hidden
	shown ".hidden/y " ls --key .hidden/y
	shown ".hidden/y " ls --glob '.*/*'
	shown ".hidden/y " ls --pid "$hidden" --all
	exits 1 "ls -q finds no hidden name" "$regtool" ls -q --value long
	exits 0 "but with --all" "$regtool" ls -q --value long --all
	exits 0 "ls --json" "$regtool" ls --json
	says "has a name" out '"key":".x"'
	says_not "and no hidden one" out .hidden
	exits 0 "ls --json --all" "$regtool" ls --json --all
	says "has it" out '"key":".hidden/y"'
	shown ".x seen/z " select
	shown ".hidden/y .x seen/z " select --all
	shown "" keys "$hidden"
	shown ".hidden/y " lookup .hidden/y
	shown "seen/z " ps -o key
	shown ".hidden/y seen/z " ps --all -o key
	shown ".hidden/y " ps --namespace .hidden -o key
	exits 0 "ps --json" "$regtool" ps --json
	says_not "has no hidden one" out .hidden
	exits 0 "count counts them too" "$regtool" count
	says "which are 3" out 3
	for service in $hidden $others; do
		end_service "$service"
	done
}

waiting() {
	exits 1 "wait times out" "$regtool" wait cache --timeout 0.01
	exits 2 "an invalid timeout" "$regtool" wait cache --timeout soon
	"$regtool" wait cache --timeout 60 &
	waiter=$!
	started="$started $waiter"
	run_service cache one
	wait "$waiter"
	exits 0 "wait ends when the name is registered" test $? = 0
	exits 0 "wait for a registered name" "$regtool" wait cache
	exits 1 "wait --gone times out" "$regtool" wait cache --gone --timeout 0.01
	"$regtool" wait cache --gone --timeout 60 &
	waiter=$!
	started="$started $waiter"
	kill -9 "$service"
	wait "$waiter"
	exits 0 "wait --gone ends when the owner dies" test $? = 0
	wait "$service" 2>/dev/null
	exits 0 "wait --gone for a free name" "$regtool" wait cache --gone
}

watching() {
	run_service old value
	# Of the mode before: what is started below opens it later than it is looked at.
	rm -f "$folder/events"
	"$regtool" watch --known --count 3 >"$folder/events" 2>&1 &
	watcher=$!
	started="$started $watcher"
	until_ok grep -q old "$folder/events" || not_ok "watch" "it printed nothing"
	run_service new value
	kill -9 "$service"
	wait "$service" 2>/dev/null
	wait "$watcher"
	exits 0 "watch --count exits after that number of events" test $? = 0
	# shellcheck disable=SC2016 # for awk
	exits 0 "watch prints the events in order" awk -v pid="$service" '
		NR == 1 { known = $1 == "register" && $3 == "old" }
		NR == 2 { begun = $1 == "register" && $2 == pid && $3 == "new" && $4 == "value" }
		NR == 3 { ended = $1 == "purge" && $2 == pid && $3 == "new" }
		{ print > "/dev/stderr" }
		END { exit !(NR == 3 && known && begun && ended) }' "$folder/events"
	if [ "$mode" = guard ]; then
		exits 0 "the last one says how the owner ended" grep -q '^purge .* new value (killed by SIGKILL)$' "$folder/events"
	fi
	exits 0 "the old owner ends" "$regtool" signal old KILL
	exits 0 "and its name is gone" "$regtool" wait old --gone --timeout 60
	exits 0 "destroy" "$regtool" destroy default --force
	exits 1 "watch of a registry that does not exist" "$regtool" watch --count 1
}

meta() {
	exits 0 "meta put" "$regtool" meta put version '1 2'
	exits 0 "meta get" "$regtool" meta get version
	says "meta get prints the value" out '1 2'
	exits 1 "meta get of a key that does not exist" "$regtool" meta get colour
	exits 0 "meta" "$regtool" meta --json
	says "meta lists the key and the value" out '"version","value":"1 2"'
	exits 0 "meta delete" "$regtool" meta delete version
	exits 1 "meta delete twice" "$regtool" meta delete version
	exits 2 "meta put without a value" "$regtool" meta put version
	exits 0 "destroy" "$regtool" destroy default
}

# A program that writes "started", waits for a line in "go", reports ready by $1, and keeps running.
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
	exits 3 "$1: the name is reserved at once" "$regtool" run cache -- true
	exits 1 "$1: it is not found before the program is ready" "$regtool" get cache
	echo >"$folder/go"
	exits 0 "$1: it is found then" "$regtool" wait cache --timeout 60
	kill -TERM "$service"
	wait "$service" 2>/dev/null
}

readiness() {
	ready_by --ready-fd 7 --value up
	ready_by --notify
	exits 5 "run of a program that ends before it is ready" "$regtool" run cache --notify -- sh -c 'exit 5'
	says "prints that" err "ended before it was ready"
	exits 1 "and the name is free" "$regtool" get cache
	exits 2 "an invalid fd" "$regtool" run cache --ready-fd 1 -- true
	exits 0 "destroy" "$regtool" destroy default
}

# A service manager that writes the messages it receives to a file.
receive_as_manager() {
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

# With systemd-notify, where it is installed. It waits until its message was processed.
under_a_manager() {
	command -v systemd-notify >"$folder/out" || return
	receive_as_manager
	# shellcheck disable=SC2016 # the pid of the inner shell
	NOTIFY_SOCKET="$folder/manager" "$regtool" run cache --notify --value up -- sh -c '
		systemd-notify --ready --status=up --pid=$$
		echo $? >"$0"
		exec sleep 1000' "$folder/said" &
	service=$!
	started="$started $service"
	until_ok test -s "$folder/said"
	exits 0 "the name is found when systemd-notify returns" "$regtool" get cache
	exits 0 "systemd-notify succeeds" grep -qx 0 "$folder/said"
	exits 0 "READY=1 is forwarded to the manager above" grep -q "READY=1" "$folder/heard"
	exits 0 "STATUS= is forwarded too" grep -q "STATUS=up" "$folder/heard"
	exits 1 "MAINPID= is not" grep -q MAINPID "$folder/heard"
	kill -TERM "$service"
	wait "$service" 2>/dev/null
	kill "$manager"
	wait "$manager" 2>/dev/null
	rm -f "$folder/manager" "$folder/heard" "$folder/said"
	exits 134 "a program that misses its watchdog is killed" "$regtool" run cache --notify --watchdog 1 -- \
		sh -c 'systemd-notify --ready; exec sleep 1000'
	says "and run prints that" err "missed its watchdog"
	exits 2 "--watchdog needs --notify" "$regtool" run cache --watchdog 1 -- true
	exits 0 "destroy" "$regtool" destroy default
}

services() {
	run_service production/config one
	config=$service
	run_service testing/config two
	exits 0 "ps" "$regtool" ps --json
	says "ps lists a service" out "\"namespace\":\"production\",\"role\":\"config\",\"pid\":$config,"
	says "and that it runs" out '"state":"running"'
	says "and the one in another namespace" out '"testing"'
	kill -STOP "$config"
	until_ok sh -c '"$1" ps --namespace production | grep -q stopped' sh "$regtool"
	exits 0 "ps of one namespace" "$regtool" ps --namespace production
	says "prints that its service is stopped" out stopped
	says_not "and lists no other namespace" out testing
	kill -KILL "$config"
	wait "$config" 2>/dev/null
	exits 0 "ps of an empty namespace" "$regtool" ps --namespace production --json
	says_not "lists nothing" out config
	exits 2 "ps of an invalid namespace" "$regtool" ps --namespace a/b
	exits 0 "the other service ends" "$regtool" signal testing/config KILL
	wait "$service" 2>/dev/null
	exits 0 "destroy" "$regtool" destroy default
}

kinds() {
	exits 0 "create with partitions" "$regtool" create many --keys duplicate --partitions 4
	exits 0 "stat of a registry with partitions" "$regtool" -r many stat --json
	says "prints their number" out '"partitions":4'
	exits 0 "destroy of it" "$regtool" destroy many
	exits 0 "create with duplicates by key" "$regtool" create many --keys duplicate-by-key
	exits 0 "stat of such a registry" "$regtool" -r many stat --json
	says "prints the kind of its keys" out '"duplicate-by-key"'
	exits 0 "destroy of it as well" "$regtool" destroy many
	exits 2 "too many partitions" "$regtool" create many --keys duplicate --partitions 65
}

guard_commands() {
	exits 1 "guard status without a guard" "$regtool" guard status --path "$pins"
	exits 0 "guard start" "$regtool" guard start --path "$pins" --seats 64
	exits 0 "guard start again" "$regtool" guard start --path "$pins"
	exits 0 "guard status" "$regtool" guard status --path "$pins" --json
	says "prints the seats" out 64
	exits 0 "guard upgrade" "$regtool" guard upgrade --share 7 --reserve 0 --path "$pins"
	exits 0 "guard status after it" "$regtool" guard status --path "$pins" --json
	says "prints the share" out '"share":7,"reserve":0'
	says "prints the number of upgrades" out '"upgrades":2'
	exits 2 "a share of 0" "$regtool" guard start --share 0 --path "$pins"
	exits 2 "a group that does not exist" "$regtool" guard start --group "no such group" --path "$pins"
	exits 4 "a guard outside of bpffs" "$regtool" guard start --path "$folder/guard"
}

guard_ends() {
	run_service cache x
	exits 4 "guard stop is refused while an owner is alive" "$regtool" guard stop --path "$pins"
	exits 0 "guard stop --force" "$regtool" guard stop --force --path "$pins"
	kill -9 "$service"
	wait "$service" 2>/dev/null
	exits 1 "guard stop twice" "$regtool" guard stop --path "$pins"
	exits 1 "guard upgrade without a guard" "$regtool" guard upgrade --path "$pins"
}

all_days() {
	usual_day
	odd_calls
	run_forwards
	run_of_a_dropper
	looking
	dots
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
