#!/bin/sh
# SPDX-License-Identifier: MIT
# The USDT probes of the library, with as many arguments as the man pages say. Those of services take time to prepare,
# so each has a semaphore, by which it costs nothing while no tracer is attached; the others are a no-op, without one.
set -u

library=${LIBKREG:?the built library}
number=0
status=0

# A line for each place of a probe: its name, its semaphore, and how many arguments it has.
probes=$(readelf -n "$library" | awk '
	$1 == "Provider:" { ours = $2 == "kreg" }
	ours && $1 == "Name:" { name = $2 }
	ours && $1 == "Location:" { semaphore = $NF }
	ours && $1 == "Arguments:" { print name, semaphore !~ /^0x0+$/, NF - 1 }')

# probe NAME SEMAPHORE ARGUMENTS: all its places are like that, and there is one.
probe() {
	number=$((number + 1))
	if echo "$probes" | awk -v name="$1" -v semaphore="$2" -v arguments="$3" '
		$1 == name { n++; wrong += $2 != semaphore || $3 != arguments }
		END { exit !n || wrong }'; then
		echo "ok $number - kreg:$1 exists"
	else
		echo "not ok $number - kreg:$1 exists"
		echo "$probes" | sed 's/^/# /'
		status=1
	fi
}

for name in register refuse unregister purge await; do
	probe $name 1 4
done
probe register_begin 0 3
probe register_end 0 1
probe name_registered 0 4
probe name_unregistered 0 3
probe name_given 0 4
probe name_purged 0 4
probe sweep_begin 0 2
probe sweep_end 0 2
probe epoch_advanced 0 2
probe epoch_held 0 5
probe section_expelled 0 4
number=$((number + 1))
if [ "$(echo "$probes" | cut -d ' ' -f 1 | sort -u | wc -l)" = 16 ]; then
	echo "ok $number - and no other"
else
	echo "not ok $number - and no other"
	echo "$probes" | sed 's/^/# /'
	status=1
fi
echo "1..$number"
exit $status
