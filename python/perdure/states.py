# SPDX-License-Identifier: BSL-1.0
"""A state: a dict in a JSON file that survives crashes."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import threading
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, Callable, Iterator, Optional, TypeVar

from .errors import Conflict
from .interface import ffi
from .library import Path, c_data, c_path, lib, make
from .options import c_options
from .results import Origin, Receipt, bytes_of, commit

if TYPE_CHECKING:
    from .options import StateOptions, Unpack

_T = TypeVar("_T")
_RETRY_SECONDS = 10.0
_MISSING = object()


class State(MutableMapping):  # of str to what JSON has
    """A dict in the JSON file `path`, with a generation that counts its saves.

    Each change is durable when it returns, and each save replaces the file as one: a crash leaves
    the one before or the one after. The generation before stays beside it, and counts if the file
    is damaged (`origin`). A JSON file that is there already becomes a state by its first save.

        with perdure.State("queue.json") as queue:
            queue["next"] = 7                       # one save
            with queue.edit() as draft:             # one save, of all changes in the block
                draft["jobs"].append({"name": "a"})
                draft["next"] += 1

    Values are those that JSON has, and come back as JSON has them: a tuple as a list. They are
    copies: change what lies within a value by `edit` or `apply`, not by what `[]` returned. The
    names generation, last_updated, checksum, schema_version and lineage are taken at the top level.

    Any number of threads and processes may use a state, each process one that it opened itself: in
    a forked child every change and `load` is InvalidArgument. Reading takes what was loaded or
    saved here last; `load` looks at the file, and every change begins with that."""

    def __init__(self, path: Path, **options: Unpack[StateOptions]) -> None:
        given = {**options, "format": lib.PERDURE_FORMAT_JSON}
        made, texts = c_options("perdure_state_options", given)
        self._lock = threading.RLock()
        self._process = os.getpid()
        self._state = make(lib.perdure_state_open, "perdure_state", c_path(path), made)
        del texts
        self._value: dict[str, Any] = {}
        self._generation = 0
        self._saves = 0  # by this object
        self._origin = Origin.NOTHING
        self.load()

    @property
    def generation(self) -> int:
        """The number of the save that is in memory; 0: there was none."""
        return self._generation

    @property
    def origin(self) -> Origin:
        """Where it comes from: Origin.PREVIOUS after a damage, say."""
        return self._origin

    def load(self) -> int:
        """Takes the state as it is on the disk now, whoever saved it; returns its generation. A
        file that was damaged in the meantime is Corrupt, one that was removed a Conflict: open it
        anew."""
        with self._turn:
            content = make(lib.perdure_state_load, "perdure_content", self._open)
            text = bytes_of(content)
            self._value = json.loads(text) if text else {}
            self._generation = lib.perdure_content_generation(content)
            self._origin = Origin(lib.perdure_content_origin(content))
            return self._generation

    def as_dict(self) -> dict[str, Any]:
        """A copy of all of it."""
        with self._turn:
            return copy.deepcopy(self._value)

    @contextlib.contextmanager
    def edit(self) -> Iterator[dict[str, Any]]:
        """A copy of the newest state to change; saved at the end of the block, unless an exception
        leaves it. A Conflict, and nothing of it saved, if anybody saved within the block: another
        process, or the block itself by another call."""
        with self._turn:
            base = self.load()
            draft = self.as_dict()
            yield draft
            self._save(draft, base)

    def apply(self, change: Callable[[dict[str, Any]], _T]) -> _T:
        """Runs `change` on a copy of the newest state, saves that, and returns what it returned.
        Runs it again if somebody else saved in the meantime, for ten seconds at most. A `change`
        that saves this state itself is a Conflict at once."""
        deadline = time.monotonic() + _RETRY_SECONDS
        with self._turn:
            saves = self._saves
            while True:
                base = self.load()
                draft = self.as_dict()
                returned = change(draft)
                try:
                    self._save(draft, base)
                    return returned
                except Conflict:
                    if self._saves != saves or time.monotonic() > deadline:
                        raise

    def replace(self, value: dict[str, Any]) -> Receipt:
        """Saves this in the place of whatever is there."""
        with self._turn:
            self.load()
            return self._save(value, None)

    def close(self) -> None:
        """Gives the lock back, if it is held. What was saved stays; nothing else is lost."""
        with self._turn:
            if self._state is not None:
                ffi.release(self._state)
                self._state = None

    @property
    def _turn(self) -> contextlib.AbstractContextManager[Any]:
        """The lock. In a forked child a thread that is not there may hold it: there the library
        refuses every call, and nothing needs a lock."""
        return self._lock if os.getpid() == self._process else contextlib.nullcontext()

    @property
    def _open(self) -> Any:
        if self._state is None:
            raise ValueError("the state is closed")
        return self._state

    def _save(self, value: dict[str, Any], base: Optional[int]) -> Receipt:
        """A Conflict if the newest state is not that of generation `base`; None: any."""
        if not all(isinstance(key, str) for key in value):
            raise TypeError("the names of a state are str")
        text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
        expected = ffi.NULL if base is None else ffi.new("uint64_t *", base)
        receipt = commit(lib.perdure_state_save, self._open, *c_data(text), expected)
        self._value = json.loads(text)
        self._generation = receipt.generation
        self._saves += 1
        self._origin = Origin.CURRENT
        return receipt

    def __enter__(self) -> State:
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.close()

    def __getitem__(self, key: str) -> Any:
        with self._turn:
            return copy.deepcopy(self._value[key])

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._value))

    def __len__(self) -> int:
        return len(self._value)

    def __contains__(self, key: object) -> bool:
        return key in self._value

    def __setitem__(self, key: str, value: Any) -> None:
        self.apply(lambda draft: draft.__setitem__(key, value))

    def __delitem__(self, key: str) -> None:
        self.apply(lambda draft: draft.__delitem__(key))

    # Each of these is one save, of which the mapping's own would make several.

    def update(self, *others: Any, **values: Any) -> None:
        """As of a dict, in one save."""
        changes = dict(*others, **values)  # once: an iterator has nothing for a second run
        self.apply(lambda draft: draft.update(changes))

    def clear(self) -> None:
        """Removes all members, in one save."""
        self.apply(lambda draft: draft.clear())

    def pop(self, key: str, default: Any = _MISSING) -> Any:
        """As of a dict, in one save."""
        return self.apply(
            lambda draft: draft.pop(key) if default is _MISSING else draft.pop(key, default))

    def popitem(self) -> tuple[str, Any]:
        """As of a dict, in one save."""
        return self.apply(lambda draft: draft.popitem())

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As of a dict, in one save; gives a copy."""
        return self.apply(lambda draft: copy.deepcopy(draft.setdefault(key, default)))

    def __repr__(self) -> str:
        return f"<perdure.State of generation {self._generation}: {self._value!r}>"
