# SPDX-License-Identifier: MIT
"""Listeners: events as an iterator of what is there, and as an asynchronous one that waits by the listener's fd."""
from __future__ import annotations

import enum
import errno
from typing import TYPE_CHECKING, Any, Iterator, NamedTuple, Optional

from . import _pending
from ._errors import check, error
from ._kreg import ffi, lib

if TYPE_CHECKING:
    from ._registry import Bytes, Owner, Registry


class EventType(enum.Enum):
    REGISTER = lib.KREG_EVENT_REGISTER
    UNREGISTER = lib.KREG_EVENT_UNREGISTER
    UPDATE = lib.KREG_EVENT_UPDATE
    PURGE = lib.KREG_EVENT_PURGE
    OVERRUN = lib.KREG_EVENT_OVERRUN
    DUMP = lib.KREG_EVENT_DUMP
    GIVEN = lib.KREG_EVENT_GIVEN
    TAKEN = lib.KREG_EVENT_TAKEN


class Event(NamedTuple):
    type: EventType
    key: bytes
    value: bytes
    owner: "Owner"
    known: bool
    lost: int
    previous: Optional["Owner"]  # in GIVEN and TAKEN: the owner until then


def prefix_pattern(prefix: bytes) -> Any:
    """A pattern for what begins with @prefix, and what has to live as long."""
    keep = ffi.new("char[]", prefix)
    pattern = ffi.new("struct kreg_pattern *")
    pattern.size = ffi.sizeof("struct kreg_pattern")
    if prefix:
        pattern.prefix = keep
        pattern.prefix_size = len(prefix)
    return pattern, keep


class Listener:
    """Of one thread, or one task, at a time; `with` and `async with` close it. Close it before its registry."""

    def __init__(
        self, registry: "Registry", *, prefix: "Bytes" = b"", key: Optional["Bytes"] = None, known: bool = False
    ) -> None:
        from ._registry import to_bytes

        out = ffi.new("struct kreg_listener **")
        self._readable = _pending.Readable()
        self._pattern, self._keep = prefix_pattern(to_bytes(prefix))
        if key is not None:
            k = to_bytes(key)
            self._keep = ffi.new("char[]", k)
            self._pattern.key = self._keep
            self._pattern.key_size = len(k)
        # Kept open, as by a call: the library wants its listeners closed first.
        self._handle = registry._handle
        k = self._handle.__enter__()
        try:
            check(lib.kreg_listen(out, k, self._pattern, lib.KREG_LISTEN_KNOWN if known else 0))
        except BaseException:
            self._handle.__exit__()
            raise
        self._listener: Any = out[0]
        registry._open.add(self)

    def close(self) -> None:
        listener = getattr(self, "_listener", None)
        self._listener = None
        if listener is not None:
            self._readable.stop()
            lib.kreg_listener_close(listener)
            self._handle.__exit__()

    def fileno(self) -> int:
        """For select and poll: readable while there may be an event."""
        return check(lib.kreg_listener_fd(self._open()))

    def _open(self) -> Any:
        if self._listener is None:
            raise error(-errno.EBADF, "the listener is closed")
        return self._listener

    def next(self) -> Optional[Event]:
        """The next event, or None if there is none now."""
        from ._registry import to_entry, to_owner

        got = ffi.new("struct kreg_event *")
        if not check(lib.kreg_listener_next(self._open(), got)):
            return None
        entry = to_entry(got.entry)
        previous = getattr(got, "from")  # a keyword
        return Event(
            EventType(got.type),
            entry.key,
            entry.value,
            entry.owner,
            bool(got.known),
            got.lost,
            to_owner(previous) if previous.token else None,
        )

    def __iter__(self) -> Iterator[Event]:
        """The events that are there now."""
        while (event := self.next()) is not None:
            yield event

    def __aiter__(self) -> Listener:
        return self

    async def __anext__(self) -> Event:
        while True:
            event = self.next()
            if event is not None:
                return event
            await self._readable.wait(self.fileno())

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> Listener:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
