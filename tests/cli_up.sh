#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool up and down as an operator uses them, in both modes.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"

# says FILE TEXT: TEXT is in what was printed so far.
# shellcheck disable=SC2317 # until_ok calls them
says() {
	grep -qF -- "$2" "$folder/$1"
}

soon() {
	sentence=$1
	shift
	if until_ok "$@"; then
		ok "$sentence"
	else
		not_ok "$sentence" "still fails: $*"
	fi
}

# shellcheck disable=SC2317
is_silent() {
	! [ -s "$folder/err" ]
}

# shellcheck disable=SC2317
lists() {
	"$regtool" ps --namespace production | grep -q "$1"
}

pid_of() {
	"$regtool" get "$1" --json 2>/dev/null | sed 's/.*"pid": *\([0-9]*\).*/\1/'
}

# shellcheck disable=SC2317
is_other() {
	other=$(pid_of "$1")
	[ -n "$other" ] && [ "$other" != "$2" ]
}

# shellcheck disable=SC2317
is_empty() {
	[ "$("$regtool" count --prefix "$1/")" = 0 ]
}

# up FILE ARGUMENT...: runs in the background, as $up; its output goes to FILE.
up() {
	printed=$folder/$1
	shift
	# Output left by the run in the other mode would be taken for its own.
	rm -f "$printed"
	# A shell without job control makes background processes ignore SIGINT.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$regtool" up "$@" >"$printed" 2>&1 &
	up=$!
	started="$started $up"
}

# Waits for $up; its exit status is in $reaped.
reap_up() {
	wait "$up" 2>/dev/null
	reaped=$?
	started=
}

write_file() {
	cat >"$folder/services.ini" <<-EOF
		[Supervisor]
		Intensity=3

		[Service first]
		ExecStart=sleep 1000
		Value=one

		[Service second]
		ExecStart=sleep 1000
		After=first
		TimeoutStopSec=1
	EOF
}

try_up_and_down() {
	up up1 "$folder/services.ini" --namespace try
	soon "up prints when all services are ready" says up1 "try is up"
	exits 0 "a service is found" "$regtool" get try/first
	first=$(pid_of try/first)
	exits 0 "ps lists the services" "$regtool" ps --namespace try
	kill -9 "$first"
	soon "a service that was killed comes back" is_other try/first "$first"
	soon "its end and its start are logged" says up1 "try/first"
	cp "$folder/services.ini" "$folder/others.ini"
	exits 3 "a supervisor of another file is refused" "$regtool" up "$folder/others.ini" --namespace try
	soon "and the error names the supervisor" says err "try/supervisor is held by pid $up"
	exits 0 "down stops all" "$regtool" down --namespace try
	reap_up
	exits 0 "up exits with 0" test "$reaped" = 0
	exits 0 "no service is left" is_empty try
	exits 1 "down of an empty namespace" "$regtool" down --namespace try
}

# The value comes from the program, with READY=1.
try_notify() {
	cat >"$folder/notify.sh" <<-'EOF'
		exec perl -MSocket -e '
			socket(S, PF_UNIX, SOCK_DGRAM, 0);
			$_ = $ENV{NOTIFY_SOCKET};
			s/^@/\0/;
			send(S, "READY=1\nX_KREG_VALUE=sent\n", 0, pack_sockaddr_un($_)) or die;
			exec "sleep", "1000"'
	EOF
	printf '[Service a]\nType=notify\nExecStart=sh %s/notify.sh\n' "$folder" >"$folder/notify.ini"
	up up5 "$folder/notify.ini"
	soon "up waits until a service reports that it is ready" says up5 "production is up"
	exits 0 "the value that it sends is found" test "$("$regtool" get production/a)" = sent
	kill "$up"
	reap_up
	exits 0 "it is stopped like other services" is_empty production
}

try_signals() {
	for signal in TERM INT; do
		up "up-$signal" "$folder/services.ini"
		soon "production is up" says "up-$signal" "production is up"
		kill -s "$signal" "$up"
		reap_up
		exits 0 "SIG$signal stops all services, and up exits with 0" test "$reaped" = 0
		exits 0 "no service is left after SIG$signal" is_empty production
	done
}

