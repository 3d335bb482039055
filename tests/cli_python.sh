#!/bin/sh
# SPDX-License-Identifier: MIT
# The Python package: its wheel is built without a network and installed into a folder; tests/python/test_kreg.py passes
# in both modes, with services of Python and of C that find each other and are killed; pytest finds the fixture kreg_env,
# of which nothing is left; and the blocks of Python in doc/languages.md run.
set -u

library=${LIBKREG:?the built library}
source=${TOP_SRCDIR:?the top folder of the source}
build=${TOP_BUILDDIR:?the top folder of the build}
# Debian's, to which its packages belong.
python=${PYTHON:-/usr/bin/python3}
# shellcheck source=tests/support/cli.sh
. "${0%/*}/support/cli.sh"
mode=python
site=$folder/site

# skip SENTENCE WHY: what bootstrap installs must be there where nothing may be skipped.
skip() {
	if [ -n "${KREG_REQUIRE_BPF:-}" ] && [ "$2" != "${2#no }" ]; then
		not_ok "$1" "$2"
	else
		number=$((number + 1))
		echo "ok $number - $mode: $1 # SKIP $2"
	fi
}

# Prints what is missing.
missing() {
	if is_sanitized; then
		echo "the library has a sanitizer, and Python has none"
	elif ! "$python" -c 'import setuptools, cffi, pip, wheel' 2>/dev/null; then
		echo "no python3-cffi, python3-pip, python3-setuptools or python3-wheel"
	elif ! "$python" -c 'import os, sysconfig; os.stat(sysconfig.get_path("include") + "/Python.h")' 2>/dev/null; then
		echo "no python3-dev"
	fi
}

install_package() {
	mkdir "$folder/pc" "$site"
	cp -r "$source/python" "$folder/python"
	chmod -R u+w "$folder/python"
	for name in kreg kreg-services; do
		sed "s|^libdir=.*|libdir=${library%/*}|; s|^includedir=.*|includedir=$source/lib|" \
			"$build/lib/$name.pc" >"$folder/pc/$name.pc"
	done
	exits 0 "the wheel is built without a network" env PKG_CONFIG_PATH="$folder/pc" PIP_NO_CACHE_DIR=1 \
		PIP_DISABLE_PIP_VERSION_CHECK=1 "$python" -m pip wheel -q --no-build-isolation --no-deps --no-index \
		-w "$folder/wheels" "$folder/python"
	exits 0 "and installed" sh -c '"$1" -m pip install -q --no-index --no-deps --no-cache-dir --target "$2" "$3"/*.whl' \
		sh "$python" "$site" "$folder/wheels"
}

try_all() {
	exits 0 "the tests pass" "$python" -W error "$source/tests/python/test_kreg.py"
	awk '/^```python$/ { on = 1; next } /^```/ { on = 0 } on' "$source/doc/languages.md" >"$folder/page.py"
	exits 0 "the blocks of doc/languages.md run" timeout 60 "$python" -W error "$folder/page.py"
	cp "$folder/out" "$folder/page"
	exits 0 "and print what the page says" test "$(cat "$folder/page")" = "/run/config.sock
EventType.REGISTER b'worker/1'"
	if "$python" -c 'import pytest' 2>/dev/null; then
		exits 0 "pytest finds the fixture" env -C "$folder" "$python" -m pytest -q -p no:cacheprovider \
			"$folder/test_fixture.py"
		exits 1 "nothing is left of its namespaces" sh -c "'$regtool' -r test ls | grep ."
	else
		skip "pytest finds the fixture" "no python3-pytest"
	fi
}

why=$(missing)
if [ -n "$why" ]; then
	skip "the package of Python" "$why"
	finish
fi
install_package
LD_LIBRARY_PATH=${library%/*}
PYTHONPATH=$site
PYTHONDONTWRITEBYTECODE=1
export LD_LIBRARY_PATH PYTHONPATH PYTHONDONTWRITEBYTECODE
cp "$source/tests/python/test_fixture.py" "$folder"
printf '[Service worker]\nExecStart=sleep 1000\n' >"$folder/services.ini"
in_both_modes
