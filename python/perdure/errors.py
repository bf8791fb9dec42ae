# SPDX-License-Identifier: BSL-1.0
"""The exceptions: each says what became of the target."""

from __future__ import annotations

import enum
import errno as codes
from typing import Any, Optional


class Fate(enum.IntEnum):
    """The state of the target when a call failed. Ask this before a retry."""

    UNCHANGED = 1  #: The target is byte for byte what it was, and no temp is left.
    VISIBLE = 2  #: The new content is in place, but a power cut may still undo it.
    DURABLE = 3  #: The new content is in place and durable; a later step failed.
    COMMITTED = 4  #: A transaction that is durable; recovery puts it in place.
    UNKNOWN = 5  #: The system did not say enough to tell old from new.

    @classmethod
    def _missing_(cls, value: object) -> Fate:
        return cls.UNKNOWN  # of a newer library


class Kind(enum.IntEnum):
    """Why a call failed, as far as a program may want to act on it."""

    SYSTEM = 1  #: The system refused; `errno` has its code.
    INVALID_ARGUMENT = 2  #: The call itself is wrong; nothing was touched.
    EXISTS = 3  #: Existing.KEEP or mode "x", and the target exists.
    CONFLICT = 4  #: Not the version, or the generation, that was expected.
    SYMLINK_REFUSED = 5  #: A symbolic link, and the policy or safety forbids it.
    UNTRUSTED = 6  #: Another user put it there, where others may write.
    NOT_REGULAR = 7  #: The target is a directory, a FIFO, a device or a socket.
    READ_ONLY = 8  #: Nobody may write to it, and `refuse_read_only` is set.
    MOUNT_POINT = 9  #: The target is a mount point, which can't be replaced.
    METADATA = 10  #: Mode, owner, ACL or an attribute could not be kept.
    LOCK_TIMEOUT = 11  #: Another committer held the lock for too long.
    STOPPED = 12  #: The wait for a lock was ended; nothing was touched.
    BUSY = 13  #: As many commits wait as may; nothing was touched.
    SERIALIZER = 14  #: The bytes are not what the format of the state asks for.
    VERIFY = 15  #: The content that was read back is not what was written.
    CORRUPT = 16  #: Stored data fails its own check.
    TOO_NEW = 17  #: Stored data comes from a newer version.
    RECOVERY_REQUIRED = 18  #: Not before a recovery, or a reopening.
    UNSUPPORTED = 19  #: This file system or machine can't do that.

    @classmethod
    def _missing_(cls, value: object) -> Kind:
        return cls.SYSTEM  # of a newer library


class Error(OSError):
    """A call failed. An OSError, as those of `open` and `os.replace` are, so that programs which
    caught these go on to work. `errno` is None where no system call failed."""

    kind: Kind  #: Why.
    fate: Fate  #: What became of the target.
    step: str  #: The action that failed: "sync the new content".
    path: str  #: The path as the caller named it; "" where the call has none.
    message: str  #: One sentence that a person can act on; `str` of the error.

    def __init__(self, kind: Kind, fate: Fate, code: Optional[int], step: str, path: str,
                 message: str) -> None:
        super().__init__(code, message, path or None)
        self.kind = kind
        self.fate = fate
        self.step = step
        self.path = path
        self.message = message

    def __str__(self) -> str:
        return self.message

    def __reduce__(self) -> Any:
        return type(self), (self.kind, self.fate, self.errno, self.step, self.path, self.message)


class SystemFailure(Error):
    """The operating system refused; `errno` has its code."""


class NotFound(SystemFailure, FileNotFoundError):
    """ENOENT."""


class PermissionDenied(SystemFailure, PermissionError):
    """EACCES or EPERM."""


class IsADirectory(SystemFailure, IsADirectoryError):
    """EISDIR."""


class NotADirectory(SystemFailure, NotADirectoryError):
    """ENOTDIR."""


class InvalidArgument(Error, ValueError):
    """The call itself is wrong; nothing was touched."""


class Exists(Error, FileExistsError):
    """The target exists, and is to be kept (mode "x", Existing.KEEP)."""


class Conflict(Error):
    """The file is not of the version, or the state not of the generation, that was expected."""


class LockTimeout(Error, TimeoutError):
    """Another committer held the lock for longer than one may wait."""


class Corrupt(Error):
    """Stored data fails its own check."""


class TooNew(Error):
    """Stored data comes from a newer version."""


class RecoveryRequired(Error):
    """Not before a recovery, or a look at what became of an earlier save."""


class Unsupported(Error):
    """This file system or machine can't do that."""


_BY_KIND = {
    Kind.SYSTEM: SystemFailure,
    Kind.INVALID_ARGUMENT: InvalidArgument,
    Kind.EXISTS: Exists,
    Kind.CONFLICT: Conflict,
    Kind.LOCK_TIMEOUT: LockTimeout,
    Kind.CORRUPT: Corrupt,
    Kind.TOO_NEW: TooNew,
    Kind.RECOVERY_REQUIRED: RecoveryRequired,
    Kind.UNSUPPORTED: Unsupported,
}
_BY_CODE = {
    codes.ENOENT: NotFound,
    codes.EACCES: PermissionDenied,
    codes.EPERM: PermissionDenied,
    codes.EISDIR: IsADirectory,
    codes.ENOTDIR: NotADirectory,
}


def error_of(kind: int, fate: int, code: int, step: str, path: str, message: str) -> Error:
    """The exception of an error of the library."""
    named = Kind(kind)
    made = _BY_KIND.get(named, Error)
    if named is Kind.SYSTEM:
        made = _BY_CODE.get(code, made)
    return made(named, Fate(fate), code or None, step, path, message)
