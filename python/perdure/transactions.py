# SPDX-License-Identifier: BSL-1.0
"""Roots: many files that change together, all or none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from .errors import Error
from .library import Data, Path, c_data, c_path, c_text, call, lib, make
from .interface import ffi
from .options import c_options
from .results import Receipt, Report, commit, open_reported, report_of

if TYPE_CHECKING:
    from .options import RootOptions, Unpack


def recover(path: Path, **options: Unpack[RootOptions]) -> Report:
    """Finishes what a crashed transaction left in a root. Idempotent, and safe to be killed.
    RecoveryRequired: a person has to decide (`perdure recover`)."""
    made, texts = c_options("perdure_root_options", options)
    report = make(lib.perdure_recover, "perdure_report", c_path(path), made)
    del texts
    return report_of(report)


class Transaction:
    """Changes of many files beneath one root that happen all or not at all.

    As a context manager it commits at the end of the block, and aborts if an exception leaves it.
    Paths are relative to the root, in plain form ("a/b", no ".."). One thread at a time."""

    receipt: Optional[Receipt]  #: Of the commit; None before it.
    report: Optional[Report]  #: What recovery found at the beginning; None in an open `Root`.

    def __init__(self, root: Path, **options: Unpack[RootOptions]) -> None:
        """Waits for the root's lock, and recovers what a crashed transaction left."""
        made, texts = c_options("perdure_root_options", options)
        begun, report = open_reported(lib.perdure_transaction_begin, "perdure_transaction",
                                      c_path(root), made)
        del texts
        self._begin(begun, report)

    @classmethod
    def _within(cls, begun: Any) -> Transaction:
        transaction = cls.__new__(cls)
        transaction._begin(begun, None)
        return transaction

    def _begin(self, begun: Any, report: Optional[Report]) -> None:
        self._transaction = begun
        self.report = report
        self.receipt = None

    @property
    def _open(self) -> Any:
        if self._transaction is None:
            raise ValueError("the transaction is over")
        return self._transaction

    def put(self, path: Path, data: Data) -> None:
        """The file shall have this content; a str in UTF-8. Its directory exists, or is made first.
        After an error the transaction is over, and nothing of it was done."""
        call(lib.perdure_transaction_put, self._open, c_path(path), *c_data(data))

    def remove(self, path: Path) -> None:
        """The file or symbolic link shall be gone. It must exist now."""
        call(lib.perdure_transaction_remove, self._open, c_path(path))

    def make_directory(self, path: Path, mode: int = 0o777) -> None:
        """The directory shall exist; a new one gets `mode` less the umask."""
        call(lib.perdure_transaction_make_directory, self._open, c_path(path), mode)

    def expect(self, path: Path, version: str) -> None:
        """The commit is a Conflict unless the file has this version then; ABSENT: none."""
        call(lib.perdure_transaction_expect, self._open, c_path(path), c_text(version))

    def commit(self) -> Receipt:
        """All or nothing, durable unless the options say otherwise. Once only. Fate.COMMITTED:
        durable, and the next recovery puts in place what is not yet."""
        self.receipt = commit(lib.perdure_transaction_commit, self._open)
        self.abort()
        return self.receipt

    def abort(self) -> None:
        """Ends it, and drops what was not committed."""
        if self._transaction is not None:
            ffi.release(self._transaction)
            self._transaction = None

    def __enter__(self) -> Transaction:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            if kind is None and self._transaction is not None:
                self.commit()
        finally:
            self.abort()


class Root:
    """A root that this process holds open: a commit costs one flush, that of a log. Other programs
    must not commit beneath it in the meantime. Any number of threads may use it; close it at the
    end, or use it as a context manager."""

    report: Report  #: What recovery found at the opening.

    def __init__(self, path: Path, **options: Unpack[RootOptions]) -> None:
        made, texts = c_options("perdure_root_options", options)
        self._root, self.report = open_reported(lib.perdure_root_open, "perdure_root",
                                                c_path(path), made)
        del texts

    def transaction(self) -> Transaction:
        """Begins a transaction; any number may be under way, each for one thread."""
        return Transaction._within(make(lib.perdure_root_begin, "perdure_transaction", self._root))

    def put(self, path: Path, data: Data) -> Receipt:
        """One file, durable when it returns."""
        with self.transaction() as transaction:
            transaction.put(path, data)
            return transaction.commit()

    def remove(self, path: Path) -> Receipt:
        """One file that shall be gone, durable when it returns."""
        with self.transaction() as transaction:
            transaction.remove(path)
            return transaction.commit()

    def settle(self) -> None:
        """Makes durable what is in place, so that no crash needs the log for it."""
        call(lib.perdure_root_settle, self._root)

    def close(self) -> None:
        """Settles, and gives the root back to others. After that every call but this is refused."""
        call(lib.perdure_root_close, self._root)

    def __enter__(self) -> Root:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        try:
            self.close()
        except Error:
            if kind is None:  # otherwise the exception that is under way counts
                raise
