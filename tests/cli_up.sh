#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool up and down as an operator uses them, in both modes.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"

# says FILE TEXT: what was printed so far has it.
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
		not_ok "$sentence" "did not become so: $*"
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

# up FILE ARGUMENT...: in the background, as $up; what it prints goes to FILE.
up() {
	printed=$folder/$1
	shift
	# What the other mode's has said would be taken for its word.
	rm -f "$printed"
	# A shell without job control lets what it starts in the background ignore SIGINT.
	perl -e '$SIG{INT} = "DEFAULT"; exec @ARGV' "$regtool" up "$@" >"$printed" 2>&1 &
	up=$!
	started="$started $up"
}

# Its exit status, in $reaped.
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
	soon "up says when all are ready" says up1 "try is up"
	exits 0 "a service is found" "$regtool" get try/first
	first=$(pid_of try/first)
	exits 0 "ps lists what runs" "$regtool" ps --namespace try
	kill -9 "$first"
	soon "a service that was killed comes back" is_other try/first "$first"
	soon "and its end and its start are told" says up1 "try/first"
	cp "$folder/services.ini" "$folder/others.ini"
	exits 3 "a supervisor of another file is refused" "$regtool" up "$folder/others.ini" --namespace try
	soon "and told who is first" says err "try/supervisor is held by pid $up"
	exits 0 "down stops all" "$regtool" down --namespace try
	reap_up
	exits 0 "up ends well" test "$reaped" = 0
	exits 0 "nobody is left" is_empty try
	exits 1 "down says if there was nothing" "$regtool" down --namespace try
}

# Its value is what the program says with READY=1.
try_notify() {
	cat >"$folder/notify.sh" <<-'EOF'
		exec perl -MSocket -e '
			socket(S, PF_UNIX, SOCK_DGRAM, 0);
			$_ = $ENV{NOTIFY_SOCKET};
			s/^@/\0/;
			send(S, "READY=1\nX_KREG_VALUE=told\n", 0, pack_sockaddr_un($_)) or die;
			exec "sleep", "1000"'
	EOF
	printf '[Service a]\nType=notify\nExecStart=sh %s/notify.sh\n' "$folder" >"$folder/notify.ini"
	up up5 "$folder/notify.ini"
	soon "up waits until a service says that it is ready" says up5 "production is up"
	exits 0 "and what it says is found" test "$("$regtool" get production/a)" = told
	kill "$up"
	reap_up
	exits 0 "it is stopped like others" is_empty production
}

try_signals() {
	for signal in TERM INT; do
		up "up-$signal" "$folder/services.ini"
		soon "production is up" says "up-$signal" "production is up"
		kill -s "$signal" "$up"
		reap_up
		exits 0 "SIG$signal stops all, and up ends well" test "$reaped" = 0
		exits 0 "nobody is left after SIG$signal" is_empty production
	done
}

# A shell gives its jobs in the background SIGINT to ignore, and nohup SIGHUP; some launchers leave SIGCHLD ignored.
try_inherited_signals() {
	printf '[Service a]\nExecStart=sh -c "sleep 0.2; exit 0"\nRestart=transient\n[Service b]\nExecStart=sleep 1000\n' \
		>"$folder/signals.ini"
	# What the other mode's has said would be taken for its word.
	rm -f "$folder/inherited"
	(
		trap '' HUP INT CHLD
		exec "$regtool" up "$folder/signals.ini"
	) >"$folder/inherited" 2>&1 &
	up=$!
	started="$started $up"
	printed=$folder/inherited
	soon "up that has to ignore signals is up" says inherited "production is up"
	soon "how a service ends is known though SIGCHLD was ignored" says inherited \
		"ended with exit status 0: is transient, and done"
	kill -HUP "$up"
	kill -INT "$up"
	"$regtool" get production/b >/dev/null
	ignored=$(sed -n 's/^SigIgn:[^0-9a-f]*//p' "/proc/$(pid_of production/b)/status")
	exits 0 "what was ignored is so in services" test $((0x$ignored & 0x10003)) = 3
	kill -TERM "$up"
	reap_up
	exits 0 "it ends by SIGTERM alone" test "$reaped" = 0
	exits 1 "and heard no SIGHUP" grep "is applied" "$folder/inherited"
}

