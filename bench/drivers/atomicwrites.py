#!/usr/bin/python3 -B
# SPDX-License-Identifier: BSL-1.0
"""Python atomicwrites as its documentation says, speaking with bench/driver.cpp."""

import functools
import json
import os
import sys
import time

from atomicwrites import atomic_write


@functools.lru_cache
def content(size):
    return os.urandom(size)


@functools.lru_cache
def state(records):
    return {"next_id": records, "records": [{
        "id": i * 11400714819323198485 % 2**64, "name": f"build-{i}",
        "owner": f"Jürgen \"the builder\" M{i % 1000}", "attempts": i % 10,
        "load": i % 1000003 / 1000.003, "active": i % 2 == 0, "tags": ["nightly"],
        "history": [{"started": i * 7919 % 2000000000, "seconds": i % 100000 / 1000,
                     "failed": i % 2 == 0}]} for i in range(records)]}


def save(name, data):
    with atomic_write(name, mode="wb", overwrite=True) as file:
        file.write(data)


def save_many(prefix, count, data):
    for i in range(count):
        save(f"{prefix}{i}", data)


def save_state(made):
    made["next_id"] += 1
    name = f"state-{len(made['records'])}.json"
    save(name, json.dumps(made, indent=2, ensure_ascii=False).encode())


def load_state(records):
    with open(f"state-{records}.json", "rb") as file:
        if len(json.load(file)["records"]) != records:
            raise ValueError("too few records")


def task_of(words):
    """What a line asks for, with all that it needs beforehand."""
    command, *rest = words
    if command == "save":
        return functools.partial(save, rest[0], content(int(rest[1])))
    if command == "many":
        return functools.partial(save_many, rest[0], int(rest[1]), content(int(rest[2])))
    if command == "state":
        return functools.partial(save_state, state(int(rest[0])))
    if command == "load":
        if not os.path.exists(f"state-{rest[0]}.json"):
            save_state(state(int(rest[0])))
        return functools.partial(load_state, int(rest[0]))
    raise ValueError(command)


def main():
    print("atomicwrites durable Python: atomic_write(overwrite=True), json.dumps", flush=True)
    for line in sys.stdin:
        try:
            task = task_of(line.split())
            begin = time.perf_counter_ns()
            task()
            print(time.perf_counter_ns() - begin, flush=True)
        except (OSError, ValueError) as error:
            print("no", error, flush=True)


if __name__ == "__main__":
    main()
