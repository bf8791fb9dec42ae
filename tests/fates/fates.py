# SPDX-License-Identifier: BSL-1.0
"""The table of cases.txt in Python: fates.py TABLE, in an empty directory."""

import errno
import os
import pathlib
import sys

import perdure

VARIABLE = "PERDURE_TEST_FAULT"


def outcome_of(fault, work):
    """Makes the call with the fault, and nothing else with it; the outcome as in the table."""
    os.environ[VARIABLE] = fault
    try:
        work()
    except perdure.Error as error:
        code = errno.errorcode[error.errno] if error.errno else "0"
        return f"{error.kind.name} {error.fate.name}".lower() + f" {code}"
    finally:
        del os.environ[VARIABLE]
    return "none none 0"


def transaction_with(*paths):
    transaction = perdure.Transaction(".")
    for path in paths:
        transaction.put(path, "new")
    return transaction


def file_create(fault):
    return outcome_of(fault, lambda: perdure.AtomicFile("target"))


def file_write(fault):
    file = perdure.AtomicFile("target")
    return outcome_of(fault, lambda: file.write(bytes(1 << 20)))


def file_commit(fault):
    file = perdure.AtomicFile("target")
    file.write(b"new")
    return outcome_of(fault, file.commit)


def transaction_put(fault):
    transaction = transaction_with()
    outcome = outcome_of(fault, lambda: transaction.put("target", "new"))
    transaction.abort()
    return outcome


def transaction_commit(fault):
    transaction = transaction_with("target", "other")
    outcome = outcome_of(fault, transaction.commit)
    transaction.abort()
    return outcome


def recover(fault):
    # The journal has its name, and no file has.
    assert transaction_commit("rename 3 EIO") == "system committed EIO"
    return outcome_of(fault, lambda: perdure.recover("."))


def root_commit(fault):
    with perdure.Root(".") as root, root.transaction() as transaction:
        transaction.put("target", "new")
        outcome = outcome_of(fault, transaction.commit)
        transaction.abort()
        return outcome


def root_close(fault):
    root = perdure.Root(".")
    root.put("target", "new")
    return outcome_of(fault, root.close)


def state_open(fault):
    with perdure.State("state") as state:
        state["a"] = "old"
        return outcome_of(fault, lambda: perdure.State("state"))


def state_load(fault):
    with perdure.State("state") as state, perdure.State("state") as other:
        other["a"] = "old"
        return outcome_of(fault, state.load)


def state_save(fault):
    with perdure.State("state") as state:
        state["a"] = "old"
        return outcome_of(fault, lambda: state.replace({"a": "new"}))


CALLS = {
    "write": lambda fault: outcome_of(fault, lambda: perdure.write("target", "new")),
    "read": lambda fault: outcome_of(fault, lambda: perdure.read("target")),
    "remove": lambda fault: outcome_of(fault, lambda: perdure.remove("target")),
    "transaction_begin": lambda fault: outcome_of(fault, transaction_with),
    "root_open": lambda fault: outcome_of(fault, lambda: perdure.Root(".")),
    **{call.__name__: call for call in (
        file_create, file_write, file_commit, transaction_put, transaction_commit, recover,
        root_commit, root_close, state_open, state_load, state_save)},
}


def can_be_held_open():
    """Whether the file system lets a root have a log. Without one the rows of roots say nothing."""
    os.mkdir("root")
    try:
        perdure.Root("root").close()
        return True
    except perdure.Unsupported as error:
        print(f"without the rows of root_...: {error}")
        return False


def check_open_atomic():
    """A write that fails in the block, or behind it, leaves the old file and no temp."""
    def block(size):
        with perdure.open_atomic("target", "wb") as file:
            file.write(bytes(size))

    pathlib.Path("target").write_text("old")
    for size in (1, 1 << 20):
        for fault in ("write_at 1 ENOSPC", "sync_file 1 EIO"):
            code = fault.split()[-1]
            outcome = outcome_of(fault, lambda size=size: block(size))
            assert outcome == f"system unchanged {code}", outcome
            assert pathlib.Path("target").read_text() == "old"
            assert not [name for name in os.listdir() if "perdure-tmp" in name]


def main():
    check_open_atomic()
    lines = pathlib.Path(sys.argv[1]).read_text().splitlines()
    rows = [line.split() for line in lines if line and not line.startswith("#")]
    wrong = 0
    if not can_be_held_open():
        rows = [row for row in rows if not row[0].startswith("root_")]
    for number, (call, operation, which, error, *expected) in enumerate(rows):
        place = pathlib.Path(f"row_{number}")
        place.mkdir()
        os.chdir(place)
        pathlib.Path("target").write_text("old")
        found = CALLS[call](f"{operation} {which} {error}")
        os.chdir("..")
        if found != " ".join(expected):
            wrong += 1
            print(f"{call}: {operation} {which} {error}: {found}, and not {' '.join(expected)}")
    print(f"{len(rows)} rows, {wrong} wrong")
    return 1 if wrong or len(rows) <= 50 else 0


if __name__ == "__main__":
    sys.exit(main())
