# SPDX-License-Identifier: MIT
"""Names of other hosts: what is known of them."""
from __future__ import annotations

from typing import Any, NamedTuple, Optional

from ._errors import c_string
from ._kreg import ffi, lib


class Remote(NamedTuple):
    """A process of another host; @uid is None if it is unknown."""

    host: str
    token: int = 0
    start: int = 0
    pid: int = 0
    uid: Optional[int] = None
    stale: bool = False


def from_remote(remote: Remote) -> Any:
    host = c_string(remote.host)
    of = ffi.new("struct kreg_remote *")
    of.size = ffi.sizeof("struct kreg_remote")
    of.token, of.start, of.pid = remote.token, remote.start, remote.pid
    of.uid = lib.KREG_ID_UNKNOWN if remote.uid is None else remote.uid
    of.flags = lib.KREG_REMOTE_STALE if remote.stale else 0
    # What is too long is refused by the call.
    room = ffi.buffer(of.host)
    room[: min(len(host), len(room))] = host[: len(room)]
    return of


def to_remote(of: Any) -> Remote:
    uid = None if of.uid == lib.KREG_ID_UNKNOWN else of.uid
    host = ffi.string(of.host).decode(errors="replace")
    return Remote(host, of.token, of.start, of.pid, uid, bool(of.flags & lib.KREG_REMOTE_STALE))
