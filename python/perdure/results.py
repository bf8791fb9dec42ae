# SPDX-License-Identifier: BSL-1.0
"""What calls return: receipts, contents, and reports of recovery."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from .interface import ffi
from .library import call, lib, make, owned, text_of
from .options import Durability, Protocol


@dataclasses.dataclass(frozen=True)
class Receipt:
    """The facts of a call that went well."""

    bytes: int  #: Of new content.
    durability: Durability  #: That was reached; never more.
    protocol: Protocol  #: That reached it.
    version: str  #: Of the new target, if it was asked for or expected; otherwise "".
    generation: int  #: Of a state: the number of the save.
    #: Of a transaction: paths that somebody else changed while it was committed. Their change
    #: counts as the later one, and was left as it is.
    left_alone: tuple[str, ...]
    set_aside: str  #: The directory that keeps what those paths were to get; "" if there was none.


@dataclasses.dataclass(frozen=True)
class Content:
    """Bytes that were read, and the version that they belong to."""

    data: bytes  #: The whole content.
    version: str  #: For `expected`; a token without spaces.

    def text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text; no line ending is changed."""
        return self.data.decode(encoding, errors)


class Origin(enum.IntEnum):
    """The origin of a state's content."""

    NOTHING = 0  #: No state is there yet.
    CURRENT = 1  #: The state that was committed last.
    PREVIOUS = 2  #: An earlier generation: the current one was missing or damaged.
    REPLACED = 3  #: Somebody put another copy, an older one, in its place.

    @classmethod
    def _missing_(cls, value: object) -> Origin:
        return cls.REPLACED  # of a newer library


class Step(enum.IntEnum):
    """How recovery judged a path."""

    DONE = 1  #: It was as the transaction wants it.
    REDO = 2  #: It was put in place now.
    FOREIGN = 3  #: Somebody else changed it since: left alone.
    LOST = 4  #: Its new content is gone: a person has to decide.
    UNCLEAR = 5  #: The root was copied: a person has to decide.

    @classmethod
    def _missing_(cls, value: object) -> Step:
        return cls.UNCLEAR  # of a newer library


@dataclasses.dataclass(frozen=True)
class RecoveredPath:
    """One path of a transaction that a crash interrupted."""

    path: str  #: Relative to the root.
    step: Step  #: The judgement.
    kept: str  #: The file that keeps the content of a path that was left alone; or "".


@dataclasses.dataclass(frozen=True)
class Report:
    """What recovery found in a root, and did."""

    recovered: bool  #: A committed transaction was there, and is finished now.
    restored: bool  #: The private directory was missing, and is there again: what it had is lost.
    unreadable: bool  #: The disk can't read what is behind the last commit of a log.
    paths: tuple[RecoveredPath, ...]  #: Of the journal, or of the log.


def commit(function: Any, *arguments: Any) -> Receipt:
    """Calls a function that has a place for a receipt behind its arguments."""
    receipt = make(function, "perdure_receipt", *arguments)
    count = lib.perdure_receipt_left_alone_count(receipt)
    return Receipt(
        bytes=lib.perdure_receipt_bytes(receipt),
        durability=Durability(lib.perdure_receipt_durability(receipt)),
        protocol=Protocol(lib.perdure_receipt_protocol(receipt)),
        version=text_of(lib.perdure_receipt_version(receipt)),
        generation=lib.perdure_receipt_generation(receipt),
        left_alone=tuple(
            text_of(lib.perdure_receipt_left_alone(receipt, index)) for index in range(count)),
        set_aside=text_of(lib.perdure_receipt_set_aside(receipt)),
    )


def bytes_of(content: Any) -> bytes:
    """The bytes of a content, copied."""
    size = lib.perdure_content_size(content)
    return ffi.buffer(lib.perdure_content_bytes(content), size)[:]


def report_of(report: Any) -> Report:
    """A report, copied."""
    return Report(
        recovered=bool(lib.perdure_report_recovered(report)),
        restored=bool(lib.perdure_report_restored(report)),
        unreadable=bool(lib.perdure_report_unreadable(report)),
        paths=tuple(
            RecoveredPath(
                path=text_of(lib.perdure_report_path(report, index)),
                step=Step(lib.perdure_report_step(report, index)),
                kept=text_of(lib.perdure_report_kept(report, index)),
            ) for index in range(lib.perdure_report_count(report))),
    )


def open_reported(function: Any, handle: str, *arguments: Any) -> tuple[Any, Report]:
    """Calls a function that has places for a handle and a report behind its arguments."""
    places = ffi.new(f"{handle} **"), ffi.new("perdure_report **")
    call(function, *arguments, *places)
    opened = owned(handle, places[0][0])
    return opened, report_of(owned("perdure_report", places[1][0]))
