#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares docs/promises.md with the tests that carry its numbers as tags: promises.py ROOT.

Each tag has to be a promise, and each promise has to have a test. The page names tests, workloads
and mutants of the proof, workloads and controls of the laboratory, and files: all have to exist. In
its table each promise has a cell for each environment, with signs that are explained below it."""

import pathlib
import re
import sys

PAGE = "docs/promises.md"
PROMISE = re.compile(r"^## P(\d+): ", re.MULTILINE)
STRING = r'"(?:[^"\\]|\\.)*"'
TEST_CASE = re.compile(rf"TEST_CASE\(\s*((?:{STRING}\s*)+)(?:,\s*({STRING})\s*)?[,)]")
NAMED_TEST = re.compile(r'`(\w+/\w+_test\.cpp)` "([^"]+)"')
LINES = re.compile(r"^- (\w+): (.*(?:\n  .*)*)", re.MULTILINE)
QUOTED = re.compile(r"`([^`]+)`")
MATRIX = re.compile(r"^## Promise by environment\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| P(\d+) \|(.*)\|$", re.MULTILINE)
NOTE = re.compile(r"^- `(\S)`: (.*(?:\n  .*)*)", re.MULTILINE)
KINDS = {"P": "Proof", "L": "Laboratory"}
PATH = re.compile(r"(tests|scripts|fuzz|docs)/[\w./-]+")


def tests_of(root):
    """(file beneath tests/, name, numbers of its promises) of each test case."""
    for path in sorted((root / "tests").glob("**/*.cpp")):
        for names, tags in TEST_CASE.findall(path.read_text(encoding="utf-8")):
            name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', names)).replace('\\"', '"')
            yield (path.relative_to(root / "tests").as_posix(), name,
                   {int(number) for number in re.findall(r"\[P(\d+)\]", tags)})


def read(root, name):
    path = root / name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def check_names(root, number, section, tests):
    """Faults of whatever one section names."""
    faults = []
    at = f"{PAGE}: P{number}:"
    named = NAMED_TEST.findall(re.sub(r"\s+", " ", section))
    for test in named:
        if test not in tests:
            faults.append(f"{at} there is no test \"{test[1]}\" in tests/{test[0]}")
        elif number not in tests[test]:
            faults.append(f"{at} tag \"{test[1]}\" in tests/{test[0]} with [P{number}]")
    if not named:
        faults.append(f"{at} names no test: `folder/file_test.cpp` \"name of the test\"")
    for kind, text in LINES.findall(section):
        words = [word for word in QUOTED.findall(text) if not PATH.fullmatch(word)]
        for word in words:
            row = re.compile(rf"^\| {word} ", re.MULTILINE)
            if kind == "Proof" and not row.search(read(root, "docs/proof.md")):
                faults.append(f"{at} docs/proof.md has neither a workload nor a mutant '{word}'")
            if kind == "Laboratory":
                workload = root / f"tests/crashlab/workloads/{word}.sh"
                control = rf'\bbreaks "\$fs" {word} '
                if not (workload.is_file() or re.search(control, read(root, "scripts/crash-ci"))):
                    faults.append(f"{at} the laboratory has neither a workload nor a control "
                                  f"'{word}'")
    for word in QUOTED.findall(section):
        if PATH.fullmatch(word) and not (root / word).exists():
            faults.append(f"{at} there is no {word}")
    return faults


def check_cell(at, cell, notes, section):
    """A cell is a row of signs that the notes explain: T a tag, P and L lines of the promise."""
    faults = [f"{at}: '{sign}' is none of the signs below the table"
              for sign in cell if sign not in notes]
    for sign, kind in KINDS.items():
        if sign in cell and f"- {kind}: " not in section:
            faults.append(f"{at}: {sign}, but the promise has no line {kind}")
    return faults if cell else [f"{at}: is empty: say '?' where nobody has tried"]


def check_matrix(page, sections, tests):
    """Environment by promise: each promise a row, each cell with its test or with words."""
    found = MATRIX.search(page)
    if not found:
        return [f"{PAGE}: has no table 'Promise by environment'"]
    text, faults, used = found[1], [], set()
    notes = dict(NOTE.findall(text))
    rows = {int(number): cells.split("|") for number, cells in ROW.findall(text)}
    head = text.strip().splitlines()[0].strip("|").split("|")[1:]
    if sorted(rows) != sorted(sections):
        faults.append(f"{PAGE}: the table has the promises {sorted(rows)}")
    for number, cells in rows.items():
        if len(cells) != len(head):
            faults.append(f"{PAGE}: P{number}: {len(cells)} cells of {len(head)} in the table")
        for name, cell in zip(head, cells):
            used |= set(cell.split())
            faults += check_cell(f"{PAGE}: P{number} on {name.strip()}", cell.split(), notes,
                                 sections.get(number, ""))
    faults += [f"{PAGE}: no cell has the sign '{sign}'" for sign in notes if sign not in used]
    for file, name in NAMED_TEST.findall(re.sub(r"\s+", " ", text)):
        if (file, name) not in tests:
            faults.append(f"{PAGE}: the table: there is no test \"{name}\" in tests/{file}")
    return faults


def check(root):
    page = read(root, PAGE)
    found = list(PROMISE.finditer(page))
    if not found:
        return [f"{PAGE}: no promises found"]
    faults = []
    numbers = [int(match[1]) for match in found]
    if numbers != list(range(1, len(numbers) + 1)):
        faults.append(f"{PAGE}: number the promises from P1 on, without a gap: {numbers}")
    tests = {}
    for file, name, promises in tests_of(root):
        tests[file, name] = promises
        for number in sorted(promises - set(numbers)):
            faults.append(f"tests/{file}: \"{name}\": {PAGE} has no promise P{number}")
    for number in numbers:
        if not any(number in promises for promises in tests.values()):
            faults.append(f"{PAGE}: no test has the tag [P{number}]")
    ends = [match.start() for match in found[1:]] + [len(page)]
    sections = {number: page[match.start():end]
                for number, match, end in zip(numbers, found, ends)}
    for number, section in sections.items():
        faults += check_names(root, number, section, tests)
    return faults + check_matrix(page, sections, tests)


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
