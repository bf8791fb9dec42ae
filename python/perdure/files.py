# SPDX-License-Identifier: BSL-1.0
"""Files: write, read, remove, and the drop-in for "write a temp, then os.replace"."""

from __future__ import annotations

import contextlib
import io
import os
from typing import TYPE_CHECKING, IO, Any, Iterator, Optional

from .library import Data, Path, c_data, c_path, call, lib, make, text_of
from .options import Existing, c_options
from .results import Content, Receipt, bytes_of, commit

if TYPE_CHECKING:
    from .options import RemoveOptions, Unpack, WriteOptions

_BUFFER_SIZE = 1 << 16
_SIZE_ANY = (1 << 64) - 1


def write(path: Path, data: Data, **options: Unpack[WriteOptions]) -> Receipt:
    """Commits `data` to the file `path`; a str in UTF-8. Durable when it returns, unless the
    options (WriteOptions) say otherwise. On failure the error's `fate` says what became of the
    file."""
    made, texts = c_options("perdure_write_options", options)
    receipt = commit(lib.perdure_write, c_path(path), *c_data(data), made)
    del texts  # lived as long as the call
    return receipt


def read(path: Path, size_max: Optional[int] = None) -> Content:
    """The content of a regular file, intact, and its version, both of one moment."""
    limit = _SIZE_ANY if size_max is None else size_max
    content = make(lib.perdure_read, "perdure_content", c_path(path), limit)
    return Content(bytes_of(content), text_of(lib.perdure_content_version(content)))


def remove(path: Path, **options: Unpack[RemoveOptions]) -> None:
    """Removes a file, or a symbolic link itself, so that it stays removed."""
    made, texts = c_options("perdure_write_options", options)
    call(lib.perdure_remove, c_path(path), made)
    del texts


class AtomicFile(io.RawIOBase):
    """A binary file that is written in pieces and appears intact at `commit`, or not at all.

    As a context manager it commits at the end of the block, and discards if an exception leaves it.
    Unbuffered, and one thread at a time; `open_atomic` has a buffer, and text."""

    name: Any  #: The path as it was given.
    receipt: Optional[Receipt]  #: Of the commit; None before it.

    def __init__(self, path: Path, **options: Unpack[WriteOptions]) -> None:
        super().__init__()
        self.name = os.fspath(path)
        self.receipt = None
        made, texts = c_options("perdure_write_options", options)
        self._file = make(lib.perdure_file_create, "perdure_file", c_path(path), made)
        del texts

    def writable(self) -> bool:
        return not self.closed

    def write(self, data: Any) -> int:
        """Appends all of it. After an error the temp is gone, and the target unchanged."""
        if self.closed:
            raise ValueError("write to a closed file")
        view, size = c_data(data)
        call(lib.perdure_file_write, self._file, view, size)
        return size

    def commit(self) -> Receipt:
        """Publishes what was written, also after `close`. Once only."""
        self.receipt = commit(lib.perdure_file_commit, self._file)
        self.close()
        return self.receipt

    def discard(self) -> None:
        """Removes the temp; the target is what it was. Does nothing after a commit."""
        if self.receipt is None:
            call(lib.perdure_file_discard, self._file)
        self.close()

    def __enter__(self) -> AtomicFile:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if self.receipt is not None:
            return
        if kind is None:
            self.commit()
        else:
            _discard_after(self, error)


def _discard_after(file: AtomicFile, error: BaseException) -> None:
    """Discards, and leaves the word to the exception that is under way: a temp that could not be
    removed is the lesser trouble, and its error follows in the context."""
    try:
        file.discard()
    except OSError as left:
        left.__context__ = error.__context__
        error.__context__ = left


@contextlib.contextmanager
def open_atomic(path: Path, mode: str = "w", *, encoding: Optional[str] = None,
                errors: Optional[str] = None, newline: Optional[str] = None,
                **options: Unpack[WriteOptions]) -> Iterator[IO[Any]]:
    """As `open` for writing, for a `with`: the file appears when the block ends, durably, and not
    at all if an exception leaves it. In the place of a temp file and `os.replace`.

    `mode` is "w" or "x" (the file must not exist; not with `existing`), with "t" for text or "b"
    for bytes (not with `encoding`, `errors` and `newline`)."""
    if mode.replace("t", "", 1).replace("b", "", 1) not in ("w", "x") or {"t", "b"} <= set(mode):
        raise ValueError(f"mode is '{mode}': take w or x, with b or t")
    for name, value in (("encoding", encoding), ("errors", errors), ("newline", newline)):
        if "b" in mode and value is not None:
            raise ValueError(f"{name} is for text: leave it out with mode '{mode}'")
    if "x" in mode:
        if options.get("existing") is not None:
            raise ValueError("existing is what mode 'x' says: leave one of them out")
        options["existing"] = Existing.KEEP
    raw = AtomicFile(path, **options)
    with raw:
        file: IO[Any] = io.BufferedWriter(raw, _BUFFER_SIZE)  # type: ignore[assignment]
        if "b" not in mode:
            file = io.TextIOWrapper(file, encoding, errors, newline)  # type: ignore[arg-type]
        try:
            yield file
            if not file.closed:
                file.flush()
        except BaseException:
            _forget(file)
            raise


def _forget(file: IO[Any]) -> None:
    """Drops what a buffer has still: it is for a temp that goes."""
    with contextlib.suppress(OSError, ValueError):
        file.close()
