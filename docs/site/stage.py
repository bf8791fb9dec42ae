#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Lays the pages out as Sphinx takes them: stage.py ROOT OUT.

The pages of docs/ are the source, and none is written twice: each is copied with its links changed.
A link to a file of the repository leads to a page with that file. So does each test that a page
names, at its line, and each file that it names in words. The reference has a page for each public
header."""

import collections
import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(sys.argv[1]).resolve()
OUT = pathlib.Path(sys.argv[2])

sys.path += [str(ROOT / "tests/docs")]
import links
import promises

# Pages that lie elsewhere, and their names on the site. The first page of the site has what
# README.md has.
ELSEWHERE = {"README.md": "index.md", "SECURITY.md": "security.md",
             "CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md",
             "docs/examples/README.md": "examples.md"}
LANGUAGES = {".cpp": "cpp", ".hpp": "cpp", ".h": "c", ".c": "c", ".py": "python", ".sh": "bash",
             ".json": "json", ".cmake": "cmake"}
# A name in code whose text no link has taken yet.
TEST_OR_FILE = re.compile(r'`(\w+/\w+_test\.cpp)`\s+"([^"]+)"(?!\])|' + links.FILE.pattern
                          + r"(?![^\[]*\]\()")
LINKED = re.compile(r"\]\(([^)\s]+)\)")

# The headers of the reference, by what a program does with them.
GROUPS = (
    ("Commits", ("files", "atomic_writer", "atomic_file", "group_commit", "commit_handle",
                 "options", "receipt", "error", "unchecked_error", "file_version", "lock_wait",
                 "expected", "format", "bytes", "path", "procedure", "version", "clean", "probe")),
    ("Transactions and roots", ("transaction", "transaction_options", "root", "root_options",
                                "root_copy", "mirror", "source_tree", "recovery",
                                "recovery_report")),
    ("A tracked state", ("state_tracker", "state_reader", "tracker_options", "save", "migration",
                         "stamp", "state_store", "forwarding_store", "etcd")),
    ("Serializers", ("serializer", "streams", "envelope", "json", "json_pointer", "json/*")),
    ("Seams", ("system/*", "pipeline/*")),
    ("Tests of one's own", ("testing/*",)),
)
# The parts of a page of the reference: all but macros, of which there is one for programs.
SECTIONS = ("briefdescription detaileddescription innernamespace innerclass public-type "
            "public-func public-attrib public-static-func public-static-attrib protected-func "
            "friend user-defined enum func typedef var")
UMBRELLAS = {"perdure.hpp", "state.hpp"}  # they declare nothing themselves


def pages():
    """{page of the repository: its name on the site}"""
    found = {path.relative_to(ROOT).as_posix(): path.name for path in ROOT.glob("docs/*.md")}
    return found | ELSEWHERE


class Sources:
    """Pages with files of the repository, divided where links lead into them."""

    def __init__(self):
        self.lines = collections.defaultdict(set)

    def link(self, file, line=0):
        """The address of that line, from the top of the site."""
        self.lines[file].add(line)
        return self.label(file, line) if line else f"source/{file}.md"

    @staticmethod
    def label(file, line):
        return re.sub(r"\W", "-", f"{file}-{line}")

    def write(self, file):
        text = (ROOT / file).read_text(encoding="utf-8")
        marks = sorted(self.lines[file] - {0})
        language = LANGUAGES.get(pathlib.Path(file).suffix)
        if language is None:
            language = "bash" if text.startswith("#!") and "python" not in text[:40] else "text"
            language = "python" if text.startswith("#!") and "python" in text[:40] else language
        parts = ["---\norphan: true\n---\n", f"# {file}\n"]
        page = OUT / "source" / f"{file}.md"
        beneath = os.path.relpath(ROOT / file, page.parent)
        starts = sorted({1, *marks})
        for first, behind in zip(starts, [*starts[1:], None]):
            if first in marks:
                parts.append(f"({self.label(file, first)})=\n")
            last = "" if behind is None else behind - 1
            parts.append(f"```{{literalinclude}} {beneath}\n:language: {language}\n"
                         f":lines: {first}-{last}\n:lineno-match:\n```\n")
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("\n".join(parts), encoding="utf-8")

    def write_all(self):
        for file in self.lines:
            self.write(file)


def test_lines():
    """{(file beneath tests/, name): its line}"""
    found = {}
    for path in sorted((ROOT / "tests").glob("**/*_test.cpp")):
        text = path.read_text(encoding="utf-8")
        for match in promises.TEST_CASE.finditer(text):
            name = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', match[1])).replace('\\"', '"')
            key = (path.relative_to(ROOT / "tests").as_posix(), name)
            found[key] = text.count("\n", 0, match.start()) + 1
    return found


def new_target(page, target, names, sources):
    """Where a link of a page leads on the site."""
    name, hash_mark, anchor = target.partition("#")
    if not name or re.match(r"https?:", target):
        return target
    file = links.file_of(ROOT, page, name)
    if file is None or not (ROOT / file).is_file():
        raise SystemExit(f"{page}: {target}: there is no such file")
    if file in names:
        return f"{names[file]}{hash_mark}{anchor}"
    if pathlib.Path(file).suffix in (".svg", ".png"):
        shutil.copy(ROOT / file, OUT / pathlib.Path(file).name)
        return pathlib.Path(file).name
    return sources.link(file)


def staged(page, text, names, tests, sources):
    """The text of a page as the site has it."""
    def named(match):
        test, name, file = match[1], re.sub(r"\s+", " ", match[2] or ""), match[3]
        if test:
            line = tests.get((test, name))
            link = line and sources.link("tests/" + test, line)
            return f'[`{test}` "{match[2]}"]({link})' if line else match[0]
        if not (ROOT / file).is_file():
            return match[0]
        return f"[`{file}`]({names.get(file) or sources.link(file)})"

    def linked(match):
        return f"]({new_target(page, match[1], names, sources)})"

    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    for index in range(0, len(parts), 2):
        blocks = re.split(r"((?:^(?: {4}.*)?\n)+)", parts[index], flags=re.MULTILINE)
        for place in range(0, len(blocks), 2):
            blocks[place] = TEST_OR_FILE.sub(named, LINKED.sub(linked, blocks[place]))
        parts[index] = "".join(blocks)
    return "".join(parts)


def headers_of(patterns):
    base = ROOT / "include/perdure"
    for pattern in patterns:
        yield from sorted(path.relative_to(base).as_posix() for path in base.glob(f"{pattern}.hpp"))


def write_reference():
    """A page for each public header, for C and for Python."""
    folder = OUT / "reference"
    folder.mkdir(parents=True, exist_ok=True)
    done, index = set(UMBRELLAS), ["# Reference of C++\n"]
    for title, patterns in GROUPS:
        index += [f"## {title}\n", "```{toctree}\n:maxdepth: 1\n"]
        for header in headers_of(patterns):
            done.add(header)
            name = header.removesuffix(".hpp").replace("/", "_")
            text = (ROOT / "include/perdure" / header).read_text(encoding="utf-8")
            words = re.search(r"^// SPDX.*\n((?:// .*\n)+)", text)[1].replace("// ", "")
            (folder / f"{name}.md").write_text(
                f"# {header}\n\n    #include <perdure/{header}>\n\n{words}\n"
                f"```{{doxygenfile}} perdure/{header}\n:sections: {SECTIONS}"
                f"{' define' if header == 'version.hpp' else ''}\n```\n", encoding="utf-8")
            index.append(name)
        index.append("```\n")
    missing = {path.relative_to(ROOT / "include/perdure").as_posix()
               for path in ROOT.glob("include/perdure/**/*.hpp")
               if "detail" not in path.parts} - done
    if missing:
        raise SystemExit(f"stage.py: no group of the reference has {sorted(missing)}")
    (folder / "cpp.md").write_text("\n".join(index), encoding="utf-8")
    (folder / "c.md").write_text("# Reference of C\n\n```{doxygenfile} perdure/perdure.h\n```\n",
                                 encoding="utf-8")
    (folder / "python.md").write_text(
        "# Reference of Python\n\n```{eval-rst}\n.. automodule:: perdure\n   :members:\n"
        "   :imported-members:\n   :undoc-members:\n```\n", encoding="utf-8")


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    names, tests, sources = pages(), test_lines(), Sources()
    names.pop("docs/index.md", None)
    shown = dict(names)
    shown["docs/index.md"] = shown.pop("README.md") # index.md is the page, README.md leads there
    for page, name in shown.items():
        text = (ROOT / page).read_text(encoding="utf-8")
        (OUT / name).write_text(staged(page, text, names, tests, sources), encoding="utf-8")
    sources.write_all()
    write_reference()


if __name__ == "__main__":
    main()
