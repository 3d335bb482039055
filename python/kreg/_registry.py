# SPDX-License-Identifier: MIT
"""A registry, its names and its locks."""
from __future__ import annotations

import contextlib
import errno
import sys
import threading
import weakref
from typing import Any, AsyncIterator, Iterator, NamedTuple, Optional, Union, cast

from . import _listen, _pending, _remote, _services, _states
from ._errors import Error, c_string, check, error
from ._kreg import ffi, lib

Bytes = Union[bytes, bytearray, memoryview, str]


def to_bytes(text: Bytes) -> bytes:
    return text.encode() if isinstance(text, str) else bytes(text)


def counter(number: int) -> bytes:
    """The value of a counter; Found.number of it is the number."""
    return number.to_bytes(8, sys.byteorder, signed=True)


def milliseconds(timeout: Optional[float]) -> int:
    """Seconds, or None for no timeout, as the library has them."""
    return -1 if timeout is None else max(0, round(timeout * 1000))


def version() -> str:
    return cast(str, ffi.string(lib.kreg_version()).decode())


class Owner(NamedTuple):
    """The process behind an entry: this very process, never another one with its pid."""

    token: int
    pid: int


class Found(NamedTuple):
    value: bytes
    owner: Owner

    @property
    def text(self) -> str:
        return self.value.decode()

    @property
    def number(self) -> int:
        """Of a counter."""
        return int.from_bytes(self.value, sys.byteorder, signed=True)


class Entry(NamedTuple):
    key: bytes
    value: bytes
    owner: Owner
    position: int
    flags: int


def to_owner(owner: "ffi.CData") -> Owner:
    return Owner(owner.token, owner.pid)


def from_owner(owner: Owner) -> "ffi.CData":
    return ffi.new("struct kreg_owner *", {"token": owner.token, "pid": owner.pid})


def to_entry(entry: "ffi.CData") -> Entry:
    return Entry(
        ffi.buffer(entry.key, entry.key_size)[:],
        ffi.buffer(entry.value, entry.value_size)[:],
        to_owner(entry.owner),
        entry.position,
        entry.flags,
    )


@ffi.def_extern(error=1)
def visit_entry(entry: "ffi.CData", data: "ffi.CData") -> int:
    ffi.from_handle(data).append(to_entry(entry))
    return 0


class Handle:
    """The open handle: `with handle as k` is a call. close() waits for the calls of other threads."""

    def __init__(self, k: "ffi.CData") -> None:
        self.k = k
        self.calls = 0
        self.changed = threading.Condition()

    def __enter__(self) -> "ffi.CData":
        with self.changed:
            if self.k is None:
                raise error(-errno.EBADF, "the registry is closed")
            self.calls += 1
            k = self.k
        lib.forget_sentence()
        return k

    def __exit__(self, *_: object) -> None:
        with self.changed:
            self.calls -= 1
            self.changed.notify_all()

    def close(self) -> None:
        with self.changed:
            k, self.k = self.k, None
            while self.calls:
                self.changed.wait()
        if k is not None:
            lib.kreg_close(k)


