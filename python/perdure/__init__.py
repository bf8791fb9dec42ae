# SPDX-License-Identifier: BSL-1.0
"""File commits that are old or new, never in between, and that say what became of them.

    import perdure

    perdure.write("app.conf", "threads = 8\\n")               # durable when it returns

    with perdure.open_atomic("report.csv", "w") as file:      # appears intact, or not at all
        file.write("name,size\\n")

    with perdure.Transaction("site") as transaction:          # all or none
        transaction.put("index.html", page)
        transaction.remove("draft.html")

    with perdure.State("queue.json") as queue:                # a dict that survives crashes
        queue["next"] = 7

Every failure is a `perdure.Error`, whose `fate` says what became of the target."""

from .errors import (
    Conflict,
    Corrupt,
    Error,
    Exists,
    Fate,
    InvalidArgument,
    IsADirectory,
    Kind,
    LockTimeout,
    NotADirectory,
    NotFound,
    PermissionDenied,
    RecoveryRequired,
    SystemFailure,
    TooNew,
    Unsupported,
)
from .files import AtomicFile, open_atomic, read, remove, write
from .results import Content, Origin, RecoveredPath, Receipt, Report, Step
from .options import ABSENT, Durability, Existing, Metadata, Protocol, Symlink
from .states import State
from .transactions import Root, Transaction, recover
from .library import library_version

__version__ = library_version()

__all__ = [
    "ABSENT", "AtomicFile", "Conflict", "Content", "Corrupt", "Durability", "Error", "Existing",
    "Exists", "Fate", "InvalidArgument", "IsADirectory", "Kind", "LockTimeout", "Metadata",
    "NotADirectory", "NotFound", "Origin", "PermissionDenied", "Protocol", "Receipt",
    "RecoveredPath", "RecoveryRequired", "Report", "Root", "State", "Step", "Symlink",
    "SystemFailure", "TooNew", "Transaction", "Unsupported", "library_version", "open_atomic",
    "read", "recover", "remove", "write",
]
