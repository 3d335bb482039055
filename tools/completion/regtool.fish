# SPDX-License-Identifier: MIT
# Completion of regtool(8) for fish. What there is to complete comes from `regtool --help` and, for a command, from its
# own --help: its usage line and a line for each option.

# The words before the cursor, without options and without the registry.
function __regtool_words
    set -l words (commandline -opc)
    set -e words[1]
    set -l skip 0
    for word in $words
        if test $skip = 1
            set skip 0
        else if contains -- $word -r --registry
            set skip 1
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end

function __regtool_command
    set -l words (__regtool_words)
    test (count $words) -gt 0; and echo $words[1]
end

# -r NAME, if the line has it.
function __regtool_registry
    set -l words (commandline -opc)
    for i in (seq (count $words))
        if contains -- $words[$i] -r --registry; and test $i -lt (count $words)
            printf '%s\n' -r $words[(math $i + 1)]
        end
    end
end

function __regtool_commands
    regtool --help 2>/dev/null | sed -n 's/^  \([a-z][a-z-]*\)  *\(.*\)/\1\t\2/p'
end

function __regtool_options
    regtool (__regtool_command) --help 2>/dev/null | sed -n 's/^  \(--[a-z-]*\) \(\([A-Z]*\) \)\{0,1\} *\(.*\)/\1\t\4/p'
    printf '%s\t%s\n' --help 'show help'
end

# What may stand for an argument of that name in a usage.
function __regtool_values
    set -l registry (__regtool_registry)
    switch $argv[1]
        case KEY PREFIX
            regtool $registry ls --all -o key --no-header 2>/dev/null | string match -r '^[A-Za-z0-9._:/@-]*$'
        case CLUSTER
            regtool $registry ls .cluster/ -o key --no-header 2>/dev/null | string match -rg '^\.cluster/([A-Za-z0-9._-]+) *$'
        case PID
            regtool $registry owners -o pid --no-header 2>/dev/null | string trim
        case VERB
            __regtool_commands
        case STATE
            printf '%s\n' running stopped dumping zombie forged unknown
        case COLUMN COLUMNS
            regtool (__regtool_command) --help 2>/dev/null | string match -rg '^  [+ ] ([a-z_]+) '
        case SIGNAL
            # "kill -l" of fish itself prints them in a line.
            printf 'SIG%s\n' (kill -l | string split -n ' ')
        case GROUP
            __fish_complete_groups
        case FILE
            __fish_complete_path (commandline -ct)
        case FOLDER
            __fish_complete_directories (commandline -ct)
    end
end

# The option before the cursor and its argument's name, or the names outside of the brackets of options.
function __regtool_arguments
    set -l command (__regtool_command)
    set -l before (commandline -opc)[-1]
    set -l help (regtool $command --help 2>/dev/null)
    set -l name (string match -rg -- "^  $before ([A-Z]+) " $help)[1]
    if test -n "$name"
        __regtool_values $name
        return
    end
    set -l usage (string match -rg '^usage: regtool [a-z-]+ (.*)' $help)[1]
    for name in (string replace -ra '\[--[^]\[]*\]' '' -- $usage | string replace -ra '[\[\]|.]' ' ' | string split -n ' ')
        if string match -qr '^[a-z]' -- $name
            echo $name
        else if test "$command $name" != 'run KEY'
            __regtool_values $name
        end
    end
end

complete -c regtool -f
complete -c regtool -n 'test -z (__regtool_command)' -a '(__regtool_commands)'
complete -c regtool -n 'test -z (__regtool_command)' -s r -l registry -x -a '(regtool registries -o name --no-header 2>/dev/null)' -d 'the registry'
complete -c regtool -n 'test -z (__regtool_command)' -l json -d 'print JSON'
complete -c regtool -n 'test -z (__regtool_command)' -s h -l help -d 'show help'
complete -c regtool -n 'test -z (__regtool_command)' -s V -l version -d 'show the version'
complete -c regtool -n 'test -n (__regtool_command)' -a '(__regtool_arguments)'
complete -c regtool -n 'test -n (__regtool_command); and string match -q -- "-*" (commandline -ct)' -a '(__regtool_options)'
