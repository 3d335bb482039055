# SPDX-License-Identifier: MIT
"""Errors: an OSError for each negative errno of the library."""
from __future__ import annotations

import errno
import os
from typing import Any, Optional, Union

from ._kreg import ffi, lib


class Error(OSError):
    """A call has failed: errno, and strerror with kreg's sentence."""

    holder: Optional[Any] = None


class NameTaken(Error, FileExistsError):
    """The name is taken: @holder is its Owner."""


class NotFound(Error, FileNotFoundError):
    pass


class WaitTimeout(Error, TimeoutError):
    pass


class NotPermitted(Error, PermissionError):
    pass


CLASSES = {
    errno.EEXIST: NameTaken,
    errno.ENOENT: NotFound,
    errno.ETIMEDOUT: WaitTimeout,
    errno.EPERM: NotPermitted,
    errno.EACCES: NotPermitted,
}


def error(err: int, about: Optional[str] = None) -> Error:
    """The exception for @err, a negative errno; @about, or what the call has said, says more than its sentence."""
    said = ffi.string(lib.kept_sentence()).decode(errors="replace")
    lib.forget_sentence()
    sentence = about or said or ffi.string(lib.kreg_strerror(err)).decode(errors="replace")
    return CLASSES.get(-err, Error)(-err, sentence)


def c_string(text: Union[str, bytes]) -> bytes:
    """For a char * of C, where it would be cut at a NUL, and be another one."""
    of = os.fsencode(text)
    if b"\0" in of:
        raise error(-errno.EINVAL, "a NUL is in " + ascii(text))
    return of


def check(result: int) -> int:
    if result < 0:
        raise error(result)
    return result