class Registry:
    """An open registry; `with` and `async with` close it."""

    def __init__(
        self,
        name: str = "default",
        *,
        readonly: bool = False,
        existing: bool = False,
        exclusive: bool = False,
        keys: str = "unique",
        mode: int = 0,
        directory: Optional[str] = None,
        guard: Optional[str] = None,
    ) -> None:
        self.name = name
        out = ffi.new("struct kreg **")
        folders = [ffi.new("char[]", c_string(path)) if path else ffi.NULL for path in (directory, guard)]
        options = ffi.new("struct kreg_options *")
        options.size = ffi.sizeof("struct kreg_options")
        options.flags = (
            (lib.KREG_OPEN_READONLY if readonly else 0)
            | (lib.KREG_OPEN_EXISTING if existing else 0)
            | (lib.KREG_OPEN_EXCLUSIVE if exclusive else 0)
        )
        options.keys = {
            "unique": lib.KREG_KEYS_UNIQUE,
            "duplicate": lib.KREG_KEYS_DUPLICATE,
            "duplicate_by_key": lib.KREG_KEYS_DUPLICATE_BY_KEY,
        }[keys]
        options.mode = mode
        options.directory, options.guard = folders
        options.log = ffi.addressof(lib, "keep_sentence")
        lib.forget_sentence()
        check(lib.kreg_open(out, c_string(name), options))
        self._handle = Handle(out[0])
        self._open: weakref.WeakSet[Any] = weakref.WeakSet()

    def close(self) -> None:
        """Closes its listeners, ends its isolations and waits, and unregisters what was registered through it.

        In the thread of the loop, if tasks wait through it: they get a kreg.Error.
        """
        for opened in list(self._open):
            opened.close()
        self._handle.close()

    def __enter__(self) -> Registry:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Registry:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_handle"):
            self.close()

    def register(
        self,
        key: Bytes,
        value: Bytes = b"",
        *,
        reserved: bool = False,
        replaceable: bool = False,
        drop: bool = False,
        replace: bool = False,
        queue: bool = False,
    ) -> Name:
        """Registers @key; NameTaken, with its holder, if it is taken. @drop: one that is taken over is unregistered."""
        k, v = to_bytes(key), to_bytes(value)
        found = ffi.new("struct kreg_found *")
        flags = (
            (lib.KREG_REGISTER_RESERVED if reserved else 0)
            | _flags(replaceable, drop)
            | (lib.KREG_REGISTER_REPLACE if replace else 0)
            | (lib.KREG_REGISTER_QUEUE if queue else 0)
        )
        with self._handle as handle:
            err = lib.kreg_register_with(handle, k, len(k), v, len(v), flags, found)
        if err < 0:
            failure = error(err)
            if err == -errno.EEXIST:
                failure.holder = to_owner(found.owner)
            raise failure
        return Name(self, k, err == lib.KREG_WAITING)

    def register_remote(
        self, key: Bytes, value: Bytes, remote: _remote.Remote, *, replaceable: bool = False
    ) -> Name:
        """Registers @key as the name of a process of another host; @replaceable: it yields to names of this one."""
        k = to_bytes(key)
        self._put_remote(k, to_bytes(value), remote, lib.KREG_REGISTER_REPLACEABLE if replaceable else 0)
        return Name(self, k, False)

    def _put_remote(self, k: bytes, v: bytes, remote: _remote.Remote, flags: int) -> None:
        found = ffi.new("struct kreg_found *")
        of = _remote.from_remote(remote)
        with self._handle as handle:
            err = lib.kreg_register_remote(handle, k, len(k), v, len(v), of, flags, found)
        if err < 0:
            failure = error(err)
            if err == -errno.EEXIST:
                failure.holder = to_owner(found.owner)
            raise failure

    def remote_host(self, key: Bytes) -> Optional[_remote.Remote]:
        """Of which other host the name is; None: of this one, or there is none."""
        k = to_bytes(key)
        of = ffi.new("struct kreg_remote *")
        of.size = ffi.sizeof("struct kreg_remote")
        with self._handle as handle:
            got = lib.kreg_remote_host(handle, k, len(k), of)
        return _remote.to_remote(of) if got != -errno.ENOENT and check(got) else None

    def allow_others(self, allowed: bool = True) -> None:
        """Lets other processes register, update and unregister names for this one, or forbids it again."""
        with self._handle as handle:
            check(lib.kreg_allow(handle, lib.KREG_ALLOW_OTHERS if allowed else 0))

    def register_for(self, to: Owner, key: Bytes, value: Bytes = b"", *, replaceable: bool = False) -> None:
        """Registers @key for the process @to, which has allowed it; the name is @to's. NameTaken, with its holder."""
        k, v = to_bytes(key), to_bytes(value)
        found = ffi.new("struct kreg_found *")
        flags = lib.KREG_REGISTER_REPLACEABLE if replaceable else 0
        with self._handle as handle:
            err = lib.kreg_register_for(handle, from_owner(to), k, len(k), v, len(v), flags, found)
        if err < 0:
            failure = error(err)
            if err == -errno.EEXIST:
                failure.holder = to_owner(found.owner)
            raise failure

    def update_for(self, to: Owner, key: Bytes, value: Bytes) -> None:
        """Changes the value of a name that was registered for @to, or given to it."""
        k, v = to_bytes(key), to_bytes(value)
        with self._handle as handle:
            check(lib.kreg_update_for(handle, from_owner(to), k, len(k), v, len(v)))

    def unregister_for(self, to: Owner, key: Bytes) -> int:
        """Unregisters what was registered for @to under @key, or given to it; how many there were."""
        k = to_bytes(key)
        with self._handle as handle:
            return check(lib.kreg_unregister_for(handle, from_owner(to), k, len(k)))

    def lookup(self, key: Bytes) -> Optional[Found]:
        k = to_bytes(key)
        owner = ffi.new("struct kreg_owner *")
        room = ffi.new("char[]", 1024)
        with self._handle as handle:
            size = lib.kreg_lookup(handle, k, len(k), room, 1024, owner)
            if size == -errno.ERANGE:
                room = ffi.new("char[]", lib.KREG_VALUE_MAX)
                size = lib.kreg_lookup(handle, k, len(k), room, lib.KREG_VALUE_MAX, owner)
        if size == -errno.ENOENT:
            return None
        return Found(ffi.buffer(room, check(size))[:], to_owner(owner))

    def __getitem__(self, key: Bytes) -> Found:
        found = self.lookup(key)
        if found is None:
            raise KeyError(key)
        return found

    def __contains__(self, key: Bytes) -> bool:
        return self.lookup(key) is not None

    def __len__(self) -> int:
        with self._handle as handle:
            return check(lib.kreg_count(handle))

    def __bool__(self) -> bool:
        return True

    def unregister_all(self, *, process: bool = False) -> int:
        """Unregisters what was registered through it, or all that the process has; how many entries that were.

        The registry stays open. The objects of the names stay too, and end what is registered under their keys later.
        """
        with self._handle as handle:
            return check(lib.kreg_unregister_all(handle, lib.KREG_UNREGISTER_PROCESS if process else 0))

    def entries(self, prefix: Bytes = b"") -> list[Entry]:
        """The entries whose keys begin with @prefix, those that wait in line included."""
        p = to_bytes(prefix)
        seen: list[Entry] = []
        pattern, _keep = _listen.prefix_pattern(p)
        with self._handle as handle:
            check(lib.kreg_select(handle, pattern, lib.visit_entry, ffi.new_handle(seen)))
        return seen

    def service_state(self, space: str, role: str) -> Optional[_states.ServiceState]:
        """What the supervisor of a service reports of it; None if none reports of it."""
        state = ffi.new("struct kreg_service_state *")
        state.size = ffi.sizeof("struct kreg_service_state")
        of, its = (c_string(name) for name in (space, role))
        with self._handle as handle:
            err = lib.kreg_service_state(handle, of, its, state)
        if err == -errno.ENOENT:
            return None
        check(err)
        return _states.to_state(space, role, state)

    def service_states(self, space: Optional[str] = None) -> list[_states.ServiceState]:
        """The same of all services of the namespace, or of all namespaces, in alphabetical order."""
        seen: list[_states.ServiceState] = []
        of = ffi.NULL if space is None else c_string(space)
        with self._handle as handle:
            check(lib.kreg_service_state_each(handle, of, lib.visit_state, ffi.new_handle(seen)))
        return seen

    def counter_sum(self, key: Bytes) -> int:
        k = to_bytes(key)
        total = ffi.new("int64_t *")
        with self._handle as handle:
            check(lib.kreg_counter_sum(handle, k, len(k), total))
        return cast(int, total[0])

    def pool(self, key: Bytes) -> Pool:
        """The workers under one key, which is for duplicate keys."""
        return Pool(self, to_bytes(key), False)

    def pool_of_prefix(self, prefix: Bytes) -> Pool:
        """The workers whose keys begin with @prefix."""
        return Pool(self, to_bytes(prefix), True)

    def is_alive(self, owner: Owner) -> bool:
        with self._handle as handle:
            return bool(lib.kreg_owner_is_alive(handle, from_owner(owner)))

    def self(self) -> Owner:
        owner = ffi.new("struct kreg_owner *")
        with self._handle as handle:
            check(lib.kreg_self(handle, owner))
        return to_owner(owner)

    def wait_blocking(self, key: Bytes, timeout: Optional[float] = None) -> Owner:
        """Blocks until @key has an owner; WaitTimeout after @timeout seconds. A signal does not end it."""
        k = to_bytes(key)
        found = ffi.new("struct kreg_found *")
        with self._handle as handle:
            check(lib.kreg_await(handle, k, len(k), milliseconds(timeout), found))
        return to_owner(found.owner)

    def wait_gone_blocking(self, key: Bytes, owner: Owner, timeout: Optional[float] = None) -> None:
        """Blocks until @owner no longer holds @key."""
        k = to_bytes(key)
        with self._handle as handle:
            check(lib.kreg_await_gone(handle, k, len(k), from_owner(owner), milliseconds(timeout)))

    async def wait(self, key: Bytes) -> Found:
        """Waits in the running loop until @key has an owner. For a timeout: asyncio.wait_for()."""
        k = to_bytes(key)
        room = ffi.new("char[]", lib.KREG_VALUE_MAX)
        found = ffi.new("struct kreg_found *", {"value": room, "capacity": lib.KREG_VALUE_MAX})
        with _pending.Pending(self, lambda out, handle: lib.kreg_await_begin(out, handle, k, len(k))) as pending:
            await pending.result(found)
        return Found(ffi.buffer(room, found.size)[:], to_owner(found.owner))

    async def wait_gone(self, key: Bytes, owner: Owner) -> None:
        """Waits in the running loop until @owner no longer holds @key."""
        k, of = to_bytes(key), from_owner(owner)
        with _pending.Pending(
            self, lambda out, handle: lib.kreg_await_gone_begin(out, handle, k, len(k), of)
        ) as pending:
            await pending.result()

    def listen(self, prefix: Bytes = b"", *, known: bool = False) -> _listen.Listener:
        """Events of all keys that begin with @prefix; @known: first one for each entry that exists."""
        return _listen.Listener(self, prefix=prefix, known=known)

    @contextlib.contextmanager
    def lock(self, key: Bytes, timeout: Optional[float] = None) -> Iterator[None]:
        """Holds the lock @key inside `with`; if its holder dies, the next one has it."""
        k = to_bytes(key)
        lock = ffi.new("struct kreg_lock *")
        with self._handle as handle:
            check(lib.kreg_lock(handle, k, len(k), milliseconds(timeout), lock))
        try:
            yield
        finally:
            with self._handle as handle:
                check(lib.kreg_unlock(handle, lock))

    @contextlib.asynccontextmanager
    async def lock_async(self, key: Bytes) -> AsyncIterator[None]:
        """As lock(), for `async with`: it waits in the running loop."""
        k = to_bytes(key)
        lock = ffi.new("struct kreg_lock *")
        with _pending.Pending(self, lambda out, handle: lib.kreg_lock_begin(out, handle, k, len(k))) as pending:
            await pending.lock(lock)
        try:
            yield
        finally:
            with self._handle as handle:
                check(lib.kreg_unlock(handle, lock))

    def start(self, space: str, role: str, argv: list[str], **how: object) -> _services.Started:
        """Starts a program as the service @role of the namespace @space; see kreg.Started.start."""
        return _services.Started.start(self, space, role, argv, **how)  # type: ignore[arg-type]


