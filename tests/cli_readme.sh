#!/bin/sh
# SPDX-License-Identifier: MIT
# The first program of the README, as a reader would copy it: it compiles without a warning against the header and the
# library, is refused a name that is held, and prints no byte of a value that does not fit.
set -u

compiler=${CC:?the C compiler}
library=${LIBKREG:?the built library}
source=${TOP_SRCDIR:?the top folder of the source}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
LD_LIBRARY_PATH=${library%/*}
export LD_LIBRARY_PATH

# shellcheck disable=SC2317 # until_ok calls it
is_held() {
	"$regtool" get config_server
}

# shellcheck disable=SC2317
is_gone() {
	! "$regtool" get config_server
}

# hold VALUE: as another process.
hold() {
	"$regtool" run config_server --value "$1" -- sleep 1000 &
	service=$!
	started="$started $service"
	until_ok is_held
	pid=$("$regtool" get config_server --json | sed 's/.*"pid": *\([0-9]*\).*/\1/')
}

let_go() {
	"$regtool" signal config_server TERM
	wait "$service" 2>/dev/null
	until_ok is_gone
}

try_all() {
	exits 0 "alone, it registers the name and finds itself" "$folder/server"
	cp "$folder/out" "$folder/own"
	exits 0 "and prints its value" grep -qE '^pid [0-9]+ at /run/config.sock$' "$folder/own"
	hold /run/other.sock
	exits 0 "the name is held" "$folder/server"
	cp "$folder/out" "$folder/held"
	exits 0 "it finds the holder" grep -qx "pid $pid at /run/other.sock" "$folder/held"
	let_go
	hold "$(head -c 60000 /dev/zero | tr '\0' A)"
	exits 0 "the value is larger than its buffer" "$folder/server"
	cp "$folder/out" "$folder/large"
	cp "$folder/err" "$folder/said"
	exits 1 "it prints nothing" grep -q . "$folder/large"
	exits 0 "and says so" grep -q '^kreg_lookup_string: the buffer is too small' "$folder/said"
	let_go
}

awk '/^```c$/ { on = 1; next } /^```/ { on = 0 } on' "$source/README.md" >"$folder/server.c"
mode=compiler
# shellcheck disable=SC2086 # the compiler may come with flags
exits 0 "the program compiles without a warning" $compiler -Wall -Wextra -Werror -I "$source/lib" \
	-o "$folder/server" "$folder/server.c" -L "${library%/*}" -lkreg
in_both_modes
