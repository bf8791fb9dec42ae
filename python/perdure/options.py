# SPDX-License-Identifier: BSL-1.0
"""The options of calls, and how the library takes them."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, Any, Optional, TypedDict

from .interface import ffi
from .library import c_text, lib

#: The version of a file that does not exist; as an expectation: "must not exist yet".
ABSENT = "absent"


class Durability(enum.IntEnum):
    """The promise of a commit that has returned."""

    DURABLE = 0  #: New after a power cut, too.
    ORDERED = 1  #: Old or new after a power cut, maybe old.
    NONE = 2  #: Old or new when the process dies. After a power cut: anything.


class Protocol(enum.IntEnum):
    """The order of system calls by which a commit becomes durable."""

    PORTABLE = 0  #: Holds on every file system.
    AUTOMATIC = 1  #: The fastest that is known to hold; never in a receipt.
    FAST = 2  #: Half the flushes; fails with Unsupported where it is not known to hold.
    WHOLE = 3  #: In receipts alone: by a sync of the file system.
    LOGGED = 4  #: In receipts alone: through the log of a `Root`.

    @classmethod
    def _missing_(cls, value: object) -> Protocol:
        return cls.PORTABLE  # of a newer library: the promise is the durability's


class Symlink(enum.IntEnum):
    """How a commit treats a target that is a symbolic link."""

    FOLLOW = 0  #: Replace the file that it points at.
    REPLACE = 1  #: Replace the link itself.
    REFUSE = 2  #: Fail with Kind.SYMLINK_REFUSED.


class Existing(enum.IntEnum):
    """How a commit treats a target that exists."""

    REPLACE = 0  #: Put the new content in its place.
    KEEP = 1  #: Fail with Exists; decided at the publish, not before it.
    BACKUP = 2  #: Give the old content a second name first.


class Metadata(enum.IntEnum):
    """Which mode, owner, ACL and extended attributes the new file gets."""

    PRESERVE = 0  #: The target's; a new file gets `permissions` less the umask.
    PRESERVE_MODE = 1  #: The same, but always with exactly `permissions`.
    FIXED = 2  #: Exactly `permissions`, and nothing of the target.


class CommitOptions(TypedDict, total=False):
    """Options of everything that commits."""

    durability: Durability  #: Durability.DURABLE unless it is set.
    protocol: Protocol  #: Protocol.PORTABLE unless it is set.
    metadata: Metadata  #: Metadata.PRESERVE unless it is set.
    permissions: int  #: The `mode` of the library, as of chmod, never 0; 0o666 unless it is set.
    lock_timeout: float  #: Seconds; 0 tries once, math.inf waits forever. 10 unless it is set.


class WriteOptions(CommitOptions, total=False):
    """Options of `write`, `open_atomic` and `AtomicFile`."""

    symlink: Symlink  #: Symlink.FOLLOW unless it is set.
    existing: Existing  #: Existing.REPLACE unless it is set.
    backup_suffix: str  #: Existing.BACKUP: the old content is the path with it; "~".
    expected: str  #: The version that the target has to have; ABSENT: none.
    make_parents: bool  #: Make missing parents, durable in theirs.
    verify: bool  #: Read the content back from the disk before it is published.
    coordinate: bool  #: Take the target's lock.
    refuse_read_only: bool  #: Refuse a target without any write bit in its mode.
    report_version: bool  #: Have the new version in the receipt.


class RemoveOptions(TypedDict, total=False):
    """Options of `remove`."""

    durability: Durability  #: Durability.DURABLE unless it is set.
    expected: str  #: The version that the file has to have.
    coordinate: bool  #: Take the target's lock.
    lock_timeout: float  #: As of CommitOptions.


class RootOptions(CommitOptions, total=False):
    """Options of `Transaction`, `recover` and `Root`; the last takes neither durability nor
    protocol. Everyone who commits to one root needs the same `private_directory`."""

    #: A name in the root, or an absolute path on its file system; ".perdure" unless it is set.
    private_directory: str
    refuse_read_only: bool  #: Refuse a file without any write bit in its mode.


class StateOptions(CommitOptions, total=False):
    """Options of `State`."""

    make_parents: bool  #: Make missing parents, durable in theirs.
    exclusive: bool  #: Keep the state's lock until it is closed.
    previous: int  #: How many previous generations to keep; 1 unless it is set.


if TYPE_CHECKING:
    from typing_extensions import Unpack as Unpack

_FLAGS = {
    "make_parents": lib.PERDURE_MAKE_PARENTS,
    "verify": lib.PERDURE_VERIFY,
    "coordinate": lib.PERDURE_COORDINATE,
    "refuse_read_only": lib.PERDURE_REFUSE_READ_ONLY,
    "report_version": lib.PERDURE_REPORT_VERSION,
    "exclusive": lib.PERDURE_EXCLUSIVE,
}
# Members that have another name here, or none.
_HIDDEN = ("size", "flags", "reserved", "lock_timeout_ms", "mode")
_ENUMS: dict[str, type[enum.IntEnum]] = {
    "durability": Durability,
    "existing": Existing,
    "metadata": Metadata,
    "protocol": Protocol,
    "symlink": Symlink,
}
_TEXTS = ("expected", "backup_suffix", "private_directory")


def _milliseconds(seconds: float) -> int:
    """As `lock_timeout_ms`, of which 0 is the default and not a try."""
    if seconds == math.inf:
        return lib.PERDURE_WAIT_FOREVER
    if not seconds >= 0:
        raise ValueError(f"lock_timeout is {seconds}: it is 0 or more seconds")
    return math.ceil(seconds * 1000) or lib.PERDURE_TRY_ONCE


def c_options(struct: str, options: Any) -> tuple[Any, list[Any]]:
    """The struct of that name, and the texts that it points to: keep both until the call is over.
    An option that the struct does not have is a TypeError, as of any keyword."""
    made = ffi.new(f"{struct} *")
    made.size = ffi.sizeof(struct)
    texts: list[Any] = []
    for name, value in options.items():
        _take(made, name, value, texts)
    return made, texts


def _take(made: Any, name: str, value: Any, texts: list[Any]) -> None:
    if name in _FLAGS:
        made.flags |= _FLAGS[name] if value else 0
    elif value is None:
        return
    elif name == "lock_timeout":
        made.lock_timeout_ms = _milliseconds(value)
    elif name == "permissions":
        if value == 0:  # the library takes it for 0666 less the umask
            raise ValueError("permissions are 0: name those that somebody shall have")
        made.mode = value
    elif name == "previous":
        made.previous = value or -1
    elif not hasattr(made, name) or name in _HIDDEN:
        raise TypeError(f"perdure has no option '{name}' here")
    elif name in _TEXTS:
        texts.append(ffi.new("char[]", c_text(value)))
        setattr(made, name, texts[-1])
    else:
        setattr(made, name, _number(name, value))


def _number(name: str, value: Any) -> int:
    """Of a member of an enumeration, or of its name as a text."""
    if not isinstance(value, str):
        return int(value)
    members = _ENUMS[name].__members__ if name in _ENUMS else {}
    if value.upper() in members:
        return int(members[value.upper()])
    names = ", ".join(member.lower() for member in members)
    raise ValueError(f"{name} is '{value}': it is one of {names}" if names else
                     f"{name} is '{value}': it is a number")


def optional(value: Optional[Any]) -> Any:
    """A handle that may be missing, as the library takes it."""
    return ffi.NULL if value is None else value
