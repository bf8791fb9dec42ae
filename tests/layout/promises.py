#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Compares docs/promises.md with the tests that carry its numbers as tags: promises.py ROOT.

Each tag has to be a promise, and each promise has to have a test. The page names tests, workloads
and mutants of the proof, workloads and controls of the laboratory, and files: all have to exist."""

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
    for number, match, end in zip(numbers, found, ends):
        faults += check_names(root, number, page[match.start():end], tests)
    return faults


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
