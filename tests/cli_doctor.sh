#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool doctor: each fault is set up for real, with names and pins of its own; the doctor does not name it before, and
# names it, the process or file, and what to do, afterwards.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

user=54321 # nobody has it

# doctor STATUS SENTENCE ARGUMENTS...: what it finds is left in out.
doctor() {
	wanted_status=$1
	about=$2
	shift 2
	exits "$wanted_status" "$about" "$regtool" doctor -q --interval 0 "$@"
}

# finds SENTENCE REGEX: of a line in out.
finds() {
	if grep -qE -- "$2" "$folder/out"; then
		ok "$1"
	else
		not_ok "$1" "no line has: $2; but: $(cat "$folder/out")"
	fi
}

finds_no() {
	if grep -qE -- "$2" "$folder/out"; then
		not_ok "$1" "a line has: $2"
	else
		ok "$1"
	fi
}

# apart COMMAND: in a mount namespace, whose mounts end with it. What the doctor prints is left in out.
apart() {
	unshare -m sh -c 'mount --make-rprivate /; '"$1" sh "$regtool" "$folder" >"$folder/out" 2>"$folder/err"
}

# The host: each is found where it is so, and not where it is not.

calls() {
	exits 2 "an option that is none" "$regtool" doctor --nothing
	exits 2 "an argument" "$regtool" doctor default
	exits 2 "an interval that is none" "$regtool" doctor --interval long
	exits 1 "a registry that is none" "$regtool" -r nothing doctor
	exits 1 "is not created" sh -c 'ls "$1" | grep nothing' sh "$folder"
	exits 0 "--json" "$regtool" --json doctor --interval 0
	mv "$folder/out" "$folder/json"
	exits 0 "is one document" python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
assert d["version"] == 1
assert all(f["verdict"] in ("ok", "unknown") and f["check"] and f["says"] for f in d["findings"]), d
assert set(f["check"] for f in d["findings"]) >= set(("kernel", "proc", "clocks", "space", "limit-files")), d' "$folder/json"
	exits 0 "all is well" "$regtool" doctor --interval 0
	finds "and the sum says so" '^0 failures, 0 warnings, [0-9]+ unknown, [0-9]+ ok$'
	doctor 0 "then --quiet"
	exits 0 "prints nothing" test ! -s "$folder/out"
}

limits() {
	exits 5 "few fds are a warning, and the exit status says so" sh -c 'ulimit -n 100; exec "$0" doctor -q' "$regtool"
	finds "which has the limit and what to do" '^warning limit-files: RLIMIT_NOFILE is 100,.*ulimit -n 1024'
	if is_sanitized; then
		skip "little address space" "a sanitizer needs more"
	else
		exits 5 "little address space" sh -c 'ulimit -v 4194304; exec "$0" doctor -q' "$regtool"
		finds "is one, too" '^warning limit-memory: RLIMIT_AS is 4\.0?G?.*ulimit -v unlimited|^warning limit-memory: RLIMIT_AS is 4G'
	fi
	exits 5 "small files" sh -c 'ulimit -f 1000000; exec "$0" doctor -q' "$regtool"
	finds "as well" '^warning limit-file-size: .*EFBIG.*ulimit -f unlimited'
}

kernel() {
	exits 5 "an old kernel" setarch --uname-2.6 "$regtool" doctor -q
	finds "is named" '^warning kernel: Linux [23]\.[0-9]+ has no guard.*boot 5\.19'
}

host() {
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		skip "the host" "mounts take root, and unshare(1)"
		return
	fi
	apart 'mount -t tmpfs none /sys/kernel/btf && "$1" doctor -q'
	case $regtool_has_guard in
	yes) finds "a kernel without BTF" '^warning btf: /sys/kernel/btf/vmlinux: No such file.*CONFIG_DEBUG_INFO_BTF' ;;
	esac
	apart 'echo hpet >"$2/clock" && mount --bind "$2/clock" \
		/sys/devices/system/clocksource/clocksource0/current_clocksource && "$1" doctor -q'
	if [ -e /sys/devices/system/clocksource/clocksource0/current_clocksource ]; then
		finds "a slow clock" '^warning clocks: the clock is hpet,.*dmesg'
	fi
	unshare --time --boottime 1000 --fork "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
	finds "a time namespace" '^warning clocks: this is a time namespace.*on the host'
	unshare --pid --fork --mount-proc "$regtool" doctor >"$folder/out" 2>"$folder/err"
	finds "a container" '^unknown proc: this is a container.*on the host'
	chmod 1777 "$folder"
	apart "mount -t proc -o hidepid=2 proc /proc && setpriv --reuid $user --regid $user --clear-groups"' "$1" doctor'
	finds "a /proc that hides processes" '^unknown proc: /proc hides.*as root'
	apart 'mount -t tmpfs none /proc && "$1" doctor -q'
	finds "no /proc" '^failure proc: /proc does not show this process'
	chmod 755 "$folder"
}

