#!/bin/sh
# SPDX-License-Identifier: MIT
# Each shell completes what regtool offers: commands, options, words of a command, keys that are registered, signals and
# files. Each case has one completion, so it says the same in each shell.
set -u

source=${TOP_SRCDIR:?the top folder of the source}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
KREG_GUARD=none
export KREG_GUARD
PATH=$(dirname "$regtool"):$PATH
export PATH
completion=$source/tools/completion

# What LINE becomes by Tab, or its last word.
by_bash() {
	# shellcheck disable=SC2016
	bash --norc -c '. "$1"; read -ra COMP_WORDS <<<"$2"; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$2
		_regtool; printf "%s\n" "${COMPREPLY[@]}"' bash "$completion/regtool.bash" "$1"
}

by_zsh() {
	zsh -f "$source/tests/support/tab.zsh" "$completion" "$1"
}

by_fish() {
	fish --no-config -c "source $completion/regtool.fish; complete -C '$1'" | cut -f1
}

# completes LINE WORD
completes() {
	exits 0 "\"$1\" becomes \"... $2\"" sh -c "printf '%s\n' \"\$0\" | sed 's/ *\$//; s/.* //' | grep -qxF -- '$2'" \
		"$("by_$mode" "$1" 2>"$folder/err")"
}

try() {
	mode=$1
	if ! command -v "$mode" >/dev/null; then
		if [ -n "${KREG_REQUIRE_BPF:-}" ]; then
			not_ok "the shell is there" "$mode is not installed"
		else
			number=$((number + 1))
			echo "ok $number - $mode # SKIP it is not installed"
		fi
		return
	fi
	completes "regtool gua" guard
	completes "regtool -r other own" owners
	completes "regtool -r defa" default
	completes "regtool help che" check
	completes "regtool ls --state sto" stopped
	completes "regtool owners --sort ent" entries
	completes "regtool up --nam" --namespace
	completes "regtool guard start --se" --seats
	completes "regtool guard upg" upgrade
	completes "regtool get unus" unusual/name
	completes "regtool get .clus" .cluster/shop
	completes "regtool ls --al" --all
	completes "regtool ps --al" --all
	completes "regtool cluster sh" shop
	completes "regtool signal unusual/name SIGWIN" SIGWINCH
	completes "regtool up $folder/a-file" "$folder/a-file.ini"
}

"$regtool" run unusual/name -- sleep 1000 &
started=$!
"$regtool" run .cluster/shop -- sleep 1000 &
started="$started $!"
: >"$folder/a-file.ini"
mode=bash
exits 0 "there is a name" until_ok "$regtool" get unusual/name
exits 0 "there is a bridge" until_ok "$regtool" get .cluster/shop
for shell in bash zsh fish; do
	try $shell
done
finish
