# SPDX-License-Identifier: MIT
"""What supervisors report of their services."""
from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ._kreg import ffi, lib

if TYPE_CHECKING:
    from ._registry import Owner


class State(enum.Enum):
    WAITING = lib.KREG_STATE_WAITING
    STARTING = lib.KREG_STATE_STARTING
    RUNNING = lib.KREG_STATE_RUNNING
    ENDED = lib.KREG_STATE_ENDED
    RESTARTING = lib.KREG_STATE_RESTARTING
    STOPPING = lib.KREG_STATE_STOPPING
    STOPPED = lib.KREG_STATE_STOPPED
    DONE = lib.KREG_STATE_DONE
    FAILED = lib.KREG_STATE_FAILED


class ServiceState(NamedTuple):
    """The state of a service; times in seconds."""

    space: str
    role: str
    state: State
    restarts: int  # since its supervisor began
    in_row: int  # of these without a run that was long enough
    error: int  # why it could not be started the last time, an errno; 0: it is ready
    exitcode: Optional[int]  # of its last run: the exit status, or minus the signal; None: unknown
    since: float  # it is in this state
    restart_in: Optional[float]  # RESTARTING: 0 if it is due
    owner: Optional["Owner"]  # its process, in the states RUNNING, ENDED and STOPPING
    supervisor: "Owner"


def exitcode(end: Any) -> Optional[int]:
    if end.code == lib.KREG_END_EXITED:
        return int(end.status)
    return -end.status if end.code in (lib.KREG_END_KILLED, lib.KREG_END_DUMPED) else None


def to_state(space: str, role: str, state: Any) -> ServiceState:
    from ._registry import to_owner

    return ServiceState(
        space,
        role,
        State(state.state),
        state.restarts,
        state.in_row,
        -state.error,
        exitcode(state.end),
        state.since_ms / 1000,
        None if state.next_ms < 0 else state.next_ms / 1000,
        to_owner(state.owner) if state.owner.token else None,
        to_owner(state.supervisor),
    )


@ffi.def_extern(error=1)
def visit_state(space: Any, role: Any, state: Any, data: Any) -> int:
    ffi.from_handle(data).append(to_state(ffi.string(space).decode(), ffi.string(role).decode(), state))
    return 0