# A registry of an ordinary user in /dev/shm, with and without RemoveIPC=no.
logind() {
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		skip "logind" "mounts take root, and unshare(1)"
		return
	fi
	mkdir "$folder/users" && chmod 1777 "$folder/users"
	exits 0 "a registry of user $user" env KREG_DIR="$folder/users" \
		setpriv --reuid $user --regid $user --clear-groups "$regtool" create theirs
	here='mount -t tmpfs none /run && mkdir -p /run/systemd/seats /run/systemd/logind.conf.d && KREG_DIR=$2/users &&
		export KREG_DIR'
	apart "$here"' && "$1" doctor -q'
	finds "logind that removes files" "^warning logind $user:theirs: RemoveIPC=yes:.*user $user ends.*run-kreg.mount"
	apart "$here"' && printf "[Login]\nRemoveIPC=no\n" >/run/systemd/logind.conf.d/a.conf && "$1" doctor'
	finds "logind that does not" '^ok +logind: RemoveIPC=no'
	apart 'mount -t tmpfs none /run && KREG_DIR=$2/users "$1" doctor'
	finds "no logind" '^ok +logind: it does not run here'
	exits 0 "destroy it" env KREG_DIR="$folder/users" "$regtool" destroy $user:theirs
}

space() {
	exits 1 "a folder that is not there" env KREG_DIR="$folder/none" "$regtool" doctor -q
	finds "is named" "^failure folder $folder/none: .*KREG_DIR must name"
	if [ "$(id -u)" != 0 ] || ! unshare -m true 2>/dev/null; then
		skip "full file systems" "mounts take root, and unshare(1)"
		return
	fi
	mkdir "$folder/small"
	small='mount -t tmpfs -o size=4M,nr_inodes=20 none "$2/small" && KREG_DIR=$2/small && export KREG_DIR &&
		"$1" create default >&2'
	apart "$small"' && "$1" doctor -q'
	finds_no "a file system with room" "space"
	apart "$small"' && dd if=/dev/zero of="$2/small/big" bs=64k count=60 2>/dev/null; "$1" doctor -q'
	finds "one with little" "^warning space $folder/small: .* are left.*registries --sort -bytes"
	apart "$small"' && cat /dev/zero >"$2/small/big" 2>/dev/null; "$1" doctor -q; echo "exit $?"'
	finds "a full one" "^failure space $folder/small: its file system is full, .* of 4.*ENOSPC.*remount,size="
	finds "is a failure for scripts" '^exit 1$'
	apart "$small"' && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do touch "$2/small/$i"; done 2>/dev/null
		"$1" doctor -q'
	finds "one without inodes" "^failure space $folder/small: 0 of 20 inodes are left.*nr_inodes="
}

# Files in the folder of registries that are none, or not what they should be.
files() {
	me=$(id -u)
	exits 0 "create" "$regtool" create sound
	doctor 0 "it is sound"
	exits 0 "create one more" "$regtool" create other
	printf '\143' | dd of="$folder/kreg.$me.other" bs=1 seek=8 conv=notrunc 2>/dev/null
	doctor 5 "another layout"
	finds "is a warning without processes" '^warning layout other: its layout is 99,.*replaces it'
	head -c 100000 /dev/urandom >"$folder/kreg.$me.other"
	doctor 1 "a file of noise"
	finds "is damaged" "^failure damage other: $folder/kreg.$me.other is damaged.*EPROTO.*destroy other --force"
	cp --sparse=always "$folder/kreg.$me.sound" "$folder/kreg.$me.other"
	truncate -s 5000 "$folder/kreg.$me.other"
	doctor 1 "a file that was cut"
	finds "is damaged, too" "^failure damage other: "
	rm "$folder/kreg.$me.other"
	exits 0 "another one" "$regtool" -r sound doctor -q
	[ "$me" = 0 ] || return
	touch "$folder/kreg.$user.sound"
	doctor 1 "a file of root under the name of a user"
	finds "is named" "^failure user $user:sound: $folder/kreg.$user.sound belongs to user 0 and not.*remove it as root"
	rm "$folder/kreg.$user.sound"
	chmod 1777 "$folder"
	exits 0 "a user who may not read it" setpriv --reuid $user --regid $user --clear-groups "$regtool" doctor
	finds "reads whom to ask" '^unknown registry 0:sound: this user may not read it; .*root'
	chmod 755 "$folder"
}