# The first SIGTERM comes before anything is ready, and the second one while a service is being stopped.
try_signals_early_and_twice() {
	printf '[Service a]\nExecStart=sleep 1000\n[Service b]\nType=notify\nExecStart=sleep 1000\n' >"$folder/early.ini"
	up early "$folder/early.ini"
	soon "a service is being started" says early "production/a: started"
	soon "ps says so" lists "production  *b  *[0-9]*  *starting"
	exits 124 "up again waits for what is being started" timeout 1 "$regtool" up "$folder/early.ini"
	exits 0 "and ends alone at SIGTERM" "$regtool" get production/a
	exits 1 "the first one goes on" says early "stopping"
	kill "$up"
	reap_up
	exits 0 "SIGTERM before all are ready ends up well" test "$reaped" = 0
	exits 0 "what was ready is stopped in order" says early "a: pid"
	exits 0 "nobody is left after an early SIGTERM" is_empty production

	printf '[Service a]\nTimeoutStopSec=10min\nType=fd\nReadyFd=9\nExecStart=sh -c "trap : TERM; echo >&9; while :; do sleep 1000; done"\n' \
		>"$folder/stubborn.ini"
	up twice "$folder/stubborn.ini"
	soon "a stubborn one is up" says twice "production is up"
	kill "$up"
	soon "it is told to end" says twice "production: stopping"
	kill "$up"
	sleep 0.6
	exits 1 "another one at once is no haste" says twice "SIGKILL"
	kill "$up"
	reap_up
	exits 0 "a second signal later hastens" test "$reaped" = 0
	exits 0 "by SIGKILL" says twice "and there is haste: SIGKILL"
	exits 0 "nobody is left then" is_empty production
}

# A small system: a check before, a server that forks, and workers behind it.
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

# How many processes there are of the system, without the supervisor and who starts programs.
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
		soon "$role is killed and comes back" is_other system/$role "$pid"
		soon "and nothing else of it" has_processes 5
	done
	server=$(pid_of system/server)
	write_system other two
	kill -HUP "$up"
	soon "SIGHUP applies what has changed" says system "system.ini is applied"
	exits 0 "what is new is there" test "$("$regtool" get system/other)" = two
	exits 1 "what is gone is not" "$regtool" get system/worker
	exits 0 "and what is the same was left alone" test "$(pid_of system/server)" = "$server"
	write_system other three
	exits 0 "up again applies what has changed" "$regtool" up "$folder/system.ini" --namespace system
	soon "and says that nothing is wrong" is_silent
	exits 0 "when it is done" is_value system/other three
	exits 2 "up again with an option that the first has not is refused" \
		"$regtool" up "$folder/system.ini" --namespace system --keep
	soon "and told" says err "without --keep and keeps its options"
	printf '[Service bad]\nExecStart=/no/such/program\n' >>"$folder/system.ini"
	exits 4 "what up again cannot start is its status" "$regtool" up "$folder/system.ini" --namespace system
	soon "with the reason" says err "bad: cannot be started: /no/such/program: No such file"
	: >"$folder/empty.ini"
	mv "$folder/system.ini" "$folder/whole.ini"
	mv "$folder/empty.ini" "$folder/system.ini"
	kill -HUP "$up"
	soon "a file without a service is refused" says system "system.ini: no service in it"
	exits 0 "and stops nothing" test "$(pid_of system/server)" = "$server"
	mv "$folder/whole.ini" "$folder/system.ini"
	echo "wrong" >>"$folder/system.ini"
	exits 2 "a wrong file is refused" "$regtool" up "$folder/system.ini" --namespace system
	kill -HUP "$up"
	soon "and changes nothing by SIGHUP" says system "nothing was changed"
	exits 0 "as before" test "$(pid_of system/server)" = "$server"
	exits 0 "the system goes down" "$regtool" down --namespace system
	reap_up
	exits 0 "well" test "$reaped" = 0
	soon "and nothing is left of it" has_processes 0
}

# shellcheck disable=SC2317
is_value() {
	[ "$("$regtool" get "$1")" = "$2" ]
}

# What is orphaned in a container becomes the first process's.
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
	exits 0 "and reaps what is orphaned there" test "$zombies" -lt 5
	kill "${first% }"
	wait "$outer"
	reaped=$?
	started=
	exits 0 "it ends by SIGTERM as anywhere" test "$reaped" = 0
}

