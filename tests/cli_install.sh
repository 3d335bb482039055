#!/bin/sh
# SPDX-License-Identifier: MIT
# What `make install` leaves is enough for those who build with kreg: by pkg-config, CMake and meson, shared and static,
# in C and C++; every call has its man page; `make uninstall` removes all of it.
set -u

compiler=${CC:?the C compiler}
build=${TOP_BUILDDIR:?the folder of the build}
source=${TOP_SRCDIR:?the top folder of the source}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
KREG_GUARD=none
export KREG_GUARD
root=$folder/root
work=$folder/work

# Without the flags of the make that runs this test, which has other targets and its own jobs.
make_alone() {
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$build" "$@" DESTDIR="$root"
}

has() {
	command -v "$1" >/dev/null
}

# skip SENTENCE TOOL: one that bootstrap installs must be there where nothing may be skipped.
skip() {
	if [ -n "${KREG_REQUIRE_BPF:-}" ]; then
		not_ok "$1" "$2 is not installed"
	else
		number=$((number + 1))
		echo "ok $number - $mode: $1 # SKIP $2 is not installed"
	fi
}

# The programs of a consumer in FOLDER do what they should.
run_all() {
	for program in client server client_static server_static client_cpp; do
		[ ! -x "$1/$program" ] || exits 0 "$program runs" "$1/$program"
	done
}

# build NAME SOURCE FLAGS...: one program with the compiler.
build() {
	name=$1
	file=$2
	shift 2
	# shellcheck disable=SC2086 # the compiler may come with flags
	exits 0 "$name compiles without a warning" $compiler -Wall -Wextra -Wpedantic -Werror \
		-o "$work/$name" "$source/tests/install/$file" "$@"
}

try_pkg_config() {
	mode=pkg-config
	# shellcheck disable=SC2046
	build client client.c $(pkg-config --cflags --libs kreg)
	# shellcheck disable=SC2046
	build server server.c $(pkg-config --cflags --libs kreg-services)
	if [ -e "$libraries/libkreg.a" ]; then
		# shellcheck disable=SC2046
		build client_static client.c -static $(pkg-config --static --cflags --libs kreg)
		# shellcheck disable=SC2046
		build server_static server.c -static $(pkg-config --static --cflags --libs kreg-services)
		exits 1 "no name of the inside is global in the static libraries" sh -c \
			"nm -g --defined-only $libraries/*.a 2>/dev/null | grep -E '^[0-9a-f]+ ' | grep -v ' kreg_'"
	fi
	run_all "$work"
}

try_cmake() {
	mode=CMake
	with_static=OFF
	# In a program of C++ the C++ library is in front of a sanitizer's runtime, unless it has the sanitizer, too.
	CXXFLAGS=${SANITIZERS:-}
	export CXXFLAGS
	[ ! -e "$libraries/libkreg.a" ] || with_static=ON
	exits 0 "it finds the package" cmake -S "$source/tests/install" -B "$work/cmake" \
		-DCMAKE_PREFIX_PATH="$root$prefix" -DWITH_STATIC=$with_static
	exits 0 "it builds" cmake --build "$work/cmake"
	run_all "$work/cmake"
	exits 1 "another major version is not taken" sh -c \
		"sed 's/kreg 1.0/kreg 2.0/' $source/tests/install/CMakeLists.txt >$work/CMakeLists.txt &&
		cp $source/tests/install/*.c $work && cmake -S $work -B $work/cmake2 -DCMAKE_PREFIX_PATH=$root$prefix"
}

try_meson() {
	mode=meson
	exits 0 "it finds the packages" meson setup "$work/meson" "$source/tests/install"
	exits 0 "it builds" meson compile -C "$work/meson"
	run_all "$work/meson"
}

# try_headers COMPILER
try_headers() {
	mode=$1
	for header in kreg kreg-services; do
		echo "#include <$header.h>" >"$work/$header.cc"
		for standard in 17 20; do
			exits 0 "$header.h is C++$standard without a warning" "$1" -std=c++$standard -Wall -Wextra -Wpedantic \
				-Werror -fsyntax-only -I"$root$prefix/include" "$work/$header.cc"
		done
	done
	for standard in 11 14 17 20; do
		exits 0 "so are their macros in C++$standard" "$1" -std=c++$standard -Wall -Wextra -Wpedantic -Werror \
			-fsyntax-only -I"$root$prefix/include" "$source/tests/install/macros.cc"
	done
}

without_page() {
	for name in $(sed -n 's/^[ 	]*\(kreg_[a-z0-9_]*\);.*/\1/p' "$source"/lib/*.map | grep -v '^kreg_inner_'); do
		[ -e "$root$prefix/share/man/man3/$name.3" ] || echo "$name"
	done | grep .
}

# Links in the pages of FOLDER that lead to no file.
broken_links() {
	find "$1" -name '*.md' | while read -r page; do
		grep -o '](\([^):]*\))' "$page" | sed 's/^](//; s/)$//; s/#.*//' | while read -r link; do
			[ -z "$link" ] || [ -e "${page%/*}/$link" ] || echo "$page: $link"
		done
	done | grep .
}

mode=install
mkdir "$work"
exits 0 "it installs into an empty folder" make_alone -s install
prefix=$(sed -n 's/^prefix=//p' "$build/lib/kreg.pc")
libraries=$root$(sed -n 's/^libdir *= *//p' "$build/Makefile" | sed "s,\${exec_prefix},$prefix,")
PKG_CONFIG_LIBDIR=$libraries/pkgconfig:$(pkg-config --variable pc_path pkg-config)
PKG_CONFIG_SYSROOT_DIR=$root
LD_LIBRARY_PATH=$libraries
export PKG_CONFIG_LIBDIR PKG_CONFIG_SYSROOT_DIR LD_LIBRARY_PATH
regtool=$root$prefix/bin/regtool
exits 0 "regtool runs from there" "$regtool" --version
exits 1 "each call has a man page of its name" without_page
exits 0 "README.md is installed" test -e "$root$prefix/share/doc/kreg/README.md"
exits 1 "each link of an installed page leads to an installed file" broken_links "$root$prefix/share/doc/kreg"
try_pkg_config
mode=CMake
if has cmake; then try_cmake; else skip "a consumer builds" cmake; fi
mode=meson
if has meson; then try_meson; else skip "a consumer builds" meson; fi
if has g++; then try_headers g++; else skip "the headers are C++ too" g++; fi
! has clang++ || try_headers clang++
mode=uninstall
exits 0 "it uninstalls" make_alone -s uninstall
exits 1 "and leaves no file" sh -c "find '$root' ! -type d | grep ."
finish