# A registry that is made under one life table and looked at under another.
leftovers() {
	exits 0 "create" "$regtool" create old
	KREG_GUARD=$pins-none "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
	finds "its guard is gone" "^warning leftover old: $folder/kreg.$(id -u).old: it was made under a guard that no longer runs.*destroy --leftovers"
	"$regtool" -r old run x -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" -r old get x
	KREG_GUARD=$pins-none "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
	finds "and a process is in it" '^failure leftover old: .* and 1 processes that may be alive.*EBUSY'
	end_service "$service"
	exits 0 "destroy" "$regtool" destroy old
	KREG_GUARD=none "$regtool" -r before run x -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" -r before get x
	doctor 1 "a registry of before the guard"
	finds "is in the fallback" '^failure life before: it was made in the fallback and a guard runs now.*EBUSY.*1 owners'
	end_service "$service"
	exits 0 "destroy it" "$regtool" destroy before --force
}

# A service that does not answer, because somebody has stopped it.
stopped() {
	run_service cache
	doctor 0 "a service that runs"
	kill -STOP "$service"
	until_ok "$regtool" ls --key cache --state stopped -q
	doctor 1 "a service that does not answer"
	finds "is stopped, and what it holds is named" \
		"^failure stopped default: pid $service \(.*\) is stopped .*holds \"cache\".*kill -CONT $service"
	doctor 1 "as JSON" --json
	finds "it has the pid" "\"check\":\"stopped\",\"object\":\"default\",\"pid\":$service,"
	kill -CONT "$service"
	until_ok "$regtool" ls --key cache --state running -q
	doctor 0 "it goes on"
	if [ "$mode" = fallback ]; then
		child=$(cat "/proc/$service/task/$service/children")
		child=${child%% *}
		kill -STOP "$child"
		until_ok grep -q '^State:.*stopped' "/proc/$child/status"
		# The parent may stop with its child, as a shell does.
		doctor 1 "a program that its parent holds the name for"
		finds "is stopped" "^failure stopped default: pid ($child|$service) .*\"cache\".*kill -CONT ($child|$service)"
		kill -CONT "$child" "$service"
	fi
	end_service "$service"
	doctor 0 "it is gone"
}

# owner KIND: a process that does what its first argument says, in registry $KREG_REGISTRY.
write_owner() {
	cat >"$folder/owner.py" <<-'END'
		import ctypes, os, sys, time
		lib = ctypes.CDLL(os.environ["LIBKREG"])
		k = ctypes.c_void_p()
		name = os.environ.get("KREG_REGISTRY", "default").encode()
		assert lib.kreg_open(ctypes.byref(k), name, None) == 0
		size = ctypes.c_size_t
		def put(key, value=b""): return lib.kreg_register(k, key, size(len(key)), value, size(len(value)), None)
		def drop(key): return lib.kreg_unregister(k, key, size(len(key)))
		kind = sys.argv[1]
		if kind == "read":
		    assert lib.kreg_read_enter(k) == 0
		    put(b"reader")
		if kind == "churn": put(b"writer")
		if kind == "leak": put(b"leaks")
		number = 0
		while kind != "read":
		    number += 1
		    if kind == "churn":
		        put(b"x", b"v" * 2000)
		        drop(b"x")
		    else:
		        if put(b"leak/%d" % number, b"v" * 300) < 0: break
		        if kind == "leak": time.sleep(0.0002)
		if kind == "fill": put(b"full")
		time.sleep(1000)
	END
}

