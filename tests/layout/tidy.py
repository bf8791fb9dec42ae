#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks what no compiler checks: tidy.py ROOT. Each rule says how to keep it when it is broken."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import handles
import prose

COLUMNS_MAX = 100
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
NAME_WORDS_MAX = 3

TREES = ("include", "lib", "tools", "tests", "fuzz", "bench", "docs", "scripts", "cmake", "python",
         "packaging", ".ci")
OPENED = ("include/", "lib/", "tools/")  # their files say first what they are
CODE = (".cpp", ".hpp", ".h")
TEXT = CODE + (".py", ".cmake", ".sh", ".md", ".txt", ".in", ".json", "")
# Not ours to name or to format: what tools ask for, and inputs that must stay byte for byte.
NAMES_GIVEN = {"CMakeLists.txt", "README.md", "__init__.py", "perdure-config.cmake.in", "crash-ci",
               "crash-jobs", "crash-peers", "crash-peers.md", "crash-proof", "crash-proof.md"}
NOT_SOURCES = {".git", "compile_commands.json"}
BYTES_GIVEN = re.compile(r"^fuzz/(corpus|old_crashes)/|/data/")

UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.$}/])/(home|root|work|workspace|Users)/\w")
SNAKE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)*")
TEST_CASE = re.compile(r'^(?:TEMPLATE_)?TEST_CASE\w*\(\s*((?:"(?:[^"\\]|\\.)*"\s*)*)', re.MULTILINE)
# Names that Catch2 has in version 2 alone, or gives another meaning in version 3.
CATCH_2 = re.compile(r"\bCatch::(?!Matchers\b|Session\b)[A-Z]\w+\(|\bCatch::Matchers::Contains\(")
CATCH_MAY = {"tests/support/catch.hpp"}
# A look at a file that goes to the system itself, past the seam.
LOOK = re.compile(r"(?<![\w>])::(?:statx|stat|lstat|fstat|fstatat)\("
                  r"|(?<![\w.:>])(?:statx|fstatat|lstat|fstat)\((?!\d\))"
                  r"|\bst_[mc]time?\b"
                  r"|\b(?:fs|filesystem)::(?:symlink_status|status|file_size|last_write_time|"
                  r"exists|equivalent|hard_link_count|is_\w+)\(")
LOOKS_MAY = {
    "lib/linux/file_system.cpp": "the look of the seam: past all caches of attributes",
    "lib/linux/mount_info.cpp": "the number of a mount, which nobody remembers",
    "lib/linux/describe.cpp": "a block device",
    "tools/perdure/sources/input.cpp": "a size and a kind, of what was just opened",
}
LOOKS_MAY_BENEATH = ("tools/crashlab/", "tools/demo/")  # at files of their own, on this machine
# Stamps that are compared without a thought of ticks.
STAMPS = re.compile(r"\bsame_stamps\(|\bctime_ns\b")
STAMPS_MAY = {"lib/engine/version.cpp", "lib/linux/file_system.cpp", "lib/base/file_version.cpp"}
NO_FUNCTION = re.compile(
    r"^\s*(namespace|class|struct|enum|union|extern|export|template\s*<[^{]*>\s*(class|struct))\b"
)


def check_text(name, text):
    """Line by line, whatever the language."""
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        at = f"{name}:{number}:"
        if len(line) > COLUMNS_MAX and not name.endswith((".md", ".json")):
            faults.append(f"{at} {len(line)} columns, {COLUMNS_MAX} are the most: break the line")
        if "\t" in line:
            faults.append(f"{at} a tab: indent by two spaces")
        if line != line.rstrip():
            faults.append(f"{at} ends in a space")
        if UNFINISHED.search(line):
            faults.append(f"{at} unfinished: do it, or write down what is missing where users look")
        if MACHINE_PATH.search(line):
            faults.append(f"{at} a path that exists on one machine only")
    if text and not text.endswith("\n"):
        faults.append(f"{name}: no line end at the end of the file")
    return faults


def functions_in(lines):
    """(first line, last line) of what looks like a function: a block that clang-format indents,
    closed at the indentation of the line that begins it. Types and tables are none."""
    for last, line in enumerate(lines):
        if not re.fullmatch(r"\s*\}[;,)]*\s*(//.*)?", line):
            continue
        indent = len(line) - len(line.lstrip())
        first = last - 1
        while first >= 0:
            head = lines[first]
            if head.strip() and len(head) - len(head.lstrip()) <= indent:
                if not re.match(r"\s*(public|private|protected):|\s*#|\s*[):]", head):
                    break
            first -= 1
        head = " ".join(lines[max(first, 0):first + 3])
        table = any(h.endswith(("= {", "({", "{{")) for h in lines[max(first, 0):first + 3])
        if first >= 0 and "(" in head and not NO_FUNCTION.match(head) and not table:
            yield first + 1, last + 1


