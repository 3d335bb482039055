# SPDX-License-Identifier: MIT
"""Services: a program that is started under a name, and an isolated namespace for a test."""
from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Any, Mapping, Optional

from ._errors import c_string, check, error
from ._kreg import ffi, lib

if TYPE_CHECKING:
    from ._registry import Bytes, Owner, Registry


def strings(words: list[str]) -> Any:
    """An array of C strings up to a NULL, and what has to live as long."""
    keep = [ffi.new("char[]", c_string(word)) for word in words]
    return ffi.new("char *[]", keep + [ffi.NULL]), keep


class Started:
    """A program that was started: @owner, and @child, which wait() or os.waitpid() waits for."""

    def __init__(self, owner: "Owner", child: int) -> None:
        self.owner = owner
        self.child = child

    def wait(self) -> int:
        """Blocks until it has ended, and returns its exit status, or minus the signal."""
        return os.waitstatus_to_exitcode(os.waitpid(self.child, 0)[1])

    @staticmethod
    def start(
        registry: "Registry",
        space: str,
        role: str,
        argv: list[str],
        *,
        value: "Bytes" = b"",
        environment: Optional[Mapping[str, str]] = None,
        notify: bool = False,
        dies_with_starter: bool = False,
        timeout: Optional[float] = None,
    ) -> Started:
        """As kreg_service_start(): after it the program runs and holds the name; NameTaken if it is taken.

        @notify: it is ready when it sends READY=1 to $NOTIFY_SOCKET; otherwise as soon as it runs.
        @dies_with_starter: it is killed when the thread ends that started it.
        """
        from ._registry import milliseconds, to_bytes, to_owner

        v = to_bytes(value)
        room = ffi.new("char[]", v)
        words, _keep = strings(argv)
        more, _keep_more = strings([f"{name}={text}" for name, text in (environment or {}).items()])
        how = ffi.new("struct kreg_start *")
        how.size = ffi.sizeof("struct kreg_start")
        how.argv = ffi.cast("const char *const *", words)
        how.environment = ffi.cast("const char *const *", more)
        how.value = room
        how.value_size = len(v)
        how.flags = lib.KREG_START_DIES_WITH_STARTER if dies_with_starter else 0
        how.ready = lib.KREG_READY_NOTIFY if notify else lib.KREG_READY_EXEC
        how.timeout_ms = 0 if timeout is None else max(1, milliseconds(timeout))
        started = ffi.new("struct kreg_started *")
        started.size = ffi.sizeof("struct kreg_started")
        with registry._handle as handle:
            err = lib.kreg_service_start(handle, c_string(space), c_string(role), how, started)
        if err:
            about = f"{argv[0]}: {os.strerror(-started.exec_error)}" if err == -errno.ENOEXEC else None
            failure = error(err, about)
            if err == -errno.EEXIST:
                failure.holder = to_owner(started.owner)
            raise failure
        return Started(to_owner(started.owner), started.child)


class Isolation:
    """A namespace, @space, that no other test has, with the services of a file; end() leaves nothing of them."""

    def __init__(self, registry: "Registry", services: Optional[str] = None) -> None:
        tree = ffi.new("struct kreg_supervision **")
        out = ffi.new("struct kreg_isolation **")
        why = ffi.new("char[]", lib.KREG_ROLE_MAX + 1)
        if services is not None:
            lib.forget_sentence()
            keep = ffi.addressof(lib, "keep_sentence")
            check(lib.kreg_supervision_read(tree, c_string(services), keep, ffi.NULL))
        self.registry = registry
        self._handle = registry._handle
        k = self._handle.__enter__()
        err = lib.kreg_isolate(out, k, tree[0], why, lib.KREG_ROLE_MAX + 1)
        lib.kreg_supervision_free(tree[0])
        if err:
            self._handle.__exit__()
            role = ffi.string(why).decode(errors="replace")
            raise error(err, f"service {role} did not start" if role else None)
        self._isolation: Any = out[0]
        registry._open.add(self)
        self.space: str = ffi.string(lib.kreg_isolation_space(out[0])).decode()

    def start(self, role: str, argv: list[str], **how: Any) -> Started:
        """As Registry.start(), in this namespace."""
        return self.registry.start(self.space, role, argv, **how)

    def key(self, role: str) -> str:
        return f"{self.space}/{role}"

    def end(self) -> None:
        isolation = getattr(self, "_isolation", None)
        self._isolation = None
        if isolation is None:
            return
        try:
            check(lib.kreg_isolation_end(isolation))
        finally:
            self._handle.__exit__()

    close = end

    def __enter__(self) -> Isolation:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
