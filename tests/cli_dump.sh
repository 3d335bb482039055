#!/bin/sh
# SPDX-License-Identifier: MIT
# regtool dump and restore: what a dump has, what it hides, and that meta of any bytes comes back or nothing changes.
set -u

# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
# shellcheck source=tests/support/regtool.sh
. "${0%/*}/support/regtool.sh"

# lines SENTENCE EXPRESSION: of Python, about the lines of $folder/dump as d, and those of a kind as of(KIND).
lines() {
	exits 0 "$1" python3 -c 'import json, sys
d = [json.loads(line) for line in open(sys.argv[1], "rb").read().decode("utf-8").splitlines()]
def of(kind): return [each for each in d if each["kind"] == kind]
if not ('"$2"'): sys.exit("not so: " + str(d))' "$folder/dump"
}

contents() {
	run_service production/secret_name /run/secret_value
	"$regtool" meta put color blue
	exits 0 "dump" "$regtool" dump
	cp "$folder/out" "$folder/dump"
	lines "each line has its version and kind" 'all(e["version"] == 1 and e["kind"] for e in d)'
	lines "the first one says what it is" 'd[0]["kind"] == "dump" and d[0]["hashed"] is False and d[0]["kernel"]'
	lines "the last one how many there are" 'd[-1] == {"version": 1, "kind": "end", "lines": len(d) - 1}'
	lines "figures" 'of("stat")[0]["entries"] == 1 and of("stat")[0]["life"] == "'"$mode"'"'
	lines "owners with their states" '[o["state"] for o in of("owner")] == ["running"]'
	lines "an entry, its owner and size" \
		'[(e["key"], e["size"], e["token"]) for e in of("entry")] == [("production/secret_name", 17, of("owner")[0]["token"])]'
	lines "without its value" '"value" not in of("entry")[0]'
	lines "meta" '[(m["key"], m["value"], m["size"]) for m in of("meta")] == [("color", "blue", 4)]'
	exits 0 "with values" "$regtool" dump --values
	says "they are there" out '"value":"/run/secret_value"'
	exits 0 "with hashed names" "$regtool" dump --hash-names
	cp "$folder/out" "$folder/dump"
	for word in production secret sleep color blue default; do
		says_not "$word is nowhere" dump "$word"
	done
	lines "the form of names is left" 'len(of("entry")[0]["key"]) == 33 and of("entry")[0]["key"][16] == "/"'
	"$regtool" dump --hash-names >"$folder/another"
	exits 1 "each dump has a salt of its own" grep -qF "$(sed -n 's/.*"entry","key":"\([^"]*\)".*/\1/p' "$folder/dump")" \
		"$folder/another"
	exits 2 "values and hashed names exclude each other" "$regtool" dump --hash-names --values
	exits 1 "of a registry that does not exist" "$regtool" -r nowhere dump
	exits 2 "a dump with hashed names cannot be restored" "$regtool" restore "$folder/dump"
	says "it says so" err "hashed"
	kill -KILL "$service"
	wait "$service" 2>/dev/null
}

# Meta of any bytes: a NUL by a dump that is written by hand, the others by regtool.
round() {
	"$regtool" meta put "$(printf 'k\377\001"\\')" "$(printf 'v\n\376')"
	"$regtool" meta put empty ""
	"$regtool" meta put "grün" "ü"
	cat >"$folder/by_hand" <<-'LINES'
		{"version":1,"kind":"dump","hashed":false}
		{"version":1,"kind":"meta","key_base64":"YQBi","size":5,"value_base64":"AAECA/8="}
		{"version":1,"kind":"end","lines":2}
	LINES
	exits 0 "restore beside what is there" "$regtool" restore "$folder/by_hand"
	says "it says what it did" out "1 keys of meta were restored; entries belong to processes and were not"
	"$regtool" dump >"$folder/dump"
	lines "five keys, one of them with a NUL" 'len(of("meta")) == 5 and [m for m in of("meta") if m.get("key_base64") == "YQBi" and m["value_base64"] == "AAECA/8="]'
	exits 0 "into a registry that does not exist" "$regtool" -r copy restore "$folder/dump"
	"$regtool" meta list --json >"$folder/before"
	"$regtool" -r copy meta list --json >"$folder/after"
	exits 0 "all of it is there, to the byte" cmp "$folder/before" "$folder/after"
	"$regtool" -r copy dump | grep '"meta"' | sort >"$folder/after"
	grep '"meta"' "$folder/dump" | sort >"$folder/before"
	exits 0 "a dump of it is the same" cmp "$folder/before" "$folder/after"
	"$regtool" destroy copy
	exits 0 "from standard input" "$regtool" -r copy restore - <"$folder/dump"
	"$regtool" destroy copy
}

# dumped PREFIX COUNT SIZE: a dump of COUNT keys whose values have SIZE bytes.
dumped() {
	python3 -c 'import json, sys
prefix, count, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
print(json.dumps({"version": 1, "kind": "dump", "hashed": False}))
for i in range(count):
	print(json.dumps({"version": 1, "kind": "meta", "key": prefix + str(i), "size": size, "value": size * "v"}))
print(json.dumps({"version": 1, "kind": "end", "lines": count + 1}))' "$@"
}

# All keys or none, where there is no room for all of them.
whole() {
	dumped first 9 65536 >"$folder/first"
	dumped second 9 65536 >"$folder/second"
	exits 0 "meta of more than half of what is possible" "$regtool" -r full restore "$folder/first"
	"$regtool" -r full meta list --output key --no-header >"$folder/keys"
	exits 4 "as much again does not fit" "$regtool" -r full restore "$folder/second"
	says "it says that nothing was changed" err "of which nothing was changed: "
	exits 0 "no key of it was put" sh -c '"$1" -r full meta list --output key --no-header | cmp - "$2"' sh "$regtool" "$folder/keys"
	exits 0 "the same keys again do fit" "$regtool" -r full restore "$folder/first"
	"$regtool" destroy full
}

# refused SENTENCE LINE CAUSE: the dump in $folder/bad is refused there, and nothing has changed.
refused() {
	exits 2 "$1" "$regtool" -r bad restore "$folder/bad"
	says "its line and cause are named" err "$folder/bad:$2: $3"
	exits 1 "no registry was created" "$regtool" -r bad stat
}

bad() {
	head='{"version":1,"kind":"dump","hashed":false}'
	good='{"version":1,"kind":"meta","key":"a","size":1,"value":"b"}'
	printf '%s\n' "$head" "$good" >"$folder/bad"
	refused "a dump that was cut" 3 "the end is missing"
	printf '%s\n' "$head" "$good" '{"version":1,"kind":"end","lines":3}' >"$folder/bad"
	refused "one that lacks a line" 3 "lines are missing"
	printf '%s\n' "$head" "$good" 'no JSON' >"$folder/bad"
	refused "no JSON" 3 "not an object"
	printf '%s\n' "$good" >"$folder/bad"
	refused "another beginning" 1 "a dump begins"
	printf '%s\n' "$head" '{"version":2,"kind":"meta"}' >"$folder/bad"
	refused "another version" 2 "not of version 1"
	printf '%s\n' "$head" '{"version":1,"kind":"meta","key":"","size":1,"value":"b"}' >"$folder/bad"
	refused "no key" 2 "a key of 0 bytes"
	printf '%s\n' "$head" '{"version":1,"kind":"meta","key":"a","size":2,"value":"b"}' >"$folder/bad"
	refused "another size" 2 '"size" is 2'
	printf '%s\n' "$head" '{"version":1,"kind":"meta","key":"a","size":1,"value_base64":"Y*=="}' >"$folder/bad"
	refused "no base64" 2 '"value_base64" is not base64'
	printf '%s\n' "$head" "$good" "$good" >"$folder/bad"
	refused "a key twice" 3 "a key that an earlier line"
	printf '%s\n' "$head" "$good" '{"version":1,"kind":"end","lines":2}' "$good" >"$folder/bad"
	refused "something behind the end" 4 "it comes after the end"
	printf '%s\n\0\n' "$head" >"$folder/bad"
	refused "a byte that is 0" 2 "a byte that is 0"
	{ echo "$head"; head -c 1100000 /dev/zero | tr '\0' x; } >"$folder/bad"
	refused "a line without an end" 2 "longer than"
	: >"$folder/bad"
	refused "an empty file" 1 "the end is missing"
	exits 4 "no file" "$regtool" -r bad restore "$folder/nothing"
	exits 2 "no argument" "$regtool" restore
}

# shellcheck disable=SC2317 # in_both_modes
try_all() {
	ok "$1"
	"$regtool" create default
	contents
	round
	whole
	bad
	"$regtool" destroy default --force
}

if ! command -v python3 >/dev/null; then
	mode=any
	echo "ok 1 - any # SKIP python3 is not installed"
	number=1
	finish
fi
in_both_modes
