#!/usr/bin/env python3
# SPDX-License-Identifier: BSL-1.0
"""Reads the complaints of Doxygen: undocumented.py LOG.

Names that another place documents for all who have them are none. More than UNDOCUMENTED_MAX others
are an error: nothing new comes without a word, and who documents older names lowers the number."""

import pathlib
import re
import sys

ELSEWHERE = {
    r"/(?:pipeline/stages|group_commit)\.hpp:.* Member (?:name|needs|gives|drops|protocol|run|"
    r"run_together)\b": "the concept Stage says what the parts of a stage are",
    r" Member operator=?=\(": "copies, moves and comparisons do what they do everywhere",
    r" Member (\w+)\((?:const )?\1 ?&": "the same, of constructors",
}


# Names of C++ that were there before this check. C and its header have none.
UNDOCUMENTED_MAX = 290


def main():
    found = set()
    for line in pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines():
        if not any(re.search(pattern, line) for pattern in ELSEWHERE):
            found.add(line)
    if len(found) <= UNDOCUMENTED_MAX:
        return 0
    print("\n".join(sorted(found)))
    print(f"{len(found)} public names without a word, {UNDOCUMENTED_MAX} are the most")
    return 1


if __name__ == "__main__":
    sys.exit(main())
