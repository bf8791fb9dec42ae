# SPDX-License-Identifier: BSL-1.0
"""The loaded libperdure_c, and how its errors become exceptions. Not for programs."""

from __future__ import annotations

import os
from typing import Any, Union

from .errors import error_of
from .interface import ffi

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]
Data = Union[str, bytes, bytearray, memoryview]

# The number behind .so is that of the interface, not of the version: it goes up when a call goes.
lib: Any = ffi.dlopen("libperdure_c.so.0")


def text_of(chars: Any) -> str:
    """A text of the library; bytes that are not UTF-8 come as os.fsdecode gives them."""
    return os.fsdecode(ffi.string(chars))


def c_path(path: Path) -> bytes:
    """A path as the library takes it."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise ValueError("a path with a zero byte in it")
    return encoded


def c_text(text: str) -> bytes:
    """A text that is no path, as the library takes it."""
    return c_path(text)


def c_data(data: Data) -> tuple[Any, int]:
    """Bytes as the library takes them, and how many: a str in UTF-8. Nothing is copied."""
    view = ffi.from_buffer(data.encode() if isinstance(data, str) else data)
    return view, len(view)


def call(function: Any, *arguments: Any) -> None:
    """Calls it, with a place for the error at the end; raises what it says. Other threads run."""
    place = ffi.new("perdure_error **")
    if function(*arguments, place) == 0:
        return
    error = place[0]
    try:
        raise error_of(
            kind=lib.perdure_error_kind(error),
            fate=lib.perdure_error_fate(error),
            code=lib.perdure_error_errno(error),
            step=text_of(lib.perdure_error_step(error)),
            path=text_of(lib.perdure_error_path(error)),
            message=text_of(lib.perdure_error_message(error)),
        )
    finally:
        lib.perdure_error_free(error)


def make(function: Any, handle: str, *arguments: Any) -> Any:
    """Calls it with a place for a handle behind the arguments, and returns that handle."""
    place = ffi.new(f"{handle} **")
    call(function, *arguments, place)
    return owned(handle, place[0])


def owned(handle: str, pointer: Any) -> Any:
    """A handle that is freed when nobody has it any more."""
    return ffi.gc(pointer, getattr(lib, f"{handle}_free"))


def library_version() -> str:
    """The version of libperdure_c."""
    return text_of(lib.perdure_library_version())
