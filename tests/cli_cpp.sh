#!/bin/sh
# SPDX-License-Identifier: MIT
# kreg.hpp: tests/cpp/test_cpp.cc compiles without a warning by g++ and clang++ as C++17 and C++20, and passes in both
# modes.
set -u

library=${LIBKREG:?the built library}
source=${TOP_SRCDIR:?the top folder of the source}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
LD_LIBRARY_PATH=${library%/*}
REGTOOL=$regtool
SERVICES=$folder/services.ini
export LD_LIBRARY_PATH REGTOOL SERVICES
printf '[Service role]\nExecStart=sleep 1000\n' >"$SERVICES"

try_all() {
	for program in "$folder"/test_*; do
		[ ! -x "$program" ] || passes "${program##*/test_}" "$program"
	done
}

# passes NAME PROGRAM: what failed in it is in err.
passes() {
	exits 0 "$1 passes" sh -c '"$1" >"$2"; status=$?; grep -v "^ok" "$2" >&2; exit $status' sh "$2" "$folder/tap"
}

# runs COMPILER: its programs do, also with a library that has the sanitizers of the C compiler, $CC: these have a runtime for
# each kind of compiler.
runs() {
	! is_sanitized && return
	case "$1 ${CC:-cc}" in
	clang++\ *clang*) true ;;
	clang++\ * | g++\ *clang*) false ;;
	esac
}

# try_compiler COMPILER
try_compiler() {
	mode=$1
	if ! command -v "$1" >/dev/null; then
		skip "kreg.hpp" "$1 is not installed"
		return
	fi
	made=test
	runs "$1" || made=other
	for standard in 17 20; do
		# shellcheck disable=SC2086 # flags
		exits 0 "it compiles as C++$standard without a warning" "$1" -std=c++$standard -O1 -Wall -Wextra \
			-Wpedantic -Werror ${SANITIZERS:-} -I "$source/lib" -o "$folder/${made}_$1_$standard" \
			"$source/tests/cpp/test_cpp.cc" -L "${library%/*}" -lkreg
	done
	printf '%s\n' '#include <kreg.hpp>' \
		'void f(kreg::registry &k) { k.each([](const kreg::entry &) { return 0; }); }' >"$folder/int.cc"
	exits 1 "a visitor that returns an int does not compile" "$1" -std=c++17 -fsyntax-only -I "$source/lib" \
		"$folder/int.cc"
	cp "$folder/err" "$folder/said"
	exits 0 "and the compiler says what it returns" grep -q 'a visitor returns nothing, or bool' "$folder/said"
	exits 1 "it does not compile as C++14" "$1" -std=c++14 -fsyntax-only -I "$source/lib" \
		"$source/tests/cpp/test_cpp.cc"
	cp "$folder/err" "$folder/said"
	exits 0 "and says why" grep -q 'needs C++17' "$folder/said"
}

try_compiler g++
try_compiler clang++
in_both_modes
