# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # for the scripts that read it, behind cli.sh
# What the tests of regtool's commands share: services that it runs, processes that hold something, and what a command has printed.

# says SENTENCE FILE TEXT: out or err, say; TEXT is a part of a line.
says() {
	if grep -qF -- "$3" "$folder/$2"; then
		ok "$1"
	else
		not_ok "$1" "not printed: $3; but: $(head -c 2000 "$folder/$2")"
	fi
}

says_not() {
	if grep -qF -- "$3" "$folder/$2"; then
		not_ok "$1" "printed: $3"
	else
		ok "$1"
	fi
}

# run_service KEY [VALUE]: its `regtool run` is $service.
run_service() {
	"$regtool" run "$1" ${2+--value "$2"} -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok "$regtool" get "$1" || not_ok "run $1" "the name was never registered"
}

# hold REGISTRY ARGUMENTS: a process of tests/support/holder.c, $held.
hold() {
	: >"$folder/ready"
	"$(dirname "$regtool")/tests/holder" "$@" >>"$folder/ready" 2>&1 &
	held=$!
	started="$started $held"
	until_ok grep -q ready "$folder/ready" || not_ok "a process for $*" "it never was ready"
}

# end_service PID: of that, or of a process of hold().
end_service() {
	kill -KILL "$1"
	wait "$1" 2>/dev/null
}