def _flags(replaceable: bool, drop: bool) -> int:
    return (lib.KREG_REGISTER_REPLACEABLE if replaceable else 0) | (lib.KREG_REGISTER_DROP if drop else 0)


class Pool:
    """The workers under a key or a prefix, and whose turn it is. One thread at a time; None if there is no worker."""

    def __init__(self, registry: Registry, of: bytes, by_prefix: bool) -> None:
        self._registry = registry
        self._of = ffi.new("char[]", of)
        self._pool = ffi.new("struct kreg_pool *")
        lib.make_pool(self._pool, self._of, len(of), by_prefix)

    def _find(self, find: Any, *what: Any) -> Optional[Found]:
        owner = ffi.new("struct kreg_owner *")
        room = ffi.new("char[]", 1024)
        with self._registry._handle as handle:
            size = find(handle, self._pool, *what, room, 1024, owner)
            if size == -errno.ERANGE:
                room = ffi.new("char[]", lib.KREG_VALUE_MAX)
                size = find(handle, self._pool, *what, room, lib.KREG_VALUE_MAX, owner)
        if size == -errno.ENOENT:
            return None
        return Found(ffi.buffer(room, check(size))[:], to_owner(owner))

    @property
    def key(self) -> bytes:
        """The key of the worker that was found last."""
        return cast(bytes, ffi.buffer(self._pool.found, self._pool.found_size)[:])

    def next(self) -> Optional[Found]:
        return self._find(lib.kreg_pool_next)

    def least(self) -> Optional[Found]:
        """The one with the smallest counter."""
        return self._find(lib.kreg_pool_least)

    def worker_for(self, what: Bytes) -> Optional[Found]:
        """The one for a sub-key: the same one for all callers, as long as it lives."""
        w = to_bytes(what)
        return self._find(lib.kreg_pool_for, w, len(w))


