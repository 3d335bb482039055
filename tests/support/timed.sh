# SPDX-License-Identifier: MIT
# Runs a test, and ends its log with a line for build-aux/slowest: when it began and ended, in seconds since boot, and the
# CPU time of its processes, user and system, in ticks (USER_HZ, 100 a second).
# usage: timed.sh COMMAND ...
read -r began rest </proc/uptime
"$@"
status=$?
read -r ended rest </proc/uptime
read -r stat </proc/$$/stat
# From the third field on, proc(5); the name before it may have spaces.
set -- ${stat##*) }
echo "# took $began $ended ${14} ${15}"
exit $status