# A shell makes background jobs ignore SIGINT, nohup SIGHUP, and some launchers leave SIGCHLD ignored.
try_inherited_signals() {
	printf '[Service a]\nExecStart=sh -c "sleep 0.2; exit 0"\nRestart=transient\n[Service b]\nExecStart=sleep 1000\n' \
		>"$folder/signals.ini"
	# Output left by the run in the other mode would be taken for its own.
	rm -f "$folder/inherited"
	(
		trap '' HUP INT CHLD
		exec "$regtool" up "$folder/signals.ini"
	) >"$folder/inherited" 2>&1 &
	up=$!
	started="$started $up"
	printed=$folder/inherited
	soon "up starts with ignored signals" says inherited "production is up"
	soon "the exit status of a service is known although SIGCHLD was ignored" says inherited \
		"ended with exit status 0: not restarted (transient)"
	kill -HUP "$up"
	kill -INT "$up"
	"$regtool" get production/b >/dev/null
	ignored=$(sed -n 's/^SigIgn:[^0-9a-f]*//p' "/proc/$(pid_of production/b)/status")
	exits 0 "ignored signals are ignored in services too" test $((0x$ignored & 0x10003)) = 3
	kill -TERM "$up"
	reap_up
	exits 0 "only SIGTERM ends it" test "$reaped" = 0
	exits 1 "and SIGHUP was ignored" grep "is applied" "$folder/inherited"
}

# The first SIGTERM comes before anything is ready, and the second one while a service is being stopped.
try_signals_early_and_twice() {
	printf '[Service a]\nExecStart=sleep 1000\n[Service b]\nType=notify\nExecStart=sleep 1000\n' >"$folder/early.ini"
	up early "$folder/early.ini"
	soon "a service is being started" says early "production/a: started"
	soon "ps shows it as starting" lists "production  *b  *.*  *starting"
	exits 124 "a second up waits while services are being started" timeout 1 "$regtool" up "$folder/early.ini"
	exits 0 "only the second up ends at SIGTERM" "$regtool" get production/a
	exits 1 "the first one is not stopping" says early "stopping"
	kill "$up"
	reap_up
	exits 0 "SIGTERM before all are ready: up exits with 0" test "$reaped" = 0
	exits 0 "services that were ready are stopped in order" says early "a: stopped: pid"
	exits 0 "no service is left after an early SIGTERM" is_empty production

	printf '[Service a]\nTimeoutStopSec=10min\nType=fd\nReadyFd=9\nExecStart=sh -c "trap : TERM; echo >&9; while :; do sleep 1000; done"\n' \
		>"$folder/stubborn.ini"
	up twice "$folder/stubborn.ini"
	soon "a service that ignores SIGTERM is up" says twice "production is up"
	kill "$up"
	soon "SIGTERM stops it in order" says twice "production: stopping"
	kill "$up"
	sleep 0.6
	exits 1 "another SIGTERM at once changes nothing" says twice "SIGKILL"
	kill "$up"
	reap_up
	exits 0 "a second SIGTERM later: up exits with 0" test "$reaped" = 0
	exits 0 "after SIGKILL" says twice "at the second request to stop: sending SIGKILL"
	exits 0 "no service is left then" is_empty production
}

# A small system: a check first, then a server that forks, then a worker.
write_system() {
	cat >"$folder/system.ini" <<-EOF
		[Supervisor]
		Intensity=9
		Period=60
		[Service check]
		Type=oneshot
		ExecStart=test -e $folder/system.ini
		[Service server]
		ExecStart=sh -c 'sleep 1000 & sleep 1000 & wait'
		After=check
		RestartSec=10ms
		RestartMaxDelaySec=1
		[Service $1]
		ExecStart=sh -c 'sleep 1000; true'
		After=server
		Value=$2
	EOF
}

# Whether the system has $1 processes, without its supervisor and the helper processes.
# shellcheck disable=SC2317
has_processes() {
	[ "$(grep -lsz "^KREG_DIR=$folder$" /proc/[0-9]*/environ | xargs -r grep -lsz '^KREG_NAMESPACE=system$' | wc -l)" = "$1" ]
}