owner() {
	python3 "$folder/owner.py" "$1" &
	service=$!
	started="$started $service"
	until_ok sh -c '[ "$("$1" count --pid "$2")" -gt 0 ]' sh "$regtool" "$service" || not_ok "a $1" "it has no name"
}

# says_in_the_end SENTENCE REGEX [OPTIONS]: of a line in out, whose look had the exit status $got.
says_in_the_end() {
	about=$1
	line=$2
	shift 2
	[ $# -gt 0 ] || set -- --interval 0
	left=50
	until looks_for "$line" "$@"; do
		left=$((left - 1))
		[ $left -gt 0 ] || break
		sleep 0.1
	done
	finds "$about" "$line"
}

looks_for() {
	line=$1
	shift
	"$regtool" doctor -q "$@" >"$folder/out" 2>"$folder/err"
	got=$?
	grep -qE -- "$line" "$folder/out"
}

# A reader that is stopped is expelled when another process needs what it reads.
readers() {
	owner read
	reader=$service
	kill -STOP "$reader"
	says_in_the_end "a stopped reader is in a section" \
		"^failure stopped default: pid $reader .*in a read section, which delays reuse .*holds .*\"reader\".*-CONT $reader"
	owner churn
	writer=$service
	says_in_the_end "and expelled from it" \
		"^failure stopped default: pid $reader .*in a read section, was expelled from it .*-CONT $reader"
	kill -CONT "$reader"
	says_in_the_end "that is said when it goes on, too" \
		"^warning expelled default: pid $reader \(python3?[0-9.]*\) was expelled from 1 read section, last .* ago"
	finds_no "and nothing else" "^failure"
	kill -STOP "$writer"
	says_in_the_end "a stopped writer" "^failure stopped default: pid $writer .*holds .*\"writer\".*-KILL $writer"
	end_service "$reader"
	end_service "$writer"
}

# One of three owners leaks, and a registry of 64 MiB that one process fills.
growth() {
	run_service cache
	first=$service
	run_service db
	second=$service
	owner leak
	doctor 0 "one look sees no leak"
	until_ok sh -c '[ "$("$1" count --prefix leak/)" -gt 1000 ]' sh "$regtool"
	says_in_the_end "two looks see it" "^warning leak default: pid $service .* has [0-9]+ of [0-9]+ entries, [0-9]+ more than [0-9.]+m?s ago.*--pid $service" --interval 0.5
	exits 0 "which is a warning" [ "$got" = 5 ]
	finds_no "and only it" "leak default: pid ($first|$second)"
	end_service "$service"
	end_service "$first"
	end_service "$second"
	exits 0 "a small one" "$regtool" create grows --max-bytes 64M
	export KREG_REGISTRY=grows
	owner leak
	says_in_the_end "a registry that grows: until when, and whose it is" \
		"^warning growth grows: it has grown by .* and is full in .*pid $service .*--pid $service" --interval 0.5
	exits 0 "which is a warning" [ "$got" = 5 ]
	end_service "$service"
	exits 0 "destroy it" "$regtool" destroy grows --force
	unset KREG_REGISTRY
}

# What is used up: a registry's memory, the share of a process, slots and seats.
used_up() {
	exits 0 "of few bytes" "$regtool" create few --max-bytes 1M
	export KREG_REGISTRY=few
	owner fill
	until_ok "$regtool" get full || until_ok sh -c '"$1" doctor -q --interval 0 | grep -q "failure memory few"' sh "$regtool"
	doctor 1 "a full registry"
	finds "says who has it" "^failure memory few: .* are taken.*ENOSPC; pid $service \(.* has the most.*--max-bytes"
	end_service "$service"
	exits 0 "destroy it" "$regtool" destroy few --force
	exits 0 "of small shares" "$regtool" create few --owner-bytes 128K
	owner fill
	says_in_the_end "a share that is used up" "^failure share few: pid $service \(.* has .*EDQUOT.*--owner-bytes"
	end_service "$service"
	exits 0 "destroy it, too" "$regtool" destroy few --force
	exits 0 "of few slots and seats" "$regtool" create few --slots 1 --seats 1
	owner read
	doctor 1 "they are used up"
	finds "no slot is left" "^failure slots few: 1 of 1 slots .*ENOBUFS.*--slots"
	[ "$mode" = guard ] || finds "no seat, either" "^failure seats few: 1 of 1 seats .*EUSERS.*--seats"
	end_service "$service"
	exits 0 "destroy the last one" "$regtool" destroy few --force
	unset KREG_REGISTRY
}

# A file that somebody writes into, or cuts, while processes are in it.
damage() {
	run_service cache
	file=$folder/kreg.$(id -u).default
	dd if=/dev/urandom of="$file" bs=4096 seek=1 count=200 conv=notrunc 2>/dev/null
	doctor 1 "a registry that was overwritten"
	finds "is damaged" '^failure (damage|forged|open) default: .*(check|destroy|damaged)'
	truncate -s 20000 "$file"
	doctor 1 "one that was cut meanwhile"
	finds "is found" '^failure (damage|open) default: '
	end_service "$service"
	exits 0 "destroy it" "$regtool" destroy default --force
	exits 0 "create it" "$regtool" create default
}

# 200 services in 10 namespaces, of which three restart all the time.
fleet() {
	for space in 0 1 2 3 4 5 6 7 8 9; do
		{
			printf '[Supervisor]\nIntensity=1000000\n'
			for role in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
				printf '[Service s%s]\nExecStart=' $role
				case $space/$role in
				2/7 | 5/0 | 9/19) echo 'sh -c "sleep 0.2; exit 7"' ;;
				*) echo "sleep 1000" ;;
				esac
			done
		} >"$folder/$space.ini"
		"$regtool" up "$folder/$space.ini" --namespace "n$space" >"$folder/up.$space" 2>&1 &
		started="$started $!"
	done
	tries=600
	until [ "$(steady_ones)" = 197 ] || [ $tries = 0 ]; do
		tries=$((tries - 1))
		sleep 0.1
	done
	exits 0 "197 services run" [ "$(steady_ones)" = 197 ]
	# Between two looks one of them may not have died, so each is named by one of the looks.
	tries=60
	: >"$folder/looks"
	until looks_name_all || [ $tries = 0 ]; do
		tries=$((tries - 1))
		"$regtool" doctor -q --interval 0.5 >>"$folder/looks" 2>"$folder/err"
	done
	cp "$folder/looks" "$folder/out"
	for key in n2/s7 n5/s0 n9/s19; do
		finds "$key restarts" "$(restarts "$key")"
	done
	grep -vE ' (n2/s7|n5/s0|n9/s19) ' "$folder/out" >"$folder/others"
	exits 0 "and none of the other 197" test ! -s "$folder/others"
	downs=
	for space in 0 1 2 3 4 5 6 7 8 9; do
		"$regtool" down --namespace "n$space" >/dev/null 2>&1 &
		downs="$downs $!"
	done
	for down in $downs; do
		wait "$down"
	done
	exits 0 "nothing runs" until_ok sh -c '[ "$("$1" count)" = 0 ]' sh "$regtool"
}