try_paths() {
	for what in WorkingDirectory=nodir Output=nodir/x; do
		printf '[Service a]\nExecStart=/bin/sleep 1000\n%s\n' "$what" >"$folder/path.ini"
		exits 4 "$what is not there" "$regtool" up "$folder/path.ini"
		soon "and named, with the line" says err "$folder/nodir"
		soon "with the file" says err "path.ini:1)"
	done
	printf '#!/no/such/shell\n' >"$folder/script"
	chmod +x "$folder/script"
	printf '[Service a]\nExecStart=./script\n' >"$folder/path.ini"
	exits 4 "a script without its interpreter is not run" "$regtool" up "$folder/path.ini"
	soon "which is what is named" says err "not the interpreter"
}

try_deaths() {
	up up2 "$folder/services.ini"
	soon "production is up" says up2 "production is up"
	kill -9 "$up"
	reap_up
	soon "the services die with a supervisor that is killed" is_empty production

	up up3 "$folder/services.ini" --keep
	soon "production is up, and to be kept" says up3 "production is up"
	first=$(pid_of production/first)
	kill -9 "$up"
	reap_up
	exits 0 "kept services go on" test "$(pid_of production/first)" = "$first"
	exits 3 "without --keep they are in the way" "$regtool" up "$folder/services.ini"
	up up4 "$folder/services.ini" --keep
	soon "with it they are taken over" says up4 "production is up"
	exits 0 "as they are" test "$(pid_of production/first)" = "$first"
	kill -9 "$up"
	reap_up
	printf '[Service third]\nType=notify\nTimeoutStartSec=200ms\nExecStart=sleep 1000\n' |
		cat "$folder/services.ini" - >"$folder/third.ini"
	exits 4 "a start that fails fails" "$regtool" up "$folder/third.ini" --keep
	soon "and says why" says err "production up: third: cannot be started: it was not ready after 200 ms"
	soon "what was taken over is said to go on" says err "production/first: goes on as pid $first"
	exits 0 "and does" test "$(pid_of production/first)" = "$first"
	exits 1 "what was started does not" "$regtool" get production/third
	up up6 "$folder/services.ini" --keep
	soon "the next one takes them over" says up6 "production is up"
	exits 0 "still as they are" test "$(pid_of production/first)" = "$first"
	exits 0 "up again without an option takes over" "$regtool" up "$folder/services.ini"
	soon "and tells those that hold" says out "with --keep"
	kill "$up"
	reap_up
	exits 0 "and stopped in the end" is_empty production
}

# What services say, by systemd's own tool where it is installed.
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
	soon "what it says later is shown" sh -c '"$1" ps | grep -q "ready .*as ever$"' sh "$regtool"
	exits 0 "in JSON as well" "$regtool" ps --json
	soon "by their names" says out '"says": "ready"'
	kill "$up"
	reap_up
}

try_failures() {
	printf '[Service a]\nExecStart=sleep 1000\nRestart=maybe\n' >"$folder/wrong.ini"
	exits 2 "a file that is wrong is refused" "$regtool" up "$folder/wrong.ini"
	soon "with its line" says err "wrong.ini:3: \"maybe\" is none of"
	exits 2 "a file that is not there as well" "$regtool" up "$folder/none.ini"
	printf '[Service a]\nExecStart=true\nAfter=b\n[Service b]\nExecStart=true\nAfter=a\n' \
		>"$folder/wrong.ini"
	exits 2 "services that wait for one another are refused" "$regtool" up "$folder/wrong.ini"
	soon "with file and lines" says err "wrong.ini:1: a is to start after b (line 4)"
	printf '[Service a]\nExecStart=sleep 1000\n[Service b]\nExecStart=/no/such/program\n' \
		>"$folder/wrong.ini"
	exits 4 "what cannot be started is told" "$regtool" up "$folder/wrong.ini"
	soon "with its role" says err "production up: b"
	exits 0 "and all else is stopped" is_empty production
	printf '[Supervisor]\nIntensity=2\n[Service a]\nExecStart=false\n' >"$folder/wrong.ini"
	exits 4 "one that ends over and over ends the tree" "$regtool" up "$folder/wrong.ini"
	exits 0 "and nobody is left" is_empty production
	exits 2 "up needs a file" "$regtool" up
	exits 2 "a namespace has no spaces" "$regtool" up "$folder/wrong.ini" --namespace "a b"
	soon "and told what it is" says err "1 to 100 letters"
	exits 2 "down takes no file" "$regtool" down "$folder/wrong.ini"
	exits 2 "a timeout is a number" "$regtool" down --timeout soon
	exits 1 "and may be a fraction" "$regtool" down --timeout 0.1
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
