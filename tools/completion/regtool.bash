# SPDX-License-Identifier: MIT
# Completion of regtool(8) for bash. What there is to complete comes from `regtool --help` and, for a command, from its
# usage line: an option with the name of its argument behind it, words in lower case, and names in capitals of what exists.

_regtool_commands()
{
	regtool --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\) .*/\1/p'
}

# The usage of COMMAND on one line.
_regtool_usage()
{
	regtool "$1" --help 2>/dev/null | sed -n 's/^usage: regtool [a-z-]* *//; /^$/q; p' | tr '\n' ' '
}

# What may stand for an argument: _regtool_values NAME WORD REGISTRY...
_regtool_values()
{
	local name=$1 word=$2
	shift 2
	case $name in
	KEY | PREFIX) regtool "$@" ls --all -o key --no-header 2>/dev/null | grep -x '[A-Za-z0-9._:/@-]*' ;;
	CLUSTER) regtool "$@" ls .cluster/ -o key --no-header 2>/dev/null | sed -n 's,^\.cluster/\([A-Za-z0-9._-]*\) *$,\1,p' ;;
	PID) regtool "$@" owners -o pid --no-header 2>/dev/null ;;
	VERB) _regtool_commands ;;
	STATE) echo running stopped dumping zombie forged unknown ;;
	COLUMN*) regtool "$command" --help 2>/dev/null | sed -n 's/^  [+ ] \([a-z_]*\) .*/\1/p' ;;
	SIGNAL) compgen -A signal | grep '^SIG' ;;
	GROUP) compgen -g -- "$word" ;;
	FILE) compgen -f -- "$word" ;;
	FOLDER) compgen -d -- "$word" ;;
	*[a-z]*) echo "${name//|/ }" ;;
	esac
}

# All that a usage offers for an argument that is not an option's: _regtool_arguments USAGE
_regtool_arguments()
{
	local usage=$1
	local -a names
	# Options and their arguments are in brackets, which are removed from the inside out.
	while [[ $usage =~ \[--[^][]*\] ]]; do
		usage=${usage/"${BASH_REMATCH[0]}"/}
	done
	read -ra names <<<"$(tr '[]|' '   ' <<<"$usage")"
	# Where a word comes first, the rest depends on it.
	if [[ " ${names[*]}" == *" "[a-z]* ]]; then
		printf '%s\n' "${names[@]}" | grep '^[a-z]'
	else
		printf '%s\n' "${names[@]}"
	fi
}

_regtool()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command="" usage words="" name i
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

	if [[ $before == -r || $before == --registry ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$(regtool registries -o name --no-header 2>/dev/null)" -- "$word")
		return
	fi
	if [[ ! $command ]]; then
		words="$(_regtool_commands) --registry --json --help --version"
	else
		usage=$(_regtool_usage "$command")
		if [[ $before == --?* && $usage =~ (^|[^a-z-])"$before "([^]\ |-][^]\ ]*) ]]; then
			words=$(_regtool_values "${BASH_REMATCH[2]}" "$word" "${registry[@]}")
			mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
			return
		fi
		for name in $(_regtool_arguments "$usage"); do
			case $name in
			[a-z]* | --) words+=" $name" ;;
			# A key that is held is of no use to it.
			KEY) [[ $command == run ]] || words+=" $(_regtool_values KEY "$word" "${registry[@]}")" ;;
			*) words+=" $(_regtool_values "$name" "$word" "${registry[@]}")" ;;
			esac
		done
		words+=" $(grep -oE -- '--[a-z][a-z-]*' <<<"$usage" | tr '\n' ' ') --registry --help"
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}

complete -F _regtool regtool