def check_code(name, text):
    """C++ alone."""
    faults = []
    lines = text.splitlines()
    if not lines or lines[0] != "// SPDX-License-Identifier: BSL-1.0":
        faults.append(f"{name}:1: begin with // SPDX-License-Identifier: BSL-1.0")
    if len(lines) > FILE_LINES_MAX:
        faults.append(f"{name}: {len(lines)} lines, {FILE_LINES_MAX} are the most: split it")
    for first, last in functions_in(lines):
        if last - first + 1 > FUNCTION_LINES_MAX:
            faults.append(f"{name}:{first}: a function of {last - first + 1} lines, "
                          f"{FUNCTION_LINES_MAX} are the most: split it")
    if name.startswith(OPENED) and not any(re.match(r"///? [A-Za-z`]", x) for x in lines[1:2]):
        faults.append(f"{name}:2: say in one sentence what the file is, as // below the licence")
    if name.endswith((".hpp", ".h")) and "#pragma once" not in lines:
        faults.append(f"{name}: no #pragma once")
    return faults


def check_looks(name, text):
    """One place looks at files and knows about caches; one compares versions and knows ticks."""
    faults = []
    seam = name in LOOKS_MAY or name.startswith(LOOKS_MAY_BENEATH)
    stamps = name in STAMPS_MAY or name.startswith("lib/testing/")
    if not name.startswith(("lib/", "tools/")):
        return []
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        if not seam and LOOK.search(code):
            faults.append(f"{name}:{number}: looks at a file past the seam, where a cache may "
                          "answer: use FileSystem::stat or stat_at")
        if not stamps and STAMPS.search(code):
            faults.append(f"{name}:{number}: compares stamps, which a tick may make equal: use "
                          "lib/engine/version.hpp")
    return faults


def check_test(name, text):
    """Where test cases are, and whether ctest can find each of them by its name."""
    cases = TEST_CASE.findall(text)
    faults = []
    if cases and not name.endswith("_test.cpp"):
        faults.append(f"{name}: has test cases: let its name end in _test.cpp")
    if not cases and name.endswith("_test.cpp"):
        faults.append(f"{name}: has no test case: take _test from its name")
    for number, line in enumerate(text.splitlines(), 1):
        if name not in CATCH_MAY and CATCH_2.search(line):
            faults.append(f"{name}:{number}: Catch2 3 has no such matcher: use one of "
                          "Catch::Matchers, or Contains of support/catch.hpp")
    for case in cases:
        if ";" in case:
            faults.append(f"{name}: {case.strip()}: ctest splits a name at ';' and runs no test")
        if case.startswith('"-'):
            faults.append(f"{name}: {case.strip()}: the test program takes it for an option")
    return faults


def check_name(name):
    """snake_case, one to three words, for folders as for files."""
    faults = []
    for part in name.split("/"):
        stem = part.lstrip(".").split(".")[0]
        if part.endswith(".md") or name.startswith("scripts/"):  # addresses, commands
            stem = stem.replace("-", "_")
        if part in NAMES_GIVEN:
            continue
        if not SNAKE.fullmatch(stem):
            faults.append(f"{name}: '{part}' is not in snake_case")
        elif stem.count("_") >= NAME_WORDS_MAX and part.endswith(CODE):
            faults.append(f"{name}: more than {NAME_WORDS_MAX} words: one concept a file")
    return faults


def check_shell(root, name, text):
    """Scripts that bash can't even parse."""
    if not re.match(r"#!.*\b(ba)?sh\b", text) and not name.endswith(".sh"):
        return []
    bash = shutil.which("bash")
    if not bash:
        return [f"{name}: there is no bash to check it with"]
    parsed = subprocess.run([bash, "-n", root / name], capture_output=True, text=True, timeout=60)
    return [] if parsed.returncode == 0 else [f"{name}: {parsed.stderr.strip()}"]


def files_of(root):
    for path in sorted(root.iterdir()):
        if path.is_file() and path.suffix in TEXT and path.name not in NOT_SOURCES:
            yield path
    for tree in TREES:
        for folder, folders, names in os.walk(root / tree):
            folders[:] = sorted(f for f in folders if f != "__pycache__")
            for name in sorted(names):
                yield pathlib.Path(folder) / name


def texts_of(root):
    """(name, text) of every file that people write."""
    for path in files_of(root):
        name = path.relative_to(root).as_posix()
        if not BYTES_GIVEN.search(name) and path.suffix in TEXT and path.name != "LICENSE":
            yield name, path.read_text(encoding="utf-8")


def check(root):
    faults, count = [], 0
    for path in files_of(root):
        name = path.relative_to(root).as_posix()
        if "/" in name and not BYTES_GIVEN.search(name):
            faults += check_name(name)
    for name, text in texts_of(root):
        faults += check_text(name, text)
        faults += check_shell(root, name, text)
        faults += prose.check_prose(name, text)
        if name.endswith(CODE):
            count += 1
            faults += check_code(name, text)
            faults += check_test(name, text)
            faults += check_looks(name, text)
            faults += handles.check_handles(name, text)
    if count == 0:
        faults.append("no code found: is the folder right?")
    return faults


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
