#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the complaints of Doxygen: undocumented.py LOG.

A public name without a word is an error, and so is a comment that Doxygen can't read. Names that
another place documents for all who have them are exempt. An override has the words of its base."""

import pathlib
import re
import sys

ELSEWHERE = {
    r"/(?:pipeline/stages|group_commit)\.hpp:.* Member (?:name|needs|gives|drops|protocol|run|"
    r"run_together)\b": "the concept Stage says what the parts of a stage are",
    r" Member operator=?=\(": "copies, moves and comparisons do what they do everywhere",
    r" Member (\w+)\((?:const )?\1 ?&": "the same, of constructors",
}


def main():
    found = set()
    for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        if not any(re.search(pattern, line) for pattern in ELSEWHERE):
            found.add(line)
    for line in sorted(found):
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
