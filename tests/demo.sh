#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The demo of ./bootstrap demo: the main uses of regtool with real programs. Leaves nothing behind.
set -euo pipefail

build=$1
PATH=$build:$PATH
registry=demo-$$
guard=
pids=()
export KREG_REGISTRY=$registry

tidy_up() {
	local pid
	trap - EXIT INT TERM
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	regtool destroy "$registry" --force >/dev/null 2>&1 || true
	[ -z "$guard" ] || regtool guard stop --force --path "$guard" >/dev/null 2>&1 || true
}
trap tidy_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Prints a command as it would be typed, and runs it.
show() {
	printf '\n$ %s\n' "$*"
	"$@" && return
	local status=$?
	printf '(exit status %d)\n' "$status"
	return 0
}

say() { printf '\n# %s\n' "$*"; }

# soon WHAT COMMAND...: waits until COMMAND succeeds. After thirty seconds the demo ends and prints WHAT.
soon() {
	local what=$1 tries
	shift
	for ((tries = 0; tries < 3000; tries++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.01
	done
	printf 'demo: timed out after 30 s: %s\n' "$what" >&2
	exit 1
}

wait_for_name() { soon "$1 has not come up" regtool get "$1"; }

# A child that has ended but is not reaped yet is a zombie.
has_ended() { [ ! -e "/proc/$1" ] || grep -q '^State:[[:space:]]*Z' "/proc/$1/status"; }

# reap PID: waits until a child ends and returns its exit status.
reap() {
	soon "process $1 has not ended" has_ended "$1"
	wait "$1"
}

# A service that was restarted has another pid.
has_another_pid() {
	regtool get "$1" --json | grep '"pid"' | grep -qvw "$2"
}

start_service() {
	local name=$1 value=$2
	printf '\n$ regtool run %s --value %s -- sleep 600 &\n' "$name" "$value"
	regtool run "$name" --value "$value" -- sleep 600 &
	pids+=($!)
	wait_for_name "$name"
}

if regtool guard status >/dev/null 2>&1; then
	say "the guard is running already"
elif regtool guard start --path "/sys/fs/bpf/kreg-demo-$$" >/dev/null 2>"$build/demo-guard.log"; then
	guard=/sys/fs/bpf/kreg-demo-$$
	export KREG_GUARD=$guard
	say "the guard is started for this demo only"
else
	say "no guard: $(tail -n 1 "$build/demo-guard.log"); using the fallback"
fi

say "two services, each under its name"
start_service config_server /run/config.sock
start_service event_store /run/events.sock
config_pid=${pids[0]}

say "a second process is refused and gets the pid of the first"
show regtool run config_server -- sleep 600

say "which names are there?"
show regtool ls

say "a lookup from another process"
show regtool get config_server
show regtool get config_server --json

say "kill -9, and the name is gone"
printf '\n$ kill -9 %s\n' "$config_pid"
# Together, so that bash does not report the death in between.
{ kill -9 "$config_pid" && reap "$config_pid"; } 2>/dev/null || true
show regtool get config_server
show regtool ls

say "the name can be registered again"
start_service config_server /run/config.sock
show regtool ls

say "wait blocks until a name is registered, without polling; watch prints every event"
printf '\n$ regtool watch --known --prefix metrics >watched &\n$ regtool wait metrics --timeout 10 &\n'
regtool watch --known --prefix metrics >"$build/demo-watched.log" &
pids+=($!)
regtool wait metrics --timeout 10 &
waiter=$!
pids+=("$waiter")
start_service metrics /run/metrics.sock
metrics_pid=${pids[-1]}
reap "$waiter"
printf '(the wait is over)\n'
soon "watch did not print the registration" grep -q register "$build/demo-watched.log"
show regtool signal metrics TERM
{ reap "$metrics_pid" || true; } 2>/dev/null
show regtool wait metrics --gone --timeout 10
# Under the guard it is a death (purge). In the fallback regtool holds the name and unregisters it.
soon "watch did not print the end" grep -qE 'purge|unregister' "$build/demo-watched.log"
printf '\n$ cat watched\n'
cat "$build/demo-watched.log"

say "services that are started in order and supervised"
cat >"$build/demo-services.ini" <<'EOF'
[Service billing_db]
ExecStart=sleep 600

[Service billing]
ExecStart=sleep 600
Value=/run/billing.sock
After=billing_db
EOF
printf '\n$ cat services.ini\n'
cat "$build/demo-services.ini"
printf '\n$ regtool up services.ini &\n'
regtool up "$build/demo-services.ini" &
pids+=($!)
wait_for_name production/billing
billing_pid=$(regtool get production/billing --json | sed 's/.*"pid": *\([0-9]*\).*/\1/')
show regtool ps
printf '\n$ kill -9 %s\n' "$billing_pid"
kill -9 "$billing_pid"
soon "billing was not started again" has_another_pid production/billing "$billing_pid"
show regtool ps
show regtool down
reap "${pids[-1]}"
rm "$build/demo-services.ini"

say "how fast?"
"$build/tests/benchmark/demo_timing" "$registry"
