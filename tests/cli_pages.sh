#!/bin/sh
# SPDX-License-Identifier: MIT
# README.md, doc/*.md and the man pages, as their readers try them: programs are compiled without a warning and run,
# fragments of C are compiled inside of a function, declarations are those of the headers, and what a command prints is
# what the page shows. A block that is not run says why (pages/blocks.awk); one that is neither fails.
#
# Each page is one session, in a folder and with registries of its own; once in the fallback, without the commands of root,
# and once under a guard, with them. A reader types more slowly than this script, so a command that only looks is repeated
# until it shows what the page does.
#
# PAGES="README.md doc/tutorial.md" tries these alone.
set -u

compiler=${CC:?the C compiler}
library=${LIBKREG:?the built library}
examples=${EXAMPLES:?the folder of the built examples}
source=${TOP_SRCDIR:?the top folder of the source}
build=${TOP_BUILDDIR:?the top folder of the build}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
tools=$source/tests/pages
blocks=$folder/blocks
warnings="-Wall -Wextra -Werror"
mode=pages
# A reader's programs print what they do without these.
unset CK_VERBOSITY CK_TAP_LOG_FILE_NAME CK_FORK
tab=$(printf '\t')
compiled=0
repeated=0
programs=0
marked=0

# What the programs that are named in sessions do there: they stay.
stand_in() {
	printf '#!/bin/sh\nexec sleep 1000\n' >"$folder/bin/$1"
	chmod +x "$folder/bin/$1"
}

