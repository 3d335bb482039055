# SPDX-License-Identifier: MIT
"""Waits that were begun: each has an fd, which the running loop waits for."""
from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Any, Callable, Optional

from ._errors import check, error
from ._kreg import ffi, lib

if TYPE_CHECKING:
    from ._registry import Registry


class Readable:
    """An fd that one task waits for; stop() ends the wait before the fd is closed. All in the thread of the loop."""

    def __init__(self) -> None:
        self._stop: Optional[Callable[[], None]] = None

    async def wait(self, fd: int) -> None:
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()

        def stop() -> None:
            # Once: the number may be another file's afterwards.
            if self._stop is stop:
                self._stop = None
                loop.remove_reader(fd)
            if not ready.done():
                ready.set_result(None)

        loop.add_reader(fd, stop)
        self._stop = stop
        try:
            await ready
        finally:
            stop()

    def stop(self) -> None:
        if self._stop is not None:
            self._stop()


class Pending:
    """A wait; its end gives it up, and a place in the line of a lock. Of one thread, or one task, at a time."""

    def __init__(self, registry: "Registry", begin: Callable[[Any, Any], int]) -> None:
        out = ffi.new("struct kreg_pending **")
        self._readable = Readable()
        # Kept open, as by a call: the library wants its waits closed first.
        self._handle = registry._handle
        k = self._handle.__enter__()
        try:
            check(begin(out, k))
        except BaseException:
            self._handle.__exit__()
            raise
        self._pending: Any = out[0]
        registry._open.add(self)

    def close(self) -> None:
        pending = getattr(self, "_pending", None)
        self._pending = None
        if pending is not None:
            self._readable.stop()
            lib.kreg_pending_close(pending)
            self._handle.__exit__()

    async def _until(self, ask: Callable[[Any], int]) -> None:
        """Asks when it begins, and whenever the fd is readable, until the answer is another than "not yet"."""
        while True:
            if self._pending is None:
                raise error(-errno.ECANCELED, "the registry was closed")
            err = ask(self._pending)
            if err != -errno.EAGAIN:
                check(err)
                return
            await self._readable.wait(lib.kreg_pending_fd(self._pending))

    async def result(self, found: Optional[Any] = None) -> None:
        await self._until(lambda pending: lib.kreg_pending_result(pending, found or ffi.NULL))

    async def lock(self, lock: Any) -> None:
        await self._until(lambda pending: lib.kreg_pending_lock(pending, lock))

    def __enter__(self) -> Pending:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()
