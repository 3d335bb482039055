# SPDX-License-Identifier: MIT
"""kreg: a process registry for one Linux host.

    with kreg.Registry("default") as registry, registry.register("config_server", "/run/config.sock"):
        print(registry["config_server"].text)

A process registers a name with a value; other processes look it up. When the process dies, for whatever reason, the
kernel removes its names: there is nothing to clean up and nothing to refresh. `man 7 kreg` says what each call does.

Errors    are kreg.Error, an OSError with errno and a sentence: which argument was refused, or kreg_strerror()'s; also
          FileExistsError, FileNotFoundError, TimeoutError or PermissionError where one fits. lookup() returns None for
          what is not there.
Keys      and values are bytes, or str, which is encoded as UTF-8. Values come back as bytes.
Threads   All threads may use a registry at once. Calls release the interpreter's lock. close() waits for calls of other
          threads that are in progress, so end what waits without a timeout first.
asyncio   wait(), wait_gone(), lock_async(), Name.turn() and listeners wait by an fd in the running loop, without a thread
          of Python's.
Fork      A child of os.fork() or multiprocessing's "fork" may look up through what it inherited, and opens the registry
          itself to register. Objects that it inherited leave the parent's names alone when they end.
Death     of this process ends its names and locks at once, also if no destructor runs.
"""
from __future__ import annotations

from ._errors import Error, NameTaken, NotFound, NotPermitted, WaitTimeout
from ._listen import Event, EventType, Listener
from ._registry import Entry, Found, Name, Owner, Pool, Registry, counter, version
from ._remote import Remote
from ._services import Isolation, Started
from ._states import ServiceState, State

__all__ = [
    "Entry", "Error", "Event", "EventType", "Found", "Isolation", "Listener", "Name", "NameTaken", "NotFound",
    "NotPermitted", "Owner", "Pool", "Registry", "Remote", "ServiceState", "Started", "State", "WaitTimeout", "counter",
    "version",
]
