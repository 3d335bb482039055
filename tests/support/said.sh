# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034,SC2154 # for the scripts that read it, behind cli.sh
# What programs print that run in the background.

# says SENTENCE FILE LINE: now, or soon.
says() {
	if until_ok grep -qxF -- "$3" "$folder/$2"; then
		ok "$1"
	else
		not_ok "$1" "not said: $3; but: $(cat "$folder/$2")"
	fi
}

# begin FILE COMMAND...: in the background, as $pid; what it prints goes to FILE.
begin() {
	file=$folder/$1
	shift
	"$@" >"$file" 2>&1 3>&- &
	pid=$!
	started="$started $pid"
}
