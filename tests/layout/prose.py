#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Checks the sentences of comments, documents and errors: the prose rule of CONTRIBUTING.md, as far
as a pattern can see it. tidy.py runs it; prose.py ROOT counts the findings of each folder."""

import collections
import pathlib
import re
import sys

PROSE_COLUMNS_MAX = 110

# "there is no file" negates a verb, "is no longer" and "is no older than" compare: these pass.
NEGATED_NOUN = re.compile(
    r"(?<!\bthere )\b(?:is|are|was|were) no (?!longer\b|more\b|less\b|\w+er than\b)[a-z]\w*",
    re.IGNORECASE)
SUBJECT = re.compile(r"(?:^[\"(*`]*|(?<=[.!?;:])[\"')*`]*\s+)(What|Whoever|Those)\b[^.!?]*[.!?]?")
BANNED = {
    re.compile(r"\bfor ever\b", re.IGNORECASE): "forever",
    re.compile(r"\bmeanwhile\b", re.IGNORECASE): "in the meantime",
    re.compile(r"\bmidst\b", re.IGNORECASE): "middle",
}
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
COMMENT = re.compile(r"^((?:[^\"/]|/(?!/)|\"(?:[^\"\\]|\\.)*\")*?)//+<?!?\s?(.*)$")


def comments_of(lines, mark):
    """(first line, text) of each comment: lines that follow each other are one."""
    first, words = 0, []
    for number, line in enumerate(lines, 1):
        if mark == "#":
            alone = re.match(r"\s*#(?!!)\s?(.*)$", line)
            code, text = ("", alone.group(1)) if alone else (line, None)
        else:
            found = COMMENT.match(line)
            code, text = (found.group(1), found.group(2)) if found else (line, None)
        if text and text.startswith("SPDX-"):
            text = None
        if text is None or code.strip() or not text.strip():
            if words:
                yield first, " ".join(words)
            first, words = 0, []
        if text is not None and text.strip():
            first = first or number
            words.append(text.strip())
    if words:
        yield first, " ".join(words)


def paragraphs_of(lines):
    """(first line, text) of each paragraph, list item and table cell; no headings, no code."""
    first, words, fenced = 0, [], False
    for number, line in enumerate(lines, 1):
        fence = line.lstrip().startswith("```")
        fenced ^= fence
        cells = line.startswith("|")
        begins = re.match(r"\s*(?:[-*]|\d+\.) (.*)$", line)
        skipped = fence or fenced or cells or not line.strip() or line.startswith(("#", "<!--"))
        if (skipped or begins or re.match(r" {4,}", line) and not words) and words:
            yield first, " ".join(words)
            first, words = 0, []
        if cells and not fenced:
            yield from ((number, cell.strip()) for cell in line.strip("|").split("|"))
        if not skipped and (words or begins or not line.startswith("    ")):
            first = first or number
            words.append((begins.group(1) if begins else line).strip())
    if words:
        yield first, " ".join(words)


def word_faults(at, text):
    faults = []
    for found in NEGATED_NOUN.finditer(text):
        faults.append(f"{at} '{found.group().strip()}': negate the verb, not the noun")
    for word, better in BANNED.items():
        if found := word.search(text):
            faults.append(f"{at} '{found.group()}': write '{better}'")
    return faults


def sentence_faults(at, text):
    faults = word_faults(at, text)
    for found in SUBJECT.finditer(text):
        if not found.group().endswith("?"):
            faults.append(f"{at} a sentence begins with '{found.group(1)}': name the actor")
    return faults


def long_lines(name, lines):
    """Prose that nobody wrapped. Tables, code and what a program writes may be longer."""
    faults, fenced, generated = [], False, False
    for number, line in enumerate(lines, 1):
        fenced ^= line.lstrip().startswith("```")
        generated = (generated or line.startswith("<!--")) and line != "<!-- end -->"
        free = fenced or generated or line.startswith(("|", "    "))
        if len(line) > PROSE_COLUMNS_MAX and not free:
            faults.append(f"{name}:{number}: {len(line)} columns of prose, {PROSE_COLUMNS_MAX} are "
                          "the most: break the line")
    return faults


def check_prose(name, text):
    faults = []
    lines = text.splitlines()
    if name.endswith(".md"):
        faults += long_lines(name, lines)
        parts = paragraphs_of(lines)
    elif name.endswith((".cpp", ".hpp", ".h")):
        parts = list(comments_of(lines, "//"))
        for number, line in enumerate(lines, 1):
            strings = [] if line.lstrip().startswith("//") else STRING.findall(line)
            faults += [fault for words in strings if " " in words
                       for fault in word_faults(f"{name}:{number}:", words)]
    elif name.endswith((".json", ".txt.in")):
        return faults
    else:
        parts = ((number, words) for number, words in comments_of(lines, "#")
                 if words.endswith((".", ":", ";")))  # others are headings of pages that it writes
    for number, words in parts:
        faults += sentence_faults(f"{name}:{number}:", words)
    return faults


def main():
    import tidy  # it imports this module
    root = pathlib.Path(sys.argv[1]).resolve()
    counts = collections.Counter()
    for name, text in tidy.texts_of(root):
        found = check_prose(name, text)
        print("\n".join(found), end="\n" if found else "")
        counts["/".join(name.split("/")[:2])] += len(found)
    for folder, count in sorted(counts.items()):
        if count:
            print(f"{count:5} {folder}")
    print(f"{sum(counts.values()):5} in all")


if __name__ == "__main__":
    main()
