#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks who includes whom: floors.py ROOT. The list of floors is floors.txt beside this file.

A module is a header with the source of the same name. Two modules that include each other can be
read, tested and changed only together, even when no header includes itself."""

import fnmatch
import pathlib
import re
import sys

TREES = ("include/perdure", "lib", "tools")
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)
# Headers that only a system has: POSIX, Linux, other systems. <cerrno> and its like are the
# language's own.
SYSTEM = re.compile(
    r"(sys|linux|asm|net|netinet|arpa|mach)/.*|windows\.h|"
    r"(aio|dirent|dlfcn|fcntl|fnmatch|ftw|glob|grp|libaio|liburing|mntent|poll|pthread|pwd|sched|"
    r"semaphore|spawn|syslog|termios|ucontext|unistd|utime|wait)\.h"
)
SYSTEM_FLOOR = 2  # of the library; programs (floor 6) have processes and mounts of their own
PROGRAMS = 6
# Libraries of others, and the only files that may include them, with the reason.
FOREIGN = (
    (re.compile(r"simdjson\b.*"), ("lib/formats/*",), "only lib/formats reads JSON with simdjson"),
    (re.compile(r"boost/json\b.*"),
     ("lib/formats/*", "include/perdure/json*", "include/perdure/migration.hpp", "tools/*"),
     "only formats and programs have Boost.JSON"),
    (re.compile(r"curl/.*"), ("lib/etcd/*",), "only lib/etcd sends requests"),
    (re.compile(r"xxhash\.h"),
     ("lib/base/*", "lib/engine/*", "lib/testing/*", "tools/crashlab/*"),
     "only the library's sources and the laboratory hash"),
)


def read_floors(path):
    """The list as (pattern, floor), in its order."""
    floors = []
    for line in path.read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            floor, patterns = line.split(":")
            floors += [(pattern, int(floor)) for pattern in patterns.split()]
    return floors


def floor_of(name, floors):
    return next((floor for pattern, floor in floors if fnmatch.fnmatch(name, pattern)), None)


def resolve(root, source, kind, target):
    """The file of the project that an include means; None for a foreign one."""
    if kind == "<":
        return f"include/{target}" if target.startswith("perdure/") else None
    program = root.joinpath(*source.parts[:2])  # tools/NAME
    places = [root / source.parent, root / "lib", program, root / "tools"]
    for place in places:
        found = (place / target).resolve()
        if found.is_file() and root in found.parents:
            return found.relative_to(root).as_posix()
    return ""


def module_of(name, floor):
    """A header and the source of its name are one module, also when the header is public."""
    path = pathlib.PurePosixPath(name)
    if path.parts[0] == "tools":
        return path.with_suffix("").as_posix()
    return f"{path.stem} (floor {floor})"


def circle_in(graph):
    """One circle of the graph as a list of modules, or nothing."""
    done, path = set(), []

    def visit(node):
        if node in path:
            return path[path.index(node):] + [node]
        if node in done:
            return None
        path.append(node)
        for other in graph.get(node, []):
            circle = visit(other)
            if circle:
                return circle
        path.pop()
        done.add(node)
        return None

    return next((circle for node in sorted(graph) if (circle := visit(node))), None)


def check_include(name, floor, kind, target, resolved, floors):
    """What is wrong with one include, in words; nothing if it is right."""
    if resolved == "":
        return f"includes \"{target}\", which is nowhere in the project"
    if resolved is None:
        if SYSTEM.fullmatch(target) and floor not in (SYSTEM_FLOOR, PROGRAMS):
            return f"includes <{target}>: only floor {SYSTEM_FLOOR} talks to the operating system"
        for library, may, why in FOREIGN:
            if library.fullmatch(target) and not any(fnmatch.fnmatch(name, p) for p in may):
                return f"includes <{target}>: {why}"
        return None
    if resolved.startswith("lib/") and not name.startswith("lib/"):
        return f"includes {resolved}, which is private to the library"
    other = floor_of(resolved, floors)
    if other is None:
        return f"includes {resolved}, which is on no floor"
    if other > floor:
        return f"is on floor {floor} and includes {resolved} of floor {other}"
    return None


def check(root, floors):
    faults, graph, used = [], {}, set()
    sources = sorted(
        path.relative_to(root)
        for tree in TREES
        for path in (root / tree).rglob("*")
        if path.suffix in (".hpp", ".cpp", ".h", ".cc", ".c")
    )
    for source in sources:
        name = source.as_posix()
        floor = floor_of(name, floors)
        used.update(p for p, _ in floors if fnmatch.fnmatch(name, p))
        if floor is None:
            faults.append(f"{name}: on no floor: add it to tests/layout/floors.txt")
            continue
        for match in INCLUDE.finditer((root / source).read_text()):
            resolved = resolve(root, source, match[1], match[2])
            fault = check_include(name, floor, match[1], match[2], resolved, floors)
            if fault:
                faults.append(f"{name}: {fault}")
            elif resolved and floor_of(resolved, floors) == floor:
                module, other = module_of(name, floor), module_of(resolved, floor)
                if module != other:
                    graph.setdefault(module, []).append(other)
    faults += [f"floors.txt: nothing matches '{p}'" for p, _ in floors
               if p not in used and "*" not in p]
    circle = circle_in(graph)
    if circle:
        faults.append("a circle of modules: " + " -> ".join(circle))
    if not sources:
        faults.append("no sources found: is the folder right?")
    return faults


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    faults = check(root, read_floors(pathlib.Path(__file__).parent / "floors.txt"))
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