class Name:
    """A registered name; `with` and `async with` unregister it, and so does its end as an object."""

    def __init__(self, registry: Registry, key: bytes, waiting: bool) -> None:
        self._registry: Optional[Registry] = registry
        self.key = key
        # Others were ahead in the line.
        self.waiting = waiting

    def _handle(self) -> Handle:
        if self._registry is None:
            raise error(-errno.ENOENT, "the name was unregistered")
        return self._registry._handle

    def update(self, value: Bytes) -> None:
        v = to_bytes(value)
        with self._handle() as handle:
            check(lib.kreg_update(handle, self.key, len(self.key), v, len(v), ffi.NULL, 0))

    def update_remote(self, value: Bytes, remote: _remote.Remote) -> None:
        """Changes the value of a name of another host, and what it says of that, in one step."""
        if self._registry is None:
            raise error(-errno.ENOENT, "the name was unregistered")
        self._registry._put_remote(self.key, to_bytes(value), remote, 0)

    def add(self, delta: int, *, threshold: Optional[int] = None, to: int = 0) -> int:
        """Adds to a counter, whose value is counter(N), and returns the sum; past @threshold the counter becomes @to."""
        now = ffi.new("int64_t *")
        with self._handle() as handle:
            if threshold is None:
                check(lib.kreg_counter_add(handle, self.key, len(self.key), delta, now))
            else:
                check(lib.kreg_counter_add_bounded(handle, self.key, len(self.key), delta, threshold, to, now))
        return cast(int, now[0])

    def reset(self, to: int = 0) -> int:
        """Sets a counter, and returns what it was."""
        before = ffi.new("int64_t *")
        with self._handle() as handle:
            check(lib.kreg_counter_reset(handle, self.key, len(self.key), to, before))
        return cast(int, before[0])

    def publish(self, value: Bytes) -> None:
        """Lets lookups find a name that was registered with reserved=True."""
        v = to_bytes(value)
        with self._handle() as handle:
            self.waiting = check(lib.kreg_publish(handle, self.key, len(self.key), v, len(v))) == lib.KREG_WAITING

    def set_flags(self, *, replaceable: bool = False, drop: bool = False) -> None:
        """Whether it may be taken over, and is unregistered then; afterwards `waiting` tells whether others are ahead."""
        with self._handle() as handle:
            err = check(lib.kreg_set_flags(handle, self.key, len(self.key), _flags(replaceable, drop)))
        self.waiting = err == lib.KREG_WAITING

    def ahead(self) -> int:
        """How many are ahead in the line; 0: it holds the name. NotFound or NotPermitted if it was dropped."""
        flags = ffi.new("uint32_t *")
        with self._handle() as handle:
            return int(check(lib.kreg_get_flags(handle, self.key, len(self.key), flags)))

    def wait_turn(self, timeout: Optional[float] = None) -> None:
        """Blocks until it is first in line."""
        with self._handle() as handle:
            check(lib.kreg_await_turn(handle, self.key, len(self.key), milliseconds(timeout)))
        self.waiting = False

    async def turn(self) -> None:
        """Waits in the running loop until it is first in line."""
        if self._registry is None:
            raise error(-errno.ENOENT, "the name was unregistered")
        with _pending.Pending(
            self._registry,
            lambda out, handle: lib.kreg_await_turn_begin(out, handle, self.key, len(self.key)),
        ) as pending:
            await pending.result()
        self.waiting = False

    def unregister(self) -> None:
        registry, self._registry = self._registry, None
        if registry is None or registry._handle.k is None:
            return
        with registry._handle as handle:
            err = lib.kreg_unregister(handle, self.key, len(self.key))
        if err != -errno.EOWNERDEAD:  # a child of fork()
            check(err)

    def __enter__(self) -> Name:
        return self

    def __exit__(self, *_: object) -> None:
        self.unregister()

    async def __aenter__(self) -> Name:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.unregister()

    def __del__(self) -> None:
        with contextlib.suppress(Error):
            self.unregister()