# A service that a change could not start, one that ends after each start, and one that was restarted once.
supervised() {
	printf '[Supervisor]\nIntensity=1000000\n[Service steady]\nExecStart=sleep 1000\n' >"$folder/given.ini"
	"$regtool" up "$folder/given.ini" --namespace given >"$folder/up.given" 2>&1 &
	up=$!
	started="$started $up"
	until_ok "$regtool" get given/steady
	steady=$(pid_of given/steady)
	"$regtool" signal given/steady KILL
	until_ok is_other given/steady "$steady"
	doctor 0 "a service that was restarted once is in order"
	steady=$(pid_of given/steady)
	kill -STOP "$steady"
	until_ok "$regtool" ls --key given/steady --state stopped -q
	doctor 1 "a service of a supervisor that is stopped"
	finds "has its name" "^failure stopped default: pid $steady .*holds \"given/steady\""
	exits 0 "and one line, however many owners it is" [ "$(grep -c "pid $steady .*is stopped" "$folder/out")" = 1 ]
	kill -CONT "$steady"
	until_ok "$regtool" ls --key given/steady --state running -q
	printf '[Service bad]\nExecStart=sh -c "exit 3"\nType=notify\n' >>"$folder/given.ini"
	exits 4 "a change cannot start a service" "$regtool" up "$folder/given.ini" --namespace given
	doctor 1 "a service that was given up"
	finds "has how it ended, and what to do" "^failure failed default: given/bad was given up by its supervisor, pid $up, .*it exited with status 3 before it was ready; .*regtool up"
	printf '[Supervisor]\nIntensity=1000000\n[Service steady]\nExecStart=sleep 1000\n' >"$folder/given.ini"
	printf '[Service loop]\nExecStart=sh -c "exit 7"\nRestartSec=100ms\n' >>"$folder/given.ini"
	exits 0 "a change of the file" "$regtool" up "$folder/given.ini" --namespace given
	says_in_the_end "a service that ends after each start has how often" "^warning restarts default: given/loop was restarted [0-9]+ times in a row, .*it exited with status 7 the last time; .*pid $up\$"
	exits 0 "which is a warning" [ "$got" = 5 ]
	finds_no "the one that was given up is gone" "given/bad"
	finds_no "and the one that runs is not named" "given/steady"
	"$regtool" down --namespace given --timeout 30 >"$folder/down" 2>&1
	wait "$up"
	doctor 0 "without their supervisor nothing is said"
}

