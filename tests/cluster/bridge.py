# SPDX-License-Identifier: MIT
"""The state of a bridge as kreg-etcd registers it, and this process as the one that has registered it.

usage: bridge.py REGTOOL CLUSTER [FIELD=JSON | FIELD=@SECONDS | -FIELD ...]

@SECONDS is a time, so long after now, as CLOCK_BOOTTIME; -FIELD leaves the field out. CLUSTER may be CLUSTER:TEXT, then
TEXT is the value.
"""
import json
import os
import sys
import time


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def state(cluster):
    return {
        "format": 1, "version": "1.0.0", "cluster": cluster, "host": "a", "registry": "default", "pid": os.getpid(),
        "names_pid": os.getpid(), "began": now() - 60 * 10**9, "written": now(), "endpoint": "http://10.0.0.1:2379",
        "endpoints": 3, "session": "ready", "session_since": now() - 59 * 10**9, "lease": 0x694D7, "lease_until":
        now() + 3000 * 10**9, "ttl": 3000, "grace": 30, "touch": now() - 10**9, "revision": 1234, "export": ["prod*"],
        "import": ["*"], "others": "current", "exported": 12, "imported": 40, "known": 41, "most": 1000000,
        "conflicts": 0, "conflict_list": [], "members": 2, "member_list": [member("a"), member("b")], "waiting": 0,
        "waiting_since": 0, "writes": 13, "events": 50, "restores": 0, "failures": 0, "refused": 0, "wrong": 0,
        "left_out": 0, "error": None,
    }


def member(host):
    return {"host": host, "version": "1.0.0", "boot": "e7f1", "registry": "default", "pid": 4711, "lease": 0x694D7}


def changed(fields, changes):
    for change in changes:
        if change.startswith("-"):
            del fields[change[1:]]
            continue
        name, value = change.split("=", 1)
        fields[name] = now() + int(float(value[1:]) * 10**9) if value.startswith("@") else json.loads(value)
    return json.dumps(fields)


def main(regtool, cluster, *changes):
    cluster, _, text = cluster.partition(":")
    value = text or changed(state(cluster), changes)
    key = ".cluster/" + cluster
    os.execv(regtool, [regtool, "run", key, "--value", value, "--", "sleep", "1000"])


main(*sys.argv[1:])
