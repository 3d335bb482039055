#!/bin/sh
# SPDX-License-Identifier: MIT
# The USDT probes of the library: each has its four arguments, and a semaphore, so that it costs nothing while no
# tracer is attached.
set -u

library=${LIBKREG:?the built library}
number=0
status=0

# The line of a probe: its name, its semaphore, and how many arguments it has.
probes=$(readelf -n "$library" | awk '
	$1 == "Provider:" { ours = $2 == "kreg" }
	ours && $1 == "Name:" { name = $2 }
	ours && $1 == "Location:" { semaphore = $NF }
	ours && $1 == "Arguments:" { print name, semaphore, NF - 1 }')

for name in register refuse unregister purge await; do
	number=$((number + 1))
	found=$(echo "$probes" | awk -v name="$name" '
		$1 == name && $2 !~ /^0x0+$/ && $3 == 4 { n++ } END { print n + 0 }')
	if [ "$found" -ge 1 ]; then
		echo "ok $number - kreg:$name exists"
	else
		echo "not ok $number - kreg:$name exists"
		echo "$probes" | sed 's/^/# /'
		status=1
	fi
done
echo "1..$number"
exit $status