try_system() {
	write_system worker one
	up system "$folder/system.ini" --namespace system ${1:+"$1"}
	soon "a system of services is up${1:+, $1}" says system "system is up"
	soon "all of its processes are there" has_processes 5
	for role in server worker; do
		pid=$(pid_of system/$role)
		kill -9 "$pid"
		soon "$role is killed and restarted" is_other system/$role "$pid"
		soon "none of its processes is left over" has_processes 5
	done
	server=$(pid_of system/server)
	write_system other two
	kill -HUP "$up"
	soon "SIGHUP applies the changes" says system "system.ini is applied"
	exits 0 "a new service is started" test "$("$regtool" get system/other)" = two
	exits 1 "a removed service is stopped" "$regtool" get system/worker
	exits 0 "an unchanged service keeps running" test "$(pid_of system/server)" = "$server"
	write_system other three
	exits 0 "a second up applies the changes" "$regtool" up "$folder/system.ini" --namespace system
	soon "and prints no error" is_silent
	exits 0 "the changes are applied when it returns" is_value system/other three
	exits 2 "a second up with an option that the first lacks is refused" \
		"$regtool" up "$folder/system.ini" --namespace system --keep
	soon "and the error names the option" says err "without --keep and keeps its options"
	printf '[Service bad]\nExecStart=/no/such/program\n' >>"$folder/system.ini"
	exits 4 "a second up fails if a service cannot be started" "$regtool" up "$folder/system.ini" --namespace system
	soon "and prints the reason" says err "bad: cannot be started: /no/such/program: No such file"
	: >"$folder/empty.ini"
	mv "$folder/system.ini" "$folder/whole.ini"
	mv "$folder/empty.ini" "$folder/system.ini"
	kill -HUP "$up"
	soon "a file without a service is refused" says system "system.ini: no [Service ROLE] in it"
	exits 0 "and stops no service" test "$(pid_of system/server)" = "$server"
	mv "$folder/whole.ini" "$folder/system.ini"
	echo "wrong" >>"$folder/system.ini"
	exits 2 "a file with an error is refused" "$regtool" up "$folder/system.ini" --namespace system
	kill -HUP "$up"
	soon "SIGHUP with such a file changes nothing" says system "nothing was changed"
	exits 0 "the services are the same" test "$(pid_of system/server)" = "$server"
	exits 0 "down stops the system" "$regtool" down --namespace system
	reap_up
	exits 0 "up exits with 0 after down" test "$reaped" = 0
	soon "no process is left of it" has_processes 0
}

# shellcheck disable=SC2317
is_value() {
	[ "$("$regtool" get "$1")" = "$2" ]
}