# The reader's tools, all of this build.
set_up_tools() {
	mkdir "$folder/bin" "$folder/pkgconfig" "$blocks"
	printf '#!/bin/sh\nexec %s %s "$@"\n' "$compiler" "$warnings" >"$folder/bin/cc"
	chmod +x "$folder/bin/cc"
	if is_sanitized && command -v g++ >/dev/null; then
		printf '#!/bin/sh\nexec %s %s "$@"\n' "$(command -v g++)" "${SANITIZERS:?the flags of a sanitizer}" \
			>"$folder/bin/g++"
		chmod +x "$folder/bin/g++"
	fi
	for name in kreg kreg-services; do
		sed "s|^libdir=.*|libdir=${library%/*}|; s|^includedir=.*|includedir=$source/lib|" \
			"$build/lib/$name.pc" >"$folder/pkgconfig/$name.pc"
	done
	stand_in memcached
	PATH=$folder/bin:${regtool%/*}:$PATH
	PKG_CONFIG_PATH=$folder/pkgconfig
	LD_LIBRARY_PATH=${library%/*}
	export PATH PKG_CONFIG_PATH LD_LIBRARY_PATH
}

extract() {
	: >"$blocks/list"
	for page in ${PAGES:-README.md doc/*.md doc/man/*.[0-9]}; do
		awk -v out="$blocks" -v first="$(($(wc -l <"$blocks/list") + 1))" -v name="$page" \
			-f "$tools/blocks.awk" "$page"
	done
}

# Each line of a declaration is in a header, with any spaces; "..." is what is left out.
is_declared() {
	awk -f "$tools/declared.awk" "$1" lib/*.h lib/kreg/*.h >"$folder/err"
}

# All blocks but the sessions.
sort_blocks() {
	printf '#include "%s/context.h"\n' "$tools" >"$folder/fragments.c"
	while IFS=$tab read -r id page line kind file reason; do
		block=$blocks/$id
		if [ "$reason" != - ]; then
			marked=$((marked + 1))
			continue
		fi
		case $kind in
		c)
			if grep -q '^int main(' "$block"; then
				programs=$((programs + 1))
			else
				compiled=$((compiled + 1))
				awk -v number="$id" -v page="$page" -v line="$line" -f "$tools/fragment.awk" "$block" \
					>>"$folder/fragments.c"
			fi
			;;
		synopsis)
			repeated=$((repeated + 1))
			is_declared "$block" || not_ok "$page:$line: the declarations are the header's" "these are not:"
			;;
		console | ini) ;;
		*)
			[ "$file" != - ] ||
				not_ok "$page:$line: a block is run, or says why it is not" "a block of \"$kind\" without a reason"
			;;
		esac
	done <"$blocks/list"
	# shellcheck disable=SC2086 # flags
	exits 0 "$compiled fragments of C compile without a warning" \
		$compiler $warnings -Wno-unused -D_GNU_SOURCE -pthread -fsyntax-only -I "$source/lib" "$folder/fragments.c"
	ok "$repeated declarations are looked at"
}

# Only looks, so it may be repeated.
looks() {
	case $1 in
	"cat "* | "regtool ls"* | "regtool get"* | "regtool ps"* | "regtool lookup"* | "regtool owners"* | "regtool count"*) ;;
	*) return 1 ;;
	esac
}

# One command of a session, in this shell; $last is the status of the one before it.
step() {
	command=$(cat "$1")
	wanted=${1%.*}.wanted
	left=500
	: >"$session.step"
	while :; do
		(exit $last)
		eval "$command" >>"$session" 2>&1 </dev/null
		last=$?
		while :; do
			tail -c "+$((seen + 1))" "$session" >"$session.step"
			awk -f "$tools/match.awk" "$wanted" "$session.step"
			case $? in
			0) break 2 ;;
			1) ;;
			*) exit 99 ;;
			esac
			[ $left -gt 0 ] || break 2
			left=$((left - 1))
			sleep 0.02
			if looks "$command"; then
				seen=$(wc -c <"$session")
				break
			fi
		done
	done
	if [ $left -gt 0 ]; then
		ok "$page: $command"
	else
		cp "$session.step" "$folder/err"
		not_ok "$page: $command" "the page shows other output; this was seen:"
	fi
	seen=$(wc -c <"$session")
}

run_session() {
	mkdir "$folder/steps"
	ran=0
	awk -v out="$folder/steps" -f "$tools/steps.awk" "$block" ||
		not_ok "$page:$line: a session begins with a command" "it does not"
	for file in "$folder/steps"/*; do
		case $mode-$file in
		*.command | guard-*.root)
			step "$file"
			ran=$((ran + 1))
			;;
		*.root) root=$((root + 1)) ;;
		esac
	done
	commands=$((commands + ran))
	[ $ran -gt 0 ] || not_ok "$page:$line: a session is run, or says why it is not" \
		"all of its commands are root's"
	rm -r "$folder/steps"
}

# A program that has no name in the text needs no arguments, and succeeds.
run_program() {
	cp "$block" program.c
	# shellcheck disable=SC2046 # flags
	exits 0 "$page:$line: the program compiles" \
		cc -o program program.c $(pkg-config --cflags --libs kreg-services kreg)
	exits 0 "$page:$line: the program runs" ./program </dev/null
}

# A file of services comes up, and goes down.
run_services() {
	cp "$block" block.ini
	regtool up block.ini --namespace block >"$folder/err" 2>&1 </dev/null &
	if until_ok grep -qx "block is up" "$folder/err" && regtool down --namespace block >>"$folder/err" 2>&1; then
		ok "$page:$line: the services come up, and go down"
	else
		not_ok "$page:$line: the services come up, and go down" "they do not:"
	fi
}

# Is $1 a word of a session of the page?
is_used() {
	awk -F "$tab" -v page="$page" '$2 == page && $4 == "console" && $6 == "-" { print $1 }' "$blocks/list" |
		while read -r session_id; do
			cat "$blocks/$session_id"
		done | grep -qF -- "$1"
}

# What is not a session: for a session of the page, or run alone.
save() {
	case $kind-$file in
	c--) ! grep -q '^int main(' "$block" || run_program ;;
	ini--) run_services ;;
	*--) ;;
	*)
		cp "$block" "$file"
		is_used "$file" || not_ok "$page:$line: $file is used" "no command of the page names it"
		;;
	esac
}

# The blocks of $page in their order, in a shell of their own.
try_page() {
	KREG_DIR=$folder/registries-$1
	export KREG_DIR
	mkdir "$KREG_DIR" "$folder/work-$1"
	cd "$folder/work-$1" || exit 99
	for file in config_server event_store telemetry services; do
		ln -s "$examples/services/$file" .
	done
	cp "$source/examples/services/services.ini" "$source/examples/services/services.conf" .
	session=$folder/session
	: >"$session"
	seen=0
	last=0
	while IFS=$tab read -r id where line kind file reason; do
		[ "$where-$reason" = "$page--" ] || continue
		block=$blocks/$id
		case $kind in
		console) run_session ;;
		synopsis) ;;
		*) save ;;
		esac
	done <"$blocks/list"
}

# The client of README.md, in the page's folder, beside a value that its buffer has no room for.
try_readme() {
	"$regtool" run config_server --value "$(head -c 60000 /dev/zero | tr '\0' A)" -- sleep 1000 &
	until_ok "$regtool" get config_server
	exits 1 "README.md: the value does not fit the client's buffer" ./client
	cp "$folder/err" "$folder/said"
	cp "$folder/out" "$folder/out.client"
	exits 0 "README.md: the client says so" grep -q "^config_server: the buffer is too small" "$folder/said"
	exits 1 "README.md: and prints nothing else" grep -q . "$folder/out.client"
}

# All pages, as with $mode.
try_all() {
	commands=0
	root=0
	pages=0
	for page in $(cut -f 2 "$blocks/list" | uniq); do
		pages=$((pages + 1))
		(
			try_page $mode-$pages
			[ "$page" != README.md ] || try_readme
			echo "number=$number status=$status commands=$commands root=$root" >"$folder/state"
		)
		# shellcheck source=/dev/null # written above
		. "$folder/state"
		end_started
	done
	echo "# $mode: $pages pages, $(wc -l <"$blocks/list") blocks; run: $compiled fragments and $programs programs of C," \
		"$repeated declarations, $commands commands; not run: $root commands of root, $marked blocks that say why"
}

cd "$source" || exit 99
set_up_tools
extract
sort_blocks
for picture in lookups after_kill; do
	awk -f "build-aux/draw-$(echo $picture | tr _ -)" doc/performance.md >"$folder/$picture.svg"
	exits 0 "doc/$picture.svg is what doc/performance.md says; else: make pictures" \
		cmp "$folder/$picture.svg" "doc/$picture.svg"
done
in_both_modes
