#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks that the links of all Markdown pages lead somewhere: links.py ROOT.

A link leads to a file of the repository, and its anchor to a heading. A test that a page names
(`folder/file_test.cpp` "its name") exists, and so does a file that it names (`scripts/bench`).
Pages of claims show the evidence of each section, and the table of README.md that of each cell."""

import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "layout"))
import promises

TARGET = re.compile(r"\]\(([^)\s]+)\)")
LINK = re.compile(r"\[([^\]]*)\]\([^)\s]+\)")
HEADING = re.compile(r"^(#{1,6}) (.+)$")
CODE_SPAN = re.compile(r"`[^`]*`")
# A file in words. Capitals and stars stand for a part of a name, braces for several names.
FILE = re.compile(r"`((?:bench|debian|examples|fuzz|include|lib|python/perdure|scripts|tests|"
                  r"tools)/"
                  r"[a-z0-9_.@/-]*[a-z0-9_]|docs/[a-z0-9_/-]+\.[a-z.]+)`")
# Files of an installation, of the kernel and of others.
NOT_OURS = {"lib/index.js", "lib/errseq.c", "lib/python3/dist-packages"}

# Pages whose sections make claims, and the pages that are evidence themselves: each of their
# figures comes from a command, or from tests that they name.
CLAIMS = ("docs/concepts.md", "docs/decisions.md", "docs/extending.md", "docs/faq.md",
          "docs/guide.md")
EVIDENCE = re.compile(r"(?:^|/)(?:crash-peers|crash-proof|crash-proof-automatic|failed-journals|"
                      r"failing-disks|fuzzing|headers|judged|moving-in|performance|promises|proof)"
                      r"\.md(?:#|$)|/tests/|^\.\./(?:bench|fuzz|scripts)/")
COMPARISON = re.compile(r"^## Beside others\n(.*?)(?=^## )", re.MULTILINE | re.DOTALL)


def pages_of(root):
    """Paths of all Markdown pages, relative to the root."""
    found = [*root.glob("*.md")]
    for tree in ("docs", "tests", "python", "fuzz", "bench", "tools", "examples"):
        found += root.glob(f"{tree}/**/*.md")
    return sorted(path.relative_to(root).as_posix() for path in found)


def prose_of(text):
    """(number, line) of each line outside of code blocks."""
    fenced = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


def slug(heading):
    """The anchor of a heading, as forges and the site make it."""
    words = LINK.sub(lambda match: match[1], heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def anchors_of(text):
    seen, anchors = {}, set()
    for _, line in prose_of(text):
        found = HEADING.match(line)
        if found:
            name = slug(found[2])
            count = seen.get(name, 0)
            seen[name] = count + 1
            anchors.add(f"{name}-{count}" if count else name)
    return anchors


def links_of(line):
    """Targets of the links in a line of prose; links that are written as code are none."""
    return TARGET.findall(CODE_SPAN.sub(lambda code: "`" * len(code[0]), line))


def file_of(root, page, target):
    """The file that a link of a page leads to, relative to the root; None if it leads outside."""
    path = ((root / page).parent / target).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def check_link(root, page, target, anchors):
    """What is wrong with one link; an address on the network is not looked at."""
    if re.match(r"https?:", target):
        return None
    name, _, anchor = target.partition("#")
    file = file_of(root, page, name) if name else page
    if file is None or not (root / file).is_file():
        return f"there is no file '{name}'"
    if anchor and file.endswith(".md"):
        if file not in anchors:
            anchors[file] = anchors_of((root / file).read_text(encoding="utf-8"))
        if anchor not in anchors[file]:
            return f"{file} has no heading '#{anchor}'"
    return f"{file} has no anchors" if anchor and not file.endswith(".md") else None


def check_names(root, page, text, tests):
    """Tests and files that a page names in words."""
    faults = []
    for file, name in promises.NAMED_TEST.findall(re.sub(r"\s+", " ", text)):
        if (file, name) not in tests:
            faults.append(f"{page}: there is no test \"{name}\" in tests/{file}")
    for number, line in prose_of(text):
        for name in FILE.findall(line):
            module = any(root.glob(name + ".*"))  # a header and its source
            if name not in NOT_OURS and not module and not (root / name).exists():
                faults.append(f"{page}:{number}: there is no {name}")
    return faults


def has_evidence(text):
    named = promises.NAMED_TEST.search(re.sub(r"\s+", " ", text))
    return bool(named) or "`tests/" in text or any(
        EVIDENCE.search(target) for _, line in prose_of(text) for target in links_of(line))


def check_claims(page, text):
    """Each section of a page of claims shows its evidence."""
    sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    faults = [f"{page}: '{title}' shows no evidence: link to the test, run or page behind it"
              for title, body in zip(sections[1::2], sections[2::2]) if not has_evidence(body)]
    return faults if sections[1:] else [f"{page}: has no sections"]


def check_comparison(page, text):
    """Each cell of the table beside others shows its evidence, but those that name a row."""
    found = COMPARISON.search(text)
    if not found:
        return [f"{page}: has no table 'Beside others'"]
    rows = [line.strip("|").split("|") for line in found[1].splitlines() if line.startswith("|")]
    if len(rows) < 3:
        return [f"{page}: 'Beside others' has no rows"]
    return [f"{page}: '{row[0].strip()}', column '{head.strip()}': shows no evidence"
            for row in rows[2:] for head, cell in zip(rows[0][1:], row[1:])
            if not has_evidence(cell)]


def check(root):
    tests = {(file, name) for file, name, _ in promises.tests_of(root)}
    faults, anchors = [], {}
    for page in pages_of(root):
        text = (root / page).read_text(encoding="utf-8")
        for number, line in prose_of(text):
            for target in links_of(line):
                fault = check_link(root, page, target, anchors)
                if fault:
                    faults.append(f"{page}:{number}: {target}: {fault}")
        faults += check_names(root, page, text, tests)
        if page in CLAIMS:
            faults += check_claims(page, text)
    faults += [f"{page}: is missing" for page in CLAIMS if not (root / page).is_file()]
    readme = root / "README.md"
    return faults + check_comparison("README.md", readme.read_text(encoding="utf-8"))


def main():
    faults = check(pathlib.Path(sys.argv[1]).resolve())
    print("\n".join(faults))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