# Orphans in a container become children of its first process.
try_first_process() {
	if ! unshare -pf --mount-proc true 2>/dev/null; then
		ok "a PID namespace # SKIP cannot be made"
		return
	fi
	printf '[Service maker]\nExecStart=sh -c "while :; do sh -c \\"sleep 0.01 & exit 0\\"; sleep 0.01; done"\n' \
		>"$folder/maker.ini"
	printf 'exec %s up %s --namespace inside\n' "$regtool" "$folder/maker.ini" >"$folder/first.sh"
	unshare -pf --mount-proc sh "$folder/first.sh" >"$folder/inside" 2>&1 &
	outer=$!
	started="$started $outer"
	soon "up is the first process of a container" says inside "inside is up"
	first=$(cat "/proc/$outer/task/$outer/children")
	sleep 1
	zombies=$(for child in $(cat /proc/${first% }/task/*/children); do cat "/proc/$child/stat" 2>/dev/null; done | grep -c ') Z')
	exits 0 "and reaps orphans there" test "$zombies" -lt 5
	kill "${first% }"
	wait "$outer"
	reaped=$?
	started=
	exits 0 "SIGTERM ends it as elsewhere" test "$reaped" = 0
}

try_paths() {
	for what in WorkingDirectory=nodir Output=nodir/x; do
		printf '[Service a]\nExecStart=/bin/sleep 1000\n%s\n' "$what" >"$folder/path.ini"
		exits 4 "$what: the folder does not exist" "$regtool" up "$folder/path.ini"
		soon "the error has the path" says err "$folder/nodir"
		soon "and the file with the line" says err "path.ini:1)"
	done
	printf '#!/no/such/shell\n' >"$folder/script"
	chmod +x "$folder/script"
	printf '[Service a]\nExecStart=./script\n' >"$folder/path.ini"
	exits 4 "a script without its interpreter is not run" "$regtool" up "$folder/path.ini"
	soon "and the error names the interpreter" says err "the interpreter in its first line"
}

try_deaths() {
	up up2 "$folder/services.ini"
	soon "production is up" says up2 "production is up"
	kill -9 "$up"
	reap_up
	soon "the services die with a supervisor that is killed" is_empty production

	up up3 "$folder/services.ini" --keep
	soon "production is up with --keep" says up3 "production is up"
	first=$(pid_of production/first)
	kill -9 "$up"
	reap_up
	exits 0 "kept services keep running" test "$(pid_of production/first)" = "$first"
	exits 3 "up without --keep is refused while they run" "$regtool" up "$folder/services.ini"
	up up4 "$folder/services.ini" --keep
	soon "up --keep takes them over" says up4 "production is up"
	exits 0 "without restarting them" test "$(pid_of production/first)" = "$first"
	kill -9 "$up"
	reap_up
	printf '[Service third]\nType=notify\nTimeoutStartSec=200ms\nExecStart=sleep 1000\n' |
		cat "$folder/services.ini" - >"$folder/third.ini"
	exits 4 "up fails if a service cannot be started" "$regtool" up "$folder/third.ini" --keep
	soon "and prints why" says err "production up: third: cannot be started: timed out: not ready after 200 ms"
	soon "the log has the services that keep running" says err "production/first: pid $first keeps running"
	exits 0 "they keep running" test "$(pid_of production/first)" = "$first"
	exits 1 "services that it had started do not" "$regtool" get production/third
	up up6 "$folder/services.ini" --keep
	soon "the next up takes them over" says up6 "production is up"
	exits 0 "again without restarting them" test "$(pid_of production/first)" = "$first"
	exits 0 "a second up without options applies the file" "$regtool" up "$folder/services.ini"
	soon "and prints the options of the supervisor" says out "with --keep"
	kill "$up"
	reap_up
	exits 0 "SIGTERM stops all" is_empty production
}

# Messages of services by systemd-notify, where it is installed.
try_says() {
	cat >"$folder/says.ini" <<-'EOF'
		[Service talker]
		Type=notify
		WatchdogSec=60
		TimeoutStartSec=60
		ExecStart=sh -c "systemd-notify --ready --status=\"fine so far\"; systemd-notify --status=\"as ever\"; exec sleep 1000"
	EOF
	command -v systemd-notify >"$folder/out" || return
	up up5 "$folder/says.ini"
	soon "a service is ready by systemd-notify" says up5 "production is up"
	# shellcheck disable=SC2016 # the inner shell's
	soon "ps shows a later status" sh -c '"$1" ps | grep -q "ready .*as ever$"' sh "$regtool"
	exits 0 "in JSON as well" "$regtool" ps --json
	soon "with the names of the states" says out '"says":"ready"'
	kill "$up"
	reap_up
}

try_failures() {
	printf '[Service a]\nExecStart=sleep 1000\nRestart=maybe\n' >"$folder/wrong.ini"
	exits 2 "a file with an invalid value is refused" "$regtool" up "$folder/wrong.ini"
	soon "the error has the line" says err "wrong.ini:3: unknown value \"maybe\""
	exits 2 "a file that does not exist is refused" "$regtool" up "$folder/none.ini"
	printf '[Service a]\nExecStart=true\nAfter=b\n[Service b]\nExecStart=true\nAfter=a\n' \
		>"$folder/wrong.ini"
	exits 2 "services that wait for one another are refused" "$regtool" up "$folder/wrong.ini"
	soon "the error has the file and both lines" says err "wrong.ini:1: a starts after b (line 4)"
	printf '[Service a]\nExecStart=sleep 1000\n[Service b]\nExecStart=/no/such/program\n' \
		>"$folder/wrong.ini"
	exits 4 "up fails if a program does not exist" "$regtool" up "$folder/wrong.ini"
	soon "the error has the role" says err "production up: b"
	exits 0 "all other services are stopped" is_empty production
	printf '[Supervisor]\nIntensity=2\n[Service a]\nExecStart=false\n' >"$folder/wrong.ini"
	exits 4 "the restart limit ends up" "$regtool" up "$folder/wrong.ini"
	exits 0 "and no service is left" is_empty production
	exits 2 "up needs a file" "$regtool" up
	exits 2 "an invalid namespace is refused" "$regtool" up "$folder/wrong.ini" --namespace "a b"
	soon "the error has the allowed characters" says err "1 to 100 letters"
	exits 2 "down takes no file" "$regtool" down "$folder/wrong.ini"
	exits 2 "an invalid timeout is refused" "$regtool" down --timeout soon
	exits 1 "a timeout may be a fraction" "$regtool" down --timeout 0.1
}

try_all() {
	write_file
	try_up_and_down
	try_inherited_signals
	try_signals_early_and_twice
	try_paths
	try_system
	try_system --no-cgroups
	try_first_process
	try_notify
	try_says
	try_signals
	try_deaths
	try_failures
	exits 0 "the registry can be destroyed" "$regtool" destroy default
}

in_both_modes