pid_of() {
	"$regtool" ls --key "$1" --no-header -o pid
}

is_other() {
	now=$(pid_of "$1") && [ -n "$now" ] && [ "$now" != "$2" ]
}

# restarts KEY: what is said of a service that has died between two looks.
restarts() {
	echo "^warning restarts default: $1 (has been restarted within|has no process).*(exited with status 7|ended)"
}

looks_name_all() {
	for key in n2/s7 n5/s0 n9/s19; do
		grep -qE -- "$(restarts "$key")" "$folder/looks" || return 1
	done
}

# How many services of the fleet have a name, without those that restart.
steady_ones() {
	"$regtool" ps --no-header -o key | grep -E '^n[0-9]/s[0-9]' | grep -cvxE '(n2/s7|n5/s0|n9/s19) *'
}

# With a sanitizer Python cannot load the library.
has_python() {
	command -v python3 >/dev/null && ! is_sanitized
}

# What may be seen without a guard, and what only under one.
# shellcheck disable=SC2317 # in_both_modes
try_all() {
	ok "$1"
	if [ "$mode" = fallback ]; then
		calls
		limits
		host
		logind
		space
	else
		kernel
		guard
		leftovers
	fi
	files
	exits 0 "create default" "$regtool" create default
	stopped
	supervised
	if has_python; then
		write_owner
		readers
		growth
		used_up
	else
		skip "owners of Python" "there is no python3, or it cannot load a library with a sanitizer"
	fi
	damage
	[ "$mode" = fallback ] || fleet
	exits 0 "destroy default" "$regtool" destroy default --force
	exits 0 "destroy sound" "$regtool" destroy sound --force
}

# The guard: not there, its pins, its seats, its version.
guard() {
	doctor 0 "a guard that runs"
	KREG_GUARD=$pins-none "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
	finds "one that does not" "^warning guard $pins-none: no guard runs.*regtool guard start"
	exits 5 "a place that is in no bpffs" env KREG_GUARD="$folder/guard" "$regtool" doctor -q
	finds "is named" "^warning bpffs $folder/guard: $folder is not in a bpffs.*mount -t bpf"
	chmod 666 "$pins/owners"
	doctor 1 "a pin that is open to all"
	finds "is named" "^failure pins $pins: the pin $pins/owners has mode 0666;.*chmod 0600"
	chmod 600 "$pins/owners"
	chown $user "$pins/lives"
	doctor 1 "a pin of another user"
	finds "is named" "^failure pins $pins: the pin $pins/lives belongs to $user:0.*chown 0:0"
	chown 0 "$pins/lives"
	doctor 0 "the pins are in order"
	missed
	seats
	version
}

# Without the pins of its exit programs they are detached, and a life has no end.
missed() {
	exits 0 "another guard" "$regtool" guard start --path "$pins-other"
	export KREG_GUARD="$pins-other"
	run_service cache
	rm "$pins-other/exit" "$pins-other/again"
	doctor 1 "a guard without two of its programs"
	finds "says which" "^failure pins $pins-other: the pin $pins-other/exit is not there.*guard upgrade"
	finds_no "and that all lives are right" ' lives '
	end_service "$service"
	doctor 1 "a process that nobody has seen end"
	finds "leaves its life" "^failure lives $pins-other: 1 lives go on .*regtool sweep. as root"
	doctor 1 "looking does not end it"
	finds "so it is there" "^failure lives $pins-other: 1 lives go on"
	exits 0 "an upgrade" "$regtool" guard upgrade --path "$pins-other"
	exits 0 "a status, which audits" "$regtool" guard status
	doctor 5 "the life has ended"
	finds "late" "^warning late $pins-other: 1 lives have gone on after their processes"
	finds_no "and the pins are there" "^failure"
	exits 0 "destroy" "$regtool" destroy default --force
	exits 0 "stop it" "$regtool" guard stop --path "$pins-other" --force
	export KREG_GUARD="$pins"
}

