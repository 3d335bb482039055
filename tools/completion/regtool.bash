# SPDX-License-Identifier: MIT
# Completion of regtool(8) for bash.

_regtool_keys()
{
	regtool "$@" ls --json 2>/dev/null | sed -n 's/^  {"key": "\([A-Za-z0-9._:\/@-]*\)".*/\1/p'
}

_regtool_pids()
{
	regtool "$@" owners --json 2>/dev/null | grep -o '"pid": [0-9]*' | cut -d' ' -f2
}

_regtool()
{
	local commands="ls get lookup keys select count watch wait run signal meta ps up down owners stat check create
		destroy sweep guard"
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command="" words="" i
	local registry=()

	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-r | --registry)
			registry=(-r "${COMP_WORDS[i + 1]}")
			((i++))
			;;
		--)
			_command_offset "$((i + 1))" 2>/dev/null
			return
			;;
		-*) ;;
		*)
			[[ $command ]] || command=${COMP_WORDS[i]}
			;;
		esac
	done

	case $before in
	-r | --registry | --value | --mode | --max-bytes | --owner-bytes | --slots | --seats | --partitions) return ;;
	--prefix | --glob | --namespace | --count | --timeout | --ready-fd | --watchdog) return ;;
	--keys) words="unique duplicate duplicate-by-key" ;;
	--key) words="$(_regtool_keys "${registry[@]}")" ;;
	--pid) words="$(_regtool_pids "${registry[@]}")" ;;
	--group) mapfile -t COMPREPLY < <(compgen -g -- "$word") && return ;;
	--path) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
	esac

	if [[ ! $words ]]; then
		case $command in
		"") words="$commands --registry --json --help --version" ;;
		ls | get | lookup) words="$(_regtool_keys "${registry[@]}") --json --registry --help" ;;
		keys) words="$(_regtool_pids "${registry[@]}") --json --registry --help" ;;
		select | count) words="--key --prefix --glob --pid --value --json --registry --help" ;;
		watch) words="--key --prefix --glob --known --count --json --registry --help" ;;
		wait) words="$(_regtool_keys "${registry[@]}") --gone --timeout --registry --help" ;;
		run) words="--value --ready-fd --notify --watchdog --registry --help --" ;;
		signal)
			words="$(_regtool_keys "${registry[@]}") $(compgen -A signal | grep '^SIG')"
			words+=" --registry --help"
			;;
		meta) words="list get put delete --json --registry --help" ;;
		up) words="$(compgen -f -- "$word") --namespace --keep --no-cgroups --registry --help" ;;
		down) words="--namespace --timeout --registry --help" ;;
		ps) words="--namespace --json --registry --help" ;;
		owners | stat | check | sweep) words="--json --registry --help" ;;
		create) words="--keys --partitions --mode --group --max-bytes --owner-bytes --slots --seats --help" ;;
		destroy) words="--force --help" ;;
		guard) words="start upgrade stop status --seats --share --reserve --group --path --force --json --help" ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _regtool regtool
