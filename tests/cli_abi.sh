#!/bin/sh
# SPDX-License-Identifier: MIT
# The libraries are what programs were linked with (build-aux/check-abi); and the check sees what would break these, and
# lets pass what is new.
set -u

source=${TOP_SRCDIR:?the top folder of the source}
build=${TOP_BUILDDIR:?the folder of the build}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
mode=abi

# with SENTENCE STATUS SED: the check's status if the last release had been as SED makes it of this one.
with() {
	mkdir -p "$folder/abi"
	for library in libkreg libkreg-services; do
		sed "$3" "$source/build-aux/abi/$library.abi" >"$folder/abi/$library.abi"
	done
	exits "$2" "$1" env KREG_ABI="$folder/abi" "$source/build-aux/check-abi" "$build"
}

"$source/build-aux/check-abi" "$build" >"$folder/said" 2>&1
case $? in
77)
	if [ -n "${KREG_REQUIRE_BPF:-}" ] && ! command -v abidiff >/dev/null; then
		not_ok "the libraries are as in the last release" "abigail-tools is not installed"
	else
		ok "the libraries are as in the last release # SKIP $(sed 's/.*skipped: //' "$folder/said")"
	fi
	finish
	;;
0) ok "the libraries are as in the last release" ;;
*)
	cp "$folder/said" "$folder/err"
	not_ok "the libraries are as in the last release" "they are not:"
	;;
esac
with "a call that has gone is seen" 1 \
	"s/kreg_count\([^_]\)/kreg_old_count\1/g"
with "so is a struct of another size" 1 \
	"s/name='kreg_key' size-in-bits='128'/name='kreg_key' size-in-bits='192'/"
with "so is a field that was elsewhere" 1 \
	"/name='kreg_entry'/,/class-decl>/ { s/'256'/'320'/; }"
with "so is an argument of another type" 1 \
	"/<function-decl name='kreg_signal'/,/function-decl>/ { /name='signal'/ s/type-id='[0-9a-f]*'/type-id='9c313c2d'/; }"
with "a call that is new passes" 0 \
	"/<elf-symbol name='kreg_count'/ d; /<function-decl name='kreg_count'/,/function-decl>/ d"
with "so does a field at the end of a struct that begins with its size" 0 \
	"/name='kreg_options'/ s/'768'/'704'/; /layout-offset-in-bits='704'/ { N; /owner_bytes/ { N; d; }; }"
finish