# One user takes its share, and then all seats are taken.
seats() {
	exits 0 "a guard of few seats" "$regtool" guard start --path "$pins-few" --seats 8 --share 3 --reserve 0
	export KREG_GUARD="$pins-few"
	mkdir "$folder/theirs" && chmod 1777 "$folder/theirs"
	services=
	for name in a b c; do
		KREG_DIR=$folder/theirs setpriv --reuid $user --regid $user --clear-groups "$regtool" run $name -- sleep 1000 &
		services="$services $!"
		started="$started $!"
		until_ok env KREG_DIR="$folder/theirs" setpriv --reuid $user --regid $user --clear-groups "$regtool" get $name
	done
	doctor 1 "a user has its share"
	finds "which user" "^failure share $pins-few: user $user has 3 seats, its share.*EDQUOT.*--share"
	finds_no "nobody was refused" refused
	exits 4 "one more of that user" env KREG_DIR="$folder/theirs" \
		setpriv --reuid $user --regid $user --clear-groups "$regtool" run d -- true
	doctor 1 "and there was one more"
	finds "it was refused" "^warning refused $pins-few: .* 1 attaches were refused to users who had their share of 3"
	finds_no "seats are free" '^failure seats'
	for name in d e f g h; do
		run_service $name
		services="$services $service"
	done
	doctor 1 "no seat is left"
	finds "that is said" "^failure seats $pins-few: 8 of 8 seats are taken.*EUSERS.*--seats"
	exits 4 "root gets none" "$regtool" run i -- true
	doctor 1 "root was refused"
	finds "that is said, too" "^warning refused $pins-few: .* 1 attaches have found no seat free"
	for service in $services; do
		end_service "$service"
	done
	exits 0 "destroy theirs" env KREG_DIR="$folder/theirs" "$regtool" destroy $user:default --force
	exits 0 "destroy" "$regtool" destroy default --force
	exits 0 "stop it" "$regtool" guard stop --path "$pins-few" --force
	export KREG_GUARD="$pins"
}

# A control block of the next layout, as another version pins it.
version() {
	if ! command -v bpftool >/dev/null; then
		skip "a guard of another version" "bpftool is not installed"
		return
	fi
	exits 0 "a guard to become another" "$regtool" guard start --path "$pins-next"
	# 8 bytes of magic, 4 of the layout, seats and identity; the rest is 0.
	size=$(bpftool map show pinned "$pins-next/control" | sed -n 's/.*value \([0-9]*\)B.*/\1/p')
	value="0x69 0x66 0x65 0x6c 0x67 0x72 0x65 0x6b 99 0 0 0 8 0 0 0 1 0 0 0 0 0 0 0"
	left=$((size - 24))
	while [ $left -gt 0 ]; do
		value="$value 0"
		left=$((left - 1))
	done
	rm "$pins-next/control"
	exits 0 "its control block" bpftool map create "$pins-next/control" type array key 4 value "$size" entries 1 \
		name control flags 0x400
	# shellcheck disable=SC2086
	exits 0 "has another layout" bpftool map update pinned "$pins-next/control" key 0 0 0 0 value $value
	KREG_GUARD=$pins-next "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
	finds "it is of another version" "^failure guard $pins-next: the guard is of another version.*guard stop"
	rm -r "$pins-next"
}

# What is wrong with this host would be in all results.
mode=any
KREG_GUARD=none "$regtool" doctor -q >"$folder/out" 2>"$folder/err"
if grep -q . "$folder/out"; then
	skip "the doctor" "this host has a fault of its own: $(head -n 1 "$folder/out")"
	finish
fi
case $("$regtool" guard status --path "$pins-none" 2>&1) in
*"not in this build"*) regtool_has_guard=no ;;
*) regtool_has_guard=yes ;;
esac
in_both_modes
